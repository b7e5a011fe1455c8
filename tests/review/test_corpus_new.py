"""Reviews say what each new case with a known answer says, and not what it rules out."""

import json
from pathlib import Path

import pytest
from msgspec import to_builtins
from tools.corpus import Case, cases, digest

from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.options import Options
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.rules import Level, Rule
from vpc_cni_iam.review.run import review

CASES = cases(Path(__file__).parent / "corpus_new")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_review_says_what_the_case_says(case: Case) -> None:
    *_, fail_on = case.data.get("options", ["warning"])
    report = shown(review(read_plan(case.plan, case.name), Options()), (fail_on,))
    of_plan = to_builtins(report) | {"rules": []}
    problems = list(case.problems(int(report.failed), of_plan))
    assert not problems, "\n".join([case.data["about"], *problems])


def test_a_plan_that_no_engine_made_says_why() -> None:
    assert all(c.data["by_hand"].get("why") for c in CASES if "by_hand" in c.data)


def test_cases_name_rules_and_levels_that_exist() -> None:
    for case in CASES:
        never, may = case.data.get("never", {}).get("rules", ()), case.data.get("may", ())
        assert {*never, *may, *(r for e in case.expected for r in e.rules)} <= {*Rule}, case.name
        assert {level for e in case.expected for level in e.levels} <= {*Level}, case.name


def test_each_plan_was_made_of_its_case() -> None:
    made = {c.name: digest(c) for c in CASES if "engine" in c.data}
    plans = (Path(__file__).parent / "corpus_new" / "plans").glob("*.json")
    stored = {p.stem: json.loads(p.read_text())["made_of"] for p in plans}
    assert stored == made, "run: python tests/review/make_corpus.py --folder FOLDER"
