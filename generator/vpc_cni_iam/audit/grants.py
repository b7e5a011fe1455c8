"""The policies of a role that have permissions of the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.calls import calls
from vpc_cni_iam.catalog.known_documents import recognise
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.aws.account import RoleDetail
from vpc_cni_iam.policy.document import Policy

# Actions that other programs on nodes call, too; they may stay.
_OF_OTHERS = ("ec2:Describe", "logs:", "cloudwatch:", "eks-auth:")


class GrantingPolicy(Struct, frozen=True):
    """A policy of a role that has permissions of the plugin."""

    name: str  # its ARN if it is attached, else its name
    is_attached: bool
    is_only_for_plugin: bool  # whether it equals a published document for the plugin
    actions: tuple[str, ...]  # the plugin's calls that change something and that it allows


def granting_policies(detail: RoleDetail) -> Iterator[GrantingPolicy]:
    """Yield the policies of a role that have permissions of the plugin, if they can be read."""
    known = ((arn, True, aws_managed.published(arn)) for arn in detail.missing)
    named = [(arn, is_attached, managed.document) for arn, is_attached, managed in known if managed]
    for document in detail.policies:
        is_attached = not document.place.startswith("$")
        try:
            named.append((document.names[-1], is_attached, document.policy()))
        except InputError:
            continue  # policies that are not read are reported elsewhere
    for name, is_attached, policy in named:
        if actions := _changes(policy):
            is_only = bool(recognise(policy, names_in([policy])))
            yield GrantingPolicy(name, is_attached, is_only, actions)


@lru_cache(256)
def _changes(policy: Policy) -> tuple[str, ...]:
    """Return the plugin's calls that change something and that a policy allows on any resource."""
    allows = policy.only("Allow").statements
    return tuple(
        action
        for action in dict.fromkeys(call.action for call in calls())
        if not action.startswith(_OF_OTHERS) and any(s.is_about(action) for s in allows)
    )
