"""Calls of the plugin that the roles of aws-node do not allow, before and after a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.inputs.plan.account.documents import PlanPolicy
from vpc_cni_iam.inputs.plan.account.grants import PlanGrant, have_secrets, known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, Unresolved
from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_aws, is_of_plugin
from vpc_cni_iam.inputs.plan.plugin.state import (
    ClusterPlugin,
    PluginIdentity,
    PluginSetup,
    PluginState,
)
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known
from vpc_cni_iam.review.context import Context, fact, facts
from vpc_cni_iam.review.diff.plugin.calls import MissingCall, PluginCalls, plugin_calls
from vpc_cni_iam.review.diff.plugin.judged import (
    JudgedPlugin,
    OtherPlace,
    VersionSource,
    changed_scenarios,
    judged,
    new_places,
)
from vpc_cni_iam.review.diff.plugin.node_roles import node_role_changes
from vpc_cni_iam.review.diff.plugin.roles import (
    access_of,
    has_plugin_policy,
    is_of_nodes,
    roles_of_plugin,
)
from vpc_cni_iam.review.diff.principals import changed_principals
from vpc_cni_iam.review.diff.role_access import RolePermissions

_Key: TypeAlias = tuple[str, str, str]  # of a call


class MorePolicies(NotKnown, frozen=True):
    """That a new role may get more policies in another plan; they are taken to deny nothing."""

    @property
    def may_limit(self) -> bool:
        """Whether a call that is allowed may be denied in truth."""
        return False


class RoleNeeds(Struct, frozen=True):
    """A role of aws-node after a plan, and the calls that it does not allow."""

    access: RolePermissions  # what it allows after the plan
    verdict: Verdict  # whether aws-node works with it
    is_refused: bool  # whether the evaluator refuses a policy
    missing: tuple[MissingCall, ...]
    lost: tuple[MissingCall, ...]  # the missing calls that the role allowed before
    newly: tuple[MissingCall, ...]  # the missing calls that are new for another reason
    is_changed: bool  # whether its policies, its boundary or its tags change
    is_first: bool  # whether it gets its first policies
    # Whether it has no cluster and gets its first policies: another plan may add more.
    may_get_more: bool
    # Where the policies and the limits are written, in the order of `MissingCall.denied_by`.
    places: tuple[str, ...]
    policy: str  # where the plugin's policy is written; empty if there is none
    elsewhere: tuple[OtherPlace, ...]  # new policies for another place

    @property
    def role(self) -> IamResource:
        """The role itself."""
        return self.access.role

    @property
    def is_policy(self) -> bool:
        """Whether it is a policy instead of the unknown role that has it."""
        return any(grant.policy == self.role for grant in self.access.grants.values())

    @property
    def open_grants(self) -> tuple[PlanGrant, ...]:
        """Its policies with unknown content."""
        return tuple(grant for grant in self.access.grants.values() if grant.is_open)

    @property
    def fails_as_before(self) -> bool:
        """Whether it fails, and the plan removes nothing that the plugin needs."""
        is_worse = self.elsewhere or any(call.is_fatal for call in (*self.lost, *self.newly))
        return self.verdict is Verdict.fails and not (self.may_get_more or is_worse)

    @property
    def newly_fails(self) -> bool:
        """Whether it fails because of the plan."""
        return self.verdict is Verdict.fails and not self.fails_as_before


class PluginNeeds(Struct, frozen=True):
    """The calls that aws-node needs after a plan and that its roles do not allow."""

    plugin: ClusterPlugin
    is_of_cluster: bool  # False for a role of the plugin without a cluster in the plan
    before: JudgedPlugin
    after: JudgedPlugin
    source: VersionSource
    pin: PluginVersion | None  # the version that vpc-cni-iam.toml pins
    mode: Mode  # the IP family that is checked
    is_changed: bool  # whether the plugin has another setup, or other roles
    roles: tuple[RoleNeeds, ...]
    not_shown: tuple[IamResource, ...]  # its roles whose policies the plan does not have

    def others(self, role: RoleNeeds) -> tuple[IamResource, ...]:
        """Return the roles that aws-node may have instead of one, and that may allow its calls."""
        identity = self.plugin.after.identity
        denied = {call.action for call in role.missing}
        lacking = (
            other.role for other in self.roles if denied <= {call.action for call in other.missing}
        )
        others = identity.roles - {role.role, *lacking} if identity.is_one_of_several else ()
        return tuple(sorted(others, key=str))


@fact
def plugin_needs(context: Context) -> tuple[PluginNeeds, ...]:
    """Return the calls that roles do not allow: in each cluster, and of roles without a cluster."""
    of_clusters = (_needs(context, plugin, is_of_cluster=True) for plugin in context.plugins)
    return (*of_clusters, *needs_of_roles(context))


@fact
def needs_of_roles(context: Context) -> tuple[PluginNeeds, ...]:
    """Return the calls that roles without a known cluster do not allow."""
    return tuple(needs_of_role(context, role) for role in roles_of_plugin(context))


def needs_of_role(
    context: Context, role: IamResource, instead_of: IamResource | None = None
) -> PluginNeeds:
    """Return the calls that a role without a cluster in the plan does not allow.

    `instead_of` is the role that it replaces.
    """
    setup = PluginSetup(PluginSettings(version=_version(context)))
    before, after = (
        PluginState(setup=setup, identity=PluginIdentity(roles=frozenset({each})))
        for each in (instead_of or role, role)
    )
    return _needs(context, ClusterPlugin("", before, after), is_of_cluster=False)


@fact
def needs_by_role(context: Context) -> Mapping[IamResource, list[PluginNeeds]]:
    """Return the needs of aws-node for each of its roles, in their clusters."""
    by_role: dict[IamResource, list[PluginNeeds]] = defaultdict(list)
    for needs in plugin_needs(context):
        for role in needs.roles:
            by_role[role.role].append(needs)
    return by_role


@fact
def instance_needs(
    context: Context,
) -> Mapping[tuple[IamResource, IamResource], tuple[str, PluginNeeds]]:
    """Return the needs of aws-node on instances, without a cluster, that get another role.

    The key has the old and the new role, the value the resource that gives instances the new one.
    """
    needs: dict[tuple[IamResource, IamResource], tuple[str, PluginNeeds]] = {}
    if any(plugin.after.identity.kind.is_of_service_account for plugin in context.plugins):
        return needs
    accounts = context.accounts
    for change in node_role_changes(context):
        if change.resource_type == NODE_GROUP:
            continue
        for pair in product(change.before, change.after):
            is_shown = pair[1] in accounts.after.grants or pair[1] in accounts.created
            if pair not in needs and is_shown and has_plugin_policy(context, pair[0]):
                needs[pair] = change.address, needs_of_role(context, pair[1], pair[0])
    return needs


def other_roles(context: Context, needs: PluginNeeds, role: RoleNeeds) -> tuple[IamResource, ...]:
    """Return the roles that aws-node may have instead of one."""
    if needs.is_of_cluster:
        return needs.others(role)
    return _roles_of_pods(context) if is_of_nodes(context, role.role, alone=True) else ()


@facts
def _roles_of_pods(context: Context) -> Iterator[IamResource]:
    """Yield the plugin's roles without a cluster that aws-node can assume itself."""
    for role in (needs.roles[0].role for needs in needs_of_roles(context)):
        if has_plugin_policy(context, role) and not is_of_nodes(context, role, alone=True):
            yield role


