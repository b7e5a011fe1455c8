"""What a principal may do, who may assume it, and what is not known about both."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.account.grants import Document, PolicyOrGap
from vpc_cni_iam.errors import InputError, first_of
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import ANY_ISSUER, RoleTrust, best, is_too_large
from vpc_cni_iam.policy.document import ANYONE, Policy, Principal, Statement
from vpc_cni_iam.policy.template import Hole, PolicyText, Template, holes, parts_of

# Stands for a provider of tokens that is not known.
_SOME_PROVIDER = f"arn:aws:iam:::oidc-provider/{ANY_ISSUER}"


class RoleAccess(Struct, frozen=True):
    """A principal's policies and limits; an empty name is some principal with just these."""

    principal: str
    policies: tuple[Document, ...]
    limits: tuple[tuple[Document, ...], ...] = ()
    not_known: tuple[NotKnown, ...] = ()
    trust: PolicyOrGap | None = None  # None if the input does not show whether it has one
    arn: str = ""  # without a name, or empty, if the input does not have it
    is_of_node_group: bool = False  # whether a node group of EKS names it

    @property
    def known(self) -> tuple[Policy, ...]:
        """The policies without their names."""
        return tuple(each.policy for each in self.policies)

    @property
    def limiting(self) -> tuple[tuple[Policy, ...], ...]:
        """The policies of the limits without their names."""
        return tuple(tuple(each.policy for each in limit) for limit in self.limits)

    @property
    def every(self) -> tuple[Document, ...]:
        """The policies, and those of the limits, as decisions number them."""
        return (*self.policies, *(each for limit in self.limits for each in limit))

    def fits(self, cluster: EksCluster = ANY_CLUSTER) -> bool | None:
        """Return whether aws-node can assume it; false only if its trust policy proves that."""
        return best(self.ways(cluster).values() or (None,))

    @property
    def is_of_nodes(self) -> bool:
        """Whether aws-node can have it only as the role of its node."""
        return [way for way, fits in self.ways().items() if fits] == [Identity.node_role]

    def ways(self, cluster: EksCluster = ANY_CLUSTER) -> Mapping[Identity, bool | None]:
        """Return whether aws-node can assume it in each way; empty if the trust is not known."""
        trust = self.role_trust
        if not trust or not trust.policy.names_principals:
            return {}
        try:
            statements = tuple(map(_with_provider, trust.policy.statements))
            ways = replace(trust, policy=replace(trust.policy, statements=statements)).ways()
            others = [w for w in ways if ways[w] and trust.lets(w, cluster, tags=True) is False]
        except InputError:
            return {}
        # Without a cluster, it may be one that the trust policy names.
        return ways if cluster == ANY_CLUSTER else {**ways, **dict.fromkeys(others, False)}

    @property
    def trusts_principals(self) -> bool:
        """Whether it trusts users or roles, so that another role may assume it for aws-node."""
        statements = self.trust.statements if isinstance(self.trust, Policy) else ()
        return any(p.type in (ANYONE, "AWS") for s in statements for p in s.principals)

    @property
    def role_trust(self) -> RoleTrust | None:
        """The trust policy with the ARN; None if it is not known."""
        if not isinstance(self.trust, Policy) or is_too_large(self.trust):
            return None
        return RoleTrust(self.trust, self.arn or "arn:aws:iam:::role/example")

    @property
    def trusted(self) -> str:
        """Who can assume it, in words; empty if that is not known."""
        if not isinstance(self.trust, Policy):
            return ""
        allows = [s for s in self.trust.statements if s.effect == "Allow"]
        kinds = [("", kind) for s in allows for kind in s.principals]
        kinds += [("all but ", kind) for s in allows for kind in s.not_principals]
        named = [(words, str(name)) for words, kind in kinds for name in kind.identifiers]
        trusted = dict.fromkeys(w + name.rpartition(":oidc-provider/")[2] for w, name in named)
        tests = [c for s in allows for c in s.conditions if str(c.key).endswith(":sub")]
        subjects = [str(value) for c in tests if "Not" not in c.operator for value in c.values]
        of = f" for {first_of(dict.fromkeys(subjects))}" if subjects else ""
        return (first_of(trusted) or "nobody") + of


def _with_provider(statement: Statement) -> Statement:
    """Return a statement of a trust policy with an example for an unknown provider of tokens.

    A module for IRSA has its provider as a variable; the subject in its conditions is known.
    """
    federated = [p for p in statement.principals if p.type == "Federated"]
    if not any(holes(name for p in federated for name in p.identifiers)):
        return statement

    def known(principal: Principal) -> Principal:
        names = (_SOME_PROVIDER if isinstance(n, Template) else n for n in principal.identifiers)
        return replace(principal, identifiers=tuple(names)) if principal in federated else principal

    conditions = tuple(replace(c, key=_of_issuer(c.key)) for c in statement.conditions)
    principals = tuple(map(known, statement.principals))
    return replace(statement, principals=principals, conditions=conditions)


def _of_issuer(key: PolicyText) -> PolicyText:
    """Return a condition key with the example instead of an unknown issuer."""
    match parts_of(key):
        case (Hole(), str(claim)) if claim.startswith(":"):
            return f"{ANY_ISSUER}{claim}"
    return key
