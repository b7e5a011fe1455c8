"""A review as JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from vpc_cni_iam import json_output
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.report_formats import Setting


def write(review: Review, _setting: Setting) -> str:
    """Return a review in this format."""
    return report(review)


def report(review: Review) -> str:
    """Return a review as JSON text."""
    members = ((f.name, getattr(review, f.name)) for f in fields(review))
    return "{\n" + ",\n".join(_member(name, value) for name, value in members) + "\n}\n"


def _member(name: str, value: Any) -> str:
    """Return a member of the report, of a list item by item: a plan may have thousands."""
    lead = f"  {json.dumps(name)}: "
    if not isinstance(value, tuple) or not value:
        return lead + _indented(value, 2)
    items = ",\n".join(f"    {_indented(item, 4)}" for item in value)
    return f"{lead}[\n{items}\n  ]"


def _indented(value: Any, by: int) -> str:
    return json_output.dumps(value).replace("\n", "\n" + " " * by)
