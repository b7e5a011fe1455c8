"""What the roles of aws-node do not allow of what the plugin calls, before and after a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.calls import calls as all_calls
from vpc_cni_iam.catalog.facts.partitions import partition_of
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.inputs.plan.values import text
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.settings import SettingsSource
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Unknown
from vpc_cni_iam.review.account.documents import Content, Document
from vpc_cni_iam.review.account.fill import Filler
from vpc_cni_iam.review.account.grants import Account, Grant, GrantKey, known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.review.account.plugin.policy import concerns_plugin
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin, PluginIdentity, PluginState
from vpc_cni_iam.review.diff.calls import (
    MissingCall,
    PluginCalls,
    Situation,
    lost_calls,
    new_calls,
    plugin_calls,
)
from vpc_cni_iam.review.diff.permissions import permissions
from vpc_cni_iam.review.options import Options


class VersionSource(StrEnum):
    """Where the version that is judged comes from."""

    PLAN = "plan"
    OPTION = "option"
    ASSUMED = "newest"  # the plan names none that the catalog knows


class RoleNeeds(Struct, frozen=True):
    """A role of aws-node after a plan, and what it does not allow."""

    role: IamResource
    missing: tuple[MissingCall, ...] | None  # None: the evaluator refuses a policy
    # What of it the policies before allowed, for the plugin as it is after.
    lost: tuple[MissingCall, ...]
    # What of it was not missing before the plan, whatever the reason.
    newly: tuple[MissingCall, ...]
    open: tuple[Grant, ...]  # its policies of which nothing is known
    opened: bool  # whether such a policy is added or changes
    open_limits: tuple[str, ...]  # boundaries and session policies of which nothing is known
    is_changed: bool  # whether its policies or limits change
    # Where the policies and the limits are written, as `MissingCall.denied_by` counts them.
    places: tuple[str, ...]
    policy: str  # where the plugin's policy is written, after or else before; empty for none


class PolicyLayers(Struct, frozen=True):
    """The known policies of a role of aws-node after a plan, and each layer that limits them."""

    role: IamResource
    layers: tuple[tuple[Policy, ...], ...]
    cluster: str  # the name by which session tags know its cluster; empty where it is not known

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies of all layers."""
        return tuple(policy for layer in self.layers for policy in layer)


class PluginNeeds(Struct, frozen=True):
    """The plugin in a cluster, or with a role of which the plan names no cluster."""

    cluster: ClusterPlugin | None
    before: Situation
    after: Situation
    source: VersionSource
    mode: Mode  # the IP family that is judged
    is_changed: bool  # whether the plugin runs otherwise after: its version, settings or identity
    roles: tuple[RoleNeeds, ...]
    not_shown: tuple[IamResource, ...] = ()  # roles of aws-node that the plan does not show


def judged_version(named: str, options: Options) -> tuple[PluginVersion, VersionSource]:
    """Return the version that policies are judged by, and where it comes from."""
    if options.version:
        return options.version, VersionSource.OPTION
    version = PluginVersion.parse(named)
    if version is not None and version in known_versions.served():
        return version, VersionSource.PLAN
    return known_versions.stand_in(named) or known_versions.newest(), VersionSource.ASSUMED


