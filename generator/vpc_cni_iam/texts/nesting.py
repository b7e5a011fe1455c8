"""Refuses texts that nest so deeply that a parser would fail, or take minutes.

Each scan is linear, and knows only enough of a format to skip brackets in strings.
"""

from __future__ import annotations

import re

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts.limits import HCL_DEPTH, HCL_TOKENS, TOML_DEPTH

_OPENING, _CLOSING = "{[(", "}])"
_TOML = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:"{3,5}|\Z)'
    r"|'''(?:[^']|'(?!''))*(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\.)*"?'
    r"|'[^'\n]*'?"
    r"|\#[^\n]*|[\[\]{}.=,\n]",
    re.DOTALL,
)
# Tokens of code, and of the text between quotes.
_HCL_CODE = re.compile(
    r"\#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z)|<<-?\s*(?P<mark>[^\s\W][\w-]*)[^\n]*\n"
    r'|(?P<sign>["{}()\[\]])',
    re.DOTALL,
)
_HCL_TOKEN = re.compile(r"\w+|[^\w\s]|\n")
_HCL_TEXT = re.compile(r'\\.|\$\$\{|%%\{|(?P<sign>[$%]\{|["\n])', re.DOTALL)


def check_toml(text: str, source: str) -> None:
    """Refuse TOML that nests too deeply, by brackets or by the parts of a key."""
    depth = parts = 0
    for token in _TOML.finditer(text):
        sign = token[0]
        if sign == ".":
            parts += 1
        elif sign in "[{":
            depth, parts = depth + 1, 0
        elif sign in "]}":
            depth, parts = max(0, depth - 1), 0
        elif sign in "=,\n":
            parts = 0
        if depth > TOML_DEPTH or parts >= TOML_DEPTH:
            raise _refused(text, token.start(), source, _nests(TOML_DEPTH))


def check_hcl(text: str, source: str) -> None:
    """Refuse HCL that nests too deeply, by brackets or templates, or has too many tokens."""
    if len(text) <= HCL_TOKENS and sum(map(text.count, (*_OPENING, '"'))) <= HCL_DEPTH:
        return
    # The open brackets, quotes and templates, from the outside in.
    opened: list[str] = []
    place = tokens = 0
    while place < len(text):
        in_text = opened[-1:] == ['"']
        match = (_HCL_TEXT if in_text else _HCL_CODE).search(text, place)
        end = match.start() if match else len(text)
        tokens += 1 if in_text else 1 + len(_HCL_TOKEN.findall(text, place, end))
        if tokens > HCL_TOKENS:
            raise _refused(text, place, source, f"holds more than {HCL_TOKENS:,} tokens")
        if match is None:
            return
        place, sign = match.end(), match["sign"]
        if sign is None:
            if mark := match.groupdict().get("mark"):
                place = _heredoc_end(text, place, mark)
        elif sign in _CLOSING or (in_text and sign in '"\n'):
            opened = opened[:-1]
        else:
            opened.append(sign)
        if len(opened) > HCL_DEPTH:
            raise _refused(text, match.start(), source, _nests(HCL_DEPTH))


def _heredoc_end(text: str, place: int, mark: str) -> int:
    end = re.compile(rf"^[ \t]*{re.escape(mark)}[ \t\r]*$", re.MULTILINE).search(text, place)
    return end.end() if end else len(text)


def _nests(limit: int) -> str:
    return f"nests more than {limit} deep"


def _refused(text: str, place: int, source: str, problem: str) -> InputError:
    line = text.count("\n", 0, place) + 1
    return InputError(source, f"line {line}", f"{problem}, the limit")
