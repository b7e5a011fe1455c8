"""How the EKS add-on sets up the plugin.

Source: Terraform's resource `aws_eks_addon`.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from vpc_cni_iam.inputs import daemonset
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.values import one, place_of
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known, Sensitive, Unknown, Value
from vpc_cni_iam.review.account.plugin.state import PluginSetup, UnreadReason
from vpc_cni_iam.review.account.plugin.values import mapping_of, merge, setup_of

_VALUES, _CLUSTER_NAME = "configuration_values", "CLUSTER_NAME"


def addon_setup(resource: Resource, side: Side) -> PluginSetup:
    """Return how the add-on sets up the plugin on a side."""
    version = one(resource, "addon_version", side)
    if isinstance(version, Known) and not isinstance(version.value, str):
        version = Unknown(place_of(resource, ("addon_version",)), side)
    configuration = one(resource, _VALUES, side)
    cluster = one(resource, "cluster_name", side)
    values: dict[str, Any] = {}
    not_read = _merge(values, configuration)
    settings = daemonset.of_addon(values, resource.address, _text(cluster), _text(version))
    setup = replace(setup_of(values, settings, not_read), version=version)
    if isinstance(cluster, Sensitive) and _CLUSTER_NAME not in settings.environment:
        setup = replace(setup, others={**setup.others, _CLUSTER_NAME: cluster})
    return (
        replace(setup, deciding={**setup.deciding, _VALUES: configuration}) if not_read else setup
    )


def _merge(values: dict[str, Any], configuration: Value) -> UnreadReason | None:
    """Put the add-on's values into others; return why they are not known."""
    match configuration:
        case Absent():
            return None
        case Unknown() | Sensitive(Unknown()):
            return UnreadReason.LATER
        case Sensitive():
            return UnreadReason.SENSITIVE
        case Known(str(text)) if (mapping := mapping_of(text)) is not None:
            merge(values, mapping)
            return None
        case Known():
            return UnreadReason.NOT_PARSED


def _text(value: Value) -> str:
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else ""