class NeedsFinder(Struct, frozen=True):
    """Asks what roles do not allow aws-node."""

    filler: Filler
    options: Options
    after_conflicts: Account  # what there is after if all that conflicts keep is there in the end

    def of_cluster(self, cluster: ClusterPlugin) -> PluginNeeds:
        """Return what the roles of aws-node in a cluster do not allow."""
        old, new = cluster.states
        before, _ = self.situation(old, new)
        after, source = self.situation(new, old)
        is_changed = before != after or not old.identity.is_same(new.identity)
        after = replace(after, scenarios=_changes(old, new))
        # What it could not call before matters only if it runs otherwise after.
        every = _Earlier(self, old.identity, before, is_first=not old.installer)
        earlier = every if is_changed else None
        roles: list[RoleNeeds] = []
        not_shown: list[IamResource] = []
        for role in sorted(new.identity.roles, key=str):
            if self._is_shown(role):
                roles.append(self._of_role(role, new.identity, after, earlier))
            else:
                not_shown.append(role)
        mode = self._mode(after, (needs.role for needs in roles))
        return PluginNeeds(
            cluster, before, after, source, mode, is_changed, tuple(roles), tuple(not_shown)
        )

    def of_role(self, role: IamResource) -> PluginNeeds:
        """Return what a role of the plugin does not allow, of which the plan names no cluster."""
        version, source = judged_version("", self.options)
        situation = Situation(version, self.options.mode, names=self._names_of([role]))
        needs = self._of_role(role, PluginIdentity(), situation, None)
        mode = self._mode(situation, [role])
        return PluginNeeds(
            None, situation, situation, source, mode, is_changed=False, roles=(needs,)
        )

    def _mode(self, situation: Situation, roles: Iterable[IamResource]) -> Mode:
        policies = (p for role in roles for p in self._naming(role) if p)
        return situation.mode_for(next(policies, ()))

    def _naming(self, role: IamResource) -> list[tuple[Policy, ...]]:
        """Return the policies that name where the plugin is, those that count first at first."""
        sides = self.filler.accounts.sides
        return [known_policies(account.policies(role).values()) for account in sides]

    def situation(self, state: PluginState, other: PluginState) -> tuple[Situation, VersionSource]:
        """Return where the plugin runs on a side; what it does not say is as on the other."""
        setup = state.setup if state.installer else other.setup
        version, source = judged_version(
            setup.settings.version or other.setup.settings.version, self.options
        )
        environment = setup.settings.environment
        if setup.not_read and setup is state.setup:  # what is not read is as on the other side
            environment = {**other.setup.settings.environment, **environment}
        # What is not read may set CLUSTER_NAME, as EKS does in its add-on.
        is_read = not (state.setup.not_read or other.setup.not_read)
        is_all = is_read and setup.settings.source is SettingsSource.chart
        source_of = SettingsSource.chart if is_all else SettingsSource.options
        settings = replace(
            setup.settings, source=source_of, version="", file="", environment=environment
        )
        roles = state.identity.roles | other.identity.roles
        names = {**self._names_of(roles), **_names(other), **_names(state)}
        kind = state.identity.kind
        return (
            Situation(
                version,
                self.options.mode or state.mode or other.mode,
                settings,
                names,
                session_tags=kind.has_session_tags or kind is Identity.unknown,
                is_known=is_read and bool(state.installer or other.installer),
            ),
            source,
        )

    def calls(
        self,
        role: IamResource,
        identity: PluginIdentity,
        situation: Situation,
        side: Side,
        more: tuple[Policy, ...] = (),
    ) -> PluginCalls | None:
        """Return the calls that the policies of a role on one side allow in a situation."""
        before, after = self.filler.accounts.sides
        account = after if side is Side.AFTER else before
        sessions = [s for s in _sessions(identity) if isinstance(s, Document)]
        limited = permissions(account, role, (session.policy for session in sessions))
        limited = replace(limited, policies=(*limited.policies, *more))
        calls = plugin_calls(limited, situation, self._naming(role))
        if calls is not None and any(map(_has_secrets, account.of(role).values())):
            shown = tuple(replace(call, region="") for call in calls.missing)
            return replace(calls, missing=shown)
        return calls

    def lacked(self, role: IamResource, needs: PluginNeeds) -> Policy:
        """Return a policy of the actions of which a role before allowed not all that is called."""
        identity = needs.cluster.after.identity if needs.cluster else PluginIdentity()
        calls = self.calls(role, identity, needs.after, Side.BEFORE)
        actions = dict.fromkeys(call.action for call in calls.missing) if calls else ()
        return Policy((Statement(actions=tuple(actions), resources=("*",)),) if actions else ())

    def _after(
        self, role: IamResource, identity: PluginIdentity, situation: Situation
    ) -> PluginCalls | None:
        """Return the calls that the policies of a role after allow."""
        calls = self.calls(role, identity, situation, Side.AFTER)
        contested = known_policies(self.contested(role))
        if calls is None or not (calls.missing and contested):
            return calls
        with_all = self.calls(role, identity, situation, Side.AFTER, contested)
        allowed = with_all.allowed if with_all else frozenset()
        return replace(
            calls,
            missing=tuple(
                replace(call, is_contested=call.key in allowed) for call in calls.missing
            ),
        )

    def layers(self, role: IamResource, needs: PluginNeeds) -> PolicyLayers:
        """Return the known policies of a role after."""
        identity = needs.cluster.after.identity if needs.cluster else PluginIdentity()
        sessions = [s for s in _sessions(identity) if isinstance(s, Document)]
        after = self.filler.accounts.after
        limited = permissions(after, role, (session.policy for session in sessions))
        cluster = needs.cluster.after.cluster.name if needs.cluster else ""
        return PolicyLayers(role, (limited.policies, *limited.limits), cluster)

    def contested(self, role: IamResource) -> list[Grant]:
        """Return the policies of a role that one resource removes and another one keeps."""
        after = self.filler.accounts.after.policies(role)
        return [g for key, g in self.after_conflicts.policies(role).items() if after.get(key) != g]

    def _of_role(
        self,
        role: IamResource,
        identity: PluginIdentity,
        situation: Situation,
        earlier: _Earlier | None,
    ) -> RoleNeeds:
        before, after = self.filler.accounts.sides
        old, new = before.policies(role), after.policies(role)
        limits = [account.one(role, Part.BOUNDARY) for account in (before, after)]
        contents = [limit.content if limit else None for limit in limits]
        is_changed = _contents(old) != _contents(new) or contents[0] != contents[1]
        opened = [k for k, g in new.items() if g.is_open and not _is_same(old.get(k), g)]
        calls = self._after(role, identity, situation)
        missing = calls.missing if calls else None
        lost: tuple[MissingCall, ...] = ()
        if calls and missing and old and _may_lose(old, new, limits):
            lost = lost_calls(calls, self.calls(role, identity, situation, Side.BEFORE))
        newly: tuple[MissingCall, ...] = ()
        if earlier is not None and missing:
            is_same = not is_changed and _sessions(earlier.identity) == _sessions(identity)
            newly = earlier.newly(missing, is_same=is_same, role=role, situation=situation)
        return RoleNeeds(
            role,
            missing,
            lost,
            newly,
            tuple(grant for grant in new.values() if grant.is_open),
            bool(opened),
            tuple(_open_limits(identity, limits[1])),
            is_changed,
            tuple(_places(new.values(), limits[1], identity)),
            next(_plugins((*new.values(), *old.values())), ""),
        )

    def _names_of(self, roles: Iterable[IamResource]) -> dict[str, str]:
        """Return the account and the partition of roles, if their ARNs say one."""
        places = set()
        for role in roles:
            address = role.address if isinstance(role, InPlan) else ""
            resource = self.filler.resolver.by_address.get(address)
            arns = [text(resource, "arn", side) for side in Side] if resource else []
            arns += [role.name] if isinstance(role, Named) else []
            places |= {tuple(arn.split(":")[1:5:3]) for arn in arns if arn.startswith("arn:")}
        if len(places) != 1:
            return {}
        return dict(zip(("partition", "account_id"), places.pop(), strict=True))

    def _is_shown(self, role: IamResource) -> bool:
        """Say whether the plan shows the policies of a role."""
        accounts = self.filler.accounts
        return role not in accounts.deleted and (
            role in accounts.created or role in accounts.after.grants
        )


