"""The report on terminals of every width, in colour and without."""

import json
import re
from pathlib import Path

import pytest
from tools.corpus import cases, load

from conftest import ROOT, run
from eks import MANAGED, NODE_TRUST, irsa, own_role
from synthetic import Json, allow, attachment, document, plan, policy, resource

PLANS = ROOT / "tests" / "review" / "plans"
WIDEN = PLANS / "widen.terraform-1.15.5.json"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_report_is_as_wide_as_the_terminal(width: int) -> None:
    done = run("review", WIDEN, env={"COLUMNS": str(width)})
    assert done.code == 1
    lines = done.out.splitlines()
    # The first line names the plan, whose path is not broken.
    assert max(len(line.rstrip()) for line in lines[1:]) <= width
    assert "ec2:TerminateInstances" in done.out or "and 1 error more (--details)" in done.out


@pytest.mark.parametrize("case", ["irsa-without-subject", "trust-any-namespace"])
def test_a_word_is_broken_where_it_fits_no_line_and_then_between_its_parts(
    case: str, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_bytes(load(case).plan)
    words, narrow = (
        run("review", "plan.json", "--details", cwd=tmp_path, env=env).out
        for env in ({}, {"COLUMNS": "80"})
    )
    words = words.split()
    assert {word for word in words if len(word) <= 66} <= set(narrow.split())
    long = {word for word in words if len(word) > 66}
    assert long and all(word in "".join(narrow.split()) for word in long)
    ends = {line.split()[-1] for line in narrow.splitlines() if line} - set(words)
    broken = [e for e in ends for word in long if len(e) > 20 and word.startswith(e)]
    assert all(end[-1] in ":/" for end in broken)


def test_colour_is_for_terminals_and_can_be_had_and_refused() -> None:
    assert "\x1b[" not in run("review", WIDEN).out
    forced = run("review", WIDEN, env={"FORCE_COLOR": "1", "TERM": "xterm"}).out
    assert "\x1b[" in forced
    refused = run("review", WIDEN, env={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}).out
    assert not re.search(r"\x1b\[[\d;]*3[1-6]m", refused)


@pytest.mark.parametrize(
    ("command", "coloured"),
    [
        (
            ("coverage", "--variant", "ipv4", "--revision", "2024-07-22"),
            ("error", "works", "fails"),
        ),
        (("check",), ("edited",)),
    ],
)
def test_coverage_and_check_have_colours_by_the_same_rule(
    command: tuple[str, ...], coloured: tuple[str, ...], tmp_path: Path
) -> None:
    run("init", "--path", "m", cwd=tmp_path)
    run("sync", cwd=tmp_path)
    main = tmp_path / "m/main.tf"
    main.write_text(main.read_text().replace("ec2:CreateTags", "ec2:*"))
    plain = run(*command, cwd=tmp_path).out
    forced = run(*command, cwd=tmp_path, env={"FORCE_COLOR": "1"}).out
    words = re.findall(r"\x1b\[[\d;]*m(.*?)\x1b\[0m", forced)
    assert words and set(words) <= {*coloured, "warning", "note"} and words[0] in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", forced) == plain and "\x1b" not in plain
    refused = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert run(*command, cwd=tmp_path, env=refused).out == plain


def test_what_is_alike_is_said_once() -> None:
    out = run("review", PLANS / "nested.tofu-1.12.6.json", "--details").out
    assert out.count("can now be assumed by") == len(
        set(re.findall("can now be assumed by .*", out))
    )
    assert 'also module.vpc_cni_irsa["green"]' in out


LOGGED = [
    "::error file=a:b,line=1::pwned",
    "::stop-commands::x",
    " ::add-mask::x",
    "::Add-Mask::x",  # GitHub ignores the case
    "##vso[task.setvariable variable=PATH]x",
    "##[set-output name=a]x",
    "##teamcity[x]",
]


@pytest.mark.parametrize("text", LOGGED)
@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1", "COLUMNS": "60"}])
def test_no_text_of_a_plan_is_a_command_in_the_log_of_a_job(
    text: str, env: dict[str, str], tmp_path: Path
) -> None:
    long = f"{text} " * 20
    arn = "arn:aws:iam::123456789012:policy/error on arn:aws:s3:::warning"
    rendered_policy = policy(
        "p",
        document(allow("s3:Get*", f"arn:aws:s3:::{long}")),
        document(allow("s3:*", [f"arn:aws:s3:::{long}", long, arn])),
        address=f'aws_iam_policy.p["{long}"]',
        previous_address=long,
    )
    (tmp_path / "plan.json").write_bytes(plan(rendered_policy))
    details = ("review", "plan.json", "--details")
    done = run(*details, cwd=tmp_path, env={"NO_COLOR": "1", **env})
    assert done.code == 1
    lines = [re.sub("\x1b\\[[^m]*m", "", line).strip() for line in done.out.splitlines()]
    assert not any(re.match(r"(?i)::(error|stop-commands|add-mask)", line) for line in lines)
    assert "##" not in done.out
    if not env:
        assert arn in done.out


def test_a_line_in_a_file_is_not_broken(tmp_path: Path) -> None:
    key = "k" * 200
    rendered_policy = policy(
        "p", None, document(allow("s3:*")), address=f'aws_iam_policy.p["{key}"]'
    )
    (tmp_path / "plan.json").write_bytes(plan(rendered_policy))
    lines = run("review", "plan.json", "--details", cwd=tmp_path).out.splitlines()
    assert f'policy aws_iam_policy.p["{key}"] added' in lines
    assert f'            aws_iam_policy.p["{key}"] policy [new-policy]' in lines


def test_the_first_screen_answers_three_questions_in_order(tmp_path: Path) -> None:
    """A reviewer of a large plan reads one screen; the rest comes with --details."""
    changes = [
        policy(f"p{i}", document(allow("s3:A")), document(allow(["s3:A", f"s3:B{i}"])))
        for i in range(60)
    ]
    (tmp_path / "plan.json").write_bytes(plan(*changes))
    out = run("review", "plan.json", cwd=tmp_path, env={"COLUMNS": "100"}).out
    titles = (
        "aws-node: not in the plan",
        "Who can do more",
        "Other findings",
        "Changed resources: 60 read",
    )
    places = [out.index(title) for title in titles]
    assert places == sorted(places)
    assert out.count("\n") <= 40
    assert "and 53 errors more (--details)" in out
    details = run("review", "plan.json", "--details", cwd=tmp_path).out
    assert "s3:B59" in details


def test_a_plan_of_many_findings_is_one_screen(tmp_path: Path) -> None:
    """What several cases change, in one plan: an administrator is an error that is shown."""
    changes: dict[str, Json] = {}
    for case in (load("upgrade-ipv6-outage"), load("user-gets-administrator-access"), *cases()):
        if len(changes) < 55 and "input" not in case.data:
            for change in json.loads(case.plan)["resource_changes"]:
                changes.setdefault(change["address"], change)
    (tmp_path / "plan.json").write_bytes(plan(*changes.values()))
    out = run("review", "plan.json", cwd=tmp_path, env={"COLUMNS": "100"}).out
    assert out.count("\n") <= 40, out
    assert all(title in out for title in ("[plugin-", "Who can do more", "Other findings"))
    assert "policy_arn [admin-attached]" in out


def test_all_changes_come_with_details(tmp_path: Path) -> None:
    reordered = [document(allow(actions)) for actions in (["s3:A", "s3:B"], ["s3:B", "s3:A"])]
    (tmp_path / "plan.json").write_bytes(plan(policy("p", *reordered)))
    title, line = "Policy changes", "~ The statements are the same, written differently"
    first, details = (
        run("review", "plan.json", *option, cwd=tmp_path).out for option in ((), ("--details",))
    )
    assert title not in first and title in details and line in details


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ('aws_eks_addon.cni["c{:02}"]', ("aws-node in c00: ", "also      in c01 and 28 more")),
        ("aws_eks_addon.c{:02}", ("aws-node in c00: ", "aws-node in c30: ")),
    ],
)
def test_thirty_clusters_of_one_plan_are_one_screen(
    address: str, shown: tuple[str, ...], tmp_path: Path
) -> None:
    """A plan updates the plugin in thirty clusters, and leaves another as it is."""

    def addon(number: int, version: str) -> Json:
        name = {"cluster_name": f"c{number:02}", "addon_name": "vpc-cni"}
        sides = ({**name, "addon_version": v} for v in ("v1.21.1-eksbuild.1", version))
        change = resource("aws_eks_addon", "cni", *sides)
        return {**change, "address": address.format(number)}

    changes = [addon(number, "v1.23.2-eksbuild.1") for number in range(30)]
    (tmp_path / "plan.json").write_bytes(plan(*changes, addon(30, "v1.21.1-eksbuild.1")))
    out, details, markdown = (
        run("review", "plan.json", *options, cwd=tmp_path).out
        for options in ((), ("--details",), ("--format", "markdown"))
    )
    assert out.count("\n") <= 40
    assert all(text in out for text in shown), out
    assert "c29" in details and "c30" in details and "c30" in markdown


