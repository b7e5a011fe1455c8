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
    OF_ACCOUNT,
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
from synthetic import Json, allow, attachment, document, levels, resource, reviewed, role, rules
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import managed_policy, revisions
from vpc_cni_iam.catalog.facts.known_versions import find, newest
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Finding, Review

CNI = dumps(managed_policy())
(_IPV6,) = variants.find(("ipv6",))
# As of before v1.22.0, which calls ec2:DescribeSubnets in IPv6 mode, too.
OLD_IPV6 = dumps(_IPV6.document(revisions()[0]))
ROLE = {"service_account_role_arn": arn_of("cni")}


VERSION = {"addon_version": "v1.23.2-eksbuild.1"}


def of_role(name: str) -> Json:
    return {**VERSION, "service_account_role_arn": arn_of(name)}


def at(version: str, **more: object) -> Json:
    return {"addon_version": f"{version}-eksbuild.1", **ROLE, **more}


def found(review: Review, rule: str) -> Finding:
    (finding,) = (f for f in review.findings if f.rule == rule)
    return finding


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


@pytest.mark.parametrize(("family", "lost"), [("ipv4", True), ("ipv6", False), ("", True)])
def test_policies_are_judged_by_what_the_family_of_the_cluster_needs(
    family: str, *, lost: bool
) -> None:
    """Where no cluster says it, by both."""
    clusters = [cluster(family)] if family else []
    statements = json.loads(CNI)["Statement"]
    ipv6 = allow(["ec2:AssignIpv6Addresses", "ec2:DescribeSubnets"])
    fewer = {**statements[0], "Action": statements[0]["Action"][1:]}
    sides = [
        {"role": "cni", "name": "more", "policy": document(first, *statements[1:], ipv6)}
        for first in (statements[0], fewer)
    ]
    change = resource("aws_iam_role_policy", "more", *sides)
    update = addon(at("v1.23.2"), at("v1.23.2"))
    review = reviewed(*clusters, update, *own_role("cni", irsa()), change)
    assert ("coverage-lost" in rules(review)) is lost


@pytest.mark.parametrize("odd", [None, "x", 1, [], [None], ["x"], {}])
def test_a_cluster_of_another_shape_ends_no_review(odd: object) -> None:
    names = ("kubernetes_network_config", "vpc_config", "access_config")
    odd_cluster = same("aws_eks_cluster", "prod", {"name": "prod", **dict.fromkeys(names, odd)})
    (seen,) = reviewed(odd_cluster, addon(VERSION, VERSION)).clusters
    assert (seen.cluster, seen.mode_after) == ("aws_eks_cluster.prod", "ipv4")


def test_each_of_two_clusters_has_its_own_ip_family() -> None:
    changes = []
    for name, family in (("a", "ipv4"), ("b", "ipv6")):
        values = {"name": name, "kubernetes_network_config": [{"ip_family": family}]}
        own = {**VERSION, "addon_name": "vpc-cni", "cluster_name": name}
        changes += [same("aws_eks_cluster", name, values), same("aws_eks_addon", name, own)]
    modes = [(c.cluster, c.mode_after) for c in reviewed(*changes).clusters]
    assert modes == [("aws_eks_cluster.a", "ipv4"), ("aws_eks_cluster.b", "ipv6")]


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


@pytest.mark.parametrize(
    ("references", "roles"),
    [
        (["aws_iam_role.new.arn"], ("aws_iam_role.new",)),
        (
            ["aws_iam_role.new.arn", "aws_iam_role.old.arn"],
            ("aws_iam_role.new or aws_iam_role.old",),
        ),
        (["aws_iam_role.elsewhere.arn"], ("aws_iam_role.elsewhere.arn",)),
        (["aws_iam_user.new.arn"], ("aws_iam_user.new.arn",)),
        ([], ("a role known after apply",)),
    ],
)
def test_the_role_that_an_add_on_refers_to_is_the_plugins(
    references: list[str], roles: tuple[str, ...]
) -> None:
    expressions = {"service_account_role_arn": {"references": references}}
    block = {"type": "aws_eks_addon", "name": "vpc_cni", "expressions": expressions}
    later = addon(ROLE, {}, after_unknown={"service_account_role_arn": True})
    review = reviewed(
        later,
        *own_role("old", irsa(), CNI),
        role("new", None, irsa()),
        resource("aws_iam_user", "new", None, {"name": "new"}),
        configuration={"root_module": {"resources": [block]}},
    )
    assert review.clusters[0].after.roles == roles


