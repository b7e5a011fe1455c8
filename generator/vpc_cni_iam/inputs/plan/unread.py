"""Changed resources that are not read: which of them a review names, by their type and their text.

No text is parsed. Of Kubernetes objects, words in the JSON of the change decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import (
    ACCESS_ENTRY,
    ACCESS_POLICY,
    ASSOCIATION,
    CHART,
    CLUSTER,
    CLUSTER_ACCESS,
    NODE_GROUP,
    OF_KUBERNETES,
    OIDC_PROVIDER,
)
from vpc_cni_iam.inputs.plan.configuration import Module, PlanConfiguration
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.resource import module_of, without_keys
from vpc_cni_iam.inputs.plan.role_names import RoleNaming, texts
from vpc_cni_iam.inputs.plan.shapes import ChangedResource, Changing


class UnreadKind(StrEnum):
    """Why a review names a changed resource that it does not read."""

    access = "access"  # its type gives access
    iam = "IAM"  # its text can create IAM resources
    plugin = "plugin"  # its text names the plugin
    role = "role"  # its text names a role
    uses_role = "uses a role"  # it newly names a role, and is about something else otherwise
    deploys = "deploys"  # it can create resources that are not in the plan
    resource_policy = "resource policy"
    command = "command"
    later = "known after apply"
    settings = "settings"  # it is about IAM, EKS or credentials, but gives nobody access


# Kinds of resources that may give access or set up the plugin, whatever roles they name.
WARNED = (UnreadKind.access, UnreadKind.iam, UnreadKind.plugin)
INVOKED = ("invoke",)  # an action, which is no resource


class UnreadChange(Struct, frozen=True):
    """An unread changed resource about IAM, EKS or credentials."""

    address: str
    actions: tuple[str, ...]
    kind: UnreadKind
    runs: tuple[str, ...] = ()  # the provisioners that run, such as ``local-exec``
    arguments: tuple[str, ...] = ()  # the unread arguments of a resource that is otherwise read


class ChangeCounts(Struct, frozen=True):
    """The number of changed resources, each counted once."""

    read: int = 0
    not_read: tuple[str, ...] = ()  # those about IAM, EKS or credentials, with their subject
    others: int = 0


_AWS = ("aws_", "awscc_")
# Types with such a name before ``_policy`` are policies of resources.
_WITH_POLICY = (
    *("access", "access_point", "auth", "bucket", "bus", "cluster", "container", "destination"),
    *("domain", "endpoint", "file_system", "identity", "key", "permissions", "queue", "registry"),
    *("repository", "resource", "rest_api", "secret", "security", "sink", "topic", "vault"),
)
# The kinds of types, by the first pattern that matches.
_TYPES: Mapping[UnreadKind, tuple[str, ...]] = {
    UnreadKind.settings: (
        *("aws_iam_account_alias", "aws_iam_account_password_policy"),
        *("aws_iam_security_token_service_preferences", "aws_iam_server_certificate"),
        *("aws_iam_service_linked_role", "aws_iam_virtual_mfa_device"),
        *("aws_identitystore_group", "aws_identitystore_user", "aws_ssoadmin_permission_set"),
    ),
    # Also types of IAM and EKS in newer providers.
    UnreadKind.access: (
        # Identities, and who gets them.
        *("aws_iam_*", "awscc_iam_*", "aws_eks_*", "awscc_eks_*", "eksctl_*"),
        *("aws_identitystore_group_membership*", "awscc_identitystore_*", "aws_ssoadmin_*"),
        *("awscc_sso_*", "aws*_organizations_*", "aws*_controltower_*", "aws*_rolesanywhere_*"),
        *("aws*_cognito_identity_*", "aws_cognito_user_in_group"),
        *("awscc_cognito_user_pool_identity_provider", "awscc_cognito_user_pool_user_to_group*"),
        *("aws_transfer_ssh_key", "aws_cloud9_environment_membership"),
        *("aws*_emr_studio_session_mapping", "aws_quicksight_iam_policy_assignment*"),
        *("aws_budgets_budget_action", "awscc_budgets_budgets_action", "aws_lambda_invo*"),
        *("vault_aws_secret_backend_role*", "vault_aws_secret_backend_static_role*"),
        *("kubernetes_role*", "kubernetes_cluster_role*", "kubernetes_token_request*"),
        # Grants and shares.
        *("aws*_kms_grant*", "aws*_lakeformation_data_lake_settings*", "aws_lakeformation_opt_in*"),
        *("aws*_lakeformation_*permissions*", "aws_lakeformation_resource_lf_tag*"),
        *("aws_ram_*", "awscc_ram_resource_share", "aws*_securitylake_subscriber"),
        *("aws_ami_launch_permission", "aws_snapshot_create_volume_permission"),
        "aws_servicecatalog_principal_portfolio_association*",
        "awscc_servicecatalog_portfolio_principal_association",
        "aws*_servicecatalog_portfolio_share",
    ),
    UnreadKind.deploys: (
        *("aws*_cloudformation_*", "aws_cloudcontrolapi_resource", "awscc_custom_*"),
        *("aws*_servicecatalog_*provisioned_product*", "aws*_servicecatalog_product"),
        *("aws_codepipeline", "awscc_codepipeline_pipeline", "aws*_codebuild_project"),
        *("aws*_imagebuilder_image_pipeline", "aws*_ssm_association"),
    ),
    UnreadKind.resource_policy: (
        *("aws_s3_account_public_access_block", "aws_s3_bucket_public_access_block"),
        *("aws*_block_public_access", "aws*_redshift_*_authorization", "awscc_s3_access_grant"),
        *("aws_s3_bucket_acl", "aws_acmpca_policy", "aws_iot_policy", "aws_iot_policy_attachment"),
        *("aws_s3control_access_grant", "aws_lambda_function_url", "awscc_lambda_url"),
        *("aws_vpc_endpoint_service_allowed_principal", "awscc_*_endpoint_service_permissions"),
        *("aws_*_permission", "awscc_*_permission"),
        *(f"{aws}*_{name}_policy" for aws in _AWS for name in _WITH_POLICY),
    ),
}
# Of types that are read, the arguments that are not: those that give access, and settings.
_ARGUMENTS: Mapping[str, Mapping[str, UnreadKind]] = {
    ACCESS_ENTRY: dict.fromkeys(
        ("cluster_name", "kubernetes_groups", "principal_arn", "type", "user_name"),
        UnreadKind.access,
    ),
    ACCESS_POLICY: dict.fromkeys(
        ("access_scope", "cluster_name", "policy_arn", "principal_arn"), UnreadKind.access
    ),
    CLUSTER: {
        "access_config": UnreadKind.access,
        **dict.fromkeys(
            (
                *("enabled_cluster_log_types", "encryption_config"),
                *("vpc_config.*.endpoint_private_access", "vpc_config.*.endpoint_public_access"),
                "vpc_config.*.public_access_cidrs",
            ),
            UnreadKind.settings,
        ),
    },
    ASSOCIATION: {"disable_session_tags": UnreadKind.settings},
    NODE_GROUP: {"remote_access": UnreadKind.settings},
    OIDC_PROVIDER: {"thumbprint_list": UnreadKind.settings},
}
# Types with Kubernetes objects, and others that bring some.
_OBJECTS = (*OF_KUBERNETES, CHART)
_BRINGING = (
    *("flux_", "github_repository_file", "gitlab_repository_file", "helmfile_", "rancher2_app"),
)
# The plugin's names, and words that only it or its settings have.
_PLUGIN = re.compile(
    rb"(?:(?<=\\n)|(?<![\w-]))(?:aws-node|vpc-cni|amazon-vpc-cni)(?![\w-])|aws[-_]vpc[-_]cni"
    rb"|AWS_VPC_K8S_|ADDITIONAL_ENI_TAGS|ENABLE_(?:IPv[46]|POD_ENI|PREFIX_DELEGATION)"
)
# A type in a template, as CloudFormation writes it.
_OF_TEMPLATE = re.compile(r"AWS::(\w+)::(\w+)")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Without a capability, a stack creates no IAM resources. Crossplane and ACK have API groups.
_IAM = re.compile(
    rb"CAPABILITY_|\"capabilities\"\s*:\s*true"
    rb"|\b(?:cloud|eks|iam|identity|organizations|rolesanywhere|sso)[\w.]*\.(?:aws\.|services\.k8s)"
)
# Roles and bindings of Kubernetes, administrators of a cluster, and tokens without an end. A text
# in base64 may have all of them.
_BINDING = re.compile(
    rb"(?<![\w-])(?:ClusterRole(?:Binding)?|RoleBinding|aws-auth)(?![\w-])|kind(?:\W|\\n){1,12}Role\b"
    rb"|kubernetes\.io/service-account-token|AWSManagedControlPlane|!!binary"
)
_ROLE = re.compile(rb"role-arn|:role/")
# The nodes of Karpenter, and their role.
_NODE_CLASS = re.compile(rb"NodeClass|AWSNodeTemplate")
_NODE_ROLE = re.compile(rb"\b(?:role|instanceProfile)[\\\"']*\s*:")
# The arguments with an object, as text or as data, or with the role of a service account.
_OF_OBJECT = (
    *("annotations", "content", "manifest", "metadata.*.annotations", "metadata.annotations"),
    "yaml_body",
)
_MAY_BE_LATER = re.compile(
    rb'"(?:after_unknown|annotations|content|manifest|yaml_body)"\s*:\s*true'
)
# Each text with one of these expressions has one of these words; finding words is much faster.
_WORDS = (
    *(b"aws-node", b"vpc-cni", b"vpc_cni", b"AWS_VPC_K8S_", b"ADDITIONAL_ENI_TAGS", b"ENABLE_"),
    *(b"CAPABILITY_", b'"capabilities"', b".aws.", b".services.k8s", b"AWS::", b"Role"),
    *(b"aws-auth", b"service-account-token", b"AWSManagedControlPlane", b"!!binary"),
    *(b"role-arn", b":role/", b"NodeClass", b"AWSNodeTemplate"),
)
# A letter of a name that JSON or YAML escapes in a text, and a line of YAML that goes on.
_ESCAPES = (
    *(b"\\x", b"\\\\\\n", b"\\u002d", b"\\u002D", b"\\u002f", b"\\u002F", b"\\u003a", b"\\u003A"),
    *(b"\\u004", b"\\u005", b"\\u006", b"\\u007"),
)
_ESCAPE = re.compile(rb"\\+(?:u00|x)(2[dDfF]|3[aA]|[4-7][0-9a-fA-F])|\\{3}n\s*")
_TAGS = ("tags", "tags_all")


@lru_cache(4096)
def kind_of_type(kind: str) -> UnreadKind | None:
    """Return why a type's resources are named; None if the type does not decide."""
    for reason, patterns in _TYPES.items():
        if any(fnmatchcase(kind, pattern) for pattern in patterns):
            return reason
    return None


