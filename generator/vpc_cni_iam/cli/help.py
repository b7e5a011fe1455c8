"""The base class of commands, and the layout of the help: by task, no name broken at a hyphen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from vpc_cni_iam.errors import UsageError

# Replaces hyphens while lines are wrapped: click would break vpc-cni-iam.toml at one.
_UNBROKEN = "\N{NON-BREAKING HYPHEN}"
# The class is in click, or in typer's copy of it.
_HelpFormatter: Any = typer.Context.formatter_class


class HelpFormatter(_HelpFormatter):  # type: ignore[misc]
    """A formatter that breaks lines only at spaces."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _UNBROKEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **settings: Any) -> None:
        """Write options or commands with their texts."""
        whole = [(name, text.replace("-", _UNBROKEN)) for name, text in rows]
        super().write_dl(whole, *args, **settings)

    def getvalue(self) -> str:
        """Return the help."""
        return str(super().getvalue()).replace(_UNBROKEN, "-")


class _Context(typer.Context):
    formatter_class = HelpFormatter


class Command(TyperCommand):
    """A command that refuses an option given twice, if it takes one value."""

    context_class = _Context

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments. If an option is given twice, click would use the last."""
        if not ctx.resilient_parsing:
            parameters = self.make_parser(ctx).parse_args([*args])[2]
            takes_one = [p for p in parameters if not (getattr(p, "is_flag", True) or p.multiple)]
            if twice := next((p for p in takes_one if takes_one.count(p) > 1), None):
                raise UsageError(f"{twice.opts[0]} is given twice; it takes one value")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options by their panels."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                is_argument = parameter.param_type_name == "argument"
                panel = getattr(parameter, "rich_help_panel", None) or "Options"
                sections.setdefault("Arguments" if is_argument else panel, []).append(record)
        order = sorted(sections, key=lambda name: (name != "Arguments", name != "Options"))
        for name in order:
            with formatter.section(name):
                formatter.write_dl(sections[name])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line, without typer's braces around required arguments."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class Commands(TyperGroup):
    """A group of commands that lists them by task."""

    context_class = _Context
    tasks: Mapping[str, Mapping[str, str]] = {}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each task."""
        width = max(map(len, self.commands), default=0)
        for task, commands in self.tasks.items():
            with formatter.section(task):
                formatter.write_dl([(name.ljust(width), line) for name, line in commands.items()])