def test_what_a_version_newly_calls_is_told_apart_from_what_its_role_loses() -> None:
    deny = allow("ec2:AssignIpv6Addresses", Effect="Deny")
    texts = (OLD_IPV6, document(*json.loads(OLD_IPV6)["Statement"], deny))
    inline = ({"role": "cni", "name": "i", "policy": text} for text in texts)
    review = reviewed(
        addon(at("v1.21.2"), at("v1.22.1")),
        cluster("ipv6"),
        *own_role("cni", irsa()),
        resource("aws_iam_role_policy", "i", *inline),
    )
    called = {r: found(review, r).message for r in ("coverage-lost", "plugin-permission-missing")}
    assert "ec2:AssignIpv6Addresses" in called["coverage-lost"]
    assert "ec2:AssignIpv6Addresses" not in called["plugin-permission-missing"]
    assert "ec2:DescribeSubnets" in called["plugin-permission-missing"]


def test_a_new_role_that_is_not_aws_nodes_is_judged_beside_the_plugin() -> None:
    more = created(*own_role("b", irsa(), OLD_IPV6))
    own = own_role("cni", irsa(), document(allow("ec2:*")))
    review = reviewed(addon(at("v1.21.2"), at("v1.22.1")), cluster("ipv6"), *own, *more)
    lacking = found(review, "coverage-lacking")
    assert (lacking.level, lacking.address) == ("warning", "aws_iam_role.b")


def test_a_policy_that_the_plan_does_not_show_may_allow_what_is_missing() -> None:
    other = "arn:aws:iam::111122223333:policy/of-another-configuration"
    rest = (cluster("ipv6"), *own_role("cni", irsa(), OLD_IPV6), attachment("cni", other))
    missing = found(
        reviewed(addon(at("v1.21.2"), at("v1.22.1")), *rest), "plugin-permission-missing"
    )
    assert missing.level == "warning"
    assert f"does not allow, unless {other} allows it: ipamd exits" in missing.message


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


@pytest.mark.parametrize(
    ("text", "before", "after", "is_said"),
    [
        (CNI, None, "else", True),
        (CNI, "known", "else", True),
        (CNI, "else", "else", False),
        (CNI, None, "known", False),
        (CNI, "else", None, False),
        (document(allow("s3:GetObject")), None, "else", False),
    ],
)
def test_a_boundary_that_comes_and_is_not_known_may_take_the_plugins_calls_away(
    text: str, before: str | None, after: str | None, *, is_said: bool
) -> None:
    arns = {name: f"arn:aws:iam::111122223333:policy/{name}" for name in ("known", "else")}
    bound = {"name": "known", "arn": arns["known"], "policy": document(allow("*"))}
    there, inline = own_role("cni", NODE_TRUST, text)
    sides = (
        there["change"]["after"] | ({"permissions_boundary": arns[name]} if name else {})
        for name in (before, after)
    )
    changes = (resource("aws_iam_role", "cni", *sides), same("aws_iam_policy", "known", bound))
    lost = [f for f in reviewed(*changes, inline).findings if f.rule == "coverage-lost"]
    assert [(f.level, f.address) for f in lost] == [("warning", "aws_iam_role.cni")] * is_said
    assert all("a new permissions boundary does not allow" in f.message for f in lost)


def test_a_version_that_is_not_known_is_said_with_the_one_that_is_judged() -> None:
    rest = own_role("cni", irsa(), CNI)
    unknown = {k: v for k, v in at("v1.21.2").items() if k != "addon_version"}
    change = addon(at("v1.21.2"), unknown, after_unknown={"addon_version": True})
    review = reviewed(change, *rest)
    assert found(review, "plugin-version-unknown").level == "warning"
    assert review.clusters[0].judged_after in found(review, "plugin-version-unknown").message


@pytest.mark.parametrize("version", ["v9.0.0", "v1.23.99", "v1.7.99"])
@pytest.mark.parametrize("before", ["another", "the same", "none"])
def test_a_version_that_the_catalog_does_not_have_is_a_warning_where_it_comes(
    before: str, version: str
) -> None:
    """A patch version is judged as the newest before it, which is said all the same."""
    old = {"another": at("v1.21.2"), "the same": at(version), "none": None}[before]
    rest = own_role("cni", irsa(), CNI)
    finding = found(reviewed(addon(old, at(version)), *rest), "plugin-version-unknown")
    assert finding.level == ("note" if before == "the same" else "warning")
    assert finding.message.startswith(f"The plugin's version {version}-eksbuild.1 is not known; ")


