"""The tags that the plugin puts on network interfaces, by release.

Source: the tags of ec2:CreateTags in ``data/calls.json``, read from the plugin's source.
"""

from __future__ import annotations

from functools import cache

from vpc_cni_iam.catalog.releases import Release
from vpc_cni_iam.catalog.store import calls_data

CLUSTER_TAG = "cluster.k8s.amazonaws.com/name"
INSTANCE_TAG = "node.k8s.amazonaws.com/instance_id"
# Sent when an interface is created and by the clean-up of leaked ones; never when a node starts.
CREATED_TAG = "node.k8s.amazonaws.com/createdAt"
# With the value true on an interface, the plugin leaves that alone.
NO_MANAGE_TAG = "node.k8s.amazonaws.com/no_manage"
# The plugin drops keys of ADDITIONAL_ENI_TAGS that contain this.
RESERVED = "k8s.amazonaws.com"
# The plugin's interfaces have descriptions that begin so.
DESCRIPTION = "aws-K8S-"


@cache
def tag_keys(release: Release) -> tuple[str, ...]:
    """Return the tag keys that a release sends if CLUSTER_NAME is set, but for additional ones.

    Args:
        release: A known release of v1.8.0 or later; an older one sends them in other calls.
    """
    return tuple(key for key, since in _keys() if since <= release)


def key_since(key: str) -> Release:
    """Return the first release that sends a tag key.

    Args:
        key: The key.
    """
    return dict(_keys())[key]


@cache
def _keys() -> tuple[tuple[str, Release], ...]:
    (found,) = (c for c in calls_data()["calls"] if c["action"] == "ec2:CreateTags")
    return tuple(
        (tag["key"], Release.of(tag["since"]))
        for tag in found["request_tags"]
        if "key" in tag and not tag["key"].startswith("<")
    )
