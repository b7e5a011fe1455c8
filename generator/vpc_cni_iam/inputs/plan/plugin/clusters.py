"""aws-node in each cluster of a plan, before and after.

Each side is read separately, because a resource may move to another cluster. EKS Pod Identity comes
before IRSA; without either, aws-node has the role of its node.

Source: Amazon EKS User Guide, "EKS Pod Identity" and "Amazon VPC CNI".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, filterfalse, product
from typing import TypeAlias

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.inputs.plan.account.documents import PlanContent
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.inputs.plan.account.in_clusters import place_by_arn
from vpc_cni_iam.inputs.plan.account.reader import AccountReader
from vpc_cni_iam.inputs.plan.account.resolve import is_there, name_in
from vpc_cni_iam.inputs.plan.arguments import ADDON, ASSOCIATION, CHART, CLUSTER, NODE_GROUP, ROLE
from vpc_cni_iam.inputs.plan.plugin.resources import (
    IN_CLUSTER,
    annotated_roles,
    installs_plugin,
    is_for_plugin,
    may_be_account,
    names_account,
)
from vpc_cni_iam.inputs.plan.plugin.setup import SetupReader
from vpc_cni_iam.inputs.plan.plugin.state import (
    ClusterPlugin,
    PluginIdentity,
    PluginSetup,
    PluginState,
)
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.values import PlacedValue, one, read, scalar, text, value_at
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity, counting
from vpc_cni_iam.plugin.trust import ServiceAccount
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Sensitive, Unknown, Value

_TYPES = (ADDON, ASSOCIATION, NODE_GROUP, CLUSTER)  # the types that name their cluster
_AGENT = "eks-pod-identity-agent"
_BLOCK, _NO_TAGS = "pod_identity_association", "disable_session_tags"
# Pods get the target role; the association's role only assumes it. Source: Amazon EKS User Guide,
# "EKS Pod Identity", access to resources by a target IAM role.
_TARGET = "target_role_arn"
_ISSUER = "identity.*.oidc.*.issuer"
# The security group of a cluster that EKS gives nodes, and its other groups. Source: Amazon EKS
# User Guide, "Amazon EKS security group requirements".
_GROUPS = ("vpc_config.*.cluster_security_group_id", "vpc_config.*.security_group_ids.*")
# A cluster of the plan by its address, or the facts about it; None for a resource that names none.
_Key: TypeAlias = str | EksCluster | None
# An argument that names a role.
_NamedRole: TypeAlias = tuple[Resource, PlacedValue]


class PluginReader:
    """Reads the facts of a plan about aws-node in each cluster."""

    def __init__(self, reader: AccountReader) -> None:
        self._reader, self._resolver = reader, reader.resolver
        self._resources = [r for r in reader.resources if r.type in _TYPES]
        every = (*reader.plan.read, *reader.plan.resources)
        self._read = [r for r in every if r.type == CLUSTER and r.mode == "data"]
        # The clusters of the plan by name, and the places of each name.
        self._clusters: dict[tuple[Side, str], list[Resource]] = defaultdict(list)
        self._places: dict[str, set[EksCluster]] = defaultdict(set)
        for resource, side in product(self._resources, Side):
            name = _name(resource, side)
            self._places[name].add(self._place(resource, side))
            if resource.type == CLUSTER and name:
                self._clusters[side, name].append(resource)

    def clusters(self) -> tuple[ClusterPlugin, ...]:
        """Return aws-node in each cluster that the plan has information about."""
        sides = {side: self._by_cluster(side) for side in Side}
        keys = list(dict.fromkeys(k for each in sides.values() for k in each if k is not None))
        only = keys[0] if len(keys) == 1 else ANY_CLUSTER
        for each in sides.values():
            each[only] += each.pop(None, [])
        every = dict.fromkeys((*keys, only))
        return tuple(plugin for key in every for plugin in self._of_cluster(key, sides))

    def _of_cluster(
        self, key: _Key, sides: Mapping[Side, Mapping[_Key, list[Resource]]]
    ) -> Iterator[ClusterPlugin]:
        resources = ((r, side) for side, each in sides.items() for r in each[key])
        if not any(r.type == NODE_GROUP or is_for_plugin(r, side) for r, side in resources):
            return
        every = [[r for r in each[key] if installs_plugin(r, side)] for side, each in sides.items()]
        # If one side has several, none of them replaces another.
        addresses = list(dict.fromkeys(r.address for r in chain(*every)))
        for chosen in [[a] for a in addresses] if max(map(len, every)) > 1 else [addresses]:
            old, new = (
                self._state(key, each, [r for r in installers if r.address in chosen], side)
                for installers, (side, each) in zip(every, sides.items(), strict=True)
            )
            address = key if isinstance(key, str) else ""
            own = self._resolver.by_address.get(address)
            new = self._preserved(old, new)
            yield ClusterPlugin(address, old, new, own, tuple(r.address for r in every[1]))

    def _by_cluster(self, side: Side) -> dict[_Key, list[Resource]]:
        """Return the resources that exist on a side, by cluster."""
        by_cluster: dict[_Key, list[Resource]] = defaultdict(list)
        resources = self._reader.resources
        others = (r for r in resources if r.type == CHART or may_be_account(r.type))
        for resource in (*self._resources, *others):
            is_other = resource.type == CHART and not installs_plugin(resource, side)
            if is_there(resource, side) and not is_other:
                by_cluster[self._cluster(resource, side)].append(resource)
        return by_cluster

    def _cluster(self, resource: Resource, side: Side) -> _Key:
        """Return the cluster of a resource, by its name and place, or by reference."""
        if resource.type not in _TYPES:
            return None
        if resource.type == CLUSTER:
            return resource.address
        name, place = _name(resource, side), self._place(resource, side)
        named = {
            cluster.address
            for cluster in self._clusters[side, name]
            if place.may_be_beside(self._place(cluster, side))
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
            # An unknown value may be that of the other side.
            return self._cluster(resource, other) if _name(resource, other) else ANY_CLUSTER
        return self._elsewhere(name, place)

    def _elsewhere(self, name: str, place: EksCluster) -> EksCluster:
        """Return a cluster that the plan does not have, with the known places of its name."""
        region = place.region or _only(each.region for each in self._places[name])
        account = place.account or _only(each.account for each in self._places[name])
        return EksCluster(name, region, account)

    def _place(self, resource: Resource, side: Side) -> EksCluster:
        """Return the Region and account of a resource on a side, or on the other side.

        Newer providers have the Region as an argument; a created resource has no ARN yet.
        """
        sides = sorted(Side, key=lambda other: other is not side)
        place = place_by_arn(resource, sides)
        regions = (text(resource, "region", each) for each in sides)
        region = next(filter(None, regions), place.region)
        return EksCluster("", region, place.account or self._resolver.account(resource))

    def _state(
        self,
        key: _Key,
        by_cluster: Mapping[_Key, list[Resource]],
        installers: list[Resource],
        side: Side,
    ) -> PluginState:
        resources = [*filterfalse(partial(_is_later, side=side), by_cluster[key])]
        readers = [(r, SetupReader(r, side, self._reader.is_written)) for r in installers]
        setup = readers[0][1].setup() if readers else PluginSetup()
        groups = [r for r in resources if r.type == NODE_GROUP]
        clusters = [r for r in resources if r.type == CLUSTER]
        cluster = self._described(key, resources, side)
        agents = [r for r in resources if text(r, "addon_name", side) == _AGENT]
        identity = self._identity(resources, [(r, each.role()) for r, each in readers], setup, side)
        others = _unplaced(key, by_cluster, side)
        kind, named = self._way(others, [], setup.account, side)
        if kind.is_of_service_account and counting((kind, identity.kind)) is not identity.kind:
            identity = PluginIdentity(addresses=tuple(r.address for r, _ in named))
        return PluginState(
            cluster=cluster,
            installer=installers[0].address if installers else "",
            setup=setup,
            identity=identity,
            mode=_mode(setup, self._sources(cluster, resources, side), side),
            vpc_id=next(iter(_texts(clusters, ("vpc_config.*.vpc_id",), side)), ""),
            subnets=_texts(groups, ("subnet_ids.*",), side)
            or _texts(clusters, ("vpc_config.*.subnet_ids.*",), side),
            security_groups=_texts(clusters, _GROUPS, side),
            agent=agents[0].address if agents else "",
            stays_on_removal=_is_preserved(installers, clusters, side),
            agent_stays_on_removal=_is_preserved(agents, clusters, side),
            node_roles=frozenset(self._named(_placed(groups, "node_role_arn", side), side)),
            node_groups=tuple(r.address for r in groups),
            is_auto_mode=any(_is_true(r, "compute_config.*.enabled", side) for r in clusters),
        )

    def _described(self, key: _Key, resources: list[Resource], side: Side) -> EksCluster:
        """Return the facts about a cluster on a side."""
        if isinstance(key, EksCluster):
            cluster = replace(key, name="") if is_mark(key.name) else key
        else:
            names = [name for r in resources if not is_mark(name := _name(r, side))]
            places = [self._place(r, side) for r in resources if r.type in _TYPES]
            facts = names, [place.region for place in places], [place.account for place in places]
            name, region, account = (next(filter(None, values), "") for values in facts)
            cluster = EksCluster(name, region, account)
        return replace(cluster, issuer=self._issuer(cluster, resources, side))

    def _issuer(self, cluster: EksCluster, resources: list[Resource], side: Side) -> Value:
        """Return the issuer of a cluster, from the cluster or a data source."""
        own = self._sources(cluster, resources, side)
        values = {scalar(r, _ISSUER, side) for r in own}
        match values.pop() if len(values) == 1 else ABSENT:
            case Known(str(url)):
                return Known(url.removeprefix("https://"))
            case Unknown() as later if any("create" in r.actions for r in own):
                return later
        return ABSENT

    def _sources(
        self, cluster: EksCluster, resources: list[Resource], side: Side
    ) -> list[Resource]:
        """Return the resources with facts about a cluster: itself, or data sources that read it."""
        return [r for r in resources if r.type == CLUSTER] or [
            r
            for r in self._read
            if _name(r, side) == cluster.name != "" and cluster.may_be_beside(self._place(r, side))
        ]

    def _identity(
        self, resources: list[Resource], annotated: list[_NamedRole], setup: PluginSetup, side: Side
    ) -> PluginIdentity:
        kind, named = self._way(resources, annotated, setup.account, side)
        releases = tuple(r.address for r, _ in annotated if r.type == CHART)
        if not kind.is_of_service_account and setup.has_unread and releases:
            return PluginIdentity(addresses=releases)  # values that are not read may name a role
        associations = _associations(resources, setup.account, side)
        tags = [(r, one(r, _NO_TAGS, side)) for r in associations]
        if any(isinstance(t, Unknown) and self._reader.is_written(r, _NO_TAGS) for r, t in tags):
            return PluginIdentity(addresses=tuple(r.address for r, _ in tags))
        firsts = (r for r in associations if one(r, _TARGET, side) != ABSENT)
        first = _placed(firsts, "role_arn", side)
        lost = self._lost([*named, *first]) if side is Side.AFTER else ()
        return PluginIdentity(
            kind=kind,
            roles=frozenset(self._named(named, side)),
            first_roles=frozenset(self._named(first, side)),
            addresses=tuple(dict.fromkeys(r.address for r, _ in named)),
            sessions=frozenset(self._sessions(associations, side)),
            lost_roles=frozenset(lost),
            no_arns=tuple(sorted({*_no_arns([*named, *first])})),
            has_session_tags=all(tag != Known(value=True) for _, tag in tags),
        )

    def _preserved(self, old: PluginState, new: PluginState) -> PluginState:
        """Return a state after; pods of a preserved add-on keep their setup and identity.

        EKS does not document whether it deletes the associations of the add-on.
        """
        if new.installer or not old.stays_on_removal:
            return new
        new, own = replace(new, setup=old.setup), new.identity
        has_other = own.addresses and own.kind is not Identity.node_role
        if has_other or old.installer not in old.identity.addresses:
            return new
        if old.identity.kind is Identity.pod_identity:
            return replace(new, identity=PluginIdentity(addresses=(old.installer,)))
        addon = self._resolver.by_address[old.installer]
        lost = self._lost(_placed([addon], "service_account_role_arn", Side.BEFORE))
        return replace(new, identity=replace(old.identity, lost_roles=frozenset(lost)))

    def _way(
        self,
        resources: list[Resource],
        annotated: list[_NamedRole],
        account: ServiceAccount,
        side: Side,
    ) -> tuple[Identity, list[_NamedRole]]:
        """Return the identity of a service account, with its roles."""
        by_pods = [
            (r, placed)
            for r in _associations(resources, account, side)
            for placed in read(r, _TARGET if one(r, _TARGET, side) != ABSENT else "role_arn", side)
        ]
        by_pods += [(r, p) for r, _ in annotated for p in self._of_block(r, account, side)]
        accounts = [
            (r, placed)
            for r in resources
            if names_account(r, account, side)
            for placed in annotated_roles(r, side)
        ]
        ways = (
            (Identity.pod_identity, by_pods),
            (Identity.irsa, [*annotated, *accounts]),
            (Identity.node_role, _placed(resources, "node_role_arn", side)),
        )
        for kind, named in ways:
            if in_use := [each for each in named if each[1].value != ABSENT]:
                return kind, in_use
        return Identity.unknown, []

    def _sessions(
        self, associations: list[Resource], side: Side
    ) -> Iterator[tuple[str, PlanContent]]:
        for resource in associations:
            for placed in read(resource, "policy", side):
                if not isinstance(placed.value, Absent):
                    content = self._reader.library.content(resource, placed.path, placed.value)
                    yield resource.address, content

    def _of_block(
        self, installer: Resource, account: ServiceAccount, side: Side
    ) -> Iterator[PlacedValue]:
        """Yield the roles of the associations that an add-on creates for aws-node."""
        for placed in read(installer, f"{_BLOCK}.*", side):
            if len(placed.path) == 1:  # it is unknown
                if self._reader.is_written(installer, _BLOCK):
                    yield placed
                continue
            name = value_at(installer, (*placed.path, "service_account"), side)
            if name in (Absent(), Known(account.name)):
                path = (*placed.path, "role_arn")
                yield PlacedValue(path, value_at(installer, path, side))

    def _named(self, named: Iterable[_NamedRole], side: Side) -> Iterator[IamResource]:
        for resource, placed in named:
            path, value = placed.path, placed.value
            for role in self._resolver.resolve(resource, path, value, ROLE, side):
                yield self._reader.owner(role)

    def _lost(self, named: Iterable[_NamedRole]) -> Iterator[IamResource]:
        """Yield the roles in ARNs that belonged to them only before the plan."""
        for resource, placed in named:
            path, value = placed.path, placed.value
            now = self._resolver.resolve(resource, path, value, ROLE, Side.AFTER)
            then = self._resolver.resolve(resource, path, value, ROLE, Side.BEFORE)
            was_there = any(isinstance(role, InPlan) for role in then)
            if was_there and isinstance(value, Known | Sensitive):
                yield from (role for role in now if not isinstance(role, InPlan))
            yield from (r for r in now if r in self._reader.renewed.deleted)


def _name(resource: Resource, side: Side) -> str:
    """Return the name of a resource's cluster, or the mark of a secret; empty if unknown."""
    return name_in(one(resource, "name" if resource.type == CLUSTER else "cluster_name", side))


