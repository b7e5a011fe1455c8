import json

import pytest

from eks import arn_of, association
from synthetic import Json, attachment, document, policy, resource, reviewed, role, rules
from vpc_cni_iam.catalog import trust as catalog_trust
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Finding

OIDC = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
AUD = {f"{OIDC}:aud": "sts.amazonaws.com"}
SUB = {f"{OIDC}:sub": "system:serviceaccount:kube-system:aws-node"}
PODS = {"Service": "pods.eks.amazonaws.com"}
NAMESPACE = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "kube-system"}}
CNI = document({"Effect": "Allow", "Action": "ec2:AssignPrivateIpAddresses", "Resource": "*"})


PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{OIDC}"


def irsa(**conditions: object) -> str:
    return document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": PROVIDER},
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
    "an action by a wildcard": (
        irsa(StringEquals=AUD).replace("WithWebIdentity", "*"),
        "irsa-no-subject",
    ),
    "a loose statement after others": (
        document(
            {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"},
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": PODS}
            | {"Condition": NAMESPACE},
            {"Effect": "Allow", "Action": "sts:TagSession", "Principal": PODS},
            *json.loads(irsa(StringEquals=AUD))["Statement"],
        ),
        "irsa-no-subject",
    ),
    "every action": (
        irsa(StringEquals=AUD).replace("sts:AssumeRoleWithWebIdentity", "*"),
        "irsa-no-subject",
    ),
    "every action but one": (
        irsa(StringEquals=AUD)
        .replace('"Action"', '"NotAction"')
        .replace("sts:AssumeRoleWithWebIdentity", "sts:TagSession"),
        "irsa-no-subject",
    ),
    "a subject of any kind": (
        irsa(StringEquals=AUD, Null={f"{OIDC}:sub": "false"}),
        "irsa-no-subject",
    ),
    "any of several subjects": (irsa(**{"ForAnyValue:StringEquals": {**AUD, **SUB}}), None),
    "an audience of any kind": (
        irsa(StringEquals=SUB, StringLike={f"{OIDC}:aud": "*"}),
        "irsa-no-audience",
    ),
    "an audience that never matches": (
        irsa(StringEquals={**SUB, f"{OIDC}:aud": "sts.*"}),
        "irsa-never-matches",
    ),
    "another audience": (
        irsa(StringEquals={**SUB, f"{OIDC}:aud": "sigstore"}),
        "irsa-other-audience",
    ),
    "a subject in another case": (
        irsa(StringEquals={f"{OIDC.upper()}:AUD": "sts.amazonaws.com", **SUB}),
        None,
    ),
    "one loose statement beside a good one": (
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    *json.loads(irsa(StringEquals={**AUD, **SUB}))["Statement"],
                    *json.loads(irsa(StringEquals=AUD))["Statement"],
                ],
            }
        ),
        "irsa-no-subject",
    ),
    "other issuer": (
        irsa(StringEquals={**AUD, **SUB, f"{OIDC}OTHER:sub": "x"}),
        "irsa-issuer-differs",
    ),
    "other subject": (
        irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:default:app"}),
        "irsa-other-subject",
    ),
    "no TagSession": (pods("sts:AssumeRole", Condition=NAMESPACE), "pod-identity-no-tag-session"),
    "TagSession by a wildcard": (pods("sts:AssumeRole", "sts:Tag*", Condition=NAMESPACE), None),
    "TagSession in a statement of its own": (
        document(
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": PODS,
                "Condition": NAMESPACE,
            },
            {"Effect": "Allow", "Action": "sts:TagSession", "Principal": PODS},
        ),
        None,
    ),
    "scoped if there": (
        pods(
            "sts:AssumeRole",
            "sts:TagSession",
            Condition={"StringEqualsIfExists": NAMESPACE["StringEquals"]},
        ),
        "pod-identity-unscoped",
    ),
    "scoped for all values": (
        pods(
            "sts:AssumeRole",
            "sts:TagSession",
            Condition={"ForAllValues:StringEquals": NAMESPACE["StringEquals"]},
        ),
        "pod-identity-unscoped",
    ),
    "scoped to anything": (
        pods(
            "sts:AssumeRole",
            "sts:TagSession",
            Condition={"StringLike": {"aws:RequestTag/kubernetes-namespace": "*"}},
        ),
        "pod-identity-unscoped",
    ),
    "scoped by what it is not": (
        pods(
            "sts:AssumeRole",
            "sts:TagSession",
            Condition={"StringNotEquals": NAMESPACE["StringEquals"]},
        ),
        "pod-identity-unscoped",
    ),
    "unscoped": (pods("sts:AssumeRole", "sts:TagSession"), "pod-identity-unscoped"),
    "cluster as source": (
        pods(
            "sts:AssumeRole",
            "sts:TagSession",
            Condition={"ArnLike": {"aws:SourceArn": "arn:aws:eks:eu-west-1:1:cluster/prod"}},
        ),
        None,
    ),
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
    review = reviewed(
        role("cni", None, trust),
        policy("cni", CNI, CNI),
        attachment("cni", "arn:cni"),
        policy("cni", None, None) | {"change": policy("cni", CNI, CNI)["change"]},
    )
    flaws = {r for r in rules(review) if r.startswith(("irsa", "pod-identity"))}
    if name == "other subject":
        # Only the plugin's role is to be for the plugin's service account.
        assert flaws == set()
        inline = {"name": "i", "role": "cni", "policy": CNI}
        review = reviewed(
            role("cni", None, trust), resource("aws_iam_role_policy", "i", None, inline)
        )
        flaws = {r for r in rules(review) if r.startswith(("irsa", "pod-identity"))}
    assert flaws == ({flaw} if flaw else set())


