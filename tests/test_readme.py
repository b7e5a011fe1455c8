"""What the README and the pages of docs/ show is what happens when it is typed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT, run
from coverage_policies import composed, covered, denied_actions, filled, setting
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.variants import VARIANTS

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
SHOWING = [page for page in PAGES if BLOCK.search(page.read_text())]
PLAN = ROOT / "tests" / "review" / "plans" / "widen.terraform-1.15.5.json"
# What the README's commands exit with, where that is not 0; `serve` runs until it is stopped.
CODES = {
    "vpc-cni-iam review": 1,  # the plan adds access
    "vpc-cni-iam coverage": 1,  # the plugin fails with the policy
    "vpc-cni-iam compare": 1,  # the new policy allows more
    "vpc-cni-iam audit": 1,  # a role breaks
    "vpc-cni-iam preflight": 1,  # an instance lacks a tag
    "vpc-cni-iam serve": 124,
}
# What the pages show commands with.
INPUTS, EXAMPLES = ROOT / "tests" / "docs" / "inputs", ROOT / "examples" / "inputs"
ARCHIVE = "https://github.com/OWNER/vpc-cni-iam/archive/refs/tags/TAG.tar.gz"

# Pages that `make docs` generates.
GENERATED = {"commands.md", "catalog.md"}


def test_the_pages_show_what_they_are_about() -> None:
    shown = {page.stem for page in SHOWING}
    assert shown >= {"getting-started", "convert", "coverage", "publishing", "review", "vendoring"}


def test_the_readme_is_short_and_begins_with_the_installation() -> None:
    text = README.read_text()
    assert len(text.split()) <= 900
    lines = text.splitlines()
    assert lines.index("pipx install .        # or: uv tool install .") < 25
    assert not re.search("ipv[46]_", text)  # names of documents have hyphens, as in `catalog`
    assert {"make demo", "make test"} <= {line.partition("  #")[0] for line in lines}


def test_the_picture_can_be_read_on_a_phone() -> None:
    """Of 390 pixels, a letter of the narrow picture has about seven."""
    (narrow,) = re.findall(r'max-width: 600px\)" srcset="(.*)"', README.read_text())
    width = re.search(r'viewBox="0 0 (\d+)', (ROOT / narrow).read_text())
    assert width is not None and int(width[1]) < 700


def test_the_pictures_say_which_set_up_breaks() -> None:
    for name in ("session", "session-narrow"):
        picture = (ROOT / "docs" / f"{name}.svg").read_text().replace("&#160;", " ")
        assert "aws-node has its own role" in picture


def test_the_readme_names_the_days_of_the_page_on_peers() -> None:
    page = (ROOT / "docs" / "peers.md").read_text()
    rows = re.findall(r"^\| ([\w-]+), (IPv[46]) \| (\d+)", README.read_text(), re.MULTILINE)
    assert len(rows) == 5
    for project, family, days in rows:
        assert re.search(rf"^\| {project} \| {family} \| .* \| {days} \|$", page, re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the README's blocks, with the folder that it names."""
    folder = "."
    for before, block in re.findall(r"([^\n]*)\n\n```sh\n(.*?)```", README.read_text(), re.DOTALL):
        folder = "." if "root of your repository" in before else folder
        for line in block.replace("\\\n", "").splitlines():
            command = line.partition(" #")[0].strip()
            if command.startswith("cd "):
                folder = command.removeprefix("cd ")
            else:
                yield folder, command


