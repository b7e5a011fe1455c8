"""``vpc-cni-iam compare``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, inputs, never, options
from vpc_cni_iam.cli.expand import value

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.subject import Opener

HELP = """Show how two policies differ, and check whether the new one allows more.

OLD and NEW are a JSON policy, the output of an AWS CLI command such as aws iam get-policy-version,
the JSON of a plan, a .tf file or a module's directory; one of them can be - for JSON on standard
input.

Exit code 0 means: it is proven that NEW allows nothing that OLD does not allow. Exit code 1 means
that NEW allows more, with an example request, or that this is not proven: for example, an input has
a policy that was not read. Exit code 3 means that an input cannot be read.

With --never, the policies are those of one role, which --boundary and --scp limit. With --disjoint,
they are those of the roles of two clusters. Exit code 0 then means: proven. Exit code 1 means that
an example request shows the opposite, or that this is not proven.

\b
Examples:
  vpc-cni-iam compare old.json new.json
  vpc-cni-iam compare live.json infra/cni --document ipv4 --region eu-west-1
  aws iam get-policy-version --policy-arn ARN --version-id v1 |
    vpc-cni-iam compare - new.json --format json
  vpc-cni-iam compare --never iam:PassRole --never 'ec2:Run*' policy.json
  vpc-cni-iam compare --disjoint prod.json stage.json
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
    asked: never.NeverOptions,
    limits: options.LimitOptions,
    document: list[str] | None = value(
        "NAME", "Name of a policy in OLD and NEW, if they have several; repeat for more."
    ),
    old_document: list[str] | None = value(
        "NAME", "Its name in OLD, if that is another; repeat for more."
    ),
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.errors import UsageError

    inputs.check_once([*policies, *limits.files, *(variables.var_file or ())])
    opener = variables.opener(surroundings.values)
    if any(limits.files) and not asked.never:
        raise UsageError("--boundary and --scp need --never")
    if asked.never or asked.disjoint:
        answer = never.answered(asked, policies, limits, document or (), opener)
        common.show_result(answer, output, map(common.folded, never.lines(answer)))
        raise typer.Exit(0 if answer.proven else 1)
    if asked.clusters:
        raise UsageError("--clusters needs --disjoint")
    if len(policies) != 2:  # noqa: PLR2004
        raise UsageError(f"compare needs two policies, OLD and NEW, not {len(policies)}")
    chosen = (old_document or document or (), document or ())
    raise typer.Exit(_compare(policies, chosen, opener, output))


def _compare(
    policies: Sequence[str],
    documents: Sequence[Sequence[str]],
    opener: Opener,
    output: common.Format,
) -> int:
    """Print how two policies differ, and return the exit code."""
    from vpc_cni_iam.cli import compare_text
    from vpc_cni_iam.inputs.variables import check_used
    from vpc_cni_iam.review.diff import two_policies as between

    sides = [
        between.side(target, chosen, opener)
        for target, chosen in zip(policies, documents, strict=True)
    ]
    check_used(opener.user_values, policies)
    difference = between.between(*sides)
    if output is common.Format.json:
        common.show_json(difference)
    else:
        compare_text.show_between(difference)
    return 0 if difference.access.verdict == "no new access" else 1
