"""In which cluster aws-node runs, and policies that name another cluster, VPC or Region."""

import json
from typing import Any

import pytest

from eks import (
    CNI,
    NODE_TRUST,
    OF_NODES,
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
from plugin_setup import V1_23, annotated, release, scoped
from synthetic import (
    Json,
    allow,
    block,
    configured,
    context,
    document,
    inline,
    levels,
    refers,
    resource,
    reviewed,
)
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.inputs.plan.account.iam_resource import InPlan
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.report.shown import ShownFinding

OWN, OTHER = "vpc-0123456789abcdef0", "vpc-0fedcba9876543210"
CLUSTER, ASSOCIATION = "aws_eks_cluster", "aws_eks_pod_identity_association"
SIDES = ("before", "after")
LOST, ASSIGN = "plugin-identity-lost", "ec2:AssignPrivateIpAddresses"


def cluster(name: str = "prod", **values: Any) -> Json:
    return same(CLUSTER, name, {"name": name, **values})


def family(mode: str) -> Json:
    return {"kubernetes_network_config": [{"ip_family": mode}]}


def clusters(*changes: Json, **more: Any) -> set[str]:
    """The clusters of a plan: by address, or else by what is known of them."""
    return {
        p.address or " ".join(filter(None, (p.cluster.name, p.cluster.region, p.cluster.account)))
        for p in context(*changes, **more).plugins
    }


# Which cluster it is.


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["prod"], f"{CLUSTER}.c0"),
        (["other"], "prod"),
        (["other", "prod"], f"{CLUSTER}.c1"),
        (["prod", "prod"], "prod"),
        ([], "prod"),
    ],
)
def test_a_cluster_is_found_by_its_name(names: list[str], expected: str) -> None:
    made = [same(CLUSTER, f"c{number}", {"name": name}) for number, name in enumerate(names)]
    other_type = same("aws_iam_role", "prod", {"name": "prod"})
    assert clusters(association("a", "b"), *made, other_type) == {expected}


def in_place(change: Json, name: str, place: Json) -> Json:
    """The same under another name, with the arguments that say where it is."""
    for side in SIDES:
        values = change["change"][side]
        change["change"][side] = values and {**values, **place}
    return change | {"address": f"{change['type']}.{name}", "name": name}


@pytest.mark.parametrize("by_argument", [True, False])
@pytest.mark.parametrize("with_cluster", [True, False])
def test_clusters_of_one_name_in_two_regions_are_two(
    *, by_argument: bool, with_cluster: bool
) -> None:
    """The association of the one does not hide that the other loses its role.

    Newer providers have the Region as an argument, older ones an ARN that says it.
    """

    def place(region: str, key: str = "arn") -> Json:
        arn = f"arn:aws:eks:{region}:111122223333:x/prod"
        return {"region": region} if by_argument else {key: arn}

    there = in_place(association("a", "a"), "eu", place("eu-west-1", "association_arn"))
    loses = in_place(addon(V1_23, VERSION), "us", place("us-east-1"))
    own = [in_place(cluster(), "prod", place("eu-west-1"))] if with_cluster else []
    plan = (there, loses, *own, *own_role("a", POD_TRUST, CNI), *own_role("cni", irsa(), CNI))
    eu = f"{CLUSTER}.prod" if own else "prod eu-west-1 111122223333"
    assert clusters(*plan) == {"prod us-east-1 111122223333", eu}
    assert levels(reviewed(*plan))[LOST] == "error"


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("with_clusters", [True, False])
def test_clusters_of_one_name_in_two_accounts_are_two(*, is_new: bool, with_clusters: bool) -> None:
    """The account is that of the ARN; of what is created, that of its provider's roles."""
    accounts = {"one": "111111111111", "two": "222222222222"}
    changes, blocks = [], []
    for name, account in accounts.items():
        eks = f"arn:aws:eks:us-east-1:{account}"
        arn = arn_of(name, account)
        own = association(None if is_new else name, name)
        own["change"]["after"]["role_arn"] = arn
        if not is_new:
            own = in_place(own, name, {"association_arn": f"{eks}:podidentityassociation/prod/a"})
        role = {"name": name, "arn": arn, "assume_role_policy": POD_TRUST}
        mine = [in_place(own, name, {}), same("aws_iam_role", name, role)]
        if with_clusters:
            mine.append(same(CLUSTER, name, {"name": "prod", "arn": f"{eks}:cluster/prod"}))
        changes += mine
        blocks += [block(f"{c['type']}.{name}", provider=f"aws.{name}") for c in mine]
    plugins = context(*changes, configuration=configured(*blocks)).plugins
    assert {(p.address, p.cluster.account, *p.after.identity.roles) for p in plugins} == {
        (f"{CLUSTER}.{name}" if with_clusters else "", account, InPlan(f"aws_iam_role.{name}"))
        for name, account in accounts.items()
    }


