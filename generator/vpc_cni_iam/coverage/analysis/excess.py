"""Finds permissions beyond the calls of the plugin, and the harm that they can do.

A pattern that matches a call, such as ``ec2:*``, is needed, but may allow far more. It is reported
if it allows another known action, or a call of other versions or modes of the plugin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache, lru_cache, partial

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.escalation import escalating, resource_type
from vpc_cni_iam.coverage.analysis.aws_actions import NO_TYPE, describes, known_actions
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Compiled, Request, compile_policies
from vpc_cni_iam.policy.template import known

_SHOWN = 3
# Pairs of an action and a pattern: with up to some 400 patterns, each is compared with every
# action.
MOST_TRIES = 1_000_000
_ARN_PARTS = 6
_VARIABLE = re.compile(r"\$\{[^}]*\}")  # of a policy: it may have any value


class Harm(StrEnum):
    """The harm of an action that the plugin does not call, the worst first."""

    access = "access"  # gives the role more permissions, by a published method
    data = "data"  # reads or changes data or resources
    other = "other"  # describes or lists


class UnusedAction(Struct, frozen=True):
    """An action or pattern that policies name and the plugin never calls."""

    action: str
    harm: Harm


class ExcessGrant(Struct, frozen=True):
    """A pattern that allows more than the calls."""

    pattern: str  # the pattern, or ``all but`` the actions of a NotAction
    harm: Harm
    examples: tuple[str, ...]  # actions that it allows and the plugin never calls
    conditioned: bool = False  # whether it allows them only under conditions

    @property
    def is_grave(self) -> bool:
        """Whether it allows more than describing or listing, without a condition."""
        return not self.conditioned and not all(map(describes, self.examples))


class Excess(Struct, frozen=True):
    """Permissions of patterns beyond the calls."""

    grants: tuple[ExcessGrant, ...] = ()  # the patterns that allow more
    # The patterns that may allow more: if there are many, the last are not compared with every
    # action.
    partly_checked: tuple[str, ...] = ()

    def without(self, patterns: Collection[str]) -> Excess:
        """Return the same without some patterns."""
        return Excess(
            tuple(grant for grant in self.grants if grant.pattern not in patterns),
            tuple(pattern for pattern in self.partly_checked if pattern not in patterns),
        )


NO_EXCESS = Excess()


def harm_of(action: str, escalating: Iterable[str]) -> Harm:
    """Return the harm of an action or pattern; `escalating` are actions with the harm access."""
    if any(wildcard.matches(action.lower(), each.lower()) for each in escalating):
        return Harm.access
    return Harm.other if describes(action) else Harm.data


def _harm_of_all(actions: Iterable[str]) -> Harm:
    """Return the harm of actions without the harm access."""
    return Harm.other if all(map(describes, actions)) else Harm.data


def escalating_actions(
    policies: Sequence[Policy], limits: Sequence[Sequence[Policy]] = ()
) -> tuple[str, ...]:
    """Return the actions with which a principal can give itself more permissions.

    The policies and limits allow them on some resource, under some condition.
    """
    return _escalating(tuple(policies), tuple(map(tuple, limits)))


@lru_cache(maxsize=4)
def _escalating(policies: Sequence[Policy], limits: Sequence[Sequence[Policy]]) -> tuple[str, ...]:
    layers = [granted(policies), *_beside(policies, limits)]
    statements = [s for p in policies for s in p.statements if s.effect == "Allow"]

    def allowed(action: str) -> bool:
        kind = resource_type(action) or known_actions().get(action, f"{action.partition(':')[0]} ")
        return all(layer.evaluate(Request(action, "*")).allowed for layer in layers) and any(
            statement.is_about(action) and _reaches(statement, kind) for statement in statements
        )

    return escalating(allowed)


def by_harm(
    policies: Sequence[Policy], limits: Sequence[Sequence[Policy]], actions: Iterable[str]
) -> tuple[UnusedAction, ...]:
    """Return the harm of actions that the principal with the policies does not need."""
    access = escalating_actions(policies, limits)
    return tuple(UnusedAction(action, harm_of(action, access)) for action in actions)


def _beside(policies: Sequence[Policy], limits: Sequence[Sequence[Policy]]) -> Iterator[Compiled]:
    """Yield what must allow an action besides the statement that allows it."""
    yield not_denied(policies)
    for limit in limits:
        yield granted(limit)
        yield not_denied(limit)


def excess_grants(
    policies: Sequence[Policy],
    called: Collection[str],
    limits: Sequence[Sequence[Policy]] = (),
) -> Excess:
    """Return the patterns of Allow statements that allow actions never called, without repeats.

    `limits` are the role's boundary and service control policies; each must allow an action, too.
    """
    if next(_patterns(policies), None) is None:
        return NO_EXCESS
    return _excess(tuple(policies), tuple(called), tuple(map(tuple, limits)))


@lru_cache(maxsize=4)  # a report asks twice: for excess permissions and for risks
def _excess(
    policies: Sequence[Policy], called: Collection[str], limits: Sequence[Sequence[Policy]]
) -> Excess:
    known_calls = {action.lower() for action in called}
    layers = [*_beside(policies, limits)]
    access = {a.lower() for a in escalating_actions(policies, limits)} - known_calls
    others = [(a, a.lower(), k) for a, k in known_actions().items() if a.lower() not in known_calls]

    @cache
    def allowed(action: str) -> bool:
        return all(layer.evaluate(Request(action, "*")).allowed for layer in layers)

    grants: dict[str, ExcessGrant] = {}
    partly_checked: dict[str, None] = {}
    tries = 0
    for name, statement, matches in _patterns(policies):
        reaches = cache(partial(_reaches, statement))
        shown: list[str] = []
        for action, lower, kind in others:
            if (tries := tries + 1) > MOST_TRIES:
                partly_checked[name] = None
                break
            if matches(lower) and reaches(kind) and allowed(action):
                shown.append(action)
                if len(shown) == _SHOWN:
                    break
        if shown:
            harm = Harm.access if any(map(matches, access)) else _harm_of_all(shown)
            grant = ExcessGrant(name, harm, tuple(shown), bool(statement.conditions))
            if name not in grants or (grant.is_grave and not grants[name].is_grave):
                grants[name] = grant
    return Excess(tuple(grants.values()), tuple(partly_checked))


def _patterns(
    policies: Sequence[Policy],
) -> Iterator[tuple[str, Statement, Callable[[str], bool]]]:
    """Yield each pattern of an Allow, with a function that matches actions in lower case."""
    for statement in (s for p in policies for s in p.statements if s.effect == "Allow"):
        if statement.not_actions:
            name = f"all but {', '.join(known(statement.not_actions))}"
            yield name, statement, statement.is_about
        for action in known(statement.actions):
            if "*" in action or "?" in action:
                yield action, statement, partial(wildcard.matches, action.lower())


def granted(policies: Sequence[Policy]) -> Compiled:
    """Return policies that allow each action that the policies allow under some condition."""
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
    """Return whether a statement's resources include some of a type."""
    if statement.not_resources:
        return True
    return any(_is_of(resource, kind) for resource in known(statement.resources))


def _is_of(resource: str, kind: str) -> bool:
    if resource == "*" or kind == NO_TYPE:
        return resource == "*"
    parts = _VARIABLE.sub("*", resource).split(":", _ARN_PARTS - 1)
    if parts[-1].endswith("*"):  # it matches the missing parts, too
        parts += ["*"] * (_ARN_PARTS - len(parts))
    elif len(parts) < _ARN_PARTS:
        return False
    service, _, type_ = kind.partition(" ")
    if not wildcard.matches(parts[2], service):
        return False
    if not type_:  # the type is unknown
        return True
    own = parts[5].replace(":", "/").partition("/")[0]
    return service == "s3" or wildcard.matches(own, type_)
