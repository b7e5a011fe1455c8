"""Which role a workload has on each side of a plan: by profiles, launch templates and versions."""

import re
from typing import Any

import pytest

from eks import MANAGED, NODE_TRUST, addon, arn_of, irsa, own_role, same
from synthetic import (
    LATER,
    Json,
    allow,
    attached,
    block,
    configured,
    document,
    inline,
    refers,
    resource,
    reviewed,
)
from vpc_cni_iam.review.report.shown import ShownFinding

# All but `bare` have the policy of the plugin.
NODES = (
    *own_role("strong", NODE_TRUST, document(allow("*"))),
    *own_role("weak", NODE_TRUST),
    *own_role("bare", NODE_TRUST),
    *(attached(MANAGED, role=name, block=name) for name in ("strong", "weak")),
    *(
        same("aws_iam_instance_profile", n, {"name": n, "role": n})
        for n in ("strong", "weak", "bare")
    ),
)
GIVEN = ("node-role-changed",)
WEAK = "aws_iam_role.weak"
ADDRESS = "aws_launch_configuration.i"
STRONGER = f"aws_iam_role.strong instead of {WEAK}"
OF_VERSION = "the role of launch template aws_launch_template.n in version"


def _template(profile: str, **more: Any) -> Json:
    return {"id": "lt-1", "name": "nodes", "iam_instance_profile": [{"name": profile}], **more}


def _group(version: object) -> Json:
    return {"launch_template": [{"id": "lt-1", "version": version}]}


def _part(role: str) -> Json:
    text = document(allow("ec2:Describe*"))
    return inline(text, text, "part", role=role, block=f"part-{role}")


def _of(address: str, *changes: Json, **more: Any) -> list[ShownFinding]:
    review = reviewed(*NODES, *changes, **more)
    return [f for f in review.findings if f.rule in GIVEN and f.address == address]


def _uses(finding: ShownFinding) -> str:
    """What a finding says that a workload uses."""
    return re.split(", and can|;", finding.message.partition(" uses ")[2])[0]


@pytest.mark.parametrize(
    ("before", "after", "roles"),
    [
        # The template is reported separately.
        ("$Latest", "$Latest", []),
        ("3", "4", []),
        (3, "$Latest", []),
        ("3", "3", []),
        # The plan shows no other version.
        ("3", "5", [f"{OF_VERSION} 5 instead of {WEAK}"]),
        ("3", "2", [f"{OF_VERSION} 2 instead of {WEAK}"]),
        ("2", "3", [f"{WEAK} instead of {OF_VERSION} 2"]),
        ("4", "3", [f"{WEAK} instead of {OF_VERSION} 4"]),
        # The default is version 1.
        ("3", "$Default", [f"{OF_VERSION} $Default instead of {WEAK}"]),
        ("3", "", [f"{OF_VERSION} $Default instead of {WEAK}"]),
        (None, "3", [f"{WEAK} instead of {OF_VERSION} $Default"]),
    ],
)
def test_a_group_has_the_role_of_the_version_of_its_template(
    before: object, after: object, roles: list[str]
) -> None:
    sides = (_template(p, latest_version=3, default_version=1) for p in ("weak", "strong"))
    template = resource("aws_launch_template", "n", *sides, after_unknown={"latest_version": True})
    group = resource("aws_autoscaling_group", "g", *(_group(v) for v in (before, after)))
    findings = _of("aws_autoscaling_group.g", template, group)
    assert [_uses(f) for f in findings] == roles
    assert [_uses(f) for f in _of("aws_launch_template.n", template, group)] == [STRONGER]


@pytest.mark.parametrize(
    ("before", "version", "more"),
    [
        ("weak", "1", {"actions": ["delete", "create"]}),
        (None, "1", {"after_unknown": {"id": True}}),
        ("weak", "4", {}),
        ("weak", "$Default", {"after_unknown": {"default_version": True}}),
    ],
)
def test_a_group_that_moves_to_a_template_gets_the_role_of_its_version(
    before: str | None, version: str, more: Json
) -> None:
    other = same("aws_launch_template", "o", {**_template("weak"), "id": "lt-0", "name": "other"})
    old = before and _template(before, latest_version=3, default_version=1)
    template = resource("aws_launch_template", "n", old, _template("strong"), **more)
    sides = [{"id": "lt-0"}, {"id": "lt-1", "name": "nodes", "version": version}]
    moves = resource("aws_autoscaling_group", "g", *({"launch_template": [s]} for s in sides))
    findings = _of("aws_autoscaling_group.g", other, template, moves)
    assert [_uses(f) for f in findings] == [STRONGER]


