"""Published methods of privilege escalation.

``data/escalation.json`` has their sources. ``iam:PassRole`` alone is enough here: the service that
gets the role is not checked.
"""

from __future__ import annotations

from collections.abc import Callable

from vpc_cni_iam.catalog.facts import store
from vpc_cni_iam.resources import Facts


class Method(Facts, frozen=True):
    """A method of privilege escalation, and its number in a source."""

    actions: tuple[str, ...]
    source: str


class EscalationFile(Facts, frozen=True):
    """The methods, and the types of resource that are not of the action's own service."""

    sources: dict[str, str]
    methods: tuple[Method, ...]
    resources: dict[str, str]


def _file() -> EscalationFile:
    return store.data("escalation.json", EscalationFile)


def escalating(allowed: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the actions of each method whose actions are all allowed."""
    methods = (m.actions for m in _file().methods if all(map(allowed, m.actions)))
    return tuple(dict.fromkeys(action for actions in methods for action in actions))


def resource_type(action: str) -> str | None:
    """Return the type of resource of an action, if that is not of the action's own service."""
    return _file().resources.get(action)
