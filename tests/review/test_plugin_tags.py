"""Tags of nodes and subnets that the policies of aws-node's role ask for."""

import pytest

from eks import addon, arn_of, association, irsa, node_group, own_role, same
from synthetic import Json, allow, document, resource, reviewed
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Finding

KEY, RULE = "kubernetes.io/cluster/prod", "plugin-tag-removed"
(_SCOPED,) = variants.find(("ipv4-scoped",))
_NAMES = parameters.values({"cluster_name": "prod", "vpc_id": "vpc-0123456789abcdef0"})
SCOPED = dumps(parameters.substitute(_SCOPED.document(revisions()[0]), _NAMES))
OWNED, NAMED = {KEY: "owned", "Name": "node"}, {"Name": "node"}


def _template(tags: Json, kind: str = "instance") -> Json:
    specifications = [{"resource_type": kind, "tags": tags}]
    return {"id": "lt-1", "name": "nodes", "tag_specifications": specifications}


def _group(tags: Json, *, at_launch: bool = True) -> Json:
    blocks = [{"key": k, "value": v, "propagate_at_launch": at_launch} for k, v in tags.items()]
    return {"name": "nodes", "tag": blocks}


def _all(tags: Json) -> Json:
    return {"id": "x", "tags": {}, "tags_all": tags}


def _findings(*changes: Json, policy: str = SCOPED) -> list[Finding]:
    installed = {"addon_version": "v1.23.2-eksbuild.1", "service_account_role_arn": arn_of("cni")}
    review = reviewed(*own_role("cni", irsa(), policy), addon(installed, installed), *changes)
    return [f for f in review.findings if f.rule == RULE]


def _levels(*changes: Json, policy: str = SCOPED) -> list[str]:
    return [finding.level for finding in _findings(*changes, policy=policy)]


def _addresses(*changes: Json) -> list[str]:
    return [finding.address for finding in _findings(*changes)]


def _change(kind: str, before: Json | None, after: Json | None, **more: object) -> Json:
    return resource(kind, "x", before, after, **more)


def test_a_finding_names_the_tag_that_a_policy_asks_for_among_those_that_change() -> None:
    (finding,) = _findings(_change("aws_instance", _all({**OWNED, "AZ": "a"}), _all({"AZ": "b"})))
    assert f"aws_instance.x loses the tag {KEY}." in finding.message
    both = {"StringEquals": {"aws:ResourceTag/a": "b", f"aws:ResourceTag/{KEY}": "owned"}}
    attach = allow("ec2:AttachNetworkInterface", "*", Condition=both)
    policy = document(attach, allow("ec2:AssignPrivateIpAddresses"))
    sides = _all({"a": "b", **OWNED}), _all({"a": "b"})
    (finding,) = _findings(_change("aws_instance", *sides), policy=policy)
    assert f"aws_instance.x loses the tag {KEY}." in finding.message


@pytest.mark.parametrize("tags", [NAMED, {**OWNED, KEY: "shared"}])
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("aws_launch_template", _template),
        ("aws_autoscaling_group", _group),
        ("aws_instance", _all),
    ],
)
def test_a_tag_that_nodes_lose_is_a_warning(kind: str, values: object, tags: Json) -> None:
    assert callable(values)
    assert _levels(_change(kind, values(OWNED), values(tags))) == ["warning"]
    assert _levels(_change(kind, values(OWNED), {**values(OWNED), "name": "other"})) == []
    assert _levels(_change(kind, values(OWNED), None)) == []  # there are no such nodes any more


def test_sensitive_tags_that_change_may_go() -> None:
    hidden = {f"{side}_sensitive": {"tags_all": True} for side in ("before", "after")}
    (finding,) = _findings(_change("aws_instance", _all(OWNED), _all(NAMED), **hidden))
    assert finding.level == "warning"
    assert finding.message.endswith("and a policy of aws_iam_role.cni asks for tags")
    other = {**_all(OWNED), "name": "other"}
    assert _levels(_change("aws_instance", _all(OWNED), other, **hidden)) == []
    asks_of_requests = SCOPED.replace("aws:ResourceTag/", "aws:RequestTag/")
    change = _change("aws_instance", _all(OWNED), _all(NAMED), **hidden)
    assert _levels(change, policy=asks_of_requests) == []


