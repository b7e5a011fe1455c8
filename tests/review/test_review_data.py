"""A review as plain data: what every format is written from."""

import html
import re
from datetime import date
from functools import cache

import pytest
from tools.corpus import cases
from tools.generate import rule_pages

from conftest import ROOT
from eks import NODE_TRUST
from shown_reviews import RULES
from synthetic import OPTIONS, allow, document, plan, policy, resource, reviewed, role
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.ignore import IgnoreEntry, IgnoreFile
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.report.rule_texts import rules_of, shown_rules
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.report_formats import REPORTS, Setting
from vpc_cni_iam.review.rules import Topic, every
from vpc_cni_iam.review.run import review

PLANS = ROOT / "tests" / "review" / "plans"
UNUSED = IgnoreFile("ignore.toml", (IgnoreEntry(RULES["drift"], "nothing", "because"),) * 2)
READ, WRITE = document(allow("s3:GetObject")), document(allow("s3:*"))


def shown_of(data: bytes, ignore_file: IgnoreFile | None = None) -> ShownReview:
    return shown(review(read_plan(data, "plan.json"), OPTIONS, ignore_file))


@cache
def corpus() -> dict[str, ShownReview]:
    """The reviews of the corpus and of the plans of real engines that can be read."""
    plans = {case.name: case.plan for case in cases() if "input" not in case.data}
    plans |= {path.name: path.read_bytes() for path in PLANS.glob("*.terraform-1.15.5.json")}
    reviews = {}
    for name, data in plans.items():
        try:
            reviews[name] = shown_of(data)
        except InputError:
            continue
    assert len(reviews) > 240
    return reviews


def test_each_rule_has_its_texts() -> None:
    for rule in shown_rules():
        assert re.fullmatch(r"(?:[A-Z]|aws-node)[^\n]{10,120}\.", rule.summary), rule.id
        assert rule.help.endswith(".") and "\n" not in rule.help, rule.id


def test_a_review_has_the_texts_of_the_rules_of_its_findings_alone() -> None:
    for name, made in corpus().items():
        rules = {finding.rule for finding in (*made.findings, *(i.finding for i in made.ignored))}
        assert {rule.id for rule in rules_of(made)} == rules, name


def test_text_markdown_and_html_agree_about_who_can_do_more() -> None:
    """In every plan of the corpus: nobody can, only if nothing says or hides that somebody can."""
    answers = set()
    for name, made in corpus().items():
        reports = {f: REPORTS[f](made, Setting(details=True)) for f in ("text", "markdown", "html")}
        (nobody,) = {bool(re.search("Nobody[.,]", text)) for text in reports.values()}
        if any("new-access" in f.means and (f.level is not Level.NOTE) for f in made.findings):
            assert not nobody, name
        answers.add(nobody)
    assert answers == {True, False}


def test_every_finding_is_in_each_report() -> None:
    for name, made in corpus().items():
        texts = [REPORTS["text"](made, Setting(details=True))]
        texts += [html.unescape(REPORTS["html"](made, Setting()))]
        for alike in words.grouped(made.findings, words.looks):
            for text in texts:
                assert alike[0].message in text, name
        first_screen = REPORTS["text"](made, Setting(width=100))
        assert len(first_screen.splitlines()) <= 40, name


def test_the_header_and_the_sections_have_the_same_numbers() -> None:
    for name, made in corpus().items():
        sections = [f for groups in words.in_sections(made).values() for g in groups for f in g]
        assert sorted(sections, key=str) == sorted(made.findings, key=str), name
        assert (
            REPORTS["text"](made, Setting())
            .splitlines()[1]
            .startswith(words.counted(made.findings))
        )


def test_findings_are_in_order_and_one_that_fails_the_review_fails_it() -> None:
    for name, made in corpus().items():
        ranks = [-f.level.rank for f in made.findings]
        assert ranks == sorted(ranks), name
        assert made.failed is any(f.level is not Level.NOTE for f in made.findings)


