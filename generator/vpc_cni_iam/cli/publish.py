"""``vpc-cni-iam publish``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.expand import flag, value

if TYPE_CHECKING:
    from vpc_cni_iam.publishing.destination import DestinationOptions
    from vpc_cni_iam.publishing.publish import PublishData

HELP = """Write a version of the module, ready to publish.

The directory of --output gets the module's tree, its archives, a static module registry and an OCI
layout of all versions. Its README.md shows how to upload each.

The version bump must match the permission change. Major: a permission is removed, an input or
output is removed, narrowed or newly required, or a minimum version is raised. Minor: a permission,
an input or an output is added. Without --version, the command writes nothing. It proposes a version
with the reasons, or says that nothing changed. A published version never changes.

The registry's host, the namespace and the OCI repository are recorded in --output. The first
version needs --namespace and --registry-host; later versions use the recorded ones. To change the
host or the OCI repository, add --move-registry. Later versions also have the features, the
hardening and the additions of the last one, unless an option says otherwise.

\b
Examples:
  vpc-cni-iam publish --output dist
  vpc-cni-iam publish --cni-version v1.23.0 --version 1.0.0 --output dist \\
    --namespace platform --registry-host registry.example.com
"""


class RegistryOptions(Struct, frozen=True):
    """The options for the registry and the OCI repository."""

    PANEL: ClassVar[str] = "Registry"

    namespace: str | None = value(
        "NAME", "Namespace in the registry.  [default: the one recorded in --output]"
    )
    registry_host: str | None = value(
        "HOST", "Host name of the registry.  [default: the one recorded in --output]"
    )
    oci_repository: str | None = value(
        "REPOSITORY",
        "Repository whose tags must not move, such as ghcr.io/example/vpc-cni-iam."
        "  [default: the one recorded in --output]",
    )
    move_registry: bool = flag(
        "Accept a --registry-host or --oci-repository that differs from the recorded one."
    )
    oci_check: bool = flag(
        "Check that the tag does not exist in the OCI repository. With --no-oci-check, check it "
        "yourself before you push, for example if the repository needs a login.",
        "--oci-check/--no-oci-check",
        default=True,
    )

    def target(self) -> DestinationOptions:
        """Return the destination that they name."""
        from vpc_cni_iam.publishing.destination import DestinationOptions

        return DestinationOptions(
            self.registry_host,
            self.namespace,
            self.oci_repository,
            self.move_registry,
            check_oci_tag=self.oci_check,
        )


def publish(
    output: Annotated[
        str,
        typer.Option("--output", metavar="DIRECTORY", help="Directory of all versions."),
    ],
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    registry: RegistryOptions,
    version: str | None = value("NUMBER", "Version, such as 1.0.0.  [default: propose one]"),
    quiet: bool = options.QUIET,
    print_as: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.publishing.destination import resolve
    from vpc_cni_iam.publishing.publish import proposal_data, propose, published_data, recorded
    from vpc_cni_iam.publishing.publish import publish as write
    from vpc_cni_iam.publishing.versioning.semver import Version

    directory = common.path(output, ".")
    number = None if version is None else Version.of(version)
    target = registry.target()
    before = recorded(directory, target, number)
    chosen = options.later(before, documents, hardening)
    if number is None:
        if registry.oci_repository is not None:
            raise UsageError("--oci-repository needs --version")
        proposal = propose(directory, chosen, target)
        _show(proposal_data(directory, proposal), print_as, quiet=quiet)
        return
    if not resolve(directory, target).before:
        _check_first(registry)
    published = write(directory, chosen, target, number)
    common.notify(chosen, quiet=True)  # the README of the version has the notes
    _show(published_data(directory, published), print_as, quiet=quiet)


def _show(data: PublishData, output: common.Format, *, quiet: bool) -> None:
    common.show_result(data, output, () if quiet else _lines(data))


def _check_first(registry: RegistryOptions) -> None:
    """Refuse a first version without its registry's address: its README.md names it for good."""
    from vpc_cni_iam.errors import UsageError

    names = {"--namespace": registry.namespace, "--registry-host": registry.registry_host}
    if absent := " and ".join(option for option, name in names.items() if name is None):
        why = "the module's README.md names its source, and a published version never changes"
        raise UsageError(f"the first version of a registry needs {absent}: {why}")


def _lines(data: PublishData) -> Iterator[str]:
    """Yield a version and its changes, and the files that were written."""
    if data.version == data.previous:
        yield f"nothing changed since {data.version}; no new version is needed"
    else:
        after = f"a {data.bump} change after {data.previous}" if data.bump else "the first version"
        yield f"{data.version}, {after}"
        yield from (f"  {change['bump']}: {change['text']}" for change in data.findings)
        if data.bump and not data.findings:
            yield "  no policy, input, output or resource changed"
        if data.tree is None:
            yield f"nothing was written; publish it with --version {data.version}"
    if data.tree is not None:
        folder = Path(data.path)
        if not data.changes:
            yield "already published; nothing to do"
        yield from (f"moved    {move}" for move in data.moved)
        yield from (f"restore  {folder / path}" for path in data.restored)
        yield from (f"copy     {folder / path} of an edited file" for path in data.copies)
        yield f"tree     {data.tree}"
        yield f"registry {data.registry}"
        yield from (f"sha256   {digest}  {name}" for name, digest in data.sums.items())
        yield f"oci      {data.digest}  {data.oci}"
        yield f"next     see {folder / 'README.md'} to serve and upload it"
