"""The tags of principals and sessions that policies use, and principals without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from vpc_cni_iam.inputs.plan.arguments import ASSOCIATION, ROLE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.context import Context, fact

SWITCH = "disable_session_tags"

_KEY = "aws:principaltag/"
_VARIABLE = re.compile(r"\$\{aws:principaltag/([^},]+)")
# The tags of sessions of EKS Pod Identity. Source: Amazon EKS User Guide, "Grant Pods access to AWS
# resources based on tags".
OF_SESSIONS = ("kubernetes-", "eks-cluster-")


def asked_tags(policies: Iterable[Policy]) -> set[str]:
    """Return the principal's tags that policies use."""
    return {tag for policy in policies for statement in policy.statements for tag in _in(statement)}


def _in(statement: Statement) -> Iterator[str]:
    for condition in statement.conditions:
        key = str(condition.key).lower()
        if key.startswith(_KEY):
            yield key.removeprefix(_KEY)
    texts = (*statement.resources, *statement.not_resources)
    texts += tuple(value for c in statement.conditions for value in c.values)
    for text in texts:
        yield from _VARIABLE.findall(str(text).lower())


def switches(context: Context) -> Iterator[tuple[Resource, bool, bool]]:
    """Yield associations, and whether they disable session tags before and after."""
    for resource in (r for r in context.reader.resources if r.type == ASSOCIATION):
        was_off, is_off = (one(resource, SWITCH, side) == Known(True) for side in Side)
        yield resource, was_off, is_off


@fact
def roles_without_tags(context: Context) -> dict[IamResource, bool]:
    """Return the roles with an association that disables session tags, and if it did before."""
    roles: dict[IamResource, bool] = {}
    for resource, was_off, is_off in switches(context):
        if is_off:
            for role in context.reader.named_by(resource, "role_arn", ROLE, Side.AFTER):
                roles[role] = roles.get(role, True) and was_off
    return roles
