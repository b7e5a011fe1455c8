"""What commands on vendored modules print as JSON: the results, with the sentences about files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.files.tree import FileChange
from vpc_cni_iam.policy.diff import Difference
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NotProven
from vpc_cni_iam.policy.report import access_change_text
from vpc_cni_iam.vendoring.check import ModuleCheck, counts
from vpc_cni_iam.vendoring.configuration.config import VendoredModule
from vpc_cni_iam.vendoring.edits.diff import Diff
from vpc_cni_iam.vendoring.edits.meaning import Meaning
from vpc_cni_iam.vendoring.report.check import CheckResult
from vpc_cni_iam.vendoring.report.edits import not_proven_text
from vpc_cni_iam.vendoring.report.files import NextCommands, next_steps, reason
from vpc_cni_iam.vendoring.state import FileState, ModuleFile, ModuleState
from vpc_cni_iam.vendoring.sync import SyncOutcome


class ShownFile(Struct, frozen=True):
    """A file of a module that differs from the generated one."""

    path: str
    state: FileState
    fine: bool
    accepted: str  # why it is accepted; empty if it is not
    adds_access: bool | None  # whether its edit adds access; None if that is not known
    reason: str
    next_steps: tuple[str, ...]


class ShownCheck(Struct, frozen=True):
    """The check of a module."""

    path: str
    state: ModuleState
    pin: str
    newest: bool
    files: tuple[ShownFile, ...]
    other_files: tuple[str, ...]  # those that sync did not write and an engine reads
    error: str | None


class ShownChecks(Struct, frozen=True):
    """The check of every module."""

    modules: tuple[ShownCheck, ...]
    orphans: Sequence[str]
    warnings: Sequence[str]
    summary: dict[str, int]
    newest_version: str


class ShownMeaning(Struct, frozen=True):
    """The change of a policy document, and its meaning for a role, whatever its other policies."""

    variant: str
    differences: tuple[Difference, ...]
    more_access: bool | None  # whether it allows more than before; None if that is not known
    less_access: bool | None
    note: str


class ShownSync(Struct, frozen=True):
    """What a sync changed in a module, or would change."""

    path: str
    done: bool
    changes: tuple[FileChange, ...]
    merged: tuple[str, ...]  # edited files that were merged with an update
    files: tuple[ShownFile, ...]
    error: str | None
    # How access and files change, with --dry-run and for upgrade.
    variants: tuple[ShownMeaning, ...]
    diff: str
    edits: Mapping[str, str]  # how edited files differ from the generated ones, by path


class ShownSyncs(Struct, frozen=True):
    """What a sync changed in each module, or would change."""

    warnings: Sequence[str]
    modules: tuple[ShownSync, ...]


class ShownUpgrade(ShownSyncs, frozen=True):
    """What an upgrade changed in the configuration and in each module."""

    config_changed: bool


class ShownAccept(Struct, frozen=True):
    """An accepted file."""

    module: str
    path: str
    # The files of the module that differ from the generated ones, including this one.
    files: tuple[ShownFile, ...]


def shown_checks(checked: CheckResult) -> ShownChecks:
    """Return a check as it is printed."""
    return ShownChecks(
        tuple(_check(report, checked.commands) for report in checked.reports),
        checked.orphans,
        checked.warnings,
        counts(checked.reports),
        str(known_versions.newest()),
    )


def shown_syncs(
    outcomes: Iterable[SyncOutcome], commands: NextCommands, diffs: Iterable[Diff]
) -> tuple[ShownSync, ...]:
    """Return what a sync changed in each module as it is printed."""
    by_path = {diff.module.path: diff for diff in diffs}
    return tuple(_sync(o, commands, by_path.get(o.module.path)) for o in outcomes)


def shown_accept(
    module: VendoredModule, path: str, files: Sequence[ModuleFile], commands: NextCommands
) -> ShownAccept:
    """Return an accepted file as it is printed."""
    return ShownAccept(module.path, path, _files(files, module.path, commands))


def _check(report: ModuleCheck, commands: NextCommands) -> ShownCheck:
    module = report.module
    return ShownCheck(
        module.path,
        report.state,
        " ".join(module.options.selection.arguments()),
        module.newest,
        _files(report.files, module.path, commands),
        report.others,
        _error(report.failure),
    )


def _sync(outcome: SyncOutcome, commands: NextCommands, diff: Diff | None) -> ShownSync:
    path = outcome.module.path
    return ShownSync(
        path,
        outcome.done,
        outcome.changes,
        outcome.merged,
        _files(outcome.files, path, commands, synced=True),
        _error(outcome.failure),
        tuple(map(_meaning, diff.meanings)) if diff is not None else (),
        diff.text if diff is not None else "",
        outcome.edits,
    )


def _meaning(meaning: Meaning) -> ShownMeaning:
    change = meaning.change
    if isinstance(change, NotProven):
        return ShownMeaning(meaning.variant, (), None, None, not_proven_text(change))
    gained, lost = change.gained, change.lost
    note = access_change_text(gained, lost)
    return ShownMeaning(meaning.variant, change.differences, _is_new(gained), _is_new(lost), note)


def _is_new(answer: Answer) -> bool | None:
    return None if isinstance(answer, NotProven) else isinstance(answer, NewAccess)


def _files(
    files: Iterable[ModuleFile], module: str, commands: NextCommands, *, synced: bool = False
) -> tuple[ShownFile, ...]:
    return tuple(_file(f, next_steps(f, module, commands, synced=synced)) for f in files)


def _file(file: ModuleFile, steps: tuple[str, ...]) -> ShownFile:
    adds_access = None if file.edit is None else _is_new(file.edit.answer)
    return ShownFile(
        file.path, file.state, file.fine, file.accepted, adds_access, reason(file), steps
    )


def _error(failure: Exception | None) -> str | None:
    return None if failure is None else str(failure)
