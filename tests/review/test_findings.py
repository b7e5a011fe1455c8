"""What plans of one or two resources are found to do."""

import pytest

from eks import NODE_TRUST, own_role
from synthetic import Json, allow, attachment, document, policy, resource, reviewed, role, rules
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.policy.parse import loads

MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
NODES = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)
ONE, TWO = document(allow("ec2:A")), document(allow("s3:B"))
CNI = document(allow("ec2:AssignPrivateIpAddresses"))


def test_a_plan_that_changes_nothing_has_no_finding() -> None:
    review = reviewed(policy("p", ONE, ONE), role("r", NODES, NODES), fail_on="any-change")
    assert (review.findings, review.failed) == ((), False)


def test_other_attributes_are_no_change_of_a_policy() -> None:
    change = policy("p", ONE, ONE)
    change["change"] |= {"actions": ["update"]}
    change["change"]["after"] = {**change["change"]["after"], "tags": {"a": "b"}}
    assert reviewed(change).findings == ()


def test_the_managed_policy_on_a_node_role_is_found_though_nothing_changes() -> None:
    arn = attachment("node", MANAGED)
    review = reviewed(role("node", NODES, NODES), arn)
    assert rules(review) == {"managed-policy-attached"}
    (finding,) = reviewed(attachment("elsewhere", MANAGED)).findings
    assert (finding.rule, finding.level) == ("managed-policy-attached", "note")
    assert "may be the role of nodes: the plan does not say who may assume" in finding.message
    other = NODES.replace("ec2.", "lambda.")
    assert rules(reviewed(role("other", other, other), attachment("other", MANAGED))) == set()
    group = resource(
        "aws_eks_node_group",
        "g",
        None,
        {"node_role_arn": "arn:aws:iam::111122223333:role/path/other"},
    )
    review = reviewed(role("other", other, other), attachment("other", MANAGED), group)
    assert "managed-policy-attached" in rules(review)


def test_the_managed_policy_beside_a_scoped_one_is_an_error() -> None:
    own = {"Condition": {"StringEquals": {"aws:ResourceTag/cluster": "prod"}}}
    scoped = document(allow("ec2:AssignPrivateIpAddresses", **own))
    inline = {"name": "i", "role": "r", "policy": scoped}
    review = reviewed(
        attachment("r", MANAGED), resource("aws_iam_role_policy", "i", inline, inline)
    )
    (finding,) = (f for f in review.findings if f.rule == "managed-policy-attached")
    assert (finding.level, finding.address) == ("note", "role r")
    review = reviewed(attachment("r", MANAGED), resource("aws_iam_role_policy", "i", None, inline))
    (finding,) = (f for f in review.findings if f.rule == "managed-policy-attached")
    assert (finding.level, finding.address) == ("error", "role r")


def test_a_scoped_document_that_nothing_uses_is_no_finding() -> None:
    data = {
        "address": "data.aws_iam_policy_document.d",
        "mode": "data",
        "type": "aws_iam_policy_document",
        "name": "d",
        "values": {"json": CNI},
    }
    review = reviewed(prior_state={"values": {"root_module": {"resources": [data]}}})
    assert review.findings == ()
    (read,) = review.documents
    assert (read.address, read.deferred) == ("data.aws_iam_policy_document.d", False)
    assert read.state.known == "known" and dumps(read.state.policy) == dumps(loads(CNI, ""))


def test_a_document_that_is_read_at_apply_is_shown_as_far_as_the_plan_says() -> None:
    statement = {"actions": ["ec2:CreateTags"], "resources": ["*"]}
    change = {
        "actions": ["read"],
        "before": None,
        "after": {"statement": [statement]},
        "after_unknown": {"json": True},
    }
    kind = "aws_iam_policy_document"
    address = f"data.{kind}.d"
    data = {"address": address, "mode": "data", "type": kind, "name": "d", "change": change}
    (read,) = reviewed(data).documents
    assert (read.address, read.deferred) == (address, True)
    assert read.state.policy and read.state.policy.actions() == ("ec2:CreateTags",)