def _only(names: Iterable[str]) -> str:
    known = {*names} - {""}
    return known.pop() if len(known) == 1 else ""


def _associations(resources: list[Resource], account: ServiceAccount, side: Side) -> list[Resource]:
    associations = (r for r in resources if r.type == ASSOCIATION)
    return [r for r in associations if _is_later(r, side) or names_account(r, account, side)]


def _unplaced(key: _Key, by_cluster: Mapping[_Key, list[Resource]], side: Side) -> list[Resource]:
    """Return the resources of an unknown cluster or service account, which may belong to a key."""
    later = [r for r in by_cluster[key] if _is_later(r, side)]
    return later + (by_cluster.get(ANY_CLUSTER, []) if key != ANY_CLUSTER else [])


def _is_later(resource: Resource, side: Side) -> bool:
    """Return whether the account of an association is unknown, so that it may be aws-node's."""
    names = (one(resource, each, side) for each in IN_CLUSTER)
    return resource.type == ASSOCIATION and any(isinstance(name, Unknown) for name in names)


def _no_arns(named: Iterable[_NamedRole]) -> Iterator[str]:
    for _, placed in named:
        match placed.value:
            case Known(str(name)) if name and not name.startswith("arn:"):
                yield name


def _placed(resources: Iterable[Resource], path: str, side: Side) -> list[_NamedRole]:
    return [(resource, placed) for resource in resources for placed in read(resource, path, side)]


def _mode(setup: PluginSetup, clusters: list[Resource], side: Side) -> Mode | None:
    """Return the IP family, from the plugin's values, or else from the cluster."""
    own = setup.settings.mode
    if own == "ipv6" or (own and not setup.has_unread):
        return own
    families = [text(r, "kubernetes_network_config.*.ip_family", side) for r in clusters]
    modes: tuple[Mode, ...] = ("ipv6", "ipv4")
    return next((mode for mode in modes if mode in families), None)


def _is_preserved(addons: list[Resource], clusters: list[Resource], side: Side) -> bool:
    """Return whether EKS leaves the resources of removed add-ons in a cluster that stays."""
    is_gone = any("delete" in cluster.actions for cluster in clusters)
    return not is_gone and any(_is_true(addon, "preserve", side) for addon in addons)


def _texts(resources: Iterable[Resource], paths: Iterable[str], side: Side) -> tuple[str, ...]:
    values = (p.value for r in resources for path in paths for p in read(r, path, side))
    texts = {v.value for v in values if isinstance(v, Known) and isinstance(v.value, str)}
    return tuple(sorted(texts - {""}))


def _is_true(resource: Resource, path: str, side: Side) -> bool:
    return one(resource, path, side) == Known(value=True)
