"""The list of the catalog for programs and its table, beside the data files themselves."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from conftest import FACTS, facts
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.versions.listing import CatalogData, changes, listing

VERSIONS = facts("calls.json")["versions"]
REVISIONS = [facts(f"revisions/{file.name}") for file in sorted(FACTS.glob("revisions/*"))]
# The worst first.
WORST = [
    *("exits at start", "exits", "pods get no address", "some pods get no address"),
    *("start delayed", "degraded", "no effect"),
]
HARMLESS = {"start delayed", "degraded", "no effect"}
# The calls of other programs, whose denial does not stop the agent.
OTHERS = {"metrics-helper", "network-policy-logs"}


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def between(version: str, first: str, last: str | None) -> bool:
    return number(first) <= number(version) and (not last or number(version) <= number(last))


def denial(action: str, rows: list[dict[str, Any]], version: str) -> dict[str, Any]:
    """What a denial of all steps does and how that is known, as the files have it."""
    mode, feature = rows[0]["mode"], rows[0]["feature"]
    impact = min((row["impact"] for row in rows), key=WORST.index)
    delay = max(row["delay"] for row in rows)
    exits = facts("calls.json")["exits_on_denial"]
    if between(version, exits["first"], exits["last"]):
        by_agent = action.startswith("ec2:") and feature not in OTHERS
        if by_agent and action not in exits["but"]:
            at_start = impact == "exits at start" or action in exits["at_start"]
            impact = "exits at start" if at_start else "exits"
    effect = impact
    if impact == "start delayed":
        effect += f" by {delay} s"
    elif delay:
        effect += f", start delayed by {delay} s"
    observed = [
        seen
        for row in facts("denials.json")
        if (row["mode"], row["feature"], row["name"]) == (mode, feature, action)
        for seen in row["versions"]
    ]
    return {
        "action": action,
        "mode": mode,
        "impact": effect,
        "severity": "degraded" if impact in HARMLESS else "fatal",
        "known": "observed"
        if any(number(o) == number(version) for o in observed)
        else "read from source",
        "feature": feature,
        "deniable": all(row["deniable"] for row in rows),
    }


def denials(version: str) -> Iterator[dict[str, Any]]:
    """Each denial at a version, but those for a feature that are no worse than without it."""
    for call in facts("calls.json")["calls"]:
        sent: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
        for row in (row for step in call["steps"] for row in step["ranges"]):
            if between(version, row["first"], row["last"]):
                sent.setdefault((row["mode"], row["feature"]), []).append(row)
        for (mode, feature), rows in sent.items():
            always = sent.get((mode, None), []) if feature else []
            worst = min(WORST.index(row["impact"]) for row in rows)
            if not any(WORST.index(row["impact"]) <= worst for row in always):
                yield denial(call["action"], rows, version)


def in_order(calls: list[Any]) -> list[dict[str, Any]]:
    return sorted(calls, key=lambda c: (c["action"], c["mode"], c["feature"] or "", c["impact"]))


@cache
def listed() -> CatalogData:
    return listing()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_has_the_calls_of_the_data(version: str) -> None:
    entry: Any = listed()["versions"][VERSIONS.index(version)]
    expected = list(denials(version))
    assert in_order(entry["calls"]) == in_order(expected)
    for mode in ("ipv4", "ipv6"):
        always = {c["action"] for c in expected if c["mode"] == mode and not c["feature"]}
        actions = entry[f"{mode}_calls"]
        assert set(actions) == always and len(actions) == len(always)
    shipped = [r for r in REVISIONS if number(r["first_version"]) <= number(version)]
    assert entry["revision"] == (shipped[-1]["revision"] if shipped else None)
    refused = {refused["version"] for refused in facts("calls.json")["refused"]}
    assert entry["supported"] is (version not in refused)


def test_versions_features_and_revisions_are_those_of_the_data() -> None:
    assert [entry["version"] for entry in listed()["versions"]] == VERSIONS
    assert listed()["newest_version"]["version"] == VERSIONS[-1]
    since: dict[str, set[str]] = {}
    for call in facts("calls.json")["calls"]:
        for row in (row for step in call["steps"] for row in step["ranges"]):
            since.setdefault(row["feature"], set()).add(row["first"])
    assert listed()["features"] == [
        {"name": name, "when": data["summary"], "since": min(since[name], key=number)}
        for name, data in facts("features.json").items()
    ]
    for revision, data in zip(listed()["revisions"], REVISIONS, strict=True):
        assert revision["revision"] == data["revision"]
        assert revision["first_version"] == data["first_version"]
        assert revision["last_version"] == data["last_version"]
        assert revision["source"]["git_blob"] == data["source"]["git_blob"]
        assert revision["source"]["date"].startswith(data["revision"])


@pytest.mark.parametrize(
    ("observed", "first", "last", "words"),
    [
        ("", "v1.8.0", "v1.23.2", "read from source"),
        ("v1.20.0", "v1.21.0", "v1.23.2", "read from source"),
        ("v1.20.0", "v1.20.0", "v1.20.0", "observed"),
        ("v1.20.0", "v1.20.0", "v1.20.1", "observed at v1.20.0, else read from source"),
        (
            "v1.8.0 v1.20.0 v1.22.0 v1.23.0",
            "v1.9.0",
            "v1.23.0",
            "observed at v1.20.0, v1.22.0, v1.23.0, else read from source",
        ),
        (
            "v1.8.0 v1.20.0 v1.22.0 v1.23.0",
            "v1.8.0",
            "v1.23.0",
            "observed at 4 versions from v1.8.0 to v1.23.0, else read from source",
        ),
    ],
)
def test_how_an_impact_is_known_over_a_range_of_versions(
    observed: str, first: str, last: str, words: str
) -> None:
    of = PluginVersion.of
    (call_range, *_) = calls.call_ranges(("ipv4",), of("v1.20.0"))
    seen = replace(call_range, observed=tuple(map(of, observed.split())))
    assert seen.known_by(of(first), of(last)) == words


def test_who_replays_the_table_of_changes_has_each_version() -> None:
    rows = {row["from version"]: row for row in changes()}
    there: set[tuple[str, str]] = set()
    document = None
    for entry in listed()["versions"]:
        row = rows.pop(entry["version"], None)
        if row:
            lines = row["calls without a feature"].splitlines()
            assert lines == sorted(lines, key=lambda line: (line[0] == "-", line[1:]))
            for line in lines:
                sign, action, modes = line[0], line[1:].partition(" ")[0], line.partition(" (")[2]
                for mode in modes.rstrip(")").split(", "):
                    assert ((action, mode) in there) is (sign == "-"), line
                    there ^= {(action, mode)}
            assert lines or row["upstream's document"] != document
            document = row["upstream's document"]
        for mode in ("ipv4", "ipv6"):
            own = {action for action, of in there if of == mode}
            assert own == set(entry[f"{mode}_calls"]), entry["version"]  # type: ignore[literal-required]
        stands_in = "none; the oldest stands in"
        supported = entry["revision"] or stands_in
        assert document == (supported if entry["supported"] else "none; not supported")
    assert not rows