@pytest.mark.parametrize("by", [{"pod_identity": False}, {"irsa": False}, {}])
@pytest.mark.parametrize("cluster", [True, False])
@pytest.mark.parametrize("account", [True, False])
def test_the_catalogs_own_trusts_have_no_flaw(
    by: dict[str, bool], cluster: bool, account: bool
) -> None:
    trust = catalog_trust.policy(cluster=cluster, account=account, **by)
    review = reviewed(role("r", None, dumps(trust)))
    assert not {r for r in rules(review) if r.startswith(("irsa", "pod-identity"))}


def test_an_audience_that_a_change_takes_away_is_an_error() -> None:
    review = reviewed(role("cni", GOOD, irsa(StringEquals=SUB)))
    (flaw,) = (f for f in review.findings if f.rule == "irsa-no-audience")
    assert flaw.level == "error"
    assert "trust-widened" in rules(review)


def test_session_tags_that_are_asked_for_and_switched_off() -> None:
    trust = pods("sts:AssumeRole", "sts:TagSession", Condition=NAMESPACE)
    association = {
        "role_arn": "arn:aws:iam::111122223333:role/cni",
        "disable_session_tags": True,
    }
    on = {**association, "disable_session_tags": False}
    for values, expected in ((association, True), (on, False)):
        review = reviewed(
            role("cni", trust, trust.replace("kube-system", "other")),
            resource("aws_eks_pod_identity_association", "a", None, values),
        )
        assert ("pod-identity-tags-disabled" in rules(review)) is expected


def test_a_flaw_of_a_sensitive_value_is_said_without_the_value() -> None:
    subject = "system:serviceaccount:kube-system:*"
    hidden = resource("x_thing", "t", None, {"v": subject}, after_sensitive={"v": True})
    trust = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": subject})
    for changes, words in (
        ((role("r", None, trust),), f"StringLike with {subject!r} lets"),
        ((role("r", None, trust), hidden), "its values are marked sensitive"),
    ):
        (finding,) = (f for f in reviewed(*changes).findings if f.rule == "irsa-subject-wildcard")
        assert words in finding.message


