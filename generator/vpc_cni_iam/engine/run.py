"""The one wrapper around terraform and tofu: list arguments, no shell, errors kept whole."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpc_cni_iam.errors import EngineError

NAMES = ("terraform", "tofu")
# Settings of the user's shell that would make a run here do something else than asked.
_UNWANTED = re.compile(r"TF_(CLI_ARGS.*|VAR_.*|WORKSPACE|DATA_DIR|LOG.*|INPUT|IN_AUTOMATION)")
# A provider download on a slow line takes minutes; a hang must still end.
_TIMEOUT = 900
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Engine:
    """An installed terraform or tofu.

    Args:
        name: ``terraform`` or ``tofu``.
        binary: Its path.
        environ: The environment it runs in.
    """

    name: str
    binary: str
    environ: Mapping[str, str]

    def run(self, arguments: list[str], directory: Path) -> str:
        """Run it in a directory and return what it prints on stdout.

        Args:
            arguments: The arguments after the binary's name.
            directory: The working directory.

        Raises:
            EngineError: It could not be run, or its exit code is not 0.
        """
        command = [self.binary, *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
                command,
                cwd=directory,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except OSError as error:
            raise EngineError(
                f"{self.binary} cannot be run: {error.strerror}", tuple(command)
            ) from None
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"{self.name} {arguments[0]} did not end within {_TIMEOUT} s", tuple(command)
            ) from None
        if done.returncode != 0:
            stderr = _COLOUR.sub("", done.stderr.decode("utf-8", "replace")).strip()
            stdout = _COLOUR.sub("", done.stdout.decode("utf-8", "replace")).strip()
            raise EngineError(
                f"{self.name} {arguments[0]} failed with exit code {done.returncode}:\n"
                f"{stderr or stdout}",
                tuple(command),
                done.returncode,
                stderr,
            )
        return done.stdout.decode("utf-8", "replace")

    def version(self) -> str:
        """Return its name and version, such as ``terraform 1.15.5``.

        Raises:
            EngineError: It cannot be run.
        """
        printed = self.run(["version", "-json"], Path("/"))
        return f"{self.name} {json.loads(printed)['terraform_version']}"

    def plan(self, directory: Path) -> dict[str, Any]:
        """Initialise and plan a root module and return the plan in its JSON form.

        Args:
            directory: The root module; the engine's files are left in it.

        Raises:
            EngineError: A step failed.
        """
        self.run(["init", "-input=false", "-no-color", "-backend=false"], directory)
        plan = ["plan", "-input=false", "-no-color", "-lock=false", "-out=plan.bin"]
        self.run(plan, directory)
        found: dict[str, Any] = json.loads(self.run(["show", "-json", "plan.bin"], directory))
        return found


def find(wanted: str, environ: Mapping[str, str]) -> Engine | None:
    """Return an engine on the PATH.

    Args:
        wanted: ``terraform``, ``tofu``, or ``auto`` for the first of them that is there.
        environ: The user's environment.

    Returns:
        The engine, or None if ``auto`` finds none.

    Raises:
        EngineError: The engine that was named is not there.
    """
    clean = {k: v for k, v in environ.items() if not _UNWANTED.fullmatch(k)}
    clean |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    for name in NAMES if wanted == "auto" else (wanted,):
        if binary := shutil.which(name, path=environ.get("PATH", "")):
            return Engine(name, binary, clean)
    if wanted == "auto":
        return None
    raise EngineError(
        f"{wanted} is not on the PATH; install it, or choose another --engine (none reads the "
        "module without one)"
    )
