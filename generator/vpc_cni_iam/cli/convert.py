"""``vpc-cni-iam convert``."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, inputs, reverse
from vpc_cni_iam.errors import UsageError, VpcCniIamError

if TYPE_CHECKING:
    from vpc_cni_iam.converting.batch import Batch, Input
    from vpc_cni_iam.files.tree import FileChange

HELP = """Turn IAM policies in JSON into aws_iam_policy_document data sources, and back.

FILE is a policy document, or what the AWS CLI prints of one or many, such as
aws iam get-policy-version or get-account-authorization-details; - is standard input. The HCL
means exactly what the JSON means, and what is written otherwise is said on stderr. A document that
the data source cannot express is refused with its place and the reason; the others are converted
all the same, and the exit code is 3.

With --from-hcl, FILE is a .tf file, and its policies are printed as JSON: data sources, jsonencode
and heredocs. Exit code 1 says that some are left out, since only an engine can know them;
--document names those to print. With --rewrite, the heredocs and jsonencode in a .tf file that the
AWS provider takes for IAM policies become data sources beside their resources, and nothing else in
it changes.

\b
Examples:
  vpc-cni-iam convert policy.json > policy.tf
  aws iam get-role-policy --role-name app --policy-name s3 |
    vpc-cni-iam convert - --name app_s3
  vpc-cni-iam convert policies/*.json --output terraform --partition-aware
  vpc-cni-iam convert key.json --parametrize account_id=111122223333
  vpc-cni-iam convert --from-hcl iam.tf --output policies
  vpc-cni-iam convert --rewrite iam.tf --dry-run
"""

# Fewer files are done before a bar is seen.
_MANY = 100


class Format(StrEnum):
    """How to print the result."""

    hcl = "hcl"
    json = "json"


def convert(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="JSON or .tf files; - is standard input.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the data source.  [default: from the file name]"
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="DIRECTORY", help="Directory to write to, one file a document."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="Print HCL, or a report in JSON that holds it.")
    ] = Format.hcl,
    parametrize: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Write variable KEY where VALUE is a whole value or part of an ARN; repeat for "
            "more.",
        ),
    ] = None,
    partition_aware: Annotated[
        bool, typer.Option("--partition-aware", help="Let ARNs name the partition in use.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option(help="Convert the others if a document is refused.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace differing files; a copy is kept as *.orig.")
    ] = False,
    from_hcl: Annotated[
        bool, typer.Option("--from-hcl", help="Print the policies of .tf files as JSON.")
    ] = False,
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Replace the policies in .tf files by data sources."),
    ] = False,
    document: Annotated[
        list[str] | None,
        typer.Option(
            "--document",
            metavar="NAME",
            help="With --from-hcl: this policy alone, by its address; repeat for more.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --rewrite: print the change, write nothing.")
    ] = False,
) -> None:
    """See `HELP`."""
    if from_hcl or rewrite or dry_run or document:
        forward = {"name": name, "parametrize": parametrize, "partition-aware": partition_aware}
        into = {"output": output is not None, "force": force} if rewrite else {}
        reverse.check(from_hcl, rewrite, dry_run, bool(document), {**forward, **into})
        if rewrite:
            reverse.rewrite(files, dry_run, form is Format.json)
        else:
            reverse.from_hcl(files, document or (), output, form is Format.json, force)
        return
    from vpc_cni_iam.converting.batch import ConvertOptions
    from vpc_cni_iam.converting.batch import convert as run
    from vpc_cni_iam.converting.parametrize import parameters

    gc.disable()  # Nothing here refers to itself, and looking for such costs a fifth of the time.
    inputs = _inputs(files, output is not None or form is Format.json)
    options = ConvertOptions(name or "", parameters(parametrize or ()), partition_aware, keep_going)
    with _progress(len(inputs)) as step:
        batch = run(inputs, options, step)
    _show(batch, form, output, force)
    if batch.failures:
        raise typer.Exit(VpcCniIamError.exit_code)


def _inputs(files: Sequence[str], several: bool) -> list[Input]:
    from vpc_cni_iam.converting.batch import Input
    from vpc_cni_iam.inputs import hcl

    for file in files:
        if kind := hcl.kind_of(file):
            ways = "--from-hcl prints its policies as JSON, --rewrite makes data sources of them"
            raise UsageError(f"{file} is {kind.name}; {ways}")
    if len(files) > 1 and not several:
        raise UsageError(
            f"{len(files)} files: say where the HCL of each goes with --output DIRECTORY"
        )
    inputs.check_once(files)

    return [Input(inputs.source(file), partial(inputs.text, file, "JSON")) for file in files]


def _show(batch: Batch, form: Format, output: str | None, force: bool) -> None:
    from vpc_cni_iam.converting import report

    for line in report.lines(batch):
        common.say(line)
    changes: tuple[FileChange, ...] = ()
    if output is not None and batch.converted:
        from vpc_cni_iam.converting.output import save

        changes = save(common.path(output, "."), batch.files(), force=force)
    if form is Format.json:
        common.show_json(report.data(batch))
    elif output is None:
        typer.echo(batch.text(), nl=False)
    else:
        for change in changes:
            typer.echo(f"{change.kind:<7} {Path(output or '.') / change.path}")


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal while many files are read."""
    if total < _MANY or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Converting", total=total)
        yield lambda: progress.advance(task)
