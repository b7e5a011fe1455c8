"""Changes that are put off, sensitive, or of a principal whose name is not unique."""

import pytest

from eks import NODE_TRUST
from synthetic import (
    Json,
    allow,
    attached,
    document,
    managed,
    policy_arn,
    resource,
    reviewed,
    rules,
)

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


def hidden(kind: str, before: Json, after: Json, *names: str) -> Json:
    marks = dict.fromkeys(names, True)
    return resource(kind, "p", before, after, before_sensitive=marks, after_sensitive=marks)


@pytest.mark.parametrize(
    "change",
    [
        hidden(
            "aws_iam_role_policy_attachment",
            {"role": "r", "policy_arn": "arn:a"},
            {"role": "r", "policy_arn": "arn:b"},
            "policy_arn",
        ),
        hidden(
            "aws_iam_role_policy_attachment",
            {"role": "a", "policy_arn": "arn:a"},
            {"role": "b", "policy_arn": "arn:a"},
            "role",
        ),
        hidden(
            "aws_iam_role_policy",
            {"role": "a", "policy": ALL},
            {"role": "b", "policy": ALL},
            "role",
        ),
        hidden(
            "aws_iam_policy_attachment",
            {"roles": ["a"], "policy_arn": "arn:a"},
            {"roles": ["a", "b"], "policy_arn": "arn:a"},
            "roles",
        ),
        hidden(
            "aws_iam_role_policy_attachments_exclusive",
            {"role_name": "a", "policy_arns": ["arn:a"]},
            {"role_name": "a", "policy_arns": ["arn:b"]},
            "policy_arns",
        ),
        hidden(
            "aws_iam_role",
            {"assume_role_policy": NODE_TRUST, "permissions_boundary": "arn:a"},
            {"assume_role_policy": NODE_TRUST, "permissions_boundary": "arn:b"},
            "permissions_boundary",
        ),
    ],
)
def test_a_sensitive_value_that_changes_is_not_passed_over(change: Json) -> None:
    review = reviewed(change)
    assert rules(review) & {
        "sensitive-policy",
        "admin-attached",
        "new-access",
        "new-policy",
        "boundary-weakened",
        "unknown-attachment",
    }
    assert review.failed
    same = {**change["change"], "after": {**change["change"]["before"], "description": "x"}}
    assert not reviewed({**change, "change": same}).findings


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
    assert rules(review) == {"moved", "new-access"}
    assert {f.subject for f in review.findings if "new-access" in f.means} == {"role new"}
