"""AWS managed policies that are often attached or allow much, classified by what they allow.

`catalog.facts.documents` has the plugin's own managed policies, with every known version.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache

from msgspec import Struct, field

from vpc_cni_iam.catalog.facts import documents, store
from vpc_cni_iam.catalog.facts.store import StoredDocument
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.resources import Facts

_ARN = r"arn:aws[a-z-]*:iam::aws:policy/(.+)"


class PolicyClass(StrEnum):
    """What an AWS managed policy allows; the first class that fits."""

    # Everything, or everything except IAM.
    ADMIN = "admin"
    # Changes permissions, assumes any role, or passes any role to a service that runs code. Passing
    # roles does not decide the class of policies that AWS made for a service's own role.
    IAM = "iam"
    # Reads or writes customers' data, whatever the resource's name.
    DATA = "data"
    # Only reads, and no customers' data.
    READ = "read"
    OTHER = "other"


class AwsManagedPolicy(Facts, frozen=True):
    """An AWS managed policy."""

    name: str  # with its path, such as ``job-function/ViewOnlyAccess``
    policy_class: PolicyClass = field(name="class")  # what it allows
    # The actions that decide the class iam or data, as far as the table lists them.
    because: tuple[str, ...]
    version: str  # the version that was read, such as ``v12``. AWS may have published newer ones.
    updated: str  # when AWS published the version
    denies: bool  # whether it has a Deny statement
    document: StoredDocument | None  # None if it is too large for the table


class Nonexistent(Facts, frozen=True):
    """A policy that AWS does not publish, and what to attach instead."""

    name: str
    instead: str


class ManagedTable(Facts, frozen=True):
    """The table, as ``python -m tools.aws_managed`` writes it."""

    source: dict[str, str]
    nonexistent: tuple[Nonexistent, ...]
    policies: tuple[AwsManagedPolicy, ...]


class PublishedPolicy(Struct, frozen=True):
    """The document of an AWS managed policy."""

    name: str  # with its path
    version: str  # the newest one that is known
    document: Policy


@cache
def published(arn: str) -> PublishedPolicy | None:
    """Return the document of the AWS managed policy with this ARN; None if it is not known.

    The documents were read in the partition ``aws``; for another partition, their ARNs are changed.
    """
    name, partition = name_of(arn), arn.partition(":")[2].partition(":")[0]
    if name in documents.MANAGED:
        newest = documents.managed_versions(name)[-1]
        version, document = newest.version, newest.policy
    elif (known := _named(name)) is not None and known.document is not None:
        version, document = known.version, known.document.policy
    else:
        return None
    if partition != "aws":
        document = document.map_texts(
            lambda text: re.sub(r"^arn:aws:", f"arn:{partition}:", str(text)), whole=True
        )
    return PublishedPolicy(name, version, document)


def find(arn: str) -> AwsManagedPolicy | None:
    """Return the AWS managed policy with this ARN, in any partition; None if it is not known."""
    return _named(name_of(arn))


def nonexistent(arn: str) -> str | None:
    """Return what to attach instead of a policy that AWS does not publish; None if it may exist."""
    name = name_of(arn)
    return next((known.instead for known in _table().nonexistent if known.name == name), None)


def name_of(arn: str) -> str:
    """Return the name of an AWS managed policy with its path; empty for any other ARN."""
    match = re.fullmatch(_ARN, arn)
    return match[1] if match else ""


def _named(name: str) -> AwsManagedPolicy | None:
    return next((known for known in _table().policies if known.name == name), None)


def _table() -> ManagedTable:
    return store.data("aws_managed_policies.json", ManagedTable)
