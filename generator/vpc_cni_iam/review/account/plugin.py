"""Which identity aws-node has in each cluster of a plan, and at which version it runs.

EKS Pod Identity comes before IRSA: the webhook of EKS gives a pod only the credentials of an
association where its service account has one, of its target role if it has that. Without either,
aws-node has the node role.
Source: Amazon EKS User Guide, "EKS Pod Identity" and "Amazon VPC CNI".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import NAMESPACE, SERVICE_ACCOUNT
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.review.account.attribute_value import first_block, flagged, side
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.account.collect import PlanPolicies
from vpc_cni_iam.review.account.owners import UNKNOWN_ROLE
from vpc_cni_iam.review.account.plugin_config import PluginConfig, is_plugin, read_config
from vpc_cni_iam.review.account.policy_state import ReadPolicy

_ARN = r"arn:aws[a-z-]*:eks:([a-z0-9-]+):([0-9]{12}):"
ASSOCIATION = "aws_eks_pod_identity_association"
_TYPES = ("aws_eks_addon", ASSOCIATION, "aws_eks_node_group", "aws_eks_cluster")
_AGENT = "eks-pod-identity-agent"


class IdentityKind(StrEnum):
    """How aws-node gets its credentials."""

    pod_identity = "pod-identity"
    irsa = "irsa"
    node_role = "node-role"
    unknown = "unknown"


class Identity(Struct, frozen=True):
    """The identity of aws-node on one side of a plan."""

    kind: IdentityKind  # how it gets its credentials
    # The roles: addresses in the plan, else ARNs or what is known of them. Nodes may have several.
    roles: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # the addresses of the resources that say so
    # Those of the roles that EKS Pod Identity assumes by way of another one, with that.
    targets: tuple[tuple[str, str], ...] = ()
    deleted: tuple[str, ...] = ()  # those of the roles that the plan deletes
    # The session policies that limit the roles, by the address of their association.
    sessions: tuple[tuple[str, ReadPolicy], ...] = ()

    @property
    def first_roles(self) -> tuple[str, ...]:
        """The roles that are assumed first: of a target, the one by way of which it is assumed."""
        by_way = dict(self.targets)
        return tuple(by_way.get(role, role) for role in self.roles)


NO_IDENTITY = Identity(IdentityKind.unknown)


class PluginState(Struct, frozen=True):
    """The plugin in a cluster on one side of a plan."""

    installed: bool  # whether the plan has an add-on or a Helm version of it
    config: PluginConfig  # how that sets it up
    mode: str  # the IP family, empty where the plan does not say
    identity: Identity
    # The cluster's name, account, region and the ID of its VPC, as far as they are known, by
    # parameter.
    names: Mapping[str, str]


class ClusterPlugin(Struct, frozen=True):
    """The plugin in one cluster, before and after."""

    cluster: str  # the cluster's address in the plan, else its name; empty where neither is known
    before: PluginState
    after: PluginState
    installer: str  # the address of the add-on or Helm version, empty for none
    preserved: bool  # whether the add-on leaves the plugin running if it is deleted
    stays: bool  # whether the cluster is there before and after, as far as the plan says
    goes: bool  # whether the plan deletes the cluster
    anew: bool  # whether the plan replaces the cluster, so that it has another OIDC issuer
    agent: str  # the address of the agent of EKS Pod Identity where the plan deletes that
    nodes: tuple[str, ...]  # the roles of its nodes, before and after


class PluginReader:
    """Reads what a plan says of the plugin in each cluster."""

    def __init__(self, policies: PlanPolicies) -> None:
        self._policies = policies
        self._plan = policies.plan
        self._owners = policies.owners

    def clusters(self) -> Iterator[ClusterPlugin]:
        """Yield the plugin of each cluster of which the plan says anything."""
        installers = [r for r in self._resources if is_plugin(r)]
        cluster_of = [self._cluster(r) for r in self._resources]
        named = set(filter(None, cluster_of))
        # A Helm release names no cluster.
        alone = next(iter(named)) if len(named) == 1 else ""
        by_cluster: dict[str, list[Resource]] = {}
        for resource, cluster in zip(self._resources, cluster_of, strict=True):
            if resource.type != "helm_release" or is_plugin(resource):
                by_cluster.setdefault(cluster or alone, []).append(resource)
        for cluster, resources in sorted(by_cluster.items()):
            own = [r for r in resources if r in installers]
            if any(_about_plugin(r) for r in resources):
                for each in [[r] for r in own] if _are_several(own) else [own]:
                    yield self._of(cluster, resources, each)

    @cached_property
    def _resources(self) -> list[Resource]:
        return [
            part
            for resource in self._plan.resources
            if resource.type in (*_TYPES, "helm_release") and not resource.drift
            if resource.mode == "managed" and not resource.deposed
            for part in self._parts(resource)
        ]

    def _parts(self, resource: Resource) -> tuple[Resource, ...]:
        """Return a resource as one that goes and one that comes where it is for something else.

        What a plan only forgets stays in the account.
        """
        if action_of(resource) == "forget":
            return (resource.unchanged(),)
        goes = replace(resource, actions=("delete",), after=None, unknown=False)
        comes = replace(resource, actions=("create",), before=None)
        before, after = resource.before or {}, resource.after or {}
        if any(
            before.get(name) and after.get(name) and before.get(name) != after.get(name)
            for name in ("addon_name", "cluster_name")
        ) and (before.get("addon_name"), self._cluster(goes)) != (
            after.get("addon_name"),
            self._cluster(comes),
        ):
            return goes, comes
        return (resource,)

    @cached_property
    def _clusters(self) -> list[tuple[Resource, tuple[str, str]]]:
        """The clusters, with their accounts and Regions."""
        return [
            (resource, self._place(resource))
            for resource in self._plan.resources
            if resource.type == "aws_eks_cluster" and resource.mode == "managed"
        ]

    @cached_property
    def _deleted_roles(self) -> frozenset[str]:
        return frozenset(
            resource.address
            for resource in self._plan.resources
            if resource.type == "aws_iam_role" and action_of(resource) == "delete"
            if not resource.deposed
        )

    @cached_property
    def _gone_arns(self) -> frozenset[str]:
        """The ARNs of roles that the plan replaces by ones of another name or path."""
        return frozenset(
            str(resource.before["arn"])
            for resource in self._plan.resources
            if resource.type == "aws_iam_role" and resource.after
            if resource.before and resource.before.get("arn")
            if any(
                resource.after.get(name) not in (None, resource.before.get(name))
                for name in ("name", "path")
            )
        )

    def _role(self, resource: Resource, path: tuple[str, ...], arn: object, *, after: bool) -> str:
        """Return the role at a place, the ARN itself where the plan leaves no role of it."""
        if after and isinstance(arn, str) and arn in self._gone_arns:
            return arn
        return self._owners.role_at(resource, path, arn)

    def _of(self, cluster: str, resources: list[Resource], own: list[Resource]) -> ClusterPlugin:
        before, after = (self._state(resources, own, after=after) for after in (False, True))
        clusters = [r for r in resources if r.type == "aws_eks_cluster"]
        nodes = [role for side in (False, True) for role, _ in self._nodes(resources, after=side)]
        return ClusterPlugin(
            cluster,
            before,
            after,
            own[0].address if own else "",
            any((r.before or {}).get("preserve") is True for r in own),
            not any(action_of(r) in ("create", "delete", "replace") for r in clusters),
            any(action_of(r) == "delete" for r in clusters),
            any(action_of(r) == "replace" for r in clusters),
            _agent_that_goes(resources),
            tuple(dict.fromkeys(nodes)),
        )

    def _state(self, resources: list[Resource], own: list[Resource], *, after: bool) -> PluginState:
        configs = [c for r in own if (c := read_config(r, after=after)) is not None]
        config = configs[0] if configs else PluginConfig("")
        settings = PluginSettings(environment=dict(config.environment))
        mode = "ipv6" if settings.mode == "ipv6" else ""
        for resource in resources:
            mode = mode or _ip_family(resource, after=after)
        identity = self._identity(resources, own, after=after)
        return PluginState(bool(configs), config, mode, identity, _names(resources, after=after))

    def _identity(self, resources: list[Resource], own: list[Resource], *, after: bool) -> Identity:
        for kind, candidates in (
            (IdentityKind.pod_identity, self._associations(resources, own, after=after)),
            (IdentityKind.irsa, self._annotations(own, after=after)),
            (IdentityKind.node_role, self._nodes(resources, after=after)),
        ):
            pairs = tuple(candidates)
            if pairs:
                roles = tuple(dict.fromkeys(role for role, _ in pairs))
                sources = tuple(dict.fromkeys(source for _, source in pairs))
                first = {
                    r.address: self._role(r, ("role_arn",), values.get("role_arn"), after=after)
                    for r in resources
                    if _has_target(r, after=after)
                    if (values := (r.after if after else r.before) or {})
                }
                targets = tuple((role, first[source]) for role, source in pairs if source in first)
                gone = self._deleted_roles | self._gone_arns if after else ()
                deleted = tuple(role for role in roles if role in gone)
                sessions = tuple(self._sessions(resources, sources, after=after))
                return Identity(kind, roles, sources, targets, deleted, sessions)
        return NO_IDENTITY

    def _sessions(
        self, resources: list[Resource], sources: tuple[str, ...], *, after: bool
    ) -> Iterator[tuple[str, ReadPolicy]]:
        for resource in resources:
            if resource.type == ASSOCIATION and resource.address in sources:
                read = self._policies.session_policy(resource, after=after)
                if read.known != "absent":
                    yield resource.address, read

    def _associations(
        self, resources: list[Resource], own: list[Resource], *, after: bool
    ) -> Iterator[tuple[str, str]]:
        for resource in resources:
            values = resource.after if after else resource.before
            if resource.type == ASSOCIATION and values is not None and is_for_plugin(values):
                argument = "target_role_arn" if _has_target(resource, after=after) else "role_arn"
                yield (
                    self._role(resource, (argument,), values.get(argument), after=after),
                    resource.address,
                )
        for resource in own:
            values = (resource.after if after else resource.before) or {}
            blocks = values.get("pod_identity_association")
            for place, block in enumerate(blocks if isinstance(blocks, list) else ()):
                if isinstance(block, Mapping) and block.get("service_account") in (
                    None,
                    SERVICE_ACCOUNT,
                ):
                    path = ("pod_identity_association", str(place), "role_arn")
                    yield (
                        self._role(resource, path, block.get("role_arn"), after=after),
                        resource.address,
                    )
            unknown = after and flagged(resource.unknown, "pod_identity_association")
            if unknown and not isinstance(blocks, list) and self._has_block(resource):
                yield UNKNOWN_ROLE, resource.address

    def _has_block(self, resource: Resource) -> bool:
        """Say whether an add-on sets an association, which may also be computed."""
        configuration = self._plan.configuration
        argument = "pod_identity_association"
        return configuration.expression(resource.module, resource.block, argument) is not None

    def _annotations(self, own: list[Resource], *, after: bool) -> Iterator[tuple[str, str]]:
        for resource in own:
            if (resource.after if after else resource.before) is None:
                continue
            path = ("service_account_role_arn",)
            if resource.type == "helm_release":
                config = read_config(resource, after=after)
                if config and config.role_arn:
                    yield self._role(resource, path, config.role_arn, after=after), resource.address
                elif config and (place := config.role_place):
                    yield self._owners.role_below(resource, place, None), resource.address
            elif (value := side(resource, path[0], after=after)).value or value.unknown:
                yield self._role(resource, path, value.value, after=after), resource.address

    def _nodes(self, resources: list[Resource], *, after: bool) -> Iterator[tuple[str, str]]:
        for resource in resources:
            values = resource.after if after else resource.before
            if resource.type == "aws_eks_node_group" and values is not None:
                path, arn = ("node_role_arn",), values.get("node_role_arn")
                yield self._role(resource, path, arn, after=after), resource.address

    def _cluster(self, resource: Resource) -> str:
        """Return the address of a resource's cluster, else its name; empty for neither."""
        if resource.type == "aws_eks_cluster":
            return resource.address
        name = (resource.after or resource.before or {}).get("cluster_name")
        place = self._place(resource)
        named = {
            cluster.address
            for cluster, there in self._clusters
            if name in {(v or {}).get("name") for v in (cluster.before, cluster.after)}
            and all(own == other for own, other in zip(place, there, strict=True) if own and other)
        }
        # The configuration is that of the plan's other side.
        references = tuple(self._referred(resource)) if resource.after else ()
        if references or len(named) == 1:
            return (*references, *named)[0]
        if not isinstance(name, str):
            return ""
        known = zip(place, self._places[name], strict=True)
        own = ", ".join(part for part, every in known if part and len(every) > 1)
        return f"{name} in {own}" if own else name

    @cached_property
    def _places(self) -> Mapping[str, tuple[set[str], set[str]]]:
        """The accounts and the Regions of the clusters of each name, as far as they are known."""
        places: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
        for resource in self._plan.resources:
            if resource.type in _TYPES:
                values = resource.after or resource.before or {}
                name = str(values.get("cluster_name") or values.get("name"))
                for every, part in zip(places[name], self._place(resource), strict=True):
                    every.update(filter(None, [part]))
        return places

    def _place(self, resource: Resource) -> tuple[str, str]:
        """Return the account and the Region of a resource, empty where they are not known."""
        values = {**(resource.before or {}), **(resource.after or {})}
        place = _place(values)
        account = place.get("account_id") or self._owners.account_of(resource)
        # Newer providers have the argument.
        return account, str(values.get("region") or place.get("region", ""))

    def _referred(self, resource: Resource) -> Iterator[str]:
        """Yield the addresses of the clusters that a resource refers to."""
        resolution = self._owners.references.resolve(resource, ("cluster_name",))
        for reference in resolution.resources:
            cluster = self._owners.references.find(resource, reference, resolution)
            if cluster is not None and cluster.type == "aws_eks_cluster":
                yield cluster.address


