"""A module registry as static files, and what a server has to add to them.

Source: the module registry protocol of Terraform and OpenTofu. The answer to ``download`` names
the archive in the header X-Terraform-Get; OpenTofu also reads it from a JSON body, so that the
file that stands at that path serves OpenTofu without the header.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.publishing import provenance
from vpc_cni_iam.publishing.address import NAME, REPOSITORY, SYSTEM, Coordinates
from vpc_cni_iam.publishing.semver import Version

ROOT = "registry"
SERVICES = "/v1/modules/"
_SUMS = "SHA256SUMS"
_SUM = re.compile(r"([0-9a-f]{64})  (\S+)\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stored:
    """One version as it is in a directory.

    Args:
        archive: The bytes of its tar archive, which are what its sums say.
        sums: SHA-256 by file name.
    """

    archive: bytes
    sums: Mapping[str, str]


def archive_name(version: Version, kind: str = "tar.gz") -> str:
    """Return the file name of a version's archive.

    Args:
        version: The version.
        kind: ``tar.gz`` or ``zip``.
    """
    return f"{REPOSITORY}-{version}.{kind}"


def folder(coordinates: Coordinates, version: Version | None = None) -> str:
    """Return where the module, or a version of it, is in a directory.

    Args:
        coordinates: Where the module is found.
        version: The version.
    """
    base = f"{ROOT}{SERVICES}{coordinates.path}"
    return base if version is None else f"{base}/{version}"


def namespaces(directory: Path) -> tuple[str, ...]:
    """Return the namespaces that a directory publishes for; this tool makes one.

    Args:
        directory: The directory; one that does not exist has none.
    """
    modules = directory / ROOT / SERVICES.strip("/")
    return tuple(sorted(p.parts[-4] for p in modules.glob(f"*/{NAME}/{SYSTEM}/versions")))


def versions(directory: Path, coordinates: Coordinates) -> tuple[Version, ...]:
    """Return the versions that a directory publishes, oldest first.

    Args:
        directory: The directory; one that does not exist has none.
        coordinates: Where the module is found.

    Raises:
        InputError: The list of them cannot be read.
        TreeError: A path that may not be read.
    """
    name = f"{folder(coordinates)}/versions"
    found = contents(directory, [name])
    if name not in found:
        return ()
    try:
        (module,) = json.loads(found[name])["modules"]
        return tuple(sorted(Version.of(v["version"]) for v in module["versions"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(str(directory / name), "", f"is not a list of versions: {error}") from None


def stored(
    directory: Path, coordinates: Coordinates, version: Version, *, whole: bool = True
) -> Stored:
    """Return a version that a directory publishes.

    Args:
        directory: The directory.
        coordinates: Where the module is found.
        version: One of its versions.
        whole: Whether every file with a sum must be as it was published, or the tar archive alone.

    Raises:
        InputError: A file is missing, or not the one that was published, going by its sum and by
            the provenance.
        TreeError: A path that may not be read.
    """
    tar = archive_name(version)
    text = _there(directory, coordinates, version, _SUMS).decode(errors="replace")
    sums = {name: digest for digest, name in _SUM.findall(text)}
    said = _said(directory, coordinates, version, whole=whole)
    found = {}
    for name in sorted({tar, archive_name(version, "zip"), *sums} if whole else {tar}):
        place = directory / folder(coordinates, version)
        if name not in sums:
            raise InputError(str(place / _SUMS), "", f"has no sum of {name}; put that file back")
        if said.get(name, sums[name]) != sums[name]:
            problem = f"has another sum of {name} than the provenance beside it; put both back"
            raise InputError(str(place / _SUMS), "", problem)
        found[name] = _there(directory, coordinates, version, name)
        if sums[name] != hashlib.sha256(found[name]).hexdigest():
            problem = f"is not what was published; {_cure(version, name)}"
            raise InputError(str(place / name), "", problem)
    return Stored(found[tar], sums)


def _said(
    directory: Path, coordinates: Coordinates, version: Version, *, whole: bool
) -> dict[str, str]:
    """Return the sums that a version's provenance names, so that no archive and sum alone count."""
    name = provenance.file_name(version)
    try:
        found = provenance.sums(_there(directory, coordinates, version, name))
        if not found.keys() >= {archive_name(version), archive_name(version, "zip")}:
            raise ValueError("does not name both archives")
    except (ValueError, InputError) as error:
        if not whole:  # publishing it again puts it back
            return {}
        if isinstance(error, InputError):
            raise
        place = str(directory / folder(coordinates, version) / name)
        problem = f"is not what was published; {_cure(version, name)}"
        raise InputError(place, "", problem) from None
    return found


