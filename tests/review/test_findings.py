"""What plans of one or two resources are found to do."""

import pytest

from eks import MANAGED, NODE_TRUST, own_role, same
from synthetic import (
    Json,
    allow,
    attachment,
    document,
    levels,
    policy,
    resource,
    reviewed,
    role,
    rules,
)

ONE, TWO = document(allow("ec2:A")), document(allow("s3:B"))
ARN = "arn:aws:iam::111122223333:policy/p"
P = {"name": "p", "arn": ARN}


def changing(before: str, after: str, **more: object) -> Json:
    """A managed policy with an ARN."""
    sides = ({**P, **more, "policy": text} for text in (before, after))
    return resource("aws_iam_policy", "p", *sides)


def prior(values: Json, **where: str) -> Json:
    """The state before of one resource."""
    return {"values": {"root_module": {"resources": [{**where, "values": values}]}}}


def test_a_policy_document_that_nothing_uses_is_no_finding() -> None:
    where = {"type": "aws_iam_policy_document", "name": "d", "mode": "data"}
    state = prior({"json": document(allow("*"))}, address="data.aws_iam_policy_document.d", **where)
    assert reviewed(prior_state=state).findings == ()


@pytest.mark.parametrize("drifts", [False, True])
def test_what_a_targeted_plan_leaves_out_still_counts(*, drifts: bool) -> None:
    values = {"role": "node", "policy_arn": MANAGED}
    where = {"type": "aws_iam_role_policy_attachment", "name": "a", "mode": "managed"}
    state = prior(values, address=f"{where['type']}.a", **where)
    drift = [attachment("node", MANAGED, sides=({**values, "id": "before"}, values))]
    nodes = role("node", NODE_TRUST, NODE_TRUST)
    review = reviewed(nodes, prior_state=state, resource_drift=drift if drifts else [])
    assert rules(review) == {"managed-policy-attached"}


def test_access_that_moves_from_one_policy_of_a_role_to_another_is_not_new() -> None:
    def inline(name: str, before: str | None, after: str | None) -> dict[str, object]:
        sides = [{"name": name, "role": "r", "policy": p} if p else None for p in (before, after)]
        return resource("aws_iam_role_policy", name, *sides)

    both = document(allow("ec2:A"), allow("s3:B"))
    for text, is_more in ((TWO, False), (document(allow("s3:*")), True)):
        changes = inline("x", both, ONE), inline("y", None, text)
        assert reviewed(*changes, fail_on="new-access").failed is is_more


@pytest.mark.parametrize(
    ("kind", "length", "is_over"),
    [
        *(("role", 10_240, False), ("role", 10_241, True)),
        *(("group", 5_121, True), ("user", 2_049, True)),
    ],
)
def test_inline_policies_are_measured_together(kind: str, length: int, *, is_over: bool) -> None:
    second = document(allow("ec2:B", "arn:aws:s3:::"))
    room = length - sum(len(text.replace(" ", "")) for text in (ONE, second))
    texts = {"one": ONE, "two": second.replace(":::", ":::" + "x" * room)}
    review = reviewed(
        *(
            resource(
                f"aws_iam_{kind}_policy", name, None, {"name": name, kind: "r", "policy": text}
            )
            for name, text in texts.items()
        )
    )
    assert ("size-limit" in rules(review)) is is_over


def test_white_space_does_not_count() -> None:
    text = document(allow("ec2:A", "arn:aws:s3:::" + "x" * 6000))
    full = text.replace(":::", ":::" + "x" * (6144 - len(text.replace(" ", ""))))
    assert "size-limit" not in rules(reviewed(policy("p", None, full + " \n" * 500)))
    assert "size-limit" in rules(reviewed(policy("p", None, full.replace(":::", ":::x"))))


LARGE = document(allow("ec2:A", "arn:aws:s3:::" + "x" * 6144))


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


TEAM_A, TEAM_B, TEAMS = (f"arn:aws:s3:::team-{name}/*" for name in "ab*")
READS = allow("s3:GetObject", TEAM_A)
TAGS = allow("ec2:CreateTags")
VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": "true"}}
UNLIKE = {"Effect": "Allow", "Action": "s3:PutObject", "NotResource": [TEAM_A, TEAM_B]}
NO_PUT = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
DELETES = allow(["s3:GetObject", "s3:DeleteObject", "s3:PutObject"])


