"""Who can assume a new role, and whether everybody can assume a role."""

import json

import pytest

from synthetic import Json, document, found, levels, resource, reviewed, role, rules
from trust_policies import (
    AUD,
    BOTH,
    GITHUB,
    GOOD,
    OIDC,
    SUB,
    WEB,
    irsa,
    message,
    of,
    pods,
    token,
    trust,
    trusting,
)
from vpc_cni_iam.catalog import trust as catalog_trust
from vpc_cni_iam.policy.document import dumps


def rules_of(text: str) -> set[str]:
    return {*levels(found(role("r", None, text)))}


def level_of(text: str) -> str:
    """The severity of the finding about who can assume a new role."""
    return levels(found(role("r", None, text)))["new-policy"]


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        (GOOD, "note"),
        (irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:default:app"}), "note"),
        # Every token has a subject and an audience, so that a condition is met or not.
        (irsa(StringEquals=SUB, StringEqualsIfExists=AUD), "note"),
        (irsa(StringEquals=AUD, **{"ForAllValues:StringEquals": SUB}), "note"),
        (irsa(**{"ForAnyValue:StringEquals": {**AUD, **SUB}}), "note"),
        (irsa(StringEquals={f"{OIDC.upper()}:AUD": "sts.amazonaws.com", **SUB}), "note"),
        (irsa(StringEquals=SUB), "warning"),
        (irsa(StringEquals=SUB, StringLike={f"{OIDC}:aud": "*"}), "warning"),
        (irsa(StringEquals=AUD), "error"),
        (irsa(StringEquals=AUD, StringNotEquals=SUB), "error"),
        (irsa(StringNotEquals={**AUD, **SUB}), "error"),
        (irsa(StringEquals=AUD, Null={f"{OIDC}:sub": "false"}), "error"),
        (irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "*"}), "error"),
        (irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:*"}), "error"),
        (irsa(StringEquals=AUD).replace(WEB, "sts:*"), "error"),
        (irsa(StringEquals=AUD).replace('"Action"', '"NotAction"').replace(WEB, "sts:TagSession"),
         "error"),
        (irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:aws-node"}),
         "warning"),
        (irsa(StringEquals=AUD, StringLike=SUB), "note"),
        # One loose statement beside others.
        (document(*json.loads(GOOD)["Statement"], *json.loads(irsa(StringEquals=AUD))["Statement"]),
         "error"),
        (document({"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"},
                  *json.loads(irsa(StringEquals=AUD))["Statement"]), "error"),
        (token(GITHUB, "repo:example/infra:ref:refs/heads/main"), "note"),
        (token(GITHUB, "repo:example/infra:ref:refs/heads/main", aud=False), "warning"),
        (token(GITHUB, "repo:example/infra:*", like=True), "warning"),
        # Everybody can name a repository and a branch so.
        (token(GITHUB, "repo:*/infra:ref:refs/heads/main", like=True), "error"),
        (token(GITHUB, "repo:acme*", like=True), "error"),
        (token("gitlab.example.com", "project_path:a/*:ref_type:branch:ref:main", like=True),
         "warning"),
        (token("app.terraform.io", None), "error"),
        # EKS Pod Identity assumes a role only for an association in the account.
        (pods(*BOTH), "note"),
    ],
)  # fmt: skip
def test_a_new_role_is_as_severe_as_the_tokens_that_it_takes(policy: str, level: str) -> None:
    assert level_of(policy) == level
    (finding,) = (f for f in found(role("r", None, policy)) if f.rule == "new-policy")
    assert ("new-access" in finding.means) is (level != "note")
    assert bool(finding.fix) is (level == "error")


@pytest.mark.parametrize("by", [{"pod_identity": False}, {"irsa": False}, {}])
@pytest.mark.parametrize("cluster", [True, False])
@pytest.mark.parametrize("account", [True, False])
def test_a_role_with_a_trust_of_the_catalog_is_a_note(
    by: dict[str, bool], *, cluster: bool, account: bool
) -> None:
    assert level_of(dumps(catalog_trust.policy(cluster=cluster, account=account, **by))) == "note"


def test_no_service_account_has_a_wildcard_in_its_name() -> None:
    literal = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:aws-node"})
    messages = [f.message for f in found(role("r", None, literal)) if f.rule == "new-policy"]
    assert messages[0].startswith("Nobody can assume the new role aws_iam_role.r")


def test_another_claim_of_the_issuer_limits_its_tokens() -> None:
    text = json.loads(token(GITHUB, None))
    text["Statement"][0]["Condition"]["StringEquals"][f"{GITHUB}:repository"] = "example/infra"
    assert level_of(json.dumps(text)) == "warning"


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
    assert ("trust-anybody" in rules_of(document(statement))) is expected
    denied = {**statement, "Effect": "Deny"}
    assert "trust-anybody" not in rules_of(document(denied))
    only = {"Effect": "Deny", "Action": "sts:*", "Principal": "*"}
    only["Condition"] = {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}
    if statement["Principal"] == "*":
        assert "trust-anybody" not in rules_of(document(statement, only))


def test_everybody_but_some_is_everybody() -> None:
    root = {"AWS": "arn:aws:iam::111122223333:root"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": root}
    text = message("trust-anybody", role("r", None, document(statement)))
    assert text.startswith("Everyone in every AWS account can assume aws_iam_role.r")


def test_who_can_assume_a_role_by_a_sensitive_policy_is_said_without_its_values() -> None:
    subject = "system:serviceaccount:kube-secret:*"
    text = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": subject})
    hidden = resource("x_thing", "t", None, {"v": subject}, after_sensitive={"v": True})
    for before, level in ((GOOD, "error"), (None, "warning")):
        findings = found(role("r", before, text), hidden)
        assert "kube-secret" not in " ".join(map(repr, findings))
        assert findings[0].level == level


def test_a_trust_that_the_plan_takes_back_or_gives_up_is_not_looked_at() -> None:
    anybody = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
    drift = [role("r", of("lambda"), anybody)]
    assert rules(reviewed(role("r", anybody, of("lambda")), resource_drift=drift)) == {"drift"}
    assert rules(reviewed(role("r", anybody, None))) == {"access-removed"}
    assert rules(reviewed(role("r", anybody, anybody, actions=["forget"]))) == set()


def test_that_everybody_can_assume_a_role_is_said_once() -> None:
    wide = trusting("*", "sts:AssumeRole")
    assert levels(found(role("r", of("ec2"), wide))) == {"trust-widened": "error"}
    (finding,) = found(role("r", None, wide))
    assert (finding.rule, "new-access" in finding.means) == ("trust-anybody", True)
    # So is one beside others, or one that was there before.
    others = document(*json.loads(wide)["Statement"], trust({"AWS": "111122223333"}, "sts:*"))
    assert {"trust-anybody", "new-policy"} <= levels(found(role("r", None, others))).keys()
    assert "trust-anybody" in levels(found(role("r", wide, others)))
    limited = trusting("*", "sts:AssumeRole", StringLike={"aws:PrincipalOrgID": "o-*"})
    assert "trust-anybody" in levels(found(role("r", of("ec2"), limited)))
