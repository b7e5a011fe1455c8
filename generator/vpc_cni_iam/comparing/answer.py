"""Reasons why nothing is proven about inputs, in addition to those of a proof."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.account.doubts import NotKnown, is_complete
from vpc_cni_iam.errors import Message
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NotProven


class InputReason(StrEnum):
    """Why nothing is proven about inputs."""

    # An input has a policy that was not read; the evidence is `NotRead`.
    not_read = "not read"
    # The evaluator refuses a policy; the evidence is a `RefusedPolicy`.
    refused = "refused"


class NotRead(Struct, frozen=True):
    """Parts of an input that were not read, and the answer about what was read."""

    skipped: tuple[NotKnown, ...]
    answer: Answer


class RefusedPolicy(Struct, frozen=True):
    """A policy that the evaluator refuses."""

    place: str
    problem: Message


def of_what_was_read(answer: Answer, skipped: tuple[NotKnown, ...]) -> Answer:
    """Return an answer about an input; parts of it may not have been read."""
    if is_complete(skipped):
        return answer
    return NotProven(InputReason.not_read, NotRead(skipped, answer))


def example(answer: Answer) -> NewAccess | None:
    """Return the request of an answer or its evidence; None if there is none."""
    match answer:
        case NewAccess():
            return answer
        case NotProven(evidence=NotRead(answer=NewAccess() as shown)):
            return shown
    return None
