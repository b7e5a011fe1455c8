"""SARIF against the standard's schema, and against what GitHub's code scanning asks besides.

The schema in tests/data/sarif-2.1.0.json is the one Microsoft's SARIF SDK validates with (MIT),
from the npm package @microsoft/sarif-multitool-linux 5.7.0; its line ends alone are changed.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from msgspec.structs import replace

from conftest import ROOT, run
from reviews import CONFIGURATIONS, PLANS, every, hostile, many, of_plan
from vpc_cni_iam.review.report import sarif as sarif_report
from vpc_cni_iam.review.report.sarif import LIMIT, message, write
from vpc_cni_iam.review.report_formats import Setting


@lru_cache(1)
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "tests" / "data" / "sarif-2.1.0.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def run_of(text: str) -> dict[str, Any]:
    log = json.loads(text)
    validator().validate(log)
    (result,) = log["runs"]
    assert isinstance(result, dict)
    return result


def test_every_review_validates_and_is_ascii() -> None:
    for example in every():
        text = write(example, Setting(prefix="infra/prod"))
        assert text.isascii()
        run_of(text)


def test_the_schema_refuses_what_is_wrong() -> None:
    log = json.loads(write(hostile(), Setting()))
    log["runs"][0]["results"][0]["level"] = "critical"
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(log)


def test_results_are_what_code_scanning_takes() -> None:
    for example in every():
        rules = run_of(write(example, Setting()))["tool"]["driver"]["rules"]
        results = run_of(write(example, Setting()))["results"]
        assert len(results) == len(example.findings) + len(example.ignored)
        prints = [r["partialFingerprints"]["primaryLocationLineHash"] for r in results]
        assert len(set(prints)) == len(prints)
        for result in results:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            (location,) = result["locations"]
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[\w.~%/-]+", uri) and not uri.startswith("/")
            assert location["physicalLocation"]["region"]["startLine"] >= 1
        for rule in rules:
            assert 0 < len(rule["shortDescription"]["text"]) <= 1024
            assert rule["help"]["text"] and len(rule["properties"]["tags"]) <= 20


def test_a_finding_points_at_its_line() -> None:
    path = next(p for p in PLANS if p.name.startswith("widen"))
    lines = (CONFIGURATIONS / "widen" / "after" / "main.tf").read_text().splitlines()
    for result in run_of(write(of_plan(path), Setting(prefix="live/eu")))["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "live/eu/main.tf", "uriBaseId": "%SRCROOT%"}
        kind, name = result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].split(".")
        assert lines[place["region"]["startLine"] - 1] == f'resource "{kind}" "{name}" {{'


def test_a_message_begins_with_what_it_is_about() -> None:
    review = of_plan(next(path for path in PLANS if path.name.startswith("create.")))
    results = run_of(write(review, Setting()))["results"]
    assert review.findings
    for finding, result in zip(review.findings, results, strict=True):
        subject = f"{finding.address} {finding.attribute}".rstrip()
        assert result["message"]["text"].startswith(f"{subject}: {finding.message}"[:60])


def test_what_is_ignored_is_suppressed_and_not_shown_to_github() -> None:
    plan = hostile()
    suppressed = [r for r in run_of(write(plan, Setting()))["results"] if "suppressions" in r]
    assert len(suppressed) == len(plan.ignored) > 0
    for result in suppressed:
        (item,) = result["suppressions"]
        assert (item["kind"], item["status"]) == ("external", "accepted")
        assert "\\u001b" in item["justification"]
    results = run_of(write(plan, Setting("github")))["results"]
    assert len(results) == len(plan.findings)


def test_a_fingerprint_stays_when_other_findings_go() -> None:
    def prints(text: str) -> dict[str, str]:
        return {
            r["partialFingerprints"]["vpcCniIam/v1"]: r["ruleId"] for r in run_of(text)["results"]
        }

    path = next(p for p in PLANS if p.name.startswith("widen"))
    whole, again = (
        prints(write(of_plan(path), Setting())),
        prints(write(of_plan(path), Setting(prefix="moved/elsewhere"))),
    )
    assert whole == again


def test_messages_are_text() -> None:
    assert message("see [a](b) {0} ${aws:x}\nnext") == "see [a] (b) {{0}} ${aws:x}\nnext"
    for result in run_of(write(hostile(), Setting()))["results"]:
        assert not re.search(r"\]\(|(?<!\{)\{\d\}|[\x00-\x09\x0b-\x1f]", result["message"]["text"])


def test_places_leave_the_root_module_but_no_way_out_is_hidden() -> None:
    uris = {
        unquote(r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        for r in run_of(write(hostile(), Setting(prefix="live/eu")))["results"]
        if "logicalLocations" in r["locations"][0] and "suppressions" not in r
    }
    assert all(uri.startswith("live/") and uri.endswith("/ä#?.tf") for uri in uris)


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("infra/plan.json", "infra/plan.json"),
        (r"infra\plan.json", "infra/plan.json"),
        ("/builds/1/plan.json", "plan.json"),
        ("../plan.json", "plan.json"),
    ],
)
def test_a_finding_without_a_line_is_in_the_plan_which_is_named_within_the_repository(
    name: str, uri: str
) -> None:
    review = replace(
        of_plan(PLANS[0]), plan=name, findings=(replace(many(1).findings[0], place=None),)
    )
    (result,) = run_of(write(review, Setting(prefix="infra")))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]) == (uri, {"startLine": 1})


def test_findings_of_one_rule_about_one_attribute_have_fingerprints_of_their_own() -> None:
    """Code scanning takes results of one fingerprint for one."""
    results = run_of(write(many(3), Setting("github")))["results"]
    prints = [r["partialFingerprints"]["vpcCniIam/v1"].partition(":") for r in results]
    assert [number for _, _, number in prints] == ["1", "2", "3"]
    assert len({first for first, _, _ in prints}) == 1


def test_no_more_than_code_scanning_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LIMIT == 25_000
    monkeypatch.setattr(sarif_report, "LIMIT", 5)
    log_run = run_of(write(many(9), Setting()))
    assert len(log_run["results"]) == 5
    (messages,) = log_run["invocations"][0]["toolExecutionNotifications"]
    assert messages["message"]["text"].startswith("5 findings are left out")
    whole = run_of(write(many(5), Setting("github")))
    assert len(whole["results"]) == 5
    assert whole["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]


def test_the_command_finds_where_the_root_module_is(tmp_path: Path) -> None:
    folder = tmp_path / "live" / "eu"
    folder.mkdir(parents=True)
    main = CONFIGURATIONS / "widen" / "after" / "main.tf"
    (folder / "main.tf").write_text(main.read_text())
    path = next(p for p in PLANS if p.name.startswith("widen"))
    for git, cwd, source, expected in (
        (False, tmp_path, "live/eu", "live/eu/main.tf"),
        (False, folder, ".", "main.tf"),
        (True, folder, ".", "live/eu/main.tf"),
        (True, tmp_path / "live", "eu", "live/eu/main.tf"),
    ):
        if git:
            (tmp_path / ".git").mkdir(exist_ok=True)
        done = run("review", path, "--source", source, "--format", "sarif", cwd=cwd)
        place = run_of(done.out)["results"][0]["locations"][0]["physicalLocation"]
        assert (done.code, place["artifactLocation"]["uri"]) == (1, expected)
