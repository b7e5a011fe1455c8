"""Sample values for the variables of a module that an engine renders, and their unknowns."""

from __future__ import annotations

import re

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.hcl.module.reader import hole_of
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.template import Hole, HoleKind, join

_PROVIDER = "oidc.example.test/VERIFY"
_TEXTS = {
    **parameters.SAMPLE,
    "oidc_provider_arn": f"arn:aws-us-gov:iam::111122223333:oidc-provider/{_PROVIDER}",
    "eks_cluster_arn": "arn:aws-us-gov:eks:us-gov-west-1:777788889999:cluster/verify-cluster",
    "source_account_id": "777788889999",
}
# By variable. No value is a default, so code that ignores a variable renders differently.
SAMPLES = {**_TEXTS, trust.POD_IDENTITY: "true"}
# The module computes this from the provider's ARN; the HCL reader computes nothing from unknowns.
ISSUER = Hole(HoleKind.UNKNOWN, f"local.{trust.OIDC_ISSUER.name}")
_HOLES = {**{value: hole_of(name) for name, value in _TEXTS.items()}, _PROVIDER: ISSUER}
# The longest first, because a value can be part of another.
_VALUE = re.compile(f"({'|'.join(map(re.escape, sorted(_HOLES, key=len, reverse=True)))})")


def read_rendered(text: str, source: str) -> Policy:
    """Return the policy that an engine rendered as JSON, with samples replaced by unknowns."""
    return loads(text, source).map_texts(
        lambda part: join(_HOLES.get(piece, piece) for piece in _VALUE.split(str(part))), whole=True
    )
