"""What is wrong with a trust policy: whom it lets in that nobody means, and whom it never lets in.

Each is decided by evaluation with requests of pods, of other tokens, and of strangers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.issuers import (
    APPLICATIONS,
    PROVIDER,
    Platform,
    is_of_anybody,
    platform_of,
)
from vpc_cni_iam.plugin.principals import filled, is_unknown, may_assume, readable, strangers
from vpc_cni_iam.policy.document import (
    ANYONE,
    EVERYONE,
    Condition,
    Effect,
    Policy,
    Principal,
    Statement,
)
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching.operators import BASES, TEXTS
from vpc_cni_iam.policy.template import known
from vpc_cni_iam.review.rules import Level, Rule

_EFFECTS: tuple[Effect, Effect] = "Deny", "Allow"
_STRANGE = "zz-example"  # an audience, an application, and the value of another claim
_REGION, _ACCOUNT = "us-east-1", "999999999999"
_CLUSTER = f"arn:aws:eks:{_REGION}:{_ACCOUNT}:cluster/zz-example"
_ASSOCIATION = ":podidentityassociation/"
_RULES = {
    True: (Rule.IRSA_NO_SUBJECT, Rule.IRSA_WILDCARD, Rule.IRSA_NO_AUDIENCE),
    False: (Rule.OIDC_NO_SUBJECT, Rule.OIDC_WILDCARD, Rule.OIDC_NO_AUDIENCE),
}


class TrustFlaw(Struct, frozen=True):
    """One thing that is wrong with a trust policy."""

    rule: Rule
    provider: str = ""  # the issuer, or the application, that it is about
    values: tuple[str, ...] = ()  # the subjects, audiences, keys or ARNs that make it so
    never: bool = False  # whether nobody can assume the role by it
    level: Level | None = None  # None for that of the rule


def flaws(policy: Policy, *, for_plugin: bool, tags: bool = True) -> tuple[TrustFlaw, ...]:
    """Return what is wrong with a trust policy, of one that is too large nothing.

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
    """Return a trust policy without what no token can meet, since its issuer has no such claims."""
    if trust.is_too_large(policy):
        return policy
    statements = []
    for statement in policy.statements:
        principals = tuple(_living(statement, p) for p in statement.principals)
        if principals == statement.principals or statement.effect == "Deny":
            statements.append(statement)
        elif named := tuple(p for p in principals if p.identifiers):
            statements.append(replace(statement, principals=named))
    return replace(policy, statements=tuple(statements))


def _living(statement: Statement, principal: Principal) -> Principal:
    alone = Policy((statement,))
    names = tuple(
        name
        for name in principal.identifiers
        if not isinstance(name, str)
        or PROVIDER not in name
        or may_assume(alone, trust.token_request(name, {}))
    )
    return replace(principal, identifiers=names)


def is_evaluated(statement: Statement) -> bool:
    """Say whether a statement is evaluated, an Allow with NotPrincipal as one for everybody."""
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
        return  # a key that is not known may be any of those that are looked for
    if statement.not_principals or any(n == ANYONE and t in (ANYONE, "AWS") for t, n in names):
        everybody = replace(statement, principals=EVERYONE, not_principals=())
        statements = (*alone.only("Deny").statements, everybody)
        policy = replace(alone, statements=statements)
        if any(may_assume(policy, request) for request in strangers(everybody)):
            excepted = (name for p in statement.not_principals for name in p.identifiers)
            yield TrustFlaw(Rule.TRUST_ANYBODY, values=tuple(map(str, excepted)))
    for kind, name in names:
        if kind == "Federated" and name in APPLICATIONS:
            yield from _of_application(alone, statement, name)
        elif kind == "Federated" and PROVIDER in name and statement.is_about(trust.WEB):
            yield from _Token(alone, statement, name).flaws(for_plugin=for_plugin)


