"""Reads policies and references from the configuration, in the directory of --source.

A plan has only what an expression refers to, not its text. What the HCL parser does not read, and
what other files of the module may override, stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.syntax import REFERENCE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import Path, place_of
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Hole, HoleKind, Side, fill

if TYPE_CHECKING:
    from vpc_cni_iam.hcl.attributes import Attribute


class SourceReader:
    """Reads arguments of resources from the configuration, from the text of a resource's block."""

    def __init__(self, block_text: Callable[[str], str | None]) -> None:
        self._block_text = block_text

    def policy(self, resource: Resource, path: Path) -> Policy | None:
        """Return the policy that an argument writes out, with a hole for each expression."""
        from vpc_cni_iam.hcl import embedded  # noqa: PLC0415 - needs the parser of HCL

        attribute = self._attribute(resource, path)
        if attribute is None or not embedded.is_document(attribute.value):
            return None
        place = place_of(resource, path)
        with suppress(InputError):  # only the plan is used then
            policy = embedded.read(attribute.value)

            def named(hole: Hole) -> Hole:
                return Hole(HoleKind.UNKNOWN, f"{place}: {hole.place}", Side.AFTER)

            return policy.map_texts(lambda text: fill(text, named), whole=True)
        return None

    def is_reference(self, resource: Resource, path: Path) -> bool:
        """Return whether an argument is exactly one reference to an AWS resource."""
        attribute = self._attribute(resource, path)
        code = attribute.value.span.code if attribute else ""
        return code.startswith("aws_") and re.fullmatch(REFERENCE, code) is not None

    def _attribute(self, resource: Resource, path: Path) -> Attribute | None:
        """Return the attribute of an argument; None if there are several."""
        names = tuple(step for step in path if isinstance(step, str))
        attributes = _attributes(self._block_text(resource.address) or "")
        fitting = [a for a in attributes if a.path == names and not a.dynamic]
        return fitting[0] if len(fitting) == 1 else None


@lru_cache(1024)
def _attributes(text: str) -> tuple[Attribute, ...]:
    from vpc_cni_iam.hcl.attributes import attributes  # noqa: PLC0415 - needs the parser of HCL
    from vpc_cni_iam.hcl.parse import parse  # noqa: PLC0415

    try:
        return tuple(attributes(parse(text, "block")))
    except InputError:
        return ()
