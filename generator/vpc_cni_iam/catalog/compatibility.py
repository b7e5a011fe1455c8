"""Which releases a policy serves: where it grants all that the plugin calls by default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vpc_cni_iam.catalog.facts import calls, releases
from vpc_cni_iam.catalog.facts.calls import Use
from vpc_cni_iam.catalog.facts.releases import Release, Span
from vpc_cni_iam.catalog.facts.requests import forms, tag_keys
from vpc_cni_iam.catalog.harden import allowed_tag_keys
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.policy.document import Policy


@dataclass(frozen=True, slots=True)
class Gap:
    """An action that releases call by default and a policy does not grant.

    Args:
        use: The use, with what its denial breaks and the evidence.
        spans: The known releases at which it is lacking.
        tag_key: The one tag key for which it is lacking, empty for all.
    """

    use: Use
    spans: tuple[Span, ...]
    tag_key: str = ""

    @property
    def action(self) -> str:
        """What is lacking, in words."""
        return f"{self.use.action} of {self.tag_key}" if self.tag_key else self.use.action


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
    gaps += _untaggable(policy, variant, served)
    broken = [g for g in gaps if g.use.impact == "fatal"]
    works = frozenset(r for r in served if not any(r in s for g in broken for s in g.spans))
    gaps.sort(key=lambda gap: gap.spans[0].first)
    return Fit(variant.minimum, releases.spans(works), tuple(gaps))


def _untaggable(policy: Policy, variant: Variant, served: list[Release]) -> Iterator[Gap]:
    """Yield tag keys that releases send when a node starts and a policy does not let through."""
    allowed = allowed_tag_keys(policy)
    if allowed is None:
        return
    for key in tag_keys(releases.newest()).wanted:
        for mode in variant.modes:
            lacking: dict[Use, list[Release]] = {}
            for release in served if key not in allowed else ():
                use = forms()["tag-managed"].sent(mode, release, ())
                if use and key in tag_keys(release).wanted:
                    lacking.setdefault(use, []).append(release)
            for use, at in lacking.items():
                yield Gap(use, releases.spans(frozenset(at)), key)


def works_with(found: Fit) -> str:
    """Return the releases that a policy serves as text, such as ``v1.8.0 to v1.21.2``.

    Args:
        found: What `fit` returns.
    """
    return ", ".join(map(str, found.works)) or "no known release"
