"""What changes, is about IAM, EKS or credentials, and is not read is named and counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from synthetic import (
    Json,
    allow,
    block,
    configured,
    document,
    found,
    plan,
    resource,
)
from tools import corpus
from vpc_cni_iam.inputs.plan.reader import Plan, read_plan
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.rules import Consequence

OLD, NEW = document(allow("kms:Decrypt")), document(allow("kms:*"))
EVERYBODY = {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}


def read(*changes: Json, **more: Any) -> Plan:
    return read_plan(plan(*changes, **more), "plan.json")


def counts(*changes: Json, **more: Any) -> tuple[int, int, int]:
    each = read(*changes, **more).counts
    return each.read, len(each.not_read), each.others


def named(*changes: Json, **more: Any) -> list[tuple[str, str]]:
    return [(str(f.rule), str(f.level)) for f in found(*changes, **more)]


def every_plan() -> list[tuple[str, bytes]]:
    """Plans in JSON; some of the corpus are compressed, or have lines around them."""
    folder = Path(__file__).parent.parent / "review" / "plans"
    plans = [(path.name, path.read_bytes()) for path in folder.glob("*.json")]
    plans += [(case.name, case.plan) for case in corpus.cases() if case.data["exit"] in (0, 1)]
    return [(name, data) for name, data in plans if data.startswith(b"{")]


def test_every_change_is_read_or_not_read_or_of_another_type() -> None:
    assert len(every_plan()) > 250
    moves = {"previous_address", "importing"}
    for name, data in every_plan():
        raw = json.loads(data)
        later = (d["resource_change"] for d in raw.get("deferred_changes", ()))
        changed = [
            item
            for item in (*raw.get("resource_changes", ()), *later)
            if item.get("mode", "managed") == "managed"
            and (
                item["change"]["actions"] not in (["no-op"], ["read"])
                or (item["type"].startswith("aws_iam_") and {*item, *item["change"]} & moves)
            )
        ]
        made = read_plan(data, "plan.json")
        counted = made.counts
        assert counted.read + len(counted.not_read) + counted.others == len(changed), name
        addresses = {u.address for u in made.unread}
        assert {text.partition(" (")[0] for text in counted.not_read} <= addresses, name


def command(name: str, before: Json | None = None) -> tuple[Json, Json]:
    """A resource that runs a command when it is made, and its configuration."""
    change = resource("null_resource", name, before, {"id": "1"})
    return change, {**block(f"null_resource.{name}"), "provisioners": [{"type": "local-exec"}]}


def test_commands_of_modules_and_of_what_is_read_are_named() -> None:
    change, runs = command("n")
    instance = resource("aws_launch_template", "i", None, {})
    updated = resource("aws_launch_template", "u", {"id": "i-1"}, {"id": "i-1", "tags": {}})
    names = ("i", "u")
    blocks = [runs, *({**runs, "type": "aws_launch_template", "name": name} for name in names)]
    calls = {"m": {"module": {"resources": blocks}}}
    changes = [
        {**item, "address": f'module.m["a.b"].{item["address"]}[0]'}
        for item in (change, instance, updated)
    ]
    made = read(*changes, configuration={"root_module": {"module_calls": calls}})
    assert [unread.address for unread in made.unread] == [c["address"] for c in changes[:2]]
    assert (made.counts.read, made.counts.not_read, made.counts.others) == (2, (), 1)


def test_text_of_a_command_is_not_shown() -> None:
    change, runs = command("n")
    runs["provisioners"][0]["expressions"] = {"command": {"constant_value": "hunter2"}}
    findings = found(change, configuration=configured(runs))
    assert findings and "hunter2" not in repr([(f, f) for f in findings])


def test_releases_of_other_charts_are_of_another_type() -> None:
    assert counts(resource("helm_release", "web", None, {"chart": "web"})) == (0, 0, 1)
    assert counts(resource("helm_release", "cni", None, {"chart": "aws-vpc-cni"})) == (1, 0, 0)


@pytest.mark.parametrize(
    ("kind", "values", "level"),
    [
        ("aws_kms_key", {"policy": OLD}, "note"),
        ("aws_s3_bucket_policy", {"policy": document(EVERYBODY)}, "note"),
        ("awscc_s3_bucket_policy", {"policy_document": document(EVERYBODY)}, "note"),
        ("awscc_kms_key", {"key_policy": document(EVERYBODY)}, "note"),
        ("awscc_sqs_queue", {"a": {"b": document(allow("sqs:*"))}}, "note"),
        ("awscc_lambda_permission", {"principal": "*"}, "note"),
        ("awscc_ecr_repository", {"name": "a"}, None),
        ("aws_sqs_queue", {"name": "a"}, None),
    ],
)
def test_policies_of_resources_are_named_and_not_read(
    kind: str, values: Json, level: str | None
) -> None:
    change = resource(kind, "r", None, values)
    assert named(change) == ([("unread-resource", level)] if level else [])
    assert counts(change) == ((0, 1, 0) if level else (0, 0, 1))
    assert not named(resource(kind, "r", values, {**values, "tags": {"a": "b"}})) or level


@pytest.mark.parametrize(
    ("kind", "argument", "before", "after"),
    [
        ("aws_organizations_account", "parent_id", "ou-1", "ou-2"),
        ("aws_organizations_organization", "enabled_policy_types", ["SERVICE_CONTROL_POLICY"], []),
    ],
)
def test_accounts_for_which_other_policies_of_the_organization_count_are_said(
    kind: str, argument: str, before: object, after: object
) -> None:
    def rules_of(old: object, new: object, **more: object) -> list[tuple[str, str]]:
        sides = [{"name": "a", argument: value, "tags": {}} for value in (old, new)]
        sides[1]["tags"] = {"team": "a"}
        return named(resource(kind, "a", *sides, **more))

    assert rules_of(before, after) == [("unread-resource", "warning")]
    unknown = rules_of(before, None, after_unknown={argument: True})
    assert unknown == [("unread-resource", "warning")]
    assert not rules_of(before, before)


@pytest.mark.parametrize(
    ("template", "level"),
    [
        ({"template_body": "Resources: {a: {Type: 'AWS::SSO::Assignment'}}"}, "warning"),
        ({"template_body": '{"Resources": {"a": {"Type": "AWS::IAM::Role"}}}'}, "warning"),
        ({"capabilities": ["CAPABILITY_NAMED_IAM"]}, "warning"),
        # Without a capability, it creates no IAM resources.
        ({"template_url": "https://example.com/template.yaml"}, "note"),
        ({"template_body": "Resources: {a: {Type: 'Custom::Any'}}"}, "note"),
        ({"template_body": "Resources: {a: {Type: 'AWS::Lambda::Permission'}}"}, "note"),
        ({"template_body": "Resources: {a: {Type: 'AWS::SQS::Queue'}}"}, "note"),
    ],
)
def test_a_stack_is_a_warning_if_it_can_create_iam_resources(template: Json, level: str) -> None:
    for kind in ("aws_cloudformation_stack", "aws_cloudformation_stack_set"):
        values = {"name": "s", **template}
        assert named(resource(kind, "s", None, values)) == [("unread-resource", level)]
        assert not named(resource(kind, "s", values, {**values, "tags": {"team": "web"}}))


@pytest.mark.parametrize(
    "manifest",
    [
        'kind: "Cluster\\x52oleBinding"',
        "kind: !!str ClusterRoleBinding",
        "kind: &a ClusterRoleBinding",
        "x: &a ClusterRoleBinding\nkind: *a",
        "kind: >-\n  ClusterRoleBinding",
        "kind: # comment\n  ClusterRoleBinding",
        "? kind\n: ClusterRoleBinding",
        "x: &k kind\n*k : ClusterRoleBinding",
        'metadata: {name: "aws\\u002dauth"}',
        'metadata: {name: "aws-\\\n  auth"}',
    ],
)
def test_what_yaml_spells_in_another_way_is_said(manifest: str) -> None:
    change = resource("kubectl_manifest", "m", None, {"yaml_body": manifest})
    assert named(change) == [("unread-resource", "warning")]


def test_a_manifest_about_something_else_is_not_said() -> None:
    definition = "kind: CustomResourceDefinition\nspec:\n  kind:\n    type: string\n  x: '*'\n"
    for manifest in (definition, "kind: x" + "!" * 50_000, "kind:" + "#" * 50_000 + "&!" * 50_000):
        change = resource("kubectl_manifest", "m", None, {"yaml_body": manifest})
        assert not named(change)
        assert counts(change) == (0, 0, 1)


@pytest.mark.parametrize(
    "kind",
    [
        *("aws_iam_new_thing", "aws_eks_new_thing", "awscc_eks_addon", "aws_iam_access_key"),
        # These make any resource.
        "aws_serverlessapplicationrepository_cloudformation_stack",
        *("aws_servicecatalog_provisioned_product", "aws_cloudformation_stack_set_instance"),
    ],
)
def test_a_type_that_may_be_about_access_is_said(kind: str) -> None:
    values = {"capabilities": ["CAPABILITY_IAM"]}
    assert named(resource(kind, "x", None, values)) == [("unread-resource", "warning")]


def test_tags_of_a_type_that_gives_access_are_no_finding() -> None:
    sides = (
        {"saml_metadata_document": "<x/>"},
        {"saml_metadata_document": "<x/>", "tags": {"a": "b"}},
    )
    change = resource("aws_iam_saml_provider", "p", *sides)
    assert not named(change)
    assert read(change).counts.not_read == ("aws_iam_saml_provider.p",)


def test_types_of_cloud_control_are_said_like_those_of_the_provider() -> None:
    pool = {"allow_unauthenticated_identities": False}
    opened = {"allow_unauthenticated_identities": True}
    for aws in ("aws", "awscc"):
        change = resource(f"{aws}_cognito_identity_pool", "p", pool, opened)
        assert named(change) == [("unread-resource", "warning")]
        blocked = resource(f"{aws}_ec2_snapshot_block_public_access", "b", {"state": "x"}, None)
        assert named(blocked) == [("unread-resource", "note")]
    for kind in ("aws_s3control_access_grant", "awscc_s3_access_grant"):
        granted = resource(kind, "g", None, {"permission": "READ"})
        assert named(granted) == [("unread-resource", "note")]


def action(kind: str, **more: object) -> Json:
    """An action that an engine invokes at apply."""
    trigger = {"triggering_resource_address": "aws_s3_bucket.b", "on_failure": "halt"}
    what = {"address": f"action.{kind}.a", "type": kind, "name": "a"}
    empty: Json = {"config_values": {}, "config_sensitive": {}, "config_unknown": {}}
    return {**what, "lifecycle_action_trigger": trigger, **empty, **more}


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("local_command", "note"),
        ("aws_codebuild_start_build", "note"),
        ("aws_lambda_invoke", "warning"),
    ],
)
def test_an_action_that_a_plan_invokes_is_a_finding_and_no_resource(kind: str, level: str) -> None:
    deferred = [{"reason": "unknown", "action_invocation": action(kind)}]
    for more in (
        {"action_invocations": [action(kind)]},
        {"deferred_action_invocations": deferred},
    ):
        (finding,) = found(**more)
        assert (finding.rule, finding.level) == ("unread-resource", level)
        assert finding.address == f"action.{kind}.a"
        assert Consequence.NEW_ACCESS in finding.means
        assert counts(**more) == (0, 0, 0)


def test_a_sensitive_value_of_an_action_is_hidden_elsewhere() -> None:
    marked = {"config_values": {"payload": "hunter2-secret"}, "config_sensitive": {"payload": True}}
    values = {"name": "hunter2-secret", "policy": OLD}
    shown = resource("aws_iam_policy", "p", None, values)
    made = read(shown, action_invocations=[action("aws_lambda_invoke", **marked)])
    assert "hunter2" not in repr(made.resources)


def test_a_plan_that_is_not_all_says_so() -> None:
    assert named(complete=False) == [("incomplete", "note")]
    assert not named(complete=True)


def test_parts_of_a_plan_that_are_not_known_are_named() -> None:
    (finding,) = found(new_section=[{"a": 1}], other_section={})
    assert (finding.rule, finding.level) == ("plan-format-unknown", Level.NOTE)
    assert "new_section" in finding.message and "other_section" in finding.message


@pytest.mark.parametrize(
    ("kind", "argument", "sides"),
    [
        # They decide what policies allow, and who issues tokens.
        ("aws_eks_pod_identity_association", "disable_session_tags", (True, False)),
        ("aws_iam_openid_connect_provider", "thumbprint_list", (["a" * 40], ["b" * 40])),
    ],
)
def test_an_argument_that_is_not_read_is_named(
    kind: str, argument: str, sides: tuple[object, object]
) -> None:
    change = resource(kind, "x", *({argument: side} for side in sides))
    assert read(change).counts.not_read == (f"{kind}.x ({argument})",)


def test_a_resource_that_newly_names_a_role_is_named_as_not_read_and_counted_once() -> None:
    role = "arn:aws:iam::111122223333:role/report"
    made = read(
        resource("aws_lambda_function", "report", None, {"role": role}),
        resource("aws_eks_cluster", "prod", None, {"name": "prod", "role_arn": role}),
        resource("awscc_iam_user", "ci", None, {"user_name": role}),
    )
    assert (made.counts.read, made.counts.others) == (1, 0)
    assert {*made.counts.not_read} == {"aws_lambda_function.report", "awscc_iam_user.ci"}
    assert {*made.counts.not_read} == {change.address for change in made.unread}
