"""Makes a vendored module what the configuration says, without losing a hand edit."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vpc_cni_iam import __version__
from vpc_cni_iam.catalog.options import stated
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.backup import backup_name
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.tree import Change, texts, write
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring import manifest as manifests
from vpc_cni_iam.vendoring.config import Config, Vendored
from vpc_cni_iam.vendoring.manifest import MANIFEST, Entry, Manifest, base_path, digest
from vpc_cni_iam.vendoring.merge import merge
from vpc_cni_iam.vendoring.state import EDITED, Judged, has_markers, judge

Way = Literal["refuse", "merge", "force", "keep"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync did to a module.

    Args:
        module: The module.
        changes: What was done to its files; empty if it was refused.
        refused: Edited files that kept it from being done.
        edits: What was edited in those, as unified diffs.
        conflicts: Files that now hold conflict markers.
    """

    module: Vendored
    changes: tuple[Change, ...] = ()
    refused: tuple[Judged, ...] = ()
    edits: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing is left to be done by hand."""
        return not self.refused and not self.conflicts


@dataclass(slots=True)
class _Plan:
    """What is to be written, removed and remembered."""

    files: dict[str, str] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    refused: list[Judged] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def sync(
    config: Config,
    module: Vendored,
    way: Way = "refuse",
    *,
    dry_run: bool = False,
    step: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Make one module what the configuration says.

    Args:
        config: The configuration.
        module: One of its modules.
        way: What to do with edited files: ``refuse`` the module, ``merge`` them with the update,
            ``force`` the generated ones and keep copies, ``keep`` them and remember that.
        dry_run: Whether to write nothing.
        step: Called before each change on disk, for tests that interrupt.

    Raises:
        InputError: A manifest that cannot be read.
        TreeError: The module's directory may not be written as it is.
        EngineError: git is needed for a merge and is missing.
    """
    folder = config.folder(module)
    wanted = render(module.options)
    with locked(folder):
        known = read_manifest(folder)
        entries = known.files if known is not None else {}
        names = {*entries, *wanted}
        there = texts(folder, {*names, *map(base_path, names), MANIFEST})
        current = {p: digest(t) for p, t in there.items() if p in names}
        _forgive(current, there, entries, wanted)
        files = judge(entries, current, {p: digest(t) for p, t in wanted.items()})
        plan = _plan(folder, files, there, entries, wanted, way)
        if plan.refused:
            edits = tuple(_edit(f.path, there, wanted) for f in plan.refused)
            return Outcome(module, refused=tuple(plan.refused), edits=edits)
        _remember(plan, module, known, there, wanted)
        changes: tuple[Change, ...] = ()
        if not dry_run:
            changes = write(folder, plan.files, plan.remove, step=step)
    return Outcome(
        module,
        tuple(c for c in changes if c.kind != "same"),
        conflicts=tuple(plan.conflicts),
    )


def read_manifest(folder: Path) -> Manifest | None:
    """Return what is remembered of a module, None if nothing is.

    Args:
        folder: The module's directory.

    Raises:
        InputError: It cannot be read.
    """
    text = texts(folder, [MANIFEST]).get(MANIFEST)
    return manifests.loads(text, str(folder / MANIFEST)) if text is not None else None


def _forgive(
    current: dict[str, str],
    there: Mapping[str, str],
    entries: Mapping[str, Entry],
    wanted: Mapping[str, str],
) -> None:
    """Take for unedited what this tool wrote from other options than the manifest says.

    A sync that was killed, and then asked for something else, leaves such files.
    """
    for path, text in there.items():
        entry = entries.get(path)
        if path not in current or current[path] in (
            digest(wanted[path]) if path in wanted else None,
            entry.generated if entry else None,
            entry.kept if entry else None,
        ):
            continue
        made_from = stated(text)
        if made_from is not None and render(made_from).get(path) == text:
            if entry is not None:
                current[path] = entry.generated
            else:
                current.pop(path)


