"""Who has permissions in a cluster."""

from typing import Any

import pytest

from eks import arn_of
from synthetic import Json, block, configured, found, refers, resource
from vpc_cni_iam.review.rules import Rule

ENTRY, POLICY = "aws_eks_access_entry", "aws_eks_access_policy_association"
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
BASE = {"cluster_name": "prod", "principal_arn": arn_of("ci")}


def entry(before: Json | None, after: Json | None, name: str = "e", **more: Any) -> Json:
    sides = (None if side is None else {**BASE, **side} for side in (before, after))
    return resource(ENTRY, name, *sides, **more)


def policy(before: Json | None, after: Json | None, name: str = "a", **more: Any) -> Json:
    sides = (None if side is None else {**BASE, **side} for side in (before, after))
    return resource(POLICY, name, *sides, **more)


def scope(*namespaces: str) -> Json:
    kind = "namespace" if namespaces else "cluster"
    return {"access_scope": [{"type": kind, "namespaces": [*namespaces]}]}


WHOLE = {"access_scope": [{"type": "cluster", "namespaces": ["a"]}]}


def levels_of(*changes: Json, **more: Any) -> list[tuple[Rule, str]]:
    return [(f.rule, str(f.level)) for f in found(*changes, **more)]


GAINED = Rule.CLUSTER_ACCESS


@pytest.mark.parametrize(
    ("change", "level"),
    [
        (policy(None, {"policy_arn": ADMIN}), "error"),
        (policy(None, {"policy_arn": VIEW}), "warning"),
        (policy({"policy_arn": VIEW}, {"policy_arn": ADMIN}), "error"),
        (policy({"policy_arn": VIEW, **scope("a")}, {"policy_arn": VIEW, **scope()}), "warning"),
        (policy({"policy_arn": VIEW, **scope()}, {"policy_arn": VIEW, **scope("a")}), "note"),
        (policy({"policy_arn": VIEW}, {"policy_arn": VIEW, "tags": {}}), None),
        # The scope of a whole cluster has no namespaces, whatever it lists.
        (policy({"policy_arn": VIEW, **scope("a")}, {"policy_arn": VIEW, **WHOLE}), "warning"),
        (entry(None, {}), None),
        (entry(None, {"kubernetes_groups": ["ops"]}), "warning"),
        (entry({"kubernetes_groups": ["ops", "dev"]}, {"kubernetes_groups": ["dev"]}), "note"),
        (entry(None, {"type": "EC2_LINUX"}), "warning"),
        (entry(None, {"type": "EC2"}), "warning"),  # nodes of Auto Mode
        (entry({}, {"user_name": "owner"}), "warning"),
    ],
)
def test_who_gets_permissions_in_a_cluster(change: Json, level: str | None) -> None:
    assert levels_of(change) == ([(GAINED, level)] if level else [])


def test_what_the_provider_computes_is_nothing_that_a_principal_gets() -> None:
    later = {"after_unknown": {"kubernetes_groups": True, "user_name": True}}
    configuration = configured(block(f"{ENTRY}.e", principal_arn={}))
    assert levels_of(entry(None, {}, **later), configuration=configuration) == []
    configuration = configured(block(f"{ENTRY}.e", kubernetes_groups=refers("var.groups")))
    (finding,) = found(entry(None, {}, **later), configuration=configuration)
    assert (finding.rule, str(finding.level)) == (GAINED, "warning")
    assert "gets Kubernetes groups known after apply in cluster prod" in finding.message


def test_a_principal_or_a_cluster_that_is_not_known_is_another_one() -> None:
    for argument in BASE:
        change = policy({"policy_arn": VIEW}, {"policy_arn": VIEW}, actions=["delete", "create"])
        del change["change"]["after"][argument]
        change["change"]["after_unknown"] = {argument: True}
        assert levels_of(change) == [(GAINED, "warning")]


@pytest.mark.parametrize(
    "change",
    [
        policy({"policy_arn": VIEW}, None),
        entry({"kubernetes_groups": ["ops"]}, None),
        entry({"kubernetes_groups": ["ops"]}, {"kubernetes_groups": []}),
        entry({"user_name": "owner"}, {}),
    ],
)
def test_who_loses_permissions_in_a_cluster(change: Json) -> None:
    assert levels_of(change) == [(Rule.ACCESS_REMOVED, "note")]


def test_nodes_without_their_access_entry_can_no_longer_join() -> None:
    goes = entry({"type": "EC2_LINUX"}, None)
    (finding,) = found(goes)
    assert (finding.rule, str(finding.level)) == (Rule.ACCESS_REMOVED, "warning")
    assert "can no longer join" in finding.message
    role = resource("aws_iam_role", "ci", {"name": "ci", "arn": arn_of("ci")}, None)
    cluster = resource("aws_eks_cluster", "c", {"name": "prod"}, None)
    renamed = resource(
        "aws_eks_cluster", "c", {"name": "prod"}, {"name": "new"}, actions=["delete", "create"]
    )
    for other in (role, cluster, renamed):
        assert (Rule.ACCESS_REMOVED, "note") in levels_of(goes, other)
