"""Where a directory publishes to: recorded in it once, and the same for every later version.

Source of the grammar of repository names: the OCI distribution specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.errors import InputError, PublishError, UsageError
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.publishing import provenance, registry
from vpc_cni_iam.publishing.address import Coordinates
from vpc_cni_iam.publishing.semver import Version

RECORD = "vpc-cni-iam-registry.json"
_FORMAT = 1
_LABEL = r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"
_PART = r"[0-9a-z]+(?:(?:\.|_|__|-+)[0-9a-z]+)*"
_REPOSITORY = re.compile(
    rf"{_LABEL}(?:\.{_LABEL})*(?::(?P<port>[1-9]\d{{0,4}}))?/(?P<name>{_PART}(?:/{_PART})*)",
    re.ASCII,
)
_PORTS, _NAME_LENGTH = 65535, 255


@dataclass(frozen=True, slots=True)
class DestinationOptions:
    """Where a user asks to publish to; None for what is recorded, or a stand-in.

    Args:
        host: Host name of the registry.
        namespace: Namespace in the registry.
        oci_repository: Host and name of the OCI repository that versions are pushed to.
        move: Whether the host and the OCI repository may be others than those recorded.

    Raises:
        UsageError: Not such names.
    """

    host: str | None = None
    namespace: str | None = None
    oci_repository: str | None = None
    move: bool = False

    def __post_init__(self) -> None:
        self.coordinates(Coordinates())
        if self.oci_repository is not None:
            _check_repository(self.oci_repository)

    def coordinates(self, default: Coordinates) -> Coordinates:
        """Return the coordinates that are asked for.

        Args:
            default: What stands for those that are not.
        """
        return Coordinates(
            default.namespace if self.namespace is None else self.namespace,
            default.host if self.host is None else self.host,
        )


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a directory publishes to.

    Args:
        coordinates: Where the module is found in the registry.
        oci_repository: Host and name of the OCI repository; None for none.
    """

    coordinates: Coordinates
    oci_repository: str | None = None

    def record(self) -> str:
        """Return the file that says so."""
        value = {
            "format": _FORMAT,
            "host": self.coordinates.host,
            "namespace": self.coordinates.namespace,
            "oci_repository": self.oci_repository,
        }
        return json.dumps(value, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class ResolvedDestination:
    """Where to publish to, and where the directory published to before.

    Args:
        destination: From now on.
        before: Before; empty if nothing is published, several where versions name several hosts.
    """

    destination: Destination
    before: tuple[Destination, ...] = ()


def resolve(directory: Path, target: DestinationOptions) -> ResolvedDestination:
    """Return where a directory publishes to: what it records, or what is asked for the first time.

    Args:
        directory: Where versions are published.
        target: What the user asks for.

    Raises:
        InputError: The record cannot be read.
        PublishError: It records something else and was not asked to move, or records nothing and
            its versions do not tell.
        TreeError: A path that may not be read.
    """
    namespaces = registry.namespaces(directory)
    if not namespaces:  # a record that a killed publish left binds nobody
        return ResolvedDestination(
            Destination(target.coordinates(Coordinates()), target.oci_repository)
        )
    if target.namespace not in (None, *namespaces) or len(namespaces) > 1:
        raise PublishError(
            f"{directory}: publishes for the namespace {', '.join(namespaces)}; choose another "
            f"directory for {target.namespace or 'this'}"
        )
    record = _recorded(directory)
    before = (record,) if record is not None else _told_by_versions(directory, namespaces[0])
    if len(before) != 1:
        if target.host is None:
            raise PublishError(_unknown_host(directory, before))
        coordinates = Coordinates(namespaces[0], target.host)
        return ResolvedDestination(Destination(coordinates, target.oci_repository), before)
    _refuse_other(directory, target, before[0])
    repository = target.oci_repository or before[0].oci_repository
    return ResolvedDestination(
        Destination(target.coordinates(before[0].coordinates), repository), before
    )


def made_for(directory: Path, coordinates: Coordinates, version: Version) -> Coordinates:
    """Return where a published version says that it is found: its README.md keeps that for good.

    Args:
        directory: Where versions are published.
        coordinates: Where the module is found now.
        version: The version.
    """
    host = _host(directory, coordinates, version)
    return coordinates if host is None else Coordinates(coordinates.namespace, host)


def _refuse_other(directory: Path, target: DestinationOptions, before: Destination) -> None:
    for option, given, recorded in (
        ("--registry-host", target.host, before.coordinates.host),
        ("--oci-repository", target.oci_repository, before.oci_repository),
    ):
        if given not in (None, recorded) and recorded is not None and not target.move:
            raise PublishError(
                f"{directory}: publishes for {recorded}, and {option} is {given}; leave {option} "
                "out, or add --move-registry to publish for that from now on"
            )


def _unknown_host(directory: Path, before: Iterable[Destination]) -> str:
    hosts = ", ".join(d.coordinates.host for d in before)
    why = f"its versions were made for {hosts}" if hosts else "no version's provenance tells it"
    return (
        f"{directory}: does not record the host that it publishes for, and {why}; say it once with "
        "--registry-host"
    )


def _recorded(directory: Path) -> Destination | None:
    text = contents(directory, [RECORD]).get(RECORD)
    if text is None:
        return None
    source = str(directory / RECORD)
    try:
        value = json.loads(text)
        number = value["format"]
        if number == _FORMAT:
            repository = value["oci_repository"]
            if repository is not None:
                _check_repository(repository)
            return Destination(Coordinates(value["namespace"], value["host"]), repository)
    except (ValueError, KeyError, TypeError, RecursionError, UsageError) as error:
        problem = f"is not a record of where this directory publishes to: {error}; put it back"
        raise InputError(source, "", problem) from None
    raise InputError(source, "", f"has format {number!r}, and this version knows {_FORMAT}; update")


def _told_by_versions(directory: Path, namespace: str) -> tuple[Destination, ...]:
    """Return where the versions say they are found, of a directory of an older vpc-cni-iam."""
    here = Coordinates(namespace)
    every = registry.versions(directory, here)
    hosts = dict.fromkeys(_host(directory, here, version) for version in every)
    return tuple(Destination(Coordinates(namespace, host)) for host in hosts if host is not None)


def _host(directory: Path, coordinates: Coordinates, version: Version) -> str | None:
    """Return the host that a version's provenance names; None if it cannot be read."""
    name = f"{registry.folder(coordinates, version)}/{provenance.file_name(version)}"
    try:
        host = provenance.host(contents(directory, [name]).get(name, b""))
        Coordinates(coordinates.namespace, host)
    except (ValueError, RecursionError, UsageError):
        return None
    return host


def _check_repository(repository: str) -> None:
    match = _REPOSITORY.fullmatch(repository)
    if match is None or int(match["port"] or 1) > _PORTS or len(match["name"]) > _NAME_LENGTH:
        raise UsageError(
            f"--oci-repository {repository!r} is not the host and name of an OCI repository in "
            "lower case, such as ghcr.io/example/vpc-cni-iam, without a tag"
        )
