"""What a plan does to the identity of aws-node, and to the plugin as a whole."""

import json
from typing import Any

import pytest

from eks import (
    ISSUER,
    NODE_TRUST,
    POD_TRUST,
    addon,
    arn_of,
    association,
    irsa,
    node_group,
    own_role,
    same,
)
from found import context, found
from synthetic import Json, allow, document, resource
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.account.iam_resource import InPlan
from vpc_cni_iam.review.account.plugin.state import PluginIdentity
from vpc_cni_iam.review.report.sentences import say

CNI = dumps(managed_policy())
MORE = document(*json.loads(CNI)["Statement"], allow("s3:GetObject", "arn:aws:s3:::example/*"))
FEWER = document(allow("ec2:DescribeTags"))
ALL = document(allow("*"))
VERSION = {"addon_version": "v1.23.2-eksbuild.1"}
LOST, CHANGED, REMOVED = "plugin-identity-lost", "plugin-identity-changed", "plugin-removed"
ASSOCIATION = "aws_eks_pod_identity_association"
UNSHOWN = arn_of("elsewhere")


def of_role(name: str, **more: Any) -> Json:
    return {**VERSION, "service_account_role_arn": arn_of(name), **more}


def levels(*changes: Json, **more: Any) -> dict[str, str]:
    """The level of each rule about the identity of aws-node, or its removal."""
    rules = (LOST, CHANGED, REMOVED)
    return {str(f.rule): str(f.level) for f in found(*changes, **more) if f.rule in rules}


def messages(*changes: Json, **more: Any) -> list[str]:
    return [say(f).message for f in found(*changes, **more) if f.rule in (LOST, CHANGED, REMOVED)]


def after(*changes: Json, **more: Any) -> PluginIdentity:
    (plugin,) = context(*changes, **more).plugins
    return plugin.after.identity


@pytest.mark.parametrize(
    ("policies", "level"),
    [((CNI, CNI), "note"), ((MORE, CNI), "note"), ((CNI, MORE), "error"), ((CNI, ALL), "error")],
)
@pytest.mark.parametrize("way", [Identity.irsa, Identity.pod_identity])
def test_another_role_is_an_error_only_where_it_allows_more(
    way: Identity, policies: tuple[str, str], level: str
) -> None:
    trust = irsa() if way is Identity.irsa else POD_TRUST
    roles = [r for n, p in zip("ab", policies, strict=True) for r in own_role(n, trust, p)]
    change = addon(of_role("a"), of_role("b")) if way is Identity.irsa else association("a", "b")
    assert levels(change, *roles) == {CHANGED: level}
    (finding,) = (f for f in found(change, *roles) if f.rule == CHANGED)
    words = say(finding)
    assert "aws_iam_role.a" in words.message and "aws_iam_role.b" in words.message
    assert bool(words.fix) == (level == "error")
    assert ("new-access" in finding.means) == (level == "error")


def test_more_access_is_said_by_its_scope_before_an_example() -> None:
    more = document(*json.loads(MORE)["Statement"], allow("iam:PassRole", UNSHOWN))
    roles = (*own_role("a", irsa(), CNI), *own_role("b", irsa(), more))
    (finding,) = (f for f in found(addon(of_role("a"), of_role("b")), *roles) if f.rule == CHANGED)
    words = say(finding)
    assert words.message.endswith(f"and can now call iam:PassRole on {UNSHOWN}")
    assert words.details[:2] == (
        "also: call s3:GetObject on arn:aws:s3:::example/*",
        "beyond the plugin's needs: iam:PassRole, s3:GetObject",
    )
    assert words.details[2].startswith("example: iam:PassRole")


@pytest.mark.parametrize("hidden", ["policy", "session"])
def test_an_example_tells_no_secret(hidden: str) -> None:
    secret = "arn:aws:s3:::correct-horse-battery/*"
    more = document(*json.loads(CNI)["Statement"], allow("s3:GetObject", secret))
    roles = (*own_role("a", POD_TRUST, CNI), *own_role("b", POD_TRUST, more))
    holder = resource("aws_iam_user", "u", None, {"name": secret}, after_sensitive={"name": True})
    change = association("a", "b")
    if hidden == "session":
        change["change"]["after"] |= {"policy": more}
    (finding,) = (f for f in found(change, holder, *roles) if f.rule == CHANGED)
    assert finding.level == "error"
    assert "correct-horse" not in str(say(finding))


