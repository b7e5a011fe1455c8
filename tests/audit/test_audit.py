"""Which roles of an account break at a plugin version: ``audit`` as a user meets it."""

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    ISSUER,
    MANAGED,
    MANAGED_POLICY,
    NODES,
    OLD,
    PODS,
    WORKER,
    allow,
    details,
    irsa,
    managed,
    role,
)
from conftest import run, validator
from vpc_cni_iam.audit.audit import audit
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.documents import find, managed_policy
from vpc_cni_iam.catalog.parameters import SAMPLE, fill
from vpc_cni_iam.coverage.analysis.cover import ScenarioRun, run_scenarios
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS
from vpc_cni_iam.inputs.aws.account import AccountDetails
from vpc_cni_iam.policy.document import to_json

NOT_PRINCIPAL = {
    "Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
}
NOT_EKS = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/first"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    },
}
ODD_OPERATOR = allow("ec2:*")
ODD_OPERATOR["Statement"][0]["Condition"] = {"StringAlike": {"ec2:Region": "x"}}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
OWN = f"arn:aws:iam::{ACCOUNT}:policy/own"


def audited(tmp_path: Path, *texts: str, to: str = "v1.23.2") -> dict[str, Any]:
    files = []
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(text)
        files.append(f"{number}.json")
    done = run("audit", *files, "--to", to, "--format", "json", cwd=tmp_path)
    assert done.code in (0, 1), done.err
    result: dict[str, Any] = json.loads(done.out)
    assert done.code == (1 if result["breaks"] or not result["complete"] else 0)
    validator("audit").validate(result)
    return result


def names(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {r["role"].rpartition("/")[2]: r for r in result["roles"]}


def test_the_role_that_an_upgrade_breaks_is_named_with_its_missing_action(tmp_path: Path) -> None:
    text = details(
        role("old", irsa(), inline={"cni": OLD}),
        role("managed", irsa(), attached=(MANAGED,)),
        policies=(MANAGED_POLICY,),
    )
    result = audited(tmp_path, text, to="v1.23.2")
    roles = names(result)
    assert (roles["old"]["verdict"], roles["managed"]["verdict"]) == ("breaks", "works")
    (family,) = roles["old"]["policies"]["families"]
    assert [m["action"] for m in family["missing"]] == ["ec2:DescribeSubnets"]
    assert roles["old"]["proposal"]
    assert not audited(tmp_path, text, to="v1.15.0")["breaks"]
    (tmp_path / "a.json").write_text(text)
    done = run("audit", "a.json", "--to", "v1.23.2", cwd=tmp_path)
    assert done == run("audit", "a.json", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert done.code == 1
    assert done.out.startswith(f"breaks   arn:aws:iam::{ACCOUNT}:role/old\n")
    assert f"\nworks    arn:aws:iam::{ACCOUNT}:role/managed\n" in done.out
    assert " missing      IPv4: ec2:DescribeSubnets, in fresh-node: " in done.out
    assert (
        " to do        replace its policy with the output of `vpc-cni-iam policy ipv4 --cni-ver"
        in done.out
    )
    _, command, _ = roles["managed"]["proposal"][0].split("`")
    words = command.replace("NAME", "prod").replace(" ID", " vpc-01234567").split()
    assert words[0] == "vpc-cni-iam" and run(*words[1:]).code == 0
    assert done.out.endswith(
        "2 roles of 1 account read: 2 for the plugin, of which 1 breaks at v1.23.2\n"
    )


def test_the_published_document_that_a_policy_equals_is_named(tmp_path: Path) -> None:
    document = to_json(fill(find("2022-01-31").document("ipv4-scoped"), SAMPLE))
    edited = json.loads(json.dumps(document).replace("DetachNetworkInterface", "RunInstances"))
    text = details(
        role("scoped", irsa(), inline={"cni": document, "s3": allow("s3:GetObject")}),
        role("edited", irsa(), inline={"cni": edited}),
    )
    roles = names(audited(tmp_path, text))
    assert {n: r["policies"]["scope"] for n, r in roles.items()}["scoped"] == "scoped"
    (equal,) = roles["scoped"]["policies"]["equal_to"]
    assert (equal["name"], equal["date"]) == ("ipv4-scoped of upstream's page", "2022-01-31")
    assert roles["edited"]["policies"]["equal_to"] == []
    assert "equal to" in run("audit", "0.json", cwd=tmp_path).out


def test_roles_that_the_plugin_could_use_are_found_and_no_others(tmp_path: Path) -> None:
    cni, other = {"cni": allow("ec2:*")}, {"s3": allow("s3:*")}
    person = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    roles = (
        role("irsa-without-permissions", irsa()),
        role("irsa-of-any", irsa("system:serviceaccount:*"), inline=cni),
        role("irsa-of-any-without", irsa("system:serviceaccount:*"), inline=other),
        role("irsa-of-app", irsa("system:serviceaccount:default:app"), inline=cni),
        role("pods", PODS, inline=cni),
        role("pods-without", PODS, inline=other),
        role("node", NODES, inline=cni),
        role("web-server", NODES, inline=other),
        role("person", {"Version": "2012-10-17", "Statement": [person]}, inline=cni),
    )
    result = audited(tmp_path, details(*roles))
    assert {name: r["credentials"] for name, r in names(result).items()} == {
        "irsa-without-permissions": ["IRSA"],
        "irsa-of-any": ["IRSA"],
        "pods": ["EKS Pod Identity"],
        "node": ["node role"],
    }
    assert names(result)["irsa-without-permissions"]["policies"]["scope"] == "no access"
    assert result["roles_read"] == len(roles) and result["complete"]


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
        ("Null", "aws:SourceArn", "false"),
        ("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
    ],
)
@pytest.mark.parametrize("trust", [irsa(), NODES, PODS], ids=["IRSA", "nodes", "pods"])
def test_a_role_is_found_whatever_else_its_trust_policy_asks_for(
    tmp_path: Path, trust: dict[str, Any], operator: str, key: str, value: str
) -> None:
    (allow,) = trust["Statement"]
    conditions = {**allow.get("Condition", {}), operator: {key: value}}
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:*",
        "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}},
    }
    document = {**trust, "Statement": [{**allow, "Condition": conditions}, deny]}
    described = role("cni", document, attached=(MANAGED,))
    result = audited(tmp_path, json.dumps({"RoleDetailList": [described]}))
    assert [r["role"] for r in result["roles"]] == [described["Arn"]]


