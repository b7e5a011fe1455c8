"""The destination of a directory's versions: recorded once, and the same for later versions."""

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

    `move` accepts a host and an OCI repository that differ from the recorded ones. `check_oci_tag`
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
        """Return the address of these options; parts that they do not set are the default's."""
        return ModuleAddress(
            default.namespace if self.namespace is None else self.namespace,
            default.host if self.host is None else self.host,
        )


class Destination(Struct, frozen=True):
    """A destination: a registry, and the host and name of an OCI repository."""

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
    """The destination to publish to, and those of earlier versions."""

    destination: Destination
    # The earlier destinations; empty if nothing is published, several if the versions name several
    # hosts.
    before: tuple[Destination, ...] = ()


def resolve(directory: Path, options: DestinationOptions) -> ResolvedDestination:
    """Return the destination of a directory: the recorded one, or at first that of the options.

    Raises `PublishError` if the record differs and may not move, or if there is no record and the
    versions do not name exactly one host.
    """
    names = namespaces(directory)
    if not names:  # nothing is published, so the record of a killed publish has no effect
        return ResolvedDestination(
            Destination(options.address(ModuleAddress()), options.oci_repository)
        )
    if options.namespace not in (None, *names) or len(names) > 1:
        raise PublishError(
            f"{directory}: has versions for the namespace {', '.join(names)}; choose another "
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
                f"{directory}: records {recorded}, but {option} is {new}; remove {option}, or add "
                "--move-registry to use the new one from now on"
            )


def _unknown_host(directory: Path, before: Iterable[Destination]) -> str:
    hosts = ", ".join(d.address.host for d in before)
    why = f"its versions name {hosts}" if hosts else "no version's provenance names it"
    return (
        f"{directory}: does not record its registry's host, and {why}; name it once with "
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
        problem = f"does not have the host, namespace and OCI repository: {error}; restore it"
        raise InputError(source, "", problem) from None
    problem = f"has format {number!r}, but this version knows only {_FORMAT}; update vpc-cni-iam"
    raise InputError(source, "", problem)


def _named_by_versions(directory: Path, namespace: str) -> tuple[Destination, ...]:
    """Return the destinations that versions name, because older vpc-cni-iam wrote no record."""
    versions = PublishedVersions(directory, ModuleAddress(namespace))
    hosts = dict.fromkeys(map(versions.host, versions.listed()))
    return tuple(Destination(ModuleAddress(namespace, host)) for host in hosts if host is not None)


def moves(resolved: ResolvedDestination) -> Iterator[str]:
    """Yield how a registry moved; the README of a published version keeps the old source."""
    for before in resolved.before:
        old, new = before.address.host, resolved.destination.address.host
        if old != new:
            yield f"from {old} to {new}; the README.md of published versions still names {old}"
        repository = resolved.destination.oci_repository
        if before.oci_repository not in (None, repository):
            yield f"from {before.oci_repository} to {repository}"
