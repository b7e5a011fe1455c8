"""What a review does not claim: that aws-node works by what it has not read, or cannot have."""

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
    VERSION,
    addon,
    arn_of,
    association,
    irsa,
    node_group,
    own_role,
    same,
)
from plugin_setup import annotated, at, release
from synthetic import Json, allow, document, found, inline, levels, resource, reviewed
from vpc_cni_iam.coverage.judge.verdict import Verdict

CLUSTER = {
    "name": "prod",
    "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
    "identity": [{"oidc": [{"issuer": f"https://{ISSUER}"}]}],
    "kubernetes_network_config": [{"ip_family": "ipv4"}],
}
PROD = same("aws_eks_cluster", "prod", CLUSTER)
ROLE = own_role("cni", irsa(), CNI)
IPV6 = document(allow(["ec2:AssignIpv6Addresses"]))


def verdicts(*changes: Json, **more: Any) -> set[Verdict]:
    """The answers of a review."""
    return {plugin.verdict for plugin in reviewed(*changes, **more).plugins}


def named(role: str) -> Json:
    annotation = {"eks.amazonaws.com/role-arn": role}
    return {"values": [json.dumps({"serviceAccount": {"annotations": annotation}})]}


@pytest.mark.parametrize(
    "change",
    [
        release(named(arn_of("cni")), named("cni")),
        release(None, named("cni")),
        addon(at("v1.23.2"), {**at("v1.23.2"), "service_account_role_arn": "cni"}),
    ],
)
def test_the_name_of_a_role_is_no_arn(change: Json) -> None:
    """With the name instead of the ARN, STS refuses each pod."""
    assert "error" in levels(found(PROD, change, *ROLE)).values()
    assert verdicts(PROD, change, *ROLE) == {Verdict.fails}


def test_a_new_role_whose_trust_policy_is_not_shown_is_not_said_to_be_assumed() -> None:
    """Nothing of it is known, or only that it is for another service account."""
    own = {**at("v1.23.2"), "service_account_role_arn": arn_of("cni")}
    role, *policies = own_role("cni", irsa(), CNI)
    role["change"] |= {"actions": ["create"], "before": None}
    assert verdicts(PROD, addon(own, own), role, *policies) == {Verdict.works}
    del role["change"]["after"]["assume_role_policy"]
    role["change"]["after_unknown"] = {"assume_role_policy": True}
    assert verdicts(PROD, addon(own, own), role, *policies) == {Verdict.unknown}


def test_nodes_of_one_cluster_lose_their_role_beside_another_with_its_own() -> None:
    dev = {**CLUSTER, "name": "dev", "arn": CLUSTER["arn"].replace("prod", "dev"), "identity": []}
    profiles = [
        same("aws_iam_instance_profile", "nodes", {"name": "nodes", "role": "nodes"}),
        resource(
            "aws_launch_template",
            "nodes",
            {"name": "nodes", "iam_instance_profile": [{"name": "nodes"}]},
            {"name": "nodes", "iam_instance_profile": []},
        ),
    ]
    changes = [PROD, addon(at("v1.23.2"), at("v1.23.2")), *ROLE, *profiles]
    changes += [same("aws_eks_cluster", "dev", dev), *own_role("nodes", NODE_TRUST, CNI)]
    assert "error" in levels(found(*changes)).values()


def test_what_settings_that_are_not_read_may_need_is_not_said_to_work() -> None:
    """Sensitive values may switch IPv6 on, and the role loses what only IPv6 calls."""
    values = annotated("env: {ENABLE_IPv6: 'true'}")
    hidden = {f"{side}_sensitive": {"values": [False, True]} for side in ("before", "after")}
    lost = inline(IPV6, None, "v6", role="cni")
    changes = release(values, values, **hidden), *ROLE, lost
    assert verdicts(*changes) == {Verdict.unknown}
    assert "warning" in levels(found(*changes)).values()


