"""Reviews a plan: fills both accounts, compares them, and asks each check."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.reviewing.checks import coverage, plugin, plugin_roles
from vpc_cni_iam.reviewing.context import Context
from vpc_cni_iam.reviewing.findings import Finding
from vpc_cni_iam.reviewing.ignore import Ignored, IgnoreFile, apply
from vpc_cni_iam.reviewing.options import Options

# One for each file of `checks`.
CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    plugin.check,
    coverage.check,
    plugin_roles.check,
)


class Review(Struct, frozen=True):
    """What a review comes to."""

    context: Context
    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...] = ()


def review(plan: Plan, options: Options, ignore_file: IgnoreFile | None = None) -> Review:
    """Review a plan; an ignore file takes findings out."""
    context = Context(plan, options)
    every = dict.fromkeys(finding for check in CHECKS for finding in check(context))
    findings, ignored = apply(ignore_file or IgnoreFile(), every, options.today)
    return Review(context, findings, ignored)
