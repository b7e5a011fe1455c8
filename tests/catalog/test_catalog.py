"""The catalog says what upstream says; each fact here was read from upstream, not from the code."""

import re
from collections import Counter
from typing import Any

import pytest
from tools.plugin_probe.evidence import observed

from conftest import ROOT, facts
from vpc_cni_iam.catalog import parameters, trust, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.options import options, override
from vpc_cni_iam.catalog.selection import Additions, select
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Condition, Policy
from vpc_cni_iam.policy.template import change, join
from vpc_cni_iam.versions.listing import listing
from vpc_cni_iam.versions.works_with import document_versions

BY_NAME = {v.name: v for v in variants.VARIANTS}
ENI = "arn:aws:ec2:*:*:network-interface/*"


def policy(variant: str, **options: object) -> Policy:
    return compose(BY_NAME[variant], select(**options)).policy  # type: ignore[arg-type]


OLDEST = "2022-01-31"
NEWEST = str(known_versions.newest())


def test_the_oldest_scoped_document() -> None:
    document = policy("ipv4-scoped", revision=OLDEST).statements
    assert len(document) == 7
    conditions = [s.conditions for s in document]
    cluster, vpc = parameters.CLUSTER_NAME.hole, parameters.VPC_ID.hole
    mine = (join([cluster]),)
    name = "cluster.k8s.amazonaws.com/name"
    owned = join(["aws:ResourceTag/kubernetes.io/cluster/", cluster])
    assert conditions == [
        (),
        (),
        (Condition("StringEquals", f"aws:RequestTag/{name}", mine),),
        (Condition("ArnEquals", "ec2:Vpc", (join(["arn:aws:ec2:*:*:vpc/", vpc]),)),),
        (Condition("StringEquals", f"aws:ResourceTag/{name}", mine),),
        (Condition("StringEquals", owned, ("owned",)),),
        (),
    ]


def test_upstream_statements_have_no_sid() -> None:
    for revision in documents.revisions():
        for variant in variants.VARIANTS:
            assert not any(s.sid for s in variant.document(revision).statements)


def test_releases_and_revisions() -> None:
    names = ["2022-01-31", "2024-07-22", "2026-06-01", "2026-09-29"]
    assert [r.name for r in documents.revisions()] == names
    for name, revision in [
        ("v1.1.0", "2022-01-31"),
        ("v1.11.0", "2022-01-31"),
        ("v1.18.3", "2022-01-31"),
        ("v1.18.4", "2024-07-22"),
        ("v1.22.4", "2024-07-22"),
        ("v1.23.0", "2026-06-01"),
        ("v1.23.1", "2026-06-01"),
        ("v1.23.2", "2026-09-29"),
    ]:
        assert documents.in_force(PluginVersion.of(name)).name == revision


def test_every_document_states_where_it_comes_from() -> None:
    for revision in documents.revisions():
        assert revision.source.repository == "aws/amazon-vpc-cni-k8s"
        assert re.fullmatch(r"[0-9a-f]{40}", revision.source.git_blob)
        assert revision.source.git_blob in revision.source.pin or revision.source.commit
        assert revision.source.date.startswith(revision.name)
    assert re.fullmatch(r"[0-9a-f]{40}", facts("calls.json")["source"]["commit"])
    assert documents.managed_versions()[-1].version == "v6"
    assert len(documents.managed_policy().statements) == 2


@pytest.mark.parametrize(
    ("variant", "version", "added"),
    [
        ("ipv4", "v1.1.0", []),
        ("ipv4", "v1.17.1", []),
        ("ipv4", "v1.18.0", ["ec2:DescribeSubnets"]),
        ("ipv4", "v1.18.4", []),
        ("ipv4", "v1.22.0", ["ec2:DescribeSecurityGroups"]),
        ("ipv4", "v1.22.2", []),
        ("ipv4", "v1.23.0", []),
        ("ipv6", "v1.10.0", ["ec2:DeleteNetworkInterface", "ec2:ModifyNetworkInterfaceAttribute"]),
        ("ipv6", "v1.12.6", ["ec2:DeleteNetworkInterface"]),
        ("ipv6", "v1.13.0", []),
        ("ipv6", "v1.20.0", ["ec2:ModifyNetworkInterfaceAttribute"]),
        (
            "ipv6",
            "v1.22.1",
            [
                "ec2:ModifyNetworkInterfaceAttribute",
                "ec2:DescribeSubnets",
                "ec2:DescribeSecurityGroups",
            ],
        ),
        ("ipv6", "v1.22.4", ["ec2:ModifyNetworkInterfaceAttribute", "ec2:DescribeSubnets"]),
        ("ipv6", "v1.23.0", ["ec2:ModifyNetworkInterfaceAttribute"]),
        ("ipv4", "v1.23.2", []),
        ("ipv6", "v1.23.2", ["ec2:ModifyNetworkInterfaceAttribute"]),
        ("ipv4-scoped", "v1.8.0", []),
        ("ipv4-scoped", "v1.22.1", ["ec2:DescribeSecurityGroups"]),
        ("ipv4-ipv6", "v1.22.1", ["ec2:DescribeSecurityGroups"]),
    ],
)
def test_gaps_of_a_release_are_filled(variant: str, version: str, added: list[str]) -> None:
    composed = compose(BY_NAME[variant], select(cni_version=version, additions=Additions.all))
    actions = [call_range.action for a in composed.additions for call_range in a.call_ranges]
    assert list(dict.fromkeys(actions)) == added
    bare = compose(BY_NAME[variant], select(cni_version=version, additions=Additions.none))
    assert bare.additions == ()
    assert composed.policy.statements[: len(bare.policy.statements)] == bare.policy.statements


