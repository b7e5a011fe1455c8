"""Which role is aws-node's: by its trust policy, the same for every kind of input."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Run, run
from synthetic import plan, resource

EVERYTHING = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
MANAGED = "arn:aws:iam::aws:policy/{}"
UNREAD = "arn:aws:iam::111122223333:policy/unread"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"


def trusts(*services: str, action: str | list[str] = "sts:AssumeRole") -> dict[str, Any]:
    return document(
        {"Effect": "Allow", "Action": action, "Principal": {"Service": [*services]}},
    )


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


NODES = trusts("ec2.amazonaws.com")
PODS = trusts("pods.eks.amazonaws.com", action=["sts:AssumeRole", "sts:TagSession"])
PODS_WITHOUT_TAGS = trusts("pods.eks.amazonaws.com")
CLUSTER = trusts("eks.amazonaws.com")
IRSA = document(
    {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"},
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:sub": "system:serviceaccount:kube-system:aws-node",
                f"{ISSUER}:aud": "sts.amazonaws.com",
            }
        },
    }
)
OTHERS = json.loads(json.dumps(IRSA).replace("kube-system:aws-node", "default:app"))


def role(
    name: str,
    trust: object,
    *statements: dict[str, Any],
    account: str = "111122223333",
    attached: tuple[str, ...] = (),
    boundary: str = "",
) -> dict[str, Any]:
    inline = {"PolicyName": "p", "PolicyDocument": document(*statements)}
    entry = {
        "RoleName": name,
        "Arn": f"arn:aws:iam::{account}:role/{name}",
        "AssumeRolePolicyDocument": trust,
        "RolePolicyList": [inline] if statements else [],
        "AttachedManagedPolicies": [
            {"PolicyName": each, "PolicyArn": MANAGED.format(each)} for each in attached
        ],
    }
    return entry | ({"PermissionsBoundary": boundary} if boundary else {})


def covered(folder: Path, *roles: dict[str, Any], words: tuple[str, ...] = ()) -> Run:
    (folder / "a.json").write_text(json.dumps({"RoleDetailList": roles}))
    return run("coverage", "a.json", *words, cwd=folder)


@pytest.mark.parametrize(
    ("trust", "beside", "chosen"),
    [
        (NODES, CLUSTER, True),
        (PODS, CLUSTER, True),
        (PODS, NODES, True),  # as in a cluster: a role of its own precedes that of the node
        (IRSA, NODES, True),
        (IRSA, OTHERS, True),
        (PODS_WITHOUT_TAGS, CLUSTER, False),  # EKS Pod Identity needs sts:TagSession
        (OTHERS, CLUSTER, False),
        (PODS, IRSA, False),
        (NODES, NODES, False),
    ],
)
def test_the_trust_policy_decides_which_role_is_judged(
    trust: object, beside: object, chosen: bool, tmp_path: Path
) -> None:
    done = covered(tmp_path, role("one", trust, EVERYTHING), role("other", beside, EVERYTHING))
    first = done.out.partition("\n")[0]
    if chosen:
        assert done.code == 0 and "role/one" in first and first.endswith(": works")
        assert "assumed: arn:aws:iam::111122223333:role/other: left out: " in done.out
        assert "is taken for aws-node" not in done.out
    else:
        assert done.code == 2 and "--role" in done.err
        assert "role/one" in done.err and "role/other" in done.err


@pytest.mark.parametrize(
    ("trust", "says"),
    [
        (None, True),
        # The evaluator does not know the condition operator.
        (document({**NODES["Statement"][0], "Condition": {"StringSame": {"aws:A": "a"}}}), True),
        (NODES, False),
    ],
)
def test_a_role_whose_trust_policy_is_not_known_is_assumed_beside_a_role_of_others(
    trust: object, says: bool, tmp_path: Path
) -> None:
    done = covered(tmp_path, role("one", trust, EVERYTHING), role("other", CLUSTER, EVERYTHING))
    assert "role/one" in done.out.partition("\n")[0]
    assert ("its trust policy is not known; it is taken for aws-node" in done.out) is says
    assert "role/other: left out: it trusts eks.amazonaws.com" in done.out


def test_of_several_roles_only_the_policies_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    old = {"VersionId": "v1", "IsDefaultVersion": False, "Document": document(EVERYTHING)}
    versions = [old, old | {"VersionId": "v2", "IsDefaultVersion": True}]
    policies = [{"PolicyName": "p", "Arn": BOUNDARY, "PolicyVersionList": versions}]
    for attached in (BOUNDARY, UNREAD):
        two = role("two", NODES) | {
            "AttachedManagedPolicies": [{"PolicyName": "p", "PolicyArn": attached}]
        }
        listed = {"RoleDetailList": [role("one", NODES, EVERYTHING), two], "Policies": policies}
        (tmp_path / "a.json").write_text(json.dumps(listed))
        done = run("coverage", "a.json", cwd=tmp_path)
        assert done.code == 2 and "role/two; choose with --role" in done.err
        unread = f"of the others: {UNREAD} cannot be read"
        assert ("cannot be read" in done.err, unread in done.err) == (attached == UNREAD,) * 2


def test_a_cluster_role_is_not_judged_instead_of_the_node_role(tmp_path: Path) -> None:
    cluster = role("cluster", CLUSTER, EVERYTHING)
    node = role("node", NODES, attached=("AmazonEKSWorkerNodePolicy",))
    done = covered(tmp_path, cluster, node)
    assert done.code == 1 and done.out.partition("\n")[0].endswith(": fails")
    assert "role/node" in done.out.partition("\n")[0]
    named = covered(
        tmp_path, cluster, node, words=("--role", "arn:aws:iam::111122223333:role/cluster")
    )
    assert named.code == 0
    assert "not trusted: arn:aws:iam::111122223333:role/cluster: aws-node cannot" in named.out


def test_one_name_in_two_accounts_is_two_roles(tmp_path: Path) -> None:
    describing = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    first = role("node", NODES, describing)
    second = role("node", NODES, EVERYTHING, account="444455556666")
    refused = covered(tmp_path, first, second)
    assert refused.code == 2
    for arn, code in ((first["Arn"], 1), (second["Arn"], 0)):
        assert arn in refused.err
        assert covered(tmp_path, first, second, words=("--role", arn)).code == code


def test_a_role_that_the_first_role_may_assume_is_a_candidate(tmp_path: Path) -> None:
    first = role("first", PODS, {"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    trust = document(
        {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Principal": {"AWS": first["Arn"]},
        }
    )
    done = covered(tmp_path, first, role("target", trust, EVERYTHING))
    assert done.code == 2 and "role/first" in done.err and "role/target" in done.err


def test_a_directory_is_judged_by_the_role_of_its_nodes(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        """
data "aws_iam_policy_document" "cluster" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "cluster" {
  name               = "cluster"
  assume_role_policy = data.aws_iam_policy_document.cluster.json
}
resource "aws_iam_role_policy" "cluster" {
  role   = aws_iam_role.cluster.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "ec2:*", Resource = "*" }] })
}
resource "aws_iam_role" "node" {
  name = "node"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect    = "Allow", Action = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" } }] })
}
resource "aws_iam_role_policy_attachment" "node" {
  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
}
"""
    )
    done = run("coverage", ".", cwd=tmp_path)
    first = done.out.partition("\n")[0]
    assert done.code == 1 and "aws_iam_role.node" in first and first.endswith(": fails")
    assert "assumed: aws_iam_role.cluster: left out: it trusts eks.amazonaws.com" in done.out


BOUNDARY = "arn:aws:iam::111122223333:policy/limit"


@pytest.mark.parametrize(
    "template",
    [
        # As CloudFormation and the CDK write it.
        {
            "Resources": {
                "Role": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {
                        "AssumeRolePolicyDocument": NODES,
                        "PermissionsBoundary": BOUNDARY,
                        "Policies": [{"PolicyName": "p", "PolicyDocument": document(EVERYTHING)}],
                    },
                }
            }
        },
        {
            "Resources": {
                "Role": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {
                        "AssumeRolePolicyDocument": NODES,
                        "ManagedPolicyArns": [BOUNDARY],
                        "Policies": [{"PolicyName": "p", "PolicyDocument": document(EVERYTHING)}],
                    },
                }
            }
        },
    ],
    ids=["boundary", "managed policy"],
)
def test_what_a_template_only_names_is_named_and_counts(
    template: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(template))
    done = run("coverage", "a.json", cwd=tmp_path)
    # A boundary may deny what is allowed, and so may a policy of one's own.
    assert done.code == 1 and BOUNDARY in done.out
    assert done.out.partition("\n")[0].endswith(": unknown")


def test_commands_agree_about_a_call_that_the_plugin_can_work_without(tmp_path: Path) -> None:
    policy = json.loads(run("policy", "ipv4", "--cni-version", "v1.20.4").out)
    for statement in policy["Statement"]:
        actions = statement["Action"]
        if isinstance(actions, list) and "ec2:DescribeSubnets" in actions:
            actions.remove("ec2:DescribeSubnets")
    entry = role("cni", IRSA, *policy["Statement"])
    done = covered(tmp_path, entry, words=("--cni-version", "v1.20.4", "--format", "json"))
    assert json.loads(done.out)["verdict"] == "works, degraded" and done.code == 0
    audited = run("audit", "a.json", "--to", "v1.20.4", "--format", "json", cwd=tmp_path)
    (audit,) = json.loads(audited.out)["roles"]
    assert audit["verdict"] == "works, degraded" and audited.code == 0
    missing = audit["policies"]["families"][0]["missing"]
    assert {each["action"] for each in missing} == {"ec2:DescribeSubnets"}


@pytest.mark.parametrize("harden", [(), ("--harden",)])
def test_the_recommended_policy_works_in_every_command(
    harden: tuple[str, ...], tmp_path: Path
) -> None:
    names = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    policy = json.loads(run("policy", "ipv4-scoped", *harden, *names).out)
    done = covered(tmp_path, role("cni", PODS, *policy["Statement"]))
    assert done.code == 0 and done.out.partition("\n")[0].endswith(": works")
    (audit,) = json.loads(run("audit", "a.json", "--format", "json", cwd=tmp_path).out)["roles"]
    assert audit["verdict"] == "works"
    # What only a variable makes the plugin do is a note.
    assert "with ENABLE_POD_ENI=true: works, degraded" in done.out
    on = covered(
        tmp_path,
        role("cni", PODS, *policy["Statement"]),
        words=("--env", "ENABLE_POD_ENI=true"),
    )
    assert on.code == 0 and on.out.partition("\n")[0].endswith(": works, degraded")


@pytest.mark.parametrize(
    ("trust", "can"), [(PODS, True), (PODS_WITHOUT_TAGS, False), (IRSA, True), (CLUSTER, False)]
)
def test_commands_agree_who_can_assume_a_role(trust: object, can: bool, tmp_path: Path) -> None:
    policy = json.loads(run("policy", "ipv4").out)
    own = role("cni", trust, *policy["Statement"])
    chosen = covered(tmp_path, own, words=("--role", own["Arn"]))
    assert ("aws-node cannot" in chosen.out) is not can
    assert covered(tmp_path, own).code == (0 if can else 2)
    audited = json.loads(run("audit", "a.json", "--format", "json", cwd=tmp_path).out)
    assert {each["verdict"] for each in audited["roles"]} <= {"works" if can else "fails"}
    # The same role as a plan creates it.
    resources = {
        "aws_iam_role": {"name": "cni", "assume_role_policy": json.dumps(trust)},
        "aws_iam_role_policy": {"role": "cni", "name": "cni", "policy": json.dumps(policy)},
    }
    changes = [
        {
            "address": f"{kind}.cni",
            "mode": "managed",
            "type": kind,
            "name": "cni",
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {"actions": ["create"], "before": None, "after": values, "after_unknown": {}},
        }
        for kind, values in resources.items()
    ]
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.15.5",
        "resource_changes": changes,
        "configuration": {},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    done = run("review", "plan.json", "--format", "json", cwd=tmp_path)
    assert not done.err
    review = json.loads(done.out)
    verdicts = {each["verdict"] for each in review["plugins"]}
    assert ("fails" not in verdicts) if can else (verdicts <= {"fails"})


_TWO_ROLES = """
locals {
  pods = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
    }]
  })
}
resource "aws_iam_role" "cni" {
  name               = "cni"
  assume_role_policy = local.pods
}
resource "aws_iam_role_policy_attachment" "cni" {
  role       = aws_iam_role.cni.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
}
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = local.pods
}
resource "aws_iam_role_policy_attachment" "app" {
  role       = aws_iam_role.app.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}
