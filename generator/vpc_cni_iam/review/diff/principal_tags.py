"""The tags of principals and sessions that policies use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from vpc_cni_iam.policy.document import Policy, Statement

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
