"""Where a published version comes from, as an in-toto statement with SLSA provenance.

Sources: the in-toto attestation framework (Statement v1) and SLSA (provenance v1). It names no
time and no machine, so that it is the same bytes for the same version; a signature adds those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.publishing.address import NAME, REPOSITORY, ModuleAddress
from vpc_cni_iam.publishing.versioning.semver import Version

# SLSA takes any URI; a package URL names this tool.
_TOOL = f"pkg:generic/{NAME}"


def file_name(version: Version) -> str:
    """Return the file name of a version's statement."""
    return f"{REPOSITORY}-{version}.intoto.json"


def statement(
    options: Options,
    version: Version,
    address: ModuleAddress,
    sums: Mapping[str, str],
    digest: str,
) -> str:
    """Return the statement as JSON.

    `sums` has the SHA-256 of the archives by file name, and `digest` is that of the OCI manifest,
    with the algorithm in front.
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
                        else {"gitBlob": source.blob},
                        "annotations": {"path": source.path},
                    }
                ],
            },
            "runDetails": {"builder": {"id": _TOOL}},
        },
    }
    return json.dumps(value, indent=2) + "\n"


def sums(text: bytes) -> dict[str, str]:
    """Return the SHA-256 of each subject of a statement, by name, or raise `ValueError`."""
    try:
        return {str(s["name"]): str(s["digest"]["sha256"]) for s in json.loads(text)["subject"]}
    except (KeyError, TypeError, RecursionError):
        raise ValueError("names no subjects") from None


def host(text: bytes) -> str:
    """Return the registry host that a statement names, or raise `ValueError`."""
    try:
        parameters = json.loads(text)["predicate"]["buildDefinition"]["externalParameters"]
        return str(parameters["registryHost"])
    except (KeyError, TypeError):
        raise ValueError("names no host") from None
