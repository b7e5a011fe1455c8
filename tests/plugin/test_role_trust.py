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
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import STRANGER, Caller, RoleTrust, names_plugin, naming

CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod"
PROD = EksCluster("prod", "eu-west-1")
DENY_ORGANIZATION = allow(
    "*", "sts:*", effect="Deny", StringNotEquals={"aws:PrincipalOrgID": "o-example"}
)
OF_PROD = pods(StringEquals={"aws:RequestTag/eks-cluster-name": "prod"})
FIRST = f"arn:aws:iam::{ACCOUNT}:role/first"


def role_trust(*statements: dict[str, Any]) -> RoleTrust:
    return RoleTrust(trust(*statements), ROLE)


def lets_pods(trust: RoleTrust, cluster: EksCluster = ANY_CLUSTER, *, tags: bool) -> bool:
    return trust.lets(Identity.pod_identity, cluster, tags=tags) is not False


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
    assert len(role_trust(limited, DENY_ORGANIZATION).callers(lenient=True)) == 1
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


@pytest.mark.parametrize(
    ("conditions", "cluster", "allowed"),
    [
        ({}, PROD, True),
        ({"ArnEquals": {"aws:SourceArn": CLUSTER}}, PROD, True),
        ({"ArnEquals": {"aws:SourceArn": CLUSTER}}, EksCluster("stage"), False),
        ({"ArnEquals": {"aws:SourceArn": CLUSTER}}, EksCluster("prod", "us-east-1"), False),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:cluster/*"}}, PROD, True),
        ({"StringEquals": {"aws:RequestTag/eks-cluster-name": "prod"}}, PROD, True),
        ({"StringEquals": {"aws:RequestTag/eks-cluster-name": "prod"}}, EksCluster("x"), False),
        ({"StringEquals": {"aws:RequestTag/eks-cluster-arn": CLUSTER}}, EksCluster("prod"), True),
        # A variable of which the value is not known.
        ({"StringEquals": {"aws:SourceAccount": "${aws:ResourceAccount}"}}, PROD, True),
    ],
)
def test_eks_pod_identity_asks_for_the_pods_of_a_cluster(
    conditions: dict[str, Any], cluster: EksCluster, allowed: bool
) -> None:
    assert lets_pods(role_trust(pods(**conditions)), cluster, tags=True) is allowed


def test_sessions_have_tags_only_by_sts_tag_session() -> None:
    untagged = role_trust(allow({"Service": PODS}, "sts:AssumeRole"))
    assert not lets_pods(untagged, tags=True) and lets_pods(untagged, tags=False)
    asking = pods(StringEquals={"aws:RequestTag/kubernetes-namespace": "kube-system"})
    assert lets_pods(role_trust(asking), tags=True) and not lets_pods(
        role_trust(asking), tags=False
    )
    keys = pods(**{"ForAnyValue:StringEquals": {"aws:TagKeys": "eks-cluster-arn"}})
    assert lets_pods(role_trust(keys), tags=True) and not lets_pods(role_trust(keys), tags=False)


def test_a_role_assumes_another_for_a_cluster() -> None:
    named = role_trust(allow({"AWS": FIRST}, "sts:AssumeRole", "sts:TagSession"))
    assert named.lets_role(FIRST, PROD, tags=True)
    assert not named.lets_role(f"{FIRST}-other", PROD, tags=True)
    of_account = role_trust(
        allow({"AWS": ACCOUNT}, "sts:*", StringEquals={"aws:PrincipalAccount": ACCOUNT})
    )
    assert of_account.lets_role(FIRST, PROD, tags=True)
    assert naming(named.policy, FIRST) == named.policy
    assert naming(of_account.policy, FIRST).statements == ()


@pytest.mark.parametrize(
    ("conditions", "is_open"),
    [
        ({}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-example"}}, False),
        ({"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:a:b"}}, False),
    ],
)
def test_the_principal_of_everyone_may_be_a_giver_of_credentials(
    conditions: dict[str, Any], is_open: bool
) -> None:
    assert role_trust(allow("*", "sts:*", **conditions)).is_open is is_open
    assert not role_trust(allow({"AWS": ACCOUNT}, "sts:*", **conditions)).is_open
    everyone = allow("*", "sts:*", effect="Deny")
    assert not role_trust(allow("*", "sts:*", **conditions), everyone).is_open


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
    ("statements", "cluster", "expected"),
    [
        ([pods()], EksCluster("prod"), True),
        ([nodes()], EksCluster("prod"), False),
        ([OF_PROD], EksCluster("prod"), True),
        ([OF_PROD], EksCluster("b"), False),
        ([OF_PROD], EksCluster(), None),
        # The account of a cluster may not be known.
        ([pods(StringEquals={"aws:SourceAccount": "444455556666"})], EksCluster("prod"), None),
        ([pods(StringEquals={"aws:SourceAccount": "444455556666"})],
         EksCluster("prod", "eu-west-1", "111122223333"), False),
        ([allow({"Service": PODS}, "sts:AssumeRole")], EksCluster("prod"), False),
        ([pods(), allow("*", "sts:*", effect="Deny")], EksCluster("prod"), False),
        ([pods(IpAddress={"aws:SourceIp": "10.0.0.0/8"})], EksCluster("prod"), None),
    ],
)  # fmt: skip
def test_whether_aws_node_of_a_cluster_can_assume_a_role_may_be_open(
    statements: list[dict[str, Any]], cluster: EksCluster, expected: bool | None
) -> None:
    of_role = RoleTrust(trust(*statements), "arn::iam:::")
    assert of_role.lets(Identity.pod_identity, cluster, tags=True) is expected


def test_without_session_tags_a_trust_that_asks_for_none_is_enough() -> None:
    of_role = RoleTrust(trust(allow({"Service": PODS}, "sts:AssumeRole")), ROLE)
    assert of_role.lets(Identity.pod_identity, EksCluster("prod"), tags=False) is True
    by_tag = RoleTrust(trust(pods(StringEquals={"aws:RequestTag/kubernetes-namespace": "x"})), ROLE)
    assert by_tag.lets(Identity.pod_identity, EksCluster("prod"), tags=False) is False


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
