"""What to do about a role, in sentences."""

from __future__ import annotations

from vpc_cni_iam.audit.proposal import RoleChange, ToDo
from vpc_cni_iam.coverage.analysis.repairs import Repair
from vpc_cni_iam.coverage.report.sentences.repairs import REPLACE, repair_text
from vpc_cni_iam.plugin.identity import Identity

_SENTENCES = {
    RoleChange.REPLACE: f"{REPLACE} `{{command}}`",
    RoleChange.SCOPE: "scope it to its cluster: `{command}`",
    RoleChange.ATTACH: "attach `{command}` (or ipv6-scoped)",
    RoleChange.FOR_EACH: "give each cluster its own role, and scope it to the cluster",
    RoleChange.FOR_PLUGIN: (
        f"give aws-node its own role with {Identity.pod_identity} or {Identity.irsa}"
    ),
}


def to_do_text(to_do: ToDo) -> str:
    """Return a step as a sentence."""
    if isinstance(to_do, Repair):
        return repair_text(to_do)
    return _SENTENCES[to_do.change].format(command=to_do.command)
