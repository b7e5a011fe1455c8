"""Sentences about the plugin's identity, version and settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.account.in_clusters import ResourceEnd
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.report import example_text
from vpc_cni_iam.policy.value import Absent, Sensitive, Unknown, Value
from vpc_cni_iam.review.checks.plugin import (
    DecidingChanged,
    PluginRemoved,
    PluginUpdated,
    Removal,
    SettingChange,
    SettingsChanged,
    SettingsNotRead,
    VersionUnknown,
)
from vpc_cni_iam.review.diff.harm import beyond_plugin
from vpc_cni_iam.review.diff.plugin.identity import IdentityChange, IdentityEvent
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.plugin.state import PluginIdentity
from vpc_cni_iam.review.report.names import ENDS, TOO_OLD, name_of, of_issuer, value_text
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences.access import REACH_TEXTS, also, part_text

_RENAMED = (
    "; existing interfaces keep the tag of the old cluster name, but a scoped policy allows "
    "changes only to interfaces with the new one"
)
# What a removal means.
_REMOVALS = {
    Removal.REMOVED: ": the plugin is removed from {cluster}, and new pods{on} get no IP addresses",
    Removal.LEFT_RUNNING: " and leaves the plugin running in {cluster}, where nothing manages it",
    Removal.NODES_NOT_SHOWN: ": the plugin is removed from {cluster}. Nodes of EKS Auto Mode do "
    "not need it. New pods on other nodes, which the plan does not show, get no IP addresses",
    Removal.NODES_REMOVED: ": the plugin is removed from {cluster}. Nodes of EKS Auto Mode do not "
    "need it, and the plan deletes the node groups",
    Removal.DEFAULT: ", and EKS installs the plugin in the cluster that replaces {cluster}, with "
    "its default version and settings",
}
# Why aws-node loses its role, and the fix.
_LOSSES = {
    IdentityEvent.NO_ARN: (
        "aws-node in {cluster} gets no credentials: {address} is not the ARN of a role",
        "Give the ARN of the role instead of {address}",
    ),
    IdentityEvent.OLD_VERSION: (
        f"aws-node in {{cluster}} cannot use {{roles}}: {TOO_OLD}",
        f"Install {POD_IDENTITY_SINCE} or later, or give aws-node the role through IRSA",
    ),
    IdentityEvent.ROLE_GONE: (
        "aws-node in {cluster} still gets {roles}, but after the plan no role has this ARN. It had "
        "{old}",
        "In {address}, give aws-node a role that exists after the plan",
    ),
    IdentityEvent.AGENT_REMOVED: (
        "{address} is deleted: without the EKS Pod Identity Agent, aws-node in {cluster} gets no "
        "credentials for {roles}",
        "Keep {address}",
    ),
    IdentityEvent.OTHER_ISSUER: (
        "The cluster {cluster} gets a new OIDC issuer, which the trust policy of {roles} does not "
        "name",
        "Refer to the new OIDC provider in the trust policy of {roles}",
    ),
    IdentityEvent.NOT_NAMED: (
        "aws-node in {cluster} loses {old}: after the plan, nothing gives it a role",
        "Keep {old}, or attach the policies of the plugin to the node role first",
    ),
    IdentityEvent.NOT_TRUSTED: (
        "aws-node in {cluster} cannot assume {roles}: its trust policy does not trust {trusted}",
        "Trust {trusted} in the trust policy of {roles}",
    ),
    IdentityEvent.NOT_ALLOWED: (
        "aws-node in {cluster} cannot assume {roles}: {address} is not allowed to call "
        "sts:AssumeRole and sts:TagSession on it",
        "Allow sts:AssumeRole and sts:TagSession on {roles} in a policy of {address}",
    ),
}
# Names of settings that may hold a secret.
_SECRET = re.compile("secret|token|passw|credential|private.?key|access.?key", re.IGNORECASE)


def _removed(finding: Finding, removed: PluginRemoved) -> Saying:
    done, address = ENDS[removed.end].format("add-on"), finding.address
    on = f" on {first_of(removed.node_groups)}" if removed.node_groups else ""
    message = _REMOVALS[removed.removal].format(cluster=_cluster(finding), on=on)
    keep = "Replace" if removed.end is ResourceEnd.WITH_CLUSTER else "Keep"
    fix = f"{keep} {address}, or install the plugin in another way in the same apply"
    return Saying(f"{address} {done}{message}", fix=fix if finding.level is Level.ERROR else "")


def _version_unknown(finding: Finding, unknown: VersionUnknown) -> Saying:
    message = f"The version {value_text(unknown.version)} of the plugin is not in the catalog"
    if isinstance(unknown.version, Absent):
        message = f"{finding.address} names no version of the plugin"
    elif isinstance(unknown.version, Unknown):
        message = "The version of the plugin is known after apply"
    return Saying(f"{message}; {unknown.judged} is assumed")


def _version_changed(finding: Finding, change: PluginUpdated) -> Saying:
    old, new = map(_version, (change.before, change.after))
    message = f"The version of the plugin in {_cluster(finding)} changes from {old} to {new}"
    if change.newly_called:
        message += f", which newly calls {first_of(change.newly_called)}"
        message += "; the plan does not show all policies of its role"
    return Saying(message)


def _version(version: Value) -> str:
    match version:
        case Absent():
            return "a version that is not named"
        case Unknown() | Sensitive(Unknown()):
            return "a version that is known after apply"
    return value_text(version)


def _settings_changed(_: Finding, changed: SettingsChanged) -> Saying:
    names = first_of([change.name for change in changed.changes])
    details = (f"{c.name}: {_shown(c)}" for c in changed.changes)
    message = f"The configuration of the plugin changes: {names}"
    return Saying(f"{message}{_RENAMED if changed.is_renamed else ''}", tuple(details))


def _shown(change: SettingChange) -> str:
    """Return the values of a setting; hidden if its name may be that of a secret."""
    if _SECRET.search(change.name):
        return "not shown, because the name may be that of a secret"
    return f"{value_text(change.before)} -> {value_text(change.after)}"


def _settings_not_read(finding: Finding, unread: SettingsNotRead) -> Saying:
    why = f"values of {finding.address} are {unread.reason}"
    return Saying(f"The configuration of the plugin is not known: {why}")


def _deciding(finding: Finding, changed: DecidingChanged) -> Saying:
    what = f"{finding.address} changes {first_of(changed.names)}"
    return Saying(f"{what}: aws-node may run other code or get another role")


def _identity(finding: Finding, change: IdentityChange) -> Saying:
    if change.event not in _LOSSES:
        return _change(_cluster(finding), change)
    message, fix = (
        text.format(
            address=finding.address,
            cluster=_cluster(finding),
            roles=_names(change.roles),
            old=_named(change.before),
            trusted=_trusted(finding, change),
        )
        for text in _LOSSES[change.event]
    )
    return Saying(message, fix=fix)


def _trusted(finding: Finding, change: IdentityChange) -> str:
    """Return the principal that roles have to trust."""
    firsts, kind = change.after.first_roles, change.after.kind
    if firsts and firsts.isdisjoint(change.roles):
        return _names(firsts)
    issuer = of_issuer(finding.subject) if kind is Identity.irsa else ""
    return f"{change.account} through {kind.value}{issuer}"


def _change(where: str, change: IdentityChange) -> Saying:
    """Return the sentence about an identity that works, and may allow more."""
    old, new = change.before, change.after
    message = f"aws-node in {where} changes from {_named(old)} to {_named(new)}"
    if old.kind is Identity.unknown:
        message = f"aws-node in {where} gets {_named(new)}; the plan does not show what it had"
    elif (old.kind, old.roles) == (new.kind, new.roles):
        message = f"The session policy of {_names(new.roles)} for aws-node in {where} changes"
    fix = f"Give aws-node a role with only the policies of the plugin in {first_of(new.addresses)}"
    if new.kind is Identity.node_role:
        fix = f"Keep {_named(old)}"
    match change.event:
        case IdentityEvent.MORE:
            more, lines = _gained(change)
            return Saying(f"{message}{more}", lines, fix)
        case IdentityEvent.NO_MORE:
            return Saying(f"{message}, and gets no new permission (proven)")
        case IdentityEvent.NOT_SHOWN:
            return Saying(f"{message}. The plan does not show whether it works, or can do more")
    return Saying(message)


def _gained(change: IdentityChange) -> tuple[str, tuple[str, ...]]:
    """Return what an identity newly allows, the scope first, and the details."""
    gain, is_far = change.gain, change.reach is not Reach.LIMITED
    parts = [part_text(part) for part in gain.parts] if gain else []
    message = ", and can do more within its limits"
    if is_far:
        message = f", and can now {REACH_TEXTS[change.reach]}"
    elif parts:
        message = f", and can now {parts.pop(0)}"
    lines = also(parts, is_first=is_far)
    if gain and (beyond := beyond_plugin(gain.parts)):
        lines.append(f"beyond the plugin's needs: {first_of(beyond)}")
    if gain and gain.example:
        lines.append(f"example: {example_text(gain.example)}")
    return message, tuple(lines)


def _named(identity: PluginIdentity) -> str:
    """Return the name of an identity in a sentence."""
    roles = f" ({_names(identity.roles)})" if identity.roles else ""
    match identity.kind:
        case Identity.unknown | Identity.none:
            return "no identity that the plan shows"
        case Identity.node_role:
            return f"the node role{roles}"
        case kind:
            return f"{kind.value}{roles}"


def _cluster(finding: Finding) -> str:
    """Return the name of the cluster of a finding in a sentence."""
    subject = finding.subject
    if not isinstance(subject, EksCluster) or not subject.name:
        return "the cluster"
    return f"{subject.name} ({subject.region})" if subject.region else subject.name


def _names(roles: Iterable[IamResource]) -> str:
    return first_of(sorted(map(name_of, roles)))


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    PluginRemoved: _removed,
    VersionUnknown: _version_unknown,
    PluginUpdated: _version_changed,
    SettingsChanged: _settings_changed,
    SettingsNotRead: _settings_not_read,
    DecidingChanged: _deciding,
    IdentityChange: _identity,
}
