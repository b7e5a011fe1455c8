"""Escapes text from outside for the place where it is shown: terminal, Markdown, HTML and XML.

No other module escapes for these; `tests/test_escape.py` looks for code that does.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Control and format characters (some change the direction of writing), line separators, spaces
# other than the space, halves of surrogate pairs, and characters without a meaning yet.
_UNSAFE_CATEGORIES = ("Cc", "Cf", "Zl", "Zp", "Zs", "Cs", "Co", "Cn")
# Characters that are shown as nothing or as a space, but are in other categories.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
_NOT_PRINTABLE_ASCII = re.compile(r"[^ -~]")
# Commands that CI servers obey in logs: GitHub's, in any case, and others such as ``##vso[``.
_LOG_COMMAND = re.compile(
    r":(?=:(?:add-|debug|echo|endgroup|error|group|notice|remove-|save-|set-|stop-|warning)"
    r"[^\s:]*(?: .*)?::)|#(?=#\w*\[)",
    re.IGNORECASE,
)
_MARKDOWN_SYNTAX = frozenset("\\`*_[]<>|!#")
_LONGEST = 2000


def escape_control(line: str) -> str:
    r"""Return a line with what a terminal obeys or hides as its number, such as ``\u001b``.

    The end of a line is one of them.
    """
    return _NOT_PRINTABLE_ASCII.sub(lambda match: _shown(match[0]), line)


def _shown(character: str) -> str:
    return f"\\u{ord(character):04x}" if is_unsafe(character) else character


@lru_cache(maxsize=1024)
def is_unsafe(character: str) -> bool:
    """Return whether a terminal obeys or hides a character."""
    if character == " ":
        return False
    category = unicodedata.category(character)
    return category in _UNSAFE_CATEGORIES or _INVISIBLE.match(character) is not None


def sanitise(text: str) -> str:
    """Return text of a plan as `escape_control` does, cut to what a report can show."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}... ({len(text) - _LONGEST} characters more)"
    return escape_control(text)


def escape_log_command(line: str) -> str:
    """Return a line that gives no command to a CI server that logs it."""
    return _LOG_COMMAND.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def escape_line(line: str) -> str:
    """Return a line that neither a terminal nor a CI server that logs it obeys."""
    return escape_log_command(escape_control(line))


def escape_markdown(words: str) -> str:
    """Return words as one line without Markdown syntax, also for a table's cell."""
    # A backslash before a number is shown as it is: Markdown removes it only before punctuation.
    line = "".join(f"\\{c}" if c in _MARKDOWN_SYNTAX else c for c in words)
    return escape_control(line)


def escape_emphasis(words: str) -> str:
    """Return Markdown in which ``*`` and ``_`` start no emphasis."""
    return words.replace("*", "\\*").replace("_", "\\_")


def markdown_cell(markdown: str) -> str:
    """Return Markdown of this project as a table's cell."""
    return markdown.replace("|", "\\|").replace("\n", " ")


def code_cell(text: str) -> str:
    """Return text as a code span in a table's cell, so that it can be copied."""
    fence, pad = ("``", " ") if "`" in text else ("`", "")
    return markdown_cell(f"{fence}{pad}{escape_control(text)}{pad}{fence}")


def code_span(text: str) -> str:
    """Return text as a code span for any place: ``|`` and backticks become numbers.

    In a table, a backslash before ``|`` would be removed; outside one, it would be shown.
    """
    safe = text.replace("`", "\\u0060").replace("|", "\\u007c")
    return f"`{safe}`" if safe.strip() else "``` ```" if safe else ""


def escape_html(line: str) -> str:
    """Return a line for HTML and XML, also for attributes, after `escape_control`."""
    import html  # noqa: PLC0415 - it has a table of all entities, which text output does not need

    return html.escape(escape_control(line))


def ascii_markup(markup: str) -> str:
    """Return HTML or XML that any locale can print; its style sheets must already be ASCII."""
    return markup.encode("ascii", "xmlcharrefreplace").decode("ascii")
