"""Writes the catalog's table of AWS managed policies from moto's copy.

python -m tools.aws_managed NAME...

It writes the policies of the table, the named ones, and every policy of the classes admin and iam.
A policy's document decides its class. Read the diff: AWS changes its policies.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from policy_sentry.analysis.expand import determine_actions_to_expand
from policy_sentry.querying.actions import remove_actions_not_matching_access_level

from vpc_cni_iam.catalog.facts.aws_managed import PolicyClass
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Compiled, Request, compile_policies
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.resources import PACKAGE

DATA = PACKAGE / "catalog" / "facts" / "data" / "aws_managed_policies.json"
# Larger documents are not in the package; their class says what they allow.
MOST_CHARACTERS = 3000

_ACCOUNT = "arn:aws:iam::111122223333"
_ROLE, _USER, _GROUP, _POLICY, _INSTANCE_PROFILE = (
    f"{_ACCOUNT}:{kind}/payments"
    for kind in ("role", "user", "group", "policy", "instance-profile")
)
_REGIONAL = "us-east-1:111122223333"
# Unrelated services; a principal that can do all of this can do everything.
ADMIN = {
    "ec2:TerminateInstances": f"arn:aws:ec2:{_REGIONAL}:instance/i-0123456789abcdef0",
    "s3:PutObject": "arn:aws:s3:::payments/2026.csv",
    "kms:ScheduleKeyDeletion": f"arn:aws:kms:{_REGIONAL}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "lambda:UpdateFunctionCode": f"arn:aws:lambda:{_REGIONAL}:function:payments",
    "dynamodb:DeleteTable": f"arn:aws:dynamodb:{_REGIONAL}:table/payments",
    "sagemaker:DeleteEndpoint": f"arn:aws:sagemaker:{_REGIONAL}:endpoint/payments",
}
# Any of these on a role, user, group or policy with any name gives its permissions.
IAM = {
    "iam:AddUserToGroup": _GROUP,
    "iam:AttachGroupPolicy": _GROUP,
    "iam:AttachRolePolicy": _ROLE,
    "iam:AttachUserPolicy": _USER,
    "iam:CreateAccessKey": _USER,
    "iam:CreateLoginProfile": _USER,
    "iam:CreatePolicyVersion": _POLICY,
    "iam:DeleteRolePermissionsBoundary": _ROLE,
    "iam:PassRole": _ROLE,
    "iam:PutGroupPolicy": _GROUP,
    "iam:PutRolePolicy": _ROLE,
    "iam:PutUserPolicy": _USER,
    "iam:SetDefaultPolicyVersion": _POLICY,
    "iam:UpdateAssumeRolePolicy": _ROLE,
    "iam:UpdateLoginProfile": _USER,
    "organizations:DetachPolicy": "*",
    "sso:CreateAccountAssignment": "*",
    "sso:PutInlinePolicyToPermissionSet": "*",
    "sts:AssumeRole": _ROLE,
}
# Customers' data, whatever the resource's name.
DATA_OF_CUSTOMERS = {
    "athena:GetQueryResults": f"arn:aws:athena:{_REGIONAL}:workgroup/payments",
    "codecommit:GitPull": f"arn:aws:codecommit:{_REGIONAL}:payments",
    "dynamodb:GetItem": f"arn:aws:dynamodb:{_REGIONAL}:table/payments",
    "dynamodb:PutItem": f"arn:aws:dynamodb:{_REGIONAL}:table/payments",
    "elasticfilesystem:ClientMount": f"arn:aws:elasticfilesystem:{_REGIONAL}:file-system/fs-1",
    "es:ESHttpGet": f"arn:aws:es:{_REGIONAL}:domain/payments",
    "kafka-cluster:ReadData": f"arn:aws:kafka:{_REGIONAL}:topic/payments/1234abcd/orders",
    "kinesis:GetRecords": f"arn:aws:kinesis:{_REGIONAL}:stream/payments",
    "kms:Decrypt": f"arn:aws:kms:{_REGIONAL}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "logs:GetLogEvents": f"arn:aws:logs:{_REGIONAL}:log-group:payments:log-stream:web",
    "rds-data:ExecuteStatement": f"arn:aws:rds:{_REGIONAL}:cluster:payments",
    "s3:GetObject": "arn:aws:s3:::payments/2026.csv",
    "s3:PutObject": "arn:aws:s3:::payments/2026.csv",
    "secretsmanager:GetSecretValue": f"arn:aws:secretsmanager:{_REGIONAL}:secret:payments-a1b2c3",
    "sqs:ReceiveMessage": f"arn:aws:sqs:{_REGIONAL}:payments",
    "ssm:GetParameter": f"arn:aws:ssm:{_REGIONAL}:parameter/payments",
    "ssm:GetParameters": f"arn:aws:ssm:{_REGIONAL}:parameter/payments",
    "ssm:StartSession": f"arn:aws:ec2:{_REGIONAL}:instance/i-0123456789abcdef0",
}
_MORE = (PolicyClass.ADMIN, PolicyClass.IAM)
_CHANGING = ("Permissions management", "Tagging", "Write")
_READING = ("describe", "get", "list")
# With a passed role, one of these runs the caller's code.
_RUNS_CODE = tuple(
    f"{service}.amazonaws.com"
    for service in (
        "cloudformation",
        "codebuild",
        "ec2",
        "ecs-tasks",
        "glue",
        "lambda",
        "sagemaker",
    )
)


def classify(name: str, policy: Policy) -> tuple[PolicyClass, list[str]]:
    """Return the class of a document, and the actions that decide it."""
    compiled, contexts = compile_policies([policy]), list(_contexts(policy))

    def allowed(requests: Mapping[str, str]) -> list[str]:
        return [a for a, r in requests.items() if _allows(compiled, a, r, contexts)]

    if len(allowed(ADMIN)) == len(ADMIN):
        return PolicyClass.ADMIN, []
    if (actions := allowed(IAM)) and not _for_a_service(name):
        return PolicyClass.IAM, actions
    if actions := allowed(DATA_OF_CUSTOMERS):
        return PolicyClass.DATA, actions
    return (PolicyClass.READ if _only_reads(policy) else PolicyClass.OTHER), []


def _for_a_service(name: str) -> bool:
    """Return whether AWS made a policy for a service's role, which passes roles for others."""
    return name.startswith(("service-role/", "AmazonEKS"))


