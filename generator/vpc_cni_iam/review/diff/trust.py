"""What is wrong with trust policies for a service account: by IRSA and by EKS Pod Identity.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts", "EKS Pod
Identity" with its session tags and its trust policy; IAM JSON policy elements reference for what
string operators do with wildcards, and for ``IfExists`` and ``ForAllValues`` with absent keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, NAMESPACE, SERVICE_ACCOUNT, issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import ANYONE, Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, evaluate
from vpc_cni_iam.policy.report import condition_text
from vpc_cni_iam.review.old import credentials
from vpc_cni_iam.review.old.credentials import PODS, Credentials

_IRSA = "IRSA of "
BY_NODES = "the nodes' instance profile"
_WAYS = {Credentials.pod_identity: str(Credentials.pod_identity), Credentials.node: BY_NODES}
_UNKNOWN = "(known after apply"
_SUBJECT = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
_SCOPES = (
    "aws:requesttag/kubernetes-",
    "aws:requesttag/eks-cluster-",
    "aws:sourcearn",
    "aws:sourceaccount",
)
_ASKING = frozenset(
    ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike")
)
# Identity providers that are everybody's, and the keys that say for which application a token is.
# Source: IAM User Guide, "AWS global and IAM condition keys", web identity federation.
_APPLICATION = {
    "accounts.google.com": ("aud", "oaud"),
    "cognito-identity.amazonaws.com": ("aud",),
    "graph.facebook.com": ("app_id",),
    "www.amazon.com": ("app_id",),
}
# Keys that say who asks, or for whom.
_WHO = tuple(
    f"aws:{who}{what}"
    for who, what in (
        *(("principal", end) for end in ("orgid", "orgpaths", "arn", "account")),
        *(("source", end) for end in ("orgid", "orgpaths", "arn", "account")),
    )
)


class Flaw(Struct, frozen=True):
    """One thing wrong with a trust policy."""

    rule: str
    text: str


def flaws(policy: Policy, *, for_plugin: bool, session_tags: bool) -> tuple[Flaw, ...]:
    """Return what is wrong with the trust by IRSA or Pod Identity in a trust policy.

    `for_plugin` is whether the role is the plugin's, so that only its service account may have it;
    `session_tags` is false if an association of the role switches its session tags off.
    """
    every_flaw: list[Flaw] = []
    for statement in policy.statements:
        if statement.effect != "Allow":
            continue
        every_flaw += _anybody(statement)
        if statement.is_about("sts:AssumeRoleWithWebIdentity"):
            every_flaw += _irsa(statement, for_plugin=for_plugin)
    pods = [s for s in policy.statements if s.effect == "Allow" and _trusts(s, PODS)]
    if pods:
        every_flaw += _pod_identity(pods, session_tags=session_tags)
    return tuple(dict.fromkeys(every_flaw))


def trusts_service(policy: Policy, service: str) -> bool:
    """Say whether a trust policy names a service, such as ``ec2.amazonaws.com``.

    A name of it in another partition counts, too.
    """
    return any(s.effect == "Allow" and _trusts(s, service) for s in policy.statements)


def trusts_plugin(policy: Policy) -> bool:
    """Say whether a trust policy is for the plugin's service account by IRSA, by its name."""
    return any(
        _SUBJECT in c.values and c.key.lower().endswith(":sub") and "not" not in c.operator.lower()
        for s in policy.statements
        if s.effect == "Allow"
        for c in s.conditions
    )


