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


def first_screen(shown: ShownReview, width: int | None = None) -> str:
    return write(shown, Setting(width=width))


def with_details(shown: ShownReview) -> str:
    return write(shown, Setting(details=True))


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
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == first_screen(example())
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
