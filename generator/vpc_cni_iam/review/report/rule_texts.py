"""The texts of each rule: `rules.toml` beside this file has them."""

from __future__ import annotations

import tomllib
from functools import cache

from msgspec import Struct, convert

from vpc_cni_iam import resources
from vpc_cni_iam.review.report.shown import ShownRule
from vpc_cni_iam.review.rules import RULES, Rule

_FILE = "review/report/rules.toml"


class RuleText(Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of a rule."""

    summary: str  # what it finds, in a line
    help: str  # why it matters and what to do about it, in Markdown


@cache
def rule_texts() -> dict[Rule, RuleText]:
    """Return the texts of each rule."""
    return convert(tomllib.loads(resources.text(_FILE)), dict[Rule, RuleText])


@cache
def shown_rules() -> tuple[ShownRule, ...]:
    """Return every rule with its texts."""
    texts = rule_texts()
    return tuple(
        ShownRule(rule, row.level, row.means, row.question, texts[rule].summary, texts[rule].help)
        for rule, row in RULES.items()
    )
