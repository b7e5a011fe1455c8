"""Parses HCL by python-hcl2's grammar, and keeps its tables where python-hcl2 cannot.

The grammar knows no operator after an operator, such as ``!!var.x``, which engines take. What it
refuses is parsed by a corrected one, whose tables are not needed before that.

python-hcl2 computes its tables once and keeps them in its own folder. Where that may not be
written, as in an image or a system's site-packages, each run would compute them anew, which takes
over a second. They are kept in a folder of the user's then, if one was named.

Loading them runs what the file holds (lark keeps them with pickle), as Python does with its own
``__pycache__``; so a folder that others may write is not used.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

_TWICE = re.compile(r"[!-]\s*[!-]")
_ONCE = "(MINUS | NOT) expr_term"
_folders: list[Path] = []


def keep_tables_in(folder: Path | None) -> None:
    """Name the folder for the tables; without one, and without python-hcl2's, nothing is kept."""
    _folders[:] = [] if folder is None else [folder]


def tree(text: str) -> Tree[Token]:
    """Return the parse tree of an HCL file, or raise lark's `LarkError`."""
    import hcl2.parser
    from hcl2.api import parses_to_tree
    from lark.exceptions import UnexpectedInput

    # Read when the first text is parsed. A python-hcl2 without this name is slow and right.
    own = getattr(hcl2.parser, "PARSER_FILE", Path())
    writable = own.exists() or os.access(own.parent, os.W_OK)
    folder = next(filter(usable, () if writable else _folders), None)
    if folder is not None:
        hcl2.parser.PARSER_FILE = folder / f"hcl2.{sys.implementation.cache_tag}.bin"
    try:
        parsed: Tree[Token] = parses_to_tree(text)
    except UnexpectedInput:
        if _TWICE.search(text) is None:
            raise
        return _corrected().parse(f"{text}\n")
    return parsed


@lru_cache(maxsize=1)
def _corrected() -> Lark:
    """Return a parser by the grammar in which an operator may follow an operator."""
    import hcl2
    from hcl2.postlexer import PostLexer
    from lark import Lark

    folder = next(filter(usable, _folders), None)
    tables = folder / f"hcl2-corrected.{sys.implementation.cache_tag}.bin" if folder else None
    grammar = Path(hcl2.__file__).with_name("hcl2.lark").read_text("utf-8")
    return Lark(
        grammar.replace(_ONCE, _ONCE.replace("expr_term", "unary_expr")),
        parser="lalr",
        cache=str(tables) if tables else False,
        propagate_positions=True,
        postlex=PostLexer(),
    )


def usable(folder: Path) -> bool:
    """Make a folder if it is not there, and say whether its user may write it, and nobody else."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return is_private(folder)
    return False


def is_private(folder: Path) -> bool:
    """Return whether a directory's user may write it, and nobody else."""
    with suppress(OSError):
        status = folder.stat()
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return status.st_uid == os.geteuid() and not others and os.access(folder, os.W_OK)
    return False
