"""Nodes that get another role, by node groups, instance profiles, launch templates and groups."""

from typing import Any

import pytest

from eks import MANAGED, NODE_TRUST, arn_of, node_group, own_role, same
from synthetic import Json, allow, attached, document, found, resource
from vpc_cni_iam.review.report.shown import ShownFinding
from vpc_cni_iam.review.rules import Consequence

NARROW, WIDE = document(allow("s3:GetObject")), document(allow("s3:*"))
# The nodes of the plugin have the role `narrow`.
ROLES = (
    *own_role("strong", NODE_TRUST, document(allow("*"))),
    *own_role("wide", NODE_TRUST, WIDE),
    *own_role("narrow", NODE_TRUST, NARROW),
    *(
        attached(MANAGED, role=name, before=True, after=True, block=name)
        for name in ("narrow", "wide")
    ),
    *(
        same("aws_iam_instance_profile", n, {"name": n, "role": n})
        for n in ("strong", "wide", "narrow")
    ),
)


def given(*changes: Json, **more: Any) -> list[ShownFinding]:
    return [f for f in found(*ROLES, *changes, **more) if f.rule == "node-role-changed"]


def levels_of(*changes: Json, **more: Any) -> list[tuple[str, str]]:
    return [(f.address, str(f.level)) for f in given(*changes, **more)]


def group_of(role: str | None, name: str = "n") -> Json | None:
    return role and {"cluster_name": "prod", "node_group_name": name, "node_role_arn": arn_of(role)}


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
def test_a_node_group_with_another_role_is_judged_by_what_the_role_allows_more(
    before: str | None, after: str | None, level: str | None
) -> None:
    change = resource("aws_eks_node_group", "n", group_of(before), group_of(after))
    assert levels_of(change) == ([("aws_eks_node_group.n", level)] if level else [])


def profile(before: str | None, after: str | None, name: str = "p") -> Json:
    sides = (None if role is None else {"name": name, "role": role} for role in (before, after))
    return resource("aws_iam_instance_profile", name, *sides)


def template(before: str | None, after: str | None) -> Json:
    base = {"id": "lt-1", "name": "nodes"}
    sides = (
        None if name is None else {**base, "iam_instance_profile": [{"name": name}]}
        for name in (before, after)
    )
    return resource("aws_launch_template", "n", *sides)


def launched(before: str | None, after: str | None, argument: str = "launch_template") -> Json:
    sides = (None if lt is None else {argument: [{"id": lt}]} for lt in (before, after))
    return resource("aws_autoscaling_group", "g", *sides)


def configured_by(name: str) -> Json:
    values = {"name": name, "id": name, "iam_instance_profile": name}
    return same("aws_launch_configuration", name, values)


@pytest.mark.parametrize(
    "changes",
    [
        [profile("narrow", "strong")],
        [template("narrow", "strong")],
        [template("p", "p"), profile("narrow", "strong"), launched("lt-1", "lt-1")],
        [
            same("aws_launch_template", "o", {"id": "lt-0", "iam_instance_profile": [{"name": n}]})
            for n in ("narrow",)
        ]
        + [template("strong", "strong"), launched("lt-0", "lt-1")],
        [
            configured_by("narrow"),
            configured_by("strong"),
            resource(
                "aws_autoscaling_group",
                "g",
                *({"launch_configuration": name} for name in ("narrow", "strong")),
            ),
        ],
        [
            resource(
                "aws_launch_configuration",
                "c",
                *({"name": "c", "iam_instance_profile": n} for n in ("narrow", "strong")),
            )
        ],
    ],
)
def test_instances_with_the_role_of_the_plugin_that_get_another_one_are_found_once(
    changes: list[Json],
) -> None:
    (finding,) = given(*changes)
    assert finding.level == "error"
    assert "aws_iam_role.strong instead of aws_iam_role.narrow" in finding.message


@pytest.mark.parametrize(
    "change", [profile("strong", "elsewhere"), profile(None, "wide"), template("strong", "other")]
)
def test_instances_that_had_no_role_of_the_plugin_may_be_no_nodes(change: Json) -> None:
    assert given(change) == []


def test_a_new_node_group_gets_nothing_by_a_role_that_others_have() -> None:
    others = (resource("aws_eks_node_group", "o", group_of("wide", "o"), group_of("wide", "o")),)
    comes = resource("aws_eks_node_group", "n", None, group_of("wide"))
    assert levels_of(*others, comes) == []
    assert levels_of(comes) != []


