"""Tags of nodes, subnets and security groups that the policies of aws-node's role ask for."""

import pytest

from eks import addon, association, irsa, node_group, own_role, same
from plugin_setup import V1_23, about_calls, of_rule, scoped
from synthetic import Json, allow, document, resource
from vpc_cni_iam.review.report.shown import ShownFinding

KEY = "kubernetes.io/cluster/prod"
OWNED, NAMED = {KEY: "owned", "Name": "node"}, {"Name": "node"}


def template(tags: Json, kind: str = "instance") -> Json:
    specifications = [{"resource_type": kind, "tags": tags}]
    return {"id": "lt-1", "name": "nodes", "tag_specifications": specifications}


def group(tags: Json, **more: object) -> Json:
    blocks = [{"key": k, "value": v, "propagate_at_launch": True} for k, v in tags.items()]
    return {"name": "nodes", "tag": blocks, **more}


def tagged(tags: Json) -> Json:
    return {"id": "x", "tags": {}, "tags_all": tags}


def lost(*changes: Json, policy: str | None = None) -> list[ShownFinding]:
    own = own_role("cni", irsa(), policy or scoped())
    return of_rule(about_calls(*own, addon(V1_23, V1_23), *changes), "plugin-tag-removed")


def change(kind: str, before: Json | None, after: Json | None, **more: object) -> Json:
    return resource(kind, "x", before, after, **more)


@pytest.mark.parametrize("tags", [NAMED, {**OWNED, KEY: "shared"}])
@pytest.mark.parametrize(
    ("kind", "values"),
    [("aws_launch_template", template), ("aws_autoscaling_group", group), ("aws_instance", tagged)],
)
def test_a_tag_that_nodes_lose_is_a_warning(kind: str, values: object, tags: Json) -> None:
    assert callable(values)
    (finding,) = lost(change(kind, values(OWNED), values(tags)))
    assert (finding.level, finding.address) == ("warning", f"{kind}.x")
    assert KEY in finding.message and "aws_iam_role.cni" in finding.message
    assert "ec2:AttachNetworkInterface" in finding.message and KEY in finding.fix
    assert not lost(change(kind, values(OWNED), {**values(OWNED), "name": "other"}))
    assert not lost(change(kind, values(OWNED), None))  # no such nodes are left


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("aws_subnet", tagged({KEY: "shared"}), tagged({})),  # it is for load balancers
        ("aws_security_group", tagged(OWNED), tagged(NAMED)),
        ("aws_ec2_tag", {"resource_id": "subnet-1", "key": KEY, "value": "owned"}, None),
        ("aws_instance", tagged(NAMED), tagged(OWNED)),
        ("aws_instance", tagged(OWNED), tagged({KEY.upper(): "owned"})),
        ("aws_launch_template", template(OWNED, "volume"), template(NAMED, "volume")),
    ],
)
def test_a_tag_that_no_policy_asks_for_there_may_be_removed(
    kind: str, before: Json, after: Json
) -> None:
    assert not lost(change(kind, before, after))


def test_a_policy_for_the_whole_account_asks_for_no_tag() -> None:
    policy = document(allow(["ec2:AttachNetworkInterface", "ec2:AssignPrivateIpAddresses"]))
    assert not lost(change("aws_instance", tagged(OWNED), tagged(NAMED)), policy=policy)


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("aws_subnet", "subnet"),
        ("aws_default_subnet", "subnet"),
        ("aws_security_group", "security-group"),
        ("aws_default_security_group", "security-group"),
    ],
)
def test_a_subnet_or_group_loses_what_a_policy_asks_of_it(kind: str, of: str) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": "net"}}
    create = allow("ec2:CreateNetworkInterface", f"arn:aws:ec2:*:*:{of}/*", Condition=condition)
    policy = document(create, allow("ec2:AssignPrivateIpAddresses"))
    assert lost(change(kind, tagged({"Team": "net"}), tagged({})), policy=policy)


