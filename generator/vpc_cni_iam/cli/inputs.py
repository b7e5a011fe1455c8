"""Files that a user names, of which ``-`` is standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vpc_cni_iam import texts
from vpc_cni_iam.errors import UsageError


def check_once(files: Sequence[str]) -> None:
    """Refuse files that name standard input more than once.

    Args:
        files: As given; ``-`` is standard input.

    Raises:
        UsageError: They do.
    """
    if files.count("-") > 1:
        raise UsageError("- is given twice, and standard input can be read once")


def source(file: str) -> str:
    """Return what errors call a file that a user named.

    Args:
        file: As given; ``-`` is standard input.
    """
    return texts.STDIN if file == "-" else file


def content(file: str, limit: int | None = None) -> bytes:
    """Return the bytes of a file that a user named, at most one more than a limit.

    Args:
        file: As given; ``-`` is standard input.
        limit: As `vpc_cni_iam.texts.decode` takes it.

    Raises:
        InputError: It cannot be read.
        UsageError: An empty text, which the system would take for the current directory.
    """
    if not file:
        raise UsageError("the file is empty text; name one, or - for standard input")
    if file == "-":
        return sys.stdin.buffer.read(texts.most(limit))
    return texts.content(Path(file), limit)


def text(file: str, form: str = "", limit: int | None = texts.LIMIT) -> str:
    """Return the text of a file that a user named.

    Args:
        file: As given; ``-`` is standard input.
        form: As `vpc_cni_iam.texts.decode` takes it.
        limit: Likewise.

    Raises:
        InputError: It cannot be read, is too large, or is not text.
        UsageError: An empty text, which the system would take for the current directory.
    """
    return texts.decode(content(file, limit), source(file), form, limit)