def test_many_findings_of_one_block_that_differ_are_counted(tmp_path: Path) -> None:
    """Policies of for_each over teams differ in the bucket; an error is never among others."""
    changes = [
        policy(
            "p",
            None,
            document(allow("s3:GetObject", f"arn:aws:s3:::{i}-data/*")),
            address=f'aws_iam_policy.p["team-{i}"]',
        )
        for i in range(40)
    ]
    admin = attachment("ci", "arn:aws:iam::aws:policy/AdministratorAccess")
    admin["change"] |= {"actions": ["create"], "before": None}
    (tmp_path / "plan.json").write_bytes(plan(*changes, admin))
    out = run("review", "plan.json", cwd=tmp_path).out
    assert "1 error, 40 warnings" in out
    assert out.count("\n") <= 40
    assert "warnings more (--details)" in out
    assert "[admin-attached]" in out
    assert "39-data/" in run("review", "plan.json", "--details", cwd=tmp_path).out


def test_what_the_plugin_cannot_call_with_one_role_is_one_finding(tmp_path: Path) -> None:
    values = {"role": "node", "policy_arn": MANAGED}
    gone = attachment("node", MANAGED, sides=(values, None))
    roles = (*own_role("node", NODE_TRUST), *own_role("cni", irsa(), document(allow("ec2:*"))))
    roles = (*roles, *own_role("own", irsa(), document(allow("ec2:AssignPrivateIpAddresses"))))
    (tmp_path / "plan.json").write_bytes(plan(gone, *roles))
    out = run("review", "plan.json", cwd=tmp_path).out
    assert out.count("aws_iam_role.node [coverage-lost]") == 1
    assert "(--details)" not in out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_locale_without_a_letter_is_no_failure(encoding: str, tmp_path: Path) -> None:
    rendered_policy = policy(
        "p", None, document(allow("s3:*")), address='aws_iam_policy.p["\u65e5"]'
    )
    (tmp_path / "plan.json").write_bytes(plan(rendered_policy))
    done = run("review", "plan.json", cwd=tmp_path, env={"PYTHONIOENCODING": encoding})
    assert (done.code, done.err) == (1, "")
    assert 'aws_iam_policy.p["\\u65e5"]' in done.out and "the review fails" in done.out


