"""The documentation site: every link leads somewhere, and no page asks another host."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from tools.docs import commands, outside
from typer.core import TyperGroup
from typer.main import get_command

from conftest import ROOT
from site_build import site
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.cli.main import application

__all__ = ["site"]


class Page(HTMLParser):
    """What a page links to, what it loads, and which anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        self.loads |= {values["src"]} if "src" in values else set()
        if tag == "link" and values.get("rel") != "canonical":
            self.loads.add(values["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_link_and_anchor_leads_somewhere(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        if path.name in ("404.html", "review.html"):
            continue
        for link in page.links | page.loads:
            if re.match(r"(https?|data|mailto|javascript):", link):
                continue
            target, _, anchor = unquote(link).partition("#")
            file = (path.parent / target).resolve() if target else path
            assert file.exists(), f"{path}: {link}"
            if anchor and file in pages:
                assert anchor in pages[file].anchors | {"__toc", "__search"}, f"{path}: {link}"


def test_no_page_loads_anything_from_another_host(pages: dict[Path, Page], site: Path) -> None:
    for path, page in pages.items():
        assert not [load for load in page.loads if re.match(r"(https?:)?//", load)], path
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text()), style


def test_every_page_for_users_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    (nav,) = re.findall(r"^nav:\n(.*)", text, re.MULTILINE | re.DOTALL)
    shown = set(re.findall(r": ([\w/-]+\.md)$", nav, re.MULTILINE))
    written = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    assert {n for n in written if not n.startswith(("rules/", "development/"))} <= shown
    assert not any(name.startswith("development/") for name in shown)
    assert isinstance(yaml.safe_load(f"nav:\n{nav}"), dict)


def test_the_page_of_commands_has_every_option() -> None:
    page, seen = commands.page(), 0
    root = get_command(application([]))
    waiting = [("vpc-cni-iam", root)]
    while waiting:
        path, command = waiting.pop()
        if isinstance(command, TyperGroup):
            waiting += [(f"{path} {name}", child) for name, child in command.commands.items()]
            continue
        section = page.partition(f"\n## {path} {{")[2].partition("\n## ")[0]
        assert section, path
        for parameter in command.params:
            names = [name for name in parameter.opts if name.startswith("--")]
            for name in names:
                assert f"`{name}`" in section or name in ("--help",), f"{path} {name}"
                seen += 1
    assert seen > 100


def test_the_page_of_the_catalog_has_every_version(site: Path) -> None:
    text = (site / "catalog.html").read_text()
    assert str(known_versions.newest()) in text and "ec2:DescribeSecurityGroups" in text
    assert f"each of the {len(known_versions.known())} known" in text


def test_a_file_outside_docs_is_a_page() -> None:
    linked: list[Path] = []
    text = "[a](../examples/README.md) [b](../action.yml#x) [c](risks.md) [d](https://x.test/y)"
    shown = outside.with_links(text, "docs/page.md", into=linked.append)
    assert shown == (
        "[a](source/examples/README.md) [b](source/action.yml.md#x) [c](risks.md) "
        "[d](https://x.test/y)"
    )
    assert linked == [ROOT / "examples" / "README.md", ROOT / "action.yml"]
    assert outside.with_links("[ipv4](ipv4)", "examples/README.md", into=linked.append) == (
        "[ipv4](ipv4/main.tf.md)"
    )
