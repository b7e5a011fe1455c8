"""Names of principals and policies, and values of a plan, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vpc_cni_iam.catalog.trust import AUDIENCE, POD_IDENTITY_SINCE
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.account.in_clusters import ResourceEnd
from vpc_cni_iam.inputs.plan.arguments import KINDS
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.mending import TrustFault
from vpc_cni_iam.plugin.trust import AWS_NODE, NODES, TAG, WEB
from vpc_cni_iam.policy.value import Absent, Known, Sensitive, Value

TOO_OLD = f"versions before {POD_IDENTITY_SINCE} get no credentials from EKS Pod Identity"
MOST_NAMED = 3  # names in a sentence
# Why a resource no longer applies to its cluster; {} is what else it may be for.
ENDS = {
    ResourceEnd.MOVED: "is for another cluster or {}",
    ResourceEnd.DELETED: "is deleted",
    ResourceEnd.WITH_CLUSTER: "is deleted with the cluster",
    ResourceEnd.ELSEWHERE: "is deleted at another address",
}
# Why aws-node cannot assume a role.
FAULTS: Mapping[TrustFault | None, str] = {
    None: "its trust policy does not trust aws-node",
    TrustFault.principal: "its trust policy names no OIDC provider of the role's account",
    TrustFault.action: f"its trust policy does not allow {WEB}",
    TrustFault.issuer: "a condition of its trust policy names another issuer than the principal",
    TrustFault.audience: f"its trust policy requires another audience than {AUDIENCE}",
    TrustFault.subject: f"its trust policy requires another subject than {AWS_NODE.subject}",
    TrustFault.tag_session: f"its trust policy does not allow {TAG}",
    TrustFault.session_tags: "its trust policy requires session tags, which are disabled",
    TrustFault.provider: "no OIDC provider accepts its tokens",
    TrustFault.first_role: "its trust policy does not trust the role that assumes it",
    TrustFault.nodes: f"its trust policy does not trust {NODES}",
}
IDENTITIES = {
    Identity.pod_identity: "EKS Pod Identity",
    Identity.irsa: "IRSA",
    Identity.node_role: "the node role",
}


def name_of(resource: IamResource) -> str:
    """Return the name of a principal or policy: an address, an ARN, or where the plan names it."""
    match resource:
        case InPlan(address):
            return address
        case Named(kind, _, name, arn):
            whole = arn or name
            return whole if whole.startswith("arn:") else f"{_noun(kind)} {whole}"
        case Unresolved(place, _, kind):
            return f"the {_noun(kind)} {place if is_mark(place) else f'in {place}'}"


def _noun(kind: str) -> str:
    """Return the noun for a resource type, such as ``role``."""
    return kind.removeprefix("aws_iam_").removeprefix("aws_").replace("_", " ")


def names_of(resources: Sequence[IamResource]) -> str:
    """Return the names of resources in a sentence; of many, the first."""
    return several(list(map(name_of, resources)))


def role_text(role: IamResource) -> str:
    """Return the name of a role, which a plan may not have."""
    match role:
        case Named(kind, _, name, arn) if kind in KINDS:
            return f"the role of {KINDS[kind]} {arn or name}"
        case Unresolved(place) if not place.startswith("("):
            return f"a role known after apply ({place})"
    return name_of(role)


def cluster_text(subject: object) -> str:
    """Return the name of the cluster of a finding."""
    if not isinstance(subject, EksCluster) or not subject.name:
        return "the cluster"
    return f"{subject.name} ({subject.region})" if subject.region else subject.name


def conjugate(verb: str, subjects: Sequence[IamResource]) -> str:
    """Return a verb in the number of its subjects, such as ``gets`` for one."""
    return verb if len(subjects) > 1 else f"{verb}s"


def of_issuer(subject: object) -> str:
    """Return the words about the tokens of a cluster; empty if its issuer is not known."""
    match subject:
        case EksCluster(issuer=Known(issuer)):
            return f" with tokens of {issuer}"
    return ""


def several(names: Sequence[str]) -> str:
    """Return names in a sentence; of many, the first."""
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def value_text(value: Value) -> str:
    """Return a value of a plan in a sentence."""
    match value:
        case Known(known):
            return str(known).lower() if isinstance(known, bool) else str(known)
        case Sensitive(str(mark)):
            return mark
        case Absent():
            return "not set"
    return "a value known after apply"
