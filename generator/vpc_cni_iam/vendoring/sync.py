"""Makes vendored modules what the configuration says, without losing a hand edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from vpc_cni_iam.errors import VpcCniIamError
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import decoded
from vpc_cni_iam.files.tree import Change, write
from vpc_cni_iam.files.unified import unified
from vpc_cni_iam.vendoring.config import Config, Vendored
from vpc_cni_iam.vendoring.plan import Plan, Way, plan
from vpc_cni_iam.vendoring.repository import above
from vpc_cni_iam.vendoring.select import Selected
from vpc_cni_iam.vendoring.state import Judged, KeptEdit
from vpc_cni_iam.vendoring.writing import writing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync did to a module.

    Args:
        module: The module.
        changes: What was done to its files.
        refused: Edited files that were left as they are, and kept others from being done.
        edits: What was edited in those, as unified diffs.
        conflicts: Files that now hold conflict markers.
        failure: Why nothing could be done, None if something could.
        kept: The edits that are kept, and what they mean.
    """

    module: Vendored
    changes: tuple[Change, ...] = ()
    refused: tuple[Judged, ...] = ()
    edits: tuple[str, ...] = ()
    conflicts: tuple[Judged, ...] = ()
    failure: VpcCniIamError | OSError | None = None
    kept: tuple[KeptEdit, ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing is left to be done by hand."""
        fine = all(edit.fine for edit in self.kept)
        return fine and not (self.refused or self.conflicts or self.failure)


def sync_all(config: Config, chosen: Iterable[Selected], way: Way) -> list[Outcome]:
    """Make modules what the configuration says; one that fails does not keep others from it.

    Args:
        config: The configuration.
        chosen: Some of its modules, or files in them.
        way: As `sync` takes it.
    """
    found = []
    for one in chosen:
        try:
            found.append(sync(config, one.module, way, one.files))
        except (VpcCniIamError, OSError) as error:
            found.append(Outcome(one.module, failure=error))
    return found


def sync(
    config: Config,
    module: Vendored,
    way: Way = "refuse",
    files: frozenset[str] = frozenset(),
    *,
    step: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Make one module what the configuration says.

    Args:
        config: The configuration.
        module: One of its modules.
        way: What to do with edited files, see `plan`.
        files: The files to do that with; all without any.
        step: Called before each change on disk, for tests that interrupt.

    Raises:
        InputError: A manifest that cannot be read.
        TreeError: The module's directory may not be written as it is, or the configuration was
            changed since it was read.
        EngineError: git is needed for a merge and is missing.
    """
    folder = config.folder(module)
    with locked(folder, above(config, module)):
        # Whoever changes the configuration syncs afterwards, and waits for this lock then.
        config.refuse_changed()
        planned = plan(config, module, way, files)
        changes: tuple[Change, ...] = ()
        if planned.settled:
            work = writing(planned)
            changes = write(
                folder,
                work.files,
                work.remove,
                observed=planned.seen,
                top=above(config, module),
                step=step,
            )
    return outcome(planned, changes)


def outcome(planned: Plan, changes: tuple[Change, ...] = ()) -> Outcome:
    """Return what a sync did, or would do.

    Args:
        planned: What was planned.
        changes: What was written.
    """
    return Outcome(
        planned.module,
        tuple(c for c in changes if c.kind != "same"),
        planned.refused,
        tuple(_edit(planned, f.path) for f in planned.refused),
        tuple(
            replace(f.file, conflict=True)
            for f in planned.fates
            if f.conflict and f.file.path in planned.settled
        ),
        kept=planned.kept,
    )


def _edit(planned: Plan, path: str) -> str:
    """Return what was edited in a file, as a unified diff from the text as generated."""
    base = planned.bases.get(path)
    before = decoded(base) if base is not None else planned.wanted.get(path, "")
    after = decoded(planned.observed.held[path])
    return unified(before, after, f"{path} as generated", f"{path} as it is")
