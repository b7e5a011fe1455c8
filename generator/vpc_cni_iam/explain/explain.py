"""Explains each incident of a text: denied requests and other errors."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown, Reason, is_complete
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import CLUSTER, KUBERNETES_CLUSTER
from vpc_cni_iam.catalog.parameters import NAMES, PARAMETERS
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.explain import known
from vpc_cni_iam.explain.calls import AllowingStatements, PossibleCall, allowing, possible_calls
from vpc_cni_iam.explain.causes import OF_OTHER_POLICIES, Cause, RolePolicies, causes, grants
from vpc_cni_iam.explain.known import ErrorKind
from vpc_cni_iam.explain.reading.denial import Denial, OtherProgram, role_of
from vpc_cni_iam.explain.reading.incidents import Distinct, Incident, Incidents, Repeated

_ARN = re.compile(r"arn:([^:]*):[^:]*:([^:]*):([0-9]{12}):")
_PATTERNS = {p.name: p.pattern for p in PARAMETERS}
# v1.8.0 to v1.18.0 write version/v1.18.0 (pkg/awsutils/awssession/session.go), v1.22.4 to v1.23.2
# write v1.23.2 (pkg/awsutils/awsutils.go). v1.19.4 to v1.20.4 do not name themselves.
_AGENT = re.compile(r"amazon-vpc-cni-k8s/(?:version/)?(v?[0-9]+\.[0-9]+\.[0-9]+)")
_PLACEHOLDER = re.compile(r"\b(?:ROLE|CLUSTER|REGION)\b")
_EXAMPLES = 3


class Examples(Struct, frozen=True):
    """The first of several values."""

    count: int  # how many were counted
    more: bool  # whether there are others
    first: tuple[str, ...]  # three at most


_NONE = Examples(0, more=False, first=())


class Explanation(Struct, frozen=True):
    """Why requests of one kind were denied."""

    action: str
    resources: Examples  # the ARNs that AWS checked; none if not known
    principals: Examples  # the principals that sent it; none if not known
    role: str  # the role of the principals, without a session; empty if not known
    reason: str  # AWS's own words, empty if there are none
    count: int  # how often it was denied
    cni_version: str  # the plugin version that the explanation is for
    program: OtherProgram | None  # the program that sent it, if it is known and not the plugin
    # The plugin's calls that can send it; none if the plugin does not call it.
    calls: tuple[PossibleCall, ...]
    # The statements that allow it, in the scoped and in the generic variant; none if a policy that
    # is not the role's denies it.
    statements: tuple[AllowingStatements, ...]
    example_names: tuple[str, ...]  # the names in the statements that are examples
    causes: tuple[Cause, ...]  # its causes, the certain ones first
    encoded: bool  # whether the message has more in encoded form
    called_by: tuple[str, ...]  # the plugin versions that call it, if the newest one does not
    # The first version from which on it is not called, if it was at `cni_version`; empty for none.
    not_called_from: str


class ExplainedError(Struct, frozen=True):
    """An error other than a denied call of the plugin, and what it proves."""

    name: str
    kind: ErrorKind
    count: int  # how often it is in the text
    text: str  # the part of the first message that says so
    cause: str  # what it proves
    alternatives: tuple[str, ...]  # what else can cause it
    commands: tuple[str, ...]  # what to run next


class Explanations(Struct, frozen=True):
    """Why requests failed."""

    errors: tuple[ExplainedError, ...]  # errors other than denied calls of the plugin
    denials: tuple[Explanation, ...]  # each kind of denied request
    # The first messages about a denial that do not name the call.
    unknown: tuple[str, ...]
    unknown_count: int  # how many there are
    # Whether each denial has a known call or program, and the role's policies were read.
    complete: bool
    # The parts of the role's policies that were not read, and the assumptions.
    skipped: tuple[NotKnown, ...]


class Cluster(Struct, frozen=True):
    """What options and the DaemonSet say about the plugin and its cluster."""

    version: PluginVersion | None  # takes precedence over the text; None if the text decides
    default: PluginVersion  # used if the text names no version
    modes: tuple[Mode, ...]  # the IP families
    names: Mapping[str, str | None]  # names such as the cluster's, by parameter


class _Group(Struct):
    """Denied requests that have one explanation."""

    explanation: Explanation
    count: int = 0
    resources: Distinct = field(default_factory=Distinct)
    principals: Distinct = field(default_factory=Distinct)

    def counted(self) -> Explanation:
        return replace(
            self.explanation,
            count=self.count,
            resources=_examples(self.resources),
            principals=_examples(self.principals),
        )


def explain(incidents: Incidents, cluster: Cluster, policy: Subject | None) -> Explanations:
    """Return why requests failed; `policy` is None if not given."""
    policies = RolePolicies(policy) if policy is not None else None
    if incidents.is_ipv6:
        cluster = replace(cluster, modes=("ipv6",))
    groups: dict[Hashable, _Group] = {}
    for incident in incidents.denials.values():
        for denial, count, resources in _apart(incident, policies):
            version = _version(denial, incidents, cluster) or _calling(denial, cluster)
            explanation = _explanation(denial, version, cluster, policies)
            group = groups.setdefault(_key(explanation), _Group(explanation))
            group.count += count
            group.resources.merge(resources)
            group.principals.merge(incident.principals)
    denials = tuple(group.counted() for group in _told_once(list(groups.values())))
    errors = [_error(e, cluster.names) for e in incidents.errors.values()]
    errors.sort(key=lambda error: list(ErrorKind).index(error.kind))
    skipped: tuple[NotKnown, ...] = ()
    if policies is not None:
        skipped = (*policies.subject.skipped, *_not_checked(incidents, policies))
    explained = all(e.calls or e.program for e in denials) and not incidents.unclear
    return Explanations(
        tuple(errors),
        denials,
        tuple(incidents.unclear),
        incidents.unclear_count,
        explained and is_complete(skipped),
        skipped,
    )


def _told_once(groups: list[_Group]) -> list[_Group]:
    """Return groups without those that another group about the same action makes redundant.

    An event of a pod has only the action. A log of the same incident also has the role.
    """
    fuller: dict[str, list[_Group]] = {}
    for group in groups:
        if group.principals.values:
            fuller.setdefault(group.explanation.action, []).append(group)
    told = []
    for group in groups:
        same = fuller.get(group.explanation.action, [])
        if len(same) == 1 and not group.principals.values and not group.resources.values:
            same[0].count += group.count
        else:
            told.append(group)
    return told


def _error(repeated: Repeated, names: Mapping[str, str | None]) -> ExplainedError:
    first = repeated.first
    error = known.errors()[first.name]
    values = {
        "ROLE": first.role,
        "CLUSTER": names.get("cluster_name"),
        "REGION": names.get("region"),
    }
    commands = (_PLACEHOLDER.sub(lambda m: values[m[0]] or m[0], c) for c in error.commands)
    return ExplainedError(
        first.name,
        error.kind,
        repeated.count,
        first.text,
        error.cause,
        error.alternatives,
        tuple(commands),
    )


def _apart(
    incident: Incident, policies: RolePolicies | None
) -> Iterator[tuple[Denial, int, Distinct]]:
    """Yield the denials of an incident that policies may decide differently, with their counts."""
    first, resources = incident.first, incident.resources
    if policies is None or not resources.values or not grants(policies, first.action):
        yield first, incident.count, resources
        return
    for resource, count in resources.values.items():
        yield replace(first, resource=resource), count, Distinct({resource: count})


def _explanation(
    denial: Denial, version: PluginVersion, cluster: Cluster, policies: RolePolicies | None
) -> Explanation:
    program = denial.program
    is_plugins = not program and known.is_called(denial.action)
    calls = () if program else possible_calls(denial, cluster.modes, version)
    newest_calls = program or possible_calls(denial, cluster.modes, known_versions.newest())
    called_by = frozenset() if newest_calls else _called_by(denial, cluster.modes)
    own = {k: v for k, v in _candidates(denial) if re.fullmatch(_PATTERNS[k], v)}
    names = {**own, **{k: v for k, v in cluster.names.items() if v}}
    statements = tuple(allowing(denial, calls, version, names)) if calls else ()
    every = causes(denial, calls, statements, policies, version, is_plugins=is_plugins)
    if any(cause.name in OF_OTHER_POLICIES for cause in every):
        statements = ()
    stated = {name for s in statements for name in s.names}
    examples = tuple(p.name for p in NAMES if p.name in stated - names.keys())
    return Explanation(
        denial.action,
        _NONE,
        _NONE,
        role_of(denial.principal),
        denial.reason,
        1,
        str(version),
        program,
        calls,
        statements,
        examples,
        every,
        denial.encoded,
        tuple(map(str, known_versions.spans(called_by))),
        _not_called_from(called_by) if calls else "",
    )


def _key(explanation: Explanation) -> Hashable:
    """Return what the explanations of one incident have in common."""
    e = explanation
    statements = [(s.variant, s.names, s.allows, s.unmet, str(s.statements)) for s in e.statements]
    calls = [call.name for call in e.calls]
    who = e.role, e.reason, e.cni_version, e.program, e.encoded
    return e.action, who, e.causes, tuple(calls), tuple(statements)


def _examples(values: Distinct) -> Examples:
    return Examples(len(values.values), values.others > 0, tuple(values.values)[:_EXAMPLES])


def _not_checked(incidents: Incidents, policies: RolePolicies) -> Iterator[NotKnown]:
    """Yield the denied requests that were not checked against the policies."""
    for incident in incidents.denials.values():
        action, others = incident.first.action, incident.resources.others
        if others and grants(policies, action):
            detail = f"{others:,} more denials on other resources were not checked"
            yield NotKnown(action, Reason.not_read, detail)


def _called_by(denial: Denial, modes: tuple[Mode, ...]) -> frozenset[PluginVersion]:
    """Return the plugin versions that make the denied call."""
    if not known.is_called(denial.action):
        return frozenset()
    return frozenset(v for v in known_versions.known() if possible_calls(denial, modes, v))


def _not_called_from(called_by: frozenset[PluginVersion]) -> str:
    """Return the first version after all that make a call; empty if no version makes it."""
    later = (v for v in known_versions.known() if called_by and v > max(called_by))
    return str(next(later, ""))


def _calling(denial: Denial, cluster: Cluster) -> PluginVersion:
    """Return the default version, or the newest that makes the denied call if only others do."""
    if denial.program or possible_calls(denial, cluster.modes, cluster.default):
        return cluster.default
    return max(_called_by(denial, cluster.modes), default=cluster.default)


def _version(denial: Denial, incidents: Incidents, cluster: Cluster) -> PluginVersion | None:
    """Return the plugin version that options or the text name; None if neither does."""
    agent = _AGENT.search(denial.agent)
    name = "v" + agent[1].removeprefix("v") if agent else incidents.version
    if cluster.version is not None or not name:
        return cluster.version
    try:
        return known_versions.find(name)
    except UsageError:
        return known_versions.stand_in(name)


def _candidates(denial: Denial) -> Iterator[tuple[str, str]]:
    """Yield possible names from the denial itself, by parameter."""
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
