"""Whether the plugin keeps working: which identity it has, at which version, and what it may call.

The plans are put together by hand, in the form of the newest provider: the old one that runs here
has no Pod Identity associations, and no endpoint here has EKS.
"""

import json

import pytest

from eks import (
    ISSUER,
    MANAGED,
    NODE_TRUST,
    POD_TRUST,
    PROVIDER,
    addon,
    arn_of,
    association,
    irsa,
    node_group,
    own_role,
    provider,
    same,
)
from synthetic import Json, allow, document, resource, reviewed, rules
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import managed_policy, revisions
from vpc_cni_iam.catalog.facts.known_versions import find
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Finding, Review

CNI = dumps(managed_policy())
(_IPV6,) = variants.find(("ipv6",))
# As of before v1.22.0, which calls ec2:DescribeSubnets in IPv6 mode, too.
OLD_IPV6 = dumps(_IPV6.document(revisions()[0]))
ROLE = {"service_account_role_arn": arn_of("cni")}


def at(version: str, **more: object) -> Json:
    return {"addon_version": f"{version}-eksbuild.1", **ROLE, **more}


def found(review: Review, rule: str) -> Finding:
    (finding,) = (f for f in review.findings if f.rule == rule)
    return finding


def levels(review: Review) -> dict[str, str]:
    return {f.rule: f.level for f in review.findings}


def cluster(family: str = "ipv4") -> Json:
    values = {"name": "prod", "kubernetes_network_config": [{"ip_family": family}]}
    return same("aws_eks_cluster", "prod", values)


def test_the_ip_family_is_that_of_the_cluster_before_and_after() -> None:
    sides = [
        {"name": "prod", "kubernetes_network_config": [{"ip_family": family}]}
        for family in ("ipv4", "ipv6")
    ]
    made_anew = resource("aws_eks_cluster", "prod", *sides, actions=["delete", "create"])
    update = addon(at("v1.22.1"), at("v1.23.2"))
    (seen,) = reviewed(made_anew, update, *own_role("cni", irsa(), CNI)).clusters
    assert (seen.mode_before, seen.mode_after) == ("ipv4", "ipv6")


def test_an_update_of_a_plugin_whose_policies_are_not_shown_says_what_it_newly_calls() -> None:
    finding = found(reviewed(addon(at("v1.20.0"), at("v1.22.0"))), "plugin-version-changed")
    assert finding.level == "warning"
    assert finding.message == (
        "The plugin is updated from v1.20.0-eksbuild.1 to v1.22.0-eksbuild.1, which newly calls "
        "ec2:DescribeSecurityGroups; the plan does not show the policies of its role"
    )
    same_calls = found(reviewed(addon(at("v1.23.1"), at("v1.23.2"))), "plugin-version-changed")
    assert same_calls.level == "note" and "newly calls" not in same_calls.message


def test_an_update_of_the_plugin_is_judged_by_the_version_after() -> None:
    """The outage of 2026: an IPv6 policy without ec2:DescribeSubnets, and v1.22.1."""
    rest = (cluster("ipv6"), *own_role("cni", irsa(), OLD_IPV6))
    review = reviewed(addon(at("v1.21.2"), at("v1.22.1")), *rest)
    missing = found(review, "plugin-permission-missing")
    assert (missing.level, missing.address) == ("error", "aws_iam_role.cni")
    assert "v1.22.1" in missing.message and "ec2:DescribeSubnets" in missing.message
    assert "coverage-lost" in missing.means
    assert "v1.21.2" in found(review, "plugin-version-changed").message
    (change,) = review.clusters
    assert (change.judged_before, change.judged_after) == ("v1.21.2", "v1.22.1")
    assert change.source == "plan"
    calm = reviewed(addon(at("v1.21.1"), at("v1.21.2")), *rest)
    assert levels(calm) == {"plugin-version-changed": "note"}


