"""Resources that are lost with a cluster, created twice, or missing in a new cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.resolve import name_in
from vpc_cni_iam.inputs.plan.arguments import (
    ACCESS_ENTRY,
    ACCESS_POLICY,
    ADDON,
    ASSOCIATION,
    CLUSTER,
    FARGATE_PROFILE,
    NODE_GROUP,
    OIDC_PROVIDER,
)
from vpc_cni_iam.inputs.plan.plugin.resources import installs_plugin
from vpc_cni_iam.inputs.plan.plugin.state import lacks_plugin
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one, read
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.trust import AWS_NODE
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.checks.conflicts import CONFLICT
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.answers import NodePart
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import LOSES, Rule, Topic

NOT_INSTALLED = Rule(
    "plugin-not-installed",
    (Level.WARNING, Topic.PLUGIN, LOSES),
    summary="The plan does not install the plugin in a new cluster, or the agent that aws-node needs for EKS Pod Identity.",
    help="With `bootstrap_self_managed_addons = false`, EKS does not install the plugin in a new cluster, and nodes stay NotReady without it. EKS Pod Identity needs the add-on `eks-pod-identity-agent`. Nodes of EKS Auto Mode have both. If another stack installs them, add the rule to the ignore file.",
    fix="Add an `aws_eks_addon` for `vpc-cni`, or for `eks-pod-identity-agent`, to the plan. If another stack installs it, ignore the finding for this cluster, with the reason.",
)
# EKS does not delete a cluster that has one of these.
_KEEPS = (NODE_GROUP, FARGATE_PROFILE)
# The arguments that identify a resource in AWS.
_KEYS: Mapping[str, tuple[str, ...]] = {
    ACCESS_ENTRY: ("cluster_name", "principal_arn"),
    ACCESS_POLICY: ("cluster_name", "principal_arn", "policy_arn"),
    ADDON: ("cluster_name", "addon_name"),
    ASSOCIATION: ("cluster_name", "namespace", "service_account"),
    CLUSTER: ("name",),
    NODE_GROUP: ("cluster_name", "node_group_name"),
    OIDC_PROVIDER: ("url",),
    FARGATE_PROFILE: ("cluster_name", "fargate_profile_name"),
}
_BLOCK = "pod_identity_association of "


class GoneWithOther(Struct, frozen=True):
    """A resource is deleted or replaced, and with it resources that the plan keeps."""

    addresses: tuple[str, ...]
    keeping: tuple[str, ...]  # those that keep EKS from deleting the cluster
    is_replaced: bool
    is_cluster: bool  # otherwise it is the same object at another address


class MadeTwice(Struct, frozen=True):
    """A resource is created, another one deleted or forgotten, and both are the same object."""

    own: str
    other: str  # the one that is deleted or forgotten
    is_block: bool  # whether one of them is an association in a block of an add-on


class NotInstalled(Struct, frozen=True):
    """The plan does not install a part that the nodes of a cluster need."""

    part: NodePart


def check(context: Context) -> Iterator[Finding]:
    """Yield resources that are lost with clusters or created twice, and what new ones lack."""
    gone: dict[str, list[Resource]] = defaultdict(list)
    by_address = context.reader.resolver.by_address
    for address, cluster in context.reader.gone_with_others.items():
        if not by_address[address].is_forgotten:
            gone[cluster].append(by_address[address])
    for cluster, resources in gone.items():
        names, whole = tuple(r.address for r in resources), by_address[cluster]
        is_cluster, is_replaced = whole.type == CLUSTER, whole.after is not None
        keeping = tuple(r.address for r in resources if r.type in _KEEPS and is_cluster)
        evidence = GoneWithOther(names, keeping, is_replaced, is_cluster)
        yield finding(CONFLICT, evidence, cluster, means=LOSES)
    yield from _made_twice(context)
    for resource in (r for r in context.reader.resources if r.type == CLUSTER):
        if lacks_plugin(resource, context.plugins):
            yield finding(NOT_INSTALLED, NotInstalled(NodePart.PLUGIN), resource.address)
    for plugin in context.plugins:
        if plugin.has_agent is None:
            address = plugin.address or plugin.after.identity.addresses[0]
            yield finding(NOT_INSTALLED, NotInstalled(NodePart.AGENT), address)


def _made_twice(context: Context) -> Iterator[Finding]:
    """Yield objects that are deleted or forgotten at one address and created at another.

    AWS refuses to create an object that exists. An access policy can be associated again, but the
    deletion then removes it. Resources in a cluster are deleted before it and created after it.
    """
    resources = [r for r in context.reader.resources if r.type in _KEYS]
    ended = ((r, r.is_forgotten or "delete" in r.actions) for r in resources)
    before = ((key, r, is_gone) for r, is_gone in ended for key in _keys(r, Side.BEFORE))
    ends = {key: r for key, r, is_gone in before if is_gone or key not in _keys(r, Side.AFTER)}
    made = ((r, key) for r in resources for key in _keys(r, Side.AFTER) if key in ends)
    may_be_of_one = context.reader.resolver.may_be_of_one_provider
    for resource, key in made:
        pair = resource, ends[key]
        is_in_other = (CLUSTER, *key[1:2]) in ends and resource.type != CLUSTER
        if key not in _keys(resource, Side.BEFORE) and not is_in_other and may_be_of_one(*pair):
            own, other = (f"{'' if r.type == key[0] else _BLOCK}{r.address}" for r in pair)
            evidence = MadeTwice(own, other, is_block=pair[0].type != pair[1].type)
            yield finding(CONFLICT, evidence, resource.address, means=LOSES)


def _keys(resource: Resource, side: Side) -> list[tuple[str, ...]]:
    """Return what identifies a resource in AWS, with its type first, and an add-on's association."""
    names = (name_in(one(resource, name, side)) for name in _KEYS[resource.type])
    own = (resource.type, *(name.removeprefix("https://") for name in names))
    accounts = read(resource, "pod_identity_association.*.service_account", side)
    is_plugin, place = installs_plugin(resource, side), (own[1], AWS_NODE.namespace)
    blocks = ((ASSOCIATION, *place, name_in(a.value)) for a in accounts if is_plugin)
    return [key for key in (own, *blocks) if all(key)]


