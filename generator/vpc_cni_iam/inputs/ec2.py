"""Reads what ``aws ec2 describe-instances`` and ``describe-network-interfaces`` print.

The shapes are those of the EC2 API reference, DescribeInstances and DescribeNetworkInterfaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.kind import without_policies
from vpc_cni_iam.texts import decode
from vpc_cni_iam.texts.nesting import check_json

_KINDS = ("Reservations", "NetworkInterfaces")
_EXPECTED = "aws ec2 describe-instances or aws ec2 describe-network-interfaces"
_USED = frozenset(
    (
        *("Reservations", "Instances", "InstanceId", "State", "Name", "VpcId"),
        *("NetworkInterfaces", "NetworkInterfaceId", "Attachment", "Status", "InterfaceType"),
        *("Description", "Tags", "TagSet", "Key", "Value", "NextToken"),
    )
)
# Amazon EC2 user guide, "Resource IDs".
_IDENTIFIER = re.compile("(i|eni|vpc)-([0-9a-f]{8}|[0-9a-f]{17})")
# What the other formats of the AWS CLI begin with.
_FORMATS = (
    (re.compile(r"-{5,}|[|+]"), "table"),
    (re.compile(r"(RESERVATIONS|NETWORKINTERFACES|INSTANCES)\b"), "text"),
    (re.compile(r"-?\s*(Reservations|NetworkInterfaces|NextToken):"), "yaml"),
)


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    Args:
        id: Its ID.
        vpc: The ID of its VPC, empty if it has none.
        tags: Its tags.
    """

    id: str
    vpc: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """One network interface.

    Args:
        id: Its ID.
        vpc: The ID of its VPC.
        status: Such as ``in-use`` or ``available``.
        type: Such as ``interface`` or ``trunk``.
        description: As its maker described it.
        instance: The ID of the instance it is attached to, empty if to none that is shown.
        tags: Its tags.
    """

    id: str
    vpc: str
    status: str
    type: str
    description: str
    instance: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an account holds.

    Args:
        instances: By ID, without those that are terminated; None if they were not described.
        interfaces: By ID; None if they were not described.
    """

    instances: Mapping[str, Instance] | None
    interfaces: Mapping[str, NetworkInterface] | None


def read(inputs: Iterable[tuple[str, bytes]]) -> Inventory:
    """Read what the AWS CLI printed, of which each input may hold several pages.

    Args:
        inputs: The name and the content of each.

    Raises:
        InputError: Not the whole JSON of these two commands.
    """
    instances: dict[str, Instance] = {}
    interfaces: dict[str, NetworkInterface] = {}
    # For each kind the place of a page that says that another follows, and whether one ends it.
    unfinished: dict[str, tuple[str, str]] = {}
    ended: set[str] = set()
    for source, content in inputs:
        for page in _pages(source, content):
            for kind in _kinds(page):
                if page.text("NextToken"):
                    unfinished.setdefault(kind, (source, page.path))
                else:
                    ended.add(kind)
            instances.update((i.id, i) for i in _instances(page))
            interfaces.update((i.id, i) for i in _interfaces(page))
    for kind in unfinished.keys() - ended:
        raise InputError(
            *unfinished[kind],
            "has a NextToken and no page without one is given: the rest is missing. Let aws "
            "follow the pages (leave --no-paginate and --max-items out), or give every page",
        )
    seen = ended | set(unfinished)
    return Inventory(
        instances if "Reservations" in seen else None,
        interfaces if "NetworkInterfaces" in seen else None,
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """A JSON object with where it stands."""

    source: str
    path: str
    value: Mapping[str, Any]

    def refuse(self, key: str, problem: str) -> InputError:
        return InputError(self.source, f"{self.path}.{key}", problem)

    def text(self, key: str, required: bool = False) -> str:
        """Return a text."""
        value = self.value.get(key)
        if isinstance(value, str) and (value or not required):
            return value
        if value is None and not required:
            return ""
        raise self.refuse(key, _MISSHAPED.format("a text"))

    def identifier(self, key: str, required: bool = True) -> str:
        value = self.text(key, required)
        if value and not _IDENTIFIER.fullmatch(value):
            raise self.refuse(key, f"{value!r} is not an ID of EC2's")
        return value

    def child(self, key: str) -> _Node:
        """Return an object, an empty one if it is left out."""
        return self._node(self.value.get(key) or {}, f"{self.path}.{key}")

    def children(self, key: str) -> Iterator[_Node]:
        """Yield the objects of a list, none if it is left out."""
        items = self.value.get(key)
        if not isinstance(items, list | None):
            raise self.refuse(key, _MISSHAPED.format("a list"))
        for number, value in enumerate(items or ()):
            yield self._node(value, f"{self.path}.{key}[{number}]")

    def tags(self, key: str) -> dict[str, str]:
        return {tag.text("Key"): tag.text("Value") for tag in self.children(key)}

    def _node(self, value: object, path: str) -> _Node:
        if not isinstance(value, dict):
            raise InputError(self.source, path, _MISSHAPED.format("an object"))
        return _Node(self.source, path, value)


_MISSHAPED = "is missing or not {}; was --query used? Leave it out, the whole output is needed"


def _kinds(page: _Node) -> list[str]:
    if kinds := [kind for kind in _KINDS if kind in page.value]:
        return kinds
    raise InputError(
        page.source,
        page.path,
        f"has neither Reservations nor NetworkInterfaces; give what {_EXPECTED} prints, "
        "without --query",
    )


def _instances(page: _Node) -> Iterator[Instance]:
    for reservation in page.children("Reservations"):
        if "Instances" not in reservation.value:
            raise reservation.refuse("Instances", _MISSHAPED.format("a list"))
        for item in reservation.children("Instances"):
            if item.child("State").text("Name") not in ("terminated", "shutting-down"):
                vpc = item.identifier("VpcId", required=False)
                yield Instance(item.identifier("InstanceId"), vpc, item.tags("Tags"))


def _interfaces(page: _Node) -> Iterator[NetworkInterface]:
    for item in page.children("NetworkInterfaces"):
        yield NetworkInterface(
            item.identifier("NetworkInterfaceId"),
            item.identifier("VpcId"),
            item.text("Status"),
            item.text("InterfaceType"),
            item.text("Description"),
            item.child("Attachment").identifier("InstanceId", required=False),
            item.tags("TagSet"),
        )


def _pages(source: str, content: bytes) -> Iterator[_Node]:
    """Yield the JSON objects of an input, which stand one after the other."""
    text = decode(content, source)
    del content
    position = _blank(text, 0)
    if position == len(text):
        raise InputError(source, "", f"is empty; give what {_EXPECTED} prints")
    for pattern, name in _FORMATS:
        if pattern.match(text, position):
            raise InputError(
                source, "line 1", f"is what aws prints with --output {name}; use --output json"
            )
    check_json(text, source)
    decoder, number = json.JSONDecoder(object_hook=_trimmed), 0
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise InputError(source, place, f"is not JSON: {error.msg}") from None
        except (RecursionError, ValueError):  # Python reads numbers of 4,300 digits at most
            raise InputError(source, "", "nests deeper, or counts higher, than aws does") from None
        path = f"page {number + 1}: $" if number else "$"
        if not isinstance(value, dict):
            what = "a list" if isinstance(value, list) else "a single value"
            raise InputError(
                source,
                path,
                f"is {what}, as --query makes of it; give all that {_EXPECTED} prints",
            )
        yield _Node(source, path, value)
        position, number = _blank(text, position), number + 1


def _trimmed(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what is not used, so that a large input stays small in memory."""
    return {key: value[key] for key in value.keys() & _USED}


def _blank(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


KIND = without_policies(
    "what aws ec2 describe-instances or describe-network-interfaces prints",
    "`aws ec2 describe-instances`, `aws ec2 describe-network-interfaces`",
    lambda c: c.has_member(*_KINDS),
    "the command preflight reads it",
)
