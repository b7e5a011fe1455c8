"""What a change of a module means for access, and why that is not proven."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.errors import Message
from vpc_cni_iam.policy.diff import Change, Difference
from vpc_cni_iam.policy.proof.answer import Answer, NotProven


class ModuleReason(StrEnum):
    """Why a change of a module has no proof, beside the reasons of a proof."""

    # A file, or a document in it, cannot be read; the evidence is a `ReadProblem`.
    unreadable = "unreadable"
    # The same of a document that is no longer generated.
    removed_document = "removed document"
    # A block that is no policy document differs; the evidence is a `ChangedBlock`.
    block = "block"
    # Locals differ or are removed; the evidence is their `NamedParts`.
    local_values = "local values"
    # A document joins others, which only an engine can read.
    joins = "joins"
    # What a dynamic block of a document repeats differs, which only an engine can tell.
    repeats = "repeats"
    # The documents depend on more variables than are compared.
    calls = "calls"
    # A document depends on variables whose values are not limited as generated; the evidence is
    # their `NamedParts`.
    variables = "variables"
    # A document that denies access is removed.
    removed_deny = "removed deny"
    # A file changes what an engine reads of the module's own files.
    other_file = "other file"
    # Files have conflicts; the evidence is their `NamedParts`.
    conflicts = "conflicts"


class ReadProblem(Struct, frozen=True):
    """What is wrong with what cannot be read."""

    problem: Message


class ChangedBlock(Struct, frozen=True):
    """A block of a module that differs."""

    name: tuple[str, ...]  # its type and its labels
    change: Change


class NamedParts(Struct, frozen=True):
    """What a reason is about, such as files."""

    names: tuple[str, ...]


class AccessChange(Struct, frozen=True):
    """How a document changes, and what that means for a role, whatever else the role has."""

    differences: tuple[Difference, ...]
    gained: Answer  # whether it allows more after
    lost: Answer  # whether it allowed more before
    removed: bool = False  # whether the document is no longer generated


class Meaning(Struct, frozen=True):
    """The meaning of a change for one variant."""

    variant: str
    change: AccessChange | NotProven


def unreadable(problem: object) -> NotProven:
    """Return that nothing is proven, since something cannot be read."""
    return NotProven(ModuleReason.unreadable, ReadProblem(str(problem)))
