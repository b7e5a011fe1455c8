"""A variant's policy for a selection: upstream's document and the chosen additions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import CallRange
from vpc_cni_iam.catalog.facts.documents import Revision
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import checked_on, kind_of
from vpc_cni_iam.catalog.hardening import KEY, tighten
from vpc_cni_iam.catalog.narrowing import LIMIT, names_any, narrow
from vpc_cni_iam.catalog.selection import Additions, Selection
from vpc_cni_iam.catalog.variants import Scope, Variant, scoped_statements
from vpc_cni_iam.errors import OptionError, UsageError
from vpc_cni_iam.policy.document import Policy, Statement, dumps
from vpc_cni_iam.policy.quotas import MANAGED
from vpc_cni_iam.policy.template import fill, known

MOST_OF_A_SESSION = 2048  # characters; see `session_policy`


class Addition(Struct, frozen=True):
    """Statements that are added to the document."""

    statements: tuple[Statement, ...]  # the statements, with upstream's placeholders
    call_ranges: tuple[CallRange, ...]  # the reason: the call ranges whose actions they grant
    feature: str | None  # the optional feature that calls them; None if the version always does


class Composed(Struct, frozen=True):
    """A variant's policy with the reason for each part of it."""

    variant: Variant
    selection: Selection  # the user's choice
    base: Policy  # upstream's document, or the one derived from it
    additions: tuple[Addition, ...]  # what was added to it
    # Call ranges that are not granted because their features were not chosen.
    optional: tuple[CallRange, ...]
    # Call ranges that are not granted because a denial has no effect.
    unneeded: tuple[CallRange, ...]

    @property
    def hardened(self) -> bool:
        """Whether the document is hardened."""
        return self.variant.cluster_scoped and self.selection.hardening is not None

    @property
    def policy(self) -> Policy:
        """The whole document, with upstream's placeholders."""
        added = tuple(s for a in self.additions for s in a.statements)
        return Policy(self.base.statements + added, self.base.version)


def compose(variant: Variant, selection: Selection) -> Composed:
    """Return the policy of a variant; raises `UsageError` if the selection does not fit."""
    version = selection.version
    if variant.program and (version is None or selection.features):
        option = "--revision" if version is None else "--feature"
        problem = (
            "variant {} is not on upstream's page and has no optional features: leave "
            f"{{{option}}} out"
        )
        raise OptionError("--variant", problem, variant.name)
    if version is not None and version < variant.minimum:
        raise _too_old(variant, version)
    base = variant.document(selection.revision)
    additions = tuple(_additions(variant, selection, base))
    added = (call_range.action for a in additions for call_range in a.call_ranges)
    granted = {*base.actions(), *added}
    optional = tuple(
        call_range
        for name in calls.features()
        if version is not None and not variant.program
        for call_range in _missing(variant, version, name, granted)
    )
    unneeded = _missing(variant, version, None, granted) if version and not variant.program else ()
    unneeded = tuple(use for use in unneeded if not use.is_needed)
    composed = Composed(variant, selection, base, additions, optional, unneeded)
    return _hardened(composed) if composed.hardened else composed


def _additions(variant: Variant, selection: Selection, base: Policy) -> Iterator[Addition]:
    """Yield what a variant's document lacks for a selection."""
    version = selection.version
    granted = set(base.actions())
    adds = selection.additions is not Additions.none
    always: tuple[str | None, ...] = (variant.program,) if adds else ()
    for feature in (*always, *selection.features):
        # A revision without a version grants a feature for every version that has the feature.
        missing = _missing(variant, version, feature, granted)
        if feature is None and selection.additions is not Additions.all:
            missing = tuple(use for use in missing if use.is_needed)
        if missing:
            granted.update(call_range.action for call_range in missing)
            statements = _statements(variant, selection.revision, missing)
            if feature is None and version is not None:
                statements = tuple(_checked(statements, variant, version, selection.features))
            yield Addition(statements, missing, feature)


def _hardened(composed: Composed) -> Composed:
    """Return a policy and its additions, hardened."""
    variant, selection = composed.variant, composed.selection
    hardening, version = selection.hardening, selection.serves
    assert hardening is not None  # noqa: S101 - for the type
    creates = "ec2:CreateNetworkInterface" in composed.policy.actions()

    def hardened_part(policy: Policy) -> Policy:
        tight = tighten(policy, variant, version, hardening, creates=creates)
        return narrow(variant.scope.apply(tight), hardening.limits)

    additions = tuple(
        replace(a, statements=hardened_part(Policy(a.statements)).statements)
        for a in composed.additions
    )
    hardened = replace(composed, base=hardened_part(composed.base), additions=additions)
    for limit in hardening.limits:
        if not names_any(hardened.policy, limit):
            problem = "{--limit-to}: the document of {} names no {}; leave it out"
            raise OptionError(LIMIT, problem, variant.name, limit.noun)
    size = len(dumps(parameters.fill(hardened.policy, parameters.SAMPLE), None))
    if size > MANAGED:
        problem = (
            "the hardened document of {} has {:,} characters, and IAM allows {:,}; give fewer or "
            "shorter tag keys"
        )
        raise OptionError(KEY, problem, variant.name, size, MANAGED)
    return hardened


