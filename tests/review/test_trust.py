"""Who can assume a role after a plan: trust policies that change, and what is wrong with them."""

import json
from typing import Any

import pytest

from found import found, levels
from synthetic import Json, document, resource, role
from vpc_cni_iam.catalog import trust as catalog_trust
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences import say

OIDC = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{OIDC}"
GITHUB, GITLAB = "token.actions.githubusercontent.com", "gitlab.com"
AUD = {f"{OIDC}:aud": "sts.amazonaws.com"}
SUB = {f"{OIDC}:sub": "system:serviceaccount:kube-system:aws-node"}
NAMESPACE = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "kube-system"}}
WEB = "sts:AssumeRoleWithWebIdentity"
BOTH = ("sts:AssumeRole", "sts:TagSession")
CNI = document({"Effect": "Allow", "Action": "ec2:AssignPrivateIpAddresses", "Resource": "*"})


def trust(principal: Any, *actions: str, **conditions: Any) -> Json:
    """A statement of a trust policy."""
    statement = {"Effect": "Allow", "Action": list(actions), "Principal": principal}
    return {**statement, "Condition": conditions} if conditions else statement


def irsa(**conditions: Any) -> str:
    return document(trust({"Federated": PROVIDER}, WEB, **conditions))


def token(issuer: str, subject: str | None, like: bool = False, aud: bool = True) -> str:
    """The trust of an OIDC provider that is not a cluster."""
    equals = {f"{issuer}:aud": "sts.amazonaws.com"} if aud else {}
    operator = "StringLike" if like else "StringEquals"
    conditions = {"StringEquals": equals} if equals else {}
    if subject:
        conditions.setdefault(operator, {})
        conditions[operator] = {**conditions[operator], f"{issuer}:sub": subject}
    principal = {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"}
    return document(trust(principal, WEB, **conditions))


def pods(*actions: str, **conditions: Any) -> str:
    return document(trust({"Service": "pods.eks.amazonaws.com"}, *actions, **conditions))


def of(name: str) -> str:
    return document(trust({"Service": f"{name}.amazonaws.com"}, "sts:AssumeRole"))


GOOD = irsa(StringEquals={**AUD, **SUB})
POD = pods(*BOTH, **NAMESPACE)
FLAWS = ("irsa-", "oidc-", "pod-identity-", "trust-anybody")


def flaws_of(text: str, *others: Json) -> dict[str, str]:
    every = levels(found(role("r", None, text), *others))
    return {rule: level for rule, level in every.items() if rule.startswith(FLAWS)}


def sayings(rule: str, *changes: Json, **more: Any) -> list[Saying]:
    return [say(f) for f in found(*changes, **more) if f.rule == rule]


def message(rule: str, *changes: Json) -> str:
    (saying,) = sayings(rule, *changes)
    return saying.message


@pytest.mark.parametrize(
    ("policy", "flaw"),
    [
        (GOOD, None),
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
        (document(json.loads(GOOD)["Statement"][0], json.loads(irsa(StringEquals=AUD))
                  ["Statement"][0]), "irsa-no-subject"),
    ],
)  # fmt: skip
def test_a_trust_by_irsa_has_the_flaw_that_its_tokens_show(policy: str, flaw: str | None) -> None:
    assert set(flaws_of(policy)) == ({flaw} if flaw else set())


@pytest.mark.parametrize(
    ("policy", "flaw"),
    [
        (POD, None),
        (pods("sts:AssumeRole", "sts:Tag*", **NAMESPACE), None),
        (pods("sts:AssumeRole", **NAMESPACE), "pod-identity-no-tag-session"),
        (pods(*BOTH), "pod-identity-unscoped"),
        (pods(*BOTH, StringLike={"aws:RequestTag/kubernetes-namespace": "*"}),
         "pod-identity-unscoped"),
        (pods(*BOTH, StringNotEquals=NAMESPACE["StringEquals"]), "pod-identity-unscoped"),
        # An association may switch session tags off.
        (pods(*BOTH, StringEqualsIfExists=NAMESPACE["StringEquals"]), "pod-identity-unscoped"),
        (pods(*BOTH, StringEquals={"aws:SourceAccount": "111122223333"}), None),
        (pods(*BOTH, StringEquals={"aws:RequestTag/kubernetes-pod-name": "a"}), None),
        (pods(*BOTH, ArnLike={"aws:SourceArn": "arn:aws:eks:eu-west-1:1:cluster/prod"}), None),
        (pods(*BOTH, ArnLike={"aws:SourceArn":
              "arn:aws:eks:eu-west-1:1:podidentityassociation/prod/a-1"}),
         "pod-identity-source-arn"),
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
def test_the_trusts_of_the_catalog_have_no_flaw(by: dict[str, bool], cluster: bool) -> None:
    assert flaws_of(dumps(catalog_trust.policy(cluster=cluster, **by))) == {}


@pytest.mark.parametrize(
    ("policy", "rule", "level", "words"),
    [
        (token(GITHUB, None), "oidc-no-subject", "error",
         "Any workflow of any repository of GitHub can assume aws_iam_role.r"),
        (token(GITHUB, "repo:*", like=True), "oidc-no-subject", "error",
         "'repo:*' matches all"),
        # Everybody can name a repository and a branch so.
        (token(GITHUB, "repo:*/infra:ref:refs/heads/main", like=True), "oidc-no-subject", "error",
         "Everybody can create a repository of GitHub that can assume aws_iam_role.r"),
        (token(GITHUB, "repo:example*", like=True), "oidc-no-subject", "error",
         "the owner in the subject 'repo:example*' has a wildcard"),
        (token(GITHUB, "repo:example/*", like=True), "oidc-subject-wildcard", "warning",
         "Any workflow of any repository of example of GitHub can assume"),
        (token(GITHUB, "repo:example/infra:*", like=True), "oidc-subject-wildcard", "note",
         "Any workflow of example/infra of GitHub can assume"),
        (token(GITHUB, "repo:example/infra:ref:refs/heads/main", aud=False), "oidc-no-audience",
         "warning", f"no condition asks for {GITHUB}:aud"),
        (token(GITLAB, None), "oidc-no-subject", "error", "Any job of any project of GitLab"),
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
    (saying,) = sayings(rule, role("r", None, policy))
    assert words in saying.message
    assert "service account" not in saying.message
    assert saying.fix


def test_another_claim_of_the_issuer_limits_its_tokens() -> None:
    text = json.loads(token(GITHUB, None))
    text["Statement"][0]["Condition"]["StringEquals"][f"{GITHUB}:repository"] = "example/infra"
    assert flaws_of(json.dumps(text)) == {}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (trust("*", "sts:AssumeRole"), True),
        (trust({"AWS": ["*"]}, "sts:AssumeRole"), True),
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
                ("ArnEquals", "PrincipalArn", "arn:aws:iam::*:role/ci", True),
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
    assert "Everybody but those that it names (arn:aws:iam::111122223333:root)" in text


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (GOOD,
         irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:aws-node"}),
         f"aws_iam_role.r can now be assumed by any service account named aws-node of {OIDC} "
         f"(was service account kube-system/aws-node of {OIDC})"),
        (token(GITHUB, "repo:example/infra:*", like=True), token(GITHUB, None),
         f"Condition {GITHUB}:sub StringLike 'repo:example/infra:*' is gone: aws_iam_role.r can "
         "now be assumed by any workflow of any repository of GitHub"),
        (document(trust({"AWS": "111122223333"}, "sts:AssumeRole",
                        Bool={"aws:MultiFactorAuthPresent": "true"})),
         document(trust({"AWS": "111122223333"}, "sts:AssumeRole")),
         "Condition aws:MultiFactorAuthPresent Bool 'true' is gone: aws_iam_role.r can now be "
         "assumed by AWS account 111122223333 without it"),
        (document(trust({"AWS": "111122223333"}, "sts:AssumeRole",
                        Bool={"aws:MultiFactorAuthPresent": "true"})),
         document(trust({"AWS": "111122223333"}, "sts:AssumeRole",
                        BoolIfExists={"aws:MultiFactorAuthPresent": "true"})),
         "Condition on aws:MultiFactorAuthPresent changes from Bool 'true' to BoolIfExists 'true'"),
        # Also where the statement is another one.
        (document(trust({"AWS": "111122223333"}, "sts:AssumeRole",
                        Bool={"aws:MultiFactorAuthPresent": "true"})),
         document(trust({"AWS": "111122223333"}, "sts:*")),
         "Condition aws:MultiFactorAuthPresent Bool 'true' is gone: aws_iam_role.r can now be "
         "assumed by AWS account 111122223333 without it"),
        (of("ec2"), document(trust({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]},
                                   "sts:AssumeRole")),
         "aws_iam_role.r can now be assumed by lambda.amazonaws.com"),
        (of("ec2"), document(trust({"Service": "ec2.amazonaws.com"}, *BOTH)),
         "The trust policy of aws_iam_role.r now allows sts:TagSession to whom it names"),
        (document(trust("*", "sts:AssumeRole", StringEquals={"aws:PrincipalOrgID": "o-1"}),
                  {"Effect": "Deny", "Action": "sts:AssumeRole",
                   "Principal": {"AWS": "arn:aws:iam::444455556666:role/ci"}}),
         document(trust("*", "sts:AssumeRole", StringEquals={"aws:PrincipalOrgID": "o-1"})),
         "The Deny that denies sts:AssumeRole to AWS arn:aws:iam::444455556666:role/ci is gone"),
    ],
)  # fmt: skip
def test_who_can_newly_assume_a_role_is_named_after_the_condition_that_is_gone(
    before: str, after: str, words: str
) -> None:
    (saying,) = sayings("trust-widened", role("r", before, after))
    assert saying.message.startswith(words)
    assert any(detail.startswith("example: ") for detail in saying.details)
    assert "aws_iam_role.r" in saying.fix
    assert levels(found(role("r", before, after)))["trust-widened"] == "error"


def test_a_condition_that_becomes_another_is_a_detail() -> None:
    wide = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:*:aws-node"})
    (saying,) = sayings("trust-widened", role("r", GOOD, wide))
    assert saying.details[0] == (
        f"Condition on {OIDC}:sub changes from StringEquals "
        "'system:serviceaccount:kube-system:aws-node' to StringLike "
        "'system:serviceaccount:*:aws-node'"
    )


def test_an_example_has_a_subject_that_a_deny_does_not_take_away() -> None:
    everyone = json.loads(irsa(StringLike={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:*"}))
    denied = trust({"Federated": PROVIDER}, WEB, StringLike={
        f"{OIDC}:sub": "system:serviceaccount:example:*"})  # fmt: skip
    after = document(*everyone["Statement"], {**denied, "Effect": "Deny"})
    (saying,) = sayings("trust-widened", role("r", GOOD, after))
    (example,) = (d for d in saying.details if d.startswith("example"))
    assert "serviceaccount:example:" not in example


@pytest.mark.parametrize("rendered", [[], ["ec2.amazonaws.com"]])
def test_a_trust_policy_with_empty_lists_is_one(rendered: list[str]) -> None:
    principal = {"Service": rendered, "AWS": "arn:aws:iam::111122223333:role/ci"}
    findings = found(role("r", None, document(trust(principal, "sts:AssumeRole"))))
    assert "unreadable-policy" not in levels(findings)
    nobody = document(trust({"Service": []}, "sts:AssumeRole"))
    assert "Nobody can assume the new role" in message("new-policy", role("r", None, nobody))


def test_a_statement_that_no_token_meets_lets_nobody_in() -> None:
    foreign = {f"{OIDC}OTHER:{claim}": "x" for claim in ("aud", "sub")}
    own = json.loads(GOOD)["Statement"]
    for principal, is_widened in (
        ({"Federated": PROVIDER}, False),
        ({"Federated": [PROVIDER, f"{PROVIDER}OTHER"]}, True),
        ({"Federated": PROVIDER, "AWS": "444455556666"}, True),
    ):
        more = trust(principal, "sts:*", StringEquals=foreign)
        rules = levels(found(role("r", GOOD, document(*own, more))))
        assert ("trust-widened" in rules) is is_widened
        assert "irsa-issuer-differs" in rules


def test_an_audience_that_a_change_takes_away_is_an_error() -> None:
    review = levels(found(role("r", GOOD, irsa(StringEquals=SUB))))
    assert (review["irsa-no-audience"], review["trust-widened"]) == ("error", "error")


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (POD, POD.replace('["sts:AssumeRole", "sts:TagSession"]',
                          '["sts:TagSession", "sts:AssumeRole"]'), None),
        (of("ec2"), document(trust({"Service": ["ec2.amazonaws.com"]}, "sts:assumerole")),
         "rewritten"),
        (document(trust({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]},
                        "sts:AssumeRole")), of("ec2"), "access-removed"),
        (of("ec2"), None, "access-removed"),
    ],
)  # fmt: skip
def test_a_trust_that_lets_nobody_new_in_is_a_note(
    before: str, after: str | None, rule: str | None
) -> None:
    review = levels(found(role("r", before, after)))
    assert set(review.values()) <= {"note"}
    assert rule is None or rule in review


OWN, OTHER = "111122223333", "999999999999"
OF_OWN = resource("aws_iam_user", "there", *[{"arn": f"arn:aws:iam::{OWN}:user/there"}] * 2)


@pytest.mark.parametrize(
    ("principal", "others", "level", "words"),
    [
        ({"AWS": f"arn:aws:iam::{OTHER}:root"}, [OF_OWN], "warning", "which is another account"),
        ({"AWS": OTHER}, [OF_OWN], "warning", f"AWS account {OTHER}, which is another account"),
        ({"AWS": "AROAEXAMPLEID123456789"}, [OF_OWN], "warning", "which may be another account"),
        ({"AWS": OWN}, [], "warning", "which may be another account"),
        ({"AWS": f"arn:aws:iam::{OWN}:role/ci"}, [OF_OWN], "note", f"arn:aws:iam::{OWN}:role/ci"),
        ({"Service": "ec2.amazonaws.com"}, [], "note", "by ec2.amazonaws.com"),
    ],
)
def test_who_can_assume_a_new_role_is_named_and_another_account_is_a_warning(
    principal: Json, others: list[Json], level: str, words: str
) -> None:
    new = role("new", None, document(trust(principal, "sts:AssumeRole")))
    (finding,) = (f for f in found(new, *others) if f.rule == "new-policy")
    assert finding.level == level
    assert ("new-access" in finding.means) is (level == "warning")
    assert words in say(finding).message


def test_a_role_that_only_gets_another_key_is_the_same_role() -> None:
    text = document(trust({"AWS": OTHER}, "sts:AssumeRole"))
    keys = [
        role("r", *sides, address=f'aws_iam_role.r["{key}"]')
        for key, sides in (("a", (text, None)), ("b", (None, text)))
    ]
    assert not {"trust-widened", "new-policy"} & set(levels(found(OF_OWN, *keys)))
    wider = role("r", None, document(trust("*", "sts:AssumeRole")), address='aws_iam_role.r["b"]')
    assert levels(found(OF_OWN, keys[0], wider))["trust-widened"] == "error"


def _data_source(statement: Json, unknown: Json, configured: Json) -> tuple[list[Json], Json]:
    """A new role whose trust policy is in a data source that is read at apply."""
    source = {
        "address": "data.aws_iam_policy_document.trust", "mode": "data",
        "type": "aws_iam_policy_document", "name": "trust",
        "change": {"actions": ["read"], "before": None, "after": {"statement": [statement]},
                   "after_unknown": {"json": True, "statement": [unknown]},
                   "before_sensitive": {}, "after_sensitive": {}},
    }  # fmt: skip
    new = role("r", None, "", after_unknown={"assume_role_policy": True})
    new["change"]["after"] = {"name": "r"}
    names = ["data.aws_iam_policy_document.trust.json", "data.aws_iam_policy_document.trust"]
    resources = [
        {"mode": "managed", "type": "aws_iam_role", "name": "r", "address": "aws_iam_role.r",
         "expressions": {"assume_role_policy": {"references": names}}},
        {"mode": "data", "type": "aws_iam_policy_document", "name": "trust",
         "address": names[1], "expressions": {"statement": [configured]}},
    ]  # fmt: skip
    return [source, new], {"root_module": {"resources": resources}}


def _first_plan(subject: str, *, key: str | None, like: bool = False) -> list[Finding]:
    """What is found in the first plan of a role whose OIDC provider is known after apply."""
    operator = "StringLike" if like else "StringEquals"
    conditions = [
        {"test": "StringEquals", "variable": key and f"{key}:aud", "values": ["sts.amazonaws.com"]},
        {"test": operator, "variable": key and f"{key}:sub", "values": [subject]},
    ]
    statement = {"effect": "Allow", "actions": [WEB], "condition": conditions,
                 "principals": [{"type": "Federated", "identifiers": [None]}]}  # fmt: skip
    unknown = {"principals": [{"identifiers": [True]}]}
    if key is None:
        unknown["condition"] = [{"variable": True}, {"variable": True}]  # type: ignore[assignment]
    changes, configuration = _data_source(statement, unknown, {})
    return list(found(*changes, configuration=configuration))


@pytest.mark.parametrize("key", [OIDC, None])
def test_a_provider_that_is_known_after_apply_is_no_false_alarm(key: str | None) -> None:
    subject = "system:serviceaccount:kube-system:aws-node"
    (finding,) = _first_plan(subject, key=key)
    saying = say(finding)
    assert (finding.rule, finding.level) == ("new-policy", "note")
    assert "service account kube-system/aws-node of an OIDC provider" in saying.message
    assert any("principals[0].identifiers[0]" in detail for detail in saying.details)
    wild = _first_plan("system:serviceaccount:*:aws-node", key=key, like=True)
    assert levels(tuple(wild))["irsa-subject-wildcard"] == "warning"


def test_a_known_trust_that_gets_a_part_that_is_not_known_is_a_warning() -> None:
    statement = {"effect": "Allow", "actions": ["sts:AssumeRole"],
                 "principals": [{"type": "AWS", "identifiers": [None]}]}  # fmt: skip
    unknown = {"principals": [{"identifiers": [True]}]}
    changes, configuration = _data_source(statement, unknown, {})
    changes[1]["change"] |= {"actions": ["update"],
                             "before": {"name": "r", "assume_role_policy": of("ec2")}}  # fmt: skip
    assert levels(found(*changes, configuration=configuration))["unknown-policy"] == "warning"


def test_what_is_not_shown_or_not_evaluated_is_never_silent() -> None:
    later = role("r", None, "", after_unknown={"assume_role_policy": True})
    later["change"]["after"] = {"name": "r"}
    assert levels(found(later)) == {"unknown-policy": "warning"}
    assert levels(found(role("r", None, "{}"))) == {"unreadable-policy": "error"}
    hidden = role("r", of("ec2"), of("lambda"), after_sensitive={"assume_role_policy": True})
    assert levels(found(hidden))["sensitive-policy"] == "warning"
    wildcard = document(trust({"AWS": f"arn:aws:iam::{OWN}:role/*"}, "sts:AssumeRole"))
    assert levels(found(role("r", None, wildcard)))["not-proven"] == "warning"
    assert levels(found(role("r", of("ec2"), wildcard)))["not-proven"] == "warning"
    excepted = {"Effect": "Deny", "Action": "sts:*", "NotPrincipal": {"AWS": OWN}}
    new = document(trust({"AWS": OWN}, "sts:AssumeRole"), excepted)
    assert levels(found(role("r", None, new)))["not-proven"] == "warning"


def test_a_flaw_of_a_sensitive_policy_is_said_without_its_values() -> None:
    subject = "system:serviceaccount:kube-secret:*"
    text = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": subject})
    hidden = resource("x_thing", "t", None, {"v": subject}, after_sensitive={"v": True})
    for finding in found(role("r", GOOD, text), hidden):
        saying = say(finding)
        every = " ".join((saying.message, *saying.details, saying.fix, repr(finding)))
        assert "kube-secret" not in every
    rules = levels(found(role("r", GOOD, text), hidden))
    assert {"irsa-subject-wildcard", "trust-widened"} <= set(rules)


def inline(statement: Json | None = None) -> Json:
    text = document(statement) if statement else CNI
    values = {"name": "i", "role": "r", "policy": text}
    return resource("aws_iam_role_policy", "i", None, values)


def test_the_role_of_aws_node_is_for_its_service_account_alone() -> None:
    other = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:default:app"})
    assert flaws_of(other) == {}
    assert flaws_of(other, inline()) == {"irsa-other-subject": "warning"}


def test_a_flaw_in_a_trust_policy_that_does_not_change_is_a_note() -> None:
    loose = irsa(StringEquals=SUB)
    stays = role("r", loose, loose)
    assert "irsa-no-audience" not in levels(found(stays))
    assert levels(found(stays, inline()))["irsa-no-audience"] == "note"
    assert message("irsa-no-audience", stays, inline()).startswith("As before: tokens of")


def _association(before: bool | None, after: bool) -> Json:
    sides = [
        None
        if off is None
        else {
            "role_arn": "arn:aws:iam::111122223333:role/r",
            "disable_session_tags": off,
        }
        for off in (before, after)
    ]
    return resource("aws_eks_pod_identity_association", "a", *sides)


def test_session_tags_that_are_asked_for_and_switched_off() -> None:
    stays = role("r", POD, POD)
    assert levels(found(stays, _association(None, True)))["pod-identity-tags-disabled"] == "error"
    assert levels(found(stays, _association(True, True)))["pod-identity-tags-disabled"] == "note"
    assert "pod-identity-tags-disabled" not in levels(found(stays, _association(None, False)))
    by_tag = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {
        "StringEquals": {"s3:prefix": "${aws:PrincipalTag/kubernetes-namespace}"}}}  # fmt: skip
    unscoped = pods(*BOTH)
    text = message("pod-identity-tags-disabled", role("r", unscoped, unscoped),
                   inline(by_tag), _association(None, True))  # fmt: skip
    assert "asks for session tags (kubernetes-namespace)" in text


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("system:serviceaccount:default:app", "service account default/app"),
        ("system:serviceaccount:*:app", "any service account named app"),
        ("system:serviceaccount:default:*", "any service account in default"),
        ("system:serviceaccount:*:*", "any service account"),
        ("system:serviceaccount:a-*:app", "any service account like a-*/app"),
        ("*", "any service account"),
        ("system:serviceaccount:a:b:c", "subject system:serviceaccount:a:b:c"),
    ],
)
def test_service_accounts_are_said_in_words(subject: str, words: str) -> None:
    like = {f"{OIDC}:sub": subject}
    limited = {"aws:SourceIp": "10.0.0.0/8"}
    for conditions, end in (
        ({"StringEquals": AUD, "StringLike": like}, ""),
        ({"StringLike": like}, ", with a token for any audience"),
        ({"StringEquals": AUD, "StringLike": like, "IpAddress": limited},
         " if aws:SourceIp IpAddress '10.0.0.0/8'"),
    ):  # fmt: skip
        text = message("trust-widened", role("r", of("ec2"), irsa(**conditions)))
        expected = f"aws_iam_role.r can now be assumed by {words} of {OIDC}{end}"
        assert text == f"{expected} (was ec2.amazonaws.com)"


