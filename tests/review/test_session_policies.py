"""Session policies of associations of EKS Pod Identity, which limit what the role allows."""

import json

import pytest

from eks import CNI, NODE_TRUST, POD_TRUST, addon, arn_of, association, own_role, same
from synthetic import (
    Json,
    allow,
    block,
    configured,
    document,
    inline,
    levels,
    managed,
    policy_arn,
    refers,
    resource,
    reviewed,
)
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.report.shown import ShownReview

ASSOCIATION = "aws_eks_pod_identity_association"
NARROW, OTHER = document(allow("s3:GetObject")), document(allow("s3:PutObject"))
PLUGIN = {"namespace": "kube-system", "service_account": "aws-node"}
APP = {"namespace": "default", "service_account": "app"}


def _association(who: Json, before: str | None, after: str | None, **more: object) -> Json:
    values = {"cluster_name": "prod", "role_arn": arn_of("pod"), **who}
    sides = ({**values, "policy": policy} for policy in (before, after))
    return resource(ASSOCIATION, "x", *sides, **more)


def _review(*changes: Json, **more: object) -> ShownReview:
    return reviewed(*own_role("pod", POD_TRUST, CNI), *changes, **more)


def _levels(*changes: Json) -> dict[str, str]:
    return levels(_review(*changes))


@pytest.mark.parametrize(
    ("before", "after", "level", "missing"),
    [
        (None, CNI, "note", None),
        (CNI, None, "note", None),
        (NARROW, CNI, "error", None),
        (NARROW, None, "error", None),
        (CNI, NARROW, "note", "error"),
        (None, NARROW, "note", "error"),
        (NARROW, OTHER, "note", "warning"),  # the role allows neither
        (NARROW, NARROW, None, None),
    ],
)
def test_a_session_policy_of_aws_node_that_changes_is_judged_with_the_role(
    before: str | None, after: str | None, level: str | None, missing: str | None
) -> None:
    levels = _levels(_association(PLUGIN, before, after))
    assert levels.get("plugin-identity-changed") == level
    assert levels.get("plugin-permission-missing") == missing


def test_a_session_policy_that_is_not_known_may_allow_anything_or_nothing() -> None:
    unknown = {"after_unknown": {"policy": True}}
    written = block(f"{ASSOCIATION}.x", policy=refers("var.policy"))
    later = _association(PLUGIN, NARROW, None, **unknown)
    review = _review(later, configuration=configured(written))
    assert [f.level for f in review.findings if f.rule == "plugin-identity-changed"] == ["warning"]
    assert [p.verdict for p in review.plugins] == ["unknown"]


def test_sensitive_session_policies_that_differ_are_told_apart() -> None:
    hidden = {"before_sensitive": {"policy": True}, "after_sensitive": {"policy": True}}
    review = _review(_association(PLUGIN, NARROW, OTHER, **hidden))
    assert [f.level for f in review.findings if f.rule == "plugin-identity-changed"] == ["warning"]
    assert not _review(_association(PLUGIN, NARROW, NARROW, **hidden)).findings


def test_a_session_policy_of_another_service_account_limits_nothing_of_aws_nodes() -> None:
    others = _association(APP, NARROW, NARROW) | {"address": f"{ASSOCIATION}.app"}
    (plugin,) = _review(_association(PLUGIN, None, None), others).plugins
    assert plugin.verdict == "works"


def test_the_role_that_assumes_a_target_role_has_to_trust_eks() -> None:
    def by_rule(trust: str) -> dict[str, str]:
        values = {"cluster_name": "prod", "role_arn": arn_of("pod"), **PLUGIN}
        sides = (values, {**values, "role_arn": arn_of("first"), "target_role_arn": arn_of("far")})
        to_first = {"Effect": "Allow", "Action": "sts:*", "Principal": {"AWS": arn_of("first")}}
        names = (("pod", POD_TRUST), ("first", trust), ("far", document(to_first)))
        roles = [change for name, each in names for change in own_role(name, each, CNI)]
        return levels(reviewed(*roles, resource(ASSOCIATION, "x", *sides)))

    assert by_rule(NODE_TRUST) == {"plugin-identity-lost": "error"}
    assert by_rule(POD_TRUST) == {"plugin-identity-changed": "note"}


def test_a_session_policy_limits_the_target_role() -> None:
    target = {**PLUGIN, "target_role_arn": arn_of("pod")}
    review = _review(_association(target, NARROW, OTHER))
    assert levels(review)["plugin-permission-missing"] == "warning"
    assert [p.verdict for p in review.plugins] == ["fails"]


