"""Access by another door: whoever can do more is said, as an error, by whatever resource."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from eks import NODE_TRUST, own_role, same
from synthetic import (
    DOCUMENT,
    LATER,
    OPTIONS,
    Json,
    allow,
    attached,
    attachment,
    block,
    configured,
    deferred,
    deny,
    document,
    inline,
    levels,
    managed,
    parsed,
    policy,
    policy_arn,
    refers,
    resource,
    reviewed,
    rules,
)
from vpc_cni_iam.review.diff.permissions import Permissions
from vpc_cni_iam.review.diff.reach import Reach, reach

ALL, IAM = document(allow("*")), document(allow("iam:*"))
READ = document(allow("s3:GetObject"))
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ROLE = own_role("r", NODE_TRUST, READ)
NEW_ROLE = resource("aws_iam_role", "r", None, {"name": "r", "assume_role_policy": NODE_TRUST})


def aws(name: str) -> str:
    return f"arn:aws:iam::aws:policy/{name}"


MOVES = [{"role": name, "policy_arn": policy_arn("p")} for name in ("other", "r")]
LISTS = [
    {"name": "r", "assume_role_policy": NODE_TRUST, "managed_policy_arns": arns}
    for arns in ([], [ADMIN])
]


@pytest.mark.parametrize(
    "changes",
    [
        [*ROLE, inline(None, ALL, "more")],
        [*ROLE, inline(READ, ALL, "more")],
        [*ROLE, inline(READ, IAM, "more")],
        [*ROLE, attached(ADMIN, before=False)],
        [*ROLE, attached(aws("IAMFullAccess"), before=False)],
        [*ROLE, policy("p", None, ALL), attached(policy_arn("p"), before=False)],
        [*ROLE, managed(ALL, ALL), attached(policy_arn("p"), before=False)],
        [*ROLE, managed(ALL, ALL), attachment("r", policy_arn("p"), sides=MOVES)],
        [resource("aws_iam_role", "r", *LISTS)],
    ],
    ids=["new", "widened", "iam", "attached", "IAM-full", "created", "there", "moved", "arns"],
)
def test_who_becomes_an_administrator(changes: list[Json]) -> None:
    review = reviewed(*changes, fail_on="new-access")
    (finding,) = (f for f in review.findings if f.rule == "admin-attached")
    assert (finding.level, finding.subject, review.failed) == ("error", "aws_iam_role.r", True)
    assert "new-access" in finding.means and finding.fix


def held(before: str | None, after: str, *names: str) -> list[Json]:
    """A managed policy that changes, and its attachments to roles."""
    has = (attached(policy_arn("p"), role=name, block=f"to-{name}") for name in names)
    return [managed(before, after), *has]


LIMITED = {"name": "limited", "assume_role_policy": NODE_TRUST}
LIMITED |= {"permissions_boundary": aws("AmazonS3ReadOnlyAccess")}


@pytest.mark.parametrize(
    ("roles", "named"),
    [
        ("r", "aws_iam_role.r"),
        ("r a", "aws_iam_role.r and aws_iam_role.a"),
        ("r admin", "aws_iam_role.r"),
        ("r limited", "aws_iam_role.r"),
        ("elsewhere", "Role elsewhere"),
        ("admin", ""),
        ("limited", ""),
        ("", "Anyone with aws_iam_policy.p"),
    ],
)
def test_a_policy_that_becomes_that_of_an_administrator_names_who_was_none(
    roles: str, named: str
) -> None:
    """Neither who could do everything before, nor whom a boundary limits."""
    others = [*own_role("a", NODE_TRUST, READ), *own_role("admin", NODE_TRUST, ALL)]
    limited = same("aws_iam_role", "limited", LIMITED)
    review = reviewed(*ROLE, *others, limited, *held(READ, ALL, *roles.split()))
    messages = [f.message for f in review.findings if f.rule == "admin-attached"]
    assert len(messages) == bool(named)
    assert all(message.startswith(f"{named} can now call every action") for message in messages)


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (IAM, ALL, "admin-attached"),
        (IAM, document(allow(["iam:*", "s3:GetObject"])), "new-access"),
        (ALL, IAM, "access-removed"),
        (ALL, document(allow("*"), allow("s3:*")), "rewritten"),
        (None, ALL, "new-policy"),
    ],
)
def test_a_policy_that_nobody_has_is_as_grave_as_it_gets_further(
    before: str | None, after: str, rule: str
) -> None:
    assert rules(reviewed(*held(before, after))) == {rule}


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        # Without their documents, by what AWS says of them.
        ("AmazonECS_FullAccess", {"admin-attached": "error"}, "permissions of other roles"),
        ("SecurityAudit", {"unknown-attachment": "warning"}, "SecurityAudit"),
        ("SomethingNew", {"unknown-attachment": "error"}, "SomethingNew"),
        ("AmazonEKS_CNI_IPv6_Policy", {"unknown-attachment": "error"}, "IPv6"),
        # What a known document allows is proven as for any other policy.
        ("AmazonSSMManagedInstanceCore", {"new-access": "error"}, "ssm"),
        ("PowerUserAccess", {"admin-attached": "error"}, "except for a few services"),
    ],
)
def test_a_managed_policy_of_aws_is_judged_by_what_is_known_of_it(
    name: str, expected: Json, words: str
) -> None:
    review = reviewed(*ROLE, attached(aws(name), before=False))
    assert levels(review) == expected
    assert words in review.findings[0].message


def document_with_an_unknown_arn(*actions: str) -> Json:
    statements: list[Json] = [{"effect": "Allow", "actions": ["s3:GetObject"]}]
    statements += [{"effect": "Allow", "actions": [*actions], "resources": ["*"]}]
    return deferred({"statement": statements}, unknown={"statement": [{"resources": True}, {}]})


@pytest.mark.parametrize(
    ("role", "before", "action", "expected"),
    [
        (ROLE, READ, "*", {("admin-attached", "error")}),
        (ROLE, READ, "s3:PutObject", {("new-access", "error")}),
        (ROLE, None, "s3:PutObject", {("new-access", "error")}),
        ([NEW_ROLE], None, "s3:PutObject", {("new-policy", "warning")}),
        (ROLE, READ, "s3:GetObject", set()),
    ],
)
def test_a_document_that_is_unknown_in_one_arn_is_judged_by_the_rest(
    role: list[Json], before: str | None, action: str, expected: set[tuple[str, str]]
) -> None:
    review = reviewed(
        *role,
        *(document_with_an_unknown_arn(action), inline(before, LATER, "n")),
        configuration=configured(block("aws_iam_role_policy.n", policy=refers(f"{DOCUMENT}.json"))),
    )
    serious = {(str(f.rule), str(f.level)) for f in review.findings if f.rule != "unknown-policy"}
    assert {each for each in serious if each[1] != "note"} == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("*", {"admin-attached": "error"}),
        ("s3:PutObject", {"new-access": "error"}),
        ("s3:GetObject", {"unknown-policy": "warning"}),
    ],
)
def test_a_policy_that_is_unknown_in_the_plan_is_read_in_the_source(
    tmp_path: Path, action: str, expected: Json
) -> None:
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
    change = inline(READ, LATER, "more")
    (finding,) = reviewed(*ROLE, change).findings
    assert (finding.rule, finding.level) == ("unknown-policy", "warning")
    (tmp_path / "main.tf").write_text(code % action)
    review = reviewed(*ROLE, change, options=replace(OPTIONS, source=tmp_path))
    assert levels(review).items() >= (expected if action != "s3:GetObject" else {}).items()
    assert "--source reads" not in str(review.findings)


ROLES = "arn:aws:iam::*:role/*"
ONE_ROLE = "arn:aws:iam::111122223333:role/one"
TAGGED = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
REFUSED = allow("s3:GetObject", Condition={"Is": {"aws:ResourceTag/team": "blue"}})


def all_but(member: str, value: str, **statement: str) -> Json:
    return {"Effect": "Allow", **statement, f"Not{member}": value}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow("*")], Reach.EVERYTHING),
        ([allow(["s3:GetObject", "*:*"])], Reach.EVERYTHING),
        ([all_but("Action", "s3:GetObject", Resource="*")], Reach.EVERYTHING),
        ([all_but("Action", "iam:*", Resource="*")], Reach.SERVICES),
        ([allow("*"), deny("iam:*")], Reach.SERVICES),
        ([allow("*"), deny("s3:DeleteBucket")], Reach.IAM),
        ([allow("*"), deny("iam:CreateUser")], Reach.IAM),
        ([allow("*"), deny("*")], Reach.LIMITED),
        ([deny("*")], Reach.LIMITED),
        ([allow("*", Condition=TAGGED)], Reach.LIMITED),
        ([allow("*", "arn:aws:s3:::*")], Reach.LIMITED),
        ([allow("s3:*")], Reach.LIMITED),
        ([allow("IAM:Attach*", ROLES)], Reach.IAM),
        ([allow("*", ROLES)], Reach.IAM),
        ([allow("iam:PutRolePolicy", ONE_ROLE)], Reach.LIMITED),
        ([all_but("Resource", ONE_ROLE, Action="iam:PutRolePolicy")], Reach.IAM),
        ([all_but("Action", "s3:*", Resource=ROLES)], Reach.IAM),
        # What IAM refuses cannot be asked, but by its words.
        ([allow("*"), REFUSED], Reach.EVERYTHING),
        ([allow("iam:*"), REFUSED], Reach.LIMITED),
        ([deny("*"), allow("iam:*"), REFUSED], Reach.LIMITED),
        ([allow("*", Condition=TAGGED), REFUSED], Reach.LIMITED),
        ([allow("*", ROLES), REFUSED], Reach.LIMITED),
    ],
)
def test_how_far_policies_reach(statements: list[Json], expected: Reach) -> None:
    assert reach(Permissions((parsed(*statements),))) is expected


def test_a_boundary_without_iam_leaves_nothing_of_iam_alone() -> None:
    boundary = (parsed(all_but("Action", "iam:*", Resource="*")),)
    for action, expected in (("iam:*", Reach.LIMITED), ("*", Reach.SERVICES)):
        assert reach(Permissions((parsed(allow(action)),), (boundary,))) is expected


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
    review = reviewed(*ROLE, inline(READ, document(allow(["s3:GetObject", action])), "more"))
    assert levels(review) == {"admin-attached": "error"}
    assert "can now change IAM permissions" in review.findings[0].message
