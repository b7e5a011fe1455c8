"""Commits a published version and its tag to a git repository, for registries that read git.

The commit consists only of git objects, and branch and tag move in one transaction, so nobody
fetches half of it. All steps are tried first, so that git fails before anything is published. Other
files of the repository stay, but files that an engine would load with the module are refused.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import PublishError, first_of, reason
from vpc_cni_iam.files.git import git_environment, run_git
from vpc_cni_iam.files.read import contents, unix
from vpc_cni_iam.publishing.address import REPOSITORY
from vpc_cni_iam.publishing.versioning.semver import Version

# The files that an engine reads in a module's folder; OpenTofu prefers main.tofu to main.tf.
_CONFIGURATION = (".tf", ".tf.json", ".tofu", ".tofu.json")
_LISTED = 5


class GitRepository(Struct, frozen=True):
    """A git repository, and the environment for git."""

    path: Path  # its top directory, bare or not
    environ: Mapping[str, str]


class PreparedTag(Struct, frozen=True):
    """A tag and its commit; neither branch nor tag points to it before `finish`."""

    name: str
    commit: str
    new: bool  # whether the repository does not have the tag yet
    _git: _Git
    _head: str
    _moves: str = ""  # the moves of branch and tag, in the format of update-ref

    def finish(self) -> None:
        """Move branch and tag to the commit, and update a work tree; do nothing if git fails."""
        if self.new:
            _move(self._git, self._head, self.commit, self.name, self._moves)


class _Git:
    def __init__(self, repository: GitRepository) -> None:
        self.repository = repository.path
        self.environ = git_environment(repository.environ)

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> str:
        """Run git in the repository and return its output, or raise `PublishError`.

        `environ` are additional environment variables.
        """
        try:
            done = run_git(self.repository, arguments, {**self.environ, **environ}, stdin)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PublishError(f"{self.repository}: git cannot run: {reason(error)}") from None
        if done.returncode:
            stderr = done.stderr.decode(errors="replace").strip()
            raise PublishError(f"{self.repository}: git {arguments[0]} failed: {stderr}")
        return done.stdout.decode(errors="surrogateescape")

    def bare(self) -> bool:
        """Return whether the repository has no work tree."""
        return self.run("rev-parse", "--is-bare-repository").strip() == "true"

    def read_tree(self, old: str, new: str, *options: str) -> None:
        """Update index and work tree from one commit to another; `old` is empty at first."""
        self.run("read-tree", "-m", "-u", *options, old or self.run("mktree").strip(), new)

    def signs(self, kind: str) -> bool:
        """Return whether the user's configuration requires signed commits, or tags."""
        key = f"{kind}.gpgSign"
        return self.run("config", "--type=bool", "--default=false", key).strip() == "true"

    def resolve(self, name: str) -> str:
        """Return the object with a name, empty if there is none."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()
        except PublishError:
            return ""

    def entries(self, tree: str) -> dict[str, str]:
        """Return mode and object of each file of a tree, by path."""
        lines = self.run("ls-tree", "-r", "-z", "--full-tree", tree).split("\0")
        return {path: head for head, _, path in (line.partition("\t") for line in lines if line)}

    def entry(self, text: str, *, write: bool = True) -> str:
        """Return the mode and object of a file with a text."""
        options = ["-w"] if write else []
        return f"100644 blob {self.run('hash-object', *options, '--stdin', stdin=text).strip()}"


def prepare_tag(
    repository: GitRepository,
    version: Version,
    files: Mapping[str, str],
    previous: Mapping[str, str],
) -> PreparedTag:
    """Create the commit of a version on top of the checked-out commit, for a tag ``vX.Y.Z``.

    It is not visible before it is finished. If the repository has the tag with the same files, it
    stays. `previous` are the files of the previous version; those without a new one are removed.

    Raises `PublishError` if the tag has other files, a file in the way is not the module's or would
    be loaded with it, the work tree has changes, or git fails or would fail.
    """
    if not repository.path.is_dir():
        raise PublishError(f"{repository.path}: is not a directory; create one with git init")
    git, name = _Git(repository), f"v{version}"
    bare = git.bare()
    if not bare and git.run("rev-parse", "--show-prefix").strip():
        raise PublishError(f"{repository.path}: is inside a repository; name its top directory")
    entries = {path: git.entry(text) for path, text in files.items()}
    if commit := git.resolve(f"refs/tags/{name}^{{commit}}"):
        return _tagged_already(git, name, commit, entries)
    head = git.resolve("HEAD^{commit}")
    current = git.entries(head) if head else {}
    _check_in_the_way(git, current, entries, previous)
    if not bare and git.run("status", "--porcelain", "--untracked-files=no"):
        raise PublishError(f"{repository.path}: has uncommitted changes; commit them first")
    others = {path: entry for path, entry in current.items() if path not in previous}
    _check_loaded(str(repository.path), others, entries)
    _check_identity(git)
    commit = _commit(git, {**others, **entries}, head, version)
    if not bare:
        git.read_tree(head, commit, "-n")
        new = {p: text for p, text in files.items() if entries[p] != current.get(p)}
        _try_checkout(git, commit, new)
    moves = _moves(head, commit, name, _tag(git, name, commit, version))
    git.run("update-ref", "--stdin", stdin=f"start\n{moves}prepare\nabort\n")
    return PreparedTag(name, commit, True, git, head, moves)


def _tagged_already(git: _Git, name: str, commit: str, entries: Mapping[str, str]) -> PreparedTag:
    tagged = git.entries(commit)
    differing = sorted(path for path, entry in entries.items() if tagged.get(path) != entry)
    if differing:
        raise PublishError(
            f"{git.repository}: the tag {name} exists with other content "
            f"({first_of(differing, _LISTED)}), and a published version never changes; choose "
            "another version"
        )
    _check_loaded(f"{git.repository}: the tag {name}", tagged, entries)
    return PreparedTag(name, commit, False, git, commit)


def _check_identity(git: _Git) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        try:
            git.run("var", f"GIT_{role}_IDENT")
        except PublishError:
            raise PublishError(
                f"{git.repository}: git has no identity for the commit; set user.name and "
                "user.email with git config, or GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, "
                "GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL"
            ) from None


def _check_loaded(place: str, paths: Iterable[str], files: Iterable[str]) -> None:
    """Refuse other configuration that an engine would load with the version's files."""
    own = set(files)
    # Some file systems treat folders that differ only in case as one.
    folders = {p.rpartition("/")[0].casefold() for p in own if p.endswith(_CONFIGURATION)}
    loaded = sorted(
        path
        for path in set(paths) - own
        for folder, _, name in [path.rpartition("/")]
        if name.endswith(_CONFIGURATION)
        and not name.startswith(".")
        and folder.casefold() in folders
    )
    if loaded:
        raise PublishError(
            f"{place}: an engine would load {first_of(loaded, _LISTED)} with the module, but its "
            "version and provenance do not cover it; move it to another folder, or remove it with "
            "git rm, and commit"
        )


