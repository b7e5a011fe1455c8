"""What ``vpc-cni-iam convert`` does with .tf files."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vpc_cni_iam.cli import common, inputs
from vpc_cni_iam.errors import InputError, UsageError, VpcCniIamError

if TYPE_CHECKING:
    from vpc_cni_iam.converting.from_hcl import Reading, Unread
    from vpc_cni_iam.converting.rewrite import Rewriting
    from vpc_cni_iam.hcl.syntax import File, Node


def check(
    from_hcl: bool, rewrite: bool, dry_run: bool, document: bool, others: Mapping[str, object]
) -> None:
    """Refuse options that do not go together.

    Args:
        from_hcl: Whether policies are to be read.
        rewrite: Whether files are to be rewritten.
        dry_run: Whether nothing is to be written.
        document: Whether policies are named.
        others: Other options by name, with what was given for them.

    Raises:
        UsageError: They do not.
    """
    if from_hcl and rewrite:
        raise UsageError("--from-hcl reads and --rewrite writes; give one of the two")
    if dry_run and not rewrite:
        raise UsageError("--dry-run goes with --rewrite")
    if document and not from_hcl:
        raise UsageError("--document goes with --from-hcl")
    way = "--rewrite" if rewrite else "--from-hcl"
    if given := [f"--{name}" for name, value in others.items() if value]:
        raise UsageError(f"{', '.join(given)} and {way} do not go together")


def from_hcl(
    files: Sequence[str], documents: Sequence[str], output: str | None, as_json: bool, force: bool
) -> None:
    """Print or write the policies of .tf files as JSON.

    Args:
        files: The files; ``-`` is standard input.
        documents: The policies to take, by address or name; none for all.
        output: The directory to write to, one file a policy.
        as_json: Print a report that holds them all.
        force: Replace files of the directory that differ.
    """
    from vpc_cni_iam.converting import from_hcl
    from vpc_cni_iam.converting.output import save
    from vpc_cni_iam.converting.report import first

    inputs.check_once(files)
    found = from_hcl.choose(_readings(files), documents)
    read = [one for one in found if isinstance(one, from_hcl.Reading)]
    unread = [one for one in found if isinstance(one, from_hcl.Unread)]
    if output is None and not as_json and len(read) > 1:
        addresses = "".join(f"\n  {line}" for line in first([one.address for one in read]))
        ways = "name a directory with --output, or one of them with --document"
        raise UsageError(f"{len(read)} policies; {ways}:{addresses}")
    _say_readings(read, unread)
    if output is not None and read:
        for change in save(common.path(output, "."), from_hcl.files(read), force=force):
            typer.echo(f"{change.kind:<7} {Path(output) / change.path}")
    if as_json:
        common.show_json(_report(read, unread))
    elif output is None and read:
        typer.echo(read[0].text, nl=False)
    if unread or not read:
        # Code 1 says that what is printed is not all there is.
        failed = not read or documents or not all(one.address for one in unread)
        raise typer.Exit(VpcCniIamError.exit_code if failed else 1)


def _readings(files: Sequence[str]) -> list[Reading | Unread]:
    from vpc_cni_iam.converting.from_hcl import Unread, local_values, read_file, readings

    found: list[Reading | Unread] = []
    read: dict[str, File] = {}
    known: dict[str, Node] = {}
    for file in files:
        try:
            texts = _hcl_texts(file)
        except InputError as error:
            found.append(Unread("", error))
            continue
        for source, text in texts.items():
            try:
                read[source] = read_file(text, source)
                known |= local_values(read[source])
            except InputError as error:
                found.append(Unread("", error))
    for parsed in read.values():
        found += readings(parsed, known)
    if not found:
        sources = ", ".join(read)
        found.append(Unread("", InputError(sources, "", "holds no policy that is written out")))
    return found


def _hcl_texts(file: str) -> dict[str, str]:
    """Return the text of a .tf file, or those of a directory, by the names that errors show."""
    from vpc_cni_iam.inputs.directory import hcl_files
    from vpc_cni_iam.inputs.identify import identify
    from vpc_cni_iam.inputs.kind import Content
    from vpc_cni_iam.texts.limits import HCL

    if Content.of(file, str).is_directory:
        return {str(path): inputs.text(str(path), "HCL", HCL) for path in hcl_files(Path(file))}
    text = inputs.text(file, "HCL", HCL)
    content = Content(inputs.source(file), text=lambda: text)
    if text.lstrip()[:1] in tuple('{["'):
        raise content.refuse(f"is {identify(content).name}; --from-hcl reads .tf and .tofu files")
    return {content.source: text}


def _say_readings(read: Sequence[Reading], unread: Sequence[Unread]) -> None:
    referring = [
        f"{one.source}: line {one.line}: {one.address}: refers to "
        f"{', '.join(f'${{{name}}}' for name in one.references)}; "
        "any other ${...} in it is a policy variable of IAM's"
        for one in read
        if one.references
    ]
    _say(referring)
    _say((f"{u.address}: {u.error}" if u.address else u.error for u in unread), "error: ")
    if len(read) + len(unread) > 1:
        common.say(f"{len(read)} read, {len(unread)} not")


def _say(lines: Iterable[object], mark: str = "") -> None:
    from vpc_cni_iam.converting.report import LIKE_THESE, first

    for line in first([f"{mark}{line}" for line in lines], mark + LIKE_THESE):
        common.say(line)


def _report(read: Sequence[Reading], unread: Sequence[Unread]) -> dict[str, Any]:
    return {
        "documents": [
            {
                "address": one.address,
                "source": one.source,
                "line": one.line,
                "references": list(one.references),
                "document": one.document,
            }
            for one in read
        ],
        "failures": [{"address": o.address, **_failure(o.error)} for o in unread],
    }


def _failure(error: InputError) -> dict[str, str]:
    return {"source": error.source, "path": error.place, "reason": error.problem}


def rewrite(files: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """Replace the policies written out in .tf files by data sources.

    Args:
        files: The files.
        dry_run: Print the change and write nothing.
        as_json: Print a report.
    """
    found, errors = _rewritings(files)
    # Before anything is saved: an interrupted run has said what it refused.
    _say(line for one in found for line in _rewriting_lines(one))
    _say(errors, "error: ")
    unsaved = {} if dry_run else _save(found)
    _say(unsaved.values(), "error: ")
    errors += unsaved.values()
    if as_json:
        kept = {one.path.parent for one in found} if dry_run else unsaved
        common.show_json(_rewriting_report(found, errors, kept))
    else:
        shown = _diff if dry_run else _summary
        done = (one for one in found if one.path.parent not in unsaved)
        typer.echo("".join(map(shown, done)), nl=False)
    if errors or any(left.refused for one in found for left in one.left):
        raise typer.Exit(VpcCniIamError.exit_code)


def _rewritings(files: Sequence[str]) -> tuple[list[Rewriting], list[InputError]]:
    from vpc_cni_iam.converting.module_names import Modules
    from vpc_cni_iam.converting.rewrite import rewriting

    modules = Modules()
    found: list[Rewriting] = []
    errors: list[InputError] = []
    for file in dict.fromkeys(_paths(files, errors)):
        try:
            found.append(rewriting(file, modules))
        except InputError as refused:
            errors.append(refused)
    return found, errors


def _paths(files: Sequence[str], errors: list[InputError]) -> Iterator[Path]:
    """Yield the files, those of a directory in its place."""
    from vpc_cni_iam.inputs.directory import hcl_files

    for path in map(Path, files):
        try:
            yield from hcl_files(path) if path.is_dir() else (path,)
        except InputError as error:
            errors.append(error)


def _save(found: Sequence[Rewriting]) -> dict[Path, InputError]:
    """Write the files of each directory, and return why those of some were not written."""
    from vpc_cni_iam.converting.rewrite import save

    unsaved = {}
    by_directory: dict[Path, list[Rewriting]] = {}
    for one in found:
        by_directory.setdefault(one.path.parent, []).append(one)
    for directory, rewritings in by_directory.items():
        try:
            save(directory, rewritings)
        except InputError as refused:
            unsaved[directory] = refused
        except (VpcCniIamError, OSError) as refused:
            unsaved[directory] = InputError(
                str(directory), "", f"nothing in it was written: {refused}"
            )
    return unsaved


def _diff(one: Rewriting) -> str:
    from vpc_cni_iam.files.unified import unified

    return unified(one.before, one.after, str(one.path), str(one.path))


def _summary(one: Rewriting) -> str:
    return (
        "".join(
            f"replace {one.path}: {r.address} by data.aws_iam_policy_document.{r.name}\n"
            for r in one.replaced
        )
        or f"same    {one.path}\n"
    )


def _rewriting_lines(one: Rewriting) -> Iterator[str]:
    for replaced in one.replaced:
        for note in replaced.notes:
            place = f"{one.path}: line {replaced.line}: {replaced.address}: {note}"
            yield f"{place}; the next plan may show it, but nothing changes in meaning"
    for left in one.left:
        yield f"{'error: ' if left.refused else ''}{left.address} is left: {left.error}"


def _rewriting_report(
    found: Sequence[Rewriting], errors: Sequence[InputError], kept: Container[Path]
) -> dict[str, Any]:
    return {
        "files": [
            {
                "path": str(one.path),
                "saved": one.after != one.before and one.path.parent not in kept,
                "diff": _diff(one),
                "replaced": [
                    {"address": r.address, "line": r.line, "name": r.name, "notes": list(r.notes)}
                    for r in one.replaced
                ],
                "left": [
                    {
                        "address": x.address,
                        "kind": x.kind,
                        "refused": x.refused,
                        **_failure(x.error),
                    }
                    for x in one.left
                ],
            }
            for one in found
        ],
        "failures": [_failure(error) for error in errors],
    }
