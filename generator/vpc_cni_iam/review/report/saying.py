"""What is said of a finding."""

from __future__ import annotations

from msgspec import Struct


class Saying(Struct, frozen=True):
    """The sentences of a finding; texts in them come from the plan, and are not made safe."""

    message: str  # one or two sentences; everything that matters is in it
    details: tuple[str, ...] = ()  # more lines: an example request, what a denial breaks
    fix: str = ""  # what to do about it, in the reviewer's words; empty where nothing is to be done
