"""The policy variants: upstream's three, and those derived from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from vpc_cni_iam.catalog.facts.calls import Mode, calls
from vpc_cni_iam.catalog.facts.releases import Release, known
from vpc_cni_iam.errors import UsageError

# docs/iam-policy.md, "Scope-down IAM policy per EKS cluster": earlier releases send
# CreateNetworkInterface without the cluster's tag.
SCOPED_SINCE = Release((1, 8, 0))


@dataclass(frozen=True, slots=True)
class Variant:
    """One kind of policy document.

    Args:
        name: As users write it, such as ``ipv4-scoped``.
        modes: The IP families of the clusters it serves.
        scoped: Whether it is scoped down to one cluster.
        derived: Whether this project derives it; upstream publishes the others.
        summary: What it is, in a line.
        session_tags: Whether the session tags of EKS Pod Identity scope it, in place of names.
    """

    name: str
    modes: tuple[Mode, ...]
    scoped: bool
    derived: bool
    summary: str
    session_tags: bool = False

    @property
    def identifier(self) -> str:
        """The name as HCL and output names have it, such as ``ipv4_scoped``."""
        return self.name.replace("-", "_")

    @property
    def published_by(self) -> str:
        """Who says that it is a policy for the plugin."""
        return "derived by vpc-cni-iam" if self.derived else "upstream"

    @property
    def tied(self) -> bool:
        """Whether it is tied to a cluster, by name or by session tags."""
        return self.scoped or self.session_tags

    @property
    def minimum(self) -> Release:
        """The oldest release that this kind of policy can serve."""
        oldest = known()[1] if "ipv6" not in self.modes else first_release("ipv6")
        return max(oldest, SCOPED_SINCE) if self.tied else oldest


VARIANTS = (
    Variant("ipv4", ("ipv4",), False, False, "IPv4 clusters"),
    Variant("ipv6", ("ipv6",), False, False, "IPv6 clusters"),
    Variant("ipv4-scoped", ("ipv4",), True, False, "one IPv4 cluster, by its name and VPC"),
    Variant("ipv6-scoped", ("ipv6",), True, True, "one IPv6 cluster, by its name"),
    Variant("ipv4-ipv6", ("ipv4", "ipv6"), False, True, "one policy for IPv4 and IPv6 clusters"),
    Variant(
        "ipv4-pod-identity",
        ("ipv4",),
        False,
        True,
        "many IPv4 clusters, each kept to its own by EKS Pod Identity's session tags",
        session_tags=True,
    ),
)
UPSTREAM = tuple(v for v in VARIANTS if not v.derived)


@cache
def first_release(mode: Mode) -> Release:
    """Return the first release that has a mode.

    Args:
        mode: The IP family.
    """
    return min(use.first for c in calls() for use in c.uses if use.mode == mode)


def find(names: Iterable[str]) -> tuple[Variant, ...]:
    """Return the variants of these names, each once, in the catalog's order.

    Args:
        names: As the user wrote them.

    Raises:
        UsageError: An unknown variant.
    """
    asked = set(names)
    for name in sorted(asked):
        if name not in {v.name for v in VARIANTS}:
            every = ", ".join(v.name for v in VARIANTS)
            raise UsageError(f"unknown variant {name!r}; known are {every}")
    return tuple(v for v in VARIANTS if v.name in asked)
