"""Removal of the plugin, and changes of its version and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.catalog.facts.calls import call_ranges
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.in_clusters import ResourceEnd
from vpc_cni_iam.inputs.plan.plugin.setup import HIDDEN_ARGUMENTS, VALUE_ARGUMENTS
from vpc_cni_iam.inputs.plan.plugin.state import ClusterPlugin, PluginSetup, UnreadReason
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Unknown, Value
from vpc_cni_iam.review.checks.identity import identity_finding
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.identity import identity_change
from vpc_cni_iam.review.diff.plugin.judged import VersionSource, judged_version
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, plugin_needs
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.rules import CHANGES, EVERY, LOSES, Consequence, Rule, Topic
from vpc_cni_iam.review.texts.names import ENDS, cluster_text, value_text

PLUGIN_REMOVED = Rule(
    "plugin-removed",
    (Level.ERROR, Topic.PLUGIN, LOSES),
    summary="The plugin is removed from a cluster that stays or is replaced.",
    help="New pods get no IP addresses. With `preserve = true`, EKS leaves the plugin running without managing it: that is a warning. In a cluster with EKS Auto Mode, only nodes outside of Auto Mode need the plugin: it is an error if node groups stay, a warning if the plan shows no such nodes, and a note if the plan deletes all node groups that it shows. If the cluster is replaced, EKS deletes its add-ons with it. It is a warning if EKS then installs the plugin with its default version and settings.",
    fix="Keep the add-on, or install the plugin another way in the same apply. With `preserve = true` the pods stay, and you must update them yourself.",
)
VERSION_CHANGED = Rule(
    "plugin-version-changed",
    (Level.NOTE, Topic.PLUGIN, CHANGES),
    summary="The version of the plugin changes.",
    help="The review evaluates the policies of its role for the new version. It is a warning if the new version makes new calls and the plan does not show the policies.",
    fix="Nothing to fix: the review checks the policies of the role for the new version.",
)
VERSION_UNKNOWN = Rule(
    "plugin-version-unknown",
    (Level.WARNING, Topic.PLUGIN, ()),
    summary="The version of the plugin after the plan is not known.",
    help="The version is known only after apply, or it is not in the catalog of this release. The finding names the version that the review uses instead. Choose another one with `--cni-version`, or update vpc-cni-iam.",
    fix="Pin `addon_version`, or pass the version: `--cni-version v1.23.2`. Update vpc-cni-iam for a version that is newer than its catalog.",
)
CONFIGURATION_CHANGED = Rule(
    "plugin-configuration-changed",
    (Level.NOTE, Topic.PLUGIN, CHANGES),
    summary="Environment variables of the plugin, or other settings of its add-on or Helm release, change.",
    help="Some environment variables decide which calls the plugin makes. It is a warning if they are not known, or if `CLUSTER_NAME` changes. It is also a warning if the image, the chart, its repository or the service account changes: aws-node may then run other code, or use another role.",
    fix="Nothing to fix if the values are intended. If they are known only after apply, use values that are known at plan time.",
)
_CLUSTER_NAME = "CLUSTER_NAME"
# Arguments of a release, by those of the add-on that they replace.
_OF_ADDON = {
    "repository": Known("https://aws.github.io/eks-charts"),
    "namespace": Known("kube-system"),
}
_ACCOUNT = ("serviceAccount.create", "serviceAccount.name")
_OfSetup: TypeAlias = tuple[Rule, Struct, Level, tuple[Consequence, ...] | None]


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
            if plugin.is_removed:
                continue
        if after.installer:
            setup = (*_version(plugin, needs, context.options), *_settings(plugin))
            for rule, evidence, level, means in setup:
                where, who = after.installer, plugin.cluster
                yield finding(rule, evidence, where, subject=who, level=level, means=means)
        if change := identity_change(context, needs):
            yield identity_finding(change, plugin, needs)


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
    rule, address, cluster = PLUGIN_REMOVED, before.installer, plugin.cluster
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
        yield VERSION_UNKNOWN, VersionUnknown(after.version, judged), level, None
    if is_update:
        old, new = (
            {call.action for call in call_ranges((needs.mode,), side.version)}
            for side in (needs.before, needs.after)
        )
        are_known = source is VersionSource.PLAN and before.settings.version
        called = tuple(sorted(new - old)) if are_known and _may_lack(needs) else ()
        updated = PluginUpdated(before.version, after.version, called)
        yield VERSION_CHANGED, updated, Level.WARNING if called else Level.NOTE, None


def _may_lack(needs: PluginNeeds) -> bool:
    """Return whether the plan does not show that aws-node's role allows its calls."""
    is_open = needs.not_shown or any(role.open_grants for role in needs.roles)
    return bool(is_open or not needs.roles) and not any(role.missing for role in needs.roles)


