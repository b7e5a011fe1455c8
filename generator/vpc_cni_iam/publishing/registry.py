"""A module registry as static files, and the settings that a server has to add.

Source: the module registry protocol of Terraform and OpenTofu. The answer to ``download`` names
the archive in the header X-Terraform-Get; OpenTofu also reads it from a JSON body, so that the
file at that path serves OpenTofu without the header.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam import resources
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.publishing import provenance
from vpc_cni_iam.publishing.address import NAME, REPOSITORY, SYSTEM, ModuleAddress
from vpc_cni_iam.publishing.archive import ArchiveFormat
from vpc_cni_iam.publishing.versioning.semver import Version

ROOT = "registry"
SERVICES = "/v1/modules/"
SUMS = "SHA256SUMS"
DISCOVERY = f"{ROOT}/.well-known/terraform.json"
NGINX = "nginx.conf"
README = "README.md"
_SUM = re.compile(r"([0-9a-f]{64})  (\S+)\n", re.ASCII)
_ANSWER = """
  location = {path} {{
    add_header X-Terraform-Get "{location}";
    return     204;
  }}
"""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """The archives of a version in a directory, checked against their sums."""

    # The archives by file name; the tar archive alone, if not all were asked for.
    archives: Mapping[str, bytes]
    sums: Mapping[str, str]  # SHA-256 by file name


def archive_name(version: Version, archive_format: ArchiveFormat = ArchiveFormat.TAR_GZ) -> str:
    """Return the file name of an archive of a version."""
    return f"{REPOSITORY}-{version}.{archive_format}"


def module_folder(address: ModuleAddress) -> str:
    """Return the folder of the module in a directory."""
    return f"{ROOT}{SERVICES}{address.path}"


def version_folder(address: ModuleAddress, version: Version) -> str:
    """Return the folder of a version in a directory."""
    return f"{module_folder(address)}/{version}"


def namespaces(directory: Path) -> tuple[str, ...]:
    """Return the namespaces that a directory publishes for; this tool writes one."""
    modules = directory / ROOT / SERVICES.strip("/")
    return tuple(sorted(p.parts[-4] for p in modules.glob(f"*/{NAME}/{SYSTEM}/versions")))


def versions(directory: Path, address: ModuleAddress) -> tuple[Version, ...]:
    """Return the versions that a directory publishes, oldest first."""
    name = f"{module_folder(address)}/versions"
    text = contents(directory, [name]).get(name)
    if text is None:
        return ()
    try:
        (module,) = json.loads(text)["modules"]
        return tuple(sorted(Version.of(v["version"]) for v in module["versions"]))
    except (ValueError, KeyError, TypeError, RecursionError, UsageError):
        problem = "is not a list of versions as publish writes it; put that file back"
        raise InputError(str(directory / name), "", problem) from None


def stored_version(
    directory: Path, address: ModuleAddress, version: Version, *, whole: bool
) -> StoredVersion:
    """Return a version that a directory publishes; `InputError` if it differs from its sum.

    `whole` checks every file that has a sum, and the provenance, not the tar archive alone.
    """
    folder = directory / version_folder(address, version)
    tar, zip_name = archive_name(version), archive_name(version, ArchiveFormat.ZIP)
    text = _read(directory, address, version, SUMS).decode(errors="replace")
    sums = {name: digest for digest, name in _SUM.findall(text)}
    stated_sums = _provenance_sums(directory, address, version, whole=whole)
    archives = {}
    for name in sorted({tar, zip_name, *sums} if whole else {tar}):
        if name not in sums:
            raise InputError(str(folder / SUMS), "", f"has no sum of {name}; put that file back")
        if stated_sums.get(name, sums[name]) != sums[name]:
            problem = f"has another sum of {name} than the provenance beside it; put both back"
            raise InputError(str(folder / SUMS), "", problem)
        archives[name] = _read(directory, address, version, name)
        if sums[name] != hashlib.sha256(archives[name]).hexdigest():
            problem = f"is not what was published; {_remedy(version, name)}"
            raise InputError(str(folder / name), "", problem)
    return StoredVersion(archives, sums)


def _provenance_sums(
    directory: Path, address: ModuleAddress, version: Version, *, whole: bool
) -> dict[str, str]:
    """Return the sums that the provenance names: an archive and its sum may both be replaced."""
    name = provenance.file_name(version)
    try:
        sums = provenance.sums(_read(directory, address, version, name))
        if not sums.keys() >= {archive_name(version, f) for f in ArchiveFormat}:
            raise ValueError("does not name both archives")
    except (ValueError, InputError) as error:
        if not whole:  # publishing the version again restores the provenance
            return {}
        if isinstance(error, InputError):
            raise
        path = str(directory / version_folder(address, version) / name)
        problem = f"is not what was published; {_remedy(version, name)}"
        raise InputError(path, "", problem) from None
    return sums


def _read(directory: Path, address: ModuleAddress, version: Version, name: str) -> bytes:
    path = f"{version_folder(address, version)}/{name}"
    try:
        return contents(directory, [path])[path]
    except KeyError:
        problem = f"is missing, yet {version} is published; {_remedy(version, name)}"
        raise InputError(str(directory / path), "", problem) from None


def _remedy(version: Version, name: str) -> str:
    if name in (SUMS, archive_name(version)):
        return "put that file back"
    return f"put that file back, or publish {version} again as it was"


def index_files(address: ModuleAddress, tar_sums: Mapping[Version, str]) -> dict[str, str]:
    """Return the files that list all versions, by path; the last one makes a version visible."""
    every = sorted(tar_sums)
    # The archive beside it, with its checksum.
    locations = {
        version: f"./{archive_name(version)}?archive=tar.gz&checksum=sha256:{tar_sums[version]}"
        for version in every
    }
    downloads = {
        f"{version_folder(address, version)}/download": _json({"location": locations[version]})
        for version in every
    }
    return {
        **downloads,
        NGINX: _nginx(address, locations),
        DISCOVERY: _json({"modules.v1": SERVICES}),
        f"{module_folder(address)}/versions": _json(
            {"modules": [{"versions": [{"version": str(version)} for version in every]}]}
        ),
    }


def location_in(content: bytes) -> str:
    """Return the location in a ``download`` file, or raise `ValueError`."""
    try:
        location = json.loads(content)["location"]
    except (KeyError, TypeError, RecursionError):
        location = None
    if not isinstance(location, str) or not location.isascii() or not location.isprintable():
        raise ValueError
    return location


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _nginx(address: ModuleAddress, locations: Mapping[Version, str]) -> str:
    """Return an nginx configuration that serves the registry."""
    host, _, port = address.host.partition(":")
    answers = "".join(
        _ANSWER.format(path=f"{SERVICES}{address.path}/{version}/download", location=location)
        for version, location in locations.items()
    )
    template = resources.text("publishing/data/nginx.conf")
    return template.format(answers=answers, host=host, port=port or "443", root=ROOT)


def readme(address: ModuleAddress) -> str:
    """Return the README.md of a directory, which says how to publish each part of it."""
    return resources.text("publishing/data/README.md").format(
        path=f"{ROOT}{SERVICES}{address.path}/X.Y.Z",
        name=NAME,
        system=SYSTEM,
        repository=REPOSITORY,
        source=address.source,
        host=address.host,
    )