@pytest.mark.parametrize("passes_on", ["aws_eks_addon.vpc_cni", "aws_eks_node_group.n"])
def test_a_name_that_another_resource_passes_on_is_that_of_the_cluster(passes_on: str) -> None:
    plan = (addon(VERSION, VERSION), association("a", "a"), node_group("a", "a"))
    configuration = configured(
        *(block("aws_eks_addon.vpc_cni"), block("aws_eks_node_group.n")),
        block(f"{ASSOCIATION}.aws_node", cluster_name=refers(f"{passes_on}.cluster_name")),
    )
    (plugin,) = context(*plan, configuration=configuration).plugins
    assert (plugin.cluster.name, plugin.after.identity.kind) == ("prod", Identity.pod_identity)


def test_a_cluster_whose_name_is_known_after_apply_is_the_one_that_is_referred_to() -> None:
    there = association(None, "a", after_unknown={"cluster_name": True})
    del there["change"]["after"]["cluster_name"]
    made = [
        resource(CLUSTER, name, None, family("ipv6"), after_unknown={"name": True})
        for name in ("other", "prod")
    ]
    configuration = configured(
        *(block(f"{CLUSTER}.{name}") for name in ("other", "prod")),
        block(f"{ASSOCIATION}.aws_node", cluster_name=refers(f"{CLUSTER}.prod.name")),
    )
    plan = (*made, there, *own_role("a", POD_TRUST, CNI))
    (plugin,) = context(*plan, configuration=configuration).plugins
    assert (plugin.address, plugin.after.mode) == (f"{CLUSTER}.prod", "ipv6")
    review = reviewed(*plan, configuration=configuration)
    (missing,) = (f for f in review.findings if f.rule == "plugin-permission-missing")
    assert "ec2:AssignIpv6Addresses" in missing.message


def test_a_node_group_behind_a_sleep_is_of_the_cluster_that_the_sleep_refers_to() -> None:
    """As terraform-aws-modules/eks names the cluster of its node groups."""
    group = node_group("a", "a")
    group["change"] |= {"before": None, "actions": ["create"]}
    group["change"]["after_unknown"] = {"cluster_name": True}
    del group["change"]["after"]["cluster_name"]
    made = resource(CLUSTER, "prod", None, {"name": "prod"}, after_unknown={"id": True})
    plan = (made, group, *own_role("a", NODE_TRUST, CNI))
    triggers = "time_sleep.this[0].triggers"
    references = {"references": [f'{triggers}["name"]', triggers]}
    configuration = configured(
        block(f"{CLUSTER}.prod"),
        block("aws_eks_node_group.n", cluster_name=references),
        block("time_sleep.this", triggers=refers(f"{CLUSTER}.prod.id", f"{CLUSTER}.prod.endpoint")),
    )
    (plugin,) = context(*plan, configuration=configuration).plugins
    assert (plugin.address, plugin.after.node_groups) == (f"{CLUSTER}.prod", (group["address"],))


# What the cluster says of the plugin.


def test_each_cluster_has_its_own_ip_family_before_and_after() -> None:
    old, new = ({"name": "a", **family(mode)} for mode in ("ipv4", "ipv6"))
    made_anew = resource(CLUSTER, "a", old, new, actions=["delete", "create"])
    own = [{**VERSION, "addon_name": "vpc-cni", "cluster_name": name} for name in "ab"]
    addons = [same("aws_eks_addon", values["cluster_name"], values) for values in own]
    plugins = context(made_anew, cluster("b", **family("ipv6")), *addons).plugins
    assert {p.address: (p.before.mode, p.after.mode) for p in plugins} == {
        f"{CLUSTER}.a": ("ipv4", "ipv6"),
        f"{CLUSTER}.b": ("ipv6", "ipv6"),
    }


