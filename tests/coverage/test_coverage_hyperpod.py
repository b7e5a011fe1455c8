"""On a SageMaker HyperPod node SageMaker attaches interfaces; DescribeSubnets by release."""

from pathlib import Path

import pytest

from conftest import run
from coverage_policies import (
    NAMES,
    allow,
    composed,
    covered,
    denied,
    deny,
    setting,
    with_statement,
    without,
)
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy

ATTACH = "sagemaker:AttachClusterNodeNetworkInterface"
NODE = "hyperpod-node"
SCOPED = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")
UNNEEDED = ("set-groups", "degraded")  # which has no effect
GROWTH = {("check-subnets", "degraded"), ("describe-subnets", "fatal")}


def hyperpod(mode: str = "ipv4", *features: str) -> RequestSetting:
    return setting("v1.23.2", "ipv6" if mode == "ipv6" else "ipv4", "hyperpod", *features)


def test_the_attachment_is_checked_on_the_clusters_arn_and_not_on_ec2() -> None:
    coverage = covered(composed("ipv4", "v1.23.2", "hyperpod"), hyperpod(), NODE)
    assert coverage.verdict == "works"
    actions = [call.template.action for call in coverage.scenario_runs[0].calls]
    assert "ec2:AttachNetworkInterface" not in actions
    assert "ec2:DescribeInstances" not in actions
    (attach,) = (c for c in coverage.scenario_runs[0].calls if c.template.action == ATTACH)
    (check,) = attach.checks
    assert check.request.resource == (
        f"arn:aws:sagemaker:eu-west-1:{NAMES.account_id}:cluster/{NAMES.hyperpod_cluster_id}"
    )


def test_upstreams_document_for_hyperpod_nodes_is_enough_beside_the_generic_one() -> None:
    page = documents.find("2026-09-29")
    policy = Policy(page.document("ipv4").statements + page.document("hyperpod").statements)
    assert covered(policy, hyperpod(), NODE, "fresh-node").verdict == "works"
    bare = covered(page.document("ipv4"), hyperpod(), NODE)
    assert denied(bare) == {(NODE, "attach-by-sagemaker", "fatal")}


def test_an_ec2_attachment_is_not_needed_where_every_node_is_of_hyperpod() -> None:
    policy = without(composed("ipv4", "v1.23.2", "hyperpod"), "ec2:AttachNetworkInterface")
    assert covered(policy, hyperpod(), NODE).verdict == "works"
    assert ("fresh-node", "attach", "fatal") in denied(covered(policy, hyperpod()))


def test_another_clusters_arn_is_denied() -> None:
    other = allow(ATTACH, on="arn:aws:sagemaker:*:*:cluster/000000000000")
    policy = with_statement(composed("ipv4", "v1.23.2"), 9, other)
    assert (NODE, "attach-by-sagemaker", "fatal") in denied(covered(policy, hyperpod(), NODE))


def test_aws_answers_get_caller_identity_whatever_policies_say() -> None:
    policy = composed("ipv4", "v1.23.2", "hyperpod")
    policy = with_statement(policy, 9, deny("sts:GetCallerIdentity"))
    coverage = covered(policy, hyperpod(), NODE)
    assert coverage.verdict == "works"
    assert "sts:GetCallerIdentity" in {c.template.action for c in coverage.scenario_runs[0].calls}
    assert "sts:GetCallerIdentity" not in coverage.unused


def test_in_ipv6_mode_only_a_feature_attaches_interfaces() -> None:
    policy = without(composed("ipv6", "v1.23.2", "hyperpod", "multi-nic"), ATTACH)
    assert denied(covered(policy, hyperpod("ipv6"), NODE)) == set()
    both = covered(policy, hyperpod("ipv6", "multi-nic"), NODE)
    assert denied(both) == {(NODE, "attach-by-sagemaker", "degraded")}


