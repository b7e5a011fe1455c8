"""One run of the agent, in the network and mount namespace of this process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tools.plugin_probe import legacy, servers
from tools.plugin_probe.case import End, Run
from tools.plugin_probe.kubernetes import Kubernetes
from tools.plugin_probe.metadata import NODE
from tools.plugin_probe.network import Links
from tools.plugin_probe.pods import Pods
from tools.plugin_probe.scenarios import Scenario, Step
from tools.plugin_probe.servers import World
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.policy.evaluate import Compiled

_CONFIGURED = PluginVersion.of("v1.13.0")  # before it, the agent does not use KUBECONFIG only
_START = 200.0  # the most seconds that a start may take
_AFTER = 20.0  # the most seconds that a step goes on after what it is for
_QUIET = 10.0  # seconds without a request after which nothing more is to come
_SOCKETS = Path("/var/run/aws-node")
_ZONE_LABEL = {"topology.kubernetes.io/zone": "us-west-2a"}


def run(
    version: PluginVersion,
    agent: Path,
    scenario: Scenario,
    policies: Compiled | None,
    denials: frozenset[str],
    folder: Path,
) -> Run:
    """Run the agent through a scenario.

    Args:
        version: The version of the agent.
        agent: The binary.
        scenario: What happens.
        policies: The policies under test; None allows everything.
        denials: Actions and names of request forms that are denied besides.
        folder: For its files; it is left as the run leaves it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    links = Links()
    cloud = scenario.cloud()
    links.start(cloud)
    most = 0

    def changed() -> None:
        nonlocal most
        links.follow(cloud)
        most = max(most, len(cloud.attached()))

    kubernetes = Kubernetes(
        scenario.provider_id,
        dict(_ZONE_LABEL),
        {name: dict(spec) for name, spec in scenario.configurations.items()},
    )
    ipv6 = scenario.family == "ipv6"
    world = World(cloud, kubernetes, policies, denials, ipv6, version, changed)
    certificate = legacy.prepare(folder)
    servers.serve(world, certificate=certificate)
    runtime = legacy.container_runtime(folder)
    with _sockets(folder), (folder / "agent.log").open("w") as log:
        process = subprocess.Popen(
            [agent],
            env=_environment(scenario, folder, certificate)
            | (legacy.ENVIRONMENT if version < _CONFIGURED else {}),
            stdout=log,
            stderr=log,
            cwd=folder,
        )
        world.started = time.monotonic()
        ready, served = _live(process, scenario.steps, world)
        code = process.poll()
        process.kill()
        process.wait()
        runtime.stop(None)
    lines = (folder / "agent.log").read_text(errors="replace").splitlines()
    return Run(
        exit_code=code,
        ready_after=ready,
        pods_wanted=max(step.pods for step in scenario.steps),
        pods_served=served,
        interfaces=max(most, len(cloud.attached())),
        end=End.of(cloud, links.down()),
        requests=tuple(world.requests),
        events=tuple(dict.fromkeys(kubernetes.events)),
        log="\n".join(lines[-20:]),
    )


def _live(
    process: subprocess.Popen[bytes], steps: tuple[Step, ...], world: World
) -> tuple[float | None, int]:
    """Return the seconds until the first pod had an address, and the most pods that had one."""
    pods = Pods("")
    end = world.started + _START
    while not pods.ready():
        if process.poll() is not None or time.monotonic() > end:
            return None, 0
        time.sleep(0.1)
    first: float | None = None
    served: set[int] = set()
    most = 0
    for step in steps:
        start = time.monotonic()
        end = start + step.wait
        if step.groups:
            world.cloud.primary.groups = list(step.groups)
        while time.monotonic() < end and process.poll() is None:
            for number in sorted(n for n in served if n >= step.pods):
                if pods.remove(number):
                    served.discard(number)
            missing = [n for n in range(step.pods) if n not in served]
            if missing and pods.add(missing[0]):
                served.add(missing[0])
                first = first or time.monotonic() - world.started
                most = max(most, len(served))
                continue
            reached = _reached(step, world, start)
            if step.until and reached:
                end = min(end, time.monotonic() + _AFTER)
            if not missing and reached and _settled(world):
                break
            time.sleep(0.25)
    return first, most


def _reached(step: Step, world: World, start: float) -> bool:
    """Return whether what a step is for has been."""
    if step.until:
        return any(step.until in (r.action, r.form) for r in world.requests)
    return time.monotonic() >= start + step.stay


def _settled(world: World) -> bool:
    """Return whether the agent has asked for nothing for a while."""
    last = world.requests[-1].seconds if world.requests else 0.0
    return time.monotonic() - world.started - last > _QUIET


@contextlib.contextmanager
def _sockets(folder: Path) -> Iterator[None]:
    """Give the agent its folder of sockets and state, for as long as this namespace lives."""
    own = folder / "run"
    own.mkdir(exist_ok=True)
    _SOCKETS.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "--bind", own, _SOCKETS], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", _SOCKETS], check=True)


def _environment(scenario: Scenario, folder: Path, certificate: Path) -> dict[str, str]:
    cluster = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "c", "cluster": {"server": f"http://127.0.0.1:{servers.KUBERNETES}"}}
        ],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    (folder / "kubeconfig").write_text(json.dumps(cluster))
    aws = f"http://127.0.0.1:{servers.EC2}"
    own = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{servers.METADATA}",
        "AWS_CA_BUNDLE": str(certificate),
        "AWS_EC2_ENDPOINT": aws,
        "AWS_ENDPOINT_URL_EC2": aws,
        "AWS_ENDPOINT_URL_STS": aws,
        "AWS_ENDPOINT_URL_SAGEMAKER": aws,
        "KUBECONFIG": str(folder / "kubeconfig"),
        "MY_NODE_NAME": NODE,
        "MY_POD_NAME": "aws-node-example",
        "K8S_POD_NAMESPACE": "kube-system",
        "CLUSTER_NAME": scenario.cluster_name,
        "AWS_VPC_K8S_CNI_LOG_FILE": "stdout",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_BACKING_STORE": str(folder / "ipam.json"),
        "DISABLE_METRICS": "true",
        "DISABLE_INTROSPECTION": "true",
        "ENABLE_IPv4": str(scenario.family == "ipv4").lower(),
        "ENABLE_IPv6": str(scenario.family == "ipv6").lower(),
        "WARM_ENI_TARGET": "1",
        **scenario.environment,
    }
    return {name: value for name, value in own.items() if value}
