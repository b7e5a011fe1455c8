"""The trust policies of aws-node's roles, by which it can or can no longer assume them."""

import json

import pytest

from eks import MANAGED, addon, arn_of, association, own_role
from synthetic import (
    Json,
    allow,
    attachment,
    document,
    inline,
    resource,
    reviewed,
    role,
    rules,
)
from trust_policies import AUD, BOTH, CNI, GOOD, NAMESPACE, OIDC, POD, SUB, irsa, of, pods
from vpc_cni_iam.review.report.shown import ShownReview

FOR_APP = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:default:app"})


LAMBDA, NODES = of("lambda"), of("ec2")


def _denying(trust: str, principal: Json | str, **condition: Json) -> str:
    """A trust policy that first denies somebody the role."""
    denied = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": principal}
    if condition:
        denied["Condition"] = condition
    return document(denied, *json.loads(trust)["Statement"])


_ROOT = {"AWS": "arn:aws:iam::111122223333:root"}
_ACCOUNT_TAG = "aws:RequestTag/kubernetes-service-account"
_OTHER_ACCOUNT = {"StringEquals": {**NAMESPACE["StringEquals"], _ACCOUNT_TAG: "other"}}
_OF_ACCOUNT = pods(*BOTH, StringEquals={"aws:SourceAccount": "444455556666"})
_FOR_OTHERS = pods(*BOTH, **_OTHER_ACCOUNT)


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (GOOD, FOR_APP, "error"),
        (GOOD, LAMBDA, "error"),
        (GOOD, document(), "error"),
        (GOOD, irsa(StringEquals={**SUB, f"{OIDC}:aud": "other"}), "error"),
        # The plugin of one cluster takes no place of that of another.
        (GOOD, GOOD.replace("EXAMPLE", "ELSEWHERE"), "error"),
        (GOOD, irsa(StringEquals=AUD, StringLike=SUB), None),
        (GOOD, POD, None),
        (POD, GOOD, None),
        (POD, LAMBDA, "error"),
        (NODES, LAMBDA, "error"),
        (NODES, POD, None),
        (LAMBDA, GOOD, None),
        (LAMBDA, FOR_APP, None),
        (POD, _denying(POD, "*"), "error"),
        (NODES, _denying(NODES, {"Service": "ec2.amazonaws.com"}), "error"),
        (POD, _FOR_OTHERS, "error"),
        (_denying(POD, _ROOT), _denying(LAMBDA, _ROOT), "error"),
        (POD, _denying(POD, _ROOT), None),
        (POD, _denying(POD, "*", StringNotEquals={_ACCOUNT_TAG: "aws-node"}), None),
        # No token has an account, and EKS Pod Identity has one that the plan does not name.
        (GOOD, irsa(StringEquals={**AUD, **SUB, "aws:SourceAccount": "111122223333"}), "error"),
        (
            GOOD,
            irsa(StringEquals={**AUD, **SUB}, IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
            "warning",
        ),
        (POD, POD.replace("kubernetes-namespace", "kubernetes-pod-name"), "warning"),
        (POD, _OF_ACCOUNT, None),
        # What is written so means nothing that is known.
        (GOOD, irsa(StringEquals={**AUD, **SUB}, StringFoo={"aws:x": "y"}), None),
        # Whether such a condition is met is not known.
        (POD, _denying(POD, "*", StringNotEquals={"aws:SourceAccount": "111122223333"}), None),
    ],
)
def test_a_role_that_the_plugin_can_no_longer_assume_is_lost(
    before: str, after: str, level: str | None
) -> None:
    there = inline(CNI, CNI, role="cni")
    review = reviewed(role("cni", before, after), there, fail_on="coverage-lost")
    assert review.failed is (level is not None)
    levels = {f.level for f in review.findings if f.rule == "coverage-lost"}
    assert levels == ({level} if level else set())
    # A role that has nothing to do with the plugin may trust whom it will.
    elsewhere = inline(*[document(allow("s3:A"))] * 2, role="cni")
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
        return pods(*BOTH, **{"StringEquals": tags})

    def review(before: str, after: str, *associations: Json) -> ShownReview:
        values = {"name": "cni", "arn": arn_of("cni")}
        sides = [{**values, "assume_role_policy": trust} for trust in (before, after)]
        change = resource("aws_iam_role", "cni", *sides)
        return reviewed(change, inline(CNI, CNI, role="cni"), *associations)

    of_stage = association("cni", "cni", address="aws_eks_pod_identity_association.stage")
    for side in ("before", "after"):
        of_stage["change"][side]["cluster_name"] = "stage"
    for cluster, lost in (("prod", False), ("stage", True)):
        of_prod = review(POD, only(cluster), association("cni", "cni"))
        assert ("coverage-lost" in rules(of_prod)) is lost
        assert "coverage-lost" not in rules(review(POD, only(cluster)))
        comes = review(only(cluster), only(cluster), association(None, "cni"))
        assert ("plugin-identity-lost" in rules(comes)) is lost
        of_both = review(POD, only(cluster), association("cni", "cni"), of_stage)
        (finding,) = (f for f in of_both.findings if f.rule == "coverage-lost")
        assert (finding.level, finding.address) == ("error", "aws_iam_role.cni")
        assert f"aws-node of cluster {'prod' if lost else 'stage'}" in finding.message


