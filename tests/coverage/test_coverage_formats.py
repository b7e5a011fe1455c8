"""Every format of a report says the same: what JSON has is in text and picture."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conftest import run

SVG = "{http://www.w3.org/2000/svg}"
TEAM = {"Condition": {"StringLike": {"aws:TagKeys": "team*"}}}


def document(*statements: dict[str, Any]) -> str:
    every = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": every})


FILES = {
    "ec2.json": document({"Action": "ec2:*"}),
    "idle.json": document({"Action": ["ec2:Describe*", "s3:GetObject"]}),
    # AWS leaves open what such a condition on a key of several values means.
    "undecided.json": document(
        {"NotAction": "ec2:CreateTags"}, {"Action": "ec2:CreateTags", "Sid": "Tags", **TEAM}
    ),
    "may-be-denied.json": document(
        {"Action": "ec2:*"}, {"Effect": "Deny", "Action": "ec2:CreateTags", **TEAM}
    ),
    "deny.json": document({"Action": "*"}, {"Effect": "Deny", "Action": "ec2:DetachNet*"}),
    "on-instances.json": document(
        {"NotAction": ["ec2:AttachNetworkInterface", "ec2:Delete*"]},
        {"Action": "ec2:AttachNetworkInterface", "Resource": "arn:aws:ec2:*:*:instance/*"},
        {"Action": "ec2:Delete*", "Condition": {"StringEquals": {"aws:ResourceTag/a": "b"}}},
    ),
}
CASES = (
    "--variant ipv6 --revision 2024-07-22 --cni-version v1.22.1",
    "--variant ipv4-scoped --cni-version v1.23.2",
    "--variant ipv4 --cni-version v1.21.2",
    "--variant ipv4 --cni-version v1.23.2 --feature network-policy-logs",
    "--variant ipv4 --cni-version v1.23.2 --scenario fresh-node",
    "--variant ipv4 --cni-version v1.23.2 --feature hyperpod",
    "ec2.json --cni-version v1.23.2",
    "ec2.json --boundary idle.json --cni-version v1.20.4",
    "idle.json deny.json --cni-version v1.7.5",
    "undecided.json --cni-version v1.23.2",
    "may-be-denied.json --cni-version v1.23.2 --scenario fresh-node",
    "on-instances.json --cni-version v1.14.0",
)
EVERY_CASE = pytest.mark.parametrize("words", CASES)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)


@cache  # what is in the files is the same for each test
def reported(words: str, *more: str) -> str:
    done = run("coverage", *words.split(), *more)
    assert done.code in (0, 1), done.err
    return done.out


def name_of(call: dict[str, Any]) -> str:
    return f"{call['action']} on the {call['on']}" if call["on"] else call["action"]


def state(call: dict[str, Any]) -> str:
    if call["allowed"]:
        return "allowed"
    if call["severity"] == "fatal":
        return "error"
    return "note" if call["impact"] == "no effect" else "warning"


def effect(call: dict[str, Any]) -> str:
    only = f", only with {call['feature']}" if call["feature"] else ""
    unsure = "if denied, " if call["undecided"] else ""
    return f"{unsure}{call['impact']} ({call['known']}{only}): {call['breaks']}"


def why(call: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield what a line has of each check that is not allowed."""
    for check in call["checks"]:
        if check["outcome"] == "allowed":
            continue
        of_another = f"{check['action']}: " if check["action"] != call["action"] else ""
        if check["limit"]:
            yield of_another, check["limit"], "has no statement that allows it"
        elif check["outcome"] == "explicitly denied":
            yield of_another, f"denied by statement {check['statement']}"
        elif check["outcome"] == "undecided":
            yield of_another, f"undecided by statement {check['statement']}: {check['reason']}"
        else:
            yield of_another, "no statement allows "


def denied_calls(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for s in data["scenarios"] for c in s["calls"] if not c["allowed"]]


