"""What users of a module rely on besides its permissions: inputs, outputs and version floors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vpc_cni_iam.hcl.read import Block, Call, Node, Other, Quoted, Reference
from vpc_cni_iam.publishing.semver import Bump

_FLOOR = re.compile(r">=\s*(\d+(?:\.\d+)*)", re.ASCII)
_PROVIDER_VERSION = re.compile(r'\bversion\s*=\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between two versions, and the least bump that it asks for.

    Args:
        bump: The bump.
        place: What it is about, such as ``ipv4`` or ``modules/role``; empty for the module.
        text: What changed.
    """

    bump: Bump
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


@dataclass(frozen=True, slots=True)
class _Input:
    type: Node | None
    default: Node | None
    nullable: bool
    rules: frozenset[Node | None]


@dataclass(frozen=True, slots=True)
class Interface:
    """The interface of one module.

    Args:
        inputs: By name.
        outputs: The rules of each by name.
        floors: Version constraints by what they are about.
    """

    inputs: Mapping[str, _Input]
    outputs: Mapping[str, frozenset[Node | None]]
    floors: Mapping[str, str]


def interface(blocks: Sequence[Block]) -> Interface:
    """Return the interface of a module.

    Args:
        blocks: The blocks of its ``*.tf`` files.
    """
    named = [b for b in blocks if b.labels]
    return Interface(
        {b.labels[0]: _input(b) for b in named if b.type == "variable"},
        {b.labels[0]: _rules(b, "precondition") for b in named if b.type == "output"},
        dict(pair for b in blocks if b.type == "terraform" for pair in _floors(b)),
    )


def _argument(block: Block, name: str) -> Node | None:
    return block.attributes[name][0] if name in block.attributes else None


def _rules(block: Block, kind: str) -> frozenset[Node | None]:
    return frozenset(_argument(b, "condition") for b in block.blocks if b.type == kind)


def _input(block: Block) -> _Input:
    strict = Reference("false"), Other("false")
    return _Input(
        _argument(block, "type"),
        _argument(block, "default"),
        _argument(block, "nullable") not in strict,
        _rules(block, "validation"),
    )


def _floors(block: Block) -> Iterator[tuple[str, str]]:
    required = _argument(block, "required_version")
    if isinstance(required, Quoted):
        yield "engine", "".join(map(str, required.parts))
    for inner in block.blocks:
        if inner.type == "required_providers":
            for name, (node, _) in inner.attributes.items():
                match = _PROVIDER_VERSION.search(node.code) if isinstance(node, Other) else None
                yield f"provider {name}", match[1] if match else ""


def findings(old: Interface, new: Interface, place: str) -> tuple[Finding, ...]:
    """Return how an interface changed.

    Args:
        old: Before.
        new: After.
        place: What the findings name.
    """
    found = (*_inputs(old, new), *_outputs(old, new), *_constraints(old, new))
    return tuple(Finding(bump, place, text) for bump, text in found)


def _inputs(old: Interface, new: Interface) -> Iterable[tuple[Bump, str]]:
    for name in old.inputs:
        if name not in new.inputs:
            yield Bump.major, f"input {name} is removed"
    for name, after in new.inputs.items():
        before = old.inputs.get(name)
        required = after.default is None
        if before is None:
            kind = "required" if required else "optional"
            yield (Bump.major if required else Bump.minor), f"new {kind} input {name}"
            continue
        if required != (before.default is None):
            bump, word = (Bump.major, "now") if required else (Bump.minor, "no longer")
            yield bump, f"input {name} is {word} required"
        elif before.default != after.default:
            yield Bump.major, f"input {name} has another default"
        if before.type != after.type:
            yield Bump.major, f"input {name} has another type"
        if before.nullable != after.nullable:
            bump, word = (Bump.minor, "now") if after.nullable else (Bump.major, "no longer")
            yield bump, f"input {name} {word} takes null"
        if not _allowed(after.rules, before.rules):
            yield Bump.major, f"input {name} has a new or another validation"
        elif after.rules != before.rules:
            yield Bump.minor, f"input {name} takes more values"


def _allowed(after: frozenset[Node | None], before: frozenset[Node | None]) -> bool:
    """Say whether what met the rules before is known to meet those after."""
    return all(rule in before or any(_wider(rule, old) for old in before) for rule in after)


def _wider(new: Node | None, old: Node | None) -> bool:
    """Say whether a rule is one of ``contains`` whose list holds all that the other's does."""
    if not (isinstance(new, Call) and isinstance(old, Call)):
        return False
    if (new.name, old.name) != ("contains", "contains") or new.arguments[1:] != old.arguments[1:]:
        return False
    more, less = new.arguments[0], old.arguments[0]
    return isinstance(more, tuple) and isinstance(less, tuple) and set(less) <= set(more)


def _outputs(old: Interface, new: Interface) -> Iterable[tuple[Bump, str]]:
    for name in old.outputs:
        if name not in new.outputs:
            yield Bump.major, f"output {name} is removed"
    for name, rules in new.outputs.items():
        if name not in old.outputs:
            yield Bump.minor, f"new output {name}"
        elif not _allowed(rules, old.outputs[name]):
            yield Bump.major, f"output {name} has a new or another precondition"


def _constraints(old: Interface, new: Interface) -> Iterable[tuple[Bump, str]]:
    for name, after in new.floors.items():
        before = old.floors.get(name)
        if before == after:
            continue
        one, other = (_FLOOR.fullmatch(c) for c in (before or ">= 0", after))
        if one and other and _number(other[1]) <= _number(one[1]):
            yield Bump.minor, f"the {name} may be older: {after}, was {before}"
        else:
            yield (
                Bump.major,
                f"the {name} must be {after or 'any'}, was {before or 'not asked for'}",
            )
    for name, before in old.floors.items():
        if name not in new.floors:
            yield Bump.minor, f"the {name} is no longer asked for, was {before}"


def _number(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
