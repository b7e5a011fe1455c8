"""Changes of a module's interface (inputs, outputs and minimum versions) and of its other code.

Only an engine can evaluate the other code. Comments, layout and the file of a block make no
difference. Every other difference is treated as a change that may remove access.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.hcl.syntax import (
    Block,
    Constant,
    FunctionCall,
    List,
    Node,
    Object,
    Text,
    without_field,
)
from vpc_cni_iam.publishing.versioning.semver import Bump, VersionChange

_MINIMUM = re.compile(r">=\s*(\d+(?:\.\d+)*)", re.ASCII)
Shape: TypeAlias = Hashable
# Arguments without effect, only for people.
_WORDS = frozenset({"description", "error_message"})
# Arguments of a variable that are compared as the interface.
_INTERFACE = frozenset({"type", "default", "nullable"})


class _Input(Struct, frozen=True):
    type: Node | None
    default: Node | None
    nullable: bool
    rules: frozenset[Node | None]


class ModuleInterface(Struct, frozen=True):
    """The interface of one module."""

    inputs: Mapping[str, _Input]  # the input variables by name
    outputs: Mapping[str, frozenset[Node | None]]  # the preconditions of each output by name
    constraints: Mapping[str, str]  # the version constraints of the engine and of each provider


def read_interface(blocks: Sequence[Block]) -> ModuleInterface:
    """Return the interface of a module with these blocks."""
    return ModuleInterface(
        {b.labels[0]: _input(b) for b in blocks if b.type == "variable"},
        {b.labels[0]: _rules(b, "precondition") for b in blocks if b.type == "output"},
        dict(pair for b in blocks if b.type == "terraform" for pair in _version_constraints(b)),
    )


def _rules(block: Block, kind: str) -> frozenset[Node | None]:
    return frozenset(b.attributes.get("condition") for b in block.blocks if b.type == kind)


def _input(block: Block) -> _Input:
    kind, default, nullable = map(block.attributes.get, ("type", "default", "nullable"))
    return _Input(kind, default, nullable != Constant("false"), _rules(block, "validation"))


def _version_constraints(block: Block) -> Iterator[tuple[str, str]]:
    required = block.attributes.get("required_version")
    if isinstance(required, Text):
        yield "engine", "".join(map(str, required.parts))
    for inner in block.blocks:
        if inner.type == "required_providers":
            for name, node in inner.attributes.items():
                fields = dict(node.fields) if isinstance(node, Object) else {}
                version = fields.get(Text(("version",)))
                yield f"provider {name}", (isinstance(version, Text) and version.plain) or ""


def compare_interfaces(
    old: ModuleInterface, new: ModuleInterface, subject: str
) -> tuple[VersionChange, ...]:
    """Return the changes of an interface, with their subject."""
    changes = (*_inputs(old, new), *_outputs(old, new), *_constraints(old, new))
    return tuple(VersionChange(bump, subject, text) for bump, text in changes)


def _inputs(old: ModuleInterface, new: ModuleInterface) -> Iterator[tuple[Bump, str]]:
    for name in old.inputs:
        if name not in new.inputs:
            yield Bump.major, f"input {name} is removed"
    for name, after in new.inputs.items():
        before = old.inputs.get(name)
        if before is not None:
            yield from _input_changes(f"input {name}", before, after)
        elif after.default is None:
            yield Bump.major, f"new required input {name}"
        else:
            yield Bump.minor, f"new optional input {name}"


def _input_changes(label: str, before: _Input, after: _Input) -> Iterator[tuple[Bump, str]]:
    if after.default is None and before.default is not None:
        yield Bump.major, f"{label} is now required"
    elif before.default is None and after.default is not None:
        yield Bump.minor, f"{label} is no longer required"
    elif before.default != after.default:
        yield Bump.major, f"{label} has another default"
    if before.type != after.type:
        yield Bump.major, f"{label} has another type"
    if before.nullable != after.nullable:
        bump, word = (Bump.minor, "now") if after.nullable else (Bump.major, "no longer")
        yield bump, f"{label} {word} accepts null"
    if not _at_least_as_wide(after.rules, before.rules):
        yield Bump.major, f"{label} has a new or another validation"
    elif after.rules != before.rules:
        yield Bump.minor, f"{label} accepts more values"


def _at_least_as_wide(after: frozenset[Node | None], before: frozenset[Node | None]) -> bool:
    """Return whether every value that meets the old rules is known to meet the new ones."""
    return all(rule in before or any(_extends(rule, old) for old in before) for rule in after)


def _extends(new: Node | None, old: Node | None) -> bool:
    """Return whether both rules are ``contains``, and the new list has all values of the old."""
    if not (isinstance(new, FunctionCall) and isinstance(old, FunctionCall)):
        return False
    if (new.name, old.name) != ("contains", "contains") or new.arguments[1:] != old.arguments[1:]:
        return False
    new_list, old_list = new.arguments[0], old.arguments[0]
    if not (isinstance(new_list, List) and isinstance(old_list, List)):
        return False
    return set(old_list.items) <= set(new_list.items)


def _outputs(old: ModuleInterface, new: ModuleInterface) -> Iterator[tuple[Bump, str]]:
    for name in old.outputs:
        if name not in new.outputs:
            yield Bump.major, f"output {name} is removed"
    for name, rules in new.outputs.items():
        if name not in old.outputs:
            yield Bump.minor, f"new output {name}"
        elif not _at_least_as_wide(rules, old.outputs[name]):
            yield Bump.major, f"output {name} has a new or another precondition"


def _constraints(old: ModuleInterface, new: ModuleInterface) -> Iterator[tuple[Bump, str]]:
    for name, after in new.constraints.items():
        before = old.constraints.get(name)
        if before == after:
            continue
        old_minimum, new_minimum = (_minimum(c) for c in (before or ">= 0", after))
        if old_minimum and new_minimum and new_minimum <= old_minimum:
            yield Bump.minor, f"the {name} may be older: {after}, was {before}"
        else:
            text = f"the {name} must be {after or 'any'}, was {before or 'not required'}"
            yield Bump.major, text
    for name, before in old.constraints.items():
        if name not in new.constraints:
            yield Bump.minor, f"the {name} is no longer required, was {before}"


def _minimum(constraint: str) -> tuple[int, ...]:
    """Return the version of a constraint such as ``>= 1.6``, empty for other constraints."""
    match = _MINIMUM.fullmatch(constraint)
    return tuple(map(int, match[1].split("."))) if match else ()


def compare_code(
    old: Iterable[Block], new: Iterable[Block], unreadable: Iterable[str], subject: str
) -> tuple[VersionChange, ...]:
    """Return the changes of all blocks except the interface and the documents that were read."""
    before, after = (dict(_shapes(blocks, set(unreadable))) for blocks in (old, new))
    changes = []
    for name in sorted({*before, *after}):
        if name not in after or name not in before:
            # Other added or removed blocks are changes of inputs, outputs or policies.
            if name.startswith(("resource ", "module ", "data ")):
                bump, word = (Bump.minor, "is new") if name in after else (Bump.major, "is removed")
                changes.append(VersionChange(bump, subject, f"{name} {word}"))
        elif before[name] != after[name]:
            text = f"{name} has changed, and only an engine can evaluate the difference"
            changes.append(VersionChange(Bump.major, subject, text))
    return tuple(changes)


def _shapes(blocks: Iterable[Block], unreadable: set[str]) -> Iterator[tuple[str, Shape]]:
    for block in blocks:
        name = f"{block.type} {'.'.join(block.labels)}"
        match block.type:
            case "resource" | "module" | "data":
                document = block.labels[:1] == ("aws_iam_policy_document",)
                if not document or block.labels[-1] in unreadable:
                    yield name, _shape(block)
            case "variable":
                yield name, _arguments(block, _WORDS | _INTERFACE)
            case "output":
                yield name, _arguments(block, _WORDS | {"value"})
                if "value" in block.attributes:
                    yield from _values(f"value of {name}", block.attributes["value"])
            case "locals":
                for local, node in block.attributes.items():
                    yield from _values(f"local {local}", node)
            case "terraform":
                for inner in block.blocks:
                    for provider, node in inner.attributes.items():
                        yield f"provider {provider}", without_field(node, "version")


def _values(name: str, node: Node) -> Iterator[tuple[str, Shape]]:
    """Yield a value, or the values of an object by key; strings in an object are descriptions."""
    if not isinstance(node, Object):
        yield name, node
        return
    for key, value in node.fields:
        is_text = isinstance(value, Text) and value.plain is not None
        yield f"{name} [{key.full_code}]", "a text" if is_text else value


def _shape(block: Block) -> Shape:
    return block.type, block.labels, _arguments(block, _WORDS), tuple(map(_shape, block.blocks))


def _arguments(block: Block, without: frozenset[str]) -> Shape:
    return frozenset((n, v) for n, v in block.attributes.items() if n not in without)
