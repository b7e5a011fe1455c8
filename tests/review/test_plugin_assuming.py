"""Whether aws-node of a cluster can assume its roles: its issuer, its service account, its way."""

import json
from typing import Any

import pytest

from eks import (
    AGENT,
    CNI,
    ISSUER,
    NODE_TRUST,
    OF_NODES,
    POD_TRUST,
    PROVIDER,
    addon,
    arn_of,
    irsa,
    node_group,
    own_role,
    same,
)
from plugin_setup import release
from synthetic import LATER, Json, allow, document, inline, resource, reviewed, role

OTHER = f"{ISSUER}OTHER"
OTHERS = irsa(PROVIDER.replace(ISSUER, OTHER), OTHER)
BOTH = document(*(json.loads(each)["Statement"][0] for each in (irsa(), OTHERS)))
LOST, CHANGED, COVERAGE = "plugin-identity-lost", "plugin-identity-changed", "coverage-lost"
ASSOCIATION = "aws_eks_pod_identity_association"
ASSUMES = ["sts:AssumeRole", "sts:TagSession"]


def cluster(name: str = "prod", issuer: str = ISSUER) -> Json:
    identity = [{"oidc": [{"issuer": f"https://{issuer}"}]}]
    arn = f"arn:aws:eks:eu-west-1:111122223333:cluster/{name}"
    return same("aws_eks_cluster", name, {"name": name, "arn": arn, "identity": identity})


def of_role(name: str | None = "cni") -> Json:
    role = {"service_account_role_arn": arn_of(name)} if name else {}
    return {"addon_version": "v1.23.2-eksbuild.1", **role}


def judged(*changes: Json, **more: Any) -> tuple[dict[str, str], list[str]]:
    """The level of each error and warning by rule, and the verdicts."""
    review = reviewed(*changes, **more)
    levels = {str(f.rule): str(f.level) for f in review.findings if f.level != "note"}
    return levels, [str(plugin.verdict) for plugin in review.plugins]


@pytest.mark.parametrize(
    ("trust", "verdict"),
    [
        (irsa(), "works"),
        (BOTH, "works"),
        (OTHERS, "fails"),
        # A provider is in the account of the role.
        (irsa(PROVIDER.replace("1111", "9999")), "fails"),
    ],
)
def test_a_role_has_to_trust_the_issuer_of_the_cluster(trust: str, verdict: str) -> None:
    role = own_role("cni", trust, CNI)
    lost = {LOST: "error"} if verdict == "fails" else {}
    assert judged(cluster(), addon(None, of_role()), *role) == (lost, [verdict])
    # What stays is no error of the plan.
    assert judged(cluster(), addon(of_role(), of_role()), *role) == ({}, [verdict])


def test_a_trust_policy_that_loses_the_issuer_of_the_cluster_keeps_aws_node_out() -> None:
    there = (cluster(), addon(of_role(), of_role()), inline(CNI, CNI, role="cni"))
    arn = {"arn": arn_of("cni")}

    def becomes(before: str, after: str) -> tuple[dict[str, str], list[str]]:
        change = role("cni", before, after)
        for side in ("before", "after"):
            change["change"][side] |= arn
        return judged(change, *there)

    assert becomes(BOTH, OTHERS) == ({COVERAGE: "error"}, ["fails"])
    assert becomes(BOTH, irsa()) == ({}, ["works"])


def test_clusters_that_swap_roles_lose_both() -> None:
    roles = (*own_role("a", irsa(), CNI), *own_role("b", OTHERS, CNI))
    changes = [
        addon(of_role(old) | {"cluster_name": name}, of_role(new) | {"cluster_name": name})
        | {"address": f"aws_eks_addon.{name}"}
        for name, old, new in (("prod", "a", "b"), ("stage", "b", "a"))
    ]
    review = reviewed(cluster(), cluster("stage", OTHER), *changes, *roles)
    assert [f.rule for f in review.findings if f.level == "error"] == [LOST, LOST]
    assert {plugin.verdict for plugin in review.plugins} == {"fails"}


def test_the_issuer_of_a_cluster_of_another_stack_is_that_of_its_data_source() -> None:
    values = {**cluster()["change"]["after"]}
    read = {"address": "data.aws_eks_cluster.prod", "mode": "data", "type": "aws_eks_cluster"}
    state = {"values": {"root_module": {"resources": [{**read, "name": "prod", "values": values}]}}}
    for trust, verdict in ((irsa(), "works"), (OTHERS, "fails")):
        changes = (addon(None, of_role()), *own_role("cni", trust, CNI))
        assert judged(*changes, prior_state=state)[1] == [verdict]


def test_no_text_that_is_known_names_the_issuer_of_a_new_cluster() -> None:
    created = resource(
        "aws_eks_cluster", "prod", None, {"name": "prod"}, after_unknown={"identity": True}
    )
    changes = (created, addon(None, of_role()), *own_role("cni", irsa(), CNI))
    assert judged(*changes) == ({LOST: "error"}, ["fails"])


