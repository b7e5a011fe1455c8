"""Trust policies that do not let aws-node assume a role, and how to fix them.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts"; IAM User Guide,
"Available keys for AWS web identity federation".
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.issuers import PROVIDER
from vpc_cni_iam.plugin.trust import (
    AWS_NODE,
    TAG,
    WEB,
    RoleTrust,
    ServiceAccount,
    is_claim,
    may_share_account,
)
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.template import known

_EXPECTED = {"sub": AWS_NODE.subject, "aud": AUDIENCE}
_ANY_ISSUER = "oidc.eks.REGION.amazonaws.com/id/ID"


class TrustFault(Enum):
    """Why aws-node cannot assume a role."""

    principal = "the principal is no OIDC provider"
    action = "the action is another"
    issuer = "a condition names another issuer than the principal"
    audience = "another audience is asked for"
    subject = "another subject is asked for"
    tag_session = "sts:TagSession is not allowed"
    session_tags = "session tags are asked for, and disabled"
    provider = "no OIDC provider accepts the tokens"
    first_role = "the role that assumes it is not trusted"
    nodes = "EC2 is not trusted"


class TrustRepair(Struct, frozen=True):
    """A part of a trust policy that rejects aws-node's tokens, and its correct value."""

    fault: TrustFault
    present: str  # the current value
    key: str  # the element or condition key to change
    value: str  # the correct value


def is_meant_for_plugin(policy: Policy) -> bool:
    """Return whether a statement requires tokens of a service account named aws-node."""
    return any(map(_is_meant, policy.statements))


def repairs_of(policy: Policy, role: str) -> tuple[TrustRepair, ...]:
    """Return the changes with which the statements for aws-node accept its tokens.

    Empty if each of them already does, or if these changes are not enough.
    """
    repairs: list[TrustRepair] = []
    for statement in filter(_is_meant, policy.statements):
        if not _lets(statement, role):
            changed, own = _mended(statement, role)
            repairs += own if _lets(changed, role) else []
    return tuple(dict.fromkeys(repairs))


def fault_of_pods(
    trust: RoleTrust,
    cluster: EksCluster,
    account: ServiceAccount = AWS_NODE,
    *,
    tags: bool,
) -> TrustFault | None:
    """Return why a trust policy does not let EKS Pod Identity assume the role.

    `tags`: whether sessions have tags. None if sts:TagSession, or tags, would not be enough.
    """

    def lets(trust: RoleTrust, *, tags: bool) -> bool:
        return trust.lets(Identity.pod_identity, cluster, account, tags=tags) is True

    if not tags and lets(trust, tags=True):
        return TrustFault.session_tags
    allows = trust.policy.only("Allow").statements
    more = (replace(s, actions=(*s.actions, TAG)) for s in allows)
    with_tag = Policy((*trust.policy.only("Deny").statements, *more))
    return TrustFault.tag_session if lets(replace(trust, policy=with_tag), tags=tags) else None


def _is_meant(statement: Statement) -> bool:
    if statement.effect != "Allow":
        return False
    return any(
        str(condition.key).lower().endswith(":sub")
        and "Not" not in condition.operator
        # Only a wildcard: it may mean any service account.
        and any(v.rpartition(":")[2].strip("*") == AWS_NODE.name for v in known(condition.values))
        for condition in statement.conditions
    )


def _lets(statement: Statement, role: str) -> bool:
    trust = RoleTrust(Policy((statement,)), role)
    return any(caller.identity is Identity.irsa for caller in trust.meant_for())


def _mended(statement: Statement, role: str) -> tuple[Statement, list[TrustRepair]]:
    """Return a statement that accepts aws-node's tokens, and its changes."""
    repairs: list[TrustRepair] = []
    principals = [name for p in statement.principals for name in known(p.identifiers)]
    providers = [p for p in principals if PROVIDER in p and may_share_account(p, role)]
    if not providers:
        partition, account = role.split(":")[1], role.split(":")[4]
        keys = (str(c.key) for c in statement.conditions if is_claim(str(c.key).lower()))
        own = next((key.rpartition(":")[0] for key in keys if "/" in key), _ANY_ISSUER)
        providers = [f"arn:{partition}:iam::{account}{PROVIDER}{own}"]
        present = ", ".join(principals)
        repairs.append(TrustRepair(TrustFault.principal, present, "Federated", providers[0]))
        statement = replace(statement, principals=(Principal("Federated", tuple(providers)),))
    if not any(wildcard.matches(a.lower(), WEB.lower()) for a in known(statement.actions)):
        present = ", ".join(known(statement.actions))
        repairs.append(TrustRepair(TrustFault.action, present, "Action", WEB))
        statement = replace(statement, actions=(WEB,))
    conditions = []
    for condition in statement.conditions:
        changed = _mended_condition(condition, issuer(providers[0]) or providers[0])
        repairs += _changes(condition, changed)
        conditions.append(changed)
    return replace(statement, conditions=tuple(conditions)), repairs


def _mended_condition(condition: Condition, own: str) -> Condition:
    prefix, _, claim = str(condition.key).rpartition(":")
    if not is_claim(str(condition.key).lower()) or claim.lower() not in _EXPECTED:
        return condition
    key = condition.key if prefix.lower() == own.lower() else f"{own}:{claim}"
    expected = _EXPECTED[claim.lower()]
    # StringEquals compares a wildcard as a plain character.
    is_pattern = "Like" in condition.operator
    matches = wildcard.matches if is_pattern else str.__eq__
    is_met = any(matches(value, expected) for value in known(condition.values))
    return replace(condition, key=key, values=condition.values if is_met else (expected,))


def _changes(condition: Condition, changed: Condition) -> Iterator[TrustRepair]:
    key, value = str(changed.key), str(changed.values[0]) if changed.values else ""
    if changed.key != condition.key:
        yield TrustRepair(TrustFault.issuer, str(condition.key), key, value)
    elif changed.values != condition.values:
        is_audience = key.lower().endswith(":aud")
        fault = TrustFault.audience if is_audience else TrustFault.subject
        yield TrustRepair(fault, ", ".join(known(condition.values)), key, value)
