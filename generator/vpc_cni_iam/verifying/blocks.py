"""Compares what the files of a module say with the files of the catalog's module, part by part.

Layout and comments are no difference, nor is the order of blocks and arguments, or the file of the
folder that a block stands in. In a policy document the order of statements, conditions and of the
items of lists is none, since IAM reads them as sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from vpc_cni_iam.hcl.structure import LIST, TEXT, ArgumentForm, BlockForm, Form, structure

T = TypeVar("T")
_Key: TypeAlias = tuple[str, tuple[str, ...]]
# Texts for people: an engine shows them, and nothing else depends on them.
_WORDS = frozenset({"description", "error_message"})
# Blocks whose arguments in _WORDS are such texts; the description of a resource is sent to AWS.
_WORDED = frozenset({"variable", "output", "validation", "precondition", "assert"})
_SETS = frozenset({"actions", "not_actions", "resources", "not_resources", "values", "identifiers"})
# Blocks that run nothing when they are planned, whatever stands in them.
_HARMLESS = frozenset({"variable", "output", "local"})
_WIDTH = 70


@dataclass(frozen=True, slots=True)
class ModuleFinding:
    """One part of a module that is not as in the catalog's module.

    Args:
        file: The file, relative to the module's directory.
        line: The line, from 1; 0 if it is about the file or what the file lacks.
        text: What differs.
        document: The name of the policy document that alone may be changed by it; empty for any,
            None for none of them.
        plannable: Whether an engine may plan the module: what differs runs nothing.
        wording: It is a text for people, such as a description, on which nothing depends.
    """

    file: str
    line: int
    text: str
    document: str | None = ""
    plannable: bool = True
    wording: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A block of a file, or one value of a ``locals`` block."""

    file: str
    block: BlockForm

    @property
    def name(self) -> str:
        return f"{self.block.type} {'.'.join(self.block.labels)}".strip()

    @property
    def document(self) -> str:
        match (self.block.type, *self.block.labels):
            case ("data", "aws_iam_policy_document", name):
                return name
        return ""


def compare(
    expected: Mapping[str, str], actual: Mapping[str, str], directory: Path
) -> tuple[ModuleFinding, ...]:
    """Return how the files of one folder differ from the catalog's.

    Args:
        expected: The texts of the catalog's files by path.
        actual: The texts of the files that are there by path.
        directory: The directory that the paths are relative to.

    Raises:
        InputError: A file is not HCL.
    """
    if dict(expected) == dict(actual):
        return ()
    catalog = [p for path in sorted(expected) for p in _parts(path, expected[path], path)]
    present = [
        p for path in sorted(actual) for p in _parts(path, actual[path], str(directory / path))
    ]
    findings: list[ModuleFinding] = []
    ours, theirs = (
        _grouped(parts, lambda p: (p.block.type, p.block.labels)) for parts in (catalog, present)
    )
    for name in dict.fromkeys((*ours, *theirs)):
        findings += _compare_named(ours.get(name, []), theirs.get(name, []))
    return tuple(sorted(findings, key=lambda f: (f.file, f.line)))


def _parts(file: str, text: str, source: str) -> Iterator[_Part]:
    """Yield the blocks of a file, each value of ``locals`` as one of its own."""
    body = structure(text, source)
    loose = BlockForm("", (), body.line, body.arguments, ())
    for block in (loose, *body.blocks):
        if block.type in ("", "locals") and not block.labels and not block.blocks:
            kind = "local" if block.type else "argument"
            for name, argument in block.arguments.items():
                yield _Part(file, BlockForm(kind, (name,), argument.line, {"value": argument}, ()))
        else:
            yield _Part(file, block)


def _compare_named(catalog: Sequence[_Part], present: Sequence[_Part]) -> Iterator[ModuleFinding]:
    """Compare the blocks of one name, of which a module has one unless somebody added more."""
    ours, theirs = list(catalog), list(present)
    for part in catalog:
        same = (p for p in theirs if not any(_differences(part.block, p.block, "")))
        if (match := next(same, None)) is not None:
            ours.remove(part)
            theirs.remove(match)
    for part, other in zip(ours, theirs, strict=False):
        for difference in _differences(part.block, other.block, part.name):
            plannable = part.block.type != "terraform"
            yield ModuleFinding(
                other.file,
                difference.line,
                difference.text,
                part.document,
                plannable=plannable,
                wording=difference.wording,
            )
    for part in ours[len(theirs) :]:
        yield ModuleFinding(part.file, 0, f"{part.name} is missing", part.document)
    for part in theirs[len(ours) :]:
        plannable = part.block.type in _HARMLESS or bool(part.document)
        text = f"{part.name} is not in the catalog's module"
        # What is added changes a document only where changed code refers to it, or is it again.
        document = part.document if catalog else None
        yield ModuleFinding(part.file, part.block.line, text, document, plannable=plannable)


@dataclass(frozen=True, slots=True)
class _Difference:
    line: int
    text: str
    wording: bool = False


def _differences(ours: BlockForm, theirs: BlockForm, name: str) -> Iterator[_Difference]:
    """Yield how one block differs from the catalog's."""
    for key in dict.fromkeys((*ours.arguments, *theirs.arguments)):
        before, after = ours.arguments.get(key), theirs.arguments.get(key)
        if before is not None and after is not None and _form(key, before) == _form(key, after):
            continue
        words = key in _WORDS and theirs.type in _WORDED
        wording = words and all(a is None or a.form[0] == TEXT for a in (before, after))
        if after is None:
            text = f"{key} is missing, in the catalog's module it is {_short(before)}"
            yield _Difference(theirs.line, f"{name}: {text}", wording)
        elif before is None:
            text = f"{key} = {_short(after)} is not in the catalog's module"
            yield _Difference(after.line, f"{name}: {text}", wording)
        else:
            text = f"{key} is {_short(after)}, in the catalog's module {_short(before)}"
            yield _Difference(after.line, f"{name}: {text}", wording)
    inner, others = (_grouped(b.blocks, lambda b: (b.type, b.labels)) for b in (ours, theirs))
    for kind in dict.fromkeys((*inner, *others)):
        place = f"{name}, {' '.join((kind[0], *kind[1]))}"
        yield from _inner(inner.get(kind, []), others.get(kind, []), theirs.line, place)


def _inner(
    ours: list[BlockForm], theirs: list[BlockForm], line: int, name: str
) -> Iterator[_Difference]:
    """Compare the blocks of one type inside a block, whose order has no meaning."""
    for block in tuple(ours):
        same = (b for b in theirs if not any(_differences(block, b, "")))
        if (match := next(same, None)) is not None:
            ours.remove(block)
            theirs.remove(match)
    for block, other in zip(ours, theirs, strict=False):
        yield from _differences(block, other, name)
    for block in ours[len(theirs) :]:
        what = f" ({_short(next(iter(block.arguments.values())))})" if block.arguments else ""
        yield _Difference(line, f"{name}{what} is missing")
    for block in theirs[len(ours) :]:
        yield _Difference(block.line, f"{name} is not in the catalog's module")


def _grouped(items: Iterable[T], key: Callable[[T], _Key]) -> dict[_Key, list[T]]:
    groups: dict[_Key, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _form(key: str, argument: ArgumentForm) -> Form:
    form = argument.form
    if key in _SETS and form[0] == LIST:
        return (LIST, *sorted(form[1:], key=repr))
    return form


def _short(argument: ArgumentForm | None) -> str:
    code = " ".join(argument.code.split()) if argument is not None else ""
    return code if len(code) <= _WIDTH else f"{code[:_WIDTH]}..."
