"""Policies that one resource removes and another one keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.grants import (
    Conflict,
    ConflictKind,
    OpenList,
    PlanGrant,
    known_policies,
)
from vpc_cni_iam.inputs.plan.plugin.policy import concerns_plugin
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.permissions import may_deny
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import CHANGES, EVERY, GAINS, LOSES, Consequence, Rule, Topic
from vpc_cni_iam.review.texts.names import name_of

CONFLICT = Rule(
    "conflict",
    (Level.WARNING, Topic.ACCESS, CHANGES),
    summary="One resource removes what another resource keeps or creates.",
    help="Two resources manage the same attachment, inline policy or other object. If one of them removes it, it is gone for both. If they write different documents, IAM keeps the last one. Use a `moved` block if a resource only has a new address. A replaced role starts without its policies: refer to it as `aws_iam_role.NAME.id`, so that the plan creates its policies again. EKS deletes a cluster together with its add-ons, Pod Identity associations and access entries, and does not delete a cluster that has node groups or Fargate profiles: replace or delete them all in the same plan. AWS refuses to create an add-on, an association, an access entry, a node group, an OIDC provider or a cluster that already exists under another address.",
    fix="Keep one resource for each attachment or inline policy. Use a `moved` block to rename it, or a `removed` block to forget the second one.",
)
EXCLUSIVE_REMOVES = Rule(
    "exclusive-removes",
    (Level.WARNING, Topic.ACCESS, CHANGES),
    summary="An exclusive resource removes an inline policy or an attachment that its list does not name.",
    help="At apply, the role loses every policy that the list does not name, including policies from other stacks. Add the policies that must stay to the list. A new list for an existing role, user or group is a warning, because no plan shows what other stacks gave it. `aws_iam_policy_attachment` detaches its policy from everything that it does not name, in the whole account.",
    fix="Add the policies that must stay to the list. To let other configurations attach policies to the role, do not use an exclusive resource.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield removed policies that a resource keeps or creates, and what exclusive lists remove."""
    for conflict in context.accounts.conflicts:
        grant = conflict.grant
        if grant.owner in context.accounts.deleted:
            continue
        is_unlisted = conflict.kind is ConflictKind.NOT_LISTED
        yield finding(
            EXCLUSIVE_REMOVES if is_unlisted else CONFLICT,
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
            EXCLUSIVE_REMOVES,
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


def _policy(grant: PlanGrant) -> str:
    """Return the name of a grant in a sentence."""
    owner = name_of(grant.owner)
    if grant.key.part is GrantPart.GROUP and grant.policy:
        return f"the membership of {owner} in {name_of(grant.policy)}"
    if grant.policy:
        return f"{name_of(grant.policy)} of {owner}"
    return f"the inline policy {grant.key.name} of {owner}"


# The message and the fix. 0: the policy; 1: the resource that removes it; 2: the resource that
# keeps or creates it; 3: the name for a list.
_CONFLICTS = {
    ConflictKind.PRINCIPAL_REPLACED: (
        "{1} is replaced, which removes {0}. {2} is not replaced, so the plan does not create it "
        "again",
        "In {2}, refer to the role by its id",
    ),
    ConflictKind.DELETED_ELSEWHERE: (
        "{1} removes {0}, and {2} keeps or creates it: the plan does not say which comes last",
        "Write a moved block from {1} to {2}, if the resource only has a new address",
    ),
    ConflictKind.NOT_LISTED: (
        "{1} removes {0}, which its list does not name",
        "Add {3} to the list of {1}",
    ),
    ConflictKind.WRITTEN_TWICE: (
        "{1} and {2} write {0} differently: the plan does not say which comes last",
        "Give the policies different names",
    ),
}


@says(Conflict)
def _conflict(_: Finding, conflict: Conflict) -> Saying:
    grant = conflict.grant
    message, fix = _texts(conflict)
    if conflict.kind is ConflictKind.NOT_LISTED and conflict.is_kept:
        message += f", although {grant.address} keeps or creates it"
    if grant.is_open and not conflict.is_kept:
        message += ". The plan does not show the document, which may have a Deny"
    return Saying(message, fix=fix)


def conflict_fix(conflict: Conflict) -> str:
    """Return how to keep a policy that another resource removes."""
    return _texts(conflict)[1]


def _texts(conflict: Conflict) -> tuple[str, str]:
    grant = conflict.grant
    name = name_of(grant.policy) if grant.policy else grant.key.name
    of = _policy(grant), conflict.address, grant.address, name
    message, fix = (text.format(*of) for text in _CONFLICTS[conflict.kind])
    return message, fix


@says(OpenList)
def _list_not_shown(finding: Finding, open_list: OpenList) -> Saying:
    noun = "inline policies" if open_list.part is GrantPart.INLINE else "attachments"
    owner, address = name_of(open_list.owner), finding.address
    message = f"{address} has a new exclusive list: it removes all other {noun} of {owner}. The "
    message += "plan does not show them"
    if open_list.part is None:
        message = f"{address} is created, and detaches {owner} from everything that it does not "
        message += f"name. The plan does not show who else has {owner}"
    elif not open_list.is_created:
        message = f"The plan does not show which {noun} {owner} keeps. The others are removed"
    return Saying(message)
