"""Install real engines for tests and demonstrations, once per machine, outside the tree.

python -m tools.engines install [--only NAME ...] [--best-effort]
python -m tools.engines env [--path]
python -m tools.engines path terraform|tofu|tflint|oras|actionlint [VERSION]

The cache is $VPC_CNI_IAM_TOOLS, or else vpc-cni-iam/tools in the user's cache folder. Exit
codes: 0 done, 2 wrong usage, 3 a tool cannot be had or is not installed, 130 interrupted.
"""

import argparse
import contextlib
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tools.engines.cache import VARIABLE, UnavailableError, cache_directory, locked, say, workspace
from tools.engines.sources import CONFIGURATION, EVERYDAY, TOOL_LIST, Tool, write_settings

EXECUTABLES = ("terraform", "tofu", "tflint", "oras", "actionlint")
NAMES = tuple(dict.fromkeys(name for tool in TOOL_LIST for name in (tool.family, tool.name)))


def install(tools: Sequence[Tool], cache: Path) -> list[str]:
    """Install every missing tool into the cache.

    Safe at any time: a tool is installed completely or not at all, and of two runs one waits.

    Args:
        tools: The tools to install.
        cache: The cache folder, which is created.

    Returns:
        One line for each tool that this machine cannot have.
    """
    write_settings(cache)
    problems = []
    for tool in tools:
        if not tool.missing(cache):
            continue
        try:
            _install_one(tool, cache)
        except UnavailableError as error:
            problems.append(f"{tool.name} cannot be had here: {error}")
    _link_defaults(cache)
    return problems


def _install_one(tool: Tool, cache: Path) -> None:
    with locked(cache, tool.name):
        if not tool.missing(cache):
            return
        tool.require()
        say(f"{tool.name}: {tool.cost}")
        begun = time.monotonic()
        with workspace(cache, tool.name) as work:
            tool.install(cache, work)
        say(f"{tool.name}: ready after {time.monotonic() - begun:.1f} s")


def find(family: str, version: str | None, cache: Path) -> Path | None:
    """Find an installed executable.

    Args:
        family: terraform, tofu, tflint, oras or actionlint.
        version: Its version; else the newest of those that a plain install brings.
        cache: The cache folder.

    Returns:
        Its path; None if it is not installed.
    """
    expected = version or [tool.version for tool in EVERYDAY if tool.family == family][-1]
    path = cache / "bin" / f"{family}-{expected}"
    return path if path.exists() else None


def _link_defaults(cache: Path) -> None:
    """Keep a folder for PATH in which engines have their plain names."""
    folder = cache / "path"
    folder.mkdir(exist_ok=True)
    for family in EXECUTABLES:
        link, temporary = folder / family, folder / f".{family}.{os.getpid()}"
        target = find(family, None, cache)
        if target and not (link.is_symlink() and link.readlink().name == target.name):
            temporary.symlink_to(Path("..", "bin", target.name))
            temporary.replace(link)


def exports(cache: Path, with_path: bool) -> str:
    """Write the shell lines that make engines use this cache and stay off the network.

    Args:
        cache: The cache folder.
        with_path: Add the engines at the end of PATH, so that a user's own are first.

    Returns:
        `export` lines for a POSIX shell.
    """
    values = {
        "TF_CLI_CONFIG_FILE": str(cache / CONFIGURATION),
        "CHECKPOINT_DISABLE": "1",
        VARIABLE: str(cache),
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    if with_path:
        lines.append(f'export PATH="$PATH":{shlex.quote(str(cache / "path"))}\n')
    return "".join(lines)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engines.py", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("install", help="install what is missing")
    adding.add_argument(
        "--only",
        nargs="+",
        action="extend",
        choices=NAMES,
        metavar="NAME",
        default=[],
        help=f"install these only: {', '.join(NAMES)}",
    )
    adding.add_argument(
        "--best-effort", action="store_true", help="exit 0 even if a tool cannot be had here"
    )
    environment = commands.add_parser("env", help="print export lines for a shell")
    environment.add_argument(
        "--path", action="store_true", help="add the engines at the end of PATH"
    )
    locating = commands.add_parser("path", help="print where an executable is")
    locating.add_argument("family", choices=EXECUTABLES)
    locating.add_argument("version", nargs="?")
    return parser.parse_args(arguments)


def _install_command(only: Sequence[str], best_effort: bool, cache: Path) -> int:
    # A family's name means its default versions; a full name can be any in the table.
    tools = [tool for tool in EVERYDAY if not only or tool.family in only]
    tools += [tool for tool in TOOL_LIST if tool.name in only and tool not in tools]
    problems = install(tools, cache)
    for problem in problems:
        say(problem)
    return 3 if problems and not best_effort else 0


def _path_command(family: str, version: str | None, cache: Path) -> int:
    if place := find(family, version, cache):
        print(place)
        return 0
    name = f"{family}-{version}" if version else family
    if name not in NAMES:
        say(f"no {name} can be installed; there are: {', '.join(NAMES)}")
        return 2
    say(f"{name} is not installed: python -m tools.engines install --only {name}")
    return 3


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that unfinished work is removed."""
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line; else this process's own.

    Returns:
        The exit code.
    """
    options, cache = _parse(arguments), cache_directory(os.environ)
    signal.signal(signal.SIGTERM, _stop)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            if options.command == "install":
                return _install_command(options.only, options.best_effort, cache)
            if options.command == "path":
                return _path_command(options.family, options.version, cache)
            print(exports(cache, options.path), end="")
        except OSError as error:
            say(str(error))
            return 3
        return 0
    say("interrupted")
    return 130


if __name__ == "__main__":
    sys.exit(main())