def test_what_a_targeted_plan_leaves_out_still_counts() -> None:
    remaining = {
        "address": "aws_iam_role_policy_attachment.a",
        "mode": "managed",
        "type": "aws_iam_role_policy_attachment",
        "name": "a",
        "values": {"role": "node", "policy_arn": MANAGED},
    }
    state = {"values": {"root_module": {"resources": [remaining]}}}
    review = reviewed(role("node", NODES, NODES), prior_state=state)
    assert rules(review) == {"managed-policy-attached"}
    # So does what changed outside of the plan and is not planned.
    values = remaining["values"]
    drifted = [attachment("node", MANAGED, sides=({**values, "id": "before"}, values))]
    review = reviewed(role("node", NODES, NODES), prior_state=state, resource_drift=drifted)
    assert rules(review) == {"managed-policy-attached"}


def test_access_that_moves_from_one_policy_of_a_role_to_another_is_not_new() -> None:
    def inline(name: str, before: str | None, after: str | None) -> dict[str, object]:
        sides = [{"name": name, "role": "r", "policy": p} if p else None for p in (before, after)]
        return resource("aws_iam_role_policy", name, *sides)

    both = document(allow("ec2:A"), allow("s3:B"))
    moved = reviewed(inline("x", both, ONE), inline("y", None, TWO), fail_on="new-access")
    assert not moved.failed
    more = document(allow("s3:*"))
    assert reviewed(inline("x", both, ONE), inline("y", None, more), fail_on="new-access").failed


@pytest.mark.parametrize(
    ("kind", "length", "over"),
    [
        ("role", 10_240, False),
        ("role", 10_241, True),
        ("group", 5_121, True),
        ("user", 2_049, True),
    ],
)
def test_inline_policies_are_measured_together(kind: str, length: int, over: bool) -> None:
    first = document(allow("ec2:A"))
    room = length - len(first.replace(" ", ""))
    second = document(allow("ec2:B", "arn:aws:s3:::"))
    second = second.replace(":::", ":::" + "x" * (room - len(second.replace(" ", ""))))
    review = reviewed(
        *(
            resource(f"aws_iam_{kind}_policy", n, None, {"name": n, kind: "r", "policy": p})
            for n, p in (("one", first), ("two", second))
        )
    )
    assert ("size-limit" in rules(review)) is over


TEAM_A, TEAM_B, TEAMS = (f"arn:aws:s3:::team-{name}/*" for name in "ab*")
READS = allow("s3:GetObject", TEAM_A)
TAGS = allow("ec2:CreateTags")
VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": "true"}}
UNLIKE = {"Effect": "Allow", "Action": "s3:PutObject", "NotResource": [TEAM_A, TEAM_B]}
TAGGING = document(TAGS)
NO_PUT = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}


