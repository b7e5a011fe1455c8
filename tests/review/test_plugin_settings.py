"""How add-ons and charts set up the plugin, and what a plan changes of its settings."""

import json
import time
from typing import Any

import pytest

from eks import CNI, addon, arn_of, irsa, own_role
from plugin_setup import annotated, at, release, states
from synthetic import Json, block, configured, context, found, refers, resource, role
from synthetic import levels as levels_of
from vpc_cni_iam.inputs.plan.account.iam_resource import InPlan
from vpc_cni_iam.inputs.plan.plugin.state import UnreadReason
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.value import Known
from vpc_cni_iam.review.report.shown import ShownFinding

SETTINGS = "plugin-configuration-changed"
NAME = r"serviceAccount.annotations.eks\.amazonaws\.com/role-arn"
IPV6 = '{"env": {"ENABLE_IPv6": "true"}}'
SIDES = ("before", "after")


def findings(*changes: Json, **more: Any) -> list[ShownFinding]:
    every = found(*changes, *own_role("cni", irsa(), CNI), **more)
    return [f for f in every if f.rule in (SETTINGS, "plugin-version-changed")]


def levels(*changes: Json, **more: Any) -> dict[str, str]:
    return levels_of(findings(*changes, **more))


@pytest.mark.parametrize(
    "values",
    [
        {"env": {"ENABLE_IPv6": "true"}},
        {"env": {"ENABLE_IPv6": True}},
        {"extraEnv": [{"name": "ENABLE_IPv6", "value": "true"}], "env": {"ENABLE_IPv6": "false"}},
        "env: {ENABLE_IPv6: 'true'}",
        "env: {ENABLE_IPv6: y}",
        "env: {ENABLE_IPv6: !!binary dHJ1ZQ==}",
        "x: &x {ENABLE_IPv6: 'true'}\nenv: *x\n",
    ],
)
def test_a_variable_is_read_wherever_and_however_values_set_it(values: object) -> None:
    _, of_chart = states(release(annotated(), annotated(values)))
    assert of_chart.mode == "ipv6"
    text = values if isinstance(values, str) else json.dumps(values)
    _, of_addon = states(addon(at("v1.23.2"), at("v1.23.2", configuration_values=text)))
    assert of_addon.mode == "ipv6"


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (
            annotated({"extraEnv": [{"name": "ENABLE_IPv6", "valueFrom": {}}]}),
            UnreadReason.ELSEWHERE,
        ),
        (annotated(set=[{"name": "extraEnv[0].name", "value": "A"}]), UnreadReason.SETS_SEVERAL),
        (annotated(set=[{"name": "extraEnv", "value": "ENABLE_IPv6"}]), UnreadReason.NOT_PARSED),
        (annotated(set=[{"name": "env.A", "value": "b,env.B=c"}]), UnreadReason.SETS_SEVERAL),
        (annotated("a: 1\na: 2"), UnreadReason.NOT_PARSED),
        (annotated("[1, 2]"), UnreadReason.NOT_PARSED),
        (annotated("text"), UnreadReason.NOT_PARSED),
        (annotated(reuse_values=True), UnreadReason.EARLIER_RELEASE),
    ],
)
def test_values_that_are_not_read_are_a_warning_where_they_change(
    after: Json, why: UnreadReason
) -> None:
    assert states(release(annotated(), after))[1].setup.not_read is why
    assert levels(release(annotated(), after)) == {SETTINGS: "warning"}
    (finding,) = findings(release(annotated(), after))
    assert set(finding.means) == {"new-access", "coverage-lost", "any-change"}
    assert levels(release(after, after)) == {}


