"""Access by another door: whoever can do more is said, as an error, by whatever resource."""

from pathlib import Path

import pytest
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.diff.admin import AccessScope, reach

from eks import NODE_TRUST, own_role, same
from synthetic import (
    WANTED,
    Json,
    allow,
    attachment,
    document,
    levels,
    plan,
    policy,
    resource,
    reviewed,
)
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.review.run import review as run_review

ALL = document(allow("*"))
READ = document(allow("s3:GetObject"))
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ROLE = own_role("r", NODE_TRUST, READ)
HELD = {"name": "p", "arn": "arn:aws:iam::111122223333:policy/p"}


def inline(before: str | None, after: str | None) -> Json:
    sides = [
        None if text is None else {"role": "r", "name": "more", "policy": text}
        for text in (before, after)
    ]
    return resource("aws_iam_role_policy", "more", *sides)


def attached(arn: str, **more: object) -> Json:
    return attachment("r", arn, sides=(None, {"role": "r", "policy_arn": arn}), **more)


def managed(name: str) -> str:
    return f"arn:aws:iam::aws:policy/{name}"


@pytest.mark.parametrize(
    "changes",
    [
        [inline(None, ALL)],
        [inline(READ, ALL)],
        [inline(READ, document(allow("iam:*")))],
        [attached(ADMIN)],
        [attached(managed("IAMFullAccess"))],
        [policy("p", None, ALL), attached(HELD["arn"])],
        [same("aws_iam_policy", "p", {**HELD, "policy": ALL}), attached(HELD["arn"])],
        [
            same("aws_iam_policy", "p", {**HELD, "policy": ALL}),
            attachment(
                "r",
                HELD["arn"],
                sides=[{"role": name, "policy_arn": HELD["arn"]} for name in ("other", "r")],
            ),
        ],
    ],
    ids=["new", "widened", "iam", "attached", "IAM full", "created", "there", "moved"],
)
def test_who_becomes_an_administrator(changes: list[Json]) -> None:
    review = reviewed(*ROLE, *changes, fail_on="new-access")
    errors = [f for f in review.findings if f.level == "error" and "new-access" in f.means]
    assert any(f.rule == "admin-attached" for f in errors), review.findings
    assert any("aws_iam_role.r" in f.message for f in errors)
    assert review.failed


def held(before: str | None, after: str, *names: str) -> list[Json]:
    """A managed policy that changes, and its attachments to roles."""
    sides = [None if text is None else {**HELD, "policy": text} for text in (before, after)]
    attachments = (attachment(name, HELD["arn"], name=f"to-{name}") for name in names)
    return [resource("aws_iam_policy", "p", *sides), *attachments]


ADMINISTRATOR = own_role("admin", NODE_TRUST, ALL)
LIMITED = same(
    "aws_iam_role",
    "limited",
    {
        "name": "limited",
        "assume_role_policy": NODE_TRUST,
        "permissions_boundary": managed("AmazonS3ReadOnlyAccess"),
    },
)


@pytest.mark.parametrize(
    ("roles", "named"),
    [
        ("r", "aws_iam_role.r"),
        ("r a", "aws_iam_role.r and aws_iam_role.a"),
        ("r a b", "aws_iam_role.r and 2 more"),
        ("r admin", "aws_iam_role.r"),
        ("r limited", "aws_iam_role.r"),
        ("elsewhere", "Role elsewhere"),
        ("admin", ""),
        ("limited", ""),
        ("", "Anyone with the policy"),
    ],
)
def test_a_policy_that_becomes_that_of_an_administrator_names_who_was_none(
    roles: str, named: str
) -> None:
    """Neither who could do everything before, nor whom a boundary limits."""
    others = [resource for name in "ab" for resource in own_role(name, NODE_TRUST, READ)]
    changes = held(READ, ALL, *roles.split())
    review = reviewed(*ROLE, *ADMINISTRATOR, LIMITED, *others, *changes)
    messages = [f.message for f in review.findings if f.rule == "admin-attached"]
    assert messages == ([f"{named} can now call every action on all resources"] if named else [])


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (document(allow("iam:*")), ALL, "admin-attached"),
        (document(allow("iam:*")), document(allow(["iam:*", "s3:GetObject"])), "new-access"),
        (ALL, document(allow("iam:*")), "access-removed"),
        (ALL, document(allow("*"), allow("s3:*")), "rewritten"),
        (None, ALL, "new-policy"),
    ],
)
def test_a_policy_that_nobody_has_is_as_grave_as_it_gets_further(
    before: str | None, after: str, rule: str
) -> None:
    assert {f.rule for f in reviewed(*held(before, after)).findings} == {rule}


