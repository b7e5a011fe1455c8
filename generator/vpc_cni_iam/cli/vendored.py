"""What the commands on vendored modules share: which modules, which file, and what to do."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format, FormatOption, QuietOption

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.config import Config, Vendored
    from vpc_cni_iam.vendoring.plan import Way
    from vpc_cni_iam.vendoring.select import Selected

ModulesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODULE]...", help="Modules, as in the file or from here.  [default: all]"
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration.  [default: the nearest vpc-cni-iam.toml]",
    ),
]


def find(named: Path | None) -> Config:
    """Return the configuration that applies here.

    Args:
        named: The file, if the user named one.
    """
    from vpc_cni_iam.vendoring.repository import find as nearest

    return nearest(Path(), named)


def modules(config: Config, words: Iterable[str] | None) -> list[Vendored]:
    """Return the modules that a user named, all without any.

    Args:
        config: The configuration.
        words: As given.

    Raises:
        UsageError: A word that names none, or a file in one.
    """
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.vendoring.select import select

    chosen = select(config, Path(), words or ())
    for one in chosen:
        if one.files:
            raise UsageError(f"{', '.join(one.files)} is a file in {one.module.path}; name that")
    return [one.module for one in chosen]


def command(name: str, config: Path | None, *options: str) -> str:
    """Return the command that does the next step, to be shown.

    Args:
        name: Of the command.
        config: The file, if the user named one.
        options: More options that it needs.
    """
    words = [*options, *(("--config", str(config)) if config is not None else ())]
    return shlex.join(["vpc-cni-iam", name, *words])


def exit_if_failed(failures: Iterable[Exception | None], then: str = "") -> None:
    """Say what failed, and exit with the code of the house if anything did.

    Args:
        failures: What failed in each module, None where nothing did.
        then: A line more, empty for none.
    """
    lines = dict.fromkeys(f"error: {failure}" for failure in failures if failure is not None)
    for line in (*lines, then) if lines else ():
        if line:
            common.say(line)
    if lines:
        raise typer.Exit(3)


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks of `sync` and `upgrade` alike.

    Args:
        config: The configuration.
        named: The file, if the user named it.
        chosen: The modules, or files in them.
        way: What to do with edited files.
        quiet: Whether to say only what is wrong.
        output: How to print it.
    """

    config: Config
    named: Path | None
    chosen: list[Selected]
    way: Way
    quiet: bool
    output: Format


def _request(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODULE|FILE]...",
            help="Modules, or files in them, as in the file or from here.  [default: all]",
        ),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge edited files with the update, as git does.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace edited files; a copy is kept as *.orig.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep edited and deleted files so, and remember it.")
    ] = False,
    config: ConfigOption = None,
    quiet: QuietOption = False,
    output: FormatOption = Format.text,
) -> Request:
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.vendoring.select import select

    if merge + force + keep > 1:
        raise UsageError("--merge, --force and --keep exclude each other; give one")
    way: Way = "merge" if merge else "force" if force else "keep" if keep else "refuse"
    found = find(config)
    return Request(found, config, select(found, Path(), paths or ()), way, quiet, output)


def requested(own: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments and options of `sync`, which it gets as one `Request`.

    Args:
        own: The command; after the request come the options of its own.
    """
    shared = inspect.signature(_request, eval_str=True).parameters
    others = list(inspect.signature(own, eval_str=True).parameters.values())[1:]

    def run(**given: Any) -> None:
        request = _request(**{name: given.pop(name) for name in shared})
        own(request, **given)

    signature = inspect.Signature([*others, *shared.values()])
    run.__signature__ = signature  # type: ignore[attr-defined]
    return run
