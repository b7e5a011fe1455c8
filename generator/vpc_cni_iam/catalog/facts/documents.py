"""The policy documents that upstream and AWS have published for the plugin, by revision.

Upstream's page is `docs/iam-policy.md`; before there was one, the documents were in its README.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.store import managed_policy_data, readme_data, revisions_data
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse


@dataclass(frozen=True, slots=True)
class Source:
    """Where a revision comes from.

    Args:
        repository: Owner and name on GitHub.
        path: The file in it.
        blob: Git's name of the file's content, by which anyone finds it in the repository.
        version: The first version that shipped the revision.
        commit: The commit that brought it, None where that is not known.
        date: When, in ISO 8601: of the commit, of the version where that is not known.
    """

    repository: str
    path: str
    blob: str
    version: str
    commit: str | None
    date: str

    @property
    def pin(self) -> str:
        """What names the content exactly, in words."""
        if self.commit is None:
            return f"git blob {self.blob} at {self.version}"
        return f"commit {self.commit}"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of upstream's page.

    Args:
        name: Its date, as ``--revision`` takes it.
        source: Where it comes from.
        first: The first version that shipped it.
        last: The last one, None for the newest revision.
        kinds: The names of its documents: upstream's variants, and features with one.
    """

    name: str
    source: Source
    first: PluginVersion
    last: PluginVersion | None
    kinds: tuple[str, ...]

    def document(self, kind: str) -> Policy:
        """Return one of upstream's documents, with its placeholders.

        Args:
            kind: One of `kinds`.
        """
        return _document(self.name, kind)


@dataclass(frozen=True, slots=True)
class ManagedVersion:
    """One version of an AWS managed policy.

    Args:
        name: The name of the policy, such as ``AmazonEKS_CNI_Policy``.
        version: Such as ``v6``.
        created: When, in ISO 8601.
        policy: Its document.
    """

    name: str
    version: str
    created: str
    policy: Policy


# Of the plugin's role, and of the cluster's role where security groups for pods are used.
CNI_POLICY, RESOURCE_CONTROLLER = "AmazonEKS_CNI_Policy", "AmazonEKSVPCResourceController"
MANAGED = (CNI_POLICY, RESOURCE_CONTROLLER)


@cache
def revisions() -> tuple[Revision, ...]:
    """Return every revision, oldest first."""
    return tuple(map(_revision, revisions_data()))


@cache
def readme_revisions() -> tuple[Revision, ...]:
    """Return the revisions of the documents in upstream's README, oldest first.

    They are from before upstream's page, and have no scoped document.
    """
    return tuple(map(_revision, readme_data()))


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
    every = (*readme_data(), *revisions_data())
    entry = next(r for r in every if r["revision"] == revision)
    return parse(entry["documents"][kind], f"revision {revision}, {kind}")


@cache
def managed_versions(name: str = CNI_POLICY) -> tuple[ManagedVersion, ...]:
    """Return the known versions of an AWS managed policy, oldest first.

    Args:
        name: One of `MANAGED`.
    """
    data = managed_policy_data(name)
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
    """Return the newest known version of an AWS managed policy.

    Args:
        name: One of `MANAGED`.
    """
    return managed_versions(name)[-1].policy


def find(name: str) -> Revision:
    """Return the revision of this date.

    Args:
        name: The date, such as ``2022-01-31``.

    Raises:
        UsageError: No such revision.
    """
    by_name = {revision.name: revision for revision in revisions()}
    return by_name[resolve(name, by_name, "revision", "--revision", repeatable=False)]


def in_force(version: PluginVersion) -> Revision:
    """Return the revision a version shipped; the oldest for a version before any was.

    Args:
        version: A known version.
    """
    shipped = [r for r in revisions() if r.first <= version]
    return shipped[-1] if shipped else revisions()[0]
