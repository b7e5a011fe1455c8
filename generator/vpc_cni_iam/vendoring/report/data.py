"""The JSON output of commands on vendored modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.files.tree import FileChange
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.report import DifferenceLine, access_change_text, difference_lines
from vpc_cni_iam.vendoring.check import counts
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.edits.diff import Diff
from vpc_cni_iam.vendoring.edits.meaning import Meaning
from vpc_cni_iam.vendoring.report.check import CheckResult
from vpc_cni_iam.vendoring.report.edits import edit_details, not_proven_text
from vpc_cni_iam.vendoring.report.files import NextCommands, next_steps, reason
from vpc_cni_iam.vendoring.state import FileState, ModuleFile, ModuleState
from vpc_cni_iam.vendoring.sync import SyncOutcome


class EditData(TypedDict):
    """What a local change of a file means for access."""

    # Whether it adds access; null if it is not known.
    adds_access: bool | None
    details: Sequence[str]


class FileData(TypedDict):
    """A file of a module that differs from the generated one."""

    path: str
    state: FileState
    reason: str
    # Why it is accepted; null if it is not.
    accepted: str | None
    fine: bool
    edit: NotRequired[EditData]
    next_steps: Sequence[str]


class CheckedModuleData(TypedDict):
    """The check of a module."""

    path: str
    state: ModuleState
    pin: str
    newest: bool
    files: Sequence[FileData]
    # Other files that sync did not write and an engine reads.
    other_files: Sequence[str]
    error: str | None


class CheckData(TypedDict):
    """The check of every module."""

    modules: Sequence[CheckedModuleData]
    orphans: Sequence[str]
    warnings: Sequence[str]
    summary: dict[str, int]
    newest_version: str


class VariantChangeData(TypedDict):
    """The change of a policy document, and its meaning for a role, whatever its other policies."""

    variant: str
    differences: Sequence[DifferenceLine]
    # Whether it allows more, or less, than before; null if it is not known.
    more_access: bool | None
    less_access: bool | None
    note: str


class SyncedModuleData(TypedDict):
    """What a sync changed in a module, or would change."""

    path: str
    done: bool
    changes: Sequence[FileChange]
    # Edited files that were merged with an update.
    merged: Sequence[str]
    files: Sequence[FileData]
    error: str | None
    # With --dry-run and for upgrade: how access and files change.
    variants: Sequence[VariantChangeData]
    diff: str
    # How edited files differ from the generated ones, by path.
    edits: Mapping[str, str]


class SyncData(TypedDict):
    """What a sync changed in each module, or would change."""

    warnings: Sequence[str]
    modules: Sequence[SyncedModuleData]


class UpgradeData(SyncData):
    """What an upgrade changed in the configuration and in each module."""

    config_changed: bool


class AcceptData(TypedDict):
    """An accepted file."""

    module: str
    path: str
    # The files of the module that differ from the generated ones, including this one.
    files: Sequence[FileData]


def check_data(checked: CheckResult) -> CheckData:
    """Return a check as plain data."""
    return {
        "modules": [
            {
                "path": r.module.path,
                "state": r.state,
                "pin": " ".join(r.module.options.selection.arguments()),
                "newest": r.module.newest,
                "files": _files(r.files, r.module.path, checked.commands),
                "other_files": r.others,
                "error": _error(r.failure),
            }
            for r in checked.reports
        ],
        "orphans": checked.orphans,
        "warnings": checked.warnings,
        "summary": counts(checked.reports),
        "newest_version": str(known_versions.newest()),
    }


def sync_data(
    outcomes: Iterable[SyncOutcome],
    config: Config,
    commands: NextCommands,
    diffs: Iterable[Diff] = (),
) -> SyncData:
    """Return what a sync changed, or would change, as plain data."""
    by_path = {diff.module.path: diff for diff in diffs}
    modules = [_module(o, commands, by_path.get(o.module.path)) for o in outcomes]
    return {"warnings": config.warnings, "modules": modules}


def accept_data(
    module: VendoredModule, path: str, files: Sequence[ModuleFile], commands: NextCommands
) -> AcceptData:
    """Return an accepted file as plain data."""
    return {"module": module.path, "path": path, "files": _files(files, module.path, commands)}


def _module(outcome: SyncOutcome, commands: NextCommands, diff: Diff | None) -> SyncedModuleData:
    path = outcome.module.path
    return {
        "path": path,
        "done": outcome.done,
        "changes": outcome.changes,
        "merged": outcome.merged,
        "files": _files(outcome.files, path, commands, synced=True),
        "error": _error(outcome.failure),
        "variants": [*map(_variant, diff.meanings)] if diff is not None else [],
        "diff": diff.text if diff is not None else "",
        "edits": outcome.edits,
    }


def _variant(meaning: Meaning) -> VariantChangeData:
    change = meaning.change
    if isinstance(change, NotProven):
        unknown: VariantChangeData = {
            "variant": meaning.variant,
            "differences": (),
            "more_access": None,
            "less_access": None,
            "note": not_proven_text(change),
        }
        return unknown
    return {
        "variant": meaning.variant,
        "differences": tuple(difference_lines(change.differences)),
        "more_access": _is_new(change.gained),
        "less_access": _is_new(change.lost),
        "note": access_change_text(change.gained, change.lost),
    }


def _is_new(answer: Answer) -> bool | None:
    known = isinstance(answer, NoNewAccess | NewAccess)
    return isinstance(answer, NewAccess) if known else None


def _files(
    files: Iterable[ModuleFile], module: str, commands: NextCommands, *, synced: bool = False
) -> list[FileData]:
    return [_file(f, next_steps(f, module, commands, synced=synced)) for f in files]


def _file(file: ModuleFile, steps: Sequence[str]) -> FileData:
    data: FileData = {
        "path": file.path,
        "state": file.state,
        "reason": reason(file),
        "accepted": file.accepted or None,
        "fine": file.fine,
        "next_steps": steps,
    }
    if file.edit is None:
        return data
    details = edit_details(file.edit)
    return {**data, "edit": {"adds_access": _is_new(file.edit.answer), "details": details}}


def _error(failure: Exception | None) -> str | None:
    return None if failure is None else str(failure)
