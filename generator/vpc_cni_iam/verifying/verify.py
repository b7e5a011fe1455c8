"""Compares a module directory with the catalog, statement by statement.

The files decide: a module is ``ok`` if all of its code is that of the catalog's module. An engine
also renders it, once with sample values and once with the module's defaults. This can show more
differences, but cannot prove that a module is ``ok``: it shows the result only for these values.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TypedDict

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import trust
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, InputError, first_of
from vpc_cni_iam.hcl.module.reader import HclModule
from vpc_cni_iam.hcl.syntax import Text
from vpc_cni_iam.policy.diff import Change, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.report import DifferenceLine, difference_lines
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.edits.blocks import module_blocks
from vpc_cni_iam.vendoring.edits.documents import (
    DocumentChange,
    document_changes,
    document_labels,
)
from vpc_cni_iam.vendoring.report.edits import not_proven_text
from vpc_cni_iam.verifying.code import ModuleFinding, compare_code
from vpc_cni_iam.verifying.module_directory import (
    FileUse,
    ModuleDirectory,
    documents_of,
    read_directory,
)
from vpc_cni_iam.verifying.planning import ModuleCall, Rendered, RenderedPair, render_both


class DocumentState(StrEnum):
    """Whether a document equals the catalog's."""

    OK = "ok"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


class VerifiedDocument(Struct, frozen=True):
    """One document of a module."""

    name: str  # the name of the variant or of the trust policy
    # ``unknown`` if no difference was seen, but code differs that may change it.
    state: DocumentState
    against: str  # the source of the catalog's document, such as ``--revision 2022-01-31``
    statements: int  # the number of statements of the catalog's document
    # How the module's document differs, or why this is unknown; empty if it is ok.
    differences: tuple[DifferenceLine, ...]
    seen: str  # ``read``, with the engine that rendered it


class Verification(Struct, frozen=True):
    """The result for a module directory."""

    documents: tuple[VerifiedDocument, ...]
    findings: tuple[ModuleFinding, ...]
    notes: tuple[str, ...]  # other notes, such as files that were not compared

    @property
    def clean(self) -> bool:
        """Whether every document and all code equal the catalog's module."""
        return not self.findings and all(d.state is DocumentState.OK for d in self.documents)


def verify(
    directory: Path,
    select: Callable[[Options | None], Options | None],
    engine: Engine | None,
    published: Callable[[Options], Mapping[str, str]] = lambda _: {},
) -> Verification:
    """Compare a module directory with the catalog's module; without an engine, only read it.

    `select` takes the options that the module's files state, and returns the options to compare
    with, or None if there are none. `published` returns the files of a published version, which has
    folders with modules and examples. Raises `InputError` without options, and `EngineError` if the
    engine refuses a module that equals the catalog's.
    """
    module = read_directory(directory)
    selected = select(module.stated)
    if selected is None:
        raise _without_options(module)
    options = _of_module(module, selected)
    own = catalog = render(options)
    if any(path not in catalog for path in module.files[FileUse.NESTED]):
        catalog = {**published(options), **own}
    findings, file_notes = compare_code(module, catalog)
    notes = list(file_notes)
    expected = documents_of({path: t for path, t in own.items() if "/" not in path})
    rendered: Sequence[RenderedPair] = ()
    seen = "read"
    if engine is None:
        notes.append("no engine was used: the module was read, not rendered")
    elif rendered := _render(module, own, expected, engine, findings, notes):
        seen = f"read, rendered by {engine.version()}"
    shown = selected if module.stated is not None else options
    changes = {change.name: change for change in document_changes([expected], module.content)}
    documents = []
    for name, label in document_labels(shown).items():
        differs = [*_read(changes[name]), *_rendered(changes[name], label, shown, rendered)]
        unknown = [] if differs else [*_possible(changes[name], findings)]
        documents.append(_document(changes[name], label, shown, differs, unknown, seen))
    return Verification(tuple(documents), findings, tuple(notes))


def _document(
    change: DocumentChange,
    label: str,
    options: Options,
    differs: Sequence[DifferenceLine],
    unknown: Sequence[DifferenceLine],
    seen: str,
) -> VerifiedDocument:
    is_trust = change.name == trust.DOCUMENT
    state = DocumentState.UNKNOWN if unknown else DocumentState.OK
    selection = options.selection  # of the whole module, whose other variants may be hardened
    selection = selection if options.scoped else replace(selection, hardening=None)
    return VerifiedDocument(
        label,
        DocumentState.DIFFERS if differs else state,
        "the catalog" if is_trust else " ".join(selection.arguments()),
        len(change.before[0].policy.statements),
        tuple(dict.fromkeys((*differs, *unknown))),
        seen,
    )


