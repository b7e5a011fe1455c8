"""Whether a policy is the plugin's, by the EC2 actions that it names."""

from __future__ import annotations

import re
from functools import lru_cache

from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.normalise import equal

# What nothing but the plugin, or something like it, has.
_MARKS = (
    "ec2:assignprivateipaddresses",
    "ec2:unassignprivateipaddresses",
    "ec2:assignipv6addresses",
    "ec2:attachnetworkinterface",
)
# Enough letters besides wildcards to be about some actions and not about all that begin alike.
_NAMES_ACTION = re.compile(r"ec2:(?:[*?]*[\w-]){6,}[*?]*")


@lru_cache(4096)
def concerns_plugin(policy: Policy) -> bool:
    """Say whether a policy is one of the plugin's, by the EC2 actions that it names.

    What allows every action of a service is not: it is about something else. Nor is what AWS has
    the cluster's role do for security groups for pods, by the same actions.
    """
    return any(map(_is_mark, policy.actions())) and not _is_of_resource_controller(policy)


@lru_cache(4096)
def _is_mark(action: str) -> bool:
    pattern = action.lower()
    named = _NAMES_ACTION.fullmatch(pattern) is not None
    return named and any(wildcard.matches(pattern, mark) for mark in _MARKS)


def _is_of_resource_controller(policy: Policy) -> bool:
    versions = documents.managed_versions(documents.RESOURCE_CONTROLLER)
    return any(equal(policy, version.policy) for version in versions)
