"""Converts many files; a file that cannot be converted does not stop the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from msgspec import Struct

from vpc_cni_iam.converting import naming
from vpc_cni_iam.converting.notes import Note, notes
from vpc_cni_iam.converting.partition import CURRENT, partitions, with_current
from vpc_cni_iam.errors import InexpressibleError, InputError, UsageError
from vpc_cni_iam.hcl.syntax import OVERRIDE
from vpc_cni_iam.hcl.write import block, literal, policy_document, problems
from vpc_cni_iam.inputs.identify import policy_documents
from vpc_cni_iam.inputs.json_documents import JsonDocument
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.texts import STDIN

_DATA = "data"  # the file that a directory has in addition to the documents


class Converted(Struct, frozen=True):
    """One document as HCL."""

    source: str  # the file
    path: str  # the JSON path of the document in the file
    name: str
    hcl: str
    notes: tuple[Note, ...]
    partition_aware: bool  # whether it refers to the current partition


class Failure(Struct, frozen=True):
    """Why a document, or a file, is refused."""

    source: str
    path: str  # the JSON path, or the line; empty for the whole file
    reason: str


def _convert_document(
    document: JsonDocument, name: str, *, partition_aware: bool
) -> Converted | tuple[InputError, ...]:
    """Return a document as HCL, or why it cannot be converted.

    `partition_aware` is whether its ARNs use the current partition, if they name only one.
    """
    try:
        decoded = document.decoded()
        policy = parse(decoded, document.source, document.place)
        named = partitions(policy) if partition_aware else ()
        refers = len(named) == 1
        text = block(policy_document(name, policy, value=with_current if refers else literal))
    except InputError as error:
        return (error,)
    except InexpressibleError as error:
        errors = tuple(
            InputError(document.source, _place(document.place, p.path, decoded), p.reason)
            for p in problems(policy)
        )
        return errors or (InputError(document.source, document.place, str(error)),)
    own_notes = (Note(document.place, note) for note in _own_notes(document, named))
    every_note = (*notes(decoded, document.place), *own_notes)
    return Converted(document.source, document.place, name, text, every_note, refers)


def _place(base: str, path: str, decoded: object) -> str:
    """Return a path of the policy model as a path in the file."""
    if isinstance(decoded, dict) and isinstance(decoded["Statement"], dict):
        path = path.replace("$.Statement[0]", "$.Statement", 1)
    return base + path.removeprefix("$")


def _own_notes(document: JsonDocument, partitions: Sequence[str]) -> Iterator[str]:
    if document.left_out:
        yield f"is the default version; left out: versions {', '.join(document.left_out)}"
    if len(partitions) > 1:
        yield f"names several partitions, which do not change: {', '.join(partitions)}"


class Input(Struct, frozen=True):
    """A file to convert."""

    source: str  # its name in errors
    text: Callable[[], str]  # reads it; raises `InputError` if it cannot be read


class ConvertOptions(Struct, frozen=True):
    """How to convert."""

    name: str | None = None  # the name of the one data source; None to derive names
    partition_aware: bool = False  # whether ARNs use the current partition
    keep_going: bool = True  # whether other documents are converted if one cannot be


class Batch(Struct, frozen=True):
    """The result of a conversion."""

    documents: tuple[Converted, ...]  # in order
    shared: dict[str, str]  # the blocks that the documents refer to, as text by name
    failures: tuple[Failure, ...]  # why other documents, or whole files, were not converted
    refused: int  # the number of documents and files that failed

    def files(self) -> dict[str, str]:
        """Return the texts by file name."""
        own = (f"{c.name}_policy" if _is_override(c.name) else c.name for c in self.documents)
        names = naming.unique([*own, *self.shared])
        texts = (*(c.hcl for c in self.documents), *self.shared.values())
        return {f"{name}.tf": text for name, text in zip(names, texts, strict=True)}

    def text(self) -> str:
        """Return the whole result as one file."""
        return "\n".join((*self.shared.values(), *(c.hcl for c in self.documents)))


def convert(
    inputs: Sequence[Input],
    options: ConvertOptions,
    passed: Callable[[int, int], None] | None = None,
) -> Batch:
    """Convert the policy documents of some files; `passed` is called with the number of read files.

    Without `keep_going`, raises `InputError` for a document that cannot be converted.
    """
    failures: list[Failure] = []
    refused = 0

    def refuse(errors: Sequence[InputError]) -> None:
        nonlocal refused
        if not options.keep_going:
            raise errors[0]
        failures.extend(Failure(e.source, e.place, e.problem) for e in errors)
        refused += 1

    documents: list[JsonDocument] = []
    for number, file in enumerate(inputs, 1):
        try:
            documents += policy_documents(file.text(), file.source)
        except InputError as error:
            refuse([error])
        if passed:
            passed(number, len(inputs))
    converted = []
    for document, name in zip(documents, _names(documents, options.name), strict=True):
        result = _convert_document(document, name, partition_aware=options.partition_aware)
        if isinstance(result, Converted):
            converted.append(result)
        else:
            refuse(result)
    shared = {_DATA: block(CURRENT)} if any(c.partition_aware for c in converted) else {}
    return Batch(tuple(converted), shared, tuple(failures), refused)


def _is_override(name: str) -> bool:
    """Return whether an engine would merge a file with this name over others."""
    return OVERRIDE.fullmatch(f"{name}.tf") is not None


def _names(documents: Sequence[JsonDocument], name: str | None) -> tuple[str, ...]:
    """Return the names of the data sources; they do not depend on which documents are refused."""
    if name is not None:
        if len(documents) > 1:
            raise UsageError(f"--name is for one document, but there are {len(documents)}")
        return (naming.valid(name),) * len(documents)
    several = Counter(d.source for d in documents)
    names = []
    for document in documents:
        alone = several[document.source] == 1
        if document.source == STDIN:
            parts = document.names
        else:
            stem = PurePath(document.source).stem
            parts = (stem,) if alone or not document.names else document.names
        names.append(naming.identifier("_".join(parts)))
    return naming.unique(names)
