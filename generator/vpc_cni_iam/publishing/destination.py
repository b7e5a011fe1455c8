"""Where a directory publishes to: recorded in it once, and the same for every later version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import InputError, PublishError, UsageError
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.publishing.address import ModuleAddress, check_oci_repository
from vpc_cni_iam.publishing.registry import PublishedVersions, namespaces

RECORD = "vpc-cni-iam-registry.json"
_FORMAT = 1


class DestinationOptions(Struct, frozen=True):
    """The options of a user; None means the recorded value, or a placeholder.

    `move` accepts a host and an OCI repository that differ from the recorded ones; `check_oci_tag`
    asks the OCI repository whether a tag would move.
    """

    host: str | None = None
    namespace: str | None = None
    oci_repository: str | None = None
    move: bool = False
    check_oci_tag: bool = True

    def __post_init__(self) -> None:
        self.address(ModuleAddress())
        if self.oci_repository is not None:
            check_oci_repository(self.oci_repository)

    def address(self, default: ModuleAddress) -> ModuleAddress:
        """Return the address of these options, with the default's parts where they have none."""
        return ModuleAddress(
            default.namespace if self.namespace is None else self.namespace,
            default.host if self.host is None else self.host,
        )


class Destination(Struct, frozen=True):
    """Where a directory publishes to: a registry, and the host and name of an OCI repository."""

    address: ModuleAddress
    oci_repository: str | None = None

    def record(self) -> str:
        """Return the text of the file that records the destination."""
        value = {
            "format": _FORMAT,
            "host": self.address.host,
            "namespace": self.address.namespace,
            "oci_repository": self.oci_repository,
        }
        return json.dumps(value, indent=2) + "\n"


class ResolvedDestination(Struct, frozen=True):
    """Where to publish to, and where the directory published to before."""

    destination: Destination
    # The destinations before; empty if nothing is published, several where the versions name
    # several hosts.
    before: tuple[Destination, ...] = ()


def resolve(directory: Path, options: DestinationOptions) -> ResolvedDestination:
    """Return where a directory publishes to: as it records, or as the options say the first time.

    Raises `PublishError` if it records something else and may not move, or it has no record and its
    versions name no single host.
    """
    names = namespaces(directory)
    if not names:  # a record that a killed publish left has no effect
        return ResolvedDestination(
            Destination(options.address(ModuleAddress()), options.oci_repository)
        )
    if options.namespace not in (None, *names) or len(names) > 1:
        raise PublishError(
            f"{directory}: publishes for the namespace {', '.join(names)}; choose another "
            f"directory for {options.namespace or 'this'}"
        )
    record = _recorded(directory)
    before = (record,) if record is not None else _named_by_versions(directory, names[0])
    if len(before) != 1:
        if options.host is None:
            raise PublishError(_unknown_host(directory, before))
        address = ModuleAddress(names[0], options.host)
        return ResolvedDestination(Destination(address, options.oci_repository), before)
    _check_move(directory, options, before[0])
    repository = options.oci_repository or before[0].oci_repository
    return ResolvedDestination(Destination(options.address(before[0].address), repository), before)


def _check_move(directory: Path, options: DestinationOptions, before: Destination) -> None:
    for option, new, recorded in (
        ("--registry-host", options.host, before.address.host),
        ("--oci-repository", options.oci_repository, before.oci_repository),
    ):
        if new not in (None, recorded) and recorded is not None and not options.move:
            raise PublishError(
                f"{directory}: publishes for {recorded}, and {option} is {new}; leave {option} "
                "out, or add --move-registry to publish for that from now on"
            )


def _unknown_host(directory: Path, before: Iterable[Destination]) -> str:
    hosts = ", ".join(d.address.host for d in before)
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
                check_oci_repository(repository)
            return Destination(ModuleAddress(value["namespace"], value["host"]), repository)
    except (ValueError, KeyError, TypeError, RecursionError, UsageError) as error:
        problem = f"is not a record of where this directory publishes to: {error}; put it back"
        raise InputError(source, "", problem) from None
    raise InputError(source, "", f"has format {number!r}, and this version knows {_FORMAT}; update")


def _named_by_versions(directory: Path, namespace: str) -> tuple[Destination, ...]:
    """Return the destinations that versions name; an older vpc-cni-iam wrote no record."""
    versions = PublishedVersions(directory, ModuleAddress(namespace))
    hosts = dict.fromkeys(map(versions.host, versions.listed()))
    return tuple(Destination(ModuleAddress(namespace, host)) for host in hosts if host is not None)


def moves(resolved: ResolvedDestination) -> Iterator[str]:
    """Yield how a registry moved; a published version keeps the source that its README names."""
    for before in resolved.before:
        old, new = before.address.host, resolved.destination.address.host
        if old != new:
            yield f"from {old} to {new}; README.md of a published version keeps {old}"
        repository = resolved.destination.oci_repository
        if before.oci_repository not in (None, repository):
            yield f"from {before.oci_repository} to {repository}"
