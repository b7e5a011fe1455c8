"""The identity of aws-node: it changes, or aws-node loses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.plugin.state import ClusterPlugin, PluginIdentity
from vpc_cni_iam.levels import Level, at_most, most_severe
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.review.diff.harm import beyond_plugin
from vpc_cni_iam.review.diff.plugin.identity import IdentityChange, IdentityEvent
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import CHANGES, EVERY, GAINS, LOSES, Consequence, Rule, Topic
from vpc_cni_iam.review.texts.access import REACH_TEXTS, also, example_lines, part_text
from vpc_cni_iam.review.texts.names import IDENTITIES, TOO_OLD, cluster_text, name_of, of_issuer

IDENTITY_CHANGED = Rule(
    "plugin-identity-changed",
    (Level.WARNING, Topic.PLUGIN, EVERY),
    summary="The identity or the session policy of aws-node changes.",
    help="aws-node gets its credentials from EKS Pod Identity, from IRSA, or from the node role, in this order. The session policy of its association is part of the identity. It is an error if the new identity allows something that the old one did not allow, a warning if the plan does not show that, and a note if it allows nothing more, or if aws-node did not work and its new role has only the policies of the plugin. aws-node uses the new identity after its pods restart.",
    fix="Check that the new role is the one you want, and that it allows no more than the old one. aws-node uses it after its pods restart.",
)
IDENTITY_LOST = Rule(
    "plugin-identity-lost",
    (Level.ERROR, Topic.PLUGIN, LOSES),
    summary="aws-node can no longer assume its role.",
    help="The plan deletes the role, its OIDC provider or its association, or no longer names an identity. Or the trust policy does not trust aws-node of this cluster, or the role of the association is not allowed to assume its target role. The rule also reports a node role that nodes lose, that EC2 cannot assume, or that no longer allows what nodes need to join, to pull the image of aws-node, or to run the EKS Pod Identity Agent. Without credentials, ipamd does not start, and new pods get no IP addresses. Keep the old identity until aws-node uses the new one.",
    fix="Keep the OIDC provider, the association or the role of the add-on until aws-node has another identity. Check that the trust policy names `kube-system` and `aws-node`.",
)
# The level and the kinds of an identity event; for other events, aws-node loses its role.
_CHANGED: Mapping[IdentityEvent, tuple[Level, tuple[Consequence, ...]]] = {
    IdentityEvent.MORE: (Level.ERROR, EVERY),
    IdentityEvent.REPAIRED: (Level.NOTE, GAINS),
    IdentityEvent.NO_MORE: (Level.NOTE, CHANGES),
    IdentityEvent.NOT_SHOWN: (Level.WARNING, EVERY),
    IdentityEvent.FIRST_SHOWN: (Level.NOTE, GAINS),
}


def identity_finding(change: IdentityChange, plugin: ClusterPlugin, needs: PluginNeeds) -> Finding:
    """Return the finding about a change of aws-node's identity."""
    addresses = (*change.after.addresses, *change.before.addresses, plugin.after.installer)
    rule = IDENTITY_CHANGED if change.event in _CHANGED else IDENTITY_LOST
    level, means = _CHANGED.get(change.event, (None, None))
    if change.event is IdentityEvent.FIRST_SHOWN:  # the old identity may have allowed it
        lacking = [call for role in needs.roles for call in role.missing]
        level = at_most(most_severe(call.level for call in lacking), Level.WARNING)
    where, who = change.source or addresses[0], plugin.cluster
    return finding(rule, change, where, subject=who, level=level, means=means)


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


@says(IdentityChange)
def _identity_text(finding: Finding, change: IdentityChange) -> Saying:
    if change.event not in _LOSSES:
        return _change(cluster_text(finding.subject), change)
    message, fix = (
        text.format(
            address=finding.address,
            cluster=cluster_text(finding.subject),
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
    parts = change.gain.parts if change.gain else ()
    if parts and not beyond_plugin(parts):
        fix = f"Limit the policies of {_names(new.roles)} to what aws-node needs in {where}"
    if new.kind is Identity.node_role:
        fix = f"Keep {_named(old)}"
    more, lines = _gained(change)
    match change.event:
        case IdentityEvent.MORE:
            return Saying(f"{message}{more}", lines, fix)
        case IdentityEvent.REPAIRED:
            return Saying(f"{message}{more}. aws-node did not work without it", lines)
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
    return message, (*lines, *example_lines(gain.example if gain else None))


def _named(identity: PluginIdentity) -> str:
    """Return the name of an identity in a sentence."""
    roles = f" ({_names(identity.roles)})" if identity.roles else ""
    name = IDENTITIES.get(identity.kind)
    return f"{name}{roles}" if name else "no identity that the plan shows"


def _names(roles: Iterable[IamResource]) -> str:
    return first_of(sorted(map(name_of, roles)))
