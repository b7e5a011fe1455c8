"""The state of each file of a vendored module since it was generated. No I/O."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.vendoring.edits.edit import KeptEdit
from vpc_cni_iam.vendoring.manifest import FileRecord
from vpc_cni_iam.vendoring.meaning import ReadProblem


class FileState(StrEnum):
    """What became of a file since it was generated."""

    clean = "clean"
    kept_edit = "kept"
    deleted = "deleted"  # on purpose
    new = "new"  # to be written
    unrecorded = "unrecorded"  # as generated, and not in the manifest
    outdated = "outdated"
    missing = "missing"
    lost = "lost"  # the text as generated, which a later merge needs
    left_over = "left over"  # no longer generated
    edited = "edited"
    both = "both"  # edited and outdated
    edited_left_over = "edited left over"
    foreign = "foreign"  # not in the manifest, where a file is to be generated
    redefined = "redefined"  # it repeats a definition of the module's own files
    replacing = "replacing"  # it changes, or may change, what an engine reads of them


# States in which the file holds, or by its absence is, somebody's work.
EDITED = frozenset(
    {
        FileState.edited,
        FileState.both,
        FileState.edited_left_over,
        FileState.foreign,
        FileState.redefined,
        FileState.replacing,
    }
)
# States in which it is not what would be generated now.
OUTDATED = frozenset(
    {
        FileState.new,
        FileState.unrecorded,
        FileState.outdated,
        FileState.missing,
        FileState.lost,
        FileState.left_over,
        FileState.both,
        FileState.edited_left_over,
    }
)
# States in which nothing is to be done, unless what the file means says otherwise.
_FINE = frozenset({FileState.clean, FileState.kept_edit, FileState.deleted, FileState.replacing})


class ModuleState(StrEnum):
    """What became of a module since it was generated."""

    clean = "clean"
    edited = "edited"
    outdated = "outdated"
    both = "both"
    failed = "failed"  # it cannot be told


class Redefinition(Struct, frozen=True):
    """A file defines again what a generated file defines."""

    names: tuple[str, ...]  # as an engine names the definitions, sorted
    home: str  # the generated file that defines the first one


class Override(Struct, frozen=True):
    """An engine merges a file over the generated ones."""


class TofuReplacement(Struct, frozen=True):
    """OpenTofu reads a file in place of a generated one."""

    path: str  # the generated file


# A file that cannot be read may define again what is generated.
Effect: TypeAlias = Redefinition | Override | TofuReplacement | ReadProblem


class ModuleFile(Struct, frozen=True):
    """One file and its state."""

    path: str  # relative to the module
    state: FileState
    conflict: bool = False  # whether it holds conflict markers
    edit: KeptEdit | None = None  # the meaning of its edit, if the edit is kept and was read
    forbidden: bool = False  # whether edits may not be kept
    # What a file beside the module's own does to them, or why that is not known.
    effect: Effect | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing is to be done about it."""
        if self.state not in _FINE or (self.forbidden and self.state is not FileState.clean):
            return False
        return self.edit is None or self.edit.fine


def judge(
    entries: Mapping[str, FileRecord],
    current: Mapping[str, str],
    generated: Mapping[str, str],
    unedited: Container[str] = (),
    conflicts: Container[str] = (),
) -> tuple[ModuleFile, ...]:
    """Return the state of every file, by path, from the records and the digests of each side.

    `unedited` files have a text that this tool wrote, though no digest is theirs.
    """
    files = []
    for path in sorted({*entries, *generated}):
        entry, now = entries.get(path), current.get(path)
        if now is not None and path in unedited:
            now = entry.generated if entry is not None else generated.get(path)
        state = _state(entry, now, generated.get(path))
        conflict = path in conflicts and state in EDITED
        files.append(ModuleFile(path, FileState.edited if conflict else state, conflict))
    return tuple(files)


def _state(entry: FileRecord | None, current: str | None, generated: str | None) -> FileState:
    if entry is None:
        unedited = FileState.unrecorded if current == generated else FileState.foreign
        return FileState.new if current is None else unedited
    if generated is None:
        return (
            FileState.left_over
            if current in (None, entry.generated)
            else FileState.edited_left_over
        )
    if current is None:
        return FileState.deleted if entry.deleted else FileState.missing
    outdated = generated != entry.generated
    if current in (generated, entry.generated):
        return FileState.outdated if outdated else FileState.clean
    edited = FileState.kept_edit if current == entry.kept else FileState.edited
    return FileState.both if outdated else edited


def module_state(files: Iterable[ModuleFile]) -> ModuleState:
    """Return the state of a module by those of its files."""
    unfit = [f for f in files if not f.fine]
    states = {f.state for f in unfit}
    edited, outdated = bool(states - OUTDATED | states & EDITED), bool(states & OUTDATED)
    if edited and outdated:
        return ModuleState.both
    return ModuleState.edited if edited else ModuleState.outdated if outdated else ModuleState.clean
