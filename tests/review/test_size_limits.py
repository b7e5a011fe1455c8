"""Policies that are too large for IAM are found where a plan writes them."""

import pytest

from eks import NODE_TRUST, same
from synthetic import (
    Json,
    allow,
    attached,
    document,
    inline,
    managed,
    policy,
    policy_arn,
    resource,
    reviewed,
    rules,
)

ONE, SECOND = document(allow("ec2:A")), document(allow("ec2:B", "arn:aws:s3:::"))
LARGE = document(allow("ec2:A", "arn:aws:s3:::" + "x" * 6144))
# Two of these are too large for the inline policies of a role.
HALF = document(allow("s3:A", "arn:aws:s3:::" + "x" * 6000))
WIDER_HALF = HALF.replace("s3:A", "s3:AB")


@pytest.mark.parametrize(
    ("kind", "length", "is_over"),
    [
        *(("role", 10_240, False), ("role", 10_241, True)),
        *(("group", 5_121, True), ("user", 2_049, True)),
    ],
)
def test_inline_policies_are_measured_together(kind: str, length: int, *, is_over: bool) -> None:
    room = length - sum(len(text.replace(" ", "")) for text in (ONE, SECOND))
    texts = {"one": ONE, "two": SECOND.replace(":::", ":::" + "x" * room)}
    changes = [
        resource(f"aws_iam_{kind}_policy", name, None, {"name": name, kind: "r", "policy": text})
        for name, text in texts.items()
    ]
    assert ("size-limit" in rules(reviewed(*changes))) is is_over


def test_white_space_does_not_count() -> None:
    text = document(allow("ec2:A", "arn:aws:s3:::" + "x" * 6000))
    full = text.replace(":::", ":::" + "x" * (6144 - len(text.replace(" ", ""))))
    assert "size-limit" not in rules(reviewed(policy("p", None, full + " \n" * 500)))
    assert "size-limit" in rules(reviewed(policy("p", None, full.replace(":::", ":::x"))))


@pytest.mark.parametrize(
    ("change", "drift", "is_said"),
    [
        (policy("p", ONE, LARGE), [], True),
        (policy("p", LARGE, LARGE), [], False),
        (policy("p", LARGE, None), [], False),
        (policy("p", LARGE, ONE), [policy("p", ONE, LARGE)], False),
    ],
)
def test_a_policy_is_too_large_where_a_plan_writes_it(
    change: Json, drift: list[Json], *, is_said: bool
) -> None:
    assert ("size-limit" in rules(reviewed(change, resource_drift=drift))) is is_said


def repeating(name: str) -> Json:
    """A role that repeats an inline policy, as the provider reads it."""
    block = [{"name": name, "policy": HALF}]
    values = {"name": "r", "assume_role_policy": NODE_TRUST, "inline_policy": block}
    return same("aws_iam_role", "r", values)


LISTS = [{"role_name": "r", "policy_names": names} for names in (["i", "j"], ["i"])]


@pytest.mark.parametrize(
    ("changes", "is_too_large"),
    [
        ([inline(None, HALF), inline(HALF, HALF, "j")], True),
        ([inline(None, HALF), inline(HALF, None, "j")], False),
        ([inline(None, HALF), attached(policy_arn("p"), before=False), managed(HALF, HALF)], False),
        (
            [
                *(inline(None, HALF), inline(HALF, HALF, "j")),
                resource("aws_iam_role_policies_exclusive", "e", *LISTS),
            ],
            False,
        ),
        # What a role repeats of others counts once.
        ([repeating("i"), inline(HALF, WIDER_HALF)], False),
        ([repeating("other"), inline(HALF, WIDER_HALF)], True),
    ],
)
def test_the_inline_policies_of_a_role_count_together_and_once(
    changes: list[Json], *, is_too_large: bool
) -> None:
    assert ("size-limit" in rules(reviewed(*changes))) is is_too_large
