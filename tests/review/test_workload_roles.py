"""Workloads and service accounts that get another role, or an existing one."""

import json
from typing import Any

import pytest

from eks import NODE_TRUST, addon, arn_of, own_role, same
from synthetic import Json, allow, block, document, found, refers, resource
from vpc_cni_iam.review.report.shown import ShownFinding
from vpc_cni_iam.review.rules import Consequence, Rule

ASSOCIATION = "aws_eks_pod_identity_association"
GIVEN = (Rule.NODE_ROLE, Rule.WORKLOAD_ROLE, Rule.SERVICE_ACCOUNT_ROLE)
NARROW, WIDE = document(allow("s3:GetObject")), document(allow("s3:*"))
ROLES = (
    *own_role("strong", NODE_TRUST, document(allow("*"))),
    *own_role("wide", NODE_TRUST, WIDE),
    *own_role("narrow", NODE_TRUST, NARROW),
    *(
        same("aws_iam_instance_profile", n, {"name": n, "role": n})
        for n in ("strong", "wide", "narrow")
    ),
)


def given(*changes: Json, **more: Any) -> list[ShownFinding]:
    return [f for f in found(*ROLES, *changes, **more) if f.rule in GIVEN]


def levels_of(*changes: Json, **more: Any) -> list[tuple[str, str]]:
    return [(f.address, str(f.level)) for f in given(*changes, **more)]


def function(before: str | None, after: str | None, name: str = "f", **more: Any) -> Json:
    sides = (None if role is None else {"role": arn_of(role)} for role in (before, after))
    return resource("aws_lambda_function", name, *sides, **more)


def association(before: str | None, after: str | None, **more: Any) -> Json:
    who = {"cluster_name": "prod", "namespace": "shop", "service_account": "web", **more}
    sides = (None if n is None else {**who, "role_arn": arn_of(n)} for n in (before, after))
    return resource(ASSOCIATION, "a", *sides)


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        ("narrow", "wide", "error"),
        ("wide", "narrow", "note"),
        ("narrow", "elsewhere", "warning"),
        ("elsewhere", "narrow", "warning"),
        ("elsewhere", "strong", "error"),
        (None, "narrow", "warning"),
        (None, "strong", "error"),
        ("narrow", "narrow", None),
        ("narrow", None, None),
    ],
)
def test_a_workload_with_another_role_is_judged_by_what_the_role_allows_more(
    before: str | None, after: str | None, level: str | None
) -> None:
    for change in (function(before, after), association(before, after)):
        assert levels_of(change) == ([(change["address"], level)] if level else [])


def test_the_most_harmful_of_what_is_new_comes_first() -> None:
    more = document(allow("s3:GetObject"), allow(["logs:PutLogEvents", "iam:PassRole"]))
    (finding,) = given(*own_role("more", NODE_TRUST, more), function("narrow", "more"))
    assert "can now call iam:PassRole" in finding.message
    assert finding.details[-1].startswith(
        "example: iam:PassRole on arn:aws:iam::111122223333:role/"
    )


def test_one_more_role_beside_those_that_stay_counts() -> None:
    sides = (
        {"iam_roles": [arn_of(name) for name in names]}
        for names in (["narrow"], ["narrow", "strong"])
    )
    assert levels_of(resource("aws_redshift_cluster", "r", *sides)) == [
        ("aws_redshift_cluster.r", "error")
    ]


def profile(before: str | None, after: str | None, name: str = "p") -> Json:
    sides = (None if role is None else {"name": name, "role": role} for role in (before, after))
    return resource("aws_iam_instance_profile", name, *sides)


def template(before: str | None, after: str | None, **more: Any) -> Json:
    base = {"id": "lt-1", "name": "nodes"}
    sides = (
        None if name is None else {**base, "iam_instance_profile": [{"name": name}], **more}
        for name in (before, after)
    )
    return resource("aws_launch_template", "n", *sides)


def group(
    before: str | None = "lt-1", after: str | None = "lt-1", version: str = "$Latest"
) -> Json:
    sides = (
        None if lt is None else {"launch_template": [{"id": lt, "version": version}]}
        for lt in (before, after)
    )
    return resource("aws_autoscaling_group", "g", *sides)


