"""Trust policies that let everybody assume a role.

They are evaluated with requests of strangers and with other tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.issuers import APPLICATIONS, PROVIDER
from vpc_cni_iam.plugin.principals import filled, may_assume, strangers
from vpc_cni_iam.policy.document import ANYONE, EVERYONE, Effect, Policy, Statement
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.template import PolicyText, known

_EFFECTS: tuple[Effect, Effect] = "Deny", "Allow"
# the value of a claim in a stranger's token
_STRANGE = "zz-example"


class Anybody(Struct, frozen=True):
    """Everybody can assume a role: in every account, or with a token that everybody can get."""

    application: str = ""  # the issuer of the tokens; empty for every account
    keys: tuple[str, ...] = ()  # those that would limit the tokens


def everybody(policy: Policy) -> tuple[Anybody, ...]:
    """Return how everybody can assume a role; nothing for a trust policy that is too large."""
    if trust.is_too_large(policy):
        return ()
    policy = filled(policy)
    denies, allows = (
        tuple(filter(is_evaluated, policy.only(effect).statements)) for effect in _EFFECTS
    )
    alone = ((replace(policy, statements=(*denies, statement)), statement) for statement in allows)
    return tuple(dict.fromkeys(each for pair in alone for each in _of_statement(*pair)))


def takes_strangers(policy: Policy, provider: str, subject: str, audiences: Iterable[str]) -> bool:
    """Return whether a role can be assumed with a token that has a stranger's subject."""
    policy = filled(policy)
    asked = {k: v for s in policy.statements for k, v in _asked_claims(s, issuer(provider)).items()}
    tokens = ({**asked, "sub": subject, "aud": each} for each in (*audiences, _STRANGE))
    return any(may_assume(policy, trust.token_request(provider, claims)) for claims in tokens)


def living(policy: Policy, role: str = "") -> Policy:
    """Return a trust policy without what no token of an issuer in the account of the role has."""

    def may_be_met(statement: Statement, name: PolicyText) -> bool:
        is_provider = isinstance(name, str) and PROVIDER in name
        alone, request = Policy((statement,)), trust.token_request(str(name), {})
        is_own = trust.may_share_account(role, str(name))
        return not is_provider or (is_own and may_assume(alone, request))

    return policy if trust.is_too_large(policy) else narrowed(policy, may_be_met)


def narrowed(policy: Policy, is_for: Callable[[Statement, PolicyText], bool]) -> Policy:
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


def _of_statement(alone: Policy, statement: Statement) -> Iterator[Anybody]:
    names = [(p.type, name) for p in statement.principals for name in known(p.identifiers)]
    if any(not isinstance(condition.key, str) for condition in statement.conditions):
        return  # an unknown key may be any of those that limit who it is
    if statement.not_principals or not {(ANYONE, ANYONE), ("AWS", ANYONE)}.isdisjoint(names):
        whole = replace(statement, principals=EVERYONE, not_principals=())
        policy = replace(alone, statements=(*alone.only("Deny").statements, whole))
        if any(may_assume(policy, request) for request in strangers(whole)):
            yield Anybody()
    for kind, name in names:
        if kind == "Federated" and name in APPLICATIONS:
            keys = APPLICATIONS[name]
            strange = {**_asked_claims(statement, name), **dict.fromkeys(("sub", *keys), _STRANGE)}
            if may_assume(alone, trust.token_request(name, strange)):
                yield Anybody(name, tuple(f"{name}:{key}" for key in keys))


def _asked_claims(statement: Statement, name: str) -> dict[str, str]:
    """Return the claims that a statement requires, with the values of a stranger's token."""
    prefix = name.lower()
    keys = (str(condition.key).lower().rpartition(":") for condition in statement.conditions)
    # Every token has a method of authentication.
    return {claim: _STRANGE for asked, _, claim in keys if asked == prefix and claim != "amr"}
