"""A run of the agent in separate namespaces: its input and its results."""

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
from tools.plugin_probe.cloud import SUBNET_TAG, Cloud
from tools.plugin_probe.servers import Recorded
from vpc_cni_iam.catalog.facts import requests

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT = 900


@dataclass(frozen=True)
class Case:
    """What is run.

    Args:
        version: The version of the agent.
        agent: The binary.
        scenario: The scenario's name.
        policies: The policies under test as JSON; none allows everything.
        denials: Actions and names of request forms that are denied besides.
    """

    version: str
    agent: str
    scenario: str
    policies: Sequence[str] = ()
    denials: Sequence[str] = ()


@dataclass(frozen=True)
class End:
    """The state of the account at the end of a run.

    Args:
        addresses: Addresses and prefixes of the instance's interfaces, without the first of each.
        attached: The instance's interfaces.
        detached: Interfaces that are attached to nothing.
        subnets: The subnets of the instance's interfaces.
        excluded: Addresses in subnets that are not for pods.
        outdated_groups: The instance's interfaces whose security groups are
            not those of the first one.
        untagged: The instance's interfaces without the tag of their instance.
        not_set_up: The instance's interfaces whose links are down.
        undated: Interfaces that are attached to nothing, without the tag of their date.
    """

    addresses: int
    attached: int
    detached: int
    subnets: tuple[str, ...]
    excluded: int
    outdated_groups: int
    untagged: int
    not_set_up: int
    undated: int

    @staticmethod
    def of(cloud: Cloud, down: frozenset[str]) -> End:
        """Return how an account is.

        Args:
            cloud: The account.
            down: The interfaces whose links are down.
        """
        own = cloud.attached()
        groups = cloud.primary.groups
        return End(
            addresses=sum(len(i.addresses) - 1 + len(i.prefixes) + len(i.prefixes6) for i in own),
            attached=len(own),
            detached=len(cloud.interfaces) - len(own),
            subnets=tuple(sorted({i.subnet.id for i in own})),
            excluded=sum(len(i.addresses) - 1 for i in own if i.subnet.tags.get(SUBNET_TAG) == "0"),
            outdated_groups=sum(i.groups != groups for i in own),
            untagged=sum(requests.INSTANCE not in i.tags for i in own),
            not_set_up=sum(i.id in down for i in own),
            undated=sum(
                not i.attachment and requests.CREATED_AT not in i.tags
                for i in cloud.interfaces.values()
            ),
        )


@dataclass(frozen=True)
class Run:
    """The results of a run.

    Args:
        exit_code: The agent's, None if it went on.
        ready_after: Seconds until the first pod had an address, None if none ever had.
        pods_wanted: The most pods that there were to be.
        pods_served: How many of them got an address.
        interfaces: How many interfaces the instance had at the most.
        end: How the account is at the end.
        requests: What it asked of AWS.
        events: Events it sent to Kubernetes, each once: reason and note.
        log: The last lines of its log.
    """

    exit_code: int | None
    ready_after: float | None
    pods_wanted: int
    pods_served: int
    interfaces: int
    end: End
    requests: tuple[Recorded, ...] = field(default=())
    events: tuple[tuple[str, str], ...] = field(default=())
    log: str = ""


def run(case: Case) -> Run:
    """Run a case; needs root, since it creates namespaces and links.

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
    recorded = tuple(Recorded(**r | {"denied": tuple(r["denied"])}) for r in seen["requests"])
    events = tuple((reason, note) for reason, note in seen["events"])
    end = End(**seen["end"] | {"subnets": tuple(seen["end"]["subnets"])})
    return Run(**{**seen, "end": end, "requests": recorded, "events": events})
