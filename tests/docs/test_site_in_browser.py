"""The site in a real browser: opened as files, on a telephone and a desk, light and dark."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.docs import commands

from devtools import Browser, browser
from site_build import site
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.explain.known import errors
from vpc_cni_iam.plugin.settings import VARIABLES
from vpc_cni_iam.review.report.rule_texts import shown_rules
from vpc_cni_iam.review.rules import every

__all__ = ["site"]

WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def tab(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        opened.size(1280)
        yield opened


def wait_for(tab: Browser, script: str) -> object:
    """The value of an expression as soon as it is true."""
    for _ in range(100):
        if value := tab.run(script):
            return value
        tab.run("new Promise((done) => setTimeout(done, 50))")
    raise AssertionError(script)


def test_the_search_works_from_a_file(site: Path, tab: Browser) -> None:
    tab.open(site / "rules" / "new-access.html")
    tab.run("document.querySelector('[data-md-component=search-query]').focus()")
    tab.press("interfaces-unscoped")
    results = wait_for(
        tab, "[...document.querySelectorAll('.md-search-result__link')].map((link) => link.href)"
    )
    assert (site / "risks.html").as_uri() in str(results)
    assert not [a for a in tab.requests if not a.startswith(("file:", "data:", "about:"))]
    assert not tab.errors


# What people look for by its name, and the texts of errors.
ACTIONS = sorted({call_range.action for call in calls.calls() for call_range in call.ranges})
NAMES = [
    *ACTIONS,
    *(action.partition(":")[2] for action in ACTIONS),
    *VARIABLES,
    *sorted(set(re.findall(r"`(--[a-z][a-z-]+)`", "".join(commands.pages().values())))),
]
TEXTS_OF_ERRORS = [text for error in errors().values() for text in error.says.split(", ")]
TAG = re.compile("<[^>]+>")
# Options that are everyday words, which most pages have.
EVERYDAY = {"--latest", "--report", "--to"}
# So many pages fit on the screen.
FIRST = 8
# The places and sections that the search shows for words, in its order.
SEARCH = """(async (words) => {
  const field = document.querySelector('[data-md-component=search-query]');
  const list = document.querySelector('.md-search-result__list');
  list.textContent = '';
  field.value = words;
  const shown = new Promise((done) =>
    new MutationObserver(done).observe(list, { childList: true }));
  field.dispatchEvent(new Event('keyup', { bubbles: true }));
  await Promise.race([shown, new Promise((done) => setTimeout(done, 2000))]);
  return [...list.querySelectorAll('a')].map((link) => link.href);
})"""


def test_names_and_texts_of_errors_are_found(site: Path, tab: Browser) -> None:
    tab.open(site / "index.html")
    tab.run("document.querySelector('[data-md-component=search-query]').focus()")
    index = json.loads((site / "search" / "search_index.json").read_text())
    base = f"{site.as_uri()}/"
    sections = {
        entry["location"]: " ".join(
            html.unescape(TAG.sub("", f"{entry['title']} {entry['text']}")).split()
        )
        for entry in index["docs"]
    }
    assert len(NAMES) > 120
    wait_for(tab, f"{SEARCH}('CreateTags').then((places) => places.length)")
    missed = []
    for words in (*NAMES, *TEXTS_OF_ERRORS):
        places = tab.run(f"{SEARCH}({json.dumps(words)})")
        pages = list(dict.fromkeys(place.partition("#")[0] for place in places))[:FIRST]
        first = [place for place in places if place.startswith(tuple(pages))]
        if not any(words in sections[place.removeprefix(base)] for place in first):
            missed.append(words)
    assert set(missed) <= EVERYDAY


COPIED = """(button => {
  let copied = null;
  document.execCommand = () => { copied = document.activeElement.value; return true; };
  button.click();
  return copied;
})(document.querySelector('.language-console .md-code__button'))"""


def test_the_copy_button_of_a_console_copies_the_commands(site: Path, tab: Browser) -> None:
    tab.open(site / "vendoring.html")
    tab.run("document.querySelector('.language-console').scrollIntoView()")
    wait_for(tab, "document.querySelector('.language-console .md-code__button') !== null")
    assert str(tab.run(COPIED)).splitlines() == [
        "vpc-cni-iam init --path infra/vpc-cni --variant ipv4 --cni-version v1.21.2",
        "vpc-cni-iam sync --quiet",
        "vpc-cni-iam check",
    ]


def rules_shown(tab: Browser) -> list[str]:
    """The rules of the list that are shown."""
    rows = "[...document.querySelectorAll('.md-content tbody tr')]"
    return list(tab.run(f"{rows}.filter((e) => e.clientHeight).map((e) => e.cells[0].innerText)"))


def test_rules_can_be_filtered_by_word_level_and_what_they_count_for(
    site: Path, tab: Browser
) -> None:
    tab.open(site / "rules.html")
    assert rules_shown(tab) == [str(rule) for rule in every()]
    tab.run("document.getElementById('rule-words').focus()")
    tab.press("boundary")
    assert "boundary-weakened" in rules_shown(tab)
    assert len(rules_shown(tab)) < 5
    assert f"of {len(every())} rules" in tab.text("rule-count")
    headings = (
        "[...document.querySelectorAll('.md-content h2')].filter((e) => e.clientHeight).length"
    )
    assert tab.run(headings) < 3
    tab.open(site / "rules.html")
    choose = """((name, value) => {
      const field = document.getElementById(name);
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    })"""
    tab.run(f"{choose}('rule-level', 'error')")
    expected = {rule.id for rule in shown_rules() if rule.level == "error"}
    assert set(rules_shown(tab)) == expected
    tab.run(f"{choose}('rule-counts', 'coverage-lost')")
    expected &= {rule.id for rule in shown_rules() if "coverage-lost" in rule.means}
    assert set(rules_shown(tab)) == expected
    tab.run(f"{choose}('rule-words', 'no rule has these words')")
    assert rules_shown(tab) == []
    assert tab.text("rule-count").startswith("0 of ")


# What is wider than its place, and can neither be moved aside nor is broken into lines.
CUT = """[...document.querySelectorAll('.md-content *')].filter((e) => {
  const { overflowX, clipPath } = getComputedStyle(e);
  const shown = e.getClientRects().length && clipPath === 'none' && e.clientWidth > 1;
  return shown && overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1
    && !['auto', 'scroll'].includes(overflowX);
}).map((e) => e.outerHTML.slice(0, 100))"""
# What can be moved aside, and does not show so: its background has the shadow of a cut edge.
UNMARKED = """[...document.querySelectorAll('.md-content *')].filter((e) =>
  ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1
  && !getComputedStyle(e).backgroundImage.includes('gradient')
).map((e) => e.outerHTML.slice(0, 100))"""


def test_nothing_is_cut_on_a_telephone(site: Path, tab: Browser) -> None:
    tab.size(390)
    pages = [p for p in sorted(site.glob("*.html")) if p.stem not in ("404", "review")]
    pages += [
        p for name in ("commands", "catalog", "rules") for p in sorted((site / name).iterdir())[::9]
    ]
    assert len(pages) > 40
    for page in pages:
        tab.open(page)
        assert tab.run("document.documentElement.scrollWidth") == 390, page
        assert tab.run(CUT) == [], page
        assert tab.run(UNMARKED) == [], page
    tab.size(1280)


# The texts of the diagrams that are shown; each with whether it ends outside of the picture or of
# the box that it begins in, its colour, and the colour behind it.
TEXTS = """(() => {
  const place = (e) => e.getBoundingClientRect();
  const inside = (a, b) => a.left >= b.left && a.right <= b.right + .5 && a.bottom <= b.bottom + .5;
  const begins = (a, b) =>
    a.left >= b.left && a.left <= b.right && a.top >= b.top && a.top <= b.bottom;
  const shown = [...document.querySelectorAll('.diagram svg')].filter((e) => e.clientWidth);
  return shown.flatMap((svg) => [...svg.querySelectorAll('text')].map((text) => {
    const box = [...svg.querySelectorAll('.box')].find((e) => begins(place(text), place(e)));
    const outside = ![svg, ...(box ? [box] : [])].every((e) => inside(place(text), place(e)));
    const style = getComputedStyle(box || document.body);
    const behind = box ? style.fill : style.backgroundColor;
    return [text.textContent, outside, getComputedStyle(text).fill, behind];
  }));
})()"""


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    channels = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True])
def test_diagrams_can_be_read(dark: bool, width: int, site: Path, tab: Browser) -> None:
    tab.size(width, dark=dark)
    tab.open(site / "index.html")
    scheme = "slate" if dark else "default"
    wait_for(tab, f"document.body.dataset.mdColorScheme === '{scheme}'")
    shown = tab.run(
        "[...document.querySelectorAll('.diagram svg')].filter(e => e.clientWidth).length"
    )
    assert shown == tab.run("document.querySelectorAll('.diagram').length") > 2
    assert (
        tab.run("document.querySelectorAll('.diagram svg:not([role=img][aria-label])').length") == 0
    )
    texts = tab.run(TEXTS)
    assert len(texts) > 20
    for text, outside, front, behind in texts:
        assert not outside, text
        light, darker = sorted((luminance(front), luminance(behind)), reverse=True)
        assert (light + 0.05) / (darker + 0.05) >= 4.5, (text, front, behind)
    sizes = tab.run(
        "[...document.querySelectorAll('.diagram svg')].filter(e => e.clientWidth)"
        ".map(e => e.clientWidth / e.viewBox.baseVal.width)"
    )
    assert min(sizes) >= 0.9
    tab.size(1280)


COLOURS = """[...document.querySelectorAll('.highlight :is(.m, .mi, .se)')]
  .map((e) => [getComputedStyle(e).color, getComputedStyle(e.parentElement).color])"""
ROWS = """[...document.querySelectorAll('.md-content thead')].map((head) =>
  head.clientHeight / parseFloat(getComputedStyle(head.rows[0].cells[0]).lineHeight))"""


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_of_commands_do_not_look_like_errors(dark: bool, site: Path, tab: Browser) -> None:
    tab.size(1280, dark=dark)
    tab.open(site / "publishing.html")
    shown = tab.run(COLOURS)
    assert len(shown) > 1
    assert all(own == around for own, around in shown)
    tab.size(1280)


def test_headings_of_tables_are_short(site: Path, tab: Browser) -> None:
    tab.open(site / "hardening.html")
    assert max(tab.run(ROWS)) < 4


def test_a_table_of_two_columns_has_its_headings_on_a_telephone(site: Path, tab: Browser) -> None:
    """The cells of more columns have labels."""
    tab.size(390)
    tab.open(site / "review.html")
    heads = tab.run("[...document.querySelectorAll('.md-content thead')].map(e => e.clientHeight)")
    columns = tab.run(
        "[...document.querySelectorAll('.md-content thead tr')].map(e => e.cells.length)"
    )
    assert 2 in columns
    assert all((height > 0) is (count == 2) for height, count in zip(heads, columns, strict=True))
    tab.size(1280)


def test_the_list_of_rules_has_no_path_of_a_test(site: Path) -> None:
    text = (site / "rules.html").read_text()
    assert "tests/review" not in text and "file(" not in text


def test_the_result_of_the_picker_is_above_what_is_optional(site: Path, tab: Browser) -> None:
    tab.size(390)
    tab.open(site / "policy-picker.html")
    top = "document.getElementById('{}').getBoundingClientRect().top"
    places = [tab.run(top.format(name)) for name in ("names", "picker-status", "features")]
    assert places == sorted(places)
    tab.size(1280)


def test_columns_that_are_printed_stay_columns_on_a_telephone(site: Path, tab: Browser) -> None:
    tab.size(390)
    tab.open(site / "coverage.html")
    space = "getComputedStyle(document.querySelector('.language-console pre > code')).whiteSpace"
    assert tab.run(space) == "pre"
    tab.size(1280)


# Of each printed line: the left ends of its rows, but the first, and where its last column begins.
BROKEN = """[...document.querySelectorAll('.language-console .line')].map((line) => {
  const range = document.createRange();
  range.selectNodeContents(line);
  const rows = [...range.getClientRects()].filter((row) => row.width > 1);
  const top = Math.min(...rows.map((row) => row.bottom));
  const below = rows.filter((row) => row.top >= top).map((row) => row.left);
  const left = line.getBoundingClientRect().left + parseFloat(getComputedStyle(line).paddingLeft);
  return [line.textContent, below.length ? Math.min(...below) : null, left];
})"""


def test_a_broken_line_goes_on_below_its_last_column(site: Path, tab: Browser) -> None:
    tab.size(1280)
    broken = {}
    for name in ("coverage", "review", "getting-started"):
        tab.open(site / f"{name}.html")
        for text, below, left in tab.run(BROKEN):
            if below is not None:
                assert below >= left - 1, text
                broken[text.strip()[:8]] = left
    assert broken["exits at"] > broken["$ vpc-cn"]


def test_no_option_is_broken_at_its_hyphens(site: Path, tab: Browser) -> None:
    for name, width in ((name, width) for name in ("rules", "coverage") for width in WIDTHS):
        tab.size(width)
        tab.open(site / f"{name}.html")
        words = "[...document.querySelectorAll('.md-content code .word')]"
        assert tab.run(f"{words}.length") > 10
        assert tab.run(f"{words}.filter((e) => e.getClientRects().length > 1).length") == 0
        unmarked = tab.run(
            "[...document.querySelectorAll('.md-content :not(pre) > code')]"
            ".flatMap((e) => [...e.childNodes]).filter((e) => e.nodeType === 3)"
            ".map((e) => e.data).filter((text) => text.includes('--'))"
        )
        assert unmarked == []
    tab.size(1280)


def test_no_default_of_the_picker_is_cut(site: Path, tab: Browser) -> None:
    for width in WIDTHS:
        tab.size(width)
        tab.open(site / "policy-picker.html")
        cut = """[...document.querySelectorAll('.picker input[placeholder]')].filter((field) => {
          const pen = document.createElement('canvas').getContext('2d');
          const style = getComputedStyle(field);
          pen.font = `${style.fontSize} ${style.fontFamily}`;
          const room = field.clientWidth - parseFloat(style.paddingLeft) * 2;
          return field.clientWidth && pen.measureText(field.placeholder).width > room;
        }).map((field) => field.placeholder)"""
        assert tab.run("document.querySelectorAll('.picker input[placeholder]').length") > 3
        assert tab.run(cut) == []
    tab.size(1280)
