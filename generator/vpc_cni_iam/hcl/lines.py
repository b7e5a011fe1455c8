"""Finds the lines of blocks in HCL text, without parsing their bodies.

So it is quick, and reads files that `vpc_cni_iam.hcl.parse` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vpc_cni_iam.hcl.braces import TOKEN, after, closing_brace

_HEADER = re.compile(rf"(?P<line>\n)|(?P<word>[\w-]+)|{TOKEN.pattern}|(?P<other>\S)", re.VERBOSE)


@dataclass(frozen=True, slots=True)
class Located:
    """A block at the top of a file."""

    type: str  # such as ``resource``
    labels: tuple[str, ...]
    line: int  # the line it starts at, from 1
    end: int  # the line it ends at


def locate(text: str) -> Iterator[Located]:
    """Yield the blocks at the top of a file, in order."""
    place, start, header = 0, 0, list[str]()
    line, counted = 1, 0
    while match := _HEADER.search(text, place):
        place = match.end()
        if match["open"]:
            closing = closing_brace(text, place, len(text))
            if closing is None:
                return
            place = closing + 1
            if header:
                line += text.count("\n", counted, start)
                end = line + text.count("\n", start, closing)
                yield Located(header[0], tuple(header[1:]), line, end)
                counted = start
            header = []
        elif match["word"] or match["quote"]:
            place = after(match, len(text)) if match["quote"] else place
            start = start if header else match.start()
            header.append(text[match.start() : place].strip('"'))
        elif match["line"] or match["close"] or match["other"]:
            header = []
        else:
            place = after(match, len(text))
