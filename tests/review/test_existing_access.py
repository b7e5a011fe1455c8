"""What a role has in the end, where several resources of a plan speak of one policy."""

import pytest

from eks import MANAGED, NODE_TRUST, irsa, own_role, same
from synthetic import Json, allow, attachment, document, levels, resource, reviewed, role, rules

ELSEWHERE = "arn:aws:iam::111122223333:policy/of-another-plan"
COPY = "arn:aws:iam::111122223333:policy/p"
CNI, ONE = document(allow(["ec2:Assign*", "ec2:*"])), document(allow("s3:A"))
GUARD = document({**allow("s3:*"), "Effect": "Deny"})
OTHER = NODE_TRUST.replace("ec2.", "lambda.")
LOST = {"conflict", "coverage-lost"}


def attach(name: str, arn: str, before: bool, after: bool, role_name: str = "r") -> Json:
    values = {"role": role_name, "policy_arn": arn}
    sides = [values if there else None for there in (before, after)]
    return resource("aws_iam_role_policy_attachment", name, *sides)


def inline(name: str, before: str | None, after: str | None, iam: str = "i") -> Json:
    sides = [{"name": iam, "role": "r", "policy": p} if p else None for p in (before, after)]
    return resource("aws_iam_role_policy", name, *sides)


def managed(before: str | None, after: str) -> Json:
    sides = [{"name": "p", "policy": p, "arn": COPY} if p else None for p in (before, after)]
    return resource("aws_iam_policy", "p", *sides)


def by_hand(**more: object) -> Json:
    """A role that the plan leaves alone, with what was made outside of it."""
    return same("aws_iam_role", "r", {"name": "r", "assume_role_policy": NODE_TRUST, **more})


def listed(before: list[str], after: list[str], arn: str = COPY) -> Json:
    sides = [{"policy_arn": arn, "roles": roles} for roles in (before, after)]
    return resource("aws_iam_policy_attachment", "m", *sides)


A, B, BOTH = (document(allow(actions)) for actions in ("ec2:A", "ec2:B", ["ec2:A", "ec2:B"]))
DENIES = {"Effect": "Deny", "Action": "s3:B", "Resource": "*"}
A_BUT_B, BUT_B = document(allow("ec2:A"), DENIES), document(DENIES)
UNKNOWN = attach("u", ELSEWHERE, True, True)
ROLE = own_role("r", OTHER)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([inline("p", None, A), inline("q", BOTH, BOTH, "j")], {"rewritten": "note"}),
        ([inline("p", None, A), inline("q", B, B, "j")], {"new-access": "error"}),
        ([inline("p", None, A), inline("q", BOTH, None, "j")], {"access-removed": "note"}),
        ([inline("p", BOTH, A), inline("q", None, B, "j")], {"rewritten": "note"}),
        ([inline("p", A, B), UNKNOWN], {"new-access": "error"}),
        # What is not shown may allow what a Deny no longer denies.
        ([inline("p", A_BUT_B, BUT_B), UNKNOWN], {"access-removed": "note"}),
        ([inline("p", A_BUT_B, A), UNKNOWN], {"not-proven": "warning"}),
        ([inline("p", A_BUT_B, A)], {"not-proven": "warning"}),
        (
            [inline("p", A_BUT_B, A), inline("q", BUT_B, BUT_B, "j")],
            {"rewritten": "note"},
        ),
        ([attach("u", ELSEWHERE, False, True)], {"unknown-attachment": "warning"}),
        ([inline("p", A, A)], {}),
        # One that nobody can read is not equal to another one.
        ([inline("p", "no policy", "no police")], {"unreadable-policy": "error"}),
        ([inline("p", "no policy", A)], {"not-proven": "warning", "new-access": "error"}),
    ],
)
def test_new_access_is_that_of_all_policies_together(changes: list[Json], expected: Json) -> None:
    assert levels(reviewed(*ROLE, *changes)) == expected


@pytest.mark.parametrize("stays", [attach("w", ELSEWHERE, True, True), None])
def test_what_is_lost_is_lost_though_another_policy_is_not_known(stays: Json | None) -> None:
    """A role may have policies beside the plugin's whose documents the plan does not hold."""
    gone = attach("cni", MANAGED, True, False)
    review = reviewed(gone, *([stays] if stays else []), fail_on="coverage-lost")
    assert (review.failed, "coverage-lost" in rules(review)) == (True, True)
    lost = [f for f in review.findings if f.rule == "coverage-lost"]
    assert any(ELSEWHERE in text for f in lost for text in (f.message, *f.details)) is bool(stays)


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
        (attach("a", MANAGED, True, False), attach("b", MANAGED, True, True)),
        (inline("a", CNI, None), inline("b", CNI, CNI)),
        (attach("x", COPY, True, False), listed(["s", "r"], ["s", "r"]), managed(CNI, CNI)),
    ):
        assert rules(reviewed(*changes)) >= LOST
    apart = inline("a", CNI, None), inline("b", CNI, CNI, iam="other")
    assert not LOST & rules(reviewed(*apart))


