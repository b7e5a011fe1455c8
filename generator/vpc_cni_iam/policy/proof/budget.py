"""How much work one answer may take, counted in steps.

Steps, not seconds: the same policies get the same answer on every machine. A step is about a
microsecond, so that the bounds below keep an answer within a few seconds. Whatever can be repeated
more often for larger policies counts what it does.
"""

from __future__ import annotations

from msgspec import Struct, field

# What the comparison of two policies may take, whatever their size: about three seconds.
ANSWER = 3_000_000
# What each answer of many is sure of, whatever the others took. Of 600 random changes of AWS's
# managed policies half took under 8,000; with what those left, 98 in 100 were decided.
OF_EACH = 20_000
# Less for small policies, so that a megabyte of hard ones takes no more than one of ordinary ones.
# Of those changes half took under 5 steps for each character of both policies.
_OF_EACH_AT_LEAST = 3_000
_OF_A_CHARACTER = 5
# Of many parts of the work each gets a sixteenth of what is left: enough for one that is hard, and
# it leaves some to the others.
_SHARES = 16


class TooHardError(Exception):
    """The steps of an answer are used up."""


class Budget(Struct):
    """The steps that an answer, or a part of one, may still take."""

    steps: int = field(default_factory=lambda: ANSWER)
    whole: Budget | None = None  # the budget that this one is a part of
    # What each answer of many adds, see `answer`.
    of_each: int = field(default_factory=lambda: OF_EACH)

    @classmethod
    def of_many(cls, answers: int, characters: int) -> Budget:
        """Return the budget of many answers, which takes time in proportion to the input.

        Args:
            answers: How many there are, at least about.
            characters: How long the input is that they are about.
        """
        own = _OF_EACH_AT_LEAST + _OF_A_CHARACTER * characters // max(1, answers)
        return cls(of_each=min(OF_EACH, own))

    def spend(self, steps: int = 1) -> None:
        """Count steps; raise `TooHardError` when none are left."""
        budget: Budget | None = self
        while budget is not None:
            budget.steps -= steps
            if budget.steps < 0:
                raise TooHardError
            budget = budget.whole

    def affords(self, steps: int) -> bool:
        """Count steps, and say whether there were as many."""
        try:
            self.spend(steps)
        except TooHardError:
            return False
        return True

    def part(self, steps: int) -> Budget:
        """Return a budget of at most so many steps, which count here, too."""
        return Budget(min(steps, self.steps), self)

    def answer(self) -> Budget:
        """Return the budget of the next of many answers, which adds its own steps to this one.

        What easy answers leave is there for hard ones, and never more than `ANSWER` of it: many
        hard ones take the time of one, and that of their own steps.
        """
        self.steps = min(ANSWER, max(self.steps, 0) + self.of_each)
        return self.part(ANSWER)

    def share(self, parts: int = _SHARES) -> Budget:
        """Return the budget of the next part of the work, of which there still are `parts`."""
        return self.part(self.steps // min(parts, _SHARES))
