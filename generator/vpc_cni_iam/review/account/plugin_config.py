"""What an EKS add-on or a Helm release says of the plugin: its version and its environment.

Sources: Terraform's resources `aws_eks_addon` and `helm_release`; the values of the chart
`aws-vpc-cni` of aws/eks-charts, whose version has been the plugin's since 1.13.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.daemonset import environment_of, image_tag
from vpc_cni_iam.inputs.plan.arguments import ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.review.account.attribute_value import AttributeValue, flagged, side

UNKNOWN_VERSION = "a version known after apply"
_CHART_IS_PLUGIN_SINCE = PluginVersion((1, 13, 0))
# Arguments of an add-on, and of a chart, that hold its configuration.
VALUE_ARGUMENTS = ("configuration_values", "values", "set")
# Arguments that may set anything, and that a plan does not show.
NOT_SHOWN = ("postrender", "set_sensitive", "set_wo_revision")
_UNREAD_ARGUMENTS = ("chart", "namespace", "repository", "set_list", *NOT_SHOWN)
_ROLE = f"serviceAccount.annotations.{ROLE_ANNOTATION}"
_MORE = "extraEnv"  # a list of variables, which come after those of ``env``
# A comma, unless it is escaped, ends one of several values that a block ``set`` sets.
_SEVERAL = rf"{_MORE}\[|(?<!\\),[^=]*="
_Block: TypeAlias = tuple[str, str | None, tuple[str, ...]]
_OVERRIDE = "image.override"  # the name of an image in place of the chart's
# Without a name, the service account has that of everything.
_ACCOUNT = ("podIdentity.", "serviceAccount.create", "serviceAccount.name", "fullnameOverride")


class PluginConfig(Struct, frozen=True):
    """The plugin as one resource sets it up, on one side of the resource's change."""

    version: str  # the version as written, `UNKNOWN_VERSION`, or empty where none is named
    environment: tuple[tuple[str, str], ...] = ()  # environment variables with their values, sorted
    unread: str = ""  # why not all of the configuration is known; empty if it is
    role_arn: str = ""  # the role that a chart's values annotate the service account with
    # The place of a chart's values that may name a role, where they are known after apply.
    role_place: tuple[str, ...] = ()
    # What else decides what runs or which role it has, and is not read: arguments of a chart,
    # images, the service account.
    others: tuple[tuple[str, str], ...] = ()
    # What else is set, by the path of each value.
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def decides(self) -> PluginConfig:
        """The same without what neither decides what runs nor by which role."""
        return replace(self, settings=())


def is_plugin(resource: Resource) -> bool:
    """Say whether a resource installs the plugin."""
    values = resource.after or resource.before or {}
    if resource.type == "aws_eks_addon":
        return values.get("addon_name") == "vpc-cni"
    sides = (resource.before, resource.after)
    return resource.type == "helm_release" and any(map(is_plugins_chart, sides))


def read_config(resource: Resource, *, after: bool) -> PluginConfig | None:
    """Return how a resource sets the plugin up; None if it is not there on that side."""
    if (resource.after if after else resource.before) is None:
        return None
    return (_addon if resource.type == "aws_eks_addon" else _chart)(resource, after=after)


def _addon(resource: Resource, *, after: bool) -> PluginConfig:
    version = side(resource, "addon_version", after=after)
    text = UNKNOWN_VERSION if version.unknown else str(version.value or "")
    value = side(resource, "configuration_values", after=after)
    scalars, unread = _scalars("" if value.hidden else str(value.value or ""))
    unread = "is known after apply" if value.unknown else unread
    unread = "is sensitive" if value.hidden else unread
    if unread:
        others = (("configuration_values", json.dumps([value.unknown, value.value])),)
        return PluginConfig(text, unread=f"configuration_values {unread}", others=others)
    cluster = side(resource, "cluster_name", after=after)
    if isinstance(cluster.value, str):
        # EKS sets it, if the configuration does not: ``coverage/risks.md``, cluster-name-needed.
        scalars = {"env.CLUSTER_NAME": cluster.value, **scalars}
    environment, elsewhere = _environment(scalars)
    return PluginConfig(
        text,
        environment,
        elsewhere,
        others=tuple(_deciding(scalars)),
        settings=_settings(scalars),
    )


def _chart(resource: Resource, *, after: bool) -> PluginConfig:
    values = side(resource, "values", after=after)
    scalars, unread = _values(values)
    blocks = [*_set_blocks(resource, after=after)]
    scalars = _set(scalars, blocks)
    roles = [path for name, _, path in blocks if path and name == _ROLE]
    unread = unread or next(_why_unread(resource, blocks, after=after), "")
    environment, elsewhere = _environment(scalars)
    unread = unread or elsewhere
    role = scalars.get(_ROLE, "")
    return PluginConfig(
        _chart_version(resource, scalars, after=after),
        environment,
        unread,
        role,
        () if role else next(iter(roles), ("values",) if values.unknown else ()),
        tuple(_others(resource, scalars, after=after, unread=bool(unread))),
        _settings(scalars),
    )


def _why_unread(resource: Resource, blocks: list[_Block], *, after: bool) -> Iterator[str]:
    """Yield why not all is known that other arguments than ``values`` set."""
    argument = side(resource, "set", after=after)
    if argument.hidden:
        yield "the chart's values are sensitive"
    later = any(path and name != _ROLE for name, _, path in blocks)
    if later or (argument.unknown and not blocks):
        yield "the chart's values are known after apply"
    if any(re.search(_SEVERAL, f"{name}={value}") for name, value, _ in blocks):
        yield f"a block `set` sets several values, or a part of {_MORE}"
    if side(resource, "reuse_values", after=after).value:
        yield "reuse_values keeps values of earlier releases"


