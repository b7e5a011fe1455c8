"""Reviews a plan: fills both accounts, compares them, and runs each check."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.review.checks import (
    access,
    arns,
    boundaries,
    clusters,
    conflicts,
    coverage,
    identity_providers,
    named_roles,
    node_roles,
    plugin,
    plugin_roles,
    sizes,
    trust,
)
from vpc_cni_iam.review.checks import plan as plan_check
from vpc_cni_iam.review.checks.drift import drift, without_echoes
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.ignore import Ignored, IgnoreFile, apply
from vpc_cni_iam.review.options import ReviewOptions

# One for each file of `checks`.
CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    access.check,
    boundaries.check,
    conflicts.check,
    sizes.check,
    arns.check,
    plugin.check,
    coverage.check,
    plugin_roles.check,
    trust.check,
    identity_providers.check,
    node_roles.check,
    named_roles.check,
    clusters.check,
    plan_check.check,
)


class Review(Struct, frozen=True):
    """The result of a review."""

    context: Context
    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...] = ()


def review(plan: Plan, options: ReviewOptions, ignore_file: IgnoreFile | None = None) -> Review:
    """Review a plan; the entries of an ignore file suppress findings."""
    context = Context(plan, options)
    planned = [finding for check in CHECKS for finding in check(context)]
    drifts = [*drift(context, CHECKS)]
    every = (*without_echoes(planned, drifts), *drifts)
    findings, ignored = apply(ignore_file or IgnoreFile(), dict.fromkeys(every), options.today)
    return Review(context, findings, ignored)
