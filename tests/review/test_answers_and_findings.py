"""The answers to whether aws-node works; `test_corpus` has those of its cases."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from contradictions import contradictions
from eks import CNI, addon, arn_of, irsa, own_role
from make_plans import PLANS
from plugin_setup import at, release
from synthetic import OPTIONS, allow, context, document, inline
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.diff.plugin.answers import plugin_answers
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.report.plugins import shown_plugin
from vpc_cni_iam.review.run import review

Json = dict[str, Any]


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
