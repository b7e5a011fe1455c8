"""What the plugin can no longer do, or cannot do, by the policies of its role."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.review.account.effective import PrincipalPolicies
from vpc_cni_iam.review.account.plugin import ClusterPlugin
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.account.policy_state import judged_policies
from vpc_cni_iam.review.checks.plugin import says_missing
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff import trust
from vpc_cni_iam.review.diff.changes import PrincipalChange
from vpc_cni_iam.review.diff.coverage import mode_for
from vpc_cni_iam.review.diff.plugin import ClusterChange
from vpc_cni_iam.review.findings import Finding, rule
from vpc_cni_iam.review.make_finding import coverage_findings, finding

rule(
    "coverage-lost",
    "error",
    "coverage-lost any-change",
    "The plugin could make a call before that it cannot make after.",
    "The calls of the plugin version are checked against the policies of both sides. A fatal "
    "loss keeps the plugin from starting, or pods from getting addresses. A lesser one is a "
    "warning. So is a loss that a policy of unknown content may make up for, and one of the role "
    "of nodes while the plugin may have another role. A loss without an effect is a note. A trust "
    "policy by which the plugin can no longer assume its role loses everything.",
)
rule(
    "coverage-lacking",
    "warning",
    "",
    "The plugin's policies do not allow a call without which it fails.",
    "Policies that the plan attaches to the same role are taken together; it may be that one "
    "which the plan does not show allows it. If it was so before, and the plan does not name the "
    "plugin's version, this is a note: the plugin fails when it is updated to the version.",
)
_OWN = ("irsa", "pod-identity")


def check(context: Context) -> Iterator[Finding]:
    """Yield the calls of the plugin that are lost or lacking."""
    for change in context.changes:
        if not change.changes or change.action in ("drift", "forget") or not change.coverage:
            continue
        # A role says it of all its policies together.
        principals = map(context.principals.get, change.principals)
        if not any(principal and principal.coverage for principal in principals):
            new = change.before.known == "absent"
            yield from coverage_findings(change.coverage, change.address, change.attribute, new=new)
    for name, principal in context.principals.items():
        if _is_unused(name, context):
            continue
        has = context.effective.by_principal[name]
        yield from _of_principal(principal, has, context)
        yield from _as_before(principal, has, context)
        yield from _bounded(principal, has)


def _is_unused(name: str, context: Context) -> bool:
    """Say whether aws-node cannot lose anything with a role that is not lost as a whole.

    It has another role in each cluster of the role, or the cluster goes; or the plan deletes the
    role, which is a finding about the identity.
    """
    if any(name in change.after.deleted for _, change in context.clusters):
        return True
    clusters = _clusters(name, context)
    return bool(clusters) and all(
        plugin.goes or (change.after.kind in _OWN and name not in change.after.roles)
        for plugin, change in clusters
    )


def _clusters(name: str, context: Context) -> list[tuple[ClusterPlugin, ClusterChange]]:
    """Return the clusters that the plan says a role is of."""
    return [
        (plugin, change)
        for plugin, change in context.clusters
        if name in (*plugin.nodes, *plugin.before.identity.roles)
    ]


def _in_its_place(name: str, has: PrincipalPolicies, context: Context) -> list[str]:
    """Return the roles of the plugin, of which aws-node may have one and not that of its nodes."""
    if _clusters(name, context) or not _is_of(has, nodes=True) or _is_of(has, nodes=False):
        return []
    return [
        other
        for other, policies in context.effective.by_principal.items()
        if other != name and _is_of(policies, nodes=False)
        if any(map(concerns_plugin, judged_policies(*policies.after.values())))
    ]


def _is_of(has: PrincipalPolicies, *, nodes: bool) -> bool:
    """Say whether nodes can assume a role, or the plugin by itself."""
    ways = trust.ways(has.trust.judged, {}) if has.trust and has.trust.judged else ()
    return any((way == trust.BY_NODES) == nodes for way in ways)


def _of_principal(
    principal: PrincipalChange, has: PrincipalPolicies, context: Context
) -> Iterator[Finding]:
    if principal.coverage is None:
        return
    unknown = tuple(key for key in principal.opaque if key in has.after)
    yield from coverage_findings(
        principal.coverage,
        principal.name,
        new=not principal.before and not says_missing(principal.name, context),
        unknown=unknown,
        unsure=any(has.before.get(key) != has.after[key] for key in unknown),
        others=_in_its_place(principal.name, has, context),
    )


def _as_before(
    principal: PrincipalChange, has: PrincipalPolicies, context: Context
) -> Iterator[Finding]:
    """Yield what the plugin's role never allowed, where no cluster says which version is judged."""
    policies = judged_policies(*has.after.values())
    if context.clusters or principal.opaque or not any(map(concerns_plugin, policies)):
        return
    denied = [r for r in principal.matrix if r.needed == "fatal" and r.before == r.after == "no"]
    if denied and principal.before:
        target = context.target
        plugin = f"{target.version} ({FAMILIES[mode_for(policies, target)]})"
        actions = ", ".join(row.action for row in denied)
        known = "which the policies in the plan do not allow, as before"
        message = f"The plugin {plugin} fails without {actions}, {known}"
        yield finding("coverage-lacking", message, principal.name, level="note")


def _bounded(principal: PrincipalChange, has: PrincipalPolicies) -> Iterator[Finding]:
    """Yield that the plugin's role comes under a boundary that is not known."""
    before, bound = has.bounds
    if bound is None or bound == before or not (principal.concerns_plugin and has.before):
        return
    if bound.state.known not in ("known", "absent"):
        yield finding(
            "coverage-lost",
            "The plugin may no longer do what a new permissions boundary does not allow, "
            "and the plan does not hold its document",
            principal.name,
            details=bound.state.why,
            level="warning",
        )