def _contexts(policy: Policy) -> Iterator[dict[str, str]]:
    """Yield an empty context, and for each statement one that meets its conditions."""
    yield {}
    for statement in policy.statements:
        if statement.conditions:
            conditions = [c for c in statement.conditions if c.values]
            yield {str(c.key): str(c.values[0]).replace("*", "x") for c in conditions}


def _allows(compiled: Compiled, action: str, resource: str, contexts: list[dict[str, str]]) -> bool:
    if action == "iam:PassRole":
        contexts = [{"iam:PassedToService": service} for service in _RUNS_CODE]
    return any(compiled.evaluate(Request(action, resource, context=c)).allowed for c in contexts)


def _only_reads(policy: Policy) -> bool:
    """Return whether all allowed actions only read, by the Service Authorization Reference."""
    patterns = [str(a) for s in policy.statements if s.effect == "Allow" for a in s.actions]
    actions = determine_actions_to_expand(patterns)
    return not any(
        # There, a few actions that describe permissions have the level of managing them.
        not action.partition(":")[2].lower().startswith(_READING)
        for level in _CHANGING
        for action in remove_actions_not_matching_access_level(actions, level)
    )


def table(names: list[str], policies: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of the table.

    Args:
        names: Names with their paths.
        policies: moto's copy: by name without path, ``Path``, ``DefaultVersionId``,
            ``UpdateDate`` and ``Document``.
    """
    entries = []
    for name in sorted(set(names), key=str.lower):
        policy = policies[name.rpartition("/")[2]]
        if policy["Path"].lstrip("/") != name.rpartition("/")[0] + "/" * ("/" in name):
            raise SystemExit(f"{name}: its path is {policy['Path']}")
        parsed = parse(policy["Document"], name)
        kind, because = classify(name, parsed)
        text = json.dumps(policy["Document"], separators=(",", ":"))
        entries.append(
            {
                "name": name,
                "class": kind.value,
                "because": because,
                "version": policy["DefaultVersionId"],
                "updated": policy["UpdateDate"][:10],
                "denies": any(s.effect == "Deny" for s in parsed.statements),
                "document": policy["Document"] if len(text) <= MOST_CHARACTERS else None,
            }
        )
    return entries


def attachable(policies: Mapping[str, Any]) -> list[str]:
    """Return the names, with paths, of all but those of service-linked roles."""
    names = [f"{p['Path']}{name}".lstrip("/") for name, p in policies.items()]
    return [n for n in names if not n.startswith("aws-service-role/")]


def main() -> int:
    """Write the table."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    policies = json.loads(aws_managed_policies_data)
    names = [p["name"] for p in data["policies"]] + sys.argv[1:]
    entries = table([*names, *attachable(policies)], policies)
    chosen = [e for e in entries if e["name"] in names or e["class"] in _MORE]
    data = {**data, "policies": chosen}
    lines = ",\n  ".join(json.dumps(p) for p in data.pop("policies"))
    head = json.dumps(data, indent=1).rstrip("\n}")
    Path(DATA).write_text(f'{head},\n "policies": [\n  {lines}\n ]\n}}\n', encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
