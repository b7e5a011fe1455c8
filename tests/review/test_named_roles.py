"""A resource of any type that newly names a role with administrator access is a warning."""

import json
from typing import Any

import pytest

from eks import NODE_TRUST, addon, arn_of, irsa, own_role, same
from synthetic import (
    Json,
    allow,
    block,
    configured,
    document,
    found,
    plan,
    refers,
    resource,
    reviewed,
)
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.report.shown import ShownFinding

PROFILE_ARN = "arn:aws:iam::111122223333:instance-profile/"
ROLES = (
    *own_role("admin", NODE_TRUST, document(allow("*"))),
    *own_role("iam", NODE_TRUST, document(allow("iam:PutRolePolicy"))),
    *own_role("power", NODE_TRUST, document({**allow("*"), "NotAction": "iam:*", "Action": None})),
    *own_role("weak", NODE_TRUST, document(allow("s3:GetObject"))),
    *(
        same("aws_iam_instance_profile", n, {"name": f"{n}-p", "arn": f"{PROFILE_ARN}{n}-p"} | r)
        for n in ("admin", "weak")
        for r in ({"role": n},)
    ),
)


def named(*changes: Json, **more: Any) -> list[ShownFinding]:
    return [f for f in found(*ROLES, *changes, **more) if f.rule == "admin-role-named"]


def service(before: Json | None, after: Json | None, **more: Any) -> Json:
    return resource("aws_new_service", "x", before, after, **more)


def of(name: str) -> Json:
    return {"a": [{"b": arn_of(name)}], "c": 1}


@pytest.mark.parametrize(
    ("name", "can"),
    [("admin", "every action on all resources"), ("iam", "change IAM permissions")],
)
def test_a_role_with_administrator_access_is_a_warning(name: str, can: str) -> None:
    for before in (None, of("weak")):
        (finding,) = named(service(before, of(name)))
        assert (finding.level, finding.address) == ("warning", "aws_new_service.x")
        assert f"newly names aws_iam_role.{name}, which can" in finding.message
        assert can in finding.message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, of("weak")),
        (None, of("power")),  # everything except IAM
        (None, of("elsewhere")),  # the plan does not show what it can do
        (None, of("aws-service-role/x.amazonaws.com/admin")),
        (of("admin"), {**of("admin"), "c": 2}),
        (of("admin"), of("weak")),
        (of("admin"), None),
        (None, {"policy": document(allow("sns:*", arn_of("admin")))}),
    ],
)
def test_other_roles_and_roles_that_stay_are_no_finding(
    before: Json | None, after: Json | None
) -> None:
    assert named(service(before, after)) == []


ANNOTATION = {"eks.amazonaws.com/role-arn": arn_of("admin")}
WHO = {"cluster_name": "prod", "namespace": "shop", "service_account": "web"}
ANY_TYPE = {
    "Lambda function": ("aws_lambda_function", {"role": arn_of("admin")}),
    "Cloud Control": ("awscc_lambda_function", {"role": arn_of("admin")}),
    "name of a role": ("aws_glue_crawler", {"role": "admin"}),
    "name in a list": ("aws_rds", {"a": [{"roles": {"names": ["x", "admin"]}}]}),
    "JSON": ("aws_batch_job_definition", {"x": json.dumps({"jobRoleArn": arn_of("admin")})}),
    "name of an instance profile": ("aws_instance", {"iam_instance_profile": "admin-p"}),
    "instance profile": ("awscc_ec2_instance", {"p": f"{PROFILE_ARN}admin-p"}),
    "new instance profile": ("aws_iam_instance_profile", {"name": "new", "role": "admin"}),
    "launch template": ("aws_launch_template", {"iam_instance_profile": [{"name": "admin-p"}]}),
    "association": ("aws_eks_pod_identity_association", {**WHO, "role_arn": arn_of("admin")}),
    "add-on": (
        "aws_eks_addon",
        {"addon_name": "ebs", "cluster_name": "c", "service_account_role_arn": arn_of("admin")},
    ),
    "service account": ("kubernetes_service_account", {"metadata": [{"annotations": ANNOTATION}]}),
    "chart": ("helm_release", {"chart": "web", "values": [f"role: {arn_of('admin')}"]}),
    "other provider": ("vault_thing", {"arn": arn_of("admin")}),
}


