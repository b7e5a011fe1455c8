"""The known actions of AWS, each with its type of resource.

``data/example-actions.json`` has every action of the services that the plugin calls and of IAM, and
one of each other service; the most familiar ones come first.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.names import nearest
from vpc_cni_iam.policy.wildcard import matches

NO_TYPE = "*"  # for an action that is checked on no resource, or on several
_DATA = "coverage/analysis/data/example-actions.json"


def describes(action: str) -> bool:
    """Return whether an action only describes or lists, by its name."""
    return action.partition(":")[2].lower().startswith(("describe", "list"))


@cache
def known_actions() -> dict[str, str]:
    """Return actions with their type of resource, in the order in which reports name them.

    Actions that only describe come last, so that they do not hide a more harmful one.
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


def is_unknown(action: str) -> bool:
    """Return whether AWS has no action that matches an action or a pattern.

    False if not all actions of its service are known here.
    """
    names, lower = actions_of(action), action.lower()
    return bool(names) and lower not in names and not any(map(partial(matches, lower), names))


def is_of_unknown_service(action: str) -> bool:
    """Return whether AWS has no service with the prefix of an action or pattern."""
    return not any(map(partial(matches, prefix(action)), services()))


def unknown_actions(actions: Iterable[str]) -> tuple[str, ...]:
    """Return the actions, not patterns, that AWS does not have."""
    named = (action for action in dict.fromkeys(actions) if not {"*", "?"}.intersection(action))
    return tuple(filter(is_unknown, named))


def nearest_action(action: str) -> str | None:
    """Return the known action of the same service with the nearest name, if one is near."""
    return nearest(action, actions_of(action).values())


def actions_of(action: str) -> dict[str, str]:
    """Return the actions of an action's service, by name in lower case.

    Empty if not all are known.
    """
    return _actions_of(prefix(action))


def prefix(action: str) -> str:
    """Return the prefix of an action's service, in lower case."""
    return action.lower().partition(":")[0]


@cache
def services() -> tuple[str, ...]:
    """Return the prefixes of AWS's services."""
    return tuple(dict.fromkeys(map(prefix, known_actions())))


@cache
def _actions_of(service: str) -> dict[str, str]:
    names = [name for name in known_actions() if name.lower().startswith(f"{service}:")]
    # Few actions are listed for a service that the plugin does not call.
    complete = sum(name in resources.data(_DATA)["actions"] for name in names) > 1
    return {name.lower(): name for name in names} if complete else {}
