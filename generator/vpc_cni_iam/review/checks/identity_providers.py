"""OIDC providers that change, and the roles that their tokens can newly assume, or no longer."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.account.resolve import is_there
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.checks.identity import IDENTITY_LOST
from vpc_cni_iam.review.checks.trust import TRUST_WIDENED
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.trust.providers import client_ids, issuer_on, providers
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.texts.names import names_of
from vpc_cni_iam.review.texts.trusted import issuer_name


class ProviderEvent(Enum):
    """What happens to an OIDC provider."""

    CREATED = "created"
    DELETED = "deleted"
    OTHER_ISSUER = "gets another issuer"
    UNKNOWN_ISSUER = "its issuer is known after apply"
    NO_AUDIENCE = "new for a cluster, without the client ID of EKS"
    CLIENT_IDS = "gets other client IDs, or such that are known after apply"


class ProviderChanged(Struct, frozen=True):
    """An OIDC provider changes, and with it the roles that its tokens can assume."""

    event: ProviderEvent
    issuer: str
    roles: tuple[IamResource, ...]
    clients: tuple[str, ...] = ()  # its client IDs after the plan, if they change
    new_issuer: str = ""  # its issuer after the plan, if it gets another one


def check(context: Context) -> Iterator[Finding]:
    """Yield the roles that tokens can newly assume, and those that aws-node no longer can."""
    every = providers(context)
    for provider in every.changed:
        old, new = (issuer_on(provider, side) for side in Side)
        event, where = _event(provider), provider.address
        is_of_clients = event is ProviderEvent.CLIENT_IDS
        clients = tuple(sorted(client_ids(provider, Side.AFTER) or ())) if is_of_clients else ()
        if gains := every.gained(provider):
            gained = ProviderChanged(event, new, gains, clients)
            yield finding(TRUST_WIDENED, gained, where, level=Level.WARNING)
        if lost := tuple(filter(every.is_of_plugin, every.lost(provider))):
            other = new if event is ProviderEvent.OTHER_ISSUER else ""
            evidence = ProviderChanged(event, old, lost, clients, other)
            yield finding(IDENTITY_LOST, evidence, where)
        if refused := every.refused(provider):
            evidence = ProviderChanged(ProviderEvent.NO_AUDIENCE, new, refused)
            yield finding(IDENTITY_LOST, evidence, where)


def _event(provider: Resource) -> ProviderEvent:
    before, after = (is_there(provider, side) for side in Side)
    old, new = (issuer_on(provider, side) for side in Side)
    if not (before and after):
        return ProviderEvent.CREATED if after else ProviderEvent.DELETED
    if old == new:
        return ProviderEvent.CLIENT_IDS
    return ProviderEvent.OTHER_ISSUER if new else ProviderEvent.UNKNOWN_ISSUER


_EVENTS = {
    ProviderEvent.CREATED: "is created",
    ProviderEvent.DELETED: "is deleted",
    ProviderEvent.OTHER_ISSUER: "gets another issuer",
    ProviderEvent.UNKNOWN_ISSUER: "may get another issuer, which is known after apply",
    ProviderEvent.NO_AUDIENCE: f"is new for an EKS cluster, without the client ID {AUDIENCE}",
    ProviderEvent.CLIENT_IDS: "changes its client IDs",
}


@says(ProviderChanged)
def _provider(finding: Finding, evidence: ProviderChanged) -> Saying:
    address, roles = finding.address, names_of(evidence.roles)
    what = f"{address} {_EVENTS[evidence.event]}"
    if evidence.new_issuer:
        what += f", {issuer_name(evidence.new_issuer)} instead of {issuer_name(evidence.issuer)}"
    what += f" to {', '.join(evidence.clients)}" if evidence.clients else ""
    if finding.rule is TRUST_WIDENED:
        return Saying(f"{what}: more tokens of {issuer_name(evidence.issuer)} can assume {roles}")
    is_new = evidence.event is ProviderEvent.NO_AUDIENCE
    fix = f"Keep the provider of {evidence.issuer} with {AUDIENCE} in {address}"
    fix = f"Add {AUDIENCE} to client_id_list of {address}" if is_new else fix
    can = "cannot" if is_new else "can no longer"
    return Saying(f"{what}: aws-node {can} assume {roles} through IRSA", fix=fix)
