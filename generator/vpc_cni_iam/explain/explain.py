"""Explains each denied request of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import CLUSTER, KUBERNETES_CLUSTER
from vpc_cni_iam.catalog.parameters import NAMES, PARAMETERS
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.explain.calls import (
    MODES,
    AllowingStatements,
    PossibleCall,
    allowing,
    possible_calls,
)
from vpc_cni_iam.explain.causes import Cause, causes
from vpc_cni_iam.inputs.denial import Denial, Denials
from vpc_cni_iam.inputs.skipped import Skipped, is_complete

_ARN = re.compile(r"arn:([^:]*):[^:]*:([^:]*):([0-9]{12}):")
_PATTERNS = {p.name: p.pattern for p in PARAMETERS}


class Explanation(Struct, frozen=True):
    """Why a request was denied."""

    action: str
    resource: str  # what it is checked on, empty if not known
    principal: str  # who asked, empty if not known
    reason: str  # AWS's own words, empty if there are none
    count: int  # how often it was denied
    cni_version: str  # the plugin version that it is explained for
    # The calls of the plugin that it can be of; none if the plugin does not call it.
    calls: tuple[PossibleCall, ...]
    # What allows it, in the scoped and in the generic variant.
    statements: tuple[AllowingStatements, ...]
    example_names: tuple[str, ...]  # the names in the statements that are examples
    causes: tuple[Cause, ...]  # its causes, the certain ones first
    encoded: bool  # whether the message has more in encoded form
    called_by: tuple[str, ...]  # the plugin versions that call it, where that version does not


class Explanations(Struct, frozen=True):
    """Why requests were denied."""

    denials: tuple[Explanation, ...]  # each kind of denied request
    unknown: tuple[str, ...]  # lines that tell of a denial without saying of which call
    complete: bool  # whether each is of a known call, and the role's policies were read
    # The parts of the role's policies that were not read, and what was assumed.
    skipped: tuple[Skipped, ...]


def explain(
    denials: Denials,
    version: PluginVersion | None,
    mode: Mode | None,
    names: Mapping[str, str | None],
    policy: Subject | None = None,
) -> Explanations:
    """Return why requests were denied.

    Version None is what a denial says, else the newest known one; mode None is both IP families;
    policy None, that the role's are not given. `names` are those of the cluster and the like.
    """
    explanations = tuple(
        _explanation(denial, count, version, (mode,) if mode else MODES, names, policy)
        for denial, count in denials.counts.items()
    )
    unknown = tuple(dict.fromkeys(denials.unknown))
    skipped = policy.skipped if policy is not None else ()
    complete = not unknown and all(e.calls for e in explanations) and is_complete(skipped)
    return Explanations(explanations, unknown, complete, skipped)


def _explanation(
    denial: Denial,
    count: int,
    plugin_version: PluginVersion | None,
    modes: tuple[Mode, ...],
    names: Mapping[str, str | None],
    policy: Subject | None,
) -> Explanation:
    version = plugin_version or _said(denial) or known_versions.newest()
    calls = possible_calls(denial, modes, version)
    sent_in = tuple(m for m in modes if any(m in call.modes for call in calls))
    own = {k: v for k, v in _candidates(denial) if re.fullmatch(_PATTERNS[k], v)}
    known = {**own, **{k: v for k, v in names.items() if v}}
    statements = tuple(allowing(denial, sent_in, version, known)) if calls else ()
    stated = {name for s in statements for name in s.names}
    examples = tuple(p.name for p in NAMES if p.name in stated - known.keys())
    return Explanation(
        denial.action,
        denial.resource,
        denial.principal,
        denial.reason,
        count,
        str(version),
        calls,
        statements,
        examples,
        causes(denial, calls, statements, policy, version),
        denial.encoded,
        () if calls else _called_by(denial, modes),
    )


def _called_by(denial: Denial, modes: tuple[Mode, ...]) -> tuple[str, ...]:
    """Return the plugin versions that make the call that was denied."""
    versions = (v for v in known_versions.known() if possible_calls(denial, modes, v))
    return tuple(map(str, known_versions.spans(frozenset(versions))))


def _said(denial: Denial) -> PluginVersion | None:
    """Return the plugin version that a denial names, None if it is not known."""
    if not denial.version:
        return None
    try:
        return known_versions.find(denial.version)
    except UsageError:
        return known_versions.stand_in(denial.version)


def _candidates(denial: Denial) -> Iterator[tuple[str, str]]:
    """Yield what may be the names that a denial itself has, by parameter."""
    for arn in (denial.resource, denial.principal):
        if match := _ARN.match(arn):
            yield from zip(("partition", "region", "account_id"), match.groups(), strict=True)
            break
    for key, values in denial.context or ():
        name = key.partition("/")[2]
        if name == CLUSTER and values:
            yield "cluster_name", values[0]
        elif name.startswith(KUBERNETES_CLUSTER):
            yield "cluster_name", name.removeprefix(KUBERNETES_CLUSTER)
        elif key.lower() == "ec2:vpc" and values:
            yield "vpc_id", values[0].rpartition("/")[2]
