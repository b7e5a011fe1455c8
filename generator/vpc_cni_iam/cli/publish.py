"""``vpc-cni-iam publish`` and ``vpc-cni-iam registry serve``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, versions
from vpc_cni_iam.cli.common import Format, FormatOption
from vpc_cni_iam.cli.published import Saying

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.hardening import Hardening
    from vpc_cni_iam.catalog.options import Options
    from vpc_cni_iam.publishing.coordinates import Coordinates
    from vpc_cni_iam.publishing.gitlab import Project
    from vpc_cni_iam.publishing.gittag import Repository
    from vpc_cni_iam.publishing.publish import Published

PUBLISH = """Publish a version of the module for others.

What --output holds then: the module's tree, its archives, a module registry and an OCI layout of
all versions, and a README.md that says how each is put where others find it.

The number must allow what changed since the version before: major for a permission lost, an
input or output removed, narrowed or newly required, or a floor raised; minor for a permission
gained or a new input or output. Without --version the right number is proposed with the reasons,
and nothing is written. A published version never changes.

The registry's host, its namespace and the OCI repository are recorded in --output: give them once.
Another one is refused, unless --move-registry says that it is meant.

\b
Examples:
  vpc-cni-iam publish --output dist
  vpc-cni-iam publish --cni-version v1.23.0 --version 1.0.0 --output dist
  vpc-cni-iam publish --revision 2026-06-01 --version 1.1.0 --output dist \\
    --namespace platform --registry-host registry.example.com
  vpc-cni-iam publish --cni-version v1.23.0 --version 1.0.0 --output dist \\
    --git-tag ../module
"""
SERVE = """Serve a published registry on 127.0.0.1, to try it. Ends with Ctrl-C.

\b
Examples:
  vpc-cni-iam registry serve dist
  vpc-cni-iam registry serve dist --port 8080 --registry-host tf.example.com
