"""Plans of aws-node with its own role, and how an add-on or a chart sets it up."""

import json
from typing import Any

from eks import CNI, arn_of, irsa, own_role
from synthetic import Json, context, resource
from vpc_cni_iam.review.account.plugin.state import PluginState

CHART = {"name": "cni", "chart": "aws-vpc-cni", "namespace": "kube-system", "version": "1.23.2"}


def at(version: str, **more: object) -> Json:
    role = {"service_account_role_arn": arn_of("cni")}
    return {"addon_version": f"{version}-eksbuild.1", **role, **more}


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
