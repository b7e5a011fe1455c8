"""The module calls whose arguments change the module's documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import TypeAlias

from vpc_cni_iam.hcl.evaluate.domain import address_of
from vpc_cni_iam.hcl.evaluate.excerpt import declarations, dependencies
from vpc_cni_iam.hcl.module.reader import any_values
from vpc_cni_iam.hcl.resolve import is_document
from vpc_cni_iam.hcl.syntax import Block, Constant, Node, Text
from vpc_cni_iam.policy.template import PolicyText

CallValues: TypeAlias = Mapping[str, PolicyText | bool]  # what a caller passes, by variable
_Values: TypeAlias = tuple[PolicyText | bool | None, ...]  # None if a caller passes nothing

_NULL = Constant("null")
_FLAGS = (Constant("true"), Constant("false"))
# The most calls that are compared; each takes one or two milliseconds.
_MOST = 1024


def calls(
    olds: Sequence[Sequence[Block]], new: Sequence[Block]
) -> list[tuple[tuple[CallValues, ...], CallValues]] | None:
    """Return the calls of old versions of a module and of a new one; None if there are too many.

    A document can depend on a boolean, on whether a variable is null, and on a default that differs
    between the versions. The calls are all combinations of these. A text that a caller passes is
    unknown.
    """
    before, after = [_defaults(old) for old in olds], _defaults(new)
    used = {name for old in olds for name in _used(old, new)}
    values = {
        name: tuple(dict.fromkeys(v for side in before for v in _values(name, side[name], default)))
        for name, default in after.items()
        if name in used and all(name in side for side in before)
    }
    if prod(map(len, values.values())) > _MOST:
        return None
    every = (dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))
    return [(tuple(_call(p, side) for side in before), _call(p, after)) for p in every]


def _defaults(blocks: Sequence[Block]) -> dict[str, Node | None]:
    """Return the defaults of variables; None if a caller must pass a value."""
    variables = (b for b in blocks if b.type == "variable")
    return {b.labels[0]: b.attributes.get("default") for b in variables}


def _used(old: Sequence[Block], new: Sequence[Block]) -> set[str]:
    """Return the variables on which documents that differ may depend."""
    before, after = _codes(old), _codes(new)
    codes = [
        codes
        for document in before.keys() | after.keys()
        if before.get(document) != after.get(document)
        for codes in (before.get(document, {}), after.get(document, {}))
    ]
    addresses = {address for each in codes for address in each}
    return {a.removeprefix("var.") for a in addresses if a.startswith("var.")}


def variables(blocks: Sequence[Block]) -> dict[str, set[str]]:
    """Return the names of the variables that each policy document depends on, by its name."""
    return {
        document.rpartition(".")[2]: {a[4:] for a in codes if a.startswith("var.")}
        for document, codes in _codes(blocks).items()
    }


def _codes(blocks: Sequence[Block]) -> dict[str, dict[str, str]]:
    """Return the code that each document depends on, by address."""
    parts = {address: part for block in blocks for address, part in declarations(block)}
    documents = (address_of(block) for block in blocks if is_document(block))
    return {d: {a: parts[a].code for a in dependencies([d], parts)} for d in documents}


def _values(name: str, old: Node | None, new: Node | None) -> _Values:
    """Return what a caller may pass for a variable with these defaults."""
    default = (None,) if old != new or old == _NULL else ()
    if old in _FLAGS or new in _FLAGS:
        return (True, False, *default)
    if all(node is None or node == _NULL or isinstance(node, Text) for node in (old, new)):
        return (*any_values([name]).values(), *default)
    return (None,)  # a list or map; documents do not compute anything from it


def _call(
    passed: Mapping[str, PolicyText | bool | None], defaults: Mapping[str, Node | None]
) -> CallValues:
    """Return a call that passes every variable without a default."""
    call: dict[str, PolicyText | bool] = {}
    for name, value in passed.items():
        if value is not None:
            call[name] = value
        elif defaults[name] is None:
            call |= any_values([name])
    return call
