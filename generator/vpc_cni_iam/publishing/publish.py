"""Publishes a version into a directory: what anybody can reach of it appears whole or not at all.

The archive is the one memory: what a version was is read back from it, and the tree beside it is
for people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import PublishError
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.tree import Change, write
from vpc_cni_iam.publishing import archive, git, oci, provenance, refuse, registry
from vpc_cni_iam.publishing.address import REPOSITORY, Coordinates
from vpc_cni_iam.publishing.changelog import before, changelog
from vpc_cni_iam.publishing.comparison import Comparison, compare
from vpc_cni_iam.publishing.destination import (
    RECORD,
    Destination,
    DestinationOptions,
    ResolvedDestination,
    made_for,
    resolve,
)
from vpc_cni_iam.publishing.git import Repository, Tagging
from vpc_cni_iam.publishing.guide import guide
from vpc_cni_iam.publishing.package import served, tree
from vpc_cni_iam.publishing.semver import FIRST, Version


@dataclass(frozen=True, slots=True)
class Proposal:
    """The number that a version should have, and why.

    Args:
        version: The number.
        previous: The version before it, None for the first one.
        comparison: How it differs from that one.
        resolved: Where the directory publishes to, and did before.
    """

    version: Version
    previous: Version | None
    comparison: Comparison | None
    resolved: ResolvedDestination


@dataclass(frozen=True, slots=True)
class Published:
    """A version as it was published.

    Args:
        proposal: What was published, after what, and how it differs.
        tree: Its files.
        folder: Where they are in the directory.
        sums: SHA-256 of its archives by file name.
        digest: Of its OCI manifest.
        changes: What was done to each file of the directory.
        restored: Files that were published before, and were gone or other ones.
        copies: Copies of files that somebody had edited.
        tagging: Its commit, if a repository was given.
    """

    proposal: Proposal
    tree: Mapping[str, str]
    folder: str
    sums: Mapping[str, str]
    digest: str
    changes: tuple[Change, ...]
    restored: tuple[str, ...]
    copies: tuple[str, ...]
    tagging: Tagging | None


def propose(directory: Path, options: Options, target: DestinationOptions) -> Proposal:
    """Return the number that publishing these options now would ask for. Writes nothing.

    Args:
        directory: Where versions are published.
        options: With the selection; every variant that it can serve is published.
        target: Where to publish to.

    Raises:
        InputError: What is published cannot be read.
        PublishError: The directory publishes to somewhere else.
    """
    resolved = resolve(directory, target)
    coordinates = resolved.destination.coordinates
    every = registry.versions(directory, coordinates)
    draft = tree(served(options), FIRST, coordinates)
    if not every:
        return Proposal(FIRST, None, None, resolved)
    found = compare(_previous(directory, coordinates, every[-1]), draft)
    return Proposal(every[-1].after(found.bump), every[-1], found, resolved)


def publish(
    directory: Path,
    options: Options,
    target: DestinationOptions,
    version: Version,
    git_repository: Repository | None = None,
) -> Published:
    """Publish a version into a directory; the same again changes nothing.

    Args:
        directory: Where; made if it does not exist.
        options: With the selection; every variant that it can serve is published.
        target: Where to publish to. An OCI repository is asked whether a tag would move.
        version: The version.
        git_repository: Where its tag will be; tried, and left for the caller to finish.

    Raises:
        InputError: What is published cannot be read.
        PublishError: The number does not allow what changed, or is published with other bytes, or
            the directory publishes to somewhere else.
        TreeError: The directory may not be written.
        UsageError: A selection that serves no variant.
    """
    with locked(directory):
        return _publish(directory, served(options), target, version, git_repository)


def _publish(
    directory: Path,
    options: Options,
    target: DestinationOptions,
    version: Version,
    git_repository: Repository | None,
) -> Published:
    resolved = resolve(directory, target)
    coordinates = resolved.destination.coordinates
    every = registry.versions(directory, coordinates)
    last = _before(directory, coordinates, version, every)
    own = made_for(directory, coordinates, version) if version in every else coordinates
    files, found, old = tree(options, version, own), None, {}
    if last is not None:
        old = _previous(directory, coordinates, last)
        found = compare(old, files)
    proposal = Proposal(version, last, found, resolved)
    files["CHANGELOG.md"] = changelog(version, options, found, old.get("CHANGELOG.md", ""))
    packed = {
        registry.archive_name(version): archive.tar_gz(files),
        registry.archive_name(version, "zip"): archive.zipped(files),
    }
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in packed.items()}
    if version in every:
        _refuse_other(directory, coordinates, version, files, sums)
    if last is not None and found is not None:
        refuse.number(last, version, found)
    if version not in every:
        _refuse_below(directory, coordinates, version, every, files)
    place = f"{REPOSITORY}/{version}"
    refuse.foreign(directory / place, files)
    before = {v: _sum(directory, coordinates, v, whole=v != version) for v in every}
    listed = {**before, version: sums[registry.archive_name(version)]}
    artifact = oci.image(packed[registry.archive_name(version, "zip")], version)
    base = registry.folder(coordinates, version)
    said = provenance.statement(options, version, own, sums, artifact.digest)
    if resolved.destination.oci_repository is not None:
        oci.refuse_moved(resolved.destination.oci_repository, version, artifact.digest)
    new: dict[str, str | bytes] = {
        **{f"{place}/{path}": text for path, text in sorted(files.items())},
        **_archives(base, packed, sums),
        f"{base}/{provenance.file_name(version)}": said,
        **oci.files(directory, artifact, version),
        **_beside(resolved.destination, listed),
    }
    earlier: list[dict[str, str | bytes]] = []
    if every:
        own_files = new if version in every else {}
        earlier = [{**own_files, **_beside(d, before)} for d in resolved.before]
    known = {p for was in earlier for p, content in was.items() if new.get(p) == content}
    there = contents(directory, new)
    copies = refuse.lost(directory, earlier, new)
    tagging = None
    if git_repository is not None:
        tagging = git.prepare(git_repository, version, files, old)
    changes = write(directory, {**copies, **new}, observed=there)
    touched = [c.path for c in changes if c.kind in ("create", "replace")]
    return Published(
        proposal=proposal,
        tree=files,
        folder=place,
        sums=sums,
        digest=artifact.digest,
        changes=changes,
        restored=tuple(p for p in touched if p in known and p != RECORD),
        copies=tuple(copies),
        tagging=tagging,
    )


def _beside(destination: Destination, sums: Mapping[Version, str]) -> dict[str, str | bytes]:
    """Return the files that are about all versions; the last ones make a version visible."""
    return {
        "README.md": guide(destination.coordinates),
        RECORD: destination.record(),
        **registry.files(destination.coordinates, sums.items()),
    }


def _before(
    directory: Path, coordinates: Coordinates, version: Version, every: Iterable[Version]
) -> Version | None:
    """Return the version to compare with: a published one keeps the one it was compared with."""
    if version not in every:
        return max((v for v in every if v < version), default=None)
    text = _previous(directory, coordinates, version).get("CHANGELOG.md", "")
    found = before(text)
    return None if found is None else Version.of(found)


def _refuse_below(
    directory: Path,
    coordinates: Coordinates,
    version: Version,
    every: Iterable[Version],
    files: Mapping[str, str],
) -> None:
    """Refuse a new version if the published one above it would then promise too much."""
    above = min((v for v in every if v > version), default=None)
    if above is not None:
        found = compare(files, _previous(directory, coordinates, above))
        refuse.number(version, above, found, f"{above} is published, and ")


def _sum(directory: Path, coordinates: Coordinates, version: Version, *, whole: bool) -> str:
    found = registry.stored(directory, coordinates, version, whole=whole)
    return found.sums[registry.archive_name(version)]


def _previous(directory: Path, coordinates: Coordinates, version: Version) -> dict[str, str]:
    name = f"{registry.folder(coordinates, version)}/{registry.archive_name(version)}"
    packed = registry.stored(directory, coordinates, version, whole=False).archive
    return archive.unpacked(packed, str(directory / name))


def _archives(
    folder: str, packed: Mapping[str, bytes], sums: Mapping[str, str]
) -> dict[str, str | bytes]:
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    found: dict[str, str | bytes] = {f"{folder}/{n}": content for n, content in packed.items()}
    return {**found, f"{folder}/SHA256SUMS": listing}


def _refuse_other(
    directory: Path,
    coordinates: Coordinates,
    version: Version,
    files: Mapping[str, str],
    sums: Mapping[str, str],
) -> None:
    there = registry.stored(directory, coordinates, version, whole=False)
    if dict(there.sums) == dict(sums):
        return
    old = _previous(directory, coordinates, version)
    other = sorted(p for p in {*old, *files} if old.get(p) != files.get(p))
    raise PublishError(
        f"{version} is published with other bytes ({', '.join(other) or 'the archives'}), and a "
        "published version never changes; choose another number (without --version, one is "
        "proposed)"
    )
