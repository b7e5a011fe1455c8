"""OIDC providers that are created, deleted or changed, and the roles that trust them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.catalog.trust import issuer as issuer_of
from vpc_cni_iam.inputs.plan.arguments import CLUSTER, OIDC_PROVIDER, Part
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
    WITH_CLUSTER = "deleted with its cluster"
    OTHER_ISSUER = "gets another issuer"
    UNKNOWN_ISSUER = "its issuer is known after apply"
    NO_AUDIENCE = "it is new, without the client ID of EKS"
    CLIENT_IDS = "gets other client IDs"
    UNKNOWN_CLIENT_IDS = "its client IDs are known after apply"
    THUMBPRINTS = "gets other thumbprints"


_NEW_ISSUER = (ProviderEvent.CREATED, ProviderEvent.OTHER_ISSUER)


class ProviderChanged(Struct, frozen=True):
    """An OIDC provider changes, and with it who can assume roles."""

    event: ProviderEvent
    issuer: str  # empty where it is not known
    gains: tuple[IamResource, ...] = ()  # the roles that its tokens can newly assume
    loses: tuple[IamResource, ...] = ()  # the roles that its tokens can not, or no longer, assume
    added: tuple[str, ...] = ()  # client IDs
    removed: tuple[str, ...] = ()
    is_eks: bool = False  # whether the issuer is a cluster of EKS


def check(context: Context) -> Iterator[Finding]:
    """Yield OIDC providers that are created, deleted or changed."""
    providers = [r for r in context.filler.resources if r.type == OIDC_PROVIDER]
    changed = [r for r in providers if r.actions != ("no-op",) and "forget" not in r.actions]
    if changed:
        checked = _Providers(context, providers)
        for provider in changed:
            yield from checked.findings(provider)


class _Providers:
    """The providers of a plan by issuer, and the roles that trust their issuers."""

    def __init__(self, context: Context, providers: list[Resource]) -> None:
        self._context = context
        self._clusters = [r for r in context.filler.resources if r.type == CLUSTER]
        self._providers: dict[tuple[Side, str], list[Resource]] = defaultdict(list)
        for provider in providers:
            for side in Side:
                if issuer := _issuer(provider, side):
                    self._providers[side, issuer].append(provider)
        self._trusted: dict[str, dict[IamResource, list[Trusted]]] = defaultdict(dict)
        for role in context.accounts.principals:
            if context.accounts.after.one(role, Part.TRUST) is None:
                continue
            policy = trust_of(context, role, Side.AFTER) or trust_of(context, role, Side.BEFORE)
            for trusted in trusted_by(policy) if policy else ():
                if trusted.issuer:
                    self._trusted[trusted.issuer].setdefault(role, []).append(trusted)

    def findings(self, provider: Resource) -> Iterator[Finding]:
        """Yield which roles tokens of a provider's issuers can newly assume, or no longer."""
        event = _event(provider)
        if event in _NEW_ISSUER:
            yield from self._new(provider, event)
        if event is not None and event is not ProviderEvent.CREATED:
            yield from self._lost(provider, event)

    def _new(self, provider: Resource, event: ProviderEvent) -> Iterator[Finding]:
        issuer, created = _issuer(provider, Side.AFTER), self._context.accounts.created
        before = {*self._roles(issuer, Side.BEFORE, provider), *created}
        gains = [r for r in self._roles(issuer, Side.AFTER, provider) if r not in before]
        if gains:
            yield _found(provider, ProviderChanged(event, issuer, tuple(gains)), means=_EVERY)
        clients = _clients(provider, Side.AFTER)
        if clients is None or AUDIENCE in clients:
            return
        is_eks = _is_eks(issuer) or bool(self._clusters_of(provider))
        change = ProviderChanged(ProviderEvent.NO_AUDIENCE, issuer, is_eks=is_eks)
        own, _ = self._by_owner(self._trusted.get(issuer, ()))
        if own:
            yield _found(provider, replace(change, loses=own), Rule.IDENTITY_LOST)
        elif is_eks:
            yield _found(provider, change)

    def _lost(self, provider: Resource, event: ProviderEvent) -> Iterator[Finding]:
        issuer, means = _issuer(provider, Side.BEFORE), None
        change = ProviderChanged(event, issuer, is_eks=_is_eks(issuer))
        clusters = self._clusters_of(provider)
        are_deleted = bool(clusters) and all(c.actions == ("delete",) for c in clusters)
        if event is ProviderEvent.DELETED and are_deleted:
            yield _found(provider, replace(change, event=ProviderEvent.WITH_CLUSTER))
            return
        still = self._roles(issuer, Side.AFTER, provider)
        lost = [r for r in self._roles(issuer, Side.BEFORE, provider) if r not in still]
        own, others = self._by_owner(lost)
        if event is ProviderEvent.CLIENT_IDS:
            old, new = (_clients(provider, side) or frozenset() for side in Side)
            added, removed = (tuple(sorted(each)) for each in (new - old, old - new))
            change = replace(change, added=added, removed=removed)
        if change.added or event is ProviderEvent.UNKNOWN_CLIENT_IDS:
            means = _EVERY  # tokens for a new client ID are taken
        if own:
            yield _found(provider, replace(change, loses=own), Rule.IDENTITY_LOST, means)
        is_replaced = event is ProviderEvent.DELETED and (Side.AFTER, issuer) in self._providers
        if others or not (own or is_replaced):
            yield _found(provider, replace(change, loses=others), means=means)

    def _roles(self, issuer: str, side: Side, provider: Resource) -> list[IamResource]:
        """Return the roles that tokens can assume by a provider, or by another in its place."""
        providers = self._providers.get((side, issuer), [])
        own = [provider] if provider in providers else providers
        by_role = self._trusted.get(issuer, {})
        return [r for r, t in by_role.items() if any(_takes(t, p, side) for p in own)]

    def _by_owner(self, roles: Iterable[IamResource]) -> tuple[tuple[IamResource, ...], ...]:
        """Return the roles that aws-node has, and not by EKS Pod Identity alone; and the others."""
        identities, each = self._context.service_account_roles, [*roles]
        own = tuple(
            role
            for role in each
            if Identity.irsa in (identities.get(role) or (Identity.irsa,))
            if is_plugins(self._context, role)
        )
        return own, tuple(role for role in each if role not in own)

    def _clusters_of(self, provider: Resource) -> list[Resource]:
        """Return the clusters of the plan whose tokens are of a provider."""
        referred, _ = self._context.filler.resolver.references(provider, ("url",))
        issuers = {_issuer(provider, side) for side in Side} - {""}
        return [c for c in self._clusters if c in referred or issuers & {*_issuers(c)}]


