"""The arguments and options that the commands on vendored modules share."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import value
from vpc_cni_iam.cli.options import FORMAT, QUIET

if TYPE_CHECKING:
    from vpc_cni_iam.files.checkout import Checkout
    from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
    from vpc_cni_iam.vendoring.report.files import NextCommands

ModulesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODULE]...", help="Modules, by path.  [default: all]"),
]
CONFIG = value(
    "FILE",
    "Configuration file.  [default: the nearest vpc-cni-iam.toml]",
    readable=False,  # the reader of the file has better errors
)


def configuration(path: Path | None, *, strict: bool = False) -> Config:
    """Return the configuration of a path, or the nearest one; print its warnings."""
    from vpc_cni_iam.vendoring.repository import find

    config = find(Path(), path, strict=strict)
    for warning in config.warnings:
        common.say(f"warning: {warning}")
    return config


def commands(config: Config, named: Path | None) -> NextCommands:
    """Return the commands to show as next steps; `named` is the value of --config."""
    from vpc_cni_iam.vendoring.report.files import NextCommands

    top = os.path.relpath(config.path.absolute().parent)
    option = shlex.join(["--config", str(named)]) if named is not None else ""
    return NextCommands(option, "" if top == "." else top)


def exit_if_failed(failures: Iterable[Exception | None], then: str = "") -> None:
    """If anything failed, print the failures and `then`, and exit with code 3."""
    errors = dict.fromkeys(str(failure) for failure in failures if failure is not None)
    if not errors:
        return
    for error in errors:
        common.say_error(error)
    if then:
        common.say(then)
    raise typer.Exit(3)


class SyncOptions(Struct, frozen=True):
    """The arguments and options that `sync` and `upgrade` share."""

    paths: ModulesArgument = None
    config: Path | None = CONFIG
    strict: bool = options.STRICT
    quiet: bool = QUIET
    output: Format = FORMAT


class SyncRequest(Struct, frozen=True):
    """The modules to sync, and how to report it."""

    config: Config
    modules: list[VendoredModule]
    commands: NextCommands
    quiet: bool  # whether to print problems only
    output: Format

    @classmethod
    def of(cls, options: SyncOptions) -> SyncRequest:
        """Return the request that options make."""
        from vpc_cni_iam.vendoring.select import select

        config = configuration(options.config, strict=options.strict)
        modules = select(config, Path(), options.paths or ())
        steps = commands(config, options.config)
        return cls(config, modules, steps, options.quiet, options.output)

    @contextmanager
    def checkout(self) -> Iterator[Checkout]:
        """Yield the git checkout that the configuration is in."""
        from vpc_cni_iam.files.checkout import Checkout

        with closing(Checkout(self.config.path.absolute().parent, os.environ)) as checkout:
            yield checkout
