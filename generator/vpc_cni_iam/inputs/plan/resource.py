"""A resource of a plan: what happens to it, and its attributes before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.addresses import module_of


class Resource(Struct, frozen=True):
    """A resource instance of a plan with what happens to it."""

    address: str  # its full address
    mode: str  # ``managed`` or ``data``
    type: str  # such as ``aws_iam_policy``
    name: str  # its name in the configuration
    # As the plan has them, such as ``("delete", "create")``; ``("no-op",)`` for what the plan
    # leaves out because it was not targeted.
    actions: tuple[str, ...]
    before: Mapping[str, Any] | None  # its attributes before; None if it was not there
    after: Mapping[str, Any] | None  # its known attributes after; None if it will not be there
    unknown: Any = False  # what of them is only known after apply, true where it is
    hidden_before: Any = False  # what of ``before`` is sensitive, true where it is
    hidden_after: Any = False  # the same of ``after``
    imported: str = ""  # the identifier it is imported by; empty if it is not
    moved_from: str = ""  # the address it had before; empty if it is not moved
    deposed: str = ""  # the key of a deposed object that a replacement left; empty for none
    drift: bool = False  # whether this is a change that happened outside of the plan

    @property
    def module(self) -> str:
        """The address of its module, empty for the root module."""
        return module_of(self.address)

    @property
    def block(self) -> str:
        """Its address in the module, without the key of count or for_each."""
        return f"{'data.' if self.mode == 'data' else ''}{self.type}.{self.name}"

    def unchanged(self) -> Resource:
        """Return the resource as it is before."""
        before, hidden = self.before, self.hidden_before
        return replace(self, after=before, unknown=False, hidden_after=hidden)

    def deleted(self) -> Resource:
        """Return the resource as one that is deleted."""
        return replace(self, actions=("delete",), after=None, unknown=False, hidden_after=False)