@pytest.mark.parametrize(
    ("before", "after", "calls"),
    [
        (
            [allow("s3:GetObject")],
            [allow(["s3:GetObject", "s3:DeleteObject", "s3:PutObject"])],
            "s3:DeleteObject on all resources; also added: s3:PutObject",
        ),
        ([READS], [allow("s3:*", TEAM_A)], f"s3:* on {TEAM_A}"),
        ([READS], [READS, allow("s3:PutObject", TEAM_B)], f"s3:PutObject on {TEAM_B}"),
        ([READS], [allow("s3:PutObject", [TEAM_A, TEAM_B])], f"s3:PutObject on {TEAM_A}, {TEAM_B}"),
        ([READS], [UNLIKE], f"s3:PutObject on all but {TEAM_A}, {TEAM_B}"),
        (
            [READS],
            [allow("s3:PutObject", Condition=VPC)],
            "s3:PutObject on all resources if aws:SourceVpc StringEquals 'vpc-1' and "
            "aws:SecureTransport Bool 'true'",
        ),
        (
            [allow("s3:Put*")],
            [allow(["s3:Put*", "s3:PutObject", "iam:PassRole"])],
            "iam:PassRole on all resources; also added: s3:PutObject",
        ),
        (
            [READS],
            [allow("s3:PutObject", TEAMS), {**NO_PUT, "Resource": TEAM_B}],
            f"s3:PutObject on {TEAMS}",
        ),
        # An action in several statements is allowed by each of them.
        (
            [READS],
            [allow("s3:PutObject", TEAM_A), allow("s3:PutObject", TEAM_B)],
            f"s3:PutObject on {TEAM_A}, on {TEAM_B}",
        ),
        (
            [READS],
            [allow("s3:PutObject", TEAM_A), allow("s3:PutObject")],
            "s3:PutObject on all resources",
        ),
        # Of an action that was there, a request shows on what; others do not count.
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
    review = reviewed(
        *own_role("r", NODE_TRUST, document(TAGS)), resource("aws_iam_role_policy", "more", *sides)
    )
    (finding,) = (f for f in review.findings if f.rule == "new-access")
    assert finding.message == f"aws_iam_role.r can now call {calls}"
    values = " with aws:SecureTransport = true, aws:SourceVpc = vpc-1"
    assert finding.details[-1].startswith("example: ")
    made_up = " (action made up from the policy's patterns)"
    assert finding.details[-1].endswith(made_up) is calls.startswith("foo:")
    assert finding.details[-1].endswith(values) is (" if " in calls)
    assert (" with " in finding.details[-1]) is (" if " in calls)


@pytest.mark.parametrize(("count", "more"), [(20, ()), (21, ("and 1 more",))])
def test_a_finding_has_twenty_lines_of_what_is_allowed(count: int, more: tuple[str, ...]) -> None:
    tables = [f"arn:aws:dynamodb:*:*:table/t{number:02}" for number in range(count)]
    after = document(*(allow("dynamodb:GetItem", table) for table in tables))
    (finding,) = reviewed(policy("p", document(), after)).findings
    lines = tuple(f"allowed: dynamodb:GetItem on {table}" for table in tables[:20])
    assert finding.details[:-1] == (*lines, *more)


LIMITS = {"name": "p", "arn": "arn:aws:iam::111122223333:policy/p"}


def bounded(before: str | None, after: str | None, **more: object) -> Json:
    base = {"name": "limited", "assume_role_policy": NODES}
    sides = ({**base, "permissions_boundary": arn} for arn in (before, after))
    return resource("aws_iam_role", "limited", *sides, **more)


@pytest.mark.parametrize(
    ("others", "principals", "bounds", "rule"),
    [
        (
            [bounded(LIMITS["arn"], LIMITS["arn"])],
            (),
            ("aws_iam_role.limited",),
            "boundary-weakened",
        ),
        ([bounded(None, LIMITS["arn"])], (), ("aws_iam_role.limited",), "access-removed"),
        ([bounded(LIMITS["arn"], None)], (), (), "new-access"),
        (
            [*own_role("r", NODE_TRUST, TAGGING), attachment("r", LIMITS["arn"])],
            ("aws_iam_role.r",),
            (),
            "new-access",
        ),
    ],
)
def test_a_policy_that_is_a_boundary_is_no_policy_of_whom_it_bounds(
    others: list[Json], principals: tuple[str, ...], bounds: tuple[str, ...], rule: str
) -> None:
    sides = [{**LIMITS, "policy": document(READS, *more)} for more in ([], [TAGS])]
    review = reviewed(resource("aws_iam_policy", "p", *sides), *others)
    (change,) = (c for c in review.changes if c.address == "aws_iam_policy.p")
    assert rule in rules(review)
    assert (change.principals, change.bounds) == (principals, bounds)


BY_TWO = document(READS, TAGS)
USES = {"role": "r", "policy_arn": LIMITS["arn"]}


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ([policy("p", BY_TWO, TAGGING)], "The policy allows less"),
        ([role("r", NODES, document())], "The trust policy allows less"),
        ([attachment("r", LIMITS["arn"], sides=(USES, None))], "The attachment is deleted"),
        (
            [
                resource(
                    "aws_iam_policy", "p", *({**LIMITS, "policy": t} for t in (BY_TWO, TAGGING))
                ),
                bounded(LIMITS["arn"], LIMITS["arn"]),
            ],
            "The permissions boundary of aws_iam_role.limited allows less",
        ),
        (
            [
                resource(
                    "aws_iam_policy", "p", *({**LIMITS, "policy": t} for t in (BY_TWO, TAGGING))
                ),
                bounded(LIMITS["arn"], LIMITS["arn"]),
                attachment("r", LIMITS["arn"]),
            ],
            "The policy allows less",
        ),
    ],
)
def test_a_finding_begins_with_what_allows_less(changes: list[Json], subject: str) -> None:
    messages = [f.message for f in reviewed(*changes).findings if f.rule == "access-removed"]
    assert messages == [subject]


