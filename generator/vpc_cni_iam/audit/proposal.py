"""What to do about a role of the plugin."""

from __future__ import annotations

from vpc_cni_iam.audit.judge import PolicyAudit, Scope
from vpc_cni_iam.audit.trust import Credentials, Trust
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion


def proposal(trust: Trust, audit: PolicyAudit, release: PluginVersion) -> tuple[str, ...]:
    """Return what to do about a role, in sentences; none if it is scoped and works.

    Args:
        trust: How the plugin gets the role.
        audit: What its policies mean.
        release: The plugin version that it must work with.
    """
    modes = "-".join(family.mode for family in audit.families)
    missing = {m.action: m for family in audit.families for m in family.missing}
    limited = {m.by: [] for m in missing.values() if m.by}  # type: dict[str, list[str]]
    for action, entry in missing.items():
        if entry.by:
            limited[entry.by].append(action)
    lines = [f"allow {', '.join(actions)} in {name}" for name, actions in limited.items()]
    own = [action for action, entry in missing.items() if not entry.by]
    if audit.scope is Scope.none:
        lines.append(f"attach {_policy('ipv4-scoped', release)} (or ipv6-scoped)")
    elif own:
        scoped = audit.scope is Scope.scoped and len(audit.families) == 1
        variant = f"{modes}-scoped" if scoped else modes
        lines.append(f"replace its policy by {_policy(variant, release)}")
    elif audit.scope is Scope.broad and len(audit.families) == 1:
        lines.append(f"scope it to its cluster: {_policy(f'{modes}-scoped', release)}")
    elif audit.scope is Scope.broad:
        lines.append("give each cluster a role of its own, and scope it to the cluster")
    if trust.credentials == (Credentials.node,) and audit.scope is not Scope.none:
        lines.append("give aws-node a role of its own, by EKS Pod Identity or IRSA")
    return tuple(lines)


def _policy(variant: str, release: PluginVersion) -> str:
    return f"`vpc-cni-iam policy {variant} --cni-version {release}`"
