"""A name that somebody else chose steers neither a terminal, nor a log, nor a page of Markdown."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from account_details import MANAGED, MANAGED_POLICY, details, irsa, role
from conftest import Run, run, write_tree
from vpc_cni_iam.escape import is_unsafe

PLAIN = "plain"
NAMES = (
    "\r# All clean",
    "\n# All clean\n",
    "\n\n---\n- [x] all clean",
    "\u202ekcab",
    "\x1b[2J\x07",
    "\u2028| --- |",
    "\x85\x0b\x0c",
    "\ufeff\u200b",
    "\udcff",
    "| a | <b> `x` ``` [l](x)",
    "::error::x ##[group]",
)
RESOURCE = 'resource "aws_iam_role_policy" "x" {}\n'
PUBLISH = "publish --cni-version latest --output dist"


def module(folder: Path, name: str) -> None:
    """A vendored module with every kind of file beside its own, and a directory left behind."""
    for words in ("init --path m", "sync"):
        assert run(*words.split(), cwd=folder).code == 0
    shutil.copytree(folder / "m", folder / f"o{name}")
    others = {f"x{name}.tf": RESOURCE, f"tests/x{name}.tftest.hcl": "", f"x{name}_override.tf": ""}
    write_tree(folder / "m", others)


def copied(folder: Path, name: str) -> None:
    """The same, with a file that repeats a definition, and one that cannot be read."""
    module(folder, name)
    write_tree(folder / "m", {f"y{name}.tf": 'variable "region" {}\n', f"z{name}.tf": '"region"{'})


def linked(folder: Path, name: str) -> None:
    module(folder, name)
    (folder / "m" / f"y{name}.tf").symlink_to("main.tf")


def configured(folder: Path, name: str) -> None:
    """Configurations without a module, and with one that has a newer pin than the catalog."""
    pinned = '[[module]]\npath = "m"\ncni_version = "v1.23.9"\n'
    write_tree(folder / f"c{name}", {"none.toml": "", "c.toml": pinned})


def generated(folder: Path, name: str) -> None:
    assert run("generate", "m", "--quiet", cwd=folder).code == 0
    files = (f"x{name}.tf", f"x{name}.tf.json", f"d{name}/x.tf", f"n{name}.md")
    write_tree(folder / "m", {path: RESOURCE if path.endswith("tf") else "{}" for path in files})


def generated_linked(folder: Path, name: str) -> None:
    generated(folder, name)
    (folder / "m" / f"y{name}.tf").symlink_to("main.tf")


def generated_unread(folder: Path, name: str) -> None:
    generated(folder, name)
    write_tree(folder / "m", {f"y{name}.tf": "nonsense {"})


def generated_moved(folder: Path, name: str) -> None:
    """Beside code that no engine may run, and with an engine that would."""
    generated(folder, name)
    variables = folder / "m" / "variables.tf"
    (folder / "m" / f"v{name}.tf").write_text(variables.read_text().replace("Region", "region"))
    variables.unlink()
    write_tree(folder / "m", {"a.tf": 'data "external" "e\\n# All clean" {}\n'})
    write_tree(folder, {"bin/terraform": "#!/bin/sh\n"}).joinpath("bin/terraform").chmod(0o755)


def published(folder: Path, name: str) -> None:
    place = ("--namespace", "platform", "--registry-host", "registry.example.com")
    assert run(*PUBLISH.split(), "--version", "1.0.0", *place, cwd=folder).code == 0
    write_tree(next((folder / "dist").glob("*/1.0.0")), {f"x{name}.tf": RESOURCE})


def account(folder: Path, name: str) -> None:
    name = name.replace("\udcff", "")  # which no JSON has
    roles = role(f"r{name}", irsa(), attached=(MANAGED,)), role(f"s{name}", irsa())
    (folder / "account.json").write_text(details(*roles, policies=(MANAGED_POLICY,)))


CASES: dict[str, Callable[[Path, str], None]] = {
    "check": module,
    "check --quiet": module,
    "check --no-other-files": module,
    "check --format markdown": module,
    "check --format markdown --no-other-files": module,
    "check --format json": module,
    "check m": copied,
    "check --format markdown m": copied,
    "check --format markdown --quiet": linked,
    "sync": module,
    "sync m": copied,
    "sync --quiet": linked,
    "sync --format json": module,
    "sync --dry-run": module,
    "sync --dry-run m": copied,
    "sync --dry-run --quiet": linked,
    "upgrade --cni-version v1.21.2": module,
    "upgrade --cni-version v1.21.2 m": copied,
    "check --config c{}/none.toml": configured,
    "check --format markdown --quiet --config c{}/none.toml": configured,
    "check --config c{}/c.toml": configured,
    "sync --config c{}/c.toml": configured,
    "upgrade --cni-version v1.22.4 --config c{}/c.toml": configured,
    "verify m --engine none": generated,
    "verify m --engine none --format json": generated,
    "verify ./m --engine none": generated_linked,
    "verify ././m --engine none": generated_unread,
    "verify m --engine terraform": generated_moved,
    "generate m": generated,
    PUBLISH: published,
    f"{PUBLISH} --version 1.0.0": published,
    f"{PUBLISH} --version 1.0.1": published,
    "audit account.json": account,
    "audit account.json --format json": account,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Run]:
    """Runs a command in a copy of a folder that is made once for all commands on it."""
    folders: dict[tuple[object, str], Path] = {}

    def result(words: str, name: str) -> Run:
        key = (CASES[words], name)
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp("made")
            CASES[words](folders[key], name)
        work = tmp_path_factory.mktemp("work") / "w"
        shutil.copytree(folders[key], work, symlinks=True)
        arguments = [word.replace("{}", name) for word in words.split()]
        return run(*arguments, cwd=work, env={"PATH": f"{work}/bin:{os.environ['PATH']}"})

    return result


def lines(text: str) -> Iterator[str]:
    return iter(text.split("\n"))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("words", CASES)
def test_a_name_is_shown_in_its_line(
    words: str, name: str, made: Callable[[str, str], Run]
) -> None:
    expected, done = made(words, PLAIN), made(words, name)
    assert done.code == expected.code
    for before, after in ((expected.out, done.out), (expected.err, done.err)):
        unsafe = {c for c in after if is_unsafe(c)} - {"\n"}
        assert not unsafe, (ascii(unsafe), after)
        assert len([*lines(after)]) == len([*lines(before)]), after
        assert not any(line.startswith(("# ", "---", "::", "##[")) for line in lines(after))
    if "markdown" in words:
        # As many cells in each row of a table.
        before, after = (re.sub(r"\\.", "", each.out) for each in (expected, done))
        cells = [[row.count("|") for row in text.split("\n")] for text in (before, after)]
        assert cells[0] == cells[1], done.out
    if "--format json" in words:
        json.loads(done.out)
    elif PLAIN in expected.out + expected.err:
        assert done.out + done.err != expected.out + expected.err


def test_each_case_shows_a_name(made: Callable[[str, str], Run]) -> None:
    shown = {words: made(words, PLAIN) for words in CASES}
    silent = {words for words, done in shown.items() if PLAIN not in done.out + done.err}
    assert not silent
