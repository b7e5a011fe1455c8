"""The policies of a role that have permissions of the plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.facts.calls import calls
from vpc_cni_iam.catalog.known_documents import recognise
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.inputs.aws.account import RoleDetail
from vpc_cni_iam.policy.document import Policy

# Actions that other programs on nodes call, too; they may stay.
_OF_OTHERS = ("ec2:Describe", "logs:", "cloudwatch:", "eks-auth:")


# A policy with one of these depends on the account: an account ID, or a part of one, or its key.
_ABOUT_ACCOUNT = re.compile(r"[0-9]{12}|[0-9][*?]|[*?][0-9]|account|\$\{", re.IGNORECASE)


class GrantingPolicy(Struct, frozen=True):
    """A policy of a role that has permissions of the plugin."""

    name: str  # its ARN if it is attached, else its name
    is_attached: bool
    is_only_for_plugin: bool  # whether it equals a published document for the plugin
    actions: tuple[str, ...]  # the plugin's calls that change something and that it allows


def is_about_account(detail: RoleDetail) -> bool:
    """Return whether the meaning of a role's policies depends on its account."""
    return any(_ABOUT_ACCOUNT.search(document.text) for document in detail.texts)


def granting_policies(detail: RoleDetail) -> Iterator[GrantingPolicy]:
    """Yield the policies of a role that have permissions of the plugin, if they can be read."""
    inline = {grant.policy for grant in detail.grants if grant.part is GrantPart.INLINE}
    for document in detail.access.policies:
        if actions := _changes(document.policy):
            is_only = bool(recognise(document.policy, names_in([document.policy])))
            name, is_attached = document.arn or document.name, document.name not in inline
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