def test_a_change_is_found_once_where_it_is_made() -> None:
    through = (template("p", "p"), group())
    assert levels_of(profile("narrow", "strong"), *through) == [
        ("aws_iam_instance_profile.p", "error")
    ]
    assert levels_of(template("narrow", "strong"), group()) == [("aws_launch_template.n", "error")]
    assert levels_of(template("strong", "strong"), group(None)) == [
        ("aws_autoscaling_group.g", "error")
    ]


@pytest.mark.parametrize(
    ("versions", "is_said"),
    [(("1", "2"), True), (("1", None), True), (("2", "2"), False), (("$Latest", "$Latest"), False)],
)
def test_another_version_of_a_template_outside_of_the_plan_may_have_another_role(
    versions: tuple[str, str | None], *, is_said: bool
) -> None:
    sides = ({"launch_template": [{"id": "lt-1", "version": v}]} for v in versions)
    later = {"launch_template": [{"version": versions[1] is None}]}
    groups = resource("aws_autoscaling_group", "g", *sides, after_unknown=later)
    findings = given(groups)
    assert [(f.address, str(f.level)) for f in findings] == (
        [("aws_autoscaling_group.g", "warning")] if is_said else []
    )
    for finding in findings:
        assert "instead of the role of launch template lt-1 in version 1" in finding.message


def test_nodes_that_move_to_a_new_profile_are_found_once() -> None:
    moves = resource("aws_instance", "i", *({"iam_instance_profile": n} for n in ("narrow", "p")))
    assert levels_of(profile(None, "strong"), moves) == [("aws_instance.i", "error")]


def test_what_comes_beside_others_of_its_block_gets_nothing_by_a_role_that_they_have() -> None:
    def of(key: str, before: str | None, after: str) -> Json:
        return function(before, after, address=f'aws_lambda_function.f["{key}"]')

    assert levels_of(of("a", "wide", "wide"), of("b", None, "wide")) == []
    assert levels_of(of("a", "narrow", "narrow"), of("b", None, "wide")) != []


@pytest.mark.parametrize(
    ("old", "new"), [("module.old.{}", "module.new.{}"), ('{}["x"]', '{}["y"]')]
)
def test_a_workload_at_another_address_gets_no_new_role(old: str, new: str) -> None:
    for gone, comes in (
        (function("strong", None), function(None, "strong")),
        (association("strong", None), association(None, "strong")),
    ):
        gone["address"] = old.format(gone["address"])
        comes["address"] = new.format(comes["address"])
        assert levels_of(gone, comes) == []


def test_the_role_of_a_module_instance_is_not_that_of_another_one() -> None:
    """Both have the same reference, and nothing shows that it is the same role."""
    blocks = [block("aws_lambda_function.f", role=refers("local.role"))]
    call = {"module": {"resources": blocks}}
    changes = [
        function(role, role, address=f"module.{name}.aws_lambda_function.f")
        for name, role in (("a", "narrow"), ("b", "strong"))
    ]
    for change in changes:
        change["change"]["actions"] = ["update"]
        change["change"]["after"] = {}
        change["change"]["after_unknown"] = {"role": True}
    findings = levels_of(
        *changes, configuration={"root_module": {"module_calls": {"a": call, "b": call}}}
    )
    assert [level for _, level in findings] == ["warning", "warning"]


def replaced(before: str, after: str) -> Json:
    values = {"assume_role_policy": NODE_TRUST}
    sides = [{**values, "name": before, "arn": arn_of(before)}, {**values, "name": after}]
    more = {"actions": ["delete", "create"], "after_unknown": {"arn": True}}
    return resource("aws_iam_role", "gone", *sides, **more)


STILL = {
    "function": (same("aws_lambda_function", "w", {"role": arn_of("old")}), "warning"),
    "function that changes": (
        resource(
            "aws_lambda_function", "w", *({"role": arn_of("old"), "timeout": n} for n in (1, 2))
        ),
        "warning",
    ),
    "nodes": (same("aws_eks_node_group", "w", {"node_role_arn": arn_of("old")}), "error"),
    "profile": (same("aws_iam_instance_profile", "w", {"name": "p", "role": "old"}), "error"),
    "association": (
        same(
            ASSOCIATION,
            "w",
            {
                "cluster_name": "c",
                "namespace": "a",
                "service_account": "b",
                "role_arn": arn_of("old"),
            },
        ),
        "warning",
    ),
    "annotation": (
        same(
            "kubernetes_service_account",
            "w",
            {"metadata": [{"annotations": {"eks.amazonaws.com/role-arn": arn_of("old")}}]},
        ),
        "warning",
    ),
}


