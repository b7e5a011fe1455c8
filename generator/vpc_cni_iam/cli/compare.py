"""``vpc-cni-iam compare``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.expand import value

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.subject import Opener

HELP = """Show how two policies differ, and check whether the new one allows more.

OLD and NEW are each a JSON policy, the output of an AWS CLI command such as aws iam
get-policy-version, the JSON of a plan, a .tf file or a module's directory. One of them can be - for
JSON on standard input.

Exit code 0 means that NEW is proven to allow nothing that OLD does not allow. Exit code 1 means
that NEW allows more, with an example request, or that there is no proof, for example because a
policy in an input was not read. Exit code 3 means that an input cannot be read.

With --never, the policies are those of one role, limited by --boundary and --scp. Exit code 0 then
means that it is proven: no request is allowed. Exit code 1 means that the role is allowed an
example request, or that there is no proof.

\b
Examples:
  vpc-cni-iam compare old.json new.json
  vpc-cni-iam compare live.json infra/cni --document ipv4 --region eu-west-1
  aws iam get-policy-version --policy-arn ARN --version-id v1 |
    vpc-cni-iam compare - new.json --format json
  vpc-cni-iam compare --never iam:PassRole --never 'ec2:Run*' policy.json
"""


def compare(
    policies: Annotated[
        list[str],
        typer.Argument(
            metavar="POLICY...",
            help="OLD and NEW: paths, or -. With --never: the policies of one role.",
        ),
    ],
    surroundings: options.ClusterOptions,
    variables: options.ModuleOptions,
    limits: options.LimitOptions,
    never: list[str] | None = value(
        "ACTION[@RESOURCE]", "Prove that the policies of a role never allow this; repeat for more."
    ),
    document: list[str] | None = value(
        "NAME", "Name of a policy or a role in OLD and NEW, if they have several; repeat for more."
    ),
    old_document: list[str] | None = value(
        "NAME", "Its name in OLD, if it differs; repeat for more."
    ),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.errors import UsageError

    inputs.check_once([*policies, *limits.files, *(variables.var_file or ())])
    opener = variables.opener(surroundings.values)
    if never:
        raise typer.Exit(_never(policies, never, limits, document or (), opener, output))
    if any(limits.files):
        raise UsageError("--boundary and --scp need --never")
    if len(policies) != 2:  # noqa: PLR2004
        raise UsageError(f"compare needs two policies, OLD and NEW, not {len(policies)}")
    chosen = (old_document or document or (), document or ())
    raise typer.Exit(_compare(policies, chosen, opener, output))


def _never(
    policies: Sequence[str],
    targets: Sequence[str],
    limits: options.LimitOptions,
    documents: Sequence[str],
    opener: Opener,
    output: common.Format,
) -> int:
    """Print whether the policies of a role never allow some actions; return the exit code."""
    from vpc_cni_iam.comparing import data, report
    from vpc_cni_iam.comparing.never import never
    from vpc_cni_iam.coverage.subject import of_files

    subject = limits.applied(of_files(policies, documents, opener), opener)
    opener.check_used((*policies, *limits.files))
    result = never(subject, targets)
    lines = (line.text for line in report.never_lines(result))
    common.show_result(data.never_data(result), output, lines, fold=True)
    return 0 if result.proven else 1


def _compare(
    policies: Sequence[str],
    documents: Sequence[Sequence[str]],
    opener: Opener,
    output: common.Format,
) -> int:
    """Print how two policies differ, and return the exit code."""
    from vpc_cni_iam.cli import signed_lines
    from vpc_cni_iam.comparing import data, report
    from vpc_cni_iam.comparing.compare import compare, side

    sides = [
        side(target, chosen, opener) for target, chosen in zip(policies, documents, strict=True)
    ]
    opener.check_used(policies)
    comparison = compare(*sides)
    if output is common.Format.json:
        common.show_json(data.comparison_data(comparison))
    else:
        signed_lines.show(report.comparison_lines(comparison))
    return 0 if comparison.proven else 1
