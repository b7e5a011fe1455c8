"""OIDC providers that are created, deleted or changed, and the roles that trust them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.catalog.trust import issuer as issuer_of
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.issuers import Platform, platform_of
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known, Unknown, Value
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.resolve import is_there
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin_roles import is_plugins
from vpc_cni_iam.review.diff.trust import Trusted, trust_of, trusted_by
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Consequence, Level, Rule

_TYPE = "aws_iam_openid_connect_provider"
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
    providers = [r for r in context.filler.resources if r.type == _TYPE]
    changed = [r for r in providers if r.actions != ("no-op",) and "forget" not in r.actions]
    if not changed:
        return
    issuers = {side: {_issuer(r, side) for r in providers} for side in Side}
    roles = _Roles(context)
    for provider in changed:
        yield from _Provider(provider, issuers, roles).findings()


class _Roles:
    """The roles of a plan by the issuers that they trust."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._trusted: dict[str, dict[IamResource, list[Trusted]]] = {}
        for role in context.accounts.principals:
            if context.accounts.after.one(role, Part.TRUST) is None:
                continue
            policy = trust_of(context, role, Side.AFTER) or trust_of(context, role, Side.BEFORE)
            for trusted in trusted_by(policy) if policy else ():
                if trusted.issuer:
                    by_role = self._trusted.setdefault(trusted.issuer, {})
                    by_role.setdefault(role, []).append(trusted)

    def trusting(self, issuer: str) -> dict[IamResource, list[Trusted]]:
        """Return who trusts an issuer, with what each role asks of its tokens."""
        return self._trusted.get(issuer, {}) if issuer else {}


class _Provider(Struct, frozen=True):
    """A provider that changes, beside all issuers on each side."""

    resource: Resource
    issuers: dict[Side, set[str]]
    roles: _Roles

    def findings(self) -> Iterator[Finding]:
        """Yield what the change means for roles."""
        before, after = (is_there(self.resource, side) for side in Side)
        old, new = (_issuer(self.resource, side) for side in Side)
        if not before:
            yield from self._created(ProviderEvent.CREATED, new)
        elif not after:
            if not old or old not in self.issuers[Side.AFTER]:
                yield from self._lost(
                    ProviderChanged(ProviderEvent.DELETED, old), self._trusting(old)
                )
        elif not new:
            yield from self._lost(
                ProviderChanged(ProviderEvent.UNKNOWN_ISSUER, old), self._trusting(old)
            )
        elif old != new:
            yield from self._lost(
                ProviderChanged(ProviderEvent.OTHER_ISSUER, old), self._trusting(old)
            )
            yield from self._created(ProviderEvent.OTHER_ISSUER, new)
        else:
            yield from self._client_ids(old)
            if one(self.resource, "thumbprint_list", Side.BEFORE) != one(
                self.resource, "thumbprint_list", Side.AFTER
            ):
                yield self._thumbprints(old)

    def _trusting(self, issuer: str) -> tuple[IamResource, ...]:
        return tuple(self.roles.trusting(issuer))

    def _created(self, event: ProviderEvent, issuer: str) -> Iterator[Finding]:
        created = self.roles.context.accounts.created
        gains = tuple(role for role in self._trusting(issuer) if role not in created)
        if gains and issuer not in self.issuers[Side.BEFORE]:
            yield self._found(ProviderChanged(event, issuer, gains), means=_EVERY)

    def _no_longer_taken(self, event: ProviderEvent, issuer: str) -> Iterator[Finding]:
        return self._lost(ProviderChanged(event, issuer), self._trusting(issuer))

    def _lost(self, change: ProviderChanged, roles: tuple[IamResource, ...]) -> Iterator[Finding]:
        """Yield which roles can no longer be assumed; tokens for an added client ID are taken."""
        context, means = self.roles.context, _EVERY if change.added else None
        own = tuple(role for role in roles if _has_by_tokens(context, role))
        others = tuple(role for role in roles if role not in own)
        if own:
            yield self._found(replace(change, loses=own), Rule.IDENTITY_LOST, means=means)
        if others or not own:
            yield self._found(replace(change, loses=others), means=means)

    def _client_ids(self, issuer: str) -> Iterator[Finding]:
        before, after = (one(self.resource, "client_id_list", side) for side in Side)
        if before == after or (isinstance(after, Known) and {*_texts(before)} == {*_texts(after)}):
            return
        if not isinstance(after, Known | Absent):
            event = ProviderEvent.UNKNOWN_CLIENT_IDS
            yield self._found(ProviderChanged(event, issuer), means=_EVERY)
            return
        old, new = _texts(before), _texts(after)
        added = tuple(client for client in new if client not in old)
        removed = tuple(client for client in old if client not in new)
        lost = tuple(
            role
            for role, trusted in self.roles.trusting(issuer).items()
            if _takes(trusted, old) and not _takes(trusted, new)
        )
        ids = ProviderChanged(ProviderEvent.CLIENT_IDS, issuer, added=added, removed=removed)
        yield from self._lost(ids, lost)

    def _thumbprints(self, issuer: str) -> Finding:
        """Return that thumbprints change, which AWS does not use for EKS.

        Source: IAM User Guide, "Obtain the thumbprint for an OpenID Connect identity provider".
        """
        is_eks = platform_of(issuer, ()) is Platform.KUBERNETES
        change = ProviderChanged(ProviderEvent.THUMBPRINTS, issuer, is_eks=is_eks)
        return self._found(change, level=Level.NOTE if is_eks else None)

    def _found(
        self,
        evidence: ProviderChanged,
        rule: Rule = Rule.PROVIDER_CHANGED,
        *,
        level: Level | None = None,
        means: tuple[Consequence, ...] | None = None,
    ) -> Finding:
        return finding(rule, evidence, self.resource.address, level=level, means=means)


def _has_by_tokens(context: Context, role: IamResource) -> bool:
    """Say whether a role is aws-node's, and not by EKS Pod Identity alone."""
    identities = context.service_account_roles.get(role)
    return is_plugins(context, role) and (not identities or Identity.irsa in identities)


def _takes(trusted: list[Trusted], audiences: tuple[str, ...]) -> bool:
    """Say whether a role takes tokens for one of some audiences."""
    asked: set[str] = set()
    for each in trusted:
        is_kubernetes = each.platform is Platform.KUBERNETES
        asked |= set(map(str, each.audiences)) or {AUDIENCE if is_kubernetes else "*"}
    return any(wildcard.matches(pattern, name) for pattern in asked for name in audiences)


def _texts(value: Value) -> tuple[str, ...]:
    listed = value.value if isinstance(value, Known) else ()
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


def _issuer(provider: Resource, side: Side) -> str:
    """Return the issuer of a provider without https://; empty where it is not known."""
    if not is_there(provider, side):
        return ""
    if isinstance(one(provider, "url", side), Unknown):
        return ""
    url = text(provider, "url", side)
    return url.removeprefix("https://") or issuer_of(text(provider, "arn", side))
