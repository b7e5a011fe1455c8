"""The matrix as text, data, picture and page says the same, to everybody, with the same bytes."""

import itertools
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from conftest import ROOT
from coverage_policies import composed, setting, upstream
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.coverage import matrix_wording as matrix_report
from vpc_cni_iam.coverage.analysis.matrix import Matrix, matrix
from vpc_cni_iam.coverage.data import matrix_data
from vpc_cni_iam.coverage.report import html as page
from vpc_cni_iam.coverage.report import svg as picture
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.coverage.simulate.settings import Names
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.inputs.policies import NamedPolicy
from vpc_cni_iam.policy.document import Policy, Statement

SVG = "{http://www.w3.org/2000/svg}"


def looked_at(policy: Policy, title: str = "a policy") -> tuple[Subject, Matrix]:
    subject = Subject(title, (NamedPolicy("", policy, title),), Names(), {}, ())
    return subject, matrix([policy], setting("latest", subject.mode))


# The agents between exit when the groups of a trunk interface are denied.
WORKS = "v1.8.0 to v1.12.6, v1.13.4 to v1.21.2, v1.22.2 to v1.23.2"
SCOPED = looked_at(upstream("ipv4-scoped", "2024-07-22"))


def test_the_picture_stands_for_itself() -> None:
    drawn = picture.svg(*SCOPED)
    root = ET.fromstring(drawn)
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    assert f"works with {WORKS}" in str(root.get("aria-label"))
    assert "prefers-color-scheme: dark" in drawn and "@media print" in drawn
    assert not re.search(r"<script|href|url\(|@import|@font-face", drawn)
    assert re.findall(r"https?://[^\s\"]+", drawn) == ["http://www.w3.org/2000/svg"]


def test_every_cell_is_in_the_picture_once() -> None:
    subject, result = SCOPED
    messages = [
        e.text or "" for e in ET.fromstring(picture.svg(subject, result)).iter(f"{SVG}title")
    ]
    for number, action in enumerate(result.actions):
        bars = [s for s in messages if s.startswith(f"{action}, ")]
        changes = sum(
            item.cells[number] != other.cells[number]
            for item, other in zip(result.rows, result.rows[1:], strict=False)
        )
        assert len(bars) == changes + 1, action
    groups = "ec2:DescribeSecurityGroups, v1.22.0 to v1.22.1"
    impact = "exits at start (read from source)"
    assert f"{groups}: called and denied: the plugin fails; {impact}" in messages


def test_colour_is_never_alone() -> None:
    root = ET.fromstring(picture.svg(*SCOPED))
    for group in root.iter(f"{SVG}g"):
        (bar,) = group.findall(f"{SVG}rect")
        if bar.get("class") in ("fatal", "degraded"):
            assert group.find(f"{SVG}text") is not None


