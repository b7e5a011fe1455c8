"""What roles can never do: proof or counterexample, judged by cvc5 where it can."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from conftest import run
from documents import CLUSTER, INTERFACE, document, tagged
from smt.judge import Agreed, Refuted, judge, judge_shared
from smt.request import Document
from vpc_cni_iam.policy.evaluate import evaluate
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.proof.access import Counterexample, NotProven, Proven
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.disjoint import RolePolicies, changes, overlaps
from vpc_cni_iam.policy.proof.never import never

INSTANCE = "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0"
SESSION = "aws:PrincipalTag/eks-cluster-name"
EXISTING = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"Null": {"ec2:CreateAction": "false"}},
}


def variant(name: str, cluster: str, *words: str) -> Document:
    vpc = ("--vpc-id", "vpc-0123456789abcdef0") if "scoped" in name else ()
    cluster_name = ("--cluster-name", cluster) if "scoped" in name else ()
    done = run("policy", name, *cluster_name, *vpc, *words)
    assert done.code == 0, done.err
    read: Document = json.loads(done.out)
    return read


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
        (TERMINATE, "ec2:TerminateInstances", "*", Proven),
        (TERMINATE, "EC2:terminateinstances", "*", Proven),
        (TERMINATE, "ec2:*", "*", Counterexample),
        (TERMINATE, "iam:*", "*", Proven),
        (BUT_MFA, "ec2:TerminateInstances", "*", Counterexample),
        (INSTANCES, "ec2:*", "arn:aws:s3:::*", Proven),
        # No ARN of a volume has ":instance/" in it, whatever a wildcard matches.
        (INSTANCES, "ec2:*", "arn:aws:ec2:*:*:volume/vol-1", Proven),
        (INSTANCES, "*", INSTANCE, Counterexample),
        (document({"NotAction": "iam:*"}), "iam:PassRole", "*", Proven),
        (document({"NotAction": "iam:PassRole"}), "iam:Pass*", "*", Counterexample),
    ],
)
def test_never_is_proven_or_shown_and_judged(
    policy: Document, action: str, resource: str, expected: type
) -> None:
    read = parse(policy, "policy.json")
    answer = never([read], [action], resource, Budget())
    assert isinstance(answer, expected)
    others = [{"Effect": "Deny", "NotAction": action, "Resource": "*"}]
    if resource != "*":
        others.append({"Effect": "Deny", "Action": "*", "NotResource": resource})
    verdict = judge([], [policy, {"Version": "2012-10-17", "Statement": others}])
    if "volume" in resource:
        return  # the judge knows of no ARN that AWS cannot have
    assert not isinstance(verdict, Refuted if expected is Proven else Agreed)
    if isinstance(answer, Counterexample):
        assert evaluate([read], answer.request).allowed


def both(
    first: Document, second: Document, kind: str, sessions: tuple[dict[str, str], dict[str, str]]
) -> list[Any]:
    roles = [
        RolePolicies((parse(d, "role.json"),), s)
        for d, s in zip((first, second), sessions, strict=True)
    ]
    answers = list(overlaps(roles[0], roles[1], kind, Budget()))
    for overlap in answers:
        if overlap.first is None:
            continue
        for role, request in zip(roles, (overlap.first, overlap.second), strict=True):
            assert evaluate(role.policies, request).allowed
            assert request.resource == overlap.first.resource
        tags = [
            {k.lower(): v for k, v in request.context.items() if "ResourceTag" in k}
            for request in (overlap.first, overlap.second)
        ]
        assert tags[0] == tags[1]
    return answers


def of_resource(key: str) -> bool:
    return re.match(r"(aws|ec2):resourcetag/|ec2:vpc$|ec2:createaction$", key) is not None


NONE: tuple[dict[str, str], dict[str, str]] = ({}, {})
UNTAGGED = {"Action": "ec2:CreateTags", "Condition": {"Null": {CLUSTER: "true"}}}
BY_REQUEST = {
    "Action": ["ec2:CreateTags", "ec2:DeleteNetworkInterface"],
    "Condition": {"StringEquals": {"ec2:CreateAction": "CreateNetworkInterface"}},
}
BY_PRINCIPAL = {
    "Action": "ec2:Delete*",
    "Condition": {"StringEquals": {CLUSTER: "${aws:PrincipalTag/eks-cluster-name}"}},
}
NOT_OWN = {
    "Effect": "Deny",
    "Action": "ec2:Delete*",
    "Condition": {"StringNotEquals": {CLUSTER: "a"}},
}
BY_CALLER = {
    "Effect": "Deny",
    "Action": "*",
    "Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "network"}},
}


@pytest.mark.parametrize(
    ("first", "second", "sessions", "shared"),
    [
        ((tagged("a", "ec2:*"),), (tagged("b", "ec2:*"),), NONE, False),
        ((tagged("a", "ec2:*"),), (tagged("a", "ec2:*"),), NONE, True),
        ((tagged("a", "ec2:*"), UNTAGGED), (tagged("b", "ec2:*"),), NONE, False),
        ((tagged("a", "ec2:*"), UNTAGGED), (tagged("b", "ec2:*"), UNTAGGED), NONE, True),
        # A request that makes an interface is about none that is already there.
        ((tagged("a", "ec2:*"), BY_REQUEST), (tagged("b", "ec2:*"), BY_REQUEST), NONE, False),
        (
            (BY_PRINCIPAL,),
            (BY_PRINCIPAL,),
            ({SESSION: "a"}, {SESSION: "b"}),
            False,
        ),
        (({"Action": "ec2:Delete*"}, NOT_OWN), (tagged("b", "ec2:Delete*"),), NONE, False),
        (({"Action": "ec2:Delete*"}, NOT_OWN), (tagged("a", "ec2:Delete*"),), NONE, True),
        ((tagged("b", "ec2:Delete*"),), ({"Action": "ec2:Delete*"}, NOT_OWN), NONE, False),
        # A Deny that depends on the caller holds back nothing for certain.
        (({"Action": "ec2:Delete*"}, BY_CALLER), (tagged("b", "ec2:Delete*"),), NONE, True),
        (({"Action": "ec2:Describe*"},), ({"Action": "*"},), NONE, False),
        (({"Action": "ec2:CreateNetworkInterface"},), ({"Action": "*"},), NONE, False),
        (({"Action": "ec2:Delete*", "Resource": "arn:aws:ec2:*:*:volume/*"},),
         ({"Action": "*"},), NONE, False),
        (({"NotAction": "iam:*"},), (tagged("b", "ec2:Detach*"),), NONE, True),
    ],
)  # fmt: skip
def test_two_roles_are_disjoint_or_shown_not_to_be_and_judged(
    first: tuple[dict[str, Any], ...],
    second: tuple[dict[str, Any], ...],
    sessions: tuple[dict[str, str], dict[str, str]],
    shared: bool,
) -> None:
    documents = document(*first), document(*second)
    answers = both(*documents, "network-interface", sessions)
    assert bool(answers) is shared
    assert not shared or any(overlap.first for overlap in answers)
    others = [
        {**EXISTING, "Condition": {"StringNotEquals": {key: value}}}
        for session in sessions
        for key, value in session.items()
    ] or [EXISTING, EXISTING]
    judged = [[d, document(EXISTING, other)] for d, other in zip(documents, others, strict=True)]
    names = changes()["network-interface"]
    verdict = judge_shared(*judged, (names, names), INTERFACE, of_resource)
    assert not isinstance(verdict, Agreed if shared else Refuted), verdict


def test_without_the_names_of_clusters_session_tags_are_not_known() -> None:
    (overlap,) = both(document(BY_PRINCIPAL), document(BY_PRINCIPAL), "network-interface", NONE)
    assert overlap.first is None and "${aws:PrincipalTag/eks-cluster-name}" in overlap.reason


def test_hardened_roles_share_only_what_no_cluster_has_tagged() -> None:
    prod, stage = (variant("ipv4-scoped", name, "--harden") for name in ("prod", "stage"))
    (overlap,) = both(prod, stage, "network-interface", NONE)
    assert overlap.first_actions == overlap.second_actions == ("ec2:CreateTags",)
    assert CLUSTER not in overlap.first.context
    (instances,) = both(prod, stage, "instance", NONE)
    # An instance with the tags of both clusters.
    assert (
        sum(key.startswith("aws:ResourceTag/kubernetes.io") for key in instances.first.context) == 2
    )


def test_one_role_by_session_tags_is_disjoint_for_two_clusters() -> None:
    role = variant("ipv4-pod-identity", "")
    unhardened = both(role, role, "network-interface", NONE)
    names = tuple({SESSION: name} for name in ("prod", "stage"))
    answers = both(role, role, "network-interface", names)  # type: ignore[arg-type]
    assert {a for o in unhardened for a in o.first_actions} > {"ec2:DeleteNetworkInterface"}
    assert all("ec2:CreateTags" in (*o.first_actions, *o.second_actions) for o in answers)


def test_a_question_that_is_too_complex_is_not_proven() -> None:
    hard = [
        tagged(f"*{n}*a*b*{n}", f"ec2:*{n}*", Condition={"StringLike": {CLUSTER: f"*{n}*a*b*{n}"}})
        for n in range(60)
    ]
    roles = [RolePolicies((parse(document(*hard), "r.json"),), {}) for _ in range(2)]
    answers = list(overlaps(*roles, "network-interface", Budget(20_000)))
    assert not answers or isinstance(answers[0].reason, str)
    answer = never([parse(document(*hard), "r.json")], ["ec2:Z*"], "*", Budget(50))
    assert isinstance(answer, NotProven) and "too complex" in answer.reason
