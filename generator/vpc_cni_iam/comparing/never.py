"""Whether a role can ever do something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from vpc_cni_iam.comparing.answer import InputReason, UnknownAction, of_what_was_read
from vpc_cni_iam.coverage.analysis.aws_actions import is_of_unknown_service, is_unknown
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.inputs.skipped import Skipped
from vpc_cni_iam.policy.proof import never as proof
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.proof.never import NeverTarget

_MOST = 50  # the most questions in one command
_ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+|\*")


class TargetAnswer(Struct, frozen=True):
    """Whether a role can ever do something."""

    target: NeverTarget
    answer: Answer


class Never(Struct, frozen=True):
    """What a role can never do."""

    title: str  # a description of the policies in one line
    answers: tuple[TargetAnswer, ...]
    skipped: tuple[Skipped, ...]  # parts of the inputs that were not read

    @property
    def proven(self) -> bool:
        """Whether all is proven."""
        return all(isinstance(each.answer, NoNewAccess) for each in self.answers)


def never(subject: Subject, targets: Sequence[str]) -> Never:
    """Return whether a role can ever do each ``ACTION`` or ``ACTION@RESOURCE``.

    Raises `UsageError` for a text that is not an action, or too many.
    """
    if len(targets) > _MOST:
        raise UsageError(f"--never is given {len(targets)} times; the limit is {_MOST}")
    parsed = [_target(target) for target in targets]
    known = [
        target
        for target in parsed
        if not is_unknown(target.action) and not is_of_unknown_service(target.action)
    ]
    proofs = proof.never(subject.policies, known, within=subject.limiting)
    answers = dict(zip(known, proofs, strict=True))
    return Never(
        subject.title,
        tuple(TargetAnswer(target, _answer(target, answers, subject)) for target in parsed),
        subject.skipped,
    )


def _answer(target: NeverTarget, answers: Mapping[NeverTarget, Answer], subject: Subject) -> Answer:
    if target not in answers:
        return NotProven(InputReason.unknown_action, UnknownAction(target.action))
    if not proof.is_checked(target, subject.policies):
        return NotProven(InputReason.unlike_resource, target)
    answer = answers[target]
    if isinstance(answer, NewAccess) and answer.made_up:
        answer = NotProven(InputReason.made_up, answer)
    return of_what_was_read(answer, subject.skipped)


def _target(text: str) -> NeverTarget:
    action, at, resource = text.partition("@")
    if not _ACTION.fullmatch(action):
        problem = f"--never {text}: {action!r} is not an action such as ec2:TerminateInstances"
        raise UsageError(f"{problem}; write ACTION or ACTION@RESOURCE")
    if (at and not (resource == "*" or resource.startswith("arn:"))) or "$" in resource:
        problem = f"--never {text}: {resource!r} is not an ARN, or a pattern of one"
        raise UsageError(f"{problem} such as arn:aws:ec2:*:*:instance/*")
    return NeverTarget(action, resource or "*")
