"""Sentences about the plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, RESOURCE_CONTROLLER
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.report import undecided_text
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.checks.coverage import DenialCause, DeniedCalls, LimitNotShown
from vpc_cni_iam.review.checks.plugin_roles import (
    ControllerMissing,
    ManagedBeside,
    ManagedOnNodes,
    PolicyElsewhere,
    TrustLost,
)
from vpc_cni_iam.review.checks.plugin_tags import TagChange, TagRemoved
from vpc_cni_iam.review.diff.plugin.calls import MissingCall
from vpc_cni_iam.review.diff.plugin.other_places import OtherPlace, PlaceKind
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import name_of
from vpc_cni_iam.review.report.saying import Saying

_IDENTITIES = {
    Identity.pod_identity: "EKS Pod Identity",
    Identity.irsa: "IRSA",
    Identity.node_role: "the node role",
}
_TAG_CHANGES = {
    TagChange.LOST: "loses",
    TagChange.CHANGED: "changes",
    TagChange.MAY_BE_LOST: "may lose",
}
_PLACES = {
    PlaceKind.CLUSTER: "cluster",
    PlaceKind.VPC: "VPC",
    PlaceKind.REGION: "region",
    PlaceKind.ACCOUNT: "account",
}


def _denied_calls(_: Finding, denied: DeniedCalls) -> Saying:
    plugin = f"plugin {denied.version} ({FAMILIES[denied.mode]})"
    actions = ", ".join(map(_call, denied.calls))
    role = name_of(denied.role)
    if denied.identity in _IDENTITIES:
        role += f" ({_IDENTITIES[denied.identity]})"
    is_open = bool(denied.others) or not any(call.is_certain for call in denied.calls)
    match denied.cause:
        case DenialCause.LOST:
            may = "may no longer call" if is_open or denied.open else "can no longer call"
            message = f"The {plugin} {may} {actions} with {role}"
        case DenialCause.LACKING:
            may = "may be unable to call" if is_open else "cannot call"
            message = f"The {plugin} {may} {actions} with {role}"
        case DenialCause.MISSING | DenialCause.AS_BEFORE:
            not_ = "may not" if is_open else "does not"
            message = f"The {plugin} calls {actions}, which {role} {not_} allow"
    message += ", as before" if denied.cause is DenialCause.AS_BEFORE else ""
    unless = [f"{first_of(denied.open)} allows it"] if denied.open else []
    unless += [f"aws-node has {first_of(map(name_of, denied.others), 1)}"] if denied.others else []
    message += f", unless {' or '.join(unless)}" if unless else ""
    places = "; ".join(map(_other_place, denied.elsewhere))
    message += f": {places or denied.calls[0].breaks}"
    return Saying(message, tuple(map(_denial, denied.calls)), _fix(denied))


def _call(call: MissingCall) -> str:
    return f"{call.action} on the {call.on}" if call.on else call.action


def _denial(call: MissingCall) -> str:
    where = f" in {call.region or 'some Regions'}" if call.in_some_regions else ""
    text = f"{call.action} ({call.scenario}){where}: "
    if call.undecided:
        return f"{text}undecided, since {undecided_text(call.undecided)}; if denied, {call.breaks}"
    return text + call.breaks


def _fix(denied: DeniedCalls) -> str:
    actions = first_of(call.action for call in denied.calls)
    if denied.denied_by and any(call.is_explicit for call in denied.calls):
        return f"Do not deny {actions} in {denied.denied_by}"
    if denied.denied_by:
        return f"Allow {actions} in {denied.denied_by}"
    if denied.elsewhere:
        other = denied.elsewhere[0]
        return f"Name {_PLACES[other.kind]} {other.own} in {first_of(other.policies)}"
    if denied.is_removed:
        return f"Keep {denied.policy} for {name_of(denied.role)}"
    if denied.policy:
        return f"Allow {actions} in {denied.policy}"
    return f"Attach a policy to {name_of(denied.role)} that allows {actions}"


def _other_place(other: OtherPlace) -> str:
    kind = _PLACES[other.kind]
    named = first_of(other.named)
    return f"{first_of(other.policies)} is for {kind} {named}, and aws-node runs in {other.own}"


def _limit_not_shown(_: Finding, limit: LimitNotShown) -> Saying:
    role = name_of(limit.role)
    return Saying(
        f"{role} gets the permissions boundary {limit.limit}, which the plan does not show. "
        "The plugin may no longer call what it needs",
        fix=f"Check that {limit.limit} allows what the plugin calls",
    )


def _policy_elsewhere(_: Finding, elsewhere: PolicyElsewhere) -> Saying:
    place, role = elsewhere.place, name_of(elsewhere.role)
    kind = _PLACES[place.kind]
    message = f"{first_of(place.policies)} of {role} is for {kind} {first_of(place.named)}, "
    message += f"and aws-node runs in {place.own}{', as before' if elsewhere.stays else ''}"
    return Saying(message, fix=f"Name {kind} {place.own} in {first_of(place.policies)}")


def _managed_beside(_: Finding, managed: ManagedBeside) -> Saying:
    role, undoes = name_of(managed.role), "undoes" if managed.is_proven else "may undo"
    message = f"{CNI_POLICY} is attached to {role} beside {first_of(managed.beside)}, "
    message += f"which it {undoes}{', as before' if managed.stays else ''}"
    return Saying(message, fix=f"Detach {CNI_POLICY} from {role}")


def _managed_on_nodes(_: Finding, managed: ManagedOnNodes) -> Saying:
    role = name_of(managed.role)
    if not managed.is_known:
        return Saying(
            f"{CNI_POLICY} is attached to {role}, which may be the role of nodes: the plan does "
            "not say who can assume it"
        )
    message = f"{CNI_POLICY} is attached to {role}, the role of nodes"
    if managed.own_roles:
        message += f", though the plugin has its own: {_names(managed.own_roles)}"
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
        fix=f"{'Keep' if missing.is_removed else 'Attach'} {RESOURCE_CONTROLLER} to {role}",
    )


def _trust_lost(_: Finding, lost: TrustLost) -> Saying:
    role = name_of(lost.role)
    ways = first_of(_IDENTITIES[way] for way in lost.ways)
    where = f" of cluster {lost.cluster.name}" if lost.cluster and lost.cluster.name else ""
    if not lost.is_certain:
        return Saying(
            f"aws-node{where} may no longer assume {role} by {ways}: whether its requests meet the "
            "conditions of the trust policy is not known"
        )
    return Saying(
        f"The trust policy of {role} no longer lets aws-node{where} assume it by {ways}",
        fix=f"Trust the service account kube-system/aws-node in {role}",
    )


def _tag_removed(finding: Finding, removed: TagRemoved) -> Saying:
    role = name_of(removed.role)
    address = finding.address
    if removed.change is TagChange.HIDDEN:
        return Saying(
            f"{address} changes tags that are marked sensitive, and a policy of {role} asks "
            "for tags",
            fix=f"Check that {address} keeps the tags that the policy of {role} asks for",
        )
    on = f"{first_of(removed.actions)} on the {removed.kind.replace('-', ' ')}"
    message = f"{finding.address} {_TAG_CHANGES[removed.change]} the tag {removed.tag}. "
    message += f"Then a policy of {role} does not allow {on}"
    if removed.has_hidden_template:
        message += ", unless the launch template sets it, which is not shown"
    elif removed.is_template:
        message += ", unless what launches nodes sets it, which is not shown"
    return Saying(message, fix=f"Keep the tag {removed.tag} in {finding.address}")


def _names(roles: Sequence[IamResource]) -> str:
    return first_of(map(name_of, roles), 1)


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    DeniedCalls: _denied_calls,
    LimitNotShown: _limit_not_shown,
    PolicyElsewhere: _policy_elsewhere,
    ManagedBeside: _managed_beside,
    ManagedOnNodes: _managed_on_nodes,
    ControllerMissing: _controller_missing,
    TrustLost: _trust_lost,
    TagRemoved: _tag_removed,
}
