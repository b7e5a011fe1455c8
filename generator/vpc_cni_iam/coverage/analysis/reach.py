"""What an attacker with the role's credentials can do to resources, by evaluating requests.

Each ability is checked with every resource that EC2 checks for its action, according to the Service
Authorization Reference: attaching and detaching need the instance and the interface.
"""

from __future__ import annotations

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    CREATED_AT,
    INSTANCE,
    KUBERNETES_CLUSTER,
    OWNER,
)
from vpc_cni_iam.coverage.simulate.requests import Group, NodeInterface, Requests, Subnet, Tags
from vpc_cni_iam.coverage.simulate.send import NODE, Answers
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.evaluate import Request

ASSIGN, ATTACH = "ec2:AssignPrivateIpAddresses", "ec2:AttachNetworkInterface"
CREATE, DELETE = "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"
DETACH = "ec2:DetachNetworkInterface"
MODIFY, UNASSIGN = "ec2:ModifyNetworkInterfaceAttribute", "ec2:UnassignPrivateIpAddresses"
_CHANGES = ("ec2:AssignIpv6Addresses", ASSIGN, ATTACH, DELETE, DETACH, MODIFY, UNASSIGN)


class Attacker:
    """The role's policies, and the resources of the checks."""

    def __init__(self, ready: Answers, setting: RequestSetting) -> None:
        names = setting.names
        self.ready, self.setting = ready, setting
        self.requests, self._others = (Requests(setting, ready.named) for _ in range(2))
        other = f"{names.cluster_name}-other"
        self._others.instance_tags = {f"{KUBERNETES_CLUSTER}{other}": "owned"}
        owner = names.vpc_owner_id
        self.here = Subnet(names.subnet_id, owner, names.vpc_id)
        # No resource has these IDs, so no policy names them.
        self.beside = Subnet("subnet-other", owner, names.vpc_id)  # not a node's
        self.there = Subnet("subnet-other", owner, "vpc-other")
        self.ours: Tags = {CLUSTER: names.cluster_name}
        self.theirs: Tags = {CLUSTER: other, INSTANCE: NODE}

    def eni(self, subnet: Subnet, tags: Tags) -> NodeInterface:
        """Return an interface in a subnet, with tags."""
        account = self.setting.names.account_id
        return NodeInterface("", account, subnet, dict(tags))

    def foreign_group(self, subnet: Subnet) -> Group:
        """Return a security group of a subnet's VPC that no node of the cluster has."""
        account = self.setting.names.account_id
        return Group("sg-other", account, subnet.vpc_id, subnet.account)

    @property
    def own_group(self) -> Group:
        """The security group of the cluster's nodes."""
        return replace(self.foreign_group(self.here), id=self.setting.names.security_group_id)

    def allows(self, *requests: Request) -> bool:
        """Return whether requests may be allowed; an undecided request may be."""
        return not any(self.ready.evaluate(request).denied for request in requests)

    def may(self, action: str, eni: NodeInterface, *, own_instance: bool = True) -> bool:
        """Return whether an action may be allowed on an interface, and its instance if checked.

        The instance is a node of the cluster, or one of another cluster.
        """
        requests = self.requests if own_instance else self._others
        on = [requests.on_instance(action)] if action in (ATTACH, DETACH) else []
        return self.allows(requests.on_interface(action, eni), *on)

    def may_change(self, eni: NodeInterface) -> tuple[str, ...]:
        """Return the allowed actions on an interface that another cluster's instance may use.

        A detached interface is attached to a node of the cluster.
        """
        return tuple(a for a in _CHANGES if self.may(a, eni, own_instance=a != DETACH))

    def may_tag(self, eni: NodeInterface, tags: Tags) -> bool:
        """Return whether tags may be written on an interface."""
        return self.allows(*self.requests.create_tags(eni, tags))

    def may_claim(self, eni: NodeInterface) -> bool:
        """Return whether the cluster's tag may be written, also with the plugin's other tags."""
        more = {INSTANCE: NODE, OWNER: "amazon-vpc-cni", CREATED_AT: "2026-01-01T00:00:00Z"}
        return self.may_tag(eni, self.ours) or any(
            self.may_tag(eni, {**self.ours, **sent})
            for sent in (more, {INSTANCE: NODE}, {k: more[k] for k in (INSTANCE, OWNER)})
        )

    def claimed(self, eni: NodeInterface) -> NodeInterface:
        """Return an interface with the cluster's tag instead of another cluster's tag."""
        return self.eni(eni.subnet, {**eni.tags, **self.ours})

    def may_create(self, subnet: Subnet, group: Group) -> bool:
        """Return whether an interface may be created in a subnet, with a security group."""
        return self.allows(*self.requests.create_interface(subnet, [group], self.ours))

    def may_set_group(self, eni: NodeInterface) -> bool:
        """Return whether an interface may get a security group that no node of the cluster has."""
        groups = self.requests.on_groups(MODIFY, [self.foreign_group(eni.subnet)])
        return self.allows(self.requests.on_interface(MODIFY, eni), *groups)
