"""The principals that can assume a role with its trust policy, and the new ones."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.plugin.issuers import Platform, platform_of
from vpc_cni_iam.plugin.principals import filled, may_assume, requests_of
from vpc_cni_iam.plugin.trust import PODS, is_claim
from vpc_cni_iam.policy.diff import (
    ConditionChange,
    ElementChange,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
    differences,
)
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import evaluate
from vpc_cni_iam.policy.matching.operators import BASES, TEXTS
from vpc_cni_iam.policy.proof.answer import NewAccess
from vpc_cni_iam.policy.template import PolicyText
from vpc_cni_iam.review.diff.trust.anybody import living


class Trusted(Struct, frozen=True):
    """A principal that a statement allows to assume the role."""

    type: str  # of the principal, such as ``Federated``
    name: PolicyText  # as in the policy
    # The name with unknown parts replaced by their places, and the claims of a token.
    known: str
    claims: tuple[tuple[str, str], ...] = ()
    subject: PolicyText = ""  # of a token; empty for any
    is_pattern: bool = False  # whether wildcards in the subject are compared as wildcards
    platform: Platform = Platform.OTHER  # the platform that has tokens of the issuer
    audiences: tuple[PolicyText, ...] = ()  # of a token; empty for any
    limits: frozenset[Condition] = frozenset()  # the other conditions

    @property
    def issuer(self) -> str:
        """The issuer of its token; empty if it has none, or an unknown one."""
        return issuer(str(self.name)) if self.type == "Federated" else ""

    @property
    def is_several(self) -> bool:
        """Whether its token may have one of several subjects."""
        return not self.subject or (self.is_pattern and self._is_wild)

    @property
    def is_nobody(self) -> bool:
        """Whether no service account has the subject: a wildcard that is compared as text."""
        is_account = self.platform is Platform.KUBERNETES
        return is_account and self._is_wild and not self.is_pattern

    @property
    def _is_wild(self) -> bool:
        return isinstance(self.subject, str) and ("*" in self.subject or "?" in self.subject)

    @property
    def is_by_pods(self) -> bool:
        """Whether it is EKS Pod Identity."""
        return self.type == "Service" and str(self.name).startswith(PODS)


class Widened(Struct, frozen=True):
    """A trust policy allows new principals to assume the role, or has fewer conditions."""

    trusted: tuple[Trusted, ...]  # the principals that can newly assume it
    # the principals that no longer can, or could under other conditions
    before: tuple[Trusted, ...]
    same_principals: bool  # whether all of them could before, under other conditions
    conditions: tuple[ConditionChange, ...]  # those that are removed or changed
    # The Deny statements that are removed or changed.
    denies: tuple[StatementRemoved | StatementChanged, ...]
    actions: tuple[str, ...]  # the actions that the same principals can newly call


def trusted_by(policy: Policy) -> tuple[Trusted, ...]:
    """Return the principals that can assume a role, from the statements of its trust policy."""
    allows = living(policy).only("Allow")
    return tuple(
        dict.fromkeys(
            trusted
            for statement, named in zip(allows.statements, filled(allows).statements, strict=True)
            for principal, filling in zip(statement.principals, named.principals, strict=True)
            for name, known in zip(principal.identifiers, filling.identifiers, strict=True)
            for trusted in _trusted(statement, named, principal.type, name, str(known))
        )
    )


def _trusted(
    statement: Statement, named: Statement, kind: str, name: PolicyText, known: str
) -> Iterator[Trusted]:
    """Yield the principals of a name, with token subjects; `named` has no holes in keys."""
    by_claim: dict[str, tuple[Condition, Condition]] = {}
    own = issuer(known).lower() if kind == "Federated" else ""
    for condition, filling in zip(statement.conditions, named.conditions, strict=True):
        asked, _, claim = str(filling.key).lower().rpartition(":")
        if own and asked == own and _asks(condition):
            by_claim.setdefault(claim, (condition, filling))
    of_claims = [pair[0] for claim, pair in by_claim.items() if claim in ("sub", "aud")]
    limits = frozenset(c for c in statement.conditions if c not in of_claims)
    no_claim = Condition("StringLike", "", ("",)), Condition("StringLike", "", ("",))
    (subject, known_subject), (audience, known_audience) = (
        by_claim.get(claim, no_claim) for claim in ("sub", "aud")
    )
    platform = platform_of(own, map(str, subject.values)) if own else Platform.OTHER
    audiences = () if _is_any(audience) else audience.values
    for value, known_value in zip(subject.values, known_subject.values, strict=True):
        claims = {
            "sub": _sample(str(known_value)) or platform.value,
            "aud": _sample(str(next(iter(known_audience.values), ""))) or AUDIENCE,
        }
        yield Trusted(
            kind,
            name,
            known,
            tuple(claims.items()) if own else (),
            value,
            _is_like(subject) and bool(value),
            platform,
            audiences,
            limits,
        )


def _asks(condition: Condition) -> bool:
    """Return whether a condition requires one of its values."""
    base = BASES.get(condition.operator.rpartition(":")[2].removesuffix("IfExists"))
    return base is not None and base.family in TEXTS and not base.negated


def _is_any(condition: Condition) -> bool:
    """Return whether a condition accepts any text."""
    return _is_like(condition) and any(not str(value).strip("*?") for value in condition.values)


def _is_like(condition: Condition) -> bool:
    """Return whether a condition matches wildcards."""
    return "Like" in condition.operator or "Arn" in condition.operator


def prefix(key: str) -> str:
    """Return the issuer in the key of a claim, in lower case."""
    return key.lower().rpartition(":")[0]


def _sample(pattern: str) -> str:
    """Return a claim as a token has it, without wildcards."""
    return pattern.replace("*", "example").replace("?", "x")


def widened(before: Policy, after: Policy) -> Widened:
    """Return what a widened trust policy newly allows."""
    old, new = trusted_by(before), trusted_by(after)
    stay = set(old) & set(new)
    coming, leaving = (tuple(t for t in side if t not in stay) for side in (new, old))
    there = {(t.type, t.name, t.subject) for t in old}
    others = (t for t in coming if (t.type, t.name, t.subject) not in there)
    newcomers = tuple(t for t in others if not may_be_assumed(before, t))
    denies, elements = _changes(before, after)
    gone = (e for e in elements if isinstance(e, ConditionChange) and e.old)
    weaker = (c for c in dict.fromkeys(gone) if not (_is_of_others(c, newcomers) or _is_same(c)))
    actions = (e.added for e in elements if isinstance(e, ValuesChange) and e.element == "Action")
    return Widened(
        newcomers or coming,
        leaving,
        not newcomers,
        tuple(sorted(weaker, key=lambda c: (not _is_of_subject(c), c.new is not None))),
        denies,
        tuple(dict.fromkeys(str(action) for added in actions for action in added)),
    )


def _is_of_others(change: ConditionChange, newcomers: tuple[Trusted, ...]) -> bool:
    """Return whether a removed condition is about other issuers than those of new principals."""
    key = str(change.old.key if change.old else "").lower()
    is_gone = bool(newcomers) and change.new is None and is_claim(key)
    return is_gone and all(prefix(key) != t.issuer.lower() for t in newcomers)


def _is_of_subject(change: ConditionChange) -> bool:
    return change.old is not None and str(change.old.key).endswith(":sub")


def _is_same(change: ConditionChange) -> bool:
    """Return whether a changed condition asks for the same texts, which have no wildcards."""
    old, new = change.old, change.new
    if old is None or new is None or any(set("*?$") & {*str(v)} for v in old.values):
        return False
    operators = {condition.operator.replace("Equals", "Like") for condition in (old, new)}
    return old.values == new.values and len(operators) == 1


def _changes(
    before: Policy, after: Policy
) -> tuple[tuple[StatementRemoved | StatementChanged, ...], tuple[ElementChange, ...]]:
    """Return the removed and changed Deny statements, and the changes of other statements."""
    denies: list[StatementRemoved | StatementChanged] = []
    elements: list[ElementChange] = []
    for difference in differences(before, after):
        match difference:
            case (
                StatementRemoved(statement=Statement("Deny"))
                | StatementChanged(old=Statement("Deny"))
            ):
                denies.append(difference)
            case StatementChanged():
                elements += difference.elements
    return tuple(denies), tuple(elements)


def may_be_assumed(policy: Policy, trusted: Trusted) -> bool:
    """Return whether a principal may assume a role by a trust policy, with its Deny statements.

    Without claims, it is whether any token of the issuer may.
    """
    policy = filled(policy)
    return any(
        may_assume(policy, request)
        for request in requests_of(trusted.type, trusted.known, dict(trusted.claims))
    )


def realistic(answer: NewAccess, what: Widened, old: Policy, new: Policy) -> NewAccess:
    """Return an example whose token has a subject that its issuer can give it."""
    request = answer.request
    key = f"{issuer(request.principal)}:sub"
    others = {k: v for k, v in request.context.items() if k.lower() != key.lower()}
    for trusted in what.trusted:
        if trusted.issuer and str(trusted.name) == request.principal:
            context = {**others, key: dict(trusted.claims)["sub"]}
            example = replace(request, context=context)
            denied, allowed = (evaluate([side], example).allowed for side in (old, new))
            if allowed and not denied:
                return replace(answer, request=example, made_up=())
    return answer
