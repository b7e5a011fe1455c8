import datetime
import re
from pathlib import Path

import pytest

from conftest import run
from synthetic import allow, document, plan, policy, reviewed, role
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.review.ignore import apply, load
from vpc_cni_iam.review.run import check_fail_on

TODAY = datetime.date(2026, 6, 1)
ENTRY = """[[ignore]]
rule = "new-access"
address = "aws_iam_policy.p[\\"*\\"]"
reason = "agreed with the owners"
"""
WIDER = policy(
    "p",
    document(allow("ec2:A")),
    document(allow("ec2:*")),
    address='aws_iam_policy.p["a"]',
)


def file(folder: Path, text: str) -> Path:
    path = folder / "ignore.toml"
    path.write_text(text)
    return path


def test_an_ignored_finding_does_not_count_and_is_shown(tmp_path: Path) -> None:
    entries = load(file(tmp_path, ENTRY + "until = 2026-06-01\n"))
    left, ignored = apply(entries, reviewed(WIDER).findings, "ignore.toml", TODAY)
    assert left == ()
    assert [(i.finding.rule, i.reason, i.until) for i in ignored] == [
        ("new-access", "agreed with the owners", "2026-06-01")
    ]


def test_an_entry_that_has_expired_is_a_finding_and_hides_nothing(tmp_path: Path) -> None:
    entries = load(file(tmp_path, ENTRY + "until = 2026-05-31\n"))
    left, ignored = apply(entries, reviewed(WIDER).findings, "ignore.toml", TODAY)
    assert [f.rule for f in left] == ["new-access", "ignore-expired"]
    about = 'new-access on aws_iam_policy.p["*"]: agreed with the owners'
    assert left[1].message == f"ignore.toml, entry 1 expired on 2026-05-31: {about}"
    assert left[1].attribute == "1"
    assert ignored == ()


def test_an_entry_that_fits_nothing_is_a_note(tmp_path: Path) -> None:
    entries = load(file(tmp_path, ENTRY.replace("*", "b") * 2))
    left, _ = apply(entries, reviewed(WIDER).findings, "ignore.toml", TODAY)
    assert [f.rule for f in left] == ["new-access", "ignore-unused", "ignore-unused"]
    about = 'matches nothing: new-access on aws_iam_policy.p["b"]: agreed with the owners'
    assert [f.message for f in left[1:]] == [f"ignore.toml, entry {n} {about}" for n in (1, 2)]
    assert [f.attribute for f in left[1:]] == ["1", "2"]
    assert len({f.fingerprint for f in left if re.fullmatch("[0-9a-f]{16}", f.fingerprint)}) == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ignore = 3", "must be a list"),
        ("ignore = [3]", "must be a table"),
        ("ignored = []", "is not known"),
        ("[[ignore", "is not TOML"),
        (ENTRY.replace("reason", "because"), "is not known"),
        (ENTRY.replace("agreed with the owners", " "), "needs 'reason'"),
        (ENTRY.replace("new-access", "new-acess"), "did you mean 'new-access'"),
        (ENTRY.replace("new-access", "ignore-expired"), "unknown rule 'ignore-expired'"),
        (ENTRY + 'until = "2026-06-01"\n', "must be a date"),
        (ENTRY + "until = 2026-06-01T00:00:00\n", "must be a date"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        load(file(tmp_path, text))


def test_the_command_takes_the_file_that_lies_there(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(plan(WIDER))
    assert run("review", "plan.json", cwd=tmp_path).code == 1
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ENTRY)
    done = run("review", "plan.json", cwd=tmp_path)
    assert (done.code, "agreed with the owners" in done.out) == (0, True)
    assert run("review", "plan.json", "--ignore-file", "none.toml", cwd=tmp_path).code == 3


def test_a_report_without_other_findings_says_what_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(plan(WIDER))
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ENTRY)
    text = run("review", "plan.json", cwd=tmp_path).out
    assert "no findings, 1 error ignored; the review passes" in text
    assert "Nobody" not in text
    markdown = run("review", "plan.json", "--format", "markdown", cwd=tmp_path).out
    assert "### IAM review passes: no findings, 1 error ignored" in markdown
    assert (
        "no findings, 1 error ignored"
        in run("review", "plan.json", "--format", "html", cwd=tmp_path).out
    )


