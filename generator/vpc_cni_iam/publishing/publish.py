"""Publishes a version into a directory, whole or not at all.

A published version is read from its archive; the tree beside it is only for people. Files of the
user in the directory are never lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypedDict

from msgspec import Struct, structs

from vpc_cni_iam.catalog.options import COMMAND_IN, Options, stated
from vpc_cni_iam.errors import PublishError, TreeError, first_of
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.replacement import backup_name
from vpc_cni_iam.files.tree import FileChange, WriteAction, entries, texts, write
from vpc_cni_iam.publishing import oci, registry
from vpc_cni_iam.publishing.address import REPOSITORY, ModuleAddress
from vpc_cni_iam.publishing.archive import ArchiveFormat, pack
from vpc_cni_iam.publishing.destination import (
    RECORD,
    Destination,
    DestinationOptions,
    ResolvedDestination,
    moves,
    resolve,
)
from vpc_cni_iam.publishing.package import package_files, package_options
from vpc_cni_iam.publishing.registry import PublishedVersions
from vpc_cni_iam.publishing.versioning.comparison import (
    CHANGELOG,
    Comparison,
    changelog,
    check_step,
    compare,
    version_before_newest,
)
from vpc_cni_iam.publishing.versioning.semver import FIRST, Version

# Files that desktops and editors leave; no engine reads them, and no archive contains them.
_LITTER = re.compile(
    r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|.*~|#.*#|\.#.*|\..*\.sw[a-p]|.*\.(bak|orig|orig\.\d+)"
)
# Files beside the versions that a user may have written or edited.
_BESIDE = (registry.README, RECORD, registry.NGINX, registry.DISCOVERY)
_LISTED = 5
_WRITTEN = (WriteAction.CREATE, WriteAction.REPLACE)
_Files: TypeAlias = Mapping[str, str | bytes]


class Proposal(Struct, frozen=True):
    """A version number, and the reasons for it."""

    version: Version
    # The previous version; None for the first one, the same if nothing has changed.
    previous: Version | None
    # How it differs from the previous one; None for the first one, and if nothing changed.
    comparison: Comparison | None
    resolved: ResolvedDestination  # the destination of the directory, and the earlier ones


class Published(Struct, frozen=True):
    """A published version."""

    proposal: Proposal  # its number, the previous version, and how it differs
    folder: str
    sums: Mapping[str, str]  # SHA-256 of its archives by file name
    digest: str  # the digest of its OCI manifest
    changes: tuple[FileChange, ...]
    restored: tuple[str, ...]  # published files that were missing or different
    copies: tuple[str, ...]  # copies of files that a user edited


def propose(directory: Path, options: Options, target: DestinationOptions) -> Proposal:
    """Return the version number that publishing a selection needs; see `publish`."""
    resolved = resolve(directory, target)
    published = PublishedVersions(directory, resolved.destination.address)
    versions = published.listed()
    _check_trees(published, versions)
    newest = versions[-1] if versions else FIRST
    draft = package_files(package_options(options), newest, published.address)
    if not versions:
        return Proposal(FIRST, None, None, resolved)
    stored = published.files(newest)
    stored.pop(CHANGELOG, None)
    if stored == draft:
        return Proposal(newest, newest, None, resolved)
    comparison = compare(stored, draft, newest)
    return Proposal(newest.after(comparison.bump), newest, comparison, resolved)


def recorded(
    directory: Path, target: DestinationOptions, version: Version | None = None
) -> Options | None:
    """Return the options of a version, or of the last one before it; None if there is none.

    Without `version`, those of the newest version.
    """
    published = PublishedVersions(directory, resolve(directory, target).destination.address)
    versions = [v for v in published.listed() if version is None or v <= version]
    return stated(published.files(versions[-1]).get(COMMAND_IN, "")) if versions else None


def publish(
    directory: Path, options: Options, target: DestinationOptions, version: Version
) -> Published:
    """Publish a version to a directory; publishing the same version again changes nothing.

    The directory has all versions, and is created if it does not exist. All variants that the
    selection of the options supports are published. An OCI repository is asked whether a tag would
    move.

    Raises `PublishError` if the number does not allow the changes, the number is published with
    other content, the directory has another destination, or the OCI repository refuses;
    `TreeError` if the directory cannot be written, or a user's file is in the way.
    """
    with locked(directory):
        draft = _draft(directory, package_options(options), target, version)
        _check_number(draft)
        return _write(draft, check_oci_tag=target.check_oci_tag)


class _Draft(Struct, frozen=True):
    """A version that is ready to be written."""

    options: Options
    address: ModuleAddress
    proposal: Proposal  # its number, the previous version, and how it differs
    published: PublishedVersions
    versions: tuple[Version, ...]
    files: Mapping[str, str]
    archives: Mapping[str, bytes]  # its archives by file name
    sums: Mapping[str, str]  # their SHA-256

    @property
    def version(self) -> Version:
        return self.proposal.version

    @property
    def destination(self) -> Destination:
        return self.proposal.resolved.destination

    @property
    def is_published(self) -> bool:
        return self.version in self.versions


def _draft(
    directory: Path, options: Options, target: DestinationOptions, version: Version
) -> _Draft:
    resolved = resolve(directory, target)
    address = resolved.destination.address
    published = PublishedVersions(directory, address)
    versions = published.listed()
    if version in versions:
        # A published version keeps its previous version, and the host in its README.md.
        previous = version_before_newest(published.files(version).get(CHANGELOG, ""))
        address = ModuleAddress(address.namespace, published.host(version) or address.host)
    else:
        previous = max((v for v in versions if v < version), default=None)
    files = package_files(options, version, address)
    previous_files: Mapping[str, str] = {}
    comparison = None
    if previous is not None:
        previous_files = published.files(previous)
        comparison = compare(previous_files, files, previous)
    files[CHANGELOG] = changelog(version, options, comparison, previous_files.get(CHANGELOG, ""))
    archives = {registry.archive_name(version, f): pack(files, f) for f in ArchiveFormat}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in archives.items()}
    proposal = Proposal(version, previous, comparison, resolved)
    return _Draft(options, address, proposal, published, versions, files, archives, sums)


def _check_number(draft: _Draft) -> None:
    """Refuse a number that is published with other content, or does not allow the changes."""
    version, previous = draft.version, draft.proposal.previous
    if draft.is_published:
        _check_same_bytes(draft)
    if previous is not None and draft.proposal.comparison is not None:
        check_step(previous, version, draft.proposal.comparison)
    above = min((v for v in draft.versions if v > version), default=None)
    if above is not None and not draft.is_published:
        comparison = compare(draft.files, draft.published.files(above), version)
        check_step(version, above, comparison, f"{above} is published, and ")


def _check_same_bytes(draft: _Draft) -> None:
    stored = draft.published.stored(draft.version, whole=False)
    if dict(stored.sums) == dict(draft.sums):
        return
    old, new = draft.published.files(draft.version), draft.files
    differing = sorted(p for p in {*old, *new} if old.get(p) != new.get(p))
    raise PublishError(
        f"{draft.version} is published with other content "
        f"({', '.join(differing) or 'the archives'}), and a published version never changes; "
        "choose another version (without --version, publish proposes one)"
    )


def _write(draft: _Draft, *, check_oci_tag: bool) -> Published:
    directory, version = draft.published.directory, draft.version
    repository = draft.destination.oci_repository
    folder = f"{REPOSITORY}/{version}"
    _check_foreign(directory / folder, draft.files)
    _check_trees(draft.published, (v for v in draft.versions if v != version))
    # All versions except this one must be complete.
    stored = {v: draft.published.stored(v, whole=v != version) for v in draft.versions}
    old_sums = {v: s.sums[registry.archive_name(v)] for v, s in stored.items()}
    images = {v: _image(s.archives, v) for v, s in stored.items() if v != version}
    artifact = _image(draft.archives, version)
    if check_oci_tag and repository is not None:
        oci.check_tag(repository, version, artifact.digest)
    new: _Files = {
        **{f"{folder}/{path}": text for path, text in sorted(draft.files.items())},
        **_version_files(draft, artifact.digest),
        **oci.layout_files(directory, {**images, version: artifact}),
        **_index_files(
            draft.destination, {**old_sums, version: draft.sums[registry.archive_name(version)]}
        ),
    }
    own = new if draft.is_published else {}
    before = draft.proposal.resolved.before if draft.versions else ()
    blobs = oci.blob_files(images.values())
    earlier = [{**own, **blobs, **_index_files(place, old_sums)} for place in before]
    present = contents(directory, new)
    copies = _copies_of_edits(directory, earlier, new)
    changes = write(directory, {**copies, **new}, observed=present)
    return Published(
        proposal=draft.proposal,
        folder=folder,
        sums=draft.sums,
        digest=artifact.digest,
        changes=changes,
        restored=_restored(changes, earlier, new),
        copies=tuple(copies),
    )


def _image(archives: Mapping[str, bytes], version: Version) -> oci.Image:
    return oci.image(archives[registry.archive_name(version, ArchiveFormat.ZIP)], version)


def _version_files(draft: _Draft, digest: str) -> _Files:
    """Return the archives, checksums and provenance, by path in the directory."""
    path = partial(draft.published.path, draft.version)
    listing = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(draft.sums.items()))
    statement = registry.provenance(draft.options, draft.version, draft.address, draft.sums, digest)
    return {
        **{path(name): content for name, content in draft.archives.items()},
        path(registry.SUMS): listing,
        path(registry.provenance_name(draft.version)): statement,
    }


def _index_files(destination: Destination, tar_sums: Mapping[Version, str]) -> _Files:
    """Return the files about all versions; the last file makes a version visible."""
    return {
        registry.README: registry.readme(destination.address, tar_sums),
        RECORD: destination.record(),
        **registry.index_files(destination.address, tar_sums),
    }


def _check_foreign(folder: Path, files: Iterable[str]) -> None:
    """Refuse a version's folder that has other files."""
    present = _tree(folder)
    if foreign := sorted(present - set(files)):
        raise TreeError(
            f"{folder}: has files that are not part of the module: "
            f"{first_of(foreign, _LISTED)}; move them away"
        )


