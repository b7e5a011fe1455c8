"""What mends a policy, in sentences."""

from __future__ import annotations

from vpc_cni_iam.coverage.analysis.repairs import Repair, RepairKind

REPLACE = "replace its policy with the output of"
_INSTEAD = {
    "cluster-name-corrected": "leave CLUSTER_NAME as it is",
    "additional-tags-changed": "leave ADDITIONAL_ENI_TAGS as it is",
    "subnet-added": "add the subnet to those that the policy lists",
    "security-group-added": "add the security group to those that the policy lists",
}


def repair_text(repair: Repair) -> str:
    """Return what to do."""
    text = (
        f"if AWS denies what is undecided, {_text(repair)}"
        if repair.is_undecided
        else _text(repair)
    )
    if not repair.avoidable:
        return text
    instead = " and ".join(text for name, text in _INSTEAD.items() if name in repair.avoidable)
    return f"{instead}, or {text}"


def _text(repair: Repair) -> str:
    actions = ", ".join(repair.actions)
    if repair.kind is RepairKind.deny:
        return f"remove or narrow the Deny of {actions} in {repair.by or 'its policies'}"
    if repair.kind is RepairKind.allow:
        return f"allow {actions} in {repair.by}"
    return f"{REPLACE} `{repair.command}`" if repair.command else f"allow {actions}"
