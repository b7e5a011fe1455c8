"""OIDC providers that are created, deleted or changed, and the roles that trust them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.catalog.trust import issuer as issuer_of
from vpc_cni_iam.inputs.plan.arguments import OIDC_PROVIDER, Part
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.issuers import Platform, platform_of
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.resolve import is_there
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.roles import is_plugins
from vpc_cni_iam.review.diff.trust.roles import trust_of
from vpc_cni_iam.review.diff.trust.trusted import Trusted, trusted_by
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Consequence, Level, Rule

_EVERY = tuple(Consequence)


class ProviderEvent(Enum):
    """What happens to an OIDC provider."""

    CREATED = "created"
    DELETED = "deleted"
    OTHER_ISSUER = "gets another issuer"
    UNKNOWN_ISSUER = "its issuer is known after apply"
    CLIENT_IDS = "gets other client IDs"
    UNKNOWN_CLIENT_IDS = "its client IDs are known after apply"
    THUMBPRINTS = "gets other thumbprints"


class ProviderChanged(Struct, frozen=True):
    """An OIDC provider changes, and with it who can assume roles."""

    event: ProviderEvent
    issuer: str
    gains: tuple[IamResource, ...] = ()  # the roles that its tokens can newly assume
    loses: tuple[IamResource, ...] = ()  # the roles that its tokens can no longer assume
    added: tuple[str, ...] = ()  # client IDs
    removed: tuple[str, ...] = ()
    is_eks: bool = False  # whether the issuer is a cluster of EKS


def check(context: Context) -> Iterator[Finding]:
    """Yield OIDC providers that are created, deleted or changed."""
    providers = [r for r in context.filler.resources if r.type == OIDC_PROVIDER]
    changed = [r for r in providers if r.actions != ("no-op",) and "forget" not in r.actions]
    tokens = _Tokens(context, providers) if changed else None
    for provider in changed:
        event = _event(provider)
        if tokens is not None and event is not None:
            yield from _findings(provider, event, tokens)


class _Tokens:
    """The roles of a plan by the issuers that they trust, and who provides these issuers."""

    def __init__(self, context: Context, providers: list[Resource]) -> None:
        self.context = context
        self.providers: dict[Side, dict[str, list[Resource]]] = {side: {} for side in Side}
        for side, by_issuer in self.providers.items():
            for provider in providers:
                if issuer := _issuer(provider, side):
                    by_issuer.setdefault(issuer, []).append(provider)
        self._trusted: dict[str, dict[IamResource, list[Trusted]]] = {}
        for role in context.accounts.principals:
            if context.accounts.after.one(role, Part.TRUST) is None:
                continue
            policy = trust_of(context, role, Side.AFTER) or trust_of(context, role, Side.BEFORE)
            for trusted in trusted_by(policy) if policy else ():
                if trusted.issuer:
                    by_role = self._trusted.setdefault(trusted.issuer, {})
                    by_role.setdefault(role, []).append(trusted)

    def roles(self, issuer: str, side: Side, provider: Resource) -> tuple[IamResource, ...]:
        """Return the roles that tokens can assume by a provider, or by another in its place."""
        providers = self.providers[side].get(issuer, [])
        own = [provider] if provider in providers else providers
        by_role = self._trusted.get(issuer, {})
        return tuple(r for r, t in by_role.items() if any(_takes(t, p, side) for p in own))


def _event(provider: Resource) -> ProviderEvent | None:
    """Return what happens to a provider; None for what changes no token."""
    sides = (Side.BEFORE, Side.AFTER)
    before, after = (is_there(provider, side) for side in sides)
    old, new = (_issuer(provider, side) for side in sides)
    if not (before and after):
        return ProviderEvent.CREATED if after else ProviderEvent.DELETED
    if old != new:
        return ProviderEvent.OTHER_ISSUER if new else ProviderEvent.UNKNOWN_ISSUER
    clients = [_clients(provider, side) for side in sides]
    if _differs(provider, "client_id_list") and (clients[0] != clients[1] or None in clients):
        is_known = clients[1] is not None
        return ProviderEvent.CLIENT_IDS if is_known else ProviderEvent.UNKNOWN_CLIENT_IDS
    return ProviderEvent.THUMBPRINTS if _differs(provider, "thumbprint_list") else None


def _differs(provider: Resource, argument: str) -> bool:
    return one(provider, argument, Side.BEFORE) != one(provider, argument, Side.AFTER)


def _findings(provider: Resource, event: ProviderEvent, tokens: _Tokens) -> Iterator[Finding]:
    """Yield which roles the tokens of a provider's issuers can newly assume, or no longer."""
    if event in (ProviderEvent.CREATED, ProviderEvent.OTHER_ISSUER):
        new, created = _issuer(provider, Side.AFTER), tokens.context.accounts.created
        there = {*tokens.roles(new, Side.BEFORE, provider), *created}
        gains = tuple(r for r in tokens.roles(new, Side.AFTER, provider) if r not in there)
        if gains:
            yield _found(provider, ProviderChanged(event, new, gains), means=_EVERY)
    if event is not ProviderEvent.CREATED:
        yield from _lost(provider, event, tokens)


