"""A local change, and what it means for access."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven


class EditAnswer(Struct, frozen=True):
    """Whether a part of an edit adds access, whatever else its role is allowed."""

    answer: Answer
    document: str = ""  # the name of the policy document it is about, for people; empty for none


class Edit(Struct, frozen=True):
    """The meaning of the edit of a file."""

    answers: tuple[EditAnswer, ...] = ()  # those that are no proof

    @property
    def answer(self) -> Answer:
        """Whether it adds access: a request decides, then what is not proven."""
        for kind in (NewAccess, NotProven):
            for each in self.answers:
                if isinstance(each.answer, kind):
                    return each.answer
        return NoNewAccess()