def _are_several(installers: list[Resource]) -> bool:
    """Say whether several install the plugin on one side, so that none is in place of another."""
    before = [r for r in installers if r.before is not None]
    after = [r for r in installers if r.after is not None]
    return max(len(before), len(after)) > 1


def is_for_plugin(values: Mapping[str, object]) -> bool:
    """Say whether the attributes of an association are for the plugin's service account."""
    return (values.get("namespace"), values.get("service_account")) == (NAMESPACE, SERVICE_ACCOUNT)


def _agent_that_goes(resources: list[Resource]) -> str:
    """Return the address of the agent that gives pods the credentials of associations, if it goes.

    Empty where a plan leaves it.
    """
    agents = [r for r in resources if (r.after or r.before or {}).get("addon_name") == _AGENT]
    goes = [
        r.address
        for r in agents
        if action_of(r) == "delete" and (r.before or {}).get("preserve") is not True
    ]
    return goes[0] if len(goes) == len(agents) > 0 else ""


def _has_target(resource: Resource, *, after: bool) -> bool:
    """Say whether an association's role is only the way to another role, which pods then have.

    Source: Amazon EKS User Guide, "EKS Pod Identity", access to resources by a target IAM role.
    """
    if resource.type != ASSOCIATION:
        return False
    target = side(resource, "target_role_arn", after=after)
    return bool(target.value) or target.unknown


