"""The EC2 query API: requests as forms, answers as XML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from tools.plugin_probe.cloud import (
    ACCOUNT,
    INSTANCE,
    VPC,
    ZONE,
    ApiError,
    Cloud,
    Interface,
    Subnet,
)
from vpc_cni_iam.policy import wildcard

Form = Mapping[str, str]
_PAGE = 5  # interfaces a page where the plugin asks for pages, so that there are several


def numbered(form: Form, name: str) -> list[str]:
    """Return the values of a list parameter in order: ``Name.1``, ``Name.2`` and so on."""
    results = (
        (re.fullmatch(rf"{re.escape(name)}\.(\d+)", key), value) for key, value in form.items()
    )
    return [value for _, value in sorted((int(m[1]), value) for m, value in results if m)]


def tags(form: Form, name: str) -> dict[str, str]:
    """Return the tags of a parameter, in order."""
    keys = sorted(
        int(m[1]) for key in form if (m := re.fullmatch(rf"{re.escape(name)}\.(\d+)\.Key", key))
    )
    return {form[f"{name}.{n}.Key"]: form.get(f"{name}.{n}.Value", "") for n in keys}


def filters(form: Form) -> dict[str, list[str]]:
    """Return the filters of a Describe request, by name."""
    return {
        value: numbered(form, f"{key.removesuffix('.Name')}.Value")
        for key, value in form.items()
        if re.fullmatch(r"Filter\.\d+\.Name", key)
    }


def answer(cloud: Cloud, form: Form) -> str:
    """Return the XML that the API answers with.

    Raises:
        ApiError: What the API refuses, or an action that this stand-in does not know.
    """
    action = form["Action"]
    operation = _OPERATIONS.get(action)
    if operation is None:
        raise ApiError("InvalidAction", f"The action {action} is not valid for this web service.")
    body = xml({"requestId": "request", **operation(cloud, form)})
    name = f"{action}Response"
    return f'<{name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{body}</{name}>'


def error(refusal: ApiError) -> str:
    """Return the XML of a refusal."""
    shown = xml({"Code": refusal.code, "Message": refusal.message})
    errors = f"<Errors><Error>{shown}</Error></Errors>"
    return f"<Response>{errors}<RequestID>request</RequestID></Response>"


def xml(value: Any) -> str:
    """Return a value as XML: an object's fields by name, a list's as items."""
    if isinstance(value, Mapping):
        return "".join(f"<{k}>{xml(v)}</{k}>" for k, v in value.items() if v is not None)
    if isinstance(value, list):
        return "".join(f"<item>{xml(v)}</item>" for v in value)
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def _tag_set(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def interface_fields(interface: Interface) -> dict[str, Any]:
    """Return an interface as the API describes it."""
    attachment = interface.attachment
    return {
        "networkInterfaceId": interface.id,
        "subnetId": interface.subnet.id,
        "vpcId": VPC,
        "availabilityZone": ZONE,
        "description": interface.description,
        "ownerId": ACCOUNT,
        "requesterManaged": False,
        "status": "in-use" if attachment else "available",
        "macAddress": interface.mac,
        "privateIpAddress": interface.addresses[0],
        "sourceDestCheck": True,
        "interfaceType": interface.kind,
        "groupSet": [{"groupId": g, "groupName": g} for g in interface.groups],
        "attachment": attachment
        and {
            "attachmentId": attachment.id,
            "instanceId": INSTANCE,
            "instanceOwnerId": ACCOUNT,
            "deviceIndex": attachment.device,
            "networkCardIndex": attachment.card,
            "status": "attached",
            "deleteOnTermination": attachment.delete_on_termination,
        },
        "tagSet": _tag_set(interface.tags),
        "privateIpAddressesSet": [
            {"privateIpAddress": address, "primary": number == 0}
            for number, address in enumerate(interface.addresses)
        ],
        "ipv4PrefixSet": [{"ipv4Prefix": prefix} for prefix in interface.prefixes],
        "ipv6AddressesSet": [{"ipv6Address": address} for address in interface.addresses6],
        "ipv6PrefixSet": [{"ipv6Prefix": prefix} for prefix in interface.prefixes6],
    }


def _count(form: Form, name: str) -> int:
    return int(form.get(name, "0"))


def _create(cloud: Cloud, form: Form) -> dict[str, Any]:
    interface = cloud.create(
        form["SubnetId"],
        numbered(form, "SecurityGroupId"),
        tags(form, "TagSpecification.1.Tag"),
        description=form.get("Description", ""),
        secondary=_count(form, "SecondaryPrivateIpAddressCount"),
        prefixes=_count(form, "Ipv4PrefixCount"),
        addresses6=_count(form, "Ipv6AddressCount"),
        prefixes6=_count(form, "Ipv6PrefixCount"),
    )
    return {"networkInterface": interface_fields(interface)}


def _attach(cloud: Cloud, form: Form) -> dict[str, Any]:
    card = _count(form, "NetworkCardIndex")
    attachment = cloud.attach(form["NetworkInterfaceId"], int(form["DeviceIndex"]), card)
    return {"attachmentId": attachment.id, "networkCardIndex": card}


def _detach(cloud: Cloud, form: Form) -> dict[str, Any]:
    cloud.detach(form["AttachmentId"])
    return {"return": True}


def _delete(cloud: Cloud, form: Form) -> dict[str, Any]:
    cloud.delete(form["NetworkInterfaceId"])
    return {"return": True}


def _modify(cloud: Cloud, form: Form) -> dict[str, Any]:
    interface = cloud.interface(form["NetworkInterfaceId"])
    if groups := numbered(form, "SecurityGroupId"):
        interface.groups = groups
    if "Attachment.AttachmentId" in form:
        attachment = cloud.by_attachment(form["Attachment.AttachmentId"]).attachment
        if attachment:
            attachment.delete_on_termination = form.get("Attachment.DeleteOnTermination") == "true"
    return {"return": True}


def _create_tags(cloud: Cloud, form: Form) -> dict[str, Any]:
    for identifier in numbered(form, "ResourceId"):
        cloud.interface(identifier).tags.update(tags(form, "Tag"))
    return {"return": True}


def _assign(cloud: Cloud, form: Form) -> dict[str, Any]:
    identifier = form["NetworkInterfaceId"]
    addresses, prefixes = cloud.assign(
        identifier, _count(form, "SecondaryPrivateIpAddressCount"), _count(form, "Ipv4PrefixCount")
    )
    return {
        "networkInterfaceId": identifier,
        "assignedPrivateIpAddressesSet": [{"privateIpAddress": a} for a in addresses],
        "assignedIpv4PrefixSet": [{"ipv4Prefix": p} for p in prefixes],
    }


def _unassign(cloud: Cloud, form: Form) -> dict[str, Any]:
    cloud.unassign(
        form["NetworkInterfaceId"],
        numbered(form, "PrivateIpAddress"),
        numbered(form, "Ipv4Prefix"),
    )
    return {"return": True}


def _assign6(cloud: Cloud, form: Form) -> dict[str, Any]:
    identifier = form["NetworkInterfaceId"]
    addresses, prefixes = cloud.assign6(
        identifier, _count(form, "Ipv6AddressCount"), _count(form, "Ipv6PrefixCount")
    )
    return {
        "networkInterfaceId": identifier,
        "assignedIpv6Addresses": addresses,
        "assignedIpv6PrefixSet": prefixes,
    }


def _unassign6(cloud: Cloud, form: Form) -> dict[str, Any]:
    identifier = form["NetworkInterfaceId"]
    addresses, prefixes = numbered(form, "Ipv6Addresses"), numbered(form, "Ipv6Prefix")
    cloud.unassign6(identifier, addresses, prefixes)
    return {
        "networkInterfaceId": identifier,
        "unassignedIpv6Addresses": addresses,
        "unassignedIpv6PrefixSet": prefixes,
    }


_INTERFACE_FILTERS: dict[str, Callable[[Interface], list[str]]] = {
    "attachment.instance-id": lambda i: [INSTANCE] if i.attachment else [],
    "description": lambda i: [i.description],
    "network-interface-id": lambda i: [i.id],
    "status": lambda i: ["in-use" if i.attachment else "available"],
    "subnet-id": lambda i: [i.subnet.id],
    "tag-key": lambda i: list(i.tags),
    "vpc-id": lambda _: [VPC],
}
_SUBNET_FILTERS: dict[str, Callable[[Subnet], list[str]]] = {
    "availability-zone": lambda _: [ZONE],
    "subnet-id": lambda s: [s.id],
    "tag-key": lambda s: list(s.tags),
    "vpc-id": lambda _: [VPC],
}


def _passes(
    thing: Any, asked: Mapping[str, list[str]], known: Mapping[str, Callable[[Any], list[str]]]
) -> bool:
    for name, values in asked.items():
        if name.startswith("tag:"):
            tag = name.removeprefix("tag:")
            there = [thing.tags[tag]] if tag in thing.tags else []
        elif name in known:
            there = known[name](thing)
        else:
            raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(wildcard.matches(value, text) for value in values for text in there):
            return False
    return True


def _describe_interfaces(cloud: Cloud, form: Form) -> dict[str, Any]:
    named = numbered(form, "NetworkInterfaceId")
    chosen = [cloud.interface(i) for i in named] if named else list(cloud.interfaces.values())
    chosen = [i for i in chosen if _passes(i, filters(form), _INTERFACE_FILTERS)]
    start = int(form.get("NextToken", "0"))
    size = min(_PAGE, int(form["MaxResults"])) if "MaxResults" in form else len(chosen) or 1
    more = str(start + size) if start + size < len(chosen) else None
    shown = chosen[start : start + size]
    return {"networkInterfaceSet": [interface_fields(i) for i in shown], "nextToken": more}


def _describe_subnets(cloud: Cloud, form: Form) -> dict[str, Any]:
    named = numbered(form, "SubnetId")
    chosen = [cloud.subnet(s) for s in named] if named else list(cloud.subnets.values())
    return {
        "subnetSet": [
            {
                "subnetId": subnet.id,
                "state": "available",
                "vpcId": VPC,
                "cidrBlock": subnet.cidr,
                "ipv6CidrBlockAssociationSet": [{"ipv6CidrBlock": subnet.cidr6}],
                "availableIpAddressCount": cloud.free(subnet),
                "availabilityZone": ZONE,
                "ownerId": subnet.owner,
                "tagSet": _tag_set(subnet.tags),
            }
            for subnet in chosen
            if _passes(subnet, filters(form), _SUBNET_FILTERS)
        ]
    }


def _describe_instances(cloud: Cloud, form: Form) -> dict[str, Any]:
    if any(i != INSTANCE for i in numbered(form, "InstanceId")):
        raise ApiError("InvalidInstanceID.NotFound", "The instance ID does not exist")
    instance = {
        "instanceId": INSTANCE,
        "instanceType": cloud.instance_type.name,
        "vpcId": VPC,
        "subnetId": cloud.primary.subnet.id,
        "tagSet": _tag_set(cloud.instance_tags),
        "networkInterfaceSet": [interface_fields(i) for i in cloud.attached()],
    }
    return {"reservationSet": [{"reservationId": "r-1", "instancesSet": [instance]}]}


def _describe_types(cloud: Cloud, form: Form) -> dict[str, Any]:
    kind = cloud.instance_type
    if any(t != kind.name for t in numbered(form, "InstanceType")):
        raise ApiError("InvalidInstanceType", "The instance type does not exist")
    cards = [
        {
            "networkCardIndex": number,
            "networkPerformance": "25 Gigabit",
            "maximumNetworkInterfaces": most,
        }
        for number, most in enumerate(kind.interfaces)
    ]
    network = {
        "maximumNetworkInterfaces": sum(kind.interfaces),
        "maximumNetworkCards": len(cards),
        "defaultNetworkCardIndex": 0,
        "networkCards": cards,
        "ipv4AddressesPerInterface": kind.addresses,
        "ipv6AddressesPerInterface": kind.addresses,
        "ipv6Supported": True,
    }
    shown = {
        "instanceType": kind.name,
        "hypervisor": "nitro",
        "bareMetal": False,
        "networkInfo": network,
    }
    return {"instanceTypeSet": [shown]}


def _describe_groups(cloud: Cloud, form: Form) -> dict[str, Any]:
    named = numbered(form, "GroupId") or cloud.groups
    return {"securityGroupInfo": [{"groupId": g, "groupName": g, "vpcId": VPC} for g in named]}


def _describe_tags(cloud: Cloud, form: Form) -> dict[str, Any]:
    shown = [{"resourceId": INSTANCE, "key": k, "value": v} for k, v in cloud.instance_tags.items()]
    return {"tagSet": shown}


_OPERATIONS: dict[str, Callable[[Cloud, Form], dict[str, Any]]] = {
    "AssignIpv6Addresses": _assign6,
    "AssignPrivateIpAddresses": _assign,
    "AttachNetworkInterface": _attach,
    "CreateNetworkInterface": _create,
    "CreateTags": _create_tags,
    "DeleteNetworkInterface": _delete,
    "DescribeInstanceTypes": _describe_types,
    "DescribeInstances": _describe_instances,
    "DescribeNetworkInterfaces": _describe_interfaces,
    "DescribeSecurityGroups": _describe_groups,
    "DescribeSubnets": _describe_subnets,
    "DescribeTags": _describe_tags,
    "DetachNetworkInterface": _detach,
    "ModifyNetworkInterfaceAttribute": _modify,
    "UnassignIpv6Addresses": _unassign6,
    "UnassignPrivateIpAddresses": _unassign,
}
