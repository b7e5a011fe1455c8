"""Sentences about actions that policies allow and the plugin does not call, by harm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.coverage.analysis.excess import Excess, Harm, UnusedAction
from vpc_cni_iam.errors import first_of

_SHOWN = 3
_HARMS = {
    Harm.access: "gives itself access",
    Harm.data: "reads or changes data or resources",
    Harm.other: "describes or lists",
}


def unused_lines(unused: Sequence[UnusedAction]) -> Iterator[str]:
    """Yield the actions that a version never calls, the most harmful first."""
    for harm, words in _HARMS.items():
        if actions := [each.action for each in unused if each.harm is harm]:
            yield f"allowed and never called, {words}: {first_of(actions)}"


def excess_lines(excess: Excess, called: str) -> Iterator[str]:
    """Yield the patterns that allow more than `called`, such as ``what is called``."""
    for harm, words in _HARMS.items():
        for grant in excess.grants:
            if grant.harm is harm:
                examples = ", ".join(grant.examples)
                yield f"allowed beyond {called}, {words}: {grant.pattern}, such as {examples}"
    yield from partly_checked_lines(excess)


def partly_checked_lines(excess: Excess) -> Iterator[str]:
    """Yield the patterns that were not compared with every action."""
    if excess.partly_checked:
        yield (
            "may allow more: there are too many patterns to compare these with every action: "
            f"{first_of(excess.partly_checked, _SHOWN)}"
        )
