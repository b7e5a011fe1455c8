"""Modules on two branches that git merges or rebases: few conflicts, none after sync, no lost edit.

Each scenario is one of real branches with up to four modules. The texts between the branches and
the numbers of conflicts are those of git.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from conftest import ROOT, Run, read_tree, run

MODULES = [f"modules/m{number:02d}" for number in range(1, 5)]
TABLE = (
    '[[module]]\npath = "{}"\ncni_version = "{}"\nvariants = ["ipv4", "ipv6", "ipv4-scoped"]\n\n'
)
BASE = "v1.20.4"
JOIN = {
    "merge": ("merge", "-q", "a"),
    "rebase": ("rebase", "-q", "b"),
    "squash": ("merge", "--squash", "-q", "a"),
    "cherry-pick": ("cherry-pick", "a"),
}
HOW = ("merge", "rebase")


def git(folder: Path, *words: str, fails: bool = False) -> str:
    options = ("user.name=t", "user.email=t@example.com", "commit.gpgSign=false", "gc.auto=0")
    command = ["git", *(w for option in options for w in ("-c", option)), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert fails or done.returncode == 0, done.stderr
    return done.stdout


class Branches:
    """A repository with modules, and two branches with changes of them."""

    def __init__(self, folder: Path, count: int = len(MODULES), version: str = BASE) -> None:
        self.folder, self.modules = folder, MODULES[:count]
        self.toml = folder / "vpc-cni-iam.toml"
        self.toml.write_text("".join(TABLE.format(m, version) for m in self.modules))
        git(folder, "init", "-q", "-b", "base")
        self.command("sync", "--quiet")
        self.commit("base")
        git(folder, "branch", "b")
        git(folder, "checkout", "-q", "-b", "a")

    def command(self, *words: str, code: int | None = 0) -> Run:
        done = run(*words, cwd=self.folder)
        assert code is None or done.code == code, (words, done)
        return done

    def commit(self, message: str) -> None:
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-qm", message)

    def on(self, branch: str, *changes: Callable[[], object]) -> None:
        """Make changes on a branch, and commit them."""
        git(self.folder, "checkout", "-q", branch)
        for change in changes:
            change()
        self.commit(f"changes of {branch}")

    def upgrade(self, version: str, modules: Iterable[str] = ()) -> Callable[[], object]:
        words = ("upgrade", "--quiet", "--cni-version", version, *modules)
        return partial(self.command, *words, code=None)

    def edit(
        self, line: str, modules: Iterable[str], *, at_start: bool = False
    ) -> Callable[[], object]:
        def change() -> None:
            for module in modules:
                main = self.folder / module / "main.tf"
                text = main.read_text()
                main.write_text(f"# {line}\n{text}" if at_start else f"{text}# {line}\n")

        return change

    def accept(self, reason: str, modules: Iterable[str]) -> Callable[[], object]:
        return lambda: [self.command("accept", f"{m}/main.tf", reason) for m in modules]

    def merge(self, how: str) -> list[str]:
        """Merge a into b, so that b's version is taken; return the files in conflict."""
        git(self.folder, "checkout", "-q", "a" if how == "rebase" else "b")
        git(self.folder, *JOIN[how], fails=True)
        conflicts = git(self.folder, "diff", "--name-only", "--diff-filter=U").split()
        if "vpc-cni-iam.toml" in conflicts:
            side = "--ours"  # of a rebase, too, that is b
            git(self.folder, "checkout", "-q", side, "vpc-cni-iam.toml")
        return conflicts

    def edit_and_upgrade(self, how: str) -> list[str]:
        """Edit and upgrade a module on a, upgrade to another version on b, and merge them."""
        self.on("a", self.edit("x", OWN[:1]), self.upgrade("v1.22.4"))
        self.on("b", self.upgrade("v1.23.2"))
        return self.merge(how)

    def versions(self) -> set[str]:
        return set(re.findall(r'cni_version = "(.*)"', self.toml.read_text()))

    def lines(self, line: str) -> int:
        """The number of modules that have an edit."""
        return sum(f"# {line}\n" in (self.folder / m / "main.tf").read_text() for m in self.modules)

    def trees(self) -> list[dict[str, str]]:
        return [read_tree(self.folder / m) for m in self.modules]

    def marked(self) -> list[str]:
        places = (p for m in self.modules for p in (self.folder / m).rglob("*") if p.is_file())
        return [str(p) for p in places if "<<<<<<<" in p.read_text()]


