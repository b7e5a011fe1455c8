"""The part of a module that an engine needs to render policies, and that runs no other code.

It has variables, locals, data sources that the provider answers without a request, and an output
for each policy in another block. A policy is left out if it depends on a resource, a called module,
another data source (which may call AWS or run a program), a function that reads files of this
machine, or the place where the configuration runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.hcl.evaluate.domain import (
    DOCUMENT,
    HclValue,
    Unevaluated,
    ValueScope,
    address_of,
    unknown_in,
)
from vpc_cni_iam.hcl.syntax import Block, Node
from vpc_cni_iam.policy.template import Template, fill

_REPEATED = ("resource", "data", "module")
# For ``count`` and ``for_each``: a loop over the instances, with the key of each as in Terraform.
_REPEATS = {
    "count": ("for i in range({}\n) : {{ index = i }}", '"[${count.index}]"'),
    "for_each": ("for k, v in {} : {{ key = k, value = v }}", r'"[\"${each.key}\"]"'),
}
# Data sources that the AWS provider answers without a request.
_OFFLINE = (DOCUMENT, "data.aws_partition", "data.aws_region", "data.aws_service_principal")
# Functions that read files, or call functions whose names are in a text.
_READS = (
    r"(?s)\b(?:file(?:exists|set|(?:base64|md5|sha)\w*)?|template(?:file|string))"
    r"(?:\s|/\*.*?\*/|(?:#|//)[^\n]*\n)*\("
)
# References to the folder and the workspace in which an engine runs.
_PLACE = r"\b(?:terraform\.workspace|path\.(?:cwd|module|root))\b"
# Possible addresses of blocks; most words of a text are none.
_ADDRESS = r"\b(?:data\.)?[^\W\d][\w-]*\.[^\W\d][\w-]*"


class RenderTarget(Struct, frozen=True):
    """A policy to be rendered: a data source, or an expression."""

    name: str  # its name in reports
    start: str  # the part of that name before an instance's key
    key: str  # its name in the engine's output
    code: str = ""  # the output with the value of an expression; empty for a data source

    @property
    def address(self) -> str:
        """Its address in the excerpt."""
        return self.key if self.code else f"{DOCUMENT}.{self.name}"

    def instance_name(self, key: str, *, alone: bool) -> str:
        """Return an instance's name in reports; `alone` if it is the only one."""
        if alone and (self.code or key in ("", "[0]")):
            return self.name
        return f"{self.start}{key}{self.name.removeprefix(self.start)}"


def document_target(name: str) -> RenderTarget:
    """Return the target of a data source."""
    return RenderTarget(name, name, name)


def expression_target(name: str, block: Block, value: Node, number: int) -> RenderTarget:
    """Return the target of an expression in a top-level block, which may be repeated.

    `number` is its number among the excerpt's expressions.
    """
    repeat = next((a for a in _REPEATS if a in block.attributes), "")
    if block.type not in _REPEATED or not repeat:
        loop = '""  ='
    else:
        item, key = _REPEATS[repeat]
        items = item.format(block.attributes[repeat].outer.code)
        # In the loop, the loop's variable hides the same name of the block.
        loop = f"for {'count' if repeat == 'count' else 'each'} in [{items}\n] : {key} =>"
    value_code = f"{{ {loop} {value.outer.code}\n}}"
    code = f'output "policy_{number}" {{\n  sensitive = true\n  value = {value_code}\n}}\n'
    return RenderTarget(name, ".".join(block.labels), f"output.policy_{number}", code)


class Excerpt(Struct, frozen=True):
    """The part of a module that renders policies."""

    text: str  # its HCL; empty if no policy is in it
    values: Mapping[str, HclValue]  # the values of its variables by name
    targets: tuple[RenderTarget, ...]  # the policies in it
    kinds: frozenset[str]  # the types of its data sources
    left_out: Mapping[str, str]  # why other policies are not in it, by name


def reads_files(code: str) -> bool:
    """Return whether an expression may read files of this machine; if in doubt, true."""
    return re.search(_READS, code) is not None


