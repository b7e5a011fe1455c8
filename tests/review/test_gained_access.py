"""Who can do more after a plan, and who can do less."""

from typing import Any

import pytest

from eks import NODE_TRUST, POD_TRUST, addon, arn_of, irsa, node_group, own_role
from found import found, levels
from synthetic import Json, allow, attachment, document, policy, resource, role
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences import say
from vpc_cni_iam.review.rules import Consequence

S3 = allow("s3:GetObject", "arn:aws:s3:::logs/*")
ADMIN = allow("*")
DENY_S3 = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
TRUST = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)
ARN = "arn:aws:iam::444455556666:policy/ci"
OF_THIS_TEST = {
    *("admin-attached", "new-access", "new-policy", "not-proven", "unknown-policy", "conflict"),
    *("unknown-attachment", "group-joined", "access-removed", "rewritten", "exclusive-removes"),
    *("boundary-weakened", "sensitive-policy", "unreadable-policy", "arn-changed", "size-limit"),
}


def given(name: str = "ci") -> Json:
    return role(name, TRUST, TRUST)


def inline(before: str | None, after: str | None, name: str = "p", **more: Any) -> Json:
    sides = [
        None if text is None else {"role": "ci", "name": name, "policy": text}
        for text in (before, after)
    ]
    return resource("aws_iam_role_policy", more.pop("at", name), *sides, **more)


def managed(before: str | None, after: str | None, name: str = "ci", **more: Any) -> Json:
    arn = f"arn:aws:iam::444455556666:policy/{name}"
    sides = [
        None if t is None else {"name": name, "arn": arn, "policy": t} for t in (before, after)
    ]
    return resource("aws_iam_policy", name, *sides, **more)


def access(*changes: Json, **more: Any) -> tuple[Finding, ...]:
    return tuple(f for f in found(*changes, **more) if f.rule in OF_THIS_TEST)


def said(*changes: Json, **more: Any) -> Saying:
    (finding,) = access(*changes, **more)
    return say(finding)


def test_a_policy_that_allows_more_is_new_access_of_who_has_it() -> None:
    more = document(S3, allow("ec2:TerminateInstances"))
    changes = given(), managed(document(S3), more), attachment("ci", ARN)
    assert levels(access(*changes)) == {"new-access": "error"}
    assert said(*changes).message == (
        "aws_iam_role.ci can now call ec2:TerminateInstances on all resources"
    )


def test_the_example_is_in_the_account_of_the_plan() -> None:
    changes = given(), managed(document(S3), document(S3, allow("iam:GetRole")))
    details = said(*changes, attachment("ci", ARN)).details
    assert details == ("example: iam:GetRole on arn:aws:iam::444455556666:role/example",)


def test_the_most_harmful_action_comes_first_and_is_the_example() -> None:
    actions = ["ec2:DescribeSubnets", "logs:CreateLogGroup", "iam:PassRole"]
    saying = said(given(), inline(document(S3), document(S3, allow(actions))))
    assert "can now call iam:PassRole, logs:CreateLogGroup, ec2:DescribeSubnets" in saying.message
    assert saying.details[0].startswith("example: iam:PassRole on arn:aws:iam::")


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (
            allow("s3:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}),
            allow("s3:*", Condition={"StringEqualsIfExists": {"aws:PrincipalTag/team": "a"}}),
            "call s3:* on all resources: the "
            "condition aws:PrincipalTag/team StringEquals 'a' becomes",
        ),
        (
            {"Effect": "Allow", "NotAction": ["iam:*", "kms:*"], "Resource": "*"},
            {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"},
            "call every action except iam:* on all resources: excepted action kms:* is removed",
        ),
        (
            allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2"}}),
            allow("iam:PassRole"),
            "call iam:PassRole on all resources: the condition iam:PassedToService StringEquals "
            "'ec2' is removed",
        ),
    ],
)
def test_the_scope_is_said_in_the_words_of_the_policy(before: Json, after: Json, text: str) -> None:
    assert text in said(given(), inline(document(before), document(after))).message


