"""Converts many files in one go; one that cannot be converted keeps no other from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from vpc_cni_iam.converting import naming
from vpc_cni_iam.converting.document import Converted, convert_document
from vpc_cni_iam.converting.parametrize import PARTITION, variables
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.hcl.write import block
from vpc_cni_iam.inputs.identify import policy_documents
from vpc_cni_iam.inputs.json_documents import JsonDocument
from vpc_cni_iam.texts import STDIN

# Files beside the documents in a directory.
VARIABLES, DATA = "variables", "data"


@dataclass(frozen=True, slots=True)
class Input:
    """A file to convert."""

    source: str  # its name, as errors show it
    text: Callable[[], str]  # reads it; raises `InputError` if that is not possible


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How to convert."""

    name: str = ""  # the name of the one data source; empty to derive names
    # Names of variables by the literals they stand for.
    names: Mapping[str, str] = field(default_factory=dict)
    partition_aware: bool = False  # whether ARNs name the partition of the provider
    keep_going: bool = True  # whether others are converted if one cannot be


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of a conversion."""

    converted: tuple[Converted, ...]  # the documents that were converted, in order
    failures: tuple[InputError, ...]  # why other documents, or whole files, were not converted
    refused: int  # the number of documents and files that failed
    # The blocks that the documents refer to, such as variables, as text by name.
    shared: dict[str, str]
    unused: tuple[str, ...]  # literals to replace that no text has as a whole

    def files(self) -> dict[str, str]:
        """Return the texts by the names of the files that hold them."""
        texts = {c.name: c.text for c in self.converted}
        names = naming.unique(list(self.shared), texts)
        texts |= dict(zip(names, self.shared.values(), strict=True))
        return {f"{name}.tf": text for name, text in texts.items()}

    def text(self) -> str:
        """Return all of it as one file."""
        return "\n".join((*self.shared.values(), *(c.text for c in self.converted)))


def convert(
    inputs: Sequence[Input], options: ConvertOptions, step: Callable[[], None] = lambda: None
) -> Batch:
    """Convert the policy documents of some files.

    Raises `InputError` for one that cannot be converted, if the others are not to be.
    """
    failures: list[InputError] = []
    refused = 0

    def refuse(errors: Sequence[InputError]) -> None:
        nonlocal refused
        if not options.keep_going:
            raise errors[0]
        failures.extend(errors)
        refused += 1

    documents: list[JsonDocument] = []
    for file in inputs:
        try:
            documents += policy_documents(file.text(), file.source)
        except InputError as error:
            refuse([error])
        step()
    converted = []
    for document, name in zip(documents, _names(documents, options.name), strict=True):
        result = convert_document(
            document, name, options.names, partition_aware=options.partition_aware
        )
        if isinstance(result, Converted):
            converted.append(result)
        else:
            refuse(result)
    used = frozenset[str]().union(*(c.used for c in converted))
    shared = {}
    if blocks := variables(options.names, used):
        shared[VARIABLES] = "\n".join(map(block, blocks))
    if any(c.partition for c in converted):
        shared[DATA] = block(PARTITION)
    unused = tuple(literal for literal in options.names if literal not in used)
    return Batch(tuple(converted), tuple(failures), refused, shared, unused)


def _names(documents: Sequence[JsonDocument], name: str) -> tuple[str, ...]:
    """Return the names of the data sources, which do not hang on which documents are refused."""
    if name:
        if len(documents) > 1:
            raise UsageError(f"--name names one document, and there are {len(documents)}")
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
