"""The tags of principals and sessions that policies use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.arguments import ROLE, USER
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.context import Context

_KEY, _TAGS = "aws:principaltag/", ("tags", "tags_all")
_VARIABLE = re.compile(r"\$\{aws:principaltag/([^},]+)")
# The tags of sessions of EKS Pod Identity. Source: Amazon EKS User Guide, "Grant Pods access to AWS
# resources based on tags".
OF_SESSIONS = ("kubernetes-", "eks-cluster-")


def tags_not_read(context: Context) -> tuple[str, ...]:
    """Return the roles and users with changed tags, if a policy uses tags of principals."""
    staying = (r for r in context.reader.resources if r.before is not None and r.after is not None)
    changed = [
        r.address
        for r in staying
        if r.type in (ROLE, USER)
        if any(one(r, name, Side.BEFORE) != one(r, name, Side.AFTER) for name in _TAGS)
    ]
    sides = context.accounts.sides if changed else ()
    grants = [g for side in sides for owner in side.grants for g in side.of(owner).values()]
    asked = asked_tags(known_policies(grants))
    return tuple(changed) if any(not tag.startswith(OF_SESSIONS) for tag in asked) else ()


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
