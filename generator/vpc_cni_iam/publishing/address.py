"""The names of a published module: its source address in a registry, and its OCI repository.

Source of the grammar of repository names: the OCI distribution specification.
"""

from __future__ import annotations

import re

from msgspec import Struct

from vpc_cni_iam.errors import UsageError

NAME = "vpc-cni-iam"
SYSTEM = "aws"
REPOSITORY = f"terraform-{SYSTEM}-{NAME}"
# RFC 2606 reserves these names, so a README written without a host names no real module.
STAND_IN_HOST = "registry.example.com"
STAND_IN_NAMESPACE = "example"

_LABEL = r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"
# Lower-case letters only, because OCI accepts no others.
_NAMESPACE = re.compile(r"[0-9a-z](?:[0-9a-z-]{0,62}[0-9a-z])?", re.ASCII)
# Terraform and OpenTofu require a dot in the host name of a registry.
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+(?::(?P<port>[1-9]\d{{0,4}}))?", re.ASCII)
# Engines refuse these as hosts of a registry; without a version, they clone a repository there.
_GIT_HOSTS = ("github.com", "bitbucket.org")
_COMPONENT = r"[0-9a-z]+(?:(?:\.|_|__|-+)[0-9a-z]+)*"
_OCI_REPOSITORY = re.compile(
    rf"{_LABEL}(?:\.{_LABEL})*(?::(?P<port>[1-9]\d{{0,4}}))?/"
    rf"(?P<name>{_COMPONENT}(?:/{_COMPONENT})*)",
    re.ASCII,
)
_MAX_PORT, _MAX_NAME_LENGTH = 65535, 255


class ModuleAddress(Struct, frozen=True):
    """The address of the module in a registry; the host may have a port."""

    namespace: str = STAND_IN_NAMESPACE
    host: str = STAND_IN_HOST

    def __post_init__(self) -> None:
        if not _NAMESPACE.fullmatch(self.namespace):
            raise UsageError(
                f"--namespace {self.namespace!r} must be 1 to 64 lower-case letters, digits and "
                "hyphens, without a hyphen at an end"
            )
        match = _HOST.fullmatch(self.host)
        if match is None or int(match["port"] or 1) > _MAX_PORT:
            raise UsageError(
                f"--registry-host {self.host!r} is not a host name in lower case, such as "
                f"{STAND_IN_HOST}, with a port of 1 to {_MAX_PORT} if it needs one"
            )
        if self.host.removesuffix(":443") in _GIT_HOSTS:
            raise UsageError(
                f"--registry-host {self.host!r}: engines take it for the address of a git "
                "repository; name the host of a module registry"
            )

    @property
    def source(self) -> str:
        """The ``source`` of a module call."""
        return f"{self.host}/{self.path}"

    @property
    def path(self) -> str:
        """The path below the ``modules.v1`` service of the registry."""
        return f"{self.namespace}/{NAME}/{SYSTEM}"


def check_oci_repository(repository: str) -> None:
    """Check an OCI repository, such as ``ghcr.io/example/vpc-cni-iam``."""
    match = _OCI_REPOSITORY.fullmatch(repository)
    if (
        match is None
        or int(match["port"] or 1) > _MAX_PORT
        or len(match["name"]) > _MAX_NAME_LENGTH
    ):
        raise UsageError(
            f"--oci-repository {repository!r} is not the host and name of an OCI repository in "
            "lower case, such as ghcr.io/example/vpc-cni-iam, without a tag"
        )
