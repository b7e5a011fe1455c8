"""Trust policies of a role for a service account, such as the plugin's, kube-system/aws-node.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts" (IRSA) and "EKS
Pod Identity trust policy" with its session tags; IAM JSON policy elements reference for
aws:SourceAccount.
"""

from __future__ import annotations

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.parameters import Parameter
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.template import PolicyText, join

NAMESPACE, SERVICE_ACCOUNT = "kube-system", "aws-node"
AUDIENCE = "sts.amazonaws.com"
# The name of the data source.
DOCUMENT = "trust"

OIDC_PROVIDER_ARN = Parameter(
    "oidc_provider_arn",
    "ARN of the cluster's IAM OIDC provider, for a trust by IRSA; null for none.",
    "arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[0-9A-Za-z][0-9A-Za-z._-]*(/[0-9A-Za-z._-]+)*",
    "the ARN of an IAM OIDC provider, like "
    "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
)
EKS_CLUSTER_ARN = Parameter(
    "eks_cluster_arn",
    "ARN of the only EKS cluster whose pods may assume the role by Pod Identity; null for any "
    "cluster of the account.",
    "arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/[0-9A-Za-z][0-9A-Za-z_-]{0,99}",
    "the ARN of an EKS cluster, like arn:aws:eks:eu-west-1:111122223333:cluster/example",
)
SOURCE_ACCOUNT_ID = Parameter(
    "source_account_id",
    "ID of the only AWS account whose clusters may assume the role by Pod Identity; null for no "
    "condition.",
    "[0-9]{12}",
    "an AWS account ID of 12 digits",
)
PARAMETERS = (OIDC_PROVIDER_ARN, EKS_CLUSTER_ARN, SOURCE_ACCOUNT_ID)
# The variables of a generated module that its documents use.
VARIABLES = (*parameters.PARAMETERS, *PARAMETERS)
# The variable for whether it trusts EKS Pod Identity.
POD_IDENTITY = "pod_identity"
# The first plugin version whose SDK gets credentials from EKS Pod Identity. Sources: Amazon EKS
# User Guide, "Use pod identity with the AWS SDK"; v1.15.4:go.mod and v1.15.5:go.mod.
POD_IDENTITY_SINCE = PluginVersion("v1.15.5")
# Derived from the provider's ARN, for condition keys.
OIDC_ISSUER = Parameter("oidc_issuer", "The issuer without https://.", ".+", "an issuer")


def issuer(provider_arn: str) -> str:
    """Return the issuer of an OIDC provider in the form of condition keys."""
    return provider_arn.partition(":oidc-provider/")[2]


def policy(
    *,
    irsa: bool = True,
    pod_identity: bool = True,
    cluster: bool = True,
    account: bool = True,
    service_account: str = SERVICE_ACCOUNT,
) -> Policy:
    """Return the trust policy of a role, with holes, for IRSA and for EKS Pod Identity.

    IRSA's audience and subject are separate conditions, so a change of one cannot loosen the other.
    `cluster` and `account` narrow Pod Identity; `service_account` is in kube-system.
    """
    tag, subject = "aws:RequestTag/kubernetes-", f"system:serviceaccount:{NAMESPACE}"
    statements = []
    if irsa:
        statements.append(
            Statement(
                actions=("sts:AssumeRoleWithWebIdentity",),
                principals=(Principal("Federated", (join([OIDC_PROVIDER_ARN.hole]),)),),
                conditions=_equals(
                    (join([OIDC_ISSUER.hole, ":aud"]), AUDIENCE),
                    (join([OIDC_ISSUER.hole, ":sub"]), f"{subject}:{service_account}"),
                ),
            )
        )
    if pod_identity:
        statements.append(
            Statement(
                actions=("sts:AssumeRole", "sts:TagSession"),
                principals=(Principal("Service", ("pods.eks.amazonaws.com",)),),
                conditions=_equals(
                    (f"{tag}namespace", NAMESPACE),
                    (f"{tag}service-account", service_account),
                    *[("aws:RequestTag/eks-cluster-arn", join([EKS_CLUSTER_ARN.hole]))] * cluster,
                    *[("aws:SourceAccount", join([SOURCE_ACCOUNT_ID.hole]))] * account,
                ),
            )
        )
    return Policy(tuple(statements))


def _equals(*pairs: tuple[PolicyText, PolicyText]) -> tuple[Condition, ...]:
    return tuple(Condition("StringEquals", key, (value,)) for key, value in pairs)
