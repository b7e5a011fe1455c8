"""OIDC providers that are created, deleted or changed, and the roles that trust them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.plugin.issuers import Platform, platform_of
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.resolve import is_there
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.trust.providers import client_ids, issuer_on, providers
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
    NO_AUDIENCE = "new for a cluster, without the client ID of EKS"
    CLIENT_IDS = "gets other client IDs"
    UNKNOWN_CLIENT_IDS = "its client IDs are known after apply"
    THUMBPRINTS = "gets other thumbprints"


class ProviderChanged(Struct, frozen=True):
    """An OIDC provider changes, and with it who can assume roles."""

    event: ProviderEvent
    issuer: str
    gains: tuple[IamResource, ...] = ()  # the roles that its tokens can newly assume
    loses: tuple[IamResource, ...] = ()  # the roles that its tokens cannot, or no longer, assume
    added: tuple[str, ...] = ()  # client IDs
    removed: tuple[str, ...] = ()
    is_eks: bool = False  # whether the issuer is a cluster of EKS


def check(context: Context) -> Iterator[Finding]:
    """Yield OIDC providers that are created, deleted or changed."""
    for provider in providers(context).changed:
        event = _event(provider)
        if event is ProviderEvent.DELETED and providers(context).is_gone_with_cluster(provider):
            evidence = ProviderChanged(ProviderEvent.WITH_CLUSTER, issuer_on(provider, Side.BEFORE))
            yield _found(provider, evidence)
        elif event is not None:
            yield from _findings(provider, event, context)


def _event(provider: Resource) -> ProviderEvent | None:
    """Return what happens to a provider; None for what changes no token."""
    before, after = (is_there(provider, side) for side in Side)
    old, new = (issuer_on(provider, side) for side in Side)
    if not (before and after):
        return ProviderEvent.CREATED if after else ProviderEvent.DELETED
    if old != new:
        return ProviderEvent.OTHER_ISSUER if new else ProviderEvent.UNKNOWN_ISSUER
    clients = [client_ids(provider, side) for side in Side]
    if _differs(provider, "client_id_list") and (clients[0] != clients[1] or None in clients):
        is_known = clients[1] is not None
        return ProviderEvent.CLIENT_IDS if is_known else ProviderEvent.UNKNOWN_CLIENT_IDS
    return ProviderEvent.THUMBPRINTS if _differs(provider, "thumbprint_list") else None


def _differs(provider: Resource, argument: str) -> bool:
    return one(provider, argument, Side.BEFORE) != one(provider, argument, Side.AFTER)


def _findings(provider: Resource, event: ProviderEvent, context: Context) -> Iterator[Finding]:
    """Yield which roles the tokens of a provider's issuers can newly assume, or no longer."""
    if event in (ProviderEvent.CREATED, ProviderEvent.OTHER_ISSUER):
        new, roles = issuer_on(provider, Side.AFTER), providers(context).roles
        there = {*roles(new, Side.BEFORE, provider), *context.accounts.created}
        gains = tuple(r for r in roles(new, Side.AFTER, provider) if r not in there)
        if gains:
            yield _found(provider, ProviderChanged(event, new, gains), means=_EVERY)
        own, is_of_cluster = providers(context).refused(provider), providers(context).is_of_cluster
        if own or (providers(context).lacks_audience(provider) and is_of_cluster(provider)):
            evidence = ProviderChanged(ProviderEvent.NO_AUDIENCE, new, loses=own)
            yield _found(provider, evidence, Rule.IDENTITY_LOST if own else Rule.PROVIDER_CHANGED)
    if event is not ProviderEvent.CREATED:
        yield from _lost(provider, event, context)


def _lost(provider: Resource, event: ProviderEvent, context: Context) -> Iterator[Finding]:
    old = issuer_on(provider, Side.BEFORE)
    lost = providers(context).lost(provider)
    own = tuple(filter(providers(context).is_of_plugin, lost))
    others = tuple(role for role in lost if role not in own)
    change = ProviderChanged(event, old, is_eks=platform_of(old, ()) is Platform.KUBERNETES)
    means = _EVERY if event is ProviderEvent.UNKNOWN_CLIENT_IDS else None
    if event is ProviderEvent.CLIENT_IDS:
        before, after = (client_ids(provider, side) or frozenset() for side in Side)
        added, removed = (tuple(sorted(each)) for each in (after - before, before - after))
        change = replace(change, added=added, removed=removed)
        means = _EVERY if added else None  # tokens for it are taken
    if own:
        yield _found(provider, replace(change, loses=own), Rule.IDENTITY_LOST, means)
    is_replaced = event is ProviderEvent.DELETED and old in providers(context).by_issuer[Side.AFTER]
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
    is_unused = is_unused or evidence.event is ProviderEvent.WITH_CLUSTER
    level = Level.NOTE if is_unused else None
    return finding(rule, evidence, provider.address, level=level, means=means)
