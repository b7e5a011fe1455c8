"""Who can do more after a plan, and who can do less."""

from found import found, levels
from synthetic import allow, attachment, document, policy, role

S3 = allow("s3:GetObject", "arn:aws:s3:::logs/*")


def test_a_policy_that_allows_more_is_new_access_of_who_has_it():
    findings = found(
        role("ci", document(), document()),
        policy("ci", document(S3), document(S3, allow("ec2:TerminateInstances"))),
        attachment("ci", "arn:aws:iam::111122223333:policy/ci"),
    )
    assert levels(findings) == {"new-access": "error"}
