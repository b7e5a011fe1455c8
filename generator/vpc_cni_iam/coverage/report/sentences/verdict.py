"""Whether the plugin works, by Region if results differ, and which scenarios were not run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vpc_cni_iam.coverage.analysis.cover import Coverage, PluginVerdict
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.scenarios import Scenario
from vpc_cni_iam.errors import first_of

VERDICTS = {
    PluginVerdict.works: "works",
    PluginVerdict.degraded: "works, degraded",
    PluginVerdict.unknown: "unknown",
    PluginVerdict.fails: "fails",
}
_GIVE = "give `--region`"


def verdict(coverage: Coverage) -> str:
    """Return whether the plugin works."""
    if not coverage.by_region:
        return VERDICTS[coverage.verdict]
    by_verdict: dict[PluginVerdict, list[CheckedRegion]] = {}
    for each in sorted(coverage.by_region, key=lambda each: each.result.verdict.rank):
        by_verdict.setdefault(each.result.verdict, []).append(each.region)
    return by_region({VERDICTS[verdict]: regions for verdict, regions in by_verdict.items()})


def by_region(results: Mapping[str, Iterable[CheckedRegion]], advice: str = _GIVE) -> str:
    """Return results with their Regions, and the option that names the plugin's Region."""
    parts = [f"{result} {_in(regions)}" for result, regions in results.items()]
    return "; ".join(parts) + (f": {advice}" if advice else "")


def _in(regions: Iterable[CheckedRegion]) -> str:
    names = [region.name for region in regions]
    named = [name for name in names if name is not None]
    words = [f"in {first_of(named, 6)}"] if named else []
    return " and ".join([*words, *["elsewhere"] * (None in names)])


def not_run(scenarios: Iterable[Scenario]) -> Iterator[str]:
    """Yield the scenarios that run only by name."""
    if names := [scenario.name for scenario in scenarios]:
        yield f"not run, unless --scenario names it: {', '.join(names)}"
