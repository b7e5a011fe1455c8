"""Flaws of trust policies: principals that they should not allow, and those they never allow.

The review evaluates the policy with requests of pods, other tokens and strangers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.issuers import APPLICATIONS, PROVIDER
from vpc_cni_iam.plugin.principals import filled, may_assume, strangers
from vpc_cni_iam.policy.document import ANYONE, EVERYONE, Condition, Effect, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching.variables import Context
from vpc_cni_iam.policy.template import Text, known
from vpc_cni_iam.review.diff.trust.tokens import (
    STRANGE,
    TokenTrust,
    TrustFlaw,
    asked_claims,
    values_of,
)
from vpc_cni_iam.review.rules import Rule

_REGION, _ACCOUNT = "us-east-1", "999999999999"
_CLUSTER = f"arn:aws:eks:{_REGION}:{_ACCOUNT}:cluster/zz-example"
_ASSOCIATION = ":podidentityassociation/"
_EFFECTS: tuple[Effect, Effect] = "Deny", "Allow"


def flaws(policy: Policy, *, for_plugin: bool, tags: bool = True) -> tuple[TrustFlaw, ...]:
    """Return the flaws of a trust policy; none if it is too large.

    Args:
        for_plugin: Whether the role is aws-node's, so that only its service account may have it.
        tags: Whether sessions of EKS Pod Identity have tags.
    """
    every_flaw: list[TrustFlaw] = []
    if trust.is_too_large(policy):
        return ()
    policy = filled(policy)
    denies, allows = (
        tuple(filter(is_evaluated, policy.only(effect).statements)) for effect in _EFFECTS
    )
    for statement in allows:
        alone = replace(policy, statements=(*denies, statement))
        every_flaw += _of_statement(alone, statement, for_plugin=for_plugin)
    every_flaw += _of_pods(replace(policy, statements=(*denies, *allows)), tags=tags)
    return tuple(dict.fromkeys(every_flaw))


def living(policy: Policy) -> Policy:
    """Return a trust policy without statements whose claims no token of the issuer has."""

    def may_be_met(statement: Statement, name: Text) -> bool:
        is_provider = isinstance(name, str) and PROVIDER in name
        alone, request = Policy((statement,)), trust.token_request(str(name), {})
        return not is_provider or may_assume(alone, request)

    return policy if trust.is_too_large(policy) else narrowed(policy, may_be_met)


def narrowed(policy: Policy, is_for: Callable[[Statement, Text], bool]) -> Policy:
    """Return a trust policy that allows only some principals, by name."""
    statements = []
    for statement in policy.statements:
        principals = tuple(
            replace(p, identifiers=tuple(n for n in p.identifiers if is_for(statement, n)))
            for p in statement.principals
        )
        if principals == statement.principals or statement.effect == "Deny":
            statements.append(statement)
        elif named := tuple(p for p in principals if p.identifiers):
            statements.append(replace(statement, principals=named))
    return replace(policy, statements=tuple(statements))


def is_evaluated(statement: Statement) -> bool:
    """Return whether a statement is evaluated; an Allow with NotPrincipal is taken as everyone."""
    return problem(statement) is None or bool(
        statement.effect == "Allow"
        and statement.not_principals
        and problem(replace(statement, principals=EVERYONE, not_principals=())) is None
    )


def problem(statement: Statement) -> InputError | None:
    """Return why a statement is not evaluated; None if it is."""
    try:
        compile_policies([Policy((statement,))], "trust policy")
    except InputError as error:
        return error
    return None


def _of_statement(alone: Policy, statement: Statement, *, for_plugin: bool) -> Iterator[TrustFlaw]:
    names = [(p.type, name) for p in statement.principals for name in known(p.identifiers)]
    if any(not isinstance(condition.key, str) for condition in statement.conditions):
        return  # an unknown key may be any of those that the checks look for
    if statement.not_principals or not {(ANYONE, ANYONE), ("AWS", ANYONE)}.isdisjoint(names):
        yield from _of_everybody(alone, statement)
    for kind, name in names:
        if kind == "Federated" and name in APPLICATIONS:
            yield from _of_application(alone, statement, name)
        elif kind == "Federated" and PROVIDER in name and statement.is_about(trust.WEB):
            yield from TokenTrust(alone, statement, name).flaws(for_plugin=for_plugin)


def _of_everybody(alone: Policy, statement: Statement) -> Iterator[TrustFlaw]:
    everybody = replace(statement, principals=EVERYONE, not_principals=())
    policy = replace(alone, statements=(*alone.only("Deny").statements, everybody))
    if any(may_assume(policy, request) for request in strangers(everybody)):
        excepted = (name for p in statement.not_principals for name in p.identifiers)
        yield TrustFlaw(Rule.TRUST_ANYBODY, values=tuple(map(str, excepted)))


def _of_application(alone: Policy, statement: Statement, name: str) -> Iterator[TrustFlaw]:
    keys = APPLICATIONS[name]
    strange = {**asked_claims(statement, name), **dict.fromkeys(("sub", *keys), STRANGE)}
    if may_assume(alone, trust.token_request(name, strange)):
        yield TrustFlaw(Rule.TRUST_ANYBODY, name, tuple(f"{name}:{key}" for key in keys))


def _of_pods(policy: Policy, *, tags: bool) -> Iterator[TrustFlaw]:
    """Yield the flaws of the trust in EKS Pod Identity."""
    allows = policy.only("Allow").statements
    services = (trust.PODS, f"{trust.PODS}.cn")
    service = next((n for n in services for s in allows if _names(s, n, alone=True)), None)
    if service is None or not _may(policy, service, trust.ASSUME):
        return
    denies = policy.only("Deny").statements
    policy = replace(policy, statements=(*denies, *(s for s in allows if _names(s, service))))
    action = trust.TAG if tags else trust.ASSUME
    if not _may(policy, service, action, tags=tags):
        yield TrustFlaw(Rule.PODS_NO_TAGS if tags else Rule.PODS_TAGS_OFF)
    conditions = [c for s in policy.only("Allow").statements for c in s.conditions]
    if all(isinstance(condition.key, str) for condition in conditions):
        yield from _of_scope(policy, service, conditions)


def _of_scope(policy: Policy, service: str, conditions: list[Condition]) -> Iterator[TrustFlaw]:
    """Yield that pods of no cluster, or of any, can assume the role."""
    values = values_of(c for c in conditions if str(c.key).lower() == trust.SOURCE_ARN)
    associations = tuple(value for value in values if _ASSOCIATION in value)
    if associations and not any(
        _may(policy, service, trust.ASSUME, {trust.SOURCE_ARN: _of_cluster(arn)})
        for arn in associations
    ):
        yield TrustFlaw(Rule.PODS_SOURCE_ARN, values=associations)
    elif _lets_any_pod(policy, service):
        yield TrustFlaw(Rule.PODS_UNSCOPED)


def _lets_any_pod(policy: Policy, service: str) -> bool:
    """Return whether an unintended pod can assume the role: by its tags, or without tags."""
    has = {trust.SOURCE_ARN: _CLUSTER, trust.SOURCE_ACCOUNT: _ACCOUNT}
    tags = {**trust.STRANGER.tags, **trust.STRANGER.pod_tags, **trust.cluster_tags(_CLUSTER)}
    return any(
        _may(policy, service, trust.ASSUME, {**has, **sent}, tags=bool(sent)) for sent in (tags, {})
    )


def _may(
    policy: Policy, service: str, action: str, has: Context | None = None, *, tags: bool = True
) -> bool:
    """Return whether EKS Pod Identity may be allowed an action for any pod, or for some pod."""
    may_have = trust.may_have_but(trust.OF_CALLERS, tags=tags)
    return may_assume(policy, Request(action, "*", service, has or {}, may_have))


def _names(statement: Statement, name: str, *, alone: bool = False) -> bool:
    """Return whether a statement names a service; with `alone`, ``*`` is not a name of it."""
    names = {name} if alone else {name, ANYONE}
    return any(names & {*p.identifiers} for p in statement.principals)


def _of_cluster(association: str) -> str:
    """Return the ARN of the cluster from the ARN of an association."""
    before, _, after = association.partition(_ASSOCIATION)
    return f"{before}:cluster/{after.partition('/')[0]}"
