"""Writes vendored modules as the configuration says, without losing a hand edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam import __version__
from vpc_cni_iam.catalog.options import COMMAND_IN
from vpc_cni_iam.errors import VpcCniIamError, expected
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import decoded
from vpc_cni_iam.files.replacement import backup_name
from vpc_cni_iam.files.tree import FileChange, WriteAction, write
from vpc_cni_iam.vendoring import manifest as manifests
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.manifest import MANIFEST, Manifest, base_path, digest
from vpc_cni_iam.vendoring.plan import ConflictPolicy, FileAction, SyncPlan, plan, unless_same
from vpc_cni_iam.vendoring.repository import above
from vpc_cni_iam.vendoring.select import ModuleSelection
from vpc_cni_iam.vendoring.state import ModuleFile


class SyncOutcome(Struct, frozen=True):
    """The result of a sync of a module."""

    module: VendoredModule
    changes: tuple[FileChange, ...] = ()
    # Edited files that stay as they are, and stopped the sync of others.
    refused: tuple[ModuleFile, ...] = ()
    edits: tuple[str, ...] = ()  # the edits of those, as unified diffs
    conflicts: tuple[ModuleFile, ...] = ()  # files that now hold conflict markers
    failure: VpcCniIamError | None = None  # why the sync failed, None if it did not
    kept_edits: tuple[ModuleFile, ...] = ()  # the edits that are kept, and what they mean

    @property
    def done(self) -> bool:
        """Whether nothing is left to be done by hand."""
        fine = all(file.fine for file in self.kept_edits)
        return fine and not (self.refused or self.conflicts or self.failure)


def sync_all(
    config: Config, chosen: Iterable[ModuleSelection], way: ConflictPolicy
) -> list[SyncOutcome]:
    """Sync modules, or files in them; one that fails does not stop the others."""
    outcomes = []
    for selection in chosen:
        try:
            outcomes.append(sync(config, selection.module, way, selection.files))
        except (VpcCniIamError, OSError) as error:
            outcomes.append(SyncOutcome(selection.module, failure=expected(error)))
    return outcomes


def sync(
    config: Config,
    module: VendoredModule,
    way: ConflictPolicy = ConflictPolicy.REFUSE,
    files: frozenset[str] = frozenset(),
    *,
    step: Callable[[str], None] = lambda _: None,
) -> SyncOutcome:
    """Sync one module; see `plan`. `step` is called before each change, for tests that interrupt.

    Raises `TreeError` if the module's directory may not be written as it is, or the configuration
    was changed since it was read.
    """
    folder = config.folder(module)
    with locked(folder, above(config, module)):
        # Whoever changes the configuration syncs afterwards, and waits for this lock then.
        config.refuse_changed()
        planned = plan(config, module, way, files)
        changes: tuple[FileChange, ...] = ()
        if planned.applied:
            files_to_write, remove = _writing(planned)
            top = above(config, module)
            changes = write(
                folder, files_to_write, remove, observed=planned.seen, top=top, step=step
            )
    return outcome(planned, changes)


def outcome(planned: SyncPlan, changes: tuple[FileChange, ...] = ()) -> SyncOutcome:
    """Return the result of a sync, or of a planned one."""
    return SyncOutcome(
        planned.module,
        tuple(c for c in changes if c.kind is not WriteAction.SAME),
        planned.refused,
        tuple(planned.edit(f.path) for f in planned.refused),
        tuple(
            replace(f.file, conflict=True)
            for f in planned.actions
            if f.conflict and f.file.path in planned.applied
        ),
        kept_edits=planned.kept_edits,
    )


def _writing(plan: SyncPlan) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that a plan writes, and the paths that it removes.

    The manifest is last, since it records the others.
    """
    observed, actions = plan.observed, [f for f in plan.actions if f.file.path in plan.applied]
    # First the one by which the next run knows the others, if this one is killed.
    actions.sort(key=lambda f: f.file.path != COMMAND_IN)
    files = {
        backup_name(observed.folder, f.file.path): observed.files_by_path[f.file.path]
        for f in actions
        if f.copied
    }
    files |= {f.file.path: f.content for f in actions if f.content is not None}
    remove = [
        f.file.path for f in actions if f.content is None and f.file.path in observed.files_by_path
    ]
    remove += [base_path(p) for p in plan.applied if p in plan.bases and p not in plan.generated]
    for action in actions:
        path = action.file.path
        if path in plan.generated:
            files[base_path(path)] = unless_same(plan.bases.get(path), plan.generated[path])
    files[MANIFEST] = _manifest(plan, actions)
    return files, remove


def _manifest(plan: SyncPlan, actions: list[FileAction]) -> bytes:
    known, current = plan.observed.known, plan.observed.files_by_path.get(MANIFEST)
    entries = {p: e for p, e in plan.observed.entries.items() if p not in plan.applied}
    left = {f.file.path for f in plan.actions} - plan.applied
    unfinished = any(
        path not in plan.generated
        or path not in entries
        or entries[path].generated != digest(plan.generated[path])
        for path in left
    )
    entries |= {f.file.path: f.entry for f in actions if f.entry is not None}
    written = Manifest(plan.module.options, __version__, entries, unfinished, plan.configuration)
    # Another version of this tool whose output is the same is no difference.
    before = replace(written, generator=known.generator if known else __version__)
    same = current is not None and manifests.dumps(before) == decoded(current)
    return unless_same(current, manifests.dumps(before if same else written))
