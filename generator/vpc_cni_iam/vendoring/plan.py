"""What a sync will make of each file of a module. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from vpc_cni_iam import __version__
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.backup import backup_name
from vpc_cni_iam.files.lock import at_rest
from vpc_cni_iam.files.read import contents, decoded, unix
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring import manifest as manifests
from vpc_cni_iam.vendoring.config import Config, Vendored
from vpc_cni_iam.vendoring.manifest import MANIFEST, Entry, base_path, digest
from vpc_cni_iam.vendoring.merge import merge
from vpc_cni_iam.vendoring.observe import Observed, observe
from vpc_cni_iam.vendoring.select import Selected
from vpc_cni_iam.vendoring.state import EDITED, Judged

Way = Literal["refuse", "merge", "force", "keep"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one file.

    Args:
        file: The file and its state.
        content: What it will hold, None if it will not be there.
        entry: What will be remembered of it, None for nothing.
        copied: Whether what it holds now is kept as a copy.
        refused: Whether it is left as it is, for its user to say what to do; the content is then
            what would be generated.
        conflict: Whether it will hold conflict markers.
    """

    file: Judged
    content: bytes | None
    entry: Entry | None
    copied: bool = False
    refused: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync will make of a module.

    Args:
        module: The module.
        observed: What there is of it.
        wanted: Its files as they are generated now.
        bases: Its files as they were generated, as far as that is still known.
        fates: What becomes of each file.
        settled: The paths of those that will be written; none if all are left as they are.
    """

    module: Vendored
    observed: Observed
    wanted: Mapping[str, str]
    bases: Mapping[str, bytes]
    fates: tuple[Fate, ...]
    settled: frozenset[str]

    @property
    def refused(self) -> tuple[Judged, ...]:
        """The files whose user has to say what to do."""
        return tuple(f.file for f in self.fates if f.refused)

    @property
    def before(self) -> dict[str, str]:
        """The texts that are there."""
        held = self.observed.held
        return {f.file.path: decoded(held[f.file.path]) for f in self.fates if f.file.path in held}

    @property
    def after(self) -> dict[str, str]:
        """The texts that will be there, as generated for files that are refused."""
        return {f.file.path: decoded(f.content) for f in self.fates if f.content is not None}


def plan(
    config: Config, module: Vendored, way: Way = "refuse", files: frozenset[str] = frozenset()
) -> Plan:
    """Return what a sync will make of a module.

    Files that nobody edited become what the configuration says. If an edited one is refused,
    all is left as it is; but files that were named are done by themselves.

    Args:
        config: The configuration.
        module: One of its modules.
        way: What to do with edited files: ``refuse`` them, ``merge`` them with the update,
            ``force`` the generated ones and keep copies, ``keep`` them and remember that.
        files: The files to do that with, by path in the module; all without any.

    Raises:
        InputError: A manifest that cannot be read.
        TreeError: A file that cannot be read, or a merge without what it starts from.
        EngineError: git is needed for a merge and is missing.
    """
    observed, wanted = observe(config, module), render(module.options)
    paths = [f.path for f in observed.files]
    held = contents(observed.folder, map(base_path, paths))
    bases = {p: held[base_path(p)] for p in paths if base_path(p) in held}
    fates = tuple(
        (_fate if f.path in wanted else _fate_of_left_over)(
            f, observed, wanted, bases, way if not files or f.path in files else "refuse"
        )
        for f in observed.files
    )
    settled = {f.file.path for f in fates if not f.refused}
    if len(settled) < len(fates):
        settled = {path for path in settled if path in files}
    return Plan(module, observed, wanted, bases, fates, frozenset(settled))


def plan_at_rest(config: Config, chosen: Selected, way: Way = "refuse") -> Plan:
    """Return what a sync will make of a module that no other run is half way through writing.

    Args:
        config: The configuration.
        chosen: One of its modules, or files in it.
        way: As `plan` takes it.

    Raises:
        InputError: As `plan` does.
        TreeError: As `plan` does.
        EngineError: As `plan` does.
    """
    with at_rest(config.folder(chosen.module)):
        return plan(config, chosen.module, way, chosen.files)


def _fate(
    file: Judged,
    observed: Observed,
    wanted: Mapping[str, str],
    bases: Mapping[str, bytes],
    way: Way,
) -> Fate:
    path, state = file.path, file.state
    held, known = observed.held.get(path), observed.entries.get(path)
    entry = Entry(digest(wanted[path]))
    theirs = Fate(file, _unless_same(held, wanted[path]), entry)
    if way == "force":
        return replace(theirs, copied=state in (*EDITED, "kept"))
    if known is not None and state in ("kept", "deleted"):
        return Fate(file, held, replace(known, generated=entry.generated))
    if state not in EDITED and not (state == "missing" and way == "keep"):
        return theirs
    if way == "refuse" or file.conflict or (way == "merge" and state == "foreign"):
        return replace(theirs, refused=True)
    if way == "merge" and state != "edited":
        return _merged(file, observed, wanted[path], bases.get(path))
    kept = digest(decoded(held)) if held is not None else None
    return Fate(file, held, replace(entry, kept=kept, deleted=held is None))


def _merged(file: Judged, observed: Observed, text: str, base: bytes | None) -> Fate:
    """Return the fate of an edited file that is merged with its update."""
    held = observed.held[file.path]
    merged = merge(decoded(held), _base(file.path, observed, text, base), text)
    entry = Entry(digest(text))
    if not merged.conflicts and merged.text != text:
        entry = replace(entry, kept=digest(merged.text))
    return Fate(file, _unless_same(held, merged.text), entry, conflict=merged.conflicts > 0)


def _base(path: str, observed: Observed, text: str, base: bytes | None) -> str:
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


def _fate_of_left_over(
    file: Judged,
    observed: Observed,
    _: Mapping[str, str],
    bases: Mapping[str, bytes],
    way: Way,
) -> Fate:
    held, base = observed.held.get(file.path), bases.get(file.path)
    edited = file.state != "left over"
    if held is None or way == "keep" or (edited and way == "merge"):
        return Fate(file, held, None)  # gone, or the user's own from now on
    if base is None or digest(decoded(base)) != observed.entries[file.path].generated:
        # Only the text as generated proves that the file is this tool's to remove.
        return Fate(file, held, None)
    return Fate(file, None, None, copied=edited, refused=edited and way == "refuse")


def _unless_same(held: bytes | None, text: str) -> bytes:
    """Return a new content; the old one if only its line ends differ, which a check-out chose.

    They are those of most lines of the old one.
    """
    new = text.encode(errors="surrogateescape")
    if held is None or unix(held) == new:
        return new if held is None else held
    dos = held.count(b"\r\n") * 2 > held.count(b"\n")
    return new.replace(b"\n", b"\r\n") if dos else new


@dataclass(frozen=True, slots=True)
class Writing:
    """What to write and remove in a module's directory, in this order."""

    files: Mapping[str, bytes]
    remove: tuple[str, ...]