def unread_kind(item: ChangedResource, reader: Reader) -> UnreadKind | None:
    """Return why a changed resource is named; None if it is about something else."""
    of_type = kind_of_type(item.type)
    if of_type is UnreadKind.settings:
        return of_type
    text = bytes(item.change)
    if any(escape in text for escape in _ESCAPES):
        text = _ESCAPE.sub(lambda match: bytes.fromhex((match[1] or b"").decode()), text)
    kind = _kind_of_text(item.type, of_type, text) or of_type
    is_object = item.type.startswith(_OBJECTS)
    may_have_policy = item.type.startswith(_AWS) and b"tatement" in text
    may_be_later = is_object and _MAY_BE_LATER.search(text)
    if not (kind or may_be_later or may_have_policy):
        return None
    change = reader.decoded(item.change, Changing)
    if _changes_only_tags(change):
        return UnreadKind.settings if of_type is UnreadKind.access else None
    if kind:
        return kind
    if is_object:
        return UnreadKind.later if _is_later(change.after_unknown) else None
    has_other = _policies(change.before) != _policies(change.after)
    return UnreadKind.resource_policy if has_other else None


def _kind_of_text(kind: str, of_type: UnreadKind | None, text: bytes) -> UnreadKind | None:
    """Return why a resource is named by its text."""
    if not any(word in text for word in _WORDS):
        return None
    is_object = kind.startswith(_OBJECTS)
    may_bring = is_object or of_type is UnreadKind.access or kind.startswith(_BRINGING)
    if may_bring and _PLUGIN.search(text):
        return UnreadKind.plugin
    if not is_object and of_type is not UnreadKind.deploys:
        return None
    if _IAM.search(text) or _has_type_with_access(text):
        return UnreadKind.iam
    return _kind_of_object(text) if is_object and of_type is None else None


