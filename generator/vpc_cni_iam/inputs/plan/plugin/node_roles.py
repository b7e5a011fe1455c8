"""The roles that resources give nodes: node groups, groups of instances, and their templates.

A resource names the role itself, or an instance profile or a launch template with the role. A
change of these is a change of them, and is reported once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from msgspec import Struct

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.account.reader import AccountReader
from vpc_cni_iam.inputs.plan.arguments import NODE_ROLES, ROLE, TEMPLATE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.values import (
    PlacedValue,
    member,
    one,
    place_of,
    read,
    value_at,
    values_of,
)
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Sensitive, Unknown, Value

# The keys with which a block names an instance profile or a launch template.
_IDENTIFIERS = ("arn", "id", "name", "launch_template_id", "launch_template_name")
_DEPTH = 4  # steps from a group to its role: template, profile
_DEFAULT, _LATEST = "$Default", "$Latest"


class InstanceRole(Struct, frozen=True):
    """A role that a resource of the plan gives nodes."""

    attribute: str  # the argument that names the role
    named: IamResource  # what the argument names: the role, or a resource that has it
    target: str  # its resource type
    role: IamResource  # or a resource that has it and that the plan does not show
    is_current: bool  # whether the resource that it names has its current version
    mark: str  # of the secret that names it; empty if there is none

    @property
    def shown_role(self) -> IamResource:
        """The role as reports may show it."""
        return Unresolved(self.mark, Side.BEFORE, ROLE) if self.mark else self.role


class NodeRoleReader:
    """Reads the roles that the resources of one plan give nodes."""

    def __init__(self, reader: AccountReader) -> None:
        self._reader, self._resolver = reader, reader.resolver

    def of(self, resource: Resource, side: Side) -> Iterator[InstanceRole]:
        """Yield the roles that a resource gives nodes on a side."""
        for path, kind in NODE_ROLES[resource.type].items():
            for placed in read(resource, path, side):
                version = value_at(resource, (*placed.path, "version"), side)
                for named in self.named(resource, placed, kind, side):
                    attribute = place_of(resource, placed.path).removeprefix(f"{resource.address}.")
                    for role, is_current in self._behind(named, kind, version, side):
                        mark = _mark(placed.value)
                        yield InstanceRole(attribute, named, kind, role, is_current, mark)

    def named(
        self, resource: Resource, placed: PlacedValue, kind: str, side: Side
    ) -> tuple[IamResource, ...]:
        """Return the resources that a value or block names, by known identifiers first."""
        block = reduce(member, placed.path, values_of(resource, side))
        is_item = bool(placed.path) and isinstance(placed.path[-1], int)  # a block is in a list
        if not (is_item and isinstance(block, dict)):
            return tuple(self._named(resource, placed, kind, side))
        places = ((*placed.path, name) for name in _IDENTIFIERS)
        items = [PlacedValue(place, value_at(resource, place, side)) for place in places]
        items.sort(key=lambda item: isinstance(item.value, Unknown))
        choices = [tuple(self._named(resource, item, kind, side)) for item in items]
        in_plan = (c for c in choices if c and all(isinstance(each, InPlan) for each in c))
        return next(in_plan, next(filter(None, choices), ()))

    def _named(
        self, resource: Resource, placed: PlacedValue, kind: str, side: Side
    ) -> Iterator[IamResource]:
        """Yield the resources that a value names; nothing if it is not set."""
        path, value = placed.path, placed.value
        if value in (ABSENT, Known("")):
            return
        is_later = isinstance(value, Unknown) and len(path) == 1
        if is_later and not self._reader.is_written(resource, str(path[0])):
            return
        if isinstance(value, Known):  # a number names no role
            placed = PlacedValue(path, Known(str(value.value)))
        yield from self._reader.resolve(resource, placed, kind, side)

    def _behind(
        self, named: IamResource, kind: str, version: Value, side: Side, depth: int = 0
    ) -> Iterator[tuple[IamResource, bool]]:
        """Yield the roles of a resource in a version, and whether its side has this version."""
        number = _number(version)
        if kind == ROLE or depth > _DEPTH or not (isinstance(named, InPlan) or kind == TEMPLATE):
            yield named, True
        elif not isinstance(named, InPlan):
            yield _in_version(named, number), not number
        else:
            target = self._resolver.by_address[named.address]
            shown = _side_of_version(target, number, side) if kind == TEMPLATE else side
            if shown is None:
                yield _in_version(Named(TEMPLATE, "", named.address), number or _DEFAULT), False
                return
            for path, inner in NODE_ROLES[kind].items():
                for placed in read(target, path, shown):
                    of_inner = value_at(target, (*placed.path, "version"), shown)
                    for other in self.named(target, placed, inner, shown):
                        for role, _ in self._behind(other, inner, of_inner, shown, depth + 1):
                            yield role, shown is side


def _mark(value: Value) -> str:
    """Return the mark of a secret that names a role; empty if it is none."""
    if not isinstance(value, Sensitive):
        return ""
    return str(value.mark) if is_mark(value.mark) else "(sensitive)"


def _in_version(template: IamResource, number: str | None) -> IamResource:
    """Return a stand-in for the role of a launch template version that no plan shows."""
    if number == "" or not isinstance(template, Named):
        return template
    version = "a version known after apply" if number is None else f"version {number}"
    return Named(TEMPLATE, template.account, f"{template.name} in {version}")


def _side_of_version(template: Resource, number: str | None, side: Side) -> Side | None:
    """Return the side on which a launch template has a version; None if the plan lacks it.

    A state has the latest version of a template. A change of the template creates the next one.
    """
    if template.before is None or (side is Side.AFTER and "create" in template.actions):
        return Side.AFTER
    is_after = side is Side.AFTER and template.after is not None
    shown = Side.AFTER if is_after else Side.BEFORE
    if number in ("", _DEFAULT):
        default = one(template, "default_version", shown)
        number = _LATEST if isinstance(default, Absent) else _number(default)
    match one(template, "latest_version", Side.BEFORE):
        case Known(int(latest)) if number not in (None, _LATEST):
            if number == str(latest):
                return Side.BEFORE
            is_next = is_after and template.actions == ("update",)
            return shown if is_next and number == str(latest + 1) else None
    return shown


def _number(version: Value) -> str | None:
    """Return a version as text; empty if it is not set, None if it is unknown."""
    match version:
        case Known(value):
            return str(value)
        case Absent():
            return ""
    return None
