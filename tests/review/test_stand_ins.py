"""Reviews of every stored plan are the same bytes whether policies are judged with stand-ins."""

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tools.corpus import cases

from conftest import ROOT
from synthetic import WANTED, Json
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.report import json as json_report
from vpc_cni_iam.review.report import text as text_report
from vpc_cni_iam.review.report_formats import Setting
from vpc_cni_iam.review.run import review

STORED = sorted((ROOT / "tests" / "review" / "plans").glob("*.terraform-1.15.5.json"))
REFUSED = 3
PLANS = {
    **{
        case.name: case.plan
        for case in cases()
        if "input" not in case.data and case.data["exit"] != REFUSED
    },
    **{path.stem: path.read_bytes() for path in STORED},
}
TAG = "aws:ResourceTag/cluster.k8s.amazonaws.com/name"
# Names that hold another, or are an account, a region, a value, a Sid, a word of an answer.
CLUSTERS = (
    *("prod", "prod-1", "Prod", "1", "0", "sts", "iam", "AssumeRole", "PassRole", "CreateTags"),
    *("111122223333", "eu-west-1", "true", "owned", "aws-node", "kube-system", "allowed", "Allow"),
    *("stand-in", "vpc", "policy", "known", "request", "all", "resources"),
)
VPCS = ("vpc-0123456789abcdef0", "vpc-0123456", "vpc-01234567", "vpc-57a4d157a4d157a4d")


def reports(plan: bytes) -> tuple[str, str]:
    result = review(read_plan(plan, "plan.json"), WANTED)
    return json_report.write(result, Setting()), text_report.write(result, Setting(details=True))


def with_policies(part: Any, change: Callable[[Json], None]) -> Any:
    """Return a part of a plan with each policy changed."""
    if isinstance(part, dict):
        return {key: with_policies(value, change) for key, value in part.items()}
    if isinstance(part, list):
        return [with_policies(value, change) for value in part]
    if not isinstance(part, str) or not re.match(r'\s*{.*"Statement"', part, re.DOTALL):
        return part
    policy = json.loads(part)
    change(policy)
    return json.dumps(policy)


def scoped(part: Any, cluster: str, vpc: str) -> Any:
    """Return a part of a plan with each statement limited to a cluster, and to a VPC if any."""

    def change(policy: Json) -> None:
        statements = policy["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            condition = statement.setdefault("Condition", {})
            condition.setdefault("StringEquals", {}).setdefault(TAG, cluster)
            if vpc:
                arn = f"arn:aws:ec2:eu-west-1:111122223333:vpc/{vpc}"
                condition.setdefault("ArnEquals", {}).setdefault("ec2:Vpc", arn)

    return with_policies(part, change)


def of_clusters(plan: Json, rnd: random.Random) -> bytes:
    """Return a plan that does the same for three clusters, which policies name."""
    own = re.findall(r":(\w{4,})", json.dumps(plan))  # actions, and what ARNs hold
    names = [rnd.choice((rnd.choice(CLUSTERS), rnd.choice(own or CLUSTERS))) for _ in range(3)]
    vpcs = rnd.sample(VPCS, 3) if rnd.random() < 0.5 else [""] * 3
    lists: dict[str, list[Json]] = {}
    for number, (name, vpc) in enumerate(zip(names, vpcs, strict=True)):
        for member in ("resource_changes", "resource_drift"):
            for item in scoped(plan.get(member, []), name, vpc):
                address = f"module.m[{number}].{item['address']}"
                lists.setdefault(member, []).append({**item, "address": address})
    return json.dumps({**plan, **lists}).encode()


def without(reads: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[()]]:
    """Policies without stand-ins."""
    return tuple(reads), ()


@pytest.mark.parametrize("name", PLANS)
def test_reports_are_the_same_with_and_without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rnd, plan = random.Random(name), json.loads(PLANS[name])
    plans = [PLANS[name], of_clusters(plan, rnd)]
    results = [reports(each) for each in plans]
    for module in ("diff.compare", "diff.principals", "run"):
        monkeypatch.setattr(f"vpc_cni_iam.review.{module}.with_stand_ins", without)
    for each, result in zip(plans, results, strict=True):
        assert reports(each) == result
