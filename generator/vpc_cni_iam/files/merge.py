"""Merges two texts with git, with conflict markers where both changed a line."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.texts import MARKERS

YOURS, GENERATED = "yours", "generated now"
# A line that no text has, so that both texts replace it.
_NO_BASE = "(no base)\n"
# Git's styles of conflict markers.
STYLES = ("merge", "diff3", "zdiff3")
# Exit codes of git up to this one are numbers of conflicts; others are errors.
_MOST_CONFLICTS = 127


class Merged(Struct, frozen=True):
    """The merge of two texts."""

    text: str
    conflict: bool = False  # whether it has conflict markers


def merge(
    mine: str,
    base: str | None,
    theirs: str,
    *,
    style: str = STYLES[0],
    names: tuple[str, str] = (YOURS, GENERATED),
) -> Merged:
    """Return an edited text merged with another one; raises `EngineError` if git fails.

    Without a base, there are markers at each difference. `names` are those of the two texts in
    markers.
    """
    if mine in (base, theirs) or theirs == base:
        return Merged(theirs if mine == base else mine)
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        paths = []
        for name, text in (
            ("yours", mine),
            ("base", _NO_BASE if base is None else base),
            ("generated", theirs),
        ):
            path = Path(folder, name)
            path.write_bytes(text.encode(errors="surrogateescape"))
            paths.append(str(path))
        labels = ["-L", names[0], "-L", "as generated", "-L", names[1]]
        form = [] if style == STYLES[0] else [f"--{style}"]
        # Markers with the base, which a user may prefer, would show a base that does not exist.
        plain = ["-c", "merge.conflictStyle=merge"] if base is None else []
        command = ["git", *plain, "merge-file", "-p", *form, *labels, *paths]
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
                command, capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
        except OSError:
            problem = (
                "git is not on the PATH, but is needed to merge a local change; install git or "
                "remove the edited file, then run the command again"
            )
            raise EngineError(problem) from None
    if done.returncode > _MOST_CONFLICTS or done.returncode < 0:
        stderr = done.stderr.decode(errors="replace").strip()
        raise EngineError(f"git merge-file failed: {stderr}")
    return Merged(done.stdout.decode(errors="surrogateescape"), done.returncode > 0)


def unlabelled(text: str) -> str:
    """Return a text without the names in its markers, to compare it with another merge."""
    return "".join(
        f"{line[:7]}\n" if line.startswith(MARKERS) else line
        for line in text.splitlines(keepends=True)
    )