@pytest.fixture
def branches(tmp_path: Path) -> Branches:
    return Branches(tmp_path)


OWN = MODULES[:3]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("of_a", "of_b", "conflicts"),
    [
        (("v1.22.4", MODULES[:2]), ("v1.22.4", MODULES[2:]), 0),
        (("v1.22.4", MODULES[::2]), ("v1.23.2", MODULES[1::2]), 0),
        (("v1.22.4", ()), ("v1.22.4", ()), 0),
        (("v1.21.2", ()), ("v1.22.4", ()), 1),
        (("v1.22.4", ()), ("v1.23.2", ()), 13),
    ],
)
def test_upgrades_on_two_branches(
    how: str,
    of_a: tuple[str, tuple[str, ...]],
    of_b: tuple[str, tuple[str, ...]],
    conflicts: int,
    branches: Branches,
) -> None:
    branches.on("a", branches.upgrade(*of_a))
    branches.on("b", branches.upgrade(*of_b))
    assert len(branches.merge(how)) <= conflicts
    branches.command("sync", "--quiet")
    assert branches.marked() == []
    assert branches.command("check", "--quiet").out == ""
    assert branches.versions() == {of_a[0], of_b[0]} if conflicts == 0 else {of_b[0]}
    if len(branches.versions()) == 1:
        trees = [read_tree(branches.folder / m) for m in MODULES]
        own = {"README.md", ".vpc-cni-iam/manifest"}  # they depend on the name of the directory
        assert len({frozenset(t.items() - {p: t[p] for p in own}.items()) for t in trees}) == 1


