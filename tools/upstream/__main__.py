"""Compares upstream's page and source with the catalog.

python -m tools.upstream check|import|calls|follow
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from tools.engines.cache import UnavailableError
from tools.upstream import proxy
from tools.upstream.against import Action, against, release_to_compare
from tools.upstream.calls import Site
from tools.upstream.calls import calls as read_calls
from tools.upstream.check import Compared, compare
from tools.upstream.checkout import read_checkout
from tools.upstream.page import documents
from tools.upstream.revision import Origin, checkout_folder, data_files
from vpc_cni_iam.catalog.facts.documents import find, revisions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.help import Command
from vpc_cni_iam.cli.main import run
from vpc_cni_iam.cli.options import FORMAT
from vpc_cni_iam.files.tree import write
from vpc_cni_iam.policy.report import difference_lines
from vpc_cni_iam.texts import decode
from vpc_cni_iam.texts.limits import PAGE

UPSTREAM = """Compare upstream's page and source with the catalog, and import a new revision."""
CHECK = """Say how the documents on upstream's page differ in meaning from the catalog's.

PAGE is docs/iam-policy.md of amazon-vpc-cni-k8s or a copy of it; - is standard input.
Headings, fences and line breaks may be lost. Exit code 1 says that something differs.

\b
Examples:
  python -m tools.upstream check amazon-vpc-cni-k8s/docs/iam-policy.md
  git show origin/master:docs/iam-policy.md | python -m tools.upstream check -
  python -m tools.upstream check iam-policy.md --revision 2024-07-22 --format json
"""
IMPORT = """Write the catalog's data file of a new revision of upstream's page, to be committed.

The file of the revision before it is written too, with the last version that shipped it.

\b
Example:
  python -m tools.upstream import docs/iam-policy.md --cni-version v1.24.0 \\
    --commit 0123456789abcdef0123456789abcdef01234567 --date 2026-11-02 \\
    --subject "Update the IAM policy"
"""
CALLS = """List the AWS calls in a checkout of the plugin's Go source.

The source is read and not compiled: functions are followed by name from each program's main, and
guards are not evaluated. What names cannot decide is listed as undecided. Exit code 1 says that
the catalog does not know a call, has one that was not found, or that something is undecided.

\b
Examples:
  python -m tools.upstream calls amazon-vpc-cni-k8s
  python -m tools.upstream calls amazon-vpc-cni-k8s --cni-version v1.18.0
"""

FOLLOW = """Say which plugin versions are newer than the catalog, and propose the data of one.

The Go module proxy lists the versions, also of the network policy agent and of the VPC resource
controller; a list need not have every version. One of the plugin is downloaded as a module; its
page and its calls are compared with the catalog, and its agent is run by the probe, which wants
root. The data files are written to DIRECTORY. Exit code 0 says that nothing in the lists is newer,
1 that something is, 3 that Go or the proxy is not there.

\b
Examples:
  python -m tools.upstream follow
  python -m tools.upstream follow --cni-version v1.24.0 --output build/follow
"""