def test_one_policy_of_two_roles_is_one_finding_that_names_both() -> None:
    changes = (
        *(given(), given("cd"), managed(document(S3), document(S3, allow("sqs:*")))),
        *(attachment("ci", ARN, name="a"), attachment("cd", ARN, name="b")),
    )
    (finding,) = access(*changes)
    assert finding.address == "aws_iam_policy.ci"
    assert "aws_iam_role.ci and aws_iam_role.cd can now call sqs:*" in say(finding).message


def test_access_that_a_role_had_by_another_policy_is_not_new() -> None:
    moved = inline(document(S3), None, "a"), inline(None, document(S3), "b")
    assert levels(access(given(), *moved)) == {"rewritten": "note"}


def test_of_several_statements_those_that_are_new_are_said() -> None:
    saying = said(given(), inline(document(S3), document(S3)), inline(
        None, document(allow("sqs:SendMessage"), allow("s3:GetObject", "arn:aws:s3:::logs/a")), "b"
    ))  # fmt: skip
    assert saying.message == "aws_iam_role.ci can now call sqs:SendMessage on all resources"
    assert not any("s3:GetObject" in line for line in saying.details)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (document(S3), document(ADMIN), {"admin-attached": "error"}),
        (document(S3), document(allow("iam:*")), {"admin-attached": "error"}),
        (document(S3, ADMIN), document(S3), {"access-removed": "note"}),
        (document(S3), "{", {"unreadable-policy": "error"}),
        (document(S3, DENY_S3), document(S3), {"new-access": "error"}),
        (document(DENY_S3), None, {"not-proven": "warning"}),
    ],
)
def test_what_a_change_of_a_policy_is(before: str, after: str | None, expected: Json) -> None:
    assert levels(access(given(), inline(before, after))) == expected


def test_a_deny_that_an_exclusive_list_drops_is_new_access() -> None:
    values = {"role_name": "ci", "policy_names": ["allow"]}
    changes = (
        *(given(), inline(document(allow("s3:*")), document(allow("s3:*")), "allow")),
        inline(document(DENY_S3), document(DENY_S3), "deny"),
        resource("aws_iam_role_policies_exclusive", "e", None, values),
    )
    assert levels(access(*changes)) == {"new-access": "error", "exclusive-removes": "warning"}


def test_an_exclusive_list_that_is_deleted_removes_nothing() -> None:
    values = {"role_name": "ci", "policy_names": ["unknown"]}
    changes = given(), resource("aws_iam_role_policies_exclusive", "e", values, None)
    assert access(*changes) == ()


def test_a_policy_that_is_not_shown_may_have_had_a_deny() -> None:
    values = {"role": "ci", "policy_arn": "arn:aws:iam::444455556666:policy/guard"}
    kind = "aws_iam_role_policy_attachment"
    (finding,) = access(given(), resource(kind, "a", values, None))
    assert (finding.rule, finding.level) == ("not-proven", "warning")
    assert Consequence.NEW_ACCESS in finding.means


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", {"admin-attached": "error"}),
        ("arn:aws:iam::aws:policy/NobodyKnowsThis", {"unknown-attachment": "error"}),
        ("arn:aws:iam::444455556666:policy/x", {"unknown-attachment": "warning"}),
    ],
)
def test_a_policy_that_is_attached_and_not_in_the_plan(arn: str, expected: Json) -> None:
    assert (
        levels(
            access(given(), attachment("ci", arn, sides=(None, {"role": "ci", "policy_arn": arn})))
        )
        == expected
    )


def test_names_that_are_sensitive_are_not_taken_for_each_other() -> None:
    def of(name: str, before: bool) -> Json:
        values = {"role": name, "name": "admin", "policy": document(ADMIN)}
        sides = (values, None) if before else (None, values)
        marks = {"role": True}
        hidden = {"before_sensitive": marks} if before else {"after_sensitive": marks}
        return resource("aws_iam_role_policy", name, *sides, **hidden)

    findings = access(of("first-role", True), of("second-role", False))
    assert levels(findings)["admin-attached"] == "error"


