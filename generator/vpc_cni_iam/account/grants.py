"""What a principal has: policies, a boundary and a trust policy, with or without their content."""

from __future__ import annotations

import json
from enum import Enum, StrEnum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import Message
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.plugin.trust import AWS_NODE, ServiceAccount
from vpc_cni_iam.policy.document import Policy, to_json
from vpc_cni_iam.policy.quotas import counted

UNKNOWN = ""  # the principal of a grant, if the input does not name it


class GrantPart(Enum):
    """What a grant is for its principal."""

    INLINE = "inline"
    ATTACHED = "attached"
    BOUNDARY = "boundary"  # limits the others
    TRUST = "trust"  # who can assume the role
    GROUP = "group"  # a user has the policies of a group
    # Exclusive lists of a principal: IAM removes what they do not name.
    INLINE_LIST = "inline list"
    ATTACHED_LIST = "attached list"

    @property
    def gives(self) -> bool:
        """Whether it gives permissions."""
        return self in (GrantPart.INLINE, GrantPart.ATTACHED)


class GapKind(StrEnum):
    """Why a content is not known."""

    unknown = "unknown"  # it is known only after apply, or in an expression
    sensitive = "sensitive"
    invalid = "invalid"  # IAM or the evaluator does not accept it
    not_in_input = "not in the input"


class Gap(Struct, frozen=True):
    """A content that is not known."""

    kind: GapKind
    why: Message


PolicyOrGap: TypeAlias = Policy | Gap


class Grant(Struct, frozen=True):
    """A policy of a principal, by the name of its document or by its ARN."""

    owner: str  # the principal's name in the input; `UNKNOWN` if the input does not name it
    part: GrantPart
    policy: str  # the name of a document of the input, or an ARN
    place: str = ""  # the resource that grants it
    arn: str = ""  # of the owner of a trust policy; without a name, or empty, if not in the input


class Use(Struct, frozen=True):
    """How aws-node of a cluster uses a role; what the input does not have is empty or None."""

    role: str  # the principal's name in the input, or an ARN; `UNKNOWN` if it is not known
    by: Identity
    place: str = ""  # the add-on, association, service account or node group that names it
    first: str | None = None  # the role that assumes it for EKS Pod Identity; None if directly
    cluster: EksCluster = ANY_CLUSTER
    account: ServiceAccount = AWS_NODE  # of the pods
    tags: bool = True  # whether sessions of EKS Pod Identity have tags
    has_agent: bool | None = True  # whether nodes have the agent that it needs


class ClusterSettings(Struct, frozen=True):
    """aws-node in a cluster, as an input has it."""

    settings: PluginSettings
    names: dict[str, str]  # of the cluster, by parameter
    session_tags: bool  # whether its sessions have the tags of EKS Pod Identity
    cluster: EksCluster = ANY_CLUSTER


class Document(Struct, frozen=True):
    """A policy of an input, no matter who has it."""

    name: str  # its name in the input, such as its data source's; empty if it has none
    content: PolicyOrGap
    source: str = ""  # the input, as errors name it
    version: str = ""  # that of an AWS managed policy that comes from the catalog
    arn: str = ""  # likewise

    @property
    def policy(self) -> Policy:
        """Its policy, which must be known."""
        assert isinstance(self.content, Policy)  # noqa: S101 - only known ones are taken
        return self.content

    @property
    def is_of_identity(self) -> bool:
        """Whether it is a known policy without principals."""
        return isinstance(self.content, Policy) and not self.content.names_principals


def characters(policy: Policy) -> int:
    """Return the size of a policy in its shortest form, as IAM counts it."""
    return counted(json.dumps(to_json(policy), ensure_ascii=False, separators=(",", ":")))
