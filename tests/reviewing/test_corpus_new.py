"""The new cases with known answers have the form of the corpus, and plans of their own."""

import json
from pathlib import Path

from tools.corpus import cases, digest

from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.reviewing.rules import Level, Rule

CASES = cases(Path(__file__).parent / "corpus_new")


def test_every_case_has_a_plan_that_can_be_read() -> None:
    for case in CASES:
        plan = read_plan(case.plan, case.name)
        assert plan.resources or plan.unread, case.name


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
