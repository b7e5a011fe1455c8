"""Whether the plugin keeps working: its version, its identity, and what that may call."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.review.account.plugin import ClusterPlugin, Identity, IdentityKind, PluginState
from vpc_cni_iam.review.account.plugin_config import NOT_SHOWN, UNKNOWN_VERSION, VALUE_ARGUMENTS
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.account.policy_state import ReadPolicy
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff import trust
from vpc_cni_iam.review.diff.plugin import ClusterChange, PluginIdentity, newly_called
from vpc_cni_iam.review.diff.verdicts import MissingPermission
from vpc_cni_iam.review.findings import MEANINGS, Finding, Level, rule
from vpc_cni_iam.review.gains import SESSION_CHANGES, more_text
from vpc_cni_iam.review.make_finding import are_undecided, finding, identity_text
from vpc_cni_iam.review.old.credentials import Credentials
from vpc_cni_iam.review.old.names import names_in

rule(
    "plugin-permission-missing",
    "error",
    "coverage-lost",
    "The plugin calls something after that its identity does not allow.",
    "The version, the configuration, the VPC or the identity of the plugin changes in the plan, "
    "and the policies of the identity do not allow a call that it then makes. Add the action to "
    "the policy before, or in the same apply. A call without which the plugin only does less is a "
    "warning. A policy that comes to the identity and names another cluster or VPC than the one "
    "that aws-node runs in is said with it.",
)
rule(
    "plugin-identity-changed",
    "warning",
    "new-access coverage-lost any-change",
    "aws-node has another identity or session policy after.",
    "It gets its credentials from EKS Pod Identity, by IRSA, or from the node role, in this "
    "order. A session policy of its association is part of the identity. It is an error where the "
    "new identity may do something that the old one could not, and a note where it may do nothing "
    "more.",
)
rule(
    "plugin-identity-lost",
    "error",
    "coverage-lost any-change",
    "aws-node can no longer assume its role.",
    "The role goes, or the OIDC provider or the association by which it assumes the role, or the "
    "role does not trust it, or the plan names no identity any more. Without credentials, ipamd "
    "does not start.",
)
rule(
    "plugin-removed",
    "error",
    "coverage-lost any-change",
    "The plugin is removed from a cluster that stays.",
    "New pods get no IP addresses. With `preserve = true` the add-on leaves the plugin running, "
    "and nothing manages it from then on; that is a warning.",
)
rule(
    "plugin-version-changed",
    "note",
    "any-change",
    "The plan changes the version of the plugin.",
    "The policies of its identity are judged by the version after. It is a warning where the new "
    "version calls something new and the plan does not show the policies.",
)
rule(
    "plugin-version-unknown",
    "warning",
    "",
    "The version of the plugin after the plan is not known.",
    "It is only known after apply, or not in this catalog. The finding names the version that is "
    "judged instead; `--cni-version` chooses another.",
)
rule(
    "plugin-configuration-changed",
    "note",
    "any-change",
    "The plan changes the plugin's environment variables, or what else its add-on or Helm release "
    "sets.",
    "What the plugin calls depends on some environment variables. It is a warning where they are "
    "not known, where CLUSTER_NAME changes to another name, and where an image, a chart, its "
    "repository or the service account changes: then aws-node may run other code, or have another "
    "role.",
)
rule(
    "plugin-policy-elsewhere",
    "warning",
    "",
    "The policies of aws-node's role name another cluster, VPC, region or account.",
    "What they allow does not apply where aws-node runs. The place comes from the cluster, the "
    "add-on, node groups and associations of the plan. It is a note where it was so before.",
)
# What policies and a plan both may name.
_PLACES = {
    "cluster_name": "cluster",
    "vpc_id": "VPC",
    "region": "region",
    "account_id": "account",
}
_RENAMED = (
    "interfaces keep the tag of the old cluster name, which a hardened policy does not change"
)
# As the attribute of a plan is compared: whether it is unknown, and its value.
_UPSTREAM, _NAMESPACE = '[false, "https://aws.github.io/eks-charts"]', '[false, "kube-system"]'
_PLACES_OF_CALLS = ("cluster_name", "vpc_id")


def check(context: Context) -> Iterator[Finding]:
    """Yield what becomes of the plugin in each cluster."""
    for plugin, change in context.clusters:
        if plugin.before.installed and not plugin.after.installed:
            yield from _removed(plugin, context)
            continue
        yield from _version(plugin, change)
        yield from _configuration(plugin)
        yield from _deciding(plugin)
        if change.after.deleted and not plugin.goes:
            yield _deleted_role(plugin, change)
        elif plugin.stays and not (_is_new(plugin, context) or _is_in_unread_values(plugin)):
            yield from _identity(plugin, change, context)
        yield from _missing(plugin, change, context)
        yield from _elsewhere(plugin, change, context)


def _removed(plugin: ClusterPlugin, context: Context) -> Iterator[Finding]:
    if not plugin.stays:
        return
    stays = {r.address for r in context.plan.resources if r.after is not None and not r.drift}
    done = "is for another cluster or add-on" if plugin.installer in stays else "is deleted"
    where = plugin.cluster or "the cluster"
    message = f"{plugin.installer} {done}: the plugin is removed from {where}"
    level: Level | None = None
    if plugin.preserved:
        message = f"{plugin.installer} is deleted, and leaves the plugin running unmanaged"
        level = "warning"
    yield _finding(plugin, "plugin-removed", message, level=level)


def _version(plugin: ClusterPlugin, change: ClusterChange) -> Iterator[Finding]:
    before, after = plugin.before.config.version, plugin.after.config.version
    if not plugin.after.installed:
        return
    changes = not plugin.before.installed or before != after
    if change.source != "option" and PluginVersion.parse(after) not in known_versions.served():
        message = f"{plugin.installer} names no version; {change.judged_after} is judged"
        if after:
            what = "is known after apply" if after == UNKNOWN_VERSION else f"{after} is not known"
            message = f"The plugin's version {what}; {change.judged_after} is judged"
        level: Level | None = None if after and changes else "note"
        yield _finding(plugin, "plugin-version-unknown", message, level=level)
    if not plugin.before.installed or before == after:
        return
    level = None
    old, new = (version or "a version not named" for version in (before, after))
    message = f"The plugin is updated from {old} to {new}"
    if before and change.after.missing is None and change.source == "plan":
        called = newly_called(change.judged_before, change.judged_after, change.mode_after)
        if called:
            message += f", which newly calls {', '.join(called)}"
            message += "; the plan does not show the policies of its role"
            level = "warning"
    yield _finding(plugin, "plugin-version-changed", message, level=level)


def _configuration(plugin: ClusterPlugin) -> Iterator[Finding]:
    before, after = plugin.before.config, plugin.after.config
    if not plugin.after.installed:
        return
    if _is_newly_unread(plugin):
        message = f"The plugin's configuration is not known: {after.unread}"
        unread = _finding(plugin, "plugin-configuration-changed", message, level="warning")
        yield replace(unread, means=MEANINGS)
        return
    old, new = (dict((*c.environment, *c.settings)) for c in (before, after))
    if plugin.before.installed and old != new:
        changed = sorted(k for k in {*old, *new} if old.get(k) != new.get(k))
        details = tuple(
            f"{name}: {old.get(name, 'not set')} -> {new.get(name, 'not set')}" for name in changed
        )
        message = f"The plugin's configuration changes: {', '.join(changed)}"
        names = {values.get("CLUSTER_NAME") for values in (old, new)}
        renamed = len(names) > 1 and all(names)
        message += f"; {_RENAMED}" if renamed else ""
        level: Level | None = "warning" if renamed else None
        yield _finding(plugin, "plugin-configuration-changed", message, details, level)


def _is_newly_unread(plugin: ClusterPlugin) -> bool:
    before, after = plugin.before.config.unread, plugin.after.config.unread
    return bool(after) and before != after


def _deciding(plugin: ClusterPlugin) -> Iterator[Finding]:
    """Yield changes of values by which aws-node may run other code or have another role."""
    if not plugin.after.installed:
        return
    old, new = dict(plugin.before.config.others), dict(plugin.after.config.others)
    if not plugin.before.installed:
        old = {name: value for name, value in new.items() if name not in NOT_SHOWN}
    if "chart" in new and "chart" not in old:  # in place of the add-on
        old |= {"chart": new["chart"], "repository": _UPSTREAM, "namespace": _NAMESPACE}
    elif "chart" in old and "chart" not in new:
        return
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if _is_newly_unread(plugin):  # which is its own finding
        changed = [name for name in changed if name not in VALUE_ARGUMENTS]
    if changed:
        what = "Helm release" if "chart" in new else "add-on"
        message = f"The plugin's {what} changes what is not read: {', '.join(changed)}"
        message += "; aws-node may run other code, or have another role"
        yield finding(
            "plugin-configuration-changed",
            message,
            plugin.installer,
            level="warning",
            means=MEANINGS,
        )


def _identity(plugin: ClusterPlugin, change: ClusterChange, context: Context) -> Iterator[Finding]:
    before, after = plugin.before.identity, plugin.after.identity
    if not change.identity_changes:
        return
    old, new = identity_text(change.before), identity_text(change.after)
    if after.kind is IdentityKind.unknown:
        message = f"aws-node had {old}; after, the plan names no identity of it"
        yield _finding(plugin, "plugin-identity-lost", message)
        return
    if any(_refuses(role, plugin.after, context) for role in after.first_roles):
        message = f"aws-node is to have {new}, whose trust policy does not allow that"
        yield _finding(plugin, "plugin-identity-lost", message, (f"before: {old}",))
        return
    access = change.access
    level: Level | None = None
    details: tuple[str, ...] = (f"before: {old}", f"after: {new}")
    message = f"aws-node changes from {old} to {new}"
    if (before.kind, {*before.roles}) == (after.kind, {*after.roles}):
        done = SESSION_CHANGES[bool(before.sessions), bool(after.sessions)]
        message, details = f"The session policy of {' and '.join(after.roles)} {done}", ()
    if before.kind is IdentityKind.unknown:
        message, details = f"aws-node gets {new}; the plan does not show what it had before", ()
        level = "note" if _works(change.after) else None
    elif access:
        more, example, level = more_text(access)
        message, details = message + more, (*details, *example)
    yield _finding(plugin, "plugin-identity-changed", message, details, level)


def _works(identity: PluginIdentity) -> bool:
    """Say whether the plugin works with an identity, all policies of which are known."""
    known = identity.missing is not None and not identity.opaque
    return known and all(m.impact == "none" for m in identity.missing or ())


def _deleted_role(plugin: ClusterPlugin, change: ClusterChange) -> Finding:
    roles = replace(change.after, roles=change.after.deleted)
    message = f"The plan deletes {identity_text(roles)}, which aws-node still has"
    details = (f"named by {', '.join(roles.sources)}",)
    return _finding(plugin, "plugin-identity-lost", message, details)


def _is_new(plugin: ClusterPlugin, context: Context) -> bool:
    """Say whether the cluster comes with the plan, as its OIDC provider does."""
    has_issuer = any(
        resource.type == "aws_iam_openid_connect_provider" and resource.before is None
        for resource in context.plan.resources
    )
    roles = set(plugin.after.identity.roles)
    known_before = plugin.before.identity.kind is not IdentityKind.unknown
    return has_issuer and not known_before and roles <= context.created


def _is_in_unread_values(plugin: ClusterPlugin) -> bool:
    """Say whether the identity may be in values of a chart that are not read: its own finding."""
    config, kind = plugin.after.config, plugin.after.identity.kind
    return kind is IdentityKind.unknown and "chart" in dict(config.others) and bool(config.unread)


def _refuses(role: str, plugin: PluginState, context: Context) -> bool:
    """Say whether the trust policy of a role is known and does not let aws-node assume it so."""
    has = context.effective.by_principal.get(role)
    policy = has.trust.exact if has and has.trust else None
    if policy is None:
        return False
    ways, kind = trust.ways(policy, plugin.names), plugin.identity.kind
    if kind is IdentityKind.pod_identity:
        return Credentials.pod_identity not in ways
    return kind is IdentityKind.irsa and not any(way.startswith("IRSA") for way in ways)


def _missing(plugin: ClusterPlugin, change: ClusterChange, context: Context) -> Iterator[Finding]:
    for_others = tuple(_for_others(plugin, change, context))
    if not (for_others or _runs_otherwise(plugin, change)):
        return
    lost = _lost_actions(plugin.after.identity, context)
    missing = [m for m in change.after.missing or () if m.action not in lost]
    fatal = [m for m in missing if m.impact == "fatal"]
    new = _newly_missing(plugin, change, missing)
    if for_others:
        new = list(dict.fromkeys([*fatal, *new]))
    if new:
        harmless = all(m.impact == "none" for m in new)
        level: Level = "error" if any(m in fatal for m in new) else "warning"
        level = "note" if harmless else level
        yield _missing_finding(plugin, change, context, new, level, for_others, before_too=False)
    if old := [m for m in fatal if m not in new]:
        yield _missing_finding(plugin, change, context, old, "warning", (), before_too=True)


def _newly_missing(
    plugin: ClusterPlugin, change: ClusterChange, missing: list[MissingPermission]
) -> list[MissingPermission]:
    before = {(m.action, m.impact) for m in change.before.missing or ()}
    # Of a plugin that comes, as of a role that comes: what it cannot do without.
    comes = plugin.before.identity.kind is IdentityKind.unknown and not plugin.before.installed
    counted = [m for m in missing if m.impact == "fatal" or not comes]
    return [m for m in counted if (m.action, m.impact) not in before]


def says_missing(role: str, context: Context) -> bool:
    """Say whether what a role of aws-node does not allow is a finding of the plugin's."""
    return any(
        role in change.after.lacking
        and (_runs_otherwise(plugin, change) or any(_for_others(plugin, change, context)))
        for plugin, change in context.clusters
    )


