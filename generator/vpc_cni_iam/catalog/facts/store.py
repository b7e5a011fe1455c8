"""Reads the catalog's data files, once each and only when asked."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

_DATA = "catalog/facts/data"


def _read(name: str) -> Any:
    return json.loads(resources.text(f"{_DATA}/{name}"))


@cache
def calls_data() -> dict[str, Any]:
    """Return the versions and the API calls of each, as in ``data/calls.json``."""
    data: dict[str, Any] = _read("calls.json")
    return data


@cache
def requests_data() -> dict[str, Any]:
    """Return the requests behind the calls and the tags they write, ``data/requests.json``."""
    data: dict[str, Any] = _read("requests.json")
    return data


@cache
def features_data() -> dict[str, dict[str, str]]:
    """Return the optional features that need actions of their own, by name."""
    data: dict[str, dict[str, str]] = _read("features.json")
    return data


@cache
def managed_policy_data(name: str) -> dict[str, Any]:
    """Return an AWS managed policy with its ARN and its versions, oldest first."""
    data: dict[str, Any] = _read(f"managed/{name}.json")
    return data


def managed_data() -> dict[str, Any]:
    """Return the newest version of the plugin's AWS managed policy, with its ARN."""
    data = managed_policy_data("AmazonEKS_CNI_Policy")
    return {"arn": data["arn"], **data["versions"][-1]}


@cache
def readme_data() -> tuple[dict[str, Any], ...]:
    """Return the revisions of the documents in upstream's README, oldest first."""
    names = sorted(p.name for p in (resources.PACKAGE / _DATA / "readme").glob("*.json"))
    return tuple(_read(f"readme/{name}") for name in names)


@cache
def peers_data() -> tuple[dict[str, Any], ...]:
    """Return the documents of other projects, a file a project."""
    names = sorted(p.name for p in (resources.PACKAGE / _DATA / "peers").glob("*.json"))
    return tuple(_read(f"peers/{name}") for name in names)


@cache
def aws_managed_data() -> dict[str, Any]:
    """Return the AWS managed policies of ``python -m tools.aws_managed``."""
    data: dict[str, Any] = _read("aws_managed_policies.json")
    return data


@cache
def revisions_data() -> tuple[dict[str, Any], ...]:
    """Return every revision of upstream's page, oldest first."""
    names = sorted(p.name for p in (resources.PACKAGE / _DATA / "revisions").glob("*.json"))
    return tuple(_read(f"revisions/{name}") for name in names)


@cache
def observed_data() -> tuple[dict[str, Any], ...]:
    """Return what was observed of the plugin's real agent, by plugin version, oldest first.

    Made by ``python -m tools.plugin_probe evidence``: the requests of each scenario, and what broke
    when one action was denied.
    """
    names = (p.name for p in (resources.PACKAGE / _DATA / "observed").glob("*.json"))
    evidence = (_read(f"observed/{name}") for name in names)
    return tuple(sorted(evidence, key=lambda observed: PluginVersion.of(observed["version"])))


@cache
def denials_data() -> dict[str, dict[str, list[str]]]:
    """Return at which versions the denial of an action or a request form was observed.

    By IP family, with the feature behind it where one is needed. Made from `observed_data` by
    ``python -m tools.plugin_probe denials``.
    """
    data: dict[str, dict[str, list[str]]] = _read("denials.json")
    return data
