"""The part of a module that an engine needs to render policy documents, and that runs nothing.

It has variables, locals, and data sources that the provider answers by itself. A document that
depends on anything else is left out: on a resource, a called module, another data source, which may
ask AWS or run a program, or a function that reads files of this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vpc_cni_iam.hcl.evaluate.domain import Unknown, Value, unknown_in
from vpc_cni_iam.hcl.evaluate.scope import DOCUMENT, ValueScope, address_of
from vpc_cni_iam.hcl.syntax import Block

# Data sources that the AWS provider answers without a request.
_OFFLINE = (DOCUMENT, "data.aws_partition", "data.aws_region", "data.aws_service_principal")
# Functions that read files, or call the functions that are named in a text.
_READS = re.compile(
    r"\b(?:file(?:exists|set|(?:base64|md5|sha)\w*)?|template(?:file|string))"
    r"(?:\s|/\*.*?\*/|(?:#|//)[^\n]*\n)*\(",
    re.DOTALL,
)
# What may be the address of a block; most words of a text are none.
_ADDRESS = re.compile(r"\b(?:data\.)?[^\W\d][\w-]*\.[^\W\d][\w-]*")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a module that renders documents."""

    text: str  # its HCL; empty if no document is in it
    values: Mapping[str, Value]  # the values of its variables by name
    names: tuple[str, ...]  # the documents in it
    kinds: frozenset[str]  # the types of its data sources
    left_out: Mapping[str, str]  # why other documents are not in it, by name


def reads_files(code: str) -> bool:
    """Say whether an expression may read files of this machine; in doubt it does."""
    return _READS.search(code) is not None


def excerpt(
    blocks: Iterable[Block], scope: ValueScope, names: Iterable[str], variables: Iterable[str]
) -> Excerpt:
    """Return what renders the documents of these names, with the variables a user gives."""
    parts = {address: part for block in blocks for address, part in _parts(block)}
    known = scope.known or {}
    values = {
        **scope.values,
        **{a: known.get(a, Unknown(a)) for a in (f"var.{n}" for n in variables)},
    }
    values = {address: value for address, value in values.items() if address in parts}
    chosen: dict[str, str] = {}
    rendered: list[str] = []
    left_out: dict[str, str] = {}
    kinds: set[str] = set()
    for name in names:
        own, problem = _closure(f"{DOCUMENT}.{name}", parts, values, scope)
        if problem:
            left_out[name] = problem
            continue
        rendered.append(name)
        chosen |= own
        kinds |= {address.rpartition(".")[0] for address in own if address.startswith("data.")}
    needed = {n.removeprefix("var."): v for n, v in values.items() if n in chosen}
    text = "\n".join(chosen.values())
    return Excerpt(text, needed, tuple(rendered), frozenset(kinds), left_out)


@dataclass(frozen=True, slots=True)
class _Declaration:
    """A block, or a local value, as it is written."""

    code: str
    block: Block | None = None


def _parts(block: Block) -> Iterator[tuple[str, _Declaration]]:
    if block.type == "locals":
        for name, node in block.attributes.items():
            yield f"local.{name}", _Declaration(f"locals {{\n  {name} = {node.outer.code}\n}}\n")
    elif block.type == "variable" and block.labels:
        yield f"var.{block.labels[0]}", _Declaration(f"{block.span.code}\n", block)
    elif block.type in ("data", "resource", "module"):
        yield address_of(block), _Declaration(f"{block.span.code}\n", block)


def _closure(
    address: str, parts: Mapping[str, _Declaration], values: Mapping[str, Value], scope: ValueScope
) -> tuple[dict[str, str], str]:
    """Return the code that a block depends on by address; or why an engine does not get it."""
    pending, codes = [address], dict[str, str]()
    while pending:
        address = pending.pop()
        part = parts[address]
        if problem := _problem(address, part, values, scope):
            return {}, problem
        codes[address] = part.code
        pending += {m for m in _ADDRESS.findall(part.code) if m in parts and m not in codes}
    return dict(sorted(codes.items())), ""


def _problem(
    address: str, part: _Declaration, values: Mapping[str, Value], scope: ValueScope
) -> str:
    """Say why an engine does not get a block or a local value; empty if it does."""
    block, kind = part.block, address.rpartition(".")[0]
    if reads_files(part.code):
        return f"{address} may read files of this machine, and is not rendered"
    if block is None:
        return ""
    if kind == "var":
        return _no_value(address, block, values)
    if kind not in _OFFLINE or "provider" in block.attributes:
        return f"{address} takes a plan of your configuration: give terraform show -json of it"
    if kind == "data.aws_region" and "region" not in scope.surroundings:
        return f"{address}: give --region"
    return ""


def _no_value(address: str, variable: Block, values: Mapping[str, Value]) -> str:
    if address not in values and "default" not in variable.attributes:
        return f"{address} has no value; give --{address.replace('.', ' ')}=VALUE"
    return f"{address} has an unknown value" if unknown_in(values.get(address)) else ""
