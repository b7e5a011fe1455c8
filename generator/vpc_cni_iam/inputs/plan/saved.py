"""Opens a plan: its JSON, compressed or not, or a saved plan."""

from __future__ import annotations

import codecs
import json
import mmap
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, BinaryIO

from msgspec import Struct

from vpc_cni_iam import texts
from vpc_cni_iam.errors import InputError, Message
from vpc_cni_iam.inputs.plan.kinds import MAKE
from vpc_cni_iam.texts.limits import PLAN, Limit

# Larger files are mapped, so that they are never in memory as a whole.
LARGE = 1 << 20
PIECE = 1 << 20
# The possible beginnings of a plan, also after lines of an engine's wrapper.
_BEGIN = re.compile(r"\ufeff?\s*(?:(?:\[command\]|::)[^\n]*(?:\n\s*|\Z))*(?:\{|\Z)")


class JsonFile(Struct, frozen=True):
    """A kind of JSON file that may be too large for memory."""

    what: str  # its description after "is not" in an error
    advice: Message  # how to make one
    limit: Limit  # the size limit
    # Its possible beginnings: an endless device or another kind of file is refused at once.
    begin: re.Pattern[str] = _BEGIN
    in_memory: bool = True  # whether small files are read into memory; if not, each is mapped


PLAN_JSON = JsonFile("the JSON of a plan", MAKE, PLAN)


def saved_plan(path: Path) -> Path | None:
    """Return an engine's saved plan, a file or in a directory; None if there is none."""
    if path.is_dir():
        try:
            plans = [p for p in sorted(path.iterdir()) if p.is_file() and _is_saved(p)]
        except OSError as error:
            raise texts.unreadable(path, error) from None
        if len(plans) == 1:
            return plans[0]
        how = "make one with: terraform plan -out=tfplan (or tofu plan -out=tfplan)"
        if plans:
            how = f"name one of {', '.join(p.name for p in plans)}"
        raise InputError(str(path), "", f"has {'several' if plans else 'no'} saved plans; {how}")
    return path if path.is_file() and _is_saved(path) else None


def _is_saved(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(texts.ZIP)) == texts.ZIP and _holds_plan(path)
    except OSError:
        return False  # whoever reads it says why


def _holds_plan(path: Path) -> bool:
    import zipfile  # noqa: PLC0415 - few plans are saved ones

    try:
        with zipfile.ZipFile(path) as archive:
            return "tfplan" in archive.namelist()
    except zipfile.BadZipFile:
        return False  # whoever reads it says why


@contextmanager
def opened(
    path: Path | None, stdin: BinaryIO, kind: JsonFile = PLAN_JSON
) -> Iterator[bytes | mmap.mmap]:
    """Open the JSON text of a file; without a path, of ``stdin``."""
    source = str(path or texts.STDIN)
    with _stream(path, stdin) as stream:
        if path is not None and path.is_file():
            if os.fstat(stream.fileno()).st_size > kind.limit.most:
                raise texts.too_large(source, kind.limit)
            yield contents(stream, source, kind=kind)
            return
        # A pipe cannot seek, with or without a name.
        with _temporary_file() as spooled:
            _spool(stream, spooled, source, kind)
            yield contents(spooled, source, piped=True, kind=kind)


def _temporary_file() -> IO[bytes]:
    from tempfile import TemporaryFile  # noqa: PLC0415 - few plans need one

    return TemporaryFile()


def _stream(path: Path | None, stdin: BinaryIO) -> AbstractContextManager[BinaryIO]:
    try:
        return path.open("rb") if path else nullcontext(stdin)
    except OSError as error:
        raise texts.unreadable(path or Path(texts.STDIN), error) from None


def _spool(stream: IO[bytes], spooled: IO[bytes], source: str, kind: JsonFile) -> None:
    """Write a pipe's bytes to a file, while they may belong to this kind."""
    piece = stream.read(texts.BEGINNING)
    if not piece.startswith((texts.GZIP, texts.ZIP)):
        _check_begin(piece, source, kind)
    done = 0
    while piece:
        done += len(piece)
        if done > kind.limit.most:
            raise texts.too_large(source, kind.limit)
        spooled.write(piece)
        piece = stream.read(PIECE)
    spooled.flush()


def _check_begin(begin: bytes, source: str, kind: JsonFile) -> None:
    """Refuse a file whose first bytes are not this JSON."""
    text = texts.decoded_beginning(begin)
    texts.refuse_yaml(text, source)
    if not kind.begin.match(text):
        raise InputError(source, "", f"is not {kind.what}; {kind.advice}")


def contents(
    file: IO[bytes], source: str, *, piped: bool = False, kind: JsonFile = PLAN_JSON
) -> bytes | mmap.mmap:
    """Return the JSON text of a seekable file, unpacked; mapped if large."""
    file.seek(0)
    begin = file.read(texts.BEGINNING)
    file.seek(0)
    if begin.startswith(texts.GZIP):
        with _temporary_file() as plain:
            texts.unpack(file, plain, source, kind.limit)
            return contents(plain, source, piped=piped, kind=kind)
    if begin.startswith(texts.ZIP):
        if kind is not PLAN_JSON:
            raise InputError(source, "", "is a zip archive; unpack it first")
        problem = "is a zip archive, but not a plan that terraform or tofu saved"
        if piped:
            problem = "is a saved plan, which an engine can only show as a file: name the file"
        raise InputError(source, "", problem)
    _check_begin(begin, source, kind)
    encoding = json.detect_encoding(begin)
    if not encoding.startswith("utf-8"):
        with _temporary_file() as plain:
            _recode(file, plain, source, encoding)
            return contents(plain, source, piped=piped, kind=kind)
    if not begin:
        raise InputError(source, "", f"is empty; {kind.advice}")
    size = file.seek(0, 2)
    file.seek(0)
    if size <= LARGE and kind.in_memory:
        return file.read()
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _recode(wide: IO[bytes], plain: IO[bytes], source: str, encoding: str) -> None:
    """Write output of PowerShell's > as UTF-8, with only a part of it in memory."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        while piece := wide.read(PIECE):
            text = decoder.decode(piece)
            line += text.count("\n")
            plain.write(text.encode())
        plain.write(decoder.decode(b"", final=True).encode())
    except UnicodeDecodeError as error:
        raise InputError(source, f"line {line}", texts.not_text(error)) from None
    plain.flush()
