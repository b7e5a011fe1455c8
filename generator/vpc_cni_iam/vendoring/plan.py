"""Plans the sync of a module, file by file. Reads, and writes nothing."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import EngineError, TreeError
from vpc_cni_iam.files.lock import at_rest
from vpc_cni_iam.files.read import contents, decoded, unix
from vpc_cni_iam.files.unified import unified
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.edits.kept import kept_edits
from vpc_cni_iam.vendoring.edits.other_files import conflicting
from vpc_cni_iam.vendoring.manifest import FileRecord, base_path, digest
from vpc_cni_iam.vendoring.observe import ModuleContents, observe
from vpc_cni_iam.vendoring.report.files import reason
from vpc_cni_iam.vendoring.repository import name_from
from vpc_cni_iam.vendoring.select import ModuleSelection
from vpc_cni_iam.vendoring.state import EDITED, FileState, ModuleFile


class ConflictPolicy(StrEnum):
    """What to do with edited files."""

    REFUSE = "refuse"
    MERGE = "merge"
    FORCE = "force"
    KEEP = "keep"


class FileAction(Struct, frozen=True):
    """The planned action for one file."""

    file: ModuleFile
    content: bytes | None  # what it will hold, None if it will not be there
    entry: FileRecord | None  # the record that the manifest will have of it, None for none
    copied: bool = False  # whether its content now is kept as a copy
    # Whether it stays as it is until the user decides; the content is then what would be generated.
    refused: bool = False
    conflict: bool = False  # whether it will hold conflict markers


class SyncPlan(Struct, frozen=True):
    """The planned sync of a module."""

    module: VendoredModule
    observed: ModuleContents
    generated: Mapping[str, str]  # its files as they are generated now
    bases: Mapping[str, bytes]  # its files as they were generated, where that is still known
    actions: tuple[FileAction, ...]
    # The paths of those that will be written; none if all are left as they are.
    applied: frozenset[str]
    replacing: tuple[ModuleFile, ...]  # the files beside them that replace generated code
    configuration: str  # the path of the configuration from the module

    @property
    def refused(self) -> tuple[ModuleFile, ...]:
        """The files about which the user has to decide."""
        return tuple(f.file for f in self.actions if f.refused)

    @property
    def seen(self) -> dict[str, bytes]:
        """The contents, at the time of the plan, of the existing files that may be written."""
        return {
            **self.observed.files_by_path,
            **{base_path(p): text for p, text in self.bases.items()},
        }

    @property
    def kept_edits(self) -> tuple[ModuleFile, ...]:
        """The files whose edits will be kept, and those that replace generated code."""
        texts = {
            f.file.path: decoded(f.content)
            for f in self.actions
            if f.content is not None and f.entry is not None and f.entry.kept is not None
        }
        if not texts:
            return self.replacing
        deleted = {f.file.path for f in self.actions if f.content is None}
        others = {p: t for p, t in self.generated.items() if p not in deleted}
        accepted, overridden = self.module.accepted, bool(self.replacing)
        edits = kept_edits(self.generated, others | texts, texts, accepted, overridden=overridden)
        return (*(ModuleFile(e.path, FileState.kept_edit, edit=e) for e in edits), *self.replacing)

    @property
    def before(self) -> dict[str, str]:
        """The texts that are there."""
        files_by_path = self.observed.files_by_path
        return {
            f.file.path: decoded(files_by_path[f.file.path])
            for f in self.actions
            if f.file.path in files_by_path
        }

    @property
    def after(self) -> dict[str, str]:
        """The texts that will be there, as generated for files that are refused."""
        return {f.file.path: decoded(f.content) for f in self.actions if f.content is not None}

    def edit(self, path: str) -> str:
        """Return the edits of a file, as a unified diff from the text as generated."""
        base = self.bases.get(path)
        before = decoded(base) if base is not None else self.generated.get(path, "")
        after = decoded(self.observed.files_by_path[path])
        return unified(before, after, f"{path} as generated", f"{path} as it is")


def plan(
    config: Config,
    module: VendoredModule,
    way: ConflictPolicy = ConflictPolicy.REFUSE,
    files: frozenset[str] = frozenset(),
) -> SyncPlan:
    """Return the plan of a sync of a module; `way` is for `files`, by path in it, or for all.

    Files that nobody edited become what the configuration says. If an edited one is refused, all is
    left as it is; but files that were named are done by themselves. Raises `TreeError` for a merge
    without its base, or another file that repeats a definition; `EngineError` if git is needed and
    missing.
    """
    observed, generated = observe(config, module), render(module.options)
    paths = [f.path for f in observed.files]
    base_files = contents(observed.folder, map(base_path, paths))
    bases = {p: base_files[base_path(p)] for p in paths if base_path(p) in base_files}
    planned = []
    for file in observed.files:
        own = way if not files or file.path in files else ConflictPolicy.REFUSE
        text, base = generated.get(file.path), bases.get(file.path)
        if text is None:
            planned.append(_action_for_left_over(file, observed, base, own))
        else:
            planned.append(_action(file, observed, text, base, own))
    actions = tuple(planned)
    applied = {f.file.path for f in actions if not f.refused}
    if len(applied) < len(actions):
        applied = {path for path in applied if path in files}
    return SyncPlan(
        module,
        observed,
        generated,
        bases,
        actions,
        frozenset(applied),
        _replacing(observed, module, actions),
        name_from(config, module),
    )


def _replacing(
    observed: ModuleContents, module: VendoredModule, actions: tuple[FileAction, ...]
) -> tuple[ModuleFile, ...]:
    """Return the files that replace generated code; refuse one that repeats a definition."""
    texts = {f.file.path: decoded(f.content) for f in actions if f.content is not None}
    files = conflicting(observed, module, texts)
    for file in files:
        if file.state is FileState.redefined:
            raise TreeError(f"{observed.folder / file.path}: {reason(file)}")
    return files


def plan_at_rest(
    config: Config, chosen: ModuleSelection, way: ConflictPolicy = ConflictPolicy.REFUSE
) -> SyncPlan:
    """Return the plan of a sync of a module, made while no other run writes it; see `plan`."""
    with at_rest(config.folder(chosen.module)):
        return plan(config, chosen.module, way, chosen.files)


def _action(
    file: ModuleFile, observed: ModuleContents, text: str, base: bytes | None, way: ConflictPolicy
) -> FileAction:
    path, state = file.path, file.state
    current, known = observed.files_by_path.get(path), observed.entries.get(path)
    entry = FileRecord(digest(text))
    theirs = FileAction(file, unless_same(current, text), entry)
    if way == ConflictPolicy.FORCE:
        return replace(theirs, copied=state in (*EDITED, FileState.kept_edit))
    if known is not None and state in (FileState.kept_edit, FileState.deleted):
        return FileAction(file, current, replace(known, generated=entry.generated))
    if state not in EDITED and not (state is FileState.missing and way == ConflictPolicy.KEEP):
        return theirs
    if (
        way == ConflictPolicy.REFUSE
        or file.conflict
        or (way == ConflictPolicy.MERGE and state is FileState.foreign)
    ):
        return replace(theirs, refused=True)
    if way == ConflictPolicy.MERGE and state is not FileState.edited:
        return _merged(file, observed, text, base)
    edited_digest = digest(decoded(current)) if current is not None else None
    return FileAction(file, current, replace(entry, kept=edited_digest, deleted=current is None))


def _merged(
    file: ModuleFile, observed: ModuleContents, text: str, base: bytes | None
) -> FileAction:
    """Return the action for an edited file that is merged with its update."""
    current = observed.files_by_path[file.path]
    merged, conflicts = _merge(decoded(current), _base(file.path, observed, text, base), text)
    entry = FileRecord(digest(text))
    if not conflicts and merged != text:
        entry = replace(entry, kept=digest(merged))
    return FileAction(file, unless_same(current, merged), entry, conflict=conflicts > 0)


def _base(path: str, observed: ModuleContents, text: str, base: bytes | None) -> str:
    """Return the text that a merge starts from: the one that is kept, or else made again."""
    made_from = observed.known.options if observed.known is not None else None
    generated = observed.entries[path].generated
    # The update's own text is the base where the merge is done and only the manifest is behind: a
    # sync was killed, or git merged a branch that has an edit with one that has the update.
    if base is not None and digest(decoded(base)) in (generated, digest(text)):
        return decoded(base)
    if made_from is not None and digest(again := render(made_from).get(path, "")) == generated:
        return again
    raise TreeError(
        f"{observed.folder / base_path(path)}: is missing or changed, and a merge needs "
        "it; restore it from version control, or take --force or --keep"
    )


def _action_for_left_over(
    file: ModuleFile, observed: ModuleContents, base: bytes | None, way: ConflictPolicy
) -> FileAction:
    current = observed.files_by_path.get(file.path)
    edited = file.state is not FileState.left_over
    if current is None or way == ConflictPolicy.KEEP or (edited and way == ConflictPolicy.MERGE):
        return FileAction(file, current, None)  # gone, or the user's own from now on
    if base is None or digest(decoded(base)) != observed.entries[file.path].generated:
        # Only the text as generated proves that the file is this tool's to remove.
        return FileAction(file, current, None)
    return FileAction(
        file, None, None, copied=edited, refused=edited and way == ConflictPolicy.REFUSE
    )


def unless_same(current: bytes | None, text: str) -> bytes:
    """Return a new content; the old one if only its line ends differ, which a check-out chose.

    They are those of most lines of the old one.
    """
    new = text.encode(errors="surrogateescape")
    if current is None or unix(current) == new:
        return new if current is None else current
    dos = current.count(b"\r\n") * 2 > current.count(b"\n")
    return new.replace(b"\n", b"\r\n") if dos else new


# git counts conflicts in its exit code up to this one; above are errors.
_MOST_CONFLICTS = 127


def _merge(mine: str, base: str, theirs: str) -> tuple[str, int]:
    """Return an edited text merged with an update, and how many conflicts are in it.

    Raises `EngineError` if git is missing or refuses.
    """
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        names = []
        for name, text in (("yours", mine), ("base", base), ("generated", theirs)):
            path = Path(folder, name)
            path.write_bytes(text.encode(errors="surrogateescape"))
            names.append(str(path))
        labels = ["-L", "yours", "-L", "as generated before", "-L", "generated now"]
        command = ["git", "merge-file", "-p", *labels, *names]
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
                command, capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
        except OSError:
            problem = "git is not on the PATH, and --merge needs it; take --force or --keep"
            raise EngineError(problem) from None
    if done.returncode > _MOST_CONFLICTS or done.returncode < 0:
        stderr = done.stderr.decode(errors="replace").strip()
        raise EngineError(f"git merge-file failed: {stderr}")
    return done.stdout.decode(errors="surrogateescape"), done.returncode
