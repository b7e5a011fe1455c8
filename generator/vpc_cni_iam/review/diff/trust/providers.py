"""The OIDC providers of a plan, and the roles that their tokens can assume."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.catalog.trust import issuer as issuer_of
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.account.resolve import is_there
from vpc_cni_iam.inputs.plan.arguments import CLUSTER, OIDC_PROVIDER
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.issuers import Platform
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.plugin.roles import is_plugins, service_account_roles
from vpc_cni_iam.review.diff.trust.roles import trust_of
from vpc_cni_iam.review.diff.trust.trusted import Trusted, trusted_by


class Providers:
    """The roles of a plan by their trusted issuers, and the providers of these issuers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        every = (*context.reader.resources, *context.reader.deposed)
        providers = [r for r in every if r.type == OIDC_PROVIDER]
        self.changed = [r for r in providers if not (r.is_unchanged or r.is_forgotten)]
        self.by_issuer: dict[Side, dict[str, list[Resource]]] = {side: {} for side in Side}
        for side, provider in product(Side, providers):
            if issuer := issuer_on(provider, side):
                self.by_issuer[side].setdefault(issuer, []).append(provider)
        self._trusted: dict[str, dict[IamResource, list[Trusted]]] = defaultdict(dict)
        for role in context.accounts.principals if self.changed else ():
            if context.accounts.after.one(role, GrantPart.TRUST) is None:
                continue
            policy = trust_of(context, role, Side.AFTER) or trust_of(context, role, Side.BEFORE)
            for trusted in trusted_by(policy) if policy else ():
                if trusted.issuer:
                    self._trusted[trusted.issuer].setdefault(role, []).append(trusted)

    def roles(self, issuer: str, side: Side, provider: Resource) -> tuple[IamResource, ...]:
        """Return the roles that tokens can assume with a provider, or another in its place."""
        providers = self.by_issuer[side].get(issuer, [])
        own = [provider] if provider in providers else providers
        by_role = self._trusted.get(issuer, {})
        return tuple(r for r, t in by_role.items() if any(_takes(t, p, side) for p in own))

    def lost(self, provider: Resource) -> tuple[IamResource, ...]:
        """Return the roles that the tokens of a provider's issuer can no longer assume."""
        if self._is_gone_with_cluster(provider):
            return ()
        issuer = issuer_on(provider, Side.BEFORE)
        before, after = (self.roles(issuer, side, provider) for side in Side)
        return tuple(role for role in before if role not in after)

    def gained(self, provider: Resource) -> tuple[IamResource, ...]:
        """Return the existing roles that tokens of a provider can newly assume."""
        issuer, created = issuer_on(provider, Side.AFTER), self._context.accounts.created
        before = self.by_issuer[Side.BEFORE].get(issuer, [])
        old = frozenset(client for p in before for client in client_ids(p, Side.BEFORE) or ())
        new = client_ids(provider, Side.AFTER)
        if new is not None:
            new -= old
        by_role = self._trusted.get(issuer, {}).items()
        gains = (role for role, trusted in by_role if _accepts(trusted, new))
        return tuple(role for role in gains if role not in created)

    def _is_gone_with_cluster(self, provider: Resource) -> bool:
        """Return whether a provider is deleted with its cluster, so that nobody has its tokens."""
        clusters = self._clusters(provider) if provider.actions == ("delete",) else []
        return bool(clusters) and all(cluster.actions == ("delete",) for cluster in clusters)

    def refused(self, provider: Resource) -> tuple[IamResource, ...]:
        """Return the roles of aws-node that trust a new issuer whose tokens no provider accepts.

        Source: Amazon EKS User Guide, "Create an IAM OIDC provider for your cluster".
        """
        clients = client_ids(provider, Side.AFTER)
        before, issuer = (issuer_on(provider, side) for side in Side)
        if clients is None or AUDIENCE in clients or (before and before == issuer):
            return ()
        taken = self.roles(issuer, Side.AFTER, provider)
        roles = (role for role in self._trusted.get(issuer, ()) if role not in taken)
        return tuple(filter(self.is_of_plugin, roles))

    def _clusters(self, provider: Resource) -> list[Resource]:
        """Return the clusters of the plan whose issuer a provider has."""
        reader = self._context.reader
        referred, _ = reader.resolver.references(provider, ("url",))
        issuers = {f"https://{issuer_on(provider, side)}" for side in Side}
        path = "identity.*.oidc.*.issuer"
        return [
            c
            for c in (r for r in reader.resources if r.type == CLUSTER)
            if c in referred or not issuers.isdisjoint(text(c, path, side) for side in Side)
        ]

    def is_of_plugin(self, role: IamResource) -> bool:
        """Return whether a role is aws-node's, and not only through EKS Pod Identity."""
        identities = service_account_roles(self._context).get(role)
        return is_plugins(self._context, role) and (not identities or Identity.irsa in identities)


@fact
def providers(context: Context) -> Providers:
    """Return the OIDC providers, and the roles that their tokens can assume."""
    return Providers(context)


@fact
def roles_without_provider(context: Context) -> frozenset[IamResource]:
    """Return the roles of aws-node for whose tokens there is no OIDC provider any longer."""
    every = providers(context)
    lost = {role for each in every.changed for role in every.lost(each)}
    refused = (role for each in every.changed for role in every.refused(each))
    return frozenset((*filter(every.is_of_plugin, lost), *refused))


def has_new_issuer(context: Context) -> bool:
    """Return whether the plan creates an OIDC provider, as for a new cluster."""
    return any(r.type == OIDC_PROVIDER and r.before is None for r in context.reader.resources)


def _takes(trusted: list[Trusted], provider: Resource, side: Side) -> bool:
    """Return whether a role accepts tokens for a client ID of a provider; true if unknown."""
    clients = client_ids(provider, side)
    asked: set[str] = set()
    for each in trusted:
        is_kubernetes = each.platform is Platform.KUBERNETES
        asked |= set(map(str, each.audiences)) or {AUDIENCE if is_kubernetes else "*"}
    return clients is None or any(wildcard.matches(a, client) for a in asked for client in clients)


def _accepts(trusted: list[Trusted], clients: frozenset[str] | None) -> bool:
    """Return whether a role accepts tokens for one of some client IDs; true if they are unknown."""
    asked = {str(audience) for each in trusted for audience in each.audiences or ("*",)}
    return clients is None or any(wildcard.matches(a, client) for a in asked for client in clients)


def client_ids(provider: Resource, side: Side) -> frozenset[str] | None:
    """Return the client IDs of a provider; None if they are unknown."""
    value = one(provider, "client_id_list", side)
    if isinstance(value, Known) and isinstance(value.value, list):
        return frozenset(map(str, value.value))
    return None if isinstance(value, Unknown | Sensitive) else frozenset()


def issuer_on(provider: Resource, side: Side) -> str:
    """Return the issuer of a provider without https://; empty if it is unknown."""
    if not is_there(provider, side) or isinstance(one(provider, "url", side), Unknown):
        return ""
    url = text(provider, "url", side)
    return url.removeprefix("https://") or issuer_of(text(provider, "arn", side))
