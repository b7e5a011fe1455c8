"""Reads the output of ``aws ec2 describe-instances`` and ``describe-network-interfaces``.

The shapes are those of the EC2 API reference, DescribeInstances and DescribeNetworkInterfaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import BinaryIO, TypeVar

from msgspec import DecodeError, Struct
from msgspec.json import decode

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.kind import without_policies
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.saved import JsonFile, opened
from vpc_cni_iam.texts import STDIN, path_of
from vpc_cni_iam.texts.limits import INVENTORY

_KINDS = ("Reservations", "NetworkInterfaces")
_EXPECTED = "aws ec2 describe-instances or aws ec2 describe-network-interfaces"
# Other texts are told from JSON as they are read.
_FILE = JsonFile(f"the output of {_EXPECTED}", "", INVENTORY, re.compile(""))
# Amazon EC2 user guide, "Resource IDs".
_IDENTIFIER = "(i|eni|vpc|subnet|sg)-([0-9a-f]{8}|[0-9a-f]{17})"


class _Tag(Struct, rename="pascal"):
    key: str
    value: str | None = None


class _State(Struct, rename="pascal"):
    name: str | None = None


class _Operator(Struct, rename="pascal"):
    managed: bool = False
    principal: str | None = None


class _GroupShown(Struct, rename="pascal"):
    group_id: str | None = None


class _OwnInterface(Struct, rename="pascal"):
    network_interface_id: str | None = None
    subnet_id: str | None = None
    groups: list[_GroupShown] | None = None


class _Instance(Struct, rename="pascal"):
    instance_id: str
    network_interfaces: list[_OwnInterface] | None = None
    vpc_id: str | None = None
    state: _State | None = None
    tags: list[_Tag] | None = None
    operator: _Operator | None = None


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
    subnet_id: str | None = None
    groups: list[_GroupShown] | None = None
    tag_set: list[_Tag] | None = None
    operator: _Operator | None = None


class _Described(Struct, rename="pascal"):
    reservations: list[_Reservation] | None = None
    network_interfaces: list[_Interface] | None = None
    next_token: str | None = None


class Instance(Struct, frozen=True):
    """One instance."""

    id: str
    vpc: str  # the ID of its VPC, empty if it has none
    tags: Mapping[str, str]
    operator: str = ""  # the AWS service that manages it, such as ``eks.amazonaws.com``
    # Its interfaces, with their subnets and security groups; empty if not in the output.
    interfaces: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


class Interface(Struct, frozen=True):
    """One network interface."""

    id: str
    vpc: str
    status: str  # such as ``in-use`` or ``available``
    type: str  # such as ``interface`` or ``trunk``
    description: str
    instance: str  # the ID of its instance; empty if not attached, or not in the output
    tags: Mapping[str, str]
    operator: str = ""
    subnet: str = ""  # the ID of its subnet; empty if not in the output
    security_groups: tuple[str, ...] = ()


class Inventory(Struct, frozen=True):
    """The instances and interfaces of an account."""

    # By ID, without terminated ones; None if not described.
    instances: Mapping[str, Instance] | None
    interfaces: Mapping[str, Interface] | None  # by ID; None if not described
    # How many pages have a next page, without knowing whether it is given.
    continued_pages: int = 0


T = TypeVar("T", Instance, Interface)


class _Page(Struct, frozen=True):
    """One page of EC2's output, with its place."""

    source: str
    path: str
    answer: _Described

    def refuse(self, problem: str) -> InputError:
        return InputError(self.source, self.path, problem)

    def instances(self) -> Iterator[Instance]:
        for shown in (i for r in self.answer.reservations or () for i in r.instances):
            if not shown.state or shown.state.name not in ("terminated", "shutting-down"):
                vpc, tags = self._id(shown.vpc_id), self._tags(shown.instance_id, shown.tags)
                own = shown.network_interfaces or ()
                yield Instance(
                    self._id(shown.instance_id),
                    vpc,
                    tags,
                    _managed_by(shown.operator),
                    tuple(filter(None, (self._id(i.network_interface_id) for i in own))),
                    tuple(self._id(interface.subnet_id) for interface in own),
                    tuple(group for interface in own for group in self._groups(interface.groups)),
                )

    def interfaces(self) -> Iterator[Interface]:
        for shown in self.answer.network_interfaces or ():
            yield Interface(
                self._id(shown.network_interface_id),
                self._id(shown.vpc_id),
                shown.status or "",
                shown.interface_type or "",
                shown.description or "",
                self._id(shown.attachment.instance_id if shown.attachment else None),
                self._tags(shown.network_interface_id, shown.tag_set),
                _managed_by(shown.operator),
                self._id(shown.subnet_id),
                self._groups(shown.groups),
            )

    def _groups(self, groups: Iterable[_GroupShown] | None) -> tuple[str, ...]:
        return tuple(self._id(group.group_id) for group in groups or ())

    def _id(self, text: str | None) -> str:
        if text is not None and not re.fullmatch(_IDENTIFIER, text):
            raise self.refuse(f"{text[:80]!r} is not an ID of EC2's")
        return text or ""

    def _tags(self, resource: str, tags: Iterable[_Tag] | None) -> dict[str, str]:
        values: dict[str, str] = {}
        for tag in tags or ():
            if tag.key in values:
                problem = f"the tag {tag.key[:80]!r} of {resource} is there twice"
                raise self.refuse(f"{problem}; EC2 has each key once")
            values[tag.key] = tag.value or ""
        return values