def test_tags_that_are_sensitive_or_known_after_apply_may_be_lost() -> None:
    hidden = {f"{side}_sensitive": {"tags_all": True} for side in ("before", "after")}
    (finding,) = lost(change("aws_instance", tagged(OWNED), tagged({KEY: "shared"}), **hidden))
    assert "aws_instance.x removes or changes the tag" in finding.message
    other = {**tagged(OWNED), "name": "other"}
    assert not lost(change("aws_instance", tagged(OWNED), other, **hidden))
    for sides in ((None, tagged(OWNED)), (tagged(OWNED), None)):
        assert not lost(change("aws_instance", *sides, **hidden))
    later = {"after_unknown": {"tags_all": True}}
    (finding,) = lost(change("aws_instance", tagged(OWNED), {"id": "x"}, **later))
    assert "may remove or change" in finding.message


@pytest.mark.parametrize(
    ("of_template", "of_group", "addresses"),
    [
        ((OWNED, NAMED), (NAMED, OWNED), []),
        ((NAMED, OWNED), (OWNED, NAMED), []),
        ((OWNED, NAMED), (OWNED, OWNED), []),
        ((OWNED, NAMED), (NAMED, NAMED), ["aws_launch_template.nodes"]),
        ((NAMED, NAMED), (OWNED, NAMED), ["aws_autoscaling_group.nodes"]),
    ],
)
def test_nodes_have_the_tags_of_their_launch_template_and_of_their_group(
    of_template: tuple[Json, Json], of_group: tuple[Json, Json], addresses: list[str]
) -> None:
    named = {"launch_template": [{"id": "lt-1", "version": "$Latest"}]}
    changes = [
        resource("aws_launch_template", "nodes", *map(template, of_template)),
        resource("aws_autoscaling_group", "nodes", *(group(tags, **named) for tags in of_group)),
    ]
    assert [finding.address for finding in lost(*changes)] == addresses


def test_a_tag_may_be_a_resource_of_its_own() -> None:
    tag = {"tag": group({KEY: "owned"})["tag"], "autoscaling_group_name": "nodes"}
    stays = same("aws_autoscaling_group", "nodes", group(NAMED))
    (finding,) = lost(stays, change("aws_autoscaling_group_tag", tag, None))
    assert finding.address == "aws_autoscaling_group_tag.x"
    gone = resource("aws_autoscaling_group", "nodes", group(NAMED), None)
    assert not lost(gone, change("aws_autoscaling_group_tag", tag, None))
    of_node = {"resource_id": "i-0123456789abcdef0", "key": KEY, "value": "owned"}
    (finding,) = lost(change("aws_ec2_tag", of_node, None))
    assert finding.message.startswith(f"aws_ec2_tag.x removes or changes the tag {KEY}. ")
    assert not lost(change("aws_ec2_tag", of_node, None, actions=["forget"]))


def test_managed_node_groups_set_the_tag_of_the_cluster_themselves() -> None:
    loses = change("aws_launch_template", template(OWNED), template(NAMED))
    managed = node_group("n", "n")
    for side in ("before", "after"):
        managed["change"][side]["launch_template"] = [{"id": "lt-1", "version": "2"}]
    assert not lost(loses, managed)


def test_nodes_that_move_to_a_template_without_the_tag_lose_it() -> None:
    both = [
        same("aws_launch_template", name, {**template(tags), "id": f"lt-{name}", "name": name})
        for name, tags in (("old", OWNED), ("new", NAMED))
    ]
    sides = (group(NAMED, launch_template=[{"id": f"lt-{name}"}]) for name in ("old", "new"))
    moves = resource("aws_autoscaling_group", "nodes", *sides)
    assert [f.address for f in lost(*both, moves)] == ["aws_autoscaling_group.nodes"]


@pytest.mark.parametrize(
    ("kind", "argument", "block"),
    [
        ("aws_spot_fleet_request", "launch_template_config", ""),
        ("aws_ec2_fleet", "launch_template_config", ""),
        ("aws_autoscaling_group", "mixed_instances_policy", "launch_template"),
    ],
)
def test_fleets_have_the_tags_of_their_template(kind: str, argument: str, block: str) -> None:
    specification = {"launch_template_specification": [{"id": "lt-1", "version": "$Latest"}]}
    values = {argument: [{block: [specification]} if block else specification]}
    loses = resource("aws_launch_template", "nodes", template(OWNED), template(NAMED))
    (finding,) = lost(loses, same(kind, "nodes", values))
    assert finding.address == "aws_launch_template.nodes"


