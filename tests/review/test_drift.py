"""What was changed outside of the configuration is found, and what the plan does about it."""

import pytest

from eks import CNI, MANAGED, NODE_TRUST, arn_of, own_role, same
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
from vpc_cni_iam.review.report.shown import ShownFinding
from vpc_cni_iam.review.rules import Consequence, Level, Rule

ONE, ALL = document(allow("ec2:A")), document(allow("*"))


LEFT, REVERTED = "the plan keeps the change", "the plan reverts or deletes it"


def drifts(*changes: Json, drift: list[Json]) -> list[ShownFinding]:
    return [f for f in found(*changes, resource_drift=drift) if f.rule is Rule.DRIFT]


def are_left(findings: list[ShownFinding]) -> set[bool]:
    assert all(f.message.endswith((LEFT, REVERTED)) for f in findings)
    return {f.message.endswith(LEFT) for f in findings}


def worst(findings: list[ShownFinding]) -> Level | None:
    return max((f.level for f in findings), key=lambda level: level.rank, default=None)


def means(findings: list[ShownFinding]) -> set[Consequence]:
    return {m for f in findings for m in f.means}


def role(**more: object) -> Json:
    return {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": NODE_TRUST, **more}


@pytest.mark.parametrize(
    ("former", "now", "after"), [(ONE, ALL, ONE), (ONE, ALL, None), (ALL, ONE, ALL)]
)
def test_what_the_plan_reverts_or_deletes_is_a_warning(
    former: str, now: str, after: str | None
) -> None:
    findings = drifts(policy("p", now, after), drift=[policy("p", former, now)])
    assert (are_left(findings), worst(findings)) == ({False}, Level.WARNING)
    assert means(findings) == {Consequence.ANY_CHANGE}


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
    assert errors == {(Rule.ADMIN, "aws_iam_policy.b")}
    drifted = drifts(*there, same("aws_iam_policy", "b", wide), drift=[changed])
    assert worst(drifted) is Level.ERROR


@pytest.mark.parametrize("role_of_all", [ALL, ""])
def test_an_inline_policy_may_be_one_of_another_role_of_the_name(role_of_all: str) -> None:
    there = [inline(role_of_all, role_of_all, "a", role="ci")] if role_of_all else []
    findings = found(*ROLES, *there, inline(ONE, ALL, "b", role="ci"))
    assert Rule.ADMIN in {f.rule for f in findings if f.level is Level.ERROR}


def test_a_deposed_object_that_goes_is_not_what_drifted() -> None:
    left = {**policy("p", ALL, None), "deposed": "abcd1234"}
    findings = drifts(left, policy("p", ALL, ALL), drift=[policy("p", ONE, ALL)])
    assert worst(findings) is Level.ERROR


def test_another_order_is_no_more_than_a_note() -> None:
    before, after = (
        document(allow(actions)) for actions in (["ec2:A", "ec2:B"], ["ec2:B", "ec2:A"])
    )
    findings = drifts(policy("p", after, after), drift=[policy("p", before, after)])
    assert worst(findings) in (None, Level.NOTE)


def test_a_drifted_policy_that_is_sensitive_is_a_warning() -> None:
    marks = {"after_sensitive": {"policy": True}}
    drift = [policy("p", ONE, ALL, **marks)]
    findings = drifts(policy("p", ALL, ALL, **marks), drift=drift)
    assert worst(findings) is Level.WARNING
    assert Consequence.NEW_ACCESS in means(findings)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_an_exclusive_list_that_goes_leaves_what_somebody_attached(*, is_deleted: bool) -> None:
    kind = "aws_iam_role_policy_attachments_exclusive"
    few, more = (
        {"role_name": "cni", "policy_arns": [*map(policy_arn, names)]}
        for names in (["few"], ["few", "every"])
    )
    findings = drifts(
        resource("aws_iam_role", "cni", role(), None if is_deleted else role()),
        resource(kind, "x", more, None),
        managed(ALL, ALL, "every"),
        drift=[resource(kind, "x", few, more)],
    )
    assert worst(findings) is (Level.WARNING if is_deleted else Level.ERROR)


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
    assert Rule.DRIFT in {f.rule for f in findings}
    assert Rule.COVERAGE_LOST not in {f.rule for f in findings}


def test_an_attachment_that_somebody_deleted_and_the_plan_makes_again_is_not_lost() -> None:
    """The role repeats it, and stays as it is."""
    had, has = role(managed_policy_arns=[MANAGED]), role(managed_policy_arns=[])
    findings = drifts(
        same("aws_iam_role", "cni", has),
        attached(MANAGED, role="cni", before=False),
        drift=[
            resource("aws_iam_role", "cni", had, has),
            attached(MANAGED, role="cni", after=False),
        ],
    )
    assert are_left(findings) == {False}
    assert worst(findings) is Level.WARNING
    assert means(findings) == {Consequence.ANY_CHANGE}


def test_a_role_of_a_workload_that_drifted_is_found() -> None:
    roles = (*own_role("weak", NODE_TRUST), *own_role("strong", NODE_TRUST))
    sides = [{"role": arn_of(name)} for name in ("weak", "strong")]
    function = same("aws_lambda_function", "f", sides[1])
    findings = drifts(*roles, function, drift=[resource("aws_lambda_function", "f", *sides)])
    assert [f.address for f in findings] == ["aws_lambda_function.f"]
    assert are_left(findings) == {True}


def test_drift_of_what_is_not_read_is_none() -> None:
    bucket = resource("aws_s3_bucket", "b", {"a": 1}, {"a": 2})
    key = resource("aws_iam_access_key", "k", {"a": 1}, {"a": 2})
    assert not found(resource_drift=[bucket, key])


def test_a_boundary_that_somebody_removed_is_new_access_where_it_stays() -> None:
    drift = [resource("aws_iam_role", "cni", role(permissions_boundary=policy_arn("b")), role())]
    findings = drifts(same("aws_iam_role", "cni", role()), drift=drift)
    assert worst(findings) is Level.ERROR
    assert Consequence.NEW_ACCESS in means(findings)


def test_drift_that_stays_may_take_a_call_from_the_plugin() -> None:
    less = CNI.replace('"ec2:CreateNetworkInterface",', "")
    drift = [policy("cni", CNI, less)]
    stays = drifts(policy("cni", less, less), drift=drift)
    assert Consequence.COVERAGE_LOST in means(stays)
    back = drifts(policy("cni", less, CNI), drift=drift)
    assert Consequence.COVERAGE_LOST not in means(back)


WITH_CNI = role(managed_policy_arns=[MANAGED])
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
