"""The limit of work for one answer, counted in steps.

Steps, not seconds, so that the same policies get the same answer on every machine. A step is about
a microsecond: the limits below keep an answer within a few seconds. All work that grows with the
policies counts its steps.
"""

from __future__ import annotations

from msgspec import Struct, field

# The limit for comparing two policies of any size: about three seconds.
ANSWER = 3_000_000
# The steps that each of many answers always has. Half of 600 random changes of AWS's managed
# policies took under 8,000; with their remaining steps, 98 in 100 were decided.
OF_EACH = 20_000
# Fewer for small policies, so that a megabyte of complex ones takes no more than one of ordinary
# ones. Half of these changes took under 5 steps for each character of both policies.
_OF_EACH_AT_LEAST = 3_000
_OF_A_CHARACTER = 5
# Each of many parts of the work gets a sixteenth of the remaining steps: enough for a complex one,
# and it leaves steps for the others.
_SHARES = 16


class TooHardError(Exception):
    """The steps of an answer are used up."""


class Budget(Struct):
    """The steps that an answer, or a part of one, may still take."""

    steps: int = field(default_factory=lambda: ANSWER)
    whole: Budget | None = None  # the budget that contains this one
    # The steps that each of many answers adds, see `answer`.
    of_each: int = field(default_factory=lambda: OF_EACH)

    @classmethod
    def of_many(cls, answers: int, characters: int) -> Budget:
        """Return the budget of many answers, in proportion to the input.

        Args:
            answers: The approximate number of answers.
            characters: The length of the input.
        """
        own = _OF_EACH_AT_LEAST + _OF_A_CHARACTER * characters // max(1, answers)
        return cls(of_each=min(OF_EACH, own))

    def spend(self, steps: int = 1) -> None:
        """Count steps; raises `TooHardError` if none are left."""
        budget: Budget | None = self
        while budget is not None:
            budget.steps -= steps
            if budget.steps < 0:
                raise TooHardError
            budget = budget.whole

    def affords(self, steps: int) -> bool:
        """Count steps; return whether there were enough."""
        try:
            self.spend(steps)
        except TooHardError:
            return False
        return True

    def part(self, steps: int) -> Budget:
        """Return a budget of at most this many steps, which are also counted here."""
        return Budget(min(steps, self.steps), self)

    def answer(self) -> Budget:
        """Return the budget of the next of many answers, which adds its own steps to this one.

        Complex answers can use the steps that easy ones leave, at most `ANSWER`: so many complex
        answers take the time of one, and of their own steps.
        """
        self.steps = min(ANSWER, max(self.steps, 0) + self.of_each)
        return self.part(ANSWER)

    def share(self, parts: int = _SHARES) -> Budget:
        """Return the budget of the next part of the work; `parts` are left."""
        return self.part(self.steps // min(parts, _SHARES))
