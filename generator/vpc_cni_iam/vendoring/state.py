"""The state of each file of a vendored module since it was generated. No I/O."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from vpc_cni_iam.errors import Message
from vpc_cni_iam.vendoring.edits.edit import KeptEdit
from vpc_cni_iam.vendoring.manifest import FileRecord
from vpc_cni_iam.vendoring.report import edit_text

State = Literal[
    "clean",
    "kept",
    "deleted",
    "new",
    "unrecorded",
    "outdated",
    "missing",
    "lost",
    "left over",
    "edited",
    "both",
    "edited left over",
    "foreign",
    "redefined",
    "replacing",
]
ModuleState = Literal["clean", "edited", "outdated", "both"]
# States in which the file holds, or by its absence is, somebody's work.
EDITED = frozenset({"edited", "both", "edited left over", "foreign", "redefined", "replacing"})
# States in which it is not what would be generated now.
OUTDATED = frozenset(
    {"new", "unrecorded", "outdated", "missing", "lost", "left over", "both", "edited left over"}
)
# States in which nothing is to be done, unless what the file means says otherwise.
_FINE = frozenset({"clean", "kept", "deleted", "replacing"})

_REASONS: Mapping[State, str] = {
    "clean": "is as generated",
    "kept": "was edited, and the edit is kept",
    "deleted": "was deleted on purpose",
    "new": "does not exist yet",
    "unrecorded": "is unedited, but not in the manifest, which belongs into version control",
    "outdated": "is out of date",
    "missing": "is missing",
    "lost": "is missing or was changed, and a later merge needs it as it was",
    "left over": "is in the manifest but no longer generated",
    "edited": "was edited by hand",
    "both": "was edited by hand and is out of date",
    "edited left over": "was edited by hand and is no longer generated",
    "foreign": "is not in the manifest, and stands where a file is to be generated",
    "redefined": (
        "{}, and an engine refuses the two together; rename it back if it was renamed, or remove "
        "one of them"
    ),
    "replacing": "{}; remove it, or accept it",
}
_UPDATE = ("take the generated one", "")
_THEIRS, _MINE = ("take the generated one", "--force"), ("keep yours", "--keep")
_WAYS_OUT: Mapping[State, tuple[tuple[str, str], ...]] = {
    "new": (("write it", ""),),
    "unrecorded": (_UPDATE,),
    "outdated": (_UPDATE,),
    "missing": (_UPDATE, ("keep it deleted", "--keep")),
    "lost": (_UPDATE,),
    "left over": (("remove it", ""), ("keep it as your own", "--keep")),
    "edited": (_THEIRS, _MINE),
    "both": (_THEIRS, _MINE, ("merge the two", "--merge")),
    "edited left over": (("remove it", "--force"), ("keep it as your own", "--keep")),
    "foreign": (_THEIRS, _MINE),
    "kept": (_THEIRS,),
    "deleted": (_THEIRS,),
}
# States in which a file has the text that it is to have, so that `diff` shows none.
_SAME_TEXT = ("unrecorded", "lost")
SYNC = "vpc-cni-iam sync"
CONFLICT = "holds conflict markers"


class ModuleFile(Struct, frozen=True):
    """One file and its state."""

    path: str  # relative to the module
    state: State
    conflict: bool = False  # whether it holds conflict markers
    edit: KeptEdit | None = None  # the meaning of its edit, if the edit is kept and was read
    forbidden: bool = False  # whether edits may not be kept
    detail: Message = ""  # a text that its reason adds

    @property
    def fine(self) -> bool:
        """Whether nothing is to be done about it."""
        if self.state not in _FINE or (self.forbidden and self.state != "clean"):
            return False
        return self.edit is None or self.edit.fine

    @property
    def reason(self) -> str:
        """The state in words."""
        if self.conflict:
            return CONFLICT
        text = _REASONS[self.state].format(self.detail)
        if self.edit is not None:
            text = f"{text}; {edit_text(self.edit)}"
        return f"{text}; --no-kept allows no kept edit" if self.forbidden else text

    def ways_out(self, module: str, command: str = SYNC, diff: str = "") -> tuple[str, ...]:
        """Return the next steps, each with its command, which starts with `command`.

        The first one shows the difference, by a command that starts with `diff`, if that is given.
        """
        # A path that begins with a hyphen is no option.
        module = f"./{module}" if module.startswith("-") else module
        file = shlex.quote(f"{module}/{self.path}")
        if self.conflict:
            keep = f"resolve them, then keep the result: {command} --keep {file}"
            return (keep, f"take the generated one: {command} --force {file}")
        steps = tuple(
            f"{what}: {command} {f'{way} {file}' if way else shlex.quote(module)}"
            for what, way in (_WAYS_OUT.get(self.state, ()) if not self.fine else ())
        )
        if diff and steps and not self.forbidden and self.state not in _SAME_TEXT:
            steps = (f"show the difference: {diff} {shlex.quote(module)}", *steps)
        if self.edit is None or self.edit.fine or self.forbidden:
            return steps
        # Braces on one line are TOML, and need no place after the other keys of the module.
        entry = f'{{ file = "{self.path}", sha256 = "{self.edit.sha256}", reason = "..." }}'
        return (*steps, f"accept it, in the module's table of vpc-cni-iam.toml: accept = [{entry}]")


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
        files.append(ModuleFile(path, "edited" if conflict else state, conflict))
    return tuple(files)


def _state(entry: FileRecord | None, current: str | None, generated: str | None) -> State:
    if entry is None:
        unedited: State = "unrecorded" if current == generated else "foreign"
        return "new" if current is None else unedited
    if generated is None:
        return "left over" if current in (None, entry.generated) else "edited left over"
    if current is None:
        return "deleted" if entry.deleted else "missing"
    outdated = generated != entry.generated
    if current in (generated, entry.generated):
        return "outdated" if outdated else "clean"
    edited: State = "kept" if current == entry.kept else "edited"
    return "both" if outdated else edited


def module_state(files: Iterable[ModuleFile]) -> ModuleState:
    """Return the state of a module by those of its files."""
    unfit = [f for f in files if not f.fine]
    states = {f.state for f in unfit}
    edited, outdated = bool(states - OUTDATED | states & EDITED), bool(states & OUTDATED)
    if edited and outdated:
        return "both"
    return "edited" if edited else "outdated" if outdated else "clean"
