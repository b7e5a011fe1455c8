"""Target roles of associations of EKS Pod Identity, which another role assumes for aws-node."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import ACCOUNT, MANAGED, MANAGED_POLICY, PODS, allow, details, managed, role
from account_details import service as service_trust
from conftest import run

FIRST, CNI = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("first", "cni"))
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
BOTH = ("sts:AssumeRole", "sts:TagSession")
ANYONE = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:*"}]}
UNTAGGED = {"disableSessionTags": True}


def _trust(
    principal: str = FIRST, *, actions: tuple[str, ...] = BOTH, **conditions: dict[str, str]
) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
    return {"Version": "2012-10-17", "Statement": [{**statement, "Condition": conditions}]}


def _first(
    *actions: str, resource: str = CNI, trust: dict[str, Any] = PODS, **more: Any
) -> dict[str, Any]:
    inline = {"assume": allow(*actions or BOTH, resource=resource)}
    return role("first", trust, inline=inline, **more)


def _audited(
    folder: Path, trust: dict[str, Any], *first: dict[str, Any], **association: Any
) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """The exit code, the target role and everything."""
    boundary = managed(BOUNDARY, allow("ec2:*"))
    roles = (role("cni", trust, attached=(MANAGED,)), *first)
    (folder / "account.json").write_text(details(*roles, policies=(MANAGED_POLICY, boundary)))
    who = {"clusterName": "prod", "namespace": "kube-system", "serviceAccount": "aws-node"}
    what = {**who, "roleArn": FIRST, "targetRoleArn": CNI, **association}
    (folder / "association.json").write_text(json.dumps({"association": what}))
    words = ("audit", "account.json", "association.json")
    done = run(*words, "--format", "json", cwd=folder)
    result = json.loads(done.out)
    (target,) = [r for r in result["roles"] if r["role"] == CNI]
    text = run(*words, cwd=folder).out
    assert all(line in text for line in (*target["untrusted"], *target["undecided"]))
    return done.code, target, result


@pytest.mark.parametrize(
    ("trust", "first", "more"),
    [
        # The first role trusts EKS Pod Identity, and the target role the first one.
        (_trust(), _first(), {}),
        (_trust(ArnLike={"aws:PrincipalArn": f"{FIRST[:-2]}*"}), _first(), {}),
        (_trust(ACCOUNT), _first(resource="*"), {}),
        (
            _trust(ACCOUNT, StringEquals={"aws:RequestTag/eks-cluster-name": "prod"}),
            _first("sts:*"),
            {},
        ),
        (_trust(ACCOUNT, actions=BOTH[:1]), _first("sts:AssumeRole"), UNTAGGED),
        # In one account, the trust policy is enough if it names the role itself.
        (_trust(), role("first", PODS), {}),
    ],
)
def test_a_target_role_that_the_first_role_may_assume_works(
    tmp_path: Path, trust: dict[str, Any], first: dict[str, Any], more: dict[str, Any]
) -> None:
    code, target, result = _audited(tmp_path, trust, first, **more)
    assert (code, target["verdict"]) == (0, "works"), target
    assert [r["role"] for r in result["roles"]] == [CNI]  # the first role is not the plugin's


@pytest.mark.parametrize(
    ("trust", "first", "more", "words"),
    [
        (PODS, _first(), {}, f"does not allow {FIRST} to assume it"),
        (
            _trust(actions=BOTH[:1]),
            _first(),
            {},
            f"does not allow {FIRST} to assume it with session",
        ),
        (
            _trust(ArnEquals={"aws:PrincipalArn": f"{FIRST}-other"}),
            _first(),
            {},
            f"does not allow {FIRST} to assume it",
        ),
        (
            _trust(StringEquals={"aws:RequestTag/eks-cluster-name": "stage"}),
            _first(),
            {},
            f"does not allow {FIRST} to assume it",
        ),
        (
            _trust(ACCOUNT),
            _first("sts:AssumeRole"),
            {},
            f"{FIRST}: its policies do not allow sts:TagSession on {CNI}",
        ),
        (_trust(ACCOUNT), _first(resource=FIRST), {}, "do not allow sts:AssumeRole"),
        (_trust(ACCOUNT), role("first", PODS), UNTAGGED, "do not allow sts:AssumeRole"),
        (_trust(), _first(boundary=BOUNDARY), {}, "do not allow sts:AssumeRole"),
        (
            _trust(),
            _first(trust=service_trust("ec2.amazonaws.com", "sts:AssumeRole")),
            {},
            f"{FIRST}: its trust policy does not allow aws-node of cluster prod to assume it with",
        ),
    ],
)
def test_a_target_role_that_the_first_role_may_not_assume_breaks(
    tmp_path: Path,
    trust: dict[str, Any],
    first: dict[str, Any],
    more: dict[str, Any],
    words: str,
) -> None:
    code, target, _ = _audited(tmp_path, trust, first, **more)
    assert (code, target["verdict"]) == (1, "breaks")
    assert words in target["untrusted"][0]


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ([], f"{FIRST} is not in the input"),
        ([_first(attached=(BOUNDARY[:-1],))], f"{FIRST}: {BOUNDARY[:-1]} is not in the input"),
        ([_first(boundary=BOUNDARY[:-1])], f"{FIRST}: {BOUNDARY[:-1]} is not in the input"),
        ([_first(trust={"Statement": [{}]})], f"{FIRST}: its trust policy: account.json: $.Role"),
        ([_first(trust=ANYONE)], f'{FIRST}: its trust policy names the principal "*"'),
        (
            [role("first", PODS, inline={"p": {**allow("*"), "Statement": [{
                "Effect": "Allow", "Action": "sts:*", "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}})],
            f"{FIRST}: it is not decided whether its policies allow sts:AssumeRole on {CNI}",
        ),
    ],
)  # fmt: skip
def test_what_is_not_known_of_the_first_role_counts(
    tmp_path: Path, first: list[dict[str, Any]], words: str
) -> None:
    code, target, result = _audited(tmp_path, _trust(ACCOUNT), *first)
    assert (code, target["verdict"], result["complete"]) == (1, "unknown", False)
    assert words in target["undecided"][0]


def test_a_first_role_for_aws_node_alone_is_not_the_plugins(tmp_path: Path) -> None:
    trust = json.loads(json.dumps(PODS))
    trust["Statement"][0]["Condition"] = {
        "StringEquals": {"aws:RequestTag/kubernetes-service-account": "aws-node"}
    }
    code, _, result = _audited(tmp_path, _trust(), _first(trust=trust))
    assert code == 0 and [r["role"] for r in result["roles"]] == [CNI]
