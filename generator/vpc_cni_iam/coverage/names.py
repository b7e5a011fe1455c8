"""The names of cluster, VPC, account, Region and partition in policies, and their IP family.

Only Allow statements name the plugin's: a Deny names what others may not use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.calls import ASSIGNING, Mode, calls
from vpc_cni_iam.catalog.facts.partitions import PARTITIONS, all_regions, partition_of, regions_of
from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.simulate.send import Limits
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, Names
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.template import known as texts

_ARN = re.compile(r"arn:([^:]*):(ec2|sagemaker):([^:]*):([^:]*):(?:([a-z-]+)/)?(.*)", re.DOTALL)
_LOG_GROUP = re.compile(
    r"arn:([^:]*):logs:([^:]*):([^:]*):log-group:/aws/eks/([^/:]*)/cluster(:.*)?"
)
_OF_LOG_GROUP = ("partition", "region", "account_id", "cluster_name")
_REGION_KEYS = ("aws:requestedregion", "ec2:region")
_LISTS = {"subnet": "subnet_ids", "security-group": "security_group_ids"}
# The IDs of a node that come from a list.
_OF_NODE = {
    "subnet_ids": ("subnet_id", "eni_config_subnet_id"),
    "security_group_ids": ("security_group_id", "other_security_group_id"),
}
_OWNED_WITH_VPC = ("subnet", "vpc")
_PATTERNS = {p.name: p.pattern for p in parameters.PARAMETERS}
_ZONE = "ec2:availabilityzone"
_REGION_NAME = re.compile(r"[a-z0-9*?-]+")
_VARIABLE = re.compile(r"\$\{[^}]*\}")
# Regions in policies that are not known here; AWS has fewer.
_MOST_NEW_REGIONS = 20


class CheckedRegion(Struct, frozen=True):
    """A Region in which requests are checked, if the plugin's Region is unknown."""

    name: str | None  # as policies name it, such as ``eu-*``; None for one that they do not name
    checked: str  # the Region of the requests

    def names(self, names: Names) -> Names:
        """Return the names of requests in this Region."""
        return replace(names, region=self.checked, partition=partition_of(self.checked))


def modes_of(policies: Sequence[Policy], limits: Limits = ()) -> tuple[Mode, ...]:
    """Return the IP families for which policies, within limits, could assign pod addresses."""
    layers = [granted(layer) for layer in (policies, *limits)]
    return tuple(
        mode
        for mode, action in ASSIGNING.items()
        if all(layer.evaluate(Request(action, "*")).allowed for layer in layers)
    )


def mode_of(policies: Sequence[Policy], limits: Limits = ()) -> Mode:
    """Return the IP family of policies: IPv6 if they could assign only IPv6 addresses."""
    return "ipv6" if modes_of(policies, limits) == ("ipv6",) else "ipv4"


def known_names(*sources: Mapping[str, str]) -> dict[str, str]:
    """Return the names of several sources, by parameter; earlier sources come first.

    A Region decides the partition. A Region that an earlier source's partition does not have is
    ignored.
    """
    known: dict[str, str] = {}
    for source in sources:
        names = dict(source)
        if (region := names.get("region")) is not None:
            if known.get("partition") in (None, partition_of(region)):
                names["partition"] = partition_of(region)
            else:
                del names["region"]
        known = {**names, **known}
    return known


def names_of(known: Mapping[str, str], policies: Iterable[Policy] = ()) -> Names:
    """Return names for requests: the known ones, by parameter, and examples for the others.

    Nodes have the subnets and security groups that policies list.
    """
    values = {**{k: v for k, v in EXAMPLE.items() if k != "vpc_id"}, **known}
    listed = listed_ids(policies)
    for kind, ids in listed.items():
        own, other = _OF_NODE[kind]
        values = {own: ids[0], other: ids[-1], **values}
    if partition_of(values["region"]) != values["partition"]:
        values["region"] = regions_of(values["partition"])[0]
    values.setdefault("vpc_owner_id", values["account_id"])
    return Names(owner_known="vpc_owner_id" in known, listed=frozenset(listed), **values)


def names_in(policies: Iterable[Policy]) -> dict[str, str]:
    """Return the names in policies, by parameter, if there is only one for a parameter."""
    return {k: values[0] for k, values in all_names(policies).items() if len(values) == 1}


def names_of_role(policies: Sequence[Policy], limits: Iterable[Policy]) -> dict[str, str]:
    """Return the names in a role's policies, and the others from its limits.

    The Region does not come from limits: they say where roles may be used, not where the plugin is.
    """
    named = {*all_names(policies), "region"}
    of_limits = {name: value for name, value in names_in(limits).items() if name not in named}
    return known_names(names_in(policies), of_limits)


def all_names(policies: Iterable[Policy]) -> dict[str, list[str]]:
    """Return all names in the Allow statements of policies, by parameter, without lists."""
    return {name: values for name, values in _every_name(policies).items() if name not in _OF_NODE}


