"""Several policies of a role, its boundary and service control policies together."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from coverage_policies import NEWEST, reported
from synthetic import document


def allow(*actions: str, **elements: Any) -> str:
    return document({"Effect": "Allow", "Action": list(actions), "Resource": "*", **elements})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    old = run("policy", "ipv4", "--revision", "2022-01-31").out
    files = {
        "old.json": old,
        "more.json": allow("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"),
        "ec2.json": allow("ec2:*"),
        "describe.json": allow("ec2:Describe*"),
        "all.json": allow("*"),
        "deny.json": allow("ec2:CreateTags", Effect="Deny"),
        "deny-s3.json": allow("s3:*", Effect="Deny"),
        "level.json": f"[{allow('*')}, {allow('ec2:CreateTags', Effect='Deny')}]",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def verdict(folder: Path, *words: str) -> str:
    return str(reported(folder, *words)["verdict"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("old.json",), "fails"),
        (("old.json", "more.json"), "works"),
        (("ec2.json",), "works"),
        (("ec2.json", "deny.json"), "fails"),
        (("ec2.json", "--boundary", "all.json"), "works"),
        (("ec2.json", "--boundary", "describe.json"), "fails"),
        # A boundary that only denies allows nothing.
        (("ec2.json", "--boundary", "deny-s3.json"), "fails"),
        # A level of an organisation that only denies has FullAWSAccess, too.
        (("ec2.json", "--scp", "deny-s3.json"), "works"),
        (("ec2.json", "--scp", "deny.json"), "fails"),
        (("ec2.json", "--scp", "level.json"), "fails"),
        (("ec2.json", "--scp", "all.json", "--scp", "ec2.json"), "works"),
        # Each level must allow.
        (("ec2.json", "--scp", "all.json", "--scp", "describe.json"), "fails"),
        # What a boundary allows is nothing that the role has.
        (("describe.json", "--boundary", "ec2.json"), "fails"),
        (("--variant", "ipv4", "--boundary", "describe.json"), "fails"),
    ],
)
def test_a_call_needs_the_policies_and_each_limit(
    folder: Path, words: tuple[str, ...], expected: str
) -> None:
    assert verdict(folder, *words) == expected


def test_a_boundary_that_the_input_only_names_is_given_with_an_option(folder: Path) -> None:
    boundary = {"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/b"}
    inline = {"PolicyName": "p", "PolicyDocument": json.loads(allow("ec2:*"))}
    role = {"RoleName": "cni", "RolePolicyList": [inline], "PermissionsBoundary": boundary}
    (folder / "role.json").write_text(json.dumps({"RoleDetailList": [role]}))
    for words, expected in (((), "unknown"), (("--boundary", "all.json"), "works")):
        assert verdict(folder, "role.json", *words) == expected


def test_the_report_names_the_policy_that_denies(folder: Path) -> None:
    done = run("coverage", "ec2.json", "--boundary", "describe.json", cwd=folder)
    assert "describe.json has no statement that allows it" in done.out
    assert "with the boundary describe.json" in done.out
    done = run("coverage", "ec2.json", "old.json", "--scp", "deny.json", cwd=folder)
    assert "denied by statement deny.json.1" in done.out


def test_every_version_is_checked_with_the_limits(folder: Path) -> None:
    words = ("coverage", "ec2.json", "--boundary", "describe.json", "--all-versions")
    done = run(*words, cwd=folder)
    assert done.code == 1 and "works with no known version" in done.out


def test_a_risk_that_the_boundary_takes_away_is_none(folder: Path) -> None:
    scoped = run("policy", "ipv4-scoped", "--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    (folder / "scoped.json").write_text(scoped.out)
    wide = run("coverage", "ec2.json", cwd=folder).out
    assert "interfaces-unscoped" in wide and "actions-beyond-calls" in wide
    done = run("coverage", "ec2.json", "--boundary", "scoped.json", cwd=folder)
    assert "interfaces-unscoped" not in done.out and "actions-beyond-calls" not in done.out
    assert "ec2:RunInstances" in wide and "ec2:RunInstances" not in done.out


def test_the_names_are_those_of_a_limit_where_the_policies_have_none(folder: Path) -> None:
    """Such as a boundary, or a session policy, that keeps a wide role to one cluster."""
    names = (
        "--cluster-name",
        "prod",
        "--vpc-id",
        "vpc-01234567",
        "--account-id",
        "444455556666",
    )
    scoped = run("policy", "ipv4-scoped", *names).out
    (folder / "scoped.json").write_text(scoped)
    (folder / "other.json").write_text(scoped.replace("prod", "other"))
    words = ("ec2.json", "--boundary", "scoped.json")
    assert verdict(folder, *words) == verdict(folder, "scoped.json") == "works"
    assert (
        "taken from the policy: account id 444455556666, "
        in run("coverage", *words, cwd=folder).err
    )
    assert verdict(folder, *words, "--set", "cluster-name=stage") == "fails"
    # The policy says of which cluster its role is.
    assert verdict(folder, "other.json", "--boundary", "scoped.json") == "fails"


@pytest.mark.parametrize("limit", ["--boundary", "--scp"])
def test_the_region_of_a_limit_is_not_the_plugins(limit: str, folder: Path) -> None:
    here = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    (folder / "region.json").write_text(allow("*", Condition=here))
    words = ("ec2.json", limit, "region.json")
    done = run("coverage", *words, cwd=folder)
    assert (done.code, done.err) == (1, "")
    works = "unknown (works in us-east-1; fails elsewhere: give `--set region=REGION`)"
    assert done.out.splitlines()[0].endswith(f", IPv4: {works}")
    assert verdict(folder, *words, "--set", "region=us-east-1") == "works"


def test_standard_input_is_read_once(folder: Path) -> None:
    done = run("coverage", "-", "--boundary", "-", cwd=folder, stdin=allow("ec2:*"))
    assert done.code == 2 and "- is given twice" in done.err


def test_a_service_control_policy_leaves_some_regions_alone(folder: Path) -> None:
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]}}
    guard = allow("ec2:CreateTags", Effect="Deny", Condition=elsewhere)
    (folder / "region.json").write_text(guard)
    words = ("ec2.json", "--scp", "region.json")
    done = run("coverage", *words, cwd=folder)
    assert (done.code, done.err) == (1, "")
    works = "unknown (works in us-east-1, us-west-2; fails elsewhere: give `--set region=REGION`)"
    assert done.out.splitlines()[0].endswith(f", IPv4: {works}")
    assert verdict(folder, *words, "--set", "region=us-west-2") == "works"
    assert verdict(folder, *words, "--set", "region=eu-west-1") == "fails"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("old.json",),
            "replace its policy with the output of `vpc-cni-iam policy ipv4 --cni-version "
            f"{NEWEST}`",
        ),
        (("ec2.json", "deny.json"), "remove or narrow the Deny of ec2:CreateTags in statement "),
        (("ec2.json", "--scp", "deny.json"), "remove or narrow the Deny of ec2:CreateTags in "),
        (("ec2.json", "--boundary", "old.json"), "allow ec2:DescribeSubnets in old.json"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--all-versions",)])
def test_a_policy_with_which_the_plugin_fails_gets_what_to_do(
    folder: Path, words: tuple[str, ...], expected: str, more: tuple[str, ...]
) -> None:
    (repair,) = reported(folder, *words, *more)["repairs"]
    assert repair.startswith(expected)
    text = run("coverage", *words, *more, cwd=folder).out
    assert re.search(rf"^to do .*{re.escape(repair)}$", text, re.MULTILINE)


LEAKED = "ec2:DeleteNetworkInterface"


@pytest.mark.parametrize(
    ("without", "condition", "words", "repair"),
    [
        (LEAKED, {}, ("--fail-on", "warning"), "to do replace its policy with the output of "),
        ("", {}, ("--all-versions",), "to do for v1.22.1: replace its policy with the output of "),
        (
            "",
            {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
            (),
            "to do if AWS denies what is undecided, replace its policy with the output of ",
        ),
    ],
)
def test_every_failed_check_names_the_repair_and_it_works(
    folder: Path,
    without: str,
    condition: dict[str, dict[str, str]],
    words: tuple[str, ...],
    repair: str,
) -> None:
    policy = json.loads(run("policy", "ipv4", "--cni-version", "v1.20.4").out)
    statement = policy["Statement"][0]
    statement["Action"] = [a for a in statement["Action"] if a != without]
    statement |= {"Condition": condition} if condition else {}
    (folder / "p.json").write_text(json.dumps(policy))
    done = run("coverage", "p.json", *words, cwd=folder)
    (line,) = [line for line in done.out.splitlines() if line.startswith("to do")]
    assert done.code == 1 and " ".join(line.split()).startswith(repair)
    (command,) = re.findall("`vpc-cni-iam (.*)`", line)
    (folder / "new.json").write_text(run(*command.split()).out)
    repaired = run("coverage", "new.json", *words, cwd=folder)
    # It may have risks, which the option counts, too.
    assert repaired.code == 0 or "works: 52 calls" in repaired.out


def test_a_sid_that_stands_twice_is_refused_as_iam_does(folder: Path) -> None:
    statement = {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}
    (folder / "twice.json").write_text(document(statement, statement))
    for words in (("twice.json",), ("all.json", "--boundary", "twice.json")):
        done = run("coverage", *words, cwd=folder)
        assert done.code == 3 and "twice.json: 2 statements have the Sid 'All'" in done.err
    # Policies of a role may have the same Sids.
    for name in ("twice.json", "again.json"):
        (folder / name).write_text(document(statement))
    assert run("coverage", "twice.json", "again.json", cwd=folder).code == 0


def test_several_clusters_of_a_policy_are_named_and_one_can_be_given(folder: Path) -> None:
    for name in ("prod", "stage"):
        policy = run("policy", "ipv4-scoped", "--cluster-name", name, "--vpc-id", "vpc-01234567")
        (folder / f"{name}.json").write_text(policy.out)
    done = run("coverage", "prod.json", "stage.json", cwd=folder)
    hint = (
        "the policy has several values for cluster name, prod, stage: checked with example; "
        "choose one with"
    )
    assert done.code == 1 and hint in done.err
    for words in (("--set", "cluster-name=stage"), ("--env", "CLUSTER_NAME=prod")):
        done = run("coverage", "prod.json", "stage.json", *words, cwd=folder)
        assert done.code == 0 and "several" not in done.err


def test_the_policy_to_take_works_as_the_cluster_is(folder: Path) -> None:
    names = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    scoped = run(
        "policy", "ipv4-scoped", "--revision", "2022-01-31", *names, "--partition", "aws-cn"
    )
    (folder / "scoped.json").write_text(scoped.out)
    done = run("coverage", "scoped.json", "--set", "region=cn-north-1", cwd=folder)
    (command,) = re.findall("^to do .*`vpc-cni-iam (.*)`", done.out, re.MULTILINE)
    assert command.startswith("policy ipv4-scoped ") and "--cluster-name prod" in command
    (folder / "new.json").write_text(run(*command.split()).out)
    again = run("coverage", "new.json", "--set", "region=cn-north-1", cwd=folder)
    assert again.code == 0 and "to do" not in again.out
    untagged = run("coverage", "scoped.json", "--untagged-instances", cwd=folder).out
    assert f"`vpc-cni-iam policy ipv4 --cni-version {NEWEST} --partition aws-cn`" in untagged
    nothing = run("coverage", "--variant", "ipv6", cwd=folder)
    assert nothing.code == 0 and "to do" not in nothing.out
