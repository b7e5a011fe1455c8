"""The outputs of a generated policy module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.variants import Scope
from vpc_cni_iam.hcl.literals import Literal, code
from vpc_cni_iam.rendering.documents import RenderedDocument


class Output(Struct, frozen=True):
    """One output, for its block and for the README's table."""

    name: str
    description: str
    value: str = ""  # its value as HCL; empty if it is an object
    entries: Mapping[str, str] = field(default_factory=dict)  # the object's values as HCL by key
    # Whether its precondition requires both names of a scoped variant, or none.
    both_names: bool = False
    # Whether its precondition requires a Region of the partition.
    has_region: bool = False


def module_outputs(
    documents: Sequence[RenderedDocument], used: Sequence[str], *, required: bool
) -> tuple[Output, ...]:
    """Return the outputs of a module with variables for the parameters `used`.

    For `required`, see `document`.
    """
    names = [p.name for p in parameters.NAMES if p.name in used]
    outputs = [_document_output(d, names, required=required) for d in documents]
    outputs += [
        Output(
            "json",
            "Policy documents as JSON, by variant.",
            "local.json",
            has_region=parameters.REGION.name in used,
        ),
        Output(
            "works_with",
            "Plugin versions that each variant works with, of the versions known when this module "
            "was generated.",
            entries={d.name: _string(d.versions.works_with) for d in documents},
        ),
    ]
    if any(d.scope is Scope.CLUSTER_NAME for d in documents):
        guard = "" if required else "var.cluster_name == null ? null : "
        command = "kubectl set env daemonset aws-node -n kube-system"
        outputs.append(
            Output(
                "kubectl_command",
                "Command that sets CLUSTER_NAME on a self-managed plugin; the EKS add-on sets it "
                "itself.",
                f"{guard}\"{command} 'CLUSTER_NAME=${{var.cluster_name}}'\"",
            )
        )
    return tuple(outputs)


def _document_output(document: RenderedDocument, names: Sequence[str], *, required: bool) -> Output:
    optional = document.scope is Scope.CLUSTER_NAME and not required
    return Output(
        f"{document.identifier}_json",
        f"Policy document for {document.composed.variant.summary}, as JSON"
        + (f"; null without {' and '.join(names)}." if optional else "."),
        f"local.json[{_string(document.name)}]",
        both_names=optional and len(names) > 1,
    )


def _string(text: str) -> str:
    return code(Literal(text))
