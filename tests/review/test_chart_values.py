"""Which role the values of the plugin's chart name, as Helm puts them together."""

import json

import pytest

from eks import arn_of, irsa, own_role
from synthetic import WANTED as TARGET
from synthetic import Json, allow, document, plan, resource, reviewed, role
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.run import review

CNI = dumps(managed_policy())
NAME = r"serviceAccount.annotations.eks\.amazonaws\.com/role-arn"
CHART = {"name": "cni", "chart": "aws-vpc-cni", "namespace": "kube-system", "version": "1.23.2"}
OF_NEW_ROLE = {"references": ["aws_iam_role.new.arn", "aws_iam_role.new"]}


def _values(annotations: object) -> str:
    return json.dumps({"serviceAccount": {"annotations": annotations}})


def _annotated(name: str) -> str:
    return _values({"eks.amazonaws.com/role-arn": arn_of(name)})


def _reviewed(before: Json | None, after: Json, expressions: Json | None = None) -> Review:
    sides = (None if before is None else {**CHART, **before}, {**CHART, **after})
    unknown = {k: [{"value": True}] if k == "set" else [True] for k in expressions or ()}
    blocks = [
        {"address": "helm_release.cni", "type": "helm_release", "expressions": expressions or {}},
        {"address": "aws_iam_role.new", "type": "aws_iam_role", "expressions": {}},
    ]
    blocks = [{"mode": "managed", "name": b["address"].split(".")[1], **b} for b in blocks]
    changes = (
        resource("helm_release", "cni", *sides, after_unknown=unknown),
        *own_role("cni", irsa(), CNI),
        *own_role("strong", irsa(), document(allow("*"))),
        role("new", None, irsa()),
        resource("aws_iam_role_policy", "new", None, {"name": "p", "role": "new", "policy": CNI}),
    )
    text = plan(*changes, configuration={"root_module": {"resources": blocks}})
    return review(read_plan(text, "plan.json"), TARGET)


def _levels(result: Review) -> dict[str, str]:
    return {f.rule: f.level for f in result.findings if f.rule.startswith("plugin-")}


@pytest.mark.parametrize(
    "after",
    [
        {"values": [_annotated("cni"), _values(None)]},
        {"values": [_annotated("cni"), json.dumps({"serviceAccount": "none"})]},
        {"values": [_annotated("cni")], "set": [{"name": NAME, "value": "null"}]},
        {
            "values": [_annotated("cni")],
            "set": [{"name": "serviceAccount.annotations", "value": "null"}],
        },
    ],
)
def test_an_annotation_that_later_values_take_away_is_lost(after: Json) -> None:
    result = _reviewed({"values": [_annotated("cni")]}, after)
    assert _levels(result)["plugin-identity-lost"] == "error"


def test_later_values_are_put_over_earlier_ones() -> None:
    more = json.dumps({"serviceAccount": {"annotations": {"team": "a"}}, "env": {"A": "1"}})
    result = _reviewed({"values": [_annotated("cni")]}, {"values": [_annotated("cni"), more]})
    assert result.clusters[0].after.roles == ("aws_iam_role.cni",)
    result = _reviewed(
        {"values": [_annotated("cni")]}, {"values": [_annotated("cni"), _annotated("strong")]}
    )
    assert _levels(result)["plugin-identity-changed"] == "error"


def test_anchors_in_values_are_read() -> None:
    text = "role: &r {eks.amazonaws.com/role-arn: %s}\nserviceAccount: {annotations: *r}\n"
    sides = ({"values": [text % arn_of(name)]} for name in ("cni", "strong"))
    result = _reviewed(*sides)
    assert result.clusters[0].after.roles == ("aws_iam_role.strong",)
    assert _levels(result)["plugin-identity-changed"] == "error"


@pytest.mark.parametrize("names", [("cni", "strong"), (None, "strong"), ("strong", "strong")])
def test_a_role_that_an_alias_names_in_another_chart_is_followed(names: list[str | None]) -> None:
    text = "role: &r %s\nserviceAccount: {annotations: {eks.amazonaws.com/role-arn: *r}}\n"
    text += "other: {annotations: {eks.amazonaws.com/role-arn: &o %s}}\n"
    sides = (
        {"chart": "web", "values": [text % (arn_of(n), arn_of("cni"))]} if n else None
        for n in names
    )
    change = resource("helm_release", "web", *sides)
    rest = (*own_role("cni", irsa(), CNI), *own_role("strong", irsa(), document(allow("*"))))
    findings = [f for f in reviewed(change, *rest).findings if f.rule == "service-account-role"]
    assert ("error" in {f.level for f in findings}) == (names[0] != "strong")
    assert all("gets aws_iam_role." in f.message for f in findings)