def test_a_star_that_is_compared_letter_by_letter_is_not_a_wildcard() -> None:
    literal = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:app"})
    text = message("trust-widened", role("r", of("ec2"), literal))
    assert f"assumed by subject system:serviceaccount:*:app of {OIDC}" in text


def test_a_trust_policy_that_is_too_large_for_iam_takes_no_long_time() -> None:
    many = [f"system:serviceaccount:n{i}:*" for i in range(10_000)]
    large = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": many})
    for before in (None, GOOD, large):
        rules = levels(found(role("r", before, large)))
        assert (rules.get("not-proven") == "warning") is (before != large)


def test_who_can_assume_a_role_no_longer_or_under_other_conditions_is_named() -> None:
    services = ["ec2.amazonaws.com", "lambda.amazonaws.com"]
    both = document(trust({"Service": services}, "sts:AssumeRole"))
    text = message("access-removed", role("r", both, of("ec2")))
    assert text == "aws_iam_role.r can no longer be assumed by lambda.amazonaws.com"
    text = message("access-removed", role("r", pods(*BOTH), POD))
    assert text.startswith("aws_iam_role.r can now be assumed only by pods.eks.amazonaws.com if")
    assert text.endswith("(was pods.eks.amazonaws.com)")
    text = message("access-removed", role("r", POD, pods("sts:AssumeRole", **NAMESPACE)))
    assert "allows less than before" in text


