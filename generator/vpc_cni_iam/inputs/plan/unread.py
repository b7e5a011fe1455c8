"""Resources of a plan that may give access and are not read, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Any

from msgspec import Struct

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.addresses import module_of, without_keys
from vpc_cni_iam.inputs.plan.arguments import OF_KUBERNETES, ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.configuration import Module, PlanConfiguration
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.secrets import Secrets
from vpc_cni_iam.inputs.plan.shapes import ChangedResource, Changing
from vpc_cni_iam.policy.document import Statement
from vpc_cni_iam.policy.parse import loads


class UnreadKind(StrEnum):
    """Why a resource that is not read may give access."""

    access = "access"
    plugin = "plugin"
    resource_policy = "resource policy"
    command = "command"
    later = "known after apply"
    role = "role"


class UnreadChange(Struct, frozen=True):
    """A resource that changes, may give access, and is not read."""

    address: str
    actions: tuple[str, ...]
    kind: UnreadKind
    runs: tuple[str, ...] = ()  # the provisioners that run, such as ``local-exec``
    opens: bool = False  # whether a policy of a resource newly lets anybody use it
    roles: tuple[str, ...] = ()  # the roles that it newly names: ARNs, and names of those of a plan


_CLOUD_CONTROL = "awscc_"
_AWS = ("aws_", _CLOUD_CONTROL)
_ATTACHED = (
    *("", "_policy", "_policy_attachment", "_policies_exclusive", "_policy_attachments_exclusive"),
)
# About access, by how their types begin: also of IAM, of which newer providers have more types.
_UNREAD = (
    *("awscc_cloudformation_", "awscc_eks_", "awscc_iam_", "awscc_identitystore_"),
    *("awscc_organizations_", "awscc_rolesanywhere_", "awscc_sso_", "aws_ssoadmin_"),
    *("aws_identitystore_group_membership", "aws_organizations_policy"),
    *("aws_organizations_resource_policy", "aws_organizations_delegated_administrator"),
    *("aws_controltower_", "aws_eks_capability", "aws_eks_identity_provider_config"),
    *("aws_kms_grant", "aws_rolesanywhere_", "aws_cognito_identity_pool_"),
    *("aws_quicksight_iam_policy_assignment", "aws_lakeformation_data_lake_settings"),
    *("aws_lakeformation_permissions", "aws_lakeformation_opt_in"),
    *("aws_lakeformation_resource_lf_tag", "aws_servicecatalog_principal_portfolio_association"),
    *("vault_aws_secret_backend_role", "vault_aws_secret_backend_static_role", "aws_iam_"),
    *("aws_cloudformation_stack_instances", "aws_cloudformation_stack_set_instance"),
    *("aws_servicecatalog_provisioned_product", "awscc_servicecatalog_cloudformation_provisioned"),
    *("aws_lambda_invo", "kubernetes_role", "kubernetes_cluster_role", "eksctl_"),
)
# Of these, those that are read or give no access.
_HARMLESS = frozenset(
    (
        *(f"aws_iam_{of}{kind}" for of in ("role", "user", "group") for kind in _ATTACHED),
        *("aws_iam_policy", "aws_iam_policy_attachment", "aws_iam_policy_document"),
        *("aws_iam_instance_profile", "aws_iam_group_membership", "aws_iam_user_group_membership"),
        *("aws_iam_openid_connect_provider", "aws_iam_account_alias", "aws_iam_server_certificate"),
        *("aws_iam_account_password_policy", "aws_iam_security_token_service_preferences"),
        *("aws_iam_service_linked_role", "aws_iam_virtual_mfa_device"),
        "aws_ssoadmin_permission_set",
    )
)
# A role, but for those that only a service of AWS assumes, or an instance profile with one.
_ROLE = re.compile(
    r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:role/(?!aws-service-role/)|instance-profile/)"
    r"[\w+=,.@/-]++(?!\()"
)
# One of these, or an argument about them, which may have the name of one.
_MAY_NAME_ROLE = re.compile(
    rb""":role/|:instance-profile/|(?:[rR]ole|[pP]rofile)\w*"\s*:\s*["[{]"""
)
_ROLE_WORDS = (b"role", b"Role", b"rofile")  # found ten times as fast as the expression
# What holds any text.
_DATA = (
    *("aws_appconfig_hosted_configuration_version", "aws_dynamodb_table_item", "aws_s3_object"),
    *("aws_secretsmanager_secret_version", "aws_ssm_parameter"),
)
_STACK = ("capabilities", "CAPABILITY_")
# What makes resources of any service: the argument that tells which, and how one of IAM begins.
_MAKERS = {
    "aws_cloudcontrolapi_resource": (
        "type_name",
        *("AWS::IAM::", "AWS::EKS::", "AWS::SSO::", "AWS::Organizations::"),
        *("AWS::RolesAnywhere::", "AWS::CloudFormation::Stack"),
    ),
    "aws_cloudformation_stack": _STACK,
    "aws_cloudformation_stack_set": _STACK,
    "aws_serverlessapplicationrepository_cloudformation_stack": _STACK,
}
# What is about access where these arguments change: which policies of an organization count, who
# gets an identity of a pool, whether pods reach the metadata of instances, as what stacks are made.
_DECIDING = {
    "aws_cloudformation_stack": ("iam_role_arn",),
    "aws_cloudformation_stack_set": ("administration_role_arn", "execution_role_name"),
    "aws_cognito_identity_pool": (
        *("allow_classic_flow", "allow_unauthenticated_identities", "cognito_identity_providers"),
        *("openid_connect_provider_arns", "saml_provider_arns", "supported_login_providers"),
    ),
    "aws_ec2_instance_metadata_defaults": (
        *("http_endpoint", "http_put_response_hop_limit", "http_tokens"),
    ),
    "aws_organizations_account": ("parent_id",),
    "aws_organizations_organization": ("enabled_policy_types",),
}
# Objects of Kubernetes, as JSON, and as YAML in a text of JSON: what sets up aws-node, also by Argo
# CD, Flux and others; who rules the cluster, or makes access in AWS, where an alias may stand for
# anything.
_BLANK = r"(?:\s|\\[nrt])*+"
_COLON = rf"""\\?["']?{_BLANK}:(?:\s|\\[nrt]|#[^\\]*+|[!&][^\s\\]*+|[>|][-+0-9]*+)*+\\?["']?"""
_PLUGIN = (
    rf"""[nN]ame{_COLON}(?:aws-node|(?:amazon-)?vpc-cni)(?![\w-])|kind{_COLON}ENIConfig\b"""
    r"""|aws[-_]vpc[-_]cni|AWS_VPC_K8S_|ADDITIONAL_ENI_TAGS"""
    r"""|ENABLE_(?:IPv[46]|POD_ENI|PREFIX_DELEGATION)"""
)
_OBJECT = (
    rf"""{_PLUGIN}|[nN]ame{_COLON}(?:aws-auth(?![\w-])|\*\w)"""
    rf"""|kind{_COLON}(?:(?:(?:Cluster)?Role(?:Binding)?|AWSManagedControlPlane\w*)\b|\*\w)"""
    rf"""|[vV]ersion{_COLON}(?:cloud\w+|eks|iam|identity\w*|organizations|rolesanywhere|sso\w*)"""
    rf"""\.(?:aws\.|services\.k8s\.aws/)|!!binary\b|(?:\\n|")[\s?-]*+\*\w++{_BLANK}:"""
)
# What says which role the nodes of Karpenter have, and how.
_NODE_CLASS = rf"kind{_COLON}(?:(?:EC2)?NodeClass|AWSNodeTemplate)\b"
_NODE_ROLE = rf"\b(?:role|instanceProfile){_COLON}([\w+=,.@/:-]+)"
# How YAML may spell a character, or break a line, in a text and in JSON of a text.
_ESCAPE = r"\\{1,4}(?:(?:x|u00|U000000)([2-7][0-9a-fA-F])|([/.])|(?:\r|\\r)?(?:\n|\\n)\s*)"
# The arguments that hold such an object.
_MANIFESTS = ("content", "manifest", "yaml_body")
# What brings such objects in another way.
_BRINGING = (
    *("github_repository_file", "gitlab_repository_file"),
    *("flux_", "helmfile_", "rancher2_app"),
)
_RESOURCE_POLICIES = frozenset(
    (
        *("aws_s3_account_public_access_block", "aws_s3_bucket_public_access_block"),
        *("aws_s3_bucket_acl", "aws_acmpca_policy", "aws_iot_policy", "aws_iot_policy_attachment"),
        *("aws_s3control_access_grant", "aws_lambda_function_url", "awscc_lambda_url"),
    )
)
_WITH_POLICY = (
    *("access", "access_point", "auth", "bucket", "bus", "cluster", "container", "destination"),
    *("domain", "endpoint", "file_system", "identity", "key", "permissions", "queue", "registry"),
    *("repository", "resource", "rest_api", "secret", "sink", "topic", "vault"),
)
_ENDS = ("_permission", *(f"_{name}_policy" for name in _WITH_POLICY))
# By which arguments a permission is not for everybody.
_LIMITS = ("condition", "principal_org_id", "source_account", "source_arn")
# What stacks make, by what says it: what is about access, and policies of resources.
_STACKS = ("aws_cloudformation_stack", "aws_cloudformation_stack_set")
_TEMPLATE = ("template_body", "template_url", "parameters")
_MADE_ACCESS = r"AWS::(?:EKS|IAM|Organizations|RolesAnywhere|SSO)::|AWS::CloudFormation::Stack"
_MADE_POLICY = r"AWS::\w+::\w*(?:Permission|Policy)\b"
_POLICY_ARGUMENTS = ("policy", "access_policies", "access_policy", "resource_policy")


@lru_cache(1024)
def is_unread(kind: str) -> bool:
    """Say whether no resource of a type is read, though it is about access."""
    return kind.startswith(_UNREAD) and kind not in _HARMLESS


def gives_role(item: ChangedResource) -> bool:
    """Say whether an object of Kubernetes says the role of a service account."""
    return item.type.startswith(OF_KUBERNETES) and ROLE_ANNOTATION in _spelled(item)


def names_plugin(item: ChangedResource) -> bool:
    """Say whether a resource names the plugin or sets it up, in JSON or in YAML in it."""
    return re.search(_PLUGIN, _spelled(item)) is not None


def is_plugins_chart(values: Mapping[str, Any] | None) -> bool:
    """Say whether a Helm release is one of the plugin's chart."""
    chart = str((values or {}).get("chart") or "").rstrip("/").rpartition("/")[2]
    return chart.startswith("aws-vpc-cni")


def unread_kind(item: ChangedResource, reader: Reader) -> UnreadKind | None:
    """Return why a resource that is not read may give access; None if it does not."""
    kind = _unread_kind(item, reader)
    brings = kind is UnreadKind.access or item.type.startswith(_BRINGING)
    return UnreadKind.plugin if brings and names_plugin(item) else kind


def _unread_kind(item: ChangedResource, reader: Reader) -> UnreadKind | None:
    if is_unread(item.type) or _is_object(item):
        return UnreadKind.access
    if _is_later(item, reader):
        return UnreadKind.later
    if _makes_access(item, reader) or _decides(item, reader) or _is_other_node(item, reader):
        return UnreadKind.access
    if _is_resource_policy(item.type) or _has_policy(item, reader):
        return UnreadKind.resource_policy
    return _kind_of_template(item, reader)


def _kind_of_template(item: ChangedResource, reader: Reader) -> UnreadKind | None:
    """Return why what a stack newly makes may give access; None if it does not."""
    if item.type not in _STACKS:
        return None
    change = reader.decoded(item.change, Changing)
    unknown = change.after_unknown if isinstance(change.after_unknown, dict) else {}
    before, after = (
        {n: (s or {}).get(n) for n in _TEMPLATE} for s in (change.before, change.after)
    )
    if before == after and not unknown.get("template_body"):
        return None
    templates = f"{before} {after}"
    if unknown.get("template_body") or after["template_url"] or re.search(_MADE_ACCESS, templates):
        return UnreadKind.access
    return UnreadKind.resource_policy if re.search(_MADE_POLICY, templates) else None


def _is_resource_policy(kind: str) -> bool:
    shared = kind.startswith("aws_ram_") and kind.endswith("_association")
    return kind in _RESOURCE_POLICIES or shared or (kind.startswith(_AWS) and kind.endswith(_ENDS))


def may_name_role(item: ChangedResource) -> bool:
    """Say whether a resource may name a role that it uses."""
    if item.type in _DATA or not item.type.startswith(_AWS):
        return False
    change = bytes(item.change)
    return any(w in change for w in _ROLE_WORDS) and _MAY_NAME_ROLE.search(change) is not None


def naming(
    address: str,
    actions: tuple[str, ...],
    change: Changing,
    hiding: Secrets,
    names: frozenset[str],
) -> Iterator[UnreadChange]:
    """Yield the roles that a resource newly names, without what is sensitive.

    `names` are those of the plan's roles, which arguments about roles may have.
    """
    before, after = change.before or {}, change.after or {}
    shown = _new_roles(
        hiding.hidden(before, change.before_sensitive),
        hiding.hidden(after, change.after_sensitive),
        names,
    )
    if len(shown) < len(_new_roles(before, after, names)):
        shown.append("a role that is sensitive")
    if shown:
        yield UnreadChange(address, actions, UnreadKind.role, roles=tuple(shown))


def _new_roles(before: Any, after: Any, names: frozenset[str]) -> list[str]:
    old, new = (
        {
            role
            for path, text in _texts(side)
            for role in (*_ROLE.findall(text), *(names & {text} if _about_roles(path) else ()))
        }
        for side in (before, after)
    )
    return sorted(new - old)


def _about_roles(path: str) -> bool:
    return any(word in path.lower() for word in ("role", "profile"))


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts in attributes with their places, but for the keys, which no mark hides."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)


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
    return item.type.startswith(OF_KUBERNETES) and bool(re.search(_OBJECT, _spelled(item)))


def _is_other_node(item: ChangedResource, reader: Reader) -> bool:
    """Say whether an object of Karpenter gives nodes another role."""
    if not (item.type.startswith(OF_KUBERNETES) and re.search(_NODE_CLASS, _spelled(item))):
        return False
    change = reader.decoded(item.change, Changing)
    before, after = (
        {*re.findall(_NODE_ROLE, unescaped(json.dumps(side)))}
        for side in (change.before, [change.after, change.after_unknown])
    )
    return not after <= before


def _is_later(item: ChangedResource, reader: Reader) -> bool:
    """Say whether an object of Kubernetes is only known after apply."""
    if not item.type.startswith(OF_KUBERNETES):
        return False
    marks = reader.decoded(item.change, Changing).after_unknown
    unknown = marks if isinstance(marks, dict) else {}
    metadata = unknown.get("metadata")
    blocks = metadata if isinstance(metadata, list) else [metadata]
    later = [unknown.get(name) for name in _MANIFESTS]
    if item.type.startswith("kubernetes_service_account"):
        later += [each.get("annotations") if isinstance(each, dict) else each for each in blocks]
    return marks is True or True in later


def _spelled(item: ChangedResource) -> str:
    return unescaped(bytes(item.change).decode("utf-8", "replace"))


@lru_cache(1)
def unescaped(text: str) -> str:
    """Return a text of YAML, or the JSON of one, without what escapes characters and lines."""
    return re.sub(_ESCAPE, _character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else escape[2] or ""


def _makes_access(item: ChangedResource, reader: Reader) -> bool:
    """Say whether a resource makes others, which may be about access."""
    if item.type not in _MAKERS:
        return False
    argument, *about_access = _MAKERS[item.type]
    change = reader.decoded(item.change, Changing)
    unknown = change.after_unknown if isinstance(change.after_unknown, dict) else {}
    values = [(side or {}).get(argument) for side in (change.before, change.after)]
    texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
    return bool(unknown.get(argument)) or any(
        str(text).startswith((*about_access,)) for text in texts
    )


def _decides(item: ChangedResource, reader: Reader) -> bool:
    """Say whether an argument changes by which others have access."""
    arguments = _DECIDING.get(item.type, ())
    if not arguments:
        return False
    change = reader.decoded(item.change, Changing)
    if not change.before or not change.after:
        return False  # what comes, or goes, with all that is in it
    before, after = change.before, change.after
    unknown = change.after_unknown if isinstance(change.after_unknown, dict) else {}
    return any(bool(unknown.get(name)) or before.get(name) != after.get(name) for name in arguments)


def opens(item: ChangedResource, reader: Reader) -> bool:
    """Say whether a policy of a resource newly allows every principal, without a condition."""
    change = reader.decoded(item.change, Changing)
    before, after = ({*_open(item.type, values or {})} for values in (change.before, change.after))
    # The policy of an endpoint only takes access away.
    return bool(after - before) and not item.type.startswith("aws_vpc_endpoint")


def _open(kind: str, values: Mapping[str, Any]) -> Iterator[Statement | str]:
    """Yield what of a resource allows every principal: statements, and arguments."""
    for text in _policies(kind, values):
        with suppress(InputError):
            for statement in loads(text, "").statements:
                names = {name for p in statement.principals for name in p.identifiers}
                everybody = "*" in names or statement.not_principals
                if statement.effect == "Allow" and everybody and not statement.conditions:
                    yield statement
    if values.get("principal") == "*" and not any(map(values.get, _LIMITS)):
        yield "principal"
    if "NONE" in (values.get("authorization_type"), values.get("auth_type")):
        yield "authorization_type"


def _policies(kind: str, values: Mapping[str, Any]) -> list[str]:
    """Return the policies in a resource; those of Cloud Control have many names."""
    if kind.startswith(_CLOUD_CONTROL):
        texts = [text for _, text in _texts(values)]
    else:
        texts = [str(values.get(name)) for name in _POLICY_ARGUMENTS]
    return [text for text in texts if "Statement" in text]


def _has_policy(item: ChangedResource, reader: Reader) -> bool:
    """Say whether a policy in a resource changes."""
    if not item.type.startswith(_AWS) or b"Statement" not in bytes(item.change):
        return False
    change = reader.decoded(item.change, Changing)
    before, after = (_policies(item.type, side or {}) for side in (change.before, change.after))
    return before != after
