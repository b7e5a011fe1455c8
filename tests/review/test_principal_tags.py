"""Changed tags of roles and users: the review does not read what policies allow for them."""

import pytest

from synthetic import Json, allow, document, inline, resource, reviewed
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.words import Section

BY_TAG = document(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"))
BY_SESSION = document(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}/*"))


def of_tags(before: str, after: str, **more: Json) -> Json:
    sides = ({"name": "r", "tags": {"team": team}} for team in (before, after))
    return resource("aws_iam_role", "r", *sides, **more)


@pytest.mark.parametrize(
    ("change", "policy", "is_named"),
    [
        (of_tags("a", "b"), BY_TAG, True),
        (of_tags("a", "a", after_unknown={"tags_all": True}, actions=["update"]), BY_TAG, True),
        (of_tags("a", "a"), BY_TAG, False),
        (of_tags("a", "b"), BY_SESSION, False),
        (of_tags("a", "b"), document(allow("s3:*")), False),
    ],
)
def test_a_changed_tag_is_named_if_a_policy_compares_tags_of_principals(
    change: Json, policy: str, is_named: bool
) -> None:
    review = reviewed(change, inline(policy, policy))
    assert review.findings == ()
    assert review.not_read == (("aws_iam_role.r (tags)",) if is_named else ())
    nobody = "Nobody, according to the resources that are read." if is_named else "Nobody."
    assert words.answer_to(Section.ACCESS, review, []) == nobody
