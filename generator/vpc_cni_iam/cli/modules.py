"""The arguments and options that the commands on vendored modules share."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import FORMAT, QUIET

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
    from vpc_cni_iam.vendoring.plan import ConflictPolicy
    from vpc_cni_iam.vendoring.select import ModuleSelection

ModulesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODULE]...", help="Modules, by path.  [default: all]"),
]
CONFIG = value(
    "FILE",
    "Configuration file.  [default: the nearest vpc-cni-iam.toml]",
    readable=False,  # its reader says what is wrong
)


def configuration(path: Path | None, *, strict: bool = False) -> Config:
    """Return the configuration of a path, or the nearest one; print its warnings."""
    from vpc_cni_iam.vendoring.repository import find

    config = find(Path(), path, strict=strict)
    for warning in config.warnings:
        common.say(f"warning: {warning}")
    return config


def chosen(config: Config, paths: Iterable[str] | None) -> list[VendoredModule]:
    """Return the modules that a user named, all without any; `UsageError` for a file in one."""
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.vendoring.select import select

    selections = select(config, Path(), paths or ())
    for selection in selections:
        if selection.files:
            files = ", ".join(selection.files)
            raise UsageError(f"{files} is a file in {selection.module.path}; name the module")
    return [selection.module for selection in selections]


def command(name: str, config: Path | None, *options: str) -> str:
    """Return the command line that does the next step, to be shown."""
    words = [*options, *(("--config", str(config)) if config is not None else ())]
    return shlex.join(["vpc-cni-iam", name, *words])


def exit_if_failed(failures: Iterable[Exception | None], then: str = "") -> None:
    """Print the failures and then `then`, and exit with code 3, if anything failed."""
    lines = dict.fromkeys(f"error: {failure}" for failure in failures if failure is not None)
    for line in (*lines, then) if lines else ():
        if line:
            common.say(line)
    if lines:
        raise typer.Exit(3)


class SyncOptions(Struct, frozen=True):
    """The arguments and options that `sync` and `upgrade` share."""

    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODULE|FILE]...",
            help="Modules, or files in them, by path.  [default: all modules]",
        ),
    ] = None
    merge: bool = flag("Merge local changes with the update, as git does.")
    force: bool = flag("Replace edited files; keep a copy as *.orig.")
    keep: bool = flag("Keep edited and deleted files, also in later syncs.")
    config: Path | None = CONFIG
    strict: bool = options.STRICT
    quiet: bool = QUIET
    output: Format = FORMAT


class SyncRequest(Struct, frozen=True):
    """The modules to sync, and how."""

    config: Config
    named: Path | None  # its path, if the user named it
    chosen: list[ModuleSelection]  # the modules, or files in them
    policy: ConflictPolicy
    quiet: bool  # whether to print problems only
    output: Format

    @classmethod
    def of(cls, options: SyncOptions) -> SyncRequest:
        """Return the request of some options; raises `UsageError` if they exclude each other."""
        from vpc_cni_iam.errors import UsageError
        from vpc_cni_iam.vendoring.plan import ConflictPolicy
        from vpc_cni_iam.vendoring.select import select

        policies = {
            ConflictPolicy.MERGE: options.merge,
            ConflictPolicy.FORCE: options.force,
            ConflictPolicy.KEEP: options.keep,
        }
        if sum(policies.values()) > 1:
            raise UsageError("--merge, --force and --keep exclude each other; give one")
        policy = next((p for p, is_set in policies.items() if is_set), ConflictPolicy.REFUSE)
        config = configuration(options.config, strict=options.strict)
        selections = select(config, Path(), options.paths or ())
        return cls(config, options.config, selections, policy, options.quiet, options.output)
