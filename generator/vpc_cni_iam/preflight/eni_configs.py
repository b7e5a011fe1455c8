"""Reads a cluster's ENIConfig objects: the subnets and security groups of custom networking."""

from __future__ import annotations

import re

from msgspec import Struct

from vpc_cni_iam.catalog.parameters import SECURITY_GROUP_IDS, SUBNET_IDS, Parameter
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.daemonset import kubernetes_objects, loaded

_ADVICE = "use the output of kubectl get eniconfigs -o json"


class EniConfig(Struct, frozen=True):
    """One ENIConfig."""

    subnet: str
    # The security groups of its interfaces; if empty, those of the node's first interface.
    security_groups: tuple[str, ...]


def read(text: str, source: str) -> tuple[EniConfig, ...]:
    """Return the ENIConfigs of JSON or YAML; raises `InputError` for anything else."""
    value = loaded(text, source)
    configs = []
    for number, manifest in enumerate(kubernetes_objects(value)):
        if manifest.get("kind") != "ENIConfig":
            raise InputError(source, f"object {number + 1}", f"is not an ENIConfig; {_ADVICE}")
        match manifest.get("spec"):
            case {"subnet": str(subnet), **rest}:
                groups = rest.get("securityGroups") or []
            case _:
                raise InputError(source, f"object {number + 1}", f"has no spec.subnet; {_ADVICE}")
        if not isinstance(groups, list):
            raise InputError(source, f"object {number + 1}", "spec.securityGroups is not a list")
        for parameter, identifier in (
            (SUBNET_IDS, subnet),
            *((SECURITY_GROUP_IDS, g) for g in groups),
        ):
            _check(parameter, identifier, source, number + 1)
        configs.append(EniConfig(subnet, tuple(groups)))
    return tuple(configs)


def _check(parameter: Parameter, value: object, source: str, number: int) -> None:
    if not isinstance(value, str) or not re.fullmatch(parameter.pattern, value):
        raise InputError(source, f"object {number}", f"{str(value)[:80]!r} is not {parameter.rule}")