@EVERY_CASE
def test_verbose_text_has_each_call_of_each_scenario(words: str) -> None:
    data = json.loads(reported(words, "--format", "json"))
    first, _, rest = reported(words, "--verbose").partition("\n\n")
    assert first.startswith(f"{data['policy']} against plugin {data['cni_version']}, ")
    for scenario in data["scenarios"]:
        block, _, rest = rest.partition("\n\n")
        heading, summary, *lines = block.split("\n")
        sent = scenario["calls"]
        denied = [c for c in sent if not c["allowed"]]
        undecided = sum(c["undecided"] is not None for c in denied)
        assert heading == (
            f"{scenario['name']}: "
            + (f"{len(denied)} of {len(sent)} calls denied" if denied else "all allowed")
            + (f" ({undecided} undecided, counted as denied)" if undecided else "")
        )
        assert summary.strip() == scenario["summary"]
        distinct = {(c["call"], c["on"], c["allowed"]): c for c in reversed(sent)}
        every = iter(lines)
        for call in sent:
            if distinct.get((call["call"], call["on"], call["allowed"])) is not call:
                continue
            line = next(every)
            about = f"  {state(call):<8} {name_of(call)}"
            if call["allowed"]:
                statements = dict.fromkeys(c["statement"] or "" for c in call["checks"])
                # AWS answers GetCallerIdentity regardless of policies: nothing is checked.
                assert bool(statements) is (call["action"] != "sts:GetCallerIdentity")
                by = f"by statement {', '.join(statements)}"
                assert line == f"{about}, {by if statements else 'regardless of policies'}"
                continue
            assert line == about
            details = []
            while (line := next(every).strip()) != call["evidence"]:
                details.append(line)
            unreached = "not reached after an earlier denial"
            assert (details[-1] == unreached) is not call["reached"]
            details = [detail for detail in details if detail != unreached]
            assert details.pop() == effect(call)
            for parts in why(call):
                assert any(all(part in detail for part in parts) for detail in details), parts
            assert len(details) <= len(list(why(call)))
        assert list(every) == []


@EVERY_CASE
def test_text_has_each_denial_once_with_its_scenarios(words: str) -> None:
    data = json.loads(reported(words, "--format", "json"))
    scenarios = [scenario["name"] for scenario in data["scenarios"]]
    seen: dict[tuple[str, str], list[str]] = {}
    states = []
    for block in re.findall(r"^(?:error|warning|note) .*\n(?: {9}.*\n)+", reported(words), re.M):
        about, *details, where = (line.strip() for line in block.splitlines())
        states.append(about.partition(" ")[0])
        names = re.sub("^in (?:the scenarios? )?", "", where)
        if match := re.fullmatch(r"all (\d+) scenarios(?: except (.*))?", names):
            assert int(match[1]) == len(scenarios)
            but = match[2].split(", ") if match[2] else []
            assert 2 * len(but) < len(scenarios)
            chosen = [name for name in scenarios if name not in but]
        else:
            chosen = names.split(", ")
        assert len(details) >= 2
        seen.setdefault((about, details[-1]), []).extend(chosen)
    expected: dict[tuple[str, str], set[str]] = {}
    for scenario in data["scenarios"]:
        for call in denied_calls({"scenarios": [scenario]}):
            key = f"{state(call):<8} {name_of(call)}", effect(call)
            expected.setdefault(key, set()).add(scenario["name"])
    assert {key: set(names) for key, names in seen.items()} == expected
    assert sorted(states, key=lambda word: word != "error") == states


@EVERY_CASE
def test_text_ends_with_what_is_not_needed_and_the_verdict(words: str) -> None:
    data = json.loads(reported(words, "--format", "json"))
    blocks = reported(words).strip().split("\n\n")
    denied = denied_calls(data)
    required = [c for c in denied if c["severity"] == "fatal"]
    undecided = sum(c["undecided"] is not None for c in denied)
    number, sent = len(data["scenarios"]), sum(len(s["calls"]) for s in data["scenarios"])
    summary = f"{sent} calls in {number} scenario{'' if number == 1 else 's'}, "
    if denied:
        unsure = f" ({undecided} undecided, counted as denied)" if undecided else ""
        summary += f"{len(denied)} denied{unsure}, {len(required) or 'none'} of them required"
    else:
        summary += "all allowed"
    verdict = "works, degraded" if denied else "works"
    if required:
        verdict = "unknown" if all(c["undecided"] for c in required) else "fails"
    assert blocks[-1] == f"{verdict}: {summary}"
    besides = []
    for harm, effect_of_it in list(HARMS.items())[:2]:
        if names := [g["action"] for g in data["granted_never_called"] if g["harm"] == harm]:
            besides.append(f"allowed and never called, {effect_of_it}: {', '.join(names)}")
    for harm, effect_of_it in HARMS.items():
        for grant in data["granted_beyond_calls"]:
            if grant["harm"] == harm:
                such = f"{grant['pattern']}, such as {', '.join(grant['examples'])}"
                besides.append(f"allowed beyond what is called, {effect_of_it}: {such}")
    assert ("\n".join(besides) in blocks) is bool(besides)
    assert "never called, describes or lists" not in "".join(besides)
    blocks = reported(words, "--verbose").strip().split("\n\n")
    not_run = data["scenarios_not_run"]
    (line,) = [b for b in blocks if b.startswith("not run, unless --scenario names it: ")] or [""]
    assert re.findall(r"[a-z-]+(?=,| \(|$)", line.partition(": ")[2]) == not_run
    risks = [f"  {r['severity']:<7} {r['id']}: {r['text']}" for r in data["findings"]]
    shown = next((b for b in blocks if b.startswith("risks, explained by ")), "")
    assert shown.split("\n")[1:] == risks


