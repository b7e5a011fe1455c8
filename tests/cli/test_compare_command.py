"""``vpc-cni-iam compare``: whether a policy allows what another does not, by which request."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Run, run, validator

Call = Callable[..., Run]
SUBNETS = "arn:aws:ec2:*:*:subnet/*"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str, on: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": on, **more}


def written(tmp_path: Path, **files: Any) -> None:
    for name, value in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(value))


DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
TAGGED = {"StringEquals": {"aws:ResourceTag/a": "b"}}


@pytest.mark.parametrize(
    ("old", "new", "lines", "verdict", "code"),
    [
        (
            document(allow("ec2:*")),
            document(allow("ec2:Describe*")),
            ["- statement 1 allows ec2:* on *", "+ statement 1 allows ec2:Describe* on *"],
            "no new access (proven)",
            0,
        ),
        (
            document(allow("ec2:DescribeTags"), allow("s3:GetObject")),
            document(allow("ec2:DescribeTags")),
            ["- statement 2 allows s3:GetObject on *"],
            "no new access (proven)",
            0,
        ),
        (
            document(allow("ec2:DeleteTags", Condition=TAGGED)),
            document(allow("ec2:DeleteTags")),
            [
                "~ statement 1 (ec2:DeleteTags)",
                "  - condition aws:ResourceTag/a StringEquals 'b'",
            ],
            "new access, for instance ec2:DeleteTags on",
            1,
        ),
        (
            document(allow("ec2:DeleteTags", Condition={"NumericLessThan": {"a:b": "5"}})),
            document(allow("ec2:DeleteTags", Condition={"NumericLessThan": {"a:b": "4"}})),
            [
                "~ statement 1 (ec2:DeleteTags)",
                "  - condition a:b NumericLessThan '5'",
                "  + condition a:b NumericLessThan '4'",
            ],
            "not proven: ",
            1,
        ),
        (
            document(allow("ec2:DescribeTags"), DENY),
            document(allow("ec2:DescribeTags")),
            [
                "- statement 2 denies s3:* on *",
                "note: statement 2 of the old policy denies s3:* on *; the new policy does not "
                "deny all of this. If another policy of the identity allows it, it is now allowed",
            ],
            "no new access (proven)",
            0,
        ),
        (
            {**document(allow("ec2:*")), "Version": "2008-10-17"},
            document(allow("ec2:*")),
            ["~ document", "  - Version 2008-10-17", "  + Version 2012-10-17"],
            "no new access (proven)",
            0,
        ),
        (document(allow("ec2:*")), document(allow("ec2:*")), [], "no new access (proven)", 0),
    ],
    ids=["narrowed", "lost", "weakened", "not proven", "a Deny", "Version", "same"],
)
def test_lines_verdict_and_exit_code(
    tmp_path: Path, old: Any, new: Any, lines: list[str], verdict: str, code: int
) -> None:
    written(tmp_path, old=old, new=new)
    done = run("compare", "old.json", "new.json", cwd=tmp_path)
    assert (done.code, done.err) == (code, "")
    first, *shown = done.out.splitlines()
    # The first line is the answer, the last line has the example or the reason, if there is one.
    name = re.split(":|, for", verdict)[0]
    assert first == f"old.json to new.json: {name}"
    assert [x for x in shown if x.startswith(name)] == ([] if code == 0 else [shown[-1]])
    assert code == 0 or shown.pop().startswith(verdict)
    assert shown == (lines if old != new else ["No differences."])


def test_as_json_with_a_request_that_shows_it(tmp_path: Path) -> None:
    written(tmp_path, old=document(allow("ec2:CreateTags", SUBNETS)))
    text = json.dumps({"PolicyVersion": {"Document": document(allow("ec2:CreateTags"))}})
    done = run("compare", "old.json", "-", "--format", "json", cwd=tmp_path, stdin=text)
    assert (done.code, done.err) == (1, "")
    data = json.loads(done.out)
    assert list(data) == [
        "format", "old", "new", "verdict", "example", "reason", "removed_denies", "differences",
        "old_skipped", "new_skipped",
    ]  # fmt: skip
    assert (data["old"], data["new"]) == ("old.json", "standard input")
    (difference,) = data["differences"]
    assert (difference["change"], difference["index"]) == ("changed", 0)
    assert difference["old"]["Resource"] == SUBNETS and difference["new"]["Resource"] == "*"
    (element,) = difference["elements"]
    assert element == {
        "kind": "values", "element": "Resource", "removed": [SUBNETS], "added": ["*"],
        "principal_type": "",
    }  # fmt: skip
    assert (data["verdict"], data["reason"]) == ("new access", None)
    assert data["example"]["action"] == "ec2:CreateTags"
    validator("compare").validate(data)


def test_as_json_with_every_kind_of_difference(tmp_path: Path) -> None:
    both = {"Effect": "Allow", "Resource": "*"}
    old = document(
        allow("s3:GetObject"),
        {**both, "Action": ["ec2:DeleteTags", "ec2:CreateTags"], "Condition": TAGGED},
    )
    like = {"StringLike": {"aws:ResourceTag/a": "b"}, "Bool": {"aws:SecureTransport": "true"}}
    new = document(
        {**both, "Action": ["ec2:CreateTags"], "Condition": like}, allow("logs:PutLogEvents")
    )
    written(tmp_path, old={**old, "Version": "2008-10-17"}, new=new)
    done = run("compare", "old.json", "new.json", "--format", "json", cwd=tmp_path)
    data = json.loads(done.out)
    validator("compare").validate(data)
    version, removed, changed, added = data["differences"]
    assert version == {"change": "version", "old": "2008-10-17", "new": "2012-10-17"}
    assert removed == {"change": "removed", "index": 0, "statement": old["Statement"][0]}
    assert added == {"change": "added", "index": 1, "statement": new["Statement"][1]}
    assert (changed["change"], changed["index"]) == ("changed", 1)
    values, *conditions = changed["elements"]
    assert (values["element"], values["removed"], values["added"]) == (
        "Action", ["ec2:DeleteTags"], [],
    )  # fmt: skip
    tagged = {"key": "aws:ResourceTag/a", "values": ["b"]}
    assert conditions == [
        {
            "kind": "condition",
            "old": {"operator": "StringEquals", **tagged},
            "new": {"operator": "StringLike", **tagged},
        },
        {
            "kind": "condition",
            "old": None,
            "new": {"operator": "Bool", "key": "aws:SecureTransport", "values": ["true"]},
        },
    ]


def test_as_json_with_a_deny_that_is_removed(tmp_path: Path) -> None:
    written(tmp_path, old=document(DENY, allow("ec2:A")), new=document(allow("ec2:A")))
    done = run("compare", "old.json", "new.json", "--format", "json", cwd=tmp_path)
    data = json.loads(done.out)
    validator("compare").validate(data)
    assert data["removed_denies"] == [
        {"side": "before", "policy": 0, "index": 0, "statement": DENY, "limit": None}
    ]


def test_a_module_against_json_with_names(tmp_path: Path) -> None:
    names = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")
    made = run("policy", "ipv4-scoped", *names, cwd=tmp_path)
    (tmp_path / "live.json").write_text(made.out)
    names = ("--set", "cluster-name=prod", "--set", "vpc-id=vpc-0123456789abcdef0")
    module = str(ROOT / "modules/vpc-cni-iam-policy")
    words = ("--document", "ipv4_scoped")
    done = run("compare", "live.json", module, *words, *names, cwd=tmp_path)
    assert done.code == 0
    assert done.out.splitlines()[0].endswith(": no new access (proven)")
    other = run("compare", "live.json", module, *words, "--set", "cluster-name=test", cwd=tmp_path)
    assert other.code == 1
    assert "new access, for instance ec2:" in other.out


def test_a_document_that_is_called_otherwise_before(tmp_path: Path) -> None:
    for name, number in (("a", 1), ("b", 2)):
        text = "".join(
            f'data "aws_iam_policy_document" "{called}{number}" {{\n  statement {{\n'
            f'    actions   = ["ec2:{action}"]\n    resources = ["*"]\n  }}\n}}\n'
            for called, action in (("x", "DescribeTags"), ("y", "*"))
        )
        (tmp_path / f"{name}.tf").write_text(text)
    words = ("compare", "a.tf", "b.tf", "--document", "x2")
    done = run(*words, "--old-document", "x1", cwd=tmp_path)
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "a.tf (x1) to b.tf (x2): no new access (proven)",
    )
    assert run(*words, cwd=tmp_path).code == 2


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("-", "-"), 2, "- is given twice"),
        (("new.json",), 2, "Missing argument 'NEW'"),
        (("new.json",) * 3, 2, "unexpected extra argument"),
        (("nope.json", "new.json"), 3, "nope.json: does not exist"),
        (("new.json", "bad.json"), 3, "bad.json: $.Statement"),
        (("new.json", "odd.json"), 3, "odd.json: $.Statement[0].Condition"),
        (("new.json", "new.json", "--set", "cluster-name=a b"), 2, "cluster"),
    ],
)
def test_what_is_refused(tmp_path: Path, words: tuple[str, ...], code: int, text: str) -> None:
    odd = allow("ec2:*", Condition={"StringSounds": {"a": "b"}})
    written(tmp_path, new=document(allow("ec2:*")), bad={"Statement": [{}]}, odd=document(odd))
    done = run("compare", *words, cwd=tmp_path)
    assert (done.code, done.out) == (code, "")
    assert text in done.err


def test_what_a_terminal_would_obey_is_spelled(tmp_path: Path) -> None:
    written(tmp_path, old=document(), new=document(allow("ec2:*", "arn:\x1b[2J")))
    done = run("compare", "old.json", "new.json", cwd=tmp_path)
    assert "\x1b" not in done.out


@pytest.mark.parametrize("columns", ["60", "80", "100"])
def test_an_action_is_on_one_line_of_a_terminal(tmp_path: Path, columns: str) -> None:
    words = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    for name, options in (("ipv4", ()), ("ipv4-scoped", words)):
        (tmp_path / f"{name}.json").write_text(run("policy", name, *options).out)
    names = ("ipv4.json", "ipv4-scoped.json")
    done = run("compare", *names, cwd=tmp_path, env={"COLUMNS": columns})
    assert "ec2:ModifyNetworkInterfaceAttribute" in done.out
    assert "  - action ec2:DescribeSecurityGroups\n" in done.out
    assert max(map(len, done.out.splitlines())) <= int(columns)
