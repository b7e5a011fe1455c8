"""Roles that are meant for aws-node, and whose trust policy lets no token of it in."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    CNI,
    ISSUER,
    OLD,
    audited,
    details,
    irsa,
    of_eks,
    replaced,
    role,
    role_arn,
)

OTHER = ISSUER.replace("EXAMPLED", "ANOTHER")
SUBJECT = "system:serviceaccount:kube-system:aws-node"
OF_ISSUER = f'"{ISSUER}:sub": "{SUBJECT}"'
PROVIDER = f'"Federated": "arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"'
ANY_NAMESPACE = irsa("system:serviceaccount:*:aws-node")
# A trust policy, what is said of it, and the line that mends it.
BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "audience": (
        replaced(irsa(), '"sts.amazonaws.com"', '"sts.eu-west-1.amazonaws.com"'),
        "requires the audience sts.eu-west-1.amazonaws.com, but tokens of aws-node have",
        f'"{ISSUER}:aud": "sts.amazonaws.com"',
    ),
    "issuer": (
        replaced(irsa(), f"{ISSUER}:sub", f"{OTHER}:sub"),
        f"requires {OTHER}:sub, but tokens of its OIDC provider have {ISSUER}:sub",
        OF_ISSUER,
    ),
    "principal": (
        replaced(irsa(), PROVIDER, '"Service": "x"'),
        "names the principal x, but tokens of aws-node need",
        PROVIDER,
    ),
    "provider of another account": (
        replaced(irsa(), PROVIDER, PROVIDER.replace(ACCOUNT, "444455556666")),
        f"names the principal arn:aws:iam::444455556666:oidc-provider/{ISSUER}, but tokens of aws-",
        PROVIDER,
    ),
    "action": (
        replaced(irsa(), "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"),
        "allows sts:AssumeRole, but IRSA uses sts:AssumeRoleWithWebIdentity",
        '"Action": "sts:AssumeRoleWithWebIdentity"',
    ),
    "namespace": (
        irsa("system:serviceaccount:default:aws-node"),
        "requires the subject system:serviceaccount:default:aws-node, but tokens of",
        OF_ISSUER,
    ),
    "wildcard": (
        replaced(ANY_NAMESPACE, "StringLike", "StringEquals"),
        "requires the subject system:serviceaccount:*:aws-node, but tokens of",
        OF_ISSUER,
    ),
}


@pytest.mark.parametrize("files", [(), (of_eks("addon", "cni", place=f"eu-west-1:{ACCOUNT}"),)])
def test_a_provider_that_is_no_arn_is_read(
    files: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    trust = replaced(irsa(), f"arn:aws:iam::{ACCOUNT}:oidc-provider", "x:oidc-provider")
    answer = audited(tmp_path, details(role("cni", trust, inline={"cni": CNI})), *files)
    assert set(answer.verdicts) == {"cni"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_role_that_is_meant_for_aws_node_is_listed_with_the_line_to_mend(
    name: str, tmp_path: Path
) -> None:
    trust, fault, line = copy.deepcopy(BROKEN[name])
    answer = audited(tmp_path, details(role("cni", trust, inline={"cni": CNI})))
    text = answer.text
    assert answer.verdicts == {"cni": "fails"} and answer.roles["cni"]["untrusted"]
    assert text.startswith(f"fails    {role_arn('cni')}\n")
    assert "scope it" not in text
    assert f"trust        its trust policy {fault}" in text
    assert f"to do        in its trust policy, write `{line}`" in text
    # The line mends it.
    key, _, value = line.partition(": ")
    (statement,) = trust["Statement"]
    named = json.loads(f"{{{key}: {value}}}")
    if "Action" in named or "Federated" in named:
        statement |= named if "Action" in named else {"Principal": named}
    else:
        ((name, value),) = named.items()
        for keys in statement["Condition"].values():
            for key in [k for k in keys if k.endswith(name[-4:])]:
                del keys[key]
                keys[name] = value
    assert audited(tmp_path, details(role("cni", trust, inline={"cni": CNI}))).code == 0


def test_what_else_is_missing_is_said_beside_the_line(tmp_path: Path) -> None:
    trust, _, line = BROKEN["audience"]
    text = audited(tmp_path, details(role("cni", trust, inline={"cni": OLD}))).text
    assert f"to do        in its trust policy, write `{line}`" in text
    assert "to do        replace its policy with the output of `vpc-cni-iam policy ipv4" in text
    assert "scope it" not in text and "role of its own" not in text


def test_roles_of_other_service_accounts_are_not_listed(tmp_path: Path) -> None:
    other = replaced(irsa(), "kube-system:aws-node", "kube-system:ebs-csi-controller-sa")
    broken = replaced(other, f"{ISSUER}:sub", f"{OTHER}:sub")
    roles = (role("a", other, inline={"cni": CNI}), role("b", broken, inline={"cni": CNI}))
    answer = audited(tmp_path, details(*roles))
    assert answer.code == 0 and "none is for the plugin" in answer.text
