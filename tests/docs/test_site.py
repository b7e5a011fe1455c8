"""The documentation site: every link leads somewhere, and no page asks another host."""

import html
import json
import re
import subprocess
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from tools.docs import commands, outside, source_links
from tools.docs.peers import BREAKING_DATE, repairs
from typer.main import get_command

from conftest import ROOT, run
from site_build import site
from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.cli.main import application

__all__ = ["site"]

BLOCK = re.compile(r"^```console\n(.*?)```", re.DOTALL | re.MULTILINE)
SHOWING = [p for p in sorted((ROOT / "docs").glob("*.md")) if BLOCK.search(p.read_text())]


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


@pytest.mark.parametrize(
    ("page", "listed"),
    [
        ("commands.html", {"commands/review.html", "commands/serve.html"}),
        ("catalog.html", {f"catalog/{known_versions.newest()}.html", "catalog/v1.1.0.html"}),
        ("rules/new-access.html", {"new-policy.html", "size-limit.html"}),
    ],
)
def test_the_sidebar_lists_the_pages_beside(page: str, listed: set[str], site: Path) -> None:
    text = (site / page).read_text()
    assert listed <= set(re.findall(r'href="(?:\./)?([^"#]+)"', text))


def test_the_sidebar_names_a_rule_as_findings_do(site: Path) -> None:
    text = (site / "rules" / "trust-widened.html").read_text()
    assert re.search(r'<span class="md-ellipsis">\s*trust-anybody\s*</span>', text)


def test_development_is_not_found_by_the_search(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    places = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"review.html", "commands/review.html"} <= places
    assert not [place for place in places if place.startswith("development/")]


def test_the_page_of_a_command_has_every_option() -> None:
    pages, seen = commands.pages(), 0
    for name, command in get_command(application([])).commands.items():  # type: ignore[attr-defined]
        place = f"commands/{name}.md"
        assert f"({place})" in pages["commands.md"], name
        for option in (o for parameter in command.params for o in parameter.opts):
            if option.startswith("--"):
                assert f"`{option}`" in pages[place] or option == "--help", f"{name} {option}"
                seen += 1
    assert seen > 100


def test_the_page_of_a_command_leads_to_its_guide_and_schema(site: Path) -> None:
    text = (site / "commands" / "sync.html").read_text()
    assert '<a href="../vendoring.html">Guide</a>' in text
    assert '<a href="../schemas/sync.schema.json">' in text
    published = site / "schemas" / "sync.schema.json"
    assert published.read_text() == run("schema", "sync").out
    text = re.sub("</?span[^>]*>", "", (site / "commands" / "review.html").read_text())
    assert '<a href="../review.html">Guide</a>' in text
    assert text.index("<code>PLAN</code>") < text.index("<code>--cni-version</code>")


def test_commands_are_listed_under_the_headings_of_the_help() -> None:
    shown = run("--help").out
    headings = re.findall(r"^## (.+)$", commands.pages()["commands.md"], re.MULTILINE)
    assert headings == re.findall(r"^(\w[\w ,]+):$", shown, re.MULTILINE)[1:]


def test_the_catalog_has_each_version_on_one_page(site: Path) -> None:
    shown = (site / "catalog.html").read_text()
    assert f"each of the {len(known_versions.known())} known" in shown
    places = re.findall(r'<a href="(catalog/[^"]+)">(v[\d.]+)(?: to (v[\d.]+))?</a>', shown)
    spans = [
        (PluginVersion.of(first), PluginVersion.of(last or first)) for _, first, last in places
    ]
    for version in known_versions.known()[1:]:
        assert sum(first <= version <= last for first, last in spans) == 1, version
    (failing,) = [p for p, first, last in places if (first, last) == ("v1.22.0", "v1.22.1")]
    text = (site / failing).read_text()
    assert "calls <code>ec2:DescribeSecurityGroups</code>" in text
    assert re.search(r'<td data-label="without it">exits at start \(', text)


def test_the_chart_of_days_is_that_of_the_page(site: Path) -> None:
    for page in ("index.html", "peers.html"):
        text = (site / page).read_text().partition('id="diagram-days"')[2].partition("</figure>")[0]
        shown = re.findall(r">([^<>]+), (IPv[46])</text><rect[^>]*/><text[^>]*>([^<]+)<", text)
        expected = []
        for repair in repairs():
            if repair.days is not None:
                words = f"{repair.days} days{'' if repair.verified else ' *'}"
            elif repair.source:
                words = "merged, date not known"
            elif (repair.read_until or "") > BREAKING_DATE:
                words = f"none by {repair.read_until}"
            else:
                continue
            expected.append((repair.project, FAMILIES[repair.mode], words))
        assert sorted(shown) == sorted([*expected, *expected]), page  # in both widths


def test_the_documents_of_other_projects_link_to_their_sources(site: Path) -> None:
    text = (site / "peers.html").read_text()
    sources = re.findall(r'href="https://github\.com/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/', text)
    assert len(sources) > 15


def test_evidence_links_to_the_lines_of_the_version(site: Path) -> None:
    text = (site / "catalog" / "v1.22.0.html").read_text()
    assert (
        '<a href="https://github.com/aws/amazon-vpc-cni-k8s/blob/v1.22.1/pkg/ipamd/ipamd.go'
        '#L599-L603">v1.22.1 ipamd.go:599-603</a>'
    ) in text


def test_all_evidence_of_the_catalog_leads_to_a_source() -> None:
    texts = {use.evidence for call in calls.calls() for use in call.ranges}
    for text in texts:
        parts = list(source_links.parts(text))
        addresses = [address for _, address in parts if address]
        assert addresses, text
        for address in addresses:
            assert re.fullmatch(
                r"https://github\.com/aws/[\w-]+/blob/v[\d.]+/[\w./-]+(#L\d+(-L\d+)?)?"
                r"|https://docs\.aws\.amazon\.com/[\w./-]+",
                address,
            ), address


def test_a_console_is_copied_without_prompts_and_output(site: Path) -> None:
    seen = 0
    for page in SHOWING:
        built = site / page.relative_to(ROOT / "docs").with_suffix(".html")
        expected = []
        for block in BLOCK.findall(page.read_text()):
            steps = [s for s in re.split(r"^\$ ", block, flags=re.MULTILINE) if s]
            expected.append("\n".join(step.partition("\n")[0] for step in steps))
        copied = re.findall(
            r'language-console highlight[a-z ]*" data-copy="([^"]*)"', built.read_text()
        )
        assert list(map(html.unescape, copied)) == expected, page
        seen += len(expected)
    assert seen > 30


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


def test_make_docs_installs_only_what_the_site_needs() -> None:
    command = ["make", "--dry-run", "--always-make", "docs"]
    recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"--group (\w+)", recipe) == ["docs"]
    assert "building the site" in recipe
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert [re.match(r"[\w-]+", need)[0] for need in groups["docs"]] == ["mkdocs-material"]
