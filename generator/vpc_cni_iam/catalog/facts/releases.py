"""Release names of the plugin, and the releases the catalog knows."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache

from vpc_cni_iam.catalog.facts.store import calls_data
from vpc_cni_iam.errors import UsageError

LATEST = "latest"
_NAME = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-eksbuild\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """A release of the plugin, ordered as versions are.

    Args:
        number: Major, minor and patch.
    """

    number: tuple[int, int, int]

    def __str__(self) -> str:
        return "v" + ".".join(map(str, self.number))

    @staticmethod
    def of(name: str) -> Release:
        """Read a release name: ``v1.20.4``, ``1.20.4`` or ``v1.20.4-eksbuild.2``.

        The EKS build number is dropped: a build repackages the release and calls the same.

        Args:
            name: The name.

        Raises:
            UsageError: Not a release name.
        """
        match = _NAME.fullmatch(name)
        if not match:
            raise UsageError(
                f"{name!r} is not a plugin release; write it like v1.20.4, 1.20.4, "
                f"v1.20.4-eksbuild.2 or {LATEST}"
            )
        major, minor, patch, _ = match.groups()
        return Release((int(major), int(minor), int(patch)))


@cache
def known() -> tuple[Release, ...]:
    """Return the releases whose calls the catalog knows, oldest first."""
    return tuple(map(Release.of, calls_data()["releases"]))


def served() -> tuple[Release, ...]:
    """Return the known releases that `find` returns, oldest first."""
    return known()[1:]


def newest() -> Release:
    """Return the newest release the catalog knows."""
    return known()[-1]


def newest_date() -> str:
    """Return the day on which the newest release the catalog knows was published."""
    return str(calls_data()["source"]["newest_release_date"])


def stand_in(name: str) -> Release | None:
    """Return the newest known release for a later patch release of it, None for any other name.

    A patch release seldom calls anything new, so that what works with the one before it is the
    best answer there is, though not a sure one.

    Args:
        name: As a user wrote it.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    asked, last = Release.of(name), newest()
    return last if asked > last and asked.number[:2] == last.number[:2] else None


def find(name: str) -> Release:
    """Return the known release of this name.

    Args:
        name: As `Release.of` reads it, or ``latest``.

    Raises:
        UsageError: Not a release name, not known (with the nearest that are), newer than the
            catalog (with the newest known), or one that no document serves.
    """
    releases = known()
    if name == LATEST:
        return releases[-1]
    wanted = Release.of(name)
    for refused in calls_data()["refused"]:
        if wanted == Release.of(refused["release"]):
            raise UsageError(
                f"plugin {wanted} is not supported: it {refused['reason']}; "
                f"the oldest supported release is {served()[0]}"
            )
    if wanted > releases[-1]:
        raise UsageError(
            f"plugin {wanted} is newer than this catalog, whose newest release is "
            f"{releases[-1]}; update vpc-cni-iam, or use --cni-version {releases[-1]}"
        )
    if wanted not in releases:
        place = bisect_left(served(), wanted)
        near = served()[max(0, place - 1) : place + 1]
        raise UsageError(
            f"plugin {wanted} is not a known release; nearest are {' and '.join(map(str, near))}"
        )
    return wanted


@dataclass(frozen=True, slots=True)
class Span:
    """A run of known releases without a gap.

    Args:
        first: The first release of it.
        last: The last.
    """

    first: Release
    last: Release

    def __contains__(self, release: Release) -> bool:
        return self.first <= release <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def spans(chosen: frozenset[Release]) -> tuple[Span, ...]:
    """Return chosen releases as runs of neighbours in the list of known releases.

    Args:
        chosen: Known releases.
    """
    found: list[Span] = []
    previous: Release | None = None
    for release in known():
        if release in chosen:
            if previous is not None and previous in chosen and found:
                found[-1] = Span(found[-1].first, release)
            else:
                found.append(Span(release, release))
        previous = release
    return tuple(found)