@pytest.mark.parametrize(("mode", "is_lost"), [("ipv4", True), ("ipv6", False), ("", True)])
def test_policies_are_judged_by_what_the_family_of_the_cluster_needs(
    mode: str, *, is_lost: bool
) -> None:
    statements = json.loads(CNI)["Statement"]
    ipv6 = allow(["ec2:AssignIpv6Addresses", "ec2:DescribeSubnets"])
    fewer = {**statements[0], "Action": statements[0]["Action"][1:]}
    texts = (document(first, *statements[1:], ipv6) for first in (statements[0], fewer))
    change = inline(*texts, "more", role="cni")
    plan = (addon(V1_23, V1_23), *own_role("cni", irsa()), change)
    review = reviewed(*([cluster(**family(mode))] if mode else []), *plan)
    assert ("coverage-lost" in levels(review)) is is_lost


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        ({}, "ipv6"),
        ({"env": {"ENABLE_IPv6": "false"}}, "ipv4"),
        ({"env": {"ENABLE_IPv6": "false"}, "extraEnv": [{"name": "A", "valueFrom": {}}]}, "ipv4"),
        ({"extraEnv": [{"name": "ENABLE_IPv6", "valueFrom": {}}]}, "ipv6"),
    ],
)
def test_the_variable_of_the_plugin_decides_the_family_before_the_cluster(
    values: Json, mode: str
) -> None:
    configured = V1_23 | {"configuration_values": json.dumps(values)}
    for installer in (addon(V1_23, configured), release(annotated(), annotated(values))):
        plan = (cluster(**family("ipv6")), installer, *own_role("cni", irsa(), CNI))
        states = [state for p in context(*plan).plugins for state in p.states if state.installer]
        is_chart = not values and installer["type"] == "helm_release"
        assert states[-1].mode == ("ipv4" if is_chart else mode)


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("old", ["", "ipv4"])
def test_a_family_that_is_known_after_apply_is_unknown_if_the_configuration_sets_it(
    old: str, *, written: bool
) -> None:
    network = {"kubernetes_network_config": [{"ip_family": True}]}
    before, new = {"name": "prod", **family(old)} if old else None, {"name": "prod", **family("")}
    made = resource(CLUSTER, "prod", before, new, after_unknown=network)
    argument = {"ip_family": refers("random_shuffle.a.result")} if written else {}
    more = configured(block(f"{CLUSTER}.prod", kubernetes_network_config=[argument]))
    installer = addon(V1_23 if old else None, V1_23)
    plan = (made, installer, *own_role("cni", irsa(), CNI))
    (plugin,) = reviewed(*plan, configuration=more).plugins
    assert plugin.answer.endswith("the IP family of its cluster") is written
    assert plugin.verdict == ("unknown" if written else "works")


def test_a_cluster_that_says_no_family_has_that_of_the_policies_of_a_new_role() -> None:
    (ipv6,) = variants.find(("ipv6",))
    made = own_role("cni", irsa(), dumps(ipv6.document(revisions()[-1])))
    for change in made:
        change["change"] |= {"actions": ["create"], "before": None}
    (plugin,) = reviewed(*made, addon(None, V1_23)).plugins
    assert plugin.mode == "ipv6"


@pytest.mark.parametrize("odd", [None, "x", 1, [], [None], ["x"], {}])
def test_a_cluster_of_another_shape_ends_no_review(odd: object) -> None:
    names = ("kubernetes_network_config", "vpc_config", "access_config")
    (plugin,) = reviewed(cluster(**dict.fromkeys(names, odd)), addon(VERSION, VERSION)).plugins
    assert (plugin.cluster, plugin.mode) == ("prod", "ipv4")


OLDER = {"actions": ["delete"], "deposed": "abcd1234"}


def read(change: Json) -> Json:
    return {**change, "mode": "data", "address": f"data.{change['address']}"}