def test_a_managed_policy_of_aws_without_its_document_is_judged_by_what_aws_says_of_it() -> None:
    (finding,) = reviewed(*ROLE, attached(managed("AmazonECS_FullAccess"))).findings
    assert (finding.rule, finding.level) == ("admin-attached", "error")
    assert finding.message == (
        "aws_iam_role.r gets AmazonECS_FullAccess, which allows to get the permissions of others "
        "(iam:PassRole)"
    )


def test_managed_policy_arns_that_get_longer() -> None:
    values = {"name": "r", "assume_role_policy": NODE_TRUST, "managed_policy_arns": []}
    change = resource("aws_iam_role", "r", values, {**values, "managed_policy_arns": [ADMIN]})
    assert levels(reviewed(change)) == {"admin-attached": "error"}


def test_a_managed_policy_of_aws_that_nothing_is_known_of() -> None:
    review = reviewed(*ROLE, attached(managed("SomethingNew")))
    assert levels(review) == {"unknown-attachment": "error"}
    # Its document is too large for the table, its class is not.
    audit = reviewed(*ROLE, attached(managed("SecurityAudit")))
    assert levels(audit) == {"unknown-attachment": "warning"}
    new = resource("aws_iam_role", "r", None, {"name": "r", "assume_role_policy": NODE_TRUST})
    assert levels(reviewed(new, attached(managed("SomethingNew"))))["unknown-attachment"] == (
        "warning"
    )


def test_a_new_policy_on_a_role_that_is_there_is_as_grave_as_a_wider_one() -> None:
    write = document(allow("s3:PutObject"))
    for change in (inline(None, write), inline(READ, document(allow(["s3:GetObject", "s3:Put*"])))):
        review = reviewed(*ROLE, change)
        assert levels(review) == {"new-access": "error"}
        assert review.findings[0].message.startswith("aws_iam_role.r can now call s3:Put")
        assert "on all resources" in review.findings[0].message


def test_drift_that_stays_and_allows_everything() -> None:
    values = [{"role": "r", "name": "n", "policy": text} for text in (READ, ALL)]
    drift = resource("aws_iam_role_policy", "n", *values)
    now = same("aws_iam_role_policy", "n", values[1])
    review = reviewed(now, resource_drift=[drift], fail_on="new-access")
    assert (levels(review), review.failed) == ({"drift": "error"}, True)


def test_a_document_that_is_unknown_in_one_arn_and_allows_everything_in_another_statement() -> None:
    document_block = {
        "address": "data.aws_iam_policy_document.d",
        "mode": "data",
        "type": "aws_iam_policy_document",
        "name": "d",
        "change": {
            "actions": ["read"],
            "before": None,
            "after": {
                "statement": [
                    {"effect": "Allow", "actions": ["s3:GetObject"]},
                    {"effect": "Allow", "actions": ["*"], "resources": ["*"]},
                ],
            },
            "after_unknown": {
                "json": True,
                "statement": [{"resources": True}, {"resources": [False]}],
            },
        },
    }
    values = {"role": "r", "name": "n"}
    change = resource(
        "aws_iam_role_policy",
        "n",
        {**values, "policy": READ},
        values,
        after_unknown={"policy": True},
    )
    references = {"references": ["data.aws_iam_policy_document.d.json"]}
    block = {
        "mode": "managed",
        "type": "aws_iam_role_policy",
        "name": "n",
        "expressions": {"policy": references},
    }
    configuration = {"root_module": {"resources": [block]}}
    review = reviewed(*ROLE, document_block, change, configuration=configuration)
    assert levels(review) == {"admin-attached": "error"}
    statements = document_block["change"]["after"]["statement"]  # type: ignore[index]
    statements[1]["actions"] = ["s3:PutObject"]
    review = reviewed(*ROLE, document_block, change, configuration=configuration)
    assert levels(review) == {"unknown-policy": "error"}
    assert "s3:PutObject" in review.findings[0].message
    # The same of a policy that comes: to a role that is there, and to one that comes with it.
    comes = resource("aws_iam_role_policy", "n", None, values, after_unknown={"policy": True})
    review = reviewed(*ROLE, document_block, comes, configuration=configuration)
    assert levels(review) == {"unknown-policy": "error"}
    new = resource("aws_iam_role", "r", None, {"name": "r", "assume_role_policy": NODE_TRUST})
    review = reviewed(new, document_block, comes, configuration=configuration)
    assert levels(review) == {"unknown-policy": "warning", "new-policy": "note"}


