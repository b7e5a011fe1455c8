"""Changes of OIDC providers and of the EKS Pod Identity Agent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.account.attribute_value import flagged
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff import trust
from vpc_cni_iam.review.findings import MEANINGS, Finding, Meaning, rule
from vpc_cni_iam.review.make_finding import finding

rule(
    "oidc-provider-changed",
    "warning",
    "coverage-lost any-change",
    "An OIDC provider by which roles are assumed is made, deleted or changed.",
    "Roles that trust the provider can be assumed as long as it is there and has "
    "`sts.amazonaws.com` among its client ids. AWS uses thumbprints only for issuers whose "
    "certificate no public authority signed, which is not so of EKS: a change of them is a note. "
    "A provider or a client id that comes counts for new-access, too.",
)
_TYPE = "aws_iam_openid_connect_provider"


def check(context: Context) -> Iterator[Finding]:
    """Yield OIDC providers that come, go, or change, and what aws-node loses by others."""
    yield from _plugins(context)
    providers = [
        r for r in context.plan.resources if r.type == _TYPE and r.mode == "managed" and not r.drift
    ]
    for provider in providers:
        yield from _provider(provider, providers, context)


def _plugins(context: Context) -> Iterator[Finding]:
    """Yield where aws-node loses its agent, or the OIDC issuer of its cluster."""
    for plugin, change in context.clusters:
        if plugin.goes:
            continue
        kind, roles = change.after.kind, change.after.roles
        if plugin.agent and kind == "pod-identity":
            message = (
                f"{plugin.agent} is deleted: without the EKS Pod Identity Agent aws-node gets "
            )
            message += f"no credentials of {' and '.join(roles)}"
            yield finding("plugin-identity-lost", message, plugin.agent)
        for role in roles if plugin.anew and kind == "irsa" else ():
            has = context.effective.by_principal.get(role)
            # What is known before apply cannot be the issuer of a cluster that is made then.
            if has and has.trust and has.trust.exact and trust.trusts_plugin(has.trust.exact):
                message = f"{plugin.cluster} is replaced and gets another OIDC issuer, which the "
                message += f"trust policy of {role} does not name"
                yield finding("plugin-identity-lost", message, role)


def _provider(provider: Resource, providers: list[Resource], context: Context) -> Iterator[Finding]:
    before, after = provider.before, provider.after
    if before is None:
        yield from _comes(provider, f"{provider.address} is new", providers, context)
    if before is None or action_of(provider) == "forget":
        return
    issuer = _issuer(before)
    if after is None:
        if not (issuer and any(_issuer(other.after) == issuer for other in providers)):
            yield from _barred(provider, f"{provider.address} is deleted", context)
    elif flagged(provider.unknown, "url"):
        yield from _barred(provider, f"the issuer of {provider.address} may change", context)
    elif issuer != _issuer(after):
        why = f"{provider.address} is for another issuer"
        yield from _barred(provider, why, context)
        yield from _comes(provider, why, providers, context)
    else:
        yield from _client_ids(provider, _clients(before), _clients(after), context)
        if before.get("thumbprint_list") != after.get("thumbprint_list"):
            yield _thumbprints(provider, issuer)


def _comes(
    provider: Resource, why: str, providers: list[Resource], context: Context
) -> Iterator[Finding]:
    """Yield which roles that are there can be assumed by tokens of an issuer that comes."""
    issuer = _issuer(provider.after)
    known = {_issuer(other.before) for other in providers}
    roles = [name for name in _trusting(provider, issuer, context) if name not in context.created]
    if issuer and issuer not in known and roles:
        message = f"{why}: service accounts that {' and '.join(roles)} "
        message += f"{'trusts' if len(roles) == 1 else 'trust'} can assume the role from now on"
        yield finding("oidc-provider-changed", message, provider.address, means=MEANINGS)


def _client_ids(
    provider: Resource, before: list[Any], after: list[Any], context: Context
) -> Iterator[Finding]:
    if flagged(provider.unknown, "client_id_list"):
        yield _changed(provider, "client ids of it are known after apply", MEANINGS)
    elif AUDIENCE in before and AUDIENCE not in after:
        yield from _barred(provider, f"{provider.address} no longer has {AUDIENCE}", context)
    else:
        added = [f"+ {client}" for client in after if client not in before]
        removed = [f"- {client}" for client in before if client not in after]
        # Tokens for an audience that comes are accepted from then on.
        means: tuple[Meaning, ...] | None = MEANINGS if added else None
        if added or removed:
            yield _changed(provider, f"its client ids: {', '.join(added + removed)}", means)


def _thumbprints(provider: Resource, issuer: str) -> Finding:
    eks = ".eks.amazonaws.com" in issuer or issuer.startswith("oidc.eks.")
    message = "The thumbprints of the provider change"
    message += "; AWS does not use those of EKS" if eks else ""
    return finding(
        "oidc-provider-changed", message, provider.address, level="note" if eks else None
    )


def _changed(provider: Resource, what: str, means: tuple[Meaning, ...] | None) -> Finding:
    message = f"{provider.address} changes: {what}"
    return finding("oidc-provider-changed", message, provider.address, means=means)


def _barred(provider: Resource, why: str, context: Context) -> Iterator[Finding]:
    """Yield which roles can no longer be assumed by tokens of a provider."""
    roles = _trusting(provider, _issuer(provider.before), context)
    plugins = [name for name in roles if _is_plugins(name, context)]
    if plugins:
        message = f"{why}: aws-node can no longer assume {' and '.join(plugins)} by IRSA"
        yield finding("plugin-identity-lost", message, provider.address)
    others = [name for name in roles if name not in plugins]
    if others or not plugins:
        what = (
            f"no service account can assume {', '.join(others)} by it"
            if others
            else ("the plan shows no role that trusts it")
        )
        message = f"{why}: {what}"
        yield finding("oidc-provider-changed", message, provider.address)


def _is_plugins(name: str, context: Context) -> bool:
    has = context.effective.by_principal[name]
    identities = {role for plugin, _ in context.clusters for role in plugin.before.identity.roles}
    trusted = has.trust.judged if has.trust else None
    return name in identities or bool(trusted and trust.trusts_plugin(trusted))


def _trusting(provider: Resource, issuer: str, context: Context) -> list[str]:
    """Return the roles that trust a provider."""
    return sorted(
        name
        for name, has in context.effective.by_principal.items()
        if has.trust and has.trust.judged and _trusts(has.trust.judged, provider, issuer)
    )


def _trusts(policy: Policy, provider: Resource, issuer: str) -> bool:
    # In what stands for an ARN that is known after apply.
    reference = re.compile(rf" {re.escape(provider.address)}[.,)]")
    return any(
        identifier.endswith(f":oidc-provider/{issuer}") or reference.search(identifier)
        for statement in policy.statements
        if statement.effect == "Allow"
        for principal in statement.principals
        for identifier in principal.identifiers
    )


def _clients(values: Mapping[str, Any]) -> list[Any]:
    clients = values.get("client_id_list")
    return clients if isinstance(clients, list) else []


def _issuer(values: Mapping[str, Any] | None) -> str:
    """Return the issuer of a provider without https://; empty where it is not known."""
    url, arn = (str((values or {}).get(name) or "") for name in ("url", "arn"))
    return url.removeprefix("https://") or arn.partition(":oidc-provider/")[2]
