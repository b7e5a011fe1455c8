"""Where a published module is found: host, namespace, name and target system."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vpc_cni_iam.errors import UsageError

NAME = "vpc-cni-iam"
SYSTEM = "aws"
REPOSITORY = f"terraform-{SYSTEM}-{NAME}"
# Names that RFC 2606 keeps from being anybody's, so that a README that was made without a host
# sends nobody to a stranger's module.
STAND_IN_HOST = "registry.example.com"
STAND_IN_NAMESPACE = "example"

_NAMESPACE = re.compile(r"[0-9a-z](?:[0-9a-z-]{0,62}[0-9a-z])?", re.ASCII)
_LABEL = r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"
# Both engines want a dot in it.
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+(?::([1-9]\d{{0,4}}))?", re.ASCII)
_PORTS = 65535


@dataclass(frozen=True, slots=True)
class Coordinates:
    """The address of the module in a registry.

    Args:
        namespace: Lower-case letters, digits and hyphens, since OCI takes no others.
        host: A host name, with a port if it needs one.

    Raises:
        UsageError: Not such names.
    """

    namespace: str = STAND_IN_NAMESPACE
    host: str = STAND_IN_HOST

    def __post_init__(self) -> None:
        if not _NAMESPACE.fullmatch(self.namespace):
            raise UsageError(
                f"--namespace {self.namespace!r} is not 1 to 64 lower-case letters, digits and "
                "hyphens, with no hyphen at an end"
            )
        found = _HOST.fullmatch(self.host)
        if found is None or int(found[1] or 1) > _PORTS:
            raise UsageError(
                f"--registry-host {self.host!r} is not a host name in lower case, such as "
                f"{STAND_IN_HOST}, with a port of 1 to {_PORTS} if it needs one"
            )

    @property
    def source(self) -> str:
        """The module's source address."""
        return f"{self.host}/{self.namespace}/{NAME}/{SYSTEM}"

    @property
    def path(self) -> str:
        """Its path below the registry's ``modules.v1`` service."""
        return f"{self.namespace}/{NAME}/{SYSTEM}"
