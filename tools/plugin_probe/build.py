"""Builds the agent of a version as an ordinary Go dependency, into the cache of the machine.

Versions from v1.19.6 on build with the requirements of `agent/go.mod`, which were resolved for
v1.23.2: the code is the version's, its dependencies are newer. Older versions have their own
requirements. `go version -m` says which plugin version was built, since Go may raise it. A version
that the module proxy does not serve is built from a clone of the plugin's repository: a `replace`
names the files of its tag.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.engines.cache import UnavailableError, cache_directory, locked, say
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

MODULE = "github.com/aws/amazon-vpc-cni-k8s"
PROGRAM = f"{MODULE}/cmd/aws-k8s-agent"
_SHARED = Path(__file__).with_name("agent")
_SHARED_SINCE = PluginVersion.of("v1.19.6")
# Pinned requirements of older versions: without them, they do not compile.
_NETLINK = ("github.com/vishvananda/netlink", "v1.2.1-beta.2")
_PINNED_SINCE, _PINNED_BEFORE = PluginVersion.of("v1.15.5"), PluginVersion.of("v1.19.0")


def cached(version: PluginVersion) -> Path:
    """Return where the agent of a version is kept."""
    return cache_directory(os.environ) / "agents" / f"aws-k8s-agent-{version}"


def agent(version: PluginVersion, clone: Path | None = None) -> Path:
    """Return the agent of a version, built if it is not there yet.

    `clone` is a clone of the plugin's repository with the version's tag, None for the module proxy.

    Raises:
        UnavailableError: It cannot be built here: no Go, or a version the module proxy lacks.
    """
    place = cached(version)
    if place.exists():
        return place
    with locked(cache_directory(os.environ), place.name):
        if place.exists():
            return place
        say(f"{place.name}: building, up to six minutes, once per machine")
        with tempfile.TemporaryDirectory() as folder:
            built = _build(version, Path(folder), clone)
            place.parent.mkdir(parents=True, exist_ok=True)
            new = place.with_suffix(".new")
            shutil.copy(built, new)
            new.replace(place)
    return place


def _build(plugin_version: PluginVersion, folder: Path, clone: Path | None) -> Path:
    if plugin_version >= _SHARED_SINCE:
        for name in ("go.mod", "go.sum"):
            shutil.copy(_SHARED / name, folder)
        run_go(["mod", "edit", f"-require={MODULE}@{plugin_version}"], folder)
        if clone is not None:
            run_go(
                ["mod", "edit", f"-replace={MODULE}=./{tagged(plugin_version, clone, folder)}"],
                folder,
            )
    else:
        (folder / "go.mod").write_text(
            f"module agent\n\ngo 1.26\n\ntool {PROGRAM}\n\nrequire {MODULE} {plugin_version}\n\n"
            f"replace {MODULE} => {MODULE} {plugin_version}\n"
        )
        if _PINNED_SINCE <= plugin_version < _PINNED_BEFORE:
            name, version = _NETLINK
            run_go(["mod", "edit", f"-replace={name}={name}@{version}"], folder)
        run_go(["mod", "tidy"], folder)
    built = folder / "aws-k8s-agent"
    run_go(["build", "-mod=mod", "-ldflags", "-s -w", "-o", str(built), PROGRAM], folder)
    version = built_version(run_go(["version", "-m", str(built)], folder))
    if version != (str(plugin_version) if clone is None else "(devel)"):
        raise UnavailableError(f"Go built {MODULE} {version} instead of {plugin_version}")
    return built


def tagged(version: PluginVersion | str, clone: Path, folder: Path) -> str:
    """Write the files of a version's tag into the folder, and return the name that they have."""
    name, archive = "plugin", folder / "plugin.tar"
    command = ["git", "-C", str(clone), "archive", "-o", str(archive), str(version)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"git archive {version} of {clone}: {done.stderr.strip()}")
    (folder / name).mkdir()
    # Python 3.11.2 unpacks no archive with a filter.
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder / name)], check=True)
    return name


def built_version(listing: str) -> str:
    """Return the plugin's version that ``go version -m`` lists; the replacement's counts."""
    lines = re.search(
        rf"^\t(?:mod|dep)\t{re.escape(MODULE)}\t(\S+).*\n(?:\t=>\t\S+\t(\S+))?",
        listing,
        re.MULTILINE,
    )
    return (lines[2] or lines[1]) if lines else "unknown"


def run_go(arguments: Sequence[str], folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Run ``go`` in a folder, and return what it writes; raises `UnavailableError`."""
    if not (go := shutil.which("go")):
        raise UnavailableError("the agent is built with Go, and there is no `go` on PATH")
    done = subprocess.run(
        [go, *arguments],
        cwd=folder,
        env={**environ, "GOWORK": "off", "GOFLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(f"go {' '.join(arguments[:2])}: {last}")
    return done.stdout
