"""An audit as lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from vpc_cni_iam.audit.audit import Audit
from vpc_cni_iam.audit.clusters import ClusterUse, MetricsHelperRole
from vpc_cni_iam.audit.judge import RoleResult
from vpc_cni_iam.audit.node_roles import NodeAnswer
from vpc_cni_iam.audit.roles import RoleAudit
from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.facts.node_needs import AGENT_ACTION
from vpc_cni_iam.catalog.known_documents import listed
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.report.sentences.calls import consequence
from vpc_cni_iam.coverage.report.sentences.nodes import node_text
from vpc_cni_iam.coverage.report.sentences.verdict import by_region
from vpc_cni_iam.inputs.report import skipped_lines
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.issuers import region_of

_ISSUER = "; works only if this is the cluster's issuer"
_ISSUERS = "each role works only in a cluster with its issuer"
_UNKNOWN_REGION = "the cluster's Region is not known; add the output of `aws eks describe-cluster`"
_UNCHECKED_NODES = (
    f"not checked: whether the node role allows {AGENT_ACTION}; add the output of aws eks "
    "describe-nodegroup"
)
_UNCHECKED = " (not checked; add aws eks describe-addon and describe-cluster)"


def lines(audit: Audit) -> Iterator[str]:
    """Yield the roles, what was not read, and the result."""
    alike: dict[tuple[object, ...], list[RoleAudit]] = {}
    for role in audit.roles:
        about = (
            role.verdict,
            role.is_unused,
            len(role.issuers),
            *_facts(role, audit.cni_version, []),
        )
        alike.setdefault(about, []).append(role)
    for roles in alike.values():
        yield from _roles(roles, audit.cni_version)
        yield ""
    for helper in audit.metrics_helper:
        yield from _metrics_helper(helper)
    yield from skipped_lines(audit.unread)
    families = [family for role in audit.roles for family in role.policies.families]
    if names := dict.fromkeys(name for f in families for name in f.scenarios_not_run):
        yield f"not run; run them with coverage --scenario: {', '.join(names)}"
    yield conclusion(audit)


def lines_of_nodes(audit: Audit) -> Iterator[str]:
    """Yield whether the permissions of the plugin can be removed from each node role."""
    for role in audit.node_roles or ():
        yield f"{role.answer:<9} {role.role}"
        facts = [("clusters", ", ".join(role.clusters))] if role.clusters else []
        facts += [("aws-node has", other) for other in role.other_roles]
        facts += [("because", text) for text in role.reasons]
        facts += [("to do", text) for text in role.proposal]
        yield from (f"          {name:<12} {value}" for name, value in facts)
        yield ""
    yield from skipped_lines(audit.unread)
    yield conclusion_of_nodes(audit)


def conclusion_of_nodes(audit: Audit) -> str:
    """Return the result for node roles in a line."""
    answers = Counter(role.answer for role in audit.node_roles or ())
    counts = ", ".join(f"{answers[a]:,} {a}" for a in NodeAnswer if answers[a])
    having = _count(sum(answers.values()), "node role")
    return f"{having} with permissions of the plugin{': ' if counts else ''}{counts}"


def _roles(roles: list[RoleAudit], version: str) -> Iterator[str]:
    """Yield the lines about roles that differ only in their names and issuers."""
    for number, role in enumerate(roles):
        word = "unused" if role.is_unused else role.verdict
        yield f"{'' if number else word:<8} {role.role}"
    for name, value in _facts(roles[0], version, [i for role in roles for i in role.issuers]):
        yield f"         {name:<12} {value}".rstrip()


def _facts(role: RoleAudit, version: str, issuers: list[str]) -> Iterator[tuple[str, str]]:
    policies = role.policies
    yield from (("not decided", text) for text in role.undecided)
    yield from (("trust", text) for text in role.untrusted)
    for denial in role.nodes:
        yield "nodes", f"{node_text([denial])}: no policy allows {', '.join(denial.actions)}"
    known = bool(role.clusters) and all(use.region for use in role.clusters)
    known |= bool(role.issuers) and all(map(region_of, role.issuers))
    for family in policies.families:
        yield "calls", f"{FAMILIES[family.mode]}: {family.verdict} at {version}"
        yield from _missing(family, "" if known else _UNKNOWN_REGION)
    for use in role.clusters:
        yield from _use(use, version)
    credentials = ", ".join(role.credentials)
    yield "credentials", credentials or "none: its trust policy does not allow aws-node"
    yield from _issuers(role, issuers)
    if policies.equal_to:
        yield "equal to", "; ".join(listed(policies.equal_to))
    yield "scope", policies.scope
    if policies.risks:
        yield "risks", ", ".join(policies.risks)
    open_points = role.proposal, role.undecided, role.untrusted, role.nodes, role.is_unused
    is_done = role.verdict is Verdict.works and bool(role.credentials) and not any(open_points)
    yield from (("to do", text) for text in (("nothing",) if is_done else role.proposal))


def _issuers(role: RoleAudit, issuers: list[str]) -> Iterator[tuple[str, str]]:
    checked = bool(role.clusters) and all(use.issuer for use in role.clusters)
    for issuer in issuers:
        yield "issuer", issuer + (_ISSUER + _UNCHECKED if len(issuers) == 1 and not checked else "")
    if len(issuers) > 1 and not checked:
        yield "", _ISSUERS + _UNCHECKED


def _use(use: ClusterUse, version: str) -> Iterator[tuple[str, str]]:
    at = f" at plugin {use.version}" if use.version else ""
    if use.is_overridden:
        yield "not used by", f"cluster {use.cluster} ({use.by}): aws-node has another role there"
        return
    yield "used by", f"cluster {use.cluster}{at} ({use.by})"
    if use.by is Identity.pod_identity and not use.node_roles:
        yield "", _UNCHECKED_NODES
    if use.result:
        how = f"as {use.configuration} configures it" if use.configuration else "by default"
        where = f"{how}, {FAMILIES[use.result.mode]}"
        yield "", f"{use.result.verdict} at {version} in cluster {use.cluster}, {where}"
        yield from _missing(use.result)


def _metrics_helper(role: MetricsHelperRole) -> Iterator[str]:
    equal = f", equal to {'; '.join(listed(role.equal_to))}" if role.equal_to else ""
    result = "" if role.denied or role.undecided else ": its calls are allowed"
    credentials = f" ({', '.join(role.credentials)})" if role.credentials else ""
    yield f"{role.role}: a role of cni-metrics-helper{credentials}{equal}{result}"
    for use in role.clusters:
        yield f"{role.role}: used by cluster {use.cluster} ({use.by})"
    for text in role.undecided:
        yield f"{role.role}: not decided: {text}"
    for denied in role.denied:
        state = "may be denied" if denied.undecided else "is denied"
        yield f"  {denied.action} {state}: {consequence(denied.undecided, denied.breaks)}"


def _missing(family: RoleResult, advice: str = _UNKNOWN_REGION) -> Iterator[tuple[str, str]]:
    if family.regions:
        verdicts: dict[str, list[CheckedRegion]] = {}
        for each in sorted(family.regions, key=lambda each: each.verdict.rank):
            region = CheckedRegion(each.region, each.checked)
            verdicts.setdefault(each.verdict, []).append(region)
        yield "Region", f"{FAMILIES[family.mode]}: {by_region(verdicts, advice)}"
    for missing in family.missing:
        what = "undecided" if missing.undecided else "missing"
        by = f", which {missing.by} does not allow" if missing.by and not missing.undecided else ""
        at = f"{FAMILIES[family.mode]}: {missing.action}{by}, in {missing.scenario}"
        yield what, f"{at}: {consequence(missing.undecided, missing.breaks)}"


def conclusion(audit: Audit) -> str:
    """Return the result in a line."""
    accounts = _count(len(audit.accounts), "account")
    read = f"{_count(audit.roles_read, 'role')} of {accounts} read"
    verdicts = Counter(role.verdict for role in audit.roles if not role.is_unused)
    failing, unknown = verdicts[Verdict.fails], verdicts[Verdict.unknown]
    if not audit.roles:
        result = "none is for the plugin"
    else:
        result = f"{len(audit.roles):,} for the plugin, of which {failing:,} "
        result += f"fail{'s' * (failing == 1)} at {audit.cni_version}"
        if unknown:
            result += f", and {unknown:,} may fail"
    if audit.metrics_helper:
        result += f"; {len(audit.metrics_helper):,} for cni-metrics-helper"
    incomplete = "" if audit.complete else "incomplete, see above what was not read or decided: "
    return f"{incomplete}{read}: {result}"


def _count(number: int, kind: str) -> str:
    return f"{number:,} {kind}{'' if number == 1 else 's'}"
