"""Where the comments of a replaced policy go: above the statement that they stood in."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from vpc_cni_iam.hcl.syntax import File, List, Node, Span

_CODE = re.compile(r"[\w\"].*?(?=[\s,\[{(=:]*$)")


def remarks(file: File, value: Node, body: Node | None) -> tuple[list[str], list[list[str]]]:
    """Return the comments of the whole document, and those of each statement.

    A comment behind code on its line keeps that code in front of it. `value` is the expression that
    is replaced, and `body` that of the Statement in it, if it can hold comments.
    """
    statements: Sequence[Node] = ()
    if body is not None:
        statements = body.items if isinstance(body, List) else (body,)
    whole: list[str] = []
    each: list[list[str]] = [[] for _ in statements]
    first, last = (
        bisect_left(file.comments, place, key=lambda comment: comment.start)
        for place in (value.outer.start, value.outer.end)
    )
    for comment in file.comments[first:last]:
        place = _place(file, comment, body, statements)
        (whole if place is None else each[place]).extend(_lines(file, value, comment))
    return whole, each


def _place(file: File, comment: Span, body: Node | None, statements: Sequence[Node]) -> int | None:
    if body is None or comment.start < body.outer.start:
        return None
    for place, statement in enumerate(statements):
        end = statement.outer.end
        if comment.start < end or "\n" not in file.text[end : comment.start]:
            return place
    return None


def _lines(file: File, value: Node, comment: Span) -> list[str]:
    text = comment.code
    if text.startswith("/*"):
        inner = text.removeprefix("/*").removesuffix("*/").strip("*")
        lines = [re.sub(r"^\s*\* ?", "", line).strip() for line in inner.splitlines()]
    else:
        lines = [text.removeprefix("#").removeprefix("//").removeprefix(" ").rstrip()]
    begin = max(file.text.rfind("\n", 0, comment.start) + 1, value.outer.start)
    before = _CODE.search(file.text[begin : comment.start])
    lines = [line for line in lines if line]
    if lines and before and before[0] != "jsonencode":
        lines[0] = f"{before[0]}: {lines[0]}"
    return lines
