"""Plans the sync of a module, file by file. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.files.merge import Merged, merge
from vpc_cni_iam.files.read import decoded, unix
from vpc_cni_iam.files.unified import unified
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.edits.access import adds_none, edits
from vpc_cni_iam.vendoring.edits.other_files import conflicting
from vpc_cni_iam.vendoring.lift import accepted_origin, deleted_by_a_side, lift
from vpc_cni_iam.vendoring.manifest import MANIFEST, digest
from vpc_cni_iam.vendoring.observe import ModuleContents, observe
from vpc_cni_iam.vendoring.report.files import reason
from vpc_cni_iam.vendoring.state import EDITED, FileState, ModuleFile, Redefinition


class FilePlan(Struct, frozen=True):
    """The planned change of one file."""

    file: ModuleFile  # its state after the sync
    text: str | None  # its new text, None if it will not exist
    merged: bool = False  # whether an edit was merged with an update
    # Whether the user must decide; the texts on which it is based then stay recorded.
    pending: bool = False
    # The accepted texts from which it was merged, if all are accepted; the result needs a proof.
    origins: tuple[str, ...] = ()


class SyncPlan(Struct, frozen=True):
    """The planned sync of a module."""

    module: VendoredModule
    observed: ModuleContents
    files: tuple[FilePlan, ...]
    replacing: tuple[ModuleFile, ...]  # other files that replace generated code
    # Whether nothing is written, because files in the way may be the user's.
    refused: bool = False

    @property
    def after(self) -> dict[str, str]:
        """The texts after the sync."""
        return _texts(self.files)

    @property
    def before(self) -> dict[str, str]:
        """The existing texts."""
        paths = self.observed.files_by_path.keys() & {f.file.path for f in self.files}
        return {path: self.observed.text(path) for path in paths}

    @property
    def reported(self) -> tuple[ModuleFile, ...]:
        """The files that will differ from the generated ones, or that replace generated code."""
        files = [f.file for f in self.files if f.file.state is not FileState.clean]
        in_the_way = any(f.state is FileState.foreign for f in files)
        if in_the_way and MANIFEST not in self.observed.files_by_path:
            files.append(ModuleFile(MANIFEST, FileState.missing))
        return (*files, *self.replacing)

    @property
    def undecided(self) -> dict[str, str]:
        """The edits that need a decision, as unified diffs from the generated text, by path."""
        generated = self.observed.generated
        return {
            f.file.path: unified(
                generated.get(f.file.path, ""),
                f.text,
                f"{self.module.path}/{f.file.path} (as generated)",
                f"{self.module.path}/{f.file.path}",
            )
            for f in self.files
            if f.text is not None and not f.file.fine
        }


def plan(config: Config, module: VendoredModule, checkout: Checkout) -> SyncPlan:
    """Return the plan of a sync of a module.

    Unedited files are generated again. Edited files are merged with the generated text. Raises
    `TreeError` for another file that repeats a definition; `EngineError` if git is needed but
    missing.
    """
    observed = observe(config, module, checkout)
    refused = any(f.state is FileState.foreign for f in observed.files)
    planned = [
        _unchanged(observed, file) if refused else _planned(observed, file, checkout)
        for file in observed.files
    ]
    replacing = conflicting(observed, _texts(planned))
    for file in replacing:
        if isinstance(file.effect, Redefinition):
            raise TreeError(f"{observed.folder / file.path}: {reason(file)}")
    files = _with_meanings(observed, planned, _texts(planned), overridden=bool(replacing))
    return SyncPlan(module, observed, files, replacing, refused)


def as_it_is(config: Config, module: VendoredModule) -> SyncPlan:
    """Return a plan that changes nothing and does not use git."""
    observed = observe(config, module)
    planned = [_unchanged(observed, file) for file in observed.files]
    # Files that sync will write equal the generated ones afterwards.
    own = {**observed.generated, **_texts(f for f in planned if f.file.state in EDITED)}
    for file in observed.files:
        if file.state is FileState.missing and file.accepted:
            del own[file.path]
    replacing = conflicting(observed, own)
    files = _with_meanings(observed, planned, own, overridden=bool(replacing))
    return SyncPlan(module, observed, files, replacing)


def _texts(files: Iterable[FilePlan]) -> dict[str, str]:
    return {f.file.path: f.text for f in files if f.text is not None}


def _unchanged(observed: ModuleContents, file: ModuleFile) -> FilePlan:
    content = observed.files_by_path.get(file.path)
    text = decoded(content) if content is not None else None
    return FilePlan(file, text, pending=not file.fine)


def _planned(observed: ModuleContents, file: ModuleFile, checkout: Checkout) -> FilePlan:
    """Return the plan for a file that is not foreign."""
    path, now = file.path, observed.generated.get(file.path)
    if file.state in EDITED:
        return _edited(observed, file, checkout)
    if file.state is FileState.missing and file.accepted:
        return FilePlan(file, None)
    if file.state is not FileState.missing and deleted_by_a_side(observed, checkout, path):
        why = observed.known.deleted[path]
        return FilePlan(ModuleFile(path, FileState.missing, accepted=why), None)
    return FilePlan(ModuleFile(path, FileState.clean), now)


def _edited(observed: ModuleContents, file: ModuleFile, checkout: Checkout) -> FilePlan:
    path, text = file.path, observed.text(file.path)
    if not file.generated:
        return FilePlan(file, text)
    lifted = None if file.accepted else lift(observed, checkout, path, text)
    if lifted is not None:
        return _merged(observed, path, lifted.merged, lifted.edited)
    if file.markers:
        return FilePlan(file, text, pending=True)
    if file.state is FileState.both:
        new = merge(text, observed.base(path, text), observed.generated[path])
        return _merged(observed, path, new, (text,))
    origin = None if file.accepted else accepted_origin(observed, path, text)
    return FilePlan(file, text, origins=() if origin is None else (origin,))


def _merged(
    observed: ModuleContents, path: str, merged: Merged, edited: tuple[str, ...]
) -> FilePlan:
    """Return the plan for a file with a new text that was merged from these edited texts."""
    if merged.text == observed.generated[path]:
        return FilePlan(ModuleFile(path, FileState.clean), merged.text)
    names = observed.known.accepted.get(path, {})
    agreed = all(digest(text) in names for text in edited) and not merged.conflict
    file = ModuleFile(path, FileState.edited, markers=merged.conflict)
    return FilePlan(file, merged.text, merged=True, origins=edited if agreed else ())


def _with_meanings(
    observed: ModuleContents,
    planned: list[FilePlan],
    texts: Mapping[str, str],
    *,
    overridden: bool,
) -> tuple[FilePlan, ...]:
    """Return plans with the meaning of edits for access, and with the edits that stay accepted.

    `texts` are the texts of the module's files.
    """
    edited = [f for f in planned if f.file.state in EDITED and f.text is not None]
    if not edited:
        return tuple(planned)
    generated = observed.generated
    files = {f.file.path: f.file for f in edited}
    for each in edited:
        path, reasons = each.file.path, observed.known.accepted.get(each.file.path, {})
        if each.origins and not overridden and adds_none(generated, texts, path, each.origins):
            why = dict.fromkeys(reasons[digest(text)] for text in each.origins)
            files[path] = replace(each.file, accepted="; ".join(why))
    meanings = edits(
        generated, texts, {p: bool(f.accepted) for p, f in files.items()}, overridden=overridden
    )
    files = {path: replace(file, edit=meanings[path]) for path, file in files.items()}
    return tuple(replace(f, file=files.get(f.file.path, f.file)) for f in planned)


def unless_same(current: bytes | None, text: str) -> bytes:
    """Return the new content with the line ends of the old one, which a git checkout may set.

    If only line ends differ, return the old content.
    """
    new = text.encode(errors="surrogateescape")
    if current is None or unix(current) == new:
        return new if current is None else current
    dos = current.count(b"\r\n") * 2 > current.count(b"\n")
    return new.replace(b"\n", b"\r\n") if dos else new
