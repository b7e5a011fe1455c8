"""``vpc-cni-iam coverage`` as a user meets it."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from conftest import run
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS

IPV6 = "--variant ipv6 --revision 2024-07-22"
OLDEST = "--variant ipv4 --revision 2022-01-31"


def scoped(folder: Path) -> Path:
    words = "--cluster-name prod --vpc-id vpc-01234567 --account-id 999988887777"
    done = run("policy", "ipv4-scoped", "--no-harden", *words.split())
    (folder / "p.json").write_text(done.out)
    return folder


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"{IPV6} --cni-version v1.21.2", 0),
        # What is denied has no effect; its risks are warnings.
        (f"{IPV6} --cni-version v1.21.2 --fail-on error", 0),
        (f"{IPV6} --cni-version v1.21.2 --fail-on warning", 1),
        ("--variant metrics-helper --all-versions --fail-on warning", 0),
        (f"{OLDEST} --feature network-policy-logs --fail-on warning", 1),
        (f"{IPV6} --cni-version v1.22.1", 1),
        (f"{IPV6} --cni-version v1.22.1 --env ENABLE_SUBNET_DISCOVERY=false", 0),
        (f"{IPV6} --all-versions", 1),
        ("--variant metrics-helper --fail-on warning", 0),
        ("--variant ipv4-scoped", 0),
        ("--variant ipv4-scoped --fail-on note", 1),
        ("--variant ipv4-scoped --untagged-instances", 1),
        ("--variant ipv4-pod-identity", 0),
        ("--variant ipv4-pod-identity --irsa", 1),
        ("--variant ipv4 --mode ipv6", 1),
    ],
)
def test_exit_codes(words: str, code: int) -> None:
    done = run("coverage", *words.split())
    assert (done.code, done.err) == (code, "")


def test_a_degraded_verdict_fails_from_warnings_on(tmp_path: Path) -> None:
    """A call without which the plugin does less, in a policy without a risk of that severity."""
    metrics = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*"}
    (tmp_path / "p.json").write_text(json.dumps({"Statement": metrics}))
    helper = ("p.json", "--feature", "metrics-helper", "--scenario", "metrics-helper")
    assert run("coverage", *helper, cwd=tmp_path).code == 0
    done = run("coverage", *helper, "--fail-on", "warning", cwd=tmp_path)
    assert done.code == 1 and ": works, degraded\n" in done.out and "risks" not in done.out
    refused = run("coverage", "p.json", "--fail-on", "warn", cwd=tmp_path)
    assert refused.code == 2 and "did you mean 'warning'" in refused.err


def test_a_risk_is_explained_where_the_tool_is_installed() -> None:
    done = run("catalog", "--explain", "any-tag-key")
    assert (done.code, done.out[:12]) == (0, "*Note.* The ")
    assert run("catalog", "--explain", "nothing").code == 2


def test_names_are_those_of_the_policy(tmp_path: Path) -> None:
    folder = scoped(tmp_path)
    done = run("coverage", "p.json", "--verbose", "--scenario", "no-trunk-interface", cwd=folder)
    assert done.code == 0
    assert "cluster name prod" in done.err and "account id 999988887777" in done.err
    assert "allowed  ec2:CreateNetworkInterface on the new interface, by statement 3, 2, 4" in (
        done.out
    )
    assert "trunk-interface" not in done.out
    other = run("coverage", "p.json", "--set", "cluster-name=other", cwd=folder)
    assert other.code == 1 and "cluster name" not in other.err


def test_standard_input_and_json(tmp_path: Path) -> None:
    text = (scoped(tmp_path) / "p.json").read_text()
    data = json.loads(run("coverage", "-", "--format", "json", stdin=text).out)
    assert data["policy"] == "standard input" and data["verdict"] == "works"
    special = ["cluster-name-corrected", "additional-tags-changed"]
    # The policy names its own account as the owner of the VPC.
    others = ("shared-subnet", "hyperpod-node", "metrics-helper", *special)
    others = (*others, "subnet-added", "security-group-added")  # it has no lists
    names = [s.name for s in SCENARIOS if s.name not in others and not s.variable]
    assert data["scenarios_not_run"] == ["trunk-interface", "custom-networking", *special]
    assert [s["name"] for s in data["scenarios"]] == names
    create = next(c for c in data["scenarios"][0]["calls"] if c["call"] == "create")
    assert [c["statement"] for c in create["checks"]] == ["3", "2", "4", "4", "4"]
    assert create["checks"][0]["context"]["aws:TagKeys"]


def test_a_generated_module(tmp_path: Path) -> None:
    assert run("generate", "m", "--cni-version", "latest", cwd=tmp_path).code == 0
    assert run("coverage", "m", "--document", "ipv4_scoped", cwd=tmp_path).code == 0
    assert "choose with --document" in run("coverage", "m", cwd=tmp_path).err


def test_a_generated_role_module_offers_what_can_be_read(tmp_path: Path) -> None:
    done = run("generate", "m", "--kind", "role", "--cni-version", "latest", cwd=tmp_path)
    assert done.code == 0
    offer = "ipv6, ipv4_scoped; choose with --role, or policies with --document\n"
    assert offer in run("coverage", "m", cwd=tmp_path).err
    refused = run("coverage", "m", "--document", "trust", cwd=tmp_path)
    assert refused.code == 3 and "it has no statement with these values" in refused.err
    joined = 'source_policy_documents = [file("policy.json")]'
    (tmp_path / "m/other.tf").write_text(f'data "aws_iam_policy_document" "p" {{ {joined} }}\n')
    message = run("coverage", "m", cwd=tmp_path).err
    assert f"{offer}of the others: p cannot be read\n" in message


def test_a_policy_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    statement = {"Sid": "\x1b[2J", "Effect": "Allow", "Action": ["*", "x:\x1b]0;"], "Resource": "*"}
    (tmp_path / "p.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    for words in ("--verbose", "--all-versions"):
        done = run("coverage", "p.json", words, cwd=tmp_path)
        assert done.code == 0 and "\x1b" not in done.out and "\\u001b]0;" in done.out


def test_a_picture_of_all_versions() -> None:
    svg = run("coverage", *IPV6.split(), "--format", "svg", env={"PYTHONIOENCODING": "ascii"})
    assert svg.code == 1
    assert ET.fromstring(svg.out).tag.endswith("svg")
    data = json.loads(run("coverage", *IPV6.split(), "--all-versions", "--format", "json").out)
    assert data["works_with"] == [["v1.10.0", "v1.21.2"]]


def test_scenarios_are_listed() -> None:
    done = run("catalog", "--list-scenarios")
    assert done.code == 0
    both = run("catalog", "--list-scenarios", "--history")
    assert both.code == 2 and "exclude each other" in both.err
    assert run("catalog", "--list-scenarios", "--format", "json").code == 2
    assert [line.split()[0] for line in done.out.splitlines()] == [s.name for s in SCENARIOS]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "name one policy: a path, - for standard input, or --variant"),
        ("p.json --variant ipv4", "name one policy"),
        ("p.json --revision 2024-07-22", "--revision needs --variant"),
        ("--variant ipv4 --document x", "--role and --document select from POLICY"),
        ("--variant ipv4 --env x", "--env 'x': write it as --env NAME=VALUE"),
        ("--variant ipv4 --primary-tag x", "write it as --primary-tag KEY="),
        ("--variant ipv4 --scenario x", "unknown scenario"),
        ("--variant ipv4 --cni-version v1.99.0", "newer than this catalog"),
        ("--variant ipv4 --set cluster-name=a!", "--set cluster-name: 'a!' is not an EKS cluster"),
        ("--variant ipv4 --set vpc-id", "--set 'vpc-id': write it as --set NAME=VALUE"),
        ("--variant ipv4 --set vpcid=vpc-1", "unknown name 'vpcid'"),
        ("--variant ipv4 --region eu-west-1", "No such option: --region"),
        ("--variant ipv4 --scenario no-x", "unknown scenario"),
        # That nothing was asked is not all well.
        ("--variant ipv4 --scenario no-fresh-node --scenario fresh-node", "leaves no scenario"),
        (
            "--variant ipv6 --scenario trunk-interface --cni-version v1.12.0",
            "there is none of these scenarios: trunk-interface (from v1.20.0 on)",
        ),
        ("--variant ipv6 --scenario custom-networking --all-versions", "custom-networking (never)"),
    ],
)
def test_wrong_usage(words: str, message: str) -> None:
    done = run("coverage", *words.split())
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_placeholder_is_named_with_its_file(tmp_path: Path) -> None:
    text = (scoped(tmp_path) / "p.json").read_text().replace('"prod"', '"${CLUSTER_NAME}"')
    (tmp_path / "p.json").write_text(text)
    done = run("coverage", "p.json", cwd=tmp_path)
    assert done.code == 3
    assert "p.json: $.Statement[" in done.err and "replace it with its value" in done.err


def test_set_gives_the_names_of_a_cluster_to_each_command_that_checks(tmp_path: Path) -> None:
    scoped = run("policy", "ipv4-scoped", "--cluster-name", "a", "--vpc-id", "vpc-01234567").out
    (tmp_path / "p.json").write_text(scoped)
    for name, code in (("a", 0), ("b", 1)):
        assert run("coverage", "p.json", "--set", f"cluster-name={name}", cwd=tmp_path).code == code
    helped = run("coverage", "--help", env={"COLUMNS": "200"}).out
    for name in ("cluster-name", "vpc-id", "partition", "region", "account-id", "vpc-owner-id"):
        assert f"{name}," in helped and f"--{name}" not in helped
