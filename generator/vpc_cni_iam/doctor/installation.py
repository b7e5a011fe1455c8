"""The parts of an installation, and its problems."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam import __version__
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.engine import run as engines
from vpc_cni_iam.errors import VpcCniIamError
from vpc_cni_iam.hcl import repair
from vpc_cni_iam.vendoring import repository

DISTRIBUTION = "vpc-cni-iam"
_OLDEST_ENGINE = (1, 6)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class ProblemLevel(StrEnum):
    """The severity of a problem; a note needs no action."""

    error = "error"
    warning = "warning"
    note = "note"


class Problem(Struct, frozen=True):
    """Something that is wrong, and what to do about it."""

    severity: ProblemLevel
    text: str


class Tool(Struct, frozen=True):
    """This tool: its version and where its package is."""

    version: str
    package: str


class Catalog(Struct, frozen=True):
    """The newest plugin version in the catalog, its date, and how many versions there are."""

    newest_plugin_version: str
    date: str
    plugin_versions: int


class Python(Struct, frozen=True):
    """The interpreter, and the system that it runs on."""

    version: str
    executable: str
    system: str


class Dependency(Struct, frozen=True):
    """A package that this tool needs; it has no version if it is not installed."""

    name: str
    version: str | None


class InstalledEngine(Struct, frozen=True):
    """An engine on the PATH; it has no version if it could not run."""

    name: str  # ``terraform`` or ``tofu``
    path: str  # its executable
    version: str | None
    # The versions in the lock file of the current directory, by source address.
    providers: dict[str, str]


class Cache(Struct, frozen=True):
    """The cache directory, None if there is none, and whether it can be used."""

    path: str | None
    usable: bool


class Configuration(Struct, frozen=True):
    """The configuration for this directory, None if there is none, and its number of modules."""

    path: str | None
    modules: int


class Installation(Struct, frozen=True):
    """An installation, and its problems."""

    tool: Tool
    catalog: Catalog
    python: Python
    dependencies: tuple[Dependency, ...]
    engines: tuple[InstalledEngine, ...]
    cache: Cache
    configuration: Configuration
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(p.severity is ProblemLevel.note for p in self.problems)


def examine(folder: Path, cache: Path | None, environ: Mapping[str, str]) -> Installation:
    """Return this installation; `folder` is the directory in which commands would run."""
    problems: list[Problem] = []
    # platform.platform() would run uname.
    system = f"{platform.system()} {platform.version()} {platform.machine()}"
    return Installation(
        tool=Tool(__version__, str(Path(__file__).resolve().parents[1])),
        catalog=Catalog(
            str(known_versions.newest()), known_versions.newest_date(), len(known_versions.known())
        ),
        python=Python(platform.python_version(), sys.executable, system),
        dependencies=tuple(_dependencies(problems)),
        engines=tuple(_engines(folder, environ, problems)),
        cache=_cache(cache, problems),
        configuration=_configuration(folder, problems),
        problems=tuple(problems),
    )


def _dependencies(problems: list[Problem]) -> Iterator[Dependency]:
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        text = f"only the files of {DISTRIBUTION} are here, not its package; install the package"
        problems.append(Problem(ProblemLevel.warning, text))
        return
    for requirement in required:
        match = _NAME.match(requirement)
        name = match[0] if match else requirement
        try:
            yield Dependency(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            text = f"{name} is not installed; install {DISTRIBUTION} again"
            problems.append(Problem(ProblemLevel.error, text))
            yield Dependency(name, None)


def _engines(
    folder: Path, environ: Mapping[str, str], problems: list[Problem]
) -> Iterator[InstalledEngine]:
    none = True
    for name in engines.NAMES:
        try:
            engine = engines.find(name, environ)
        except VpcCniIamError:
            continue  # it is not on the PATH
        assert engine is not None  # noqa: S101 - only `auto` finds none
        none = False
        try:
            version, providers = engine.versions(folder)
        except VpcCniIamError as error:
            problems.append(Problem(ProblemLevel.error, str(error)))
            yield InstalledEngine(name, engine.binary, None, {})
            continue
        if tuple(map(int, re.findall(r"\d+", version)[:2])) < _OLDEST_ENGINE:
            text = f"{name} {version} is too old for the modules; they need 1.6 or later"
            problems.append(Problem(ProblemLevel.warning, text))
        yield InstalledEngine(name, engine.binary, version, providers)
    if none:
        text = "no terraform or tofu on the PATH; install one, or use verify with --engine none"
        problems.append(Problem(ProblemLevel.note, text))


def _cache(cache: Path | None, problems: list[Problem]) -> Cache:
    if cache is None:
        text = "no cache directory, so reading HCL takes longer; set HOME or XDG_CACHE_HOME"
        problems.append(Problem(ProblemLevel.note, text))
        return Cache(None, usable=False)
    usable = not cache.exists() or repair.is_private(cache)
    if not usable:
        text = f"{cache} is not used; you must own it, and only you may be able to write to it"
        problems.append(Problem(ProblemLevel.warning, text))
    return Cache(str(cache), usable)


def _configuration(folder: Path, problems: list[Problem]) -> Configuration:
    place, count = None, 0
    try:
        place = repository.nearest(folder)
        if place is not None:
            count = len(repository.find(folder, None).modules)
    except VpcCniIamError as error:
        problems.append(Problem(ProblemLevel.error, str(error)))
    return Configuration(None if place is None else str(place), count)