def test_a_sensitive_name_that_stays_changes_nothing() -> None:
    values = {"role": "secret-role", "name": "p", "policy": document(ADMIN)}
    marks = {"before_sensitive": {"role": True}, "after_sensitive": {"role": True}}
    same = resource("aws_iam_role_policy", "p", values, {**values, "id": "x"}, **marks)
    assert access(same) == ()


def test_no_value_that_is_sensitive_is_in_a_sentence() -> None:
    secret = "arn:aws:s3:::very-secret-bucket"
    more = document(allow("s3:*", f"{secret}/*"))
    hidden = resource("aws_s3_bucket", "b", None, {"arn": secret}, after_sensitive={"arn": True})
    saying = say(access(given(), inline(document(S3), more), hidden)[0])
    assert "very-secret" not in str(saying)
    assert not any(line.startswith("example") for line in saying.details)


def test_both_outcomes_of_a_conflict_count() -> None:
    removed = inline(document(DENY_S3), None, "p", at="old")
    made = inline(None, document(DENY_S3), "p", at="new")
    stays = inline(document(allow("s3:*")), document(allow("s3:*")), "admin")
    findings = levels(access(given(), removed, made, stays))
    assert findings == {"conflict": "warning", "new-access": "error"}


def test_a_conflict_is_a_warning_whatever_the_outcomes_allow() -> None:
    removed = inline(document(S3), None, "p", at="old")
    made = inline(None, document(S3), "p", at="new")
    stays = inline(document(S3), document(S3), "same")
    assert levels(access(given(), removed, made, stays))["conflict"] == "warning"


def test_a_boundary_that_is_removed_is_weakened() -> None:
    values = {"name": "ci", "assume_role_policy": TRUST}
    before = {**values, "permissions_boundary": ARN}
    changes = managed(document(S3), document(S3)), resource("aws_iam_role", "ci", before, values)
    assert levels(access(*changes)) == {"boundary-weakened": "error"}


def test_an_attachment_of_a_policy_that_is_known_after_apply_is_said_as_that() -> None:
    later = {"after_unknown": {"policy_arn": True}}
    attached = resource("aws_iam_role_policy_attachment", "a", None, {"role": "ci"}, **later)
    assert said(given(), attached).message == (
        "aws_iam_role_policy_attachment.a.policy_arn is known after apply: the plan does not show "
        "what aws_iam_role.ci gets"
    )


def test_an_inline_policy_that_is_known_after_apply_is_not_named_as_its_role() -> None:
    sides = [{"name": "ci", "assume_role_policy": TRUST, "inline_policy": b} for b in ([], [{}])]
    later = {"after_unknown": {"inline_policy": [{"policy": True}]}}
    assert said(resource("aws_iam_role", "ci", *sides, **later)).message == (
        "an inline policy of aws_iam_role.ci is known after apply"
    )


def test_a_principal_that_is_deleted_is_said_at_its_own_address() -> None:
    (finding,) = access(role("ci", TRUST, None), inline(document(S3), None))
    assert (finding.address, finding.attribute) == ("aws_iam_role.ci", "")
    assert say(finding).message == "aws_iam_role.ci is deleted"


def test_another_boundary_with_the_same_document_is_a_note() -> None:
    bounds = [managed(document(S3), document(S3), name) for name in ("old", "new")]
    arns = [f"arn:aws:iam::444455556666:policy/{name}" for name in ("old", "new")]
    sides = [
        {"name": "ci", "assume_role_policy": TRUST, "permissions_boundary": arn} for arn in arns
    ]
    (finding,) = access(*bounds, resource("aws_iam_role", "ci", *sides))
    assert (finding.rule, finding.level) == ("access-removed", "note")
    assert finding.means == (Consequence.ANY_CHANGE,)
    assert say(finding).message == (
        "aws_iam_policy.new, the permissions boundary of aws_iam_role.ci, allows no more than "
        "before"
    )