SPELLINGS = (
    '"eks.amazonaws.com\\x2frole-arn": {role}',
    '"eks.amazonaws.com\\/role-arn": {role}',
    '? "eks.amazonaws.com/\\\n  role-arn"\n: {role}',
    "eks.amazonaws.com/role-arn: >-\n  {role}",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    ("kind", "argument"), [("helm_release", "values"), ("kubectl_manifest", "yaml_body")]
)
def test_a_role_is_found_however_yaml_spells_it(kind: str, argument: str, spelling: str) -> None:
    text = spelling.replace("{role}", arn_of("strong"))
    change = resource(kind, "web", None, {argument: [text] if argument == "values" else text})
    findings = reviewed(change, *own_role("strong", irsa(), document(allow("*")))).findings
    assert [f.level for f in findings if f.rule == "service-account-role"] == ["error"]


@pytest.mark.parametrize("nested", [False, True])
def test_a_role_of_an_annotation_that_cannot_be_read_is_one_not_known(*, nested: bool) -> None:
    text = "a: &k eks.amazonaws.com/role-arn\n*k : x\nb: 1\nb: 2\n"
    if nested:
        text = json.dumps({"values": text})
    findings = reviewed(resource("kubectl_manifest", "web", None, {"yaml_body": text})).findings
    assert "a role known after apply" in next(
        f.message for f in findings if f.rule == "service-account-role"
    )


def test_values_that_can_no_longer_be_read_lose_no_identity_for_certain() -> None:
    result = _reviewed({"values": [_annotated("cni")]}, {"values": ["a: 1\na: 2"]})
    assert _levels(result) == {"plugin-configuration-changed": "warning"}


@pytest.mark.parametrize("argument", ["set", "values"])
@pytest.mark.parametrize("before", [None, {"set": [{"name": NAME, "value": arn_of("strong")}]}])
def test_a_role_that_is_known_after_apply_is_the_one_referred_to(
    argument: str, before: Json | None
) -> None:
    """So it is where a chart gets a role that the same plan makes."""
    after = {"set": [{"name": NAME}]} if argument == "set" else {}
    expression = {
        "set": [{"name": {"constant_value": NAME}, "value": OF_NEW_ROLE}],
        "values": OF_NEW_ROLE,
    }[argument]
    result = _reviewed(before, after, {argument: expression})
    assert result.clusters[0].after.roles == ("aws_iam_role.new",)
    levels = _levels(result)
    assert levels["plugin-identity-changed"] == "note"
    assert "plugin-identity-lost" not in levels
    # Of values that are not known at all, the rest is not known either.
    assert ("plugin-configuration-changed" in levels) is (argument == "values")


def test_another_value_that_is_known_after_apply_leaves_the_role() -> None:
    role_block = {"name": NAME, "value": arn_of("cni")}
    expressions = {"set": [{"name": {}, "value": {"references": ["var.x"]}}, {}]}
    after = {"set": [{"name": "env.X"}, role_block]}
    result = _reviewed({"set": [role_block]}, after, expressions)
    assert result.clusters[0].after.roles == ("aws_iam_role.cni",)
    assert _levels(result) == {"plugin-configuration-changed": "warning"}


def test_a_role_in_another_value_that_is_known_after_apply_is_no_identity() -> None:
    result = _reviewed(
        None, {"set": [{"name": "env.X"}]}, {"set": [{"name": {}, "value": OF_NEW_ROLE}]}
    )
    assert result.clusters[0].after.kind == "unknown"


@pytest.mark.parametrize("text", ["[1, 2]", "5", "text"])
def test_values_that_are_no_mapping_are_not_read(text: str) -> None:
    result = _reviewed({"values": []}, {"values": [text]})
    assert _levels(result)["plugin-configuration-changed"] == "warning"


def _accounts(change: Json) -> list[tuple[str, str]]:
    findings = reviewed(change, *own_role("strong", irsa(), document(allow("*")))).findings
    return [(f.level, f.message) for f in findings if f.rule == "service-account-role"]


