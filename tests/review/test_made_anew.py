"""A role that the plan deletes and makes at another address gets no more access in silence."""

import pytest

from synthetic import Json, attachment, document, resource, reviewed, rules


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


def test_a_deny_that_a_role_at_another_key_no_longer_has_is_said() -> None:
    values = {"role": "r", "policy_arn": "arn:aws:iam::aws:policy/AWSDenyAll"}
    detached = attachment("r", values["policy_arn"], sides=(values, None))
    gone = of_key("a", {"path": "/"}, None)
    assert "not-proven" not in rules(reviewed(gone, detached))
    assert "not-proven" in rules(reviewed(gone, of_key("b", None, {"path": "/"}), detached))
