"""Version numbers of the module, and the bumps between them."""

from __future__ import annotations

import re
from enum import IntEnum

from msgspec import Struct

from vpc_cni_iam.errors import UsageError

_NUMBER = r"(0|[1-9]\d{0,8})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}", re.ASCII)


class Bump(IntEnum):
    """Which part of a version number a change raises."""

    patch = 0
    minor = 1
    major = 2


class VersionChange(Struct, frozen=True):
    """One difference between two versions, and the least bump that it needs."""

    bump: Bump
    # A variant or a module's folder, such as ``ipv4`` or ``modules/role``; empty for the root
    # module.
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}" if self.subject else self.text


class Version(Struct, frozen=True, order=True):
    """A semantic version without a pre-release part."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @staticmethod
    def of(text: str) -> Version:
        """Read a version such as ``1.2.3``, or raise `UsageError`."""
        if not (match := _VERSION.fullmatch(text)):
            raise UsageError(f"{text!r} is not a version; write it like 1.2.3")
        return Version(*map(int, match.groups()))

    def after(self, bump: Bump) -> Version:
        """Return the next version; before 1.0.0, major changes raise the minor number, too."""
        if bump is Bump.major and self.major:
            return Version(self.major + 1, 0, 0)
        if bump is Bump.patch:
            return Version(self.major, self.minor, self.patch + 1)
        return Version(self.major, self.minor + 1, 0)


FIRST = Version(1, 0, 0)


def step(old: Version, new: Version) -> Bump:
    """Return the largest bump that a step to a later version allows."""
    if new.major != old.major:
        return Bump.major
    if new.minor == old.minor:
        return Bump.patch
    return Bump.minor if old.major else Bump.major