def test_what_a_boundary_does_not_allow_is_not_new_access() -> None:
    bounded = {"name": "ci", "assume_role_policy": TRUST, "permissions_boundary": ARN}
    changes = managed(document(S3), document(S3)), resource("aws_iam_role", "ci", bounded, bounded)
    more = inline(document(S3), document(S3, allow("sqs:*")))
    assert not {"new-access"} & {*levels(access(*changes, more))}


def test_a_role_that_comes_back_at_another_address_gains_and_loses_nothing() -> None:
    values = {"name": "ci", "assume_role_policy": TRUST}
    changes = (
        resource("aws_iam_role", "old", values, None),
        resource("aws_iam_role", "new", None, values),
        inline(document(S3), None, "p", at="old"),
        inline(None, document(S3), "p", at="new"),
    )
    (finding,) = access(*changes)
    assert (finding.rule, finding.level) == ("arn-changed", "warning")
    assert finding.address == "aws_iam_role.new"


def test_what_is_removed_and_made_again_with_more_counts_whichever_comes_last() -> None:
    changes = (
        given(),
        inline(document(S3), None, "p", at="old"),
        inline(None, document(ADMIN), "p", at="new"),
    )
    assert levels(access(*changes)) == {"conflict": "warning", "admin-attached": "error"}


def test_a_role_under_another_name_has_another_arn() -> None:
    sides = [
        {"name": n, "path": "/", "arn": f"arn:aws:iam::444455556666:role/{n}"} for n in ("a", "b")
    ]
    del sides[1]["arn"]
    changed = resource("aws_iam_role", "ci", *sides, actions=["delete", "create"])
    saying = say(next(f for f in found(changed) if f.rule == "arn-changed"))
    assert "arn:aws:iam::444455556666:role/a becomes arn:aws:iam::444455556666:role/b" in (
        saying.message
    )


def test_a_node_role_under_another_name_is_an_error_also_where_aws_node_has_its_own() -> None:
    """Its access entry, or aws-auth, names the old ARN: no node joins the cluster."""
    sides = [{"name": name, "assume_role_policy": TRUST} for name in ("nodes", "workers")]
    sides[0]["arn"] = arn_of("nodes")
    renamed = resource("aws_iam_role", "nodes", *sides, actions=["delete", "create"])
    own = addon(
        {"service_account_role_arn": arn_of("cni")}, {"service_account_role_arn": arn_of("cni")}
    )
    changes = (
        renamed,
        node_group("nodes", "workers"),
        own,
        *own_role("cni", irsa(), document(allow("ec2:*"))),
    )
    (finding,) = (f for f in found(*changes) if f.rule == "arn-changed")
    assert finding.level == "error"
    assert "a node role" in say(finding).message


def test_a_user_joins_a_group_that_may_do_everything() -> None:
    user, group = ({"name": "ann"}, {"name": "ops"})
    everything = {"group": "ops", "name": "p", "policy": document(ADMIN)}
    changes = (
        resource("aws_iam_user", "ann", user, user),
        resource("aws_iam_group", "ops", group, group),
        resource("aws_iam_group_policy", "p", everything, everything),
        resource("aws_iam_user_group_membership", "m", None, {"user": "ann", "groups": ["ops"]}),
    )
    assert levels(access(*changes)) == {"group-joined": "error"}


def test_policies_that_are_too_large_for_iam() -> None:
    large = document(*(allow("s3:GetObject", f"arn:aws:s3:::bucket-{n}/*") for n in range(120)))
    assert "size-limit" in levels(access(policy("large", None, large)))


