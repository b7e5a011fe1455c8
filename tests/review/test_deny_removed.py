"""A Deny blocks what other policies allow, so that its removal is new access."""

import pytest

from eks import same
from synthetic import (
    Json,
    allow,
    attached,
    deny,
    document,
    inline,
    levels,
    managed,
    policy,
    policy_arn,
    resource,
    reviewed,
    rules,
)

ALL = document(allow("s3:*"))
GUARD = document(deny("s3:*"))
BOTH = document(allow("ec2:A"), deny("s3:*"))
ONE = document(allow("ec2:A"))
ROLE = {"name": "a", "assume_role_policy": document()}
ARN = policy_arn("guard")


NARROW, SPLIT = document(deny("s3:Get*")), document(*map(deny, ("s3:G*", "s3:*", "s3:P*")))
ALLOWS = inline(ALL, ALL, "all")
DETACHED = attached(ARN, after=False)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([inline(GUARD, None, "guard"), ALLOWS], "new-access"),
        ([inline(BOTH, ONE, "guard"), ALLOWS], "new-access"),
        ([inline(GUARD, document(), "guard"), ALLOWS], "new-access"),
        ([inline(GUARD, NARROW, "guard"), ALLOWS], "new-access"),
        ([DETACHED, managed(GUARD, GUARD, "guard"), ALLOWS], "new-access"),
        # The plan does not show what else the role has.
        ([inline(GUARD, None, "guard")], "not-proven"),
        ([policy("guard", BOTH, ONE)], "not-proven"),
        ([DETACHED, managed(GUARD, GUARD, "guard")], "not-proven"),
        # No Deny is removed.
        ([DETACHED, managed(ONE, ONE, "guard")], "access-removed"),
        ([inline(ONE, BOTH, "guard")], "access-removed"),
        ([inline(GUARD, SPLIT, "guard")], "rewritten"),
    ],
)
def test_a_removed_deny_is_new_access_where_another_policy_allows(
    changes: list[Json], rule: str
) -> None:
    review = reviewed(*changes, fail_on="new-access")
    assert (rules(review), review.failed) == ({rule}, rule in ("new-access", "not-proven"))
    if rule == "new-access":
        assert any("s3:" in f.message and "a Deny is removed" in f.message for f in review.findings)
        assert any("denies s3:" in line.text for p in review.policies for line in p.lines)


def test_a_deleted_policy_with_a_deny_is_no_new_access() -> None:
    """IAM deletes no policy that anybody has."""
    assert not reviewed(policy("guard", GUARD, None), fail_on="new-access").failed


def test_a_deny_that_another_policy_of_the_role_gets_is_no_new_access() -> None:
    moved = inline(BOTH, ONE, "a"), inline(None, GUARD, "b"), inline(ALL, ALL, "all")
    assert not reviewed(*moved, fail_on="new-access").failed
    elsewhere = inline(None, GUARD, "b", role="other")
    assert reviewed(moved[0], elsewhere, moved[2], fail_on="new-access").failed


def test_a_policy_that_denies_less_is_a_warning_for_roles_without_another_deny() -> None:
    wide = document(allow("ec2:*"))
    changes = managed(BOTH, wide, "guard")
    has = [inline(wide, wide, f"own-{name}", role=name) for name in ("a", "b")]
    lists_both = {"policy_arn": ARN, "roles": ["a", "b"]}
    both = same("aws_iam_policy_attachment", "guard", lists_both)
    guarded = inline(GUARD, GUARD, "guard-b", role="b")
    findings = reviewed(changes, both, *has, guarded).findings
    (warning,) = (f for f in findings if f.level != "note")
    assert (warning.rule, warning.address) == ("not-proven", "aws_iam_policy.guard")
    assert warning.message.startswith("Role a may now call s3:* on all resources")


