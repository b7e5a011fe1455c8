"""Policy variables; all rules are of the page "IAM policy elements: Variables and tags"."""

from __future__ import annotations

from typing import ClassVar

import pytest

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies

OLD, NEW = "2008-10-17", "2012-10-17"
Context = dict[str, str | tuple[str, ...]]


def on(
    resource: str, asked: str, version: str = NEW, negated: bool = False, **context: str
) -> bool:
    listed = (resource,)
    statement = Statement(
        actions=("*",),
        resources=() if negated else listed,
        not_resources=listed if negated else (),
    )
    keys = {f"aws:{name}": value for name, value in context.items()}
    return (
        compile_policies([Policy((statement,), version)])
        .evaluate(Request("s3:GetObject", asked, context=keys))
        .allowed
    )


def holds(
    operator: str, value: str | tuple[str, ...], context: Context, version: str = NEW
) -> bool:
    values = (value,) if isinstance(value, str) else value
    statement = Statement(
        actions=("*",), resources=("*",), conditions=(Condition(operator, "x:k", values),)
    )
    return (
        compile_policies([Policy((statement,), version)])
        .evaluate(Request("s3:GetObject", "*", context=context))
        .allowed
    )


HOME = "arn:aws:s3:::bucket/${aws:username}/*"


class TestResource:
    def test_a_variable_takes_the_value_of_its_key(self) -> None:
        assert on(HOME, "arn:aws:s3:::bucket/bob/x", username="bob")
        assert not on(HOME, "arn:aws:s3:::bucket/bob/x", username="alice")
        assert on(HOME.replace("username", "UserName"), "arn:aws:s3:::bucket/b/", username="b")

    def test_without_a_value_the_resource_matches_none(self) -> None:
        assert not on(HOME, "arn:aws:s3:::bucket//x")
        assert not on(HOME, "arn:aws:s3:::bucket/${aws:username}/x")
        assert on(HOME, "arn:aws:s3:::bucket/bob/x", negated=True)
        assert not on(HOME, "arn:aws:s3:::bucket/bob/x", negated=True, username="bob")

    def test_a_default_stands_in(self) -> None:
        team = "arn:aws:s3:::bucket-${aws:PrincipalTag/team, 'company-wide'}"
        assert on(team, "arn:aws:s3:::bucket-company-wide")
        assert on(team, "arn:aws:s3:::bucket-yellow", **{"PrincipalTag/team": "yellow"})
        assert not on(team, "arn:aws:s3:::bucket-company-wide", **{"PrincipalTag/team": "yellow"})
        assert on("arn:aws:s3:::${aws:x, ''}b", "arn:aws:s3:::b")

    def test_under_the_old_version_it_is_text(self) -> None:
        assert not on(HOME, "arn:aws:s3:::bucket/bob/x", OLD, username="bob")
        assert on(HOME, "arn:aws:s3:::bucket/${aws:username}/x", OLD, username="bob")
        assert on("arn:aws:s3:::${CLUSTER_NAME}", "arn:aws:s3:::${CLUSTER_NAME}", OLD)

    def test_the_value_is_text_and_no_pattern(self) -> None:
        assert not on(HOME, "arn:aws:s3:::bucket/bob/x", username="*")
        assert on(HOME, "arn:aws:s3:::bucket/*/x", username="*")
        assert not on("arn:aws:s3:::${aws:username}", "arn:aws:s3:::bob", username="b?b")

    def test_wildcards_beside_a_variable(self) -> None:
        pattern = "arn:aws:s3:::*${aws:username}?-${aws:username}*"
        assert on(pattern, "arn:aws:s3:::xbob1-bobx", username="bob")
        assert on(pattern, "arn:aws:s3:::bobob1-bob", username="bob")
        assert not on(pattern, "arn:aws:s3:::bob-bob", username="bob")
        assert not on(pattern, "arn:aws:s3:::xbob1-al", username="bob")

    def test_the_escapes_are_characters(self) -> None:
        assert on("arn:aws:s3:::a${*}b", "arn:aws:s3:::a*b")
        assert not on("arn:aws:s3:::a${*}b", "arn:aws:s3:::axb")
        assert on("arn:aws:s3:::a${?}", "arn:aws:s3:::a?")
        assert not on("arn:aws:s3:::a${?}", "arn:aws:s3:::ab")
        assert on("arn:aws:s3:::${$}{aws:username}", "arn:aws:s3:::${aws:username}", username="b")
        assert on("arn:aws:s3:::${*}*", "arn:aws:s3:::*x")


@pytest.mark.parametrize(
    "operator",
    ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"],
)
def test_a_default_in_a_condition_stands_in_for_a_value_that_is_not_there_alone(
    operator: str,
) -> None:
    vpc, condition = "arn:aws:ec2:eu-west-1:111122223333:vpc", "aws:PrincipalTag/vpc"
    value = f"{vpc}/${{{condition}, 'vpc-1'}}"
    assert holds(operator, value, {"x:k": f"{vpc}/vpc-1"})
    assert not holds(operator, value, {"x:k": f"{vpc}/vpc-2"})
    for other, expected in (("vpc-1", False), ("vpc-2", True), ("", False)):
        assert holds(operator, value, {"x:k": f"{vpc}/{other}", condition: "vpc-2"}) is expected


