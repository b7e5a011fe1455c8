"""What AWS documents of keys that say the same, as formulas about a request.

Sources: Amazon EC2 User Guide, "Example policies to control access to the Amazon EC2 API",
Restrict access to a specific Region; Service Authorization Reference, "Actions, resources, and
condition keys for Amazon EC2"; IAM User Guide, "AWS global condition context keys", the sections
on aws:RequestTag, aws:ResourceAccount and aws:TagKeys; AWS General Reference, "Amazon Resource
Names (ARNs)".
"""

from __future__ import annotations

from cvc5 import Kind

from smt.request import Key, Request
from smt.terms import Formula, Term
from smt.texts import UndecidedError

# Of these the reference has one key of resource tags without the other, on some resources.
_ONE_TAG_KEY = {
    "capacity-reservation": (
        "CancelCapacityReservation", "CreateTags", "GetCapacityReservationUsage",
        "GetGroupsForCapacityReservation", "ModifyCapacityReservation", "RunInstances",
        "ModifyInstanceCapacityReservationAttributes", "PurchaseCapacityBlockExtension",
    ),
    "vpn-connection": ("GetActiveVpnTunnelStatus",),
}  # fmt: skip
# Without aws:ResourceAccount, of EC2 and of other services.
_NO_OWNER_EC2 = (
    "AcceptTransitGatewayPeeringAttachment", "AcceptVpcEndpointConnections", "CopyFpgaImage",
    "AcceptVpcPeeringConnection", "CopyImage", "CopySnapshot", "CreateVolume", "CreateVpcEndpoint",
    "CreateTransitGatewayPeeringAttachment", "CreateVpcPeeringConnection",
    "DeleteTransitGatewayPeeringAttachment", "DeleteVpcPeeringConnection",
    "RejectTransitGatewayPeeringAttachment", "RejectVpcEndpointConnections",
    "RejectVpcPeeringConnection",
)  # fmt: skip
_NO_OWNER = (
    "auditmanager:UpdateAssessmentFrameworkShare", "detective:AcceptInvitation",
    "ds:AcceptSharedDirectory", "es:AcceptInboundConnection",
    "guardduty:AcceptAdministratorInvitation", "macie2:AcceptInvitation",
    "route53:AssociateVPCWithHostedZone", "route53:CreateVPCAssociationAuthorization",
    "route53:DeleteVPCAssociationAuthorization", "route53:DisassociateVPCFromHostedZone",
    "route53:ListHostedZonesByVPC", "securityhub:AcceptAdministratorInvitation",
)  # fmt: skip
_NO_OWNER_SERVICES = ("ebs:", "events:", "workspaces:")
# Of these the reference has actions with aws:RequestTag and without aws:TagKeys.
_TAGS_WITHOUT_KEYS = ("backup:", "connect-campaigns:", "sagemaker:", "ses:")
# The types of the resources of a few actions of EC2.
_TYPES = {
    "AssignPrivateIpAddresses": ("network-interface",),
    "AttachNetworkInterface": ("instance", "network-interface"),
    "StopInstances": ("instance",),
}


def require(request: Request) -> None:
    """Require of a request what is documented of the keys that it has."""
    names = list(request.keys)
    if "aws:tagkeys" in names:  # "Tags for IAM resources": a tag's key has 1 to 128 characters
        terms = request.terms
        for value in request.keys["aws:tagkeys"].values:
            request.require(terms.no(terms.equal(value, terms.text(""))))
    for name in names:
        if name == "ec2:region" and "aws:requestedregion" in names:
            _same(request, name, "aws:requestedregion", _of(request, "ec2:"))
        tag = name.removeprefix("ec2:resourcetag/")
        if tag != name and f"aws:resourcetag/{tag}" in names:
            holds = request.terms.every(
                (_of(request, "ec2:"), request.terms.no(_has_one_tag_key(request)))
            )
            _same(request, name, f"aws:resourcetag/{tag}", holds)
        tag = name.removeprefix("aws:requesttag/")
        if tag != name and "aws:tagkeys" in names:
            _tag(request, request.keys[name], tag)
    if "aws:resourceaccount" in names:
        _owner(request, request.keys["aws:resourceaccount"])


def _implies(request: Request, condition: Formula, then: Formula) -> None:
    request.require(request.terms.some((request.terms.no(condition), then)))


