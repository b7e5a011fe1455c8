"""Every help text, as a new user reads it on a terminal of 80 columns."""

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from conftest import ROOT, run
from vpc_cni_iam.cli.main import COMMANDS

# Of one option: what stands for its value, wherever it is to be had.
METAVARS = {
    "--variant": "VARIANT",
    "--revision": "DATE",
    "--cni-version": "VERSION",
    "--feature": "FEATURE",
    "--cluster-name": "NAME",
    "--vpc-id": "ID",
    "--account-id": "ID",
    "--output": "DIRECTORY",
    "--registry-host": "HOST",
}


@cache
def shown(command: str = "") -> str:
    done = run(*command.split(), "--help", env={"COLUMNS": "80"})
    assert (done.code, done.err) == (0, "")
    return done.out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_help_text_fits_and_names_what_each_option_takes(command: str) -> None:
    text = shown(command)
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search("<(str|path|text|file|int range)>", text)
    # A name that is broken at a hyphen cannot be copied.
    assert not re.search(r"\w-$", text, re.MULTILINE)
    assert not re.search(r"\S \[default", text)
    # What the user puts in is in capitals.
    usage = text.splitlines()[0].partition(" [OPTIONS]")[2]
    assert usage == usage.upper()


def test_the_first_help_lists_each_command_once_under_its_task() -> None:
    tasks = re.findall(r"^(?!Usage|Options)(\S.*):\n((?:  .*\n)+)", shown(), re.MULTILINE)
    assert [task for task, _ in tasks][:2] == ["Write a module", "Keep modules in a repository"]
    lines = [line for _, text in tasks for line in text.splitlines()]
    # No sentence is cut off.
    assert all(re.search(r"[^.]\.$", line) for line in lines)
    listed = [line.split()[0] for line in lines]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_options_of_coverage_are_few_and_listed_by_topic() -> None:
    text = shown("coverage")
    sections = re.findall(r"^(\S.*):\n((?:  .*\n)+)", text.partition("Arguments:")[2], re.MULTILINE)
    listed = {
        name: re.findall(r"^  (?:-\w, )?(--[a-z-]+)", lines, re.MULTILINE)
        for name, lines in sections
    }
    assert next(iter(listed)) == "Options" and "--fail-on" in listed["Options"]
    assert {"Policy", "Limits", "Plugin", "Cluster", "Module in HCL", "Scenarios"} < set(listed)
    assert "--cni-version" in listed["Plugin"] and "--boundary" in listed["Limits"]
    # Questions to the catalog, and another command.
    gone = ("--explain", "--list-scenarios", "--used", "--print-sql")
    assert not any(option in text.split() for option in gone)


def test_options_only_get_fewer() -> None:
    option = re.compile(r"^  (?:-\w, )?--(?!help)[a-z-]+", re.MULTILINE)
    texts = {name: shown(name).partition("\nOptions:\n")[2] for name in COMMANDS}
    numbers = {name: len(option.findall(text)) for name, text in texts.items()}
    assert numbers["coverage"] <= 24 and sum(numbers.values()) <= 166, numbers


def test_strict_means_one_thing() -> None:
    line = re.compile(r"^  --strict +(.*(?:\n {10,}.*)*)", re.MULTILINE)
    meanings = {" ".join(m.split()) for name in COMMANDS for m in line.findall(shown(name))}
    assert meanings == {"Refuse a plugin version newer than the catalog."}


@pytest.mark.parametrize("option", METAVARS)
def test_an_option_takes_the_same_in_every_command(option: str) -> None:
    line = re.compile(rf"^  {option} (\S+)", re.MULTILINE)
    taken = {result for name in COMMANDS for result in line.findall(shown(name))}
    assert taken == {METAVARS[option]}


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_name_options_that_there_are(command: str) -> None:
    text = shown(command)
    known = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)(?: / (--[a-z-]+))?", text, re.MULTILINE))
    options = {option for pair in known for option in pair}
    for example in re.findall(rf"vpc-cni-iam {command}(?: .*)$", text, re.MULTILINE):
        assert set(re.findall(r" (--[a-z-]+)", example)) <= options


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_examples(command: str) -> None:
    assert f"vpc-cni-iam {command}" in shown(command).partition("Example")[2]


def test_the_examples_of_review_and_of_a_picture_run(tmp_path: Path) -> None:
    """With a plan that widens a policy, for which the help says 1, and a policy of the catalog."""
    review = ROOT / "tests" / "review"
    shutil.copytree(review / "configurations" / "widen" / "after", tmp_path, dirs_exist_ok=True)
    plan = (review / "plans" / "widen.terraform-1.15.5.json").read_text()
    (tmp_path / "plan.json").write_text(plan)
    (tmp_path / "policy.json").write_text(run("policy", "ipv4").out)
    examples = re.findall(r"vpc-cni-iam (review (?!\[OPTIONS).*)", shown("review"))
    examples += re.findall(r"vpc-cni-iam (coverage .* --format svg)", shown("coverage"))
    assert len(examples) == 6
    for example in examples:
        # A saved plan needs the engine that made it.
        words = ["plan.json" if word == "tfplan" else word for word in example.split()]
        done = run(*words, cwd=tmp_path, stdin=plan if "-" in words else "")
        assert (done.code, done.err) == (int(words[0] == "review"), ""), example
    assert {"iam.sarif", "iam.html"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("command", "panels"),
    [
        ("review", ["Plugin", "Verdict", "Plan", "Report"]),
        ("verify", ["Compare with"]),
        ("upgrade", ["Pin"]),
    ],
)
def test_options_are_grouped_by_what_they_are_about(command: str, panels: list[str]) -> None:
    headings = re.findall(r"^(\w[\w ]*):$", run(command, "--help").out, re.MULTILINE)
    assert [h for h in headings if h not in ("Examples", "Arguments", "Options")] == panels
