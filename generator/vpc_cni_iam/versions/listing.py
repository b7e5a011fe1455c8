"""The catalog as plain data, for people and for programs."""

from __future__ import annotations

from typing import TypedDict

from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.calls import Basis, DenialSeverity, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.variants import VARIANTS, every
from vpc_cni_iam.versions.works_with import document_versions


class NewestData(TypedDict):
    """The newest plugin version in the catalog."""

    version: str
    date: str


VariantData = TypedDict(
    "VariantData",
    {
        "name": str,
        "for": str,
        "service_account": str,
        "published_by": str,
        "minimum_cni_version": str,
    },
)


class FeatureData(TypedDict):
    """An optional feature, and the first plugin version that has it."""

    name: str
    when: str
    since: str


class ManagedPolicyData(TypedDict):
    """The newest version of the plugin's AWS managed policy."""

    arn: str
    version: str
    created: str


class SourceData(TypedDict):
    """The file in upstream's repository that has a revision."""

    repository: str
    path: str
    git_blob: str
    commit: str | None
    date: str


class RevisionData(TypedDict):
    """A revision of upstream's documents, and the plugin versions that it works with by variant."""

    revision: str
    first_version: str
    last_version: str | None
    works_with: dict[str, str]
    source: SourceData


class PluginVersionCallData(TypedDict):
    """A call of a plugin version, and what its denial breaks."""

    action: str
    mode: Mode
    impact: str
    severity: DenialSeverity
    known: Basis
    feature: str | None
    deniable: bool


class PluginVersionData(TypedDict):
    """A plugin version, upstream's revision at that time, and its calls."""

    version: str
    supported: bool
    observed: bool
    revision: str | None
    ipv4_calls: list[str]
    ipv6_calls: list[str]
    calls: list[PluginVersionCallData]


class EarlierDocumentData(TypedDict):
    """A document that is older than upstream's page, or a version of the managed policy."""

    document: str
    first_version: str | None
    last_version: str | None
    works_with: str
    source: str


class CatalogData(TypedDict):
    """The catalog: variants, revisions, features, plugin versions and their calls."""

    newest_version: NewestData
    variants: list[VariantData]
    revisions: list[RevisionData]
    features: list[FeatureData]
    versions: list[PluginVersionData]
    managed_policy: ManagedPolicyData
    earlier_documents: list[EarlierDocumentData]


def listing() -> CatalogData:
    """Return everything that the catalog has."""
    return {
        "newest_version": newest_version(),
        "variants": variants(),
        "revisions": revisions(),
        "features": features(),
        "versions": versions(),
        "managed_policy": managed_policy(),
        "earlier_documents": earlier_documents(),
    }


def newest_version() -> NewestData:
    """Return the newest plugin version."""
    return {"version": str(known_versions.newest()), "date": known_versions.newest_date()}


def managed_policy() -> ManagedPolicyData:
    """Return the newest version of the plugin's AWS managed policy."""
    managed = documents.managed_versions()[-1]
    return {
        "arn": documents.managed_arn(),
        "version": managed.version,
        "created": managed.created,
    }


def variants() -> list[VariantData]:
    """Return the variants, also those of other programs."""
    return [
        {
            "name": v.name,
            "for": v.summary,
            "published_by": v.published_by,
            "minimum_cni_version": str(v.minimum),
            "service_account": v.service_account,
        }
        for v in every()
    ]


def features() -> list[FeatureData]:
    """Return the optional features."""
    return [
        {"name": name, "when": summary, "since": str(calls.feature_since(name))}
        for name, summary in calls.features().items()
    ]


def revisions() -> list[RevisionData]:
    """Return the revisions of upstream's page, and the versions that each works with."""
    return [
        {
            "revision": r.name,
            "first_version": str(r.first),
            "last_version": str(r.last) if r.last else None,
            "works_with": {
                v.name: document_versions(v.document(r), v).works_with for v in VARIANTS
            },
            "source": {
                "repository": r.source.repository,
                "path": r.source.path,
                "git_blob": r.source.git_blob,
                "commit": r.source.commit,
                "date": r.source.date,
            },
        }
        for r in documents.revisions()
    ]


def versions() -> list[PluginVersionData]:
    """Return the plugin versions with their calls, oldest first."""
    observed = calls.observed_versions()
    return [
        {
            "version": str(version),
            "supported": version != known_versions.known()[0],
            "observed": version in observed,
            # Versions before the first revision get the oldest one.
            "revision": shipped.name if shipped.first <= version else None,
            "ipv4_calls": _actions("ipv4", version),
            "ipv6_calls": _actions("ipv6", version),
            "calls": [
                {
                    "action": call_range.action,
                    "mode": call_range.mode,
                    "impact": call_range.effect,
                    "severity": call_range.severity,
                    "known": call_range.basis(version),
                    "feature": call_range.feature,
                    "deniable": call_range.deniable,
                }
                for feature in (None, *calls.features())
                for call_range in calls.call_ranges(("ipv4", "ipv6"), version, feature)
            ],
        }
        for version in known_versions.known()
        for shipped in (documents.in_force(version),)
    ]


def earlier_documents() -> list[EarlierDocumentData]:
    """Return the documents from before upstream's page, and the versions of the managed policy."""
    by_name = {v.name: v for v in VARIANTS}
    of_readme: list[EarlierDocumentData] = [
        {
            "document": f"{kind} of upstream's README, {revision.name}",
            "first_version": str(revision.first),
            "last_version": str(revision.last),
            "works_with": document_versions(revision.document(kind), by_name[kind]).works_with,
            "source": revision.source.pin,
        }
        for revision in documents.readme_revisions()
        for kind in revision.kinds
    ]
    of_aws: list[EarlierDocumentData] = [
        {
            "document": f"{documents.CNI_POLICY} {version.version}, {version.created[:10]}",
            "first_version": None,
            "last_version": None,
            "works_with": document_versions(version.policy, by_name["ipv4"]).works_with,
            "source": "AWS managed policy",
        }
        for version in documents.managed_versions()
    ]
    return of_readme + of_aws


def changes() -> list[dict[str, str]]:
    """Return the versions at which a document or a call changed, with what changed."""
    rows: list[dict[str, str]] = []
    state: tuple[str | None, bool | None] = (None, None)
    before: set[tuple[str, str]] = set()
    for entry in versions():
        calls_now = {
            (action, mode)
            for mode, actions in (("ipv4", entry["ipv4_calls"]), ("ipv6", entry["ipv6_calls"]))
            for action in actions
        }
        changed = [
            f"{sign}{action} ({', '.join(sorted(m for a, m in differing if a == action))})"
            for sign, differing in (("+", calls_now - before), ("-", before - calls_now))
            for action in sorted({action for action, _ in differing})
        ]
        if changed or state != (entry["revision"], entry["supported"]):
            document = entry["revision"] or "none; the oldest stands in"
            if not entry["supported"]:
                document = "none; not supported"
            row = {"from version": entry["version"], "upstream's document": document}
            rows.append({**row, "calls without a feature": "\n".join(changed)})
        state, before = (entry["revision"], entry["supported"]), calls_now
    return rows


def _actions(mode: calls.Mode, version: PluginVersion) -> list[str]:
    return list(dict.fromkeys(used.action for used in calls.call_ranges((mode,), version)))
