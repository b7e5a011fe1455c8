"""Policies that are larger than IAM accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.documents import PlanContent, PlanPolicy
from vpc_cni_iam.inputs.plan.account.grants import GrantKey
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.arguments import GROUP, POLICY, ROLE, USER
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy import quotas
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import Rule, Topic

SIZE_LIMIT = Rule(
    "size-limit",
    (Level.ERROR, Topic.ACCESS, ()),
    summary="A policy is larger than IAM accepts.",
    help="The limits, in characters without white space: 6,144 for a managed policy; 10,240 for all inline policies of a role together, 5,120 for those of a group, 2,048 for those of a user; and 2,048 for a trust policy, which a quota increase raises. Use wildcards for similar resources, or split the policy.",
    fix="Use wildcards for similar resources, or split the policy: a role takes 10 managed policies by default.",
)
_INLINE = {ROLE: quotas.INLINE["role"], USER: quotas.INLINE["user"], GROUP: quotas.INLINE["group"]}


class TooLarge(Struct, frozen=True):
    """A policy, or all inline policies of a principal together, are larger than IAM accepts."""

    part: GrantPart  # a trust policy, inline policies, or an attached managed policy
    size: int  # in characters, as IAM counts them
    limit: int


def check(context: Context) -> Iterator[Finding]:
    """Yield the changed policies that are larger than IAM accepts."""
    reader, accounts = context.reader, context.accounts
    for resource in reader.resources:
        if resource.type == POLICY and not resource.is_unchanged:
            content = reader.library.of(InPlan(resource.address), Side.AFTER)
            evidence = TooLarge(GrantPart.ATTACHED, _size([content]), quotas.MANAGED)
            yield from _finding(evidence, resource.address, "policy")
    for owner, grants in accounts.after.grants.items():
        if grants == accounts.before.of(owner):
            continue
        if trust := grants.get(GrantKey(GrantPart.TRUST)):
            evidence = TooLarge(GrantPart.TRUST, _size([trust.content]), quotas.TRUST)
            yield from _finding(evidence, trust.address, trust.attribute)
        inline = [g for key, g in grants.items() if key.part is GrantPart.INLINE and not g.policy]
        if inline:
            kind = owner.kind if isinstance(owner, Named | Unresolved) else ""
            address = inline[0].address
            if isinstance(owner, InPlan):
                kind, address = reader.resolver.by_address[owner.address].type, owner.address
            if kind in _INLINE:
                size = _size(grant.content for grant in inline)
                evidence = TooLarge(GrantPart.INLINE, size, _INLINE[kind])
                yield from _finding(evidence, address, subject=owner)


def _size(contents: Iterable[PlanContent]) -> int:
    return sum(content.size for content in contents if isinstance(content, PlanPolicy))


def _finding(
    evidence: TooLarge, address: str, attribute: str = "", subject: IamResource | None = None
) -> Iterator[Finding]:
    if evidence.size > evidence.limit:
        yield finding(SIZE_LIMIT, evidence, address, attribute=attribute, subject=subject)


_TOO_LARGE = {
    GrantPart.ATTACHED: "{} has",
    GrantPart.TRUST: "The trust policy of {} has",
    GrantPart.INLINE: "All inline policies of {} together have",
}


@says(TooLarge)
def _too_large(finding: Finding, large: TooLarge) -> Saying:
    has = _TOO_LARGE[large.part].format(finding.address)
    return Saying(
        f"{has} {large.size} characters without white space; IAM accepts {large.limit}",
        fix=f"Split the policy of {finding.address}, or use fewer and shorter names",
    )
