"""A policy as the text of a data source, the one way that this room writes HCL."""

from __future__ import annotations

from vpc_cni_iam.hcl.write import block, policy_document
from vpc_cni_iam.policy.document import Policy


def data_source(policy: Policy, name: str) -> str:
    """Return the text of an ``aws_iam_policy_document`` data source, ending in a newline.

    Args:
        policy: The policy.
        name: The name of the data source, a valid HCL identifier.

    Raises:
        InexpressibleError: What the data source would drop or change.
    """
    return block(policy_document(name, policy))
