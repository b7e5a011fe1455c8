"""Asks the agent for the address of a pod, as its CNI plugin does: gRPC on the loopback.

The messages are `rpc/rpc.proto` of the plugin, of which few fields are needed: they are written
and read here as protocol buffers on the wire, so that no code is generated for each release.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc

# A socket from v1.23.0 on, a port before.
_SOCKET = Path("/var/run/aws-node/ipamd.sock")
_PORT = "127.0.0.1:50051"
_TIMEOUT = 20.0
_TEXT = 2  # the wire type of texts and messages
_MORE = 0x80  # the bit of a byte that says that the number goes on
# The address is in field 2: since v1.20.0 in a message, before as a text, of IPv6 in field 11.
_SUCCESS, _ALLOCATIONS, _IPV6 = 1, 2, 11
# The fields of AddNetworkRequest and DelNetworkRequest by number; versions check ClientVersion.
_ADD = {"name": 1, "namespace": 2, "sandbox": 3, "netns": 4, "ifname": 5, "network": 6,
        "container": 7, "version": 8}  # fmt: skip
_DEL = {"name": 1, "namespace": 2, "sandbox": 3, "reason": 5, "ifname": 6, "network": 7,
        "container": 8, "version": 9}  # fmt: skip


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number >= _MORE:
        parts.append(number % _MORE | _MORE)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def message(fields: dict[int, str]) -> bytes:
    """Return texts by field number as a message."""
    parts = (
        _varint(number << 3 | _TEXT) + _varint(len(text.encode())) + text.encode()
        for number, text in fields.items()
    )
    return b"".join(parts)


def fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: numbers as numbers, texts and messages as bytes."""
    place = 0

    def varint() -> int:
        nonlocal place
        number = shift = 0
        while True:
            byte = content[place]
            place += 1
            number |= byte % _MORE << shift
            shift += 7
            if byte < _MORE:
                return number

    while place < len(content):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            length = varint()
            yield key >> 3, content[place : place + length]
            place += length


class Pods:
    """The pods of the node.

    Args:
        version: The plugin's version, as its CNI binary would state it.
    """

    def __init__(self, version: str) -> None:
        self._version = version
        self._channel = grpc.insecure_channel(_PORT)

    def ready(self) -> bool:
        """Return whether the agent answers."""
        self._channel.close()
        self._channel = grpc.insecure_channel(f"unix:{_SOCKET}" if _SOCKET.exists() else _PORT)
        try:
            grpc.channel_ready_future(self._channel).result(timeout=0.5)
        except grpc.FutureTimeoutError:
            return False
        return True

    def add(self, number: int) -> str | None:
        """Ask for the address of a pod, and return it; None if there is none."""
        reply = self._call("AddNetwork", number, _ADD)
        if reply is None or dict(fields(reply)).get(_SUCCESS) != 1:
            return None
        for field, content in fields(reply):
            if isinstance(content, bytes) and field in (_ALLOCATIONS, _IPV6):
                return _address(content)
        return None

    def remove(self, number: int) -> bool:
        """Give the address of a pod back."""
        return self._call("DelNetwork", number, _DEL) is not None

    def _call(self, method: str, number: int, numbers: dict[str, int]) -> bytes | None:
        pod = f"pod-{number}"
        texts = {
            "name": pod,
            "namespace": "default",
            "sandbox": f"sandbox-{number}",
            "netns": f"/var/run/netns/{pod}",
            "ifname": "eth0",
            "network": "aws-cni",
            "container": f"sandbox-{number}",
            "version": self._version,
            "reason": "PodDeleted",
        }
        request = message({number: texts[name] for name, number in numbers.items()})
        call = self._channel.unary_unary(f"/rpc.CNIBackend/{method}")
        try:
            reply: bytes = call(request, timeout=_TIMEOUT)
        except grpc.RpcError:
            return None
        return reply


def _address(content: bytes) -> str:
    """Return the address in a reply: since v1.20.0 inside a message, before as a text."""
    try:
        inner = dict(fields(content))
        for field in (1, 2):
            value = inner.get(field)
            if isinstance(value, bytes) and value:
                return value.decode()
    except (IndexError, UnicodeDecodeError):
        pass
    return content.decode()