def lacked(context: Context, role: IamResource, needs: PluginNeeds) -> Policy:
    """Return the statements of upstream's document for the calls that a role did not allow.

    It is the document of the version that is checked, for its IP family.
    """
    had = access_of(context, role, needs.plugin.after.identity, Side.BEFORE)
    calls = role_calls(context, had, needs.after, Side.BEFORE)
    actions = {call.action for call in calls.missing}
    document = documents.in_force(needs.after.version).document(needs.mode)
    partition = needs.after.names.get("partition", "aws")
    own = parameters.fill(document, {**parameters.values({}), "partition": partition})
    return own.with_actions(actions.__contains__)


@fact
def _version(context: Context) -> str:
    """Return the version of the plugin whose role the plan does not show, if there is one."""
    after = (p.after for p in context.plugins if p.after.installer)
    versions = {
        state.setup.settings.version
        for state in after
        if all(isinstance(role, Unresolved) for role in state.identity.roles)
    }
    return versions.pop() if len(versions) == 1 else ""


def _needs(context: Context, plugin: ClusterPlugin, *, is_of_cluster: bool) -> PluginNeeds:
    old, new = plugin.states
    before, _ = judged(old, new, context.options, context.reader)
    after, source = judged(new, old, context.options, context.reader)
    is_changed = plugin.is_installed or before != after or not old.identity.is_same(new.identity)
    after = replace(after, scenarios=changed_scenarios(old, new))
    names = sorted(new.identity.roles, key=str)
    if plugin.is_removed:  # it gets no other role
        names = [role for role in names if role in old.identity.roles]
    shown = [role for role in names if not is_of_cluster or _is_shown(context, role)]
    needs = PluginNeeds(
        plugin,
        is_of_cluster,
        before,
        after,
        source,
        context.options.pin,
        after.mode_for(next((p for role in shown for p in _naming(context, role) if p), ())),
        is_changed,
        (),
        tuple(role for role in names if role not in shown),
    )
    return replace(needs, roles=tuple(_of_role(context, role, needs) for role in shown))