EDITED = [
    # The edits of a and of b, whether they are in the same line, and how many files stay in
    # conflict.
    pytest.param(("x",), (), 0, id="one side edits"),
    pytest.param(("x",), ("x",), 0, id="the same edit on both"),
    pytest.param(("start",), ("x",), 0, id="other edits, far apart"),
    pytest.param(("x",), ("y",), 3, id="other edits of the same line"),
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(("of_a", "of_b", "conflicts"), EDITED)
def test_edits_are_kept_through_upgrades_of_both_branches(
    how: str, of_a: tuple[str, ...], of_b: tuple[str, ...], conflicts: int, branches: Branches
) -> None:
    for name, version, edits in (("a", "v1.22.4", of_a), ("b", "v1.23.2", of_b)):
        changes = [branches.edit(e, OWN, at_start=e == "start") for e in edits]
        branches.on(name, *changes, branches.upgrade(version))
    assert len(branches.merge(how)) <= 14
    branches.command("sync", "--quiet", code=1)
    assert len(branches.marked()) == conflicts
    if conflicts:
        text = (branches.folder / OWN[0] / "main.tf").read_text()
        assert re.findall("^([<>]{7} .*)", text, re.M) == ["<<<<<<< ours", ">>>>>>> theirs"]
    for line in {*of_a, *of_b}:
        assert branches.lines(line) == 3
    # All the rest is as generated: only what was edited needs a decision.
    report = branches.command("check", code=1).out
    assert "4 modules checked, 1 clean, 3 edited" in report
    assert branches.versions() == {"v1.23.2"}


@pytest.mark.parametrize("how", HOW)
def test_an_accepted_edit_stays_accepted(how: str, branches: Branches) -> None:
    branches.on("a", branches.edit("x", OWN), branches.accept("ticket 1", OWN))
    branches.on("b", branches.upgrade("v1.23.2"))
    assert branches.merge(how) == []
    branches.command("sync", "--quiet")
    generated, *texts = ((branches.folder / m / "main.tf").read_text() for m in MODULES[-1:] + OWN)
    assert texts == [f"{generated}# x\n"] * 3
    report = branches.command("check").out
    assert report.count("accepted: ticket 1") == 3


def test_the_reasons_of_both_branches_for_one_text_are_kept(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    for name in ("a", "b"):
        branches.on(name, branches.edit("x", OWN[:1]), branches.accept(f"of {name}", OWN[:1]))
    branches.merge("merge")
    branches.command("sync", "--quiet")
    assert "accepted: of a; of b\n" in branches.command("check").out
    facts = (tmp_path / OWN[0] / ".vpc-cni-iam" / "manifest").read_text().splitlines()[1:]
    assert facts == sorted(facts) and facts[0].startswith("accepted main.tf ")


def test_an_accepted_text_of_another_version_is_out_of_date(tmp_path: Path) -> None:
    """The file of a, with the configuration and the manifest of b, committed before a sync."""
    branches = Branches(tmp_path, count=1)
    branches.on("a", branches.edit("x", OWN[:1]), branches.accept("ticket 1", OWN[:1]))
    branches.on("b", branches.upgrade("v1.23.2"))
    branches.merge("merge")
    git(tmp_path, "checkout", "-q", "a", "--", f"{MODULES[0]}/main.tf")
    branches.commit("the file of a")
    assert "main.tf was edited by hand and is out of date" in branches.command("check", code=1).out
    branches.command("sync", "--quiet")
    main = (tmp_path / MODULES[0] / "main.tf").read_text()
    assert main == git(tmp_path, "show", f"b~2:{MODULES[0]}/main.tf") + "# x\n"
    assert "accepted: ticket 1" in branches.command("check").out
    # With markers, it is not merged: no step says so.
    marked = git(tmp_path, "show", f"a:{MODULES[0]}/main.tf") + "<<<<<<< a\n=======\n>>>>>>> b\n"
    (tmp_path / MODULES[0] / "main.tf").write_text(marked)
    report = branches.command("check", code=1).out
    assert "has conflict markers" in report and "merge the update into it" not in report


@pytest.mark.parametrize("version", ["v1.21.2", "v1.23.2"])
def test_an_accepted_edit_stays_accepted_under_a_pin_of_neither_branch(
    version: str, tmp_path: Path
) -> None:
    branches = Branches(tmp_path, count=1)
    branches.on("a", branches.edit("x", OWN[:1]), branches.accept("ticket 1", OWN[:1]))
    branches.on("b", branches.upgrade("v1.22.4"))
    branches.merge("merge")
    branches.toml.write_text(TABLE.format(MODULES[0], version))
    branches.command("sync", "--quiet")
    assert "accepted: ticket 1" in branches.command("check").out
    assert (branches.lines("x"), branches.marked()) == (1, [])


def test_accepted_edits_of_both_branches_in_one_line_are_a_conflict(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    for name in ("a", "b"):
        branches.on(name, branches.edit(name, OWN[:1]), branches.accept(name, OWN[:1]))
    branches.merge("merge")
    done = branches.command("sync", code=1)
    assert f"conflict {OWN[0]}/main.tf has conflict markers" in done.out
    assert len(branches.marked()) == 1
    assert "has conflict markers" in branches.command("check", code=1).out
    refused = branches.command("accept", f"{OWN[0]}/main.tf", "ticket 1", code=2)
    assert "has conflict markers; resolve them first" in refused.err


def test_an_acceptance_outlives_a_merge_in_which_its_manifest_is_not_taken(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    accept = branches.accept("ticket 1", OWN[:1])
    branches.on("a", branches.edit("x", OWN[:1]), accept, branches.upgrade("v1.22.4"))
    branches.on("b", branches.upgrade("v1.23.2"))
    branches.merge("merge")
    git(tmp_path, "checkout", "-q", "b", "--", f"{MODULES[0]}/.vpc-cni-iam")
    branches.command("sync", "--quiet")
    assert "accepted: ticket 1" in branches.command("check").out
    # Committed, it is what the manifest says: an acceptance that is taken back does not return.
    manifest = tmp_path / MODULES[0] / ".vpc-cni-iam" / "manifest"
    facts = manifest.read_text().splitlines(keepends=True)
    branches.commit("merged")
    manifest.write_text("".join(line for line in facts if not line.startswith("accepted")))
    git(tmp_path, "commit", "-q", "--amend", "--no-edit", "--all")
    main = tmp_path / MODULES[0] / "main.tf"
    main.write_text(git(tmp_path, "show", f"a:{MODULES[0]}/main.tf"))
    branches.command("sync", "--quiet", code=1)
    assert "accepted" not in manifest.read_text()


def test_after_a_merge_is_committed_nothing_of_it_is_asked_again(tmp_path: Path) -> None:
    """Neither what was accepted of it, nor what a side knew that no version of this tool has."""
    branches = Branches(tmp_path, count=1)
    manifest = tmp_path / MODULES[0] / ".vpc-cni-iam" / "manifest"
    known = manifest.read_text()
    manifest.write_text(f"{known}generated main.tf {'0' * 64}\n")
    branches.on("a", branches.edit("x", OWN[:1]))
    branches.on("a", lambda: manifest.write_text(known), branches.accept("ticket 1", OWN[:1]))
    branches.on("b", branches.upgrade("v1.23.2"))
    branches.merge("merge")
    branches.command("sync", "--quiet")
    branches.commit("merged")
    before = branches.trees()
    branches.command("sync", "--quiet")
    assert branches.trees() == before
    assert "accepted: ticket 1" in branches.command("check").out
    variables = tmp_path / MODULES[0] / "variables.tf"
    variables.write_text(f"{variables.read_text()}# y\n")
    branches.command("sync", "--quiet", code=1)
    assert variables.read_text().endswith("# y\n")
    assert branches.marked() == []


@pytest.mark.parametrize("how", HOW)
def test_accepted_edits_of_both_branches_with_upgrades(how: str, branches: Branches) -> None:
    ours, theirs = branches.edit("x", OWN, at_start=True), branches.edit("y", OWN)
    branches.on("a", ours, branches.accept("ticket 1", OWN), branches.upgrade("v1.22.4"))
    branches.on("b", theirs, branches.accept("ticket 2", OWN), branches.upgrade("v1.23.2"))
    branches.merge(how)
    branches.command("sync", "--quiet")
    assert (branches.lines("x"), branches.lines("y"), branches.marked()) == (3, 3, [])
    report = branches.command("check").out
    assert len(re.findall("accepted: ticket [12]; ticket [12]", report)) == 3


def test_the_wrong_text_is_not_recorded_as_an_edit(tmp_path: Path) -> None:
    """Configuration and manifest of b, and the files of a, which this tool generated, too."""
    branches = Branches(tmp_path, count=1)
    branches.on("a", branches.upgrade("v1.22.4"))
    branches.on("b", branches.upgrade("v1.23.2"))
    git(tmp_path, "checkout", "-q", "b")
    git(tmp_path, "merge", "-q", "a", fails=True)
    git(tmp_path, "checkout", "-q", "--theirs", MODULES[0])
    for path in ("vpc-cni-iam.toml", f"{MODULES[0]}/.vpc-cni-iam"):
        git(tmp_path, "checkout", "-q", "b", "--", path)
    (report,) = json.loads(branches.command("check", "--format", "json", code=1).out)["modules"]
    states = {file["path"]: file["state"] for file in report["files"]}
    # git merged the test of the module from both sides; check does not ask it.
    assert states.pop("tests/policy.tftest.hcl") == "both"
    assert set(states.values()) == {"outdated"}
    refused = branches.command("accept", f"{MODULES[0]}/README.md", "x", code=2)
    assert "was generated for other options; run vpc-cni-iam sync" in refused.err
    branches.command("sync")
    assert "accepted" not in (tmp_path / MODULES[0] / ".vpc-cni-iam" / "manifest").read_text()
    merged = read_tree(tmp_path / MODULES[0])
    git(tmp_path, "checkout", "-q", "--force", "b")
    assert merged == read_tree(tmp_path / MODULES[0])
    assert "ec2:DescribeSecurityGroups" in merged["main.tf"]


def test_without_union_the_manifest_with_markers_is_read(tmp_path: Path) -> None:
    """As servers merge, which read no attributes from the branch."""
    branches = Branches(tmp_path, count=2)
    for module in branches.modules:
        (tmp_path / module / ".vpc-cni-iam" / ".gitattributes").write_text("# none\n")
    branches.commit("no union")
    git(tmp_path, "branch", "-f", "b")
    conflicts = branches.edit_and_upgrade("merge")
    assert any(path.endswith("/manifest") for path in conflicts)
    branches.command("sync", "--quiet", code=1)
    assert (branches.marked(), branches.lines("x")) == ([], 1)
    branches.command("accept", f"{OWN[0]}/main.tf", "ticket 1")
    assert branches.command("check", "--quiet").out == ""


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_any_conflict_style(style: str, how: str, tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    git(tmp_path, "config", "merge.conflictStyle", style)
    branches.edit_and_upgrade(how)
    assert branches.marked()
    # From elsewhere, where git has other settings.
    assert run("sync", "--config", str(branches.toml), "--quiet", cwd=tmp_path.parent).code == 1
    assert (branches.marked(), branches.lines("x")) == ([], 1)


def test_what_git_left_by_its_own_algorithm_is_nobodys_work(tmp_path: Path) -> None:
    """A block that was moved, where a merge of whole branches marks other lines than of a file."""
    branches = Branches(tmp_path, count=1)
    main = tmp_path / MODULES[0] / "main.tf"

    def move() -> None:
        lines = main.read_text().splitlines(keepends=True)
        block = lines[66:77]
        main.write_text("".join([*lines[:25], *block, *lines[25:66], *lines[77:]]))

    branches.on("a", branches.upgrade("v1.22.4"), move)
    branches.on("b", branches.edit("y", OWN[:1]), branches.upgrade("v1.23.2"))
    branches.merge("merge")
    assert "<<<<<<< HEAD" in main.read_text()
    branches.command("sync", "--quiet", code=1)
    assert "<<<<<<< HEAD" not in main.read_text()
    assert branches.lines("y") == 1


def test_a_file_that_a_person_has_resolved_is_left_alone(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    branches.on("a", branches.edit("x", OWN[:1]), branches.upgrade("v1.22.4"))
    branches.on("b", branches.edit("y", OWN[:1]), branches.upgrade("v1.23.2"))
    branches.merge("merge")
    main = tmp_path / MODULES[0] / "main.tf"
    typed = main.read_text().replace("# x\n", "# x\n# typed\n")
    main.write_text(typed)
    done = branches.command("sync", code=1)
    assert "main.tf has conflict markers" in done.out
    assert main.read_text() == typed
    # Resolved, it is merged with nothing: it has the text that is generated now.
    git(tmp_path, "checkout", "-q", "--ours", f"{MODULES[0]}/main.tf")
    resolved = main.read_text() + "# resolved\n"
    main.write_text(resolved)
    branches.command("sync", "--quiet", code=1)
    assert main.read_text() == resolved


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
def test_one_side_for_all_files_is_made_again(side: str, tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=2)
    branches.edit_and_upgrade("merge")
    git(tmp_path, "checkout", "-q", side, "modules")
    branches.command("sync", "--quiet", code=int(side == "--theirs"))
    assert branches.marked() == []
    assert branches.lines("x") == int(side == "--theirs")


@pytest.mark.parametrize("how", ["squash", "cherry-pick", "a merge that was committed"])
def test_an_edit_is_kept_however_the_branches_are_joined(how: str, tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=2)
    branches.edit_and_upgrade(how if how in JOIN else "merge")
    if how not in JOIN:
        branches.commit("merged with markers")
    done = branches.command("sync", code=1)
    assert (branches.marked(), branches.lines("x")) == ([], 1)
    assert done.out.count("keep yours: ") == 1
    once = branches.trees()
    branches.command("sync", "--quiet", code=1)
    assert branches.trees() == once
    branches.command("accept", f"{OWN[0]}/main.tf", "ticket 1")
    branches.command("check")


def test_a_dry_run_in_a_merge_writes_nothing_and_says_what_sync_will_do(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    branches.on("a", branches.upgrade("v1.22.4"))
    branches.on("b", branches.upgrade("v1.23.2"))
    branches.merge("merge")
    typed = tmp_path / MODULES[0] / "main.tf"
    typed.write_text(f"{typed.read_text()}# typed\n")
    before = branches.trees()
    objects = {p for p in (tmp_path / ".git").rglob("*") if p.is_file()}
    done = branches.command("sync", "--dry-run", code=1)
    assert "(as generated)" in done.out
    assert branches.trees() == before
    assert {p for p in (tmp_path / ".git").rglob("*") if p.is_file()} == objects


@pytest.mark.parametrize("how", ["merge", "rebase", "cherry-pick"])
def test_a_file_that_git_merged_beside_a_conflict_is_of_both_sides(
    how: str, tmp_path: Path
) -> None:
    branches = Branches(tmp_path, count=1)
    comment = {name: f"# {name}\n{branches.toml.read_text()}" for name in "ab"}
    for name, start in (("a", True), ("b", False)):
        edit = branches.edit(name, OWN[:1], at_start=start)
        write = partial(branches.toml.write_text, comment[name])
        branches.on(name, edit, branches.accept(name, OWN[:1]), write)
    assert "vpc-cni-iam.toml" in branches.merge(how)
    branches.command("sync", "--quiet")
    assert (branches.lines("a"), branches.lines("b"), branches.marked()) == (1, 1, [])
    assert re.search("accepted: [ab]; [ab]\n", branches.command("check").out)


def test_an_edit_of_a_module_with_other_options_is_kept(tmp_path: Path) -> None:
    """Its base is the text that the other branch's configuration gives."""
    branches = Branches(tmp_path, count=1)
    feature = branches.toml.read_text().replace("]\n\n", ']\nfeatures = ["multi-nic"]\n\n')
    on_a = (partial(branches.toml.write_text, feature), partial(branches.command, "sync"))
    branches.on("a", *on_a, branches.edit("x", OWN[:1]))
    branches.on("b", branches.upgrade("v1.23.2"))
    branches.merge("merge")
    branches.toml.write_text(git(tmp_path, "show", "b:vpc-cni-iam.toml"))
    branches.command("sync", "--quiet", code=None)
    generated = git(tmp_path, "show", "b^1:modules/m01/main.tf", fails=True)
    assert (branches.lines("x"), branches.marked()) == (1, []), generated


def test_no_server_is_asked_for_a_side_that_a_clone_does_not_have(tmp_path: Path) -> None:
    origin, asked = tmp_path / "origin", tmp_path / "asked"
    origin.mkdir()
    branches = Branches(origin, count=1)
    branches.on("a", branches.edit("x", OWN[:1]), branches.upgrade("v1.22.4"))
    branches.on("b", branches.upgrade("v1.23.2"))
    git(origin, "config", "uploadpack.allowFilter", "true")
    clone(branches, tmp_path / "clone", "--filter=blob:none", "--no-checkout", "--branch", "b")
    folder = branches.folder
    git(folder, "checkout", "-q", "b")
    (folder / ".git" / "MERGE_HEAD").write_text(git(folder, "rev-parse", "origin/a"))
    git(folder, "config", "protocol.ext.allow", "always")
    git(folder, "config", "remote.origin.url", f"ext::sh -c touch% {asked}")
    main = folder / MODULES[0] / "main.tf"
    main.write_text(f"{main.read_text()}# y\n")
    branches.command("sync", "--quiet", code=1)
    assert branches.lines("y") == 1
    assert not asked.exists()


def test_a_file_that_one_side_deleted_on_purpose_stays_deleted(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=2)
    readme = f"{MODULES[0]}/README.md"
    delete = (tmp_path / readme).unlink
    branches.on("a", delete, partial(branches.command, "accept", readme, "we have our own"))
    branches.on("b", branches.upgrade("v1.23.2"))
    assert readme in branches.merge("merge")
    branches.command("sync", "--quiet")
    assert not (tmp_path / readme).exists()
    assert "was deleted on purpose; accepted: we have our own" in branches.command("check").out


def test_an_edit_of_a_file_that_the_other_branch_deleted_is_a_conflict(tmp_path: Path) -> None:
    """The branch also edits the same file of another module, so git sees a new copy of its text."""
    branches = Branches(tmp_path, count=2)
    deleted = f"{MODULES[0]}/main.tf"
    branches.on(
        "a",
        (tmp_path / deleted).unlink,
        partial(branches.command, "accept", deleted, "not needed"),
        branches.edit("x", MODULES[1:2]),
        branches.accept("x", MODULES[1:2]),
        partial(branches.command, "check"),
    )
    branches.on("b", branches.edit("mine", MODULES[:1]))
    assert branches.merge("merge") == [deleted]
    branches.command("sync", "--quiet", code=1)
    assert (tmp_path / deleted).read_text().endswith("# mine\n")


def test_upgrades_of_an_edited_file_conflict_in_it_alone(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    branches.on("a", branches.edit("x", MODULES[:1]), branches.accept("x", MODULES[:1]))
    git(tmp_path, "checkout", "-q", "-B", "b")
    branches.on("a", branches.upgrade("v1.22.4"))
    branches.on("b", branches.upgrade("v1.23.2"))
    conflicts = branches.merge("merge")
    assert [path for path in conflicts if "/.vpc-cni-iam/" in path] == []
    branches.command("sync", "--quiet")
    branches.commit("merged")
    assert branches.command("check", "--quiet").out == ""
    assert branches.lines("x") == 1
    base = tmp_path / MODULES[0] / ".vpc-cni-iam" / "base"
    assert len(list(base.iterdir())) == 1


@pytest.mark.parametrize("version", ["v1.22.4", "v1.23.2"])
def test_a_squash_merge_that_was_committed_has_no_edit_that_nobody_made(
    version: str, tmp_path: Path
) -> None:
    """Git knows both sides no more, and what it merged of two versions is of none of them."""
    branches = Branches(tmp_path, count=1)
    branches.on("a", branches.upgrade("v1.22.4"))
    branches.on("b", branches.upgrade("v1.23.2"))
    conflicts = branches.merge("squash")
    git(tmp_path, "checkout", "-q", "--ours", *conflicts)
    branches.toml.write_text(TABLE.format(MODULES[0], version))
    branches.commit("squashed")
    assert "edited" in branches.command("check", code=1).out
    branches.command("sync", "--quiet")
    assert branches.command("check", "--quiet").out == ""


def clone(branches: Branches, folder: Path, *options: str) -> None:
    git(branches.folder, "clone", "-q", *options, f"file://{branches.folder}", str(folder))
    branches.folder = folder
    branches.toml = folder / "vpc-cni-iam.toml"


CLONES = [("--depth", "1"), ("--filter=blob:none",), ("-c", "core.autocrlf=true")]


@pytest.mark.parametrize("options", CLONES, ids=lambda options: options[0])
@pytest.mark.parametrize("accepted", [True, False])
def test_an_edit_is_merged_with_an_update_in_any_clone(
    accepted: bool, options: tuple[str, ...], tmp_path: Path
) -> None:
    """The base of a merge needs no history: it is made again, or kept beside an edited file."""
    origin = tmp_path / "origin"
    origin.mkdir()
    branches = Branches(origin, count=1)
    accept = [branches.accept("ticket 1", OWN[:1])] if accepted else []
    branches.on("a", branches.edit("x", OWN[:1]), *accept)
    clone(branches, tmp_path / "clone", *options)
    branches.command("upgrade", "--quiet", code=int(not accepted))
    assert (branches.marked(), branches.lines("x")) == ([], 1) or b"# x\r\n" in (
        branches.folder / OWN[0] / "main.tf"
    ).read_bytes()
    branches.command("check", "--quiet", code=int(not accepted))


def test_an_edit_whose_base_nothing_knows_keeps_both_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a tool with other templates, without the copy that a sync leaves beside an edit."""
    branches = Branches(tmp_path, count=1)
    module = tmp_path / MODULES[0]
    manifest, main = module / ".vpc-cni-iam" / "manifest", module / "main.tf"
    manifest.write_text(re.sub(r"(generated main.tf) \w+", rf"\1 {'0' * 64}", manifest.read_text()))
    main.write_text(main.read_text().replace('effect = "Allow"', 'effect = "Deny"', 1))
    before = main.read_text()
    branches.command("check", code=1)
    done = branches.command("upgrade", code=1)
    assert f"conflict {MODULES[0]}/main.tf has conflict markers" in done.out
    text = main.read_text()
    assert 'effect = "Deny"' in text and "<<<<<<< yours\n" in text and ">>>>>>> generated" in text
    kept_lines = {line for line in before.splitlines() if line.strip()}
    assert kept_lines <= set(text.splitlines())


def test_a_base_beside_an_edited_file_outlives_the_templates(tmp_path: Path) -> None:
    """A copy has the text as generated, also where no version of this tool makes it any more."""
    from vpc_cni_iam.vendoring.manifest import base_path, digest

    branches = Branches(tmp_path, count=1)
    module = tmp_path / MODULES[0]
    main, manifest = module / "main.tf", module / ".vpc-cni-iam" / "manifest"
    other = main.read_text().replace("# ipv4: IPv4 clusters.", "# ipv4: words of another tool.")
    facts = re.sub(r"(generated main.tf) \w+", rf"\1 {digest(other)}", manifest.read_text())
    manifest.write_text(facts)
    copy = module / base_path(digest(other))
    copy.parent.mkdir()
    copy.write_text(other)
    main.write_text(other + "<<<<<<< a\n# mine\n=======\n>>>>>>> b\n")
    branches.command("sync", "--quiet", code=1)
    main.write_text(other + "# mine\n")
    branches.command("upgrade", "--quiet", code=1)
    assert branches.lines("mine") == 1
    assert "words of another tool" not in main.read_text()
    assert branches.marked() == []
    # The copy that is there now is the one that the next merge starts from.
    assert not copy.exists()
    assert len(list(copy.parent.iterdir())) == 1


def test_accepted_access_stays_accepted_through_an_update(tmp_path: Path) -> None:
    branches = Branches(tmp_path, count=1)
    main = tmp_path / MODULES[0] / "main.tf"
    wide = main.read_text().replace('["ec2:CreateTags"]', '["ec2:CreateTags", "s3:GetObject"]')
    main.write_text(wide)
    accepted = branches.command("accept", f"{MODULES[0]}/main.tf", "ticket 1")
    assert "it adds access: ipv4, ipv6, ipv4-scoped: for instance s3:GetObject" in accepted.out
    branches.command("upgrade", "--quiet")
    report = branches.command("check").out
    assert "it adds access" in report and "accepted: ticket 1" in report
    assert "s3:GetObject" in main.read_text()
    assert "ec2:DescribeSecurityGroups" in main.read_text()
    main.write_text(main.read_text().replace("s3:GetObject", "s3:*"))
    assert "it adds access" in branches.command("check", code=1).out


def test_a_merged_text_that_is_not_proven_is_not_accepted(tmp_path: Path) -> None:
    """An accepted Deny, of which an update takes an action away: that was not accepted."""
    branches = Branches(tmp_path, count=1, version="v1.23.2")
    main = tmp_path / MODULES[0] / "main.tf"
    main.write_text(main.read_text().replace('effect = "Allow"', 'effect = "Deny"', 1))
    branches.command("accept", f"{MODULES[0]}/main.tf", "ticket 1")
    branches.command("check")
    done = branches.command("upgrade", "--cni-version", "v1.22.4", code=1)
    assert f"edited   {MODULES[0]}/main.tf was edited by hand; it adds no access\n" in done.out
    assert 'effect = "Deny"' in main.read_text()
    assert "vpc-cni-iam.toml has the new pin; the files above need a decision" in done.err
    branches.command("accept", f"{MODULES[0]}/main.tf", "ticket 2")
    assert "accepted: ticket 2" in branches.command("check").out


@pytest.mark.parametrize("how", HOW)
def test_the_merge_driver_of_the_page_leaves_the_configuration_alone_in_conflict(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "vendoring.md").read_text()
    section = page.partition("\n### A merge driver\n")[2].partition("\n## ")[0]
    script, setting = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    programs, folder = tmp_path / "bin", tmp_path / "r"
    for each in (programs, folder):
        each.mkdir()
    driver = programs / "git-vpc-cni-iam-merge"
    driver.write_text(script)
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    branches = Branches(folder)
    subprocess.run(["sh", "-c", setting], cwd=folder, check=True)
    branches.commit("attributes")
    git(folder, "branch", "-f", "b")
    branches.on("a", branches.edit("x", OWN), branches.upgrade("v1.22.4"))
    both = branches.edit("y", [OWN[0], MODULES[3]], at_start=True)
    branches.on("b", both, branches.upgrade("v1.23.2"))
    assert branches.merge(how) == [f"{OWN[0]}/main.tf", "vpc-cni-iam.toml"]  # edited by both
    branches.command("sync", "--quiet", code=1)
    assert (branches.marked(), branches.lines("x"), branches.lines("y")) == ([], 3, 2)