"""
_ADDON = """
resource "aws_eks_addon" "this" {
  cluster_name = "prod"
  addon_name   = "vpc-cni"
  %s
}
"""
_ASSOCIATION = """
resource "aws_eks_pod_identity_association" "this" {
  cluster_name    = "prod"
  namespace       = "%s"
  service_account = "%s"
  role_arn        = %s
}
"""
_SERVICE_ACCOUNT = """
resource "kubernetes_service_account_v1" "this" {
  metadata {
    name        = "aws-node"
    namespace   = "kube-system"
    annotations = { "eks.amazonaws.com/role-arn" = aws_iam_role.cni.arn }
  }
}
"""
_OF_CNI = "aws_iam_role.cni.arn"


@pytest.mark.parametrize(
    ("names_it", "code", "says"),
    [
        ("", 2, "has several roles that aws-node may have"),
        (_ASSOCIATION % ("kube-system", "aws-node", _OF_CNI), 0, "aws_iam_role.cni"),
        (_ASSOCIATION % ("default", "web", _OF_CNI), 2, "has several roles"),
        # The roles trust EKS Pod Identity.
        (
            _ADDON % f"service_account_role_arn = {_OF_CNI}",
            1,
            "aws_iam_role.cni",
        ),
        (
            _ADDON % "pod_identity_association {\n    role_arn        = aws_iam_role.cni.arn\n"
            '    service_account = "aws-node"\n  }',
            0,
            "aws_iam_role.cni",
        ),
        (_SERVICE_ACCOUNT, 1, "aws_iam_role.cni"),
        # EKS Pod Identity precedes IRSA.
        (
            _SERVICE_ACCOUNT + _ASSOCIATION % ("kube-system", "aws-node", "aws_iam_role.app.arn"),
            1,
            "aws_iam_role.app",
        ),
        (
            _ADDON % 'service_account_role_arn = "arn:aws:iam::111122223333:role/elsewhere"',
            2,
            "has no policy of aws-node's role, arn:aws:iam::111122223333:role/elsewhere",
        ),
        (
            _ADDON % f"service_account_role_arn = {_OF_CNI}"
            + (_ADDON % "service_account_role_arn = aws_iam_role.app.arn").replace(
                '"this"', '"other"'
            ),
            2,
            "aws-node has several roles",
        ),
    ],
)
def test_what_names_a_role_of_aws_node_decides(
    names_it: str, code: int, says: str, tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_text(_TWO_ROLES + names_it)
    done = run("coverage", ".", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert done.code == code, done.out + done.err
    if code == 2:
        assert says in done.err
    else:
        assert f".: {says} " in done.out.partition("\n")[0]
        assert f"assumed: {says}: it is aws-node's: " in done.out
        other = f"aws_iam_role.{'app' if says.endswith('cni') else 'cni'}"
        assert f"assumed: {other}: left out: aws-node has another role" in done.out
        # The roles trust EKS Pod Identity, not an OpenID Connect provider.
        refused = "trust policy does not let aws-node assume it" in done.out
        assert refused is ("association" not in names_it)


def test_a_role_that_is_named_by_what_is_not_known_counts_against_the_answer(
    tmp_path: Path,
) -> None:
    only = _TWO_ROLES.partition('resource "aws_iam_role" "app"')[0]
    addon = _ADDON % "service_account_role_arn = var.role"
    (tmp_path / "main.tf").write_text(only + addon + 'variable "role" {\n  type = string\n}\n')
    done = run("coverage", ".", cwd=tmp_path)
    assert done.code == 1 and ": unknown" in done.out.partition("\n")[0]
    assert "aws_eks_addon.this: it names aws-node's role by a value that is not known" in done.out


@pytest.mark.parametrize("of_app", [False, True])
def test_in_a_plan_too_what_names_the_role_decides(of_app: bool, tmp_path: Path) -> None:
    arn = "arn:aws:iam::111122223333:role/{}"
    changes = [
        resource("aws_iam_role", name, None, {
            "name": name,
            "arn": arn.format(name),
            "assume_role_policy": json.dumps(PODS),
            "managed_policy_arns": [MANAGED.format(managed)],
        })
        for name, managed in (("cni", "AmazonEKS_CNI_Policy"), ("app", "AmazonS3ReadOnlyAccess"))
    ]  # fmt: skip
    association = {
        "namespace": "kube-system",
        "service_account": "aws-node",
        "role_arn": arn.format("app" if of_app else "cni"),
    }
    changes.append(resource("aws_eks_pod_identity_association", "cni", None, association))
    changes.append(
        resource("aws_eks_addon", "agent", None, {"addon_name": "eks-pod-identity-agent"})
    )
    (tmp_path / "plan.json").write_bytes(plan(*changes))
    done = run("coverage", "plan.json", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert done.code == of_app, done.err
    first = done.out.partition("\n")[0]
    assert f"aws_iam_role.{'app' if of_app else 'cni'} " in first


def test_an_add_on_in_a_plan_that_names_no_role_does_not_count(tmp_path: Path) -> None:
    role_change = resource("aws_iam_role", "cni", None, {
        "name": "cni",
        "assume_role_policy": json.dumps(PODS),
        "managed_policy_arns": [MANAGED.format("AmazonEKS_CNI_Policy")],
    })  # fmt: skip
    addon = resource("aws_eks_addon", "cni", None, {"addon_name": "vpc-cni"})
    # The provider computes it.
    addon["change"]["after_unknown"] = {"service_account_role_arn": True}
    expression = {"addon_name": {"constant_value": "vpc-cni"}}
    block = {
        "address": "aws_eks_addon.cni",
        "mode": "managed",
        "type": "aws_eks_addon",
        "name": "cni",
        "expressions": expression,
    }
    configured = {"root_module": {"resources": [block]}}
    (tmp_path / "plan.json").write_bytes(plan(role_change, addon, configuration=configured))
    report = run("coverage", "plan.json", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert report.code == 0, report.out + report.err
    expression["service_account_role_arn"] = {"references": ["var.role"]}
    (tmp_path / "plan.json").write_bytes(plan(role_change, addon, configuration=configured))
    report = run("coverage", "plan.json", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert report.code == 1 and "names aws-node's role by a value" in report.out


_SUFFIX = "${data.aws_partition.current.dns_suffix}"
_TRUSTS = """
data "aws_partition" "current" {}
data "aws_iam_policy_document" "cluster" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["eks.%(suffix)s"]
    }
  }
}
data "aws_iam_policy_document" "node" {
  count = 1
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.%(suffix)s"]
    }
  }
}
resource "aws_iam_openid_connect_provider" "this" {
  url = var.issuer
}
variable "issuer" {
  type = string
}
variable "provider_arn" {
  type = string
}
data "aws_iam_policy_document" "csi" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.this.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.this.url, "https://", "")}:sub"
      values   = ["system:serviceaccount:kube-system:%(account)s"]
    }
  }
}
"""
_ROLE = """
resource "aws_iam_role" "%(name)s" {
  name                = "%(name)s"
  assume_role_policy  = %(trust)s
  managed_policy_arns = ["arn:aws:iam::aws:policy/%(managed)s"]
}
"""
_INLINE = """jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.provider_arn }
      Condition = { StringEquals = { "${var.issuer}:sub" = "system:serviceaccount:%s" } }
    }]
  })"""


def hcl_role(name: str, trust: str, managed: str) -> str:
    return _ROLE % {"name": name, "trust": trust, "managed": managed}


def trust_of(name: str) -> str:
    return f"data.aws_iam_policy_document.{name}.json"


@pytest.mark.parametrize(
    ("trust", "account"),
    [
        (trust_of("csi"), "ebs-csi"),
        (_INLINE % "kube-system:ebs-csi", ""),
        (trust_of("cluster"), ""),
    ],
)
def test_an_unknown_part_of_a_trust_policy_does_not_make_its_role_aws_nodes(
    trust: str, account: str, tmp_path: Path
) -> None:
    text = _TRUSTS % {"suffix": _SUFFIX, "account": account}
    text += hcl_role("other", trust, "AmazonS3ReadOnlyAccess")
    text += hcl_role("node", "data.aws_iam_policy_document.node[0].json", "AdministratorAccess")
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", ".", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert "aws_iam_role.node " in done.out.partition("\n")[0]
    assert "assumed: aws_iam_role.other: left out: it trusts " in done.out


@pytest.mark.parametrize("trust", [trust_of("csi"), _INLINE % "kube-system:aws-node"])
def test_a_token_of_an_unknown_provider_is_aws_nodes_by_its_subject(
    trust: str, tmp_path: Path
) -> None:
    text = _TRUSTS % {"suffix": _SUFFIX, "account": "aws-node"}
    text += hcl_role("cni", trust, "AmazonEKS_CNI_Policy")
    text += hcl_role(
        "node", "data.aws_iam_policy_document.node[0].json", "AmazonEKSWorkerNodePolicy"
    )
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", ".", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert "aws_iam_role.cni " in done.out.partition("\n")[0]
    assert "left out: aws-node uses its own role, not the node role" in done.out


@pytest.mark.parametrize(
    ("trust", "trusted"),
    [
        (OTHERS, f"{ISSUER} for system:serviceaccount:default:app"),
        (
            document(
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"},
                    "Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}},
                }
            ),
            "all but arn:aws:iam::111122223333:root",
        ),
        (document({"Effect": "Deny", "Action": "*", "Principal": "*"}), "nobody"),
    ],
)
def test_an_excluded_role_is_named_with_whom_it_trusts(
    trust: object, trusted: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"RoleDetailList": [role("cni", trust, EVERYTHING)]}))
    done = run("coverage", str(path))
    assert done.code == 2 and f"(it trusts {trusted})" in done.err


_UNREAD = """
resource "aws_iam_role" "cluster" {
  name                = "cluster"
  assume_role_policy  = data.aws_iam_policy_document.cluster.json
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]
}
resource "aws_iam_role_policy_attachment" "node" {
  for_each   = setunion(["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"], var.more)
  role       = aws_iam_role.node.name
  policy_arn = each.value
}
variable "more" {
  default = []
}
"""


def test_a_role_whose_policies_are_not_read_is_not_absent(tmp_path: Path) -> None:
    text = _TRUSTS % {"suffix": _SUFFIX, "account": "ebs-csi"} + _UNREAD
    node = hcl_role("node", "data.aws_iam_policy_document.node[0].json", "")
    text += "\n".join(line for line in node.split("\n") if "managed" not in line)
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", ".", cwd=tmp_path)
    assert done.code == 3 and "no role" not in done.err
    assert (
        "no policy of aws_iam_role.node can be read; aws_iam_role_policy_attachment.node: it "
        "attaches each.value, a policy that is not in the input" in done.err
    )


def test_a_role_of_unknown_trust_is_not_left_out_beside_a_node_role(tmp_path: Path) -> None:
    """A role for aws-node precedes the node role, so that the node role may not be used."""
    text = _TRUSTS % {"suffix": _SUFFIX, "account": "ebs-csi"}
    text += 'variable "trust" {}\n' + hcl_role("cni", "var.trust", "AmazonEKS_CNI_Policy")
    text += hcl_role("node", "data.aws_iam_policy_document.node[0].json", "AdministratorAccess")
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", ".", cwd=tmp_path)
    assert done.code == 2
    assert "several roles that aws-node may have, aws_iam_role.cni, aws_iam_role.node" in done.err


_SUBJECT = """jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::${var.account}:oidc-provider/${var.issuer}" }
      Condition = { StringEquals = {
        "${var.issuer}:sub" = "system:serviceaccount:${var.pods.namespace}:${var.pods.name}"
      } }
    }]
  })"""


@pytest.mark.parametrize(("name", "chosen"), [("aws-node", "cni"), ("app", "node")])
def test_the_known_parts_of_a_written_trust_policy_decide(
    name: str, chosen: str, tmp_path: Path
) -> None:
    text = _TRUSTS % {"suffix": _SUFFIX, "account": "ebs-csi"}
    text += (
        f'variable "pods" {{\n  default = {{ namespace = "kube-system", name = "{name}" }}\n}}\n'
    )
    text += 'variable "account" {}\n' + hcl_role("cni", _SUBJECT, "AmazonEKS_CNI_Policy")
    text += hcl_role("node", "data.aws_iam_policy_document.node[0].json", "AdministratorAccess")
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", ".", "--cni-version", "v1.23.2", cwd=tmp_path)
    assert done.code == 0, done.err
    assert f"aws_iam_role.{chosen} " in done.out.partition("\n")[0]
