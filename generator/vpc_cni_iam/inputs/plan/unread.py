"""Changed resources about IAM, EKS or credentials that are not read, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Any

from msgspec import DecodeError, Struct, json

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.arguments import ACCESS, CHART, NOT_READ_ARGUMENTS, OF_KUBERNETES
from vpc_cni_iam.inputs.plan.configuration import Module, PlanConfiguration
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.objects import (
    MANIFESTS,
    ObjectFacts,
    facts_of,
    later_node_roles,
    may_be_about_access,
)
from vpc_cni_iam.inputs.plan.resource import module_of, without_keys
from vpc_cni_iam.inputs.plan.role_names import RoleNaming, texts
from vpc_cni_iam.inputs.plan.shapes import ChangedResource, Changing
from vpc_cni_iam.policy.document import Statement
from vpc_cni_iam.policy.parse import loads


class UnreadKind(StrEnum):
    """Why a changed resource is reported as not read."""

    access = "access"  # it may give access
    plugin = "plugin"  # it names the plugin
    resource_policy = "resource policy"
    command = "command"
    later = "known after apply"
    unparsed = "not parsed"
    settings = "settings"  # it is about IAM, EKS or credentials, but gives nobody access


INVOKED = ("invoke",)  # an action, which is no resource


class UnreadChange(Struct, frozen=True):
    """An unread changed resource about IAM, EKS or credentials."""

    address: str
    actions: tuple[str, ...]
    kind: UnreadKind
    runs: tuple[str, ...] = ()  # the provisioners that run, such as ``local-exec``
    opens: bool = False  # whether a policy of a resource newly lets anybody use it
    arguments: tuple[str, ...] = ()  # the unread arguments of a resource that is otherwise read


class ChangeCounts(Struct, frozen=True):
    """The number of changed resources, each counted once."""

    read: int = 0
    not_read: tuple[str, ...] = ()  # those about IAM, EKS or credentials, with their subject
    others: int = 0


_CLOUD_CONTROL = "awscc_"
_AWS = ("aws_", _CLOUD_CONTROL)
_WITH_POLICY = (
    *("access", "access_point", "auth", "bucket", "bus", "cluster", "container", "destination"),
    *("domain", "endpoint", "file_system", "identity", "key", "permissions", "queue", "registry"),
    *("repository", "resource", "rest_api", "secret", "security", "sink", "topic", "vault"),
)
# By type, for unread types: the first matching pattern.
_PATTERNS: Mapping[UnreadKind, tuple[tuple[str, ...], ...]] = {
    UnreadKind.settings: (
        ("aws_iam_account_alias", "aws_iam_account_password_policy"),
        ("aws_iam_security_token_service_preferences", "aws_iam_server_certificate"),
        ("aws_iam_service_linked_role", "aws_iam_virtual_mfa_device"),
        ("aws_identitystore_group", "aws_identitystore_user", "aws_ssoadmin_permission_set"),
    ),
    # Also types of IAM and EKS in newer providers.
    UnreadKind.access: (
        ("aws_iam_*", "aws_eks_*", "aws_ssoadmin_*", "aws*_controltower_*", "aws*_rolesanywhere_*"),
        ("awscc_cloudformation_*", "awscc_eks_*", "awscc_iam_*", "awscc_identitystore_*"),
        ("awscc_organizations_*", "awscc_sso_*", "eksctl_*", "aws_transfer_ssh_key"),
        ("aws_identitystore_group_membership*", "aws_organizations_policy*", "awscc_custom_*"),
        ("aws_organizations_aws_service_access", "aws_ec2_instance_metadata_defaults"),
        ("aws_organizations_resource_policy*", "aws_organizations_delegated_administrator*"),
        ("aws_kms_grant*", "aws*_cognito_identity_pool_*", "aws_cognito_identity_provider"),
        ("aws_cognito_user_in_group", "awscc_cognito_user_pool_identity_provider"),
        ("awscc_cognito_user_pool_user_to_group*", "aws_cloud9_environment_membership"),
        ("aws_budgets_budget_action", "awscc_budgets_budgets_action"),
        ("aws_quicksight_iam_policy_assignment*", "aws*_emr_studio_session_mapping"),
        ("aws*_lakeformation_data_lake_settings*", "aws*_lakeformation_*permissions*"),
        ("aws_lakeformation_opt_in*", "aws_lakeformation_resource_lf_tag*"),
        ("aws_servicecatalog_principal_portfolio_association*",),
        ("awscc_servicecatalog_portfolio_principal_association",),
        ("aws*_servicecatalog_portfolio_share", "aws_servicecatalog_provisioned_product*"),
        ("awscc_servicecatalog_cloudformation_provisioned*", "aws*_securitylake_subscriber"),
        ("aws_cloudformation_stack_instances*", "aws_cloudformation_stack_set_instance*"),
        ("vault_aws_secret_backend_role*", "vault_aws_secret_backend_static_role*"),
        ("aws_lambda_invo*", "kubernetes_role*", "kubernetes_cluster_role*"),
        ("aws_ram_*_association*", "awscc_ram_resource_share", "aws_ami_launch_permission"),
        ("aws_snapshot_create_volume_permission", "kubernetes_token_request*"),
    ),
    UnreadKind.resource_policy: (
        ("aws_s3_account_public_access_block", "aws_s3_bucket_public_access_block"),
        ("aws*_block_public_access", "aws*_redshift_*_authorization", "awscc_s3_access_grant"),
        ("aws_s3_bucket_acl", "aws_acmpca_policy", "aws_iot_policy", "aws_iot_policy_attachment"),
        ("aws_s3control_access_grant", "aws_lambda_function_url", "awscc_lambda_url"),
        ("aws_vpc_endpoint_service_allowed_principal", "awscc_*_endpoint_service_permissions"),
        ("aws_*_permission", "awscc_*_permission"),
        tuple(f"{aws}*_{name}_policy" for aws in _AWS for name in _WITH_POLICY),
    ),
}
# Types that create resources of any service: the arguments with their types.
_STACK = ("template_body", "template_url", "parameters")
_TEMPLATES = {
    "aws_cloudcontrolapi_resource": ("type_name", "desired_state"),
    "aws_cloudformation_stack": _STACK,
    "aws_cloudformation_stack_set": _STACK,
    "aws_serverlessapplicationrepository_cloudformation_stack": (),
}
# Arguments that share a resource with others.
_SHARED: Mapping[str, tuple[str, UnreadKind]] = {
    **dict.fromkeys(
        (
            *("aws_db_cluster_snapshot", "aws_db_snapshot", "aws_db_snapshot_copy"),
            "aws_rds_cluster_snapshot_copy",
        ),
        ("shared_accounts", UnreadKind.access),
    ),
    "aws_ssm_document": ("permissions", UnreadKind.access),
    "aws_vpc_endpoint_service": ("allowed_principals", UnreadKind.resource_policy),
}
# Types that are about access if these arguments change: which policies of an organization apply,
# who gets an identity of a pool, with which role stacks run, which session policy limits a role,
# and who has access to a cluster.
_DECIDING = {
    **ACCESS,
    "aws_cloudformation_stack": ("iam_role_arn",),
    "aws_cloudformation_stack_set": ("administration_role_arn", "execution_role_name"),
    "aws_cognito_identity_pool": (
        *("allow_classic_flow", "allow_unauthenticated_identities", "cognito_identity_providers"),
        *("openid_connect_provider_arns", "saml_provider_arns", "supported_login_providers"),
    ),
    "aws_organizations_account": ("parent_id",),
    "aws_organizations_organization": ("aws_service_access_principals", "enabled_policy_types"),
    "aws_ram_resource_share": ("allow_external_principals",),
    "aws_transfer_access": ("policy",),
    "aws_transfer_user": ("policy",),
}
# Other types that create Kubernetes objects.
_BRINGING = (
    *("github_repository_file", "gitlab_repository_file"),
    *("flux_", "helmfile_", "rancher2_app"),
)
# The arguments that limit a permission to some principals.
_LIMITS = ("condition", "principal_org_id", "source_account", "source_arn")
# Values that open a resource to everybody: an ACL, groups in an ACL, and no authorization.
_GROUPS = "http://acs.amazonaws.com/groups/global/"
_PUBLIC = (
    *("public-read", "public-read-write", "authenticated-read"),
    *(f"{_GROUPS}AllUsers", f"{_GROUPS}AuthenticatedUsers"),
)
_FOR_EVERYBODY = ("NONE", *_PUBLIC)
_ENDPOINTS = ("aws_vpc_endpoint", "aws_vpc_endpoint_policy")
# Their ACL is that of one file.
_OBJECTS = ("aws_s3_object", "aws_s3_object_copy", "aws_s3_bucket_object")
# The types in a template; those of CloudFormation other than these create and run nothing.
_TYPE = re.compile(r"(?:AWS::(?!CloudFormation::(?!Stack|Custom))|(?=Custom::))(\w+)::(\w+)")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
# One of these is in a change with a policy or an ACL, maybe with escaped letters.
_MAY_HAVE_POLICY = re.compile(
    rb"[sS]tatement|public-read|authenticated-read|/groups/global/|\\\\u00[4-7]"
)
_POLICY_ENDS = ("policy", "policies")


@lru_cache(4096)
def kind_of_type(kind: str) -> UnreadKind | None:
    """Return why a type's resources are reported as not read; None if the type does not decide."""
    for reason, rows in _PATTERNS.items():
        if any(fnmatchcase(kind, pattern) for patterns in rows for pattern in patterns):
            return reason
    return None


