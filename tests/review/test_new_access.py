"""New access: who gets it, which calls on which resources, and how severe it is."""

import pytest

from eks import MANAGED, NODE_TRUST, POD_TRUST, irsa, own_role
from synthetic import (
    Json,
    allow,
    attached,
    deny,
    document,
    inline,
    managed,
    policy,
    policy_arn,
    resource,
    reviewed,
    role,
)
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.review.report.shown import ShownFinding

ONE, TWO = document(allow("ec2:A")), document(allow("s3:B"))
TEAM_A, TEAM_B, TEAMS = (f"arn:aws:s3:::team-{name}/*" for name in "ab*")
READS = allow("s3:GetObject", TEAM_A)
TAGS = allow("ec2:CreateTags")
VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": "true"}}
UNLIKE = {"Effect": "Allow", "Action": "s3:PutObject", "NotResource": [TEAM_A, TEAM_B]}
DELETES = allow(["s3:GetObject", "s3:DeleteObject", "s3:PutObject"])


def new_access(*changes: Json) -> ShownFinding:
    """The finding of a plan that somebody can do more."""
    (finding,) = (f for f in reviewed(*changes).findings if f.rule == "new-access")
    return finding


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
            [allow("s3:PutObject", TEAMS), deny("s3:PutObject", TEAM_B)],
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
        (
            [deny("s3:PutObject"), allow("s3:PutObject")],
            [allow("s3:PutObject")],
            "s3:PutObject on all resources",
        ),
    ],
)
def test_new_access_says_what_can_be_called_and_on_what(
    before: list[Json], after: list[Json], calls: str
) -> None:
    change = inline(document(*before), document(*after), "more")
    finding = new_access(*own_role("r", NODE_TRUST, document(TAGS)), change)
    assert finding.message.startswith(f"aws_iam_role.r can now call {calls}")
    (example,) = (text for text in finding.details if text.startswith("example: "))
    values = "with aws:SecureTransport = true, aws:SourceVpc = vpc-1"
    assert (values in example) is (" if " in calls)


@pytest.mark.parametrize("is_attached", [True, False])
def test_who_had_the_access_is_not_named_with_who_gains_it(*, is_attached: bool) -> None:
    roles = [role(name, NODE_TRUST, NODE_TRUST) for name in "abc"]
    of_all = {"policy_arn": policy_arn("p"), "roles": ["a", "b", "c"]}
    before = of_all if is_attached else {**of_all, "roles": []}
    attaches = resource("aws_iam_policy_attachment", "p", before, of_all)
    texts = (ONE, document(allow("ec2:A"), allow("s3:B"))) if is_attached else (TWO, TWO)
    review = reviewed(*roles, inline(TWO, TWO, role="b"), attaches, managed(*texts))
    (finding,) = (f for f in review.findings if f.level != "note")
    assert (finding.rule, finding.level) == ("new-access", "error")
    who = "aws_iam_role.a and aws_iam_role.c"
    assert finding.message.startswith(f"{who} can now call s3:B on all resources")


@pytest.mark.parametrize(("count", "others"), [(1, False), (2, True), (None, False)])
def test_a_policy_that_others_have_too_gives_them_what_it_gains(
    count: int | None, *, others: bool
) -> None:
    """Newer providers say how often a policy is attached, by whomever."""
    gains_it = managed(ONE, TWO)
    for side in ("before", "after"):
        gains_it["change"][side]["attachment_count"] = count
    review = reviewed(gains_it, inline(TWO, TWO), attached(policy_arn("p")))
    gains = [f.message for f in review.findings if f.rule == "new-access" and f.level == "error"]
    assert len(gains) == others
    assert all("aws_iam_policy.p can now call s3:B" in message for message in gains)


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


def test_new_access_by_a_sensitive_value_names_no_request() -> None:
    secret = resource("x", "x", None, {"a": "hunter2-q3est"}, after_sensitive={"a": True})
    after = document(READS, allow("s3:PutObject", "arn:aws:s3:::hunter2-q3est/*"))
    review = reviewed(policy("p", document(READS), after), secret)
    (finding,) = review.findings
    assert (finding.rule, finding.level) == ("new-access", "error")
    assert "hunter2" not in str(review)
    assert not any(text.startswith("example: ") for text in finding.details)


def test_an_attachment_of_a_policy_that_is_known_after_apply_is_said_as_that() -> None:
    later = resource(
        "aws_iam_role_policy_attachment",
        "a",
        None,
        {"role": "r"},
        after_unknown={"policy_arn": True},
    )
    (finding,) = reviewed(role("r", NODE_TRUST, NODE_TRUST), later).findings
    assert finding.message == (
        "aws_iam_role_policy_attachment.a.policy_arn is known after apply: the plan does not show "
        "what aws_iam_role.r gets"
    )


def test_an_inline_policy_that_is_known_after_apply_is_not_named_as_its_role() -> None:
    values = {"name": "r", "assume_role_policy": NODE_TRUST}
    sides = ({**values, "inline_policy": blocks} for blocks in ([], [{}]))
    later = {"after_unknown": {"inline_policy": [{"policy": True}]}}
    (finding,) = reviewed(resource("aws_iam_role", "r", *sides, **later)).findings
    assert finding.message == "An inline policy of aws_iam_role.r is known after apply"


def without(action: str) -> list[Json]:
    """The statements of the plugin's policy without an action."""
    first, *others = to_json(managed_policy())["Statement"]
    return [{**first, "Action": [a for a in first["Action"] if a != action]}, *others]


(ALLOWED, _), WHOLE, LACKING = without(""), without(""), without("ec2:DescribeSubnets")
SUBNETS = allow("ec2:DescribeSubnets")
IN_A = {**SUBNETS, "Condition": {"StringEquals": {"aws:RequestedRegion": "a"}}}
OTHER = irsa(subject="system:serviceaccount:default:app")


def tags(resources: str) -> list[Json]:
    return [ALLOWED, allow("ec2:CreateTags", resources)]


@pytest.mark.parametrize(
    ("trust", "before", "after", "level"),
    [
        *((trust, LACKING, WHOLE, "note") for trust in (irsa(), POD_TRUST, NODE_TRUST)),
        (OTHER, LACKING, WHOLE, "error"),
        # The managed policy has an action that only older versions call.
        (irsa(), without("ec2:DescribeTags"), WHOLE, "error"),
        # Upstream's document allows it on interfaces.
        (irsa(), [ALLOWED], tags("arn:aws:ec2:*:*:network-interface/*"), "note"),
        (irsa(), [ALLOWED], tags("arn:aws:ec2:*:*:*/*"), "error"),
        (irsa(), [ALLOWED], tags("*"), "error"),
        (irsa(), LACKING, [*WHOLE, allow("ec2:TerminateInstances")], "error"),
        # It could call this, on fewer resources.
        (irsa(), [*LACKING, IN_A], [*LACKING, SUBNETS], "error"),
    ],
)
def test_new_access_of_aws_nodes_role_is_a_note_if_it_calls_this_and_could_not(
    trust: str, before: list[Json], after: list[Json], level: str
) -> None:
    change = inline(document(*before), document(*after), role="cni")
    finding = new_access(*own_role("cni", trust), change)
    assert finding.level == level and "new-access" in finding.means
    assert finding.message.endswith(". aws-node calls this") is (level == "note")