def test_the_readme_s_commands_run(tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shutil.copytree(EXAMPLES, tmp_path / "examples" / "inputs")
    targets = re.findall("^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    ran = []
    for folder, command in commands():
        if command.startswith("make "):
            assert command.removeprefix("make ") in targets
            continue
        if command.startswith("pipx "):  # tests/test_packaging.py installs both
            assert command.split()[-1] in (".", ARCHIVE)
            continue
        words = ["timeout", "3", "bash", "-c", command]
        done = subprocess.run(
            words if "vpc-cni-iam serve" in command else words[2:],
            cwd=tmp_path / folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        name = " ".join(command.split()[:2])
        assert done.returncode == CODES.get(name, 0), (command, done.stdout, done.stderr)
        assert "error:" not in done.stderr, command
        if name == "vpc-cni-iam review":
            assert "can now call ec2:TerminateInstances" in done.stdout
        if command == "vpc-cni-iam publish --output dist":
            assert done.stdout == "nothing changed since 1.0.0; no new version is needed\n"
        ran.append((folder, name))
    assert {("examples/inputs", "vpc-cni-iam review"), (".", "vpc-cni-iam check")} <= set(ran)
    assert (tmp_path / "infra" / "vpc-cni" / "main.tf").exists()


def test_no_page_shows_a_check_that_passes_a_plan_which_breaks_the_plugin() -> None:
    narrow = re.compile(r"review .*(?<!warning )--fail-on new-access|fail-on: new-access")
    for page in (*PAGES, *(ROOT / "examples").rglob("*.md"), *(ROOT / "docs").glob("session*.svg")):
        assert not narrow.search(page.read_text()), page


def test_v1_22_0_failed_with_the_policies_of_its_day() -> None:
    """The README's two lines about the outage: what was called, and what it breaks."""
    version = PluginVersion.of("v1.22.0")
    assert known_versions.known()[known_versions.known().index(version) - 1] == PluginVersion.of(
        "v1.21.2"
    )
    text = " ".join(README.read_text().split())
    assert "Plugin v1.22.0 calls `ec2:DescribeSecurityGroups` at start" in text
    for variant in VARIANTS:
        policy = filled(variant.document(documents.in_force(version)))
        coverage = covered(policy, setting("v1.22.0", variant.modes[0]), "fresh-node")
        assert "ec2:DescribeSecurityGroups" in denied_actions(coverage), variant.name
        made = composed(variant.name, "v1.22.0")
        assert covered(made, setting("v1.22.0", variant.modes[0])).verdict not in (
            "unknown",
            "fails",
        )


def typed(command: str, folder: Path) -> tuple[set[str], int]:
    """What a terminal may show of a command, and its exit code."""
    first, pipe, rest = command.partition(" | ")
    before = text = ""
    if re.fullmatch(r"vpc-cni-iam [^<>&;$*~]+", first):  # nothing here is the shell's to read
        done = run(*shlex.split(first)[1:], cwd=folder)
        if not pipe:
            return {done.err + done.out, done.out + done.err}, done.code
        before, text, command = done.err, done.out, rest
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shell = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return {before + shell.stdout}, shell.returncode


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.name)
def test_every_console_block_runs_as_shown(page: Path, tmp_path: Path) -> None:
    for inputs in (INPUTS, EXAMPLES):
        shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    # The plan that is reviewed, and what it was made from.
    shutil.copy(PLAN, tmp_path / "plan.json")
    shutil.copy(PLAN.parents[1] / "configurations" / "widen" / "after" / "main.tf", tmp_path)
    for block in BLOCK.findall(page.read_text()):
        steps = [s for s in re.split(r"^\$ ", block, flags=re.MULTILINE) if s]
        for step in steps:
            command, _, expected = step.partition("\n")
            texts, code = typed(command, tmp_path)
            # A code that is not 0 may be shown as [1] at the end.
            assert expected.removesuffix(f"[{code}]\n") in texts, command


COMMAND = re.compile(r"vpc-cni-iam ((?:registry )?[a-z]+)([^`\n|;>&)]*)")


def test_pages_name_commands_and_options_that_there_are() -> None:
    options: dict[str, set[str]] = {}
    for page in PAGES:
        for command, rest in COMMAND.findall(page.read_text().replace("\\\n", " ")):
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest))
            if command not in options and named:
                text = run(*command.split(), "--help").out
                options[command] = set(re.findall(r"--[a-z][a-z-]+", text))
            assert named <= options.get(command, set()), f"{page.name}: {command} {rest}"
    assert len(options) > 10


def test_every_link_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *PAGES[1:]]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists() or target in GENERATED, (page, target)


def test_every_row_of_a_table_is_in_one() -> None:
    for page in [*ROOT.glob("*.md"), *PAGES[1:]]:
        lines = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL).splitlines()
        for before, row, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
            if row.startswith("|") and not before.startswith("|"):
                assert re.match(r"\|[ :]*-", after), (page, row)