def _plan(
    folder: Path,
    files: tuple[Judged, ...],
    there: Mapping[str, str],
    entries: Mapping[str, Entry],
    wanted: Mapping[str, str],
    way: Way,
) -> _Plan:
    plan = _Plan()
    for file in files:
        if file.left_over:
            _plan_left_over(plan, folder, file, there, entries, way)
            continue
        path, text = file.path, wanted[file.path]
        generated = digest(text)
        plan.entries[path] = Entry(generated)
        marked = path in there and has_markers(there[path].encode(errors="surrogateescape"))
        if marked and way in ("merge", "keep") and file.state in (*EDITED, "kept"):
            # Conflict markers are nobody's edit to keep.
            plan.refused.append(replace(file, conflict=True))
        elif way == "force" and file.state in ("kept", "deleted"):
            if path in there:
                plan.files[backup_name(folder, path)] = there[path]
            plan.files[path] = text
        elif file.state == "deleted" or (file.state == "missing" and way == "keep"):
            plan.entries[path] = Entry(generated, deleted=True)
        elif file.state == "kept":
            plan.entries[path] = Entry(generated, entries[path].kept)
        elif file.state not in EDITED:
            plan.files[path] = text
        elif way == "refuse" or file.state == "foreign":
            plan.refused.append(file)
        elif way == "keep" or (way == "merge" and file.state == "edited"):
            plan.entries[path] = Entry(generated, digest(there[path]))
        elif way == "force":
            plan.files[backup_name(folder, path)] = there[path]
            plan.files[path] = text
        else:
            _plan_merge(plan, folder, path, there, entries, text)
    return plan


def _plan_left_over(
    plan: _Plan,
    folder: Path,
    file: Judged,
    there: Mapping[str, str],
    entries: Mapping[str, Entry],
    way: Way,
) -> None:
    base = there.get(base_path(file.path))
    if base is None or digest(base) != entries[file.path].generated:
        return  # only the text as generated proves that the file is this tool's to remove
    if file.path not in there or way == "keep" or (file.state == "both" and way == "merge"):
        return  # gone, or the user's own from now on
    if file.state == "both" and way == "refuse":
        plan.refused.append(file)
        return
    if file.state == "both":
        plan.files[backup_name(folder, file.path)] = there[file.path]
    plan.remove.append(file.path)


def _plan_merge(
    plan: _Plan,
    folder: Path,
    path: str,
    there: Mapping[str, str],
    entries: Mapping[str, Entry],
    text: str,
) -> None:
    base = there.get(base_path(path))
    if base is None or digest(base) != entries[path].generated:
        raise TreeError(
            f"{folder / base_path(path)}: is missing or changed, and a merge needs it; restore "
            "it from version control, or take --force or --keep"
        )
    merged = merge(there[path], base, text)
    plan.files[path] = merged.text
    if merged.conflicts:
        plan.conflicts.append(path)
    elif merged.text != text:
        plan.entries[path] = Entry(digest(text), digest(merged.text))


def _remember(
    plan: _Plan,
    module: Vendored,
    known: Manifest | None,
    there: Mapping[str, str],
    wanted: Mapping[str, str],
) -> None:
    """Add the manifest and the bases, which are written after the files they tell of."""
    bases = {base_path(p): t for p, t in wanted.items()}
    plan.files |= bases
    plan.remove += [p for p in there if manifests.is_base(p) and p not in bases]
    # Another version of this tool whose output is the same is no difference.
    for generator in (known.generator if known else __version__, __version__):
        text = manifests.dumps(module.options, generator, plan.entries)
        if text == there.get(MANIFEST):
            break
    plan.files[MANIFEST] = text


def _edit(path: str, there: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Return what was edited in a file, as a unified diff from the text as generated."""
    before = there.get(base_path(path), wanted.get(path, ""))
    return unified(before, there[path], f"{path} as generated", f"{path} as it is")


def unified(before: str, after: str, before_name: str, after_name: str) -> str:
    """Return a unified diff of two texts, empty if they are the same.

    Args:
        before: The old text.
        after: The new text.
        before_name: What to call the old one.
        after_name: What to call the new one.
    """
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), before_name, after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