def _check_in_the_way(
    git: _Git, current: Mapping[str, str], entries: Mapping[str, str], previous: Mapping[str, str]
) -> None:
    """Refuse a file that the commit would replace and this tool did not write."""
    for path, entry in current.items():
        if path in previous:
            unchanged = git.entry(previous[path], write=False)
            free = entry in (unchanged, entries.get(path))
        else:
            folders = path.split("/")
            above = ("/".join(folders[:n]) for n in range(1, len(folders)))
            below = any(p.startswith(f"{path}/") for p in entries)
            free = entry == entries.get(path, entry) and not below
            free = free and not any(p in entries for p in above)
        if not free:
            raise PublishError(
                f"{git.repository}: {path} is in the way, and is not what this tool wrote; move it "
                "away, or commit the content of the previous version"
            )


def _commit(git: _Git, entries: Mapping[str, str], parent: str, version: Version) -> str:
    lines = "".join(f"{entry}\t{path}\0" for path, entry in sorted(entries.items()))
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        index = str(Path(folder, "index"))
        git.run("update-index", "-z", "--index-info", stdin=lines, GIT_INDEX_FILE=index)
        tree = git.run("write-tree", GIT_INDEX_FILE=index).strip()
    parents = ["-p", parent] if parent else []
    sign = ["-S"] if git.signs("commit") else []  # commit-tree signs only with this option
    return git.run("commit-tree", tree, *parents, *sign, "-m", f"{REPOSITORY} {version}").strip()


