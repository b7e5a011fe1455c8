"""Removal of the plugin, and changes of its identity, version and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.catalog.facts.calls import call_ranges
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.inputs.plan.account.in_clusters import ResourceEnd
from vpc_cni_iam.levels import Level, at_most, most_severe
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Value
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.identity import IdentityChange, IdentityEvent, identity_change
from vpc_cni_iam.review.diff.plugin.judged import VersionSource, judged_version
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, plugin_needs
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.plugin.setup import HIDDEN_ARGUMENTS, VALUE_ARGUMENTS
from vpc_cni_iam.review.plugin.state import ClusterPlugin, PluginSetup, UnreadReason
from vpc_cni_iam.review.rules import CHANGES, EVERY, GAINS, Consequence, Rule

_CLUSTER_NAME = "CLUSTER_NAME"
# Arguments of a release, by those of the add-on that they replace.
_OF_ADDON = {
    "repository": Known("https://aws.github.io/eks-charts"),
    "namespace": Known("kube-system"),
}
_OfSetup: TypeAlias = tuple[Rule, Struct, Level, tuple[Consequence, ...] | None]
# The level and the kinds of an identity event; for other events, aws-node loses its role.
_CHANGED: Mapping[IdentityEvent, tuple[Level, tuple[Consequence, ...]]] = {
    IdentityEvent.MORE: (Level.ERROR, EVERY),
    IdentityEvent.NO_MORE: (Level.NOTE, CHANGES),
    IdentityEvent.NOT_SHOWN: (Level.WARNING, EVERY),
    IdentityEvent.FIRST_SHOWN: (Level.NOTE, GAINS),
}


class Removal(Enum):
    """How the plugin is removed from a cluster that stays or is replaced."""

    REMOVED = "removed"
    LEFT_RUNNING = "left running"
    NODES_NOT_SHOWN = "nodes not shown"  # Auto Mode is on; the plan shows no other nodes
    NODES_REMOVED = "nodes removed"  # Auto Mode is on; the plan deletes the other nodes
    DEFAULT = "default"  # EKS installs it with defaults in the replaced cluster


class PluginRemoved(Struct, frozen=True):
    """The plugin is removed from a cluster that stays or is replaced."""

    removal: Removal
    end: ResourceEnd  # of its installer
    node_groups: tuple[str, ...]  # the addresses of those that stay although Auto Mode is on


class VersionUnknown(Struct, frozen=True):
    """The version after the plan is unknown, or not in the catalog."""

    version: Value
    judged: PluginVersion


class PluginUpdated(Struct, frozen=True):
    """The plugin's version changes."""

    before: Value
    after: Value
    newly_called: tuple[str, ...] = ()  # if the plan does not show the policies of its role


class SettingChange(Struct, frozen=True):
    """A changed setting."""

    name: str
    before: Value
    after: Value


class SettingsChanged(Struct, frozen=True):
    """Settings change, and all of them are read."""

    changes: tuple[SettingChange, ...]
    is_renamed: bool  # whether CLUSTER_NAME changes to another name


class SettingsNotRead(Struct, frozen=True):
    """Some settings after the plan are unknown."""

    reason: UnreadReason


class DecidingChanged(Struct, frozen=True):
    """Values change with which aws-node may run other code or use another role."""

    names: tuple[str, ...]


def check(context: Context) -> Iterator[Finding]:
    """Yield the changes of the plugin in each cluster."""
    # The needs of roles without a cluster in the plan come last.
    for plugin, needs in zip(context.plugins, plugin_needs(context), strict=False):
        before, after = plugin.states
        if before.installer and not after.installer:
            if plugin.stays or plugin.is_replaced:
                yield _removed(plugin, context)
            if plugin.stays or plugin.is_removed:
                continue
        if after.installer:
            setup = (*_version(plugin, needs, context.options), *_settings(plugin))
            for rule, evidence, level, means in setup:
                where, who = after.installer, plugin.cluster
                yield finding(rule, evidence, where, subject=who, level=level, means=means)
        if change := identity_change(context, plugin):
            yield _identity(change, plugin, needs)


def _removed(plugin: ClusterPlugin, context: Context) -> Finding:
    before, after = plugin.states
    removal, level = Removal.REMOVED, Level.ERROR
    if before.stays_on_removal:
        removal, level = Removal.LEFT_RUNNING, Level.WARNING
    elif after.has_only_auto_mode:
        removal, level = Removal.NODES_NOT_SHOWN, Level.WARNING
        if before.node_groups:
            removal, level = Removal.NODES_REMOVED, Level.NOTE
    elif not (plugin.is_removed or after.is_auto_mode):
        removal, level = Removal.DEFAULT, Level.WARNING
    rule, address, cluster = Rule.PLUGIN_REMOVED, before.installer, plugin.cluster
    node_groups = after.node_groups if after.is_auto_mode else ()
    evidence = PluginRemoved(removal, context.end_of(address), node_groups)
    means = CHANGES if level is Level.NOTE else None
    return finding(rule, evidence, address, subject=cluster, level=level, means=means)


