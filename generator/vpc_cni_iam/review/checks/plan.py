"""Parts of a plan that are missing, and changes about access that are not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.arguments import ADDON, ASSOCIATION, CHART
from vpc_cni_iam.inputs.plan.kinds import is_newer_format
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import holds_mark
from vpc_cni_iam.inputs.plan.unread import WARNED, UnreadChange, UnreadKind
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive, Unknown
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.roles import only_identities
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import CHANGES, EVERY, GAINS, Rule, Topic

INCOMPLETE = Rule(
    "incomplete",
    (Level.NOTE, Topic.PLAN, CHANGES),
    summary="The plan is partial: it was made with `-target`, or defers changes.",
    help="The resources that it leaves out are not reviewed. Review the next plan, too.",
    fix="Plan without `-target`, and review the plan that follows a deferred one.",
)
FORMAT_UNKNOWN = Rule(
    "plan-format-unknown",
    (Level.NOTE, Topic.PLAN, ()),
    summary="The plan has a newer format, or members that are not known.",
    help="Formats 0.1 to 1.2 are known. A newer 1.x format only adds members, which are not read. Update vpc-cni-iam.",
    fix="Update vpc-cni-iam.",
)
UNREAD_RESOURCE = Rule(
    "unread-resource",
    (Level.WARNING, Topic.PLAN, GAINS),
    summary="A changed resource may give access, or decide about the plugin, and the review does not read it.",
    help="Read this change in the output of `terraform plan`. It is a warning if the type gives access: access entries and access policies of clusters; identities, such as IAM users' credentials, Identity Center, Cognito identity pools, IAM Roles Anywhere and organizations; grants and shares, such as KMS grants, Lake Formation and AWS RAM; Kubernetes roles, role bindings and `aws-auth`. It is also a warning if the text of the resource can create access in AWS, such as a stack with IAM resources or an object of Crossplane or ACK, or names the plugin, such as an application of Argo CD. A resource that names the plugin also fails `--fail-on coverage-lost`. It is a note for other stacks, Cloud Control, pipelines, commands of provisioners, policies of resources such as buckets and keys, and Kubernetes objects that name a role or are known after apply. The review does not parse the text.",
    fix="Read this change in the output of `terraform plan`.",
)
# The arguments that say whether a resource of the type is the plugin, or gives aws-node a role.
_NAMES = {ADDON: ("addon_name",), CHART: ("chart",), ASSOCIATION: ("namespace", "service_account")}


class PlanGap(Enum):
    """A part of the plan that is missing or not read."""

    LEFT_OUT = "left out"  # the plan was made for targets, or defers changes
    FORMAT = "format"  # its format is newer
    MEMBERS = "members"  # it has unknown members


class PlanIncomplete(Struct, frozen=True):
    """A part of the plan as a whole is missing or not read."""

    gap: PlanGap
    names: tuple[str, ...] = ()  # the format, or the members


class MaybePlugin(Struct, frozen=True):
    """A resource may be the plugin, or give aws-node a role: a name is unknown."""

    argument: str


def check(context: Context) -> Iterator[Finding]:
    """Yield the parts that are missing or not read."""
    plan = context.plan
    if not plan.complete:
        yield finding(INCOMPLETE, PlanIncomplete(PlanGap.LEFT_OUT))
    if is_newer_format(plan.format):
        yield finding(FORMAT_UNKNOWN, PlanIncomplete(PlanGap.FORMAT, (plan.format,)))
    if plan.unknown_members:
        members = PlanIncomplete(PlanGap.MEMBERS, plan.unknown_members)
        yield finding(FORMAT_UNKNOWN, members)
    unnamed = [f for resource in context.reader.resources for f in _unnamed(resource)]
    yield from unnamed
    reported = {f.address for f in unnamed} | only_identities(context)
    for change in plan.unread:
        if change.address not in reported and change.kind in _UNREAD:
            level = Level.WARNING if change.kind in WARNED else Level.NOTE
            means = EVERY if change.kind is UnreadKind.plugin else None
            where, attribute = change.address, ", ".join(change.arguments)
            rule = UNREAD_RESOURCE
            yield finding(rule, change, where, attribute=attribute, level=level, means=means)


def _unnamed(resource: Resource) -> Iterator[Finding]:
    """Yield resources that may be the plugin, because a name is unknown."""
    if resource.stays:
        return
    is_deleted, rule = resource.actions == ("delete",), UNREAD_RESOURCE
    side = Side.BEFORE if is_deleted else Side.AFTER
    for argument in _NAMES.get(resource.type, ()):
        value = one(resource, argument, side)
        if isinstance(value, Unknown | Sensitive) or holds_mark(str(value)):
            evidence, place = MaybePlugin(argument), resource.address
            yield finding(rule, evidence, place, attribute=argument, means=EVERY)
            return


# Settings have no finding: they give nobody access. A message that does not name its resource is
# shown once for all resources.
_UNREAD: Mapping[UnreadKind, str] = {
    UnreadKind.access: "{address} is about access and is not read",
    UnreadKind.iam: "{address} can create access in AWS and is not read",
    UnreadKind.plugin: "{address} names the VPC CNI plugin and is not read",
    UnreadKind.role: "{address} names a role and is not read",
    UnreadKind.deploys: "{address} can create resources that are not in the plan, and is not read",
    UnreadKind.resource_policy: "The policy of a resource changes and is not read",
    UnreadKind.command: "The plan runs commands ({runs}), which are not read",
    UnreadKind.later: "A Kubernetes object is known after apply, so it is not read",
}
# The message and the fix.
_GAPS = {
    PlanGap.LEFT_OUT: (
        "The plan is partial: it has targets, or defers changes",
        "Review the next plan, too",
    ),
    PlanGap.FORMAT: (
        "The plan has format {}; members that it adds to 1.2 are not read",
        "Update vpc-cni-iam",
    ),
    PlanGap.MEMBERS: ("The plan has members that are not known and not read: {}", ""),
}


@says(UnreadChange)
def _unread(_: Finding, change: UnreadChange) -> Saying:
    message = _UNREAD[change.kind]
    of = f" ({', '.join(change.arguments)})" if change.arguments else ""
    message = message.format(address=change.address + of, runs=", ".join(change.runs))
    is_named = change.address in message
    return Saying(message, fix=f"Look at {change.address} in the plan" if is_named else "")


@says(PlanIncomplete)
def _incomplete(_: Finding, incomplete: PlanIncomplete) -> Saying:
    message, fix = _GAPS[incomplete.gap]
    return Saying(message.format(first_of(incomplete.names)), fix=fix)


@says(MaybePlugin)
def _maybe(finding: Finding, maybe: MaybePlugin) -> Saying:
    name = maybe.argument
    message = f"{finding.address} may belong to the VPC CNI plugin: its {name} is not known"
    return Saying(message, fix=f"Set {name} to a value that is known before apply")
