"""The partitions of AWS and their Regions: a Region decides the partition of its ARNs.

Source: ``partitions.json`` of botocore 1.43.106, without pseudo Regions such as ``aws-global``.
"""

from __future__ import annotations

# fmt: off
_COMMERCIAL = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-east-1", "ap-east-2",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1",
    "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2",
    "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1",
)
# fmt: on
# By partition: the prefixes of its Regions, and its known Regions, an example first. Any other
# Region is in ``aws``.
PARTITIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "aws-cn": ("cn-", ("cn-north-1", "cn-northwest-1")),
    "aws-us-gov": ("us-gov-", ("us-gov-west-1", "us-gov-east-1")),
    "aws-eusc": ("eusc-", ("eusc-de-east-1",)),
    "aws-iso": ("us-iso-", ("us-iso-east-1", "us-iso-west-1")),
    "aws-iso-b": ("us-isob-", ("us-isob-east-1", "us-isob-west-1")),
    "aws-iso-e": ("eu-isoe-", ("eu-isoe-west-1",)),
    "aws-iso-f": ("us-isof-", ("us-isof-south-1", "us-isof-east-1")),
    "aws": ("", _COMMERCIAL),
}

_DNS_SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}


def dns_suffix(partition: str) -> str:
    """Return the end of the host names, and of most service principals, of a partition."""
    return _DNS_SUFFIXES.get(partition, "amazonaws.com")


def partition_of(region: str) -> str:
    """Return the partition of a Region."""
    return next(name for name, (start, _) in PARTITIONS.items() if region.startswith(start))


def partition_in(arn: str) -> str:
    """Return the partition in an ARN; empty if it is not a known one."""
    start, _, rest = arn.partition(":")
    name = rest.partition(":")[0]
    return name if start == "arn" and name in PARTITIONS else ""


def regions_of(partition: str) -> tuple[str, ...]:
    """Return the known Regions of a partition, an example first."""
    return PARTITIONS[partition][1]


def all_regions() -> tuple[str, ...]:
    """Return the known Regions of all partitions, those of ``aws`` first."""
    return tuple(region for name in sorted(PARTITIONS) for region in regions_of(name))