@pytest.mark.parametrize("variant", variants.VARIANTS, ids=lambda v: v.name)
def test_nothing_is_added_whose_denial_has_no_effect(variant: variants.Variant) -> None:
    """Not for any version and feature, but for what upstream has in a document."""
    upstream = {"sts:GetCallerIdentity"}  # in its statement for HyperPod nodes; never denied
    for version in known_versions.known()[1:]:
        for features in ((), *((name,) for name in calls.features())):
            try:
                chosen = select(cni_version=str(version), features=features)
                composed = compose(variant, chosen)
            except UsageError:
                continue
            for addition in composed.additions:
                for action in {a for s in addition.statements for a in s.actions}:
                    uses = [u for u in addition.call_ranges if u.action == action]
                    is_needed = any(use.is_needed for use in uses)
                    assert is_needed or action in upstream, (version, features, action)


@pytest.mark.parametrize("variant", variants.VARIANTS, ids=lambda v: v.name)
def test_a_policy_for_a_release_grants_what_it_calls(variant: variants.Variant) -> None:
    for version in known_versions.known()[1:]:
        if version < variant.minimum:
            with pytest.raises(UsageError, match="does not work with plugin"):
                compose(variant, select(cni_version=str(version)))
            continue
        fit = document_versions(compose(variant, select(cni_version=str(version))).policy, variant)
        needed = [m for m in fit.missing if version in m.versions and m.call_range.is_needed]
        assert not needed, version
        assert any(version in span for span in fit.works), version


def test_scoped_additions_carry_upstream_conditions() -> None:
    document = policy("ipv6-scoped", cni_version="v1.22.1", features=["multi-nic"]).statements
    for statement in document:
        free = statement.resources == ("*",)
        assert free == all(a.startswith("ec2:Describe") for a in statement.actions), statement
    scoped = [s for s in policy("ipv4-scoped", revision=OLDEST).statements if s.resources != ("*",)]
    upstream = {(a, s.resources, s.conditions) for s in scoped for a in s.actions}
    derived = {(a, s.resources, s.conditions) for s in document[3:] for a in s.actions}
    describe = ("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups")
    assert {d for d in derived if d[0] not in describe} <= upstream


@pytest.mark.parametrize(
    ("features", "granted"),
    [((), False), (("multi-nic",), True), (("excluded-primary-subnet",), True)],
)
def test_instances_are_granted_where_a_release_asks_about_them(
    features: tuple[str, ...], granted: bool
) -> None:
    """In IPv6 interfaces are made, and an instance is asked about, with a feature only."""
    document = policy("ipv6-scoped", cni_version="v1.22.1", features=list(features)).statements
    actions = {a for s in document for a in s.actions if any("instance/" in r for r in s.resources)}
    assert ("ec2:ModifyNetworkInterfaceAttribute" in actions) == granted
    assert any("security-group/" in r for s in document for r in s.resources) == granted


def test_the_derived_scoped_document() -> None:
    describe, tags, assign = policy("ipv6-scoped", revision=OLDEST).statements
    assert all(a.startswith("ec2:Describe") for a in describe.actions)
    assert tags.actions == ("ec2:CreateTags",)
    assert assign.actions == ("ec2:AssignIpv6Addresses",)
    assert assign.resources == (ENI,)
    assert assign.conditions[0].key == "aws:ResourceTag/cluster.k8s.amazonaws.com/name"


