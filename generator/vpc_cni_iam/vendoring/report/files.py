"""The state of a file in words, and what to do about it."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.vendoring.edits.meaning import ReadProblem
from vpc_cni_iam.vendoring.manifest import FOLDER, MANIFEST
from vpc_cni_iam.vendoring.report.edits import edit_text
from vpc_cni_iam.vendoring.state import (
    EDITED,
    FileEffect,
    FileState,
    ModuleFile,
    Override,
    Redefinition,
    TofuReplacement,
)

_REASONS: Mapping[FileState, str] = {
    FileState.clean: "is as generated",
    FileState.outdated: "is out of date",
    FileState.edited: "was edited by hand",
    FileState.both: "was edited by hand and is out of date",
    FileState.foreign: f"is in the way of a generated file, and is not in {MANIFEST}",
    FileState.missing: "is missing",
}
_NOT_GENERATED = "so the module is not the generated one"
_REASON = "'REASON'"


class NextCommands(Struct, frozen=True):
    """The commands that are shown as next steps."""

    options: str = ""  # the options that each needs, such as --config FILE
    folder: str = ""  # the directory of the configuration, relative to the user's

    def line(self, name: str, *words: str) -> str:
        """Return a command line; its last words may be paths that begin with a hyphen."""
        paths = (shlex.quote(f"./{w}" if w.startswith("-") else w) for w in words)
        return " ".join(("vpc-cni-iam", name, *filter(None, (self.options,)), *paths))

    def remove(self, path: str, *, folder: bool = False) -> str:
        """Return the command that removes a file or folder, by its path in the configuration."""
        place = posixpath.normpath(f"{self.folder}/{path}" if self.folder else path)
        command = "rm -r" if folder else "rm"
        return f"{command} {shlex.quote(f'./{place}' if place.startswith('-') else place)}"


def reason(file: ModuleFile) -> str:
    """Return the state of a file in words."""
    if file.markers:
        return "has conflict markers"
    text = _effect_text(file.effect) if file.effect is not None else _state_text(file)
    if file.edit is not None:
        text = f"{text}; {edit_text(file.edit)}"
    if file.accepted:
        text = f"{text}; accepted: {file.accepted}"
    return f"{text}; --no-accepted does not allow accepted edits" if file.forbidden else text


def _state_text(file: ModuleFile) -> str:
    if file.state is FileState.missing and file.accepted:
        return "was deleted on purpose"
    if _is_lost(file):
        return "is missing, so local changes are not known; restore it from version control"
    if file.state is FileState.missing and not file.recorded:
        return "does not exist yet"
    if not file.generated:
        edited = ", and may have been edited" if file.state in EDITED else ""
        return f"is no longer generated{edited}"
    return _REASONS[file.state]


def _effect_text(effect: FileEffect) -> str:
    match effect:
        case Redefinition((first, *others), home):
            more = f" and {len(others)} more" if others else ""
            return (
                f"defines {first}{more} again, although {home} defines it, so an engine refuses "
                "both; rename it back if it was renamed, or remove one of them"
            )
        case Override():
            return f"overrides the generated files, {_NOT_GENERATED}"
        case TofuReplacement(path):
            return f"is read by OpenTofu instead of {path}, {_NOT_GENERATED}"
        case ReadProblem(problem):
            return f"cannot be read, and may repeat generated definitions: {problem}"
    return ""


def not_accepted(file: ModuleFile | None) -> str:
    """Return why a file cannot be accepted as it is."""
    match file:
        case None:
            return "is as generated; there is nothing to accept"
        case ModuleFile(markers=True):
            return "has conflict markers; resolve them first"
        case ModuleFile(state=FileState.both):
            return "is also out of date; run vpc-cni-iam sync, and accept the merged file"
        case ModuleFile(effect=Redefinition()):
            return reason(file)
    return "was generated for other options; run vpc-cni-iam sync"


def next_steps(
    file: ModuleFile, module: str, commands: NextCommands, *, synced: bool = False
) -> tuple[str, ...]:
    """Return the next steps for a file of a module, each with its command after a colon.

    `synced` is whether a sync has already run.
    """
    if file.fine or isinstance(file.effect, Redefinition):
        return ()
    return tuple(_steps(file, module, commands, synced=synced))


def orphan_steps(path: str, commands: NextCommands) -> tuple[str, ...]:
    """Return the next steps for a module that the configuration does not name."""
    return (
        f"check it: add a [[module]] with path = {json.dumps(path, ensure_ascii=False)}",
        f"remove it: {commands.remove(path, folder=True)}",
        f"manage it yourself: {commands.remove(f'{path}/{FOLDER}', folder=True)}",
    )


def _steps(file: ModuleFile, module: str, commands: NextCommands, *, synced: bool) -> Iterator[str]:
    path, sync = f"{module}/{file.path}", commands.line("sync", module)
    accept = f"{commands.line('accept', path)} {_REASON}"
    match file:
        case ModuleFile(path=name) if name.startswith(f"{FOLDER}/"):
            # Sync does not write a lost manifest again: without it, edits are not known.
            yield from () if _is_lost(file) else (f"use the generated one: {sync}",)
        case ModuleFile(state=FileState.outdated):
            yield f"{'use the generated one' if file.generated else 'remove it'}: {sync}"
        case ModuleFile(state=FileState.missing):
            yield f"write it: {sync}"
            if file.recorded and not file.accepted:
                yield f"keep it deleted: {accept}"
        case _:
            if not synced:
                yield from _merging(file, sync, commands.line("sync --dry-run", module))
            remove = commands.remove(path)
            again = file.generated and file.effect is None
            yield f"use the generated one: {remove} && {sync}" if again else f"remove it: {remove}"
            if file.markers:
                yield f"resolve the conflicts, then accept the result: {accept}"
            elif file.acceptable and not file.accepted:
                yield f"keep yours: {accept}"


def _merging(file: ModuleFile, sync: str, show: str) -> Iterator[str]:
    """Yield the steps before a sync that merges a file."""
    if file.state in EDITED:
        yield f"show the difference: {show}"
    if file.markers:
        yield f"if git left the conflict, merge it again: {sync}"
    elif file.state is FileState.both:
        yield f"merge the update into it: {sync}"


def _is_lost(file: ModuleFile) -> bool:
    return file.path == MANIFEST and file.state is FileState.missing and file.recorded
