"""Roles that are meant for aws-node, and whose trust policy lets no token of it in."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from account_details import ACCOUNT, ISSUER, OLD, details, irsa, role
from conftest import run
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import to_json

OTHER = ISSUER.replace("EXAMPLED", "ANOTHER")
SUBJECT = "system:serviceaccount:kube-system:aws-node"
CNI = to_json(managed_policy())


def changed(old: str, new: str) -> dict[str, Any]:
    text = json.dumps(irsa())
    assert old in text
    trust: dict[str, Any] = json.loads(text.replace(old, new))
    return trust


BROKEN = {
    "audience": (
        changed('"sts.amazonaws.com"', '"sts.eu-west-1.amazonaws.com"'),
        f'"{ISSUER}:aud": "sts.amazonaws.com"',
    ),
    "issuer": (changed(f"{ISSUER}:sub", f"{OTHER}:sub"), f'"{ISSUER}:sub": "{SUBJECT}"'),
    "principal": (
        changed(f'"Federated": "arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"', '"Service": "x"'),
        f'"Federated": "arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"',
    ),
    "action": (
        changed("sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"),
        '"Action": "sts:AssumeRoleWithWebIdentity"',
    ),
    "namespace": (
        irsa("system:serviceaccount:default:aws-node"),
        f'"{ISSUER}:sub": "{SUBJECT}"',
    ),
    "wildcard": (
        json.loads(
            json.dumps(irsa("system:serviceaccount:*:aws-node")).replace(
                "StringLike", "StringEquals"
            )
        ),
        f'"{ISSUER}:sub": "{SUBJECT}"',
    ),
}


FAULTS = {
    "audience": "requires the audience sts.eu-west-1.amazonaws.com, but tokens of aws-node have",
    "issuer": f"requires {OTHER}:sub, but tokens of its OIDC provider have {ISSUER}:sub",
    "principal": "names the principal x, but tokens of aws-node need",
    "action": "allows sts:AssumeRole, but IRSA uses sts:AssumeRoleWithWebIdentity",
    "namespace": "requires the subject system:serviceaccount:default:aws-node, but tokens of",
    "wildcard": "requires the subject system:serviceaccount:*:aws-node, but tokens of",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_role_that_is_meant_for_aws_node_is_listed_with_the_line_to_mend(
    name: str, tmp_path: Path
) -> None:
    trust, line = copy.deepcopy(BROKEN[name])
    (tmp_path / "a.json").write_text(details(role("cni", trust, inline={"cni": CNI})))
    done = run("audit", "a.json", "--format", "json", cwd=tmp_path)
    (listed,) = json.loads(done.out)["roles"]
    assert done.code == 1 and listed["verdict"] == "breaks" and listed["untrusted"]
    text = run("audit", "a.json", cwd=tmp_path).out
    assert text.startswith(f"breaks   arn:aws:iam::{ACCOUNT}:role/cni\n")
    assert "scope it" not in text
    assert f"trust        its trust policy {FAULTS[name]}" in text
    assert f"to do        in its trust policy, write `{line}`" in text
    # The line mends it.
    key, _, value = line.partition(": ")
    (statement,) = trust["Statement"]
    named = json.loads(f"{{{key}: {value}}}")
    if "Action" in named or "Federated" in named:
        statement |= named if "Action" in named else {"Principal": named}
    else:
        ((name, value),) = named.items()
        for operator, keys in statement["Condition"].items():
            suffix = name[-4:]
            own = [k for k in keys if k.endswith(suffix)]
            for k in own:
                del statement["Condition"][operator][k]
                statement["Condition"][operator][name] = value
    (tmp_path / "a.json").write_text(details(role("cni", trust, inline={"cni": CNI})))
    assert run("audit", "a.json", cwd=tmp_path).code == 0


def test_what_else_is_missing_is_said_beside_the_line(tmp_path: Path) -> None:
    trust, line = BROKEN["audience"]
    (tmp_path / "a.json").write_text(details(role("cni", trust, inline={"cni": OLD})))
    text = run("audit", "a.json", "--to", "v1.23.2", cwd=tmp_path).out
    assert f"to do        in its trust policy, write `{line}`" in text
    assert "to do        replace its policy with the output of `vpc-cni-iam policy ipv4" in text
    assert "scope it" not in text and "role of its own" not in text


def test_roles_of_other_service_accounts_are_not_listed(tmp_path: Path) -> None:
    other = changed("kube-system:aws-node", "kube-system:ebs-csi-controller-sa")
    broken = json.loads(json.dumps(other).replace(f"{ISSUER}:sub", f"{OTHER}:sub"))
    roles = (role("a", other, inline={"cni": CNI}), role("b", broken, inline={"cni": CNI}))
    (tmp_path / "a.json").write_text(details(*roles))
    done = run("audit", "a.json", cwd=tmp_path)
    assert done.code == 0 and "none is for the plugin" in done.out