@pytest.mark.parametrize("bounded", ["old", "new"])
def test_a_boundary_that_is_not_known_may_hold_back_anything(bounded: str) -> None:
    roles = [*own_role("old", irsa(), CNI), *own_role("new", irsa(), CNI)]
    for side in ("before", "after"):
        role = roles[0 if bounded == "old" else 2]["change"][side]
        role["permissions_boundary"] = "arn:aws:iam::111122223333:policy/of-the-organization"
    sides = ({"service_account_role_arn": arn_of(name)} for name in ("old", "new"))
    review = reviewed(addon(*sides), *roles)
    assert levels(review)["plugin-identity-changed"] == "warning"
    assert (review.clusters[0].after.missing is None) == (bounded == "new")


def test_a_version_that_is_not_known_is_said_with_the_one_that_is_judged() -> None:
    rest = own_role("cni", irsa(), CNI)
    unknown = {k: v for k, v in at("v1.21.2").items() if k != "addon_version"}
    change = addon(at("v1.21.2"), unknown, after_unknown={"addon_version": True})
    review = reviewed(change, *rest)
    assert found(review, "plugin-version-unknown").level == "warning"
    assert review.clusters[0].judged_after in found(review, "plugin-version-unknown").message
    later = reviewed(addon(at("v1.21.2"), at("v9.0.0")), *rest)
    assert found(later, "plugin-version-unknown").level == "warning"
    assert "v9.0.0" in found(later, "plugin-version-unknown").message


def test_the_environment_and_the_mode_come_from_the_plan() -> None:
    six = json.dumps({"env": {"ENABLE_IPv6": "true"}})
    v4 = {"configuration_values": json.dumps({"env": {"ENABLE_IPv6": "false"}})}
    change = addon(at("v1.21.2", **v4), at("v1.21.2", configuration_values=six))
    review = reviewed(change, *own_role("cni", irsa(), CNI))
    assert found(review, "plugin-configuration-changed").details == ("ENABLE_IPv6: false -> true",)
    assert "ec2:AssignIpv6Addresses" in found(review, "plugin-permission-missing").message
    assert (review.clusters[0].mode_before, review.clusters[0].mode_after) == ("ipv4", "ipv6")
    hidden = addon(at("v1.21.2", **v4), at("v1.21.2"), after_unknown={"configuration_values": True})
    review = reviewed(hidden, *own_role("cni", irsa(), CNI))
    assert found(review, "plugin-configuration-changed").level == "warning"


@pytest.mark.parametrize(
    ("before", "after", "messages"),
    [
        ({"version": "1.21.2"}, {"version": "1.22.1"}, "v1.21.2"),
        ({"values": ["image:\n  tag: v1.21.2\n"]}, {"values": ["image:\n  tag: v1.22.1\n"]}, "v1."),
        (
            {"set": [{"name": "image.tag", "value": "v1.21.2"}]},
            {"set": [{"name": "image.tag", "value": "v1.22.1"}]},
            "v1.21.2",
        ),
    ],
)
def test_a_helm_release_says_the_version(before: Json, after: Json, messages: str) -> None:
    annotation = {"name": r"serviceAccount.annotations.eks\.amazonaws\.com/role-arn"}
    annotation["value"] = arn_of("cni")
    env = {"name": "env.ENABLE_IPv6", "value": "true"}
    sides = [
        {
            "chart": "aws-vpc-cni",
            "name": "cni",
            **side,
            "set": [*side.get("set", ()), annotation, env],
        }
        for side in (before, after)
    ]
    review = reviewed(resource("helm_release", "cni", *sides), *own_role("cni", irsa(), OLD_IPV6))
    assert messages in found(review, "plugin-version-changed").message
    assert "ec2:DescribeSubnets" in found(review, "plugin-permission-missing").message
    assert review.clusters[0].after.kind == "irsa"


READ = document(allow("s3:GetObject"))
ELSEWHERE = "arn:aws:iam::111122223333:policy/elsewhere"


