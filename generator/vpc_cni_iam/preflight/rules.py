"""The rules about one instance or interface with a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.catalog.hardening import KEY
from vpc_cni_iam.errors import Message
from vpc_cni_iam.inputs.aws.ec2 import Instance, Interface
from vpc_cni_iam.levels import Level
from vpc_cni_iam.preflight.needs import Needs
from vpc_cni_iam.preflight.nodes import NodeCandidate, NodeOwner

# The plugin does not manage an interface on which this tag is true.
_NO_MANAGE = "node.k8s.amazonaws.com/no_manage"
_ADD = "add the output of aws ec2"
_FILTER = "(--filters Name=tag:eks:cluster-name,Values=...)"


class RuleResult(Struct, frozen=True):
    """The result of a rule, without the ID of its instance or interface."""

    rule: str
    severity: Level  # an error if the plugin fails there, a warning if it works with limits
    problem: Message
    effect: str  # what follows, or what the plugin does about it
    # The key and the value of the tag to set, or only the key of a tag to delete.
    tag: tuple[str, ...] = ()
    is_unknown: bool = False  # whether it is not known if the plugin fails there


def of_node(node: NodeCandidate, needs: Needs) -> Iterator[RuleResult]:
    """Yield the results for a node, except those for its described interfaces."""
    if node.instance:
        yield from _of_instance(node.instance, needs)
    elif needs.instance_tag:
        yield RuleResult(
            "instance-not-read",
            Level.ERROR,
            f"not in the input, so its tag {needs.instance_tag[0]} is not known",
            f"without the tag, no interface can be added; {_ADD} describe-instances",
            is_unknown=True,
        )
    if node.lacks_interfaces and (needs.exits_on_trunk or _breaks(_possible(node), needs)):
        some = "some of " if node.interfaces else ""
        yield RuleResult(
            "interfaces-not-read",
            Level.ERROR,
            f"{some}its network interfaces are not in the input",
            "the plugin fails if some of them have other tags than it needs; "
            f"{_ADD} describe-network-interfaces",
            is_unknown=True,
        )


def _possible(node: NodeCandidate) -> Iterator[Interface]:
    """Yield interfaces that a node may have: without tags, and with the tag of another cluster."""
    vpc = node.instance.vpc if node.instance else ""
    for tags in ({}, {CLUSTER: "another cluster"}):
        yield Interface("", vpc, "in-use", "interface", "", node.id, tags)


def _breaks(interfaces: Iterable[Interface], needs: Needs) -> bool:
    """Return whether the plugin fails with one of some interfaces of a node."""
    placed = (replace(each, vpc=each.vpc or needs.vpc) for each in interfaces)
    results = (of_interface(interface, needs) for interface in placed)
    return any(result and result.severity is Level.ERROR for result in results)


def _of_instance(instance: Instance, needs: Needs) -> Iterator[RuleResult]:
    if needs.creates and needs.vpc and instance.vpc not in ("", needs.vpc):
        yield RuleResult(
            "instance-in-another-vpc",
            Level.ERROR,
            f"in {instance.vpc}, not in {needs.vpc}",
            "the policy denies ec2:CreateNetworkInterface there: pods only get the addresses of "
            "the first interface",
        )
    if needs.instance_tag is None:
        return
    if twice := _twice("instance", instance.tags, needs):
        yield twice
        return
    denied = needs.denied("instance", instance.id, instance.tags)
    if not denied:
        return
    key, value = needs.instance_tag
    present = next((v for k, v in instance.tags.items() if k.lower() == key.lower()), None)
    problem = f"no tag {key}, which must be {value!r}"
    if present is not None:
        problem = f"tag {key} is {present!r}, but must be {value!r}"
    yield RuleResult(
        "instance-tag-missing" if present is None else "instance-tag-value",
        Level.ERROR,
        problem,
        f"the policy denies {', '.join(denied)} there: no interface can be added. The plugin never "
        "sets this tag: your node group or launch template must set it. On this node:",
        needs.instance_tag,
    )


def of_interface(interface: Interface, needs: Needs) -> RuleResult | None:
    """Return the result for an interface that is attached to a node."""
    tags, ours = interface.tags, (CLUSTER, needs.cluster)
    if twice := _twice("interface", tags, needs):
        return twice
    ready = not needs.denied("network-interface", interface.id, tags, interface.vpc)
    is_trunk = interface.type == "trunk"
    if (ready or not needs.provisions) and (is_trunk or tags.get(_NO_MANAGE) == "true"):
        return None
    if tags.get(_NO_MANAGE) == "true":
        return RuleResult(
            "interface-not-managed",
            Level.NOTE,
            f"tag {_NO_MANAGE} is true, and no tag {CLUSTER}",
            "the plugin does not manage or tag this interface",
        )
    if is_trunk:
        exits = needs.exits_on_trunk
        return RuleResult(
            "interface-trunk",
            Level.ERROR if exits else Level.WARNING,
            f"trunk interface, no tag {CLUSTER}",
            "the plugin never tags it. When the plugin starts, and when the security groups of the "
            "first interface change, it sets them here. The policy denies that, and the plugin "
            f"{'exits at this version' if exits else 'logs the error'}",
            ours,
        )
    return _of_managed(interface, needs, ready=ready)


def _of_managed(interface: Interface, needs: Needs, *, ready: bool) -> RuleResult | None:
    """Return the result for an interface that the plugin tags when it starts."""
    if twice := _twice("interface", {**interface.tags, **needs.sent}, needs):
        return twice  # after the plugin has set its tags
    after = needs.tagged(interface)
    if after is None:
        return _refused(interface, needs)
    present = interface.tags.get(CLUSTER)
    problem = f"no tag {CLUSTER}" if present is None else f"tag {CLUSTER} is {present!r}"
    if denied := needs.denied("network-interface", interface.id, after, interface.vpc):
        if not needs.provisions:
            return RuleResult(
                "interface-tag-missing",
                Level.ERROR,
                problem,
                f"the policy denies {', '.join(denied)} there: no pod gets an address. With its "
                "configuration, the plugin does not set the tag:",
                (CLUSTER, needs.cluster),
            )
        return RuleResult(
            "interface-denied",
            Level.ERROR,
            f"in {interface.vpc}, not in {needs.vpc}",
            f"the policy denies {', '.join(denied)} there",
        )
    if ready:
        return None
    return RuleResult(
        "interface-tagged-at-start",
        Level.NOTE,
        problem,
        "the plugin sets it at its next start, for example when you set CLUSTER_NAME; not with "
        "DISABLE_NETWORK_RESOURCE_PROVISIONING or ENABLE_IMDS_ONLY_MODE. To set it before:",
        (CLUSTER, needs.cluster),
    )


def _refused(interface: Interface, needs: Needs) -> RuleResult:
    present, elsewhere = interface.tags.get(CLUSTER), needs.vpc and interface.vpc != needs.vpc
    problem = "tags are missing, and the policy does not allow the plugin to set them"
    if elsewhere:
        problem += f": it is in {interface.vpc}, not in {needs.vpc}"
    elif present not in (None, needs.cluster):
        problem += f": its tag {CLUSTER} is {present!r}"
    elif needs.unlisted:
        problem += f": the policy does not list the tag key {', '.join(needs.unlisted)}"
    effect = "the plugin cannot tag it when it starts, and exits"
    return RuleResult(
        "interface-tag-refused",
        Level.ERROR,
        problem,
        f"{effect}; list it with --additional-tag-key" if needs.unlisted else effect,
        () if elsewhere or needs.unlisted else (CLUSTER, needs.cluster),
    )


def of_left_over(interface: Interface, needs: Needs) -> RuleResult | None:
    """Return the result for an interface of the plugin that is not attached."""
    if CLUSTER in interface.tags or (needs.vpc and interface.vpc != needs.vpc):
        return None
    return RuleResult(
        "interface-left-over",
        Level.WARNING,
        f"left over: created by the plugin, not attached, no tag {CLUSTER}",
        "after CLUSTER_NAME is set, the plugin's clean-up skips it and nothing deletes it. If "
        "no other cluster in the VPC created it, tag it for the clean-up or delete it:",
        (CLUSTER, needs.cluster),
    )


def of_stranger(node: NodeCandidate, needs: Needs) -> RuleResult | None:
    """Return the result for an instance that has no sign of belonging to the cluster."""
    if node.owner is NodeOwner.another:
        problem, effect = "tags of another cluster", "skipped"
        return RuleResult("instance-of-another-cluster", Level.NOTE, problem, effect)
    if node.owner is NodeOwner.auto_mode:
        problem = "a node of EKS Auto Mode: Operator is eks.amazonaws.com"
        effect = "skipped: EKS gives its pods their addresses, and aws-node does not run on it"
        return RuleResult("instance-of-auto-mode", Level.NOTE, problem, effect)
    return _of_unmarked(node, needs)


def _of_unmarked(node: NodeCandidate, needs: Needs) -> RuleResult | None:
    """Return the result for an instance that may be a node of any cluster, or none."""
    if not needs.provisions and _breaks(node.interfaces or _possible(node), needs):
        problem = (
            f"nothing shows which cluster it belongs to, and an interface has no tag {CLUSTER}"
        )
        effect = (
            f"if it is a node, no pod gets an address. If not, describe only the nodes {_FILTER}"
        )
        return RuleResult("instance-unknown", Level.ERROR, problem, effect, is_unknown=True)
    if needs.instance_tag is None or node.instance is None:
        return None
    if twice := _twice("instance", node.instance.tags, needs):
        return twice
    if not needs.denied("instance", node.id, node.instance.tags):
        return None
    effect = "skipped, because it has no interface of the plugin. If it is a node:"
    unsure = not node.interfaces  # interfaces would show whether it is a node
    if unsure:
        effect = (
            "if it is a node, no interface can be added to it. If not, describe only the nodes "
            f"{_FILTER}, or also the network interfaces"
        )
    return RuleResult(
        "instance-unknown",
        Level.ERROR if unsure else Level.NOTE,
        f"nothing shows which cluster it belongs to, and it has no tag {needs.instance_tag[0]}",
        effect,
        needs.instance_tag,
        is_unknown=unsure,
    )


def of_nothing(cluster: str, *, is_auto_mode: bool) -> RuleResult:
    """Return the result if there is no node, or none but nodes of EKS Auto Mode."""
    effect = (
        "nothing was checked; compare --cluster-name, the Region, the account and --filters with "
        "the cluster"
    )
    if is_auto_mode:
        effect += ". If all its nodes are of EKS Auto Mode, it needs no policy"
    problem = f"no instance or interface looks like a node of {cluster!r}"
    return RuleResult("no-nodes", Level.ERROR, problem, effect, is_unknown=True)


def of_cluster_name(own: str, cluster: str) -> RuleResult:
    """Return the result if the plugin has no cluster name, or another one."""
    return RuleResult(
        "cluster-name-differs",
        Level.ERROR,
        f"CLUSTER_NAME of aws-node is {own!r}, not {cluster!r}" if own
        else "CLUSTER_NAME of aws-node is not set",
        "the plugin does not tag interfaces for the cluster, so the policy denies creating and "
        f"using them; set CLUSTER_NAME to {cluster}",
    )  # fmt: skip


def of_additional_tags(keys: Iterable[str]) -> RuleResult:
    """Return the result if the policy lists the tag keys of the plugin's configuration."""
    return RuleResult(
        "additional-tag-keys",
        Level.NOTE,
        f"ADDITIONAL_ENI_TAGS of aws-node has the keys {', '.join(keys)}",
        "checked with a policy that lists its keys, by additional_tag_keys in vpc-cni-iam.toml or "
        f"{KEY}. With a hardened policy that does not list them, the plugin exits at start",
    )