def test_a_deny_that_moves_to_another_role_is_removed_from_the_first() -> None:
    sides = [{"role": name, "name": "n", "policy": GUARD} for name in ("old", "new")]
    review = reviewed(resource("aws_iam_role_policy", "p", *sides), fail_on="new-access")
    assert review.failed


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        (ARN, "policy/guard"),
        ("arn:aws:iam::aws:policy/AWSDenyAll", "policy/AWSDenyAll"),
        # Of these, the catalog knows the document, or that it has no Deny.
        ("arn:aws:iam::aws:policy/AmazonS3FullAccess", ""),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", ""),
        ("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy", ""),
    ],
)
def test_a_removed_policy_that_is_not_shown_may_have_denied_something(arn: str, text: str) -> None:
    there = same("aws_iam_role", "a", ROLE)
    gone = attached(arn, role="a", after=False)
    listed = resource(
        "aws_iam_role",
        "a",
        {**ROLE, "managed_policy_arns": [arn]},
        {**ROLE, "managed_policy_arns": []},
    )
    for changes in ((there, gone), (listed,)):
        review = reviewed(*changes, fail_on="new-access")
        messages = [f.message for f in review.findings if f.rule == "not-proven"]
        assert review.failed is bool(text) and len(messages) == bool(text)
        assert all(text in message and "Deny" in message for message in messages)


def test_a_list_that_removes_one_policy_hides_no_removed_deny_of_another() -> None:
    other = ARN.replace("guard", "other")
    listed = {**ROLE, "managed_policy_arns": [ARN, other]}
    guard = {"name": "guard", "arn": ARN}
    changes = (
        same("aws_iam_role", "a", listed),
        resource("aws_iam_policy", "guard", *({**guard, "policy": p} for p in (GUARD, ONE))),
        resource("aws_iam_policy", "o", *[{"name": "other", "arn": other, "policy": ONE}] * 2),
        resource(
            "aws_iam_role_policy_attachments_exclusive",
            "a",
            *({"role_name": "a", "policy_arns": arns} for arns in ([ARN, other], [ARN])),
        ),
    )
    review = reviewed(*changes, fail_on="new-access")
    assert review.failed and rules(review) == {"exclusive-removes", "not-proven"}
    (finding,) = (f for f in review.findings if f.rule == "not-proven")
    assert finding.message.startswith("aws_iam_role.a may now call s3:* on all resources")


BOUNDARY = {"name": "limit", "arn": ARN.replace("guard", "limit")}
BOUNDED = {**ROLE, "permissions_boundary": BOUNDARY["arn"]}


def test_a_deny_that_a_permissions_boundary_loses_may_be_new_access() -> None:
    sides = [{**BOUNDARY, "policy": text} for text in (BOTH, ONE)]
    changes = [resource("aws_iam_policy", "limit", *sides)]
    changes.append(same("aws_iam_role", "a", BOUNDED))
    review = reviewed(*changes, fail_on="new-access")
    assert (levels(review), review.failed) == ({"boundary-weakened": "warning"}, True)
    assert review.findings[0].message == (
        "aws_iam_policy.limit is the permissions boundary of aws_iam_role.a, which can now call "
        "s3:* on all resources where a policy allows it: a Deny is removed"
    )
    # Where a policy of the role denies the same, nothing is newly allowed.
    denied = reviewed(*changes, inline(GUARD, GUARD, "guard", role="a"))
    assert levels(denied) == {"access-removed": "note"}


def test_a_deny_that_goes_with_a_permissions_boundary_may_be_new_access() -> None:
    other = {"name": "other", "arn": ARN.replace("guard", "other"), "policy": ONE}
    limit = {**BOUNDARY, "policy": BOTH}
    changes = (
        *(resource("aws_iam_policy", each["name"], each, each) for each in (limit, other)),
        resource("aws_iam_role", "a", BOUNDED, {**ROLE, "permissions_boundary": other["arn"]}),
    )
    review = reviewed(*changes, fail_on="new-access")
    assert (levels(review), review.failed) == ({"boundary-weakened": "warning"}, True)


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_a_deny_that_is_deleted_with_its_principal_is_no_new_access(kind: str) -> None:
    values = {kind: "a", "name": "p", "policy": GUARD}
    guard = resource(f"aws_iam_{kind}_policy", "p", values, None)
    gone = resource(f"aws_iam_{kind}", "a", ROLE, None)
    review = reviewed(gone, guard, fail_on="new-access")
    assert not review.failed
    (finding,) = (f for f in review.findings if f.address == f"aws_iam_{kind}.a")
    assert (finding.rule, finding.level) == ("access-removed", "note")
    assert finding.message == f"aws_iam_{kind}.a is deleted"
    there = resource(f"aws_iam_{kind}", "a", ROLE, ROLE)
    assert reviewed(there, guard, fail_on="new-access").failed
    # What a failed replacement left behind goes, and the role stays.
    left = {**gone, "deposed": "abcd1234"}
    assert reviewed(there, left, guard, fail_on="new-access").failed
    listed = {"name": "p", "policy_arn": ARN, f"{kind}s": ["a"]}
    detached = resource("aws_iam_policy_attachment", "p", listed, None)
    assert not reviewed(gone, detached, fail_on="new-access").failed
    assert reviewed(there, left, detached, fail_on="new-access").failed


