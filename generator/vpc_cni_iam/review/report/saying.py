"""The sentences of one finding."""

from __future__ import annotations

from msgspec import Struct


class Saying(Struct, frozen=True):
    """The sentences of a finding; they have texts from the plan, which are not escaped."""

    message: str  # one or two sentences with everything that matters
    details: tuple[str, ...] = ()  # more lines: an example request, what a denial breaks
    fix: str = ""  # what to do, in the imperative; empty if there is nothing to do
