"""Finds the modules of a repository that its configuration does not name.

A configuration may name a copy of a module, while the repository uses the original.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from vpc_cni_iam.errors import VpcCniIamError
from vpc_cni_iam.files.git import git_environment, run_git
from vpc_cni_iam.files.read import contents, decoded
from vpc_cni_iam.vendoring.configuration.config import Config
from vpc_cni_iam.vendoring.manifest import FOLDER, MANIFEST, loads
from vpc_cni_iam.vendoring.repository import kept_elsewhere, root

_LIST = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
# Folders that other programs write, and that git usually ignores. Without git, they are skipped.
_IGNORED = frozenset({".git", ".terraform", ".terragrunt-cache", "node_modules"})


def orphans(config: Config, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders with a manifest that are not modules of the configuration.

    The folders are those of the repository that git does not ignore, and the paths are relative to
    the configuration. Modules of another configuration are not returned, and symbolic links are
    not followed.
    """
    top = config.path.parent.absolute()
    named = {os.path.normpath(top / module.path) for module in config.modules}
    places = [p for p in _places(root(config), environ) if os.fspath(p) not in named]
    left = (p for p in places if not any(kept_elsewhere(config, p, _owners(p))))
    return tuple(sorted(Path(os.path.relpath(p, top)).as_posix() for p in left))


def _places(top: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders of a repository that have a manifest."""
    names = _of_git(top, environ)
    if names is None:
        yield from _below(top)
        return
    # Without a manifest, it is deleted, and git still has it.
    yield from (top / name for name in names if (top / name / MANIFEST).is_file())


def _of_git(top: Path, environ: Mapping[str, str]) -> set[str] | None:
    """Return the folders with a manifest that git does not ignore; None without git."""
    if not (top / ".git").exists():
        return None
    try:
        done = run_git(top, (*_LIST, "--", f":(glob)**/{MANIFEST}"), git_environment(environ), "")
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    paths = os.fsdecode(done.stdout).split("\0")
    return {path.removesuffix(f"/{MANIFEST}") for path in paths if path != MANIFEST} - {""}


def _below(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            folders = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    except OSError:
        return  # a directory that this user may not read is not their module
    if FOLDER in folders and (folder / MANIFEST).is_file():
        yield folder
    for name in folders:
        if name not in _IGNORED and not (folder / name / ".git").exists():
            yield from _below(folder / name)


def _owners(folder: Path) -> Set[str]:
    """Return the configurations that the manifest of a module names."""
    try:
        text = decoded(contents(folder, [MANIFEST])[MANIFEST])
        return loads(text, str(folder)).configurations
    except (VpcCniIamError, KeyError):
        return frozenset()
