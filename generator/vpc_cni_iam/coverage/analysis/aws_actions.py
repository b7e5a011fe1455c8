"""The known actions of AWS, each with its type of resource.

``data/example-actions.json`` has every action of the services that the plugin calls and of IAM, and
one of each other service; the most familiar ones come first.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.names import nearest

NO_TYPE = "*"  # for an action that is checked on no resource, or on several
_DATA = "coverage/analysis/data/example-actions.json"


class ActionsFile(resources.Facts, frozen=True):
    """Actions with their type of resource, such as ``ec2 subnet``."""

    source: str
    well_known: dict[str, str]  # those that reports name first
    actions: dict[str, str]


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
    data = resources.data(_DATA, ActionsFile)
    every = {**data.well_known, **data.actions, **called}
    order = sorted([*data.well_known, *called, *data.actions], key=describes)
    return {action: every[action] for action in order}


def unknown_actions(actions: Iterable[str]) -> tuple[str, ...]:
    """Return the actions, not patterns, that AWS does not have.

    An action is not one of them if not all actions of its service are known here.
    """
    named = (action for action in dict.fromkeys(actions) if not {"*", "?"}.intersection(action))
    return tuple(a for a in named if (names := _actions_of(a)) and a.lower() not in names)


def nearest_action(action: str) -> str | None:
    """Return the known action of the same service with the nearest name, if one is near."""
    return nearest(action, _actions_of(action).values())


def _actions_of(action: str) -> dict[str, str]:
    """Return the actions of an action's service, by name in lower case.

    Empty if not all are known.
    """
    return _of_service(action.lower().partition(":")[0])


@cache
def _of_service(service: str) -> dict[str, str]:
    names = [name for name in known_actions() if name.lower().startswith(f"{service}:")]
    # Few actions are listed for a service that the plugin does not call.
    complete = sum(name in resources.data(_DATA, ActionsFile).actions for name in names) > 1
    return {name.lower(): name for name in names} if complete else {}
