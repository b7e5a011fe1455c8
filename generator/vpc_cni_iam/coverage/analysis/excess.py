"""Finds patterns that grant more than the calls of the plugin, with examples that AWS documents.

A pattern that matches a call, such as ``ec2:*``, is needed, and yet it may grant
far more. It is reported where it grants another action of the Service Authorization Reference, or
what other versions or modes of the plugin call. ``data/example-actions.json`` has every action of
the services that the plugin calls and of IAM, and one of each other service, with the type of
resource; those that readers know best are shown first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache, lru_cache, partial
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.escalation import escalating, resource_type
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.names import nearest, unknown_name
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Compiled, Request, compile_policies
from vpc_cni_iam.policy.template import known

_SHOWN = 3
# Of all patterns together: with up to 490 of them, each is put to every action.
MOST_TRIES = 1_000_000
_EVERY = "*"
_ARN_PARTS = 6
_DATA = "coverage/analysis/data/example-actions.json"


class Harm(StrEnum):
    """What an action that the plugin does not call is good for; the worst comes first."""

    access = "access"  # to give oneself more permissions, by a published method
    data = "data"  # to read or change data or resources
    other = "other"  # to describe or list


class UnusedAction(Struct, frozen=True):
    """An action or pattern that policies name and the plugin never calls."""

    action: str
    harm: Harm


class ExcessGrant(Struct, frozen=True):
    """A pattern that grants more than the calls."""

    pattern: str  # the pattern, or ``all but`` those of a NotAction
    harm: Harm
    examples: tuple[str, ...]  # actions that it grants and the plugin never calls
    conditioned: bool = False  # whether it grants them under conditions only

    @property
    def is_grave(self) -> bool:
        """Whether it grants more than to describe or list, and that without a condition."""
        return not self.conditioned and not all(map(_describes, self.examples))


class Excess(Struct, frozen=True):
    """What patterns grant beyond the calls."""

    grants: tuple[ExcessGrant, ...] = ()  # the patterns that grant more
    # Those that may grant more than was seen: where there are many patterns, each is compared with
    # a part of the actions.
    partly_checked: tuple[str, ...] = ()

    def without(self, patterns: Collection[str]) -> Excess:
        """Return the same without some patterns."""
        return Excess(
            tuple(grant for grant in self.grants if grant.pattern not in patterns),
            tuple(pattern for pattern in self.partly_checked if pattern not in patterns),
        )


NO_EXCESS = Excess()


def _describes(action: str) -> bool:
    return action.partition(":")[2].lower().startswith(("describe", "list"))


def harm_of(action: str, escalating: Iterable[str]) -> Harm:
    """Return the harm of an action or pattern; `escalating` are actions that count as access."""
    if any(wildcard.matches(action.lower(), each.lower()) for each in escalating):
        return Harm.access
    return Harm.other if _describes(action) else Harm.data


def escalating_actions(
    policies: Sequence[Policy], limits: Sequence[Sequence[Policy]] = ()
) -> tuple[str, ...]:
    """Return the actions by which who has policies gives itself more permissions.

    They are allowed on some resource, under whatever conditions, also by the limits.
    """
    return _escalating(tuple(policies), tuple(map(tuple, limits)))


@lru_cache(maxsize=4)
def _escalating(policies: Sequence[Policy], limits: Sequence[Sequence[Policy]]) -> tuple[str, ...]:
    layers = [granted(policies), *_beside(policies, limits)]
    statements = [s for p in policies for s in p.statements if s.effect == "Allow"]

    def allowed(action: str) -> bool:
        kind = resource_type(action) or _every().get(action, f"{action.partition(':')[0]} ")
        return all(layer.evaluate(Request(action, "*")).allowed for layer in layers) and any(
            _names_action(statement, action.lower()) and _reaches(statement, kind)
            for statement in statements
        )

    return escalating(allowed)


def _names_action(statement: Statement, action: str) -> bool:
    """Say whether a statement is about an action, in lower case."""
    patterns = known(statement.actions or statement.not_actions)
    matches = any(wildcard.matches(pattern.lower(), action) for pattern in patterns)
    return matches is not bool(statement.not_actions)


def _beside(policies: Sequence[Policy], limits: Sequence[Sequence[Policy]]) -> Iterator[Compiled]:
    """Yield what must allow an action besides a statement that allows it."""
    yield not_denied(policies)
    for limit in limits:
        yield granted(limit)
        yield not_denied(limit)


def excess_grants(
    policies: Sequence[Policy],
    called: Collection[str],
    limits: Sequence[Sequence[Policy]] = (),
) -> Excess:
    """Return the patterns of Allow statements that grant actions never called, each once.

    `limits` are the role's boundary, and service control policies, of which each must allow, too.
    """
    return _excess(tuple(policies), tuple(called), tuple(map(tuple, limits)))


@lru_cache(maxsize=4)  # a report asks twice: for what is beyond the calls, and for the risks
def _excess(
    policies: Sequence[Policy], called: Collection[str], limits: Sequence[Sequence[Policy]]
) -> Excess:
    known = {action.lower() for action in called}
    layers = [*_beside(policies, limits)]
    examples, access = _every(), {a.lower() for a in escalating_actions(policies, limits)} - known

    @cache
    def allowed(action: str) -> bool:
        return all(layer.evaluate(Request(action, "*")).allowed for layer in layers)

    grants: dict[str, ExcessGrant] = {}
    partly_checked: dict[str, None] = {}
    patterns = tuple(_patterns(policies))
    for name, granting, grants_action, statement in patterns:
        reaches = cache(partial(_reaches, statement))
        shown: list[str] = []
        for action in granting(MOST_TRIES // len(patterns)):
            if action is None:
                partly_checked[name] = None
            elif action.lower() not in known and reaches(examples[action]) and allowed(action):
                shown.append(action)
            if len(shown) == _SHOWN:
                break
        if shown:
            harm = Harm.other if all(map(_describes, shown)) else Harm.data
            harm = Harm.access if any(map(grants_action, access)) else harm
            grant = ExcessGrant(name, harm, tuple(shown), bool(statement.conditions))
            before = grants.get(name)
            if before is None or (grant.is_grave and not before.is_grave):
                grants[name] = grant
    return Excess(tuple(grants.values()), tuple(partly_checked))


@cache
def _every() -> dict[str, str]:
    """Return actions with their type of resource, those to be shown first first.

    Those that only describe come last, so that three of them never hide a graver one.
    """
    called = {
        call.action: f"{call.resources[0].split(':')[2]} {kind_of(call.resources[0])}"
        if len(call.resources) == 1 and call.resources != (_EVERY,)
        else _EVERY
        for call in calls.calls()
    }
    data = resources.data(_DATA)
    every = {**data["well_known"], **data["actions"], **called}
    order = sorted([*data["well_known"], *called, *data["actions"]], key=_describes)
    return {action: every[action] for action in order}


def unknown_action(action: str) -> str:
    """Return that AWS has no action that a pattern matches.

    Empty if it has one, or if not all actions of the service are known here.
    """
    names = _actions_of(action.lower().partition(":")[0])
    if not names or any(wildcard.matches(action.lower(), name) for name in names):
        return ""
    return unknown_name(
        action, names.values(), "action", " of AWS's Service Authorization Reference"
    )


def unknown_actions(actions: Iterable[str]) -> tuple[str, ...]:
    """Return the actions, not patterns, that AWS does not have."""
    return tuple(
        action
        for action in dict.fromkeys(actions)
        if not {"*", "?"}.intersection(action)
        and (names := _actions_of(action.lower().partition(":")[0]))
        and action.lower() not in names
    )


def nearest_action(action: str) -> str | None:
    """Return the action of the same service with the nearest name, if one is near."""
    return nearest(action, _actions_of(action.lower().partition(":")[0]).values())


@cache
def _actions_of(service: str) -> dict[str, str]:
    """Return the actions of a service by their names in lower case; none if not all are known."""
    names = [name for name in _every() if name.lower().startswith(f"{service}:")]
    # Of a service that the plugin does not call, few are.
    complete = sum(name in resources.data(_DATA)["actions"] for name in names) > 1
    return {name.lower(): name for name in names} if complete else {}


def _patterns(
    policies: Sequence[Policy],
) -> Iterator[tuple[str, Callable[[int], Iterator[str | None]], Callable[[str], bool], Statement]]:
    """Yield each pattern of an Allow, what finds actions that it grants, and its statement.

    What finds them takes the most actions to try, and yields None last if there are more. Before
    the statement comes what says whether the pattern grants an action, in lower case.
    """
    for statement in (s for p in policies for s in p.statements if s.effect == "Allow"):
        if statement.not_actions:
            excepted = known(statement.not_actions)
            names = partial(_names_action, statement)
            yield f"all but {', '.join(excepted)}", partial(_all_but, excepted), names, statement
        for action in known(statement.actions):
            if "*" in action or "?" in action:
                pattern = action.lower()
                names = partial(wildcard.matches, pattern)
                yield action, partial(_matching, pattern), names, statement


@cache
def _lines() -> str:
    """Return the actions in lower case, each between line ends."""
    return "".join(["\n", *(f"{action}\n" for action in _names())])


@cache
def _names() -> dict[str, str]:
    return {action.lower(): action for action in _every()}


def _matching(pattern: str, most: int) -> Iterator[str | None]:
    """Yield the actions that a pattern matches; only those with its longest text are tried."""
    lines, texts = _lines(), re.split("[*?]+", pattern)
    if not all(text in lines for text in texts):
        return
    text, end = max(texts, key=len), 0
    for _ in range(most):
        position = lines.find(text, end + 1)
        if not 0 <= position < len(lines):
            return
        end = lines.index("\n", position)
        action = lines[lines.rindex("\n", 0, position) + 1 : end]
        if wildcard.matches(pattern, action):
            yield _names()[action]
    yield None


def _all_but(not_actions: Sequence[str], most: int) -> Iterator[str | None]:
    patterns = [pattern.lower() for pattern in not_actions]
    for lower, action in islice(_names().items(), most):
        if not any(wildcard.matches(pattern, lower) for pattern in patterns):
            yield action
    if len(_names()) > most:
        yield None


def granted(policies: Sequence[Policy]) -> Compiled:
    """Return policies that allow each action which the given ones allow under some condition."""
    return compile_policies(
        Policy(tuple(_anywhere(s) for s in p.statements if s.effect == "Allow"), p.version)
        for p in policies
    )


@lru_cache(4096)
def _anywhere(statement: Statement) -> Statement:
    return replace(statement, resources=("*",), not_resources=(), conditions=())


def not_denied(policies: Sequence[Policy]) -> Compiled:
    """Return a policy that allows everything except what policies deny on every resource."""
    denies = (
        s
        for p in policies
        for s in p.statements
        if s.effect == "Deny" and s.resources and not s.conditions
    )
    everything = Statement(actions=("*",), resources=("*",))
    return compile_policies([Policy((everything, *denies))])


def _reaches(statement: Statement, kind: str) -> bool:
    """Say whether a statement's resources have some of a type."""
    if statement.not_resources:
        return True
    return any(_is_of(resource, kind) for resource in known(statement.resources))


def _is_of(resource: str, kind: str) -> bool:
    parts = resource.split(":", _ARN_PARTS - 1)
    if resource == "*" or kind == _EVERY or len(parts) < _ARN_PARTS:
        return resource == "*"
    service, _, type_ = kind.partition(" ")
    if not wildcard.matches(parts[2], service):
        return False
    if not type_:  # which it is, is not known
        return True
    own = parts[5].replace(":", "/").partition("/")[0]
    return service == "s3" or wildcard.matches(own, type_)
