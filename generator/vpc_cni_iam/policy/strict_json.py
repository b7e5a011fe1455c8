"""Reads JSON strictly, as policies need it; errors have the place."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from json import JSONDecodeError

from msgspec import Struct

from vpc_cni_iam.errors import InputError, json_problem, not_json

_SPACES = re.compile(r"[ \t\n\r]*")
_VALUES = 1_000_000  # the most brackets and commas: a value takes up to 200 bytes of memory
_PIECE = r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|[{}\[\],:]|[^\s{}\[\],:"]+'


class Number(Struct, frozen=True):
    """A number as written: reading ``1e5`` or ``0.10`` as a float changes its text."""

    text: str


class _RefusedError(Exception):
    """The parser's problem, without the place, which it does not report."""


def load_json(text: str, source: str) -> object:
    """Read JSON strictly, each number as a `Number`; raises `InputError` with the place.

    Refuses duplicate keys, NaN, nesting that is too deep for the parser, and too many values.
    """
    if len(text) > _VALUES and sum(map(text.count, "{[,")) > _VALUES:
        raise InputError(source, "", f"holds more than {_VALUES:,} values, the limit")
    if text.startswith("\ufeff"):
        raise InputError(source, "line 1", "starts with a byte order mark; save it without one")
    if _after_spaces(text, 0) == len(text):
        raise InputError(source, "", "is empty; a JSON policy document is expected")
    try:
        value, end = _DECODER.raw_decode(text, _after_spaces(text, 0))
        end = _after_spaces(text, end)
        if end < len(text):
            again = (
                "a second JSON text begins here; make one list of them, for example with jq -s ."
            )
            problem = again if text[end] in "{[" else not_json("Extra data")
            raise InputError(source, _line_and_column(JSONDecodeError("", text, end)), problem)
        return value
    except JSONDecodeError as error:
        raise InputError(source, _line_and_column(error), json_problem(error)) from None
    except RecursionError:
        raise InputError(source, "", "nests too deeply to be a policy") from None
    except _RefusedError as error:
        raise InputError(source, _place(text), str(error)) from None


def refuse_twice(text: str, source: str, first_line: Callable[[], int]) -> None:
    """Refuse JSON with a duplicate key in an object; most decoders take one of the two.

    `first_line` is the line of the source at which the text begins, from 1.
    """
    try:
        _DECODER.decode(text)
    except RecursionError:
        raise InputError(source, "", "nests too deeply") from None
    except _RefusedError as error:
        raise InputError(source, _place(text, first_line()), str(error)) from None


def _pairs(items: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(items)
    if len(result) < len(items):
        twice = next(k for k, n in Counter(key for key, _ in items).items() if n > 1)
        raise _RefusedError(f"the key {twice!r} is there twice in one object")
    return result


def _constant(name: str) -> object:
    raise _RefusedError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_int=Number, parse_float=Number
)


def _after_spaces(text: str, start: int) -> int:
    match = _SPACES.match(text, start)
    return match.end() if match else start


def _line_and_column(error: JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"


def _place(text: str, first_line: int = 1) -> str:
    """Return the line and path of the first duplicate key or constant that is not JSON."""
    # For each open object or list: its keys, and the current place in it.
    seen: list[set[str]] = []
    at: list[str | int] = []
    waiting_for_key = False
    for token in re.finditer(_PIECE, text):
        sign = token[0]
        if sign in "{[":
            seen.append(set())
            at.append("" if sign == "{" else 0)
            waiting_for_key = sign == "{"
        elif sign in "}]":
            seen.pop()
            at.pop()
            waiting_for_key = False
        elif sign == ",":
            last = at[-1]
            waiting_for_key = not isinstance(last, int)
            at[-1] = last + 1 if isinstance(last, int) else ""
        elif waiting_for_key:
            at[-1] = key = json.loads(sign)
            if key in seen[-1]:
                return _shown(first_line + text.count("\n", 0, token.start()), at)
            seen[-1].add(key)
            waiting_for_key = False
        elif sign in ("NaN", "Infinity", "-Infinity"):
            return _shown(first_line + text.count("\n", 0, token.start()), at)
    return ""


def _shown(line: int, at: list[str | int]) -> str:
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in at)
    return f"line {line}, ${path}"
