"""What was changed outside of the configuration is found, and what the plan does about it."""

import pytest

from found import found
from synthetic import Json, allow, document, policy, resource
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.checks.drift import Drifted
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.sentences import say
from vpc_cni_iam.review.rules import Consequence, Level, Rule

ONE, ALL = document(allow("ec2:A")), document(allow("*"))
NODES = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)
ACCOUNT = "arn:aws:iam::111122223333:policy/"


def drifts(*changes: Json, drift: list[Json]) -> list[Finding]:
    return [f for f in found(*changes, resource_drift=drift) if f.rule is Rule.DRIFT]


def are_left(findings: list[Finding]) -> set[bool]:
    return {f.evidence.is_left for f in findings if isinstance(f.evidence, Drifted)}


def worst(findings: list[Finding]) -> Level | None:
    return max((f.level for f in findings), key=lambda level: level.rank, default=None)


def means(findings: list[Finding]) -> set[Consequence]:
    return {m for f in findings for m in f.means}


def role(**more: object) -> Json:
    arn = "arn:aws:iam::111122223333:role/cni"
    return {"name": "cni", "arn": arn, "assume_role_policy": NODES, **more}


def test_what_the_plan_leaves_so_counts_for_what_it_is() -> None:
    """With ignore_changes, or in a plan that only refreshes, nothing puts it back."""
    findings = drifts(policy("p", ALL, ALL), drift=[policy("p", ONE, ALL)])
    assert are_left(findings) == {True}
    assert worst(findings) is Level.ERROR
    assert Consequence.NEW_ACCESS in means(findings)
    saying = say(findings[0])
    assert saying.message.endswith("outside of the configuration, and the plan keeps the change")
    assert saying.fix


def test_what_the_plan_reverts_is_a_warning() -> None:
    findings = drifts(policy("p", ALL, ONE), drift=[policy("p", ONE, ALL)])
    assert are_left(findings) == {False}
    assert worst(findings) is Level.WARNING
    assert means(findings) == {Consequence.ANY_CHANGE}


def test_what_the_plan_reverts_is_said_once_and_of_the_past() -> None:
    """Nobody gets it by the plan, which takes it away."""
    drift = [policy("p", ONE, ALL)]
    findings = found(policy("p", ALL, ONE), resource_drift=drift)
    assert {f.rule for f in findings} == {Rule.DRIFT}
    message = say(findings[0]).message
    assert " could call every action on all resources" in message
    assert message.startswith("Outside of the configuration: ")
    assert message.endswith("; the plan reverts or deletes it")


def test_who_has_a_policy_that_drifts_may_be_one_of_several() -> None:
    """A name of two accounts: another policy that one of them may have hides nothing."""
    there = []
    for module, text in (("a", ALL), ("b", ONE)):
        values = {"name": "ci", "assume_role_policy": NODES}
        arn = f"arn:aws:iam::{'1' if module == 'a' else '2'}11122223333:policy/{module}"
        attached = {"role": "ci", "policy_arn": arn}
        own = {"name": module, "arn": arn, "policy": text}
        there += [
            resource("aws_iam_role", module, values, values),
            resource("aws_iam_role_policy_attachment", module, attached, attached),
            resource("aws_iam_policy", module, own, own),
        ]
    wide = {**own, "policy": ALL}
    changed = resource("aws_iam_policy", "b", own, wide)
    findings = found(*there[:-1], changed)
    errors = {(f.rule, f.address) for f in findings if f.level is Level.ERROR}
    assert errors == {(Rule.ADMIN, "aws_iam_policy.b")}
    drifted = drifts(*there[:-1], resource("aws_iam_policy", "b", wide, wide), drift=[changed])
    assert worst(drifted) is Level.ERROR


@pytest.mark.parametrize("role_of_all", [ALL, ""])
def test_an_inline_policy_may_be_one_of_another_role_of_the_name(role_of_all: str) -> None:
    roles = [
        resource("aws_iam_role", module, *[{"name": "ci", "assume_role_policy": NODES}] * 2)
        for module in ("a", "b")
    ]
    sides = [{"role": "ci", "name": "b", "policy": text} for text in (ONE, ALL)]
    other = {"role": "ci", "name": "a", "policy": role_of_all}
    there = [resource("aws_iam_role_policy", "a", other, other)] if role_of_all else []
    findings = found(*roles, *there, resource("aws_iam_role_policy", "b", *sides))
    assert Rule.ADMIN in {f.rule for f in findings if f.level is Level.ERROR}


def test_access_that_somebody_took_away_and_the_plan_gives_back_is_a_warning() -> None:
    findings = drifts(policy("p", ONE, ALL), drift=[policy("p", ALL, ONE)])
    assert (are_left(findings), worst(findings)) == ({False}, Level.WARNING)


def test_what_the_plan_deletes_is_a_warning() -> None:
    findings = drifts(policy("p", ALL, None), drift=[policy("p", ONE, ALL)])
    assert (are_left(findings), worst(findings)) == ({False}, Level.WARNING)
    assert means(findings) == {Consequence.ANY_CHANGE}
    assert say(findings[0]).message.endswith("the plan reverts or deletes it")


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
        {"role_name": "cni", "policy_arns": [ACCOUNT + name for name in names]}
        for names in (["few"], ["few", "every"])
    )
    every = {"name": "every", "arn": ACCOUNT + "every", "policy": ALL}
    findings = drifts(
        resource("aws_iam_role", "cni", role(), None if is_deleted else role()),
        resource(kind, "x", more, None),
        resource("aws_iam_policy", "every", every, every),
        drift=[resource(kind, "x", few, more)],
    )
    assert worst(findings) is (Level.WARNING if is_deleted else Level.ERROR)


