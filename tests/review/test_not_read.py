"""What may give access and is not read is on the first screen, with how many there are."""

import json

import pytest

from synthetic import Json, allow, document, plan, policy, resource, reviewed, rules
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.report import html, markdown, text
from vpc_cni_iam.review.report_formats import Setting

OLD, NEW = document(allow("kms:Decrypt")), document(allow("kms:*"))
KEY = resource("aws_kms_key", "data", {"policy": OLD}, {"policy": NEW})
BINDING = resource("kubernetes_cluster_role_binding", "admin", None, {})
NOBODY = "Nobody, as far as the plan says"


def command(name: str, before: Json | None = None) -> tuple[Json, Json]:
    """A resource that runs a command when it is made, and its configuration."""
    change = resource("null_resource", name, before, {"id": "1"})
    block = {"address": f"null_resource.{name}", "type": "null_resource", "name": name}
    return change, {**block, "mode": "managed", "provisioners": [{"type": "local-exec"}]}


def page(*changes: Json, blocks: tuple[Json, ...] = ()) -> str:
    configuration = {"root_module": {"resources": list(blocks)}}
    return text.write(reviewed(*changes, configuration=configuration), Setting())


@pytest.mark.parametrize("change", [KEY, BINDING], ids=lambda c: c["address"])
def test_nobody_is_not_said_to_gain_nothing_where_something_is_not_read(change: Json) -> None:
    shown = page(change)
    assert NOBODY not in shown
    assert change["address"] in shown and "Not read, though it may give access: 1 " in shown
    review = reviewed(change)
    for write in (markdown.write, html.write):
        assert "Not read, though it may give access: 1 " in write(review, Setting())


def test_commands_are_named_once_with_their_number() -> None:
    changes, blocks = zip(*(command(f"n{number}") for number in range(12)), strict=True)
    shown = page(*changes, blocks=blocks)
    assert shown.count("Commands (local-exec) run that are not read") == 1
    assert "null_resource.n0" in shown and "also null_resource.n1 and 10 more" in shown
    assert "12 that run commands" in shown and NOBODY not in shown


def test_a_number_is_on_the_first_screen_beside_many_errors() -> None:
    widened = [
        policy(f"p{n}", document(allow(f"s3:Get{n}")), document(allow(f"ec2:Run{n}")))
        for n in range(30)
    ]
    change, block = command("n")
    assert "1 that run commands" in page(*widened, change, blocks=(block,))


def test_what_changes_in_place_runs_no_command() -> None:
    change, block = command("n", before={"id": "0"})
    shown = page(change, blocks=(block,))
    assert "local-exec" not in shown and "Not read: 1 changing resource" in shown


def test_commands_of_modules_and_of_what_is_read_are_named() -> None:
    change, block = command("n")
    instance = resource("aws_instance", "i", None, {})
    updated = resource("aws_instance", "u", {"id": "i-1"}, {"id": "i-1", "tags": {}})
    names = ("i", "u")
    blocks = [block, *({**block, "type": "aws_instance", "name": name} for name in names)]
    calls = {"m": {"module": {"resources": blocks}}}
    changes = [
        {**item, "address": f'module.m["a.b"].{item["address"]}[0]'}
        for item in (change, instance, updated)
    ]
    data = plan(*changes, configuration={"root_module": {"module_calls": calls}})
    read = read_plan(data, "plan.json")
    assert [unread.address for unread in read.unread] == [c["address"] for c in changes[:2]]
    assert read.others == 0


def test_releases_of_other_charts_are_counted() -> None:
    release = resource("helm_release", "web", None, {"chart": "web"})
    assert reviewed(release).others == 1
    plugin = resource("helm_release", "cni", None, {"chart": "aws-vpc-cni"})
    assert reviewed(plugin).others == 0


def test_a_policy_that_stays_is_no_finding() -> None:
    tagged = {"policy": OLD, "tags": {"team": "web"}}
    shown = page(resource("aws_kms_key", "data", {"policy": OLD}, tagged))
    assert NOBODY in shown and "Not read: 1 changing resource of other types" in shown


def test_text_of_a_command_is_not_shown() -> None:
    change, block = command("n")
    block["provisioners"][0]["expressions"] = {"command": {"constant_value": "hunter2"}}
    review = reviewed(change, configuration={"root_module": {"resources": [block]}})
    assert "hunter2" not in json.dumps([f.message for f in review.findings])


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
    def rules_of(old: object, new: object, **more: object) -> set[str]:
        sides = [{"name": "a", argument: value, "tags": {}} for value in (old, new)]
        sides[1]["tags"] = {"team": "a"}
        return rules(reviewed(resource(kind, "a", *sides, **more)))

    assert rules_of(before, after) == {"unread-resource"}
    assert rules_of(before, None, after_unknown={argument: True}) == {"unread-resource"}
    assert rules_of(before, before) == set()


@pytest.mark.parametrize(("depth", "is_read"), [(100, True), (101, False)])
def test_a_configuration_of_modules_that_nest_too_deeply_is_refused(
    depth: int, is_read: bool
) -> None:
    module: Json = {}
    for _ in range(depth):
        module = {"module_calls": {"m": {"module": module}}}
    content = plan(configuration={"root_module": module})
    if is_read:
        assert read_plan(content, "plan.json").source == "plan.json"
    else:
        with pytest.raises(InputError, match="nest too deeply to be a plan"):
            read_plan(content, "plan.json")


