"""Reads a user's text, whatever program wrote it: the one answer to encodings.

PowerShell's ``>`` writes UTF-16, and its older versions begin UTF-8 with a byte order mark; what
such a file says is as clear as in any other, so that it is read.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path

from vpc_cni_iam.errors import InputError

STDIN = "standard input"
# The largest document that AWS takes is 20 KB (a bucket policy); the details of an account with
# 5,000 roles are about 40 MB.
LIMIT = 128 * 1024 * 1024
# Most files fit in this, and to get ready for the whole limit costs more than to read them.
_USUAL = 1 << 16
# No mark begins them: the grammar of TOML has none, and the API of IAM takes U+0009 to U+00FF.
_UNMARKED = ("TOML", "JSON")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(path: Path, form: str = "", limit: int | None = LIMIT) -> str:
    """Return the text of a file.

    Args:
        path: The file.
        form: As `decode` takes it.
        limit: As `decode` takes it.

    Raises:
        InputError: It cannot be read, or `decode` refuses it.
    """
    return decode(content(path, limit), str(path), form, limit)


def content(path: Path, limit: int | None = LIMIT) -> bytes:
    """Return the bytes of a file: all, or one more than the limit.

    Args:
        path: The file.
        limit: As `decode` takes it.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(_USUAL)
            return begin if len(begin) < _USUAL else begin + file.read(most(limit))
    except FileNotFoundError:
        raise InputError(str(path), "", "is not there") from None
    except OSError as error:
        raise InputError(str(path), "", f"cannot be read: {error.strerror}") from None


def most(limit: int | None) -> int:
    """Return how many bytes to ask for, so that `decode` can tell what is too large.

    Args:
        limit: As `decode` takes it.
    """
    return -1 if limit is None else limit + 1


def decode(content: bytes, source: str, form: str = "", limit: int | None = LIMIT) -> str:
    """Return the text of bytes, without a byte order mark.

    Args:
        content: The bytes; one more than the limit are enough to be refused.
        source: The file name that errors name.
        form: What is UTF-8 by its own rules, such as HCL, so that an engine, or IAM, would not
            take anything else either; empty for any other text.
        limit: The most bytes there may be; None for any number.

    Raises:
        InputError: Too large, or not text; with the line.
    """
    if limit is not None and len(content) > limit:
        raise InputError(source, "", f"is larger than {limit >> 20} MB, the most that is read")
    if form and content.startswith(_UTF16):
        how = "save it as UTF-8, in PowerShell with Set-Content -Encoding utf8"
        raise InputError(source, "", f"is UTF-16, and {form} is UTF-8; {how}")
    if form in _UNMARKED and content.startswith(codecs.BOM_UTF8):
        raise InputError(source, "line 1", "starts with a byte order mark; save it without one")
    encoding = "utf-8-sig" if form else json.detect_encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        kind = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        problem = f"is not {kind} text: byte 0x{content[error.start]:02x}"
        raise InputError(source, f"line {line}", problem) from None