def test_what_is_not_known_of_a_condition_is_not_called_missing() -> None:
    key = "(known after apply: aws_iam_openid_connect_provider.this.url)"
    part = "(known after apply: var.namespace)"
    inline = {"name": "i", "role": "cni", "policy": CNI}
    for trust in (
        irsa(StringEquals={key: "sts.amazonaws.com"}),
        irsa(StringEquals={**AUD, f"{OIDC}:sub": part}),
        irsa(StringEquals=SUB, StringLike={f"{OIDC}:aud": f"{part}*"}),
        pods("sts:AssumeRole", "sts:TagSession", Condition={"StringEquals": {part: "a"}}),
    ):
        comes = resource("aws_iam_role_policy", "i", None, inline)
        flaws = rules(reviewed(role("cni", None, trust), comes))
        assert not {r for r in flaws if r.startswith(("irsa", "pod-identity"))}


@pytest.mark.parametrize(
    ("principal", "condition", "expected"),
    [
        ({"Principal": "*"}, {}, True),
        ({"Principal": {"AWS": ["*"]}}, {}, True),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}}, {}, True),
        ({"Principal": {"AWS": "*"}}, {"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Principal": {"AWS": "*"}}, {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"Principal": {"AWS": "*"}}, {"StringLike": {"aws:PrincipalArn": "*"}}, True),
        *(
            ({"Principal": "*"}, {operator: {f"aws:{key}": values}}, expected)
            for operator, key, values, expected in (
                ("StringLike", "PrincipalOrgID", "o-*", True),
                ("StringLike", "PrincipalOrgID", ["o-1", "o-?*"], True),
                ("StringLike", "PrincipalOrgID", "o-1*", False),
                ("StringLike", "PrincipalOrgID", "o-1", False),
                ("StringEquals", "PrincipalOrgID", "o-*", False),
                ("ForAnyValue:StringLike", "PrincipalOrgPaths", "o-*/r-1/*", True),
                ("ForAnyValue:StringLike", "PrincipalOrgPaths", "o-1/*", False),
                ("StringLike", "PrincipalAccount", "????????????", True),
                ("StringLike", "PrincipalAccount", "1111*", False),
                ("StringLike", "PrincipalArn", "arn:aws:iam::*:role/ci", True),
                ("ArnLike", "PrincipalArn", "arn:aws:iam::*:role/a:b:c", True),
                ("ArnEquals", "PrincipalArn", "arn:aws:iam::????????????:role/ci", True),
                ("ArnLike", "PrincipalArn", "arn:*", True),
                ("ArnLike", "PrincipalArn", "arn:aws:iam::111122223333:*", False),
                ("StringEquals", "PrincipalArn", "arn:aws:iam::*:role/ci", False),
                ("ArnLike", "SourceArn", "arn:aws:s3:::amzn-s3-demo-bucket", False),
                ("ArnEquals", "SourceArn", "arn:aws:s3:::amzn-s3-demo-bucket", False),
                ("ArnLike", "SourceArn", "arn:aws:s3:::amzn-s3-demo-*", True),
                ("StringEquals", "PrincipalTag/team", "a", True),
            )
        ),
        ({"Principal": {"Federated": "accounts.google.com"}}, {}, True),
        (
            {"Principal": {"Federated": "accounts.google.com"}},
            {"StringEquals": {"accounts.google.com:oaud": "web"}},
            False,
        ),
        (
            {"Principal": {"Federated": "graph.facebook.com"}},
            {"StringLike": {"graph.facebook.com:app_id": "*"}},
            True,
        ),
        ({"Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/s"}}, {}, False),
        ({"Principal": {"Service": "cognito-identity.amazonaws.com"}}, {}, False),
        ({"Principal": {"AWS": "*"}}, {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, {}, False),
    ],
)
def test_a_trust_for_anybody_is_an_error(principal: Json, condition: Json, expected: bool) -> None:
    more = {"Condition": condition} if condition else {}
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", **principal, **more})
    findings = reviewed(role("r", None, trust)).findings
    messages = [f.message for f in findings if f.rule == "trust-anybody"]
    assert len(messages) == expected
    assert all(("but those" in m) == ("NotPrincipal" in principal) for m in messages)
    denied = trust.replace("Allow", "Deny")
    assert "trust-anybody" not in rules(reviewed(role("r", None, denied)))