def test_a_boundary_set_outside_of_the_configuration_bounds_nobody_when_it_goes() -> None:
    sides = [{**LIMITS, "policy": document(READS, *more)} for more in ([], [TAGS])]
    review = reviewed(
        resource("aws_iam_policy", "p", *sides),
        bounded(LIMITS["arn"], None),
        resource_drift=[bounded(None, LIMITS["arn"])],
    )
    (change,) = (c for c in review.changes if c.address == "aws_iam_policy.p")
    assert change.bounds == ()


def test_white_space_does_not_count() -> None:
    text = document(allow("ec2:A", "arn:aws:s3:::" + "x" * 6000))
    room = 6144 - len(text.replace(" ", ""))
    full = text.replace(":::", ":::" + "x" * room)
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


@pytest.mark.parametrize("bounded", [("r",), ("r", "s"), ()])
def test_new_access_of_who_has_a_boundary_is_said_as_far_as_that_allows_it(
    bounded: tuple[str, ...],
) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    policy_arn = "arn:aws:iam::111122223333:policy/p"
    sides = (
        {"name": "p", "arn": policy_arn, "policy": document(allow(action))}
        for action in ("s3:GetObject", "dynamodb:*")
    )
    changes = [resource("aws_iam_policy", "p", *sides)]
    for name in ("r", "s"):
        values = {"name": name, "assume_role_policy": NODES}
        values |= {"permissions_boundary": arn} if name in bounded else {}
        attached = {"role": name, "policy_arn": policy_arn}
        changes.append(resource("aws_iam_role", name, values, values))
        changes.append(resource("aws_iam_role_policy_attachment", name, attached, attached))
    messages = [f.message for f in reviewed(*changes).findings if f.rule == "new-access"]
    limits = ", as far as a permissions boundary allows it" if len(bounded) == 2 else ""
    who = "aws_iam_role.r and aws_iam_role.s"
    assert messages == [f"{who} can now call dynamodb:* on all resources{limits}"]


def test_a_boundary_that_goes_is_an_error_and_one_that_comes_a_note() -> None:
    def bounded(before: str | None, after: str | None) -> dict[str, object]:
        sides = [
            {"name": "r", "assume_role_policy": NODES, "permissions_boundary": b}
            for b in (before, after)
        ]
        return resource("aws_iam_role", "r", *sides)

    arns = [f"arn:aws:iam::1:policy/{name}" for name in "ab"]
    documents = [
        resource("aws_iam_policy", arn[-1], *[{"name": arn[-1], "arn": arn, "policy": text}] * 2)
        for arn, text in zip(arns, (TWO, document(allow("s3:*"))), strict=True)
    ]
    for before, after, rule, words in (
        (arns[0], None, "boundary-weakened", "loses its permissions boundary"),
        (arns[0], arns[1], "boundary-weakened", "boundary, which may limit it less"),
        (arns[1], arns[0], "access-removed", "permissions boundary that limits it more"),
        (None, arns[0], "access-removed", "aws_iam_role.r gets a permissions boundary"),
    ):
        change = bounded(before, after)
        (finding,) = reviewed(change, *documents).findings
        assert (finding.rule, finding.message.endswith(words)) == (rule, True), finding
        # What somebody else has changed is there already.
        there = resource("aws_iam_role", "r", *[change["change"]["after"]] * 2)
        assert rules(reviewed(there, *documents, resource_drift=[change])) <= {"drift"}
    texts = [{"name": "a", "arn": arns[0], "policy": text} for text in (TWO, document(allow("*")))]
    wider = resource("aws_iam_policy", "a", *texts)
    there = resource("aws_iam_policy", "a", texts[1], texts[1])
    stays = bounded(arns[0], arns[0])
    assert "boundary-weakened" in rules(reviewed(stays, wider))
    assert "boundary-weakened" not in rules(reviewed(stays, there, resource_drift=[wider]))


