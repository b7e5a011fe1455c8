"""Why aws-node can no longer have its role, and what removes the plugin from a cluster."""

from typing import Any

import pytest

from eks import (
    AGENT,
    CNI,
    ISSUER,
    NODE_TRUST,
    POD_TRUST,
    VERSION,
    addon,
    arn_of,
    association,
    irsa,
    node_group,
    own_role,
    same,
)
from plugin_setup import of_role
from synthetic import Json, found, resource, reviewed
from synthetic import levels as levels_of

LOST, CHANGED, REMOVED = "plugin-identity-lost", "plugin-identity-changed", "plugin-removed"
SIDES = ("before", "after")


def levels(*changes: Json, **more: Any) -> dict[str, str]:
    """The level of each rule about the identity of aws-node, or its removal."""
    rules = (LOST, CHANGED, REMOVED)
    return levels_of(f for f in found(*changes, **more) if f.rule in rules)


def messages(*changes: Json, **more: Any) -> list[str]:
    return [f.message for f in found(*changes, **more) if f.rule in (LOST, CHANGED, REMOVED)]


def test_a_node_role_that_aws_node_moves_to_and_instances_cannot_assume_is_lost() -> None:
    arn = {"name": "n", "arn": arn_of("n")}
    sides = [{**arn, "assume_role_policy": text} for text in (NODE_TRUST, POD_TRUST)]
    _, *policies = own_role("n", NODE_TRUST, CNI)
    nodes = (resource("aws_iam_role", "n", *sides), *policies, node_group("n", "n"))
    moves = addon(of_role("cni"), VERSION), *own_role("cni", irsa(), CNI)
    review = reviewed(*moves, *nodes, fail_on="coverage-lost")
    assert review.failed and review.plugins[0].verdict == "fails"
    assert levels(*moves, *nodes) == {LOST: "error", CHANGED: "note"}


@pytest.mark.parametrize(
    ("new", "is_lost"),
    [({"path": "/eks/"}, True), ({"name": "new"}, True), ({"path": "/"}, False), (None, True)],
)
def test_an_arn_that_is_none_of_a_role_after_the_plan_is_lost(new: Json, *, is_lost: bool) -> None:
    role = {"name": "cni", "path": "/", "assume_role_policy": irsa()}
    change = resource(
        "aws_iam_role",
        "cni",
        {**role, "arn": arn_of("cni")},
        None if new is None else {**role, **new},
        actions=["delete"] if new is None else ["delete", "create"],
        after_unknown={"arn": True} if new else {},
    )
    assert (LOST in levels(change, addon(of_role("cni"), of_role("cni")))) == is_lost


def test_a_deleted_role_with_a_sensitive_name_is_lost() -> None:
    marks = {f"{side}_sensitive": {"service_account_role_arn": True} for side in SIDES}
    there = addon(of_role("hidden"), of_role("hidden"), **marks)
    role = {"name": "hidden", "arn": arn_of("hidden"), "assume_role_policy": irsa()}
    gone = resource("aws_iam_role", "cni", role, None)
    assert levels(gone, there) == {LOST: "error"}
    assert "role/hidden" not in str(messages(gone, there))


def test_the_agent_gives_credentials_to_associations_of_its_cluster_alone() -> None:
    agent = AGENT["change"]["before"]
    gone = resource("aws_eks_addon", "agent", agent, None)
    by_pod = (addon(VERSION, VERSION), association("cni", "cni"), *own_role("cni", POD_TRUST, CNI))
    by_token = (addon(of_role("cni"), of_role("cni")), *own_role("cni", irsa(), CNI))
    assert levels(gone, *by_pod) == {LOST: "error"}
    assert levels(gone, *by_token) == {}
    of_other = resource("aws_eks_addon", "agent", {**agent, "cluster_name": "other"}, None)
    assert levels(of_other, *by_pod) == {}


def test_a_cluster_that_is_replaced_has_another_issuer() -> None:
    values = {"name": "prod", "identity": [{"oidc": [{"issuer": f"https://{ISSUER}"}]}]}
    later = {"actions": ["delete", "create"], "after_unknown": {"identity": True}}
    replaced = resource("aws_eks_cluster", "prod", values, {"name": "prod"}, **later)
    anew = {"actions": ["delete", "create"]}
    rest = (addon(of_role("cni"), of_role("cni"), **anew), *own_role("cni", irsa(), CNI))
    (finding,) = (f for f in found(replaced, *rest) if f.rule == LOST)
    assert (finding.level, finding.address) == ("error", "aws_iam_role.cni")
    assert levels(same("aws_eks_cluster", "prod", values), *rest) == {}


