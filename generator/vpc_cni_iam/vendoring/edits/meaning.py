"""What a change of a module means for access, or why it is not proven."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.errors import Message
from vpc_cni_iam.policy.diff import Change, Difference
from vpc_cni_iam.policy.proof.answer import Answer, NotProven


class ModuleReason(StrEnum):
    """Why the meaning of a module's change is not proven, in addition to the reasons of proofs."""

    # A file, or a document in it, cannot be read; the evidence is a `ReadProblem`.
    unreadable = "unreadable"
    # The same for a document that is no longer generated.
    removed_document = "removed document"
    # A block other than a policy document differs; the evidence is a `ChangedBlock`.
    block = "block"
    # Locals differ or are removed; the evidence is their `NamedParts`.
    local_values = "local values"
    # A document joins others; only an engine can evaluate it.
    joins = "joins"
    # The for_each of a document's dynamic block differs; only an engine can evaluate it.
    repeats = "repeats"
    # The documents depend on too many variables to compare.
    calls = "calls"
    # A document depends on variables with other limits than generated; the evidence is their
    # `NamedParts`.
    variables = "variables"
    # A document that denies access is removed.
    removed_deny = "removed deny"
    # Another file changes what an engine reads from the module's files.
    other_file = "other file"
    # Files have conflicts; the evidence is their `NamedParts`.
    conflicts = "conflicts"


class ReadProblem(Struct, frozen=True):
    """Why something cannot be read."""

    problem: Message


class ChangedBlock(Struct, frozen=True):
    """A block of a module that differs."""

    name: tuple[str, ...]  # its type and its labels
    change: Change


class NamedParts(Struct, frozen=True):
    """The parts that a reason is about, such as files."""

    names: tuple[str, ...]


class AccessChange(Struct, frozen=True):
    """How a document changes, and what this means for a role, whatever other policies it has."""

    differences: tuple[Difference, ...]
    gained: Answer  # whether it allows more than before
    lost: Answer  # whether it allows less than before
    removed: bool = False  # whether the document is no longer generated


class Meaning(Struct, frozen=True):
    """The meaning of a change for one variant."""

    variant: str
    change: AccessChange | NotProven


def unreadable(problem: object) -> NotProven:
    """Return that the meaning is not proven, because something cannot be read."""
    return NotProven(ModuleReason.unreadable, ReadProblem(str(problem)))