def test_who_leaves_a_list_of_roles_loses_what_is_attached() -> None:
    review = reviewed(listed(["a", "b"], ["a"], MANAGED))
    lost = {f.subject for f in review.findings if f.rule == "coverage-lost"}
    assert lost == {"role b"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((attach("a", MANAGED, True, False), attach("b", MANAGED, False, True)), MANAGED),
        ((inline("a", CNI, None), inline("b", None, CNI)), "the inline policy i of role r"),
    ],
)
def test_what_is_made_and_taken_away_at_once_is_a_conflict(
    changes: tuple[Json, Json], words: str
) -> None:
    (finding,) = (f for f in reviewed(*changes).findings if f.rule == "conflict")
    assert finding.level == "warning" and words in finding.message
    assert all(change["address"] in finding.message for change in changes)
    other = attach("b", MANAGED, False, True, role_name="other")
    assert "conflict" not in rules(reviewed(attach("a", MANAGED, True, False), other))


@pytest.mark.parametrize(
    ("changes", "fail_on"),
    [
        ((inline("a", ONE, None), inline("b", ONE, CNI)), "new-access"),
        # A Deny that one of two resources takes away.
        (
            (attach("a", COPY, True, False), attach("b", COPY, False, True), managed(GUARD, GUARD)),
            "new-access",
        ),
    ],
)
def test_both_outcomes_of_a_conflict_count(changes: tuple[Json, ...], fail_on: str) -> None:
    there = inline("c", document(allow("s3:*")), document(allow("s3:*")), iam="other")
    assert reviewed(*changes, there, fail_on=fail_on).failed


def test_names_that_are_sensitive_are_not_taken_for_one() -> None:
    """Of two policies with such names, one goes and the other stays."""
    for gone, stays, name in (
        (inline("a", ONE, None), inline("b", CNI, CNI, iam="j"), "name"),
        (attach("a", COPY, True, False), attach("b", ELSEWHERE, True, True), "policy_arn"),
    ):
        for change in (gone, stays):
            change["change"] |= {f"{side}_sensitive": {name: True} for side in ("before", "after")}
        assert "conflict" not in rules(reviewed(gone, stays))


def test_a_user_and_a_group_with_one_secret_name_are_two() -> None:
    hidden = {"name": "x", "policy": document(allow("*"))}
    secret = {"user": "hunter2-q3est", "group": "hunter2-q3est"}
    changes = [
        resource(
            f"aws_iam_{kind}_policy",
            "p",
            *((values, None) if kind == "user" else (None, values)),
            **{f"{'before' if kind == 'user' else 'after'}_sensitive": {kind: True}},
        )
        for kind in secret
        for values in [{**hidden, kind: secret[kind]}]
    ]
    assert "error" in levels(reviewed(*changes)).values()


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_a_policy_that_moves_between_two_secret_names_is_new_access(kind: str) -> None:
    """Nothing else in the plan has the names."""

    def values(name: str) -> Json:
        return {"name": "p", "policy": document(allow("s3:*")), kind: name}

    gone, comes = (
        resource(f"aws_iam_{kind}_policy", name, *sides, **{f"{when}_sensitive": {kind: True}})
        for name, when, sides in (
            ("a", "before", (values("hunter2-q3est"), None)),
            ("b", "after", (None, values("hunter3-f0rest"))),
        )
    )
    assert reviewed(gone, comes, fail_on="new-access").failed
    same = resource(f"aws_iam_{kind}_policy", "b", None, values("hunter2-q3est"))
    same["change"]["after_sensitive"] = {kind: True}
    assert not {"new-access", "new-policy"} & rules(reviewed(gone, same))


def test_what_a_role_has_by_others_is_read_from_the_role() -> None:
    """A role's ``managed_policy_arns`` and ``inline_policy`` repeat what others made."""
    there = {"managed_policy_arns": [MANAGED, ELSEWHERE]}
    assert rules(reviewed(by_hand(**there))) == {"managed-policy-attached"}
    review = reviewed(by_hand(**there), attach("a", MANAGED, False, True))
    assert {f.level for f in review.findings} == {"note"}


def test_an_inline_policy_that_overwrites_one_made_by_hand_may_lose_access() -> None:
    role = by_hand(inline_policy=[{"name": "i", "policy": CNI}])
    assert "coverage-lost" in rules(reviewed(role, inline("a", None, ONE)))
    assert "coverage-lost" not in rules(reviewed(role, inline("a", None, ONE, iam="other")))


def test_what_a_role_had_before_it_was_changed_by_hand_is_not_what_it_has() -> None:
    text = document(allow("s3:GetObject"))
    had = by_hand(inline_policy=[{"name": "other", "policy": text}])["change"]["before"]
    now = by_hand(inline_policy=[])
    drift = [resource("aws_iam_role", "r", had, now["change"]["before"])]
    assert "new-access" in rules(reviewed(now, inline("i", None, text), resource_drift=drift))


BIG = document(allow("s3:A", "arn:aws:s3:::" + "x" * 6000))
LISTED = [{"role_name": "r", "policy_names": names} for names in (["i", "j"], ["i"])]


