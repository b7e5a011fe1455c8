"""The instance metadata service, with the fields that the plugin reads."""

from __future__ import annotations

import json

from tools.plugin_probe import cloud as names
from tools.plugin_probe.cloud import VPC, Cloud, Interface

NODE = "ip-10-10-0-4.us-west-2.compute.internal"
_MACS = "network/interfaces/macs"


def value(cloud: Cloud, path: str, *, ipv6: bool) -> str | None:
    """Return what the service answers for a path, None for 404.

    Args:
        cloud: The state of the account.
        path: The path of the request, without a slash at its end.
        ipv6: Whether the node is one of an IPv6 cluster.
    """
    primary = cloud.primary
    if path == "/latest/dynamic/instance-identity/document":
        return json.dumps(
            {
                "accountId": names.ACCOUNT,
                "architecture": "x86_64",
                "availabilityZone": names.ZONE,
                "instanceId": names.INSTANCE,
                "instanceType": cloud.instance_type.name,
                "region": names.REGION,
            }
        )
    path = path.removeprefix("/latest/meta-data/")
    fields = {
        "hostname": NODE,
        "instance-id": names.INSTANCE,
        "instance-type": cloud.instance_type.name,
        "ipv6": primary.addresses6[0],
        "local-hostname": NODE,
        "local-ipv4": primary.addresses[0],
        "mac": primary.mac,
        "placement/availability-zone": names.ZONE,
        "placement/region": names.REGION,
    }
    if path in fields:
        return fields[path]
    if path == _MACS:
        return "\n".join(f"{i.mac}/" for i in cloud.attached())
    if not path.startswith(f"{_MACS}/"):
        return None
    mac, _, field = path.removeprefix(f"{_MACS}/").partition("/")
    for interface in cloud.attached():
        if interface.mac == mac:
            known = _interface(interface, ipv6=ipv6)
            return known.get(field) if field else "\n".join(known)
    return None


def _interface(interface: Interface, *, ipv6: bool) -> dict[str, str]:
    attachment = interface.attachment
    if attachment is None:
        return {}
    fields = {
        "device-number": str(attachment.device),
        "interface-id": interface.id,
        "local-ipv4s": "\n".join(interface.addresses),
        "mac": interface.mac,
        "network-card": str(attachment.card),
        "owner-id": names.ACCOUNT,
        "security-group-ids": "\n".join(interface.groups),
        "subnet-id": interface.subnet.id,
        "subnet-ipv4-cidr-block": str(interface.subnet.cidr),
        "vpc-id": VPC,
        "vpc-ipv4-cidr-block": str(names.NETWORK),
        "vpc-ipv4-cidr-blocks": str(names.NETWORK),
        "ipv4-prefix": "\n".join(interface.prefixes),
    }
    if ipv6:
        fields |= {
            "ipv6s": "\n".join(interface.addresses6),
            "ipv6-prefix": "\n".join(interface.prefixes6),
            "subnet-ipv6-cidr-blocks": str(interface.subnet.cidr6),
            "vpc-ipv6-cidr-blocks": str(names.NETWORK6),
        }
    return {name: text for name, text in fields.items() if text}
