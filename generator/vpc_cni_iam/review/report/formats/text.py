"""A review as text: whether the plugin works, who can do more, and what else there is.

The first screen has at most forty lines and counts what it leaves out; ``--details`` shows all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.escape import escape_log_command, sanitise
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.review.diff.plugin.answers import AnswerVerdict
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.shown import ShownFinding, ShownPlugin, ShownPolicy, ShownReview
from vpc_cni_iam.review.report.words import Section
from vpc_cni_iam.review.report_formats import Setting
from vpc_cni_iam.review.rules import Level

_COLOURS = {
    "error": "1;31",
    "warning": "33",
    "note": "36",
    "title": "1",
    "quiet": "2",
    "good": "32",
    "plain": "",
    Change.added: "31",
    Change.removed: "33",
    Change.changed: "",
}
_VERDICTS = {
    AnswerVerdict.WORKS: "good",
    AnswerVerdict.FAILS: "error",
    AnswerVerdict.NOT_SHOWN: "warning",
    AnswerVerdict.DEGRADED: "warning",
}
_INDENT = 12
_LABEL = "  {:<10}"
# By which line of the first screen each section ends, if all of them are long.
_ENDS = {Section.PLUGIN: 16, Section.ACCESS: 27, Section.OTHER: 31}
_SCREEN = 40
_FIRST_CLUSTERS, _FIRST_NOTES, _FIRST_IGNORED = 2, 5, 1
# So that no text fills the first screen alone.
_FIRST_LINES, _LAST_LINES = 3, 4


def write(review: ShownReview, setting: Setting) -> str:
    """Return a review in this format."""
    sections = words.in_sections(review)
    if setting.details:
        return _page(review, setting, sections, {}).text()
    draw = partial(_page, review, setting, sections)
    page = draw(_ENDS)
    free = _SCREEN - page.height
    for more in range(free, -_SCREEN, -1):
        page = draw({part: end + more for part, end in _ENDS.items()})
        if page.height <= _SCREEN:
            break
    return page.text()


def _page(
    review: ShownReview,
    setting: Setting,
    sections: Mapping[Section, list[list[ShownFinding]]],
    ends: Mapping[Section, int],
) -> _TextPage:
    page = _TextPage(setting.width, colour=setting.colour, details=setting.details)
    page.line(f"IAM review of {review.plan}", "title", most=1)
    result = "fails" if review.failed else "passes"
    counted, fail_on = words.counted_with_ignored(review), " or ".join(review.fail_on)
    style = "error" if review.failed else "good"
    page.line(f"{counted}; the review {result} (--fail-on {fail_on})", style)
    for part, groups in sections.items():
        page.blank()
        if part is Section.PLUGIN:
            _plugins(page, review)
        else:
            page.line(part.value, "title")
        if answer := words.answer_to(part, review, groups):
            page.line(f"  {answer}", "quiet")
        _findings(page, review, groups, ends.get(part))
    page.blank()
    _ignored(page, review)
    if setting.details:
        _policies(page, review)
    page.line(words.last_line(review, names=None if setting.details else 2), most=_LAST_LINES)
    return page


class _TextPage:
    """Lines of text, as wide as a terminal, or as long as they are where no width is known."""

    def __init__(self, width: int | None, *, colour: bool, details: bool) -> None:
        self._width = width
        self._colour = colour
        self.details = details
        self._lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    @property
    def height(self) -> int:
        return len(self._lines)

    def cut(self, height: int) -> None:
        del self._lines[height:]

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
        """Add a text with a label, broken into at most so many lines, or any with details."""
        safe = escape_log_command(sanitise(text))
        lead = label or " " * indent
        rest = " " * len(lead) if label else " " * (indent + 2)
        parts = [safe]
        if self._width is not None:
            width = max(self._width - max(len(lead), len(rest)), 8)
            parts = list(_wrapped(safe, width))
            if most is not None and not self.details and len(parts) > most:
                parts = [*parts[: most - 1], f"{parts[most - 1][: width - 3]}..."]
        for number, part in enumerate(parts):
            before = rest if number else lead
            self._lines.append(f"{self._styled(before, style)}{self._styled(part, style)}".rstrip())

    def _styled(self, text: str, style: str) -> str:
        code = _COLOURS[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text.strip() else text


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Yield lines, broken at spaces; a longer word is a line of its own, broken at its parts."""
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
        page.line(f"  and {left} more cluster{'s' * (left > 1)} (--details)", "quiet")
    if not clusters:
        page.line(words.NOT_SHOWN, "title")


def _plugin(page: _TextPage, alike: Sequence[ShownPlugin]) -> None:
    plugin, *others = alike
    page.line(words.answer(plugin), _VERDICTS[plugin.verdict], most=2)
    for label, text in words.facts(plugin):
        page.line(text, label=_LABEL.format(label), most=1)
    for text in plugin.details if page.details else ():
        page.line(text, label=_LABEL.format(""))
    if others:
        names = list(map(words.in_cluster, others))
        page.line(first_of(names, len(names) if page.details else 1), label=_LABEL.format("also"))


def _findings(
    page: _TextPage, review: ShownReview, groups: list[list[ShownFinding]], end: int | None
) -> None:
    """Add findings up to a line of the page, at least one; all with their details for none."""
    notes = 0
    for number, alike in enumerate(groups):
        start = page.height
        notes += alike[0].level is Level.NOTE
        _finding(page, review, alike)
        if end is None or (notes <= _FIRST_NOTES and page.height <= end):
            continue
        if number:
            page.cut(start)
            left = [finding for group in groups[number:] for finding in group]
            page.line(f"  and {words.counted(left)} more (--details)", "quiet")
            return
        page.cut(max(start + 2, end))


def _finding(page: _TextPage, review: ShownReview, alike: list[ShownFinding]) -> None:
    first, *others = alike
    page.line(first.message, first.level, _LABEL.format(first.level), most=_FIRST_LINES)
    for line in first.details if page.details else words.first_details(first):
        page.line(line, "quiet", indent=_INDENT, most=2)
    if first.fix and (page.details or first.level is not Level.NOTE):
        page.line(f"fix: {words.fix(alike)}", indent=_INDENT, most=2)
    page.line(_where(first, review), "quiet", indent=_INDENT, most=2)
    names = [words.about(other) for other in others]
    if page.details:
        for name in names:
            page.line(f"also {name}", "quiet", indent=_INDENT)
    elif names:
        page.line(f"also {first_of(names, 1)}", "quiet", indent=_INDENT, most=1)


def _where(finding: ShownFinding, review: ShownReview) -> str:
    place = words.where(finding.place)
    about = ", ".join(filter(None, (words.about(finding), place)))
    rule = ", ".join(filter(None, (finding.rule, words.counts_for(finding, review))))
    return f"{about} [{rule}]".lstrip()


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
    page.line("Changes of policies", "title")
    if not review.policies:
        page.line(f"  {words.UNCHANGED}")
    for policy, *others in words.policies(review):
        page.blank()
        _policy(page, policy, others)
    page.blank()


def _policy(page: _TextPage, policy: ShownPolicy, others: Iterable[ShownPolicy]) -> None:
    where = ", ".join(filter(None, (words.where_changed(policy), words.where(policy.place))))
    page.line(f"{words.title(policy)}{f' ({where})' if where else ''}", "title")
    for other in others:
        page.line(f"also {other.owner} ({words.about(other)})", "quiet", indent=2)
    for line in policy.lines:
        page.line(line.text, line.change, f"  {words.SIGNS[line.change]} ")
