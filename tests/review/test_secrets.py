"""What a plan marks sensitive is in no report, wherever a provider repeats it."""

import json
import re
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conftest import ROOT, run
from synthetic import allow, document, plan, policy, resource, reviewed, rules
from test_secret_values import go
from vpc_cni_iam import json_schema
from vpc_cni_iam.inputs.plan.marked import marked
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.inputs.plan.secrets import Secrets, is_mark
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.review.report.shown import ShownReview
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


@pytest.mark.parametrize("name", [*REPORTS])
def test_no_part_of_a_sensitive_policy_is_shown_of_the_document_that_joins_it(name: str) -> None:
    """The provider writes the document anew, and marks only the policy that it joins."""
    private, public = allow("s3:GetObject", "arn:aws:s3:::hunter2-joined/*"), allow("s3:ListBucket")
    joined = json.dumps(json.loads(document(private, public)), indent=2)
    stated = {
        "address": "data.aws_iam_policy_document.d",
        "mode": "data",
        "type": "aws_iam_policy_document",
        "name": "d",
        "values": {"json": joined, "source_policy_documents": [document(private)]},
        "sensitive_values": {"source_policy_documents": [True]},
    }
    state = {"values": {"root_module": {"resources": [stated]}}}
    review = reviewed(policy("p", None, joined), prior_state=state)
    assert "hunter2" not in REPORTS[name](review, Setting(details=True))
    assert rules(review) == {"sensitive-policy"}


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
    assert "new-access" in rules(result)
    texts = {name: report(result, Setting(details=True)) for name, report in REPORTS.items()}
    jsonschema.validate(json.loads(texts["json"]), json_schema.schema("A review", ShownReview))


def test_a_short_value_does_not_empty_the_report() -> None:
    review = reviewed(
        resource(
            "aws_iam_policy", "p", None, {"name": "*", "policy": document(allow("s3:*"))}, **HIDDEN
        )
    )
    assert "new-policy" in rules(review)
    assert "s3:*" in REPORTS["markdown"](review, Setting(details=True))


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_value_is_found_behind_the_escapes_of_json(levels: int) -> None:
    secret = "hunter2-Quest"
    escaped = "".join(rf"\u{ord(letter):04x}" for letter in secret)
    text = f'{{"a": "{escaped}"}}'
    for _ in range(levels - 1):
        text = json.dumps({"a": text})
    masked = Secrets([secret]).masked(text)
    for _ in range(levels):
        masked = json.loads(masked)["a"]
    assert masked == "(sensitive)"


OF_GO = 'a<b>&"c"\u2028d'
MARK = "(sensitive)"


@pytest.mark.parametrize(
    ("secret", "repeated", "shown"),
    [
        ("hunter2-Quest", "HUNTER2-QUEST", MARK),
        ("hunterΣ", "hunterΣ-x", f"{MARK}-x"),
        ("hunterİ-ß", "hunterİ-ß", MARK),
        (" hunter ", "a hunter b", f"a{MARK}b"),
        (OF_GO, go({"a": OF_GO}).replace("\u2028", r"\u2028"), f'{{"a":"{MARK}"}}'),
        # Providers write a number of the plan anew in a text, with or without an exponent.
        ("12345678901234567890", "x12345678901234567890x", f"x{MARK}x"),
        ("12345678901234567890", "12345678901234567168", MARK),
        ("12345678901234567890", "1.2345678901234567e+19", MARK),
        ("1.2345678901234567e+22", "12345678901234567000000", MARK),
        ("1.25e-7", "0.000000125", MARK),
        ("0.000000125", "1.25e-07", MARK),
    ],
)
def test_a_value_is_found_in_any_case_script_and_notation(
    secret: str, repeated: str, shown: str
) -> None:
    secrets = Secrets([secret])
    assert secrets.masked(f"a-{repeated}-b") == f"a-{shown}-b"
    limits = document(allow("s3:*", "*", Condition={"NumericEquals": {"s3:max-keys": [repeated]}}))
    assert repeated not in secrets.masked(limits)


def test_a_value_too_short_to_be_looked_for_is_hidden_where_it_is_marked() -> None:
    values = {"a": ["x", {"b": ["y", 7, "x"]}, "z"], "c": "x"}
    marks = {"a": [True, {"b": [False, True]}]}
    hidden = Secrets(marked(values, marks)).hidden(values, marks)
    assert hidden == {"a": ["(sensitive)", {"b": ["y", "(sensitive 2)", "x"]}, "z"], "c": "x"}


def test_many_values_that_begin_alike_take_little_time() -> None:
    arns = [f"arn:aws:iam::111122223333:role/prod/{n:06}" for n in range(20_000)]
    secrets = Secrets(arns)
    begun = time.process_time()
    texts = [document(allow("s3:*", [f"{arn}-x" for arn in arns[n::2000]])) for n in range(200)]
    assert all("arn:" not in secrets.masked(text) for text in texts)
    assert time.process_time() - begun < 10


def test_a_mark_stands_for_one_value() -> None:
    secrets = Secrets(["hunter2", "hunter2-longer", "Hunter2"])
    texts = ["hunter2", "Hunter2", "hunter2-longer", "(sensitive)", "hunter2 (sensitive 2)"]
    masked = [secrets.masked(text) for text in texts]
    assert len({*masked}) == len(texts)
    policies = [Policy((Statement("Allow", actions=(m,), resources=(m,)),)) for m in masked]
    for text, marked_policy in zip(texts, policies, strict=True):
        (statement,) = secrets.restored(marked_policy).statements
        assert (statement.actions, statement.resources) == ((text,), (text,))
