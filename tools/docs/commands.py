"""The pages of the commands, their list and their schemas, from the command line's definitions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from vpc_cni_iam import json_output
from vpc_cni_iam.cli import json_types
from vpc_cni_iam.cli.main import TASKS, application

NAME = "vpc-cni-iam"
LIST, FOLDER = "commands.md", "commands"
_SCHEMA = "schemas/{}.schema.json"
_DOCS = Path(__file__).resolve().parents[2] / "docs"
# Commands whose guide has another name.
_GUIDES = {
    "generate": "getting-started",
    "policy": "variants",
    **dict.fromkeys(("init", "sync", "check", "diff", "upgrade"), "vendoring"),
    **dict.fromkeys(("publish", "serve"), "publishing"),
}
_EXAMPLES = re.compile(r"\\b\nExamples?:\n((?:  .*\n?)+)|\x08\nExamples?:\n((?:  .*\n?)+)")


def pages() -> dict[str, str]:
    """Return the pages by their path below docs/, in the order of `--help`; first the list."""
    root: Any = get_command(application([]))
    lines = [
        "# Commands",
        "",
        "Each page has the arguments and options of a command, as `--help` prints them. All",
        "commands have the same [exit codes](reference.md#exit-codes).",
    ]
    made = {LIST: ""}
    for task, commands in TASKS.items():
        lines += ["", f"## {task}", "", "| command | what it does |", "| --- | --- |"]
        for name, line in commands.items():
            place = f"{FOLDER}/{name}.md"
            lines.append(f"| [`{name}`]({place}) | {_cell(line)} |")
            made[place] = "\n".join(_page(name, root.commands[name])) + "\n"
    return made | {LIST: "\n".join(lines) + "\n"}


def schemas() -> dict[str, str]:
    """Return the schemas of the commands' JSON by their path below docs/."""
    return {
        _SCHEMA.format(name): f"{json_output.dumps(json_types.schema(name))}\n"
        for name in json_types.TYPES
    }


def _page(name: str, command: TyperCommand) -> Iterator[str]:
    context = typer.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    text = command.help or ""
    examples = _EXAMPLES.search(text)
    yield f"# {NAME} {name}"
    yield ""
    for paragraph in _EXAMPLES.sub("", text).strip().split("\n\n"):
        yield _inline(" ".join(paragraph.split()))
        yield ""
    if examples:
        yield from ("## Examples", "", "```sh")
        yield from (line[2:] for line in (examples[1] or examples[2]).rstrip().splitlines())
        yield from ("```", "")
    if links := list(_links(name)):
        yield from (" · ".join(links), "")
    yield from ("## Arguments and options", "", "```text", f"{NAME} {name} {usage}", "```", "")
    yield from ("| argument or option | what it does |", "| --- | --- |")
    arguments_first = sorted(
        command.get_params(context), key=lambda parameter: parameter.param_type_name != "argument"
    )
    for parameter in arguments_first:
        record = parameter.get_help_record(context)
        if record is not None:
            option, meaning = record
            *flags, last = option.split(", ")
            flag, _, value = last.partition(" ")
            names = ", ".join(f"`{flag}`" for flag in (*flags, flag))
            yield f"| {names}{f' `{value}`' if value else ''} | {_cell(meaning)} |"


def _links(name: str) -> Iterator[str]:
    """Yield links to a command's guide and to the schema of its JSON, if they exist."""
    guide = f"{_GUIDES.get(name, name)}.md"
    if (_DOCS / guide).exists():
        yield f"[Guide](../{guide})"
    if name in json_types.TYPES:
        yield f"[JSON Schema of its output](../{_SCHEMA.format(name)})"


def _cell(text: str) -> str:
    return _inline(" ".join(text.split())).replace("|", "\\|")


def _inline(text: str) -> str:
    """Return help text as Markdown: markup is escaped, and options are code."""
    escaped = re.sub(r"([*_<>\[\]])", r"\\\1", text)
    return re.sub(r"`[^`]*`|(?<![\w-])--[a-z][a-z-]*", lambda m: f"`{m[0].strip('`')}`", escaped)
