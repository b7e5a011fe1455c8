"""Proposes the catalog's data for a version of the plugin that is newer than the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from tools.plugin_probe import denials
from tools.plugin_probe.evidence import observed
from tools.plugin_probe.evidence import text as evidence_text
from tools.upstream.against import against, release_to_compare
from tools.upstream.calls import Site, calls
from tools.upstream.check import compare
from tools.upstream.checkout import read_checkout
from tools.upstream.page import documents
from tools.upstream.proxy import MODULE, Module
from tools.upstream.revision import Origin, data_files, facts_text
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import calls_file
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.policy.report import difference_lines

PAGE = "docs/iam-policy.md"
_AGENT = (
    "add its network policy agent, as charts/aws-vpc-cni/values.yaml names it, to `shipped` of "
    "tools/plugin_probe/agent_logs/observed.json"
)
_AGAIN = (
    "tests/catalog/test_facts.py states the facts a second time: write there what you read, not "
    "what a test printed"
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The proposed data for a new version.

    Args:
        version: The version.
        files: The data files to commit, by their path in the catalog's data folder.
        facts: What was found, a line each.
        decisions: What a person must decide, a line each.
    """

    version: PluginVersion
    files: Mapping[str, str]
    facts: tuple[str, ...]
    decisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """The versions of a module in the proxy's list, and the one that the catalog knows.

    Args:
        module: The module's path.
        known: The newest version that was read.
        versions: The versions in the list.
    """

    module: str
    known: PluginVersion
    versions: tuple[PluginVersion, ...]

    @property
    def newer(self) -> tuple[PluginVersion, ...]:
        """The versions that are newer than the known one."""
        return tuple(version for version in self.versions if version > self.known)

    @property
    def line(self) -> str:
        """The newer versions as one line."""
        names = ", ".join(map(str, self.newer)) or "nothing"
        count = f"{len(self.versions)} version{'s' * (len(self.versions) != 1)}"
        return f"{self.module}: {names} newer than {self.known} in this list of {count}"


def listed(versions: Callable[[str], tuple[PluginVersion, ...]]) -> tuple[Listed, ...]:
    """Return the proxy's lists for the plugin and for the other modules in the catalog."""
    known = {MODULE: known_versions.newest()} | calls_file().source.beside
    return tuple(Listed(module, version, versions(module)) for module, version in known.items())


def propose(module: Module, observe: Callable[[PluginVersion], dict[str, Any]] | None) -> Proposal:
    """Return the proposed data for a version.

    Args:
        module: The version's source.
        observe: Runs the probe and returns its evidence; None to leave it out.
    """
    files: dict[str, str] = {"calls.json": _releases(module)}
    facts: list[str] = []
    decisions: list[str] = []
    for part in (_page, _calls):
        own, result, open_questions = part(module)
        files |= own
        facts += result
        decisions += open_questions
    if observe is None:
        decisions.append(f"run `python -m tools.plugin_probe evidence {module.version}`")
    else:
        evidence = observe(module.version)
        files[f"observed/{module.version}.json"] = evidence_text(evidence)
        files["denials.json"] = denials.text(denials.denials([*observed(), evidence]))
        changed = list(_changed(observed()[-1], evidence))
        facts.append(f"the probe ran {len(evidence['scenarios'])} scenarios")
        facts += changed or [f"observed as {observed()[-1]['version']} was"]
        decisions += [f"state in calls.json: {line}" for line in changed]
    decisions += [_AGENT, _AGAIN]
    return Proposal(module.version, files, tuple(facts), tuple(decisions))


_Part = tuple[dict[str, str], list[str], list[str]]


def _releases(module: Module) -> str:
    """Return ``calls.json`` with the version among its versions."""
    file = calls_file()
    source = replace(
        file.source,
        newest_version=module.version,
        newest_version_date=module.date[:10],
        modules=f"{file.source.modules}; {MODULE}@{module.version} ({module.checksum})",
    )
    versions = tuple(sorted({*file.versions, module.version}))
    return facts_text(replace(file, source=source, versions=versions))


def _page(module: Module) -> _Part:
    """Compare upstream's page with the newest revision."""
    newest = revisions()[-1]
    content = (module.folder / PAGE).read_bytes()
    compared = compare(documents(content.decode(), PAGE), newest)
    lines = [
        f"{PAGE}: {c.kind} {c.state}{f', {change}' if change else ''}"
        for c in compared
        if c.state != "same"
        for change in [*map(str, difference_lines(c.differences))] or [""]
    ]
    if not lines:
        return {}, [f"{PAGE} means what revision {newest.name} means"], []
    origin = Origin(None, module.date, "", module.version, f"{MODULE}@{module.version}")
    try:
        files = data_files(content, PAGE, origin)
    except (InputError, UsageError) as error:
        return {}, lines, [str(error)]
    result = {f"revisions/{name}": text for name, text in files.items()}
    return result, lines, ["review the new revision's documents in revisions/"]


def _calls(module: Module) -> _Part:
    """Compare the calls in the source with those of the newest version that the catalog knows."""
    source = calls(read_checkout(module.folder))
    actions = against(source, release_to_compare(str(module.version)))
    facts = [f"{sum(a.clean for a in actions)} of {len(actions)} calls are as the catalog has them"]
    decisions = [
        f"{action.name}: {action.note}{_place(action.sites)}"
        for action in actions
        if not action.clean
    ]
    decisions += [f"{u.text}{_place((u.site,))}" for u in source.undecided]
    return {}, facts, decisions


def _place(sites: tuple[Site, ...]) -> str:
    return f" ({sites[0].file}:{sites[0].line})" if sites else ""


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield the changed observations: requests, and impacts of denials."""
    known = {scenario["name"]: scenario for scenario in before["scenarios"]}
    for scenario in after["scenarios"]:
        if scenario["pods"][0] < scenario["pods"][1]:
            yield f"{scenario['name']}: {scenario['pods'][0]} of {scenario['pods'][1]} pods"
        old = known.get(scenario["name"])
        if old is None:
            continue
        forms, old_forms = (
            {r["form"] or r["action"] for r in s["requests"]} for s in (scenario, old)
        )
        yield from (f"{scenario['name']}: sends {form}" for form in sorted(forms - old_forms))
        yield from (
            f"{scenario['name']}: no longer sends {form}" for form in sorted(old_forms - forms)
        )
        for name, outcome in scenario["denied"].items():
            earlier = old["denied"].get(name, outcome)["impact"]
            if outcome["impact"] != earlier:
                yield (f"{scenario['name']}: {name} denied: {outcome['impact']}, before {earlier}")
