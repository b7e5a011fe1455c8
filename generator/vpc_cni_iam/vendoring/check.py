"""Checks every vendored module; writes nothing.

Each module is generated, once for all modules with the same options, and compared.
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
from vpc_cni_iam.vendoring.plan import SyncPlan, as_it_is
from vpc_cni_iam.vendoring.records import records
from vpc_cni_iam.vendoring.state import FileState, ModuleFile, ModuleState, module_state


class ModuleCheck(Struct, frozen=True):
    """The check of one module."""

    module: VendoredModule
    state: ModuleState
    files: tuple[ModuleFile, ...] = ()  # its files to report; none in a clean module
    failure: VpcCniIamError | None = None  # why the check failed, None if it did not
    # The paths of other files in its directory that an engine reads and `files` does not have.
    others: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether there is nothing to do."""
        return self.state in (ModuleState.clean, ModuleState.accepted)


def check(
    config: Config, modules: Iterable[VendoredModule], *, no_accepted: bool = False
) -> tuple[ModuleCheck, ...]:
    """Return the check of each module; with `no_accepted`, accepted edits also fail."""
    return tuple(_check_at_rest(config, module, no_accepted=no_accepted) for module in modules)


def _check_at_rest(config: Config, module: VendoredModule, *, no_accepted: bool) -> ModuleCheck:
    """Return the check of a module while no other run writes it."""
    report = _check(config, module, no_accepted=no_accepted)
    if report.fine:  # a half-written module is not, and a thousand locks take time
        return report
    with at_rest(config.folder(module)):
        return _check(config, module, no_accepted=no_accepted)


def _check(config: Config, module: VendoredModule, *, no_accepted: bool) -> ModuleCheck:
    try:
        planned = as_it_is(config, module)
        files = planned.reported or ()
        if all(file.fine for file in files):
            files = (*files, *_not_recorded(planned))
    except (VpcCniIamError, OSError) as error:
        return ModuleCheck(module, ModuleState.failed, failure=expected(error))
    files = tuple(replace(f, forbidden=no_accepted and bool(f.accepted)) for f in files)
    named = {f.path for f in files}
    others = tuple(path for path in planned.observed.others if path not in named)
    return ModuleCheck(module, module_state(files), files, others=others)


def _not_recorded(planned: SyncPlan) -> list[ModuleFile]:
    """Return the records of a module that differ from what sync would write."""
    there, files = planned.observed.files_by_path, []
    # The modules of a renamed configuration stay clean; the next sync records its new name.
    owners = planned.observed.known.configurations
    for path, text in records(planned.observed, planned.files, owners).items():
        if path not in there:
            files.append(ModuleFile(path, FileState.missing, recorded=False))
        elif decoded(there[path]) != text:
            files.append(ModuleFile(path, FileState.outdated))
    return files


def counts(reports: Sequence[ModuleCheck]) -> dict[str, int]:
    """Return the number of modules in each state."""
    states = Counter(r.state for r in reports)
    return {state: states[state] for state in ModuleState}
