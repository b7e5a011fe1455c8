"""Flaws of the trust in an OIDC provider, by the tokens that can assume the role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.issuers import Platform, is_of_anybody, platform_of
from vpc_cni_iam.plugin.principals import is_unknown, may_assume, readable
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.matching.operators import BASES, TEXTS
from vpc_cni_iam.policy.template import known
from vpc_cni_iam.review.rules import Level, Rule

# an audience, an application, and the value of another claim, of a stranger's token
STRANGE = "zz-example"
_RULES = {
    True: (Rule.IRSA_NO_SUBJECT, Rule.IRSA_WILDCARD, Rule.IRSA_NO_AUDIENCE),
    False: (Rule.OIDC_NO_SUBJECT, Rule.OIDC_WILDCARD, Rule.OIDC_NO_AUDIENCE),
}


def values_of(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """Return the values that conditions require."""
    values = (v for c in conditions if asks(c) for v in known(c.values))
    return tuple(dict.fromkeys(values))


def asks(condition: Condition) -> bool:
    """Return whether a condition requires one of its values."""
    base = BASES.get(condition.operator.rpartition(":")[2].removesuffix("IfExists"))
    return base is not None and base.family in TEXTS and not base.negated


def is_any(condition: Condition) -> bool:
    """Return whether a condition accepts any text."""
    return is_like(condition) and any(not str(value).strip("*?") for value in condition.values)


def is_like(condition: Condition) -> bool:
    """Return whether a condition matches wildcards."""
    return "Like" in condition.operator or "Arn" in condition.operator


def is_wild(value: str) -> bool:
    """Return whether a value has wildcards."""
    return "*" in value or "?" in value


def sample(pattern: str) -> str:
    """Return a text that matches a pattern and is not a usual name."""
    return pattern.replace("*", "zz").replace("?", "z")


def prefix(key: str) -> str:
    """Return the issuer in the key of a claim, in lower case."""
    return key.lower().rpartition(":")[0]


class TrustFlaw(Struct, frozen=True):
    """One flaw of a trust policy."""

    rule: Rule
    provider: str = ""  # the issuer or the application
    values: tuple[str, ...] = ()  # the subjects, audiences, keys or ARNs with the flaw
    never: bool = False  # whether nobody can assume the role through the statement
    level: Level | None = None  # None for the level of the rule


def asked_claims(statement: Statement, name: str) -> dict[str, str]:
    """Return the claims that a statement requires, with the values of a stranger's token."""
    prefix = name.lower()
    keys = (str(condition.key).lower().rpartition(":") for condition in statement.conditions)
    # Every token has a method of authentication.
    return {claim: STRANGE for asked, _, claim in keys if asked == prefix and claim != "amr"}


