"""The texts of each rule, from `rules.toml` beside this file."""

from __future__ import annotations

from functools import cache

from vpc_cni_iam import resources
from vpc_cni_iam.review.report.shown import ShownReview, ShownRule
from vpc_cni_iam.review.rules import Rule

_FILE = "review/report/rules.toml"


class RuleTexts(resources.Facts, frozen=True):
    """The texts of a rule."""

    summary: str
    help: str


@cache
def shown_rules() -> tuple[ShownRule, ...]:
    """Return every rule with its texts."""
    texts = resources.data(_FILE, dict[Rule, RuleTexts])
    return tuple(
        ShownRule(
            rule,
            rule.level,
            rule.means,
            rule.question,
            summary=texts[rule].summary,
            help=texts[rule].help,
        )
        for rule in Rule
    )


def rules_of(review: ShownReview) -> tuple[ShownRule, ...]:
    """Return the rules of a review's findings, ignored ones too."""
    findings = (*review.findings, *(ignored.finding for ignored in review.ignored))
    ids = {finding.rule for finding in findings}
    return tuple(rule for rule in shown_rules() if rule.id in ids)