def test_what_a_role_repeats_of_a_resource_in_the_plan_is_no_drift() -> None:
    """The state has a role from before its attachments were made."""
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    blocks = [{"name": "i", "policy": ONE}]
    after = role(managed_policy_arns=[arn], inline_policy=blocks)
    drift = [resource("aws_iam_role", "cni", role(managed_policy_arns=[], inline_policy=[]), after)]
    stays = resource("aws_iam_role", "cni", after, after)
    attached = {"role": "cni", "policy_arn": arn}
    inline = {"role": "cni", "name": "i", "policy": ONE}
    there = [
        resource("aws_iam_role_policy_attachment", "a", attached, attached),
        resource("aws_iam_role_policy", "i", inline, inline),
    ]
    assert not drifts(stays, *there, drift=drift)
    assert drifts(stays, drift=drift)


def test_what_drift_took_from_a_role_and_the_plan_puts_back_is_not_lost() -> None:
    whole = dumps(managed_policy())
    values = [{"role": "cni", "name": "i", "policy": text} for text in (whole, ONE)]
    drift = [resource("aws_iam_role_policy", "i", *values)]
    findings = found(resource("aws_iam_role_policy", "i", *values[::-1]), resource_drift=drift)
    assert Rule.DRIFT in {f.rule for f in findings}
    assert Rule.COVERAGE_LOST not in {f.rule for f in findings}


def test_an_attachment_that_somebody_deleted_and_the_plan_makes_again_is_not_lost() -> None:
    """The role repeats it, and stays as it is."""
    arn = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
    attached = {"role": "cni", "policy_arn": arn}
    had, has = role(managed_policy_arns=[arn]), role(managed_policy_arns=[])
    attachment = "aws_iam_role_policy_attachment"
    findings = drifts(
        resource("aws_iam_role", "cni", has, has),
        resource(attachment, "a", None, attached),
        drift=[
            resource("aws_iam_role", "cni", had, has),
            resource(attachment, "a", attached, None),
        ],
    )
    assert are_left(findings) == {False}
    assert worst(findings) is Level.WARNING
    assert means(findings) == {Consequence.ANY_CHANGE}


def test_a_role_of_a_workload_that_drifted_is_found() -> None:
    weak, strong = (
        resource("aws_iam_role", name, *[{"name": name, "assume_role_policy": NODES}] * 2)
        for name in ("weak", "strong")
    )
    sides = [{"role": f"arn:aws:iam::111122223333:role/{n}"} for n in ("weak", "strong")]
    function = resource("aws_lambda_function", "f", sides[1], sides[1])
    findings = drifts(weak, strong, function, drift=[resource("aws_lambda_function", "f", *sides)])
    assert [f.address for f in findings] == ["aws_lambda_function.f"]
    assert are_left(findings) == {True}


def test_drift_of_what_is_not_read_is_none() -> None:
    bucket = resource("aws_s3_bucket", "b", {"a": 1}, {"a": 2})
    key = resource("aws_iam_access_key", "k", {"a": 1}, {"a": 2})
    assert not found(resource_drift=[bucket, key])


def test_a_boundary_that_somebody_removed_is_new_access_where_it_stays() -> None:
    drift = [resource("aws_iam_role", "cni", role(permissions_boundary=f"{ACCOUNT}b"), role())]
    findings = drifts(resource("aws_iam_role", "cni", role(), role()), drift=drift)
    assert worst(findings) is Level.ERROR
    assert Consequence.NEW_ACCESS in means(findings)


def test_drift_that_stays_may_take_a_call_from_the_plugin() -> None:
    whole = dumps(managed_policy())
    less = whole.replace('"ec2:CreateNetworkInterface",', "")
    drift = [policy("cni", whole, less)]
    stays = drifts(policy("cni", less, less), drift=drift)
    assert Consequence.COVERAGE_LOST in means(stays)
    back = drifts(policy("cni", less, whole), drift=drift)
    assert Consequence.COVERAGE_LOST not in means(back)


MANAGED = "arn:aws:iam::aws:policy/"
CNI = role(managed_policy_arns=[f"{MANAGED}AmazonEKS_CNI_Policy"])
DENY = document(allow("s3:*"), {**allow("s3:A"), "Effect": "Deny"})


@pytest.mark.parametrize(
    ("gone", "stays", "level", "counts"),
    [
        (role(managed_policy_arns=[f"{MANAGED}AmazonEKSWorkerNodePolicy"]), "", "note", False),
        (CNI, dumps(managed_policy()), "note", False),
        (CNI, "", "error", Consequence.COVERAGE_LOST),
        (CNI, ONE, "error", Consequence.COVERAGE_LOST),
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
    inline = {"role": "cni", "name": "i", "policy": stays}
    there = [resource("aws_iam_role_policy", "i", inline, inline)] if stays else []
    empty = role(managed_policy_arns=[], inline_policy=[])
    drift = [resource("aws_iam_role", "cni", gone, empty)]
    findings = drifts(resource("aws_iam_role", "cni", empty, empty), *there, drift=drift)
    assert worst(findings) == level
    assert means(findings) - {Consequence.ANY_CHANGE} == ({counts} if counts else set())
