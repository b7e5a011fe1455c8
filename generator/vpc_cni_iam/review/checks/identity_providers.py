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
from vpc_cni_iam.review.rules import EVERY, Consequence, Level, Rule


class ProviderEvent(Enum):
    """What happens to an OIDC provider."""

    CREATED = "created"
    DELETED = "deleted"
    WITH_CLUSTER = "deleted with its cluster"
    OTHER_ISSUER = "gets another issuer"
    UNKNOWN_ISSUER = "its issuer is known after apply"
    NO_AUDIENCE = "new for a cluster, without the client ID of EKS"
    CLIENT_IDS = "gets other client IDs, or such that are known after apply"
    THUMBPRINTS = "gets other thumbprints"


class ProviderChanged(Struct, frozen=True):
    """An OIDC provider changes, and with it the roles that its tokens can assume."""

    event: ProviderEvent
    issuer: str
    gains: tuple[IamResource, ...] = ()  # the roles that its tokens can newly assume
    loses: tuple[IamResource, ...] = ()  # the roles that its tokens cannot assume (any longer)
    clients: tuple[str, ...] = ()  # its client IDs after the plan, if they change
    new_issuer: str = ""  # its issuer after the plan, if it gets another one


def check(context: Context) -> Iterator[Finding]:
    """Yield the roles that tokens of OIDC providers can newly assume, or no longer."""
    every = providers(context)
    for provider in every.changed:
        event = _event(provider, context)
        if event in (ProviderEvent.CREATED, ProviderEvent.OTHER_ISSUER):
            new = issuer_on(provider, Side.AFTER)
            there = {*every.roles(new, Side.BEFORE, provider), *context.accounts.created}
            gains = tuple(r for r in every.roles(new, Side.AFTER, provider) if r not in there)
            if gains:
                yield _changed(provider, ProviderChanged(event, new, gains), means=EVERY)
            own = every.refused(provider)
            if own or (own is not None and every.is_of_cluster(provider)):
                refused = ProviderChanged(ProviderEvent.NO_AUDIENCE, new, loses=own)
                rule = Rule.IDENTITY_LOST if own else Rule.PROVIDER_CHANGED
                yield _changed(provider, refused, rule)
        if event not in (None, ProviderEvent.CREATED):
            yield from _lost(provider, event, context)


def _event(provider: Resource, context: Context) -> ProviderEvent | None:
    """Return the event of a provider; None if no token is affected."""
    before, after = (is_there(provider, side) for side in Side)
    old, new = (issuer_on(provider, side) for side in Side)
    if after and not before:
        return ProviderEvent.CREATED
    if not after:
        is_gone = providers(context).is_gone_with_cluster(provider)
        return ProviderEvent.WITH_CLUSTER if is_gone else ProviderEvent.DELETED
    if old != new:
        return ProviderEvent.OTHER_ISSUER if new else ProviderEvent.UNKNOWN_ISSUER
    clients = [client_ids(provider, side) for side in Side]
    if _differs(provider, "client_id_list") and (clients[0] != clients[1] or None in clients):
        return ProviderEvent.CLIENT_IDS
    return ProviderEvent.THUMBPRINTS if _differs(provider, "thumbprint_list") else None


def _differs(provider: Resource, argument: str) -> bool:
    return one(provider, argument, Side.BEFORE) != one(provider, argument, Side.AFTER)


def _lost(provider: Resource, event: ProviderEvent, context: Context) -> Iterator[Finding]:
    every, old = providers(context), issuer_on(provider, Side.BEFORE)
    lost = every.lost(provider)
    own = tuple(filter(every.is_of_plugin, lost))
    others = tuple(role for role in lost if role not in own)
    is_of_clients = event is ProviderEvent.CLIENT_IDS
    clients = sorted(client_ids(provider, Side.AFTER) or ()) if is_of_clients else ()
    new = issuer_on(provider, Side.AFTER) if event is ProviderEvent.OTHER_ISSUER else ""
    change = ProviderChanged(event, old, clients=tuple(clients), new_issuer=new)
    means = EVERY if is_of_clients else None  # the provider accepts tokens for new client IDs
    if own:
        yield _changed(provider, replace(change, loses=own), Rule.IDENTITY_LOST, means)
    is_replaced = event is ProviderEvent.DELETED and old in every.by_issuer[Side.AFTER]
    if others or not (own or is_replaced):
        yield _changed(provider, replace(change, loses=others), means=means)


def _changed(
    provider: Resource,
    evidence: ProviderChanged,
    rule: Rule = Rule.PROVIDER_CHANGED,
    means: tuple[Consequence, ...] | None = None,
) -> Finding:
    # AWS does not use the thumbprints of EKS. Source: IAM User Guide, "Obtain the thumbprint for an
    # OpenID Connect identity provider".
    is_eks = platform_of(evidence.issuer, ()) is Platform.KUBERNETES
    is_unused = evidence.event is ProviderEvent.THUMBPRINTS and is_eks
    is_unused = is_unused or evidence.event is ProviderEvent.WITH_CLUSTER
    level = Level.NOTE if is_unused else None
    return finding(rule, evidence, provider.address, level=level, means=means)
