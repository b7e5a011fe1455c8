"""Who can assume a role on one side of a plan, and who newly can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import issuer
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.issuers import Platform, platform_of
from vpc_cni_iam.plugin.principals import filled, new_principals
from vpc_cni_iam.plugin.trust import RoleTrust, is_claim
from vpc_cni_iam.policy.diff import (
    ConditionChange,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
    differences,
)
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import evaluate
from vpc_cni_iam.policy.proof.answer import NewAccess
from vpc_cni_iam.policy.template import Side, Text, folded
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import Accounts
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.state import PluginState
from vpc_cni_iam.review.diff.trust_flaws import asks, is_any, is_like, living


class HasAccounts(Protocol):
    """What has the accounts of a plan, as the context of a review does."""

    @property
    def accounts(self) -> Accounts:
        """The accounts before and after."""


def trust_of(context: HasAccounts, role: IamResource, side: Side) -> Policy | None:
    """Return the trust policy of a role; None where the plan does not show it.

    It may have holes, by which `lets_plugin` may be open.
    """
    account = context.accounts.after if side is Side.AFTER else context.accounts.before
    grant = account.one(role, Part.TRUST)
    return grant.content.policy if grant and isinstance(grant.content, Document) else None


def lets_plugin(policy: Policy, state: PluginState, *, tags: bool = True) -> bool | None:
    """Say whether aws-node of a cluster can assume a role of its own; None if not decided.

    Args:
        tags: Whether its sessions of EKS Pod Identity have tags.
    """
    identity = state.identity.kind
    if identity in (Identity.none, Identity.unknown) or trust.is_too_large(policy):
        return None
    try:
        of_account = RoleTrust(policy, f"arn::iam::{state.cluster.account}:")
        return of_account.lets(identity, state.cluster, tags=tags)
    except InputError:
        return None


def names_plugin(policy: Policy) -> bool:
    """Say whether a trust policy is for the plugin's service account by its name."""
    try:
        return not trust.is_too_large(policy) and trust.names_plugin(policy)
    except InputError:
        return False


class Trusted(Struct, frozen=True):
    """Somebody whom a statement lets assume the role."""

    type: str  # of the principal, such as ``Federated``
    name: Text  # as the policy has it
    subject: Text = ""  # of a token; empty for any
    is_pattern: bool = False  # whether wildcards in the subject are meant as such
    platform: Platform = Platform.OTHER  # who has tokens of the issuer
    audiences: tuple[Text, ...] = ()  # of a token; empty for any
    limits: frozenset[Condition] = frozenset()  # the other conditions

    @property
    def issuer(self) -> str:
        """The issuer of its token; empty for what has none, or one that is not known."""
        return issuer(str(self.name)) if self.type == "Federated" else ""


class Widened(Struct, frozen=True):
    """A trust policy newly allows somebody to assume the role, or under fewer conditions."""

    trusted: tuple[Trusted, ...]  # who can newly assume it
    before: tuple[Trusted, ...]  # who no longer can, or could under other conditions
    same_principals: bool  # whether all of them could under other conditions
    conditions: tuple[ConditionChange, ...]  # why: those that are gone, or become others
    other_conditions: tuple[ConditionChange, ...]  # what else becomes another one
    # The Deny statements that are gone, or become others.
    denies: tuple[StatementRemoved | StatementChanged, ...]
    actions: tuple[str, ...]  # what is newly allowed to the same principals


def trusted_by(policy: Policy) -> tuple[Trusted, ...]:
    """Return who can assume a role by its trust policy, as its statements say it."""
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
    statement: Statement, named: Statement, kind: str, name: Text, known: str
) -> Iterator[Trusted]:
    """Yield whom a name means, with the subjects of its tokens; `named` has no holes in keys."""
    by_claim: dict[str, Condition] = {}
    prefix = issuer(known).lower() if kind == "Federated" else ""
    for condition, filling in zip(statement.conditions, named.conditions, strict=True):
        asked, _, claim = str(filling.key).lower().rpartition(":")
        if prefix and asked == prefix and asks(condition):
            by_claim.setdefault(claim, condition)
    subject, audience = by_claim.get("sub"), by_claim.get("aud")
    limits = frozenset(c for c in statement.conditions if c not in (subject, audience))
    subjects = subject.values if subject else ("",)
    is_pattern = subject is not None and is_like(subject)
    platform = platform_of(prefix, map(str, subjects)) if prefix else Platform.OTHER
    audiences = audience.values if audience and not is_any(audience) else ()
    for value in subjects:
        yield Trusted(kind, name, value, is_pattern, platform, audiences, limits)


