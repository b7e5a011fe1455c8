"""Which numbers, dates and addresses satisfy conditions: unions of intervals.

Numbers and dates are points on a line, addresses are whole numbers on it: first IPv4, then IPv6. An
interval is between two cuts. A cut is just before or just after a point, so open and closed ends
need no distinction.
"""

from __future__ import annotations

import operator as compare
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from math import ceil
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching import values
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family, Order
from vpc_cni_iam.policy.proof.examples.aws import TYPE_VALUES
from vpc_cni_iam.policy.template import known

# A point, and whether the cut is just after it (1) or just before it (0).
Cut: TypeAlias = tuple[Decimal, int]
Interval: TypeAlias = tuple[Cut, Cut]

FAMILIES = (Family.NUMERIC, Family.DATE, Family.IP)
_BEGIN: Cut = (Decimal("-Infinity"), 0)
_END: Cut = (Decimal("Infinity"), 0)
_IPV4, _IPV6 = 2**32, 2**128
_REMEMBERED = 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# From year 1 to year 9999, in seconds since 1970.
_YEARS = (Decimal(-62_135_596_800), Decimal(253_402_300_799))


class PossibleValues(Struct, frozen=True):
    """The possible values of a key by conditions of one family."""

    family: Family
    parts: tuple[Interval, ...]  # the values of its type: ordered intervals that do not touch
    others: bool  # whether a value can be a text of another type

    def __and__(self, other: PossibleValues) -> PossibleValues:
        """Return the values in both."""
        return PossibleValues(
            self.family,
            tuple(_meet(self.parts, other.parts)),
            self.others and other.others,
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is no value."""
        return not self.parts and not self.others

    def outside(self, other: PossibleValues) -> PossibleValues:
        """Return the values that are not in another set."""
        return self & PossibleValues(
            other.family, _without(other.parts, other.family), not other.others
        )

    def example(self) -> str | None:
        """Return a value of the type, if possible an ordinary one; None if there is none."""
        if not self.parts:
            return None
        ordinary = TYPE_VALUES[self.family][0]
        ((begin, end),) = _intervals(self.family, compare.eq, [ordinary])
        if not any(first <= begin and end <= last for first, last in self.parts):
            find = _host if self.family is Family.IP else _point
            return _TEXTS[self.family](find(*self.parts[0]))
        return ordinary


def anything(family: Family) -> PossibleValues:
    """Return all values."""
    return PossibleValues(family, _without((), family), others=True)


@lru_cache(_REMEMBERED)
def of(check: ConditionCheck) -> PossibleValues:
    """Return the single values that satisfy a condition of one of `FAMILIES`.

    The values of the condition have no holes.
    """
    base = check.operator.base
    parts = _joined(_intervals(base.family, base.order, known(check.values)))
    if base.negated:
        parts = _without(parts, base.family)
    return PossibleValues(base.family, parts, base.negated)


def _intervals(family: Family, order: Order, texts: Iterable[str]) -> Iterator[Interval]:
    """Yield the interval of each value of a condition."""
    for text in texts:
        if family is not Family.IP:
            point = values.number(text) if family is Family.NUMERIC else values.instant(text)
            if point is not None:
                yield _BY_ORDER[order]((point, 0), (point, 1))
        elif network := values.network(text):
            begin = 0 if isinstance(network, IPv4Network) else _IPV4
            first = begin + int(network.network_address)
            yield (Decimal(first), 0), (Decimal(first + network.num_addresses), 0)


# The interval of a comparison, by the cuts just before and just after its value.
_BY_ORDER: dict[Order, Callable[[Cut, Cut], Interval]] = {
    compare.eq: lambda before, after: (before, after),
    compare.lt: lambda before, after: (_BEGIN, before),
    compare.le: lambda before, after: (_BEGIN, after),
    compare.gt: lambda before, after: (after, _END),
    compare.ge: lambda before, after: (before, _END),
}


def _joined(parts: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return ordered intervals; those that overlap or touch are joined."""
    joined: list[Interval] = []
    for begin, end in sorted(parts):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        elif begin < end:
            joined.append((begin, end))
    return tuple(joined)


def _meet(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> Iterator[Interval]:
    """Yield the intersection of two ordered lists of intervals, in order."""
    i, j = 0, 0
    while i < len(left) and j < len(right):
        begin = max(left[i][0], right[j][0])
        end = min(left[i][1], right[j][1])
        if begin < end:
            yield begin, end
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1


def _without(parts: tuple[Interval, ...], family: Family) -> tuple[Interval, ...]:
    """Return the complement of intervals."""
    begin, end = _BEGIN, _END
    if family is Family.IP:
        begin, end = (Decimal(0), 0), (Decimal(_IPV4 + _IPV6), 0)
    cuts = [begin, *(cut for part in parts for cut in part), end]
    return tuple((a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if a < b)


def _point(begin: Cut, end: Cut) -> Decimal:
    """Return a point of an interval, a whole number if there is one."""
    first, last = begin[0], end[0]
    if first.is_finite():
        whole = Decimal(ceil(first))
        if (whole, 0) < begin:
            whole = Decimal(ceil(first) + 1)
    else:
        whole = Decimal(ceil(last) - 1 if last.is_finite() else 0)
    if (whole, 1) <= end:
        return whole
    return first + (last - first) / 2 if begin[1] else first


def _host(begin: Cut, end: Cut) -> Decimal:
    """Return an address of an interval: the eighth, since the first is the network's."""
    return Decimal(min(int(begin[0]) + 7, int(end[0]) - 1))


def _date(point: Decimal) -> str:
    if point != point.to_integral_value() or not _YEARS[0] <= point <= _YEARS[1]:
        return format(point, "f")
    return (_EPOCH + timedelta(seconds=int(point))).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(point: Decimal) -> str:
    number = int(point)
    return str(IPv4Address(number) if number < _IPV4 else IPv6Address(number - _IPV4))


_TEXTS: dict[Family, Callable[[Decimal], str]] = {
    Family.NUMERIC: str,
    Family.DATE: _date,
    Family.IP: _address,
}
