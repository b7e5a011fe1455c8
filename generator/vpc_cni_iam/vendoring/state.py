"""The state of each file of a vendored module since it was generated. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.vendoring.edits.edit import Edit
from vpc_cni_iam.vendoring.edits.meaning import ReadProblem


class FileState(StrEnum):
    """The state of a file, compared with the generated one."""

    clean = "clean"  # equals the file that is generated now
    outdated = "outdated"  # equals a file that was generated earlier
    edited = "edited"  # edited by hand, without an update
    both = "both"  # edited by hand, with an update
    foreign = "foreign"  # not in the manifest, and in the way of the generated files
    missing = "missing"


# The states in which the file may have a user's changes.
EDITED = frozenset({FileState.edited, FileState.both})
_EDITED = EDITED | {FileState.foreign}
_OUTDATED = frozenset({FileState.outdated, FileState.both, FileState.missing})


class ModuleState(StrEnum):
    """The state of a module, compared with the generated one."""

    clean = "clean"
    accepted = "accepted"  # its local changes are accepted, and nothing else differs
    edited = "edited"
    outdated = "outdated"
    both = "both"
    failed = "failed"  # the state cannot be determined


class Redefinition(Struct, frozen=True):
    """A file repeats definitions of a generated file."""

    names: tuple[str, ...]  # an engine's names of the definitions, sorted
    home: str  # the generated file that defines the first one


class Override(Struct, frozen=True):
    """An engine merges a file over the generated ones."""


class TofuReplacement(Struct, frozen=True):
    """OpenTofu reads a file instead of a generated one."""

    path: str  # the generated file


# A file that cannot be read may repeat generated definitions.
FileEffect: TypeAlias = Redefinition | Override | TofuReplacement | ReadProblem


class ModuleFile(Struct, frozen=True):
    """One file and its state."""

    path: str  # relative to the module
    state: FileState
    # Why its edit or deletion is accepted; empty if it is not.
    accepted: str = ""
    generated: bool = True  # whether a file with its path is generated now
    markers: bool = False  # whether it is edited and has conflict markers
    edit: Edit | None = None  # the meaning of its edit, if that was read
    forbidden: bool = False  # whether --no-accepted forbids its accepted edit
    recorded: bool = True  # whether the manifest names the file
    # How another file changes the module's files, or why this is not known.
    effect: FileEffect | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing needs to be done about it."""
        if self.state is FileState.clean:
            return True
        pending = self.state is FileState.both or self.forbidden or self.markers
        return bool(self.accepted) and not pending

    @property
    def acceptable(self) -> bool:
        """Whether it can be accepted as it is."""
        is_own = self.state in (FileState.edited, FileState.foreign, FileState.missing)
        return is_own and not self.markers and not isinstance(self.effect, Redefinition)


def module_state(files: Sequence[ModuleFile]) -> ModuleState:
    """Return the state of a module from the states of its files."""
    states = {f.state for f in files if not f.fine}
    # If --no-accepted forbids it, a file that was deleted on purpose is an edit, too.
    edited = bool(states & _EDITED) or any(f.accepted and not f.fine for f in files)
    outdated = any(f.state in _OUTDATED and not (f.fine or f.forbidden) for f in files)
    match edited, outdated:
        case True, True:
            return ModuleState.both
        case True, False:
            return ModuleState.edited
        case False, True:
            return ModuleState.outdated
    accepted = any(f.accepted for f in files)
    return ModuleState.accepted if accepted else ModuleState.clean
