"""Commits a published tree and its tag into a git repository, for registries that read git.

The commit is made of git's objects alone, and branch and tag move in one transaction, so that
nobody fetches half of it. All of it is tried first, so that what git would refuse is known before
anything is published. Files of the repository that are not the module's are kept as they are, but
for those that an engine would load with it: they are refused.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.errors import PublishError
from vpc_cni_iam.publishing import refuse
from vpc_cni_iam.publishing.address import REPOSITORY
from vpc_cni_iam.publishing.semver import Version

# What the user's shell may say that would point git elsewhere than at the repository named.
_UNWANTED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository, and the environment that git is run in.

    Args:
        path: Its top directory, bare or not.
        environ: The user's environment.
    """

    path: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tagging:
    """A commit that is made, and which no branch and no tag is at yet.

    Args:
        tag: The tag's name.
        commit: The commit it will be at.
        new: Whether it is not there yet.
    """

    tag: str
    commit: str
    new: bool
    _git: _Git
    _head: str

    def finish(self) -> None:
        """Move branch and tag to the commit, and bring a work tree along.

        Raises:
            PublishError: Git fails; nothing has moved, and the work tree is as it was.
        """
        if self.new:
            _move(self._git, self._head, self.commit, self.tag)


class _Git:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository.path
        self.environ = {k: v for k, v in repository.environ.items() if k not in _UNWANTED}

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

    def bare(self) -> bool:
        """Return whether the repository has no work tree."""
        return self.run("rev-parse", "--is-bare-repository").strip() == "true"

    def read_tree(self, old: str, new: str, *words: str) -> None:
        """Bring index and work tree from one commit to another; no old one is an empty tree."""
        self.run("read-tree", "-m", "-u", *words, old or self.run("mktree").strip(), new)

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


def prepare(
    repository: Repository,
    version: Version,
    files: Mapping[str, str],
    previous: Mapping[str, str],
) -> Tagging:
    """Make the commit of a tree after the one that is checked out, for a tag ``vX.Y.Z``.

    Nobody sees it until it is finished. A tag that is there with the same files stays. A work tree
    must have no changes.

    Args:
        repository: The repository.
        version: The version.
        files: Its files.
        previous: The files of the version before, of which those that are gone are removed.

    Raises:
        PublishError: The tag is there with other files, a file in the way is not the module's or
            would be loaded with it, the work tree has changes, or git fails or would fail.
    """
    if not repository.path.is_dir():
        raise PublishError(f"{repository.path}: is no directory; git init makes a repository")
    git, name = _Git(repository), f"v{version}"
    bare = git.bare()
    if not bare and git.run("rev-parse", "--show-prefix").strip():
        raise PublishError(f"{repository.path}: lies inside a repository; name its top directory")
    objects = {path: f"100644 blob {_blob(git, text)}" for path, text in files.items()}
    if there := git.resolve(f"refs/tags/{name}^{{commit}}"):
        return _same(git, name, there, objects)
    head = git.resolve("HEAD^{commit}")
    now = git.blobs(head) if head else {}
    _refuse_in_the_way(git, now, objects, previous)
    if not bare and git.run("status", "--porcelain", "--untracked-files=no"):
        raise PublishError(
            f"{repository.path}: has changes that are not committed; commit them first"
        )
    kept = {path: entry for path, entry in now.items() if path not in previous}
    refuse.loaded(str(repository.path), kept, objects)
    _refuse_without_identity(git)
    commit = _commit(git, {**kept, **objects}, head, version)
    if not bare:
        git.read_tree(head, commit, "-n")
        _try_checkout(git, commit, [p for p in objects if objects[p] != now.get(p)])
    git.run("update-ref", "--stdin", given=f"start\n{_moves(head, commit, name)}prepare\nabort\n")
    return Tagging(name, commit, True, git, head)


def _refuse_without_identity(git: _Git) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        try:
            git.run("var", f"GIT_{who}_IDENT")
        except PublishError:
            raise PublishError(
                f"{git.repository}: git does not know who makes the commit; set user.name and "
                "user.email with git config, or GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, "
                "GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL"
            ) from None


def _blob(git: _Git, text: str, *, write: bool = True) -> str:
    return git.run("hash-object", *(["-w"] if write else []), "--stdin", given=text).strip()


def _same(git: _Git, name: str, commit: str, objects: Mapping[str, str]) -> Tagging:
    there = git.blobs(commit)
    other = sorted(path for path, entry in objects.items() if there.get(path) != entry)
    if other:
        raise PublishError(
            f"{git.repository}: the tag {name} is there with other bytes ({', '.join(other[:5])}), "
            "and a published version never changes; choose another number"
        )
    refuse.loaded(f"{git.repository}: the tag {name}", there, objects)
    return Tagging(name, commit, False, git, commit)


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


def _moves(head: str, commit: str, name: str) -> str:
    return f"update HEAD {commit} {head or '0' * len(commit)}\ncreate refs/tags/{name} {commit}\n"


def _try_checkout(git: _Git, commit: str, paths: Iterable[str]) -> None:
    """Check files out elsewhere, since a filter of the repository may fail."""
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        index = str(Path(folder, "index"))
        git.run("read-tree", commit, index=index)
        given = "".join(f"{path}\0" for path in paths)
        words = ("checkout-index", f"--prefix={folder}/tree/", "-z", "--stdin")
        git.run(*words, given=given, index=index)


def _move(git: _Git, head: str, commit: str, name: str) -> None:
    """Bring the work tree along, then move branch and tag together."""
    bare = git.bare()
    if not bare:  # what git refuses here, it refuses before it writes
        git.read_tree(head, commit, "-n")
    try:
        if not bare:
            git.read_tree(head, commit)
        moves = _moves(head, commit, name)
        git.run("update-ref", "-m", f"publish {name}", "--stdin", given=moves)
    except BaseException:
        if not bare:
            _put_back(git, head, commit)
        raise


def _put_back(git: _Git, head: str, commit: str) -> None:
    """Bring a work tree back to a commit from wherever on the way to the next one it is."""
    try:
        git.run("read-tree", commit)
        git.run("read-tree", "--reset", "-u", head or git.run("mktree").strip())
    except PublishError as error:
        raise PublishError(
            f"{error}\n{git.repository}: branch and tag are where they were, but the work tree is "
            "not; see git status, and put back its files with git restore --source=HEAD --staged "
            "--worktree ."
        ) from None
