"""Whether one value of a request matches one of the values of a condition, by operator.

Each follows the section on its operators of the IAM User Guide page "IAM JSON policy elements:
Condition operators".
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import chain
from typing import TypeAlias, TypeVar

from msgspec import Struct

from vpc_cni_iam.policy.matching import values
from vpc_cni_iam.policy.matching.operators import Family, Operator
from vpc_cni_iam.policy.matching.patterns import Patterns, arn_matches, arn_pattern
from vpc_cni_iam.policy.matching.variables import (
    HOLES,
    KeyValues,
    Pattern,
    expand,
    expansions,
    is_plain,
    keys_of,
    literal,
)
from vpc_cni_iam.policy.template import PolicyText, Template, folded, known
from vpc_cni_iam.policy.wildcard import Wildcard

# Whether a value of the request, with its context, matches a value of the policy.
Match: TypeAlias = Callable[[str, KeyValues], bool]
T = TypeVar("T")


class ContextKey(str):
    """A context key in lower case, with its spelling, for messages."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> ContextKey:
        """Return the key with this spelling."""
        key = super().__new__(cls, spelling.lower())
        key.spelling = spelling
        return key


def context_key(spelling: PolicyText) -> ContextKey | Template:
    """Return the key of a condition; a key with a hole may be one of several."""
    if isinstance(spelling, str):
        return ContextKey(spelling)
    key = folded(spelling)
    assert isinstance(key, Template)  # noqa: S101 - its hole stays
    return key


class ConditionCheck(Struct, frozen=True, cache_hash=True):
    """One condition, read."""

    operator: Operator
    key: ContextKey | Template
    values: tuple[PolicyText, ...]
    # Its parsed values, for the operators on strings and ARNs.
    patterns: tuple[Pattern, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that its values depend on, from `keys_of`."""
        return keys_of(self.patterns) or (() if self.is_known else (HOLES,))

    @property
    def is_known(self) -> bool:
        """Whether no value has a hole."""
        return len(known(self.values)) == len(self.values)


def _text(fold: Callable[[str], str]) -> Callable[[ConditionCheck], Match]:
    """Match exactly after `fold`; page "...: Condition operators", String."""

    def build(check: ConditionCheck) -> Match:
        literals = {fold(literal(t) or "") for t in check.patterns if is_plain(t)}
        dynamic = [t for t in check.patterns if not is_plain(t)]
        if not dynamic:
            return lambda value, context: fold(value) in literals

        def match(value: str, context: KeyValues) -> bool:
            folded = fold(value)
            return folded in literals or any(
                Wildcard.of(fold(p) if isinstance(p, str) else p for p in parts).matches(folded)
                for parts in expansions(dynamic, context)
            )

        return match

    return build


def _arn(check: ConditionCheck) -> Match:
    """Match part by part, also ``ArnEquals``; page "...: Condition operators", ARN."""
    plain = [arn_pattern(expand(t, {}) or ()) for t in check.patterns if is_plain(t)]
    dynamic = [t for t in check.patterns if not is_plain(t)]

    def match(value: str, context: KeyValues) -> bool:
        filled = (arn_pattern(parts) for parts in expansions(dynamic, context))
        return any(arn_matches(pattern, value) for pattern in chain(plain, filled))

    return match


def _ordered(reader: Callable[[str], Decimal | None]) -> Callable[[ConditionCheck], Match]:
    """Compare numbers or dates; page "...: Condition operators", Numeric and Date.

    A value of the request with another type does not match.
    """

    def build(check: ConditionCheck) -> Match:
        order = check.operator.base.order
        limits = [w for v in known(check.values) if (w := reader(v)) is not None]

        def match(value: str, context: KeyValues) -> bool:
            number = reader(value)
            return number is not None and any(order(number, w) for w in limits)

        return match

    return build


def _among(reader: Callable[[str], T | None]) -> Callable[[ConditionCheck], Match]:
    """Compare booleans or bytes; page "...: Condition operators", Boolean and Binary.

    A value of the request with another type is None; no value of a policy is None.
    """

    def build(check: ConditionCheck) -> Match:
        allowed = [reader(v) for v in known(check.values)]

        def match(value: str, context: KeyValues) -> bool:
            return reader(value) in allowed

        return match

    return build


def _within(check: ConditionCheck) -> Match:
    """Look an address up in ranges; page "...: Condition operators", IP address."""
    ranges = [network for v in known(check.values) if (network := values.network(v)) is not None]

    def match(value: str, context: KeyValues) -> bool:
        address = values.address(value)
        return address is not None and any(address in each for each in ranges)

    return match


_BY_FAMILY: dict[Family, Callable[[ConditionCheck], Match]] = {
    Family.STRING: _text(str),
    Family.IGNORE_CASE: _text(str.lower),
    Family.LIKE: lambda check: Patterns.of(check.patterns).matches,
    Family.ARN: _arn,
    Family.NUMERIC: _ordered(values.number),
    Family.DATE: _ordered(values.instant),
    Family.BOOL: _among(values.truth),
    Family.BINARY: _among(values.octets),
    Family.IP: _within,
}


def of(check: ConditionCheck) -> Match:
    """Return the match of a condition's values, without negation."""
    return _BY_FAMILY[check.operator.base.family](check)
