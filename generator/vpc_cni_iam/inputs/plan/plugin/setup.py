"""The plugin's setup by an add-on or a Helm release, from the values of its chart.

Sources: Terraform's resources `aws_eks_addon` and `helm_release`; charts/aws-vpc-cni/values.yaml of
aws/amazon-vpc-cni-k8s; the chart `aws-vpc-cni` of aws/eks-charts, which has the version of the
plugin since 1.13.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs import daemonset
from vpc_cni_iam.inputs.plan.arguments import CHART, ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.plugin.state import PluginSetup, UnreadReason
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import holds_mark, is_mark
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.inputs.plan.values import (
    Path,
    PlacedValue,
    one,
    read,
    scalar,
    text,
    value_at,
    values_of,
)
from vpc_cni_iam.plugin.settings import VARIABLES, PluginSettings
from vpc_cni_iam.plugin.trust import AWS_NODE, ServiceAccount
from vpc_cni_iam.policy.strict_json import Number, load_json
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Sensitive, Unknown, Value

# Arguments of a release that may set anything, and that a plan does not show.
HIDDEN_ARGUMENTS = ("postrender", "set_sensitive", "set_wo_revision")
_MORE_VARIABLES = "extraEnv"  # a list, which overrides the variables of ``env``
# Arguments with values; if not all of them are read, they are compared as a whole.
VALUE_ARGUMENTS = ("configuration_values", "values", "set", _MORE_VARIABLES)
_DECIDING_ARGUMENTS = ("chart", "namespace", "repository", *HIDDEN_ARGUMENTS)
# Without a name, the service account has the chart's full name.
_CREATE = "serviceAccount.create"
_ACCOUNT = ("podIdentity.", _CREATE, "serviceAccount.name", "fullnameOverride")
_ANNOTATION = ("serviceAccount", "annotations", ROLE_ANNOTATION)
_ROLE, _OVERRIDE = ".".join(_ANNOTATION), "image.override"  # an image instead of the chart's
_SETTINGS = (_ROLE, "image.tag", _MORE_VARIABLES)  # they are read, besides the variables
_CLUSTER_NAME = "CLUSTER_NAME"
# Variables with which the plugin's SDK uses other credentials, or none. Sources: AWS SDKs and Tools
# Reference Guide, "Environment variables support"; pkg/awsutils/awssession of the plugin.
_CREDENTIALS = (
    *("AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AWS_EC2_ENDPOINT", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_STS", "AWS_PROFILE"),
    *("AWS_ROLE_ARN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE"),
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
# With these marks, a pod gets no credentials, or other tokens: amazon-eks-pod-identity-webhook.
_ANNOTATED = ("skip-containers", "skip-pod-identity-webhook", "audience")
_SKIPS = tuple(f"eks.amazonaws.com/{name}" for name in _ANNOTATED)
# The registries of AWS for the images of add-ons.
_OF_EKS = re.compile(r"(?:[0-9]{12}\.dkr\.ecr\.[a-z0-9.-]+|public\.ecr\.aws)/\S+")
_IS_PLUGINS_SINCE = PluginVersion("v1.13.0")
_COMMA, _DOT = re.compile(r"(?<!\\),"), re.compile(r"(?<!\\)\.")  # unless they are escaped
_DEEPEST = 100  # steps of a name
_REMEMBERED = 64  # texts: both sides of a resource usually have the same


class SetupReader:
    """Reads how an add-on or a release sets up the plugin on one side."""

    def __init__(
        self, installer: Resource, side: Side, is_written: Callable[[Resource, str], bool]
    ) -> None:
        """`is_written`: whether an argument is set that is known after apply; else, EKS sets it."""
        self._installer, self._side, self._is_written = installer, side, is_written
        # a value that is known after apply is replaced by its place
        self._values: dict[str, Any] = {}
        self._later: Path = ()  # the first argument with unknown values
        self._not_read: list[UnreadReason] = []
        if one(installer, "reuse_values", side) == Known(value=True):
            self._not_read.append(UnreadReason.EARLIER_RELEASE)
        texts = (read(installer, path, side) for path in ("configuration_values", "values.*"))
        for placed in chain.from_iterable(texts):
            is_later = isinstance(placed.value, Unknown) and bool(placed.path)
            if not is_later or is_written(installer, str(placed.path[0])):
                self._merge(placed)
        blocks = (read(installer, path, side) for path in ("set.*", "set_list.*"))
        for placed in chain.from_iterable(blocks):
            self._set(placed.path)

    def setup(self) -> PluginSetup:
        """Return the plugin's setup."""
        values = dict(leaves(self._values))
        settings, version = self._settings()
        variables = settings.environment.items()
        secrets = {n: Sensitive(v) for n, v in variables if n in VARIABLES and holds_mark(v)}
        environment = {k: v for k, v in settings.environment.items() if k not in secrets}
        not_read = list(self._not_read)
        marks = (v.mark if isinstance(v, Sensitive) else v for n, v in values.items() if n != _ROLE)
        not_read += [UnreadReason.LATER] if any(isinstance(m, Unknown) for m in marks) else []
        is_parsed = isinstance(self._values.get(_MORE_VARIABLES, []), list)
        deciding = dict(_deciding(values, has_more=bool(settings.unread) or not is_parsed))
        deciding |= self._arguments(is_read=not not_read)
        more = {
            UnreadReason.NOT_PARSED: not is_parsed,
            UnreadReason.SENSITIVE: secrets,
            UnreadReason.ELSEWHERE: settings.unread,
        }
        not_read += [reason for reason, applies in more.items() if applies]
        others = {
            name: value
            for name, value in values.items()
            if name not in (*deciding, *_SETTINGS) and not name.startswith("env.")
        }
        others |= {f"env.{name}": mark for name, mark in secrets.items()}
        cluster = one(self._installer, "cluster_name", self._side)
        if isinstance(cluster, Sensitive) and _CLUSTER_NAME not in settings.environment:
            others[_CLUSTER_NAME] = cluster
        settings, why = replace(settings, environment=environment), next(iter(not_read), None)
        account, foreign = self._account(values), tuple(_foreign(values, environment))
        return PluginSetup(settings, version, deciding, others, foreign, why, account)

    def _account(self, values: Mapping[str, Value]) -> ServiceAccount:
        """Return the service account of the pods, as the chart names it.

        Source: charts/aws-vpc-cni/templates/_helpers.tpl of aws/amazon-vpc-cni-k8s.
        """
        known = {name: value.value for name, value in values.items() if isinstance(value, Known)}
        whole = known.get("fullnameOverride") or AWS_NODE.name
        name = whole if known.get(_CREATE) != "false" else "default"
        namespace = text(self._installer, "namespace", self._side) or AWS_NODE.namespace
        return ServiceAccount(namespace, known.get("serviceAccount.name") or name)

    def role(self) -> PlacedValue:
        """Return the role in the annotation of aws-node's service account."""
        if self._installer.type != CHART:
            name = "service_account_role_arn"
            named = one(self._installer, name, self._side)
            is_later = isinstance(named, Unknown) and not self._is_written(self._installer, name)
            return PlacedValue((name,), ABSENT if is_later else named)
        value: Any = self._values
        if dict(leaves(value)).get(_CREATE) == Known("false"):
            # the account has the annotations of other resources
            return PlacedValue(("values",), ABSENT)
        for step in _ANNOTATION:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, PlacedValue):
            return value
        if isinstance(value, str) and value:
            return PlacedValue(("values",), Sensitive(value) if is_mark(value) else Known(value))
        if self._later:
            return PlacedValue(self._later, value_at(self._installer, ("values",), self._side))
        return PlacedValue(("values",), ABSENT)

    def _settings(self) -> tuple[PluginSettings, Value]:
        """Return the settings, and the version as the plan has it."""
        installer, side, values = self._installer, self._side, without_later(self._values)
        if installer.type != CHART:
            names = (text(installer, name, side) for name in ("cluster_name", "addon_version"))
            settings = daemonset.of_addon(values, installer.address, *names)
            return settings, scalar(installer, "addon_version", side)
        settings, version = daemonset.of_chart(values, installer.address), self._chart_version()
        named = PluginVersion.parse(version.value) if isinstance(version, Known) else None
        number = settings.version or (str(named) if named else "")
        return replace(settings, version=number), version

    def _merge(self, placed: PlacedValue) -> None:
        """Merge a text with values into the earlier values."""
        match placed.value:
            case Known(str(values)) if (mapping := mapping_of(values)) is not None:
                merge(self._values, mapping)
            case Known():
                self._not_read.append(UnreadReason.NOT_PARSED)
            case Unknown() | Sensitive(Unknown()):
                self._later = self._later or placed.path
                self._not_read.append(UnreadReason.LATER)
            case Sensitive():
                self._not_read.append(UnreadReason.SENSITIVE)

    def _set(self, path: Path) -> None:
        """Apply a ``set`` or ``set_list`` block."""
        name, value, kind = (
            value_at(self._installer, (*path, part), self._side)
            for part in ("name", "value", "type")
        )
        if not isinstance(name, Known) or len(path) == 1:
            is_secret = isinstance(name, Sensitive) and isinstance(name.mark, str)
            self._not_read.append(UnreadReason.SENSITIVE if is_secret else UnreadReason.LATER)
            return
        steps = [step.replace("\\.", ".") for step in _DOT.split(str(name.value))]
        nested: Any = PlacedValue((*path, "value"), value)
        match value:
            case Known(plain) | Sensitive(str(plain)):
                nested = plain
            case Absent():
                nested = None  # removes what was set before
        if nested == "null" and kind != Known("string"):
            nested = None
        if len(steps) > _DEEPEST or _sets_several(str(name.value), value):
            self._not_read.append(UnreadReason.SETS_SEVERAL)
            return
        for step in reversed(steps):
            nested = {step: nested}
        merge(self._values, nested)

    def _chart_version(self) -> Value:
        """Return the version of the plugin's image, or of its chart."""
        image = self._values.get("image")
        override, tag = map((image if isinstance(image, dict) else {}).get, ("override", "tag"))
        if isinstance(placed := override or tag, PlacedValue):
            return placed.value
        if override:
            return Known(daemonset.image_tag(str(override)) or f"image {override}")
        if tag:
            return Sensitive(str(tag)) if is_mark(tag) else Known(str(tag))
        version = one(self._installer, "version", self._side)
        if not isinstance(version, Known):
            return version
        if not is_plugins_chart(values_of(self._installer, self._side)):
            chart = text(self._installer, "chart", self._side)
            return Known(f"chart {chart} {version.value}")
        number = PluginVersion.parse(str(version.value))
        is_plugins = number is not None and number >= _IS_PLUGINS_SINCE
        return Known(str(number) if is_plugins else f"chart {version.value}")

    def _arguments(self, *, is_read: bool) -> Iterator[tuple[str, Value]]:
        """Yield the arguments that decide what runs, and those with values that are not read."""
        names = _DECIDING_ARGUMENTS if self._installer.type == CHART else ()
        for name in (*names, *(() if is_read else VALUE_ARGUMENTS)):
            value = one(self._installer, name, self._side)
            if not isinstance(value, Absent) and value not in (Known([]), Known({})):
                yield name, value


