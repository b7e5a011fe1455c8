"""What stands between a cluster and a scoped policy, each with what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.inputs.ec2 import Inventory
from vpc_cni_iam.preflight import rules
from vpc_cni_iam.preflight.needs import Needs
from vpc_cni_iam.preflight.nodes import Node, is_plugins, nodes
from vpc_cni_iam.preflight.rules import Said, Severity

_ORDER: tuple[Severity, ...] = ("breaks", "degrades", "note")
# EC2 API reference, CreateTags: at most 1,000 resources a request.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """Instances or interfaces of which the same is to be said.

    Args:
        rule: Its identifier.
        severity: ``breaks``: the plugin fails there; ``degrades``: it works with less.
        resources: The IDs, sorted.
        problem: What is so.
        effect: What follows, or what the plugin does about it.
        commands: What to run, if a tag is to be changed.
    """

    rule: str
    severity: Severity
    resources: tuple[str, ...]
    problem: str
    effect: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was looked at and found.

    Args:
        instances: How many instances were described; None for none asked about.
        interfaces: Likewise, of interfaces.
        nodes: How many nodes were taken for the cluster's.
        findings: What breaks first.
    """

    instances: int | None
    interfaces: int | None
    nodes: int
    findings: tuple[Finding, ...]

    @property
    def breaks(self) -> bool:
        """Whether something would break."""
        return any(f.severity == "breaks" for f in self.findings)


def preflight(
    inventory: Inventory, composed: Composed, cluster: str, vpc: str | None = None
) -> Preflight:
    """Return what would break or be left behind under a policy.

    Args:
        inventory: What there is.
        composed: The policy.
        cluster: The name of the cluster.
        vpc: The ID of its VPC; None to take it from its nodes.

    Raises:
        UsageError: A name that its parameter refuses, or nodes in several VPCs and none given.
    """
    every = nodes(inventory, cluster)
    mine = [node for node in every if node.standing in ("ours", "plugin")]
    needs = Needs.of(composed, cluster, _vpc(composed, mine, vpc))
    found: dict[Said, list[str]] = {}

    def note(resource: str, said: Said | None) -> None:
        if said is not None:
            found.setdefault(said, []).append(resource)

    for node in every:
        if node.standing not in ("ours", "plugin"):
            note(node.id, rules.of_stranger(node, needs, inventory.interfaces is None))
            continue
        for said in rules.of_instance(node.instance, needs) if node.instance else ():
            note(node.id, said)
        for interface in node.interfaces:
            note(interface.id, rules.of_interface(interface, needs))
    for interface in (inventory.interfaces or {}).values():
        if interface.status == "available" and is_plugins(interface):
            note(interface.id, rules.of_left_over(interface, needs))
    if not mine and not any(said.severity == "breaks" for said in found):
        found[rules.of_nothing(cluster)] = []
    findings = [_finding(said, sorted(ids)) for said, ids in found.items()]
    findings.sort(key=lambda f: (_ORDER.index(f.severity), f.rule, f.problem))
    return Preflight(
        None if inventory.instances is None else len(inventory.instances),
        None if inventory.interfaces is None else len(inventory.interfaces),
        len(mine),
        tuple(findings),
    )


def _vpc(composed: Composed, mine: Iterable[Node], given: str | None) -> str:
    """Return the VPC that a policy is about, empty if it is about none."""
    if parameters.VPC_ID not in parameters.used(composed.policy):
        return ""
    if given is not None:
        return given
    found = {interface.vpc for node in mine for interface in node.interfaces}
    found |= {node.instance.vpc for node in mine if node.instance}
    found.discard("")
    if len(found) > 1:
        raise UsageError(
            f"the cluster's nodes are in {' and '.join(sorted(found))}; say with --vpc-id which "
            "VPC the policy is for"
        )
    return found.pop() if found else parameters.SAMPLE["vpc_id"]


def _finding(said: Said, resources: list[str]) -> Finding:
    commands = (
        _command(said.tag, resources[at : at + _MOST]) for at in range(0, len(resources), _MOST)
    )
    return Finding(
        said.rule,
        said.severity,
        tuple(resources),
        said.problem,
        said.effect,
        tuple(commands) if said.tag else (),
    )


def _command(tag: tuple[str, ...], resources: list[str]) -> str:
    """Return the command that sets a tag; that deletes it if no value is given."""
    verb = "create-tags" if tag[1:] else "delete-tags"
    words = ",".join(f"{name}={text}" for name, text in zip(("Key", "Value"), tag, strict=False))
    return shlex.join(["aws", "ec2", verb, "--resources", *resources, "--tags", words])
