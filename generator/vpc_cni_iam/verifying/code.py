"""Compares the code of a module directory with the generated module's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.options import without_directory
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.escape import escape_control
from vpc_cni_iam.files.read import contents, unix
from vpc_cni_iam.hcl.evaluate.excerpt import reads_files
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.vendoring.edits.blocks import (
    DOCUMENT,
    VERSIONS,
    PartName,
    block_changes,
    part_names,
    part_text,
)
from vpc_cni_iam.verifying.module_directory import TEST_SUFFIX, FileUse, ModuleDirectory, read_files

Files = Mapping[str, str]
_COMPARED = (".tf", TEST_SUFFIX)
_TEXTS = {
    Change.added: "is not in the catalog's module",
    Change.removed: "is missing",
    Change.changed: "is not as in the catalog's module",
}
# Blocks that run nothing in a plan, unless they read files.
_HARMLESS = frozenset({"variable", "output", "local"})
_WIDTH = 100
_Placed: TypeAlias = tuple[str, Block]  # a block with the path of its file
_LABELS = 2  # a part of an input, output or local has a longer name


class ModuleFinding(Struct, frozen=True):
    """A difference between a module and the catalog's module."""

    file: str  # the file, relative to the module's directory
    line: int  # the first line that differs, from 1; 0 for the whole file or a missing block
    text: str
    # The policy documents that it may change: the name of one, empty for any; None for none.
    document: str | None = ""
    # Whether an engine may plan the module: the difference runs nothing and reads no file.
    plannable: bool = True

    def __str__(self) -> str:
        return escape_control(f"{self.place}: {self.text}")

    @property
    def place(self) -> str:
        """The file and line as one line of text."""
        return escape_control(f"{self.file}:{self.line}" if self.line else self.file)


def compare_code(
    module: ModuleDirectory, catalog: Files
) -> tuple[tuple[ModuleFinding, ...], tuple[str, ...]]:
    """Return how the code of a module differs from the catalog's, and notes about other files."""
    own = {p: t for p, t in catalog.items() if p.endswith(".tf") and "/" not in p}
    findings = [*compare_files(own, module.texts, module.directory), *_nested(module, catalog)]
    for path in module.files[FileUse.UNREADABLE]:
        text = "is not in the catalog's module; an engine reads it, but it was not compared"
        document = None if "/" in path else ""
        findings.append(ModuleFinding(path, 0, text, document, plannable=False))
    for path in module.files[FileUse.LINK]:
        text = "is a symbolic link to a directory, which was not compared"
        findings.append(ModuleFinding(path, 0, text, None))
    return tuple(findings), tuple(_notes(module, catalog))


def compare_files(expected: Files, actual: Files, directory: Path) -> list[ModuleFinding]:
    """Return the differences of one folder's files, by path, from the catalog's."""
    if dict(expected) == dict(actual):
        return []
    theirs = [(p, b) for p, t in actual.items() for b in _blocks(t, str(directory / p))]
    ours = [(path, block) for path, text in expected.items() for block in _blocks(text, path)]
    changes = block_changes((block for _, block in ours), (block for _, block in theirs))
    findings = []
    for name, change in changes.items():
        within = len(name) > _LABELS and changes.get(name[:_LABELS]) is change
        if not within and (name != VERSIONS or ("terraform",) not in changes):
            findings.append(
                _finding(name, change, _with_part(ours, name), _with_part(theirs, name))
            )
    return sorted(findings, key=lambda f: (f.file, f.line))


def _with_part(blocks: Iterable[_Placed], name: PartName) -> list[_Placed]:
    return [(path, block) for path, block in blocks if name in part_names(block)]


def _blocks(text: str, source: str) -> Sequence[Block]:
    parsed = parse(text, source, strict=True)
    loose = (Block("argument", (n,), {"value": v}, ()) for n, v in parsed.attributes.items())
    return (*parsed.blocks, *loose)


