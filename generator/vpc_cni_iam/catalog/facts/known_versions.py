"""The plugin versions that the catalog knows."""

from __future__ import annotations

from bisect import bisect_left
from itertools import groupby

from vpc_cni_iam.catalog.facts.calls import calls_file
from vpc_cni_iam.catalog.facts.plugin_version import LATEST, PluginVersion, VersionRange
from vpc_cni_iam.errors import OptionError


def known() -> tuple[PluginVersion, ...]:
    """Return the versions whose calls the catalog knows, oldest first."""
    return calls_file().versions


def served() -> tuple[PluginVersion, ...]:
    """Return the supported versions, oldest first."""
    return known()[1:]


def newest() -> PluginVersion:
    """Return the newest version the catalog knows."""
    return known()[-1]


def recent() -> tuple[PluginVersion, ...]:
    """Return the known versions of the three newest minor versions."""
    lines = sorted({version.number[:2] for version in known()})[-3:]
    return tuple(version for version in known() if version.number[:2] in lines)


def newest_date() -> str:
    """Return the date of the newest version that the catalog knows."""
    return calls_file().source.newest_version_date


def stand_in(name: str) -> PluginVersion | None:
    """Return the newest known version for a later patch version of it; None for any other name.

    A patch version seldom makes new calls, so the version before it is the best guess.
    """
    version, last = PluginVersion.parse(name), newest()
    if version is None or version <= last or version.number[:2] != last.number[:2]:
        return None
    return last


def stand_in_warning(name: str) -> str:
    """Return the warning for a later version that the newest known version replaces."""
    return (
        f"plugin {name} is newer than this catalog of {newest_date()}; taking {newest()}, the "
        "newest version known. Update vpc-cni-iam to know yours"
    )


def later_patches() -> str:
    """Return the regular expression of patch numbers that a known version can replace."""
    major, minor, patch = newest().number
    later = [str(n) for n in range(patch + 1, 10)]
    return rf"{major}\.{minor}\.({'|'.join([*later, '[1-9][0-9]{1,5}'])})"


def find(name: str, option: str = "--cni-version") -> PluginVersion:
    """Return the known version with this name, or the latest; raises `OptionError`."""
    if name == LATEST:
        return newest()
    version = PluginVersion.of(name)
    for refused in calls_file().refused:
        if version == refused.version:
            problem = "plugin {} is not supported: it {}; the oldest supported version is {}"
            raise OptionError(option, problem, version, refused.reason, served()[0])
    if version > newest():
        problem = (
            "plugin {} is newer than this catalog, whose newest version is {}; update vpc-cni-iam, "
            f"or use {{{option}}} {{}}"
        )
        raise OptionError(option, problem, version, newest(), newest())
    if version not in known():
        place = bisect_left(served(), version)
        near = served()[max(0, place - 1) : place + 1]
        problem = "unknown plugin version {}; did you mean {}?"
        raise OptionError(option, problem, version, " or ".join(map(str, near)))
    return version


def spans(versions: frozenset[PluginVersion]) -> tuple[VersionRange, ...]:
    """Return versions as ranges that skip no known version."""
    runs = [list(run) for there, run in groupby(known(), key=versions.__contains__) if there]
    return tuple(VersionRange(run[0], run[-1]) for run in runs)
