"""Escapes text that somebody else wrote for where it is shown: terminal, Markdown, HTML and XML.

No other module escapes for these; `tests/test_escape.py` looks for code that does.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Controls, formats such as those that reverse the direction of writing, separators of lines,
# spaces that are not the space, halves of surrogate pairs, and what has no meaning yet.
_UNSAFE_CATEGORIES = ("Cc", "Cf", "Zl", "Zp", "Zs", "Cs", "Co", "Cn")
# What is shown as nothing, or as a space, and is neither by its category.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
_NOT_PRINTABLE_ASCII = re.compile(r"[^ -~]")
# What servers that run jobs obey in their logs: GitHub's commands, and those such as ``##vso[``.
_LOG_COMMAND = re.compile(
    r":(?=:(?:add-|debug|echo|endgroup|error|group|notice|remove-|save-|set-|stop-|warning)"
    r"[^\s:]*(?: .*)?::)|#(?=#\w*\[)"
)
_MARKDOWN_SYNTAX = frozenset("\\`*_[]<>|!#")
_LONGEST = 2000


def escape_control(line: str) -> str:
    r"""Return a line with what a terminal obeys or hides as its number, such as ``\u001b``.

    The end of a line is such a character, too.
    """
    return _NOT_PRINTABLE_ASCII.sub(lambda match: _shown(match[0]), line)


def _shown(character: str) -> str:
    return f"\\u{ord(character):04x}" if is_unsafe(character) else character


@lru_cache(maxsize=1024)
def is_unsafe(character: str) -> bool:
    """Say whether a terminal obeys or hides a character."""
    if character == " ":
        return False
    category = unicodedata.category(character)
    return category in _UNSAFE_CATEGORIES or _INVISIBLE.match(character) is not None


def sanitise(text: str) -> str:
    """Return text of a plan as `escape_control` does, and not longer than a report can show."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}... ({len(text) - _LONGEST} characters more)"
    return escape_control(text)


def escape_log_command(line: str) -> str:
    """Return a line that gives no command to a server in whose log it stands."""
    return _LOG_COMMAND.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def escape_line(line: str) -> str:
    """Return a line that neither a terminal nor a server in whose log it stands obeys."""
    return escape_log_command(escape_control(line))


def escape_markdown(words: str) -> str:
    """Return words as one line in which Markdown finds no syntax, in a cell of a table too."""
    # A backslash that begins a number shows by itself: Markdown takes it before punctuation only.
    line = "".join(f"\\{c}" if c in _MARKDOWN_SYNTAX else c for c in words)
    return escape_control(line)


def escape_emphasis(words: str) -> str:
    """Return words whose ``*`` and ``_`` start no emphasis and that are Markdown otherwise."""
    return words.replace("*", "\\*").replace("_", "\\_")


def markdown_cell(markdown: str) -> str:
    """Return Markdown of this project as a cell of a table."""
    return markdown.replace("|", "\\|").replace("\n", " ")


def code_cell(text: str) -> str:
    """Return text as a code span in a cell of a table, from which it can be copied."""
    fence, pad = ("``", " ") if "`" in text else ("`", "")
    return markdown_cell(f"{fence}{pad}{escape_control(text)}{pad}{fence}")


def code_span(text: str) -> str:
    """Return text as a code span that stands anywhere: ``|`` and a backtick as their numbers.

    In a table a backslash before ``|`` would go, outside of one it would be shown.
    """
    safe = text.replace("`", "\\u0060").replace("|", "\\u007c")
    return f"`{safe}`" if safe.strip() else "``` ```" if safe else ""


def escape_html(line: str) -> str:
    """Return a line for HTML and XML, in an attribute too, as `escape_control` has it."""
    import html  # noqa: PLC0415 - its table of all entities, which a text does not need

    return html.escape(escape_control(line))


def ascii_markup(markup: str) -> str:
    """Return HTML or XML that any locale can print; its style sheets must be ASCII already."""
    return markup.encode("ascii", "xmlcharrefreplace").decode("ascii")
