"""What a change of a policy means: access gained and lost, widened and narrowed.

Statements are taken apart into single permissions (effect, action, resource, conditions), so that
moving an action from one statement to another, or reordering, is no change. Grants are compared
one by one, exactly, by `vpc_cni_iam.policy.proof.access`; whether the new policy as a whole allows
anything that the old one did not is a question for that proof alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from vpc_cni_iam.policy.diff.containment import Containers, contains
from vpc_cni_iam.policy.diff.permissions import Key, Permission, permissions
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.wording import condition_text

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
class AccessChange:
    """One change of access.

    Args:
        kind: ``gained`` or ``lost`` for an action on a resource, ``widened`` or ``narrowed`` for
            actions and resources, ``weakened`` or ``tightened`` for conditions, ``changed`` for
            what neither contains the other, ``denied`` and ``undenied``; ``redundant`` only of
            `all_changes`.
        text: What, such as ``ec2:CreateTags on *``.
        before: The statements of the old policy it is about, each of one action and resource.
        after: The same of the new policy.
    """

    kind: Kind
    text: str
    before: tuple[Statement, ...] = field(default=(), compare=False, repr=False)
    after: tuple[Statement, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A change of one action, or of several at once, before those of one meaning are grouped."""

    kind: Kind
    action: str
    text: str
    olds: tuple[Permission, ...] = ()
    news: tuple[Permission, ...] = ()


def changes(old: Policy, new: Policy) -> tuple[AccessChange, ...]:
    """Return what a change of a policy means, actions of one meaning in one line."""
    return tuple(c for c in all_changes(old, new) if c.kind != "redundant")


def all_changes(old: Policy, new: Policy, budget: Budget | None = None) -> tuple[AccessChange, ...]:
    """Return what `changes` does, and as ``redundant`` what comes or goes without any effect.

    That is what a permission that stays contains, and what stands for another of one meaning.
    """
    budget = Budget.of(old, new) if budget is None else budget
    before, after = permissions(old), permissions(new)
    kept = [permission for key, permission in before.items() if key in after]
    lost, idle_before = _apart(before, after, kept, budget)
    gained, idle_after = _apart(after, before, kept, budget)
    narrowed, widened = _contained(lost, gained, budget), _contained(gained, lost, budget)
    found: list[_Found] = []
    for key, permission in gained.items():
        if olds := [lost[k] for k in widened[key] if key not in narrowed[k]]:
            found.append(_difference(olds, [permission], budget))
        # Other conditions of one meaning are told of: what they are filled with may differ yet.
        for same in (lost[k] for k in widened[key] if key in narrowed[k]):
            one = _difference([same], [permission], budget)
            alike = same.conditions == permission.conditions
            found.append(replace(one, kind="redundant") if alike else one)
    for key, permission in lost.items():
        if news := [gained[k] for k in narrowed[key] if key not in widened[k]]:
            found.append(_difference([permission], news, budget))
    held = {key for inner in (*narrowed.values(), *widened.values()) for key in inner}
    rest = {k: g for k, g in gained.items() if not widened[k] and k not in held}
    gone = {k: g for k, g in lost.items() if not narrowed[k] and k not in held}
    by_subject: dict[tuple[object, ...], dict[Key, Permission]] = {}
    for key, permission in gone.items():
        by_subject.setdefault(_subject(permission), {})[key] = permission
    for key, permission in list(rest.items()):
        twin = _twin(permission, by_subject.get(_subject(permission), {}).values())
        if twin is not None:
            del rest[key], gone[twin.key], by_subject[_subject(permission)][twin.key]
            found.append(_difference([twin], [permission], budget))
    found += [_Found(_of_effect("lost", g), *g.line, olds=(g,)) for g in gone.values()]
    found += [_Found(_of_effect("gained", g), *g.line, news=(g,)) for g in rest.values()]
    found += [_Found("redundant", *g.line, olds=(g,)) for g in idle_before]
    found += [_Found("redundant", *g.line, news=(g,)) for g in idle_after]
    return _grouped(found)


def _apart(
    here: dict[Key, Permission], there: Iterable[Key], kept: list[Permission], budget: Budget
) -> tuple[dict[Key, Permission], list[Permission]]:
    """Return the permissions of one side alone, without and with those that a kept one contains."""
    alone = {key: permission for key, permission in here.items() if key not in there}
    containers = Containers(kept, budget)
    idle = {key: permission for key, permission in alone.items() if any(containers.of(permission))}
    return {k: g for k, g in alone.items() if k not in idle}, list(idle.values())


