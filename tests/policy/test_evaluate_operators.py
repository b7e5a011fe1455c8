"""A truth table for each condition operator, by the IAM User Guide page it follows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition, Effect, Policy, Statement
from vpc_cni_iam.policy.evaluate import Decision, Request, compile_policies
from vpc_cni_iam.policy.matching.operators import BASES
from vpc_cni_iam.policy.report import undecided_text

VPC = "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1"
Values = tuple[str, ...] | str
Value = str | tuple[str, ...] | None


def explained(decision: Decision) -> str:
    return undecided_text(decision.undecided)


def holds(operator: str, values: Values, value: Value, key: str = "x:Key") -> bool:
    """Say whether a condition is true of a request whose key has a value, None for no key."""
    texts = (values,) if isinstance(values, str) else values
    statement = Statement(
        actions=("*",), resources=("*",), conditions=(Condition(operator, key, texts),)
    )
    context = {} if value is None else {key: value}
    return (
        compile_policies([Policy((statement,))])
        .evaluate(Request("ec2:X", "*", context=context))
        .allowed
    )


# Page "IAM JSON policy elements: Condition operators". Per operator: the policy's values, the
# request's value, whether they match. A negated operator is the opposite of its positive one,
# so that each row speaks for both.
MATCHES = {
    ("StringEquals", "StringNotEquals"): [
        ("prod", "prod", True),
        ("prod", "Prod", False),
        ("prod", "", False),
        ("", "", True),
        ("pr*", "prod", False),
        ("pr*", "pr*", True),
        ("pro?", "pro?", True),
        (("a", "prod"), "prod", True),
        ((), "prod", False),
    ],
    ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"): [
        ("prod", "PROD", True),
        ("PROD", "prod", True),
        ("prod", "prod ", False),
        ("pr*", "PR*", True),
        ("pr*", "prod", False),
        ("\u00e9", "\u00c9", True),
        (("a", "b"), "B", True),
    ],
    ("StringLike", "StringNotLike"): [
        ("prod", "prod", True),
        ("Prod", "prod", False),
        ("pr*", "prod", True),
        ("*", "", True),
        ("?", "", False),
        ("pro?", "prod", True),
        ("pro?", "pro", False),
        ("*r*d", "prod", True),
        (("a*", "p*"), "prod", True),
        (("a*", "b*"), "prod", False),
    ],
    ("ArnEquals", "ArnNotEquals"): (
        arns := [
            (VPC, VPC, True),
            (VPC, VPC.upper(), False),
            ("arn:aws:ec2:*:*:vpc/vpc-1", VPC, True),
            ("arn:aws:ec2:*:*:vpc/vpc-?", VPC, True),
            ("arn:*:*:*:*:*", VPC, True),
            ("arn:aws:ec2:*:*:subnet/*", VPC, False),
            # each of the six parts is checked separately
            (
                "arn:aws:s:*:111122223333:finance/*",
                "arn:aws:s:us-east-2:999999999999:store/abc:111122223333:finance/d.txt",
                False,
            ),
            ("arn:aws:s:::a*:d", "arn:aws:s:::ab:c:d", True),
            ("arn:aws:s:::a?c", "arn:aws:s:::a:c", True),
            ("arn:aws:s:??:1:x", "arn:aws:s:ab:1:x", True),
            ("arn:aws:s:???:1:x", "arn:aws:s:a:1:1:x", False),
            # a text that is no ARN has not six parts
            ("arn:*:*:*:*:*", "vpc-1", False),
            (("arn:aws:s:::x", VPC), VPC, True),
        ]
    ),
    ("ArnLike", "ArnNotLike"): arns,
    ("NumericEquals", "NumericNotEquals"): [
        ("10", "10", True),
        ("10", "10.0", True),
        ("10", "+10", True),
        ("10", "11", False),
        ("0.1", "0.10", True),
        ("0.1", "0.1000000000000000000001", False),
        ("1e2", "100", True),
        ("10", "ten", False),
        ("10", "", False),
        ("10", "1_0", False),
        ("10", " 10", False),
        ("10", "\u0661\u0660", False),
        ("0", "NaN", False),
        (("1", "2"), "2", True),
    ],
    ("NumericLessThan", None): [
        ("10", "9.9", True), ("10", "10", False), ("10", "11", False), ("10", "-11", True),
        ("10", "x", False), (("1", "10"), "5", True),
    ],
    ("NumericLessThanEquals", None): [
        ("10", "10", True), ("10", "10.01", False), ("10", "Infinity", False),
    ],
    ("NumericGreaterThan", None): [("10", "11", True), ("10", "10", False), ("10", "2", False)],
    ("NumericGreaterThanEquals", None): [("10", "10", True), ("10", "9", False)],
    ("DateEquals", "DateNotEquals"): [
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", True),
        ("2020-01-01T00:00:00Z", "2020-01-01T02:30:00+02:30", True),
        ("2020-01-01T00:00:00Z", "2019-12-31T23:30:00-00:30", True),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00Z", True),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z", True),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.001Z", False),
        ("2020-01-01T00:00:00Z", "2020-01-01", True),
        ("2020-01-01T00:00:00Z", "2020-01", True),
        ("2020-01-01T00:00:00Z", "2020", True),
        ("2020-01-01T00:00:00Z", "1577836800", True),
        ("1577836800", "2020-01-01", True),
        ("2020", "1577836800", True),
        ("2020-01-01", "2020-01-02", False),
        ("2020-01-01", "20200101", False),
        ("2020-01-01", "2020-01-01T00:00:00", False),
        ("2020-01-01", "2020-13-01", False),
        ("2020-01-01", "2020-00", False),
        ("2020-01-01", "soon", False),
    ],
    ("DateLessThan", None): [
        ("2020-01-01", "2019-12-31T23:59:59Z", True),
        ("2020-01-01", "2020-01-01", False),
        ("2020-01-01", "-1", True),
    ],
    ("DateLessThanEquals", None): [("2020-01-01", "2020-01-01", True), ("2020", "2021", False)],
    ("DateGreaterThan", None): [
        ("2020-01-01T00:00:01Z", "2020-01-01T00:00:02Z", True), ("2020", "2020", False),
    ],
    ("DateGreaterThanEquals", None): [("2020", "2020", True), ("2020", "2019-12", False)],
    ("Bool", None): [
        ("true", "true", True), ("true", "True", True), ("TRUE", "true", True),
        ("true", "false", False), ("false", "false", True), ("true", "yes", False),
        ("false", "", False), (("true", "false"), "false", True),
    ],
    ("BinaryEquals", None): [
        ("QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
        ("QmluYXJ5VmFsdWVJbkJhc2U2NA==", "ASIAIOSFODNN7EXAMPLE", False),
        ("QQ==", "QR==", True),
        ("QQ==", "qq==", False),
        ("QQ==", "no base64", False),
    ],
    ("IpAddress", "NotIpAddress"): [
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.9/24", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", True),
        ("2001:db8::1", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::2", False),
        (("203.0.113.0/24", "2001:db8::/32"), "2001:db8::1", True),
        ("203.0.113.0/24", "ec2.amazonaws.com", False),
        ("203.0.113.0/24", "203.0.113.1/32", False),
    ],
}  # fmt: skip
ROWS = [(*names, *row) for names, rows in MATCHES.items() for row in rows]


def test_every_operator_has_its_rows() -> None:
    with_rows = {name for names in MATCHES for name in names if name}
    assert with_rows | {"Null"} == BASES.keys(), "add rows to MATCHES"


@pytest.mark.parametrize(("positive", "negated", "values", "value", "matching"), ROWS)
def test_condition_operators(
    positive: str, negated: str | None, values: Values, value: str, matching: bool
) -> None:
    """Page "IAM JSON policy elements: Condition operators"."""
    for name, expected in ((positive, matching), (negated, not matching)):
        if name:
            assert holds(name, values, value) is expected, name
            assert holds(name + "IfExists", values, value) is expected, name
            single = holds(name, values, (value,), key="aws:username")
            assert single is expected, "one value in a tuple"


@pytest.mark.parametrize(
    ("positive", "negated", "values"),
    [(*names, next(r[0] for r in rows if r[0])) for names, rows in MATCHES.items()],
)
def test_a_key_that_the_request_lacks(positive: str, negated: str | None, values: Values) -> None:
    """Page "... Condition operators": not there is no match; IfExists is then true.

    An empty tuple is a key without a value, which is not there either.
    """
    for missing in (None, ()):
        assert holds(positive, values, missing) is False
        assert holds(positive + "IfExists", values, missing) is True
        assert holds("ForAllValues:" + positive, values, missing) is True
        assert holds("ForAllValues:" + positive + "IfExists", values, missing) is True
        assert holds("ForAnyValue:" + positive, values, missing) is False
        assert holds("ForAnyValue:" + positive + "IfExists", values, missing) is True
        if negated:
            assert holds(negated, values, missing) is True
            assert holds(negated + "IfExists", values, missing) is True
            assert holds("ForAllValues:" + negated, values, missing) is True
            assert holds("ForAnyValue:" + negated, values, missing) is False


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        # page "Conditions with multiple context keys or values": OR, and NOR of a negated one
        ("StringEquals", ("a", "b"), "b", True),
        ("StringEquals", ("a", "b"), "c", False),
        ("StringNotEquals", ("a", "b"), "b", False),
        ("StringNotEquals", ("a", "b"), "c", True),
        # page "Single-valued vs. multivalued context keys": ForAllValues
        ("ForAllValues:StringEquals", ("env", "cost"), ("env",), True),
        ("ForAllValues:StringEquals", ("env", "cost"), ("cost",), True),
        ("ForAllValues:StringEquals", ("env", "cost"), ("env", "cost"), True),
        ("ForAllValues:StringEquals", ("env", "cost"), ("env", "dept"), False),
        ("ForAllValues:StringEquals", ("env", "cost"), "dept", False),
        ("ForAllValues:StringNotEquals", ("a", "b"), ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ("a", "b"), ("c", "a"), False),
        ("ForAllValues:StringNotLike", "key1*", ("key1:hr", "key1:personnel"), False),
        ("ForAllValues:StringNotLike", "key1*", ("key2:audit",), True),
        ("ForAllValues:StringNotLike", "key1*", ("key2:audit", "key1:hr"), False),
        ("ForAllValues:Bool", "true", ("true", "true"), True),
        ("ForAllValues:Bool", "true", ("true", "false"), False),
        ("ForAllValues:NumericLessThan", "3", ("1", "2"), True),
        ("ForAllValues:NumericLessThan", "3", ("1", "3"), False),
        ("ForAllValues:ArnLike", "arn:aws:cloudfront::1:distribution/*",
         ("arn:aws:cloudfront::1:distribution/a", "arn:aws:cloudfront::1:distribution/b"), True),
        ("ForAllValues:ArnLike", "arn:aws:cloudfront::1:distribution/s*",
         ("arn:aws:cloudfront::1:distribution/s1", "arn:aws:cloudfront::1:distribution/a"), False),
        # ForAnyValue
        ("ForAnyValue:StringEquals", ("env", "cost"), ("env", "dept"), True),
        ("ForAnyValue:StringEquals", ("env", "cost"), ("dept",), False),
        ("ForAnyValue:StringNotEquals", ("a", "b"), ("a", "c"), True),
        ("ForAnyValue:StringNotEquals", ("a", "b"), ("a", "b"), False),
        ("ForAnyValue:StringLike", "a*", ("b", "ab"), True),
        ("ForAnyValue:IpAddress", "203.0.113.0/24", ("198.51.100.1", "203.0.113.1"), True),
        ("ForAnyValue:IpAddress", "203.0.113.0/24", ("198.51.100.1",), False),
        # page "... Condition operators": one empty string is a null dataset to a set operator ...
        ("ForAllValues:StringEquals", "a", "", True),
        ("ForAllValues:StringEquals", "a", ("",), True),
        ("ForAnyValue:StringEquals", "", "", False),
        ("ForAnyValue:StringEqualsIfExists", "a", "", True),
        # ... but one of several values like any other, and to plain operators a value
        ("ForAllValues:StringEquals", "a", ("", "a"), False),
        ("ForAnyValue:StringEquals", "", ("", "a"), True),
        ("StringLike", ("", "home/"), "", True),
        # page "IAM policy validation check reference", empty array condition
        ("StringEquals", (), "a", False),
        ("ForAnyValue:StringEquals", (), ("a",), False),
        ("ForAllValues:StringEquals", (), ("a",), False),
        ("ForAllValues:StringEquals", (), (), True),
    ],
)  # fmt: skip
def test_several_values(operator: str, values: Values, value: Value, expected: bool) -> None:
    assert holds(operator, values, value) is expected


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        ("true", None, True),
        ("true", (), True),
        ("true", "x", False),
        ("true", "", False),
        ("false", None, False),
        ("false", "x", True),
        ("false", ("x", "y"), True),
        ("False", "x", True),
        (("true", "false"), None, True),
        (("true", "false"), "x", True),
    ],
)
def test_null(values: Values, value: Value, expected: bool) -> None:
    """Page "... Condition operators", Null; page "IAM policy validation check reference"."""
    assert holds("Null", values, value) is expected


def test_conditions_are_joined_by_and() -> None:
    """Page "Conditions with multiple context keys or values"."""
    conditions = (
        Condition("StringEquals", "aws:PrincipalTag/department", ("finance", "hr")),
        Condition("StringEquals", "aws:PrincipalTag/role", ("audit",)),
        Condition("ArnNotLike", "aws:PrincipalArn", ("arn:aws:iam::*:user/Ana",)),
    )
    compiled = compile_policies(
        [Policy((Statement(actions=("*",), resources=("*",), conditions=conditions),))]
    )

    def allowed(**context: str) -> bool:
        names = {"d": "aws:PrincipalTag/department", "r": "aws:PrincipalTag/role"}
        keys = {names.get(k, "aws:PrincipalArn"): v for k, v in context.items()}
        return compiled.evaluate(Request("s3:ListBucket", "*", context=keys)).allowed

    assert allowed(d="hr", r="audit", arn="arn:aws:iam::1:user/Nikki")
    assert allowed(d="hr", r="audit")
    assert not allowed(d="hr", r="audit", arn="arn:aws:iam::1:user/Ana")
    assert not allowed(d="hr", r="payroll", arn="arn:aws:iam::1:user/Nikki")
    assert not allowed(r="audit", arn="arn:aws:iam::1:user/Nikki")


def test_key_names_are_not_case_sensitive() -> None:
    """Page "IAM JSON policy elements: Condition"."""
    statement = Statement(
        actions=("*",), resources=("*",),
        conditions=(Condition("StringEquals", "aws:RequestTag/Team", ("a",)),),
    )  # fmt: skip
    compiled = compile_policies([Policy((statement,))])
    for key in ("aws:RequestTag/Team", "AWS:requesttag/team"):
        assert compiled.evaluate(Request("a:b", "*", context={key: "a"})).allowed
        assert not compiled.evaluate(Request("a:b", "*", context={key: "A"})).allowed


@pytest.mark.parametrize(
    "operator",
    [
        "StringMatches", "stringequals", "StringEqualsifexists", "IfExists", "", "Null:", ":Null",
        "ForAllValues", "ForAllValues:", "ForEachValue:StringEquals", "forallvalues:StringEquals",
        "ForAllValues:ForAnyValue:StringEquals", "NotNull", "BinaryNotEquals", "BoolNot",
        "StringEqualsIfExistsIfExists", "NullIfExists", "ForAllValues:NullIfExists",
        "StringEquals ", "StringEquals\n",
    ],
)  # fmt: skip
def test_an_unknown_operator_is_an_error(operator: str) -> None:
    with pytest.raises(InputError, match=r"not a condition operator|cannot end in IfExists"):
        holds(operator, "true", "true")


def test_the_error_about_an_operator_knows_the_right_spelling() -> None:
    with pytest.raises(InputError, match="did you mean 'StringNotLike'"):
        holds("ForAnyValue:stringnotlike", "a", "a")


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericEquals", "ten"), ("NumericLessThan", ""), ("NumericNotEquals", "NaN"),
        ("NumericGreaterThan", "1,5"), ("NumericEquals", "${aws:EpochTime}"),
        ("DateLessThan", "tomorrow"), ("DateEquals", "2020-01-01T00:00:00"),
        ("DateEquals", "2020-02-30"), ("DateEquals", "2020-01-01T25:00:00Z"),
        ("DateEquals", "2020-01-01T10:00:00+25:00"), ("DateNotEquals", "${aws:CurrentTime}"),
        ("Bool", "yes"), ("Bool", "1"), ("Bool", "${aws:SecureTransport}"), ("Null", "maybe"),
        ("ForAllValues:Null", "null"), ("BinaryEquals", "no base64"), ("BinaryEquals", "QQ"),
        ("IpAddress", "203.0.113.0/33"), ("IpAddress", "203.0.113"), ("IpAddress", "*"),
        ("IpAddress", "203.0.113.0/255.255.255.0"), ("NotIpAddress", "fe80::1%eth0"),
        ("IpAddress", "${aws:SourceIp}"), ("IpAddress", ""),
        ("ArnLike", "*"), ("ArnEquals", "vpc-1"), ("ArnNotLike", "arn:aws:ec2"),
    ],
)  # fmt: skip
def test_a_malformed_value_is_an_error(operator: str, value: str) -> None:
    with pytest.raises(InputError, match=r"policy 1: \$.Statement\[0\].Condition") as caught:
        holds(operator, value, "x")
    assert "x:Key" in str(caught.value)
    with pytest.raises(InputError):
        holds(operator, ("1", value), None)


def answer(*statements: Statement, **context: Value) -> Decision:
    request = Request(
        "ec2:X", "*", context={f"aws:{key}": v for key, v in context.items() if v is not None}
    )
    return compile_policies([Policy(statements)]).evaluate(request)


def one(effect: Effect, operator: str, key: str, *values: str) -> Statement:
    condition = Condition(operator, key, values)
    return Statement(effect, actions=("*",), resources=("*",), conditions=(condition,))


ANYTHING = Statement(actions=("*",), resources=("*",))
UNDEFINED = "aws:TagKeys can have several values, and AWS does not define a condition on such a key"


@pytest.mark.parametrize(
    "operator", ["StringEquals", "StringNotEquals", "StringLike", "ArnLikeIfExists"]
)
@pytest.mark.parametrize("value", ["a", ("a",), ("a", "b")])
def test_a_plain_operator_on_a_key_of_several_values_is_undecided(
    operator: str, value: Value
) -> None:
    """Page "Single-valued vs. multivalued context keys": these need a set operator."""
    allow, deny = (one(effect, operator, "aws:TagKeys", VPC) for effect in ("Allow", "Deny"))
    only_allow = answer(allow, TagKeys=value)
    assert (only_allow.outcome, only_allow.statement) == ("undecided", 0)
    assert explained(only_allow).startswith(UNDEFINED)
    assert not only_allow.allowed and not only_allow.denied
    may_deny = answer(ANYTHING, deny, TagKeys=value)
    assert (may_deny.outcome, may_deny.statement) == ("undecided", 1)
    # Other statements can decide whatever that condition is.
    assert answer(allow, ANYTHING, TagKeys=value).allowed
    assert answer(deny, TagKeys=value).denied
    assert answer(allow, deny, TagKeys=value).outcome == "undecided"
    nothing = replace(ANYTHING, effect="Deny")
    assert answer(allow, nothing, TagKeys=value).outcome == "explicitly denied"
    # Without the key it has its documented answer.
    assert answer(allow, TagKeys=None).allowed is (operator not in ("StringEquals", "StringLike"))


def test_what_a_condition_does_not_define_does_not_matter_where_another_is_false() -> None:
    statement = replace(
        one("Allow", "StringEquals", "aws:TagKeys", "a"),
        conditions=(
            Condition("StringEquals", "aws:TagKeys", ("a",)),
            Condition("StringEquals", "aws:RequestedRegion", ("eu-west-1",)),
        ),
    )
    denied = answer(statement, TagKeys=("a",), RequestedRegion="us-east-1")
    assert denied.outcome == "implicitly denied"
    assert answer(statement, TagKeys=("a",), RequestedRegion="eu-west-1").outcome == "undecided"


def test_an_unknown_key_is_compared_only_where_the_request_has_one_text() -> None:
    allow = one("Allow", "StringEquals", "x:Key", "a")
    ready = compile_policies([Policy((allow,))])
    outcomes = [
        ready.evaluate(Request("ec2:X", "*", context={"x:Key": value})).outcome
        for value in ("a", "b", ("a",), ("a", "b"), ())
    ]
    assert outcomes == [
        "allowed", "implicitly denied", "undecided", "undecided", "implicitly denied"
    ]  # fmt: skip


def test_several_values_of_a_key_that_has_one_are_undecided() -> None:
    allow = one("Allow", "StringEquals", "aws:username", "a")
    assert answer(allow, username=("a",)).allowed
    wrong = answer(allow, username=("a", "b"))
    assert wrong.outcome == "undecided"
    assert explained(wrong) == "the request has 2 values for aws:username, which has one at most"


@pytest.mark.parametrize("quantifier", ["ForAllValues", "ForAnyValue"])
def test_null_with_a_set_operator_is_undecided(quantifier: str) -> None:
    for value in (None, "x", ("x", "y")):
        decision = answer(one("Allow", f"{quantifier}:Null", "aws:TagKeys", "true"), TagKeys=value)
        assert decision.outcome == "undecided"
        assert explained(decision) == f"AWS does not define {quantifier}:Null, here on aws:TagKeys"


def test_a_condition_that_is_not_reached_asks_nothing_of_the_request() -> None:
    statement = Statement(
        actions=("ec2:CreateTags",), resources=("*",),
        conditions=(Condition("StringEquals", "aws:TagKeys", ("a",)),),
    )  # fmt: skip
    request = Request("ec2:DeleteTags", "*", context={"aws:TagKeys": ("a", "b")})
    assert not compile_policies([Policy((statement,))]).evaluate(request).allowed
