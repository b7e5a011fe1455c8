"""The rules about one instance or interface under a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.catalog.hardening import KEY
from vpc_cni_iam.errors import Message
from vpc_cni_iam.inputs.aws.ec2 import Instance, Interface
from vpc_cni_iam.preflight.needs import Needs
from vpc_cni_iam.preflight.nodes import NodeCandidate, NodeOwner

# With the value true on an interface, the plugin leaves that alone.
_NO_MANAGE = "node.k8s.amazonaws.com/no_manage"
_GIVE = "give what aws ec2"


class Severity(StrEnum):
    """The severity of a finding, the most severe first."""

    breaks = "breaks"  # the plugin fails there
    unknown = "unknown"  # whether it fails was not checked
    degrades = "degrades"  # it works, degraded
    note = "note"


class RuleResult(Struct, frozen=True):
    """The result of a rule for an instance or an interface, which it does not name."""

    rule: str
    severity: Severity
    problem: Message
    effect: str  # what follows, or what the plugin does about it
    # The key and the value of the tag to set; the key alone of one to delete.
    tag: tuple[str, ...] = ()


def of_node(node: NodeCandidate, needs: Needs) -> Iterator[RuleResult]:
    """Yield the results for a node, without those for its interfaces that were described."""
    if node.instance:
        yield from _of_instance(node.instance, needs)
    elif needs.instance_tag:
        yield RuleResult(
            "instance-not-read",
            Severity.unknown,
            f"not described, so that its tag {needs.instance_tag[0]} is not known",
            f"without the tag, no interface can be added: {_GIVE} describe-instances prints, too",
        )
    if not node.interfaces and node.instance:
        vpc = node.instance.vpc or needs.vpc
        untagged = Interface("", vpc, "in-use", "interface", "", node.id, {})
        result = of_interface(untagged, needs)
        if needs.exits_on_trunk or (result and result.severity is Severity.breaks):
            yield RuleResult(
                "interfaces-not-read",
                Severity.unknown,
                "its network interfaces are not described",
                "the plugin fails if some of them do not have certain tags: "
                f"{_GIVE} describe-network-interfaces prints, too",
            )


def _of_instance(instance: Instance, needs: Needs) -> Iterator[RuleResult]:
    if needs.creates and needs.vpc and instance.vpc not in ("", needs.vpc):
        yield RuleResult(
            "instance-in-another-vpc",
            Severity.breaks,
            f"in {instance.vpc}, not in {needs.vpc}",
            "the policy denies ec2:CreateNetworkInterface there: pods get no more addresses than "
            "the first interface has",
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
        problem = f"tag {key} is {present!r}, and must be {value!r}"
    yield RuleResult(
        "instance-tag-missing" if present is None else "instance-tag-value",
        Severity.breaks,
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
            Severity.note,
            f"tag {_NO_MANAGE} is true, and no tag {CLUSTER}",
            "the plugin leaves it alone, never tags it and needs nothing on it",
        )
    if is_trunk:
        exits = needs.exits_on_trunk
        return RuleResult(
            "interface-trunk",
            Severity.breaks if exits else Severity.degrades,
            f"trunk interface, no tag {CLUSTER}",
            "the plugin never tags it. When it starts, and when the security groups of the first "
            "interface change, the policy denies their change here, and the plugin "
            f"{'exits at this version' if exits else 'logs that'}",
            ours,
        )
    return _of_managed(interface, needs, ready=ready)


def _of_managed(interface: Interface, needs: Needs, *, ready: bool) -> RuleResult | None:
    """Return the result for an interface that the plugin tags when it starts."""
    if twice := _twice("interface", {**interface.tags, **needs.sent}, needs):
        return twice  # once the plugin has set its own
    after = needs.tagged(interface)
    if after is None:
        return _refused(interface, needs)
    present = interface.tags.get(CLUSTER)
    problem = f"no tag {CLUSTER}" if present is None else f"tag {CLUSTER} is {present!r}"
    if denied := needs.denied("network-interface", interface.id, after, interface.vpc):
        if not needs.provisions:
            return RuleResult(
                "interface-tag-missing",
                Severity.breaks,
                problem,
                f"the policy denies {', '.join(denied)} there: no pod gets an address. As it is "
                "configured, the plugin does not set the tag:",
                (CLUSTER, needs.cluster),
            )
        return RuleResult(
            "interface-denied",
            Severity.breaks,
            f"in {interface.vpc}, not in {needs.vpc}",
            f"the policy denies {', '.join(denied)} there",
        )
    if ready:
        return None
    return RuleResult(
        "interface-tagged-at-start",
        Severity.note,
        problem,
        "the plugin sets it when it next starts, as it does when CLUSTER_NAME is set; not with "
        "DISABLE_NETWORK_RESOURCE_PROVISIONING or ENABLE_IMDS_ONLY_MODE. To set it before:",
        (CLUSTER, needs.cluster),
    )


def _refused(interface: Interface, needs: Needs) -> RuleResult:
    present, elsewhere = interface.tags.get(CLUSTER), needs.vpc and interface.vpc != needs.vpc
    problem = "lacks tags that the policy does not let the plugin set"
    if elsewhere:
        problem += f", since it is in {interface.vpc}, not in {needs.vpc}"
    elif present not in (None, needs.cluster):
        problem += f", since {CLUSTER} is {present!r} there"
    return RuleResult(
        "interface-tag-refused",
        Severity.breaks,
        problem,
        "the plugin cannot tag it at its start, and exits",
        () if elsewhere else (CLUSTER, needs.cluster),
    )


def of_left_over(interface: Interface, needs: Needs) -> RuleResult | None:
    """Return the result for an interface of the plugin's that is attached to nothing."""
    if CLUSTER in interface.tags or (needs.vpc and interface.vpc != needs.vpc):
        return None
    return RuleResult(
        "interface-left-over",
        Severity.degrades,
        f"left over: made by the plugin, attached to nothing, no tag {CLUSTER}",
        "once CLUSTER_NAME is set, the plugin's clean-up passes it over and nothing deletes it. If "
        "no other cluster of the VPC made it, tag it for the clean-up or delete it:",
        (CLUSTER, needs.cluster),
    )


