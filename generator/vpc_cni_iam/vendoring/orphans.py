"""Modules that sync once wrote and that the configuration no longer names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vpc_cni_iam.vendoring.config import NAME, Config
from vpc_cni_iam.vendoring.manifest import FOLDER, MANIFEST

# Where hundreds of thousands of directories may be, and nobody vendors anything.
_LARGE = "node_modules"


def orphans(config: Config) -> tuple[str, ...]:
    """Return the directories with a manifest that no module of the configuration stands for.

    Only below the configuration, and not where another one stands; hidden directories
    and node_modules are passed over, and no symbolic link is followed.

    Args:
        config: The configuration.

    Returns:
        Their paths relative to the configuration, with forward slashes.
    """
    top = config.path.parent.absolute()
    named = {os.path.normpath(top / module.path) for module in config.modules}
    return tuple(sorted(p.relative_to(top).as_posix() for p in _below(top, named)))


def _below(folder: Path, named: set[str]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [e for e in entries if e.is_dir(follow_symlinks=False)]
    except OSError:
        return  # what may not be read is no module of this user's
    for entry in found:
        if entry.name == FOLDER and (folder / MANIFEST).is_file():
            yield folder
        elif (
            entry.name.startswith(".")
            or entry.name == _LARGE
            or os.path.normpath(entry.path) in named
        ):
            continue
        elif not (folder / entry.name / NAME).is_file():
            yield from _below(folder / entry.name, named)
