"""Compares the blocks of a module's files with the blocks of the catalog's module.

Layout, comments, the order of blocks and arguments, and the file of a folder that has a block make
no difference. Nor does the order of statements, conditions and list items in a policy document,
because IAM reads them as sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from itertools import chain
from pathlib import Path
from typing import TypeAlias, TypeVar

from msgspec import Struct

from vpc_cni_iam.escape import escape_control
from vpc_cni_iam.hcl.evaluate.excerpt import reads_files
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, List, Node, Text

T = TypeVar("T")
_Key: TypeAlias = tuple[str, tuple[str, ...]]
# Descriptions and messages: an engine shows them, and no policy depends on them.
_WORDS = frozenset({"description", "error_message"})
# Blocks with such texts. Resources are not among them: their description is sent to AWS.
_WORDED = frozenset({"variable", "output", "validation", "precondition", "assert"})
_SETS = frozenset({"actions", "not_actions", "resources", "not_resources", "values", "identifiers"})
# Blocks that run nothing in a plan, unless they read files.
_HARMLESS = frozenset({"variable", "output", "local"})
_WIDTH = 70


class Affected(Enum):
    """Which policy documents a difference may change, if not a single named one."""

    ANY_DOCUMENT = auto()
    NO_DOCUMENT = auto()


class ModuleFinding(Struct, frozen=True):
    """A difference between a module and the catalog's module."""

    file: str  # the file, relative to the module's directory
    line: int  # the line, from 1; 0 for the whole file or a missing block
    text: str
    # The policy documents that it may change: the name of one, any, or none.
    affected: str | Affected = Affected.ANY_DOCUMENT
    # Whether an engine may plan the module: the difference runs nothing and reads no file.
    plannable: bool = True
    wording: bool = False  # whether only a text such as a description differs

    def __str__(self) -> str:
        return escape_control(f"{self.place}: {self.text}")

    @property
    def place(self) -> str:
        """The file and line as one line of text."""
        return escape_control(f"{self.file}:{self.line}" if self.line else self.file)


class _FileBlock(Struct, frozen=True):
    """A block of a file, or one value of a ``locals`` block."""

    file: str
    block: Block

    @property
    def name(self) -> str:
        return f"{self.block.type} {'.'.join(self.block.labels)}".strip()

    @property
    def document(self) -> str:
        """The name of the policy document; empty for other blocks."""
        match (self.block.type, *self.block.labels):
            case ("data", "aws_iam_policy_document", name):
                return name
        return ""

    @property
    def affected(self) -> str | Affected:
        return self.document or Affected.ANY_DOCUMENT


def compare_blocks(
    expected: Mapping[str, str], actual: Mapping[str, str], directory: Path
) -> tuple[ModuleFinding, ...]:
    """Return the differences of one folder's files, by path, from the catalog's."""
    if dict(expected) == dict(actual):
        return ()
    present = {p: [*_blocks(p, text, str(directory / p))] for p, text in sorted(actual.items())}
    catalog = {
        p: present[p] if text == actual.get(p) else [*_blocks(p, text, p)]
        for p, text in sorted(expected.items())
    }
    findings: list[ModuleFinding] = []
    ours, theirs = (
        _grouped(chain(*blocks.values()), lambda b: (b.block.type, b.block.labels))
        for blocks in (catalog, present)
    )
    for name in dict.fromkeys((*ours, *theirs)):
        findings += _compare_named(ours.get(name, []), theirs.get(name, []))
    return tuple(sorted(findings, key=lambda f: (f.file, f.line)))


def _blocks(file: str, text: str, source: str) -> Iterator[_FileBlock]:
    """Yield the blocks of a file, each value of ``locals`` as a block."""
    parsed = parse(text, source, strict=True)
    loose = Block("", (), parsed.attributes, ())
    for block in (loose, *parsed.blocks):
        if block.type in ("", "locals") and not block.labels and not block.blocks:
            kind = "local" if block.type else "argument"
            for name, value in block.attributes.items():
                yield _FileBlock(file, Block(kind, (name,), {"value": value}, (), span=value.span))
        else:
            yield _FileBlock(file, block)


