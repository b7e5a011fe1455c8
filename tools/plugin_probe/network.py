"""Links for the instance's interfaces, in the agent's own network namespace."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from tools.plugin_probe.cloud import Cloud

_FIRST_NUMBER = 5


def ip(*words: str) -> str:
    """Run ``ip``, and return what it writes.

    Raises:
        RuntimeError: It failed; with what it said.
    """
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Links:
    """One veth pair for each attached interface, with its MAC address."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._number = _FIRST_NUMBER

    def start(self, cloud: Cloud) -> None:
        """Bring up the loopback and the primary interface with its addresses and routes."""
        ip("link", "set", "lo", "up")
        self.follow(cloud)
        name = self._names[cloud.primary.id]
        subnet = cloud.primary.subnet
        ip("addr", "add", f"{cloud.primary.addresses[0]}/{subnet.cidr.prefixlen}", "dev", name)
        ip("link", "set", name, "up")
        ip("route", "add", "default", "via", str(subnet.cidr[1]), "dev", name)
        ip("-6", "addr", "add", f"{cloud.primary.addresses6[0]}/64", "dev", name, "nodad")
        ip("-6", "route", "add", "default", "dev", name)

    def down(self) -> frozenset[str]:
        """Return the ids of the interfaces whose links are down: the agent has not set them up."""
        up = ip("-o", "link", "show", "up")
        return frozenset(i for i, name in self._names.items() if f" {name}@" not in up)

    def follow(self, cloud: Cloud) -> None:
        """Add and remove links so that they are the attached interfaces."""
        attached = {i.id: i for i in cloud.attached()}
        for identifier in self._names.keys() - attached.keys():
            ip("link", "del", self._names.pop(identifier))
        for identifier, interface in attached.items():
            if identifier not in self._names:
                name = f"ens{self._number}"
                self._number += 1
                self._pair(name, interface.mac)
                self._names[identifier] = name

    @staticmethod
    def _pair(name: str, mac: str) -> None:
        commands: Sequence[Sequence[str]] = (
            ("link", "add", name, "type", "veth", "peer", "name", f"{name}p"),
            ("link", "set", name, "address", mac),
            ("link", "set", f"{name}p", "up"),
        )
        for words in commands:
            ip(*words)
