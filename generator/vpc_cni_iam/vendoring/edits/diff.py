"""The changes that a sync would make in a module: their text, and their meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.catalog import trust
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.unified import unified
from vpc_cni_iam.hcl.module.reader import HclModule, joins_nothing
from vpc_cni_iam.policy.proof.answer import NotProven
from vpc_cni_iam.vendoring.configuration.config import VendoredModule
from vpc_cni_iam.vendoring.edits.documents import document_changes, document_labels, read_module
from vpc_cni_iam.vendoring.edits.meaning import (
    AccessChange,
    Meaning,
    ModuleReason,
    NamedParts,
    unreadable,
)
from vpc_cni_iam.vendoring.plan import SyncPlan

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
        old, new = read_module(before), read_module(after)
    except InputError as error:
        return (Meaning("all variants", unreadable(error)),)
    labels = document_labels(module.options)
    changes = {change.name: change for change in document_changes([old], new)}
    documents = {name: changes[name].access for name in changes}
    names = (*labels, *sorted(documents.keys() - labels.keys()))
    joining = sorted({*_joining(old), *_joining(new)})
    return (
        *(
            Meaning(labels.get(name, name), documents[name])
            for name in names
            if name in documents and (name in labels or _is_shown(documents[name]))
        ),
        *(Meaning(labels.get(name, name), NotProven(ModuleReason.joins)) for name in joining),
    )


def _is_shown(change: AccessChange | NotProven) -> bool:
    """Return whether the change of a document is shown that the module does not name."""
    return isinstance(change, NotProven) or bool(change.differences) or change.removed


def _joining(module: HclModule) -> Iterator[str]:
    """Yield the documents that join other documents of the module.

    In modules of older versions of this tool, the trust policy joins documents that are shown.
    """
    for document in module.documents:
        if document.name != trust.DOCUMENT and not joins_nothing(document, module, _JOINED):
            yield document.name
