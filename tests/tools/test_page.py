"""Upstream's page, whole and as copies of it are, against the catalog."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.upstream.check import compare
from tools.upstream.page import documents, placeholders
from tools.upstream.revision import Origin, data_files

from conftest import facts
from upstream_standins import page, raw, upstream
from vpc_cni_iam.catalog.facts.documents import find, revisions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.policy.report import difference_lines

NEWEST = revisions()[-1]


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def spelled(cluster: str, vpc: str) -> Callable[[str], str]:
    return lambda text: text.replace("${CLUSTER_NAME}", cluster).replace("${VPC_ID}", vpc)


COPIES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "on one line": flat,
    "without fences": lambda t: t.replace("```", ""),
    "with other fences": lambda t: t.replace("```\n{", "~~~json\n{"),
    "without headings": lambda t: re.sub("^#.*$", "", t, flags=re.MULTILINE),
    "with line ends of Windows": lambda t: t.replace("\n", "\r\n"),
    "minified": lambda t: re.sub(r"\s+(?=[\"{}\[\]])", "", t),
    "after a byte order mark": lambda t: "\ufeff" + t,
    "beside other JSON": lambda t: '```\n{"a": {"b": [1]}}\n```\n{ "c' + t + '{"d": 1}',
    "beside a trust policy": lambda t: (
        t + '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":'
        '"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
    ),
    "inside other JSON": lambda t: t.replace("```\n{", '{"PolicyDocument":{').replace(
        "}\n```", "}}"
    ),
}
SPELLINGS = [
    ("${CLUSTER_NAME}", "${VPC_ID}"),
    ("<cluster-name>", "<vpc-id>"),
    ("$CLUSTER_NAME", "$VPC_ID"),
    ("CLUSTER_NAME", "VPC_ID"),
    ("<your cluster name>", "<your VPC ID>"),
    ("${ClusterName}", "${VpcId}"),
    ("${YourClusterName}", "${YourVpcId}"),
    ("{{ cluster_name }}", "{{ vpc_id }}"),
    ("[cluster-name]", "[vpc-id]"),
    ("YOUR_CLUSTER_NAME", "YOUR_VPC_ID"),
]


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("revision", [r.name for r in revisions()])
def test_a_copy_of_the_page_means_what_the_catalog_has(copy: str, revision: str) -> None:
    document = documents(COPIES[copy](page(revision)), "page")
    assert [f.kind for f in document] == list(raw(revision)) == list(find(revision).kinds)
    assert {f.kind: f.value for f in document} == raw(revision)
    assert {c.state for c in compare(document, find(revision))} == {"same"}


@pytest.mark.parametrize(("cluster", "vpc"), SPELLINGS)
def test_spellings_of_placeholders(cluster: str, vpc: str) -> None:
    for text in (page(ipv4_scoped=spelled(cluster, vpc)), flat(spelled(cluster, vpc)(page()))):
        assert {c.state for c in compare(documents(text, "page"), NEWEST)} == {"same"}


@pytest.mark.parametrize(
    "text",
    [
        "cluster.k8s.amazonaws.com/name",
        "${aws:PrincipalTag/eks-cluster-name}",
        "${aws:PrincipalTag/CLUSTER_NAME}",
        "my-cluster-name",
        "<cluster-name",
        "${CLUSTER_NAME>",
        "MY_OTHER_CLUSTER_NAME2",
        "vpc-id",
    ],
)
def test_what_is_no_placeholder_stays(text: str) -> None:
    assert placeholders(text) == text


@given(st.text(alphabet="${}<>[]%: -_aCLUSTER_NAMEclustername", max_size=40))
def test_placeholders_are_put_once(text: str) -> None:
    assert placeholders(placeholders(text)) == placeholders(text)


def test_every_revision_differs_from_every_other() -> None:
    for revision in revisions():
        for other in revisions():
            compared = compare(documents(page(revision.name), "page"), other)
            assert all(c.state == "same" for c in compared) == (revision == other)


def compared(**changed: Callable[[str], str]) -> dict[str, tuple[str, list[str]]]:
    comparison = compare(documents(page(**changed), "page"), NEWEST)
    return {c.kind: (c.state, [*map(str, difference_lines(c.differences))]) for c in comparison}


def test_differences_are_named_by_statement() -> None:
    assert compared(ipv6=lambda t: t.replace('"ec2:DescribeTags"', '"ec2:DescribeVpcs"')) == {
        "ipv4": ("same", []),
        "ipv6": (
            "differs",
            [
                f"statement 1 (ec2:AssignIpv6Addresses and 6 more): action {text}"
                for text in ("ec2:DescribeTags is removed", "ec2:DescribeVpcs is added")
            ],
        ),
        "hyperpod": ("same", []),
        "ipv4-scoped": ("same", []),
    }
    changes = compared(ipv4_scoped=lambda t: t.replace('"owned"', '"shared"'))["ipv4-scoped"][1]
    assert "condition on " in changes[0] and "'owned'" in changes[0] and len(changes) == 1
    older = compared(ipv4=lambda t: t.replace("2012-10-17", "2008-10-17"))["ipv4"]
    assert older == ("differs", ["Version changes from 2012-10-17 to 2008-10-17"])


def test_another_grouping_is_the_same() -> None:
    def split(text: str) -> str:
        document = json.loads(text)
        first = document["Statement"][0]
        moved = {**first, "Action": first["Action"].pop(), "Sid": "Moved"}
        document["Statement"].insert(0, moved)
        return json.dumps(document)

    differences = compare(documents(page(ipv6=split), "page"), NEWEST)
    (ipv6,) = (c for c in differences if c.kind == "ipv6")
    assert ipv6.state == "same"
    assert "grouped" in ipv6.note


def test_missing_and_unknown_documents() -> None:
    text = page().partition("## IPv6")[0]
    text += '{"Statement": {"Effect": "Allow", "Action": "eks:*", "Resource": "*"}}'
    result = {c.kind: c for c in compare(documents(text, "page"), NEWEST)}
    assert (result["ipv6"].state, result["ipv4-scoped"].state) == ("missing", "missing")
    before = compare(documents(page(), "page"), find("2026-06-01"))
    assert [(c.kind, c.state) for c in before if c.state != "same"] == [("hyperpod", "unknown")]
    assert (result["other"].state, result["other"].note) == ("unknown", "allows eks:* on *")


MALFORMED = {
    "no document": ("# IAM Policy\n\nsoon\n", "", "holds no policy document"),
    "nothing": ("", "", "holds no policy document"),
    "cut off": (page()[:800], "line 26", "half a policy document"),
    "cut off in a fence": (
        page(ipv4=lambda t: t[:300]).replace("```\n\n## IPv6", "\n```\n\n## IPv6"),
        "line ",
        "begun at line 8 ends before its last bracket",
    ),
    "without its beginning": (
        page(ipv4=lambda t: t.partition("\n")[2]),
        "line 9",
        "its Statement stands in no object",
    ),
    "twice": (page() + page(), "line ", "is an ipv4 document, as is the one at line 8"),
    "a comma too few": (
        page(ipv6=lambda t: t.replace('"ec2:DescribeTags",', '"ec2:DescribeTags"')),
        "line ",
        "is not JSON: a comma or the closing bracket is expected",
    ),
    "a key twice": (
        page(ipv4=lambda t: t.replace('"Resource": "*"', '"Resource": "*", "Resource": "*"')),
        "line 28, $.Statement[0].Resource",
        "the key 'Resource' is there twice",
    ),
    "no policy": (
        page(ipv4=lambda t: t.replace('"Allow"', '"Maybe"')),
        "$.Statement[0].Effect",
        "'Maybe' is not 'Allow' or 'Deny'",
    ),
    "too long a number": (
        '{"Version": ' + "9" * 5000,
        "line 1",
        "a number of more than 4300 digits",
    ),
    "too large": (" " * (1 << 19) + page(), "", "too large to be upstream's page"),
    "too deep": ('{"Version": ' + "[" * 100_000, "line 1", "nests too deeply"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_pages(case: str) -> None:
    text, place, problem = MALFORMED[case]
    with pytest.raises(InputError) as error:
        documents(text, "iam-policy.md")
    assert str(error.value).startswith("iam-policy.md")
    assert error.value.place.startswith(place)
    assert problem in str(error.value)


NEXT = Origin("ab" * 20, "2026-11-02T10:00:00+01:00", "Größer", PluginVersion.of("v1.24.0"))


def test_an_import_is_the_catalogs_own_form() -> None:
    def added(text: str) -> str:
        return text.replace('"ec2:DescribeTags"', '"ec2:DescribeTags", "ec2:DescribeVpcs"')

    content = page(ipv6=added, ipv4_scoped=spelled("<cluster-name>", "$VPC_ID")).encode()
    written = data_files(content, "page", NEXT)
    assert list(written) == ["2026-09-29.json", "2026-11-02.json"]
    old, new = (json.loads(text) for text in written.values())
    assert old == {**facts("revisions/2026-09-29.json"), "last_version": "v1.23.2"}
    assert list(new) == list(old)
    assert list(new["source"]) == list(old["source"])
    assert new["documents"]["ipv4-scoped"] == old["documents"]["ipv4-scoped"]
    assert "ec2:DescribeVpcs" in json.dumps(new["documents"]["ipv6"])
    assert new["source"]["commits"][0]["subject"] == NEXT.subject
    folder = Path(__file__).parents[2] / "generator/vpc_cni_iam/catalog/facts/data/revisions"
    before = (folder / "2026-09-29.json").read_text(encoding="utf-8")
    assert written["2026-09-29.json"] == before.replace(
        '"last_version": null', '"last_version": "v1.23.2"'
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (str, UsageError, "nothing to import"),
        (lambda t: t.partition("## IPv6")[0], InputError, "ipv6 is missing"),
    ],
)
def test_imports_that_are_refused(
    change: Callable[[str], str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        data_files(change(page()).encode(), "page", NEXT)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--commit", "abc", "not a whole commit id"),
        ("--date", "yesterday", "not a date such as"),
        ("--date", "2026-W01-1", "year-month-day"),
        ("--date", "2026-09-29", "not later than revision 2026-09-29"),
        ("--cni-version", "v1.23.2", "not later than v1.23.2"),
        ("--cni-version", "one", "not a plugin version"),
    ],
)
def test_origins_that_are_refused(option: str, value: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page())
    values = {
        "--commit": "ab" * 20,
        "--date": "2026-11-02",
        "--cni-version": "v1.24.0",
        option: value,
    }
    words = [w for pair in values.items() for w in pair]
    done = upstream("import", "page.md", *words, "--output", "new", cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "new").exists()


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page("2024-07-22"))
    done = upstream("check", "page.md", "--revision", "2024-07-22", cwd=tmp_path)
    assert (done.code, done.out.splitlines()[0]) == (0, "compared with revision 2024-07-22")
    done = upstream("check", "page.md", "--format", "json", cwd=tmp_path)
    data = json.loads(done.out)
    assert done.code == 1
    assert [(d["kind"], d["state"]) for d in data["documents"]] == [
        ("ipv4", "differs"),
        ("ipv6", "differs"),
        ("hyperpod", "missing"),
        ("ipv4-scoped", "same"),
    ]
    for words, message in (
        (("nowhere.md",), "nowhere.md: does not exist"),
        ((".",), "is a directory; name a file"),
        (("",), "the file name is empty"),
        (("page.md", "--revision", "2020-01-01"), "unknown revision"),
    ):
        done = upstream("check", *words, cwd=tmp_path)
        assert done.code in (2, 3)
        assert message in done.err
    (tmp_path / "latin.md").write_bytes(b"a\n\xff")
    done = upstream("check", "latin.md", cwd=tmp_path)
    assert (done.code, "latin.md: line 2: is not UTF-8 text" in done.err) == (3, True)
    usage, *_ = upstream("check", "--help", cwd=tmp_path).out.splitlines()
    assert usage.endswith(" check [OPTIONS] PAGE")


def test_an_import_from_the_command_line(tmp_path: Path) -> None:
    text = page(ipv6=lambda t: t.replace("ec2:DescribeTags", "ec2:DescribeVpcs"))
    (tmp_path / "page.md").write_text(text)
    words = ["--commit", "ab" * 20, "--date", "2026-11-02", "--cni-version", "1.24.0"]
    done = upstream("import", "page.md", *words, "--output", "new", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "create  new/2026-11-02.json" in done.out.splitlines()
    entry = json.loads((tmp_path / "new/2026-11-02.json").read_text())
    assert (entry["first_version"], entry["last_version"]) == ("v1.24.0", None)
    words += ["--output", "other"]
    done = upstream("import", "page.md", *words, "--format", "json", cwd=tmp_path)
    assert {"path": "2026-11-02.json", "kind": "create"} in json.loads(done.out)["changes"]
    assert upstream("import", "page.md", *words, "--quiet", cwd=tmp_path).out == ""


def test_a_hidden_character_of_the_page_is_seen_in_the_files(tmp_path: Path) -> None:
    text = page(ipv6=lambda t: t.replace("ec2:DescribeTags", "ec2:\u200bDescribeTags"))
    (tmp_path / "page.md").write_text(text)
    words = ["--commit", "ab" * 20, "--date", "2026-11-02", "--cni-version", "1.24.0"]
    upstream("import", "page.md", *words, "--output", "new", cwd=tmp_path)
    assert r"ec2:\u200bDescribeTags" in (tmp_path / "new/2026-11-02.json").read_text()
