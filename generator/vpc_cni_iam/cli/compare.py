"""``vpc-cni-iam compare``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from vpc_cni_iam.cli import common, inputs, names

HELP = """Say how two policies differ, and whether the new one allows anything new.

OLD and NEW are each a JSON policy, what the AWS CLI prints of one, such as aws iam
get-policy-version, the JSON of a plan, a .tf file, a module's directory, or - for JSON on standard
input, once. Exit code 0 says that it is proven that NEW allows nothing that OLD does not; 1 that it
does, with a request that shows it, or that neither is proven, as where an input holds a policy that
was not read and --document chooses no others; 3 that one cannot be read.

\b
Examples:
  vpc-cni-iam compare old.json new.json
  vpc-cni-iam compare live.json infra/cni --document ipv4 --region eu-west-1
  aws iam get-policy-version --policy-arn ARN --version-id v1 |
    vpc-cni-iam compare - new.json --format json
"""


def compare(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="The policy before: a path; - is standard input.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The policy after, likewise.")],
    document: Annotated[
        list[str] | None,
        typer.Option(
            "--document",
            metavar="NAME",
            help="One of several policies in OLD and in NEW; repeat for more.",
        ),
    ] = None,
    old_document: Annotated[
        list[str] | None,
        typer.Option(
            "--old-document",
            metavar="NAME",
            help="What it is called in OLD, if otherwise; repeat for more.",
        ),
    ] = None,
    cluster_name: names.ClusterNameOption = None,
    vpc_id: names.VpcIdOption = None,
    partition: names.PartitionOption = None,
    region: names.RegionOption = None,
    account_id: names.AccountIdOption = None,
    vpc_owner_id: names.VpcOwnerIdOption = None,
    output: common.FormatOption = common.Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.cli import compare_text
    from vpc_cni_iam.review.diff import two_policies as between
    from vpc_cni_iam.review.report import json as json_report

    inputs.check_once((old, new))
    given = {
        "cluster_name": cluster_name,
        "vpc_id": vpc_id,
        "partition": partition,
        "region": region,
        "account_id": account_id,
        "vpc_owner_id": vpc_owner_id,
    }
    stdin = partial(inputs.text, "-")
    sides = [
        between.side(target, stdin, chosen or (), given)
        for target, chosen in ((old, old_document or document), (new, document))
    ]
    found = between.between(*sides)
    if output is common.Format.json:
        common.show_json({"format": json_report.FORMAT, **json_report.plain(found)})
    else:
        compare_text.show_between(found)
    raise typer.Exit(0 if found.access.verdict == "no new access" else 1)