@pytest.mark.parametrize(
    ("kind", "values", "argument"),
    [
        ("helm_release", {"values": [_annotated("strong")]}, "values"),
        (
            "helm_release",
            {"set_sensitive": [{"name": NAME, "value": arn_of("strong")}]},
            "set_sensitive",
        ),
        ("kubectl_manifest", {"yaml_body": _annotated("strong")}, "yaml_body"),
        (
            "aws_eks_addon",
            {"addon_name": "ebs", "configuration_values": _annotated("strong")},
            "configuration_values",
        ),
    ],
)
def test_a_role_in_sensitive_values_of_others_is_said_and_not_told(
    kind: str, values: Json, argument: str
) -> None:
    marks = {"after_sensitive": {argument: True}}
    ((level, message),) = _accounts(resource(kind, "web", None, values, **marks))
    assert level == "warning" and "(sensitive" in message and "strong" not in message
    both = {**marks, "before_sensitive": {argument: True}}
    same = resource(kind, "web", values, {**values, "version": "2"}, **both)
    assert _accounts(same) == []


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("kubernetes_manifest", ("manifest", "metadata", "annotations")),
        ("kubernetes_annotations", ("annotations",)),
    ],
)
def test_a_new_role_in_a_manifest_is_what_the_argument_around_it_refers_to(
    kind: str, path: tuple[str, ...], *, written: bool
) -> None:
    """A plan has the references of a whole argument, and not those of each value in it."""
    values: Json = {"kind": "ServiceAccount"}
    marks: Json = {"eks.amazonaws.com/role-arn": True}
    for name in reversed(path):
        values, marks = {name: values}, {name: marks}
    blocks = [
        {"type": kind, "name": "web", "expressions": {path[0]: OF_NEW_ROLE} if written else {}},
        {"type": "aws_iam_role", "name": "new", "expressions": {}},
    ]
    review = reviewed(
        resource(kind, "web", None, values, after_unknown=marks),
        resource("aws_iam_role", "new", None, {"name": "new", "assume_role_policy": irsa()}),
        configuration={"root_module": {"resources": blocks}},
    )
    # Of a new role, its own findings say what it is.
    assert ("service-account-role" in {f.rule for f in review.findings}) is not written


@pytest.mark.parametrize(
    ("after", "unknown"),
    [
        ({"version": "2"}, {"values": True}),
        ({"values": [None]}, {"values": [True]}),
        ({"set_wo_revision": 2}, {}),
    ],
)
def test_values_of_others_that_a_plan_does_not_show_are_said(after: Json, unknown: Json) -> None:
    sides = ({"chart": "web"}, {"chart": "web", **after})
    change = resource("helm_release", "web", *sides, after_unknown=unknown)
    ((level, message),) = _accounts(change)
    assert level == "note" and "a service account may get a role" in message


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [
        ("kubectl_manifest", {"yaml_body": True}),
        ("kubernetes_manifest", {"manifest": True}),
        ("kubernetes_service_account_v1", {"metadata": [{"annotations": True}]}),
    ],
)
def test_an_object_that_is_known_after_apply_is_said(kind: str, unknown: Json) -> None:
    (finding,) = reviewed(resource(kind, "m", None, {"x": 1}, after_unknown=unknown)).findings
    assert (finding.rule, finding.level) == ("unread-resource", "note")


def _with(**values: object) -> Json:
    return {"values": [_annotated("cni"), json.dumps(values)]}


IPV6 = [{"name": "ENABLE_IPv6", "value": "true"}]


@pytest.mark.parametrize(
    "after",
    [
        _with(env={"ENABLE_IPv6": "true"}),
        _with(env={"ENABLE_IPv6": "True"}),
        _with(env={"ENABLE_IPv6": "1"}),
        _with(extraEnv=IPV6),
        _with(extraEnv=IPV6, env={"ENABLE_IPv6": "false"}),
        {"values": [_annotated("cni"), "env: {ENABLE_IPv6: y}"]},
        {"values": [_annotated("cni"), "env: {ENABLE_IPv6: !!binary dHJ1ZQ==}"]},
    ],
)
def test_a_variable_is_read_wherever_and_however_the_values_set_it(after: Json) -> None:
    result = _reviewed(_with(), after)
    assert result.clusters[0].mode_after == "ipv6"
    assert _levels(result) == {
        "plugin-permission-missing": "error",
        "plugin-configuration-changed": "note",
    }
    messages = [f.message for f in result.findings if f.rule == "plugin-configuration-changed"]
    assert messages[0].endswith("changes: ENABLE_IPv6")