def _lost(provider: Resource, event: ProviderEvent, tokens: _Tokens) -> Iterator[Finding]:
    old = _issuer(provider, Side.BEFORE)
    still = tokens.roles(old, Side.AFTER, provider)
    lost = [role for role in tokens.roles(old, Side.BEFORE, provider) if role not in still]
    own = tuple(role for role in lost if _has_by_tokens(tokens.context, role))
    others = tuple(role for role in lost if role not in own)
    change = ProviderChanged(event, old, is_eks=platform_of(old, ()) is Platform.KUBERNETES)
    means = _EVERY if event is ProviderEvent.UNKNOWN_CLIENT_IDS else None
    if event is ProviderEvent.CLIENT_IDS:
        ids = [_clients(provider, side) or frozenset() for side in (Side.BEFORE, Side.AFTER)]
        added, removed = (tuple(sorted(each)) for each in (ids[1] - ids[0], ids[0] - ids[1]))
        change = replace(change, added=added, removed=removed)
        means = _EVERY if added else None  # tokens for it are taken
    if own:
        yield _found(provider, replace(change, loses=own), Rule.IDENTITY_LOST, means)
    is_replaced = event is ProviderEvent.DELETED and old in tokens.providers[Side.AFTER]
    if others or not (own or is_replaced):
        yield _found(provider, replace(change, loses=others), means=means)


def _found(
    provider: Resource,
    evidence: ProviderChanged,
    rule: Rule = Rule.PROVIDER_CHANGED,
    means: tuple[Consequence, ...] | None = None,
) -> Finding:
    # AWS does not use the thumbprints of EKS. Source: IAM User Guide, "Obtain the thumbprint for
    # an OpenID Connect identity provider".
    is_unused = evidence.event is ProviderEvent.THUMBPRINTS and evidence.is_eks
    level = Level.NOTE if is_unused else None
    return finding(rule, evidence, provider.address, level=level, means=means)


def _has_by_tokens(context: Context, role: IamResource) -> bool:
    """Say whether a role is aws-node's, and not by EKS Pod Identity alone."""
    identities = context.service_account_roles.get(role)
    return is_plugins(context, role) and (not identities or Identity.irsa in identities)


def _takes(trusted: list[Trusted], provider: Resource, side: Side) -> bool:
    """Say whether a role takes tokens for a client ID of a provider; true where not known."""
    clients = _clients(provider, side)
    asked: set[str] = set()
    for each in trusted:
        is_kubernetes = each.platform is Platform.KUBERNETES
        asked |= set(map(str, each.audiences)) or {AUDIENCE if is_kubernetes else "*"}
    return clients is None or any(wildcard.matches(a, client) for a in asked for client in clients)


def _clients(provider: Resource, side: Side) -> frozenset[str] | None:
    """Return the client IDs of a provider; None where they are not known."""
    value = one(provider, "client_id_list", side)
    if isinstance(value, Known) and isinstance(value.value, list):
        return frozenset(map(str, value.value))
    return None if isinstance(value, Unknown | Sensitive) else frozenset()


def _issuer(provider: Resource, side: Side) -> str:
    """Return the issuer of a provider without https://; empty where it is not known."""
    if not is_there(provider, side) or isinstance(one(provider, "url", side), Unknown):
        return ""
    url = text(provider, "url", side)
    return url.removeprefix("https://") or issuer_of(text(provider, "arn", side))
