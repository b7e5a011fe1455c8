"""Published methods of privilege escalation.

``data/escalation.json`` has their sources. ``iam:PassRole`` alone is enough here: the service that
gets the role is not checked.
"""

from __future__ import annotations

from collections.abc import Callable

from vpc_cni_iam.catalog.facts import store

_FILE = "escalation.json"


def escalating(allowed: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the actions of each method whose actions are all allowed."""
    methods = (method["actions"] for method in store.data(_FILE)["methods"])
    return tuple(
        dict.fromkeys(a for method in methods if all(map(allowed, method)) for a in method)
    )


def resource_type(action: str) -> str | None:
    """Return the type of resource of an action, if that is not of the action's own service."""
    kind: str | None = store.data(_FILE)["resources"].get(action)
    return kind
