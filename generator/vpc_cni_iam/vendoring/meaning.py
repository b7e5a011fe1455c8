"""The meaning of a change of a module's policy documents."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.policy.diff import Difference
from vpc_cni_iam.policy.proof.answer import Answer


class UnknownMeaning(StrEnum):
    """Why the meaning of a change is unknown."""

    # Files have conflicts; the names are theirs.
    conflicts = "conflicts"
    # Edits beside the documents are replaced; the names are those of blocks.
    edited_beside = "edited beside"
    # A file cannot be read; the name is the problem.
    unreadable = "unreadable"
    # A document cannot be read; the name is the problem.
    unread_document = "unread document"
    # The same of a document that is no longer generated.
    removed_document = "removed document"
    # A document joins others, which only an engine can read.
    joins = "joins"
    # What a dynamic block repeats changes, which only an engine can tell.
    repeats = "repeats"


class UnknownAccess(Struct, frozen=True):
    """Why it is unknown what a change means, and of what."""

    reason: UnknownMeaning
    names: tuple[str, ...] = ()


class AccessChange(Struct, frozen=True):
    """How a document changes, and what that means for a role, whatever else the role has."""

    differences: tuple[Difference, ...]
    gained: Answer  # whether it allows more after
    lost: Answer  # whether it allowed more before
    removed: bool = False  # whether the document is no longer generated


class Meaning(Struct, frozen=True):
    """The meaning of a change for one variant."""

    variant: str
    change: AccessChange | UnknownAccess
