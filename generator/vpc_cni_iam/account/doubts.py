"""What is not known about an input or a role, and what was assumed.

A doubt that counts has a direction: what is not known may allow more, limit what is known, or both.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.errors import Message

# What to do about a permissions boundary.
BOUNDARY = "it is a permissions boundary: give it with --boundary"


class Reason(StrEnum):
    """Why something was skipped."""

    not_read = "not read"
    setting_not_read = "setting not read"  # of the plugin
    not_applied = "not applied"  # a permissions boundary
    overrides = "may change what was read"
    may_be_absent = "read, and may not exist"
    other_kind = "not an identity policy"
    not_in_force = "not in force"
    assumed = "assumed"
    read_with_it = "read with it"
    rendered = "rendered by an engine"
    trust = "not trusted"  # aws-node cannot assume the role, and a user chose it by name
    refused = "cannot be assumed"  # aws-node cannot assume the role that the input names
    may_be_refused = "may not be assumed"

    @property
    def counts(self) -> bool:
        """Whether it makes a verdict incomplete."""
        return not self.is_note and self not in (Reason.other_kind, Reason.not_in_force)

    @property
    def is_note(self) -> bool:
        """Whether it only says how policies were read."""
        return self in (*_READING, Reason.trust, Reason.refused)


_READING = (Reason.assumed, Reason.read_with_it, Reason.rendered)


class NotKnown(Struct, frozen=True):
    """Something that is not known, or that was assumed."""

    name: str  # its name in the input: an address, a name, or a file
    reason: Reason
    detail: Message  # the reason in words, with the place
    owner: str = ""  # the principal that has it; empty if not known

    @property
    def may_allow(self) -> bool:
        """Whether a call that is denied may be allowed in truth."""
        return self.counts and self.reason not in (Reason.not_applied, Reason.may_be_refused)

    @property
    def may_limit(self) -> bool:
        """Whether a call that is allowed may be denied in truth."""
        managed = aws_managed.find(self.name)
        return self.counts and (managed is None or managed.denies)

    @property
    def counts(self) -> bool:
        """Whether a verdict about the input is incomplete without it."""
        return self.reason.counts

    def __str__(self) -> str:
        return f"{self.reason}: {self.name}: {self.detail}"


class NotInInput(NotKnown, frozen=True):
    """That the document of an attachment or a boundary is not in the input."""


def is_complete(skipped: Iterable[NotKnown]) -> bool:
    """Return whether a verdict is complete despite skipped parts."""
    return not any(part.counts for part in skipped)