def ways(policy: Policy, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return in which ways the plugin may assume a role, as far as its trust policy says.

    `names` are those of a cluster that are known, by parameter.
    """
    role, place = f"arn::iam::{names.get('account_id', '')}:", ("cluster_name", "region")
    clusters = credentials.cluster_arns(policy, role, *(names.get(name, "") for name in place))
    requests = (
        pair
        for statement in policy.statements
        for pair in credentials.role_requests(statement, (NAMESPACE, SERVICE_ACCOUNT), clusters)
    )
    every_way = (
        f"{_IRSA}{issuer(request.principal)}" if way is Credentials.irsa else _WAYS[way]
        for way, request in requests
        if _allows(policy, request, names)
    )
    return tuple(dict.fromkeys(every_way))


def lost_ways(before: Policy, after: Policy, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return in which ways the plugin can no longer assume a role; empty if another one comes.

    The clusters of two OIDC providers are two: IRSA of one takes no place of IRSA of the other.
    """
    old, new = ways(before, names), ways(after, names)
    if any(way not in old and not way.startswith(_IRSA) for way in new):
        return ()
    lost = tuple(way for way in old if way not in new)
    return lost if not new or any(way.startswith(_IRSA) for way in lost) else ()


def _allows(policy: Policy, request: Request, names: Mapping[str, str]) -> bool:
    """Say whether a trust policy allows a request for its role by a cluster with these names.

    What a token does not say, such as from which address it is used, counts as not met.
    """
    met: tuple[str, ...] = ()
    if isinstance(arn := request.context.get(credentials.SOURCE_ARN), str):
        tags = credentials.cluster_tags(arn) if names.get("cluster_name") else {}
        request = replace(request, context={**request.context, **tags})
        met = () if names.get("account_id") else (credentials.SOURCE_ACCOUNT,)
    try:
        if request.action == "sts:AssumeRoleWithWebIdentity":
            return not evaluate([policy], request).denied
        return credentials.allows(policy, request, met)
    except InputError:
        return True  # nothing that the review says of it may rest on this


def _trusts(statement: Statement, service: str) -> bool:
    return any(
        p.type == "Service" and (service in p.identifiers or f"{service}.cn" in p.identifiers)
        for p in statement.principals
    )


def _irsa(statement: Statement, *, for_plugin: bool) -> Iterator[Flaw]:
    for principal in statement.principals:
        for arn in principal.identifiers:
            if ":oidc-provider/" in arn:
                yield from _provider(statement, issuer(arn), for_plugin=for_plugin)


def _provider(statement: Statement, name: str, *, for_plugin: bool) -> Iterator[Flaw]:
    """Yield what is wrong with the conditions for one OIDC provider."""
    if any(_UNKNOWN in c.key for c in statement.conditions):
        return  # a key that is not known may be any of those that are looked for
    others = [c.key for c in _of_other_issuers(statement, name) if _asks(c)]
    if others:
        named = " and ".join(others)
        are = "is" if len(others) == 1 else "are"
        yield Flaw(
            "irsa-issuer-differs",
            f"nobody can assume the role by {name}: {named} {are} of another issuer, and its "
            f"tokens have only keys of {name}",
        )
        return
    on = {end: _asked(statement, f"{name}:{end}") for end in ("aud", "sub")}
    yield from _audience(on["aud"], name)
    if not on["sub"]:
        yield Flaw(
            "irsa-no-subject",
            f"no condition asks for the subject, so every service account of {name} may assume "
            "the role",
        )
    for condition in on["sub"]:
        yield from _subject(condition, for_plugin=for_plugin)
    for condition in _of_other_issuers(statement, name):
        yield Flaw(
            "irsa-issuer-differs",
            f"the condition on {condition.key} is about another issuer than {name}, whose tokens "
            "do not have that key",
        )


def _of_other_issuers(statement: Statement, name: str) -> Iterator[Condition]:
    """Yield the conditions on the tokens of another OIDC provider than that of a name."""
    for condition in statement.conditions:
        key, _, end = condition.key.rpartition(":")
        if end.lower() in ("aud", "sub") and key.lower() != name.lower() and "oidc" in key:
            yield condition


def without_dead(policy: Policy) -> Policy:
    """Return a trust policy without statements that no token meets."""
    return replace(policy, statements=tuple(s for s in policy.statements if not _is_dead(s)))


def _is_dead(statement: Statement) -> bool:
    providers = [
        issuer(arn)
        for principal in statement.principals
        for arn in principal.identifiers
        if ":oidc-provider/" in arn
    ]
    every = sum(len(principal.identifiers) for principal in statement.principals)
    return (
        bool(providers)
        and len(providers) == every
        and all(any(map(_asks, _of_other_issuers(statement, name))) for name in providers)
    )


def assumers(policy: Policy) -> tuple[str, ...]:
    """Return who may assume a role by its trust policy, in words; nobody for a NotPrincipal.

    What of a policy with one is new is never proven, and so never told.
    """
    words: list[str] = []
    for statement in policy.statements:
        if statement.effect != "Allow":
            continue
        for principal in statement.principals:
            for identifier in principal.identifiers:
                words += _assumer(statement, principal.type, identifier)
    return tuple(dict.fromkeys(words))


def _assumer(statement: Statement, kind: str, identifier: str) -> Iterator[str]:
    if ":oidc-provider/" in identifier:
        name = issuer(identifier)
        asked = _asked(statement, f"{name}:sub")
        subjects = [_subject_text(v, like=_is_like(c)) for c in asked for v in c.values]
        audiences = [c for c in statement.conditions if c.key.lower() == f"{name}:aud".lower()]
        aimed = "" if any(map(_narrows, audiences)) else ", with a token for any audience"
        limits = _limits(statement, *asked, *audiences)
        for subject in subjects or [_subject_text("*", like=True)]:
            yield f"{subject} of {name}{aimed}{limits}"
    elif identifier == ANYONE:
        yield f"everybody{_limits(statement)}"
    elif kind == "AWS" and identifier.isdecimal():
        yield f"AWS account {identifier}{_limits(statement)}"
    else:
        yield f"{identifier}{_limits(statement)}"


def _limits(statement: Statement, *told: Condition) -> str:
    """Return the conditions of a statement in words, but for some that are told already."""
    limits = [condition_text(c) for c in statement.conditions if c not in told]
    return f" if {' and '.join(limits)}" if limits else ""


def _subject_text(subject: str, *, like: bool) -> str:
    """Return which service accounts a subject is, with its wildcards in words if it has any."""
    prefix, _, account = subject.rpartition(":")
    namespace = prefix.removeprefix("system:serviceaccount:")
    if "*" in subject and not like:
        return f"subject {subject}"
    if subject == "*" or (namespace, account) == ("*", "*"):
        return "any service account"
    if not subject.startswith("system:serviceaccount:") or ":" in namespace:
        return f"subject {subject}"
    if namespace == "*":
        return f"any service account named {account}"
    if account == "*":
        return f"any service account in {namespace}"
    return f"service account {namespace}/{account}"


def _asked(statement: Statement, key: str) -> list[Condition]:
    """Return the conditions that a request without the key does not meet."""
    return [c for c in statement.conditions if c.key.lower() == key.lower() and _asks(c)]


def _asks(condition: Condition) -> bool:
    """Say whether a condition asks for values: it is not met where the key is absent."""
    operator = condition.operator.lower().removeprefix("foranyvalue:")
    return operator in _ASKING


def _is_like(condition: Condition) -> bool:
    """Say whether a condition takes wildcards."""
    operator = condition.operator.lower()
    return "equals" not in operator or "arn" in operator


def _narrows(condition: Condition) -> bool:
    """Say whether a condition asks for values, and not for any value."""
    anything = _is_like(condition) and any(not v.strip("*?") for v in condition.values)
    return _asks(condition) and not anything


def _names_somebody(condition: Condition) -> bool:
    """Say whether a condition asks for who asks, and not for anybody's name or account."""
    if condition.key.lower() not in _WHO or not _narrows(condition):
        return False
    return not any(map(_is_anybody, condition.values)) or not _is_like(condition)


def _is_anybody(pattern: str) -> bool:
    """Say whether a pattern of an organization, a path in one, an account or an ARN fits anybody's.

    Everybody may name a role or a path in an account of his own as he likes.
    """
    if "*" not in pattern and "?" not in pattern:
        return False  # the ARN of a bucket names no account, and is of one bucket
    if pattern.startswith("o-"):
        pattern = pattern.partition("/")[0].removeprefix("o-")
    elif ":" in pattern:
        pattern = (pattern.split(":") + [""] * 5)[4]
    return not pattern.strip("*?")


def _audience(conditions: list[Condition], name: str) -> Iterator[Flaw]:
    asking = [c for c in conditions if _narrows(c)]
    if not asking:
        yield Flaw(
            "irsa-no-audience",
            f"no condition asks for the audience {AUDIENCE}, so tokens of {name} "
            "for any audience are accepted",
        )
    for condition in asking:
        like = "like" in condition.operator.lower()
        wild = [v for v in condition.values if "*" in v or "?" in v]
        if any(_UNKNOWN in v or v.lower() == AUDIENCE for v in condition.values):
            continue
        if wild and not like:
            yield _never(condition, wild[0], "audience")
        elif not any(wildcard.matches(v, AUDIENCE) for v in wild):
            yield Flaw(
                "irsa-other-audience",
                f"the audience is to be {' or '.join(map(repr, condition.values))}, and tokens of "
                f"service accounts are made for {AUDIENCE}, unless told otherwise",
            )


def _never(condition: Condition, value: str, what: str) -> Flaw:
    return Flaw(
        "irsa-never-matches",
        f"{condition.operator} compares {value!r} letter by letter, and no {what} has a "
        "wildcard in it: it never matches",
    )


def _anybody(statement: Statement) -> Iterator[Flaw]:
    everybody = any(
        p.type in ("AWS", ANYONE) and ANYONE in p.identifiers for p in statement.principals
    )
    if not (everybody or statement.not_principals):
        yield from _anybody_with_a_token(statement)
    elif not any(map(_names_somebody, statement.conditions)):
        who = "everybody" if everybody else "everybody but those that it names"
        yield Flaw(
            "trust-anybody",
            f"{who} in every AWS account may assume the role: no condition asks for an "
            "organization, an account or a principal",
        )


def _anybody_with_a_token(statement: Statement) -> Iterator[Flaw]:
    """Yield that a trust takes what a provider for everybody gives to any application."""
    for principal in statement.principals:
        for provider in principal.identifiers if principal.type == "Federated" else ():
            keys = [f"{provider}:{end}" for end in _APPLICATION.get(provider, ())]
            if keys and not any(_narrows(c) for key in keys for c in _asked(statement, key)):
                yield Flaw(
                    "trust-anybody",
                    f"everybody with a token of {provider} may assume the role: no condition asks "
                    f"for {' or '.join(keys)}",
                )


def _subject(condition: Condition, *, for_plugin: bool) -> Iterator[Flaw]:
    like = "like" in condition.operator.lower()
    values = [v for v in condition.values if _UNKNOWN not in v]
    wild = [v for v in values if "*" in v or "?" in v]
    if wild and not like:
        yield _never(condition, wild[0], "subject")
    elif wild:
        yield Flaw(
            "irsa-subject-wildcard",
            f"StringLike with {wild[0]!r} lets every matching service account assume the role",
        )
    elif like and values:
        yield Flaw(
            "irsa-string-like",
            f"the subject {values[0]!r} is compared by StringLike, though it has no wildcard; "
            "StringEquals says that none is meant",
        )
    others = [v for v in values if v != _SUBJECT and v not in wild]
    if for_plugin and others:
        yield Flaw(
            "irsa-other-subject",
            f"{others[0]!r} is not the plugin's service account, {_SUBJECT}",
        )


def _pod_identity(statements: list[Statement], *, session_tags: bool) -> Iterator[Flaw]:
    if session_tags and not any(s.is_about("sts:TagSession") for s in statements):
        yield Flaw(
            "pod-identity-no-tag-session",
            "the trust does not allow sts:TagSession, with which EKS Pod Identity assumes roles: "
            "no pod gets credentials",
        )
    for statement in (s for s in statements if s.is_about("sts:AssumeRole")):
        keys = [c.key.lower() for c in statement.conditions]
        if not any(_scopes(c) for c in statement.conditions):
            yield Flaw(
                "pod-identity-unscoped",
                "no condition asks for a namespace, service account, cluster or account: anyone "
                "who may create an association in the account can give the role to any pod",
            )
        if not session_tags and any(k.startswith("aws:requesttag/") for k in keys):
            yield Flaw(
                "pod-identity-tags-disabled",
                "the trust asks for session tags, and an association of the role switches them "
                "off: no pod gets credentials",
            )
        yield from _source(statement.conditions)


def _scopes(condition: Condition) -> bool:
    if _UNKNOWN in condition.key:
        return True
    return condition.key.lower().startswith(_SCOPES) and _narrows(condition)


def _source(conditions: Iterable[Condition]) -> Iterator[Flaw]:
    for condition in conditions:
        for value in condition.values:
            if condition.key.lower() == "aws:sourcearn" and ":podidentityassociation/" in value:
                yield Flaw(
                    "pod-identity-source-arn",
                    f"{value!r} names an association, and the source ARN of EKS Pod Identity is "
                    "the cluster's: it never matches",
                )
