"""A role that the plan deletes and makes at another address gets no more access in silence."""

import pytest

from synthetic import Json, allow, attachment, document, resource, reviewed, rules


def trust(*services: str) -> str:
    return document(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": [*services]}}
    )


EC2, BOTH = trust("ec2.amazonaws.com"), trust("ec2.amazonaws.com", "lambda.amazonaws.com")
BOUND = {"permissions_boundary": "arn:aws:iam::111122223333:policy/boundary"}
OTHER = {"permissions_boundary": "arn:aws:iam::111122223333:policy/other"}


def of_key(key: str, before: Json | None, after: Json | None, **more: object) -> Json:
    """A role as an instance of for_each."""
    sides = [{"name": "r", "assume_role_policy": EC2, **v} if v else None for v in (before, after)]
    return resource("aws_iam_role", "r", *sides, address=f'aws_iam_role.r["{key}"]', **more)


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (BOUND, {"path": "/"}, "boundary-weakened"),
        (BOUND, OTHER, "boundary-weakened"),
        ({"path": "/"}, {"assume_role_policy": BOTH}, "trust-widened"),
        (BOUND, {**BOUND, "assume_role_policy": BOTH}, "trust-widened"),
        (BOUND, BOUND, None),
        ({"assume_role_policy": BOTH}, {"path": "/"}, None),
        (BOUND, {"name": "another"}, None),
    ],
)
def test_a_role_at_another_key_is_compared_with_the_one_that_goes(
    before: Json, after: Json, rule: str | None
) -> None:
    review = reviewed(of_key("a", before, None), of_key("b", None, after))
    assert review.failed == (rule is not None)
    assert rules(review) - {"access-removed", "new-policy"} == ({rule} if rule else set())


def test_a_boundary_that_is_known_after_apply_or_sensitive_is_said() -> None:
    old = of_key("a", BOUND, None)
    later = of_key("b", None, {"path": "/"}, after_unknown={"permissions_boundary": True})
    hidden = of_key("b", None, OTHER, after_sensitive={"permissions_boundary": True})
    assert all("boundary-weakened" in rules(reviewed(old, new)) for new in (later, hidden))


def test_each_of_several_that_are_made_anew_is_compared() -> None:
    users = [
        resource("aws_iam_user", "u", *sides, address=f'aws_iam_user.u["{key}"]')
        for key, sides in {"a": ({"name": "u"}, None), "b": (None, {"name": "u"})}.items()
    ]
    unknown = [
        of_key("c", {"name": "c"}, None),
        of_key("d", None, {"name": "c"}, after_unknown={"assume_role_policy": True}),
    ]
    unknown[1]["change"]["after"].pop("assume_role_policy")
    roles = of_key("a", {"path": "/"}, None), of_key("b", None, {"assume_role_policy": BOTH})
    findings = reviewed(*users, *unknown, *roles).findings
    widened = [f for f in findings if f.rule == "trust-widened"]
    assert [f.address for f in widened] == ['aws_iam_role.r["b"]']
    assert "example: " in " ".join(widened[0].details)
    assert 'aws_iam_role.r["d"]' in {f.address for f in findings if f.rule == "unknown-policy"}


def test_what_was_changed_outside_is_none_of_what_goes() -> None:
    drift = [of_key("a", {**BOUND}, {"assume_role_policy": BOTH})]
    roles = of_key("a", {"assume_role_policy": BOTH}, None), of_key("b", None, {"path": "/"})
    expected = rules(reviewed(*roles))
    assert {"boundary-weakened", "trust-widened"}.isdisjoint(expected)
    assert rules(reviewed(*roles, resource_drift=drift)) - {"drift"} == expected


def test_a_deny_that_a_role_at_another_key_no_longer_has_is_said() -> None:
    values = {"role": "r", "policy_arn": "arn:aws:iam::aws:policy/AWSDenyAll"}
    detached = attachment("r", values["policy_arn"], sides=(values, None))
    gone = of_key("a", {"path": "/"}, None)
    assert "not-proven" not in rules(reviewed(gone, detached))
    assert "not-proven" in rules(reviewed(gone, of_key("b", None, {"path": "/"}), detached))


ARN = "arn:aws:iam::111122223333:policy/boundary"


def boundary(key: str, before: str | None, after: str | None) -> Json:
    sides = [{"name": "boundary", "policy": text} if text else None for text in (before, after)]
    if sides[0]:
        sides[0]["arn"] = ARN
    more = {"after_unknown": {"arn": True}} if after and not before else {}
    return resource("aws_iam_policy", "b", *sides, address=f'aws_iam_policy.b["{key}"]', **more)


