"""Which roles a workload uses on each side of a plan: by instance profiles and templates, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.arguments import KINDS, ROLE, ROLE_USES, TEMPLATE
from vpc_cni_iam.inputs.plan.configuration import Resolution
from vpc_cni_iam.inputs.plan.reader import Plan, Resource
from vpc_cni_iam.inputs.plan.secrets import Secrets
from vpc_cni_iam.review.account.attribute_value import flagged
from vpc_cni_iam.review.account.owners import UNKNOWN_ROLE, Owners
from vpc_cni_iam.review.account.rebuild import referred

# By what a block names an instance profile or a launch template.
_NAMES = ("arn", "id", "name", "launch_template_id", "launch_template_name")
# EKS refuses a launch template with an instance profile: one that the plan does not show has none.
# Source: Amazon EKS User Guide, "Customize managed nodes with launch templates".
_WITHOUT_PROFILE = ("aws_eks_node_group",)
# AWS writes the policies of such a role, and nobody but its service assumes it.
_SERVICE_LINKED = ":role/aws-service-role/"


class RoleUse(Struct, frozen=True):
    """A role that a workload uses."""

    role: str  # its address in the plan, else its ARN or name, else what is known of it
    named: str = ""  # the resource by which it is used, where it is as the plan leaves that
    hidden: str = ""  # the type of what is named, where the plan does not show it


class _Argument(Struct, frozen=True):
    """What an argument names."""

    path: tuple[str, ...]  # its place in the resource's expressions
    names: tuple[str, ...] = ()  # and IDs and ARNs
    unknown: tuple[tuple[str, ...], ...] = ()  # the places of those known after apply
    version: Any = None  # of a launch template
    later: bool = False  # whether the version is only known after apply
    in_text: bool = False  # whether it is in text, which may name nothing


class Workloads:
    """The roles of the workloads of one plan."""

    def __init__(self, plan: Plan, owners: Owners) -> None:
        self._plan = plan
        self._owners = owners

    def uses(self, resource: Resource, *, after: bool) -> Iterator[RoleUse]:
        """Yield the roles that a resource uses on one side of the plan."""
        values = resource.after if after else resource.before
        marks = resource.unknown if after else False
        for pattern, target in ROLE_USES.get(resource.type, {}).items():
            for argument in self._arguments(values, marks, pattern):
                for use in self._of(resource, target, argument, after=after):
                    no_profile = use.hidden == TEMPLATE and resource.type in _WITHOUT_PROFILE
                    if not (no_profile or _SERVICE_LINKED in use.role):
                        yield use

    def _of(
        self, resource: Resource, target: str, argument: _Argument, *, after: bool
    ) -> Iterator[RoleUse]:
        if argument.names and target == ROLE:
            name, path = argument.names[0], argument.path
            yield RoleUse(self._owners.role_named(resource, path, name, after=after))
            return
        named, others = self._named(resource, target, argument, after=after)
        if argument.names:
            role = f"the role of {KINDS[target]} {argument.names[0]}"
        elif others is None or (argument.in_text and not named):
            return
        else:
            role = f"{UNKNOWN_ROLE} ({', '.join(others)})" if others else UNKNOWN_ROLE
        for other in named:
            yield from self._by_way_of(other, argument, after=after)
        if not named:
            yield RoleUse(role, hidden=target)

    def templates(
        self, resource: Resource, *, after: bool
    ) -> Iterator[tuple[Resource | None, bool]]:
        """Yield the launch templates of a resource, and whether their version is the one after.

        None stands for a template, or a version of one, that the plan does not show.
        """
        values = resource.after if after else resource.before
        marks = resource.unknown if after else False
        for pattern, target in ROLE_USES[resource.type].items():
            for argument in self._arguments(values, marks, pattern) if target == TEMPLATE else ():
                named, others = self._named(resource, target, argument, after=after)
                for template in named:
                    later = _is_later(template, argument, after=after)
                    yield (None, after) if later is None else (template, later)
                if not named and (argument.names or others is not None):
                    yield None, after

    def _arguments(self, values: Any, marks: Any, pattern: str) -> Iterator[_Argument]:
        return _arguments(values, marks, tuple(pattern.split(".")), self._plan.secrets)

    def _named(
        self, resource: Resource, target: str, argument: _Argument, *, after: bool
    ) -> tuple[list[Resource], list[str] | None]:
        """Return what an argument names or may name, and what else it needs; None if unset."""
        if argument.names:
            return self._by_name(target, argument.names, after=after), []
        if any(self._is_written(resource, path) for path in argument.unknown):
            return self._referred(resource, target, argument)
        return [], None

    def _by_way_of(self, named: Resource, argument: _Argument, *, after: bool) -> Iterator[RoleUse]:
        """Yield the roles of a resource that says the role, of the version that is named."""
        if named.type == ROLE:
            yield RoleUse(named.address)
            return
        later = _is_later(named, argument, after=after) if named.type == TEMPLATE else after
        if later is None:
            version = argument.version or "$Default"
            role = f"the role of version {version} of {named.address}"
            yield RoleUse(role, hidden=TEMPLATE)
            return
        for use in self.uses(named, after=later):
            yield RoleUse(use.role, named.address if later == after else "", use.hidden)

    def _is_written(self, resource: Resource, path: tuple[str, ...]) -> bool:
        """Say whether an argument is set: the provider computes what is not, but not in blocks."""
        configuration = self._plan.configuration
        expression = configuration.expression(resource.module, resource.block, path[0])
        return len(path) > 1 or expression is not None

    def _referred(
        self, resource: Resource, target: str, argument: _Argument
    ) -> tuple[list[Resource], list[str]]:
        """Return what an argument may name, whatever a condition chooses, and what else it needs.

        A local value is not in the latter: the plan does not say what that is.
        """
        references = self._owners.references
        named: dict[str, Resource] = {}
        others: list[str] = []
        for path in argument.unknown:
            resolution = references.resolve(resource, path)
            for reference, other in self._owners.targets(resource, path, resolution):
                if other is not None and other.type == target:
                    named[other.address] = other
                else:
                    others += referred(Resolution((reference,)))
        return list(named.values()), others

    def _by_name(self, target: str, names: tuple[str, ...], *, after: bool) -> list[Resource]:
        for side in (after, not after):
            for name in (*names, *map(_last, names)):
                if named := self._index[side].get((target, name)):
                    return named
        return []

    @cached_property
    def _index(self) -> dict[bool, dict[tuple[str, str], list[Resource]]]:
        targets = KINDS.keys()
        index: dict[bool, dict[tuple[str, str], list[Resource]]] = {False: {}, True: {}}
        for resource in self._plan.resources:
            if resource.type not in targets or resource.drift or resource.deposed:
                continue
            for after, values in ((False, resource.before), (True, resource.after)):
                named = [(values or {}).get(key) for key in ("id", "name", "arn")]
                names = {name for name in named if isinstance(name, str)}
                for name in names | {_last(name) for name in names}:
                    index[after].setdefault((resource.type, name), []).append(resource)
        return index


def _last(name: str) -> str:
    """Return what an ARN of an instance profile or a task definition ends with: its name."""
    return name.rpartition("/")[2]


def _arguments(
    value: Any, marks: Any, names: tuple[str, ...], secrets: Secrets, path: tuple[str, ...] = ()
) -> Iterator[_Argument]:
    """Yield the arguments at a path of `ROLE_USES`."""
    if not names:
        yield _argument(value, marks, path)
    elif names[0] == "{}":
        yield from _in_text(value, marks, names[1:], secrets, path)
    elif "=" in names[0]:
        member, _, end = names[0].partition("=")
        tells = value.get(member) if isinstance(value, Mapping) else None
        if flagged(marks, member) or str(secrets.judged(tells)).endswith(end):
            yield from _arguments(value, marks, names[1:], secrets, path)
    elif names[0] != "*":
        inner = marks.get(names[0]) if isinstance(marks, Mapping) else marks is True
        under = value.get(names[0]) if isinstance(value, Mapping) else None
        yield from _arguments(under, inner, names[1:], secrets, (*path, names[0]))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            listed = isinstance(marks, list) and number < len(marks)
            inner = marks[number] if listed else marks is True
            yield from _arguments(item, inner, names[1:], secrets, (*path, str(number)))
    elif marks is True:
        yield _Argument(path, unknown=(path,))


def _in_text(
    text: Any, marks: Any, names: tuple[str, ...], secrets: Secrets, path: tuple[str, ...]
) -> Iterator[_Argument]:
    """Yield the arguments in text of JSON; for unknown text, what it refers to.

    The provider reads names in upper or lower case.
    """
    if marks is True:
        yield _Argument(path, unknown=(path,), in_text=True)
    with suppress(ValueError, RecursionError):
        whole = secrets.judged(text)
        value = json.loads(whole, object_pairs_hook=_folded) if isinstance(whole, str) else None
        for argument in _arguments(value, False, tuple(map(str.lower, names)), secrets):
            hidden = tuple(map(secrets.mark_of, argument.names)) if whole is not text else ()
            yield replace(argument, path=path, names=hidden or argument.names)


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name.lower(): value for name, value in pairs}


def _argument(value: Any, marks: Any, path: tuple[str, ...]) -> _Argument:
    block = isinstance(value, Mapping)
    named = [value.get(key) for key in _NAMES] if block else [value]
    names = tuple(name for name in named if isinstance(name, str) and name)
    if not block:
        return _Argument(path, names, (path,) if flagged(marks) else ())
    unknown = tuple((*path, key) for key in _NAMES if flagged(marks, key))
    return _Argument(path, names, unknown, value.get("version"), flagged(marks, "version"))


def _is_later(template: Resource, argument: _Argument, *, after: bool) -> bool | None:
    """Say whether a version of a launch template is the one after the plan; None if neither.

    The state has one version of a template. To change it makes the next.
    """
    if template.before is None or (after and "create" in template.actions):
        return True
    after = after and template.after is not None
    values = (template.after if after else template.before) or {}
    version = argument.version
    if version in (None, "", "$Default") and not argument.later:
        if after and flagged(template.unknown, "default_version"):
            return True
        version = values.get("default_version")
    latest = template.before.get("latest_version")
    if argument.later or version in (None, "$Latest") or not isinstance(latest, int):
        return after
    if str(version) == str(latest):
        return False
    return True if after and str(version) == str(latest + 1) else None
