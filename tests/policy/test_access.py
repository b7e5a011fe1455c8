"""No new access: what is proven, what is refuted by a witness, and what is left open."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from random import Random

import pytest
from msgspec.structs import replace

import policy_pools as pools
from policy_pairs import pairs, universe
from policy_readings import newly_allowed
from statements import allow, deny, filled, upstream, when
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching import patterns
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NoProof, NotProven
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.report import condition_text, not_proven_text

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))  # the seed of a long run
PAIRS = 20_000 if FUZZ else 200

ENIS, SUBNETS = "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:subnet/*"
MY_ENIS, MY_SUBNETS = pools.ARN + "network-interface/*", pools.ARN + "subnet/*"


def compare(old: list[Statement], new: list[Statement]) -> NoNewAccess | NewAccess | NotProven:
    answer = no_new_access([Policy(tuple(old))], [Policy(tuple(new))])
    if isinstance(answer, NewAccess):
        check_witness(answer, [Policy(tuple(old))], [Policy(tuple(new))])
    return answer


def check_witness(answer: NewAccess, old: list[Policy], new: list[Policy]) -> None:
    assert compile_policies(new).evaluate(answer.request) == answer.new
    assert compile_policies(old).evaluate(answer.request) == answer.old
    assert answer.new.allowed
    assert answer.old.denied


def all_but(*actions: str) -> Statement:
    return Statement(not_actions=actions, resources=("*",))


def test_a_condition_that_aws_does_not_define_is_not_taken_for_proven() -> None:
    """The old policy denies two tag keys; what the new one does with them AWS does not say."""
    has_tags = deny("ec2:CreateTags", when=when("Null", "false", key="aws:TagKeys"))
    plain = deny("ec2:CreateTags", when=when("StringLike", "*", key="aws:TagKeys"))
    answer = compare([allow("ec2:*"), has_tags], [allow("ec2:*"), plain])
    assert isinstance(answer, NotProven)
    assert not_proven_text(answer).endswith(
        "; aws:TagKeys can have several values, and AWS does not define a condition on such a key "
        "without ForAllValues or ForAnyValue"
    )
    unknown = deny("ec2:CreateTags", when=when("StringLike", "*", key="example:key"))
    present = deny("ec2:CreateTags", when=when("Null", "false", key="example:key"))
    answer = compare([allow("ec2:*"), present], [allow("ec2:*"), unknown])
    assert isinstance(answer, NotProven)
    assert "example:key is not a known key and may have several values" in not_proven_text(answer)
    # The same condition says the same, whatever it says.
    assert compare([allow("ec2:*"), plain], [allow("ec2:CreateTags"), plain]) == NoNewAccess()
    # A key that has one value at most is compared.
    on_one = [deny("iam:*", when=when(*c, key="iam:PassedToService")) for c in
              (("Null", "false"), ("StringLike", "*"))]  # fmt: skip
    assert compare([allow("iam:*"), on_one[0]], [allow("iam:*"), on_one[1]]) == NoNewAccess()


def test_set_operators_on_a_key_of_one_value() -> None:
    each, plain, both = (
        [allow("iam:PassRole", when=tuple(Condition(*c) for c in conditions))]
        for conditions in (
            [("ForAllValues:StringEquals", "iam:PassedToService", ("ec2.amazonaws.com",))],
            [("StringEquals", "iam:PassedToService", ("ec2.amazonaws.com",))],
            [
                ("ForAllValues:StringEquals", "iam:PassedToService", ("ec2.amazonaws.com",)),
                ("Null", "iam:PassedToService", ("false",)),
            ],
        )
    )
    assert compare(each, plain) == NoNewAccess()
    absent = compare(plain, each)
    assert isinstance(absent, NewAccess) and not absent.request.context.get("iam:PassedToService")
    assert compare(each, both) == NoNewAccess()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([allow("s3:?*")], [allow("s3:*")]),
        ([allow("*:?*")], [allow("*")]),
        ([allow("?*:*")], [allow("*")]),
        ([all_but("s3:*")], [all_but("s3:?*")]),
        ([allow("*"), deny("s3:*")], [allow("*"), deny("s3:?*")]),
    ],
)
def test_an_action_has_a_service_and_a_name(old: list[Statement], new: list[Statement]) -> None:
    assert isinstance(compare(old, new), NoNewAccess)
    assert isinstance(compare(new, old), NoNewAccess)


def test_a_name_may_be_one_letter() -> None:
    answer = compare([allow("s3:??*")], [allow("s3:*")])
    assert isinstance(answer, NewAccess)
    assert re.fullmatch("s3:.", answer.request.action)


@pytest.mark.parametrize("operator", ["Bool", "BoolIfExists"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_a_witness_has_a_truth_value_where_one_is_asked_for(operator: str, value: str) -> None:
    secure = when(operator, value, key="aws:SecureTransport")
    there = when("Null", "false", key="aws:SecureTransport")
    answer = compare([allow("s3:*", when=secure)], [allow("s3:*", when=there)])
    assert isinstance(answer, NewAccess)
    other = {"true": "false", "false": "true"}[value]
    assert answer.request.context == {"aws:SecureTransport": other}


# The catalog's documents as bases of mutations.


SCOPED = filled(documents.find("2024-07-22").document("ipv4-scoped"))


def changed(policy: Policy, index: int, statement: Statement | None) -> Policy:
    """Return a policy with one statement replaced, or left out for None."""
    statements = list(policy.statements)
    statements[index : index + 1] = [] if statement is None else [statement]
    return replace(policy, statements=tuple(statements))


@pytest.mark.parametrize("number", range(len(upstream())))
def test_a_document_is_no_new_access_over_itself_in_any_order(number: int) -> None:
    policy = upstream()[number]
    assert no_new_access([policy], [policy]) == NoNewAccess()
    backwards = replace(
        policy,
        id="other",
        statements=tuple(
            replace(
                s, sid=f"S{i}", actions=tuple(a.upper() for a in s.actions[::-1]),
                resources=s.resources[::-1], conditions=s.conditions[::-1],
            )
            for i, s in enumerate(policy.statements[::-1])
        ),
    )  # fmt: skip
    assert no_new_access([policy], [backwards]) == NoNewAccess()
    single = [Policy((s,)) for s in policy.statements]
    assert no_new_access([policy], single) == NoNewAccess()
    assert no_new_access(single, [policy]) == NoNewAccess()


def test_what_upstreams_revisions_add_is_found_by_name() -> None:
    names = ("2022-01-31", "2024-07-22", "2026-06-01")
    first, second, third = (filled(documents.find(n).document("ipv4")) for n in names)
    for old, new, action in (
        (first, second, "ec2:DescribeSubnets"),
        (second, third, "ec2:DescribeSecurityGroups"),
    ):
        answer = no_new_access([old], [new])
        assert isinstance(answer, NewAccess)
        assert answer.request.action == action
        assert no_new_access([new], [old]) == NoNewAccess()
    assert no_new_access([second], [SCOPED]) == NoNewAccess()
    assert isinstance(no_new_access([SCOPED], [second]), NewAccess)


# Widenings: never NoNewAccess, and here always shown by a witness.


def widenings(policy: Policy) -> Iterator[tuple[str, Policy]]:
    for index, statement in enumerate(policy.statements):
        if statement.effect == "Deny":
            yield f"deny {index} dropped", changed(policy, index, None)
            continue
        for name, wider in (*wider_elements(statement), *wider_conditions(statement)):
            yield f"{name} in {index}", changed(policy, index, wider)
    more = allow("iam:PassRole", on="arn:aws:iam::*:role/x")
    yield "a statement", replace(policy, statements=(*policy.statements, more))


def wider_elements(statement: Statement) -> Iterator[tuple[str, Statement]]:
    yield "an action", replace(statement, actions=(*statement.actions, "iam:CreateUser"))
    yield "every action", replace(statement, actions=("*",))
    if statement.resources != ("*",):
        yield "every resource", replace(statement, resources=("*",))
        yield (
            "a resource",
            replace(statement, resources=(*statement.resources, "arn:aws:ec2:*:*:volume/*")),
        )
        last = statement.resources[-1].rstrip("*/").removesuffix("network-interface") + "*"
        yield "a wider resource", replace(statement, resources=(*statement.resources[:-1], last))


def wider_conditions(statement: Statement) -> Iterator[tuple[str, Statement]]:
    for index, condition in enumerate(statement.conditions):
        for name, wider in wider_condition(condition):
            conditions = list(statement.conditions)
            conditions[index : index + 1] = wider
            yield name, replace(statement, conditions=tuple(conditions))


def wider_condition(condition: Condition) -> Iterator[tuple[str, list[Condition]]]:
    quantifier, _, operator = condition.operator.rpartition(":")
    yield f"{condition.operator} dropped", []
    yield "IfExists", [replace(condition, operator=condition.operator + "IfExists")]
    yield "ForAllValues", [replace(condition, operator=f"ForAllValues:{operator}")]
    yield "Null", [replace(condition, operator="Null", values=("false",))]
    yield "a value", [replace(condition, values=(*condition.values, "xrn:aws:a:b:c:d"))]
    wild = condition.operator.replace("StringEquals", "StringLike")
    yield "a wildcard", [replace(condition, operator=wild, values=(condition.values[0] + "*",))]
    yield (
        "the opposite",
        [replace(condition, operator=condition.operator.replace(operator, "StringNotEquals"))],
    )
    if operator == "StringEquals" and not quantifier:
        yield "any case", [replace(condition, operator="StringEqualsIgnoreCase")]


GUARDED = Policy(
    (
        allow("ec2:*", "s3:Get*", on=(ENIS, SUBNETS, "arn:aws:s3:::bucket/${aws:username}/*")),
        allow(
            "kms:Decrypt",
            on="arn:aws:kms:*:*:key/1",
            when=when("ForAnyValue:StringEquals", "a", key="aws:TagKeys"),
        ),
        deny("ec2:DeleteTags", on=ENIS),
        deny("ec2:*", on="arn:aws:ec2:eu-*:*:*"),
        deny("s3:GetObject", when=when("StringNotEquals", "v1", key="s3:ExistingObjectTag/stage")),
    )
)
WIDENINGS = [
    (f"{number}: {name}", policy, wider)
    for number, policy in enumerate([*upstream(), GUARDED])
    for name, wider in widenings(policy)
]


@pytest.mark.parametrize(
    ("old", "new"), [row[1:] for row in WIDENINGS], ids=[row[0] for row in WIDENINGS]
)
def test_a_widening_is_never_proven(old: Policy, new: Policy) -> None:
    answer = no_new_access([old], [new])
    assert isinstance(answer, NewAccess), answer
    check_witness(answer, [old], [new])


# Narrowings: which are proven.

TEAM = "aws:RequestTag/team"
NARROWINGS: dict[str, tuple[list[Statement], list[Statement]]] = {
    "an action less": ([allow("ec2:A", "ec2:B")], [allow("ec2:A")]),
    "an action of a wildcard": ([allow("ec2:Describe*")], [allow("ec2:DescribeTags")]),
    "wildcard of a wildcard": ([allow("ec2:*")], [allow("ec2:*Tags", "EC2:Describe??")]),
    "wildcards that are together one": ([allow("ec2:a*", "ec2:?*", "ec2:")], [allow("ec2:*")]),
    "a statement less": ([allow("ec2:A"), allow("ec2:B")], [allow("ec2:B")]),
    "nothing at all": ([allow("ec2:A")], []),
    "statements merged": (
        [allow("ec2:A", on=ENIS), allow("ec2:A", on=SUBNETS)], [allow("ec2:A", on=(ENIS, SUBNETS))],
    ),
    "statements split": (
        [allow("ec2:A", "ec2:B", on=(ENIS, SUBNETS))],
        [allow(a, on=r) for a in ("ec2:A", "ec2:B") for r in (ENIS, SUBNETS)],
    ),
    "covered by several, crosswise": (
        [allow("ec2:A", on=(ENIS, SUBNETS)), allow("ec2:B", on=ENIS), allow("ec2:B*", on=SUBNETS)],
        [allow("ec2:A", "ec2:B", on=(ENIS, SUBNETS))],
    ),
    "a resource more exact": ([allow("ec2:A", on=ENIS)], [allow("ec2:A", on=ENIS[:-1] + "eni-1")]),
    "all resources to some": ([allow("ec2:A")], [allow("ec2:A", on=(ENIS, SUBNETS))]),
    "a resource after a colon-crossing star": (
        [allow("ec2:A", on="arn:aws:ec2:*")], [allow("ec2:A", on=ENIS)],
    ),
    "an incomplete resource": (
        [allow("sqs:*", on="arn:aws:sqs")], [allow("sqs:*", on="arn:aws:sqs:*:*:q")],
    ),
    "a condition added": ([allow("ec2:A")], [allow("ec2:A", when=when("StringEquals", "a"))]),
    "any condition added": (
        [allow("ec2:A", when=when("StringEquals", "a"))],
        [allow("ec2:A", when=when("StringEquals", "a") + when("NumericLessThan", "3", key="x:n"))],
    ),
    "a value less": (
        [allow("ec2:A", when=when("StringEquals", "a", "b"))],
        [allow("ec2:A", when=when("StringEquals", "b"))],
    ),
    "StringLike to StringEquals": (
        [allow("ec2:A", when=when("StringLike", "a*"))],
        [allow("ec2:A", when=when("StringEquals", "ab"))],
    ),
    "StringEquals to StringLike without wildcards": (
        [allow("ec2:A", when=when("StringEquals", "a"))],
        [allow("ec2:A", when=when("StringLike", "a"))],
    ),
    "IfExists taken away": (
        [allow("ec2:A", when=when("StringEqualsIfExists", "a"))],
        [allow("ec2:A", when=when("StringEquals", "a"))],
    ),
    "case no more ignored": (
        [allow("ec2:A", when=when("StringEqualsIgnoreCase", "a"))],
        [allow("ec2:A", when=when("StringEquals", "A", "a"))],
    ),
    "an ARN more exact": (
        [allow("ec2:A", when=when("ArnLike", "arn:aws:ec2:*:*:vpc/*", key="ec2:Vpc"))],
        [allow("ec2:A", when=when("ArnEquals", pools.ARN + "vpc/vpc-1", key="ec2:Vpc"))],
    ),
    "presence asked": (
        [allow("ec2:A", when=when("StringLike", "*"))],
        [allow("ec2:A", when=when("Null", "false"))],
    ),
    "one more exception": (
        [allow("ec2:A", when=when("StringNotEquals", "a"))],
        [allow("ec2:A", when=when("StringNotEquals", "a", "b"))],
    ),
    "tag keys fewer": (
        [allow("ec2:A", when=when("ForAllValues:StringEquals", "a", "b", key="aws:TagKeys"))],
        [allow("ec2:A", when=when("ForAllValues:StringEquals", "a", key="aws:TagKeys"))],
    ),
    "any tag key fewer": (
        [allow("ec2:A", when=when("ForAnyValue:StringLike", "a*", key="aws:TagKeys"))],
        [allow("ec2:A", when=when("ForAnyValue:StringEquals", "ab", key="aws:TagKeys"))],
    ),
    "bool decided": (
        [allow("ec2:A", when=when("BoolIfExists", "true", key="aws:SecureTransport"))],
        [allow("ec2:A", when=when("Bool", "true", key="aws:SecureTransport"))],
    ),
    "values split over statements": (
        [allow("ec2:A", when=when(o, v)) for o, v in (("StringEquals", "a"), ("StringLike", "b*"))],
        [allow("ec2:A", when=when("StringEquals", "a", "bb"))],
    ),
    "condition and its opposite": (
        [allow("ec2:A", when=when(o, "a*")) for o in ("StringLike", "StringNotLike")],
        [allow("ec2:A")],
    ),
    "condition and its opposite, of several values": (
        [
            allow("ec2:A", when=when("ForAllValues:ArnLike", "arn:aws:a:b:c:*", key="x:a")),
            allow("ec2:*", when=when("ForAnyValue:ArnNotLike", "arn:aws:a:b:c:*", key="x:a")),
        ],
        [allow("ec2:A", when=when("NumericLessThan", "3"))],
    ),
    "denied unless": (
        [allow("ec2:A", when=when("Bool", "true"))],
        [
            allow("ec2:*"),
            Statement("Deny", not_actions=("ec2:A",), resources=("*",)),
            deny("*", when=when("StringNotEqualsIgnoreCase", "true")),
        ],
    ),
    "presence split over statements": (
        [allow("ec2:A", when=when("Null", "true")), allow("ec2:A", when=when("StringLike", "*"))],
        [allow("ec2:A")],
    ),
    "numbers split over statements": (
        [allow("ec2:A", when=when("NumericEquals", value)) for value in ("1", "2")],
        [allow("ec2:A", when=when("NumericEquals", "1", "2"))],
    ),
    "a deny added": ([allow("ec2:*")], [allow("ec2:*"), deny("ec2:A")]),
    "allowed more, but denied": (
        [allow("ec2:A")],
        [allow("ec2:*"), Statement("Deny", not_actions=("ec2:A",), resources=("*",))],
    ),
    "a deny widened": (
        [allow("*"), deny("ec2:A", when=when("StringEquals", "a"))],
        [allow("*"), deny("ec2:*", when=when("StringLike", "a*"))],
    ),
    "a deny split": (
        [allow("*"), deny("ec2:A", "ec2:B")], [allow("*"), deny("ec2:A"), deny("ec2:B")],
    ),
    "a deny whose allow went with it": ([allow("ec2:*", "s3:*"), deny("s3:*")], [allow("ec2:*")]),
    "a deny replaced by a condition": (
        [allow("ec2:A"), deny("ec2:A", when=when("StringNotEquals", "a"))],
        [allow("ec2:A", when=when("StringEquals", "a"))],
    ),
    "a deny replaced by resources": (
        [allow("ec2:A"), deny("ec2:A", on=MY_ENIS)], [allow("ec2:A", on=MY_SUBNETS)],
    ),
    "a deny replaced by NotResource": (
        [allow("ec2:A"), deny("ec2:A", on=ENIS)],
        [Statement("Allow", ("ec2:A",), not_resources=(ENIS,))],
    ),
    "NotAction narrowed": (
        [Statement("Allow", not_actions=("iam:*",), resources=("*",))],
        [Statement("Allow", not_actions=("iam:*", "sts:*"), resources=("*",))],
    ),
    "NotAction to Action": (
        [Statement("Allow", not_actions=("iam:*",), resources=("*",))], [allow("ec2:*", "s3:Get*")],
    ),
    "NotResource to Resource": (
        [Statement("Allow", ("ec2:A",), not_resources=(MY_ENIS,))], [allow("ec2:A", on=MY_SUBNETS)],
    ),
    "Action and NotAction together": (
        [allow("iam:*"), Statement("Allow", not_actions=("iam:*",), resources=("*",))],
        [allow("*")],
    ),
    "a variable kept": (
        [allow("s3:*", on="arn:aws:s3:::b/${aws:username}/*")],
        [allow("s3:GetObject", on="arn:aws:s3:::b/${aws:UserName}/x*")],
    ),
    "a star to a variable": (
        [allow("s3:*", on="arn:aws:s3:::b/*")],
        [allow("s3:*", on="arn:aws:s3:::b/${aws:username}")],
    ),
    "a contradiction": (
        [], [allow("ec2:A", when=when("StringEquals", "a") + when("Null", "true"))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NARROWINGS)
def test_a_narrowing_is_proven(name: str) -> None:
    old, new = NARROWINGS[name]
    assert compare(old, new) == NoNewAccess()


# Those that are no narrowing in truth: the two allow the same.
EQUAL = (
    "wildcards that are together one", "statements split", "statements merged",
    "StringEquals to StringLike without wildcards",
    "case no more ignored", "presence asked",
    "presence split over statements", "numbers split over statements",
    "condition and its opposite", "denied unless",
    "allowed more, but denied", "a deny split", "a deny whose allow went with it",
    "a deny replaced by a condition", "a deny replaced by NotResource",
    "Action and NotAction together", "a contradiction",
)  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_what_allows_the_same_is_proven_both_ways(name: str) -> None:
    old, new = NARROWINGS[name]
    assert compare(new, old) == NoNewAccess()


@pytest.mark.parametrize("name", [n for n in NARROWINGS if n not in EQUAL])
def test_the_way_back_has_a_witness(name: str) -> None:
    old, new = NARROWINGS[name]
    assert isinstance(compare(new, old), NewAccess)


def test_many_holes_are_all_looked_at() -> None:
    """Each action is covered case by case; but for the last one, a case is missing."""
    actions = [f"ec2:A{number}" for number in range(60)]
    old = [allow(a, when=when("StringEquals", value)) for a in actions for value in ("a", "b")]
    new = [allow(*actions, when=when("StringEquals", "a", "b"))]
    assert compare(old, new) == NoNewAccess()
    answer = compare(old[:-1], new)
    assert isinstance(answer, NewAccess)
    assert answer.request.action == actions[-1]
    assert isinstance(compare([s for s in old if s != old[77]], new), NewAccess)


def test_many_classes_of_actions_hide_no_resource() -> None:
    """One resource is closed case by case in every class; the other is open in the last."""
    subnets, instances = pools.ARN + "subnet/*", pools.ARN + "instance/*"
    old = [
        *(allow("a:*", on=subnets, when=when("StringEquals", value)) for value in ("a", "b")),
        *(allow("a:" + "?" * length, on=instances) for length in range(7)),
    ]
    new = [allow("a:*", on=(subnets, instances), when=when("StringEquals", "a", "b"))]
    answer = compare(old, new)
    assert isinstance(answer, NewAccess)
    assert answer.request.resource.startswith(instances[:-1])
    assert compare([*old, allow("a:???????*", on=instances)], new) == NoNewAccess()


# What is nearly covered, and is not: each has a witness.

BOB, ANYONE = "arn:aws:s3:::b/bob", "arn:aws:s3:::b/${aws:username}"
TAG_KEYS = "aws:TagKeys"


def tagged(*operators: tuple[str, ...]) -> list[Statement]:
    return [allow("ec2:A", when=when(o, *values, key=TAG_KEYS)) for o, *values in operators]


NEARLY: dict[str, tuple[list[Statement], list[Statement]]] = {
    "all keys are one or all the other": (
        tagged(("ForAllValues:StringEquals", "a"), ("ForAllValues:StringEquals", "b")),
        tagged(("ForAllValues:StringEquals", "a", "b")),
    ),
    "all keys are one or none is": (
        tagged(("ForAllValues:StringEquals", "a"), ("ForAllValues:StringNotEquals", "a")),
        [allow("ec2:A")],
    ),
    "a key is or a key is not": (
        tagged(("ForAnyValue:StringEquals", "a"), ("ForAnyValue:StringNotEquals", "a")),
        [allow("ec2:A")],
    ),
    "one empty string is neither absent nor a value": (
        [allow("kms:A", when=when(*c, key="kms:EncryptionContextKeys")) for c in (
            ("ForAnyValue:StringEquals", "a"), ("ForAnyValue:StringEquals", "b"), ("Null", "true"),
        )],
        [allow("kms:A", when=when(
            "ForAnyValue:StringEqualsIfExists", "a", "b", key="kms:EncryptionContextKeys"
        ))],
    ),
    "each value but not absent": (
        [allow("ec2:A", when=when("StringEquals", value)) for value in ("a", "b")],
        [allow("ec2:A", when=when("StringEqualsIfExists", "a", "b"))],
    ),
    "absent or one of the values": (
        [allow("ec2:A", when=when(*c)) for c in (("Null", "true"), ("StringEquals", "a"))],
        [allow("ec2:A", when=when("StringEqualsIfExists", "a", "b"))],
    ),
    "present but not absent": (
        [allow("ec2:A", when=when("StringLike", "*"))], [allow("ec2:A")],
    ),
    "all but it, then it": (
        [Statement("Allow", not_actions=("ec2:A",), resources=("*",))], [allow("ec2:A")],
    ),
    "elsewhere, then here": (
        [Statement("Allow", ("s3:A",), not_resources=(BOB,))], [allow("s3:A", on=BOB)],
    ),
    "another user's": (
        [allow("s3:A", on=ANYONE)], [allow("s3:A", on="arn:aws:s3:::b/${aws:userid}")],
    ),
    "a deny with one more condition": (
        [allow("*"), deny("ec2:A")], [allow("*"), deny("ec2:A", when=when("Null", "false"))],
    ),
    "a deny on fewer resources": (
        [allow("*"), deny("ec2:A", on=(ENIS, SUBNETS))], [allow("*"), deny("ec2:A", on=ENIS)],
    ),
    "a deny of all but": (
        [allow("*"), Statement("Deny", not_actions=("ec2:*",), resources=("*",))],
        [allow("*"), Statement("Deny", not_actions=("ec2:*", "s3:*"), resources=("*",))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NEARLY)
def test_what_is_nearly_covered_has_a_witness(name: str) -> None:
    old, new = NEARLY[name]
    assert isinstance(compare(old, new), NewAccess)


# No example is searched with another value of a variable than the usual one.
NEARLY_FOR_A_USER: dict[str, tuple[list[Statement], list[Statement]]] = {
    "all but anyone's, then bob's": (
        [Statement("Allow", ("s3:A",), not_resources=(ANYONE,))], [allow("s3:A", on=BOB)],
    ),
    "all but bob's, then anyone's": (
        [Statement("Allow", ("s3:A",), not_resources=(BOB,))], [allow("s3:A", on=ANYONE)],
    ),
    "bob's denied among anyone's": (
        [allow("s3:A", on=ANYONE), deny("s3:A", on=BOB)], [allow("s3:A", on=ANYONE)],
    ),
    "anyone's denied among bob's": (
        [allow("s3:A", on=BOB), deny("s3:A", on=ANYONE)], [allow("s3:A", on=BOB)],
    ),
    "bob denied where anyone is asked for": (
        [
            allow("s3:A", when=when("StringEquals", "${aws:username}")),
            deny("s3:A", when=when("StringLike", "b*")),
        ],
        [allow("s3:A", when=when("StringEquals", "${aws:username}"))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NEARLY_FOR_A_USER)
def test_what_one_value_of_a_variable_newly_allows_is_not_proven(name: str) -> None:
    old, new = NEARLY_FOR_A_USER[name]
    assert isinstance(compare(old, new), NotProven)


# What is left open, aloud.

OPEN: dict[str, tuple[list[Statement], list[Statement]]] = {
    "plain and set operators on a key of several values": (
        [allow("ec2:A", when=when("StringEquals", "a", key="aws:TagKeys"))],
        [allow("ec2:A", when=when("ForAnyValue:StringEquals", "a", key="aws:TagKeys"))],
    ),
    "letters that some ways to ignore case take for an i": (
        [allow("ec2:A", when=when("StringNotEqualsIgnoreCase", "i"))],
        [allow("ec2:A", when=when("StringNotEquals", "i", "I"))],
    ),
    "an ARN part that is a variable": (
        [allow("ec2:A", when=when("ArnLike", "arn:aws:iam::*:role/x"))],
        [allow("ec2:A", when=when("ArnLike", "arn:aws:iam::${aws:PrincipalAccount}:role/x"))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_what_is_not_compared_is_not_proven(name: str) -> None:
    old, new = OPEN[name]
    answer = compare(old, new)
    assert isinstance(answer, NotProven)
    assert "statement 1 of new policy 1 (allows ec2:A on * if" in not_proven_text(answer)
    assert "; not proven to follow: " + condition_text(old[0].conditions[0]) in not_proven_text(
        answer
    )


def test_which_parts_an_incomplete_arn_with_a_variable_lacks_is_not_known() -> None:
    incomplete = allow("ec2:A", on="arn:aws:ec2:*:${aws:username}*")
    whole = allow("ec2:A", on="arn:aws:ec2:*:*:${aws:username}x")
    assert isinstance(compare([incomplete], [whole]), NotProven)
    assert isinstance(compare([incomplete], [incomplete]), NoNewAccess)


IP, AGE, NOW = "aws:SourceIp", "aws:MultiFactorAuthAge", "aws:CurrentTime"
NETWORK = deny("*", when=when("NotIpAddress", "10.0.0.0/8", "2001:db8::/32", key=IP))
INTERVALS: dict[str, tuple[list[Statement], list[Statement]]] = {
    "a range in a range": (
        [allow("ec2:*", when=when("IpAddress", "10.0.0.0/8", key=IP))],
        [allow("ec2:*", when=when("IpAddress", "10.1.0.0/16", "10.255.0.7", key=IP))],
    ),
    "two halves in two statements": (
        [allow("ec2:*", when=when("IpAddress", half, key=IP))
         for half in ("10.0.0.0/9", "10.128.0.0/9")],
        [allow("ec2:*", when=when("IpAddress", "10.0.0.0/8", key=IP))],
    ),
    "a shorter list of a Deny": (
        [allow("*"), NETWORK],
        [allow("*"), deny("*", when=when("NotIpAddress", "10.0.0.0/9", "2001:db8::/33", key=IP))],
    ),
    "a range that a Deny leaves nothing of": (
        [allow("ec2:*", when=when("IpAddress", "10.0.0.0/8", key=IP))],
        [allow("*", when=when("IpAddress", "11.0.0.0/8", key=IP)), NETWORK],
    ),
    "a lower number": (
        [allow("ec2:*", when=when("NumericLessThan", "3600", key=AGE))],
        [allow("ec2:*", when=when("NumericLessThanEquals", "900", key=AGE))],
    ),
    "a number and its Deny": (
        [allow("ec2:*", when=when("NumericLessThan", "3600", key=AGE))],
        [allow("ec2:*", when=when("Null", "false", key=AGE)),
         deny("*", when=when("NumericGreaterThanEquals", "3600", key=AGE)),
         deny("*", when=when("NumericNotEquals", "1", key=AGE))],
    ),
    "an earlier end": (
        [allow("ec2:*", when=when("DateLessThan", "2027-01-01T00:00:00Z", key=NOW))],
        [allow("ec2:*", when=when("DateLessThan", "2026-12-31", key=NOW))],
    ),
    "a window": (
        [allow("ec2:*", when=when("DateGreaterThan", "2026-01-01T00:00:00Z", key=NOW))],
        [allow("ec2:*", when=(*when("DateGreaterThan", "2026-06-01T00:00:00Z", key=NOW),
                              *when("DateLessThan", "2026-07-01T00:00:00Z", key=NOW)))],
    ),
    "a window that never is": (
        [],
        [allow("ec2:*", when=(*when("DateGreaterThan", "2026-07-01T00:00:00Z", key=NOW),
                              *when("DateLessThan", "2026-06-01T00:00:00Z", key=NOW)))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INTERVALS)
def test_less_of_an_interval_is_no_new_access(name: str) -> None:
    old, new = INTERVALS[name]
    assert compare(old, new) == NoNewAccess()
    if name != "a window that never is":
        back = compare(new, old)
        assert isinstance(back, NoNewAccess if "halves" in name else NewAccess), back


def test_an_example_of_an_interval_is_of_its_type() -> None:
    old = [allow("ec2:*", when=when("IpAddress", "10.0.0.0/9", key=IP))]
    answer = compare(old, [allow("ec2:*", when=when("IpAddress", "10.0.0.0/8", key=IP))])
    assert isinstance(answer, NewAccess)
    assert answer.request.context == {IP: "10.128.0.7"}
    old = [allow("ec2:*", when=when("DateLessThan", "2026-01-01T00:00:00Z", key=NOW))]
    answer = compare(old, [allow("ec2:*")])
    assert isinstance(answer, NewAccess)
    old = [allow("ec2:*", when=when("DateLessThan", "2025-01-01T00:00:00Z", key=NOW))]
    answer = compare(old, [allow("ec2:*", when=when("DateLessThan", "2027", key=NOW))])
    assert isinstance(answer, NewAccess)
    assert re.fullmatch("202[56]-.*Z", str(answer.request.context[NOW]))


def test_two_readings_of_a_resource_must_agree() -> None:
    """A ``*`` amid a part crosses colons in one reading only; both must prove."""
    pattern, longer = "arn:aws:ec2:us-*-1:1:x", "arn:aws:ec2:us-a:b-1:1:x"
    assert compare([allow("ec2:A", on=pattern)], [allow("ec2:A", on=pattern)]) == NoNewAccess()
    answer = compare([allow("ec2:A", on=pattern)], [allow("ec2:A", on=longer)])
    assert isinstance(answer, NotProven)
    held_back = [allow("ec2:A"), deny("ec2:A", on=longer)]
    assert isinstance(compare(held_back, [allow("ec2:A", on=pattern)]), NewAccess)
    wider = [allow("ec2:A", on="arn:aws:ec2:us-*")]
    assert isinstance(compare(wider, [allow("ec2:A", on=pattern)]), NotProven)
    assert compare([allow("ec2:A")], [allow("ec2:A", on=pattern)]) == NoNewAccess()


def test_not_principal_is_refused_aloud() -> None:
    statement = Statement("Deny", ("*",), not_principals=(Principal("AWS", ("*",)),))
    assert compare([statement], []) == NotProven(NoProof.not_principal)


def test_principals_must_be_the_same_or_more() -> None:
    def trust(*names: str) -> Statement:
        return Statement("Allow", ("sts:AssumeRole",), principals=(Principal("AWS", names),))

    role_a, role_b = "arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"
    assert compare([trust(role_a)], [trust(role_a)]) == NoNewAccess()
    assert compare([trust(role_a, role_b)], [trust(role_b)]) == NoNewAccess()
    assert compare([trust("*")], [trust(role_b)]) == NoNewAccess()
    assert isinstance(compare([trust(role_a)], [trust(role_a, role_b)]), NewAccess)
    assert isinstance(compare([trust(role_a)], [trust("*")]), NewAccess)
    account = trust("111122223333")
    assert isinstance(compare([account], [trust(role_a)]), NotProven), "an account has its roles"
    anyone_but_a = [trust("*"), replace(trust(role_a), effect="Deny")]
    assert (
        compare(anyone_but_a, [*anyone_but_a[:1], replace(trust("*"), effect="Deny")])
        == NoNewAccess()
    )
    assert isinstance(compare(anyone_but_a, anyone_but_a[:1]), NewAccess)


def test_the_old_version_reads_a_variable_as_text() -> None:
    home = allow("s3:*", on="arn:aws:s3:::b/${aws:username}")
    old, new = Policy((home,), "2008-10-17"), Policy((home,))
    for before, after in ((old, new), (new, old)):
        answer = no_new_access([before], [after])
        assert isinstance(answer, NewAccess)
        check_witness(answer, [before], [after])
    assert no_new_access([old], [old]) == NoNewAccess()
    assert no_new_access([Policy((allow("*"),), "2008-10-17")], [new]) == NoNewAccess()


def test_a_malformed_policy_is_an_error_and_says_which() -> None:
    bad = allow("ec2:A", when=when("StringMatches", "a"))
    with pytest.raises(InputError, match=r"^new policy 1: \$.Statement\[0\]"):
        compare([], [bad])
    with pytest.raises(InputError, match=r"^old policy 1: "):
        compare([bad], [])


def test_a_witness_reads_like_a_request() -> None:
    answer = compare(
        [allow("ec2:CreateTags", on=ENIS, when=when("StringEquals", "a"))],
        [allow("ec2:CreateTags", on=ENIS, when=when("StringLike", "a*"))],
    )
    assert isinstance(answer, NewAccess)
    assert answer.request.action == "ec2:CreateTags"
    assert answer.request.resource == pools.ARN + "network-interface/eni-0123456789abcdef0"
    assert dict(answer.request.context) == {TEAM: "aexample"}


def test_too_intricate_patterns_are_said_to_be_with_what_to_simplify() -> None:
    right = ("arn:aws:s3:::*x" + "?" * 18 + "*z", "arn:aws:s3:::*" + "?" * 9 + "y*w*")
    old = Policy((allow("s3:A", on=right),))
    pattern = "arn:aws:s3:::*z*x?" + "?" * 17 + "*z"
    new = Policy((allow("s3:A", on=pattern),))
    answer = no_new_access([old], [new], budget=Budget(50_000))
    assert isinstance(answer, NotProven)
    assert not_proven_text(answer).startswith(
        "too complex: statement 1 of new policy 1 (allows s3:A on arn"
    )
    assert f"write patterns such as '{pattern}' with fewer wildcards" in not_proven_text(answer)


# The property: whatever is called proven has no counterexample among all requests of a pool.


def test_what_is_proven_has_no_counterexample_near() -> None:
    answers: dict[str, int] = {}
    for random, keys, old, new, user in pairs(FUZZ, PAIRS):
        answer = no_new_access([old], [new])
        answers[type(answer).__name__] = answers.get(type(answer).__name__, 0) + 1
        before, after = compile_policies([old]), compile_policies([new])
        if isinstance(answer, NewAccess):
            check_witness(answer, [old], [new])
        if not isinstance(answer, NoNewAccess):
            continue
        for request in universe(random, keys, user=user):
            reading = newly_allowed(before, after, request)
            assert not reading, (reading, old, new, request)
    assert answers["NoNewAccess"] > PAIRS // 4
    assert answers["NewAccess"] > PAIRS // 4
    assert answers.get("NotProven", 0) < PAIRS // 12, "it rarely gives up on these"


def test_what_is_proven_holds_in_the_narrow_reading_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with an evaluator in which a ``*`` amid a part of a resource stays in it."""
    texts = ("arn:aws:ec2:us-1:1:x", "arn:aws:ec2:us-a:b-1:1:x", "arn:aws:ec2:us-1:1:1:x",
             "arn:aws:ec2:us-x-1:1:y", "arn:aws:ec2:us:1:1:x", "arn:aws:ec2::1:x")  # fmt: skip
    listed = (
        "*", "arn:aws:ec2:us-*-1:1:*", "arn:aws:ec2:us-*1:1:x", "arn:aws:ec2:us*:1:x",
        "arn:aws:ec2:us-?:1:x", "arn:aws:ec2:us-*:*:x", "arn:aws:ec2:*1:*", *texts,
    )  # fmt: skip

    def narrow(parts: tuple[object, ...]) -> str:
        text = "".join(str(getattr(part, "value", part)) for part in parts)
        split, expression = text.split(":", 5), []
        for number, part in enumerate(split):
            last = number == 5 or len(split) <= number
            stays = ".*" if last else "[^:]*"
            body = re.escape(part).replace(r"\?", "." if last else "[^:]")
            ends = body.endswith(r"\*")
            body = body.removesuffix(r"\*").replace(r"\*", stays) + (".*" if ends else "")
            expression.append(body)
        return ":".join(expression)

    class Narrow:
        def __init__(self, expression: str) -> None:
            self.expression, self.everything = re.compile(expression, re.DOTALL), False

        @classmethod
        def of(cls, parts: tuple[object, ...]) -> Narrow:
            return cls(narrow(parts))

        def matches(self, text: str) -> bool:
            return self.expression.fullmatch(text) is not None

    random, proven = Random(3), 0
    for _ in range(4000 if FUZZ else 500):

        def one() -> Statement:
            return replace(
                allow("ec2:A"),
                effect=random.choice(("Allow", "Allow", "Deny")),
                resources=pools.some(random, listed, 2),
            )

        old, new = Policy((one(), one())), Policy((one(), one()))
        if not isinstance(no_new_access([old], [new]), NoNewAccess):
            continue
        proven += 1
        with monkeypatch.context() as patch:
            patch.setattr(patterns, "Wildcard", Narrow)
            before, after = compile_policies([old]), compile_policies([new])
        for text in texts:
            request = Request("ec2:A", text)
            assert not after.evaluate(request).allowed or before.evaluate(request).allowed, (
                old, new, text
            )  # fmt: skip
    assert proven > 50
