"""Who joins a group has what the group has."""

import pytest

from synthetic import Json, allow, document, resource, reviewed, rules

USER, GROUP = "aws_iam_user_group_membership", "aws_iam_group_membership"


def of_user(before: list[str] | None, after: list[str] | None, **more: object) -> Json:
    sides = [{"user": "u", "groups": g} if g is not None else None for g in (before, after)]
    return resource(USER, "m", *sides, **more)


def of_group(before: list[str] | None, after: list[str] | None) -> Json:
    sides = [
        {"name": "m", "group": "g", "users": u} if u is not None else None for u in (before, after)
    ]
    return resource(GROUP, "m", *sides)


@pytest.mark.parametrize(
    "change", [of_user(None, ["g"]), of_user([], ["g"]), of_group(None, ["u"]), of_group([], ["u"])]
)
def test_who_joins_a_group_is_said(change: Json) -> None:
    review = reviewed(change, fail_on="new-access")
    assert (rules(review), review.failed) == ({"group-joined"}, True)
    (line,) = review.changes[0].lines
    assert (line.effect, line.text) == ("gain", "user u to group g")


@pytest.mark.parametrize(
    "change", [of_user(["g"], None), of_user(["g"], []), of_group(["u"], None), of_group(["u"], [])]
)
def test_who_leaves_a_group_is_said(change: Json) -> None:
    group = resource("aws_iam_group", "g", {"name": "g"}, {"name": "g"})
    review = reviewed(change, group)
    assert (rules(review), review.failed) == ({"access-removed"}, False)
    # A group whose policies the plan does not show may deny something.
    assert rules(reviewed(change)) == {"access-removed", "not-proven"}


def test_who_is_deleted_leaves_no_deny_behind() -> None:
    user = resource("aws_iam_user", "u", {"name": "u"}, None)
    guard = document({**allow("s3:*"), "Effect": "Deny"})
    values = {"name": "d", "group": "g", "policy": guard}
    denies = resource("aws_iam_group_policy", "d", values, values)
    for leaves in (of_user(["g"], None), of_group(["u"], None)):
        assert rules(reviewed(leaves, user)) == {"access-removed"}
        assert rules(reviewed(leaves, user, denies)) == {"access-removed"}


def test_a_group_that_denies_is_missed_by_who_leaves_it() -> None:
    guard = document({**allow("s3:*"), "Effect": "Deny"})
    values = {"name": "d", "group": "g", "policy": guard}
    review = reviewed(of_user(["g"], []), resource("aws_iam_group_policy", "d", values, values))
    (finding,) = (f for f in review.findings if f.rule == "not-proven")
    assert finding.message == "Group g denies something, which no longer counts for who leaves it"


def test_groups_that_are_not_known_are_said() -> None:
    later = resource(USER, "m", None, {"user": "u"}, after_unknown={"groups": True})
    assert rules(reviewed(later)) == {"group-joined"}
    later = resource(USER, "m", {"user": "u", "groups": ["g"]}, {"user": "u"})
    later["change"]["after_unknown"] = {"groups": True}
    review = reviewed(later)
    assert rules(review) == {"group-joined"}
    assert not [line for c in review.changes for line in c.lines if line.effect == "loss"]


def test_a_membership_that_stays_is_no_finding() -> None:
    assert reviewed(of_user(["g"], ["g"]), of_group(["u"], ["u"])).findings == ()
    groups = [resource("aws_iam_group", n, *[{"name": n}] * 2) for n in ("g", "h")]
    both = of_user(["g", "h"], ["g"]), of_group(["u", "v"], ["u"]), *groups
    assert len(reviewed(*both).findings) == 2


def test_a_member_that_is_renamed_joins_nothing() -> None:
    group = resource("aws_iam_group", "g", {"name": "g"}, {"name": "h"})
    user = resource("aws_iam_user", "u", {"name": "u"}, {"name": "v"})
    assert not reviewed(of_user(["g"], ["h"]), group).findings
    assert not reviewed(of_group(["u"], ["v"]), user).findings
    both = reviewed(of_user(["g"], ["h", "new"]), group)
    assert rules(both) == {"group-joined"}
    assert [x.text for c in both.changes for x in c.lines] == ["user u to group new"]
    another = resource("aws_iam_group", "another", None, {"name": "g"})
    assert "group-joined" in rules(reviewed(of_user(["g"], ["h", "g"]), group, another))
    assert rules(reviewed(of_user(["g"], ["g"]), group)) == set()


def test_a_group_that_is_replaced_under_another_name_is_joined() -> None:
    group = resource(
        "aws_iam_group", "g", {"name": "g"}, {"name": "h"}, actions=["delete", "create"]
    )
    assert "group-joined" in rules(reviewed(of_user(["g"], ["h"]), group))
    other = resource("aws_iam_policy", "g", {"name": "g"}, {"name": "h"})
    assert "group-joined" in rules(reviewed(of_user(["g"], ["h"]), other))


def test_a_name_that_drifted_and_is_put_back_is_joined_by_nobody() -> None:
    sides = [{"name": "g"}, {"name": "h"}]
    drift = [resource("aws_iam_group", "g", *sides)]
    back = resource("aws_iam_group", "g", *sides[::-1])
    assert not rules(reviewed(of_user(["h"], ["g"]), back, resource_drift=drift)) - {"drift"}
