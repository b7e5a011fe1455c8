"""The policy documents that upstream and AWS have published for the plugin, by revision.

Upstream's page is `docs/iam-policy.md`; before this page, the documents were in its README.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts import store
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse


class Source(Struct, frozen=True):
    """Where a revision comes from."""

    repository: str  # owner and name on GitHub
    path: str  # the file in it
    blob: str  # git's name of the file's content, with which anyone finds it in the repository
    version: str  # the first version that shipped the revision
    commit: str | None  # the commit that added it; None if not known
    date: str  # the date of the commit in ISO 8601, or of the version if the commit's is not known

    @property
    def pin(self) -> str:
        """The exact content's name, in words."""
        if self.commit is None:
            return f"git blob {self.blob} at {self.version}"
        return f"commit {self.commit}"


class Revision(Struct, frozen=True):
    """One revision of upstream's page."""

    name: str  # its date, as ``--revision`` takes it
    source: Source  # where it comes from
    first: PluginVersion  # the first version that shipped it
    last: PluginVersion | None  # the last one, None for the newest revision
    kinds: tuple[str, ...]  # its documents: upstream's variants, and features with one

    def document(self, kind: str) -> Policy:
        """Return one of upstream's documents, by its name in `kinds`, with holes for values."""
        return _document(self.name, kind)


class ManagedVersion(Struct, frozen=True):
    """One version of an AWS managed policy."""

    name: str  # the name of the policy, such as ``AmazonEKS_CNI_Policy``
    version: str  # such as ``v6``
    created: str  # when, in ISO 8601
    policy: Policy  # its document


# Those of the plugin's role, and of the cluster role with security groups for pods.
CNI_POLICY, RESOURCE_CONTROLLER = "AmazonEKS_CNI_Policy", "AmazonEKSVPCResourceController"
MANAGED = (CNI_POLICY, RESOURCE_CONTROLLER)


@cache
def revisions() -> tuple[Revision, ...]:
    """Return every revision, oldest first."""
    return tuple(map(_revision, store.every("revisions")))


@cache
def readme_revisions() -> tuple[Revision, ...]:
    """Return the revisions of the documents in upstream's README, oldest first.

    They are older than upstream's page, and have no scoped document.
    """
    return tuple(map(_revision, store.every("readme")))


def _revision(entry: dict[str, Any]) -> Revision:
    source, commit = entry["source"], entry["source"]["commits"][0]
    return Revision(
        name=entry["revision"],
        source=Source(
            source["repository"],
            source["path"],
            source["git_blob"],
            commit["first_version"],
            commit["commit"],
            commit["date"],
        ),
        first=PluginVersion.of(entry["first_version"]),
        last=PluginVersion.of(entry["last_version"]) if entry["last_version"] else None,
        kinds=tuple(entry["documents"]),
    )


@cache
def _document(revision: str, kind: str) -> Policy:
    every = (*store.every("readme"), *store.every("revisions"))
    entry = next(r for r in every if r["revision"] == revision)
    document = parse(entry["documents"][kind], f"revision {revision}, {kind}")
    return parameters.read(document)


@cache
def managed_versions(name: str = CNI_POLICY) -> tuple[ManagedVersion, ...]:
    """Return the known versions of one of the `MANAGED` policies, oldest first."""
    data = store.data(f"managed/{name}.json")
    return tuple(
        ManagedVersion(
            name,
            entry["version"],
            entry["created"],
            parse(entry["document"], f"{data['arn']} {entry['version']}"),
        )
        for entry in data["versions"]
    )


def managed_policy(name: str = CNI_POLICY) -> Policy:
    """Return the newest known version of one of the `MANAGED` policies."""
    return managed_versions(name)[-1].policy


def find(name: str) -> Revision:
    """Return the revision of a date, such as ``2022-01-31``, or raise `UsageError`."""
    by_name = {revision.name: revision for revision in revisions()}
    return by_name[resolve(name, by_name, "revision", "--revision", repeatable=False)]


def in_force(version: PluginVersion) -> Revision:
    """Return the revision that a version shipped; for a version before any, the oldest."""
    shipped = [r for r in revisions() if r.first <= version]
    return shipped[-1] if shipped else revisions()[0]
