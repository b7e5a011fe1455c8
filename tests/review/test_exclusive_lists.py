"""Exclusive lists of policies: IAM removes what they do not name."""

import pytest

from eks import MANAGED, NODE_TRUST, own_role
from synthetic import (
    Json,
    allow,
    attached,
    deny,
    document,
    inline,
    levels,
    managed,
    policy_arn,
    resource,
    reviewed,
    rules,
)

READS = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ELSEWHERE = "arn:aws:iam::111122223333:policy/of-another-plan"
COPY = policy_arn("p")
CNI, ONE = document(allow(["ec2:Assign*", "ec2:*"])), document(allow("s3:A"))
GUARD = document(deny("s3:*"))
REMOVES = {"exclusive-removes", "coverage-lost"}
POLICIES, ATTACHMENTS = "policies", "policy_attachments"


def exclusive(kind: str, before: list[str] | None, after: list[str] | None, **more: object) -> Json:
    name = "policy_names" if kind == POLICIES else "policy_arns"
    sides = [{"role_name": "r", name: n} if n is not None else None for n in (before, after)]
    return resource(f"aws_iam_role_{kind}_exclusive", "e", *sides, **more)


THERE = {ATTACHMENTS: (MANAGED, attached(MANAGED)), POLICIES: ("i", inline(CNI, CNI, block="a"))}


@pytest.mark.parametrize("kind", THERE)
@pytest.mark.parametrize("list_before", ["none", "empty", "longer"])
def test_an_exclusive_list_removes_what_others_made(kind: str, list_before: str) -> None:
    name, there = THERE[kind]
    before = {"none": None, "empty": [], "longer": [name, "other"]}[list_before]
    review = reviewed(exclusive(kind, before, ["other"]), there, fail_on="coverage-lost")
    assert rules(review) >= REMOVES and review.failed
    removes = [f for f in review.findings if f.message.endswith("keeps or creates it")]
    assert name in removes[0].message
    assert [f.means for f in removes] == [("coverage-lost", "any-change")]
    # What it names stays, and so does what an unchanged list leaves.
    assert "coverage-lost" not in rules(reviewed(exclusive(kind, before, [name]), there))
    removes_all = set() if list_before == "empty" else REMOVES
    assert REMOVES & rules(reviewed(exclusive(kind, before, []), there)) == removes_all


@pytest.mark.parametrize(
    ("arn", "means"),
    [
        (MANAGED, ("coverage-lost", "any-change")),
        # What is not the plugin's is nothing that the plugin loses.
        (READS, ("any-change",)),
        (ELSEWHERE, ("new-access", "coverage-lost", "any-change")),
    ],
)
def test_what_an_exclusive_list_removes_counts_for_what_it_may_mean(
    arn: str, means: tuple[str, ...]
) -> None:
    review = reviewed(exclusive(ATTACHMENTS, [arn], []))
    (finding,) = (f for f in review.findings if f.rule == "exclusive-removes")
    assert (finding.level, finding.means) == ("warning", means)


@pytest.mark.parametrize("kind", THERE)
@pytest.mark.parametrize("marks", [True, [True]])
def test_a_list_that_is_sensitive_may_name_what_is_there(kind: str, marks: object) -> None:
    name, there = THERE[kind]
    hidden = dict.fromkeys(("policy_arns", "policy_names"), marks)
    review = reviewed(exclusive(kind, None, [name], after_sensitive=hidden), there)
    assert review.failed


def test_a_sensitive_list_that_stays_removes_nothing() -> None:
    hidden = {f"{side}_sensitive": {"policy_arns": True} for side in ("before", "after")}
    change = exclusive(ATTACHMENTS, [MANAGED], [MANAGED], **hidden)
    change["change"] |= {"actions": ["update"]}
    change["change"]["after"]["description"] = "x"
    assert not reviewed(change, attached(MANAGED)).failed


@pytest.mark.parametrize(
    "more", [{"after_sensitive": {"policy_names": True}}, {"after_unknown": {"policy_names": True}}]
)
@pytest.mark.parametrize("denies", [True, False])
def test_an_exclusive_list_of_which_not_all_is_shown_may_remove_a_deny(
    more: Json, *, denies: bool
) -> None:
    change = exclusive(POLICIES, ["i"], ["other"], **more)
    if "after_unknown" in more:
        del change["change"]["after"]["policy_names"]
    text = GUARD if denies else document(allow("s3:*"))
    review = reviewed(change, inline(text, text))
    (finding,) = (f for f in review.findings if f.rule == "exclusive-removes")
    if "after_unknown" in more:
        names = "which inline policies role r keeps"
        assert finding.message == f"The plan does not show {names}. The others are removed"
    assert ("new-access" in finding.means) is denies


def test_a_list_that_is_known_after_apply_is_a_finding_without_anything_else() -> None:
    for before in (["a"], None):
        change = exclusive(POLICIES, before, [], after_unknown={"policy_names": True})
        del change["change"]["after"]["policy_names"]
        assert "exclusive-removes" in rules(reviewed(change))


def test_an_exclusive_list_says_not_that_what_is_made_beside_it_will_not_be_there() -> None:
    change = exclusive(ATTACHMENTS, [MANAGED, ELSEWHERE], [ELSEWHERE])
    review = reviewed(change, attached(MANAGED, before=False))
    (finding,) = (f for f in review.findings if f.rule == "exclusive-removes")
    assert finding.message.endswith("although aws_iam_role_policy_attachment.a keeps or creates it")


