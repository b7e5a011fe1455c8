"""Which workloads and service accounts get another role, and what that newly lets them do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, PROFILE, ROLE
from vpc_cni_iam.inputs.plan.resource import Resource, without_keys
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent
from vpc_cni_iam.review.account.documents import Content
from vpc_cni_iam.review.account.fill import Filler
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.review.account.resolve import is_there
from vpc_cni_iam.review.account.uses import Pods, RoleUse, UsedRole, UseKind, Uses, kind_of
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.harm import Gained
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.diff.role_access import (
    NO_ROLE,
    NOT_SHOWN,
    RoleAccess,
    RoleComparison,
    role_comparison,
)

# With so many other roles of a block a new one is compared.
_OTHERS = 4


class UseEvent(Enum):
    """What becomes of the roles of a workload or a service account."""

    GETS = "gets"  # it had none
    MOVES = "moves"  # it has another one
    LIMITED_OTHERWISE = "limited otherwise"  # its role stays, and the session policy changes
    LOSES = "loses"  # what it still names is deleted, or gets another name


class UseChange(Struct, frozen=True):
    """How the roles of one workload, or of the pods of one service account, change."""

    event: UseEvent
    kind: UseKind
    workload: str  # the address of the resource
    resource_type: str
    attribute: str  # the argument that names the role
    is_new: bool  # whether the resource is created
    pods: Pods | None
    before: tuple[UsedRole, ...]  # without those that stay
    after: tuple[UsedRole, ...]
    access: Answer = NOT_SHOWN  # whether the roles after allow more
    gained: Gained | None = None  # what the roles after newly allow
    reach: Reach = Reach.LIMITED  # how far the roles after reach
    were_shown: bool = True  # whether the plan shows what the roles before allow
    session: Content = Absent()  # the session policy after
    # What the plan makes in the module, and may be what an argument names that is not resolved.
    made_here: str = ""


class _Gain(Struct, frozen=True):
    """Whether roles that take the place of others allow more, and by which statements."""

    access: Answer
    parts: Gained | None = None


_NOT_COMPARED = _Gain(NOT_SHOWN)


@fact
def use_changes(context: Context) -> tuple[UseChange, ...]:
    """Return the workloads and service accounts whose roles change."""
    return tuple(_Changes(context.filler, context.uses, role_comparison(context)).all())


class _Changes:
    def __init__(self, filler: Filler, uses: Uses, roles: RoleComparison) -> None:
        self._filler, self._uses, self._roles = filler, uses, roles
        self._resources = [r for r in filler.resources if kind_of(r.type)]
        self._before = {r.address: [*uses.of(r, Side.BEFORE)] for r in self._resources}
        self._made: set[IamResource] = {
            InPlan(r.address) for r in filler.resources if r.before is None and r.after
        }
        self._of_module = {
            (r.module, r.type): r.address for r in filler.resources if "create" in r.actions
        }
        # The roles that others of a block had, and those that others of its name no longer have.
        self._had: dict[str, dict[UsedRole, RoleUse]] = defaultdict(dict)
        self._freed: dict[str, list[RoleUse]] = defaultdict(list)
        for resource in self._resources:
            of_block = self._before[resource.address]
            if kind_of(resource.type) is not UseKind.SERVICE_ACCOUNT:
                self._had[_block(resource)].update((use.role, use) for use in of_block)
            if resource.after is None and "delete" in resource.actions:
                self._freed[resource.block] += of_block

    def all(self) -> Iterator[UseChange]:
        """Yield the changes of all workloads and service accounts."""
        changes = [change for r in self._resources for change in self._of(r)]
        # What a new profile or template gives to what had another role is said there.
        moved = {
            use.named
            for r in self._resources
            if self._before[r.address] and r.actions != ("no-op",)
            for use in self._uses.of(r, Side.AFTER)
        }
        for change in changes:
            is_said = change.event is UseEvent.GETS and InPlan(change.workload) in moved
            if not is_said:
                yield change

    def _of(self, resource: Resource) -> Iterator[UseChange]:
        before = [*self._before[resource.address]]
        if not self._may_change(resource):
            return
        after = [*self._uses.of(resource, Side.AFTER)]
        stays = _current(before) & _current(after)
        for use in [use for use in before if use.by_name not in stays]:
            if still := self._still_named(use, after):
                before.remove(use)
                after = [n for n in after if n not in still]
                if use.target in (ROLE, PROFILE):  # instances keep what they got by others
                    by_name = replace(use, role=UsedRole(use.named))
                    yield self._change(UseEvent.LOSES, resource, [by_name], ())
        if kind_of(resource.type) is UseKind.SERVICE_ACCOUNT:
            before = before or self._freed[resource.block]
            for pods in dict.fromkeys(use.pods for use in after):
                sides = [[use for use in side if use.pods == pods] for side in (before, after)]
                yield from self._of_pods(resource, *sides)
        else:
            sides = [[use for use in side if use.by_name not in stays] for side in (before, after)]
            yield from self._of_workload(resource, *sides)

    def _may_change(self, resource: Resource) -> bool:
        before = self._before[resource.address]
        is_same = resource.actions == ("no-op",) and not any(map(self._former_names, before))
        is_put_off = resource.unknown is True and not resource.after  # a later plan shows it
        return is_there(resource, Side.AFTER) and not (is_same or is_put_off)

    def _of_workload(
        self, resource: Resource, old: list[RoleUse], new: list[RoleUse]
    ) -> Iterator[UseChange]:
        """Yield what a workload newly gets, by roles that it did not have in the same way."""
        if not old:  # of several arguments one changes
            places = {use.attribute for use in new}
            old = [use for use in self._before[resource.address] if use.attribute in places]
        if {use.role for use in old} == {use.role for use in new}:
            return
        if old:
            yield self._change(UseEvent.MOVES, resource, old, new, self._gain(old, new))
        else:
            yield from self._gets(resource, new)

    def _still_named(self, use: RoleUse, after: Iterable[RoleUse]) -> list[RoleUse]:
        """Return the uses by the name that something had before."""
        names = self._former_names(use)
        return [n for n in after if isinstance(n.named, Named) and n.named.name in names]

    def _former_names(self, use: RoleUse) -> set[str]:
        """Return the names before the plan of what a use names and may get another name."""
        if not isinstance(use.named, InPlan):
            return set()
        target = self._filler.resolver.by_address[use.named.address]
        values = target.before or {}
        changes = "delete" in target.actions or "update" in target.actions
        names = (values.get(name) for name in ("name", "arn", "id") if changes)
        return {str(name) for name in names if name}

    def _of_pods(
        self, resource: Resource, old: list[RoleUse], new: list[RoleUse]
    ) -> Iterator[UseChange]:
        """Yield what the pods of a service account newly get."""
        had = {use.role: [o for o in old if o.role == use.role] for use in old}
        for use in (use for use in new if use.role in had):
            first = had[use.role][:1]
            had_limit = not isinstance(first[0].session, Absent)  # a limit gives nothing
            if had_limit and use.session not in [o.session for o in had[use.role]]:
                gain = self._gain(first, [use])
                yield self._change(UseEvent.LIMITED_OTHERWISE, resource, first, [use], gain)
        comes = [u for u in new if u.role not in had and u.role.resource not in self._made]
        leaves = [use for use in old if use.role not in {u.role for u in new}]
        if comes and leaves:
            yield self._change(UseEvent.MOVES, resource, leaves, comes, self._gain(old, comes))
        else:
            yield from (self._change(UseEvent.GETS, resource, (), [use]) for use in comes)

    def _gets(self, resource: Resource, uses: list[RoleUse]) -> Iterator[UseChange]:
        """Yield the existing roles that a workload gets, which had none.

        What the plan makes is found where it is made.
        """
        had = self._had[_block(resource)]
        freed = {use.role: use for use in self._freed[resource.block]}
        others = [*islice(had.values(), _OTHERS), *islice(freed.values(), _OTHERS)]
        for use in {u.role: u for u in uses}.values():
            is_made = {use.role.resource, use.named} & self._made
            if is_made or use.role in had or use.role in freed:
                continue
            # A role that allows nothing gives nothing.
            gain = self._gain(others, [use])
            if not isinstance(gain.access, NoNewAccess):
                yield self._change(UseEvent.GETS, resource, (), [use], gain)

    def _gain(self, old: Iterable[RoleUse], new: Iterable[RoleUse]) -> _Gain:
        """Say whether new roles allow something that no old one does."""
        before = [self._access(use, Side.BEFORE) for use in old]
        gain = _Gain(NoNewAccess())
        for role in (self._access(use, Side.AFTER) for use in new):
            answers = [self._roles.compare(had, role) for had in before or [NO_ROLE]]
            more = [answer for answer in answers if isinstance(answer, NewAccess)]
            if len(more) == len(answers):
                return _Gain(more[0], self._roles.gained(before[:1], [role], more[0]))
            if not any(isinstance(answer, NoNewAccess) for answer in answers):
                gain = _Gain(next(a for a in answers if isinstance(a, NotProven)))
        return gain

    def _access(self, use: RoleUse, side: Side) -> RoleAccess:
        """Return what a role allows within the session policy."""
        sessions = () if isinstance(use.session, Absent) else (use.session,)
        return self._roles.of(
            use.role.resource,
            side,
            sessions,
            is_certain=not use.is_target,
            version=use.role.version,
        )

    def _change(
        self,
        event: UseEvent,
        resource: Resource,
        before: Iterable[RoleUse],
        after: Iterable[RoleUse],
        gain: _Gain = _NOT_COMPARED,
    ) -> UseChange:
        old, new = [*before], [*after]
        first = (new or old)[0]
        kind = kind_of(resource.type) or UseKind.WORKLOAD
        return UseChange(
            event,
            kind,
            resource.address,
            resource.type,
            first.attribute,
            resource.before is None,
            first.pods,
            tuple(dict.fromkeys(use.shown_role for use in old)),
            tuple(dict.fromkeys(use.shown_role for use in new)),
            gain.access,
            None if any(use.mark for use in (*old, *new)) else gain.parts,
            self._roles.reach(use.role.resource for use in new),
            all(self._access(use, Side.BEFORE).is_shown for use in old),
            first.session,
            self._made_here(resource, new),
        )

    def _made_here(self, resource: Resource, uses: list[RoleUse]) -> str:
        """Return what each use may name that is not resolved and the plan makes in the module."""
        made = [
            self._of_module.get((resource.module, use.target), "")
            for use in uses
            if isinstance(use.named, Unresolved) and use.target != ROLE
        ]
        return made[0] if made and len(made) == len(uses) and all(made) else ""


def _current(uses: Iterable[RoleUse]) -> set[tuple[IamResource, Pods | None]]:
    return {use.by_name for use in uses if use.is_current}


def _block(resource: Resource) -> str:
    """Return what tells workloads of one block from others, and node groups from other types."""
    return resource.type if resource.type == NODE_GROUP else without_keys(resource.address)
