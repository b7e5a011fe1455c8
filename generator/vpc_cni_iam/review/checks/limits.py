"""Policies that are larger than IAM takes."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, rule
from vpc_cni_iam.review.make_finding import finding, finding_of, oversize_text

rule(
    "size-limit",
    "error",
    "",
    "A policy is larger than IAM takes.",
    "White space does not count. The limits are 6,144 characters for a managed policy, "
    "10,240, 5,120 and 2,048 for all inline policies of a role, group or user together, and "
    "2,048 for a trust policy, which a quota increase raises.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield policies, and inline policies of a principal together, over IAM's limits."""
    for change in context.changes:
        if change.changes and change.action not in ("delete", "drift"):
            for size in change.sizes:
                if size.over:
                    yield finding_of(change, "size-limit", oversize_text(size))
    for name, principal in context.principals.items():
        has = context.effective.by_principal[name]
        for size in principal.sizes:
            if size.over and has.before != has.after:
                yield finding("size-limit", oversize_text(size), name)
