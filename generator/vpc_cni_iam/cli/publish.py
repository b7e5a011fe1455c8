"""``vpc-cni-iam publish``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.expand import flag, value

if TYPE_CHECKING:
    from vpc_cni_iam.publishing.publish import Proposal, PublishData, Published

HELP = """Write a version of the module, ready to publish.

The directory of --output gets the module's tree, its archives, a static module registry and an OCI
layout of all versions. Its README.md shows how to upload each.

The version bump must match the permission change. Major: a permission is removed, an input or
output is removed, narrowed or newly required, or a minimum version is raised. Minor: a permission,
an input or an output is added. Without --version, the command writes nothing. It proposes a version
with the reasons, or says that nothing changed. A published version never changes.

The registry's host, the namespace and the OCI repository are recorded in --output. The first
version needs --namespace and --registry-host; later versions use the recorded ones. To change the
host or the OCI repository, add --move-registry.

\b
Examples:
  vpc-cni-iam publish --output dist
  vpc-cni-iam publish --cni-version v1.23.0 --version 1.0.0 --output dist \\
    --namespace platform --registry-host registry.example.com
  vpc-cni-iam publish --revision 2026-06-01 --version 1.1.0 --output dist \\
    --git-tag ../module
"""


_REGISTRY = "Registry"


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
        "Namespace in the registry.  [default: the one recorded in --output]",
        panel=_REGISTRY,
    ),
    registry_host: str | None = value(
        "HOST",
        "Host name of the registry.  [default: the one recorded in --output]",
        panel=_REGISTRY,
    ),
    oci_repository: str | None = value(
        "REPOSITORY",
        "Repository whose tags must not move, such as ghcr.io/example/vpc-cni-iam."
        "  [default: the one recorded in --output]",
        panel=_REGISTRY,
    ),
    move_registry: bool = flag(
        "Accept a --registry-host or --oci-repository that differs from the recorded one.",
        panel=_REGISTRY,
    ),
    oci_check: bool = flag(
        "Check that the tag does not exist in the OCI repository. With --no-oci-check, check it "
        "yourself before you push, for example if the repository needs a login.",
        "--oci-check/--no-oci-check",
        default=True,
        panel=_REGISTRY,
    ),
    git_tag: str | None = value("DIRECTORY", "Commit the tree and a tag to this git repository."),
    quiet: bool = options.QUIET,
    print_as: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.publishing.destination import DestinationOptions, resolve
    from vpc_cni_iam.publishing.git import GitRepository
    from vpc_cni_iam.publishing.publish import propose
    from vpc_cni_iam.publishing.publish import publish as write
    from vpc_cni_iam.publishing.versioning.semver import Version

    directory = common.path(output, ".")
    number = None if version is None else Version.of(version)
    chosen = options.chosen((), documents, hardening)
    target = DestinationOptions(
        registry_host, namespace, oci_repository, move_registry, check_oci_tag=oci_check
    )
    before = resolve(directory, target).before
    if number is None:
        if (oci_repository, git_tag) != (None, None):
            raise UsageError("--oci-repository and --git-tag need --version")
        _report(directory, propose(directory, chosen, target), None, print_as, quiet=quiet)
        return
    if not before:
        _check_first(namespace, registry_host)
    git = None if git_tag is None else GitRepository(common.path(git_tag, "."), os.environ)
    published = write(directory, chosen, target, number, git)
    common.notify(chosen)
    _report(directory, published.proposal, published, print_as, quiet=quiet)


def _report(
    directory: Path,
    proposal: Proposal,
    published: Published | None,
    output: common.Format,
    *,
    quiet: bool,
) -> None:
    """Print a version, then finish its tag and print it."""
    from vpc_cni_iam.publishing.publish import proposal_data, published_data

    data = proposal_data(directory, proposal)
    if published is not None:
        data = published_data(directory, published)
    silent = quiet or output is common.Format.json
    try:
        for line in () if silent else _lines(directory, proposal, published, data):
            common.show(line)
        if published is not None and (tag := published.tag) is not None:
            tag.finish()
            data.tag = {"name": tag.name, "commit": tag.commit, "new": tag.new}
            if not silent:
                common.show(
                    f"tag      {tag.name} at {tag.commit}{'' if tag.new else ', as it was'}"
                )
    finally:  # the version is published, even if its tag fails
        if output is common.Format.json:
            common.show_json(data)


def _check_first(namespace: str | None, host: str | None) -> None:
    """Refuse a first version without its registry's address: its README.md names it for good."""
    from vpc_cni_iam.errors import UsageError

    names = {"--namespace": namespace, "--registry-host": host}
    if absent := " and ".join(option for option, name in names.items() if name is None):
        why = "the module's README.md names its source, and a published version never changes"
        raise UsageError(f"the first version of a registry needs {absent}: {why}")


def _lines(
    directory: Path, proposal: Proposal, published: Published | None, data: PublishData
) -> Iterator[str]:
    """Yield a version and its changes, and the files that were written."""
    if proposal.version == proposal.previous:
        yield f"nothing changed since {proposal.version}; no new version is needed"
    else:
        comparison = proposal.comparison
        changes = comparison.changes if comparison is not None else ()
        bump = comparison.bump.name if comparison is not None else None
        after = f"a {bump} change after {proposal.previous}" if bump else "the first version"
        yield f"{proposal.version}, {after}"
        yield from (f"  {change.bump.name}: {change}" for change in changes)
        if bump and not changes:
            yield "  no policy, input, output or resource changed"
        if published is None:
            yield f"nothing was written; publish it with --version {proposal.version}"
    if published is not None:
        if not data.changes:
            yield "already published; nothing to do"
        yield from (f"moved    {move}" for move in data.moved)
        yield from (f"restore  {directory / path}" for path in published.restored)
        yield from (f"copy     {directory / path} of an edited file" for path in published.copies)
        yield f"tree     {data.tree}"
        yield f"registry {data.registry}"
        yield from (f"sha256   {digest}  {name}" for name, digest in data.sums.items())
        yield f"oci      {data.digest}  {data.oci}"
        yield f"next     see {directory / 'README.md'} to serve and upload it"
