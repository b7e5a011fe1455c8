"""The page: whole, inert, readable; and in a real browser."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from devtools import Browser, browser
from shown_reviews import (
    every,
    example,
    hostile,
    many,
)
from vpc_cni_iam.review.report.formats.html import write
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.report_formats import Setting

ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href"}


class Page(HTMLParser):
    """What is in a page; checks that its elements nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.style = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += ((name, value or "") for name, value in attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data


def page(shown: ShownReview) -> str:
    return write(shown, Setting())


def test_a_page_has_no_script_and_only_its_own_markup() -> None:
    for shown in every():
        read = Page(page(shown))
        assert read.tags.count("style") == 1
        assert not {"script", "img", "b", "i", "iframe", "svg", "link", "base"} & set(read.tags)
        assert {name for name, _ in read.attributes} <= ATTRIBUTES
        hrefs = [value for name, value in read.attributes if name == "href"]
        assert all(re.fullmatch(r"#rule-[a-z-]+", href) for href in hrefs)
        ids = [value for name, value in read.attributes if name == "id"]
        assert len(ids) == len(set(ids)) and {href[1:] for href in hrefs} == set(ids)


def test_the_policy_of_content_allows_the_style_and_nothing_else() -> None:
    read = Page(page(hostile()))
    (policy,) = (v for _, v in read.attributes if v.startswith("default-src"))
    digest = base64.b64encode(hashlib.sha256(read.style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"""url\(|@import|https?:|\sstyle=|\son\w+=""", read.style)


def test_hostile_text_is_all_there_as_text() -> None:
    text = page(hostile())
    assert text.isascii() and not re.search(r"[\x00-\x09\x0b-\x1f]|&#x?0*7;", text)
    assert "<img src=x onerror=document.title='pwned'>" in Page(text).text
    assert "<img" not in text and "[link](https://evil.test/)" in text


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_the_contrast_that_wcag_asks(scheme: str) -> None:
    style = Page(page(example())).style
    marker = "prefers-color-scheme: dark"
    values: dict[str, str] = {}
    for block in re.finditer(r"(@media[^{]*\{\s*)?:root\s*\{([^}]*)\}", style):
        if block[1] is None or (scheme == "dark" and marker in block[1]):
            values |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block[2]))
    pairs = [(n, "ground") for n in ("text", "quiet", "bad", "warn", "good", "note")]
    pairs += [(n, f"{n}-ground") for n in ("bad", "warn", "good", "note")]
    for text, ground in pairs:
        light, dark = sorted((luminance(values[text]), luminance(values[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_same_review_same_bytes() -> None:
    assert page(hostile()) == page(hostile())


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def test_a_browser_finds_nothing_hostile_in_hostile_text(tab: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(hostile()))
    dom = tab.dom(file)
    assert "<title>IAM review of \\u001b[2J" in dom
    assert "<img" not in dom and "<script>" not in dom
    # The policy of content holds even if a text were let through.
    evil = "<script>document.title='pwned'</script><p onclick=x></p></main>"
    file.write_text(page(hostile()).replace("</main>", evil))
    assert "<title>IAM review of" in tab.dom(file)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_off_the_screen(width: int, tab: Browser, tmp_path: Path, *, dark: bool) -> None:
    off = "[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right)"
    unfold = "document.querySelectorAll('details').forEach(d => d.open = true)"
    tab.size(width, dark=dark)
    for shown in (example(), hostile(), many(20)):
        (tmp_path / "page.html").write_text(page(shown))
        tab.open(tmp_path / "page.html")
        assert tab.run(f"{unfold}, Math.max(...{off})") <= width
        assert tab.run("document.documentElement.scrollWidth") <= width


def test_screens_and_paper(tab: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(example()))
    tab.open(file)
    grounds = "['body', '.verdict'].map(n => getComputedStyle(document.querySelector(n)))"
    drawn = []
    for dark in (False, True):
        tab.size(1200, dark=dark)
        drawn.append(tab.run(f"{grounds}.map(style => style.backgroundColor)"))
    assert all(light != dark for light, dark in zip(*drawn, strict=True))
    printed = base64.b64decode(tab("Page.printToPDF")["data"])
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 3