def anyone(action: str, principal: Any = "*", **conditions: dict[str, str]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return {"Version": "2012-10-17", "Statement": {**statement, "Condition": conditions}}


SESSION_TAGS = json.loads(run("policy", "ipv4-pod-identity").out)
WEB, SUB = "sts:AssumeRoleWithWebIdentity", f"{ISSUER}:sub"


@pytest.mark.parametrize(
    ("trust", "policy", "complete"),
    [
        (anyone("sts:AssumeRole"), allow("ec2:*"), False),
        (anyone("sts:*", {"AWS": "*"}), allow("ec2:*"), False),
        (anyone("sts:*", {"AWS": [ACCOUNT, "*"]}), allow("ec2:*"), False),
        (anyone("sts:AssumeRole", Bool={"aws:SecureTransport": "true"}), allow("ec2:*"), False),
        (anyone(WEB, StringLike={SUB: "system:*:aws-node"}), allow("ec2:*"), False),
        (anyone(WEB, StringLike={SUB: "system:*:app"}), allow("ec2:*"), True),
        (anyone("sts:AssumeRole"), SESSION_TAGS, False),
        (anyone("sts:AssumeRole"), allow("s3:*"), True),
        (anyone("sts:AssumeRoleWithSAML"), allow("ec2:*"), True),
        (anyone("sts:*", StringEquals={"aws:PrincipalOrgID": "o-x"}), allow("ec2:*"), True),
        (
            anyone("sts:*", ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:role/x"}),
            allow("ec2:*"),
            True,
        ),
        (anyone("sts:*", StringEquals={"sts:ExternalId": "x"}), allow("ec2:*"), True),
    ],
)
def test_a_role_that_anyone_may_assume_is_not_decided(
    tmp_path: Path, trust: dict[str, Any], policy: dict[str, Any], complete: bool
) -> None:
    described = role("open", trust, inline={"p": policy})
    result = audited(tmp_path, details(described))
    assert not result["roles"] and result["complete"] is complete
    assert [u["name"] for u in result["unread"]] == [f"{described['Arn']} trust"] * (not complete)


def test_several_policies_and_the_boundary_count_together(tmp_path: Path) -> None:
    more = allow("ec2:DescribeSubnets")
    narrow = managed(BOUNDARY, allow("ec2:Describe*", "ec2:*Addresses"), allow("*"))
    result = audited(
        tmp_path,
        details(
            role("together", irsa(), inline={"old": OLD, "more": more}),
            role("limited", irsa(), attached=(MANAGED,), boundary=BOUNDARY),
            policies=(MANAGED_POLICY, narrow),
        ),
    )
    roles = names(result)
    assert roles["together"]["verdict"] == "works"
    (family,) = roles["limited"]["policies"]["families"]
    assert {m["by"] for m in family["missing"]} == {BOUNDARY}
    assert "ec2:CreateNetworkInterface" in {m["action"] for m in family["missing"]}
    text = run("audit", "0.json", cwd=tmp_path).out
    assert f"IPv4: ec2:CreateNetworkInterface, which {BOUNDARY} does not allow, in " in text


def test_pages_of_several_accounts_in_several_files(tmp_path: Path) -> None:
    other = "444455556666"
    first = details(role("a", irsa(), attached=(MANAGED,)), IsTruncated=True, Marker="x")
    user = {"Arn": f"arn:aws:iam::{ACCOUNT}:user/u"}
    last = details(policies=(MANAGED_POLICY,), IsTruncated=False, UserDetailList=[user])
    theirs = role("b", NODES, attached=(MANAGED,), account=other)
    second = details(theirs, policies=(MANAGED_POLICY,))
    result = audited(tmp_path, f"{first}\n{last}", f"[{second}]")
    assert (result["accounts"], result["complete"]) == ([ACCOUNT, other], True)
    assert set(names(result)) == {"a", "b"}
    marked = audited(tmp_path, f"\ufeff{first}\n{last}", f"\ufeff[{second}]")
    assert marked == result, "some editors write a byte order mark"
    cut = audited(tmp_path, first, second)
    assert not cut["complete"] and "more follow" in cut["unread"][0]["detail"]


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
    result = audited(tmp_path, details(*roles))
    assert not result["complete"]
    assert expected in json.dumps(result)
    done = run("audit", "0.json", cwd=tmp_path)
    assert done.code == 1 and expected in done.out and "incomplete" in done.out


def test_what_eks_prints_tells_which_cluster_uses_which_role(tmp_path: Path) -> None:
    addon = {"addon": {
        "addonName": "vpc-cni", "clusterName": "prod", "addonVersion": "v1.18.3-eksbuild.1",
        "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/cni",
    }}  # fmt: skip
    group = {"nodegroup": {"clusterName": "dev", "nodeRole": f"arn:aws:iam::{ACCOUNT}:role/node"}}
    listed = {"associations": [
        {"clusterName": "prod", "namespace": "kube-system", "serviceAccount": "aws-node"},
        {"clusterName": "prod", "namespace": "default", "serviceAccount": "app"},
    ]}  # fmt: skip
    text = details(
        role("cni", irsa(), attached=(MANAGED,)),
        role("node", NODES, inline={"s3": allow("s3:*")}),
        policies=(MANAGED_POLICY,),
    )
    result = audited(tmp_path, text, json.dumps(addon), json.dumps(group))
    assert result["complete"]
    roles = names(result)
    (use,) = roles["cni"]["clusters"]
    assert (use["cluster"], use["version"], use["by"]) == ("prod", "v1.18.3", "IRSA")
    assert roles["node"]["clusters"][0]["by"] == "node role"
    without = audited(tmp_path, text, json.dumps(listed))
    assert [u["name"] for u in without["unread"]] == ["EKS Pod Identity of aws-node in prod"]
    described = {"association": {**listed["associations"][0],
                                 "roleArn": f"arn:aws:iam::{ACCOUNT}:role/cni"}}  # fmt: skip
    assert audited(tmp_path, text, json.dumps(listed), json.dumps(described))["complete"]
    both = names(audited(tmp_path, text, json.dumps(addon), json.dumps(described)))
    assert {use["version"] for use in both["cni"]["clusters"]} == {"v1.18.3"}


@pytest.mark.parametrize("by", ["add-on", "EKS Pod Identity"])
def test_a_node_role_is_not_the_plugins_in_a_cluster_with_another(tmp_path: Path, by: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/"
    own = {
        "add-on": {
            "addon": {
                "addonName": "vpc-cni",
                "clusterName": "prod",
                "serviceAccountRoleArn": f"{arn}cni",
            }
        },
        "EKS Pod Identity": {
            "association": {
                "clusterName": "prod",
                "namespace": "kube-system",
                "serviceAccount": "aws-node",
                "roleArn": f"{arn}cni",
            }
        },
    }[by]
    group = {"nodegroup": {"clusterName": "prod", "nodeRole": f"{arn}node"}}
    trust = irsa() if by == "add-on" else PODS
    cni = role("cni", trust, attached=(MANAGED,))
    bare = role("node", NODES, inline={"s3": allow("s3:*")}, attached=(WORKER,))
    result = audited(
        tmp_path, details(cni, bare, policies=(MANAGED_POLICY,)), json.dumps(own), json.dumps(group)
    )
    assert list(names(result)) == ["cni"] and result["complete"] and not result["breaks"]
    # Who could use it is listed by its permissions.
    full = role("node", NODES, attached=(MANAGED,))
    text = details(cni, full, policies=(MANAGED_POLICY,))
    result = audited(tmp_path, text, json.dumps(own), json.dumps(group))
    (use,) = names(result)["node"]["clusters"]
    assert use["is_overridden"] and use["result"] is None
    out = run("audit", "0.json", "1.json", "2.json", cwd=tmp_path).out
    assert "not used by  cluster prod (node role): aws-node has another role there" in out


@pytest.mark.parametrize("other", ["add-on", "metrics helper"])
def test_a_node_role_is_the_plugins_in_a_cluster_without_another(
    tmp_path: Path, other: str
) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/"
    files: dict[str, dict[str, Any]] = {
        "add-on": {"addon": {"addonName": "vpc-cni", "clusterName": "prod"}},
        "metrics helper": {
            "association": {
                "clusterName": "prod",
                "namespace": "kube-system",
                "serviceAccount": "cni-metrics-helper",
                "roleArn": f"{arn}helper",
            }
        },
    }
    group = {"nodegroup": {"clusterName": "prod", "nodeRole": f"{arn}node"}}
    text = details(
        role("node", NODES, inline={"s3": allow("s3:*")}),
        role("helper", PODS, inline={"metrics": allow("cloudwatch:PutMetricData")}),
    )
    result = audited(tmp_path, text, json.dumps(files[other]), json.dumps(group))
    (use,) = names(result)["node"]["clusters"]
    assert not use["is_overridden"] and use["result"]["verdict"] == "breaks" and result["breaks"]


@pytest.mark.parametrize("by", ["list", "add-on"])
def test_an_association_without_its_role_counts_beside_other_roles(tmp_path: Path, by: str) -> None:
    """EKS Pod Identity comes before IRSA and a node's role; neither output names its role."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/"
    addon: dict[str, Any] = {"addonName": "vpc-cni", "clusterName": "prod"}
    who = {"clusterName": "prod", "namespace": "kube-system", "serviceAccount": "aws-node"}
    group = {"nodegroup": {"clusterName": "prod", "nodeRole": f"{arn}node"}}
    made = f"arn:aws:eks:eu-west-1:{ACCOUNT}:podidentityassociation/prod/a-0123456789abcdef0"
    files: tuple[dict[str, Any], ...] = {
        "list": (
            {"addon": {**addon, "serviceAccountRoleArn": f"{arn}cni"}},
            {"associations": [who]},
        ),
        "add-on": ({"addon": {**addon, "podIdentityAssociations": [made]}},),
    }[by]
    roles = (role("cni", irsa(), attached=(MANAGED,)), role("node", NODES, attached=(MANAGED,)))
    texts = (details(*roles, policies=(MANAGED_POLICY,)), *map(json.dumps, (*files, group)))
    result = audited(tmp_path, *texts)
    uses = [use for role in result["roles"] for use in role["clusters"]]
    assert uses and all(use["is_overridden"] for use in uses)
    assert [u["name"] for u in result["unread"]] == ["EKS Pod Identity of aws-node in prod"]
    assert not result["complete"]
    described = {"association": {**who, "roleArn": f"{arn}pods"}}
    pods = details(role("pods", PODS, attached=(MANAGED,)), *roles, policies=(MANAGED_POLICY,))
    assert audited(tmp_path, pods, *texts[1:], json.dumps(described))["complete"]


def test_a_target_role_is_the_plugins_and_a_session_policy_is_not_read(tmp_path: Path) -> None:
    target = "arn:aws:iam::444455556666:role/target"
    association = {
        "clusterName": "prod",
        "namespace": "kube-system",
        "serviceAccount": "aws-node",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/first",
        "targetRoleArn": target,
    }
    text = details(
        role("first", PODS, inline={"assume": allow("sts:*", resource=target)}),
        role("target", NOT_EKS, inline={"cni": OLD}, account="444455556666"),
    )
    result = audited(tmp_path, text, json.dumps({"association": association}))
    assert result["complete"] and list(names(result)) == ["target"]
    assert names(result)["target"]["clusters"][0]["by"] == "EKS Pod Identity"
    association["policy"] = json.dumps(allow("ec2:DescribeTags"))
    result = audited(tmp_path, text, json.dumps({"association": association}))
    assert not result["complete"] and "session policy" in result["unread"][0]["detail"]
    # Sessions that a policy limits have no tags, on which the role's policies may depend.
    assert "coverage --boundary --irsa" in result["unread"][0]["detail"]


def test_a_role_of_a_cluster_that_the_input_does_not_have_counts(tmp_path: Path) -> None:
    text = details(role("node", NODES))
    addon = {"addonName": "vpc-cni", "clusterName": "prod", "addonVersion": "v1.20.4-eksbuild.1"}
    elsewhere = "arn:aws:iam::444455556666:role/cni"
    for more, problem in (
        ({"serviceAccountRoleArn": elsewhere}, f"its role {elsewhere} is not in the input"),
        # The plugin has the role of a node group, which nothing names.
        ({}, "no role in the input is known to belong to cluster prod"),
    ):  # fmt: skip
        result = audited(tmp_path, text, json.dumps({"addon": {**addon, **more}}))
        assert not result["complete"]
        assert problem in json.dumps(result["unread"])


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
         '"AssumeRolePolicyDocument": {}}]}', "is not the ARN of a role"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "in.json").write_text(text)
    done = run("audit", "in.json", cwd=tmp_path)
    assert done.code == 3 and problem in done.err and "in.json" in done.err
    assert "Traceback" not in done.err


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
    arn = f"arn:aws:iam::{ACCOUNT}:policy/cni"
    account = details(role("a", PODS, attached=(arn,)), policies=(managed(arn, allow("ec2:*")),))
    associated = {
        "association": {
            "clusterName": "dev",
            "namespace": "kube-system",
            "serviceAccount": "aws-node",
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/a",
        }
    }
    both = f"{account}\n{json.dumps(associated)}"
    (tmp_path / "a.json").write_text(both)
    assert run("audit", "a.json", cwd=tmp_path).code == 0
    line = 1 + both[: both.index(text)].count("\n")
    (tmp_path / "a.json").write_text(both.replace(text, f"{twice}, {text}", 1))
    done = run("audit", "a.json", cwd=tmp_path)
    assert done.code == 3 and f"a.json: line {line}, " in done.err
    assert f"the key {text.split(chr(34))[1]!r} is there twice" in done.err


def test_a_role_that_is_described_twice_differently_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(details(role("a", NODES), role("a", NODES)))
    assert run("audit", "a.json", cwd=tmp_path).code == 0
    (tmp_path / "b.json").write_text(details(role("a", PODS)))
    done = run("audit", "a.json", "b.json", cwd=tmp_path)
    assert done.code == 3 and "is described twice" in done.err


@pytest.mark.parametrize("files", [1, 2])
def test_a_policy_that_is_described_twice_differently_is_not_read(
    files: int, tmp_path: Path
) -> None:
    """Which of the two the role has is not known; a count beside the same document is nothing."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/cni"
    attached = details(role("cni", irsa(), attached=(arn,)))
    works, lacks = managed(arn, allow("ec2:*")), managed(arn, allow("ec2:Describe*"))

    def audited(*policies: dict[str, Any]) -> tuple[str, bool]:
        texts = [details(policies=(policy,)) for policy in policies]
        pages = ["\n".join([attached, *texts])] if files == 1 else [attached, *texts]
        names = [f"{number}.json" for number in range(len(pages))]
        for name, text in zip(names, pages, strict=True):
            (tmp_path / name).write_text(text)
        result = json.loads(run("audit", *names, "--format", "json", cwd=tmp_path).out)
        return result["roles"][0]["verdict"], result["complete"]

    for pair in ((works, lacks), (lacks, works)):
        assert audited(*pair) == ("unknown", False)
    assert audited(works, {**works, "AttachmentCount": 2}) == ("works", True)


def test_standard_input_and_gzip(tmp_path: Path) -> None:
    done = run("audit", "-", cwd=tmp_path, stdin=details(role("a", NODES)))
    assert (done.code, done.out) == (0, "1 role of 1 account read: none is for the plugin\n")


def test_a_policy_that_names_an_account_is_judged_in_the_account_of_the_role(
    tmp_path: Path,
) -> None:
    text = json.dumps(OLD).replace("arn:aws:ec2:*:*:", f"arn:aws:ec2:*:{ACCOUNT}:")
    cni = {"cni": json.loads(text)}
    other = "444455556666"
    page = details(
        role("own", irsa(), inline=cni), role("other", irsa(), inline=cni, account=other)
    )
    roles = names(audited(tmp_path, page, to="v1.15.0"))
    assert (roles["own"]["verdict"], roles["other"]["verdict"]) == ("works", "breaks")


def test_the_same_policies_are_judged_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    judged: list[object] = []

    def counted(*args: Any) -> tuple[ScenarioRun, ...]:
        judged.append(args)
        return run_scenarios(*args)

    monkeypatch.setattr("vpc_cni_iam.audit.judge.run_scenarios", counted)
    roles = [role(f"r{i}", irsa(), inline={"cni": OLD}) for i in range(50)]
    roles += [role(f"m{i}", irsa(), attached=(MANAGED,)) for i in range(50)]
    (tmp_path / "in.json").write_text(details(*roles, policies=(MANAGED_POLICY,)))
    with AccountDetails([str(tmp_path / "in.json")], io.BytesIO()) as opened:
        assert len(audit(opened, known_versions.newest()).roles) == 100
    assert len(judged) <= 2  # what an earlier test judged is known

    # Statements that are about no call of the plugin make no difference to it.
    judged.clear()
    for i, described in enumerate(roles):
        described["RolePolicyList"] += [
            {"PolicyName": "own", "PolicyDocument": allow(f"ec2:*{i}*z*", f"s3:Get{i}*")}
        ]
    (tmp_path / "in.json").write_text(details(*roles, policies=(MANAGED_POLICY,)))
    with AccountDetails([str(tmp_path / "in.json")], io.BytesIO()) as opened:
        described_roles = audit(opened, known_versions.newest()).roles
    assert len(judged) <= 2
    assert {r.verdict for r in described_roles if r.role.endswith("/r1")} == {"breaks"}
    assert {r.verdict for r in described_roles if r.role.endswith("/m1")} == {"works"}


@pytest.mark.parametrize(("arn", "taken"), [("inline", 10_240), (BOUNDARY, 6_144), (MANAGED, 0)])
def test_a_policy_beyond_the_limits_of_iam_is_not_read(
    tmp_path: Path, arn: str, taken: int
) -> None:
    """Nothing is told of its size alone for policies of AWS, which have no such limit."""
    actions = [action for s in managed_policy().statements for action in s.actions]
    document = allow(*actions, *(f"ec2:Describe{'x' * 100}{i}" for i in range(200)))
    inline = {"cni": document} if arn == "inline" else None
    attached = () if inline else (arn,)
    page = details(
        role("r", irsa(), inline=inline, attached=attached), policies=(managed(arn, document),)
    )
    result = audited(tmp_path, page)
    (described,) = result["roles"]
    assert bool(described["undecided"]) is bool(taken) is not result["complete"]
    assert all(f"IAM accepts at most {taken:,}" in text for text in described["undecided"])


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


def test_what_to_do_about_a_role_works_in_its_partition_and_at_the_version(tmp_path: Path) -> None:
    china = role(
        "a", irsa(), inline={"cni": allow("ec2:Describe*", "ec2:AssignPrivateIpAddresses")}
    )
    china["Arn"] = china["Arn"].replace("arn:aws:", "arn:aws-cn:")
    (a,) = audited(tmp_path, details(china))["roles"]
    (advice,) = a["proposal"]
    command = advice.split("`")[1].split()[1:]
    assert command[-2:] == ["--partition", "aws-cn"]
    china["RolePolicyList"][0]["PolicyDocument"] = json.loads(run(*command).out)
    (a,) = audited(tmp_path, details(china))["roles"]
    assert a["verdict"] == "works"
    old = role("a", irsa(), inline={"cni": OLD})
    (a,) = audited(tmp_path, details(old), to="v1.7.5")["roles"]
    assert a["verdict"] == "works" and a["proposal"] == []  # no scoped document is that old


NOT_READ = f"arn:aws:iam::{ACCOUNT}:policy/not-read"


@pytest.mark.parametrize(
    ("denied", "condition", "verdict"),
    [
        ("ec2:DescribeNetworkInterfaces", {}, "breaks"),
        ("ec2:DescribeTags", {}, "unknown"),
        # A cluster of the other IP family may work.
        ("ec2:AssignPrivateIpAddresses", {}, "unknown"),
        ("ec2:*", {"StringEquals": {"aws:PrincipalTag/team": "a"}}, "unknown"),
        ("ec2:*", {"Bool": {"aws:SecureTransport": "false"}}, "unknown"),
        ("ec2:*", {"Null": {"aws:PrincipalAccount": "false"}}, "breaks"),
        # Not denied if the policy that was not read allows to write the tag.
        (
            "ec2:AssignPrivateIpAddresses",
            {"Null": {"aws:ResourceTag/cluster.k8s.amazonaws.com/name": "true"}},
            "unknown",
        ),
    ],
)
def test_a_deny_decides_whatever_a_policy_allows_that_is_not_read(
    tmp_path: Path, denied: str, condition: dict[str, Any], verdict: str
) -> None:
    deny = allow(denied)
    deny["Statement"][0] |= {"Effect": "Deny", "Condition": condition}
    limit = allow("*")
    limit["Statement"] += deny["Statement"]
    roles = (
        role("own", irsa(), inline={"no": deny}, attached=(NOT_READ,)),
        role("limited", irsa(), attached=(NOT_READ,), boundary=BOUNDARY),
        role("open", irsa(), inline={"no": deny, "cni": allow("ec2:*")}, boundary=NOT_READ),
    )
    result = audited(tmp_path, details(*roles, policies=(managed(BOUNDARY, limit),)))
    verdicts = {name: r["verdict"] for name, r in names(result).items()}
    assert verdicts == dict.fromkeys(verdicts, verdict)
    assert all(r["undecided"] for r in result["roles"]) and not result["complete"]


def test_a_deny_is_to_be_removed_and_not_replaced(tmp_path: Path) -> None:
    deny = allow("ec2:CreateTags")
    deny["Statement"][0]["Effect"] = "Deny"
    a = role("a", irsa(), inline={"no": deny}, attached=(MANAGED,))
    limited = allow("*")
    limited["Statement"] += deny["Statement"]
    b = role("b", irsa(), attached=(MANAGED,), boundary=BOUNDARY)
    result = audited(tmp_path, details(a, b, policies=(MANAGED_POLICY, managed(BOUNDARY, limited))))
    first = {name: r["proposal"][0] for name, r in names(result).items()}
    assert first == {
        "a": "remove or narrow the Deny of ec2:CreateTags in its policies",
        "b": f"remove or narrow the Deny of ec2:CreateTags in {BOUNDARY}",
    }


def test_a_role_that_is_scoped_to_another_cluster_breaks_in_a_cluster(tmp_path: Path) -> None:
    names_of = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    scoped = json.loads(run("policy", "ipv4-scoped", *names_of).out)
    account = details(role("a", PODS, inline={"cni": scoped}))

    def of(*clusters: str) -> dict[str, Any]:
        associations = (
            {
                "clusterName": cluster,
                "namespace": "kube-system",
                "serviceAccount": "aws-node",
                "roleArn": f"arn:aws:iam::{ACCOUNT}:role/a",
            }
            for cluster in clusters
        )
        texts = (json.dumps({"association": association}) for association in associations)
        (a,) = audited(tmp_path, account, *texts)["roles"]
        return dict(a)

    a = of("prod")
    assert (a["verdict"], a["proposal"]) == ("works", [])
    a = of("stage")
    assert a["verdict"] == "breaks" and a["clusters"][0]["result"]["verdict"] == "breaks"
    assert a["proposal"] == [
        "replace its policy with the output of `vpc-cni-iam policy ipv4-scoped "
        "--cni-version v1.23.2 --cluster-name stage --vpc-id vpc-01234567`"
    ]
    a = of("prod", "stage")
    assert [use["result"]["verdict"] for use in a["clusters"]] == ["works", "breaks"]
    assert a["verdict"] == "breaks"
    assert a["proposal"] == ["give each cluster its own role, and scope it to the cluster"]
    done = run("audit", *(f"{n}.json" for n in range(3)), cwd=tmp_path)
    assert "breaks at v1.23.2 in cluster stage, by default, IPv4" in done.out


def test_a_role_for_several_clusters_is_checked_for_each(tmp_path: Path) -> None:
    prod, stage = (
        json.loads(run("policy", "ipv4-scoped", "--cluster-name", name, "--vpc-id", vpc).out)
        for name, vpc in (("prod", "vpc-01234567"), ("stage", "vpc-89abcdef"))
    )
    both = role("both", irsa(), inline={"prod": prod, "stage": stage})
    less = {**stage, "Statement": [s for s in stage["Statement"] if "Attach" not in str(s)]}
    half = role("half", irsa(), inline={"prod": prod, "stage": less})
    result = names(audited(tmp_path, details(both, half)))
    assert (result["both"]["verdict"], result["both"]["proposal"]) == ("works", [])
    assert result["half"]["verdict"] == "breaks"
    assert result["half"]["proposal"] == [
        "give each cluster its own role, and scope it to the cluster"
    ]


def test_each_vpc_that_policies_name_is_checked_in_a_cluster(tmp_path: Path) -> None:
    """One role for two VPCs, in the second of which it may not use security groups."""
    first, second = (
        json.loads(run("policy", "ipv4-scoped", "--cluster-name", "prod", "--vpc-id", vpc).out)
        for vpc in ("vpc-01234567", "vpc-89abcdef")
    )
    less = json.loads(json.dumps(second).replace('", "arn:aws:ec2:*:*:security-group/*"]', '"]'))
    assert less != second
    arn = f"arn:aws:iam::{ACCOUNT}:role/cni"
    addon = {"addonName": "vpc-cni", "clusterName": "prod", "serviceAccountRoleArn": arn}
    for policies, verdict in (((first, second), "works"), ((first, less), "breaks")):
        inline = dict(zip(("first", "second"), policies, strict=True))
        text = details(role("cni", irsa(), inline=inline))
        (use,) = names(audited(tmp_path, text, json.dumps({"addon": addon})))["cni"]["clusters"]
        assert use["result"]["verdict"] == verdict


def test_a_role_is_checked_in_the_region_of_the_cluster(tmp_path: Path) -> None:
    limited = allow("ec2:*")
    limited["Statement"][0]["Condition"] = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    addon = {
        "addonName": "vpc-cni",
        "clusterName": "prod",
        "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/a",
    }
    for region, verdict in (("us-east-1", "works"), ("eu-west-1", "breaks")):
        arn = f"arn:aws:eks:{region}:{ACCOUNT}:addon/prod/vpc-cni/0"
        described = json.dumps({"addon": {**addon, "addonArn": arn}})
        trust = json.loads(json.dumps(irsa()).replace("eu-west-1", region))
        account = details(role("a", trust, inline={"cni": limited}))
        (a,) = audited(tmp_path, account, described)["roles"]
        assert (a["verdict"], a["clusters"][0]["region"]) == (verdict, region)


def test_each_role_is_told_its_risks_and_what_to_do(tmp_path: Path) -> None:
    names_of = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    scoped = json.loads(run("policy", "ipv4-scoped", *names_of).out)
    revision = ("--revision", "2022-01-31")
    scoped_old = json.loads(run("policy", "ipv4-scoped", *names_of, *revision).out)
    older = ("--harden", "--cni-version", "v1.19.3")  # the next version sends one more tag key
    hardened_old = json.loads(run("policy", "ipv4-scoped", *names_of, *older).out)
    listed = ("--subnet-id", "subnet-01234567", "--security-group-id", "sg-01234567")
    listed_old = json.loads(run("policy", "ipv4-scoped", *names_of, *older, *listed).out)
    boundary = managed(BOUNDARY, allow("ec2:*Network*", "ec2:*Addr*", "ec2:*Tags", "ec2:*Instan*"))
    roles = {
        "none": role("none", irsa(), inline={"s3": allow("s3:*")}),
        "old": role("old", irsa(), inline={"cni": OLD}),
        "scoped": role("scoped", irsa(), inline={"cni": scoped}),
        "scoped-node": role("scoped-node", NODES, inline={"cni": scoped}),
        "scoped-old": role("scoped-old", irsa(), inline={"cni": scoped_old}),
        "hardened-old": role("hardened-old", irsa(), inline={"cni": hardened_old}),
        "listed-old": role("listed-old", irsa(), inline={"cni": listed_old}),
        "managed": role("managed", irsa(), attached=(MANAGED,)),
        "managed-node": role("managed-node", NODES, attached=(MANAGED,)),
        "both": role("both", irsa(), inline={"ec2": allow("ec2:*")}),
        "limited": role("limited", irsa(), inline={"cni": scoped}, boundary=BOUNDARY),
    }
    result = audited(tmp_path, details(*roles.values(), policies=(MANAGED_POLICY, boundary)))
    own = "give aws-node its own role with EKS Pod Identity or IRSA"
    of = "`vpc-cni-iam policy {} --cni-version v1.23.2`".format
    scoped_of = of("ipv4-scoped")[:-1] + " --cluster-name NAME --vpc-id ID`"
    assert {name: r["proposal"] for name, r in names(result).items()} == {
        "none": [f"attach {scoped_of} (or ipv6-scoped)"],
        "old": [f"replace its policy with the output of {of('ipv4')}"],
        "scoped": [],
        "scoped-node": [own],
        "scoped-old": [
            f"replace its policy with the output of {of('ipv4-scoped')[:-1]} {' '.join(names_of)}`",
        ],
        "hardened-old": [
            f"replace its policy with the output of {of('ipv4-scoped')[:-1]} --harden "
            f"{' '.join(names_of)}`",
        ],
        "listed-old": [
            f"replace its policy with the output of {of('ipv4-scoped')[:-1]} --harden "
            f"{' '.join((*names_of, *listed))}`",
        ],
        "managed": [f"scope it to its cluster: {scoped_of}"],
        "managed-node": [f"scope it to its cluster: {scoped_of}", own],
        "both": ["give each cluster its own role, and scope it to the cluster"],
        "limited": [f"allow ec2:DescribeSubnets in {BOUNDARY}"],
    }
    risks = {name: r["policies"]["risks"] for name, r in names(result).items()}
    assert risks["none"] == [] and "interfaces-unscoped" not in risks["scoped"]
    assert "interfaces-unscoped" in risks["managed"] and "actions-beyond-calls" in risks["both"]
    order = [(r["verdict"] != "breaks", r["role"]) for r in result["roles"]]
    assert order == sorted(order) and {b for b, _ in order} == {True, False}


def test_a_role_of_another_partition_is_judged_there(tmp_path: Path) -> None:
    names_of = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    breaks = {}
    for partition in ("aws", "aws-cn"):
        words = ("--partition", partition)
        cni = json.loads(run("policy", "ipv4-scoped", *names_of, *words).out)
        described = role("cni", PODS, inline={"cni": cni})
        described["Arn"] = described["Arn"].replace("arn:aws:", "arn:aws-cn:")
        breaks[partition] = names(audited(tmp_path, details(described)))["cni"]["verdict"]
    assert breaks == {"aws": "breaks", "aws-cn": "works"}


def test_each_region_that_a_deny_names_is_judged_where_the_clusters_is_not_known(
    tmp_path: Path,
) -> None:
    outside = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]}}
    guard = {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Condition": outside}
    policy = allow("ec2:*") | {"Statement": [*allow("ec2:*")["Statement"], guard]}
    page = details(role("cni", PODS, inline={"cni": policy}))
    listed = names(audited(tmp_path, page))["cni"]
    family = listed["policies"]["families"][0]
    assert listed["verdict"] == family["verdict"] == "breaks"
    assert {r["region"]: r["verdict"] for r in family["regions"]} == {
        "us-east-1": "works",
        "us-west-2": "works",
        None: "breaks",
    }
    (tmp_path / "a.json").write_text(page)
    text = run("audit", "a.json", "--to", "v1.23.2", cwd=tmp_path).out
    where = "IPv4: works in us-east-1, us-west-2; breaks elsewhere: the cluster's Region is"
    assert f"Region       {where}" in text
    for region, verdict in (("us-east-1", "works"), ("eu-west-1", "breaks")):
        addon = {
            "addonName": "vpc-cni",
            "clusterName": "prod",
            "addonArn": f"arn:aws:eks:{region}:{ACCOUNT}:addon/prod/vpc-cni/a-1",
            "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/cni",
        }
        trust = json.loads(json.dumps(irsa()).replace("eu-west-1", region))
        page = details(role("cni", trust, inline={"cni": policy}))
        (tmp_path / "addon.json").write_text(json.dumps({"addon": addon}))
        (tmp_path / "a.json").write_text(page)
        words = ("audit", "a.json", "addon.json", "--to", "v1.23.2", "--format", "json")
        (read,) = json.loads(run(*words, cwd=tmp_path).out)["roles"]
        assert read["verdict"] == verdict and read["clusters"][0]["result"]["regions"] == []
        # It is judged in the Regions of its clusters alone.
        assert [f["verdict"] for f in read["policies"]["families"]] == [verdict] * 2


def test_the_regions_of_clusters_that_are_known_are_not_said_to_be_unknown(tmp_path: Path) -> None:
    policy = allow("ec2:*")
    outside = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    policy["Statement"] += [
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": outside}
    ]
    for number, region in enumerate(("us-east-1", "eu-west-1")):
        addon = {
            "addonName": "vpc-cni",
            "clusterName": "prod",
            "addonArn": f"arn:aws:eks:{region}:{ACCOUNT}:addon/prod/vpc-cni/a-1",
            "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/cni",
        }
        (tmp_path / f"{number}.json").write_text(json.dumps({"addon": addon}))
    (tmp_path / "a.json").write_text(details(role("cni", irsa(), inline={"cni": policy})))
    text = run("audit", "a.json", "0.json", "1.json", cwd=tmp_path).out
    assert "IPv4: works in us-east-1; breaks in eu-west-1\n" in text
    assert "Region is not known" not in text


def test_a_role_that_gives_itself_access_has_that_risk(tmp_path: Path) -> None:
    page = details(role("cni", irsa(), inline={"cni": allow("ec2:*", "iam:PassRole")}))
    risks = names(audited(tmp_path, page))["cni"]["policies"]["risks"]
    assert risks[0] == "privilege-escalation"


def test_a_shared_vpc_is_assumed_if_the_policies_name_another_account(tmp_path: Path) -> None:
    own = allow("ec2:*", resource=f"arn:aws:ec2:eu-west-1:{ACCOUNT}:*/*")
    describe = allow("ec2:Describe*")["Statement"]
    subnet = allow("ec2:*", resource="arn:aws:ec2:*:444455556666:subnet/*")["Statement"]
    for more, shared in ((describe, False), (describe + subnet, True)):
        policy = own | {"Statement": [*own["Statement"], *more]}
        page = details(role("cni", irsa(), inline={"cni": policy}))
        listed = names(audited(tmp_path, page))
        not_run = listed["cni"]["policies"]["families"][0]["scenarios_not_run"]
        assert ("shared-subnet" in not_run) is not shared
        assert listed["cni"]["verdict"] == "works"
        (tmp_path / "a.json").write_text(page)
        text = run("audit", "a.json", cwd=tmp_path).out
        line = "not run; run them with coverage --scenario: "
        line += "cluster-name-corrected, " if shared else "shared-subnet, cluster-name-corrected, "
        assert f"\n{line}additional-tags-changed\n" in text


def test_a_role_of_which_a_call_is_undecided_is_unknown(tmp_path: Path) -> None:
    deny = allow("ec2:CreateTags")["Statement"][0] | {
        "Effect": "Deny",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}},
    }
    undecided = {"Version": "2012-10-17", "Statement": [*allow("ec2:*")["Statement"], deny]}
    absent = f"arn:aws:iam::{ACCOUNT}:policy/absent"
    page = details(
        role("undecided", irsa(), inline={"cni": undecided}),
        role("denied-too", irsa(), inline={"cni": {**undecided, "Statement": [deny]}}),
        # What is not in the input may allow what the rest does not.
        role("not-read", irsa(), inline={"cni": OLD}, attached=(absent,)),
    )
    result = audited(tmp_path, page)
    verdicts = {name: described["verdict"] for name, described in names(result).items()}
    assert verdicts == {"undecided": "unknown", "denied-too": "breaks", "not-read": "unknown"}
    assert (result["breaks"], result["complete"]) == (True, False)
    ipv4, _ = names(result)["undecided"]["policies"]["families"]
    assert ipv4["verdict"] == "unknown"
    (missing, *_) = ipv4["missing"]
    undecided_by = missing["undecided"]["doubt"], missing["undecided"]["key"]
    assert undecided_by == ("a value of the request", "aws:PrincipalTag/team")
    assert "undecided" not in missing["breaks"]
    assert not names(result)["undecided"]["proposal"][0].startswith("replace")
    done = run("audit", "0.json", "--to", "v1.23.2", cwd=tmp_path)
    assert f"unknown  arn:aws:iam::{ACCOUNT}:role/undecided\n" in done.out
    assert "undecided    IPv4: ec2:CreateTags, in fresh-node: undecided, since aws:Pr" in done.out
    assert done.out.endswith("3 for the plugin, of which 1 breaks at v1.23.2, and 2 may break\n")
    only = audited(tmp_path, details(role("undecided", irsa(), inline={"cni": undecided})))
    assert (only["breaks"], only["complete"]) == (False, False)