@pytest.mark.parametrize("before", [at("v1.23.2"), ROLE, None])
def test_an_add_on_that_names_no_version_is_a_note(before: Json | None) -> None:
    review = reviewed(addon(before, ROLE), *own_role("cni", irsa(), CNI))
    finding = found(review, "plugin-version-unknown")
    assert (finding.level, finding.address) == ("note", "aws_eks_addon.vpc_cni")
    assert finding.message == f"aws_eks_addon.vpc_cni names no version; {newest()} is judged"


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


IPV6, HIDDEN = ('{"env": {"ENABLE_IPv6": "true"}}', "configuration_values is sensitive")


@pytest.mark.parametrize(
    ("before", "after", "marks", "words"),
    [
        ("{}", IPV6, "before after", "changes what is not read: configuration_values;"),
        ("{}", "{}", "before after", ""),
        ("{}", None, "before after", "changes what is not read: configuration_values;"),
        ("{}", "{}", "after", f"configuration is not known: {HIDDEN}"),
        ("{}", IPV6, "after", f"configuration is not known: {HIDDEN}"),
        (IPV6, "{}", "before", "changes what is not read: configuration_values;"),
        ("- 1", "- 2", "", "changes what is not read: configuration_values;"),
        ("- 1", "- 1", "", ""),
        ("{}", "- 1", "", "configuration is not known: configuration_values is not a mapping"),
        ("{}", None, "", "configuration is not known: configuration_values is known after apply"),
    ],
)
def test_a_configuration_that_is_not_read_is_said_once_where_it_changes(
    before: str, after: str | None, marks: str, words: str
) -> None:
    argument = "configuration_values"
    more = {f"{side}_sensitive": {argument: True} for side in marks.split()}
    sides = [at("v1.21.2", **({argument: text} if text else {})) for text in (before, after)]
    change = addon(*sides, **more, after_unknown={argument: True} if after is None else {})
    findings = reviewed(change, *own_role("cni", irsa(), CNI)).findings
    warnings = [
        f for f in findings if f.rule == "plugin-configuration-changed" and f.level != "note"
    ]
    assert [(f.level, words in f.message) for f in warnings] == (
        [("warning", True)] if words else []
    )
    assert all(set(f.means) == {"any-change", "new-access", "coverage-lost"} for f in warnings)
    assert "ENABLE_IPv6" not in str(findings)


def test_an_identity_is_lost_whether_or_not_the_configuration_is_read() -> None:
    sides = (at("v1.23.2", configuration_values="{}"), {**VERSION, "configuration_values": "- 1"})
    assert levels(reviewed(addon(*sides), *own_role("cni", irsa(), CNI))) == {
        "plugin-identity-lost": "error",
        "plugin-configuration-changed": "warning",
    }


def test_a_setting_that_decides_nothing_asks_no_more_of_the_role() -> None:
    texts = ("{}", '{"tolerations": [{"operator": "Exists"}]}')
    sides = (at("v1.23.2", configuration_values=text) for text in texts)
    poor = own_role("cni", irsa(), document(allow("ec2:DescribeTags")))
    assert levels(reviewed(addon(*sides), *poor)) == {"plugin-configuration-changed": "note"}


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
    untrusting = reviewed(association(None, "a"), *own_role("a", NODE_TRUST))
    before = "before: an identity that the plan does not show"
    assert found(untrusting, "plugin-identity-lost").details == (before,)
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
    made.append(same("aws_iam_role", "prod", {"name": "prod"}))
    roles = (*own_role("a", POD_TRUST, CNI), *own_role("b", POD_TRUST, CNI))
    (cluster_change,) = reviewed(association("a", "b"), *made, *roles).clusters
    assert cluster_change.cluster == shown


