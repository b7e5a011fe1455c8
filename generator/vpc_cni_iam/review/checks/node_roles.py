"""Nodes that get another role, or keep the name of a role that is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.report import not_proven_text
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.permissions import Open
from vpc_cni_iam.review.diff.plugin.node_roles import NodeRoleChange, node_role_changes
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import CHANGES, EVERY, LOSES, Rule, Topic
from vpc_cni_iam.review.texts.access import REACH_TEXTS, also, example_lines, part_text
from vpc_cni_iam.review.texts.names import role_text

NODE_ROLE = Rule(
    "node-role-changed",
    (Level.WARNING, Topic.CREDENTIALS, EVERY),
    summary="Nodes get another existing role.",
    help="Pods that reach the instance metadata have the permissions of the node role. aws-node has them too, unless it has its own role. It is an error if the new role allows something that the old one did not allow, and a note if it allows nothing more. The review reads the role of node groups. It also reads the roles that instance profiles, launch templates and Auto Scaling groups give instances, if the old role has a policy of the plugin. It is a warning if the plan does not show the launch template or the instance profile.",
    fix="Give the new role the policies that pods on the node use, before nodes are replaced. Give aws-node its own role, so that it does not use the node role.",
)
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
            NODE_ROLE,
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


@says(NodeRoleChange)
def _of_nodes(finding: Finding, change: NodeRoleChange) -> Saying:
    where, old, new = change.address, _roles(change.before), _roles(change.after)
    more, details = _more(change)
    if change.is_lost:
        message = f"{where} still uses {old}, which the plan deletes or renames: it "
        fix = f"Keep {old}, or name another role in {change.attribute} of {where}"
        return Saying(f"{message}gets no credentials", fix=fix)
    if not change.after:
        return Saying(f"{where} no longer uses {old}")
    if change.before:
        message = f"{where} uses {new} instead of {old}"
        fix = f"Keep {old} for {where}, or allow less in {new}"
    else:
        message = f"{where} now uses {new}"
        fix = f"Give {where} a role that allows only what it needs, instead of {new}"
    return Saying(f"{message}{more}", details, fix if finding.level is Level.ERROR else "")


def _more(change: NodeRoleChange) -> tuple[str, tuple[str, ...]]:
    """Return what the new roles allow more than the old ones, and the details."""
    reach, gain = REACH_TEXTS.get(change.reach), change.gained
    if change.made_here:
        return f"; it may be {change.made_here}, which the plan creates in the same module", ()
    match change.access:
        case NoNewAccess():
            return ", and can do nothing more", ()
        case NewAccess():
            parts = list(map(part_text, gain.parts)) if gain else []
            is_first = parts and change.reach in (Reach.LIMITED, Reach.EVERYTHING)
            first = parts.pop(0) if is_first else ""
            example = example_lines(gain.example if gain else None)
            details = (*also(parts, is_first=bool(reach)), *example)
            return f", and can now {reach or first or 'do more'}", details
        case NotProven(Open()):
            what = "whether that allows more" if change.before else "what the role allows"
            text = f"; the plan does not show {what}"
        case NotProven() as answer:
            text = f"; it is not proven that this allows nothing more ({not_proven_text(answer)})"
    return f"{text}. The role can {reach}" if reach else text, ()


def _roles(roles: Iterable[IamResource]) -> str:
    return " and ".join(map(role_text, roles)) or "no role"
