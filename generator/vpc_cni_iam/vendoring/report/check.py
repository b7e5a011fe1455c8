"""A check of vendored modules as lines, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from msgspec import Struct

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.escape import code_cell, escape_line, escape_markdown
from vpc_cni_iam.vendoring.check import ModuleCheck, counts
from vpc_cni_iam.vendoring.manifest import FOLDER
from vpc_cni_iam.vendoring.report.files import NextCommands, next_steps, reason

_NOTE = "note"


class CheckResult(Struct, frozen=True):
    """The result of a check."""

    reports: Sequence[ModuleCheck]
    # Directories that sync wrote and the configuration no longer names.
    orphans: Sequence[str] = ()
    commands: NextCommands = NextCommands()
    outdated: bool = False  # whether an out-of-date pin is also a finding
    warnings: Sequence[str] = ()  # the warnings about the configuration
    no_other_files: bool = False  # whether a file that sync did not write is also a finding

    @property
    def failed(self) -> bool:
        """Whether there is something to do, or nothing was checked."""
        behind = self.outdated and not all(r.module.newest for r in self.reports)
        others = self.no_other_files and any(r.others for r in self.reports)
        return behind or others or not self.reports or not all(r.clean for r in self.reports)


def text(checked: CheckResult, *, quiet: bool = False) -> str:
    """Return a check as lines for a terminal; `quiet` leaves out modules without findings."""
    lines = [line for report in checked.reports for line in _module_text(report, checked)]
    lines += [f"{word:<9}{line}" for word, line in _remarks(checked, quiet=quiet)]
    lines += [] if quiet else [_summary(checked.reports)]
    return "".join(f"{escape_line(line)}\n" for line in lines)


def _module_text(report: ModuleCheck, checked: CheckResult) -> Iterator[str]:
    path = report.module.path
    if not report.clean:
        yield f"{report.state:<9}{path}"
    if report.failure is not None:
        yield f"         {report.failure}"
    wrong = [(f, next_steps(f, path, checked.commands)) for f in report.files if not f.fine]
    for steps, files in groupby(wrong, itemgetter(1)):
        for text, alike in groupby((file for file, _ in files), reason):
            yield f"         {_alike([file.path for file in alike], text)}"
        yield from (f"           {step}" for step in steps)


def _alike(paths: list[str], text: str) -> str:
    return f"{paths[0]} {text}" if len(paths) == 1 else f"{text}: {', '.join(paths)}"


def _remarks(checked: CheckResult, *, quiet: bool) -> Iterator[tuple[str, str]]:
    """Yield lines about pins, other files and accepted edits; with `quiet`, no notes."""
    behind, other = (
        word if forbidden else _NOTE
        for word, forbidden in (("behind", checked.outdated), ("other", checked.no_other_files))
    )
    for word, lines in ((behind, _behind), (other, _others), (_NOTE, _notes)):
        if word != _NOTE or not quiet:
            yield from ((word, line) for line in lines(checked))


def _behind(checked: CheckResult) -> Iterator[str]:
    behind = [r.module for r in checked.reports if not r.module.newest]
    pins = Counter(" ".join(m.options.selection.arguments()) for m in behind)
    for pin, count in sorted(pins.items()):
        yield (
            f"{_count(count, 'module')} pinned to {pin}; the newest version known is "
            f"{known_versions.newest()}: {checked.commands.line('upgrade')}"
        )


def _others(checked: CheckResult) -> Iterator[str]:
    for report in checked.reports:
        for path in report.others:
            yield (
                f"{report.module.path}/{path} was not written by sync, but an engine reads it with "
                "the module; its access is not compared"
            )


def _notes(checked: CheckResult) -> Iterator[str]:
    for report in checked.reports:
        for file in report.files:
            if file.fine:
                yield f"{report.module.path}/{file.path} {reason(file)}"
    for path in checked.orphans:
        yield (
            f"{path} was written by sync, but the configuration does not name it; add it there, "
            f"remove it, or remove only {path}/{FOLDER} to manage the rest yourself"
        )


def markdown(checked: CheckResult, *, quiet: bool = False) -> str:
    """Return a check as Markdown; `quiet` leaves out modules without findings."""
    lines = [f"### vpc-cni-iam check: {_summary(checked.reports)}", ""]
    wrong = [r for r in checked.reports if not r.clean]
    if wrong:
        lines += [
            "| module | state | file | what | what to do |",
            "| --- | --- | --- | --- | --- |",
        ]
    for report in wrong:
        path = report.module.path
        if report.failure is not None:
            failure = escape_markdown(str(report.failure))
            lines.append(f"| {code_cell(path)} | {report.state} | | {failure} | |")
        for file in report.files:
            if not file.fine:
                ways = "<br>".join(map(_step, next_steps(file, path, checked.commands)))
                text = escape_markdown(reason(file))
                cells = (code_cell(path), report.state, code_cell(file.path), text)
                lines.append(f"| {' | '.join(cells)} | {ways} |")
    lines += [""] if wrong else []
    lines += [f"- warning: {escape_markdown(warning)}" for warning in checked.warnings]
    lines += [f"- {escape_markdown(line)}" for _, line in _remarks(checked, quiet=quiet)]
    return "\n".join(lines).rstrip() + "\n"


def _step(text: str) -> str:
    """Return a next step as Markdown: what it does, and only its command as code, to copy."""
    what, _, command = text.partition(": ")
    return f"{escape_markdown(what)}: {code_cell(command)}"


def _summary(reports: Sequence[ModuleCheck]) -> str:
    texts = [f"{n} {state}" for state, n in counts(reports).items() if n]
    if others := sum(len(r.others) for r in reports):
        texts.append(_count(others, "other file"))
    return (
        f"{_count(len(reports), 'module')} checked, {', '.join(texts)}" if texts else "no modules"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