def test_a_fleet_has_the_tags_that_all_of_its_specifications_have() -> None:
    def fleet(*tags: Json) -> Json:
        return {"launch_specification": [{"ami": "ami-1", "tags": each} for each in tags]}

    kind, replaced = "aws_spot_fleet_request", {"actions": ["delete", "create"]}
    (finding,) = lost(resource(kind, "x", fleet(OWNED, OWNED), fleet(OWNED, NAMED), **replaced))
    assert finding.address == "aws_spot_fleet_request.x"
    assert not lost(resource(kind, "x", fleet(OWNED, NAMED), fleet(NAMED, OWNED), **replaced))


def test_a_tag_that_was_removed_by_hand_is_not_removed_by_the_plan() -> None:
    own = own_role("cni", irsa(), scoped())
    drift = [change("aws_instance", tagged(OWNED), tagged(NAMED))]
    findings = about_calls(*own, same("aws_instance", "x", tagged(NAMED)), resource_drift=drift)
    assert not of_rule(findings, "plugin-tag-removed")


LOSES = change("aws_instance", tagged(OWNED), tagged(NAMED))
ATTACH = "ec2:AttachNetworkInterface"


def asking(condition: Json) -> str:
    attach = allow(ATTACH, "*", Condition=condition)
    return document(attach, allow("ec2:AssignPrivateIpAddresses"))


@pytest.mark.parametrize("region", ["aws:RequestedRegion", "ec2:Region"])
def test_a_tag_matters_whatever_else_a_policy_asks_for(region: str) -> None:
    tags = {f"aws:ResourceTag/{KEY}": "owned", region: "eu-west-1"}
    assert lost(LOSES, policy=asking({"StringEquals": tags}))


def test_a_finding_names_the_tag_that_a_policy_asks_for_among_those_that_change() -> None:
    both = {"StringEquals": {"aws:ResourceTag/a": "b", f"aws:ResourceTag/{KEY}": "owned"}}
    sides = tagged({"a": "b", "AZ": "a", **OWNED}), tagged({"a": "b", "AZ": "b"})
    (finding,) = lost(change("aws_instance", *sides), policy=asking(both))
    assert f"aws_instance.x removes or changes the tag {KEY}." in finding.message


def test_a_tag_that_a_policy_excludes_may_be_set() -> None:
    sides = tagged({"Name": "a"}), tagged({"Name": "b", "team": "net"})
    policy = asking({"StringNotEquals": {"aws:ResourceTag/team": "net"}})
    assert lost(change("aws_instance", *sides), policy=policy)


def test_tags_of_requests_and_tags_beside_a_wider_policy_do_not_matter() -> None:
    assert not lost(LOSES, policy=scoped().replace("aws:ResourceTag/", "aws:RequestTag/"))
    own = own_role("cni", irsa(), scoped(), document(allow("ec2:*")))
    assert not of_rule(about_calls(*own, LOSES), "plugin-tag-removed")


def test_the_tags_that_a_session_policy_asks_for_matter() -> None:
    session = association("pod", "pod")
    for side in ("before", "after"):
        session["change"][side]["policy"] = scoped()
    own = own_role("pod", irsa(), document(allow("ec2:*")))
    (finding,) = of_rule(about_calls(*own, session, LOSES), "plugin-tag-removed")
    assert "aws_iam_role.pod" in finding.message


@pytest.mark.parametrize("odd", ["x", 1, [1], [{"tags": "x"}], {"a": []}, None])
def test_tags_of_another_shape_end_no_review(odd: object) -> None:
    for kind in ("aws_instance", "aws_launch_template", "aws_autoscaling_group", "aws_ec2_tag"):
        names = ("tags", "tags_all", "tag", "tag_specifications", "resource_id", "launch_template")
        assert not lost(change(kind, dict.fromkeys(names, odd), {"id": odd}))
