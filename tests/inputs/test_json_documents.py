"""Policy documents are found in what people have as JSON, and what is wrong is named by place."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest import run
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.identify import policy_documents
from vpc_cni_iam.policy.parse import loads


def policy(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


P = policy("a:b")
TEXT = json.dumps(P)
# Each as its AWS CLI command prints it: places and names.
PRINTED: dict[str, tuple[Any, list[tuple[str, tuple[str, ...]]]]] = {
    "bare": (P, [("$", ())]),
    "get-policy-version": (
        {"PolicyVersion": {"Document": P, "VersionId": "v2", "IsDefaultVersion": False}},
        [("$.PolicyVersion.Document", ())],
    ),
    "get-policy-version, as the API has it": (
        {"PolicyVersion": {"Document": quote(TEXT, safe=""), "VersionId": "v1"}},
        [("$.PolicyVersion.Document", ())],
    ),
    "get-role-policy": (
        {"RoleName": "r", "PolicyName": "p", "PolicyDocument": P},
        [("$.PolicyDocument", ("r", "p"))],
    ),
    "get-user-policy": (
        {"UserName": "u", "PolicyName": "p", "PolicyDocument": P},
        [("$.PolicyDocument", ("u", "p"))],
    ),
    "get-group-policy": (
        {"GroupName": "g", "PolicyName": "p", "PolicyDocument": quote(TEXT)},
        [("$.PolicyDocument", ("g", "p"))],
    ),
    "get-role": (
        {"Role": {"RoleName": "r", "AssumeRolePolicyDocument": P}},
        [("$.Role.AssumeRolePolicyDocument", ("r", "trust"))],
    ),
    "get-bucket-policy": ({"Policy": TEXT}, [("$.Policy", ())]),
    "--query Policy": (TEXT, [("$", ())]),
    "describe-policy": (
        {"Policy": {"PolicySummary": {"Name": "scp", "Type": "X"}, "Content": TEXT}},
        [("$.Policy.Content", ())],
    ),
    "get-queue-attributes": ({"Attributes": {"Policy": TEXT}}, [("$.Attributes.Policy", ())]),
    "a list of documents": ([P, P], [("$[0]", ()), ("$[1]", ())]),
    "get-account-authorization-details": (
        {
            "UserDetailList": [
                {"UserName": "u", "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": P}]}
            ],
            "GroupDetailList": [
                {"GroupName": "g", "GroupPolicyList": [{"PolicyName": "p", "PolicyDocument": P}]}
            ],
            "RoleDetailList": [
                {
                    "RoleName": "r",
                    "AssumeRolePolicyDocument": P,
                    "InstanceProfileList": [
                        {"Roles": [{"RoleName": "r", "AssumeRolePolicyDocument": P}]}
                    ],
                    "RolePolicyList": [{"PolicyName": "r", "PolicyDocument": P}],
                    "AttachedManagedPolicies": [{"PolicyName": "m", "PolicyArn": "arn"}],
                }
            ],
            "Policies": [
                {
                    "PolicyName": "m",
                    "AttachmentCount": 1,
                    "PolicyVersionList": [
                        {"Document": policy("x:y"), "VersionId": "v3", "IsDefaultVersion": False},
                        {"Document": P, "VersionId": "v2", "IsDefaultVersion": True},
                        {"Document": "junk", "VersionId": "v1", "IsDefaultVersion": False},
                    ],
                }
            ],
        },
        [
            ("$.UserDetailList[0].UserPolicyList[0].PolicyDocument", ("u", "p")),
            ("$.GroupDetailList[0].GroupPolicyList[0].PolicyDocument", ("g", "p")),
            ("$.RoleDetailList[0].AssumeRolePolicyDocument", ("r", "trust")),
            ("$.RoleDetailList[0].RolePolicyList[0].PolicyDocument", ("r", "r")),
            ("$.Policies[0].PolicyVersionList[1].Document", ("m",)),
        ],
    ),
}


@pytest.mark.parametrize("command", PRINTED)
def test_what_the_aws_cli_prints(command: str) -> None:
    printed, expected = PRINTED[command]
    documents = policy_documents(json.dumps(printed), "f.json")
    assert [(d.place, d.names) for d in documents] == expected
    assert {d.policy() for d in documents} == {loads(TEXT, "x")}


def test_versions_that_are_not_in_force_are_named() -> None:
    printed, _ = PRINTED["get-account-authorization-details"]
    assert policy_documents(json.dumps(printed), "f.json")[-1].left_out == ("v3", "v1")


def test_of_versions_of_which_none_is_said_to_be_in_force_all_are_taken() -> None:
    versions = [{"Document": P, "VersionId": "v2"}, {"Document": P, "VersionId": "v1"}]
    printed = {"Policies": [{"PolicyName": "m", "PolicyVersionList": versions}]}
    documents = policy_documents(json.dumps(printed), "f.json")
    assert [(d.names, d.left_out) for d in documents] == [(("m", "v2"), ()), (("m", "v1"), ())]


STATEMENTS = P["Statement"]
# What is meant as a policy beside one that is read: its place, its names and why it is not read.
BESIDE: dict[str, tuple[Any, str, tuple[str, ...], str]] = {
    "a misspelt Statement": (
        {"b": {"Version": "2012-10-17", "Statment": STATEMENTS}}, "$.b", (), "'Statment'",
    ),
    "without a Version": ({"b": {"Statements": STATEMENTS}}, "$.b", (), "'Statements'"),
    "in lower case": ({"b": {"statement": STATEMENTS}}, "$.b", (), "write Statement"),
    "without a Statement": ({"b": {"Version": "2012-10-17"}}, "$.b", (), "has no Statement"),
    "a bare statement": ({"b": STATEMENTS[0]}, "$.b", (), "'Effect'"),
    "JSON in a string": (
        {"b": '{"Version": "2012-10-17", "Statment": []}'}, "$.b", (), "'Statment'",
    ),
    "an inline policy without its document": (
        {"RoleName": "r", "RolePolicyList": [{"PolicyName": "p"}]},
        "$.RolePolicyList[0]", ("r", "p"), "has no Statement",
    ),
    "one of a group": (
        {"GroupName": "g", "GroupPolicyList": [{"PolicyName": "p"}]},
        "$.GroupPolicyList[0]", ("g", "p"), "has no Statement",
    ),
    "a managed policy without versions": (
        {"Policies": [{"PolicyName": "m", "PolicyVersionList": []}]},
        "$.Policies[0]", ("m",), "has no Statement",
    ),
    "a default version without its document": (
        {"PolicyName": "m", "PolicyVersionList": [
            {"VersionId": "v2", "IsDefaultVersion": True},
            {"VersionId": "v1", "IsDefaultVersion": False, "Document": P},
        ]},
        "$.PolicyVersionList[0]", ("m",), "has no Statement",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BESIDE)
def test_what_is_meant_as_a_policy_is_not_passed_over(case: str) -> None:
    value, place, names, words = BESIDE[case]
    _, beside = policy_documents(json.dumps({"a": P, **value}), "f.json")
    assert (beside.place, beside.names) == (place, names)
    with pytest.raises(InputError, match=words):
        beside.policy()


def test_texts_of_policies_under_any_name_are_read() -> None:
    outputs = {"cni": {"sensitive": False, "type": "string", "value": TEXT}, "texts": [TEXT]}
    documents = policy_documents(json.dumps(outputs), "f.json")
    assert [d.place for d in documents] == ["$.cni.value", "$.texts[0]"]
    assert {d.policy() for d in documents} == {loads(TEXT, "x")}


@pytest.mark.parametrize(
    "beside",
    [{"Version": "1.29"}, {"status": "ACTIVE"}, {"Tags": {}}, {"Effect": "NoSchedule"}, "{x}"],
)
def test_what_is_no_policy_is_passed_over(beside: object) -> None:
    (document,) = policy_documents(json.dumps({"a": P, "b": beside}), "f.json")
    assert document.place == "$.a"


def test_a_file_that_is_the_encoded_document() -> None:
    (documents,) = policy_documents(f"{quote(TEXT)}\n", "f.json")
    assert documents.policy() == loads(TEXT, "x")
    with pytest.raises(InputError, match=r"f\.json: .*is not JSON"):
        policy_documents("%7Bnonsense", "f.json")


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        ({}, "$", "has no Statement"),
        ({"Version": "2012-10-17"}, "$", "has no Statement"),
        ({"statement": []}, "$", "write Statement"),
        ([], "", "policy; give"),
        (7, "", "policy; give"),
        ({"Policies": [{"PolicyName": "p", "Arn": "a"}]}, "", "get-policy-version"),
        ({"PolicyNames": ["p"]}, "", "get-policy-version"),
        ([{"PolicyName": "p", "DefaultVersionId": "v1"}], "", "get-policy-version"),
        ([{"VersionId": "v1", "IsDefaultVersion": True}], "", "get-policy-version"),
        ({"PolicyVersion": {"Document": None}}, "$.PolicyVersion.Document", "not null"),
        ({"PolicyDocument": "%7B"}, "$.PolicyDocument, line 1, column 2 of its text", "not JSON"),
        ({"Policy": '{"a": 1, "a": 2}'}, "$.Policy, line 1, $.a of its text", "is there twice"),
        (
            {"a": [{"PolicyDocument": {"Statement": [{"Effect": "allow"}]}}]},
            "$.a[0].PolicyDocument.Statement[0].Effect",
            "'allow' is not 'Allow' or 'Deny'",
        ),
        ({"Document": ""}, "$.Document", "is empty"),
    ],
)
def test_what_is_wrong_is_named_by_place(value: Any, place: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        for result in policy_documents(json.dumps(value), "f.json"):
            result.policy()
    assert (caught.value.source, caught.value.place) == ("f.json", place)
    assert words in str(caught.value)


@pytest.mark.parametrize("depth", [60, 900, 100_000])
@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_nesting_bombs(depth: int, bracket: str) -> None:
    closing = "]" if bracket == "[" else "}"
    with pytest.raises(InputError, match="nests too deeply"):
        policy_documents(bracket * depth + "1" + closing * depth, "f.json")


@pytest.mark.parametrize(("text", "words"), [("", "is empty"), ("\x01", "is not JSON")])
def test_what_is_no_json(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        policy_documents(text, "f.json")
    assert words in str(caught.value)


ARN = "arn:aws:iam::111122223333:policy/m"
INLINE = {"RoleName": "r", "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": policy("*")}]}
LIMIT = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ARN}
SUMMARY = {"Id": "p-1", "Arn": "arn:aws:organizations::111122223333:policy/o-1/x/p-1", "Name": "s"}


@pytest.mark.parametrize(
    ("printed", "named"),
    [
        ({"RoleDetailList": [{**INLINE, "PermissionsBoundary": LIMIT}]}, ARN),
        ({"RoleDetailList": [{**INLINE, "AttachedManagedPolicies": [{"PolicyArn": ARN}]}]}, ARN),
        ({"RoleDetailList": [INLINE], "IsTruncated": True, "Marker": "x"}, "IsTruncated"),
        ({"RoleDetailList": [INLINE], "NextToken": "x"}, "NextToken"),
        ({"RoleDetailList": [INLINE], "nextToken": "x"}, "nextToken"),
        ([policy("*"), SUMMARY], SUMMARY["Arn"]),
        ([policy("*"), {"Policy": {"PolicySummary": SUMMARY}}], SUMMARY["Arn"]),
    ],
    ids=["boundary", "attached", "page", "--max-items", "page of EKS", "summary", "no content"],
)
@pytest.mark.parametrize("option", ["", "--scp"])
def test_what_the_aws_cli_names_without_its_document_is_not_read(
    printed: object, named: str, option: str, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(printed))
    (tmp_path / "all.json").write_text(json.dumps(policy("*")))
    words = ["a.json"] if not option else ["all.json", option, "a.json"]
    done = run("coverage", *words, cwd=tmp_path)
    assert done.code == 1 and "IPv4: unknown" in done.out
    assert f"{named}: " in done.out
    if not option and isinstance(printed, dict):
        chosen = ("coverage", "a.json", "--document", "r/p")
        has_boundary = "PermissionsBoundary" in str(printed)
        assert run(*chosen, cwd=tmp_path).code == has_boundary
        for words in (chosen, chosen[:2]) if has_boundary else ():
            limited = run(*words, "--boundary", "all.json", cwd=tmp_path)
            assert limited.code == 0 and "IPv4: works" in limited.out


def test_boundaries_of_other_roles_do_not_count(tmp_path: Path) -> None:
    other = {**INLINE, "RoleName": "other", "PermissionsBoundary": LIMIT}
    (tmp_path / "a.json").write_text(json.dumps({"RoleDetailList": [INLINE, other]}))
    assert run("coverage", "a.json", "--document", "r/p", cwd=tmp_path).code == 0
    done = run("coverage", "a.json", "--document", "other/p", cwd=tmp_path)
    assert done.code == 1
    assert done.out.endswith(f"incomplete: not applied: {ARN}; give it with --boundary\n")
    # It is no part of the policy that is compared.
    (tmp_path / "p.json").write_text(json.dumps(policy("*")))
    words = ("compare", "p.json", "a.json", "--document", "other/p")
    compared = run(*words, cwd=tmp_path)
    assert compared.code == 0 and "no new access" in compared.out
    note = f"assumed: {ARN}: this permissions boundary is not checked"
    assert note in compared.out
    # Nor does explain take one: what the policy lacks, no boundary allows.
    (tmp_path / "b.json").write_text(json.dumps({"RoleDetailList": [other]}))
    denied = "operation error EC2: DescribeSubnets, api error UnauthorizedOperation: not authorized"
    explained = run("explain", "-", "--policy", "b.json", stdin=denied, cwd=tmp_path)
    assert explained.code == 0 and note in explained.out


def test_an_attached_policy_whose_document_is_there_is_read(tmp_path: Path) -> None:
    role = {"RoleName": "r", "AttachedManagedPolicies": [{"PolicyName": "m", "PolicyArn": ARN}]}
    versions = [{"Document": policy("*"), "VersionId": "v1", "IsDefaultVersion": True}]
    managed = {"PolicyName": "m", "Arn": ARN, "PolicyVersionList": versions}
    printed = {"RoleDetailList": [role], "Policies": [managed], "IsTruncated": False}
    (tmp_path / "a.json").write_text(json.dumps(printed))
    done = run("coverage", "a.json", cwd=tmp_path)
    assert done.code == 0 and "IPv4: works" in done.out
    described = {"Policy": {"PolicySummary": SUMMARY, "Content": json.dumps(policy("*"))}}
    (tmp_path / "scp.json").write_text(json.dumps([described, described]))
    assert run("coverage", "a.json", "--scp", "scp.json", cwd=tmp_path).code == 0
