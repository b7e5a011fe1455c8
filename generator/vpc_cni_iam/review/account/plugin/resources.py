"""Which resources set up the plugin, or give aws-node its role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vpc_cni_iam.catalog.trust import NAMESPACE, SERVICE_ACCOUNT
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.inputs.plan.values import read, values_of
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known

PLUGIN_ADDON = "vpc-cni"
# Where an object of Kubernetes has its metadata, by what its resource type begins with.
_METADATA: Mapping[str, str] = {
    "kubernetes_service_account": "metadata.*",
    "kubernetes_annotations": "metadata.*",
    "kubernetes_manifest": "manifest.metadata",
    "kubectl_manifest": "yaml_body.{}.metadata",
}


def is_for_plugin(resource: Resource, side: Side) -> bool:
    """Say whether a resource sets up the plugin on a side, or gives aws-node its role.

    That is the add-on, the chart, an association, or the service account itself.
    """
    match resource.type:
        case "aws_eks_addon":
            return (values_of(resource, side) or {}).get("addon_name") == PLUGIN_ADDON
        case "helm_release":
            return is_plugins_chart(values_of(resource, side))
        case "aws_eks_pod_identity_association":
            values = values_of(resource, side) or {}
            names = values.get("namespace"), values.get("service_account")
            return names == (NAMESPACE, SERVICE_ACCOUNT)
    return any(_is_service_account(metadata) for metadata in _metadata(resource, side))


def _metadata(resource: Resource, side: Side) -> Iterator[Any]:
    for prefix, path in _METADATA.items():
        if resource.type.startswith(prefix):
            values = (placed.value for placed in read(resource, path, side))
            yield from (value.value for value in values if isinstance(value, Known))


def _is_service_account(metadata: Any) -> bool:
    names = isinstance(metadata, dict) and (metadata.get("namespace"), metadata.get("name"))
    return names == (NAMESPACE, SERVICE_ACCOUNT)
