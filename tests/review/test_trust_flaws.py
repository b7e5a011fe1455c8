"""What is wrong with a trust policy: whom it lets in that nobody means, and whom never."""

import json

import pytest

from synthetic import Json, document, found, levels, resource, reviewed, role, rules
from trust_policies import (
    AUD,
    BOTH,
    GITHUB,
    GOOD,
    NAMESPACE,
    OIDC,
    POD,
    SUB,
    WEB,
    flaws_of,
    inline,
    irsa,
    message,
    of,
    of_rule,
    pods,
    token,
    trust,
    trusting,
)
from vpc_cni_iam.catalog import trust as catalog_trust
from vpc_cni_iam.policy.document import dumps


@pytest.mark.parametrize(
    ("policy", "flaw"),
    [
        (GOOD, None),
        # What is not for aws-node is right for a role without the plugin's policies.
        (irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:default:app"}), None),
        # Every token has a subject and an audience, so that a condition is met or not.
        (irsa(StringEquals=SUB, StringEqualsIfExists=AUD), None),
        (irsa(StringEquals=AUD, **{"ForAllValues:StringEquals": SUB}), None),
        (irsa(**{"ForAnyValue:StringEquals": {**AUD, **SUB}}), None),
        (irsa(StringEquals={f"{OIDC.upper()}:AUD": "sts.amazonaws.com", **SUB}), None),
        (irsa(StringEquals=SUB), "irsa-no-audience"),
        (irsa(StringEquals=SUB, StringLike={f"{OIDC}:aud": "*"}), "irsa-no-audience"),
        (irsa(StringEquals={**SUB, f"{OIDC}:aud": "sigstore"}), "irsa-other-audience"),
        (irsa(StringEquals={**SUB, **AUD}, StringLike={f"{OIDC}:aud": "vault*"}),
         "irsa-other-audience"),
        (irsa(StringEquals={**SUB, f"{OIDC}:aud": "sts.*"}), "irsa-never-matches"),
        (irsa(StringEquals=AUD), "irsa-no-subject"),
        (irsa(StringEquals=AUD, StringNotEquals=SUB), "irsa-no-subject"),
        (irsa(StringEquals=AUD, Null={f"{OIDC}:sub": "false"}), "irsa-no-subject"),
        (irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "*"}), "irsa-no-subject"),
        (irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:*"}),
         "irsa-no-subject"),
        (irsa(StringEquals=AUD).replace(WEB, "sts:*"), "irsa-no-subject"),
        (irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:aws-node"}),
         "irsa-subject-wildcard"),
        (irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:aws-node"}),
         "irsa-never-matches"),
        (irsa(StringEquals=AUD, StringLike=SUB), "irsa-string-like"),
        (irsa(StringEquals={**AUD, **SUB, f"{OIDC}OTHER:sub": "x"}), "irsa-issuer-differs"),
        (irsa(StringEquals={**AUD, **SUB}, StringNotEquals={f"{OIDC}OTHER:sub": "x"}),
         "irsa-issuer-differs"),
        (irsa(StringEquals=AUD).replace(WEB, "*"), "irsa-no-subject"),
        (irsa(StringEquals=AUD).replace('"Action"', '"NotAction"').replace(WEB, "sts:TagSession"),
         "irsa-no-subject"),
        # One loose statement beside others.
        (document(*json.loads(GOOD)["Statement"], *json.loads(irsa(StringEquals=AUD))["Statement"]),
         "irsa-no-subject"),
        (document({"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"},
                  *json.loads(irsa(StringEquals=AUD))["Statement"]), "irsa-no-subject"),
    ],
)  # fmt: skip
def test_a_trust_by_irsa_has_the_flaw_that_its_tokens_show(policy: str, flaw: str | None) -> None:
    assert set(flaws_of(policy)) == ({flaw} if flaw else set())


