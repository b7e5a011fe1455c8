"""Reads text files, in the encodings that other programs write.

PowerShell's ``>`` writes UTF-16, and its older versions begin UTF-8 with a byte order mark. Both
are read.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import re
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from vpc_cni_iam.errors import InputError, Message, UsageError, reason
from vpc_cni_iam.texts.limits import POLICIES, UNPACKED, UNPACKED_RATIO, Limit

STDIN = "standard input"
# The starts of git's conflict markers.
MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_PIECE = 1 << 20
BEGINNING = 4096  # bytes that tell what a file is
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# The beginning of YAML: a key or an item, after comments; a program's error looks like a key.
_YAML = re.compile(
    r"(?:\s*(?:#|%YAML)[^\n]*\n)*\s*(?!(?i:error|warning):)(?:---|-|[\w\"'-]+:)(?:\s|\Z)"
)
# A key of a CloudFormation template, whose tags such as !Sub mean something only for AWS's tools.
_TEMPLATE = re.compile(r"^(?:AWSTemplateFormatVersion|Resources):", re.MULTILINE)
# Clearer words for the system's errors about a file that cannot be opened.
_PROBLEMS: tuple[tuple[type[OSError], str], ...] = (
    (FileNotFoundError, "does not exist; check the path"),
    (IsADirectoryError, "is a directory; name a file"),
    (NotADirectoryError, "is below a file, not a directory"),
)


class Readable(Protocol):
    """A file, a pipe or a response."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most this many; empty at the end."""


def has_markers(content: bytes | str) -> bool:
    """Return whether a file has conflict markers of a merge."""
    return "<<<<<<< " in content if isinstance(content, str) else b"<<<<<<< " in content


def path_of(target: str) -> Path | None:
    """Return the path of a file that a user named; None for ``-``, standard input.

    Raises `UsageError` for an empty name, which the system would take for the current directory.
    """
    if not target:
        raise UsageError("the file name is empty; name a file, or - for standard input")
    return None if target == "-" else Path(target)


def read(path: Path, form: str = "", limit: Limit = POLICIES) -> str:
    """Return the text of a file; see `decode`."""
    return decode(content(path, limit), str(path), form)


def content(path: Path, limit: Limit = POLICIES) -> bytes:
    """Return the bytes of a file."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > limit.most:
                raise too_large(str(path), limit)
            return bounded(file, str(path), limit)
    except OSError as error:
        raise unreadable(path, error) from None


def content_together(
    paths: Sequence[Path], source: str, limit: Limit, together: Limit, count: Limit
) -> dict[Path, bytes]:
    """Return the bytes of a directory's files; `source` is its name in errors.

    `limit` applies to each file, `together` to all; `count` to their number.
    """
    if len(paths) > count.most:
        raise InputError(source, "", f"holds more than {count.words()}, the limit")
    files: dict[Path, bytes] = {}
    size = 0
    for path in paths:
        files[path] = content(path, limit)
        size += len(files[path])
        if size > together.most:
            problem = f"holds files of more than {together.words()} together, the limit"
            raise InputError(source, "", problem)
    return files


def beginning(path: Path) -> str:
    """Return the first characters of a file, unpacked if they are gzip."""
    try:
        with path.open("rb") as file:
            return decoded_beginning(file.read(BEGINNING))
    except OSError as error:
        raise unreadable(path, error) from None


def decoded_beginning(data: bytes) -> str:
    """Return the text of the first bytes of a file, without a character that is cut."""
    if data.startswith(GZIP):
        try:
            data = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(data, BEGINNING)
        except zlib.error:
            return ""  # whoever reads it all says why
    decoder = codecs.getincrementaldecoder(json.detect_encoding(data))(errors="replace")
    return decoder.decode(data)


def bounded(file: Readable, source: str, limit: Limit) -> bytes:
    """Return the rest of a file or a pipe; refuses one that is too large before reading more."""
    content = io.BytesIO()
    while piece := file.read(_PIECE):
        if content.tell() + len(piece) > limit.most:
            raise too_large(source, limit)
        content.write(piece)
    return content.getvalue()


def unpacked(data: bytes, source: str, limit: Limit = POLICIES) -> bytes:
    """Return bytes, unpacked if they are gzip."""
    if not data.startswith(GZIP):
        return data
    plain = io.BytesIO()
    unpack(io.BytesIO(data), plain, source, limit)
    return plain.getvalue()


def unpack(packed: IO[bytes], plain: IO[bytes], source: str, limit: Limit) -> None:
    """Write the unpacked bytes of gzip data; refuses too many of them before writing more."""
    most = limit if limit.most < UNPACKED.most else UNPACKED
    done = 0
    try:
        with gzip.open(packed) as stream:
            while piece := stream.read(_PIECE):
                done += len(piece)
                if done > most.most:
                    problem = f"unpacks to more than {most.words()}, the limit"
                    raise InputError(source, "", problem)
                if done > UNPACKED_RATIO * max(packed.tell(), _PIECE >> 4):
                    problem = f"unpacks to more than {UNPACKED_RATIO} times its size, the limit"
                    raise InputError(source, "", f"{problem}; unpack it first")
                plain.write(piece)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(source, "", f"is damaged gzip data: {error}") from None
    plain.flush()


def too_large(source: str, limit: Limit) -> InputError:
    """Return the error for an input that is larger than its limit."""
    return InputError(source, "", f"is larger than {limit.words()}, the limit{limit.advice}")


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that the system cannot open or read."""
    for kind, problem in _PROBLEMS:
        if isinstance(error, kind):
            return InputError(str(path), "", problem)
    return InputError(str(path), "", f"cannot be read: {reason(error)}")


def refuse_yaml(text: str, source: str) -> None:
    """Raise `InputError` for the beginning of YAML, with the command that prints it as JSON."""
    if _YAML.match(text):
        how = "rain fmt --json" if _TEMPLATE.search(text) else "yq -o=json"
        name = "" if source == STDIN else f" {source}"
        raise InputError(source, "", f"is YAML, not JSON; print it as JSON with: {how}{name}")


def decode(content: bytes, source: str, form: str = "") -> str:
    """Return the text of bytes, without a byte order mark; raises `InputError` with the line.

    `form` is a format that must be UTF-8, such as HCL, as for an engine or IAM; empty for other
    text.
    """
    if content.startswith(ZIP):
        how = "print a saved plan with: terraform show -json PLANFILE (or tofu show -json PLANFILE)"
        raise InputError(source, "", f"is a zip archive, not text; {how}")
    if form and content.startswith(_UTF16):
        how = "save it as UTF-8, in PowerShell with Set-Content -Encoding utf8"
        raise InputError(source, "", f"is UTF-16, and {form} is UTF-8; {how}")
    if form == "TOML" and content.startswith(codecs.BOM_UTF8):
        raise InputError(source, "line 1", "starts with a byte order mark; save it without one")
    encoding = "utf-8-sig" if form else json.detect_encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(source, f"line {line}", not_text(error)) from None


def not_text(error: UnicodeDecodeError) -> Message:
    """Return the problem of bytes that are not text in the encoding that they begin with."""
    kind = "-".join(error.encoding.upper().split("-")[:2])
    return f"is not {kind} text: byte 0x{error.object[error.start]:02x}"
