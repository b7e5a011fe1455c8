"""What a principal may do, who may assume it, and what is not known about both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.account.grants import Document, PolicyOrGap
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER
from vpc_cni_iam.plugin.identity import Identity, is_role_arn
from vpc_cni_iam.plugin.trust import ANY_ISSUER, RoleTrust
from vpc_cni_iam.policy.document import Policy, Principal, Statement
from vpc_cni_iam.policy.template import Hole, PolicyText, Template, holes, parts_of

# The ARN of a role whose account is not known.
_SOME_ROLE = "arn:aws:iam::111122223333:role/example"


# Stands for a provider of tokens that is not known.
_SOME_PROVIDER = f"arn:aws:iam:::oidc-provider/{ANY_ISSUER}"


class Fit(StrEnum):
    """Whether aws-node can assume a role, by its trust policy."""

    fits = "fits"
    unclear = "unclear"  # the input does not show the trust policy, or a part that decides
    excluded = "excluded"


class RoleAccess(Struct, frozen=True):
    """A principal's policies and limits; an empty name is some principal with just these."""

    principal: str
    policies: tuple[Document, ...]
    limits: tuple[tuple[Document, ...], ...] = ()
    not_known: tuple[NotKnown, ...] = ()
    trust: PolicyOrGap | None = None  # None if the input does not show whether it has one

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

    @property
    def fit(self) -> Fit:
        """Whether aws-node can assume it; excluded only if its trust policy proves that."""
        ways = self.ways()
        if True in ways.values():
            return Fit.fits
        return Fit.unclear if not ways or None in ways.values() else Fit.excluded

    @property
    def is_of_nodes(self) -> bool:
        """Whether aws-node can have it only as the role of its node."""
        return [way for way, fits in self.ways().items() if fits] == [Identity.node_role]

    @property
    def is_of_eks(self) -> bool:
        """Whether it has an AWS managed policy of EKS."""
        names = (aws_managed.name_of(each.arn or each.name) for each in self.policies)
        return any(name.startswith("AmazonEKS") for name in names)

    def ways(self) -> Mapping[Identity, bool | None]:
        """Return whether aws-node can assume it in each way; empty if the trust is not known."""
        if not isinstance(self.trust, Policy) or not self.trust.names_principals:
            return {}
        try:
            return RoleTrust(_of_some_provider(self.trust), self._arn).ways()
        except InputError:
            return {}

    def is_target_of(self, roles: Iterable[str]) -> bool:
        """Return whether one of some roles, by their ARNs, may be trusted to assume it.

        Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity Target IAM
        Roles".
        """
        if not isinstance(self.trust, Policy):
            return False
        trust = RoleTrust(self.trust, self._arn)
        arns = [role for role in roles if is_role_arn(role)]
        return any(trust.lets_role(arn, ANY_CLUSTER, tags=True) is not False for arn in arns)

    @property
    def _arn(self) -> str:
        return self.principal if is_role_arn(self.principal) else _SOME_ROLE

    @property
    def trusted(self) -> str:
        """Who can assume it, in words; empty if that is not known."""
        if not isinstance(self.trust, Policy):
            return ""
        names = (
            str(name).rpartition("/oidc-provider/")[2] if kind.type == "Federated" else str(name)
            for statement in self.trust.statements
            for kind in statement.principals
            for name in kind.identifiers
        )
        return ", ".join(dict.fromkeys(names))


def _of_some_provider(trust: Policy) -> Policy:
    """Return a trust policy with an example for an unknown provider of tokens.

    A module for IRSA has its provider as a variable; the subject in its conditions is known.
    """
    return replace(trust, statements=tuple(map(_with_provider, trust.statements)))


def _with_provider(statement: Statement) -> Statement:
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
