"""Evaluates the expressions of a module."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, cast

from msgspec.structs import replace

from vpc_cni_iam.errors import Message
from vpc_cni_iam.hcl.evaluate import operations, repetition
from vpc_cni_iam.hcl.evaluate.domain import (
    PLAIN_ARGUMENTS,
    SURROUNDINGS,
    EvaluationBudget,
    EvaluationError,
    HclValue,
    TooLargeError,
    UndecidedError,
    Unevaluated,
    ValueScope,
    advice,
    flag,
    kind,
    number,
    scalar_kinds,
    text,
)
from vpc_cni_iam.hcl.evaluate.functions import FUNCTIONS, missing_argument
from vpc_cni_iam.hcl.parse import expression
from vpc_cni_iam.hcl.syntax import (
    REFERENCE,
    Block,
    Code,
    CodeKind,
    Conditional,
    Constant,
    FunctionCall,
    Heredoc,
    List,
    Node,
    Object,
    Operation,
    Reference,
    Text,
)
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, Template, join

_CONSTANTS: dict[str, HclValue] = {"true": True, "false": False, "null": None}
_ABSENT = object()
_IN_PROGRESS = object()
_SPLAT = "full_splat_expr_term"
_LOGICAL = ("&&", "||")
_PLAN: Message = "a plan shows it: terraform show -json PLANFILE"
_ADVICE: dict[str, Message] = {"file": "name the file that it reads instead"}


class Evaluator:
    """Evaluates expressions with the names of one module."""

    def __init__(self, scope: ValueScope) -> None:
        self.scope = scope
        self.names: Mapping[str, HclValue] = {}
        self.root = self
        self.assumed: frozenset[str] = frozenset()
        self.budget = EvaluationBudget()
        self._locals: dict[str, Any] = {}

    def with_names(self, names: Mapping[str, HclValue]) -> Evaluator:
        """Return an evaluator with more names, such as an iterator's."""
        inner = copy(self)
        inner.names = {**self.names, **names}
        return inner

    def possible_instances(self, block: Block) -> tuple[dict[str, Evaluator], Unevaluated | None]:
        """Return the instances of a block; if their number is unknown, one, and the reason."""
        instances = self.instances(block)
        if isinstance(instances, Unevaluated):
            return {"": self._where_it_exists(block)}, instances
        return instances, None

    def _where_it_exists(self, block: Block) -> Evaluator:
        """Return an evaluator in which the conditions of a block's existence are true.

        These are the names joined with ``&&`` in ``count``, as in ``var.a && local.b ? 1 : 0``.
        """
        match block.attributes.get("count"):
            case Conditional(condition=condition, options=(Constant("1"), Constant("0"))):
                inner = copy(self)
                inner.root, inner._locals = inner, {}
                inner.assumed = self.assumed | set(repetition.conjuncts(condition))
                return inner
        return self

    def evaluate(self, node: Node) -> HclValue:
        """Return the value of an expression.

        Raises `EvaluationError` if every engine refuses it, `TooLargeError` after too many steps.
        """
        self.budget.take()
        try:
            return _BY_TYPE[type(node)](self, node)
        except UndecidedError:
            return Unevaluated(operations.shown(node), _PLAN)
        except RecursionError:
            raise TooLargeError("nests too deeply to be evaluated") from None

    def instances(self, block: Block) -> dict[str, Evaluator] | Unevaluated:
        """Return the instances of a block, each with an evaluator for its key or number.

        The keys are suffixes of the block's address, such as ``[0]``; empty without ``count`` and
        ``for_each``. Raises as `evaluate` does.
        """
        names = repetition.instance_names(self, block)
        if isinstance(names, Unevaluated):
            return names
        return {key: self.with_names(names[key]) for key in names}

    def _constant(self, node: Constant) -> HclValue:
        return _CONSTANTS[node.code] if node.code in _CONSTANTS else number(node.code)

    def _reference(self, node: Reference) -> HclValue:
        if node.path in self.assumed:
            return True
        parts = node.path.split(".")
        for length in range(1, min(len(parts), 3) + 1):
            named = self._named(".".join(parts[:length]))
            if named is _ABSENT:
                continue
            value: HclValue = named
            self.budget.weigh(value)
            for part in parts[length:]:
                value = operations.attribute(value, part)
            return value
        return Unevaluated(node.path, advice(node.path))

    def _named(self, name: str) -> Any:
        """Return the value of a name; `_ABSENT` if it does not exist."""
        scope = self.scope
        if name in self.names:
            return self.names[name]
        if name in scope.values:
            value = scope.values[name]
            return Unevaluated(name, advice(name), value) if isinstance(value, Template) else value
        if name in scope.nodes:
            return self._local(name)
        if name in scope.blocks:
            return self._block(name)
        return _ABSENT

    def _local(self, name: str) -> HclValue:
        if name not in self._locals:
            self._locals[name] = _IN_PROGRESS
            try:
                self._locals[name] = self.root.evaluate(self.scope.nodes[name])
            except EvaluationError as error:
                self._locals[name] = error
        value = self._locals[name]
        if value is _IN_PROGRESS:
            raise EvaluationError(f"{name} refers to itself")
        if isinstance(value, EvaluationError):
            raise value
        return cast("HclValue", value)

    def _block(self, address: str) -> HclValue:
        """Return a resource, data source or module: only the number of its instances is known."""
        block = self.scope.blocks[address]
        instances = self.root.instances(block)
        if isinstance(instances, Unevaluated):
            return Unevaluated(address, instances.advice)
        arguments = {
            name: self.root.evaluate(node)
            for name, node in block.attributes.items()
            if address.rpartition(".")[0] in SURROUNDINGS and name not in PLAIN_ARGUMENTS
        }
        parts = {
            key: Unevaluated(
                f"{address}{key}",
                attributes=self.scope.attributes(address, key, arguments),
            )
            for key in instances
        }
        if "" in parts:
            return parts[""]
        if "count" in block.attributes:
            return tuple(parts.values())
        return {key[2:-2]: value for key, value in parts.items()}

    def _text(self, node: Text) -> HclValue:
        pieces: list[PolicyText] = []
        for part in node.parts:
            value = part if isinstance(part, str) else self._part(part)
            if isinstance(value, Unevaluated):
                if value.text is None:
                    return value
                pieces.append(value.text)
            else:
                pieces.append(value)
        joined = join(pieces)
        self.budget.weigh(str(joined))
        if isinstance(joined, Template):
            return Unevaluated(operations.shown(node), "", joined)
        return text(joined)

    def _part(self, node: Node) -> str | Unevaluated:
        """Return the value of an expression in a text; references may be holes."""
        value = text(self.evaluate(node))
        if isinstance(value, Unevaluated) and value.text is None and self.is_hole(node):
            return replace(value, text=Template((Hole(HoleKind.UNKNOWN, node.span.code),)))
        return value

    def is_hole(self, node: Node) -> bool:
        """Return whether a node is a reference with the same value everywhere in the module."""
        code = node.span.code
        return (
            self.scope.holes
            and code.partition(".")[0] not in self.names
            and re.fullmatch(REFERENCE, code) is not None
        )

    def _heredoc(self, node: Heredoc) -> HclValue:
        return self._text(Text(node.content, span=node.span))

    def _code(self, node: Code) -> HclValue:
        inner = expression(node.code) if node.kind is CodeKind.expression else None
        return Unevaluated(node.code) if inner is None else self.evaluate(inner)

    def _list(self, node: List) -> HclValue:
        return tuple(self.evaluate(item) for item in node.items)

    def _object(self, node: Object) -> HclValue:
        fields: dict[str, HclValue] = {}
        for key, inner in node.fields:
            name = text(self.evaluate(key))
            if isinstance(name, Unevaluated):
                return name.computed
            if name in fields:
                raise UndecidedError  # the last one would win, which nobody intends
            fields[name] = self.evaluate(inner)
        return fields

    def _conditional(self, node: Conditional) -> HclValue:
        holds = flag(self.evaluate(node.condition))
        if isinstance(holds, Unevaluated):
            return holds
        chosen, other = node.options if holds else reversed(node.options)
        value = self.evaluate(chosen)
        if isinstance(value, str):
            return value
        # Both options get the same type, which may convert this one.
        try:
            against = self.evaluate(other)
        except EvaluationError:
            if scalar_kinds(value) <= {"string"}:
                return value
            raise UndecidedError from None
        operations.check_options(value, against, other)
        return value

    def _call(self, node: FunctionCall) -> HclValue:
        if node.name == "try":
            return self._try(node)
        if node.name not in FUNCTIONS:
            return Unevaluated(operations.shown(node), _ADVICE.get(node.name, _PLAN))
        return self._apply(node.name, [self.evaluate(a) for a in node.arguments], node)

    def _spread_call(self, node: Operation) -> HclValue:
        name, _, arguments, *_ = node.parts
        if not isinstance(name, Reference) or not isinstance(arguments, Operation):
            raise UndecidedError
        *values, last = [self.evaluate(a) for a in arguments.parts if isinstance(a, Node)]
        if isinstance(last, Unevaluated):
            return last.computed
        if not isinstance(last, tuple):
            raise EvaluationError(f"{kind(last)} before ...")
        return self._apply(name.path, [*values, *last], node)

    def _apply(self, name: str, arguments: list[HclValue], node: Node) -> HclValue:
        function = FUNCTIONS.get(name)
        if function is None:
            raise UndecidedError
        for argument in arguments:
            self.budget.weigh(argument)
            missing = missing_argument(name, argument)
            if missing is not None:
                return missing.computed
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError:
            raise UndecidedError from None
        value = function(*arguments)
        self.budget.weigh(value)
        return value

    def _try(self, node: FunctionCall) -> HclValue:
        if not node.arguments:
            raise UndecidedError
        *others, last = node.arguments
        for argument in others:
            # An engine may refuse anything else for the types of its parts.
            if not (operations.is_path(argument) or self._is_of_strings(argument)):
                raise UndecidedError
            try:
                value = self.evaluate(argument)
            except EvaluationError:
                continue
            # An engine may refuse it and take the next one.
            missing = operations.may_fail(value)
            return value if missing is None else missing
        return self.evaluate(last)

    def _is_of_strings(self, node: Node) -> bool:
        """Return whether an expression is ``coalesce`` of text variables, whose null has a type."""
        match node:
            case FunctionCall(name="coalesce", arguments=arguments):
                return all(
                    (isinstance(part, Reference) and part.path in self.scope.strings)
                    or (operations.is_path(part) and self._is_text(part))
                    for part in arguments
                )
        return False

    def _is_text(self, node: Node) -> bool:
        try:
            value = self.evaluate(node)
        except EvaluationError:
            return False
        return isinstance(value, str) or (isinstance(value, Unevaluated) and value.is_text)

    def _operation(self, node: Operation) -> HclValue:
        if node.rule not in _BY_RULE:
            raise UndecidedError
        return _BY_RULE[node.rule](self, node)

    def _unary(self, node: Operation) -> HclValue:
        sign, operand = node.parts
        assert isinstance(operand, Node)  # noqa: S101 - as the grammar has it
        value = self.evaluate(operand)
        if sign == "-":
            if value == 0:
                raise UndecidedError  # an engine prints -0
            return operations.computed(0, "-", value)
        holds = flag(value)
        return holds if isinstance(holds, Unevaluated) else not holds

    def _binary(self, node: Operation) -> HclValue:
        first, *terms = cast("tuple[Node, ...]", node.parts)
        pairs = [*map(operations.sign_and_operand, terms)]
        try:
            value = self.evaluate(first)
            for sign, operand in pairs:
                value = self._binary_term(value, sign, operand)
        except EvaluationError:
            if any(sign in _LOGICAL for sign, _ in pairs):
                raise UndecidedError from None  # some engines do not look at it
            raise
        return value

    def _binary_term(self, left: HclValue, sign: str, operand: Node) -> HclValue:
        if sign in _LOGICAL:
            return self._logical(left, sign, operand)
        right = self.evaluate(operand)
        if sign in ("==", "!="):
            same = operations.equal(left, right)
            return same if isinstance(same, Unevaluated) else same == (sign == "==")
        return operations.computed(left, sign, right)

    def _logical(self, left: HclValue, sign: str, operand: Node) -> HclValue:
        decides, first = sign == "||", _flag(left)
        if first is decides:
            return first
        second = _flag(self.evaluate(operand))
        if isinstance(first, Unevaluated):
            return second if second is decides else first
        return second

    def _get_attribute(self, node: Operation) -> HclValue:
        inner, getter = node.parts
        assert isinstance(inner, Node)  # noqa: S101 - as the grammar has it
        return self._steps(self.evaluate(inner), [getter])

    def _steps(self, value: HclValue, steps: list[Any]) -> HclValue:
        """Return the value after attributes and indices."""
        for step in steps:
            match step:
                case Operation(rule="get_attr", parts=(_, Reference(path=name))):
                    value = operations.attribute(value, name)
                case Operation(rule="braces_index", parts=(_, Node() as index, _)):
                    value = operations.item(value, self.evaluate(index))
                case _:
                    raise UndecidedError
        return value

    def _splat(self, node: Operation) -> HclValue:
        inner, splat = node.parts
        assert isinstance(inner, Node) and isinstance(splat, Operation)  # noqa: S101
        if isinstance(inner, Operation) and inner.rule == _SPLAT:
            raise UndecidedError  # a splat of each item
        value = self.evaluate(inner)
        if isinstance(value, Unevaluated) and value.attributes is None and value.text is None:
            return value.computed
        if not isinstance(value, tuple):
            value = () if value is None else (value,)
        steps = [step for step in splat.parts[1:] if isinstance(step, Operation)]
        return tuple(self._steps(item, steps) for item in value)


def _flag(value: HclValue) -> bool | Unevaluated:
    """Return an operand of a logical operator; some engines accept null."""
    if value is None:
        raise UndecidedError
    return flag(value)


_BY_TYPE: dict[type[Node], Callable[[Evaluator, Any], HclValue]] = {
    Code: Evaluator._code,
    Conditional: Evaluator._conditional,
    Constant: Evaluator._constant,
    FunctionCall: Evaluator._call,
    Heredoc: Evaluator._heredoc,
    List: Evaluator._list,
    Object: Evaluator._object,
    Operation: Evaluator._operation,
    Reference: Evaluator._reference,
    Text: Evaluator._text,
}
_BY_RULE: dict[str, Callable[[Evaluator, Operation], HclValue]] = {
    "binary_op": Evaluator._binary,
    "for_object_expr": repetition.evaluate_for,
    "for_tuple_expr": repetition.evaluate_for,
    _SPLAT: Evaluator._splat,
    "function_call": Evaluator._spread_call,
    "get_attr_expr_term": Evaluator._get_attribute,
    "index_expr_term": Evaluator._get_attribute,
    "unary_op": Evaluator._unary,
}
