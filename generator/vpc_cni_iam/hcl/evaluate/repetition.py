"""Repetition: ``count``, ``for_each``, ``dynamic`` blocks and ``for`` expressions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from typing import TYPE_CHECKING

from vpc_cni_iam.hcl.evaluate.domain import (
    EvaluationError,
    HclValue,
    Set,
    TooLargeError,
    UndecidedError,
    Unevaluated,
    flag,
    kind,
    text,
    unknown_in,
)
from vpc_cni_iam.hcl.evaluate.functions import convert_scalar
from vpc_cni_iam.hcl.syntax import Block, Node, Operation, Reference

if TYPE_CHECKING:
    from vpc_cni_iam.hcl.evaluate.expressions import Evaluator

# The most instances of one block that are read.
MOST_INSTANCES = 1_000


def instance_names(
    evaluator: Evaluator, block: Block
) -> dict[str, dict[str, HclValue]] | Unevaluated:
    """Return the names that each instance of a block has, for `Evaluator.instances`."""
    argument = next((a for a in ("count", "for_each") if a in block.attributes), None)
    if argument is None:
        return {"": {}}
    value = evaluator.evaluate(block.attributes[argument])
    if isinstance(value, Unevaluated):
        return value
    if argument == "count":
        try:
            size = convert_scalar(value, "number")
        except UndecidedError:
            return Unevaluated(f"the number {value!r}")
        if not isinstance(size, int) or size < 0:
            raise EvaluationError("count is not a whole number")
        _check_instances(size)
        return {f"[{n}]": {"count": {"index": n}} for n in range(size)}
    if not isinstance(value, dict | Set):
        raise EvaluationError(f"for_each of {kind(value)}")
    _check_instances(len(value))
    return {f'["{k}"]': {"each": {"key": k, "value": v}} for k, v in pairs(value)}


def _check_instances(size: int) -> None:
    if size > MOST_INSTANCES:
        raise TooLargeError(f"has {size:,} instances, and at most {MOST_INSTANCES:,} are read")


def conjuncts(condition: Node) -> Iterator[str]:
    """Yield the names that a condition joins with ``&&``."""
    match condition:
        case Reference(path=path):
            yield path
        case Operation(rule="binary_op", parts=(Node() as first, *terms)):
            nodes = [first]
            for term in terms:
                match term:
                    case Operation(parts=(Operation(parts=("&&",)), Node() as operand)):
                        nodes.append(operand)
                    case _:
                        return
            for node in nodes:
                yield from conjuncts(node)


def pairs(collection: HclValue) -> list[tuple[HclValue, HclValue]]:
    """Return the keys or numbers and the values of a list, set or map, in the order of engines."""
    match collection:
        case dict():
            return sorted(collection.items())
        case Set():
            return list(zip(collection, collection, strict=True))
        case tuple():
            return list(enumerate(collection))
    raise EvaluationError(f"cannot repeat over {kind(collection)}")


def evaluate_for(evaluator: Evaluator, node: Operation) -> HclValue:
    """Return the value of a ``for`` expression."""
    intro = next(p for p in node.parts if isinstance(p, Operation) and p.rule == "for_intro")
    *names, over = (part for part in intro.parts if isinstance(part, Node))
    collection = evaluator.evaluate(over)
    if isinstance(collection, Unevaluated):
        if collection.text is None or not evaluator.scope.lists.issuperset(collection.text.parts):
            return collection.computed
        collection = (collection,)
    variables = [name.path for name in names if isinstance(name, Reference)]
    if len(variables) != len(names):
        raise UndecidedError
    inner = [
        evaluator.with_names(dict(zip(variables, pair[-len(variables) :], strict=True)))
        for pair in pairs(collection)
    ]
    bodies = [p for p in node.parts[node.parts.index(intro) + 1 :] if isinstance(p, Node)]
    match bodies[-1]:
        case Operation(rule="for_cond", parts=(_, Node() as condition)):
            del bodies[-1]
            flags = [flag(each.evaluate(condition)) for each in inner]
            if unknown := unknown_in(tuple(flags)):
                return unknown.computed
            inner = list(compress(inner, flags))
    if node.rule == "for_tuple_expr":
        return tuple(each.evaluate(bodies[0]) for each in inner)
    return _fields(node, inner, bodies)


def _fields(node: Operation, inner: list[Evaluator], bodies: list[Node]) -> HclValue:
    if "..." in node.parts:
        raise UndecidedError  # it groups the values of equal keys
    fields: dict[str, HclValue] = {}
    for evaluator in inner:
        key, value = (evaluator.evaluate(body) for body in bodies)
        name = text(key)
        if isinstance(name, Unevaluated):
            return name.computed
        if name in fields:
            raise EvaluationError(f"the key {name!r} is there twice")
        fields[name] = value
    return fields
