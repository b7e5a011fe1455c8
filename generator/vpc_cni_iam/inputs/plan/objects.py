"""Kubernetes objects and values of charts: whether they are about the plugin, or about access.

They are read as data: objects as JSON, text as YAML. Text that does not parse is not guessed; the
caller reports that it is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Raw, Struct, field

from vpc_cni_iam.inputs.plan.values import decoded

# In the annotation with a service account's role, and in all other forms of it.
_ROLE_WORD = "role-arn"
# The arguments with an object, as text or as data.
MANIFESTS = ("content", "manifest", "yaml_body")
# The names of its objects and its add-on, and words that only it or its settings have.
_PLUGIN_NAMES = ("aws-node", "vpc-cni", "amazon-vpc-cni")
_PLUGIN_WORDS = (
    *("aws-vpc-cni", "aws_vpc_cni", "AWS_VPC_K8S_", "ADDITIONAL_ENI_TAGS", "ENABLE_IPv4"),
    *("ENABLE_IPv6", "ENABLE_POD_ENI", "ENABLE_PREFIX_DELEGATION"),
)
# Who administers the cluster, and clusters created by Cluster API.
_ACCESS_KINDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_CLUSTER_KIND = "AWSManagedControlPlane"
_ACCESS_NAME = "aws-auth"
_LONG_LIVED = "kubernetes.io/service-account-token"  # the type of a secret
# The API groups of Crossplane and ACK that create access in AWS.
_ACCESS_GROUPS = ("cloud", "eks", "iam", "identity", "organizations", "rolesanywhere", "sso")
_GROUP_ENDS = (".aws.", ".services.k8s.aws")
# Members that set the role of Karpenter's nodes, or let pods reach the instance metadata, with the
# value that does not.
_NODE_KINDS = ("NodeClass", "EC2NodeClass", "AWSNodeTemplate")
_NODE_ROLES = ("role", "instanceProfile")
_METADATA = {"httpPutResponseHopLimit": "1", "httpTokens": "required"}
# Substrings of everything above; text without any of them is not parsed. Text with escaped
# characters has backslashes or base64; the JSON of a plan doubles backslashes.
_MARKS = (
    *("aws-node", "vpc-cni", *_PLUGIN_WORDS, "Role", _CLUSTER_KIND, _ACCESS_NAME, _LONG_LIVED),
    *(".aws.", ".k8s.aws", "NodeClass", "AWSNodeTemplate", _ROLE_WORD, "binary"),
)
_WORDS = "|".join(map(re.escape, _MARKS))
_IN_BYTES = re.compile(rf"{_WORDS}|\\\\|\\u00(?:2[def]|[4-7])".encode())
_IN_TEXT = re.compile(rf"{_WORDS}|\\")
_PLUGIN = re.compile(rf"{'|'.join(_PLUGIN_WORDS)}|(?<![\w-])(?:{'|'.join(_PLUGIN_NAMES)})(?![\w-])")
_DEPTH = 4  # the depth of texts in texts
# Longer text is not parsed: reading a megabyte of YAML takes two seconds.
_MOST = 250_000


class ObjectFacts(Struct):
    """The facts about objects, or values of a chart."""

    names_plugin: bool = False
    is_about_access: bool = False
    annotates: bool = False  # whether they name the role of a service account
    is_unparsed: bool = False  # whether text with an object does not parse
    is_about_nodes: bool = False  # whether they configure Karpenter nodes
    # The roles of these nodes, and settings that open the instance metadata.
    node_access: set[str] = field(default_factory=set)

    def add(self, value: Any, *, key: str = "", in_nodes: bool = False, depth: int = 0) -> None:
        """Add the facts of a value.

        Args:
            value: JSON of a plan, or text.
            key: The key of the value.
            in_nodes: Whether it is in an object about nodes.
            depth: The number of texts around it.
        """
        if isinstance(value, Mapping):
            in_nodes = in_nodes or value.get("kind") in _NODE_KINDS
            self.is_about_nodes |= in_nodes
            for name, inner in value.items():
                self._add_key(str(name))
                self.add(inner, key=str(name), in_nodes=in_nodes, depth=depth)
        elif isinstance(value, list):
            for inner in value:
                self.add(inner, key=key, in_nodes=in_nodes, depth=depth)
        else:
            if in_nodes and str(value) != _METADATA.get(key, str(value)):
                self.node_access.add(f"{key}={value}")
            if isinstance(value, str):
                self._add_text(value, key, in_nodes=in_nodes, depth=depth)

    def _add_key(self, key: str) -> None:
        self.names_plugin |= any(word in key for word in _PLUGIN_WORDS)
        self.annotates |= _ROLE_WORD in key

    def _add_text(self, text: str, key: str, *, in_nodes: bool, depth: int) -> None:
        documents = None
        if (":" in text or key in MANIFESTS) and _IN_TEXT.search(text):
            documents = _parsed(text) if depth < _DEPTH else None
            if documents is None:
                self._add_unparsed(text, key)
        if isinstance(documents, Mapping | list) and documents != [text]:
            self.add(documents, in_nodes=in_nodes, depth=depth + 1)
        else:
            self._add_scalar(text, key)
            if in_nodes and key in _NODE_ROLES:
                self.node_access.add(text)

    def _add_scalar(self, text: str, key: str) -> None:
        self.names_plugin |= any(word in text for word in _PLUGIN_WORDS)
        self.annotates |= _ROLE_WORD in text
        if key.lower().endswith("name"):
            self.names_plugin |= text in _PLUGIN_NAMES
            self.is_about_access |= text == _ACCESS_NAME
        elif key == "type":
            self.is_about_access |= text == _LONG_LIVED
        elif key == "kind":
            self.is_about_access |= text in _ACCESS_KINDS or text.startswith(_CLUSTER_KIND)
        elif key.lower().endswith("version"):
            group = text.partition("/")[0]
            makes = group.startswith(_ACCESS_GROUPS) and any(end in group for end in _GROUP_ENDS)
            self.is_about_access |= makes

    def _add_unparsed(self, text: str, key: str) -> None:
        self.is_unparsed |= key in MANIFESTS
        self.annotates |= _ROLE_WORD in text
        self.names_plugin |= _PLUGIN.search(text) is not None


def may_be_about_access(change: Raw) -> bool:
    """Return whether the JSON of a change may be about the plugin or access; a fast check."""
    return _IN_BYTES.search(bytes(change)) is not None


def facts_of(*values: Any) -> ObjectFacts:
    """Return the facts about values of resources, such as before and after a change."""
    facts = ObjectFacts()
    try:
        for value in values:
            facts.add(value)
    except RecursionError:
        facts.is_unparsed = True
    return facts


def later_node_roles(marks: Any) -> bool:
    """Return whether a node role is unknown until apply."""
    return any(name in _NODE_ROLES and mark is True for name, mark in _members(marks))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name, inner
            yield from _members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _members(inner)


@lru_cache(2)  # most text is the same before and after a change
def _parsed(text: str) -> Any:
    """Return the value of text; None if it does not parse."""
    return decoded(text, most=_MOST)
