"""What somebody who means ill, or nothing, can put into a plan."""

import gzip
import io
import re
from pathlib import Path

import pytest
from vpc_cni_iam.review.report.json import write

from conftest import run
from synthetic import allow, document, plan, policy, resource, reviewed, rules
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.obtain import obtain
from vpc_cni_iam.review.report_formats import REPORTS, Setting

GOOD = plan(policy("p", None, document(allow("ec2:A"))))
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
    "a key twice": (GOOD[:-1] + b', "resource_changes": []}', "stands twice"),
    "nested deeply": (b'{"a":' + b"[" * 200_000, "nests too deeply"),
    "a change that is none": (
        GOOD.replace(b'"actions": ["create"]', b'"actions": 7'),
        "line 1, column 432",
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


def test_an_unreadable_plan_is_exit_code_3(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(GOOD[:-40])
    done = run("review", path)
    assert (done.code, done.out) == (3, "")
    assert "cut off" in done.err


def test_a_byte_order_mark_and_gzip_are_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    for text in (b"\xef\xbb\xbf" + GOOD, gzip.compress(GOOD)):
        path.write_bytes(text)
        assert len(obtain(str(path), io.BytesIO(), "auto", {}).resources) == 1
        assert len(obtain("-", io.BytesIO(text), "auto", {}).resources) == 1


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
    expected = "unreadable-policy" if text else "access-removed"
    assert expected in rules(review)
    assert len(write(review, Setting())) < 50_000


def test_an_action_that_iam_refuses_does_not_end_the_review() -> None:
    actions = ["ec2:AssignPrivateIpAddresses", "ec2:${aws:username}"]
    inline = {"name": "i", "role": "r", "policy": document(allow(actions))}
    review = reviewed(
        policy("p", None, document(allow(actions))),
        resource("aws_iam_role_policy", "i", None, inline),
    )
    assert {f.address for f in review.findings} >= {"aws_iam_policy.p", "aws_iam_role_policy.i"}


EVIL = "\x1b[2J\x1b]0;pwned\x07<img src=x onerror=alert(1)>|`\u202egnp.\u2028\r\n# evil [link](x)"


def every_report(path: Path) -> dict[str, str]:
    """What a review prints, and every report that it writes, by format."""
    folder = path.parent / "reports"
    options = [f"--report={name}={folder / name}" for name in REPORTS]
    done = run("review", path, *options, env={"FORCE_COLOR": "", "NO_COLOR": "1"})
    assert (done.code, done.err) == (1, "")
    reports = {name: (folder / name).read_text(encoding="utf-8") for name in REPORTS}
    return {"standard output": done.out, **reports}


def test_nothing_from_a_plan_moves_the_cursor_or_reverses_the_text(tmp_path: Path) -> None:
    address = f'aws_iam_policy.p["{EVIL}"]'
    change = policy(
        "p", None, document(allow(f"ec2:{EVIL}", EVIL)), address=address, importing={"id": EVIL}
    )
    drift = policy("q", document(allow("ec2:A")), f"not {EVIL}", previous_address=EVIL)
    path = tmp_path / "plan.json"
    path.write_bytes(plan(change, drift))
    for name, text in every_report(path).items():
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text), (
            f"{name}: use sanitise()"
        )
        assert "\n# evil" not in text


def test_what_is_sensitive_is_nowhere(tmp_path: Path) -> None:
    secret = "hunter2"
    text = document(allow("s3:Get", f"arn:aws:s3:::{secret}"))
    hidden = {"after_sensitive": {"policy": True}, "before_sensitive": {"policy": True}}
    inline = [{"name": secret, "policy": text}]
    values = {"name": "r", "inline_policy": inline, "managed_policy_arns": [f"arn:{secret}"]}
    marks = {"inline_policy": [{"name": True, "policy": True}], "managed_policy_arns": [True]}
    configuration = {
        "root_module": {
            "resources": [
                {
                    "type": "aws_iam_role",
                    "name": "r",
                    "expressions": {"inline_policy": [{}], "managed_policy_arns": {}},
                }
            ]
        }
    }
    contents = plan(
        policy("p", text, text.replace("Get", "Put"), **hidden),
        policy("q", text, "no policy " + secret, **hidden),
        resource("aws_iam_role", "r", None, values, after_sensitive=marks),
        resource(
            "aws_iam_role_policy_attachment",
            "a",
            None,
            {"role": secret, "policy_arn": f"arn:{secret}"},
            after_sensitive={"role": True, "policy_arn": True},
        ),
        configuration=configuration,
    )
    path = tmp_path / "plan.json"
    path.write_bytes(contents)
    for text in every_report(path).values():
        assert secret not in text
        assert "sensitive-policy" in text


def test_a_policy_that_is_sensitive_and_stays_is_no_finding() -> None:
    text = document(allow("s3:Get"))
    hidden = {"after_sensitive": {"policy": True}, "before_sensitive": {"policy": True}}
    change = policy("p", text, text, **hidden)
    change["change"]["actions"] = ["update"]
    assert reviewed(change).findings == ()


@pytest.mark.parametrize("odd", [None, True, 7, 1.5, "x", {"a": 1}])
def test_what_no_engine_writes_is_no_crash(odd: object) -> None:
    block = {"mode": "data", "type": "aws_iam_policy_document", "name": "d"}
    read = {
        "address": "data.aws_iam_policy_document.d",
        **block,
        "change": {
            "actions": ["read"],
            "after": {"source_policy_documents": odd, "override_policy_documents": odd},
            "after_unknown": {"json": True},
        },
    }
    expression = {"references": odd}
    policies = {"source_policy_documents": expression, "policy": expression}
    blocks = [
        {**block, "expressions": policies},
        {"type": "aws_iam_policy", "name": "p", "expressions": policies},
    ]
    later = policy("p", None, None, after_unknown={"policy": True})
    later["change"]["after"] = {"name": "p"}
    configuration = {"root_module": {"resources": blocks}}
    review = reviewed(read, later, configuration=configuration)
    assert rules(review) == {"unknown-policy"}


NOT = ("yes", True, 7, [[]], [None], {"a": None})


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
    data["change"]["after"] = {"source_policy_documents": value, "source_json": value}
    configuration = {
        "root_module": {
            "resources": [
                {
                    "type": attachment,
                    "name": "a",
                    "expressions": {"policy_arn": {"references": references}},
                }
            ]
        }
    }
    review = reviewed(
        resource("aws_iam_role", "r", None, values),
        resource(kind, "p", None, {"policy": document(allow("ec2:A"))}, address="aws_iam_policy.p"),
        *([data] if place == "documents" else []),
        later,
        configuration=configuration,
    )
    assert review.findings
