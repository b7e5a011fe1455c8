"""Tags of principals and of sessions of EKS Pod Identity that policies ask for."""

import pytest

from eks import OF_ACCOUNT, arn_of, own_role, same
from synthetic import Json, allow, document, inline, resource, reviewed

ASSOCIATION = "aws_eks_pod_identity_association"
APP = {"namespace": "default", "service_account": "app"}
NARROW = document(allow("s3:GetObject"))
_TAG = "aws:PrincipalTag/"
_OF_THE_CLUSTER = {"StringEquals": {"aws:ResourceTag/cluster": f"${{{_TAG}eks-cluster-name}}"}}


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        (
            allow("s3:*", f"arn:aws:s3:::b/${{{_TAG}kubernetes-namespace}}/*"),
            "kubernetes-namespace",
        ),
        (
            allow("s3:*", Condition={"StringEquals": {f"{_TAG}eks-cluster-arn": "c"}}),
            "eks-cluster-arn",
        ),
        (allow("ec2:CreateTags", Condition=_OF_THE_CLUSTER), "eks-cluster-name"),
        # A tag of the role, which its sessions have without those of EKS.
        (allow("s3:*", f"arn:aws:s3:::b/${{{_TAG}team}}/*"), ""),
        (allow("s3:*", Condition={"StringEquals": {"aws:ResourceTag/t": f"${{{_TAG}t}}"}}), ""),
    ],
)
def test_who_switches_session_tags_on_or_off_changes_what_a_policy_by_them_allows(
    policy: Json, asked: str
) -> None:
    values = {"cluster_name": "prod", "role_arn": arn_of("pod"), **APP}
    off, on = ({**values, "disable_session_tags": state} for state in (True, False))
    role = own_role("pod", OF_ACCOUNT, document(policy))

    def messages(*sides: tuple[Json, Json]) -> list[tuple[str, str, str]]:
        associations = (
            resource(ASSOCIATION, "x", *pair, address=f"{ASSOCIATION}.x[{i}]")
            for i, pair in enumerate(sides)
        )
        return [
            (f.rule, f.level, f.message)
            for f in reviewed(*role, *associations).findings
            if f.rule in ("pod-identity-tags-disabled", "principal-tags-changed")
        ]

    comes = messages((off, on))
    assert [finding[:2] for finding in comes] == (
        [("principal-tags-changed", "warning")] if asked else []
    )
    assert all(f"aws_iam_role.pod uses {asked}" in message for *_, message in comes)
    disabled = "pod-identity-tags-disabled"
    for sides, level in (
        ([(on, off)], "error"),
        ([(on, off), (off, off)], "error"),
        ([(off, off), (on, off)], "error"),
        ([(off, off)], "note"),
    ):
        goes = messages(*sides)
        assert [finding[:2] for finding in goes] == ([(disabled, level)] if asked else [])
        assert all(f"aws_iam_role.pod uses session tags ({asked})" in words for *_, words in goes)
    assert messages((on, on)) == []


def test_a_policy_that_newly_asks_for_session_tags_that_are_off_is_an_error() -> None:
    values = {
        "cluster_name": "prod",
        "role_arn": arn_of("pod"),
        **APP,
        "disable_session_tags": True,
    }
    by_tag = document(allow("s3:*", f"arn:aws:s3:::b/${{{_TAG}kubernetes-namespace}}/*"))
    changes = (same(ASSOCIATION, "x", values), inline(NARROW, by_tag, role="pod"))
    findings = reviewed(*own_role("pod", OF_ACCOUNT), *changes).findings
    assert ("pod-identity-tags-disabled", "error") in {(f.rule, f.level) for f in findings}


_OF_TAGS = [f"arn:aws:s3:::b/${{{_TAG}{tag}}}/*" for tag in ("Team", "owner")]
_CHANGES = "changes, and a policy uses it"
_MAY_CHANGE = "The tag owner, team of aws_iam_user.u may change, and a policy uses it"


