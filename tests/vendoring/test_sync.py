"""Sync and check: four states, next steps, no lost edit, and what a kill leaves is mended."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from calls import at_call, count
from conftest import killed_at_random, read_tree, write_tree
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import EngineError, InputError, TreeError
from vpc_cni_iam.files.folder import HANDLES
from vpc_cni_iam.vendoring import observe as observing
from vpc_cni_iam.vendoring.check import ModuleCheck
from vpc_cni_iam.vendoring.check import check as check_all
from vpc_cni_iam.vendoring.configuration.config import load
from vpc_cni_iam.vendoring.manifest import MANIFEST, base_path
from vpc_cni_iam.vendoring.plan import ConflictPolicy
from vpc_cni_iam.vendoring.report.check import CheckResult, markdown
from vpc_cni_iam.vendoring.report.check import text as check_text
from vpc_cni_iam.vendoring.report.files import next_steps, reason
from vpc_cni_iam.vendoring.sync import SyncOutcome
from vpc_cni_iam.vendoring.sync import sync as sync_one

TOML = '[[module]]\npath = "m"\ncni_version = "{}"\nvariants = [{}]\n'
OLD, NEW = "v1.20.4", "v1.23.2"


class Repository:
    """A directory with one vendored module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module = folder / "m"
        self.pin(OLD)

    def pin(self, version: str, variants: str = '"ipv4", "ipv6"') -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "vpc-cni-iam.toml").write_text(TOML.format(version, variants))

    def sync(
        self,
        way: str = "refuse",
        *files: str,
        step: Callable[[str], None] = lambda _: None,
    ) -> SyncOutcome:
        config = load(self.folder / "vpc-cni-iam.toml")
        return sync_one(config, config.modules[0], ConflictPolicy(way), frozenset(files), step=step)

    def check(self) -> ModuleCheck:
        (report,) = check_all(load(self.folder / "vpc-cni-iam.toml"))
        if report.failure is not None:
            raise report.failure
        return report

    def states(self) -> dict[str, str]:
        return {f.path: f.state for f in self.check().files}

    def edit(self, name: str, change: Callable[[str], str]) -> str:
        path = self.module / name
        text = change(path.read_text())
        path.write_text(text)
        return text


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "r")
    assert repository.sync().done
    return repository


@pytest.fixture
def fresh(tmp_path: Path) -> Repository:
    """What the module should be at the new pin."""
    repository = Repository(tmp_path / "fresh")
    repository.pin(NEW)
    repository.sync()
    return repository


def note(text: str) -> str:
    """An edit at the end of a file, where no update of ours reaches."""
    return text + "\n# mine\n"


def clash(text: str) -> str:
    """An edit of the line that every update changes."""
    return text.replace("--cni-version v1.20.4", "--cni-version v1.20.4 # mine")


def test_a_synced_module_is_clean_and_a_second_sync_does_nothing(repo: Repository) -> None:
    assert repo.check().state == "clean"
    assert repo.check().files == ()
    before = {p: p.stat().st_mtime_ns for p in repo.module.rglob("*") if p.is_file()}
    assert repo.sync().changes == ()
    assert before == {p: p.stat().st_mtime_ns for p in repo.module.rglob("*") if p.is_file()}


def test_outdated_is_updated(repo: Repository, fresh: Repository) -> None:
    repo.pin(NEW)
    assert repo.check().state == "outdated"
    assert repo.sync().done
    assert read_tree(repo.module) == read_tree(fresh.module)
    assert repo.check().state == "clean"


def test_edited_is_refused_and_shown(repo: Repository) -> None:
    repo.edit("main.tf", note)
    before = read_tree(repo.module)
    assert (repo.check().state, repo.states()) == ("edited", {"main.tf": "edited"})
    outcome = repo.sync()
    assert [f.path for f in outcome.refused] == ["main.tf"]
    assert "+# mine" in outcome.edits[0]
    assert read_tree(repo.module) == before


def test_both_is_refused_whole(repo: Repository) -> None:
    repo.edit("main.tf", note)
    repo.pin(NEW)
    before = read_tree(repo.module)
    assert (repo.check().state, repo.states()["main.tf"]) == ("both", "both")
    assert check_text(CheckResult([repo.check()])).splitlines()[0] == "both     m"
    assert not repo.sync().done
    assert read_tree(repo.module) == before


