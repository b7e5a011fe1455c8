"""Sentences about risks."""

from __future__ import annotations

from vpc_cni_iam.coverage.analysis.aws_actions import nearest_action
from vpc_cni_iam.coverage.analysis.risks import Extent, Risk, RiskName
from vpc_cni_iam.errors import first_of

_SHOWN = 3
_MOST_ACTIONS = 6
# ``{names}`` are the actions, keys or tags of the risk, ``{which}`` the interfaces.
_TEXTS = {
    RiskName.privilege_escalation: "the role can give itself more permissions: {names}",
    RiskName.actions_beyond_calls: (
        "{names} allows actions that the plugin never calls, such as {examples}"
    ),
    RiskName.unknown_action: "not a known action of AWS: {names}",
    RiskName.interfaces_unscoped: "the role can change {which}, also of other clusters: {names}",
    RiskName.instances_unscoped: "the role can attach interfaces to any instance, and detach them",
    RiskName.instance_tag_not_set: (
        "instances must have the tag {names}, and the plugin never sets it"
    ),
    RiskName.creates_in_any_vpc: "the role can create network interfaces in every VPC",
    RiskName.security_groups_unscoped: (
        "the role can put any security group of its VPC on its cluster's interfaces: {names}"
    ),
    RiskName.addresses_reassignable: (
        "the role can move addresses of other interfaces of a subnet to its cluster's interfaces"
    ),
    RiskName.describe_unscoped: (
        "Describe actions read the whole account in its Region: EC2 cannot limit them"
    ),
    RiskName.unconditioned_create_tags: "the role can put its cluster's tag on {which}",
    RiskName.untagged_interfaces_claimable: (
        "the role can put its cluster's tag on an interface of its VPC that has no cluster's tag, "
        "and then call {names}"
    ),
    RiskName.any_tag_key: "the role can write any tag on the cluster's interfaces",
    RiskName.tag_keys_closed: (
        "the role can write only certain tag keys: ipamd stops at start if ADDITIONAL_ENI_TAGS or "
        "a later version has another key"
    ),
    RiskName.cluster_name_needed: (
        "CLUSTER_NAME must be set for aws-node; without it these calls fail: {names}"
    ),
    RiskName.condition_key_not_modelled: (
        "not modelled: {names}; calls that depend on it are undecided, and interfaces are taken to "
        "have no such tag"
    ),
}
_WHICH = {
    Extent.every: "any network interface",
    Extent.vpc: "any network interface of its VPC",
    Extent.others: "network interfaces outside its cluster",
}


def risk_text(risk: Risk) -> str:
    """Return the sentence of a risk."""
    names = ", ".join(risk.names)
    if risk.identifier is RiskName.unknown_action:
        names = first_of(_with_nearest(risk.names), _SHOWN)
    elif risk.identifier is RiskName.privilege_escalation:
        names = first_of(risk.names, _MOST_ACTIONS)
    examples, which = ", ".join(risk.examples), _WHICH[risk.extent]
    text = _TEXTS[risk.identifier].format(names=names, examples=examples, which=which)
    if risk.identifier is RiskName.unconditioned_create_tags and names:
        text += f", and then call {names}"
    return text


def _with_nearest(actions: tuple[str, ...]) -> list[str]:
    """Return unknown actions; the first ones with the nearest known action."""
    nearest = {action: nearest_action(action) for action in actions[:_SHOWN]}
    return [f"{a} (did you mean {near}?)" if (near := nearest.get(a)) else a for a in actions]
