"""The plugin version and setting that are checked, from the facts of a plan about a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum, StrEnum
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.partitions import partition_in
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.names import mode_of, names_in
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario, find
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.plan.account.grants import PlanAccount, known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IAM_ARN, IamResource, Named
from vpc_cni_iam.inputs.plan.account.reader import AccountReader
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_plugin
from vpc_cni_iam.inputs.plan.plugin.state import PluginSetup, PluginState
from vpc_cni_iam.inputs.plan.values import text
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.settings import PluginSettings, SettingsSource
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent
from vpc_cni_iam.review.options import ReviewOptions


class VersionSource(StrEnum):
    """The source of the version that is checked."""

    PLAN = "plan"
    OPTION = "option"
    PIN = "pin"  # the plan names no version; vpc-cni-iam.toml pins one
    ASSUMED = "newest"  # the plan names no version that the catalog has


class JudgedPlugin(Struct, frozen=True):
    """The place and the setup of the plugin."""

    version: PluginVersion
    mode: Mode | None = None  # the IP family of the cluster; None for that of the policies
    settings: PluginSettings = PluginSettings()
    # The known cluster, VPC, Region, partition and account, by parameter.
    names: Mapping[str, str] = MappingProxyType({})
    session_tags: bool = True
    # The known subnets and security groups of the nodes, by parameter.
    places: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    node_subnets: tuple[str, ...] = ()  # of its node groups
    scenarios: tuple[str, ...] = ()  # special scenarios, such as a changed CLUSTER_NAME
    is_shown: bool = False  # whether the plan has an add-on or a release of it

    def chosen_scenarios(self) -> tuple[Scenario, ...]:
        """Return the scenarios in which the plugin makes its calls."""
        return (*SCENARIOS, *find(self.scenarios)) if self.scenarios else SCENARIOS

    def switch_of(self, scenario: str) -> str:
        """Return the variable that enables a scenario, if it is not known to be set."""
        switch = next(s.variable for s in SCENARIOS if s.name == scenario)
        return switch if switch and not self.settings.is_on(switch) else ""

    def mode_for(self, policies: Sequence[Policy]) -> Mode:
        """Return the IP family: that of the cluster, or that of the policies."""
        if self.mode or not policies:
            return self.mode or "ipv4"
        try:
            return mode_of(policies)
        except InputError:
            return "ipv4"


class PlaceKind(Enum):
    """The place that a policy is for, by the parameter of the catalog."""

    CLUSTER = "cluster_name"
    VPC = "vpc_id"
    REGION = "region"
    ACCOUNT = "account_id"


class OtherPlace(Struct, frozen=True):
    """A new policy that is for another place than that of aws-node."""

    policy: str
    kind: PlaceKind
    named: str  # the place that the policy names
    own: str  # the place of aws-node


def judged_version(version: str, options: ReviewOptions) -> tuple[PluginVersion, VersionSource]:
    """Return the version to check: the option's, the plan's, the pinned or the newest one."""
    if options.version:
        return options.version, VersionSource.OPTION
    if options.pin and not version:
        return options.pin, VersionSource.PIN
    with suppress(UsageError):
        if version:
            return known_versions.find(version), VersionSource.PLAN
    return known_versions.newest(), VersionSource.ASSUMED


def judged(
    state: PluginState, other: PluginState, options: ReviewOptions, reader: AccountReader
) -> tuple[JudgedPlugin, VersionSource]:
    """Return the plugin's place and setup on a side; missing facts come from the other side."""
    setup = state.setup if state.installer else other.setup
    # A version that is known after apply, or not in the catalog, is not the old one.
    is_other = not isinstance(state.setup.version, Absent)
    named = setup.settings.version or ("" if is_other else other.setup.settings.version)
    version, source = judged_version(named, options)
    environment = setup.settings.environment
    if setup.not_read and setup is state.setup:  # unread settings are taken from the other side
        environment = {**other.setup.settings.environment, **environment}
    # Unread values may set CLUSTER_NAME, as EKS does in its add-on.
    is_read = not (state.setup.not_read or other.setup.not_read)
    is_shown = bool(state.installer or other.installer)
    is_all = is_read and setup.settings.source is SettingsSource.chart
    settings = replace(
        setup.settings,
        source=SettingsSource.chart if is_all else SettingsSource.options,
        version="",
        file="",
        environment=environment,
        # A value that the plan does not show may be set.
        has_more=not (is_read and is_shown),
    )
    of_roles = _names_of(state.identity.roles | other.identity.roles, reader)
    kind = state.identity.kind
    judged = JudgedPlugin(
        version,
        options.mode or _mode(setup, state, other),
        settings,
        {**of_roles, **other.names(), **state.names()},
        session_tags=(kind.has_session_tags and state.identity.has_session_tags)
        or kind is Identity.unknown,
        places={
            "subnet_id": state.subnets or other.subnets,
            "security_group_id": state.security_groups or other.security_groups,
        },
        node_subnets=state.node_subnets,
        is_shown=is_shown,
    )
    return judged, source


def _mode(setup: PluginSetup, state: PluginState, other: PluginState) -> Mode | None:
    """Return the IP family of a cluster on a side, or on the other side."""
    # If the plugin's variable gives the IP family, the other side has its own.
    families = {each.setup.settings.mode for each in (state, other) if each.installer}
    is_switched = len(families) > 1 and not setup.not_read
    return state.mode or (None if is_switched else other.mode)


def _names_of(roles: Iterable[IamResource], reader: AccountReader) -> dict[str, str]:
    """Return the account and the partition of roles, if their ARNs have one."""
    places = set()
    for role in roles:
        resource = reader.resolver.by_address.get(getattr(role, "address", ""))
        arns = [text(resource, "arn", side) for side in Side] if resource else []
        arns += [role.arn] if isinstance(role, Named) else []
        matches = filter(None, map(IAM_ARN.fullmatch, arns))
        places |= {(partition, m[1]) for m in matches if (partition := partition_in(m[0]))}
    if len(places) != 1:
        return {}
    return dict(zip(("partition", "account_id"), places.pop(), strict=True))


def changed_scenarios(old: PluginState, new: PluginState) -> tuple[str, ...]:
    """Return the scenarios in which the plugin has interfaces from before its settings change."""
    if not (old.installer and new.installer):
        return ()
    names = [state.setup.settings.cluster_name for state in (old, new)]
    tags = [state.setup.settings.environment.get("ADDITIONAL_ENI_TAGS", "") for state in (old, new)]
    renamed = ("cluster-name-corrected",) if all(names) and names[0] != names[1] else ()
    return (*renamed, *(("additional-tags-changed",) if all(tags) and tags[0] != tags[1] else ()))


def new_places(
    role: IamResource, judged: JudgedPlugin, sides: tuple[PlanAccount, PlanAccount]
) -> Iterator[OtherPlace]:
    """Yield the other places that new policies of aws-node's role are for."""
    before, after = (account.policies(role) for account in sides)
    for key, grant in after.items():
        # Names in secrets may not be shown.
        if key in before or grant.has_secrets or not is_of_plugin(grant):
            continue
        names = names_in(known_policies([grant]))
        for kind in PlaceKind:
            own = judged.names.get(kind.value, "")
            own = (kind is PlaceKind.CLUSTER and judged.settings.cluster_name) or own
            named = names.get(kind.value, own)
            if own and named != own:
                yield OtherPlace(grant.written_at, kind, named, own)