def listed_ids(policies: Iterable[Policy]) -> dict[str, list[str]]:
    """Return the subnets and security groups in the Allow statements of policies, by parameter."""
    return {name: values for name, values in _every_name(policies).items() if name in _OF_NODE}


def _every_name(policies: Iterable[Policy]) -> dict[str, list[str]]:
    names: dict[str, set[str]] = {}
    for statement in (s for p in policies for s in p.statements if s.effect == "Allow"):
        for name, value in _names_of(statement):
            names.setdefault(name, set()).add(value)
    return {name: sorted(values) for name, values in names.items()}


def regions_to_check(
    policies: Iterable[Policy], known: Mapping[str, str]
) -> tuple[CheckedRegion, ...]:
    """Return each Region that policies name, and one that they do not name.

    Empty if the Region is known, or if no policy names one.
    """
    if "region" in known:
        return ()
    named = tuple(dict.fromkeys(r for p in policies for s in p.statements for r in _regions_of(s)))
    partition = known.get("partition")
    regions = regions_of(partition) if partition else all_regions()
    new = [n for n in named if _is_new(n, partition)][:_MOST_NEW_REGIONS]
    first = [EXAMPLE["region"]] if partition in (None, "aws") else []
    checked: dict[str, str] = {}
    for region in (*first, *regions, *new):
        matching = [name for name in named if wildcard.matches(name, region)]
        # If several names overlap, the statements together can have another effect in each Region.
        checked.setdefault(region if len(matching) > 1 else "".join(matching), region)
    other = checked.pop("", None)
    order = [*named, *checked]
    every = [CheckedRegion(n, checked[n]) for n in sorted(checked, key=order.index)]
    return (*every, *([CheckedRegion(None, other)] if other else [])) if every else ()


def _is_new(name: str, partition: str | None) -> bool:
    """Return whether a name is that of an unknown Region, and not a pattern."""
    is_region = re.fullmatch(_PATTERNS["region"], name) and name not in all_regions()
    return bool(is_region) and partition in (None, partition_of(name))


@lru_cache(1024)
def _regions_of(statement: Statement) -> tuple[str, ...]:
    """Return the Regions that a statement names, whatever its effect; they may be patterns.

    A policy variable may have any value.
    """
    regions = [
        # The name of a zone is its Region and a letter.
        re.sub(r"(?<=[0-9?*])[a-z?]$", "", region) if key == _ZONE else region
        for condition in statement.conditions
        if (key := str(condition.key).lower()) in (*_REGION_KEYS, _ZONE)
        and not condition.operator.endswith("Null")
        for region in (_VARIABLE.sub("*", v.lower()) for v in texts(condition.values))
    ]
    # In a pattern, a wildcard may match colons before the Region.
    arns = [_VARIABLE.sub("*", text).split(":") for text in texts(statement.texts())]
    parts = [part for arn in arns if arn[0] == "arn" for part in arn[1:4] if part.strip("*")]
    for name, (start, _) in PARTITIONS.items():
        if any(wildcard.matches(part, name) for part in parts):
            regions.append(f"{start}*")
    named = dict.fromkeys([*regions, *parts])
    return tuple(name for name in named if _REGION_NAME.fullmatch(name) and name.strip("*"))


@lru_cache(1024)
def _names_of(statement: Statement) -> tuple[tuple[str, str], ...]:
    """Return the names in an Allow statement about a call of the plugin."""
    named = [pair for resource in texts(statement.resources) for pair in _in_arn(resource)]
    named += [pair for condition in statement.conditions for pair in _in_condition(condition)]
    names = tuple((n, v) for n, v in named if v != "*" and re.fullmatch(_PATTERNS[n], v))
    return names if names and _is_about_calls(statement) else ()


def _is_about_calls(statement: Statement) -> bool:
    return bool(statement.not_actions) or any(statement.is_about(c.action) for c in calls())


def _in_condition(condition: Condition) -> Iterator[tuple[str, str]]:
    key = str(condition.key).lower()
    if condition.operator.endswith("Null") or "Not" in condition.operator:
        return  # its values are not the allowed ones
    for value in texts(condition.values):
        if key.endswith(f"tag/{CLUSTER}"):
            yield "cluster_name", value
        elif key == "ec2:vpc":
            yield "vpc_id", value.rpartition("/")[2]
            yield from _in_arn(value)
        elif key in _REGION_KEYS:
            yield "region", value


def _in_arn(arn: str) -> Iterator[tuple[str, str]]:
    if match := _LOG_GROUP.fullmatch(arn):
        yield from zip(_OF_LOG_GROUP, match.groups(), strict=False)
    elif match := _ARN.match(arn):
        partition, service, region, account, kind, identifier = match.groups()
        yield "partition", partition
        yield "region", region
        yield "vpc_owner_id" if kind in _OWNED_WITH_VPC else "account_id", account
        if (service, kind) == ("sagemaker", "cluster"):
            yield "hyperpod_cluster_id", identifier
        elif service == "ec2" and kind in _LISTS:
            yield _LISTS[kind], identifier
