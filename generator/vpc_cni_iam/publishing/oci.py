"""The module as an OCI artifact, which OpenTofu installs from ``oci://`` addresses.

Sources: the OCI image specification, and OpenTofu's documentation of modules in OCI registries:
the artifact type below, and one layer of the type ``archive/zip``. Nothing in the manifest comes
from the clock, so its digest is known before anything is pushed; ``oras cp`` keeps it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from vpc_cni_iam.errors import InputError, PublishError, UsageError
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.publishing.address import REPOSITORY
from vpc_cni_iam.publishing.semver import Version

ROOT = "oci"
ARTIFACT = "application/vnd.opentofu.modulepkg"
LAYER = "archive/zip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_TAG = "org.opencontainers.image.ref.name"
_TIMEOUT = 30
_LOGIN_NEEDED = (401, 403)


@dataclass(frozen=True, slots=True)
class Image:
    """One version as an OCI artifact.

    Args:
        digest: Of its manifest, such as ``sha256:...``.
        descriptor: What an index says of it.
        blobs: Its manifest, configuration and layer by digest.
    """

    digest: str
    descriptor: Mapping[str, Any]
    blobs: Mapping[str, bytes]


def image(package: bytes, version: Version) -> Image:
    """Return the artifact of a version.

    Args:
        package: Its zip archive.
        version: The version, which is also the tag.
    """
    empty = b"{}"
    manifest = _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": ARTIFACT,
            "config": {**_descriptor(_EMPTY, empty), "data": "e30="},
            "layers": [_descriptor(LAYER, package)],
            "annotations": {
                "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.title": REPOSITORY,
                "org.opencontainers.image.version": str(version),
            },
        }
    )
    found = _descriptor(MANIFEST, manifest)
    described = {**found, "artifactType": ARTIFACT, "annotations": {_TAG: str(version)}}
    blobs = {_digest(content): content for content in (empty, package, manifest)}
    return Image(found["digest"], described, blobs)


def files(directory: Path, new: Image, version: Version) -> dict[str, str | bytes]:
    """Return the files of the layout with a version in it, by path; its index comes last.

    Args:
        directory: The directory with the layout of the versions before, if there are any.
        new: The version's artifact.
        version: The version.

    Raises:
        InputError: The index that is there cannot be read.
        PublishError: The version's tag is there and names another digest.
    """
    described = _index(directory)
    there = described.get(version)
    if there is not None and there["digest"] != new.digest:
        raise PublishError(
            f"{directory / ROOT}: the tag {version} is {there['digest']}, and would move to "
            f"{new.digest}; a published version never changes"
        )
    every = {**described, version: new.descriptor}
    found: dict[str, str | bytes] = {
        f"{ROOT}/blobs/{digest.replace(':', '/')}": content for digest, content in new.blobs.items()
    }
    found[f"{ROOT}/oci-layout"] = _canonical({"imageLayoutVersion": "1.0.0"})
    manifests = [every[v] for v in sorted(every)]
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
    return {**found, f"{ROOT}/index.json": _canonical(index)}


def _index(directory: Path) -> dict[Version, Mapping[str, Any]]:
    name = f"{ROOT}/index.json"
    found = contents(directory, [name])
    if name not in found:
        return {}
    try:
        manifests = json.loads(found[name])["manifests"]
        return {Version.of(m["annotations"][_TAG]): {**m, "digest": m["digest"]} for m in manifests}
    except (ValueError, KeyError, TypeError, UsageError, RecursionError) as error:
        raise InputError(str(directory / name), "", f"is not an index of ours: {error}") from None


def refuse_moved(repository: str, version: Version, digest: str) -> None:
    """Refuse a version whose tag a registry has already, with another digest.

    A registry takes a tag that moves, so somebody has to look before anything is pushed.

    Args:
        repository: Host and name, such as ``ghcr.io/example/vpc-cni-iam``.
        version: The version, which is the tag.
        digest: What the tag is to name.

    Raises:
        PublishError: The tag names another digest, or the registry cannot be asked.
    """
    host, _, name = repository.partition("/")
    request = Request(
        f"https://{host}/v2/{name}/manifests/{version}",
        method="HEAD",
        headers={"Accept": f"{MANIFEST}, {_INDEX}"},
    )
    try:
        with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            there = answer.headers.get("Docker-Content-Digest", "")
    except HTTPError as error:
        error.close()
        if error.code == 404:  # noqa: PLR2004 - no such tag, or nothing there at all
            return
        problem = f"answers {error.code} {error.reason}"
        if error.code in _LOGIN_NEEDED:
            problem = (
                f"asks for authentication ({error.code} {error.reason}), and publish has no "
                f"credentials: the tag {version} may exist. Log in with: oras login {host}; then "
                f"look with: oras resolve {repository}:{version}"
            )
        raise PublishError(f"{repository}: {problem}") from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise PublishError(f"{repository}: cannot be asked for its tags: {reason}") from None
    if there != digest:
        raise PublishError(
            f"{repository}: the tag {version} is {there or 'something else'}, and would move to "
            f"{digest}; a published version never changes"
        )


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _canonical(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