def from_old_to_new(*old: Json, new: tuple[Json, ...]) -> Review:
    """aws-node gets the role new in place of the role old."""
    sides = ({"service_account_role_arn": arn_of(name)} for name in ("old", "new"))
    return reviewed(addon(*sides), *old, *new)


def with_elsewhere(name: str, *texts: str) -> list[Json]:
    """A role with a policy whose document the plan does not show."""
    values = {"role": name, "policy_arn": ELSEWHERE}
    attached = same("aws_iam_role_policy_attachment", name, values)
    return [*own_role(name, irsa(), *texts), attached]


OLD, NEW = own_role("old", irsa(), CNI), own_role("new", irsa(), CNI)
NOT_SHOWN = "unknown: the plan does not show all of its policies"
NOT_SHOWN_BEFORE = "unknown: the plan does not show all that aws-node had before"


@pytest.mark.parametrize(
    ("old", "new", "access", "level", "missing"),
    [
        (OLD, NEW, "no new access: ", "note", 0),
        (own_role("old", irsa(), CNI, READ), NEW, "no new access: ", "note", 0),
        (OLD, own_role("new", irsa(), CNI, READ), "new access: s3:GetObject", "error", 0),
        (OLD, own_role("new", irsa(), READ), "new access: s3:GetObject", "error", 12),
        (OLD, with_elsewhere("new", CNI), NOT_SHOWN, "warning", 0),
        (OLD, with_elsewhere("new"), NOT_SHOWN, "warning", 12),
        (OLD, [], NOT_SHOWN, "warning", None),
        ([], NEW, NOT_SHOWN_BEFORE, "warning", 0),
        # What is not known may have allowed it, or denied it.
        (with_elsewhere("old"), NEW, NOT_SHOWN_BEFORE, "warning", 0),
        (with_elsewhere("old", CNI), NEW, NOT_SHOWN_BEFORE, "warning", 0),
    ],
)
def test_another_role_is_judged_by_what_the_plan_shows_of_both(
    old: list[Json], new: list[Json], access: str, level: str, missing: int | None
) -> None:
    review = from_old_to_new(*old, new=(*new,))
    (change,) = review.clusters
    assert change.identity_changes and change.access
    example = change.access.witness
    what = example.action if example else change.access.reason
    assert f"{change.access.verdict}: {what}" == access
    assert found(review, "plugin-identity-changed").level == level
    lacks = change.after.missing
    assert (None if lacks is None else len(lacks)) == missing
    assert change.after.lacking == (("aws_iam_role.new",) if missing else ())


def groups(before: str, after: str) -> list[Json]:
    """A node group for each role."""

    def values(name: str) -> Json:
        return {"cluster_name": "prod", "node_role_arn": arn_of(name)}

    return [
        resource(
            "aws_eks_node_group",
            f"{place}",
            None if old == " " else values(old),
            None if new == " " else values(new),
        )
        for place, (old, new) in enumerate(zip(before, after, strict=True))
    ]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("ab", "ab", False),
        ("a ", "ab", False),
        ("ab", "a ", False),
        ("ab", "ac", True),
        ("a", "b", True),
        ("a ", " b", True),
    ],
)
def test_nodes_that_only_come_or_go_are_no_other_identity(
    before: str, after: str, changes: bool
) -> None:
    roles = [item for name in "abc" for item in own_role(name, NODE_TRUST, CNI)]
    review = reviewed(
        addon({}, {"addon_version": "v1.21.2-eksbuild.1"}), *roles, *groups(before, after)
    )
    (change,) = review.clusters
    assert (change.before.kind, change.after.kind) == ("node-role", "node-role")
    assert change.identity_changes is changes


def test_a_value_that_is_marked_sensitive_is_in_no_example_of_what_another_role_may_do() -> None:
    values = {"name": "secret-bucket"}
    marks = {"before_sensitive": {"name": True}, "after_sensitive": {"name": True}}
    secret = same("vault_generic_secret", "s", values, **marks)
    hidden = document(allow("s3:GetObject", "arn:aws:s3:::secret-bucket/*"))
    for texts in ((CNI, READ), (CNI, READ, hidden)):
        for old in ((), (hidden,)):
            roles = [*own_role("old", irsa(), CNI, *old), *own_role("new", irsa(), *texts)]
            (change,) = from_old_to_new(secret, new=(*roles,)).clusters
            assert change.access and change.access.verdict == "new access"
            assert (change.access.witness is None) == (hidden in (*old, *texts))