@pytest.mark.parametrize(
    "settings",
    [
        {"env": {"AWS_ROLE_ARN": arn_of("other")}},
        {"env": {"AWS_PROFILE": "other"}},
        {"env": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/"}},
        {"env": {"AWS_EC2_ENDPOINT": "http://192.0.2.1/"}},
        {"env": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://192.0.2.1/"}},
        {"image": {"override": "registry.example.com/cni:1"}},
        {"podAnnotations": {"eks.amazonaws.com/skip-containers": "aws-node"}},
        {"podLabels": {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}},
        {"serviceAccount": {"annotations": {"eks.amazonaws.com/audience": "other"}}},
    ],
)
def test_settings_by_which_aws_node_has_other_credentials_or_code_are_no_proof(
    settings: Json,
) -> None:
    chosen = {**at("v1.23.2"), "configuration_values": json.dumps(settings)}
    changes = PROD, *ROLE, addon(at("v1.23.2"), chosen)
    assert verdicts(*changes) == {Verdict.unknown}
    assert "warning" in levels(found(*changes)).values()


def test_the_ip_family_of_a_cluster_that_is_read_counts() -> None:
    network = {"kubernetes_network_config": [{"ip_family": "ipv6"}]}
    read = {"address": "data.aws_eks_cluster.prod", "mode": "data", "type": "aws_eks_cluster"}
    cluster = {**read, "name": "prod", "values": {**CLUSTER, **network}}
    prior = {"values": {"root_module": {"resources": [cluster]}}}
    lost = inline(IPV6, None, "v6", role="cni")
    state = addon(at("v1.23.2"), at("v1.23.2"))
    shown = reviewed(state, *ROLE, lost, prior_state=prior)
    assert [plugin.mode for plugin in shown.plugins] == ["ipv6"]
    assert shown.failed


def test_pods_get_no_credentials_from_an_agent_that_is_not_shown() -> None:
    def verdict(*changes: Json) -> str:
        there = (addon(VERSION, VERSION), *own_role("pods", POD_TRUST, CNI))
        (plugin,) = reviewed(*there, *changes).plugins
        return str(plugin.verdict)

    moves, new = association(None, "pods"), {**AGENT, "change": {**AGENT["change"], "before": None}}
    auto = {"name": "prod", "compute_config": [{"enabled": True}]}
    assert verdict(moves) == "unknown"
    assert verdict(same("aws_eks_cluster", "prod", {"name": "prod"}), moves) == "unknown"
    assert verdict(moves, AGENT) == verdict(moves, new) == "works"
    assert verdict(same("aws_eks_cluster", "prod", auto), moves) == "works"
    # What the cluster used before is installed elsewhere.
    assert verdict(association("pods", "pods")) == "works"


@pytest.mark.parametrize(
    ("change", "attribute"),
    [
        (addon(None, VERSION), "service_account_role_arn"),
        (addon(None, VERSION), "pod_identity_association"),
        (addon(None, VERSION), "configuration_values"),
        (association(None, "cni"), "role_arn"),
        (association(None, "cni"), "target_role_arn"),
        (association(None, "cni"), "policy"),
        (association(None, "cni"), "disable_session_tags"),
        (association(None, "cni"), "service_account"),
        (resource("aws_eks_cluster", "prod", None, CLUSTER), "bootstrap_self_managed_addons"),
    ],
)
def test_an_unknown_value_of_a_new_object_is_not_taken_as_fine(
    change: Json, attribute: str
) -> None:
    """If it is not set, aws-node works with its node role, or the role of its association."""
    after = {k: v for k, v in change["change"]["after"].items() if k != attribute}
    new, kind = {**change, "change": {**change["change"], "after": after}}, change["type"]
    nodes = {"cluster_name": "prod", "node_role_arn": arn_of("nodes")}
    roles = own_role("cni", POD_TRUST, CNI) + own_role("nodes", NODE_TRUST, OF_NODES, CNI)
    there = [AGENT, resource("aws_eks_node_group", "nodes", None, nodes), *roles]
    there += [] if kind == "aws_eks_cluster" else [PROD]
    there += [addon(None, VERSION)] if kind == "aws_eks_pod_identity_association" else []

    def answers() -> set[Verdict]:
        return {p.verdict for p in reviewed(new, *there).plugins if p.cluster}

    if attribute not in change["change"]["after"]:
        assert answers() == {Verdict.works}
    new["change"]["after_unknown"] = {attribute: True}
    assert answers() == {Verdict.unknown}


def test_the_pods_of_a_preserved_add_on_keep_their_role_and_settings() -> None:
    """Of a removed one, only the removal is reported, not what the node role does not allow."""
    nodes = (node_group("nodes", "nodes"), *own_role("nodes", NODE_TRUST, OF_NODES))

    def answer(role: Json, *changes: Json, preserve: bool = True) -> tuple[str, dict[str, str]]:
        gone = addon({**VERSION, "preserve": preserve, **role}, None)
        shown = reviewed(PROD, gone, *changes, *nodes)
        return str(shown.plugins[0].verdict), levels(shown.findings)

    arn, removed = {"service_account_role_arn": arn_of("cni")}, "plugin-removed"
    assert answer(arn, *ROLE) == ("works", {removed: "warning"})
    assert answer(arn, *ROLE, preserve=False) == ("fails", {removed: "error"})
    gone = resource("aws_iam_role", "cni", ROLE[0]["change"]["before"], None)
    verdict, found_levels = answer(arn, gone)
    assert (verdict, found_levels["plugin-identity-lost"]) == ("fails", "error")
    foreign = {"configuration_values": json.dumps({"env": {"AWS_PROFILE": "other"}})}
    assert answer({**arn, **foreign}, *ROLE)[0] == "unknown"
    block = {
        "pod_identity_association": [{"service_account": "aws-node", "role_arn": arn_of("pods")}]
    }
    # EKS does not document whether the association stays.
    verdict, found_levels = answer(block, *own_role("pods", POD_TRUST, CNI), AGENT)
    assert (verdict, found_levels["plugin-identity-changed"]) == ("unknown", "warning")


def test_an_instance_without_its_metadata_has_no_credentials() -> None:
    template = [
        {"id": "lt-1", "metadata_options": [{"http_endpoint": state}]}
        for state in ("enabled", "disabled")
    ]
    group = {
        "cluster_name": "prod",
        "node_role_arn": arn_of("nodes"),
        "launch_template": [{"id": "lt-1", "version": "1"}],
    }
    changes = [PROD, addon(at("v1.23.2"), at("v1.23.2"))]
    changes += [*own_role("nodes", NODE_TRUST, CNI), same("aws_eks_node_group", "nodes", group)]
    changes += [resource("aws_launch_template", "nodes", *template)]
    assert levels(found(*changes)) == {"plugin-identity-lost": "error"}
    (plugin,) = reviewed(*changes).plugins
    assert plugin.answer == "fails with v1.23.2 (IPv4): its nodes have no instance metadata"


def test_values_that_are_secret_by_their_name_are_not_shown() -> None:
    secret = {"env": {"AWS_SECRET_ACCESS_KEY": "s3cr3t-Xyzzy", "API_TOKEN": "t0k3n-Xyzzy"}}
    chosen = {**at("v1.23.2"), "configuration_values": json.dumps(secret)}
    shown = reviewed(PROD, *ROLE, addon(at("v1.23.2"), chosen))
    texts = [t for f in shown.findings for t in (f.message, *f.details, f.fix)]
    assert any("AWS_SECRET_ACCESS_KEY" in text for text in texts)
    assert not [text for text in texts if "Xyzzy" in text]


@pytest.mark.parametrize(
    "values",
    [{"vpc_config": [{"subnet_ids": [["subnet-1"]]}]}, {"tags_all": ["a"]}],
)
def test_values_of_odd_shapes_end_no_review(values: Json) -> None:
    odd = resource("aws_eks_cluster", "prod", CLUSTER, {**CLUSTER, **values})
    role = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    changed = resource("aws_iam_role", "cni", role, {**role, "tags_all": ["a"]})
    found(odd, changed, *ROLE[1:], addon(at("v1.23.2"), at("v1.23.2")))