def _of(request: Request, *services: str) -> Formula:
    """Return whether the action is of one of some services."""
    terms = request.terms
    return terms.some(
        terms.make(Kind.STRING_PREFIX, terms.text(service), request.action) for service in services
    )


def _is(request: Request, *actions: str) -> Formula:
    terms = request.terms
    return terms.some(terms.equal(request.action, terms.text(name.lower())) for name in actions)


def _has_one_tag_key(request: Request) -> Formula:
    """Return whether the request is one that has only one of the keys of resource tags."""
    every = [f"ec2:{name}" for names in _ONE_TAG_KEY.values() for name in names]
    on = (_arn(request, f"{kind}/", request.terms.not_colon) for kind in _ONE_TAG_KEY)
    return request.terms.every((_is(request, *every), request.terms.some(on)))


def _arn(request: Request, name: str, last: Term) -> Formula:
    """Return whether the resource is one of EC2 whose name begins so."""
    terms = request.terms
    segment = [terms.repeated(terms.not_colon), terms.exactly(":")]
    parts = [
        terms.exactly("arn:"), *segment, terms.exactly("ec2:"), *segment * 2,
        terms.exactly(name), terms.repeated(last),
    ]  # fmt: skip
    return terms.within(request.resource, terms.sequence(parts))


def _same(request: Request, alias: str, name: str, condition: Formula) -> None:
    left, right, terms = request.keys[alias], request.keys[name], request.terms
    if left.values[0].getSort() != right.values[0].getSort():
        raise UndecidedError(f"{alias} and {name} are compared as different types")
    equal = terms.every(
        (terms.equal(left.count, right.count), terms.equal(left.values[0], right.values[0]))
    )
    _implies(request, condition, equal)


def _tag(request: Request, tagged: Key, tag: str) -> None:
    terms, keys = request.terms, request.keys["aws:tagkeys"]
    if not tag.isascii():
        raise UndecidedError("the case of a tag's key")
    named = terms.some(
        terms.every((request.has(keys, number), terms.within(value, terms.either_case(tag))))
        for number, value in enumerate(keys.values)
    )
    has = request.has(tagged, 0)
    listed = terms.no(_of(request, *_TAGS_WITHOUT_KEYS))
    _implies(request, terms.every((listed, has)), named)
    pairs = terms.every((_of(request, "ec2:"), terms.no(_is(request, "ec2:DeleteTags"))))
    _implies(request, terms.every((pairs, named)), has)


def _owner(request: Request, owner: Key) -> None:
    """Require that the account of the resource's ARN is its owner's, if it has one."""
    terms = request.terms
    front, account, name = (
        terms.constant(f"resource {part}", "String") for part in ("front", "account", "name")
    )
    segment = [terms.repeated(terms.not_colon), terms.exactly(":")]
    identity = terms.sequence([terms.letters("09")] * 12)
    whole = terms.make(Kind.STRING_CONCAT, front, account, terms.text(":"), name)
    is_arn = terms.every(
        (
            terms.equal(request.resource, whole),
            terms.within(front, terms.sequence([terms.exactly("arn:"), *segment * 3])),
        )
    )
    has_account = terms.within(account, identity)
    others = (terms.equal(account, terms.text(text)) for text in ("", "aws"))
    is_owned = terms.every((is_arn, has_account))
    request.require(
        terms.some(
            (
                terms.equal(request.resource, terms.text("*")),
                terms.every((is_arn, terms.some((has_account, *others)))),
            )
        )
    )
    excepted = terms.some(
        (
            _is(request, *_NO_OWNER, *(f"ec2:{action}" for action in _NO_OWNER_EC2)),
            _of(request, *_NO_OWNER_SERVICES),
        )
    )
    known = terms.every((request.has(owner, 0), terms.equal(owner.values[0], account)))
    # Where the resource is no ARN, the account is any.
    is_star = terms.equal(request.resource, terms.text("*"))
    _implies(request, terms.every((is_owned, terms.no(excepted), terms.no(is_star))), known)
    for action, kinds in _TYPES.items():
        on = terms.some(
            terms.every((has_account, _arn(request, f"{kind}/", terms.not_colon))) for kind in kinds
        )
        _implies(request, _is(request, f"ec2:{action}"), terms.some((is_star, on)))
