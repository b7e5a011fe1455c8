"""aws-node in each cluster of a plan, before and after.

Each side is read by itself: a resource may move from one cluster to another. EKS Pod Identity comes
before IRSA; without either, aws-node has the role of the nodes.
Source: Amazon EKS User Guide, "EKS Pod Identity" and "Amazon VPC CNI".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from operator import itemgetter
from typing import TypeAlias

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.trust import SERVICE_ACCOUNT
from vpc_cni_iam.inputs.plan.arguments import (
    ADDON,
    ASSOCIATION,
    CHART,
    CLUSTER,
    NODE_GROUP,
    ROLE,
)
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.values import PlacedValue, one, read, text, value_at
from vpc_cni_iam.plugin.cluster import EksCluster, cluster_of
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Sensitive
from vpc_cni_iam.review.account.documents import Content
from vpc_cni_iam.review.account.fill import Filler
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.plugin.resources import installs_plugin, is_association
from vpc_cni_iam.review.account.plugin.setup import SetupReader
from vpc_cni_iam.review.account.plugin.state import (
    ClusterPlugin,
    PluginIdentity,
    PluginSetup,
    PluginState,
    UnreadReason,
)
from vpc_cni_iam.review.account.resolve import as_left, is_there

_TYPES = (ADDON, ASSOCIATION, NODE_GROUP, CLUSTER, CHART)
_AGENT = "eks-pod-identity-agent"
_ARNS = ("arn", "association_arn")
_BLOCK = "pod_identity_association"
# With a target role, which pods then have, an association's own role is only the way to it.
# Source: Amazon EKS User Guide, "EKS Pod Identity", access to resources by a target IAM role.
_TARGET = "target_role_arn"
# The group of a cluster that EKS gives nodes, and its other groups.
# Source: Amazon EKS User Guide, "Amazon EKS security group requirements".
_GROUPS = ("vpc_config.*.cluster_security_group_id", "vpc_config.*.security_group_ids.*")
# A cluster of the plan by its address, else what is known of it.
_Key: TypeAlias = str | EksCluster
# An argument that names a role.
_NamedRole: TypeAlias = tuple[Resource, PlacedValue]


class PluginReader:
    """Reads what a plan says of aws-node in each cluster."""

    def __init__(self, filler: Filler) -> None:
        self._filler, self._resolver = filler, filler.resolver
        self._deleted = filler.accounts.deleted
        self._resources = [r for r in filler.resources if r.type in _TYPES]
        # The clusters of the plan by name, and the places of those of each name.
        self._clusters: dict[tuple[Side, str], list[Resource]] = defaultdict(list)
        self._regions: dict[str, set[str]] = defaultdict(set)
        self._account_ids: dict[str, set[str]] = defaultdict(set)
        for resource, side in product(self._resources, Side):
            name, place = _name(resource, side), self._place(resource, side)
            self._regions[name].add(place.region)
            self._account_ids[name].add(place.account)
            if resource.type == CLUSTER and name:
                self._clusters[side, name].append(resource)

    def clusters(self) -> tuple[ClusterPlugin, ...]:
        """Return aws-node in each cluster of which the plan says anything about it."""
        sides = {side: self._by_cluster(side) for side in Side}
        keys = list(dict.fromkeys(key for side in Side for key in sides[side]))
        releases = {side: list(self._there(side, is_chart=True)) for side in Side}
        if any(releases.values()):  # which name no cluster
            key = keys[0] if len(keys) == 1 else EksCluster()
            keys = list(dict.fromkeys((*keys, key)))
            for side in Side:
                sides[side][key] += releases[side]
        return tuple(
            plugin
            for key in keys
            for plugin in self._of_cluster(key, *(sides[side][key] for side in Side))
        )

    def _of_cluster(
        self, key: _Key, before: list[Resource], after: list[Resource]
    ) -> Iterator[ClusterPlugin]:
        sides = ((before, Side.BEFORE), (after, Side.AFTER))
        if not any(_is_about_plugin(r, side) for resources, side in sides for r in resources):
            return
        installers = [[r for r in rs if installs_plugin(r, side)] for rs, side in sides]
        # Of several on one side none is in place of another.
        addresses = {r.address: None for each in installers for r in each}
        are_several = max(map(len, installers)) > 1
        for only in addresses if are_several else (None,):
            old, new = (
                self._state(key, rs, [r for r in own if only in (None, r.address)], side)
                for (rs, side), own in zip(sides, installers, strict=True)
            )
            address = key if isinstance(key, str) else ""
            resource = self._resolver.by_address[address] if address else None
            yield ClusterPlugin(address, old, new, resource)

    def _by_cluster(self, side: Side) -> dict[_Key, list[Resource]]:
        """Return the resources that are there on a side, by cluster."""
        by_cluster: dict[_Key, list[Resource]] = defaultdict(list)
        for resource in self._there(side, is_chart=False):
            by_cluster[self._cluster(resource, side)].append(resource)
        return by_cluster

    def _there(self, side: Side, *, is_chart: bool) -> Iterator[Resource]:
        """Yield what is there on a side: releases of the plugin's chart, or all that are none."""
        for resource in self._resources:
            if (resource.type == CHART) is is_chart and is_there(resource, side):
                left = as_left(resource) if side is Side.AFTER else resource
                if not is_chart or installs_plugin(left, side):
                    yield left

    def _cluster(self, resource: Resource, side: Side) -> _Key:
        """Return the cluster that a resource is of, by its name and place, or else by reference."""
        if resource.type == CLUSTER:
            return resource.address
        name, place = _name(resource, side), self._place(resource, side)
        named = {
            cluster.address
            for cluster in self._clusters[side, name]
            if _may_be_one(place, self._place(cluster, side))
        }
        # The configuration is that of the side after.
        is_configured = side is Side.AFTER if not named else resource.after is not None
        if len(named) != 1 and is_configured:
            referred, _ = self._resolver.references(resource, ("cluster_name",))
            addresses = {r.address for r in referred if r.type == CLUSTER and r.mode == "managed"}
            named = addresses & named if named else addresses
        if len(named) == 1:
            return next(iter(named))
        if not name:
            other = Side.BEFORE if side is Side.AFTER else Side.AFTER
            # What is not known may be what it is on the other side.
            return self._cluster(resource, other) if _name(resource, other) else EksCluster()
        region = place.region or _only(self._regions[name])
        return EksCluster(name, region, place.account or _only(self._account_ids[name]))

    def _place(self, resource: Resource, side: Side) -> EksCluster:
        """Return the Region and account of a resource, as the side says them, or else the other.

        Newer providers have the Region as an argument; what is created has no ARN that says it.
        """
        sides = sorted(Side, key=lambda other: other is not side)
        arns = (text(resource, argument, each) for each in sides for argument in _ARNS)
        place = next((p for arn in arns if (p := cluster_of("", arn)).is_placed), EksCluster())
        regions = (text(resource, "region", each) for each in sides)
        region = next(filter(None, regions), place.region)
        return EksCluster("", region, place.account or self._resolver.account(resource))

    def _state(
        self, key: _Key, resources: list[Resource], installers: list[Resource], side: Side
    ) -> PluginState:
        setups = [SetupReader(installer, side) for installer in installers]
        setup = setups[0].setup() if setups else PluginSetup()
        annotated = list(zip(installers, (each.role() for each in setups), strict=True))
        groups = [r for r in resources if r.type == NODE_GROUP]
        clusters = [r for r in resources if r.type == CLUSTER]
        agents = [r for r in resources if text(r, "addon_name", side) == _AGENT]
        return PluginState(
            self._described(key, resources, side),
            installers[0].address if installers else "",
            setup,
            self._identity(resources, annotated, setup, side),
            _mode(setup, clusters, side),
            next((v for r in clusters if (v := text(r, "vpc_config.*.vpc_id", side))), ""),
            _texts(groups, ("subnet_ids.*",), side)
            or _texts(clusters, ("vpc_config.*.subnet_ids.*",), side),
            _texts(clusters, _GROUPS, side),
            agents[0].address if agents else "",
            any(_is_true(r, "preserve", side) for r in installers),
            any(_is_true(r, "preserve", side) for r in agents),
            frozenset(self._named(_placed(groups, "node_role_arn", side), side)),
            tuple(r.address for r in groups),
            any(_is_true(r, "compute_config.*.enabled", side) for r in clusters),
        )

    def _described(self, key: _Key, resources: list[Resource], side: Side) -> EksCluster:
        """Return what is known of a cluster on a side."""
        if isinstance(key, EksCluster):
            return replace(key, name="") if is_mark(key.name) else key
        names = (name for r in resources if not is_mark(name := _name(r, side)))
        places = [self._place(r, side) for r in resources if r.type != CHART]
        facts = (names, (place.region for place in places), (place.account for place in places))
        return EksCluster(*(next(filter(None, values), "") for values in facts))

    def _identity(
        self,
        resources: list[Resource],
        annotated: list[_NamedRole],
        setup: PluginSetup,
        side: Side,
    ) -> PluginIdentity:
        associations = [r for r in resources if is_association(r, side)]
        targets = [r for r in associations if one(r, _TARGET, side) != ABSENT]
        others = [r for r in associations if r not in targets]
        by_pods = _placed(targets, _TARGET, side) + _placed(others, "role_arn", side)
        by_pods += [(r, placed) for r, _ in annotated for placed in self._of_block(r, side)]
        ways = (
            (Identity.pod_identity, by_pods),
            (Identity.irsa, annotated),
            (Identity.node_role, _placed(resources, "node_role_arn", side)),
        )
        in_use = ((kind, [n for n in named if n[1].value != ABSENT]) for kind, named in ways)
        kind, named = next(filter(itemgetter(1), in_use), (Identity.unknown, []))
        releases = tuple(r.address for r, _ in annotated if r.type == CHART)
        is_open = setup.not_read not in (None, UnreadReason.ELSEWHERE)
        if not kind.is_of_service_account and is_open and releases:
            return PluginIdentity(addresses=releases)  # values that are not read may name a role
        first = _placed(targets, "role_arn", side)
        return PluginIdentity(
            kind,
            frozenset(self._named(named, side)),
            frozenset(self._named(first, side)),
            tuple(dict.fromkeys(r.address for r, _ in named)),
            frozenset(self._sessions(associations, side)),
            frozenset(self._lost([*named, *first])) if side is Side.AFTER else frozenset(),
            not any(_is_true(r, "disable_session_tags", side) for r in associations),
        )

    def _sessions(self, associations: list[Resource], side: Side) -> Iterator[tuple[str, Content]]:
        for resource in associations:
            for placed in read(resource, "policy", side):
                if not isinstance(placed.value, Absent):
                    content = self._filler.library.content(resource, placed.path, placed.value)
                    yield resource.address, content

    def _of_block(self, installer: Resource, side: Side) -> Iterator[PlacedValue]:
        """Yield the roles of the associations that an add-on makes for aws-node."""
        expression = self._resolver.plan.configuration.expression
        for placed in read(installer, f"{_BLOCK}.*", side):
            if len(placed.path) == 1:  # not known: it may also be computed
                if expression(installer.module, installer.block, _BLOCK) is not None:
                    yield placed
                continue
            account = value_at(installer, (*placed.path, "service_account"), side)
            if account in (Absent(), Known(SERVICE_ACCOUNT)):
                path = (*placed.path, "role_arn")
                yield PlacedValue(path, value_at(installer, path, side))

    def _named(self, named: Iterable[_NamedRole], side: Side) -> Iterator[IamResource]:
        for resource, placed in named:
            path, value = placed.path, placed.value
            for role in self._resolver.resolve(resource, path, value, ROLE, side):
                yield self._filler.owner(role)

    def _lost(self, named: Iterable[_NamedRole]) -> Iterator[IamResource]:
        """Yield the roles that ARNs name after the plan, and that were theirs only before it."""
        for resource, placed in named:
            path, value = placed.path, placed.value
            now = self._resolver.resolve(resource, path, value, ROLE, Side.AFTER)
            then = self._resolver.resolve(resource, path, value, ROLE, Side.BEFORE)
            was_there = any(isinstance(role, InPlan) for role in then)
            if was_there and isinstance(value, Known | Sensitive):
                yield from (role for role in now if not isinstance(role, InPlan))
            yield from (r for r in now if r in self._deleted)


