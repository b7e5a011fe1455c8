"""Sync and check: six states, next steps, no lost edit, and what a kill leaves is mended."""

import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from conftest import killed_at_random, read_tree, run, write_tree
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import EngineError, InputError, TreeError, UsageError
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.vendoring import origins
from vpc_cni_iam.vendoring.accept import accept
from vpc_cni_iam.vendoring.check import ModuleCheck
from vpc_cni_iam.vendoring.check import check as check_all
from vpc_cni_iam.vendoring.configuration.config import load
from vpc_cni_iam.vendoring.manifest import MANIFEST, base_path, base_text, digest
from vpc_cni_iam.vendoring.report.check import CheckResult, markdown
from vpc_cni_iam.vendoring.report.check import text as check_text
from vpc_cni_iam.vendoring.report.files import NextCommands, next_steps, reason
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

    def sync(self, step: Callable[[str], None] = lambda _: None) -> SyncOutcome:
        config = load(self.folder / "vpc-cni-iam.toml")
        with closing(Checkout(self.folder, os.environ)) as checkout:
            return sync_one(config, config.modules[0], checkout, step=step)

    def accept(self, name: str, reason: str = "mine") -> None:
        config = load(self.folder / "vpc-cni-iam.toml")
        accept(config, config.modules[0], name, reason)

    def check(self) -> ModuleCheck:
        config = load(self.folder / "vpc-cni-iam.toml")
        (report,) = check_all(config, config.modules)
        if report.failure is not None:
            raise report.failure
        return report

    def states(self) -> dict[str, str]:
        return {f.path: f.state for f in self.check().files}

    def open(self) -> list[str]:
        """The files that need a decision."""
        return [f.path for f in self.check().files if not f.fine]

    def edit(self, name: str, change: Callable[[str], str]) -> str:
        path = self.module / name
        text = change(path.read_text())
        path.write_text(text)
        return text

    def forget(self, name: str) -> None:
        """Take a file out of the manifest."""
        manifest = self.module / MANIFEST
        lines = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(x for x in lines if f" {name} " not in x))

    def claim(self, name: str, text: str) -> None:
        """Have the manifest say that a text was generated."""
        self.forget(name)
        with (self.module / MANIFEST).open("a") as manifest:
            manifest.write(f"generated {name} {digest(text)}\n")


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
    """An edit of a line that the update changes, too."""
    return text.replace("# Upstream's document of", "# Mine: upstream's document of", 1)


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


def test_an_edit_is_left_as_it_is_and_shown(repo: Repository) -> None:
    repo.edit("main.tf", note)
    before = read_tree(repo.module)
    assert (repo.check().state, repo.states()) == ("edited", {"main.tf": "edited"})
    outcome = repo.sync()
    assert ([f.path for f in outcome.files], outcome.done) == (["main.tf"], False)
    assert "+# mine" in outcome.edits["main.tf"]
    after = read_tree(repo.module)
    assert before.items() <= after.items()
    # The base of a later merge, which has the text as generated.
    (copy,) = after.keys() - before.keys()
    assert note(base_text(Path(copy).name, after[copy])) == after["main.tf"]


def test_an_edit_is_merged_with_the_update(repo: Repository, fresh: Repository) -> None:
    repo.edit("main.tf", note)
    repo.pin(NEW)
    assert (repo.check().state, repo.states()["main.tf"]) == ("both", "both")
    assert check_text(CheckResult([repo.check()])).splitlines()[0] == "both     m"
    outcome = repo.sync()
    assert (outcome.done, outcome.merged) == (False, ("main.tf",))
    expected = note((fresh.module / "main.tf").read_text())
    assert (repo.module / "main.tf").read_text() == expected
    assert repo.open() == ["main.tf"]
    repo.accept("main.tf")
    assert repo.check().fine
    assert not repo.sync().changes


SETUPS: dict[str, Callable[[Repository], object]] = {
    "edited": lambda repo: repo.edit("main.tf", note),
    "missing": lambda repo: (repo.module / "README.md").unlink(),
    "both": lambda repo: (repo.edit("outputs.tf", note), repo.pin(NEW)),
    "outdated": lambda repo: repo.pin(NEW),
    "foreign": lambda repo: (repo.edit("main.tf", note), repo.forget("main.tf")),
}