def test_a_role_that_the_plan_does_not_show_is_a_warning() -> None:
    change = addon(of_role("a"), {**VERSION, "service_account_role_arn": UNSHOWN})
    assert levels(change, *own_role("a", irsa(), CNI)) == {CHANGED: "warning"}
    back = addon({**VERSION, "service_account_role_arn": UNSHOWN}, of_role("a"))
    assert levels(back, *own_role("a", irsa(), CNI)) == {CHANGED: "warning"}
    # Whatever it had, the new role can do anything.
    assert levels(back, *own_role("a", irsa(), ALL)) == {CHANGED: "error"}


def test_roles_that_are_not_known_are_not_the_same() -> None:
    later = {"after_unknown": {"service_account_role_arn": True}}
    change = addon(of_role("a"), VERSION, **later)
    assert levels(change, *own_role("a", irsa(), CNI)) == {CHANGED: "warning"}
    hidden = {f"{side}_sensitive": {"service_account_role_arn": True} for side in SIDES}
    same_secret = addon(of_role("hidden-a"), of_role("hidden-a", tags={"a": "b"}), **hidden)
    assert levels(same_secret) == {}
    others = addon(of_role("hidden-a"), of_role("hidden-b"), **hidden)
    assert levels(others) == {CHANGED: "warning"}
    assert not any("hidden" in message for message in messages(others))


SIDES = ("before", "after")


def test_moving_to_a_role_of_its_own_is_a_note() -> None:
    """Pods then no longer need what the role of nodes allows."""
    nodes = own_role("nodes", NODE_TRUST, MORE)
    moves = addon(VERSION, of_role("cni"))
    plan = (node_group("nodes", "nodes"), moves, *nodes, *own_role("cni", irsa(), CNI))
    assert levels(*plan) == {CHANGED: "note"}
    assert (
        "from the node role (aws_iam_role.nodes) to IRSA (aws_iam_role.cni)" in messages(*plan)[0]
    )


def test_a_role_of_nodes_that_changes_is_said_of_the_nodes() -> None:
    roles = (*own_role("a", NODE_TRUST, CNI), *own_role("b", NODE_TRUST, MORE))
    assert levels(addon(VERSION, VERSION), node_group("a", "b"), *roles) == {}


def test_an_identity_that_nothing_names_after_the_plan_is_lost() -> None:
    role = own_role("cni", irsa(), CNI)
    assert levels(addon(of_role("cni"), VERSION), *role) == {LOST: "error"}
    # Where the plan shows nodes, aws-node has their role.
    nodes = (node_group("n", "n"), *own_role("n", NODE_TRUST, CNI))
    assert levels(addon(of_role("cni"), VERSION), *role, *nodes) == {CHANGED: "note"}


@pytest.mark.parametrize("first", ["cni", None])
def test_a_role_that_does_not_trust_aws_node_is_lost(first: str | None) -> None:
    roles = (*own_role("cni", irsa(), CNI), *own_role("b", POD_TRUST, CNI))
    before = of_role(first) if first else None
    assert levels(addon(before, of_role("b")), *roles) == {LOST: "error"}
    assert "trust policy does not allow IRSA" in messages(addon(before, of_role("b")), *roles)[0]


def test_a_trust_policy_for_a_provider_that_is_made_with_it_is_left_open() -> None:
    kind = "aws_iam_policy_document"
    statement = {
        "actions": ["sts:AssumeRoleWithWebIdentity"],
        "principals": [{"type": "Federated", "identifiers": [None]}],
    }
    unknown = {"json": True, "statement": [{"principals": [{"identifiers": [True]}]}]}
    values = {"statement": [statement]}
    trust = resource(kind, "d", None, values, address=f"data.{kind}.d", actions=["read"])
    trust["change"]["after_unknown"] = unknown
    made = resource(
        "aws_iam_role", "cni", None, {"name": "cni"}, after_unknown={"assume_role_policy": True}
    )
    refers = {"assume_role_policy": {"references": [f"data.{kind}.d.json", f"data.{kind}.d"]}}
    blocks = [
        {"mode": "managed", "type": "aws_iam_role", "name": "cni", "expressions": refers},
        {"mode": "data", "type": kind, "name": "d", "expressions": {}},
    ]
    change = addon(VERSION, of_role("cni"))
    configuration = {"root_module": {"resources": blocks}}
    plan = (made, trust | {"mode": "data"}, change)
    assert LOST not in levels(*plan, configuration=configuration)


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


