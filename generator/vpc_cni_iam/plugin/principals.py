"""Who can assume a role by its trust policy: named principals, and strangers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product

from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.issuers import APPLICATIONS, PROVIDER, SERVICE_ACCOUNTS
from vpc_cni_iam.policy.document import ANYONE, Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, evaluate
from vpc_cni_iam.policy.matching.variables import KeyValues
from vpc_cni_iam.policy.template import Hole, PolicyText, Template, fill, known

_SAML = "sts:AssumeRoleWithSAML"
# The values of a stranger's request if no condition asks for others: an account and an organization
# that nobody named. No service sends it.
_STRANGER = "999999999999"
_OF_STRANGER: KeyValues = {
    trust.CALLER: f"arn:aws:iam::{_STRANGER}:role/zz-example",
    trust.ACCOUNT: _STRANGER,
    "aws:principalorgid": "o-zz",
    "aws:principalorgpaths": ("o-zz/r-zz/",),
    trust.SOURCE_ARN: f"arn:aws:sns:us-east-1:{_STRANGER}:zz-example",
    trust.SOURCE_ACCOUNT: _STRANGER,
    "aws:sourceorgid": "o-zz",
    "aws:sourceorgpaths": ("o-zz/r-zz/",),
    "aws:sourceip": "192.0.2.99",
    "aws:sourcevpc": "vpc-zz",
    "aws:sourcevpce": "vpce-zz",
}
# EKS Pod Identity's session tags with the service account and the cluster.
_TAGS = ("aws:requesttag/kubernetes-", "aws:requesttag/eks-cluster-")
_MOST_STRANGERS = 256
# In the names of unknown principals.
_UNKNOWN = "zz-unknown-"
_MASK = 2**64 - 1
_ACCOUNT_PART = 4  # of an ARN


def may_assume(policy: Policy, request: Request) -> bool:
    """Return whether a trust policy may allow a request; true if it is not evaluated."""
    try:
        return not evaluate([policy], request).denied
    except InputError:
        return True


def requests_of(kind: str, name: str, claims: Mapping[str, str]) -> Iterator[Request]:
    """Yield the requests with which a principal of a trust policy assumes a role.

    Unknown facts may match a condition: which principal of an account it is, whose session, or,
    without `claims`, whose token. If a trust policy denies all of them, no named principal can
    assume the role.
    """
    if kind == "Federated" and (PROVIDER in name or name in APPLICATIONS):
        yield trust.token_request(name, claims)
    elif kind == "Federated":
        no_token = trust.may_have_but(trust.OF_CALLERS | trust.OF_SERVICES)
        yield Request(_SAML, "*", name, {}, no_token)
    elif kind == "Service":
        yield Request(trust.ASSUME, "*", name, {}, trust.may_have_but(trust.OF_CALLERS))
    elif name == ANYONE:
        for action in (trust.ASSUME, trust.WEB, _SAML):
            yield Request(action, "*", ANYONE, {}, trust.may_have_but(()))
    else:
        account = name if name.isdigit() else (name.split(":") + [""] * 4)[_ACCOUNT_PART]
        is_account = name.isdigit() or name.endswith(":root")
        caller = f"arn:aws:iam::{account}:role/zz-example" if is_account else name
        has = {trust.ACCOUNT: account} if account else {}
        if not is_account and ":iam::" in name:
            has[trust.CALLER] = name
        yield Request(trust.ASSUME, "*", caller, has, trust.may_have_but(()))


def strangers(statement: Statement) -> Iterator[Request]:
    """Yield requests of strangers for a statement that trusts everybody.

    Anybody can name a role, or a path in an organization, so that a pattern matches.
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
    """Return a stranger's name that matches a pattern; None if the pattern names somebody."""
    if "*" not in pattern and "?" not in pattern:
        return None
    account = pattern
    if pattern.startswith("o-"):
        account = pattern.partition("/")[0].removeprefix("o-")
    elif ":" in pattern:
        account = (pattern.split(":") + [""] * _ACCOUNT_PART)[_ACCOUNT_PART]
    if account.strip("*?"):
        return None
    if pattern.startswith("arn:") and account:
        pattern = ":".join([*pattern.split(":")[:4], _STRANGER, *pattern.split(":")[5:]])
    # It is unlikely to match a narrower pattern.
    return pattern.replace("*", "zz-example-zz").replace("?", "z")


def filled(policy: Policy) -> Policy:
    """Return a trust policy with a name for each hole about the caller.

    An unknown value equals only itself. A condition key with a hole keeps it if its claim is not
    known.
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
    providers = [n for p in principals for n in known(p.identifiers) if PROVIDER in n]
    conditions = []
    for condition in statement.conditions:
        key = _key(condition, providers)
        values = condition.values
        if isinstance(key, str) and _asks_who(replace(condition, key=key)):
            values = tuple(map(_named, values))
        conditions.append(replace(condition, key=key, values=values))
    return replace(statement, principals=principals, conditions=tuple(conditions))


def _with_issuer(principals: tuple[Principal, ...], statement: Statement) -> tuple[Principal, ...]:
    """Return principals in which an unknown provider has the only required issuer."""
    keys = (str(c.key) for c in statement.conditions if isinstance(c.key, str))
    issuers = {key.rpartition(":")[0] for key in keys if trust.is_claim(key.lower())}
    if len(issuers) != 1:
        return principals
    (only,) = issuers

    def with_issuer(name: PolicyText) -> PolicyText:
        before, _, end = str(name).partition(PROVIDER)
        return f"{before}{PROVIDER}{only}" if is_unknown(end) else name

    return tuple(Principal(p.type, tuple(map(with_issuer, p.identifiers))) for p in principals)


def is_unknown(name: str) -> bool:
    """Return whether a name has an unknown part."""
    return _UNKNOWN in name


def _key(condition: Condition, providers: list[str]) -> PolicyText:
    """Return the key of a condition; for a hole, the claim's key of the only provider."""
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


def _named(text: PolicyText, kind: str = "") -> str:
    """Return a text with a name for each hole."""
    name = str(fill(text, lambda hole: f"{_UNKNOWN}{hash(hole) & _MASK:x}"))
    is_hole = not isinstance(text, str) and len(text.parts) == 1
    if is_hole and kind == "Federated":
        return f"arn:aws:iam::000000000000{PROVIDER}{name}"
    return f"arn:aws:iam::000000000000:{name}" if is_hole else name


def _asks_who(condition: Condition) -> bool:
    """Return whether a condition names the caller, or the identity behind it."""
    key, operator = str(condition.key).lower(), condition.operator.lower()
    by_name = key in trust.OF_CALLERS or key in trust.OF_SERVICES
    about = by_name or trust.is_claim(key) or key.startswith((*_TAGS, "saml:"))
    is_known = isinstance(condition.key, str)
    return about and is_known and "not" not in operator and operator != "null"
