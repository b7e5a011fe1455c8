"""Versions of the VPC CNI plugin, and ranges of them."""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from vpc_cni_iam.errors import OptionError

LATEST = "latest"
_REMEMBERED = 1024
# EKS adds this to the version of an add-on's build.
EKS_BUILD = r"(-eksbuild\.[0-9]+)?"
_NAME = re.compile(rf"v?([0-9]{{1,6}})\.([0-9]{{1,6}})\.([0-9]{{1,6}}){EKS_BUILD}")


class PluginVersion:
    """A plugin version, ordered by major, minor and patch."""

    __slots__ = ("number",)

    def __init__(self, name: str) -> None:
        """Read a version's name: ``v1.20.4``, ``1.20.4`` or ``v1.20.4-eksbuild.2``.

        The EKS build number is dropped: a build repackages the version and calls the same.
        """
        self.number = _number(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PluginVersion) and self.number == other.number

    def __lt__(self, other: PluginVersion) -> bool:
        return self.number < other.number

    def __le__(self, other: PluginVersion) -> bool:
        return self.number <= other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __str__(self) -> str:
        return "v" + ".".join(map(str, self.number))

    @staticmethod
    def of(name: str) -> PluginVersion:
        """Read the name that a user gives."""
        version = PluginVersion.parse(name)
        if version is None:
            problem = (
                "{!r} is not a plugin version; write it like v1.20.4, 1.20.4, v1.20.4-eksbuild.2 "
                "or {}"
            )
            raise OptionError("--cni-version", problem, name, LATEST)
        return version

    @staticmethod
    def parse(name: str) -> PluginVersion | None:
        """Read a version's name; return None for other text."""
        return PluginVersion(name) if _NAME.fullmatch(name) else None


@lru_cache(_REMEMBERED)
def _number(name: str) -> tuple[int, int, int]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a plugin version")
    return int(match[1]), int(match[2]), int(match[3])


class VersionRange(Struct, frozen=True):
    """Consecutive known versions, from the first to the last."""

    first: PluginVersion
    last: PluginVersion

    def __contains__(self, version: PluginVersion) -> bool:
        return self.first <= version <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
