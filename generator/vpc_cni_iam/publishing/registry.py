"""A module registry as static files, and the settings that a server must add.

A version's provenance is an in-toto statement (Statement v1) with SLSA provenance (v1). It names no
time and no machine, so a version always has the same bytes; a signature adds them.

Source: the module registry protocol of Terraform and OpenTofu. The answer to ``download`` names
the archive in the header X-Terraform-Get. OpenTofu also reads it from a JSON body, so for OpenTofu
the file at that path is enough.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.publishing.address import NAME, REPOSITORY, SYSTEM, ModuleAddress
from vpc_cni_iam.publishing.archive import ArchiveFormat, unpack
from vpc_cni_iam.publishing.versioning.semver import Version

# SLSA accepts any URI; this package URL names the tool.
_TOOL = f"pkg:generic/{NAME}"
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


def provenance_name(version: Version) -> str:
    """Return the file name of a version's statement."""
    return f"{REPOSITORY}-{version}.intoto.json"


def provenance(
    options: Options,
    version: Version,
    address: ModuleAddress,
    sums: Mapping[str, str],
    digest: str,
) -> str:
    """Return the statement as JSON.

    `sums` has the SHA-256 of the archives by file name. `digest` is the digest of the OCI manifest,
    with its algorithm.
    """
    source = options.selection.revision.source
    subjects = {**sums, f"{address.namespace}/{NAME}:{version}": digest.partition(":")[2]}
    value = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{_TOOL}#publish",
                "externalParameters": {
                    "version": str(version),
                    "namespace": address.namespace,
                    "registryHost": address.host,
                    "selection": list(options.selection.arguments()),
                    "variants": [v.name for v in options.variants],
                },
                "resolvedDependencies": [
                    {
                        "uri": f"git+https://github.com/{source.repository}",
                        "digest": {"gitCommit": source.commit}
                        if source.commit
                        else {"gitBlob": source.git_blob},
                        "annotations": {"path": source.path},
                    }
                ],
            },
            "runDetails": {"builder": {"id": _TOOL}},
        },
    }
    return json.dumps(value, indent=2) + "\n"


def _subject_sums(text: bytes) -> dict[str, str]:
    """Return the SHA-256 of each subject of a statement, by name, or raise `ValueError`."""
    try:
        return {str(s["name"]): str(s["digest"]["sha256"]) for s in json.loads(text)["subject"]}
    except (KeyError, TypeError, RecursionError):
        raise ValueError("names no subjects") from None


class StoredVersion(Struct, frozen=True):
    """The archives of a version in a directory, checked against their checksums."""

    # The archives by file name; only the tar archive, unless all were requested.
    archives: Mapping[str, bytes]
    sums: Mapping[str, str]  # SHA-256 by file name


def archive_name(version: Version, archive_format: ArchiveFormat = ArchiveFormat.TAR_GZ) -> str:
    """Return the file name of an archive of a version."""
    return f"{REPOSITORY}-{version}.{archive_format}"


def module_folder(address: ModuleAddress) -> str:
    """Return the folder of the module in a directory."""
    return f"{ROOT}{SERVICES}{address.path}"


def namespaces(directory: Path) -> tuple[str, ...]:
    """Return the namespaces of the versions in a directory; this tool writes only one."""
    modules = directory / ROOT / SERVICES.strip("/")
    return tuple(sorted(p.parts[-4] for p in modules.glob(f"*/{NAME}/{SYSTEM}/versions")))


