"""Who can assume a role: its trust policy, evaluated with requests of pods and instances.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts" and "EKS Pod
Identity trust policy"; Amazon EC2 User Guide, "IAM roles for Amazon EC2"; IAM User Guide, "AWS
global condition context keys".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, NAMESPACE, SERVICE_ACCOUNT, issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin import issuers
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster, cluster_of
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import ANYONE, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching.variables import UNKNOWN, KeyValues, UnknownValue
from vpc_cni_iam.policy.template import holes, known
from vpc_cni_iam.policy.value import Known, Unknown

PODS, NODES = "pods.eks.amazonaws.com", "ec2.amazonaws.com"
ASSUME, TAG, WEB = "sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithWebIdentity"
# Keys that only requests of an account's principals have, not those of services and tokens. And
# keys that only services have: for EKS Pod Identity, the cluster and its account, which is the
# role's.
CALLER, ACCOUNT = "aws:principalarn", "aws:principalaccount"
EXTERNAL_ID = "sts:externalid"
OF_CALLERS = frozenset(
    (
        CALLER,
        ACCOUNT,
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:username",
        "aws:multifactorauthpresent",
        "aws:multifactorauthage",
        EXTERNAL_ID,
    )
)
SOURCE_ARN, SOURCE_ACCOUNT = "aws:sourcearn", "aws:sourceaccount"
OF_SERVICES = frozenset((SOURCE_ARN, SOURCE_ACCOUNT, "aws:sourceorgid", "aws:sourceorgpaths"))
# Only tokens have claims, and only those of their own issuer. SAML's keys are not claims.
_CLAIM = re.compile(r"(?!saml:)(?:.*[./].*:[^:]+|.*:(?:sub|aud))")
_TAGS = ("aws:requesttag/", "aws:tagkeys")
_CLUSTER_NAME, _CLUSTER_ARN = "aws:requesttag/eks-cluster-name", "aws:requesttag/eks-cluster-arn"
# Partition, Region, account and name in the ARN of a cluster, or in a pattern of such ARNs.
_CLUSTER = r"(?:arn:([^:]*):eks:([^:]*)(?::([^:]*):)?)?[^/]*(?:/(.*))?"
_EXAMPLE = ("aws", "us-east-1", "111122223333", "example")
# Conditions that name a cluster, or a part of its ARN.
_NAMING = {
    **dict.fromkeys((SOURCE_ARN, _CLUSTER_ARN), "{}"),
    SOURCE_ACCOUNT: "arn::eks::{}:",
    _CLUSTER_NAME: "/{}",
}
# A provider of tokens of service accounts.
EKS_ISSUER = "oidc.eks"
ANY_ISSUER = f"{EKS_ISSUER}.us-east-1.amazonaws.com/id/EXAMPLE"


class ServiceAccount(Struct, frozen=True):
    """A service account of Kubernetes."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def subject(self) -> str:
        """The subject of its tokens."""
        return f"{issuers.SERVICE_ACCOUNTS}{self.namespace}:{self.name}"

    @property
    def tags(self) -> KeyValues:
        """The session tags that name it."""
        return {
            "aws:requesttag/kubernetes-namespace": self.namespace,
            "aws:requesttag/kubernetes-service-account": self.name,
        }


AWS_NODE = ServiceAccount(NAMESPACE, SERVICE_ACCOUNT)
STRANGER = ServiceAccount("example-namespace", "example-service-account")
_NEIGHBOUR = ServiceAccount(NAMESPACE, STRANGER.name)


class Caller(Struct, frozen=True):
    """Who assumes a role for a service account."""

    identity: Identity
    principal: str  # a service, or the ARN of an OIDC provider

    @property
    def issuer(self) -> str:
        """The issuer of its tokens; empty for a service."""
        return issuer(self.principal) if self.identity is Identity.irsa else ""