@pytest.mark.parametrize(
    ("old", "new"), [("module.old.{}", "module.new.{}"), ('{}["x"]', '{}["y"]')]
)
def test_a_node_group_at_another_address_gets_no_new_role(old: str, new: str) -> None:
    gone = resource("aws_eks_node_group", "n", group_of("strong"), None)
    comes = resource("aws_eks_node_group", "n", None, group_of("strong", "m"))
    gone["address"], comes["address"] = old.format(gone["address"]), new.format(comes["address"])
    assert levels_of(gone, comes) == []


def test_the_most_harmful_of_what_is_new_comes_first() -> None:
    more = document(allow("s3:GetObject"), allow(["logs:PutLogEvents", "iam:PassRole"]))
    (finding,) = given(*own_role("more", NODE_TRUST, more), node_group("narrow", "more"))
    assert "can now call iam:PassRole" in finding.message
    assert finding.details[-1].startswith(
        "example: iam:PassRole on arn:aws:iam::111122223333:role/"
    )


def test_a_role_that_goes_could_do_what_its_boundary_let_it() -> None:
    all_of_s3 = {"name": "s3", "arn": "arn:aws:iam::111122223333:policy/s3"}
    boundary = same("aws_iam_policy", "s3", {**all_of_s3, "policy": document(allow("s3:*"))})
    role, inline = own_role("former", NODE_TRUST, document(allow("*")))
    values = {**role["change"]["before"], "permissions_boundary": all_of_s3["arn"]}
    for limits, level in ((values, "error"), (role["change"]["before"], "note")):
        former = (
            resource("aws_iam_role", "former", limits, None),
            resource("aws_iam_role_policy", "i", inline["change"]["before"], None),
        )
        (finding,) = given(boundary, *former, node_group("former", "strong"))
        assert finding.level == level


def replaced(before: str, after: str) -> Json:
    values = {"assume_role_policy": NODE_TRUST}
    sides = [{**values, "name": before, "arn": arn_of(before)}, {**values, "name": after}]
    more = {"actions": ["delete", "create"], "after_unknown": {"arn": True}}
    return resource("aws_iam_role", "gone", *sides, **more)


@pytest.mark.parametrize(
    "change",
    [
        same("aws_eks_node_group", "w", {"node_role_arn": arn_of("old")}),
        resource(
            "aws_eks_node_group", "w", *({"node_role_arn": arn_of("old"), "n": n} for n in (1, 2))
        ),
        same("aws_iam_instance_profile", "w", {"name": "p", "role": "old"}),
    ],
)
def test_nodes_that_still_name_a_role_that_gets_another_name_lose_it(change: Json) -> None:
    had = attached(MANAGED, role="old", before=True, after=False, block="old")
    (finding,) = given(replaced("old", "new"), had, change)
    assert (finding.address.split(".")[1], str(finding.level)) == ("w", "error")
    assert Consequence.COVERAGE_LOST in finding.means
    assert "still uses aws_iam_role.gone" in finding.message
    assert finding.fix
    # A role that is made anew under its name has the same ARN.
    assert given(replaced("old", "old"), had, change) == []


def test_a_sensitive_role_that_stays_is_no_finding_and_another_one_is() -> None:
    hidden = {f"{side}_sensitive": {"node_role_arn": True} for side in ("before", "after")}
    for after, expected in (("hidden-one", 0), ("hidden-two", 1)):
        sides = (
            {"cluster_name": "prod", "node_role_arn": arn_of(name), "tags": {"a": tag}}
            for name, tag in (("hidden-one", "1"), (after, "2"))
        )
        findings = given(resource("aws_eks_node_group", "a", *sides, **hidden))
        assert len(findings) == expected
        assert all("hidden-" not in f.message for f in findings)


def test_a_secret_that_names_a_role_of_the_plan_is_judged_and_not_told() -> None:
    hidden = {"after_sensitive": {"node_role_arn": True}}
    change = resource("aws_eks_node_group", "w", None, group_of("strong"), **hidden)
    (finding,) = given(change)
    assert "strong" not in " ".join((finding.message, *finding.details, finding.fix))
    assert "(sensitive" in finding.message


@pytest.mark.parametrize("odd", [5, True, {"x": 1}, [["x"]]])
def test_a_value_of_another_type_than_expected_is_not_skipped(odd: object) -> None:
    sides = ({"iam_instance_profile": value} for value in ([{"name": "narrow"}], odd))
    assert levels_of(resource("aws_launch_template", "t", *sides)) == [
        ("aws_launch_template.t", "warning")
    ]
