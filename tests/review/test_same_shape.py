"""Policies that differ in names alone are judged once, and answered with their own names."""

import random
from dataclasses import replace

import pytest

from synthetic import WANTED, Json, allow, document, policy, reviewed
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.diff import same_shape
from vpc_cni_iam.review.diff.coverage import missing_permissions
from vpc_cni_iam.review.diff.nearest import nearest
from vpc_cni_iam.review.diff.proofs import new_access
from vpc_cni_iam.review.diff.semantic import lines
from vpc_cni_iam.review.report import json as json_report

TAG = "aws:ResourceTag/cluster.k8s.amazonaws.com/name"
VPC = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-{}"
# Names that are not only names: a part of an ARN, a word of IAM, a prefix of another.
CLUSTERS = ("prod", "prod-1", "aws", "ec2", "true", "Prod", "a", "stand-in-cluster-0")


def statements(rnd: random.Random, cluster: str, vpc: str) -> list[Json]:
    conditions: list[Json] = [
        {"StringEquals": {TAG: cluster}},
        {"StringLike": {TAG: rnd.choice((f"{cluster}*", "prod*", "*", cluster))}},
        {"ArnEquals": {"ec2:Vpc": VPC.format(vpc)}},
        {"ArnLike": {"ec2:Vpc": rnd.choice((VPC.format("*"), VPC.format(f"{vpc}*")))}},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringEqualsIgnoreCase": {TAG: cluster.upper()}},
    ]
    results = []
    for _ in range(rnd.randint(1, 4)):
        more = {"Condition": rnd.choice(conditions)} if rnd.random() < 0.7 else {}
        resource = rnd.choice(("*", "arn:aws:ec2:*:*:network-interface/*", VPC.format(vpc)))
        action = rnd.choice(("ec2:CreateTags", "ec2:*Tags", "ec2:AssignPrivateIpAddresses"))
        statement = allow(action, resource, **more)
        results.append({**statement, "Effect": "Deny"} if rnd.random() < 0.2 else statement)
    return results


@pytest.mark.parametrize("seed", range(40))
def test_an_answer_is_the_same_with_and_without(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rnd = random.Random(seed)
    cluster, vpc = rnd.choice(CLUSTERS), f"{rnd.randrange(16**8):08x}"
    old, new = (loads(document(*statements(rnd, cluster, vpc)), "p") for _ in range(2))

    named = replace(WANTED, environment=(("CLUSTER_NAME", cluster),))

    def answers() -> tuple[object, ...]:
        access = new_access([old], [new], Budget())
        return (
            access.verdict,
            {(line.effect, line.kind, line.text) for line in lines(old, new, Budget())},
            missing_permissions((new,), WANTED, None),
            missing_permissions((new,), named, None),
            nearest(new, WANTED.version),
        )

    shaped = answers()
    monkeypatch.setattr(same_shape, "stand_in_names", lambda _: ())
    assert answers() == shaped


def test_policies_of_one_shape_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from vpc_cni_iam.policy.proof import access

    asked: list[tuple[Policy, ...]] = []
    prove = access.no_new_access

    def counted(
        old: tuple[Policy, ...], new: tuple[Policy, ...], budget: Budget, **more: bool
    ) -> object:
        asked.append(new)
        return prove(old, new, budget, **more)

    monkeypatch.setattr(access, "no_new_access", counted)

    def change(number: int) -> Json:
        tag = {"Condition": {"StringEquals": {TAG: f"cluster-{number}"}}}
        texts = [document(allow(a, **tag)) for a in ("ec2:CreateTags", "ec2:*Tags")]
        return policy(f"p{number}", *texts)

    reviewed(change(0))
    alone = len(asked)
    review = reviewed(*map(change, range(30)))
    assert len(asked) == 2 * alone
    text = json_report.report(review)
    assert all(f"cluster-{number}" in text for number in range(30))
    assert "stand-in" not in text
