"""Options that give the names and IDs of a cluster's surroundings."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer


def name(flag: str, text: str) -> Any:
    """Return the option that gives a name or an ID.

    Args:
        flag: The option.
        text: Its help.
    """
    return typer.Option(flag, metavar=flag.rpartition("-")[2].upper(), help=text)


_Given: TypeAlias = str | None
ClusterNameOption = Annotated[_Given, name("--cluster-name", "Cluster's name.")]
VpcIdOption = Annotated[_Given, name("--vpc-id", "VPC of the nodes.")]
PartitionOption = Annotated[_Given, name("--partition", "AWS partition.")]
RegionOption = Annotated[_Given, name("--region", "AWS Region.")]
AccountIdOption = Annotated[_Given, name("--account-id", "AWS account ID of the nodes.")]
HyperpodClusterIdOption = Annotated[
    _Given, name("--hyperpod-cluster-id", "SageMaker HyperPod cluster's ID.")
]
VpcOwnerIdOption = Annotated[_Given, name("--vpc-owner-id", "AWS account ID of the VPC's owner.")]
