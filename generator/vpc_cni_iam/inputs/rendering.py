"""Policies of a module that only an engine can render."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import shorten

from vpc_cni_iam.catalog.facts.partitions import partition_of, regions_of
from vpc_cni_iam.errors import EngineError, InputError, UsageError
from vpc_cni_iam.hcl.evaluate.excerpt import Excerpt, RenderTarget
from vpc_cni_iam.hcl.module.given import Renderer
from vpc_cni_iam.inputs.kind import PolicyPart
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.parse import loads

_LONGEST = 500


def rendered(
    targets: Sequence[RenderTarget],
    part_of: Callable[[Sequence[RenderTarget]], Excerpt],
    surroundings: Mapping[str, str],
    renderer: Renderer,
) -> Iterator[PolicyPart]:
    """Yield the identity policies of `policies_of`, and notes."""
    for _, part in policies_of(targets, part_of, surroundings, renderer):
        if isinstance(part, Skipped):
            yield part
        elif part[1].names_principals:
            yield Skipped(part[0], Reason.other_kind, "it names principals")
        elif not part[1].statements:
            yield Skipped(part[0], Reason.not_in_force, "it has no statement with these values")
        else:
            yield part
            yield Skipped(part[0], Reason.rendered, renderer.name)


def policies_of(
    targets: Sequence[RenderTarget],
    part_of: Callable[[Sequence[RenderTarget]], Excerpt],
    surroundings: Mapping[str, str],
    renderer: Renderer,
) -> Iterator[tuple[RenderTarget, PolicyPart]]:
    """Yield the policies that an engine renders, each with its target.

    `part_of` returns the part of the module with some of them. `surroundings` are the provider's
    partition, and its Region if known. Raises `UsageError` for a Region of another partition.
    """
    if not targets:
        return
    region = _region(surroundings)
    part = part_of(targets)
    values = json.dumps(part.values)
    try:
        documents = renderer.render(part.text, values, region)
    except EngineError as error:
        if len(targets) > 1:  # if the engine refuses one, render the others alone
            half = len(targets) // 2
            for some in (targets[:half], targets[half:]):
                yield from policies_of(some, part_of, surroundings, renderer)
            return
        why = f"{renderer.name} refuses it: {shorten(str(error), _LONGEST)}"
        yield targets[0], Skipped(targets[0].name, Reason.not_read, why)
        return
    for target in targets:
        for known in _instances(target, documents.get(target.key, {}), renderer):
            yield target, known
    if "region" not in surroundings and "data.aws_service_principal" in part.kinds:
        detail = f'the Region is taken as "{region}"; --region names another'
        yield targets[0], Skipped("data.aws_service_principal", Reason.assumed, detail)


def _region(surroundings: Mapping[str, str]) -> str:
    partition = surroundings["partition"]
    region = surroundings.get("region", regions_of(partition)[0])
    if (own := partition_of(region)) != partition:
        raise UsageError(f"--region {region} is of the partition {own}; give --partition {own}")
    return region


def _instances(
    target: RenderTarget, instances: Mapping[str, str | None], renderer: Renderer
) -> Iterator[PolicyPart]:
    if not instances:
        detail = f"{renderer.name} renders no instance with these values"
        yield Skipped(target.name, Reason.not_in_force, detail)
    for key, text in instances.items():
        own = target.instance_name(key, alone=len(instances) == 1)
        if text is None:
            detail = f"{renderer.name} does not know it before apply"
            yield Skipped(own, Reason.not_read, detail)
            continue
        try:
            yield own, loads(text, own)
        except InputError as error:
            yield Skipped(own, Reason.not_read, str(error))