def _of_application(alone: Policy, statement: Statement, name: str) -> Iterator[TrustFlaw]:
    keys = APPLICATIONS[name]
    strange = {**_asked_claims(statement, name), **dict.fromkeys(("sub", *keys), _STRANGE)}
    if may_assume(alone, trust.token_request(name, strange)):
        yield TrustFlaw(Rule.TRUST_ANYBODY, name, tuple(f"{name}:{key}" for key in keys))


def _asked_claims(statement: Statement, name: str) -> dict[str, str]:
    """Return the claims that a statement asks for, as a stranger's token has them."""
    prefix = name.lower()
    keys = (str(condition.key).lower().rpartition(":") for condition in statement.conditions)
    # Everybody has some method of authentication.
    return {claim: _STRANGE for asked, _, claim in keys if asked == prefix and claim != "amr"}


class _Token(Struct, frozen=True):
    """What the tokens of one OIDC provider can do by a statement."""

    alone: Policy
    statement: Statement
    provider: str

    @property
    def issuer(self) -> str:
        return issuer(self.provider)

    def flaws(self, *, for_plugin: bool) -> Iterator[TrustFlaw]:
        others = self._of_other_issuers()
        if not may_assume(self.alone, trust.token_request(self.provider, {})):
            if others:  # else a Deny keeps all of them out
                yield self._flaw(Rule.IRSA_ISSUER, others, never=True)
            return
        names = (n for p in self.statement.principals for n in known(p.identifiers))
        named = {(issuer(name) or name).lower() for name in names}
        if unrelated := tuple(key for key in others if _prefix(key) not in named):
            yield self._flaw(Rule.IRSA_ISSUER, unrelated)
        yield from self._of_claims(for_plugin=for_plugin)

    def _of_other_issuers(self) -> tuple[str, ...]:
        """Return the keys of conditions that are claims of other issuers."""
        keys = [str(condition.key) for condition in self.statement.conditions]
        claims = (key for key in keys if trust.is_claim(key.lower()))
        return tuple(key for key in claims if _prefix(key) != self.issuer.lower())

    def _of_claims(self, *, for_plugin: bool) -> Iterator[TrustFlaw]:
        """Yield whose tokens are let in, of all that the conditions could mean."""
        of_subject = self._conditions("sub")
        subjects, audiences = _values(of_subject), _values(self._conditions("aud"))
        platform = platform_of(self.issuer, subjects)
        possible = (*map(_sample, subjects), platform.stranger, _STRANGE)
        tokens = (AUDIENCE, *map(_sample, audiences), _STRANGE)
        alive = [s for s in possible if self._lets_any(s, tokens)]
        if not alive:
            yield from self._never(subjects, audiences)
            return
        yield from self._of_subjects(platform, subjects, frozenset(alive))
        yield from self._of_audiences(platform, audiences, alive)
        if platform is Platform.KUBERNETES:
            if for_plugin:
                yield from self._of_plugin(subjects, alive)
            like = _values(filter(is_like, of_subject))
            if like and not any(_is_wild(value) or is_unknown(value) for value in like):
                yield self._flaw(Rule.IRSA_LIKE, like)

    def _of_plugin(self, subjects: tuple[str, ...], alive: list[str]) -> Iterator[TrustFlaw]:
        """Yield that a role of aws-node is for other service accounts, too."""
        named = (s for s in subjects if s in alive and not _is_wild(s) and not is_unknown(s))
        if foreign := tuple(s for s in named if s != trust.AWS_NODE.subject):
            yield self._flaw(Rule.IRSA_OTHER_SUBJECT, foreign)

    def _of_subjects(
        self, platform: Platform, subjects: tuple[str, ...], alive: frozenset[str]
    ) -> Iterator[TrustFlaw]:
        """Yield that all subjects are let in, or those of a pattern, or that a pattern is none."""
        no_subject, wildcard, _ = _RULES[platform is Platform.KUBERNETES]
        wild = tuple(value for value in subjects if _is_wild(value))
        by_pattern = tuple(value for value in wild if _sample(value) in alive)
        if platform.stranger in alive or any(map(is_of_anybody, by_pattern)):
            yield self._flaw(no_subject, by_pattern)
        elif by_pattern:
            is_pinned = wildcard is Rule.OIDC_WILDCARD and all(map(_is_of_one_project, by_pattern))
            yield self._flaw(wildcard, by_pattern, level=Level.NOTE if is_pinned else None)
        elif literally := tuple(value for value in wild if self._is_literal("sub", value)):
            yield self._flaw(Rule.IRSA_NEVER, literally)

    def _of_audiences(
        self, platform: Platform, audiences: tuple[str, ...], alive: Iterable[str]
    ) -> Iterator[TrustFlaw]:
        """Yield that tokens for any audience are let in, or none for that of EKS."""
        is_kubernetes = platform is Platform.KUBERNETES
        if any(self._lets(sub=subject, aud=_STRANGE) for subject in alive):
            yield self._flaw(_RULES[is_kubernetes][2])
        elif not is_kubernetes or any(map(is_unknown, audiences)):
            return
        elif not any(self._lets(sub=subject, aud=AUDIENCE) for subject in alive):
            yield self._flaw(Rule.IRSA_OTHER_AUDIENCE, audiences)

    def _never(self, subjects: tuple[str, ...], audiences: tuple[str, ...]) -> Iterator[TrustFlaw]:
        """Yield why no token is let in, though its claims are those that are asked for."""
        claims = [("sub", value) for value in subjects] + [("aud", value) for value in audiences]
        if literally := tuple(value for claim, value in claims if self._is_literal(claim, value)):
            yield self._flaw(Rule.IRSA_NEVER, literally, never=True)
        elif any(self._lets(sub=_sample(subject)) for subject in subjects):
            yield self._flaw(Rule.IRSA_OTHER_AUDIENCE, audiences, never=True)

    def _is_literal(self, claim: str, value: str) -> bool:
        """Say whether wildcards in a value are compared letter by letter."""
        lets_itself = _is_wild(value) and self._lets(**{claim: value})
        return lets_itself and not self._lets(**{claim: _sample(value)})

    def _lets_any(self, subject: str, audiences: Iterable[str]) -> bool:
        return any(self._lets(sub=subject, aud=audience) for audience in audiences)

    def _lets(self, **claims: str) -> bool:
        """Say whether a token is let in; what it has of other claims is a stranger's."""
        unknown = {"sub", "aud"} - {*claims}
        asked = _asked_claims(self.statement, self.issuer)
        has = {k: v for k, v in {**asked, **claims}.items() if k not in unknown}
        return may_assume(self.alone, trust.token_request(self.provider, has))

    def _conditions(self, claim: str) -> list[Condition]:
        key = f"{self.issuer}:{claim}".lower()
        return [c for c in self.statement.conditions if str(c.key).lower() == key]

    def _flaw(
        self,
        rule: Rule,
        values: tuple[str, ...] = (),
        *,
        never: bool = False,
        level: Level | None = None,
    ) -> TrustFlaw:
        shown = "" if is_unknown(self.issuer) else self.issuer
        return TrustFlaw(rule, shown, tuple(map(readable, values)), never, level)