def test_a_default_version_is_that_of_its_side() -> None:
    sides = (_template("weak", latest_version=3, default_version=n) for n in (3, 2))
    template = resource("aws_launch_template", "n", *sides)
    sizes = ({**_group("$Default"), "max_size": size} for size in (1, 2))
    group = resource("aws_autoscaling_group", "g", *sizes)
    (finding,) = _of("aws_autoscaling_group.g", template, group)
    assert _uses(finding) == f"{OF_VERSION} $Default instead of {WEAK}"


@pytest.mark.parametrize(
    ("version", "role"),
    [
        ("3", STRONGER),
        ("$Latest", STRONGER),
        ("2", f"aws_iam_role.strong instead of {OF_VERSION} 2"),
    ],
)
def test_a_template_that_goes_has_the_role_of_its_latest_version(version: str, role: str) -> None:
    template = resource("aws_launch_template", "n", _template("weak", latest_version=3), None)
    other = same("aws_launch_template", "o", {**_template("strong"), "id": "lt-0", "name": "o"})
    sides = [_group(version), {"launch_template": [{"id": "lt-0"}]}]
    moves = resource("aws_autoscaling_group", "g", *sides)
    (finding,) = _of("aws_autoscaling_group.g", template, other, moves)
    assert _uses(finding) == role
    stays = resource("aws_autoscaling_group", "g", sides[0], {**sides[0], "max_size": 2})
    assert not _of("aws_autoscaling_group.g", template, stays)


def _instance(before: str | None, after: str | None, **more: Any) -> Json:
    sides = ({"iam_instance_profile": name} if name else {} for name in (before, after))
    return resource("aws_launch_configuration", "i", *sides, **more)


def test_nodes_that_leave_a_profile_that_is_not_shown_may_get_a_role_that_can_do_everything() -> (
    None
):
    for to, level in (("strong", "error"), ("weak", "warning")):
        (finding,) = _of(ADDRESS, _part("weak"), _instance("elsewhere", to))
        assert finding.level == level
        assert ("The role can call every action" in finding.message) == (to == "strong")


def test_a_profile_that_is_known_after_apply_may_be_one_that_the_plan_makes() -> None:
    profile = refers("local.profile")
    configuration = configured(block(ADDRESS, iam_instance_profile=profile))
    instance = _instance("weak", None, after_unknown={"iam_instance_profile": True})
    made = _profile("made", None, "weak")
    (finding,) = _of(ADDRESS, made, instance, configuration=configuration)
    assert finding.level == "note"
    made_here = (
        "; it may be aws_iam_instance_profile.made, which the plan creates in the same module"
    )
    assert finding.message.endswith(made_here)
    elsewhere = _profile("made", None, "weak", address="module.m.aws_iam_instance_profile.made")
    group = resource("aws_autoscaling_group", "g", None, {})
    for others in ((), (elsewhere,), (group,)):
        (finding,) = _of(ADDRESS, *others, instance, configuration=configuration)
        assert finding.level == "warning"


@pytest.mark.parametrize(
    ("expressions", "role"),
    [
        ({}, None),  # which the provider says, and nobody set
        (
            {"iam_instance_profile": refers("data.aws_x.y.name")},
            "a role known after apply (aws_launch_configuration.i.iam_instance_profile)",
        ),
    ],
)
def test_a_profile_that_is_known_after_apply_counts_where_it_is_set(
    expressions: Json, role: str | None
) -> None:
    instance = _instance("weak", None, after_unknown={"iam_instance_profile": True})
    configuration = configured(block(ADDRESS, **expressions))
    messages = [f.message for f in _of(ADDRESS, instance, configuration=configuration)]
    assert [m.partition(";")[0] for m in messages] == (
        [f"{ADDRESS} uses {role} instead of {WEAK}" if role else f"{ADDRESS} no longer uses {WEAK}"]
    )


