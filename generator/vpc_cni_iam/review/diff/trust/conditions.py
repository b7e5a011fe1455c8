"""What conditions of trust policies ask for."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.policy.document import Condition
from vpc_cni_iam.policy.matching.operators import BASES, TEXTS
from vpc_cni_iam.policy.template import known


def values_of(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """Return the texts that conditions ask for."""
    values = (v for c in conditions if asks(c) for v in known(c.values))
    return tuple(dict.fromkeys(values))


def asks(condition: Condition) -> bool:
    """Say whether a condition asks for one of its texts."""
    base = BASES.get(condition.operator.rpartition(":")[2].removesuffix("IfExists"))
    return base is not None and base.family in TEXTS and not base.negated


def is_any(condition: Condition) -> bool:
    """Say whether a condition takes any text."""
    return is_like(condition) and any(not str(value).strip("*?") for value in condition.values)


def is_like(condition: Condition) -> bool:
    """Say whether a condition takes wildcards."""
    return "Like" in condition.operator or "Arn" in condition.operator


def is_wild(value: str) -> bool:
    """Say whether a value has wildcards."""
    return "*" in value or "?" in value


def sample(pattern: str) -> str:
    """Return a text that matches a pattern."""
    return pattern.replace("*", "zz").replace("?", "z")


def prefix(key: str) -> str:
    """Return the issuer in the key of a claim, in lower case."""
    return key.lower().rpartition(":")[0]
