"""Who can assume a role: its trust policy, evaluated with the requests of pods and instances.

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
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import ANYONE, Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching.variables import UNKNOWN, Context, UnknownValue
from vpc_cni_iam.policy.template import holes, known

PODS, NODES = "pods.eks.amazonaws.com", "ec2.amazonaws.com"
ASSUME, TAG, WEB = "sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithWebIdentity"
# What only a principal of an account, or who sends it, has in a request: services and tokens do
# not. And what only a service has; of EKS Pod Identity it is the cluster, and its account, which
# is the role's.
CALLER, ACCOUNT = "aws:principalarn", "aws:principalaccount"
OF_CALLERS = frozenset(
    (
        CALLER,
        ACCOUNT,
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:username",
        "aws:multifactorauthpresent",
        "aws:multifactorauthage",
        "sts:externalid",
    )
)
SOURCE_ARN, SOURCE_ACCOUNT = "aws:sourcearn", "aws:sourceaccount"
OF_SERVICES = frozenset((SOURCE_ARN, SOURCE_ACCOUNT, "aws:sourceorgid", "aws:sourceorgpaths"))
# A token has only the claims of its own issuer, and nothing else in a request has any. Those of
# SAML are no claims of an issuer.
_CLAIM = re.compile(r"(?!saml:)(?:.*[./].*:[^:]+|.*:(?:sub|aud))")
_TAGS = ("aws:requesttag/", "aws:tagkeys")
_CLUSTER_NAME, _CLUSTER_ARN = "aws:requesttag/eks-cluster-name", "aws:requesttag/eks-cluster-arn"
# Partition, Region, account and name in the ARN of a cluster, or in a pattern of such ARNs.
_CLUSTER = r"(?:arn:([^:]*):eks:([^:]*)(?::([^:]*):)?)?[^/]*(?:/(.*))?"
_EXAMPLE = ("aws", "us-east-1", "111122223333", "example")
# A provider of tokens of service accounts.
EKS_ISSUER = "oidc.eks"
_ANY_ISSUER = f"{EKS_ISSUER}.us-east-1.amazonaws.com/id/EXAMPLE"


class ServiceAccount(Struct, frozen=True):
    """A service account of Kubernetes."""

    namespace: str
    name: str

    @property
    def subject(self) -> str:
        """What its tokens have as their subject."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def tags(self) -> Context:
        """The session tags that name it."""
        return {
            "aws:requesttag/kubernetes-namespace": self.namespace,
            "aws:requesttag/kubernetes-service-account": self.name,
        }

    @property
    def pod_tags(self) -> Context:
        """The session tags that name a pod of it."""
        tag = "aws:requesttag/kubernetes-pod-"
        return {f"{tag}name": f"{self.name}-0", f"{tag}uid": "00000000-0000-4000-8000-000000000000"}


AWS_NODE = ServiceAccount(NAMESPACE, SERVICE_ACCOUNT)
STRANGER = ServiceAccount("example-namespace", "example-service-account")
_NEIGHBOUR = ServiceAccount(NAMESPACE, STRANGER.name)


class Caller(Struct, frozen=True):
    """Who assumes a role for a service account."""

    identity: Identity
    principal: str  # a service, or the ARN of an OIDC provider

    @property
    def issuer(self) -> str:
        """The issuer of its tokens, empty for a service."""
        return issuer(self.principal) if self.identity is Identity.irsa else ""


