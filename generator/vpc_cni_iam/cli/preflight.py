"""``vpc-cni-iam preflight``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from vpc_cni_iam.cli import common, inputs, versions
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.names import name

HELP = """List the instances and network interfaces that lack the tags a scoped policy needs.

The files hold what the two commands of the examples print, in any order and number of pages; - is
standard input. Either command alone will do; with both, nodes
are told from other instances. Exit code 1 says that something would break under the policy.

\b
Examples:
  aws ec2 describe-instances >instances.json
  aws ec2 describe-network-interfaces >interfaces.json
  vpc-cni-iam preflight instances.json interfaces.json --cluster-name prod
  aws ec2 describe-instances |
    vpc-cni-iam preflight - --cluster-name prod --harden
  vpc-cni-iam preflight *.json --cluster-name prod --variant ipv6-scoped
"""


def _print_schema(wanted: bool) -> None:
    if wanted:
        from vpc_cni_iam.preflight.report import schema

        common.show_json(schema())
        raise typer.Exit


def preflight(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="What aws printed; - is standard input.")
    ],
    cluster_name: Annotated[str, name("--cluster-name", "Cluster's name.")],
    vpc_id: Annotated[
        str | None, name("--vpc-id", "VPC of the nodes.  [default: the one they are in]")
    ] = None,
    variant: Annotated[str, common.variant("Variant to move to.")] = "ipv4-scoped",
    revision: common.RevisionOption = None,
    cni_version: versions.VersionOption = None,
    strict: versions.StrictOption = False,
    feature: common.FeatureOption = None,
    harden: common.HardenOption = False,
    additional_tag_key: common.TagKeyOption = None,
    eni_claim_tag: common.ClaimTagOption = None,
    output: common.FormatOption = Format.text,
    _schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            help="Print the JSON Schema of --format json, and nothing else.",
            callback=_print_schema,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.options import options
    from vpc_cni_iam.inputs import ec2
    from vpc_cni_iam.inputs.kind import Content
    from vpc_cni_iam.preflight import findings, report
    from vpc_cni_iam.texts.limits import INVENTORY

    inputs.check_once(files)
    chosen = options(
        (variant,),
        revision=revision,
        cni_version=cni_version,
        features=feature or (),
        hardening=common.hardening(harden, additional_tag_key, eni_claim_tag),
    )
    (composed,) = chosen.composed()
    stdin = partial(inputs.text, "-", limit=INVENTORY)
    inventory = ec2.read(Content.of(file, stdin, INVENTORY) for file in files)
    result = findings.preflight(inventory, composed, cluster_name, vpc_id)
    if output is Format.json:
        common.show_json(report.to_json(result))
    for line in report.to_text(result) if output is Format.text else ():
        common.show(line)
    raise typer.Exit(1 if result.breaks else 0)
