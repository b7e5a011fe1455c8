"""The rules of a review and the checks that find what breaks them; each is a file of `checks`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vpc_cni_iam import formats
from vpc_cni_iam.review import ignore_rules
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import BY_ID, Finding, Rule

Check = Callable[[Context], Iterator[Finding]]
_PACKAGE = "vpc_cni_iam.review.checks"
_NAMES = formats.names(_PACKAGE)
CHECKS: tuple[Check, ...] = tuple(
    formats.load(_PACKAGE, name).check
    # What is not told apart is known once the others have asked for it.
    for name in sorted(_NAMES, key=lambda name: name == "plan")
)
_IGNORE = ignore_rules.RULES
RULES: tuple[Rule, ...] = tuple(rule for rule in BY_ID.values() if rule not in _IGNORE) + _IGNORE