@pytest.mark.parametrize("state", SETUPS)
def test_every_next_step_that_check_prints_leads_to_clean(state: str, tmp_path: Path) -> None:
    """For each state, type what check says, with its own words."""
    tried = 0
    for number in range(9):
        repo = Repository(tmp_path / f"r{number}")
        repo.sync()
        SETUPS[state](repo)
        file = next(f for f in repo.check().files if f.state == state)
        steps = [s for s in next_steps(file, "m", NextCommands()) if "difference" not in s]
        if number >= len(steps):
            break
        line = steps[number].partition(": ")[2].replace("'REASON'", "'because'")
        for command in line.split(" && "):
            words = shlex.split(command)
            if words[0] == "rm":
                (repo.folder / words[1]).unlink()
            else:
                run(*words[1:], cwd=repo.folder)
        if "merge the update into it" in steps[number]:
            assert repo.states()[file.path] == "edited"
            repo.accept(file.path)
        if state == "foreign" and "accept" in line:
            repo.sync()
        if state == "both":
            repo.sync()
        assert repo.check().fine, (state, steps[number], repo.states())
        tried += 1
    assert tried >= (1 if state == "outdated" else 2)


def test_an_edit_is_accepted_until_the_next_one(repo: Repository) -> None:
    edited = repo.edit("main.tf", note)
    repo.accept("main.tf", "ticket 1")
    assert (repo.module / "main.tf").read_text() == edited
    assert (repo.check().fine, repo.states()) == (True, {"main.tf": "edited"})
    assert repo.sync().changes == ()
    for show in (check_text, markdown):
        for quiet in (False, True):
            lines = show(CheckResult([repo.check()]), quiet=quiet).splitlines()
            notes = [line for line in lines if "main.tf" in line or "newest version" in line]
            assert len(notes) == (0 if quiet else 2), lines
    repo.edit("main.tf", note)
    assert repo.open() == ["main.tf"]


def test_an_accepted_edit_stays_accepted_at_the_next_update(
    repo: Repository, fresh: Repository
) -> None:
    repo.edit("main.tf", note)
    repo.accept("main.tf")
    repo.pin(NEW)
    assert repo.states()["main.tf"] == "both"
    assert repo.sync().done
    expected = note((fresh.module / "main.tf").read_text())
    assert (repo.module / "main.tf").read_text() == expected
    assert repo.check().fine


def test_a_conflict_is_marked_as_git_marks_it(repo: Repository) -> None:
    repo.edit("main.tf", clash)
    repo.accept("main.tf")
    repo.pin(NEW)
    outcome = repo.sync()
    assert [f.path for f in outcome.files if f.markers] == ["main.tf"]
    text = (repo.module / "main.tf").read_text()
    assert "<<<<<<< yours" in text
    assert ">>>>>>> generated now" in text
    assert "# Mine: upstream's document of 2024-07-22" in text
    report = repo.check()
    assert report.state == "edited"
    assert reason(report.files[0]) == "has conflict markers"
    with pytest.raises(UsageError, match="has conflict markers; resolve them first"):
        repo.accept("main.tf")
    assert repo.sync().changes == ()
    repo.edit("main.tf", without_markers)
    repo.accept("main.tf")
    assert (repo.sync().done, repo.check().fine) == (True, True)


def test_a_file_deleted_on_purpose_stays_deleted(repo: Repository) -> None:
    (repo.module / "README.md").unlink()
    assert repo.states() == {"README.md": "missing"}
    repo.accept("README.md", "we have our own")
    assert repo.check().fine
    repo.pin(NEW)
    assert repo.sync().done
    assert not (repo.module / "README.md").exists()
    assert repo.check().fine
    (file,) = repo.check().files
    assert reason(file) == "was deleted on purpose; accepted: we have our own"


def test_a_decision_about_a_file_replaces_the_one_before(repo: Repository) -> None:
    edited = repo.edit("main.tf", note)
    for _ in range(2):
        repo.accept("main.tf", "an edit")
        assert repo.check().fine
        (repo.module / "main.tf").unlink()
        repo.accept("main.tf", "a deletion")
        assert repo.check().fine
        (repo.module / "main.tf").write_text(edited)
        assert repo.check().state == "edited"