def _of_role(context: Context, role: IamResource, needs: PluginNeeds) -> RoleNeeds:
    (before, after), identity = context.accounts.sides, needs.plugin.after.identity
    has = access_of(context, role, identity, Side.AFTER)
    is_changed = _is_changed(context, role)
    grants, old_grants = (tuple(side.policies(role).values()) for side in (after, before))
    is_first = bool(grants) and not old_grants
    may_get_more = is_first and not needs.is_of_cluster
    calls = role_calls(context, has, needs.after, Side.AFTER, may_get_more=may_get_more)
    new: list[tuple[MissingCall, bool]] = []
    if calls.missing and (needs.is_changed or (is_changed and not is_first)):
        new = [*_new_calls(context, has, calls, needs)]
    places = [g.written_at for g in filter(None, (*grants, has.boundary)) if g.document]
    places += [address for address, limit in identity.sessions if isinstance(limit, PlanPolicy)]
    own = filter(is_of_plugin, (*grants, *old_grants))
    elsewhere = new_places(role, needs.after, (before, after)) if needs.is_of_cluster else ()
    return RoleNeeds(
        access=has,
        verdict=calls.verdict,
        is_refused=calls.is_refused,
        missing=calls.missing,
        lost=tuple(call for call, was_called in new if was_called and is_changed),
        newly=tuple(call for call, was_called in new if not (was_called and is_changed)),
        is_changed=is_changed,
        is_first=is_first,
        may_get_more=may_get_more,
        places=tuple(places),
        policy=next((g.written_at for g in own if not is_of_aws(g)), ""),
        elsewhere=tuple(elsewhere),
    )


def _new_calls(
    context: Context, has: RolePermissions, calls: PluginCalls, needs: PluginNeeds
) -> Iterator[tuple[MissingCall, bool]]:
    """Yield calls that a role newly does not allow, and whether they were made before.

    A role that the plan gives to aws-node must allow the calls, whatever its old roles allowed. So
    must the role of a plugin that it installs. For a new plugin, only fatal calls are reported.
    """
    identity = needs.plugin.before.identity
    is_own = has.role in identity.roles and not needs.plugin.is_installed
    is_first = not (identity.roles or needs.plugin.before.installer)
    allowed, ranks = _calls_before(context, has, calls, needs)
    for call in calls.missing:
        was_called = call.key in allowed or call.key in ranks
        # A call that was not made before is new only with other settings, if its action was
        # allowed.
        not_called = ranks.get(call.action, -1) if needs.is_changed else call.level.rank
        is_new = call.key in allowed or call.level.rank > ranks.get(call.key, not_called)
        if (call.is_fatal and not is_own) or (is_new and not is_first):
            yield call, is_own and was_called


def _calls_before(
    context: Context, has: RolePermissions, calls: PluginCalls, needs: PluginNeeds
) -> tuple[set[_Key], Mapping[str | _Key, int]]:
    """Return the calls that roles allowed before, and the ranks of those that they denied."""
    before, identity = context.accounts.before, needs.plugin.before.identity
    denied = {call.key for call in calls.missing if call.denied_by is not None}
    allowed: set[_Key] = set()
    ranks: dict[str | _Key, int] = {}
    for role in ({has.role} & identity.roles or identity.roles) & before.grants.keys():
        had = access_of(context, role, identity, Side.BEFORE)
        were = role_calls(context, had, needs.before, Side.BEFORE)
        allowed |= were.allowed
        for call in were.missing:
            # An unknown policy may allow it before and not after.
            stays_open = bool(has.open_policies) and call.key not in denied
            if had.open_policies and call.denied_by is None and not stays_open:
                allowed.add(call.key)
            else:
                ranks[call.key] = call.level.rank
                ranks[call.action] = max(call.level.rank, ranks.get(call.action, -1))
    return allowed, ranks


def role_calls(
    context: Context,
    has: RolePermissions,
    judged: JudgedPlugin,
    side: Side,
    *,
    may_get_more: bool = False,
) -> PluginCalls:
    """Return the calls that the policies of a role on one side allow the plugin."""
    tags, naming = _tags(context, has.role, side), _naming(context, has.role)
    others = [MorePolicies("", Reason.not_read, "")] if may_get_more else []
    calls = plugin_calls(has.permissions, judged, naming, tags, [*has.doubts, *others])
    if calls.missing and have_secrets(context.accounts.on(side).of(has.role).values()):
        return replace(calls, missing=tuple(replace(c, region="") for c in calls.missing))
    return calls


def _naming(context: Context, role: IamResource) -> list[tuple[Policy, ...]]:
    """Return the policies that name the plugin's place, the most important first."""
    return [known_policies(account.policies(role).values()) for account in context.accounts.sides]


def _tags(context: Context, role: IamResource, side: Side) -> Mapping[str, str] | None:
    """Return the tags of a role; None if the plan does not show them."""
    resource = context.reader.resolver.by_address.get(getattr(role, "address", ""))
    match one(resource, "tags_all", side) if resource else None:
        case Known(dict(tags)) if not any(map(is_mark, tags.values())):
            return {str(key): str(value) for key, value in tags.items()}
    return None


def _is_changed(context: Context, role: IamResource) -> bool:
    """Return whether the policies, the boundary or the tags of a role change."""
    before, after = (_tags(context, role, side) for side in Side)
    return before != after or role in changed_principals(context)


def _is_shown(context: Context, role: IamResource) -> bool:
    """Return whether the plan shows the policies of a role."""
    accounts = context.accounts
    has_any = any(role in account.grants for account in accounts.sides)
    return role not in accounts.deleted and (role in accounts.created or has_any)
