"""How ``audit`` reads files: several, in pages, cut off, contradicting, too large, or others."""

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    BOUNDARY,
    MANAGED,
    MANAGED_POLICY,
    NODES,
    PODS,
    WORKER,
    allow,
    audited,
    details,
    irsa,
    managed,
    of_eks,
    role,
)
from conftest import run
from vpc_cni_iam.audit.audit import audit
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.inputs.aws.account import AccountDetails

OWN = f"arn:aws:iam::{ACCOUNT}:policy/own"
NOT_PRINCIPAL = {
    "Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
}
ODD_OPERATOR = allow("ec2:*", Condition={"StringAlike": {"ec2:Region": "x"}})
NO_POLICIES = '"RolePolicyList": [], "AttachedManagedPolicies": []'


def test_a_policy_that_is_not_utf_8_is_refused_with_its_place_and_its_role(tmp_path: Path) -> None:
    text = details(role("first", irsa()), role("odd", irsa(), inline={"p": allow("ec2:BYTE")}))
    (tmp_path / "a.json").write_bytes(("\n" + text).encode().replace(b"BYTE", b"\xff"))
    done = run("audit", "a.json", cwd=tmp_path)
    before = ("\n" + text).partition("BYTE")[0]
    line, column = before.count("\n") + 1, len(before) - before.rindex("\n")
    where = f"a.json: line {line}, column {column}, in arn:aws:iam::{ACCOUNT}:role/odd"
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith(f"{where}: is not UTF-8 text: byte 0xff\n")
    (tmp_path / "a.json").write_text(details(role("first", irsa())))
    (tmp_path / "e.json").write_bytes(b'{"association":\n{"clusterName": "\xff"}}')
    done = run("audit", "a.json", "e.json", cwd=tmp_path)
    assert done.err.endswith("e.json: line 2, column 18: is not UTF-8 text: byte 0xff\n")


def test_pages_of_several_accounts_in_several_files(tmp_path: Path) -> None:
    other = "444455556666"
    first = details(role("a", irsa(), attached=(MANAGED,)), IsTruncated=True, Marker="x")
    user = {"Arn": f"arn:aws:iam::{ACCOUNT}:user/u"}
    last = details(policies=(MANAGED_POLICY,), IsTruncated=False, UserDetailList=[user])
    theirs = role("b", NODES, attached=(MANAGED,), account=other)
    second = details(theirs, policies=(MANAGED_POLICY,))
    whole = audited(tmp_path, f"{first}\n{last}", f"[{second}]")
    assert (whole.result["accounts"], whole.result["complete"]) == ([ACCOUNT, other], True)
    assert whole.roles.keys() == {"a", "b"}
    marked = audited(tmp_path, f"\ufeff{first}\n{last}", f"\ufeff[{second}]")
    assert marked.result == whole.result, "some editors write a byte order mark"
    # A page that others follow: of the account, or of what EKS lists.
    listed = {"associations": [], "nextToken": "abc"}
    for files in ((first, second), (f"{first}\n{last}", listed)):
        cut = audited(tmp_path, *files).result
        assert not cut["complete"] and "more follow" in cut["unread"][0]["detail"]


def test_standard_input_is_read(tmp_path: Path) -> None:
    done = run("audit", "-", cwd=tmp_path, stdin=details(role("a", NODES)))
    assert (done.code, done.out) == (0, "1 role of 1 account read: none is for the plugin\n")


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ((role("a", NODES, attached=(OWN,)),), OWN),
        ((role("a", irsa(), attached=(OWN,)),), f"{OWN} is not in the input"),
        ((role("a", NODES, inline={"x": {"Statement": [{"Effect": "Alow"}]}}),), "Effect"),
        ((role("a", irsa(), inline={"x": ODD_OPERATOR}),), "StringAlike"),
        ((role("a", NOT_PRINCIPAL),), "NotPrincipal"),
        ((), "has no role"),
    ],
)  # fmt: skip
def test_what_is_not_read_or_decided_counts_in_every_format(
    tmp_path: Path, roles: tuple[dict[str, Any], ...], expected: str
) -> None:
    answer = audited(tmp_path, details(*roles))
    assert answer.code == 1 and not answer.result["complete"]
    assert expected in json.dumps(answer.result)
    assert expected in answer.text and "incomplete" in answer.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"Reservations": []}', "is not the output of aws iam get-account-authorization-details"),
        ('{"resource_changes": []}', "is a plan; vpc-cni-iam review reads plans"),
        ("not json", "is not the output of aws iam"),
        ("", "is empty"),
        ('{"addon": {"addonName": 3}}', "is not as aws eks prints it: Expected `str`, got `int`"),
        (
            '{"association": {"clusterName": "prod", "namespace": "kube-system", "roleArn": "x",'
            ' "serviceAccount": "aws-node", "targetRoleArn": "arn:aws:iam::111122223333:role/a"}}',
            "$.association: 'x' is not the ARN of a role",
        ),
        ('{"RoleDetailList": [{"Arn": 3}]}', "Expected `str`, got `int`"),
        ('{"RoleDetailList": [', "cut off"),
        ('{"RoleDetailList": [{"Arn": "arn:aws:iam::1:role/x", "RoleName": "x", '
         f'"AssumeRolePolicyDocument": {{}}, {NO_POLICIES}}}]}}', "is not the ARN of a role"),
        ('{"RoleDetailList": [{"Arn": "arn:x:iam::111122223333:role/r", "RoleName": "r", '
         f'"AssumeRolePolicyDocument": {{}}, {NO_POLICIES}}}]}}',
         "in a partition that this version does not know"),
        # A part that `--query` left out may have a Deny.
        ('{"RoleDetailList": [{"Arn": "arn:aws:iam::111122223333:role/r", "RoleName": "r", '
         '"AssumeRolePolicyDocument": {}, "RolePolicyList": []}]}', "`AttachedManagedPolicies`"),
        # Lists of kubectl.
        ('{"items": [3]}', "Expected `object`, got `int`"),
        ('{"items": [{"kind": "Pod", "spec": {"containers": 3}}]}', "Expected `array`, got `int`"),
        ('{"items": {}}', "a list is expected"),
        ('{"kind": "Pod"}', "is not the output of aws iam"),
        ('{"items": [{"kind": "Node"}', "cut off"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "in.json").write_text(text)
    done = run("audit", "in.json", "--nodes", cwd=tmp_path)
    assert (done.code, done.out) == (3, "") and problem in done.err and "in.json" in done.err


