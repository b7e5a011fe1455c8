"""The list of the catalog for programs and its table, beside the data files themselves."""

import json
import re
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from conftest import FACTS, Stored, facts
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.versions.listing import CatalogData, changes, listing

VERSIONS = facts("calls.json")["versions"]
REVISIONS = [facts(f"revisions/{file.name}") for file in sorted(FACTS.glob("revisions/*"))]


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


@cache
def listed() -> CatalogData:
    return listing()


# Before and after the versions that exit on a denial, and the newest.
@pytest.mark.parametrize("version", ["v1.7.5", "v1.12.6", "v1.13.2", "v1.19.6", "v1.23.2"])
def test_a_version_has_its_calls(version: str, stored: Stored) -> None:
    entry: Any = listed()["versions"][VERSIONS.index(version)]
    rows = (json.dumps(value) for value in (*entry.pop("calls"), entry))
    stored(f"catalog-{version}.txt", "".join(f"{row}\n" for row in rows))


def test_a_version_is_supported_from_the_first_revision_on_unless_aws_refuses_it() -> None:
    refused = {refused["version"] for refused in facts("calls.json")["refused"]}
    for entry in listed()["versions"]:
        shipped = [r for r in REVISIONS if number(r["first_version"]) <= number(entry["version"])]
        assert entry["revision"] == (shipped[-1]["revision"] if shipped else None)
        assert entry["supported"] is (entry["version"] not in refused)


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
