"""The judge itself: pairs with a known answer, and requests whose outcome AWS documents."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import policy_pools as pools
from smt.conditions import type_of
from smt.judge import Agreed, Refuted, Undecided, judge, outcomes
from smt.request import Document
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.matching.operators import BASES

ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
EITHER = frozenset((True, False))
ALLOWED, DENIED, IMPOSSIBLE = frozenset((True,)), frozenset((False,)), frozenset[bool]()
HOME = "arn:aws:s3:::bucket/home/"
ROLE = "arn:aws:iam::111122223333:role/"


@pytest.mark.parametrize("operator", BASES)
def test_the_judge_knows_every_operator(operator: str) -> None:
    """Otherwise it decides nothing about a proof with it: tests/policy/smt/conditions.py."""
    assert (type_of(operator) is None) is (operator == "Null")


def policy(*statements: Document, version: str = "2012-10-17") -> Document:
    return {"Version": version, "Statement": list(statements)}


def allow(condition: Document | None = None, **changed: Any) -> Document:
    statement = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*", **changed}
    return statement if condition is None else {**statement, "Condition": condition}


def deny(condition: Document | None = None, **changed: Any) -> Document:
    return {**allow(condition, **changed), "Effect": "Deny"}


def when(operator: str, key: str, *values: str) -> Document:
    return {operator: {key: list(values)}}


JOB = when("StringEquals", "aws:PrincipalTag/job", "admin")
TAG_KEYS = when("ForAllValues:StringEquals", "aws:TagKeys", "environment", "cost-center")
ANY_TAG_KEY = when("ForAnyValue:StringEquals", "aws:TagKeys", "environment", "cost-center")

# What the pages of the IAM User Guide say of requests: a condition, a context, the outcomes.
DOCUMENTED: list[tuple[Document, dict[str, Any], frozenset[bool]]] = [
    # Single-valued vs. multivalued context keys.
    (TAG_KEYS, {"aws:TagKeys": ["environment"]}, ALLOWED),
    (TAG_KEYS, {"aws:TagKeys": ["environment", "cost-center"]}, ALLOWED),
    (TAG_KEYS, {"aws:TagKeys": ["environment", "webserver"]}, DENIED),
    (TAG_KEYS, {}, ALLOWED),
    ({**TAG_KEYS, **when("Null", "aws:TagKeys", "false")}, {}, DENIED),
    (ANY_TAG_KEY, {"aws:TagKeys": ["environment", "webserver"]}, ALLOWED),
    (ANY_TAG_KEY, {"aws:TagKeys": ["webserver"]}, DENIED),
    (ANY_TAG_KEY, {}, DENIED),
    (when("ForAllValues:StringNotEquals", "aws:TagKeys", "a"), {"aws:TagKeys": ["b", "a"]}, DENIED),
    (when("ForAnyValue:StringNotEquals", "aws:TagKeys", "a"), {"aws:TagKeys": ["b", "a"]}, ALLOWED),
    (when("ForAllValues:StringEquals", "aws:CalledVia", "a"), {"aws:CalledVia": ""}, EITHER),
    (when("ForAllValues:StringEquals", "aws:TagKeys", "a"), {"aws:TagKeys": ""}, IMPOSSIBLE),
    # Without a set operator, several values are not documented.
    (when("StringLike", "aws:TagKeys", "*"), {"aws:TagKeys": ["a", "b"]}, EITHER),
    (when("StringNotEquals", "aws:TagKeys", "c"), {"aws:TagKeys": ["a", "b"]}, EITHER),
    (when("StringLike", "aws:TagKeys", "a*"), {"aws:TagKeys": ["ab"]}, ALLOWED),
    (when("StringEquals", "aws:RequestTag/a", "b"), {"aws:RequestTag/a": ["b", "c"]}, IMPOSSIBLE),
    # Condition operators, String.
    (JOB, {"AWS:principaltag/JOB": "admin"}, ALLOWED),
    (JOB, {"aws:PrincipalTag/job": "Admin"}, DENIED),
    (JOB, {}, DENIED),
    (when("StringEquals", "s3:prefix", "a", "b"), {"s3:prefix": "b"}, ALLOWED),
    (when("StringEquals", "s3:prefix", "a*"), {"s3:prefix": "ab"}, DENIED),
    (when("StringNotEquals", "s3:prefix", "a", "b"), {"s3:prefix": "b"}, DENIED),
    (when("StringNotEquals", "s3:prefix", "a", "b"), {"s3:prefix": "c"}, ALLOWED),
    (when("StringNotEquals", "s3:prefix", "a"), {}, ALLOWED),
    (when("StringEqualsIgnoreCase", "s3:prefix", "Job"), {"s3:prefix": "jOB"}, ALLOWED),
    (when("StringNotEqualsIgnoreCase", "s3:prefix", "Job"), {"s3:prefix": "jOB"}, DENIED),
    (when("StringLike", "s3:prefix", "a?c*"), {"s3:prefix": "abc/d"}, ALLOWED),
    (when("StringLike", "s3:prefix", "a?c*"), {"s3:prefix": "ac"}, DENIED),
    (when("StringNotLike", "s3:prefix", "a*"), {"s3:prefix": "ab"}, DENIED),
    (when("StringEqualsIfExists", "s3:prefix", "a"), {}, ALLOWED),
    (when("StringEqualsIfExists", "s3:prefix", "a"), {"s3:prefix": "b"}, DENIED),
    # Numeric, Date, Boolean, binary.
    (when("NumericLessThanEquals", "s3:max-keys", "10"), {"s3:max-keys": "10.0"}, ALLOWED),
    (when("NumericLessThanEquals", "s3:max-keys", "10"), {"s3:max-keys": "11"}, DENIED),
    (when("NumericNotEquals", "s3:max-keys", "10"), {"s3:max-keys": "1e1"}, DENIED),
    (when("NumericEquals", "s3:max-keys", "10"), {"s3:max-keys": "ten"}, IMPOSSIBLE),
    (
        when("DateGreaterThan", "aws:TokenIssueTime", "2020-01-01T00:00:01Z"),
        {"aws:TokenIssueTime": "2020-01-01T00:00:01Z"},
        DENIED,
    ),
    (
        when("DateGreaterThan", "aws:CurrentTime", "2020-01-01T02:00:00+02:00"),
        {"aws:CurrentTime": "1577836801"},
        ALLOWED,
    ),
    (when("Bool", "aws:SecureTransport", "false"), {"aws:SecureTransport": "false"}, ALLOWED),
    (when("Bool", "aws:SecureTransport", "false"), {"aws:SecureTransport": "true"}, DENIED),
    (when("Bool", "aws:SecureTransport", "false"), {}, DENIED),
    (when("BinaryEquals", "kms:Context", "QQ=="), {"kms:Context": "QQ=="}, ALLOWED),
    (when("BinaryEquals", "kms:Context", "QQ=="), {"kms:Context": "Qg=="}, DENIED),
    # IP address.
    (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), {"aws:SourceIp": "203.0.113.9"}, ALLOWED),
    (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), {"aws:SourceIp": "203.0.114.0"}, DENIED),
    (when("IpAddress", "aws:SourceIp", "2001:DB8::/32"), {"aws:SourceIp": "2001:db8::1"}, ALLOWED),
    (when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), {"aws:SourceIp": "::1"}, DENIED),
    (when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"), {}, ALLOWED),
    # ARN, segment by segment.
    (when("ArnLike", "aws:PrincipalArn", ROLE + "*"), {"aws:PrincipalArn": ROLE + "b:c"}, ALLOWED),
    (
        when("ArnEquals", "aws:SourceArn", "arn:aws:sns:*:1:t"),
        {"aws:SourceArn": "arn:aws:sns:a:b:1:t"},
        DENIED,
    ),
    (
        when("StringLike", "aws:SourceArn", "arn:aws:sns:*:1:t"),
        {"aws:SourceArn": "arn:aws:sns:a:b:1:t"},
        ALLOWED,
    ),
    (when("ArnNotLike", "aws:PrincipalArn", ROLE + "*"), {"aws:PrincipalArn": ROLE + "a"}, DENIED),
    (when("ArnNotLike", "aws:PrincipalArn", ROLE + "*"), {}, ALLOWED),
    # Null, alone and with a set operator.
    (when("Null", "aws:TokenIssueTime", "true"), {}, ALLOWED),
    (when("Null", "aws:TokenIssueTime", "false"), {}, DENIED),
    (when("ForAllValues:Null", "aws:TagKeys", "true"), {"aws:TagKeys": ["a"]}, EITHER),
    (when("ForAnyValue:Null", "aws:TagKeys", "false"), {"aws:TagKeys": ["a"]}, EITHER),
    # Variables and tags.
    (
        when("StringLike", "s3:prefix", "${aws:username}/*"),
        {"s3:prefix": "alice/x", "aws:username": "alice"},
        ALLOWED,
    ),
    (
        when("StringLike", "s3:prefix", "${aws:username}/*"),
        {"s3:prefix": "bob/x", "aws:username": "*"},
        DENIED,
    ),
    (when("StringLike", "s3:prefix", "${aws:username}/*"), {"s3:prefix": "/"}, DENIED),
    (when("StringEquals", "s3:prefix", "${aws:username, 'all'}"), {"s3:prefix": "all"}, ALLOWED),
    (when("StringLike", "s3:prefix", "a${*}"), {"s3:prefix": "a*"}, ALLOWED),
    (when("StringLike", "s3:prefix", "a${*}"), {"s3:prefix": "ab"}, DENIED),
    (
        when("StringEquals", "ec2:ResourceTag/t", "${aws:PrincipalTag/t}"),
        {"ec2:ResourceTag/t": "x", "aws:PrincipalTag/T": "x"},
        ALLOWED,
    ),
    (
        when("ArnLike", "aws:SourceArn", "arn:aws:*:*:${aws:PrincipalAccount}:*"),
        {"aws:SourceArn": "arn:aws:sns:us-east-1:1:t", "aws:PrincipalAccount": "1"},
        ALLOWED,
    ),
    # Several conditions are joined by AND.
    (
        {**when("Bool", "aws:SecureTransport", "true"), **when("StringEquals", "s3:prefix", "a")},
        {"aws:SecureTransport": "true", "s3:prefix": "b"},
        DENIED,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "context", "expected"), DOCUMENTED)
def test_a_condition_holds_as_documented(
    condition: Document, context: dict[str, Any], expected: frozenset[bool]
) -> None:
    assert outcomes([policy(allow(condition))], "ec2:CreateTags", "*", context) == expected


ON = "arn:aws:ec2:us-east-1:111122223333:"
TAG_X = when("StringEquals", "aws:RequestTag/x", "a")
KEY_X = when("ForAnyValue:StringEquals", "aws:TagKeys", "X")
AGREE = dict.fromkeys(("ec2:ResourceTag/t", "aws:ResourceTag/t"), "a")
BOTH = {
    **when("StringEquals", "ec2:ResourceTag/t", "a"),
    **when("StringLike", "aws:ResourceTag/t", "*"),
}
TAGGED = {**TAG_X, **KEY_X}
OF_OTHER = {"aws:ResourceAccount": "444455556666"}
OF_OWNER = {"aws:ResourceAccount": "111122223333"}
OWNER = when("StringEquals", "aws:ResourceAccount", "111122223333")

# What is documented of keys that say the same: a condition, an action, a resource, a context.
SAME: list[tuple[Document, str, str, dict[str, Any], frozenset[bool]]] = [
    (BOTH, "ec2:CreateTags", ON + "instance/i", AGREE, ALLOWED),
    (BOTH, "ec2:CreateTags", ON + "instance/i", {"ec2:ResourceTag/t": "a"}, IMPOSSIBLE),
    (BOTH, "ec2:CreateTags", ON + "instance/i", {**AGREE, "aws:ResourceTag/t": "b"}, IMPOSSIBLE),
    (BOTH, "ec2:CreateTags", ON + "capacity-reservation/c", {"aws:ResourceTag/t": "a"}, DENIED),
    (BOTH, "s3:PutObject", "*", {"aws:ResourceTag/t": "a"}, DENIED),
    (TAGGED, "ec2:CreateTags", "*", {"aws:RequestTag/x": "a", "aws:TagKeys": "X"}, ALLOWED),
    (TAGGED, "ec2:CreateTags", "*", {"aws:RequestTag/x": "a", "aws:TagKeys": "x"}, DENIED),
    (TAGGED, "ec2:CreateTags", "*", {"aws:RequestTag/x": "a"}, IMPOSSIBLE),
    (TAGGED, "ec2:CreateTags", "*", {"aws:TagKeys": "X"}, IMPOSSIBLE),
    (TAGGED, "ec2:DeleteTags", "*", {"aws:TagKeys": "X"}, DENIED),
    (TAGGED, "backup:CopyIntoBackupVault", "*", {"aws:RequestTag/x": "a"}, DENIED),
    (OWNER, "ec2:CreateTags", ON + "instance/i", OF_OWNER, ALLOWED),
    (OWNER, "ec2:CreateTags", ON + "instance/i", OF_OTHER, IMPOSSIBLE),
    (OWNER, "ec2:CreateTags", ON + "instance/i", {}, IMPOSSIBLE),
    (OWNER, "ec2:CreateVolume", ON + "volume/v", {}, DENIED),
    (OWNER, "s3:GetObject", "arn:aws:s3:::b/k", OF_OWNER, ALLOWED),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "action", "resource", "context", "expected"), SAME)
def test_keys_that_say_the_same_agree(
    condition: Document,
    action: str,
    resource: str,
    context: dict[str, Any],
    expected: frozenset[bool],
) -> None:
    everything = policy(allow(condition, Action="*"))
    assert outcomes([everything], action, resource, context) == expected


# Policy evaluation logic; Action, NotAction, Resource, NotResource, Version.
ELEMENTS: list[tuple[list[Document], str, str, frozenset[bool]]] = [
    ([], "ec2:CreateTags", "*", DENIED),
    ([ANYTHING], "ec2:CreateTags", "*", ALLOWED),
    ([ANYTHING, deny()], "ec2:CreateTags", "*", DENIED),
    ([ANYTHING, deny()], "ec2:DeleteTags", "*", ALLOWED),
    ([allow(Action="EC2:createtags")], "ec2:CreateTags", "*", ALLOWED),
    ([allow(Action="iam:*AccessKey*")], "iam:ListAccessKeys", "*", ALLOWED),
    ([allow(Action=["s3:Get?bject", "s3:List*"])], "s3:GetObject", "*", ALLOWED),
    ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "iam:PassRole", "*", DENIED),
    ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "s3:PutObject", "*", ALLOWED),
    ([allow(Resource=HOME + "a/*")], "ec2:CreateTags", HOME + "a/b/c", ALLOWED),
    ([allow(Resource=HOME + "a/*")], "ec2:CreateTags", HOME + "A/b", DENIED),
    ([allow(Resource=HOME + "a/*")], "ec2:CreateTags", "*", DENIED),
    ([allow(Resource=HOME + "?/*")], "ec2:CreateTags", HOME + "ab/c", DENIED),
    ([allow(Resource="arn:aws:sqs")], "ec2:CreateTags", "arn:aws:sqs:us-east-1:1:q", ALLOWED),
    ([allow(Resource="arn:aws:s3:::${aws:username}")], "ec2:CreateTags", "arn:aws:s3:::x", DENIED),
    ([allow(Resource="arn:aws:ec2:us-*:1:x")], "ec2:CreateTags", "arn:aws:ec2:us-a:b:1:x", ALLOWED),
    ([allow(Resource="arn:aws:ec2:*-1:1:x")], "ec2:CreateTags", "arn:aws:ec2:a:b-1:1:x", EITHER),
    ([allow()], "ec2:CreateTags", "vpc-1", IMPOSSIBLE),
    (
        [ANYTHING, {"Effect": "Deny", "Action": "*", "NotResource": HOME + "*"}],
        "s3:GetObject",
        HOME + "a",
        ALLOWED,
    ),
    (
        [ANYTHING, {"Effect": "Deny", "Action": "*", "NotResource": HOME + "*"}],
        "s3:GetObject",
        "arn:aws:s3:::other/a",
        DENIED,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("statements", "action", "resource", "expected"), ELEMENTS)
def test_elements_mean_what_is_documented(
    statements: list[Document], action: str, resource: str, expected: frozenset[bool]
) -> None:
    assert outcomes([policy(*statements)], action, resource, {}) == expected


def test_the_old_version_has_no_variables() -> None:
    home = allow(Resource="arn:aws:s3:::${aws:username}")
    for version, expected in (("2008-10-17", ALLOWED), ("2012-10-17", DENIED)):
        answers = outcomes([policy(home, version=version)], "ec2:CreateTags", home["Resource"], {})
        assert answers == expected


def test_the_evaluator_gives_an_answer_of_one_reading() -> None:
    """On random policies and requests, where both decide; three in four requests can be."""
    random, compared = Random(7), 0
    for _ in range(150):
        policy_read, request = pools.policy(random), pools.request(random)
        try:
            decision = compile_policies([policy_read]).evaluate(request)
        except InputError:
            continue
        if decision.outcome not in ("allowed", "implicitly denied", "explicitly denied"):
            continue
        named = {c.key.lower() for s in policy_read.statements for c in s.conditions}
        context = {k: v for k, v in request.context.items() if k.lower() in named}
        answers = outcomes([to_json(policy_read)], request.action, request.resource, context)
        compared += bool(answers)
        assert not answers or decision.allowed in answers, (policy_read, request, answers)
    assert compared > 75


KNOWN: list[tuple[list[Document], list[Document], type]] = [
    ([ANYTHING], [ANYTHING], Agreed),
    ([ANYTHING], [allow()], Agreed),
    ([allow()], [ANYTHING], Refuted),
    ([allow(Action="s3:*")], [allow(Action="s3:Get*")], Agreed),
    ([allow(Action="s3:G*")], [allow(Action="s3:Get*"), allow(Action="s3:p*")], Refuted),
    # The unsound proof that the judge was made for.
    (
        [ANYTHING, deny(when("Null", "aws:TagKeys", "false"))],
        [ANYTHING, deny(when("StringLike", "aws:TagKeys", "*"))],
        Refuted,
    ),
    (
        [ANYTHING, deny(when("Null", "aws:CalledVia", "false"))],
        [ANYTHING, deny(when("ForAnyValue:StringLike", "aws:CalledVia", "?*"))],
        Refuted,
    ),
    # The key of a tag has a character.
    (
        [ANYTHING, deny(when("Null", "aws:TagKeys", "false"))],
        [ANYTHING, deny(when("ForAnyValue:StringLike", "aws:TagKeys", "?*"))],
        Agreed,
    ),
    (
        [ANYTHING, deny(when("Null", "aws:RequestTag/a", "false"))],
        [ANYTHING, deny(when("StringLike", "aws:RequestTag/a", "*"))],
        Agreed,
    ),
    (
        [allow(when("ForAllValues:StringEquals", "iam:PassedToService", "x"))],
        [allow(when("StringEquals", "iam:PassedToService", "x"))],
        Agreed,
    ),
    (
        [allow(when("IpAddress", "aws:SourceIp", "10.0.0.0/9", "10.128.0.0/9"))],
        [allow(when("IpAddress", "aws:SourceIp", "10.0.0.0/8"))],
        Agreed,
    ),
    (
        [allow(when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"))],
        [allow(when("NotIpAddress", "aws:SourceIp", "10.0.0.0/9"))],
        Refuted,
    ),
    (
        [allow(when("NumericLessThan", "s3:max-keys", "10"))],
        [allow(when("NumericLessThanEquals", "s3:max-keys", "9"))],
        Agreed,
    ),
    (
        [allow(when("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00Z"))],
        [allow(when("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00-01:00"))],
        Refuted,
    ),
    (
        [allow(Resource=HOME + "*")],
        [allow(Resource=HOME + "${aws:username}/*")],
        Agreed,
    ),
    (
        [allow(Resource=HOME + "${aws:username}/*")],
        [allow(Resource=HOME + "alice/*")],
        Refuted,
    ),
    (
        [allow(when("StringEquals", "aws:ResourceTag/t", "${aws:PrincipalTag/t}"))],
        [
            allow(
                {
                    "StringEquals": {
                        "aws:ResourceTag/t": "${aws:PrincipalTag/u}",
                        "aws:PrincipalTag/u": "${aws:PrincipalTag/t}",
                    }
                }
            )
        ],
        Agreed,
    ),
    # Two readings of a resource: the new pattern is in the old one in the wide reading alone.
    (
        [allow(Resource="arn:aws:ec2:us-*-1:1:x")],
        [allow(Resource="arn:aws:ec2:us-a:b-1:1:x")],
        Refuted,
    ),
]


@pytest.mark.parametrize(("old", "new", "verdict"), KNOWN)
def test_pairs_with_a_known_answer(old: list[Document], new: list[Document], verdict: type) -> None:
    answer = judge([policy(*old)], [policy(*new)])
    assert isinstance(answer, verdict)
    if isinstance(answer, Refuted):
        request = (answer.action, answer.resource, answer.context)
        assert True in outcomes([policy(*new)], *request)
        assert False in outcomes([policy(*old)], *request)


def test_what_takes_two_values_is_seen_with_two() -> None:
    both = {
        "ForAnyValue:StringEquals": {"aws:TagKeys": "a"},
        "ForAnyValue:StringLike": {"aws:TagKeys": "b*"},
    }
    old = policy(allow({**both, **when("ForAllValues:StringEquals", "aws:TagKeys", "a", "b")}))
    new = policy(allow(both))
    assert judge([old], [new], most=1) == Agreed()
    assert isinstance(judge([old], [new], most=2), Refuted)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (allow(Principal="*"), "a Principal"),
        (allow(when("StringMatches", "a:b", "c")), "the operator StringMatches"),
        (allow(when("StringEqualsIgnoreCase", "a:b", "${aws:username}")), "case does not matter"),
        (
            allow({**when("NumericEquals", "a:b", "1"), **when("StringEquals", "a:b", "1")}),
            "the key a:b is compared as",
        ),
    ],
)
def test_what_is_not_expressed_is_undecided(statement: Document, reason: str) -> None:
    answer = judge([policy(ANYTHING)], [policy(statement)])
    assert isinstance(answer, Undecided)
    assert reason in answer.reason


def test_giving_up_is_no_verdict() -> None:
    pair = [policy(allow(Resource="arn:aws:s3:::*a" + "?" * n + "b*")) for n in (40, 41)]
    assert judge(pair[:1], pair[1:], limit=1) == Undecided("cvc5 gave up")