def _missing(
    variant: Variant, version: PluginVersion | None, feature: str | None, granted: set[str]
) -> tuple[CallRange, ...]:
    call_ranges = calls.call_ranges(variant.modes, version, feature)
    return tuple(call_range for call_range in call_ranges if call_range.action not in granted)


def _statements(
    variant: Variant, revision: Revision, missing: tuple[CallRange, ...]
) -> tuple[Statement, ...]:
    """Return statements that grant missing actions, with the limits of upstream's document."""
    actions = tuple(dict.fromkeys(call_range.action for call_range in missing))
    ec2 = tuple(a for a in actions if a.startswith("ec2:"))
    statements: tuple[Statement, ...] = ()
    if variant.cluster_scoped:
        statements = variant.scope.apply(Policy(scoped_statements(ec2, revision))).statements
    elif ec2:
        statements = (Statement(actions=ec2, resources=("*",)),)
    # Upstream has no condition on actions of other services; only features add them.
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for action in actions:
        if action not in ec2:
            by_resources.setdefault(calls.call(action).resources, []).append(action)
    others = tuple(Statement(actions=tuple(a), resources=r) for r, a in by_resources.items())
    return (*statements, *_of_cluster(parameters.read(Policy(others)), variant).statements)


def _of_cluster(policy: Policy, variant: Variant) -> Policy:
    """Return a document limited to the cluster as the variant is."""
    cluster, name = parameters.CLUSTER_NAME.hole, variant.scope.value
    return policy.map_texts(lambda text: fill(text, lambda h: name if h == cluster else h))


def _checked(
    statements: Iterable[Statement],
    variant: Variant,
    version: PluginVersion,
    features: tuple[str, ...],
) -> Iterator[Statement]:
    """Yield statements without the actions that the version never sends on their resources.

    In IPv6 mode, security groups change at start, and instances are modified only for a feature.
    """
    for statement in statements:
        kinds = {kind_of(str(resource)) for resource in statement.resources}
        actions = tuple(
            action
            for action in known(statement.actions)
            if "*" in kinds or kinds & checked_on(action, variant.modes, version, features)
        )
        if actions:
            yield replace(statement, actions=actions)


def _too_old(variant: Variant, version: PluginVersion) -> OptionError:
    reason, since = "the plugin has no IPv6 mode before", variant.minimum
    if variant.program:
        reason = f"{variant.service_account} does not exist before"
    elif variant.scope is variants.Scope.SESSION_TAGS:
        reason = "the plugin gets no credentials from EKS Pod Identity before"
    elif "ipv6" not in variant.modes and version < variants.SCOPED_SINCE:
        reason = "the plugin does not create interfaces with the cluster's tag before"
        since = variants.SCOPED_SINCE
    working = ", ".join(v.name for v in variants.VARIANTS if version >= v.minimum)
    problem = (
        "variant {} does not work with plugin {}: {} {}; at {} these do: {} (choose with "
        "{--variant})"
    )
    return OptionError("--variant", problem, variant.name, version, reason, since, version, working)


def session_policy(composed: Composed, policy: Policy) -> str:
    """Return a filled policy as the session policy of a Pod Identity association.

    The session can do what the role and the session policy both allow. Sources: Amazon EKS API
    reference, CreatePodIdentityAssociation (policy, which needs disableSessionTags); AWS STS API
    reference, AssumeRole (Policy: at most 2,048 characters as text, and a separate limit in packed
    form, of which STS returns only the used share). Raises `UsageError`.
    """
    name = composed.variant.name
    if composed.variant.scope is Scope.SESSION_TAGS:
        raise UsageError(
            f"{name} compares session tags, which an association with a session policy does not "
            "have; use a variant for one cluster"
        )
    text = dumps(policy, None)
    if len(text) > MOST_OF_A_SESSION:
        raise UsageError(
            f"{name} has {len(text):,} characters, and a session policy at most "
            f"{MOST_OF_A_SESSION:,}; add --no-harden, or give the cluster its own role"
        )
    return text