def is_plugins_chart(values: Mapping[str, Any] | None) -> bool:
    """Return whether a Helm release uses the plugin's chart."""
    chart = str((values or {}).get("chart") or "").rstrip("/").rpartition("/")[2]
    return chart.startswith("aws-vpc-cni")


class UnreadReader:
    """Decides whether and why one unread change of a resource is reported."""

    def __init__(self, item: ChangedResource, reader: Reader) -> None:
        self.item, self._reader = item, reader
        self.type = item.type

    @cached_property
    def change(self) -> Changing:
        """The decoded change; few are decoded."""
        return self._reader.decoded(self.item.change, Changing)

    @cached_property
    def facts(self) -> ObjectFacts:
        """The facts about Kubernetes objects in it."""
        if not may_be_about_access(self.item.change):
            return ObjectFacts()
        return facts_of(self.change.before, self.change.after, self.change.after_unknown)

    @property
    def gives_role(self) -> bool:
        """Whether a Kubernetes object names a service account's role."""
        return self.type.startswith(OF_KUBERNETES) and self.facts.annotates

    def unread(self, actions: tuple[str, ...]) -> UnreadChange | None:
        """Return the change as an unread one; None if it is about something else."""
        kind = self._kind()
        brings = kind is UnreadKind.access or self.type.startswith(_BRINGING)
        if brings and self.facts.names_plugin:
            kind = UnreadKind.plugin
        if kind is None:
            return None
        opens = kind is UnreadKind.resource_policy and self._opens()
        return UnreadChange(self.item.address, actions, kind, opens=opens)

    def _kind(self) -> UnreadKind | None:
        if kind := kind_of_type(self.type):
            return kind
        if self.type.startswith((*OF_KUBERNETES, CHART)):
            return self._kind_of_object()
        if self.type in _TEMPLATES and (kind := self._kind_of_template()):
            return kind
        if self.deciding():
            return UnreadKind.access
        if self._has_policy():
            return UnreadKind.resource_policy
        return self._kind_of_sharing()

    def _kind_of_object(self) -> UnreadKind | None:
        facts = self.facts
        if facts.is_about_access or facts.names_plugin:
            return UnreadKind.access
        if self._is_later():
            return UnreadKind.later
        if facts.is_unparsed:
            return UnreadKind.unparsed
        return UnreadKind.access if self._changes_nodes() else None

    def _changes_nodes(self) -> bool:
        """Return whether a Karpenter object gives nodes another role, or opens their metadata."""
        if not may_be_about_access(self.item.change):
            return False
        before, after = (facts_of(side) for side in (self.change.before, self.change.after))
        if not after.node_access <= before.node_access:
            return True
        return after.is_about_nodes and later_node_roles(self.change.after_unknown)

    def _is_later(self) -> bool:
        """Return whether a Kubernetes object is unknown until apply."""
        paths = [*MANIFESTS]
        if self.type.startswith("kubernetes_service_account"):
            paths += ["metadata.annotations", "metadata.*.annotations"]
        marks = self.change.after_unknown
        return marks is True or any(_at(marks, path) is True for path in paths)

    @property
    def _unknown(self) -> dict[str, Any]:
        marks = self.change.after_unknown
        return marks if isinstance(marks, dict) else {}

    @property
    def _sides(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.change.before or {}, self.change.after or {}

    def deciding(self) -> tuple[str, ...]:
        """Return the changed arguments that give others access."""
        paths = _DECIDING.get(self.type.replace(_CLOUD_CONTROL, "aws_", 1))
        return _changed(paths, self.change) if paths else ()

    def _kind_of_sharing(self) -> UnreadKind | None:
        """Return why a resource that is newly shared is reported."""
        if self.type not in _SHARED:
            return None
        argument, kind = _SHARED[self.type]
        before, after = (side.get(argument) for side in self._sides)
        return kind if self._unknown.get(argument) or (after and _is_more(before, after)) else None

    def _kind_of_template(self) -> UnreadKind | None:
        """Return why the new resources of a template may give access; None if they do not."""
        arguments = _TEMPLATES[self.type]
        before, after = ({n: side.get(n) for n in arguments} for side in self._sides)
        capabilities = [side.get("capabilities") for side in self._sides]
        if self._unknown.get("capabilities") or "CAPABILITY_" in str(capabilities):
            return UnreadKind.access
        later = any(self._unknown.get(name) for name in ("template_body", "type_name"))
        if before == after and not later:
            return None
        text = _unescaped(" ".join(str(v) for side in (before, after) for v in side.values()))
        kinds = {kind_of_type(_cloud_control_type(*names)) for names in _TYPE.findall(text)}
        if later or after.get("template_url") or UnreadKind.access in kinds:
            return UnreadKind.access
        has_policy = UnreadKind.resource_policy in kinds or "Principal" in text
        return UnreadKind.resource_policy if has_policy else None

    def _has_policy(self) -> bool:
        """Return whether a policy or an ACL in a resource changes."""
        is_aws = self.type.startswith(_AWS)
        if not is_aws or _MAY_HAVE_POLICY.search(bytes(self.item.change)) is None:
            return False
        before, after = (
            (_policies(self.type, side), _public_acls(self.type, side)) for side in self._sides
        )
        return before != after

    def _opens(self) -> bool:
        """Return whether a resource's policy newly allows every principal, without a condition."""
        before, after = ({*_open(self.type, side)} for side in self._sides)
        # The policy of an endpoint can only limit access.
        return bool(after - before) and self.type not in _ENDPOINTS


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


def counted(
    read: Sequence[str], unread: Iterable[UnreadChange], namings: Iterable[RoleNaming], others: int
) -> ChangeCounts:
    """Return how many resources change.

    Args:
        read: The addresses of read resources.
        namings: Resources that newly name a role; some of them are otherwise read.
        others: The number of other resources, with those of `namings`.
    """
    names = {c.address: c.arguments for c in unread if c.actions != INVOKED}
    not_named = {naming.address for naming in namings}.difference(names, read)
    shown = [f"{name} ({', '.join(a)})" if a else name for name, a in names.items()]
    return ChangeCounts(len(read), (*shown, *sorted(not_named)), others - len(not_named))


def unread_arguments(kind: str, change: Changing) -> tuple[str, ...]:
    """Return the unread arguments that change in a resource of a type that is read."""
    return _changed(NOT_READ_ARGUMENTS.get(kind, ()), change)


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


def _open(kind: str, values: Mapping[str, Any]) -> Iterator[Statement | str]:
    """Yield the parts of a resource that allow every principal: statements and arguments."""
    for text in _policies(kind, values):
        with suppress(InputError):
            for statement in loads(text, "").statements:
                names = {name for p in statement.principals for name in p.identifiers}
                everybody = "*" in names or statement.not_principals
                if statement.effect == "Allow" and everybody and not statement.conditions:
                    yield statement
    principals = (values.get("principal"), values.get("principal_arn"))
    if "*" in principals and not any(map(values.get, _LIMITS)):
        yield "principal"
    yield from (text for _, text in texts(values) if text in _FOR_EVERYBODY)
    # Policies of OpenSearch Serverless are lists of rules.
    with suppress(DecodeError):
        for rule in json.decode(str(values.get("policy")), type=list[dict[str, Any]]):
            if rule.get("AllowFromPublic") or rule.get("Principal") == ["*"]:
                yield str(rule)


def _policies(kind: str, values: Mapping[str, Any]) -> list[str]:
    """Return the policies in a resource; they have many names in Cloud Control."""
    ends = ("",) if kind.startswith(_CLOUD_CONTROL) else _POLICY_ENDS
    named = (text for path, text in texts(values) if str(path[-1]).endswith(ends))
    return [text for text in named if "statement" in _unescaped(text).lower()]


def _public_acls(kind: str, values: Mapping[str, Any]) -> list[str]:
    """Return the ACLs that let everybody use a resource."""
    if kind in _OBJECTS:
        return []
    return [text for _, text in texts(values) if text in _PUBLIC]


def _is_more(before: Any, after: Any) -> bool:
    """Return whether a list or a map newly contains something."""
    if isinstance(before, list) and isinstance(after, list):
        return any(item not in before for item in after)
    return bool(before != after)


def _unescaped(text: str) -> str:
    """Return the text of JSON or YAML without escaped characters."""
    return _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text)


def _cloud_control_type(service: str, name: str) -> str:
    """Return the type of the awscc provider for a type of CloudFormation."""
    return f"{_CLOUD_CONTROL}{service}_{_WORD.sub('_', name)}".lower()
