"""The rules as plain data."""

from __future__ import annotations

from functools import cache

from vpc_cni_iam.review.report.shown import ShownReview, ShownRule
from vpc_cni_iam.review.rules import every


@cache
def shown_rules() -> tuple[ShownRule, ...]:
    """Return every rule with its texts."""
    return tuple(
        ShownRule(r, r.level, r.means, r.question, summary=r.summary, help=r.help) for r in every()
    )


def rules_of(review: ShownReview) -> tuple[ShownRule, ...]:
    """Return the rules of a review's findings, ignored ones too."""
    findings = (*review.findings, *(ignored.finding for ignored in review.ignored))
    ids = {finding.rule for finding in findings}
    return tuple(rule for rule in shown_rules() if rule.id in ids)
