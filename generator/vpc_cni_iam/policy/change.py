"""What a change of a policy means: access gained and lost, widened and narrowed.

Statements are taken apart into single grants (effect, action, resource, conditions), so that
moving an action from one statement to another, or reordering, is no change. This compares what
is written; whether the new policy allows anything that the old one did not is a question for a
proof, which this is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.compare import condition_text, principals_text
from vpc_cni_iam.policy.document import Policy, Statement

Kind = Literal[
    "gained",
    "lost",
    "widened",
    "narrowed",
    "weakened",
    "tightened",
    "changed",
    "denied",
    "undenied",
    "redundant",
]
# A change that may let something happen that could not happen before.
OPENING = frozenset({"gained", "widened", "weakened", "changed", "undenied"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of access.

    Args:
        kind: ``gained`` or ``lost`` for an action on a resource, ``widened`` or ``narrowed`` for
            resources, ``weakened`` or ``tightened`` for conditions, ``changed`` for conditions
            of which neither implies the other by their values, ``denied`` and ``undenied``;
            ``redundant`` only of `all_changes`.
        text: What, such as ``ec2:CreateTags on *``.
        before: The statements of the old policy it is about, reduced to the actions and the
            resource of the change.
        after: The same of the new policy.
    """

    kind: Kind
    text: str
    before: tuple[Statement, ...] = field(default=(), compare=False, repr=False)
    after: tuple[Statement, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Grant:
    effect: str
    action: str
    resource: str
    conditions: frozenset[tuple[str, str, frozenset[str]]]
    principals: normalise.Normal
    words: str
    statement: Statement
    who: str = ""

    def alone(self) -> Statement:
        """Return a statement of this grant alone."""
        statement = self.statement
        return replace(
            statement,
            actions=statement.actions and (self.action,),
            resources=statement.resources and (self.resource,),
        )

    @property
    def key(self) -> tuple[object, ...]:
        return (self.effect, self.action.lower(), self.resource, self.conditions, self.principals)


_Found = tuple[Kind, str, str, _Grant | None, _Grant | None]


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what a change of a policy means, actions of one meaning in one line.

    Args:
        old: The policy before.
        new: The policy after.
    """
    return tuple(c for c in all_changes(old, new) if c.kind != "redundant")


def all_changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what `changes` does, and what goes or comes that another statement grants as well.

    The latter is ``redundant``, going by patterns and conditions.

    Args:
        old: The policy before.
        new: The policy after.
    """
    before, after = _grants(old), _grants(new)
    lost = [g for key, g in before.items() if key not in after]
    gained = [g for key, g in after.items() if key not in before]
    found: list[_Found] = []
    for grant in list(gained):
        twin = _twin(grant, lost)
        if twin is not None:
            lost.remove(twin)
            gained.remove(grant)
            found.append((*_difference(twin, grant), twin, grant))
    for kind, denial, grants, others in (
        ("lost", "undenied", lost, after.values()),
        ("gained", "denied", gained, before.values()),
    ):
        for grant in grants:
            name: Kind = kind if grant.effect == "Allow" else denial  # type: ignore[assignment]
            if any(_contains(other, grant) for other in others):
                name = "redundant"  # what it grants was, or is, granted by another one too
            text = f"on {grant.resource}{grant.who}{grant.words}"
            sides = (grant, None) if grants is lost else (None, grant)
            found.append((name, grant.action, text, *sides))
    return _grouped(found)


def _grants(policy: Policy) -> dict[tuple[object, ...], _Grant]:
    found = {}
    for statement in policy.statements:
        for grant in _of(statement):
            found[grant.key] = grant
    return found


def _of(statement: Statement) -> Iterable[_Grant]:
    # What is all but some things is one thing: each exception taken by itself would be wrong.
    excepted = ", ".join(sorted(statement.not_actions))
    actions = statement.actions or ((f"all but {excepted}",) if excepted else ())
    kept_out = ", ".join(sorted(statement.not_resources))
    resources = statement.resources or ((f"all but {kept_out}",) if kept_out else ())
    words = "".join(f" if {condition_text(c)}" for c in statement.conditions)
    who = principals_text(statement)
    principals = normalise.statement(statement)[-2:]  # type: ignore[index]
    for action in actions:
        for resource in resources or ("itself",):
            yield _Grant(
                statement.effect,
                action,
                resource,
                normalise.conditions(statement),
                principals,
                words,
                statement,
                f" by {who}" if who else "",
            )


def _twin(grant: _Grant, lost: Iterable[_Grant]) -> _Grant | None:
    """Return the lost grant that this one replaces: same action, and same resource if any is."""
    same = [
        g
        for g in lost
        if (g.effect, g.action.lower(), g.principals)
        == (grant.effect, grant.action.lower(), grant.principals)
    ]
    same_resource = [g for g in same if g.resource == grant.resource]
    same_conditions = [g for g in same if g.conditions == grant.conditions]
    return next(iter(same_resource + same_conditions), None)


def _difference(old: _Grant, new: _Grant) -> tuple[Kind, str, str]:
    if old.resource != new.resource:
        text = f"from {old.resource} to {new.resource}{new.who}{new.words}"
        kind: Kind = "changed"
        if _covers(old.resource, new.resource):
            kind = "narrowed"
        elif _covers(new.resource, old.resource):
            kind = "widened"
    else:
        before, after = _only(old, new), _only(new, old)
        text = f"on {new.resource}{new.who}: from{before} to{after}"
        kind = "changed"
        if _implies(new, old):
            kind = "tightened"
        elif _implies(old, new):
            kind = "weakened"
    if new.effect == "Deny":
        denied: dict[Kind, Kind] = {"widened": "denied", "tightened": "undenied"}
        denied |= {"narrowed": "undenied", "weakened": "denied"}
        return denied.get(kind, kind), new.action, text
    return kind, new.action, text


def _only(one: _Grant, other: _Grant) -> str:
    """Return the conditions of one grant that another does not have, in words."""
    own = [
        c
        for c in one.statement.conditions
        if (c.operator, c.key.lower(), frozenset(c.values)) not in other.conditions
    ]
    return "".join(f" if {condition_text(c)}" for c in own) or " no condition"


def _contains(one: _Grant, other: _Grant) -> bool:
    """Say whether one grant grants all that another does, going by patterns and conditions."""
    return (
        (one.effect, one.principals) == (other.effect, other.principals)
        and _covers(one.action.lower(), other.action.lower())
        and _covers(one.resource, other.resource)
        and _implies(other, one)
    )


def _covers(wide: str, narrow: str) -> bool:
    """Say whether a pattern matches all that another does; the other's wildcards are letters."""
    pattern = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in wide)
    return re.fullmatch(pattern, narrow, re.DOTALL) is not None


def _implies(one: _Grant, other: _Grant) -> bool:
    """Say whether the conditions of one grant imply those of another, going by their values."""
    return all(
        any(
            operator == held
            and key == held_key
            # Of a negated operator, more values ask for more.
            and (held_values >= values if "Not" in operator else held_values <= values)
            for held, held_key, held_values in one.conditions
        )
        for operator, key, values in other.conditions
    )


def _grouped(found: Iterable[_Found]) -> tuple[Change, ...]:
    lines: dict[tuple[Kind, str, bool], list[_Found]] = {}
    for one in found:
        kind, _, text, old, _ = one
        lines.setdefault((kind, text, old is None), []).append(one)
    return tuple(
        Change(
            kind,
            f"{', '.join(sorted(action for _, action, *_ in group))} {text}",
            tuple(old.alone() for *_, old, _ in group if old),
            tuple(new.alone() for *_, new in group if new),
        )
        for (kind, text, _), group in lines.items()
    )
