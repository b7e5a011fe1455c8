"""How the plugin could get a role: what a role's trust policy lets ``aws-node`` do.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts" and "EKS Pod
Identity trust policy"; Amazon EC2 User Guide, "IAM roles for Amazon EC2".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.credentials import (
    ASSUMING,
    CALLER,
    NO_ACCOUNT,
    NO_SOURCE,
    NODES,
    OF_TOKENS,
    PODS,
    Credentials,
    account_tags,
    allows,
    cluster_arns,
    cluster_tags,
    role_requests,
)  # fmt: skip
from vpc_cni_iam.catalog.facts.calls import program_service_account
from vpc_cni_iam.catalog.trust import NAMESPACE, SERVICE_ACCOUNT, issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import ANYONE, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching.variables import Context

# Its tokens name service accounts; those of other providers, such as GitHub's, do not.
_EKS_ISSUER = "oidc.eks"
_OTHER = ("example-namespace", "example-service-account")
# A provider of tokens of service accounts.
_ANY_ISSUER = f"{_EKS_ISSUER}.us-east-1.amazonaws.com/id/EXAMPLE"
_BY_ANYONE = (
    'its trust policy names the principal "*": AWS does not say whether that means services and '
    "web identities, too; name who assumes it"
)
_NOTHING: Context = {}


class Trust(Struct, frozen=True):
    """What a trust policy lets the plugin do."""

    credentials: tuple[Credentials, ...]  # how the plugin could get the role; empty if it cannot
    for_plugin: bool  # whether the service account aws-node can get it and another one cannot
    # How cni-metrics-helper could get the role, where no other service account can, nor aws-node.
    metrics_helper: tuple[Credentials, ...] = ()
    issuers: tuple[str, ...] = ()  # of the tokens by which the plugin could get it by IRSA
    # Why it is not known whether aws-node could get it besides; empty if that is known.
    undecided: str = ""
    # In which ways aws-node may assume it, whoever else may.
    ways: frozenset[Credentials] = frozenset()
    # Whether EKS Pod Identity may assume it with the session tags that it adds, and without them.
    tagged: bool = False
    untagged: bool = False
    policy: Policy = Policy(())  # the policy itself


def read_trust(policy: Policy, role: str) -> Trust:
    """Return what the trust policy of a role, by its ARN, lets the plugin do.

    Conditions on what AWS may send of any cluster, such as its name, an address or the time, count
    as met where that allows; what is undecided counts as allowed.
    """
    compile_policies([policy], "trust policy")
    clusters = cluster_arns(policy, role)

    def ways(
        account: tuple[str, str], met: Collection[str] = (*NO_ACCOUNT, *NO_SOURCE)
    ) -> list[tuple[Credentials, Request]]:
        requests = (pair for s in policy.statements for pair in role_requests(s, account, clusters))
        return [pair for pair in requests if allows(policy, pair[1], met)]

    own_ways = ways((NAMESPACE, SERVICE_ACCOUNT))
    allowed = {c for c, _ in own_ways}
    certain = {c for c, _ in ways((NAMESPACE, SERVICE_ACCOUNT), ())}
    others = ways(_OTHER)
    shared = {c for c, _ in others}
    helper = {c for c, _ in ways((NAMESPACE, program_service_account("metrics-helper")))}
    # A provider that is not of EKS has the plugin's role only if its name is asked for.
    unnamed = {
        Credentials.irsa
        for c, request in others
        if c is Credentials.irsa and _EKS_ISSUER not in request.principal
    }
    credentials = tuple(c for c in Credentials if c in (allowed & certain or allowed) - unnamed)
    service_accounts = {Credentials.irsa, Credentials.pod_identity}
    own = service_accounts - shared
    helpers = (c for c in Credentials if c in helper & own - allowed)
    return Trust(
        credentials,
        bool(allowed & own),
        tuple(helpers),
        tuple(dict.fromkeys(issuer(r.principal) for c, r in own_ways if c is Credentials.irsa)),
        undecided=_BY_ANYONE if _by_anyone(policy, clusters) else "",
        ways=frozenset(certain),
        tagged=_takes_pods(policy, clusters),
        untagged=_takes_pods(policy, clusters, tags=False),
        policy=policy,
    )


def unread_trust(error: InputError) -> Trust:
    """Return what is known of a trust policy that is not read: nothing."""
    return Trust((), for_plugin=False, undecided=f"its trust policy: {error}")


def takes_role(trust: Trust, role: str, cluster: str, region: str, *, tags: bool) -> bool:
    """Say whether another role, by its ARN, may assume a role for aws-node of a cluster.

    Region and `tags` are as in `takes_cluster`.
    """
    context = {**NO_SOURCE, **account_tags(NAMESPACE, SERVICE_ACCOUNT), CALLER: role}
    caller = Request("sts:AssumeRole", "*", role, context)
    return any(
        _takes(trust.policy, [caller], cluster_tags(arn), tags=tags)
        for arn in cluster_arns(trust.policy, role, cluster, region)
    )


def naming(trust: Trust, role: str) -> Trust:
    """Return a trust without what it allows to others than a role, or all, by name."""
    statements = tuple(
        s
        for s in trust.policy.statements
        if s.effect == "Deny" or any({role, ANYONE} & {*p.identifiers} for p in s.principals)
    )
    return replace(trust, policy=replace(trust.policy, statements=statements))


def takes_cluster(trust: Trust, role: str, cluster: str, region: str, *, tags: bool) -> bool:
    """Say whether EKS Pod Identity may assume a role, by its ARN, for aws-node of a cluster.

    An empty Region is one that the policy names. `tags` is whether its sessions have tags.
    """
    return any(
        _takes_pods(trust.policy, [arn], cluster_tags(arn), tags=tags)
        for arn in cluster_arns(trust.policy, role, cluster, region)
    )


def _takes_pods(
    policy: Policy, clusters: Collection[str], more: Context = _NOTHING, *, tags: bool = True
) -> bool:
    """Say whether EKS Pod Identity may assume a role for aws-node of one of some clusters.

    `more` are tags of its sessions that are known.
    """
    requests = (
        request
        for statement in policy.statements
        for way, request in role_requests(statement, (NAMESPACE, SERVICE_ACCOUNT), clusters)
        if way is Credentials.pod_identity
    )
    return _takes(policy, requests, more, tags=tags)


def _takes(policy: Policy, requests: Iterable[Request], more: Context, *, tags: bool) -> bool:
    """Say whether a policy allows one of some requests, with session tags or without any."""
    keys = {str(c.key).lower() for s in policy.statements for c in s.conditions}
    no_tags = {} if tags else {k: () for k in keys if k.startswith("aws:requesttag/")}
    return any(
        all(
            allows(policy, replace(r, action=action, context={**r.context, **more, **no_tags}))
            for action in ASSUMING[: 1 + tags]
        )
        for r in requests
    )


def _by_anyone(policy: Policy, clusters: Collection[str]) -> bool:
    """Say whether the principal ``*`` could be who gives the plugin credentials.

    Page "AWS JSON policy elements: Principal" says of users, roles and sessions that ``*`` means
    them, and nothing of services; IAM's examples name a Federated principal for tokens.
    """
    statements = tuple(s for s in policy.statements if s.effect == "Deny" or _names_anyone(s))
    chosen = replace(policy, statements=statements)
    keys = [str(c.key) for s in statements for c in s.conditions]
    issuers = {key[: -len(":sub")] for key in keys if key.lower().endswith(OF_TOKENS)}
    providers = tuple(f":oidc-provider/{name}" for name in issuers or {_ANY_ISSUER})
    givers = Principal("Service", (NODES, PODS)), Principal("Federated", providers)
    anyone = Statement(principals=givers)
    requests = role_requests(anyone, (NAMESPACE, SERVICE_ACCOUNT), clusters)
    return any(allows(chosen, request) for _, request in requests)


def _names_anyone(statement: Statement) -> bool:
    return any(p.type in (ANYONE, "AWS") and ANYONE in p.identifiers for p in statement.principals)
