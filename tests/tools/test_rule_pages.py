"""Every rule of a review has a page, whose examples are true."""

import re

import pytest
from tools.generate import rule_pages

from conftest import ROOT
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.report.rule_texts import shown_rules
from vpc_cni_iam.review.report.shown import ShownRule
from vpc_cni_iam.review.rules import Rule, Topic

RULES = shown_rules()


def test_every_rule_has_a_current_page_and_no_page_is_left_over() -> None:
    made = rule_pages.pages()
    stored = {
        f"rules/{path.name}": path.read_text() for path in (ROOT / "docs" / "rules").glob("*.md")
    }
    stored["rules.md"] = (ROOT / "docs" / "rules.md").read_text()
    assert stored == made
    assert made.keys() == {"rules.md", *(f"rules/{rule.id}.md" for rule in RULES)}
    assert [rule.id for rule in RULES] == [*Rule]
    questions = re.findall(r"^## (.+)$", made["rules.md"], re.MULTILINE)
    assert questions == [rule_pages.QUESTIONS[topic] for topic in Topic]
    for rule in RULES:
        assert f"(rules/{rule.id}.md)" in made["rules.md"]
        headings = re.findall(r"^## (.+)$", made[f"rules/{rule.id}.md"], re.MULTILINE)
        assert headings == ["Reported", "Not reported", "Fix", "Ignore"]


def test_a_rule_without_a_page_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = ShownRule("made-up", Level.ERROR, (), Topic.PLAN, "A rule.", "It is made up.")  # type: ignore[arg-type]
    monkeypatch.setattr(rule_pages, "RULES", (*RULES, made_up))
    with pytest.raises(
        rule_pages.ExampleError, match=r"rules\.toml has no entry for made-up: name two"
    ):
        rule_pages.pages()


def test_an_entry_without_a_rule_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_pages, "RULES", RULES[1:])
    with pytest.raises(rule_pages.ExampleError, match=f"has {RULES[0].id}, which is no rule"):
        rule_pages.pages()


@pytest.mark.parametrize(
    ("fires", "calm", "problem"),
    [
        ("nothing-changes", "nothing-changes", "is not reported in the case nothing-changes"),
        ("inline-everything", "inline-everything", "is reported in the case inline-everything"),
    ],
)
def test_an_example_that_is_not_true_is_an_error(fires: str, calm: str, problem: str) -> None:
    entry = {"fires": fires, "calm": calm, "fix": "Nothing."}
    with pytest.raises(rule_pages.ExampleError, match=problem):
        rule_pages.page(next(rule for rule in RULES if rule.id is Rule.ADMIN), entry)