def test_documents_moved_out_of_a_deleted_file_allow_what_they_did(repo: Repository) -> None:
    code = (repo.module / "main.tf").read_text()
    (repo.module / "main.tf").unlink()
    repo.edit("outputs.tf", lambda text: f"{text}\n{code}")
    repo.accept("main.tf")
    (moved,) = (f for f in repo.check().files if f.path == "outputs.tf")
    assert moved.edit is not None and moved.edit.answers == ()


def test_a_deleted_file_is_generated_again_even_if_an_edit_of_it_was_accepted(
    repo: Repository, fresh: Repository
) -> None:
    repo.edit("main.tf", note)
    repo.accept("main.tf")
    (repo.module / "main.tf").unlink()
    assert repo.check().state == "outdated"
    repo.pin(NEW)
    assert repo.sync().done
    assert read_tree(repo.module) == read_tree(fresh.module)


def test_what_is_no_longer_generated_is_removed(tmp_path: Path) -> None:
    """Another kind of module has another test."""
    repo = Repository(tmp_path)
    repo.sync()
    toml = repo.folder / "vpc-cni-iam.toml"
    toml.write_text(f'{toml.read_text()}kind = "role"\n')
    assert repo.states()["tests/policy.tftest.hcl"] == "outdated"
    assert repo.sync().done
    assert not (repo.module / "tests" / "policy.tftest.hcl").exists()
    assert repo.check().fine