def test_hyperpod_nodes_come_with_the_feature_and_from_v1_23_2_on() -> None:
    policy = composed("ipv4", "v1.23.2")
    assert NODE not in {p.scenario.name for p in covered(policy, setting("v1.23.2")).scenario_runs}
    with pytest.raises(UsageError, match=r"hyperpod exists from plugin v1\.23\.2 on, not at v1"):
        composed("ipv4", "v1.23.1", "hyperpod")


@pytest.mark.parametrize(
    ("version", "mode", "expected"),
    [
        ("v1.21.2", "ipv4", {("describe-subnets", "degraded")}),
        ("v1.23.1", "ipv4", {*GROWTH, ("check-subnet-of-new", "fatal")}),
        ("v1.23.2", "ipv4", {*GROWTH, ("check-subnet-of-new", "degraded")}),
        ("v1.21.2", "ipv6", {UNNEEDED}),
        ("v1.23.2", "ipv6", {("check-subnets", "fatal"), UNNEEDED}),
    ],
)
def test_what_breaks_without_describe_subnets(
    version: str, mode: str, expected: set[tuple[str, str]]
) -> None:
    """IPv4 starts and makes no further interface from v1.22.0 on; IPv6 does not start."""
    name = "ipv6" if mode == "ipv6" else "ipv4"
    policy = without(composed(name, version), "ec2:DescribeSubnets")
    coverage = covered(policy, setting(version, "ipv6" if mode == "ipv6" else "ipv4"), "fresh-node")
    assert {(call, impact) for _, call, impact in denied(coverage)} == expected
    (stopped,) = {
        not call.reached
        for call in coverage.scenario_runs[0].calls
        if call.on == "primary interface" and "assign" in call.template.name
    } or {False}
    assert stopped is (mode == "ipv6" and version == "v1.23.2")


@pytest.mark.parametrize("name", ["ipv4-scoped", "ipv4-scoped --harden"])
def test_a_scoped_policy_is_not_known_to_work_on_its_nodes(tmp_path: Path, name: str) -> None:
    """Nothing says whether the instances of HyperPod have the cluster's tag."""
    made = run("policy", *name.split(), "--feature", "hyperpod", *SCOPED)
    assert "whether SageMaker HyperPod instances have the tag" in made.err
    (tmp_path / "p.json").write_text(made.out)
    seen = run("coverage", "p.json", "--feature", "hyperpod", cwd=tmp_path)
    assert seen.code == 1
    assert ", IPv4: unknown" in seen.out
    assert "aws:ResourceTag/kubernetes.io/cluster/prod of the request is not known" in seen.out
    assert "in hyperpod-node only" in seen.out
    ordinary = run(
        "coverage", "p.json", "--feature", "hyperpod", "--scenario", "fresh-node", cwd=tmp_path
    )
    assert ordinary.code == 0


def test_generate_says_so(tmp_path: Path) -> None:
    made = run("generate", str(tmp_path / "m"), "--feature", "hyperpod")
    assert "it is not known whether the plugin works on them with ipv4-scoped;" in made.err
    assert (
        "is not known whether their instances have the tag"
        in (tmp_path / "m/README.md").read_text()
    )


@pytest.mark.parametrize(
    "name",
    ["ipv4", "ipv6-scoped --no-harden --cluster-name prod", "ipv4-pod-identity --harden"],
)
def test_a_policy_that_asks_for_no_tag_of_instances_works_there(tmp_path: Path, name: str) -> None:
    made = run("policy", *name.split(), "--feature", "hyperpod")
    assert (made.code, "HyperPod" in made.err) == (0, False)
    (tmp_path / "p.json").write_text(made.out)
    seen = run("coverage", "p.json", "--feature", "hyperpod", cwd=tmp_path)
    assert seen.code == 0 and ", IPv" in seen.out and "unknown" not in seen.out
    variant = name.split(maxsplit=1)[0]
    made = run("generate", str(tmp_path / "m"), "--variant", variant, "--feature", "hyperpod")
    page = (tmp_path / "m/README.md").read_text()
    assert "HyperPod" not in made.err and "HyperPod" in page
    assert "is not known whether their instances" not in page