def _action(kind: str, **more: object) -> Json:
    address = f"action.{kind}.a"
    trigger = {"triggering_resource_address": "aws_s3_bucket.b", "on_failure": "halt"}
    action = {"address": address, "type": kind, "name": "a", "lifecycle_action_trigger": trigger}
    return {**action, "config_values": {}, "config_sensitive": {}, "config_unknown": {}, **more}


@pytest.mark.parametrize(
    ("kind", "rule", "level"),
    [
        ("local_command", "unread-command", "note"),
        ("aws_codebuild_start_build", "unread-command", "note"),
        ("aws_lambda_invoke", "unread-resource", "warning"),
    ],
)
def test_an_action_that_a_plan_runs_is_a_finding(kind: str, rule: str, level: str) -> None:
    deferred = [{"reason": "unknown", "action_invocation": _action(kind)}]
    for more in (
        {"action_invocations": [_action(kind)]},
        {"deferred_action_invocations": deferred},
    ):
        (finding,) = reviewed(**more).findings
        assert (finding.rule, finding.level, finding.address) == (rule, level, f"action.{kind}.a")
        assert "new-access" in finding.means


def test_a_sensitive_value_of_an_action_is_hidden_elsewhere() -> None:
    marked = {"config_values": {"payload": "hunter2-secret"}, "config_sensitive": {"payload": True}}
    shown = policy("hunter2-secret", None, OLD)
    review = reviewed(shown, action_invocations=[_action("aws_lambda_invoke", **marked)])
    assert "hunter2" not in repr(review.changes[0].after)


def test_parts_of_a_plan_that_are_not_known_are_named() -> None:
    (finding,) = reviewed(new_section=[{"a": 1}], other_section={}).findings
    assert finding.rule == "plan-format-unknown" and finding.level == "note"
    assert "new_section, other_section" in finding.message


EVERYBODY = {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}


@pytest.mark.parametrize(
    ("kind", "values", "level"),
    [
        ("awscc_s3_bucket_policy", {"policy_document": document(EVERYBODY)}, "warning"),
        ("awscc_kms_key", {"key_policy": document(EVERYBODY)}, "warning"),
        ("awscc_sqs_queue", {"a": {"b": document(allow("sqs:*"))}}, "note"),
        ("awscc_lambda_permission", {"principal": "*"}, "warning"),
        ("awscc_ecr_repository", {"name": "a"}, None),
    ],
)
def test_policies_of_resources_of_the_other_provider_of_aws_are_said(
    kind: str, values: Json, level: str | None
) -> None:
    findings = reviewed(resource(kind, "r", None, values)).findings
    assert [(f.rule, f.level) for f in findings] == (
        [("unread-resource-policy", level)] if level else []
    )


def test_a_policy_of_the_other_provider_that_stays_is_no_finding() -> None:
    values = {"key_policy": document(EVERYBODY)}
    assert not reviewed(resource("awscc_kms_key", "k", values, {**values, "tags": []})).findings


def test_who_is_not_named_is_everybody() -> None:
    statement = {**allow("s3:*"), "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/x"}}
    change = resource("aws_s3_bucket_policy", "b", None, {"policy": document(statement)})
    assert [f.level for f in reviewed(change).findings] == ["warning"]


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ({"template_body": "Resources: {a: {Type: 'AWS::SSO::Assignment'}}"}, "unread-resource"),
        ({"template_url": "https://example.com/template.yaml"}, "unread-resource"),
        (
            {"template_body": '{"Resources": {"a": {"Type": "AWS::S3::BucketPolicy"}}}'},
            "unread-resource-policy",
        ),
        (
            {"template_body": "Resources: {a: {Type: 'AWS::Lambda::Permission'}}"},
            "unread-resource-policy",
        ),
        ({"template_body": "Resources: {a: {Type: 'AWS::SQS::Queue'}}"}, ""),
    ],
)
def test_a_stack_that_may_give_access_is_said(template: Json, rule: str) -> None:
    for kind in ("aws_cloudformation_stack", "aws_cloudformation_stack_set"):
        values = {"name": "s", **template}
        assert rules(reviewed(resource(kind, "s", None, values))) == {rule} - {""}
        tagged = resource(kind, "s", values, {**values, "tags": {"team": "web"}})
        assert not reviewed(tagged).findings


def test_a_type_that_is_not_known_may_name_an_instance_profile() -> None:
    arn = "arn:aws:iam::111122223333:instance-profile/nodes"
    review = reviewed(resource("awscc_ec2_instance", "i", None, {"profile": arn}))
    assert arn in review.findings[0].message


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
    assert rules(reviewed(change)) == {"unread-resource"}


def test_a_manifest_about_something_else_is_not_said() -> None:
    definition = "kind: CustomResourceDefinition\nspec:\n  kind:\n    type: string\n  x: '*'\n"
    for manifest in (definition, "kind: x" + "!" * 50_000, "kind:" + "#" * 50_000 + "&!" * 50_000):
        change = resource("kubectl_manifest", "m", None, {"yaml_body": manifest})
        assert not reviewed(change).findings


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            "aws_serverlessapplicationrepository_cloudformation_stack",
            {"capabilities": ["CAPABILITY_IAM"]},
        ),
        ("aws_servicecatalog_provisioned_product", {"product_name": "p"}),
        ("aws_cloudformation_stack_set_instance", {"stack_set_name": "s"}),
    ],
)
def test_what_makes_any_resource_is_said(kind: str, values: Json) -> None:
    assert rules(reviewed(resource(kind, "x", None, values))) == {"unread-resource"}
