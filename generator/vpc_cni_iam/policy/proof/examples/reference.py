"""The Service Authorization Reference's actions and resources of services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from vpc_cni_iam import resources
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.proof.examples.aws import ArnPlace
from vpc_cni_iam.policy.wildcard import matches

_REMEMBERED = 8192
_BUCKET = "s3:::*"  # a bucket's name has no slash; a role's may have a path
# EC2's resources with a name; all others have an ID. Source: Service Authorization Reference,
# "Resource types defined by Amazon EC2".
_NAMED = ("key-pair/", "placement-group/")
# The place of a value that is not known, see `beside`.
_PLACE = re.compile(r"<[a-z-]+>|(var|local|data|module|aws_[a-z_]+)\.[a-zA-Z0-9_.-]+")
# A part of an ARN that varies: partition, service, region, account.
_VARIES = (
    re.compile("aws[a-z-]*"),
    re.compile("[a-z0-9-]+"),
    re.compile("[a-z]{2}(-[a-z]+)+-[0-9]"),
    re.compile("[0-9]{12}|aws"),
)
_EMPTY_PART = re.compile("//|/:|::")
_ANY_FORM = ("*:*:*:*", "*::*:*", "*:::*", "*:*::*")  # of an unknown service


class ReferenceFile(resources.Facts, frozen=True):
    """The actions of services by the forms of their resource ARNs, both joined by spaces."""

    source: str
    services: dict[str, dict[str, str]]


def _services() -> dict[str, dict[str, str]]:
    return resources.data("policy/proof/examples/data/resources.json", ReferenceFile).services


@cache
def _actions(service: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the spelling and the forms of a service's actions, by lower-case name."""
    by_forms = _services().get(service, {}).items()
    return {
        name.lower(): (f"{service}:{name}", tuple(forms.split()))
        for forms, names in by_forms
        for name in names.split()
    }


def _find(action: str) -> tuple[str, tuple[str, ...]] | None:
    service, _, name = action.lower().partition(":")
    return _actions(service).get(name)


def is_known(action: str) -> bool:
    """Return whether the reference has an action."""
    return _find(action) is not None


def actions_of(service: str) -> Iterator[tuple[str, str]]:
    """Yield a service's actions in lower case, and as spelled."""
    yield from ((spelled.lower(), spelled) for spelled, _ in _actions(service).values())


def forms(action: str) -> tuple[str, ...] | None:
    """Return the forms of an action's resource ARNs, without partitions.

    Empty for an action without resources; None if the reference does not have the action.
    """
    row = _find(action)
    return None if row is None else row[1]


def possible_forms(action: str) -> tuple[str, ...]:
    """Return the forms of the resources that an action can be on.

    If the reference does not have the action, any resource of its service is possible; for an
    unknown service, any ARN.
    """
    known = forms(action)
    return _of_service(action.partition(":")[0].lower()) if known is None else known


def is_place(place: ArnPlace) -> bool:
    """Return whether texts have the form of a partition, a region and an account."""
    partition, _, *rest = _VARIES
    return all(_fits(form, text) for form, text in zip((partition, *rest), place, strict=True))


def placed(form: str, place: ArnPlace) -> tuple[str, ...]:
    """Return the parts of a form's ARN in one place; its name may have a ``*``."""
    partition, region, account = place
    service, of_region, of_account, name = form.split(":", 3)
    service = service if service != "*" else "example"
    region = region if of_region == "*" else of_region
    account = account if of_account == "*" else of_account
    return ("arn", partition, service, region, account, name)


@cache
def _of_service(service: str) -> tuple[str, ...]:
    every = _services().get(service)
    if every is None:
        return _ANY_FORM
    return tuple(sorted({form for of_actions in every for form in of_actions.split()}))


@lru_cache(_REMEMBERED)
def can_be_on(action: str, resource: str) -> bool:
    """Return whether AWS can check an action on a resource."""
    if resource == "*":
        return not forms(action)
    return any(is_of(form, resource) for form in possible_forms(action))


def is_of(form: str, resource: str) -> bool:
    """Return whether a text is an ARN of a form, with text in all variable parts."""
    parts = resource.split(":", ARN_PARTS - 1)
    if len(parts) != ARN_PARTS or parts[0] != "arn":
        return False
    *front, name = form.split(":", 3)
    if front[0] not in ("*", parts[2]):
        return False  # most are of another service
    for part, there, varying in zip(("*", *front), parts[1:], _VARIES, strict=False):
        if not _fits(varying, there) if part == "*" else part != there:
            return False
    if form == _BUCKET and "/" in parts[-1]:
        return False
    has_id = front[0] == "ec2" and not name.startswith(_NAMED)
    if has_id and (":" in parts[-1] or parts[-1].count("/") != name.count("/")):
        return False
    named = parts[-1].removeprefix("/") if name.startswith("/") else parts[-1]
    return _is_name(named) and matches(name.replace("*", "?*"), parts[-1])


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
        not part or _fits(form, part) for part, form in zip(parts[1:5], _VARIES, strict=True)
    )


def _fits(form: re.Pattern[str], text: str) -> bool:
    return bool(form.fullmatch(text) or _PLACE.fullmatch(text))


def _is_name(text: str) -> bool:
    return bool(text) and text.strip("/:") == text and not _EMPTY_PART.search(text)
