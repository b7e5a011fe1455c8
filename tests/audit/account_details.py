"""What the AWS CLI prints of accounts and clusters, and what ``audit`` answers of it."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from conftest import run, validator
from vpc_cni_iam.catalog.facts.documents import find, managed_policy
from vpc_cni_iam.policy.document import to_json

ACCOUNT = "111122223333"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
WORKER = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
PULL = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
OF_NODES = (WORKER, PULL)
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def allow(*actions: str, resource: str = "*", **elements: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **elements}
    return {"Version": "2012-10-17", "Statement": [statement]}


def deny(*actions: str, **elements: Any) -> dict[str, Any]:
    return allow(*actions, Effect="Deny", **elements)


def together(*policies: dict[str, Any]) -> dict[str, Any]:
    """One policy with the statements of several."""
    return {**policies[0], "Statement": [s for policy in policies for s in policy["Statement"]]}


def replaced(value: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """A copy with another text everywhere."""
    text = json.dumps(value)
    assert old in text
    copy: dict[str, Any] = json.loads(text.replace(old, new))
    return copy


@cache
def _printed(*words: str) -> str:
    return run("policy", *words).out


def generated(*words: str) -> dict[str, Any]:
    """What ``policy`` prints."""
    policy: dict[str, Any] = json.loads(_printed(*words))
    return policy


def scoped(cluster: str = "prod", vpc: str = "vpc-01234567", *words: str) -> dict[str, Any]:
    form = () if {"--harden", "--revision"} & {*words} else ("--no-harden",)
    return generated("ipv4-scoped", "--cluster-name", cluster, "--vpc-id", vpc, *form, *words)


def irsa(subject: str = "system:serviceaccount:kube-system:aws-node") -> dict[str, Any]:
    """The trust policy of terraform-aws-iam's module iam-role-for-service-accounts-eks."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "",
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
                    "StringLike": {f"{ISSUER}:sub": subject},
                },
            }
        ],
    }


def service(name: str, *actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": name}, "Action": list(actions)}
    return {"Version": "2012-10-17", "Statement": [statement]}


NODES = service("ec2.amazonaws.com", "sts:AssumeRole")
PODS = service("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")


def role(
    name: str,
    trust: dict[str, Any],
    *,
    inline: dict[str, dict[str, Any]] | None = None,
    attached: tuple[str, ...] = (),
    boundary: str = "",
    account: str = ACCOUNT,
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROA1234567890EXAMPLE",
        "Arn": role_arn(name).replace(ACCOUNT, account),
        "CreateDate": "2024-05-01T12:00:00+00:00",
        "AssumeRolePolicyDocument": trust,
        "InstanceProfileList": [],
        "RolePolicyList": [
            {"PolicyName": n, "PolicyDocument": document} for n, document in (inline or {}).items()
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in attached
        ],
        "Tags": [],
        "RoleLastUsed": {},
    }
    if boundary:
        described["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        }
    return described


def managed(arn: str, *versions: dict[str, Any]) -> dict[str, Any]:
    """A managed policy whose first version is its default."""
    return {
        "PolicyName": arn.rpartition("/")[2],
        "Arn": arn,
        "DefaultVersionId": f"v{len(versions)}",
        "PolicyVersionList": [
            {
                "Document": document,
                "VersionId": f"v{len(versions) - index}",
                "IsDefaultVersion": index == 0,
            }
            for index, document in enumerate(versions)
        ],
    }


def details(*roles: dict[str, Any], policies: tuple[dict[str, Any], ...] = (), **more: Any) -> str:
    page = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": list(roles)}
    return json.dumps({**page, "Policies": list(policies), **more}, indent=4)


_OF_EKS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "addon": (
        "serviceAccountRoleArn",
        "addonArn",
        "addon/{}/vpc-cni/1",
        {"addonName": "vpc-cni"},
    ),
    "association": (
        "roleArn",
        "associationArn",
        "podidentityassociation/{}/a-1",
        {"namespace": "kube-system", "serviceAccount": "aws-node"},
    ),
    "nodegroup": ("nodeRole", "nodegroupArn", "nodegroup/{}/ng/1", {}),
}


def of_eks(
    kind: str, role: str = "", *, cluster: str = "prod", place: str = "", **members: Any
) -> dict[str, Any]:
    """What ``aws eks describe-...`` prints of a cluster, with an ARN if it has a place.

    A place is a Region and an account, such as eu-west-1:111122223333.
    """
    role_key, arn_key, resource, own = _OF_EKS[kind]
    names = {role_key: role_arn(role)} if role else {}
    names |= {arn_key: f"arn:aws:eks:{place}:{resource.format(cluster)}"} if place else {}
    return {kind: {"clusterName": cluster, **own, **names, **members}}


@dataclass(frozen=True)
class Audited:
    """The answer of ``audit``, whose text is asked for where a test reads it."""

    code: int
    result: dict[str, Any]
    folder: Path
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        done = run(*self.words, cwd=self.folder)
        assert done.code == self.code
        return done.out

    @property
    def roles(self) -> dict[str, dict[str, Any]]:
        return {r["role"].rpartition("/")[2]: r for r in self.result["roles"]}

    @property
    def verdicts(self) -> dict[str, str]:
        return {name: described["verdict"] for name, described in self.roles.items()}


def audited(
    folder: Path,
    *inputs: str | dict[str, Any],
    to: str = "v1.23.2",
    daemonsets: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
) -> Audited:
    """Audit 0.json, 1.json and so on, with aws-node-0.json and so on as DaemonSets."""
    names = [f"{number}.json" for number in range(len(inputs))]
    manifests = [f"aws-node-{number}.json" for number in range(len(daemonsets))]
    for name, text in zip([*names, *manifests], [*inputs, *daemonsets], strict=True):
        (folder / name).write_text(text if isinstance(text, str) else json.dumps(text))
    options = [word for name in manifests for word in ("--daemonset", name)]
    command = ("audit", *names, *options, "--to", to, *words)
    done = run(*command, "--format", "json", cwd=folder)
    assert done.code in (0, 1), done.err
    result: dict[str, Any] = json.loads(done.out)
    validator("audit").validate(result)
    assert words or done.code == (1 if result["fails"] or not result["complete"] else 0)
    return Audited(done.code, result, folder, command)


MANAGED_POLICY = managed(MANAGED, to_json(managed_policy()))
CNI = to_json(managed_policy())
OLD = to_json(find("2022-01-31").document("ipv4"))
