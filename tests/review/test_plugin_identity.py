"""Which identity aws-node has, and what another one allows."""

import json
from typing import Any

import pytest

from eks import (
    AGENT,
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
    provider,
    same,
)
from plugin_setup import V1_23, of_role, scoped
from synthetic import (
    Json,
    allow,
    block,
    configured,
    context,
    deny,
    document,
    found,
    refers,
    resource,
    reviewed,
)
from synthetic import levels as levels_of
from vpc_cni_iam.inputs.plan.account.iam_resource import InPlan, Unresolved
from vpc_cni_iam.inputs.plan.plugin.state import PluginIdentity
from vpc_cni_iam.plugin.identity import Identity

MORE = document(*json.loads(CNI)["Statement"], allow("s3:GetObject", "arn:aws:s3:::example/*"))
FEWER = document(allow("ec2:DescribeTags"))
ALL = document(allow("*"))
LOST, CHANGED = "plugin-identity-lost", "plugin-identity-changed"
UNSHOWN = arn_of("elsewhere")
SIDES = ("before", "after")


def levels(*changes: Json, **more: Any) -> dict[str, str]:
    """The level of each rule about the identity of aws-node."""
    rules = (LOST, CHANGED)
    return levels_of(f for f in found(*changes, **more) if f.rule in rules)


def messages(*changes: Json, **more: Any) -> list[str]:
    return [f.message for f in found(*changes, **more) if f.rule in (LOST, CHANGED)]


def after(*changes: Json, **more: Any) -> PluginIdentity:
    (plugin,) = context(*changes, **more).plugins
    return plugin.after.identity


def test_more_access_is_said_by_its_scope_before_an_example() -> None:
    more = document(*json.loads(MORE)["Statement"], allow("iam:PassRole", UNSHOWN))
    roles = (*own_role("a", irsa(), CNI), *own_role("b", irsa(), more))
    (finding,) = (f for f in found(addon(of_role("a"), of_role("b")), *roles) if f.rule == CHANGED)
    assert finding.message.endswith(f"and can now call iam:PassRole on {UNSHOWN}")
    assert finding.details[:2] == (
        "also: s3:GetObject on arn:aws:s3:::example/*",
        "beyond the plugin's needs: iam:PassRole, s3:GetObject",
    )
    assert finding.details[2].startswith("example: iam:PassRole")


def test_a_role_that_reaches_as_far_as_the_old_one_is_said_to_get_what_is_new() -> None:
    roles = (
        *own_role("a", irsa(), document(allow("*"), deny("sqs:*"))),
        *own_role("b", irsa(), ALL),
    )
    (text,) = messages(addon(of_role("a"), of_role("b")), *roles)
    assert "and can now call sqs:* on all resources" in text


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


# Several roles, and roles of which the plan does not show all.

ELSEWHERE = "arn:aws:iam::111122223333:policy/elsewhere"
NOT_SHOWN = "a policy whose document the plan does not show"
READ = document(allow("s3:GetObject"))
OLD, NEW = own_role("old", irsa(), CNI), own_role("new", irsa(), CNI)


def role_with(name: str, trust: str, policies: list[str] | None) -> list[Json]:
    """A role with policies; none, if the plan does not show the role."""
    if policies is None:
        return []
    values = {"role": name, "policy_arn": ELSEWHERE}
    attached = same("aws_iam_role_policy_attachment", name, values)
    role = own_role(name, trust, *(text for text in policies if text != NOT_SHOWN))
    return [*role, attached] if NOT_SHOWN in policies else role


@pytest.mark.parametrize(
    ("old", "new", "level", "missing"),
    [
        ([CNI], [CNI], "note", 0),
        ([CNI, READ], [CNI], "note", 0),
        ([CNI], [CNI, READ], "error", 0),
        ([CNI], [ALL], "error", 0),
        ([CNI], [READ], "error", 12),
        ([CNI], [CNI, NOT_SHOWN], "warning", 0),
        ([CNI], [NOT_SHOWN], "warning", 12),
        ([CNI], None, "warning", 0),
        (None, [CNI], "warning", 0),
        # Whatever the old role had, the new one can do anything.
        (None, [ALL], "error", 0),
        # What is not known may have allowed it, or denied it.
        ([NOT_SHOWN], [CNI], "warning", 0),
        ([CNI, NOT_SHOWN], [CNI], "warning", 0),
    ],
)
@pytest.mark.parametrize("way", [Identity.irsa, Identity.pod_identity])
def test_another_role_is_judged_by_what_the_plan_shows_of_both(
    way: Identity, old: list[str] | None, new: list[str] | None, level: str, missing: int
) -> None:
    trust = irsa() if way is Identity.irsa else POD_TRUST
    by_token, by_pod = addon(of_role("old"), of_role("new")), association("old", "new")
    change = by_token if way is Identity.irsa else by_pod
    plan = (change, *role_with("old", trust, old), *role_with("new", trust, new))
    (finding,) = (f for f in found(*plan) if f.rule in (CHANGED, LOST))
    assert (finding.rule, finding.level) == (CHANGED, level)
    assert ("new-access" in finding.means) == (level != "note")
    assert bool(finding.fix) == (level == "error")
    assert sum(len(plugin.missing) for plugin in reviewed(*plan).plugins[:1]) == missing