def _about_plugin(resource: Resource) -> bool:
    if is_plugin(resource) or resource.type == "aws_eks_node_group":
        return True
    sides = (v for v in (resource.before, resource.after) if v is not None)
    return resource.type == ASSOCIATION and any(is_for_plugin(values) for values in sides)


def _place(values: Mapping[str, object]) -> dict[str, str]:
    """Return the Region and the account in the ARN of a resource, by parameter, if it has one."""
    match = re.match(_ARN, str(values.get("arn") or values.get("association_arn")))
    return {"region": match[1], "account_id": match[2]} if match else {}


def _names(resources: list[Resource], *, after: bool) -> dict[str, str]:
    """Return the names of a cluster that policies can name, by parameter."""
    names: dict[str, str] = {}
    for resource in resources:
        values = (resource.after if after else resource.before) or {}
        own = {"cluster_name": values.get("cluster_name"), "region": values.get("region")}
        if resource.type == "aws_eks_cluster":
            own["cluster_name"] = values.get("name")
            own["vpc_id"] = first_block(values, "vpc_config").get("vpc_id")
        own |= _place(values)
        names |= {name: value for name, value in own.items() if value and isinstance(value, str)}
    return names


def _ip_family(resource: Resource, *, after: bool) -> str:
    values = resource.after if after else resource.before
    family = first_block(values, "kubernetes_network_config").get("ip_family")
    return family if family in ("ipv4", "ipv6") else ""
