"""The matrix as text, data and picture says the same, to everybody, with the same bytes."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from conftest import ROOT, Stored
from coverage_policies import NAMES, NEWEST, allow, composed, filled, setting, upstream
from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.grants import Document
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.coverage.analysis.matrix import Matrix, matrix
from vpc_cni_iam.coverage.report import svg as picture
from vpc_cni_iam.coverage.report.sentences import matrix as matrix_report
from vpc_cni_iam.coverage.shown import shown_matrix
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, find
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.policy.document import Policy

SVG = "{http://www.w3.org/2000/svg}"


def looked_at(policy: Policy, title: str = "a policy") -> tuple[Subject, Matrix]:
    subject = Subject(title, RoleAccess("", (Document("", policy, title),)), NAMES)
    return subject, matrix([policy], setting("latest", subject.mode))


WORKS = f"v1.8.0 to v1.21.2, v1.22.2 to {NEWEST}"
SCOPED = looked_at(upstream("ipv4-scoped", "2024-07-22"))


def test_the_picture_stands_for_itself() -> None:
    drawn = picture.matrix(*SCOPED, verbose=False)
    root = ET.fromstring(drawn)
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    assert f"works with {WORKS}" in str(root.get("aria-label"))
    assert "prefers-color-scheme: dark" in drawn and "@media print" in drawn
    assert not re.search(r"<script|href|url\(|@import|@font-face", drawn)
    assert re.findall(r"https?://[^\s\"]+", drawn) == ["http://www.w3.org/2000/svg"]


def test_every_cell_is_in_the_picture_once() -> None:
    subject, result = SCOPED
    messages = [
        e.text or ""
        for e in ET.fromstring(picture.matrix(subject, result, verbose=False)).iter(f"{SVG}title")
    ]
    for number, action in enumerate(result.actions):
        bars = [s for s in messages if s.startswith(f"{action}, ")]
        changes = sum(
            item.cells[number] != other.cells[number]
            for item, other in zip(result.rows, result.rows[1:], strict=False)
        )
        assert len(bars) == changes + 1, action
    groups = "ec2:DescribeSecurityGroups, v1.22.0 to v1.22.1"
    impact = "exits at start (observed)"
    assert f"{groups}: called and denied: the plugin fails; {impact}" in messages


def test_a_long_title_is_cut_in_the_picture_and_whole_for_readers() -> None:
    drawn = picture.matrix(*looked_at(composed("ipv4", "latest"), "x" * 300), verbose=False)
    assert drawn.isascii() and "&#8230;" in drawn and "x" * 300 in drawn


def test_same_input_same_bytes() -> None:
    again = looked_at(upstream("ipv4-scoped", "2024-07-22"))
    assert picture.matrix(*again, verbose=False) == picture.matrix(*SCOPED, verbose=False)


def test_text_has_each_run_and_with_every_each_release() -> None:
    subject, result = SCOPED
    short = list(matrix_report.text(subject, result))
    assert sum(" to v" in line and "+" in line.split() for line in short) == len(result.runs())
    lines = list(matrix_report.text(subject, result, verbose=True))
    assert sum(bool(re.match(r"v[\d.]+ +[+X!o.] ", line)) for line in lines) == len(result.rows)
    assert lines[-1] == f"works with {WORKS}"
    # These agents exit when the groups of a trunk interface are denied.
    assert "with ENABLE_POD_ENI=true, it fails with v1.13.0 to v1.13.3" in lines
    assert lines[0].endswith(f": works with {WORKS}")


def test_text_has_no_column_for_each_of_thousands_of_actions_that_are_never_called() -> None:
    names = tuple(f"s3:Get{number}" for number in range(5_000))
    subject, result = looked_at(Policy((allow("ec2:*", *names),)))
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
    few = looked_at(Policy((allow(names[0]),)))
    columns = 101 - len(few[1].actions)
    line = "and 1 more action that is never called"
    for count, expected in ((columns, []), (columns + 1, [line])):
        shown = looked_at(Policy((allow(*names[:count]),)))
        parts = [text.partition(";")[0] for text in matrix_report.text(*shown)]
        assert [part for part in parts if part.startswith("and ")] == expected


def test_json_says_why() -> None:
    report = shown_matrix(*SCOPED)
    assert report.works_with == tuple(tuple(span.split(" to ")) for span in WORKS.split(", "))
    row = next(r for r in report.versions if r.version == "v1.22.1")
    denied = row.denied["ec2:DescribeSecurityGroups"]
    assert row.cells["ec2:DescribeSecurityGroups"] == "fatal"
    assert report.verdict == "fails"
    assert denied.scenario == "fresh-node" and denied.evidence.startswith("v1.22.1:")


def test_where_it_fails_only_at_times_that_is_said() -> None:
    (hardened,) = options(
        ("ipv4-scoped",), cni_version="v1.23.0", hardening=Hardening(("example-team",))
    ).composed()
    policy = filled(hardened.policy)
    subject, _ = looked_at(policy)
    result = matrix([policy], setting(), find([scenario.name for scenario in SCENARIOS]))
    assert result.works() == ()
    message = (
        "no known version; without the scenarios trunk-interface and cluster-name-corrected "
        f"with v1.8.0 to v1.21.2, v1.22.2 to {NEWEST}"
    )
    assert matrix_report.works(result) == message
    assert f"works with {message}" in picture.matrix(subject, result, verbose=False)
    shown, scoped = shown_matrix(subject, result), shown_matrix(*SCOPED)
    assert shown.works_but_for.scenarios == ("trunk-interface", "cluster-name-corrected")
    assert not (scoped.works_but_for.scenarios or scoped.works_but_for.works_with)
    assert scoped.fails_with == {"ENABLE_POD_ENI": (("v1.13.0", "v1.13.3"),)}


def test_a_release_in_which_nothing_is_sent_is_not_said_to_work() -> None:
    policy = upstream("ipv4", "2026-06-01")
    table = matrix([policy], setting("latest", "ipv4"), find(("upgrade-adds-tag",)))
    assert str(table.rows[0].version) == "v1.19.4"
    assert list(map(str, table.works())) == [f"v1.19.4 to {NEWEST}"]


def boxes(element: ET.Element) -> list[list[float]]:
    """Return the left, top, right and bottom of each rectangle below an element."""
    sides = (
        [float(rect.get(name, 0)) for name in ("x", "y", "width", "height")]
        for rect in element.iter(f"{SVG}rect")
    )
    return [[x, y, x + width, y + height] for x, y, width, height in sides]


def test_bars_fill_each_row_and_nothing_overlaps_or_leaves_the_picture() -> None:
    root = ET.fromstring(picture.matrix(*SCOPED, verbose=False))
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


@pytest.mark.parametrize("name", ["coverage-scoped.svg", "coverage-few.svg"])
def test_pictures(name: str, stored: Stored) -> None:
    """Open them in a browser where they change."""
    few = looked_at(Policy((allow("ec2:CreateTags"),)))
    shown = few if name == "coverage-few.svg" else SCOPED
    stored(name, picture.matrix(*shown, verbose=False))


def test_the_picture_can_be_read_on_a_telephone() -> None:
    """390 pixels wide, no letter is smaller than 8 pixels, and no text leaves the picture."""
    drawn = picture.matrix(*SCOPED, verbose=False)
    width = float(str(ET.fromstring(drawn).get("width")))
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", drawn)]
    assert min(sizes) * min(1, 390 / width) >= 8


def test_the_text_of_the_picture_has_the_versions_of_the_picture() -> None:
    (text,) = re.findall(r"!\[(.*)\]\(coverage\.svg\)", (ROOT / "docs/coverage.md").read_text())
    spans = re.findall(r"v[\d.]+ to v[\d.]+", text)
    drawn = (ROOT / "docs" / "coverage.svg").read_text().partition(">")[0]
    assert spans == re.findall(r"v[\d.]+ to v[\d.]+", drawn)
