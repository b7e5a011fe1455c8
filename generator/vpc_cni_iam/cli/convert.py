"""``vpc-cni-iam convert``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.common import progress
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.errors import UsageError, VpcCniIamError

if TYPE_CHECKING:
    from vpc_cni_iam.converting.batch import Batch, Input
    from vpc_cni_iam.files.tree import FileChange

HELP = """Convert IAM policies in JSON to aws_iam_policy_document data sources.

FILE is a policy document, or the output of an AWS CLI command such as aws iam get-policy-version
or get-account-authorization-details; - is standard input. The HCL means exactly what the JSON
means. Differences in spelling are printed to stderr. If the data source cannot express a document,
an error names the place and the reason. The other documents are converted, and the exit code is 3.

\b
Examples:
  vpc-cni-iam convert policy.json > policy.tf
  aws iam get-role-policy --role-name app --policy-name s3 |
    vpc-cni-iam convert - --name app_s3
  vpc-cni-iam convert policies/*.json --output terraform --partition-aware
"""


class ConvertFormat(StrEnum):
    """How to print the result."""

    hcl = "hcl"
    json = "json"


class ConvertCommandOptions(Struct, frozen=True):
    """The options of `convert`."""

    name: str | None = value("NAME", "Name of the data source.  [default: from the file name]")
    output: str | None = value("DIRECTORY", "Write one file for each document to this directory.")
    form: ConvertFormat = options.choice(
        ConvertFormat,
        "--format",
        "Print HCL, or a JSON report that contains it.",
        ConvertFormat.hcl,
    )
    partition_aware: bool = flag("Use the current partition in ARNs.")
    keep_going: bool = flag(
        "Convert the other documents if one cannot be converted.",
        "--keep-going/--no-keep-going",
        default=True,
    )
    force: bool = flag("Replace files that differ; keep a copy as *.orig.")

    @property
    def as_json(self) -> bool:
        """Whether to print a report in JSON."""
        return self.form is ConvertFormat.json


def convert(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="JSON files; - is standard input.")
    ],
    chosen: ConvertCommandOptions,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.converting import report
    from vpc_cni_iam.converting.batch import ConvertOptions
    from vpc_cni_iam.converting.batch import convert as run

    inputs.check_once(files)
    documents = _inputs(files, several=chosen.output is not None or chosen.as_json)
    how = ConvertOptions(chosen.name, chosen.partition_aware, chosen.keep_going)
    with progress("converting") as passed:
        batch = run(documents, how, passed)
    for line in report.lines(batch):
        common.say(line)
    _show(chosen, batch)
    if batch.failures:
        raise typer.Exit(VpcCniIamError.exit_code)


def _inputs(files: Sequence[str], *, several: bool) -> list[Input]:
    """Return the files, each once; one path may be spelled in two ways."""
    from vpc_cni_iam.converting.batch import Input
    from vpc_cni_iam.inputs.identify import of_path

    once: dict[str | PurePath, str] = {}
    for file in files:
        once.setdefault(file if file == "-" else PurePath(file), file)
        if kind := of_path(file):
            advice = "convert reads JSON; terraform show -json prints the policies of a plan"
            raise UsageError(f"{file} is {kind.name}; {advice}")
    if len(once) > 1 and not several:
        raise UsageError(
            f"{len(once)} files: write the HCL of each to a directory with --output DIRECTORY"
        )
    return [Input(inputs.source(f), partial(inputs.text, f)) for f in once.values()]


def _show(chosen: ConvertCommandOptions, batch: Batch) -> None:
    """Print a result as JSON, as HCL, or as the files that are written to a directory."""
    from vpc_cni_iam.converting.output import save

    changes: Sequence[FileChange] = ()
    directory = common.path(chosen.output, ".")
    if chosen.output is not None and (texts := batch.files()):
        changes = save(directory, texts, force=chosen.force)
    if chosen.as_json:
        common.show_json(batch)
    elif chosen.output is None:
        typer.echo(batch.text(), nl=False)
    else:
        common.show_changes(directory, changes, common.Format.text, quiet=False)
