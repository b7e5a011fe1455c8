"""Policies that a plan does not show, or that are not valid."""

from __future__ import annotations

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import PolicyClass
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.documents import Invalid
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, Unresolved
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.checks.new_access import ADMIN
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, Saying, says
from vpc_cni_iam.review.rules import GAINS, Rule, Topic
from vpc_cni_iam.review.texts.names import conjugate, name_of, names_of

UNREADABLE = Rule(
    "unreadable-policy",
    (Level.ERROR, Topic.ACCESS, GAINS),
    summary="The value of a policy is not a policy document.",
    help="IAM refuses it at apply, when Terraform may already have made other changes. Correct the element that the finding names.",
    fix="Correct the element that the finding names. Write policies with `aws_iam_policy_document` or `jsonencode`.",
)
UNKNOWN_POLICY = Rule(
    "unknown-policy",
    (Level.WARNING, Topic.ACCESS, GAINS),
    summary="A policy, or a part of it, is known only after apply.",
    help="The review rebuilds the policy from the plan, and lists the unknown parts. Use names that are known before apply, such as the name of a role instead of its ARN.",
    fix="Build ARNs from names that are known at plan time, or apply in two steps and review the second plan.",
)
SENSITIVE_POLICY = Rule(
    "sensitive-policy",
    (Level.WARNING, Topic.ACCESS, GAINS),
    summary="A policy that changes is marked sensitive, and is not reviewed.",
    help="A policy is not a secret: everyone who can read IAM can read it. Remove the mark with `nonsensitive()`.",
    fix="Wrap the value in `nonsensitive()`. Everyone who can read IAM can read a policy.",
)
UNKNOWN_ATTACHMENT = Rule(
    "unknown-attachment",
    (Level.WARNING, Topic.ACCESS, GAINS),
    summary="A policy that the plan does not show is attached, or a user joins a group with such policies.",
    help="The plan has the ARN of the policy, but not its document. Read the policy in IAM, or read it with the data source `aws_iam_policy`, so that plans show it. Other stacks may have attached policies to a group that existed before the plan.",
    fix="Look the policy up in IAM. Read it with the data source `aws_iam_policy`, so that plans show its document.",
)


class PolicyNotShown(AboutPrincipals, frozen=True):
    """A principal gets a policy that the plan does not show, or not in full."""

    policy: IamResource  # the policy, or the resource with the policy
    content: Invalid | None  # why it is not a valid policy
    references: tuple[str, ...] = ()  # what the policy refers to, according to the plan
    is_group: bool = False  # whether it is a group, with policies that the plan need not show


_CLASS_TEXTS = {
    PolicyClass.ADMIN: "allows everything, or everything but IAM",
    PolicyClass.IAM: "allows using the permissions of other roles",
    PolicyClass.DATA: "allows reading or changing data",
    PolicyClass.READ: "is read-only and does not read data",
    PolicyClass.OTHER: "gives no access to data or IAM on resources of any name",
}


@says(PolicyNotShown)
def _not_shown(finding: Finding, shown: PolicyNotShown) -> Saying:
    policy, who, address = name_of(shown.policy), names_of(shown.owners), finding.address
    if shown.content is not None:
        message = f"{policy} is not a valid policy: {shown.content.why}"
        return Saying(message, fix=f"Correct the policy in {address}")
    managed = aws_managed.find(policy)
    named = policy if policy.startswith("the ") else f"the policy {policy}"
    if finding.attribute.startswith("inline_policy"):
        named = f"an inline policy of {who}"
    elif (shown.policy,) != shown.owners:
        named += f" of {who}"
    if finding.rule is UNKNOWN_POLICY:
        refers = f": it refers to {first_of(shown.references)}" if shown.references else ""
        return Saying(f"{named} is known after apply{refers}")
    if finding.rule is SENSITIVE_POLICY:
        return Saying(f"{named} is sensitive, so it is not reviewed")
    if managed:
        because = f" ({', '.join(managed.because)})" if managed.because else ""
        message = f"{who} {conjugate('get', shown.owners)} {managed.name}, which "
        message += f"{_CLASS_TEXTS[managed.policy_class]}{because}"
        fix = f"Detach {managed.name} from {who}" if finding.rule is ADMIN else ""
        return Saying(message, fix=fix)
    if instead := aws_managed.nonexistent(policy):
        message = f"{policy} is attached to {who}, but does not exist: {instead}"
        return Saying(message, fix=f"Correct the ARN in {address}")
    message = f"{policy} is attached to {who}. The plan does not show the document"
    if shown.is_group:
        message = f"{who} {conjugate('join', shown.owners)} {policy}. The plan may not show all "
        message += "policies of the group"
    if isinstance(shown.policy, Unresolved) and not is_mark(shown.policy.place):
        message = f"{shown.policy.place} is known after apply: the plan does not show "
        message += f"what {who} {conjugate('get', shown.owners)}"
    return Saying(message, fix=f"Look at {policy} in IAM" if aws_managed.name_of(policy) else "")