class RoleTrust(Struct, frozen=True):
    """The trust policy of a role.

    If a condition is about a key that a request may have, such as an address or the time, it is
    taken as met.
    """

    policy: Policy
    role: str  # the ARN of the role

    def check(self) -> None:
        """Raise `InputError` for a policy that cannot be evaluated."""
        compile_policies([self.policy], "trust policy")

    def callers(
        self, account: ServiceAccount = AWS_NODE, *, tags: bool = True
    ) -> dict[Caller, bool]:
        """Return who can assume the role for a service account of some cluster.

        Each has whether this is certain, or depends on an unknown that the policy asks for. The
        cluster is one that the policy names, or an example. `tags`: whether sessions of EKS Pod
        Identity have tags.
        """
        clusters = [cluster_of(arn.partition("/")[2], arn) for arn in self.cluster_arns()]
        callers = self._named(ANY_CLUSTER)
        answers = {c: self._answer(c, clusters, account, tags=tags) for c in callers}
        return {c: bool(answer) for c, answer in answers.items() if answer is not False}

    def lets(
        self,
        identity: Identity,
        cluster: EksCluster,
        account: ServiceAccount = AWS_NODE,
        *,
        tags: bool,
    ) -> bool | None:
        """Return whether a service account of a cluster can assume the role; None if not decided.

        `tags`: whether sessions of EKS Pod Identity have tags.
        """
        answers = {
            self._answer(caller, [cluster], account, tags=tags)
            for caller in self._named(cluster)
            if caller.identity is identity
        }
        return best({*answers, None} if self._has_unknown_principal else answers)

    def ways(self) -> Mapping[Identity, bool | None]:
        """Return whether aws-node of some cluster can get the role in each way; None: undecided."""
        callers = self.callers().items()
        ways = {
            way: best([certain or None for caller, certain in callers if caller.identity is way])
            for way in (Identity.pod_identity, Identity.irsa, Identity.node_role)
        }
        # AWS does not say whether the principal * includes services and tokens.
        is_open = self._has_unknown_principal or (not any(ways.values()) and self.is_open)
        return {way: lets or None for way, lets in ways.items()} if is_open else ways

    def meant_for(self, account: ServiceAccount = AWS_NODE) -> set[Caller]:
        """Return the callers for a service account that the trust policy is meant for.

        Conditions about the sender are taken as met, and sts:TagSession as allowed: the caller may
        not be able to assume the role.
        """
        compiled = compile_policies([self.policy], "trust policy")
        may_have = may_have_but(())

        def request(caller: Caller) -> Request:
            if caller.identity is Identity.irsa:
                claims = {"sub": account.subject, "aud": AUDIENCE}
                return replace(token_request(caller.principal, claims), may_have=may_have)
            return Request(ASSUME, "*", caller.principal, account.tags, may_have)

        return {
            caller
            for caller in self._named(ANY_CLUSTER)
            if not compiled.evaluate(request(caller)).denied
        }

    def lets_role(
        self,
        role: str,
        cluster: EksCluster,
        account: ServiceAccount = AWS_NODE,
        *,
        tags: bool,
    ) -> bool | None:
        """Return whether another role, by its ARN, can assume the role for pods of a cluster.

        The cluster is in the account of the other role. Without session tags, an external ID
        identifies the pods. Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod
        Identity Target IAM Roles".
        """
        own = replace(cluster, account=role.split(":")[4])
        has = {CALLER: role, ACCOUNT: own.account}
        parts = own.region, own.account, own.name, account.namespace, account.name
        if all(parts) and not tags:
            has[EXTERNAL_ID] = "/".join(parts)
        may_have = may_have_but(OF_SERVICES, tags=tags)
        requests = (
            Request(ASSUME, "*", role, {**has, **sent}, may_have)
            for arn in self.cluster_arns(own)
            for sent in ({**account.tags, **cluster_tags(arn)} if tags else {},)
        )
        answer = self._decided(requests, tags=tags)
        return best({answer, None}) if self._has_unknown_principal else answer

    def lets_named(
        self, role: str, cluster: EksCluster, account: ServiceAccount = AWS_NODE, *, tags: bool
    ) -> bool | None:
        """Return whether the policy alone lets a named role of its account assume the role.

        Source: STS API reference, AssumeRole.
        """
        named = replace(self, policy=naming(self.policy, role))
        is_of_account = role.split(":")[4] == self.role.split(":")[4]
        return is_of_account and named.lets_role(role, cluster, account, tags=tags)

    def _may_be_of(self, caller: Caller, cluster: EksCluster) -> bool:
        """Return whether a cluster's tokens may be those of a provider in the role's account.

        Source: Amazon EKS User Guide, "Authenticate to another account with IRSA".
        """
        if caller.identity is not Identity.irsa:
            return True
        region = issuers.region_of(caller.issuer)
        if region and cluster.region and region != cluster.region:
            return False
        is_shown = isinstance(cluster.issuer, Known | Unknown)
        is_other = is_shown and cluster.issuer != Known(caller.issuer)
        return not is_other and may_share_account(self.role, caller.principal)

    def _named(self, cluster: EksCluster) -> Iterator[Caller]:
        """Yield the callers for pods of a cluster that the policy names."""
        for caller in dict.fromkeys(_callers(self.policy.statements)):
            if self._may_be_of(caller, cluster):
                yield caller

    def _answer(
        self,
        caller: Caller,
        clusters: Iterable[EksCluster],
        account: ServiceAccount,
        *,
        tags: bool,
    ) -> bool | None:
        """Return whether a caller can assume the role for pods of a cluster; None if undecided."""
        requests = (r for c in clusters for r in self._requests(caller, account, c, tags=tags))
        return self._decided(requests, tags=tags and caller.identity.has_session_tags)

    def _decided(self, requests: Iterable[Request], *, tags: bool) -> bool | None:
        """Return whether a request is allowed, with session tags or not; None if undecided."""
        compiled = compile_policies([self.policy], "trust policy")
        answers: set[bool | None] = set()
        for request in requests:
            actions = (request.action, TAG)[: 1 + tags]
            decisions = [compiled.evaluate(replace(request, action=action)) for action in actions]
            is_allowed = all(decision.allowed for decision in decisions) or None
            answers.add(False if any(d.denied for d in decisions) else is_allowed)
        return best(answers)

    @property
    def _has_unknown_principal(self) -> bool:
        """Whether a principal has an unknown part, so that it may be any caller."""
        principals = (p for s in self.policy.statements for p in s.principals)
        return any(holes(name for p in principals for name in p.identifiers))

    @property
    def is_open(self) -> bool:
        """Whether the principal ``*`` could include who assumes the role for aws-node.

        Page "AWS JSON policy elements: Principal" says that ``*`` means users, roles and sessions,
        and does not mention services; IAM's examples name a Federated principal for tokens.
        """
        statements = [s for s in self.policy.statements if s.effect == "Deny" or _is_of_anyone(s)]
        keys = [str(c.key) for s in statements for c in s.conditions]
        issuers = {k.rpartition(":")[0] for k in keys if is_claim(k.lower())} or {ANY_ISSUER}
        providers = tuple(f":oidc-provider/{name}" for name in issuers)
        givers = Principal("Service", (NODES, PODS)), Principal("Federated", providers)
        trust = replace(self, policy=replace(self.policy, statements=tuple(statements)))
        return any(
            trust._answer(caller, [ANY_CLUSTER], AWS_NODE, tags=False) is not False
            for caller in _callers([Statement(principals=givers)])
        )

    def cluster_arns(self, cluster: EksCluster = ANY_CLUSTER) -> list[str]:
        """Return the possible ARNs of a cluster.

        An unknown account is the role's; other unknown parts are those that the policy names.
        """
        conditions = [c for s in self.policy.statements for c in s.conditions]
        asked = ((str(c.key).lower(), value) for c in conditions for value in known(c.values))
        named = (_NAMING[key].format(value) for key, value in asked if key in _NAMING)
        places = [("",) * 4, *(m.groups("") for v in named if (m := re.match(_CLUSTER, v)))]
        _, partition, _, _, account, _ = self.role.split(":", 5)
        certain = (partition, cluster.region, cluster.account or account, cluster.name)
        return [
            "arn:{}:eks:{}:{}:cluster/{}".format(
                *(
                    own or other.replace("*", "") or example
                    for own, other, example in zip(certain, place, _EXAMPLE, strict=True)
                )
            )
            for place in places
        ]

    def _requests(
        self,
        caller: Caller,
        account: ServiceAccount,
        cluster: EksCluster,
        *,
        tags: bool,
    ) -> Iterator[Request]:
        """Yield the requests with which a caller assumes the role for pods of a cluster."""
        if caller.identity is Identity.irsa:
            yield token_request(caller.principal, {"sub": account.subject, "aud": AUDIENCE})
            return
        is_by_pods = caller.identity is Identity.pod_identity
        contexts = self._of_pods(account, cluster, tags=tags) if is_by_pods else iter([{}])
        may_have = may_have_but(OF_CALLERS, tags=tags)
        yield from (Request(ASSUME, "*", caller.principal, has, may_have) for has in contexts)

    def _of_pods(
        self, account: ServiceAccount, cluster: EksCluster, *, tags: bool
    ) -> Iterator[KeyValues]:
        """Yield the contexts of EKS Pod Identity's requests for a service account of a cluster."""
        # The cluster's account is the role's, which may not be known.
        is_placed = cluster.account or self.role.split(":")[4]
        for arn in self.cluster_arns(cluster):
            source = {SOURCE_ARN: arn, **({SOURCE_ACCOUNT: arn.split(":")[4]} if is_placed else {})}
            named = {**account.tags, **(cluster_tags(arn) if cluster.name else {})}
            yield {**source, **(named if tags else {})}