@pytest.mark.parametrize("case", ANY_TYPE)
def test_the_type_of_the_resource_does_not_matter(case: str) -> None:
    kind, values = ANY_TYPE[case]
    (finding,) = named(resource(kind, "w", None, values))
    assert finding.message.startswith(f"{kind}.w newly names aws_iam_role.admin, which can call")
    assert named(resource(kind, "w", values, {**values, "description": "a"})) == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("aws_ssm_parameter", {"value": arn_of("admin")}),  # which may be for anything
        ("aws_new_service", {"name": "admin"}),
        ("kubernetes_thing", {"role_ref": [{"name": "admin"}]}),  # a role of Kubernetes
    ],
)
def test_text_that_is_no_role_of_the_resource_is_no_finding(kind: str, values: Json) -> None:
    assert named(resource(kind, "w", None, values)) == []


@pytest.mark.parametrize("target", ["aws_iam_role.admin.arn", "aws_iam_instance_profile.admin.arn"])
@pytest.mark.parametrize("before", [None, {"role": arn_of("weak")}])
def test_an_argument_known_after_apply_names_what_it_refers_to(
    target: str, before: Json | None
) -> None:
    change = service(before, {}, after_unknown={"role": True})
    written = block("aws_new_service.x", role=refers(target))
    (finding,) = named(change, configuration=configured(written))
    assert "aws_iam_role.admin" in finding.message
    assert named(change, configuration=configured(block("aws_new_service.x"))) == []


def test_a_reference_to_a_role_that_it_had_is_no_new_one() -> None:
    change = service({"role": arn_of("admin")}, {}, after_unknown={"role": True})
    written = block("aws_new_service.x", role=refers("aws_iam_role.admin.arn"))
    assert named(change, configuration=configured(written)) == []


def test_a_role_that_the_plan_creates_is_reported_with_its_policies() -> None:
    made = resource("aws_iam_role", "made", None, {"name": "made"}, after_unknown={"arn": True})
    policy = {"role": "made", "name": "all", "policy": document(allow("*"))}
    inline = resource("aws_iam_role_policy", "made", None, policy)
    change = service(None, {}, after_unknown={"role": True})
    written = block("aws_new_service.x", role=refers("aws_iam_role.made.arn"))
    findings = found(made, inline, change, configuration=configured(written))
    assert "admin-attached" in {f.rule for f in findings}
    assert "admin-role-named" not in {f.rule for f in findings}


def test_the_role_of_aws_node_and_of_its_nodes_is_reported_for_them() -> None:
    kube = {"cluster_name": "prod", "node_role_arn": arn_of("admin")}
    strong = own_role("admin-irsa", irsa(), document(allow("*")))
    for change in (
        addon(None, {"service_account_role_arn": arn_of("admin-irsa")}),
        resource("aws_eks_node_group", "n", {**kube, "node_role_arn": arn_of("weak")}, kube),
    ):
        rules = {f.rule for f in found(*ROLES, *strong, change)}
        assert rules & {"plugin-identity-changed", "node-role-changed"}
        assert "admin-role-named" not in rules


def test_a_sensitive_role_is_judged_and_not_told() -> None:
    hidden = {"after_sensitive": {"a": [{"b": True}]}}
    (finding,) = named(service(None, of("admin"), **hidden))
    assert "newly names the role (sensitive" in finding.message
    assert "admin" not in finding.message.partition("which")[0].replace("admin-role", "")
    assert named(service(None, of("weak"), **hidden)) == []
    assert "weak" not in repr(reviewed(*ROLES[:1], service(None, of("weak"), **hidden)))


def test_a_name_of_roles_in_two_accounts_may_be_either() -> None:
    roles = [
        same("aws_iam_role", f"r{i}", {"name": "r", "assume_role_policy": NODE_TRUST}) for i in "12"
    ]
    policy = {"role": "r", "name": "all", "policy": document(allow("*"))}
    change = resource("aws_glue_crawler", "c", None, {"role": "r"})
    (finding,) = named(*roles, same("aws_iam_role_policy", "all", policy), change)
    assert "aws_iam_role.r" in finding.message


def test_a_resource_that_newly_names_a_role_is_counted_as_not_read() -> None:
    """What it does with the role is not read, also if the role can do little."""
    for name, not_read in (("weak", ("aws_new_service.x",)), ("weak2", ("aws_new_service.x",))):
        counts = read_plan(plan(*ROLES, service(None, of(name))), "plan.json").counts
        assert (counts.not_read, counts.others) == (not_read, 0)
    counts = read_plan(plan(*ROLES, service(of("weak"), {**of("weak"), "c": 2})), "p").counts
    assert (counts.not_read, counts.others) == ((), 1)
    function = resource("aws_eks_addon", "a", None, {"addon_name": "x", "role": arn_of("weak")})
    assert read_plan(plan(*ROLES, function), "plan.json").counts.read == 1