def _without_options(module: ModuleDirectory) -> InputError:
    """Return the error for a module that states no options."""
    advice = "name them with --cni-version or --revision"
    for block in module_blocks(module.texts):
        source = block.attributes.get("source")
        path = source.plain if block.type == "module" and isinstance(source, Text) else None
        if path is not None and path.startswith(("./", "../")):
            called = os.path.normpath(module.directory / path)
            advice = f"it calls the module in {called}; verify that directory"
    problem = f"has no file that states the options with which it was generated; {advice}"
    return InputError(str(module.directory), "", problem)


def _of_module(module: ModuleDirectory, selected: Options) -> Options:
    """Return the options of the whole module; a user may have selected only some variants."""
    names, version = module.content.names, selected.selection.version
    if module.stated is None:
        kind = ModuleKind.role if trust.DOCUMENT in names else ModuleKind.policy
        variants = [v for v in selected.variants if v.identifier in names]
    else:
        kind, variants = selected.kind, list(module.stated.variants)
        variants = [v for v in variants if version is None or version >= v.minimum]
    return replace(selected, kind=kind, variants=tuple(variants) or selected.variants)


def _render(
    module: ModuleDirectory,
    catalog: Mapping[str, str],
    expected: HclModule,
    engine: Engine,
    findings: Sequence[ModuleFinding],
    notes: list[str],
) -> Sequence[RenderedPair]:
    """Render a module, unless this would run code that is not the catalog's."""
    runs_code = next((f for f in findings if not f.plannable), None)
    if runs_code is not None:
        notes.append(f"not rendered, because an engine might run or read this: {runs_code}")
        return ()
    try:
        return render_both(module, catalog, expected, engine)
    except EngineError as error:
        if not findings:
            raise
        # The differences that were read are a result, even if the engine refuses the module.
        notes.append(f"not rendered: {error}")
        return ()


def _read(change: DocumentChange) -> Iterable[DifferenceLine]:
    """Return how a document that was read differs."""
    if change.after is not None:
        return _lines(change.before[0].policy, change.after.policy)
    if change.problems:  # it cannot be read
        return ()
    return [DifferenceLine(Change.removed, "document", f"data source {change.name} is missing")]


def _lines(expected: Policy, document: Policy) -> list[DifferenceLine]:
    lines = difference_lines(differences(expected, document), removed="missing")
    return [replace(line, place=line.place or "document") for line in lines]


def _possible(
    change: DocumentChange, findings: Sequence[ModuleFinding]
) -> Iterator[DifferenceLine]:
    """Yield why a document without a visible difference may still differ."""
    if places := dict.fromkeys(f.place for f in findings if f.document in ("", change.name)):
        text = (
            "no difference was seen, but it is not known how this code changes it: "
            f"{first_of(places, 5)}"
        )
        yield DifferenceLine(Change.changed, "document", text)
    elif change.problems:
        yield DifferenceLine(Change.changed, "document", not_proven_text(change.problems[0]))


def _rendered(
    change: DocumentChange, label: str, options: Options, rendered: Iterable[RenderedPair]
) -> Iterator[DifferenceLine]:
    for pair in rendered:
        if options.kind is ModuleKind.policy:
            # Callers use the outputs, whatever data source they come from.
            outputs = (_outputs(change.name, label, side) for side in (pair.expected, pair.actual))
            for (name, expected), (_, actual) in zip(*outputs, strict=True):
                yield from _compared(expected, actual, f"output {name}")
        elif pair.call is ModuleCall.SAMPLE:  # with defaults, a trust policy trusts nobody
            sides = (pair.expected.documents, pair.actual.documents)
            texts = (side.get(change.name) or [None] for side in sides)
            for text, own in zip_longest(*texts):
                yield from _compared(text, own, f"data source {change.name}")


def _outputs(name: str, label: str, rendered: Rendered) -> list[tuple[str, object]]:
    output = f"{name}_json"
    by_variant = rendered.outputs.get("json") or {}
    return [(output, rendered.outputs.get(output)), (f'json["{label}"]', by_variant.get(label))]


def _compared(expected: object, actual: object, place: str) -> Iterable[DifferenceLine]:
    if isinstance(expected, str) and isinstance(actual, str):
        return _lines(loads(expected, place), loads(actual, place))
    text = "is missing, null or only known after apply"
    return [DifferenceLine(Change.removed, place, text)]


class VerifyFindingData(TypedDict):
    """A difference in the code; without a line, the whole file differs."""

    file: str
    line: int | None
    text: str


class VerificationData(TypedDict):
    """A module compared with the catalog."""

    documents: Sequence[VerifiedDocument]
    findings: Sequence[VerifyFindingData]
    notes: Sequence[str]


def verification_data(result: Verification) -> VerificationData:
    """Return a comparison as plain data."""
    return {
        "documents": result.documents,
        "findings": [
            {"file": f.file, "line": f.line or None, "text": f.text} for f in result.findings
        ],
        "notes": result.notes,
    }
