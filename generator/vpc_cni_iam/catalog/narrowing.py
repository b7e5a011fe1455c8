"""Narrowing: limits a hardened document to listed subnets and security groups.

The role can create interfaces only in these subnets and with these groups, and set only these
groups later. The Service Authorization Reference says which resources EC2 checks, as in
`hardening`: the subnet and each security group of CreateNetworkInterface, and each group of
ModifyNetworkInterfaceAttribute. If a request names no group, it is not known whether EC2 checks the
VPC's default group; the plugin always names some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.parameters import SECURITY_GROUP_IDS, SUBNET_IDS, Parameter
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy, dumps
from vpc_cni_iam.policy.quotas import MANAGED
from vpc_cni_iam.policy.template import PolicyText, holes, join

LIMIT = "--limit-to"


class IdList(StrEnum):
    """The resources that a document limits to a list."""

    subnets = "subnets"
    security_groups = "security-groups"

    @property
    def parameter(self) -> Parameter:
        """The parameter with the IDs."""
        return SUBNET_IDS if self is IdList.subnets else SECURITY_GROUP_IDS

    @property
    def noun(self) -> str:
        """The plural in words."""
        return self.value.replace("-", " ")

    @property
    def anywhere(self) -> str:
        """The resource pattern for any of them in upstream's documents."""
        return f"{self.start}*"

    @property
    def start(self) -> str:
        """The prefix of each one's ARN."""
        return f"arn:aws:ec2:*:*:{self.value.removesuffix('s')}/"


def limits_of(names: Iterable[str]) -> tuple[IdList, ...]:
    """Return the limits with these names, each once; raises `UsageError`."""
    chosen = {IdList(resolve(name, IdList, "limit", LIMIT)) for name in names}
    return tuple(limit for limit in IdList if limit in chosen)


def narrow(policy: Policy, limits: Iterable[IdList]) -> Policy:
    """Return a document with a hole for each ID of a list, instead of any subnet or group."""
    listed: dict[PolicyText, PolicyText] = {
        limit.anywhere: join([limit.start, limit.parameter.hole]) for limit in limits
    }
    return policy.map_texts(lambda text: listed.get(text, text))


def names_any(policy: Policy, limit: IdList) -> bool:
    """Return whether a document names any subnet, or any security group."""
    texts = (text for statement in policy.statements for text in statement.resources)
    return any(text == limit.anywhere or limit.parameter.hole in holes([text]) for text in texts)


def with_ids(policy: Policy, ids: Mapping[IdList, Sequence[str]]) -> Policy:
    """Return a narrowed document with the IDs of its lists.

    Raises `UsageError` for an invalid or repeated ID.
    """
    for limit, values in ids.items():
        option = limit.parameter.option
        for value in values:
            limit.parameter.check(value)
            if values.count(value) > 1:
                raise UsageError(f"{option} {value} is given twice")

    def each(text: PolicyText) -> tuple[PolicyText, ...]:
        for limit, values in ids.items():
            if limit.parameter.hole in holes([text]):
                return tuple(join([limit.start, value]) for value in values)
        return (text,)

    return replace(
        policy,
        statements=tuple(
            replace(s, resources=tuple(r for text in s.resources for r in each(text)))
            for s in policy.statements
        ),
    )


def filled(policy: Policy, names: Mapping[str, str], ids: Mapping[IdList, Sequence[str]]) -> Policy:
    """Return a narrowed document with checked names and the IDs of its lists.

    Raises `UsageError` if it is too large for a managed policy.
    """
    document = parameters.substitute(with_ids(policy, ids), names)
    if ids and (size := len(dumps(document, None))) > MANAGED:
        options = " or ".join(limit.parameter.option for limit in ids)
        problem = f"the document has {size:,} characters, and a managed policy of IAM {MANAGED:,}"
        raise UsageError(f"{problem}; give {options} less often")
    return document
