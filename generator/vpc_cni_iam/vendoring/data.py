"""What commands on vendored modules print as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.files.tree import FileChange
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.report import DifferenceLine, access_change_text, difference_lines
from vpc_cni_iam.vendoring.check import counts
from vpc_cni_iam.vendoring.configuration.config import Config
from vpc_cni_iam.vendoring.diff import Diff
from vpc_cni_iam.vendoring.edits.edit import KeptEdit
from vpc_cni_iam.vendoring.meaning import Meaning
from vpc_cni_iam.vendoring.report.check import CheckResult
from vpc_cni_iam.vendoring.report.edits import edit_details, not_proven_text
from vpc_cni_iam.vendoring.report.files import reason
from vpc_cni_iam.vendoring.state import FileState, ModuleFile, ModuleState
from vpc_cni_iam.vendoring.sync import SyncOutcome


class KeptEditData(TypedDict):
    """A local change that sync keeps, and what it means for access."""

    path: str
    sha256: str
    # Whether it adds access; null if that is not known.
    adds_access: bool | None
    details: Sequence[str]
    accepted: str | None
    fine: bool


class CheckedFileData(TypedDict):
    """A file of a module that needs a report."""

    path: str
    state: FileState
    reason: str
    kept: NotRequired[KeptEditData]
    next_steps: Sequence[str]


class UnusedAcceptData(TypedDict):
    """A local change that the configuration accepts and no file has."""

    file: str
    sha256: str


class CheckedModuleData(TypedDict):
    """The check of a module."""

    path: str
    state: ModuleState
    pin: str
    newest: bool
    files: Sequence[CheckedFileData]
    # Files beside these that sync did not write and an engine reads.
    other_files: Sequence[str]
    unused_accept: Sequence[UnusedAcceptData]
    error: str | None


class CheckData(TypedDict):
    """The check of every module."""

    modules: Sequence[CheckedModuleData]
    orphans: Sequence[str]
    warnings: Sequence[str]
    summary: dict[str, int]
    newest_version: str


class VariantChangeData(TypedDict):
    """The change of a policy document, and what it means for a role with other policies."""

    variant: str
    differences: Sequence[DifferenceLine]
    # Whether it allows more, or less, than before; null if that is not known.
    more_access: bool | None
    less_access: bool | None
    note: str


class DiffData(TypedDict):
    """What a sync would change in a module."""

    path: str
    variants: Sequence[VariantChangeData]
    kept: Sequence[KeptEditData]
    kept_diffs: Mapping[str, str]
    diff: str
    error: str | None


class DiffsData(TypedDict):
    """What a sync would change in each module."""

    warnings: Sequence[str]
    modules: Sequence[DiffData]


class RefusedFileData(TypedDict):
    """A file with a local change that stopped the sync of its module."""

    path: str
    state: FileState


class SyncedModuleData(TypedDict):
    """What a sync changed in a module."""

    path: str
    done: bool
    changes: Sequence[FileChange]
    refused: Sequence[RefusedFileData]
    conflicts: Sequence[str]
    kept: Sequence[KeptEditData]
    error: str | None


class SyncData(TypedDict):
    """What a sync changed in each module."""

    warnings: Sequence[str]
    modules: Sequence[SyncedModuleData]


class UpgradeData(SyncData):
    """What an upgrade changed in the configuration and in each module."""

    config_changed: bool
    diffs: Sequence[DiffData]


def check_data(checked: CheckResult) -> CheckData:
    """Return a check as plain data."""
    return {
        "modules": [
            {
                "path": r.module.path,
                "state": r.state,
                "pin": " ".join(r.module.options.selection.arguments()),
                "newest": r.module.newest,
                "files": [_checked_file(f, checked.next_steps(f, r.module.path)) for f in r.files],
                "other_files": r.others,
                "unused_accept": [{"file": e.file, "sha256": e.sha256} for e in r.unused],
                "error": _error(r.failure),
            }
            for r in checked.reports
        ],
        "orphans": checked.orphans,
        "warnings": checked.warnings,
        "summary": counts(checked.reports),
        "newest_version": str(known_versions.newest()),
    }


def _checked_file(file: ModuleFile, next_steps: Sequence[str]) -> CheckedFileData:
    data: CheckedFileData = {
        "path": file.path,
        "state": file.state,
        "reason": reason(file),
        "next_steps": next_steps,
    }
    return data if file.edit is None else {**data, "kept": _kept_edit(file.edit)}


def diffs_data(diffs: Iterable[Diff], config: Config) -> DiffsData:
    """Return what a sync would change as plain data."""
    return {"warnings": config.warnings, "modules": list(map(_diff, diffs))}


def sync_data(outcomes: Iterable[SyncOutcome], config: Config) -> SyncData:
    """Return what a sync changed as plain data."""
    modules: list[SyncedModuleData] = [
        {
            "path": outcome.module.path,
            "done": outcome.done,
            "changes": outcome.changes,
            "refused": [{"path": f.path, "state": f.state} for f in outcome.refused],
            "conflicts": [f.path for f in outcome.conflicts],
            "kept": _kept_edits(outcome.kept_edits),
            "error": _error(outcome.failure),
        }
        for outcome in outcomes
    ]
    return {"warnings": config.warnings, "modules": modules}


def upgrade_data(
    diffs: Iterable[Diff], outcomes: Iterable[SyncOutcome], config: Config, *, changed: bool
) -> UpgradeData:
    """Return what an upgrade changed as plain data; `changed` is whether the configuration was."""
    return {
        "config_changed": changed,
        "diffs": list(map(_diff, diffs)),
        **sync_data(outcomes, config),
    }


def _diff(diff: Diff) -> DiffData:
    return {
        "path": diff.module.path,
        "variants": list(map(_variant, diff.meanings)),
        "kept": _kept_edits(diff.kept_edits),
        "kept_diffs": diff.edits,
        "diff": diff.text,
        "error": _error(diff.failure),
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


def _kept_edits(files: Iterable[ModuleFile]) -> list[KeptEditData]:
    return [_kept_edit(file.edit) for file in files if file.edit is not None]


def _kept_edit(edit: KeptEdit) -> KeptEditData:
    return {
        "path": edit.path,
        "sha256": edit.sha256,
        "adds_access": _is_new(edit.answer),
        "details": edit_details(edit),
        "accepted": edit.accepted or None,
        "fine": edit.fine,
    }


def _error(failure: Exception | None) -> str | None:
    return None if failure is None else str(failure)
