"""Reads the plugin's settings in a cluster: the DaemonSet aws-node, or values of its chart.

Sources: config/master/aws-k8s-cni.yaml and charts/aws-vpc-cni/values.yaml of
aws/amazon-vpc-cni-k8s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin.settings import (
    NETWORK_POLICY_LOGS,
    VARIABLES,
    PluginSettings,
    SettingsSource,
)
from vpc_cni_iam.policy.strict_json import Number, load_json

ADVICE = (
    "give the output of kubectl get daemonset aws-node -n kube-system -o json (or helm get values "
    "aws-vpc-cni -n kube-system --all -o json)"
)
_NAME, _AGENT = "aws-node", "aws-eks-nodeagent"
_VERSION = r"v[0-9]+\.[0-9]+\.[0-9]+"
_TAG = r":([^:/@]+)(?:@[^@]*)?$"
_LOGS = r"--enable-cloudwatch-logs(?:=(\w+))?"


def read(text: str, source: str) -> PluginSettings:
    """Return the settings in the DaemonSet or in values of the chart.

    The text is JSON, or YAML with one or more documents.
    """
    value = loaded(text, source)
    manifests = [m for m in kubernetes_objects(value) if _pod(m) is not None]
    if len(manifests) > 1:
        raise InputError(source, "", f"has several DaemonSets named {_NAME}")
    if manifests:
        return _daemonset(_pod(manifests[0]) or {}, source)
    if isinstance(value, dict) and "kind" not in value and ("env" in value or "image" in value):
        return of_chart(value, source)
    problem = f"is neither the DaemonSet {_NAME} nor values of the chart aws-vpc-cni"
    raise InputError(source, "", f"{problem}; {ADVICE}")


def addon(text: str, source: str, cluster: str, version: str) -> PluginSettings:
    """Return the settings in the add-on's configuration values.

    They are values of the chart; absent ones have their defaults.
    """
    value = loaded(text, source)
    if not isinstance(value, dict):
        raise InputError(source, "", "its configuration values are not an object")
    return of_addon(value, source, cluster, version)


def of_addon(
    values: Mapping[str, object], source: str, cluster: str, version: str
) -> PluginSettings:
    """Return the settings of the add-on; an empty name or version is not known."""
    chart = of_chart(values, source)
    environment = {**({"CLUSTER_NAME": cluster} if cluster else {}), **chart.environment}
    version = _version(version) or chart.version
    return replace(chart, source=SettingsSource.addon, environment=environment, version=version)


def unread(settings: PluginSettings) -> Iterator[NotKnown]:
    """Yield the plugin's settings that are in other objects."""
    for name in settings.unread:
        detail = "its value is in another object: give it with --env"
        yield NotKnown(f"{settings.file}: {name}", Reason.setting_not_read, detail)
    if settings.has_more:
        detail = "environment variables are in another object: give them with --env"
        yield NotKnown(f"{settings.file}: envFrom", Reason.setting_not_read, detail)


def loaded(text: str, source: str) -> object:
    """Return the value of JSON or YAML; several YAML documents become a list of manifests."""
    if text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return load_json(text, source)
    from vpc_cni_iam.inputs.yaml_text import load_yaml  # noqa: PLC0415 - seldom needed

    documents = load_yaml(text, source)
    return documents[0] if len(documents) == 1 else {"items": documents}


def kubernetes_objects(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a list, or the only object."""
    manifest = _object(value)
    if isinstance(items := manifest.get("items"), list):
        yield from map(_object, items)
    else:
        yield manifest


def _pod(manifest: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the specification of the plugin's pods; None for another manifest."""
    spec = _object(manifest.get("spec"))
    if manifest.get("kind") == "DaemonSet":
        spec = _object(_object(spec.get("template")).get("spec"))
    elif manifest.get("kind") != "Pod":
        return None
    return spec if _container(spec, _NAME) else None


def _container(pod: Mapping[str, object], name: str) -> Mapping[str, object]:
    return next((c for c in _objects(pod.get("containers")) if c.get("name") == name), {})


def environment_of(entries: object) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return environment variables, and the relevant ones whose values are in other objects."""
    environment: dict[str, str] = {}
    elsewhere = []
    for entry in _objects(entries):
        name = str(entry.get("name"))
        if "valueFrom" not in entry:
            environment[name] = _text(entry.get("value", ""))
        elif name in VARIABLES:
            elsewhere.append(name)
    return environment, tuple(elsewhere)


def _daemonset(pod: Mapping[str, object], source: str) -> PluginSettings:
    container = _container(pod, _NAME)
    environment, elsewhere = environment_of(container.get("env"))
    tag = image_tag(str(container.get("image", "")))
    agent = _container(pod, _AGENT)
    words = [w for k in ("command", "args") if isinstance(v := agent.get(k), list) for w in v]
    logs = [match[1] for word in words if (match := re.fullmatch(_LOGS, _text(word)))]
    return PluginSettings(
        SettingsSource.daemonset,
        source,
        _version(tag) or _version(environment.get("VPC_CNI_VERSION", "")),
        environment,
        (NETWORK_POLICY_LOGS,) if logs and logs[-1] in (None, "true") else (),
        elsewhere,
        bool(container.get("envFrom")),
    )


def of_chart(values: Mapping[str, object], source: str) -> PluginSettings:
    """Return the settings in values of the chart."""
    environment, elsewhere = environment_of(values.get("extraEnv"))
    image, agent = _object(values.get("image")), _object(values.get("nodeAgent"))
    override = image_tag(_text(image.get("override") or ""))
    switches = agent.get("enableCloudWatchLogs", ""), agent.get("enabled", "true")
    return PluginSettings(
        SettingsSource.chart,
        source,
        _version(override or _text(image.get("tag", ""))),
        {k: _text(v) for k, v in _object(values.get("env")).items()} | environment,
        (NETWORK_POLICY_LOGS,) if all(_text(s).lower() == "true" for s in switches) else (),
        elsewhere,
    )


def image_tag(image: str) -> str:
    """Return the tag in the name of an image, empty without one."""
    match = re.search(_TAG, image)
    return match[1] if match else ""


def _version(tag: str) -> str:
    match = re.match(_VERSION, tag)
    return match[0] if match else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, Number) else "" if value is None else str(value)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    yield from (v for v in value if isinstance(v, dict)) if isinstance(value, list) else ()
