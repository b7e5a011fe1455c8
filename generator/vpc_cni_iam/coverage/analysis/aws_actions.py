"""The actions of AWS that are known here, each with its type of resource.

``data/example-actions.json`` has every action of the services that the plugin calls and of IAM, and
one of each other service; those that readers know best come first.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.names import nearest, unknown_name
from vpc_cni_iam.policy import wildcard

NO_TYPE = "*"  # of an action that is checked on no resource, or on several
_DATA = "coverage/analysis/data/example-actions.json"


def describes(action: str) -> bool:
    """Say whether an action only describes or lists, by its name."""
    return action.partition(":")[2].lower().startswith(("describe", "list"))


@cache
def known_actions() -> dict[str, str]:
    """Return actions with their type of resource, those to be shown first first.

    Those that only describe come last, so that three of them never hide a graver one.
    """
    called = {
        call.action: f"{call.resources[0].split(':')[2]} {kind_of(call.resources[0])}"
        if len(call.resources) == 1 and call.resources != (NO_TYPE,)
        else NO_TYPE
        for call in calls.calls()
    }
    data = resources.data(_DATA)
    every = {**data["well_known"], **data["actions"], **called}
    order = sorted([*data["well_known"], *called, *data["actions"]], key=describes)
    return {action: every[action] for action in order}


def unknown_action(action: str) -> str:
    """Return that AWS has no action that a pattern matches, or no service with its prefix.

    Empty if it has one, or if not all actions of the service are known here.
    """
    where = " of AWS's Service Authorization Reference"
    service = action.lower().partition(":")[0]
    if not any(wildcard.matches(service, name) for name in _services()):
        return unknown_name(service, _services(), "service", where)
    names = _actions_of(service)
    if not names or any(wildcard.matches(action.lower(), name) for name in names):
        return ""
    return unknown_name(action, names.values(), "action", where)


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
def _services() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.partition(":")[0].lower() for name in known_actions()))


@cache
def _actions_of(service: str) -> dict[str, str]:
    """Return the actions of a service by their names in lower case; none if not all are known."""
    names = [name for name in known_actions() if name.lower().startswith(f"{service}:")]
    # Of a service that the plugin does not call, few are.
    complete = sum(name in resources.data(_DATA)["actions"] for name in names) > 1
    return {name.lower(): name for name in names} if complete else {}
