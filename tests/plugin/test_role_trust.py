"""Who may assume a role for a service account: trust policies, evaluated with real requests."""

from typing import Any

import pytest

from trusts import (
    ACCOUNT,
    BOTH,
    ISSUER,
    PODS,
    PROVIDER,
    ROLE,
    SUBJECT,
    allow,
    irsa,
    nodes,
    pods,
    trust,
)
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import STRANGER, Caller, RoleTrust, names_plugin

CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod"
PROD = EksCluster("prod", "eu-west-1")
DENY_ORGANIZATION = allow(
    "*", "sts:*", effect="Deny", StringNotEquals={"aws:PrincipalOrgID": "o-example"}
)
OF_PROD = pods(StringEquals={"aws:RequestTag/eks-cluster-name": "prod"})
FIRST = f"arn:aws:iam::{ACCOUNT}:role/first"


def role_trust(*statements: dict[str, Any]) -> RoleTrust:
    return RoleTrust(trust(*statements), ROLE)


def identities(*statements: dict[str, Any]) -> list[Identity]:
    return [caller.identity for caller in role_trust(*statements).callers()]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (pods(), Caller(Identity.pod_identity, PODS)),
        (nodes(), Caller(Identity.node_role, "ec2.amazonaws.com")),
        (irsa(), Caller(Identity.irsa, PROVIDER)),
        (irsa("system:serviceaccount:*:aws-node", "StringLike"), Caller(Identity.irsa, PROVIDER)),
    ],
)
def test_each_identity_is_known_by_its_own_request(
    statement: dict[str, Any], expected: Caller
) -> None:
    assert [*role_trust(statement).callers()] == [expected]
    assert expected.issuer == (ISSUER if expected.identity is Identity.irsa else "")


