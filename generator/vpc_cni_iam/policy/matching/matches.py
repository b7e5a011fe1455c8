"""Whether one value of a request matches one of the values of a condition, by operator.

Each follows the section on its operators of the IAM User Guide page "IAM JSON policy elements:
Condition operators".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, TypeVar

from vpc_cni_iam.policy.matching import values
from vpc_cni_iam.policy.matching.operators import Family, Operator
from vpc_cni_iam.policy.matching.patterns import Patterns, arn_matches, arn_pattern
from vpc_cni_iam.policy.matching.variables import Context, Template, expand, is_plain, literal

# Whether a value of the request, with its context, matches one of the policy's.
Match: TypeAlias = Callable[[str, Context], bool]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """One condition, read."""

    operator: Operator
    key: str  # its context key, in lower case
    values: tuple[str, ...]
    # Its values taken apart, for the operators on strings and ARNs.
    templates: tuple[Template, ...] = ()
    spelling: str = field(default="", compare=False)  # its context key as written, for messages
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.operator, self.key, self.values, self.templates)
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        """Return what was computed once: proofs look conditions up a million times."""
        return self._hash


def _string(check: ConditionCheck) -> Match:
    """Match exactly, case-sensitively; page "...: Condition operators", String."""
    texts = Patterns.of(check.templates)
    if not texts.dynamic:
        literals = texts.literals
        return lambda value, context: value in literals
    return _equal(check.templates, lambda text: text)


def _ignore_case(check: ConditionCheck) -> Match:
    """Match exactly but for case; page "...: Condition operators", String."""
    if all(map(is_plain, check.templates)):
        literals = {(literal(template) or "").lower() for template in check.templates}
        return lambda value, context: value.lower() in literals
    return _equal(check.templates, str.lower)


def _equal(templates: tuple[Template, ...], fold: Callable[[str], str]) -> Match:
    def match(value: str, context: Context) -> bool:
        for template in templates:
            parts = expand(template, context)
            if parts is not None and fold("".join(map(str, parts))) == fold(value):
                return True
        return False

    return match


def _like(check: ConditionCheck) -> Match:
    """Match with wildcards, case-sensitively; page "...: Condition operators", String."""
    return Patterns.of(check.templates).matches


def _arn(check: ConditionCheck) -> Match:
    """Match part by part, ``ArnEquals`` too; page "...: Condition operators", ARN."""
    plain = [arn_pattern(expand(t, {}) or ()) for t in check.templates if is_plain(t)]
    dynamic = [t for t in check.templates if not is_plain(t)]

    def match(value: str, context: Context) -> bool:
        if any(arn_matches(pattern, value) for pattern in plain):
            return True
        for template in dynamic:
            parts = expand(template, context)
            if parts is not None and arn_matches(arn_pattern(parts), value):
                return True
        return False

    return match


def _ordered(reader: Callable[[str], Decimal | None]) -> Callable[[ConditionCheck], Match]:
    """Compare numbers or dates; page "...: Condition operators", Numeric and Date.

    A value of the request that is not of the type does not match.
    """

    def build(check: ConditionCheck) -> Match:
        order = check.operator.base.order
        limits = [w for v in check.values if (w := reader(v)) is not None]

        def match(value: str, context: Context) -> bool:
            number = reader(value)
            return number is not None and any(order(number, w) for w in limits)

        return match

    return build


def _among(reader: Callable[[str], T | None]) -> Callable[[ConditionCheck], Match]:
    """Compare booleans or bytes; page "...: Condition operators", Boolean and Binary.

    A value of the request that is not of the type is None, and no value of a policy is.
    """

    def build(check: ConditionCheck) -> Match:
        allowed = [reader(v) for v in check.values]

        def match(value: str, context: Context) -> bool:
            return reader(value) in allowed

        return match

    return build


def _within(check: ConditionCheck) -> Match:
    """Look an address up in ranges; page "...: Condition operators", IP address."""
    ranges = [network for v in check.values if (network := values.network(v)) is not None]

    def match(value: str, context: Context) -> bool:
        address = values.address(value)
        return address is not None and any(address in each for each in ranges)

    return match


_BY_FAMILY: dict[Family, Callable[[ConditionCheck], Match]] = {
    Family.STRING: _string,
    Family.IGNORE_CASE: _ignore_case,
    Family.LIKE: _like,
    Family.ARN: _arn,
    Family.NUMERIC: _ordered(values.number),
    Family.DATE: _ordered(values.instant),
    Family.BOOL: _among(values.truth),
    Family.BINARY: _among(values.octets),
    Family.IP: _within,
}


def of(check: ConditionCheck) -> Match:
    """Return how the values of a condition match, without negation."""
    return _BY_FAMILY[check.operator.base.family](check)