def excerpt(
    blocks: Iterable[Block],
    scope: ValueScope,
    variables: Iterable[str],
    targets: Iterable[RenderTarget],
) -> Excerpt:
    """Return the part that renders policies, with the variables that a user sets."""
    every = list(targets)
    parts = {address: part for block in blocks for address, part in declarations(block)}
    parts |= {target.address: Declaration(target.code) for target in every if target.code}
    passed = {hole.place for hole in scope.texts} | {f"var.{name}" for name in variables}
    values = {
        address: _passed(scope.values.get(address, Unevaluated(address)), scope)
        for address in sorted(passed & parts.keys())
    }
    chosen: dict[str, str] = {}
    rendered: list[RenderTarget] = []
    left_out: dict[str, str] = {}
    kinds: set[str] = set()
    for target in every:
        own, problem = _closure(target.address, parts, values, scope)
        if problem:
            left_out[target.name] = problem
            continue
        rendered.append(target)
        chosen |= own
        kinds |= {address.rpartition(".")[0] for address in own if address.startswith("data.")}
    needed = {n.removeprefix("var."): v for n, v in values.items() if n in chosen}
    text = "\n".join(chosen.values())
    return Excerpt(text, needed, tuple(rendered), frozenset(kinds), left_out)


def _passed(value: Template | HclValue, scope: ValueScope) -> HclValue:
    """Return what a caller passes for a variable."""
    if not isinstance(value, Template):
        return value
    text = fill(value, lambda hole: scope.texts.get(hole, hole))
    return text if isinstance(text, str) else Unevaluated(str(text))


class Declaration(Struct, frozen=True):
    """A block, or a local value, as it is written."""

    code: str
    block: Block | None = None


def declarations(block: Block) -> Iterator[tuple[str, Declaration]]:
    """Yield the declarations of a top-level block, by address."""
    if block.type == "locals":
        for name, node in block.attributes.items():
            yield f"local.{name}", Declaration(f"locals {{\n  {name} = {node.outer.code}\n}}\n")
    elif block.type == "variable":
        yield f"var.{block.labels[0]}", Declaration(f"{block.span.code}\n", block)
    elif block.type in ("data", "resource", "module"):
        yield address_of(block), Declaration(f"{block.span.code}\n", block)


def _closure(
    address: str,
    parts: Mapping[str, Declaration],
    values: Mapping[str, HclValue],
    scope: ValueScope,
) -> tuple[dict[str, str], str]:
    """Return the code that a block depends on by address, or why an engine does not get it."""
    reached = dependencies([address], parts)
    problems = (_problem(address, parts[address], values, scope) for address in reached)
    if problem := next(filter(None, problems), ""):
        return {}, problem
    return {address: parts[address].code for address in sorted(reached)}, ""


def dependencies(addresses: Iterable[str], parts: Mapping[str, Declaration]) -> list[str]:
    """Return addresses, and the addresses that their code may refer to, each once."""
    pending, reached = [*addresses], dict[str, None]()
    while pending:
        address = pending.pop()
        reached[address] = None
        names = re.findall(_ADDRESS, parts[address].code)
        pending += {name for name in names if name in parts and name not in reached}
    return [*reached]


def _problem(
    address: str, part: Declaration, values: Mapping[str, HclValue], scope: ValueScope
) -> str:
    """Return why an engine does not get a block or a local value; empty if it does."""
    block, kind = part.block, address.rpartition(".")[0]
    place = re.search(_PLACE, part.code)
    if place or reads_files(part.code):
        name = "it" if address.startswith("output.") else address
        reads = f"depends on {place[0]}" if place else "may read files of this machine"
        return f"{name} {reads}, and is not rendered"
    if block is None:
        return ""
    if kind == "var":
        return _no_value(address, block, values)
    if kind not in _OFFLINE or "provider" in block.attributes:
        return f"{address} needs a plan of your configuration: give terraform show -json of it"
    if kind == "data.aws_region" and "region" not in scope.surroundings:
        return f"{address}: give --set region=REGION"
    return ""


def _no_value(address: str, variable: Block, values: Mapping[str, HclValue]) -> str:
    if address not in values and "default" not in variable.attributes:
        return f"{address} has no value; give --{address.replace('.', ' ')}=VALUE"
    return f"{address} has an unknown value" if unknown_in(values.get(address)) else ""