class TokenTrust(Struct, frozen=True):
    """The tokens of one OIDC provider that a statement allows."""

    alone: Policy
    statement: Statement
    provider: str

    @property
    def issuer(self) -> str:
        """The issuer, as in condition keys."""
        return issuer(self.provider)

    def flaws(self, *, for_plugin: bool) -> Iterator[TrustFlaw]:
        """Yield the unintended tokens that can assume the role, or why none can."""
        others = self._keys_of_others()
        if not may_assume(self.alone, trust.token_request(self.provider, {})):
            if others:  # otherwise a Deny blocks all of them
                yield self._flaw(Rule.IRSA_ISSUER, others, never=True)
            return
        names = (n for p in self.statement.principals for n in known(p.identifiers))
        named = {(issuer(name) or name).lower() for name in names}
        if unrelated := tuple(key for key in others if prefix(key) not in named):
            yield self._flaw(Rule.IRSA_ISSUER, unrelated)
        subjects, audiences = (values_of(self._conditions(claim)) for claim in ("sub", "aud"))
        platform = platform_of(self.issuer, subjects)
        possible = (*map(sample, subjects), platform.value, STRANGE)
        tokens = (AUDIENCE, *map(sample, audiences), STRANGE)
        alive = [s for s in possible if any(self._lets(sub=s, aud=token) for token in tokens)]
        if not alive:
            yield from self._never(subjects, audiences)
            return
        yield from self._of_subjects(platform, subjects, alive)
        yield from self._of_audiences(platform, subjects, audiences, alive)
        if platform is Platform.KUBERNETES:
            yield from self._of_service_accounts(subjects, alive, for_plugin=for_plugin)

    def _keys_of_others(self) -> tuple[str, ...]:
        """Yield the keys of claims of other issuers."""
        keys = (str(c.key) for c in self.statement.conditions)
        claims = (key for key in keys if trust.is_claim(key.lower()))
        return tuple(key for key in claims if prefix(key) != self.issuer.lower())

    def _of_audiences(
        self,
        platform: Platform,
        subjects: tuple[str, ...],
        audiences: tuple[str, ...],
        alive: Collection[str],
    ) -> Iterator[TrustFlaw]:
        """Yield that any audience is accepted, or that the one of IRSA is not."""
        if any(self._lets(sub=subject, aud=STRANGE) for subject in alive):
            yield self._flaw(_RULES[platform is Platform.KUBERNETES][2], subjects)
        elif (
            platform is Platform.KUBERNETES
            and not any(map(is_unknown, audiences))
            and not any(self._lets(sub=subject, aud=AUDIENCE) for subject in alive)
        ):
            yield self._flaw(Rule.IRSA_OTHER_AUDIENCE, audiences)

    def _of_service_accounts(
        self, subjects: tuple[str, ...], alive: Collection[str], *, for_plugin: bool
    ) -> Iterator[TrustFlaw]:
        """Yield service accounts other than the plugin's, and StringLike without wildcards."""
        exact = (s for s in subjects if s in alive and not is_wild(s) and not is_unknown(s))
        foreign = tuple(s for s in exact if s != trust.AWS_NODE.subject)
        if for_plugin and foreign:
            yield self._flaw(Rule.IRSA_OTHER_SUBJECT, foreign)
        like = values_of(filter(is_like, self._conditions("sub")))
        if like and not any(is_wild(value) or is_unknown(value) for value in like):
            yield self._flaw(Rule.IRSA_LIKE, like)

    def _of_subjects(
        self, platform: Platform, subjects: tuple[str, ...], alive: Collection[str]
    ) -> Iterator[TrustFlaw]:
        """Yield subjects that are all accepted or match a pattern, and literal patterns."""
        no_subject, wildcard, _ = _RULES[platform is Platform.KUBERNETES]
        wild = tuple(value for value in subjects if is_wild(value))
        by_pattern = tuple(value for value in wild if sample(value) in alive)
        if platform.value in alive or any(map(is_of_anybody, by_pattern)):
            yield self._flaw(no_subject, by_pattern)
        elif by_pattern:
            is_pinned = wildcard is Rule.OIDC_WILDCARD and all(map(_is_of_one_project, by_pattern))
            yield self._flaw(wildcard, by_pattern, level=Level.NOTE if is_pinned else None)
        elif literally := tuple(value for value in wild if self._is_literal("sub", value)):
            yield self._flaw(Rule.IRSA_NEVER, literally)

    def _never(self, subjects: tuple[str, ...], audiences: tuple[str, ...]) -> Iterator[TrustFlaw]:
        """Yield why no token is accepted, although its claims are the required ones."""
        claims = [("sub", value) for value in subjects] + [("aud", value) for value in audiences]
        if literally := tuple(value for claim, value in claims if self._is_literal(claim, value)):
            yield self._flaw(Rule.IRSA_NEVER, literally, never=True)
        elif any(self._lets(sub=sample(subject)) for subject in subjects):
            yield self._flaw(Rule.IRSA_OTHER_AUDIENCE, audiences, never=True)

    def _is_literal(self, claim: str, value: str) -> bool:
        """Return whether wildcards in a value are compared as text."""
        lets_itself = is_wild(value) and self._lets(**{claim: value})
        return lets_itself and not self._lets(**{claim: sample(value)})

    def _lets(self, **claims: str) -> bool:
        """Return whether a token is accepted; its other claims are a stranger's."""
        unknown = {"sub", "aud"} - {*claims}
        asked = asked_claims(self.statement, self.issuer)
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


def _is_of_one_project(pattern: str) -> bool:
    """Return whether a subject pattern names one repository, as GitHub and GitLab write it."""
    kind, _, rest = pattern.partition(":")
    project = rest.partition(":")[0]
    is_whole = not is_wild(project) and "/" in project and ":" in rest
    return kind in ("repo", "project_path") and is_whole
