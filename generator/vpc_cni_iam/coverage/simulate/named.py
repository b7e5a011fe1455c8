"""Values in policies for facts that only AWS knows, such as the ID of a node's subnet.

If a request has such an unknown value, it is checked with each of these values, and with an example
for all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct, field

from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.template import known

_KEYS = tuple(
    f"ec2:{name}"
    for name in (
        "availabilityzone",
        "instanceid",
        "networkinterfaceid",
        "securitygroupid",
        "subnet",
        "subnetid",
        "vpc",
    )
)


_KINDS = ("instance", "network-interface", "security-group", "subnet")
# If there are more, calls that depend on them are undecided.
_MOST = 100


class NamedValues(Struct, frozen=True):
    """Values in policies: the end of an ARN after its last ``/``, or a text of a pattern.

    None if there are too many to check.
    """

    of_resources: tuple[str, ...] | None = ()
    by_key: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)  # keys in lower case


def named_values(policies: Iterable[Policy]) -> NamedValues:
    """Return the values that policies name in resources and conditions."""
    by_key: dict[str, dict[str, None]] = {}
    for policy in policies:
        for statement in policy.statements:
            for key, value in _named(statement):
                by_key.setdefault(key, {})[value] = None
    values = {k: tuple(each) if len(each) <= _MOST else None for k, each in by_key.items()}
    return NamedValues(values.pop("", ()), values)


@lru_cache(1024)
def _named(statement: Statement) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, text in _texts(statement) if (value := _end(text)))


def _texts(statement: Statement) -> Iterator[tuple[str, str]]:
    for text in known((*statement.resources, *statement.not_resources)):
        if _may_be_asked(text):
            yield "", text
    for condition in statement.conditions:
        if (key := str(condition.key).lower()) in _KEYS:
            yield from ((key, text) for text in known(condition.values))


def _may_be_asked(resource: str) -> bool:
    """Return whether a resource may belong to a kind whose IDs are unknown."""
    parts = resource.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS:
        return True
    kind = parts[-1].partition("/")[0]
    return wildcard.matches(parts[2], "ec2") and any(wildcard.matches(kind, k) for k in _KINDS)


def _end(text: str) -> str:
    return text.rpartition("/")[2].replace("?", "0").replace("*", "")