def test_the_union_grants_what_both_grant_and_nothing_else() -> None:
    for revision in documents.revisions():
        both = BY_NAME["ipv4-ipv6"].document(revision)
        first, other = revision.document("ipv4"), revision.document("ipv6")
        assert Counter(both.actions()) == Counter(
            dict.fromkeys(first.actions() + other.actions(), 1)
        )
        assert len(both.statements) == 2


@pytest.mark.parametrize(
    ("variant", "options", "text"),
    [
        ("ipv4", {}, f"v1.1.0 to {NEWEST}"),
        ("ipv6", {}, f"v1.10.0 to {NEWEST}"),
        ("ipv4-scoped", {}, f"v1.8.0 to v1.21.2, v1.22.2 to {NEWEST}"),
        ("ipv4", {"revision": OLDEST}, "v1.1.0 to v1.21.2"),
        ("ipv6", {"revision": OLDEST}, "v1.10.0 to v1.21.2"),
        ("ipv4-scoped", {"revision": OLDEST}, "v1.8.0 to v1.21.2"),
        ("ipv4", {"revision": "2024-07-22"}, f"v1.1.0 to v1.21.2, v1.22.2 to {NEWEST}"),
        ("ipv6", {"revision": "2024-07-22"}, "v1.10.0 to v1.21.2"),
        ("ipv4", {"revision": "2026-06-01"}, f"v1.1.0 to {NEWEST}"),
        (
            "ipv4-scoped",
            {"revision": "2026-06-01"},
            f"v1.8.0 to v1.21.2, v1.22.2 to {NEWEST}",
        ),
        ("ipv6", {"cni_version": "v1.22.4", "additions": Additions.none}, "v1.10.0 to v1.21.2"),
    ],
)
def test_releases_that_a_document_works_with(
    variant: str, options: dict[str, object], text: str
) -> None:
    assert document_versions(policy(variant, **options), BY_NAME[variant]).works_with == text


def test_features_add_their_statements() -> None:
    star = ("*",)
    metrics = policy("ipv4", features=["metrics-helper"]).statements[-1]
    assert (metrics.actions, metrics.resources) == (("cloudwatch:PutMetricData",), star)
    for variant, cluster in {
        "ipv4-scoped": parameters.CLUSTER_NAME.hole,
        "ipv6-scoped": parameters.CLUSTER_NAME.hole,
        "ipv4-pod-identity": "${aws:PrincipalTag/eks-cluster-name}",
        "ipv4": "*",
        "ipv6": "*",
        "ipv4-ipv6": "*",
    }.items():
        group = join(["arn:aws:logs:*:*:log-group:/aws/eks/", cluster, "/cluster"])
        streams = join([group, ":log-stream:*"])
        added = policy(variant, features=["network-policy-logs"]).statements[-3:]
        assert [(s.actions, s.resources, s.conditions) for s in added] == [
            (("logs:DescribeLogGroups",), star, ()),
            (("logs:CreateLogGroup",), (group, streams), ()),
            (("logs:CreateLogStream", "logs:PutLogEvents"), (streams,), ()),
        ]
    nic = policy("ipv6", cni_version="v1.20.0", features=["multi-nic"]).statements[-1]
    assert set(nic.actions) == {
        "ec2:CreateNetworkInterface",
        "ec2:AttachNetworkInterface",
        "ec2:DetachNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:ModifyNetworkInterfaceAttribute",
    }


@pytest.mark.parametrize("variant", variants.VARIANTS, ids=lambda v: v.name)
def test_the_hyperpod_feature_is_upstreams_document(variant: variants.Variant) -> None:
    """Word for word, until the user names the HyperPod cluster."""
    page = documents.find("2026-09-29").document("hyperpod")
    selection = select(cni_version="v1.23.2", features=["hyperpod"])
    added = compose(variant, selection).additions[-1]
    assert added.feature == "hyperpod"
    filled = parameters.fill(Policy(added.statements), parameters.values({}))
    assert filled.statements == page.statements
    settings = {"hyperpod_cluster_id": "abc123def456", "region": "eu-west-1"}
    named = parameters.fill(Policy(added.statements), parameters.values(settings))
    assert named.statements[0].resources == ("arn:aws:sagemaker:eu-west-1:*:cluster/abc123def456",)


