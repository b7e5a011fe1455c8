"""A run of the agent in namespaces of its own: what is asked for, and what was seen."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.engines.cache import UnavailableError
from tools.plugin_probe.servers import Recorded

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT = 900


@dataclass(frozen=True)
class Case:
    """What is run.

    Args:
        agent: The binary.
        scenario: The scenario's name.
        policies: The policies under test as JSON; none allows everything.
        denials: Actions that are denied besides.
    """

    agent: str
    scenario: str
    policies: Sequence[str] = ()
    denials: Sequence[str] = ()


@dataclass(frozen=True)
class Run:
    """What was seen.

    Args:
        exit_code: The agent's, None if it went on.
        ready_after: Seconds until the first pod had an address, None if none ever had.
        pods_wanted: The most pods that there were to be.
        pods_served: How many of them got an address.
        interfaces: How many interfaces the instance had at the most.
        requests: What it asked of AWS.
        events: Events it sent to Kubernetes, each once: reason and note.
        log: The last lines of its log.
    """

    exit_code: int | None
    ready_after: float | None
    pods_wanted: int
    pods_served: int
    interfaces: int
    requests: tuple[Recorded, ...] = field(default=())
    events: tuple[tuple[str, str], ...] = field(default=())
    log: str = ""


def run(case: Case) -> Run:
    """Run a case; wants root, since it makes namespaces and links.

    Raises:
        UnavailableError: This machine cannot; the message says why.
    """
    for program in ("unshare", "ip", "iptables"):
        if shutil.which(program) is None:
            raise UnavailableError(f"the probe needs {program}, which is not installed")
    with tempfile.TemporaryDirectory(prefix="plugin-probe-") as folder:
        done = subprocess.run(
            ["unshare", "--net", "--mount", sys.executable, "-m", "tools.plugin_probe.inside"],
            cwd=ROOT,
            input=json.dumps({**asdict(case), "folder": f"{folder}/run"}),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    if done.returncode or not done.stdout:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(f"the probe failed in its namespace: {last}")
    seen = json.loads(done.stdout)
    requests = tuple(Recorded(**r | {"denied": tuple(r["denied"])}) for r in seen["requests"])
    events = tuple((reason, note) for reason, note in seen["events"])
    return Run(**{**seen, "requests": requests, "events": events})