def test_usage_is_checked_before_the_plan_is_read() -> None:
    for arguments in (("--fail-on", "high"), ("--cni-version", "v0.1.0"), ("--mode", "ipv5")):
        assert run("review", "nowhere.json", *arguments).code == 2
    done = run("review", "nowhere.json")
    assert (done.code, "nowhere.json: does not exist" in done.err) == (3, True)


def test_a_review_can_fail_on_several_kinds_of_findings() -> None:
    plans = [PLANS / f"{case}.terraform-1.15.5.json" for case in ("tighten", "widen")]
    both = ("--fail-on", "new-access", "--fail-on", "coverage-lost")
    for kinds, codes in ((both[:2], [0, 1]), (both[2:], [1, 0]), (both, [1, 1])):
        assert [run("review", path, *kinds).code for path in plans] == codes
    assert (
        "the review fails (--fail-on new-access or coverage-lost)"
        in run("review", plans[0], *both).out
    )
    listed = run("review", plans[0], "--fail-on", "new-access,error")
    assert listed.code == 2 and "repeat --fail-on for each" in listed.err


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_note_or_warning_that_fails_the_review_by_its_kind_says_so(
    form: str, tmp_path: Path
) -> None:
    topic = resource("aws_sns_topic_policy", "p", None, {"policy": document(allow("sns:Publish"))})
    (tmp_path / "plan.json").write_bytes(plan(topic))
    every, strict = (
        run("review", "plan.json", "--format", form, *options, cwd=tmp_path)
        for options in ((), ("--fail-on", "new-access"))
    )
    assert (every.code, strict.code) == (0, 1)
    assert "fails by" not in every.out and "fails by new-access" in strict.out
