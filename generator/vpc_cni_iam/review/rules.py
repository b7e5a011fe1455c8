"""The rules of a review and the checks that find what breaks them; each is a file of `checks`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vpc_cni_iam import formats
from vpc_cni_iam.review import ignore_rules
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import BY_ID, Finding, Rule

Check = Callable[[Context], Iterator[Finding]]
_PACKAGE = "vpc_cni_iam.review.checks"
CHECKS: tuple[Check, ...] = tuple(
    formats.load(_PACKAGE, name).check for name in formats.names(_PACKAGE)
)
_IGNORE = ignore_rules.RULES
RULES: tuple[Rule, ...] = tuple(rule for rule in BY_ID.values() if rule not in _IGNORE) + _IGNORE


def documentation() -> str:
    """Return the page about the rules, as Markdown."""
    lines = [
        "# Rules of `vpc-cni-iam review`",
        "",
        "Made from the rule table by `make generate`. `--fail-on` takes a level (`error`,",
        "`warning`, `note`) or one of `new-access`, `coverage-lost` and `any-change`; the last",
        "column says for which of these a finding counts besides its level.",
        "",
        "| rule | level | counts for |",
        "| --- | --- | --- |",
    ]
    for rule in RULES:
        lines.append(f"| [{rule.id}](#{rule.id}) | {rule.level} | {', '.join(rule.means)} |")
    for rule in RULES:
        lines += ["", f"## {rule.id}", "", f"**{rule.summary}** {rule.help}"]
    return "\n".join(lines) + "\n"
