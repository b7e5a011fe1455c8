"""The answers to whether aws-node works agree with the findings beside them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tools.corpus import Case, cases
from tools.corpus import review as review_of_case

from eks import CNI, addon, arn_of, irsa, own_role
from make_plans import PLANS
from plugin_setup import at, release
from shown_reviews import RULES
from synthetic import OPTIONS, allow, context, document, inline
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.diff.plugin.answers import plugin_answers
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.report.plugins import shown_plugin
from vpc_cni_iam.review.rules import Consequence, Topic
from vpc_cni_iam.review.run import review

Json = dict[str, Any]


def contradictions(report: Json) -> Iterator[str]:
    """Yield where an answer and the findings about the same cluster or role do not agree."""
    every = [*report["findings"], *(entry["finding"] for entry in report.get("ignored", ()))]
    for plugin in report.get("plugins", ()):
        owners = {plugin["cluster"], *plugin["roles_before"], *plugin["roles_after"]} - {""}
        own = [f for f in every if f["subject"] in owners or is_named(owners, f["message"])]
        # A list of many roles need not name this one.
        unnamed = [f for f in every if not owners or _MORE.search(f["message"])]
        answer, verdict = f"{' '.join(owners)}: {plugin['answer']}", plugin["verdict"]
        doubts = [f for f in own if f["level"] != "note" and is_of_plugin(f)]
        if verdict == "works" and doubts:
            yield f"{answer}, beside {doubts[0]['message']}"
        is_said = any(f["level"] == "error" and may_say_loss(f) for f in (*own, *unnamed))
        if verdict == "fails" and not (is_said or "fails as before" in answer):
            yield f"{answer}, and no error says why"
        roles = plugin["roles_before"], plugin["roles_after"]
        is_changed = all(roles) and roles[0] != roles[1]
        is_warned = any(f["level"] != "note" for f in (*own, *unnamed))
        if verdict == "unknown" and is_changed and not is_warned:
            yield f"{answer}, and no warning counts it"


# The end of a list.
_MORE = re.compile(r"\band \d+ more\b")


def may_say_loss(finding: Json) -> bool:
    """Say whether a finding may be that aws-node fails."""
    is_asked = RULES[finding["rule"]].question in (Topic.PLUGIN, Topic.TRUST)
    return is_asked or Consequence.COVERAGE_LOST in finding["means"] or finding["rule"] == "drift"


def is_named(owners: Iterable[str], message: str) -> bool:
    """Say whether a sentence names one of them."""
    return any(re.search(rf"(?<![\w.]){re.escape(owner)}(?![\w-])", message) for owner in owners)


def is_of_plugin(finding: Json) -> bool:
    """Say whether a finding is that aws-node fails or may fail, not that it can do more."""
    is_asked = RULES[finding["rule"]].question is Topic.PLUGIN
    return is_asked and {*finding["means"]} == {Consequence.COVERAGE_LOST}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_an_answer_agrees_with_the_findings_of_a_case(case: Case) -> None:
    _, report = review_of_case(case)
    assert not list(contradictions(report))


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.json")), ids=lambda path: path.stem)
def test_an_answer_agrees_with_the_findings_of_a_real_plan(path: Path) -> None:
    report = shown(review(read_plan(path.read_bytes(), path.name), OPTIONS))
    assert not list(contradictions(msgspec.to_builtins(report, enc_hook=str)))


def answers(*changes: Json, **more: Any) -> list[str]:
    return [
        plugin.answer for plugin in map(shown_plugin, plugin_answers(context(*changes, **more)))
    ]


def test_what_changed_outside_of_the_configuration_and_stays_is_not_as_before() -> None:
    poor = document(allow("ec2:AssignPrivateIpAddresses"))
    role = own_role("cni", irsa(), poor)
    drift = [inline(CNI, poor, "i0", role="cni", block="cni-0")]
    use = addon(at("v1.23.2"), at("v1.23.2"))
    (answer,) = answers(*role, use, resource_drift=drift)
    assert answer.startswith("fails with")
    (answer,) = answers(*role, use)
    assert answer.startswith("fails as before with")


def test_a_role_that_a_chart_may_have_is_judged_by_the_version_of_the_chart() -> None:
    tag = {"set": [{"name": "image.tag", "value": "v1.22.1"}]}
    first, second = answers(release(tag, tag), *own_role("cni", irsa(), CNI))
    assert first == "unknown with v1.22.1 (IPv4): the plan does not show which role it has"
    assert second == "works with v1.22.1 (IPv4)"


def test_a_role_that_an_add_on_may_have_is_judged_by_the_version_of_the_add_on() -> None:
    later = {"service_account_role_arn": True}
    use = addon(None, {"addon_version": "v1.22.1-eksbuild.1"}, after_unknown=later)
    first, second = answers(use, *own_role("cni", irsa(), CNI))
    assert first.startswith(
        "unknown with v1.22.1 (IPv4): the plan does not show the policies of the role in"
    )
    assert second == "works with v1.22.1 (IPv4)"


def test_a_tag_that_is_no_version_is_judged_by_the_version_that_is_said_to_be_assumed() -> None:
    sides = (
        {"addon_version": v, "service_account_role_arn": arn_of("cni")} for v in ("v1.21.2", "x")
    )
    (answer,) = answers(addon(*sides), *own_role("cni", irsa(), CNI))
    assert answer == "works with v1.23.2 (IPv4, version assumed)"
