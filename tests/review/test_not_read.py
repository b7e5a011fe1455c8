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
