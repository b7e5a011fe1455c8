"""What versions of the network policy agent do if a log call is denied, beside the catalog."""

import json

import pytest
from tools.plugin_probe.agent_logs.__main__ import OBSERVED

from vpc_cni_iam.catalog.facts import calls, known_versions

DATA = json.loads(OBSERVED.read_text())
# The functions of a version are those of any version with the same file.
RAN = {DATA["files"][agent]: outcomes for agent, outcomes in DATA["ran"].items()}
FIRST = calls.feature_since("network-policy-logs")
SHIPPED: dict[str, str] = DATA["shipped"]
# Neither the module proxy nor a clone has it; the file is the same before and after it.
NOT_READ = {"v1.4.2"}
IMPACTS = {
    "start fails": {"exits at start"},
    "panics when it logs": {"exits", "some pods get no address"},  # where pods need the agent
    "goes on": {"degraded"},
}


def test_every_version_that_is_shipped_was_run_or_has_the_file_of_one_that_was() -> None:
    versions = {str(v) for v in known_versions.known() if v >= FIRST}
    assert SHIPPED.keys() == versions, f"name the agents that these ship in `shipped` of {OBSERVED}"
    agents = {*SHIPPED.values()}
    assert len(agents) == 29 and agents - DATA["files"].keys() == NOT_READ
    assert {DATA["files"][agent] for agent in agents - NOT_READ} == RAN.keys()
    assert DATA["files"]["v1.4.1"] == DATA["files"]["v1.4.3"]


@pytest.mark.parametrize("action", RAN[DATA["files"]["v1.4.3"]])
def test_the_catalog_says_what_was_seen(action: str) -> None:
    for version, agent in SHIPPED.items():
        file = DATA["files"].get(agent, DATA["files"]["v1.4.3"])
        for mode in ("ipv4", "ipv6"):
            (impact,) = (
                r.impact.value
                for r in calls.call(action).ranges
                if r.mode == mode and r.at(known_versions.find(version))
            )
            assert impact in IMPACTS[RAN[file][action]], (version, agent, action)