def _check_trees(published: PublishedVersions, versions: Iterable[Version]) -> None:
    """Refuse the tree of a version that differs from its archive; the user may remove the tree."""
    for version in versions:
        folder = published.directory / REPOSITORY / str(version)
        if not (present := _tree(folder)):
            continue
        files, there = published.files(version), texts(folder, present)
        if differing := sorted(p for p in present | files.keys() if there.get(p) != files.get(p)):
            raise TreeError(
                f"{folder}: differs from the archive of {version} in "
                f"{first_of(differing, _LISTED)}; remove the folder, and publish {version} again "
                "if you need it"
            )


def _tree(folder: Path) -> set[str]:
    """Return the paths in a version's folder, without files that desktops and editors leave."""
    return {p for p in entries(folder) if not _LITTER.fullmatch(p.rpartition("/")[2])}


def _copies_of_edits(directory: Path, earlier: Sequence[_Files], new: _Files) -> _Files:
    """Return copies of a user's files that new files replace, by path.

    `earlier` are the files that this tool may have left there. If it is empty, this tool has
    published nothing there, and a `TreeError` refuses the directory.
    """
    present = contents(directory, _BESIDE)
    copies: dict[str, str | bytes] = {}
    for name, content in present.items():
        text = content.decode(errors="replace")
        if text == new[name] or any(text == files.get(name) for files in earlier):
            continue
        # A killed publish may have left a file of this tool before the first version.
        if not earlier and text.splitlines()[:1] != str(new[name]).splitlines()[:1]:
            raise TreeError(
                f"{directory / name}: this tool did not write it, and nothing is published here; "
                "choose another directory"
            )
        copies[backup_name(directory, name)] = content
    return copies


