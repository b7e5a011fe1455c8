"""The policy on one side of a change: read, hidden, or rebuilt from what the plan knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.secrets import Secrets, holds_mark
from vpc_cni_iam.policy.document import Policy, Statement, dumps
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.quotas import counted
from vpc_cni_iam.review.account.attribute_value import AttributeValue
from vpc_cni_iam.review.account.policy_attributes import PolicyAttribute
from vpc_cni_iam.review.account.rebuild import Rebuilder, Rebuilt
from vpc_cni_iam.review.diff import same_shape
from vpc_cni_iam.review.diff.changes import Known, State
from vpc_cni_iam.review.diff.same_shape import Names, has_wildcards, may_stand_in

# No policy that IAM takes is anywhere near; a longer text is not worth reading.
_LONGEST = 131_072
_REMEMBERED = 16_384
_SHORT = 300
SENSITIVE_PARTS = "has values that the plan marks sensitive"
# What stands for a value that is not known, which may be short.
_HOLE = re.compile(r"\(known after apply[^)]*\)")


class ReadPolicy:
    """A side of a slot as read; of many policies of one shape, each is parsed when it is asked for.

    Args:
        state: None for what the text says.
        text: The policy's JSON as the plan has it; empty where it may not be shown.
        document: The address of the data source it was rebuilt from, if it was.
        exact: The policy with its sensitive values, of which only verdicts may be told; None
            where it is not known in full.
        shape: The same with stand-ins for its names; None if it has no names, or they matter.
        names: The names.
    """

    __slots__ = ("_exact", "_size", "_state", "document", "names", "shape", "text")

    def __init__(
        self,
        state: State | None,
        text: str = "",
        document: str = "",
        exact: Policy | None = None,
        shape: ReadPolicy | None = None,
        names: Names = (),
    ) -> None:
        self._state, self._exact = state, exact
        self.text, self.document, self.shape, self.names = text, document, shape, names
        self._size: int | None = None

    @property
    def state(self) -> State:
        """What is known of the policy."""
        if self._state is None:
            read = _parsed(self.text)
            self._state, self._exact = read.state, read.exact
        return self._state

    @property
    def exact(self) -> Policy | None:
        """The policy with its sensitive values; None where it is not known in full."""
        return self._exact if self._state else self.state.policy

    @property
    def known(self) -> Known:
        """Whether the policy is known."""
        return "known" if self.shape else self.state.known

    @property
    def size(self) -> int | None:
        """Its characters as IAM counts them; None where that is not known."""
        if self.shape is None or self.shape.size is None:
            return self.state.size
        if self._size is None:
            text, self._size = self.shape.text, self.shape.size
            for stand_in, name in self.names:
                self._size += text.count(stand_in) * (len(name) - len(stand_in))
        return self._size

    def state_for(self, own: ReadPolicy) -> State:
        """Return what is known of the policy, with the size of the one that it stands for."""
        return self.state if own is self else replace(self.state, size=own.size)

    @property
    def judged(self) -> Policy | None:
        """The policy that verdicts are about, as far as it is known."""
        return self.exact or self.state.policy

    @property
    def in_full(self) -> bool:
        """Whether all of it is known, though it may not be shown."""
        return self.known in ("known", "absent") or self.exact is not None

    @property
    def has_secrets(self) -> bool:
        """Whether it has values that may not be shown."""
        return not self.shape and self.exact is not None and self.exact is not self.state.policy

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReadPolicy) or self._key != other._key:
            return False
        return bool(self.text) or (self.state, self.exact) == (other.state, other.exact)

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str]:
        return self.text, self.document


ABSENT = ReadPolicy(State("absent"))


def judged_policies(*reads: ReadPolicy | None) -> list[Policy]:
    """Return the policies that verdicts are about, of those of which anything is known."""
    return [read.judged for read in reads if read and read.judged]


def with_stand_ins(reads: Sequence[ReadPolicy]) -> tuple[tuple[ReadPolicy, ...], Names]:
    """Return policies with stand-ins for their names, and the names.

    There are none where any question about them may depend on a name.
    """
    names: dict[str, str] = {}
    for read in reads:
        for stand_in, name in read.names:
            if names.setdefault(stand_in, name) != name:
                return tuple(reads), ()
    if not names or not all(_is_free(read, names) for read in reads):
        return tuple(reads), ()
    return tuple(read.shape or read for read in reads), tuple(names.items())


def _is_free(read: ReadPolicy, names: Mapping[str, str]) -> bool:
    """Say whether a policy has no names but those that have stand-ins in it."""
    if len(read.names) == len(names):
        return True
    shape = read.shape or read
    if shape.judged is None:
        return True
    folded, others = shape.text.lower(), names.keys() - dict(read.names)
    named = not folded or any(text.lower() in folded for o in others for text in (o, names[o]))
    return not (named or has_wildcards(shape.judged))


def read_side(
    side: AttributeValue, slot: PolicyAttribute, rebuilder: Rebuilder, secrets: Secrets
) -> ReadPolicy:
    """Return the policy of a side."""
    if side.hidden:
        mark = str(side.value or "")  # which tells two that differ
        return ReadPolicy(State("sensitive", why=("the plan marks it sensitive",)), mark)
    if side.unknown:
        return from_rebuilt(rebuilder.rebuild(slot.resource, slot.path))
    if side.value is None or side.value == "":
        return ABSENT
    if not isinstance(side.value, str):
        return _unreadable("is not text", 0)
    return _marked(side.value, secrets) if holds_mark(side.value) else _read(side.value)


def _marked(text: str, secrets: Secrets) -> ReadPolicy:
    """Return a policy with marks in it; its size would tell how long a sensitive value is."""
    read = _parsed(text)
    policy = read.state.policy
    if policy is None:
        return ReadPolicy(replace(read.state, size=None))
    state = State("partly known", policy, (SENSITIVE_PARTS,))
    return ReadPolicy(state, read.text, exact=secrets.restored(policy))


def from_rebuilt(rebuilt: Rebuilt) -> ReadPolicy:
    """Return the state of a policy that was rebuilt."""
    if rebuilt.policy is None:
        return ReadPolicy(State("unknown", why=rebuilt.holes), document=rebuilt.document)
    size = counted(_HOLE.sub("", dumps(rebuilt.policy, indent=None)))
    state = State("partly known", rebuilt.policy, rebuilt.holes, size)
    return ReadPolicy(state, document=rebuilt.document)


@lru_cache(_REMEMBERED)
def _read(text: str) -> ReadPolicy:
    shaped, names = same_shape.with_stand_ins(text) if len(text) <= _LONGEST else (text, ())
    if names and (shape := _shape(shaped, tuple(stand_in for stand_in, _ in names))):
        return ReadPolicy(None, text, shape=shape, names=names)
    return _parsed(text)


@lru_cache(_REMEMBERED)
def _shape(text: str, stand_ins: tuple[str, ...]) -> ReadPolicy | None:
    """Return the policy of a text with stand-ins; None where what they stand for matters."""
    read = _parsed(text)
    return read if read.exact and may_stand_in(read.exact, text, stand_ins) else None


@lru_cache(_REMEMBERED)
def _parsed(text: str) -> ReadPolicy:
    if len(text) > _LONGEST:
        return _unreadable(
            f"is {len(text)} characters long, which is too long for a policy", len(text)
        )
    try:
        policy = loads(text, "policy")
        # Policies have most statements in common, which are told to be equal by being the same.
        policy = replace(policy, statements=tuple(map(_interned, policy.statements)))
        return ReadPolicy(State("known", policy, (), counted(text)), text, exact=policy)
    except InputError as error:
        problem = f"{error.place}: {error.problem}" if error.place else error.problem
        return _unreadable(problem, counted(text))


@lru_cache(_REMEMBERED)
def _interned(statement: Statement) -> Statement:
    return statement


def _unreadable(problem: str, size: int) -> ReadPolicy:
    if len(problem) > _SHORT:
        problem = problem[:_SHORT] + " ..."
    return ReadPolicy(State("unreadable", None, (problem,), size))