@pytest.mark.parametrize(
    ("policies", "level"),
    [([CNI], "note"), ([FEWER], "warning"), ([ALL], "error"), (None, "warning")],
)
@pytest.mark.parametrize("way", [Identity.irsa, Identity.pod_identity])
def test_a_first_role_is_a_warning_unless_the_plugin_works_with_it(
    way: Identity, policies: list[str] | None, level: str
) -> None:
    by_token, by_pod = addon(VERSION, of_role("a")), association(None, "a")
    change, trust = (by_token, irsa()) if way is Identity.irsa else (by_pod, POD_TRUST)
    assert levels(change, *role_with("a", trust, policies)) == {CHANGED: level}


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        ([OF_NODES], [CNI], "note"),
        ([OF_NODES], [CNI, READ], "error"),
        ([OF_NODES], [ALL], "error"),
        ([OF_NODES, scoped()], [CNI], "error"),  # it lacked nothing
        ([OF_NODES, document(deny("ec2:*"))], [CNI], "note"),
        ([OF_NODES], [scoped(), FEWER], "note"),
        ([OF_NODES], [FEWER], "error"),  # it still does not work
    ],
)
def test_a_role_with_only_the_policies_of_the_plugin_is_a_note_if_aws_node_did_not_work(
    before: list[str], after: list[str], level: str
) -> None:
    roles = (*own_role("n", NODE_TRUST, *before), *own_role("a", POD_TRUST, *after))
    plan = (addon(VERSION, VERSION), node_group("n", "n"), AGENT, association(None, "a"), *roles)
    assert levels(*plan) == {CHANGED: level}
    assert reviewed(*plan).failed is (level == "error")


def test_the_fix_of_a_role_with_only_the_policies_of_the_plugin_limits_them() -> None:
    roles = (*own_role("n", NODE_TRUST, OF_NODES, scoped()), *own_role("a", POD_TRUST, CNI))
    plan = (addon(VERSION, VERSION), node_group("n", "n"), AGENT, association(None, "a"), *roles)
    (finding,) = (f for f in found(*plan) if f.rule == CHANGED)
    assert finding.fix == "Limit the policies of aws_iam_role.a to what aws-node needs in prod"


@pytest.mark.parametrize("bounded", ["old", "new"])
def test_a_boundary_that_is_not_known_may_limit_anything(bounded: str) -> None:
    roles = {"old": own_role("old", irsa(), CNI), "new": own_role("new", irsa(), CNI)}
    for side in SIDES:
        roles[bounded][0]["change"][side]["permissions_boundary"] = ELSEWHERE
    change = addon(of_role("old"), of_role("new"))
    assert levels(change, *roles["old"], *roles["new"]) == {CHANGED: "warning"}


REFERRED = "aws_iam_role.new.arn", "aws_iam_role.old.arn"


@pytest.mark.parametrize(
    ("references", "roles"),
    [
        (REFERRED[:1], {InPlan("aws_iam_role.new")}),
        (REFERRED, {InPlan("aws_iam_role.new"), InPlan("aws_iam_role.old")}),
        (("aws_iam_role.elsewhere.arn",), None),
        (("aws_iam_user.new.arn",), None),
        ((), None),
    ],
)
def test_the_role_that_an_add_on_refers_to_is_the_plugins(
    references: tuple[str, ...], roles: set[InPlan] | None
) -> None:
    """Of several, it may be any; what is none of a role is not known."""
    role_arn = {"references": [*references]}
    configuration = configured(block("aws_eks_addon.vpc_cni", service_account_role_arn=role_arn))
    unknown = {"after_unknown": {"service_account_role_arn": True}}
    plan = (
        addon(of_role("cni"), VERSION, **unknown),
        *OLD,
        resource("aws_iam_role", "new", None, {"name": "new", "assume_role_policy": irsa()}),
        resource("aws_iam_user", "new", None, {"name": "new"}),
    )
    identity = after(*plan, configuration=configuration)
    assert identity.roles == roles if roles else isinstance(*identity.roles, Unresolved)
    missing = [
        str(f.level)
        for f in found(*plan, configuration=configuration)
        if f.rule == "plugin-permission-missing"
    ]
    # The new role allows nothing: an error, unless aws-node may have the other one.
    assert missing == {REFERRED[:1]: ["error"], REFERRED: ["warning"]}.get(references, [])
    answer = reviewed(*plan, configuration=configuration).plugins[0].answer
    assert ("which role it has" in answer) == (references == REFERRED)


def groups(before: str, after: str) -> list[Json]:
    """A node group for each role; none for a space."""

    def values(name: str) -> Json | None:
        return None if name == " " else {"cluster_name": "prod", "node_role_arn": arn_of(name)}

    pairs = enumerate(zip(before, after, strict=True))
    return [
        resource("aws_eks_node_group", f"n{n}", values(old), values(new)) for n, (old, new) in pairs
    ]


