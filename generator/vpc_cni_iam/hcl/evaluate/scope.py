"""The names of a module, as its expressions refer to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vpc_cni_iam.hcl.evaluate.domain import Unknown, Value
from vpc_cni_iam.hcl.syntax import Block, Node

DOCUMENT = "data.aws_iam_policy_document"
# Data sources that say where a provider works, and the parameter that each attribute is.
_SURROUNDINGS = {
    "data.aws_partition": {"partition": "partition", "id": "partition"},
    "data.aws_region": {"region": "region", "name": "region", "id": "region"},
    "data.aws_caller_identity": {"account_id": "account_id", "id": "account_id"},
}
# With another argument, such as a Region's name or a provider, it says something else.
_PLAIN = {"count", "for_each", "depends_on"}


@dataclass(frozen=True, slots=True)
class ValueScope:
    """The values of names."""

    # Texts by reference, such as ``var.partition``, that stand for what a caller may pass; None for
    # null.
    values: Mapping[str, str | None] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)  # expressions by reference, for locals
    # Returns the text of a reference to anything else; without it, such a reference is unknown.
    keep: Callable[[str], str] | None = None
    # What a module's variables have; None if it is read for any values, so that nothing may be
    # counted or repeated.
    known: Mapping[str, Value] | None = None
    # Its resources, data sources and called modules, by address.
    blocks: Mapping[str, Block] = field(default_factory=dict)
    # The partition, Region and account of its provider, of those that are known.
    surroundings: Mapping[str, str] = field(default_factory=dict)

    def attributes(self, address: str, key: str) -> dict[str, Value]:
        """Return the known attributes of an instance of a resource, data source or module."""
        kind = address.rpartition(".")[0]
        if kind == DOCUMENT:
            code = f"{address}{key}.json"
            return dict.fromkeys(("json", "minified_json"), Unknown(code, is_text=True))
        names, known = _SURROUNDINGS.get(kind, {}), self.surroundings
        if not self.blocks[address].attributes.keys() <= _PLAIN:
            return {name: Unknown(f"{address}{key}.{name}") for name in names}
        return {name: known[value] for name, value in names.items() if value in known}


def advice(code: str) -> str:
    """Return what a user can do to make a reference known; empty if nothing."""
    kind, _, name = code.partition(".")
    if kind == "var":
        return f"give --var {name.partition('.')[0].partition('[')[0]}=VALUE"
    for address, names in _SURROUNDINGS.items():
        if code.startswith(f"{address}."):
            return f"give --{next(iter(names.values())).replace('_', '-')}"
    return ""


def address_of(block: Block) -> str:
    """Return the address of a resource, data source or module, as expressions name it."""
    return ".".join(block.labels if block.type == "resource" else (block.type, *block.labels))