@pytest.mark.parametrize(("before", "after"), [(None, OWNED), (OWNED, None)])
def test_sensitive_tags_of_what_comes_or_goes_are_no_change_of_tags(
    before: Json | None, after: Json | None
) -> None:
    hidden = {f"{side}_sensitive": {"tags_all": True} for side in ("before", "after")}
    sides = (None if tags is None else _all(tags) for tags in (before, after))
    assert _levels(_change("aws_instance", *sides, **hidden)) == []
    hidden = {"before_sensitive": {"tag": True}}
    tag = _change("aws_autoscaling_group_tag", _group(OWNED), None, **hidden)
    assert _levels(tag) == ["warning"]  # whose group stays


def test_a_tag_that_nodes_lose_is_said_beside_what_comes() -> None:
    comes = _change("aws_instance", None, _all(NAMED))
    loses = resource("aws_launch_template", "n", _template(OWNED), _template(NAMED))
    (finding,) = _findings(comes, loses)
    assert finding.address == "aws_launch_template.n"
    assert "unless what launches nodes sets it, which is not shown" in finding.message
    (finding,) = _findings(_change("aws_instance", _all(OWNED), _all(NAMED)))
    assert "unless" not in finding.message


def test_a_tag_that_was_taken_by_hand_is_none_that_the_plan_takes() -> None:
    drift = [_change("aws_instance", _all(OWNED), _all(NAMED))]
    review = reviewed(
        *own_role("cni", irsa(), SCOPED),
        _change("aws_instance", *[_all(NAMED)] * 2),
        resource_drift=drift,
    )
    assert RULE not in {f.rule for f in review.findings}


def test_a_tag_that_is_known_after_apply_may_go() -> None:
    unknown = {"after_unknown": {"tags_all": True}}
    assert _levels(_change("aws_instance", _all(OWNED), {"id": "x"}, **unknown)) == ["warning"]


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        ("aws_ec2_tag", {"resource_id": "i-0123456789abcdef0", "key": KEY, "value": "owned"}),
        ("aws_autoscaling_group_tag", _group({KEY: "owned"})),
    ],
)
def test_a_tag_that_is_a_resource_of_its_own_may_go(kind: str, before: Json) -> None:
    assert _levels(_change(kind, before, None)) == ["warning"]
    assert _levels(_change(kind, before, None, actions=["forget"])) == []


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("aws_subnet", _all({KEY: "shared"}), _all({})),  # it is for load balancers
        ("aws_security_group", _all(OWNED), _all(NAMED)),
        ("aws_ec2_tag", {"resource_id": "subnet-1", "key": KEY, "value": "owned"}, None),
        ("aws_instance", _all({KEY: "shared"}), _all({})),  # it was refused before, too
        ("aws_instance", _all(NAMED), _all(OWNED)),
        ("aws_instance", _all(OWNED), _all({KEY.upper(): "owned"})),
        ("aws_autoscaling_group", _group(OWNED, at_launch=False), _group(NAMED)),
        ("aws_launch_template", _template(OWNED, "volume"), _template(NAMED, "volume")),
    ],
)
def test_a_tag_that_no_policy_asks_for_there_may_go(kind: str, before: Json, after: Json) -> None:
    assert _levels(_change(kind, before, after)) == []


def test_a_tag_may_go_with_what_has_it() -> None:
    tag = {"resource_id": "i-1", "key": KEY, "value": "owned"}
    values = {**_all(NAMED), "id": "i-1"}
    node = resource("aws_instance", "node", values, None)
    assert _levels(_change("aws_ec2_tag", tag, None), node) == []
    assert _levels(_change("aws_ec2_tag", tag, None), same("aws_instance", "n", values)) == [
        "warning"
    ]
    tag = {**_group(OWNED), "autoscaling_group_name": "nodes"}
    group = resource("aws_autoscaling_group", "nodes", _group({}), None)
    assert _levels(_change("aws_autoscaling_group_tag", tag, None), group) == []


def test_a_policy_beside_the_scoped_one_asks_for_no_tag() -> None:
    policies = (SCOPED, document(allow("ec2:*")))
    review = reviewed(
        *own_role("cni", irsa(), *policies), _change("aws_instance", _all(OWNED), _all(NAMED))
    )
    assert RULE not in {f.rule for f in review.findings}


@pytest.mark.parametrize("odd", ["x", 1, [1], [{"tags": "x"}], {"a": []}, None])
def test_tags_of_another_shape_end_no_review(odd: object) -> None:
    for kind in ("aws_instance", "aws_launch_template", "aws_autoscaling_group", "aws_ec2_tag"):
        names = ("tags", "tags_all", "tag", "tag_specifications", "resource_id", "launch_template")
        assert _levels(_change(kind, dict.fromkeys(names, odd), {"id": odd})) == []


