"""Commits a published tree and its tag into a git repository, for registries that read git.

The commit is made of git's objects alone, and branch and tag move in one transaction, so that
nobody fetches half of it. Files of the repository that are not the module's are kept as they are.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.errors import PublishError
from vpc_cni_iam.publishing.coordinates import REPOSITORY
from vpc_cni_iam.publishing.semver import Version

# What the user's shell may say that would point git elsewhere than at the repository named.
_UNWANTED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Tagged:
    """What became of a repository.

    Args:
        tag: The tag's name.
        commit: The commit it is at.
        new: Whether it was made now.
    """

    tag: str
    commit: str
    new: bool


class _Git:
    def __init__(self, repository: Path, environ: Mapping[str, str]) -> None:
        self.repository = repository
        self.environ = {k: v for k, v in environ.items() if k not in _UNWANTED}

    def run(self, *words: str, given: str | bytes = b"", index: str = "") -> str:
        """Run git in the repository and return what it prints.

        Raises:
            PublishError: It is not there, or fails.
        """
        environ = {**self.environ, **({"GIT_INDEX_FILE": index} if index else {})}
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
                ["git", *words],  # noqa: S607 - the user's own git
                cwd=self.repository,
                env=environ,
                input=given.encode() if isinstance(given, str) else given,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PublishError(f"{self.repository}: git cannot be run: {error}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise PublishError(f"{self.repository}: git {words[0]} failed: {said}")
        return done.stdout.decode(errors="surrogateescape")

    def resolve(self, name: str) -> str:
        """Return the object that a name stands for, empty if there is none."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()
        except PublishError:
            return ""

    def blobs(self, tree: str) -> dict[str, str]:
        """Return the mode and object of each file of a tree, by path."""
        lines = self.run("ls-tree", "-r", "-z", "--full-tree", tree).split("\0")
        return {path: head for head, _, path in (line.partition("\t") for line in lines if line)}


def tag(
    repository: Path,
    version: Version,
    files: Mapping[str, str],
    previous: Mapping[str, str],
    environ: Mapping[str, str],
) -> Tagged:
    """Commit a tree on the branch that is checked out, and tag the commit ``vX.Y.Z``.

    The same again changes nothing. A work tree must have no changes, and is brought along.

    Args:
        repository: A repository, bare or not.
        version: The version.
        files: Its files.
        previous: The files of the version before, of which those that are gone are removed.
        environ: The user's environment.

    Raises:
        PublishError: The tag is there with other files, a file in the way is not the module's,
            the work tree has changes, or git fails.
    """
    if not repository.is_dir():
        raise PublishError(f"{repository}: is no directory; git init makes a repository")
    git, name = _Git(repository, environ), f"v{version}"
    bare = git.run("rev-parse", "--is-bare-repository").strip() == "true"
    if not bare and git.run("rev-parse", "--show-prefix").strip():
        raise PublishError(f"{repository}: lies inside a repository; name its top directory")
    objects = {path: f"100644 blob {_blob(git, text)}" for path, text in files.items()}
    if there := git.resolve(f"refs/tags/{name}^{{commit}}"):
        return _same(git, name, there, objects)
    head = git.resolve("HEAD^{commit}")
    now = git.blobs(head) if head else {}
    _refuse_in_the_way(git, now, objects, previous)
    if not bare and git.run("status", "--porcelain", "--untracked-files=no"):
        raise PublishError(f"{repository}: has changes that are not committed; commit them first")
    kept = {path: entry for path, entry in now.items() if path not in previous}
    commit = _commit(git, {**kept, **objects}, head, version)
    _move(git, head, commit, name, bare=bare)
    return Tagged(name, commit, new=True)


def _blob(git: _Git, text: str, *, write: bool = True) -> str:
    return git.run("hash-object", *(["-w"] if write else []), "--stdin", given=text).strip()


def _same(git: _Git, name: str, commit: str, objects: Mapping[str, str]) -> Tagged:
    there = git.blobs(commit)
    other = sorted(path for path, entry in objects.items() if there.get(path) != entry)
    if other:
        raise PublishError(
            f"{git.repository}: the tag {name} is there with other bytes ({', '.join(other[:5])}), "
            "and a published version never changes; choose another number"
        )
    return Tagged(name, commit, new=False)


def _refuse_in_the_way(
    git: _Git, now: Mapping[str, str], objects: Mapping[str, str], previous: Mapping[str, str]
) -> None:
    for path, entry in now.items():
        if path in previous:
            own = f"100644 blob {_blob(git, previous[path], write=False)}"
            ours = entry in (own, objects.get(path))
        else:
            folders = path.split("/")
            above = ("/".join(folders[:n]) for n in range(1, len(folders)))
            inside = any(p.startswith(f"{path}/") for p in objects)
            ours = entry == objects.get(path, entry) and not inside
            ours = ours and not any(p in objects for p in above)
        if not ours:
            raise PublishError(
                f"{git.repository}: {path} is not as this tool left it and in the way; move it "
                "away, or commit what the version before has there"
            )


def _commit(git: _Git, entries: Mapping[str, str], parent: str, version: Version) -> str:
    lines = "".join(f"{entry}\t{path}\0" for path, entry in sorted(entries.items()))
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        index = str(Path(folder, "index"))
        given = lines.encode(errors="surrogateescape")
        git.run("update-index", "-z", "--index-info", given=given, index=index)
        tree = git.run("write-tree", index=index).strip()
    after = ["-p", parent] if parent else []
    return git.run("commit-tree", tree, *after, "-m", f"{REPOSITORY} {version}").strip()


def _move(git: _Git, head: str, commit: str, name: str, *, bare: bool) -> None:
    """Bring the work tree along, then move branch and tag together."""
    if not bare:
        git.run("read-tree", "-m", "-u", *([head] if head else []), commit)
    nothing = "0" * len(commit)
    moves = f"update HEAD {commit} {head or nothing}\ncreate refs/tags/{name} {commit}\n"
    try:
        git.run("update-ref", "-m", f"publish {name}", "--stdin", given=moves)
    except PublishError:
        if not bare:
            git.run("read-tree", "-m", "-u", commit, head or git.run("mktree").strip())
        raise