def test_a_trust_that_the_plan_takes_back_or_gives_up_is_not_looked_at() -> None:
    anybody = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
    drift = [role("r", LAMBDA, anybody)]
    assert rules(reviewed(role("r", anybody, LAMBDA), resource_drift=drift)) == {
        "access-removed",
        "drift",
    }
    assert rules(reviewed(role("r", anybody, None))) == {"access-removed"}
    assert rules(reviewed(role("r", anybody, anybody, actions=["forget"]))) == {"moved"}


@pytest.mark.parametrize(
    "more",
    [
        {"AWS": "arn:aws:iam::111122223333:root"},
        {"AWS": "*"},
        {"AWS": "444455556666"},
        {"Service": "lambda.amazonaws.com"},
        {"Federated": "arn:aws:iam::111122223333:saml-provider/s"},
        {"CanonicalUser": "abc"},
    ],
)
def test_another_principal_is_let_in(more: Json) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": more}
    if "Federated" in more:
        statement["Action"] = "sts:AssumeRoleWithSAML"
    both = json.dumps(
        {"Version": "2012-10-17", "Statement": [*json.loads(GOOD)["Statement"], statement]}
    )
    review = reviewed(role("cni", GOOD, both), fail_on="new-access")
    assert review.failed
    assert {"trust-widened", "not-proven"} & rules(review)
    assert not reviewed(role("cni", both, GOOD), fail_on="new-access").failed


def _principals(*names: str, actions: tuple[str, ...] = ("sts:AssumeRole",)) -> str:
    arns = [f"arn:aws:iam::111122223333:role/{name}" for name in names]
    return document({"Effect": "Allow", "Action": actions, "Principal": {"AWS": arns}})


_SESSIONS = ("sts:AssumeRole", "sts:TagSession")
_IN_DEFAULT = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": "system:serviceaccount:default:*"})


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            _principals("a", "b"),
            _principals("a", "c"),
            "aws_iam_role.r can now be assumed by arn:aws:iam::111122223333:role/c "
            "(was arn:aws:iam::111122223333:role/b)",
        ),
        (
            _principals("a"),
            _principals("a", "b"),
            "aws_iam_role.r can now be assumed by arn:aws:iam::111122223333:role/b",
        ),
        (
            _principals("a"),
            _principals("b", "c", "d"),
            "aws_iam_role.r can now be assumed by arn:aws:iam::111122223333:role/b and 2 more "
            "(was arn:aws:iam::111122223333:role/a)",
        ),
        (
            _principals("a", "b"),
            _principals("a", actions=_SESSIONS),
            "The trust policy of aws_iam_role.r now allows sts:TagSession to whom it names",
        ),
        (
            GOOD,
            _IN_DEFAULT,
            f"aws_iam_role.r can now be assumed by any service account in default of {OIDC} "
            "(was service account kube-system/aws-node)",
        ),
    ],
)
def test_who_comes_and_who_goes_is_named_in_a_trust_that_widens(
    before: str, after: str, message: str
) -> None:
    review = reviewed(role("r", before, after))
    assert [(f.level, f.message) for f in review.findings if f.rule == "trust-widened"] == [
        ("error", message)
    ]


def test_a_statement_that_nobody_meets_hides_none_that_lets_somebody_in() -> None:
    dead = json.loads(irsa(StringEquals={**AUD, **SUB, f"{OIDC}OTHER:sub": "x"}))["Statement"]
    alone = document(*json.loads(_principals("a"))["Statement"], *dead)
    assert "trust-widened" not in rules(reviewed(role("r", _principals("a"), alone)))
    beside = document(*json.loads(_principals("a", "b"))["Statement"], *dead)
    assert "trust-widened" in rules(reviewed(role("r", _principals("a"), beside)))


