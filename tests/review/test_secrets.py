"""What a plan marks sensitive is in no report, wherever a provider repeats it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from vpc_cni_iam.review.diff.proofs import NOT_SHOWN

from conftest import ROOT, run, validator
from synthetic import allow, document, plan, policy, resource, reviewed
from vpc_cni_iam.inputs.plan.marked import marked
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.review.report_formats import REPORTS, Setting

REAL = sorted((ROOT / "tests" / "review" / "plans").glob("sensitive.*.json"))


def shown(name: Path, *options: str) -> str:
    done = run("review", name, "--details", *options)
    assert done.code == 1, done.err
    return done.out + done.err


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
@pytest.mark.parametrize("name", [*REPORTS])
def test_a_real_plan_shows_no_value_that_it_marks(path: Path, name: str) -> None:
    assert len(set(re.findall("hunter2-[a-z]+", path.read_text()))) == 5
    text = shown(path, "--format", name)
    assert "hunter2" not in text
    # What is beside it is judged and shown all the same.
    assert NOT_SHOWN in text
    assert "s3:PutObject" in text
    if name == "text":
        shown_line = (
            r"s3:PutObject on \(sensitive \d+\) if s3:prefix StringEquals '\(sensitive \d+\)'"
        )
        assert re.search(shown_line, text)


def test_every_kind_of_mark_is_found() -> None:
    stated = {
        "address": "data.aws_ssm_parameter.p",
        "mode": "data",
        "type": "aws_ssm_parameter",
        "name": "p",
        "values": {"value": "in a data source"},
        "sensitive_values": {"value": True},
    }
    child = {
        "expressions": {"given": {"constant_value": ["to a module"]}},
        "module": {
            "variables": {
                "given": {"sensitive": True},
                "left": {"sensitive": True, "default": {"a": "as a default"}},
                "open": {"default": "open"},
                "repeats": {"default": {"a": ["the password is: of before"]}},
            }
        },
    }
    text = plan(
        resource("aws_db_instance", "d", {"password": "before"}, {"password": 1234567}),
        resource(
            "aws_db_instance",
            "e",
            {"password": "of before", "name": "open"},
            {"password": "of after", "name": "open"},
            before_sensitive={"password": True, "tags": {}},
            after_sensitive={"password": True, "tags": {}},
        ),
        resource("x_thing", "all", None, {"a": {"b": ["everything"]}}, after_sensitive=True),
        prior_state={"values": {"root_module": {"resources": [stated]}}},
        output_changes={
            "o": {
                "actions": ["create"],
                "before": None,
                "after": {"a": ["of an output"]},
                "after_sensitive": True,
            }
        },
        variables={"v": {"value": "of the root"}, "open": {"value": "open"}},
        configuration={
            "root_module": {
                "variables": {"v": {"sensitive": True}, "open": {}},
                "module_calls": {"child": child},
            }
        },
    )
    contents = read_plan(text, "plan.json")
    for secret in (
        *("of before", "of after", "everything", "in a data source", "of an output"),
        *("of the root", "to a module", "as a default"),
    ):
        assert is_mark(contents.secrets.masked(secret)), secret
        assert secret not in repr(contents)
    assert contents.secrets.masked("open") == "open"
    assert contents.variables == {"open": "open"}


def test_marks_are_of_places() -> None:
    values: Any = {"a": [{"b": "x", "c": "y"}, {"b": "z"}], "d": {"e": 12, "f": True}, "g": None}
    marks: Any = {"a": [{"b": True}, {}], "d": True, "g": True, "gone": True}
    assert sorted(marked(values, marks)) == ["12", "x"]
    assert list(marked(values, False)) == []


def test_a_policy_that_is_sensitive_is_hidden_however_a_role_repeats_it() -> None:
    text = document(allow("s3:Get*", "arn:aws:s3:::hunter2"))
    again = json.dumps(json.loads(text), indent=2, sort_keys=True)
    repeated = {"name": "r", "inline_policy": [{"name": "i", "policy": again}]}
    values = {"role": "r", "name": "i", "policy": text}
    gone = resource("aws_iam_role_policy", "i", values, None, before_sensitive={"policy": True})
    review = reviewed(gone, resource("aws_iam_role", "r", repeated, None))
    for name, report in REPORTS.items():
        assert "hunter2" not in report(review, Setting(details=True)), name


HIDDEN = {"after_sensitive": {"name": True}, "before_sensitive": {"name": True}}


@pytest.mark.parametrize(
    "secret",
    ['a "quoted"\tvalue', "it's\\odd", "(a+)+$", "MixedCase", "\u00e9\u202etest", "x" * 5000],
)
def test_a_value_is_found_in_every_spelling(secret: str) -> None:
    bucket = f"arn:aws:s3:::{secret}"
    values = [
        {"name": secret, "arn": f"arn:aws:iam::1:policy/{secret}", "policy": text}
        for text in (document(allow("s3:Get", bucket)), document(allow("s3:*", bucket)))
    ]
    broken = document({"Effect": secret, "Action": "s3:*"})
    review = reviewed(
        resource("aws_iam_policy", "p", *values, **HIDDEN),
        policy("broken", None, broken),
        policy("keyed", None, document(allow("s3:A", Condition={"Null": {secret.lower(): "x"}}))),
    )
    for name, report in REPORTS.items():
        text = report(review, Setting(details=True))
        for spelling in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]):
            assert spelling.lower()[:1000] not in text.lower(), name
        assert "(sensitive)" in text


@pytest.mark.parametrize("secret", ["some", "unknown", "update", "error", "known", "gain", "Allow"])
def test_a_value_that_is_a_word_of_ours_breaks_no_report(secret: str) -> None:
    action = "ec2:AssignPrivateIpAddresses"
    role = {"name": secret, "assume_role_policy": document(allow("sts:AssumeRole"))}
    result = reviewed(
        resource("aws_iam_role", "r", role, role, **HIDDEN),
        resource(
            "aws_iam_role_policy",
            "p",
            {"role": "r", "policy": document(allow(action, "arn:x"))},
            {"role": "r", "policy": document(allow(action))},
        ),
    )
    assert any(p.matrix for p in result.principals)
    texts = {name: report(result, Setting(details=True)) for name, report in REPORTS.items()}
    validator("review").validate(json.loads(texts["json"]))


def test_a_short_value_does_not_empty_the_report() -> None:
    review = reviewed(
        resource(
            "aws_iam_policy", "p", None, {"name": "*", "policy": document(allow("s3:*"))}, **HIDDEN
        )
    )
    assert "allowed" in REPORTS["markdown"](review, Setting(details=True))
    assert "s3:*" in REPORTS["markdown"](review, Setting(details=True))