class Outline(HTMLParser):
    """Notes the tags, and checks that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "rect", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_has_tables() -> None:
    subject, result = SCOPED
    written = page.html(subject, result)
    outline = Outline()
    outline.feed(written)
    assert outline.open == []
    assert outline.seen.count("table") == 2 and "script" not in outline.seen
    assert written.count('scope="row"') == len(result.runs()) + len(result.denials())
    assert all(d.call.range.evidence.split(" ")[0] in written for d in result.denials())


def test_what_a_user_wrote_stays_text() -> None:
    title = "<b onload=x>\"'&\x00\x1b ${x} .json"
    action = "ec2:<i>&\"'"
    policy = Policy((Statement(actions=("ec2:DescribeSubnets", action), resources=("*",)),))
    subject, result = looked_at(policy, title)
    for written in (picture.svg(subject, result), page.html(subject, result)):
        assert "<b" not in written.replace("<body", "").replace("<b>", "") and "<i>" not in written
        assert "\x00" not in written and "\x1b" not in written
    ET.fromstring(picture.svg(subject, result))


def test_a_long_title_is_cut_in_the_picture_and_whole_for_readers() -> None:
    drawn = picture.svg(*looked_at(composed("ipv4", "latest"), "x" * 300))
    assert drawn.isascii() and "&#8230;" in drawn and "x" * 300 in drawn


def test_same_input_same_bytes() -> None:
    again = looked_at(upstream("ipv4-scoped", "2024-07-22"))
    assert picture.svg(*again) == picture.svg(*SCOPED)
    assert page.html(*again) == page.html(*SCOPED)


def test_text_has_each_run_and_with_every_each_release() -> None:
    subject, result = SCOPED
    short = list(matrix_report.text(subject, result))
    assert sum(" to v" in line and "+" in line.split() for line in short) == len(result.runs())
    lines = list(matrix_report.text(subject, result, verbose=True))
    assert sum(bool(re.match(r"v[\d.]+ +[+X!o.] ", line)) for line in lines) == len(result.rows)
    also = "without the scenario trunk-interface also with v1.13.0 to v1.13.3"
    assert lines[-1] == f"works with {WORKS}; {also}"


def test_text_has_no_column_for_each_of_thousands_of_actions_that_are_never_called() -> None:
    names = tuple(f"s3:Get{number}" for number in range(5_000))
    subject, result = looked_at(Policy((Statement(actions=("ec2:*", *names), resources=("*",)),)))
    lines = list(matrix_report.text(subject, result))
    assert sum(map(len, lines)) < 50_000
    more = len(result.actions) - 100
    assert f"and {more:,} more actions that are never called; --format json lists them" in lines
    called = {
        action
        for row in result.rows
        for action, cell in zip(result.actions, row.cells, strict=True)
        if cell not in ("unused", "not called")
    }
    assert called <= set(result.actions[:100])


def test_an_action_for_which_there_is_no_column_is_counted() -> None:
    names = tuple(f"s3:Get{number}" for number in range(100))
    few = looked_at(Policy((Statement(actions=names[:1], resources=("*",)),)))
    columns = 101 - len(few[1].actions)
    line = "and 1 more action that is never called"
    for count, expected in ((columns, []), (columns + 1, [line])):
        policy = Policy((Statement(actions=names[:count], resources=("*",)),))
        parts = [text.partition(";")[0] for text in matrix_report.text(*looked_at(policy))]
        assert [part for part in parts if part.startswith("and ")] == expected


def test_data_says_why() -> None:
    report = matrix_data(*SCOPED)
    assert report["works_with"] == [tuple(span.split(" to ")) for span in WORKS.split(", ")]
    row = next(r for r in report["versions"] if r["version"] == "v1.22.1")
    denied = row["denied"]["ec2:DescribeSecurityGroups"]
    assert row["cells"]["ec2:DescribeSecurityGroups"] == report["verdict"] == "fatal"
    assert denied["scenario"] == "fresh-node" and denied["evidence"].startswith("v1.22.1:")


def test_where_it_fails_only_at_times_that_is_said() -> None:
    (hardened,) = options(
        ("ipv4-scoped",), cni_version="v1.23.0", hardening=Hardening(("example-team",))
    ).composed()
    names = parameters.values({"cluster_name": "example", "vpc_id": "vpc-0123456789abcdef0"})
    subject, result = looked_at(parameters.substitute(hardened.policy, names))
    assert result.works() == ()
    message = (
        "no known version; without the scenarios trunk-interface and cluster-name-corrected "
        "with v1.8.0 to v1.21.2, v1.22.2 to v1.23.2"
    )
    assert matrix_report.works(result) == message
    assert f"works with {message}" in picture.svg(subject, result)
    assert f"works with {message}" in page.html(subject, result)
    data = matrix_data(subject, result)
    assert data["works_but_for"]["scenarios"] == ("trunk-interface", "cluster-name-corrected")
    assert matrix_data(*SCOPED)["works_but_for"] == {
        "scenarios": ("trunk-interface",),
        "works_with": [("v1.8.0", "v1.21.2"), ("v1.22.2", "v1.23.2")],
    }


def test_a_release_in_which_nothing_is_sent_is_not_said_to_work() -> None:
    policy = upstream("ipv4", "2026-06-01")
    table = matrix([policy], setting("latest", "ipv4"), find(("upgrade-adds-tag",)))
    assert str(table.rows[0].version) == "v1.19.4"
    assert list(map(str, table.works())) == ["v1.19.4 to v1.23.2"]


def test_each_minor_version_has_the_same_width() -> None:
    """v1.22, in which the plugin failed, is as wide as v1.7 with its eleven versions."""
    drawn = picture.svg(*SCOPED)
    lines = [float(x) for x in re.findall(r'class="grid" d="M([\d.]+) ', drawn)]
    minors = {row.version.number[:2] for row in SCOPED[1].rows}
    assert len(lines) == len(minors)
    widths = {round(b - a) for a, b in itertools.pairwise(lines)}
    assert max(widths) - min(widths) <= 1


def boxes(element: ET.Element) -> list[list[float]]:
    """Return the left, top, right and bottom of each rectangle below an element."""
    sides = (
        [float(rect.get(name, 0)) for name in ("x", "y", "width", "height")]
        for rect in element.iter(f"{SVG}rect")
    )
    return [[x, y, x + width, y + height] for x, y, width, height in sides]


def test_bars_fill_each_row_and_nothing_overlaps_or_leaves_the_picture() -> None:
    root = ET.fromstring(picture.svg(*SCOPED))
    (*_, right, bottom), *bars = boxes(root)
    assert all(0 < x < end < right and 0 < y < low < bottom for x, y, end, low in bars)
    for box, other in itertools.combinations(bars, 2):
        assert any(box[n] >= other[n + 2] or other[n] >= box[n + 2] for n in (0, 1)), (box, other)
    rows: dict[str, list[float]] = {}
    for group in root.iter(f"{SVG}g"):
        ((x, _, end, _),) = boxes(group)
        rows.setdefault(str(group[0].text).partition(", ")[0], []).extend((x, end))
    assert rows.keys() == {"the plugin works", *SCOPED[1].actions}
    for action, edges in rows.items():
        assert edges[0] <= 16 and edges[-1] >= right - 16, action
        gaps = zip(edges[1::2], edges[2::2], strict=False)
        assert all(0 < start - end <= 2 for end, start in gaps), action


def test_the_picture_can_be_read_on_a_telephone() -> None:
    """390 pixels wide, no letter is smaller than 8 pixels, and no text leaves the picture."""
    drawn = picture.svg(*SCOPED)
    width = float(str(ET.fromstring(drawn).get("width")))
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", drawn)]
    assert min(sizes) * min(1, 390 / width) >= 8


@pytest.mark.parametrize("page", ["index.md", "coverage.md"])
def test_the_text_of_the_picture_has_the_versions_of_the_picture(page: str) -> None:
    (text,) = re.findall(r"!\[(.*)\]\(coverage\.svg\)", (ROOT / "docs" / page).read_text())
    spans = re.findall(r"v[\d.]+ to v[\d.]+", text)
    drawn = (ROOT / "docs" / "coverage.svg").read_text().partition("without")[0]
    assert spans == re.findall(r"v[\d.]+ to v[\d.]+", drawn)