def _runs_otherwise(plugin: ClusterPlugin, change: ClusterChange) -> bool:
    """Say whether the plugin calls something else after, in another VPC, or by another identity."""
    old, new = (
        (state.config.decides, mode, version, state.identity, state.names.get("vpc_id"))
        for state, mode, version in (
            (plugin.before, change.mode_before, change.judged_before),
            (plugin.after, change.mode_after, change.judged_after),
        )
    )
    return old != new


def _for_others(plugin: ClusterPlugin, change: ClusterChange, context: Context) -> Iterator[str]:
    """Yield which policies that come to aws-node's roles are for another cluster or VPC."""
    own_names = _own_names(plugin)
    for role in change.after.lacking:
        has = context.effective.by_principal[role]
        for key, read in has.after.items():
            if has.before.get(key) == read or not _is_plugins(read):
                continue
            policy = key.removesuffix(" policy")
            for parameter, name, own in _other_places([read], own_names):
                if parameter in _PLACES_OF_CALLS:
                    yield f"{policy} is for {_PLACES[parameter]} {name}, and aws-node runs in {own}"


def _own_names(plugin: ClusterPlugin) -> dict[str, str]:
    cluster_name = dict(plugin.after.config.environment).get("CLUSTER_NAME")
    return {**plugin.after.names, **({"cluster_name": cluster_name} if cluster_name else {})}


