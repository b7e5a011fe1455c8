"""The changes that a sync would make in a module: their text, and their meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.options import ModuleKind
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.unified import unified
from vpc_cni_iam.hcl.module.reader import HclModule, any_values, joins_nothing, read
from vpc_cni_iam.hcl.resolve import ResolvedDocument
from vpc_cni_iam.hcl.syntax import NOWHERE
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import NotProven
from vpc_cni_iam.policy.proof.beside import no_new_access_beside_others
from vpc_cni_iam.vendoring.configuration.config import VendoredModule
from vpc_cni_iam.vendoring.edits.meaning import (
    AccessChange,
    Meaning,
    ModuleReason,
    NamedParts,
    ReadProblem,
    unreadable,
)
from vpc_cni_iam.vendoring.plan import SyncPlan

# The values of a module's variables in the meaning of a change: upstream's, or unknown if upstream
# sets none.
_VALUES = {
    **parameters.with_defaults(
        any_values(p.name for p in (*parameters.REQUIRED, *trust.PARAMETERS))
    ),
    trust.POD_IDENTITY: True,
}
_JOINED = ("source_policy_documents",)


class Diff(Struct, frozen=True):
    """The changes that a sync would make in a module."""

    module: VendoredModule
    # For each old or new variant; none if nothing changes.
    meanings: tuple[Meaning, ...]
    text: str  # the unified diff of its files, from the current to the new text


def diff(plan: SyncPlan) -> Diff:
    """Return the changes of a sync with their meaning."""
    before, after = plan.before, plan.after
    lines = []
    for path in sorted({*before, *after}):
        name, text = f"{plan.module.path}/{path}", after.get(path, "")
        side = "as generated" if text == plan.observed.generated.get(path) else "with your edit"
        side = side if path in plan.observed.generated else "no longer generated"
        lines.append(unified(before.get(path, ""), text, name, f"{name} ({side})"))
    text = "".join(lines)
    if conflicts := tuple(f.path for f in plan.reported if f.markers):
        meaning = Meaning("all variants", NotProven(ModuleReason.conflicts, NamedParts(conflicts)))
        return Diff(plan.module, (meaning,), text)
    return Diff(plan.module, meanings(plan.module, before, after) if text else (), text)


def meanings(
    module: VendoredModule, before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[Meaning, ...]:
    """Return the meaning of a change to a module's texts, by variant."""
    try:
        old, new = _read(before), _read(after)
    except InputError as error:
        return (Meaning("all variants", unreadable(error)),)
    labels = _labels(module)
    others = (old.names | new.names) - {*labels}
    document_meanings = (
        _meaning(name, labels.get(name, name), old, new, expected=name in labels)
        for name in (*labels, *sorted(others))
    )
    joining = sorted({*_joining(old), *_joining(new)})
    joins = NotProven(ModuleReason.joins)
    return (
        *filter(None, document_meanings),
        *(Meaning(labels.get(name, name), joins) for name in joining),
    )


def _meaning(
    name: str, label: str, old: HclModule, new: HclModule, *, expected: bool
) -> Meaning | None:
    """Return the changes of a document; None if neither side has it, or if it need not be shown."""
    before, after = old.document(name), new.document(name)
    removed = after is None and name not in new.unread
    nothing = ResolvedDocument(name, Policy(()), (), NOWHERE)
    old_document, new_document = before or nothing, after or nothing
    if old_document.repeats != new_document.repeats and not removed:
        return Meaning(label, NotProven(ModuleReason.repeats))
    if reason := new.unread.get(name) or old.unread.get(name):
        gone = NotProven(ModuleReason.removed_document, ReadProblem(reason))
        return Meaning(label, gone if removed else unreadable(reason))
    if before is None and after is None:
        return None
    try:
        change = _access_change(old_document.policy, new_document.policy, removed=removed)
    except InputError as error:
        return Meaning(label, unreadable(error))
    return Meaning(label, change) if expected or change.differences or removed else None


def _access_change(old: Policy, new: Policy, *, removed: bool) -> AccessChange:
    gained = no_new_access_beside_others([old], [new])
    lost = no_new_access_beside_others([new], [old])
    return AccessChange(differences(old, new), gained, lost, removed)


def _joining(module: HclModule) -> Iterator[str]:
    """Yield the documents that join other documents of the module.

    In modules of older versions of this tool, the trust policy joins documents that are shown.
    """
    for document in module.documents:
        if document.name != trust.DOCUMENT and not joins_nothing(document, module, _JOINED):
            yield document.name


def _read(files: Mapping[str, str]) -> HclModule:
    return _parsed(tuple(sorted((p, t) for p, t in files.items() if p.endswith(".tf"))))


@lru_cache(maxsize=8)
def _parsed(files: tuple[tuple[str, str], ...]) -> HclModule:
    return read(dict(files), _VALUES)


def _labels(module: VendoredModule) -> dict[str, str]:
    """Return the labels of a module's documents, by data source, in the order of the report."""
    labels = {v.identifier: v.name for v in module.options.variants}
    if module.options.kind is ModuleKind.role:
        labels[trust.DOCUMENT] = "trust policy"
    return labels