def _of_pods(policy: Policy, *, tags: bool) -> Iterator[TrustFlaw]:
    """Yield what is wrong with the trust of EKS Pod Identity."""
    principals = (p for s in policy.only("Allow").statements for p in s.principals)
    named = {str(name) for principal in principals for name in principal.identifiers}
    service = next((n for n in (trust.PODS, f"{trust.PODS}.cn") if n in named), None)
    if service is None or not _may(policy, service, trust.ASSUME):
        return
    about = tuple(s for s in policy.statements if s.effect == "Deny" or _names(s, service))
    policy = replace(policy, statements=about)
    action = trust.TAG if tags else trust.ASSUME
    if not _may(policy, service, action, tags=tags):
        yield TrustFlaw(Rule.PODS_NO_TAGS if tags else Rule.PODS_TAGS_OFF)
    conditions = [c for s in policy.only("Allow").statements for c in s.conditions]
    if all(isinstance(condition.key, str) for condition in conditions):
        yield from _of_scope(policy, service, conditions)


def _of_scope(policy: Policy, service: str, conditions: list[Condition]) -> Iterator[TrustFlaw]:
    """Yield that no cluster's pods are let in, or any pod."""
    values = _values(c for c in conditions if str(c.key).lower() == trust.SOURCE_ARN)
    associations = tuple(value for value in values if _ASSOCIATION in value)
    if associations and not any(
        _may(policy, service, trust.ASSUME, source=_of_cluster(arn)) for arn in associations
    ):
        yield TrustFlaw(Rule.PODS_SOURCE_ARN, values=associations)
    elif _lets_any_pod(policy, service):
        yield TrustFlaw(Rule.PODS_UNSCOPED)


