"""Which plugin versions a policy works with: it allows all calls that they make by default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct

from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import CallRange, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion, VersionRange
from vpc_cni_iam.catalog.facts.requests import request_templates, tag_keys
from vpc_cni_iam.catalog.hardening import allowed_tag_keys
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.policy.document import Policy


class MissingAction(Struct, frozen=True):
    """An action that versions call by default and a policy does not allow."""

    call_range: CallRange  # the call, with the effect of its denial and the evidence
    spans: tuple[VersionRange, ...]  # the known versions at which it is missing
    part: str = ""  # the only tag key or kind of resource for which it is missing; empty for all

    @property
    def action(self) -> str:
        """The action as text."""
        return f"{self.call_range.action} of {self.part}" if self.part else self.call_range.action

    @property
    def fatal(self) -> bool:
        """Whether pods get no address without it."""
        return self.call_range.is_fatal

    def at(self, version: PluginVersion) -> bool:
        """Return whether it is missing at a version."""
        return any(version in span for span in self.spans)


class Compatibility(Struct, frozen=True):
    """Which of the known versions a policy works with."""

    minimum: PluginVersion  # the oldest version that its variant can work with
    works: tuple[VersionRange, ...]  # the versions at which no denied call is fatal
    missing: tuple[MissingAction, ...]  # the missing actions, fatal or not, by first version

    @property
    def works_with(self) -> str:
        """The versions as text, such as ``v1.8.0 to v1.21.2``."""
        return ", ".join(map(str, self.works)) or "no known version"

    def failures(self) -> dict[str, tuple[VersionRange, ...]]:
        """Return the versions at which the plugin fails, by missing action."""
        fatal = [missing for missing in self.missing if missing.fatal]
        return {
            action: known_versions.spans(
                frozenset(
                    version
                    for version in known_versions.known()
                    if any(m.at(version) for m in fatal if m.action == action)
                )
            )
            for action in dict.fromkeys(missing.action for missing in fatal)
        }


# A module and its notes need the result for the same documents.
@lru_cache(64)
def compatibility(policy: Policy, variant: Variant) -> Compatibility:
    """Return which versions a variant's policy works with, decided by actions alone."""
    granted = {a.lower() for a in policy.actions()}
    possible = [r for r in known_versions.known() if r >= variant.minimum]
    missing = []
    for call_range in calls.call_ranges(variant.modes, None, variant.program):
        at = frozenset(r for r in possible if call_range.at(r))
        if at and call_range.action.lower() not in granted:
            missing.append(MissingAction(call_range, known_versions.spans(at)))
    missing += _missing_tag_keys(policy, variant, possible)
    missing += _missing_on_trunk(variant, possible)
    works = frozenset(r for r in possible if not any(m.fatal and m.at(r) for m in missing))
    missing.sort(key=lambda m: m.spans[0].first)
    return Compatibility(variant.minimum, known_versions.spans(works), tuple(missing))


def _missing_on_trunk(variant: Variant, possible: list[PluginVersion]) -> Iterator[MissingAction]:
    """Yield fatal denials of a scoped document on a trunk interface.

    For security groups for pods, the VPC resource controller creates a node's trunk interface,
    without the cluster's tag. Few versions exit if they cannot set its groups.
    """
    part = "the trunk interface of security groups for pods"
    for mode in variant.modes if variant.cluster_scoped else ():
        yield from (m for m in _of_form("set-groups", mode, possible, part) if m.fatal)


def _missing_tag_keys(
    policy: Policy, variant: Variant, possible: list[PluginVersion]
) -> Iterator[MissingAction]:
    """Yield tag keys that versions send at node start and that a policy does not allow."""
    allowed = allowed_tag_keys(policy)
    for key in tag_keys(known_versions.newest()).managed:
        if allowed is not None and key not in allowed:
            sending = [version for version in possible if key in tag_keys(version).managed]
            for mode in variant.modes:
                yield from _of_form("tag-managed", mode, sending, key)


def _of_form(
    name: str, mode: Mode, versions: Iterable[PluginVersion], part: str
) -> Iterator[MissingAction]:
    """Yield a missing request at some versions, once for each call range that sends it."""
    sent: dict[CallRange, list[PluginVersion]] = {}
    for version in versions:
        if call_range := request_templates()[name].sent(mode, version, ()):
            sent.setdefault(call_range, []).append(version)
    for call_range, at in sent.items():
        yield MissingAction(call_range, known_versions.spans(frozenset(at)), part)