class TestConditions:
    CONTEXT: ClassVar[Context] = {"x:k": "bob", "aws:username": "bob", "aws:list": ("bob", "al")}

    @pytest.mark.parametrize(
        ("operator", "value", "expected"),
        [
            ("StringEquals", "${aws:username}", True),
            ("StringEquals", "${aws:username}*", False),
            ("StringNotEquals", "${aws:username}", False),
            ("StringEqualsIgnoreCase", "${aws:username}", True),
            ("StringLike", "b*${aws:username}", False),
            ("StringLike", "${aws:username}*", True),
            ("ForAllValues:StringEquals", "${aws:username}", True),
            ("ForAnyValue:StringLike", "${aws:username}", True),
            # without a value: nothing is equal to it or like it, so an inverted operator matches
            ("StringEquals", "${aws:userid}", False),
            ("StringLike", "*${aws:userid}*", False),
            ("StringNotEquals", "${aws:userid}", True),
            ("StringNotLike", "*${aws:userid}*", True),
            ("StringEquals", ("${aws:userid}", "bob"), True),
            ("StringNotEquals", ("${aws:userid}", "bob"), False),
            ("StringEquals", "${aws:userid, 'bob'}", True),
            ("StringEquals", "${aws:username, 'al'}", True),
            ("StringEqualsIfExists", "${aws:userid}", False),
            # a key of several values is no variable
            ("StringEquals", "${aws:list}", False),
            ("StringEquals", "${aws:list, 'bob'}", False),
        ],
    )
    def test_strings(self, operator: str, value: str | tuple[str, ...], expected: bool) -> None:
        assert holds(operator, value, self.CONTEXT) is expected

    def test_a_key_without_values_is_not_there(self) -> None:
        context: Context = {"x:k": "bob", "aws:list": ()}
        assert holds("StringEquals", "${aws:list, 'bob'}", context)
        assert not holds("StringEquals", "${aws:list}", context)
        assert holds("StringEquals", "${aws:list}", {"x:k": "bob", "aws:list": ("bob",)})

    def test_case_is_ignored_in_the_value_of_the_variable_too(self) -> None:
        context: Context = {"x:k": "BOB", "aws:username": "bOb"}
        assert holds("StringEqualsIgnoreCase", "${aws:username}", context)
        assert not holds("StringEquals", "${aws:username}", context)

    def test_arns(self) -> None:
        role = "arn:aws:iam::111122223333:role/x"
        context: Context = {"x:k": role, "aws:account": "111122223333", "aws:arn": role}
        assert holds("ArnLike", "arn:aws:iam::${aws:account}:role/*", context)
        assert holds("ArnEquals", "${aws:arn}", context)
        assert not holds("ArnNotEquals", "${aws:arn}", context)
        assert not holds("ArnEquals", "${aws:other}", context)
        assert holds("ArnNotLike", "arn:aws:iam::${aws:other}:role/*", context)
        assert not holds("ArnLike", "${aws:account}", context), "it has not six parts"
        assert not holds("ArnLike", "arn:aws:iam::${aws:a}:role/x", {**context, "aws:a": "*"})

    def test_a_colon_in_the_value_separates_parts_like_any_other(self) -> None:
        context: Context = {"x:k": "arn:aws:s3:a:b:c", "aws:part": "a:b"}
        assert holds("ArnLike", "arn:aws:s3:${aws:part}:*", context)
        assert not holds("ArnLike", "arn:aws:s3:${aws:part}:c:d", context)

    def test_under_the_old_version_they_are_text(self) -> None:
        context: Context = {"x:k": "${aws:username}", "aws:username": "bob"}
        assert holds("StringEquals", "${aws:username}", context, OLD)
        assert not holds("StringEquals", "${aws:username}", context)
        assert holds("StringLike", "${*}", {"x:k": "${anything}"}, OLD)
        assert holds("StringEquals", "${${", {"x:k": "${${"}, OLD)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${aws:username", "no closing brace"),
        ("${", "no closing brace"),
        ("${}", "not a policy variable"),
        ("${ aws:username}", "not a policy variable"),
        ("${aws:user name}", "not a policy variable"),
        ("${aws:username,'x'}", "not a policy variable"),
        ("${aws:username, x}", "not a policy variable"),
        ("${aws:username, 'x}", "not a policy variable"),
        ("${username}", "not a policy variable"),
        ("${aws:a${aws:b}}", "not a policy variable"),
        ("${CLUSTER_NAME}", "upstream's placeholder"),
        ("vpc-${VPC_ID}", "upstream's placeholder"),
    ],
)
def test_what_only_looks_like_a_variable_is_an_error(text: str, problem: str) -> None:
    """Also page "IAM policy validation check reference": missing brace, quote; empty; space."""
    with pytest.raises(InputError, match=problem):
        holds("StringEquals", text, {})
    with pytest.raises(InputError, match=problem):
        on("arn:aws:s3:::" + text, "*")


def test_a_key_has_no_variables() -> None:
    statement = Statement(
        actions=("*",), resources=("*",),
        conditions=(Condition("Null", "aws:ResourceTag/${CLUSTER_NAME}", ("true",)),),
    )  # fmt: skip
    with pytest.raises(InputError, match="no key can have"):
        compile_policies([Policy((statement,))])
    compile_policies([Policy((statement,), OLD)])