def test_a_trust_of_the_plugins_role_that_is_known_no_longer_may_be_lost() -> None:
    change = role("cni", GOOD, GOOD, after_unknown={"assume_role_policy": True})
    change["change"] |= {"actions": ["update"], "after": {"name": "cni"}}
    assert reviewed(change, fail_on="coverage-lost").failed


def test_a_plugin_whose_roles_trust_is_known_after_apply_is_not_said_to_work() -> None:
    """As with a new OIDC provider, to whose ARN the trust policy refers."""
    values = {"name": "cni", "arn": arn_of("cni")}
    there = attachment("cni", MANAGED)
    addon_of_role = {"service_account_role_arn": arn_of("cni")}
    change = resource("aws_iam_role", "cni", {**values, "assume_role_policy": GOOD}, values)
    change["change"] |= {"actions": ["update"], "after_unknown": {"assume_role_policy": True}}
    review = reviewed(change, there, addon(addon_of_role, addon_of_role), fail_on="coverage-lost")
    (plugin,) = review.plugins
    assert review.failed and plugin.answer.startswith("unknown with ")
    assert "whether the trust policy of aws_iam_role.cni trusts it" in plugin.answer


_OWN = "aws-node in prod cannot assume aws_iam_role.cni"
_BY_PODS = f"{_OWN}: its trust policy does not trust kube-system/aws-node through EKS Pod Identity"
_ASSOCIATION = "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/a-1"
_NO_PROVIDER = "names no OIDC provider of the role's account"
_LATER = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:aws-node"})


def test_an_association_without_session_tags_breaks_a_trust_that_requires_them() -> None:
    off = {"disable_session_tags": True}
    comes, goes = association("cni", "cni"), association("cni", "cni")
    comes["change"]["after"] |= off
    goes["change"]["before"] |= off
    own = [*own_role("cni", POD, document(allow("ec2:*")))]
    (lost,) = (f for f in reviewed(*own, comes).findings if f.rule == "plugin-identity-lost")
    assert (lost.level, lost.message) == ("error", _BY_PODS)
    (plugin,) = reviewed(*own, comes).plugins
    assert plugin.answer.endswith("its trust policy requires session tags, which are disabled")
    (plugin,) = reviewed(*own, goes).plugins
    assert plugin.answer.startswith("works with")


def test_nobody_can_newly_assume_a_role_with_the_provider_of_another_account() -> None:
    other = GOOD.replace("111122223333", "999988887777")
    policy = inline(*[document(allow("ec2:DescribeTags"))] * 2, role="cni")

    def review(before: str, after: str) -> ShownReview:
        change = role("cni", before, after)
        for side in ("before", "after"):
            change["change"][side]["arn"] = arn_of("cni")
        return reviewed(change, policy)

    lost = review(GOOD, other)
    assert lost.plugins[0].answer.endswith(_NO_PROVIDER)
    rules = {f.rule for f in lost.findings}
    assert "trust-widened" not in rules and "access-removed" in rules
    assert "trust-widened" in {f.rule for f in review(other, GOOD).findings}


@pytest.mark.parametrize(
    ("trust", "because"),
    [
        (pods("sts:AssumeRole", **NAMESPACE), "does not allow sts:TagSession"),
        (pods(*BOTH, ArnLike={"aws:SourceArn": _ASSOCIATION}), "does not trust aws-node"),
        (irsa(StringEquals={**SUB, f"{OIDC}:aud": "vault"}),
         "another audience than sts.amazonaws.com"),
        (GOOD.replace(f"{OIDC}:", f"{OIDC}OTHER:"), "names another issuer than the principal"),
        (_LATER, "another subject than system:serviceaccount:kube-system:aws-node"),
        (GOOD.replace("WithWebIdentity", ""), "does not allow sts:AssumeRoleWithWebIdentity"),
        (GOOD.replace(f"oidc-provider/{OIDC}", "saml-provider/s"), _NO_PROVIDER),
    ],
)  # fmt: skip
def test_the_answer_says_why_aws_node_cannot_assume_a_role(trust: str, because: str) -> None:
    def review(before: str | None, after: str) -> ShownReview:
        there = inline(*[document(allow("ec2:AssignPrivateIpAddresses"))] * 2, role="cni")
        return reviewed(role("cni", before, after), there)

    for before in (None, GOOD, POD):
        result = review(before, trust)
        (plugin,) = result.plugins
        assert plugin.answer.startswith("fails with"), before
        assert "it cannot assume aws_iam_role.cni, because " in plugin.answer
        assert plugin.answer.endswith(because)
        assert "error" in {f.level for f in result.findings if f.subject == "aws_iam_role.cni"}
    (plugin,) = review(trust, trust).plugins
    assert plugin.answer.startswith("fails as before with") and plugin.answer.endswith(because)


def test_a_role_of_other_pods_that_nobody_can_assume_has_no_answer() -> None:
    elsewhere = inline(*[document(allow("s3:A"))] * 2, role="r")
    assert not reviewed(role("r", None, pods("sts:AssumeRole")), elsewhere).plugins
