"""The evaluator beside ministack's, on generated policies and requests.

`ministack.core.iam_evaluator` was written by others from the same pages. Where the two disagree,
a rule of AWS says who is right; each such rule is a class below, with a pinned example, and a
correction of ministack's answer by that rule alone. With all corrections the two must agree on
everything that is generated.

It is 50,000 pairs of a policy and a request; VPC_CNI_IAM_FUZZ=1, or another number for another
sample, as `make fuzz` sets it, makes it 750,000.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable
from fnmatch import translate
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

import policy_pools as pools
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching import conditions
from vpc_cni_iam.policy.matching.element_path import ElementPath

ministack = pytest.importorskip("ministack.core.iam_evaluator")

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))
POLICIES = 60_000 if FUZZ else 4_000
REQUESTS = 10
OUTCOMES = {"Allow": "allowed", "Deny": "explicitly denied", "ImplicitDeny": "implicitly denied"}


def second_opinion(policy: Policy, request: Request) -> str:
    statements = []
    for statement in policy.statements:
        conditions: dict[str, dict[str, list[str]]] = {}
        for c in statement.conditions:
            conditions.setdefault(c.operator, {})[c.key] = list(c.values)
        statements.append(
            ministack.ParsedStatement(
                sid="",
                effect=statement.effect,
                actions=list(statement.actions),
                not_actions=list(statement.not_actions),
                resources=list(statement.resources),
                not_resources=list(statement.not_resources),
                conditions=conditions,
            )
        )
    context = {k.lower(): v if isinstance(v, str) else list(v) for k, v in request.context.items()}
    answer = ministack.evaluate(
        ministack.EvalContext(
            principal_arn=request.principal,
            principal_type="",
            principal_account="",
            action=request.action,
            resource_arn=request.resource,
            region="",
            source_ip="",
            secure_transport=False,
            tag_keys=None,
            service_context=context,
        ),
        [statements],
    )
    return OUTCOMES[answer.decision]


# Corrections, each by one rule. They are written from the rule and share nothing with the code
# under test.


def arn_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the six parts of an ARN is checked separately."""

    def like(actual: str, expected: str) -> bool:
        texts, patterns = actual.split(":", 5), expected.split(":", 5)
        return len(texts) == 6 and all(
            re.match(translate(p.replace("[", "[[]")), t)
            for p, t in zip(patterns, texts, strict=True)
        )

    for name, negated in (
        ("equals", False),
        ("like", False),
        ("notequals", True),
        ("notlike", True),
    ):
        monkeypatch.setitem(
            ministack._CONDITION_OPS,
            "arn" + name,
            (lambda a, e: not like(a, e)) if negated else like,
        )


def not_of_the_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """A negated operator is true of a value that does not match, whatever it is."""
    for name in ("numericnotequals", "datenotequals"):
        equals = ministack._CONDITION_OPS[name.replace("not", "")]
        monkeypatch.setitem(
            ministack._CONDITION_OPS, name, lambda a, e, equals=equals: not equals(a, e)
        )


def bytes_for_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """BinaryEquals compares bytes, and base64 is only how they are written."""

    def decoded(text: str) -> object:
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            return None

    monkeypatch.setitem(
        ministack._CONDITION_OPS,
        "binaryequals",
        lambda a, e: decoded(a) is not None and decoded(a) == decoded(e),
    )


def wrap(monkeypatch: pytest.MonkeyPatch, change: Callable[..., Any]) -> None:
    inner = ministack._evaluate_single_condition
    monkeypatch.setattr(
        ministack,
        "_evaluate_single_condition",
        lambda operator, actual, expected: change(inner, operator, actual, expected),
    )


def no_value_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without values is not there."""
    wrap(monkeypatch, lambda inner, o, a, e: inner(o, None if a == [] else a, e))


def null_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a set operator, one empty string is as good as no value."""
    wrap(
        monkeypatch,
        lambda inner, o, a, e: inner(o, None if ":" in o and a in ("", [""]) else a, e),
    )


CORRECTIONS = (arn_parts, not_of_the_type, bytes_for_bytes, no_value_is_no_key, null_dataset)

