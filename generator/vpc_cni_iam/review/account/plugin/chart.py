"""How a Helm release sets up the plugin.

Sources: Terraform's resource `helm_release`; the chart `aws-vpc-cni` of aws/eks-charts, whose
version has been the plugin's since 1.13.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.inputs import daemonset
from vpc_cni_iam.inputs.plan.arguments import ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.inputs.plan.values import Path, PlacedValue, one, read, value_at, values_of
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Sensitive, Unknown, Value
from vpc_cni_iam.review.account.plugin.state import PluginSetup, UnreadReason
from vpc_cni_iam.review.account.plugin.values import (
    MORE_VARIABLES,
    OVERRIDE,
    mapping_of,
    merge,
    setup_of,
)

_IS_PLUGINS_SINCE = PluginVersion((1, 13, 0))
# Arguments that may set anything, and that a plan does not show.
HIDDEN_ARGUMENTS = ("postrender", "set_sensitive", "set_wo_revision")
# Arguments with values, which count as a whole where not all of them are read.
VALUE_ARGUMENTS = ("configuration_values", "values", "set")
_DECIDING = ("chart", "namespace", "repository", *HIDDEN_ARGUMENTS)
_ANNOTATION = ("serviceAccount", "annotations", ROLE_ANNOTATION)
_COMMA = re.compile(r"(?<!\\),")  # unless it is escaped
_DEEPEST = 100  # steps of a name
_DOT = re.compile(r"(?<!\\)\.")  # one in a name is escaped


def chart_setup(resource: Resource, side: Side) -> PluginSetup:
    """Return how a release of the plugin's chart sets it up on a side."""
    return _Release(resource, side).setup()


def chart_role(resource: Resource, side: Side) -> PlacedValue:
    """Return the role that a release annotates the service account of aws-node with."""
    return _Release(resource, side).role()


class _Release:
    """The values of a release on one side."""

    def __init__(self, resource: Resource, side: Side) -> None:
        self._resource, self._side = resource, side
        self._values: dict[str, Any] = {}
        self._role: PlacedValue | None = None  # that of a block ``set``
        self._unknown_at: Path = ()  # the first argument with values that are not known
        self._not_read: list[UnreadReason] = []
        if one(resource, "reuse_values", side) == Known(value=True):
            self._not_read.append(UnreadReason.EARLIER_RELEASE)
        for placed in read(resource, "values.*", side):
            self._merge(placed)
        for placed in (
            p for name in ("set", "set_list") for p in read(resource, f"{name}.*", side)
        ):
            self._set(placed.path)

    def setup(self) -> PluginSetup:
        not_read = next(iter(self._not_read), None)
        settings = daemonset.of_chart(self._values, self._resource.address)
        setup = setup_of(self._values, settings, not_read)
        version = self._version()
        number = settings.version
        if not number and isinstance(version, Known) and PluginVersion.parse(version.value):
            number = str(PluginVersion.of(version.value))
        return replace(
            setup,
            settings=replace(setup.settings, version=number),
            version=version,
            deciding={**setup.deciding, **dict(self._arguments(is_read=not setup.not_read))},
        )

    def role(self) -> PlacedValue:
        if self._role is not None:
            return self._role
        value: Any = self._values
        for step in _ANNOTATION:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return PlacedValue(("values",), Sensitive(value) if is_mark(value) else Known(value))
        if self._unknown_at:
            return PlacedValue(self._unknown_at, value_at(self._resource, ("values",), self._side))
        return PlacedValue(("values",), ABSENT)

    def _merge(self, placed: PlacedValue) -> None:
        match placed.value:
            case Known(str(text)) if (mapping := mapping_of(text)) is not None:
                merge(self._values, mapping)
            case Known():
                self._not_read.append(UnreadReason.NOT_PARSED)
            case Unknown() | Sensitive(Unknown()):
                self._unknown_at = self._unknown_at or placed.path
                self._not_read.append(UnreadReason.LATER)
            case Sensitive():
                self._not_read.append(UnreadReason.SENSITIVE)

    def _set(self, path: Path) -> None:
        """Set what a block ``set`` or ``set_list`` sets."""
        name, value, kind = (
            value_at(self._resource, (*path, part), self._side)
            for part in ("name", "value", "type")
        )
        if not isinstance(name, Known) or len(path) == 1:
            is_secret = isinstance(name, Sensitive) and isinstance(name.mark, str)
            self._not_read.append(UnreadReason.SENSITIVE if is_secret else UnreadReason.LATER)
            return
        steps = [step.replace("\\.", ".") for step in _DOT.split(str(name.value))]
        is_role = tuple(steps) == _ANNOTATION
        if len(steps) > _DEEPEST or (isinstance(value, Known) and _sets_several(name, value)):
            self._not_read.append(UnreadReason.NOT_PARSED)
        elif _is_later(value):
            self._put(steps, None)
            if is_role:
                self._role = PlacedValue((*path, "value"), value)
            else:
                self._not_read.append(UnreadReason.LATER)
        else:
            is_null = value == Known("null") and kind != Known("string")
            self._put(steps, None if is_null else _plain(value))
            is_over = _ANNOTATION[: len(steps)] == tuple(steps)
            self._role = None if is_over else self._role

    def _put(self, steps: list[str], value: Any) -> None:
        """Put a value at a place, as Helm does; None takes it away."""
        nested: Any = value
        for step in reversed(steps):
            nested = {step: nested}
        merge(self._values, nested)

    def _version(self) -> Value:
        image = self._values.get("image")
        image = image if isinstance(image, dict) else {}
        if override := str(image.get(OVERRIDE.partition(".")[2]) or ""):
            return Known(daemonset.image_tag(override) or f"image {override}")
        if tag := str(image.get("tag") or ""):
            return Sensitive(tag) if is_mark(tag) else Known(tag)
        version = one(self._resource, "version", self._side)
        if not isinstance(version, Known):
            return version
        if not is_plugins_chart(values_of(self._resource, self._side)):
            chart = one(self._resource, "chart", self._side)
            name = chart.value if isinstance(chart, Known) else ""
            return Known(f"chart {name} {version.value}")
        number = PluginVersion.parse(str(version.value))
        if number is None or number < _IS_PLUGINS_SINCE:
            return Known(f"chart {version.value}")
        return Known(str(number))

    def _arguments(self, *, is_read: bool) -> Iterator[tuple[str, Value]]:
        """Yield the arguments that decide what runs, and those with values that are not read."""
        for name in (*_DECIDING, *(() if is_read else VALUE_ARGUMENTS)):
            value = one(self._resource, name, self._side)
            if not isinstance(value, Absent) and value not in (Known([]), Known({})):
                yield name, value


def _sets_several(name: Known, value: Known) -> bool:
    """Say whether a block ``set`` sets several values, or a part of the list of variables.

    A comma ends one of several values.
    """
    text = f"{name.value}={value.value}"
    comma = _COMMA.search(text)
    has_more = comma is not None and "=" in text[comma.end() :]
    return has_more or f"{MORE_VARIABLES}[" in text


def _is_later(value: Value) -> bool:
    mark = value.mark if isinstance(value, Sensitive) else value
    return isinstance(mark, Unknown)


def _plain(value: Value) -> Any:
    """Return a value as it stands in others; of a secret, its mark."""
    match value:
        case Known(plain):
            return plain
        case Sensitive(str(mark)):
            return mark
        case _:
            return None