def _has_type_with_access(text: bytes) -> bool:
    """Return whether a template has a type that gives access, by its type of Cloud Control."""
    names = set(_OF_TEMPLATE.findall(text.decode("utf-8", "replace"))) if b"AWS::" in text else ()
    types = (f"awscc_{service}_{_WORD.sub('_', name)}".lower() for service, name in names)
    return any(kind_of_type(each) is UnreadKind.access for each in types)


def _kind_of_object(text: bytes) -> UnreadKind | None:
    if _BINDING.search(text):
        return UnreadKind.access
    names_role = _ROLE.search(text) or (_NODE_CLASS.search(text) and _NODE_ROLE.search(text))
    return UnreadKind.role if names_role else None


def _is_later(marks: Any) -> bool:
    """Return whether a Kubernetes object is unknown until apply."""
    return marks is True or any(_at(marks, path) is True for path in _OF_OBJECT)


def _policies(values: Any) -> list[str]:
    """Return the policies in a resource."""
    return [text for _, text in texts(values) if "tatement" in text]


def _changes_only_tags(change: Changing) -> bool:
    """Return whether a resource that stays gets other tags and nothing else."""
    unknown = change.after_unknown
    if not (change.before and change.after and isinstance(unknown, dict)):
        return False
    names = {*change.before, *change.after, *(name for name, mark in unknown.items() if mark)}
    before, after = change.before, change.after
    changed = (n for n in names if unknown.get(n) or before.get(n) != after.get(n))
    return all(name in _TAGS for name in changed)


