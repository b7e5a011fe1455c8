"""The comment for a pull request: within the limit, the same again, and nothing but text."""

import hashlib
import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from eks import addon, arn_of, irsa, own_role
from reviews import EVIL, PLANS, every, hostile, many, of_plan
from synthetic import allow, document, policy, reviewed
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review import wording
from vpc_cni_iam.review.diff.changes import Place
from vpc_cni_iam.review.findings import Ignored
from vpc_cni_iam.review.report import json as json_report
from vpc_cni_iam.review.report.markdown import DIALECTS, MARKER, code, prose, write
from vpc_cni_iam.review.report_formats import Forge, Setting

OURS = "<details><summary>What they allow, before and after, and what the plugin needs"


def tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


def outside(text: str) -> list[str]:
    """What is not in a code span: there a forge finds mentions, references and links."""
    return [t.content for t in tokens(text) if t.type == "text"]


@pytest.mark.parametrize("forge", DIALECTS)
def test_nothing_from_a_plan_is_markup(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    inert(write(hostile(), Setting(forge)), forge)
    monkeypatch.setitem(DIALECTS, forge, replace(DIALECTS[forge], limit=10**9))
    whole = write(hostile(), Setting(forge))
    assert "#### All policies of `" in whole
    inert(whole, forge)


def inert(text: str, forge: Forge) -> None:
    for token in tokens(text):
        assert token.type not in ("link_open", "image", "html_inline", "fence", "code_block", "hr")
        if token.type == "html_block":
            assert DIALECTS[forge].folds
            bare = token.content.strip().removesuffix("</summary>").removesuffix("</details>")
            assert bare in ("", OURS), token.content
    for part in outside(text):
        assert not re.search(r"evil|octocat|GH-1|[@#/\\<>&!$`*_~]|https?:|www\.", part), part
    # What would end a line is spelled by number: each line starts as this code starts it.
    starts = r"- |    - |\||#|\[//\]: # \(|`|<details>|</details>|Nothing|Unknown|\*\*Cut|$"
    assert all(re.match(starts, line) for line in text.split("\n"))
    assert EVIL[:4] not in text and "\\u001b" in text


def test_no_report_has_a_table_whose_columns_a_phone_does_not_show() -> None:
    for example in every():
        assert not re.search(r"^\|", write(example, Setting("gitlab")), re.MULTILINE)
    text = write(of_plan(next(p for p in PLANS if p.name.startswith("widen."))), Setting())
    assert "- `+` allowed: `ec2:TerminateInstances` on `*`" in text
    assert "- **`ec2:TerminateInstances`**: no before, yes after\n" in text
    assert "- `ec2:DescribeInstances`: yes; the plugin fails without it\n" in text


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
    allowed = {"text", "code_inline", "inline"}
    kinds = {t.type for t in tokens(written)}
    assert (
        not {k for k in kinds if not k.startswith(("list_item", "bullet", "paragraph"))} - allowed
    )
    for part in outside(written):
        assert re.fullmatch(r"[A-Za-z0-9 ,:;.()'=]*", part), part
        assert not re.search(r"\b[a-f\d]{7,40}\b", part)
    words = "".join(t.content for t in tokens(written) if t.type in ("text", "code_inline"))
    expected = sanitise(text).replace("`", "\\u0060").replace("|", "\\u007c")
    assert re.sub(r"\s", "", words) == re.sub(r"\s", "", expected)


def test_sentences_stay_readable() -> None:
    text = "statement 1 (ec2:DescribeInstances and 4 more): action ec2:X, is added"
    assert prose(text) == (
        "statement 1 (`ec2:DescribeInstances` and 4 more): action `ec2:X`, is added"
    )


def test_a_code_span_has_both_of_its_brackets() -> None:
    assert prose("on arn:aws:s3:::(sensitive), if") == "on `arn:aws:s3:::(sensitive)`, if"
    assert prose("on (sensitive 2) (see s3:*)") == "on (sensitive 2) (see `s3:*`)"


def test_a_code_span_ends_at_a_comma() -> None:
    assert prose("by k:aud = sts.amazonaws.com, k:sub = system:x:y") == (
        "by `k:aud` = `sts.amazonaws.com`, `k:sub` = `system:x:y`"
    )


def test_words_that_may_be_the_number_of_a_commit_are_no_link() -> None:
    assert prose("facade defaced 1234567 v1.2.3") == "facade `defaced 1234567` v1.2.3"


@pytest.mark.parametrize("forge", DIALECTS)
def test_a_comment_is_within_the_limit_and_says_what_the_whole_is(forge: Forge) -> None:
    limit = DIALECTS[forge].limit
    for result in (*every(), many(3000)):
        text = write(result, Setting(forge))
        assert len(text.encode()) <= limit
        assert len(text.encode("utf-16-le")) // 2 <= limit
    whole = json_report.write(many(3000), Setting()).encode()
    assert hashlib.sha256(whole).hexdigest() in text
    assert text.count("- **") >= 5 and "**Cut by " in text
    assert "Cut by" not in write(of_plan(PLANS[0]), Setting(forge))


@pytest.mark.parametrize("forge", DIALECTS)
def test_what_is_large_hides_nothing_else(forge: Forge) -> None:
    """A long key, which costs whoever writes it nothing, stood before all that fitted after it."""
    long = "\u202e" * 2000
    first = replace(
        hostile().findings[0], address=long, attribute=long, message=long, details=(long,) * 90
    )
    others = many(9).findings
    text = write(replace(hostile(), findings=(first, *others)), Setting(forge))
    assert len(text.encode()) <= DIALECTS[forge].limit
    assert all(f"`aws_iam_policy.p[{n}]`" in text for n in range(9))
    assert "\\u202e" in text
    assert ("**Cut by 2 parts, since" in text) is (forge != "github")


@pytest.mark.parametrize(
    ("plan", "rule"), [("nested", "coverage-lacking"), ("create", "new-policy")]
)
def test_each_detail_of_a_finding_is_in_it_or_among_the_changes(plan: str, rule: str) -> None:
    review = of_plan(next(path for path in PLANS if path.name.startswith(f"{plan}.")))
    text = write(review, Setting())
    (finding, *_) = (f for f in review.findings if f.rule == rule)
    assert len(finding.details) > 6
    for detail in finding.details:
        line = detail.removeprefix("allowed: ")
        assert prose(line) in text and text.count(f"- {prose(detail)}") < 2


def test_of_many_details_twelve_are_shown_and_three_where_the_change_has_them_all() -> None:
    tables = (allow("dynamodb:GetItem", f"arn:aws:dynamodb:*:*:table/t{n}") for n in range(15))
    review = reviewed(policy("p", document(), document(*tables)))
    for shown, told, more in ((review, 3, 13), (replace(review, changes=()), 12, 4)):
        findings, _, _ = write(shown, Setting()).partition("Unknown until apply")
        assert findings.count("    - allowed: `dynamodb:GetItem` on ") == told
        assert f"\n    - and {more} more\n" in findings


def test_every_section_with_findings_has_its_heading_once() -> None:
    for review in (hostile(), *map(of_plan, PLANS[:4])):
        text = write(review, Setting())
        for section, title in wording.SECTIONS.items():
            has = any(wording.section(finding) == section for finding in review.findings)
            assert text.count(f"#### {title}\n") in ((1,) if has else (0, 1))


def test_what_looks_alike_is_named_with_the_finding_and_with_the_change() -> None:
    texts = [document(allow("s3:GetObject")), document(allow("s3:*"))]
    addresses = [f'aws_iam_policy.p["{key}"]' for key in "abcdef"]
    for count, more in ((3, ""), (4, ""), (6, "- and 2 more like it\n")):
        changed = (policy("p", *texts, address=a) for a in addresses[:count])
        text = write(reviewed(*changed), Setting())
        findings, _, changes = text.partition("#### update")
        assert all(a in findings and a in changes for a in addresses[: min(count, 4)])
        assert (findings.count("more like it"), changes.count("more like it")) == (bool(more),) * 2
        assert more in findings and more in changes


def test_a_finding_and_a_change_say_where_it_is_written() -> None:
    review = reviewed(policy("p", document(allow("s3:GetObject")), document(allow("s3:*"))))
    place = Place("live/main.tf", 12, 20)
    placed = replace(
        review,
        findings=tuple(replace(f, place=place) for f in review.findings),
        changes=tuple(replace(c, place=place) for c in review.changes),
    )
    for shown, where in ((review, ""), (placed, ", `live/main.tf:12`")):
        text = write(shown, Setting())
        assert f"\n    - `aws_iam_policy.p` `policy`{where}\n" in text
        assert f"\n#### update: `aws_iam_policy.p` `policy`{where}\n" in text


COMMENT = """
### IAM review fails: 1 error, 2 notes, 2 notes ignored

`plan.json` with the plugin versions that it names; fails on `warning` or `any-change`.

#### VPC CNI (aws-node)

- cluster: prod, `IPv4`
- version: `v1.23.1-eksbuild.1 -> v1.23.2-eksbuild.1`, `aws_eks_addon.vpc_cni`
- identity: `aws_iam_role.cni` (IRSA), unchanged

- **note** plugin-version-changed (counts for any-change): The plugin is updated from \
`v1.23.1-eksbuild.1` to `v1.23.2-eksbuild.1`
    - `aws_eks_addon.vpc_cni`

#### Who can do more

- **error** new-access: Anyone with the policy can now call `ec2:RunInstances` on all resources
    - `aws_iam_policy.p` `policy`
    - allowed: `ec2:RunInstances` on `*`
    - example: `ec2:RunInstances` on \
`arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0`

#### Other changes

- **note** access-removed (counts for any-change): The policy allows less
    - `aws_iam_policy.z` `policy`
    - no longer allowed: `s3:PutObject` on `*`

- *ignored* moved, `aws_iam_policy.p`: agreed
- *ignored until 2099-12-31* moved, `aws_iam_policy.p`: agreed, too

Unknown until apply: nothing.

#### update: `aws_iam_policy.p` `policy`

- `+` allowed: `ec2:RunInstances` on `*`
- moved from `aws_iam_policy.q`
- new access, for instance `ec2:RunInstances` on \
`arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0`
- nearest to `ipv4` of `2026-09-29`
    - statement 3 (`ec2:StopInstances`): is added: it allows `ec2:StopInstances` on `*`
    - statement 4 (`ec2:RunInstances`): is added: it allows `ec2:RunInstances` on `*`

#### update: `aws_iam_policy.z` `policy`

- `-` no longer allowed: `s3:PutObject` on `*`
- no new access (proven)

#### All policies of `aws_iam_role.cni`

- `ec2:AssignPrivateIpAddresses`: yes; the plugin fails without it
"""


def test_a_comment_reads_from_the_plugin_to_each_change() -> None:
    cni = dumps(managed_policy())
    own = {"service_account_role_arn": arn_of("cni")}
    update = addon(*({**own, "addon_version": f"v1.23.{n}-eksbuild.1"} for n in (1, 2)))
    more = [*json.loads(cni)["Statement"], allow("ec2:StopInstances")]
    wider = document(*more, allow("ec2:RunInstances"))
    texts = document(allow(["s3:GetObject", "s3:PutObject"])), document(allow("s3:GetObject"))
    review = reviewed(
        *(update, *own_role("cni", irsa(), cni), policy("z", *texts)),
        policy("p", document(*more), wider, previous_address="aws_iam_policy.q"),
    )
    (moved,) = (finding for finding in review.findings if finding.rule == "moved")
    review = replace(
        review,
        findings=tuple(finding for finding in review.findings if finding is not moved),
        ignored=(Ignored(moved, "agreed", ""), Ignored(moved, "agreed, too", "2099-12-31")),
        fail_on=("warning", "any-change"),
    )
    text = write(review, Setting("bitbucket"))
    shown = text.partition("- `ec2:AttachNetworkInterface`")[0].partition("\n")[2]
    assert shown == COMMENT.replace("\\\n", "")
    whole = "#### All policies of `aws_iam_role.cni`\n\n<details><summary>What they allow"
    assert whole in write(review, Setting("gitlab"))


def test_a_comment_of_a_plan_without_changes_says_so_in_place_of_findings() -> None:
    text = write(reviewed(policy("p", document(), document())), Setting())
    assert text.endswith(
        "\n### IAM review passes: no findings\n\n"
        f"`plan.json` for plugin {newest()}, ipv4 or ipv6; fails on `warning`.\n\n"
        "Unknown until apply: nothing.\n\nNothing in the plan changes an IAM policy.\n"
    )


def test_what_is_kept_is_whole() -> None:
    """A cut lies between two parts, never in a table, a span or a fold."""
    for count in range(1, 40):
        text = write(many(count), Setting("gitlab"))
        assert text.count("<details><summary>") == text.count("</details>")
        assert text.count("`") % 2 == 0


def test_a_comment_can_be_found_again() -> None:
    first, other = (write(of_plan(path), Setting()).split("\n")[0] for path in PLANS[:2])
    assert re.fullmatch(rf"\[//\]: # \({MARKER} [0-9a-f]{{16}}\)", first)
    assert first != other and first == write(of_plan(PLANS[0]), Setting("bitbucket")).split("\n")[0]
    shown = [t.content for t in tokens(write(of_plan(PLANS[0]), Setting()))]
    assert not any(MARKER in content for content in shown)


def test_bitbucket_gets_no_html() -> None:
    widened = next(path for path in PLANS if path.name.startswith("widen"))
    assert "<details>" in write(of_plan(widened), Setting())
    assert "<" not in write(of_plan(widened), Setting("bitbucket"))
    text = write(of_plan(widened), Setting("bitbucket"))
    assert "ec2:TerminateInstances`**: no before, yes after" in text