def paired(name: str) -> Json:
    """An add-on that makes its own association."""
    own = {"service_account": "aws-node", "role_arn": arn_of(name)}
    return {**VERSION, "pod_identity_association": [own]}


@pytest.mark.parametrize(
    ("change", "trusts", "way"),
    [
        (association("a", "b"), (POD_TRUST, irsa()), "EKS Pod Identity"),
        (association(None, "b"), (POD_TRUST, NODE_TRUST), "EKS Pod Identity"),
        (
            addon(paired("a"), paired("b")),
            (POD_TRUST, irsa()),
            "EKS Pod Identity",
        ),
        (addon(of_role("a"), of_role("b")), (irsa(), POD_TRUST), "IRSA"),
        (addon(None, of_role("b")), (irsa(), POD_TRUST), "IRSA"),
    ],
)
def test_an_identity_that_the_role_does_not_trust_is_lost(
    change: Json, trusts: tuple[str, str], way: str
) -> None:
    pairs = zip("ab", trusts, strict=True)
    roles = [item for name, trust in pairs for item in own_role(name, trust, CNI)]
    (finding,) = (f for f in reviewed(AGENT, change, *roles).findings if f.level != "note")
    assert (finding.rule, finding.level, finding.address) == (LOST, "error", change["address"])
    assert "cannot assume aws_iam_role.b" in finding.message and finding.fix
    assert f"does not trust kube-system/aws-node through {way}" in finding.message


def test_an_identity_is_lost_whether_or_not_the_configuration_is_read() -> None:
    sides = (of_role("cni", configuration_values="{}"), {**VERSION, "configuration_values": "- 1"})
    assert levels(addon(*sides), *own_role("cni", irsa(), CNI)) == {LOST: "error"}


def test_other_clusters_are_judged_beside_one_that_loses_the_plugin() -> None:
    moves = addon(of_role("a", cluster_name="z"), of_role("b", cluster_name="z"))
    moves |= {"address": "aws_eks_addon.z"}
    roles = [item for name in ("cni", "a") for item in own_role(name, irsa(), CNI)]
    review = reviewed(addon(of_role("cni"), None), moves, *roles, *own_role("b", irsa()))
    assert {(f.rule, f.address) for f in review.findings if f.level == "error"} == {
        (REMOVED, "aws_eks_addon.vpc_cni"),
        ("plugin-permission-missing", "aws_iam_role.b"),
    }


CHART = {"chart": "aws-vpc-cni", "version": "1.23.2"}


@pytest.mark.parametrize(
    "forgotten",
    [
        addon(of_role("cni"), None),
        resource("helm_release", "cni", CHART, None),
        association("cni", None),
        resource("aws_eks_cluster", "prod", {"name": "prod"}, None),
    ],
    ids=lambda change: change["type"],
)
def test_what_a_plan_only_forgets_stays(forgotten: Json) -> None:
    """By a block `removed` with `destroy = false`, as where it moves to another configuration."""
    forgotten = {**forgotten, "change": {**forgotten["change"], "actions": ["forget"]}}
    trust = irsa() if forgotten["type"] in ("aws_eks_addon", "helm_release") else POD_TRUST
    others = [association("cni", "cni")] if forgotten["type"] == "aws_eks_cluster" else []
    review = reviewed(forgotten, *others, *own_role("cni", trust, CNI))
    assert not review.findings
    plugin = review.plugins[0]
    assert (plugin.version_before, plugin.roles_before) == (
        plugin.version_after,
        plugin.roles_after,
    )


def test_a_role_of_which_an_older_object_is_left_stays_the_plugins() -> None:
    """Terraform deletes what a failed replacement with create_before_destroy has left."""
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    left = resource("aws_iam_role", "cni", values, None, deposed="abcd1234")
    plan = (*own_role("cni", irsa(), CNI), addon(of_role("cni"), of_role("cni")), left)
    assert levels(*plan) == {}
    assert reviewed(*plan).plugins[0].verdict == "works"
