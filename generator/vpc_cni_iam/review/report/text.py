"""A review as text: whether the plugin keeps working, who can do more, what else changes.

The first screen answers these three questions; ``--details`` adds the evidence of each finding and
every change of a policy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.escape import escape_log_command, sanitise
from vpc_cni_iam.inputs.plan.addresses import without_keys
from vpc_cni_iam.review import wording
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.findings import Finding, Review
from vpc_cni_iam.review.report_formats import Setting

_COLOURS = {
    "error": "1;31",
    "warning": "33",
    "note": "36",
    "title": "1",
    "quiet": "2",
    "bad": "31",
    "good": "32",
    "warn": "33",
    "plain": "",
    "gain": "31",
    "loss": "33",
    "no-op": "2",
}
_INDENT = 12
_LABEL = "  {:<10}"
# So that a reviewer reads one screen of forty lines: by which line each section ends, and what
# of many alike is shown.
_ENDS: dict[wording.Section, int] = {"plugin": 16, "access": 30, "other": 36}
_FIRST_CLUSTERS, _FIRST_NOTES, _FIRST_IGNORED = 2, 3, 2
_WITH_EFFECT = ("coverage-lost", "coverage-lacking")
_WITH_EXAMPLE = (
    *("new-access", "new-policy", "admin-attached"),
    *("plugin-identity-changed", "node-role-changed", "workload-role"),
)


def write(review: Review, setting: Setting) -> str:
    """Return a review in this format."""
    page = _TextPage(setting.width, colour=setting.colour)
    _head(page, review)
    groups = list(wording.grouped(review.findings, wording.look))
    for section, title in wording.SECTIONS.items():
        page.blank()
        page.line(title, "title")
        if section == "plugin":
            _plugin(page, review, details=setting.details)
        own = [g for g in groups if wording.section(g[0]) == section]
        if not own:
            put_aside = any(wording.section(i.finding) == section for i in review.ignored)
            gains = any("new-access" in f.means and f.level != "note" for f in review.findings)
            nothing = _NOBODY_ELSE if section == "access" and gains else _NOTHING[section]
            page.line(f"  {_IGNORED if put_aside else nothing}", "quiet")
        if not setting.details:
            own = list(_of_one_block([g for g in own if not _shown_above(g[0])]))
        _findings(page, review, own, None if setting.details else _ENDS[section])
    page.blank()
    _ignored(page, review, details=setting.details)
    page.line(wording.limits(review))
    if setting.details:
        _changes(page, review)
    return page.text()


_UNCHANGED = "Nothing in the plan changes an IAM policy."
_IGNORED = "Only what is ignored, see below."
_NOTHING: dict[wording.Section, str] = {
    "plugin": "No finding about the plugin.",
    "access": "Nobody, as far as the plan says.",
    "other": "None.",
}
# Where what is said of the plugin is new access.
_NOBODY_ELSE = "Nobody else, as far as the plan says."


class _TextPage:
    """Lines of text, as wide as a terminal, or as long as they are where no width is known."""

    def __init__(self, width: int | None, *, colour: bool) -> None:
        self._width = width
        self._colour = colour
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

    def line(self, text: str, style: str = "plain", label: str = "", indent: int = 0) -> None:
        """Add a text, broken into lines that are indented, with a label before the first."""
        safe = escape_log_command(sanitise(text))
        lead = label or " " * indent
        rest = " " * len(lead) if label else " " * (indent + 2 if indent else 2)
        parts = [safe]
        if self._width is not None:
            width = max(self._width - max(len(lead), len(rest)), 8)
            parts = list(_wrapped(safe, width))
        for number, part in enumerate(parts):
            before = rest if number else lead
            shown = self._styled(part, style)
            head = self._styled(before, style) if label and not number else before
            self._lines.append(f"{head}{shown}".rstrip())

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


def _head(page: _TextPage, review: Review) -> None:
    page.line(f"IAM review of {review.plan}", "title")
    result = "fails" if review.failed else "passes"
    style = "error" if review.failed else "good"
    fail_on = " or ".join(review.fail_on)
    counted = wording.counted_with_ignored(review)
    page.line(f"{counted}; the review {result} (--fail-on {fail_on})", style)
    if not any(wording.changed(review)):
        page.line(_UNCHANGED)


def _plugin(page: _TextPage, review: Review, *, details: bool) -> None:
    clusters = wording.clusters(review)
    for number, alike in enumerate(clusters if details else clusters[:_FIRST_CLUSTERS]):
        if number:
            page.blank()
        for label, text, changes in wording.plugin_rows(alike, None if details else 1):
            page.line(text, "title" if changes else "plain", _LABEL.format(label))
    if (more := sum(map(len, clusters[_FIRST_CLUSTERS:]))) and not details:
        page.line(f"  and {more} more cluster{'s' * (more > 1)} (--details)", "quiet")
    if not review.clusters:
        page.line(wording.judged_by(review), label=_LABEL.format("version"))
        for principal in review.principals:
            if principal.concerns_plugin:
                how = "its policies change" if principal.coverage else "its policies stay"
                page.line(f"{principal.name}, {how}", label=_LABEL.format("role"))


def _shown_above(finding: Finding) -> bool:
    """Say whether the rows of the plugin say what a finding does."""
    return finding.rule == "plugin-version-changed" and finding.level == "note"


def _ignored(page: _TextPage, review: Review, *, details: bool) -> None:
    for ignored in review.ignored if details else review.ignored[:_FIRST_IGNORED]:
        until = f" until {ignored.until}" if ignored.until else ""
        finding = ignored.finding
        page.line(f"ignored{until}: {finding.rule} {finding.address}: {ignored.reason}", "quiet")
    if (more := len(review.ignored) - _FIRST_IGNORED) > 0 and not details:
        page.line(f"and {more} more ignored (--details)", "quiet")


def _of_one_block(groups: Iterable[list[Finding]]) -> Iterator[list[Finding]]:
    """Yield groups, those together that one block makes by count or for_each, but for errors."""
    earlier: Counter[Hashable] = Counter()

    def look(group: list[Finding]) -> Hashable:
        first = group[0]
        if first.level == "error" or not first.address:
            return first
        about = first.rule, first.level, first.address, first.attribute
        earlier[about] += 1
        return *about[:2], *map(without_keys, about[2:]), earlier[about]

    for alike in wording.grouped(groups, look):
        yield [finding for findings in alike for finding in findings]


def _findings(
    page: _TextPage, review: Review, groups: list[list[Finding]], end: int | None
) -> None:
    """Add findings up to a line of the page, at least one; all with their details for none."""
    notes = 0
    for number, alike in enumerate(groups):
        start = page.height
        notes += alike[0].level == "note"
        _alike(page, review, alike, details=end is None)
        if end is not None and (notes > _FIRST_NOTES or (number and page.height > end)):
            page.cut(start)
            left = [finding for group in groups[number:] for finding in group]
            page.line(f"  and {wording.counted(left)} more (--details)", "quiet")
            return


def _alike(page: _TextPage, review: Review, alike: list[Finding], *, details: bool) -> None:
    first = alike[0]
    page.line(first.message, first.level, _LABEL.format(first.level))
    shown = first.details if details else tuple(_on_first_screen(first))
    for line in shown:
        page.line(line, "quiet", indent=_INDENT)
    page.line(_where(first, review), "quiet", indent=_INDENT)
    differ = len(set(map(wording.look, alike))) > 1
    _also(page, [wording.subject(f) for f in alike[1:]], details=details, differ=differ)


def _on_first_screen(finding: Finding) -> Iterator[str]:
    """Yield what a denial breaks; or the request that shows new access, or why none does."""
    if finding.rule in _WITH_EFFECT:
        yield from finding.details[:1]
    elif finding.rule in _WITH_EXAMPLE and finding.level != "note":
        # Where that is the new identity, the message has it.
        yield from (d for d in finding.details[-1:] if not d.startswith("after: "))


def _where(finding: Finding, review: Review) -> str:
    place = wording.where(finding.place)
    about = ", ".join(filter(None, (wording.subject(finding), place)))
    rule = ", ".join(filter(None, (finding.rule, wording.counts_for(finding, review))))
    return f"{about} [{rule}]".lstrip()


def _also(
    page: _TextPage, names: Iterable[str], *, details: bool = False, differ: bool = False
) -> None:
    every = list(names)
    if details:
        for name in every:
            page.line(f"also {name}", "quiet", indent=_INDENT)
    elif every:
        also = "with other values (--details):" if differ else "also"
        page.line(f"{also} {first_of(every, 1)}", "quiet", indent=_INDENT)


def _changes(page: _TextPage, review: Review) -> None:
    changed = list(wording.changed(review))
    page.blank()
    page.line("Changes of policies", "title")
    if not changed:
        page.line(f"  {_UNCHANGED}")
    for alike in changed:
        page.blank()
        _change(page, alike)


def _change(page: _TextPage, alike: list[Change]) -> None:
    change = alike[0]
    place = wording.where(change.place)
    where = f", {place}" if place else ""
    page.line(f"{change.action}: {wording.subject(change)}{where}", "title")
    _also(page, [c.address for c in alike[1:]])
    for line in change.lines:
        label = f"  {wording.SIGNS[line.effect]} {line.kind:<17} "
        page.line(line.text, "plain" if wording.is_calm(change) else line.effect, label)
    for tone, text in wording.about(change):
        # What is quiet goes on from the line above it.
        page.line(text, tone, indent=4 if tone == "quiet" else 2)
