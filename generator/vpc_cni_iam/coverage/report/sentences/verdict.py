"""Whether the plugin works, by Region if results differ, and which scenarios were not run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vpc_cni_iam.coverage.analysis.cover import Coverage
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.scenarios import Scenario
from vpc_cni_iam.errors import first_of

_GIVE = "give `--set region=REGION`"


def verdict(coverage: Coverage) -> str:
    """Return whether the plugin works."""
    regions = in_each(coverage.by_region)
    return f"{coverage.verdict} ({regions})" if regions else coverage.verdict


def in_each(verdicts: Mapping[CheckedRegion, Verdict], advice: str = _GIVE) -> str:
    """Return the verdict in each Region, best first; empty without Regions."""
    texts: dict[str, list[CheckedRegion]] = {}
    for region, each in sorted(verdicts.items(), key=lambda pair: pair[1].rank):
        texts.setdefault(each, []).append(region)
    return by_region(texts, advice) if texts else ""


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
    names = [s.name + f" ({s.variable})" * bool(s.variable) for s in scenarios]
    if names:
        yield f"not run, unless --scenario names it: {', '.join(names)}"
