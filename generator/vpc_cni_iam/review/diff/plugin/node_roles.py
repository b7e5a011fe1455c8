"""Nodes that get another role, and what it newly allows.

Instances outside of node groups count if their old or new role has a policy of the plugin: the plan
does not show which others are nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.account.resolve import is_there
from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, NODE_ROLES, PROFILE, ROLE
from vpc_cni_iam.inputs.plan.plugin.node_roles import InstanceRole
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.context import Context, facts
from vpc_cni_iam.review.diff.harm import Gained
from vpc_cni_iam.review.diff.plugin.roles import has_plugin_policy
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.diff.role_access import (
    NO_ROLE,
    compare_roles,
    gained_by,
    reach_of,
    role_access,
)


class NodeRoleChange(Struct, frozen=True):
    """The changed roles of the nodes of one resource; without roles before, it had none."""

    address: str  # of the resource
    resource_type: str
    attribute: str  # the argument that names the role
    before: tuple[IamResource, ...]  # without the roles that stay
    after: tuple[IamResource, ...]
    access: Answer  # whether the new roles allow more
    gained: Gained | None  # what the new roles newly allow
    reach: Reach  # how far the new roles reach
    # The resource of the module that the plan creates and that the argument may name, if the
    # argument is not resolved.
    made_here: str
    is_lost: bool  # whether it still names a role that is deleted or renamed


@facts
def node_role_changes(context: Context) -> Iterator[NodeRoleChange]:
    """Yield the resources that give nodes another role."""
    return _Changes(context).all()


class _Changes:
    def __init__(self, context: Context) -> None:
        self._context, self._reader = context, context.reader
        self._resources = [r for r in context.reader.resources if r.type in NODE_ROLES]
        of = context.node_roles.of
        self._before = {r.address: [*of(r, Side.BEFORE)] for r in self._resources}
        groups = (r.address for r in self._resources if r.type == NODE_GROUP)
        self._of_groups = {each.role for group in groups for each in self._before[group]}
        self._made: set[IamResource] = {
            InPlan(r.address) for r in self._reader.resources if r.before is None and r.after
        }
        self._of_module = {
            (r.module, r.type): r.address for r in self._reader.resources if "create" in r.actions
        }

    def all(self) -> Iterator[NodeRoleChange]:
        """Yield the changes of node groups, and of other resources with nodes of the plugin."""
        for change in (change for r in self._resources for change in self._of(r)):
            roles = (*change.before, *change.after) if change.before else ()
            is_of_plugin = any(has_plugin_policy(self._context, role) for role in roles)
            if change.resource_type == NODE_GROUP or is_of_plugin:
                yield change

    def _of(self, resource: Resource) -> Iterator[NodeRoleChange]:
        before = self._before[resource.address]
        former = {name: role for role in before for name in self._former_names(role)}
        if not _may_change(resource, is_renamed=bool(former)):
            return
        after = [*self._context.node_roles.of(resource, Side.AFTER)]
        stays = _current(before) & _current(after)
        former = {name: role for name, role in former.items() if role.named not in stays}
        still = [u for u in after if isinstance(u.named, Named) and u.named.name in former]
        lost = [former[u.named.name] for u in still if isinstance(u.named, Named)]
        for each in before:
            # Instances keep the roles that they get from other resources.
            if each in lost and each.target in (ROLE, PROFILE):
                yield self._change(resource, [replace(each, role=each.named)], [], is_lost=True)
        old = [u for u in before if u not in lost and u.named not in stays]
        new = [u for u in after if u not in still and u.named not in stays]
        yield from self._of_nodes(resource, old, new)

    def _former_names(self, role: InstanceRole) -> set[str]:
        """Return the old names of what an argument names and may be renamed."""
        if not isinstance(role.named, InPlan):
            return set()
        target = self._reader.resolver.by_address[role.named.address]
        changes = "delete" in target.actions or "update" in target.actions
        values = (target.before if changes else None) or {}
        return {str(values[name]) for name in ("name", "arn", "id") if values.get(name)}

    def _of_nodes(
        self, resource: Resource, old: list[InstanceRole], new: list[InstanceRole]
    ) -> Iterator[NodeRoleChange]:
        """Yield the roles that nodes newly get in a way that they did not have.

        A role that the plan creates is reported there. A role that allows nothing gives nothing.
        """
        if not old:  # one of several arguments changes
            places = {each.attribute for each in new}
            old = [u for u in self._before[resource.address] if u.attribute in places]
        if {each.role for each in old} == {each.role for each in new}:
            return
        if old:
            yield self._change(resource, old, new)
            return
        for each in {u.role: u for u in new}.values():
            if each.role not in self._of_groups and self._made.isdisjoint((each.role, each.named)):
                change = self._change(resource, [], [each])
                if not isinstance(change.access, NoNewAccess):
                    yield change

    def _gain(
        self, old: list[InstanceRole], new: list[InstanceRole]
    ) -> tuple[Answer, Gained | None]:
        """Return whether new roles allow something that no old one does, and what."""
        context = self._context
        before = [role_access(context, u.role, Side.BEFORE) for u in old] or [NO_ROLE]
        every: Answer = NoNewAccess()
        for role in (role_access(context, u.role, Side.AFTER) for u in new):
            answers = [compare_roles(context, had, role) for had in before]
            more = [answer for answer in answers if isinstance(answer, NewAccess)]
            if len(more) == len(answers):
                is_secret = any(each.mark for each in (*old, *new))
                parts = None if is_secret else gained_by(context, before[:1], [role], more[0])
                return more[0], parts
            if not any(isinstance(answer, NoNewAccess) for answer in answers):
                every = next(a for a in answers if isinstance(a, NotProven))
        return every, None

    def _change(
        self,
        resource: Resource,
        old: list[InstanceRole],
        new: list[InstanceRole],
        *,
        is_lost: bool = False,
    ) -> NodeRoleChange:
        made = [
            self._of_module.get((resource.module, each.target), "")
            for each in new
            if isinstance(each.named, Unresolved) and each.target != ROLE
        ]
        return NodeRoleChange(
            resource.address,
            resource.type,
            (new or old)[0].attribute,
            tuple(dict.fromkeys(each.shown_role for each in old)),
            tuple(dict.fromkeys(each.shown_role for each in new)),
            *self._gain(old, new),
            reach_of(self._context, (each.role for each in new)),
            made[0] if made and len(made) == len(new) and all(made) else "",
            is_lost,
        )


def _may_change(resource: Resource, *, is_renamed: bool) -> bool:
    """Return whether the roles of a resource that stays may change in this plan."""
    is_same = resource.is_unchanged and not is_renamed
    is_put_off = resource.unknown is True and not resource.after  # a later plan shows it
    return not (is_same or is_put_off) and is_there(resource, Side.AFTER)


def _current(roles: Iterable[InstanceRole]) -> set[IamResource]:
    return {each.named for each in roles if each.is_current}
