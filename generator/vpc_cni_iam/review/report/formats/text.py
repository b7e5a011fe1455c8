"""A review as text: whether the plugin works, who can do more, and the other findings.

The first screen has at most forty lines and counts what it leaves out; ``--details`` shows all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vpc_cni_iam.colours import coloured
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.escape import escape_log_command, sanitise
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.shown import ShownFinding, ShownPlugin, ShownReview
from vpc_cni_iam.review.report.words import Section
from vpc_cni_iam.review.report_formats import Setting

_INDENT, _LABEL = 12, "  {:<10}"
_SCREEN = 40
# If the first screen has too many lines, each section shows fewer findings.
_MOST_FINDINGS, _FIRST_NOTES, _FIRST_CLUSTERS, _FIRST_IGNORED = 16, 5, 2, 1
# Lines of a text, so that none fills the first screen.
_FIRST_LINES, _LAST_LINES = 3, 4


def write(review: ShownReview, setting: Setting) -> str:
    """Return a review in this format."""
    sections = words.in_sections(review)
    if setting.details:
        return _page(review, setting, sections, None).text()
    for most in range(_MOST_FINDINGS, -1, -1):
        page = _page(review, setting, sections, most)
        if page.height <= _SCREEN:
            break
    return page.text()


def _page(
    review: ShownReview,
    setting: Setting,
    sections: Mapping[Section, list[list[ShownFinding]]],
    most: int | None,
) -> _TextPage:
    """Return a page with at most `most` findings a section; with 0, one finding in two lines."""
    page = _TextPage(setting, is_brief=most == 0)
    page.line(f"IAM review of {review.plan}", "title", most=1)
    result, style = ("fails", "fails") if review.failed else ("passes", "works")
    counted, fail_on = words.counted_with_ignored(review), " or ".join(review.fail_on)
    page.line(f"{counted}; the review {result} (--fail-on {fail_on})", style)
    for part, groups in sections.items():
        page.blank()
        if part is Section.PLUGIN:
            _plugins(page, review)
        else:
            page.line(part.value, "title")
        if answer := words.answer_to(part, review, groups):
            page.line(f"  {answer}", "quiet")
        graver = sum(alike[0].level is not Level.NOTE for alike in groups)
        end = len(groups) if most is None else min(max(most, 1), graver + _FIRST_NOTES)
        for alike in groups[:end]:
            _finding(page, review, alike)
        if left := [finding for alike in groups[end:] for finding in alike]:
            page.line(f"  and {words.counted(left)} more (--details)", "quiet")
    page.blank()
    _ignored(page, review)
    if setting.details:
        _policies(page, review)
    page.line(words.last_line(review, names=None if setting.details else 2), most=_LAST_LINES)
    return page


class _TextPage:
    """Lines of text, as wide as a terminal; not broken if no width is known."""

    def __init__(self, setting: Setting, *, is_brief: bool) -> None:
        self._width, self._colour, self.details = setting.width, setting.colour, setting.details
        self.is_brief = is_brief  # each text has one line; no details and no fix
        self._lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    @property
    def height(self) -> int:
        return len(self._lines)

    def blank(self) -> None:
        self._lines.append("")

    def line(
        self,
        text: str,
        style: str = "plain",
        label: str = "",
        *,
        indent: int = 0,
        most: int | None = None,
    ) -> None:
        """Add a text with a label, in at most `most` lines; with details, in all it needs."""
        safe = escape_log_command(sanitise(text))
        lead = label or " " * indent
        rest = " " * len(lead) if label else " " * (indent + 2)
        parts = [safe]
        if self._width is not None:
            width = max(self._width - max(len(lead), len(rest)), 8)
            parts = list(_wrapped(safe, width))
            most = 1 if self.is_brief else most
            if most is not None and not self.details and len(parts) > most:
                parts = [*parts[: most - 1], f"{parts[most - 1][: width - 3]}..."]
        for number, part in enumerate(parts):
            before = rest if number else lead
            self._lines.append(f"{self._styled(before, style)}{self._styled(part, style)}".rstrip())

    def _styled(self, text: str, style: str) -> str:
        return coloured(text, style) if self._colour else text


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Yield lines, broken at spaces; a word that is too long is broken at ``:`` or ``/``."""
    line = text[: len(text) - len(text.lstrip(" "))]
    for word in text.lstrip(" ").split(" "):
        if line.strip() and len(line) + 1 + len(word) > width:
            yield line
            line = ""
        rest = word
        while len(rest) > width:
            end = max(rest.rfind(mark, 0, width) for mark in ":/") + 1 or width
            yield line + rest[:end]
            line, rest = "", rest[end:]
        line += f" {rest}" if line.strip() else rest
    yield line


