"""Walks JSON that arrives piece by piece: of a pipe, or unpacked while it is read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.texts import too_large, unreadable
from vpc_cni_iam.texts.limits import Limit

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 18


class _Begun:
    """A file of which the first bytes were read."""

    def __init__(self, head: bytes, file: BinaryIO, passed: Callable[[int], None] | None) -> None:
        self._head = head
        self._file = file
        self._passed = passed

    def read(self, size: int = _PIECE) -> bytes:
        """Return the next bytes, empty at the end."""
        head, self._head = self._head[:size], self._head[size:]
        piece = head or self._file.read(size)
        if self._passed:
            self._passed(len(piece))
        return piece


@contextmanager
def opened(
    path: Path, limit: Limit, passed: Callable[[int], None] | None = None
) -> Iterator[Pieces]:
    """Open a file; raises `InputError` if it cannot be opened or read."""
    try:
        with path.open("rb") as file:
            yield Pieces(file, str(path), limit, passed)
    except OSError as error:
        raise unreadable(path, error) from None


class Pieces:
    """The bytes of a file, unpacked if they are compressed with gzip; never read as a whole.

    `passed` is called with how many more bytes of the file are read, before they are unpacked.
    """

    def __init__(
        self,
        file: BinaryIO,
        source: str,
        limit: Limit,
        passed: Callable[[int], None] | None = None,
    ) -> None:
        head = file.read(2)
        begun = cast("BinaryIO", _Begun(head, file, passed))
        self._file = gzip.GzipFile(fileobj=begun, mode="rb") if head == _GZIP else begun
        self._next = b""
        self._limit = limit
        self._size = 0
        self.source = source

    def peek(self, size: int) -> bytes:
        """Return the next bytes without passing them, fewer only at the end."""
        while len(self._next) < size and (piece := self._read()):
            self._next += piece
        return self._next[:size]

    def read(self) -> bytes:
        """Return the next bytes, empty at the end; `InputError` if damaged or too large."""
        piece, self._next = self._next or self._read(), b""
        return piece

    def _read(self) -> bytes:
        try:
            piece = self._file.read(_PIECE)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(self.source, "", f"is damaged gzip data: {error}") from None
        self._size += len(piece)
        if self._size > self._limit.most:
            raise too_large(self.source, self._limit)
        return piece


class PieceReader(Reader):
    """JSON text of which only the value at hand, as large as `value`, is in memory."""

    def __init__(self, pieces: Pieces, what: str, value: Limit) -> None:
        super().__init__(pieces.read(), pieces.source, what=what)
        self._pieces = pieces
        self._most = value
        self._before = 0

    def head(self, size: int) -> bytes:
        """Return the first bytes of what comes next, fewer only at the end."""
        self.peek()
        while self.size - self.place < size and self._more():
            pass
        return bytes(self._view[self.place : self.place + size])

    def refuse(self, problem: str) -> InputError:
        """Return an error at this place."""
        place = f"byte {self._before + self.place:,}"
        return InputError(self.source, place, problem)

    def _more(self, start: int | None = None) -> bool:
        start = self.place if start is None else start
        if self.size - start > self._most.most:
            raise self.refuse(
                f"one value is larger than {self._most.words()}, the most that is read"
            )
        piece = self._pieces.read()
        if piece:
            self.data = bytes(self._view[start:]) + piece
            self._view = memoryview(self.data)
            self._before += start
            self.place = 0
        return bool(piece)
