"""Workloads and service accounts that get another role, and what it newly allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, PROFILE, ROLE
from vpc_cni_iam.inputs.plan.resource import Resource, without_keys
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent
from vpc_cni_iam.review.account.documents import Content
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.review.account.resolve import is_there
from vpc_cni_iam.review.account.uses import Pods, RoleUse, UseKind, kind_of
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.harm import Gained
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.diff.role_access import (
    NO_ROLE,
    RoleAccess,
    compare_roles,
    gained_by,
    reach_of,
    role_access,
)


class UseChange(Struct, frozen=True):
    """The changed roles of one workload, or of the pods of one service account.

    Without roles before, it had none. With the same roles on both sides, the session policy
    changes.
    """

    kind: UseKind
    workload: str  # the address of the resource
    resource_type: str
    attribute: str  # the argument that names the role
    pods: Pods | None
    before: tuple[IamResource, ...]  # without the roles that stay
    after: tuple[IamResource, ...]
    access: Answer  # whether the new roles allow more
    gained: Gained | None  # what the new roles newly allow
    reach: Reach  # how far the new roles reach
    session: Content  # the session policy after
    # The resource of the module that the plan creates and that the argument may name, if the
    # argument is not resolved.
    made_here: str
    is_lost: bool  # whether it still names a role that is deleted or renamed


@fact
def use_changes(context: Context) -> tuple[UseChange, ...]:
    """Return the workloads and service accounts whose roles change."""
    return tuple(_Changes(context).all())


class _Changes:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader, self._uses = reader, uses = context.reader, context.uses
        self._resources = [r for r in reader.resources if kind_of(r.type)]
        self._before = {r.address: [*uses.of(r, Side.BEFORE)] for r in self._resources}
        self._made: set[IamResource] = {
            InPlan(r.address) for r in reader.resources if r.before is None and r.after
        }
        self._of_module = {
            (r.module, r.type): r.address for r in reader.resources if "create" in r.actions
        }
        # The roles that other workloads of a block had, and those that others of its name lose.
        self._had: dict[str, set[IamResource]] = defaultdict(set)
        self._freed: dict[str, list[RoleUse]] = defaultdict(list)
        for resource in self._resources:
            of_block = self._before[resource.address]
            self._had[_block(resource)] |= {use.role for use in of_block}
            if resource.after is None and "delete" in resource.actions:
                self._freed[resource.block] += of_block

    def all(self) -> Iterator[UseChange]:
        """Yield the changes of all workloads and service accounts."""
        # A new profile or template that gives a role to such a workload is reported there.
        moved = {
            use.named
            for r in self._resources
            if self._before[r.address] and not r.is_unchanged
            for use in self._uses.of(r, Side.AFTER)
        }
        for change in (change for r in self._resources for change in self._of(r)):
            if change.before or InPlan(change.workload) not in moved:
                yield change

    def _of(self, resource: Resource) -> Iterator[UseChange]:
        before = self._before[resource.address]
        former = {name: use for use in before for name in self._former_names(use)}
        if not _may_change(resource, is_renamed=bool(former)):
            return
        after = [*self._uses.of(resource, Side.AFTER)]
        stays = _current(before) & _current(after)
        former = {name: use for name, use in former.items() if use.by_name not in stays}
        still = [u for u in after if isinstance(u.named, Named) and u.named.name in former]
        lost = [former[u.named.name] for u in still if isinstance(u.named, Named)]
        for use in before:
            # Instances keep the roles that they get from other resources.
            if use in lost and use.target in (ROLE, PROFILE):
                yield self._change(resource, [replace(use, role=use.named)], [], is_lost=True)
        before, after = [u for u in before if u not in lost], [u for u in after if u not in still]
        if kind_of(resource.type) is UseKind.SERVICE_ACCOUNT:
            yield from self._of_service_account(resource, before, after)
        else:
            sides = [[use for use in side if use.by_name not in stays] for side in (before, after)]
            yield from self._of_workload(resource, *sides)

    def _former_names(self, use: RoleUse) -> set[str]:
        """Return the old names of what a use names and may be renamed."""
        if not isinstance(use.named, InPlan):
            return set()
        target = self._reader.resolver.by_address[use.named.address]
        changes = "delete" in target.actions or "update" in target.actions
        values = (target.before if changes else None) or {}
        return {str(values[name]) for name in ("name", "arn", "id") if values.get(name)}

    def _of_workload(
        self, resource: Resource, old: list[RoleUse], new: list[RoleUse]
    ) -> Iterator[UseChange]:
        """Yield the roles that a workload newly gets in a way that it did not have.

        A resource that the plan creates is reported there. A role that allows nothing gives
        nothing.
        """
        if not old:  # one of several arguments changes
            places = {use.attribute for use in new}
            old = [use for use in self._before[resource.address] if use.attribute in places]
        if {use.role for use in old} == {use.role for use in new}:
            return
        if old:
            yield self._change(resource, old, new)
            return
        had = self._had[_block(resource)] | {use.role for use in self._freed[resource.block]}
        for use in {u.role: u for u in new}.values():
            if use.role not in had and self._made.isdisjoint((use.role, use.named)):
                change = self._change(resource, [], [use])
                if not isinstance(change.access, NoNewAccess):
                    yield change

    def _of_service_account(
        self, resource: Resource, old: list[RoleUse], new: list[RoleUse]
    ) -> Iterator[UseChange]:
        """Yield the new roles of the pods of each service account that a resource names."""
        old = old or self._freed[resource.block]
        for pods in dict.fromkeys(use.pods for use in new):
            sides = [[use for use in side if use.pods == pods] for side in (old, new)]
            yield from self._of_pods(resource, *sides)

    def _of_pods(
        self, resource: Resource, old: list[RoleUse], new: list[RoleUse]
    ) -> Iterator[UseChange]:
        """Yield the new roles of the pods of a service account."""
        had = {use.role: [o for o in old if o.role == use.role] for use in old}
        for use in (use for use in new if use.role in had):
            sessions = [o.session for o in had[use.role]]
            # A new limit allows nothing more.
            if not isinstance(sessions[0], Absent) and use.session not in sessions:
                yield self._change(resource, had[use.role][:1], [use])
        comes = [u for u in new if u.role not in had and u.role not in self._made]
        leaves = [use for use in old if use.role not in {u.role for u in new}]
        if comes and leaves:
            yield self._change(resource, leaves, comes)
        else:
            yield from (self._change(resource, [], [use]) for use in comes)

    def _access(self, use: RoleUse, side: Side) -> RoleAccess:
        """Return what a role allows within the session policy."""
        sessions = () if isinstance(use.session, Absent) else (use.session,)
        return role_access(self._context, use.role, side, sessions, is_certain=not use.is_target)

    def _gain(self, old: list[RoleUse], new: list[RoleUse]) -> tuple[Answer, Gained | None]:
        """Return whether new roles allow something that no old one does, and what."""
        before = [self._access(use, Side.BEFORE) for use in old] or [NO_ROLE]
        every: Answer = NoNewAccess()
        for role in (self._access(use, Side.AFTER) for use in new):
            answers = [compare_roles(self._context, had, role) for had in before]
            more = [answer for answer in answers if isinstance(answer, NewAccess)]
            if len(more) == len(answers):
                is_secret = any(use.mark for use in (*old, *new))
                parts = None if is_secret else gained_by(self._context, before[:1], [role], more[0])
                return more[0], parts
            if not any(isinstance(answer, NoNewAccess) for answer in answers):
                every = next(a for a in answers if isinstance(a, NotProven))
        return every, None

    def _change(
        self, resource: Resource, old: list[RoleUse], new: list[RoleUse], *, is_lost: bool = False
    ) -> UseChange:
        first = (new or old)[0]
        made = [
            self._of_module.get((resource.module, use.target), "")
            for use in new
            if isinstance(use.named, Unresolved) and use.target != ROLE
        ]
        return UseChange(
            kind_of(resource.type) or UseKind.WORKLOAD,
            resource.address,
            resource.type,
            first.attribute,
            first.pods,
            tuple(dict.fromkeys(use.shown_role for use in old)),
            tuple(dict.fromkeys(use.shown_role for use in new)),
            *self._gain(old, new),
            reach_of(self._context, (use.role for use in new)),
            first.session,
            made[0] if made and len(made) == len(new) and all(made) else "",
            is_lost,
        )


def _may_change(resource: Resource, *, is_renamed: bool) -> bool:
    """Return whether the roles of a resource that stays may change in this plan."""
    is_same = resource.is_unchanged and not is_renamed
    is_put_off = resource.unknown is True and not resource.after  # a later plan shows it
    return not (is_same or is_put_off) and is_there(resource, Side.AFTER)


def _current(uses: Iterable[RoleUse]) -> set[tuple[IamResource, Pods | None]]:
    return {use.by_name for use in uses if use.is_current}


def _block(resource: Resource) -> str:
    """Return what identifies the workloads of one block, and node groups among other types."""
    return resource.type if resource.type == NODE_GROUP else without_keys(resource.address)