@pytest.mark.parametrize(
    "statement",
    [
        irsa("system:serviceaccount:kube-system:other"),
        # StringEquals takes the asterisk as it is.
        irsa("system:serviceaccount:*:aws-node"),
        allow({"Federated": PROVIDER}, "sts:AssumeRole"),
        allow({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole"),
        allow({"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/x"}, "sts:*"),
        allow({"AWS": ACCOUNT}, "sts:AssumeRole"),
        # Services and tokens are in no organization, and tokens have no source.
        pods(StringEquals={"aws:PrincipalOrgID": "o-example"}),
        {
            **irsa(),
            "Condition": {"StringEquals": {f"{ISSUER}:sub": SUBJECT, "aws:SourceAccount": ACCOUNT}},
        },
        # The token of one issuer never has the claims of another.
        {**irsa(), "Condition": {"StringEquals": {"example.com:sub": SUBJECT}}},
        pods(Bool={"aws:MultiFactorAuthPresent": "true"}),
        nodes(NumericLessThan={"aws:MultiFactorAuthAge": "3600"}),
        pods(StringEquals={"aws:SourceAccount": "444455556666"}),
        pods(StringEquals={"aws:RequestTag/kubernetes-service-account": "other"}),
        {**pods(), "Effect": "Deny"},
    ],
)
def test_what_never_matches_a_request_of_aws_node_gives_it_no_role(
    statement: dict[str, Any],
) -> None:
    assert identities(statement) == []


@pytest.mark.parametrize("statement", [pods(), nodes(), irsa()])
def test_a_deny_decides_and_what_a_request_may_have_counts_as_met(
    statement: dict[str, Any],
) -> None:
    address = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    limited = {**statement, "Condition": {**statement.get("Condition", {}), **address}}
    assert len(identities(limited)) == 1
    everyone = {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}
    assert identities(limited, everyone) == []
    assert len(identities(limited, {**everyone, "Condition": address})) == 1
    # A Deny on the organization stops tokens and services, which have none.
    assert identities(limited, DENY_ORGANIZATION) == []
    assert len(role_trust(limited, DENY_ORGANIZATION).meant_for()) == 1
    # So does one without MFA.
    no_mfa = {"aws:MultiFactorAuthPresent": "false"}
    assert identities(limited, allow("*", "sts:*", effect="Deny", BoolIfExists=no_mfa)) == []


def test_a_tag_of_a_session_that_is_not_known_counts_as_met() -> None:
    tagged = pods(StringLike={"aws:RequestTag/kubernetes-pod-name": "aws-node-*"})
    assert identities(tagged) == [Identity.pod_identity]


def test_another_service_account_is_let_in_only_where_none_is_named() -> None:
    named = pods(StringEquals={"aws:RequestTag/kubernetes-service-account": "aws-node"})
    for own in (named, irsa()):
        assert role_trust(own).callers(STRANGER) == {}
    assert len(role_trust(pods(), nodes()).callers(STRANGER)) == 2


OF_SOURCE = pods(ArnEquals={"aws:SourceArn": CLUSTER})
OF_ARN = pods(StringEquals={"aws:RequestTag/eks-cluster-arn": CLUSTER})
OF_ACCOUNT = pods(StringEquals={"aws:SourceAccount": "444455556666"})
ANY_SOURCE = pods(ArnLike={"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:cluster/*"})
WITHOUT_TAGS = allow({"Service": PODS}, "sts:AssumeRole")
OF_NAMESPACE = pods(StringEquals={"aws:RequestTag/kubernetes-namespace": "kube-system"})
OF_KEYS = pods(**{"ForAnyValue:StringEquals": {"aws:TagKeys": "eks-cluster-arn"}})
IN_US, PLACELESS = EksCluster("prod", "us-east-1"), EksCluster("prod")


@pytest.mark.parametrize(
    ("statements", "cluster", "tags", "expected"),
    [
        ([pods()], PROD, True, True),
        ([nodes()], PLACELESS, True, False),
        ([OF_SOURCE], PROD, True, True),
        ([OF_SOURCE], EksCluster("stage"), True, False),
        ([OF_SOURCE], IN_US, True, False),
        ([ANY_SOURCE], PROD, True, True),
        ([OF_PROD], PROD, True, True),
        ([OF_PROD], EksCluster("b"), True, False),
        ([OF_ARN], PLACELESS, True, True),
        ([OF_ACCOUNT], PLACELESS, True, False),
        # The name of the cluster, a key or a variable is not known.
        ([OF_PROD], EksCluster(), True, None),
        ([pods(IpAddress={"aws:SourceIp": "10.0.0.0/8"})], PLACELESS, True, None),
        (
            [pods(StringEquals={"aws:SourceAccount": "${aws:ResourceAccount}"})],
            PROD,
            True,
            None,
        ),
        ([pods(), allow("*", "sts:*", effect="Deny")], PLACELESS, True, False),
        # Sessions have tags only by sts:TagSession.
        ([WITHOUT_TAGS], PLACELESS, True, False),
        ([WITHOUT_TAGS], PLACELESS, False, True),
        ([OF_NAMESPACE], PLACELESS, True, True),
        ([OF_NAMESPACE], PLACELESS, False, False),
        ([OF_KEYS], PLACELESS, True, None),
        ([OF_KEYS], PLACELESS, False, False),
    ],
)
def test_whether_aws_node_of_a_cluster_can_assume_a_role(
    statements: list[dict[str, Any]], cluster: EksCluster, tags: bool, expected: bool | None
) -> None:
    of_role = role_trust(*statements)
    assert of_role.lets(Identity.pod_identity, cluster, tags=tags) is expected


@pytest.mark.parametrize(
    ("statements", "way", "expected"),
    [
        ([pods()], Identity.pod_identity, True),
        # EKS Pod Identity needs sts:TagSession; EC2 does not.
        ([WITHOUT_TAGS], Identity.pod_identity, False),
        ([nodes()], Identity.node_role, True),
        ([irsa()], Identity.irsa, True),
        ([irsa("system:serviceaccount:kube-system:other")], Identity.irsa, False),
        ([OF_PROD], Identity.pod_identity, True),  # in the cluster that it names
        ([OF_KEYS], Identity.pod_identity, None),
        ([pods(), allow("*", "sts:TagSession", effect="Deny")], Identity.pod_identity, False),
        ([allow("*", "sts:AssumeRoleWithWebIdentity")], Identity.irsa, None),
    ],
)
def test_who_can_assume_a_role_and_in_which_way_is_one_answer(
    statements: list[dict[str, Any]], way: Identity, expected: bool | None
) -> None:
    of_role = role_trust(*statements)
    assert of_role.ways()[way] is expected
    if not of_role.is_open:
        certain = {c.identity: certain for c, certain in of_role.callers().items()}
        assert certain.get(way) is {True: True, None: False, False: None}[expected]


def test_the_account_of_a_cluster_and_of_its_role_may_not_be_known() -> None:
    placeless = RoleTrust(trust(OF_ACCOUNT), "arn::iam:::")
    for account, expected in (("", None), (ACCOUNT, False)):
        cluster = EksCluster("prod", "eu-west-1", account)
        assert placeless.lets(Identity.pod_identity, cluster, tags=True) is expected


def test_the_cluster_of_a_target_role_is_in_the_account_of_the_first_role() -> None:
    first = FIRST.replace(ACCOUNT, "444455556666")
    for account, allowed in (("444455556666", True), (ACCOUNT, False)):
        arn = {"aws:RequestTag/eks-cluster-arn": CLUSTER.replace(ACCOUNT, account)}
        target = role_trust(allow({"AWS": first}, *BOTH, StringEquals=arn))
        assert target.lets_role(first, PROD, tags=True) is allowed


def test_a_policy_that_is_not_evaluated_is_refused() -> None:
    refused = {"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}, "Action": "sts:*"}
    with pytest.raises(InputError, match="NotPrincipal"):
        role_trust(refused).check()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (irsa(), True),
        (irsa("system:serviceaccount:*:aws-node", "StringLike"), True),
        (irsa("system:serviceaccount:kube-system:*", "StringLike"), False),
        (irsa("system:serviceaccount:default:app"), False),
        (pods(), False),
        (pods(StringEquals={"aws:RequestTag/kubernetes-service-account": "aws-node"}), True),
        (nodes(), False),
    ],
)
def test_a_trust_is_for_aws_node_if_others_are_not_let_in(
    statement: dict[str, Any], expected: bool
) -> None:
    assert names_plugin(trust(statement)) is expected