def _values(values: AttributeValue) -> tuple[dict[str, str], str]:
    """Return the scalars of a chart's values by path, and why not all of them are known."""
    unread = "the chart's values are known after apply" if values.unknown else ""
    unread = "the chart's values are sensitive" if values.hidden else unread
    merged: dict[str, Any] = {}
    for text in values.value if isinstance(values.value, list) else ():
        known, problem = _mapping(str(text or ""))
        _merge(merged, known)
        unread = unread or (problem and f"the chart's values {problem}")
    return dict(_leaves("", merged)), unread


def _set_blocks(resource: Resource, *, after: bool) -> Iterator[_Block]:
    """Yield what a chart's ``set`` blocks set: the path, the value, and its place if it is unknown.

    The value is None where Helm takes the one of the chart's values away, and where it is unknown.
    """
    blocks = ((resource.after if after else resource.before) or {}).get("set")
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        later = after and flagged(resource.unknown, "set", number)
        fields = block if isinstance(block, Mapping) else {}
        absent = later or (fields.get("value") == "null" and fields.get("type") != "string")
        # A dot in a name is escaped: annotations.eks\.amazonaws\.com/role-arn.
        name = str(fields.get("name")).replace("\\.", ".")
        place = ("set", str(number), "value") if later else ()
        yield name, None if absent else str(fields.get("value")), place


def _set(scalars: dict[str, str], blocks: list[_Block]) -> dict[str, str]:
    """Return the scalars of a chart's values with what blocks ``set`` make of them."""
    for name, value, _ in blocks:
        if value is None:
            scalars = {k: v for k, v in scalars.items() if not f"{k}.".startswith(f"{name}.")}
        else:
            scalars[name] = value
    return scalars


def _others(
    resource: Resource, scalars: Mapping[str, str], *, after: bool, unread: bool
) -> Iterator[tuple[str, str]]:
    for name in (*_UNREAD_ARGUMENTS, *(("values", "set") if unread else ())):
        argument = side(resource, name, after=after)
        if argument.unknown or argument.value:
            yield name, json.dumps([argument.unknown, argument.value])
    # The role is the identity, which is compared as such.
    yield from (pair for pair in _deciding(scalars) if pair[0] != _ROLE)


def _deciding(scalars: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the values by which other code runs, or with another role."""
    for name, value in sorted(scalars.items()):
        image = ".image." in f".{name}" and not name.endswith(".tag")
        if name == _OVERRIDE:  # its tag is the version
            yield name, value.removesuffix(f":{image_tag(value)}")
        elif image or name.startswith(_ACCOUNT) or name.endswith(ROLE_ANNOTATION):
            yield name, value


def _settings(scalars: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    deciding = dict(_deciding(scalars))
    return tuple(
        (name, value)
        for name, value in sorted(scalars.items())
        if not (name in deciding or name in ("image.tag", _MORE) or name.startswith("env."))
    )


def _chart_version(resource: Resource, scalars: Mapping[str, str], *, after: bool) -> str:
    image = scalars.get(_OVERRIDE)
    if tag := image_tag(image) or f"image {image}" if image else scalars.get("image.tag"):
        return tag
    version = side(resource, "version", after=after)
    if version.unknown:
        return UNKNOWN_VERSION
    values = (resource.after if after else resource.before) or {}
    if not is_plugins_chart(values):
        return f"chart {values.get('chart')} {version.value or ''}".rstrip()
    chart = PluginVersion.parse(str(version.value or ""))
    if chart is None or chart < _CHART_IS_PLUGIN_SINCE:
        return f"chart {version.value}" if version.value else ""
    return str(chart)


def _environment(scalars: Mapping[str, str]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the environment variables, and why not all that matter are known."""
    environment = {k[4:]: v for k, v in scalars.items() if k.startswith("env.")}
    try:
        entries = json.loads(scalars.get(_MORE, "[]"))
    except ValueError:  # a text of a block `set`
        return tuple(sorted(environment.items())), f"{_MORE} is not a list"
    more, elsewhere = environment_of(entries)
    unread = f"{_MORE} has variables whose values are in other objects" if elsewhere else ""
    return tuple(sorted({**environment, **more}.items())), unread


def _scalars(text: str) -> tuple[dict[str, str], str]:
    """Return the scalars of nested mappings, of JSON or YAML, by path, and why none are known."""
    data, problem = _mapping(text)
    return dict(_leaves("", data)), problem


def _mapping(text: str) -> tuple[Mapping[str, Any], str]:
    """Return a mapping of JSON or YAML, and why it is not known."""
    if not text.strip():
        return {}, ""
    try:
        (data,) = _documents(text) or (None,)
    except (InputError, ValueError):
        return {}, "is not one document of YAML that is read"
    if not isinstance(data, Mapping | None):
        return {}, "is not a mapping"
    return data or {}, ""


def _merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put values over others as Helm does: mapping by mapping, anything else as a whole."""
    for key, value in more.items():
        if isinstance(value, Mapping):
            below = values.get(key)
            values[key] = dict(below) if isinstance(below, Mapping) else {}
            _merge(values[key], value)
        else:
            values[key] = value


def _documents(text: str) -> list[object]:
    try:
        return [json.loads(text)]  # white space of JSON may be none of YAML
    except (ValueError, RecursionError):
        from vpc_cni_iam.inputs.yaml_text import load_yaml  # noqa: PLC0415 - seldom needed

        return load_yaml(text, "")


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, bool):
        yield path, str(value).lower()
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value, default=str)