def test_the_version_before_is_that_after_where_the_plan_has_none_before() -> None:
    roles = own_role("cni", irsa(), CNI)
    for before in (None, ROLE):
        (change,) = reviewed(addon(before, at("v1.21.2")), *roles).clusters
        assert (change.judged_before, change.judged_after) == ("v1.21.2", "v1.21.2")
    (change,) = reviewed(addon(at("v1.21.1"), at("v1.21.2")), *roles).clusters
    assert (change.judged_before, change.judged_after) == ("v1.21.1", "v1.21.2")


def test_a_node_role_that_the_plan_does_not_show_hides_no_other_that_lacks_something() -> None:
    roles = own_role("b", NODE_TRUST, READ)
    for order in ("ab", "ba"):
        review = reviewed(addon({}, {}), *roles, *groups(order, order))
        (change,) = review.clusters
        assert (change.after.lacking, len(change.after.missing or ())) == (("aws_iam_role.b",), 12)


def test_an_add_on_without_its_role_has_the_node_role() -> None:
    change = addon(at("v1.22.1"), {"addon_version": "v1.22.1-eksbuild.1"})
    roles = (*own_role("cni", irsa(), CNI), *own_role("node", NODE_TRUST, document(allow("s3:*"))))
    review = reviewed(change, *roles, node_group("node", "node"))
    assert found(review, "plugin-identity-changed").level == "error"  # s3:*
    assert found(review, "plugin-permission-missing").address == "aws_iam_role.node"
    assert review.clusters[0].after.kind == "node-role"
    alone = reviewed(change, *own_role("cni", irsa(), CNI))
    assert levels(alone)["plugin-identity-lost"] == "error"


@pytest.mark.parametrize(
    ("text", "level"), [(CNI, "note"), (document(allow("ec2:*")), "error"), (None, "note")]
)
def test_an_association_that_moves_to_another_role(text: str | None, level: str) -> None:
    weaker = document(allow("ec2:DescribeInstances"))
    roles = (*own_role("a", POD_TRUST, CNI), *own_role("b", POD_TRUST, text or weaker))
    review = reviewed(association("a", "b"), *roles)
    assert found(review, "plugin-identity-changed").level == level
    assert ("plugin-permission-missing" in levels(review)) is (text is None)
    assert review.failed is (level == "error" or text is None)


def test_an_association_that_goes_or_comes() -> None:
    role = own_role("a", POD_TRUST, CNI)
    assert levels(reviewed(association("a", None), *role)) == {"plugin-identity-lost": "error"}
    assert levels(reviewed(association(None, "a"), *role)) == {"plugin-identity-changed": "note"}
    poor = own_role("a", POD_TRUST, document(allow("ec2:DescribeTags")))
    assert levels(reviewed(association(None, "a"), *poor))["plugin-permission-missing"] == "error"
    elsewhere = reviewed(association(None, "elsewhere"))
    assert levels(elsewhere) == {"plugin-identity-changed": "warning"}


@pytest.mark.parametrize(
    ("clusters", "shown"),
    [
        (["prod"], "aws_eks_cluster.c0"),
        (["other"], "prod"),
        (["other", "prod"], "aws_eks_cluster.c1"),
        (["prod", "prod"], "prod"),
        ([], "prod"),
    ],
)
def test_a_cluster_is_found_by_its_name(clusters: list[str], shown: str) -> None:
    made = [same("aws_eks_cluster", f"c{n}", {"name": name}) for n, name in enumerate(clusters)]
    roles = (*own_role("a", POD_TRUST, CNI), *own_role("b", POD_TRUST, CNI))
    (cluster_change,) = reviewed(association("a", "b"), *made, *roles).clusters
    assert cluster_change.cluster == shown