# A condition, the request's value, what the rule makes of it.
EXAMPLES = [
    (arn_parts, "ArnLike", "arn:aws:ec2:*:1:vpc/*", "arn:aws:ec2:a:b:1:vpc/x", False),
    (arn_parts, "ArnEquals", "arn:aws:s3:::*", "arn:aws:s3:::x", True),
    (arn_parts, "ArnNotLike", "arn:aws:ec2:*:1:vpc/*", "arn:aws:ec2:a:b:1:vpc/x", True),
    (arn_parts, "ForAnyValue:ArnEquals", "arn:aws:ec2:*:1:*", ["arn:aws:ec2:a:b:1:v"], False),
    (not_of_the_type, "NumericNotEquals", "1", "many", True),
    (not_of_the_type, "DateNotEquals", "2020-01-01T00:00:00Z", "soon", True),
    (bytes_for_bytes, "BinaryEquals", "QQ==", "QR==", True),
    (no_value_is_no_key, "Null", "true", [], True),
    (no_value_is_no_key, "ForAnyValue:StringEqualsIfExists", "a", [], True),
    (null_dataset, "ForAllValues:StringEquals", "a", [""], True),
    (null_dataset, "ForAnyValue:StringEquals", "", "", False),
]


def ask(operator: str, value: str, actual: Any) -> tuple[bool, bool]:
    """Return the evaluator's and ministack's answers."""
    statement = Statement(
        actions=("*",), resources=("*",), conditions=(Condition(operator, "x:k", (value,)),)
    )
    context = (
        {} if actual is None else {"x:k": actual if isinstance(actual, str) else tuple(actual)}
    )
    policy, request = Policy((statement,)), Request("a:b", "*", context=context)
    ours = compile_policies([policy]).evaluate(request)
    return ours.allowed, second_opinion(policy, request) == "allowed"


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_disagreement_is_settled_by_its_rule(
    monkeypatch: pytest.MonkeyPatch, example: tuple[Any, ...]
) -> None:
    correction, operator, value, actual, expected = example
    assert ask(operator, value, actual)[0] is expected
    correction(monkeypatch)
    assert ask(operator, value, actual) == (expected, expected)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_each_rule_has_an_example_on_which_ministack_differs(
    correction: Callable[[pytest.MonkeyPatch], None],
) -> None:
    examples = [(*example[1:4],) for example in EXAMPLES if example[0] is correction]
    assert any(ours is not theirs for ours, theirs in (ask(*e) for e in examples))


# Classes that are not generated at all, because the two do not take the same input.


@pytest.mark.parametrize(
    ("operator", "value", "actual"),
    [
        ("StringMatches", "a", "a"),
        ("NumericEquals", "one", "one"),
        ("IpAddress", "203.0.113.0/99", "203.0.113.1"),
        ("DateLessThan", "tomorrow", "2020-01-01T00:00:00Z"),
        ("NumericLessThan", "nan", "1"),
    ],
)
def test_what_is_malformed_is_an_error_and_no_silent_deny(
    operator: str, value: str, actual: str
) -> None:
    with pytest.raises(InputError):
        ask(operator, value, actual)
    statement = Statement(
        actions=("*",), resources=("*",), conditions=(Condition(operator, "x:k", (value,)),)
    )
    request = Request("a:b", "*", context={"x:k": actual})
    assert second_opinion(Policy((statement,)), request) == "implicitly denied"


@pytest.mark.parametrize(
    ("operator", "actual"),
    [("StringEquals", ("a", "b")), ("ForAllValues:Null", "a"), ("ForAnyValue:Null", None)],
)
def test_what_aws_does_not_define_is_undecided(operator: str, actual: Any) -> None:
    statement = Statement(
        actions=("*",), resources=("*",), conditions=(Condition(operator, "x:k", ("true",)),)
    )
    context = {} if actual is None else {"x:k": actual}
    ready = compile_policies([Policy((statement,))])
    assert ready.evaluate(Request("a:b", "*", context=context)).outcome == "undecided"


def test_only_the_end_of_a_text_ends_a_match() -> None:
    """A line break at the end is a character: ministack's regular expressions pass over it."""
    assert ask("StringLike", "a", "a\n") == (False, True)
    assert ask("StringLike", "a*", "a\nb") == (True, False)