@pytest.mark.parametrize(
    ("level", "after"),
    [
        ("", annotated("# nothing yet\n")),
        ("", annotated("---\n")),
        ("", annotated({"env": {"A": None}})),
        ("", annotated(set=[{"name": "env.A", "value": "null"}])),
        ("", annotated({"extraEnv": []})),
        ("", annotated({"extraEnv": [{"name": "MY_IP", "valueFrom": {"fieldRef": {}}}]})),
        ("note", annotated({"podAnnotations": {"team": "a"}})),
        ("note", annotated(set=[{"name": "tolerations[0].key", "value": "a"}])),
        ("note", annotated(set_list=[{"name": "tolerations", "value": ["a"]}])),
        ("note", annotated(set=[{"name": "env.A", "value": r"b\,c=d"}])),
        ("note", annotated(set=[{"name": "env.A", "value": '{"a":"b","c":"d"}'}])),
        # The chart's own name of the service account.
        ("", annotated({"serviceAccount": {"name": "aws-node", "create": True}})),
        # What decides which code runs, and as whom.
        ("warning", annotated({"podAnnotations": {"eks.amazonaws.com/role-arn": arn_of("other")}})),
        ("warning", annotated({"fullnameOverride": "cni"})),
        ("warning", annotated({"serviceAccount": {"name": "other"}})),
        ("warning", annotated({"init": {"image": {"override": "example.com/init:v1"}}})),
        ("warning", annotated(repository="https://charts.example.com")),
        ("warning", annotated(namespace="other")),
        ("warning", annotated(chart="./aws-vpc-cni-fork")),
        ("warning", annotated(set_sensitive=[{"name": "env.ENABLE_IPv6", "value": "true"}])),
        ("warning", annotated(set_wo_revision=1)),
        ("warning", annotated(postrender=[{"binary_path": "./patch.sh"}])),
    ],
)
def test_values_that_change_matter_as_they_decide_what_runs(level: str, after: Json) -> None:
    changed = findings(release(annotated(), after))
    assert [(f.rule, f.level) for f in changed] == ([(SETTINGS, level)] if level else [])
    assert all(("new-access" in f.means) == (level == "warning") for f in changed)
    assert levels(release(after, after)) == {}


def test_a_new_release_says_what_of_it_a_plan_does_not_show() -> None:
    hidden = annotated(postrender=[{"binary_path": "./patch.sh"}])
    assert levels(release(None, hidden)) == {SETTINGS: "warning"}
    assert levels(release(None, annotated(namespace="other"))) == {}


def test_a_chart_in_place_of_the_add_on_is_compared_with_it() -> None:
    """The published chart, in the namespace of the add-on, is no other code."""
    gone = addon(at("v1.23.2"), None)
    same_chart = annotated(repository="https://aws.github.io/eks-charts")
    assert SETTINGS not in {
        f.rule for f in findings(gone, release(None, same_chart)) if f.level != "note"
    }
    other = annotated(repository="https://charts.example.com")
    assert levels(gone, release(None, other))[SETTINGS] == "warning"
    assert [f for f in found(gone, release(None, other)) if f.rule == "plugin-removed"] == []


@pytest.mark.parametrize(
    ("before", "after", "sensitive", "later", "count"),
    [
        ("{}", IPV6, SIDES, False, 1),
        (IPV6, IPV6, SIDES, False, 0),
        ("{}", None, SIDES, False, 1),
        ("{}", IPV6, ("after",), False, 1),
        ("- 1", "- 2", (), False, 1),
        ("- 1", "- 1", (), False, 0),
        ("{}", "- 1", (), False, 1),
        ("{}", None, (), True, 1),
    ],
)
def test_a_configuration_that_is_not_read_is_said_once_where_it_changes(
    before: str, after: str | None, sensitive: tuple[str, ...], *, later: bool, count: int
) -> None:
    argument = "configuration_values"
    marks = {f"{side}_sensitive": {argument: True} for side in sensitive}
    sides = [at("v1.23.2", **({argument: text} if text else {})) for text in (before, after)]
    change = addon(*sides, **marks, after_unknown={argument: True} if later else {})
    warnings = [f for f in findings(change) if f.level == "warning"]
    assert len(warnings) == count
    texts = str(warnings)
    assert not sensitive or "ENABLE_IPv6" not in texts


