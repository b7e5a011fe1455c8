"""Publishes a version into a directory, whole or not at all.

A published version is read back from its archive; the tree beside it is for people. Files of the
user in the directory are never lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import PublishError, TreeError
from vpc_cni_iam.files.backup import backup_name
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.tree import FileChange, WriteAction, entries, write
from vpc_cni_iam.publishing import git, oci, provenance, registry
from vpc_cni_iam.publishing.address import REPOSITORY, ModuleAddress
from vpc_cni_iam.publishing.archive import ArchiveFormat, pack, unpack
from vpc_cni_iam.publishing.destination import (
    RECORD,
    Destination,
    DestinationOptions,
    ResolvedDestination,
    published_address,
    resolve,
)
from vpc_cni_iam.publishing.git import GitRepository, PreparedTag
from vpc_cni_iam.publishing.package import package_files, package_options
from vpc_cni_iam.publishing.versioning import changelog
from vpc_cni_iam.publishing.versioning.comparison import Comparison, check_step, compare
from vpc_cni_iam.publishing.versioning.semver import FIRST, Version

# Files that desktops and editors leave; no engine reads them, and no archive holds them.
_LITTER = re.compile(
    r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|.*~|#.*#|\.#.*|\..*\.sw[a-p]|.*\.(bak|orig|orig\.\d+)"
)
# Files beside the versions, which a user may have had there, or may edit.
_BESIDE = (registry.README, RECORD, registry.NGINX, registry.DISCOVERY)
_LISTED = 5
_WRITTEN = (WriteAction.CREATE, WriteAction.REPLACE)
_Files: TypeAlias = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version number, and why it is that one."""

    version: Version
    # The version before it; None for the first one, itself if nothing changed since.
    previous: Version | None
    # How it differs from that one; None for the first one, and if nothing changed.
    comparison: Comparison | None
    resolved: ResolvedDestination  # where the directory publishes to, and did before


@dataclass(frozen=True, slots=True)
class Published:
    """A published version."""

    proposal: Proposal  # its number, the version before it, and how it differs
    files: Mapping[str, str]  # its files, texts by path
    folder: str
    sums: Mapping[str, str]  # SHA-256 of its archives by file name
    digest: str  # the digest of its OCI manifest
    changes: tuple[FileChange, ...]
    restored: tuple[str, ...]  # published files that were missing or different
    copies: tuple[str, ...]  # copies of files that a user had edited
    tag: PreparedTag | None  # its tag, which the caller finishes; None without a git repository


def propose(directory: Path, options: Options, target: DestinationOptions) -> Proposal:
    """Return the number that publishing a selection asks for; see `publish`. Writes nothing."""
    resolved = resolve(directory, target)
    address = resolved.destination.address
    versions = registry.versions(directory, address)
    newest = versions[-1] if versions else FIRST
    draft = package_files(package_options(options), newest, address)
    if not versions:
        return Proposal(FIRST, None, None, resolved)
    stored = _stored_files(directory, address, newest)
    stored.pop(changelog.FILE, None)
    if stored == draft:
        return Proposal(newest, newest, None, resolved)
    comparison = compare(stored, draft)
    return Proposal(newest.after(comparison.bump), newest, comparison, resolved)