def test_exclusive_lists_remove_what_they_do_not_name() -> None:
    for kind, names in (
        ("aws_iam_role_policies_exclusive", "policy_names"),
        ("aws_iam_role_policy_attachments_exclusive", "policy_arns"),
    ):
        sides = [{"role_name": "r", names: ["a", *more]} for more in (["b"], [])]
        assert "exclusive-removes" in rules(reviewed(resource(kind, "e", *sides)))


def test_attachments_of_every_kind_are_found() -> None:
    every = {
        "aws_iam_role_policy_attachment": {"role": "r", "policy_arn": MANAGED},
        "aws_iam_user_policy_attachment": {"user": "u", "policy_arn": MANAGED},
        "aws_iam_group_policy_attachment": {"group": "g", "policy_arn": MANAGED},
        "aws_iam_policy_attachment": {
            "roles": ["r"],
            "users": ["u"],
            "groups": ["g"],
            "policy_arn": MANAGED,
        },
        "aws_iam_role_policy_attachments_exclusive": {
            "role_name": "r",
            "policy_arns": [MANAGED],
        },
    }
    for kind, values in every.items():
        review = reviewed(resource(kind, "a", None, values))
        (change,) = review.changes
        assert change.attachment is not None
        assert change.attachment.arn == MANAGED
        assert change.principals, kind
        assert "new-policy" in rules(review)
        assert all(p.after == (MANAGED,) for p in review.principals)


def test_the_matrix_of_a_role_says_before_after_and_what_is_needed() -> None:
    sides = [
        {"name": "i", "role": "r", "policy": document(allow(action, "*" if i else "arn:aws:ec2:*"))}
        for i, action in enumerate(("ec2:AssignPrivateIpAddresses", "ec2:*"))
    ]
    (principal,) = reviewed(resource("aws_iam_role_policy", "i", *sides)).principals
    rows = {row.action: (row.before, row.after, row.needed) for row in principal.matrix}
    assert rows["ec2:AssignPrivateIpAddresses"] == ("some", "yes", "fatal")
    assert rows["ec2:CreateTags"][:2] == ("no", "yes")
    assert rows["ec2:*"] == ("no", "yes", "")


def test_an_action_without_resources_is_allowed_on_everything_or_not_at_all() -> None:
    interfaces = "arn:aws:ec2:*:*:network-interface/*"
    actions = ["ec2:AssignPrivateIpAddresses", "ec2:DescribeSubnets"]
    sides = [
        {"name": "i", "role": "r", "policy": document(allow(actions, on))}
        for on in (interfaces, "*")
    ]
    (principal,) = reviewed(resource("aws_iam_role_policy", "i", *sides)).principals
    rows = {row.action: (row.before, row.after) for row in principal.matrix}
    assert rows["ec2:DescribeSubnets"] == ("no", "yes")


@pytest.mark.parametrize(
    ("hidden", "label"),
    [({}, "r"), ({"before_sensitive": {"name": True}, "after_sensitive": {"name": True}}, "")],
)
def test_a_role_has_its_name_in_iam_beside_its_address_unless_that_is_sensitive(
    hidden: Json, label: str
) -> None:
    own, inline = own_role("r", NODE_TRUST, ONE)
    own["change"] |= hidden
    names = {p.name: p.label for p in reviewed(own, inline).principals}
    assert names["aws_iam_role.r"] == label


def test_the_worst_finding_is_first_and_an_administrator_before_other_errors() -> None:
    """Among notes and warnings, those that fail the review."""
    changes = [
        policy("b", ONE, document(allow(["ec2:A", "s3:B"]))),
        policy("a", document(allow(["ec2:A", "s3:B"])), ONE),
        policy("z", ONE, document(allow("*"))),
        policy("n", None, ONE),
        role("t", None, NODES),
    ]
    review = reviewed(*changes, fail_on="any-change")
    assert [(f.level, f.rule) for f in review.findings] == [
        ("error", "admin-attached"),
        ("error", "new-access"),
        ("warning", "new-policy"),
        ("note", "access-removed"),
        ("note", "new-policy"),
    ]
    strict = reviewed(*changes, fail_on="new-access").findings
    assert [f.rule for f in strict[-2:]] == ["new-policy", "access-removed"]