def test_an_edited_file_that_is_no_longer_generated_is_left(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.sync()
    name = "tests/policy.tftest.hcl"
    edited = repo.edit(name, note)
    toml = repo.folder / "vpc-cni-iam.toml"
    toml.write_text(f'{toml.read_text()}kind = "role"\n')
    assert not repo.sync().done
    assert (repo.module / name).read_text() == edited
    (file,) = repo.check().files
    assert reason(file).startswith("is no longer generated, and may have been edited")
    repo.accept(name)
    assert (repo.check().fine, repo.sync().done) == (True, True)
    (repo.module / name).unlink()
    assert (repo.sync().done, repo.check().fine) == (True, True)


def test_files_of_others_and_of_engines_are_left_alone(repo: Repository) -> None:
    theirs = {"custom.tf": "# theirs\n", ".terraform.lock.hcl": "x", ".terraform/x/y": "x"}
    write_tree(repo.module, theirs)
    assert repo.check().fine
    repo.pin(NEW)
    assert repo.sync().done
    assert theirs.items() <= read_tree(repo.module).items()


def test_beside_a_foreign_file_nothing_is_written_until_it_is_accepted(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    write_tree(repo.module, {"README.md": "# theirs\n"})
    assert repo.states()["README.md"] == "foreign"
    outcome = repo.sync()
    assert (outcome.done, outcome.refused) == (False, True)
    assert read_tree(repo.module) == {"README.md": "# theirs\n"}
    repo.accept("README.md")
    assert repo.sync().done
    assert (repo.module / "README.md").read_text() == "# theirs\n"
    assert (repo.check().fine, repo.states()) == (True, {"README.md": "edited"})
    (repo.module / "README.md").unlink()
    assert repo.sync().done
    assert (repo.check().fine, repo.states()) == (True, {})


def test_a_manifest_lost_beside_an_edit(repo: Repository) -> None:
    edited = repo.edit("main.tf", note)
    repo.accept("main.tf")
    (repo.module / MANIFEST).unlink()
    (file,) = (f for f in repo.check().files if f.path == "main.tf")
    assert file.state == "foreign"
    assert reason(file).startswith(
        "is in the way of a generated file, and is not in .vpc-cni-iam/manifest"
    )
    lost = ".vpc-cni-iam/manifest is missing, so local changes are not known; restore it from"
    assert lost in check_text(CheckResult([repo.check()]))
    assert not repo.sync().done
    repo.accept("main.tf")
    assert repo.sync().done
    assert (repo.module / "main.tf").read_text() == edited
    assert (repo.check().fine, repo.states()) == (True, {"main.tf": "edited"})


@pytest.mark.parametrize("pinned", [OLD, NEW])
def test_a_generated_module_without_a_manifest_is_taken_over(
    pinned: str, repo: Repository, fresh: Repository
) -> None:
    """Check and sync agree that an unedited file, of whatever options, is no edit."""
    shutil.rmtree(repo.module)
    words = ("--variant", "ipv4", "--variant", "ipv6", "--cni-version", OLD)
    assert run("generate", "m", *words, cwd=repo.folder).code == 0
    repo.pin(pinned)
    assert set(repo.states().values()) == {"outdated"}
    assert repo.check().state == "outdated"
    assert repo.sync().done
    assert repo.check().fine
    if pinned == NEW:
        assert read_tree(repo.module) == read_tree(fresh.module)


def check_out_with_crlf(repo: Repository) -> None:
    for path in repo.module.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def test_what_a_sync_changes_in_a_crlf_checkout_has_its_line_ends(
    repo: Repository, fresh: Repository
) -> None:
    check_out_with_crlf(repo)
    main = repo.module / "main.tf"
    main.write_bytes(main.read_bytes() + b"# mine\n")  # by an editor that does not care
    repo.accept("main.tf")
    repo.pin(NEW)
    assert repo.sync().done
    theirs = read_tree(fresh.module)
    for path in repo.module.rglob("*"):
        if path.is_file() and ".vpc-cni-iam" not in path.parts:
            text, name = path.read_bytes(), path.relative_to(repo.module).as_posix()
            assert text.count(b"\r\n") == text.count(b"\n"), name
            mine = "# mine\n" if name == "main.tf" else ""
            assert text.replace(b"\r", b"").decode() == theirs[name] + mine
    assert repo.check().fine


def test_a_crlf_checkout_is_clean_and_sync_leaves_its_line_ends(repo: Repository) -> None:
    check_out_with_crlf(repo)
    assert repo.check().fine
    before = {p: p.read_bytes() for p in repo.module.rglob("*") if p.is_file()}
    assert repo.sync().changes == ()
    assert before == {p: p.read_bytes() for p in repo.module.rglob("*") if p.is_file()}
    edited = before[repo.module / "main.tf"] + b"# mine \xff\r\n"
    (repo.module / "main.tf").write_bytes(edited)
    repo.pin(NEW)
    assert not repo.sync().done
    assert (repo.module / "main.tf").read_bytes().endswith(b"# mine \xff\r\n")


def test_a_manifest_that_was_edited_with_its_file_is_never_clean(repo: Repository) -> None:
    """What counts is what is generated now; the digest of another text makes it out of date."""
    edited = repo.edit("main.tf", lambda t: t.replace('"ec2:CreateTags"', '"ec2:*"'))
    repo.claim("main.tf", edited)
    write_tree(repo.module, {base_path(digest(edited)): edited})
    assert (repo.check().state, repo.states()) == ("outdated", {"main.tf": "outdated"})
    # Nor does it help to leave the file out of the manifest.
    repo.forget("main.tf")
    assert (repo.check().fine, repo.states()) == (False, {"main.tf": "foreign"})


def test_a_manifest_without_a_file_that_is_as_generated_is_completed(repo: Repository) -> None:
    before = (repo.module / MANIFEST).read_text()
    repo.forget("main.tf")
    assert repo.states() == {MANIFEST: "outdated"}
    assert repo.sync().done
    assert (repo.module / MANIFEST).read_text() == before


@pytest.mark.parametrize("left_out", ["versions.tf", ""])
def test_a_file_that_the_manifest_leaves_out_is_missing(left_out: str, repo: Repository) -> None:
    for path in [left_out] if left_out else ["README.md", "main.tf", "versions.tf"]:
        repo.forget(path)
        (repo.module / path).unlink()
    assert repo.states()[left_out or "main.tf"] == "missing"
    assert repo.sync().done and repo.check().fine


@pytest.mark.parametrize("text", [None, "<<<<<<< HEAD\n"])
def test_a_lost_base_is_reported_and_made_again(repo: Repository, text: str | None) -> None:
    base = repo.module / base_path(digest((repo.module / "main.tf").read_text()))
    repo.edit("main.tf", note)
    repo.accept("main.tf")
    assert repo.check().fine
    base.unlink() if text is None else base.write_text(text + base.read_text())
    state = "missing" if text is None else "outdated"
    assert repo.states() == {"main.tf": "edited", base.relative_to(repo.module).as_posix(): state}
    assert repo.check().state == "outdated"
    assert repo.sync().done
    assert repo.check().fine


def test_an_edit_in_the_line_of_an_update_is_out_of_date_whatever_else_was_merged(
    repo: Repository,
) -> None:
    """The manifest has the lines of two branches; both texts are equally near to the file."""
    repo.pin("v1.23.1", '"ipv4"')
    repo.sync()
    before = (repo.module / MANIFEST).read_text()
    edited = repo.edit("main.tf", clash)
    repo.pin(NEW, '"ipv4"')
    (repo.module / "main.tf").unlink()
    repo.sync()
    manifest = repo.module / MANIFEST
    manifest.write_text(before + manifest.read_text())
    (repo.module / "main.tf").write_text(edited)
    assert repo.states()["main.tf"] == "both"
    repo.sync()
    assert "<<<<<<< yours" in (repo.module / "main.tf").read_text()


@pytest.mark.parametrize("name", ["tests", ".vpc-cni-iam", ".vpc-cni-iam/base", "main.tf", ""])
def test_a_symbolic_link_is_refused(name: str, repo: Repository, tmp_path: Path) -> None:
    repo.edit("main.tf", note)
    repo.accept("main.tf")
    before = read_tree(repo.module)
    (repo.module / name).rename(tmp_path / "elsewhere")
    (repo.module / name).symlink_to(tmp_path / "elsewhere")
    for action in (repo.check, repo.sync, lambda: repo.accept("main.tf")):
        with pytest.raises(TreeError, match="symbolic link"):
            action()
    (repo.module / name).unlink()
    (tmp_path / "elsewhere").rename(repo.module / name)
    assert read_tree(repo.module) == before


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    write_tree(repo.module, {"MAIN.tf": "# theirs\n"})
    with pytest.raises(TreeError, match=r"differs from main\.tf only in case"):
        repo.sync()


SUM = "0" * 64


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "generated",
        f"generated main.tf {SUM[1:]}",
        f"generated main.tf {SUM}0",
        f"generated ../../outside {SUM}",
        f"generated /etc/passwd {SUM}",
        f"generated a/../../x {SUM}",
        f"generated a/./x {SUM}",
        f"generated a//x {SUM}",
        f"generated .git/config {SUM}",
        f"generated . {SUM}",
        f"generated  {SUM}",
        f"generated {'x' * 300} {SUM}",
        f"generated {'x/' * 3000}x {SUM}",
        f"generated \u202emain.tf {SUM}",
        f"accepted main.tf {SUM}",
        f"accepted main.tf {SUM} \x1b[31m",
        f"accepted main.tf {SUM[1:]} x",
        "deleted main.tf",
        "deleted ../x because",
        f"configuration {'x' * 300}",
        "configuration",
        '{"files": {}}',
    ],
)
def test_a_broken_manifest_is_named_with_its_line(line: str, repo: Repository) -> None:
    manifest = repo.module / MANIFEST
    text = manifest.read_text()
    manifest.write_text(f"{text}{line}\n")
    before = read_tree(repo.module)
    words = rf"manifest: line {text.count(chr(10)) + 1}: is not a manifest fact; restore"
    for action in (repo.check, repo.sync, lambda: repo.accept("main.tf")):
        with pytest.raises(InputError, match=words):
            action()
    assert read_tree(repo.module) == before


