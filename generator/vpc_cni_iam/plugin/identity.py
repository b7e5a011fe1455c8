"""The identity of aws-node: the source of its credentials.

Source: Amazon EKS User Guide, "EKS Pod Identity", "IAM roles for service accounts" and "Amazon EKS
node IAM role". The order is that of the SDK's default credential chain: EKS Pod Identity takes
precedence over IRSA, and the node role is last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

_ROLE_ARN = r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+"


class Identity(StrEnum):
    """The source of aws-node's credentials; of several, the first one is used."""

    pod_identity = "EKS Pod Identity"
    irsa = "IRSA"
    node_role = "node role"
    none = "none"
    unknown = "unknown"

    @property
    def has_session_tags(self) -> bool:
        """Whether its sessions have tags, unless they are disabled."""
        return self is Identity.pod_identity

    @property
    def is_of_service_account(self) -> bool:
        """Whether a service account has it, not each pod of the node."""
        return self in (Identity.pod_identity, Identity.irsa)


def is_role_arn(text: str) -> bool:
    """Return whether a text is the ARN of a role."""
    return re.fullmatch(_ROLE_ARN, text) is not None


_ORDER = {identity: number for number, identity in enumerate(Identity)}


def in_order(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """Return identities in order of precedence, each once."""
    return tuple(sorted(set(identities), key=_ORDER.__getitem__))


def counting(identities: Iterable[Identity]) -> Identity:
    """Return the identity that aws-node uses of several; `Identity.none` for none."""
    return next(iter(in_order(identities)), Identity.none)
