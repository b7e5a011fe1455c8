"""Policies that are larger than IAM takes."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import GROUP, POLICY, ROLE, USER, Part
from vpc_cni_iam.policy import quotas
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import Grant, GrantKey
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Rule

_INLINE = {ROLE: quotas.INLINE["role"], USER: quotas.INLINE["user"], GROUP: quotas.INLINE["group"]}


class TooLarge(Struct, frozen=True):
    """A policy, or all inline policies of a principal together, are larger than IAM takes."""

    part: Part  # a trust policy, inline policies, or what is attached: a managed policy
    size: int  # in characters, as IAM counts them
    limit: int


def check(context: Context) -> Iterator[Finding]:
    """Yield the policies that change and are larger than IAM takes."""
    filler, accounts = context.filler, context.accounts
    for resource in filler.resources:
        if resource.type == POLICY and resource.actions != ("no-op",):
            content = filler.library.of(InPlan(resource.address), Side.AFTER)
            if isinstance(content, Document) and content.size > quotas.MANAGED:
                evidence = TooLarge(Part.ATTACHMENT, content.size, quotas.MANAGED)
                address = resource.address
                yield finding(Rule.SIZE_LIMIT, evidence, address, attribute="policy")
    for owner, grants in accounts.after.grants.items():
        if grants != accounts.before.of(owner):
            yield from _of_principal(owner, grants)


def _of_principal(owner: IamResource, grants: dict[GrantKey, Grant]) -> Iterator[Finding]:
    trust = grants.get(GrantKey(Part.TRUST))
    if trust and isinstance(trust.content, Document) and trust.content.size > quotas.TRUST:
        evidence = TooLarge(Part.TRUST, trust.content.size, quotas.TRUST)
        yield finding(Rule.SIZE_LIMIT, evidence, trust.address, attribute=trust.attribute)
    inline = [
        g.content.size
        for key, g in grants.items()
        if key.part is Part.PERMISSIONS and not g.policy and isinstance(g.content, Document)
    ]
    kind = owner.kind if isinstance(owner, Named) else ""
    if isinstance(owner, InPlan):
        kind = next((kind for kind in _INLINE if kind in owner.address.split(".")), "")
    limit = _INLINE.get(kind, 0)
    if limit and sum(inline) > limit:
        evidence = TooLarge(Part.PERMISSIONS, sum(inline), limit)
        address = (
            owner.address if isinstance(owner, InPlan) else next(iter(grants.values())).address
        )
        yield finding(Rule.SIZE_LIMIT, evidence, address, subject=owner)