def _contained(
    some: Mapping[Key, Permission], others: Mapping[Key, Permission], budget: Budget
) -> dict[Key, list[Key]]:
    """Return for the key of each of some permissions those of others that it contains."""
    containers = Containers(some.values(), budget)
    found: dict[Key, list[Key]] = {key: [] for key in some}
    for key, permission in others.items():
        for one in containers.of(permission):
            found[one.key].append(key)
    return found


def _twin(permission: Permission, alike: Iterable[Permission]) -> Permission | None:
    """Return the permission of this action that this one replaces, on its resource if any."""
    same_resource, same_conditions = None, None
    for other in alike:
        if other.resource == permission.resource:
            same_resource = same_resource or other
        elif other.conditions == permission.conditions:
            same_conditions = same_conditions or other
    return same_resource or same_conditions


def _subject(permission: Permission) -> tuple[object, ...]:
    return (permission.effect, permission.action.lower(), permission.principals)


def _difference(olds: list[Permission], news: list[Permission], budget: Budget) -> _Found:
    """Return what it means that permissions replace others; one of the sides has only one."""
    old, new = olds[0], news[0]
    tighter = all(contains(old, one, budget) for one in news)
    looser = all(contains(new, one, budget) for one in olds)
    kind: Kind = "changed"
    every = [*olds, *news]
    conditions = {g.conditions for g in every}
    same_grant = len({(g.action.lower(), g.resource) for g in every}) == 1
    if tighter != looser:
        kind = "narrowed" if tighter else "widened"
    action = new.action
    if len(conditions) > 1 and same_grant:
        if tighter != looser:
            kind = "tightened" if tighter else "weakened"
        there = " and".join(_only(g, new) for g in olds)
        here = " and".join(_only(g, old) for g in news)
        text = f"on {new.resource}{new.who}: from{there} to{here}"
    elif len({g.action.lower() for g in every}) > 1:
        if len({g.line[1] for g in every}) == 1:
            action, here = (", ".join(sorted(g.action for g in side)) for side in (olds, news))
            text = f"to {here} {new.line[1]}"
        else:
            action, text = _together(olds), f"to {_together(news)}"
    elif len(conditions) == 1:
        there, here = (", ".join(g.resource for g in side) for side in (olds, news))
        text = f"from {there} to {here}{new.who}{new.words}"
    else:
        there, here = (" and ".join(g.line[1][3:] for g in side) for side in (olds, news))
        text = f"from {there} to {here}"
    return _Found(_of_effect(kind, new), action, text, tuple(olds), tuple(news))


def _only(one: Permission, other: Permission) -> str:
    """Return the conditions of one permission that another does not have, in words."""
    own = [
        c
        for c in one.statement.conditions
        if (c.operator, c.key.lower(), frozenset(c.values)) not in other.conditions
    ]
    return "".join(f" if {condition_text(c)}" for c in own) or " no condition"


def _of_effect(kind: Kind, permission: Permission) -> Kind:
    if permission.effect == "Allow":
        return kind
    denied: dict[Kind, Kind] = {"widened": "denied", "tightened": "undenied"}
    denied |= {"narrowed": "undenied", "weakened": "denied", "lost": "undenied", "gained": "denied"}
    return denied.get(kind, kind)


def _together(permissions: Iterable[Permission]) -> str:
    """Return several permissions as text, the actions of one meaning together."""
    lines: dict[str, list[str]] = {}
    for permission in permissions:
        action, rest = permission.line
        lines.setdefault(rest, []).append(action)
    return " and ".join(f"{', '.join(sorted(a))} {rest}" for rest, a in lines.items())


def _grouped(found: Iterable[_Found]) -> tuple[AccessChange, ...]:
    lines: dict[tuple[Kind, str, bool], list[_Found]] = {}
    for one in found:
        lines.setdefault((one.kind, one.text, not one.olds), []).append(one)
    return tuple(
        AccessChange(
            kind,
            f"{', '.join(sorted(one.action for one in group))} {text}",
            tuple(g.statement for one in group for g in one.olds),
            tuple(g.statement for one in group for g in one.news),
        )
        for (kind, text, _), group in lines.items()
    )