def test_every_way_out_that_check_prints_leads_to_clean(repo: Repository) -> None:
    """For each state, do what check says, with its own words."""
    ways: dict[str, str] = {
        "sync": "refuse",
        "sync --force": "force",
        "sync --keep": "keep",
        "sync --merge": "merge",
    }

    def deleted(text: str) -> str:
        return text

    setups: dict[str, Callable[[], None]] = {
        "edited": lambda: repo.edit("main.tf", note) and None,
        "missing": (repo.module / "README.md").unlink,
        "both": lambda: (repo.edit("outputs.tf", note), repo.pin(NEW))[1],
        "outdated": lambda: repo.pin(NEW),
        "left over": lambda: None,
    }
    tried = 0
    for state, setup in setups.items():
        repo.pin(OLD)
        repo.sync("force")
        setup()
        files = [f for f in repo.check().files if f.state == state]
        for file in files[:1]:
            for out in next_steps(file, "m"):
                repo.pin(OLD)
                repo.sync("force")
                setup()
                words = out.rpartition(": vpc-cni-iam ")[2].split()
                named = [words.pop().removeprefix("m").removeprefix("/")]
                outcome = repo.sync(ways[" ".join(words)], *filter(None, named))
                assert outcome.done, (state, out)
                assert repo.check().clean, (state, out, repo.states())
                tried += 1
    assert tried >= 8
    assert deleted("") == ""


def test_keep_remembers_an_edit_until_the_next_one(repo: Repository) -> None:
    edited = repo.edit("main.tf", note)
    assert repo.sync("keep").done
    assert (repo.module / "main.tf").read_text() == edited
    assert repo.check().clean
    assert repo.states() == {"main.tf": "kept"}
    assert repo.sync().changes == ()
    for show in (check_text, markdown):
        for quiet in (False, True):
            lines = show(CheckResult([repo.check()]), quiet=quiet).splitlines()
            notes = [line for line in lines if "main.tf" in line or "newest version" in line]
            assert len(notes) == (0 if quiet else 2), lines
    repo.edit("main.tf", note)
    assert repo.states() == {"main.tf": "edited"}


def test_a_kept_edit_is_merged_at_the_next_update(repo: Repository, fresh: Repository) -> None:
    repo.edit("main.tf", note)
    repo.sync("keep")
    repo.pin(NEW)
    assert repo.states()["main.tf"] == "both"
    assert repo.sync("merge").done
    expected = note((fresh.module / "main.tf").read_text())
    assert (repo.module / "main.tf").read_text() == expected
    assert repo.check().clean


def test_a_merge_takes_both_changes(repo: Repository, fresh: Repository) -> None:
    repo.edit("main.tf", note)
    repo.pin(NEW)
    assert repo.sync("merge").done
    expected = note((fresh.module / "main.tf").read_text())
    assert (repo.module / "main.tf").read_text() == expected
    assert repo.states() == {"main.tf": "kept"}


def test_a_conflict_is_marked_as_git_marks_it(repo: Repository) -> None:
    repo.edit("main.tf", clash)
    repo.pin(NEW)
    outcome = repo.sync("merge")
    assert [f.path for f in outcome.conflicts] == ["main.tf"]
    text = (repo.module / "main.tf").read_text()
    assert "<<<<<<< yours" in text
    assert ">>>>>>> generated now" in text
    assert "v1.20.4 # mine" in text
    report = repo.check()
    assert report.state == "edited"
    assert reason(report.files[0]) == "holds conflict markers"
    resolved = repo.edit("main.tf", lambda t: "".join(x for x in t.splitlines(True) if x[0] != "<"))
    assert not repo.sync().done
    assert (repo.module / "main.tf").read_text() == resolved


def test_force_keeps_a_copy(repo: Repository, fresh: Repository) -> None:
    edited = repo.edit("main.tf", note)
    repo.pin(NEW)
    assert repo.sync("force").done
    assert (repo.module / "main.tf.orig").read_text() == edited
    (repo.module / "main.tf.orig").unlink()
    assert read_tree(repo.module) == read_tree(fresh.module)
    again = repo.edit("main.tf", note)
    write_tree(repo.module, {"main.tf.orig": "theirs"})
    repo.sync("force")
    assert (repo.module / "main.tf.orig").read_text() == "theirs"
    assert (repo.module / "main.tf.orig.1").read_text() == again
    third = repo.edit("main.tf", lambda text: note(note(text)))
    repo.sync("force")
    assert (repo.module / "main.tf.orig.2").read_text() == third
    assert (repo.module / "main.tf.orig.1").read_text() == again


def test_a_file_deleted_on_purpose_stays_deleted(repo: Repository) -> None:
    (repo.module / "README.md").unlink()
    assert repo.states() == {"README.md": "missing"}
    assert repo.sync("keep").done
    assert repo.check().clean
    repo.pin(NEW)
    assert repo.sync().done
    assert not (repo.module / "README.md").exists()
    assert repo.check().clean
    assert repo.states() == {"README.md": "deleted"}


