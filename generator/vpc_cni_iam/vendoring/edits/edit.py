"""A local change that sync keeps, and what it means for access."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.vendoring.configuration.tables import Acceptance


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
