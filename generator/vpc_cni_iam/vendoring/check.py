"""Checks every vendored module; writes nothing.

A module that was made by this version from the same options is checked by hashes alone: neither
templates nor HCL are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import VpcCniIamError, expected
from vpc_cni_iam.files.lock import at_rest
from vpc_cni_iam.files.read import decoded
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.configuration.tables import Acceptance
from vpc_cni_iam.vendoring.edits.other_files import conflicting
from vpc_cni_iam.vendoring.observe import ModuleContents, lost_bases, observe, rendered
from vpc_cni_iam.vendoring.state import FileState, ModuleFile, ModuleState, module_state

# States that `no_kept` forbids.
_DECIDED = (FileState.kept_edit, FileState.deleted, FileState.replacing)


class ModuleCheck(Struct, frozen=True):
    """The check of one module."""

    module: VendoredModule
    state: ModuleState
    files: tuple[ModuleFile, ...] = ()  # its files that need a report; none in a clean module
    failure: VpcCniIamError | None = None  # why it cannot be told, None if it can
    unused: tuple[Acceptance, ...] = ()  # the edits that the configuration accepts and no file has
    # The paths of other files beside them that an engine reads and `files` does not have.
    others: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is to be done."""
        return self.state is ModuleState.clean


def check(
    config: Config, only: Iterable[str] = (), *, rendering: bool = False, no_kept: bool = False
) -> tuple[ModuleCheck, ...]:
    """Return the check of every module, or of those at the paths in `only`.

    `rendering` generates each and trusts no manifest, since an edit of a module can edit it too;
    with `no_kept`, a kept edit is a finding whatever it means.
    """
    names = frozenset(only)
    return tuple(
        _report_at_rest(config, module, rendering=rendering, no_kept=no_kept)
        for module in config.modules
        if not names or module.path in names
    )


def _report_at_rest(
    config: Config, module: VendoredModule, *, rendering: bool, no_kept: bool
) -> ModuleCheck:
    """Return the check of a module while no other run writes it."""
    report = _report(config, module, rendering=rendering, no_kept=no_kept)
    if report.clean:  # which nothing half written is, and a lock for each of a thousand takes time
        return report
    with at_rest(config.folder(module)):
        return _report(config, module, rendering=rendering, no_kept=no_kept)


def _report(
    config: Config, module: VendoredModule, *, rendering: bool, no_kept: bool
) -> ModuleCheck:
    try:
        observed = observe(config, module, trusting=not rendering)
        files = [f for f in observed.files if f.state is not FileState.clean]
        files += [ModuleFile(name, FileState.lost) for name in lost_bases(observed)]
        files += conflicting(observed, module)
        if any(f.state is FileState.kept_edit for f in files):
            files = _with_meaning(module, observed, files)
    except (VpcCniIamError, OSError) as error:
        return ModuleCheck(module, ModuleState.failed, failure=expected(error))
    if no_kept:
        files = [replace(f, forbidden=f.state in _DECIDED) for f in files]
    edits = {f.edit.path for f in files if f.edit is not None}
    unused = tuple(entry for entry in module.accepted if entry.file not in edits)
    reported = {f.path for f in files}
    others = tuple(path for path in observed.others if path not in reported)
    return ModuleCheck(module, module_state(files), tuple(files), unused=unused, others=others)


def _with_meaning(
    module: VendoredModule, observed: ModuleContents, files: list[ModuleFile]
) -> list[ModuleFile]:
    """Return files with the meaning of their kept edits."""
    # Imported here, since only kept edits need HCL and proofs.
    from vpc_cni_iam.vendoring.edits.kept import kept_edits

    generated = rendered(module.options)
    deleted = {f.path for f in files if f.state is FileState.deleted}
    kept_texts = {
        f.path: decoded(observed.files_by_path[f.path])
        for f in files
        if f.state is FileState.kept_edit
    }
    texts = {p: t for p, t in generated.items() if p not in deleted} | kept_texts
    overridden = any(f.state is FileState.replacing for f in files)
    meanings = kept_edits(generated, texts, kept_texts, module.accepted, overridden=overridden)
    edits = {e.path: e for e in meanings}
    return [replace(f, edit=edits.get(f.path, f.edit)) for f in files]


def counts(reports: Sequence[ModuleCheck]) -> dict[str, int]:
    """Return the number of modules in each state."""
    states = Counter(r.state for r in reports)
    return {state: states[state] for state in ModuleState}
