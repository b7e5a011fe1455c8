"""``vpc-cni-iam compare``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import expanded

HELP = """Show how two policies differ, and check whether the new one allows more.

OLD and NEW are a JSON policy, the output of an AWS CLI command such as aws iam get-policy-version,
the JSON of a plan, a .tf file or a module's directory; one of them can be - for JSON on standard
input. Exit code 0 means: proven that NEW allows nothing that OLD does not allow. Exit code 1 means
that NEW allows more, with an example request, or that neither is proven, for example because an
input has a policy that was not read and --document does not select others. Exit code 3 means that
an input cannot be read.

\b
Examples:
  vpc-cni-iam compare old.json new.json
  vpc-cni-iam compare live.json infra/cni --document ipv4 --region eu-west-1
  aws iam get-policy-version --policy-arn ARN --version-id v1 |
    vpc-cni-iam compare - new.json --format json
"""


@expanded
def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Policy before: a path, or -.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Policy after: a path, or -.")],
    surroundings: options.ClusterOptions,
    variables: options.VariableOptions,
    document: Annotated[
        list[str] | None,
        typer.Option(
            "--document",
            metavar="NAME",
            help="Name of a policy in OLD and NEW, if they have several; repeat for more.",
        ),
    ] = None,
    old_document: Annotated[
        list[str] | None,
        typer.Option(
            "--old-document",
            metavar="NAME",
            help="Its name in OLD, if that is another; repeat for more.",
        ),
    ] = None,
    output: options.FormatOption = options.Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.cli import compare_text
    from vpc_cni_iam.inputs.variables import check_used
    from vpc_cni_iam.review.diff import two_policies as between
    from vpc_cni_iam.review.report import json as json_report

    inputs.check_once((old, new, *(variables.var_file or ())))
    given = variables.read()
    stdin = partial(inputs.text, "-")
    sides = [
        between.side(target, stdin, chosen or (), surroundings.values, given)
        for target, chosen in ((old, old_document or document), (new, document))
    ]
    check_used(given, (old, new))
    difference = between.between(*sides)
    if output is options.Format.json:
        common.show_json({"format": json_report.FORMAT, **json_report.plain(difference)})
    else:
        compare_text.show_between(difference)
    raise typer.Exit(0 if difference.access.verdict == "no new access" else 1)