@pytest.mark.parametrize("passes_on", ["aws_eks_addon.vpc_cni", "aws_eks_node_group.n"])
def test_a_name_of_a_cluster_that_another_resource_passes_on_is_that_of_the_cluster(
    passes_on: str,
) -> None:
    argument = {"references": [f"{passes_on}.cluster_name", passes_on]}
    blocks = [
        {"type": c["type"], "name": c["name"], "mode": "managed", "expressions": {}}
        for c in (addon(VERSION, VERSION), node_group("a", "a"))
    ]
    blocks.append({**blocks[0], "type": "aws_eks_pod_identity_association", "name": "aws_node"})
    blocks[-1]["expressions"] = {"cluster_name": argument}
    review = reviewed(
        addon(VERSION, VERSION),
        association("a", "a"),
        node_group("a", "a"),
        *own_role("a", POD_TRUST, CNI),
        configuration={"root_module": {"resources": blocks}},
    )
    assert [(c.cluster, c.after.kind) for c in review.clusters] == [("prod", "pod-identity")]


def data(change: Json) -> Json:
    return {**change, "mode": "data", "address": f"data.{change['address']}"}


OLDER = {"actions": ["delete"], "deposed": "abcd1234"}


@pytest.mark.parametrize(
    ("changes", "drift"),
    [
        ([], [addon(at("v1.21.2"), at("v1.23.2"))]),
        ([], [association("b", "a")]),
        ([], [resource("aws_eks_cluster", "prod", {"name": "dev"}, {"name": "prod"})]),
        ([], [node_group("b", "a")]),
        ([addon(at("v1.21.2"), None, **OLDER)], []),
        ([association("b", None, **OLDER)], []),
        ([resource("aws_eks_cluster", "prod", {"name": "prod"}, None, **OLDER)], []),
        ([data(addon(at("v1.21.2"), at("v1.21.2")))], []),
        ([data(same("aws_eks_cluster", "other", {"name": "prod"}))], []),
        (
            [
                resource(
                    "aws_iam_role", "a", own_role("a", "")[0]["change"]["before"], None, **OLDER
                )
            ],
            [],
        ),
    ],
)
def test_only_what_the_plan_manages_and_changes_says_what_the_plugin_is(
    changes: list[Json], drift: list[Json]
) -> None:
    """Not what changed outside, what a failed replacement left, or what is only read."""
    plan = (
        cluster(),
        addon(at("v1.23.2"), at("v1.23.2")),
        association("a", "a"),
        node_group("a", "a"),
        *own_role("a", POD_TRUST, CNI),
    )
    seen = reviewed(*plan, *changes, resource_drift=drift)
    assert seen.clusters == reviewed(*plan).clusters
    assert not {f.rule for f in seen.findings if f.rule.startswith("plugin-")}


def test_a_cluster_whose_name_is_known_after_apply_is_the_one_that_is_referred_to() -> None:
    argument = {"references": ["aws_eks_cluster.prod.name", "aws_eks_cluster.prod"]}
    there = association(None, "a", after_unknown={"cluster_name": True})
    del there["change"]["after"]["cluster_name"]
    block = {"type": there["type"], "name": there["name"], "mode": "managed"}
    blocks = [
        {**block, "expressions": {"cluster_name": argument}},
        {**block, "type": "aws_eks_cluster", "name": "prod", "expressions": {}},
    ]
    values = {"kubernetes_network_config": [{"ip_family": "ipv6"}]}
    made = [
        resource("aws_eks_cluster", name, None, values, after_unknown={"name": True})
        for name in ("other", "prod")
    ]
    review = reviewed(
        *made,
        there,
        *own_role("a", POD_TRUST, CNI),
        configuration={"root_module": {"resources": blocks}},
    )
    (seen,) = review.clusters
    assert (seen.cluster, seen.mode_after, seen.after.roles) == (
        "aws_eks_cluster.prod",
        "ipv6",
        ("aws_iam_role.a",),
    )
    assert "ec2:AssignIpv6Addresses" in found(review, "plugin-permission-missing").message


def test_an_add_on_whose_name_is_known_after_apply_is_called_so() -> None:
    named = {"cluster_name": "prod", **ROLE}
    role = own_role("cni", irsa(), CNI)
    change = resource("aws_eks_addon", "a", None, named, after_unknown={"addon_name": True})
    message = found(reviewed(change, *role), "service-account-role").message
    assert message.startswith("The service account of an add-on known after apply gets")


