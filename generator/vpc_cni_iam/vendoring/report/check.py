"""A check of vendored modules as lines, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from msgspec import Struct

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.escape import code_cell, escape_line, escape_markdown
from vpc_cni_iam.policy.proof.answer import NewAccess, NotProven
from vpc_cni_iam.vendoring.check import ModuleCheck, counts
from vpc_cni_iam.vendoring.report.files import NextCommands, next_steps, orphan_steps, reason

_NOTE = "note"
_UNNAMED = "unnamed"
_NOT_NAMED = "was written by sync, but the configuration does not name it"


class CheckResult(Struct, frozen=True):
    """The result of a check."""

    reports: Sequence[ModuleCheck]
    # Modules of the repository that the configuration does not name, by path.
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
        unclean = not self.reports or not all(r.fine for r in self.reports)
        return behind or others or unclean or bool(self.orphans)


def text(checked: CheckResult, *, quiet: bool = False) -> str:
    """Return a check as lines for a terminal; `quiet` leaves out modules without findings."""
    lines = [line for report in checked.reports for line in _module_text(report, checked)]
    lines += [line for path in checked.orphans for line in _orphan_text(path, checked.commands)]
    lines += [f"{word:<9}{line}" for word, line in _remarks(checked, quiet=quiet)]
    lines += [] if quiet else [_summary(checked)]
    return "".join(f"{escape_line(line)}\n" for line in lines)


def _module_text(report: ModuleCheck, checked: CheckResult) -> Iterator[str]:
    path = report.module.path
    if not report.fine:
        yield f"{report.state:<9}{path}"
    if report.failure is not None:
        yield f"         {report.failure}"
    wrong = [(f, next_steps(f, path, checked.commands)) for f in report.files if not f.fine]
    for steps, files in groupby(wrong, itemgetter(1)):
        for text, alike in groupby((file for file, _ in files), reason):
            yield f"         {_alike([file.path for file in alike], text)}"
        yield from (f"           {step}" for step in steps)


def _orphan_text(path: str, commands: NextCommands) -> Iterator[str]:
    yield f"{_UNNAMED:<9}{path} {_NOT_NAMED}"
    yield from (f"           {step}" for step in orphan_steps(path, commands))


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


def markdown(checked: CheckResult, *, quiet: bool = False) -> str:
    """Return a check as Markdown; `quiet` leaves out modules without findings."""
    lines = [f"### vpc-cni-iam check: {_summary(checked)}", ""]
    wrong = [r for r in checked.reports if not r.fine]
    if wrong or checked.orphans:
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
                steps = next_steps(file, path, checked.commands)
                lines.append(_row(path, report.state, code_cell(file.path), reason(file), steps))
    for path in checked.orphans:
        steps = orphan_steps(path, checked.commands)
        lines.append(_row(path, _UNNAMED, "", _NOT_NAMED, steps))
    lines += [""] if wrong or checked.orphans else []
    lines += [f"- warning: {escape_markdown(warning)}" for warning in checked.warnings]
    lines += [f"- {escape_markdown(line)}" for _, line in _remarks(checked, quiet=quiet)]
    return "\n".join(lines).rstrip() + "\n"


def _row(path: str, state: str, file: str, text: str, steps: Iterable[str]) -> str:
    cells = (code_cell(path), state, file, escape_markdown(text), "<br>".join(map(_step, steps)))
    return f"| {' | '.join(cells)} |"


def _step(text: str) -> str:
    """Return a next step as Markdown: what it does, and only its command as code, to copy."""
    what, _, command = text.partition(": ")
    return f"{escape_markdown(what)}: {code_cell(command)}"


def _summary(checked: CheckResult) -> str:
    reports = checked.reports
    texts = [f"{n} {state}" for state, n in counts(reports).items() if n]
    texts += _access(reports)
    others = sum(len(r.others) for r in reports)
    texts += [_count(others, "other file")] if others else []
    texts += [_count(len(checked.orphans), "unnamed module")] if checked.orphans else []
    modules = f"{_count(len(reports), 'module')} checked" if reports else "no modules"
    return ", ".join((modules, *texts))


def _access(reports: Sequence[ModuleCheck]) -> Iterator[str]:
    """Yield how many edits add access, and how many may add it."""
    answers = [f.edit.answer for r in reports for f in r.files if f.edit is not None]
    if added := sum(isinstance(answer, NewAccess) for answer in answers):
        yield f"{_count(added, 'edit')} {'adds' if added == 1 else 'add'} access"
    if unknown := sum(isinstance(answer, NotProven) for answer in answers):
        verb = "is" if unknown == 1 else "are"
        yield f"{_count(unknown, 'edit')} {verb} not proven to add no access"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
