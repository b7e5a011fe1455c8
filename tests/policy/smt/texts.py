"""Patterns of policies: wildcards and policy variables, as AWS documents them.

Sources, all of the IAM User Guide: "IAM JSON policy elements: Resource" (wildcards, incomplete
ARNs), "IAM JSON policy elements: Condition operators" (String and ARN operators), "IAM policy
elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cvc5 import Kind

from smt.terms import Formula, Term, Terms

ANY, STAR = "?", "*"
SEGMENTS = 6
_TOKEN = re.compile(
    r"\$\{(?P<sign>[*?$])\}|\$\{(?P<key>[^}',]+)(?:,\s*'(?P<default>[^']*)')?\}"
    r"|(?P<wild>[*?])|(?P<text>.)",
    re.DOTALL,
)


class UndecidedError(Exception):
    """Something that the encoding does not express."""


@dataclass(frozen=True)
class Wild:
    """A wildcard: ``*`` or ``?``."""

    sign: str


@dataclass(frozen=True)
class Variable:
    """A policy variable, its key in lower case."""

    key: str
    default: str | None


Part = str | Wild | Variable
# Returns whether a variable has a value, and the value.
Resolve = Callable[[Variable], tuple[Formula, Term]]


def split(text: str, *, variables: bool, wildcards: bool) -> tuple[Part, ...]:
    """Return the parts of a text; runs of plain characters are one part."""
    parts: list[Part] = []
    plain = ""
    for token in _TOKEN.finditer(text):
        if variables and token["key"]:
            parts += [*([plain] if plain else []), Variable(token["key"].lower(), token["default"])]
            plain = ""
        elif wildcards and token["wild"]:
            parts += [*([plain] if plain else []), Wild(token["wild"])]
            plain = ""
        elif variables and token["sign"]:
            plain += token["sign"]
        else:
            plain += token[0]
    return (*parts, plain) if plain else tuple(parts)


def variables_of(parts: tuple[Part, ...]) -> list[Variable]:
    return [part for part in parts if isinstance(part, Variable)]


def language(terms: Terms, parts: tuple[Part, ...], *, crosses: bool = True) -> Term:
    """Return the language of parts without variables.

    Args:
        terms: Builds terms.
        parts: The parts.
        crosses: Whether wildcards match colons too.
    """
    character = terms.any_character if crosses else terms.not_colon
    pieces = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(terms.exactly(part))
        elif part == Wild(ANY):
            pieces.append(character)
        else:
            pieces.append(terms.repeated(character))
    return terms.sequence(pieces)


def like(terms: Terms, value: Term, parts: tuple[Part, ...], resolve: Resolve) -> Formula:
    """Return whether a value is like a pattern, whose wildcards match any characters."""
    if not variables_of(parts):
        if all(isinstance(part, str) for part in parts):
            return terms.equal(value, terms.text("".join(map(str, parts))))
        return terms.within(value, language(terms, parts))
    resolved = [resolve(variable) for variable in variables_of(parts)]
    blocks: list[list[Part]] = [[]]
    for part in parts:
        if part == Wild(STAR):
            blocks.append([])
        else:
            blocks[-1].append(part)
    return terms.every((*(known for known, _ in resolved), _glob(terms, value, blocks, resolve)))


def _glob(terms: Terms, value: Term, blocks: list[list[Part]], resolve: Resolve) -> Formula:
    """Return whether a value is blocks with anything between them: each as early as it can be."""
    length = terms.make(Kind.STRING_LENGTH, value)
    first, *middle = blocks
    position = terms.integer(0)
    formulas, position = _at(terms, value, position, first, resolve)
    if not middle:
        return terms.every((*formulas, terms.equal(position, length)))
    last = middle.pop()
    for block in middle:
        if Wild(ANY) in block:
            raise UndecidedError("a ? between two * beside a variable")
        if not block:
            continue
        text = _text(terms, block, resolve)
        start = terms.make(Kind.STRING_INDEXOF, value, text, position)
        formulas.append(terms.make(Kind.GEQ, start, terms.integer(0)))
        position = terms.make(Kind.ADD, start, terms.make(Kind.STRING_LENGTH, text))
    start = terms.make(Kind.SUB, length, _length(terms, last, resolve))
    formulas.append(terms.make(Kind.LEQ, position, start))
    more, _ = _at(terms, value, start, last, resolve)
    return terms.every((*formulas, *more))


def _text(terms: Terms, block: list[Part], resolve: Resolve) -> Term:
    pieces = [resolve(p)[1] if isinstance(p, Variable) else terms.text(str(p)) for p in block]
    return pieces[0] if len(pieces) == 1 else terms.make(Kind.STRING_CONCAT, *pieces)


def _length(terms: Terms, block: list[Part], resolve: Resolve) -> Term:
    total = terms.integer(0)
    for part in block:
        size = terms.integer(1)
        if not isinstance(part, Wild):
            size = terms.make(Kind.STRING_LENGTH, _text(terms, [part], resolve))
        total = terms.make(Kind.ADD, total, size)
    return total


def _at(
    terms: Terms, value: Term, position: Term, block: list[Part], resolve: Resolve
) -> tuple[list[Formula], Term]:
    """Return what makes a value have a block at a position, and the position after it."""
    formulas: list[Formula] = []
    for part in block:
        size = _length(terms, [part], resolve)
        after = terms.make(Kind.ADD, position, size)
        formulas.append(terms.make(Kind.LEQ, after, terms.make(Kind.STRING_LENGTH, value)))
        if not isinstance(part, Wild):
            piece = terms.make(Kind.STRING_SUBSTR, value, position, size)
            formulas.append(terms.equal(piece, _text(terms, [part], resolve)))
        position = after
    return formulas, position


def arn(terms: Terms, value: Term, parts: tuple[Part, ...], resolve: Resolve) -> Formula:
    """Return whether an ARN is like a pattern, segment by segment."""
    segments = segments_of(parts)
    if len(segments) < SEGMENTS:
        return False
    if variables_of(parts):
        return _arn_with_variables(terms, value, segments, resolve)
    pieces = []
    for number, segment in enumerate(segments):
        pieces += [terms.exactly(":")] if number else []
        pieces.append(language(terms, segment, crosses=number == SEGMENTS - 1))
    return terms.within(value, terms.sequence(pieces))


def _arn_with_variables(
    terms: Terms, value: Term, segments: list[tuple[Part, ...]], resolve: Resolve
) -> Formula:
    """Compare the segments of a value, cut at its first five colons."""
    formulas: list[Formula] = []
    start = terms.integer(0)
    for number, segment in enumerate(segments):
        end = terms.make(Kind.STRING_LENGTH, value)
        if number < SEGMENTS - 1:
            end = terms.make(Kind.STRING_INDEXOF, value, terms.text(":"), start)
        size = terms.make(Kind.SUB, end, start)
        piece = terms.make(Kind.STRING_SUBSTR, value, start, size)
        formulas.append(like(terms, piece, segment, resolve))
        start = terms.make(Kind.ADD, end, terms.integer(1))
    return terms.every(formulas)


def segments_of(parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """Return the up to six segments of an ARN pattern; the last may have colons."""
    segments: list[list[Part]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            segments[-1].append(part)
            continue
        pieces = part.split(":", SEGMENTS - len(segments))
        for number, piece in enumerate(pieces):
            if number:
                segments.append([])
            if piece:
                segments[-1].append(piece)
    return [tuple(segment) for segment in segments]


def resource(
    terms: Terms, value: Term, text: str, resolve: Resolve, *, variables: bool
) -> tuple[Formula, Formula | None]:
    """Return whether a resource is like a pattern of Resource or NotResource, in two readings.

    AWS leaves open whether a wildcard that does not end a segment matches colons. The second
    reading, in which it does not, is None where it is not expressed.

    Args:
        terms: Builds terms.
        value: The resource.
        text: The pattern.
        resolve: What variables stand for.
        variables: Whether the policy's version has variables.
    """
    parts = split(text, variables=variables, wildcards=True)
    if set(parts) == {Wild(STAR)}:
        return True, True
    segments = segments_of(parts)
    if missing := SEGMENTS - len(segments):
        if variables_of(parts):
            raise UndecidedError("an incomplete ARN with a variable")
        segments += [(Wild(STAR),)] * missing
        parts = split(text + ":*" * missing, variables=variables, wildcards=True)
    wide = like(terms, value, parts, resolve)
    if not any(_is_open(segment) for segment in segments[:-1]):
        return wide, wide
    if variables_of(parts):
        return wide, None
    pieces = []
    for number, segment in enumerate(segments):
        pieces += [terms.exactly(":")] if number else []
        last = number == SEGMENTS - 1
        if segment and segment[-1] == Wild(STAR) and not last:
            pieces.append(language(terms, segment[:-1], crosses=False))
            pieces.append(terms.repeated(terms.any_character))
        else:
            pieces.append(language(terms, segment, crosses=last))
    return wide, terms.within(value, terms.sequence(pieces))


def _is_open(segment: tuple[Part, ...]) -> bool:
    """Say whether a segment has a wildcard other than a ``*`` at its end."""
    return any(isinstance(part, Wild) for part in segment[:-1]) or segment[-1:] == (Wild(ANY),)
