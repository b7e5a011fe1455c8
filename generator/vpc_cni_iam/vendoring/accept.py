"""Accepts the edit or the deletion of a file: records the reason in the manifest."""

from __future__ import annotations

from msgspec.structs import replace

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents, decoded
from vpc_cni_iam.files.tree import write
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.manifest import MANIFEST, base_file, base_path, digest, dumps
from vpc_cni_iam.vendoring.observe import ModuleContents
from vpc_cni_iam.vendoring.plan import SyncPlan, as_it_is, unless_same
from vpc_cni_iam.vendoring.report.files import not_accepted
from vpc_cni_iam.vendoring.repository import above
from vpc_cni_iam.vendoring.state import FileState, ModuleFile

# The longest reason, in characters.
_LONGEST = 1000


def accept(
    config: Config, module: VendoredModule, path: str, reason: str
) -> tuple[ModuleFile, ...]:
    """Accept a file of a module as it is; raises `UsageError` if there is nothing to accept.

    Returns the files of the module that differ from the generated ones afterwards. The next edit is
    not accepted.
    """
    reason = reason.strip()
    if not reason or not reason.isprintable() or len(reason) > _LONGEST:
        problem = f"write why, in one line of at most {_LONGEST} characters"
        raise UsageError(f"REASON: {problem}, instead of {reason[:_LONGEST]!r}")
    folder, top = config.folder(module), above(config, module)
    with locked(folder, top):
        config.refuse_changed()
        planned = as_it_is(config, module)
        file = _acceptable(planned, path)
        files = _records(planned, file, reason)
        observed = {**planned.observed.files_by_path, **contents(folder, files)}
        write(folder, files, _unnamed(planned.observed, file), observed=observed, top=top)
        return as_it_is(config, module).reported


def _acceptable(planned: SyncPlan, path: str) -> ModuleFile:
    file = next((f for f in planned.reported if f.path == path), None)
    name = f"{planned.module.path}/{path}"
    if file is None and path not in {*planned.after, *planned.observed.generated}:
        raise UsageError(
            f"{name}: sync does not write this file, and it replaces no file that sync writes"
        )
    if file is None or not file.acceptable:
        raise UsageError(f"{name}: {not_accepted(file)}")
    if not path.isprintable() or " " in path:
        raise UsageError(f"{name}: the manifest cannot record a name with spaces; rename the file")
    return file


def _unnamed(observed: ModuleContents, file: ModuleFile) -> list[str]:
    """Return the copies of older texts of a file on which, with no manifest, nothing is based."""
    if file.recorded:
        return []
    now = digest(observed.generated.get(file.path, ""))
    named = {now}.union(*observed.known.generated.values())
    older = observed.copies.keys() & observed.origins.texts(file.path).keys() - named
    return [base_path(name) for name in sorted(older)]


def _records(planned: SyncPlan, file: ModuleFile, reason: str) -> dict[str, bytes]:
    """Return the files that record an acceptance."""
    observed, path, files = planned.observed, file.path, dict[str, str]()
    known, there = observed.known, observed.files_by_path
    # The decision replaces the one before.
    accepted = {name: why for name, why in known.accepted.items() if name != path}
    deleted = {name: why for name, why in known.deleted.items() if name != path}
    if file.state is FileState.missing:
        deleted[path] = reason
    else:
        text = decoded(contents(observed.folder, [path])[path])
        accepted[path] = {digest(text): reason}
    owners = frozenset({observed.configuration})
    known = replace(known, accepted=accepted, deleted=deleted, configurations=owners)
    now = observed.generated.get(path)
    if now is not None and file.state is not FileState.missing:
        names = known.generated.get(path, frozenset()) | {digest(now)}
        known = replace(known, generated={**known.generated, path: names})
        files[base_path(digest(now))] = base_file(now)
    files[MANIFEST] = dumps(known)
    return {name: unless_same(there.get(name), text) for name, text in files.items()}
