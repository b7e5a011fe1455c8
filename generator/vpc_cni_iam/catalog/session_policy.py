"""A document as the session policy of an association of EKS Pod Identity.

The session has what the role and the session policy both allow. Sources: Amazon EKS API reference,
CreatePodIdentityAssociation (policy, which needs disableSessionTags); AWS STS API reference,
AssumeRole (Policy: at most 2,048 characters as text, and a limit of its own in packed form, of
which STS tells only the share in use).
"""

from __future__ import annotations

import json

from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.scoping import Scope
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy, to_json

MOST_CHARACTERS = 2048


def session_policy(composed: Composed, policy: Policy) -> str:
    """Return a filled policy as a session policy on one line; raises `UsageError`."""
    name = composed.variant.name
    if composed.variant.scope is Scope.SESSION_TAGS:
        raise UsageError(
            f"{name} compares session tags, and an association with a session policy has none; "
            "use the variant of one cluster"
        )
    text = json.dumps(to_json(policy), separators=(",", ":"))
    if len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"{name} has {len(text):,} characters, and a session policy at most "
            f"{MOST_CHARACTERS:,}; leave --harden out, or give the cluster a role of its own"
        )
    return text
