"""What `publish` prints as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from vpc_cni_iam.files.tree import FileChange
from vpc_cni_iam.publishing import oci, registry
from vpc_cni_iam.publishing.destination import moves
from vpc_cni_iam.publishing.publish import Proposal, Published


class VersionChangeData(TypedDict):
    """A change since the version before, and the bump that it needs."""

    bump: str
    text: str


class TagData(TypedDict):
    """A git tag, its commit, and whether it is new."""

    name: str
    commit: str
    new: bool


class PublishData(TypedDict):
    """A version of the module: why it has its number, and where it was written, if it was."""

    source: str
    oci_repository: str | None
    moved: Sequence[str]
    version: str
    previous: str | None
    bump: str | None
    findings: Sequence[VersionChangeData]
    path: str
    changes: Sequence[FileChange]
    tree: str | None
    registry: str | None
    oci: str | None
    digest: str | None
    tag: TagData | None
    sums: dict[str, str]
    restored: Sequence[str]
    copies: Sequence[str]


def proposal_data(directory: Path, proposal: Proposal) -> PublishData:
    """Return a version that was not written as plain data."""
    destination, comparison = proposal.resolved.destination, proposal.comparison
    changes = comparison.changes if comparison is not None else ()
    return {
        "source": destination.address.source,
        "oci_repository": destination.oci_repository,
        "moved": list(moves(proposal.resolved)),
        "version": str(proposal.version),
        "previous": str(proposal.previous) if proposal.previous is not None else None,
        "bump": comparison.bump.name if comparison is not None else None,
        "findings": [{"bump": c.bump.name, "text": str(c)} for c in changes],
        "path": str(directory),
        "changes": (),
        "tree": None,
        "registry": None,
        "oci": None,
        "digest": None,
        "tag": None,
        "sums": {},
        "restored": (),
        "copies": (),
    }


def published_data(directory: Path, published: Published) -> PublishData:
    """Return a published version as plain data, without its tag."""
    return {
        **proposal_data(directory, published.proposal),
        "changes": [change for change in published.changes if change.kind != "same"],
        "tree": str(directory / published.folder),
        "registry": str(directory / registry.ROOT),
        "oci": f"{directory / oci.ROOT}:{published.proposal.version}",
        "digest": published.digest,
        "sums": dict(sorted(published.sums.items())),
        "restored": published.restored,
        "copies": published.copies,
    }
