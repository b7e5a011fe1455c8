"""What the catalog says that a module holds: its documents and the outputs that return them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.policy.document import Policy


@dataclass(frozen=True, slots=True)
class Expected:
    """One document.

    Args:
        name: The name of its data source.
        label: What to call it: the variant's name, or the trust's.
        against: What it is compared with.
        policy: The document with placeholders.
        places: The parameters by their placeholder.
        output: The output that returns it as JSON, empty if none does.
        key: Its key in the output ``json``, empty if it has none.
    """

    name: str
    label: str
    against: str
    policy: Policy
    places: Mapping[str, parameters.Parameter]
    output: str = ""
    key: str = ""

    def filled(self, values: Mapping[str, str]) -> Policy:
        """Return the document with values in place of its placeholders.

        Args:
            values: By parameter name.
        """
        return parameters.fill(self.policy, values, self.places)


def expected(options: Options) -> list[Expected]:
    """Return what a module of these options holds.

    Args:
        options: The options.

    Raises:
        UsageError: A variant that the selected release cannot use.
    """
    policy_module = options.kind == "policy"
    found = [of_variant(c, returned=policy_module) for c in options.composed()]
    if not policy_module:
        found += [
            Expected(name, f"trust by {name}", "the catalog", policy, trust.PLACES)
            for name, policy in trust.documents(irsa=options.irsa).items()
        ]
    return found


def of_variant(composed: Composed, *, returned: bool = True) -> Expected:
    """Return the document of a variant.

    Args:
        composed: Its policy.
        returned: Whether an output of its own returns it.
    """
    variant = composed.variant
    return Expected(
        variant.identifier,
        variant.name,
        " ".join(composed.selection.arguments()),
        composed.policy,
        parameters.PLACES,
        f"{variant.identifier}_json" if returned else "",
        variant.name if returned else "",
    )
