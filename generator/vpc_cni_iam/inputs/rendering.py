"""Policy documents of a module that only an engine knows, as it renders them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from textwrap import shorten

from vpc_cni_iam.errors import EngineError, InputError, UsageError
from vpc_cni_iam.hcl.evaluate.domain import Value
from vpc_cni_iam.hcl.evaluate.excerpt import Excerpt
from vpc_cni_iam.hcl.module.given import Renderer
from vpc_cni_iam.inputs.kind import Part
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.parse import loads

# A Region of each partition, and how the names of its Regions begin.
_REGIONS = {
    "aws-cn": ("cn-north-1", "cn-"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-"),
    "aws-eusc": ("eusc-de-east-1", "eusc-"),
    "aws-iso": ("us-iso-east-1", "us-iso-"),
    "aws-iso-b": ("us-isob-east-1", "us-isob-"),
    "aws-iso-e": ("eu-isoe-west-1", "eu-isoe-"),
    "aws-iso-f": ("us-isof-south-1", "us-isof-"),
    "aws": ("us-east-1", ""),
}
_LONGEST = 500


def rendered(part: Excerpt, surroundings: Mapping[str, str], renderer: Renderer) -> Iterator[Part]:
    """Yield documents as an engine renders them; `surroundings` are partition and Region.

    Raises `UsageError` for a Region of another partition.
    """
    region = _region(surroundings)
    values = json.dumps(part.values, default=_json)
    try:
        documents = renderer.render(part.text, values, region) if part.names else {}
    except EngineError as error:
        why = f"{renderer.name} refuses it: {shorten(str(error), _LONGEST)}"
        yield from (Skipped(name, Reason.not_read, why) for name in part.names)
        return
    for name in part.names:
        yield from _instances(name, documents.get(name, {}), renderer)
    if "region" not in surroundings and "data.aws_service_principal" in part.kinds:
        detail = f'the Region is taken as "{region}"; --region names another'
        yield Skipped("data.aws_service_principal", Reason.assumed, detail)


def _region(surroundings: Mapping[str, str]) -> str:
    partition = surroundings["partition"]
    region = surroundings.get("region", _REGIONS[partition][0])
    own = next(name for name, (_, start) in _REGIONS.items() if region.startswith(start))
    if own != partition:
        raise UsageError(f"--region {region} is of the partition {own}; give --partition {own}")
    return region


def _json(value: Value) -> float:
    assert isinstance(value, Decimal)  # noqa: S101 - the one kind of value that JSON lacks
    return float(value)


def _instances(
    name: str, instances: Mapping[str, str | None], renderer: Renderer
) -> Iterator[Part]:
    if not instances:
        yield Skipped(name, Reason.not_in_force, f"{renderer.name} renders none with these values")
    for key, text in instances.items():
        own = name if [*instances] == ["[0]"] else f"{name}{key}"
        if text is None:
            detail = f"{renderer.name} does not know it before apply"
            yield Skipped(own, Reason.not_read, detail)
            continue
        try:
            policy = loads(text, own)
        except InputError as error:
            yield Skipped(own, Reason.not_read, str(error))
            continue
        if policy.names_principals:
            yield Skipped(own, Reason.other_kind, "it names principals")
        elif not policy.statements:
            yield Skipped(own, Reason.not_in_force, "it has no statement with these values")
        else:
            yield own, policy
            yield Skipped(own, Reason.rendered, renderer.name)
