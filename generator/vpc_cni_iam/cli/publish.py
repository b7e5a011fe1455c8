"""``vpc-cni-iam publish``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import Format

if TYPE_CHECKING:
    from vpc_cni_iam.publishing.address import ModuleAddress
    from vpc_cni_iam.publishing.data import PublishData
    from vpc_cni_iam.publishing.git import GitRepository, PreparedTag
    from vpc_cni_iam.publishing.publish import Proposal, Published

HELP = """Write a version of the module, ready to publish.

Directory --output then has the module's tree, its archives, a static module registry and an OCI
layout of all versions. Its README.md shows how to upload each.

The version bump must match the permission change. Major: a permission is removed, an input or
output is removed, narrowed or newly required, or a minimum version is raised. Minor: a permission,
an input or an output is added. Without --version, the command writes nothing. It proposes the
version with the reasons, or says that nothing changed. A published version never changes.

The registry's host, the namespace and the OCI repository are recorded in --output: give them once.
A different one is refused without --move-registry.

\b
Examples:
  vpc-cni-iam publish --output dist
  vpc-cni-iam publish --cni-version v1.23.0 --version 1.0.0 --output dist
  vpc-cni-iam publish --revision 2026-06-01 --version 1.1.0 --output dist \\
    --namespace platform --registry-host registry.example.com
  vpc-cni-iam publish --cni-version v1.23.0 --version 1.0.0 --output dist \\
    --git-tag ../module
"""


def publish(
    output: Annotated[
        str,
        typer.Option("--output", metavar="DIRECTORY", help="Directory of all versions."),
    ],
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    version: str | None = value("NUMBER", "Version, such as 1.0.0.  [default: propose one]"),
    namespace: str | None = value(
        "NAME",
        "Namespace in the registry.  [default: the one recorded in --output, or example]",
    ),
    registry_host: str | None = value(
        "HOST",
        "Host name of the registry.  [default: the one recorded in --output, or "
        "registry.example.com]",
    ),
    oci_repository: str | None = value(
        "REPOSITORY",
        "Repository whose tags must not move, such as ghcr.io/example/vpc-cni-iam."
        "  [default: the one recorded in --output]",
    ),
    move_registry: bool = flag(
        "Accept a --registry-host or --oci-repository that differs from the recorded one."
    ),
    oci_check: bool = flag(
        "Ask the OCI repository whether the tag exists. With --no-oci-check, look "
        "yourself before you push, for example in a repository that needs a login.",
        "--oci-check/--no-oci-check",
        default=True,
    ),
    git_tag: str | None = value("DIRECTORY", "Commit the tree and a tag to this git repository."),
    quiet: bool = options.QUIET,
    print_as: options.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.publishing.destination import DestinationOptions, resolve
    from vpc_cni_iam.publishing.publish import propose
    from vpc_cni_iam.publishing.publish import publish as write
    from vpc_cni_iam.publishing.versioning.semver import Version

    directory = common.path(output, ".")
    number = None if version is None else Version.of(version)
    chosen = options.chosen((), documents, hardening)
    target = DestinationOptions(
        registry_host, namespace, oci_repository, move_registry, check_oci_tag=oci_check
    )
    _warn_of_stand_ins(namespace, registry_host, resolve(directory, target).destination.address)
    if number is None:
        _check_version_not_needed(oci_repository, git_tag)
        with _Report(directory, print_as, quiet=quiet) as report:
            report.proposal(propose(directory, chosen, target), only=True)
        return
    published = write(directory, chosen, target, number, _git_repository(git_tag))
    common.notify(chosen)
    with _Report(directory, print_as, quiet=quiet) as report:
        report.proposal(published.proposal)
        report.files(published)
        if published.tag is not None:
            published.tag.finish()
            report.tag(published.tag)


def _warn_of_stand_ins(namespace: str | None, host: str | None, address: ModuleAddress) -> None:
    from vpc_cni_iam.publishing.address import STAND_IN_HOST, STAND_IN_NAMESPACE

    absent = []
    if host is None and address.host == STAND_IN_HOST:
        absent.append("no --registry-host")
    if namespace is None and address.namespace == STAND_IN_NAMESPACE:
        absent.append("no --namespace")
    if absent:
        common.say(
            f"{' and '.join(absent)}: the source in a version's README.md is {address.source}, "
            "with a stand-in, and a published version never changes"
        )


def _check_version_not_needed(*options: str | None) -> None:
    from vpc_cni_iam.errors import UsageError

    if any(option is not None for option in options):
        raise UsageError("--oci-repository and --git-tag need --version")


def _git_repository(path: str | None) -> GitRepository | None:
    import os

    from vpc_cni_iam.publishing.git import GitRepository

    return None if path is None else GitRepository(common.path(path, "."), os.environ)


class _Report:
    """Prints each step: as lines, or as JSON in the end, also if a later step fails."""

    def __init__(self, directory: Path, output: Format, *, quiet: bool) -> None:
        self._directory, self._json = directory, output is Format.json
        self._silent = quiet or self._json
        self._data: PublishData | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._json and self._data is not None:
            common.show_json(self._data)

    def _line(self, text: str) -> None:
        if not self._silent:
            typer.echo(text)

    def proposal(self, proposal: Proposal, *, only: bool = False) -> None:
        """Report a version and its changes; `only` if nothing is written."""
        from vpc_cni_iam.publishing.data import proposal_data

        self._data = proposal_data(self._directory, proposal)
        if proposal.version == proposal.previous:
            self._line(f"nothing changed since {proposal.version}; no new version is needed")
            return
        comparison = proposal.comparison
        changes = comparison.changes if comparison is not None else ()
        bump = comparison.bump.name if comparison is not None else None
        after = f"a {bump} change after {proposal.previous}" if bump else "the first version"
        self._line(f"{proposal.version}, {after}")
        for change in changes:
            self._line(f"  {change.bump.name}: {change}")
        if bump and not changes:
            self._line("  no policy, input, output or resource changed")
        if only:
            self._line(f"nothing was written; --version {proposal.version} publishes it")

    def files(self, published: Published) -> None:
        """Report the files of the version, and the changes of those of the directory."""
        from vpc_cni_iam.publishing.data import published_data

        directory = self._directory
        self._data = data = published_data(directory, published)
        for line in (
            *(() if data["changes"] else ("is published already; nothing to do",)),
            *(f"moved    {move}" for move in data["moved"]),
            *(f"restore  {directory / path}" for path in published.restored),
            *(f"copy     {directory / path} of what was edited" for path in published.copies),
            f"tree     {data['tree']}",
            f"registry {data['registry']}",
            *(f"sha256   {digest}  {name}" for name, digest in data["sums"].items()),
            f"oci      {data['digest']}  {data['oci']}",
        ):
            self._line(line)

    def tag(self, tag: PreparedTag) -> None:
        """Report a finished tag."""
        self._line(f"tag      {tag.name} at {tag.commit}{'' if tag.new else ', as it was'}")
        assert self._data is not None  # noqa: S101 - its version is reported first
        self._data["tag"] = {"name": tag.name, "commit": tag.commit, "new": tag.new}
