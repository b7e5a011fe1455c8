"""Sentences about conflicts between resources, about clusters, sizes, and new ARNs and IDs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.grants import Conflict, ConflictKind, OpenList, PlanGrant
from vpc_cni_iam.review.checks.arns import IdentityChanged
from vpc_cni_iam.review.checks.clusters import GoneWithOther, MadeTwice, NotInstalled
from vpc_cni_iam.review.checks.sizes import TooLarge
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.plugin.state import NodePart
from vpc_cni_iam.review.report.names import name_of
from vpc_cni_iam.review.report.saying import Saying


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
        "Write a moved block, if the resource only has a new address",
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


def _conflict(_: Finding, conflict: Conflict) -> Saying:
    grant, policy = conflict.grant, _policy(conflict.grant)
    name = name_of(grant.policy) if grant.policy else grant.key.name
    of = policy, conflict.address, grant.address, name
    message, fix = (text.format(*of) for text in _CONFLICTS[conflict.kind])
    if conflict.kind is ConflictKind.NOT_LISTED and conflict.is_kept:
        message += f", although {grant.address} keeps or creates it"
    if grant.is_open and not conflict.is_kept:
        message += ". The plan does not show the document, which may have a Deny"
    return Saying(message, fix=fix)


def _made_twice(finding: Finding, twice: MadeTwice) -> Saying:
    message = f"{finding.address} is created, and is the same object in AWS as {twice.other}: AWS "
    message += f"refuses the creation, or the deletion of {twice.other} removes the new object"
    return Saying(message, fix=f"Write a moved block from {twice.other} to {finding.address}")


def _gone_with_other(finding: Finding, gone: GoneWithOther) -> Saying:
    done, fix = ("replaced", "Replace") if gone.is_replaced else ("deleted", "Delete")
    names = first_of(gone.addresses)
    message = f"{finding.address} is {done}. That also deletes {names}, which the plan keeps"
    if gone.keeping:
        message = f"{finding.address} is {done}, but EKS does not delete it while it has node "
        message += f"groups or Fargate profiles: the plan keeps {first_of(gone.keeping)}"
    own = f"Write a removed block that only forgets {finding.address}"
    return Saying(message, fix=f"{fix} in the same plan: {names}" if gone.is_cluster else own)


_NOT_INSTALLED = {
    NodePart.PLUGIN: "{} is created with bootstrap_self_managed_addons = false, and nothing in the "
    "plan installs the plugin: nodes stay NotReady without it",
    NodePart.AGENT: "{} is created, and the plan does not install eks-pod-identity-agent in it: "
    "without the agent on its nodes, aws-node gets no credentials from EKS Pod Identity",
}


def _not_installed(finding: Finding, missing: NotInstalled) -> Saying:
    return Saying(_NOT_INSTALLED[missing.part].format(finding.address))


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


_TOO_LARGE = {
    GrantPart.ATTACHED: "{} has",
    GrantPart.TRUST: "The trust policy of {} has",
    GrantPart.INLINE: "All inline policies of {} together have",
}


def _too_large(finding: Finding, large: TooLarge) -> Saying:
    has = _TOO_LARGE[large.part].format(finding.address)
    return Saying(
        f"{has} {large.size} characters without white space; IAM accepts {large.limit}",
        fix=f"Split the policy of {finding.address}, or use fewer and shorter names",
    )


def _identity(finding: Finding, change: IdentityChanged) -> Saying:
    address = finding.address
    who = f"{address}, a node role," if change.is_node else address
    who = f"{address}, a role of aws-node," if change.is_plugin else who
    if change.is_renamed:
        before = change.before or "an ARN that the plan does not show"
        after = change.after or "an ARN that is known after apply"
        message = f"{who} gets a new ARN: {before} becomes {after}. References to the old ARN "
        fix = f"Keep the name and path of {address}, or update all references to its ARN"
        return Saying(f"{message}outside of the plan no longer work", fix=fix)
    moved = "" if change.address == address else f" instead of {change.address}"
    same = f"with the ARN {change.before}" if change.before else "under its name"
    message = f"{address} is created again{moved} {same} and a new ID. Trust policies and access "
    fix = "Write a moved block" if moved else ""
    if change.is_node:
        fix = f"{fix or 'Keep the role'}, or replace the access entry of the role in this plan"
    return Saying(f"{message}entries that name it are broken until they are created again", fix=fix)


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    Conflict: _conflict,
    GoneWithOther: _gone_with_other,
    MadeTwice: _made_twice,
    NotInstalled: _not_installed,
    OpenList: _list_not_shown,
    TooLarge: _too_large,
    IdentityChanged: _identity,
}
