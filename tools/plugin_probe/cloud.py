"""A VPC with one instance, which looks real to the plugin's agent.

Ids, addresses and MAC addresses are counted, so that two runs are alike. Limits and errors are
those of the EC2 API reference: an operation returns what the API does or raises `ApiError`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, islice

REGION = "us-west-2"
ZONE = f"{REGION}a"
ACCOUNT = "111122223333"
SUBNET_OWNER = "444455556666"  # the owner of a shared VPC
VPC = "vpc-0123456789abcdef0"
INSTANCE = "i-0123456789abcdef0"
CLUSTER = "prod"
GROUP = "sg-0123456789abcdef0"  # the security group of the instance's first interface
SUBNET_TAG = "kubernetes.io/role/cni"  # 0: not for pods
NETWORK = ipaddress.IPv4Network("10.10.0.0/16")
NETWORK6 = ipaddress.IPv6Network("2600:1f14:0:ab00::/56")


class ApiError(Exception):
    """A refusal of the API.

    Args:
        code: Its code, such as ``InvalidNetworkInterfaceID.NotFound``.
        message: Its text.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class InstanceType:
    """Limits of an instance type.

    Args:
        name: Such as ``m5.large``.
        interfaces: The most interfaces of each network card.
        addresses: The most IPv4 addresses of one interface, prefixes counted as one each.
    """

    name: str
    interfaces: tuple[int, ...]
    addresses: int


@dataclass
class Subnet:
    """A subnet of the VPC.

    Args:
        id: Its id.
        number: Its place in the VPC: the third byte of its addresses, times 16.
        tags: Its tags.
        owner: The account that owns it.
        free: Addresses of it that are free at the start; None for all.
    """

    id: str
    number: int
    tags: dict[str, str] = field(default_factory=dict)
    owner: str = ACCOUNT
    free: int | None = None

    @property
    def cidr(self) -> ipaddress.IPv4Network:
        """Its IPv4 addresses, 4096 of them."""
        return next(islice(NETWORK.subnets(new_prefix=20), self.number, None))

    @property
    def cidr6(self) -> ipaddress.IPv6Network:
        """Its IPv6 addresses."""
        return next(islice(NETWORK6.subnets(new_prefix=64), self.number, None))


@dataclass
class Attachment:
    """How an interface is attached to the instance."""

    id: str
    device: int
    card: int = 0
    delete_on_termination: bool = False


@dataclass
class Interface:
    """A network interface; the first of its addresses is the primary one."""

    id: str
    mac: str
    subnet: Subnet
    groups: list[str]
    addresses: list[str]
    description: str = ""
    kind: str = "interface"
    prefixes: list[str] = field(default_factory=list)
    addresses6: list[str] = field(default_factory=list)
    prefixes6: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    attachment: Attachment | None = None