@pytest.mark.parametrize(
    ("changes", "drift"),
    [
        ([], [addon(V1_23, VERSION)]),
        ([], [association("b", "a")]),
        ([], [resource(CLUSTER, "prod", {"name": "dev"}, {"name": "prod"})]),
        ([], [node_group("b", "a")]),
        ([addon(V1_23, None, **OLDER)], []),
        ([association("b", None, **OLDER)], []),
        ([resource(CLUSTER, "prod", {"name": "prod"}, None, **OLDER)], []),
        ([resource("aws_iam_role", "a", {"name": "a", "arn": arn_of("a")}, None, **OLDER)], []),
        ([read(addon(V1_23, V1_23))], []),
        ([read(same(CLUSTER, "other", {"name": "prod"}))], []),
    ],
)
def test_only_what_the_plan_manages_and_changes_says_what_the_plugin_is(
    changes: list[Json], drift: list[Json]
) -> None:
    """Not what changed outside, what a failed replacement left, or what is only read."""
    roles = own_role("a", POD_TRUST, CNI, OF_NODES)
    plan = (cluster(), addon(VERSION, VERSION), association("a", "a"), node_group("a", "a"), *roles)
    review = reviewed(*plan, *changes, resource_drift=drift)
    assert review.plugins == reviewed(*plan).plugins
    assert not {rule for rule in levels(review) if rule.startswith("plugin-")}


# Policies that name a place.


def problems(before: str | None, after: str, *others: str, **more: str) -> list[ShownFinding]:
    """The errors and warnings of a plan that changes the policy of aws-node's role in prod."""
    arn = "arn:aws:eks:us-east-1:111122223333:cluster/prod"
    there = cluster(vpc_config=[{"vpc_id": OWN}], arn=arn)
    changes = (addon(V1_23 | more, V1_23 | more), inline(before, after, role="cni"))
    review = reviewed(there, *own_role("cni", irsa(), *others), *changes)
    return [f for f in review.findings if f.level != "note"]


def in_place_of(region: str, account: str = "*") -> str:
    """A policy that assigns addresses to network interfaces of one Region and account."""
    assign = allow(ASSIGN, f"arn:aws:ec2:{region}:{account}:network-interface/*")
    return document(assign, *json.loads(CNI)["Statement"][1:])


@pytest.mark.parametrize("others", [(), (document(allow("logs:PutLogEvents")),)])
@pytest.mark.parametrize(
    ("policy", "kind", "other", "own"),
    [
        (scoped("staging"), "cluster", "staging", "prod"),
        (scoped("prod", OTHER), "VPC", OTHER, OWN),
        (in_place_of("eu-west-1"), "region", "eu-west-1", "us-east-1"),
        (in_place_of("*", "999999999999"), "account", "999999999999", "111122223333"),
    ],
    ids=["cluster", "VPC", "Region", "account"],
)
def test_a_new_policy_for_another_place_is_an_error(
    policy: str, kind: str, other: str, own: str, others: tuple[str, ...]
) -> None:
    (finding,) = problems(None, policy, *others)
    assert (finding.rule, finding.level) == ("plugin-permission-missing", "error")
    words = f"aws_iam_role_policy.i is for {kind} {other}, but aws-node runs in {own}"
    assert words in finding.message
    assert finding.fix == f"Name {kind} {own} in aws_iam_role_policy.i"
    called = ASSIGN if kind in ("region", "account") else "ec2:CreateNetworkInterface"
    assert called in " ".join((finding.message, *finding.details))
    assert "coverage-lost" in finding.means


def test_a_policy_for_the_own_place_or_beside_one_for_it_is_no_problem() -> None:
    assert not problems(None, scoped("prod"))
    of_own = problems(None, in_place_of("us-east-1", "111122223333"))
    assert not any("but aws-node runs in" in f.message for f in of_own)
    assert not problems(None, scoped("staging"), scoped("prod"))
    assert not problems(scoped("staging"), scoped("staging"))
    configured = {"configuration_values": '{"env": {"CLUSTER_NAME": "staging"}}'}
    assert not problems(None, scoped("staging"), **configured)