def _tag(git: _Git, name: str, commit: str, version: Version) -> str:
    """Return the object of a tag: the commit, or a signed tag object without a ref.

    The tag object is created in an empty repository with this one's objects and configuration.
    """
    if not git.signs("tag"):
        return commit
    paths = git.run("rev-parse", "--git-path", "objects", "--git-path", "config").splitlines()
    objects, config = (str((git.repository / path).absolute()) for path in paths)
    form = git.run("rev-parse", "--show-object-format").strip()
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        git.run("init", "--quiet", "--bare", f"--object-format={form}", folder)
        git.run("config", "--file", f"{folder}/config", "include.path", config)
        there = {"GIT_DIR": folder, "GIT_OBJECT_DIRECTORY": objects}
        git.run("tag", "--sign", "-m", f"{REPOSITORY} {version}", name, commit, **there)
        if "\n-----BEGIN " not in git.run("cat-file", "tag", name, **there):
            # git 2.39 reports success without the key for gpg.format = ssh.
            problem = "git tag failed to sign, but tag.gpgSign is set; check user.signingKey"
            raise PublishError(f"{git.repository}: {problem}")
        return git.run("rev-parse", f"refs/tags/{name}", **there).strip()


def _moves(head: str, commit: str, name: str, tag: str) -> str:
    return f"update HEAD {commit} {head or '0' * len(commit)}\ncreate refs/tags/{name} {tag}\n"


def _try_checkout(git: _Git, commit: str, files: Mapping[str, str]) -> None:
    """Check files out elsewhere: a filter of the repository may fail or change them."""
    if not files:
        return
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as folder:
        tree, index = Path(folder, "tree"), str(Path(folder, "index"))
        git.run("read-tree", commit, GIT_INDEX_FILE=index)
        stdin = "".join(f"{path}\0" for path in files)
        git.run(
            "checkout-index",
            f"--prefix={tree}/",
            "-z",
            "--stdin",
            stdin=stdin,
            GIT_INDEX_FILE=index,
        )
        there = {"GIT_INDEX_FILE": index, "GIT_WORK_TREE": str(tree)}
        changed = git.run("diff", "--name-only", "-z", "--", *files, **there).split("\0")
        changed += [p for p, c in contents(tree, files).items() if unix(c) != files[p].encode()]
    if differing := sorted({*changed} - {""}):
        raise PublishError(
            f"{git.repository}: a filter or an attribute changes {first_of(differing, _LISTED)} "
            "at checkout; exclude the module's files from it in .gitattributes, and commit"
        )


def _move(git: _Git, head: str, commit: str, name: str, moves: str) -> None:
    """Update the work tree, then move branch and tag together."""
    bare = git.bare()
    if not bare:  # a dry run, so that git fails before it writes
        git.read_tree(head, commit, "-n")
    try:
        if not bare:
            git.read_tree(head, commit)
        git.run("update-ref", "-m", f"publish {name}", "--stdin", stdin=moves)
    except BaseException:
        if not bare:
            _put_back(git, head, commit)
        raise


def _put_back(git: _Git, head: str, commit: str) -> None:
    """Restore a work tree to a commit, from any step of the update."""
    try:
        git.run("read-tree", commit)
        git.run("read-tree", "--reset", "-u", head or git.run("mktree").strip())
    except PublishError as error:
        raise PublishError(
            f"{error}\n{git.repository}: branch and tag did not change, but the work tree did; see "
            "git status, and restore its files with git restore --source=HEAD --staged --worktree ."
        ) from None
