"""The policy picker: a page that has every policy of the catalog, and needs no server.

A policy is written once for each statement: its JSON and its HCL, with a mark in the place of each
name. The page joins the statements and replaces the marks. `script` refuses to write what the page
would join to anything else than the command prints.
"""

import functools
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from tools.docs import source_links
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import Basis, Mode
from vpc_cni_iam.catalog.facts.partitions import PARTITIONS
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList, narrow
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.variants import VARIANTS, Scope, Variant
from vpc_cni_iam.coverage.analysis.matrix import profile
from vpc_cni_iam.coverage.analysis.risks import find_risks
from vpc_cni_iam.coverage.names import mode_of, names_of
from vpc_cni_iam.coverage.report.sentences.risks import risk_text
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, Names, RequestSetting
from vpc_cni_iam.hcl.write import block, policy_document
from vpc_cni_iam.policy.document import Policy, Statement, dumps
from vpc_cni_iam.versions.works_with import document_versions

# No value of a parameter can be one of these.
MARKS = {p.name: f"@@{p.name}@@" for p in parameters.PARAMETERS}
_LISTS = tuple(MARKS[p.name] for p in parameters.LISTS)
_LIMITS = {limit.parameter: limit for limit in IdList}
# Which lists are given: of each number, the bits are those of the lists. The page counts so, too.
_SUBSETS = [
    [limit for bit, limit in enumerate(IdList) if number >> bit & 1]
    for number in range(1 << len(IdList))
]
_NAMES = Names(cluster_name="cluster-of-the-picker", vpc_id=EXAMPLE["vpc_id"])
_VALUES = {
    **EXAMPLE,
    **{p.name: parameters.SAMPLE[p.name] for p in parameters.LISTS},
    "cluster_name": _NAMES.cluster_name,
    "vpc_owner_id": _NAMES.vpc_owner_id,
}


@dataclass(slots=True)
class _Table:
    """Repeated values, each with its number."""

    numbers: dict[Any, int] = field(default_factory=dict)

    def number(self, value: Any) -> int:
        return self.numbers.setdefault(value, len(self.numbers))


@dataclass(slots=True)
class _Data:
    statements: _Table = field(default_factory=_Table)
    policies: _Table = field(default_factory=_Table)
    risks: _Table = field(default_factory=_Table)
    risk_lists: _Table = field(default_factory=_Table)
    evidence: _Table = field(default_factory=_Table)
    evidence_lists: _Table = field(default_factory=_Table)


def choices() -> Iterator[tuple[Variant, PluginVersion, bool, tuple[str, ...]]]:
    """Yield every choice: variant, plugin version, hardened, features."""
    for variant in VARIANTS:
        for version in known_versions.known()[1:]:  # the first one is not supported
            known = [f for f in calls.features() if calls.feature_since(f) <= version]
            subsets = itertools.chain.from_iterable(
                itertools.combinations(known, size) for size in range(len(known) + 1)
            )
            for features in subsets if version >= variant.minimum else ():
                for hardened in (False, True) if variant.cluster_scoped else (False,):
                    yield variant, version, hardened, features


def key(variant: str, hardened: bool, features: tuple[str, ...]) -> str:
    """Return the name of a choice in the data of a plugin version."""
    return "+".join((variant, *(("harden",) if hardened else ()), *features))


def composed(
    variant: Variant, version: PluginVersion, hardened: bool, features: tuple[str, ...]
) -> Composed:
    """Return the policy of a choice."""
    (policy,) = options(
        [variant.name],
        cni_version=str(version),
        features=features,
        hardening=Hardening() if hardened else None,
    ).composed()
    return policy


def data() -> dict[str, Any]:
    """Return the data of the page."""
    tables = _Data()
    # Many versions have the same policies and calls as the one before.
    number_policy = functools.cache(functools.partial(_policy, tables))
    risks_known: dict[object, tuple[int, ...]] = {}
    versions: dict[str, dict[str, tuple[int, tuple[int, ...]]]] = {}
    for variant, version, hardened, features in choices():
        policy = composed(variant, version, hardened, features).policy
        chosen = key(variant.name, hardened, features)
        setting = RequestSetting(version, mode_of([policy]), features, names=_NAMES)
        same = policy, profile(setting, SCENARIOS)
        # The page takes lists of IDs, and has * where there are none.
        listed = narrow(policy, IdList) if hardened else policy
        if same not in risks_known:
            subsets = _SUBSETS if listed != policy else [[]]
            narrowed = (narrow(policy, limits) for limits in subsets)
            risks_known[same] = tuple(_risks(tables, each, setting) for each in narrowed)
        numbers = number_policy(variant, listed), risks_known[same]
        versions.setdefault(str(version), {})[chosen] = numbers
    evidence = {
        str(version): {
            ",".join(modes): _evidence(tables, modes, version)
            for modes in dict.fromkeys(v.modes for v in VARIANTS if version >= v.minimum)
        }
        for version in known_versions.known()[1:]
    }
    return {
        "versions": versions,
        "variants": [
            {
                "name": v.name,
                "identifier": v.identifier,
                "modes": ",".join(v.modes),
                "scope": _scope(v),
                "minimum": str(v.minimum),
                "published_by": v.published_by,
            }
            for v in VARIANTS
        ],
        "features": [
            {"name": name, "when": when, "since": str(calls.feature_since(name))}
            for name, when in calls.features().items()
        ],
        "parameters": [
            {
                "name": p.name,
                "option": p.option,
                "pattern": p.pattern,
                "rule": p.rule,
                "default": "*" if p.is_list else p.default,
                "list": _LIMITS.get(p),  # what --limit-to calls it
            }
            for p in parameters.PARAMETERS
        ],
        "partitions": [{"name": name, "start": start} for name, (start, _) in PARTITIONS.items()],
        "statements": [_statement(s) for s in tables.statements.numbers],
        "policies": [
            {"statements": numbers, "works": works, "parameters": used}
            for numbers, works, used in tables.policies.numbers
        ],
        "risks": [
            dict(zip(("name", "severity", "text"), r, strict=True)) for r in tables.risks.numbers
        ],
        "risk_lists": list(tables.risk_lists.numbers),
        "evidence": [
            {"kind": kind, "effect": effect, "places": list(source_links.parts(places))}
            for kind, effect, places in tables.evidence.numbers
        ],
        "evidence_lists": [dict(pairs) for pairs in tables.evidence_lists.numbers],
        "evidence_of": evidence,
    }


