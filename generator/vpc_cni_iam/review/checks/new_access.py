"""Principals that can do something new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.known_documents import KnownDocument
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.diff import (
    ConditionChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
)
from vpc_cni_iam.policy.document import Statement
from vpc_cni_iam.policy.proof.answer import NewAccess
from vpc_cni_iam.review.diff.harm import GainedPart, by_harm
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, Saying, says
from vpc_cni_iam.review.rules import GAINS, Rule, Topic
from vpc_cni_iam.review.texts.access import (
    MOST_ACTIONS,
    REACH_TEXTS,
    also,
    example_lines,
    listed,
    part_text,
)
from vpc_cni_iam.review.texts.names import conjugate, name_of, names_of

ADMIN = Rule(
    "admin-attached",
    (Level.ERROR, Topic.ACCESS, GAINS),
    summary="A role, user or group gains full access, or can newly change IAM permissions.",
    help="An inline policy, an attachment such as AdministratorAccess, or a changed policy gives this access. A principal that can change IAM permissions can give itself any access. Attach a policy that allows only the actions that the principal needs.",
    fix="Attach a policy that allows only the actions that the principal calls. If it must administer the account, ignore the finding for this one address, with the reason.",
)
NEW_ACCESS = Rule(
    "new-access",
    (Level.ERROR, Topic.ACCESS, GAINS),
    summary="A changed policy allows something that was not allowed before.",
    help="The finding shows the new actions, resources and conditions, and an example request that is newly allowed. An evaluator of IAM's logic checks the request against both policies. Remove the action if nothing needs it. If another policy of the principal already allowed the same, the finding is a note.",
    fix="Remove the action, or narrow its resources and conditions. Keep it if the principal needs it: the finding names exactly what is new.",
)
NEW_POLICY = Rule(
    "new-policy",
    (Level.WARNING, Topic.ACCESS, GAINS),
    summary="A new policy allows something.",
    help="There is no old policy to compare with, so read the new one. It is a note if aws-node gets the policy with a role that no other program can assume, and the policy is a document of the catalog or allows no more than those; if AWS made it for roles of EKS and it is not the plugin's, if it is another AWS managed policy that neither manages permissions nor reads or writes data, or if the principals had the same access before. A new role's trust policy is a note. It is a warning if it names an AWS account that is not in the plan, or accepts tokens with a wildcard subject or for any audience, and an error if every subject of an issuer can assume the role.",
    fix="Read the new policy as you would read code. For the plugin, use a document that `vpc-cni-iam generate` or `vpc-cni-iam policy` writes; it is recognized and is a note.",
)
UPSTREAM_UPDATED = Rule(
    "upstream-document-updated",
    (Level.NOTE, Topic.ACCESS, GAINS),
    summary="A policy changes from one document of the catalog to a newer one.",
    help="It is a note. The documents of the plugin change when a version makes a new call.",
    fix="Nothing to fix: the newer plugin versions need the actions that the newer document adds.",
)


class Gain(AboutPrincipals, frozen=True):
    """The principals can do something new."""

    is_new: bool  # whether the principals are new
    is_bounded: bool  # whether a permissions boundary limits it
    reach: Reach  # how far they reach now; only if that is further than before
    parts: tuple[GainedPart, ...]  # the statements that allow it
    policies: tuple[IamResource, ...]  # the managed policies with these statements
    group: IamResource | None  # the group that a user joins, and so gets these policies
    # In policies of the plugin: the actions that it never calls, and the statements about others
    # that no document of the catalog allows like this.
    beyond: tuple[str, ...] = ()
    wider: tuple[GainedPart, ...] = ()
    may_be_needed: bool = False  # whether aws-node may need all of it, and could do none of it
    # the documents of the catalog that the policies equal
    published: tuple[KnownDocument, ...] = ()
    # Whether aws-node gets new policies that allow no more than the catalog's documents for it.
    is_generated: bool = False
    example: NewAccess | None = None  # None if it could reveal a secret
    is_lacked: bool = False  # whether aws-node has the role and lacked all of these calls

    @property
    def same(self) -> Self:
        """Without the example, which may differ although the statements are the same."""
        return replace(self, owners=(), example=None)


@says(Gain)
def _gain(finding: Finding, gain: Gain) -> Saying:
    if gain.published or gain.is_generated:
        return _published(gain)
    parts, whole = list(map(part_text, gain.parts)), REACH_TEXTS.get(gain.reach) or _all(gain.parts)
    what = whole or (parts.pop(0) if parts else "do more")
    details = also([text for text in parts if text != what], is_first=bool(whole))
    wider = (part_text(part).removeprefix("call ") for part in gain.wider)
    if beyond := first_of((*gain.beyond, *wider), MOST_ACTIONS):
        details.insert(0, f"beyond the plugin's needs: {beyond}")
    is_attached = bool(gain.policies) and "policy_arn" in finding.attribute
    message = _who_can(gain, what, is_attached=is_attached)
    message += ", where its permissions boundary allows it" if gain.is_bounded else ""
    message += ". aws-node calls this" if gain.is_lacked else ""
    needs_none = gain.is_lacked or (gain.is_new and finding.rule is not ADMIN)
    fix = "" if needs_none else _fix(gain, finding.address, is_attached=is_attached)
    return Saying(message, (*details, *example_lines(gain.example)), fix)


def _all(parts: Sequence[GainedPart]) -> str:
    """Return all that several new statements allow, by harm; empty for anything else."""
    is_new = all(isinstance(part.difference, StatementAdded) and part.actions for part in parts)
    if not (is_new and parts[1:]):
        return ""
    actions = by_harm(parts)
    count = f"{len(actions)} action{'s' * (len(actions) != 1)} in {len(parts)} statements"
    return f"call {count}: {first_of(actions, MOST_ACTIONS)}"


def _who_can(gain: Gain, what: str, *, is_attached: bool) -> str:
    """Return who can now do what, with which policies."""
    who, policies, deny = _who(gain), _policies(gain.policies), _deny(gain)
    is_of_aws = all(aws_managed.name_of(name_of(policy)) for policy in gain.policies)
    if gain.reach and deny:
        return f"{who} can now {what}: the {deny} no longer applies in full"
    if gain.group:
        return f"{who} {conjugate('join', gain.owners)} {name_of(gain.group)}, and can now {what}"
    if is_attached and (gain.reach or is_of_aws):
        return f"{who} {conjugate('get', gain.owners)} {policies}, and can now {what}"
    if gain.reach and policies and policies not in who:
        action, comma, result = what.partition(", ")
        return f"{who} can now {action} with {policies}{comma}{result}"
    return f"{who} can now {what}"


def _fix(gain: Gain, address: str, *, is_attached: bool) -> str:
    """Return how to allow less."""
    actions = gain.parts[0].actions if gain.parts else ()
    if deny := _deny(gain):
        return f"Keep the whole {deny} for {names_of(gain.owners)}"
    if gain.parts and not is_attached and _drops_condition(gain.parts[0]):
        return f"Keep the condition in {address}"
    if gain.may_be_needed:
        return f"Accept it if aws-node needs it, or narrow {address}"
    if gain.group or is_attached:
        policies, who = _policies(gain.policies), names_of(gain.owners)
        out = f"Keep {who} out of {name_of(gain.group)}" if gain.group else ""
        return out or f"Detach {policies} from {who}"
    if actions and not (gain.reach or _all(gain.parts)):
        passes_role = [str(action).lower() for action in actions] == ["iam:passrole"]
        less = "name the role in it" if passes_role else "narrow its resources"
        return f"Remove {listed(actions)} from {address}, or {less}"
    return f"Narrow the actions and resources in {address}"


def _drops_condition(part: GainedPart) -> bool:
    elements = part.difference.elements if isinstance(part.difference, StatementChanged) else ()
    return isinstance(elements[-1] if elements else None, ConditionChange)


def _who(gain: Gain) -> str:
    """Return who is allowed something; a policy that no principal of the plan has is its owner."""
    is_policy = len(gain.owners) == 1 and gain.owners[0] in gain.policies
    return f"Anyone with {name_of(gain.owners[0])}" if is_policy else names_of(gain.owners)


def _deny(gain: Gain) -> str:
    """Return the Deny whose change allows more; empty if there is none."""
    match gain.parts[0].difference if gain.parts else None:
        case (
            StatementRemoved(statement=Statement("Deny") as statement)
            | StatementChanged(old=Statement("Deny") as statement)
        ):
            what = f"except {listed(statement.not_actions)}"
            what = f"of {listed(statement.actions)}" if statement.actions else what
            return f"Deny {what}{f' in {_policies(gain.policies[:1])}' if gain.policies else ''}"
    return ""


def _policies(policies: tuple[IamResource, ...]) -> str:
    names = (name_of(policy) for policy in policies)
    return first_of((aws_managed.name_of(name) or name for name in names), 2)


def _published(gain: Gain) -> Saying:
    names = first_of(map(str, dict.fromkeys(gain.published)))
    which = f"equals {names}" if names else "allows no more than vpc-cni-iam generates for aws-node"
    message = f"{_who(gain)} {conjugate('get', gain.owners)} a policy that {which}"
    newly = [] if gain.is_new else also(list(map(part_text, gain.parts)), is_first=True)
    return Saying(message, (*newly, *example_lines(gain.example)))
