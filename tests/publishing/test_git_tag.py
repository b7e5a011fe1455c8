"""A tree and its tag get into a repository together, and nothing of the repository is lost."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vpc_cni_iam.errors import PublishError
from vpc_cni_iam.publishing.git import GitRepository, PreparedTag, prepare_tag
from vpc_cni_iam.publishing.versioning.semver import Version

OLD = {"main.tf": "old\n", "modules/role/main.tf": "role\n", "gone.tf": "gone\n"}
NEW = {"main.tf": "new\n", "modules/role/main.tf": "role\n", "more/x.tf": "x\n"}
WHO = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
ENVIRON = {
    **os.environ,
    **{f"GIT_{name}": "t@example.test" for name in WHO},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_DIR": "/nowhere",
    "GIT_COMMON_DIR": "/nowhere",
}


def git(folder: Path, *words: str) -> str:
    environ = {k: v for k, v in ENVIRON.items() if v != "/nowhere"}
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environ, check=True, capture_output=True, text=True
    )
    return done.stdout


def commit(repo: Path) -> None:
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "mine")


def publish(
    repo: Path, version: str, files: dict[str, str], previous: dict[str, str] | None = None
) -> PreparedTag:
    made = prepare_tag(GitRepository(repo, ENVIRON), Version.of(version), files, previous or {})
    made.finish()
    return made


def at(repo: Path, name: str) -> dict[str, str]:
    paths = git(repo, "ls-tree", "-r", "--name-only", "-z", name).split("\0")
    return {p: git(repo, "show", f"{name}:{p}") for p in paths if p}


@pytest.fixture(params=["bare", "checkout"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", *(["--bare"] if request.param == "bare" else []), "repo")
    return tmp_path / "repo"


def test_two_versions(repo: Path) -> None:
    first = publish(repo, "1.0.0", OLD)
    assert (first.name, first.new) == ("v1.0.0", True)
    assert publish(repo, "1.1.0", NEW, OLD).new
    assert at(repo, "v1.0.0") == OLD
    assert at(repo, "v1.1.0") == NEW
    assert git(repo, "log", "--format=%s") == (
        "terraform-aws-vpc-cni-iam 1.1.0\nterraform-aws-vpc-cni-iam 1.0.0\n"
    )
    if (repo / ".git").exists():
        assert git(repo, "status", "--porcelain") == ""
        assert (repo / "more" / "x.tf").read_text() == "x\n"
        assert not (repo / "gone.tf").exists()


def test_the_same_again_changes_nothing_and_other_bytes_are_refused(repo: Path) -> None:
    first = publish(repo, "1.0.0", OLD)
    again = publish(repo, "1.0.0", OLD)
    assert (again.name, again.commit, again.new) == ("v1.0.0", first.commit, False)
    with pytest.raises(PublishError, match=r"v1\.0\.0 exists with other content \(main\.tf"):
        publish(repo, "1.0.0", NEW)
    assert at(repo, "v1.0.0") == OLD
    assert git(repo, "rev-parse", "HEAD").strip() == first.commit


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="nothing makes keys here")
@pytest.mark.parametrize("signed", [("commit",), ("tag",), ("commit", "tag")])
def test_commit_and_tag_are_signed_where_git_is_told_to(
    signed: tuple[str, ...], repo: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "signers").write_text(f"t@example.test {key.with_suffix('.pub').read_text()}")
    settings = {"gpg.format": "ssh", "gpg.ssh.allowedSignersFile": tmp_path / "signers"}
    settings |= {"user.signingKey": key, **{f"{kind}.gpgSign": "true" for kind in signed}}
    for name, value in settings.items():
        git(repo, "config", name, str(value))
    made = publish(repo, "1.0.0", OLD)
    assert not publish(repo, "1.0.0", OLD).new
    assert git(repo, "rev-parse", "v1.0.0^{commit}").strip() == made.commit
    assert git(repo, "log", "-1", "--format=%G?") == ("G\n" if "commit" in signed else "N\n")
    assert git(repo, "cat-file", "-t", "v1.0.0") == ("tag\n" if "tag" in signed else "commit\n")
    if "tag" in signed:
        git(repo, "verify-tag", "v1.0.0")
    # A key that cannot be used is noticed before anything is published.
    git(repo, "config", "user.signingKey", str(tmp_path / "none"))
    with pytest.raises(PublishError, match=r"git (commit-tree|tag) failed"):
        publish(repo, "1.1.0", NEW, OLD)
    assert git(repo, "tag") == "v1.0.0\n"
    assert git(repo, "rev-parse", "HEAD").strip() == made.commit


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "repo")
    repo = tmp_path / "repo"
    (repo / ".github").mkdir()
    (repo / ".github" / "CODEOWNERS").write_text("* @me\n")
    (repo / "run.sh").write_text("#!/bin/sh\n")
    (repo / "run.sh").chmod(0o755)
    commit(repo)
    return repo


def test_other_files_of_the_repository_are_kept(checkout: Path) -> None:
    (checkout / "untracked").write_text("mine\n")
    publish(checkout, "1.0.0", OLD)
    mine = {".github/CODEOWNERS": "* @me\n", "run.sh": "#!/bin/sh\n"}
    assert at(checkout, "v1.0.0") == {**mine, **OLD}
    assert "100755" in git(checkout, "ls-tree", "v1.0.0", "run.sh")
    assert git(checkout, "status", "--porcelain") == "?? untracked\n"


@pytest.mark.parametrize("path", ["main.tf", "modules", "more/x.tf/y"])
def test_a_file_in_the_way_is_never_replaced(path: str, checkout: Path) -> None:
    (checkout / path).parent.mkdir(parents=True, exist_ok=True)
    (checkout / path).write_text("mine\n")
    commit(checkout)
    before = git(checkout, "rev-parse", "HEAD")
    with pytest.raises(PublishError, match="is in the way, and is not what this tool wrote"):
        publish(checkout, "1.0.0", NEW)
    assert git(checkout, "rev-parse", "HEAD") == before
    assert git(checkout, "tag") == ""


@pytest.mark.parametrize(
    "path",
    [
        *("extra.tf", "override.tf", "x.tf.json", "main.tofu", "x.tofu.json"),
        "modules/role/extra.tf",
        "Modules/Role/extra.tf",  # one folder with ours on macOS and Windows
    ],
)
def test_a_file_that_an_engine_would_load_with_ours_is_refused(path: str, checkout: Path) -> None:
    (checkout / path).parent.mkdir(parents=True, exist_ok=True)
    (checkout / path).write_text('variable "must" {}\n')
    commit(checkout)
    before = git(checkout, "rev-parse", "HEAD")
    with pytest.raises(PublishError, match=rf"engine would load {re.escape(path)} .*git rm"):
        publish(checkout, "1.0.0", OLD)
    assert (git(checkout, "rev-parse", "HEAD"), git(checkout, "tag")) == (before, "")
    git(checkout, "rm", "-q", path)
    git(checkout, "commit", "-qm", "less of mine")
    assert publish(checkout, "1.0.0", OLD).new


def test_a_symbolic_link_that_an_engine_would_follow_is_refused(checkout: Path) -> None:
    (checkout / "extra.tf").symlink_to("run.sh")
    commit(checkout)
    with pytest.raises(PublishError, match=r"engine would load extra\.tf"):
        publish(checkout, "1.0.0", OLD)


def test_a_tag_that_is_there_with_a_file_that_an_engine_loads_is_refused(checkout: Path) -> None:
    publish(checkout, "1.0.0", OLD)
    (checkout / "extra.tf").write_text("")
    commit(checkout)
    git(checkout, "tag", "-f", "v1.0.0")
    with pytest.raises(PublishError, match=r"tag v1\.0\.0: an engine would load extra\.tf"):
        publish(checkout, "1.0.0", OLD)


def test_what_no_engine_loads_with_ours_is_kept(checkout: Path) -> None:
    mine = {".hidden.tf", "x.tf~", "notes.tfvars", "infra/main.tf", "modules/mine/main.tf"}
    for path in mine:
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text("mine\n")
    commit(checkout)
    publish(checkout, "1.0.0", OLD)
    assert at(checkout, "v1.0.0").keys() >= mine


def test_an_edit_of_ours_is_never_replaced(checkout: Path) -> None:
    publish(checkout, "1.0.0", OLD)
    (checkout / "main.tf").write_text("edited\n")
    with pytest.raises(PublishError, match="uncommitted"):
        publish(checkout, "1.1.0", NEW, OLD)
    git(checkout, "commit", "-qam", "edited")
    with pytest.raises(PublishError, match=r"main\.tf is in the way, and is not"):
        publish(checkout, "1.1.0", NEW, OLD)
    assert (checkout / "main.tf").read_text() == "edited\n"


def test_an_untracked_file_in_the_way_stops_it_all(checkout: Path) -> None:
    (checkout / "main.tf").write_text("mine\n")
    before = git(checkout, "rev-parse", "HEAD")
    with pytest.raises(PublishError, match="read-tree failed"):
        publish(checkout, "1.0.0", OLD)
    assert git(checkout, "rev-parse", "HEAD") == before
    assert (checkout / "main.tf").read_text() == "mine\n"
    assert git(checkout, "status", "--porcelain") == "?? main.tf\n"


def test_a_transaction_that_fails_moves_nothing(checkout: Path) -> None:
    before = git(checkout, "rev-parse", "HEAD")
    lock = checkout / ".git" / "refs" / "tags" / "v1.0.0.lock"
    lock.write_text("")
    with pytest.raises(PublishError, match="update-ref failed"):
        publish(checkout, "1.0.0", OLD)
    lock.unlink()
    assert (git(checkout, "rev-parse", "HEAD"), git(checkout, "tag")) == (before, "")
    assert git(checkout, "status", "--porcelain") == ""
    assert publish(checkout, "1.0.0", OLD).new


def test_what_is_no_repository(tmp_path: Path, checkout: Path) -> None:
    with pytest.raises(PublishError, match="is not a directory"):
        publish(tmp_path / "nowhere", "1.0.0", OLD)
    (tmp_path / "plain").mkdir()
    with pytest.raises(PublishError, match="not a git repository"):
        publish(tmp_path / "plain", "1.0.0", OLD)
    with pytest.raises(PublishError, match="name its top directory"):
        publish(checkout / ".github", "1.0.0", OLD)
    without_git = GitRepository(checkout, {**ENVIRON, "PATH": "/nowhere"})
    with pytest.raises(PublishError, match=f"{checkout}: git cannot run: "):
        prepare_tag(without_git, Version.of("1.0.0"), OLD, {})


def test_what_is_prepared_is_seen_by_nobody(repo: Path) -> None:
    publish(repo, "1.0.0", OLD)
    before = git(repo, "for-each-ref"), git(repo, "rev-parse", "HEAD")
    made = prepare_tag(GitRepository(repo, ENVIRON), Version.of("1.1.0"), NEW, OLD)
    assert before == (git(repo, "for-each-ref"), git(repo, "rev-parse", "HEAD"))
    if (repo / ".git").exists():
        assert git(repo, "status", "--porcelain") == ""
    made.finish()
    assert at(repo, "v1.1.0") == NEW


def test_what_moved_in_between_is_not_overrun(repo: Path) -> None:
    publish(repo, "1.0.0", OLD)
    made = prepare_tag(GitRepository(repo, ENVIRON), Version.of("1.1.0"), NEW, OLD)
    other = publish(repo, "1.0.1", OLD, OLD)
    with pytest.raises(PublishError, match="failed"):
        made.finish()
    assert git(repo, "rev-parse", "HEAD").strip() == other.commit
    if (repo / ".git").exists():
        assert git(repo, "status", "--porcelain") == ""


def filtered(repo: Path, command: str) -> None:
    """Give a repository a filter that every checked-out .tf file goes through."""
    (repo / ".gitattributes").write_text("*.tf filter=x\n")
    git(repo, "add", ".gitattributes")
    git(repo, "commit", "-qm", "filtered")
    for name, value in (("smudge", command), ("clean", "cat"), ("required", "true")):
        git(repo, "config", f"filter.x.{name}", value)


def test_a_filter_that_fails_at_the_checkout_leaves_nothing(checkout: Path) -> None:
    publish(checkout, "1.0.0", {**OLD, "README.md": "old\n"})
    filtered(checkout, "false")
    before = git(checkout, "rev-parse", "HEAD")
    new = {**NEW, "CHANGELOG.md": "new\n", "README.md": "new\n", "a/b/x": "new\n"}
    for _ in range(2):
        with pytest.raises(PublishError, match="smudge filter x failed"):
            publish(checkout, "1.1.0", new, {**OLD, "README.md": "old\n"})
        assert git(checkout, "rev-parse", "HEAD") == before
        assert git(checkout, "tag") == "v1.0.0\n"
        assert git(checkout, "status", "--porcelain", "--untracked-files=all") == ""
        assert (checkout / "README.md").read_text() == "old\n"
        assert not (checkout / "a").exists()
    git(checkout, "config", "filter.x.smudge", "cat")
    publish(checkout, "1.1.0", new, {**OLD, "README.md": "old\n"})
    assert git(checkout, "status", "--porcelain") == ""


def test_a_checkout_that_fails_only_when_it_counts_is_undone(checkout: Path) -> None:
    old = {**OLD, "README.md": "old\n"}
    new = {**NEW, "CHANGELOG.md": "new\n", "README.md": "new\n", "a/b/x": "new\n"}
    publish(checkout, "1.0.0", old)
    filtered(checkout, "test ! -e .git/broken && cat")
    (checkout / "mine").write_text("mine\n")
    made = prepare_tag(GitRepository(checkout, ENVIRON), Version.of("1.1.0"), new, old)
    # Fails once, at the first file that is filtered, and not when files are put back.
    git(checkout, "config", "filter.x.smudge", "rm .git/broken 2>/dev/null && exit 1; cat")
    (checkout / ".git" / "broken").write_text("")
    with pytest.raises(PublishError, match="smudge filter x failed"):
        made.finish()
    assert not (checkout / ".git" / "broken").exists()
    assert git(checkout, "status", "--porcelain", "--untracked-files=all") == "?? mine\n"
    assert {p: (checkout / p).read_text() for p in old} == old
    assert not (checkout / "a").exists()
    made.finish()
    assert git(checkout, "status", "--porcelain", "--untracked-files=all") == "?? mine\n"
    assert at(checkout, "v1.1.0").items() >= new.items()


def test_a_checkout_that_cannot_be_undone_says_so(checkout: Path) -> None:
    publish(checkout, "1.0.0", OLD)
    filtered(checkout, "cat")
    made = prepare_tag(GitRepository(checkout, ENVIRON), Version.of("1.1.0"), NEW, OLD)
    git(checkout, "config", "filter.x.smudge", "false")
    with pytest.raises(PublishError, match=r"but the work tree did; see git status, and"):
        made.finish()
    git(checkout, "config", "filter.x.smudge", "cat")
    git(checkout, "restore", "--source=HEAD", "--staged", "--worktree", ".")
    assert git(checkout, "status", "--porcelain", "--untracked-files=no") == ""
    assert git(checkout, "tag") == "v1.0.0\n"


@pytest.mark.parametrize(
    ("attributes", "smudge", "clean"),
    [
        ("*.tf filter=x", "sed s/new/old/", "sed s/old/new/"),
        ("*.tf filter=x", "cat", "tr a-z A-Z"),
        ("*.tf working-tree-encoding=UTF-16", "", ""),
    ],
)
def test_a_filter_that_changes_what_is_published_is_refused(
    attributes: str, smudge: str, clean: str, checkout: Path
) -> None:
    git(checkout, "config", "filter.x.smudge", smudge)
    git(checkout, "config", "filter.x.clean", clean)
    (checkout / ".gitattributes").write_text(f"{attributes}\n")
    commit(checkout)
    with pytest.raises(PublishError, match=r"a filter or an attribute changes main\.tf"):
        publish(checkout, "1.0.0", NEW)
    assert (git(checkout, "tag"), git(checkout, "status", "--porcelain")) == ("", "")


def test_other_line_ends_of_a_checkout_are_no_change(checkout: Path) -> None:
    (checkout / ".gitattributes").write_text("* text eol=crlf\n")
    commit(checkout)
    git(checkout, "checkout", "-q", "-f", "HEAD")
    publish(checkout, "1.0.0", OLD)
    publish(checkout, "1.1.0", NEW, OLD)
    assert NEW.items() <= at(checkout, "v1.1.0").items()
