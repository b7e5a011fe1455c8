"""Target roles of associations of EKS Pod Identity, which another role assumes for aws-node."""

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
    Audited,
    allow,
    audited,
    details,
    managed,
    of_eks,
    role,
    role_arn,
)

FIRST, CNI = role_arn("first"), role_arn("cni")
BOTH = ("sts:AssumeRole", "sts:TagSession")
ANYONE = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:*"}]}
UNTAGGED = {"disableSessionTags": True}
SECURE = {"Bool": {"aws:SecureTransport": "true"}}


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
) -> tuple[Audited, dict[str, Any]]:
    """The answer, and its target role."""
    boundary = managed(BOUNDARY, allow("ec2:*"))
    roles = (role("cni", trust, attached=(MANAGED,)), *first)
    text = details(*roles, policies=(MANAGED_POLICY, boundary))
    answer = audited(folder, text, of_eks("association", "first", targetRoleArn=CNI, **association))
    target = answer.roles["cni"]
    assert all(line in answer.text for line in (*target["untrusted"], *target["undecided"]))
    return answer, target


@pytest.mark.parametrize(
    ("trust", "first", "more"),
    [
        # The first role trusts EKS Pod Identity, and the target role the first one.
        (_trust(), _first(), {}),
        (_trust(ArnLike={"aws:PrincipalArn": f"{FIRST[:-2]}*"}), _first(), {}),
        (_trust(ACCOUNT), _first(resource="*"), {}),
        (_trust(ACCOUNT, StringEquals={"aws:PrincipalAccount": ACCOUNT}), _first(), {}),
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
    answer, _ = _audited(tmp_path, trust, first, **more)
    assert answer.code == 0 and answer.verdicts == {"cni": "works"}  # the first is not the plugin's


@pytest.mark.parametrize(
    ("trust", "first", "more", "words"),
    [
        (PODS, _first(), {}, f"does not allow {FIRST} to assume it"),
        (_trust(actions=BOTH[:1]), _first(), {}, f"allow {FIRST} to assume it with session"),
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
            _first(trust=NODES),
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
    answer, target = _audited(tmp_path, trust, first, **more)
    assert (answer.code, target["verdict"]) == (1, "fails")
    assert words in target["untrusted"][0]


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ([], f"{FIRST} is not in the input"),
        ([_first(attached=(BOUNDARY[:-1],))], f"{FIRST}: {BOUNDARY[:-1]} is not in the input"),
        ([_first(boundary=BOUNDARY[:-1])], f"{FIRST}: {BOUNDARY[:-1]} is not in the input"),
        ([_first(trust={"Statement": [{}]})], f"{FIRST}: its trust policy: 0.json: $.Role"),
        ([_first(trust=ANYONE)], f'{FIRST}: its trust policy names the principal "*"'),
        (
            [role("first", PODS, inline={"p": allow("sts:*", Condition=SECURE)})],
            f"{FIRST}: it is not decided whether its policies allow sts:AssumeRole on {CNI}",
        ),
    ],
)
def test_what_is_not_known_of_the_first_role_counts(
    tmp_path: Path, first: list[dict[str, Any]], words: str
) -> None:
    answer, target = _audited(tmp_path, _trust(ACCOUNT), *first)
    assert target["verdict"] == "unknown" and not answer.result["complete"]
    assert words in target["undecided"][0]


def test_a_condition_that_decides_whether_the_target_role_trusts_the_first_one_counts(
    tmp_path: Path,
) -> None:
    _, target = _audited(tmp_path, _trust(**SECURE), role("first", PODS))
    assert target["verdict"] == "unknown"
    assert target["undecided"][0].endswith(f"{CNI}: the trust policy of that role decides")


def test_a_first_role_for_aws_node_alone_is_not_the_plugins(tmp_path: Path) -> None:
    named = {"StringEquals": {"aws:RequestTag/kubernetes-service-account": "aws-node"}}
    trust = {**PODS, "Statement": [{**PODS["Statement"][0], "Condition": named}]}
    answer, _ = _audited(tmp_path, _trust(), _first(trust=trust))
    assert answer.code == 0 and [*answer.roles] == ["cni"]
