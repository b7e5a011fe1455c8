"""A Kubernetes API with one node, its ENIConfigs and its CNINode, as far as the agent asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.plugin_probe.metadata import NODE

_CRD = "crd.k8s.amazonaws.com/v1alpha1"
_RESOURCES = "vpcresources.k8s.aws/v1alpha1"
# Of each group the kinds, by the plural in their paths, and whether they have a namespace.
_GROUPS = {
    "v1": {"nodes": ("Node", False), "pods": ("Pod", True), "events": ("Event", True)},
    _CRD: {"eniconfigs": ("ENIConfig", False)},
    _RESOURCES: {
        "cninodes": ("CNINode", False),
        "securitygrouppolicies": ("SecurityGroupPolicy", True),
    },
    "events.k8s.io/v1": {"events": ("Event", True)},
}
_PODS = 40
_VERBS = ["create", "get", "list", "patch", "update", "watch"]


def _object(body: bytes) -> dict[str, Any]:
    """Return an object; an empty one for a list of patches and for protocol buffers."""
    sent = json.loads(body) if body.startswith(b"{") else {}
    return dict(sent)


@dataclass
class Kubernetes:
    """The API's objects.

    Args:
        provider_id: The node's; a HyperPod node's names SageMaker.
        labels: The node's labels.
        configurations: ENIConfigs by name: their subnet and security groups.
        events: Events that the agent sent, as reason and note.
    """

    provider_id: str
    labels: dict[str, str] = field(default_factory=dict)
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    cni_node: dict[str, Any] = field(default_factory=lambda: {"features": []})

    def get(self, path: str) -> tuple[int, dict[str, Any]]:  # noqa: PLR0911 - one per path
        """Return the status and object that the API answers a GET with."""
        if path == "/version":
            return 200, {"major": "1", "minor": "33", "gitVersion": "v1.33.0"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups = [
                {
                    "name": name.partition("/")[0],
                    "versions": [{"groupVersion": name, "version": name.partition("/")[2]}],
                    "preferredVersion": {"groupVersion": name, "version": name.partition("/")[2]},
                }
                for name in _GROUPS
                if "/" in name
            ]
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        group = path.removeprefix("/apis/").removeprefix("/api/")
        if group in _GROUPS:
            resources = [
                {"name": name, "kind": kind, "namespaced": namespaced, "verbs": _VERBS}
                for name, (kind, namespaced) in _GROUPS[group].items()
            ]
            return 200, {"kind": "APIResourceList", "groupVersion": group, "resources": resources}
        *_, plural, name = ("", *path.split("/"))
        if self._kind(name)[0]:
            return 200, self.listed(name)
        for item in self.items(plural):
            if item["metadata"]["name"] == name:
                return 200, item
        return 404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}

    def post(self, body: bytes) -> dict[str, Any]:
        """Take in an object, of which only events are kept."""
        sent = _object(body)
        if sent.get("kind") == "Event":
            note = sent.get("note") or sent.get("message", "")
            self.events.append((str(sent.get("reason")), str(note)))
        return sent

    def patch(self, path: str, body: bytes) -> dict[str, Any]:
        """Change the CNINode."""
        if "/cninodes/" in path:
            self.cni_node |= _object(body).get("spec", {})
        *_, plural, name = path.split("/")
        return next((i for i in self.items(plural) if i["metadata"]["name"] == name), {})

    def listed(self, plural: str) -> dict[str, Any]:
        """Return the list of a kind's objects."""
        group, kind = self._kind(plural)
        version = {"resourceVersion": "1"}
        return {
            "apiVersion": group,
            "kind": f"{kind}List",
            "metadata": version,
            "items": self.items(plural),
        }

    def watched(self, plural: str, *, initial: bool) -> Iterator[dict[str, Any]]:
        """Yield the events that a watch begins with."""
        if not initial:
            return
        group, kind = self._kind(plural)
        for item in self.items(plural):
            yield {"type": "ADDED", "object": item}
        annotations = {"k8s.io/initial-events-end": "true"}
        metadata = {"resourceVersion": "1", "annotations": annotations}
        bookmark = {"apiVersion": group, "kind": kind, "metadata": metadata}
        yield {"type": "BOOKMARK", "object": bookmark}

    def items(self, plural: str) -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        if plural == "nodes":
            status = {"capacity": {"pods": "110"}, "allocatable": {"pods": "110"}}
            return [
                self._object("nodes", NODE, spec={"providerID": self.provider_id}, status=status)
            ]
        if plural == "pods":
            spec = {"nodeName": NODE, "containers": [{"name": "app", "resources": {}}]}
            return [self._object(plural, f"pod-{n}", spec=spec) for n in range(_PODS)]
        if plural == "eniconfigs":
            return [self._object(plural, name, spec=s) for name, s in self.configurations.items()]
        if plural == "cninodes":
            return [self._object(plural, NODE, spec=self.cni_node)]
        return []

    def _object(self, plural: str, name: str, **more: Any) -> dict[str, Any]:
        group, kind = self._kind(plural)
        labels = self.labels if plural == "nodes" else {}
        metadata: dict[str, Any] = {
            "name": name,
            "uid": name,
            "resourceVersion": "1",
            "labels": labels,
        }
        if plural == "pods":
            metadata["namespace"] = "default"
        return {"apiVersion": group, "kind": kind, "metadata": metadata, **more}

    @staticmethod
    def _kind(plural: str) -> tuple[str, str]:
        """Return the group and kind of a plural, two empty texts for none."""
        for group, kinds in _GROUPS.items():
            if plural in kinds:
                return group, kinds[plural][0]
        return "", ""
