"""The policy documents for the plugin that other projects ship or shipped, from their sources."""

from __future__ import annotations

from functools import cache

from msgspec.structs import asdict

from vpc_cni_iam.catalog.facts import store
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.store import StoredDocument
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.resources import Facts


class OwnDocument(Facts, frozen=True):
    """A document in the file of its project."""

    name: str  # what the document is
    mode: Mode  # the IP family that it is for
    path: str  # the file in the repository
    commit: str  # the commit that added the document, or a later one that was read
    date: str | None  # the date, as ``2026-08-13``; None if not looked up
    # The first version of the project with it, or ``after`` the newest one when it was read; None
    # if it has no versions.
    first: str | None
    last: str | None  # the last version with it; None if no later document is known
    verified: bool  # whether it was compared with the file, not only with a pull request
    beside: tuple[str, ...]  # the AWS managed policies that the project attaches beside it
    document: StoredDocument  # for the partition ``aws``

    @property
    def policy(self) -> Policy:
        """The document."""
        return self.document.policy

    @property
    def versions(self) -> str:
        """The project's versions that have it, in words."""
        if self.first is None or self.first == self.last or self.first.startswith("after "):
            return self.first or ""
        return f"{self.first} to {self.last}" if self.last else f"from {self.first}"


class PeerDocument(OwnDocument, frozen=True):
    """A document of another project."""

    project: str  # the project, such as ``eksctl``
    repository: str  # owner and name on GitHub


class PeerFile(Facts, frozen=True):
    """The documents of a project, its oldest first."""

    project: str
    repository: str
    read_to: str | None  # the date up to which the repository was read
    documents: tuple[OwnDocument, ...]


@cache
def peer_documents() -> tuple[PeerDocument, ...]:
    """Return the documents by project."""
    return tuple(
        PeerDocument(**asdict(own), project=file.project, repository=file.repository)
        for file in store.every("peers", PeerFile)
        for own in file.documents
    )
