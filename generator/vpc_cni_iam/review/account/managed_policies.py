"""AWS's managed policies that are attached most, by what they are for."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from functools import cache

from vpc_cni_iam import resources

_ARN = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(.+)")
_TABLE = "catalog/facts/data/aws_managed_policies.json"


class ManagedClass(StrEnum):
    """What an AWS managed policy allows, in a word."""

    admin = "admin"
    iam = "iam"
    data = "data"
    read = "read"
    service = "service"


CLASS_TEXTS = {
    ManagedClass.admin: "allows everything, or nearly",
    ManagedClass.iam: "allows to change IAM permissions",
    ManagedClass.data: "allows to read or change data",
    ManagedClass.read: "allows to read",
    ManagedClass.service: "is made for an AWS service or agent",
}


def managed_name(arn: str) -> str:
    """Return the name of an AWS managed policy, empty for any other ARN.

    Args:
        arn: The ARN.
    """
    match = _ARN.fullmatch(arn)
    return match[1] if match else ""


def managed_class(arn: str) -> ManagedClass | None:
    """Return the class of an AWS managed policy, None for one that the table does not have.

    Args:
        arn: Its ARN.
    """
    return _classes().get(managed_name(arn))


@cache
def _classes() -> dict[str, ManagedClass]:
    table = json.loads(resources.text(_TABLE))
    return {entry["name"]: ManagedClass(entry["class"]) for entry in table["policies"]}