def test_a_role_of_irsa_names_the_issuer_that_must_be_the_clusters(tmp_path: Path) -> None:
    page = details(
        role("irsa", irsa(), attached=(MANAGED,)),
        role("pods", PODS, attached=(MANAGED,)),
        policies=(MANAGED_POLICY,),
    )
    roles = names(audited(tmp_path, page))
    assert (roles["irsa"]["issuers"], roles["pods"]["issuers"]) == ([ISSUER], [])
    text = run("audit", "0.json", cwd=tmp_path).out
    line = f"issuer       {ISSUER}; works only if this is the cluster's issuer (not checked"
    assert text.count(line) == 1


def test_roles_that_differ_in_name_and_issuer_alone_are_told_once(tmp_path: Path) -> None:
    """An account with many clusters has a role for each, and all have one policy."""
    trusts = [json.loads(json.dumps(irsa()).replace(ISSUER, f"{ISSUER}{i}")) for i in range(30)]
    page = details(
        *(role(f"cni-{i}", trust, attached=(MANAGED,)) for i, trust in enumerate(trusts)),
        *(role(f"nodes-{i}", NODES, attached=(MANAGED,)) for i in range(30)),
        role("old", NODES, inline={"cni": OLD}),
        policies=(MANAGED_POLICY,),
    )
    (tmp_path / "a.json").write_text(page)
    out = run("audit", "a.json", cwd=tmp_path).out
    assert out.count(" calls ") == 3 and out.count("equal to     AmazonEKS_CNI_Policy v6") == 2
    assert all(
        f":role/cni-{i}\n" in out and f"issuer       {ISSUER}{i}\n" in out for i in range(30)
    )
    assert out.count("each role works only in a cluster with its issuer (not checked") == 1