@pytest.mark.parametrize(
    ("form", "with_day", "without"),
    [
        ("text", "ignored until 2099-12-31: new-access aws", "ignored: new-access aws"),
        ("markdown", "*ignored until 2099-12-31* new-access", "*ignored* new-access"),
        ("html", ">Ignored until 2099-12-31: agreed", ">Ignored: agreed"),
        ("sarif", '"agreed with the owners; until 2099-12-31"', '"agreed with the owners"'),
        ("junit", '"agreed with the owners (until 2099-12-31)"', '"agreed with the owners"'),
    ],
)
def test_each_report_says_until_when_a_finding_is_ignored(
    tmp_path: Path, form: str, with_day: str, without: str
) -> None:
    (tmp_path / "plan.json").write_bytes(plan(WIDER))
    for day, text in (("until = 2099-12-31\n", with_day), ("", without)):
        (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ENTRY + day)
        assert text in run("review", "plan.json", "--format", form, cwd=tmp_path).out


def test_a_level_that_is_none_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="new-access"):
        check_fail_on(["high"])


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ('aws_iam_policy.p["a"]', True),
        ('aws_iam_policy.p["*"]', True),
        ("aws_iam_policy.*", True),
        ("*", True),
        ('aws_iam_policy.p["?"]', False),
        ("aws_iam_policy.p[!b]", False),
        ('aws_iam_policy.p["[a]"]', False),
        ("aws_iam_policy.p", False),
        ('AWS_iam_policy.p["a"]', False),
        ('aws_iam_policy.p["a"].*', False),
    ],
)
def test_only_a_star_stands_for_anything(tmp_path: Path, pattern: str, fits: bool) -> None:
    text = ENTRY.replace('aws_iam_policy.p[\\"*\\"]', pattern.replace('"', '\\"'))
    left, ignored = apply(
        load(file(tmp_path, text)), reviewed(WIDER).findings, "ignore.toml", TODAY
    )
    assert bool(ignored) is fits
    assert ("new-access" in {f.rule for f in left}) is not fits


@pytest.mark.parametrize(("until", "counts"), [("2026-05-31", True), ("2026-06-01", False)])
def test_an_entry_counts_to_the_end_of_its_last_day(
    tmp_path: Path, until: str, counts: bool
) -> None:
    entries = load(file(tmp_path, ENTRY + f"until = {until}\n"))
    left, _ = apply(entries, reviewed(WIDER).findings, "ignore.toml", TODAY)
    assert ("new-access" in {f.rule for f in left}) is counts


def test_an_entry_hides_nothing_of_another_rule_or_resource(tmp_path: Path) -> None:
    other = policy("q", document(allow("ec2:A")), document(allow("ec2:*")))
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
    review = reviewed(WIDER, other, role("r", None, trust)).findings
    entries = load(file(tmp_path, ENTRY))
    left, ignored = apply(entries, review, "ignore.toml", TODAY)
    assert len(ignored) == 1
    assert len(left) == len(review) - 1
    assert {f.address for f in left} == {"aws_iam_policy.q", "aws_iam_role.r"}


def test_a_witness_is_no_less_for_a_second_entry(tmp_path: Path) -> None:
    """The second entry of two that fit is unused, and said to be."""
    entries = load(file(tmp_path, ENTRY + ENTRY))
    left, ignored = apply(entries, reviewed(WIDER).findings, "ignore.toml", TODAY)
    assert [f.rule for f in left] == ["ignore-unused"]
    assert len(ignored) == 1


@pytest.mark.parametrize(
    ("value", "failed"),
    [
        ("new-access", True),
        ("any-change", True),
        ("error", True),
        ("warning", True),
        ("note", True),
        ("coverage-lost", False),
    ],
)
def test_what_is_ignored_fails_no_review_whatever_it_fails_on(
    tmp_path: Path, value: str, failed: bool
) -> None:
    (tmp_path / "plan.json").write_bytes(plan(WIDER))
    done = run("review", "plan.json", "--fail-on", value, cwd=tmp_path)
    assert done.code == int(failed)
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ENTRY)
    assert run("review", "plan.json", "--fail-on", value, cwd=tmp_path).code == 0
