"""Commands whose options are the members of Structs, so that several commands can share them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from functools import wraps
from inspect import Parameter
from typing import Any

import typer
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields
from typer.models import OptionInfo


def flag(text: str, *names: str, default: bool | None = False) -> Any:
    """Return an option that is on or off. Without `names`, it has its parameter's name."""
    return typer.Option(default, *names, help=text)


def value(
    metavar: str,
    text: str,
    default: object = None,
    names: Sequence[str] = (),
    **settings: Any,
) -> Any:
    """Return an option that takes a value. Without `names`, it has its parameter's name."""
    return typer.Option(default, *names, metavar=metavar, help=text, **settings)


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with an option for each member of its parameters that are Structs.

    A member has the annotation and the default that typer expects of a parameter. In the help, the
    options of a Struct are below its PANEL, if it has one.
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {
        p.name: p.annotation
        for p in parameters
        if isinstance(p.annotation, type) and issubclass(p.annotation, Struct)
    }

    @wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(
                **{member: values.pop(member) for member in group.__struct_fields__}
            )
        command(**values)

    options = [
        _named(option)
        for parameter in parameters
        for option in (
            _options(groups[parameter.name])
            if parameter.name in groups
            else [parameter.replace(kind=Parameter.KEYWORD_ONLY)]
        )
    ]
    return with_parameters(run, options)


def _named(parameter: Parameter) -> Parameter:
    option = parameter.default
    if not isinstance(option, OptionInfo) or option.param_decls:
        return parameter
    # Without a name, typer adds --no-name.
    named = copy(option)
    named.param_decls = (f"--{parameter.name.replace('_', '-')}",)
    return parameter.replace(default=named)


def with_parameters(
    run: Callable[..., None], parameters: Sequence[Parameter]
) -> Callable[..., None]:
    """Return the function with the parameters that typer is to read."""
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options(group: Any) -> list[Parameter]:
    panel = getattr(group, "PANEL", None)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is NODEFAULT else _on(panel, field.default),
            annotation=field.type,
        )
        for field in fields(group)
    ]


def _on(panel: str | None, option: Any) -> Any:
    """Return an option below a heading of the help."""
    placed = copy(option)
    if isinstance(option, OptionInfo):
        placed.rich_help_panel = panel
    return placed
