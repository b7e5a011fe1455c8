"""The state of each file of a vendored module since it was generated. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.vendoring.edits.edit import Edit
from vpc_cni_iam.vendoring.edits.meaning import ReadProblem


class FileState(StrEnum):
    """What became of a file since it was generated."""

    clean = "clean"  # as it is generated now
    outdated = "outdated"  # as it was generated before
    edited = "edited"  # by hand, and there is no update
    both = "both"  # edited by hand, and there is an update
    foreign = "foreign"  # nothing is known of it, and it is in the way of the generated files
    missing = "missing"


# States in which the file holds somebody's work.
EDITED = frozenset({FileState.edited, FileState.both})
_EDITED = EDITED | {FileState.foreign}
_OUTDATED = frozenset({FileState.outdated, FileState.both, FileState.missing})


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
    # Why its edit, or that it is not there, is accepted; empty if it is not.
    accepted: str = ""
    generated: bool = True  # whether a file of its path is generated now
    markers: bool = False  # whether it is edited and holds conflict markers
    edit: Edit | None = None  # the meaning of its edit, if that was read
    forbidden: bool = False  # whether no edit may be accepted
    recorded: bool = True  # whether the manifest knows the file
    # What a file beside the module's own does to them, or why that is not known.
    effect: Effect | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing is to be done about it."""
        if self.state is FileState.clean:
            return True
        update = self.state in (FileState.outdated, FileState.both)
        return bool(self.accepted) and not (update or self.forbidden or self.markers)


def module_state(files: Iterable[ModuleFile]) -> ModuleState:
    """Return the state of a module by those of its files."""
    states = {f.state for f in files if not f.fine}
    # That a file was deleted on purpose is somebody's work, too, where that may not be.
    edited = bool(states & _EDITED) or any(f.accepted and not f.fine for f in files)
    outdated = any(f.state in _OUTDATED and not (f.fine or f.forbidden) for f in files)
    if edited and outdated:
        return ModuleState.both
    return ModuleState.edited if edited else ModuleState.outdated if outdated else ModuleState.clean
