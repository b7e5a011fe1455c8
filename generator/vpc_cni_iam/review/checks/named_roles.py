"""Changed resources of any type that newly name a role with administrator access."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.arguments import PROFILE, ROLE
from vpc_cni_iam.inputs.plan.plugin.resources import is_for_plugin
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.role_names import RoleNaming, texts
from vpc_cni_iam.inputs.plan.values import text
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.node_roles import node_role_changes
from vpc_cni_iam.review.diff.plugin.roles import own_roles
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.diff.role_access import reach_of
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import GAINS, Rule, Topic
from vpc_cni_iam.review.texts.access import REACH_TEXTS
from vpc_cni_iam.review.texts.names import role_text

ADMIN_NAMED = Rule(
    "admin-role-named",
    (Level.WARNING, Topic.CREDENTIALS, GAINS),
    summary="A changed resource of any type newly names a role with administrator access.",
    help="The resource names the role, or an instance profile with the role, by ARN, by name or by reference. The role can do everything, or change IAM permissions. The review does not read how the resource uses the role: anyone who can change its code may get the permissions. For a role that the plan creates, see the findings of its policies.",
    fix="Give the resource its own role, with the permissions that it needs.",
)
_SENSITIVE = Unresolved("(sensitive)", Side.AFTER, ROLE)


class AdminRoleNamed(Struct, frozen=True):
    """A resource newly names roles with administrator access."""

    roles: tuple[IamResource, ...]
    reach: Reach  # the farthest


def check(context: Context) -> Iterator[Finding]:
    """Yield the resources that newly name a role with administrator access.

    What the plugin and its nodes gain by another role is reported for them.
    """
    nodes = {change.address for change in node_role_changes(context)}
    for naming in context.plan.namings:
        named = [*_named(naming, context)]
        resource = context.reader.resolver.by_address.get(naming.address)
        own: frozenset[IamResource] = frozenset()
        if resource is not None:
            named += ((role, role) for role in _referred(naming, resource, context))
            own = own_roles(context) if is_for_plugin(resource, Side.AFTER) else own
        reaches = [
            (shown, reach_of(context, [role]))
            for shown, role in named
            # The policies of a role that the plan creates are reported there.
            if role not in own and role not in context.accounts.created
        ]
        admins = tuple(dict.fromkeys(shown for shown, reach in reaches if reach >= Reach.IAM))
        if admins and naming.address not in nodes:
            evidence = AdminRoleNamed(admins, max(reach for _, reach in reaches))
            yield finding(ADMIN_NAMED, evidence, naming.address)


def _named(naming: RoleNaming, context: Context) -> Iterator[tuple[IamResource, IamResource]]:
    """Yield the roles that a resource newly names, each as reports may show it."""
    for names, hidden in ((naming.names, None), (naming.hidden, _SENSITIVE)):
        roles = (role for name in names for role in _of_name(name, context))
        yield from ((hidden or role, role) for role in roles)


def _referred(naming: RoleNaming, resource: Resource, context: Context) -> Iterator[IamResource]:
    """Yield the roles to which arguments newly refer that are known after apply."""
    had = {value for _, value in texts(resource.before)}
    for path in naming.later:
        for target in context.reader.resolver.references(resource, path)[0]:
            names = {text(target, argument, Side.BEFORE) for argument in ("arn", "name")}
            if target.mode == "managed" and had.isdisjoint(names):
                yield from _of_resource(target, context)


def _of_name(name: str, context: Context) -> Iterator[IamResource]:
    """Yield the roles of an ARN, or of a name of the plan."""
    by_name = context.reader.resolver.by_name
    for kind in (ROLE, PROFILE):
        for role in by_name(kind, name):
            if isinstance(role, InPlan):
                target = context.reader.resolver.by_address[role.address]
                yield from _of_resource(target, context)
            elif isinstance(role, Named) and role.arn and role.kind == ROLE:
                yield role


def _of_resource(target: Resource, context: Context) -> Iterator[IamResource]:
    """Yield a role of the plan, or the roles of an instance profile that exists before it."""
    if target.type == ROLE:
        yield context.reader.owner(InPlan(target.address))
    elif target.type == PROFILE and target.before is not None:
        yield from context.reader.named_by(target, "role", ROLE, Side.AFTER)


@says(AdminRoleNamed)
def _role_named(finding: Finding, named: AdminRoleNamed) -> Saying:
    roles = " and ".join(map(role_text, named.roles))
    return Saying(f"{finding.address} newly names {roles}, which can {REACH_TEXTS[named.reach]}")
