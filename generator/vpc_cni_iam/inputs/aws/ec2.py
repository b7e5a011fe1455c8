"""Reads the output of ``aws ec2 describe-instances`` and ``describe-network-interfaces``.

The shapes are those of the EC2 API reference, DescribeInstances and DescribeNetworkInterfaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import TypeVar

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.kind import Content, without_policies
from vpc_cni_iam.inputs.plan.json_stream import Reader

_KINDS = ("Reservations", "NetworkInterfaces")
_EXPECTED = "aws ec2 describe-instances or aws ec2 describe-network-interfaces"
# Amazon EC2 user guide, "Resource IDs".
_IDENTIFIER = "(i|eni|vpc)-([0-9a-f]{8}|[0-9a-f]{17})"
# What the other formats of the AWS CLI begin with.
_FORMATS = (
    (re.compile(r"\s*(-{5,}|[|+])"), "table"),
    (re.compile(r"\s*(RESERVATIONS|NETWORKINTERFACES|INSTANCES)\b"), "text"),
    (re.compile(r"\s*(-\s*)?(Reservations|NetworkInterfaces|NextToken):"), "yaml"),
)


class _Tag(Struct, rename="pascal"):
    key: str
    value: str | None = None


class _State(Struct, rename="pascal"):
    name: str | None = None


class _Instance(Struct, rename="pascal"):
    instance_id: str
    vpc_id: str | None = None
    state: _State | None = None
    tags: list[_Tag] | None = None


class _Reservation(Struct, rename="pascal"):
    instances: list[_Instance]


class _Attachment(Struct, rename="pascal"):
    instance_id: str | None = None


class _Interface(Struct, rename="pascal"):
    network_interface_id: str
    vpc_id: str
    status: str | None = None
    interface_type: str | None = None
    description: str | None = None
    attachment: _Attachment | None = None
    tag_set: list[_Tag] | None = None


class _Described(Struct, rename="pascal"):
    reservations: list[_Reservation] | None = None
    network_interfaces: list[_Interface] | None = None
    next_token: str | None = None


_DECODER = Decoder(_Described)


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


class _Page(Struct, frozen=True):
    """One answer of EC2, with its place."""

    source: str
    path: str
    answer: _Described

    @property
    def kinds(self) -> list[str]:
        """What it describes."""
        answer = self.answer
        values = (answer.reservations, answer.network_interfaces)
        return [kind for kind, value in zip(_KINDS, values, strict=True) if value is not None]

    def refuse(self, problem: str) -> InputError:
        return InputError(self.source, self.path, problem)

    def instances(self) -> Iterator[Instance]:
        for reservation in self.answer.reservations or ():
            for shown in reservation.instances:
                if not shown.state or shown.state.name not in ("terminated", "shutting-down"):
                    vpc = self._id(shown.vpc_id) if shown.vpc_id else ""
                    tags = self._tags(shown.instance_id, shown.tags)
                    yield Instance(self._id(shown.instance_id), vpc, tags)

    def interfaces(self) -> Iterator[Interface]:
        for shown in self.answer.network_interfaces or ():
            instance = shown.attachment.instance_id if shown.attachment else None
            yield Interface(
                self._id(shown.network_interface_id),
                self._id(shown.vpc_id),
                shown.status or "",
                shown.interface_type or "",
                shown.description or "",
                self._id(instance) if instance else "",
                self._tags(shown.network_interface_id, shown.tag_set),
            )

    def _id(self, text: str) -> str:
        if not re.fullmatch(_IDENTIFIER, text):
            raise self.refuse(f"{text[:80]!r} is not an ID of EC2's")
        return text

    def _tags(self, resource: str, tags: Iterable[_Tag] | None) -> dict[str, str]:
        values: dict[str, str] = {}
        for tag in tags or ():
            if tag.key in values:
                problem = f"the tag {tag.key[:80]!r} of {resource} stands twice"
                raise self.refuse(f"{problem}; EC2 has each key once")
            values[tag.key] = tag.value or ""
        return values


def read(contents: Iterable[Content]) -> Inventory:
    """Read the output of the AWS CLI; each input may hold several pages.

    Raises `InputError` for what is not the whole JSON of these two commands, or a resource that is
    described twice, each time otherwise.
    """
    instances: dict[str, Instance] = {}
    interfaces: dict[str, Interface] = {}
    # For each kind the pages that say that another follows, and whether a page ends it.
    continued: dict[str, list[_Page]] = {}
    ended: set[str] = set()
    for content in contents:
        for page in _pages(content):
            for kind in page.kinds:
                if page.answer.next_token:
                    continued.setdefault(kind, []).append(page)
                else:
                    ended.add(kind)
            for instance in page.instances():
                _add(instances, instance, page)
            for interface in page.interfaces():
                _add(interfaces, interface, page)
    for kind in continued.keys() - ended:
        raise continued[kind][0].refuse(
            "has a NextToken and no page without one is given: the rest is missing. Let aws "
            "follow the pages (leave --no-paginate and --max-items out), or give every page"
        )
    return Inventory(
        instances if "Reservations" in ended else None,
        interfaces if "NetworkInterfaces" in ended else None,
        sum(map(len, continued.values())),
    )


def _add(known: dict[str, _Resource], resource: _Resource, page: _Page) -> None:
    if known.setdefault(resource.id, resource) != resource:
        problem = f"describes {resource.id}, which is described before, and otherwise"
        raise page.refuse(f"{problem}; describe all of them anew, once")


def _pages(content: Content) -> Iterator[_Page]:
    """Yield the pages of an input, which stand one after the other."""
    for pattern, name in _FORMATS:
        if pattern.match(content.text):
            problem = f"is what aws prints with --output {name}; use --output json"
            raise content.refuse(problem, "line 1")
    reader = Reader(content.text.encode(), content.source, what="an answer of EC2")
    if not reader.peek():
        raise content.refuse(f"is empty; give what {_EXPECTED} prints")
    for number in count(1):
        if not (first := reader.peek()):
            return
        path, start = f"page {number}: $" if number > 1 else "$", reader.place
        if first != b"{":
            reader.value()
            shape = "a list" if first == b"[" else "a single value"
            problem = f"is {shape}, as --query makes of it; give all that {_EXPECTED} prints"
            raise content.refuse(problem, path)
        page_text = bytes(reader.value())
        try:
            answer = _DECODER.decode(page_text)
        except DecodeError as error:
            problem = f"is not as aws prints it without --query: {error}"
            raise content.refuse(problem, path) from None
        reader.refuse_twice(page_text, start)
        page = _Page(content.source, path, answer)
        if not page.kinds:
            problem = f"has neither {' nor '.join(_KINDS)}"
            raise page.refuse(f"{problem}; give what {_EXPECTED} prints, without --query")
        yield page


KIND = without_policies(
    "what aws ec2 describe-instances or describe-network-interfaces prints",
    "`aws ec2 describe-instances`, `aws ec2 describe-network-interfaces`",
    lambda c: c.has_member(*_KINDS),
    "the command preflight reads it",
)