def _event(provider: Resource) -> ProviderEvent | None:
    """Return what happens to a provider; None for what changes no token."""
    before, after = (is_there(provider, side) for side in Side)
    old, new = (_issuer(provider, side) for side in Side)
    if not (before and after):
        return ProviderEvent.CREATED if after else ProviderEvent.DELETED
    if old != new:
        return ProviderEvent.OTHER_ISSUER if new else ProviderEvent.UNKNOWN_ISSUER
    clients = [_clients(provider, side) for side in Side]
    if _differs(provider, "client_id_list") and (clients[0] != clients[1] or None in clients):
        is_known = clients[1] is not None
        return ProviderEvent.CLIENT_IDS if is_known else ProviderEvent.UNKNOWN_CLIENT_IDS
    return ProviderEvent.THUMBPRINTS if _differs(provider, "thumbprint_list") else None


def _differs(provider: Resource, argument: str) -> bool:
    return one(provider, argument, Side.BEFORE) != one(provider, argument, Side.AFTER)


def _found(
    provider: Resource,
    evidence: ProviderChanged,
    rule: Rule = Rule.PROVIDER_CHANGED,
    means: tuple[Consequence, ...] | None = None,
) -> Finding:
    # AWS does not use the thumbprints of EKS. Source: IAM User Guide, "Obtain the thumbprint for
    # an OpenID Connect identity provider".
    is_note = evidence.event is ProviderEvent.THUMBPRINTS and evidence.is_eks
    is_note = is_note or evidence.event is ProviderEvent.WITH_CLUSTER
    level = Level.NOTE if is_note else None
    return finding(rule, evidence, provider.address, level=level, means=means)


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


def _is_eks(issuer: str) -> bool:
    return platform_of(issuer, ()) is Platform.KUBERNETES


def _issuer(provider: Resource, side: Side) -> str:
    """Return the issuer of a provider without https://; empty where it is not known."""
    if not is_there(provider, side) or isinstance(one(provider, "url", side), Unknown):
        return ""
    url = text(provider, "url", side)
    return url.removeprefix("https://") or issuer_of(text(provider, "arn", side))


def _issuers(cluster: Resource) -> Iterator[str]:
    for side in Side:
        yield text(cluster, "identity.*.oidc.*.issuer", side).removeprefix("https://")
