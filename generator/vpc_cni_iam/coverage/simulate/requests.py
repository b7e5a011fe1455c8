"""The requests that IAM is asked about for one call: one for each resource, with its context.

Which resources an action is checked on, and which condition keys each check carries, is the
Service Authorization Reference's, page "Actions, resources, and condition keys for Amazon EC2"
(list_amazonec2.html). A key that the page does not give a resource is absent: ec2:Vpc from the
interface of CreateNetworkInterface, ec2:CreateAction from a CreateTags call of its own. Nothing
is given to the interface of a CreateTags at creation but what the request itself carries.

That SageMaker checks the attachment on the cluster is upstream's word: v1.23.2:docs/iam-policy.md,
lines 88 to 109.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vpc_cni_iam.catalog.facts.calls import program_service_account
from vpc_cni_iam.coverage.simulate.settings import Names, PluginSetting
from vpc_cni_iam.policy.evaluate import Request

Tags = Mapping[str, str]
_SERVICE_ACCOUNT_TAG = "aws:PrincipalTag/kubernetes-service-account"
_Context = dict[str, "str | tuple[str, ...]"]

# The keys that some check carries; aws:RequestTag and the like stand for any tag key.
KEYS = frozenset(
    """aws:PrincipalAccount aws:PrincipalTag aws:RequestTag aws:RequestedRegion aws:ResourceAccount
    aws:ResourceTag aws:SecureTransport aws:TagKeys cloudwatch:namespace ec2:AvailabilityZone
    ec2:CreateAction ec2:InstanceID ec2:NetworkInterfaceID ec2:Region ec2:ResourceTag
    ec2:SecurityGroupID ec2:Subnet ec2:SubnetID ec2:Vpc""".lower().split()
)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet."""

    id: str
    account: str
    vpc_id: str


@dataclass(frozen=True, slots=True)
class Group:
    """A security group."""

    id: str
    account: str  # the account that owns it
    vpc_id: str
    vpc_account: str  # the account that owns the VPC


@dataclass(slots=True)
class NodeInterface:
    """A network interface; its tags change as the plugin writes them."""

    name: str
    id: str
    account: str
    subnet: Subnet
    tags: dict[str, str] = field(default_factory=dict)
    exists: bool = True  # false for one that was to be made and whose making was denied


