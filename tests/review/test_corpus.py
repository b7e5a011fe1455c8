"""Reviews say what each case of the corpus says, and not what it rules out."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from tools.corpus import PLANS, REPORTS, Case, cases, digest, load, review

from contradictions import contradictions
from make_corpus import eks, make
from shown_reviews import RULES
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.report.formats.text import write
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.report_formats import Setting
from vpc_cni_iam.review.rules import every

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_review_says_what_the_case_says_in_its_stored_report(
    case: Case, request: pytest.FixtureRequest
) -> None:
    """`pytest --update-golden` writes the report anew; the diff is what a reviewer reads."""
    code, result = review(case)
    problems = [*case.problems(code, result), *contradictions(result)]
    assert not problems, "\n".join([case.data["about"], *problems])
    for finding in result["findings"]:
        # An address, a quoted text or a capital begins a sentence.
        assert not re.match("[a-z]+ ", finding["message"]), finding["message"]
    text = "\n"
    if "plan" in result:
        shown = msgspec.convert(result, ShownReview, dec_hook=lambda _, name: RULES[name])
        outputs = (write(shown, Setting(details=details)) for details in (False, True))
        text = "\n==== --details ====\n\n".join(outputs).strip() + "\n"
    file = REPORTS / f"{case.name}.txt"
    if request.config.getoption("--update-golden"):
        file.write_text(text, encoding="utf-8")
    stored = file.read_text(encoding="utf-8") if file.exists() else ""
    assert text == stored, "pytest tests/review/test_corpus.py --update-golden writes it"


def test_there_is_no_report_without_a_case() -> None:
    assert {file.stem for file in REPORTS.iterdir()} == {case.name for case in CASES}


def test_a_plan_that_no_engine_made_says_why() -> None:
    assert len(CASES) >= 60
    assert all(c.data["by_hand"].get("why") for c in CASES if "by_hand" in c.data)


def test_cases_name_rules_and_levels_that_exist() -> None:
    for case in CASES:
        never, may = case.data.get("never", {}).get("rules", ()), case.data.get("may", ())
        assert {*never, *may, *(r for e in case.expected for r in e.rules)} <= {*every()}, case.name
        assert {level for e in case.expected for level in e.levels} <= {*Level}, case.name


def test_each_plan_was_made_of_its_case() -> None:
    made = {c.name: digest(c) for c in CASES if "engine" in c.data}
    stored = {p.stem: json.loads(p.read_text())["made_of"] for p in PLANS.glob("*.json")}
    assert stored == made, "run: python tests/review/make_corpus.py"


def test_a_case_fails_for_what_is_not_said_and_for_what_is_said_beside() -> None:
    case = next(c for c in CASES if c.name == "one-action-widened")
    code, result = review(case)
    (finding,) = (f for f in result["findings"] if f["level"] == "error")
    assert list(case.problems(0, result)) == ["exit code:     0, not 1"]
    (missing,) = case.problems(code, {"findings": []})
    assert missing.startswith("not said:      error new-access")
    beside = {**finding, "rule": "drift"}
    (problem,) = case.problems(code, {"findings": [finding, beside]})
    assert problem.startswith("not expected:  error drift")
    changed = {**finding, "message": "", "details": [], "fix": ""}
    assert len(list(case.problems(code, {"findings": [changed]}))) == 2


@pytest.mark.engine
@pytest.mark.parametrize("name", ["upgrade-with-policy", "drift-to-everything-that-stays"])
def test_a_plan_is_what_an_engine_makes_of_its_case(
    name: str, newest: Engine, aws_endpoint: str, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    with eks() as address:
        text = make(load(name), newest, aws_endpoint, address, tmp_path / "root")
    assert json.loads(text) == json.loads((PLANS / f"{name}.json").read_text())
