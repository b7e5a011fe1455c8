"""Which principals a change of a trust policy lets assume a role."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.policy.document import ANYONE, Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, evaluate
from vpc_cni_iam.policy.matching.variables import Context
from vpc_cni_iam.policy.template import Text, fill

_SAML = "sts:AssumeRoleWithSAML"
# The account of a stranger, whose organization nobody named.
_STRANGER = "999999999999"
_NO_ORGANIZATION: Context = {"aws:principalorgid": "o-zz", "aws:principalorgpaths": ("o-zz/r-zz/",)}
# Session tags that say for which service account of which cluster EKS Pod Identity asks.
_TAGS = ("aws:requesttag/kubernetes-", "aws:requesttag/eks-cluster-")
_MOST = 10_000  # candidates of a statement


class TrustedPrincipal(Struct, frozen=True):
    """A principal that may assume a role."""

    type: str  # as the policy has it, such as ``Federated``
    name: Text  # as the policy has it; ``*`` is anyone
    # What tells it from others of the name, by condition key: the subject of a token, the tags of a
    # service account, the ARN of a caller. `STRANGER` stands for any service account.
    identified_by: tuple[tuple[str, str], ...] = ()


def new_principals(before: Policy, after: Policy) -> tuple[TrustedPrincipal, ...]:
    """Return the principals that only the new trust policy lets assume a role.

    A principal that was allowed under other conditions is not new. Of those that a pattern names,
    it returns a sample; the proof of no new access is about all. Raises `InputError` for a policy
    that is not evaluated. A name that is not known is new unless the same was there before.
    """
    old, new = _with_names(before), _with_names(after)
    return tuple(
        dict.fromkeys(
            principal
            for statement in after.statements
            if statement.effect == "Allow"
            for principal, request in _candidates(statement)
            if not evaluate([new], request).denied
            and evaluate([_directly(old, principal)], request).denied
        )
    )


def _directly(policy: Policy, principal: TrustedPrincipal) -> Policy:
    """Return what a trust policy allows to a principal without its account's own policies.

    Source: IAM User Guide, "Cross-account policy evaluation logic" and, in one account, "IAM JSON
    policy elements: Principal": a role that is named needs no policy of its own.
    """
    name = _known(principal.name)
    is_named = principal.type == "AWS" and ":" in name and not name.endswith(":root")
    return trust.naming(policy, name) if is_named else policy


def _candidates(statement: Statement) -> Iterator[tuple[TrustedPrincipal, Request]]:
    """Yield principals that a statement may allow to assume the role, with their requests."""
    asked: dict[str, dict[tuple[str, str], None]] = {}
    for condition in filter(_asks_who, statement.conditions):
        key = str(condition.key).lower()
        asked.setdefault(key, {}).update(
            {(key, _sample(_known(v))): None for v in condition.values}
        )
    every_value = product(*asked.values())
    combinations = [dict(pairs) for pairs in islice(every_value, _MOST)]
    for principal, name in ((p, n) for p in statement.principals for n in p.identifiers):
        for action in filter(statement.is_about, (trust.ASSUME, trust.WEB, _SAML)):
            caller, has, absent = _caller(principal.type, _known(name))
            for context in combinations:
                identified_by = tuple(sorted(context.items()))
                may_have = trust.may_have_but(absent - {*context})
                request = Request(action, "*", caller, {**has, **context}, may_have)
                yield TrustedPrincipal(principal.type, name, identified_by), request


def _caller(kind: str, name: str) -> tuple[str, Context, frozenset[str]]:
    """Return a caller of a name, what its requests have, and which keys they lack."""
    if kind == "Service":
        return name, trust.STRANGER.tags if name.startswith(trust.PODS) else {}, trust.OF_CALLERS
    if kind == "Federated":
        prefix = issuer(name).lower()
        token = {f"{prefix}:sub": trust.STRANGER.subject, f"{prefix}:aud": AUDIENCE}
        return name, token, trust.OF_CALLERS | trust.OF_SERVICES
    account = name if name.isdigit() else (name.split(":") + [""] * 4)[4]
    caller = name
    if name == ANYONE or name.isdigit() or name.endswith(":root"):
        account = account or _STRANGER
        caller = f"arn:aws:iam::{account}:role/{_sample(ANYONE)}"
    has = {trust.CALLER: caller, trust.ACCOUNT: account}
    return caller, {**has, **(_NO_ORGANIZATION if name == ANYONE else {})}, frozenset()


def _asks_who(condition: Condition) -> bool:
    """Say whether a condition names the caller, or for whom it assumes the role."""
    key, operator = str(condition.key).lower(), condition.operator.lower()
    by_name = key in trust.OF_CALLERS or key in trust.OF_SERVICES
    about = by_name or key.endswith(trust.CLAIMS) or key.startswith(_TAGS)
    is_known = isinstance(condition.key, str)
    return about and is_known and "not" not in operator and operator != "null"


def _with_names(policy: Policy) -> Policy:
    """Return a policy with a name for each hole that says who the caller is."""

    def changed(statement: Statement) -> Statement:
        principals = (
            replace(p, identifiers=tuple(map(_known, p.identifiers))) for p in statement.principals
        )
        conditions = (
            replace(c, values=tuple(map(_known, c.values))) if _asks_who(c) else c
            for c in statement.conditions
        )
        return replace(statement, principals=tuple(principals), conditions=tuple(conditions))

    return replace(policy, statements=tuple(map(changed, policy.statements)))


def _known(text: Text) -> str:
    """Return a text with a name for each hole: what is not known equals itself alone."""
    filled = str(fill(text, lambda hole: f"zz-{hash(hole):x}"))
    is_hole = not isinstance(text, str) and len(text.parts) == 1
    return f"arn:aws:iam::000000000000:{filled}" if is_hole else filled


def _sample(pattern: str) -> str:
    """Return a text that matches a pattern, and hardly a narrower one."""
    return pattern.replace("*", "zz-example-zz").replace("?", "z")