def test_markers_in_a_manifest_are_no_facts(repo: Repository) -> None:
    manifest = repo.module / MANIFEST
    text = manifest.read_text()
    manifest.write_text(f"<<<<<<< HEAD\n{text}||||||| base\n=======\n{text}>>>>>>> other\n")
    assert repo.states() == {MANIFEST: "outdated"}
    assert repo.sync().done
    assert manifest.read_text() == text


def test_a_record_of_an_older_text_of_a_clean_file_is_out_of_date(repo: Repository) -> None:
    """As git merges the manifests of two branches."""
    manifest = repo.module / MANIFEST
    text = manifest.read_text()
    first, *facts = text.splitlines(keepends=True)
    facts = sorted([*facts, f"generated main.tf {digest('older')}\n"])
    manifest.write_text("".join([first, *facts]))
    assert repo.states() == {MANIFEST: "outdated"}
    assert repo.sync().done
    assert manifest.read_text() == text


def test_a_manifest_has_no_pin_no_version_and_no_date(repo: Repository) -> None:
    lines = (repo.module / MANIFEST).read_text().splitlines()[1:]
    assert lines == sorted(lines)
    assert {line.split()[0] for line in lines} == {"generated", "configuration"}
    assert not re.search(r"v\d+\.\d+|\d+\.\d+\.\d+|20\d\d-", "".join(lines))


