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
# Words and numbers that no forge reads as markup, with the stops after them.
_WORD = re.compile(r"\(?(?:[A-Za-z]+(?:'[a-z]+)?\)?[,:;.]?|v?\d+(?:\.\d+)*\)?,?|=)", re.ASCII)
_STOPS = re.compile(r"(\(?)(.+?)(\)?[,:;.]?)", re.DOTALL)
# A condition of a statement, as `policy.report` writes it; no sanitised text has the character.
_CONDITION = re.compile(r"\S+ [A-Z][A-Za-z:]+ '[^']*'(?: or '[^']*')*(?= |$)", re.ASCII)
_JOINED = "\0"
# A forge turns what may be the hash of a commit into a link.
_COMMIT = re.compile(r"[a-f\d]{7,}", re.IGNORECASE)


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


def sentence(text: str) -> str:
    """Return a sentence for Markdown: words as they are, conditions and all else in code spans."""
    parts: list[tuple[bool, str]] = []
    for word in _CONDITION.sub(lambda m: m[0].replace(" ", _JOINED), sanitise(text)).split(" "):
        is_item = not parts and word.endswith(")")  # of a list
        plain = bool(_WORD.fullmatch(word)) and not (_COMMIT.search(word) or is_item)
        # A stop ends a span: the texts before and after it are separate.
        ended = not plain and bool(parts) and parts[-1][1].endswith((",", ";", ":"))
        if parts and parts[-1][0] == plain and not ended:
            parts[-1] = (plain, f"{parts[-1][1]} {word}")
        else:
            parts.append((plain, word))
    return " ".join(part if plain else _span(part.replace(_JOINED, " ")) for plain, part in parts)


def _span(text: str) -> str:
    """Return text as a code span; a bracket before it and stops after it stay outside."""
    parts = _STOPS.fullmatch(text)
    before, inner, after = parts.groups() if parts else ("", text, "")
    if after.startswith(")") and inner.count("(") > inner.count(")"):
        inner, after = f"{inner})", after[1:]
    return f"{before}{code_span(inner)}{after}"
