"""SMT terms that are folded while they are built, and the languages of wildcard patterns."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from typing import Any

import cvc5
from cvc5 import Kind

# A Python boolean is a formula whose value is known.
Formula = Any
Term = Any


class Terms:
    """Builds terms of one manager."""

    def __init__(self) -> None:
        self.manager = cvc5.TermManager()
        self.any_character = self.manager.mkRegexpAllchar()
        self.not_colon = self.manager.mkTerm(
            Kind.REGEXP_INTER,
            self.any_character,
            self.manager.mkTerm(Kind.REGEXP_COMPLEMENT, self.exactly(":")),
        )

    def constant(self, name: str, sort: str) -> Term:
        """Return an unknown of the sort String, Integer, Real or Boolean."""
        return self.manager.mkConst(getattr(self.manager, f"get{sort}Sort")(), name)

    def text(self, text: str) -> Term:
        return self.manager.mkString("".join(f"\\u{{{ord(c):x}}}" for c in text), True)

    def integer(self, number: int) -> Term:
        return self.manager.mkInteger(str(number))

    def real(self, number: Fraction) -> Term:
        return self.manager.mkReal(f"{number.numerator}/{number.denominator}")

    def make(self, kind: Kind, *terms: Term) -> Term:
        return self.manager.mkTerm(kind, *terms)

    # Formulas.

    def every(self, formulas: Iterable[Formula]) -> Formula:
        return self._join(Kind.AND, formulas, neutral=True)

    def some(self, formulas: Iterable[Formula]) -> Formula:
        return self._join(Kind.OR, formulas, neutral=False)

    def _join(self, kind: Kind, formulas: Iterable[Formula], *, neutral: bool) -> Formula:
        operands = []
        for formula in formulas:
            if formula is (not neutral):
                return not neutral
            if formula is not neutral:
                operands.append(formula)
        if len(operands) < 2:
            return operands[0] if operands else neutral
        return self.make(kind, *operands)

    def no(self, formula: Formula) -> Formula:
        return not formula if isinstance(formula, bool) else self.make(Kind.NOT, formula)

    def choose(self, condition: Formula, then: Formula, otherwise: Formula) -> Formula:
        """Return one formula where a condition holds, and the other where it does not."""
        if isinstance(condition, bool):
            return then if condition else otherwise
        if then is otherwise:
            return then
        return self.some(
            (self.every((condition, then)), self.every((self.no(condition), otherwise)))
        )

    def equal(self, left: Term, right: Term) -> Formula:
        return self.make(Kind.EQUAL, left, right)

    def holds(self, formula: Formula) -> Term:
        return self.manager.mkBoolean(formula) if isinstance(formula, bool) else formula

    # Languages.

    def exactly(self, text: str) -> Term:
        return self.make(Kind.STRING_TO_REGEXP, self.text(text))

    def sequence(self, languages: list[Term]) -> Term:
        if not languages:
            return self.exactly("")
        return languages[0] if len(languages) == 1 else self.make(Kind.REGEXP_CONCAT, *languages)

    def repeated(self, language: Term) -> Term:
        return self.make(Kind.REGEXP_STAR, language)

    def letters(self, *ranges: str) -> Term:
        """Return the language of one character out of ranges such as ``az``, or single ones."""
        languages = [
            self.make(Kind.REGEXP_RANGE, self.text(r[0]), self.text(r[1]))
            if len(r) == 2
            else self.exactly(r)
            for r in ranges
        ]
        return reduce(lambda left, right: self.make(Kind.REGEXP_UNION, left, right), languages)

    def either_case(self, text: str) -> Term:
        """Return the language of a text in whatever case of its ASCII letters."""
        pieces = [
            self.letters(c.lower(), c.upper()) if c.isascii() and c.isalpha() else self.exactly(c)
            for c in text
        ]
        return self.sequence(pieces)

    def within(self, text: Term, language: Term) -> Formula:
        return self.make(Kind.STRING_IN_REGEXP, text, language)