def _version(
    plugin: ClusterPlugin, needs: PluginNeeds, options: ReviewOptions
) -> Iterator[_OfSetup]:
    before, after = plugin.before.setup, plugin.after.setup
    judged, source = judged_version(after.settings.version, options)
    is_update = bool(plugin.before.installer) and before.version != after.version
    if source in (VersionSource.ASSUMED, VersionSource.PIN):
        is_new = is_update or not plugin.before.installer
        level = Level.NOTE if isinstance(after.version, Absent) or not is_new else Level.WARNING
        yield Rule.VERSION_UNKNOWN, VersionUnknown(after.version, judged), level, None
    if is_update:
        old, new = (
            {call.action for call in call_ranges((needs.mode,), side.version)}
            for side in (needs.before, needs.after)
        )
        are_known = source is VersionSource.PLAN and before.settings.version
        called = tuple(sorted(new - old)) if are_known and _may_lack(needs) else ()
        updated = PluginUpdated(before.version, after.version, called)
        yield Rule.VERSION_CHANGED, updated, Level.WARNING if called else Level.NOTE, None


def _may_lack(needs: PluginNeeds) -> bool:
    """Return whether the plan does not show that aws-node's role allows its calls."""
    is_open = needs.not_shown or any(role.open_grants for role in needs.roles)
    return bool(is_open or not needs.roles) and not any(role.missing for role in needs.roles)


def _settings(plugin: ClusterPlugin) -> Iterator[_OfSetup]:
    before, after = plugin.before.setup, plugin.after.setup
    rule, is_first = Rule.CONFIGURATION_CHANGED, not plugin.before.installer
    unread = after.not_read if after.not_read is not before.not_read else None
    if plugin.is_installed and len(plugin.installers) > 1:
        unread = UnreadReason.SEVERAL
    if unread:
        yield rule, SettingsNotRead(unread), Level.WARNING, EVERY
    elif not is_first and (changes := tuple(_changes(_read(before), _read(after)))):
        sides = [(c.before, c.after) for c in changes if c.name == _CLUSTER_NAME]
        is_renamed = any(ABSENT not in pair for pair in sides)
        level = Level.WARNING if is_renamed else Level.NOTE
        yield rule, SettingsChanged(changes, is_renamed), level, None
    # Unread settings are reported separately.
    own = VALUE_ARGUMENTS if unread else ()
    if names := tuple(name for name in _deciding(plugin) if name not in own):
        yield rule, DecidingChanged(names), Level.WARNING, EVERY


def _read(setup: PluginSetup) -> dict[str, Value]:
    environment = {name: Known(value) for name, value in setup.settings.environment.items()}
    return {**environment, **setup.others}


def _changes(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[SettingChange]:
    for name in sorted({*old, *new}):
        before, after = (side.get(name, ABSENT) for side in (old, new))
        if before != after:
            yield SettingChange(name, before, after)


def _deciding(plugin: ClusterPlugin) -> Iterator[str]:
    """Yield the changed values with which aws-node may run other code or use another role."""
    old, new = (state.setup.deciding for state in plugin.states)
    if not plugin.before.installer:
        old = {name: value for name, value in new.items() if name not in HIDDEN_ARGUMENTS}
    elif "chart" in new and "chart" not in old:
        old = {**old, **_OF_ADDON, "chart": new["chart"]}
    elif "chart" in old and "chart" not in new:
        return
    yield from (change.name for change in _changes(old, new))


def _identity(change: IdentityChange, plugin: ClusterPlugin, needs: PluginNeeds) -> Finding:
    addresses = (*change.after.addresses, *change.before.addresses, plugin.after.installer)
    rule = Rule.IDENTITY_CHANGED if change.event in _CHANGED else Rule.IDENTITY_LOST
    level, means = _CHANGED.get(change.event, (None, None))
    if change.event is IdentityEvent.FIRST_SHOWN:  # the old identity may have allowed it
        lacking = [call for role in needs.roles for call in role.missing]
        level = at_most(most_severe(call.level for call in lacking), Level.WARNING)
    where, who = change.source or addresses[0], plugin.cluster
    return finding(rule, change, where, subject=who, level=level, means=means)
