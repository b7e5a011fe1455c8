"""Every rule of a review has a page, whose examples are true."""

import re

import pytest
from tools.corpus import load
from tools.generate import rule_pages

from conftest import ROOT
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.rules import Rule, Topic, every


def test_every_rule_has_a_current_page_and_no_page_is_left_over() -> None:
    made = rule_pages.pages()
    stored = {
        f"rules/{path.name}": path.read_text() for path in (ROOT / "docs" / "rules").glob("*.md")
    }
    stored["rules.md"] = (ROOT / "docs" / "rules.md").read_text()
    assert stored == made
    assert made.keys() == {"rules.md", *(f"rules/{rule}.md" for rule in every())}
    questions = re.findall(r"^## (.+)$", made["rules.md"], re.MULTILINE)
    assert questions == [rule_pages.QUESTIONS[topic] for topic in Topic]
    for rule in every():
        assert f"(rules/{rule}.md)" in made["rules.md"]
        headings = re.findall(r"^## (.+)$", made[f"rules/{rule}.md"], re.MULTILINE)
        assert headings == ["Reported", "Not reported", "Fix", "Ignore"]


def test_a_rule_without_a_case_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"summary": "A rule.", "help": "It is made up.", "fix": "Nothing."}
    made_up = Rule("made-up", (Level.ERROR, Topic.PLAN, ()), **texts)
    monkeypatch.setattr(rule_pages, "RULES", (*every(), made_up))
    with pytest.raises(rule_pages.ExampleError, match="0 cases have made-up in 'reported': name"):
        rule_pages.pages()


@pytest.mark.parametrize(
    ("fires", "calm", "problem"),
    [
        ("nothing-changes", "nothing-changes", "is not reported in the case nothing-changes"),
        ("inline-everything", "inline-everything", "is reported in the case inline-everything"),
    ],
)
def test_an_example_that_is_not_true_is_an_error(fires: str, calm: str, problem: str) -> None:
    admin = next(rule for rule in every() if rule == "admin-attached")
    with pytest.raises(rule_pages.ExampleError, match=problem):
        rule_pages.page(admin, load(fires), load(calm))


def test_a_case_names_only_rules_that_exist() -> None:
    for case in rule_pages.cases():
        named = {*case.data.get("reported", ()), *case.data.get("not_reported", ())}
        assert named <= {*every()}, case.name