@says(MadeTwice)
def _made_twice_text(_: Finding, twice: MadeTwice) -> Saying:
    message = f"{twice.own} is created, and is the same object in AWS as {twice.other}: AWS "
    message += f"refuses the creation, or the deletion of {twice.other} removes the new object"
    fix = f"Write a moved block from {twice.other} to {twice.own}"
    return Saying(message, fix=f"Keep {twice.other}" if twice.is_block else fix)


@says(GoneWithOther)
def _gone_with_other(finding: Finding, gone: GoneWithOther) -> Saying:
    done, fix = ("replaced", "Replace") if gone.is_replaced else ("deleted", "Delete")
    names = first_of(gone.addresses)
    message = f"{finding.address} is {done}. That also deletes {names}, which the plan keeps"
    if gone.keeping:
        message = f"{finding.address} is {done}, but EKS does not delete it while it has node "
        message += f"groups or Fargate profiles: the plan keeps {first_of(gone.keeping)}"
    own = f"Write a removed block that only forgets {finding.address}"
    return Saying(message, fix=f"{fix} in the same plan: {names}" if gone.is_cluster else own)


_NOT_INSTALLED = {
    NodePart.PLUGIN: "{} does not have bootstrap_self_managed_addons = true, and nothing in the "
    "plan installs the plugin: nodes stay NotReady without it",
    NodePart.AGENT: "With {}, aws-node starts to use EKS Pod Identity, and the plan does not show "
    "eks-pod-identity-agent: without it, aws-node gets no credentials",
}


@says(NotInstalled)
def _not_installed(finding: Finding, missing: NotInstalled) -> Saying:
    return Saying(_NOT_INSTALLED[missing.part].format(finding.address))