class Cloud:
    """The state of the VPC, and the API's operations on it.

    Args:
        instance_type: The limits of the instance.
        subnets: The subnets; the instance is in the first.
        groups: Security groups of the instance's first interface.
        instance_tags: Tags of the instance.
    """

    def __init__(
        self,
        instance_type: InstanceType,
        subnets: tuple[Subnet, ...],
        groups: tuple[str, ...] = (GROUP,),
        instance_tags: Mapping[str, str] | None = None,
    ) -> None:
        self.instance_type = instance_type
        self.subnets = {subnet.id: subnet for subnet in subnets}
        self.groups = list(groups)
        self.instance_tags = dict(instance_tags or {})
        self.interfaces: dict[str, Interface] = {}
        self._numbers = count(1)
        self._attachments = count(1)
        self._taken: set[str] = set()
        self.primary = self.create(subnets[0].id, self.groups, {}, kind="interface")
        self.primary.addresses6.append(str(subnets[0].cidr6[0xAB]))
        self.attach(self.primary.id, 0)

    def attached(self) -> list[Interface]:
        """Return the interfaces of the instance, by card and device."""
        own = [i for i in self.interfaces.values() if i.attachment]
        return sorted(own, key=lambda i: (i.attachment.card, i.attachment.device))  # type: ignore[union-attr]

    def interface(self, identifier: str) -> Interface:
        """Return an interface by its id."""
        if identifier not in self.interfaces:
            raise ApiError(
                "InvalidNetworkInterfaceID.NotFound",
                f"The networkInterface ID '{identifier}' does not exist",
            )
        return self.interfaces[identifier]

    def by_attachment(self, identifier: str) -> Interface:
        """Return an interface by the id of its attachment."""
        for interface in self.interfaces.values():
            if interface.attachment and interface.attachment.id == identifier:
                return interface
        raise ApiError(
            "InvalidAttachmentID.NotFound", f"The attachment ID '{identifier}' does not exist"
        )

    def subnet(self, identifier: str) -> Subnet:
        """Return a subnet by its id."""
        if identifier not in self.subnets:
            raise ApiError(
                "InvalidSubnetID.NotFound", f"The subnet ID '{identifier}' does not exist"
            )
        return self.subnets[identifier]

    def free(self, subnet: Subnet) -> int:
        """Return how many addresses of a subnet are free."""
        inside = sum(ipaddress.ip_address(a) in subnet.cidr for a in self._taken)
        # The first four addresses and the last one are AWS's.
        return (subnet.cidr.num_addresses - 5 if subnet.free is None else subnet.free) - inside

    def create(
        self,
        subnet: str,
        groups: list[str],
        tags: Mapping[str, str],
        *,
        kind: str = "interface",
        description: str = "",
        secondary: int = 0,
        prefixes: int = 0,
        addresses6: int = 0,
        prefixes6: int = 0,
    ) -> Interface:
        """Create an interface with so many more addresses and prefixes."""
        place = self.subnet(subnet)
        self._room(1 + secondary + prefixes)
        number = next(self._numbers)
        interface = Interface(
            id=f"eni-{number:017x}",
            mac=f"02:00:0a:0a:00:{number:02x}",
            subnet=place,
            groups=groups or list(self.groups),
            addresses=list(self._addresses(place, 1 + secondary)),
            description=description,
            kind=kind,
            tags=dict(tags),
        )
        interface.prefixes += self._prefixes(place, prefixes)
        self.interfaces[interface.id] = interface
        self._add6(interface, addresses6, prefixes6)
        return interface

    def attach(self, identifier: str, device: int, card: int = 0) -> Attachment:
        """Attach an interface to the instance."""
        interface = self.interface(identifier)
        if interface.attachment:
            raise ApiError(
                "InvalidNetworkInterface.InUse",
                f"Interface: {identifier} in use.",
            )
        if card >= len(self.instance_type.interfaces):
            raise ApiError("InvalidParameterValue", f"There is no network card {card}")
        places = [i.attachment for i in self.attached()]
        if any(p and (p.card, p.device) == (card, device) for p in places):
            raise ApiError(
                "InvalidParameterValue",
                f"Instance '{INSTANCE}' already has an interface attached at device index "
                f"'{device}'.",
            )
        if sum(p.card == card for p in places if p) >= self.instance_type.interfaces[card]:
            raise ApiError(
                "AttachmentLimitExceeded",
                f"Interface count exceeds the limit for {self.instance_type.name}",
            )
        interface.attachment = Attachment(
            f"eni-attach-{next(self._attachments):017x}", device, card
        )
        return interface.attachment

    def attach_anywhere(self, identifier: str) -> Attachment:
        """Attach an interface at the first device number that is free."""
        devices = {i.attachment.device for i in self.attached() if i.attachment}
        return self.attach(identifier, next(n for n in count() if n not in devices))

    def detach(self, attachment: str) -> Interface:
        """Detach an interface by the id of its attachment."""
        interface = self.by_attachment(attachment)
        if interface is self.primary:
            raise ApiError(
                "OperationNotPermitted",
                "The network interface at device index 0 cannot be detached.",
            )
        interface.attachment = None
        return interface

    def delete(self, identifier: str) -> None:
        """Delete an interface that is not attached."""
        interface = self.interface(identifier)
        if interface.attachment:
            raise ApiError(
                "InvalidParameterValue", f"Network interface '{identifier}' is currently in use."
            )
        self._taken -= set(interface.addresses)
        for prefix in interface.prefixes:
            self._taken -= {str(a) for a in ipaddress.IPv4Network(prefix)}
        del self.interfaces[identifier]

    def assign(self, identifier: str, addresses: int, prefixes: int) -> tuple[list[str], list[str]]:
        """Give an interface more IPv4 addresses and prefixes, and return the new ones."""
        interface = self.interface(identifier)
        there = len(interface.addresses) + len(interface.prefixes)
        self._room(there + addresses + prefixes)
        new = list(self._addresses(interface.subnet, addresses))
        wide = list(self._prefixes(interface.subnet, prefixes))
        interface.addresses += new
        interface.prefixes += wide
        return new, wide

    def unassign(self, identifier: str, addresses: list[str], prefixes: list[str]) -> None:
        """Take IPv4 addresses and prefixes from an interface."""
        interface = self.interface(identifier)
        if not {*addresses} <= {*interface.addresses[1:]} or not {*prefixes} <= {
            *interface.prefixes
        }:
            raise ApiError(
                "InvalidParameterValue",
                "Some of the specified addresses are not assigned to interface " + identifier,
            )
        interface.addresses = [a for a in interface.addresses if a not in addresses]
        interface.prefixes = [p for p in interface.prefixes if p not in prefixes]
        self._taken -= set(addresses)
        for prefix in prefixes:
            self._taken -= {str(a) for a in ipaddress.IPv4Network(prefix)}

    def assign6(
        self, identifier: str, addresses: int, prefixes: int
    ) -> tuple[list[str], list[str]]:
        """Give an interface more IPv6 addresses and prefixes, and return the new ones."""
        return self._add6(self.interface(identifier), addresses, prefixes)

    def unassign6(self, identifier: str, addresses: list[str], prefixes: list[str]) -> None:
        """Take IPv6 addresses and prefixes from an interface."""
        interface = self.interface(identifier)
        interface.addresses6 = [a for a in interface.addresses6 if a not in addresses]
        interface.prefixes6 = [p for p in interface.prefixes6 if p not in prefixes]

    def _room(self, addresses: int) -> None:
        if addresses > self.instance_type.addresses:
            raise ApiError(
                "PrivateIpAddressLimitExceeded",
                "Number of private addresses will exceed limit.",
            )

    def _addresses(self, subnet: Subnet, number: int) -> Iterator[str]:
        if number > self.free(subnet):
            raise ApiError(
                "InsufficientFreeAddressesInSubnet",
                f"The specified subnet does not have enough free addresses ({subnet.id}).",
            )
        # The lower half is for addresses, the upper one for prefixes: real subnets reserve ranges.
        half = subnet.cidr.num_addresses // 2
        free = (str(a) for a in islice(subnet.cidr, 4, half) if str(a) not in self._taken)
        for address in islice(free, number):
            self._taken.add(address)
            yield address

    def _prefixes(self, subnet: Subnet, number: int) -> Iterator[str]:
        upper = list(subnet.cidr.subnets(new_prefix=21))[1]
        free = (n for n in upper.subnets(new_prefix=28) if str(n[0]) not in self._taken)
        for network in islice(free, number):
            self._taken |= {str(a) for a in network}
            yield str(network)

    def _add6(
        self, interface: Interface, addresses: int, prefixes: int
    ) -> tuple[list[str], list[str]]:
        number = int(interface.id.removeprefix("eni-"), 16)
        base = int(interface.subnet.cidr6[0])
        start = len(interface.addresses6)
        new = [
            str(ipaddress.IPv6Address(base + (number << 16) + start + n + 1))
            for n in range(addresses)
        ]
        start = len(interface.prefixes6)
        wide = [
            str(ipaddress.IPv6Network((base + (number << 52) + ((start + n + 1) << 48), 80)))
            for n in range(prefixes)
        ]
        interface.addresses6 += new
        interface.prefixes6 += wide
        return new, wide