def test_without_the_agent_nobody_gets_credentials_of_an_association() -> None:
    agent = {"cluster_name": "prod", "addon_name": "eks-pod-identity-agent"}
    gone = resource("aws_eks_addon", "agent", agent, None)
    rest = (addon(VERSION, VERSION), association("cni", "cni"), *own_role("cni", POD_TRUST, CNI))
    assert levels(gone, *rest) == {LOST: "error"}
    assert "without the EKS Pod Identity Agent" in messages(gone, *rest)[0]
    left = resource("aws_eks_addon", "agent", {**agent, "preserve": True}, None)
    assert levels(left, *rest) == {}
    of_other = resource("aws_eks_addon", "agent", {**agent, "cluster_name": "other"}, None)
    assert levels(of_other, *rest) == {}
    by_token = (addon(of_role("cni"), of_role("cni")), *own_role("cni", irsa(), CNI))
    assert levels(gone, *by_token) == {}


def test_a_cluster_that_is_replaced_has_another_issuer() -> None:
    values = {"name": "prod", "identity": [{"oidc": [{"issuer": f"https://{ISSUER}"}]}]}
    later = {"actions": ["delete", "create"], "after_unknown": {"identity": True}}
    replaced = resource("aws_eks_cluster", "prod", values, {"name": "prod"}, **later)
    rest = (addon(of_role("cni"), of_role("cni")), *own_role("cni", irsa(), CNI))
    (finding,) = (f for f in found(replaced, *rest) if f.rule == LOST)
    assert (finding.level, finding.address) == ("error", "aws_iam_role.cni")
    assert levels(same("aws_eks_cluster", "prod", values), *rest) == {}


@pytest.mark.parametrize(
    ("before", "policy", "level"),
    [
        ({"policy": FEWER}, {"policy": CNI}, "error"),
        ({"policy": FEWER}, {}, "error"),
        ({"policy": CNI}, {"policy": FEWER}, "note"),
        ({}, {"policy": FEWER}, "note"),
    ],
)
def test_a_session_policy_is_part_of_the_identity(before: Json, policy: Json, level: str) -> None:
    change = association("cni", "cni")
    change["change"]["before"] |= before
    change["change"] |= {"after": {**change["change"]["after"], **policy}, "actions": ["update"]}
    assert levels(change, *own_role("cni", POD_TRUST, CNI)) == {CHANGED: level}


def test_a_target_role_is_the_one_that_counts() -> None:
    there = association("way", "way")
    for side in SIDES:
        there["change"][side] |= {"target_role_arn": arn_of("target")}
    roles = (*own_role("way", POD_TRUST), *own_role("target", POD_TRUST, CNI))
    identity = after(there, *roles)
    assert identity.roles == {InPlan("aws_iam_role.target")}
    assert identity.first_roles == {InPlan("aws_iam_role.way")}


def test_pod_identity_comes_before_irsa_and_irsa_before_the_role_of_nodes() -> None:
    installer, nodes = addon(of_role("a"), of_role("a")), node_group("c", "c")
    roles = [role for name in "abc" for role in own_role(name, irsa(), CNI)]
    assert after(association("b", "b"), installer, nodes, *roles).kind is Identity.pod_identity
    assert after(installer, nodes, *roles).kind is Identity.irsa
    assert after(nodes, *roles).kind is Identity.node_role
    assert after(addon(VERSION, VERSION)).kind is Identity.unknown
    others = association("b", "b")
    for side in SIDES:
        others["change"][side] |= {"service_account": "app"}
    assert after(others, nodes, *roles).kind is Identity.node_role


def test_an_add_on_may_make_the_association_itself() -> None:
    block = {"service_account": "aws-node", "role_arn": arn_of("a")}
    there = {**VERSION, "pod_identity_association": [block]}
    assert after(addon(there, there), *own_role("a", POD_TRUST, CNI)) == PluginIdentity(
        Identity.pod_identity,
        frozenset((InPlan("aws_iam_role.a"),)),
        addresses=("aws_eks_addon.vpc_cni",),
    )
    # Where the configuration does not set it, the provider computes it.
    computed = addon(VERSION, VERSION, after_unknown={"pod_identity_association": True})
    assert after(computed).kind is Identity.unknown


def in_region(change: Json, region: str, name: str) -> Json:
    key = "association_arn" if change["type"] == ASSOCIATION else "arn"
    for side in SIDES:
        values = change["change"][side]
        arn = f"arn:aws:eks:{region}:111122223333:x/{name}"
        change["change"][side] = values and {**values, key: arn}
    return change | {"address": f"{change['type']}.{name}", "name": name}


