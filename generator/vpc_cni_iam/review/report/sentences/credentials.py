"""Sentences about who gets a role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, Named, Unresolved
from vpc_cni_iam.inputs.plan.arguments import KINDS
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.report import example_text, not_proven_text
from vpc_cni_iam.review.checks.named_roles import AdminRoleNamed
from vpc_cni_iam.review.diff.permissions import Open
from vpc_cni_iam.review.diff.plugin.node_roles import NodeRoleChange
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import name_of
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences.access import REACH_TEXTS, also, part_text


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
            first = (
                parts.pop(0) if parts and change.reach in (Reach.LIMITED, Reach.EVERYTHING) else ""
            )
            details = [*also(parts, is_first=bool(reach))]
            if gain and gain.example:
                details.append(f"example: {example_text(gain.example)}")
            return f", and can now {reach or first or 'do more'}", tuple(details)
        case NotProven(Open()):
            what = "whether that allows more" if change.before else "what the role allows"
            text = f"; the plan does not show {what}"
        case NotProven() as answer:
            text = f"; it is not proven that this allows nothing more ({not_proven_text(answer)})"
    return f"{text}. The role can {reach}" if reach else text, ()


def _roles(roles: Iterable[IamResource]) -> str:
    return " and ".join(map(_role, roles)) or "no role"


def _role(role: IamResource) -> str:
    match role:
        case Named(kind, _, name, arn) if kind in KINDS:
            return f"the role of {KINDS[kind]} {arn or name}"
        case Unresolved(place) if not place.startswith("("):
            return f"a role known after apply ({place})"
    return name_of(role)


def _role_named(finding: Finding, named: AdminRoleNamed) -> Saying:
    roles = " and ".join(map(_role, named.roles))
    return Saying(f"{finding.address} newly names {roles}, which can {REACH_TEXTS[named.reach]}")


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    NodeRoleChange: _of_nodes,
    AdminRoleNamed: _role_named,
}
