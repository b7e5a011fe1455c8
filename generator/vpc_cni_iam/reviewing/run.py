"""Reviews a plan: fills both accounts, compares them, and asks each check."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.reviewing.checks import coverage, plugin_roles, plugin_tags
from vpc_cni_iam.reviewing.context import Context
from vpc_cni_iam.reviewing.findings import Finding
from vpc_cni_iam.reviewing.options import Options

# One for each file of `checks`.
CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    coverage.check,
    plugin_roles.check,
    plugin_tags.check,
)


class Review(Struct, frozen=True):
    """What a review comes to."""

    context: Context
    findings: tuple[Finding, ...]


def review(plan: Plan, options: Options) -> Review:
    """Review a plan."""
    context = Context(plan, options)
    findings = (finding for check in CHECKS for finding in check(context))
    return Review(context, tuple(dict.fromkeys(findings)))