FIRST, TARGET = arn_of("first"), arn_of("target")
TO_FIRST = document({"Effect": "Allow", "Action": ASSUMES, "Principal": {"AWS": FIRST}})
OF_ROOT = {"Effect": "Allow", "Action": ASSUMES, "Principal": {"AWS": "111122223333"}}
TO_ACCOUNT = document(OF_ROOT)
PODS = {"Effect": "Allow", "Action": ASSUMES, "Principal": {"Service": "pods.eks.amazonaws.com"}}
TO_PODS = document(PODS)
MAY = document(allow(ASSUMES, TARGET))


def by_condition(operator: str, key: str, value: str) -> str:
    return document({**OF_ROOT, "Condition": {operator: {key: value}}})


def association(**more: object) -> Json:
    names = {"namespace": "kube-system", "service_account": "aws-node", "cluster_name": "prod"}
    return {**names, "role_arn": FIRST, "target_role_arn": TARGET, **more}


def targeting(trust: str, *policies: str, **more: object) -> tuple[dict[str, str], list[str]]:
    """What a review says of a new association with a target role."""
    change = resource(ASSOCIATION, "a", None, association(**more))
    roles = (*own_role("first", TO_PODS, *policies), *own_role("target", trust, CNI))
    return judged(cluster(), AGENT, change, *roles)


@pytest.mark.parametrize(
    ("trust", "policies", "more", "verdict"),
    [
        (TO_FIRST, [], {}, "works"),  # its account needs no other policy
        (TO_ACCOUNT, [MAY], {}, "works"),
        (TO_ACCOUNT, [], {}, "fails"),
        (TO_ACCOUNT, [document(allow("sts:AssumeRole", TARGET))], {}, "fails"),
        (TO_ACCOUNT, [document(allow("sts:AssumeRole", TARGET))],
         {"disable_session_tags": True}, "works"),
        (TO_ACCOUNT, [document(allow(ASSUMES, arn_of("other")))], {}, "fails"),
        (TO_FIRST, [document({**allow("sts:*"), "Effect": "Deny"})], {}, "fails"),
        (POD_TRUST, [MAY], {}, "fails"),
        (TO_FIRST.replace("first", "other"), [MAY], {}, "fails"),
        (by_condition("ArnEquals", "aws:PrincipalArn", FIRST), [MAY], {}, "works"),
        (by_condition("ArnEquals", "aws:PrincipalArn", arn_of("other")), [MAY], {}, "fails"),
        (by_condition("StringEquals", "aws:RequestTag/kubernetes-namespace", "default"), [MAY], {},
         "fails"),
        (by_condition("StringEquals", "sts:ExternalId",
                      "eu-west-1/111122223333/prod/kube-system/aws-node"), [MAY],
         {"disable_session_tags": True}, "works"),
        (by_condition("StringEquals", "sts:ExternalId",
                      "eu-west-1/111122223333/stage/kube-system/aws-node"), [MAY],
         {"disable_session_tags": True}, "fails"),
        # What the plan does not decide is no promise.
        (by_condition("IpAddress", "aws:SourceIp", "10.0.0.0/8"), [MAY], {}, "unknown"),
    ],
)  # fmt: skip
def test_a_target_role_is_assumed_by_the_role_of_the_association(
    trust: str, policies: list[str], more: Json, verdict: str
) -> None:
    levels, verdicts = targeting(trust, *policies, **more)
    assert verdicts == [verdict]
    assert (levels.get(LOST) == "error") is (verdict == "fails")


def test_a_first_role_whose_policy_is_known_after_apply_may_assume_the_target_role() -> None:
    there = resource(ASSOCIATION, "a", association(), association())
    roles = (*own_role("first", POD_TRUST), *own_role("target", TO_ACCOUNT, CNI))
    later = inline(MAY, LATER, "assume", role="first")
    assert judged(cluster(), there, *roles, later)[1] == ["unknown"]


def chart(namespace: str = "kube-system", **values: object) -> Json:
    account = {"annotations": {"eks.amazonaws.com/role-arn": arn_of("cni")}, **values}
    return {"namespace": namespace, "values": [json.dumps({"serviceAccount": account})]}


def trusting(namespace: str, name: str) -> list[Json]:
    return own_role("cni", irsa(subject=f"system:serviceaccount:{namespace}:{name}"), CNI)