@pytest.mark.parametrize(
    ("before", "after", "calls"),
    [
        ([allow("s3:GetObject")], [DELETES], "s3:DeleteObject, s3:PutObject on all resources"),
        ([READS], [allow("s3:*", TEAM_A)], f"s3:* on {TEAM_A}"),
        ([READS], [READS, allow("s3:PutObject", TEAM_B)], f"s3:PutObject on {TEAM_B}"),
        ([READS], [allow("s3:PutObject", [TEAM_A, TEAM_B])], f"s3:PutObject on {TEAM_A}, {TEAM_B}"),
        ([READS], [UNLIKE], f"s3:PutObject on all resources except {TEAM_A}, {TEAM_B}"),
        (
            [READS],
            [allow("s3:PutObject", Condition=VPC)],
            "s3:PutObject on all resources if aws:SourceVpc StringEquals 'vpc-1' and "
            "aws:SecureTransport Bool 'true'",
        ),
        ([allow("s3:Put*")], [allow(["s3:Put*", "iam:PassRole"])], "iam:PassRole on all resources"),
        (
            [READS],
            [allow("s3:PutObject", TEAMS), {**NO_PUT, "Resource": TEAM_B}],
            f"s3:PutObject on {TEAMS}",
        ),
        # Of an action that was there, the scope is what counts.
        ([READS], [allow("s3:GetObject")], "s3:GetObject on all resources"),
        (
            [READS, TAGS],
            [allow("s3:GetObject", "arn:aws:s3:::team-b/logs"), TAGS],
            "s3:GetObject on arn:aws:s3:::team-b/logs",
        ),
        ([READS], [allow("foo:Bar*")], "foo:Bar* on all resources"),
        ([NO_PUT, allow("s3:PutObject")], [allow("s3:PutObject")], "s3:PutObject on all resources"),
    ],
)
def test_new_access_says_what_can_be_called_and_on_what(
    before: list[Json], after: list[Json], calls: str
) -> None:
    sides = [{"role": "r", "name": "more", "policy": document(*texts)} for texts in (before, after)]
    there = own_role("r", NODE_TRUST, document(TAGS))
    review = reviewed(*there, resource("aws_iam_role_policy", "more", *sides))
    (finding,) = (f for f in review.findings if f.rule == "new-access")
    assert finding.message.startswith(f"aws_iam_role.r can now call {calls}")
    (example,) = (text for text in finding.details if text.startswith("example: "))
    values = "with aws:SecureTransport = true, aws:SourceVpc = vpc-1"
    assert (values in example) is (" if " in calls)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        # A boundary is no policy of whom it limits.
        ([(ARN, ARN)], {"boundary-weakened": "error"}),
        ([(ARN, None)], {"boundary-weakened": "error"}),
        ([], {"new-access": "error"}),
    ],
)
def test_a_policy_that_is_a_boundary_is_no_policy_of_whom_it_bounds(
    others: list[tuple[str | None, str | None]], expected: Json
) -> None:
    roles = [bounded(before, after) for before, after in others]
    has = {"role": "limited", "name": "i", "policy": document(allow("*"))}
    there = [*roles, same("aws_iam_role_policy", "i", has)] if roles else []
    review = reviewed(changing(document(READS), document(READS, TAGS)), *there)
    assert expected.items() <= levels(review).items()


def bounded(before: str | None, after: str | None, name: str = "limited") -> Json:
    base = {"name": name, "assume_role_policy": NODE_TRUST}
    sides = ({**base, **({"permissions_boundary": b} if b else {})} for b in (before, after))
    return resource("aws_iam_role", name, *sides)


def test_a_boundary_set_outside_of_the_configuration_bounds_nobody_when_it_goes() -> None:
    sides = [{**P, "policy": document(READS, *more)} for more in ([], [TAGS])]
    review = reviewed(
        resource("aws_iam_policy", "p", *sides),
        bounded(ARN, None),
        resource_drift=[bounded(None, ARN)],
    )
    weakened = {f.subject for f in review.findings if f.rule == "boundary-weakened"}
    assert weakened == {"aws_iam_role.limited"}


@pytest.mark.parametrize(("limited", "named"), [("r", "s"), ("rs", ""), ("", "rs")])
def test_what_a_boundary_does_not_allow_is_no_new_access(limited: str, named: str) -> None:
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    changes = [changing(document(allow("s3:GetObject")), document(allow("dynamodb:*")))]
    for name in "rs":
        limit = boundary if name in limited else None
        changes += [bounded(limit, limit, name), attachment(name, ARN, name=name)]
    messages = [f.message for f in reviewed(*changes).findings if f.rule == "new-access"]
    who = " and ".join(f"aws_iam_role.{name}" for name in named)
    calls = "can now call dynamodb:* on all resources"
    assert [m[: len(who) + len(calls) + 1] for m in messages] == [f"{who} {calls}"] * bool(named)


def test_a_boundary_that_gets_wider_is_weakened() -> None:
    wider, there = changing(TWO, document(allow("*"))), changing(*[document(allow("*"))] * 2)
    assert "boundary-weakened" in rules(reviewed(bounded(ARN, ARN), wider))
    drifted = reviewed(bounded(ARN, ARN), there, resource_drift=[wider])
    assert "boundary-weakened" not in rules(drifted)


@pytest.mark.parametrize(
    ("kind", "values", "owners"),
    [
        ("aws_iam_role_policy_attachment", {"role": "r"}, {"role r"}),
        ("aws_iam_user_policy_attachment", {"user": "u"}, {"user u"}),
        ("aws_iam_group_policy_attachment", {"group": "g"}, {"group g"}),
        (
            "aws_iam_policy_attachment",
            {"roles": ["r"], "users": ["u"], "groups": ["g"]},
            {"role r", "user u", "group g"},
        ),
        ("aws_iam_role_policy_attachments_exclusive", {"role_name": "r"}, {"role r"}),
    ],
)
def test_attachments_of_every_kind_are_found(kind: str, values: Json, owners: set[str]) -> None:
    arns = {"policy_arns": [MANAGED]} if "exclusive" in kind else {"policy_arn": MANAGED}
    review = reviewed(resource(kind, "a", None, {**values, **arns}))
    gets = [f for f in review.findings if f.rule in ("new-policy", "new-access")]
    assert gets and all(
        owner in f"{f.message} {f.subject}".lower() for owner in owners for f in gets
    )


