"""Nodes that get another role, or keep the name of a role that is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.node_roles import NodeRoleChange, node_role_changes
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import CHANGES, LOSES, Rule

# The level, by the answer to whether the new role allows more.
_LEVELS: Mapping[type, Level] = {
    NewAccess: Level.ERROR,
    NotProven: Level.WARNING,
    NoNewAccess: Level.NOTE,
}


def check(context: Context) -> Iterator[Finding]:
    """Yield the nodes that get another role."""
    for change in node_role_changes(context):
        is_less = change.before and isinstance(change.access, NoNewAccess)
        means = LOSES if change.is_lost else CHANGES if is_less else None
        yield finding(
            Rule.NODE_ROLE,
            change,
            change.address,
            attribute=change.attribute,
            level=_level(change),
            means=means,
        )


def _level(change: NodeRoleChange) -> Level:
    level = _LEVELS[type(change.access)] if change.before else Level.WARNING
    is_far = change.reach > Reach.LIMITED and not (change.before and level is Level.NOTE)
    if change.made_here:
        return Level.NOTE
    return Level.ERROR if is_far or change.is_lost else level