def _managed_by(operator: _Operator | None) -> str:
    return operator.principal or "" if operator and operator.managed else ""


def read(targets: Iterable[str], stdin: BinaryIO) -> Inventory:
    """Read files with output of the AWS CLI; each may have several pages, ``-`` is standard input.

    Raises `InputError` if it is not the whole JSON of these two commands, or for two different
    descriptions of a resource.
    """
    pages = [page for target in targets for page in _pages(target, stdin)]
    instances = _described([(p, p.answer.reservations, p.instances()) for p in pages])
    interfaces = _described([(p, p.answer.network_interfaces, p.interfaces()) for p in pages])
    return Inventory(instances, interfaces, sum(bool(p.answer.next_token) for p in pages))


def _described(pages: Iterable[tuple[_Page, object, Iterator[T]]]) -> dict[str, T] | None:
    """Return the resources of one kind on the pages, by ID; None if no page has the kind.

    Each page comes with its list of the kind, or None.
    """
    resources: dict[str, T] = {}
    of_kind = [(page, described) for page, listed, described in pages if listed is not None]
    for page, described in of_kind:
        for resource in described:
            if resources.setdefault(resource.id, resource) != resource:
                problem = f"describes {resource.id} differently than an earlier page"
                raise page.refuse(f"{problem}; describe all of them again, once")
    if of_kind and all(page.answer.next_token for page, _ in of_kind):
        raise of_kind[0][0].refuse(
            "has a NextToken, but the last page, without one, is missing. Let aws follow the pages "
            "(without --no-paginate and --max-items), or give every page"
        )
    return resources if of_kind else None


def _pages(target: str, stdin: BinaryIO) -> Iterator[_Page]:
    """Yield the pages of a file, one after another."""
    path = path_of(target)
    with opened(path, stdin, _FILE) as data:
        reader = Reader(data, target if path else STDIN, what="an answer of EC2")
        reader.skip_mark()
        if not (first := reader.peek()):
            raise InputError(reader.source, "", f"is empty; give what {_EXPECTED} prints")
        if first in b"-|RNI":  # as a table or text begins
            raise InputError(reader.source, "line 1", "is not JSON; use --output json of aws")
        for number in count(1):
            if not reader.peek():
                break
            yield _page(reader, f"page {number}: $" if number > 1 else "$")
        reader.close()


def _page(reader: Reader, path: str) -> _Page:
    is_object, start = reader.peek() == b"{", reader.place
    text = reader.value()
    if not is_object:
        problem = "is a list or a single value, as with --query"
        raise InputError(reader.source, path, f"{problem}; give all that {_EXPECTED} prints")
    try:
        answer = decode(text, type=_Described)
    except DecodeError as error:
        reader.as_text(bytes(text), start)
        problem = f"is not as aws prints it without --query: {error}"
        raise InputError(reader.source, path, problem) from None
    if answer.reservations is None and answer.network_interfaces is None:
        problem = f"has neither {' nor '.join(_KINDS)}"
        problem += f"; give what {_EXPECTED} prints, without --query"
        raise InputError(reader.source, path, problem)
    reader.refuse_twice(bytes(text), start)
    return _Page(reader.source, path, answer)


KIND = without_policies(
    "the output of aws ec2 describe-instances or describe-network-interfaces",
    "`aws ec2 describe-instances`, `aws ec2 describe-network-interfaces`",
    lambda c: c.has_member(*_KINDS),
    "the command preflight reads it",
)
