"""The policy on one side of a change: read, hidden, or rebuilt from what the plan knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.review.changes import State
from vpc_cni_iam.review.rebuilding import Rebuilder, Rebuilt
from vpc_cni_iam.review.sides import Side
from vpc_cni_iam.review.slots import Slot

# No policy that IAM takes is anywhere near; a longer text is not worth reading.
_LONGEST = 131_072
_SHORT = 300
_SPACE = re.compile(r"\s+")
# What stands for a value that is not known, which may be short.
_HOLE = re.compile(r"\(known after apply[^)]*\)")


@dataclass(frozen=True, slots=True)
class Read:
    """A side of a slot as read.

    Args:
        state: The state.
        text: The policy's JSON as the plan has it; empty where it may not be shown.
        document: The address of the data source it was rebuilt from, if it was.
    """

    state: State
    text: str = ""
    document: str = ""


ABSENT = Read(State("absent"))


def read_side(side: Side, slot: Slot, rebuilder: Rebuilder) -> Read:
    """Return the policy of a side.

    Args:
        side: The side.
        slot: Its slot.
        rebuilder: What rebuilds a policy that is not known yet.
    """
    if side.hidden:
        return Read(State("sensitive", why=("the plan marks it sensitive",)))
    if side.unknown:
        return from_rebuilt(rebuilder.rebuild(slot.resource, slot.path))
    if side.value is None or side.value == "":
        return ABSENT
    return _read(side.value) if isinstance(side.value, str) else _unreadable("is not text", 0)


def from_rebuilt(rebuilt: Rebuilt) -> Read:
    """Return the state of a policy that was rebuilt.

    Args:
        rebuilt: The policy.
    """
    if rebuilt.policy is None:
        return Read(State("unknown", why=rebuilt.holes), document=rebuilt.document)
    size = counted(_HOLE.sub("", dumps(rebuilt.policy, indent=None)))
    state = State("partly known", rebuilt.policy, rebuilt.holes, size)
    return Read(state, document=rebuilt.document)


@lru_cache(4096)
def _read(text: str) -> Read:
    if len(text) > _LONGEST:
        return _unreadable(f"is {len(text)} characters long, which is no policy", len(text))
    try:
        return Read(State("known", loads(text, "policy"), (), counted(text)), text)
    except InputError as error:
        problem = f"{error.place}: {error.problem}" if error.place else error.problem
        return _unreadable(problem, counted(text))


def _unreadable(problem: str, size: int) -> Read:
    if len(problem) > _SHORT:
        problem = problem[:_SHORT] + " ..."
    return Read(State("unreadable", None, (problem,), size))


def counted(text: str) -> int:
    """Return the size of a policy as IAM counts it: its characters but for white space.

    Source: IAM User Guide, "IAM and AWS STS quotas".

    Args:
        text: The policy's JSON.
    """
    return len(_SPACE.sub("", text))