def _settings(plugin: ClusterPlugin) -> Iterator[_OfSetup]:
    before, after = plugin.before.setup, plugin.after.setup
    rule, is_first = CONFIGURATION_CHANGED, not plugin.before.installer
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
    is_same = plugin.before.setup.account == plugin.after.setup.account
    ignored = _ACCOUNT if is_same else ()  # the identity of the account is reported separately
    yield from (change.name for change in _changes(old, new) if change.name not in ignored)


_RENAMED = (
    "; existing interfaces keep the tag of the old cluster name, but a scoped policy allows "
    "changes only to interfaces with the new one"
)
# What a removal means.
_REMOVALS = {
    Removal.REMOVED: ": the plugin is removed from {cluster}, and new pods{on} get no IP addresses",
    Removal.LEFT_RUNNING: " and leaves the plugin running in {cluster}, where nothing manages it",
    Removal.NODES_NOT_SHOWN: ": the plugin is removed from {cluster}. Nodes of EKS Auto Mode do "
    "not need it. New pods on other nodes, which the plan does not show, get no IP addresses",
    Removal.NODES_REMOVED: ": the plugin is removed from {cluster}. Nodes of EKS Auto Mode do not "
    "need it, and the plan deletes the node groups",
    Removal.DEFAULT: ", and EKS installs the plugin in the cluster that replaces {cluster}, with "
    "its default version and settings",
}
# Names of settings that may hold a secret.
_SECRET = re.compile("secret|token|passw|credential|private.?key|access.?key", re.IGNORECASE)


@says(PluginRemoved)
def _removed_text(finding: Finding, removed: PluginRemoved) -> Saying:
    done, address = ENDS[removed.end].format("add-on"), finding.address
    on = f" on {first_of(removed.node_groups)}" if removed.node_groups else ""
    message = _REMOVALS[removed.removal].format(cluster=cluster_text(finding.subject), on=on)
    keep = "Replace" if removed.end is ResourceEnd.WITH_CLUSTER else "Keep"
    fix = f"{keep} {address}, or install the plugin in another way in the same apply"
    return Saying(f"{address} {done}{message}", fix=fix if finding.level is Level.ERROR else "")


@says(VersionUnknown)
def _version_unknown(finding: Finding, unknown: VersionUnknown) -> Saying:
    message = f"The version {value_text(unknown.version)} of the plugin is not in the catalog"
    if isinstance(unknown.version, Absent):
        message = f"{finding.address} names no version of the plugin"
    elif isinstance(unknown.version, Unknown):
        message = "The version of the plugin is known after apply"
    return Saying(f"{message}; {unknown.judged} is assumed")


@says(PluginUpdated)
def _version_changed(finding: Finding, change: PluginUpdated) -> Saying:
    sides, unnamed = (change.before, change.after), "a version that is not named"
    old, new = (unnamed if isinstance(v, Absent) else value_text(v) for v in sides)
    message = (
        f"The version of the plugin in {cluster_text(finding.subject)} changes from {old} to {new}"
    )
    if change.newly_called:
        message += f", which newly calls {first_of(change.newly_called)}"
        message += "; the plan does not show all policies of its role"
    return Saying(message)


@says(SettingsChanged)
def _settings_changed(_: Finding, changed: SettingsChanged) -> Saying:
    names = first_of([change.name for change in changed.changes])
    details = (f"{c.name}: {_shown(c)}" for c in changed.changes)
    message = f"The configuration of the plugin changes: {names}"
    return Saying(f"{message}{_RENAMED if changed.is_renamed else ''}", tuple(details))


def _shown(change: SettingChange) -> str:
    """Return the values of a setting; hidden if its name may be that of a secret."""
    if _SECRET.search(change.name):
        return "not shown, because the name may be that of a secret"
    return f"{value_text(change.before)} -> {value_text(change.after)}"


@says(SettingsNotRead)
def _settings_not_read(finding: Finding, unread: SettingsNotRead) -> Saying:
    why = f"values of {finding.address} are {unread.reason}"
    return Saying(f"The configuration of the plugin is not known: {why}")


@says(DecidingChanged)
def _deciding_text(finding: Finding, changed: DecidingChanged) -> Saying:
    what = f"{finding.address} changes {first_of(changed.names)}"
    return Saying(f"{what}: aws-node may run other code or get another role")
