"""The policy documents that upstream and AWS have published for the plugin, by revision.

Upstream's page is `docs/iam-policy.md`; before this page, the documents were in its README.
"""

from __future__ import annotations

from functools import cache

from msgspec import field

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts import store
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.store import StoredDocument
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.resources import Facts


class Commit(Facts, frozen=True):
    """A commit of upstream that brought a page to a version."""

    commit: str | None  # None if not known
    date: str  # in ISO 8601; of the version if the commit's is not known
    subject: str | None
    first_version: PluginVersion
    note: str | None


class Source(Facts, frozen=True):
    """Where a revision comes from."""

    repository: str  # owner and name on GitHub
    path: str  # the file in it
    git_blob: str  # git's name of the file's content: anyone finds it with this in the repository
    license: str
    commits: tuple[Commit, ...]  # the first version's, then those of older minor versions

    @property
    def commit(self) -> str | None:
        """The commit that added the revision; None if not known."""
        return self.commits[0].commit

    @property
    def date(self) -> str:
        """The date of the commit, or of its version."""
        return self.commits[0].date

    @property
    def pin(self) -> str:
        """The exact content's name, in words."""
        if self.commit is None:
            return f"git blob {self.git_blob} at {self.commits[0].first_version}"
        return f"commit {self.commit}"


class Revision(Facts, frozen=True):
    """One revision of upstream's page."""

    name: str = field(name="revision")  # its date, as ``--revision`` takes it
    source: Source
    first: PluginVersion = field(name="first_version")  # the first version that shipped it
    # The last one, None for the newest revision.
    last: PluginVersion | None = field(name="last_version")
    documents: dict[str, StoredDocument]  # of upstream's variants, and of features with one

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of its documents."""
        return tuple(self.documents)

    def document(self, kind: str) -> Policy:
        """Return one of upstream's documents, by its name in `kinds`, with holes for values."""
        return _with_holes(self.documents[kind])


@cache
def _with_holes(document: StoredDocument) -> Policy:
    return parameters.read(document.policy)


class Archive(Facts, frozen=True):
    """The file of another repository in which a version was read."""

    repository: str
    path: str
    commit: str


class ManagedVersion(Facts, frozen=True):
    """One version of an AWS managed policy."""

    version: str  # such as ``v6``
    created: str  # when, in ISO 8601
    source: Archive
    document: StoredDocument

    @property
    def policy(self) -> Policy:
        """Its document."""
        return self.document.policy


class ManagedFile(Facts, frozen=True):
    """The known versions of an AWS managed policy."""

    arn: str
    versions: tuple[ManagedVersion, ...]  # the oldest first


# Those of the plugin's role, and of the cluster role with security groups for pods.
CNI_POLICY, RESOURCE_CONTROLLER = "AmazonEKS_CNI_Policy", "AmazonEKSVPCResourceController"
MANAGED = (CNI_POLICY, RESOURCE_CONTROLLER)
# That of the nodes' role, as projects attach it beside a document of their own.
WORKER_NODE = "AmazonEKSWorkerNodePolicy"


def revisions() -> tuple[Revision, ...]:
    """Return every revision, oldest first."""
    return store.every("revisions", Revision)


def readme_revisions() -> tuple[Revision, ...]:
    """Return the revisions of the documents in upstream's README, oldest first.

    They are older than upstream's page, and have no scoped document.
    """
    return store.every("readme", Revision)


def managed_versions(name: str = CNI_POLICY) -> tuple[ManagedVersion, ...]:
    """Return the known versions of a policy above, oldest first."""
    return store.data(f"managed/{name}.json", ManagedFile).versions


def managed_arn(name: str = CNI_POLICY) -> str:
    """Return the ARN of one of the `MANAGED` policies."""
    return store.data(f"managed/{name}.json", ManagedFile).arn


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
