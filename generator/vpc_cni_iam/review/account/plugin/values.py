"""The configuration values of the plugin: of its add-on and of its chart, which are the same.

Source: charts/aws-vpc-cni/values.yaml of aws/amazon-vpc-cni-k8s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.daemonset import image_tag
from vpc_cni_iam.inputs.plan.arguments import ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.secrets import holds_mark, is_mark
from vpc_cni_iam.plugin.settings import VARIABLES, PluginSettings
from vpc_cni_iam.policy.strict_json import Number, load_json
from vpc_cni_iam.policy.value import Known, Sensitive, Value
from vpc_cni_iam.review.account.plugin.state import PluginSetup, UnreadReason

MORE_VARIABLES = "extraEnv"  # a list, which comes after the variables of ``env``
OVERRIDE = "image.override"  # the name of an image in place of the chart's
_ANNOTATION = f"serviceAccount.annotations.{ROLE_ANNOTATION}"
# Without a name, the service account has that of everything.
_ACCOUNT = ("podIdentity.", "serviceAccount.create", "serviceAccount.name", "fullnameOverride")
_ENVIRONMENT = "env."
_REMEMBERED = 64  # texts: both sides of a resource have the same ones as a rule


@lru_cache(_REMEMBERED)
def mapping_of(text: str) -> Mapping[str, Any] | None:
    """Return the object of a text of JSON or YAML; None where it is not one."""
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
    """Put values over others as Helm does: object by object, and null takes away."""
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


def setup_of(
    values: Mapping[str, Any], settings: PluginSettings, not_read: UnreadReason | None
) -> PluginSetup:
    """Return what values set up, besides the version and the arguments that are not values."""
    deciding: dict[str, Value] = {}
    others: dict[str, Value] = {}
    for name, value in _leaves("", values):
        if _is_deciding(name):
            deciding[name] = _without_tag(value) if name == OVERRIDE else value
        elif not (name in (_ANNOTATION, "image.tag", MORE_VARIABLES) or name.startswith("env.")):
            others[name] = value
    # What the plugin reads, and only a mark stands for.
    secrets = {k: v for k, v in settings.environment.items() if k in VARIABLES and holds_mark(v)}
    others |= {f"{_ENVIRONMENT}{name}": Sensitive(mark) for name, mark in secrets.items()}
    environment = {k: v for k, v in settings.environment.items() if k not in secrets}
    not_read = not_read or _why_unread(values, settings, has_secrets=bool(secrets))
    read = replace(settings, environment=environment)
    return PluginSetup(read, deciding=deciding, others=others, not_read=not_read)


def _why_unread(
    values: Mapping[str, Any], settings: PluginSettings, *, has_secrets: bool
) -> UnreadReason | None:
    if not isinstance(values.get(MORE_VARIABLES, []), list):
        return UnreadReason.NOT_PARSED
    if has_secrets:
        return UnreadReason.SENSITIVE
    return UnreadReason.ELSEWHERE if settings.unread else None


def _without_tag(image: Value) -> Value:
    """Return the name of an image without its tag, which is the version."""
    if not isinstance(image, Known):
        return image
    return Known(image.value.removesuffix(f":{image_tag(image.value)}"))


def _is_deciding(name: str) -> bool:
    """Say whether other code runs by a value, or with another role."""
    is_image = ".image." in f".{name}" and not name.endswith(".tag")
    is_role = name.endswith(ROLE_ANNOTATION) and name != _ANNOTATION
    return is_image or is_role or name.startswith(_ACCOUNT)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Value]]:
    """Yield the values that are no objects, by path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    else:
        text = _text(value)
        yield path, Sensitive(text) if is_mark(text) else Known(text)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else json.dumps(value, default=_text)
