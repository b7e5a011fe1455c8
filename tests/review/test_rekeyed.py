"""What a key of count or for_each gives another address, and somebody had before."""

import pytest

from eks import NODE_TRUST, own_role, same
from synthetic import Json, allow, document, resource, reviewed

_PLAN_POLICY = "arn:aws:iam::111122223333:policy/p"
_POLICY = {"name": "p", "arn": _PLAN_POLICY, "policy": document(allow("s3:*"))}


def _attached(arn: str, before: str, after: str) -> list[Json]:
    kind, values = "aws_iam_role_policy_attachment", {"role": "a", "policy_arn": arn}
    return [
        resource(kind, "x", values, None, address=f'{kind}.x["{before}"]'),
        resource(kind, "x", None, values, address=f'{kind}.x["{after}"]'),
    ]


@pytest.mark.parametrize(
    "arn",
    [
        _PLAN_POLICY,
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/IAMFullAccess",
        "arn:aws:iam::aws:policy/NoTableHasThis",
        "arn:aws:iam::111122223333:policy/elsewhere",
    ],
)
def test_an_attachment_of_another_key_gives_nothing_new(arn: str) -> None:
    """Only that one attachment is taken away and made at a time is worth a warning."""
    there = [*own_role("a", NODE_TRUST), same("aws_iam_policy", "p", _POLICY)]
    review = reviewed(*there, *_attached(arn, "0", "p"))
    assert {f.rule for f in review.findings if f.level != "note"} == {"conflict"}
    assert not any("new-access" in f.means for f in review.findings if f.level == "note")


def test_what_is_attached_to_another_role_is_new() -> None:
    arn = "arn:aws:iam::111122223333:policy/elsewhere"
    before, after = _attached(arn, "0", "p")
    after["change"]["after"] = {"role": "b", "policy_arn": arn}
    review = reviewed(*own_role("a", NODE_TRUST), *own_role("b", NODE_TRUST), before, after)
    assert "unknown-attachment" in {f.rule for f in review.findings if f.level != "note"}


def test_an_exclusive_list_says_not_of_an_unknown_policy_that_it_allows_nothing() -> None:
    values = {"role_name": "a", "policy_arns": ["arn:aws:iam::111122223333:policy/elsewhere"]}
    kind = "aws_iam_role_policy_attachments_exclusive"
    review = reviewed(*own_role("a", NODE_TRUST), resource(kind, "e", None, values))
    assert "unknown-attachment" in {f.rule for f in review.findings}
    assert not any("allows nothing" in f.message for f in review.findings)
