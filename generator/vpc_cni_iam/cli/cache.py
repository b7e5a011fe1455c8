"""Where this tool's caches are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return where the XDG Base Directory Specification has this tool's cache, if anywhere."""
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    if not named.is_absolute():
        try:
            named = Path.home() / ".cache"
        except RuntimeError:  # a user without HOME and without an entry among the users
            return None
    return named / "vpc-cni-iam" if named.is_absolute() else None
