"""The identity of aws-node: where its credentials come from.

Source: Amazon EKS User Guide, "EKS Pod Identity", "IAM roles for service accounts" and "Amazon EKS
node IAM role". The order is that of the SDK's default chain of credentials, in which the link of
EKS Pod Identity replaces that of IRSA, and the node role comes last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

_ROLE_ARN = r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+"


class Identity(StrEnum):
    """Where aws-node gets its credentials from; of several, the first one counts."""

    pod_identity = "EKS Pod Identity"
    irsa = "IRSA"
    node_role = "node role"
    none = "none"
    unknown = "unknown"

    @property
    def has_session_tags(self) -> bool:
        """Whether its sessions have tags, if nobody switches them off."""
        return self is Identity.pod_identity

    @property
    def is_of_service_account(self) -> bool:
        """Whether a service account has it, and not each pod of the node."""
        return self in (Identity.pod_identity, Identity.irsa)


def is_role_arn(text: str) -> bool:
    """Say whether a text is the ARN of a role."""
    return re.fullmatch(_ROLE_ARN, text) is not None


_ORDER = {identity: number for number, identity in enumerate(Identity)}


def in_order(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """Return identities in the order in which they count, each once."""
    return tuple(sorted(set(identities), key=_ORDER.__getitem__))


def counting(identities: Iterable[Identity]) -> Identity:
    """Return the identity that counts of several; `Identity.none` without any."""
    return next(iter(in_order(identities)), Identity.none)
