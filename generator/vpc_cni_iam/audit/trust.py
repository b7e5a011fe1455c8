"""How the plugin could get a role: what a role's trust policy lets ``aws-node`` do.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts" and "EKS Pod
Identity trust policy"; Amazon EC2 User Guide, "IAM roles for Amazon EC2".
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.credentials import (
    NODES,
    OF_TOKENS,
    PODS,
    Credentials,
    cluster_sessions,
    most_open,
    role_requests,
)  # fmt: skip
from vpc_cni_iam.catalog.facts.calls import program_service_account
from vpc_cni_iam.catalog.trust import NAMESPACE, SERVICE_ACCOUNT, issuer
from vpc_cni_iam.policy.document import ANYONE, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies, evaluate

# Its tokens name service accounts; those of other providers, such as GitHub's, do not.
_EKS_ISSUER = "oidc.eks"
_OTHER = ("example-namespace", "example-service-account")
# A provider of tokens of service accounts.
_ANY_ISSUER = f"{_EKS_ISSUER}.us-east-1.amazonaws.com/id/EXAMPLE"
# What only a principal of an account, or who sends it, has in a request: services and tokens do
# not. Source: IAM User Guide, "AWS global condition context keys".
_CALLER = "aws:principalarn"
_OF_ACCOUNTS = (
    "aws:principalaccount", _CALLER, "aws:principalorgid", "aws:principalorgpaths",
    "aws:username", "sts:externalid",
)  # fmt: skip


class Trust(Struct, frozen=True):
    """What a trust policy lets the plugin do."""

    credentials: tuple[Credentials, ...]  # how the plugin could get the role; empty if it cannot
    for_plugin: bool  # whether the service account aws-node can get it and another one cannot
    # How cni-metrics-helper could get the role, where no other service account can, nor aws-node.
    metrics_helper: tuple[Credentials, ...] = ()
    issuers: tuple[str, ...] = ()  # of the tokens by which the plugin could get it by IRSA
    # Whether the plugin could get it besides if the principal ``*`` means services and tokens, too.
    by_anyone: bool = False
    # In which ways aws-node may assume it, whoever else may.
    ways: frozenset[Credentials] = frozenset()
    # Whether EKS Pod Identity may assume it with the session tags that it adds, and without them.
    tagged: bool = False
    untagged: bool = False
    policy: Policy = Policy(())  # the policy itself


def read_trust(policy: Policy) -> Trust:
    """Return what a trust policy lets the plugin do.

    Conditions on anything but the service account, such as the cluster, the organization or the
    time, count as met where that allows; what is undecided counts as allowed.
    """
    compile_policies([policy], "trust policy")

    def ways(account: tuple[str, str]) -> list[tuple[Credentials, Request]]:
        requests = (pair for s in policy.statements for pair in role_requests(s, account))
        return [
            (credentials, request)
            for credentials, request in requests
            if not evaluate([most_open(policy, request.context)], request).denied
        ]

    own_ways = ways((NAMESPACE, SERVICE_ACCOUNT))
    allowed = {c for c, _ in own_ways}
    others = ways(_OTHER)
    shared = {c for c, _ in others}
    helper = {c for c, _ in ways((NAMESPACE, program_service_account("metrics-helper")))}
    # A provider that is not of EKS has the plugin's role only if its name is asked for.
    unnamed = {
        Credentials.irsa
        for c, request in others
        if c is Credentials.irsa and _EKS_ISSUER not in request.principal
    }
    credentials = tuple(c for c in Credentials if c in allowed - unnamed)
    service_accounts = {Credentials.irsa, Credentials.pod_identity}
    own = service_accounts - shared
    helpers = (c for c in Credentials if c in helper & own - allowed)
    return Trust(
        credentials,
        bool(allowed & own),
        tuple(helpers),
        tuple(dict.fromkeys(issuer(r.principal) for c, r in own_ways if c is Credentials.irsa)),
        by_anyone=_by_anyone(policy),
        ways=frozenset(allowed),
        tagged=Credentials.pod_identity in allowed and _takes_pods(policy, "sts:TagSession"),
        untagged=_takes_pods(policy, "sts:AssumeRole", tags=False),
        policy=policy,
    )


def takes_role(trust: Trust, role: str) -> bool:
    """Say whether another role, by its ARN, may assume a role, if conditions are met."""
    request = Request("sts:AssumeRole", "*", role, {_CALLER: role})
    return not evaluate([most_open(trust.policy, (_CALLER,))], request).denied


def takes_cluster(trust: Trust, cluster: str, account: str) -> bool:
    """Say whether EKS Pod Identity may assume a role for aws-node of a cluster, with session tags.

    The cluster's Region is one that the policy names.
    """
    return any(
        all(_takes_pods(trust.policy, f"sts:{a}", tags) for a in ("AssumeRole", "TagSession"))
        for tags in cluster_sessions(trust.policy, cluster, account)
    )


def _takes_pods(
    policy: Policy, action: str, more: Mapping[str, str] | None = None, *, tags: bool = True
) -> bool:
    """Say whether EKS Pod Identity may do something with a role for aws-node.

    `more` are tags of its sessions that are known.
    """
    keys = {c.key.lower() for s in policy.statements for c in s.conditions}
    about_tags = {key for key in keys if key.startswith("aws:requesttag/")}
    requests = (
        request
        for statement in policy.statements
        for way, request in role_requests(statement, (NAMESPACE, SERVICE_ACCOUNT))
        if way is Credentials.pod_identity
    )
    for request in requests:
        context = {**request.context, **(more or {})} if tags else {}
        asked = replace(request, action=action, context=context)
        opened = most_open(policy, {*context} if tags else about_tags)
        if not evaluate([opened], asked).denied:
            return True
    return False


def _by_anyone(policy: Policy) -> bool:
    """Say whether the principal ``*`` could be who gives the plugin credentials.

    Page "AWS JSON policy elements: Principal" says of users, roles and sessions that ``*`` means
    them, and nothing of services; IAM's examples name a Federated principal for tokens.
    """
    statements = tuple(s for s in policy.statements if s.effect == "Deny" or _names_anyone(s))
    chosen = replace(policy, statements=statements)
    keys = [c.key for s in statements for c in s.conditions]
    issuers = {key[: -len(":sub")] for key in keys if key.lower().endswith(OF_TOKENS)}
    providers = tuple(f":oidc-provider/{name}" for name in issuers or {_ANY_ISSUER})
    givers = Principal("Service", (NODES, PODS)), Principal("Federated", providers)
    return any(
        not evaluate([most_open(chosen, {*request.context, *_OF_ACCOUNTS})], request).denied
        for _, request in role_requests(Statement(principals=givers), (NAMESPACE, SERVICE_ACCOUNT))
    )


def _names_anyone(statement: Statement) -> bool:
    return any(p.type in (ANYONE, "AWS") and ANYONE in p.identifiers for p in statement.principals)