@pytest.mark.parametrize(
    ("values", "account"),
    [
        (chart(), ("kube-system", "aws-node")),
        (chart("network"), ("network", "aws-node")),
        (chart(name="cni"), ("kube-system", "cni")),
    ],
)
def test_a_role_has_to_trust_the_service_account_of_the_chart(
    values: Json, account: tuple[str, str]
) -> None:
    for namespace, name in (("kube-system", "aws-node"), account):
        expected = "works" if (namespace, name) == account else "fails"
        levels, verdicts = judged(cluster(), release(None, values), *trusting(namespace, name))
        assert verdicts == [expected]
        assert (levels.get(LOST) == "error") is (expected == "fails")


def test_an_association_is_for_the_service_account_of_the_chart() -> None:
    for name, verdict in (("cni", "works"), ("aws-node", "unknown")):
        values = association(service_account=name, role_arn=arn_of("cni"), target_role_arn=None)
        trust = POD_TRUST.replace("aws-node", name)
        there = same(ASSOCIATION, "a", values)
        installed = release(None, {"values": [json.dumps({"serviceAccount": {"name": "cni"}})]})
        assert judged(cluster(), AGENT, there, installed, *own_role("cni", trust, CNI))[1] == [
            verdict
        ]


def annotations(kind: str) -> Json:
    annotation = {"eks.amazonaws.com/role-arn": arn_of("cni")}
    metadata = {"name": "aws-node", "namespace": "kube-system"}
    own = {**metadata, "annotations": annotation}
    if kind == "kubectl_manifest":
        return {"yaml_body": f"kind: ServiceAccount\nmetadata: {json.dumps(own)}\n"}
    if kind == "kubernetes_annotations":
        return {"metadata": [metadata], "annotations": annotation, "kind": "ServiceAccount"}
    return {"metadata": [own]}


@pytest.mark.parametrize(
    "kind", ["kubernetes_annotations", "kubernetes_service_account_v1", "kubectl_manifest"]
)
def test_a_service_account_may_have_its_role_by_an_object_of_its_own(kind: str) -> None:
    nodes = (node_group("n", "n"), *own_role("n", NODE_TRUST, OF_NODES))
    installed = (cluster(), addon(of_role(None), of_role(None)), *nodes)
    annotated = same(kind, "a", annotations(kind))
    for trust, verdict in ((irsa(), "works"), (OTHERS, "fails")):
        assert judged(*installed, annotated, *own_role("cni", trust, CNI))[1] == [verdict]


@pytest.mark.parametrize(("more", "read"), [({}, 1), ({"eks.amazonaws.com/audience": "a"}, 0)])
def test_a_change_of_only_the_role_of_the_service_account_is_read(
    more: dict[str, str], read: int
) -> None:
    values = annotations("kubernetes_annotations")
    values["annotations"] |= more
    installed = (cluster(), addon(of_role(None), of_role(None)), *own_role("cni", irsa(), CNI))
    review = reviewed(*installed, resource("kubernetes_annotations", "a", None, values))
    assert (review.read, len(review.not_read)) == (read, 1 - read)
    assert ("unread-resource" in {f.rule for f in review.findings}) is not bool(read)


@pytest.mark.parametrize(("name", "read"), [("aws-node", 1), ("app", 0)])
def test_only_session_tags_of_the_plugins_association_are_read(name: str, read: int) -> None:
    sides = [
        association(service_account=name, role_arn=arn_of("cni"), target_role_arn=None)
        | {"disable_session_tags": is_off}
        for is_off in (False, True)
    ]
    role = own_role("cni", POD_TRUST, CNI)
    review = reviewed(cluster(), AGENT, *role, resource(ASSOCIATION, "a", *sides))
    assert (review.read, len(review.not_read)) == (read, 1 - read)


def test_a_chart_that_makes_no_service_account_gives_it_no_role() -> None:
    values = chart(create=False, name="aws-node")
    changes = (cluster(), release(None, values), *own_role("cni", irsa(), CNI))
    assert judged(*changes)[1][0] == "unknown"
    kind = "kubernetes_service_account"
    assert judged(*changes, same(kind, "a", annotations(kind)))[1] == ["works"]


def test_an_association_of_a_cluster_that_is_not_known_may_be_of_each() -> None:
    unknown = {"after_unknown": {"cluster_name": True}}
    values = association(cluster_name=None, role_arn=arn_of("pod"), target_role_arn=None)
    change = resource(ASSOCIATION, "a", None, values, **unknown)
    roles = (*own_role("cni", irsa(), CNI), *own_role("pod", POD_TRUST, CNI))
    nodes = (node_group("n", "n"), *own_role("n", NODE_TRUST, OF_NODES))
    moved = addon(of_role(), of_role(None))
    review = reviewed(cluster(), AGENT, moved, change, *roles, *nodes)
    assert not [f for f in review.findings if f.level == "error"]
    warnings = [f.rule for f in review.findings if f.level == "warning"]
    assert warnings == ["plugin-not-installed", CHANGED]
    assert "unknown" in {plugin.verdict for plugin in review.plugins if plugin.cluster == "prod"}
