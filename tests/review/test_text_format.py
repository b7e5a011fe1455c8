"""The first screen of a review, and what --details adds."""

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from shown_reviews import (
    BROKEN,
    CLEAN,
    COMMAND,
    MISSING,
    NEW_ACCESS,
    PLUGIN,
    REWRITTEN,
    RULES,
    WIDENED,
    every,
    example,
    finding,
    hostile,
    many,
    review,
)
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.report.formats import html, markdown
from vpc_cni_iam.review.report.formats.text import write
from vpc_cni_iam.review.report.shown import ShownFinding, ShownIgnored, ShownReview
from vpc_cni_iam.review.report_formats import Setting

SCREEN = """\
IAM review of plan.json
3 errors, 2 notes, 1 error ignored; the review fails (--fail-on warning)

aws-node in dev: fails with v1.23.2 (IPv4): ec2:DescribeSubnets is denied
  version   v1.22.1 -> v1.23.2
  identity  aws_iam_role.cni (IRSA)
aws-node in prod: works with v1.23.2 (IPv4)
  version   v1.22.1 -> v1.23.2
  identity  aws_iam_role.cni (IRSA)
  error     aws-node in dev calls ec2:DescribeSubnets, which aws_iam_role.cni does not allow
            fix: Allow ec2:DescribeSubnets in aws_iam_policy.cni
            aws_eks_addon.vpc_cni addon_version, main.tf:42 [plugin-permission-missing]

Who can do more
  error     aws_iam_role.cni can now call ec2:TerminateInstances on *
            also: ec2:StopInstances on *
            example: ec2:TerminateInstances on \
arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0
            fix: Remove it from aws_iam_policy.cni, or narrow its actions and resources
            aws_iam_policy.cni policy, main.tf:42 [new-access]
  error     aws_iam_role.cni can now be assumed by any service account named aws-node
            aws_iam_role.cni assume_role_policy, main.tf:42 [trust-widened]

Other findings
  note      aws_iam_role.new gets ipv4-scoped
            aws_iam_policy.p policy, main.tf:42 [new-policy]
  note      The policy allows the same
            aws_iam_policy.z policy, main.tf:42 [rewritten]

ignored: trust-widened aws_iam_role.old: agreed
Changed resources: 12 read, 30 of other types, 2 about IAM, EKS or credentials not read: \
aws_iam_account_password_policy.x, awscc_iam_role.y.
"""


def first_screen(shown: ShownReview, width: int | None = None) -> str:
    return write(shown, Setting(width=width))


def with_details(shown: ShownReview) -> str:
    return write(shown, Setting(details=True))


def test_the_first_screen_answers_whether_the_plugin_works_and_who_can_do_more() -> None:
    assert first_screen(example()) == SCREEN


@pytest.mark.parametrize("width", [None, 40, 80, 200])
def test_the_first_screen_has_at_most_forty_lines(width: int | None) -> None:
    rules = [*RULES.values()]
    mixed = tuple(
        finding(rules[n % len(rules)], f"{'A long message ' * 20}{n}", f"aws_iam_policy.p{n}")
        for n in range(300)
    )
    worst = sorted(mixed, key=lambda f: -f.level.rank)
    clusters = tuple(replace(BROKEN, cluster=f"c{n}", version_after=f"v1.{n}") for n in range(9))
    ignored = tuple(ShownIgnored(f, "agreed " * 90, "") for f in mixed)
    large = review(*worst, plugins=clusters, ignored=ignored, not_read=("x" * 90,) * 9)
    for shown in (*every(), large):
        text = first_screen(shown, width)
        assert len(text.splitlines()) <= 40
        if width is not None:
            assert max(map(len, text.splitlines())) <= width


def counted(text: str) -> dict[str, int]:
    """How many findings a screen shows or counts, by level."""
    numbers = {level.value: len(re.findall(rf"^  {level}  ", text, re.M)) for level in Level}
    for more in re.findall(r"^  and (.*) more \(--details\)$", text, re.M):
        for number, level in re.findall(r"(\d+) (error|warning|note)", more):
            numbers[level] += int(number)
    for more in re.findall(r"^            also .*?(?: and (\d+) more)?$", text, re.M):
        numbers["error"] += 1 + int(more or 0)
    return numbers


@pytest.mark.parametrize("count", [0, 1, 2, 5, 9, 40])
def test_each_finding_that_the_header_counts_is_shown_or_counted(count: int) -> None:
    rules = [
        RULES["new-access"],
        RULES["rewritten"],
        RULES["access-removed"],
        RULES["coverage-lost"],
        RULES["drift"],
        RULES["unread-resource"],
    ]
    findings = tuple(
        finding(rule, f"About {rule} {n}", f"aws_iam_policy.p{n}")
        for n in range(count)
        for rule in rules
    )
    shown = review(*findings)
    numbers = {level.value: sum(f.level is level for f in findings) for level in Level}
    assert counted(first_screen(shown)) == numbers == counted(with_details(shown))


def test_findings_that_differ_in_keys_alone_are_one_with_the_names_of_the_others() -> None:
    alike = [replace(NEW_ACCESS, address=f"aws_iam_policy.p[{n}]") for n in range(4)]
    screen = first_screen(review(*alike))
    assert screen.count("can now call") == 1
    assert "\n            also aws_iam_policy.p[1] policy and 2 more\n" in screen
    assert counted(screen)["error"] == 4
    details = with_details(review(*alike))
    assert all(f"also aws_iam_policy.p[{n}] policy\n" in details for n in (1, 2, 3))


