"""Policies that one resource removes and another one keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vpc_cni_iam.inputs.plan.account.grants import ConflictKind, PlanGrant, known_policies
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.permissions import may_deny
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.plugin.policy import concerns_plugin
from vpc_cni_iam.review.rules import CHANGES, EVERY, GAINS, LOSES, Consequence, Rule


def check(context: Context) -> Iterator[Finding]:
    """Yield removed policies that a resource keeps or creates, and what exclusive lists remove."""
    for conflict in context.accounts.conflicts:
        grant = conflict.grant
        if grant.owner in context.accounts.deleted:
            continue
        is_unlisted = conflict.kind is ConflictKind.NOT_LISTED
        yield finding(
            Rule.EXCLUSIVE_REMOVES if is_unlisted else Rule.CONFLICT,
            conflict,
            conflict.address if is_unlisted else grant.address,
            attribute="" if is_unlisted else grant.attribute,
            subject=grant.owner,
            means=_means((grant,)),
        )
    for open_list in context.accounts.open_lists:
        policies = context.accounts.before.of(open_list.owner).items()
        grants = [grant for key, grant in policies if key.part is open_list.part]
        yield finding(
            Rule.EXCLUSIVE_REMOVES,
            open_list,
            open_list.address,
            attribute=open_list.attribute,
            subject=open_list.owner,
            # Policies from elsewhere may be anything.
            means=EVERY if open_list.is_created else _means(grants),
        )


def _means(removed: Collection[PlanGrant]) -> tuple[Consequence, ...]:
    """Return which kinds of --fail-on grants fail that may be removed or kept."""
    known = [*map(concerns_plugin, known_policies(removed))]
    gains = GAINS if any(map(may_deny, removed)) else CHANGES
    return (*gains, *LOSES) if any(known) or len(known) < len(removed) else gains
