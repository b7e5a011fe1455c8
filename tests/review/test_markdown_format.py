"""The comment for a pull request: within the limit, the same again, and nothing but text."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from hostile_text import EVIL
from shown_reviews import (
    NEW_ACCESS,
    POLICY,
    every,
    example,
    hostile,
    many,
    review,
)
from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.report.formats import html as html_format
from vpc_cni_iam.review.report.formats import json as json_format
from vpc_cni_iam.review.report.formats import text as text_format
from vpc_cni_iam.review.report.formats.markdown import DIALECTS, MARKER, code, prose, write
from vpc_cni_iam.review.report.shown import ShownFinding, ShownPolicy
from vpc_cni_iam.review.report.words import Section
from vpc_cni_iam.review.report_formats import ForgeName, Setting

NAME = r"<code>[^<>\n]*</code>"
FOLD = rf"<details><summary>[a-z ]+(?: {NAME})?(?: of {NAME})? (?:added|changed|removed)</summary>"


def tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


def outside(text: str) -> list[str]:
    """What is not in a code span: there a forge finds mentions, references and links."""
    return [t.content for t in tokens(text) if t.type == "text"]


@pytest.mark.parametrize("forge", DIALECTS)
def test_nothing_from_a_plan_is_markup(forge: ForgeName, monkeypatch: pytest.MonkeyPatch) -> None:
    inert(write(hostile(), Setting(forge)), forge)
    monkeypatch.setitem(DIALECTS, forge, replace(DIALECTS[forge], limit=10**9))
    whole = write(hostile(), Setting(forge))
    assert "#### Policy changes" in whole
    inert(whole, forge)


def inert(text: str, forge: ForgeName) -> None:
    for token in tokens(text):
        assert token.type not in ("link_open", "image", "html_inline", "fence", "code_block", "hr")
        if token.type == "html_block":
            assert DIALECTS[forge].folds
            assert re.fullmatch(rf"{FOLD}|</details>", token.content.strip()), token.content
    for part in outside(text):
        assert not re.search(r"evil|octocat|GH-1|[@#/\\<>&!$`*_~]|https?:|www\.", part), part
    # What would end a line is written by number: each line starts as this code starts it.
    starts = r"- |    - |#|\[//\]: # \(|`|</?details>|No |\*\*\d|Changed |(?:attached )?policy `|$"
    assert [line for line in text.split("\n") if not re.match(starts, line)] == []
    assert EVIL[:4] not in text and "\\u001b" in text


WORDS = st.text(st.sampled_from("ab01 @#`|\\*_[]()<>&!~:/.-=,\n\té\u202e")) | st.text()


@given(WORDS)
def test_any_text_is_a_code_span_in_a_table(text: str) -> None:
    written = f"| a | b |\n| --- | --- |\n| {code(text)} | x |\n"
    items = list(tokens(written))
    assert sum(t.type == "td_open" for t in items) == 2
    spans = [t.content for t in items if t.type == "code_inline"]
    assert len(spans) == (1 if text else 0)
    assert outside(written) == ["a", "b", "x"]


@given(WORDS)
def test_any_sentence_keeps_its_characters_and_none_is_markup(text: str) -> None:
    written = f"- {prose(text)}\n"
    kinds = {t.type for t in tokens(written)}
    inline = {k for k in kinds if not k.startswith(("list_item", "bullet", "paragraph"))}
    assert inline <= {"text", "code_inline", "inline"}
    for part in outside(written):
        assert re.fullmatch(r"[A-Za-z0-9 ,:;.()'=]*", part), part
        assert not re.search(r"\b[a-f\d]{7,40}\b", part)
    words = "".join(t.content for t in tokens(written) if t.type in ("text", "code_inline"))
    expected = sanitise(text).replace("`", "\\u0060").replace("|", "\\u007c")
    assert re.sub(r"\s", "", words) == re.sub(r"\s", "", expected)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "statement 1 (ec2:DescribeInstances and 4 more): action ec2:X, is added",
            "statement 1 (`ec2:DescribeInstances` and 4 more): action `ec2:X`, is added",
        ),
        ("on arn:aws:s3:::(sensitive), if", "on `arn:aws:s3:::(sensitive)`, if"),
        ("on (sensitive 2) (see s3:*)", "on (sensitive 2) (see `s3:*`)"),
        ("by k:aud = sts.a, k:sub = b:y", "by `k:aud` = `sts.a`, `k:sub` = `b:y`"),
        (
            "on s3:* if a:b ForAllValues:StringEquals 'x' or 'y z' and c:d Null 'true'",
            "on `s3:*` if `a:b ForAllValues:StringEquals 'x' or 'y z'` and `c:d Null 'true'`",
        ),
        ("facade defaced 1234567 v1.2.3", "facade `defaced 1234567` v1.2.3"),
    ],
)
def test_sentences_stay_readable(text: str, shown: str) -> None:
    assert prose(text) == shown


@pytest.mark.parametrize("forge", DIALECTS)
def test_a_comment_is_within_the_limit_and_says_what_the_whole_is(forge: ForgeName) -> None:
    limit = DIALECTS[forge].limit
    assert limit == {"github": 65_536}.get(forge, 32_000)
    for shown in (*every(), many(3000)):
        text = write(shown, Setting(forge))
        assert len(text.encode()) <= limit
        assert len(text.encode("utf-16-le")) // 2 <= limit
    whole = json_format.write(many(3000), Setting()).encode()
    assert hashlib.sha256(whole).hexdigest() in text
    assert text.count("- **") >= 5 and "left out: a comment has a size limit" in text
    assert "left out" not in write(example(), Setting(forge))


@pytest.mark.parametrize("forge", DIALECTS)
def test_a_large_finding_hides_no_other(forge: ForgeName) -> None:
    long = "\u202e" * 2000
    first = replace(NEW_ACCESS, address=long, attribute=long, message=long, details=(long,) * 90)
    text = write(review(first, *many(9).findings), Setting(forge))
    assert len(text.encode()) <= DIALECTS[forge].limit
    assert all(f"`aws_iam_policy.p[{n}]`" in text for n in range(9))


def test_a_cut_lies_between_two_parts() -> None:
    for count in (0, 150, 300, 600):
        shown = replace(many(count), policies=(POLICY,) * 3)
        text = write(shown, Setting("gitlab"))
        assert text.count("<details><summary>") == text.count("</details>")
        assert text.count("`") % 2 == 0


def test_every_section_has_its_heading_once_and_each_finding_is_below_it() -> None:
    for shown in every():
        text = write(shown, Setting())
        assert all(text.count(f"#### {part.value}\n") == 1 for part in Section)
    for finding in example().findings:
        assert prose(finding.message) in write(example(), Setting())


def test_instances_of_one_for_each_show_their_statements_once() -> None:
    (policy,) = example().policies

    def instance(key: str, action: str = "is removed") -> ShownPolicy:
        lines = tuple(replace(x, text=f"{key}-x: a:b StringEquals '{key}'") for x in policy.lines)
        lines = (*lines, replace(lines[0], text=action))
        names = {
            x: f'module.m["{key}"].{getattr(policy, x)}' for x in ("owner", "policy", "address")
        }
        return replace(policy, **names, lines=lines)

    shown = replace(example(), policies=tuple(map(instance, ("blue", "green", "r.d"))))
    text = write(shown, Setting())
    _, changes = text.split("#### Policy changes")
    assert changes.count("<details>") == 1 and changes.count("StringEquals 'blue'") == 2
    for key in ("green", "r.d"):
        assert f"- also with `{key}` instead of `blue`\n" in changes
    # An address that differs by more is named.
    other = replace(shown.policies[1], owner=f"module.n.{shown.policies[1].owner}")
    text = write(replace(shown, policies=(shown.policies[0], other)), Setting())
    assert f"- also `{other.owner}` with `green` instead of `blue`\n" in text
    # What differs by more than the key is shown.
    other = replace(shown, policies=(instance("blue"), instance("green", "blue is removed")))
    assert write(other, Setting()).count("<details>") == 2


def test_clusters_with_their_own_vpc_and_oidc_provider_are_one_with_what_differs() -> None:
    (policy,) = example().policies
    address = 'module.m["{}"].aws_iam_role.this[0]'

    def of_cluster(key: str, vpc: str, provider: str) -> tuple[ShownFinding, ShownPolicy]:
        text = f"allows ec2:CreateTags if ec2:Vpc ArnEquals 'arn:aws:ec2:*:*:vpc/{vpc}'"
        lines = tuple(replace(x, text=text) for x in policy.lines)
        name = address.format(key)
        message = f"{name} can be assumed by oidc.eks.eu-west-1.amazonaws.com/id/{provider}"
        details = (f"example: ec2:CreateTags with aws:RequestTag/cluster = {key}",)
        finding = replace(NEW_ACCESS, address=name, subject=name, message=message, details=details)
        return finding, replace(policy, owner=name, policy="", address=name, lines=lines)

    blue = of_cluster("blue", "vpc-0123456789abcdef0", "B1")
    green = of_cluster("green", "vpc-0fedcba9876543210", "6F")
    findings, policies = zip(blue, green, strict=True)
    text = write(replace(review(*findings), policies=policies), Setting())
    assert text.count("- **error**") == text.count("<details>") == 1
    vpcs = "`vpc-0fedcba9876543210` instead of `vpc-0123456789abcdef0`"
    assert f"- also with `green` instead of `blue` and {vpcs}\n" in text
    assert "- also with `6F` instead of `B1` and `green` instead of `blue`\n" in text
    # Two resources of one cluster that another cluster has as one are no such names.
    twice = replace(green[1], lines=(replace(green[1].lines[0], text="vpc-01234567"),) * 2)
    once = replace(
        blue[1], lines=tuple(replace(x, text=f"vpc-0123456{n}") for n, x in enumerate(twice.lines))
    )
    shown = write(replace(review(), policies=(once, twice)), Setting())
    assert shown.count("<details>") == 2


def test_each_condition_of_a_statement_has_its_own_line() -> None:
    (policy,) = example().policies
    line = replace(
        policy.lines[0], text="statement 1 allows a:b on *", conditions=("if x", "and y")
    )
    shown = replace(example(), policies=(replace(policy, lines=(line,)),))
    assert "on `*`\n    - if x\n    - and y\n" in write(shown, Setting())
    text = text_format.write(shown, Setting(details=True))
    assert "a:b on *\n      if x\n      and y\n" in text
    assert "on *<br>if x<br>and y</span>" in html_format.write(shown, Setting())


def test_a_finding_names_its_address_once() -> None:
    about = replace(NEW_ACCESS, address="aws_iam_role.cni", attribute="assume_role_policy")
    for message, address in (
        ("The new role aws_iam_role.cni can be assumed", ""),
        ("aws_iam_role.cni_2 can be assumed", "`aws_iam_role.cni` "),
    ):
        text = write(review(replace(about, message=message)), Setting())
        assert f"    - {address}`assume_role_policy`" in text


def test_a_comment_has_the_details_of_what_can_fail_it() -> None:
    for level, shown in ((Level.WARNING, True), (Level.NOTE, False)):
        text = write(review(replace(NEW_ACCESS, level=level, details=("a detail",))), Setting())
        assert ("a detail" in text) is shown


def test_a_comment_can_be_found_again() -> None:
    first, other = (write(replace(example(), plan=name), Setting()).split("\n")[0] for name in "ab")
    assert re.fullmatch(rf"\[//\]: # \({MARKER} [0-9a-f]{{16}}\)", first)
    again = write(replace(review(), plan="a"), Setting("bitbucket")).split("\n")[0]
    assert first != other and first == again
    shown = [t.content for t in tokens(write(example(), Setting()))]
    assert not any(MARKER in content for content in shown)
