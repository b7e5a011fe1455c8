"""aws-node loses its identity by a change of something else than its role.

The plans are put together by hand, in the form of the newest provider, which no engine here has.
"""

from typing import Any

import pytest

from eks import (
    ISSUER,
    POD_TRUST,
    addon,
    arn_of,
    association,
    irsa,
    own_role,
    provider,
    same,
)
from synthetic import Json, allow, document, resource, reviewed, rules
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Review

CNI = dumps(managed_policy())
VERSION = {"addon_version": "v1.21.2-eksbuild.1"}
IRSA = {**VERSION, "service_account_role_arn": arn_of("cni")}
LOST = "plugin-identity-lost"


def agent(**more: Any) -> Json:
    values = {"cluster_name": "prod", "addon_name": "eks-pod-identity-agent", **more}
    return resource("aws_eks_addon", "agent", values, None)


def levels(review: Review) -> dict[str, str]:
    return {f.rule: f.level for f in review.findings}


def test_the_agent_of_pod_identity_goes() -> None:
    rest = addon(VERSION, VERSION), *own_role("cni", POD_TRUST, CNI)
    pod_identity = association("cni", "cni")
    assert levels(reviewed(agent(), pod_identity, *rest)) == {LOST: "error"}
    assert rules(reviewed(agent(preserve=True), pod_identity, *rest)) == set()
    assert rules(reviewed(agent(), addon(IRSA, IRSA), *own_role("cni", irsa(), CNI))) == set()


def test_a_cluster_that_is_replaced_has_another_issuer() -> None:
    rest = addon(IRSA, IRSA), *own_role("cni", irsa(), CNI)
    values = {"name": "prod", "identity": [{"oidc": [{"issuer": f"https://{ISSUER}"}]}]}
    later = {"actions": ["delete", "create"], "after_unknown": {"identity": True}}
    replaced = resource("aws_eks_cluster", "prod", values, {"name": "prod"}, **later)
    assert levels(reviewed(replaced, *rest)) == {LOST: "error"}
    assert rules(reviewed(same("aws_eks_cluster", "prod", values), *rest)) == set()
    role = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    known_later = resource(
        "aws_iam_role",
        "cni",
        role,
        {"name": "cni", "arn": arn_of("cni")},
        after_unknown={"assume_role_policy": True},
    )
    assert LOST not in rules(reviewed(replaced, addon(IRSA, IRSA), known_later))


@pytest.mark.parametrize(
    ("after", "lost"), [({"path": "/eks/"}, True), ({"name": "new"}, True), ({"path": "/"}, False)]
)
def test_an_arn_of_a_role_that_is_replaced_is_none_of_a_role(after: Json, lost: bool) -> None:
    role = {"name": "cni", "path": "/", "assume_role_policy": irsa()}
    replaced = resource(
        "aws_iam_role",
        "cni",
        {**role, "arn": arn_of("cni")},
        {**role, **after},
        actions=["delete", "create"],
        after_unknown={"arn": True},
    )
    review = reviewed(replaced, addon(IRSA, IRSA))
    assert (LOST in rules(review)) == lost


def test_an_add_on_that_moves_to_another_cluster_is_removed_from_the_first() -> None:
    moved = addon(IRSA, {**IRSA, "cluster_name": "other"})
    review = reviewed(moved, *own_role("cni", irsa(), CNI))
    assert levels(review)["plugin-removed"] == "error"


def test_a_release_that_moves_to_another_namespace_is_said() -> None:
    sides = [{"chart": "aws-vpc-cni", "namespace": name} for name in ("kube-system", "other")]
    assert "plugin-configuration-changed" in rules(
        reviewed(resource("helm_release", "cni", *sides), fail_on="new-access")
    )


def test_a_provider_that_comes_lets_roles_that_trust_it_be_assumed() -> None:
    there = own_role("admin", irsa(), document(allow("*")))
    review = reviewed(provider(None, {}), *there, fail_on="new-access")
    assert (levels(review), review.failed) == ({"oidc-provider-changed": "warning"}, True)
    trust = {"name": "admin", "assume_role_policy": irsa()}
    comes = resource("aws_iam_role", "admin", None, trust)
    assert "oidc-provider-changed" not in rules(reviewed(provider(None, {}), comes))


def test_nodes_that_can_no_longer_join_are_said() -> None:
    values = {"cluster_name": "prod", "principal_arn": arn_of("nodes"), "type": "EC2_LINUX"}
    entry = resource("aws_eks_access_entry", "nodes", values, None)
    assert levels(reviewed(entry)) == {"access-removed": "warning"}
    role = resource("aws_iam_role", "nodes", {"name": "nodes", "arn": arn_of("nodes")}, None)
    cluster = resource("aws_eks_cluster", "prod", {"name": "prod"}, None)
    for also in (role, cluster):
        assert not reviewed(entry, also).failed


def test_a_strong_role_in_place_of_one_that_the_plan_does_not_show_is_an_error() -> None:
    sides = [{"name": "p", "role": name} for name in ("nodes", "admin")]
    change = resource("aws_iam_instance_profile", "p", *sides)
    review = reviewed(change, *own_role("admin", irsa(), document(allow("*"))))
    assert levels(review) == {"node-role-changed": "error"}
