"""What of a plan may give access and is not read: which resources, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.inputs.plan.addresses import module_of, without_keys
from vpc_cni_iam.inputs.plan.configuration import Module, PlanConfiguration
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.shapes import ChangedResource, Changing


class UnreadKind(StrEnum):
    """Why a resource that is not read may give access."""

    access = "access"
    resource_policy = "resource policy"
    command = "command"


class UnreadChange(Struct, frozen=True):
    """A resource that changes, may give access, and is not read."""

    address: str
    actions: tuple[str, ...]
    kind: UnreadKind
    runs: tuple[str, ...] = ()  # the provisioners that run, such as ``local-exec``


# About access.
_UNREAD = re.compile(
    r"awscc_(?:iam|eks|sso|organizations)_\w+|aws_ssoadmin_\w*(?:policy|assignment|boundary)\w*"
    r"|aws_organizations_(?:policy|policy_attachment|resource_policy|delegated_administrator)"
    r"|aws_eks_(?:capability|identity_provider_config)|aws_rolesanywhere_\w+|aws_kms_grant"
    r"|aws_identitystore_group_membership|aws_cognito_identity_pool_roles_attachment"
    # Of IAM all but what is read and what gives no access: newer providers have more types.
    r"|aws_iam_(?!(?:(?:role|user|group)(?:_policy(?:_attachment)?)?|policy(?:_attachment)?"
    r"|(?:role|user|group)_polic(?:ies|y_attachments)_exclusive|policy_document|instance_profile"
    r"|(?:user_)?group_membership|openid_connect_provider|account_alias|account_password_policy"
    r"|security_token_service_preferences|server_certificate|service_linked_role"
    r"|virtual_mfa_device)$)\w+|aws_lambda_invocation"
    r"|kubernetes_(?:cluster_)?role(?:_binding)?(?:_v\d\w*)?"
)
# What makes resources of any service: the argument that tells which, and how one of IAM begins.
_MAKERS = {
    "aws_cloudcontrolapi_resource": (
        "type_name",
        re.compile(
            r"AWS::(?:IAM|EKS|SSO|Organizations|RolesAnywhere)::|AWS::CloudFormation::Stack"
        ),
    ),
    "aws_cloudformation_stack": ("capabilities", re.compile("CAPABILITY_")),
    "aws_cloudformation_stack_set": ("capabilities", re.compile("CAPABILITY_")),
}
# By which argument policies of an organization no longer count for an account.
_UNDER_POLICIES = {
    "aws_organizations_account": "parent_id",
    "aws_organizations_organization": "enabled_policy_types",
}
# Objects of Kubernetes that say which role aws-node has, and who rules the cluster: as JSON, and
# as YAML in a text of JSON.
_OBJECT = re.compile(
    rb"""[nN]ame\\?["']?:\s*\\?["']?aws-(?:auth|node)(?![\w-])"""
    rb"""|kind\\?["']?:\s*\\?["']?(?:Cluster)?Role(?:Binding)?\b"""
)
_OF_KUBERNETES = ("kubernetes_", "kubectl_", "k8s_")
_RESOURCE_POLICY = re.compile(
    r"aws_\w+_(?:access_point|auth|bucket|bus|container|destination|domain|endpoint|file_system"
    r"|identity|key|permissions|queue|registry|repository|resource|rest_api|secret|topic|vault)"
    r"_policy|aws_(?:acmpca|iot)_policy|aws_\w+_permission|aws_lambda_function_url"
)
_POLICY_ARGUMENTS = ("policy", "access_policies", "access_policy", "resource_policy")


def is_unread(kind: str) -> bool:
    """Say whether no resource of a type is read, though it is about access."""
    return _UNREAD.fullmatch(kind) is not None


def unread_kind(item: ChangedResource, reader: Reader) -> UnreadKind | None:
    """Return why a resource that is not read may give access; None if it does not."""
    if is_unread(item.type) or _is_object(item) or _makes_access(item, reader):
        return UnreadKind.access
    if _leaves_policies(item, reader):
        return UnreadKind.access
    if _RESOURCE_POLICY.fullmatch(item.type) or _has_policy(item, reader):
        return UnreadKind.resource_policy
    return None


def running(
    ended: Iterable[tuple[str, tuple[str, ...]]], configuration: PlanConfiguration
) -> Iterator[UnreadChange]:
    """Yield the resources whose provisioners run, of addresses and actions."""
    if not _has_commands(configuration.root):
        return
    for address, actions in ended:
        if {"create", "delete"}.isdisjoint(actions):
            continue
        where = module_of(address)
        module = configuration.module(where)
        block = without_keys(address[len(where) :].lstrip("."))
        if module and (types := module.commands.get(block)):
            yield UnreadChange(address, actions, UnreadKind.command, types)


def _has_commands(module: Module) -> bool:
    return bool(module.commands) or any(map(_has_commands, module.calls.values()))


def _is_object(item: ChangedResource) -> bool:
    """Say whether a resource is an object of Kubernetes that is about access."""
    return item.type.startswith(_OF_KUBERNETES) and _OBJECT.search(bytes(item.change)) is not None


def _makes_access(item: ChangedResource, reader: Reader) -> bool:
    """Say whether a resource makes others, which may be about access."""
    if item.type not in _MAKERS:
        return False
    argument, about_access = _MAKERS[item.type]
    change = reader.decoded(item.change, Changing)
    unknown = change.after_unknown if isinstance(change.after_unknown, dict) else {}
    values = [(side or {}).get(argument) for side in (change.before, change.after)]
    texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
    return bool(unknown.get(argument)) or any(about_access.match(str(text)) for text in texts)


def _leaves_policies(item: ChangedResource, reader: Reader) -> bool:
    """Say whether other policies of an organization count for accounts."""
    argument = _UNDER_POLICIES.get(item.type)
    if argument is None:
        return False
    change = reader.decoded(item.change, Changing)
    if not change.before or not change.after:
        return False  # an account that comes, or goes, with all that is in it
    unknown = change.after_unknown if isinstance(change.after_unknown, dict) else {}
    return bool(unknown.get(argument)) or change.before.get(argument) != change.after.get(argument)


def _has_policy(item: ChangedResource, reader: Reader) -> bool:
    """Say whether a policy in a resource changes."""
    if not item.type.startswith("aws_") or b"Statement" not in bytes(item.change):
        return False
    change = reader.decoded(item.change, Changing)
    before, after = change.before or {}, change.after or {}
    return any(
        old != new and "Statement" in f"{old} {new}"
        for old, new in ((before.get(name), after.get(name)) for name in _POLICY_ARGUMENTS)
    )