class _Earlier:
    """What aws-node could not call before the plan, as it was set up then."""

    def __init__(
        self, finder: NeedsFinder, identity: PluginIdentity, situation: Situation, *, is_first: bool
    ) -> None:
        self.identity, self.situation = identity, situation
        self._finder = finder
        self._is_first = is_first  # whether nothing in the plan installed it

    @cached_property
    def _missing(self) -> list[MissingCall]:
        before = self._finder.filler.accounts.before
        return [
            call
            for role in self.identity.roles
            if role in before.grants
            if (calls := self._finder.calls(role, self.identity, self.situation, Side.BEFORE))
            for call in calls.missing
        ]

    def newly(
        self,
        missing: tuple[MissingCall, ...],
        role: IamResource,
        situation: Situation,
        *,
        is_same: bool,
    ) -> tuple[MissingCall, ...]:
        """Return what is missing and was not before."""
        roles = self.identity.roles
        if is_same and role in roles and self.situation == situation:
            return ()
        fatal = tuple(call for call in missing if call.is_fatal)
        if not roles and self._is_first:  # what a plugin that comes cannot do without
            return fatal
        # A role that the plan gives to aws-node has to do, even if the one before did not.
        of_new_role = () if role in roles else fatal
        return tuple(dict.fromkeys((*of_new_role, *new_calls(missing, self._missing))))


