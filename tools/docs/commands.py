"""The pages of the commands, their list and their schemas, from the command line's definitions."""

import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup
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
    **dict.fromkeys(("publish", "registry serve"), "publishing"),
}
_EXAMPLES = re.compile(r"\\b\nExamples?:\n((?:  .*\n?)+)|\x08\nExamples?:\n((?:  .*\n?)+)")


def pages() -> dict[str, str]:
    """Return the pages by their path below docs/, in the order of `--help`; first the list."""
    root = get_command(application([]))
    if not isinstance(root, TyperGroup):
        raise TypeError(root)
    lines = [
        "# Commands",
        "",
        "Each page has the arguments and options of a command, as `--help` prints them. All",
        "commands have the same [exit codes](reference.md#exit-codes).",
    ]
    made = {LIST: ""}
    for task, names in TASKS.items():
        lines += ["", f"## {task}", "", "| command | what it does |", "| --- | --- |"]
        for name in names:
            for path, command in _below(name, root.commands[name]):
                place = f"{FOLDER}/{path.replace(' ', '-')}.md"
                lines.append(f"| [`{path}`]({place}) | {_cell(command.get_short_help_str(200))} |")
                made[place] = "\n".join(_page(path, command)) + "\n"
    return made | {LIST: "\n".join(lines) + "\n"}


def schemas() -> dict[str, str]:
    """Return the schemas of the commands' JSON by their path below docs/."""
    return {
        _SCHEMA.format(name): f"{json_output.dumps(json_types.schema(name))}\n"
        for name in json_types.TYPES
    }


def _below(path: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    """Yield a command or the commands of a group, with their paths on the command line."""
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from _below(f"{path} {name}", each)
    elif isinstance(command, TyperCommand):
        yield path, command


def _page(path: str, command: TyperCommand) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    text = command.help or ""
    examples = _EXAMPLES.search(text)
    yield f"# {NAME} {path}"
    yield ""
    for paragraph in _EXAMPLES.sub("", text).strip().split("\n\n"):
        yield _inline(" ".join(paragraph.split()))
        yield ""
    if examples:
        yield from ("## Examples", "", "```sh")
        yield from (line[2:] for line in (examples[1] or examples[2]).rstrip().splitlines())
        yield from ("```", "")
    if links := list(_links(path)):
        yield from (" · ".join(links), "")
    yield from ("## Arguments and options", "", "```text", f"{NAME} {path} {usage}", "```", "")
    yield from ("| argument or option | what it does |", "| --- | --- |")
    arguments_first = sorted(
        command.get_params(context), key=lambda parameter: parameter.param_type_name != "argument"
    )
    for parameter in arguments_first:
        record = parameter.get_help_record(context)
        if record is not None:
            name, meaning = record
            *flags, last = name.split(", ")
            flag, _, value = last.partition(" ")
            names = ", ".join(f"`{flag}`" for flag in (*flags, flag))
            yield f"| {names}{f' `{value}`' if value else ''} | {_cell(meaning)} |"


def _links(path: str) -> Iterator[str]:
    """Yield links to a command's guide and to the schema of its JSON, if they exist."""
    guide = f"{_GUIDES.get(path, path)}.md"
    if (_DOCS / guide).exists():
        yield f"[Guide](../{guide})"
    if path in json_types.TYPES:
        yield f"[JSON Schema of its output](../{_SCHEMA.format(path)})"


def _cell(text: str) -> str:
    return _inline(" ".join(text.split())).replace("|", "\\|")


def _inline(text: str) -> str:
    """Return help text as Markdown: markup is escaped, and options are code."""
    escaped = re.sub(r"([*_<>\[\]])", r"\\\1", text)
    return re.sub(r"`[^`]*`|(?<![\w-])--[a-z][a-z-]*", lambda m: f"`{m[0].strip('`')}`", escaped)