def test_a_policy_for_the_whole_account_asks_for_no_tag() -> None:
    policy = document(allow(["ec2:AttachNetworkInterface", "ec2:AssignPrivateIpAddresses"]))
    assert _levels(_change("aws_instance", _all(OWNED), _all(NAMED)), policy=policy) == []


def test_managed_node_groups_set_the_tag_of_the_cluster_themselves() -> None:
    change = _change("aws_launch_template", _template(OWNED), _template(NAMED))
    managed = node_group("n", "n")
    for side in ("before", "after"):
        managed["change"][side]["launch_template"] = [{"id": "lt-1", "version": "2"}]
    assert _levels(change, managed) == []
    own = resource("aws_autoscaling_group", "own", *[{"launch_template": [{"id": "lt-1"}]}] * 2)
    assert _levels(change, managed, own) == ["warning"]


def test_a_tag_that_a_policy_excludes_may_come() -> None:
    condition = {"StringNotEquals": {"aws:ResourceTag/team": "net"}}
    attach = allow("ec2:AttachNetworkInterface", "*", Condition=condition)
    policy = document(attach, allow("ec2:AssignPrivateIpAddresses"))
    change = _change("aws_instance", _all({"Name": "a"}), _all({"Name": "b", "team": "net"}))
    assert _levels(change, policy=policy) == ["warning"]


@pytest.mark.parametrize("region", ["aws:RequestedRegion", "ec2:Region"])
def test_a_tag_matters_whatever_else_a_policy_asks_for(region: str) -> None:
    tags = {f"aws:ResourceTag/{KEY}": "owned"}
    condition = {"StringEquals": {**tags, region: "eu-west-1"}}
    attach = allow("ec2:AttachNetworkInterface", "*", Condition=condition)
    policy = document(attach, allow("ec2:AssignPrivateIpAddresses"))
    change = _change("aws_instance", _all(OWNED), _all(NAMED))
    assert _levels(change, policy=policy) == ["warning"]


def test_a_subnet_may_lose_what_a_policy_asks_of_subnets() -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": "net"}}
    create = allow("ec2:CreateNetworkInterface", "arn:aws:ec2:*:*:subnet/*", Condition=condition)
    policy = document(create, allow("ec2:AssignPrivateIpAddresses"))
    change = _change("aws_subnet", _all({"Team": "net"}), _all({}))
    assert _levels(change, policy=policy) == ["warning"]


def test_what_a_session_policy_asks_for_counts() -> None:
    role = own_role("pod", irsa(), document(allow("ec2:*")))
    session = association("pod", "pod")
    for side in ("before", "after"):
        session["change"][side]["policy"] = SCOPED
    change = _change("aws_instance", _all(OWNED), _all(NAMED))
    findings = reviewed(*role, session, change).findings
    assert [f.level for f in findings if f.rule == RULE] == ["warning"]
    assert "aws_iam_role.pod" in next(f.message for f in findings if f.rule == RULE)


_OF_TEMPLATE = [{"id": "lt-1", "version": "$Latest"}]


def _nodes(tags: Json, **template: object) -> Json:
    """A group of nodes with a launch template."""
    return {**_group(tags), "launch_template": [{**_OF_TEMPLATE[0], **template}]}


@pytest.mark.parametrize(
    ("template", "group", "level"),
    [
        ((OWNED, NAMED), (NAMED, OWNED), []),  # the tag moves to the group
        ((NAMED, OWNED), (OWNED, NAMED), []),  # and back
        ((OWNED, NAMED), (OWNED, OWNED), []),
        ((OWNED, NAMED), (NAMED, NAMED), ["aws_launch_template.nodes"]),
        ((NAMED, NAMED), (OWNED, NAMED), ["aws_autoscaling_group.nodes"]),
        # That of the group counts, where both set it.
        ((OWNED, OWNED), (OWNED, {**OWNED, KEY: "shared"}), ["aws_autoscaling_group.nodes"]),
    ],
)
def test_nodes_have_the_tags_of_their_launch_template_and_of_their_group(
    template: tuple[Json, Json], group: tuple[Json, Json], level: list[str]
) -> None:
    changes = [
        resource("aws_launch_template", "nodes", *map(_template, template)),
        resource("aws_autoscaling_group", "nodes", *(_nodes(tags) for tags in group)),
    ]
    assert _addresses(*changes) == level


