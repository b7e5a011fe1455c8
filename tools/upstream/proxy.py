"""Gets upstream's versions and source from the Go module proxy, with the ordinary ``go`` client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.engines.cache import UnavailableError
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

MODULE = "github.com/aws/amazon-vpc-cni-k8s"
_TIMEOUT = 300  # seconds


@dataclass(frozen=True, slots=True)
class Module:
    """Upstream's source at a version, as the proxy serves it.

    Args:
        version: The version.
        folder: Where its files are.
        checksum: Go's checksum of them.
        date: When the version was made, in ISO 8601.
    """

    version: PluginVersion
    folder: Path
    checksum: str
    date: str


def versions(module: str = MODULE) -> tuple[PluginVersion, ...]:
    """Return the versions that the proxy lists, oldest first, without release candidates.

    It lists those that somebody asked for, so a newer one may be missing.

    Raises:
        UnavailableError: No ``go``, or the proxy does not answer.
    """
    listed = _go("list", "-m", "-versions", "-json", module).get("Versions", [])
    return tuple(sorted(version for name in listed if (version := PluginVersion.parse(name))))


def download(version: PluginVersion) -> Module:
    """Download a version into the cache of ``go``.

    Raises:
        UnavailableError: No ``go``, or the proxy does not have it.
    """
    answer = _go("mod", "download", "-json", f"{MODULE}@{version}")
    date = json.loads(Path(answer["Info"]).read_text())["Time"]
    return Module(version, Path(answer["Dir"]), answer["Sum"], date)


def _go(*arguments: str) -> dict[str, Any]:
    """Run ``go``, and return the object that it writes."""
    if not (go := shutil.which("go")):
        raise UnavailableError("upstream's versions are asked for with Go; no `go` is on PATH")
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [go, *arguments],
                cwd=folder,
                env={**os.environ, "GOWORK": "off", "GOFLAGS": ""},
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"go {arguments[0]}: no answer within {_TIMEOUT} s") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if done.returncode or not answer:
        last = answer.get("Error") or (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(f"go {' '.join(arguments[:2])}: {last}")
    return answer
