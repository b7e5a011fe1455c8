"""A review as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from vpc_cni_iam import json_output
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.members import members
from vpc_cni_iam.review.report_formats import Setting


def write(review: Review, setting: Setting) -> str:
    """Return a review in this format."""
    return "".join(pieces(review, setting))


def pieces(review: Review, _setting: Setting) -> Iterator[str]:
    """Yield a review in this format; it is ASCII, so that no terminal obeys what is in it."""
    lead = "{\n"
    for name in members(review):
        yield f"{lead}  {json.dumps(name)}: "
        yield from _member(getattr(review, name))
        lead = ",\n"
    yield "\n}\n"


def report(review: Review) -> str:
    """Return a review as JSON text."""
    return write(review, Setting())


def _member(value: Any) -> Iterator[str]:
    """Yield a member of the report, of a list item by item: a plan may have thousands."""
    if not isinstance(value, tuple) or not value:
        yield _indented(value, 2)
        return
    lead = "[\n    "
    for item in value:
        yield lead + _indented(item, 4)
        lead = ",\n    "
    yield "\n  ]"


def _indented(value: Any, by: int) -> str:
    try:
        # Like json's own indentation, which is not written in C, and ten times as fast.
        compact = json_output.dumps(value, indent=None).encode()
        text = msgspec.json.format(compact, indent=2).decode()
    except msgspec.DecodeError:  # half of a surrogate pair
        text = json_output.dumps(value)
    return text.replace("\n", "\n" + " " * by)
