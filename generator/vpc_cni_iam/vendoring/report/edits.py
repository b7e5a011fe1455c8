"""The meaning of local changes and of the changes of a sync, in words."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.policy import report
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.vendoring.edits.edit import Edit
from vpc_cni_iam.vendoring.edits.meaning import (
    ChangedBlock,
    Meaning,
    ModuleReason,
    NamedParts,
    ReadProblem,
)

_ENGINE = "(only an engine can evaluate it; run vpc-cni-iam verify)"
_REASONS = {
    ModuleReason.unreadable: "cannot be read: {}",
    ModuleReason.removed_document: "is no longer generated; {}",
    ModuleReason.block: "{}",
    ModuleReason.local_values: "{} is changed",
    ModuleReason.joins: f"joins other documents {_ENGINE}",
    ModuleReason.repeats: f"the for_each of a dynamic block is changed {_ENGINE}",
    ModuleReason.calls: "the documents depend on too many variables to compare every call",
    ModuleReason.variables: "depends on variables with other limits than generated: {}",
    ModuleReason.removed_deny: "denies access and is removed",
    ModuleReason.other_file: "",  # the reason of the file says it
    ModuleReason.conflicts: "not known until the conflicts in {} are resolved",
}


def meaning_lines(meaning: Meaning) -> Iterator[str]:
    """Yield the meaning of a document's change for access, and the differences."""
    change = meaning.change
    if isinstance(change, NotProven):
        yield not_proven_text(change)
        return
    if change.removed:
        yield "the document is no longer generated"
    yield report.access_change_text(change.gained, change.lost)
    if not change.removed:
        yield from map(str, report.difference_lines(change.differences))


def edit_text(edit: Edit) -> str:
    """Return the meaning of an edit for access."""
    details = edit_details(edit)
    return f"it {_access_text(edit.answer)}{': ' if details else ''}{'; '.join(details)}"


def _access_text(answer: Answer) -> str:
    match answer:
        case NoNewAccess():
            return "adds no access"
        case NewAccess():
            return "adds access"
    return "is not proven to add no access"


def edit_details(edit: Edit) -> tuple[str, ...]:
    """Return the access that an edit adds, or why there is no proof, each once."""
    documents: dict[str, dict[str, None]] = {}
    for each in edit.answers:
        if text := _answer_text(each.answer):
            documents.setdefault(text, {})[each.document] = None
    return tuple(
        ": ".join(filter(None, (", ".join(filter(None, names)), text)))
        for text, names in documents.items()
    )


def _answer_text(answer: Answer) -> str:
    if isinstance(answer, NotProven):
        return not_proven_text(answer)
    if isinstance(answer, NewAccess) and answer.new.allowed:
        return f"for instance {report.example_text(answer)}"
    return report.answer_text(answer)


def not_proven_text(answer: NotProven) -> str:
    """Return why the meaning of a change is not proven."""
    if not isinstance(answer.reason, ModuleReason):
        return report.not_proven_text(answer)
    return _REASONS[answer.reason].format(_evidence_text(answer.evidence))


def _evidence_text(evidence: object) -> str:
    match evidence:
        case ReadProblem(problem):
            return problem
        case ChangedBlock(name, change):
            return f"{' '.join(name)} is {change}"
        case NamedParts(names):
            return ", ".join(names)
    return ""
