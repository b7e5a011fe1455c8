"""How a document is limited to a cluster: not at all, by the cluster's name, or by session tags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum

from vpc_cni_iam.catalog.facts.documents import Revision
from vpc_cni_iam.policy.document import Policy, Statement

_CLUSTER_NAME, _VPC_ID = "${CLUSTER_NAME}", "${VPC_ID}"


class Scope(Enum):
    """What limits a document to a cluster; the value names the cluster in the document."""

    ACCOUNT = "*"
    CLUSTER_NAME = _CLUSTER_NAME
    SESSION_TAGS = "${aws:PrincipalTag/eks-cluster-name}"

    def apply(self, policy: Policy) -> Policy:
        """Return a document that is scoped by the cluster's name, scoped in this way.

        IAM takes a policy variable in a condition's value and not in its key, and no session tag
        names the VPC: with session tags, conditions on those are left out, so that one document
        works with many clusters. Source: Amazon EKS User Guide, "Grant Pods access to AWS resources
        based on tags".
        """
        if self is not Scope.SESSION_TAGS:
            return policy
        return replace(policy, statements=tuple(map(_by_session_tags, policy.statements)))


def _by_session_tags(statement: Statement) -> Statement:
    tag = Scope.SESSION_TAGS.value
    conditions = tuple(
        replace(c, values=tuple(value.replace(_CLUSTER_NAME, tag) for value in c.values))
        for c in statement.conditions
        if _CLUSTER_NAME not in c.key and not any(_VPC_ID in value for value in c.values)
    )
    return replace(statement, conditions=conditions)


def scoped_statements(actions: Iterable[str], revision: Revision) -> tuple[Statement, ...]:
    """Return the statements of upstream's scoped document, reduced to some EC2 actions.

    A statement with none of the actions is left out. A Describe action, which IAM cannot scope,
    gets a statement on every resource.
    """
    actions = tuple(actions)
    describe = tuple(a for a in actions if a.startswith("ec2:Describe"))
    statements = [Statement(actions=describe, resources=("*",))] if describe else []
    for statement in revision.document("ipv4-scoped").statements:
        shared = tuple(a for a in actions if a in statement.actions and a not in describe)
        if shared:
            statements.append(replace(statement, actions=shared))
    return tuple(statements)
