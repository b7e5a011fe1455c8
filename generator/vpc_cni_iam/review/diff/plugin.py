"""What aws-node is in each cluster before and after a plan, and what it can then do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode, call_ranges
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.account.effective import PrincipalPolicies
from vpc_cni_iam.review.account.plugin import ClusterPlugin, Identity, IdentityKind, PluginState
from vpc_cni_iam.review.account.plugin_config import PluginConfig
from vpc_cni_iam.review.account.policy_state import judged_policies
from vpc_cni_iam.review.diff.changes import Place
from vpc_cni_iam.review.diff.coverage import ReviewTarget, missing_permissions, mode_for
from vpc_cni_iam.review.diff.proofs import roles_access, without_example
from vpc_cni_iam.review.diff.verdicts import Access, MissingPermission

# Where the version that is judged comes from.
VersionSource = Literal["plan", "option", "newest"]
Kind = Literal["pod-identity", "irsa", "node-role", "unknown"]


class PluginIdentity(Struct, frozen=True):
    """The identity of aws-node, and what it lacks."""

    # ``pod-identity``, ``irsa``, ``node-role``, or ``unknown`` where the plan does not say.
    kind: Kind
    roles: tuple[str, ...]  # the roles: addresses in the plan, else ARNs or what is known of them
    sources: tuple[str, ...]  # the addresses of the resources that say so
    # The calls of the version that its policies do not allow; None where the plan does not show the
    # policies, and those that it shows lack nothing.
    missing: tuple[MissingPermission, ...] | None
    lacking: tuple[str, ...]  # the roles of which that is so: nodes may have several
    opaque: tuple[str, ...]  # policies of it whose documents are not known
    # The roles that the plan deletes, though something still names them.
    deleted: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()  # the associations whose session policy limits the roles


class ClusterChange(Struct, frozen=True):
    """The plugin in one cluster, before and after."""

    cluster: str  # the cluster's address in the plan, else its name; empty where neither is known
    installer: str  # the address of the add-on or Helm version, empty for none in the plan
    version_before: str  # the plugin's version as the plan has it, empty where it names none
    version_after: str  # the same, after
    judged_before: str  # the version that the policies before are judged by
    judged_after: str  # the same, after
    # Where the version after comes from: the plan, the option ``--cni-version``, or the newest
    # known where neither says.
    source: VersionSource
    mode_before: Mode
    mode_after: Mode
    before: PluginIdentity
    after: PluginIdentity
    # Whether aws-node may newly do anything by the identity after; None where the identity stays.
    access: Access | None
    place: Place | None  # where what installs it is written

    @property
    def identity_changes(self) -> bool:
        """Whether aws-node has another identity after, or another session policy."""
        return self.access is not None


def target_of(
    state: PluginState, version: PluginVersion, mode: Mode | None, *, chosen: bool
) -> ReviewTarget:
    """Return by what the policies of the plugin in a cluster are judged."""
    vpc_id = state.names.get("vpc_id", "")
    return ReviewTarget(version, mode, state.config.environment, chosen, vpc_id)


def judged_version(
    config: PluginConfig, target: ReviewTarget
) -> tuple[PluginVersion, VersionSource]:
    """Return the version that policies are judged by, and where it comes from."""
    if target.chosen:
        return target.version, "option"
    version = PluginVersion.parse(config.version)
    if version in known_versions.served():
        assert version is not None  # noqa: S101 - it is one of the known
        return version, "plan"
    stand_in = known_versions.stand_in(config.version)
    return (stand_in, "plan") if stand_in else (target.version, "newest")


def cluster_change(
    plugin: ClusterPlugin,
    principals: Mapping[str, PrincipalPolicies],
    places: Mapping[str, Place | None],
    target: ReviewTarget,
    budget: Budget,
) -> ClusterChange:
    """Return the plugin of a cluster on both sides of a plan; the mappings are by address."""
    before, after = plugin.before, plugin.after
    (version, _), (later, source) = (judged_version(s.config, target) for s in (before, after))
    if not (before.installed and before.config.version):
        version = later
    old, new = (_policies(s.identity, principals, after=s is after) for s in (before, after))
    first, last = (_mode(before, old, target), _mode(after, new, target))
    # A cluster keeps its IP family: one side says it for both.
    modes = (first or last or "ipv4", last or first or "ipv4")
    change = ClusterChange(
        plugin.cluster,
        plugin.installer,
        before.config.version,
        after.config.version,
        str(version),
        str(later),
        source,
        *modes,
        _identity(before, old, version, modes[0], target),
        _identity(after, new, later, modes[1], target),
        None,
        places.get(plugin.installer),
    )
    if not _identity_changes(before.identity, after.identity):
        return change
    return replace(change, access=_access(old, new, budget))


def _identity_changes(before: Identity, after: Identity) -> bool:
    """Say whether aws-node has another identity after; nodes may only come, or go."""
    old, new = set(before.roles), set(after.roles)
    node, none = IdentityKind.node_role, IdentityKind.unknown
    if before.kind is node and after.kind in (node, none) and (old <= new or new <= old):
        return False
    limits = ({read for _, read in identity.sessions} for identity in (before, after))
    return (before.kind, old) != (after.kind, new) or next(limits) != next(limits)


def known_sessions(identity: Identity) -> tuple[Policy, ...] | None:
    """Return the session policies that limit what aws-node may do; None where that is not known.

    AWS does not say whether the one of an association with a target role limits that role.
    """
    reads = {read for _, read in identity.sessions}
    if not reads:
        return ()
    of_all = len(identity.sessions) == len(identity.sources)
    if len(reads) > 1 or identity.targets or not of_all or not all(r.in_full for r in reads):
        return None
    return tuple(judged_policies(*reads))


_NOT_SHOWN = "the plan does not show all of its policies"


class _Policies(Struct, frozen=True):
    """The policies of an identity on one side, as far as they are known."""

    # Of each role that the plan shows, its known policies, and those that limit it.
    by_role: Mapping[str, tuple[tuple[Policy, ...], tuple[Policy, ...]]]
    opaque: tuple[str, ...]  # policies whose documents are not known
    has_secrets: bool  # whether they have values that may not be shown
    unshown: str  # what of them the plan does not show, empty for nothing

    @property
    def known(self) -> tuple[Policy, ...]:
        """The policies of all roles."""
        return tuple(policy for policies, _ in self.by_role.values() for policy in policies)


def _policies(
    identity: Identity, principals: Mapping[str, PrincipalPolicies], *, after: bool
) -> _Policies:
    by_role: dict[str, tuple[tuple[Policy, ...], tuple[Policy, ...]]] = {}
    opaque: list[str] = []
    sessions = known_sessions(identity)
    secrets = any(read.has_secrets for _, read in identity.sessions)
    unshown = _NOT_SHOWN if identity.kind is IdentityKind.unknown else ""
    if sessions is None:
        unshown = "what the session policy allows is not known"
    for role in identity.roles:
        has = principals.get(role)
        if has is None:
            unshown = _NOT_SHOWN
            continue
        reads = has.after if after else has.before
        known = tuple(judged_policies(*reads.values()))
        opaque += [name for name, read in reads.items() if not read.in_full]
        boundary = has.bounds[after]
        secrets = secrets or any(r.has_secrets for r in (*reads.values(), boundary) if r)
        if boundary and not boundary.in_full:
            unshown = "what a permissions boundary allows is not known"
        by_role[role] = (known, (*judged_policies(boundary), *(sessions or ())))
    return _Policies(by_role, tuple(opaque), secrets, unshown)


def _mode(state: PluginState, policies: _Policies, target: ReviewTarget) -> Mode | None:
    if target.mode is None and state.mode:
        return "ipv6" if state.mode == "ipv6" else "ipv4"
    return mode_for(policies.known, target) if target.mode or policies.known else None


def _identity(
    state: PluginState,
    policies: _Policies,
    version: PluginVersion,
    mode: Mode,
    target: ReviewTarget,
) -> PluginIdentity:
    judged = target_of(state, version, mode, chosen=target.chosen)
    # Nodes may have several roles: aws-node has to do its work with each.
    by_role = {
        role: missing_permissions(known, judged, limits)
        for role, (known, limits) in policies.by_role.items()
    }
    lacking = tuple(role for role, missing in by_role.items() if missing)
    missing: tuple[MissingPermission, ...] | None = None
    if lacking or not (policies.unshown or None in by_role.values()):
        missing = tuple(dict.fromkeys(m for role in lacking for m in by_role[role] or ()))
    identity = state.identity
    kind: Kind = identity.kind.value
    return PluginIdentity(
        kind,
        identity.roles,
        identity.sources,
        missing,
        lacking,
        policies.opaque,
        identity.deleted,
        tuple(address for address, _ in identity.sessions),
    )


def _access(old: _Policies, new: _Policies, budget: Budget) -> Access | None:
    if new.unshown or new.opaque:
        return Access("unknown", reason=new.unshown or _NOT_SHOWN)
    if old.unshown or old.opaque:
        return Access("unknown", reason="the plan does not show all that aws-node had before")
    access = roles_access(old.by_role.values(), new.by_role.values(), budget)
    return without_example(access) if old.has_secrets or new.has_secrets else access


def newly_called(before: str, after: str, mode: Mode) -> tuple[str, ...]:
    """Return the actions that one version calls and an earlier one does not."""
    old, new = (
        {use.action for use in call_ranges((mode,), PluginVersion.of(version))}
        for version in (before, after)
    )
    return tuple(sorted(new - old))