def test_optional_uses_are_named_and_not_granted() -> None:
    composed = compose(BY_NAME["ipv6"], select(cni_version="v1.23.2"))
    assert {call_range.feature for call_range in composed.optional} == set(calls.features())
    assert not {call_range.action for call_range in composed.optional} & set(
        composed.policy.actions()
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"revision": "2020-01-01"}, "Known are 2022-01-31"),
        ({"revision": "2022-01-31,2024-07-22"}, "unknown revision '2022-01-31,2024-07-22'"),
        ({"revision": "2022-01-31", "cni_version": "v1.20.0"}, "give one"),
        ({"cni_version": "v1.5.6"}, "did you mean v1.5.5 or v1.5.7?"),
        ({"cni_version": "v0.9.0"}, "did you mean v1.1.0?"),
        ({"cni_version": "v1.99.0"}, f"newer than this catalog, whose newest version is {NEWEST}"),
        ({"cni_version": "v1.0.0"}, "tag:TagResources"),
        ({"cni_version": "soon"}, "'soon' is not a plugin version"),
        ({"cni_version": "v1.20.4\n"}, "is not a plugin version"),
        ({"cni_version": "v1.2\u0660.4"}, "is not a plugin version"),
        ({"features": ["warp"]}, "unknown feature 'warp'; known are multi-nic"),
        (
            {"features": ["multi-nic"], "revision": OLDEST},
            "multi-nic exists from plugin v1.20.0 on, not at v1.18.3",
        ),
        ({"features": ["multi-nic"], "cni_version": "v1.19.6"}, "not at v1.19.6"),
        (
            {"additions": Additions.none, "revision": OLDEST},
            "--no-additions needs --cni-version",
        ),
    ],
)
def test_wrong_selections_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(**options)  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["v1.20.4", "1.20.4", "v1.20.4-eksbuild.2", "1.20.4-eksbuild.1"])
def test_release_names_that_mean_the_same(name: str) -> None:
    assert known_versions.find(name) == PluginVersion("v1.20.4")


def test_versions_of_the_plugin_are_read_in_one_place() -> None:
    """No other module knows what EKS adds to a version."""
    package = ROOT / "generator" / "vpc_cni_iam"
    readers = [p.name for p in package.rglob("*.py") if "eksbuild" in p.read_text()]
    assert readers == ["plugin_version.py"]


def test_the_oldest_document_stands_in_for_versions_before_it_alone() -> None:
    first = min(r.first for r in documents.revisions())
    before = max(v for v in known_versions.known() if v < first)
    assert select(cni_version=str(before)).stands_in
    assert not select(cni_version=str(first)).stands_in


@pytest.mark.parametrize("variant", variants.VARIANTS, ids=lambda v: v.name)
def test_dropping_an_action_breaks_the_fit(variant: variants.Variant) -> None:
    """The fit is not vacuous: without any one action that is fatal, the newest version fails."""
    newest = known_versions.newest()
    whole = compose(variant, select(cni_version="latest")).policy
    fatal = {u.action for u in calls.call_ranges(variant.modes, newest) if u.severity == "fatal"}
    assert fatal
    for action in fatal:
        without = Policy(tuple(s for s in whole.statements if action not in s.actions))
        assert not any(newest in span for span in document_versions(without, variant).works)


