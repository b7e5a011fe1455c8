"""Finds what a scoped policy would break in a cluster, with the fix for each."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.coverage.judge.verdict import Verdict, every
from vpc_cni_iam.errors import Message, UsageError
from vpc_cni_iam.inputs.aws.ec2 import Inventory
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.preflight import rules
from vpc_cni_iam.preflight.eni_configs import EniConfig
from vpc_cni_iam.preflight.lists import NodeLists, node_lists
from vpc_cni_iam.preflight.needs import Needs
from vpc_cni_iam.preflight.nodes import NodeCandidate, NodeOwner, is_plugins, node_candidates
from vpc_cni_iam.preflight.rules import RuleResult

# EC2 API reference, CreateTags: at most 1,000 resources in one request.
_MOST = 1000
_VERDICTS = {
    Level.NOTE: Verdict.works,
    Level.WARNING: Verdict.degraded,
    Level.ERROR: Verdict.fails,
}


class PreflightFinding(Struct, frozen=True):
    """Instances or interfaces with the same result of a rule."""

    rule: str
    severity: Level
    is_unknown: bool  # whether it is not known if the plugin fails there
    resources: tuple[str, ...]  # the IDs, sorted
    problem: Message
    effect: str
    commands: tuple[str, ...] = ()  # the commands that change the tag, if one must change


class Preflight(Struct, frozen=True):
    """The checked resources and the findings."""

    instances: int | None  # how many instances were described; None if the input has no such list
    interfaces: int | None  # likewise, for interfaces
    nodes: int  # how many instances were taken for the cluster's nodes
    findings: tuple[PreflightFinding, ...]  # the most severe first
    verdict: Verdict  # whether the plugin works with the policy there
    lists: NodeLists  # the subnets and security groups that a policy with lists must name


def preflight(
    inventory: Inventory,
    composed: Composed,
    cluster: str,
    vpc: str | None = None,
    differences: Iterable[RuleResult] = (),
    plugin: PluginSettings | None = None,
    *,
    eni_configs: Iterable[EniConfig] | None = None,
) -> Preflight:
    """Return the findings about resources that would break or be left over with a policy.

    If `vpc` is None, it is the VPC of the nodes; `UsageError` if they are in several. `differences`
    are results about the plugin's configuration.
    """
    candidates = node_candidates(inventory, cluster)
    nodes = [candidate for candidate in candidates if candidate.is_node]
    plugin = plugin or PluginSettings()
    needs = Needs.of(composed, cluster, _vpc(composed, nodes, vpc), plugin)
    resources: dict[RuleResult, list[str]] = {result: [] for result in differences}
    for result, resource in _results(inventory, candidates, needs):
        resources.setdefault(result, []).append(resource)
    of_resources = (result for result, ids in resources.items() if ids)
    if not nodes and not any(map(_counts, of_resources)):
        is_auto_mode = any(c.owner is NodeOwner.auto_mode for c in candidates)
        resources[rules.of_nothing(cluster, is_auto_mode=is_auto_mode)] = []
    if inventory.continued_pages:
        resources[rules.of_pages(inventory.continued_pages)] = []
    findings = [_finding(result, sorted(ids)) for result, ids in resources.items()]
    findings.sort(key=lambda f: (-_verdict(f).rank, -f.severity.rank, f.rule, f.problem))
    return Preflight(
        None if inventory.instances is None else len(inventory.instances),
        None if inventory.interfaces is None else len(inventory.interfaces),
        len(nodes),
        tuple(findings),
        every(map(_verdict, findings)),
        node_lists(nodes, eni_configs),
    )


def _counts(result: RuleResult | PreflightFinding) -> bool:
    return _verdict(result).is_failure(if_degraded=False)


def _verdict(result: RuleResult | PreflightFinding) -> Verdict:
    """Return whether the plugin works despite a finding."""
    return Verdict.unknown if result.is_unknown else _VERDICTS[result.severity]


def _results(
    inventory: Inventory, candidates: Iterable[NodeCandidate], needs: Needs
) -> Iterator[tuple[RuleResult, str]]:
    """Yield the results of the rules, with the ID of the instance or interface."""
    for candidate in candidates:
        if not candidate.is_node:
            if result := rules.of_stranger(candidate, needs):
                yield result, candidate.id
            continue
        for result in rules.of_node(candidate, needs):
            yield result, candidate.id
        for interface in candidate.interfaces:
            if result := rules.of_interface(interface, needs):
                yield result, interface.id
    for interface in (inventory.interfaces or {}).values():
        left = interface.status == "available" and is_plugins(interface)
        if left and (result := rules.of_left_over(interface, needs)):
            yield result, interface.id


def _vpc(composed: Composed, nodes: Iterable[NodeCandidate], vpc: str | None) -> str:
    """Return the VPC of a policy, empty if it does not name one."""
    if parameters.VPC_ID not in parameters.used(composed.policy):
        return ""
    if vpc is not None:
        return vpc
    vpcs = {interface.vpc for node in nodes for interface in node.interfaces}
    vpcs |= {node.instance.vpc for node in nodes if node.instance}
    vpcs.discard("")
    if len(vpcs) > 1:
        raise UsageError(
            f"the cluster's nodes are in {' and '.join(sorted(vpcs))}; name the VPC of the policy "
            "with --vpc-id"
        )
    return vpcs.pop() if vpcs else parameters.SAMPLE["vpc_id"]


def _finding(result: RuleResult, resources: list[str]) -> PreflightFinding:
    batches = (resources[at : at + _MOST] for at in range(0, len(resources), _MOST))
    return PreflightFinding(
        result.rule,
        result.severity,
        result.is_unknown,
        tuple(resources),
        result.problem,
        result.effect,
        tuple(_command(result.tag, batch) for batch in batches) if result.tag else (),
    )


def _command(tag: tuple[str, ...], resources: list[str]) -> str:
    """Return the command that sets a tag, or that deletes it if `tag` has no value."""
    verb = "create-tags" if tag[1:] else "delete-tags"
    words = ",".join(f"{name}={text}" for name, text in zip(("Key", "Value"), tag, strict=False))
    return shlex.join(["aws", "ec2", verb, "--resources", *resources, "--tags", words])
