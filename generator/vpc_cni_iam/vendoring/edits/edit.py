"""A local change that sync keeps, and what it means for access."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.errors import Message
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.vendoring.configuration.tables import Acceptance


class EditReason(StrEnum):
    """Why an edit has no proof, beside the reasons of a proof."""

    # A file, or a document in it, cannot be read; the evidence is a `ReadProblem`.
    unreadable = "unreadable"
    # A block that is no policy document differs; the evidence is a `ChangedBlock`.
    block = "block"
    # Locals differ; the evidence is `ChangedLocals`.
    local_values = "local values"
    # A document joins others than before.
    joins = "joins"
    # What a dynamic block of a document repeats differs.
    repeats = "repeats"
    # A document that denies access is removed.
    removed_deny = "removed deny"
    # A file changes what an engine reads of the module's own files.
    other_file = "other file"


class ReadProblem(Struct, frozen=True):
    """What is wrong with what cannot be read."""

    problem: Message


class ChangedBlock(Struct, frozen=True):
    """A block of a module that differs."""

    name: tuple[str, ...]  # its type and its labels
    change: Change


class ChangedLocals(Struct, frozen=True):
    """Local values that differ or are removed."""

    names: tuple[str, ...]


class EditAnswer(Struct, frozen=True):
    """Whether a part of an edit adds access, whatever else its role is allowed."""

    answer: Answer
    document: str = ""  # the name of the policy document it is about, for people; empty for none


class KeptEdit(Struct, frozen=True):
    """The meaning of a kept edit."""

    path: str  # the file, relative to the module
    sha256: str  # the SHA-256 of the edited file
    answers: tuple[EditAnswer, ...] = ()  # those that are no proof
    accepted: str = ""  # the reason for which the configuration accepts it, empty if it does not
    changed: bool = False  # whether the configuration accepts another text of the file

    @classmethod
    def of(
        cls, path: str, sha256: str, entry: Acceptance | None, answers: tuple[EditAnswer, ...] = ()
    ) -> KeptEdit:
        """Return an edit of a file, for which the configuration may have an entry."""
        accepted = entry.reason if entry and entry.sha256 == sha256 else ""
        changed = entry is not None and not accepted
        return cls(path, sha256, answers, accepted, changed)

    @property
    def answer(self) -> Answer:
        """Whether it adds access: a request decides, then what is not proven."""
        for kind in (NewAccess, NotProven):
            for each in self.answers:
                if isinstance(each.answer, kind):
                    return each.answer
        return NoNewAccess()

    @property
    def fine(self) -> bool:
        """Whether nothing is to be done about it."""
        return bool(self.accepted) or isinstance(self.answer, NoNewAccess)