@pytest.mark.parametrize(
    ("policy", "flaw"),
    [
        (POD, None),
        (pods("sts:AssumeRole", "sts:Tag*", **NAMESPACE), None),
        (document(*(json.loads(pods(a, **c))["Statement"][0]
                    for a, c in (("sts:AssumeRole", NAMESPACE), ("sts:TagSession", {})))), None),
        (pods("sts:AssumeRole", **NAMESPACE), "pod-identity-no-tag-session"),
        (pods(*BOTH), "pod-identity-unscoped"),
        (pods(*BOTH, StringLike={"aws:RequestTag/kubernetes-namespace": "*"}),
         "pod-identity-unscoped"),
        (pods(*BOTH, StringNotEquals=NAMESPACE["StringEquals"]), "pod-identity-unscoped"),
        # An association may switch session tags off.
        (pods(*BOTH, **{"ForAllValues:StringEquals": NAMESPACE["StringEquals"]}),
         "pod-identity-unscoped"),
        (pods(*BOTH, StringEqualsIfExists=NAMESPACE["StringEquals"]), "pod-identity-unscoped"),
        (pods(*BOTH, StringEquals={"aws:SourceAccount": "111122223333"}), None),
        (pods(*BOTH, StringEquals={"aws:RequestTag/kubernetes-pod-name": "a"}), None),
        (pods(*BOTH, ArnLike={"aws:SourceArn": "arn:aws:eks:eu-west-1:1:cluster/prod"}), None),
        (pods(*BOTH, ArnLike={"aws:SourceArn":
              "arn:aws:eks:eu-west-1:1:podidentityassociation/prod/a-1"}),
         "pod-identity-source-arn"),
        # What another service must send says nothing of pods.
        (document(*(json.loads(p)["Statement"][0] for p in (
            pods(*BOTH, ArnLike={"aws:SourceArn": "arn:aws:eks:eu-west-1:1:cluster/prod"}),
            pods(*BOTH, ArnLike={"aws:SourceArn":
                 "arn:aws:eks:eu-west-1:1:podidentityassociation/dev/a-1"})
            .replace("pods.eks", "ec2")))), None),
        # A Deny limits what an Allow leaves open.
        (document(*json.loads(pods(*BOTH))["Statement"],
                  {"Effect": "Deny", "Action": "sts:*", "Principal": "*", "Condition":
                   {"StringNotEquals": {"aws:SourceAccount": "111122223333"}}}), None),
    ],
)  # fmt: skip
def test_a_trust_by_pod_identity_has_the_flaw_that_its_requests_show(
    policy: str, flaw: str | None
) -> None:
    assert set(flaws_of(policy)) == ({flaw} if flaw else set())


@pytest.mark.parametrize("by", [{"pod_identity": False}, {"irsa": False}, {}])
@pytest.mark.parametrize("cluster", [True, False])
@pytest.mark.parametrize("account", [True, False])
def test_the_trusts_of_the_catalog_have_no_flaw(
    by: dict[str, bool], *, cluster: bool, account: bool
) -> None:
    assert flaws_of(dumps(catalog_trust.policy(cluster=cluster, account=account, **by))) == {}


@pytest.mark.parametrize(
    ("policy", "rule", "level", "words"),
    [
        # Everybody can name a repository and a branch so.
        (token(GITHUB, "repo:*/infra:ref:refs/heads/main", like=True), "oidc-no-subject", "error",
         "of GitHub can assume aws_iam_role.r"),
        (token(GITHUB, "repo:example*", like=True), "oidc-no-subject", "error",
         "'repo:example*'"),
        (token(GITHUB, "repo:example/infra:*", like=True), "oidc-subject-wildcard", "note",
         "Subject repo:example/infra:* of GitHub can assume"),
        (token("gitlab.example.com", "project_path:a/*:ref_type:branch:ref:main", like=True),
         "oidc-subject-wildcard", "warning", "of gitlab.example.com"),
        (token("app.terraform.io", None), "oidc-no-subject", "error",
         "Any subject of app.terraform.io"),
    ],
)  # fmt: skip
def test_other_issuers_than_clusters_have_workflows_jobs_and_subjects(
    policy: str, rule: str, level: str, words: str
) -> None:
    assert flaws_of(policy) == {rule: level}
    (finding,) = of_rule(rule, role("r", None, policy))
    assert words in finding.message
    assert "service account" not in finding.message
    assert finding.fix


