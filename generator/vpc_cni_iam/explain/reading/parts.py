"""Splits pasted text into messages and JSON.

A message may be wrapped by a terminal, an e-mail or ``kubectl describe``, folded by YAML, quoted in
Markdown, or of an error that has several lines. JSON may be one value, one value on each line, or
within other text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.policy.strict_json import load_json
from vpc_cni_iam.texts import too_large
from vpc_cni_iam.texts.limits import LINE, POLICIES

# A line of a log may also begin with a bracket.
_JSON = re.compile(r"\s*(\{|\[\s*[\[{\"\]])")
_QUOTED = re.compile(r"[ \t]{0,3}(?:>[ \t]?)+")
# Terraform's box around an error. It wraps the error at the width of the terminal.
_BOX = re.compile(r"[ \t]*[│╷╵](?:  +(?:with|on|[0-9]+:) .*| ?(?P<is_first>Error: |Warning: )?)")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# The start of a log line, an event or a record: a new message begins here.
_BEGINS = re.compile(
    r"\s*(?:- )?(?:\{|[0-9]{4}[-/][0-9]{2}|time=|level=|ts=|[IWEF][0-9]{4} |(?:Normal|Warning) "
    r"|[0-9]+[smhd](?:[0-9]+[smhd])? |[^{]{1,160}\{\"(?:level|ts|time|log|msg)\":"
    r"|[^{]{0,100}? (?:Normal|Warning) +[A-Z]\w+ )"
)
# The start of a further line of an error with several lines.
_CONTINUES = re.compile(
    r"\s*(?:caused by:|status code:|request id:|(?:EC2RoleRequestError|SharedCredsLoad): )"
)
# A member of an object that was copied in part; those of CloudTrail also without quotes.
_MEMBER = re.compile(r'\s*(?:"\w+"|(?:aws|error|event|user)[A-Z][\w.]*)\s*:')
# A line break of YAML in a quoted string, in which YAML escapes spaces.
_FOLDED = re.compile(r"\\\s+(\\ )?")
_CLOSES = ("}", "]")
# Marks of code, and quotes as editors of text set them; U+2019 is their apostrophe.
_MARKS = str.maketrans({"`": None, "“": '"', "”": '"', "\u2019": "'"})
# The least width of wrapped text, and the most lines of one message.
_NARROW, _LINES = 60, 200
# How many lines are read to find the width of a text.
_SEVERAL = 3

LogPart = object  # a value of JSON, or a message as text on one line


def parts(
    text: str, may_tell: Callable[[str], bool], source: str = ""
) -> Iterator[tuple[LogPart, ...]]:
    """Yield the parts of a text, each with all of its possible readings.

    Lines without a denial or an error are left out, and not read as JSON. With a source, raises
    `InputError` if JSON over several lines is not valid: the text after it would be missed. Also
    raises `InputError` for a long line that is not JSON.
    """
    _check_sizes(text, source)
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    records = _records(text)
    readings = _readings(next(records, [""]))
    if source and _JSON.match(text) and isinstance(readings[0], str):
        reader = Reader(text.encode(), source, what="denied requests")
        for value in iter(reader.next_value, None):
            yield (load_json(bytes(value).decode(), source),)
        return
    yield readings
    for record in records:
        if len(record) > 1 or may_tell(record[0]):
            yield _readings(record)


def _check_sizes(text: str, source: str) -> None:
    """Refuse too much JSON that is no log, and a line that is too long to be a message.

    A line may have a record of CloudTrail.
    """
    if len(text) > POLICIES.most and _JSON.match(text):
        first = text[: max(0, text.find("\n", 0, LINE.most))]
        if _value(first) is None:
            raise too_large(source, POLICIES)
    start, number = 0, 1
    while len(text) - start > LINE.most:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > LINE.most and not _JSON.match(text, start, end):
            raise InputError(source, f"line {number}", f"is longer than {LINE.words()}, the limit")
        start, number = end + 1, number + 1


def _readings(record: list[str]) -> tuple[LogPart, ...]:
    """Return the possible readings of a record: a wrapped word may end at a line's end or not."""
    joined = ("",) if len(record) == 1 else ("", " ") if _is_cut(record) else (" ", "")
    text = "\n".join(record)
    if _JSON.match(text):
        if (value := _value(text)) is not None:
            return (value,)
        values = [_value(separator.join(record)) for separator in joined]
        if known := tuple(value for value in values if value is not None):
            return known
    return tuple(one_line(separator.join(record)) for separator in joined)


def _value(text: str) -> LogPart | None:
    try:
        return load_json(text, "")
    except InputError:
        return None


def one_line(text: str) -> str:
    """Return a message with single spaces, without Markdown and escapes."""
    if "\\" in text:
        text = _FOLDED.sub(lambda match: " " * bool(match[1]), text)
        text = text.replace("\\n", " ").replace("\\t", " ").replace('\\"', '"')
    if "''" in text:  # YAML's escape of a single quote
        text = text.replace("''", "'")
    return " ".join(text.translate(_MARKS).split())


def _records(text: str) -> Iterator[list[str]]:
    """Yield the lines that belong together."""
    record: list[str] = []
    gap = False
    for line in _lines(text):
        if not line.strip():
            gap = True
            continue
        is_fence = bool(_FENCE.match(line))
        if record and (is_fence or not _goes_on(record, line, gap=gap)):
            yield record
            record = []
        if not is_fence:
            record.append(line)
        gap = False
    if record:
        yield record


def _goes_on(record: list[str], line: str, *, gap: bool) -> bool:
    """Return whether a line belongs to the record above it."""
    first, start = record[0].lstrip(), line.lstrip()
    deeper = len(line) - len(start) > len(record[0]) - len(first)
    begins = bool(_BEGINS.match(line)) or (start.startswith("- ") and not deeper)
    if first[0] in "{[" and (_is_closed(record) or deeper or start.startswith(_CLOSES)):
        return not _is_closed(record)
    if len(record) >= _LINES or begins:
        return False
    if first.startswith('{"') or _CONTINUES.match(line) or first[0] == start[0] == "<":
        return True
    if _MEMBER.match(line) and _MEMBER.match(record[-1]):
        return True
    width = max([_NARROW, *(len(above) for above in record[-_SEVERAL:] if " " in above.strip())])
    is_full = len(record[-1]) + len(start.split(maxsplit=1)[0]) >= width
    return deeper or (is_full and not gap)


def _is_closed(record: list[str]) -> bool:
    """Return whether a JSON value ends with the last line."""
    first, last = record[0], record[-1]
    if first.rstrip()[-1] not in "{[,":  # it is on one line, which may be wrapped
        return last.rstrip().endswith("}" if first.lstrip()[0] == "{" else "]")
    indent = len(first) - len(first.lstrip())
    return last[indent:].startswith(_CLOSES) and not last[:indent].strip()


def _is_cut(record: list[str]) -> bool:
    """Return whether lines end at the terminal's width, even within a word."""
    lengths = {len(line) for line in record[:-1]}
    return len(record) >= _SEVERAL and max(lengths) - min(lengths) <= 1


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text, without marks of quotes and escapes of terminals."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].rstrip("\r")
        start = end + 1
        line = _COLOUR.sub("", line) if "\x1b" in line else line
        if (quoted := _QUOTED.match(line)) is not None:
            line = line[quoted.end() :]
        if (box := _BOX.match(line)) is not None:  # further lines are indented: they go on
            line = line[box.start("is_first") :] if box["is_first"] else "  " + line[box.end() :]
        yield line
