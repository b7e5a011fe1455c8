"""``vpc-cni-iam compare``."""

from __future__ import annotations

from typing import Annotated

import typer

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import value

HELP = """Show how two policies differ, and check whether the new one allows more.

OLD and NEW are each a JSON policy, the output of an AWS CLI command such as aws iam
get-policy-version, the JSON of a plan, a .tf file or a module's directory. One of them can be - for
JSON on standard input.

Exit code 0 means that NEW is proven to allow nothing that OLD does not allow. Exit code 1 means
that NEW allows more, with an example request, or that there is no proof, for example because a
policy in an input was not read. Exit code 3 means that an input cannot be read.

\b
Examples:
  vpc-cni-iam compare old.json new.json
  vpc-cni-iam compare live.json infra/cni --document ipv4 \\
    --set region=eu-west-1
  aws iam get-policy-version --policy-arn ARN --version-id v1 |
    vpc-cni-iam compare - new.json --format json
"""


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The old policy: a path, or -.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new policy: a path, or -.")],
    surroundings: options.ClusterNames,
    variables: options.ModuleOptions,
    document: list[str] | None = value(
        "NAME", "Name of a policy or a role in OLD and NEW, if they have several; repeat for more."
    ),
    old_document: list[str] | None = value(
        "NAME", "Its name in OLD, if it differs; repeat for more."
    ),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.cli import signed_lines
    from vpc_cni_iam.comparing import report, shown
    from vpc_cni_iam.comparing.compare import compare, side

    inputs.check_once([old, new, *(variables.var_file or ())])
    opener = variables.opener(surroundings.values)
    sides = side(old, old_document or document or (), opener), side(new, document or (), opener)
    opener.check_used((old, new))
    comparison = compare(*sides)
    if output is common.Format.json:
        common.show_json(shown.shown(comparison))
    else:
        signed_lines.show(report.comparison_lines(comparison))
    raise typer.Exit(0 if comparison.proven else 1)
