"""Values that a user fills into a document: cluster, VPC, partition, Region and accounts.

The placeholders are upstream's ``${CLUSTER_NAME}`` and ``${VPC_ID}``, and
``${HYPERPOD_CLUSTER_ID}`` where upstream has ``*``; the rest are the parts of
``arn:aws:ec2:*:*:`` that upstream's page says users may narrow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

from vpc_cni_iam.catalog.facts.partitions import partition_of
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy import template
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, join, parts_of

_Value = TypeVar("_Value", str, PolicyText)


class Parameter(Struct, frozen=True):
    """A value that a user can choose."""

    name: str  # its variable's name; the option is the same with hyphens
    description: str  # what it is, in a line
    # What it must match from end to end, in the syntax that Python's re and the engines' RE2 share.
    pattern: str
    rule: str  # the pattern in words
    default: str | None = None  # the default; None if there is none
    is_list: bool = False  # whether it is a list; each item must match

    @property
    def option(self) -> str:
        """The option, such as ``--cluster-name``; for a list, the option for one item."""
        name = self.name.removesuffix("s") if self.is_list else self.name
        return "--" + name.replace("_", "-")

    @property
    def hole(self) -> Hole:
        """The hole for its value in a document."""
        return Hole(HoleKind.PARAMETER, self.name)

    def check(self, value: str, place: str = "") -> str:
        """Return a user's value if it is valid; raises `UsageError`.

        `place` is where it stands, if that is not the option.
        """
        if not re.fullmatch(self.pattern, value):
            raise UsageError(f"{place or self.option} {value!r} is not {self.rule}")
        return value


CLUSTER_NAME = Parameter(
    "cluster_name",
    "Name of the EKS cluster that a scoped policy is for.",
    "[0-9A-Za-z][0-9A-Za-z_-]{0,99}",
    "an EKS cluster name: 1 to 100 ASCII letters, digits, hyphens and underscores, "
    "starting with a letter or digit",
)
VPC_ID = Parameter(
    "vpc_id",
    "ID of the VPC in which a scoped policy lets the plugin create network interfaces.",
    "vpc-([0-9a-f]{8}|[0-9a-f]{17})",
    "a VPC ID: vpc- and 8 or 17 lower-case hexadecimal digits",
)
PARTITION = Parameter(
    "partition",
    "AWS partition of the resource ARNs.",
    "aws(-cn|-us-gov|-eusc|-iso|-iso-b|-iso-e|-iso-f)?",
    "an AWS partition: aws, aws-cn, aws-us-gov, aws-eusc, aws-iso, aws-iso-b, aws-iso-e or "
    "aws-iso-f",
    "aws",
)
REGION = Parameter(
    "region",
    "AWS Region of the resource ARNs; * for every Region.",
    "[*]|[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}",
    "an AWS Region such as eu-west-1, or *",
    "*",
)
ACCOUNT_ID = Parameter(
    "account_id",
    "AWS account ID of the resource ARNs; * for any account.",
    "[*]|[0-9]{12}",
    "an AWS account ID of 12 digits, or *",
    "*",
)
VPC_OWNER_ID = Parameter(
    "vpc_owner_id",
    "AWS account ID that owns the VPC and its subnets, for a VPC shared by another account; "
    "account_id if not given.",
    "[*]|[0-9]{12}",
    "an AWS account ID of 12 digits, or *",
)
HYPERPOD_CLUSTER_ID = Parameter(
    "hyperpod_cluster_id",
    "ID of the SageMaker HyperPod cluster whose nodes attach network interfaces, the last part of "
    "its ARN; * for any.",
    "[*]|[0-9a-z]{12}",
    "a SageMaker HyperPod cluster ID of 12 lower-case letters and digits, or *",
    "*",
)
_ID = "{0}-([0-9a-f]{{8}}|[0-9a-f]{{17}})"
_ID_RULE = "{1} ID: {0}- and 8 or 17 lower-case hexadecimal digits"
SUBNET_IDS = Parameter(
    "subnet_ids",
    "IDs of the subnets in which the plugin may create network interfaces.",
    _ID.format("subnet"),
    _ID_RULE.format("subnet", "a subnet"),
    is_list=True,
)
SECURITY_GROUP_IDS = Parameter(
    "security_group_ids",
    "IDs of the security groups that the plugin may give to network interfaces.",
    _ID.format("sg"),
    _ID_RULE.format("sg", "a security group"),
    is_list=True,
)
NAMES = (CLUSTER_NAME, VPC_ID)
LISTS = (SUBNET_IDS, SECURITY_GROUP_IDS)
# Those without a default.
REQUIRED = (*NAMES, *LISTS)
PARAMETERS = (*REQUIRED, PARTITION, REGION, ACCOUNT_ID, VPC_OWNER_ID, HYPERPOD_CLUSTER_ID)

# Examples; none is a default, so that tests notice an ARN or name that ignores its variable.
SAMPLE = {
    "cluster_name": "verify-cluster",
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": "subnet-0123456789abcdef0",
    "security_group_ids": "sg-0123456789abcdef0",
    "partition": "aws-us-gov",
    "region": "us-gov-west-1",
    "account_id": "111122223333",
    "vpc_owner_id": "444455556666",
    "hyperpod_cluster_id": "verifyhyper1",
}

_PLACEHOLDERS = {
    "${CLUSTER_NAME}": CLUSTER_NAME,
    "${VPC_ID}": VPC_ID,
    "${HYPERPOD_CLUSTER_ID}": HYPERPOD_CLUSTER_ID,
}
_PLACEHOLDER = re.compile("(" + "|".join(map(re.escape, _PLACEHOLDERS)) + ")")
_ARN = re.compile(r"arn:aws:(?P<service>ec2|sagemaker|logs):\*:\*:(?P<shared>subnet|vpc)?(?=.*/)")


def read(policy: Policy) -> Policy:
    """Return a document with a hole for each of its text placeholders."""
    return policy.map_texts(_read)


def _read(text: PolicyText) -> PolicyText:
    pieces = _PLACEHOLDER.split(str(text))
    return join(_PLACEHOLDERS[p].hole if p in _PLACEHOLDERS else p for p in pieces)


def in_arns(text: PolicyText) -> PolicyText:
    """Return a text with a hole for each part of an ARN that users can narrow."""
    start, *others = parts_of(text)
    if not isinstance(start, str) or not (match := _ARN.match(start)):
        return text
    owner = VPC_OWNER_ID if match["shared"] else ACCOUNT_ID
    arn: list[PolicyText | Hole] = [
        "arn:",
        PARTITION.hole,
        f":{match['service']}:",
        REGION.hole,
        ":",
        owner.hole,
        ":",
    ]
    return join([*arn, start[match.start("shared") if match["shared"] else match.end() :], *others])


def used(policy: Policy) -> tuple[Parameter, ...]:
    """Return the parameters of a document, in their order of listing."""
    names = {hole.place for hole in policy.map_texts(in_arns).holes()}
    return tuple(p for p in PARAMETERS if p.name in names)


def unused(policy: Policy, words: Mapping[str, str | None]) -> tuple[Parameter, ...]:
    """Return the parameters that have a user's value and are not in a document."""
    own = used(policy)
    return tuple(p for p in PARAMETERS if words.get(p.name) is not None and p not in own)