def test_four_digits_are_a_year_and_eight_are_seconds() -> None:
    assert ask("DateLessThan", "2021", "2020-06-01T00:00:00Z") == (True, False)
    assert ask("DateLessThan", "2020-06-01T00:00:00Z", "20210101") == (True, False)


def test_numbers_are_compared_exactly() -> None:
    assert ask("NumericEquals", "0.1", "0.1000000000000000000001") == (False, True)
    assert ask("NumericEquals", "10", "1_0") == (False, True)
    assert ask("NumericLessThan", "1e999", "Infinity") == (False, False)


def test_an_incomplete_arn_is_completed() -> None:
    policy = Policy((Statement(actions=("*",), resources=("arn:aws:sqs",)),))
    request = Request("sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q")
    assert compile_policies([policy]).evaluate(request).allowed
    assert second_opinion(policy, request) == "implicitly denied"


def test_a_policy_variable_is_expanded() -> None:
    statement = Statement(actions=("*",), resources=("arn:aws:s3:::b/${aws:username}",))
    request = Request("s3:GetObject", "arn:aws:s3:::b/bob", context={"aws:username": "bob"})
    assert compile_policies([Policy((statement,))]).evaluate(request).allowed
    assert second_opinion(Policy((statement,)), request) == "implicitly denied"


def expanded(policy: Policy, context: dict[str, str]) -> Policy:
    """Return a policy with its variables replaced, for an evaluator that has none.

    A value with a variable that has no value is left out; the escapes are left to the caller,
    whose pools have them only where a plain text comparison is the same.
    """
    if policy.version == "2008-10-17":
        return policy

    def texts(values: tuple[str, ...]) -> tuple[str, ...]:
        expansions = []
        for value in values:
            text = re.sub(
                r"\$\{aws:username(?:, '(.*?)')?\}",
                lambda m: context.get("aws:username", m[1] if m[1] is not None else "\0"),
                value,
            )
            if "\0" not in text:
                expansions.append(text)
        return tuple(expansions)

    return replace(
        policy,
        statements=tuple(
            replace(
                s,
                resources=(texts(s.resources) or ("none",)) if s.resources else (),
                not_resources=texts(s.not_resources) or (("none",) if s.not_resources else ()),
                conditions=tuple(replace(c, values=texts(c.values)) for c in s.conditions),
            )
            for s in policy.statements
        ),
    )


def is_defined(policy: Policy) -> bool:
    """Say whether AWS defines each of a policy's conditions; ministack reads the rest its way."""
    return not any(
        conditions.undefined(conditions.parse(c, ElementPath("policy"), variables=True))
        for s in policy.statements
        for c in s.conditions
    )


def test_the_two_agree_once_the_rules_are_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    for correction in CORRECTIONS:
        correction(monkeypatch)
    random, outcomes = Random(20240722 + FUZZ), dict.fromkeys(OUTCOMES.values(), 0)
    for _ in range(POLICIES):
        policy = pools.policy(random)
        if not is_defined(policy):
            continue
        compiled = compile_policies([policy])
        for _ in range(REQUESTS):
            request = pools.request(random)
            ours = compiled.evaluate(request).outcome
            outcomes[ours] += 1
            assert ours == second_opinion(policy, request), (policy, request)
    assert min(outcomes.values()) > POLICIES * REQUESTS // 20, "a lopsided sample says little"


def test_the_two_agree_on_variables_that_are_expanded_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for correction in CORRECTIONS:
        correction(monkeypatch)
    random, used = Random(FUZZ), 0
    for _ in range(POLICIES // 4):
        policy = pools.with_variables(random, pools.policy(random))
        if any(e in v for s in policy.statements for c in s.conditions for v in c.values
               for e in ("${*}", "${?}", "${$}")):  # fmt: skip
            continue
        if not is_defined(policy):
            continue
        compiled = compile_policies([policy])
        for _ in range(REQUESTS):
            request = pools.with_user(random, pools.request(random))
            plain = expanded(policy, {k: str(v) for k, v in request.context.items()})
            used += plain != policy
            ours = compiled.evaluate(request).outcome
            assert ours == second_opinion(plain, request), (policy, request)
    assert used > POLICIES // 4
