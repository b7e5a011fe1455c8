"""Principals that gain or lose permissions in a cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import AUTHENTICATION, CLUSTER
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import scalar, text
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Unknown, Value
from vpc_cni_iam.review.account.cluster_access import ClusterRight, RightKey, cluster_rights
from vpc_cni_iam.review.account.iam_resource import InPlan, Unresolved
from vpc_cni_iam.review.account.in_clusters import ResourceEnd
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import CHANGES, LOSES, Level, Rule

# A principal with one of them can run pods with any service account, also with aws-node's role.
_ADMINS = ("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy")
# Access entries alone give access to a cluster, or the ConfigMap aws-auth as well. Source: Amazon
# EKS User Guide, "Change authentication mode to use access entries".
_ENTRIES_ONLY, _BOTH = Known("API"), Known("API_AND_CONFIG_MAP")


class RightGained(Struct, frozen=True):
    """A principal gets new or other permissions in a cluster."""

    right: ClusterRight


class RightLost(Struct, frozen=True):
    """A principal loses permissions in a cluster."""

    right: ClusterRight
    # Whether nodes with the role can no longer join the cluster, although both stay.
    strands_nodes: bool
    end: ResourceEnd  # of the resource that gave them


class AuthenticationChanged(Struct, frozen=True):
    """The settings that decide who can access a cluster change."""

    name: str
    before: Value
    after: Value


def check(context: Context) -> Iterator[Finding]:
    """Yield the changes of permissions in clusters."""
    before, after = ([*cluster_rights(context.reader, side)] for side in Side)
    had: dict[RightKey, list[ClusterRight]] = defaultdict(list)
    for right in before:
        had[right.key].append(right)
    lost = []
    for right in after:
        olds = had[right.key]
        old = min(olds, key=lambda each: each.address != right.address, default=None)
        if not right.gives_nothing:
            if not any(_gives_same(each, right) for each in olds):
                yield _gained(right, old, is_new=_is_of_new(right, context))
        elif old and not old.gives_nothing:
            lost.append(old)
    lost += _removed(before, after, context)
    gone = frozenset(_gone(context)) if lost else frozenset()
    for right in lost:
        yield _lost(right, gone, context)
    for cluster in (r for r in context.reader.resources if r.type == CLUSTER):
        if cluster.before is not None and cluster.after is not None:
            yield from _authentication(cluster, context)


def _removed(
    before: list[ClusterRight], after: list[ClusterRight], context: Context
) -> list[ClusterRight]:
    """Return the rights that do not exist after the plan, in the same place or another resource."""
    stay = {each for right in after for each in (right.key, _place(right, context))}
    return [r for r in before if not stay & {r.key, r.address, _place(r, context)}]


def _place(right: ClusterRight, context: Context) -> Hashable:
    """Return the place of a right; if it is unchanged or known later, it may stay the same."""
    is_open = isinstance(right.principal, Unresolved) or isinstance(right.cluster, Unknown)
    stays = is_open or not context.reader.resolver.is_changed(right.address)
    return right.address if stays else (right.address, right.cluster, right.principal)


def _gone(context: Context) -> Iterator[str]:
    """Yield the addresses of deleted resources, and the old names of clusters."""
    for resource in context.reader.resources:
        if "delete" in resource.actions:
            names = [text(resource, "name", side) for side in Side]
            if resource.type == CLUSTER and names[0] != names[1]:
                yield names[0]
            elif resource.after is None:
                yield resource.address


def _gives_same(old: ClusterRight, new: ClusterRight) -> bool:
    # An entry without a user name has the one that EKS computes.
    is_same_name = new.user_name in (ABSENT, old.user_name)
    same = (old.groups, old.type, old.namespaces) == (new.groups, new.type, new.namespaces)
    return is_same_name and same


def _is_of_new(right: ClusterRight, context: Context) -> bool:
    """Return whether the plan creates the cluster: a new cluster needs an administrator."""
    clusters = [r for r in context.reader.resources if r.type == CLUSTER]
    new = [text(r, "name", Side.AFTER) for r in clusters if r.before is None]
    if isinstance(right.cluster, Known):
        return right.cluster.value in new
    return bool(new) and len(new) == len(clusters)


def _gained(right: ClusterRight, before: ClusterRight | None, *, is_new: bool) -> Finding:
    policy = right.policy.value if isinstance(right.policy, Known) else ""
    is_admin = str(policy).rpartition("/")[2] in _ADMINS
    level = Level.ERROR if is_admin and not is_new else None
    is_less = before is not None and _is_part(right, before)
    means = CHANGES if is_less else None
    level = Level.NOTE if is_less else level
    rule, where, who = Rule.CLUSTER_ACCESS, right.address, right.principal
    return finding(rule, RightGained(right), where, level=level, means=means, subject=who)


def _is_part(right: ClusterRight, of: ClusterRight) -> bool:
    is_same = (right.user_name, right.type) == (of.user_name, of.type)
    own, others = {*right.namespaces}, {*of.namespaces}
    is_fewer = not others or (bool(own) and own <= others)
    return is_same and is_fewer and {*right.groups} <= {*of.groups}


def _lost(right: ClusterRight, gone: frozenset[str], context: Context) -> Finding:
    role = right.principal.address if isinstance(right.principal, InPlan) else ""
    cluster = right.cluster.value if isinstance(right.cluster, Known) else ""
    strands = right.is_of_node and gone.isdisjoint((role, cluster))
    end = context.end_of(right.address)
    is_unasked = right.address in context.reader.gone_with_others and cluster not in gone
    evidence, means = RightLost(right, strands, end), LOSES if strands else None
    level = Level.WARNING if strands or is_unasked else None
    rule, where, who = Rule.ACCESS_REMOVED, right.address, right.principal
    return finding(rule, evidence, where, level=level, means=means, subject=who)


def _authentication(cluster: Resource, context: Context) -> Iterator[Finding]:
    for path, default in AUTHENTICATION.items():
        name = path.rpartition(".")[2]
        steps = path.replace("*", "0").split(".")
        is_set = context.plan.configuration.expression(cluster.module, cluster.block, *steps)
        old, new = (scalar(cluster, path, side) for side in Side)
        new = ABSENT if isinstance(new, Unknown) and not is_set else new
        before, after = (Known(default) if isinstance(v, Absent) else v for v in (old, new))
        if before == after or after == Known(value=False):
            continue
        is_narrower = (before, after) == (_BOTH, _ENTRIES_ONLY)
        rule = Rule.ACCESS_REMOVED if is_narrower else Rule.CLUSTER_ACCESS
        means = CHANGES if is_narrower else rule.means
        means += LOSES if after == _ENTRIES_ONLY else ()
        evidence, level = AuthenticationChanged(name, before, after), Level.WARNING
        where = cluster.address
        yield finding(rule, evidence, where, attribute=name, level=level, means=means)
