"""Reads the catalog's data files, each once and only when needed."""

from __future__ import annotations

from functools import cache
from typing import Any

from vpc_cni_iam import resources

_DATA = "catalog/facts/data"


def data(name: str) -> dict[str, Any]:
    """Return a file of ``data``, such as ``calls.json``."""
    return resources.data(f"{_DATA}/{name}")


@cache
def every(folder: str) -> tuple[dict[str, Any], ...]:
    """Return the files of a folder of ``data``, such as ``revisions``, by their names."""
    files = sorted((resources.PACKAGE / _DATA / folder).glob("*.json"))
    return tuple(data(f"{folder}/{file.name}") for file in files)