def _compare_named(
    catalog: Sequence[_FileBlock], present: Sequence[_FileBlock]
) -> Iterator[ModuleFinding]:
    """Compare the blocks with one name; a generated module has one for each name."""
    ours, theirs = list(catalog), list(present)
    _remove_equal(ours, theirs, lambda file_block: file_block.block)
    for our, their in zip(ours, theirs, strict=False):
        for difference in _differences(our.block, their.block, our.name):
            yield ModuleFinding(
                their.file,
                difference.line,
                difference.text,
                our.affected,
                plannable=our.block.type != "terraform" and not _reads_files(their.block),
                wording=difference.wording,
            )
    for our in ours[len(theirs) :]:
        yield ModuleFinding(our.file, 0, f"{our.name} is missing", our.affected)
    for their in theirs[len(ours) :]:
        harmless = their.block.type in _HARMLESS or bool(their.document)
        plannable = harmless and not _reads_files(their.block)
        text = f"{their.name} is not in the catalog's module"
        # An added block changes a document only if changed code refers to it, or if it is the
        # second one with its name.
        affected = their.affected if catalog else Affected.NO_DOCUMENT
        yield ModuleFinding(their.file, their.block.span.line, text, affected, plannable=plannable)


def _reads_files(block: Block) -> bool:
    """Return whether a block reads files of this machine; a report would show their text."""
    if any(reads_files(value.outer.code) for value in block.attributes.values()):
        return True
    return any(map(_reads_files, block.blocks))


def _remove_equal(ours: list[T], theirs: list[T], block: Callable[[T], Block]) -> None:
    """Remove pairs of equal blocks from two lists."""
    for our in tuple(ours):
        equal = (t for t in theirs if not any(_differences(block(our), block(t), "")))
        if (match := next(equal, None)) is not None:
            ours.remove(our)
            theirs.remove(match)


class _Difference(Struct, frozen=True):
    line: int
    text: str
    wording: bool = False


def _differences(ours: Block, theirs: Block, name: str) -> Iterator[_Difference]:
    """Yield the differences of a block from the catalog's."""
    for key in dict.fromkeys((*ours.attributes, *theirs.attributes)):
        before, after = ours.attributes.get(key), theirs.attributes.get(key)
        if before is not None and after is not None and _same(key, before, after):
            continue
        words = key in _WORDS and theirs.type in _WORDED
        wording = words and all(
            a is None or (type(a) is Text and a.plain is not None) for a in (before, after)
        )
        if after is None:
            text = f"{key} is missing; in the catalog's module it is {_short(before)}"
        elif before is None:
            text = f"{key} = {_short(after)} is not in the catalog's module"
        else:
            text = f"{key} is {_short(after)}; in the catalog's module it is {_short(before)}"
        line = (theirs if after is None else after).span.line
        yield _Difference(line, f"{name}: {text}", wording)
    inner, others = (_grouped(b.blocks, lambda b: (b.type, b.labels)) for b in (ours, theirs))
    for kind in dict.fromkeys((*inner, *others)):
        place = f"{name}, {' '.join((kind[0], *kind[1]))}"
        yield from _inner(inner.get(kind, []), others.get(kind, []), theirs.span.line, place)


def _inner(ours: list[Block], theirs: list[Block], line: int, name: str) -> Iterator[_Difference]:
    """Compare the blocks of one type inside a block, in any order."""
    _remove_equal(ours, theirs, lambda block: block)
    for block, their_block in zip(ours, theirs, strict=False):
        yield from _differences(block, their_block, name)
    for block in ours[len(theirs) :]:
        first = f" ({_short(next(iter(block.attributes.values())))})" if block.attributes else ""
        yield _Difference(line, f"{name}{first} is missing")
    for block in theirs[len(ours) :]:
        yield _Difference(block.span.line, f"{name} is not in the catalog's module")


def _grouped(items: Iterable[T], key: Callable[[T], _Key]) -> dict[_Key, list[T]]:
    groups: dict[_Key, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _same(key: str, ours: Node, theirs: Node) -> bool:
    if key in _SETS and isinstance(ours, List) and isinstance(theirs, List):
        return Counter(ours.items) == Counter(theirs.items)
    return ours == theirs


def _short(value: Node | None) -> str:
    code = " ".join(value.outer.code.split()) if value is not None else ""
    return code if len(code) <= _WIDTH else f"{code[:_WIDTH]}..."