upstream = typer.Typer(
    help=UPSTREAM,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
command = partial(upstream.command, cls=Command)
PageArgument = Annotated[str, typer.Argument(metavar="PAGE", help="The page; - is standard input.")]


@command(help=CHECK, short_help="Compare upstream's page with the catalog.")
def check(
    page: PageArgument,
    revision: str | None = options.revision(
        "Compare with the revision of this date.  [default: the newest]"
    ),
    output: Format = FORMAT,
) -> None:
    """See `CHECK`."""
    known = find(revision) if revision else revisions()[-1]
    content, source = inputs.content(page, PAGE), inputs.source(page)
    compared = compare(documents(decode(content, source), source), known)
    if output is Format.json:
        data = {"revision": known.name, "documents": [asdict(c) for c in compared]}
        common.show_json(data)
    else:
        typer.echo(f"compared with revision {known.name}")
        common.show("".join(map(_compared_lines, compared)).rstrip("\n"))
    raise typer.Exit(0 if all(c.state == "same" for c in compared) else 1)


@command("import", help=IMPORT, short_help="Write the data file of a new revision of the page.")
def import_(
    page: PageArgument,
    cni_version: Annotated[
        str,
        typer.Option(metavar="VERSION", help="First plugin version that ships the page."),
    ],
    commit: Annotated[
        str, typer.Option(metavar="HASH", help="The commit that brought it, in full.")
    ],
    date: Annotated[
        str, typer.Option(metavar="DATE", help="The commit's date; its day names the revision.")
    ],
    subject: Annotated[
        str, typer.Option(metavar="TEXT", help="First line of the commit's message.")
    ] = "",
    output: Annotated[
        str | None,
        typer.Option(
            metavar="DIRECTORY",
            help="Directory to write to.  [default: the data folder of this source checkout]",
        ),
    ] = None,
    quiet: bool = options.QUIET,
    print_as: Format = FORMAT,
) -> None:
    """See `IMPORT`."""
    content, source = inputs.content(page, PAGE), inputs.source(page)
    origin = Origin(commit, date, subject, PluginVersion.of(cni_version))
    written = data_files(content, source, origin)
    folder = checkout_folder() if output is None else common.path(output, "")
    common.show_changes(folder, write(folder, written), print_as, quiet=quiet)


@command(help=CALLS)
def calls(
    checkout: Annotated[Path, typer.Argument(metavar="CHECKOUT", help="The checkout's directory.")],
    cni_version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="Plugin version that is checked out.  [default: latest]"
        ),
    ] = None,
    output: Format = FORMAT,
) -> None:
    """See `CALLS`."""
    compared = release_to_compare(cni_version)
    source_calls = read_calls(read_checkout(checkout))
    actions = against(source_calls, compared)
    if output is Format.json:
        data = {
            "version": str(compared),
            "programs": source_calls.programs,
            "actions": [asdict(a) for a in actions],
            "undecided": [asdict(u) for u in source_calls.undecided],
        }
        common.show_json(data)
    else:
        typer.echo(f"compared with the catalog's calls of {compared}")
        typer.echo("".join(map(_action_lines, actions)), nl=False)
        for u in source_calls.undecided:
            typer.echo(f"undecided {_sites((u.site,))}: {u.text}")
    raise typer.Exit(0 if all(a.clean for a in actions) and not source_calls.undecided else 1)


@command("follow", help=FOLLOW, short_help="Propose the data of a newer version.")
def follow_(
    cni_version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version.  [default: the newest]")
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="DIRECTORY", help="Directory to write to.")
    ] = Path("build/follow"),
    probe: Annotated[bool, typer.Option("--probe/--no-probe", help="Run the agent.")] = True,
) -> None:
    """See `FOLLOW`."""
    from tools.upstream import follow  # it needs grpc, the other commands do not

    try:
        plugin, *others = follow.listed(proxy.versions)
        typer.echo("\n".join(each.line for each in (plugin, *others)))
        to_read = [f"to read: {each.module} {each.newer[-1]}" for each in others if each.newer]
        typer.echo("".join(f"{line}\n" for line in to_read), nl=False)
        if cni_version is None and not plugin.newer:
            raise typer.Exit(1 if to_read else 0)
        version = PluginVersion.of(cni_version) if cni_version else plugin.newer[-1]
        proposal = follow.propose(proxy.download(version), probe_evidence if probe else None)
    except UnavailableError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(3) from None
    write(output, proposal.files)
    typer.echo(f"proposed for {proposal.version}, in {output}:")
    for name in proposal.files:
        common.show(f"  {name}")
    typer.echo("what was found:")
    for line in proposal.facts:
        common.show(f"- {line}")
    typer.echo("what a person must still decide:")
    for line in proposal.decisions:
        common.show(f"- [ ] {line}")
    raise typer.Exit(1)


def probe_evidence(version: PluginVersion) -> dict[str, Any]:
    """Return what the probe observes of a version."""
    from tools.plugin_probe.build import agent
    from tools.plugin_probe.case import run as run_case
    from tools.plugin_probe.evidence import evidence
    from tools.plugin_probe.live import with_policies

    binary = str(agent(version))
    observed = evidence(version, binary, run_case, lambda text: typer.echo(text, err=True))
    return observed | {"policies": with_policies(version, binary, run_case)}


def _compared_lines(compared: Compared) -> str:
    lines = [f"{compared.state:<9}{compared.kind:<13}{compared.place}".rstrip()]
    if compared.state != "same":
        lines += map(str, difference_lines(compared.differences))
    lines += filter(None, [compared.note])
    return f"\n{'':9}".join(lines).rstrip() + "\n"


def _action_lines(action: Action) -> str:
    line = f"{action.state:<10}{action.name:<36} {_sites(action.sites)}".rstrip()
    return f"{line}\n{'':10}{action.note}\n" if action.note else f"{line}\n"


def _sites(sites: tuple[Site, ...]) -> str:
    lines: dict[str, list[str]] = {}
    for site in sites:
        lines.setdefault(site.file, []).append(str(site.line))
    return ", ".join(f"{file}:{','.join(dict.fromkeys(n))}" for file, n in lines.items())


def main() -> None:
    """Run the command line."""
    run(lambda: upstream(prog_name="python -m tools.upstream"))


if __name__ == "__main__":
    main()