def _restored(
    changes: Iterable[FileChange], earlier: Sequence[_Files], new: _Files
) -> tuple[str, ...]:
    """Return the published files that were missing or different."""
    unchanged = {
        path for files in earlier for path, content in files.items() if new.get(path) == content
    }
    return tuple(
        c.path for c in changes if c.kind in _WRITTEN and c.path in unchanged and c.path != RECORD
    )


class VersionChangeData(TypedDict):
    """A change since the previous version, and the bump that it needs."""

    bump: str
    text: str


class PublishData(Struct):
    """A version of the module: the reasons for its number, and where it was written, if it was."""

    source: str
    oci_repository: str | None
    moved: tuple[str, ...]
    version: str
    previous: str | None
    bump: str | None
    findings: Sequence[VersionChangeData]
    path: str
    changes: tuple[FileChange, ...] = ()
    tree: str | None = None
    registry: str | None = None
    oci: str | None = None
    digest: str | None = None
    sums: dict[str, str] = {}
    restored: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


def proposal_data(directory: Path, proposal: Proposal) -> PublishData:
    """Return a proposed version as plain data."""
    destination, comparison = proposal.resolved.destination, proposal.comparison
    changes = comparison.changes if comparison is not None else ()
    return PublishData(
        source=destination.address.source,
        oci_repository=destination.oci_repository,
        moved=tuple(moves(proposal.resolved)),
        version=str(proposal.version),
        previous=str(proposal.previous) if proposal.previous is not None else None,
        bump=comparison.bump.name if comparison is not None else None,
        findings=[{"bump": c.bump.name, "text": str(c)} for c in changes],
        path=str(directory),
    )


def published_data(directory: Path, published: Published) -> PublishData:
    """Return a published version as plain data."""
    return structs.replace(
        proposal_data(directory, published.proposal),
        changes=tuple(
            change for change in published.changes if change.kind is not WriteAction.SAME
        ),
        tree=str(directory / published.folder),
        registry=str(directory / registry.ROOT),
        oci=f"{directory / oci.ROOT}:{published.proposal.version}",
        digest=published.digest,
        sums=dict(sorted(published.sums.items())),
        restored=published.restored,
        copies=published.copies,
    )
