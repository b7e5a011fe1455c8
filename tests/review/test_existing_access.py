"""What a role has in the end, where several resources of a plan speak of one policy."""

import pytest

from eks import MANAGED, NODE_TRUST, own_role, same
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
    role,
    rules,
)

ELSEWHERE = "arn:aws:iam::111122223333:policy/of-another-plan"
COPY = policy_arn("p")
CNI, ONE = document(allow(["ec2:Assign*", "ec2:*"])), document(allow("s3:A"))
GUARD = document(deny("s3:*"))
OTHER = NODE_TRUST.replace("ec2.", "lambda.")
LOST = {"conflict", "coverage-lost"}


def by_hand(**more: object) -> Json:
    """A role that the plan leaves alone, with what was made outside of it."""
    return same("aws_iam_role", "r", {"name": "r", "assume_role_policy": NODE_TRUST, **more})


def listed(before: list[str], after: list[str], arn: str = COPY) -> Json:
    sides = [{"policy_arn": arn, "roles": roles} for roles in (before, after)]
    return resource("aws_iam_policy_attachment", "m", *sides)


A, B, BOTH = (document(allow(actions)) for actions in ("ec2:A", "ec2:B", ["ec2:A", "ec2:B"]))
A_BUT_B, BUT_B = document(allow("ec2:A"), deny("s3:B")), document(deny("s3:B"))
UNKNOWN = attached(ELSEWHERE, block="u")
ROLE = own_role("r", OTHER)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([inline(None, A), inline(BOTH, BOTH, "j")], {"rewritten": "note"}),
        ([inline(None, A), inline(B, B, "j")], {"new-access": "error"}),
        ([inline(None, A), inline(BOTH, None, "j")], {"access-removed": "note"}),
        ([inline(BOTH, A), inline(None, B, "j")], {"rewritten": "note"}),
        ([inline(A, B), UNKNOWN], {"new-access": "error"}),
        # What is not shown may allow what a Deny no longer denies.
        ([inline(A_BUT_B, BUT_B), UNKNOWN], {"access-removed": "note"}),
        ([inline(A_BUT_B, A), UNKNOWN], {"not-proven": "warning"}),
        ([inline(A_BUT_B, A)], {"not-proven": "warning"}),
        ([inline(A_BUT_B, A), inline(BUT_B, BUT_B, "j")], {"rewritten": "note"}),
        ([attached(ELSEWHERE, before=False, block="u")], {"unknown-attachment": "warning"}),
        ([inline(A, A)], {}),
        ([attached(COPY, before=False), managed(GUARD, GUARD)], {"access-removed": "note"}),
        ([attached(COPY), attached(COPY, before=False, block="b"), managed(ONE, ONE)], {}),
        # One that nobody can read is not equal to another one.
        ([inline("no policy", "no police")], {"unreadable-policy": "error"}),
        ([inline("no policy", A)], {"not-proven": "warning", "new-access": "error"}),
    ],
)
def test_new_access_is_that_of_all_policies_together(changes: list[Json], expected: Json) -> None:
    assert levels(reviewed(*ROLE, *changes)) == expected


@pytest.mark.parametrize("mark", ["after_unknown", "after_sensitive"])
def test_what_may_be_lost_to_a_policy_that_is_no_longer_shown_is_a_warning(mark: str) -> None:
    for text, is_lost in ((CNI, True), (ONE, False)):
        before = {"name": "p", "policy": text}
        after = {"name": "p", "policy": ONE} if mark == "after_sensitive" else {"name": "p"}
        change = resource("aws_iam_policy", "p", before, after, **{mark: {"policy": True}})
        review = reviewed(change, fail_on="coverage-lost")
        assert review.failed is is_lost
        assert "error" not in levels(review).values()


def test_an_attachment_that_goes_takes_its_twin_with_it() -> None:
    for changes in (
        (attached(MANAGED, after=False), attached(MANAGED, block="b")),
        (inline(CNI, None, block="a"), inline(CNI, CNI, block="b")),
        (attached(COPY, after=False, block="x"), listed(["s", "r"], ["s", "r"]), managed(CNI, CNI)),
    ):
        assert rules(reviewed(*changes)) >= LOST
    apart = inline(CNI, None, block="a"), inline(CNI, CNI, "other")
    assert not LOST & rules(reviewed(*apart))