def test_a_role_that_is_named_in_place_of_its_account_may_be_new() -> None:
    account, by_name = ({"AWS": f"arn:aws:iam::{OWN}:{name}"} for name in ("root", "role/ci"))
    sides = [document(trust(principal, "sts:AssumeRole")) for principal in (account, by_name)]
    text = message("not-proven", role("r", *sides))
    assert text.startswith(f"aws_iam_role.r may now be assumed by arn:aws:iam::{OWN}:role/ci")


@pytest.mark.parametrize("claim", ["sub", "aud"])
@pytest.mark.parametrize("operator", ["StringEquals", "StringLike"])
def test_a_value_that_is_not_known_is_not_called_wrong(claim: str, operator: str) -> None:
    values = {"sub": [SUB[f"{OIDC}:sub"]], "aud": ["sts.amazonaws.com"], claim: [None]}
    conditions = [
        {"test": operator if name == claim else "StringEquals", "variable": f"{OIDC}:{name}",
         "values": values[name]}
        for name in ("sub", "aud")
    ]  # fmt: skip
    statement = {"effect": "Allow", "actions": [WEB], "condition": conditions,
                 "principals": [{"type": "Federated", "identifiers": [PROVIDER]}]}  # fmt: skip
    unknown = {"condition": [{"values": [name == claim]} for name in ("sub", "aud")]}
    changes, configuration = _data_source(statement, unknown, {})
    findings = found(*changes, inline(), configuration=configuration)
    assert not any(rule.startswith(FLAWS) for rule in levels(findings))
    (new,) = (say(f) for f in findings if f.rule == "new-policy" and "assumed" in say(f).message)
    assert any(f"condition[{['sub', 'aud'].index(claim)}]" in d for d in new.details)
