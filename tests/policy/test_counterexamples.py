"""Counterexamples: found where policy variables decide, and such as AWS may get."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest
from msgspec.structs import replace

from statements import allow, deny
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven

B = "arn:aws:s3:::b/"
ROLE, SIGNER = "arn:aws:iam::*:role/", "aws:PrincipalArn"
MFA = "aws:MultiFactorAuthPresent"
HOME = B + "home/${aws:username}/*"


def all_but(statement: Statement) -> Statement:
    return replace(statement, resources=(), not_resources=statement.resources)


def like(key: str, *values: str) -> Condition:
    return Condition("StringLike", key, values)


def equals(key: str, *values: str) -> Condition:
    return Condition("StringEquals", key, values)


def unlike(key: str, *values: str) -> Condition:
    return Condition("StringNotEquals", key, values)


def witness(old: list[Statement], new: list[Statement]) -> NewAccess:
    before, after = [Policy(tuple(old))], [Policy(tuple(new))]
    answer = no_new_access(before, after)
    assert isinstance(answer, NewAccess), answer
    assert compile_policies(after).evaluate(answer.request).allowed
    assert not compile_policies(before).evaluate(answer.request).allowed
    return answer


EVERYTHING = allow("s3:*")
# What stays, and the Deny that goes.
DROPPED: dict[str, tuple[Statement, Statement]] = {
    "a home": (EVERYTHING, deny("s3:*", on=HOME)),
    "a home of a bucket": (allow("s3:*", on=B + "*"), deny("s3:*", on=HOME)),
    "a home and its default": (
        EVERYTHING, deny("s3:*", on=B + "home/${aws:username, 'nobody'}/*"),
    ),
    "a home by a tag": (EVERYTHING, deny("s3:*", on=B + "${aws:PrincipalTag/team}/*")),
    "a home of two variables": (
        EVERYTHING, deny("s3:*", on=B + "${aws:PrincipalTag/team}/${aws:username}/*"),
    ),
    "one variable twice": (
        EVERYTHING, deny("s3:*", on=B + "${aws:username}/${aws:username}.txt"),
    ),
    "alice's home among any user's": (
        allow("s3:*", on=B + "home/alice/*"), deny("s3:*", on=HOME),
    ),
    "a home by a wildcard": (allow("s3:*", on=B + "home/a*/x"), deny("s3:*", on=HOME)),
    "a wildcard on both sides of the variable": (
        allow("s3:*", on=B + "*/private/*"), deny("s3:*", on=B + "*${aws:username}/*"),
    ),
    "one variable that meets another": (
        allow("s3:*", on=B + "home/${aws:userid}/*"), deny("s3:*", on=HOME),
    ),
    "a variable that another pattern has, too": (
        allow("s3:*", on=B + "*/${aws:username}/x"), deny("s3:*", on=HOME),
    ),
    "all but a home": (EVERYTHING, all_but(deny("s3:*", on=HOME))),
    "all but a home, of all but bob's": (
        all_but(allow("s3:*", on=B + "home/bob/*")), deny("s3:*", on=HOME),
    ),
    "all but a home, of a home": (
        allow("s3:*", on=B + "home/alice/*"), all_but(deny("s3:*", on=HOME)),
    ),
    "a prefix": (
        EVERYTHING, deny("s3:ListBucket", when=like("s3:prefix", "home/${aws:username}/*")),
    ),
    "a prefix and a home": (
        allow("s3:*", on=B + "home/*", when=like("s3:prefix", "home/alice/*")),
        deny("s3:*", on=HOME, when=like("s3:prefix", "home/${aws:username}/*")),
    ),
    "a tag equal to a tag": (
        allow("ec2:*"),
        deny("ec2:*", when=equals("aws:ResourceTag/owner", "${aws:username}")),
    ),
    "not the user's own tag": (
        allow("ec2:*"),
        deny(
            "ec2:*", when=Condition("StringNotEquals", "aws:ResourceTag/owner", ("${aws:userid}",))
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DROPPED)
def test_a_deny_with_a_variable_that_goes_has_a_counterexample(name: str) -> None:
    stays, goes = DROPPED[name]
    answer = witness([stays, goes], [stays])
    assert answer.old.outcome == "explicitly denied"


@pytest.mark.parametrize("name", DROPPED)
def test_an_allow_with_a_variable_that_comes_has_a_counterexample(name: str) -> None:
    _, goes = DROPPED[name]
    witness([allow("sqs:*")], [allow("sqs:*"), replace(goes, effect="Allow")])


def test_all_but_a_variable_covers_all_but_the_same_variable() -> None:
    old, new = all_but(allow("s3:*", on=(HOME, B + "x"))), all_but(allow("s3:Get*", on=HOME))
    also = replace(new, not_resources=(HOME, B + "x", B + "y"))
    for remaining in (deny("s3:PutObject"), deny("s3:GetObject", on=B + "z")):
        before, after = [Policy((old, remaining))], [Policy((also, remaining))]
        assert no_new_access(before, after) == NoNewAccess()
    assert not isinstance(no_new_access([Policy((old,))], [Policy((new,))]), NoNewAccess)
    before = [Policy((EVERYTHING, all_but(deny("s3:Put*", on=HOME))))]
    after = [Policy((EVERYTHING, all_but(deny("s3:*", on=HOME))))]
    assert no_new_access(before, after) == NoNewAccess()
    assert isinstance(no_new_access(after, before), NewAccess)


def test_all_but_a_variable_covers_nothing_that_may_equal_it() -> None:
    old = Policy((all_but(allow("s3:*", on=HOME)),))
    for text in (B + "home/bob/x", B + "home/*", B + "home/${aws:userid}/*"):
        answer = no_new_access([old], [Policy((allow("s3:*", on=text),))])
        assert isinstance(answer, NotProven if "bob" in text else NewAccess)
    elsewhere = Policy((allow("s3:*", on=B + "home/${aws:userid}x"),))
    assert not isinstance(no_new_access([old], [elsewhere]), NoNewAccess)


# Requests that AWS may get.

ORDINARY: dict[str, tuple[Statement, str, str]] = {
    "every action": (allow("*"), "ec2:TerminateInstances", "instance/i-0123456789abcdef0"),
    "of a service": (allow("ec2:*"), "ec2:TerminateInstances", "instance/i-0123456789abcdef0"),
    "by a begin": (
        allow("ec2:Create*"), "ec2:CreateTags", "arn:aws:ec2:us-east-1:111122223333:instance/i-",
    ),
    "by an end": (allow("ec2:*Interface"), "ec2:CreateNetworkInterface", "eni-0123456789abcdef0"),
    "on a type": (
        allow("ec2:*", on="arn:aws:ec2:*:*:volume/*"),
        "ec2:", "arn:aws:ec2:us-east-1:111122223333:volume/vol-0123456789abcdef0",
    ),
    "in a region": (
        allow("ec2:TerminateInstances", on="arn:aws:ec2:eu-west-1:*:instance/*"),
        "ec2:TerminateInstances",
        "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0",
    ),
    "buckets": (allow("s3:*"), "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/example.txt"),
    "a bucket": (allow("s3:*", on="arn:aws:s3:::logs/*"), "s3:", "arn:aws:s3:::logs/example"),
    "roles": (allow("iam:*"), "iam:PassRole", "arn:aws:iam::111122223333:role/example"),
    "users": (
        allow("iam:*User", on="arn:aws:iam::*:user/*"),
        "iam:CreateUser", "arn:aws:iam::111122223333:user/alice",
    ),
    "role sessions": (allow("sts:*"), "sts:AssumeRole", "arn:aws:iam::111122223333:role/example"),
    "logs": (
        allow("logs:*"), "logs:CreateLogGroup",
        "arn:aws:logs:us-east-1:111122223333:log-group:/aws/eks/example/cluster",
    ),
    "clusters": (
        allow("eks:*"), "eks:DescribeCluster", "arn:aws:eks:us-east-1:111122223333:cluster/example",
    ),
    "HyperPod": (
        allow("sagemaker:Attach*"), "sagemaker:AttachClusterNodeNetworkInterface",
        "arn:aws:sagemaker:us-east-1:111122223333:cluster/example",
    ),
    "what has no resource": (allow("ec2:DescribeSubnets"), "ec2:DescribeSubnets", "*"),
    "what is on no ARN": (all_but(allow("ec2:*", on="arn:*")), "ec2:DescribeInstances", "*"),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_a_counterexample_is_an_ordinary_request(name: str) -> None:
    statement, action, resource = ORDINARY[name]
    answer = witness([], [statement])
    assert answer.request.action.startswith(action)
    assert resource in answer.request.resource
    assert answer.made_up == ()
    assert dict(answer.request.context) == {}


TYPE = "resource type"


@pytest.mark.parametrize(
    ("old", "new", "made_up"),
    [
        ([allow("ec2:*a0*b")], [allow("ec2:*a0*b*")], "action"),
        ([], [allow("nosuch:*")], "action"),
        ([], [allow("ec2:NoSuch*", on="arn:aws:ec2:us:1:1:x")], "action and resource"),
        ([], [allow("ec2:CreateTags", on="arn:aws:ec2:us:1:1:x")], TYPE),
        # of another service, of another type, of no type
        ([], [allow("ec2:TerminateInstances", on="arn:aws:s3:::a1")], TYPE),
        ([], [allow("s3:GetObject", on="arn:aws:s3:::bucket")], TYPE),
        ([], [allow("ec2:TerminateInstances", on="arn:aws:ec2:*:*:nosuch/a")], TYPE),
        ([], [all_but(allow("s3:GetObject", on="arn:*"))], TYPE),
        ([], [allow("ec2:StopInstances", when=like("aws:SourceIp", "10.*"))], "aws:SourceIp"),
        (
            [allow("ec2:StopInstances", when=equals("aws:SourceIp", "2001:db8::1"))],
            [allow("ec2:StopInstances", when=Condition("IpAddress", "aws:SourceIp", ("::/0",)))],
            "",
        ),
        # AWS writes true, and an ARN of a role has an account and a name.
        ([], [allow("ec2:StopInstances", when=equals(MFA, "TRUE"))], MFA),
        (
            [allow("ec2:StopInstances", when=Condition("ArnLike", SIGNER, (ROLE + "x",)))],
            [allow("ec2:StopInstances", when=like(SIGNER, ROLE + "x"))],
            SIGNER,
        ),
        (
            [allow("ec2:*a0*b", on="arn:aws:s3:::*a0*b")],
            [allow("ec2:*a0*", on="arn:aws:s3:::a")],
            "action and resource",
        ),
    ],
)
def test_a_counterexample_that_is_made_up_says_so(
    old: list[Statement], new: list[Statement], made_up: str
) -> None:
    assert " and ".join(part.key or part.part for part in witness(old, new).made_up) == made_up


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        (Condition("IpAddress", "aws:SourceIp", ("10.0.0.0/8",)), r"10\.0\.0\.7"),
        (Condition("NotIpAddress", "aws:VpcSourceIp", ("10.0.0.0/8",)), r"[0-9.]+"),
        (Condition("Bool", "aws:SecureTransport", ("true",)), "true"),
        (Condition("DateLessThan", "aws:CurrentTime", ("2027-01-01T00:00:00Z",)), "20.*Z"),
        (Condition("NumericLessThan", "s3:max-keys", ("5",)), "[0-4]"),
        (Condition("BinaryEquals", "kms:Context", ("QUI=",)), "QUI="),
        (Condition("ArnLike", "aws:SourceArn", ("arn:aws:iam::*:role/*",)), "arn:aws:iam:.*"),
        (Condition("StringLike", "aws:username", ("*",)), "alice"),
        (Condition("StringLike", "aws:SourceAccount", ("*",)), "111122223333"),
        (Condition("StringLike", "aws:SourceVpc", ("vpc-*",)), "vpc-0123456789abcdef0"),
        (Condition("StringLike", "aws:RequestTag/team", ("*",)), "example"),
    ],
    ids=lambda value: value.key if isinstance(value, Condition) else "",
)
def test_values_of_a_counterexample_have_their_type(condition: Condition, value: str) -> None:
    there = Condition("Null", condition.key, ("false",))
    answer = witness([], [allow("s3:GetObject", when=(condition, there))])
    assert re.fullmatch(value, str(answer.request.context[condition.key]))
    if "Ip" in condition.operator:
        ip_address(str(answer.request.context[condition.key]))


def test_a_request_that_can_be_is_shown_before_one_that_cannot() -> None:
    """Both are newly allowed: any EC2 action on buckets, which there is not, and on instances."""
    starred = tuple(f"arn:aws:s3:::*a{n}*" for n in range(60))
    old = all_but(allow("ec2:*", on=(*starred, "arn:aws:ec2:*")))
    new = all_but(allow("ec2:*", on=starred[1:]))
    counterexample = witness([old], [new])
    assert counterexample.made_up == ()
    assert "arn:aws:ec2:" in counterexample.request.resource


@pytest.mark.parametrize("operator", ["StringNotEquals", "StringNotLike", "StringEquals"])
def test_one_deny_of_many_that_goes_is_shown(operator: str) -> None:
    """Each of the others denies a request without its key, or with another value."""
    denies = [
        deny("*", when=Condition(operator, f"aws:PrincipalTag/k{n}", (f"v{n}",)))
        for n in range(500)
    ]
    counterexample = witness([allow("*"), *denies], [allow("*"), *denies[:250], *denies[251:]])
    assert counterexample.old.statement == 251


def test_many_deny_statements_that_change_are_shown() -> None:
    """The request has the new value of every key, which each old statement denies."""
    old, new = (
        [deny("*", when=unlike(f"aws:PrincipalTag/k{n}", value)) for n in range(60)]
        for value in ("a", "b")
    )
    witness([allow("*"), *old], [allow("*"), *new])


def trust(principal: str, *signers: str, operator: str = "ArnLike") -> Statement:
    conditions = (Condition(operator, SIGNER, signers),) if signers else ()
    principals = (Principal("AWS", (principal,)),)
    return Statement("Allow", ("sts:AssumeRole",), principals=principals, conditions=conditions)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([trust("111122223333", ROLE + "a")], [trust("111122223333", ROLE + "b")]),
        ([trust("*", ROLE + "a")], [trust("*", ROLE + "b*")]),
        (
            [trust("*"), replace(trust("*", ROLE + "a", operator="ArnNotLike"), effect="Deny")],
            [
                trust("*"),
                replace(trust("*", ROLE + "a", ROLE + "b", operator="ArnNotLike"), effect="Deny"),
            ],
        ),
    ],
)
def test_a_caller_is_who_signed_the_request(old: list[Statement], new: list[Statement]) -> None:
    request = witness(old, new).request
    assert request.principal == request.context[SIGNER]
    assert request.principal.startswith("arn:aws:iam::111122223333:role/b")


def test_no_request_is_signed_by_another_than_its_caller() -> None:
    """Both sides allow one role alone; that the key of who signed says so is not proven."""
    role = "arn:aws:iam::111122223333:role/x"
    sides = [[Policy((trust(*names),))] for names in ((role,), ("*", role))]
    for before, after in (sides, sides[::-1]):
        assert not isinstance(no_new_access(before, after), NewAccess)


def test_a_caller_is_a_user_of_an_account() -> None:
    trust = Statement("Allow", ("sts:AssumeRole",), principals=(Principal("AWS", ("*",)),))
    assert witness([], [trust]).request.principal == "arn:aws:iam::111122223333:user/alice"


HERE, THERE = "111122223333", "444455556666"
OWNER = "aws:PrincipalAccount"


@pytest.mark.parametrize(
    ("old", "new", "context"),
    [
        (equals(OWNER, HERE), like(SIGNER, f"arn:aws:iam::{THERE}:role/r"), {}),
        (equals(OWNER, HERE), like(SIGNER, f"{ROLE}r"), {}),
        (equals(OWNER, HERE), like(SIGNER, "arn:aws:iam::555566667777:role/r"), {}),
        (equals(OWNER, HERE), (), {OWNER: THERE}),
        (like(SIGNER, f"arn:aws:iam::{HERE}:role/r"), equals(OWNER, HERE), {}),
        (like(SIGNER, f"{ROLE}r"), equals(OWNER, "555566667777"), {}),
        (equals(OWNER, HERE), unlike(OWNER, HERE), {OWNER: THERE}),
    ],
)
def test_a_request_has_the_account_of_who_signed_it(
    old: Condition, new: Condition | tuple[()], context: dict[str, str]
) -> None:
    """Page "AWS global condition context keys": every request has aws:PrincipalAccount."""
    answer = witness([allow("s3:GetObject", when=old)], [allow("s3:GetObject", when=new)])
    made = dict(answer.request.context)
    assert made == context or str(made[SIGNER]).split(":")[4] == made[OWNER]
    assert not answer.made_up


def test_no_request_of_an_account_comes_from_a_principal_of_another_or_of_none() -> None:
    role = Condition("ArnEquals", SIGNER, (f"arn:aws:iam::{HERE}:role/r",))
    for old, new in (
        (equals(OWNER, HERE), role),
        (equals(OWNER, HERE), (role, Condition("Null", OWNER, ("true",)))),
    ):
        before, after = ([Policy((allow("s3:GetObject", when=when),))] for when in (old, new))
        assert not isinstance(no_new_access(before, after), NewAccess)


@pytest.mark.parametrize(("before", "after"), [("9", "10"), ("9.5", "10")])
def test_a_number_is_shown_as_a_whole_one_if_there_is_one(before: str, after: str) -> None:
    """Of what is above the one and at most the other, 10 alone is whole."""

    def up_to(most: str) -> Policy:
        conditions = (
            Condition("NumericGreaterThan", "s3:max-keys", ("0",)),
            Condition("NumericLessThanEquals", "s3:max-keys", (most,)),
        )
        statement = Statement(actions=("s3:ListBucket",), resources=("*",), conditions=conditions)
        return Policy((statement,))

    result = no_new_access([up_to(before)], [up_to(after)])
    assert isinstance(result, NewAccess)
    assert result.request.context["s3:max-keys"] == "10"


def test_a_number_of_thousands_of_digits_needs_no_neighbour() -> None:
    long = Condition("NumericLessThan", "aws:MultiFactorAuthAge", ("9" * 5000,))
    witness([allow("s3:Get*")], [allow("s3:*", when=long)])
