"""Writes the vendored modules of a configuration, without losing hand edits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import VpcCniIamError, expected
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.files.lock import at_rest, locked
from vpc_cni_iam.files.tree import FileChange, WriteAction, write
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.manifest import MANIFEST
from vpc_cni_iam.vendoring.plan import SyncPlan, plan, unless_same
from vpc_cni_iam.vendoring.records import left_over, records
from vpc_cni_iam.vendoring.repository import above
from vpc_cni_iam.vendoring.state import ModuleFile


class SyncOutcome(Struct, frozen=True):
    """The result of a sync of a module."""

    module: VendoredModule
    changes: tuple[FileChange, ...] = ()
    merged: tuple[str, ...] = ()  # the paths of edited files that were merged with an update
    # The files that differ from the generated ones, and other files that replace generated code.
    files: tuple[ModuleFile, ...] = ()
    # How the files that need a decision differ from the generated text, by path.
    edits: Mapping[str, str] = {}
    refused: bool = False  # whether nothing was written, because files are in the way
    failure: VpcCniIamError | None = None  # why the sync failed, None if it did not
    plan: SyncPlan | None = None  # the plan, if the sync is only planned

    @property
    def done(self) -> bool:
        """Whether nothing is left to do by hand."""
        return self.failure is None and all(file.fine for file in self.files)


def sync_all(
    config: Config, modules: Iterable[VendoredModule], checkout: Checkout
) -> list[SyncOutcome]:
    """Sync modules; if one fails, the others are still synced."""
    return _each(modules, lambda module: sync(config, module, checkout))


def plan_all(
    config: Config, modules: Iterable[VendoredModule], checkout: Checkout
) -> list[SyncOutcome]:
    """Return the planned outcomes of syncs; only a failed module has no plan."""

    def planned(module: VendoredModule) -> SyncOutcome:
        with at_rest(config.folder(module)):  # no other run writes the module meanwhile
            made = plan(config, module, checkout)
        return replace(outcome(made), plan=made)

    return _each(modules, planned)


def _each(
    modules: Iterable[VendoredModule], sync_one: Callable[[VendoredModule], SyncOutcome]
) -> list[SyncOutcome]:
    outcomes = []
    for module in modules:
        try:
            outcomes.append(sync_one(module))
        except (VpcCniIamError, OSError) as error:
            outcomes.append(SyncOutcome(module, failure=expected(error)))
    return outcomes


def sync(
    config: Config,
    module: VendoredModule,
    checkout: Checkout,
    *,
    step: Callable[[str], None] = lambda _: None,
) -> SyncOutcome:
    """Sync one module; see `plan`. `step` is called before each change, for tests that interrupt.

    Raises `TreeError` if a file in the module's directory prevents it, or if the configuration has
    changed since it was read.
    """
    folder, top = config.folder(module), above(config, module)
    with locked(folder, top):
        # A run that changes the configuration syncs afterwards, and then waits for this lock.
        config.refuse_changed()
        planned = plan(config, module, checkout)
        changes: tuple[FileChange, ...] = ()
        if not planned.refused:
            files, remove = writing(planned)
            observed = planned.observed.files_by_path
            changes = write(folder, files, remove, observed=observed, top=top, step=step)
    return outcome(planned, changes)


def outcome(planned: SyncPlan, changes: tuple[FileChange, ...] = ()) -> SyncOutcome:
    """Return the result of a sync, or of a planned sync."""
    return SyncOutcome(
        planned.module,
        tuple(c for c in changes if c.kind is not WriteAction.SAME),
        tuple(f.file.path for f in planned.files if f.merged),
        planned.reported,
        planned.undecided,
        planned.refused,
    )


def writing(planned: SyncPlan) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that a plan writes, and the paths that it removes.

    The manifest is last, because it records the others. The generated texts for merges are first.
    """
    there, kept_texts = planned.observed.files_by_path, records(planned.observed, planned.files)
    manifest = kept_texts.pop(MANIFEST)
    texts = {**kept_texts, **planned.after, MANIFEST: manifest}
    files = {path: unless_same(there.get(path), text) for path, text in texts.items()}
    gone = [f.file.path for f in planned.files if f.text is None and f.file.path in there]
    return files, [*gone, *left_over(planned.observed, kept_texts)]