def test_a_renamed_cluster_is_a_warning_and_no_secret_is_told() -> None:
    names = ("hidden-blue", "hidden-green")
    marks = {f"{side}_sensitive": {"name": True, "cluster_name": True} for side in SIDES}
    cluster = resource(
        "aws_eks_cluster",
        "prod",
        *({"name": n} for n in names),
        actions=["delete", "create"],
        **marks,
    )
    moves = addon(*({"cluster_name": n} for n in names), actions=["delete", "create"], **marks)
    every = found(cluster, moves)
    (change,) = (f for f in every if f.rule == SETTINGS)
    assert change.level == "warning" and "CLUSTER_NAME" in change.message
    assert "hidden-" not in str(every)


def test_a_secret_in_a_variable_is_not_told() -> None:
    secret = "correct-horse-battery"
    sides = ({"env": {"AWS_VPC_K8S_CNI_LOGLEVEL": value}} for value in (secret, "debug"))
    texts = [at("v1.23.2", configuration_values=json.dumps(side)) for side in sides]
    holder = resource("aws_iam_user", "u", None, {"name": secret}, after_sensitive={"name": True})
    every = findings(addon(*texts), holder)
    assert [f.rule for f in every] == [SETTINGS]
    assert secret not in str(every)


# The role of a chart.


@pytest.mark.parametrize(
    "after",
    [
        {"values": [*annotated()["values"], json.dumps({"serviceAccount": {"annotations": None}})]},
        {"values": [*annotated()["values"], json.dumps({"serviceAccount": "none"})]},
        annotated(set=[{"name": NAME, "value": "null"}]),
        annotated(set=[{"name": "serviceAccount.annotations", "value": "null"}]),
    ],
)
def test_an_annotation_that_later_values_take_away_is_lost(after: Json) -> None:
    assert states(release(annotated(), after))[1].identity.kind is Identity.unknown
    rules = {f.rule for f in found(release(annotated(), after), *own_role("cni", irsa(), CNI))}
    assert "plugin-identity-lost" in rules


def test_values_that_can_no_longer_be_read_lose_no_identity_for_certain() -> None:
    change = release(annotated(), {"values": ["a: 1\na: 2"]})
    rules = {f.rule for f in found(change, *own_role("cni", irsa(), CNI))}
    assert SETTINGS in rules and "plugin-identity-lost" not in rules


def test_an_annotation_of_something_else_is_no_identity() -> None:
    annotations = {"eks.amazonaws.com/role-arn": arn_of("other")}
    change = release(None, {"values": [json.dumps({"podAnnotations": annotations})]})
    assert states(change)[1].identity.kind is Identity.unknown


@pytest.mark.parametrize("argument", ["set", "values"])
def test_a_role_that_is_known_after_apply_is_the_one_referred_to(argument: str) -> None:
    """So it is where a chart gets a role that the same plan makes."""
    new = refers("aws_iam_role.new.arn")
    after = {"set": [{"name": NAME}]} if argument == "set" else {}
    unknown = {"set": [{"value": True}]} if argument == "set" else {"values": [True]}
    expression = [{"name": {"constant_value": NAME}, "value": new}]
    configuration = configured(
        block("helm_release.cni", **{argument: expression if argument == "set" else new}),
        block("aws_iam_role.new"),
    )
    change = release(None, after, after_unknown=unknown)
    _, state = states(change, role("new", None, irsa()), configuration=configuration)
    assert state.identity.roles == {InPlan("aws_iam_role.new")}


