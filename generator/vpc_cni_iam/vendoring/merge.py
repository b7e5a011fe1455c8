"""A three-way merge by ``git merge-file``, with ordinary conflict markers."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.errors import EngineError

# git counts conflicts in its exit code up to this one; above are errors.
_MOST_CONFLICTS = 127


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge.

    Args:
        text: The merged text.
        conflicts: How many conflicts are marked in it.
    """

    text: str
    conflicts: int


def merge(mine: str, base: str, theirs: str) -> Merged:
    """Merge an edited text with an update.

    Args:
        mine: The edited text.
        base: The text as generated, from which both come.
        theirs: The text as it is generated now.

    Raises:
        EngineError: git is missing or refuses.
    """
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        names = []
        for name, text in (("yours", mine), ("base", base), ("generated", theirs)):
            path = Path(folder, name)
            path.write_bytes(text.encode(errors="surrogateescape"))
            names.append(str(path))
        labels = ["-L", "yours", "-L", "as generated before", "-L", "generated now"]
        command = ["git", "merge-file", "-p", *labels, *names]
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
                command, capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
        except OSError:
            raise EngineError(
                "git is not on the PATH, and --merge needs it; take --force or --keep",
                tuple(command),
            ) from None
    if done.returncode > _MOST_CONFLICTS or done.returncode < 0:
        stderr = done.stderr.decode(errors="replace").strip()
        raise EngineError(
            f"git merge-file failed: {stderr}", tuple(command), done.returncode, stderr
        )
    return Merged(done.stdout.decode(errors="surrogateescape"), done.returncode)