def of_stranger(node: NodeCandidate, needs: Needs) -> RuleResult | None:
    """Return the result for an instance that shows no sign of being the cluster's."""
    if node.owner is NodeOwner.another:
        problem, effect = "tags of another cluster", "skipped"
        return RuleResult("instance-of-another-cluster", Severity.note, problem, effect)
    if node.owner is NodeOwner.auto_mode:
        problem = "a node of EKS Auto Mode: Operator is eks.amazonaws.com"
        effect = "EKS gives its pods their addresses, and aws-node does not run there: skipped"
        return RuleResult("instance-of-auto-mode", Severity.note, problem, effect)
    if needs.instance_tag is None or node.instance is None:
        return None
    if twice := _twice("instance", node.instance.tags, needs):
        return twice
    if not needs.denied("instance", node.id, node.instance.tags):
        return None
    effect = "no interface there is the plugin's, so it was skipped. If it is a node:"
    unsure = not node.interfaces  # they would tell
    if unsure:
        effect = (
            "if it is a node, no interface can be added to it. If not, describe the nodes only "
            "(--filters Name=tag:eks:cluster-name,Values=...), or the network interfaces, too"
        )
    return RuleResult(
        "instance-unknown",
        Severity.unknown if unsure else Severity.note,
        f"nothing shows which cluster it belongs to, and it has no tag {needs.instance_tag[0]}",
        effect,
        needs.instance_tag,
    )


def of_nothing(cluster: str) -> RuleResult:
    """Return the result if there is no node at all."""
    return RuleResult(
        "no-nodes",
        Severity.unknown,
        f"no instance or interface looks like a node of {cluster!r}",
        "nothing was checked; compare --cluster-name, the Region, the account and --filters with "
        "the cluster",
    )


def of_cluster_name(own: str, cluster: str) -> RuleResult:
    """Return the result if the plugin does not have the name of the cluster."""
    return RuleResult(
        "cluster-name-differs",
        Severity.breaks,
        f"CLUSTER_NAME of aws-node is {own!r}, not {cluster!r}" if own
        else "CLUSTER_NAME of aws-node is not set",
        "the plugin does not tag interfaces for the cluster, so the policy denies creating and "
        f"using them: set CLUSTER_NAME to {cluster}",
    )  # fmt: skip


def of_additional_tags(keys: Iterable[str]) -> RuleResult:
    """Return the result if the policy is checked with the tag keys of the plugin's configuration."""
    named = ", ".join(keys)
    return RuleResult(
        "additional-tag-keys",
        Severity.note,
        f"ADDITIONAL_ENI_TAGS of aws-node has the keys {named}",
        "checked with a policy that lists its keys, by additional_tag_keys in vpc-cni-iam.toml or "
        f"{KEY}. With a hardened policy that does not list them, the plugin exits at start",
    )


def of_unread(part: str) -> RuleResult:
    """Return the result if a part of the plugin's configuration is not known."""
    return RuleResult(
        "configuration-not-read",
        Severity.unknown,
        part,
        "whether the plugin works with the policy depends on it",
    )


def of_pages(count: int) -> RuleResult:
    """Return the result if there are pages that say that another follows."""
    return RuleResult(
        "pages-may-be-missing",
        Severity.unknown,
        f"{count} page{'s' * (count != 1)} with a NextToken",
        "nothing tells whether every page is given, and no other was checked; let aws follow the "
        "pages (leave --no-paginate and --max-items out)",
    )


def _twice(kind: str, tags: Iterable[str], needs: Needs) -> RuleResult | None:
    """Return the result if a key that the policy asks for comes in two spellings."""
    spellings: dict[str, list[str]] = {}
    for key in sorted(set(tags)):
        spellings.setdefault(key.lower(), []).append(key)
    for required in needs.tag_keys:
        keys = spellings.get(required.lower(), [])
        if len(keys) > 1:
            wrong = next(key for key in keys if key != required)
            return RuleResult(
                f"{kind}-tag-twice",
                Severity.breaks,
                f"tag {wrong!r} beside {required}",
                "a condition of IAM ignores the case of a tag's key and reads only one of them; "
                "delete the wrong one:",
                (wrong,),
            )
    return None
