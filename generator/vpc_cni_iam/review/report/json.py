"""A review as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii as _string
from typing import Any

from vpc_cni_iam import json_output
from vpc_cni_iam.json_output import members
from vpc_cni_iam.review.diff.changes import State
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.renamed import Shaped, shape_of
from vpc_cni_iam.review.report_formats import Setting

_SINGLE = {None: "null", True: "true", False: "false", (): "[]"}
_REMEMBERED = 256


def write(review: Review, setting: Setting) -> str:
    """Return a review in this format."""
    return "".join(pieces(review, setting))


def pieces(review: Review, _setting: Setting) -> Iterator[str]:
    """Yield a review in this format; it is ASCII, so that no terminal obeys what is in it."""
    lead, items = "{\n", _Items()
    for name in members(review):
        yield f"{lead}  {json.dumps(name)}: "
        yield from _member(getattr(review, name), items)
        lead = ",\n"
    yield "\n}\n"


def _member(value: Any, items: _Items) -> Iterator[str]:
    """Yield a member of the report, of a list item by item: a plan may have thousands."""
    if isinstance(value, tuple):
        texts = (items.text(i) if isinstance(i, Shaped) else _indented(i, 4) for i in value)
    else:
        yield _indented(value, 2)
        return
    lead = "[\n    "
    for text in texts:
        yield lead + text
        lead = ",\n    "
    yield "\n  ]" if value else "[]"


class _Items:
    """Writes items that have parts in common, each part once."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], tuple[object, str]] = {}

    def text(self, item: Shaped) -> str:
        """Return an item of a list, with names in place of stand-ins."""
        texts = []
        shape, names = shape_of(item)
        for name in members(shape):
            text = self._part(getattr(shape, name), 6)
            if name in shape.judged:
                for stand_in, own in names:
                    text = text.replace(stand_in, own)
            texts.append(f"      {_string(name)}: {text}")
        return "{\n" + ",\n".join(texts) + "\n    }"

    def _part(self, value: object, by: int) -> str:
        if isinstance(value, str):
            return _string(value)
        if value is None or value is True or value is False or value == ():
            return _SINGLE[value]
        if isinstance(value, State):
            lead = "\n" + " " * (by + 2)
            texts = [
                f"{lead}{_string(name)}: {self._part(getattr(value, name), by + 2)}"
                for name in members(value)
            ]
            return f"{{{','.join(texts)}\n{' ' * by}}}"
        if isinstance(value, int):
            return str(value)
        known = self._parts.get((id(value), by))
        if known is None:
            if len(self._parts) >= _REMEMBERED:
                self._parts.clear()
            known = self._parts[id(value), by] = value, _indented(value, by)
        return known[1]


def _indented(value: Any, by: int) -> str:
    return json_output.dumps(value).replace("\n", "\n" + " " * by)
