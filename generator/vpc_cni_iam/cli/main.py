"""The application: its commands, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from vpc_cni_iam import __version__
from vpc_cni_iam.cli.cache import cache_folder
from vpc_cni_iam.cli.common import say
from vpc_cni_iam.errors import VpcCniIamError
from vpc_cni_iam.hcl.grammar import keep_tables_in

INTERRUPTED = 130

# By use: make and check, keep in a repository, review, publish. Of each command
# its module, the name of its help there, and its line in the list of commands.
_COMMANDS = {
    "generate": ("generate", "HELP", "Write a Terraform module of policy documents or a role."),
    "policy": ("policy", "HELP", "Print one policy document, ready for IAM."),
    "verify": ("verify", "HELP", "Compare a module with the catalog, by a real engine."),
    "catalog": ("catalog", "HELP", "Show the variants, revisions and releases known."),
    "init": ("init", "HELP", "Start to keep a module in this repository."),
    "sync": ("sync", "HELP", "Make the vendored modules what vpc-cni-iam.toml says."),
    "check": ("check", "HELP", "Say whether modules were edited or are out of date."),
    "diff": ("diff", "HELP", "Show what a sync would change, and its meaning."),
    "upgrade": ("upgrade", "HELP", "Pin another release, show its meaning, and sync."),
    "review": ("review", "HELP", "Say what a plan will do to IAM policies."),
    "compare": ("compare", "HELP", "Say whether a policy allows anything that another does not."),
    "coverage": ("coverage", "HELP", "Show whether the plugin works with a policy, and its risks."),
    "preflight": ("preflight", "HELP", "List what lacks the tags of a scoped policy."),
    "convert": ("convert", "HELP", "Turn any IAM policy into HCL, and back."),
    "publish": ("publish", "HELP", "Publish a version of the module for others."),
    "doctor": ("doctor", "HELP", "Show versions and directories, and what is wrong with them."),
}
_GROUPS = {
    "registry": ("registry", "Try a published module registry."),
}


def application(words: Sequence[str]) -> typer.Typer:
    """Return the command line, with the one command that is called, or with all.

    Building the options of all of them takes longer than many a command.

    Args:
        words: What follows the program's name.
    """
    app = typer.Typer(
        name="vpc-cni-iam",
        help="IAM policies for the Amazon VPC CNI plugin as Terraform and OpenTofu modules.",
        no_args_is_help=True,
        # Plain help: loading rich would double the start-up time of every --help.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_options)
    called = [word for word in words[:1] if word in {*_COMMANDS, *_GROUPS}]
    for name in called or [*_COMMANDS, *_GROUPS]:
        module = import_module(f"vpc_cni_iam.cli.{(_COMMANDS.get(name) or _GROUPS[name])[0]}")
        if name in _COMMANDS:
            _, text, line = _COMMANDS[name]
            app.command(name, help=getattr(module, text), short_help=line)(getattr(module, name))
        else:
            app.add_typer(getattr(module, name), name=name, short_help=_GROUPS[name][1])
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from vpc_cni_iam.catalog.facts.releases import newest, newest_date

        typer.echo(f"vpc-cni-iam {__version__}")
        typer.echo(f"newest plugin release known: {newest()} of {newest_date()}")
        raise typer.Exit()


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Options of the tool itself."""


def _terminate(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _open_closed_streams() -> None:
    """Put nothing behind the streams that whoever started this closed, before a file gets there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _in_words(error: Exception) -> str:
    """Return what the operating system refuses, without the number that it has for that."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    names = [os.fsdecode(n) for n in (error.filename, error.filename2) if n is not None]
    return ": ".join((*names[-1:], error.strerror)) if names else error.strerror


def main() -> None:
    """Run the command line and exit with its documented code."""
    run(lambda: application(sys.argv[1:])())  # noqa: PLW0108 - built where errors are caught


def run(command: Callable[[], object]) -> None:
    """Run a command line, and turn every expected failure into a line and an exit code.

    Args:
        command: What parses the arguments and runs.
    """
    _open_closed_streams()
    if hasattr(signal, "SIGPIPE"):
        # A reader that goes away, as `head` does, ends this tool as it ends others.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # What undoes half a change on Ctrl-C does so on a polite kill too.
    signal.signal(signal.SIGTERM, _terminate)
    keep_tables_in(cache_folder(os.environ))
    try:
        command()
    except VpcCniIamError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
    except (OSError, UnicodeError, shutil.Error) as error:
        # What the operating system refuses where no code foresaw it: an expected failure too.
        say(f"error: {_in_words(error)}")
        sys.exit(VpcCniIamError.exit_code)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
