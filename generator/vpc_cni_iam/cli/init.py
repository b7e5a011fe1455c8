"""``vpc-cni-iam init``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import FORMAT, QUIET

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.options import Options

HELP = """Create vpc-cni-iam.toml, the configuration of the modules in this repository.

\b
Examples:
  vpc-cni-iam init && vpc-cni-iam sync
  vpc-cni-iam init --path infra/modules/vpc-cni --variant ipv6-scoped
  vpc-cni-iam init --cni-version v1.20.4
"""


def init(
    path: str = value("DIRECTORY", "Directory of the module.", "modules/vpc-cni-iam-policy"),
    variant: list[str] | None = options.variant(
        "Variant; repeat for more. `catalog` lists them.  [default: ipv4-scoped]"
    ),
    cni_version: str | None = options.plugin_version(
        "Plugin version that the policies must work with.  [default: latest]"
    ),
    harden: bool | None = options.HARDEN,
    config_schema: bool = flag("Print the JSON Schema of the file and exit."),
    quiet: bool = QUIET,
    output: Format = FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.facts.plugin_version import LATEST
    from vpc_cni_iam.files.tree import FileChange, WriteAction
    from vpc_cni_iam.vendoring.configuration.tables import schema_text
    from vpc_cni_iam.vendoring.init import first_options
    from vpc_cni_iam.vendoring.init import init as write

    if config_schema:
        typer.echo(schema_text(), nl=False)
        return
    chosen = first_options(variant or (), cni_version or LATEST, harden=harden)
    created = write(Path(), path, chosen)
    if output is Format.json:
        common.show_json(FileChange(str(created), WriteAction.CREATE))
    elif not quiet:
        common.show(f"create  {created}")
        common.say("next, write the module: vpc-cni-iam sync; its README shows how to call it")
        _say_preconditions(chosen)


def _say_preconditions(chosen: Options) -> None:
    """Say what must be true before the module is applied, and the command that shows it."""
    from vpc_cni_iam.catalog.notes import preconditions

    if not (lines := preconditions(chosen)):
        return
    name = next(v.name for v in chosen.variants if v.cluster_scoped)
    command = ["vpc-cni-iam", "preflight", "instances.json", "interfaces.json"]
    command += ["--cluster-name", "NAME", "--variant", name, *chosen.selection.arguments()]
    command += ["--daemonset", "aws-node.json"]
    common.say(
        "before you apply it:",
        *(f"  {line}" for line in lines),
        "to see what is missing:",
        "  aws ec2 describe-instances >instances.json",
        "  aws ec2 describe-network-interfaces >interfaces.json",
        "  kubectl get daemonset aws-node -n kube-system -o json >aws-node.json",
        f"  {shlex.join(command)}",
    )
