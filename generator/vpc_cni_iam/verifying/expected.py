"""The documents of the catalog's module, and the outputs that return them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.policy.document import Policy


@dataclass(frozen=True, slots=True)
class ExpectedDocument:
    """A document of the catalog's module."""

    name: str  # the name of its data source
    label: str  # the name for people: the variant's, or that of a trust policy
    against: str  # where it comes from, such as ``--revision 2022-01-31``
    policy: Policy  # the document with placeholders
    places: Mapping[str, parameters.Parameter]  # the parameters by their placeholder
    output: str = ""  # the output that returns it as JSON; empty for none
    key: str = ""  # its key in the output ``json``; empty for none

    def filled(self, values: Mapping[str, str]) -> Policy:
        """Return the document with values, by parameter name, in place of its placeholders."""
        return parameters.fill(self.policy, values, self.places)


def expected_documents(options: Options) -> list[ExpectedDocument]:
    """Return the documents of a module of these options."""
    policy_module = options.kind is ModuleKind.policy
    documents = [variant_document(c, returned=policy_module) for c in options.composed()]
    if not policy_module:
        policy = trust.policy(irsa=options.irsa, service_account=options.service_account)
        documents.append(
            ExpectedDocument(trust.DOCUMENT, "trust policy", "the catalog", policy, trust.PLACES)
        )
    return documents


def variant_document(composed: Composed, *, returned: bool = True) -> ExpectedDocument:
    """Return the document of a variant; `returned` if the module has outputs for it."""
    variant = composed.variant
    return ExpectedDocument(
        variant.identifier,
        variant.name,
        " ".join(composed.selection.arguments()),
        composed.policy,
        parameters.PLACES,
        f"{variant.identifier}_json" if returned else "",
        variant.name if returned else "",
    )