@pytest.mark.parametrize(
    ("principal", "widened"),
    [
        ({"Principal": {"Federated": PROVIDER}}, False),
        ({"Principal": {"Federated": [PROVIDER, f"{PROVIDER}OTHER"]}}, True),
        ({"Principal": {"Federated": [PROVIDER, "arn:aws:iam::1:saml-provider/s"]}}, True),
        ({"Principal": {"Federated": PROVIDER, "AWS": "444455556666"}}, True),
        ({"NotPrincipal": {"AWS": "444455556666"}}, True),
    ],
)
def test_a_statement_that_asks_for_a_key_of_another_issuer_lets_in_only_whom_else_it_names(
    principal: Json, *, widened: bool
) -> None:
    condition = {f"{OIDC}OTHER:{key}": "x" for key in ("aud", "sub")}
    more = {"Effect": "Allow", "Action": "sts:*", **principal}
    more["Condition"] = {"StringEquals": condition}
    review = reviewed(role("r", GOOD, document(*json.loads(GOOD)["Statement"], more)))
    assert bool(rules(review) & {"trust-widened", "not-proven"}) == widened
    texts = [f.message for f in review.findings if f.rule == "irsa-issuer-differs"]
    assert all(f"{OIDC}OTHER:aud and {OIDC}OTHER:sub are of another issuer" in t for t in texts)
    assert bool(texts) == (PROVIDER in json.dumps(principal))


def test_a_condition_on_another_issuer_that_is_met_without_its_key_bars_nobody() -> None:
    other = {f"{OIDC}OTHER:sub": "x"}
    review = reviewed(role("r", GOOD, irsa(StringEquals={**AUD, **SUB}, StringNotEquals=other)))
    (flaw,) = (f for f in review.findings if f.rule == "irsa-issuer-differs")
    assert f"condition on {OIDC}OTHER:sub is about another issuer than {OIDC}" in flaw.message
    assert "nobody" not in flaw.message


OTHER = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:default:app"})
POD = pods("sts:AssumeRole", "sts:TagSession", Condition=NAMESPACE)
LAMBDA = document(
    {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
    }
)
NODES = LAMBDA.replace("lambda", "ec2")


def _denying(trust: str, principal: Json | str, **condition: Json) -> str:
    """A trust policy that first denies somebody the role."""
    denied = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": principal}
    if condition:
        denied["Condition"] = condition
    return document(denied, *json.loads(trust)["Statement"])


