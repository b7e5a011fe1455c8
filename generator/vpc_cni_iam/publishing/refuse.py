"""What publishing refuses: numbers that promise too much, and files that are somebody else's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vpc_cni_iam.errors import PublishError, TreeError
from vpc_cni_iam.files.backup import backup_name
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.tree import entries
from vpc_cni_iam.publishing.comparison import Comparison
from vpc_cni_iam.publishing.destination import RECORD
from vpc_cni_iam.publishing.registry import ROOT
from vpc_cni_iam.publishing.semver import Version, step

# What desktops and editors leave lying about; no engine reads it, and nothing packs it.
_LITTER = re.compile(
    r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|.*~|#.*#|\.#.*|\..*\.sw[a-p]|.*\.(bak|orig|orig\.\d+)"
)
# What an engine reads of a module's folder; OpenTofu prefers main.tofu to main.tf.
_LOADED = (".tf", ".tf.json", ".tofu", ".tofu.json")
# Files beside the versions, which a user may have had there, or may edit.
_BESIDE = ("README.md", RECORD, "nginx.conf", f"{ROOT}/.well-known/terraform.json")


def number(old: Version, new: Version, found: Comparison, why: str = "") -> None:
    """Refuse a step between two versions that says too little about what changed.

    Args:
        old: The version before.
        new: The version after.
        found: How they differ.
        why: What the message begins with.

    Raises:
        PublishError: It does.
    """
    taken = step(old, new)
    needed = [f for f in (*found.permissions, *found.interface) if f.bump > taken]
    if needed:
        raise PublishError(
            f"{why}{new} is a {taken.name} version after {old}, but what changed "
            f"asks for {old.after(found.bump)}:\n"
            + "\n".join(f"  {f.bump.name}: {f}" for f in needed)
        )


def loaded(where: str, there: Iterable[str], files: Iterable[str]) -> None:
    """Refuse files that an engine would load with the module, and which no version knows.

    Args:
        where: What holds them, as the error names it.
        there: Every path in it.
        files: The paths that are the version's.

    Raises:
        PublishError: There is one.
    """
    ours = set(files)
    folders = {p.rpartition("/")[0] for p in ours if p.endswith(_LOADED)}
    found = sorted(
        p for p in set(there) - ours if _is_loaded(p) and p.rpartition("/")[0] in folders
    )
    if found:
        raise PublishError(
            f"{where}: {', '.join(found[:5])} would be loaded as a part of the module, which "
            "neither its number nor its provenance knows; move it to a folder of its own, or take "
            "it out with git rm, and commit that"
        )


def _is_loaded(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(_LOADED) and not name.startswith(".")


def foreign(folder: Path, files: Iterable[str]) -> None:
    """Refuse a version's folder that holds more than the version.

    Args:
        folder: The folder.
        files: The paths that are the version's.

    Raises:
        TreeError: It does.
    """
    others = {p for p in entries(folder) if not _LITTER.fullmatch(p.rpartition("/")[2])}
    if found := sorted(others - set(files)):
        raise TreeError(
            f"{folder}: holds {', '.join(found[:5])}, no part of the module; move it away"
        )


def lost(
    directory: Path, earlier: Sequence[Mapping[str, str | bytes]], new: Mapping[str, str | bytes]
) -> dict[str, str | bytes]:
    """Return the copies to keep of what somebody wrote where this tool is to write.

    Args:
        directory: Where versions are published.
        earlier: What this tool may have left there; empty if it has published nothing.
        new: What it is to write.

    Returns:
        Each copy by its path.

    Raises:
        TreeError: Such a file is there, yet nothing is published: the directory is another's.
    """
    there = contents(directory, _BESIDE)
    texts = {name: content.decode(errors="replace") for name, content in there.items()}
    others = [
        name
        for name, text in texts.items()
        if text != new[name] and all(text != was.get(name) for was in earlier)
    ]
    for name in others:
        # A publish that was killed may have left a file of ours, and no version yet.
        if not earlier and texts[name].splitlines()[:1] != str(new[name]).splitlines()[:1]:
            raise TreeError(
                f"{directory / name}: is not this tool's, and nothing is published here; choose "
                "a directory of its own"
            )
    return {backup_name(directory, n): there[n] for n in others}
