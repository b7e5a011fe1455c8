"""Files that a user names, of which ``-`` is standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def check_once(files: Sequence[str]) -> None:
    """Refuse files that name standard input more than once.

    Args:
        files: As given; ``-`` is standard input.

    Raises:
        UsageError: They do.
    """
    from vpc_cni_iam.errors import UsageError

    if files.count("-") > 1:
        raise UsageError("- is given twice, and standard input can be read once")


def source(file: str) -> str:
    """Return what errors call a file that a user named.

    Args:
        file: As given; ``-`` is standard input.
    """
    from vpc_cni_iam.texts import STDIN

    return STDIN if file == "-" else file


def content(file: str, limit: int | None = None) -> bytes:
    """Return the bytes of a file that a user named, at most one more than a limit.

    Args:
        file: As given; ``-`` is standard input.
        limit: As `vpc_cni_iam.texts.decode` takes it.

    Raises:
        InputError: It cannot be read.
        UsageError: An empty text, which the system would take for the current directory.
    """
    from vpc_cni_iam import texts
    from vpc_cni_iam.errors import UsageError

    if not file:
        raise UsageError("the file is empty text; name one, or - for standard input")
    if file == "-":
        return sys.stdin.buffer.read(texts.most(limit))
    return texts.content(Path(file), limit)
