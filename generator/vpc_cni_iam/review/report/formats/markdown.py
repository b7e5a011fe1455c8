"""A review as Markdown for a comment on a pull request, within the size limit of a comment.

Text from the plan is only in code spans, where no forge reads markup, mentions, issue numbers,
links or commands. Characters that would end a span are written as numeric references.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from msgspec import Struct

from vpc_cni_iam.escape import code_span, escape_html, sanitise, sentence
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.formats import json as json_report
from vpc_cni_iam.review.report.shown import ShownFinding, ShownPlugin, ShownPolicy, ShownReview
from vpc_cni_iam.review.report.words import Section
from vpc_cni_iam.review.report_formats import ForgeName, Setting


class Dialect(Struct, frozen=True):
    """What a forge accepts in a comment."""

    limit: int  # bytes of UTF-8: the strictest way to count
    folds: bool  # whether it folds ``<details>`` of HTML


DIALECTS: dict[ForgeName, Dialect] = {
    "github": Dialect(65_536, True),
    "gitlab": Dialect(32_000, True),
    "bitbucket": Dialect(32_000, False),
}
MARKER = "vpc-cni-iam review"
_ALSO, _DETAILS, _LINES = 3, 6, 40
# Characters of a text, so that no finding is too large for a comment.
_LONGEST = 1000


def write(review: ShownReview, setting: Setting) -> str:
    """Return a review in this format.

    The first line is a hidden marker, made of the plan's name, to find and replace the comment.
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
        # A block that is too large is left out; later ones may fit.
        if _size(block) <= room:
            shown.append(block)
            room -= _size(block)
    return "".join(shown).rstrip("\n") + _end(len(blocks) - len(shown), digest)


def _end(left: int, digest: str) -> str:
    parts = "1 part" if left == 1 else f"{left} parts"
    return (
        f"\n\n**{parts} left out: a comment has a size limit.** `--format json` prints the whole "
        f"report; its SHA-256 is `{digest}`.\n"
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
    """Return a sentence with words as they are, and all else in code spans."""
    return sentence(_short(text))


def _head(review: ShownReview) -> str:
    key = hashlib.sha256(review.plan.encode("utf-8", "replace")).hexdigest()[:16]
    result = "fails" if review.failed else "passes"
    return (
        f"[//]: # ({MARKER} {key})\n\n"
        f"### IAM review {result}: {words.counted_with_ignored(review)}\n\n"
        f"{code(review.plan)}; fails on {' or '.join(map(code, review.fail_on))}.\n"
    )


def _blocks(review: ShownReview, dialect: Dialect) -> Iterator[str]:
    """Yield the blocks of the comment, the most important first; the last may be left out."""
    for part, groups in words.in_sections(review).items():
        yield f"\n#### {part.value}\n"
        if part is Section.PLUGIN:
            clusters = words.plugins(review)
            yield from map(_plugin, clusters) if clusters else (f"\n{prose(words.NOT_SHOWN)}\n",)
        if answer := words.answer_to(part, review, groups):
            yield f"\n{answer}\n"
        for number, alike in enumerate(groups):
            yield ("" if number else "\n") + _finding(alike, review)
    for number, ignored in enumerate(review.ignored):
        until = f" until {ignored.until}" if ignored.until else ""
        about = f"{ignored.finding.rule}, {code(ignored.finding.address)}: {prose(ignored.reason)}"
        yield ("" if number else "\n") + f"- *ignored{until}* {about}\n"
    yield f"\n{prose(words.last_line(review))}\n"
    for number, changes in enumerate(words.policies(review)):
        yield ("" if number else "\n#### Policy changes\n") + _policy(changes, dialect)


def _plugin(alike: list[ShownPlugin]) -> str:
    plugin, *others = alike
    facts = [f"- {label}: {prose(text)}\n" for label, text in words.facts(plugin)]
    facts += [f"- {prose(detail)}\n" for detail in plugin.details]
    also = [f"also {prose(words.in_cluster(other))}" for other in others]
    facts += [f"- {line}\n" for line in _first(also, _ALSO)]
    space = "\n" if facts else ""
    return f"\n{prose(words.answer(plugin))}\n{space}{''.join(facts)}"


def _first(texts: Sequence[str], most: int, more: str = "more") -> list[str]:
    """Return the first texts, and the number of the others."""
    left = len(texts) - most
    return [*texts[:most], f"and {left} {more}"] if left > 0 else [*texts]


def _also(alike: Sequence[ShownFinding | ShownPolicy]) -> list[str]:
    return _first([f"also {name}" for name in words.others(alike, code)], _ALSO, "more like it")


def _finding(alike: list[ShownFinding], review: ShownReview) -> str:
    first = alike[0]
    rule = ", ".join(filter(None, (first.rule, words.counts_for(first, review))))
    lines = [f"- **{first.level}** {prose(first.message)}"]
    if first.fix and first.level is not Level.NOTE:
        lines.append(f"    - **fix:** {prose(words.fix(alike))}")
    of = "" if first.address in first.message.split() else first.address
    named = " ".join(map(code, filter(None, (of, first.attribute))))
    about = ", ".join(filter(None, (named, code(words.where(first.place)))))
    lines.append(f"    - {about} ({rule})" if about else f"    - {rule}")
    details = [prose(detail) for detail in first.details if first.level is not Level.NOTE]
    lines += [f"    - {line}" for line in (*_also(alike), *_first(details, _DETAILS))]
    return "\n".join(lines) + "\n"


def _policy(alike: list[ShownPolicy], dialect: Dialect) -> str:
    policy = alike[0]
    places = map(code, filter(None, (words.where_changed(policy), words.where(policy.place))))
    lines = [f"- in {text}"] if (text := ", ".join(places)) else []
    parts = ((words.SIGNS[x.change], map(prose, (x.text, *x.conditions))) for x in policy.lines)
    changes = [f"`{sign}` " + "\n    - ".join(texts) for sign, texts in parts]
    lines += [f"- {line}" for line in (*_also(alike), *_first(changes, _LINES))]
    text = "".join(f"{line}\n" for line in lines)
    if not dialect.folds:
        return f"\n{words.title(policy, code)}\n\n{text}"
    title = words.title(policy, _html_code)
    return f"\n<details><summary>{title}</summary>\n\n{text}\n</details>\n"


def _html_code(text: str) -> str:
    """Return text as code in a block of HTML, where a forge reads no Markdown and no mention."""
    return f"<code>{escape_html(_short(text))}</code>"
