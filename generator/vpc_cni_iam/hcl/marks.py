"""Marks: characters in the place of expressions in the texts of a policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FIRST = 0xF0000
MARK = re.compile("[\U000f0000-\U000ffffd]")
# The same characters as JSON may spell them.
ESCAPED_MARK = re.compile(r"\\u[dD][bB][89aAbB]")


@dataclass(frozen=True, slots=True)
class MarkedExpression:
    """An expression that a mark stands for."""

    code: str
    line: int
    whole: bool = False  # it stands where a list may, so that it may be one
    # Its text is put into JSON text as it is, so that a quote in it ends a string.
    spliced: bool = False


@dataclass(slots=True)
class Marks:
    """The expressions kept, in the order of their marks."""

    expressions: list[MarkedExpression] = field(default_factory=list)

    def mark(self, expression: MarkedExpression) -> str:
        """Return the mark that stands for an expression."""
        for number, marked in enumerate(self.expressions):
            if (marked.code, marked.whole) == (expression.code, expression.whole):
                return chr(_FIRST + number)
        self.expressions.append(expression)
        return chr(_FIRST + len(self.expressions) - 1)

    def of(self, mark: str) -> MarkedExpression:
        """Return the expression that a mark, one character, stands for."""
        return self.expressions[ord(mark) - _FIRST]

    def shown(self, text: str) -> str:
        """Return a text with each mark replaced by ``${`` its expression ``}``."""
        return MARK.sub(lambda m: f"${{{self.of(m[0]).code}}}", text)