def _profile(name: str, before: str | None, after: str | None, **more: Any) -> Json:
    sides = (None if role is None else {"name": "p", "role": role} for role in (before, after))
    return resource("aws_iam_instance_profile", name, *sides, **more)


def test_a_name_means_the_instance_profile_that_has_it_on_that_side() -> None:
    names = ("p", "q")
    swapped = [
        resource(
            "aws_iam_instance_profile",
            f"{role}_swapped",
            *({"name": n, "role": role} for n in order),
        )
        for role, order in (("weak", names), ("strong", names[::-1]))
    ]
    moves = _instance("p", "p", actions=["update"])
    assert [_uses(f) for f in _of(ADDRESS, *swapped, moves)] == [STRONGER]


@pytest.mark.parametrize("name", [None, ""])
def test_a_profile_that_an_expression_leaves_out_is_none(name: str | None) -> None:
    profile = [{"name": refers("aws_iam_instance_profile.strong.name")}]
    template = resource(
        "aws_launch_template", "n", None, {"iam_instance_profile": [{"name": name}]}
    )
    configuration = configured(block("aws_launch_template.n", iam_instance_profile=profile))
    assert not _of("aws_launch_template.n", template, configuration=configuration)


@pytest.mark.parametrize(
    ("deposed", "drift"),
    [
        ([], [_profile("p", "weak", "strong")]),
        ([_profile("p", "strong", None, deposed="0123abcd")], []),
    ],
)
def test_a_name_means_no_former_state_of_an_instance_profile(
    deposed: list[Json], drift: list[Json]
) -> None:
    """Neither what was changed by hand, nor an object that another one replaced."""
    changes = [_profile("p", "weak", "weak"), *deposed]
    moves = _instance("p", "strong")
    findings = _of(ADDRESS, moves, *changes, resource_drift=drift)
    assert [_uses(f) for f in findings] == [STRONGER]


def _attached(role: str, name: str, before: bool = True, after: bool = True) -> Json:
    return attached(MANAGED, role=role, before=before, after=after, block=name)


@pytest.mark.parametrize("odd", [["x"], {"a": 1}, 5])
def test_a_name_of_another_type_ends_no_review(odd: object) -> None:
    profile = same("aws_iam_instance_profile", "odd", dict.fromkeys(("name", "id", "arn"), odd))
    moves = _instance("weak", "strong")
    assert [_uses(f) for f in _of(ADDRESS, moves, profile)] == [STRONGER]


_WITH_IRSA = [
    *own_role("irsa", irsa()),
    _attached("irsa", "irsa"),
    addon(*[{"service_account_role_arn": arn_of("irsa")}] * 2),
]


@pytest.mark.parametrize(
    ("to", "changes", "level"),
    [
        ("bare", [_attached("cni", "a")], "error"),
        ("bare", [_attached("cni", "a"), _part("bare")], "error"),
        ("bare", [_attached("cni", "a", after=False)], "error"),
        ("bare", [_attached("cni", "a"), _attached("bare", "b", before=False)], ""),
        ("bare", [_attached("cni", "a"), inline(None, LATER, "later", role="bare")], "warning"),
        ("bare", [_attached("cni", "a"), *_WITH_IRSA], ""),
        ("elsewhere", [_attached("cni", "a")], ""),  # of which node-role-changed warns
        ("bare", [], ""),
        ("bare", [_part("cni"), _part("bare")], ""),  # it could not before, either
    ],
)
def test_nodes_that_move_to_another_role_lose_what_the_plugin_could_do_with_the_former(
    to: str, changes: list[Json], level: str
) -> None:
    profile = same("aws_iam_instance_profile", "cni", {"name": "cni", "role": "cni"})
    review = reviewed(*NODES, *own_role("cni", NODE_TRUST), profile, *changes, _instance("cni", to))
    about = [f for f in review.findings if f.address == ADDRESS and f.rule not in GIVEN]
    # What a node starts with, and what only cleans up, is one finding.
    expected = [("coverage-lost", level)] if level else []
    assert [(f.rule, f.level) for f in about] == expected
    assert all("ec2:AssignPrivateIpAddresses" in f.message for f in about[:1])
    assert ["later" in f.message for f in about] == [level == "warning"] * len(about)