def writing(plan: Plan) -> Writing:
    """Return what a plan writes, the manifest last, since it tells of the others.

    Args:
        plan: The plan.
    """
    observed, fates = plan.observed, [f for f in plan.fates if f.file.path in plan.settled]
    files = {
        backup_name(observed.folder, f.file.path): observed.held[f.file.path]
        for f in fates
        if f.copied
    }
    files |= {f.file.path: f.content for f in fates if f.content is not None}
    remove = [f.file.path for f in fates if f.content is None and f.file.path in observed.held]
    for path in plan.settled:
        if path not in plan.wanted:
            remove += [base_path(path)] if path in plan.bases else []
    for fate in fates:
        path = fate.file.path
        if path in plan.wanted:
            files[base_path(path)] = _unless_same(plan.bases.get(path), plan.wanted[path])
    files[MANIFEST] = _manifest(plan, fates)
    return Writing(files, tuple(remove))


def _manifest(plan: Plan, fates: list[Fate]) -> bytes:
    known, held = plan.observed.known, plan.observed.held.get(MANIFEST)
    entries = {p: e for p, e in plan.observed.entries.items() if p not in plan.settled}
    left = {f.file.path for f in plan.fates} - plan.settled
    unfinished = any(
        path not in plan.wanted
        or path not in entries
        or entries[path].generated != digest(plan.wanted[path])
        for path in left
    )
    entries |= {f.file.path: f.entry for f in fates if f.entry is not None}
    text = ""
    # Another version of this tool whose output is the same is no difference.
    for generator in (known.generator if known else __version__, __version__):
        text = manifests.dumps(plan.module.options, generator, entries, unfinished=unfinished)
        if held is not None and text == decoded(held):
            break
    return _unless_same(held, text)
