"""Plans of aws-node with its own role, and how an add-on or a chart sets it up."""

import json
from typing import Any

from conftest import run
from eks import CNI, VERSION, arn_of, irsa, own_role
from synthetic import Json, context, document, found, inline, resource
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.inputs.plan.plugin.state import PluginState
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.report.shown import ShownFinding

CHART = {"name": "cni", "chart": "aws-vpc-cni", "namespace": "kube-system", "version": "1.23.2"}
(_SCOPED,) = variants.find(("ipv4-scoped",))
_RULES = ("coverage-", "plugin-permission-", "plugin-policy-", "managed-policy-")


def of_role(name: str, **more: object) -> Json:
    """An add-on of v1.23.2 with a role."""
    return {**VERSION, "service_account_role_arn": arn_of(name), **more}


V1_23 = of_role("cni")


def at(version: str, **more: object) -> Json:
    return of_role("cni", **{"addon_version": f"{version}-eksbuild.1", **more})


def states(*changes: Json, **more: Any) -> tuple[PluginState, PluginState]:
    (plugin,) = context(*changes, *own_role("cni", irsa(), CNI), **more).plugins
    return plugin.states


def release(before: Json | None, after: Json | None, **more: Any) -> Json:
    sides = [None if side is None else {**CHART, **side} for side in (before, after)]
    return resource("helm_release", "cni", *sides, **more)


def annotated(*values: object, **more: Any) -> Json:
    annotation = {"eks.amazonaws.com/role-arn": arn_of("cni")}
    first = {"serviceAccount": {"annotations": annotation}}
    texts = (value if isinstance(value, str) else json.dumps(value) for value in (first, *values))
    return {"values": list(texts), **more}


def scoped(cluster: str = "prod", vpc: str = "vpc-0123456789abcdef0") -> str:
    """Upstream's policy for one cluster in one VPC."""
    names = {"cluster_name": cluster, "vpc_id": vpc}
    unfilled = _SCOPED.document(revisions()[-1])
    return dumps(parameters.substitute(unfilled, parameters.values(names)))


def hardened(*options: str) -> str:
    """The scoped policy as `policy` writes it for one cluster, such as with ``--harden``."""
    names = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")
    return run("policy", "ipv4-scoped", *names, *options).out


def without(*actions: str) -> str:
    """The managed policy without some of its actions."""
    statement, *others = json.loads(CNI)["Statement"]
    left = [action for action in statement["Action"] if action not in actions]
    return document({**statement, "Action": left}, *others)


def of_cni(before: str | None, after: str | None, name: str = "i") -> Json:
    """An inline policy of the plugin's role."""
    return inline(before, after, name, role="cni", block=f"cni-{name}")


def about_calls(*changes: Json, **more: Any) -> tuple[ShownFinding, ...]:
    """The findings about what the plugin can call, and about its roles."""
    return tuple(f for f in found(*changes, **more) if f.rule.startswith(_RULES))


def of_rule(findings: tuple[ShownFinding, ...], rule: str) -> list[ShownFinding]:
    return [finding for finding in findings if finding.rule == rule]
