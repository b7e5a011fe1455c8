"""Which arguments of which resource types are about access, and in which way.

A new type that has a policy or gets a role is one row. `vpc_cni_iam.inputs.plan.values` reads the
paths: ``*`` means the items of a list, ``**`` any depth, ``{}`` JSON or YAML text, ``name=value``
an object with a member that ends in the value, and ``~`` a dot in a name.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.plugin.identity import Identity

ROLE, PROFILE = "aws_iam_role", "aws_iam_instance_profile"
USER, GROUP, POLICY = "aws_iam_user", "aws_iam_group", "aws_iam_policy"
PRINCIPALS = (ROLE, USER, GROUP)
POLICY_ATTACHMENT = "aws_iam_policy_attachment"
ADDON, ASSOCIATION = "aws_eks_addon", "aws_eks_pod_identity_association"
CLUSTER, NODE_GROUP, CHART = "aws_eks_cluster", "aws_eks_node_group", "helm_release"
FARGATE_PROFILE = "aws_eks_fargate_profile"
TEMPLATE, LAUNCH_CONFIGURATION = "aws_launch_template", "aws_launch_configuration"
OIDC_PROVIDER = "aws_iam_openid_connect_provider"
# Types that name a role for others, in words.
KINDS = {
    PROFILE: "instance profile",
    TEMPLATE: "launch template",
    LAUNCH_CONFIGURATION: "launch configuration",
}
_ASSOCIATIONS = "pod_identity_association"
_MIXED = "mixed_instances_policy.*.launch_template.*"


class GrantArgument(Struct, frozen=True):
    """An argument that gives access to a principal, or removes it."""

    path: str
    part: GrantPart
    # The arguments that name the principal, with the type of each; empty for the resource itself.
    owners: tuple[tuple[str, str], ...] = ()
    name: str = ""  # the argument with the name of an inline policy
    computed: bool = False  # whether the provider sets it if the configuration does not


class UseArgument(Struct, frozen=True):
    """An argument with the role that aws-node uses, if other arguments have these values."""

    role: str
    values: tuple[tuple[str, str], ...]
    by: Identity
    block: str = ""  # the nested block that has these arguments; empty for the resource itself
    first: str = ""  # the argument with the role that must assume it


_SERVICE_ACCOUNT = (("namespace", "kube-system"), ("service_account", "aws-node"))
_ANNOTATED = (
    UseArgument(
        "annotations.eks~amazonaws~com/role-arn",
        (("namespace", "kube-system"), ("name", "aws-node")),
        Identity.irsa,
        "metadata",
    ),
)
# By resource type; the first argument with a role is the one that counts.
USES: Mapping[str, tuple[UseArgument, ...]] = {
    ADDON: (
        UseArgument("role_arn", _SERVICE_ACCOUNT[1:], Identity.pod_identity, _ASSOCIATIONS),
        UseArgument("service_account_role_arn", (("addon_name", "vpc-cni"),), Identity.irsa),
    ),
    ASSOCIATION: (
        UseArgument("target_role_arn", _SERVICE_ACCOUNT, Identity.pod_identity, first="role_arn"),
        UseArgument("role_arn", _SERVICE_ACCOUNT, Identity.pod_identity),
    ),
    NODE_GROUP: (UseArgument("node_role_arn", (), Identity.node_role),),
    "kubernetes_service_account": _ANNOTATED,
    "kubernetes_service_account_v1": _ANNOTATED,
}

LISTS = (GrantPart.INLINE_LIST, GrantPart.ATTACHED_LIST)
_EVERY = (("roles.*", ROLE), ("users.*", USER), ("groups.*", GROUP))
# By resource type.
GRANTS: Mapping[str, tuple[GrantArgument, ...]] = {
    ROLE: (
        GrantArgument("assume_role_policy", GrantPart.TRUST),
        GrantArgument("permissions_boundary", GrantPart.BOUNDARY),
        GrantArgument("inline_policy.*.policy", GrantPart.INLINE, name="name", computed=True),
        GrantArgument("managed_policy_arns.*", GrantPart.ATTACHED, computed=True),
    ),
    USER: (GrantArgument("permissions_boundary", GrantPart.BOUNDARY),),
    POLICY_ATTACHMENT: (GrantArgument("policy_arn", GrantPart.ATTACHED, _EVERY),),
    "aws_iam_user_group_membership": (
        GrantArgument("groups.*", GrantPart.GROUP, (("user", USER),)),
    ),
    "aws_iam_group_membership": (GrantArgument("users.*", GrantPart.GROUP, (("group", GROUP),)),),
    **{
        f"aws_iam_{who}{end}": (GrantArgument(path, part, ((f"{who}{suffix}", kind),), name),)
        for who, kind in (("role", ROLE), ("user", USER), ("group", GROUP))
        for end, path, part, suffix, name in (
            ("_policy", "policy", GrantPart.INLINE, "", "name"),
            ("_policy_attachment", "policy_arn", GrantPart.ATTACHED, "", ""),
            ("_policies_exclusive", "policy_names.*", GrantPart.INLINE_LIST, "_name", ""),
            (
                "_policy_attachments_exclusive",
                "policy_arns.*",
                GrantPart.ATTACHED_LIST,
                "_name",
                "",
            ),
        )
    },
}


def list_argument(kind: str) -> GrantArgument | None:
    """Return the argument of an exclusive list; None for other types."""
    return next((a for a in GRANTS.get(kind, ()) if a.part in LISTS), None)


ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
# Where a Kubernetes object has its metadata and its annotations, by the prefix of its type.
SERVICE_ACCOUNTS: Mapping[str, tuple[str, str]] = {
    "kubernetes_service_account": ("metadata.*", "metadata.*.annotations"),
    "kubernetes_annotations": ("metadata.*", "annotations"),
    "kubernetes_manifest": ("manifest.metadata", "manifest.metadata.annotations"),
    "kubectl_manifest": ("yaml_body.{}.**.metadata", "yaml_body.{}.**.metadata.annotations"),
}
# Objects of Kubernetes.
OF_KUBERNETES = ("argocd_", "kubernetes_", "kubectl_", "k8s_", "kustomization_")
ACCESS_ENTRY, ACCESS_POLICY = "aws_eks_access_entry", "aws_eks_access_policy_association"
CLUSTER_ACCESS = (ACCESS_ENTRY, ACCESS_POLICY)
# The arguments by which other resources refer to a resource; default: name and ARN.
NAMED_BY: Mapping[str, tuple[str, ...]] = {
    POLICY: ("arn",),
    PROFILE: ("name", "arn"),
    TEMPLATE: ("id", "name"),
    LAUNCH_CONFIGURATION: ("name", "id"),
}
# The arguments that give nodes a role, and the type that each refers to: a role, or a type that has
# one. A block refers to it by its ID, ARN or name.
NODE_ROLES: Mapping[str, Mapping[str, str]] = {
    NODE_GROUP: {"node_role_arn": ROLE},
    "aws_autoscaling_group": {
        "launch_configuration": LAUNCH_CONFIGURATION,
        "launch_template.*": TEMPLATE,
        f"{_MIXED}.launch_template_specification.*": TEMPLATE,
        f"{_MIXED}.override.*.launch_template_specification.*": TEMPLATE,
    },
    TEMPLATE: {"iam_instance_profile.*": PROFILE},
    LAUNCH_CONFIGURATION: {"iam_instance_profile": PROFILE},
    PROFILE: {"role": ROLE},
}
