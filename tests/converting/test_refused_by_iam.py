"""What IAM refuses is named: by conversions in a note, of principals where they are read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from hcl_documents import documents_of
from vpc_cni_iam.errors import InexpressibleError, InputError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.write import policy_document
from vpc_cni_iam.policy.document import Policy, Principal, Statement, to_json
from vpc_cni_iam.policy.evaluate import Request, evaluate

ROLE = "arn:aws:iam::111122223333:role/admin"


def policy(**elements: Any) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | elements
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("elements", "notes"),
    [
        (
            {"Condition": {"stringequals": {"aws:PrincipalTag/team": "x"}}},
            ["$.Statement[0].Condition.stringequals: is not an IAM condition operator"],
        ),
        (
            {"Sid": "Read the bucket"},
            [
                "$.Statement[0].Sid: has other characters than ASCII letters and digits, which IAM "
                "refuses; some services accept them in their resource policies"
            ],
        ),
        ({"Sid": "ReadTheBucket1", "Condition": {"ArnLike": {"aws:SourceArn": "*"}}}, []),
    ],
)
def test_a_conversion_notes_what_iam_refuses(
    elements: dict[str, Any], notes: list[str], tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text(policy(**elements))
    done = run("convert", "p.json", cwd=tmp_path)
    assert done.code == 0
    assert done.err == "".join(f"vpc-cni-iam: p.json: {note}\n" for note in notes)


PRINCIPALS = """
data "aws_iam_policy_document" "x" {
  statement {
    actions = ["sts:AssumeRole"]
    %s
  }
}
"""


def block(kind: str, *identifiers: str) -> str:
    return f'principals {{\n type = "{kind}"\n identifiers = {json.dumps(identifiers)}\n}}\n'


@pytest.mark.parametrize(
    ("blocks", "accepted"),
    [
        (block("*", "*"), True),
        (block("AWS", "*"), True),
        (block("*", ROLE), False),
        (block("*", "*", ROLE), False),
        (block("*", "*") + block("AWS", ROLE), False),
        (block("*", ROLE).replace("principals", "not_principals"), False),
    ],
)
def test_a_principal_of_everyone_stands_alone(blocks: str, accepted: bool) -> None:
    file = parse(PRINCIPALS % blocks, "main.tf")
    if accepted:
        assert documents_of(file.blocks)
        return
    refusal = (
        'principals of the type "*" have the identifier "*" and stand alone: the provider renders '
        'others as {"*": ...}, which IAM refuses'
    )
    with pytest.raises(InputError, match=re.escape(refusal)):
        documents_of(file.blocks)


def test_json_has_everyone_as_a_text_alone(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(policy(Principal={"*": ROLE}))
    done = run("convert", "p.json", cwd=tmp_path)
    assert done.code == 3 and "Principal" in done.err


@pytest.mark.parametrize(
    "principals",
    [
        (Principal("*", (ROLE,)),),
        (Principal("*", ("*", ROLE)),),
        (Principal("*", ("*",)), Principal("AWS", (ROLE,))),
    ],
)
def test_such_principals_of_a_program_are_not_taken_for_everyone(
    principals: tuple[Principal, ...],
) -> None:
    statement = Statement(actions=("sts:AssumeRole",), principals=principals)
    with pytest.raises(InputError, match=r"Principal: .*stand alone"):
        evaluate([Policy((statement,))], Request("sts:AssumeRole", "*", ROLE))
    assert to_json(Policy((statement,)))["Statement"][0]["Principal"] != "*"
    with pytest.raises(InexpressibleError, match="stand alone"):
        policy_document("x", Policy((statement,)))
