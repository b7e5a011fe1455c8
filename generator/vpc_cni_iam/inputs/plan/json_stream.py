"""Walks large JSON, and decodes only the requested parts.

msgspec skips a value at C speed, and its error says where the text after it begins. So each value
in a mapped file is found without a copy, and pages before it are released: skipped parts use no
memory.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder, decode, encode
from msgspec.json import format as formatted

from vpc_cni_iam.errors import CUT_OFF, InputError, not_json
from vpc_cni_iam.policy.strict_json import refuse_twice
from vpc_cni_iam.texts import not_text

_MARK = b"\xef\xbb\xbf"
_SPACES = b" \t\r\n"
_SPACE = re.compile(rb"[ \t\r\n]*")
_WRAPPING = re.compile(rb"(?:\[command\]|::)[^\n]*(?:\n|\Z)")
_BYTE = r"\(byte (\d+)\)$"
_MALFORMED = r"JSON is malformed: (.*) \(byte \d+\)"
# The bytes of a character in UTF-8 after its first.
_CONTINUING = bytes(range(0x80, 0xC0))
_TRAILING = "trailing characters"
# The bytes to read before pages are released.
STEP = 16 << 20
SMALL = 64 << 20
_DEPTH = 200


T = TypeVar("T")


class Reader:
    """A place in JSON text, mapped or in memory.

    `passed` is called from time to time with the number of bytes read; `what` names the text in
    errors.
    """

    def __init__(
        self,
        data: bytes | mmap.mmap,
        source: str,
        passed: Callable[[int], None] | None = None,
        what: str = "a plan",
    ) -> None:
        self.data = data
        self._what = what
        self.source = source
        self.place = 0
        self._view = memoryview(data)
        self._decoders: dict[Any, Any] = {}
        self._raw = Decoder(Raw)
        self._released = 0
        self._passed = passed

    @property
    def size(self) -> int:
        """The number of bytes of the text."""
        return len(self._view)

    def close(self) -> None:
        """Release the text."""
        self._view.release()

    def rewind(self) -> None:
        """Go back to the beginning."""
        self.place = self._released = 0

    def skip_mark(self) -> None:
        """Skip the byte order mark that PowerShell writes at the start of a file."""
        if self.data[: len(_MARK)] == _MARK:
            self.place = len(_MARK)

    def skip_wrapping(self) -> None:
        """Skip the lines that an engine's wrapper in CI writes around the output.

        hashicorp/setup-terraform writes ``[command]`` with the command before it, and workflow
        commands of GitHub such as ``::debug::`` after it.
        """
        while self.peek() in (b"[", b":"):
            line = _WRAPPING.match(self.data, self.place)
            if line is None:
                return
            self.place = line.end()

    def refuse(self, problem: str) -> InputError:
        """Return an error at this place."""
        return InputError(self.source, self.position(self.place), problem)

    def refuse_twice(self, text: bytes, start: int, owner: str = "") -> None:
        """Refuse a key that is twice in one object of a value, and bytes that are not UTF-8.

        The value begins at a byte; `owner` is what it describes.
        """
        if _is_canonical(text):
            return
        refuse_twice(self.as_text(text, start, owner), self.source, lambda: self._line(start))

    def as_text(self, text: bytes, start: int, owner: str = "") -> str:
        """Return the text of bytes that begin at a byte; raises `InputError` if it is not UTF-8."""
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            place = self.position(start + error.start) + (f", in {owner}" if owner else "")
            raise InputError(self.source, place, not_text(error)) from None

    def position(self, place: int) -> str:
        """Return the line and column of a byte."""
        start = self.data.rfind(b"\n", 0, place) + 1
        column = sum(len(text.translate(None, _CONTINUING)) for text in self._pieces(start, place))
        return f"line {self._line(place)}, column {column + 1}"

    def _line(self, place: int) -> int:
        return 1 + sum(text.count(b"\n") for text in self._pieces(0, place))

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes in pieces, so that a position in a large text takes no memory."""
        for place in range(start, end, STEP):
            yield bytes(self._view[place : min(place + STEP, end)])
            self._forget(place, min(place + STEP, end))

    def peek(self) -> bytes:
        """Return the first byte of the next value; empty at the end of the text."""
        byte = self.data[self.place : self.place + 1]
        if byte in _SPACES and byte:
            match = _SPACE.match(self.data, self.place)
            self.place = match.end() if match else self.place
            byte = self.data[self.place : self.place + 1]
        return byte

    def next_value(self) -> memoryview | None:
        """Skip the next value and return its text; None at the end."""
        return self.value() if self.peek() else None

    def value(self) -> memoryview:
        """Skip one value of any kind and return its text; raises `InputError`."""
        self.peek()
        start = self.place
        try:
            self._raw.decode(self._view[start:])
            self.place = self.size
        except RecursionError:
            raise self.refuse(f"nests too deeply to be {self._what}") from None
        except DecodeError as error:
            match = re.search(_BYTE, str(error))
            ended = _TRAILING in str(error)
            if match:
                # The number includes the first byte after the value.
                self.place += int(match[1]) - ended
            if not ended:
                problem = re.sub(_MALFORMED, lambda match: not_json(match[1]), str(error))
                if "truncated" in problem:
                    self.place, problem = self.size, CUT_OFF
                raise self.refuse(problem) from None
        self._release()
        return self._view[start : self.place]

    def members(self) -> Iterator[str]:
        """Read an object; yield each key. The caller must read or skip the key's value."""
        seen = set()
        for _ in self._inside(b"{", b"}", "an object"):
            if self.peek() != b'"':
                raise self.refuse("is not JSON: a name in double quotes is expected")
            key = self.decoded(self.value(), str)
            if key in seen:
                raise self.refuse(f"the key {key[:80]!r} is there twice in one object")
            seen.add(key)
            if self.peek() != b":":
                raise self.refuse("is not JSON: a colon is expected")
            self.place += 1
            yield key

    def each(self, shape: type[T]) -> Iterator[T]:
        """Read a list; yield its decoded items, without members that their type does not have.

        A small text is decoded a list at a time, which is faster; a large one item by item.
        """
        if self.size <= SMALL:
            yield from self.decoded(self.value(), list[shape])  # type: ignore[valid-type]
            return
        for _ in self.items():
            yield self.decoded(self.value(), shape)

    def each_once(self, shape: type[T]) -> Iterator[T]:
        """Read a list as `each` does; refuses a key that is twice in an object of an item."""
        for _ in self.items():
            self.peek()
            start = self.place
            text = self.value()
            self.refuse_twice(bytes(text), start)
            yield self.decoded(text, shape)

    def items(self) -> Iterator[None]:
        """Read a list; yield before each item. The caller must read or skip the item."""
        yield from self._inside(b"[", b"]", "a list")

    def decoded(self, text: memoryview | Raw, shape: type[T]) -> T:
        """Decode the value that `value` returned last, as a type."""
        if shape not in self._decoders:
            # A fraction keeps its digits, since a policy may contain all of them.
            self._decoders[shape] = Decoder(shape, float_hook=str)
        try:
            value: T = self._decoders[shape].decode(text)
        except (DecodeError, UnicodeDecodeError) as error:
            if isinstance(text, memoryview):
                self.as_text(bytes(text), self.place - len(text))
            if isinstance(error, UnicodeDecodeError):
                raise self.refuse("what ends here is not UTF-8 text") from None
            raise self.refuse(f"cannot be read as {self._what}: {error}") from None
        return value

    def _inside(self, opening: bytes, closing: bytes, what: str) -> Iterator[None]:
        if self.peek() != opening:
            raise self.refuse(f"cannot be read as {self._what}: {what} is expected")
        self.place += 1
        if self.peek() == closing:
            self.place += 1
            return
        while True:
            yield
            sign = self.peek()
            if sign not in (b",", closing) or not sign:
                raise self.refuse(not_json("Expecting ',' delimiter") if sign else CUT_OFF)
            self.place += 1
            if sign == closing:
                return

    def _release(self) -> None:
        if self.place - self._released < STEP:
            return
        self._forget(self._released, self.place)
        self._released = self.place
        if self._passed:
            self._passed(self.place)

    def _forget(self, start: int, end: int) -> None:
        """Release the pages of a mapped text; they are read again if needed."""
        if isinstance(self.data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            first, last = (place // mmap.PAGESIZE * mmap.PAGESIZE for place in (start, end))
            if first < last:
                self.data.madvise(mmap.MADV_DONTNEED, first, last - first)


def _is_canonical(text: bytes) -> bool:
    """Return whether JSON is as it is written again, so that no object has a key twice.

    This is ten times faster than the strict decoder, which decides about the other texts.
    """
    try:
        return formatted(text, indent=-1) == encode(decode(text))
    except (DecodeError, UnicodeDecodeError):
        return False


def resources(reader: Reader, shape: type[T], depth: int = 0) -> Iterator[T]:
    """Read a module of a state; yield each resource in it and in its children."""
    if depth > _DEPTH:
        raise reader.refuse("its modules nest too deeply to be a plan")
    for key in reader.members():
        if key == "resources":
            yield from reader.each(shape)
        elif key == "child_modules":
            for _ in reader.items():
                yield from resources(reader, shape, depth + 1)
        else:
            reader.value()


def resource_count(reader: Reader) -> int:
    """Count the resources in a state's values, without decoding all at once."""
    count = 0
    for key in reader.members():
        if key == "root_module":
            count += sum(1 for _ in resources(reader, Struct))
        else:
            reader.value()
    return count