def in_region(change: Json, region: str, name: str, *, argument: bool) -> Json:
    """The same in a Region: by the argument of newer providers, or by the ARN that older ones have.

    A resource that comes has no ARN.
    """
    kind, sides = change["type"], change["change"]
    key = "association_arn" if kind == "aws_eks_pod_identity_association" else "arn"
    own = {key: f"arn:aws:eks:{region}:111122223333:{name}"}
    own = {"region": region} if argument else own
    for side in ("before", "after"):
        sides[side] = sides[side] and {**sides[side], **own}
    return change | {"address": f"{kind}.{name}", "name": name}


@pytest.mark.parametrize("argument", [True, False])
@pytest.mark.parametrize("with_cluster", [True, False])
def test_clusters_of_one_name_in_two_regions_are_two(*, argument: bool, with_cluster: bool) -> None:
    """The association of the one does not hide that the other loses its role."""
    roles = (*own_role("good", POD_TRUST, CNI), *own_role("old", irsa(), CNI))
    poor = own_role("cni", irsa(), document(allow("ec2:DescribeTags")))
    moves = addon({**at("v1.23.2"), "service_account_role_arn": arn_of("old")}, at("v1.23.2"))
    made = same("aws_eks_cluster", "prod", {"name": "prod"})
    review = reviewed(
        in_region(association("good", "good"), "eu-west-1", "eu", argument=argument),
        in_region(moves, "us-east-1", "us", argument=argument),
        *([in_region(made, "eu-west-1", "prod", argument=argument)] if with_cluster else []),
        *roles,
        *poor,
    )
    assert found(review, "plugin-permission-missing").level == "error"
    eu = "aws_eks_cluster.prod" if with_cluster else "prod in eu-west-1"
    assert {c.cluster for c in review.clusters} == {eu, "prod in us-east-1"}


def test_an_association_of_another_service_account_leaves_aws_node_without_its_role() -> None:
    change = association("a", "a")
    change["change"]["after"] = {**change["change"]["after"], "service_account": "other"}
    change["change"]["actions"] = ["delete", "create"]
    review = reviewed(change, *own_role("a", POD_TRUST, CNI))
    assert levels(review)["plugin-identity-lost"] == "error"


def test_an_identity_that_the_role_does_not_trust_is_lost() -> None:
    roles = (*own_role("a", POD_TRUST, CNI), *own_role("b", irsa(), CNI))
    review = reviewed(association("a", "b"), *roles)
    assert levels(review) == {"plugin-identity-lost": "error"}
    assert "aws_iam_role.b" in found(review, "plugin-identity-lost").message


@pytest.mark.parametrize(
    ("after", "level"),
    [
        (None, {"plugin-identity-lost": "error"}),
        ({"client_id_list": ["other"]}, {"plugin-identity-lost": "error"}),
        ({"thumbprint_list": ["b" * 40]}, {"oidc-provider-changed": "note"}),
        ({"client_id_list": ["sts.amazonaws.com", "x"]}, {"oidc-provider-changed": "warning"}),
    ],
)
def test_an_oidc_provider_that_changes(after: Json | None, level: dict[str, str]) -> None:
    review = reviewed(provider({}, after), *own_role("cni", irsa(), CNI))
    assert levels(review) == level
    assert ISSUER.startswith("oidc.eks")


def test_an_oidc_provider_is_known_by_its_arn() -> None:
    """A provider before the url was in its state, and one whose url is not shown."""
    review = reviewed(provider({"url": None}, None), *own_role("cni", irsa(), CNI))
    assert levels(review) == {"plugin-identity-lost": "error"}
    another = provider({"url": None, "arn": PROVIDER.replace("EXAMPLE", "OTHER")}, None)
    others = reviewed(another, *own_role("cni", irsa(), CNI))
    assert levels(others) == {"oidc-provider-changed": "warning"}