def widened(before: Policy, after: Policy) -> Widened:
    """Return what a trust policy that allows more newly allows."""
    old, new = trusted_by(before), trusted_by(after)
    coming, leaving = without(new, old), without(old, new)
    names = _new_names(before, after)
    of_names = tuple(t for t in coming if (t.type, t.name) in names)
    conditions = dict.fromkeys(_limits_gone(coming, leaving))
    denies: list[StatementRemoved | StatementChanged] = []
    actions: dict[str, None] = {}
    for difference in differences(before, after):
        match difference:
            case StatementRemoved(statement=statement) if statement.effect == "Deny":
                denies.append(difference)
            case StatementChanged(old=statement) if statement.effect == "Deny":
                denies.append(difference)
            case StatementChanged(elements=elements):
                gone = (e for e in elements if isinstance(e, ConditionChange) and e.old)
                conditions |= dict.fromkeys(gone)
                for element in elements:
                    if isinstance(element, ValuesChange) and element.element == "Action":
                        actions |= dict.fromkeys(map(str, element.added))
    reasons = tuple(change for change in conditions if _explains(change, of_names))
    others = tuple(c for c in conditions if c not in reasons and c.new is not None)
    return Widened(
        of_names or coming, leaving, not of_names, reasons, others, tuple(denies), tuple(actions)
    )


def _limits_gone(
    coming: tuple[Trusted, ...], leaving: tuple[Trusted, ...]
) -> Iterator[ConditionChange]:
    """Yield the conditions under which the same principals could assume the role before."""
    before = {(t.type, t.name, t.subject): t for t in leaving}
    for trusted in coming:
        peer = before.get((trusted.type, trusted.name, trusted.subject))
        if peer is None:
            continue
        added = {folded(c.key): c for c in trusted.limits - peer.limits}
        for condition in sorted(peer.limits - trusted.limits, key=str):
            yield ConditionChange(condition, added.get(folded(condition.key)))


def _explains(change: ConditionChange, newcomers: tuple[Trusted, ...]) -> bool:
    """Say whether a condition that is gone, or another, is why there are newcomers.

    That a subject becomes another is said by who they are, and who could before.
    """
    if not newcomers or change.old is None:
        return True
    prefix, _, claim = str(change.old.key).lower().rpartition(":")
    is_of_newcomer = any(trusted.issuer.lower() == prefix for trusted in newcomers)
    return change.new is None and (is_of_newcomer or not is_claim(f"{prefix}:{claim}"))


def realistic(answer: NewAccess, what: Widened, old: Policy, new: Policy) -> NewAccess:
    """Return an example whose token has a subject that its issuer could give it."""
    request = answer.request
    key = f"{issuer(request.principal)}:sub"
    others = {k: v for k, v in request.context.items() if k.lower() != key.lower()}
    for trusted in what.trusted:
        if trusted.issuer and str(trusted.name) == request.principal:
            subject = str(trusted.subject) or trusted.platform.stranger
            if trusted.is_pattern:
                subject = subject.replace("*", "example").replace("?", "x")
            example = replace(request, context={**others, key: subject})
            sides = (evaluate([policy], example) for policy in (old, new))
            denied, allowed = (side.allowed for side in sides)
            if allowed and not denied:
                return replace(answer, request=example, made_up=())
    return answer


def without(every: tuple[Trusted, ...], others: tuple[Trusted, ...]) -> tuple[Trusted, ...]:
    """Return those that are not among others."""
    excepted = set(others)
    return tuple(trusted for trusted in every if trusted not in excepted)


def _new_names(before: Policy, after: Policy) -> set[tuple[str, Text]]:
    if trust.is_too_large(before) or trust.is_too_large(after):
        return set()
    try:
        return {(p.type, p.name) for p in new_principals(before, after)}
    except InputError:
        return set()