def best(answers: Iterable[bool | None]) -> bool | None:
    """Return whether one of some answers is true; None if one of them is not decided."""
    every = set(answers)
    return True if True in every else None if None in every else False


def naming(policy: Policy, principal: str) -> Policy:
    """Return a trust policy with only what it allows a principal, or all, by name."""
    statements = tuple(
        s
        for s in policy.statements
        if s.effect == "Deny" or any({principal, ANYONE} & {*p.identifiers} for p in s.principals)
    )
    return replace(policy, statements=statements)


# More than fit into IAM's quota for trust policies: each has a few characters at least.
_MOST_VALUES = 600


def is_too_large(policy: Policy) -> bool:
    """Return whether a trust policy is too large for IAM, and for many evaluations."""
    return sum(1 + statement.size for statement in policy.statements) > _MOST_VALUES


def names_plugin(policy: Policy) -> bool:
    """Return whether a trust policy is for aws-node by name, and for no other service account."""
    trust = RoleTrust(policy, "arn::iam:::")
    try:
        others = trust.meant_for(STRANGER) | trust.meant_for(_NEIGHBOUR)
        if not others.issuperset(trust.meant_for()):
            return True
    except InputError:
        return False
    # An unknown key may be the subject's, and an unknown principal its provider.
    return any(
        AWS_NODE.subject in condition.values
        for statement in policy.only("Allow").statements
        for condition in statement.conditions
        if not isinstance(condition.key, str)
        or any(holes(name for p in statement.principals for name in p.identifiers))
    )