def test_a_message_begins_as_a_sentence_and_says_something() -> None:
    for name, made in corpus().items():
        for finding in made.findings:
            first = finding.message.partition(" ")[0]
            assert first and (first[0].isupper() or not first.isalpha()), (name, finding.message)
            assert not re.search(r"None|\bInPlan\b|\bSide\.|frozenset|\(\)", finding.message)


def test_each_error_has_a_fix() -> None:
    for name, made in corpus().items():
        for finding in made.findings:
            if finding.level is Level.ERROR:
                assert finding.fix, (name, finding.rule, finding.message)


def test_a_fingerprint_is_of_the_rule_and_the_place() -> None:
    first, second = shown_of(plan(), UNUSED).findings
    assert re.fullmatch("[0-9a-f]{16}", first.fingerprint)
    assert first.fingerprint != second.fingerprint
    again = shown_of(plan(policy("p", READ, READ)), UNUSED).findings
    assert first.fingerprint in {f.fingerprint for f in again}


@pytest.mark.parametrize("last_day", ["", "2999-12-31"])
def test_an_ignored_finding_has_its_reason_and_its_last_day(last_day: str) -> None:
    until = date.fromisoformat(last_day) if last_day else None
    entries = IgnoreFile("ignore.toml", (IgnoreEntry(RULES["new-access"], "*", "because", until),))
    data = plan(policy("p", READ, WRITE))
    (ignored,) = shown_of(data, entries).ignored
    of_entry = ignored.finding.rule, ignored.reason, ignored.until
    assert of_entry == ("new-access", "because", last_day)


def test_the_list_of_rules_is_by_question() -> None:
    page = rule_pages.listing()
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == [*rule_pages.QUESTIONS.values()]
    assert [*rule_pages.QUESTIONS] == [*Topic]
    assert re.findall(r"^\| \[([\w-]+)\]\(rules/\1\.md\)", page, re.MULTILINE) == [*every()]


def test_the_worst_finding_is_first_and_an_administrator_before_other_errors() -> None:
    """Among notes and warnings, those that fail the review."""
    less, more = (document(allow(actions)) for actions in ("ec2:A", ["ec2:A", "s3:B"]))
    changes = [
        policy("b", less, more),
        policy("a", more, less),
        policy("z", less, document(allow("*"))),
        policy("n", None, less),
        role("t", None, NODE_TRUST),
    ]
    *worst, _, _ = (f.rule for f in reviewed(*changes, fail_on="any-change").findings)
    assert worst == [RULES["admin-attached"], RULES["new-access"], RULES["new-policy"]]
    strict = reviewed(*changes, fail_on="new-access").findings
    assert [f.rule for f in strict[-2:]] == [RULES["new-policy"], RULES["access-removed"]]


def test_of_new_access_the_most_harmful_comes_first() -> None:
    read = document(allow("s3:GetObject", "arn:aws:s3:::a/*"))
    sides = {
        name: [{"role": name, "name": "i", "policy": text} for text in (read, after)]
        for name, after in (
            ("a", document(allow("ec2:DescribeSubnets"))),
            ("b", document(allow(["iam:PassRole", "ec2:RunInstances"]))),
        )
    }
    made = shown_of(plan(*(resource("aws_iam_role_policy", n, *s) for n, s in sides.items())))
    gains = [
        f.address for f in made.findings if f.rule in (RULES["new-access"], RULES["admin-attached"])
    ]
    assert gains == ["aws_iam_role_policy.b", "aws_iam_role_policy.a"]


def test_access_that_destroys_resources_comes_before_access_that_changes_them() -> None:
    texts = {
        "a": document(allow("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/*")),
        "b": document(allow(["ec2:CreateFleet", "ec2:TerminateInstances"])),
        "c": document(allow(["ec2:DescribeInstances"])),
    }
    made = [
        resource("aws_iam_role_policy", name, None, {"role": name, "name": "i", "policy": text})
        for name, text in texts.items()
    ]
    gains = [f for f in shown_of(plan(*made)).findings if f.rule == RULES["new-access"]]
    assert [f.address for f in gains] == [f"aws_iam_role_policy.{name}" for name in "bac"]