def _name(resource: Resource, side: Side) -> str:
    """Return the name of a resource's cluster, of a sensitive one the mark; empty if unknown."""
    resource = as_left(resource) if side is Side.AFTER else resource
    match one(resource, "name" if resource.type == CLUSTER else "cluster_name", side):
        case Known(str(name)) | Sensitive(str(name)):
            return name
    return ""


def _may_be_one(place: EksCluster, other: EksCluster) -> bool:
    pairs = ((place.region, other.region), (place.account, other.account))
    return all(own == known for own, known in pairs if own and known)


def _only(names: set[str]) -> str:
    known = names - {""}
    return next(iter(known)) if len(known) == 1 else ""


def _is_about_plugin(resource: Resource, side: Side) -> bool:
    is_group = resource.type == NODE_GROUP
    return is_group or installs_plugin(resource, side) or is_association(resource, side)


def _placed(resources: Iterable[Resource], path: str, side: Side) -> list[_NamedRole]:
    return [(resource, placed) for resource in resources for placed in read(resource, path, side)]


def _mode(setup: PluginSetup, clusters: list[Resource], side: Side) -> Mode | None:
    """Return the IP family, as the cluster or the plugin's values say it."""
    families = [text(r, "kubernetes_network_config.*.ip_family", side) for r in clusters]
    if not setup.not_read or setup.settings.mode == "ipv6":
        families.append(setup.settings.mode or "")
    modes: tuple[Mode, ...] = ("ipv6", "ipv4")
    return next((mode for mode in modes if mode in families), None)


def _texts(resources: Iterable[Resource], paths: Iterable[str], side: Side) -> tuple[str, ...]:
    values = (p.value for r in resources for path in paths for p in read(r, path, side))
    return tuple(sorted({v.value for v in values if isinstance(v, Known) and v.value}))


def _is_true(resource: Resource, path: str, side: Side) -> bool:
    return one(resource, path, side) == Known(value=True)