def test_a_role_with_a_hardened_policy_works(tmp_path: Path) -> None:
    """It breaks if somebody changes CLUSTER_NAME or ADDITIONAL_ENI_TAGS, which no update does."""
    names_of = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    hardened = json.loads(run("policy", "ipv4-scoped", *names_of, "--harden").out)
    listed = names(audited(tmp_path, details(role("cni", irsa(), inline={"cni": hardened}))))
    assert (listed["cni"]["verdict"], listed["cni"]["proposal"]) == ("works", [])
    (tmp_path / "policy.json").write_text(json.dumps(hardened))
    assert run("coverage", "policy.json", cwd=tmp_path).code == 0
    every = [word for s in SCENARIOS for word in ("--scenario", s.name)]
    done = run("coverage", "policy.json", *every, cwd=tmp_path)
    instead = "leave CLUSTER_NAME as it is and leave ADDITIONAL_ENI_TAGS as it is, or "
    assert f"to do    {instead}" in done.out
    assert done.out.endswith(", in cluster-name-corrected and additional-tags-changed only\n")


def test_the_managed_policy_of_another_partition_has_arns_of_it(tmp_path: Path) -> None:
    trust = json.loads(
        json.dumps(irsa()).replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    )
    described = role("cni", trust, attached=(MANAGED.replace("arn:aws:", "arn:aws-cn:"),))
    described["Arn"] = described["Arn"].replace("arn:aws:", "arn:aws-cn:")
    (read,) = audited(tmp_path, details(described))["roles"]
    assert (read["verdict"], read["undecided"]) == ("works", [])


