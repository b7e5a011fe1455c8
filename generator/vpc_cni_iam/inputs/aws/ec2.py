"""Reads the output of ``aws ec2 describe-instances`` and ``describe-network-interfaces``.

The shapes are those of the EC2 API reference, DescribeInstances and DescribeNetworkInterfaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from vpc_cni_iam.errors import InputError, json_problem
from vpc_cni_iam.inputs.kind import Content, without_policies
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


class Instance(Struct, frozen=True):
    """One instance."""

    id: str
    vpc: str  # the ID of its VPC, empty if it has none
    tags: Mapping[str, str]


class Interface(Struct, frozen=True):
    """One network interface."""

    id: str
    vpc: str
    status: str  # such as ``in-use`` or ``available``
    type: str  # such as ``interface`` or ``trunk``
    description: str
    instance: str  # the ID of the instance it is attached to, empty if to none that is shown
    tags: Mapping[str, str]


class Inventory(Struct, frozen=True):
    """The instances and interfaces of an account."""

    # By ID, without those that are terminated; None if they were not described.
    instances: Mapping[str, Instance] | None
    interfaces: Mapping[str, Interface] | None  # by ID; None if they were not described
    # How many pages say that another follows; nothing tells whether it is given.
    continued_pages: int = 0


_Resource = TypeVar("_Resource", Instance, Interface)


def read(contents: Iterable[Content]) -> Inventory:
    """Read the output of the AWS CLI; each input may hold several pages.

    Raises `InputError` for what is not the whole JSON of these two commands, or a resource that is
    described twice, each time otherwise.
    """
    instances: dict[str, Instance] = {}
    interfaces: dict[str, Interface] = {}
    # For each kind the pages that say that another follows, and whether a page ends it.
    continued: dict[str, list[_Node]] = {}
    ended: set[str] = set()
    for content in contents:
        for page in _pages(content):
            for kind in _kinds(page):
                if page.text("NextToken"):
                    continued.setdefault(kind, []).append(page)
                else:
                    ended.add(kind)
            for instance in _instances(page):
                _add(instances, instance, page)
            for interface in _interfaces(page):
                _add(interfaces, interface, page)
    for kind in continued.keys() - ended:
        page = continued[kind][0]
        raise page.refuse(
            "has a NextToken and no page without one is given: the rest is missing. Let aws "
            "follow the pages (leave --no-paginate and --max-items out), or give every page"
        )
    seen = ended | set(continued)
    return Inventory(
        instances if "Reservations" in seen else None,
        interfaces if "NetworkInterfaces" in seen else None,
        sum(map(len, continued.values())),
    )


def _add(known: dict[str, _Resource], resource: _Resource, page: _Node) -> None:
    if known.setdefault(resource.id, resource) != resource:
        problem = f"describes {resource.id}, which is described before, and otherwise"
        raise page.refuse(f"{problem}; describe all of them anew, once")


class _Node(Struct, frozen=True):
    """A JSON object with its place."""

    source: str
    path: str
    value: Mapping[str, Any]

    def refuse(self, problem: str, key: str = "") -> InputError:
        return InputError(self.source, f"{self.path}.{key}" if key else self.path, problem)

    def text(self, key: str, *, required: bool = False) -> str:
        """Return a text."""
        value = self.value.get(key)
        if isinstance(value, str) and (value or not required):
            return value
        if value is None and not required:
            return ""
        raise self.refuse(_MISSHAPED.format("a text"), key)

    def identifier(self, key: str, *, required: bool = True) -> str:
        value = self.text(key, required=required)
        if value and not _IDENTIFIER.fullmatch(value):
            raise self.refuse(f"{value!r} is not an ID of EC2's", key)
        return value

    def child(self, key: str) -> _Node:
        """Return an object, an empty one if it is left out."""
        return self._node(self.value.get(key) or {}, f"{self.path}.{key}")

    def children(self, key: str) -> Iterator[_Node]:
        """Yield the objects of a list, none if it is left out."""
        values = self.value.get(key)
        if not isinstance(values, list | None):
            raise self.refuse(_MISSHAPED.format("a list"), key)
        for number, value in enumerate(values or ()):
            yield self._node(value, f"{self.path}.{key}[{number}]")

    def tags(self, key: str) -> dict[str, str]:
        tags: dict[str, str] = {}
        for tag in self.children(key):
            name = tag.text("Key", required=True)
            if name in tags:
                raise tag.refuse(f"{name!r} stands twice; EC2 has each key once", "Key")
            tags[name] = tag.text("Value")
        return tags

    def _node(self, value: object, path: str) -> _Node:
        if not isinstance(value, dict):
            raise InputError(self.source, path, _MISSHAPED.format("an object"))
        return _Node(self.source, path, value)


_MISSHAPED = "is missing or not {}; was --query used? Leave it out, the whole output is needed"


def _kinds(page: _Node) -> list[str]:
    if kinds := [kind for kind in _KINDS if kind in page.value]:
        return kinds
    problem = f"has neither {' nor '.join(_KINDS)}; give what {_EXPECTED} prints, without --query"
    raise page.refuse(problem)


def _instances(page: _Node) -> Iterator[Instance]:
    for reservation in page.children("Reservations"):
        if "Instances" not in reservation.value:
            raise reservation.refuse(_MISSHAPED.format("a list"), "Instances")
        for node in reservation.children("Instances"):
            if node.child("State").text("Name") not in ("terminated", "shutting-down"):
                vpc = node.identifier("VpcId", required=False)
                yield Instance(node.identifier("InstanceId"), vpc, node.tags("Tags"))


def _interfaces(page: _Node) -> Iterator[Interface]:
    for node in page.children("NetworkInterfaces"):
        yield Interface(
            node.identifier("NetworkInterfaceId"),
            node.identifier("VpcId"),
            node.text("Status"),
            node.text("InterfaceType"),
            node.text("Description"),
            node.child("Attachment").identifier("InstanceId", required=False),
            node.tags("TagSet"),
        )


def _pages(content: Content) -> Iterator[_Node]:
    """Yield the JSON objects of an input, which stand one after the other."""
    text = content.text
    position = _blank(text, 0)
    if position == len(text):
        raise content.refuse(f"is empty; give what {_EXPECTED} prints")
    for pattern, name in _FORMATS:
        if pattern.match(text, position):
            problem = f"is what aws prints with --output {name}; use --output json"
            raise content.refuse(problem, "line 1")
    check_json(text, content.source)
    decoder, number = json.JSONDecoder(object_pairs_hook=_trimmed), 0
    while position < len(text):
        path = f"page {number + 1}: $" if number else "$"
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise content.refuse(json_problem(error), place) from None
        except _TwiceError as error:
            problem = f"has an object with the key {error.args[0]!r} twice, as aws prints none"
            raise content.refuse(problem, path) from None
        except (RecursionError, ValueError):  # Python reads numbers of 4,300 digits at most
            raise content.refuse("nests deeper, or counts higher, than aws does") from None
        if not isinstance(value, dict):
            shape = "a list" if isinstance(value, list) else "a single value"
            problem = f"is {shape}, as --query makes of it; give all that {_EXPECTED} prints"
            raise content.refuse(problem, path)
        yield _Node(content.source, path, value)
        position, number = _blank(text, position), number + 1


class _TwiceError(Exception):
    """A key that one object has twice."""


def _trimmed(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object without unused members, so that a large input stays small in memory."""
    used = [member for member in members if member[0] in _USED]
    trimmed = dict(used)
    if len(trimmed) < len(used):
        keys = [key for key, _ in used]
        raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
    return trimmed


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
