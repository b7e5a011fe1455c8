"""Reviews a plan: fills both accounts, compares them, and runs each check."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam import formats
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.review.checks.drift import drift, without_echoes
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.ignore import Ignored, IgnoreFile, apply
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.rules import CHECKS


class Review(Struct, frozen=True):
    """The result of a review."""

    context: Context
    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...] = ()


def review(plan: Plan, options: ReviewOptions, ignore_file: IgnoreFile | None = None) -> Review:
    """Review a plan; the entries of an ignore file suppress findings."""
    context = Context(plan, options)
    modules = (formats.load(CHECKS, name) for name in formats.names(CHECKS))
    checks = [module.check for module in modules if hasattr(module, "check")]
    planned = [finding for check in checks for finding in check(context)]
    drifts = [*drift(context, checks)]
    every = (*without_echoes(planned, drifts), *drifts)
    findings, ignored = apply(ignore_file or IgnoreFile(), dict.fromkeys(every), options.today)
    return Review(context, findings, ignored)