def _plugins(page: _TextPage, review: ShownReview) -> None:
    clusters = words.plugins(review)
    for alike in clusters if page.details else clusters[:_FIRST_CLUSTERS]:
        _plugin(page, alike)
    left = sum(map(len, clusters[_FIRST_CLUSTERS:]))
    if left and not page.details:
        page.line(f"  and {left} more (--details)", "quiet")
    if not clusters:
        page.line(words.NOT_SHOWN, "title")


def _plugin(page: _TextPage, alike: Sequence[ShownPlugin]) -> None:
    plugin, *others = alike
    page.line(words.answer(plugin), plugin.verdict, most=2)
    for label, text in () if page.is_brief else words.facts(plugin):
        page.line(text, label=_LABEL.format(label), most=1)
    for text in plugin.details if page.details else ():
        page.line(text, label=_LABEL.format(""))
    if others:
        names = list(map(words.in_cluster, others))
        page.line(first_of(names, len(names) if page.details else 1), label=_LABEL.format("also"))


def _finding(page: _TextPage, review: ShownReview, alike: list[ShownFinding]) -> None:
    first = alike[0]
    page.line(first.message, first.level, _LABEL.format(first.level), most=_FIRST_LINES)
    if not page.is_brief:
        for line in first.details if page.details else words.first_details(first):
            page.line(line, "quiet", indent=_INDENT, most=2)
        if first.fix and (page.details or first.level is not Level.NOTE):
            page.line(f"fix: {words.fix(alike)}", indent=_INDENT, most=2)
    about = ", ".join(filter(None, (words.about(first), words.where(first.place))))
    rule = ", ".join(filter(None, (first.rule, words.counts_for(first, review))))
    page.line(f"{about} [{rule}]".lstrip(), "quiet", indent=_INDENT, most=2)
    names = words.others(alike)
    shown = names if page.details or not names else [first_of(names, 1)]
    for name in shown:
        page.line(f"also {name}", "quiet", indent=_INDENT, most=1)


def _ignored(page: _TextPage, review: ShownReview) -> None:
    for ignored in review.ignored if page.details else review.ignored[:_FIRST_IGNORED]:
        until = f" until {ignored.until}" if ignored.until else ""
        finding = ignored.finding
        text = f"ignored{until}: {finding.rule} {finding.address}: {ignored.reason}"
        page.line(text, "quiet", most=1)
    left = len(review.ignored) - _FIRST_IGNORED
    if left > 0 and not page.details:
        page.line(f"and {left} more ignored (--details)", "quiet")


def _policies(page: _TextPage, review: ShownReview) -> None:
    page.line("Policy changes", "title")
    if not review.policies:
        page.line(f"  {words.UNCHANGED}")
    for alike in words.policies(review):
        policy = alike[0]
        page.blank()
        where = ", ".join(filter(None, (words.where_changed(policy), words.where(policy.place))))
        page.line(words.title(policy) + (f" ({where})" if where else ""), "title")
        for name in words.others(alike):
            page.line(f"also {name}", "quiet", indent=2)
        for line in policy.lines:
            page.line(line.text, line.change, f"  {words.SIGNS[line.change]} ")
            for condition in line.conditions:
                page.line(condition, line.change, indent=6)
    page.blank()