def test_later_values_are_put_over_earlier_ones() -> None:
    other = {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": arn_of("other")}}}
    more = {"serviceAccount": {"annotations": {"team": "a"}}, "env": {"A": "1"}}
    for later, name in ((more, "cni"), (other, "other")):
        state = states(release(None, annotated(later)))[1]
        (named,) = state.identity.roles
        assert str(named).count(f"aws_iam_role.{name}" if name == "cni" else arn_of(name))
    text = "role: &r {eks.amazonaws.com/role-arn: %s}\nserviceAccount: {annotations: *r}\n"
    change = release(None, {"values": [text % arn_of("cni")]})
    assert states(change)[1].identity.roles == {InPlan("aws_iam_role.cni")}


def test_another_value_that_is_known_after_apply_is_no_role() -> None:
    """It leaves the role that is there, and is none itself whatever it refers to."""
    values = [{"name": {}, "value": refers("aws_iam_role.cni.arn")}, {}]
    configuration = configured(block("helm_release.cni", set=values))
    later = {"name": "env.X"}
    unknown = {"after_unknown": {"set": [{"value": True}]}}
    role_block = {"name": NAME, "value": arn_of("cni")}
    sides = ({"set": [role_block]}, {"set": [later, role_block]})
    change = release(*sides, **unknown)
    assert states(change)[1].identity.roles == {InPlan("aws_iam_role.cni")}
    assert levels(change) == {SETTINGS: "warning"}
    alone = release(None, {"set": [later]}, **unknown)
    assert states(alone, configuration=configuration)[1].identity.kind is Identity.unknown


def test_the_object_that_variables_come_from_counts() -> None:
    def of(name: str) -> Json:
        source = {"configMapKeyRef": {"name": name}}
        return annotated({"extraEnv": [{"name": "ENABLE_IPv6", "valueFrom": source}]})

    assert levels(release(of("a"), of("b"))) == {SETTINGS: "warning"}
    texts = (annotated({"extraEnv": text}) for text in "ab")
    assert levels(release(*texts)) == {SETTINGS: "warning"}
    assert levels(release(of("a"), {**of("a"), "set": [{"name": "x", "value": "1"}]})) == {
        SETTINGS: "note"
    }


def test_eks_sets_the_name_of_the_cluster_in_its_add_on() -> None:
    _, state = states(addon(at("v1.23.2"), at("v1.23.2")))
    assert state.setup.settings.environment == {"CLUSTER_NAME": "prod"}
    assert state.setup.settings.has_cluster_name
    later = addon(None, {"cluster_name": None}, after_unknown={"cluster_name": True})
    (plugin,) = context(later).plugins
    assert plugin.after.setup.settings.has_cluster_name
    assert plugin.after.setup.version != Known("")


def test_odd_values_end_no_review() -> None:
    for odd in (None, "x", 1, 1.5, [], [None], ["x"], {}, {"a": "b"}, True):
        arguments = (
            *("configuration_values", "addon_version", "cluster_name", "preserve"),
            *("service_account_role_arn", "pod_identity_association", "addon_name"),
        )
        for name in arguments:
            found(addon(at("v1.23.2"), at("v1.23.2", **{name: odd})))
        for name in ("values", "set", "set_list", "chart", "version", "reuse_values"):
            found(release(annotated(), annotated(**{name: odd} if name != "values" else {})))
            found(release(None, {name: odd}))


@pytest.mark.parametrize(
    "block",
    [
        {"name": "a", "value": ",a" * 100_000},
        {"name": "a", "value": "," * 100_000},
        {"name": ".".join("a" * 50_000), "value": "1"},
    ],
)
def test_a_long_block_takes_no_long_time(block: Json) -> None:
    started = time.process_time()
    assert SETTINGS in levels(release(annotated(), annotated(set=[block])))
    assert time.process_time() - started < 3


def test_many_values_over_large_ones_take_no_long_time() -> None:
    started = time.process_time()
    large = {"env": {f"K{number}": "v" for number in range(20_000)}}
    small = [{"env": {"A": str(number)}} for number in range(10_000)]
    _, state = states(release(annotated(), annotated(large, *small)))
    assert state.setup.settings.environment["A"] == "9999"
    assert time.process_time() - started < 3
