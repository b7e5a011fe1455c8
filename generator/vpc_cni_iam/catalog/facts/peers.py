"""The policy documents for the plugin that other projects ship or shipped, from their sources."""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from vpc_cni_iam.catalog.facts import store
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse


class PeerDocument(Struct, frozen=True):
    """A document of another project."""

    project: str  # the project, such as ``eksctl``
    name: str  # what the document is
    mode: Mode  # the IP family that it is for
    repository: str  # owner and name on GitHub
    path: str  # the file in it
    commit: str  # the commit that added the document, or a later one that was read
    date: str | None  # the date, as ``2026-08-13``; None if not looked up
    # The first version of the project with it, or ``after`` the newest one when it was read; None
    # if it has no versions.
    first: str | None
    last: str | None  # the last version with it; None if no later document is known
    verified: bool  # whether it was compared with the file, not only with a pull request
    beside: tuple[str, ...]  # the AWS managed policies that the project attaches beside it
    policy: Policy  # the document, for the partition ``aws``

    @property
    def versions(self) -> str:
        """The project's versions that have it, in words."""
        if self.first is None or self.first == self.last or self.first.startswith("after "):
            return self.first or ""
        return f"{self.first} to {self.last}" if self.last else f"from {self.first}"


@cache
def peer_documents() -> tuple[PeerDocument, ...]:
    """Return the documents by project, each project's oldest first."""
    return tuple(
        PeerDocument(
            project=data["project"],
            repository=data["repository"],
            **{**entry, "beside": tuple(entry["beside"])},
            policy=parse(document, f"{data['project']}, {entry['name']}"),
        )
        for data in store.every("peers")
        for entry, document in (
            ({k: v for k, v in e.items() if k != "document"}, e["document"])
            for e in data["documents"]
        )
    )