@pytest.mark.parametrize("sides", [("ab", "ab"), ("a ", "ab"), ("ab", "a "), ("ab", "ac")])
def test_nodes_that_only_come_or_go_are_no_other_identity(sides: tuple[str, str]) -> None:
    roles = [item for name in "abc" for item in own_role(name, NODE_TRUST, CNI)]
    plan = (addon(VERSION, VERSION), *roles, *groups(*sides))
    assert levels(*plan) == {}
    assert after(*plan).kind is Identity.node_role


def test_a_node_role_that_the_plan_does_not_show_hides_no_other_that_lacks_something() -> None:
    roles = own_role("b", NODE_TRUST, READ)
    for order in ("ab", "ba"):
        (plugin, *_) = reviewed(addon(VERSION, VERSION), *roles, *groups(order, order)).plugins
        assert plugin.verdict == "fails" and len(plugin.missing) == 12


def created(*items: Json) -> list[Json]:
    return [resource(i["type"], i["name"], None, i["change"]["after"]) for i in items]


@pytest.mark.parametrize(
    ("provider_before", "role_is_new", "before", "is_said"),
    [
        (None, True, {}, False),
        ({}, True, {}, True),  # the cluster is older than the plan
        (None, False, {}, True),
        (None, True, {"service_account_role_arn": arn_of("old")}, True),
    ],
)
def test_a_first_role_is_not_said_of_a_cluster_whose_oidc_provider_and_role_are_new(
    provider_before: Json | None, before: Json, *, role_is_new: bool, is_said: bool
) -> None:
    """The cluster is in another configuration, as with a module for add-ons."""
    own = own_role("cni", irsa(), CNI)
    installer = addon({**VERSION, **before} if before else None, of_role("cni"))
    plan = (provider(provider_before, {}), installer, *(created(*own) if role_is_new else own))
    assert (CHANGED in levels(*plan, *OLD)) is is_said


@pytest.mark.parametrize("is_configured", [True, False])
def test_an_association_of_an_add_on_that_is_known_after_apply_is_one_if_it_is_set(
    *, is_configured: bool
) -> None:
    """The provider computes the argument, too: then aws-node keeps the node role."""
    expressions = {"pod_identity_association": refers("var.associations")}
    unknown = {"after_unknown": {"pod_identity_association": True}}
    plan = (addon(VERSION, VERSION, **unknown), node_group("n", "n"))
    addon_block = block("aws_eks_addon.vpc_cni", **(expressions if is_configured else {}))
    configuration = configured(addon_block)
    kind = Identity.pod_identity if is_configured else Identity.node_role
    assert after(*plan, configuration=configuration).kind is kind
    changes = levels(*plan, *own_role("n", NODE_TRUST, CNI), configuration=configuration)
    assert changes == ({CHANGED: "warning"} if is_configured else {})


@pytest.mark.parametrize("name", ["namespace", "service_account"])
def test_an_association_whose_service_account_is_known_after_apply_may_be_aws_nodes(
    name: str,
) -> None:
    nodes = (
        node_group("n", "n"),
        *own_role("n", NODE_TRUST, CNI, OF_NODES),
        addon(VERSION, VERSION),
    )
    pod = own_role("a", POD_TRUST, CNI)
    for before, actions in ((None, ["create"]), ("a", ["delete", "create"])):
        change = association(before, "a", actions=actions, after_unknown={name: True})
        change["change"]["after"].pop(name)
        review = reviewed(change, *pod, *nodes)
        assert (review.plugins[0].verdict, review.failed) == ("unknown", True)
        messages = [f.message for f in review.findings if f.rule == "unread-resource"]
        assert messages == [
            "aws_eks_pod_identity_association.aws_node may belong to the VPC CNI plugin: "
            f"its {name} is not known"
        ]


TOO_OLD = {"addon_version": "v1.15.4-eksbuild.1"}


@pytest.mark.parametrize(
    ("before", "after", "association_before", "answer"),
    [
        (TOO_OLD, TOO_OLD, None, "fails with v1.15.4"),  # it gets its first association
        (V1_23, TOO_OLD, "a", "fails with v1.15.4"),  # it is downgraded
        (None, TOO_OLD, "a", "fails with v1.15.4"),
        (TOO_OLD, TOO_OLD, "a", "fails as before with v1.15.4"),
        (TOO_OLD, {"addon_version": "v1.15.5-eksbuild.1"}, "a", "works with v1.15.5"),
    ],
)
def test_versions_before_eks_pod_identity_get_no_credentials_from_it(
    before: Json | None, after: Json, association_before: str | None, answer: str
) -> None:
    changes = (addon(before, after), association(association_before, "a"))
    review = reviewed(*changes, *own_role("a", POD_TRUST, CNI))
    assert review.plugins[0].answer.startswith(answer)
    levels = levels_of(review)
    assert (levels.get("plugin-identity-lost") == "error") is answer.startswith("fails with")
    assert review.failed is answer.startswith("fails with")
