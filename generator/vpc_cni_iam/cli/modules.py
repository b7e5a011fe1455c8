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

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import FORMAT, QUIET

if TYPE_CHECKING:
    from vpc_cni_iam.files.checkout import Checkout
    from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
    from vpc_cni_iam.vendoring.report.files import NextCommands

ModulesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODULE]...", help="Modules, by path.  [default: all]"),
]


class ConfigOptions(Struct, frozen=True):
    """The options that all commands on vendored modules have."""

    config: Path | None = value(
        "FILE",
        "Configuration file.  [default: the nearest vpc-cni-iam.toml]",
        readable=False,  # the reader of the file has better errors
    )
    strict: bool = flag("Refuse a plugin version newer than the catalog.")
    quiet: bool = QUIET

    def read(self) -> Config:
        """Return the configuration of the option, or the nearest one; print its warnings."""
        from vpc_cni_iam.vendoring.repository import find

        config = find(Path(), self.config, strict=self.strict)
        for warning in config.warnings:
            common.say(f"warning: {warning}")
        return config

    def commands(self, config: Config) -> NextCommands:
        """Return the commands to show as next steps."""
        from vpc_cni_iam.vendoring.report.files import NextCommands

        top = os.path.relpath(config.path.absolute().parent)
        option = shlex.join(["--config", str(self.config)]) if self.config is not None else ""
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


class SyncOptions(ConfigOptions, frozen=True):
    """The arguments and options that `sync` and `upgrade` share."""

    paths: ModulesArgument = None
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

        config = options.read()
        modules = select(config, Path(), options.paths or ())
        return cls(config, modules, options.commands(config), options.quiet, options.output)

    @contextmanager
    def checkout(self) -> Iterator[Checkout]:
        """Yield the git checkout that the configuration is in."""
        from vpc_cni_iam.files.checkout import Checkout

        with closing(Checkout(self.config.path.absolute().parent, os.environ)) as checkout:
            yield checkout
