"""What was changed outside of the configuration is found, and what the plan does about it."""

import pytest

from eks import CNI, MANAGED, NODE_TRUST, arn_of, node_group, own_role, same
from synthetic import (
    Json,
    allow,
    attached,
    deny,
    document,
    found,
    inline,
    managed,
    policy,
    policy_arn,
    resource,
)
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.report.shown import ShownFinding
from vpc_cni_iam.review.rules import Consequence

ONE, ALL = document(allow("ec2:A")), document(allow("*"))


LEFT, REVERTED = "the plan keeps the change", "the plan reverts or deletes it"


def drifts(*changes: Json, drift: list[Json]) -> list[ShownFinding]:
    return [f for f in found(*changes, resource_drift=drift) if f.rule == "drift"]


def are_left(findings: list[ShownFinding]) -> set[bool]:
    assert all(f.message.endswith((LEFT, REVERTED)) for f in findings)
    return {f.message.endswith(LEFT) for f in findings}


def worst(findings: list[ShownFinding]) -> Level | None:
    return max((f.level for f in findings), key=lambda level: level.rank, default=None)


def means(findings: list[ShownFinding]) -> set[Consequence]:
    return {m for f in findings for m in f.means}


def role(**more: object) -> Json:
    return {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": NODE_TRUST, **more}


ROLE, LIST = "aws_iam_role", "aws_iam_role_policy_attachments_exclusive"
FEW, MORE = (
    {"role_name": "cni", "policy_arns": [*map(policy_arn, names)]}
    for names in (["few"], ["few", "every"])
)
LIST_GOES = resource(LIST, "x", MORE, None), managed(ALL, ALL, "every")
LESS = CNI.replace('"ec2:CreateNetworkInterface",', "")
HIDDEN = {"after_sensitive": {"policy": True}}
WITHOUT, WITH_CNI = role(managed_policy_arns=[]), role(managed_policy_arns=[MANAGED])
NEW, LOST = {Consequence.NEW_ACCESS}, {Consequence.COVERAGE_LOST}
NOTHING: set[Consequence] = set()
# By what was changed outside of the configuration, and what the plan does about it.
DRIFTS = {
    "more, reverted": ([policy("p", ALL, ONE)], [policy("p", ONE, ALL)], "warning", NOTHING),
    "more, deleted": ([policy("p", ALL, None)], [policy("p", ONE, ALL)], "warning", NOTHING),
    "less, reverted": ([policy("p", ONE, ALL)], [policy("p", ALL, ONE)], "warning", NOTHING),
    "more, kept beside a deposed object": (
        [{**policy("p", ALL, None), "deposed": "abcd1234"}, policy("p", ALL, ALL)],
        [policy("p", ONE, ALL)],
        *("error", NEW),
    ),
    "a sensitive policy, kept": (
        [policy("p", ALL, ALL, **HIDDEN)],
        [policy("p", ONE, ALL, **HIDDEN)],
        *("warning", NEW),
    ),
    "no boundary, kept": (
        [same(ROLE, "cni", role())],
        [resource(ROLE, "cni", role(permissions_boundary=policy_arn("b")), role())],
        *("error", NEW),
    ),
    "a call of the plugin less, kept": (
        [policy("cni", LESS, LESS)],
        [policy("cni", CNI, LESS)],
        *("error", LOST),
    ),
    "a call of the plugin less, reverted": (
        [policy("cni", LESS, CNI)],
        [policy("cni", CNI, LESS)],
        *("warning", NOTHING),
    ),
    "no attachment, made again": (
        [same(ROLE, "cni", WITHOUT), attached(MANAGED, role="cni", before=False)],
        [resource(ROLE, "cni", WITH_CNI, WITHOUT), attached(MANAGED, role="cni", after=False)],
        *("warning", NOTHING),
    ),
    "more in a list that is deleted": (
        [same(ROLE, "cni", role()), *LIST_GOES],
        [resource(LIST, "x", FEW, MORE)],
        *("error", NEW),
    ),
    "more in a list that is deleted with its role": (
        [resource(ROLE, "cni", role(), None), *LIST_GOES],
        [resource(LIST, "x", FEW, MORE)],
        *("warning", NOTHING),
    ),
}


@pytest.mark.parametrize("case", DRIFTS)
def test_drift_counts_for_what_the_plan_keeps_of_it(case: str) -> None:
    changes, drift, level, counts = DRIFTS[case]
    findings = drifts(*changes, drift=drift)
    assert (worst(findings), means(findings) - {Consequence.ANY_CHANGE}) == (level, counts)
    assert are_left(findings) == {bool(counts)}


ACCOUNTS = {"a": "111122223333", "b": "444455556666"}
CI = {"name": "ci", "assume_role_policy": NODE_TRUST}
ROLES = [same("aws_iam_role", name, CI) for name in ACCOUNTS]


def test_who_has_a_policy_that_drifts_may_be_one_of_several() -> None:
    """A name of two accounts: another policy that one of them may have hides nothing."""
    arns = {name: f"arn:aws:iam::{account}:policy/{name}" for name, account in ACCOUNTS.items()}
    there = [*ROLES, *(attached(arn, role="ci", block=name) for name, arn in arns.items())]
    there += [same("aws_iam_policy", "a", {"name": "a", "arn": arns["a"], "policy": ALL})]
    own, wide = ({"name": "b", "arn": arns["b"], "policy": text} for text in (ONE, ALL))
    changed = resource("aws_iam_policy", "b", own, wide)
    findings = found(*there, changed)
    errors = {(f.rule, f.address) for f in findings if f.level is Level.ERROR}
    assert errors == {("admin-attached", "aws_iam_policy.b")}
    drifted = drifts(*there, same("aws_iam_policy", "b", wide), drift=[changed])
    assert worst(drifted) is Level.ERROR


@pytest.mark.parametrize("role_of_all", [ALL, ""])
def test_an_inline_policy_may_be_one_of_another_role_of_the_name(role_of_all: str) -> None:
    there = [inline(role_of_all, role_of_all, "a", role="ci")] if role_of_all else []
    findings = found(*ROLES, *there, inline(ONE, ALL, "b", role="ci"))
    assert "admin-attached" in {f.rule for f in findings if f.level is Level.ERROR}


def test_another_order_is_no_more_than_a_note() -> None:
    before, after = (
        document(allow(actions)) for actions in (["ec2:A", "ec2:B"], ["ec2:B", "ec2:A"])
    )
    findings = drifts(policy("p", after, after), drift=[policy("p", before, after)])
    assert worst(findings) in (None, Level.NOTE)


def test_what_a_role_repeats_of_a_resource_in_the_plan_is_no_drift() -> None:
    """The state has a role from before its attachments were made."""
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    blocks = [{"name": "i", "policy": ONE}]
    after = role(managed_policy_arns=[arn], inline_policy=blocks)
    drift = [resource("aws_iam_role", "cni", role(managed_policy_arns=[], inline_policy=[]), after)]
    stays = same("aws_iam_role", "cni", after)
    there = [attached(arn, role="cni"), inline(ONE, ONE, role="cni")]
    assert not drifts(stays, *there, drift=drift)
    assert drifts(stays, drift=drift)


def test_what_drift_took_from_a_role_and_the_plan_puts_back_is_not_lost() -> None:
    drift = [inline(CNI, ONE, role="cni")]
    findings = found(inline(ONE, CNI, role="cni"), resource_drift=drift)
    assert "drift" in {f.rule for f in findings}
    assert "coverage-lost" not in {f.rule for f in findings}


def test_a_role_of_nodes_that_drifted_is_found() -> None:
    roles = (*own_role("weak", NODE_TRUST), *own_role("strong", NODE_TRUST))
    drift = node_group("weak", "strong")
    group = same("aws_eks_node_group", "n", drift["change"]["after"])
    findings = drifts(*roles, group, drift=[drift])
    assert "aws_eks_node_group.n" in {f.address for f in findings}
    assert are_left(findings) == {True}


def test_drift_of_what_is_not_read_is_none() -> None:
    bucket = resource("aws_s3_bucket", "b", {"a": 1}, {"a": 2})
    key = resource("aws_iam_access_key", "k", {"a": 1}, {"a": 2})
    assert not found(resource_drift=[bucket, key])


WITH_NODES = role(managed_policy_arns=["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"])
DENY = document(allow("s3:*"), deny("s3:A"))


@pytest.mark.parametrize(
    ("gone", "stays", "level", "counts"),
    [
        (WITH_NODES, "", "note", False),
        (WITH_CNI, CNI, "note", False),
        (WITH_CNI, "", "error", Consequence.COVERAGE_LOST),
        (WITH_CNI, ONE, "error", Consequence.COVERAGE_LOST),
        (role(inline_policy=[{"name": "old", "policy": ALL}]), ONE, "note", False),
        (
            role(inline_policy=[{"name": "old", "policy": DENY}]),
            ONE,
            "warning",
            Consequence.NEW_ACCESS,
        ),
    ],
)
def test_a_policy_that_is_gone_counts_for_what_the_plugin_or_a_deny_loses(
    gone: Json, stays: str, level: str, counts: Consequence | None
) -> None:
    there = [inline(stays, stays, role="cni")] if stays else []
    empty = role(managed_policy_arns=[], inline_policy=[])
    drift = [resource("aws_iam_role", "cni", gone, empty)]
    findings = drifts(same("aws_iam_role", "cni", empty), *there, drift=drift)
    assert worst(findings) == level
    assert means(findings) - {Consequence.ANY_CHANGE} == ({counts} if counts else set())