class Requests:
    """Builds the requests of one setting."""

    def __init__(self, setting: PluginSetting) -> None:
        """Prepare the context that all requests of the setting share."""
        names = setting.names
        self.names: Names = names
        self.common: _Context = {
            "aws:PrincipalAccount": names.account_id,
            "aws:RequestedRegion": names.region,
            "aws:SecureTransport": "true",
            "ec2:Region": names.region,
        }
        if setting.session_tags:
            # Amazon EKS User Guide, "Grant Pods access to AWS resources based on tags".
            self.common |= {
                "aws:PrincipalTag/eks-cluster-name": names.cluster_name,
                "aws:PrincipalTag/eks-cluster-arn": (
                    f"arn:{names.partition}:eks:{names.region}:{names.account_id}"
                    f":cluster/{names.cluster_name}"
                ),
                "aws:PrincipalTag/kubernetes-namespace": "kube-system",
                _SERVICE_ACCOUNT_TAG: "aws-node",
            }
        owned = {f"kubernetes.io/cluster/{names.cluster_name}": "owned"}
        self.instance_tags: Tags = owned if setting.instance_tagged else {}

    def arn(self, kind: str, identifier: str, account: str) -> str:
        """Return the ARN of an EC2 resource of a kind such as ``subnet``."""
        return f"arn:{self.names.partition}:ec2:{self.names.region}:{account}:{kind}/{identifier}"

    def on_nothing(self, action: str) -> tuple[Request, ...]:
        """Return the check of an action that is checked on no resource, such as Describe."""
        return (Request(action, "*", context=self.common),)

    def by_metrics_helper(self, action: str) -> tuple[Request, ...]:
        """Return the check of a call of cni-metrics-helper, which has a service account."""
        context = dict(self.common)
        if _SERVICE_ACCOUNT_TAG in context:
            context[_SERVICE_ACCOUNT_TAG] = program_service_account("metrics-helper")
        if action.startswith("cloudwatch:"):
            # v1.23.2:pkg/publisher/publisher.go:37
            context["cloudwatch:namespace"] = "Kubernetes"
        return (Request(action, "*", context=context),)

    def on_interface(self, action: str, eni: NodeInterface) -> Request:
        """Return the check of an action on an existing interface."""
        return Request(action, self._eni_arn(eni), context=self._eni_context(eni))

    def on_instance(self, action: str, instance: str) -> Request:
        """Return the check of an action on the node's instance."""
        context = self._tagged(self.instance_tags)
        context |= {"ec2:InstanceID": instance, "ec2:AvailabilityZone": f"{self.names.region}a"}
        context["aws:ResourceAccount"] = self.names.account_id
        return Request(action, self.arn("instance", instance, self.names.account_id), "", context)

    def on_hyperpod_cluster(self, action: str) -> tuple[Request, ...]:
        """Return the check of an action on the SageMaker HyperPod cluster of the node."""
        names = self.names
        place = f"arn:{names.partition}:sagemaker:{names.region}:{names.account_id}"
        context = self.common | {"aws:ResourceAccount": names.account_id}
        cluster = f"{place}:cluster/{names.hyperpod_cluster_id}"
        return (Request(action, cluster, "", context),)

    def create_tags(self, eni: NodeInterface, tags: Tags) -> tuple[Request, ...]:
        """Return the check of a CreateTags call of its own."""
        context = self._eni_context(eni) | _sent(tags)
        return (Request("ec2:CreateTags", self._eni_arn(eni), "", context),)

    def create_interface(
        self, subnet: Subnet, groups: Iterable[Group], tags: Tags
    ) -> tuple[Request, ...]:
        """Return the checks of a CreateNetworkInterface.

        Tags with the request are checked as ec2:CreateTags, too: Amazon EC2 User Guide, "Grant
        permission to tag Amazon EC2 resources during creation".
        """
        action, account = "ec2:CreateNetworkInterface", self.names.account_id
        new = self.arn("network-interface", "*", account)
        context = self.common | {"aws:ResourceAccount": account} | _sent(tags)
        checks = [Request(action, new, "", context)]
        if tags:
            made = context | {"ec2:CreateAction": "CreateNetworkInterface"}
            checks.append(Request("ec2:CreateTags", new, "", made))
        where = self.common | {
            "aws:ResourceAccount": subnet.account,
            "ec2:AvailabilityZone": f"{self.names.region}a",
            "ec2:SubnetID": subnet.id,
            "ec2:Vpc": self.arn("vpc", subnet.vpc_id, subnet.account),
        }
        checks.append(Request(action, self.arn("subnet", subnet.id, subnet.account), "", where))
        return (*checks, *self.on_groups(action, groups))

    def on_groups(self, action: str, groups: Iterable[Group]) -> tuple[Request, ...]:
        """Return the checks of an action on security groups."""
        return tuple(
            Request(
                action,
                self.arn("security-group", group.id, group.account),
                "",
                self.common
                | {
                    "aws:ResourceAccount": group.account,
                    "ec2:SecurityGroupID": group.id,
                    "ec2:Vpc": self.arn("vpc", group.vpc_id, group.vpc_account),
                },
            )
            for group in groups
        )

    def _eni_arn(self, eni: NodeInterface) -> str:
        return self.arn("network-interface", eni.id, eni.account)

    def _eni_context(self, eni: NodeInterface) -> _Context:
        subnet = eni.subnet
        return self._tagged(eni.tags) | {
            "aws:ResourceAccount": eni.account,
            "ec2:AvailabilityZone": f"{self.names.region}a",
            "ec2:NetworkInterfaceID": eni.id,
            "ec2:Subnet": self.arn("subnet", subnet.id, subnet.account),
            "ec2:Vpc": self.arn("vpc", subnet.vpc_id, subnet.account),
        }

    def _tagged(self, tags: Tags) -> _Context:
        context = dict(self.common)
        for key, value in tags.items():
            context[f"aws:ResourceTag/{key}"] = value
            context[f"ec2:ResourceTag/{key}"] = value
        return context


def _sent(tags: Tags) -> _Context:
    context: _Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        context["aws:TagKeys"] = tuple(tags)
    return context
