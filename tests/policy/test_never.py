"""What roles can never do: proof or counterexample, judged by cvc5 where it can."""

from __future__ import annotations

import pytest

from documents import CLUSTER, document, tagged
from smt.judge import Agreed, Refuted, judge
from smt.request import Document
from vpc_cni_iam.policy.evaluate import evaluate
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.proof import budget
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NoProof, NotProven
from vpc_cni_iam.policy.proof.never import NeverTarget, never

INSTANCE = "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0"


TERMINATE = document({"Action": "ec2:*"}, {"Effect": "Deny", "Action": "ec2:Term*"})
BUT_MFA = document(
    {"Action": "ec2:*"},
    {
        "Effect": "Deny",
        "Action": "ec2:TerminateInstances",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    },
)
INSTANCES = document({"Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:instance/*"})


@pytest.mark.parametrize(
    ("policy", "action", "resource", "expected"),
    [
        (TERMINATE, "ec2:TerminateInstances", "*", NoNewAccess),
        (TERMINATE, "EC2:terminateinstances", "*", NoNewAccess),
        (TERMINATE, "ec2:*", "*", NewAccess),
        (TERMINATE, "iam:*", "*", NoNewAccess),
        (BUT_MFA, "ec2:TerminateInstances", "*", NewAccess),
        (INSTANCES, "ec2:*", "arn:aws:s3:::*", NoNewAccess),
        # No ARN of a volume has ":instance/" in it, whatever a wildcard matches.
        (INSTANCES, "ec2:*", "arn:aws:ec2:*:*:volume/vol-1", NoNewAccess),
        (INSTANCES, "*", INSTANCE, NewAccess),
        (document({"NotAction": "iam:*"}), "iam:PassRole", "*", NoNewAccess),
        (document({"NotAction": "iam:PassRole"}), "iam:Pass*", "*", NewAccess),
    ],
)
def test_never_is_proven_or_shown_and_judged(
    policy: Document, action: str, resource: str, expected: type
) -> None:
    read = parse(policy, "policy.json")
    (answer,) = never([read], [NeverTarget(action, resource)])
    assert isinstance(answer, expected)
    others = [{"Effect": "Deny", "NotAction": action, "Resource": "*"}]
    if resource != "*":
        others.append({"Effect": "Deny", "Action": "*", "NotResource": resource})
    verdict = judge([], [policy, {"Version": "2012-10-17", "Statement": others}])
    if "volume" in resource:
        return  # the judge knows of no ARN that AWS cannot have
    assert not isinstance(verdict, Refuted if expected is NoNewAccess else Agreed)
    if isinstance(answer, NewAccess):
        assert evaluate([read], answer.request).allowed


LOGS, OTHERS = (
    document({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"})
    for name in ("logs", "other")
)


@pytest.mark.parametrize(
    ("policy", "limits", "action", "expected"),
    [
        # Each allows it on some object, and both on none.
        (LOGS, [OTHERS], "s3:GetObject", NoNewAccess),
        (LOGS, [document({"Action": "s3:*"})], "s3:GetObject", NewAccess),
        (TERMINATE, [document({"Action": "ec2:Term*"})], "ec2:*", NoNewAccess),
        (document({"Action": "*"}), [TERMINATE], "ec2:TerminateInstances", NoNewAccess),
        (document({"Action": "*"}), [BUT_MFA], "ec2:TerminateInstances", NewAccess),
        (INSTANCES, [document({"Action": "ec2:*"}), OTHERS], "*", NoNewAccess),
    ],
)
def test_a_role_does_only_what_each_of_its_limits_allows(
    policy: Document, limits: list[Document], action: str, expected: type
) -> None:
    read, within = parse(policy, "policy.json"), [[parse(x, "limit.json")] for x in limits]
    (answer,) = never([read], [NeverTarget(action)], within=within)
    assert isinstance(answer, expected)
    if isinstance(answer, NewAccess):
        assert all(evaluate(layer, answer.request).allowed for layer in ([read], *within))


def test_a_question_that_is_too_complex_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "ANSWER", 50)
    hard = [
        tagged(f"*{n}*a*b*{n}", f"ec2:*{n}*", Condition={"StringLike": {CLUSTER: f"*{n}*a*b*{n}"}})
        for n in range(60)
    ]
    answers = never(
        [parse(document(*hard), "r.json")], [NeverTarget("ec2:Z*"), NeverTarget("iam:*")]
    )
    assert answers[0] == NotProven(NoProof.too_large)
    assert len(answers) == 2
