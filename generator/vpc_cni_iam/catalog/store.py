"""Reads the catalog's data files, once each and only when asked."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).with_name("data")


def _read(name: str) -> Any:
    return json.loads((_DATA / name).read_text(encoding="utf-8"))


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
def revisions_data() -> tuple[dict[str, Any], ...]:
    """Return every revision of upstream's page, oldest first."""
    names = sorted(path.name for path in _DATA.joinpath("revisions").glob("*.json"))
    return tuple(_read(f"revisions/{name}") for name in names)