def of_unread(part: str) -> RuleResult:
    """Return the result if a part of the plugin's configuration is not known."""
    return RuleResult(
        "configuration-not-read",
        Level.ERROR,
        part,
        "this decides whether the plugin works with the policy",
        is_unknown=True,
    )


def of_pages(count: int) -> RuleResult:
    """Return the result if pages say that another page follows."""
    return RuleResult(
        "pages-may-be-missing",
        Level.ERROR,
        f"{count} page{'s' * (count != 1)} with a NextToken",
        "pages may be missing; print all of them (aws without --no-paginate and --max-items)",
        is_unknown=True,
    )


def _twice(kind: str, tags: Iterable[str], needs: Needs) -> RuleResult | None:
    """Return the result if a tag key that the policy requires has two spellings."""
    spellings: dict[str, list[str]] = {}
    for key in sorted(set(tags)):
        spellings.setdefault(key.lower(), []).append(key)
    for required in needs.tag_keys:
        keys = spellings.get(required.lower(), [])
        if len(keys) > 1:
            wrong = next(key for key in keys if key != required)
            return RuleResult(
                f"{kind}-tag-twice",
                Level.ERROR,
                f"tag {wrong!r} beside {required}",
                "IAM conditions ignore the case of a tag's key and read only one of them; "
                "delete the wrong one:",
                (wrong,),
            )
    return None
