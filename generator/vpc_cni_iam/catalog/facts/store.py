"""Reads the catalog's data files, each once and only when needed."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TypeVar

from vpc_cni_iam import resources
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse

_DATA = "catalog/facts/data"
_T = TypeVar("_T")


class StoredDocument:
    """A policy document in a data file, which is parsed when it is needed."""

    def __init__(self, value: object) -> None:
        self.value = value

    @cached_property
    def policy(self) -> Policy:
        """The policy, as it is written."""
        return parse(self.value, "a document of the catalog")


def data(name: str, kind: type[_T]) -> _T:
    """Return a file of ``data``, such as ``calls.json``."""
    return resources.data(f"{_DATA}/{name}", kind)


def every(folder: str, kind: type[_T]) -> tuple[_T, ...]:
    """Return the files of a folder of ``data``, such as ``revisions``, by their names."""
    return tuple(data(f"{folder}/{name}", kind) for name in _names(folder))


@cache
def _names(folder: str) -> list[str]:
    return sorted(file.name for file in (resources.PACKAGE / _DATA / folder).glob("*.json"))