def test_who_leaves_a_list_of_roles_loses_what_is_attached() -> None:
    review = reviewed(listed(["a", "b"], ["a"], MANAGED))
    lost = {f.subject for f in review.findings if f.rule == "coverage-lost"}
    assert lost == {"role b"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((attached(MANAGED, after=False), attached(MANAGED, before=False, block="b")), MANAGED),
        (
            (inline(CNI, None, block="a"), inline(None, CNI, block="b")),
            "the inline policy i of role r",
        ),
    ],
)
def test_what_is_made_and_taken_away_at_once_is_a_conflict(
    changes: tuple[Json, Json], words: str
) -> None:
    (finding,) = (f for f in reviewed(*changes).findings if f.rule == "conflict")
    assert finding.level == "warning" and words in finding.message
    assert all(change["address"] in finding.message for change in changes)
    other = attached(MANAGED, role="other", before=False, block="b")
    assert "conflict" not in rules(reviewed(attached(MANAGED, after=False), other))


def test_both_outcomes_of_a_conflict_count() -> None:
    s3 = document(allow("s3:*"))
    there = managed(GUARD, GUARD), inline(s3, s3, "other")
    # What one resource removes, the other may create last.
    writes = inline(ONE, None, block="a"), inline(ONE, CNI, block="b")
    assert reviewed(*writes, *there, fail_on="new-access").failed
    # A Deny that one resource creates, the other may remove last.
    guards = attached(COPY, after=False), attached(COPY, before=False, block="b")
    assert reviewed(*guards, *there, fail_on="new-access").failed


def test_names_that_are_sensitive_are_not_taken_for_one() -> None:
    """Of two policies with such names, one goes and the other stays."""
    for gone, stays, name in (
        (inline(ONE, None, block="a"), inline(CNI, CNI, "j"), "name"),
        (attached(COPY, after=False), attached(ELSEWHERE, block="b"), "policy_arn"),
    ):
        for change in (gone, stays):
            change["change"] |= {f"{side}_sensitive": {name: True} for side in ("before", "after")}
        assert "conflict" not in rules(reviewed(gone, stays))


def test_one_secret_name_is_one_user_and_another_group() -> None:
    def hidden(kind: str, block: str, *, is_removed: bool = False) -> Json:
        values = {"name": "p", "policy": document(allow("*")), kind: "hunter2-q3est"}
        sides, mark = ((values, None), "before") if is_removed else ((None, values), "after")
        return resource(
            f"aws_iam_{kind}_policy", block, *sides, **{f"{mark}_sensitive": {kind: True}}
        )

    gone = hidden("user", "a", is_removed=True)
    assert not {"new-access", "new-policy"} & rules(reviewed(gone, hidden("user", "b")))
    assert "error" in levels(reviewed(gone, hidden("group", "b"))).values()


def test_what_a_role_has_by_others_is_read_from_the_role() -> None:
    """A role's ``managed_policy_arns`` and ``inline_policy`` repeat what others made."""
    there = {"managed_policy_arns": [MANAGED, ELSEWHERE]}
    assert rules(reviewed(by_hand(**there))) == {"managed-policy-attached"}
    review = reviewed(by_hand(**there), attached(MANAGED, before=False))
    assert {f.level for f in review.findings} == {"note"}


def test_an_inline_policy_that_overwrites_one_made_by_hand_may_lose_access() -> None:
    role = by_hand(inline_policy=[{"name": "i", "policy": CNI}])
    assert "coverage-lost" in rules(reviewed(role, inline(None, ONE, block="a")))
    assert "coverage-lost" not in rules(reviewed(role, inline(None, ONE, "other")))


