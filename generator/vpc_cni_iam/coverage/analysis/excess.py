"""Finds patterns that grant more than the calls of the plugin, with examples that AWS documents.

A pattern that matches a call, such as ``ec2:*``, is not granted for nothing, and yet it may grant
far more. It is reported where it grants one of the actions in ``data/example-actions.json``, which
have their type of resource from the Service Authorization Reference, or what other releases or
modes of the plugin call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Compiled, Request, compile_policies

_SHOWN = 3
_EVERY = "*"
_ARN_PARTS = 6
_DATA = "coverage/analysis/data/example-actions.json"
_READING = "ec2:Describe"


@dataclass(frozen=True, slots=True)
class ExcessGrant:
    """A pattern that grants more than the calls.

    Args:
        pattern: The pattern, or ``all but`` those of a NotAction.
        examples: Actions that it grants and the plugin never calls.
        conditioned: Whether it grants them under conditions only.
    """

    pattern: str
    examples: tuple[str, ...]
    conditioned: bool = False

    def __str__(self) -> str:
        return f"{self.pattern}, such as {', '.join(self.examples)}"

    @property
    def is_grave(self) -> bool:
        """Whether it grants more than to describe, and that without a condition."""
        return not self.conditioned and not all(e.startswith(_READING) for e in self.examples)


def excess_grants(
    policies: Sequence[Policy],
    called: Collection[str],
    limits: Sequence[Sequence[Policy]] = (),
) -> tuple[ExcessGrant, ...]:
    """Return the patterns of Allow statements that grant actions that are never called, each once.

    Args:
        policies: The policies of the plugin's role, taken together.
        limits: The role's boundary, and service control policies, of which each must allow, too.
    """
    known = {action.lower() for action in called}
    layers = [_undenied(policies)]
    layers += [layer for limit in limits for layer in (granted(limit), _undenied(limit))]
    examples = {a: kind for a, kind in _every().items() if a.lower() not in known}
    grants: dict[str, ExcessGrant] = {}
    for name, grants_action, statement in _patterns(policies):
        matched = (a for a, kind in examples.items() if grants_action(a))
        reached = (a for a in matched if _reaches(statement, examples[a]))
        left = (a for a in reached if all(c.evaluate(Request(a, "*")).allowed for c in layers))
        if shown := tuple(islice(left, _SHOWN)):
            grant = ExcessGrant(name, shown, bool(statement.conditions))
            before = grants.get(name)
            if before is None or (before.conditioned and not grant.conditioned):
                grants[name] = grant
    return tuple(grants.values())


def _every() -> dict[str, str]:
    """Return the list, followed by the actions that any release of the plugin calls."""
    called = {
        call.action: f"{call.resources[0].split(':')[2]} {kind_of(call.resources[0])}"
        if len(call.resources) == 1 and call.resources != (_EVERY,)
        else _EVERY
        for call in calls.calls()
    }
    return {**_examples(), **called}


@cache
def _examples() -> dict[str, str]:
    actions: dict[str, str] = json.loads(resources.text(_DATA))["actions"]
    return actions


def _patterns(
    policies: Sequence[Policy],
) -> Iterator[tuple[str, Callable[[str], bool], Statement]]:
    """Yield each pattern of an Allow, a test whether it grants an action, and its statement."""
    for statement in (s for p in policies for s in p.statements if s.effect == "Allow"):
        if statement.not_actions:
            yield f"all but {', '.join(statement.not_actions)}", _all_but(statement), statement
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield action, partial(_matches, action.lower()), statement


def _matches(pattern: str, action: str) -> bool:
    return wildcard.matches(pattern, action.lower())


def _all_but(statement: Statement) -> Callable[[str], bool]:
    compiled = granted([Policy((statement,))])
    return lambda action: compiled.evaluate(Request(action, "*")).allowed


def granted(policies: Sequence[Policy]) -> Compiled:
    """Return policies that allow each action which the given ones allow under some condition."""
    return compile_policies(
        Policy(tuple(map(_anywhere, filter(_allows, policy.statements))), policy.version)
        for policy in policies
    )


def _allows(statement: Statement) -> bool:
    return statement.effect == "Allow"


def _anywhere(statement: Statement) -> Statement:
    return replace(statement, resources=("*",), not_resources=(), conditions=())


def _undenied(policies: Sequence[Policy]) -> Compiled:
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
    return any(_is_of(resource, kind) for resource in statement.resources)


def _is_of(resource: str, kind: str) -> bool:
    parts = resource.split(":", _ARN_PARTS - 1)
    if resource == "*" or kind == _EVERY or len(parts) < _ARN_PARTS:
        return resource == "*"
    service, type_ = kind.split()
    if not wildcard.matches(parts[2], service):
        return False
    own = parts[5].replace(":", "/").partition("/")[0]
    return service == "s3" or wildcard.matches(own, type_)
