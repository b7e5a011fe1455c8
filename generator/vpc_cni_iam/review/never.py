"""Whether a role can ever do something, and whether two roles can change the same resource."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.coverage.analysis.aws_actions import unknown_action
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.inputs.skipped import Skipped, incomplete
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.proof.access import Counterexample, NotProven, Proven
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.disjoint import Overlap, RolePolicies, changes, overlaps
from vpc_cni_iam.policy.proof.never import never as prove_never

_MOST = 50  # questions of one command
_ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+|\*")
_CLUSTER_TAG = "aws:PrincipalTag/eks-cluster-name"


class Answer(StrEnum):
    """What is known of a question."""

    never = "never (proven)"
    allowed = "allowed"
    not_proven = "not proven"


class ExampleRequest(Struct, frozen=True):
    """A request that a role is allowed."""

    action: str  # the action
    resource: str  # the resource
    context: dict[str, list[str]]  # the values of condition keys

    def __str__(self) -> str:
        return with_context(f"{self.action} on {self.resource}", self.context)


def with_context(text: str, context: Mapping[str, Sequence[str]]) -> str:
    """Return a text followed by the values of condition keys, if there are any."""
    values = ", ".join(f"{key}={'|'.join(v)}" for key, v in sorted(context.items()))
    return f"{text} with {values}" if values else text


class ActionAnswer(Struct, frozen=True):
    """Whether a role can ever do something."""

    action: str  # the action, or a pattern
    resource: str  # the pattern of the resource
    answer: Answer  # what is known
    example: ExampleRequest | None = None  # a request that is allowed, None if none is known
    reason: str = ""  # why nothing is proven, empty if something is


class SharedChange(Struct, frozen=True):
    """Actions of two roles on the same resource."""

    first_actions: tuple[str, ...]  # those of the one role
    second_actions: tuple[str, ...]  # those of the other
    first: ExampleRequest | None  # a request of the one, None if none is known
    second: ExampleRequest | None  # a request of the other about the same resource
    reason: str  # why nothing is proven, empty if something is


class KindAnswer(Struct, frozen=True):
    """Whether two roles can change the same resource of a type."""

    kind: str  # the type
    answer: Answer  # what is known
    shared: tuple[SharedChange, ...]  # what both can change, or is not shown to be of one alone


class Never(Struct, frozen=True):
    """What roles can never do."""

    policies: tuple[str, ...]  # what the policies of each role are
    actions: tuple[ActionAnswer, ...]  # the answers about actions
    kinds: tuple[KindAnswer, ...]  # the answers about types of resources that both roles change
    proven: bool  # whether all is proven
    unread: tuple[Skipped, ...]  # what was not read


def never(subject: Subject, targets: Sequence[str]) -> Never:
    """Return whether a role can ever do each ``ACTION`` or ``ACTION@RESOURCE``.

    Raises `UsageError` for one that is no action, or too many.
    """
    if len(targets) > _MOST:
        raise UsageError(f"--never is given {len(targets)} times; ask for at most {_MOST}")
    budget, pairs = Budget(), [_target(target) for target in targets]
    answers = tuple(
        _action_answer(subject, *pair, budget.share(len(pairs) - number))
        for number, pair in enumerate(pairs)
    )
    return _result((subject,), answers, ())


def _target(target: str) -> tuple[str, str]:
    action, at, resource = target.partition("@")
    if not _ACTION.fullmatch(action):
        problem = f"--never {target}: {action!r} is not an action such as ec2:TerminateInstances"
        raise UsageError(f"{problem}; write ACTION or ACTION@RESOURCE")
    if (at and not (resource == "*" or resource.startswith("arn:"))) or "$" in resource:
        problem = f"--never {target}: {resource!r} is not an ARN, or a pattern of one"
        raise UsageError(f"{problem} such as arn:aws:ec2:*:*:instance/*")
    return action, resource or "*"


def _action_answer(subject: Subject, action: str, resource: str, budget: Budget) -> ActionAnswer:
    """Return the answer for policies, of which each limit must allow a request, too."""
    if problem := unknown_action(action):
        return ActionAnswer(action, resource, Answer.not_proven, reason=problem)
    layers = (subject.policies, *subject.limiting)
    answers: list[Counterexample | NotProven] = []
    for number, layer in enumerate(layers):
        others = [p.only("Deny") for other in layers if other is not layer for p in other]
        share = budget.share(len(layers) - number)
        answer = prove_never((*layer, *others), (action,), resource, share)
        if isinstance(answer, Proven):
            if subject.is_complete:
                return ActionAnswer(action, resource, Answer.never)
            reason = f"nothing that was read allows it; {incomplete(subject.skipped)}"
            return ActionAnswer(action, resource, Answer.not_proven, reason=reason)
        answers.append(answer)
    compiled = [compile_policies(layer) for layer in layers]
    examples = [answer for answer in answers if isinstance(answer, Counterexample)]
    for example in examples:
        if all(layer.evaluate(example.request).allowed for layer in compiled):
            return _example_answer(action, resource, example)
    reasons = [answer.reason for answer in answers if isinstance(answer, NotProven)]
    reason = reasons[0] if reasons else "no request is known that the policies and limits all allow"
    return ActionAnswer(action, resource, Answer.not_proven, reason=reason)


def _example_answer(action: str, resource: str, answer: Counterexample) -> ActionAnswer:
    example = _example(answer.request)
    if answer.made_up:
        reason = f"a request is allowed whose {answer.made_up} AWS may not have"
        return ActionAnswer(action, resource, Answer.not_proven, example, reason)
    return ActionAnswer(action, resource, Answer.allowed, example)


def disjoint(first: Subject, second: Subject, clusters: tuple[str, str] | None = None) -> Never:
    """Return whether two roles can change the same network interface or instance.

    The names of their clusters are session tags of EKS Pod Identity; None if not known.
    """
    sessions: Sequence[Mapping[str, str]] = [
        {_CLUSTER_TAG: cluster} for cluster in clusters or ()
    ] or [{}, {}]
    roles = [
        RolePolicies(subject.policies, session)
        for subject, session in zip((first, second), sessions, strict=True)
    ]
    budget = Budget()
    complete = first.is_complete and second.is_complete
    kinds = tuple(
        _kind(roles, kind, budget.share(len(changes()) - number), complete=complete)
        for number, kind in enumerate(changes())
    )
    return _result((first, second), (), kinds)


def _kind(
    roles: Sequence[RolePolicies], kind: str, budget: Budget, *, complete: bool
) -> KindAnswer:
    shared = tuple(map(_shared, overlaps(roles[0], roles[1], kind, budget)))
    if any(change.first for change in shared):
        return KindAnswer(kind, Answer.allowed, shared)
    answer = Answer.not_proven if shared or not complete else Answer.never
    return KindAnswer(kind, answer, shared)


def _shared(overlap: Overlap) -> SharedChange:
    return SharedChange(
        overlap.first_actions,
        overlap.second_actions,
        _example(overlap.first) if overlap.first else None,
        _example(overlap.second) if overlap.second else None,
        overlap.reason,
    )


def _example(request: Request) -> ExampleRequest:
    context = {
        key: [value] if isinstance(value, str) else list(value)
        for key, value in sorted(request.context.items())
    }
    return ExampleRequest(request.action, request.resource, context)


def _result(
    subjects: Sequence[Subject],
    actions: tuple[ActionAnswer, ...],
    kinds: tuple[KindAnswer, ...],
) -> Never:
    return Never(
        tuple(subject.title for subject in subjects),
        actions,
        kinds,
        {a.answer for a in actions} | {k.answer for k in kinds} == {Answer.never},
        tuple(skipped for subject in subjects for skipped in subject.skipped),
    )
