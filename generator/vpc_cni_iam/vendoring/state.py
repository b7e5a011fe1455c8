"""What became of each file of a vendored module since it was generated. No I/O."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from vpc_cni_iam.vendoring.manifest import Entry

State = Literal[
    "clean",
    "kept",
    "deleted",
    "new",
    "outdated",
    "missing",
    "left over",
    "edited",
    "both",
    "foreign",
]
# States in which the file holds, or by its absence is, somebody's work.
EDITED = frozenset({"edited", "both", "foreign"})
# States in which it is not what would be generated now.
OUTDATED = frozenset({"new", "outdated", "missing", "left over", "both"})
FINE = frozenset({"clean", "kept", "deleted"})

_REASONS: Mapping[State, str] = {
    "clean": "is as generated",
    "kept": "was edited, and the edit is kept",
    "deleted": "was deleted on purpose",
    "new": "is not there yet",
    "outdated": "is out of date",
    "missing": "is missing",
    "left over": "is in the manifest but no longer generated",
    "edited": "was edited by hand",
    "both": "was edited by hand and is out of date",
    "foreign": "is not this tool's, and stands where a file is to be generated",
}
_THEIRS, _MINE = "take the generated one", "keep yours"
_WAYS_OUT: Mapping[State, tuple[tuple[str, str], ...]] = {
    "new": ((_THEIRS, "sync"),),
    "outdated": ((_THEIRS, "sync"),),
    "missing": ((_THEIRS, "sync"), ("keep it deleted", "sync --keep")),
    "left over": ((_THEIRS, "sync"), ("keep it as your own", "sync --keep")),
    "edited": ((_THEIRS, "sync --force"), (_MINE, "sync --keep")),
    "both": (
        (_THEIRS, "sync --force"),
        (_MINE, "sync --keep"),
        ("merge the two", "sync --merge"),
    ),
    "foreign": (("move it away, then take the generated one", "sync"),),
}
CONFLICT = "holds conflict markers"
_MARKS = (b"<<<<<<< ", b">>>>>>> ")


def has_markers(content: bytes) -> bool:
    """Say whether a file holds the conflict markers of a merge.

    Args:
        content: The file.
    """
    return all(mark in content for mark in _MARKS)


@dataclass(frozen=True, slots=True)
class Judged:
    """One file and its state.

    Args:
        path: Relative to the module.
        state: What became of it.
        left_over: Whether it is no longer generated.
        conflict: Whether it holds conflict markers.
    """

    path: str
    state: State
    left_over: bool = False
    conflict: bool = False

    @property
    def reason(self) -> str:
        """The state in words."""
        if self.conflict:
            return CONFLICT
        return _REASONS["left over" if self.left_over and self.state != "both" else self.state]

    def ways_out(self, module: str) -> tuple[str, ...]:
        """Return what to do about it, each with its command.

        Args:
            module: The path of the module, for the command.
        """
        if self.conflict:
            keep = f"vpc-cni-iam sync --keep {shlex.quote(module)}"
            return (f"resolve them, then keep the result: {keep}",)
        quoted = shlex.quote(module)
        return tuple(
            f"{what}: vpc-cni-iam {command} {quoted}"
            for what, command in _WAYS_OUT.get(self.state, ())
        )


def judge(
    entries: Mapping[str, Entry], current: Mapping[str, str], wanted: Mapping[str, str]
) -> tuple[Judged, ...]:
    """Return the state of every file, by path.

    Args:
        entries: What the manifest remembers; empty if there is none.
        current: The digests of the files that are there.
        wanted: The digests of the files as they would be generated now.
    """
    return tuple(
        Judged(path, _state(entries.get(path), current.get(path), wanted.get(path)))
        if path in wanted
        else Judged(path, _left_over(entries[path], current.get(path)), left_over=True)
        for path in sorted({*entries, *wanted})
    )


def _state(entry: Entry | None, current: str | None, wanted: str | None) -> State:
    if entry is None:
        return "new" if current in (None, wanted) else "foreign"
    outdated = wanted != entry.generated
    if current is None:
        return "deleted" if entry.deleted else "missing"
    if current == wanted:
        return "outdated" if outdated else "clean"
    if current == entry.generated:
        return "outdated"
    if outdated:
        return "both"
    return "kept" if current == entry.kept else "edited"


def _left_over(entry: Entry, current: str | None) -> State:
    if current is None or current == entry.generated:
        return "left over"
    return "both"


def module_state(files: Iterable[Judged]) -> str:
    """Return the state of a module: ``clean``, ``edited``, ``outdated`` or ``both``.

    Args:
        files: Its files.
    """
    states = {f.state for f in files}
    edited, outdated = bool(states & EDITED), bool(states & OUTDATED)
    if edited and outdated:
        return "both"
    return "edited" if edited else "outdated" if outdated else "clean"