def test_the_worst_finding_is_first_and_an_administrator_before_other_errors() -> None:
    """Among notes and warnings, those that fail the review."""
    changes = [
        policy("b", ONE, document(allow(["ec2:A", "s3:B"]))),
        policy("a", document(allow(["ec2:A", "s3:B"])), ONE),
        policy("z", ONE, document(allow("*"))),
        policy("n", None, ONE),
        role("t", None, NODE_TRUST),
    ]
    review = reviewed(*changes, fail_on="any-change")
    *worst, _, _ = ((f.level, f.rule) for f in review.findings)
    assert worst == [
        ("error", "admin-attached"),
        ("error", "new-access"),
        ("warning", "new-policy"),
    ]
    strict = reviewed(*changes, fail_on="new-access").findings
    assert [f.rule for f in strict[-2:]] == ["new-policy", "access-removed"]


EQUAL = {"StringEqual": {"aws:PrincipalTag/team": "web"}}
BUT_ROOT = {"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (policy("p", ONE, document(allow("s3:*", Condition=EQUAL))), "'StringEqual'"),
        (
            role(
                "r",
                NODE_TRUST,
                document({"Effect": "Allow", "Action": "sts:AssumeRole", **BUT_ROOT}),
            ),
            "NotPrincipal",
        ),
    ],
)
def test_why_it_is_not_decided_whether_a_policy_allows_more_is_said(
    change: Json, words: str
) -> None:
    review = reviewed(change, fail_on="new-access")
    (finding,) = (f for f in review.findings if f.rule == "not-proven")
    assert (finding.level, review.failed) == ("warning", True)
    assert words in f"{finding.message} {finding.details}"


def test_a_policy_that_a_data_source_read_is_known() -> None:
    arn = "arn:aws:iam::aws:policy/Elsewhere"
    where = {"address": "data.aws_iam_policy.e", "mode": "data", "type": "aws_iam_policy"}
    state = prior({"arn": arn, "policy": TWO}, name="e", **where)
    attached = attachment("r", arn, sides=(None, {"role": "r", "policy_arn": arn}))
    assert rules(reviewed(attached, prior_state=state)) == {"new-access"}
    state["values"]["root_module"]["resources"][0]["sensitive_values"] = {"policy": True}
    assert rules(reviewed(attached, prior_state=state)) == {"sensitive-policy"}


@pytest.mark.parametrize(("count", "others"), [(1, False), (2, True), (None, False)])
def test_a_policy_that_others_have_too_gives_them_what_it_gains(
    count: int | None, *, others: bool
) -> None:
    """Newer providers say how often a policy is attached, by whomever."""
    has = {"name": "i", "role": "r", "policy": TWO}
    review = reviewed(
        changing(ONE, TWO, attachment_count=count),
        same("aws_iam_role_policy", "i", has),
        attachment("r", ARN),
    )
    gains = [f.message for f in review.findings if f.rule == "new-access" and f.level == "error"]
    assert len(gains) == others
    assert all("aws_iam_policy.p can now call s3:B" in message for message in gains)


@pytest.mark.parametrize("is_attached", [True, False])
def test_who_had_the_access_is_not_named_with_who_gains_it(*, is_attached: bool) -> None:
    roles = [role(name, NODE_TRUST, NODE_TRUST) for name in "abc"]
    has = same("aws_iam_role_policy", "i", {"name": "i", "role": "b", "policy": TWO})
    of_all = {"policy_arn": ARN, "roles": ["a", "b", "c"]}
    before = of_all if is_attached else {**of_all, "roles": []}
    attaches = resource("aws_iam_policy_attachment", "p", before, of_all)
    texts = (ONE, document(allow("ec2:A"), allow("s3:B"))) if is_attached else (TWO, TWO)
    review = reviewed(*roles, has, attaches, changing(*texts))
    (finding,) = (f for f in review.findings if f.level != "note")
    assert (finding.rule, finding.level) == ("new-access", "error")
    who = "aws_iam_role.a and aws_iam_role.c"
    assert finding.message.startswith(f"{who} can now call s3:B on all resources")


def test_new_access_by_a_sensitive_value_names_no_request() -> None:
    secret = resource("x", "x", None, {"a": "hunter2-q3est"}, after_sensitive={"a": True})
    after = document(READS, allow("s3:PutObject", "arn:aws:s3:::hunter2-q3est/*"))
    review = reviewed(policy("p", document(READS), after), secret)
    (finding,) = review.findings
    assert (finding.rule, finding.level) == ("new-access", "error")
    assert "hunter2" not in str(review)
    assert not any(text.startswith("example: ") for text in finding.details)
