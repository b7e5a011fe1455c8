"""``vpc-cni-iam convert``."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, inputs, options
from vpc_cni_iam.cli.common import progress
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.errors import UsageError, VpcCniIamError

if TYPE_CHECKING:
    from vpc_cni_iam.converting.batch import Input
    from vpc_cni_iam.converting.from_hcl import Reading, Unread
    from vpc_cni_iam.files.tree import FileChange
    from vpc_cni_iam.inputs.directory import Directory

HELP = """Convert IAM policies in JSON to aws_iam_policy_document data sources, and back.

FILE is a policy document, or the output of an AWS CLI command such as aws iam get-policy-version
or get-account-authorization-details; - is standard input. The HCL means exactly what the JSON
means. Differences in spelling are printed to stderr. If the data source cannot express a document,
an error names the place and the reason. The other documents are converted, and the exit code is 3.

With --from-hcl, FILE is a .tf file or a directory. Its policies are printed as JSON, from data
sources, jsonencode and heredocs. Exit code 1 means that some are left out: only an engine can
evaluate them, or they are in files that are not read. --document selects policies, --var gives
values to variables, and --engine renders policies that only an engine can evaluate.

\b
Examples:
  vpc-cni-iam convert policy.json > policy.tf
  aws iam get-role-policy --role-name app --policy-name s3 |
    vpc-cni-iam convert - --name app_s3
  vpc-cni-iam convert policies/*.json --output terraform --partition-aware
  vpc-cni-iam convert key.json --parametrize account_id=111122223333
  vpc-cni-iam convert --from-hcl iam.tf --output policies
  vpc-cni-iam convert --from-hcl iam.tf --var cluster_name=prod
  vpc-cni-iam convert --from-hcl iam.tf --engine terraform
"""

_NONE = options.RenderingEngine.none


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
    parametrize: list[str] | None = value(
        "KEY=VALUE",
        "Replace VALUE with variable KEY, as a whole value or in an ARN; repeat for more.",
    )
    partition_aware: bool = flag("Use the current partition in ARNs.")
    keep_going: bool = flag(
        "Convert the other documents if one cannot be converted.",
        "--keep-going/--no-keep-going",
        default=True,
    )
    force: bool = flag("Replace files that differ; keep a copy as *.orig.")
    from_hcl: bool = flag("Print the policies of .tf files as JSON.")
    document: list[str] | None = value(
        "NAME", "With --from-hcl: only the policy with this address; repeat for more."
    )

    @property
    def as_json(self) -> bool:
        """Whether to print a report in JSON."""
        return self.form is ConvertFormat.json

    def check(self) -> None:
        """Raise `UsageError` for options that exclude each other."""
        if self.document and not self.from_hcl:
            raise UsageError("--document needs --from-hcl")
        if not self.from_hcl:
            return
        excluded = {
            "--name": self.name is not None,
            "--parametrize": self.parametrize,
            "--partition-aware": self.partition_aware,
        }
        if names := [name for name, value in excluded.items() if value]:
            raise UsageError(f"{', '.join(names)} cannot be used with --from-hcl")


def convert(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="JSON or .tf files; - is standard input."),
    ],
    chosen: ConvertCommandOptions,
    variables: options.ModuleOptions,
) -> None:
    """See `HELP`."""
    chosen.check()
    inputs.check_once(files)
    once: dict[str | PurePath, str] = {}  # one path may be spelled in two ways
    for file in files:
        once.setdefault(file if file == "-" else PurePath(file), file)
    files = list(once.values())
    needs_hcl = variables.var or variables.var_file or variables.engine is not _NONE
    if needs_hcl and not chosen.from_hcl:
        raise UsageError("--var, --var-file and --engine need --from-hcl")
    if chosen.from_hcl:
        _from_hcl(files, chosen, variables)
    else:
        _to_hcl(files, chosen)


def _to_hcl(files: Sequence[str], chosen: ConvertCommandOptions) -> None:
    from vpc_cni_iam.converting import report
    from vpc_cni_iam.converting.batch import ConvertOptions
    from vpc_cni_iam.converting.batch import convert as run
    from vpc_cni_iam.converting.data import conversion_data
    from vpc_cni_iam.converting.parametrize import parameters

    gc.disable()  # There are no reference cycles here, and the collector takes a fifth of the time.
    documents = _inputs(files, several=chosen.output is not None or chosen.as_json)
    names = parameters(chosen.parametrize or ())
    how = ConvertOptions(chosen.name, names, chosen.partition_aware, chosen.keep_going)
    with progress("converting") as passed:
        batch = run(documents, how, passed)
    for line in report.lines(batch):
        common.say(line)
    _show(chosen, batch.files, partial(conversion_data, batch), batch.text)
    if batch.failures:
        raise typer.Exit(VpcCniIamError.exit_code)


def _inputs(files: Sequence[str], *, several: bool) -> list[Input]:
    from vpc_cni_iam.converting.batch import Input
    from vpc_cni_iam.inputs.identify import of_path

    for file in files:
        if kind := of_path(file):
            raise UsageError(f"{file} is {kind.name}; --from-hcl prints its policies as JSON")
    if len(files) > 1 and not several:
        raise UsageError(
            f"{len(files)} files: write the HCL of each to a directory with --output DIRECTORY"
        )
    return [Input(inputs.source(file), partial(inputs.text, file, "JSON")) for file in files]


def _show(
    chosen: ConvertCommandOptions,
    files: Callable[[], Mapping[str, str]],
    data: Callable[[], object],
    text: Callable[[], str],
) -> None:
    """Print a result as JSON, as text, or as the files that are written to a directory."""
    from vpc_cni_iam.converting.output import save

    changes: Sequence[FileChange] = ()
    directory = common.path(chosen.output, ".")
    if chosen.output is not None and (texts := files()):
        changes = save(directory, texts, force=chosen.force)
    if chosen.as_json:
        common.show_json(data())
    elif chosen.output is None:
        typer.echo(text(), nl=False)
    else:
        common.show_changes(directory, changes, common.Format.text, quiet=False)


def _from_hcl(
    files: Sequence[str], chosen: ConvertCommandOptions, variables: options.ModuleOptions
) -> None:
    from vpc_cni_iam.converting import from_hcl, report
    from vpc_cni_iam.converting.data import reading_data

    readings = _readings(files, variables)
    policies = from_hcl.choose(readings, chosen.document or ())
    read = [policy for policy in policies if isinstance(policy, from_hcl.Reading)]
    unread = [policy for policy in policies if isinstance(policy, from_hcl.Unread)]
    if chosen.output is None and not chosen.as_json and len(read) > 1:
        addresses = "".join(f"\n  {line}" for line in report.first([r.address for r in read]))
        advice = "name a directory with --output, or choose one with --document"
        raise UsageError(f"{len(read)} policies; {advice}:{addresses}")
    for line in report.reading_lines(read, unread):
        common.say(line)
    texts, data = partial(from_hcl.files, read), partial(reading_data, read, unread)
    _show(chosen, texts, data, lambda: read[0].text if read else "")
    if unread or not read:
        # Code 1 means that the output leaves policies out.
        failed = not read or chosen.document or not all(u.address for u in unread)
        raise typer.Exit(VpcCniIamError.exit_code if failed else 1)


def _readings(files: Sequence[str], variables: options.ModuleOptions) -> list[Reading | Unread]:
    from vpc_cni_iam.converting.from_hcl import read_files
    from vpc_cni_iam.inputs.directory import Directory
    from vpc_cni_iam.inputs.variables import check_declared

    inputs.check_once([*files, *(variables.var_file or ())])
    values = variables.read()
    texts = (partial(_hcl_texts, file) for file in files)
    needs_beside = values.names or values.renderer
    beside = _beside(files) if needs_beside else Directory({}, ())
    readings = read_files([*texts, lambda: Directory({}, beside.skipped)], beside.texts, values)
    # A file that was not read, which has no address, may declare the variable.
    if all(reading.address for reading in readings):
        check_declared(values)
    return readings


def _hcl_texts(file: str) -> Directory:
    """Return the texts of a .tf file or of a directory, by their names in errors."""
    from vpc_cni_iam.inputs.directory import Directory, overrides_beside, read_directory
    from vpc_cni_iam.inputs.hcl import FILE
    from vpc_cni_iam.inputs.identify import identify, of_path
    from vpc_cni_iam.inputs.kind import Content
    from vpc_cni_iam.texts.limits import HCL

    if Content.of(file, str).is_directory:
        return read_directory(Path(file))
    text = inputs.text(file, "HCL", HCL)
    content = Content(inputs.source(file), text=lambda: text)
    if text.lstrip()[:1] in tuple('{["'):
        raise content.refuse(f"is {identify(content).name}; --from-hcl reads .tf and .tofu files")
    skipped = overrides_beside(Path(file)) if of_path(file) is FILE else ()
    return Directory({content.source: text}, skipped)


def _beside(files: Sequence[str]) -> Directory:
    """Return the other files in the modules of some files."""
    from vpc_cni_iam.inputs.directory import Directory, read_beside
    from vpc_cni_iam.inputs.hcl import FILE
    from vpc_cni_iam.inputs.identify import of_path

    every = [read_beside(Path(file)) for file in files if of_path(file) is FILE]
    own = {*map(os.path.normpath, files)}
    texts = {n: text for beside in every for n, text in beside.texts.items() if n not in own}
    return Directory(texts, tuple(part for beside in every for part in beside.skipped))
