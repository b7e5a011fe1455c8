"""The known facts about a cluster."""

from __future__ import annotations

import re

from msgspec import Struct

from vpc_cni_iam.policy.value import ABSENT, Value

_EXAMPLE_REGION = "us-east-1"
_ARN = r"arn:[a-z-]+:eks:([a-z0-9-]+):([0-9]{12}):"


class EksCluster(Struct, frozen=True):
    """An EKS cluster; unknown facts are empty."""

    name: str = ""
    region: str = ""
    account: str = ""
    # The issuer of its tokens, without https://. For a new cluster, it is unknown until apply, and
    # no known text names it.
    issuer: Value = ABSENT

    @property
    def is_placed(self) -> bool:
        """Whether its Region or account is known."""
        return bool(self.region or self.account)

    def may_be_beside(self, other: EksCluster) -> bool:
        """Return whether both may be in the same Region and account; unknown ones may be."""
        pairs = ((self.region, other.region), (self.account, other.account))
        return all(own == known for own, known in pairs if own and known)


ANY_CLUSTER = EksCluster()


def cluster_arn(cluster: EksCluster, role: str) -> str:
    """Return the ARN of a cluster, with a role's partition and account if it has none.

    An unknown Region becomes an example.
    """
    _, partition, _, _, account, _ = role.split(":", 5)
    region = cluster.region or _EXAMPLE_REGION
    return f"arn:{partition}:eks:{region}:{cluster.account or account}:cluster/{cluster.name}"


def cluster_of(name: str, arn: str) -> EksCluster:
    """Return the cluster with a name, and the Region and account of an EKS ARN, if it is one."""
    match = re.match(_ARN, arn)
    return EksCluster(name, match[1], match[2]) if match else EksCluster(name)