@pytest.mark.parametrize(
    ("role", "names", "is_lost"), [("s", ["i"], False), ("s", ["j"], False), ("r", ["j"], True)]
)
def test_a_list_that_is_made_anew_for_another_role_removes_nothing_from_the_first(
    role: str, names: list[str], *, is_lost: bool
) -> None:
    """Who deletes an exclusive list removes nothing; its role cannot be changed in place."""
    change = exclusive(POLICIES, ["i"], names, actions=["delete", "create"])
    change["change"]["after"]["role_name"] = role
    assert ("coverage-lost" in rules(reviewed(change, inline(CNI, CNI, block="a")))) is is_lost


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (["i"], None, {}),
        (["i"], None, {"actions": ["forget"]}),
        (["i"], ["i"], {"importing": {"id": "r"}}),
        (["i"], ["i"], {"previous_address": "aws_iam_role_policies_exclusive.x"}),
    ],
)
def test_what_happens_to_a_list_without_an_effect_is_not_reported(
    before: list[str] | None, after: list[str] | None, more: Json
) -> None:
    review = reviewed(exclusive(POLICIES, before, after, **more), fail_on="any-change")
    assert (levels(review), review.failed) == ({}, False)


def test_an_attachment_of_a_policy_detaches_it_from_all_others() -> None:
    values = {"name": "a", "policy_arn": READS, "roles": ["s"]}
    new = resource("aws_iam_policy_attachment", "a", None, values)
    messages = [f.message for f in reviewed(new, attached(READS)).findings if f.rule in REMOVES]
    assert f"aws_iam_policy_attachment.a removes {READS} of role r" in messages[0]
    assert "The plan does not show who else has" in messages[1]
    assert not REMOVES & rules(reviewed(resource("aws_iam_policy_attachment", "a", values, values)))
    # With another policy, it is another list; with another name alone, it is the same one.
    other, renamed = {**values, "policy_arn": MANAGED}, {**values, "name": "b"}
    for before, is_list in ((other, True), (renamed, False)):
        anew = {"actions": ["delete", "create"]}
        change = resource("aws_iam_policy_attachment", "a", before, values, **anew)
        assert ("exclusive-removes" in rules(reviewed(change, attached(READS)))) is is_list


def test_a_policy_that_an_exclusive_list_attaches_is_judged() -> None:
    kind, outcomes = ATTACHMENTS, {}
    for name, arn, more in (
        ("denies", COPY, [managed(GUARD, GUARD)]),
        ("allows", COPY, [managed(ONE, ONE)]),
        ("elsewhere", ELSEWHERE, []),
    ):
        review = reviewed(*own_role("r", NODE_TRUST), exclusive(kind, [], [arn]), *more)
        outcomes[name] = {(str(f.rule), str(f.level)) for f in review.findings}
    assert outcomes == {
        "denies": {("access-removed", "note")},
        "allows": {("new-access", "error")},
        "elsewhere": {("unknown-attachment", "warning")},
    }


def test_what_an_exclusive_list_removes_and_another_resource_attaches_may_be_lost() -> None:
    sides = [{"policy_arn": COPY, "roles": roles} for roles in ([], ["r"])]
    attaches = resource("aws_iam_policy_attachment", "m", *sides)
    removes = exclusive(ATTACHMENTS, [COPY], [])
    assert reviewed(removes, attaches, managed(CNI, CNI), fail_on="coverage-lost").failed


def test_a_deny_that_comes_and_that_a_list_removes_may_not_be_there() -> None:
    there = inline(ONE, document(allow(["s3:A", "s3:B"])), "i2")
    guard = document({**allow("s3:B"), "Effect": "Deny"})
    change = exclusive(POLICIES, ["i", "i2"], ["i2"])
    assert reviewed(change, inline(None, guard, block="a"), there, fail_on="new-access").failed


@pytest.mark.parametrize("before", [None, ["i"]])
def test_a_policy_made_by_hand_that_an_exclusive_list_names_stays(before: list[str] | None) -> None:
    values = {"name": "r", "assume_role_policy": NODE_TRUST}
    values |= {"inline_policy": [{"name": "i", "policy": CNI}]}
    role = resource("aws_iam_role", "r", values, values)
    review = reviewed(role, exclusive(POLICIES, before, ["i"]), fail_on="coverage-lost")
    assert not review.failed
    assert reviewed(role, exclusive(POLICIES, before, ["j"]), fail_on="coverage-lost").failed


@pytest.mark.parametrize("actions", [["update"], ["delete", "create"]])
def test_a_policy_that_only_a_list_names_goes_with_its_role(actions: list[str]) -> None:
    """Its list only names it, so nobody makes it for the new role; it may have a Deny."""
    values = {"name": "r", "assume_role_policy": NODE_TRUST}
    role = resource("aws_iam_role", "r", values, {**values, "path": "/x/"}, actions=actions)
    is_lost = "not-proven" in rules(reviewed(role, exclusive(POLICIES, ["i"], ["i"])))
    assert is_lost is (actions != ["update"])


def test_a_policy_that_only_a_list_names_may_have_been_another_than_the_new_one() -> None:
    new, listed = inline(None, ONE, block="a"), exclusive(POLICIES, ["i"], ["i"])
    assert levels(reviewed(new, listed)) == {"new-access": "error", "not-proven": "warning"}


def test_a_name_in_an_exclusive_list_keeps_no_policy() -> None:
    listed = exclusive(POLICIES, ["i"], ["i"])
    assert "conflict" not in rules(reviewed(inline(ONE, None, block="a"), listed))
