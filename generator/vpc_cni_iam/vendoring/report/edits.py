"""What local changes and the changes of a sync mean, in words."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.catalog import trust
from vpc_cni_iam.policy import report
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.vendoring.edits.edit import (
    ChangedBlock,
    ChangedLocals,
    EditReason,
    KeptEdit,
    ReadProblem,
)
from vpc_cni_iam.vendoring.edits.samples import SAMPLES
from vpc_cni_iam.vendoring.meaning import Meaning, UnknownAccess, UnknownMeaning

_REASONS = {
    EditReason.joins: "joins other documents",
    EditReason.repeats: "what a dynamic block repeats is changed",
    EditReason.removed_deny: "is removed, and it denies access",
}


_UNKNOWN = {
    UnknownMeaning.conflicts: "cannot be said before the conflicts in {} are resolved",
    UnknownMeaning.edited_beside: (
        "edited by hand: {}; only an engine can tell what that means: verify"
    ),
    UnknownMeaning.unreadable: "cannot be read: {}",
    UnknownMeaning.unread_document: "{}",
    UnknownMeaning.removed_document: "is no longer generated; {}",
    UnknownMeaning.joins: "joins other documents; only an engine can tell what that means: verify",
    UnknownMeaning.repeats: (
        "what a dynamic block repeats is changed; only an engine can tell what that means: verify"
    ),
}


def meaning_lines(meaning: Meaning) -> Iterator[str]:
    """Yield what the change of a document means for access, and its differences."""
    change = meaning.change
    if isinstance(change, UnknownAccess):
        yield unknown_text(change)
        return
    if change.removed:
        yield "the document is no longer generated"
    yield report.access_change_text(change.gained, change.lost)
    if not change.removed:
        yield from map(str, report.difference_lines(change.differences))


def unknown_text(unknown: UnknownAccess) -> str:
    """Return why the meaning of a change is unknown."""
    return _UNKNOWN[unknown.reason].format(", ".join(unknown.names))


def edit_text(edit: KeptEdit) -> str:
    """Return what a kept edit means for access, and whether that is accepted."""
    details = edit_details(edit)
    text = f"it {_access_text(edit.answer)}{': ' if details else ''}{'; '.join(details)}"
    if edit.accepted:
        return f"{text}; accepted: {edit.accepted}"
    if edit.changed and not edit.fine:
        text += "; the configuration accepts another text of the file, which changed since"
    return text


def _access_text(answer: Answer) -> str:
    match answer:
        case NoNewAccess():
            return "adds no access"
        case NewAccess():
            return "adds access"
    return "is not proven to add no access"


def edit_details(edit: KeptEdit) -> tuple[str, ...]:
    """Return the access that an edit adds, or why nothing is proven, each once."""
    documents: dict[str, dict[str, None]] = {}
    for each in edit.answers:
        if text := trust.with_variables(_answer_text(each.answer), *SAMPLES):
            documents.setdefault(text, {})[each.document] = None
    return tuple(
        ": ".join(filter(None, (", ".join(filter(None, names)), text)))
        for text, names in documents.items()
    )


def _answer_text(answer: Answer) -> str:
    if isinstance(answer, NotProven):
        return _not_proven_text(answer)
    if isinstance(answer, NewAccess) and answer.new.allowed:
        return f"for instance {report.example_text(answer)}"
    return report.answer_text(answer)


def _not_proven_text(answer: NotProven) -> str:
    match answer.evidence:
        case ReadProblem(problem):
            return f"cannot be read: {problem}"
        case ChangedBlock(name, change):
            return f"{' '.join(name)} is {change}"
        case ChangedLocals(names):
            return f"{', '.join(f'local.{name}' for name in names)} is changed"
    if isinstance(answer.reason, EditReason):
        return _REASONS.get(answer.reason, "")
    return report.not_proven_text(answer)