def _has_secrets(grant: Grant) -> bool:
    return isinstance(grant.content, Document) and grant.content.masked is not None


def _may_lose(
    old: Mapping[GrantKey, Grant], new: Mapping[GrantKey, Grant], limits: list[Grant | None]
) -> bool:
    """Say whether policies differ in anything that a call of the plugin depends on."""
    if limits[0] != limits[1]:
        return True
    sides = [known_policies(grants.values()) for grants in (old, new)]
    before, after = ({s for policy in side for s in policy.statements} for side in sides)
    actions = [call.action for call in all_calls()]
    return any(statement.is_about(a) for statement in before ^ after for a in actions)


def _changes(old: PluginState, new: PluginState) -> tuple[str, ...]:
    """Return the scenarios by which the plugin meets interfaces from before its settings change."""
    if not (old.installer and new.installer):
        return ()
    names = [state.setup.settings.cluster_name for state in (old, new)]
    tags = [state.setup.settings.environment.get("ADDITIONAL_ENI_TAGS", "") for state in (old, new)]
    renamed = ("cluster-name-corrected",) if all(names) and names[0] != names[1] else ()
    return (*renamed, *(("additional-tags-changed",) if all(tags) and tags[0] != tags[1] else ()))


def _names(state: PluginState) -> dict[str, str]:
    """Return what a side says of where the plugin runs, by parameter."""
    cluster = state.cluster
    names = {
        "cluster_name": cluster.name,
        "region": cluster.region,
        "account_id": cluster.account,
        "vpc_id": state.vpc_id,
        "partition": partition_of(cluster.region) if cluster.region else "",
    }
    own: Mapping[str, str] = {}
    with suppress(InputError, UsageError):  # a value that the plugin does not take
        own = state.setup.settings.names()
    return {name: value for name, value in {**own, **names}.items() if value}


def _sessions(identity: PluginIdentity) -> tuple[Content, ...]:
    """Return the session policy that limits the roles, as far as it is known.

    AWS does not say whether that of an association with a target role limits the target role.
    """
    contents = {content for _, content in identity.sessions if not isinstance(content, Absent)}
    of_all = len(identity.sessions) == len(identity.addresses)
    is_one = len(contents) == 1 and of_all and not identity.first_roles
    return tuple(contents) if is_one else (Unknown("", Side.AFTER),) * bool(contents)


def _open_limits(identity: PluginIdentity, boundary: Grant | None) -> Iterator[str]:
    """Yield what limits a role, and of which nothing is known."""
    if boundary and boundary.is_open:
        yield written_at(boundary)
    if any(not isinstance(content, Document) for content in _sessions(identity)):
        yield from sorted(address for address, _ in identity.sessions)


def _places(
    grants: Iterable[Grant], boundary: Grant | None, identity: PluginIdentity
) -> Iterator[str]:
    yield from (written_at(grant) for grant in grants if grant.is_known)
    if boundary and boundary.is_known:
        yield written_at(boundary)
    yield from (address for address, content in identity.sessions if isinstance(content, Document))


def _plugins(grants: Iterable[Grant]) -> Iterator[str]:
    """Yield where policies of the plugin are written that somebody can change."""
    for grant in grants:
        is_own = not (isinstance(grant.policy, Named) and grant.policy.account == "aws")
        if is_own and any(map(concerns_plugin, known_policies([grant]))):
            yield written_at(grant)


def written_at(grant: Grant) -> str:
    """Return where a policy is written: its resource, its ARN, or what has it inline."""
    match grant.policy:
        case InPlan(address):
            return address
        case Named(_, _, arn):
            return arn
    return grant.address


def _contents(grants: Mapping[GrantKey, Grant]) -> dict[GrantKey, Content]:
    return {key: grant.content for key, grant in grants.items()}


def _is_same(before: Grant | None, after: Grant) -> bool:
    return before is not None and before.content == after.content
