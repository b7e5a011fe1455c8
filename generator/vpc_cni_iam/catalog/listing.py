"""The catalog as plain data, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vpc_cni_iam.catalog.compatibility import compatibility
from vpc_cni_iam.catalog.facts import calls, documents, releases
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.store import managed_data
from vpc_cni_iam.catalog.variants import VARIANTS, every


def listing() -> dict[str, Any]:
    """Return the newest release, variants, revisions, features, releases, the managed policy."""
    observed = calls.observed_versions()
    return {
        "newest_release": {"release": str(releases.newest()), "date": releases.newest_date()},
        "variants": [
            {
                "name": v.name,
                "for": v.summary,
                "published_by": v.published_by,
                "minimum_cni_version": str(v.minimum),
                "service_account": v.service_account,
            }
            for v in every()
        ],
        "revisions": [
            {
                "revision": r.name,
                "first_release": str(r.first),
                "last_release": str(r.last) if r.last else None,
                "works_with": {
                    v.name: compatibility(v.document(r), v).works_with for v in VARIANTS
                },
                "source": {
                    "repository": r.source.repository,
                    "path": r.source.path,
                    "git_blob": r.source.blob,
                    "commit": r.source.commit,
                    "date": r.source.date,
                },
            }
            for r in documents.revisions()
        ],
        "features": [
            {"name": name, "when": summary, "since": str(calls.feature_since(name))}
            for name, summary in calls.features().items()
        ],
        "releases": [
            {
                "release": str(release),
                "supported": release != releases.known()[0],
                "observed": release in observed,
                # Before the first revision no document was in force; the oldest stands in.
                "revision": _shipped(release),
                "ipv4_calls": _actions("ipv4", release),
                "ipv6_calls": _actions("ipv6", release),
                "calls": [
                    {
                        "action": call_range.action,
                        "mode": call_range.mode,
                        "impact": call_range.effect,
                        "severity": call_range.severity,
                        "known": call_range.basis(release).value,
                        "feature": call_range.feature,
                        "deniable": call_range.deniable,
                    }
                    for feature in (None, *calls.features())
                    for call_range in calls.call_ranges(("ipv4", "ipv6"), release, feature)
                ],
            }
            for release in releases.known()
        ],
        "managed_policy": {k: managed_data()[k] for k in ("arn", "version", "created")},
        "earlier_documents": list(_earlier()),
    }


def _earlier() -> Iterator[dict[str, Any]]:
    """Yield the documents from before upstream's page, and the versions of the managed policy."""
    by_name = {v.name: v for v in VARIANTS}
    for revision in documents.readme_revisions():
        for kind in revision.kinds:
            works_at = compatibility(revision.document(kind), by_name[kind])
            yield {
                "document": f"{kind} of upstream's README, {revision.name}",
                "first_release": str(revision.first),
                "last_release": str(revision.last),
                "works_with": works_at.works_with,
                "source": revision.source.pin,
            }
    for version in documents.managed_versions():
        yield {
            "document": f"{version.name} {version.version}, {version.created[:10]}",
            "first_release": None,
            "last_release": None,
            "works_with": compatibility(version.policy, by_name["ipv4"]).works_with,
            "source": "AWS managed policy",
        }


def _shipped(release: PluginVersion) -> str | None:
    revision = documents.in_force(release)
    return revision.name if revision.first <= release else None


def changes() -> list[dict[str, Any]]:
    """Return the releases at which a document or a call changed, with what changed."""
    rows: list[dict[str, Any]] = []
    before: dict[str, Any] = dict.fromkeys(("revision", "supported"))
    before |= {"ipv4_calls": [], "ipv6_calls": []}
    for entry in listing()["releases"]:
        changed = [
            f"{mode}: {sign}{action}"
            for mode in ("ipv4", "ipv6")
            for sign, listed, other in (("+", entry, before), ("-", before, entry))
            for action in listed[f"{mode}_calls"]
            if action not in other[f"{mode}_calls"]
        ]
        if changed or any(entry[k] != before[k] for k in ("revision", "supported")):
            document = entry["revision"] or "none; the oldest stands in"
            if not entry["supported"]:
                document = "none; not supported"
            row = {"from release": entry["release"], "document in force": document}
            rows.append({**row, "default calls": changed})
        before = entry
    return rows


def _actions(mode: calls.Mode, release: PluginVersion) -> list[str]:
    return list(
        dict.fromkeys(call_range.action for call_range in calls.call_ranges((mode,), release))
    )
