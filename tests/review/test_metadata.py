"""Instances that newly answer pods that ask for credentials, and tags that policies ask for."""

from typing import Any

import pytest

from eks import NODE_TRUST, OF_ACCOUNT, arn_of, own_role, same
from found import found
from synthetic import Json, allow, document, resource
from vpc_cni_iam.review.report.sentences import say
from vpc_cni_iam.review.rules import Rule

CLOSED = {"http_endpoint": "enabled", "http_put_response_hop_limit": 1, "http_tokens": "required"}


def opened(before: Json, after: Json, **more: Any) -> list[str]:
    sides = ({"name": "n", "metadata_options": [block]} for block in (before, after))
    findings = found(resource("aws_launch_template", "x", *sides, **more))
    messages = [say(f).message for f in findings if f.rule is Rule.METADATA]
    return [message.partition("metadata: ")[2] for message in messages]


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        ({"http_tokens": "optional"}, {}, "http_tokens required -> optional"),
        (
            {"http_tokens": None},
            {"after_unknown": {"metadata_options": [{"http_tokens": True}]}},
            "http_tokens required -> known after apply",
        ),
        (
            {"http_tokens": "optional"},
            {"after_sensitive": {"metadata_options": [{"http_tokens": True}]}},
            "http_tokens required -> (sensitive)",
        ),
        ({"http_put_response_hop_limit": 2}, {}, "http_put_response_hop_limit 1 -> 2"),
        ({"http_put_response_hop_limit": None}, {}, "http_put_response_hop_limit 1 -> not set"),
        ({"http_protocol_ipv6": "enabled"}, {}, ""),
    ],
)
def test_metadata_that_pods_may_reach_is_said(change: Json, more: Json, words: str) -> None:
    assert opened(CLOSED, {**CLOSED, **change}, **more) == ([words] if words else [])
    assert opened({**CLOSED, **change}, CLOSED) == []


TAG = "aws:PrincipalTag/"


def tags(*changes: Json, **more: Any) -> list[str]:
    return [say(f).message for f in found(*changes, **more) if f.rule is Rule.TAGS_CHANGED]


@pytest.mark.parametrize(
    ("before", "after", "unknown", "words"),
    [
        ({"team": "a"}, {"team": "b"}, {}, "The tag team of aws_iam_user.u changes"),
        ({"TEAM": "a"}, {}, {}, "The tag team of aws_iam_user.u changes"),
        ({"x": "y"}, {"x": "z"}, {}, ""),
        ({"team": "a"}, {}, {"tags": True}, "The tag owner, team of aws_iam_user.u may change"),
        ({}, {}, {"tags_all": True}, "The tag owner, team of aws_iam_user.u may change"),
    ],
)
def test_a_tag_that_changes_counts_where_a_policy_asks_for_it(
    before: Json, after: Json, unknown: Json, words: str
) -> None:
    sides = ({"name": "u", "tags": each} for each in (before, after))
    user = resource("aws_iam_user", "u", *sides, after_unknown=unknown, actions=["update"])
    by_tag = document(
        allow("s3:*", f"arn:aws:s3:::b/${{{TAG}Team}}/*"),
        allow("s3:*", Condition={"StringEquals": {f"{TAG}owner": "a"}}),
    )
    asks = same("aws_iam_user_policy", "p", {"user": "other", "name": "p", "policy": by_tag})
    assert [m.startswith(words) for m in tags(user, asks)] == ([True] if words else [])


def test_a_tag_that_changed_outside_of_the_configuration_counts_once() -> None:
    sides = [{"name": "u", "tags": {"team": team}} for team in ("a", "b")]
    by_tag = document(allow("s3:*", f"arn:aws:s3:::b/${{{TAG}team}}/*"))
    asks = same("aws_iam_user_policy", "p", {"user": "other", "name": "p", "policy": by_tag})
    drift = {"resource_drift": [resource("aws_iam_user", "u", *sides)]}
    (stays,) = tags(same("aws_iam_user", "u", sides[1]), asks, **drift)
    assert "changed outside of the configuration" in stays
    (back,) = tags(resource("aws_iam_user", "u", *sides[::-1]), asks, **drift)
    assert "The tag team of aws_iam_user.u changes" in back


def test_session_tags_that_are_switched_on_count_where_a_policy_asks_for_them() -> None:
    values = {
        "cluster_name": "prod",
        "namespace": "shop",
        "service_account": "web",
        "role_arn": arn_of("pod"),
    }
    sides = ({**values, "disable_session_tags": state} for state in (True, False))
    change = resource("aws_eks_pod_identity_association", "a", *sides)
    by_tag = document(allow("s3:*", f"arn:aws:s3:::b/${{{TAG}kubernetes-namespace}}/*"))
    (message,) = tags(*own_role("pod", OF_ACCOUNT, by_tag), change)
    assert "asks for kubernetes-namespace" in message
    assert tags(*own_role("pod", NODE_TRUST, document(allow("s3:*"))), change) == []