def test_a_version_that_is_not_known_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(details(role("a", NODES)))
    done = run("audit", "a.json", "--to", "v1.99.0", cwd=tmp_path)
    assert done.code == 2 and done.err.rstrip().endswith("or use --to v1.23.2")


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ('"RoleName": "a"', '"RoleName": "b"'),
        ('"PolicyArn"', f'"PolicyArn": "{WORKER}"'),
        ('"IsDefaultVersion"', '"IsDefaultVersion": false'),
        ('"clusterName"', '"clusterName": "prod"'),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str, twice: str) -> None:
    account = details(role("a", PODS, attached=(OWN,)), policies=(managed(OWN, allow("ec2:*")),))
    both = f"{account}\n{json.dumps(of_eks('association', 'a', cluster='dev'))}"
    assert audited(tmp_path, both).code == 0
    line = 1 + both[: both.index(text)].count("\n")
    (tmp_path / "a.json").write_text(both.replace(text, f"{twice}, {text}", 1))
    done = run("audit", "a.json", cwd=tmp_path)
    assert done.code == 3 and f"a.json: line {line}, " in done.err
    assert f"the key {text.split(chr(34))[1]!r} is there twice" in done.err


def test_a_role_that_is_described_twice_differently_is_refused(tmp_path: Path) -> None:
    assert audited(tmp_path, details(role("a", NODES), role("a", NODES))).code == 0
    (tmp_path / "b.json").write_text(details(role("a", PODS)))
    done = run("audit", "0.json", "b.json", cwd=tmp_path)
    assert done.code == 3 and "is described twice" in done.err


@pytest.mark.parametrize("files", [1, 2])
def test_a_policy_that_is_described_twice_differently_is_not_read(
    files: int, tmp_path: Path
) -> None:
    """Which of the two the role has is not known; a count beside the same document is nothing."""
    attached = details(role("cni", irsa(), attached=(OWN,)))
    works, lacks = managed(OWN, allow("ec2:*")), managed(OWN, allow("ec2:Describe*"))
    counted = {**works, "AttachmentCount": 2}
    for policies, verdict in (
        ((works, lacks), "unknown"),
        ((lacks, works), "unknown"),
        ((works, counted), "works"),
    ):
        pages = [attached, *(details(policies=(policy,)) for policy in policies)]
        answer = audited(tmp_path, *(["\n".join(pages)] if files == 1 else pages))
        assert answer.roles["cni"]["verdict"] == verdict
        assert answer.result["complete"] is (verdict == "works")


@pytest.mark.parametrize(("arn", "taken"), [("inline", 10_240), (BOUNDARY, 6_144), (MANAGED, 0)])
def test_a_policy_beyond_the_limits_of_iam_is_not_read(
    tmp_path: Path, arn: str, taken: int
) -> None:
    """Nothing is told of its size alone for policies of AWS, which have no such limit."""
    actions = [action for s in managed_policy().statements for action in s.actions]
    document = allow(*actions, *(f"ec2:Describe{'x' * 100}{i}" for i in range(200)))
    inline = {"cni": document} if arn == "inline" else None
    large = role("r", irsa(), inline=inline, attached=() if inline else (arn,))
    answer = audited(tmp_path, details(large, policies=(managed(arn, document),)))
    undecided = answer.roles["r"]["undecided"]
    assert bool(undecided) is bool(taken) is not answer.result["complete"]
    assert all(f"IAM accepts at most {taken:,}" in text for text in undecided)


def test_memory_does_not_grow_with_roles(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        path = tmp_path / f"{number}.json"
        roles = (role(f"r{i}", NODES, inline={"s3": allow("s3:*")}) for i in range(number))
        path.write_text(details(*roles))
        tracemalloc.start()
        with AccountDetails([str(path)], io.BytesIO()) as opened:
            assert not audit(opened, known_versions.newest()).roles
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(10)
    # What is kept of a role tells it from one of the same ARN: some 200 bytes of 900.
    assert peak(2000) - peak(200) < 1800 * 400


def test_the_policies_of_a_role_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text(details(role("cni", PODS, inline={"p": allow("ec2:*")})))
    with AccountDetails([str(path)], io.BytesIO()) as account:
        (detail,) = account.roles()
    assert detail.access is detail.access
