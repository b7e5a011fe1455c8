"""Recognizes policies of the plugin, by the EC2 actions that they name."""

from __future__ import annotations

import re
from functools import lru_cache

from vpc_cni_iam.catalog.facts.documents import RESOURCE_CONTROLLER, managed_versions
from vpc_cni_iam.inputs.plan.account.grants import PlanGrant
from vpc_cni_iam.inputs.plan.account.iam_resource import Named
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.normalise import equal

# Actions that only the plugin, or a similar program, needs.
_MARKS = (
    "ec2:assignprivateipaddresses",
    "ec2:unassignprivateipaddresses",
    "ec2:assignipv6addresses",
    "ec2:attachnetworkinterface",
)
# Enough letters besides wildcards to name some actions, and not all with a common prefix.
_NAMES_ACTION = re.compile(r"ec2:(?:[*?]*[\w-]){6,}[*?]*")


def is_of_plugin(grant: PlanGrant) -> bool:
    """Return whether a grant is a policy of the plugin; an unknown policy is not."""
    return grant.document is not None and concerns_plugin(grant.document.policy)


def is_of_aws(grant: PlanGrant, name: str = "") -> bool:
    """Return whether a grant is a policy of AWS, or the one with a name."""
    match grant.policy:
        case Named(account="aws", name=arn):
            return not name or arn.endswith(f":policy/{name}")
    return False


@lru_cache(4096)
def concerns_plugin(policy: Policy) -> bool:
    """Return whether a policy is the plugin's, by the EC2 actions that it names.

    A policy that allows every EC2 action is not, and neither is the policy with which the cluster's
    role provides security groups for pods.
    """
    marked = any(map(_is_mark, policy.actions()))
    return marked and not any(
        equal(policy, v.policy) for v in managed_versions(RESOURCE_CONTROLLER)
    )


@lru_cache(4096)
def _is_mark(action: str) -> bool:
    pattern = action.lower()
    is_precise = _NAMES_ACTION.fullmatch(pattern) is not None
    return is_precise and any(wildcard.matches(pattern, mark) for mark in _MARKS)