def _finding(
    name: PartName, change: Change, ours: Sequence[_Placed], theirs: Sequence[_Placed]
) -> ModuleFinding:
    document: str | None = name[2] if name[:2] == DOCUMENT else ""
    if change is Change.added and (len(name) <= _LABELS or name[0] not in _HARMLESS):
        document = None  # code that the catalog has must change to use it
    text = f"{part_text(name)} {_TEXTS[change]}"
    if not theirs:
        return ModuleFinding(ours[0][0], 0, text, document)
    codes = {block.span.code for _, block in ours}
    file, block = next((t for t in theirs if t[1].span.code not in codes), theirs[0])
    line, details = block.span.line, ""
    if ours and change is Change.changed:
        line, details = _difference(ours[0][1], block)
    harmless = name[0] in _HARMLESS or name[:2] == DOCUMENT
    plannable = harmless and not any(_reads_files(each) for _, each in theirs)
    return ModuleFinding(file, line, text + details, document, plannable=plannable)


def _difference(ours: Block, theirs: Block) -> tuple[int, str]:
    """Return the first line of a block that differs, and how."""
    before, after = _lines(ours), _lines(theirs)
    texts = [text for _, text in before]
    added = next(((n, text) for n, text in after if text not in texts), None)
    texts = [text for _, text in after]
    removed = next((text for _, text in before if text not in texts), "")
    line = added[0] if added is not None else theirs.span.line
    details = f": {_short(added[1])}" if added is not None else ""
    return line, details + (f"; in the catalog's module: {_short(removed)}" if removed else "")


def _lines(block: Block) -> list[tuple[int, str]]:
    """Return the lines of a block that are not comments, with their numbers."""
    lines = enumerate(block.span.code.splitlines(), block.span.line)
    texts = ((number, " ".join(line.split()).removesuffix(",")) for number, line in lines)
    return [(number, text) for number, text in texts if text and not text.startswith("#")]


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."


def _reads_files(block: Block) -> bool:
    """Return whether a block reads files of this machine; a report would show their text."""
    if any(reads_files(value.outer.code) for value in block.attributes.values()):
        return True
    return any(map(_reads_files, block.blocks))


def _nested(module: ModuleDirectory, catalog: Files) -> Iterator[ModuleFinding]:
    """Yield how tests, and modules in folders, differ; the files of a folder are one module."""
    groups: dict[str, list[str]] = {}
    for path in module.files[FileUse.NESTED]:
        groups.setdefault(_group(path), []).append(path)
    for group, paths in groups.items():
        expected = {
            p: t for p, t in catalog.items() if p.endswith(_COMPARED) and _group(p) == group
        }
        if expected:
            texts = read_files(module.directory, paths)
            for finding in compare_files(expected, texts, module.directory):
                yield replace(finding, document=None)
        else:
            yield from (ModuleFinding(p, 0, _TEXTS[Change.added], None) for p in paths)


def _group(path: str) -> str:
    return path if path.endswith(TEST_SUFFIX) else path.rpartition("/")[0]


def _notes(module: ModuleDirectory, catalog: Files) -> Iterator[str]:
    nested = module.files[FileUse.NESTED]
    for path in catalog:
        # The directory may lack folders of a published version; only existing ones are compared.
        own_test = path.endswith(TEST_SUFFIX) and "/" not in path.removeprefix("tests/")
        if own_test and path not in nested:
            yield f"{path} is missing; it only tests the module, so no policy depends on it"
    others = [p for p in module.files[FileUse.INERT] if not _is_as_generated(module, p, catalog)]
    if others:
        shown = first_of(map(escape_control, others), 5)
        yield f"not compared, because no engine reads it: {shown}"


def _is_as_generated(module: ModuleDirectory, path: str, catalog: Files) -> bool:
    text = unix(contents(module.directory, [path])[path]).decode(errors="replace")
    return path in catalog and without_directory(text) == without_directory(catalog[path])
