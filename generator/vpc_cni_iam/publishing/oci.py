"""The module as an OCI artifact, which OpenTofu installs from ``oci://`` addresses.

Sources: the OCI image specification, and OpenTofu's documentation of modules in OCI registries:
the artifact type below, and one layer of the type ``archive/zip``. The manifest has no time, so its
digest is known before anything is pushed; ``oras cp`` does not change it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from ssl import SSLCertVerificationError, SSLError
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from msgspec import Struct

from vpc_cni_iam.errors import InputError, PublishError, UsageError, reason
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.publishing.address import REPOSITORY
from vpc_cni_iam.publishing.versioning.semver import Version

ROOT = "oci"
ARTIFACT = "application/vnd.opentofu.modulepkg"
LAYER = "archive/zip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_TAG = "org.opencontainers.image.ref.name"
_TIMEOUT = 30
_LOGIN_NEEDED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class Image(Struct, frozen=True):
    """One version as an OCI artifact."""

    digest: str  # the digest of the manifest, such as ``sha256:...``
    descriptor: Mapping[str, Any]
    blobs: Mapping[str, bytes]  # manifest, configuration and layer by digest


def image(package: bytes, version: Version) -> Image:
    """Return the artifact of a version from its zip archive; the tag is the version."""
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
    descriptor = _descriptor(MANIFEST, manifest)
    digest: str = descriptor["digest"]
    tagged = {**descriptor, "artifactType": ARTIFACT, "annotations": {_TAG: str(version)}}
    blobs = {_digest(content): content for content in (empty, package, manifest)}
    return Image(digest, tagged, blobs)


def layout_files(directory: Path, images: Mapping[Version, Image]) -> dict[str, bytes]:
    """Return the files of a layout of all versions, by path; the index comes last.

    Raises `PublishError` if the directory has a tag with another digest, or without a version.
    """
    for version, descriptor in _index(directory).items():
        if version not in images:
            raise PublishError(
                f"{directory / ROOT}: has the tag {version}, which is not in the registry's list "
                f"of versions; publish {version} again, with the same options"
            )
        if descriptor["digest"] != images[version].digest:
            raise PublishError(
                f"{directory / ROOT}: the tag {version} would move from {descriptor['digest']} "
                f"to {images[version].digest}; a published version never changes"
            )
    manifests = [images[version].descriptor for version in sorted(images)]
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
    return {
        **blob_files(images.values()),
        f"{ROOT}/oci-layout": _canonical({"imageLayoutVersion": "1.0.0"}),
        f"{ROOT}/index.json": _canonical(index),
    }


def blob_files(images: Iterable[Image]) -> dict[str, bytes]:
    """Return the blobs of artifacts, by path."""
    return {
        f"{ROOT}/blobs/{digest.replace(':', '/')}": content
        for image in images
        for digest, content in image.blobs.items()
    }


def _index(directory: Path) -> dict[Version, Mapping[str, Any]]:
    """Return the descriptors of a directory's index by version."""
    name = f"{ROOT}/index.json"
    text = contents(directory, [name]).get(name)
    if text is None:
        return {}
    try:
        manifests = json.loads(text)["manifests"]
        return {Version.of(m["annotations"][_TAG]): {**m, "digest": m["digest"]} for m in manifests}
    except (ValueError, KeyError, TypeError, UsageError, RecursionError):
        problem = "was not written by this tool; remove it, so that publish writes it again"
        raise InputError(str(directory / name), "", problem) from None


def check_tag(repository: str, version: Version, digest: str) -> None:
    """Raise `PublishError` if a registry has the tag of a version with another digest.

    A registry allows tags to move, so this is checked before anything is pushed.
    """
    host, _, name = repository.partition("/")
    request = Request(
        f"https://{host}/v2/{name}/manifests/{version}",
        method="HEAD",
        headers={"Accept": f"{MANIFEST}, {_INDEX}"},
    )
    try:
        ask = _opener().open
        with ask(request, timeout=_TIMEOUT) as answer:
            published = answer.headers.get("Docker-Content-Digest", "")
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.NOT_FOUND:  # there is no tag or no repository
            return
        problem = f"answers {error.code} {error.reason}"
        if error.headers.get("Location"):
            problem += ", a redirect to another host; name the registry's own host"
        if error.code in _LOGIN_NEEDED:
            problem = (
                f"requires authentication ({error.code} {error.reason}), but publish has no "
                f"credentials. Log in with: oras login {host}"
            )
        raise _unknown(repository, version, problem) from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise _unreachable(repository, version, getattr(error, "reason", error)) from None
    if published != digest:
        raise PublishError(
            f"{repository}: the tag {version} would move from {published or 'something else'} "
            f"to {digest}; a published version never changes"
        )


def _opener() -> OpenerDirector:
    """Return an opener that follows no redirect: another host does not know the tags."""
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor):
        opener.add_handler(handler())
    return opener


def _unreachable(repository: str, version: Version, cause: object) -> PublishError:
    host = repository.partition("/")[0]
    if isinstance(cause, SSLCertVerificationError):
        problem = (
            f"the certificate of {host} is not trusted: {cause.verify_message}. Set SSL_CERT_FILE "
            "to a file with its certificate authority"
        )
        return _unknown(repository, version, problem)
    if isinstance(cause, SSLError):
        problem = f"{host} does not answer with HTTPS ({cause}). It may use plain HTTP"
        return _unknown(repository, version, problem, "--plain-http ")
    why = reason(cause) if isinstance(cause, Exception) else cause
    return _unknown(repository, version, f"cannot be asked for its tags: {why}")


def _unknown(repository: str, version: Version, problem: str, option: str = "") -> PublishError:
    """Return the error for a registry that does not say whether it has a tag."""
    return PublishError(
        f"{repository}: {problem}. The tag {version} may exist; check with: oras resolve "
        f"{option}{repository}:{version}; if it does not exist, publish again with --no-oci-check"
    )


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _canonical(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
