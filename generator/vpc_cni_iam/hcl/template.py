"""Where the interpolations of a heredoc begin and end, which the parser leaves in one piece."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vpc_cni_iam.errors import InputError

# What may hide a brace inside an interpolation, and braces themselves.
_HIDING = re.compile(r'"|\{|\}|#|//|/\*|<<')
_IN_STRING = re.compile(r'\\.|"|[$%]\{', re.DOTALL)
_OPENING = re.compile(r"[$%]\{")


def heredoc(text: str, source: str, line: int) -> Iterator[tuple[str, int, bool]]:
    """Yield the pieces of a heredoc's body: each with its place, and whether it is code.

    Args:
        text: The heredoc from ``<<`` to the end of its closing marker; both escapes of templates
            are replaced by other characters.
        source: The file name that errors name.
        line: The line it starts at.

    Raises:
        InputError: A directive such as ``%{ if x }``, a strip marker, or code that does not end.
    """
    begin, end = text.index("\n") + 1, text.rindex("\n") + 1
    while begin < end:
        opening = _OPENING.search(text, begin, end)
        if opening is None:
            yield text[begin:end], begin, False
            return
        place = f"line {line + text.count(chr(10), 0, opening.start())}"
        if opening.start() > begin:
            yield text[begin : opening.start()], begin, False
        closing = _closing(text, opening.end(), end)
        if closing is None:
            raise InputError(source, place, "a template starts here that does not end")
        code = text[opening.end() : closing]
        if opening[0] == "%{":
            problem = "holds a template directive (%{), which only an engine can follow"
            raise InputError(source, place, problem)
        if code.startswith("~") or code.endswith("~"):
            problem = "holds template strip markers (~), which this reader does not know"
            raise InputError(source, place, problem)
        begin = closing + 1
        # Space around the code is no part of it.
        stripped = code.strip()
        yield stripped, opening.end() + code.index(stripped), True


def _closing(text: str, place: int, end: int) -> int | None:
    """Return the place of the brace that closes what was opened right before a place."""
    depth = 1
    while found := _HIDING.search(text, place, end):
        place = found.end()
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
            if depth == 0:
                return found.start()
        else:
            after = _skip(text, found[0], place, end)
            if after is None:
                return None
            place = after
    return None


def _skip(text: str, opening: str, place: int, end: int) -> int | None:
    """Return where a string or comment ends that was opened right before a place."""
    if opening in ("#", "//", "/*"):
        closing = "*/" if opening == "/*" else "\n"
        found = text.find(closing, place, end)
        return None if found < 0 else found + len(closing)
    if opening == "<<":
        return None  # a heredoc in a heredoc
    while match := _IN_STRING.search(text, place, end):
        place = match.end()
        if match[0] == '"':
            return place
        if match[0] in ("${", "%{"):
            inner = _closing(text, place, end)
            if inner is None:
                return None
            place = inner + 1
    return None
