"""The application: its commands, and the one place where errors become exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import select
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from vpc_cni_iam import __version__
from vpc_cni_iam.cli.common import cache_folder, say, say_error, show
from vpc_cni_iam.cli.expand import expanded
from vpc_cni_iam.cli.help import Command, Commands
from vpc_cni_iam.cli.quiet import with_quiet
from vpc_cni_iam.errors import VpcCniIamError, expected
from vpc_cni_iam.hcl.repair import keep_tables_in

INTERRUPTED = 130
# The error of an option or argument that typer refuses; it is in click, or in typer's copy of it.
_UsageError: Any = typer.BadParameter.__base__

HELP = """Least-privilege IAM policies for the Amazon VPC CNI plugin on EKS, as tested Terraform and
OpenTofu modules.

Before you upgrade the plugin or change its IAM role, see whether new nodes will still start, and
what the change allows.

\b
Examples:
  vpc-cni-iam init && vpc-cni-iam sync
  vpc-cni-iam review plan.json
  vpc-cni-iam coverage policy.json --cni-version v1.23.2
"""

# The commands by task, in the order of the help, each with its line in it. Each command has a
# module of its name, with its help in HELP.
TASKS = {
    "Write a module": {
        "generate": "Write a Terraform module of policy documents or a role.",
        "policy": "Print one policy document.",
        "verify": "Compare a module with the catalog, with a real engine.",
        "catalog": "List the variants, features and revisions.",
    },
    "Keep modules in a repository": {
        "init": "Create vpc-cni-iam.toml.",
        "sync": "Generate and update the modules of vpc-cni-iam.toml.",
        "check": "Report local changes and out-of-date modules.",
        "accept": "Accept a local change, with a reason.",
        "upgrade": "Pin another plugin version and sync.",
    },
    "Check plans, policies and accounts": {
        "review": "Review the IAM changes of a plan.",
        "compare": "Check whether a policy allows more than another.",
        "coverage": "Check a policy against every AWS call of the plugin.",
        "audit": "List the plugin's roles, and which break at a version.",
        "explain": "Explain why AWS denied a request of the plugin.",
        "preflight": "List resources without the tags of a scoped policy.",
    },
    "Publish a module": {
        "publish": "Write a version of the module as a static registry.",
        "serve": "Serve a published registry on this machine, to try it.",
    },
    "Other commands": {
        "convert": "Convert any IAM policy from JSON to HCL.",
        "schema": "Print the JSON Schema of a command's output.",
    },
}
COMMANDS = {name: line for commands in TASKS.values() for name, line in commands.items()}


class Main(Commands):
    """The command line itself."""

    tasks = TASKS


def application(words: Sequence[str]) -> typer.Typer:
    """Return the command line with the one command that these arguments call, or with all.

    Building the options of all commands takes longer than many commands run.
    """
    app = typer.Typer(
        name="vpc-cni-iam",
        cls=Main,
        help=HELP,
        no_args_is_help=True,
        # Plain help: loading rich would double the start-up time of every --help.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_options)
    for name in [word for word in words[:1] if word in COMMANDS] or COMMANDS:
        module = import_module(f"vpc_cni_iam.cli.{name}")
        command = app.command(name, cls=Command, help=module.HELP, short_help=COMMANDS[name])
        command(with_quiet(name, expanded(getattr(module, name))))
    return app


def _version(value: bool) -> None:
    if value:
        from vpc_cni_iam.catalog.facts.known_versions import newest, newest_date
        from vpc_cni_iam.engine.run import AUTO, find

        # The engine is not started: that takes longer than all else, and it may be broken.
        engine = find(AUTO, os.environ)
        binary = engine.binary if engine else "none found; terraform and tofu are not on the PATH"
        show(f"vpc-cni-iam {__version__}")
        show(f"newest plugin version known: {newest()} of {newest_date()}; engine: {binary}")
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


def _end_if_unread(number: int, _frame: object) -> None:
    """End as other tools do if the reader of an output has ended, as `head` does.

    A closed connection, or program that reads no input, is an error of what writes to it.
    """
    outputs = select.poll()
    for stream in (1, 2):
        outputs.register(stream, 0)
    if any(event & (select.POLLERR | select.POLLHUP) for _, event in outputs.poll(0)):
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def _open_closed_streams() -> None:
    """Open the null device for each closed standard stream, so that no file gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def main() -> None:
    """Run the command line and exit with its documented code."""
    run(_call)


def _call() -> None:
    try:
        code = application(sys.argv[1:])(standalone_mode=False)
    except _UsageError as error:
        message = error.format_message()
        if message.startswith("Usage: "):  # without arguments, the help
            typer.echo(message, err=True)
        else:
            say(f"error: {message}")
            say(f"see {error.ctx.command_path if error.ctx else 'vpc-cni-iam'} --help")
        sys.exit(error.exit_code)
    sys.exit(code)


def run(command: Callable[[], object]) -> None:
    """Run a command line, and turn every expected failure into a line and an exit code."""
    _open_closed_streams()
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, _end_if_unread)
    # SIGTERM undoes half-done changes, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _terminate)
    keep_tables_in(cache_folder(os.environ))
    # A command makes hardly any reference cycles; the collector takes a tenth of its time.
    gc.disable()
    # Skip the search for reference cycles at exit: the process ends anyway.
    atexit.register(gc.freeze)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = lambda message, *_, **__: say(f"warning: {message}")
            command()
    except (VpcCniIamError, OSError, UnicodeError, MemoryError) as error:
        # An error that no code expects is reported as a failure too.
        failure = expected(error)
        say_error(failure)
        sys.exit(failure.exit_code)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