def test_documents_moved_out_of_a_deleted_file_allow_what_they_did(repo: Repository) -> None:
    code = (repo.module / "main.tf").read_text()
    (repo.module / "main.tf").unlink()
    repo.edit("outputs.tf", lambda text: f"{text}\n{code}")
    repo.sync("keep")
    (moved,) = (f for f in repo.check().files if f.path == "outputs.tf")
    assert moved.edit is not None and moved.edit.fine


def test_a_file_deleted_by_mistake_comes_back(repo: Repository) -> None:
    before = read_tree(repo.module)
    (repo.module / "main.tf").unlink()
    assert repo.check().state == "outdated"
    assert repo.sync().done
    assert read_tree(repo.module) == before


def leave_over(repo: Repository) -> str:
    """Make the manifest remember a file that is no longer generated."""
    from vpc_cni_iam.vendoring.manifest import digest

    manifest = repo.module / MANIFEST
    document = json.loads(manifest.read_text())
    document["files"]["old.tf"] = {"generated": digest("# old\n")}
    manifest.write_text(json.dumps(document))
    write_tree(repo.module, {"old.tf": "# old\n", base_path("old.tf"): "# old\n"})
    repo.pin(NEW)
    return "old.tf"


@pytest.mark.parametrize(
    ("way", "edited", "done", "there"),
    [
        ("refuse", False, True, False),
        ("keep", False, True, True),
        ("refuse", True, False, True),
        ("keep", True, True, True),
        ("merge", True, True, True),
        ("force", True, True, False),
    ],
)
def test_what_is_left_over(
    way: str, edited: bool, done: bool, there: bool, repo: Repository
) -> None:
    name = leave_over(repo)
    if edited:
        repo.edit(name, note)
    files = {f.path: f for f in repo.check().files}
    assert files[name].state == ("edited left over" if edited else "left over")
    assert repo.sync(way).done is done
    assert (repo.module / name).exists() is there
    if done:
        assert repo.check().clean
        assert not (repo.module / base_path(name)).exists()
    if way == "force":
        assert (repo.module / "old.tf.orig").read_text() == note("# old\n")


def test_files_of_others_and_of_engines_are_left_alone(repo: Repository) -> None:
    theirs = {"custom.tf": "# theirs\n", ".terraform.lock.hcl": "x", ".terraform/x/y": "x"}
    write_tree(repo.module, theirs)
    assert repo.check().clean
    repo.pin(NEW)
    assert repo.sync("force").done
    assert theirs.items() <= read_tree(repo.module).items()


