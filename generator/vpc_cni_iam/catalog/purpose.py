"""The purpose of a statement in a generated policy, in a sentence for reviewers.

The sentence is built from the statement alone, so it cannot say less than the statement allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vpc_cni_iam.catalog.facts.requests import CLUSTER, KUBERNETES_CLUSTER, kind_of
from vpc_cni_iam.policy.document import Statement

_CREATE, _TAG = "CreateNetworkInterface", "CreateTags"
# The actions on interfaces, in the order of an interface's life.
_VERBS = {
    _CREATE: "create",
    "AttachNetworkInterface": "attach",
    "ModifyNetworkInterfaceAttribute": "change",
    "DetachNetworkInterface": "detach",
    "DeleteNetworkInterface": "delete",
}
_ADDRESSES = {
    "AssignPrivateIpAddresses": "IPv4",
    "UnassignPrivateIpAddresses": "IPv4",
    "AssignIpv6Addresses": "IPv6",
}
# Actions of other services, which features add.
_OTHERS = {
    "cloudwatch": "Publish metrics",
    "sagemaker": "Attach network interfaces to the nodes of a HyperPod cluster",
    "sts": "Read the account and the role of its own credentials",
}
_LOGS = {
    "DescribeLogGroups": "Look up log groups",
    "CreateLogGroup": "Create the log group of network policies",
    "PutLogEvents": "Write logs of network policies",
}


def purpose(statement: Statement) -> str:
    """Return the purpose of an Allow statement of the catalog, as a sentence."""
    services = {str(action).partition(":")[0] for action in statement.actions}
    names = [str(action).partition(":")[2] for action in statement.actions]
    if services == {"logs"}:
        return f"{next(text for name, text in _LOGS.items() if name in names)}."
    if services != {"ec2"}:
        return f"{_OTHERS[services.pop()]}."
    if _TAG in names:
        return _tagging(statement)
    looks = [_noun(name) for name in names if name.startswith("Describe")]
    parts = [f"look up {_listed(looks)}"] if looks else []
    if len(looks) < len(names):
        parts.append(_managing(statement, names))
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _noun(describing: str) -> str:
    """Return what an action describes, such as instance types for ``DescribeInstanceTypes``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", describing.removeprefix("Describe")).lower()


def _managing(statement: Statement, names: Sequence[str]) -> str:
    """Return what a statement lets the plugin do with network interfaces."""
    verbs = [verb for name, verb in _VERBS.items() if name in names]
    families = sorted({family for name, family in _ADDRESSES.items() if name in names})
    kinds = {kind_of(str(resource)) for resource in statement.resources}
    of_vpc = " of the cluster's VPC" if _has(statement, "ec2:Vpc") else ""
    subnets = _which(statement, "subnet")
    groups = _which(statement, "security-group", "security group")
    if "subnet" in kinds:
        return f"create them in {subnets} and with {groups}{of_vpc}"
    if kinds == {"security-group"}:
        return f"give them {groups}{of_vpc}"
    if kinds == {"instance"}:
        owned = _has(statement, f"aws:ResourceTag/{KUBERNETES_CLUSTER}")
        return f"{_listed(verbs)} them at {'instances of the cluster' if owned else 'any instance'}"
    which = "any network interface"
    if _has(statement, f"aws:RequestTag/{CLUSTER}"):
        which = "network interfaces with the cluster's tag"
    elif _has(statement, f"aws:ResourceTag/{CLUSTER}"):
        which = f"network interfaces that have the cluster's tag{', in its VPC' if of_vpc else ''}"
    addresses = f"{' and '.join(families)} addresses"
    if not verbs:
        return f"assign {addresses} to {which}"
    return f"{_listed(verbs)} {which}" + (f", and assign their {addresses}" if families else "")


def _which(statement: Statement, kind: str, noun: str = "") -> str:
    """Return which resources of a kind a statement names: any, or those of a list."""
    resources = [r for r in map(str, statement.resources) if kind_of(r) == kind]
    is_any = any(r.endswith("/*") for r in resources)
    return f"any {noun or kind}" if is_any else f"the listed {noun or kind}s"


def _tagging(statement: Statement) -> str:
    """Return which tags a statement lets the plugin write, on which network interfaces."""
    has_tag = f"aws:ResourceTag/{CLUSTER}"
    if not statement.conditions:
        return "Write any tag on any network interface."
    if any(c.key == "ec2:CreateAction" and c.operator != "Null" for c in statement.conditions):
        return "Write the tags of network interfaces that it creates, with the cluster's tag."
    if any(c.key == has_tag and c.operator == "Null" for c in statement.conditions):
        return (
            "Claim a network interface without a cluster's tag, such as a node's first one, by "
            "writing the cluster's tag."
        )
    return (
        "Correct the tags of network interfaces that have the cluster's tag, without changing "
        "the cluster's tag."
    )


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _has(statement: Statement, key: str) -> bool:
    """Return whether a condition is on a key, or on a key with this prefix and a name."""
    return any(str(condition.key).startswith(key) for condition in statement.conditions)
