"""Plans that cannot be read, and values of any type where a plan has one."""

import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from conftest import run
from eks import CNI, irsa
from plugin_setup import of_cni, without
from synthetic import (
    Json,
    allow,
    block,
    configured,
    document,
    plan,
    policy,
    resource,
    reviewed,
    rules,
)
from test_secret_values import eks
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.obtain import obtain
from vpc_cni_iam.review.report_formats import REPORTS, Setting

GOOD = plan(policy("p", None, document(allow("ec2:A"))))
PLANNED = {"root_module": {"child_modules": [{"resources": [{"address": "module.a.null_x.b"}]}]}}
WITHOUT_CHANGES = json.loads(plan(planned_values=PLANNED))
STATED = {"address": "aws_iam_policy.s", "type": "aws_iam_policy", "name": "s"}
PRIOR = {"values": {"root_module": {"resources": [STATED, STATED]}}}
UNREADABLE = {
    "nothing": (b"", "is empty"),
    "cut off": (GOOD[:-40], "cut off"),
    "cut off in a text": (GOOD[:60], "cut off"),
    "two": (GOOD + GOOD, "more text follows"),
    "not JSON": (b"Terraform will perform the following actions:", "not the JSON of a plan"),
    "a list": (b"[1]", "not the JSON of a plan"),
    "another format": (GOOD.replace(b'"1.2"', b'"2.0"'), "format_version"),
    "errored": (GOOD[:-1] + b', "errored": true}', "ended in an error"),
    "a state": (b'{"version": 4, "serial": 1, "resources": []}', "is a state"),
    "a state shown": (b'{"format_version": "1.0", "values": {}}', "is a state"),
    "other JSON": (b'{"a": 1}', "not that of a plan"),
    "a log": (b'{"@level":"info"}\n{"@level":"info"}\n', "the log of terraform plan"),
    "a key twice": (GOOD[:-1] + b', "resource_changes": []}', "is there twice"),
    "an address twice": (
        plan(*[policy("p", None, document(allow(f"ec2:{name}"))) for name in "AB"]),
        "aws_iam_policy.p is there twice",
    ),
    "an address twice in the state": (plan(prior_state=PRIOR), "aws_iam_policy.s is there twice"),
    "a key of a change twice": (
        GOOD.replace(b'"actions": ["create"]', b'"actions": ["create"], "actions": ["no-op"]'),
        "line 1, $.change.actions: the key 'actions' is there twice in one object",
    ),
    "a key of a changed resource twice": (
        GOOD.replace(b'"type": "aws_iam_policy"', b'"type": "aws_iam_policy", "type": "x"'),
        "the key 'type' is there twice in one object",
    ),
    "nested deeply": (b'{"a":' + b"[" * 200_000, "nests too deeply"),
    "changes left out": (
        json.dumps({k: v for k, v in WITHOUT_CHANGES.items() if k != "resource_changes"}).encode(),
        "$.resource_changes: is missing or empty, but planned_values has resources",
    ),
    "changes filtered": (json.dumps(WITHOUT_CHANGES).encode(), "it is filtered"),
    "a change that is none": (
        GOOD.replace(b'"actions": ["create"]', b'"actions": 7'),
        "line 1, column 431",
    ),
    "UTF-16 cut off": (b"\xff\xfe{\x00\x00\xd8a\x00", "is not UTF-16 text"),
    "an action that is new": (GOOD.replace(b'"create"', b'"explode"'), "'explode'"),
    "no action": (GOOD.replace(b'["create"]', b"[]"), "is not known here"),
    "a long format": (GOOD.replace(b'"1.2"', b'"' + b"x" * 10_000 + b'"'), "format_version"),
    "damaged gzip": (gzip.compress(GOOD)[:-9], "damaged gzip"),
    "a zip": (b"PK\x03\x04" + GOOD, "zip archive"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_plan_is_an_error_that_says_why(name: str, tmp_path: Path) -> None:
    text, problem = UNREADABLE[name]
    path = tmp_path / "plan.json"
    path.write_bytes(text)
    with pytest.raises(InputError) as error:
        obtain(str(path), io.BytesIO(), "auto", {})
    assert problem in str(error.value)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 400


def test_a_byte_order_mark_and_gzip_are_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    for text in (b"\xef\xbb\xbf" + GOOD, gzip.compress(GOOD)):
        path.write_bytes(text)
        assert len(obtain(str(path), io.BytesIO(), "auto", {}).resources) == 1
        assert len(obtain("-", io.BytesIO(text), "auto", {}).resources) == 1


def test_a_plan_of_outputs_alone_has_no_findings(tmp_path: Path) -> None:
    outputs = {"outputs": {"a": {"sensitive": False, "value": 1}}, "root_module": {}}
    values = json.loads(plan(planned_values=outputs))
    del values["resource_changes"]
    (tmp_path / "plan.json").write_text(json.dumps(values))
    done = run("review", tmp_path / "plan.json")
    assert (done.code, "no findings" in done.out) == (0, True)


def test_modules_that_nest_without_end_are_refused() -> None:
    inner = '{"root_module": ' + '{"child_modules": [' * 1000
    text = plan(prior_state={}).replace(
        b'"prior_state": {}', b'"prior_state": {"values": ' + inner.encode()
    )
    with pytest.raises(InputError, match="nest"):
        read_plan(text, "plan.json")


@pytest.mark.parametrize(
    "text", ["", "{}", "not JSON", "[]", '{"Version": 1}', '{"Statement": []', "x" * 10_000_000]
)
def test_a_policy_that_is_none_is_a_finding(text: str) -> None:
    review = reviewed(policy("p", document(allow("ec2:A")), text))
    expected = "unreadable-policy" if text else "unknown-policy"
    assert expected in rules(review)
    findings = to_builtins(review.findings, enc_hook=str)
    assert len(json.dumps(findings)) < 50_000


def test_an_action_that_iam_refuses_does_not_end_the_review() -> None:
    actions = ["ec2:AssignPrivateIpAddresses", "ec2:${aws:username}"]
    inline = {"name": "i", "role": "r", "policy": document(allow(actions))}
    review = reviewed(
        policy("p", None, document(allow(actions))),
        resource("aws_iam_role_policy", "i", None, inline),
    )
    assert {f.address for f in review.findings} >= {"aws_iam_policy.p", "aws_iam_role_policy.i"}


NOT = (None, "yes", True, 7, 1.5, [[]], [None], {"a": None})
DOCUMENT_LISTS = ("source_policy_documents", "override_policy_documents", "source_json")


@pytest.mark.parametrize("value", NOT)
@pytest.mark.parametrize("place", ["inline_policy", "references", "documents", "type"])
def test_a_value_of_another_kind_is_no_traceback(place: str, value: object) -> None:
    named = {"name": value} if place == "inline_policy" else {"name": "i"}
    values = {"name": "r", "inline_policy": [{**named, "policy": document(allow("ec2:A"))}]}
    references = value if place == "references" else ["aws_iam_policy.p.arn", "aws_iam_policy.p"]
    attachment = "aws_iam_role_policy_attachment"
    later = resource(attachment, "a", None, {"role": "r"}, after_unknown={"policy_arn": True})
    kind = "aws_iam_nothing" if place == "type" else "aws_iam_policy"
    data = policy("d", None, None, actions=["read"], after_unknown={"json": True})
    data |= {"mode": "data", "type": "aws_iam_policy_document"}
    data["change"]["after"] = dict.fromkeys(DOCUMENT_LISTS, value)
    refers_to = {"references": references}
    configuration = configured(block(f"{attachment}.a", policy_arn=refers_to))
    review = reviewed(
        resource("aws_iam_role", "r", None, values),
        resource(kind, "p", None, {"policy": document(allow("ec2:A"))}, address="aws_iam_policy.p"),
        *([data] if place == "documents" else []),
        later,
        configuration=configuration,
    )
    assert review.findings


ODD = (None, True, 0, 1.5, "", "x", "\x1b[2J", [], [None], [[]], ["x"], {}, {"x": 1}, [{"x": []}])


def mutated(value: Any, rnd: random.Random) -> Any:
    """A value with one place of it replaced."""
    if isinstance(value, dict) and value and rnd.random() < 0.9:
        key = rnd.choice(sorted(value))
        return {**value, key: mutated(value[key], rnd)}
    if isinstance(value, list) and value and rnd.random() < 0.9:
        place = rnd.randrange(len(value))
        return [mutated(v, rnd) if i == place else v for i, v in enumerate(value)]
    return rnd.choice(ODD)


@pytest.mark.parametrize("seed", range(30))
def test_odd_values_are_no_crash(seed: int) -> None:
    rnd = random.Random(seed)
    changes: list[Json] = []
    for change in eks("a-name"):
        for side in ("before", "after", "after_unknown"):
            if change["change"][side] is not None and rnd.random() < 0.5:
                change["change"][side] = mutated(change["change"][side], rnd)
        changes.append(change)
    for change in changes:
        try:
            review = reviewed(change)
        except InputError:
            continue
        for report in REPORTS.values():
            assert report(review, Setting(details=True))
    assert plan(*changes)


@pytest.mark.parametrize("arn", ["arn:aws", "arn:iam::111122223333:role/cni", "arn:foo:iam::1:x/y"])
def test_an_arn_that_names_no_known_partition_ends_no_review(arn: str) -> None:
    same = {"name": "cni", "arn": arn, "assume_role_policy": irsa()}
    role = resource("aws_iam_role", "cni", same, same)
    (plugin,) = reviewed(role, of_cni(CNI, without("ec2:DescribeSubnets"))).plugins
    assert plugin.answer.startswith("fails")


def test_a_format_with_thousands_of_digits_is_a_newer_one() -> None:
    newer = {"format_version": f"1.{'9' * 5000}"}
    assert "plan-format-unknown" in rules(reviewed(policy("p", None, document()), **newer))