"""


class Upload(StrEnum):
    """Where to upload an archive."""

    gitlab = "gitlab"


registry = typer.Typer(help="Try a published module registry.", no_args_is_help=True)


def _options(
    cni_version: str | None,
    revision: str | None,
    feature: list[str] | None,
    hardening: Hardening | None,
) -> Options:
    from vpc_cni_iam.catalog.options import options

    return options(
        revision=revision,
        cni_version=cni_version,
        features=feature or (),
        hardening=hardening,
    )


def publish(
    output: Annotated[
        str,
        typer.Option("--output", metavar="DIRECTORY", help="Directory that holds all versions."),
    ],
    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            metavar="NUMBER",
            help="Number, such as 1.0.0.  [default: propose one]",
        ),
    ] = None,
    cni_version: versions.VersionOption = None,
    strict: versions.StrictOption = False,
    revision: common.RevisionOption = None,
    feature: common.FeatureOption = None,
    harden: common.HardenOption = False,
    additional_tag_key: common.TagKeyOption = None,
    eni_claim_tag: common.ClaimTagOption = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            metavar="NAME",
            help="Namespace in the registry.  [default: the one recorded in --output, at first "
            "example]",
        ),
    ] = None,
    registry_host: Annotated[
        str | None,
        typer.Option(
            "--registry-host",
            metavar="HOST",
            help="Host name of the registry.  [default: the one recorded in --output, at first "
            "registry.example.com, a stand-in]",
        ),
    ] = None,
    oci_repository: Annotated[
        str | None,
        typer.Option(
            "--oci-repository",
            metavar="REPOSITORY",
            help="Look there, such as in ghcr.io/example/vpc-cni-iam, for a tag that would move."
            "  [default: the one recorded in --output]",
        ),
    ] = None,
    move_registry: Annotated[
        bool,
        typer.Option(
            "--move-registry",
            help="Take another --registry-host or --oci-repository than the recorded one.",
        ),
    ] = False,
    git_tag: Annotated[
        str | None,
        typer.Option(
            "--git-tag",
            metavar="DIRECTORY",
            help="Commit the tree and a tag into the git repository there.",
        ),
    ] = None,
    upload: Annotated[
        Upload | None,
        typer.Option("--upload", help="Upload the archive to the GitLab project of this CI job."),
    ] = None,
    quiet: common.QuietOption = False,
    print_as: FormatOption = Format.text,
) -> None:
    """See `PUBLISH`."""
    from vpc_cni_iam.publishing.destination import DestinationOptions, resolve
    from vpc_cni_iam.publishing.publish import propose
    from vpc_cni_iam.publishing.publish import publish as write
    from vpc_cni_iam.publishing.semver import Version

    hardening = common.hardening(harden, additional_tag_key, eni_claim_tag)
    folder, chosen = common.path(output, "."), _options(cni_version, revision, feature, hardening)
    target = DestinationOptions(registry_host, namespace, oci_repository, move_registry)
    _tell_stand_in(namespace, registry_host, resolve(folder, target).destination.coordinates)
    if version is None:
        _refuse_without_version(oci_repository, git_tag, upload)
        with Saying(folder, print_as, quiet) as saying:
            saying.proposal(propose(folder, chosen, target), only=True)
        return
    project, number = _project(upload), Version.of(version)
    done = write(folder, chosen, target, number, _repository(git_tag))
    common.notify(chosen)
    with Saying(folder, print_as, quiet) as saying:
        saying.proposal(done.proposal)
        saying.files(done)
        _finish(done, project, saying)


def _tell_stand_in(namespace: str | None, host: str | None, used: Coordinates) -> None:
    from vpc_cni_iam.publishing.coordinates import STAND_IN_HOST, STAND_IN_NAMESPACE

    absent = []
    if host is None and used.host == STAND_IN_HOST:
        absent.append("no --registry-host")
    if namespace is None and used.namespace == STAND_IN_NAMESPACE:
        absent.append("no --namespace")
    if absent:
        common.say(
            f"{' and '.join(absent)}: the source in a version's README.md is {used.source}, with "
            "a stand-in, and a published version never changes"
        )


def _refuse_without_version(*given: str | None) -> None:
    from vpc_cni_iam.errors import UsageError

    if any(option is not None for option in given):
        raise UsageError("--oci-repository, --git-tag and --upload need --version")


def _repository(path: str | None) -> Repository | None:
    import os

    from vpc_cni_iam.publishing.gittag import Repository

    return None if path is None else Repository(common.path(path, "."), os.environ)


def _project(wanted: Upload | None) -> Project | None:
    import os

    from vpc_cni_iam.publishing.gitlab import project

    return None if wanted is None else project(os.environ)


def _finish(done: Published, project: Project | None, saying: Saying) -> None:
    """Bring a version that is written to where it is to go besides."""
    from vpc_cni_iam.publishing.gitlab import upload

    if done.tagging is not None:
        done.tagging.finish()
        saying.tag(done.tagging)
    if project is not None:
        saying.upload(project.project, upload(project, done.proposal.version, done.archive))


@registry.command(help=SERVE)
def serve(
    directory: Annotated[str, typer.Argument(metavar="DIRECTORY", help="What publish wrote.")],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; 0 for any free one.")
    ] = 0,
    registry_host: Annotated[
        str | None,
        typer.Option(
            "--registry-host",
            metavar="HOST",
            help="Host name to serve it under.  [default: the one recorded in DIRECTORY]",
        ),
    ] = None,
) -> None:
    """See `SERVE`."""
    from vpc_cni_iam.publishing.destination import DestinationOptions, resolve
    from vpc_cni_iam.publishing.serve import configuration, server

    folder, target = common.path(directory, "."), DestinationOptions(registry_host, move=True)
    with server(folder, port, common.say) as running:
        host = resolve(folder, target).destination.coordinates.host
        typer.echo("# For the file that TF_CLI_CONFIG_FILE names:")
        typer.echo(configuration(host, running.server_port), nl=False)
        running.serve_forever()