@pytest.mark.parametrize(
    "after",
    [
        _with(extraEnv=[{"name": "ENABLE_IPv6", "valueFrom": {"configMapKeyRef": {}}}]),
        {**_with(), "set": [{"name": "extraEnv[0].name", "value": "ENABLE_IPv6"}]},
        {**_with(), "set": [{"name": "extraEnv", "value": "ENABLE_IPv6"}]},
        {**_with(), "set": [{"name": "env.A", "value": "b,env.ENABLE_IPv6=true"}]},
    ],
)
def test_a_variable_that_is_not_read_is_said(after: Json) -> None:
    result = _reviewed(_with(), after)
    assert _levels(result)["plugin-configuration-changed"] == "warning"
    assert any("configuration is not known" in f.message for f in result.findings)


@pytest.mark.parametrize(
    "after",
    [
        {"values": [_annotated("cni"), "# nothing yet\n"]},
        {"values": [_annotated("cni"), "---\n"]},
        _with(extraEnv=[]),
    ],
)
def test_values_that_set_nothing_change_nothing(after: Json) -> None:
    levels = _levels(_reviewed({"values": [_annotated("cni")]}, after))
    assert levels in ({}, {"plugin-configuration-changed": "note"})


def test_other_values_that_the_plugin_does_not_read_stay_notes() -> None:
    for after in (
        _with(extraEnv=[{"name": "MY_IP", "valueFrom": {"fieldRef": {}}}]),
        {**_with(), "set": [{"name": "tolerations[0].key", "value": "a"}]},
        {**_with(), "set": [{"name": "env.A", "value": r"b\,c=d"}]},
        {**_with(), "set": [{"name": "env.ADDITIONAL_ENI_TAGS", "value": '{"a":"b","c":"d"}'}]},
    ):
        levels = _levels(_reviewed(_with(), after))
        assert levels.get("plugin-configuration-changed", "note") == "note"


def test_the_tag_of_an_image_in_place_of_the_charts_is_the_version() -> None:
    images = [_with(image={"override": f"example.com/cni:{tag}"}) for tag in ("v1.21.2", "v1.22.1")]
    result = _reviewed(*images)
    (cluster,) = result.clusters
    assert (cluster.version_before, cluster.version_after) == ("v1.21.2", "v1.22.1")
    assert _levels(result) == {"plugin-version-changed": "note"}
    stays = _reviewed(images[0], {**images[0], "version": "1.22.4"})
    assert stays.clusters[0].judged_after == "v1.21.2"
    assert _levels(stays) == {}
    digest = _reviewed(images[0], _with(image={"override": "example.com/cni@sha256:ab"}))
    assert _levels(digest)["plugin-version-unknown"] == "warning"
    other = _reviewed(images[0], _with(image={"override": "example.org/cni:v1.21.2"}))
    assert _levels(other) == {"plugin-configuration-changed": "warning"}
    inits = [
        _with(init={"image": {"override": f"example.com/init:{t}"}}) for t in ("v1.21.2", "evil")
    ]
    assert _levels(_reviewed(*inits)) == {"plugin-configuration-changed": "warning"}


@pytest.mark.parametrize(
    ("chart", "version"),
    [
        ("1.13.0", "v1.13.0"),
        ("v1.13.0", "v1.13.0"),
        ("1.12.7", "chart 1.12.7"),
        ("latest", "chart latest"),
        ("", ""),
    ],
)
def test_a_version_of_the_chart_is_the_plugins_since_1_13_0(chart: str, version: str) -> None:
    (seen,) = _reviewed(None, {**_with(), "version": chart}).clusters
    assert seen.version_after == version
    assert seen.source == ("plan" if version.startswith("v") else "newest")


