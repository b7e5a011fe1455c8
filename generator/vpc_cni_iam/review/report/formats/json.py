"""A review as JSON: its plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from vpc_cni_iam import json_output
from vpc_cni_iam.json_output import members
from vpc_cni_iam.review.report.rule_texts import rules_of
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.report_formats import Setting


def write(review: ShownReview, setting: Setting) -> str:
    """Return a review in this format."""
    return "".join(pieces(review, setting))


def pieces(review: ShownReview, _setting: Setting) -> Iterator[str]:
    """Yield a review in this format; it is ASCII, so it has no control characters."""
    review = replace(review, rules=rules_of(review))
    lead = "{\n"
    for name in members(review):
        yield f"{lead}  {json.dumps(name)}: "
        yield from _member(getattr(review, name))
        lead = ",\n"
    yield "\n}\n"


def _member(value: Any) -> Iterator[str]:
    """Yield a member of the report; a list item by item, because a plan may have thousands."""
    if not isinstance(value, tuple) or not value:
        yield _indented(value, 2)
        return
    lead = "[\n    "
    for item in value:
        yield lead + _indented(item, 4)
        lead = ",\n    "
    yield "\n  ]"


def _indented(value: Any, by: int) -> str:
    return json_output.dumps(value).replace("\n", "\n" + " " * by)
