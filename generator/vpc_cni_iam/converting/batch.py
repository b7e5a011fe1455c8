"""Converts many files in one go; one that cannot be converted keeps no other from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from vpc_cni_iam.converting import naming
from vpc_cni_iam.converting.notes import Note, notes
from vpc_cni_iam.converting.parametrize import PARTITION, Substitution, partitions, variables
from vpc_cni_iam.converting.write import data_source
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.hcl.expressible import problems
from vpc_cni_iam.hcl.write import block
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.sources.json_documents import Document, documents

STDIN = "standard input"
# Files beside the documents in a directory.
VARIABLES, DATA = "variables", "data"


@dataclass(frozen=True, slots=True)
class Input:
    """A file to convert.

    Args:
        source: Its name, as errors show it.
        text: Reads it; raises `InputError` if that is not possible.
    """

    source: str
    text: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Options:
    """How to convert.

    Args:
        name: The name of the one data source; empty to derive names.
        names: Names of variables by the literals they stand for.
        partition_aware: Whether ARNs name the partition at hand.
        keep_going: Whether others are converted if one cannot be.
    """

    name: str = ""
    names: dict[str, str] | None = None
    partition_aware: bool = False
    keep_going: bool = True


@dataclass(frozen=True, slots=True)
class Converted:
    """One document as HCL.

    Args:
        document: Where it was found.
        name: The name of its data source.
        text: The data source as HCL.
        notes: What was normalised.
    """

    document: Document
    name: str
    text: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of the files.

    Args:
        converted: The documents that were converted, in order.
        failures: Why others, or whole files, were not.
        refused: How many documents and files that are.
        shared: Text by name of what the documents refer to: variables, the partition.
        unused: Literals that were to be replaced and stand nowhere as a whole.
    """

    converted: tuple[Converted, ...]
    failures: tuple[InputError, ...]
    refused: int
    shared: dict[str, str]
    unused: tuple[str, ...]

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
    inputs: Sequence[Input], options: Options, step: Callable[[], None] = lambda: None
) -> Batch:
    """Convert the policy documents of some files.

    Args:
        inputs: The files.
        options: How.
        step: Called after each file.

    Raises:
        InputError: One cannot be converted, and the others are not to be.
        UsageError: One name for several documents.
    """
    return _Run(options).run(inputs, step)


class _Run:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.names = options.names or {}
        self.used: set[str] = set()
        self.partition_used = False
        self.failures: list[InputError] = []

    def run(self, inputs: Sequence[Input], step: Callable[[], None]) -> Batch:
        refused = 0
        found: list[Document] = []
        for one in inputs:
            try:
                found += documents(one.text(), one.source)
            except InputError as error:
                self.fail([error])
                refused += 1
            step()
        converted = []
        for document, name in zip(found, self.named(found), strict=True):
            errors, result = self.document(document, name)
            if result is None:
                self.fail(errors)
                refused += 1
            else:
                converted.append(result)
        shared = {}
        if blocks := variables(self.names, self.used):
            shared[VARIABLES] = "\n".join(map(block, blocks))
        if self.partition_used:
            shared[DATA] = block(PARTITION)
        unused = tuple(literal for literal in self.names if literal not in self.used)
        return Batch(tuple(converted), tuple(self.failures), refused, shared, unused)

    def fail(self, errors: list[InputError]) -> None:
        if not self.options.keep_going:
            raise errors[0]
        self.failures += errors

    def named(self, found: Sequence[Document]) -> tuple[str, ...]:
        """Return the names of the data sources, which do not hang on what else is refused."""
        if self.options.name:
            if len(found) > 1:
                raise UsageError(f"--name names one document, and there are {len(found)}")
            return (naming.given(self.options.name),) * len(found)
        several = Counter(d.source for d in found)
        wanted = [
            naming.identifier(
                "_".join(d.names)
                if d.names and (several[d.source] > 1 or d.source == STDIN)
                else _stem(d)
            )
            for d in found
        ]
        return naming.unique(wanted)

    def document(self, document: Document, name: str) -> tuple[list[InputError], Converted | None]:
        """Convert one document, or say all that keeps it from being expressed."""
        try:
            decoded = document.decoded()
            policy = parse(decoded, document.source, document.place)
        except InputError as error:
            return [error], None
        assert isinstance(decoded, dict)  # noqa: S101 - what `parse` took is an object
        alone = not isinstance(decoded["Statement"], list)

        def place(path: str) -> str:
            path = path.replace("$.Statement[0]", "$.Statement", 1) if alone else path
            return document.place + path[1:]

        if found := problems(policy):
            return [InputError(document.source, place(p.path), p.reason) for p in found], None
        said = list(notes(decoded, document.place))
        if document.left_out:
            versions = ", ".join(document.left_out)
            said.append(Note(document.place, f"is in force; left out are the versions {versions}"))
        if not self.names and not self.options.partition_aware:
            return [], Converted(document, name, data_source(policy, name), tuple(said))
        replaced = Substitution(self.names)
        if self.options.partition_aware:
            named = partitions(policy)
            if len(named) == 1:
                replaced.partition = named[0]
            elif named:
                text = f"names the partitions {', '.join(named)}, and keeps them"
                said.append(Note(document.place, text))
        text = data_source(policy, name, replaced.value)
        self.used |= replaced.used
        self.partition_used |= replaced.partition_used
        said += (Note(document.place, t) for t in _left(replaced))
        return [], Converted(document, name, text, tuple(said))


def _left(replaced: Substitution) -> Iterator[str]:
    for literal, texts in replaced.left.items():
        more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
        yield (f"keeps {literal!r} in {texts[0]!r}{more}, where it is part of something longer")


def _stem(document: Document) -> str:
    return PurePath(document.source).stem if document.source != STDIN else ""
