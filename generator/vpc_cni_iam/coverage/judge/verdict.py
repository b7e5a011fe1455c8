"""Whether the plugin works: four words, the same in every command, and how they are combined.

A word stands for the outcomes that are possible, of works < works degraded < fails. Cases that all
arise, such as scenarios and clusters, are combined by `every`. Of cases such as Regions and IP
families, one is true, and the input does not say which: they are combined by `one_of`. What is not
known about a role can only make a verdict less certain.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from vpc_cni_iam.account.doubts import NotKnown


class Verdict(StrEnum):
    """Whether the plugin works, from best to worst."""

    works = "works"
    degraded = "works, degraded"  # at worst, calls are denied that it can work without
    unknown = "unknown"  # it may work, and it may fail
    fails = "fails"

    @property
    def rank(self) -> int:
        """The position in the order."""
        return _RANKS[self]

    def is_failure(self, *, if_degraded: bool) -> bool:
        """Return whether a check fails with this verdict; `if_degraded`: also if it is degraded."""
        worst = Verdict.works if if_degraded else Verdict.degraded
        return self.rank > worst.rank

    def doubted(self, doubts: Iterable[NotKnown], *, denied_anyway: bool = False) -> Verdict:
        """Return the verdict with what is not known about the role.

        `denied_anyway`: whether a required call is denied whatever unknown policies allow.
        """
        counting = list(doubts)
        if self is Verdict.fails:
            may_work = not denied_anyway and any(doubt.may_allow for doubt in counting)
            return Verdict.unknown if may_work else self
        return Verdict.unknown if any(doubt.may_limit for doubt in counting) else self


_RANKS = {verdict: number for number, verdict in enumerate(Verdict)}


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of cases that all arise: the worst."""
    return max(verdicts, key=_RANKS.__getitem__, default=Verdict.works)


def one_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of cases of which one arises, and it is not known which."""
    ranked = sorted(verdicts, key=_RANKS.__getitem__)
    return Verdict.unknown if ranked[-1] is Verdict.fails is not ranked[0] else ranked[-1]