def test_a_foreign_file_in_the_way_is_replaced_or_kept_only_if_asked(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    write_tree(repo.module, {"README.md": "# theirs\n"})
    assert repo.states()["README.md"] == "foreign"
    for way in ("refuse", "merge"):
        assert not repo.sync(way).done  # type: ignore[arg-type]
        assert read_tree(repo.module) == {"README.md": "# theirs\n"}
    assert repo.sync("keep").done
    assert (repo.module / "README.md").read_text() == "# theirs\n"
    assert (repo.check().clean, repo.states()) == (True, {"README.md": "kept"})
    assert repo.sync("force").done
    assert (repo.module / "README.md.orig").read_text() == "# theirs\n"
    assert (repo.check().clean, repo.states()) == (True, {})


def test_a_manifest_lost_beside_a_kept_edit(repo: Repository) -> None:
    edited = repo.edit("main.tf", note)
    assert repo.sync("keep").done
    (repo.module / MANIFEST).unlink()
    states = repo.states()
    assert states.pop("main.tf") == "foreign"
    assert set(states.values()) == {"unrecorded"}
    assert not repo.sync().done
    assert repo.sync("keep", "main.tf").done
    assert (repo.module / "main.tf").read_text() == edited
    assert (repo.check().clean, repo.states()) == (True, {"main.tf": "kept"})


@pytest.mark.parametrize("pinned", [OLD, NEW])
def test_a_generated_module_without_a_manifest_is_taken_over(
    pinned: str, repo: Repository, fresh: Repository
) -> None:
    """Check and sync agree that an unedited file, of whatever options, is no edit."""
    shutil.rmtree(repo.module / ".vpc-cni-iam")
    repo.pin(pinned)
    assert set(repo.states().values()) == {"unrecorded"}
    assert repo.check().state == "outdated"
    assert repo.sync().done
    assert repo.check().clean
    if pinned == NEW:
        assert read_tree(repo.module) == read_tree(fresh.module)


def test_crlf_checkouts_are_no_edit(repo: Repository) -> None:
    for path in repo.module.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert repo.check().clean
    assert repo.sync().changes == () or repo.check().clean
    repo.pin(NEW)
    assert repo.sync().done
    assert repo.check().clean


def test_git_autocrlf(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    origin.sync()
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.test"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=origin.folder, check=True, capture_output=True)
    subprocess.run(
        [*git, "clone", "-q", "-c", "core.autocrlf=true", origin.folder, tmp_path / "clone"],
        check=True,
        capture_output=True,
    )
    assert b"\r\n" in (tmp_path / "clone" / "m" / "main.tf").read_bytes()
    (report,) = check_all(load(tmp_path / "clone" / "vpc-cni-iam.toml"))
    assert report.clean


def test_what_a_sync_changes_in_a_crlf_checkout_has_its_line_ends(
    repo: Repository, fresh: Repository
) -> None:
    for path in repo.module.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    main = repo.module / "main.tf"
    main.write_bytes(main.read_bytes() + b"# mine\n")  # by an editor that does not care
    repo.pin(NEW)
    assert repo.sync("merge").done
    theirs = read_tree(fresh.module)
    for path in repo.module.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            text, name = path.read_bytes(), path.relative_to(repo.module).as_posix()
            assert text.count(b"\r\n") == text.count(b"\n"), name
            mine = "# mine\n" if name == "main.tf" else ""
            assert text.replace(b"\r", b"").decode() == theirs[name] + mine
    assert repo.check().clean


def test_a_sync_after_a_crlf_checkout_touches_nothing_that_is_clean(repo: Repository) -> None:
    for path in repo.module.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = {p: p.read_bytes() for p in repo.module.rglob("*") if p.is_file()}
    assert repo.sync().changes == ()
    assert before == {p: p.read_bytes() for p in repo.module.rglob("*") if p.is_file()}
    edited = before[repo.module / "main.tf"] + b"# mine \xff\r\n"
    (repo.module / "main.tf").write_bytes(edited)
    changed = {c.path for c in repo.sync("force").changes}
    assert changed == {"main.tf", "main.tf.orig"}
    assert (repo.module / "main.tf.orig").read_bytes() == edited


def test_single_files_go_single_ways(repo: Repository, fresh: Repository) -> None:
    """A file for itself, though another one keeps the rest of the module from being done."""
    for name in ("main.tf", "README.md", "outputs.tf"):
        repo.edit(name, note)
    repo.pin(NEW)
    before = read_tree(repo.module)
    outcome = repo.sync("merge", "main.tf")
    assert [f.path for f in outcome.refused] == ["README.md", "outputs.tf"]
    after = read_tree(repo.module)
    changed = {p for p in after if after[p] != before[p]}
    assert changed == {"main.tf", base_path("main.tf"), MANIFEST}
    assert repo.states() == {
        "main.tf": "kept",
        "outputs.tf": "both",
        "README.md": "both",
        "tests/policy.tftest.hcl": "outdated",
    }
    assert not repo.sync("force", "README.md").done
    assert not repo.check().clean
    assert repo.sync("keep", "outputs.tf").done
    assert repo.check().clean
    assert (repo.module / "main.tf").read_text() == note((fresh.module / "main.tf").read_text())
    assert (repo.module / "outputs.tf").read_text() == before["outputs.tf"]
    assert (repo.module / "README.md.orig").read_text() == before["README.md"]
    assert '"unfinished"' not in (repo.module / MANIFEST).read_text()


def test_a_module_that_is_only_begun_is_not_taken_for_clean(tmp_path: Path) -> None:
    """No manifest, and two files of others in the way, of which one is adopted."""
    repo = Repository(tmp_path)
    write_tree(repo.module, {"README.md": "# theirs\n", "outputs.tf": "# theirs\n"})
    assert not repo.sync("keep", "README.md").done
    assert repo.states() == {
        "README.md": "kept",
        "outputs.tf": "foreign",
        **dict.fromkeys(("main.tf", "tests/policy.tftest.hcl", "variables.tf"), "new"),
        "versions.tf": "new",
    }
    assert repo.sync("force", "outputs.tf").done
    assert repo.check().clean


def test_a_manifest_that_was_edited_with_its_file_is_found_by_rendering(repo: Repository) -> None:
    from vpc_cni_iam.vendoring.manifest import digest

    manifest = repo.module / MANIFEST
    before = digest((repo.module / "main.tf").read_text())
    edited = repo.edit("main.tf", lambda t: t.replace('"ec2:CreateTags"', '"ec2:*"'))
    (repo.module / base_path("main.tf")).write_text(edited)
    manifest.write_text(manifest.read_text().replace(before, digest(edited)))
    config = load(repo.folder / "vpc-cni-iam.toml")
    assert check_all(config)[0].clean
    (report,) = check_all(config, rendering=True)
    assert (report.state, [f.path for f in report.files]) == ("outdated", ["main.tf"])
    # Nor does it help to leave the file out of the manifest.
    document = json.loads(manifest.read_text())
    del document["files"]["main.tf"]
    manifest.write_text(json.dumps(document))
    assert not check_all(config, rendering=True)[0].clean


@pytest.mark.parametrize("left_out", ["versions.tf", ""])
def test_a_file_that_the_manifest_leaves_out_is_missing(left_out: str, repo: Repository) -> None:
    manifest = repo.module / MANIFEST
    document = json.loads(manifest.read_text())
    for path in [left_out] if left_out else list(document["files"]):
        del document["files"][path]
        (repo.module / path).unlink()
    manifest.write_text(json.dumps(document))
    assert repo.states()[left_out or "main.tf"] == "new"
    assert repo.sync().done and repo.check().clean


@pytest.mark.parametrize("text", [None, "<<<<<<< HEAD\n"])
def test_a_lost_base_is_reported_and_made_again(repo: Repository, text: str | None) -> None:
    base = repo.module / base_path("main.tf")
    base.unlink() if text is None else base.write_text(text + base.read_text())
    assert repo.states() == {base_path("main.tf"): "lost"}
    assert repo.check().state == "outdated"
    assert repo.sync().done
    assert repo.check().clean


@pytest.mark.parametrize("name", ["tests", ".vpc-cni-iam", ".vpc-cni-iam/base"])
def test_a_folder_that_is_a_link_is_refused_by_check_and_sync_alike(
    name: str, repo: Repository, tmp_path: Path
) -> None:
    (repo.module / name).rename(tmp_path / "elsewhere")
    (repo.module / name).symlink_to(tmp_path / "elsewhere")
    for action in (repo.check, repo.sync):
        with pytest.raises(TreeError, match="symbolic link"):
            action()


def test_symbolic_links_are_refused(repo: Repository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    (repo.module / "main.tf").unlink()
    (repo.module / "main.tf").symlink_to(outside)
    with pytest.raises(TreeError, match="symbolic link"):
        repo.check()
    for way in ("refuse", "force", "keep", "merge"):
        with pytest.raises(TreeError, match="symbolic link"):
            repo.sync(way)  # type: ignore[arg-type]
    assert outside.read_text() == "precious"


def test_a_module_directory_that_is_a_link_is_refused(repo: Repository, tmp_path: Path) -> None:
    repo.module.rename(tmp_path / "r" / "real")
    repo.module.symlink_to(tmp_path / "r" / "real")
    with pytest.raises(TreeError, match="symbolic link"):
        repo.sync()


@pytest.mark.skipif(not HANDLES, reason="this system has no handles of directories")
def test_a_directory_that_becomes_a_link_while_a_module_is_synced_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)

    def outdated(folder: Path) -> Repository:
        repo = Repository(folder)
        repo.module = folder / "deep" / "m"
        path = folder / "vpc-cni-iam.toml"
        for version in (OLD, NEW):
            path.write_text(TOML.format(version, '"ipv4"').replace('"m"', '"deep/m"'))
            if version == OLD:
                repo.sync()
        return repo

    def exchange(folder: Path, outside: Path) -> None:
        (folder / "deep").rename(folder / "moved")
        (folder / "deep").symlink_to(outside)

    calls = count(monkeypatch, outdated(tmp_path / "count").sync)
    for number in range(0, calls, 12):
        repo = outdated(tmp_path / str(number))
        theirs = {f"m/{path}": text for path, text in read_tree(repo.module).items()}
        outside = write_tree(tmp_path / "outside" / str(number), theirs)
        action = partial(exchange, repo.folder, outside)
        with at_call(monkeypatch, {number: action}), suppress(TreeError, InputError):
            repo.sync()
        assert read_tree(outside) == theirs
        assert (repo.folder / "deep").is_symlink()


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    write_tree(repo.module, {"MAIN.tf": "# theirs\n"})
    with pytest.raises(TreeError, match=r"differs from main\.tf only in case"):
        repo.sync()


HOSTILE = (
    '{"made_by": "x", "generator": "0", "files": {"main.tf": {"generated": "0"}, '
    '"PATH": {"generated": "0"}}}'
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not a manifest"),
        ("[]", "is not a manifest"),
        ('{"files": 3}', "is not a manifest"),
        (HOSTILE.replace("PATH", "../../outside"), "is not a manifest"),
        (HOSTILE.replace("PATH", "/etc/passwd"), "is not a manifest"),
        (HOSTILE.replace("PATH", "a/../../x"), "is not a manifest"),
        (HOSTILE.replace("PATH", "a/./x"), "is not a manifest"),
        (HOSTILE.replace("PATH", "a//x"), "is not a manifest"),
        (HOSTILE.replace("PATH", ".git/config"), "is not a manifest"),
        (HOSTILE.replace("PATH", ""), "is not a manifest"),
        (f'{{"files": {{}}, "configuration": "{"x" * 300}"}}', "names a file by 300 characters"),
        (HOSTILE.replace("PATH", "."), "is not a manifest"),
        ("[" * 100_000, "line 1: nests more than 200 deep"),
        ("<<<<<<< HEAD\n{}\n=======\n", "holds conflict markers"),
    ],
)
def test_a_broken_manifest_is_named(content: str, words: str, repo: Repository) -> None:
    (repo.module / MANIFEST).write_text(content)
    before = read_tree(repo.module)
    for action in (repo.check, repo.sync):
        with pytest.raises(InputError, match=words):
            action()
    assert read_tree(repo.module) == before


def test_a_lost_manifest_is_made_again(repo: Repository) -> None:
    before = read_tree(repo.module)
    (repo.module / MANIFEST).unlink()
    assert repo.sync().done
    assert read_tree(repo.module) == before


def test_a_lost_base_is_made_again_for_a_merge(repo: Repository, fresh: Repository) -> None:
    """As in a clone, if a .gitignore has *.txt."""
    (repo.module / base_path("main.tf")).unlink()
    repo.edit("main.tf", note)
    repo.pin(NEW)
    assert repo.sync("merge").done
    assert (repo.module / "main.tf").read_text() == note((fresh.module / "main.tf").read_text())


def test_a_lost_base_is_not_taken_for_the_update_of_another_file(repo: Repository) -> None:
    """The manifest is of the update, which is done in one file, and not in the other one."""
    for name in ("main.tf", "outputs.tf"):
        before = repo.edit(name, note)
    repo.pin(NEW)
    assert not repo.sync("merge", "main.tf").done
    (repo.module / base_path("outputs.tf")).unlink()
    with pytest.raises(TreeError, match=r"outputs\.tf\.txt: is missing or changed"):
        repo.sync("merge")
    assert (repo.module / "outputs.tf").read_text() == before


def test_a_lost_base_that_cannot_be_made_again_makes_only_a_merge_fail(repo: Repository) -> None:
    """Since the version that made it is not the one that is to merge."""
    (repo.module / base_path("main.tf")).write_text("changed")
    assert repo.states() == {base_path("main.tf"): "lost"}
    repo.edit("main.tf", note)
    repo.pin(NEW)
    document = json.loads((repo.module / MANIFEST).read_text())
    document["made_by"] = document["made_by"].replace(OLD, "v1.19.0")
    (repo.module / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(TreeError, match="a merge needs it"):
        repo.sync("merge")
    assert repo.sync("keep").done


def test_a_merge_without_git_says_so(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.edit("main.tf", note)
    repo.pin(NEW)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="git is not on the PATH"):
        repo.sync("merge")


def test_a_merge_that_git_cannot_make_is_no_merge(repo: Repository) -> None:
    repo.edit("main.tf", lambda text: f"{text}# \0\n")
    repo.pin(NEW)
    with pytest.raises(EngineError, match=r"git merge-file failed: .*binary"):
        repo.sync("merge")


def test_another_version_with_the_same_output_is_no_difference(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_tree(repo.module)
    for module in ("observe", "sync"):
        monkeypatch.setattr(f"vpc_cni_iam.vendoring.{module}.__version__", "9.9.9")
    assert repo.check().clean
    assert repo.sync().changes == ()
    assert read_tree(repo.module) == before


def test_another_version_with_other_output_is(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vpc_cni_iam.rendering.kinds import render

    def other(options: Options) -> dict[str, str]:
        files = render(options)
        return {**files, "versions.tf": files["versions.tf"] + "# new\n"}

    for module in ("observe", "sync"):
        monkeypatch.setattr(f"vpc_cni_iam.vendoring.{module}.__version__", "9.9.9")
    for module in ("observe", "plan"):
        monkeypatch.setattr(f"vpc_cni_iam.vendoring.{module}.render", other)
    for cached in (observing.rendered, observing.rendered_digests):
        cached.cache_clear()
    assert repo.states() == {"versions.tf": "outdated"}
    assert repo.sync().done
    assert repo.check().clean
    for cached in (observing.rendered, observing.rendered_digests):
        cached.cache_clear()


def test_an_unchanged_tree_is_checked_without_reading_hcl(repo: Repository) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from vpc_cni_iam.vendoring.check import check\n"
        "from vpc_cni_iam.vendoring.configuration.config import load\n"
        "assert check(load(Path(sys.argv[1])))[0].clean\n"
        "print(sorted({'hcl2', 'lark', 'tomlkit', 'rich'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, repo.folder / "vpc-cni-iam.toml"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_check_never_writes(repo: Repository) -> None:
    repo.edit("main.tf", note)
    (repo.module / "README.md").unlink()
    repo.pin(NEW)
    seen = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in repo.folder.rglob("*")}
    repo.check()
    assert seen == {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in repo.folder.rglob("*")}


def kill_at(stop: int, repo: Repository, way: str = "refuse") -> int:
    """Sync, and kill this process before one of the changes on disk."""
    steps = itertools.count()

    def step(_: str) -> None:
        if next(steps) == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    return 0 if repo.sync(way, step=step).done else 1


@pytest.fixture
def killed_at(forked: Callable[..., int], tmp_path: Path) -> Callable[..., int]:
    """Sync in a process of its own that is killed before one of its changes on disk."""
    forked(kill_at, 1000, Repository(tmp_path / "loads"), here=True)
    return partial(forked, kill_at)


@pytest.mark.parametrize("start", ["fresh", "update"])
def test_killed_at_every_step_the_next_sync_mends_it(
    start: str, tmp_path: Path, fresh: Repository, killed_at: Callable[..., int]
) -> None:
    expected = read_tree(fresh.module)
    for stop in range(200):
        repo = Repository(tmp_path / f"{start}{stop}")
        old: dict[str, str] = {}
        if start == "update":
            repo.sync()
            old = read_tree(repo.module)
        repo.pin(NEW)
        ended = killed_at(stop, repo)
        for name, text in read_tree(repo.module).items() if repo.module.exists() else ():
            if "/.vpc-cni-iam-" not in f"/{name}":
                assert text in (old.get(name), expected[name]), name
        assert repo.sync().done
        assert read_tree(repo.module) == expected
        assert repo.check().clean
        if ended == 0:
            assert stop > 12
            return
        assert ended == -signal.SIGKILL
    raise AssertionError("the sync did not come to its end")


def without_markers(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if line[0] not in "<=>")


@pytest.mark.parametrize(
    ("way", "change"), [("keep", note), ("force", note), ("merge", note), ("merge", clash)]
)
def test_killed_at_every_step_the_same_way_again_ends_as_it_would_have(
    way: str,
    change: Callable[[str], str],
    repo: Repository,
    tmp_path: Path,
    killed_at: Callable[..., int],
) -> None:
    repo.edit("main.tf", change)
    repo.edit("variables.tf", lambda text: f"# mine\n{text}")
    (repo.module / "README.md").unlink()
    repo.pin(NEW)

    def ended(stop: int) -> tuple[int, dict[str, str]]:
        repository = Repository(tmp_path / f"stop{stop}")
        repository.pin(NEW)
        shutil.copytree(repo.module, repository.module)
        code = killed_at(stop, repository, way)
        if not repository.sync(way).done:
            repository.edit("main.tf", without_markers)
            repository.sync("keep", "main.tf")
            assert repository.sync(way).done
        assert repository.check().clean
        # A copy may be there twice, since nobody knows whose the first one is.
        return code, {
            n: t for n, t in read_tree(repository.module).items() if not n.endswith(".orig.1")
        }

    expected = ended(1000)[1]
    for stop in range(200):
        code, tree = ended(stop)
        assert tree == expected, stop
        if code != -signal.SIGKILL:
            assert stop > 12
            return
    raise AssertionError("the sync did not come to its end")


def test_killed_and_then_asked_for_something_else(
    tmp_path: Path, killed_at: Callable[..., int]
) -> None:
    """Some files are of a pin that neither the manifest nor the configuration names."""
    third = Repository(tmp_path / "third")
    third.pin("v1.22.1")
    third.sync()
    strange = 0
    for stop in range(2, 200):
        repo = Repository(tmp_path / f"r{stop}")
        repo.sync()
        repo.pin(NEW)
        ended = killed_at(stop, repo)
        repo.pin("v1.22.1")
        strange += f"--cni-version {NEW}" in (repo.module / "main.tf").read_text()
        assert repo.check().state == "outdated"
        assert repo.sync().done
        assert read_tree(repo.module) == read_tree(third.module)
        if ended == 0:
            assert strange
            return
    raise AssertionError("the sync did not come to its end")


@pytest.mark.parametrize("now", [NEW, OLD])
def test_a_file_put_back_from_another_release_is_an_edit(
    now: str, repo: Repository, fresh: Repository
) -> None:
    """It is as this tool wrote it once, but somebody put it there."""
    other = "v1.22.1"
    put = Repository(repo.folder.parent / "put")
    put.pin(other)
    put.sync()
    text = repo.edit("main.tf", lambda _: (put.module / "main.tf").read_text())
    repo.pin(now)
    assert repo.states()["main.tf"] == ("both" if now == NEW else "edited")
    assert [f.path for f in repo.sync().refused] == ["main.tf"]
    assert (repo.module / "main.tf").read_text() == text
    assert repo.sync("force", "main.tf").done
    assert (repo.module / "main.tf.orig").read_text() == text


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A real process that updates back and forth is killed whenever, hundreds of times in CI."""
    repo = Repository(tmp_path / "r")
    toml = repo.folder / "vpc-cni-iam.toml"
    texts = []
    trees = []
    for version in (OLD, NEW):
        repo.pin(version)
        repo.sync()
        trees.append(read_tree(repo.module))
        texts.append(toml.read_text())
    setup = (
        "from vpc_cni_iam.vendoring.configuration.config import load\n"
        "from vpc_cni_iam.vendoring.sync import sync\n"
        f"toml = Path({str(toml)!r})\n"
        "def there_and_back():\n"
        f"    for text in {texts!r}:\n"
        "        toml.write_text(text)\n"
        "        config = load(toml)\n"
        "        sync(config, config.modules[0])\n"
    )
    in_the_middle = 0
    for _ in killed_at_random(tmp_path, setup):
        files_read = read_tree(repo.module)
        whole = {n: t for n, t in files_read.items() if "/.vpc-cni-iam-" not in f"/{n}"}
        for name, text in whole.items():
            assert any(text == tree.get(name) for tree in trees), name
        in_the_middle += files_read not in trees
        repo.pin(NEW)
        assert repo.sync().done
        assert read_tree(repo.module) == trees[1]
    assert in_the_middle, "no kill came in the middle of a sync, so nothing was tried"


def test_two_syncs_at_once_take_turns(tmp_path: Path, fresh: Repository) -> None:
    repo = Repository(tmp_path / "r")
    repo.pin(NEW)
    command = [sys.executable, "-m", "vpc_cni_iam", "sync"]
    runs = [subprocess.Popen(command, cwd=repo.folder, stdout=subprocess.PIPE) for _ in range(4)]
    assert [r.communicate() and r.returncode for r in runs] == [0, 0, 0, 0]
    assert read_tree(repo.module) == read_tree(fresh.module)


def test_conflict_markers_are_never_kept(repo: Repository) -> None:
    repo.edit("main.tf", clash)
    repo.pin(NEW)
    assert not repo.sync("merge").done
    for way in ("merge", "keep", "refuse"):
        outcome = repo.sync(way)  # type: ignore[arg-type]
        assert not outcome.done
        assert reason(repo.check().files[0]) == "holds conflict markers"
    repo.edit("main.tf", without_markers)
    assert repo.sync("keep").done
    assert repo.check().clean


def test_force_takes_back_what_was_kept_or_deleted(repo: Repository) -> None:
    before = read_tree(repo.module)
    edited = repo.edit("main.tf", note)
    (repo.module / "README.md").unlink()
    repo.sync("keep")
    assert repo.check().clean
    assert repo.sync("force").done
    assert read_tree(repo.module) == {**before, "main.tf.orig": edited}


def test_a_file_that_the_manifest_only_claims_is_not_removed(repo: Repository) -> None:
    from vpc_cni_iam.vendoring.manifest import digest

    write_tree(repo.module, {"mine.tf": "# mine\n"})
    manifest = repo.module / MANIFEST
    document = json.loads(manifest.read_text())
    document["files"]["mine.tf"] = {"generated": digest("# mine\n")}
    manifest.write_text(json.dumps(document))
    assert repo.sync().done
    assert (repo.module / "mine.tf").read_text() == "# mine\n"
    assert repo.check().clean


def test_a_pipe_in_the_way_is_named_and_not_waited_for(repo: Repository) -> None:
    (repo.module / "main.tf").unlink()
    os.mkfifo(repo.module / "main.tf")
    with pytest.raises(TreeError, match="is not a regular file"):
        repo.check()


def test_another_run_further_down_is_not_disturbed(tmp_path: Path) -> None:
    from vpc_cni_iam.files.tree import write

    write_tree(
        tmp_path, {"deep/.vpc-cni-iam-new-main.tf": "another's", ".vpc-cni-iam-new-x": "left"}
    )
    write(tmp_path, {"x": "new"})
    assert read_tree(tmp_path) == {"deep/.vpc-cni-iam-new-main.tf": "another's", "x": "new"}