def test_what_a_role_had_before_it_was_changed_by_hand_is_not_what_it_has() -> None:
    text = document(allow("s3:GetObject"))
    had = by_hand(inline_policy=[{"name": "other", "policy": text}])["change"]["before"]
    now = by_hand(inline_policy=[])
    drift = [resource("aws_iam_role", "r", had, now["change"]["before"])]
    assert "new-access" in rules(reviewed(now, inline(None, text), resource_drift=drift))


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::111122223333:policy/AmazonEKS_CNI_Policy", False),
        *((MANAGED.replace("aws", p, 1), True) for p in ("aws", "aws-cn", "aws-us-gov")),
    ],
)
def test_the_managed_policy_is_known_in_every_partition(arn: str, *, expected: bool) -> None:
    domain = "amazonaws.com.cn" if "-cn" in arn else "amazonaws.com"
    trust = NODE_TRUST.replace("amazonaws.com", domain)
    review = reviewed(role("r", trust, trust), attached(arn))
    assert rules(review) == ({"managed-policy-attached"} if expected else set())


def test_what_is_forgotten_stays_attached_to_what_the_policy_will_be() -> None:
    forgotten = attached(COPY, after=False)
    forgotten["change"]["actions"] = ["forget"]
    review = reviewed(forgotten, managed(CNI, ONE))
    assert levels(review).items() >= {"new-access": "error"}.items()
    assert "coverage-lost" in rules(review)


@pytest.mark.parametrize("kind", ["attachment", "boundary"])
@pytest.mark.parametrize("actions", [["forget"], ["create", "forget"]])
def test_a_policy_that_is_forgotten_stays_with_who_has_it(kind: str, actions: list[str]) -> None:
    values = {"name": "p", "arn": COPY, "policy": CNI}
    after = {**values, "name": "new", "arn": f"{COPY}/new"} if "create" in actions else None
    forgotten = resource("aws_iam_policy", "p", values, after, actions=actions)
    there = by_hand(**({"permissions_boundary": COPY} if kind == "boundary" else {}))
    own = attached(COPY) if kind == "attachment" else inline(CNI, CNI)
    review = reviewed(forgotten, there, own)
    # A policy that is created beside it is of nobody that the plan shows.
    assert rules(review) == ({"new-policy"} if "create" in actions else set())


def test_what_a_replacement_left_behind_counts_before_and_goes() -> None:
    left = inline(CNI, None, "old") | {"deposed": "abcd1234"}
    assert "coverage-lost" in rules(reviewed(left, inline(ONE, ONE, block="a")))
    alike = inline(CNI, None, block="a") | {"deposed": "abcd1234"}
    assert "conflict" in rules(reviewed(alike, inline(CNI, CNI, block="a")))


def test_a_policy_that_changes_as_a_first_role_gets_it_is_judged_for_those_who_had_it() -> None:
    change = managed(CNI, document(allow("s3:*")))
    alone = reviewed(change, fail_on="coverage-lost")
    both = reviewed(change, by_hand(), attached(COPY, before=False), fail_on="coverage-lost")
    assert alone.failed and both.failed
    assert "coverage-lost" in rules(alone) & rules(both)


@pytest.mark.parametrize(
    "arn",
    [
        COPY,
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/IAMFullAccess",
        "arn:aws:iam::aws:policy/NoTableHasThis",
        ELSEWHERE,
    ],
)
def test_an_attachment_of_another_key_gives_nothing_new(arn: str) -> None:
    """Only that one attachment is taken away and made at a time is worth a warning."""
    kind, values = "aws_iam_role_policy_attachment", {"role": "r", "policy_arn": arn}
    all_of_s3 = document(allow("s3:*"))
    changes = [
        *(by_hand(), managed(all_of_s3, all_of_s3)),
        resource(kind, "x", values, None, address=f'{kind}.x["0"]'),
        resource(kind, "x", None, values, address=f'{kind}.x["p"]'),
    ]
    review = reviewed(*changes)
    assert {f.rule for f in review.findings if f.level != "note"} == {"conflict"}
    assert not any("new-access" in f.means for f in review.findings if f.level == "note")
    changes[-1]["change"]["after"] = {"role": "other", "policy_arn": arn}
    assert reviewed(*changes, *own_role("other", OTHER), fail_on="new-access").failed
