"""The outputs of a generated policy module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.hcl.literals import Literal, code


@dataclass(frozen=True, slots=True)
class Output:
    """One output as its block and the README's table show it.

    Args:
        name: Its name.
        description: What it is.
        value: Its value as HCL; empty if it is an object.
        entries: The object's values as HCL by key.
        both_names: Whether it insists on both names of a scoped variant or neither.
    """

    name: str
    description: str
    value: str = ""
    entries: Mapping[str, str] = field(default_factory=dict)
    both_names: bool = False


def module_outputs(
    served: Sequence[tuple[Variant, str, str]], names: Sequence[str], required: bool
) -> tuple[Output, ...]:
    """Return the outputs of a module.

    Args:
        served: Each variant with its oldest release and the releases it works with.
        names: The variables that hold the names of a scoped variant.
        required: Whether those must be given.
    """
    found = []
    for variant, _, _ in served:
        optional = variant.scoped and not required
        found.append(
            Output(
                f"{variant.identifier}_json",
                f"Policy document for {variant.summary}, as JSON"
                + (f"; null without {' and '.join(names)}." if optional else "."),
                f"local.json[{code(Literal(variant.name))}]",
                both_names=optional and len(names) > 1,
            )
        )
    found += [
        Output("json", "Policy documents as JSON, by variant.", "local.json"),
        Output(
            "minimum_cni_version",
            "Oldest release of the VPC CNI plugin that each variant can serve.",
            entries={v.name: code(Literal(minimum)) for v, minimum, _ in served},
        ),
        Output(
            "works_with",
            "Releases of the VPC CNI plugin that start and serve pods with each variant, of those "
            "known when this module was made.",
            entries={v.name: code(Literal(works)) for v, _, works in served},
        ),
    ]
    if any(v.scoped for v, _, _ in served):
        guard = "" if required else "var.cluster_name == null ? null : "
        command = "kubectl set env daemonset aws-node -n kube-system"
        found += [
            Output(
                "helm_values",
                "Values for the aws-vpc-cni Helm chart that set CLUSTER_NAME, which a scoped "
                "policy needs, as JSON.",
                f"{guard}jsonencode({{ env = {{ CLUSTER_NAME = var.cluster_name }} }})",
            ),
            Output(
                "kubectl_command",
                "Command that sets CLUSTER_NAME on a self-managed plugin; the EKS add-on sets it "
                "itself.",
                f"{guard}\"{command} 'CLUSTER_NAME=${{var.cluster_name}}'\"",
            ),
        ]
    return tuple(found)