def test_an_oidc_provider_of_other_roles_is_said_with_them() -> None:
    other = irsa(subject="system:serviceaccount:default:app")
    review = reviewed(provider({}, None), *own_role("app", other, document(allow("s3:*"))))
    assert levels(review) == {"oidc-provider-changed": "warning"}
    assert "aws_iam_role.app" in review.findings[0].message


def test_the_plugin_that_is_removed() -> None:
    review = reviewed(addon(at("v1.22.1"), None), *own_role("cni", irsa(), CNI))
    assert levels(review)["plugin-removed"] == "error"
    result = reviewed(addon(at("v1.22.1", preserve=True), None), *own_role("cni", irsa(), CNI))
    assert levels(result)["plugin-removed"] == "warning"


def test_nodes_that_get_another_role() -> None:
    roles = (*own_role("a", NODE_TRUST, CNI), *own_role("b", NODE_TRUST, document(allow("s3:*"))))
    review = reviewed(node_group("a", "b"), *roles)
    assert levels(review)["node-role-changed"] == "error"
    assert levels(review)["plugin-permission-missing"] == "error"
    more = resource(
        "aws_eks_node_group", "m", None, {"cluster_name": "prod", "node_role_arn": arn_of("b")}
    )
    added = reviewed(node_group("a", "a"), more, *roles)
    assert levels(added) == {"plugin-permission-missing": "error", "node-role-changed": "warning"}
    sides = [{"name": "p", "role": name} for name in ("a", "b")]
    profile = reviewed(resource("aws_iam_instance_profile", "p", *sides), *roles)
    assert levels(profile)["node-role-changed"] == "error"
    templates = [{"iam_instance_profile": [{"name": n}]} for n in ("p", "q")]
    profiles = [
        same("aws_iam_instance_profile", n, {"name": n, "role": r}) for n, r in ("pa", "qb")
    ]
    review = reviewed(resource("aws_launch_template", "t", *templates), *profiles, *roles)
    assert levels(review)["node-role-changed"] == "error"


@pytest.mark.parametrize(
    ("policy", "level"),
    [("AmazonEKSClusterAdminPolicy", "error"), ("AmazonEKSViewPolicy", "warning")],
)
def test_who_administers_a_cluster(policy: str, level: str) -> None:
    values = {
        "cluster_name": "prod",
        "principal_arn": arn_of("dev"),
        "policy_arn": f"arn:aws:eks::aws:cluster-access-policy/{policy}",
        "access_scope": [{"type": "cluster", "namespaces": None}],
    }
    review = reviewed(resource("aws_eks_access_policy_association", "a", None, values))
    assert levels(review) == {"cluster-access-widened": level}
    gone = reviewed(resource("aws_eks_access_policy_association", "a", values, None))
    assert levels(gone) == {"access-removed": "note"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kubernetes_groups": ["ops", "dev"]}, "the Kubernetes groups ops, dev"),
        ({"type": "EC2_LINUX"}, "what a node has, by the type EC2_LINUX"),
        ({"user_name": "admin"}, "the user name admin"),
        ({"type": "STANDARD"}, ""),
        ({}, ""),
    ],
)
def test_what_an_access_entry_gives_by_itself(values: Json, words: str) -> None:
    entry = {"cluster_name": "prod", "principal_arn": arn_of("dev")}
    review = reviewed(resource("aws_eks_access_entry", "e", None, {**entry, **values}))
    texts = [f"{f.message} {' '.join(f.details)}" for f in review.findings]
    assert [words in text for text in texts] == ([True] if words else [])
    assert levels(reviewed(same("aws_eks_access_entry", "e", {**entry, **values}))) == {}


GROUPS = {"kubernetes_groups": ["ops"], "user_name": "x"}


