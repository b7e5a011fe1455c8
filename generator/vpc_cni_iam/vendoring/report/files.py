"""The state of a file in words, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from vpc_cni_iam.vendoring.meaning import ReadProblem
from vpc_cni_iam.vendoring.report.edits import edit_text
from vpc_cni_iam.vendoring.state import (
    Effect,
    FileState,
    ModuleFile,
    Override,
    Redefinition,
    TofuReplacement,
)

_REASONS: Mapping[FileState, str] = {
    FileState.clean: "is as generated",
    FileState.kept_edit: "was edited, and the edit is kept",
    FileState.deleted: "was deleted on purpose",
    FileState.new: "does not exist yet",
    FileState.unrecorded: (
        "is unedited, but not in the manifest, which belongs into version control"
    ),
    FileState.outdated: "is out of date",
    FileState.missing: "is missing",
    FileState.lost: "is missing or was changed, and a later merge needs it as it was",
    FileState.left_over: "is in the manifest but no longer generated",
    FileState.edited: "was edited by hand",
    FileState.both: "was edited by hand and is out of date",
    FileState.edited_left_over: "was edited by hand and is no longer generated",
    FileState.foreign: "is not in the manifest, and stands where a file is to be generated",
    FileState.redefined: (
        "{}, and an engine refuses the two together; rename it back if it was renamed, or remove "
        "one of them"
    ),
    FileState.replacing: "{}; remove it, or accept it",
}
_UPDATE = ("take the generated one", "")
_THEIRS, _MINE = ("take the generated one", "--force"), ("keep yours", "--keep")
_STEPS: Mapping[FileState, tuple[tuple[str, str], ...]] = {
    FileState.new: (("write it", ""),),
    FileState.unrecorded: (_UPDATE,),
    FileState.outdated: (_UPDATE,),
    FileState.missing: (_UPDATE, ("keep it deleted", "--keep")),
    FileState.lost: (_UPDATE,),
    FileState.left_over: (("remove it", ""), ("keep it as your own", "--keep")),
    FileState.edited: (_THEIRS, _MINE),
    FileState.both: (_THEIRS, _MINE, ("merge the two", "--merge")),
    FileState.edited_left_over: (("remove it", "--force"), ("keep it as your own", "--keep")),
    FileState.foreign: (_THEIRS, _MINE),
    FileState.kept_edit: (_THEIRS,),
    FileState.deleted: (_THEIRS,),
}
# States in which a file already has its text, so `diff` shows none.
_SAME_TEXT = (FileState.unrecorded, FileState.lost)
SYNC = "vpc-cni-iam sync"
_CONFLICT = "holds conflict markers"
_NOT_GENERATED = "so that the module is not what was generated"


def reason(file: ModuleFile) -> str:
    """Return the state of a file in words."""
    if file.conflict:
        return _CONFLICT
    text = _REASONS[file.state].format(_effect_text(file.effect))
    if file.edit is not None:
        text = f"{text}; {edit_text(file.edit)}"
    return f"{text}; --no-kept allows no kept edit" if file.forbidden else text


def _effect_text(effect: Effect | None) -> str:
    match effect:
        case Redefinition((first, *others), home):
            more = f" and {len(others)} more" if others else ""
            return f"defines {first}{more} again, which {home} defines"
        case Override():
            return f"is merged over the generated files by an engine, {_NOT_GENERATED}"
        case TofuReplacement(path):
            return f"is read by OpenTofu in place of {path}, {_NOT_GENERATED}"
        case ReadProblem(problem):
            return f"cannot be read, and may define again what is generated: {problem}"
    return ""


def next_steps(
    file: ModuleFile, module: str, command: str = SYNC, diff: str = ""
) -> tuple[str, ...]:
    """Return the next steps about a file of a module, each with its command.

    Commands start with `command`. The first one shows the difference, by a command that starts with
    `diff`, if that is given.
    """
    # A path that begins with a hyphen is no option.
    module = f"./{module}" if module.startswith("-") else module
    path = shlex.quote(f"{module}/{file.path}")
    if file.conflict:
        keep = f"resolve them, then keep the result: {command} --keep {path}"
        return (keep, f"take the generated one: {command} --force {path}")
    steps = tuple(
        f"{what}: {command} {f'{way} {path}' if way else shlex.quote(module)}"
        for what, way in (_STEPS.get(file.state, ()) if not file.fine else ())
    )
    if diff and steps and not file.forbidden and file.state not in _SAME_TEXT:
        steps = (f"show the difference: {diff} {shlex.quote(module)}", *steps)
    if file.edit is None or file.edit.fine or file.forbidden:
        return steps
    # Braces on one line are TOML, and need no place after the other keys of the module.
    entry = f'{{ file = "{file.path}", sha256 = "{file.edit.sha256}", reason = "..." }}'
    return (*steps, f"accept it, in the module's table of vpc-cni-iam.toml: accept = [{entry}]")
