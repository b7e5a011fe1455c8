"""The only two ways text gets into HCL: a quoted `Literal`, or an `Expression` of ours."""

from __future__ import annotations

import re
import unicodedata
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import InexpressibleError


class Literal(Struct, frozen=True):
    """Text from anywhere; always written quoted and escaped."""

    text: str


class Expression(Struct, frozen=True):
    """HCL code that this project wrote, or that stood as code in the file it is written back to.

    It is never made from other text of a user's.
    """

    code: str  # the code, such as ``var.partition``


class Template(Struct, frozen=True):
    """A quoted template such as ``"arn:${var.partition}:ec2"``."""

    parts: tuple[Literal | Expression, ...]  # its literal and interpolated parts, in order


Value: TypeAlias = Literal | Expression | Template

# A run of $ or % before a brace opens a template; the run's last sign is doubled, which is HCL's
# escape, and those before it are spelled by number, since a scanner may pair them otherwise.
_OPENING = re.compile(r"([$%])\1*(?=\{)")
_SPECIAL = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# A reviewer sees each character: hidden ones, and those that turn the line, are spelled by number.
_ESCAPED = re.compile(
    r'[\\"\x00-\x1f\x7f-\xa0\xad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]'
)
# Nothing in it needs any of the above.
PLAIN = re.compile(r"[ !#&-\[\]-z|}~]*", re.ASCII)


def code(value: Value) -> str:
    """Return the HCL code of a value, or raise `InexpressibleError`."""
    if isinstance(value, Literal):
        text = value.text
        return f'"{text}"' if PLAIN.fullmatch(text) else f'"{_escape(text)}"'
    if isinstance(value, Expression):
        return value.code
    pieces = []
    for place, part in enumerate(value.parts):
        if isinstance(part, Expression):
            pieces.append(f"${{{part.code}}}")
            continue
        text = _escape(part.text)
        following = value.parts[place + 1] if place + 1 < len(value.parts) else None
        if text.endswith("$") and isinstance(following, Expression):
            # A $ right before an interpolation would escape it.
            text = text[:-1] + "\\u0024"
        pieces.append(text)
    return f'"{"".join(pieces)}"'


def unwritable(text: str) -> str | None:
    """Say why HCL cannot hold a text; None if it can."""
    if text.isascii():
        return None
    if any("\ud800" <= c <= "\udfff" for c in text):
        return "holds half of a surrogate pair, which is not Unicode"
    if not unicodedata.is_normalized("NFC", text):
        return "is not in Unicode normal form C, into which HCL would silently change it"
    return None


def _escape(text: str) -> str:
    """Return text as it is written between the quotes of an HCL string."""
    if PLAIN.fullmatch(text):
        return text
    if reason := unwritable(text):
        raise InexpressibleError(f"{text!r} {reason}")
    text = _ESCAPED.sub(lambda m: _SPECIAL.get(m[0], f"\\u{ord(m[0]):04x}"), text)
    return _OPENING.sub(_opening, text)


def _opening(match: re.Match[str]) -> str:
    sign = match[1]
    return f"\\u{ord(sign):04x}" * (len(match[0]) - 1) + sign * 2


def unescape(text: str) -> str:
    """Return what stands between the quotes of an HCL string, without escapes; or `ValueError`."""
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
