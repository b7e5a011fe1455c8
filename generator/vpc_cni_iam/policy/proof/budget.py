"""How much work one answer may take, counted in steps.

Steps, not seconds: the same policies get the same answer on every machine. A step is about a
microsecond, so that the bounds below keep an answer within a few seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vpc_cni_iam.policy.document import Policy

T = TypeVar("T")

# What two policies within IAM's limits are given, and what each statement adds to it.
ANSWER = 2_500_000
OF_A_STATEMENT = 4_000
# No answer takes more than this, however many statements there are.
MOST = 30_000_000
# What a review of many policies is given: one answer in full, and for each policy a share more.
OF_A_POLICY = 100_000


class TooHardError(Exception):
    """The steps of an answer are used up."""


def steps_for(policies: Iterable[Policy]) -> int:
    """Return how many steps the comparison of some policies may take."""
    return min(MOST, ANSWER + sum(map(_of_statements, policies)))


def _of_statements(policy: Policy) -> int:
    return OF_A_STATEMENT * len(policy.statements)


@dataclass(slots=True)
class Budget:
    """The steps that an answer, or a part of one, may still take.

    Args:
        steps: Their number.
        whole: The budget that this one is a part of.
        remembered: Answers within this one, which cost nothing when asked for again.
    """

    steps: int = ANSWER
    whole: Budget | None = None
    remembered: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, *policies: Policy) -> Budget:
        """Return the budget of a comparison of policies."""
        return cls(steps_for(policies))

    @classmethod
    def of_review(cls, policies: Iterable[Policy]) -> Budget:
        """Return the budget of a review of many changes."""
        return cls(ANSWER + sum(OF_A_POLICY + _of_statements(policy) for policy in policies))

    def spend(self, steps: int = 1) -> None:
        """Count steps.

        Raises:
            TooHardError: There are no more.
        """
        budget: Budget | None = self
        while budget is not None:
            budget.steps -= steps
            if budget.steps < 0:
                raise TooHardError
            budget = budget.whole

    def part(self, steps: int) -> Budget:
        """Return a budget of at most so many steps, which count here, too."""
        return Budget(min(steps, self.steps), self, self.remembered)

    def remember(self, question: Hashable, answer: Callable[[], T]) -> T:
        """Return the answer to a question, from memory where it was asked before.

        Args:
            question: The question, with all that its answer depends on.
        """
        if question not in self.remembered:
            self.remembered[question] = answer()
        found: T = self.remembered[question]
        return found
