"""A cache of scenario runs, by the answers of the policies.

A run depends on policies by their answers alone: those to the requests so far decide which comes
next. Policies that answer alike are run once, whatever they are written like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct, field

from vpc_cni_iam.coverage.analysis.cover import ScenarioRun, run_scenarios
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, find
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import (
    Applies,
    Compiled,
    Decision,
    Outcome,
    Request,
    compile_policies,
)

T = TypeVar("T")
# How many requests are remembered of one setting: some ten thousand policies that differ early.
MOST = 200_000
_ANSWERS = 512
# Those of a plugin that stays configured as it is, also of one in a shared VPC.
AS_CONFIGURED = find([s.name for s in SCENARIOS if not s.changes_configuration])
_Answer: TypeAlias = tuple[Outcome, str]


class _Turn(Struct):
    """A request of a run, with what follows on each answer; None where the run ends."""

    request: Request | None
    following: dict[_Answer, _Turn] = field(default_factory=dict)
    result: object = None
    answers: dict[tuple[Applies, ...], _Answer] = field(default_factory=dict)

    def answer(self, policies: Compiled, request: Request) -> _Answer:
        """Return the answer of policies, remembered for those with the same tests."""
        tests = policies.tests(request.action)
        known = self.answers.get(tests)
        if known is None:
            if len(self.answers) >= _ANSWERS:
                self.answers.clear()
            known = self.answers[tests] = _answer(policies.evaluate(request))
        return known


class RememberedRuns(Generic[T]):
    """The runs of the plugin as it is configured, of which `summary` returns what is kept.

    It may depend on the outcome of a decision and its reason, not on the statement that decided.
    """

    def __init__(
        self, setting: RequestSetting, summary: Callable[[tuple[ScenarioRun, ...]], T]
    ) -> None:
        self._setting, self._summary = setting, summary
        self._first: _Turn | None = None
        self._size = 0
        self._actions: dict[str, None] = {}  # those of all requests so far
        self._known: dict[tuple[tuple[Applies, ...], ...], T] = {}

    def of(self, policies: Sequence[Policy]) -> T:
        """Return the summary of the runs with some policies."""
        compiled = compile_policies(policies)
        # Whatever else is in a policy is about none of the requests.
        tests = tuple(map(compiled.tests, self._actions))
        if tests in self._known:
            return self._known[tests]
        if len(self._known) >= _ANSWERS:
            self._known.clear()
        result = self._known[tests] = self._walk(compiled, policies)
        return result

    def _walk(self, compiled: Compiled, policies: Sequence[Policy]) -> T:
        turn = self._first
        while turn is not None and turn.request is not None:
            turn = turn.following.get(turn.answer(compiled, turn.request))
        if turn is not None:
            result: T = turn.result  # type: ignore[assignment]
            return result
        answers = _RecordedAnswers(policies)
        result = self._summary(run_scenarios(answers, self._setting, AS_CONFIGURED))
        self._remember(answers.recorded, result)
        return result

    def _remember(self, answers: Sequence[tuple[Request, Decision]], result: T) -> None:
        self._size += len(answers)
        if self._size > MOST:
            self._first, self._size = None, len(answers)
        requests = [request for request, _ in answers]
        self._actions |= dict.fromkeys(request.action for request in requests)
        turn = self._first = self._first or _Turn(requests[0] if requests else None)
        for (_, decision), following in zip(answers, [*requests[1:], None], strict=True):
            turn = turn.following.setdefault(_answer(decision), _Turn(following))
        turn.result = result


class _RecordedAnswers(Answers):
    """Answers that are recorded in their order, each once."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        super().__init__(policies)
        self.recorded: list[tuple[Request, Decision]] = []

    def _decide(self, request: Request) -> Decision:
        decision = super()._decide(request)
        self.recorded.append((request, decision))
        return decision


def _answer(decision: Decision) -> _Answer:
    return decision.outcome, decision.undecided