_ROOT = {"AWS": "arn:aws:iam::111122223333:root"}
_ACCOUNT_TAG = "aws:RequestTag/kubernetes-service-account"
_OTHER_ACCOUNT = {"StringEquals": {**NAMESPACE["StringEquals"], _ACCOUNT_TAG: "other"}}
_OF_ACCOUNT = pods(
    "sts:AssumeRole",
    "sts:TagSession",
    Condition={"StringEquals": {"aws:SourceAccount": "444455556666"}},
)
_FOR_OTHERS = pods("sts:AssumeRole", "sts:TagSession", Condition=_OTHER_ACCOUNT)


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (GOOD, OTHER, True),
        (GOOD, LAMBDA, True),
        (GOOD, document(), True),
        (GOOD, irsa(StringEquals={**SUB, f"{OIDC}:aud": "other"}), True),
        # The plugin of one cluster takes no place of that of another.
        (GOOD, GOOD.replace("EXAMPLE", "ELSEWHERE"), True),
        (GOOD, irsa(StringEquals=AUD, StringLike=SUB), False),
        (GOOD, POD, False),
        (POD, GOOD, False),
        (POD, LAMBDA, True),
        (NODES, LAMBDA, True),
        (NODES, POD, False),
        (LAMBDA, OTHER, False),
        (POD, _denying(POD, "*"), True),
        (NODES, _denying(NODES, {"Service": "ec2.amazonaws.com"}), True),
        (POD, _FOR_OTHERS, True),
        (_denying(POD, _ROOT), _denying(LAMBDA, _ROOT), True),
        (POD, _denying(POD, _ROOT), False),
        (POD, _denying(POD, "*", StringNotEquals={_ACCOUNT_TAG: "aws-node"}), False),
        # No token has an account, and EKS Pod Identity has one that the plan does not name.
        (GOOD, irsa(StringEquals={**AUD, **SUB, "aws:SourceAccount": "111122223333"}), True),
        (GOOD, irsa(StringEquals={**AUD, **SUB}, IpAddress={"aws:SourceIp": "10.0.0.0/8"}), True),
        (POD, POD.replace("kubernetes-namespace", "kubernetes-pod-name"), False),
        (POD, _OF_ACCOUNT, False),
        # What is written so means nothing that is known.
        (GOOD, irsa(StringEquals={**AUD, **SUB}, StringFoo={"aws:x": "y"}), False),
        # Whether such a condition is met is not known.
        (POD, _denying(POD, "*", StringNotEquals={"aws:SourceAccount": "111122223333"}), False),
    ],
)
def test_a_role_that_the_plugin_can_no_longer_assume_is_lost(
    before: str, after: str, lost: bool
) -> None:
    inline = {"name": "i", "role": "cni", "policy": CNI}
    there = resource("aws_iam_role_policy", "i", inline, inline)
    review = reviewed(role("cni", before, after), there, fail_on="coverage-lost")
    assert review.failed is lost
    levels = {f.level for f in review.findings if f.rule == "coverage-lost"}
    assert levels == ({"error"} if lost else set())
    # A role that has nothing to do with the plugin may trust whom it will.
    other = {**inline, "policy": document({**json.loads(CNI)["Statement"][0], "Action": "s3:A"})}
    elsewhere = resource("aws_iam_role_policy", "i", other, other)
    if before != GOOD:
        assert not reviewed(role("cni", before, after), elsewhere, fail_on="coverage-lost").failed


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("eks-cluster-name", "{}"),
        ("eks-cluster-arn", "arn:aws:eks:eu-west-1:111122223333:cluster/{}"),
    ],
)
def test_a_trust_for_another_cluster_than_the_associations_is_lost(tag: str, value: str) -> None:
    def only(cluster: str) -> str:
        tags = {**NAMESPACE["StringEquals"], f"aws:RequestTag/{tag}": value.format(cluster)}
        return pods("sts:AssumeRole", "sts:TagSession", Condition={"StringEquals": tags})

    def found(before: str, after: str, *associations: Json) -> set[str]:
        values = {"name": "cni", "arn": arn_of("cni")}
        sides = [{**values, "assume_role_policy": trust} for trust in (before, after)]
        inline = {"name": "i", "role": "cni", "policy": CNI}
        there = resource("aws_iam_role_policy", "i", inline, inline)
        return rules(reviewed(resource("aws_iam_role", "cni", *sides), there, *associations))

    of_stage = association("cni", "cni", address="aws_eks_pod_identity_association.stage")
    for side in ("before", "after"):
        of_stage["change"][side]["cluster_name"] = "stage"
    for cluster, lost in (("prod", False), ("stage", True)):
        of_prod = found(POD, only(cluster), association("cni", "cni"))
        assert ("coverage-lost" in of_prod) is lost
        assert "coverage-lost" not in found(POD, only(cluster))
        comes = found(only(cluster), only(cluster), association(None, "cni"))
        assert ("plugin-identity-lost" in comes) is lost
        assert "coverage-lost" in found(POD, only(cluster), association("cni", "cni"), of_stage)


