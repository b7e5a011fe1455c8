"""Names that policies have, of cluster, VPC, account and Region, and their IP family."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, Names
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.template import known

_ARN = re.compile(r"arn:([^:]*):(ec2|sagemaker):([^:]*):([^:]*):(?:([a-z-]+)/)?(.*)", re.DOTALL)
_LOG_GROUP = re.compile(
    r"arn:([^:]*):logs:([^:]*):([^:]*):log-group:/aws/eks/([^/:]*)/cluster(:.*)?"
)
_OF_LOG_GROUP = ("partition", "region", "account_id", "cluster_name")
_REGIONS = ("aws:requestedregion", "ec2:region")
_OWNED_WITH_VPC = ("subnet", "vpc")
_PATTERNS = {p.name: p.pattern for p in parameters.PARAMETERS}


def mode_of(policies: Sequence[Policy]) -> Mode:
    """Return the IP family that policies are for: IPv6 if they assign no IPv4 addresses."""
    some = granted(policies)
    ipv4, ipv6 = (
        some.evaluate(Request(f"ec2:{action}", "*")).allowed
        for action in ("AssignPrivateIpAddresses", "AssignIpv6Addresses")
    )
    return "ipv6" if ipv6 and not ipv4 else "ipv4"


def names_of(known: Mapping[str, str], *, owner_known: bool) -> Names:
    """Return names for requests: those known, by parameter, and examples for the others.

    `owner_known` is whether it is known which account owns the VPC.
    """
    values = {**EXAMPLE, **known}
    values.setdefault("vpc_owner_id", values["account_id"])
    return Names(owner_known=owner_known, **values)


def names_in(policies: Sequence[Policy]) -> dict[str, str]:
    """Return the names in policies, by parameter; of a parameter only if they have a single one."""
    return {k: values[0] for k, values in all_names(policies).items() if len(values) == 1}


def all_names(policies: Sequence[Policy]) -> dict[str, list[str]]:
    """Return all names in policies, by parameter.

    Of several Regions it is one of them, since the policies may be for no other.
    """
    names: dict[str, set[str]] = {}
    for statement in (s for p in policies for s in p.statements):
        for name, value in _names_of(statement):
            names.setdefault(name, set()).add(value)
    if EXAMPLE["region"] not in (regions := names.get("region", {EXAMPLE["region"]})):
        names["region"] = {min(regions)}
    return {name: sorted(values) for name, values in names.items()}


@lru_cache(4096)
def _names_of(statement: Statement) -> tuple[tuple[str, str], ...]:
    named = (*_in_conditions(statement), *_in_resources(statement))
    return tuple((n, v) for n, v in named if v != "*" and re.fullmatch(_PATTERNS[n], v))


def _in_conditions(statement: Statement) -> Iterator[tuple[str, str]]:
    for condition in statement.conditions:
        key = str(condition.key).lower()
        if condition.operator.endswith("Null"):
            continue  # its value says whether the key is there
        if ("Not" in condition.operator) is not (statement.effect == "Deny"):
            continue  # its values are those that are not allowed
        if key.endswith(f"tag/{CLUSTER}"):
            yield from (("cluster_name", value) for value in known(condition.values))
        elif key == "ec2:vpc":
            yield from (("vpc_id", value.rpartition("/")[2]) for value in known(condition.values))
        elif key in _REGIONS:
            yield from (("region", value) for value in known(condition.values))


def _in_resources(statement: Statement) -> Iterator[tuple[str, str]]:
    allows = statement.effect == "Allow"
    for resource in known(statement.resources if allows else statement.not_resources):
        if match := _LOG_GROUP.fullmatch(resource):
            yield from zip(_OF_LOG_GROUP, match.groups(), strict=False)
        elif match := _ARN.match(resource):
            partition, service, region, account, kind, identifier = match.groups()
            yield "partition", partition
            yield "region", region
            yield "vpc_owner_id" if kind in _OWNED_WITH_VPC else "account_id", account
            if (service, kind) == ("sagemaker", "cluster"):
                yield "hyperpod_cluster_id", identifier