def test_a_boundary_does_not_say_in_which_region_the_cluster_is(tmp_path: Path) -> None:
    boundary = allow("ec2:*")
    boundary["Statement"][0]["Condition"] = {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}
    described = role("cni", PODS, inline={"cni": allow("ec2:*")}, boundary=BOUNDARY)
    page = details(described, policies=(managed(BOUNDARY, boundary),))
    (read,) = audited(tmp_path, page)["roles"]
    regions = {r["region"]: r["verdict"] for r in read["policies"]["families"][0]["regions"]}
    assert read["verdict"] == "breaks" and regions == {"us-west-2": "works", None: "breaks"}
    addon = {
        "addonName": "vpc-cni",
        "clusterName": "prod",
        "addonArn": f"arn:aws:eks:us-west-2:{ACCOUNT}:addon/prod/vpc-cni/a-1",
        "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/cni",
    }
    trust = json.loads(json.dumps(irsa()).replace("eu-west-1", "us-west-2"))
    described["AssumeRolePolicyDocument"] = trust
    page = details(described, policies=(managed(BOUNDARY, boundary),))
    (read,) = audited(tmp_path, page, json.dumps({"addon": addon}))["roles"]
    assert read["verdict"] == "works"


def test_a_boundary_of_one_cluster_says_which_where_the_policies_do_not(tmp_path: Path) -> None:
    def audited_with(policy: dict[str, Any], *files: str) -> str:
        described = role("cni", irsa(), inline={"cni": policy}, boundary=BOUNDARY)
        page = details(described, policies=(managed(BOUNDARY, scoped_to("prod")),))
        (read,) = audited(tmp_path, page, *files)["roles"]
        return str(read["verdict"])

    def scoped_to(cluster: str) -> dict[str, Any]:
        words = ("ipv4-scoped", "--cluster-name", cluster, "--vpc-id", "vpc-01234567")
        return dict(json.loads(run("policy", *words).out))

    assert audited_with(allow("ec2:*")) == "works"
    assert audited_with(scoped_to("other")) == "breaks"
    arn = f"arn:aws:iam::{ACCOUNT}:role/cni"
    addon = {"addonName": "vpc-cni", "clusterName": "other", "serviceAccountRoleArn": arn}
    assert audited_with(allow("ec2:*"), json.dumps({"addon": addon})) == "breaks"


def test_the_managed_policy_as_a_boundary_allows_nothing_by_itself(tmp_path: Path) -> None:
    """Without its document in the input, it is known all the same."""
    nothing = role("cni", irsa(), boundary=MANAGED)
    wide = role("wide", irsa(), inline={"cni": allow("ec2:*")}, boundary=MANAGED)
    read = names(audited(tmp_path, details(nothing, wide)))
    assert (read["cni"]["verdict"], read["wide"]["verdict"]) == ("breaks", "works")
    assert read["wide"]["undecided"] == []
    (works,) = (f for f in read["wide"]["policies"]["families"] if f["mode"] == "ipv4")
    whole = names(audited(tmp_path, details(wide, policies=(MANAGED_POLICY,))))["wide"]
    assert works == whole["policies"]["families"][0]
    other = role("cni", irsa(), inline={"cni": allow("ec2:*")}, boundary=BOUNDARY)
    (unknown,) = audited(tmp_path, details(other))["roles"]
    assert unknown["verdict"] == "unknown" and BOUNDARY in unknown["undecided"][0]