VERSIONS = [{"addon_version": f"{v}-eksbuild.1"} for v in ("v1.21.2", "v1.22.1")]
IPV6 = same(
    "aws_eks_cluster",
    "prod",
    {"name": "prod", "kubernetes_network_config": [{"ip_family": "ipv6"}]},
)
(_VARIANT,) = variants.find(("ipv6",))
# As of before v1.22.0, which calls ec2:DescribeSubnets in IPv6 mode, too.
OLD_IPV6, NEW_IPV6 = (dumps(_VARIANT.document(r)) for r in (revisions()[0], revisions()[-1]))


@pytest.mark.parametrize(("session", "level"), [(OLD_IPV6, "error"), (NEW_IPV6, None)])
def test_an_update_is_judged_by_a_session_policy_that_stays(
    session: str, level: str | None
) -> None:
    changes = (IPV6, addon(*VERSIONS), _association(PLUGIN, session, session))
    review = reviewed(*own_role("pod", POD_TRUST, NEW_IPV6), *changes)
    assert levels(review).get("plugin-permission-missing") == level
    (plugin,) = review.plugins
    assert ("ec2:DescribeSubnets" in plugin.missing) == (level == "error")


@pytest.mark.parametrize(
    ("policies", "verdict"),
    [
        ((CNI, CNI), "works"),
        ((NARROW, NARROW), "fails"),
        ((CNI, NARROW), "unknown"),
        ((None, NARROW), "unknown"),
    ],
)
def test_several_session_policies_are_judged_if_they_are_one(
    policies: tuple[str | None, ...], verdict: str
) -> None:
    associations = [_association(PLUGIN, text, text) for text in policies]
    associations[1] |= {"address": f"{ASSOCIATION}.y", "name": "y"}
    assert [p.verdict for p in _review(*associations).plugins] == [verdict]


def test_a_limit_of_one_of_several_roles_is_no_limit_of_the_others() -> None:
    """Nodes may have several roles, of which any may be the one of aws-node."""
    limit = managed(NARROW, NARROW, "bound")
    roles = [own_role(name, POD_TRUST, CNI) for name in ("a", "b", "pod")]
    for side in ("before", "after"):
        roles[0][0]["change"][side]["permissions_boundary"] = policy_arn("bound")
    groups = [
        resource("aws_eks_node_group", name, {"cluster_name": "prod", "node_role_arn": arn}, None)
        for name, arn in (("a", arn_of("a")), ("b", arn_of("b")))
    ]
    comes = association(None, "pod")
    review = reviewed(limit, *(c for role in roles for c in role), *groups, comes)
    changed = [f.level for f in review.findings if f.rule == "plugin-identity-changed"]
    assert changed == ["warning"]  # it is not known which of the two roles a node has


def test_what_a_session_policy_holds_back_is_neither_gained_nor_lost_with_the_role() -> None:
    for texts in ((NARROW, CNI), (CNI, NARROW)):
        role = [*own_role("pod", POD_TRUST), inline(*texts, role="pod")]
        review = reviewed(*role, _association(PLUGIN, NARROW, NARROW))
        assert [p.verdict for p in review.plugins] == ["fails"]
        assert "coverage-lost" not in {f.rule for f in review.findings}


def test_a_session_policy_that_changes_with_the_role_counts_on_both_sides() -> None:
    more = document(*json.loads(CNI)["Statement"], allow("s3:GetObject"))
    role = [*own_role("pod", POD_TRUST), inline(CNI, more, role="pod")]
    for before, after in ((NARROW, CNI), (CNI, NARROW)):
        review = reviewed(*role, _association(PLUGIN, before, after))
        (plugin,) = review.plugins
        assert ("ec2:AttachNetworkInterface" in plugin.missing) == (after == NARROW)
        lost = {f.rule for f in review.findings if "coverage-lost" in f.means and f.level != "note"}
        assert ("coverage-lost" in lost) == (after == NARROW)


def test_a_loss_of_a_role_counts_if_one_cluster_has_no_session_policy() -> None:
    role = [*own_role("pod", POD_TRUST), inline(CNI, NARROW, role="pod")]
    other = association("pod", "pod", address=f"{ASSOCIATION}.b")
    for side in ("before", "after"):
        other["change"][side]["cluster_name"] = "other"
    review = reviewed(*role, _association(PLUGIN, NARROW, NARROW), other)
    assert "coverage-lost" in {f.rule for f in review.findings}
