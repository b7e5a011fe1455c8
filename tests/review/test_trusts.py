import pytest

from synthetic import attachment, document, policy, resource, reviewed, role, rules
from vpc_cni_iam.catalog.trust import documents
from vpc_cni_iam.policy.document import dumps

OIDC = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
AUD = {f"{OIDC}:aud": "sts.amazonaws.com"}
SUB = {f"{OIDC}:sub": "system:serviceaccount:kube-system:aws-node"}
PODS = {"Service": "pods.eks.amazonaws.com"}
NAMESPACE = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "kube-system"}}
CNI = document({"Effect": "Allow", "Action": "ec2:AssignPrivateIpAddresses", "Resource": "*"})


def irsa(**conditions: object) -> str:
    return document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{OIDC}"},
            "Condition": conditions,
        }
    )


def pods(*actions: str, **more: object) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Principal": PODS, **more}
    return document(statement)


GOOD = irsa(StringEquals={**AUD, **SUB})
CASES = {
    "good": (GOOD, None),
    "audience lost": (irsa(StringEquals=SUB), "irsa-no-audience"),
    "audience if there": (irsa(StringEquals=SUB, StringEqualsIfExists=AUD), "irsa-no-audience"),
    "subject missing": (irsa(StringEquals=AUD), "irsa-no-subject"),
    "subject of any value": (
        irsa(StringEquals=AUD, **{"ForAllValues:StringEquals": SUB}),
        "irsa-no-subject",
    ),
    "subject excluded": (irsa(StringEquals=AUD, StringNotEquals=SUB), "irsa-no-subject"),
    "wildcard that matches": (
        irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:aws-node"}),
        "irsa-subject-wildcard",
    ),
    "wildcard that never matches": (
        irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:aws-node"}),
        "irsa-never-matches",
    ),
    "StringLike": (irsa(StringEquals=AUD, StringLike=SUB), "irsa-string-like"),
    "other issuer": (
        irsa(StringEquals={**AUD, **SUB, f"{OIDC}OTHER:sub": "x"}),
        "irsa-issuer-differs",
    ),
    "other subject": (
        irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:default:app"}),
        "irsa-other-subject",
    ),
    "no TagSession": (pods("sts:AssumeRole", Condition=NAMESPACE), "pod-identity-no-tag-session"),
    "unscoped": (pods("sts:AssumeRole", "sts:TagSession"), "pod-identity-unscoped"),
    "association as source": (
        pods(
            "sts:AssumeRole",
            "sts:TagSession",
            Condition={
                "ArnLike": {
                    "aws:SourceArn": "arn:aws:eks:eu-west-1:1:podidentityassociation/prod/a-1"
                }
            },
        ),
        "pod-identity-source-arn",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_trust_has_the_flaw_that_it_has_and_no_other(name: str) -> None:
    trust, flaw = CASES[name]
    found = reviewed(
        role("cni", None, trust),
        policy("cni", CNI, CNI),
        attachment("cni", "arn:cni"),
        policy("cni", None, None) | {"change": policy("cni", CNI, CNI)["change"]},
    )
    flaws = {r for r in rules(found) if r.startswith(("irsa", "pod-identity"))}
    if name == "other subject":
        # Only the plugin's role is to be for the plugin's service account.
        assert flaws == set()
        inline = {"name": "i", "role": "cni", "policy": CNI}
        found = reviewed(
            role("cni", None, trust), resource("aws_iam_role_policy", "i", None, inline)
        )
        flaws = {r for r in rules(found) if r.startswith(("irsa", "pod-identity"))}
    assert flaws == ({flaw} if flaw else set())


def test_the_catalogs_own_trusts_have_no_flaw() -> None:
    for name, trust in documents().items():
        found = reviewed(role(name, None, dumps(trust)))
        assert not {r for r in rules(found) if r.startswith(("irsa", "pod-identity"))}, name


def test_an_audience_that_a_change_takes_away_is_an_error() -> None:
    found = reviewed(role("cni", GOOD, irsa(StringEquals=SUB)))
    (flaw,) = (f for f in found.findings if f.rule == "irsa-no-audience")
    assert flaw.level == "error"
    assert "trust-widened" in rules(found)


def test_session_tags_that_are_asked_for_and_switched_off() -> None:
    trust = pods("sts:AssumeRole", "sts:TagSession", Condition=NAMESPACE)
    association = {
        "role_arn": "arn:aws:iam::111122223333:role/cni",
        "disable_session_tags": True,
    }
    on = {**association, "disable_session_tags": False}
    for values, expected in ((association, True), (on, False)):
        found = reviewed(
            role("cni", trust, trust.replace("kube-system", "other")),
            resource("aws_eks_pod_identity_association", "a", None, values),
        )
        assert ("pod-identity-tags-disabled" in rules(found)) is expected


def test_what_is_not_known_of_a_condition_is_not_called_missing() -> None:
    key = "(known after apply: aws_iam_openid_connect_provider.this.url)"
    found = reviewed(role("cni", None, irsa(StringEquals={key: "sts.amazonaws.com"})))
    assert not {r for r in rules(found) if r.startswith("irsa")}