HARMS = {
    "access": "gives itself access",
    "data": "reads or changes data or resources",
    "other": "describes or lists",
}
MEANINGS = {
    "allowed": ("+", "called and allowed"),
    "fatal": ("X", "called and denied: the plugin fails"),
    "degraded": ("!", "called and denied: the plugin works, degraded"),
    "harmless": ("-", "called and denied, which has no effect"),
    "unused": ("o", "allowed, never called"),
    "not called": (".", "neither allowed nor called"),
}
Cells = dict[str, dict[str, str]]
MATRICES = (
    "--variant ipv6 --revision 2024-07-22",
    "--variant ipv4-scoped",
    "--variant ipv4 --feature network-policy-logs",
    "ec2.json --boundary idle.json",
    "undecided.json",
    "--variant ipv4 --scenario trunk-interface --scenario custom-networking",
)
EVERY_MATRIX = pytest.mark.parametrize("words", MATRICES)


def between(text: str, versions: list[str]) -> list[str]:
    first, _, last = text.partition(" to ")
    return versions[versions.index(first) : versions.index(last or first) + 1]


def of_text(text: str, versions: list[str]) -> Cells:
    cells: Cells = {version: {} for version in versions}
    _, table, legend = text.split("\n\n")[:3]
    actions = re.findall(r"\S+:\w+$", table, re.MULTILINE)
    meanings = dict(line.split("  ", 1) for line in legend.splitlines())
    assert sorted(meanings.items()) == sorted(MEANINGS.values())
    for line in table.splitlines()[len(actions) + 1 :]:
        names, _, marks = re.sub(r"  +", "\0", line).partition("\0")
        for version in between(names, versions):
            pairs = zip(actions, marks.split(), strict=True)
            cells[version] |= {action: meanings[mark] for action, mark in pairs}
    return cells


def of_picture(text: str, versions: list[str]) -> Cells:
    cells: Cells = {version: {} for version in versions}
    for group in ET.fromstring(text).iter(f"{SVG}g"):
        title, bar = group.findtext(f"{SVG}title", ""), group.find(f"{SVG}rect")
        action, names, meaning = re.fullmatch(r"(.*), (v[^:]*): (.*)", title).groups()  # type: ignore[union-attr]
        kind = str(bar.get("class") if bar is not None else "").replace("-", " ")
        assert meaning.partition(";")[0] == MEANINGS[kind][1]
        for version in between(names, versions):
            assert action not in cells[version]
            cells[version][action] = MEANINGS[kind][1]
    return cells


@EVERY_MATRIX
def test_every_format_has_the_cells_of_all_versions(words: str) -> None:
    data = json.loads(reported(words, "--all-versions", "--format", "json"))
    versions = [row["version"] for row in data["versions"]]
    expected = {
        row["version"]: {action: MEANINGS[cell][1] for action, cell in row["cells"].items()}
        for row in data["versions"]
    }
    assert of_text(reported(words, "--all-versions"), versions) == expected
    assert of_text(reported(words, "--all-versions", "--verbose"), versions) == expected
    cells = of_picture(reported(words, "--format", "svg"), versions)
    for row in data["versions"]:
        fails = "fatal" in row["cells"].values()
        works = MEANINGS["fatal" if fails else "allowed"][1]
        assert cells[row["version"]].pop("the plugin works") == works
    assert cells == expected


@EVERY_MATRIX
def test_text_has_each_denial_of_all_versions(words: str) -> None:
    data = json.loads(reported(words, "--all-versions", "--format", "json"))
    text = reported(words, "--all-versions")
    versions = [row["version"] for row in data["versions"]]
    assert [row["cells"].keys() for row in data["versions"]] == [
        dict.fromkeys(data["actions"]).keys()
    ] * len(versions)
    seen: dict[tuple[str, str], tuple[str, ...]] = {}
    for line in re.findall(r"^[X!-]  \S+ at v.*", text, re.MULTILINE):
        mark, action, names, scenario, effect, rest = re.fullmatch(
            r"([X!-])  (\S+) at (v[^,]*), in ([^:]*): ([^(]*) \((.*)", line
        ).groups()  # type: ignore[union-attr]
        for version in between(names, versions):
            seen[version, action] = mark, scenario, effect, rest
    expected = set()
    for row in data["versions"]:
        for action, denial in row["denied"].items():
            key = row["version"], action
            expected.add(key)
            mark, scenario, effect, rest = seen[key]
            cell = row["cells"][action]
            assert (mark, scenario, effect) == (
                MEANINGS[cell][0],
                denial["scenario"],
                denial["impact"],
            )
            for part in (denial["breaks"], denial["evidence"], denial["undecided"] or ""):
                assert part in rest
    assert seen.keys() == expected