def _foreign(values: Mapping[str, Value], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the settings that give the plugin credentials or an image that nothing shows."""
    yield from (name for name in _CREDENTIALS if name in environment)
    for name, value in values.items():
        is_image = name == _OVERRIDE and not (
            isinstance(value, Known) and _OF_EKS.fullmatch(str(value.value))
        )
        if is_image or name.endswith(_SKIPS):
            yield name


def _deciding(values: Mapping[str, Value], *, has_more: bool) -> Iterator[tuple[str, Value]]:
    """Yield the values that can run other code, or use another role.

    Args:
        has_more: Whether not all of the list of variables is read.
    """
    begins = (*_ACCOUNT, _MORE_VARIABLES) if has_more else _ACCOUNT
    for name, value in values.items():
        is_image = ".image." in f".{name}" and not name.endswith(".tag")
        is_role = name.endswith((ROLE_ANNOTATION, *_SKIPS)) and name != _ROLE
        # A secret in a name may be a part of one of these.
        is_role = is_role or name.removeprefix("env.") in _CREDENTIALS or holds_mark(name)
        if name == _OVERRIDE and isinstance(value, Known):  # its tag is the version
            tag = daemonset.image_tag(value.value)
            yield name, Known(value.value.removesuffix(f":{tag}"))
        elif is_image or is_role or name.startswith(begins):
            yield name, value


def _sets_several(name: str, value: Value) -> bool:
    """Return whether a ``set`` block sets several values, or a part of the list of variables.

    A comma separates several values.
    """
    setting = f"{name}={value.value if isinstance(value, Known) else ''}"
    comma = _COMMA.search(setting)
    has_more = comma is not None and "=" in setting[comma.end() :]
    return has_more or f"{_MORE_VARIABLES}[" in setting


@lru_cache(_REMEMBERED)
def mapping_of(text: str) -> Mapping[str, Any] | None:
    """Return the object of a JSON or YAML text; None if it is not one."""
    try:
        documents = [load_json(text, "")] if text.strip() else []
    except InputError:
        from vpc_cni_iam.inputs.yaml_text import load_yaml  # noqa: PLC0415 - few plans have YAML

        try:
            documents = load_yaml(text, "")
        except InputError:
            return None
    if not documents:
        return {}
    return documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else None


def merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Merge values into others as Helm does: object by object, and null removes a value."""
    for key, value in more.items():
        if isinstance(value, Mapping):
            below = values.get(key)
            if not isinstance(below, dict):
                below = values[key] = {}
            merge(below, value)
        elif value is None:
            values.pop(key, None)
        else:
            values[key] = value


def without_later(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without those that are known after apply."""
    return {
        key: without_later(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if not isinstance(value, PlacedValue)
    }


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Value]]:
    """Yield the values that are not objects, by path."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from leaves(inner, f"{path}.{key}" if path else str(key))
        case PlacedValue(_, later):
            yield path, later
        case _:
            text = _text(value)
            yield path, Sensitive(text) if is_mark(text) else Known(text)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else json.dumps(value, default=_text)
