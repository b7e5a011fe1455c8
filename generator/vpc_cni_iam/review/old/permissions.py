"""A policy taken apart into permissions of one action on one resource."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.report import condition_text, principal_names
from vpc_cni_iam.policy.template import Text

# What is the same for permissions of one meaning that are spelled alike.
Key: TypeAlias = tuple[object, ...]
# The resource of a policy without resources, which is attached to it.
_ITSELF = "itself"
# What it takes to compare one more permission, besides the proofs.
_STEPS_OF_A_PERMISSION = 30
# How much of its words is made in a step: each action is told with all of its resource.
_CHARACTERS_OF_A_STEP = 20


class Permission(Struct, frozen=True):
    """One action on one resource, as a statement allows or denies it."""

    statement: Statement  # the statement, of this action and resource alone and without its Sid
    bare: Statement  # the same as one that allows what the other is about, to whomever has it
    action: str  # the action, or in words all but those of a NotAction
    resource: str  # the resource, the same way; ``itself`` in a policy without resources
    conditions: frozenset[tuple[str, Text, frozenset[Text]]]
    principals: normalise.Normal
    who: str  # the principals in words, such as `` by AWS 111122223333``, or empty
    words: str  # the conditions in words, each after `` if ``
    key: Key  # what is the same for permissions of one meaning that are spelled alike

    @property
    def effect(self) -> str:
        """Allow or Deny."""
        return self.statement.effect

    @property
    def subject(self) -> Key:
        """The effect, the action and the principals."""
        return (self.effect, self.action.lower(), self.principals)

    @property
    def line(self) -> tuple[str, str]:
        """The action, and the rest of what it says."""
        return self.action, f"{self.where}{self.words}".lstrip()

    @property
    def where(self) -> str:
        """On what and by whom, such as ``on * by AWS 111122223333``; a policy may lack either."""
        on = "" if self.resource == _ITSELF else f"on {self.resource}"
        return f"{on}{self.who}".lstrip()


def permissions(policy: Policy, budget: Budget) -> dict[Key, Permission]:
    """Return the permissions of a policy by their keys.

    Where there are too many to compare, those of a statement are one.
    """
    return {
        permission.key: permission
        for statement in policy.statements
        for permission in _of(statement, budget)
    }


def _of(statement: Statement, budget: Budget) -> Iterable[Permission]:
    # What is all but some things is one thing: each exception taken by itself would be wrong.
    excepted = ", ".join(sorted(map(str, statement.not_actions)))
    actions = tuple(map(str, statement.actions)) or ((f"all but {excepted}",) if excepted else ())
    kept_out = ", ".join(sorted(map(str, statement.not_resources)))
    resources = tuple(map(str, statement.resources)) or (
        (f"all but {kept_out}",) if kept_out else ()
    )
    conditions = sum(len(str(value)) for c in statement.conditions for value in c.values)
    characters = sum(map(len, resources)) + conditions * max(1, len(resources))
    steps = _STEPS_OF_A_PERMISSION * max(1, len(resources)) + characters // _CHARACTERS_OF_A_STEP
    if budget.affords(steps * len(actions)):
        return _split(statement, actions, resources, split=True)
    return _split(statement, (", ".join(actions),), (", ".join(resources),), split=False)


@lru_cache(1024)
def _split(
    statement: Statement, actions: tuple[str, ...], resources: tuple[str, ...], *, split: bool
) -> tuple[Permission, ...]:
    """Return the permissions of a statement: policies that change keep most statements."""
    each = replace(statement, sid="")
    conditions = normalise.conditions(statement)
    words = "".join(f" if {condition_text(c)}" for c in statement.conditions)
    who = _principals_text(statement)
    by_whom = f" by {who}" if who else ""
    principals = normalise.statement(statement)[-2:]  # type: ignore[index]
    parts: list[Permission] = []
    for action, resource in product(actions, resources or (_ITSELF,)):
        if split and statement.actions:
            each = replace(each, actions=(action,))
        if split and statement.resources:
            each = replace(each, resources=(resource,))
        everything = () if each.not_resources else ("*",)
        bare = replace(
            each,
            effect="Allow",
            resources=each.resources or everything,
            principals=(),
            not_principals=(),
        )
        key = (each.effect, action.lower(), resource, conditions, principals)
        parts.append(
            Permission(each, bare, action, resource, conditions, principals, by_whom, words, key)
        )
    return tuple(parts)


def _principals_text(statement: Statement) -> str:
    """Return whom a statement of a resource's policy is about, empty if it names nobody."""
    names = ", ".join(principal_names(statement.not_principals or statement.principals))
    return f"all but {names}" if statement.not_principals else names
