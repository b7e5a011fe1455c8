"""Instances that newly answer pods that ask their metadata for credentials."""

from typing import Any

import pytest

from synthetic import Json, resource, reviewed

CLOSED = {"http_endpoint": "enabled", "http_put_response_hop_limit": 1, "http_tokens": "required"}


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        ({"http_tokens": "optional"}, {}, "http_tokens required -> optional"),
        (
            {"http_tokens": "optional"},
            {"after_sensitive": {"metadata_options": [{"http_tokens": True}]}},
            "http_tokens required -> (sensitive)",
        ),
        (
            {"http_tokens": None},
            {"after_unknown": {"metadata_options": [{"http_tokens": True}]}},
            "http_tokens required -> a value known after apply",
        ),
        ({"http_put_response_hop_limit": 2}, {}, "http_put_response_hop_limit 1 -> 2"),
        ({"http_put_response_hop_limit": None}, {}, "http_put_response_hop_limit 1 -> not set"),
        ({"http_protocol_ipv6": "enabled"}, {}, ""),
    ],
)
def test_metadata_that_pods_may_reach_is_said(change: Json, more: Json, words: str) -> None:
    assert _opened(CLOSED, {**CLOSED, **change}, **more) == ([words] if words else [])
    assert _opened({**CLOSED, **change}, CLOSED) == []


def test_metadata_that_is_turned_on_is_said() -> None:
    off = {**CLOSED, "http_endpoint": "disabled"}
    assert _opened(off, CLOSED) == ["http_endpoint disabled -> enabled"]
    assert _opened(CLOSED, off) == []


def _opened(before: Json, after: Json, **more: Any) -> list[str]:
    sides = ({"name": "n", "metadata_options": [block]} for block in (before, after))
    findings = reviewed(resource("aws_launch_template", "x", *sides, **more)).findings
    messages = [f.message for f in findings if f.rule == "instance-metadata-opened"]
    return [message.partition("metadata: ")[2] for message in messages]