def publish(
    directory: Path,
    options: Options,
    target: DestinationOptions,
    version: Version,
    git_repository: GitRepository | None = None,
) -> Published:
    """Publish a version into a directory; the same version again changes nothing.

    The directory holds all versions, and is made if it does not exist. All variants that the
    selection of the options supports are published. An OCI repository is asked whether a tag would
    move.

    Raises `PublishError` if the number does not allow the changes, or is published with other
    bytes, or the directory publishes to somewhere else, or git or the OCI repository refuse;
    `TreeError` if the directory may not be written, or holds files of a user in the way.
    """
    with locked(directory):
        draft = _draft(directory, package_options(options), target, version)
        _check_number(directory, draft)
        return _write(directory, draft, git_repository, check_oci_tag=target.check_oci_tag)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A version that is ready to be written."""

    options: Options
    address: ModuleAddress
    proposal: Proposal  # its number, the version before it, and how it differs
    versions: tuple[Version, ...]
    files: Mapping[str, str]
    previous_files: Mapping[str, str]
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
    current = resolved.destination.address
    versions = registry.versions(directory, current)
    previous = _previous_version(directory, current, version, versions)
    address = published_address(directory, current, version) if version in versions else current
    files = package_files(options, version, address)
    previous_files: Mapping[str, str] = {}
    comparison = None
    if previous is not None:
        previous_files = _stored_files(directory, current, previous)
        comparison = compare(previous_files, files)
    files[changelog.FILE] = changelog.changelog(
        version, options, comparison, previous_files.get(changelog.FILE, "")
    )
    archives = {registry.archive_name(version, f): pack(files, f) for f in ArchiveFormat}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in archives.items()}
    proposal = Proposal(version, previous, comparison, resolved)
    return _Draft(options, address, proposal, versions, files, previous_files, archives, sums)


def _previous_version(
    directory: Path, address: ModuleAddress, version: Version, versions: Iterable[Version]
) -> Version | None:
    """Return the version to compare with: a published one keeps the one it was compared with."""
    if version not in versions:
        return max((v for v in versions if v < version), default=None)
    text = _stored_files(directory, address, version).get(changelog.FILE, "")
    return changelog.version_before_newest(text)


def _check_number(directory: Path, draft: _Draft) -> None:
    """Refuse a number that is published with other bytes, or does not allow the changes."""
    version, previous = draft.version, draft.proposal.previous
    if draft.is_published:
        _check_same_bytes(directory, draft)
    if previous is not None and draft.proposal.comparison is not None:
        check_step(previous, version, draft.proposal.comparison)
    above = min((v for v in draft.versions if v > version), default=None)
    if above is not None and not draft.is_published:
        above_files = _stored_files(directory, draft.destination.address, above)
        prefix = f"{above} is published, and "
        check_step(version, above, compare(draft.files, above_files), prefix)


def _check_same_bytes(directory: Path, draft: _Draft) -> None:
    address = draft.destination.address
    stored = registry.stored_version(directory, address, draft.version, whole=False)
    if dict(stored.sums) == dict(draft.sums):
        return
    old, new = _stored_files(directory, address, draft.version), draft.files
    differing = sorted(p for p in {*old, *new} if old.get(p) != new.get(p))
    raise PublishError(
        f"{draft.version} is published with other bytes ({', '.join(differing) or 'the archives'}),"
        " and a published version never changes; choose another number (without --version, one is "
        "proposed)"
    )


def _stored_files(directory: Path, address: ModuleAddress, version: Version) -> dict[str, str]:
    name = f"{registry.version_folder(address, version)}/{registry.archive_name(version)}"
    stored = registry.stored_version(directory, address, version, whole=False)
    return unpack(stored.archives[registry.archive_name(version)], str(directory / name))


def _write(
    directory: Path, draft: _Draft, git_repository: GitRepository | None, *, check_oci_tag: bool
) -> Published:
    version, repository = draft.version, draft.destination.oci_repository
    folder = f"{REPOSITORY}/{version}"
    _check_foreign(directory / folder, draft.files)
    stored = _stored_versions(directory, draft)
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
    tag = None
    if git_repository is not None:
        tag = git.prepare_tag(git_repository, version, draft.files, draft.previous_files)
    changes = write(directory, {**copies, **new}, observed=present)
    return Published(
        proposal=draft.proposal,
        files=draft.files,
        folder=folder,
        sums=draft.sums,
        digest=artifact.digest,
        changes=changes,
        restored=_restored(changes, earlier, new),
        copies=tuple(copies),
        tag=tag,
    )


def _stored_versions(directory: Path, draft: _Draft) -> dict[Version, registry.StoredVersion]:
    """Return the published versions; all except that of the draft must be whole."""
    address = draft.destination.address
    return {
        v: registry.stored_version(directory, address, v, whole=v != draft.version)
        for v in draft.versions
    }


def _image(archives: Mapping[str, bytes], version: Version) -> oci.Image:
    return oci.image(archives[registry.archive_name(version, ArchiveFormat.ZIP)], version)


def _version_files(draft: _Draft, digest: str) -> _Files:
    """Return archives, sums and provenance, by path in the directory."""
    folder = registry.version_folder(draft.destination.address, draft.version)
    listing = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(draft.sums.items()))
    statement = provenance.statement(
        draft.options, draft.version, draft.address, draft.sums, digest
    )
    return {
        **{f"{folder}/{name}": content for name, content in draft.archives.items()},
        f"{folder}/{registry.SUMS}": listing,
        f"{folder}/{provenance.file_name(draft.version)}": statement,
    }


def _index_files(destination: Destination, tar_sums: Mapping[Version, str]) -> _Files:
    """Return the files about all versions; the last one makes a version visible."""
    return {
        registry.README: registry.readme(destination.address),
        RECORD: destination.record(),
        **registry.index_files(destination.address, tar_sums),
    }


def _check_foreign(folder: Path, files: Iterable[str]) -> None:
    """Refuse a version's folder that holds files of somebody else."""
    present = {p for p in entries(folder) if not _LITTER.fullmatch(p.rpartition("/")[2])}
    if foreign := sorted(present - set(files)):
        raise TreeError(
            f"{folder}: holds {', '.join(foreign[:_LISTED])}, no part of the module; move it away"
        )


def _copies_of_edits(directory: Path, earlier: Sequence[_Files], new: _Files) -> _Files:
    """Return the copies to keep of a user's files where new files go, by path.

    `earlier` is what this tool may have left there; if empty, it has published nothing, and a
    `TreeError` says that the directory is not ours.
    """
    present = contents(directory, _BESIDE)
    copies: dict[str, str | bytes] = {}
    for name, content in present.items():
        text = content.decode(errors="replace")
        if text == new[name] or any(text == files.get(name) for files in earlier):
            continue
        # A publish that was killed may have left a file of ours, and no version yet.
        if not earlier and text.splitlines()[:1] != str(new[name]).splitlines()[:1]:
            raise TreeError(
                f"{directory / name}: is not this tool's, and nothing is published here; choose "
                "a directory of its own"
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