def script() -> str:
    """Return the data as a script, which a page without a server can load."""
    content = json.dumps(data(), separators=(",", ":")).replace("</", "<\\/")
    return f"window.vpcCniIam = {content};\n"


def _scope(variant: Variant) -> str:
    if not variant.cluster_scoped:
        return "account"
    return "tags" if variant.scope is Scope.SESSION_TAGS else "cluster"


def _policy(tables: _Data, variant: Variant, policy: Policy) -> int:
    marked = parameters.fill(policy, MARKS)
    _check(marked, variant.identifier)
    numbers = tuple(map(tables.statements.number, marked.statements))
    used = tuple(p.name for p in parameters.used(policy))
    return tables.policies.number((numbers, document_versions(policy, variant).works_with, used))


def _statement(statement: Statement) -> dict[str, Any]:
    policy = Policy((statement,))
    return {
        "json": dumps(policy).partition("[\n")[2].rpartition("\n  ]")[0],
        "hcl": block(policy_document("x", policy)).partition("\n")[2].rpartition("}\n")[0],
        "actions": statement.actions,
        **({} if (twice := _twice(statement)) == statement else {"many": _statement(twice)}),
    }


def _twice(statement: Statement) -> Statement:
    """Return a statement with each listed resource twice: the page writes the IDs in between."""
    resources = list(map(str, statement.resources))
    if len(set(resources)) < len(resources):
        return statement
    return replace(
        statement,
        resources=tuple(r for r in resources for _ in range(1 + any(m in r for m in _LISTS))),
    )


def _check(policy: Policy, name: str) -> None:
    """Refuse a policy that differs from its statements joined as by the page."""
    parts = [_statement(s) for s in policy.statements]
    # policy-picker.js has the same two.
    statements = ",\n".join(p["json"] for p in parts)
    blocks = "\n".join(p["hcl"] for p in parts)
    as_json = f'{{\n  "Version": "2012-10-17",\n  "Statement": [\n{statements}\n  ]\n}}\n'
    as_hcl = f'data "aws_iam_policy_document" "{name}" {{\n{blocks}}}\n'
    if as_json != dumps(policy) or as_hcl != block(policy_document(name, policy)):
        raise ValueError(f"the page would not show the policy of {name} as the command prints it")


def _risks(tables: _Data, policy: Policy, setting: RequestSetting) -> int:
    filled = parameters.fill(policy, _VALUES)
    names = {"cluster_name": _NAMES.cluster_name, "vpc_id": EXAMPLE["vpc_id"]}
    setting = replace(setting, names=names_of(names, [filled]))

    def marked(name: str) -> str:
        return name.replace(_NAMES.cluster_name, MARKS["cluster_name"])

    risks = (
        (r.identifier, r.severity, risk_text(replace(r, names=tuple(map(marked, r.names)))))
        for r in find_risks([filled], setting)
    )
    return tables.risk_lists.number(tuple(map(tables.risks.number, risks)))


def _evidence(tables: _Data, modes: tuple[Mode, ...], version: PluginVersion) -> int:
    """Number the facts about each action that modes of a plugin version call."""
    texts: dict[str, tuple[str, str, str]] = {}
    for feature in (None, *calls.features()):
        for call_range in calls.call_ranges(modes, version, feature):
            basis = call_range.basis(version).value
            impact = call_range.effect if call_range.deniable else "cannot be denied"
            called = f"with feature {feature}; " if feature else ""
            text = basis, f"{called}{impact}", call_range.evidence
            earlier = texts.get(call_range.action)
            if earlier is None or (basis == Basis.OBSERVED.value and earlier[0] != basis):
                texts[call_range.action] = text
    return tables.evidence_lists.number(
        tuple((action, tables.evidence.number(text)) for action, text in texts.items())
    )