def test_a_tag_may_move_to_a_resource_of_its_own() -> None:
    tag = {**_group({KEY: "owned"}), "autoscaling_group_name": "nodes"}
    sides = [_nodes(OWNED), _nodes(NAMED)]
    group = resource("aws_autoscaling_group", "nodes", *sides)
    comes = resource("aws_autoscaling_group_tag", "x", None, tag)
    assert _addresses(group, comes) == []
    of_another = {**tag, "autoscaling_group_name": "other"}
    other = resource("aws_autoscaling_group_tag", "x", None, of_another)
    assert _addresses(group, other) == ["aws_autoscaling_group.nodes"]
    back = resource("aws_autoscaling_group", "nodes", *reversed(sides))
    goes = resource("aws_autoscaling_group_tag", "x", tag, None)
    assert _addresses(back, goes) == []
    stays = resource("aws_autoscaling_group", "nodes", sides[1], sides[1])
    assert _addresses(stays, goes) == ["aws_autoscaling_group_tag.x"]


def test_a_launch_template_that_is_not_shown_may_set_the_tag() -> None:
    group = resource("aws_autoscaling_group", "nodes", _nodes(OWNED), _nodes(NAMED))
    (finding,) = _findings(group)
    assert "unless the launch template sets it, which is not shown" in finding.message
    none = resource("aws_autoscaling_group", "nodes", _group(OWNED), _group(NAMED))
    (finding,) = _findings(none)
    assert "unless" not in finding.message


def test_a_launch_template_that_is_known_after_apply_may_set_the_tag() -> None:
    expressions = {"launch_template": [{"id": {"references": ["module.other.id"]}}]}
    block = {"type": "aws_autoscaling_group", "name": "nodes", "expressions": expressions}
    after = {**_nodes(NAMED), "launch_template": [{}]}
    unknown = {"launch_template": [{"id": True}]}
    group = resource("aws_autoscaling_group", "nodes", _group(OWNED), after, after_unknown=unknown)
    configuration = {"root_module": {"resources": [block]}}
    review = reviewed(*own_role("cni", irsa(), SCOPED), group, configuration=configuration)
    (message,) = (f.message for f in review.findings if f.rule == RULE)
    assert "unless the launch template sets it" in message


def test_nodes_that_move_to_a_template_without_the_tag_lose_it() -> None:
    both = [
        same("aws_launch_template", name, {**_template(tags), "id": f"lt-{name}", "name": name})
        for name, tags in (("old", OWNED), ("new", NAMED))
    ]
    sides = (_nodes(NAMED, id=f"lt-{name}") for name in ("old", "new"))
    group = resource("aws_autoscaling_group", "nodes", *sides)
    assert _addresses(*both, group) == ["aws_autoscaling_group.nodes"]


def test_nodes_keep_the_version_of_their_template() -> None:
    sides = ({**_template(tags), "latest_version": 3} for tags in (OWNED, NAMED))
    template = resource("aws_launch_template", "nodes", *sides)
    pinned = same("aws_autoscaling_group", "nodes", _nodes(NAMED, version="3"))
    assert _addresses(template, pinned) == []


@pytest.mark.parametrize(
    ("kind", "argument", "block", "lost"),
    [
        ("aws_spot_fleet_request", "launch_template_config", "", True),
        ("aws_ec2_fleet", "launch_template_config", "", True),
        ("aws_autoscaling_group", "mixed_instances_policy", "launch_template", False),
    ],
)
def test_fleets_have_the_tags_of_their_template(
    kind: str, argument: str, block: str, *, lost: bool
) -> None:
    specification = {"launch_template_specification": _OF_TEMPLATE}
    values = {argument: [{block: [specification]} if block else specification]}
    template = resource("aws_launch_template", "nodes", _template(OWNED), _template(NAMED))
    assert _addresses(template, same(kind, "nodes", values)) == ["aws_launch_template.nodes"]
    # Only groups have tags of their own.
    tagged = resource(kind, "nodes", values, {**values, **_group(OWNED)})
    assert bool(_addresses(template, tagged)) == lost


def test_a_fleet_may_lose_the_tag_of_a_specification() -> None:
    def fleet(*tags: Json) -> Json:
        return {"launch_specification": [{"ami": "ami-1", "tags": each} for each in tags]}

    def lost(before: Json, after: Json) -> list[str]:
        return _addresses(resource("aws_spot_fleet_request", "x", before, after))

    assert lost(fleet(OWNED), fleet(NAMED)) == ["aws_spot_fleet_request.x"]
    assert lost(fleet(OWNED, NAMED), fleet(NAMED, OWNED)) == []
    assert lost(fleet(NAMED), fleet(OWNED)) == []