@pytest.mark.parametrize(
    ("before", "after", "unknown", "words"),
    [
        ({}, {}, ["kubernetes_groups"], "gets Kubernetes groups known after apply"),
        (GROUPS, GROUPS, ["kubernetes_groups"], "and Kubernetes groups known after apply"),
        (GROUPS, {**GROUPS, "kubernetes_groups": ["dev"]}, [], "gets the Kubernetes groups dev"),
        (GROUPS, {**GROUPS, "tags": {"a": "b"}}, [], ""),
        ({"tags": {}}, {"tags": {"a": "b"}}, [], ""),
        # Where the configuration does not set it, the provider computes it.
        (GROUPS, {"kubernetes_groups": ["ops"]}, ["user_name"], ""),
        (GROUPS, {**GROUPS, "user_name": "y"}, [], "and the user name y"),
        (GROUPS, {**GROUPS, "principal_arn": None}, ["principal_arn"], "principal known after"),
    ],
)
def test_what_changes_an_access_entry(
    before: Json, after: Json, unknown: list[str], words: str
) -> None:
    base = {"cluster_name": "prod", "principal_arn": arn_of("dev")}
    later = dict.fromkeys(unknown, True)
    change = resource(
        "aws_eks_access_entry",
        "e",
        {**base, **before},
        {**base, **after},
        actions=["update"],
        after_unknown=later,
    )
    messages = [f.message for f in reviewed(change).findings]
    assert [words in message for message in messages] == ([True] if words else []), messages


@pytest.mark.parametrize(
    ("before", "after", "unknown", "words"),
    [
        ({"authentication_mode": "API"}, {"authentication_mode": "API"}, {}, ""),
        ({}, {"authentication_mode": "CONFIG_MAP"}, {}, ""),
        ({}, {"authentication_mode": "API"}, {}, "authentication_mode from CONFIG_MAP to API"),
        ({}, {"bootstrap_cluster_creator_admin_permissions": True}, {}, ""),
        ({}, {"bootstrap_cluster_creator_admin_permissions": False}, {}, ""),
        (
            {"bootstrap_cluster_creator_admin_permissions": False},
            {"bootstrap_cluster_creator_admin_permissions": True},
            {},
            "bootstrap_cluster_creator_admin_permissions from false to true: who creates it",
        ),
        # Nothing in the configuration sets it, so that a replaced cluster has EKS's default.
        (
            {"authentication_mode": "API"},
            {},
            {"access_config": True},
            "authentication_mode from API to CONFIG_MAP",
        ),
    ],
)
def test_what_changes_who_is_let_into_a_cluster(
    before: Json, after: Json, unknown: Json, words: str
) -> None:
    sides: list[Json] = [{"name": "prod", "access_config": [side]} for side in (before, after)]
    if unknown:
        del sides[1]["access_config"]
    change = resource("aws_eks_cluster", "c", *sides, actions=["update"], after_unknown=unknown)
    messages = [f.message for f in reviewed(change).findings]
    assert [words in message for message in messages] == ([True] if words else []), messages


def test_a_new_cluster_with_all_that_is_its_own_is_calm() -> None:
    cni = resource(
        "aws_eks_addon",
        "c",
        None,
        {"cluster_name": "prod", "addon_name": "vpc-cni", **at("v1.22.1")},
    )
    new = resource("aws_eks_cluster", "prod", None, {"name": "prod"})
    review = reviewed(new, cni, *own_role("cni", irsa(), CNI))
    assert not levels(review), review.findings


def test_the_option_overrides_what_the_plan_says() -> None:
    from synthetic import plan
    from vpc_cni_iam.inputs.plan.reader import read_plan
    from vpc_cni_iam.review.diff.coverage import ReviewTarget
    from vpc_cni_iam.review.run import review as run

    changes = (addon(at("v1.21.2"), at("v1.22.1")), cluster("ipv6"))
    text = plan(*changes, *own_role("cni", irsa(), OLD_IPV6))
    target = ReviewTarget(find("v1.21.2"), chosen=True)
    review = run(read_plan(text, "plan.json"), target)
    assert "plugin-permission-missing" not in levels(review)
    assert review.clusters[0].source == "option"


