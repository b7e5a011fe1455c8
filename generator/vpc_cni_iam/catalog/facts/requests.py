"""How the plugin sends its calls, and the tags that it writes, by plugin version.

`calls` says which actions a version calls. IAM checks an action differently for different requests,
such as ec2:ModifyNetworkInterfaceAttribute for security groups or for delete-on-termination.
Source: ``data/requests.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from msgspec import Struct

from vpc_cni_iam.catalog.facts import calls, store
from vpc_cni_iam.catalog.facts.calls import CallRange, DenialSeverity, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

CLUSTER = "cluster.k8s.amazonaws.com/name"
INSTANCE = "node.k8s.amazonaws.com/instance_id"
CREATED_AT = "node.k8s.amazonaws.com/createdAt"
OWNER = "eks:eni:owner"
# The prefix of a cluster's name in the tag of Kubernetes itself, which is ``owned`` on instances.
KUBERNETES_CLUSTER = "kubernetes.io/cluster/"
_ARN_PARTS = 6
_SEPARATOR = re.compile("[:/]")


class RequestTemplate(Struct, frozen=True):
    """One form of the plugin's requests for an action."""

    name: str  # such as ``set-groups``
    action: str
    does: str
    breaks: Mapping[DenialSeverity, str]  # what a denial breaks, by severity
    at_start: bool  # whether every start sends it first, without a resource
    ranges: tuple[CallRange, ...]  # who sends it, by mode and range of versions
    # The kinds of resource that IAM checks, such as ``instance``; none if AWS allows it whatever
    # policies say.
    on: tuple[str, ...]
    # Kinds of resource that IAM can check for the action but not for this form, with the reason.
    never_on: Mapping[str, str]

    def broken_by(self, call_range: CallRange) -> str:
        """Return what a denial in one of its call ranges breaks, in words."""
        return call_range.breaks or self.breaks[call_range.severity]

    def sent(
        self, mode: Mode, version: PluginVersion, features: tuple[str, ...]
    ) -> CallRange | None:
        """Return the most severe call range that sends it; None if none does."""
        ranges = [
            calls.at_version(call_range, self.name, version)
            for call_range in self.ranges
            if call_range.mode == mode
            and call_range.at(version)
            and (call_range.feature is None or call_range.feature in features)
        ]
        return min(ranges, key=lambda call_range: not call_range.is_fatal, default=None)


@cache
def request_templates() -> Mapping[str, RequestTemplate]:
    """Return every form by its name, in the catalog's order."""
    return {entry["name"]: _form(entry) for entry in store.data("requests.json")["requests"]}


def _form(entry: Mapping[str, Any]) -> RequestTemplate:
    action = entry["action"]
    ranges = calls.call(action).ranges
    on = entry["on"] if "on" in entry else map(kind_of, calls.call(action).resources)
    if "sent" in entry:
        ranges = tuple(
            calls.read_range(action, entry["name"], mode, sent)
            for sent in entry["sent"]
            for mode in sent["modes"]
        )
    fatal = entry.get("breaks", "")
    return RequestTemplate(
        name=entry["name"],
        action=action,
        does=entry["does"],
        breaks={
            DenialSeverity.fatal: fatal,
            DenialSeverity.degraded: entry.get("breaks_degraded", fatal),
        },
        at_start=entry.get("at_start", False),
        ranges=ranges,
        on=tuple(on),
        never_on=entry.get("never_on", {}),
    )


@lru_cache(maxsize=1024)
def kind_of(resource: str) -> str:
    """Return the kind of resource of an ARN or pattern, such as ``instance``; ``*`` for ``*``."""
    return _SEPARATOR.split(resource.split(":", _ARN_PARTS - 1)[-1])[0]


def checked_on(
    action: str, modes: Iterable[Mode], version: PluginVersion, features: tuple[str, ...]
) -> frozenset[str]:
    """Return the kinds of resource that IAM checks for a version's requests of an action."""
    return frozenset(
        kind
        for template in request_templates().values()
        if template.action == action
        for mode in modes
        if template.sent(mode, version, features)
        for kind in template.on
    )


class TagKeys(Struct, frozen=True):
    """The tag keys that a version writes on interfaces, and where it sends ADDITIONAL_ENI_TAGS."""

    managed: tuple[str, ...]  # on every interface that it manages
    created: tuple[str, ...]  # in the request that creates one; empty if it has no tags
    additional: bool  # whether additional tags are written with them
    additional_created: bool  # whether the request that creates an interface has them


@cache
def tag_keys(version: PluginVersion, *, cluster_name: bool = True) -> TagKeys:
    """Return the tag keys that a version writes, with or without CLUSTER_NAME set."""
    data = store.data("requests.json")
    there = [
        (tag["key"], tag["needs"])
        for tag in data["tags"]
        if PluginVersion.of(tag["since"]) <= version
        and (cluster_name or tag["needs"] != "CLUSTER_NAME")
    ]
    managed = tuple(key for key, needs in there if needs != "creation")
    made = tuple(key for key, needs in there if needs == "creation")
    additional = version >= PluginVersion.of(data["additional_tags_since"])
    every = version >= PluginVersion.of(data["all_tags_on_create_since"])
    created = (*made, *managed) if every else made
    if version < PluginVersion.of(data["tag_on_create_since"]):
        created = ()
    return TagKeys(managed, created, additional, every)