def test_a_lost_base_is_made_again_for_a_merge(repo: Repository, fresh: Repository) -> None:
    repo.edit("main.tf", note)
    repo.accept("main.tf")
    shutil.rmtree(repo.module / ".vpc-cni-iam" / "base")
    repo.pin(NEW)
    assert repo.sync().done
    assert (repo.module / "main.tf").read_text() == note((fresh.module / "main.tf").read_text())


def test_a_merge_without_git_says_so(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.edit("main.tf", note)
    repo.pin(NEW)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="git is not on the PATH"):
        repo.sync()


def test_a_merge_that_git_cannot_make_is_no_merge(repo: Repository) -> None:
    repo.edit("main.tf", lambda text: f"{text}# \0\n")
    repo.pin(NEW)
    with pytest.raises(EngineError, match=r"git merge-file failed: .*binary"):
        repo.sync()


def test_another_version_with_other_output_is_a_difference(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vpc_cni_iam.rendering.kinds import render

    def other(options: Options, *, vendored: bool = False) -> dict[str, str]:
        files = render(options, vendored=vendored)
        return {**files, "versions.tf": files["versions.tf"] + "# new\n"}

    monkeypatch.setattr(origins, "render", other)
    cached = (origins.rendered, origins.digests, origins.texts_of_versions)
    for each in cached:
        each.cache_clear()
    assert repo.states() == {"versions.tf": "outdated"}
    assert repo.sync().done
    assert repo.check().fine
    for each in cached:
        each.cache_clear()


def test_an_unchanged_tree_is_checked_without_reading_hcl(repo: Repository) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from vpc_cni_iam.vendoring.check import check\n"
        "from vpc_cni_iam.vendoring.configuration.config import load\n"
        "config = load(Path(sys.argv[1]))\n"
        "assert check(config, config.modules)[0].fine\n"
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


def kill_at(stop: int, repo: Repository) -> int:
    """Sync, and kill this process before one of the changes on disk."""
    steps = itertools.count()

    def step(_: str) -> None:
        if next(steps) == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    return 0 if repo.sync(step).done else 1


@pytest.fixture
def killed_at(forked: Callable[..., int], tmp_path: Path) -> Callable[..., int]:
    """Sync in its own process that is killed before one of its changes on disk."""
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
        assert repo.check().fine
        if ended == 0:
            assert stop > 9
            return
        assert ended == -signal.SIGKILL
    raise AssertionError("the sync did not come to its end")


def without_markers(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if line[0] not in "<=>")


@pytest.mark.parametrize("change", [note, clash])
def test_killed_at_any_step_the_same_command_again_ends_as_it_would_have(
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
        code = killed_at(stop, repository)
        repository.sync()
        if change is clash:
            repository.edit("main.tf", without_markers)
            repository.sync()
        for name in ("main.tf", "variables.tf"):
            repository.accept(name)
        assert repository.sync().done
        assert repository.check().fine
        return code, read_tree(repository.module)

    expected = ended(1000)[1]
    # .ci/awkward tries every step; here, each of the two changes has others of them.
    every = 1 if "VPC_CNI_IAM_PROCESSES" in os.environ else 4
    for stop in range(2 if change is clash else 0, 200, every):
        code, tree = ended(stop)
        assert tree == expected, stop
        if code != -signal.SIGKILL:
            assert stop > 9
            return
    raise AssertionError("the sync did not come to its end")


def test_killed_and_then_asked_for_something_else(
    tmp_path: Path, killed_at: Callable[..., int]
) -> None:
    """Some files are of options that neither the manifest nor the configuration names."""
    third = Repository(tmp_path / "third")
    third.pin("v1.22.1")
    third.sync()
    strange = 0
    for stop in range(2, 200):
        repo = Repository(tmp_path / f"r{stop}")
        repo.sync()
        repo.pin(NEW, '"ipv4-scoped"')
        ended = killed_at(stop, repo)
        repo.pin("v1.22.1")
        strange += "cluster_name" in (repo.module / "main.tf").read_text()
        assert repo.check().state == "outdated"
        assert repo.sync().done
        assert read_tree(repo.module) == read_tree(third.module)
        if ended == 0:
            assert strange
            return
    raise AssertionError("the sync did not come to its end")


@pytest.mark.parametrize("now", [NEW, OLD])
def test_a_file_put_back_from_another_version_is_no_edit(now: str, repo: Repository) -> None:
    """This tool generated it, and can do so again."""
    put = Repository(repo.folder.parent / "put")
    put.pin("v1.22.1")
    put.sync()
    repo.edit("main.tf", lambda _: (put.module / "main.tf").read_text())
    repo.pin(now)
    assert repo.states()["main.tf"] == "outdated"
    with pytest.raises(UsageError, match="was generated for other options; run"):
        repo.accept("main.tf")
    assert repo.sync().done
    assert repo.check().fine


# A git that the killed process was starting can have the lock for a moment.
@pytest.mark.filterwarnings("ignore:another command uses this directory")
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A real process that updates back and forth is killed whenever, hundreds of times in CI.

    Tests above kill a sync at each of its steps.
    """
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
        "from vpc_cni_iam.files.checkout import Checkout\n"
        "from vpc_cni_iam.vendoring.sync import sync\n"
        f"toml = Path({str(toml)!r})\n"
        "def there_and_back():\n"
        f"    for text in {texts!r}:\n"
        "        toml.write_text(text)\n"
        "        config = load(toml)\n"
        "        sync(config, config.modules[0], Checkout(toml.parent, {}))\n"
    )
    for _ in killed_at_random(tmp_path, setup):
        files_read = read_tree(repo.module)
        whole = {n: t for n, t in files_read.items() if "/.vpc-cni-iam-" not in f"/{n}"}
        for name, text in whole.items():
            assert any(text == tree.get(name) for tree in trees), name
        repo.pin(NEW)
        assert repo.sync().done
        assert read_tree(repo.module) == trees[1]


def test_two_syncs_at_once_take_turns(tmp_path: Path, fresh: Repository) -> None:
    repo = Repository(tmp_path / "r")
    repo.pin(NEW)
    command = [sys.executable, "-m", "vpc_cni_iam", "sync"]
    runs = [subprocess.Popen(command, cwd=repo.folder, stdout=subprocess.PIPE) for _ in range(4)]
    assert [r.communicate() and r.returncode for r in runs] == [0, 0, 0, 0]
    assert read_tree(repo.module) == read_tree(fresh.module)


@pytest.mark.parametrize("reason", ["", " ", "a\nb", "\x1b[31m", "x" * 1001])
def test_a_reason_that_does_not_hold_is_refused(reason: str, repo: Repository) -> None:
    repo.edit("main.tf", note)
    before = read_tree(repo.module)
    with pytest.raises(UsageError, match="REASON: write why, in one line of at most 1000"):
        repo.accept("main.tf", reason)
    assert read_tree(repo.module) == before


def test_an_edit_that_is_also_out_of_date_is_not_accepted(repo: Repository) -> None:
    repo.edit("main.tf", note)
    repo.pin(NEW)
    with pytest.raises(UsageError, match="is also out of date; run vpc-cni-iam sync, and accept"):
        repo.accept("main.tf")


def test_a_file_that_the_manifest_only_claims_is_not_removed(repo: Repository) -> None:
    write_tree(repo.module, {"mine.tf": "# mine\n"})
    repo.claim("mine.tf", "# mine\n")
    assert not repo.sync().done
    assert (repo.module / "mine.tf").read_text() == "# mine\n"
    assert repo.open() == ["mine.tf"]


def test_a_pipe_in_the_way_is_named_and_not_waited_for(repo: Repository) -> None:
    (repo.module / "main.tf").unlink()
    os.mkfifo(repo.module / "main.tf")
    with pytest.raises(TreeError, match="is not a regular file"):
        repo.check()