def test_a_trust_of_the_plugins_role_that_is_known_no_longer_may_be_lost() -> None:
    change = role("cni", GOOD, GOOD, after_unknown={"assume_role_policy": True})
    change["change"] |= {"actions": ["update"], "after": {"name": "cni"}}
    assert reviewed(change, fail_on="coverage-lost").failed


def test_an_association_that_comes_breaks_a_trust_that_stays() -> None:
    association = {"role_arn": "arn:aws:iam::111122223333:role/x/cni", "disable_session_tags": True}
    kind = "aws_eks_pod_identity_association"
    review = reviewed(role("cni", POD, POD), resource(kind, "a", None, association))
    assert rules(review) == {"pod-identity-tags-disabled", "service-account-role"}
    unscoped = pods("sts:AssumeRole")
    for known in ({}, {"namespace": "default"}):
        comes = resource(kind, "a", None, {**association, **known})
        (finding,) = reviewed(role("cni", unscoped, unscoped), comes).findings
        assert finding.rule == "service-account-role"
        assert "service account known after apply gets aws_iam_role.cni" in finding.message
    # Of a trust that is wrong in two ways, only what the association brings is said.
    of_any = {"StringLike": {"aws:RequestTag/kubernetes-namespace": "*"}}
    loose = pods("sts:AssumeRole", "sts:TagSession", Condition=of_any)
    third = reviewed(role("cni", loose, loose), resource(kind, "a", None, association))
    assert rules(third) == {"pod-identity-tags-disabled", "service-account-role"}


def _new_role(principal: Json, *others: Json) -> Finding:
    """What is said of a new role that a principal may assume."""
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    review = reviewed(role("new", None, trust), *others)
    return next(f for f in review.findings if f.address == "aws_iam_role.new")


OWN, OTHER = "111122223333", "999999999999"
OF_OWN = resource("aws_iam_user", "there", *[{"arn": f"arn:aws:iam::{OWN}:user/there"}] * 2)


@pytest.mark.parametrize(
    ("principal", "level", "words"),
    [
        ({"AWS": f"arn:aws:iam::{OTHER}:root"}, "warning", f"by arn:aws:iam::{OTHER}:root"),
        ({"AWS": OTHER}, "warning", f"AWS account {OTHER}, which is another account"),
        ({"AWS": "AROAEXAMPLEID123456789"}, "warning", "which may be another account"),
        ({"AWS": [f"arn:aws:iam::{OWN}:role/a", OTHER]}, "warning", f"AWS account {OTHER}"),
        (
            {"AWS": OTHER, "Service": "ec2.amazonaws.com"},
            "warning",
            f"by AWS account {OTHER}, which is another account, and by ec2.amazonaws.com",
        ),
        ({"AWS": f"arn:aws:iam::{OWN}:role/ci"}, "note", f"arn:aws:iam::{OWN}:role/ci"),
        ({"AWS": OWN}, "note", f"AWS account {OWN}"),
        ({"Service": "ec2.amazonaws.com"}, "note", "ec2.amazonaws.com"),
        ({"AWS": "(known after apply: aws_iam_role.ci.arn)"}, "note", "aws_iam_role.ci.arn"),
    ],
)
def test_who_may_assume_a_new_role_is_named_and_another_account_is_a_warning(
    principal: Json, level: str, words: str
) -> None:
    finding = _new_role(principal, OF_OWN)
    assert (finding.rule, finding.level) == ("new-policy", level)
    assert words in finding.message


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("system:serviceaccount:default:app", "service account default/app"),
        ("system:serviceaccount:*:app", "any service account named app"),
        ("system:serviceaccount:default:*", "any service account in default"),
        ("system:serviceaccount:*:*", "any service account"),
        ("*", "any service account"),
        ("repo:org/app:ref", "subject repo:org/app:ref"),
        ("system:serviceaccount:a:b:c", "subject system:serviceaccount:a:b:c"),
    ],
)
def test_who_may_newly_assume_a_role_by_irsa_is_said_in_words(subject: str, words: str) -> None:
    like = {f"{OIDC}:sub": subject}
    limited = {"aws:SourceIp": "10.0.0.0/8"}
    for conditions, end in (
        ({"StringEquals": AUD, "StringLike": like}, ""),
        ({"StringLike": like}, ", with a token for any audience"),
        ({"StringLike": {**like, f"{OIDC}:aud": "*"}}, ", with a token for any audience"),
        (
            {"StringEquals": AUD, "StringLike": like, "IpAddress": limited},
            " if aws:SourceIp IpAddress '10.0.0.0/8'",
        ),
        (
            {"StringEquals": AUD, "StringLike": like, "StringNotEquals": {f"{OIDC}:sub": "x"}},
            f" if {OIDC}:sub StringNotEquals 'x'",
        ),
    ):
        findings = reviewed(role("r", NODES, irsa(**conditions))).findings
        (message,) = (f.message for f in findings if f.rule == "trust-widened")
        assert message.removesuffix(" (was ec2.amazonaws.com)") == (
            f"aws_iam_role.r can now be assumed by {words} of {OIDC}{end}"
        )


