"""What git knows about a merge or a rebase: the texts of each side, and the merged text."""

from __future__ import annotations

import posixpath
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from vpc_cni_iam.files.git import git_environment, run_git
from vpc_cni_iam.files.merge import STYLES, merge, unlabelled
from vpc_cni_iam.files.read import decoded

_SETTINGS = {
    "GIT_NO_LAZY_FETCH": "1",  # a clone without all objects does not fetch them
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
# The applied commit and its base, by git's operation; the base is empty for the common ancestor.
_APPLIED = (
    ("MERGE_HEAD", ""),
    ("REBASE_HEAD", "REBASE_HEAD^"),
    ("CHERRY_PICK_HEAD", "CHERRY_PICK_HEAD^"),
)
_OBJECT = re.compile(rb"[0-9a-f]+ blob ([0-9]+)")


class Heads(Struct, frozen=True):
    """The commits of a merge."""

    ours: str
    theirs: str
    base: str
    plain: bool  # whether it is a merge of two branches, which `git merge-tree` can repeat


class Sides(Struct, frozen=True):
    """The texts of a file in a merge, None if a side does not have it."""

    ours: str | None
    base: str | None
    theirs: str | None
    unmerged: bool  # whether git left the merge to the user


class Checkout:
    """The git checkout of a folder; it is empty outside of a checkout, or without git."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Take the folder to which file names are relative, and the environment of git."""
        self._folder = folder
        self._environ = git_environment(environ) | _SETTINGS
        self._cleanup = ExitStack()

    def close(self) -> None:
        """Remove the files that git wrote to repeat a merge."""
        self._cleanup.close()

    @cached_property
    def heads(self) -> Heads | None:
        """The commits of the current merge, or of the last commit if it is a merge."""
        for applied, base in _APPLIED:
            if self._line("rev-parse", "-q", "--verify", applied):
                return self._heads("HEAD", applied, base)
        if self._line("rev-parse", "-q", "--verify", "HEAD^2"):
            return self._heads("HEAD^1", "HEAD^2", "")
        return None

    def _heads(self, ours: str, theirs: str, base: str) -> Heads:
        ancestor = base or self._line("merge-base", ours, theirs)
        return Heads(ours, theirs, ancestor, plain=not base)

    @cached_property
    def in_progress(self) -> bool:
        """Whether a merge, a rebase or a similar operation is not committed yet."""
        applied = self.heads is not None and self.heads.ours == "HEAD"
        return applied or bool(self._run("ls-files", "-u"))

    def in_heads(self, path: str) -> list[str]:
        """Return a file's text in each side of a merge, and in the last commit."""
        heads = self.heads
        commits = ["HEAD", ":2", ":3", *((heads.ours, heads.theirs) if heads is not None else ())]
        texts = self._texts(*(f"{commit}:./{path}" for commit in commits))
        return [text for text in dict.fromkeys(texts) if text is not None]

    def sides(self, path: str) -> Sides | None:
        """Return the sides of a file; None if nothing is or was merged."""
        ours, base, theirs = self._texts(*(f":{stage}:./{path}" for stage in (2, 1, 3)))
        if ours is not None or theirs is not None:
            return Sides(ours, base, theirs, unmerged=True)
        if self.heads is None:
            return None
        commits = (self.heads.ours, self.heads.base, self.heads.theirs)
        ours, base, theirs = self._texts(*(f"{commit}:./{path}" for commit in commits))
        return Sides(ours, base, theirs, unmerged=False)

    def left(self, path: str, sides: Sides, text: str) -> bool:
        """Return whether a text is the one that git left in a file, without later changes."""
        plain = unlabelled(text)
        return any(unlabelled(each) == plain for each in self._may_have_left(path, sides))

    def _may_have_left(self, path: str, sides: Sides) -> Iterator[str]:
        ours, theirs = sides.ours or "", sides.theirs or ""
        for style in STYLES:
            yield merge(ours, sides.base or "", theirs, style=style).text
        if self._merged_tree:
            tree, prefix = self._merged_tree
            (text,) = self._texts(f"{tree}:{posixpath.normpath(prefix + path)}")
            yield text or ""

    @cached_property
    def _merged_tree(self) -> tuple[str, str] | None:
        """The tree of git's own merge, with markers, and the folder's path in it.

        None before git 2.38.
        """
        objects = self._line("rev-parse", "--git-path", "objects")
        if self.heads is None or not self.heads.plain or not objects:
            return None
        temporary = TemporaryDirectory(prefix="vpc-cni-iam-", ignore_cleanup_errors=True)
        self._environ |= {  # so that git writes nothing to the repository
            "GIT_OBJECT_DIRECTORY": self._cleanup.enter_context(temporary),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((self._folder / objects).resolve()),
        }
        tree = self._line("merge-tree", "--write-tree", self.heads.ours, self.heads.theirs)
        return (tree, self._line("rev-parse", "--show-prefix")) if tree else None

    def _texts(self, *names: str) -> list[str | None]:
        """Return the texts of objects such as ``HEAD:./main.tf``, None if one does not exist."""
        rest = self._run("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names)) or b""
        texts: list[str | None] = []
        for _ in names:
            head, _, rest = rest.partition(b"\n")
            match = _OBJECT.fullmatch(head)
            size = int(match[1]) if match else 0
            texts.append(decoded(rest[:size]) if match else None)
            rest = rest[size + 1 :] if match else rest
        return texts

    def _line(self, *words: str) -> str:
        """Return the first line of git's output, empty if git fails; a conflict is no failure."""
        return (self._run(*words) or b"").partition(b"\n")[0].decode(errors="surrogateescape")

    def _run(self, *words: str, stdin: str = "") -> bytes | None:
        try:
            done = run_git(self._folder, words, self._environ, stdin)
        except (OSError, subprocess.TimeoutExpired):
            return None
        conflict = words[0] == "merge-tree" and done.returncode == 1
        return done.stdout if done.returncode == 0 or conflict else None