def values(words: Mapping[str, str | None]) -> dict[str, str]:
    """Return checked values and defaults of all parameters that have one.

    The Region decides the partition. Raises `UsageError` for an invalid value, and for a partition
    that does not have the Region.
    """
    chosen = {p.name: p.check(v) for p in PARAMETERS if (v := words.get(p.name)) is not None}
    checked = with_defaults(chosen)
    if (region := checked[REGION.name]) != REGION.default:
        partition = partition_of(region)
        if words.get(PARTITION.name) not in (None, partition):
            problem = f"{checked[PARTITION.name]} does not have the Region {region}"
            raise UsageError(f"the partition {problem}, which {partition} has; leave it out")
        checked[PARTITION.name] = partition
    return checked


def with_defaults(chosen: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return the values of all parameters that have one: the chosen values and defaults."""
    defaults = {p.name: p.default for p in PARAMETERS if p.default is not None}
    values: dict[str, _Value] = {**defaults, **chosen}
    values.setdefault(VPC_OWNER_ID.name, values[ACCOUNT_ID.name])
    return values


def substitute(policy: Policy, chosen: Mapping[str, str]) -> Policy:
    """Return a document with `values` for its parameters; raises `UsageError` if one is missing."""
    missing = [p.option for p in used(policy) if p.name not in chosen]
    if missing:
        raise UsageError(
            f"a scoped policy needs {' and '.join(missing)}: "
            "with a placeholder left in it, it would match nothing"
        )
    return fill(policy, chosen)


def fill(policy: Policy, chosen: Mapping[str, PolicyText]) -> Policy:
    """Return a document with values for its parameters; holes without a value stay."""
    return policy.map_texts(
        lambda text: template.fill(in_arns(text), lambda hole: chosen.get(hole.place, hole))
    )