class RoleTrust(Struct, frozen=True):
    """The trust policy of a role.

    What a request may have and a condition asks for counts as met, such as an address or the time.
    """

    policy: Policy
    role: str  # the ARN of the role

    def check(self) -> None:
        """Raise `InputError` for a policy that is not evaluated."""
        compile_policies([self.policy], "trust policy")

    def callers(
        self, account: ServiceAccount = AWS_NODE, *, lenient: bool = False, certain: bool = False
    ) -> tuple[Caller, ...]:
        """Return who may assume the role for a service account of some cluster.

        `lenient` is whether conditions count as met that ask who sends the request, of which
        services and tokens have only a part; `certain` is whether what decides must be known, but
        for the name of the cluster.
        """
        policy = _of_any_cluster(self.policy) if certain else self.policy
        compiled = compile_policies([policy], "trust policy")
        return tuple(
            caller
            for caller in dict.fromkeys(_callers(self.policy.statements))
            if any(
                decision.allowed or not (certain or decision.denied)
                for request in self._requests(caller, account, lenient=lenient)
                for decision in (compiled.evaluate(request),)
            )
        )

    def lets(self, identity: Identity, cluster: EksCluster, *, tags: bool) -> bool | None:
        """Say whether aws-node of a cluster can assume the role; None if that is not decided.

        `tags` is whether sessions of EKS Pod Identity have tags.
        """
        answers: set[bool | None] = set()
        for caller in dict.fromkeys(_callers(self.policy.statements)):
            if caller.identity is identity:
                answers |= {
                    self._answer(each) for each in self._complete(caller, cluster, tags=tags)
                }
        principals = (p for s in self.policy.statements for p in s.principals)
        if any(holes(name for p in principals for name in p.identifiers)):
            answers.add(None)  # it may be the caller
        return True if True in answers else None if None in answers else False

    def _complete(
        self, caller: Caller, cluster: EksCluster, *, tags: bool
    ) -> Iterator[tuple[Request, ...]]:
        """Yield the requests by which a caller assumes the role, all of which are to be allowed."""
        if caller.identity is not Identity.pod_identity:
            yield from ((request,) for request in self._requests(caller, AWS_NODE))
            return
        actions = (ASSUME, TAG)[: 1 + tags]
        for context in self._of_pods(AWS_NODE, cluster):
            # The cluster's account is the role's, which the role may not tell.
            is_placed = cluster.account or self.role.split(":")[4]
            sent = {
                key: value
                for key, value in context.items()
                if (is_placed or key != SOURCE_ACCOUNT) and (tags or not key.startswith(_TAGS))
            }
            may_have = may_have_but(OF_CALLERS, tags=tags)
            yield tuple(Request(a, "*", caller.principal, sent, may_have) for a in actions)

    def _answer(self, requests: tuple[Request, ...]) -> bool | None:
        compiled = compile_policies([self.policy], "trust policy")
        decisions = [compiled.evaluate(request) for request in requests]
        if any(decision.denied for decision in decisions):
            return False
        return all(decision.allowed for decision in decisions) or None

    def lets_pods(self, cluster: EksCluster = ANY_CLUSTER, *, tags: bool) -> bool:
        """Say whether EKS Pod Identity may assume the role for aws-node of a cluster.

        `tags` is whether its sessions have tags.
        """
        return self.lets(Identity.pod_identity, cluster, tags=tags) is not False

    def lets_role(self, role: str, cluster: EksCluster, *, tags: bool) -> bool:
        """Say whether another role, by its ARN, may assume the role for aws-node of a cluster.

        That is in the account of the other role.
        """
        account = role.split(":")[4]
        caller = {CALLER: role, ACCOUNT: account}
        return any(
            self._lets(
                Request(ASSUME, "*", role, {**AWS_NODE.tags, **cluster_tags(arn), **caller}),
                OF_SERVICES,
                tags=tags,
            )
            for arn in self.cluster_arns(replace(cluster, account=account))
        )

    @property
    def is_open(self) -> bool:
        """Whether the principal ``*`` could be who assumes the role for aws-node.

        Page "AWS JSON policy elements: Principal" says of users, roles and sessions that ``*``
        means them, and nothing of services; IAM's examples name a Federated principal for tokens.
        """
        statements = [s for s in self.policy.statements if s.effect == "Deny" or _is_of_anyone(s)]
        keys = [str(c.key) for s in statements for c in s.conditions]
        issuers = {k.rpartition(":")[0] for k in keys if is_claim(k.lower())} or {_ANY_ISSUER}
        providers = tuple(f":oidc-provider/{name}" for name in issuers)
        givers = Principal("Service", (NODES, PODS)), Principal("Federated", providers)
        trust = replace(self, policy=replace(self.policy, statements=tuple(statements)))
        return any(
            trust._allows(request)
            for caller in _callers([Statement(principals=givers)])
            for request in trust._requests(caller, AWS_NODE)
        )

    def cluster_arns(self, cluster: EksCluster = ANY_CLUSTER) -> list[str]:
        """Return the ARNs that a cluster may have.

        Its account is that of the role, if it is not known, and the rest is as the policy names it.
        """
        conditions = (c for s in self.policy.statements for c in s.conditions)
        about = (c for c in conditions if str(c.key).lower() in (_CLUSTER_ARN, SOURCE_ARN))
        named = (value for c in about for value in known(c.values))
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
        self, caller: Caller, account: ServiceAccount, *, lenient: bool = False
    ) -> Iterator[Request]:
        """Yield the requests by which a caller assumes the role, without session tags to come."""
        absent = frozenset[str]() if lenient else OF_CALLERS
        if caller.identity is Identity.irsa:
            request = token_request(caller.principal, {"sub": account.subject, "aud": AUDIENCE})
            yield replace(request, may_have=may_have_but(absent)) if lenient else request
        elif caller.identity is Identity.node_role:
            yield Request(ASSUME, "*", caller.principal, {}, may_have_but(absent))
        elif lenient:
            yield Request(ASSUME, "*", caller.principal, account.tags, may_have_but(absent))
        else:
            for context in self._of_pods(account, ANY_CLUSTER):
                yield Request(ASSUME, "*", caller.principal, context, may_have_but(absent))

    def _of_pods(self, account: ServiceAccount, cluster: EksCluster) -> Iterator[Context]:
        """Yield what the requests of EKS Pod Identity have for a service account of a cluster."""
        for arn in self.cluster_arns(cluster):
            source = {SOURCE_ARN: arn, SOURCE_ACCOUNT: arn.split(":")[4]}
            yield {**source, **account.tags, **(cluster_tags(arn) if cluster.name else {})}

    def _lets(self, request: Request, absent: frozenset[str], *, tags: bool) -> bool:
        """Say whether the policy allows a request, with its session tags or without any."""
        context = {k: v for k, v in request.context.items() if tags or not k.startswith(_TAGS)}
        may_have = may_have_but(absent, tags=tags)
        return all(
            self._allows(replace(request, action=action, context=context, may_have=may_have))
            for action in (ASSUME, TAG)[: 1 + tags]
        )

    def _allows(self, request: Request) -> bool:
        return not compile_policies([self.policy], "trust policy").evaluate(request).denied