def test_two_accounts_with_one_role_name() -> None:
    """Account ids, references and provider aliases tell them apart; what does not counts."""
    values = {"name": "r", "assume_role_policy": NODE_TRUST}
    roles = [
        same("aws_iam_role", name, {**values, "arn": f"arn:aws:iam::{account}:role/r"})
        for name, account in (("a", "111122223333"), ("b", "444455556666"))
    ]
    review = reviewed(*roles, inline(None, ALL))
    assert levels(review) == {"admin-attached": "error", "ambiguous-principal": "warning"}
    assert "aws_iam_role.a and aws_iam_role.b" in str(review.findings)
    blocks = [
        {"mode": "managed", "type": kind, "name": name, "provider_config_key": key}
        for kind, name, key in (
            ("aws_iam_role", "a", "aws"),
            ("aws_iam_role", "b", "aws.other"),
            ("aws_iam_role_policy", "more", "aws.other"),
        )
    ]
    configuration = {"root_module": {"resources": blocks}}
    review = reviewed(*roles, inline(None, ALL), configuration=configuration)
    assert levels(review) == {"admin-attached": "error"}
    assert review.findings[0].message.startswith("aws_iam_role.b ")
    for role in roles:
        arn = role["change"]["after"]["arn"]
        addon = {"cluster_name": "c", "addon_name": "vpc-cni", "service_account_role_arn": arn}
        review = reviewed(*roles, same("aws_eks_addon", "cni", addon))
        assert review.clusters[0].after.roles == (role["address"],)


def test_resources_about_access_that_are_not_read() -> None:
    change = resource("awscc_iam_role_policy", "p", None, {"policy_document": ALL})
    review = reviewed(change)
    assert levels(review) == {"unread-resource": "warning"}
    assert review.findings[0].address == "awscc_iam_role_policy.p"
    other = reviewed(resource("aws_s3_bucket", "b", None, {}))
    assert (levels(other), other.others) == ({}, 1)


def test_a_managed_policy_of_aws_whose_document_is_known() -> None:
    """What it allows is proven as for any other policy."""
    review = reviewed(*ROLE, attached(managed("AmazonSSMManagedInstanceCore")))
    assert levels(review) == {"new-access": "error"}
    assert any("ssm:" in f.message for f in review.findings)


def test_a_managed_policy_that_aws_does_not_publish() -> None:
    review = reviewed(*ROLE, attached(managed("AmazonEKS_CNI_IPv6_Policy")))
    assert levels(review) == {"unknown-attachment": "error"}
    assert "create one of the ipv6 document" in review.findings[0].message


def test_a_policy_that_is_unknown_in_the_plan_is_read_in_the_source(tmp_path: Path) -> None:
    """Of jsonencode with one unknown ARN, a plan has nothing but the reference."""
    code = """resource "aws_iam_role_policy" "more" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = aws_s3_bucket.b.arn },
      { Effect = "Allow", Action = "%s", Resource = "*" },
    ]
  })
}
"""
    change = inline(READ, READ)
    del change["change"]["after"]["policy"]
    change["change"] |= {"actions": ["update"], "after_unknown": {"policy": True}}
    for action, expected in (
        ("*", {"admin-attached": "error"}),
        ("s3:PutObject", {"unknown-policy": "error"}),
        ("s3:GetObject", {"unknown-policy": "warning"}),
    ):
        (tmp_path / "main.tf").write_text(code % action)
        made = read_plan(plan(*ROLE, change), "plan.json")
        locator = Locator(tmp_path, made.configuration)
        assert levels(run_review(made, WANTED, locator=locator)) == expected
        assert "--source reads" not in str(run_review(made, WANTED, locator=locator).findings)
    (finding,) = reviewed(*ROLE, change).findings
    assert (finding.rule, finding.level) == ("unknown-policy", "warning")
    assert "--source reads what the configuration says of it" in finding.message


