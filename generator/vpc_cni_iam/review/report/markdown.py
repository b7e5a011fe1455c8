"""A review as Markdown for a comment on a pull request: within a limit, and inert.

Text from the plan stands in code spans only, in which no forge finds markup, mentions, references
to issues, links or commands; what would end a span, or a cell of a table, is spelled by number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.escape import code_span, sanitise
from vpc_cni_iam.review import wording
from vpc_cni_iam.review.diff.changes import GRADES, Change, MatrixRow, PrincipalChange
from vpc_cni_iam.review.findings import Finding, Review
from vpc_cni_iam.review.report import json as json_report
from vpc_cni_iam.review.report_formats import Forge, Setting


class Dialect(Struct, frozen=True):
    """What a forge takes."""

    limit: int  # longest comment, in bytes of UTF-8, so that no way of counting finds it longer
    folds: bool  # whether it shows ``<details>`` of HTML folded, and not as text


DIALECTS: dict[Forge, Dialect] = {
    "github": Dialect(65_536, True),
    "gitlab": Dialect(32_000, True),
    "bitbucket": Dialect(32_000, False),
}
MARKER = "vpc-cni-iam review"
_ALSO = 3
_BEGUN = 3
# So that no finding is too large for a comment.
_LONGEST = 1000
# Words and numbers that mean nothing but themselves to any forge, with the stops after them.
_WORD = re.compile(r"\(?(?:[A-Za-z]+(?:'[a-z]+)?\)?[,:;.]?|v?\d+(?:\.\d+)*\)?,?|=)")
_STOPS = re.compile(r"(\(?)(.+?)(\)?[,:;]?)", re.DOTALL)
# A forge makes a link of what may be the number of a commit.
_COMMIT = re.compile(r"[a-f\d]{7,}", re.IGNORECASE)
_NEEDED = {
    "fatal": "; the plugin fails without it",
    "degraded": "; the plugin is degraded without it",
    "": "",
}


def write(review: Review, setting: Setting) -> str:
    """Return a review in this format.

    The first line is a marker that is not shown, by which a comment can be found and replaced; it
    is the same for the same plan's name.
    """
    dialect = DIALECTS[setting.forge or "github"]
    blocks = [_head(review), *_blocks(review, dialect)]
    whole = "".join(blocks)
    if _size(whole) <= dialect.limit:
        return whole
    digest = hashlib.sha256(json_report.write(review, setting).encode()).hexdigest()
    room = dialect.limit - _size(_end(len(blocks), digest))
    shown: list[str] = []
    for block in blocks:
        # What is too large takes no room from what comes after it.
        if _size(block) <= room:
            shown.append(block)
            room -= _size(block)
    return "".join(shown).rstrip("\n") + _end(len(blocks) - len(shown), digest)


def _end(left: int, digest: str) -> str:
    parts = "1 part" if left == 1 else f"{left} parts"
    return (
        f"\n\n**Cut by {parts}, since a comment has a limit.** The whole report is what "
        f"`--format json` prints; its SHA-256 is `{digest}`.\n"
    )


def _size(text: str) -> int:
    return len(text.encode())


def code(text: str) -> str:
    """Return text as a code span, in a table too."""
    return code_span(_short(text))


def _short(text: str) -> str:
    safe = sanitise(text)
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}..."


def prose(text: str) -> str:
    """Return a sentence with its words as they are and all else in code spans."""
    parts: list[tuple[bool, str]] = []
    for word in _short(text).split(" "):
        plain = bool(_WORD.fullmatch(word)) and not _COMMIT.search(word)
        # A stop ends a span: what stands on its two sides are two things.
        ended = not plain and bool(parts) and parts[-1][1].endswith((",", ";"))
        if parts and parts[-1][0] == plain and not ended:
            parts[-1] = (plain, f"{parts[-1][1]} {word}")
        else:
            parts.append((plain, word))
    return " ".join(part if plain else _span(part) for plain, part in parts)


def _span(text: str) -> str:
    """Return text as a code span, with a bracket before it and stops after it outside."""
    parts = _STOPS.fullmatch(text)
    before, inner, after = parts.groups() if parts else ("", text, "")
    if after.startswith(")") and inner.count("(") > inner.count(")"):
        inner, after = f"{inner})", after[1:]
    return f"{before}{code(inner)}{after}"


def _head(review: Review) -> str:
    key = hashlib.sha256(review.plan.encode("utf-8", "replace")).hexdigest()[:16]
    result = "fails" if review.failed else "passes"
    return (
        f"[//]: # ({MARKER} {key})\n\n"
        f"### IAM review {result}: {wording.counted_with_ignored(review)}\n\n"
        f"{code(review.plan)} {wording.judged(review)}; "
        f"fails on {' or '.join(map(code, review.fail_on))}.\n"
    )


def _blocks(review: Review, dialect: Dialect) -> Iterator[str]:
    """Yield parts that may be left out from the end, the most important first."""
    groups = list(wording.grouped(review.findings, wording.look))
    described = {(change.address, change.attribute) for change in review.changes if change.lines}
    for section, title in wording.SECTIONS.items():
        own = [group for group in groups if wording.section(group[0]) == section]
        rows = _plugin(review) if section == "plugin" else ""
        if rows:
            yield f"\n#### {title}\n\n{rows}"
        for number, alike in enumerate(own):
            head = "" if number else "\n" if rows else f"\n#### {title}\n\n"
            # What the lines of a change further down say in full is begun here.
            is_said = (alike[0].address, alike[0].attribute) in described
            yield head + _finding(alike, _BEGUN if is_said else wording.MOST, review)
    for number, ignored in enumerate(review.ignored):
        until = f" until {ignored.until}" if ignored.until else ""
        about = f"{ignored.finding.rule}, {code(ignored.finding.address)}: {prose(ignored.reason)}"
        yield ("" if number else "\n") + f"- *ignored{until}* {about}\n"
    yield f"\n{prose(wording.limits(review))}\n"
    changed = list(wording.changed(review))
    if not changed:
        yield "\nNothing in the plan changes an IAM policy.\n"
    yield from map(_change, changed)
    for principal in review.principals:
        if principal.matrix:
            yield _matrix(principal, dialect)


def _plugin(review: Review) -> str:
    """Return which version and which identity the plugin has in each cluster."""
    lines = (
        f"- {label}: {prose(text)}\n"
        for alike in wording.clusters(review)
        for label, text, _ in wording.plugin_rows(alike, _ALSO)
    )
    return "".join(lines)


def _also(names: list[str]) -> Iterator[str]:
    yield from (f"also {code(name)}" for name in names[:_ALSO])
    if len(names) > _ALSO:
        yield f"and {len(names) - _ALSO} more like it"


def _about(thing: Change | Finding) -> str:
    named = f"{code(thing.address)} {code(thing.attribute)}".rstrip()
    return f"{named}, {code(wording.where(thing.place))}" if thing.place else named


def _finding(alike: list[Finding], most: int, review: Review) -> str:
    first = alike[0]
    kind = wording.counts_for(first, review)
    rule = f"{first.rule} ({kind})" if kind else first.rule
    lines = [f"- **{first.level}** {rule}: {prose(first.message)}"]
    if first.address:
        lines.append(f"    - {_about(first)}")
    lines += [f"    - {line}" for line in _also([wording.subject(f) for f in alike[1:]])]
    shown = first.details[:most]
    lines += [f"    - {prose(detail)}" for detail in shown]
    if len(first.details) > len(shown):
        lines.append(f"    - and {len(first.details) - len(shown)} more")
    return "\n".join(lines) + "\n"


def _change(alike: list[Change]) -> str:
    change = alike[0]
    text = f"\n#### {change.action}: {_about(change)}\n\n"
    lines = [f"- `{wording.SIGNS[x.effect]}` {x.kind}: {prose(x.text)}" for x in change.lines]
    lines += [f"- {line}" for line in _also([c.address for c in alike[1:]])]
    for tone, sentence in wording.about(change):
        lines.append(f"{'    ' if tone == 'quiet' else ''}- {prose(sentence)}")
    return text + "\n".join(lines) + ("\n" if lines else "")


def _matrix(principal: PrincipalChange, dialect: Dialect) -> str:
    """Return what all policies allow, as a list: on a phone, no column of it is off the screen."""
    rows = "".join(map(_row, principal.matrix))
    title = f"\n#### All policies of {code(principal.name)}\n\n"
    if not dialect.folds:
        return title + rows
    summary = "What they allow, before and after, and what the plugin needs"
    return f"{title}<details><summary>{summary}</summary>\n\n{rows}\n</details>\n"


def _row(row: MatrixRow) -> str:
    before, after = GRADES[row.before], GRADES[row.after]
    if before == after:
        return f"- {code(row.action)}: {after}{_NEEDED[row.needed]}\n"
    return f"- **{code(row.action)}**: {before} before, {after} after{_NEEDED[row.needed]}\n"
