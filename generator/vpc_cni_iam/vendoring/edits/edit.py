"""A local change, and what it means for access."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven


class EditAnswer(Struct, frozen=True):
    """Whether a part of an edit adds access, whatever else its role is allowed."""

    answer: Answer
    document: str = ""  # the name of its policy document in reports; empty if it is about none


class Edit(Struct, frozen=True):
    """The meaning of an edited file."""

    answers: tuple[EditAnswer, ...] = ()  # the answers that do not prove it

    @property
    def answer(self) -> Answer:
        """Whether it adds access: a request decides, then what is not proven."""
        for kind in (NewAccess, NotProven):
            for each in self.answers:
                if isinstance(each.answer, kind):
                    return each.answer
        return NoNewAccess()
