"""Writes a policy as the text of a data source."""

from __future__ import annotations

from collections.abc import Callable

from vpc_cni_iam.hcl.literals import Literal, Value
from vpc_cni_iam.hcl.write import block, policy_document
from vpc_cni_iam.policy.document import Policy


def data_source(policy: Policy, name: str, value: Callable[[str], Value] = Literal) -> str:
    """Return the text of an ``aws_iam_policy_document`` data source, ending in a newline.

    `value` returns the code for a resource, principal, condition key or value.
    """
    return block(policy_document(name, policy, value=value))