def test_the_document_scoped_by_session_tags() -> None:
    """Upstream's scoped document, statement for statement, with the tag for the name."""
    tag = ("${aws:PrincipalTag/eks-cluster-name}",)
    scoped = policy("ipv4-scoped", revision=OLDEST).statements
    rendered_policy = policy("ipv4-pod-identity", revision=OLDEST).statements
    for item, other in zip(scoped, rendered_policy, strict=True):
        assert (item.actions, item.resources) == (other.actions, other.resources)
    name = "cluster.k8s.amazonaws.com/name"
    assert [s.conditions for s in rendered_policy] == [
        (),
        (),
        (Condition("StringEquals", f"aws:RequestTag/{name}", tag),),
        (),
        (Condition("StringEquals", f"aws:ResourceTag/{name}", tag),),
        (),
        (),
    ]
    # What is added for a version is scoped in the same way.
    gap = compose(BY_NAME["ipv4-pod-identity"], select(cni_version="v1.22.0")).additions
    assert [s.actions for a in gap for s in a.statements] == [("ec2:DescribeSecurityGroups",)]
    text = " ".join(v for s in rendered_policy for c in s.conditions for v in (c.key, *c.values))
    assert "CLUSTER_NAME" not in text


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("ipv6", "has no IPv6 mode before v1.10.0; at v1.7.5 these do: ipv4 ("),
        ("ipv6-scoped", "has no IPv6 mode before v1.10.0; "),
        ("ipv4-ipv6", "has no IPv6 mode before v1.10.0; "),
        ("ipv4-scoped", "does not create interfaces with the cluster's tag before v1.8.0; "),
    ],
)
def test_a_variant_is_too_new_for_a_version_by_its_own_reason(variant: str, reason: str) -> None:
    with pytest.raises(UsageError, match=re.escape(reason)):
        compose(BY_NAME[variant], select(cni_version="v1.7.5"))


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        ({"revision": OLDEST}, "has no optional features: leave --revision out"),
        ({"features": ["multi-nic"]}, "has no optional features: leave --feature out"),
        (
            {"cni_version": "v1.4.1"},
            "cni-metrics-helper does not exist before v1.5.0; at v1.4.1 these do: ipv4 (",
        ),
    ],
)
def test_the_policy_of_the_metrics_helper_follows_the_plugin_version_alone(
    chosen: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        options(["metrics-helper"], **chosen).composed()
    (made,) = options(["metrics-helper"], cni_version="v1.5.0").composed()
    actions = ("cloudwatch:PutMetricData", "ec2:DescribeTags")
    assert (made.policy.actions(), made.additions, made.optional) == (actions, (), ())


def test_the_list_for_programs_says_which_versions_were_observed() -> None:
    """As the evidence has them, which is written down beside the catalog."""
    versions = {entry["version"].removeprefix("v") for entry in observed()}
    listed = {v["version"].removeprefix("v") for v in listing()["versions"] if v["observed"]}
    assert listed == versions


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        ({"cni_version": "v1.20.4"}, {}, {"cni_version": "v1.20.4"}),
        ({"revision": OLDEST}, {}, {"revision": OLDEST}),
        ({"revision": OLDEST}, {"cni_version": "v1.20.4"}, {"cni_version": "v1.20.4"}),
        ({"cni_version": "v1.20.4"}, {"revision": OLDEST}, {"revision": OLDEST}),
        (
            {"cni_version": "v1.20.4", "features": ["multi-nic"]},
            {"cni_version": "v1.21.0"},
            {"cni_version": "v1.21.0", "features": ["multi-nic"]},
        ),
        (
            {"cni_version": "v1.20.4"},
            {"features": ["multi-nic"]},
            {"cni_version": "v1.20.4", "features": ["multi-nic"]},
        ),
    ],
)
def test_what_a_user_does_not_give_stays(
    base: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert override(options(["ipv6"], **base), **changes) == options(["ipv6"], **expected)
    both = override(options(["ipv6"], **base), ["ipv4"], **changes)
    assert both == options(["ipv4"], **expected)


IRSA = (("sts:AssumeRoleWithWebIdentity",), "${oidc_provider_arn}")
POD_IDENTITY = (("sts:AssumeRole", "sts:TagSession"), "pods.eks.amazonaws.com")


@pytest.mark.parametrize(
    ("irsa", "pod_identity", "expected"),
    [(True, False, [IRSA]), (False, True, [POD_IDENTITY]), (True, True, [IRSA, POD_IDENTITY])],
)
def test_the_trust_policy_is_for_what_the_role_is_asked_by(
    irsa: bool, pod_identity: bool, expected: list[object]
) -> None:
    """As AWS documents it; the conditions are those of the next test."""
    document = trust.policy(irsa=irsa, pod_identity=pod_identity)
    allowed = [(s.actions, *map(str, s.principals[0].identifiers)) for s in document.statements]
    assert allowed == expected


TAGGED = "aws:RequestTag/kubernetes-"
EVERY_CONDITION = {
    "${oidc_issuer}:aud": "sts.amazonaws.com",
    "${oidc_issuer}:sub": "system:serviceaccount:kube-system:aws-node",
    f"{TAGGED}namespace": "kube-system",
    f"{TAGGED}service-account": "aws-node",
    "aws:RequestTag/eks-cluster-arn": "${eks_cluster_arn}",
    "aws:SourceAccount": "${source_account_id}",
}


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        ({}, ()),
        ({"cluster": False}, ("aws:RequestTag/eks-cluster-arn",)),
        ({"account": False}, ("aws:SourceAccount",)),
        ({"irsa": False}, ("${oidc_issuer}:aud", "${oidc_issuer}:sub")),
        ({"pod_identity": False}, tuple(EVERY_CONDITION)[2:]),
    ],
)
def test_a_trust_policy_has_every_condition_that_is_not_left_out(
    chosen: dict[str, bool], missing: tuple[str, ...]
) -> None:
    document = trust.policy(**chosen)  # type: ignore[arg-type]
    conditions = [c for statement in document.statements for c in statement.conditions]
    assert {str(c.key): tuple(map(str, c.values)) for c in conditions} == {
        key: (value,) for key, value in EVERY_CONDITION.items() if key not in missing
    }
    assert {c.operator for c in conditions} == {"StringEquals"}
    other = trust.policy(service_account="other", **chosen)  # type: ignore[arg-type]
    replaced = document.map_texts(
        lambda text: change(text, lambda part: part.replace("aws-node", "other"))
    )
    assert other == replaced
