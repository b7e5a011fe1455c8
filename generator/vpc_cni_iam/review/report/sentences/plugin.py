"""Sentences about the plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, RESOURCE_CONTROLLER
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.report import undecided_text
from vpc_cni_iam.review.checks.coverage import DenialCause, DeniedCalls, LimitNotShown
from vpc_cni_iam.review.checks.plugin_roles import ManagedBeside, ManagedOnNodes
from vpc_cni_iam.review.checks.plugin_tags import TagRemoved
from vpc_cni_iam.review.diff.plugin.calls import MissingCall
from vpc_cni_iam.review.diff.plugin.judged import OtherPlace, PlaceKind
from vpc_cni_iam.review.diff.plugin.nodes import (
    AGENT_ACTION,
    ControllerMissing,
    NodeLoss,
    NodesLost,
)
from vpc_cni_iam.review.diff.plugin.roles import TrustLost
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import MOST_NAMED, name_of, of_issuer, several
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


def _denied_calls(_: Finding, denied: DeniedCalls) -> Saying:
    unless = [f"{first_of(denied.open)} allows it"] if denied.open else []
    unless += [f"aws-node has {first_of(map(name_of, denied.others), 1)}"] if denied.others else []
    message = _denied(denied) + (f", unless {' or '.join(unless)}" if unless else "")
    places = "; ".join(map(_other_place, denied.elsewhere))
    details: dict[tuple[str, str], list[MissingCall]] = {}
    for call in denied.calls:
        details.setdefault((call.switch, _effect(call)), []).append(call)
    is_said = len(details) == 1 and not places and len(denied.calls) <= MOST_NAMED
    lines = () if is_said else tuple(_denials(calls) for calls in details.values())
    return Saying(f"{message}: {places or _effect(denied.calls[0])}", lines, _fix(denied))


def _denied(denied: DeniedCalls) -> str:
    """Return what the plugin cannot call, the worst only."""
    first = denied.calls[0]
    worst = [c for c in denied.calls if (c.level, c.switch) == (first.level, first.switch)]
    plugin = f"plugin {denied.version} ({FAMILIES[denied.mode]})"
    plugin += f" with {first.switch}" if first.switch else ""
    actions = several(list(map(_call, worst)))
    role = name_of(denied.role)
    role += f" ({_IDENTITIES[denied.identity]})" if denied.identity in _IDENTITIES else ""
    is_certain = not denied.others and any(call.is_denied for call in worst)
    match denied.cause:
        case DenialCause.LOST:
            may = "can no longer" if is_certain and not denied.open else "may no longer"
            return f"The {plugin} {may} call {actions} with {role}"
        case DenialCause.LACKING:
            may = "cannot call" if is_certain else "may be unable to call"
            return f"The {plugin} {may} {actions} with {role}"
        case DenialCause.MISSING | DenialCause.STILL_MISSING | DenialCause.AS_BEFORE:
            allows = "does not allow" if is_certain else "may not allow"
            the = "The" if denied.cause is DenialCause.MISSING else "As before, the"
            return f"{the} {plugin} calls {actions}, which {role} {allows}"


def _call(call: MissingCall) -> str:
    return f"{call.action} on the {call.on}" if call.on else call.action


def _denials(calls: Sequence[MissingCall]) -> str:
    """Return all calls of which the same follows."""
    switch = calls[0].switch
    actions = ", ".join(map(_call, calls))
    return f"{f'with {switch}: ' if switch else ''}{actions}: {_effect(calls[0])}"


def _effect(call: MissingCall) -> str:
    """Return what follows from the denial of a call, and where, and whether that is decided."""
    where = f"in {call.region or 'some Regions'}, " if call.in_some_regions else ""
    if call.undecided:
        return f"{where}undecided, since {undecided_text(call.undecided)}; if denied, {call.breaks}"
    return where + call.breaks


def _fix(denied: DeniedCalls) -> str:
    actions = several([call.action for call in denied.calls])
    role, policy = name_of(denied.role), denied.policy
    by = next((call.denied_by for call in denied.calls if call.denied_by is not None), None)
    if by is not None:
        is_explicit = any(call.is_explicit for call in denied.calls)
        return f"{'Do not deny' if is_explicit else 'Allow'} {actions} in {denied.places[by]}"
    if denied.lost_cluster_name:
        return "Set CLUSTER_NAME to the name of the cluster, in the configuration of the plugin"
    if denied.elsewhere:
        return _fix_of_place(denied.elsewhere[0])
    if policy and policy not in denied.places:
        return f"Keep {policy} for {role}"
    return (
        f"Allow {actions} in {policy}"
        if policy
        else f"Attach a policy to {role} that allows {actions}"
    )


def _other_place(other: OtherPlace) -> str:
    place = f"{_PLACES[other.kind]} {other.named}"
    return f"{other.policy} is for {place}, and aws-node runs in {other.own}"


def _limit_not_shown(_: Finding, limit: LimitNotShown) -> Saying:
    role = name_of(limit.role)
    return Saying(
        f"{role} gets the permissions boundary {limit.limit}, which the plan does not show. "
        "The plugin may no longer call what it needs",
        fix=f"Check that {limit.limit} allows what the plugin calls",
    )


def _fix_of_place(other: OtherPlace) -> str:
    return f"Name {_PLACES[other.kind]} {other.own} in {other.policy}"


def _managed_beside(_: Finding, managed: ManagedBeside) -> Saying:
    role, undoes = name_of(managed.role), "undoes" if managed.is_proven else "may undo"
    message = f"{CNI_POLICY} is attached to {role} beside {first_of(managed.beside)}, "
    message += f"which it {undoes}{', as before' if managed.stays else ''}"
    return Saying(message, fix=f"Detach {CNI_POLICY} from {role}")


def _managed_on_nodes(_: Finding, managed: ManagedOnNodes) -> Saying:
    role = name_of(managed.role)
    message = f"{CNI_POLICY} is attached to {role}, the role of nodes"
    if managed.own_roles:
        own = first_of(map(name_of, managed.own_roles), 1)
        message += f", though the plugin has its own: {own}"
    fix = f"Detach {CNI_POLICY} from {role}"
    fix += "" if managed.own_roles else " once aws-node has its own role"
    return Saying(message + (", as before" if managed.stays else ""), fix=fix)


def _controller_missing(_: Finding, missing: ControllerMissing) -> Saying:
    role = name_of(missing.role)
    clusters = first_of(sorted(c.name or "the cluster" for c in missing.clusters))
    verb = "loses" if missing.is_removed else "does not have"
    return Saying(
        f"{role} {verb} {RESOURCE_CONTROLLER}, and ENABLE_POD_ENI is set for aws-node in "
        f"{clusters}: pods with security groups of their own do not start",
        fix=f"{'Keep' if missing.is_removed else 'Attach'} {RESOURCE_CONTROLLER} "
        f"{'attached ' * missing.is_removed}to {role}",
    )


def _trust_lost(_: Finding, lost: TrustLost) -> Saying:
    role = name_of(lost.role)
    ways = first_of(_IDENTITIES[way] for way in lost.ways)
    cluster, identity = lost.plugin.cluster, lost.plugin.identity
    where = f" of cluster {cluster.name}" if cluster.name else ""
    may = "no longer lets" if lost.is_certain else "may no longer let"
    trusted = f"the service account {lost.plugin.setup.account}"
    if identity.first_roles - {lost.role}:
        trusted = first_of(sorted(map(name_of, identity.first_roles)))
    elif lost.ways == (Identity.node_role,):
        trusted = "ec2.amazonaws.com"
    elif Identity.irsa in lost.ways:
        trusted += of_issuer(cluster)
    return Saying(
        f"The trust policy of {role} {may} aws-node{where} assume it by {ways}",
        fix=f"Trust {trusted} in {role}"
        if lost.is_certain
        else f"Check that aws-node meets the conditions of the trust policy of {role}",
    )


# What nodes lose, and the fix.
_NODES = {
    NodeLoss.REFUSED: (
        "Instances cannot assume {role}, the node role{cluster}: its trust policy does not trust "
        "ec2.amazonaws.com, and no node joins the cluster",
        "Trust ec2.amazonaws.com in {role}",
    ),
    NodeLoss.AGENT_DENIED: (
        f"The node role {{role}}{{cluster}} does not allow {AGENT_ACTION}: the EKS Pod Identity "
        "Agent gets no credentials for aws-node",
        f"Allow {AGENT_ACTION} in {{role}}, as AmazonEKSWorkerNodePolicy does",
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
    message, fix = (text.format_map(parts) for text in _NODES[lost.loss])
    return Saying(message, fix=fix)


def _tag_removed(finding: Finding, removed: TagRemoved) -> Saying:
    role, address = name_of(removed.role), finding.address
    if not removed.tag:
        return Saying(
            f"{address} changes tags that are marked sensitive, and a policy of {role} asks "
            "for tags",
            fix=f"Check that {address} keeps the tags that the policy of {role} asks for",
        )
    verb = "may lose" if removed.is_later else "changes" if removed.is_changed else "loses"
    kind = removed.kind.replace("-", " ")
    on = f"{first_of(removed.actions)} on the {kind}"
    who = f"The {kind} of {address}" if removed.is_of_other else address
    message = f"{who} {verb} the tag {removed.tag}. "
    message += f"Then a policy of {role} does not allow {on}"
    return Saying(message, fix=f"Keep the tag {removed.tag} in {address}")


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    DeniedCalls: _denied_calls,
    LimitNotShown: _limit_not_shown,
    ManagedBeside: _managed_beside,
    ManagedOnNodes: _managed_on_nodes,
    ControllerMissing: _controller_missing,
    TrustLost: _trust_lost,
    NodesLost: _nodes_lost,
    TagRemoved: _tag_removed,
}