def _lets_any_pod(policy: Policy, service: str) -> bool:
    """Say whether a pod that nobody means is let in: by its tags, or without any."""
    has = {trust.SOURCE_ARN: _CLUSTER, trust.SOURCE_ACCOUNT: _ACCOUNT}
    tags = {**trust.STRANGER.tags, **trust.STRANGER.pod_tags, **trust.cluster_tags(_CLUSTER)}
    return any(
        may_assume(
            policy,
            Request(
                trust.ASSUME,
                "*",
                service,
                {**has, **sent},
                trust.may_have_but(trust.OF_CALLERS, tags=bool(sent)),
            ),
        )
        for sent in (tags, {})
    )


def _may(policy: Policy, service: str, action: str, *, tags: bool = True, source: str = "") -> bool:
    """Say whether EKS Pod Identity may be allowed an action for any pod, or those of a cluster."""
    may_have = trust.may_have_but(trust.OF_CALLERS, tags=tags)
    has = {trust.SOURCE_ARN: source} if source else {}
    return may_assume(policy, Request(action, "*", service, has, may_have))


def _names(statement: Statement, name: str) -> bool:
    return any({name, ANYONE} & {*p.identifiers} for p in statement.principals)


def _of_cluster(association: str) -> str:
    """Return the ARN of the cluster of an association, by its ARN."""
    before, _, after = association.partition(_ASSOCIATION)
    return f"{before}:cluster/{after.partition('/')[0]}"


def _values(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """Return the texts that conditions ask for."""
    values = (v for c in conditions if asks(c) for v in known(c.values))
    return tuple(dict.fromkeys(values))


def asks(condition: Condition) -> bool:
    """Say whether a condition asks for one of its texts."""
    base = BASES.get(condition.operator.rpartition(":")[2].removesuffix("IfExists"))
    return base is not None and base.family in TEXTS and not base.negated


def is_any(condition: Condition) -> bool:
    """Say whether a condition takes any text."""
    return is_like(condition) and any(not str(value).strip("*?") for value in condition.values)


def is_like(condition: Condition) -> bool:
    """Say whether a condition takes wildcards."""
    return "Like" in condition.operator or "Arn" in condition.operator


def _is_wild(value: str) -> bool:
    return "*" in value or "?" in value


def _sample(pattern: str) -> str:
    return pattern.replace("*", "zz").replace("?", "z")


def _is_of_one_project(pattern: str) -> bool:
    """Say whether a pattern of subjects names one repository, as GitHub and GitLab write it."""
    kind, _, rest = pattern.partition(":")
    project = rest.partition(":")[0]
    is_whole = not _is_wild(project) and "/" in project and ":" in rest
    return kind in ("repo", "project_path") and is_whole


def _prefix(key: str) -> str:
    return key.lower().rpartition(":")[0]
