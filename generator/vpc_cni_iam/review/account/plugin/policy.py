"""Whether a policy is the plugin's, by the EC2 actions that it names."""

from __future__ import annotations

import re
from functools import lru_cache

from vpc_cni_iam.catalog.facts.documents import RESOURCE_CONTROLLER, managed_versions
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.normalise import equal
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import Grant
from vpc_cni_iam.review.account.iam_resource import Named

# Actions that nothing but the plugin, or something like it, needs.
_MARKS = (
    "ec2:assignprivateipaddresses",
    "ec2:unassignprivateipaddresses",
    "ec2:assignipv6addresses",
    "ec2:attachnetworkinterface",
)
# Enough letters besides wildcards to be about some actions, and not about all that begin alike.
_NAMES_ACTION = re.compile(r"ec2:(?:[*?]*[\w-]){6,}[*?]*")


def is_of_plugin(grant: Grant) -> bool:
    """Say whether a grant is a policy of the plugin; one that is not known is none."""
    return isinstance(grant.content, Document) and concerns_plugin(grant.content.policy)


def is_of_aws(grant: Grant, name: str) -> bool:
    """Say whether a grant is a policy of AWS, by its name."""
    policy = grant.policy
    if not isinstance(policy, Named) or policy.account != "aws":
        return False
    return policy.name.endswith(f":policy/{name}")


@lru_cache(4096)
def concerns_plugin(policy: Policy) -> bool:
    """Say whether a policy is one of the plugin's, by the EC2 actions that it names.

    A policy that allows every action of EC2 is not: it is about something else. Neither is the
    policy with which the cluster's role provides security groups for pods.
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
