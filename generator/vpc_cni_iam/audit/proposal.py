"""What to do about a role of the plugin."""

from __future__ import annotations

from vpc_cni_iam.audit.judge import PolicyAudit, RoleScope
from vpc_cni_iam.audit.trust import Credentials, Trust
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

# The names that a document needs.
_NAMES = {"ipv4-scoped": " --cluster-name NAME --vpc-id ID", "ipv6-scoped": " --cluster-name NAME"}


def proposal(trust: Trust, audit: PolicyAudit, version: PluginVersion) -> tuple[str, ...]:
    """Return what to do about a role, in sentences; none if it is scoped and works."""
    missing = {m.action: m.by for family in audit.families for m in family.missing}
    actions: dict[str, list[str]] = {}
    for action, limit in missing.items():
        actions.setdefault(limit, []).append(action)
    denied = actions.pop("", [])
    lines = [f"allow {', '.join(names)} in {limit}" for limit, names in actions.items()]
    lines += _of_policy(audit, version, incomplete=bool(denied))
    if trust.credentials == (Credentials.node,) and audit.scope is not RoleScope.none:
        lines.append("give aws-node a role of its own, by EKS Pod Identity or IRSA")
    return tuple(lines)


def _of_policy(audit: PolicyAudit, version: PluginVersion, *, incomplete: bool) -> list[str]:
    """Return what to do about the policies themselves."""
    modes = "-".join(family.mode for family in audit.families)
    one_family = len(audit.families) == 1
    if audit.scope is RoleScope.none:
        return [f"attach {_policy('ipv4-scoped', version)} (or ipv6-scoped)"]
    if incomplete:
        variant = f"{modes}-scoped" if audit.scope is RoleScope.scoped and one_family else modes
        return [f"replace its policy by {_policy(variant, version)}"]
    if audit.scope is not RoleScope.broad:
        return []
    if one_family:
        return [f"scope it to its cluster: {_policy(f'{modes}-scoped', version)}"]
    return ["give each cluster a role of its own, and scope it to the cluster"]


def _policy(variant: str, version: PluginVersion) -> str:
    return f"`vpc-cni-iam policy {variant} --cni-version {version}{_NAMES.get(variant, '')}`"
