"""The roles that a resource newly names in an argument outside the tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vpc_cni_iam.inputs.plan.secrets import Secrets
from vpc_cni_iam.inputs.plan.shapes import ChangedResource, Changing

_AWS = ("aws_", "awscc_")
# A role that not only an AWS service assumes, or an instance profile with one.
_ROLE = re.compile(
    r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:role/(?!aws-service-role/)|instance-profile/)"
    r"[\w+=,.@/-]++(?!\()"
)
# One of these, or an argument about them, which may contain the name of one.
_MAY_NAME_ROLE = re.compile(
    rb""":role/|:instance-profile/|(?:[rR]ole|[pP]rofile)\w*"\s*:\s*["[{]"""
)
_ROLE_WORDS = (b"role", b"Role", b"rofile")  # finding it is ten times as fast as the expression
# Members with any text.
_DATA = (
    *("aws_appconfig_hosted_configuration_version", "aws_dynamodb_table_item", "aws_s3_object"),
    *("aws_secretsmanager_secret_version", "aws_ssm_parameter"),
)


def may_name_role(item: ChangedResource) -> bool:
    """Return whether a resource may name a role that it uses."""
    if item.type in _DATA or not item.type.startswith(_AWS):
        return False
    change = bytes(item.change)
    return any(w in change for w in _ROLE_WORDS) and _MAY_NAME_ROLE.search(change) is not None


def newly_named(
    change: Changing, hiding: Secrets, names: frozenset[str], read: frozenset[str]
) -> tuple[str, ...]:
    """Return the roles that a resource newly names, without sensitive values.

    Args:
        change: The change, with its secrets.
        hiding: Replaces the secrets.
        names: The names of the plan's roles, for arguments about roles.
        read: The values of read arguments: their roles are known.
    """
    before, after = change.before or {}, change.after or {}
    shown = _new_roles(
        hiding.hidden(before, change.before_sensitive),
        hiding.hidden(after, change.after_sensitive),
        names,
    )
    every = _new_roles(before, after, names)
    hidden = ["a role that is sensitive"] if every - shown - read else []
    return (*sorted(shown - read), *hidden)


def _new_roles(before: Any, after: Any, names: frozenset[str]) -> set[str]:
    old, new = (
        {
            role
            for path, text in texts(side)
            for role in (*_ROLE.findall(text), *(names & {text} if _about_roles(path) else ()))
        }
        for side in (before, after)
    )
    return new - old


def _about_roles(path: str) -> bool:
    return any(word in path.lower() for word in ("role", "profile"))


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts in attributes with their places, without keys, which no mark hides."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, path)
