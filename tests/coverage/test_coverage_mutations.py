"""Whatever is taken from a policy that it needs is seen to be lacking."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from coverage_policies import (
    NEWEST,
    allow,
    composed,
    covered,
    denied,
    deny,
    index_of,
    setting,
    with_statement,
)
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.analysis.matrix import Matrix, matrix
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.policy.document import Policy, Statement

CASES: list[tuple[str, Mode]] = [
    ("ipv4", "ipv4"),
    ("ipv6", "ipv6"),
    ("ipv4-scoped", "ipv4"),
    ("ipv6-scoped", "ipv6"),
    ("ipv4-pod-identity", "ipv4"),
]
LATEST = {variant: composed(variant, "latest") for variant, _ in CASES}
# What the newest version does not call.
UNUSED = {
    "ipv4": {"ec2:DescribeTags", "ec2:DescribeSecurityGroups"},
    "ipv6": {"ec2:DescribeTags", "ec2:DescribeSecurityGroups", "ec2:DescribeInstances"},
}


def lesser(statement: Statement) -> Iterator[tuple[str, Statement | None]]:
    """Yield a statement without each part of it, beside that part."""
    yield "statement", None
    for action in statement.actions:
        fewer = tuple(a for a in statement.actions if a != action)
        yield action, replace(statement, actions=fewer) if fewer else None
    for resource in statement.resources:
        elsewhere = {resource: "arn:aws:ec2:*:*:volume/*"}
        others = tuple(elsewhere.get(str(r), r) for r in statement.resources)
        yield resource, replace(statement, resources=others)
    for condition in statement.conditions:
        other = replace(condition, values=("arn:aws:ec2:*:*:vpc/vpc-11111111",))
        changed = tuple(other if c == condition else c for c in statement.conditions)
        yield condition.key, replace(statement, conditions=changed)


LACKING = [
    pytest.param(
        variant, mode, part, with_statement(policy, index, less), id=f"{variant}-{index}-{part}"
    )
    for (variant, mode), policy in zip(CASES, LATEST.values(), strict=True)
    for index, statement in enumerate(policy.statements)
    for part, less in lesser(statement)
]


@pytest.mark.parametrize(("variant", "mode", "part", "policy"), LACKING)
def test_whatever_is_taken_from_a_policy_is_seen_to_be_lacking(
    variant: str, mode: Mode, part: str, policy: Policy
) -> None:
    where = setting("latest", mode)
    newly_denied = denied(covered(policy, where)) - denied(covered(LATEST[variant], where))
    assert bool(newly_denied) is (part not in UNUSED[mode]), newly_denied


def cells(table: Matrix) -> dict[str, dict[str, str]]:
    """The cells of each version, by action."""
    return {str(r.version): dict(zip(table.actions, r.cells, strict=True)) for r in table.rows}


def test_an_explicit_deny_wins_and_is_named() -> None:
    policy = Policy((*LATEST["ipv4"].statements, deny("ec2:CreateTags")))
    coverage = covered(policy, setting(), "fresh-node")
    (decision,) = {
        c.checks[0].decision for _, c in coverage.denied() if c.template.name == "tag-managed"
    }
    assert (decision.outcome, decision.statement) == ("explicitly denied", 2)


def test_policies_of_one_role_are_taken_together() -> None:
    whole = LATEST["ipv4-scoped"]
    parts = [Policy((s,)) for s in whole.statements]
    assert denied(cover(parts, setting())) == denied(covered(whole, setting()))


def test_a_cell_is_not_called_allowed_where_nothing_was_asked() -> None:
    rows = cells(matrix([LATEST["ipv4"]], setting(), find(("leaked-interface",))))
    allowed = {action for action, cell in rows[NEWEST].items() if cell == "allowed"}
    assert allowed == {"ec2:CreateTags", "ec2:DeleteNetworkInterface"}


def test_a_cell_is_as_grave_as_the_gravest_call_that_asks_for_its_action() -> None:
    """v1.7.5 only warns if its own CreateTags is denied, and cannot create without it."""
    policy = composed("ipv4", "v1.7.5")
    rows = cells(
        matrix([with_statement(policy, index_of(policy, "ec2:CreateTags"), None)], setting())
    )
    assert rows["v1.7.5"]["ec2:CreateTags"] == "fatal"
    assert rows["v1.7.5"]["ec2:CreateNetworkInterface"] == "fatal"
    assert rows["v1.7.1"]["ec2:CreateTags"] == "degraded"
    assert rows["v1.7.1"]["ec2:CreateNetworkInterface"] == "allowed"


def test_releases_are_alike_only_if_they_send_the_same() -> None:
    """v1.22.0 looks for security groups with custom networking too, v1.22.1 does not."""
    action = "ec2:DescribeSecurityGroups"
    where = setting().with_environment(AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true")
    rows = cells(matrix([composed("ipv4", "v1.21.2")], where))
    assert rows["v1.22.0"][action] == "fatal" and rows["v1.22.1"][action] == "not called"


def test_cells_tell_granted_from_called() -> None:
    policies = [LATEST["ipv6"], Policy((allow("ec2:ModifyNetworkInterfaceAttribute"),))]
    rows = cells(matrix(policies, setting("latest", "ipv6")))
    assert rows["v1.19.6"]["ec2:ModifyNetworkInterfaceAttribute"] == "unused"
    assert rows["v1.19.6"]["ec2:DescribeTags"] == "unused"
    assert rows["v1.20.0"]["ec2:ModifyNetworkInterfaceAttribute"] == "allowed"
    assert rows["v1.12.6"]["ec2:DeleteNetworkInterface"] == "degraded"
    assert rows["v1.13.0"]["ec2:DeleteNetworkInterface"] == "not called"


def test_a_feature_is_asked_for_from_its_first_version_on() -> None:
    where = setting("latest", "ipv4", "network-policy-logs")
    rows = cells(matrix([LATEST["ipv4"]], where, find(("fresh-node",)), excess=False))
    first = next(v for v, row in rows.items() if row["logs:CreateLogGroup"] == "fatal")
    assert first == str(calls.feature_since("network-policy-logs"))