class PublishedVersions(Struct, frozen=True):
    """The versions of a module in a directory."""

    directory: Path
    address: ModuleAddress

    def path(self, version: Version, name: str) -> str:
        """Return the path of a file of a version in the directory."""
        return f"{module_folder(self.address)}/{version}/{name}"

    def listed(self) -> tuple[Version, ...]:
        """Return the versions, oldest first."""
        name = f"{module_folder(self.address)}/versions"
        text = contents(self.directory, [name]).get(name)
        if text is None:
            return ()
        try:
            (module,) = json.loads(text)["modules"]
            return tuple(sorted(Version.of(v["version"]) for v in module["versions"]))
        except (ValueError, KeyError, TypeError, RecursionError, UsageError):
            problem = "is not a list of versions as publish writes it; restore the file"
            raise InputError(str(self.directory / name), "", problem) from None

    def files(self, version: Version) -> dict[str, str]:
        """Return the files of a version, texts by path."""
        name = archive_name(version)
        source = str(self.directory / self.path(version, name))
        return unpack(self.stored(version, whole=False).archives[name], source)

    def host(self, version: Version) -> str | None:
        """Return the host in the provenance of a version, None if it cannot be read."""
        name = self.path(version, provenance_name(version))
        try:
            statement = json.loads(contents(self.directory, [name]).get(name, b""))
            parameters = statement["predicate"]["buildDefinition"]["externalParameters"]
            return ModuleAddress(self.address.namespace, str(parameters["registryHost"])).host
        except (ValueError, KeyError, TypeError, RecursionError, UsageError):
            return None

    def stored(self, version: Version, *, whole: bool) -> StoredVersion:
        """Return a stored version; raises `InputError` if it differs from its checksum.

        With `whole`, check every file with a checksum and the provenance, not only the tar archive.
        """
        tar, zip_name = archive_name(version), archive_name(version, ArchiveFormat.ZIP)
        sums_path = str(self.directory / self.path(version, SUMS))
        text = self._read(version, SUMS).decode(errors="replace")
        sums = {name: digest for digest, name in _SUM.findall(text)}
        stated_sums = self._provenance_sums(version, whole=whole)
        archives = {}
        for name in sorted({tar, zip_name, *sums} if whole else {tar}):
            if name not in sums:
                raise InputError(sums_path, "", f"has no checksum of {name}; restore the file")
            if stated_sums.get(name, sums[name]) != sums[name]:
                problem = f"has another checksum of {name} than the provenance; restore both files"
                raise InputError(sums_path, "", problem)
            archives[name] = self._read(version, name)
            if sums[name] != hashlib.sha256(archives[name]).hexdigest():
                raise self._refuse(version, name, "is not what was published")
        return StoredVersion(archives, sums)

    def _provenance_sums(self, version: Version, *, whole: bool) -> dict[str, str]:
        """Return the checksums in the provenance: an archive and its checksum may be replaced."""
        name = provenance_name(version)
        try:
            sums = _subject_sums(self._read(version, name))
            if not sums.keys() >= {archive_name(version, f) for f in ArchiveFormat}:
                raise ValueError("does not name both archives")
        except (ValueError, InputError) as error:
            if not whole:  # publishing the version again restores the provenance
                return {}
            if isinstance(error, InputError):
                raise
            raise self._refuse(version, name, "is not what was published") from None
        return sums

    def _read(self, version: Version, name: str) -> bytes:
        path = self.path(version, name)
        try:
            return contents(self.directory, [path])[path]
        except KeyError:
            problem = f"is missing, but {version} is published"
            raise self._refuse(version, name, problem) from None

    def _refuse(self, version: Version, name: str, problem: str) -> InputError:
        remedy = "restore the file"
        if name not in (SUMS, archive_name(version)):
            remedy = f"{remedy}, or publish {version} again with the same options"
        source = str(self.directory / self.path(version, name))
        return InputError(source, "", f"{problem}; {remedy}")


def index_files(address: ModuleAddress, tar_sums: Mapping[Version, str]) -> dict[str, str]:
    """Return the files that list all versions, by path; the last file makes a version visible."""
    every = sorted(tar_sums)
    # The archive in the same folder, with its checksum.
    locations = {
        version: f"./{archive_name(version)}?archive=tar.gz&checksum=sha256:{tar_sums[version]}"
        for version in every
    }
    downloads = {
        f"{module_folder(address)}/{version}/download": _json({"location": location})
        for version, location in locations.items()
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


def readme(address: ModuleAddress, tar_sums: Mapping[Version, str]) -> str:
    """Return the README.md of a directory, which says how to publish each part of it.

    `tar_sums` has the SHA-256 of the tar archives by version.
    """
    version = max(tar_sums)
    served = f"{SERVICES}{address.path}/{version}"
    return resources.text("publishing/data/README.md").format(
        path=f"{ROOT}{served}",
        served=served,
        version=version,
        minor=f"{version.major}.{version.minor}",
        sum=tar_sums[version],
        name=NAME,
        system=SYSTEM,
        repository=REPOSITORY,
        source=address.source,
        host=address.host,
    )