def _there(directory: Path, coordinates: Coordinates, version: Version, name: str) -> bytes:
    path = f"{folder(coordinates, version)}/{name}"
    try:
        return contents(directory, [path])[path]
    except KeyError:
        problem = f"is missing, yet {version} is published; {_cure(version, name)}"
        raise InputError(str(directory / path), "", problem) from None


def _cure(version: Version, name: str) -> str:
    if name in (_SUMS, archive_name(version)):
        return "put that file back"
    return f"put that file back, or publish {version} again as it was"


def files(coordinates: Coordinates, every: Iterable[tuple[Version, str]]) -> dict[str, str]:
    """Return the files that list versions, by path: what makes a version visible comes last.

    Args:
        coordinates: Where the module is found.
        every: The versions with the SHA-256 of their tar archives.
    """
    listed = sorted(every)
    found = {
        f"{folder(coordinates, version)}/download": _json({"location": location(version, sha256)})
        for version, sha256 in listed
    }
    found["nginx.conf"] = nginx(coordinates, listed)
    found[f"{ROOT}/.well-known/terraform.json"] = _json({"modules.v1": SERVICES})
    numbers = [{"version": str(version)} for version, _ in listed]
    found[f"{folder(coordinates)}/versions"] = _json({"modules": [{"versions": numbers}]})
    return found


def location(version: Version, sha256: str) -> str:
    """Return what ``download`` answers: the archive beside it, and what it must be.

    Args:
        version: The version.
        sha256: That of its tar archive.
    """
    return f"./{archive_name(version)}?archive=tar.gz&checksum=sha256:{sha256}"


def location_in(content: bytes) -> str:
    """Return the location that a ``download`` file holds.

    Args:
        content: The file.

    Raises:
        ValueError: It holds none.
    """
    try:
        found = json.loads(content)["location"]
    except (KeyError, TypeError, RecursionError):
        found = None
    if not isinstance(found, str) or not found.isascii() or not found.isprintable():
        raise ValueError
    return found


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def nginx(coordinates: Coordinates, every: Iterable[tuple[Version, str]]) -> str:
    """Return an nginx configuration that serves the registry.

    Args:
        coordinates: Where the module is found.
        every: The versions with the SHA-256 of their tar archives.
    """
    host, _, port = coordinates.host.partition(":")
    answers = "".join(
        _ANSWER.format(
            path=f"{SERVICES}{coordinates.path}/{version}/download",
            location=location(version, sha256),
        )
        for version, sha256 in every
    )
    return _SERVER.format(answers=answers, host=host, port=port or "443", root=ROOT)


_SERVER = """\
# Serves this module registry with nginx: include it inside http {{ }}, set the three paths, and
# reload nginx after each new version.
server {{
  listen      {port} ssl;
  server_name {host};

  ssl_certificate     /etc/ssl/certs/{host}.pem;
  ssl_certificate_key /etc/ssl/private/{host}.key;
  root                /srv/vpc-cni-iam/{root};

  disable_symlinks on;
  default_type     application/json;

  # Files that are being written have names with a dot in front.
  location ~ /\\.(?!well-known/) {{
    return 404;
  }}
{answers}}}
"""
_ANSWER = """
  location = {path} {{
    add_header X-Terraform-Get "{location}";
    return     204;
  }}
"""
