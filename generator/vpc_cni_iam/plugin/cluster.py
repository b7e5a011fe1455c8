"""A cluster, as far as it is known."""

from __future__ import annotations

import re

from msgspec import Struct

from vpc_cni_iam.policy.value import ABSENT, Value

_EXAMPLE_REGION = "us-east-1"
_ARN = r"arn:[a-z-]+:eks:([a-z0-9-]+):([0-9]{12}):"


class EksCluster(Struct, frozen=True):
    """A cluster of EKS; what is not known of it is empty."""

    name: str = ""
    region: str = ""
    account: str = ""
    # That of its tokens, without https://. Of a cluster that is created it is known after apply,
    # and no text that is known names it.
    issuer: Value = ABSENT

    @property
    def is_placed(self) -> bool:
        """Whether its Region or account is known."""
        return bool(self.region or self.account)

    def may_be_beside(self, other: EksCluster) -> bool:
        """Say whether both may be in one Region and account, as far as these are known."""
        pairs = ((self.region, other.region), (self.account, other.account))
        return all(own == known for own, known in pairs if own and known)


ANY_CLUSTER = EksCluster()


def cluster_arn(cluster: EksCluster, role: str) -> str:
    """Return the ARN of a cluster, in the partition and account of a role if it has none.

    Its Region is an example where it is not known.
    """
    _, partition, _, _, account, _ = role.split(":", 5)
    region = cluster.region or _EXAMPLE_REGION
    return f"arn:{partition}:eks:{region}:{cluster.account or account}:cluster/{cluster.name}"


def cluster_of(name: str, arn: str) -> EksCluster:
    """Return the cluster of a name, in the Region and account of an ARN of EKS, if that is one."""
    match = re.match(_ARN, arn)
    return EksCluster(name, match[1], match[2]) if match else EksCluster(name)
