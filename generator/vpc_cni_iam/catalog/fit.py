"""Which releases a policy serves: where it grants all that the plugin calls by default."""

from __future__ import annotations

from dataclasses import dataclass

from vpc_cni_iam.catalog import calls, releases
from vpc_cni_iam.catalog.calls import Use
from vpc_cni_iam.catalog.releases import Release, Span
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.policy.document import Policy


@dataclass(frozen=True, slots=True)
class Gap:
    """An action that releases call by default and a policy does not grant.

    Args:
        use: The use, with what its denial breaks and the evidence.
        spans: The known releases at which it is lacking.
    """

    use: Use
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """How a policy fits the known releases.

    Args:
        minimum: The oldest release that its kind of policy can serve.
        works: The releases at which no denied call is fatal.
        gaps: What is lacking, fatal or not, by first release.
    """

    minimum: Release
    works: tuple[Span, ...]
    gaps: tuple[Gap, ...]


def fit(policy: Policy, variant: Variant) -> Fit:
    """Return which releases a policy serves, going by the actions it allows.

    Args:
        policy: The policy.
        variant: What kind it is, which says the modes and the oldest release.
    """
    granted = {a.lower() for a in policy.actions()}
    served = [r for r in releases.known() if r >= variant.minimum]
    gaps = []
    for use in calls.uses(variant.modes, None):
        if use.action.lower() not in granted:
            lacking = frozenset(r for r in served if use.at(r))
            if lacking:
                gaps.append(Gap(use, releases.spans(lacking)))
    broken = [g for g in gaps if g.use.impact == "fatal"]
    works = frozenset(r for r in served if not any(g.use.at(r) for g in broken))
    gaps.sort(key=lambda gap: gap.spans[0].first)
    return Fit(variant.minimum, releases.spans(works), tuple(gaps))


def works_with(found: Fit) -> str:
    """Return the releases that a policy serves as text, such as ``v1.8.0 to v1.21.2``.

    Args:
        found: What `fit` returns.
    """
    return ", ".join(map(str, found.works)) or "no known release"
