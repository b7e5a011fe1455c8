"""Compares a module directory with the catalog, statement by statement.

The files decide: a module is ``ok`` if all of its code is that of the catalog's module. An engine
also renders it, once with sample values and once with the module's defaults. This can show more
differences, but cannot prove that a module is ``ok``: it shows the result only for these values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypedDict

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, first_of
from vpc_cni_iam.policy.diff import Change, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.report import DifferenceLine, difference_lines
from vpc_cni_iam.verifying.blocks import Affected, ModuleFinding
from vpc_cni_iam.verifying.files import compare_files
from vpc_cni_iam.verifying.module_directory import ModuleDirectory, read_module
from vpc_cni_iam.verifying.planning import ModuleCall, Rendered, render_module
from vpc_cni_iam.verifying.reference import (
    ExpectedDocument,
    expected_documents,
    module_options,
    nearest_options,
)
from vpc_cni_iam.verifying.samples import read_rendered


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
    with, or None for the nearest module of the catalog. For `published`, see `compare_files`.
    Raises `EngineError` if the engine refuses a module that equals the catalog's.
    """
    module = read_module(directory)
    notes: list[str] = []
    selected = select(module.stated)
    options = nearest_options(module) if selected is None else module_options(module, selected)
    if selected is None:
        against = " ".join(options.selection.arguments())
        notes.append(f"no file states the options; compared with the nearest module, {against}")
    expected = expected_documents(
        options if module.stated is None or selected is None else selected
    )
    findings, file_notes = compare_files(module, options, published)
    notes += file_notes
    differing = tuple(f for f in findings if not f.wording)
    if wordings := [f.place for f in findings if f.wording]:
        places = first_of(wordings, 5)
        notes.append(f"descriptions or messages differ, which changes no policy: {places}")
    rendered, seen = None, "read"
    if engine is None:
        notes.append("no engine was used: the module was read, not rendered")
    elif (rendered := _render(module, engine, differing, notes)) is not None:
        seen = f"read, rendered by {engine.version()}"
    documents = (_verify_document(module, e, differing, rendered, seen) for e in expected)
    return Verification(tuple(documents), differing, tuple(notes))


def _render(
    module: ModuleDirectory, engine: Engine, differing: Sequence[ModuleFinding], notes: list[str]
) -> dict[ModuleCall, Rendered] | None:
    """Render a module, unless this would run code that is not the catalog's."""
    runs_code = next((f for f in differing if not f.plannable), None)
    if runs_code is not None:
        notes.append(f"not rendered, because an engine might run or read this: {runs_code}")
        return None
    try:
        return render_module(module, engine)
    except EngineError as error:
        if not differing:
            raise
        # The differences that were read are a result, even if the engine refuses the module.
        notes.append(f"not rendered: {error}")
        return None


def _verify_document(
    module: ModuleDirectory,
    expected: ExpectedDocument,
    differing: Sequence[ModuleFinding],
    rendered: Mapping[ModuleCall, Rendered] | None,
    seen: str,
) -> VerifiedDocument:
    """Compare a document, as read and as rendered."""
    certain = list(_rendered_differences(module, expected, rendered)) if rendered else []
    certain = certain or list(_read_differences(module, expected))
    possible = [] if certain else list(_possible_differences(module, expected, differing))
    if certain:
        state = DocumentState.DIFFERS
    else:
        state = DocumentState.UNKNOWN if possible else DocumentState.OK
    return VerifiedDocument(
        expected.label,
        state,
        expected.against,
        len(expected.policy.statements),
        tuple(dict.fromkeys(certain or possible)),
        seen,
    )


def _read_differences(
    module: ModuleDirectory, expected: ExpectedDocument
) -> Iterable[DifferenceLine]:
    document = module.content.document(expected.name)
    if document is not None:
        return _lines(expected.filled(module.values()), document.policy)
    if expected.name in module.content.unread:
        return ()
    return [DifferenceLine(Change.removed, "document", f"data source {expected.name} is missing")]


def _lines(expected: Policy, document: Policy) -> list[DifferenceLine]:
    lines = difference_lines(differences(expected, document), removed="missing")
    return [replace(line, place=line.place or "document") for line in lines]


def _possible_differences(
    module: ModuleDirectory, expected: ExpectedDocument, differing: Sequence[ModuleFinding]
) -> Iterator[DifferenceLine]:
    """Yield why a document without a visible difference may still differ."""
    places = dict.fromkeys(
        f.place for f in differing if f.affected in (Affected.ANY_DOCUMENT, expected.name)
    )
    if places:
        text = (
            "no difference was seen, but it is not known how this code changes it: "
            f"{first_of(places, 5)}"
        )
        yield DifferenceLine(Change.changed, "document", text)
    elif expected.name in module.content.unread:
        yield DifferenceLine(Change.changed, "document", module.content.unread[expected.name])


def _rendered_differences(
    module: ModuleDirectory, expected: ExpectedDocument, rendered: Mapping[ModuleCall, Rendered]
) -> Iterator[DifferenceLine]:
    policy = expected.filled(module.values())
    yield from _call_differences(expected, policy, rendered[ModuleCall.SAMPLE])
    # With defaults, a trust policy trusts nobody, so it is not compared.
    if expected.key:
        policy = expected.filled(module.values(parameters.REQUIRED))
        yield from _call_differences(expected, policy, rendered[ModuleCall.DEFAULTS])


def _call_differences(
    expected: ExpectedDocument, policy: Policy, rendered: Rendered
) -> Iterator[DifferenceLine]:
    if expected.output:
        # Callers use the outputs, whatever data source they come from.
        yield from _output_differences(expected, policy, rendered.outputs)
        return
    texts = rendered.documents.get(expected.name, ())
    if None in texts:
        yield DifferenceLine(
            Change.changed, "document", "is only known after apply, so it was not compared"
        )
    elif not texts:
        text = f"data source {expected.name} renders nothing"
        yield DifferenceLine(Change.removed, "document", text)
    for document in filter(None, texts):
        yield from _lines(policy, read_rendered(document, f"data source {expected.name}"))


def _output_differences(
    expected: ExpectedDocument, policy: Policy, outputs: Mapping[str, Any]
) -> Iterator[DifferenceLine]:
    for name, value in (
        (expected.output, outputs.get(expected.output)),
        (f'json["{expected.key}"]', (outputs.get("json") or {}).get(expected.key)),
    ):
        if isinstance(value, str):
            yield from _lines(policy, read_rendered(value, f"output {name}"))
        else:
            text = "is missing, null or only known after apply"
            yield DifferenceLine(Change.removed, f"output {name}", text)


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
