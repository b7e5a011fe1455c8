"""What a change of a policy means: access gained and lost, widened and narrowed.

Statements are taken apart into single grants (effect, action, resource, conditions), so that
moving an action from one statement to another, or reordering, is no change. Grants are compared
one by one, exactly, by `vpc_cni_iam.policy.access`; whether the new policy as a whole allows
anything that the old one did not is a question for that proof alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.access import Proven, no_new_access
from vpc_cni_iam.policy.compare import condition_text
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
]
# A change that may let something happen that could not happen before.
OPENING = frozenset({"gained", "widened", "weakened", "changed", "undenied"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of access.

    Args:
        kind: ``gained`` or ``lost`` for an action on a resource, ``widened`` or ``narrowed`` for
            actions and resources, ``weakened`` or ``tightened`` for conditions, ``changed`` for
            what neither contains the other, ``denied`` and ``undenied``.
        text: What, such as ``ec2:CreateTags on *``.
    """

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Grant:
    statement: Statement
    action: str
    resource: str
    conditions: frozenset[tuple[str, str, frozenset[str]]]
    principals: normalise.Normal
    words: str

    @property
    def effect(self) -> str:
        return self.statement.effect

    @property
    def key(self) -> tuple[object, ...]:
        return (self.effect, self.action.lower(), self.resource, self.conditions, self.principals)

    @property
    def line(self) -> tuple[str, str]:
        """The action, and the rest of what it says."""
        return self.action, f"on {self.resource}{self.words}"


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what a change of a policy means, actions of one meaning in one line.

    Args:
        old: The policy before.
        new: The policy after.
    """
    before, after = _grants(old), _grants(new)
    kept = [grant for key, grant in before.items() if key in after]
    # What a grant that stays contains is neither lost nor gained.
    lost = {k: g for k, g in before.items() if k not in after and not _within(g, kept)}
    gained = {k: g for k, g in after.items() if k not in before and not _within(g, kept)}
    narrowed = {k: [n for n, g in gained.items() if _contains(one, g)] for k, one in lost.items()}
    widened = {k: [n for n, g in lost.items() if _contains(one, g)] for k, one in gained.items()}
    found: list[tuple[Kind, str, str]] = []
    for key, grant in gained.items():
        if olds := [lost[k] for k in widened[key] if key not in narrowed[k]]:
            found.append(_difference(olds, [grant]))
        # Other conditions of one meaning are told of: what they are filled with may differ yet.
        same = (lost[k] for k in widened[key] if key in narrowed[k])
        found += [_difference([g], [grant]) for g in same if g.conditions != grant.conditions]
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
    for kind, denial, grants in (("lost", "undenied", gone), ("gained", "denied", rest)):
        for grant in grants.values():
            name: Kind = kind if grant.effect == "Allow" else denial  # type: ignore[assignment]
            found.append((name, *grant.line))
    return _grouped(found)


def _grants(policy: Policy) -> dict[tuple[object, ...], _Grant]:
    return {grant.key: grant for statement in policy.statements for grant in _of(statement)}


def _of(statement: Statement) -> Iterable[_Grant]:
    # What is all but some things is one thing: each exception taken by itself would be wrong.
    excepted = ", ".join(sorted(statement.not_actions))
    actions = statement.actions or ((f"all but {excepted}",) if excepted else ())
    kept_out = ", ".join(sorted(statement.not_resources))
    resources = statement.resources or ((f"all but {kept_out}",) if kept_out else ())
    words = "".join(f" if {condition_text(c)}" for c in statement.conditions)
    principals = normalise.statement(statement)[-2:]  # type: ignore[index]
    for action in actions:
        for resource in resources or ("itself",):
            yield _Grant(
                replace(
                    statement,
                    actions=(action,) if statement.actions else (),
                    resources=(resource,) if statement.resources else (),
                    sid="",
                ),
                action,
                resource,
                normalise.conditions(statement),
                principals,
                words,
            )


def _within(one: _Grant, others: Iterable[_Grant]) -> bool:
    return any(_contains(other, one) for other in others)


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


def _difference(olds: list[_Grant], news: list[_Grant]) -> tuple[Kind, str, str]:
    """Return what it means that grants stand in the place of others, one on one side at least."""
    old, new = olds[0], news[0]
    tighter = all(_contains(old, one) for one in news)
    looser = all(_contains(new, one) for one in olds)
    kind: Kind = "changed"
    every = [*olds, *news]
    conditions = {g.conditions for g in every}
    if len(conditions) > 1 and len({(g.action.lower(), g.resource) for g in every}) == 1:
        text = f"on {new.resource}: from{old.words or ' no condition'} to"
        text += new.words or " no condition"
        if tighter != looser:
            kind = "tightened" if tighter else "weakened"
        return _of_effect(kind, new), new.action, text
    if tighter != looser:
        kind = "narrowed" if tighter else "widened"
    if len({g.action.lower() for g in every}) > 1:
        if len({g.line[1] for g in every}) == 1:
            there, here = (", ".join(sorted(g.action for g in side)) for side in (olds, news))
            return _of_effect(kind, new), there, f"to {here} {new.line[1]}"
        return _of_effect(kind, new), _together(olds), f"to {_together(news)}"
    if len(conditions) == 1:
        there, here = (", ".join(g.resource for g in side) for side in (olds, news))
        return _of_effect(kind, new), new.action, f"from {there} to {here}{new.words}"
    there, here = (" and ".join(f"{g.resource}{g.words}" for g in side) for side in (olds, news))
    return _of_effect(kind, new), new.action, f"from {there} to {here}"


def _of_effect(kind: Kind, grant: _Grant) -> Kind:
    if grant.effect == "Allow":
        return kind
    denied: dict[Kind, Kind] = {"widened": "denied", "tightened": "undenied"}
    denied |= {"narrowed": "undenied", "weakened": "denied"}
    return denied.get(kind, kind)


def _together(grants: Iterable[_Grant]) -> str:
    """Return several grants as text, the actions of one meaning together."""
    lines: dict[str, list[str]] = {}
    for grant in grants:
        action, rest = grant.line
        lines.setdefault(rest, []).append(action)
    return " and ".join(f"{', '.join(sorted(a))} {rest}" for rest, a in lines.items())


def _contains(one: _Grant, other: _Grant) -> bool:
    """Say whether one grant is of all that another is, whatever the effect of both."""
    if (one.effect, one.principals) != (other.effect, other.principals):
        return False
    for wide, narrow in (
        (one.action.lower(), other.action.lower()),
        (one.resource, other.resource),
    ):
        # What has no wildcard and excepts nothing contains itself alone.
        if wide != narrow and not wide.startswith("all but ") and not {"*", "?"} & {*wide}:
            return False
    return _proven(_bare(one.statement), _bare(other.statement))


def _bare(statement: Statement) -> Statement:
    """Return a statement as one that allows what the other is about, to whomever has it."""
    resources = statement.resources or (() if statement.not_resources else ("*",))
    return replace(statement, effect="Allow", resources=resources, principals=(), not_principals=())


@lru_cache(maxsize=4096)
def _proven(wide: Statement, narrow: Statement) -> bool:
    # The older version has no policy variables: what is filled in is text like any other.
    try:
        return all(
            isinstance(no_new_access(*([Policy((s,), version="2008-10-17")] for s in pair)), Proven)
            for pair in _filled(wide, narrow)
        )
    except InputError:
        return False


def _filled(*statements: Statement) -> Iterator[list[Statement]]:
    """Yield statements with their variables, a module's or IAM's, filled in different ways.

    What holds of all is taken to hold whatever they are filled with: text that is in no pattern,
    of one character and of several, one of which has a case, and for a module's a wildcard.
    """
    names = sorted({name for s in statements for text in _texts(s) for name in _NAMES(text)})
    letters = {name: _letter(number) for number, name in enumerate(names)}
    yield [_fill(s, letters) for s in statements]
    if names:
        longer = {name: f"{letter}K" for name, letter in letters.items()}
        yield [_fill(s, longer) for s in statements]
    if wild := {name: "*" for name in names if ":" not in name}:
        yield [_fill(s, letters | wild) for s in statements]


_VARIABLE = re.compile(r"\$\{[^}]*\}")
_NAMES = _VARIABLE.findall


def _letter(number: int) -> str:
    """Return a text of its own for a number: control characters, which stand in no policy."""
    return chr(1 + number % 31) * (1 + number // 31)


def _texts(statement: Statement) -> Iterator[str]:
    yield from (*statement.resources, *statement.not_resources)
    for condition in statement.conditions:
        yield from (condition.key, *condition.values)


def _fill(statement: Statement, values: Mapping[str, str]) -> Statement:
    def fill(*texts: str) -> tuple[str, ...]:
        return tuple(_VARIABLE.sub(lambda found: values[found[0]], text) for text in texts)

    return replace(
        statement,
        resources=fill(*statement.resources),
        not_resources=fill(*statement.not_resources),
        conditions=tuple(
            replace(c, key=fill(c.key)[0], values=fill(*c.values)) for c in statement.conditions
        ),
    )


def _grouped(found: Iterable[tuple[Kind, str, str]]) -> tuple[Change, ...]:
    lines: dict[tuple[Kind, str], list[str]] = {}
    for kind, action, text in found:
        lines.setdefault((kind, text), []).append(action)
    return tuple(
        Change(kind, f"{', '.join(sorted(actions))} {text}")
        for (kind, text), actions in lines.items()
    )
