"""The roles that changed resources newly name, whatever their type: by ARN, name or reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import Secrets
from vpc_cni_iam.inputs.plan.shapes import ChangedResource
from vpc_cni_iam.inputs.plan.values import Path

# A role that not only an AWS service assumes, or an instance profile with one.
ROLE_ARN = re.compile(
    r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:role/(?!aws-service-role/)|instance-profile/)"
    r"[\w+=,.@/-]++(?!\()"
)
# One of these, or an argument about them, which may name one.
_MAY_NAME_ROLE = re.compile(
    rb""":role/|:instance-profile/|(?:[rR]ole|[pP]rofile)\w*"\s*:\s*["\[{t]"""
)
_ROLE_WORDS = (b"role", b"Role", b"rofile")  # finding it is ten times as fast as the expression
# Types that store any text, and use no role.
_DATA = (
    *("aws_appconfig_hosted_configuration_version", "aws_dynamodb_table_item", "aws_s3_object"),
    *("aws_secretsmanager_secret_version", "aws_ssm_parameter"),
)
_AWS = ("aws_", "awscc_")


class RoleNaming(Struct, frozen=True):
    """The roles and instance profiles that a changed resource newly names."""

    address: str
    names: tuple[str, ...]  # ARNs, and names of the plan's roles and profiles
    # The same in sensitive values: as the plan has them elsewhere; empty for other roles.
    hidden: tuple[str, ...]
    later: tuple[Path, ...]  # the arguments about roles that are known after apply


def may_name_role(text: bytes) -> bool:
    """Return whether the JSON of a change or of expressions may name a role; a fast check."""
    return any(w in text for w in _ROLE_WORDS) and _MAY_NAME_ROLE.search(text) is not None


def may_use_role(item: ChangedResource) -> bool:
    """Return whether a changed resource may name a role that it uses."""
    return item.type not in _DATA and may_name_role(bytes(item.change))


def newly_named(resource: Resource, hiding: Secrets, names: frozenset[str]) -> RoleNaming:
    """Return the roles that a resource newly names.

    Args:
        resource: The resource, with its secrets.
        hiding: Replaces the secrets.
        names: The names and ARNs of the plan's roles and profiles.
    """
    # Other providers have other roles.
    known = names if resource.type.startswith(_AWS) else frozenset()
    old, new = (_roles(side, known) for side in (resource.before, resource.after))
    shown = _roles(hiding.hidden(resource.after, resource.hidden_after), known)
    hidden = (hiding.masked(name) if name in names else "" for name in sorted(new - old - shown))
    later = tuple(path for path in _later(resource.unknown) if _is_about_roles(path))
    return RoleNaming(resource.address, tuple(sorted((new - old) & shown)), tuple(hidden), later)


def _roles(side: Any, names: frozenset[str]) -> set[str]:
    """Return the roles in the attributes of a side, except those in policies."""
    return {
        role
        for path, text in texts(side)
        if "Statement" not in text
        for role in (*ROLE_ARN.findall(text), *(names & {text} if _is_about_roles(path) else ()))
    }


def _is_about_roles(path: Path) -> bool:
    return any(w in str(step).lower() for step in path for w in ("role", "profile"))


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the texts in attributes with their places, without keys, which no mark hides."""
    if isinstance(value, str):
        yield path, value
    else:
        for step, inner in _members(value):
            yield from texts(inner, (*path, step))


def _later(marks: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the places of the values that are known after apply."""
    if marks is True and path:
        yield path
    for step, inner in _members(marks):
        yield from _later(inner, (*path, step))


def _members(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