LESS, MORE = document(allow("s3:GetObject")), document(allow("s3:*"))
LATER = {"after_unknown": {"permissions_boundary": True}}
REFERS = {"references": ['aws_iam_policy.b["y"].arn', 'aws_iam_policy.b["y"]', "aws_iam_policy.b"]}
BY_KEY = [
    {"type": "aws_iam_role", "name": "r", "expressions": {"permissions_boundary": REFERS}},
    {"type": "aws_iam_policy", "name": "b", "expressions": {}},
]


@pytest.mark.parametrize("role_moves", [False, True])
@pytest.mark.parametrize(("text", "weaker"), [(LESS, False), (MORE, True)])
def test_a_boundary_at_another_key_is_compared_with_the_one_that_goes(
    text: str, weaker: bool, role_moves: bool
) -> None:
    old = {"permissions_boundary": ARN}
    roles = [of_key("a", old, {"path": "/"}, **LATER)]
    if role_moves:
        roles = [of_key("a", old, None), of_key("b", None, {"path": "/"}, **LATER)]
    policies = boundary("x", LESS, None), boundary("y", None, text)
    review = reviewed(*roles, *policies, configuration={"root_module": {"resources": BY_KEY}})
    assert ("boundary-weakened" in rules(review)) == weaker


def test_a_new_role_with_a_new_boundary_is_not_bounded_less() -> None:
    roles = of_key("a", None, {"path": "/"}, **LATER)
    review = reviewed(
        roles, boundary("y", None, MORE), configuration={"root_module": {"resources": BY_KEY}}
    )
    assert "boundary-weakened" not in rules(review)


@pytest.mark.parametrize(
    "changes",
    [
        # One of the name stays, as in another account.
        [of_key("a", BOUND, BOUND), of_key("b", None, {"path": "/"})],
        [of_key("a", BOUND, None), of_key("b", {"path": "/"}, {"path": "/"})],
        # What goes is a policy.
        [
            resource("aws_iam_policy", "r", {"name": "r", **BOUND}, None),
            of_key("b", None, {"path": "/"}),
        ],
    ],
)
def test_a_role_is_made_in_place_of_a_role_that_goes_and_no_other(changes: list[Json]) -> None:
    assert "boundary-weakened" not in rules(reviewed(*changes))


def test_a_role_that_was_deleted_outside_of_the_plan_is_new() -> None:
    other = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "777788889999"}}
    trusted = {"assume_role_policy": document(other)}
    drift = [of_key("a", {**BOUND, **trusted}, None)]
    review = reviewed(of_key("a", None, trusted), resource_drift=drift)
    assert {f.rule: f.level for f in review.findings if f.rule != "drift"} == {
        "new-policy": "warning"
    }


def in_account(block: str, account: str, before: Json | None, after: Json | None) -> Json:
    sides = [{"name": "r", "assume_role_policy": EC2, **v} if v else None for v in (before, after)]
    if sides[0]:
        sides[0]["arn"] = f"arn:aws:iam::{account}:role/r"
    return resource("aws_iam_role", block, *sides)


@pytest.mark.parametrize(
    ("provider", "weaker"), [("aws", True), ("aws.other", False), ("aws.third", True)]
)
def test_roles_of_two_accounts_are_not_taken_for_one(provider: str, weaker: bool) -> None:
    """Of an account that the plan does not tell, the role may be that one."""
    changes = (
        in_account("gone", "111122223333", BOUND, None),
        in_account("also_gone", "444455556666", {"path": "/"}, None),
        in_account("made", "", None, {"path": "/"}),
    )
    providers = {"gone": "aws", "also_gone": "aws.other", "made": provider}
    blocks = [
        {"type": "aws_iam_role", "name": name, "provider_config_key": key, "expressions": {}}
        for name, key in providers.items()
    ]
    for order in (changes, changes[::-1]):
        review = reviewed(*order, configuration={"root_module": {"resources": blocks}})
        assert ("boundary-weakened" in rules(review)) == weaker


def test_who_may_assume_a_role_of_another_account_than_the_one_that_goes_is_said() -> None:
    """It is a new role, and not one that is made anew."""
    other = document(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "777788889999"}}
    )
    changes = (
        in_account("gone", "111122223333", {"path": "/"}, None),
        in_account("also_gone", "444455556666", {"name": "s"}, None),
        in_account("made", "", None, {"assume_role_policy": other}),
    )
    for key, level in (("aws", "note"), ("aws.other", "warning")):
        providers = {"gone": "aws", "also_gone": "aws.other", "made": key}
        blocks = [
            {"type": "aws_iam_role", "name": name, "provider_config_key": key, "expressions": {}}
            for name, key in providers.items()
        ]
        review = reviewed(*changes, configuration={"root_module": {"resources": blocks}})
        (finding,) = (f for f in review.findings if f.rule == "new-policy")
        assert finding.level == level
