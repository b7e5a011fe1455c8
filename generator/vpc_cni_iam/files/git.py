"""Runs git as a user does, but only in the named repository."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

# Variables that would make git use another repository, index or objects, or match other paths.
_REMOVED = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_LITERAL_PATHSPECS",
    }
)
_TIMEOUT = 120


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git from a user's."""
    return {name: value for name, value in environ.items() if name not in _REMOVED}


def run_git(
    folder: Path, words: Iterable[str], environ: Mapping[str, str], stdin: str
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder; raises `OSError` or `TimeoutExpired` if it cannot."""
    return subprocess.run(  # noqa: S603 - a list of arguments, and no shell
        ["git", *words],  # noqa: S607 - the user's own git
        cwd=folder,
        env=environ,
        input=stdin.encode(errors="surrogateescape"),
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