def may_share_account(*arns: str) -> bool:
    """Return whether ARNs may belong to one account; some name none."""
    return len({part for arn in arns for part in arn.split(":")[4:5] if part}) <= 1


def cluster_tags(cluster: str) -> KeyValues:
    """Return the session tags with a cluster's name, from its ARN."""
    return {_CLUSTER_ARN: cluster, _CLUSTER_NAME: cluster.partition("/")[2]}


def _callers(statements: Iterable[Statement]) -> Iterator[Caller]:
    """Yield the callers for pods that statements name."""
    for principal in (p for s in statements for p in s.principals):
        for name in known(principal.identifiers):
            service = name.removesuffix(".cn") if principal.type == "Service" else ""
            if service == NODES:
                yield Caller(Identity.node_role, name)
            elif service == PODS:
                yield Caller(Identity.pod_identity, name)
            elif principal.type == "Federated" and ":oidc-provider/" in name:
                yield Caller(Identity.irsa, name)


def may_have_but(
    absent: Collection[str], *, tags: bool = True
) -> Callable[[str], UnknownValue | None]:
    """Return what a request may have for keys that it does not name; it lacks those of `absent`."""

    def may_have(key: str) -> UnknownValue | None:
        is_tag = not tags and key.startswith(_TAGS)
        return None if is_tag or key in absent or is_claim(key) else UNKNOWN

    return may_have


def is_claim(key: str) -> bool:
    """Return whether a lower-case condition key is a token's claim, after its issuer."""
    return _CLAIM.fullmatch(key) is not None


def token_request(provider: str, claims: Mapping[str, str]) -> Request:
    """Return the request with which a token of a provider assumes a role.

    Other claims of its issuer are not known.
    """
    prefix = (issuer(provider) or provider).lower()
    context = {f"{prefix}:{name}": value for name, value in claims.items()}
    others = may_have_but(OF_CALLERS | OF_SERVICES)

    def may_have(key: str) -> UnknownValue | None:
        return UNKNOWN if key.rpartition(":")[0] == prefix else others(key)

    return Request(WEB, "*", provider, context, may_have)


def _is_of_anyone(statement: Statement) -> bool:
    return any(p.type in (ANYONE, "AWS") and ANYONE in p.identifiers for p in statement.principals)
