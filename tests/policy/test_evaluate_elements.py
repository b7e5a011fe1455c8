"""Statements, actions, resources and principals, each rule by the AWS page it follows."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from statements import allow, deny
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Outcome, Request, compile_policies

ENI = "arn:aws:ec2:us-east-1:111122223333:network-interface/eni-1"


def compiled(*statements: Statement) -> Compiled:
    return compile_policies([Policy(statements)])


def matches(statement: Statement, request: Request) -> bool:
    return compiled(statement).evaluate(request).allowed


class TestPolicyEvaluationLogic:
    """Page "Policy evaluation logic"."""

    def test_nothing_is_allowed_by_default(self) -> None:
        assert compile_policies([]).evaluate(Request("ec2:CreateTags", ENI)) == Decision(
            "implicitly denied"
        )
        assert compiled(allow("s3:*")).evaluate(Request("ec2:CreateTags", ENI)) == Decision(
            "implicitly denied"
        )

    def test_one_allow_is_enough_and_the_first_is_named(self) -> None:
        policies = [Policy((allow("s3:*"),)), Policy((allow("s3:*"), allow("ec2:*"), allow("*")))]
        decision = compile_policies(policies).evaluate(Request("ec2:CreateTags", ENI))
        assert decision == Decision("allowed", 1, 1)
        assert decision.allowed

    def test_an_explicit_deny_wins_wherever_it_stands(self) -> None:
        policies = [Policy((allow("*"), allow("ec2:*"))), Policy((allow("*"), deny("ec2:*")))]
        for order, at in ((policies, 1), (policies[::-1], 0)):
            decision = compile_policies(order).evaluate(Request("ec2:CreateTags", ENI))
            assert decision == Decision("explicitly denied", at, 1)
            assert not decision.allowed

    def test_a_deny_that_does_not_apply_denies_nothing(self) -> None:
        policy = compiled(deny("ec2:DeleteTags"), allow("ec2:*"))
        assert policy.evaluate(Request("ec2:CreateTags", ENI)).allowed

    def test_answers_do_not_depend_on_what_was_asked_before(self) -> None:
        policy = compiled(allow("ec2:Create*"), deny("ec2:CreateVpc"))
        actions = ("ec2:CreateTags", "EC2:CREATEVPC", "ec2:CreateVpc", "s3:GetObject")
        first = [policy.evaluate(Request(action, ENI)) for action in actions]
        assert [policy.evaluate(Request(action, ENI)) for action in actions] == first
        assert [d.outcome for d in first] == [
            "allowed", "explicitly denied", "explicitly denied", "implicitly denied"
        ]  # fmt: skip

    def test_the_memory_of_actions_is_bounded(self) -> None:
        policy = compiled(allow("ec2:a1*"))

        def memory_after(numbers: range) -> int:
            for number in numbers:
                allowed = policy.evaluate(Request(f"ec2:a{number}", ENI)).allowed
                assert allowed is str(number).startswith("1")
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            few, many = memory_after(range(4000)), memory_after(range(4000, 20_000))
        finally:
            tracemalloc.stop()
        assert many < 2 * few


class TestAction:
    """Pages "IAM JSON policy elements: Action" and "... NotAction"."""

    @pytest.mark.parametrize(
        ("pattern", "action", "expected"),
        [
            ("ec2:CreateTags", "ec2:CreateTags", True),
            ("ec2:createtags", "EC2:CreateTags", True),
            ("EC2:CREATE*", "ec2:createVpc", True),
            ("ec2:Create????", "ec2:CreateTags", True),
            ("ec2:Create????", "ec2:CreateVpc", False),
            ("ec2:*Tags", "ec2:CreateTags", True),
            ("ec2:*", "ec2:CreateTags", True),
            ("ec2:*", "ec2x:CreateTags", False),
            ("*", "ec2:CreateTags", True),
            ("*:*", "ec2:CreateTags", True),
            ("ec2:CreateTag", "ec2:CreateTags", False),
        ],
    )
    def test_wildcards_and_case(self, pattern: str, action: str, expected: bool) -> None:
        assert matches(allow(pattern), Request(action, ENI)) is expected
        negated = Statement("Allow", not_actions=(pattern,), resources=("*",))
        assert matches(negated, Request(action, ENI)) is not expected

    def test_not_action_is_all_but_what_it_lists(self) -> None:
        statement = Statement("Allow", not_actions=("iam:*", "sts:*"), resources=("*",))
        assert matches(statement, Request("ec2:CreateTags", ENI))
        assert not matches(statement, Request("IAM:PassRole", ENI))
        assert not matches(statement, Request("sts:AssumeRole", ENI))

    @pytest.mark.parametrize(
        ("statement", "text"),
        [
            (Statement("Allow", resources=("*",)), "needs either Action or NotAction"),
            (
                Statement("Allow", ("a:b",), ("c:d",), ("*",)),
                "needs either Action or NotAction",
            ),
            (allow("CreateTags"), "no service prefix"),
            (allow("ec2*"), "no service prefix"),
            (allow("ec2:${aws:username}"), "an action cannot have"),
        ],
    )
    def test_what_is_no_action_is_an_error(self, statement: Statement, text: str) -> None:
        with pytest.raises(InputError, match=text):
            compiled(statement)

    def test_under_the_old_version_a_variable_is_text(self) -> None:
        policy = Policy((allow("ec2:${aws:username}"),), "2008-10-17")
        assert compile_policies([policy]).evaluate(Request("ec2:${aws:username}", ENI)).allowed


class TestResource:
    """Pages "IAM JSON policy elements: Resource", "... NotResource" and "IAM identifiers"."""

    @pytest.mark.parametrize(
        ("pattern", "resource", "expected"),
        [
            ("*", ENI, True),
            ("*", "*", True),
            (ENI, ENI, True),
            (ENI.upper().replace("ARN", "arn", 1), ENI, False),
            (ENI[:-1] + "?", ENI, True),
            (ENI + "?", ENI, False),
            (ENI + "*", ENI, True),
            ("arn:aws:ec2:*:*:network-interface/*", ENI, True),
            ("arn:aws:ec2:*:*:subnet/*", ENI, False),
            ("arn:aws:ec2:*", ENI, True),
            ("arn:aws:ec2:us-*:111122223333:*", ENI, True),
            (ENI, "*", False),
            ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1///test///o.jpg", True),
            ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b//test/o.jpg", True),
            ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/test/", True),
            ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1-test/o.jpg", False),
            ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/test/o.jpg", False),
        ],
    )
    def test_wildcards_and_case(self, pattern: str, resource: str, expected: bool) -> None:
        assert matches(allow("*", on=pattern), Request("ec2:X", resource)) is expected
        negated = Statement("Allow", ("*",), not_resources=(pattern,))
        assert matches(negated, Request("ec2:X", resource)) is not expected

    @pytest.mark.parametrize(
        ("pattern", "resource", "expected"),
        [
            ("arn:aws:sqs", "arn:aws:sqs:us-east-1:111122223333:queue", True),
            ("arn:aws:sqs:us-east-1", "arn:aws:sqs:us-east-1:111122223333:queue", True),
            ("arn:aws:sqs:us-east-1", "arn:aws:sqs:us-east-2:111122223333:queue", False),
            ("arn:aws:sqs:*", "arn:aws:sqs:us-east-2:111122223333:queue", True),
            ("arn:aws:sqs", "arn:aws:sqsx:us-east-1:111122223333:queue", False),
            ("arn:aws:sqs:*:queue*", "arn:aws:sqs:us-east-1:111122223333:queue", False),
            ("arn:aws:sqs:*:queue*", "arn:aws:sqs:us-east-1:111122223333:queue:x", True),
            ("**", "*", True),
        ],
    )
    def test_an_incomplete_arn_is_completed(
        self, pattern: str, resource: str, expected: bool
    ) -> None:
        assert matches(allow("*", on=pattern), Request("sqs:X", resource)) is expected

    @pytest.mark.parametrize("resource", ["", "bucket/*", "ec2:*", "${aws:PrincipalTag/arn}", "a*"])
    def test_what_is_no_arn_is_an_error(self, resource: str) -> None:
        with pytest.raises(InputError, match=r"Statement\[0\].Resource\[0\].*neither an ARN"):
            compiled(allow("*", on=resource))

    def test_both_or_none_is_an_error(self) -> None:
        with pytest.raises(InputError, match="has both Resource and NotResource"):
            compiled(Statement("Allow", ("*",), resources=("*",), not_resources=("*",)))
        with pytest.raises(InputError, match="needs either Resource or NotResource"):
            compiled(Statement("Allow", ("*",)))


class TestPrincipal:
    """Page "AWS JSON policy elements: Principal"."""

    ROLE = "arn:aws:iam::111122223333:role/path/node"
    SESSION = "arn:aws:sts::111122223333:assumed-role/node/i-1"

    BOB = "arn:aws:iam::111122223333:user/Bob"

    def trust(self, kind: str, *names: str) -> Statement:
        return Statement("Allow", ("sts:AssumeRole",), principals=(Principal(kind, names),))

    @pytest.mark.parametrize(
        ("kind", "names", "caller", "expected"),
        [
            ("*", ("*",), "", True),
            ("AWS", ("*",), SESSION, True),
            ("AWS", ("111122223333",), SESSION, True),
            ("AWS", ("111122223333",), "arn:aws:iam::444455556666:user/x", False),
            ("AWS", ("arn:aws:iam::111122223333:root",), ROLE, True),
            ("AWS", ("arn:aws:iam::111122223333:root",), "", False),
            ("AWS", (ROLE,), ROLE, True),
            ("AWS", (ROLE,), SESSION, True),
            ("AWS", (ROLE,), SESSION.replace("node/", "node2/"), False),
            ("AWS", (ROLE,), SESSION.replace("1111", "2222"), False),
            ("AWS", (SESSION,), SESSION, True),
            ("AWS", (SESSION,), ROLE, False),
            ("AWS", (BOB,), BOB, True),
            ("AWS", (BOB,), BOB.replace("Bob", "bob"), False),
            ("Service", ("ec2.amazonaws.com", "eks.amazonaws.com"), "eks.amazonaws.com", True),
            ("Service", ("ec2.amazonaws.com",), "eks.amazonaws.com", False),
            ("Federated", ("accounts.google.com",), "accounts.google.com", True),
        ],
    )  # fmt: skip
    def test_who_is_meant(
        self, kind: str, names: tuple[str, ...], caller: str, expected: bool
    ) -> None:
        request = Request("sts:AssumeRole", "*", caller)
        assert matches(self.trust(kind, *names), request) is expected

    def test_a_statement_without_principal_does_not_ask(self) -> None:
        assert matches(allow("*"), Request("ec2:X", ENI, "anyone"))

    def test_a_wildcard_in_a_name_is_an_error(self) -> None:
        for kind, name in (("AWS", "arn:aws:iam::1:role/*"), ("Service", "*")):
            with pytest.raises(InputError, match="cannot have wildcards"):
                compiled(self.trust(kind, name))

    def test_not_principal_is_refused_aloud(self) -> None:
        statement = Statement("Deny", ("*",), not_principals=(Principal("AWS", ("*",)),))
        with pytest.raises(InputError, match="NotPrincipal: is not evaluated"):
            compiled(statement)


class TestErrors:
    """What is malformed is an error that names the place, never a silent deny."""

    def test_a_version_that_iam_does_not_have(self) -> None:
        with pytest.raises(InputError, match=r"policy 2: \$.Version"):
            compile_policies([Policy(()), Policy((allow("*"),), version="2015-01-01")])

    def test_an_effect_in_another_spelling(self) -> None:
        with pytest.raises(InputError, match="Effect: 'allow' is not 'Allow' or 'Deny'"):
            compiled(Statement("allow", ("*",), resources=("*",)))  # type: ignore[arg-type]

    def test_a_condition_that_stands_twice(self) -> None:
        conditions = tuple(Condition("StringEquals", key, ("a",)) for key in ("aws:x", "AWS:X"))
        with pytest.raises(InputError, match="is there twice"):
            compiled(allow("*", when=conditions))

    def test_a_context_key_in_two_spellings(self) -> None:
        request = Request("ec2:X", ENI, context={"aws:x": "a", "AWS:X": "b"})
        with pytest.raises(InputError, match="AWS:X: the context has this key in two spellings"):
            compiled(allow("*")).evaluate(request)

    def test_the_name_of_the_policies_is_the_callers(self) -> None:
        with pytest.raises(InputError, match=r"^old policy 1: \$.Statement\[1\]"):
            compile_policies([Policy((allow("*"), allow("x")))], "old policy")


def test_upstreams_document_needs_its_names() -> None:
    from vpc_cni_iam.catalog import parameters
    from vpc_cni_iam.catalog.facts import documents

    raw = documents.find("2022-01-31").document("ipv4-scoped")
    names = {"cluster_name": "prod", "vpc_id": "vpc-1"}
    filled = parameters.fill(raw, {**parameters.values({}), **names})
    request = Request(
        "ec2:CreateNetworkInterface",
        "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-1",
        context={"ec2:Vpc": "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1"},
    )
    assert compile_policies([filled]).evaluate(request) == Decision("allowed", 0, 3)
    other = Request(
        request.action, request.resource, context={"ec2:Vpc": "arn:aws:ec2:::vpc/vpc-2"}
    )
    assert not compile_policies([filled]).evaluate(other).allowed
    # Without them it is not known whether the statement is about the VPC.
    assert compile_policies([raw]).evaluate(request).outcome is Outcome.UNDECIDED
    assert json.dumps(request.context)