@pytest.mark.parametrize("report", [write, markdown.write, html.write])
def test_a_fix_that_names_one_instance_says_that_others_need_it(
    report: Callable[[ShownReview, Setting], str],
) -> None:
    alike = [
        replace(NEW_ACCESS, address=f"p[{n}]", fix=f"Remove s3:GetObject from p[{n}]")
        for n in range(3)
    ]
    for count in (2, 3):
        text = re.sub(r"<[^>]+>|`", "", report(review(*alike[:count]), Setting()))
        assert f"p[0] (and likewise {count - 1} more)" in text
    assert "likewise" not in report(
        review(*(replace(f, fix="Remove it") for f in alike)), Setting()
    )


@pytest.mark.parametrize("level", [Level.WARNING, Level.NOTE])
def test_instances_of_one_block_that_say_opposite_things_are_both_shown(level: Level) -> None:
    messages = "can be assumed by aws-node", "can be assumed by nobody"
    findings = [
        finding(RULES["new-policy"], message, f'aws_iam_role.r["{message}"]', level=level)
        for message in messages
    ]
    screen = first_screen(review(*findings))
    assert all(f"  {level}" in screen and message in screen for message in messages)
    assert "  also" not in screen


NOBODY = "Nobody."


@pytest.mark.parametrize(
    ("findings", "answer"),
    [
        ((), NOBODY),
        ((REWRITTEN,), NOBODY),
        ((CLEAN,), "Only what the notes show."),
        ((NEW_ACCESS,), ""),
        ((NEW_ACCESS, CLEAN), ""),
        # What a command does is not known.
        ((COMMAND, CLEAN), "Only what the notes show, according to the resources that are read."),
        ((finding(RULES["plugin-identity-changed"], "aws-node gets a role"),), "Nobody else"),
        ((finding(RULES["trust-anybody"], "Everyone"),), ""),
    ],
)
def test_nobody_can_do_more_only_if_nothing_new_and_nothing_unknown_is_reported(
    findings: tuple[ShownFinding, ...], answer: str
) -> None:
    screen = first_screen(review(*findings))
    _, _, access = screen.partition("\nWho can do more\n")
    assert access.startswith(f"  {answer}") if answer else "Nobody" not in screen
    assert not answer or access.splitlines()[1] == ""
    assert all(
        f.message not in access.partition("\nOther")[0] for f in findings if f.level == "note"
    )


def test_the_plugin_is_answered_for_each_cluster_those_that_fail_first() -> None:
    screen = first_screen(example())
    assert screen.index("aws-node in dev: fails") < screen.index("aws-node in prod: works")
    alike = [replace(PLUGIN, cluster=c) for c in "abc"]
    screen = first_screen(review(plugins=(*alike, BROKEN)))
    assert "\naws-node in a: works with v1.23.2 (IPv4)\n" in screen
    assert "\n  also      in b and 1 more\n" in screen
    assert "\n  also      in b, in c\n" in with_details(review(plugins=(*alike, BROKEN)))
    assert "\naws-node: not in the plan\n" in first_screen(review())
    several = [replace(PLUGIN, cluster=f"c{n}", version_before=f"v1.{n}.0") for n in range(6)]
    assert "\n  and 4 more (--details)\n" in first_screen(review(plugins=tuple(several)))


def test_the_last_line_names_some_of_what_is_not_read() -> None:
    last = first_screen(review(read=0, not_read=("a.b", "c.d", "e.f"))).splitlines()[-1]
    assert last == (
        "Changed resources: 0 read, 3 about IAM, EKS or credentials not read: a.b, c.d and 1 more."
    )


def test_an_ignored_finding_is_not_taken_for_nobody() -> None:
    ignored = (ShownIgnored(NEW_ACCESS, "agreed", ""),)
    screen = first_screen(review(CLEAN, ignored=ignored))
    assert (
        "\nWho can do more\n  Only ignored findings, see below.\n\nOther findings\n  note "
        in screen
    )
    identity = finding(RULES["plugin-identity-changed"], "aws-node gets a role")
    screen = first_screen(review(ignored=(ShownIgnored(identity, "agreed", ""),)))
    assert "Nobody" not in screen
    screen = first_screen(review(CLEAN, identity))
    assert "\nWho can do more\n  Nobody else.\n\nOther findings\n  note " in screen


def test_colours_are_for_terminals() -> None:
    text = write(example(), Setting(colour=True))
    assert "\x1b[1;31maws-node in dev: fails" in text and "\x1b[32maws-node in prod" in text
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == SCREEN
    for verdict in Verdict:
        shown = write(review(plugins=(replace(PLUGIN, verdict=verdict),)), Setting(colour=True))
        assert re.search(r"\x1b\[[\d;]+maws-node in prod: ", shown), verdict


def test_hostile_text_commands_neither_a_terminal_nor_a_log() -> None:
    for setting in (Setting(), Setting(details=True), Setting(width=80)):
        text = write(hostile(), setting)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text)
        assert "\n# head" not in text and "\\u001b" in text
    command = review(replace(NEW_ACCESS, message="::error::x ##vso[task.setvariable x=y]"))
    assert not re.search(r"::error::|##vso\[", first_screen(command))


def test_the_worst_come_first_and_the_others_are_counted() -> None:
    screen = first_screen(many(30))
    shown = len(re.findall(r"Message \d", screen))
    assert 0 < shown < 30 and f"  and {30 - shown} errors more (--details)\n" in screen
    assert first_screen(review(WIDENED, MISSING)).index("aws-node in dev calls") > 0
