"""What `publish` prints as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from vpc_cni_iam.files.tree import FileChange


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
