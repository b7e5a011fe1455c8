"""JSON, JUnit XML and SARIF, as programs read them."""

import json
import re
import xml.etree.ElementTree as ET
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import xmlschema
from msgspec.structs import replace

from conftest import ROOT
from shown_reviews import NEW_ACCESS, every, hostile, many, review
from vpc_cni_iam import json_schema
from vpc_cni_iam.review.report.formats import json as json_format
from vpc_cni_iam.review.report.formats import junit, sarif
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.report.words import fails
from vpc_cni_iam.review.report_formats import Setting

DATA = ROOT / "tests" / "data"


def test_json_fits_its_schema_and_is_the_data() -> None:
    validator = jsonschema.Draft202012Validator(json_schema.schema("A review", ShownReview))
    for shown in every():
        text = json_format.write(shown, Setting())
        assert text.isascii()
        validator.validate(json.loads(text))
        assert text == json.dumps(json.loads(text), indent=2) + "\n"
    finding = json.loads(json_format.write(review(NEW_ACCESS), Setting()))["findings"][0]
    assert (finding["rule"], finding["level"]) == ("new-access", "error")
    assert finding["fix"] == NEW_ACCESS.fix and finding["place"]["line"] == 42


def test_no_piece_of_json_is_large() -> None:
    """A report of thousands of findings is never in memory as a whole."""
    sizes = [len(piece) for piece in json_format.pieces(many(1000), Setting())]
    assert max(sizes) < sum(sizes) / 50


@lru_cache(1)
def jenkins() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(DATA / "junit-10.xsd")


def test_junit_fits_the_schema_of_jenkins() -> None:
    for shown in every():
        jenkins().validate(junit.write(shown, Setting()))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        jenkins().validate(junit.write(hostile(), Setting("gitlab", "infra")))


def test_junit_is_xml_1_0_with_the_right_numbers() -> None:
    for shown in every():
        text = junit.write(shown, Setting())
        assert text.isascii() and not re.search("[\x00-\x08\x0b-\x1f]|&#x?0*(1[0-9]|[0-8]);", text)
        root = ET.fromstring(text)
        (suite,) = root
        cases = suite.findall("testcase")
        failed = [c for c in cases if c.find("failure") is not None]
        skipped = [c for c in cases if c.find("skipped") is not None]
        for element in (root, suite):
            assert element.get("tests") == str(len(cases))
            assert element.get("failures") == str(len(failed))
        assert suite.get("skipped") == str(len(skipped))
        assert len(failed) == sum(fails(f, shown.fail_on) for f in shown.findings)
        assert len(skipped) == len(shown.ignored)
        assert all(c.get("name") and c.get("classname") for c in cases)


def test_hostile_text_is_text_in_junit() -> None:
    text = junit.write(hostile(), Setting())
    assert "<img" not in text and "<script" not in text
    assert "]]&gt;" in text and "\\u001b" in text


@lru_cache(1)
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((DATA / "sarif-2.1.0.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def run_of(shown: ShownReview, setting: Setting | None = None) -> dict[str, Any]:
    """The only run of a report in SARIF, which fits the schema."""
    text = sarif.write(shown, setting or Setting())
    assert text.isascii()
    log = json.loads(text)
    validator().validate(log)
    (result,) = log["runs"]
    assert isinstance(result, dict)
    return result


def test_sarif_has_what_code_scanning_takes() -> None:
    for shown in every():
        run = run_of(shown, Setting(prefix="infra/prod"))
        rules, results = run["tool"]["driver"]["rules"], run["results"]
        assert len(results) == len(shown.findings) + len(shown.ignored)
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


def test_ignored_findings_are_suppressed_in_sarif_and_not_shown_to_github() -> None:
    shown = hostile()
    suppressed = [r for r in run_of(shown)["results"] if "suppressions" in r]
    assert len(suppressed) == len(shown.ignored) > 0
    for result in suppressed:
        (item,) = result["suppressions"]
        assert (item["kind"], item["status"]) == ("external", "accepted")
        assert item["justification"].endswith("; until 2027-01-31")
    assert len(run_of(shown, Setting("github"))["results"]) == len(shown.findings)


def test_messages_of_sarif_are_text() -> None:
    assert sarif.message("see [a](b) {0} ${aws:x}\nnext") == "see [a] (b) {{0}} ${aws:x}\nnext"
    for result in run_of(hostile())["results"]:
        assert not re.search(r"\]\(|(?<!\{)\{\d\}|[\x00-\x09\x0b-\x1f]", result["message"]["text"])


def test_places_of_sarif_stay_in_the_repository() -> None:
    results = run_of(hostile(), Setting(prefix="live/eu"))["results"]
    places = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results]
    assert all(p.startswith("live/") for p in places)
    assert all(unquote(p).endswith("/ä#?.tf") for p in places)


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("infra/plan.json", "infra/plan.json"),
        (r"infra\plan.json", "infra/plan.json"),
        ("/builds/1/plan.json", "plan.json"),
        ("../plan.json", "plan.json"),
    ],
)
def test_a_finding_without_a_line_is_in_the_plan(name: str, uri: str) -> None:
    shown = replace(review(replace(NEW_ACCESS, place=None)), plan=name)
    (result,) = run_of(shown, Setting(prefix="infra"))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]) == (uri, {"startLine": 1})


def test_findings_with_one_fingerprint_are_numbered() -> None:
    """Code scanning takes results of one fingerprint for one."""
    results = run_of(many(3), Setting("github"))["results"]
    prints = [r["partialFingerprints"]["vpcCniIam/v1"].partition(":") for r in results]
    assert [number for _, _, number in prints] == ["1", "2", "3"]
    assert len({first for first, _, _ in prints}) == 1


def test_sarif_has_no_more_results_than_code_scanning_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sarif.LIMIT == 25_000
    monkeypatch.setattr(sarif, "LIMIT", 5)
    run = run_of(many(9))
    assert len(run["results"]) == 5
    (messages,) = run["invocations"][0]["toolExecutionNotifications"]
    assert messages["message"]["text"].startswith("4 findings are left out")
    assert run_of(many(5))["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]
