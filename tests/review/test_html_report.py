"""The page: whole, inert, readable; and in a real browser."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from devtools import Browser, browser
from eks import irsa, own_role
from reviews import PLANS, every, hostile, of_plan
from synthetic import allow, document, resource, reviewed
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import find
from vpc_cni_iam.policy.document import dumps, to_json
from vpc_cni_iam.review import permission_table, wording
from vpc_cni_iam.review.findings import Ignored, Review
from vpc_cni_iam.review.report.html import write
from vpc_cni_iam.review.report_formats import Setting

VOID = {"meta", "input"}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "hidden", "type"),
    *("autocomplete", "value", "tabindex", "role", "aria-labelledby", "scope", "colspan"),
    *("aria-label", "data-kinds", "data-of", "data-change"),
}


class Page(HTMLParser):
    """What is in a page; checks that its elements nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.rows: list[dict[str, str]] = []
        self.text = ""
        self.raw: dict[str, str] = {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = {name: value or "" for name, value in attrs}
        self.attributes += values.items()
        if tag == "tr" and "data-kinds" in values:
            self.rows.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.raw[self.open[-1]] = self.raw.get(self.open[-1], "") + data
        else:
            self.text += data


def of(name: str) -> Review:
    return of_plan(next(path for path in PLANS if path.name.startswith(f"{name}.")))


def test_every_page_is_ours_alone() -> None:
    for example in every():
        page = Page(write(example, Setting()))
        assert page.tags.count("script") == page.tags.count("style") == 1
        assert not {"img", "b", "i", "iframe", "svg", "link", "base", "object"} & set(page.tags)
        assert {name for name, _ in page.attributes} <= ATTRIBUTES
        hrefs = [value for name, value in page.attributes if name == "href"]
        assert all(re.fullmatch(r"#[a-z-]+", href) for href in hrefs)
        assert {"#changes"} <= set(hrefs)
        ids = [value for name, value in page.attributes if name == "id"]
        assert len(ids) == len(set(ids)) and {href[1:] for href in hrefs} <= set(ids)


def test_the_policy_of_content_allows_what_is_in_the_page_and_nothing_else() -> None:
    text = write(hostile(), Setting())
    page = Page(text)
    (policy,) = (v for _, v in page.attributes if v.startswith("default-src"))
    digests = {
        name: "'sha256-" + base64.b64encode(hashlib.sha256(raw.encode()).digest()).decode() + "'"
        for name, raw in page.raw.items()
    }
    assert policy == (
        f"default-src 'none'; style-src {digests['style']}; script-src {digests['script']}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"""url\(|@import|https?:|\sstyle=|\son\w+=""", page.raw["style"])


def test_hostile_text_is_all_there_as_text() -> None:
    text = write(hostile(), Setting())
    assert text.isascii() and not re.search(r"[\x00-\x09\x0b-\x1f]|&#x?0*7;", text)
    assert "<img src=x onerror=document.title='pwned'>" in Page(text).text
    assert "<img" not in text and "[link](https://evil.test/)" in text


def test_every_table_has_heads_and_every_cell_one() -> None:
    for example in every():
        text = write(example, Setting())
        for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
            heads = table.count('scope="col"')
            assert heads and "<thead" in table and "<caption" in table
            for row in re.findall(r"<tr.*?</tr>", table.partition("<tbody>")[2], re.DOTALL):
                spans = sum(map(int, re.findall(r'colspan="(\d)"', row)))
                cells = row.count("<td") + row.count("<th") - row.count("colspan") + spans
                assert cells == heads


def test_what_a_document_of_the_catalog_brings_does_not_alarm() -> None:
    (variant,) = find(["ipv4-scoped"])
    names = parameters.values({"cluster_name": "prod", "vpc_id": "vpc-0123456789abcdef0"})
    scoped = parameters.substitute(compose(variant, select(cni_version="latest")).policy, names)
    wider = document(*to_json(scoped)["Statement"], allow("ec2:TerminateInstances"))
    for text, alarms in ((dumps(scoped), False), (wider, True)):
        values = {"role": "cni", "name": "cni", "policy": text}
        page = write(reviewed(resource("aws_iam_role_policy", "cni", None, values)), Setting())
        assert 'data-change="allowed"' in page
        assert bool(re.search(r'<tr class="grants', page)) is alarms
        assert ('<tr class="gain' in page) is ('class="bad"' in page) is alarms


def test_the_matrix_says_before_after_and_what_the_plugin_needs() -> None:
    page = write(of("widen"), Setting())
    row = re.search(r"<tr[^>]*><th[^>]*><code>ec2:TerminateInstances.*?</tr>", page)
    assert row is not None
    assert 'data-kinds="changed allowed unneeded"' in row[0]
    assert 'data-change="allowed"' in row[0]
    assert re.findall(r">(no|yes|allowed)<", row[0]) == ["no", "yes", "allowed"]
    gone = re.search(
        r"<tr[^>]*><th[^>]*><code>ec2:CreateTags.*?</tr>", write(of("drift"), Setting())
    )
    assert gone is None or "fails without it" in gone[0]


@pytest.mark.parametrize("name", ["widen", "drift", "destroy"])
def test_a_row_of_the_matrix_is_filtered_by_what_it_says(name: str) -> None:
    for principal, rows in permission_table.roles(of(name)):
        assert len(rows) == len(principal.matrix)
        for row in rows:
            kinds, grade = row.kinds.split(), row.cells[-1][0]
            assert ("lacking" in kinds) is (bool(row.needed) and grade == "no")
            assert ("needed" in kinds) is bool(row.needed)
            assert ("unneeded" in kinds) is (not row.needed and grade != "no")
            assert ("changed" in kinds) is bool(row.change) is (len(row.cells) > 1)
            assert ("is denied" in row.needed) is ("lacking" in kinds)
        looks = [(not row.change, "lacking" not in row.kinds.split()) for row in rows]
        assert looks == sorted(looks)


A, B = "arn:aws:s3:::a/*", "arn:aws:s3:::b/*"
NETWORK = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
OLD = document(
    allow(["ec2:StopInstances", "s3:GetObject", "ec2:UnassignPrivateIpAddresses"]),
    allow(["s3:PutObject", "s3:DeleteObject", "s3:PutObjectAcl"], A),
    allow(["sqs:SendMessage", "ec2:AssignPrivateIpAddresses"]),
)
NEW = document(
    allow(["ec2:RunInstances", "s3:PutObject", "sqs:SendMessage", "ec2:AssignPrivateIpAddresses"]),
    allow(["s3:GetObject", "s3:PutObjectAcl"], A),
    allow("s3:DeleteObject", B),
    allow("sqs:ReceiveMessage", Condition=NETWORK),
)
LACKING = "fails without it, and is denied"
ROWS = {
    "ec2:UnassignPrivateIpAddresses": (
        ("no longer allowed", "changed removed needed lacking", "withdraws lacks"),
        "degraded without it, and is denied",
        ["yes", "no"],
    ),
    "ec2:RunInstances": (("allowed", "changed allowed unneeded", "grants"), "", ["no", "yes"]),
    "ec2:StopInstances": (("no longer allowed", "changed removed", "withdraws"), "", ["yes", "no"]),
    "s3:DeleteObject": (("differs", "changed unneeded", ""), "", [f"in part {A}", f"in part {B}"]),
    "s3:GetObject": (
        ("narrowed", "changed removed unneeded", "withdraws"),
        "",
        ["yes", f"in part {A}"],
    ),
    "s3:PutObject": (
        ("widened", "changed allowed unneeded", "grants"),
        "",
        [f"in part {A}", "yes"],
    ),
    "sqs:ReceiveMessage": (
        ("allowed", "changed allowed unneeded", "grants"),
        "",
        ["no", "in part * if aws:SourceVpc StringEquals 'vpc-1'"],
    ),
    "ec2:CreateTags": (("denied", "needed lacking", "lacks"), LACKING, ["no"]),
    "ec2:AssignPrivateIpAddresses": (("", "needed", ""), "fails without it", ["yes"]),
    "s3:PutObjectAcl": (("", "unneeded", ""), "", [f"in part {A}"]),
    "sqs:SendMessage": (("", "unneeded", ""), "", ["yes"]),
}


def test_a_row_of_the_matrix_says_what_becomes_of_an_action() -> None:
    """What changes is read first, and before the others what the plugin needs and is denied."""
    sides = [{"role": "cni", "name": "more", "policy": text} for text in (OLD, NEW)]
    review = reviewed(*own_role("cni", irsa()), resource("aws_iam_role_policy", "more", *sides))
    ((_, rows),) = permission_table.roles(review)
    seen = {
        row.action: (
            (row.status, row.kinds, row.looks),
            row.needed,
            [" ".join((words, *resources)) for _, words, resources in row.cells],
        )
        for row in rows
    }
    assert {action: seen[action] for action in ROWS} == ROWS
    assert [action for action in seen if action in ROWS] == [*ROWS]
    assert {row.change for row in rows if row.status == "denied"} == {""}


@pytest.mark.parametrize("after", [True, False])
def test_what_is_not_known_of_one_side_is_called_neither_allowed_nor_denied(after: bool) -> None:
    own = own_role("cni", irsa(), document(allow("ec2:DescribeSubnets")))
    known = {"policy": document(allow(["ec2:CreateTags", "ec2:RunInstances"]))}
    bad = {"policy": "not a policy"}
    sides = [
        {"role": "cni", "name": "more", **side}
        for side in ((known, bad) if after else (bad, known))
    ]
    review = reviewed(*own, resource("aws_iam_role_policy", "more", *sides))
    ((_, rows),) = permission_table.roles(review)
    seen = {row.action: (row.status, row.kinds, row.looks) for row in rows}
    assert seen["ec2:CreateTags"] == ("not known", "changed needed", "")
    assert seen["ec2:RunInstances"] == ("not known", "changed unneeded", "")
    assert seen["ec2:DescribeSubnets"] == ("", "needed", "")
    assert seen["ec2:DescribeInstances"] == ("", "needed", "")


@pytest.mark.parametrize(
    ("after", "result"), [("s3:GetObject", "passes"), ("s3:*", "fails"), ("", "fails")]
)
def test_the_page_says_whether_the_review_fails_and_explains_each_rule(
    after: str, result: str
) -> None:
    """Of ignored findings, too."""
    texts = (document(allow("s3:GetObject")), document(allow(after)) if after else "not a policy")
    review = reviewed(resource("aws_iam_policy", "p", *({"policy": text} for text in texts)))
    page = write(review, Setting())
    rules = [finding.rule for finding in review.findings]
    assert f'<span class="verdict {result}">The review {result}</span>' in page
    assert re.findall(r'<dt id="rule-([\w-]+)">', page) == rules
    ignored = tuple(Ignored(finding, "agreed", "") for finding in review.findings)
    page = write(replace(review, findings=(), ignored=ignored), Setting())
    assert re.findall(r'<dt id="rule-([\w-]+)">', page) == rules
    assert page.count("<h3>Ignored</h3>") == len(ignored)


def test_the_page_links_to_the_sections_that_it_has() -> None:
    still = document(allow("s3:GetObject"))
    same = {"policy": still}
    pages = [
        write(reviewed(resource("aws_iam_policy", "p", same, after)), Setting())
        for after in (same, {"policy": document(allow("s3:*"))})
    ]
    links = [re.findall(r'href="#(\w+)"', page.partition("</nav>")[0]) for page in pages]
    assert links == [["changes"], ["findings", "changes", "rules"]]
    for page, names in zip(pages, links, strict=True):
        assert re.findall(r'<h2 id="(\w+)"', page) == names


def test_what_looks_alike_is_named_beside_the_first_up_to_eight() -> None:
    texts = document(allow("s3:GetObject")), document(allow("s3:*"))
    for count, more in ((2, ""), (9, ""), (10, "<li>and 1 more like it</li>")):
        addresses = [f"aws_iam_policy.p[{n}]" for n in range(count)]
        sides = [{"policy": text} for text in texts]
        changes = (resource("aws_iam_policy", "p", *sides, address=a) for a in addresses)
        page = write(reviewed(*changes), Setting())
        for address in addresses[1:9]:
            assert page.count(f"<li>also <code>{address} policy</code></li>") == 1
            assert page.count(f"<li>also <code>{address}</code></li>") == 1
        assert page.count("more like it") == page.count(more) * bool(more) == 2 * bool(more)


def test_clusters_are_under_the_heading_of_the_plugin_alone() -> None:
    values = {"cluster_name": "prod", "addon_name": "vpc-cni"}
    sides = ({**values, "addon_version": f"v1.23.{n}-eksbuild.1"} for n in (1, 2))
    page = write(reviewed(resource("aws_eks_addon", "cni", *sides)), Setting())
    (heading, rows), *others = re.findall(r"<h3>([^<]*)</h3>(.*?)(?=<h3>|<h2)", page, re.DOTALL)
    assert heading == wording.SECTIONS["plugin"]
    assert "<dt>cluster</dt><dd>prod, IPv4</dd>" in rows
    assert re.search(r"<dt>version</dt><dd><strong>v1.23.1-eksbuild.1 -&gt; v1.23.2", rows)
    assert not any("<dt>cluster" in text for _, text in others)


def test_every_finding_is_under_a_heading() -> None:
    findings = [f for review in (hostile(), of("widen"), of("drift")) for f in review.findings]
    assert {wording.section(finding) for finding in findings} == {*wording.SECTIONS}


def test_a_finding_is_under_the_heading_of_its_section() -> None:
    for name in ("widen", "drift"):
        review = of(name)
        text = Page(write(review, Setting())).text
        places = {
            text.index(heading): section
            for section, heading in wording.SECTIONS.items()
            if heading in text
        }
        for finding in review.findings:
            before = [place for place in places if place < text.index(finding.message)]
            assert places[max(before)] == wording.section(finding), finding.message


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_the_contrast_that_wcag_asks(scheme: str) -> None:
    style = Page(write(of("widen"), Setting())).raw["style"]
    marker = "prefers-color-scheme: dark"
    values: dict[str, str] = {}
    for block in re.finditer(r"(@media[^{]*\{\s*)?:root\s*\{([^}]*)\}", style):
        if block[1] is None or (scheme == "dark" and marker in block[1]):
            values |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block[2]))
    pairs = [(n, "ground") for n in ("text", "quiet", "bad", "warn", "good", "note")]
    pairs += [(n, f"{n}-ground") for n in ("bad", "warn", "good", "note")]
    pairs += [("text", "raised"), ("quiet", "raised")]
    for text, ground in pairs:
        light, dark = sorted((luminance(values[text]), luminance(values[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_new_access_is_not_green() -> None:
    style = Page(write(of("widen"), Setting())).raw["style"]
    colours = re.findall(r"tr\.(?:gain|grants|lacks) [^{]*\{([^}]*)\}", style)
    assert colours and all("var(--bad" in text for text in colours)


def test_same_review_same_bytes() -> None:
    assert write(hostile(), Setting()) == write(hostile(), Setting())


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def shown(dom: str) -> list[str]:
    rows = re.findall(r'<tr ([^>]*)><th scope="row"[^>]*><code>(.*?)</code>', dom)
    return [action for attributes, action in rows if "hidden" not in attributes]


def test_filters_in_a_browser(tab: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(write(of("widen"), Setting()))
    whole = tab.dom(page)
    every = shown(whole)
    assert len(every) == len(Page(write(of("widen"), Setting())).rows) > 10
    assert f"{len(every)} of {len(every)} rows" in whole
    assert '<form id="filter">' in whole
    gained = tab.dom(page, fragment="kind=allowed")
    assert shown(gained) == ["ec2:TerminateInstances"] and f"1 of {len(every)} rows" in gained
    words = tab.dom(page, fragment="text=network%20ATTACH")
    assert shown(words) == ["ec2:AttachNetworkInterface"]
    nothing = tab.dom(page, fragment="kind=lost&text=x")
    assert shown(nothing) == [] and '<section class="role" hidden' in nothing
    linked = tab.dom(page, fragment="rule-new-access")
    assert shown(linked) == every and f"{len(every)} of {len(every)} rows" in linked
    unknown = tab.dom(page, fragment="kind=%3Cb%3E&text=%3Cimg%20src%3Dx%3E")
    assert "<img" not in unknown and shown(unknown) == []


def test_a_link_inside_the_page_keeps_the_filter(tab: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    # What the page does when its address changes, which it is told only later.
    script = "location.hash = 'changes'; restore(); document.title = form.shown.value;"
    text = re.sub("<meta http-equiv[^>]*>", "", write(of("widen"), Setting()))
    page.write_text(text.replace("</body>", f"<script>{script}</script></body>"))
    assert "<title>1 of " in tab.dom(page, fragment="kind=allowed")


def test_without_scripts_everything_is_shown(tab: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        re.sub(r"script-src '[^']+'", "script-src 'none'", write(of("widen"), Setting()))
    )
    dom = tab.dom(page, fragment="kind=allowed")
    assert shown(dom) == shown(write(of("widen"), Setting()))
    assert '<form id="filter" hidden' in dom


def test_a_browser_finds_nothing_hostile_in_hostile_text(tab: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(write(hostile(), Setting()))
    dom = tab.dom(page)
    assert "<title>IAM review of \\u001b[2J" in dom
    assert "<img" not in dom and dom.count("<script>") == 1
    assert "rows</output>" in dom
    # The policy of content holds even if a text were let through.
    page.write_text(
        write(hostile(), Setting()).replace(
            "</main>", "<script>document.title='pwned'</script><p onclick=x></p></main>"
        )
    )
    assert "<title>IAM review of" in tab.dom(page)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_off_the_screen(width: int, dark: bool, tab: Browser, tmp_path: Path) -> None:
    off = "[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right)"
    tab.size(width, dark=dark)
    for name in ("widen", "admin"):
        (tmp_path / "page.html").write_text(write(of(name), Setting()))
        tab.open(tmp_path / "page.html")
        assert tab.run(f"Math.max(...{off})") <= width


def test_screens_and_paper(tab: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(write(of("tighten"), Setting()))
    tab.open(page)
    grounds = "['body', '.verdict'].map(n => getComputedStyle(document.querySelector(n)))"
    drawn = []
    for dark in (False, True):
        tab.size(1200, dark=dark)
        drawn.append(tab.run(f"{grounds}.map(style => style.backgroundColor)"))
    assert all(light != dark for light, dark in zip(*drawn, strict=True))
    printed = base64.b64decode(tab("Page.printToPDF")["data"])
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 3
