"""What is to be said of one instance or interface under a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.inputs.ec2 import Instance, NetworkInterface
from vpc_cni_iam.preflight.needs import Needs
from vpc_cni_iam.preflight.nodes import Node

# With the value true on an interface, the plugin leaves that alone.
_NO_MANAGE = "node.k8s.amazonaws.com/no_manage"
Severity = Literal["breaks", "degrades", "note"]


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be said, without of which resource.

    Args:
        rule: Its identifier.
        severity: ``breaks``: the plugin fails there; ``degrades``: it works with less.
        problem: What is so.
        effect: What follows, or what the plugin does about it.
        tag: The key and the value of the tag to set; the key alone of one to delete.
    """

    rule: str
    severity: Severity
    problem: str
    effect: str
    tag: tuple[str, ...] = ()


def of_instance(instance: Instance, needs: Needs) -> Iterator[Said]:
    """Yield what is to be said of a node.

    Args:
        instance: The node.
        needs: The policy.
    """
    if needs.creates and needs.vpc and instance.vpc not in ("", needs.vpc):
        yield Said(
            "instance-in-another-vpc",
            "breaks",
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
    yield Said(
        "instance-tag-missing" if present is None else "instance-tag-value",
        "breaks",
        problem,
        f"the policy denies {', '.join(denied)} there: no interface can be added. The plugin never "
        "sets this tag; what makes the nodes must, or the next ones lack it, too",
        needs.instance_tag,
    )


def of_interface(interface: NetworkInterface, needs: Needs) -> Said | None:
    """Return what is to be said of an interface that is attached to a node.

    Args:
        interface: The interface.
        needs: The policy.
    """
    tags, ours = interface.tags, (CLUSTER, needs.cluster)
    if twice := _twice("interface", tags, needs):
        return twice
    ready = not needs.denied("network-interface", interface.id, tags, interface.vpc)
    if ready and (interface.type == "trunk" or tags.get(_NO_MANAGE) == "true"):
        return None
    if tags.get(_NO_MANAGE) == "true":
        return Said(
            "interface-not-managed",
            "note",
            f"tag {_NO_MANAGE} is true, and no tag {CLUSTER}",
            "the plugin leaves it alone, never tags it and needs nothing on it",
        )
    if interface.type == "trunk":
        return Said(
            "interface-trunk",
            "degrades",
            f"trunk interface, no tag {CLUSTER}",
            "the plugin never tags it; when the security groups of the first interface change, the "
            "policy denies it to follow here, which it logs",
            ours,
        )
    return _of_managed(interface, needs, ready)


def _of_managed(interface: NetworkInterface, needs: Needs, ready: bool) -> Said | None:
    """Return what is to be said of an interface that the plugin tags when it starts."""
    if twice := _twice("interface", {**interface.tags, **needs.sent}, needs):
        return twice  # once the plugin has set its own
    after = needs.tagged(interface)
    if after is None:
        return _refused(interface, needs)
    if denied := needs.denied("network-interface", interface.id, after, interface.vpc):
        return Said(
            "interface-denied",
            "breaks",
            f"in {interface.vpc}, not in {needs.vpc}",
            f"the policy denies {', '.join(denied)} there",
        )
    if ready:
        return None
    present = interface.tags.get(CLUSTER)
    problem = f"no tag {CLUSTER}"
    if present is not None:
        problem = f"tag {CLUSTER} is {present!r}"
    return Said(
        "interface-tagged-at-start",
        "note",
        problem,
        "the plugin sets it when it next starts, which setting CLUSTER_NAME brings about; not "
        "with DISABLE_NETWORK_RESOURCE_PROVISIONING or ENABLE_IMDS_ONLY_MODE. To set it before:",
        (CLUSTER, needs.cluster),
    )


def _refused(interface: NetworkInterface, needs: Needs) -> Said:
    present, elsewhere = interface.tags.get(CLUSTER), needs.vpc and interface.vpc != needs.vpc
    problem = "lacks tags that the policy does not let the plugin set"
    if elsewhere:
        problem += f", since it is in {interface.vpc}, not in {needs.vpc}"
    elif present not in (None, needs.cluster):
        problem += f", since {CLUSTER} is {present!r} there"
    return Said(
        "interface-tag-refused",
        "breaks",
        problem,
        "tagging it fails when the plugin starts, which ends the start",
        () if elsewhere else (CLUSTER, needs.cluster),
    )


def of_left_over(interface: NetworkInterface, needs: Needs) -> Said | None:
    """Return what is to be said of an interface of the plugin's that is attached to nothing.

    Args:
        interface: The interface.
        needs: The policy.
    """
    if CLUSTER in interface.tags or (needs.vpc and interface.vpc != needs.vpc):
        return None
    return Said(
        "interface-left-over",
        "degrades",
        f"left over: made by the plugin, attached to nothing, no tag {CLUSTER}",
        "once CLUSTER_NAME is set, the plugin's clean-up passes it over and nothing deletes it. If "
        "no other cluster of the VPC made it, tag it for the clean-up or delete it:",
        (CLUSTER, needs.cluster),
    )


def of_stranger(node: Node, needs: Needs, unsure: bool) -> Said | None:
    """Return what is to be said of an instance that shows no sign of being the cluster's.

    Args:
        node: The instance.
        needs: The policy.
        unsure: Whether its interfaces were not described, which would tell.
    """
    if node.standing == "theirs":
        problem, effect = "tags of another cluster", "passed over"
        return Said("instance-of-another-cluster", "note", problem, effect)
    if needs.instance_tag is None or node.instance is None:
        return None
    if twice := _twice("instance", node.instance.tags, needs):
        return twice
    if not needs.denied("instance", node.id, node.instance.tags):
        return None
    effect = "no interface there is the plugin's, so it was passed over. If it is a node:"
    if unsure:
        effect = (
            "if it is a node, no interface can be added to it. If not, describe the nodes only "
            "(--filters Name=tag:eks:cluster-name,Values=...), or the network interfaces, too"
        )
    return Said(
        "instance-unknown",
        "breaks" if unsure else "note",
        f"no sign of any cluster, and no tag {needs.instance_tag[0]}",
        effect,
        needs.instance_tag,
    )


def of_nothing(cluster: str) -> Said:
    """Return what is to be said if there is no node at all.

    Args:
        cluster: The name of the cluster.
    """
    return Said(
        "no-nodes",
        "breaks",
        f"nothing shows a sign of being a node of {cluster!r}",
        "nothing was checked: look at --cluster-name, at the Region and account that were "
        "described, and at --filters",
    )


def _twice(kind: str, tags: Iterable[str], needs: Needs) -> Said | None:
    """Return what is to be said if a key that the policy asks for comes in two spellings."""
    spelled: dict[str, list[str]] = {}
    for key in sorted(set(tags)):
        spelled.setdefault(key.lower(), []).append(key)
    for wanted in needs.asked:
        found = spelled.get(wanted.lower(), [])
        if len(found) > 1:
            wrong = next(key for key in found if key != wanted)
            return Said(
                f"{kind}-tag-twice",
                "breaks",
                f"tag {wrong!r} beside {wanted}",
                "IAM does not tell the case of a tag's key in a condition and takes only one; "
                "delete the wrong one:",
                (wrong,),
            )
    return None
