"""What the roles of aws-node do not allow of what the plugin calls, before and after a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.calls import calls as all_calls
from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, POLICY, Part
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known
from vpc_cni_iam.review.account.documents import Content, Document
from vpc_cni_iam.review.account.fill import Filler
from vpc_cni_iam.review.account.grants import Account, Grant, known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.review.account.plugin.policy import is_of_plugin
from vpc_cni_iam.review.account.plugin.state import (
    ClusterPlugin,
    PluginIdentity,
    PluginSetup,
    PluginState,
)
from vpc_cni_iam.review.account.uses import UseKind
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.permissions import Permissions, permissions
from vpc_cni_iam.review.diff.plugin.calls import (
    MissingCall,
    PluginCalls,
    lost_calls,
    new_calls,
    plugin_calls,
)
from vpc_cni_iam.review.diff.plugin.judged import (
    JudgedPlugin,
    VersionSource,
    changed_scenarios,
    judged,
)
from vpc_cni_iam.review.diff.plugin.other_places import OtherPlace, new_places
from vpc_cni_iam.review.diff.plugin.roles import has_plugin_policy, is_of_nodes, roles_of_plugin
from vpc_cni_iam.review.diff.uses import use_changes
from vpc_cni_iam.review.options import Options


class RoleNeeds(Struct, frozen=True):
    """A role of aws-node after a plan, and what it does not allow."""

    role: IamResource
    permissions: Permissions  # what is known of them after
    missing: tuple[MissingCall, ...] | None  # None: the evaluator refuses a policy
    # What of it the policies before allowed, for the plugin as it is after.
    lost: tuple[MissingCall, ...]
    open: tuple[Grant, ...]  # its policies of which nothing is known
    open_limits: tuple[str, ...]  # boundaries and session policies of which nothing is known
    is_changed: bool  # whether its policies or limits change
    # Where the policies and the limits are written, as `MissingCall.denied_by` counts them.
    places: tuple[str, ...]
    policy: str  # where the plugin's policy is written, after or else before; empty for none
    # Whether it stands for whoever has a policy, of which the plan does not say who that is.
    is_policy: bool = False
    # What was not missing before the plan, whatever the reason.
    newly: tuple[MissingCall, ...] = ()
    failed_before: bool = False  # whether it certainly did not allow what the plugin needs before
    elsewhere: tuple[OtherPlace, ...] = ()  # new policies that are for another cluster or VPC
    # Whether it first gets policies, and no cluster: another plan may give it more before.
    may_get_more: bool = False

    @property
    def fails(self) -> bool:
        """Whether it certainly does not allow what the plugin needs."""
        return _fails(self.missing or (), is_open=bool(self.open) or self.may_get_more)

    @property
    def fails_as_before(self) -> bool:
        """Whether it failed before, and the plan takes away nothing that the plugin needs."""
        is_fatal = any(call.is_fatal for call in (*self.lost, *self.newly))
        return self.failed_before and not (is_fatal or self.elsewhere)


class PluginNeeds(Struct, frozen=True):
    """What aws-node in a cluster needs after a plan, and does not have."""

    plugin: ClusterPlugin
    is_of_cluster: bool  # False for a role of the plugin, of which the plan names no cluster
    before: JudgedPlugin
    after: JudgedPlugin
    source: VersionSource
    mode: Mode  # the IP family that is judged
    is_changed: bool  # whether the plugin is set up otherwise, or has other roles
    roles: tuple[RoleNeeds, ...]
    not_shown: tuple[IamResource, ...]  # its roles of which the plan has no policies

    def others(self, role: RoleNeeds) -> tuple[IamResource, ...]:
        """Return the roles that aws-node may have in place of one, and that may allow its calls."""
        identity = self.plugin.after.identity
        denied = {call.action for call in role.missing or ()}
        lacking = (
            other.role
            for other in self.roles
            if denied <= {call.action for call in other.missing or ()}
        )
        others = identity.roles - {role.role, *lacking} if identity.is_one_of_several else ()
        return tuple(sorted(others, key=str))


class NeedsFinder(Struct, frozen=True):
    """Asks what roles do not allow aws-node."""

    filler: Filler
    options: Options
    after_conflicts: Account  # what there is after if all that conflicts keep is there in the end
    version: str = ""  # of the plugin whose role the plan does not show; empty for none

    def of_cluster(self, plugin: ClusterPlugin) -> PluginNeeds:
        """Return what the roles of aws-node in a cluster do not allow."""
        return self._needs(plugin, is_of_cluster=True)

    def of_role(self, role: IamResource) -> PluginNeeds:
        """Return what a role of the plugin does not allow, of which the plan names no cluster."""
        setup = PluginSetup(PluginSettings(version=self.version))
        state = PluginState(setup=setup, identity=PluginIdentity(roles=frozenset({role})))
        return self._needs(ClusterPlugin("", state, state), is_of_cluster=False)

    def _needs(self, plugin: ClusterPlugin, *, is_of_cluster: bool) -> PluginNeeds:
        old, new = plugin.states
        before, _ = judged(old, new, self.options, self.filler)
        after, source = judged(new, old, self.options, self.filler)
        is_changed = before != after or not old.identity.is_same(new.identity)
        after = replace(after, scenarios=changed_scenarios(old, new))
        names = sorted(new.identity.roles, key=str)
        shown = [role for role in names if not is_of_cluster or self._is_shown(role)]
        roles = [
            self._of_role(role, new.identity, after, is_of_cluster=is_of_cluster) for role in shown
        ]
        # What it could not call before matters only if it runs otherwise after.
        if is_changed and any(role.missing for role in roles):
            is_first = not (old.identity.roles or old.installer)
            earlier = list(self._missing_before(old.identity, before, roles))
            roles = [
                replace(role, newly=_newly(role, old.identity, earlier, is_first=is_first))
                for role in roles
            ]
        named = (policies for role in shown for policies in self._naming(role) if policies)
        mode = after.mode_for(next(named, ()))
        not_shown = tuple(role for role in names if role not in shown)
        return PluginNeeds(
            plugin, is_of_cluster, before, after, source, mode, is_changed, tuple(roles), not_shown
        )

    def _is_shown(self, role: IamResource) -> bool:
        """Say whether the plan shows the policies of a role."""
        accounts = self.filler.accounts
        is_new = role in accounts.created
        has_any = any(role in account.grants for account in accounts.sides)
        return role not in accounts.deleted and (is_new or has_any)

    def _naming(self, role: IamResource) -> list[tuple[Policy, ...]]:
        """Return the policies that name where the plugin is, those that count first at first."""
        sides = self.filler.accounts.sides
        return [known_policies(account.policies(role).values()) for account in sides]

    def _calls(
        self,
        role: IamResource,
        identity: PluginIdentity,
        judged: JudgedPlugin,
        side: Side,
        more: tuple[Policy, ...] = (),
        only: Collection[str] = (),
    ) -> PluginCalls | None:
        """Return the calls that the policies of a role on one side allow the plugin as judged."""
        before, after = self.filler.accounts.sides
        account = after if side is Side.AFTER else before
        limited = _permissions(account, role, identity)
        limited = replace(limited, policies=(*limited.policies, *more))
        calls = plugin_calls(limited, judged, self._naming(role), only, self._tags(role, side))
        if calls is not None and any(grant.has_secrets for grant in account.of(role).values()):
            shown = tuple(replace(call, region="") for call in calls.missing)
            return replace(calls, missing=shown)
        return calls

    def _tags(self, role: IamResource, side: Side) -> Mapping[str, str] | None:
        """Return the tags of a role; None where the plan does not show them."""
        resource = self.filler.resolver.by_address.get(getattr(role, "address", ""))
        match one(resource, "tags_all", side) if resource else None:
            case Known(dict(tags)) if not any(map(is_mark, tags.values())):
                return {str(key): str(value) for key, value in tags.items()}
        return None

    def _after(
        self, role: IamResource, identity: PluginIdentity, judged: JudgedPlugin
    ) -> PluginCalls | None:
        """Return the calls that the policies of a role after allow.

        Those that a policy allows that one resource removes and another one keeps are marked.
        """
        calls = self._calls(role, identity, judged, Side.AFTER)
        after = self.filler.accounts.after.policies(role)
        kept_grants = self.after_conflicts.policies(role).items()
        contested = known_policies(g for key, g in kept_grants if after.get(key) != g)
        if calls is None or not (calls.missing and contested):
            return calls
        with_all = self._calls(role, identity, judged, Side.AFTER, contested)
        allowed = with_all.allowed if with_all else frozenset()
        marked = (replace(call, is_contested=call.key in allowed) for call in calls.missing)
        return replace(calls, missing=tuple(marked))

    def _of_role(
        self,
        role: IamResource,
        identity: PluginIdentity,
        judged: JudgedPlugin,
        *,
        is_of_cluster: bool,
    ) -> RoleNeeds:
        before, after = self.filler.accounts.sides
        old, new = before.policies(role), after.policies(role)
        boundary = after.one(role, Part.BOUNDARY)
        is_changed = _contents(before, role) != _contents(after, role)
        calls = self._after(role, identity, judged)
        opened = tuple(grant for grant in new.values() if grant.is_open)
        was_open = any(grant.is_open for grant in old.values())
        lost: tuple[MissingCall, ...] = ()
        had = calls
        if calls and calls.missing and old and is_changed and _may_lose(before, after, role):
            scenarios = {call.scenario for call in calls.missing}
            had = self._calls(role, identity, judged, Side.BEFORE, only=scenarios)
            lost = lost_calls(calls, had, may_have=was_open, may=bool(opened))
        return RoleNeeds(
            role,
            _permissions(after, role, identity),
            calls.missing if calls else None,
            lost,
            opened,
            tuple(_open_limits(identity, boundary)),
            is_changed,
            tuple(_places(new.values(), boundary, identity)),
            next(_of_plugin((*new.values(), *old.values())), ""),
            self._is_policy(role),
            failed_before=(bool(old) or not is_changed)
            and _fails(had.missing if had else (), is_open=was_open),
            elsewhere=tuple(new_places(role, judged, (before, after)) if is_of_cluster else ()),
            may_get_more=is_changed and not (old or is_of_cluster),
        )

    def _is_policy(self, owner: IamResource) -> bool:
        by_address = self.filler.resolver.by_address
        return isinstance(owner, InPlan) and by_address[owner.address].type == POLICY

    def lost_by(self, old: IamResource, new: IamResource) -> PluginNeeds:
        """Return what aws-node of instances loses with a role that takes the place of another."""
        needs = self.of_role(new)
        (role,) = needs.roles
        identity = PluginIdentity()
        calls = self._calls(new, identity, needs.after, Side.AFTER)
        had = self._calls(old, identity, needs.after, Side.BEFORE)
        lost = lost_calls(calls, had) if calls else ()
        return replace(needs, roles=(replace(role, lost=lost, failed_before=False),))

    def lacked(self, role: IamResource, needs: PluginNeeds) -> Policy:
        """Return what upstream's document allows of the calls that a role before did not allow.

        It is the document of the version that is judged, for its IP family.
        """
        calls = self._calls(role, needs.plugin.after.identity, needs.after, Side.BEFORE)
        actions = {call.action for call in calls.missing} if calls else set()
        document = documents.in_force(needs.after.version).document(needs.mode)
        partition = needs.after.names.get("partition", "aws")
        own = parameters.fill(document, {**parameters.values({}), "partition": partition})
        statements = (
            replace(s, actions=tuple(a for a in s.actions if a in actions)) for s in own.statements
        )
        return Policy(tuple(statement for statement in statements if statement.actions))

    def _missing_before(
        self, identity: PluginIdentity, judged: JudgedPlugin, after: Iterable[RoleNeeds]
    ) -> Iterator[MissingCall]:
        """Yield what the roles before did not allow.

        What a policy may have allowed of which nothing is known was missing only if that is so
        after, too.
        """
        is_open = any(role.open for role in after)
        for role in identity.roles & self.filler.accounts.before.grants.keys():
            calls = self._calls(role, identity, judged, Side.BEFORE)
            grants = self.filler.accounts.before.policies(role).values()
            may_have = not is_open and any(grant.is_open for grant in grants)
            for call in calls.missing if calls else ():
                if call.denied_by is not None or not may_have:
                    yield call


def _fails(calls: Iterable[MissingCall], *, is_open: bool) -> bool:
    """Say whether a call without which pods get no addresses is denied for certain.

    A policy of which nothing is known may allow it, unless a Deny or a limit keeps it out.
    """
    return any(
        call.is_fatal and call.is_certain and not (is_open and call.denied_by is None)
        for call in calls
    )


def _newly(
    role: RoleNeeds, identity: PluginIdentity, earlier: Iterable[MissingCall], *, is_first: bool
) -> tuple[MissingCall, ...]:
    """Return what a role does not allow, and was allowed before by the roles of an identity."""
    missing = role.missing or ()
    # A role that the plan gives to aws-node has to do, even if the one before did not.
    fatal = tuple(call for call in missing if call.is_fatal and role.role not in identity.roles)
    # Of a plugin that is new only what it cannot do without counts.
    return fatal if is_first else tuple(dict.fromkeys((*fatal, *new_calls(missing, earlier))))


def _permissions(account: Account, role: IamResource, identity: PluginIdentity) -> Permissions:
    session = identity.session
    return permissions(account, role, [session.policy] if isinstance(session, Document) else [])


def _may_lose(before: Account, after: Account, role: IamResource) -> bool:
    """Say whether policies differ in anything that a call of the plugin depends on."""
    limits = [account.one(role, Part.BOUNDARY) for account in (before, after)]
    if limits != [None, None]:
        return True
    old, new = (
        {s for policy in known_policies(account.policies(role).values()) for s in policy.statements}
        for account in (before, after)
    )
    return any(statement.is_about(call.action) for statement in old ^ new for call in all_calls())


def _open_limits(identity: PluginIdentity, boundary: Grant | None) -> Iterator[str]:
    """Yield what limits a role, and of which nothing is known."""
    if boundary and boundary.is_open:
        yield boundary.written_at
    if not isinstance(identity.session, Absent | Document):
        yield from sorted(address for address, _ in identity.sessions)


def _places(
    grants: Iterable[Grant], boundary: Grant | None, identity: PluginIdentity
) -> Iterator[str]:
    yield from (grant.written_at for grant in grants if grant.is_known)
    if boundary and boundary.is_known:
        yield boundary.written_at
    yield from (address for address, content in identity.sessions if isinstance(content, Document))


def _of_plugin(grants: Iterable[Grant]) -> Iterator[str]:
    """Yield where policies of the plugin are written that somebody can change."""
    for grant in grants:
        is_of_aws = isinstance(grant.policy, Named) and grant.policy.account == "aws"
        if is_of_plugin(grant) and not is_of_aws:
            yield grant.written_at


def _contents(account: Account, role: IamResource) -> dict[object, Content]:
    """Return what a role has on one side, and what limits it."""
    boundary = account.one(role, Part.BOUNDARY)
    contents: dict[object, Content] = {k: g.content for k, g in account.policies(role).items()}
    return {**contents, Part.BOUNDARY: boundary.content if boundary else Absent()}


@fact
def needs_finder(context: Context) -> NeedsFinder:
    """Return what asks which calls roles allow."""
    after = (p.after for p in context.plugins if p.after.installer)
    versions = {s.setup.settings.version for s in after if not s.identity.roles}
    version = versions.pop() if len(versions) == 1 else ""
    return NeedsFinder(context.filler, context.options, context.accounts.kept, version)


@fact
def plugin_needs(context: Context) -> tuple[PluginNeeds, ...]:
    """Return what roles do not allow aws-node: in each cluster, and those of no known cluster."""
    return (*map(needs_finder(context).of_cluster, context.plugins), *needs_of_roles(context))


@fact
def needs_of_roles(context: Context) -> tuple[PluginNeeds, ...]:
    """Return what the roles of no known cluster do not allow aws-node."""
    return tuple(map(needs_finder(context).of_role, roles_of_plugin(context)))


@fact
def needs_by_role(context: Context) -> Mapping[IamResource, list[PluginNeeds]]:
    """Return what aws-node needs of each of its roles, in the clusters where it has them."""
    by_role: dict[IamResource, list[PluginNeeds]] = defaultdict(list)
    for needs in plugin_needs(context):
        for role in needs.roles:
            by_role[role.role].append(needs)
    return by_role


@fact
def roles_of_pods(context: Context) -> tuple[IamResource, ...]:
    """Return the plugin's roles that aws-node has by itself, of which the plan names no cluster."""
    roles = (needs.roles[0].role for needs in plugin_needs(context) if not needs.is_of_cluster)
    return tuple(
        role
        for role in roles
        if has_plugin_policy(context, role) and not is_of_nodes(context, role, alone=True)
    )


def other_roles(context: Context, needs: PluginNeeds, role: RoleNeeds) -> tuple[IamResource, ...]:
    """Return the roles that aws-node may have in place of one."""
    if needs.is_of_cluster:
        return needs.others(role)
    return roles_of_pods(context) if is_of_nodes(context, role.role, alone=True) else ()


@fact
def instance_needs(
    context: Context,
) -> Mapping[tuple[IamResource, IamResource], tuple[str, PluginNeeds]]:
    """Return what aws-node of instances that no cluster of the plan has loses with another role.

    By the roles before and after, each with the resource that gives instances the other role.
    """
    needs: dict[tuple[IamResource, IamResource], tuple[str, PluginNeeds]] = {}
    if any(plugin.after.identity.kind.is_of_service_account for plugin in context.plugins):
        return needs
    accounts = context.accounts
    for change in use_changes(context):
        if change.kind is not UseKind.INSTANCES or change.resource_type == NODE_GROUP:
            continue
        for pair in product(change.before, change.after):
            is_shown = pair[1] in accounts.after.grants or pair[1] in accounts.created
            if pair not in needs and is_shown and has_plugin_policy(context, pair[0]):
                needs[pair] = change.workload, needs_finder(context).lost_by(*pair)
    return needs