def test_a_policy_that_stays_or_is_deleted_with_its_role_removes_no_deny() -> None:
    gone = attached(ARN, role="a", after=False)
    made = attached(ARN, role="a", before=False, block="b")
    assert not reviewed(
        resource("aws_iam_role", "a", ROLE, None), gone, fail_on="new-access"
    ).failed
    there = same("aws_iam_role", "a", ROLE)
    assert "not-proven" not in rules(reviewed(there, gone, made))


def test_a_list_that_stays_hides_no_removed_policy_that_may_have_denied_something() -> None:
    names = {"role_name": "r", "policy_names": ["own"]}
    stays = same("aws_iam_role_policies_exclusive", "r", names)
    assert "not-proven" in rules(reviewed(attached(ARN, after=False), stays))


def test_a_new_list_removes_a_policy_that_may_have_denied_something() -> None:
    values = {"role_name": "r", "policy_arns": ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]}
    comes = resource("aws_iam_role_policy_attachments_exclusive", "r", None, values)
    review = reviewed(attached(ARN), comes, fail_on="new-access")
    (finding,) = (f for f in review.findings if f.rule == "exclusive-removes" and ARN in f.message)
    assert "new-access" in finding.means
    assert "not-proven" not in rules(review)


READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ([READ_ONLY], ""),
        ([ARN], f"loses {ARN}, which the plan does not show. If it has a Deny"),
        ([READ_ONLY, ARN], f"loses {ARN}"),
    ],
)
def test_a_user_that_leaves_a_group_loses_its_denies(policies: list[str], words: str) -> None:
    sides = ({"user": "ann", "groups": ["g"]}, {"user": "ann", "groups": []})
    leaves = resource("aws_iam_user_group_membership", "ann", *sides)
    group = same("aws_iam_group", "g", {"name": "g"})
    kind = "aws_iam_group_policy_attachment"
    has = [same(kind, f"g{i}", {"group": "g", "policy_arn": a}) for i, a in enumerate(policies)]
    findings = reviewed(group, *has, leaves, fail_on="new-access").findings
    unproven = [f for f in findings if f.rule == "not-proven"]
    assert len(unproven) == bool(words)
    assert all(words in f.message and "new-access" in f.means for f in unproven)


def test_an_inline_policy_that_only_a_list_had_is_named_and_not_the_list() -> None:
    names = {"role_name": "r", "policy_names": ["guard"]}
    stays = resource("aws_iam_role_policies_exclusive", "e", names, names)
    findings = reviewed(stays, inline(None, ONE, "guard")).findings
    (lost,) = (f for f in findings if f.rule == "not-proven")
    assert lost.message.startswith(
        "Role r loses the inline policy guard, which the plan does not show. If it has a Deny"
    )


def test_a_deny_that_still_applies_to_a_service_is_not_said_of_it() -> None:
    two, left = document(deny(["s3:*", "sqs:*"])), document(deny("sqs:*"))
    every = document(allow(["s3:*", "sqs:*"]))
    findings = reviewed(inline(two, left), inline(every, every, "all")).findings
    (gain,) = (f for f in findings if f.rule == "new-access")
    assert "can now call s3:* on all resources" in gain.message
    assert not any("sqs" in text for text in (gain.message, *gain.details))
