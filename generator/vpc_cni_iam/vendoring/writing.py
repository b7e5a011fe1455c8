"""What a plan writes into a module's directory, the manifest included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vpc_cni_iam import __version__
from vpc_cni_iam.files.backup import backup_name
from vpc_cni_iam.files.read import decoded
from vpc_cni_iam.vendoring import manifest as manifests
from vpc_cni_iam.vendoring.manifest import MANIFEST, base_path, digest
from vpc_cni_iam.vendoring.plan import Fate, Plan, unless_same


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
            files[base_path(path)] = unless_same(plan.bases.get(path), plan.wanted[path])
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
        text = manifests.dumps(
            plan.module.options,
            generator,
            entries,
            configuration=plan.configuration,
            unfinished=unfinished,
        )
        if held is not None and text == decoded(held):
            break
    return unless_same(held, text)