@pytest.mark.parametrize("case", STILL)
def test_who_still_names_a_role_that_gets_another_name_loses_it(case: str) -> None:
    change, level = STILL[case]
    (finding,) = given(replaced("old", "new"), change)
    assert (finding.address.split(".")[1], str(finding.level)) == ("w", level)
    assert Consequence.COVERAGE_LOST in finding.means
    assert "still uses aws_iam_role.gone" in finding.message
    assert finding.fix
    # A role that is made anew under its name has the same ARN.
    assert given(replaced("old", "old"), change) == []


def test_a_target_role_is_the_one_that_pods_have() -> None:
    change = association("narrow", "narrow", target_role_arn=arn_of("strong"))
    change["change"]["before"].pop("target_role_arn")
    change["change"]["actions"] = ["update"]
    (finding,) = given(change)
    assert str(finding.level) == "error"
    assert "aws_iam_role.strong instead of aws_iam_role.narrow" in finding.message


def test_the_role_of_aws_node_is_the_plugins() -> None:
    kube = {"namespace": "kube-system", "service_account": "aws-node"}
    metadata = {"name": "aws-node", "namespace": "kube-system"}
    annotation = {"eks.amazonaws.com/role-arn": arn_of("strong")}
    text = json.dumps({"metadata": {**metadata, "annotations": annotation}})
    for change in (
        addon(None, {"service_account_role_arn": arn_of("strong")}),
        association(None, "strong", **kube),
        resource("helm_release", "r", None, {"chart": "aws-vpc-cni", "values": [text]}),
        resource(
            "kubernetes_service_account_v1",
            "s",
            None,
            {"metadata": [{**metadata, "annotations": annotation}]},
        ),
        resource("kubectl_manifest", "m", None, {"yaml_body": text}),
    ):
        assert levels_of(change) == []


ANNOTATION = {"eks.amazonaws.com/role-arn": arn_of("strong")}
ESCAPED = {"name": r"sa.annotations.eks\.amazonaws\.com/role-arn", "value": arn_of("strong")}
YAML = f"serviceAccount:\n  annotations:\n    eks.amazonaws.com/role-arn: {arn_of('strong')}\n"
ANNOTATED = {
    "service account": ("kubernetes_service_account", {"metadata": [{"annotations": ANNOTATION}]}),
    "annotations": ("kubernetes_annotations", {"annotations": ANNOTATION}),
    "manifest": ("kubernetes_manifest", {"manifest": {"metadata": {"annotations": ANNOTATION}}}),
    "YAML": ("kubectl_manifest", {"yaml_body": YAML}),
    "values": ("helm_release", {"chart": "web", "values": [YAML]}),
    "values in JSON": ("helm_release", {"chart": "web", "values": [json.dumps({"x": ANNOTATION})]}),
    "set": ("helm_release", {"chart": "web", "set": [ESCAPED]}),
    "add-on": ("aws_eks_addon", {"addon_name": "x", "configuration_values": YAML}),
    "values in an application": ("kubectl_manifest", {"yaml_body": json.dumps({"values": YAML})}),
    "parameter": ("kubernetes_manifest", {"manifest": {"parameters": [ESCAPED]}}),
    "Argo CD": ("argocd_application", {"spec": [{"parameter": [ESCAPED]}]}),
}


@pytest.mark.parametrize("case", ANNOTATED)
def test_an_annotation_is_read_wherever_it_is(case: str) -> None:
    kind, values = ANNOTATED[case]
    (finding,) = given(resource(kind, "w", None, values))
    assert str(finding.level) == "error"
    assert "aws_iam_role.strong" in finding.message
    assert given(resource(kind, "w", values, {**values, "version": "2"})) == []


