"""The requests that IAM checks for one call: one for each resource, with its context.

The resources and condition keys of each action are those of the Service Authorization Reference,
page "Actions, resources, and condition keys for Amazon EC2" (list_amazonec2.html). A key that the
page does not list for a resource is absent: ec2:Vpc for the interface of CreateNetworkInterface,
ec2:CreateAction for a separate CreateTags call. The interface of a CreateTags at creation has only
the keys of the request itself.

For the network policy agent's logs, it is the page for Amazon CloudWatch Logs
(list_amazoncloudwatchlogs.html). Upstream says that SageMaker checks the attachment on the cluster:
v1.23.2:docs/iam-policy.md, lines 88 to 109.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import program_of
from vpc_cni_iam.catalog.facts.requests import KUBERNETES_CLUSTER, RequestTemplate, kind_of
from vpc_cni_iam.coverage.simulate.named import NamedValues
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.variables import UNKNOWN, OneOf, UnknownValue

Tags = Mapping[str, str]
_SERVICE_ACCOUNT_TAG = "aws:PrincipalTag/kubernetes-service-account"
# aws-network-policy-agent v1.4.3:pkg/ebpf/events/events.go:318-319.
_STREAM = "aws-network-policy-agent-audit-01234567-89ab-cdef-0123-456789abcdef"
_Context = dict[str, "str | tuple[str, ...]"]
# The IDs instead of unknown ones. No pattern matches only these, because IDs are hexadecimal.
_PREFIXES = {
    "instance": "i",
    "network-interface": "eni",
    "security-group": "sg",
    "subnet": "subnet",
    "vpc": "vpc",
}
_KINDS = {prefix: kind for kind, prefix in _PREFIXES.items()}
_UNKNOWN_IDS = {kind: f"{prefix}-unknown" for kind, prefix in _PREFIXES.items()}
_KINDS_OF_KEYS = {
    "ec2:InstanceID": "instance",
    "ec2:NetworkInterfaceID": "network-interface",
    "ec2:SecurityGroupID": "security-group",
    "ec2:Subnet": "subnet",
    "ec2:SubnetID": "subnet",
    "ec2:Vpc": "vpc",
}
# Amazon EC2 User Guide, "Regions and Zones": the code of a zone is its Region and a letter.
_ZONES = "abcdef"

# The keys that some check has; aws:RequestTag and similar keys are for any tag key.
KEYS = frozenset(
    """aws:PrincipalAccount aws:PrincipalIsAWSService aws:PrincipalTag
    aws:PrincipalType aws:RequestTag aws:RequestedRegion aws:ResourceAccount aws:ResourceTag
    aws:SecureTransport aws:TagKeys aws:ViaAWSService cloudwatch:namespace ec2:AvailabilityZone
    ec2:CreateAction ec2:InstanceID ec2:NetworkInterfaceID ec2:Region ec2:ResourceTag
    ec2:SecurityGroupID ec2:Subnet ec2:SubnetID ec2:Vpc""".lower().split()
)
# And those that no check has. IAM User Guide, "AWS global condition context keys": a role that
# calls AWS itself, without MFA, sends none of them.
_KNOWN = KEYS | frozenset(
    """aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:MultiFactorAuthAge
    aws:PrincipalServiceName aws:PrincipalServiceNamesList aws:username""".lower().split()
)
# The same, and "Secure API access with MFA": such requests are without MFA; AWS does not say
# whether the key is then false or absent.
_MFA, _NO_MFA = "aws:multifactorauthpresent", UnknownValue(("false",))
TAGS_OF_RESOURCES = ("aws:resourcetag", "ec2:resourcetag")
# Tags of each session. Amazon EKS User Guide, "Grant Pods access to AWS resources based on tags".
_SESSION_TAGS = (
    "eks-cluster-arn",
    "eks-cluster-name",
    "kubernetes-namespace",
    "kubernetes-pod-name",
    "kubernetes-pod-uid",
    "kubernetes-service-account",
)


@cache
def may_have(
    kind: str, *, session_tags: bool, has_all_tags: bool = False
) -> Callable[[str], UnknownValue | None]:
    """Return a function with the possible values of a key that a request does not have.

    The request is on a kind of resource, such as ``subnet``. The tags of interfaces are those that
    the plugin writes and the setting names; those of an instance are known by the cluster's name.
    `has_all_tags` is whether the request has all tags of the role.
    """

    def may(key: str) -> UnknownValue | None:
        name, _, tag = key.partition("/")
        if name == _MFA:
            return _NO_MFA
        if name == "aws:principaltag":
            unknown = session_tags if tag in _SESSION_TAGS else not has_all_tags
        elif name in TAGS_OF_RESOURCES:
            named = kind == "instance" and tag.startswith(KUBERNETES_CLUSTER)
            unknown = kind not in ("network-interface", "*") and not named
        else:
            unknown = name not in _KNOWN
        return UNKNOWN if unknown else None

    return may


class Subnet(Struct, frozen=True):
    """A subnet."""

    id: str | None  # None if it is unknown
    account: str
    vpc_id: str | None


class Group(Struct, frozen=True):
    """A security group."""

    id: str | None  # None if it is unknown
    account: str  # the account that owns it
    vpc_id: str | None
    vpc_account: str  # the account that owns the VPC


class NodeInterface(Struct):
    """A network interface; its tags change as the plugin writes them."""

    name: str
    account: str
    subnet: Subnet
    tags: dict[str, str] = field(default_factory=dict)
    exists: bool = True  # False if its creation was denied


class OfUnknownId(Request, frozen=True):
    """A request on a resource whose ID only AWS knows; its ARN has an ID that no resource has.

    It is allowed or denied only if it is with each ID that policies name, too.
    """

    # the resource with these IDs; None if there are too many to check
    others: tuple[str, ...] | None = ()


class AnyOf(Struct, frozen=True):
    """One check whose resource AWS documents in several forms.

    A policy uses one of the forms, so an Allow of any form allows, and a Deny of any denies.
    """

    requests: tuple[Request, ...]


class Requests:
    """Builds the requests of one setting."""

    def __init__(self, setting: RequestSetting, named: NamedValues) -> None:
        """Prepare the context that all requests of the setting share.

        `named` has the values in the policies.
        """
        names = setting.names
        self.names: Names = names
        self._named = named
        zones = [f"{names.region}{letter}" for letter in _ZONES]
        self._zone = self._one_of("ec2:AvailabilityZone", zones, start=names.region)
        self._unknown_ids = {
            key: self._one_of(key, [_UNKNOWN_IDS[kind]]) for key, kind in _KINDS_OF_KEYS.items()
        }
        self._hyperpod = setting.hyperpod
        self._session_tags = setting.session_tags
        self._has_all_tags = setting.principal_tags is not None
        tags = setting.principal_tags or {}
        self.common: _Context = {
            # IAM User Guide, "AWS global condition context keys": of a session of a role.
            "aws:PrincipalAccount": names.account_id,
            "aws:PrincipalIsAWSService": "false",
            "aws:PrincipalType": "AssumedRole",
            "aws:RequestedRegion": names.region,
            # The guide lists exceptions; no action of the plugin is among them.
            "aws:ResourceAccount": names.account_id,
            "aws:SecureTransport": "true",
            "aws:ViaAWSService": "false",
            "ec2:Region": names.region,
            **{f"aws:PrincipalTag/{key}": value for key, value in tags.items()},
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
        owned = {f"{KUBERNETES_CLUSTER}{names.cluster_name}": "owned"}
        self.instance_tags: Tags = owned if setting.instance_tagged else {}

    def request(self, action: str, resource: str, context: _Context) -> Request:
        """Return a check; the keys that AWS may add are unknown."""
        unknown = may_have(
            kind_of(resource), session_tags=self._session_tags, has_all_tags=self._has_all_tags
        )
        return Request(action, resource, "", context, unknown)

    def _on(
        self, action: str, kind: str, identifier: str | None, account: str, context: _Context
    ) -> Request:
        """Return the check of an action on an EC2 resource, also with an unknown ID."""
        if identifier:
            return self.request(action, self.arn(kind, identifier, account), context)
        request = self.request(action, self.arn(kind, _UNKNOWN_IDS[kind], account), context)
        named = self._named.of_resources
        others = (
            None
            if named is None
            else tuple(
                self.arn(kind, each, account)
                for each in named
                if _KINDS.get(each.partition("-")[0], kind) == kind
            )
        )
        return OfUnknownId(action, request.resource, "", context, request.may_have, others)

    def _id(self, key: str, identifier: str | None) -> str | UnknownValue:
        """Return an ID as the value of a key, or its possible values if only AWS knows it."""
        return identifier or self._unknown_ids[key]

    def _one_of(self, key: str, others: list[str], *, start: str = "") -> UnknownValue:
        """Return the possible values that only AWS knows: those that policies name, or others."""
        named = self._named.by_key.get(key.lower(), ())
        if named is None:
            return UNKNOWN
        return OneOf((*others, *(each for each in named if each.startswith(start))))

    def arn(self, kind: str, identifier: str, account: str) -> str:
        """Return the ARN of an EC2 resource of a kind such as ``subnet``."""
        return f"arn:{self.names.partition}:ec2:{self.names.region}:{account}:{kind}/{identifier}"

    def of(
        self, template: RequestTemplate, eni: NodeInterface | None, groups: Iterable[Group]
    ) -> Iterator[Request]:
        """Yield the checks of a call on each kind of resource that the catalog has for it."""
        for kind in template.on:
            match kind:
                case "network-interface" if eni:
                    yield self.on_interface(template.action, eni)
                case "security-group":
                    yield from self.on_groups(template.action, groups)
                case "instance":
                    yield self.on_instance(template.action)
                case "cluster":
                    yield self._on_hyperpod_cluster(template.action)
                case "*":
                    yield from self.on_nothing(template.action)
                case _:
                    raise LookupError(f"{template.name} on {kind}")

    def on_nothing(self, action: str) -> tuple[Request, ...]:
        """Return the check of an action without a resource, such as Describe."""
        return (self.request(action, "*", self.common),)

    def by_metrics_helper(self, action: str) -> tuple[Request, ...]:
        """Return the check of a call of cni-metrics-helper, which has a service account."""
        context = dict(self.common)
        if _SERVICE_ACCOUNT_TAG in context:
            context[_SERVICE_ACCOUNT_TAG] = program_of("metrics-helper").service_account
        if action.startswith("cloudwatch:"):
            # v1.23.2:pkg/publisher/publisher.go:37
            context["cloudwatch:namespace"] = "Kubernetes"
        return (self.request(action, "*", context),)

    def on_log_groups(self, action: str) -> AnyOf:
        """Return the check of an action for which the reference lists no resource.

        AWS's denial messages and upstream's page have a log group without a name.
        """
        return AnyOf((*self.on_nothing(action), self._on_logs(action, ":log-stream:")))

    def on_log_group(self, action: str, group: str) -> AnyOf:
        """Return the check of an action on a log group.

        The reference's ARN ends with the group's name. AWS's denial messages have more, and the API
        reference (LogGroup, arn) requires ``:*`` after it in policies.
        """
        return AnyOf((self._on_logs(action, group), self._on_logs(action, f"{group}:log-stream:")))

    def on_log_stream(self, action: str, group: str) -> Request:
        """Return the check of an action on a log stream of the network policy agent."""
        return self._on_logs(action, f"{group}:log-stream:{_STREAM}")

    def _on_logs(self, action: str, name: str) -> Request:
        account = self.names.account_id
        arn = f"arn:{self.names.partition}:logs:{self.names.region}:{account}:log-group:{name}"
        return self.request(action, arn, self._of_account(account))

    def on_interface(self, action: str, eni: NodeInterface) -> Request:
        """Return the check of an action on an existing interface."""
        return self._on_eni(action, eni, {})

    def on_instance(self, action: str) -> Request:
        """Return the check of an action on the node's instance.

        The tags of SageMaker HyperPod instances are unknown: upstream adds its statement only to
        the generic document.
        """
        account = self.names.account_id
        context = self._of_account(account) | self._tagged(self.instance_tags)
        context["ec2:AvailabilityZone"] = self._zone
        context["ec2:InstanceID"] = self._id("ec2:InstanceID", None)
        request = self._on(action, "instance", None, account, context)
        return _with_unknown_tags(request) if self._hyperpod else request

    def _on_hyperpod_cluster(self, action: str) -> Request:
        """Return the check of an action on the SageMaker HyperPod cluster of the node."""
        names = self.names
        place = f"arn:{names.partition}:sagemaker:{names.region}:{names.account_id}"
        cluster = f"{place}:cluster/{names.hyperpod_cluster_id}"
        return self.request(action, cluster, self._of_account(names.account_id))

    def create_tags(self, eni: NodeInterface, tags: Tags) -> tuple[Request, ...]:
        """Return the check of a separate CreateTags call."""
        return (self._on_eni("ec2:CreateTags", eni, _sent(tags)),)

    def create_interface(
        self, subnet: Subnet, groups: Iterable[Group], tags: Tags
    ) -> tuple[Request, ...]:
        """Return the checks of a CreateNetworkInterface.

        Tags in the request are checked as ec2:CreateTags, too: Amazon EC2 User Guide, "Grant
        permission to tag Amazon EC2 resources during creation".
        """
        action, account = "ec2:CreateNetworkInterface", self.names.account_id
        new = self.arn("network-interface", "*", account)
        context = self._of_account(account) | _sent(tags)
        checks = [self.request(action, new, context)]
        if tags:
            made = context | {"ec2:CreateAction": "CreateNetworkInterface"}
            checks.append(self.request("ec2:CreateTags", new, made))
        where = self._in_vpc(subnet.account, subnet.vpc_id, subnet.account)
        where["ec2:AvailabilityZone"] = self._zone
        where["ec2:SubnetID"] = self._id("ec2:SubnetID", subnet.id)
        checks.append(self._on(action, "subnet", subnet.id, subnet.account, where))
        return (*checks, *self.on_groups(action, groups))

    def on_groups(self, action: str, groups: Iterable[Group]) -> tuple[Request, ...]:
        """Return the checks of an action on security groups."""
        return tuple(self._on_group(action, group) for group in groups)

    def _on_group(self, action: str, group: Group) -> Request:
        kind, key = "security-group", "ec2:SecurityGroupID"
        context = self._in_vpc(group.account, group.vpc_id, group.vpc_account)
        context[key] = self._id(key, group.id)
        return self._on(action, kind, group.id, group.account, context)

    def _on_eni(self, action: str, eni: NodeInterface, more: _Context) -> Request:
        return self._on(
            action, "network-interface", None, eni.account, self._eni_context(eni) | more
        )

    def _eni_context(self, eni: NodeInterface) -> _Context:
        subnet = eni.subnet
        context = self._in_vpc(eni.account, subnet.vpc_id, subnet.account)
        return (
            context
            | self._tagged(eni.tags)
            | {
                "ec2:AvailabilityZone": self._zone,
                "ec2:NetworkInterfaceID": self._id("ec2:NetworkInterfaceID", None),
                "ec2:Subnet": self._arn_of("ec2:Subnet", subnet.id, subnet.account),
            }
        )

    def _of_account(self, account: str) -> _Context:
        """Return the context of a check on a resource of an account."""
        return self.common | {"aws:ResourceAccount": account}

    def _in_vpc(self, account: str, vpc: str | None, vpc_account: str) -> _Context:
        vpc_arn = self._arn_of("ec2:Vpc", vpc, vpc_account)
        return self._of_account(account) | {"ec2:Vpc": vpc_arn}

    def _arn_of(self, key: str, identifier: str | None, account: str) -> str | UnknownValue:
        """Return the ARN of a resource as the value of a key, or its possible values."""
        kind, value = _KINDS_OF_KEYS[key], self._id(key, identifier)
        if isinstance(value, str):
            return self.arn(kind, value, account)
        return OneOf(self.arn(kind, each, account) for each in value) if value else value

    def _tagged(self, tags: Tags) -> _Context:
        services = ("aws", "ec2")
        return {f"{s}:ResourceTag/{key}": value for key, value in tags.items() for s in services}


def _sent(tags: Tags) -> _Context:
    context: _Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        context["aws:TagKeys"] = tuple(tags)
    return context


def _with_unknown_tags(request: Request) -> Request:
    context = {k: v for k, v in request.context.items() if not _is_tag(k)}
    return replace(request, context=context, may_have=_may_have_any_tag(request.may_have))


_MayHave = Callable[[str], UnknownValue | None]


@cache
def _may_have_any_tag(others: _MayHave | None) -> _MayHave:
    return lambda key: UNKNOWN if _is_tag(key) else others(key) if others else None


def _is_tag(key: str) -> bool:
    return key.lower().partition("/")[0] in TAGS_OF_RESOURCES