def test_an_unknown_policy_is_never_passed_over() -> None:
    change = policy("p", ONE, ONE, after_unknown={"policy": True})
    change["change"] |= {"actions": ["update"], "after": {"name": "p"}}
    review = reviewed(change, fail_on="new-access")
    assert review.failed
    assert rules(review) == {"unknown-policy"}


def test_an_attachment_of_nobody_knows_what_is_never_passed_over() -> None:
    kind = "aws_iam_role_policy_attachment"
    later = resource(kind, "a", None, {"role": "r"}, after_unknown={"policy_arn": True})
    assert rules(reviewed(later)) == {"unknown-attachment"}
    elsewhere = resource(kind, "a", None, {"role": "r", "policy_arn": "arn:aws:iam::1:policy/x"})
    assert rules(reviewed(elsewhere)) == {"unknown-attachment"}


_EQUAL = {"StringEqual": {"aws:PrincipalTag/team": "web"}}
_BUT_ROOT = {"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            policy("p", ONE, document(allow("s3:*", Condition=_EQUAL))),
            "The policy changes, and whether it allows more is not decided: "
            "$.Statement[0].Condition.StringEqual.aws:PrincipalTag/team: 'StringEqual' is not a "
            "condition operator of IAM",
        ),
        (
            role(
                "r", NODES, document({"Effect": "Allow", "Action": "sts:AssumeRole", **_BUT_ROOT})
            ),
            "The trust policy changes, and whether it allows more is not decided: NotPrincipal is "
            "not reasoned about: its effect is up to the service",
        ),
    ],
)
def test_why_it_is_not_decided_whether_a_policy_allows_more_is_said(
    change: Json, words: str
) -> None:
    review = reviewed(change, fail_on="new-access")
    (finding,) = (f for f in review.findings if f.rule == "not-proven")
    assert (finding.level, finding.message, review.failed) == ("warning", words, True)


def test_one_thing_that_is_no_policy_for_another_is_a_change() -> None:
    assert rules(reviewed(policy("p", "no policy", "no police"))) == {"unreadable-policy"}


def test_an_inline_policy_that_comes_to_another_role_is_new_access_there() -> None:
    text = document(allow("iam:*"))
    sides = [{"role": name, "name": "n", "policy": text} for name in ("old", "new")]
    review = reviewed(resource("aws_iam_role_policy", "p", *sides))
    assert rules(review) == {"admin-attached"}
    assert {line.effect for line in review.changes[0].lines} == {"gain", "loss"}
    assert not rules(reviewed(resource("aws_iam_role_policy", "p", sides[0], sides[0])))


# A plan's configuration leaves out dynamic blocks.
@pytest.mark.parametrize(
    ("before", "unknown", "rule"),
    [
        ([{"name": "i", "policy": document(allow("a:b"))}], False, "admin-attached"),
        ([], False, "admin-attached"),
        ([], True, "unknown-policy"),
    ],
)
def test_an_inline_policy_of_a_dynamic_block_is_not_passed_over(
    before: list[Json], unknown: bool, rule: str
) -> None:
    trust = {"name": "r", "assume_role_policy": document()}
    later = {"inline_policy": [{"name": "i", "policy": document(allow(["a:b", "iam:*"]))}]}
    change = resource(
        "aws_iam_role",
        "r",
        {**trust, "inline_policy": before},
        trust if unknown else {**trust, **later},
        after_unknown={"inline_policy": True} if unknown else {},
    )
    assert rule in rules(reviewed(change))


def test_a_policy_in_place_of_what_is_none_is_not_called_unknown() -> None:
    assert rules(reviewed(policy("p", "no policy", ONE))) == {"not-proven"}


