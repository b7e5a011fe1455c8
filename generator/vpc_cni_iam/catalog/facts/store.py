"""Reads the catalog's data files, once each and only when asked."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from vpc_cni_iam import resources

_DATA = "catalog/facts/data"


def _read(name: str) -> Any:
    return json.loads(resources.text(f"{_DATA}/{name}"))


@cache
def calls_data() -> dict[str, Any]:
    """Return the releases and the API calls of each, as in ``data/calls.json``."""
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
def managed_data() -> dict[str, Any]:
    """Return the AWS managed policy with its ARN, version and date."""
    data: dict[str, Any] = _read("managed.json")
    return data


@cache
def aws_managed_data() -> dict[str, Any]:
    """Return the AWS managed policies that are often attached, or that allow much.

    Made by ``python -m tools.aws_managed``.
    """
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
    names = sorted(p.name for p in (resources.PACKAGE / _DATA / "observed").glob("*.json"))
    return tuple(_read(f"observed/{name}") for name in names)