def test_the_managed_policy_is_on_the_node_role() -> None:
    assert MANAGED.endswith("AmazonEKS_CNI_Policy")


@pytest.mark.parametrize("operator", ["IpAddress", "NotIpAddress"])
def test_a_deny_by_what_requests_are_not_known_to_carry_may_take_calls_away(operator: str) -> None:
    """Whether a node's address is in the range, no plan says: it counts, as a doubt."""
    deny = allow("ec2:*", Effect="Deny", Condition={operator: {"aws:SourceIp": "10.0.0.0/8"}})
    after = document(*json.loads(CNI)["Statement"], deny)
    role = {"role": "cni", "name": "cni"}
    change = resource(
        "aws_iam_role_policy", "cni", {**role, "policy": CNI}, {**role, "policy": after}
    )
    lost = [
        f for f in reviewed(change, fail_on="coverage-lost").findings if f.rule == "coverage-lost"
    ]
    assert lost and {f.level for f in lost} == {"warning"}
    assert all("may no longer call ec2:" in f.message for f in lost)
    assert any("aws:SourceIp of the request is not known" in d for f in lost for d in f.details)
    update = addon(at("v1.21.2"), at("v1.22.1"))
    review = reviewed(update, cluster(), *own_role("cni", irsa(), after))
    missing = [f for f in review.findings if f.rule == "plugin-permission-missing"]
    assert missing and {f.level for f in missing} == {"warning"}
    assert all("may not allow" in f.message for f in missing)


def test_a_cluster_that_no_side_says_of_before_has_the_family_of_its_new_role() -> None:
    made = [
        {**r, "change": {**r["change"], "actions": ["create"], "before": None}}
        for r in own_role("cni", irsa(), OLD_IPV6)
    ]
    (change,) = reviewed(*made, addon(None, at("v1.21.2"))).clusters
    assert (change.mode_before, change.mode_after) == ("ipv6", "ipv6")


def test_what_the_role_never_allowed_is_said_where_no_version_is_named() -> None:
    """`No finding about the plugin` beside a version would read as if the plugin worked with it."""
    made = own_role("cni", irsa(), OLD_IPV6)
    lacking = found(reviewed(*made), "coverage-lacking")
    assert (lacking.level, lacking.address) == ("note", "aws_iam_role.cni")
    assert "(IPv6) fails without ec2:DescribeSubnets, which the policies in" in lacking.message
    assert levels(reviewed(*own_role("cni", irsa(), CNI))) == {}
    # Here the plan names the version, by which the policies are enough.
    assert levels(reviewed(*made, addon(at("v1.21.2"), at("v1.21.2")))) == {}


def test_a_call_whose_denial_has_no_effect_is_a_note_as_in_coverage() -> None:
    (role, inline) = own_role("cni", irsa(), OLD_IPV6)
    update = reviewed(addon(at("v1.19.6"), at("v1.21.2")), role, inline)
    assert levels(update) == {"plugin-permission-missing": "note", "plugin-version-changed": "note"}
    called = allow("ec2:ModifyNetworkInterfaceAttribute", "*")
    more = document(*json.loads(OLD_IPV6)["Statement"], called)
    sides = ({**inline["change"]["after"], "policy": text} for text in (more, OLD_IPV6))
    less = resource("aws_iam_role_policy", "cni-0", *sides)
    lost = found(reviewed(addon(at("v1.21.2"), at("v1.21.2")), role, less), "coverage-lost")
    assert (lost.level, "nothing: the first interface" in lost.details[0]) == ("note", True)


def test_a_role_of_which_an_older_object_is_left_stays_the_plugins() -> None:
    """Terraform deletes what a failed replacement with create_before_destroy has left."""
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    left = resource("aws_iam_role", "cni", values, None, deposed="abcd1234")
    own = (cluster(), *own_role("cni", irsa(), CNI), addon(at("v1.23.2"), at("v1.23.2")))
    assert rules(reviewed(*own, left)) == {"access-removed"}