def test_clusters_of_one_name_in_two_regions_are_two() -> None:
    """The association of the one does not hide that the other loses its role."""
    there = in_region(association("good", "good"), "eu-west-1", "eu")
    loses = in_region(addon(of_role("old"), VERSION), "us-east-1", "us")
    plan = (there, loses, *own_role("good", POD_TRUST, CNI), *own_role("old", irsa(), CNI))
    assert {plugin.cluster for plugin in context(*plan).plugins} == {
        EksCluster("prod", "eu-west-1", "111122223333"),
        EksCluster("prod", "us-east-1", "111122223333"),
    }
    assert levels(*plan) == {LOST: "error"}


def test_an_add_on_that_moves_to_another_region_leaves_the_first() -> None:
    sides = (of_role("cni", region=region) for region in ("us-east-1", "eu-west-1"))
    moves = addon(*sides, actions=["delete", "create"])
    assert levels(moves, *own_role("cni", irsa(), CNI))[REMOVED] == "error"


def test_what_moves_to_another_cluster_leaves_the_first() -> None:
    moves = addon(of_role("cni"), of_role("cni", cluster_name="other"))
    role = own_role("cni", irsa(), CNI)
    assert levels(moves, *role)[REMOVED] == "error"
    by_pods = association("cni", "cni")
    by_pods["change"]["after"] = {**by_pods["change"]["after"], "cluster_name": "other"}
    by_pods["change"]["actions"] = ["delete", "create"]
    assert levels(by_pods, *own_role("cni", POD_TRUST, CNI))[LOST] == "error"


def test_a_name_that_is_known_after_apply_may_be_the_same() -> None:
    unknown = {"after_unknown": {"cluster_name": True}}
    change = addon(of_role("cni"), of_role("cni"), **unknown)
    del change["change"]["after"]["cluster_name"]
    assert levels(change, *own_role("cni", irsa(), CNI)) == {}


def test_a_plugin_that_is_removed_from_a_cluster_that_stays_is_an_error() -> None:
    role = own_role("cni", irsa(), CNI)
    assert levels(addon(of_role("cni"), None), *role) == {REMOVED: "error"}
    left = addon(of_role("cni", preserve=True), None)
    assert levels(left, *role) == {REMOVED: "warning"}
    gone = resource("aws_eks_cluster", "prod", {"name": "prod"}, None)
    assert levels(gone, addon(of_role("cni"), None), *role) == {}
    forgotten = addon(of_role("cni"), None, actions=["forget"])
    assert levels(forgotten, *role) == {}


@pytest.mark.parametrize(
    ("groups", "level", "words"),
    [
        ([(True, True)], "error", "new pods on aws_eks_node_group.n get no IP addresses"),
        ([], "warning", "other nodes, which the plan does not show"),
        ([(True, False)], "note", "the plan deletes the node groups"),
    ],
)
def test_nodes_of_auto_mode_need_no_plugin(
    groups: list[tuple[bool, bool]], level: str, words: str
) -> None:
    sides = ({"name": "prod", "compute_config": [{"enabled": is_on}]} for is_on in (False, True))
    cluster = resource("aws_eks_cluster", "prod", *sides)
    values = {"cluster_name": "prod", "node_role_arn": arn_of("nodes")}
    nodes = [
        resource("aws_eks_node_group", "n", *(values if there else None for there in pair))
        for pair in groups
    ]
    plan = (cluster, addon(of_role("cni"), None), *nodes, *own_role("cni", irsa(), CNI))
    assert levels(*plan) == {REMOVED: level}
    assert words in messages(*plan)[0]


def test_a_first_role_is_a_warning_unless_the_plugin_works_with_it() -> None:
    change = addon(VERSION, of_role("cni"))
    assert levels(change, *own_role("cni", irsa(), CNI)) == {CHANGED: "note"}
    assert levels(change, *own_role("cni", irsa(), FEWER)) == {CHANGED: "warning"}
    assert levels(change, *own_role("cni", irsa(), ALL)) == {CHANGED: "error"}
    unshown = addon(VERSION, {**VERSION, "service_account_role_arn": UNSHOWN})
    assert levels(unshown) == {CHANGED: "warning"}


def test_the_first_plugin_of_a_new_cluster_is_no_change() -> None:
    new = resource("aws_eks_cluster", "prod", None, {"name": "prod"})
    assert levels(new, addon(None, of_role("cni")), *own_role("cni", irsa(), CNI)) == {}


def test_an_eni_config_alone_is_nothing_about_the_plugin() -> None:
    manifest = {"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig"}
    change = resource("kubernetes_manifest", "eni", None, {"manifest": manifest})
    assert [f for f in found(change) if str(f.rule).startswith("plugin-")] == []
