"""Types of the parts of a plan's JSON that are read; imported only to read a plan."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct, field

_NOTHING = Raw(b"{}")


class Changing(Struct):
    """The change of a resource."""

    actions: list[str]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    after_unknown: dict[str, Any] | bool = False
    before_sensitive: dict[str, Any] | bool = False
    after_sensitive: dict[str, Any] | bool = False
    importing: dict[str, Any] | None = None


class Actions(Struct):
    """The actions of a change, without the rest."""

    actions: list[str] = []


class ChangedResource(Struct):
    """An item of ``resource_changes`` or ``resource_drift``."""

    address: str
    type: str
    name: str
    change: Raw
    mode: str = "managed"
    previous_address: str = ""
    deposed: str = ""


class DeferredChange(Struct):
    """An item of ``deferred_changes``."""

    resource_change: ChangedResource


class ActionInvocation(Struct):
    """An item of ``action_invocations``: an action of a provider at apply."""

    address: str
    type: str
    config_values: Raw = _NOTHING
    config_sensitive: Raw = _NOTHING


class DeferredInvocation(Struct):
    """An item of ``deferred_action_invocations``."""

    action_invocation: ActionInvocation


class StateResource(Struct):
    """A resource of a state."""

    address: str
    type: str
    name: str
    mode: str = "managed"
    deposed: str = field(default="", name="deposed_key")
    values: Raw = _NOTHING
    sensitive_values: Raw = _NOTHING


class DocumentValues(Struct):
    """The attribute of a policy document data source that has everything."""

    json: str | None = None


class HiddenDocument(Struct):
    """Whether that attribute is sensitive."""

    json: bool = False


class Provisioner(Struct):
    """A provisioner: runs commands when a resource is created or deleted."""

    type: str = ""


class ResourceBlock(Struct):
    """A resource of a configuration."""

    type: str
    name: str
    mode: str = "managed"
    provider_config_key: str = ""
    expressions: Raw = _NOTHING
    for_each_expression: Raw = _NOTHING
    provisioners: list[Provisioner] = []