def test_another_claim_of_the_issuer_limits_its_tokens() -> None:
    text = json.loads(token(GITHUB, None))
    text["Statement"][0]["Condition"]["StringEquals"][f"{GITHUB}:repository"] = "example/infra"
    assert flaws_of(json.dumps(text)) == {}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (trust("*", "sts:AssumeRole"), True),
        (trust({"AWS": ["*"]}, "sts:AssumeRole"), True),
        (trust({"Service": "cognito-identity.amazonaws.com"}, "sts:AssumeRole"), False),
        (trust({"AWS": "*"}, "sts:AssumeRole", Bool={"aws:SecureTransport": "true"}), True),
        *(
            (trust("*", "sts:AssumeRole", **{operator: {f"aws:{key}": values}}), expected)
            for operator, key, values, expected in (
                ("StringNotEquals", "PrincipalOrgID", "o-1", True),
                ("StringEquals", "PrincipalOrgID", "o-1", False),
                ("StringLike", "PrincipalOrgID", ["o-1", "o-?*"], True),
                ("StringLike", "PrincipalOrgID", "o-1*", False),
                ("ForAnyValue:StringLike", "PrincipalOrgPaths", "o-*/r-1/*", True),
                ("ForAnyValue:StringLike", "PrincipalOrgPaths", "o-1/*", False),
                ("StringLike", "PrincipalAccount", "????????????", True),
                ("StringLike", "PrincipalAccount", "1111*", False),
                ("StringLike", "PrincipalArn", "*", True),
                ("ArnEquals", "PrincipalArn", "arn:aws:iam::????????????:role/ci", True),
                ("ArnLike", "PrincipalArn", "arn:aws:iam::*:role/a:b:c", True),
                ("StringEquals", "PrincipalOrgID", "o-*", False),
                ("ArnLike", "PrincipalArn", "arn:aws:iam::111122223333:*", False),
                ("StringEquals", "PrincipalArn", "arn:aws:iam::*:role/ci", False),
                ("ArnLike", "SourceArn", "arn:aws:s3:::amzn-s3-demo-bucket", False),
                ("ArnLike", "SourceArn", "arn:aws:s3:::amzn-s3-demo-*", True),
                ("StringEquals", "PrincipalTag/team", "a", True),
                ("StringEquals", "SourceVpce", "vpce-0123456789abcdef0", False),
                ("IpAddress", "SourceIp", "0.0.0.0/0", True),
                ("IpAddress", "SourceIp", "203.0.113.0/24", False),
            )
        ),
        # Two patterns at once, each of which fits everybody.
        (trust("*", "sts:AssumeRole", StringLike={"aws:PrincipalOrgID": "o-*"},
               ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}), True),
        (trust({"Federated": "accounts.google.com"}, WEB), True),
        (trust({"Federated": "accounts.google.com"}, WEB,
               StringEquals={"accounts.google.com:oaud": "web"}), False),
        (trust({"Federated": "accounts.google.com"}, WEB,
               StringEquals={"accounts.google.com:sub": "1"}), False),
        (trust({"Federated": "graph.facebook.com"}, WEB,
               StringLike={"graph.facebook.com:app_id": "*"}), True),
        (trust({"Federated": "www.amazon.com"}, WEB), True),
        (trust({"Federated": "cognito-identity.amazonaws.com"}, WEB,
               **{"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "u*"}}), True),
        (trust({"Federated": "cognito-identity.amazonaws.com"}, WEB,
               StringEquals={"cognito-identity.amazonaws.com:aud": "us-east-1:a"}), False),
        (trust({"Federated": "arn:aws:iam::111122223333:saml-provider/s"},
               "sts:AssumeRoleWithSAML"), False),
        (trust({"AWS": "arn:aws:iam::111122223333:root"}, "sts:AssumeRole"), False),
    ],
)  # fmt: skip
def test_a_trust_that_lets_a_stranger_in_is_for_anybody(statement: Json, expected: bool) -> None:
    assert ("trust-anybody" in flaws_of(document(statement))) is expected
    denied = {**statement, "Effect": "Deny"}
    assert "trust-anybody" not in flaws_of(document(denied))
    only = {"Effect": "Deny", "Action": "sts:*", "Principal": "*"}
    only["Condition"] = {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}
    if statement["Principal"] == "*":
        assert "trust-anybody" not in flaws_of(document(statement, only))


def test_everybody_but_some_is_everybody() -> None:
    root = {"AWS": "arn:aws:iam::111122223333:root"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": root}
    text = message("trust-anybody", role("r", None, document(statement)))
    assert text.startswith("Everyone in every AWS account can assume aws_iam_role.r")


def test_a_flaw_of_a_sensitive_policy_is_said_without_its_values() -> None:
    subject = "system:serviceaccount:kube-secret:*"
    text = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": subject})
    hidden = resource("x_thing", "t", None, {"v": subject}, after_sensitive={"v": True})
    for finding in found(role("r", GOOD, text), hidden):
        every = " ".join((finding.message, *finding.details, finding.fix, repr(finding)))
        assert "kube-secret" not in every
    rules = levels(found(role("r", GOOD, text), hidden))
    assert {"irsa-subject-wildcard", "trust-widened"} <= set(rules)


def test_a_flaw_in_a_trust_policy_that_does_not_change_is_a_note() -> None:
    loose = irsa(StringEquals=SUB)
    stays = role("r", loose, loose)
    assert "irsa-no-audience" not in levels(found(stays))
    assert levels(found(stays, inline()))["irsa-no-audience"] == "note"


def test_a_condition_on_another_issuer_that_is_met_without_its_key_bars_nobody() -> None:
    other = {f"{OIDC}OTHER:sub": "x"}
    review = reviewed(role("r", GOOD, irsa(StringEquals={**AUD, **SUB}, StringNotEquals=other)))
    (flaw,) = (f for f in review.findings if f.rule == "irsa-issuer-differs")
    assert flaw.message.startswith(f"Tokens of {OIDC} have no claim {OIDC}OTHER:sub")
    assert "nobody" not in flaw.message


def test_a_trust_that_the_plan_takes_back_or_gives_up_is_not_looked_at() -> None:
    anybody = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
    drift = [role("r", of("lambda"), anybody)]
    assert rules(reviewed(role("r", anybody, of("lambda")), resource_drift=drift)) == {"drift"}
    assert rules(reviewed(role("r", anybody, None))) == {"access-removed"}
    assert rules(reviewed(role("r", anybody, anybody, actions=["forget"]))) == set()


def test_a_flaw_that_is_the_change_itself_is_no_other_finding() -> None:
    wide = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:aws-node"})
    everybody = trusting("*", "sts:AssumeRole")
    no_subject, no_audience = irsa(StringEquals=AUD), irsa(StringEquals=SUB)
    for before, after in (
        *((GOOD, each) for each in (wide, no_subject, no_audience)),
        (of("ec2"), everybody),
    ):
        assert levels(found(role("r", before, after))) == {"trust-widened": "error"}
    # Also a flaw of others, or one that was there before.
    others = document(*json.loads(wide)["Statement"], trust({"AWS": "111122223333"}, "sts:*"))
    assert {"irsa-subject-wildcard", "trust-widened"} <= levels(
        found(role("r", wide, others))
    ).keys()
    limited = trusting("*", "sts:AssumeRole", StringLike={"aws:PrincipalOrgID": "o-*"})
    assert "trust-anybody" in levels(found(role("r", of("ec2"), limited)))


def test_a_flaw_of_a_new_role_and_who_can_assume_it_are_one_finding() -> None:
    never = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:app"})
    for after, rule in (
        (irsa(StringEquals=AUD), "irsa-no-subject"),
        (trusting("*", "sts:AssumeRole"), "trust-anybody"),
        (pods("sts:AssumeRole"), "pod-identity-no-tag-session"),
        (never, "irsa-never-matches"),
    ):
        (flaw, *_) = of_role = found(role("r", None, after))
        assert "new-policy" not in levels(of_role)
        assert rule in levels(of_role)
        assert "any-change" in flaw.means
        # The flaw also has the consequences of the finding that it replaces.
        assert ("new-access" in flaw.means) is (rule == "trust-anybody")
