"""Each argument by which a workload gets a role is read: each row of the table, in its own form."""

import json
from typing import Any

import pytest

from eks import NODE_TRUST, arn_of, own_role
from synthetic import (
    Json,
    allow,
    block,
    configured,
    document,
    inline,
    refers,
    resource,
    reviewed,
    rules,
)
from vpc_cni_iam.inputs.plan.arguments import ROLE, ROLE_USES

ROWS = [
    (kind, path)
    for kind, paths in ROLE_USES.items()
    for path, target in paths.items()
    if target == ROLE
]
STRONG = own_role("strong", NODE_TRUST, document(allow("*")))
GIVEN = ("workload-role", "node-role-changed")
SETTING = "/default-ec2-instance-management-role"
SERVICE_LINKED = "arn:aws:iam::111122223333:role/aws-service-role/batch.amazonaws.com/Batch"


def value_at(steps: list[str], value: Any) -> Any:
    """What has a value at a path."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step == "{}":
        return json.dumps(value_at(rest, value))
    if "=" in step:
        name, _, end = step.partition("=")
        return {name: end, **value_at(rest, value)}
    return [value_at(rest, value)] if step == "*" else {step: value_at(rest, value)}


def comes(kind: str, path: str, role: str) -> Json:
    values: Json = value_at(path.split("."), role)
    return resource(kind, "w", None, values)


@pytest.mark.parametrize(("kind", "path"), ROWS)
def test_a_workload_with_a_strong_role_is_an_error(kind: str, path: str) -> None:
    review = reviewed(*STRONG, comes(kind, path, arn_of("strong")))
    assert [f.level for f in review.findings if f.rule in GIVEN] == ["error"]


def _levels(*changes: Json) -> list[tuple[str, tuple[str, ...]]]:
    findings = reviewed(*STRONG, *own_role("weak", NODE_TRUST), *changes).findings
    return [(f.level, f.means) for f in findings if f.rule == "workload-role"]


def _unknown(before: object, after: object, **more: Any) -> Json:
    sides = (
        {"a": [{"b": arn_of(str(name))}], "c": 1} if name else None for name in (before, after)
    )
    return resource("aws_new_service", "x", *sides, **more)


def test_a_type_that_is_not_known_and_names_another_role_is_a_note() -> None:
    review = reviewed(_unknown(None, "weak"))
    assert (review.not_read, review.others) == (("aws_new_service.x",), 0)
    assert _levels(_unknown(None, "weak")) == [("note", ("any-change",))]
    assert _levels(_unknown("weak", "strong")) == [("warning", ("new-access", "any-change"))]
    assert _levels(_unknown("weak", "weak")) == _levels(_unknown("weak", None)) == []
    assert _levels(_unknown(None, "aws-service-role/x.amazonaws.com/y")) == []
    parameter = resource("aws_ssm_parameter", "p", None, {"value": arn_of("strong")})
    of_others = resource("null_resource", "n", None, {"triggers": {"a": arn_of("strong")}})
    assert _levels(parameter, of_others) == []
    policy = resource("aws_sns_topic", "t", None, {"policy": document(allow("sns:*", arn_of("a")))})
    assert _levels(policy) == []  # which is reported separately


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ({"role_name": "strong"}, ["warning"]),
        ({"a": [{"executionRole": {"names": ["x", "strong"]}}]}, ["warning"]),
        ({"role_name": "weak"}, ["note"]),
        ({"role_name": "other"}, []),  # which may be anything
        ({"name": "strong"}, []),
    ],
)
def test_a_type_that_is_not_known_may_name_a_role_of_the_plan_by_its_name(
    values: Json, levels: list[str]
) -> None:
    assert [level for level, _ in _levels(resource("aws_new_service", "x", None, values))] == levels
    assert _levels(resource("aws_new_service", "x", values, {**values, "c": 1})) == []


def test_a_finding_says_whether_the_type_or_the_argument_is_not_known() -> None:
    firehose = resource(
        "aws_kinesis_firehose_delivery_stream", "x", {}, {"new_role_arn": arn_of("weak")}
    )
    findings = reviewed(_unknown(None, "weak"), firehose).findings
    messages = sorted(f.message for f in findings if f.rule == "workload-role")
    for message, what in zip(messages, ("the argument", "its type"), strict=True):
        assert message.endswith(f"; it is not known what {what} does with a role")
    (finding,) = (
        f for f in reviewed(*STRONG, _unknown(None, "strong")).findings if f.rule == "workload-role"
    )
    assert finding.message.endswith(", and the role can call every action on all resources")


def test_an_argument_that_is_not_known_may_name_a_role() -> None:
    search = [{"role_arn": arn_of("strong")}]
    values = {"extended_s3_configuration": [{"role_arn": arn_of("weak")}]}
    kind = "aws_kinesis_firehose_delivery_stream"
    more = {**values, "opensearch_configuration": search}
    assert [level for level, _ in _levels(resource(kind, "x", values, more))] == ["warning"]
    assert _levels(resource(kind, "x", more, {**more, "tags": {}})) == []
    both = resource(kind, "x", values, {**values, "other_role_arn": arn_of("weak")})
    assert _levels(both) == []  # which is one that it has
    profile = {"iam_instance_profile": "arn:aws:iam::111122223333:instance-profile/p"}
    assert _levels(resource("aws_instance", "i", None, profile)) == []  # another rule says so


def test_a_resource_of_the_other_provider_of_aws_may_name_a_role() -> None:
    change = resource("awscc_lambda_function", "f", None, {"role": arn_of("strong")})
    assert [level for level, _ in _levels(change)] == ["warning"]


def test_a_sensitive_role_of_a_type_that_is_not_known_is_not_told() -> None:
    hidden = {"after_sensitive": {"a": [{"b": True}]}}
    review = reviewed(_unknown(None, "hidden-role", **hidden))
    assert [f.rule for f in review.findings] == ["workload-role"]
    assert "hidden-role" not in repr(review)


def test_a_role_of_a_service_of_aws_is_none_of_a_workload() -> None:
    change = comes("aws_batch_compute_environment", "service_role", SERVICE_LINKED)
    assert not reviewed(change).findings


def test_other_settings_name_no_role() -> None:
    values = {"setting_id": "/ssm/automation/enable-adaptive-concurrency", "setting_value": "True"}
    assert not reviewed(resource("aws_ssm_service_setting", "s", None, values)).findings


@pytest.mark.parametrize("named", ["aws_iam_role.strong", "aws_ecr_repository.r"])
def test_text_that_is_known_after_apply_has_the_role_that_it_refers_to(named: str) -> None:
    unknown = {"container_properties": True}
    change = resource("aws_batch_job_definition", "j", None, {"name": "j"}, after_unknown=unknown)
    properties = refers(f"{named}.arn")
    job = block("aws_batch_job_definition.j", container_properties=properties)
    there = resource("aws_ecr_repository", "r", {"name": "r"}, {"name": "r"})
    review = reviewed(*STRONG, there, change, configuration=configured(job))
    expected = {"workload-role"} if named == "aws_iam_role.strong" else set()
    assert rules(review) == expected


def test_text_that_had_no_role_newly_has_one_whatever_its_expression_refers_to() -> None:
    texts = (json.dumps(each) for each in ({}, {"jobRoleArn": arn_of("strong")}))
    sides = ({"container_properties": text} for text in texts)
    change = resource("aws_batch_job_definition", "j", *sides)
    properties = refers("aws_iam_role.strong.arn")
    job = block("aws_batch_job_definition.j", container_properties=properties)
    review = reviewed(*STRONG, change, configuration=configured(job))
    assert [f.level for f in review.findings if f.rule in GIVEN] == ["error"]


@pytest.mark.parametrize("text", ["not JSON", "[" * 100_000, None])
def test_text_that_is_not_read_ends_no_review(text: str | None) -> None:
    values = {"container_properties": text}
    assert not reviewed(resource("aws_batch_job_definition", "j", None, values)).findings


def test_a_name_of_roles_in_two_accounts_may_be_either_in_an_instance_profile() -> None:
    roles = [
        resource("aws_iam_role", f"r{i}", *[{"name": "r", "assume_role_policy": NODE_TRUST}] * 2)
        for i in (1, 2)
    ]
    has = inline(*[document(allow("s3:*"))] * 2)
    profile = resource("aws_iam_instance_profile", "p", None, {"name": "p", "role": "r"})
    review = reviewed(*roles, has, profile)
    assert "node-role-changed" in rules(review)


def test_a_resource_whose_role_is_read_is_not_counted_as_not_read() -> None:
    for hidden in (False, True):
        function = comes("aws_lambda_function", "role", arn_of("strong"))
        function["change"]["after_sensitive"] = {"role": hidden}
        review = reviewed(*STRONG, function)
        assert (review.read, review.not_read) == (1, ())
        assert [f.rule for f in review.findings] == ["workload-role"]


@pytest.mark.parametrize("argument", ["jobRoleArn", "JobRoleArn"])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_role_in_text_is_found_in_any_case_and_if_it_is_sensitive(
    argument: str, *, hidden: bool
) -> None:
    values = {"container_properties": json.dumps({argument: arn_of("strong")})}
    marks = {"after_sensitive": {"container_properties": hidden}}
    change = resource("aws_batch_job_definition", "j", None, values, **marks)
    (finding,) = (f for f in reviewed(*STRONG, change).findings if f.rule == "workload-role")
    assert finding.level == ("warning" if hidden else "error")
    assert ("strong" in finding.message) != hidden


@pytest.mark.parametrize("mark", ["after_sensitive", "after_unknown"])
def test_what_tells_that_a_setting_names_a_role_may_be_hidden(mark: str) -> None:
    values = {"setting_id": f"/x{SETTING}", "setting_value": "strong"}
    if mark == "after_unknown":
        del values["setting_id"]
    change = resource("aws_ssm_service_setting", "s", None, values, **{mark: {"setting_id": True}})
    assert "workload-role" in rules(reviewed(*STRONG, change))
