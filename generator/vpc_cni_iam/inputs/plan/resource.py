"""A resource of a plan: its actions, its attributes before and after, and its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace


def split_first(text: str) -> tuple[str, str]:
    """Split a reference after its first part, which keeps its index: ``a["x.y"].b``."""
    if "[" not in text and '"' not in text:
        head, _, rest = text.partition(".")
        return head, rest
    end, quoted, depth = 0, False, 0
    while end < len(text):
        sign = text[end]
        if quoted and sign == "\\":
            end += 1
        elif sign == '"':
            quoted = not quoted
        elif not quoted and sign in "[]":
            depth += 1 if sign == "[" else -1
        elif sign == "." and not quoted and depth <= 0:
            return text[:end], text[end + 1 :]
        end += 1
    return text, ""


def parts(address: str) -> list[str]:
    """Return the parts of an address, each with its index.

    Such as ``module.a["x.y"].aws_iam_role.this[0]``, as in the functions below.
    """
    steps = []
    while address:
        part, address = split_first(address)
        steps.append(part)
    return steps


def without_keys(address: str) -> str:
    """Return an address without the keys of count and for_each."""
    return ".".join(p.partition("[")[0] for p in parts(address))


def module_of(address: str) -> str:
    """Return the module's address of a resource's address."""
    if not address.startswith("module."):
        return ""
    steps = parts(address)
    end = 0
    while end < len(steps) and steps[end] == "module":
        end += 2
    return ".".join(steps[:end])


def parent(module: str) -> str:
    """Return the address of a module's parent."""
    return ".".join(parts(module)[:-2])


def call_names(module: str) -> list[str]:
    """Return the names of the calls that lead to a module."""
    return [p.partition("[")[0] for p in parts(module)[1::2]]


class Resource(Struct, frozen=True):
    """A resource instance of a plan with its actions."""

    address: str  # its full address
    mode: str  # ``managed`` or ``data``
    type: str  # such as ``aws_iam_policy``
    name: str  # its name in the configuration
    # As in the plan, such as ``("delete", "create")``; ``("no-op",)`` for resources that were not
    # targeted.
    actions: tuple[str, ...]
    before: Mapping[str, Any] | None  # its attributes before; None if it did not exist
    after: Mapping[str, Any] | None  # its known attributes after; None if it will not exist
    unknown: Any = False  # true for attributes that are unknown until apply
    hidden_before: Any = False  # true for sensitive attributes of ``before``
    hidden_after: Any = False  # true for sensitive attributes of ``after``
    deposed: str = ""  # the key of a deposed object of a replacement; empty for none
    drift: bool = False  # whether this change happened outside the plan

    @property
    def is_unchanged(self) -> bool:
        """Whether the plan does nothing with it."""
        return self.actions == ("no-op",)

    @property
    def is_forgotten(self) -> bool:
        """Whether it is only removed from the state: it stays, with its attributes as before."""
        return self.actions == ("forget",)

    @property
    def is_deleted(self) -> bool:
        """Whether it does not exist after the plan."""
        return self.after is None and self.unknown is not True

    @property
    def is_replaced(self) -> bool:
        """Whether it is deleted and created again."""
        return {"create", "delete"} <= {*self.actions}

    @property
    def stays(self) -> bool:
        """Whether it stays as it is: the plan only reads or forgets it, if anything."""
        return self.is_unchanged or self.is_forgotten or self.actions == ("read",)

    @property
    def module(self) -> str:
        """The address of its module, empty for the root module."""
        return module_of(self.address)

    @property
    def block(self) -> str:
        """Its address in the module, without the key of count or for_each."""
        return f"{'data.' if self.mode == 'data' else ''}{self.type}.{self.name}"

    def unchanged(self) -> Resource:
        """Return the resource unchanged."""
        before, hidden = self.before, self.hidden_before
        return replace(self, after=before, unknown=False, hidden_after=hidden)

    def deleted(self) -> Resource:
        """Return the resource as deleted."""
        return replace(self, actions=("delete",), after=None, unknown=False, hidden_after=False)