def test_everything_but_iam_makes_an_administrator_too() -> None:
    review = reviewed(*ROLE, attached(managed("PowerUserAccess")))
    assert levels(review) == {"admin-attached": "error"}
    assert "but for those of a few services" in review.findings[0].message


def test_a_boundary_without_iam_leaves_nothing_of_iam_alone() -> None:
    def read(name: str) -> Policy:
        policy = aws_managed.find(managed(name))
        assert policy and policy.document
        return policy.document

    assert reach([read("IAMFullAccess")]) is AccessScope.iam
    assert reach([read("IAMFullAccess")], read("PowerUserAccess")) is AccessScope.limited
    assert reach([read("AdministratorAccess")], read("PowerUserAccess")) is AccessScope.services


ROLES = "arn:aws:iam::*:role/*"
ONE_ROLE = "arn:aws:iam::111122223333:role/one"
TAGGED = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
REFUSED = allow("s3:GetObject", Condition={"Is": {"aws:ResourceTag/team": "blue"}})


def deny(action: str) -> Json:
    return {**allow(action), "Effect": "Deny"}


def all_but(member: str, value: str, **statement: str) -> Json:
    return {"Effect": "Allow", **statement, f"Not{member}": value}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow("*")], AccessScope.everything),
        ([allow(["s3:GetObject", "*:*"])], AccessScope.everything),
        ([all_but("Action", "s3:GetObject", Resource="*")], AccessScope.everything),
        ([all_but("Action", "iam:*", Resource="*")], AccessScope.services),
        ([allow("*"), deny("iam:*")], AccessScope.services),
        ([allow("*"), deny("s3:DeleteBucket")], AccessScope.iam),
        ([allow("*"), deny("iam:CreateUser")], AccessScope.iam),
        ([allow("*"), deny("*")], AccessScope.limited),
        ([deny("*")], AccessScope.limited),
        ([allow("*", Condition=TAGGED)], AccessScope.limited),
        ([allow("*", "arn:aws:s3:::*")], AccessScope.limited),
        ([allow("s3:*")], AccessScope.limited),
        ([allow("IAM:Attach*", ROLES)], AccessScope.iam),
        ([allow("*", ROLES)], AccessScope.iam),
        ([allow("iam:PutRolePolicy", ONE_ROLE)], AccessScope.limited),
        ([all_but("Resource", ONE_ROLE, Action="iam:PutRolePolicy")], AccessScope.iam),
        ([all_but("Action", "s3:*", Resource=ROLES)], AccessScope.iam),
        # What IAM refuses cannot be asked, but by its words.
        ([allow("*"), REFUSED], AccessScope.everything),
        ([allow("iam:*"), REFUSED], AccessScope.limited),
        ([deny("*"), allow("iam:*"), REFUSED], AccessScope.limited),
        ([allow("*", Condition=TAGGED), REFUSED], AccessScope.limited),
        ([allow("*", ROLES), REFUSED], AccessScope.limited),
    ],
)
def test_how_far_policies_reach(statements: list[Json], expected: AccessScope) -> None:
    assert reach([loads(document(*statements), "policy")]) is expected


@pytest.mark.parametrize(
    "action",
    [
        *(f"iam:{verb}{kind}Policy" for verb in ("Attach", "Put") for kind in ("Role", "User")),
        *("iam:AttachGroupPolicy", "iam:PutGroupPolicy", "iam:CreatePolicyVersion"),
        *("iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy", "iam:CreateAccessKey"),
        "iam:AddUserToGroup",
    ],
)
def test_each_action_by_which_somebody_gives_himself_more_is_named(action: str) -> None:
    review = reviewed(*ROLE, inline(READ, document(allow(["s3:GetObject", action]))))
    assert levels(review) == {"admin-attached": "error"}
    assert "can now change IAM permissions" in review.findings[0].message
