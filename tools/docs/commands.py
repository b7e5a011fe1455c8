"""The page of all commands, made from the command line's own definitions."""

import re
from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from vpc_cni_iam.cli.main import application

_EXAMPLES = re.compile(r"\\b\nExamples?:\n((?:  .*\n?)+)|\x08\nExamples?:\n((?:  .*\n?)+)")


def page() -> str:
    """Return the page as Markdown."""
    root = get_command(application([]))
    if not isinstance(root, TyperGroup):
        raise TypeError(root)
    lines = [
        "# Commands",
        "",
        "Every command and option, as `--help` prints them. All have the same",
        "[exit codes](reference.md#exit-codes).",
        "",
        "| command | |",
        "| --- | --- |",
    ]
    paths = list(_commands("vpc-cni-iam", root))
    lines += [
        f"| [`{path}`](#{path.replace(' ', '-')}) | {_cell(command.get_short_help_str(200))} |"
        for path, command in paths
    ]
    for path, command in paths:
        lines += ["", *_section(path, command)]
    return "\n".join(lines) + "\n"


def _commands(path: str, group: TyperGroup) -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(f"{path} {name}", command)
        elif isinstance(command, TyperCommand):
            yield f"{path} {name}", command


def _section(path: str, command: TyperCommand) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    text = command.help or ""
    examples = _EXAMPLES.search(text)
    yield f"## {path} {{ #{path.replace(' ', '-')} }}"
    yield ""
    for paragraph in _EXAMPLES.sub("", text).strip().split("\n\n"):
        yield _inline(" ".join(paragraph.split()))
        yield ""
    yield "```text"
    yield f"{path} {usage}"
    yield "```"
    if examples:
        yield from ("", "```sh")
        yield from (line[2:] for line in (examples[1] or examples[2]).rstrip().splitlines())
        yield "```"
    yield from ("", "| argument or option | value | what it does |", "| --- | --- | --- |")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            name, meaning = record
            *flags, last = name.split(", ")
            flag, _, value = last.partition(" ")
            names = ", ".join(f"`{flag}`" for flag in (*flags, flag))
            yield f"| {names} | {f'`{value}`' if value else ''} | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return _inline(" ".join(text.split())).replace("|", "\\|")


def _inline(text: str) -> str:
    """Return help as Markdown: nothing in it is markup, and options are code."""
    escaped = re.sub(r"([*_<>\[\]])", r"\\\1", text)
    return re.sub(r"`[^`]*`|(?<![\w-])--[a-z][a-z-]*", lambda m: f"`{m[0].strip('`')}`", escaped)
