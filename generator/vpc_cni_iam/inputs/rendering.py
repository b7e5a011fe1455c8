"""Policies of a module that only an engine can render."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from textwrap import shorten

from msgspec import Struct, field

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.catalog.facts.partitions import partition_of, regions_of
from vpc_cni_iam.errors import EngineError, InputError, UsageError
from vpc_cni_iam.hcl.attributes import Attribute
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.evaluate.excerpt import (
    Excerpt,
    RenderTarget,
    document_target,
    excerpt,
    expression_target,
)
from vpc_cni_iam.hcl.module.given import GivenVariables, Renderer
from vpc_cni_iam.hcl.syntax import Block
from vpc_cni_iam.inputs.kind import PolicyPart
from vpc_cni_iam.policy.parse import loads

_LONGEST = 500


class Rendering(Struct, frozen=True):
    """The policies of a module that an engine rendered."""

    engine: str = ""  # the engine's name and version; empty for none
    parts: tuple[tuple[RenderTarget, PolicyPart], ...] = ()  # the results for each policy
    names: frozenset[str] = frozenset()  # the names of these policies in the module
    left_out: Mapping[str, str] = field(default_factory=dict)  # why it did not get others, by name

    def identity_policies(self) -> Iterator[PolicyPart]:
        """Yield the policies of identities, and notes."""
        for _, part in self.parts:
            if isinstance(part, NotKnown):
                yield part
            elif part[1].names_principals:
                yield NotKnown(part[0], Reason.other_kind, "it names principals")
            elif not part[1].statements:
                yield NotKnown(
                    part[0], Reason.not_in_force, "it has no statement with these values"
                )
            else:
                yield part
                yield NotKnown(part[0], Reason.rendered, self.engine)


def render(
    documents: Iterable[str],
    attributes: Iterable[Attribute],
    blocks: Iterable[Block],
    scope: ValueScope,
    user_values: GivenVariables,
) -> Rendering:
    """Return data sources, by their names, and attributes of a module as an engine renders them.

    Without an engine, the result is empty. Raises `UsageError` for a Region of another partition.
    """
    if (renderer := user_values.renderer) is None:
        return Rendering()
    targets = [
        *map(document_target, sorted(documents)),
        *(
            expression_target(attribute.address, attribute.block, attribute.value, number)
            for number, attribute in enumerate(attributes)
        ),
    ]
    part_of = partial(excerpt, [*blocks], scope, user_values.names)
    part = part_of(targets)
    parts = tuple(_policies_of(part.targets, part_of, scope.surroundings, renderer))
    names = frozenset(target.name for target in part.targets)
    return Rendering(renderer.name, parts, names, part.left_out)


def _policies_of(
    targets: Sequence[RenderTarget],
    part_of: Callable[[Sequence[RenderTarget]], Excerpt],
    surroundings: Mapping[str, str],
    renderer: Renderer,
) -> Iterator[tuple[RenderTarget, PolicyPart]]:
    """Yield the policies that an engine renders, each with its target.

    `part_of` returns the part of the module with some of them. `surroundings` are the provider's
    partition, and its Region if known.
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
                yield from _policies_of(some, part_of, surroundings, renderer)
            return
        why = f"{renderer.name} refuses it: {shorten(str(error), _LONGEST)}"
        yield targets[0], NotKnown(targets[0].name, Reason.not_read, why)
        return
    for target in targets:
        for known in _instances(target, documents.get(target.key, {}), renderer):
            yield target, known
    if "region" not in surroundings and "data.aws_service_principal" in part.kinds:
        detail = f'the Region is taken as "{region}"; --set region=REGION names another'
        yield targets[0], NotKnown("data.aws_service_principal", Reason.assumed, detail)


def _region(surroundings: Mapping[str, str]) -> str:
    partition = surroundings["partition"]
    region = surroundings.get("region", regions_of(partition)[0])
    if (own := partition_of(region)) != partition:
        raise UsageError(f"region {region} is of the partition {own}; give --set partition={own}")
    return region


def _instances(
    target: RenderTarget, instances: Mapping[str, str | None], renderer: Renderer
) -> Iterator[PolicyPart]:
    if not instances:
        detail = f"{renderer.name} renders no instance with these values"
        yield NotKnown(target.name, Reason.not_in_force, detail)
    for key, text in instances.items():
        own = target.instance_name(key, alone=len(instances) == 1)
        if text is None:
            detail = f"{renderer.name} does not know it before apply"
            yield NotKnown(own, Reason.not_read, detail)
            continue
        try:
            yield own, loads(text, own)
        except InputError as error:
            yield NotKnown(own, Reason.not_read, str(error))
