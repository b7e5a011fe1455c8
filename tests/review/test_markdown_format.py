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
    CLEAN,
    NEW_ACCESS,
    POLICY,
    REWRITTEN,
    WIDENED,
    every,
    example,
    hostile,
    many,
    review,
)
from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.review.report.formats import json as json_format
from vpc_cni_iam.review.report.formats.markdown import DIALECTS, MARKER, code, prose, write
from vpc_cni_iam.review.report.shown import ShownIgnored, ShownPolicy
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


def test_of_many_details_six_are_shown() -> None:
    details = tuple(f"detail {n}" for n in range(9))
    text = write(review(replace(NEW_ACCESS, details=details)), Setting())
    assert text.count("    - detail ") == 6 and "\n    - and 3 more\n" in text


def test_every_section_has_its_heading_once_and_each_finding_is_below_it() -> None:
    for shown in every():
        text = write(shown, Setting())
        assert all(text.count(f"#### {part.value}\n") == 1 for part in Section)
    for finding in example().findings:
        assert prose(finding.message) in write(example(), Setting())


def test_findings_that_look_alike_are_one_with_the_names_of_three_others() -> None:
    for count, more in ((4, ""), (6, "    - and 2 more like it\n")):
        alike = [replace(NEW_ACCESS, address=f'aws_iam_policy.p["{n}"]') for n in range(count)]
        text = write(review(*alike), Setting())
        assert text.count("- **error**") == 1 and text.count("    - also ") == 3
        assert more in text and ("more like it" in text) is bool(more)


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
    owner = policy.owner
    for key in ("green", "r.d"):
        assert f'- also `module.m["{key}"].{owner}` with `{key}` instead of `blue`\n' in changes
    # What differs by more than the key is shown.
    other = replace(shown, policies=(instance("blue"), instance("green", "blue is removed")))
    assert write(other, Setting()).count("<details>") == 2


COMMENT = """
### IAM review fails: 3 errors, 2 notes, 1 error ignored

`plan.json`; fails on `warning`.

#### VPC CNI (aws-node)

`aws-node` in dev: fails with v1.23.2 (`IPv4`): `ec2:DescribeSubnets` is denied

- version: v1.22.1 `->` v1.23.2
- identity: `aws_iam_role.cni` (IRSA)

`aws-node` in prod: works with v1.23.2 (`IPv4`)

- version: v1.22.1 `->` v1.23.2
- identity: `aws_iam_role.cni` (IRSA)

- **error** `aws-node` in dev calls `ec2:DescribeSubnets`, which \
`aws_iam_role.cni` does not allow
    - **fix:** Allow `ec2:DescribeSubnets` in `aws_iam_policy.cni`
    - `aws_eks_addon.vpc_cni` `addon_version`, `main.tf:42` (plugin-permission-missing)
    - `ec2:DescribeSubnets`: nodes do not start

#### Who can do more

- **error** `aws_iam_role.cni` can now call `ec2:TerminateInstances` on `*`
    - **fix:** Remove it from `aws_iam_policy.cni`, or narrow its actions and resources
    - `aws_iam_policy.cni` `policy`, `main.tf:42` (new-access)
    - also: `ec2:StopInstances` on `*`
    - example: `ec2:TerminateInstances` on \
`arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0`
"""


def test_a_comment_reads_from_the_plugin_to_each_change() -> None:
    text = write(example(), Setting("bitbucket"))
    assert text.partition("\n")[2].startswith(COMMENT)
    assert text.endswith(
        "\n- *ignored* trust-widened, `aws_iam_role.old`: agreed\n\n"
        "Changed resources: 12 read, 30 of other types, 2 about IAM, EKS or credentials not read: "
        "`aws_iam_account_password_policy.x`, "
        "`awscc_iam_role.y`.\n\n"
        "#### Policy changes\n\n"
        "attached policy `aws_iam_policy.cni` of `aws_iam_role.cni` changed\n\n"
        "- in `main.tf:42`\n"
        "- `+` statement 1 (`ec2:DescribeTags`): action `ec2:RunInstances` is added\n"
        "- `-` statement 2 (`s3:GetObject`): is removed\n"
    )
    title = (
        "attached policy <code>aws_iam_policy.cni</code> of <code>aws_iam_role.cni</code> changed"
    )
    folded = f"\n<details><summary>{title}</summary>\n\n- in `main.tf:42`\n- `+` statement 1"
    assert folded in write(example(), Setting("gitlab"))
    assert "<" not in text


def test_a_comment_without_findings_says_that_nobody_can_do_more() -> None:
    for findings, answer in (((), "Nobody"), ((CLEAN,), "Only what the notes show")):
        text = write(review(REWRITTEN, *findings), Setting())
        _, _, access = text.partition("#### Who can do more\n\n")
        assert access.startswith(f"{answer}.\n\n#### Other findings\n")
    assert "Nobody" not in write(review(WIDENED), Setting())


def test_a_comment_can_be_found_again() -> None:
    first, other = (write(replace(example(), plan=name), Setting()).split("\n")[0] for name in "ab")
    assert re.fullmatch(rf"\[//\]: # \({MARKER} [0-9a-f]{{16}}\)", first)
    again = write(replace(review(), plan="a"), Setting("bitbucket")).split("\n")[0]
    assert first != other and first == again
    shown = [t.content for t in tokens(write(example(), Setting()))]
    assert not any(MARKER in content for content in shown)


def test_an_ignored_finding_says_until_when() -> None:
    ignored = (ShownIgnored(NEW_ACCESS, "agreed", "2099-12-31"),)
    text = write(review(ignored=ignored), Setting())
    assert "\n- *ignored until 2099-12-31* new-access, `aws_iam_policy.cni`: agreed\n" in text
