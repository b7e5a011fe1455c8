"""Sentences about who gets a role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vpc_cni_iam.inputs.plan.arguments import KINDS
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.report import example_text, not_proven_text
from vpc_cni_iam.policy.value import Absent
from vpc_cni_iam.review.account.iam_resource import IamResource, Named, Unresolved
from vpc_cni_iam.review.account.uses import UseKind
from vpc_cni_iam.review.checks.uses import WRITE_ONLY, RoleNamed, ServiceAccountRoleNotShown
from vpc_cni_iam.review.diff.permissions import Open
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.diff.uses import UseChange
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import name_of
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences.access import REACH_TEXTS, also, part_text
from vpc_cni_iam.review.rules import Level


def _of_use(finding: Finding, change: UseChange) -> Saying:
    workload, old, new = change.workload, _roles(change.before), _roles(change.after)
    more, details = _more(change)
    if change.is_lost:
        message = f"{workload} still uses {old}, which the plan deletes or renames: it "
        fix = f"Keep {old}, or name another role in {change.attribute} of {workload}"
        return Saying(f"{message}gets no credentials", fix=fix)
    if not change.before:
        verb = "gets" if change.kind is UseKind.SERVICE_ACCOUNT else "now uses"
        message = f"{_who(change)} {verb} {new}"
        fix = f"Give {workload} a role that allows only what it needs, instead of {new}"
    elif not change.after:
        return Saying(f"{_who(change)} no longer uses {old}")
    elif change.before != change.after:
        message = f"{_who(change)} uses {new} instead of {old}"
        fix = f"Keep {old} for {workload}, or allow less in {new}"
    else:
        what = "loses its" if isinstance(change.session, Absent) else "gets another"
        message = f"{_who(change)} with {new} {what} session policy"
        fix = f"Narrow the session policy of {workload}"
    return Saying(f"{message}{more}", details, fix if finding.level is Level.ERROR else "")


def _more(change: UseChange) -> tuple[str, tuple[str, ...]]:
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


def _who(change: UseChange) -> str:
    """Return who gets a role, for the start of a sentence."""
    pods = change.pods
    if pods is None:
        return change.workload
    name = pods.account.name and "/".join(filter(None, (pods.account.namespace, pods.account.name)))
    who = f"Service account {name}" if name else "A service account known after apply"
    if pods.object:  # the values of a chart need not have its name
        return f"A service account of {change.workload}"
    if pods.addon:
        who = f"Service account {name} of" if name else "The service account of"
        who += f" the add-on {pods.addon}"
    return f"{who} in cluster {pods.cluster}" if pods.cluster else who


def _roles(roles: Iterable[IamResource]) -> str:
    return " and ".join(map(_role, roles)) or "no role"


def _role(role: IamResource) -> str:
    match role:
        case Named(kind, _, name, arn) if kind in KINDS:
            return f"the role of {KINDS[kind]} {arn or name}"
        case Unresolved(place) if not place.startswith("("):
            return f"a role known after apply ({place})"
    return name_of(role)


def _not_shown(finding: Finding, shown: ServiceAccountRoleNotShown) -> Saying:
    address = finding.address
    if not shown.argument:
        return Saying(f"{address} names the role of a service account in a form that is not read")
    what = f"values in {shown.argument} that are known after apply"
    if shown.argument == WRITE_ONLY:
        what = "write-only values, which no plan shows"
    return Saying(f"{address} has {what}: a service account may get a role from them")


def _role_named(finding: Finding, named: RoleNamed) -> Saying:
    what = "the argument" if named.is_known_type else "its type"
    roles = " or ".join(map(_role, named.roles))
    message = f"{finding.address} newly names {roles}; it is not known what {what} does with a role"
    if named.reach in REACH_TEXTS:
        message += f", and the role can {REACH_TEXTS[named.reach]}"
    return Saying(message)


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    UseChange: _of_use,
    ServiceAccountRoleNotShown: _not_shown,
    RoleNamed: _role_named,
}
