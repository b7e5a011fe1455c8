"""What a change of a policy means: access gained and lost, widened and narrowed.

Statements are taken apart into single grants (effect, action, resource, conditions), so that
moving an action from one statement to another, or reordering, is no change. Grants are compared
one by one, exactly, by `vpc_cni_iam.policy.access`; whether the new policy as a whole allows
anything that the old one did not is a question for that proof alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from vpc_cni_iam.policy.compare import condition_text
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.grants import Grant, contains, grants

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
    olds: tuple[Grant, ...] = ()
    news: tuple[Grant, ...] = ()


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what a change of a policy means, actions of one meaning in one line.

    Args:
        old: The policy before.
        new: The policy after.
    """
    return tuple(c for c in all_changes(old, new) if c.kind != "redundant")


def all_changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what `changes` does, and as ``redundant`` what comes or goes without any effect.

    That is what a grant that stays contains, and what stands for another of one meaning.

    Args:
        old: The policy before.
        new: The policy after.
    """
    before, after = grants(old), grants(new)
    kept = [grant for key, grant in before.items() if key in after]
    lost, idle_before = _apart(before, after, kept)
    gained, idle_after = _apart(after, before, kept)
    narrowed = {k: [n for n, g in gained.items() if contains(one, g)] for k, one in lost.items()}
    widened = {k: [n for n, g in lost.items() if contains(one, g)] for k, one in gained.items()}
    found: list[_Found] = []
    for key, grant in gained.items():
        if olds := [lost[k] for k in widened[key] if key not in narrowed[k]]:
            found.append(_difference(olds, [grant]))
        # Other conditions of one meaning are told of: what they are filled with may differ yet.
        for same in (lost[k] for k in widened[key] if key in narrowed[k]):
            one = _difference([same], [grant])
            alike = same.conditions == grant.conditions
            found.append(replace(one, kind="redundant") if alike else one)
    for key, grant in lost.items():
        if news := [gained[k] for k in narrowed[key] if key not in widened[k]]:
            found.append(_difference([grant], news))
    rest = {k: g for k, g in gained.items() if not widened[k] and not _within(g, lost.values())}
    gone = {k: g for k, g in lost.items() if not narrowed[k] and not _within(g, gained.values())}
    for key, grant in list(rest.items()):
        twin = _twin(grant, gone.values())
        if twin is not None:
            del rest[key], gone[twin.key]
            found.append(_difference([twin], [grant]))
    found += [_Found(_of_effect("lost", g), *g.line, olds=(g,)) for g in gone.values()]
    found += [_Found(_of_effect("gained", g), *g.line, news=(g,)) for g in rest.values()]
    found += [_Found("redundant", *g.line, olds=(g,)) for g in idle_before]
    found += [_Found("redundant", *g.line, news=(g,)) for g in idle_after]
    return _grouped(found)


def _apart(
    here: dict[tuple[object, ...], Grant], there: Iterable[tuple[object, ...]], kept: list[Grant]
) -> tuple[dict[tuple[object, ...], Grant], list[Grant]]:
    """Return the grants of one side alone, without and with those that a kept one contains."""
    alone = {key: grant for key, grant in here.items() if key not in there}
    idle = {key: grant for key, grant in alone.items() if _within(grant, kept)}
    return {k: g for k, g in alone.items() if k not in idle}, list(idle.values())


def _within(one: Grant, others: Iterable[Grant]) -> bool:
    return any(contains(other, one) for other in others)


def _twin(grant: Grant, lost: Iterable[Grant]) -> Grant | None:
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


def _difference(olds: list[Grant], news: list[Grant]) -> _Found:
    """Return what it means that grants stand in the place of others, one on one side at least."""
    old, new = olds[0], news[0]
    tighter = all(contains(old, one) for one in news)
    looser = all(contains(new, one) for one in olds)
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


def _only(one: Grant, other: Grant) -> str:
    """Return the conditions of one grant that another does not have, in words."""
    own = [
        c
        for c in one.statement.conditions
        if (c.operator, c.key.lower(), frozenset(c.values)) not in other.conditions
    ]
    return "".join(f" if {condition_text(c)}" for c in own) or " no condition"


def _of_effect(kind: Kind, grant: Grant) -> Kind:
    if grant.effect == "Allow":
        return kind
    denied: dict[Kind, Kind] = {"widened": "denied", "tightened": "undenied"}
    denied |= {"narrowed": "undenied", "weakened": "denied", "lost": "undenied", "gained": "denied"}
    return denied.get(kind, kind)


def _together(grants: Iterable[Grant]) -> str:
    """Return several grants as text, the actions of one meaning together."""
    lines: dict[str, list[str]] = {}
    for grant in grants:
        action, rest = grant.line
        lines.setdefault(rest, []).append(action)
    return " and ".join(f"{', '.join(sorted(a))} {rest}" for rest, a in lines.items())


def _grouped(found: Iterable[_Found]) -> tuple[Change, ...]:
    lines: dict[tuple[Kind, str, bool], list[_Found]] = {}
    for one in found:
        lines.setdefault((one.kind, one.text, not one.olds), []).append(one)
    return tuple(
        Change(
            kind,
            f"{', '.join(sorted(one.action for one in group))} {text}",
            tuple(g.statement for one in group for g in one.olds),
            tuple(g.statement for one in group for g in one.news),
        )
        for (kind, text, _), group in lines.items()
    )
