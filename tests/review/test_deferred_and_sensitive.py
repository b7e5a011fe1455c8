"""Changes that are put off, sensitive, or of objects that are not destroyed."""

import pytest

from eks import NODE_TRUST, same
from synthetic import (
    Json,
    allow,
    attached,
    block,
    configured,
    document,
    inline,
    managed,
    policy_arn,
    resource,
    reviewed,
    rules,
)
from vpc_cni_iam.review.report.shown import ShownFinding

ONE, ALL = document(allow("ec2:A")), document(allow("*"))
KINDS = {
    "aws_iam_policy": "unknown-policy",
    "aws_iam_role": "unknown-policy",
    "aws_iam_role_policy": "unknown-policy",
    "aws_iam_user_policy": "unknown-policy",
    "aws_iam_group_policy": "unknown-policy",
    "aws_iam_role_policy_attachment": "unknown-attachment",
    "aws_iam_user_policy_attachment": "unknown-attachment",
    "aws_iam_group_policy_attachment": "unknown-attachment",
    "aws_iam_policy_attachment": "unknown-attachment",
    "aws_iam_role_policies_exclusive": "exclusive-removes",
    "aws_iam_role_policy_attachments_exclusive": "unknown-attachment",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_off_and_wholly_unknown_is_a_finding(kind: str) -> None:
    """A deferred change of count or for_each that is not known has nothing but its address."""
    change = resource(kind, "p", None, None, actions=["create"], after_unknown=True)
    change["address"] = f'{kind}.p["*"]'
    later = [{"reason": "instance_count_unknown", "resource_change": change}]
    assert KINDS[kind] in rules(reviewed(deferred_changes=later))


@pytest.mark.parametrize(
    ("kind", "argument", "before", "after", "others"),
    [
        ("aws_iam_role_policy_attachment", "policy_arn", "arn:a", "arn:b", {"role": "r"}),
        ("aws_iam_role_policy_attachment", "role", "a", "b", {"policy_arn": "arn:a"}),
        ("aws_iam_role_policy", "role", "a", "b", {"policy": ALL}),
        ("aws_iam_policy_attachment", "roles", ["a"], ["a", "b"], {"policy_arn": "arn:a"}),
        (
            *("aws_iam_role_policy_attachments_exclusive", "policy_arns", ["arn:a"], ["arn:b"]),
            {"role_name": "a"},
        ),
        (
            *("aws_iam_role", "permissions_boundary", "arn:a", "arn:b"),
            {"assume_role_policy": NODE_TRUST},
        ),
    ],
)
def test_a_sensitive_value_that_changes_is_not_passed_over(
    kind: str, argument: str, before: object, after: object, others: Json
) -> None:
    marks = {f"{side}_sensitive": {argument: True} for side in ("before", "after")}
    old, new = ({**others, argument: value} for value in (before, after))
    review = reviewed(resource(kind, "p", old, new, **marks))
    assert rules(review) & {
        "sensitive-policy",
        "admin-attached",
        "new-access",
        "new-policy",
        "boundary-weakened",
        "unknown-attachment",
    }
    assert review.failed
    assert not reviewed(resource(kind, "p", old, {**old, "description": "x"}, **marks)).findings


@pytest.mark.parametrize(
    ("provider", "owner"),
    [("aws.two", "aws_iam_role.b"), ("aws.three", "aws_iam_role.a and aws_iam_role.b")],
)
def test_one_name_of_two_roles_is_the_one_of_the_same_provider_or_each(
    provider: str, owner: str
) -> None:
    """Where no ARN tells the accounts apart."""
    values = {"name": "cni", "assume_role_policy": NODE_TRUST}
    roles = [same("aws_iam_role", name, values) for name in "ab"]
    configuration = configured(
        block("aws_iam_role.a", provider="aws.one"),
        block("aws_iam_role.b", provider="aws.two"),
        block("aws_iam_role_policy.i", provider=provider),
    )
    review = reviewed(*roles, inline(None, ONE, role="cni"), configuration=configuration)
    (finding,) = (f for f in review.findings if f.rule == "new-access")
    assert finding.message.startswith(f"{owner} can now call ec2:A")


def test_an_attached_policy_that_drifted_is_what_the_plan_makes_of_it() -> None:
    comes = attached(policy_arn("p"), before=False)
    review = reviewed(managed(ALL, ONE), comes, resource_drift=[managed(ONE, ALL)])
    (finding,) = (f for f in review.findings if f.rule == "new-access")
    assert "ec2:A" in finding.message


@pytest.mark.parametrize("actions", [["create", "forget"], ["forget", "create"]])
def test_what_is_replaced_and_not_destroyed_stays_where_it_was(actions: list[str]) -> None:
    """OpenTofu's ``lifecycle { destroy = false }``."""
    cni = document(allow("ec2:*"))
    sides = [{"role": name, "name": "i", "policy": cni} for name in ("old", "new")]
    review = reviewed(resource("aws_iam_role_policy", "p", *sides, actions=actions))
    assert rules(review) == {"new-access"}
    assert {f.subject for f in review.findings if "new-access" in f.means} == {"role new"}


def of_two(*changes: Json, provider: str = "aws.one") -> tuple[ShownFinding, ...]:
    """The findings of roles `a` and `b` with one name; ``j`` is certainly a policy of `a`."""
    values = {"name": "cni", "assume_role_policy": NODE_TRUST}
    roles = [same("aws_iam_role", name, values) for name in "ab"]
    blocks = {"aws_iam_role.a": "aws.one", "aws_iam_role.b": "aws.two"}
    blocks |= {"aws_iam_role_policy.i": "aws.three", "aws_iam_role_policy.j": provider}
    configuration = configured(*(block(address, provider=p) for address, p in blocks.items()))
    return reviewed(*roles, *changes, configuration=configuration).findings


def test_a_policy_that_a_role_may_have_had_hides_nothing_new() -> None:
    moved = inline(ALL, None, role="cni"), inline(None, ONE, "j", role="cni")
    (gain,) = (f for f in of_two(*moved) if f.rule == "new-access")
    assert (gain.subject, gain.level) == ("aws_iam_role.a", "error")


def test_a_deny_that_a_role_may_get_hides_nothing_new() -> None:
    deny = inline(None, document({**allow("*"), "Effect": "Deny"}), role="cni")
    (gain,) = (f for f in of_two(deny, inline(None, ONE, "j", role="cni")) if "ec2:A" in f.message)
    assert (gain.rule, gain.subject) == ("new-access", "aws_iam_role.a")


def test_a_policy_of_either_role_that_allows_less_allows_neither_more() -> None:
    assert {f.rule for f in of_two(inline(ALL, ONE, role="cni"))} == {"access-removed"}
    # Another resource may be of the other role.
    both = inline(ALL, None, role="cni"), inline(None, ONE, "k", role="cni")
    assert "new-access" in {f.rule for f in of_two(*both)}
