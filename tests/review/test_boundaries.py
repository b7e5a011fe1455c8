"""Permissions boundaries: what they leave of a policy, and whom they bound no longer or less."""

import pytest

from eks import MANAGED, NODE_TRUST
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
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.report.shown import ShownFinding

A, BOTH, ALL = (document(allow(actions)) for actions in ("ec2:A", ["ec2:A", "ec2:B"], "*"))
REFUSED = document(allow("ec2:A", Condition={"Is": {"aws:ResourceTag/team": "blue"}}))
CNI, DESCRIBE = dumps(managed_policy()), document(allow("ec2:Describe*"))
S3, EC2_AND_S3 = document(allow("s3:*")), document(allow(["ec2:*", "s3:*"]))
NEW, LESS = {"new-access": "error"}, {"access-removed": "note"}
WEAKENED = {"boundary-weakened": "error"}
READS, TAGS = allow("s3:GetObject", "arn:aws:s3:::team-a/*"), allow("ec2:CreateTags")


def bounded(before: str | None, after: str | None, name: str = "r") -> Json:
    """A role, by the name or the ARN of its boundary on each side."""
    values = {"name": name, "assume_role_policy": NODE_TRUST}
    arns = (text and (text if ":" in text else policy_arn(text)) for text in (before, after))
    sides = ({**values, **({"permissions_boundary": arn} if arn else {})} for arn in arns)
    return resource("aws_iam_role", name, *sides)


@pytest.mark.parametrize(
    ("before", "after", "boundary", "expected"),
    [
        (BOTH, BOTH, (A, A), {}),
        (A, BOTH, (A, A), {"rewritten": "note"}),
        (A, BOTH, (BOTH, BOTH), NEW),
        (BOTH, BOTH, (A, BOTH), WEAKENED),
        (A, A, (A, BOTH), WEAKENED),  # where another policy allows it
        (A, BOTH, (A, BOTH), {**NEW, **WEAKENED}),
        (A, document(allow("ec2:A"), deny("ec2:B")), (BOTH, BOTH), LESS),
        (document(allow("ec2:*"), deny("ec2:A")), A, (BOTH, BOTH), NEW),
        (REFUSED, A, (A, A), {"not-proven": "warning"}),
        (A, REFUSED, (A, A), {"not-proven": "warning"}),
        (A, A, (A, REFUSED), WEAKENED),
    ],
)
def test_what_a_policy_newly_allows_is_what_its_boundary_leaves(
    before: str, after: str, boundary: tuple[str, str], expected: dict[str, str]
) -> None:
    review = reviewed(bounded("b", "b"), managed(*boundary, "b"), inline(before, after))
    assert levels(review) == expected


@pytest.mark.parametrize(("limited", "named"), [("r", "s"), ("rs", ""), ("", "rs")])
def test_new_access_names_whom_no_boundary_keeps_from_it(limited: str, named: str) -> None:
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    changes = [managed(document(allow("s3:GetObject")), document(allow("dynamodb:*")))]
    for name in "rs":
        limit = boundary if name in limited else None
        changes += [bounded(limit, limit, name), attached(policy_arn("p"), role=name, block=name)]
    messages = [f.message for f in reviewed(*changes).findings if f.rule == "new-access"]
    who = " and ".join(f"aws_iam_role.{name}" for name in named)
    calls = f"{who} can now call dynamodb:* on all resources"
    assert [m[: len(calls)] for m in messages] == [calls] * bool(named)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [([bounded("p", "p")], WEAKENED), ([bounded("p", None)], WEAKENED), ([], NEW)],
)
def test_a_policy_that_is_a_boundary_is_no_policy_of_whom_it_bounds(
    roles: list[Json], expected: Json
) -> None:
    there = [*roles, inline(ALL, ALL)] if roles else []
    review = reviewed(managed(document(READS), document(READS, TAGS)), *there)
    assert expected.items() <= levels(review).items()


def test_a_boundary_set_outside_of_the_configuration_bounds_nobody_when_it_goes() -> None:
    review = reviewed(
        managed(document(READS), document(READS, TAGS)),
        bounded("p", None),
        resource_drift=[bounded(None, "p")],
    )
    weakened = {f.subject for f in review.findings if f.rule == "boundary-weakened"}
    assert weakened == {"aws_iam_role.r"}


def test_a_boundary_that_got_wider_outside_of_the_configuration_is_drift() -> None:
    wider = managed(A, ALL)
    review = reviewed(bounded("p", "p"), managed(ALL, ALL), resource_drift=[wider])
    assert "drift" in rules(review) and "boundary-weakened" not in rules(review)


def test_a_boundary_that_goes_with_its_role_lets_nothing_go() -> None:
    goes = bounded("b", "b")
    goes["change"] |= {"after": None, "actions": ["delete"]}
    assert levels(reviewed(goes)) == LESS


def test_an_example_says_what_a_wider_boundary_allows() -> None:
    review = reviewed(bounded("b", "b"), managed(A, BOTH, "b"), inline(BOTH, BOTH))
    (finding,) = review.findings
    assert [text.partition(" on ")[0] for text in finding.details] == ["example: ec2:B"]


def test_another_boundary_with_the_same_document_is_a_note() -> None:
    changes = [managed(A, A, name) for name in ("old", "new")]
    (finding,) = reviewed(*changes, bounded("old", "new")).findings
    assert (finding.rule, finding.level, finding.means) == (
        "access-removed",
        "note",
        ("any-change",),
    )
    assert finding.message == (
        "aws_iam_policy.new, the permissions boundary of aws_iam_role.r, allows no more than before"
    )


def lost(*changes: Json) -> list[ShownFinding]:
    """What the plugin loses, whose role has the managed policy."""
    review = reviewed(*changes, attached(MANAGED))
    return [f for f in review.findings if f.rule == "coverage-lost"]


@pytest.mark.parametrize(
    ("before", "after", "is_lost"),
    [
        (ALL, DESCRIBE, True),
        (ALL, S3, True),
        (ALL, EC2_AND_S3, False),
        (DESCRIBE, ALL, False),
        (DESCRIBE, DESCRIBE, False),
        (None, DESCRIBE, True),
        (None, EC2_AND_S3, False),
    ],
)
def test_a_boundary_limits_what_the_plugin_can_call(
    before: str | None, after: str, *, is_lost: bool
) -> None:
    another = [
        managed(text, text, name) for name, text in (("old", before), ("new", after)) if text
    ]
    findings = [lost(*another, bounded(before and "old", "new"))]
    if before:
        findings.append(lost(managed(before, after, "new"), bounded("new", "new")))
    for each in findings:
        assert {f.level for f in each[:1]} == ({"error"} if is_lost else set())
        assert all(f.fix.endswith(" in aws_iam_policy.new") for f in each)


@pytest.mark.parametrize(
    ("text", "before", "after", "is_said"),
    [
        (CNI, None, "else", True),
        (CNI, "known", "else", True),
        (CNI, "else", "else", False),
        (CNI, None, "known", False),
        (CNI, "else", None, False),
        (document(allow("s3:GetObject")), None, "else", False),
    ],
)
def test_a_new_boundary_that_is_not_known_may_take_the_plugins_calls_away(
    text: str, before: str | None, after: str | None, *, is_said: bool
) -> None:
    changes = bounded(before, after), managed(ALL, ALL, "known"), inline(text, text)
    findings = [f for f in reviewed(*changes).findings if f.rule == "coverage-lost"]
    assert [(f.level, f.address) for f in findings] == [("warning", "aws_iam_role.r")] * is_said
    assert all(policy_arn("else") in f.message and f.fix for f in findings)
