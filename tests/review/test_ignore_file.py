"""The ignore file takes findings out, says so, and hides nothing else."""

import datetime
from pathlib import Path

import pytest
from msgspec import Struct

from conftest import run
from shown_reviews import RULES
from synthetic import allow, document, plan, policy
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.review.findings import Finding, finding, say
from vpc_cni_iam.review.ignore import IgnoreFile, apply, load
from vpc_cni_iam.review.report.make import check_fail_on

TODAY = datetime.date(2026, 6, 1)
ENTRY = """[[ignore]]
rule = "new-access"
address = "aws_iam_policy.p[\\"*\\"]"
reason = "agreed with the owners"
"""


class Nothing(Struct, frozen=True):
    """Evidence of no matter."""


WIDER = finding(RULES["new-access"], Nothing(), 'aws_iam_policy.p["a"]')


def file(folder: Path, text: str) -> IgnoreFile:
    path = folder / "ignore.toml"
    path.write_text(text)
    return load(path)


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [str(f.rule) for f in findings]


def test_an_ignored_finding_does_not_count_and_is_kept_with_its_reason(tmp_path: Path) -> None:
    entries = file(tmp_path, ENTRY + "until = 2026-06-01\n")
    left, ignored = apply(entries, (WIDER,), TODAY)
    assert left == ()
    assert [(i.finding, i.entry.reason, i.entry.until) for i in ignored] == [
        (WIDER, "agreed with the owners", TODAY)
    ]


def test_an_entry_that_has_expired_is_a_warning_and_hides_nothing(tmp_path: Path) -> None:
    left, ignored = apply(file(tmp_path, ENTRY + "until = 2026-05-31\n"), (WIDER,), TODAY)
    assert rules(left) == ["new-access", "ignore-expired"] and ignored == ()
    about = 'new-access on aws_iam_policy.p["*"]: agreed with the owners'
    message = f"{tmp_path}/ignore.toml, entry 1 expired on 2026-05-31: {about}"
    assert say(left[1]).message == message and left[1].attribute == "1"


def test_the_second_of_two_entries_that_match_is_unused(tmp_path: Path) -> None:
    left, ignored = apply(file(tmp_path, ENTRY + ENTRY), (WIDER,), TODAY)
    assert rules(left) == ["ignore-unused"] and len(ignored) == 1
    assert left[0].attribute == "2" and say(left[0]).message.partition(", ")[2] == (
        'entry 2 matches no finding: new-access on aws_iam_policy.p["*"]: agreed with the owners'
    )


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
        # Rules that were removed.
        (ENTRY.replace("new-access", "plugin-tag-removed"), "did you mean 'plugin-removed'"),
        (ENTRY.replace("new-access", "irsa-no-audience"), "removed rules: CHANGELOG.md"),
        (ENTRY + 'until = "2026-06-01"\n', "must be a date"),
        (ENTRY + "until = 2026-06-01T00:00:00\n", "must be a date"),
    ],
)
def test_a_file_that_is_not_valid_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        file(tmp_path, text)


@pytest.mark.parametrize(
    ("pattern", "matches"),
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
def test_only_a_star_stands_for_anything(tmp_path: Path, pattern: str, *, matches: bool) -> None:
    text = ENTRY.replace('aws_iam_policy.p[\\"*\\"]', pattern.replace('"', '\\"'))
    left, ignored = apply(file(tmp_path, text), (WIDER,), TODAY)
    assert bool(ignored) is matches
    assert (WIDER in left) is not matches


def test_an_entry_hides_nothing_of_another_rule_or_resource(tmp_path: Path) -> None:
    others = (
        finding(RULES["admin-attached"], Nothing(), WIDER.address),
        finding(RULES["new-access"], Nothing(), "aws_iam_policy.q"),
    )
    left, ignored = apply(file(tmp_path, ENTRY), (WIDER, *others), TODAY)
    assert left == others and len(ignored) == 1


def test_a_value_of_fail_on_that_is_not_known_is_wrong_usage() -> None:
    assert check_fail_on(["new-access", "error", "error"]) == ("new-access", "error")
    with pytest.raises(UsageError, match="new-access"):
        check_fail_on(["high"])


def test_the_command_takes_the_file_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(plan(policy("p", document(allow("ec2:A")), None)))
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ENTRY + "until = 2000-01-01\n")
    done = run("review", "plan.json", cwd=tmp_path)
    assert "vpc-cni-iam-ignore.toml, entry 1 expired on 2000-01-01" in done.out
    assert done.code == 1
    (tmp_path / "other.toml").write_text("")
    done = run("review", "plan.json", "--ignore-file", "other.toml", cwd=tmp_path)
    assert "expired" not in done.out
    assert run("review", "plan.json", "--ignore-file", "none.toml", cwd=tmp_path).code == 3


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("unread-resorce", "did you mean 'unread-resource'?"),
        # Rules that were removed.
        ("unread-command", "no similar one is known"),
        ("unread-resource-policy", "did you mean 'unread-resource'?"),
    ],
)
def test_a_rule_that_does_not_exist_is_an_error_with_the_nearest_name(
    name: str, advice: str, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_bytes(plan())
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ENTRY.replace("new-access", name))
    done = run("review", "plan.json", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    place = "error: vpc-cni-iam-ignore.toml: ignore[0].rule: "
    assert f"{place}unknown rule {name!r}; {advice} (rules: docs/rules.md; " in done.err
    assert "removed rules: CHANGELOG.md" in done.err