def is_plugins_chart(values: Mapping[str, Any] | None) -> bool:
    """Return whether a Helm release uses the plugin's chart."""
    chart = str((values or {}).get("chart") or "").rstrip("/").rpartition("/")[2]
    return chart.startswith("aws-vpc-cni")


def unread_part(kind: str, change: Changing) -> tuple[UnreadKind, tuple[str, ...]] | None:
    """Return why a resource of a type that is read is named, and its unread arguments."""
    if kind in CLUSTER_ACCESS and None in (change.before, change.after):
        return UnreadKind.access, ()
    for reason in (UnreadKind.access, UnreadKind.settings):
        paths = (path for path, each in _ARGUMENTS.get(kind, {}).items() if each is reason)
        if changed := _changed(paths, change):
            return reason, changed
    return None


def running(
    ended: Iterable[tuple[str, tuple[str, ...]]], configuration: PlanConfiguration
) -> Iterator[UnreadChange]:
    """Yield the resources whose provisioners run, from addresses and actions."""
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


def using_roles(
    namings: Iterable[RoleNaming], read: Sequence[str], unread: Iterable[UnreadChange]
) -> Iterator[UnreadChange]:
    """Yield the resources that newly name a role and are neither read nor named otherwise."""
    named = {*read, *(change.address for change in unread)}
    for naming in namings:
        if naming.address not in named:
            yield UnreadChange(naming.address, (), UnreadKind.uses_role)


def counted(read: Sequence[str], unread: Iterable[UnreadChange], others: int) -> ChangeCounts:
    """Return how many resources change.

    Args:
        read: The addresses of read resources.
        unread: The unread changes.
        others: The number of other resources, with those that only use a role.
    """
    changes = {c.address: c for c in unread if c.actions != INVOKED}.values()
    using = sum(change.kind is UnreadKind.uses_role for change in changes)
    arguments = ((c.address, ", ".join(c.arguments)) for c in changes)
    names = (f"{address} ({of})" if of else address for address, of in arguments)
    return ChangeCounts(len(read), tuple(names), others - using)


def _changed(paths: Iterable[str], change: Changing) -> tuple[str, ...]:
    """Return the changed arguments of an updated resource."""
    before, after, unknown = change.before, change.after, change.after_unknown
    changed = (p for p in paths if _at(before, p) != _at(after, p) or _at(unknown, p) is True)
    return tuple(path.replace(".*.", ".") for path in changed) if before and after else ()


def _at(values: Any, path: str) -> Any:
    """Return the value at a path; in blocks, the value of the first."""
    for step in path.split("."):
        if values is True:
            return True
        if step == "*":
            values = values[0] if isinstance(values, list) and values else None
        else:
            values = values.get(step) if isinstance(values, Mapping) else None
    return values