@pytest.mark.parametrize(
    ("before", "after", "unknown", "message"),
    [
        ({"team": "a"}, {"team": "b"}, {}, f"The tag team of aws_iam_user.u {_CHANGES}"),
        ({"TEAM": "a"}, {}, {}, f"The tag team of aws_iam_user.u {_CHANGES}"),
        ({}, {"owner": "a", "team": "b"}, {}, f"The tag owner, team of aws_iam_user.u {_CHANGES}"),
        ({"team": "a", "x": "y"}, {"team": "a", "x": "z"}, {}, ""),
        ({"team": "a"}, {}, {"tags": True}, _MAY_CHANGE),
        ({}, {}, {"tags_all": True}, _MAY_CHANGE),
        ({}, {}, {"tags_all": {"x": True}}, ""),
    ],
)
def test_a_tag_that_changes_may_meet_a_condition(
    before: Json, after: Json, unknown: Json, message: str
) -> None:
    sides = ({"name": "u", "tags": tags, "x": i} for i, tags in enumerate((before, after)))
    user = resource("aws_iam_user", "u", *sides, after_unknown=unknown)
    other = {"user": "other", "name": "p", "policy": document(allow("s3:*", _OF_TAGS))}
    hidden = {f"{side}_sensitive": {"policy": True} for side in ("before", "after")}
    unread = same(
        "aws_iam_user_policy", "hidden", {**other, "name": "hidden", "policy": NARROW}, **hidden
    )
    findings = reviewed(user, same("aws_iam_user_policy", "p", other), unread).findings
    messages = [(f.rule, f.level, f.message) for f in findings]
    assert messages == ([("principal-tags-changed", "warning", message)] if message else [])


_WITH_TAG = [{"name": "u", "tags": {"team": team}} for team in ("a", "b")]


@pytest.mark.parametrize(
    ("kind", "sides"),
    [
        ("aws_iam_user", (None, _WITH_TAG[0])),
        ("aws_iam_user", (_WITH_TAG[0], None)),
        ("aws_sqs_queue", _WITH_TAG),
    ],
)
def test_what_comes_or_goes_or_is_no_principal_has_no_tag_that_changes(
    kind: str, sides: tuple[Json | None, Json | None]
) -> None:
    other = {"user": "other", "name": "p", "policy": document(allow("s3:*", _OF_TAGS))}
    there = same("aws_iam_user_policy", "p", other)
    assert not reviewed(resource(kind, "u", *sides), there).findings


_TAGS_OF_U = "he tag team of aws_iam_user.u changes"


@pytest.mark.parametrize(
    ("after", "rules"),
    [
        (_WITH_TAG[1], {"drift"}),
        (_WITH_TAG[0], {"drift", "principal-tags-changed"}),  # the plan takes it back
    ],
)
def test_a_tag_that_changed_outside_of_the_configuration_may_meet_a_condition(
    after: Json, rules: set[str]
) -> None:
    other = {"user": "other", "name": "p", "policy": document(allow("s3:*", _OF_TAGS))}
    changes = [resource("aws_iam_user", "u", _WITH_TAG[1], after)]
    changes += [same("aws_iam_user_policy", "p", other)]
    drift = [resource("aws_iam_user", "u", *_WITH_TAG)]
    findings = reviewed(*changes, resource_drift=drift).findings
    assert {f.rule for f in findings} == rules
    assert all(f.level == "warning" and _TAGS_OF_U in f.message for f in findings)


def test_a_tag_that_changes_may_meet_a_condition_of_a_policy_that_comes() -> None:
    tagged = [{"name": "pod", "tags": {"team": team}} for team in ("a", "b")]
    comes = document(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"))
    policy = resource("aws_iam_user_policy", "p", None, {"user": "other", "policy": comes})
    review = reviewed(resource("aws_iam_role", "pod", *tagged), policy)
    assert "principal-tags-changed" in {finding.rule for finding in review.findings}


def test_a_tag_that_changes_may_meet_a_condition_of_a_policy_that_a_role_repeats() -> None:
    """A role has inline policies in it that the configuration does not write."""
    text = document(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"))
    values = {"name": "pod", "inline_policy": [{"name": "p", "policy": text}]}
    sides = ({**values, "tags": {"team": team}} for team in ("a", "b"))
    findings = reviewed(resource("aws_iam_role", "pod", *sides)).findings
    message = f"The tag team of aws_iam_role.pod {_CHANGES}"
    assert [(f.rule, f.message) for f in findings] == [("principal-tags-changed", message)]