@pytest.mark.parametrize(
    ("kind", "argument"), [("helm_release", "version"), ("aws_eks_addon", "addon_version")]
)
def test_a_version_that_is_sensitive_is_not_known_and_not_told(kind: str, argument: str) -> None:
    values = {**CHART, **_with()} if kind == "helm_release" else {"addon_name": "vpc-cni"}
    sides = ({**values, argument: version} for version in ("1.21.2", "1.22.1"))
    marks = {f"{side}_sensitive": {argument: True} for side in ("before", "after")}
    result = reviewed(resource(kind, "cni", *sides, **marks))
    messages = {f.rule: f.message for f in result.findings if f.rule.startswith("plugin-version")}
    assert "(sensitive 2) is not known; " in messages["plugin-version-unknown"]
    assert "(sensitive) to " in messages["plugin-version-changed"]
    assert not any(version in str(result.clusters) for version in ("1.21.2", "1.22.1"))


def test_another_name_of_everything_is_another_service_account() -> None:
    result = _reviewed(_with(), _with(fullnameOverride="cni"))
    assert _levels(result) == {"plugin-configuration-changed": "warning"}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("set_sensitive", [{"name": "env.ENABLE_IPv6", "value": "true"}]),
        ("set_wo_revision", 1),
        ("postrender", [{"binary_path": "./patch.sh"}]),
    ],
)
def test_a_new_release_says_what_of_it_is_not_read(argument: str, value: object) -> None:
    result = _reviewed(None, {**_with(), argument: value})
    messages = [f.message for f in result.findings if f.rule == "plugin-configuration-changed"]
    assert len(messages) == 1 and f"what is not read: {argument};" in messages[0]
    plain = _reviewed(None, {**_with(), "set_list": [{"name": "tolerations", "value": ["a"]}]})
    assert "plugin-configuration-changed" not in _levels(plain)


def test_an_annotation_of_something_else_is_no_identity() -> None:
    annotations = {"eks.amazonaws.com/role-arn": arn_of("strong")}
    of_pods = json.dumps({"podAnnotations": annotations})
    result = _reviewed({"values": [_annotated("cni")]}, {"values": [of_pods, _annotated("cni")]})
    assert result.clusters[0].after.roles == ("aws_iam_role.cni",)
    alone = _reviewed({"values": []}, {"values": [of_pods]})
    assert alone.clusters[0].after.roles == ()


def test_values_of_earlier_releases_that_are_kept_are_not_known() -> None:
    before = _with(env={"ENABLE_IPv6": "true"})
    result = _reviewed(before, {**_with(), "reuse_values": True})
    assert _levels(result)["plugin-configuration-changed"] == "warning"
    assert any("reuse_values" in f.message for f in result.findings)
    same = {**before, "reuse_values": True}
    assert _levels(_reviewed(same, same)) == {}


def _release(name: str, *versions: str | None) -> Json:
    sides = [None if v is None else {**CHART, "name": name, "version": v} for v in versions]
    return resource("helm_release", name, *sides)


@pytest.mark.parametrize("versions", [(None, "1.22.1"), ("1.22.1", None), ("1.22.1", "1.22.1")])
def test_a_release_beside_another_is_not_in_place_of_it(versions: tuple[str | None, ...]) -> None:
    clusters = reviewed(_release("a", "1.23.2", "1.23.2"), _release("b", *versions)).clusters
    versions_of = {c.installer: (c.version_before, c.version_after) for c in clusters}
    assert versions_of == {
        "helm_release.a": ("v1.23.2", "v1.23.2"),
        "helm_release.b": tuple(f"v{version}" if version else "" for version in versions),
    }
    (moved,) = reviewed(_release("a", "1.23.2", None), _release("b", None, "1.22.1")).clusters
    assert (moved.version_before, moved.version_after) == ("v1.23.2", "v1.22.1")


@pytest.mark.parametrize(
    "other",
    [
        _release("a", "1.23.2", "1.23.2"),
        resource("aws_eks_addon", "a", *[{"addon_name": "vpc-cni", "cluster_name": "prod"}] * 2),
    ],
)
def test_each_of_several_releases_is_judged(other: Json) -> None:
    """A release names no cluster: a plan of two clusters may have two."""
    result = reviewed(other, _release("b", "1.21.2", "1.22.1"))
    changed = [f.address for f in result.findings if f.rule == "plugin-version-changed"]
    assert changed == ["helm_release.b"]
    removed = reviewed(other, _release("b", "1.21.2", None))
    assert "helm_release.b" in {f.address for f in removed.findings if f.rule == "plugin-removed"}