def test_a_policy_that_changes_to_another_vpc_loses_what_needs_the_vpc() -> None:
    found_rules = {f.rule: f for f in problems(scoped("prod"), scoped("prod", OTHER))}
    assert {*found_rules} == {"coverage-lost", "new-access"}
    assert "ec2:CreateNetworkInterface" in found_rules["coverage-lost"].message
    assert [f.rule for f in problems(scoped("prod", OTHER), scoped("prod"))] == ["new-access"]


def chart(*values: str) -> Json:
    role = {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": arn_of("cni")}}}
    return {"chart": "aws-vpc-cni", "version": "1.23.2", "values": [json.dumps(role), *values]}


@pytest.mark.parametrize("name", ["prod", "staging"])
@pytest.mark.parametrize(
    "installer",
    [
        addon(V1_23, V1_23),
        association("cni", "cni"),
        same("helm_release", "cni", chart(json.dumps({"env": {"CLUSTER_NAME": "prod"}}))),
    ],
    ids=lambda change: change["type"],
)
def test_the_name_of_the_own_cluster_comes_from_whatever_says_it(
    installer: Json, name: str
) -> None:
    trust = POD_TRUST if installer["type"] == ASSOCIATION else irsa()
    (plugin,) = reviewed(installer, *own_role("cni", trust, scoped(name))).plugins
    assert bool(plugin.missing) == (name == "staging")


@pytest.mark.parametrize("modules", ["ab", "ba"])
def test_a_release_beside_an_association_is_in_its_cluster(modules: str) -> None:
    """In modules of their own either may come first; the release names no cluster."""
    release, there = same("helm_release", "cni", chart("{}")), association("cni", "cni")
    changes = [
        {**change, "address": f"module.{module}.{change['address']}"}
        for change, module in zip((release, there), modules, strict=True)
    ]
    changes.sort(key=lambda change: change["address"])
    assert clusters(*changes) == {"prod"}
    two = (*changes, same("aws_eks_addon", "b", {"addon_name": "vpc-cni", "cluster_name": "b"}))
    assert EksCluster() in {p.cluster for p in context(*two).plugins}


def test_the_place_in_a_sensitive_policy_is_not_told() -> None:
    hidden = inline(None, scoped("staging"), role="cni", after_sensitive={"policy": True})
    review = reviewed(association(None, "cni"), *own_role("cni", POD_TRUST), hidden)
    assert review.failed and not any("staging" in f.message for f in review.findings)


def test_a_cluster_that_is_replaced_in_another_vpc_needs_a_policy_for_that() -> None:
    sides = ({"name": "prod", "vpc_config": [{"vpc_id": vpc}]} for vpc in (OWN, OTHER))
    made_anew = resource(CLUSTER, "prod", *sides, actions=["delete", "create"])
    own, other = (own_role("cni", POD_TRUST, scoped("prod", vpc)) for vpc in (OWN, OTHER))
    agent = {"cluster_name": "prod", "addon_name": "eks-pod-identity-agent"}
    inside = (association("cni", "cni"), same("aws_eks_addon", "agent", agent))
    for each in inside:
        each["change"]["actions"] = ["delete", "create"]
    review = reviewed(made_anew, *inside, *own)
    (error,) = (f for f in review.findings if f.level != "note")
    assert (error.rule, error.level) == ("plugin-permission-missing", "error")
    assert not reviewed(made_anew, *inside, *other).findings


def test_the_region_of_what_is_created_is_that_of_its_argument() -> None:
    arn = "arn:aws:ec2:eu-west-1:*:network-interface/*"
    policies = own_role("cni", POD_TRUST, document(allow(ASSIGN, arn)))
    policies[1]["change"] |= {"actions": ["create"], "before": None}
    there = in_place(association(None, "cni"), "aws_node", {"region": "us-east-1"})
    words = "is for region eu-west-1, but aws-node runs in us-east-1"
    assert any(words in f.message for f in reviewed(there, *policies).findings)


def test_a_node_role_that_is_known_in_no_cluster_is_no_identity() -> None:
    profile = same("aws_iam_instance_profile", "p", {"name": "p", "role": "a"})
    assert context(profile, *own_role("a", NODE_TRUST, CNI)).plugins == ()
