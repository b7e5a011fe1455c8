"""Sentences about the plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, RESOURCE_CONTROLLER
from vpc_cni_iam.catalog.facts.node_needs import AGENT_ACTION
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.report import undecided_text
from vpc_cni_iam.review.checks.coverage import DenialCause, DeniedCalls, LimitNotShown, MayBeNeeded
from vpc_cni_iam.review.checks.plugin_roles import ManagedAttached, RoleRefused
from vpc_cni_iam.review.diff.plugin.calls import MissingCall
from vpc_cni_iam.review.diff.plugin.judged import OtherPlace, PlaceKind
from vpc_cni_iam.review.diff.plugin.nodes import (
    ControllerMissing,
    MetadataClosed,
    NodeLoss,
    NodesLost,
)
from vpc_cni_iam.review.diff.plugin.roles import TrustLost
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import FAULTS, MOST_NAMED, name_of, of_issuer, several
from vpc_cni_iam.review.report.saying import Saying

_IDENTITIES = {
    Identity.pod_identity: "EKS Pod Identity",
    Identity.irsa: "IRSA",
    Identity.node_role: "the node role",
}
_PLACES = {
    PlaceKind.CLUSTER: "cluster",
    PlaceKind.VPC: "VPC",
    PlaceKind.REGION: "region",
    PlaceKind.ACCOUNT: "account",
}
# By whether the plugin could call it before, and whether the denial is certain.
_CAN = {
    (False, False): "may be unable to",
    (False, True): "cannot",
    (True, False): "may no longer",
    (True, True): "can no longer",
}


def _denied_calls(_: Finding, denied: DeniedCalls) -> Saying:
    """Return the denied calls; the message has the most severe ones."""
    first, cause, needs = denied.calls[0], denied.cause, denied.needs
    identity = needs.plugin.after.identity.kind
    worst = [c for c in denied.calls if (c.level, c.switch) == (first.level, first.switch)]
    is_certain = not (denied.others or denied.open) and any(call.is_denied for call in worst)
    is_as_before = cause in (DenialCause.STILL_MISSING, DenialCause.AS_BEFORE)
    message = f"{'As before, the' if is_as_before else 'The'} plugin {needs.after.version} "
    message += f"({FAMILIES[needs.mode]})" + (f" with {first.switch}" if first.switch else "")
    can = _CAN[cause is DenialCause.LOST, is_certain]
    message += f" {can} call {several(_actions(worst))} "
    message += f"with {name_of(denied.role.role)}"
    message += f" ({_IDENTITIES[identity]})" if identity in _IDENTITIES else ""
    message += _unless(denied)
    places = "; ".join(map(_other_place, denied.elsewhere))
    alike: dict[str, list[MissingCall]] = {}
    for call in denied.calls:
        with_switch = f"with {call.switch}: " if call.switch else ""
        alike.setdefault(with_switch + _effect(call), []).append(call)
    lines = tuple(f"{', '.join(_actions(calls))}: {effect}" for effect, calls in alike.items())
    is_complete = len(alike) == 1 and not places and len(denied.calls) <= MOST_NAMED
    message = f"{message}: {places or _effect(first)}"
    return Saying(message, () if is_complete else lines, _fix(denied))


def _unless(denied: DeniedCalls) -> str:
    """Return which policies or roles may still allow the calls; empty if none may."""
    unless = [f"{first_of(denied.open)} allows it"] if denied.open else []
    unless += [f"aws-node has {first_of(map(name_of, denied.others), 1)}"] if denied.others else []
    return f", unless {' or '.join(unless)}" if unless else ""


def _actions(calls: Sequence[MissingCall]) -> list[str]:
    return [f"{call.action} on the {call.on}" if call.on else call.action for call in calls]


def _effect(call: MissingCall) -> str:
    """Return the effect of a denied call, with the Regions, and whether the denial is certain."""
    where = f"in {call.region or 'some Regions'}, " if call.in_some_regions else ""
    if call.undecided:
        return f"{where}undecided, since {undecided_text(call.undecided)}; if denied, {call.breaks}"
    return where + call.breaks


def _fix(denied: DeniedCalls) -> str:
    actions = several([call.action for call in denied.calls])
    role, policy, places = name_of(denied.role.role), denied.role.policy, denied.role.places
    by = next((call.denied_by for call in denied.calls if call.denied_by is not None), None)
    if by is not None:
        is_explicit = any(call.is_explicit for call in denied.calls)
        return f"{'Do not deny' if is_explicit else 'Allow'} {actions} in {places[by]}"
    before, after = (s.settings.has_cluster_name for s in (denied.needs.before, denied.needs.after))
    if policy and denied.cause is DenialCause.MISSING and before and not after:
        return "Set CLUSTER_NAME to the name of the cluster, in the configuration of the plugin"
    if denied.elsewhere:
        return _fix_of_place(denied.elsewhere[0])
    if not policy:
        return f"Attach a policy to {role} that allows {actions}"
    in_place = policy in places
    return f"Allow {actions} in {policy}" if in_place else f"Keep {policy} for {role}"


def _other_place(other: OtherPlace) -> str:
    place = f"{_PLACES[other.kind]} {other.named}"
    return f"{other.policy} is for {place}, but aws-node runs in {other.own}"


def _limit_not_shown(_: Finding, limit: LimitNotShown) -> Saying:
    role = name_of(limit.role)
    message = f"{role} gets the permissions boundary {limit.limit}, which the plan does not show. "
    message += "The plugin may no longer call what it needs"
    return Saying(message, fix=f"Check that {limit.limit} allows what the plugin calls")


def _fix_of_place(other: OtherPlace) -> str:
    return f"Name {_PLACES[other.kind]} {other.own} in {other.policy}"


def _managed(_: Finding, managed: ManagedAttached) -> Saying:
    role = name_of(managed.role)
    message, fix = f"{CNI_POLICY} is attached to {role}", f"Detach {CNI_POLICY} from {role}"
    if managed.beside:
        beside = first_of(managed.beside)
        return Saying(f"{message} beside {beside}, whose conditions do not limit it", fix=fix)
    return Saying(f"{message}, the node role", fix=f"{fix} once aws-node has its own role")


def _controller_missing(_: Finding, missing: ControllerMissing) -> Saying:
    role = name_of(missing.role)
    clusters = first_of(sorted(c.name or "the cluster" for c in missing.clusters))
    verb, fix = ("loses", "Keep") if missing.is_removed else ("does not have", "Attach")
    message = f"{role} {verb} {RESOURCE_CONTROLLER}, and ENABLE_POD_ENI is set for aws-node in "
    message += f"{clusters}: pods with their own security groups do not start"
    return Saying(message, fix=f"{fix} {RESOURCE_CONTROLLER} on {role}")


def _trust_lost(_: Finding, lost: TrustLost) -> Saying:
    role, cluster = name_of(lost.role), lost.plugin.cluster
    where = f" of cluster {cluster.name}" if cluster.name else ""
    may = "no longer lets" if lost.is_certain else "may no longer let"
    trusted = f"the service account {lost.plugin.setup.account}"
    trusted += of_issuer(cluster) if Identity.irsa in lost.ways else ""
    if firsts := lost.plugin.identity.first_roles - {lost.role}:
        trusted = first_of(sorted(map(name_of, firsts)))
    elif lost.ways == (Identity.node_role,):
        trusted = "ec2.amazonaws.com"
    fix = f"Check that aws-node meets the conditions of the trust policy of {role}"
    fix = f"Trust {trusted} in {role}" if lost.is_certain else fix
    ways = first_of(_IDENTITIES[way] for way in lost.ways)
    message = f"The trust policy of {role} {may} aws-node{where} assume it through {ways}"
    return Saying(message, fix=fix)


# The message and the fix.
_NODES = {
    NodeLoss.REFUSED: (
        "Instances cannot assume {role}, the node role{cluster}: its trust policy does not trust "
        "ec2.amazonaws.com, so no node can join the cluster",
        "Trust ec2.amazonaws.com in {role}",
    ),
    NodeLoss.AGENT_DENIED: (
        f"The node role {{role}}{{cluster}} does not allow {AGENT_ACTION}: the EKS Pod Identity "
        "Agent gets no credentials for aws-node",
        f"Allow {AGENT_ACTION} in {{role}}, as AmazonEKSWorkerNodePolicy does",
    ),
    NodeLoss.JOIN_DENIED: (
        "The node role {role}{cluster} does not allow {actions}: nodes cannot join the cluster",
        "Allow {actions} in {role}, as AmazonEKSWorkerNodePolicy does",
    ),
    NodeLoss.PULL_DENIED: (
        "The node role {role}{cluster} does not allow {actions}: nodes cannot pull the image of "
        "aws-node",
        "Allow {actions} in {role}, as AmazonEC2ContainerRegistryPullOnly does",
    ),
    NodeLoss.NO_ROLE: (
        "{workload} no longer gives instances {role}, which has the policies of the plugin: "
        "aws-node on them has no credentials",
        "Keep {role} in {workload}, or give aws-node its own role first",
    ),
}


def _nodes_lost(_: Finding, lost: NodesLost) -> Saying:
    cluster = f" of cluster {lost.cluster.name}" if lost.cluster.name else ""
    parts = {"role": name_of(lost.role), "cluster": cluster, "workload": lost.workload}
    parts["actions"] = several(lost.actions)
    message, fix = (text.format_map(parts) for text in _NODES[lost.loss])
    return Saying(message, fix=fix)


def _metadata_closed(finding: Finding, closed: MetadataClosed) -> Saying:
    message = f"{closed.template} disables the instance metadata of nodes of {finding.address}: "
    message += "aws-node does not start without it"
    return Saying(message, fix=f"Keep http_endpoint enabled in {closed.template}")


def _refused(_: Finding, refused: RoleRefused) -> Saying:
    role = name_of(refused.role)
    message = f"aws-node cannot assume {role}, because {FAULTS[refused.fault]}"
    return Saying(message, fix=f"Correct the trust policy of {role}")


def _may_be_needed(_: Finding, needed: MayBeNeeded) -> Saying:
    role, actions = name_of(needed.role), several(needed.actions)
    message = f"{role} no longer allows {actions}, which aws-node may call: its settings are not "
    return Saying(f"{message}read", fix=f"Check that aws-node does not need {actions}")


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    DeniedCalls: _denied_calls,
    LimitNotShown: _limit_not_shown,
    MayBeNeeded: _may_be_needed,
    ManagedAttached: _managed,
    ControllerMissing: _controller_missing,
    TrustLost: _trust_lost,
    NodesLost: _nodes_lost,
    MetadataClosed: _metadata_closed,
    RoleRefused: _refused,
}