def test_an_association_of_another_service_account_says_nothing_of_the_plugin() -> None:
    others = association("a", "b")
    for side in ("before", "after"):
        others["change"][side]["service_account"] = "app"
    assert not reviewed(others, *own_role("a", POD_TRUST, CNI)).clusters


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


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("with_clusters", [True, False])
def test_clusters_of_one_name_in_two_accounts_are_two(*, is_new: bool, with_clusters: bool) -> None:
    """The account is that of the ARN; of what comes, that of its provider's roles."""
    accounts = {"one": "111111111111", "two": "222222222222"}
    changes, blocks = [], []
    for name, account in accounts.items():
        eks = f"arn:aws:eks:us-east-1:{account}"
        made = same("aws_eks_cluster", name, {"name": "prod", "arn": f"{eks}:cluster/prod"})
        trust = {"name": name, "arn": arn_of(name, account), "assume_role_policy": POD_TRUST}
        own = association(None if is_new else name, name)
        for side in ("before", "after") if not is_new else ():
            arn = f"{eks}:podidentityassociation/prod/a-1"
            own["change"][side] = {**own["change"][side], "association_arn": arn}
        own["change"]["after"]["role_arn"] = trust["arn"]
        own |= {"name": name, "address": f"{own['type']}.{name}"}
        mine = [own, same("aws_iam_role", name, trust), *([made] if with_clusters else [])]
        changes += mine
        blocks += [
            {
                "type": c["type"],
                "name": name,
                "expressions": {},
                "provider_config_key": f"aws.{name}",
            }
            for c in mine
        ]
    review = reviewed(*changes, configuration={"root_module": {"resources": blocks}})
    assert {(c.cluster, c.after.roles) for c in review.clusters} == {
        (
            f"aws_eks_cluster.{name}" if with_clusters else f"prod in {account}",
            (f"aws_iam_role.{name}",),
        )
        for name, account in accounts.items()
    }


def test_an_association_of_another_service_account_leaves_aws_node_without_its_role() -> None:
    change = association("a", "a")
    change["change"]["after"] = {**change["change"]["after"], "service_account": "other"}
    change["change"]["actions"] = ["delete", "create"]
    review = reviewed(change, *own_role("a", POD_TRUST, CNI))
    assert levels(review)["plugin-identity-lost"] == "error"


def block(name: str) -> Json:
    """An add-on that makes an association of its own."""
    own = {"service_account": "aws-node", "role_arn": arn_of(name)}
    return {**VERSION, "pod_identity_association": [own]}


@pytest.mark.parametrize(
    ("trusts", "change", "address"),
    [
        ((POD_TRUST, irsa()), [association("a", "b")], "aws_eks_pod_identity_association.aws_node"),
        ((POD_TRUST, irsa()), [addon(block("a"), block("b"))], "aws_eks_addon.vpc_cni"),
        ((irsa(), POD_TRUST), [addon(of_role("a"), of_role("b"))], "aws_eks_addon.vpc_cni"),
        (
            (POD_TRUST, irsa()),
            [addon(VERSION, VERSION), association("a", "b")],
            "aws_eks_pod_identity_association.aws_node",
        ),
    ],
)
def test_an_identity_that_the_role_does_not_trust_is_lost(
    trusts: tuple[str, str], change: list[Json], address: str
) -> None:
    roles = [
        item
        for name, trust in zip("ab", trusts, strict=True)
        for item in own_role(name, trust, CNI)
    ]
    review = reviewed(*change, *roles)
    assert levels(review) == {"plugin-identity-lost": "error"}
    lost = found(review, "plugin-identity-lost")
    assert lost.address == address
    assert "aws_iam_role.b" in lost.message and "trust policy does not allow that" in lost.message


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


def test_other_clusters_are_judged_beside_one_that_loses_the_plugin() -> None:
    moves = addon({"cluster_name": "z", **of_role("a")}, {"cluster_name": "z", **of_role("b")})
    roles = (*own_role("cni", irsa(), CNI), *own_role("a", irsa(), CNI), *own_role("b", irsa()))
    review = reviewed(addon(at("v1.22.1"), None), {**moves, "address": "aws_eks_addon.z"}, *roles)
    assert {(f.rule, f.address) for f in review.findings if f.level == "error"} == {
        ("plugin-removed", "aws_eks_addon.vpc_cni"),
        ("plugin-permission-missing", "aws_iam_role.b"),
    }


