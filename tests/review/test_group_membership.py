"""Who joins a group has what the group has."""

import pytest

from synthetic import Json, allow, document, resource, reviewed, rules

USER, GROUP = "aws_iam_user_group_membership", "aws_iam_group_membership"
GUARD = document({**allow("s3:*"), "Effect": "Deny"})
DENIES = resource("aws_iam_group_policy", "d", *[{"name": "d", "group": "g", "policy": GUARD}] * 2)


def of_user(before: list[str] | None, after: list[str] | None, **more: object) -> Json:
    sides = [{"user": "u", "groups": g} if g is not None else None for g in (before, after)]
    return resource(USER, "m", *sides, **more)


def of_group(before: list[str] | None, after: list[str] | None) -> Json:
    sides = [
        {"name": "m", "group": "g", "users": u} if u is not None else None for u in (before, after)
    ]
    return resource(GROUP, "m", *sides)


def named(kind: str, before: str | None, after: str | None, **more: object) -> Json:
    sides = [{"name": name} if name else None for name in (before, after)]
    return resource(f"aws_iam_{kind}", kind[0], *sides, **more)


@pytest.mark.parametrize(
    "change", [of_user(None, ["g"]), of_user([], ["g"]), of_group(None, ["u"]), of_group([], ["u"])]
)
def test_who_joins_a_group_is_said(change: Json) -> None:
    review = reviewed(change, fail_on="new-access")
    (finding,) = review.findings
    assert (finding.rule, finding.level, review.failed) == ("unknown-attachment", "warning", True)
    assert finding.message.startswith("User u joins group g")


@pytest.mark.parametrize(
    "change", [of_user(["g"], None), of_user(["g"], []), of_group(["u"], None), of_group(["u"], [])]
)
def test_who_leaves_a_group_that_is_not_shown_may_leave_a_deny(change: Json) -> None:
    assert rules(reviewed(change)) == {"not-proven"}
    # What the plan shows of a group counts.
    assert "not-proven" in rules(reviewed(change, DENIES))
    reads = document(allow("s3:GetObject"))
    values = {"name": "d", "group": "g", "policy": reads}
    group = named("group", "g", "g"), resource("aws_iam_group_policy", "d", values, values)
    review = reviewed(change, *group)
    assert (rules(review), review.failed) == ({"access-removed"}, False)


def test_who_is_deleted_leaves_no_deny_behind() -> None:
    for leaves in (of_user(["g"], None), of_group(["u"], None)):
        for more in ([], [DENIES]):
            review = reviewed(leaves, named("user", "u", None), *more)
            assert (rules(review), review.failed) == ({"access-removed"}, False)


def test_groups_that_are_not_known_are_said() -> None:
    new = resource(USER, "m", None, {"user": "u"}, after_unknown={"groups": True})
    update = of_user(["g"], [], after_unknown={"groups": True})
    del update["change"]["after"]["groups"]
    assert rules(reviewed(new)) == {"unknown-attachment"}
    # It may be another group than before, of which a Deny no longer counts.
    assert rules(reviewed(update)) == {"unknown-attachment", "not-proven"}


def test_a_membership_that_stays_is_no_finding() -> None:
    assert reviewed(of_user(["g"], ["g"]), of_group(["u"], ["u"])).findings == ()


@pytest.mark.parametrize(
    ("changes", "joins"),
    [
        ([of_user(["g"], ["h"]), named("group", "g", "h")], ()),
        ([of_user(["g"], ["g"]), named("group", "g", "h")], ()),
        ([of_group(["u"], ["v"]), named("user", "u", "v")], ()),
        ([of_user(["g"], ["h", "new"]), named("group", "g", "h")], ("group new",)),
        (
            [
                of_user(["g"], ["h", "g"]),
                named("group", "g", "h"),
                resource("aws_iam_group", "another", None, {"name": "g"}),
            ],
            (),  # the plan shows what a new group has
        ),
        # Another resource with its address is another group.
        ([of_user(["g"], ["h"]), resource("aws_iam_policy", "g", {"name": "g"}, {})], ("group h",)),
    ],
)
def test_a_member_or_group_that_is_renamed_joins_nothing(
    changes: list[Json], joins: tuple[str, ...]
) -> None:
    findings = [f for f in reviewed(*changes).findings if f.rule == "unknown-attachment"]
    assert [f.message.split(". ")[0] for f in findings] == [f"User u joins {g}" for g in joins]


def test_a_group_that_is_replaced_under_another_name_has_what_the_plan_gives_it() -> None:
    """It is a new group: the plan shows all of its policies."""
    group = named("group", "g", "h", actions=["delete", "create"])
    joins = of_user(["g"], ["h"])
    assert not reviewed(joins, group).failed
    text = document(allow("s3:*"))
    gives = resource("aws_iam_group_policy", "p", None, {"name": "p", "group": "h", "policy": text})
    review = reviewed(joins, group, gives, fail_on="new-access")
    assert review.failed and "new-access" in rules(review)


def test_a_name_that_drifted_and_is_put_back_is_joined_by_nobody() -> None:
    drift = [named("group", "g", "h")]
    review = reviewed(of_user(["h"], ["g"]), named("group", "h", "g"), resource_drift=drift)
    assert not rules(review) - {"drift"} and not review.failed


def test_what_a_group_of_the_plan_gives_is_compared() -> None:
    text = document(allow("s3:GetObject"))
    values = {"name": "d", "group": "g", "policy": text}
    group = named("group", "g", "g"), resource("aws_iam_group_policy", "d", values, values)
    review = reviewed(of_user(None, ["g"]), *group, fail_on="new-access")
    (gain,) = (f for f in review.findings if f.rule == "new-access")
    assert (
        gain.message
        == "User u joins aws_iam_group.g, and can now call s3:GetObject on all resources"
    )
    assert (gain.level, gain.address) == ("error", f"{USER}.m")
    assert gain.fix == "Keep user u out of aws_iam_group.g"


def test_a_group_of_the_plan_may_have_policies_of_another_stack() -> None:
    review = reviewed(of_user(None, ["g"]), named("group", "g", "g"), fail_on="new-access")
    (finding,) = review.findings
    assert (finding.rule, finding.level) == ("unknown-attachment", "warning")
    assert finding.message.endswith("The plan may not show all policies of the group")