@pytest.mark.parametrize("unknown", [{"statement": True, "json": True}])
def test_a_document_of_which_no_statement_is_shown_is_unknown(unknown: Json) -> None:
    source = resource("aws_iam_policy_document", "d", None, {"statement": []})
    source |= {"mode": "data", "address": "data.aws_iam_policy_document.d"}
    source["change"] |= {"actions": ["read"], "after_unknown": unknown}
    made = resource("aws_iam_policy", "p", None, {"name": "p"}, after_unknown={"policy": True})
    names = ["data.aws_iam_policy_document.d.json", "data.aws_iam_policy_document.d"]
    blocks = [
        {
            **{"mode": "managed", "type": "aws_iam_policy", "name": "p"},
            "expressions": {"policy": {"references": names}},
        },
        {"mode": "data", "type": "aws_iam_policy_document", "name": "d", "expressions": {}},
    ]
    configuration = {"root_module": {"resources": blocks}}
    assert levels(access(source, made, configuration=configuration)) == {
        "unknown-policy": "warning"
    }


def _without(action: str) -> list[Json]:
    """The statements of the plugin's policy without an action."""
    first, *others = to_json(managed_policy())["Statement"]
    return [{**first, "Action": [a for a in first["Action"] if a != action]}, *others]


@pytest.mark.parametrize("trust", [irsa(), POD_TRUST, NODE_TRUST])
def test_a_role_of_the_plugin_that_gets_what_it_lacked_is_a_note(trust: str) -> None:
    texts = document(*_without("ec2:DescribeSubnets")), document(*_without(""))
    values = [{"role": "cni", "name": "p", "policy": text} for text in texts]
    gets = resource("aws_iam_role_policy", "p", *values)
    (finding,) = (f for f in found(*own_role("cni", trust), gets) if f.rule == "new-access")
    assert finding.level == "note" and Consequence.NEW_ACCESS in finding.means
    assert say(finding).message == (
        "aws_iam_role.cni can now call ec2:DescribeSubnets on all resources. "
        "aws-node v1.23.2 calls this"
    )


def test_a_permission_of_the_plugin_on_more_than_upstreams_document_is_an_error() -> None:
    (allowed, _) = to_json(managed_policy())["Statement"]
    for resources, level in (
        ("arn:aws:ec2:*:*:network-interface/*", "note"),
        ("arn:aws:ec2:*:*:*/*", "error"),
        ("*", "error"),
    ):
        texts = document(allowed), document(allowed, allow("ec2:CreateTags", resources))
        values = [{"role": "cni", "name": "p", "policy": text} for text in texts]
        gets = resource("aws_iam_role_policy", "p", *values)
        (finding,) = (f for f in found(*own_role("cni", irsa()), gets) if f.rule == "new-access")
        assert finding.level == level, resources


@pytest.mark.parametrize(
    ("trust", "before", "after"),
    [
        # More than the plugin calls, and the same for a role of something else.
        (irsa(), [], [allow(["ec2:DescribeSubnets", "ec2:TerminateInstances"])]),
        (irsa(subject="system:serviceaccount:default:app"), [], [allow("ec2:DescribeSubnets")]),
        # It could call this, on fewer resources.
        (
            irsa(),
            [
                allow(
                    "ec2:DescribeSubnets", Condition={"StringEquals": {"aws:RequestedRegion": "a"}}
                )
            ],
            [allow("ec2:DescribeSubnets")],
        ),
    ],
)
def test_other_access_of_a_role_of_the_plugin_is_an_error(
    trust: str, before: list[Json], after: list[Json]
) -> None:
    texts = (document(*_without("ec2:DescribeSubnets"), *more) for more in (before, after))
    values = [{"role": "cni", "name": "p", "policy": text} for text in texts]
    gets = resource("aws_iam_role_policy", "p", *values)
    assert levels(access(*own_role("cni", trust), gets))["new-access"] == "error"


def test_of_two_accounts_a_role_of_one_name_may_be_in_either() -> None:
    sides = [{"name": "r", "arn": arn_of("r", n), "assume_role_policy": TRUST} for n in "12"]
    roles = [resource("aws_iam_role", n, side, None) for n, side in zip("xy", sides, strict=True)]
    made = role("z", None, TRUST)
    made["change"]["after"]["name"] = "r"
    assert "ambiguous-principal" in levels(found(*roles, made))
