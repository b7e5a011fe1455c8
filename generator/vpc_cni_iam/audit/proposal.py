"""What to do about a role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache, partial
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.audit.judge import PluginRole, PolicyAudit, RoleResult, RoleScope
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.coverage.analysis.denied import DeniedAction
from vpc_cni_iam.coverage.analysis.repairs import (
    Candidate,
    Repair,
    RepairKind,
    repairs,
    replacement,
    scoped_candidates,
)
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity


class RoleChange(Enum):
    """How a role should change."""

    REPLACE = "its policy is replaced"
    SCOPE = "its policy is scoped to its cluster"
    ATTACH = "it gets a policy"
    FOR_EACH = "each cluster gets a role"
    FOR_PLUGIN = "aws-node gets its own role"


class RoleStep(Struct, frozen=True):
    """A change of a role, with the command that prints its policy."""

    change: RoleChange
    command: str = ""


# `Repair` is about calls that are denied for another reason than the role's own policies.
ToDo: TypeAlias = RoleStep | Repair


def proposal(
    identities: Sequence[Identity],
    audit: PolicyAudit,
    role: PluginRole,
    clusters: Mapping[EksCluster, RoleResult],
    *,
    only_repairs: bool,
) -> tuple[ToDo, ...]:
    """Return what to do about a role; nothing if it is scoped and works.

    `clusters` has the role's result in each cluster that is known to have it. With `only_repairs`,
    improvements of a role that works are left out.
    """
    steps = [*_of_policies(audit, role, only_repairs=only_repairs)]
    if not any(_fatal(family) for family in audit.families):
        steps += _of_clusters(role, clusters)
    is_of_nodes = tuple(identities) == (Identity.node_role,) and audit.scope is not RoleScope.none
    if is_of_nodes and not only_repairs:
        steps.append(RoleStep(RoleChange.FOR_PLUGIN))
    return tuple(dict.fromkeys(steps))


def _of_policies(audit: PolicyAudit, role: PluginRole, *, only_repairs: bool) -> Iterator[ToDo]:
    """Yield what to do about the policies in every cluster."""
    modes = tuple(family.mode for family in audit.families)
    missing = [m for family in audit.families for m in _fatal(family)]
    scoped, generic = Candidate(f"{modes[0]}-scoped", Hardening()), Candidate(modes[0])

    def other() -> RoleStep | None:
        if audit.scope is RoleScope.none:
            return _advice(role, RoleChange.ATTACH, [scoped, generic], modes=modes[:1])
        if len(role.settings(modes[0])) > 1:
            return RoleStep(RoleChange.FOR_EACH)
        if len(modes) > 1:
            return _advice(role, RoleChange.REPLACE, [Candidate("-".join(modes))], modes=modes)
        is_scoped = audit.scope is RoleScope.scoped
        narrow = scoped_candidates(modes[0], role.policies) if is_scoped else []
        return _advice(role, RoleChange.REPLACE, [*narrow, generic], modes=modes)

    yield from _mended(missing, other)
    is_replaced = any(not (m.undecided or m.explicit or m.by) for m in missing)
    if audit.scope is RoleScope.broad and not (is_replaced or only_repairs):
        each = RoleStep(RoleChange.FOR_EACH)
        own = each if len(modes) > 1 else _advice(role, RoleChange.SCOPE, [scoped], modes=modes)
        if own:
            yield own


def _of_clusters(role: PluginRole, clusters: Mapping[EksCluster, RoleResult]) -> Iterator[ToDo]:
    """Yield what to do in the clusters in which the plugin fails with the role."""
    for cluster, family in clusters.items():
        candidates = [*scoped_candidates(family.mode, role.policies), Candidate(family.mode)]
        own = partial(
            _advice, role, RoleChange.REPLACE, candidates, modes=(family.mode,), at=cluster
        )
        yield from _mended(
            _fatal(family), own if len(clusters) == 1 else lambda: RoleStep(RoleChange.FOR_EACH)
        )


def _mended(denied: Iterable[DeniedAction], other: Callable[[], RoleStep | None]) -> Iterator[ToDo]:
    """Yield what to do about denied actions; `other` returns what to do about the policies."""
    for repair in repairs(denied, lambda: ""):
        is_own = repair.kind is RepairKind.policies
        yield (other() if is_own else None) or repair


def _fatal(family: RoleResult) -> list[DeniedAction]:
    """Return the denied actions without which the plugin fails."""
    return [missing for missing in family.missing if missing.is_fatal]


def _advice(
    role: PluginRole,
    change: RoleChange,
    candidates: Sequence[Candidate],
    *,
    modes: tuple[Mode, ...],
    at: EksCluster = ANY_CLUSTER,
) -> RoleStep | None:
    """Return a change with the command for the first candidate that works; None if none does."""
    names, chosen = role.settings(modes[0], at)[0].names, tuple(candidates)
    command = _command(chosen, role.version, names, modes, session_tags=role.session_tags)
    return RoleStep(change, command) if command else None


@lru_cache(maxsize=1024)
def _command(
    candidates: tuple[Candidate, ...],
    version: PluginVersion,
    names: Names,
    modes: tuple[Mode, ...],
    *,
    session_tags: bool,
) -> str:
    settings = [RequestSetting(version, m, names=names, session_tags=session_tags) for m in modes]
    return replacement(candidates, settings)