def test_a_policy_that_a_data_source_read_is_known() -> None:
    arn = "arn:aws:iam::aws:policy/Elsewhere"
    data = {
        "address": "data.aws_iam_policy.e",
        "mode": "data",
        "type": "aws_iam_policy",
        "name": "e",
        "values": {"arn": arn, "policy": TWO},
    }
    state = {"values": {"root_module": {"resources": [data]}}}
    attached = attachment("r", arn, sides=(None, {"role": "r", "policy_arn": arn}))
    review = reviewed(attached, prior_state=state)
    assert rules(review) == {"new-access"}
    assert review.documents == ()
    data["sensitive_values"] = {"policy": True}
    assert rules(reviewed(attached, prior_state=state)) == {"sensitive-policy"}


@pytest.mark.parametrize(("count", "level"), [(1, "note"), (2, "error"), (None, "note")])
def test_a_policy_that_others_have_too_gives_them_what_it_gains(
    count: int | None, level: str
) -> None:
    """Newer providers say how often a policy is attached, by whomever."""
    arn = "arn:aws:iam::111122223333:policy/p"
    sides = [
        {"name": "p", "arn": arn, "policy": text, "attachment_count": count} for text in (ONE, TWO)
    ]
    has = {"name": "i", "role": "r", "policy": TWO}
    attached = {"role": "r", "policy_arn": arn}
    review = reviewed(
        resource("aws_iam_policy", "p", *sides),
        resource("aws_iam_role_policy", "i", has, has),
        attachment("r", arn, sides=(attached, attached)),
    )
    (finding,) = (f for f in review.findings if f.rule == "new-access")
    assert finding.level == level
    gaining = "Others that the plan does not hold can now call s3:B on all resources"
    assert (finding.message == gaining) is (level == "error")


@pytest.mark.parametrize("attached", [True, False])
def test_who_had_the_access_is_not_named_with_who_gains_it(*, attached: bool) -> None:
    arn = "arn:aws:iam::111122223333:policy/p"
    values = {"name": "p", "arn": arn}
    changes = [
        resource("aws_iam_role", name, *[{"name": name, "assume_role_policy": NODES}] * 2)
        for name in "abc"
    ]
    changes += [
        resource("aws_iam_role_policy", "i", *[{"name": "i", "role": "b", "policy": TWO}] * 2)
    ]
    of_all = {"policy_arn": arn, "roles": ["a", "b", "c"]}
    before = of_all if attached else {**of_all, "roles": []}
    changes += [resource("aws_iam_policy_attachment", "p", before, of_all)]
    texts = (ONE, document(allow("ec2:A"), allow("s3:B"))) if attached else (TWO, TWO)
    changes += [resource("aws_iam_policy", "p", *({**values, "policy": text} for text in texts))]
    (finding,) = reviewed(*changes).findings
    assert (finding.rule, finding.level) == ("new-access", "error")
    who = "aws_iam_role.a and aws_iam_role.c"
    assert finding.message.startswith(f"{who} can now call s3:B on all resources")


def test_new_access_by_a_sensitive_value_names_no_request() -> None:
    secret = resource("x", "x", None, {"a": "hunter2-q3est"}, after_sensitive={"a": True})
    after = document(READS, allow("s3:PutObject", "arn:aws:s3:::hunter2-q3est/*"))
    (finding,) = reviewed(policy("p", document(READS), after), secret).findings
    assert finding.message == "Anyone with the policy may do more than before"
    assert finding.details[-1].startswith("no request is shown, since the policy has values")


@pytest.mark.parametrize("known", [True, False])
def test_who_is_not_known_to_be_there_gets_a_new_policy(known: bool) -> None:
    """That is a warning; that somebody who is there can do more is an error."""
    attached = resource(
        "aws_iam_role_policy_attachment",
        "a",
        None,
        USES if known else {"policy_arn": LIMITS["arn"]},
        after_unknown={} if known else {"role": True},
    )
    same = {**LIMITS, "policy": ONE}
    (finding,) = reviewed(attached, resource("aws_iam_policy", "p", same, same)).findings
    assert (finding.rule, finding.level) == (
        ("new-access", "error") if known else ("new-policy", "warning")
    )