CHART = {
    "chart": "aws-vpc-cni",
    "version": "1.23.2",
    "values": [
        json.dumps(
            {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": arn_of("cni")}}}
        )
    ],
}


@pytest.mark.parametrize(
    ("forgotten", "trust"),
    [
        (addon(at("v1.23.2"), None), irsa()),
        (resource("helm_release", "cni", CHART, None), irsa()),
        (association("cni", None), POD_TRUST),
        (resource("aws_eks_cluster", "prod", {"name": "prod"}, None), POD_TRUST),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_what_a_plan_only_forgets_stays(forgotten: Json, trust: str) -> None:
    """By a block `removed` with `destroy = false`, as where it moves to another configuration."""
    forgotten = {**forgotten, "change": {**forgotten["change"], "actions": ["forget"]}}
    others = [association("cni", "cni")] if forgotten["type"] == "aws_eks_cluster" else []
    review = reviewed(forgotten, *others, *own_role("cni", trust, CNI))
    assert not review.findings
    (seen,) = review.clusters
    assert (seen.version_before, seen.before) == (seen.version_after, seen.after)


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
    read = same("aws_eks_access_entry", "read", values) | {"mode": "data"}
    review = reviewed(read, resource("aws_eks_access_policy_association", "a", None, values))
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


@pytest.mark.parametrize(
    ("refers", "who"),
    [
        ("aws_iam_role.dev.arn", "aws_iam_role.dev gets"),
        ("aws_iam_user.dev.arn", "A principal known after apply gets"),
        ("aws_iam_role.other.arn", "A principal known after apply gets"),
    ],
)
def test_a_new_role_that_an_access_entry_refers_to_is_named(refers: str, who: str) -> None:
    kind, values = "aws_eks_access_entry", {"cluster_name": "prod", "kubernetes_groups": ["ops"]}
    expression = {"references": [refers, refers.removesuffix(".arn")]}
    block = {"type": kind, "name": "e", "expressions": {"principal_arn": expression}}
    later = {"after_unknown": {"principal_arn": True}}
    review = reviewed(
        same(kind, "first", {**values, "principal_arn": arn_of("another")}),
        resource(kind, "e", None, values, **later),
        resource(kind, "gone", values, None),
        role("dev", None, NODE_TRUST),
        resource("aws_iam_user", "dev", None, {"name": "dev"}),
        configuration={"root_module": {"resources": [block]}},
    )
    (finding,) = (f for f in review.findings if f.rule == "cluster-access-widened")
    assert finding.message.startswith(who)


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
    # A change by somebody else is there already.
    drift = reviewed(same("aws_eks_cluster", "c", sides[1]), resource_drift=[change])
    assert not levels(drift)


def test_an_authentication_mode_that_is_known_after_apply_may_change() -> None:
    sides: list[Json] = [{"name": "prod", "access_config": [{"authentication_mode": "API"}]}, {}]
    block = {"mode": "managed", "type": "aws_eks_cluster", "name": "c"}
    written = {"access_config": [{"authentication_mode": {"references": ["var.mode"]}}]}
    change = resource("aws_eks_cluster", "c", *sides, after_unknown={"access_config": True})
    review = reviewed(
        change,
        configuration={"root_module": {"resources": [{**block, "expressions": written}]}},
    )
    # What is not written has the default of EKS.
    (message,) = (f.message for f in review.findings if f.rule == "cluster-access-widened")
    assert "authentication_mode from API to a value known after apply" in message


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


def created(*items: Json) -> list[Json]:
    return [resource(i["type"], i["name"], None, i["change"]["after"]) for i in items]


@pytest.mark.parametrize(
    ("provider_before", "role_comes", "role_before", "is_told"),
    [
        (None, True, {}, False),
        ({}, True, {}, True),  # the cluster is older than the plan
        (None, False, {}, True),
        (None, True, {"service_account_role_arn": arn_of("old")}, True),
    ],
)
def test_a_first_role_is_not_said_of_a_cluster_whose_oidc_provider_and_role_come_with_it(
    provider_before: Json | None, role_comes: bool, role_before: Json, *, is_told: bool
) -> None:
    """The cluster is in another configuration, as with a module for add-ons."""
    own = own_role("cni", irsa(), CNI)
    before = {"addon_version": "v1.23.2-eksbuild.1", **role_before} if role_before else None
    review = reviewed(
        provider(provider_before, {}),
        addon(before, at("v1.23.2")),
        *(created(*own) if role_comes else own),
        *own_role("old", irsa(), CNI),
    )
    assert ("plugin-identity-changed" in rules(review)) is is_told


@pytest.mark.parametrize(
    ("text", "known"), [(None, False), (document(allow("ec2:DescribeTags")), True)]
)
def test_what_depends_on_a_policy_that_is_not_shown_alone_is_said_so(
    text: str | None, *, known: bool
) -> None:
    """A new cluster's own policy names its VPC, which is known after apply."""
    later = resource(
        "aws_iam_role_policy",
        "later",
        None,
        {"name": "later", "role": "cni"},
        after_unknown={"policy": True},
    )
    change = association(None, "cni")
    review = reviewed(change, addon(None, {}), *own_role("cni", OF_ACCOUNT, *[text] * known), later)
    missing = found(review, "plugin-permission-missing")
    assert missing.level == "warning" and any("ec2:CreateTags" in d for d in missing.details)
    depends = "Whether aws_iam_role.cni (EKS Pod Identity) allows what the plugin v1.23.2 calls "
    depends += "depends on aws_iam_role_policy.later policy, which the plan does not show"
    assert (missing.message == depends) is not known
    assert ("unless aws_iam_role_policy.later policy allows it" in missing.message) is known


@pytest.mark.parametrize(
    ("before", "lacking", "level"),
    [
        (None, "ec2:DeleteNetworkInterface", ""),
        ({"addon_version": "v1.23.2-eksbuild.1"}, "ec2:DeleteNetworkInterface", "warning"),
        (None, "ec2:CreateNetworkInterface", "error"),
    ],
)
def test_a_plugin_that_comes_is_asked_only_for_what_it_cannot_do_without(
    before: Json | None, lacking: str, level: str
) -> None:
    deny = allow(lacking, Effect="Deny")
    own = own_role("cni", irsa(), document(*json.loads(CNI)["Statement"], deny))
    review = reviewed(addon(before, at("v1.23.2")), *own)
    assert levels(review).get("plugin-permission-missing", "") == level


def test_a_role_in_place_of_another_is_asked_for_all_even_if_the_add_on_comes() -> None:
    deny = allow("ec2:DeleteNetworkInterface", Effect="Deny")
    roles = (
        *own_role("a", POD_TRUST, CNI),
        *own_role("b", POD_TRUST, document(*json.loads(CNI)["Statement"], deny)),
    )
    review = reviewed(addon(None, VERSION), association("a", "b"), *roles)
    assert found(review, "plugin-permission-missing").level == "warning"


def test_the_option_overrides_what_the_plan_says() -> None:
    from vpc_cni_iam.review.diff.coverage import ReviewTarget

    from synthetic import plan
    from vpc_cni_iam.inputs.plan.reader import read_plan
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


@pytest.mark.parametrize("configured", [True, False])
def test_an_association_of_an_add_on_that_is_known_after_apply_is_one_if_it_is_set(
    *, configured: bool
) -> None:
    """The provider computes the argument, too: then aws-node keeps the node role."""
    block = {"address": "aws_eks_addon.vpc_cni", "type": "aws_eks_addon", "name": "vpc_cni"}
    expressions = {"pod_identity_association": {"references": ["var.associations"]}}
    blocks = [{**block, "mode": "managed", "expressions": expressions if configured else {}}]
    review = reviewed(
        addon(VERSION, VERSION, after_unknown={"pod_identity_association": True}),
        node_group("node", "node"),
        *own_role("node", NODE_TRUST, CNI),
        configuration={"root_module": {"resources": blocks}},
    )
    (seen,) = review.clusters
    assert seen.after.kind == ("pod-identity" if configured else "node-role")
    assert levels(review) == ({"plugin-identity-changed": "warning"} if configured else {})


def test_a_role_of_nodes_that_move_to_another_loses_nothing_for_a_plugin_with_its_own() -> None:
    goes = [
        resource("aws_iam_role_policy", role, {"role": role, "name": "i", "policy": CNI}, None)
        for role in ("a", "b")
    ]
    review = reviewed(
        addon(at("v1.23.2"), at("v1.23.2")),
        *own_role("cni", irsa(), CNI),
        node_group("a", "b"),
        *own_role("a", NODE_TRUST),
        *own_role("b", NODE_TRUST),
        *goes,
    )
    assert "coverage-lost" not in levels(review)


STATEMENTS = json.loads(CNI)["Statement"]
ASSIGN, UNASSIGN = "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"
FURTHER = "arn:aws:iam::111122223333:policy/further"


def without(*actions: str) -> str:
    left = [action for action in STATEMENTS[0]["Action"] if action not in actions]
    return document({**STATEMENTS[0], "Action": left}, *STATEMENTS[1:])


def further(*, new: bool) -> Json:
    """An attachment of a policy that the plan does not show."""
    values = {"role": "cni", "policy_arn": FURTHER}
    return attachment("cni", FURTHER, sides=(None if new else values, values))


DENIED_ELSEWHERE = document(
    *STATEMENTS,
    allow(ASSIGN, Effect="Deny", Condition={"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
)


@pytest.mark.parametrize(
    ("before", "after", "others", "messages"),
    [
        (CNI, without(ASSIGN), [], {f"error can no longer call {ASSIGN}"}),
        (CNI, without(UNASSIGN), [], {f"warning can no longer call {UNASSIGN}"}),
        (CNI, without("ec2:DescribeTags"), [], set()),
        (
            CNI,
            without(ASSIGN, UNASSIGN, "ec2:CreateNetworkInterface"),
            [],
            {
                f"error can no longer call {ASSIGN}, ec2:CreateNetworkInterface",
                f"warning can no longer call {UNASSIGN}",
            },
        ),
        (None, without(ASSIGN, UNASSIGN), [], {f"warning cannot call {ASSIGN}"}),
        (
            CNI,
            without(ASSIGN),
            [further(new=False)],
            {f"error can no longer call {ASSIGN}, unless {FURTHER} allows it"},
        ),
        (
            CNI,
            without(ASSIGN),
            [further(new=True)],
            {f"warning may no longer call {ASSIGN}, unless {FURTHER} allows it"},
        ),
        (
            None,
            without(ASSIGN),
            [further(new=True)],
            {f"warning cannot call {ASSIGN}, unless {FURTHER} allows it"},
        ),
        (CNI, DENIED_ELSEWHERE, [], {f"warning may no longer call {ASSIGN}"}),
        (None, DENIED_ELSEWHERE, [], {f"warning may be unable to call {ASSIGN}"}),
    ],
)
def test_what_the_plugin_loses_is_as_grave_as_it_matters_and_as_sure_as_it_is_known(
    before: str | None, after: str, others: list[Json], messages: set[str]
) -> None:
    sides = [
        None if text is None else {"role": "cni", "name": "more", "policy": text}
        for text in (before, after)
    ]
    review = reviewed(
        *own_role("cni", irsa()), resource("aws_iam_role_policy", "more", *sides), *others
    )
    assert {
        f"{f.level} {f.message.partition(' (IPv4) ')[2]}"
        for f in review.findings
        if f.rule.startswith("coverage-")
    } == messages


@pytest.mark.parametrize(
    ("text", "doubt"), [(CNI, ", unless aws-node has aws_iam_role.own"), (document(), "")]
)
def test_what_nodes_lose_may_be_made_up_by_a_role_of_the_plugins_own(text: str, doubt: str) -> None:
    values = {"role": "node", "policy_arn": MANAGED}
    gone = attachment("node", MANAGED, sides=(values, None))
    roles = (*own_role("node", NODE_TRUST), *own_role("own", irsa(), text))
    (lost, *_) = (f for f in reviewed(gone, *roles).findings if f.rule == "coverage-lost")
    assert lost.level == ("warning" if doubt else "error")
    assert lost.message.endswith(f"ec2:ModifyNetworkInterfaceAttribute{doubt}")


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


@pytest.mark.parametrize(
    ("more", "level"), [((), "note"), (("ec2:AssignIpv6Addresses",), "warning")]
)
def test_a_first_role_is_a_note_if_the_plugin_works_with_it(
    more: tuple[str, ...], level: str
) -> None:
    """Here it lacks a call whose denial has no effect, and one that matters."""
    deny = [allow(action, Effect="Deny") for action in more]
    text = document(*json.loads(OLD_IPV6)["Statement"], *deny)
    review = reviewed(
        addon(VERSION, at("v1.21.2")), cluster("ipv6"), *own_role("cni", irsa(), text)
    )
    assert found(review, "plugin-identity-changed").level == level


def test_a_role_of_which_an_older_object_is_left_stays_the_plugins() -> None:
    """Terraform deletes what a failed replacement with create_before_destroy has left."""
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    left = resource("aws_iam_role", "cni", values, None, deposed="abcd1234")
    own = (cluster(), *own_role("cni", irsa(), CNI), addon(at("v1.23.2"), at("v1.23.2")))
    assert rules(reviewed(*own, left)) == {"access-removed"}