@pytest.mark.parametrize(
    ("changes", "is_too_large"),
    [
        ([inline("a", None, BIG), inline("b", BIG, BIG, iam="j")], True),
        ([inline("a", None, BIG), inline("b", BIG, None, iam="j")], False),
        ([inline("a", None, BIG), attach("c", COPY, False, True), managed(BIG, BIG)], False),
        (
            [
                *(inline("a", None, BIG), inline("b", BIG, BIG, iam="j")),
                resource("aws_iam_role_policies_exclusive", "e", *LISTED),
            ],
            False,
        ),
        # What a role repeats of others counts once.
        (
            [
                by_hand(inline_policy=[{"name": "i", "policy": BIG}]),
                inline("i", BIG, BIG.replace("s3:A", "s3:AB")),
            ],
            False,
        ),
        (
            [
                by_hand(inline_policy=[{"name": "other", "policy": BIG}]),
                inline("i", BIG, BIG.replace("s3:A", "s3:AB")),
            ],
            True,
        ),
    ],
)
def test_the_inline_policies_of_a_role_count_together_and_once(
    changes: list[Json], *, is_too_large: bool
) -> None:
    assert ("size-limit" in rules(reviewed(*changes))) is is_too_large


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
    review = reviewed(role("r", trust, trust), attach("a", arn, True, True))
    assert rules(review) == ({"managed-policy-attached"} if expected else set())


@pytest.mark.parametrize("trust", [irsa(), OTHER])
def test_a_role_for_the_plugin_by_its_trust_is_the_plugins(trust: str) -> None:
    review = reviewed(role("r", trust, trust), inline("i", document(allow("*")), ONE))
    assert ("coverage-lost" in rules(review)) is (trust != OTHER)


def test_what_is_forgotten_stays_attached_to_what_the_policy_will_be() -> None:
    forgotten = attach("a", COPY, True, False)
    forgotten["change"]["actions"] = ["forget"]
    review = reviewed(forgotten, managed(CNI, ONE))
    assert levels(review).items() >= {"moved": "note", "new-access": "error"}.items()
    assert "coverage-lost" in rules(review)


@pytest.mark.parametrize("kind", ["attachment", "boundary"])
@pytest.mark.parametrize("actions", [["forget"], ["create", "forget"]])
def test_a_policy_that_is_forgotten_stays_with_who_has_it(kind: str, actions: list[str]) -> None:
    values = {"name": "p", "arn": COPY, "policy": CNI}
    after = {**values, "name": "new", "arn": f"{COPY}/new"} if "create" in actions else None
    forgotten = resource("aws_iam_policy", "p", values, after, actions=actions)
    there = by_hand(**({"permissions_boundary": COPY} if kind == "boundary" else {}))
    own = attach("a", COPY, True, True) if kind == "attachment" else inline("i", CNI, CNI)
    review = reviewed(forgotten, there, own)
    # A policy that is created beside it is of nobody that the plan shows.
    assert rules(review) == {"moved"} | ({"new-policy"} if "create" in actions else set())


def test_what_a_replacement_left_behind_counts_before_and_goes() -> None:
    left = inline("a", CNI, None, iam="old") | {"deposed": "abcd1234"}
    assert "coverage-lost" in rules(reviewed(left, inline("a", ONE, ONE)))
    alike = inline("a", CNI, None) | {"deposed": "abcd1234"}
    assert "conflict" in rules(reviewed(alike, inline("a", CNI, CNI)))


def test_a_policy_that_changes_as_a_first_role_gets_it_is_judged_for_those_who_had_it() -> None:
    change = managed(CNI, document(allow("s3:*")))
    alone = reviewed(change, fail_on="coverage-lost")
    both = reviewed(change, by_hand(), attach("a", COPY, False, True), fail_on="coverage-lost")
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


def test_an_attachment_that_is_there_twice_is_a_change_and_gives_nothing() -> None:
    there = attach("a", COPY, True, True), managed(ONE, ONE), by_hand()
    review = reviewed(*there, attach("b", COPY, False, True), fail_on="any-change")
    assert (levels(review), review.failed) == ({"moved": "note"}, True)


def test_a_policy_that_allows_nothing_is_not_called_rewritten() -> None:
    review = reviewed(attach("a", COPY, False, True), managed(GUARD, GUARD))
    assert levels(review) == {"access-removed": "note"}


def test_another_boundary_changes_what_the_plugin_lacks() -> None:
    every, some = (f"arn:aws:iam::111122223333:policy/{name}" for name in ("every", "some"))
    texts = {every: document(allow("*")), some: document(allow("ec2:Describe*"))}
    changes = [
        *(
            same("aws_iam_policy", a[-4:], {"name": a[-4:], "arn": a, "policy": t})
            for a, t in texts.items()
        ),
        attachment("r", MANAGED),
    ]
    for before, after, is_lost in ((some, some, False), (every, some, True), (some, every, False)):
        base = {"name": "r", "assume_role_policy": NODE_TRUST}
        sides = [{**base, "permissions_boundary": arn} for arn in (before, after)]
        review = reviewed(*changes, resource("aws_iam_role", "r", *sides))
        assert ("coverage-lost" in rules(review)) is is_lost
