"""The Service Authorization Reference's resources of services and actions."""

from __future__ import annotations

import re
from functools import lru_cache

from vpc_cni_iam import resources
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.wildcard import matches

_REMEMBERED = 8192
_BUCKET = "s3:::*"  # a bucket's name has no slash; a role's may have a path
# A part of an ARN that varies: partition, service, region, account.
_VARIES = (
    re.compile("aws[a-z-]*"),
    re.compile("[a-z0-9-]+"),
    re.compile("[a-z]{2}(-[a-z]+)+-[0-9]"),
    re.compile("[0-9]{12}|aws"),
)


class ReferenceFile(resources.Facts, frozen=True):
    """The forms of resource ARNs, without partitions."""

    source: str
    services: dict[str, tuple[str, ...]]  # of each service
    actions: dict[str, tuple[str, ...]]  # of each action, in lower case


def _file() -> ReferenceFile:
    return resources.data("policy/proof/examples/data/resources.json", ReferenceFile)


def forms(action: str) -> tuple[str, ...] | None:
    """Return the forms of an action's resource ARNs, without partitions.

    Empty for an action without resources; None if the reference does not have the action.
    """
    return _file().actions.get(action.lower())


@lru_cache(_REMEMBERED)
def can_be_on(action: str, resource: str) -> bool:
    """Return whether AWS can check an action on a resource.

    If an action's resources are not known, any resource of its service is possible; for an unknown
    service, any ARN.
    """
    service = action.partition(":")[0].lower()
    known = forms(action)
    if resource == "*":
        return not known
    if known is None:
        known = _file().services.get(service, ("*:*:*:*", "*::*:*", "*:::*", "*:*::*"))
    parts = resource.split(":", ARN_PARTS - 1)
    return len(parts) == ARN_PARTS and parts[0] == "arn" and any(_is_of(f, parts) for f in known)


def _is_of(form: str, parts: list[str]) -> bool:
    """Return whether an ARN's parts have a form, with text in all variable parts."""
    *front, name = form.split(":", 3)
    if front[0] not in ("*", parts[2]):
        return False  # most are of another service
    for part, there, varying in zip(("*", *front), parts[1:], _VARIES, strict=False):
        if not varying.fullmatch(there) if part == "*" else part != there:
            return False
    if form == _BUCKET and "/" in parts[-1]:
        return False
    return _is_name(parts[-1]) and matches(name.replace("*", "?*"), parts[-1])


def is_arn(text: str) -> bool:
    """Return whether a text has the form of a resource's or principal's ARN."""
    parts = text.split(":", ARN_PARTS - 1)
    if len(parts) != ARN_PARTS or parts[0] != "arn" or not _is_name(parts[-1]):
        return False
    _, partition, service, region, account, _ = parts
    if not (partition and service):
        return False
    if service in ("iam", "sts") and (region or not account):
        return False
    return all(
        not part or form.fullmatch(part) for part, form in zip(parts[1:5], _VARIES, strict=True)
    )


def _is_name(text: str) -> bool:
    return bool(text) and text.strip("/:") == text and "//" not in text