def _of_any_cluster(policy: Policy) -> Policy:
    """Return a trust policy without the conditions of its Allow statements on the cluster."""
    return replace(
        policy,
        statements=tuple(
            replace(s, conditions=tuple(c for c in s.conditions if not _is_of_cluster(c)))
            if s.effect == "Allow"
            else s
            for s in policy.statements
        ),
    )


def _is_of_cluster(condition: Condition) -> bool:
    return str(condition.key).lower() in (_CLUSTER_NAME, _CLUSTER_ARN)


def naming(policy: Policy, principal: str) -> Policy:
    """Return a trust policy without what it allows to others than a principal, or all, by name."""
    statements = tuple(
        s
        for s in policy.statements
        if s.effect == "Deny" or any({principal, ANYONE} & {*p.identifiers} for p in s.principals)
    )
    return replace(policy, statements=statements)


# More than IAM's quota for trust policies has room for: each has a few characters at least.
_MOST_VALUES = 600


def is_too_large(policy: Policy) -> bool:
    """Say whether a trust policy is too large for IAM, and is not evaluated with many requests."""
    return sum(1 + statement.size for statement in policy.statements) > _MOST_VALUES


def names_plugin(policy: Policy) -> bool:
    """Say whether a trust policy is for aws-node by name: other service accounts are not let in.

    Raises `InputError` for a policy that is not evaluated.
    """
    trust = RoleTrust(policy, "arn::iam:::")
    others = {c for a in (STRANGER, _NEIGHBOUR) for c in trust.callers(a, lenient=True)}
    if not others.issuperset(trust.callers(lenient=True)):
        return True
    # A key that is not known may be that of the subject, and its value is.
    return any(
        AWS_NODE.subject in condition.values
        for statement in policy.only("Allow").statements
        for condition in statement.conditions
        if not isinstance(condition.key, str)
    )


def cluster_tags(cluster: str) -> Context:
    """Return the session tags that name a cluster, by its ARN."""
    return {_CLUSTER_ARN: cluster, _CLUSTER_NAME: cluster.partition("/")[2]}


def _callers(statements: Iterable[Statement]) -> Iterator[Caller]:
    """Yield who gives credentials to pods, of those that statements name."""
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
    """Return what a request may have for other keys than it names; `absent` are those it lacks."""

    def may_have(key: str) -> UnknownValue | None:
        is_tag = not tags and key.startswith(_TAGS)
        return None if is_tag or key in absent or is_claim(key) else UNKNOWN

    return may_have


def is_claim(key: str) -> bool:
    """Say whether a condition key in lower case is a claim of a token, after its issuer."""
    return _CLAIM.fullmatch(key) is not None


def token_request(provider: str, claims: Mapping[str, str]) -> Request:
    """Return the request by which a token of a provider assumes a role.

    What else its issuer may claim is not known.
    """
    prefix = (issuer(provider) or provider).lower()
    context = {f"{prefix}:{name}": value for name, value in claims.items()}
    others = may_have_but(OF_CALLERS | OF_SERVICES)

    def may_have(key: str) -> UnknownValue | None:
        return UNKNOWN if key.rpartition(":")[0] == prefix else others(key)

    return Request(WEB, "*", provider, context, may_have)


def _is_of_anyone(statement: Statement) -> bool:
    return any(p.type in (ANYONE, "AWS") and ANYONE in p.identifiers for p in statement.principals)
