"""The records of a module: its manifest, and the generated texts for later merges."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.vendoring.manifest import (
    ATTRIBUTES,
    ATTRIBUTES_TEXT,
    MANIFEST,
    Manifest,
    base_file,
    base_path,
    digest,
    dumps,
)
from vpc_cni_iam.vendoring.observe import ModuleContents
from vpc_cni_iam.vendoring.origins import digests
from vpc_cni_iam.vendoring.plan import FilePlan
from vpc_cni_iam.vendoring.state import EDITED


def records(
    observed: ModuleContents, files: Iterable[FilePlan], owners: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the records of files, as texts by path; the manifest comes last.

    `owners` are the configurations that name the module; if empty, this run's configuration.
    """
    files = tuple(files)
    bases = {name: text for each in files for name, text in _bases(observed, each).items()}
    texts = {base_path(name): base_file(text) for name, text in sorted(bases.items())}
    attributes = observed.files_by_path.get(ATTRIBUTES)
    texts[ATTRIBUTES] = ATTRIBUTES_TEXT if attributes is None else observed.text(ATTRIBUTES)
    return {**texts, MANIFEST: dumps(_manifest(observed, files, owners))}


def left_over(observed: ModuleContents, needed: Iterable[str]) -> list[str]:
    """Return the paths of generated texts that no merge needs any more."""
    paths = map(base_path, observed.copies)
    return sorted(set(paths) - set(needed))


def _manifest(
    observed: ModuleContents, files: Iterable[FilePlan], owners: frozenset[str]
) -> Manifest:
    known, now = observed.known, digests(observed.module.options)
    generated: dict[str, frozenset[str]] = {}
    accepted = {path: names for path, names in known.accepted.items() if path in observed.others}
    deleted: dict[str, str] = {}
    for each in files:
        file = each.file
        own = frozenset({now[file.path]} if file.path in now else ())
        if each.pending or not (own or each.text is None):
            own |= known.generated.get(file.path, frozenset())
        if own:
            generated[file.path] = own
        if each.pending and file.path in known.accepted:
            accepted[file.path] = known.accepted[file.path]
        elif file.accepted and each.text is not None:
            accepted[file.path] = {digest(each.text): file.accepted}
        elif file.accepted:
            deleted[file.path] = file.accepted
    return Manifest(generated, accepted, deleted, owners or frozenset({observed.configuration}))


def _bases(observed: ModuleContents, each: FilePlan) -> dict[str, str]:
    """Return the generated texts on which an edited file may be based, by digest."""
    if each.file.state not in EDITED:
        return {}
    now = observed.generated.get(each.file.path)
    bases = {} if now is None else {digest(now): now}
    if each.pending or now is None:
        names = observed.known.generated.get(each.file.path, frozenset())
        bases |= {name: text for name, text in observed.copies.items() if name in names}
    return bases