def _elsewhere(plugin: ClusterPlugin, change: ClusterChange, context: Context) -> Iterator[Finding]:
    """Yield which roles of aws-node have policies of another place, and none of its own."""
    for role in change.after.roles:
        has = context.effective.by_principal.get(role)
        reads = {k: r for k, r in has.after.items() if _is_plugins(r)} if has else {}
        for parameter, name, own in _other_places(reads.values(), _own_names(plugin)):
            stays = has is not None and reads.items() <= has.before.items()
            # Of a policy that comes, what the plugin cannot do in the cluster or VPC is said.
            if stays or parameter not in _PLACES_OF_CALLS:
                policies = first_of(key.removesuffix(" policy") for key in reads)
                message = f"{policies} of {role} is for {_PLACES[parameter]} {name}, "
                message += f"and aws-node runs in {own}"
                level: Level | None = "note" if stays else None
                yield _finding(plugin, "plugin-policy-elsewhere", message, (), level, role)


def _is_plugins(read: ReadPolicy) -> bool:
    return read.judged is not None and concerns_plugin(read.judged)


def _other_places(
    reads: Collection[ReadPolicy], own_names: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Yield where policies apply that do not apply where aws-node runs: parameter, name, own."""
    if any(read.has_secrets for read in reads):
        return
    names = [names_in([read.judged]) for read in reads if read.judged]
    for parameter in _PLACES:
        own = own_names.get(parameter)
        # What names no place applies everywhere.
        others = {each.get(parameter, own) for each in names}
        if own and others and own not in others:
            yield parameter, first_of(sorted(filter(None, others))), own


def _lost_actions(identity: Identity, context: Context) -> set[str]:
    """Return the actions that the plan takes from its roles, which have findings of their own."""
    principals = [context.principals.get(role) for role in identity.roles]
    changes = [p.coverage for p in principals if p and p.coverage]
    return {missing.action for coverage in changes for missing in coverage.lost}


def _missing_finding(
    plugin: ClusterPlugin,
    change: ClusterChange,
    context: Context,
    missing: list[MissingPermission],
    level: Level,
    for_others: tuple[str, ...],
    *,
    before_too: bool,
) -> Finding:
    actions = ", ".join(m.action for m in missing)
    who = replace(change.after, roles=change.after.lacking)
    doubtful = are_undecided(missing)
    not_ = "may not" if doubtful else "does not" if len(who.roles) == 1 else "do not"
    message = f"The plugin {change.judged_after} calls {actions}, "
    message += f"which {identity_text(who)} {not_} allow"
    message += ", as before" if before_too else ""
    message += f", unless {' or '.join(who.opaque)} allows it" if who.opaque else ""
    message += f": {'; '.join(for_others) or missing[0].breaks}"
    reads = [r for role in who.roles for r in context.effective.by_principal[role].after.values()]
    if who.opaque and not any(read.judged for read in reads):
        message = f"Whether {identity_text(who)} allows what the plugin {change.judged_after} calls"
        message += f" depends on {' and '.join(who.opaque)}, which the plan does not show"
    details = tuple(f"{m.action}: {m.breaks}" for m in missing)
    level = "warning" if level == "error" and (who.opaque or doubtful) else level
    return _finding(plugin, "plugin-permission-missing", message, details, level, who.roles[0])


def _finding(
    plugin: ClusterPlugin,
    rule_id: str,
    message: str,
    details: tuple[str, ...] = (),
    level: Level | None = None,
    address: str = "",
) -> Finding:
    """Return a finding at what says the identity, or installs the plugin."""
    sources = (*plugin.after.identity.sources, *plugin.before.identity.sources)
    if not address and "identity" in rule_id:
        address = next(iter(sources), plugin.installer)
    address = address or plugin.installer or next(iter(sources), plugin.cluster)
    return finding(rule_id, message, address, details=details, level=level)
