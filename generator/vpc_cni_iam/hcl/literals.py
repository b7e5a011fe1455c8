"""The only two ways to write text into HCL: a quoted `Literal`, or our own `Expression`."""

from __future__ import annotations

import re
import unicodedata
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import InexpressibleError
from vpc_cni_iam.escape import is_unsafe


class Literal(Struct, frozen=True):
    """Text from anywhere; always written quoted and escaped."""

    text: str


class Expression(Struct, frozen=True):
    """HCL code that this project wrote, or code that is written back to its own file.

    It is never made from other text of a user.
    """

    code: str  # the code, such as ``var.partition``


class Interpolation(Struct, frozen=True):
    """A quoted template such as ``"arn:${var.partition}:ec2"``."""

    parts: tuple[Literal | Expression, ...]  # its literal and interpolated parts, in order


class Each(Struct, frozen=True):
    """A list with a text for each item of another list: ``[for id in var.ids : "x-${id}"]``."""

    items: Expression  # the list
    text: Interpolation  # the text for one item, ``id``


LiteralValue: TypeAlias = Literal | Expression | Interpolation | Each

# A run of $ or % before a brace opens a template. The last sign is doubled, which is HCL's escape.
# The signs before it are written as numbers, since a scanner may pair them differently.
_OPENING = re.compile(r"([$%])\1*(?=\{)")
_SPECIAL = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Text without characters that need an escape.
PLAIN = re.compile(r"[ !#&-\[\]-z|}~]*", re.ASCII)


def code(value: LiteralValue) -> str:
    """Return the HCL code of a value, or raise `InexpressibleError`."""
    if isinstance(value, Literal):
        text = value.text
        return f'"{text}"' if PLAIN.fullmatch(text) else f'"{_escape(text)}"'
    if isinstance(value, Expression):
        return value.code
    if isinstance(value, Each):
        return f"[for id in {value.items.code} : {code(value.text)}]"
    pieces = []
    for place, part in enumerate(value.parts):
        if isinstance(part, Expression):
            pieces.append(f"${{{part.code}}}")
            continue
        text = _escape(part.text)
        following = value.parts[place + 1] if place + 1 < len(value.parts) else None
        if text.endswith("$") and isinstance(following, Expression):
            # A $ directly before an interpolation would escape it.
            text = text[:-1] + "\\u0024"
        pieces.append(text)
    return f'"{"".join(pieces)}"'


def unwritable(text: str) -> str | None:
    """Return why HCL cannot contain a text; None if it can."""
    if text.isascii():
        return None
    if any("\ud800" <= c <= "\udfff" for c in text):
        return "has half of a surrogate pair, which is not Unicode"
    if not unicodedata.is_normalized("NFC", text):
        return "is not in Unicode normal form C, into which HCL would silently change it"
    return None


def _escape(text: str) -> str:
    """Return text as written between the quotes of an HCL string."""
    if PLAIN.fullmatch(text):
        return text
    if reason := unwritable(text):
        raise InexpressibleError(f"{text!r} {reason}")
    # A reviewer sees each character: hidden ones, and changes of direction, are numbers.
    pieces = (_SPECIAL.get(c) or (_number(c) if is_unsafe(c) else c) for c in text)
    return _OPENING.sub(_opening, "".join(pieces))


def _number(character: str) -> str:
    digits = f"{ord(character):04x}"
    return f"\\u{digits}" if len(digits) == len("0000") else f"\\U{digits:>08}"


def normalised(text: str) -> str:
    """Return text in Unicode normal form C, as engines keep it."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _opening(match: re.Match[str]) -> str:
    sign = match[1]
    return f"\\u{ord(sign):04x}" * (len(match[0]) - 1) + sign * 2


def unescape(text: str) -> str:
    """Return the text between the quotes of an HCL string, unescaped; raises `ValueError`."""
    if "\\" not in text:
        return text
    return re.sub(_UNESCAPE, _unescaped, text)


_UNESCAPE = r"(?s)\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))"
_MEANING = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def _unescaped(match: re.Match[str]) -> str:
    if number := match[1] or match[2]:
        return chr(int(number, 16))
    if match[3] not in _MEANING:
        raise ValueError(f"unknown escape {match[0]}")
    return _MEANING[match[3]]
