"""What to do about a role, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

from vpc_cni_iam.audit.judge import PluginRole, PolicyAudit, RoleResult, RoleScope
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.coverage.analysis.denied import DeniedAction
from vpc_cni_iam.coverage.analysis.repairs import (
    Candidate,
    RepairKind,
    repairs,
    replacement,
    scoped_candidates,
)
from vpc_cni_iam.coverage.report.sentences.repairs import REPLACE, repair_text
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity

_EACH = "give each cluster its own role, and scope it to the cluster"
_OWN = f"give aws-node its own role with {Identity.pod_identity} or {Identity.irsa}"


def proposal(
    identities: Sequence[Identity],
    audit: PolicyAudit,
    role: PluginRole,
    clusters: Mapping[EksCluster, RoleResult],
    *,
    only_repairs: bool,
) -> tuple[str, ...]:
    """Return what to do about a role, in sentences; none if it is scoped and works.

    `clusters` has the role's result in each cluster that is known to have it. With `only_repairs`,
    improvements of a role that works are left out.
    """
    lines = [*_of_policies(audit, role, only_repairs=only_repairs)]
    if not any(_fatal(family) for family in audit.families):
        lines += _of_clusters(role, clusters)
    is_of_nodes = tuple(identities) == (Identity.node_role,) and audit.scope is not RoleScope.none
    if is_of_nodes and not only_repairs:
        lines.append(_OWN)
    return tuple(dict.fromkeys(filter(None, lines)))


def _of_policies(audit: PolicyAudit, role: PluginRole, *, only_repairs: bool) -> Iterator[str]:
    """Yield what to do about the policies in every cluster."""
    modes = tuple(family.mode for family in audit.families)
    missing = [m for family in audit.families for m in _fatal(family)]
    scoped, generic = Candidate(f"{modes[0]}-scoped", Hardening()), Candidate(modes[0])

    def other() -> str:
        if audit.scope is RoleScope.none:
            attach = _advice(role, "attach", [scoped, generic], modes=modes[:1])
            return f"{attach} (or ipv6-scoped)"
        if len(role.settings(modes[0])) > 1:
            return _EACH
        if len(modes) > 1:
            return _advice(role, REPLACE, [Candidate("-".join(modes))], modes=modes)
        is_scoped = audit.scope is RoleScope.scoped
        narrow = scoped_candidates(modes[0], role.policies) if is_scoped else []
        return _advice(role, REPLACE, [*narrow, generic], modes=modes)

    yield from _mended(missing, other)
    is_replaced = any(not (m.undecided or m.explicit or m.by) for m in missing)
    if audit.scope is RoleScope.broad and not (is_replaced or only_repairs):
        what = "scope it to its cluster:"
        yield _advice(role, what, [scoped], modes=modes) if len(modes) == 1 else _EACH


def _of_clusters(role: PluginRole, clusters: Mapping[EksCluster, RoleResult]) -> Iterator[str]:
    """Yield what to do in the clusters in which the plugin fails with the role."""
    for cluster, family in clusters.items():
        candidates = [*scoped_candidates(family.mode, role.policies), Candidate(family.mode)]
        own = partial(_advice, role, REPLACE, candidates, modes=(family.mode,), at=cluster)
        yield from _mended(_fatal(family), own if len(clusters) == 1 else lambda: _EACH)


def _mended(denied: Iterable[DeniedAction], other: Callable[[], str]) -> Iterator[str]:
    """Yield what to do about denied actions; `other` returns what to do about the policies."""
    for repair in repairs(denied, lambda: ""):
        is_own = repair.kind is RepairKind.policies
        yield (other() if is_own else "") or repair_text(repair)


def _fatal(family: RoleResult) -> list[DeniedAction]:
    """Return the denied actions without which the plugin fails."""
    return [missing for missing in family.missing if missing.is_fatal]


def _advice(
    role: PluginRole,
    what: str,
    candidates: Sequence[Candidate],
    *,
    modes: tuple[Mode, ...],
    at: EksCluster = ANY_CLUSTER,
) -> str:
    """Return `what` to do, with the command for the first candidate that works."""
    names, chosen = role.settings(modes[0], at)[0].names, tuple(candidates)
    return _command(what, chosen, role.version, names, modes, session_tags=role.session_tags)


@lru_cache(maxsize=1024)
def _command(
    what: str,
    candidates: tuple[Candidate, ...],
    version: PluginVersion,
    names: Names,
    modes: tuple[Mode, ...],
    *,
    session_tags: bool,
) -> str:
    settings = [RequestSetting(version, m, names=names, session_tags=session_tags) for m in modes]
    command = replacement(candidates, settings)
    return f"{what} `{command}`" if command else ""