@pytest.mark.parametrize(
    "spelling",
    [
        '"eks.amazonaws.com\\x2frole-arn": {role}',
        '"eks.amazonaws.com\\/role-arn": {role}',
        '? "eks.amazonaws.com/\\\n  role-arn"\n: {role}',
        "eks.amazonaws.com/role-arn: >-\n  {role}",
        "role: &r {role}\nannotations: {{eks.amazonaws.com/role-arn: *r}}",
    ],
)
@pytest.mark.parametrize(
    ("kind", "argument"), [("helm_release", "values"), ("kubectl_manifest", "yaml_body")]
)
def test_a_role_is_found_however_yaml_spells_it(kind: str, argument: str, spelling: str) -> None:
    text = spelling.format(role=arn_of("strong"))
    (finding,) = given(
        resource(kind, "w", None, {argument: [text] if argument == "values" else text})
    )
    assert str(finding.level) == "error"


@pytest.mark.parametrize(
    "text",
    [
        "a: &k eks.amazonaws.com/role-arn\n*k : x\nb: 1\nb: 2\n",
        "annotations: {{ toYaml .Values.annotations }}\n# eks.amazonaws.com/role-arn: x",
        f"serviceAccount:\n  role-arn: {arn_of('strong')}\n",
    ],
)
def test_a_role_in_a_form_that_is_not_read_is_said(text: str) -> None:
    for kind, argument in (("kubectl_manifest", "yaml_body"), ("helm_release", "values")):
        values = {"chart": "web", argument: [text] if argument == "values" else text}
        if kind == "kubectl_manifest" and "eks.amazonaws.com" not in text:
            continue
        findings = found(resource(kind, "w", None, values))
        assert [(f.rule, str(f.level)) for f in findings] == [(Rule.UNREAD_RESOURCE, "warning")]
        stays = resource(kind, "w", values, {**values, "version": "2"})
        assert found(stays) == ()


def test_values_that_a_plan_does_not_show_are_a_note() -> None:
    sides = ({"chart": "web"}, {"chart": "web"})
    later = resource(
        "helm_release", "w", *sides, after_unknown={"values": True}, actions=["update"]
    )
    written = resource("helm_release", "w", sides[0], {"chart": "web", "set_wo_revision": 2})
    for change in (later, written):
        (finding,) = given(change)
        assert str(finding.level) == "note"
        assert "a service account may get a role" in finding.message


def test_a_sensitive_role_that_stays_is_no_finding_and_another_one_is() -> None:
    hidden = {f"{side}_sensitive": {"role_arn": True} for side in ("before", "after")}
    who = {"cluster_name": "prod", "namespace": "shop", "service_account": "web"}
    for after, expected in (("hidden-one", 0), ("hidden-two", 1)):
        sides = (
            {**who, "role_arn": arn_of(name), "tags": {"a": tag}}
            for name, tag in (("hidden-one", "1"), (after, "2"))
        )
        findings = given(resource(ASSOCIATION, "a", *sides, **hidden))
        assert len(findings) == expected
        assert all("hidden-" not in f.message for f in findings)


@pytest.mark.parametrize("kind", ["helm_release", "aws_lambda_function"])
def test_a_secret_that_names_a_role_of_the_plan_is_judged_and_not_told(kind: str) -> None:
    values = {"role": arn_of("strong")} if kind == "aws_lambda_function" else {"set": [ESCAPED]}
    argument = "role" if "role" in values else "set"
    (finding,) = given(resource(kind, "w", None, values, after_sensitive={argument: True}))
    assert "strong" not in " ".join((finding.message, *finding.details, finding.fix))
    assert "(sensitive" in finding.message


OTHER = document(allow("s3:PutObject"))


def limited(before: str | None, after: str | None, **more: Any) -> Json:
    who = {"cluster_name": "prod", "namespace": "shop", "service_account": "web"}
    values = {**who, "role_arn": arn_of("pod"), **more}
    sides = ({**values, "policy": policy} for policy in (before, after))
    return resource(ASSOCIATION, "a", *sides)


@pytest.mark.parametrize("odd", [5, True, {"x": 1}, [["x"]]])
def test_a_value_of_another_type_than_expected_is_not_skipped(odd: object) -> None:
    sides = ({"iam_instance_profile": value} for value in ([{"name": "narrow"}], odd))
    assert levels_of(resource("aws_launch_template", "t", *sides)) == [
        ("aws_launch_template.t", "warning")
    ]
