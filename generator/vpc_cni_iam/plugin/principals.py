"""Who can assume a role by its trust policy: those that it names, and strangers that it lets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.issuers import APPLICATIONS, PROVIDER, SERVICE_ACCOUNTS, Platform
from vpc_cni_iam.policy.document import ANYONE, Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, evaluate
from vpc_cni_iam.policy.matching.variables import Context
from vpc_cni_iam.policy.template import Hole, Template, Text, fill

_SAML = "sts:AssumeRoleWithSAML"
# The account of a stranger, and its organization, which nobody named.
_STRANGER, _ORGANIZATION = "999999999999", "o-zz"
_NO_ORGANIZATION: Context = {
    "aws:principalorgid": _ORGANIZATION,
    "aws:principalorgpaths": (f"{_ORGANIZATION}/r-zz/",),
}
# What a request of a stranger has where nothing else fits. No service sends it.
_OF_STRANGER: Context = {
    trust.CALLER: f"arn:aws:iam::{_STRANGER}:role/zz-example",
    trust.ACCOUNT: _STRANGER,
    **_NO_ORGANIZATION,
    trust.SOURCE_ARN: f"arn:aws:sns:us-east-1:{_STRANGER}:zz-example",
    trust.SOURCE_ACCOUNT: _STRANGER,
    "aws:sourceorgid": _ORGANIZATION,
    "aws:sourceorgpaths": (f"{_ORGANIZATION}/r-zz/",),
    "aws:sourceip": "192.0.2.99",
    "aws:sourcevpc": "vpc-zz",
    "aws:sourcevpce": "vpce-zz",
}
# Session tags that say for which service account of which cluster EKS Pod Identity asks.
_TAGS = ("aws:requesttag/kubernetes-", "aws:requesttag/eks-cluster-")
_MOST = 2_000  # candidates of a statement
_MOST_STRANGERS = 256
# In the name of what is not known.
_UNKNOWN = "zz-unknown-"
_MASK = 2**64 - 1
_ACCOUNT_PART = 4  # of an ARN


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
    old, new = filled(before), filled(after)
    return tuple(
        dict.fromkeys(
            principal
            for statement, as_written in zip(new.statements, after.statements, strict=True)
            if statement.effect == "Allow"
            for principal, name, request in islice(_candidates(statement, as_written), _MOST)
            if not evaluate([new], request).denied
            and evaluate([_directly(old, principal.type, name)], request).denied
        )
    )


def may_assume(policy: Policy, request: Request) -> bool:
    """Say whether a trust policy may allow a request; also where it is not evaluated."""
    try:
        return not evaluate([policy], request).denied
    except InputError:
        return True


def strangers(statement: Statement) -> Iterator[Request]:
    """Yield requests of strangers to a statement that trusts everybody.

    Everybody may name a role, or a path in an organization of his own, as a pattern asks.
    """
    options = {key: {value: None} for key, value in _OF_STRANGER.items()}
    for condition in statement.conditions:
        key = str(condition.key).lower()
        for value in condition.values:
            if key in options and (name := _named_so(str(value))):
                is_several = isinstance(_OF_STRANGER[key], tuple)
                options[key][(name,) if is_several else name] = None
    action = next(filter(statement.is_about, (trust.ASSUME, trust.WEB, _SAML)), trust.ASSUME)
    for values in islice(product(*options.values()), _MOST_STRANGERS):
        context = dict(zip(options, values, strict=True))
        caller = str(_OF_STRANGER[trust.CALLER])
        yield Request(action, "*", caller, context, trust.may_have_but(frozenset()))


def _named_so(pattern: str) -> str | None:
    """Return a name of a stranger that fits a pattern; None where the pattern names somebody."""
    if "*" not in pattern and "?" not in pattern:
        return None
    account = ""
    if pattern.startswith("o-"):
        account = pattern.partition("/")[0].removeprefix("o-")
    elif ":" in pattern:
        account = (pattern.split(":") + [""] * _ACCOUNT_PART)[_ACCOUNT_PART]
    else:
        account = pattern
    if account.strip("*?"):
        return None
    if pattern.startswith("arn:") and account:
        pattern = ":".join([*pattern.split(":")[:4], _STRANGER, *pattern.split(":")[5:]])
    return _sample(pattern)


def filled(policy: Policy) -> Policy:
    """Return a trust policy with a name for each hole that says who the caller is.

    What is not known equals itself alone. A condition key that has a hole and does not show of
    which claim it is keeps the hole.
    """
    return replace(policy, statements=tuple(map(_filled, policy.statements)))


def _filled(statement: Statement) -> Statement:
    if not any(isinstance(text, Template) for text in statement.texts()):
        return statement
    principals = tuple(
        Principal(p.type, tuple(_named(name, p.type) for name in p.identifiers))
        for p in statement.principals
    )
    principals = _with_issuer(principals, statement)
    providers = [n for p in principals for n in known_names(p) if PROVIDER in n]
    conditions = []
    for condition in statement.conditions:
        key = _key(condition, providers)
        values = condition.values
        if isinstance(key, str) and _asks_who(replace(condition, key=key)):
            values = tuple(map(_named, values))
        conditions.append(replace(condition, key=key, values=values))
    return replace(statement, principals=principals, conditions=tuple(conditions))


def _with_issuer(principals: tuple[Principal, ...], statement: Statement) -> tuple[Principal, ...]:
    """Return principals in which a provider that is not known has the only issuer asked for."""
    keys = (str(c.key) for c in statement.conditions if isinstance(c.key, str))
    issuers = {key.rpartition(":")[0] for key in keys if trust.is_claim(key.lower())}
    if len(issuers) != 1:
        return principals
    (only,) = issuers

    def with_issuer(name: Text) -> Text:
        before, _, end = str(name).partition(PROVIDER)
        return f"{before}{PROVIDER}{only}" if is_unknown(end) else name

    return tuple(Principal(p.type, tuple(map(with_issuer, p.identifiers))) for p in principals)


def readable(name: str) -> str:
    """Return a name with words for each part that is not known."""
    return re.sub(rf"{_UNKNOWN}[0-9a-f]+", "(not known)", name)


def is_unknown(name: str) -> bool:
    """Say whether a name stands for one of which a part is not known."""
    return _UNKNOWN in name


def _key(condition: Condition, providers: list[str]) -> Text:
    """Return the key of a condition, that of a claim of the only provider for a hole."""
    key = condition.key
    if isinstance(key, str) or len(providers) != 1:
        return key
    prefix, end = issuer(providers[0]), key.parts[-1]
    if isinstance(end, str) and ":" in end and isinstance(key.parts[0], Hole):
        return f"{prefix}:{end.rpartition(':')[2]}"
    if AUDIENCE in condition.values:
        return f"{prefix}:aud"
    is_subject = any(str(value).startswith(SERVICE_ACCOUNTS) for value in condition.values)
    return f"{prefix}:sub" if is_subject else key


def known_names(principal: Principal) -> tuple[str, ...]:
    """Return the names of a principal that are known."""
    return tuple(name for name in principal.identifiers if isinstance(name, str))


def _named(text: Text, kind: str = "") -> str:
    """Return a text with a name for each hole."""
    name = str(fill(text, lambda hole: f"{_UNKNOWN}{hash(hole) & _MASK:x}"))
    is_hole = not isinstance(text, str) and len(text.parts) == 1
    if is_hole and kind == "Federated":
        return f"arn:aws:iam::000000000000{PROVIDER}{name}"
    return f"arn:aws:iam::000000000000:{name}" if is_hole else name


def _directly(policy: Policy, kind: str, name: str) -> Policy:
    """Return what a trust policy allows to a principal without its account's own policies.

    Source: IAM User Guide, "Cross-account policy evaluation logic" and, in one account, "IAM JSON
    policy elements: Principal": a role that is named needs no policy of its own.
    """
    is_named = kind == "AWS" and ":" in name and not name.endswith(":root")
    return trust.naming(policy, name) if is_named else policy


def _candidates(
    statement: Statement, as_written: Statement
) -> Iterator[tuple[TrustedPrincipal, str, Request]]:
    """Yield principals that a statement may allow to assume the role, with name and request."""
    asked: dict[str, dict[tuple[str, str], None]] = {}
    for condition in filter(_asks_who, statement.conditions):
        key = str(condition.key).lower()
        asked.setdefault(key, {}).update({(key, _sample(str(v))): None for v in condition.values})
    combinations = [dict(pairs) for pairs in islice(product(*asked.values()), _MOST)]
    pairs = zip(statement.principals, as_written.principals, strict=True)
    for kind, name, written in (
        (p.type, str(name), written)
        for p, q in pairs
        for name, written in zip(p.identifiers, q.identifiers, strict=True)
    ):
        for action in filter(statement.is_about, _actions(kind, name)):
            for context in combinations:
                principal = TrustedPrincipal(kind, written, tuple(sorted(context.items())))
                yield principal, name, _request(action, kind, name, context)


def _actions(kind: str, name: str) -> tuple[str, ...]:
    """Return the actions by which a principal of a name assumes a role."""
    if kind == "Federated":
        return (_SAML,) if ":saml-provider/" in name else (trust.WEB,)
    return (trust.ASSUME, trust.WEB, _SAML) if name == ANYONE else (trust.ASSUME,)


def _request(action: str, kind: str, name: str, identified_by: Context) -> Request:
    """Return the request by which a caller of a name assumes a role."""
    if kind == "Service":
        has = trust.STRANGER.tags if name.startswith(trust.PODS) else {}
        may_have = trust.may_have_but(trust.OF_CALLERS - {*identified_by})
        return Request(action, "*", name, {**has, **identified_by}, may_have)
    if kind == "Federated" and (PROVIDER in name or name in APPLICATIONS):
        stranger = {"sub": Platform.KUBERNETES.stranger, "aud": AUDIENCE}
        request = trust.token_request(name, stranger)
        prefix = (issuer(name) or name).lower()
        own = {k: v for k, v in identified_by.items() if k.rpartition(":")[0] == prefix}
        return replace(request, action=action, context={**request.context, **own})
    if kind == "Federated":
        may_have = trust.may_have_but((trust.OF_CALLERS | trust.OF_SERVICES) - {*identified_by})
        return Request(action, "*", name, identified_by, may_have)
    account = name if name.isdigit() else (name.split(":") + [""] * 4)[_ACCOUNT_PART]
    caller = name
    if name == ANYONE or name.isdigit() or name.endswith(":root"):
        account = account or _STRANGER
        caller = f"arn:aws:iam::{account}:role/{_sample(ANYONE)}"
    has = {trust.CALLER: caller, trust.ACCOUNT: account}
    has = {**has, **(_NO_ORGANIZATION if name == ANYONE else {}), **identified_by}
    return Request(action, "*", caller, has, trust.may_have_but(frozenset()))


def _asks_who(condition: Condition) -> bool:
    """Say whether a condition names the caller, or for whom it assumes the role."""
    key, operator = str(condition.key).lower(), condition.operator.lower()
    by_name = key in trust.OF_CALLERS or key in trust.OF_SERVICES
    about = by_name or trust.is_claim(key) or key.startswith((*_TAGS, "saml:"))
    is_known = isinstance(condition.key, str)
    return about and is_known and "not" not in operator and operator != "null"


def _sample(pattern: str) -> str:
    """Return a text that matches a pattern, and hardly a narrower one."""
    return pattern.replace("*", "zz-example-zz").replace("?", "z")
