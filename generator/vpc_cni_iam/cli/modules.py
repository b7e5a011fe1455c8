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
from vpc_cni_iam.cli.versions import StrictOption

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.config import Config, VendoredModule
    from vpc_cni_iam.vendoring.plan import ConflictPolicy
    from vpc_cni_iam.vendoring.select import ModuleSelection

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
        readable=False,  # its reader says what is wrong
        help="The configuration.  [default: the nearest vpc-cni-iam.toml]",
    ),
]


def configuration(named: Path | None, *, strict: bool = False) -> Config:
    """Return the configuration that the user named, or else the nearest one; print its warnings."""
    from vpc_cni_iam.vendoring.repository import find

    config = find(Path(), named, strict=strict)
    for warning in config.warnings:
        common.say(f"warning: {warning}")
    return config


def chosen(config: Config, paths: Iterable[str] | None) -> list[VendoredModule]:
    """Return the modules that a user named, all without any.

    Raises:
        UsageError: A path that names none, or a file in one.
    """
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.vendoring.select import select

    selections = select(config, Path(), paths or ())
    for selection in selections:
        if selection.files:
            files = ", ".join(selection.files)
            raise UsageError(f"{files} is a file in {selection.module.path}; name that")
    return [selection.module for selection in selections]


def command(name: str, config: Path | None, *options: str) -> str:
    """Return the command line that does the next step, to be shown."""
    words = [*options, *(("--config", str(config)) if config is not None else ())]
    return shlex.join(["vpc-cni-iam", name, *words])


def exit_if_failed(failures: Iterable[Exception | None], then: str = "") -> None:
    """Print what failed and then `then`, and exit with code 3, if anything failed."""
    lines = dict.fromkeys(f"error: {failure}" for failure in failures if failure is not None)
    for line in (*lines, then) if lines else ():
        if line:
            common.say(line)
    if lines:
        raise typer.Exit(3)


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What a user asks of `sync` and `upgrade` alike.

    Args:
        config: The configuration.
        named: The file, if the user named it.
        chosen: The modules, or files in them.
        policy: What to do with edited files.
        quiet: Whether to say only what is wrong.
        output: How to print it.
    """

    config: Config
    named: Path | None
    chosen: list[ModuleSelection]
    policy: ConflictPolicy
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
    strict: StrictOption = False,
    quiet: QuietOption = False,
    output: FormatOption = Format.text,
) -> SyncRequest:
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.vendoring.plan import ConflictPolicy
    from vpc_cni_iam.vendoring.select import select

    if merge + force + keep > 1:
        raise UsageError("--merge, --force and --keep exclude each other; give one")
    policies = {ConflictPolicy.MERGE: merge, ConflictPolicy.FORCE: force, ConflictPolicy.KEEP: keep}
    policy = next((p for p, is_set in policies.items() if is_set), ConflictPolicy.REFUSE)
    loaded = configuration(config, strict=strict)
    return SyncRequest(loaded, config, select(loaded, Path(), paths or ()), policy, quiet, output)


def requested(own: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments of `sync`, as a `SyncRequest` before those of its own."""
    shared = inspect.signature(_request, eval_str=True).parameters
    others = list(inspect.signature(own, eval_str=True).parameters.values())[1:]

    def run(**arguments: Any) -> None:
        request = _request(**{name: arguments.pop(name) for name in shared})
        own(request, **arguments)

    signature = inspect.Signature([*others, *shared.values()])
    run.__signature__ = signature  # type: ignore[attr-defined]
    return run
