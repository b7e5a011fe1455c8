"""Which plugin versions a document of the catalog works with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import CallRange
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion, VersionRange
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.coverage.analysis.matrix import Matrix, matrix
from vpc_cni_iam.coverage.names import names_of
from vpc_cni_iam.coverage.simulate.scenarios import ORDINARY, find
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, RequestSetting
from vpc_cni_iam.policy.document import Policy

_VALUES = parameters.values(
    {**{p.name: parameters.SAMPLE[p.name] for p in parameters.LISTS}, **EXAMPLE}
)


class MissingAction(Struct, frozen=True):
    """A call that versions make by default and a document does not allow."""

    action: str
    scenario: str  # the first scenario with it; empty for a fresh node
    call_range: CallRange  # the effect of the denial, and the evidence
    versions: frozenset[PluginVersion]

    @property
    def spans(self) -> tuple[VersionRange, ...]:
        """The versions as runs."""
        return known_versions.spans(self.versions)


class DocumentVersions(Struct, frozen=True):
    """Which of the known versions a document works with."""

    works: tuple[VersionRange, ...]  # the versions at which no denied call is fatal
    missing: tuple[MissingAction, ...]  # fatal or not, by first version

    @property
    def works_with(self) -> str:
        """The versions as text, such as ``v1.8.0 to v1.21.2``."""
        return ", ".join(map(str, self.works)) or "no known version"

    def failures(self) -> dict[tuple[str, str], tuple[VersionRange, ...]]:
        """Return the versions at which the plugin fails, by missing action and its scenario."""
        fatal: dict[tuple[str, str], frozenset[PluginVersion]] = {}
        for call in self.missing:
            if call.call_range.is_fatal:
                why = (call.action, call.scenario)
                fatal[why] = fatal.get(why, frozenset()) | call.versions
        return {why: known_versions.spans(versions) for why, versions in fatal.items()}


def composed_versions(composed: Composed) -> DocumentVersions:
    """Return the versions that a document works with, if interfaces have the tag that it claims."""
    hardening = composed.selection.hardening
    claim_tag = hardening.eni_claim_tag if hardening else None
    return document_versions(composed.policy, composed.variant, claim_tag)


# A module and its notes need the result for the same documents.
@lru_cache(64)
def document_versions(
    policy: Policy, variant: Variant, claim_tag: tuple[str, str] | None = None
) -> DocumentVersions:
    """Return the versions that a variant's policy works with, in each of its IP families.

    With a `claim_tag`, primary interfaces have it, and others the cluster's tag: the notes of a
    hardened document say what happens without them.
    """
    works = {version for version in known_versions.known() if version >= variant.minimum}
    missing: dict[tuple[str, str, CallRange], set[PluginVersion]] = {}
    for table in _matrices(policy, variant, dict([claim_tag] if claim_tag else [])):
        for (version, action), (scenario, call) in table.reasons.items():
            if version >= variant.minimum:
                where = "" if scenario == ORDINARY else scenario
                missing.setdefault((action, where, call.range), set()).add(version)
        works -= {row.version for row in table.rows if row.fatal}
    calls = (MissingAction(*why, frozenset(at)) for why, at in missing.items())
    return DocumentVersions(
        known_versions.spans(frozenset(works)),
        tuple(sorted(calls, key=lambda missing: min(missing.versions))),
    )


def _matrices(policy: Policy, variant: Variant, primary_tags: dict[str, str]) -> Iterator[Matrix]:
    filled = parameters.substitute(policy, _VALUES)
    names = names_of({"vpc_id": EXAMPLE["vpc_id"]}, [filled])
    # The scenario of another program has the name of its feature.
    programs = (variant.program,) if variant.program else ()
    left_out = ("no-interface-from-before",) if primary_tags else ()
    scenarios = find((*programs, *left_out))
    for mode in variant.modes:
        setting = RequestSetting(
            known_versions.newest(), mode, programs, names, primary_tags=primary_tags
        )
        yield matrix([filled], setting, scenarios, excess=False)
