"""Checks every vendored module, and reports it; writes nothing.

A module that was made by this version from the same options is checked by hashes alone: neither
templates nor HCL are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.errors import VpcCniIamError, expected
from vpc_cni_iam.escape import code_cell, escape_control, escape_line, escape_markdown
from vpc_cni_iam.files.lock import at_rest
from vpc_cni_iam.files.read import decoded
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.configuration.tables import Acceptance
from vpc_cni_iam.vendoring.edits.other_files import conflicting
from vpc_cni_iam.vendoring.manifest import FOLDER
from vpc_cni_iam.vendoring.observe import ModuleContents, lost_bases, observe, rendered
from vpc_cni_iam.vendoring.state import SYNC, ModuleFile, ModuleState, module_state

STATES = (*get_args(ModuleState), "failed")


class ModuleCheck(Struct, frozen=True):
    """The check of one module."""

    module: VendoredModule
    state: ModuleState | Literal["failed"]  # failed: it cannot be told
    files: tuple[ModuleFile, ...] = ()  # its files that need a report; none in a clean module
    failure: VpcCniIamError | None = None  # why it cannot be told, None if it can
    unused: tuple[Acceptance, ...] = ()  # the edits that the configuration accepts and no file has

    @property
    def clean(self) -> bool:
        """Whether nothing is to be done."""
        return self.state == "clean"


def check(
    config: Config, only: Iterable[str] = (), *, rendering: bool = False, no_kept: bool = False
) -> tuple[ModuleCheck, ...]:
    """Return the check of every module, or of those at the paths in `only`.

    `rendering` generates each and trusts no manifest, since an edit of a module can edit it too;
    with `no_kept`, a kept edit is a finding whatever it means.
    """
    names = frozenset(only)
    return tuple(
        _report_at_rest(config, module, rendering=rendering, no_kept=no_kept)
        for module in config.modules
        if not names or module.path in names
    )


def _report_at_rest(
    config: Config, module: VendoredModule, *, rendering: bool, no_kept: bool
) -> ModuleCheck:
    """Return the check of a module while no other run writes it."""
    report = _report(config, module, rendering=rendering, no_kept=no_kept)
    if report.clean:  # which nothing half written is, and a lock for each of a thousand takes time
        return report
    with at_rest(config.folder(module)):
        return _report(config, module, rendering=rendering, no_kept=no_kept)


def _report(
    config: Config, module: VendoredModule, *, rendering: bool, no_kept: bool
) -> ModuleCheck:
    try:
        observed = observe(config, module, trusting=not rendering)
        files = [f for f in observed.files if f.state != "clean"]
        files += [ModuleFile(name, "lost") for name in lost_bases(observed)]
        files += conflicting(observed, module)
        if any(f.state == "kept" for f in files):
            files = _with_meaning(module, observed, files)
    except (VpcCniIamError, OSError) as error:
        return ModuleCheck(module, "failed", failure=expected(error))
    if no_kept:
        files = [replace(f, forbidden=f.state in ("kept", "deleted", "replacing")) for f in files]
    edits = {f.edit.path for f in files if f.edit is not None}
    unused = tuple(entry for entry in module.accepted if entry.file not in edits)
    return ModuleCheck(module, module_state(files), tuple(files), unused=unused)


def _with_meaning(
    module: VendoredModule, observed: ModuleContents, files: list[ModuleFile]
) -> list[ModuleFile]:
    """Return files with the meaning of their kept edits."""
    # Imported here, since only kept edits need HCL and proofs.
    from vpc_cni_iam.vendoring.edits.kept import kept_edits

    generated = rendered(module.options)
    deleted = {f.path for f in files if f.state == "deleted"}
    kept_texts = {
        f.path: decoded(observed.files_by_path[f.path]) for f in files if f.state == "kept"
    }
    texts = {p: t for p, t in generated.items() if p not in deleted} | kept_texts
    edits = {e.path: e for e in kept_edits(generated, texts, kept_texts, module.accepted)}
    return [replace(f, edit=edits.get(f.path, f.edit)) for f in files]


class CheckResult(Struct, frozen=True):
    """The result of a check."""

    reports: Sequence[ModuleCheck]
    # Directories that sync wrote and that the configuration no longer names.
    orphans: Sequence[str] = ()
    command: str = SYNC  # the start of each suggested command, with the options that it needs
    upgrade: str = "vpc-cni-iam upgrade"  # the command that upgrades the pins
    diff: str = "vpc-cni-iam diff"  # the command that shows the difference of a module
    outdated: bool = False  # whether a pin that is not the newest is a finding, too
    warnings: Sequence[str] = ()  # the warnings about the configuration

    @property
    def failed(self) -> bool:
        """Whether there is anything to be done."""
        behind = self.outdated and not all(r.module.newest for r in self.reports)
        return behind or not all(r.clean for r in self.reports)

    def ways_out(self, file: ModuleFile, module: str) -> tuple[str, ...]:
        """Return the next steps about a file of a module, each with its command."""
        return file.ways_out(module, self.command, self.diff)


def text(checked: CheckResult, *, quiet: bool = False) -> str:
    """Return a check as lines for a terminal; `quiet` leaves out modules without findings."""
    lines = [line for report in checked.reports for line in _module_text(report, checked)]
    word = "behind" if checked.outdated else "note"
    if checked.outdated or not quiet:
        lines += [f"{word:<9}{line}" for line in _behind(checked)]
    if not quiet:
        lines += [f"note     {line}" for line in _notes(checked)]
        lines.append(_summary(checked.reports))
    return "".join(f"{escape_line(line)}\n" for line in lines)


def _module_text(report: ModuleCheck, checked: CheckResult) -> Iterator[str]:
    path = report.module.path
    if not report.clean:
        yield f"{report.state:<9}{path}"
    if report.failure is not None:
        yield f"         {report.failure}"
    wrong = [(f, checked.ways_out(f, path)) for f in report.files if not f.fine]
    for steps, files in groupby(wrong, itemgetter(1)):
        for reason, alike in groupby((file for file, _ in files), attrgetter("reason")):
            yield f"         {_alike([file.path for file in alike], reason)}"
        yield from (f"           {step}" for step in steps)


def _alike(paths: list[str], reason: str) -> str:
    return f"{paths[0]} {reason}" if len(paths) == 1 else f"{reason}: {', '.join(paths)}"


def _behind(checked: CheckResult) -> list[str]:
    behind = [r.module for r in checked.reports if not r.module.newest]
    pins = Counter(" ".join(m.options.selection.arguments()) for m in behind)
    return [
        f"{_modules(count)} pinned to {pin}; the newest version known is "
        f"{known_versions.newest()}: {checked.upgrade}"
        for pin, count in sorted(pins.items())
    ]


def _notes(checked: CheckResult) -> Iterator[str]:
    for report in checked.reports:
        for file in report.files:
            if file.fine:
                yield f"{report.module.path}/{file.path} {escape_control(file.reason)}"
        for entry in report.unused:
            yield (
                f"{report.module.path}: the configuration accepts an edit of "
                f"{escape_control(entry.file)} that is not there; remove that entry of accept"
            )
    for path in checked.orphans:
        yield (
            f"{path} was written by sync, and the configuration does not name it: add it there, "
            f"or remove it, or only {path}/{FOLDER} to keep the rest as your own"
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
                ways = "<br>".join(map(_step, checked.ways_out(file, path)))
                reason = escape_markdown(escape_control(file.reason))
                cells = (code_cell(path), report.state, code_cell(file.path), reason)
                lines.append(f"| {' | '.join(cells)} | {ways} |")
    lines += [""] if wrong else []
    if checked.outdated or not quiet:
        lines += [f"- {line}" for line in _behind(checked)]
    lines += [f"- warning: {escape_markdown(warning)}" for warning in checked.warnings]
    lines += [] if quiet else [f"- {escape_markdown(note)}" for note in _notes(checked)]
    return "\n".join(lines).rstrip() + "\n"


def _step(text: str) -> str:
    """Return a next step as Markdown: what it does, and its command alone as code, to copy."""
    what, _, command = text.partition(": ")
    return f"{escape_markdown(what)}: {code_cell(command)}"


def counts(reports: Sequence[ModuleCheck]) -> dict[str, int]:
    """Return the number of modules in each state."""
    states = Counter(r.state for r in reports)
    return {state: states[state] for state in STATES}


def _summary(reports: Sequence[ModuleCheck]) -> str:
    texts = ", ".join(f"{n} {s}" for s, n in counts(reports).items() if n)
    return f"{_modules(len(reports))} checked, {texts}" if texts else "no modules"


def _modules(count: int) -> str:
    return f"{count} module{'s' * (count != 1)}"
