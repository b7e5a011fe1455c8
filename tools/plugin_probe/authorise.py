"""IAM's checks for a request: each action on each resource, with its context keys.

From the Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2",
"AWS STS" and "Amazon SageMaker AI". The decision itself is the product's own evaluator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tools.plugin_probe import cloud as names
from tools.plugin_probe.cloud import Cloud
from tools.plugin_probe.query import Form, numbered, tags
from vpc_cni_iam.policy.evaluate import Compiled, Request

Context = dict[str, str | tuple[str, ...]]

_COMMON: Context = {
    "aws:PrincipalAccount": names.ACCOUNT,
    "aws:RequestedRegion": names.REGION,
    "aws:SecureTransport": "true",
    "ec2:Region": names.REGION,
    # Session tags of EKS Pod Identity; sessions of other roles have none, and their policies do not
    # use
    # them.
    "aws:PrincipalTag/eks-cluster-name": names.CLUSTER,
    "aws:PrincipalTag/eks-cluster-arn": (
        f"arn:aws:eks:{names.REGION}:{names.ACCOUNT}:cluster/{names.CLUSTER}"
    ),
    "aws:PrincipalTag/kubernetes-namespace": "kube-system",
    "aws:PrincipalTag/kubernetes-service-account": "aws-node",
}


def arn(kind: str, identifier: str, account: str = names.ACCOUNT) -> str:
    """Return the ARN of an EC2 resource."""
    return f"arn:aws:ec2:{names.REGION}:{account}:{kind}/{identifier}"


def denied(
    policies: Compiled | None, denials: frozenset[str], checks: list[Request]
) -> list[Request]:
    """Return the checks that are not allowed.

    Args:
        policies: The policies under test; None allows everything.
        denials: Names of actions that are denied besides.
        checks: What IAM checks.
    """
    return [
        check
        for check in checks
        if check.action in denials or (policies and not policies.evaluate(check).allowed)
    ]


def ec2(cloud: Cloud, form: Form) -> list[Request]:
    """Return IAM's checks for a request to EC2."""
    return [Request(action, resource, "", c) for action, resource, c in _ec2(cloud, form)]


def sts() -> list[Request]:
    """Return IAM's checks for sts:GetCallerIdentity: none, AWS says; a Deny has no effect."""
    return []


def sagemaker(cluster: str) -> list[Request]:
    """Return IAM's checks for sagemaker:AttachClusterNodeNetworkInterface."""
    action = "sagemaker:AttachClusterNodeNetworkInterface"
    return [Request(action, cluster, "", {k: v for k, v in _COMMON.items() if "ec2" not in k})]


def _ec2(cloud: Cloud, form: Form) -> Iterator[tuple[str, str, Context]]:
    name = form["Action"]
    action = f"ec2:{name}"
    if name.startswith("Describe"):
        yield action, "*", _COMMON
    elif name == "CreateNetworkInterface":
        sent = tags(form, "TagSpecification.1.Tag")
        new = {**_COMMON, **_request_tags(sent), "aws:ResourceAccount": names.ACCOUNT}
        yield action, arn("network-interface", "*"), new
        if sent:
            created = {**new, "ec2:CreateAction": name}
            yield "ec2:CreateTags", arn("network-interface", "*"), created
        subnet = cloud.subnets.get(form["SubnetId"])
        owner = subnet.owner if subnet else names.ACCOUNT
        yield (
            action,
            arn("subnet", form["SubnetId"], owner),
            {**_placed(owner), "ec2:SubnetID": form["SubnetId"]},
        )
        for group in numbered(form, "SecurityGroupId"):
            yield action, *_group(cloud, group)
    elif name == "CreateTags":
        for identifier in numbered(form, "ResourceId"):
            resource, context = _interface(cloud, identifier)
            yield action, resource, {**context, **_request_tags(tags(form, "Tag"))}
    else:
        yield from _changes(cloud, form, action)


def _changes(cloud: Cloud, form: Form, action: str) -> Iterator[tuple[str, str, Context]]:
    """Yield the checks of an action that changes one interface."""
    if "AttachmentId" in form:
        identifier = cloud.by_attachment(form["AttachmentId"]).id
    else:
        identifier = form["NetworkInterfaceId"]
    yield action, *_interface(cloud, identifier)
    with_instance = action in ("ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface")
    if with_instance or "Attachment.AttachmentId" in form:
        yield action, *_instance(cloud)
    if action == "ec2:ModifyNetworkInterfaceAttribute":
        for group in numbered(form, "SecurityGroupId"):
            yield action, *_group(cloud, group)


def _request_tags(sent: Mapping[str, str]) -> Context:
    context: Context = {f"aws:RequestTag/{key}": value for key, value in sent.items()}
    if sent:
        context["aws:TagKeys"] = tuple(sent)
    return context


def _resource_tags(own: Mapping[str, str]) -> Context:
    return {
        f"{prefix}:ResourceTag/{key}": value
        for key, value in own.items()
        for prefix in ("aws", "ec2")
    }


def _placed(owner: str = names.ACCOUNT) -> Context:
    vpc = arn("vpc", names.VPC, owner)
    return {
        **_COMMON,
        "aws:ResourceAccount": owner,
        "ec2:Vpc": vpc,
        "ec2:AvailabilityZone": names.ZONE,
    }


def _interface(cloud: Cloud, identifier: str) -> tuple[str, Context]:
    interface = cloud.interfaces.get(identifier)
    resource = arn("network-interface", identifier)
    if interface is None:  # EC2 answers whether it exists only after it has authorised
        return resource, _COMMON
    owner = interface.subnet.owner
    context = {
        **_placed(owner),
        "aws:ResourceAccount": names.ACCOUNT,
        "ec2:NetworkInterfaceID": identifier,
        "ec2:Subnet": arn("subnet", interface.subnet.id, owner),
        **_resource_tags(interface.tags),
    }
    return resource, context


def _instance(cloud: Cloud) -> tuple[str, Context]:
    context: Context = {
        **_COMMON,
        "aws:ResourceAccount": names.ACCOUNT,
        "ec2:AvailabilityZone": names.ZONE,
        "ec2:InstanceID": names.INSTANCE,
        **_resource_tags(cloud.instance_tags),
    }
    return arn("instance", names.INSTANCE), context


def _group(cloud: Cloud, identifier: str) -> tuple[str, Context]:
    context: Context = {
        **_COMMON,
        "aws:ResourceAccount": names.ACCOUNT,
        "ec2:SecurityGroupID": identifier,
        # A shared VPC has groups of the accounts that it is shared with.
        "ec2:Vpc": arn("vpc", names.VPC, cloud.primary.subnet.owner),
    }
    return arn("security-group", identifier), context
