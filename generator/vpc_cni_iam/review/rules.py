"""The rules of a review and the checks that find what breaks them; each is a file of `checks`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vpc_cni_iam import formats
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import BY_ID, Finding, Rule, rule

Check = Callable[[Context], Iterator[Finding]]
_PACKAGE = "vpc_cni_iam.review.checks"
_NAMES = formats.names(_PACKAGE)
CHECKS: tuple[Check, ...] = tuple(
    formats.load(_PACKAGE, name).check
    # What is not told apart is known once the others have asked for it.
    for name in sorted(_NAMES, key=lambda name: name == "plan")
)
# About the ignore file, which has no check.
rule(
    "ignore-expired",
    "warning",
    "",
    "An entry of the ignore file has expired.",
    "Its findings count again. Fix its findings, or give it a new date and a reason.",
)
rule(
    "ignore-unused",
    "note",
    "",
    "An entry of the ignore file matches no finding.",
    "Take it out, so that it hides nothing later.",
)
RULES: tuple[Rule, ...] = tuple(BY_ID.values())