def test_a_star_that_is_compared_letter_by_letter_is_no_wildcard() -> None:
    literal = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:app"})
    findings = reviewed(role("r", NODES, literal)).findings
    (message,) = (f.message for f in findings if f.rule == "trust-widened")
    assert f"assumed by subject system:serviceaccount:*:app of {OIDC}" in message


def test_a_new_role_that_nobody_can_assume_is_a_note() -> None:
    statement = {"Action": "sts:AssumeRole", "Principal": {"AWS": OTHER}}
    trust = document({"Effect": "Allow", **statement}, {"Effect": "Deny", **statement})
    (finding,) = reviewed(role("new", None, trust), OF_OWN).findings
    assert (finding.rule, finding.level) == ("new-policy", "note")
    assert "allows nothing" in finding.message


def test_a_role_that_only_gets_another_key_is_a_note() -> None:
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": OTHER}})
    keys = [
        role("r", *sides, address=f'aws_iam_role.r["{key}"]')
        for key, sides in (("a", (trust, None)), ("b", (None, trust)))
    ]
    assert {f.level for f in reviewed(OF_OWN, *keys).findings} == {"note"}


def test_an_account_that_may_be_another_one_is_a_warning() -> None:
    assert _new_role({"AWS": OWN}).level == "warning"
    assert _new_role({"Service": "ec2.amazonaws.com"}).level == "note"


def test_an_example_of_a_subject_is_none_that_a_deny_takes_away() -> None:
    anybody = {**AUD, f"{OIDC}:sub": "system:serviceaccount:*:*"}
    default = {f"{OIDC}:sub": "system:serviceaccount:default:*"}
    opened = json.loads(irsa(StringLike=anybody))
    denied = json.loads(irsa(StringLike=default))["Statement"]
    opened["Statement"] += [{**statement, "Effect": "Deny"} for statement in denied]
    review = reviewed(role("cni", GOOD, json.dumps(opened)))
    (finding,) = (f for f in review.findings if f.rule == "trust-widened")
    assert "example: " in " ".join(finding.details)
    assert "serviceaccount:default" not in " ".join(d for d in finding.details if "example" in d)


def test_each_condition_on_the_audience_is_looked_at() -> None:
    both = irsa(StringEquals={**SUB, **AUD}, StringLike={f"{OIDC}:aud": "vault*"})
    assert "irsa-other-audience" in rules(reviewed(role("cni", GOOD, both)))


def test_who_may_assume_a_role_is_said_beside_a_deny() -> None:
    denied = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"}
    denied["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    opened = json.loads(irsa(StringEquals=AUD))
    opened["Statement"].insert(0, denied)
    review = reviewed(role("cni", GOOD, json.dumps(opened)))
    (finding,) = (f for f in review.findings if f.rule == "trust-widened")
    assert f"can now be assumed by any service account of {OIDC}" in finding.message
