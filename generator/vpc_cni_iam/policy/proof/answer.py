"""The answer to "does it allow more?": no new access, a request that is new, or not proven."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.document import Condition, Statement
from vpc_cni_iam.policy.evaluate import Decision, Request
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.template import Side


class NoNewAccess(Struct, frozen=True):
    """The new policies allow nothing that the old ones do not allow: proven for every request."""


class RequestPart(StrEnum):
    """A part of a request."""

    action = "action"
    resource = "resource"
    key = "condition key"


class MadeUp(Struct, frozen=True):
    """A part of a request that comes of the policies' patterns alone; AWS may not have it."""

    part: RequestPart
    key: str = ""  # the condition key of `RequestPart.key`


class NewAccess(Struct, frozen=True):
    """A request that the new policies allow and the old ones do not, as the evaluator says."""

    request: Request
    new: Decision  # of the new policies
    old: Decision  # of the old policies, or of the limit that denies it
    old_limit: int | None = None  # the position of that limit, from 0; None for the policies
    made_up: tuple[MadeUp, ...] = ()


class NoProof(StrEnum):
    """Why there is neither a proof nor a request."""

    # NotPrincipal is not reasoned about: its effect is up to the service.
    not_principal = "NotPrincipal"
    # A part of the new access has no proof and no request; the evidence is an `OpenPart`.
    open_part = "open part"
    # A statement takes more steps than an answer may; the evidence is a `HardStatement`.
    too_complex = "too complex"
    # The policies together have too many statements or values.
    too_large = "too large"


class StatementPlace(Struct, frozen=True):
    """A statement of one side, and where it is."""

    side: Side
    policy: int  # the position of its policy, from 0
    index: int  # its position in the policy, from 0
    statement: Statement
    limit: int | None = None  # the position of the limit it is in, from 0; None for the policies


class OpenPart(Struct, frozen=True):
    """Requests that may be newly allowed."""

    allows: tuple[StatementPlace, ...]  # the Allow of the new policies, and one of each limit
    removed_deny: StatementPlace | None  # the old Deny that applied to them
    action: str  # of one of them
    resource: str
    not_implied: tuple[Condition, ...]  # conditions of other statements not shown to hold for them
    undefined: tuple[ConditionCheck, ...]  # conditions whose meaning AWS leaves open


class HardStatement(Struct, frozen=True):
    """What takes too many steps, and what to simplify: a pattern, else condition keys."""

    statement: StatementPlace
    pattern: str = ""  # the pattern with the most wildcards, if it has more than one
    keys: tuple[str, ...] = ()


class NotProven(Struct, frozen=True):
    """Neither a proof nor a request was found."""

    reason: StrEnum  # of `NoProof`, or of another Enum where more than policies is compared
    evidence: Struct | None = None  # what the reason is about, None if it says all


Answer: TypeAlias = NoNewAccess | NewAccess | NotProven
