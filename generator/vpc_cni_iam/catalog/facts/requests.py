"""How the plugin sends its calls, and the tags that it writes, by plugin version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from vpc_cni_iam.catalog.facts import calls, store
from vpc_cni_iam.catalog.facts.calls import CallRange, Mode, Step
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.resources import Facts

CLUSTER = "cluster.k8s.amazonaws.com/name"
INSTANCE = "node.k8s.amazonaws.com/instance_id"
CREATED_AT = "node.k8s.amazonaws.com/createdAt"
OWNER = "eks:eni:owner"
# The prefix of a cluster's name in the tag of Kubernetes itself, which is ``owned`` on instances.
KUBERNETES_CLUSTER = "kubernetes.io/cluster/"
_ARN_PARTS = 6
_SEPARATOR = re.compile("[:/]")


class RequestTemplate(Step, frozen=True):
    """A step with its action, and with what was observed of its denials."""

    action: str
    ranges: tuple[CallRange, ...]  # who sends it, by mode and range of versions

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
    """Return every step that is sent itself, by its name, in the catalog's order."""
    return {
        step.name: RequestTemplate(
            **{
                **asdict(step),
                "action": call.action,
                "ranges": tuple(
                    calls.call_range_of(row, call.action, step.name) for row in step.ranges
                ),
            }
        )
        for call in calls.calls()
        for step in call.steps
        if step.within is None
    }


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


class TagKey(Facts, frozen=True):
    """A tag key, and from which version on it is written."""

    key: str
    since: PluginVersion
    needs: Literal["CLUSTER_NAME", "creation"] | None
    evidence: str


class TagsFile(Facts, frozen=True):
    """The tags on interfaces, and the versions that changed how they are written."""

    source: dict[str, str]
    tags: tuple[TagKey, ...]
    additional_tags_since: PluginVersion
    tag_on_create_since: PluginVersion
    all_tags_on_create_since: PluginVersion


class TagKeys(Struct, frozen=True):
    """The tag keys that a version writes on interfaces, and where it sends ADDITIONAL_ENI_TAGS."""

    managed: tuple[str, ...]  # on every interface that it manages
    created: tuple[str, ...]  # in the request that creates one; empty if it has no tags
    additional: bool  # whether additional tags are written with them
    additional_created: bool  # whether the request that creates an interface has them


@cache
def tag_keys(version: PluginVersion, *, cluster_name: bool = True) -> TagKeys:
    """Return the tag keys that a version writes, with or without CLUSTER_NAME set."""
    file = store.data("tags.json", TagsFile)
    tags = [
        tag
        for tag in file.tags
        if tag.since <= version and (cluster_name or tag.needs != "CLUSTER_NAME")
    ]
    managed = tuple(tag.key for tag in tags if tag.needs != "creation")
    created = tuple(tag.key for tag in tags if tag.needs == "creation")
    every = version >= file.all_tags_on_create_since
    if every:
        created = (*created, *managed)
    if version < file.tag_on_create_since:
        created = ()
    return TagKeys(managed, created, version >= file.additional_tags_since, every)
