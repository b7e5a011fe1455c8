"""The values of a module's variables: a user's values, and defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.hcl.evaluate.domain import (
    EvaluationError,
    HclValue,
    TooLargeError,
    UndecidedError,
    Unevaluated,
    ValueScope,
    kind,
    number,
    one_type,
    unknown_in,
)
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.evaluate.functions import convert_scalar, to_set
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.hcl.parse import expression, parse
from vpc_cni_iam.hcl.syntax import (
    Block,
    Constant,
    File,
    FunctionCall,
    Node,
    Object,
    Reference,
    Text,
)
from vpc_cni_iam.policy.strict_json import Number, load_json

_SCALARS = tuple(Reference(name) for name in ("string", "number", "bool"))
_REFERENCE = re.compile(r"\bvar\.([\w-]+)")


def read_file(text: str, source: str) -> dict[str, HclValue]:
    """Return the values of a variables file; a name that ends in ``.json`` means JSON."""
    if source.endswith(".json"):
        document = load_json(text, source)
        if not isinstance(document, dict):
            raise InputError(source, "", "is not an object of values by the names of variables")
        return {name: _from_json(value) for name, value in document.items()}
    file = parse(text, source)
    for block in file.blocks:
        raise block.span.refuse(f"block {block.type!r} is not a value")
    values = {}
    for name, node in file.attributes.items():
        try:
            values[name] = _literal(node)
        except EvaluationError as error:
            raise node.span.refuse(f"{name}: {error}") from None
    return values


def _from_json(value: Any) -> HclValue:
    if isinstance(value, dict):
        return {name: _from_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return tuple(map(_from_json, value))
    if isinstance(value, Number):
        try:
            return number(value.text)
        except UndecidedError:
            return Unevaluated(value.text)
    return value  # type: ignore[no-any-return]


def _literal(node: Node) -> HclValue:
    """Return a literal value; raises `EvaluationError`."""
    try:
        value = Evaluator(ValueScope()).evaluate(node)
    except TooLargeError as error:
        raise EvaluationError(str(error)) from None
    if unknown := unknown_in(value):
        raise EvaluationError(f"{unknown.code} is not a literal value")
    return value


def _parsed(text: str, constraint: Node | None) -> HclValue:
    """Return the value of ``--var`` text; for complex types, engines read it as code."""
    if constraint is None or constraint in _SCALARS:
        return text
    node = expression(text)
    if node is None:
        raise EvaluationError("is not HCL")
    return _literal(node)


def declared(blocks: Iterable[Block]) -> dict[str, Block]:
    """Return the blocks of a module's variables by name."""
    return {b.labels[0]: b for b in blocks if b.type == "variable"}


def values(blocks: Iterable[Block], user_values: GivenVariables) -> dict[str, HclValue]:
    """Return the values of variables by reference, such as ``var.name``.

    Variables without a value and a default are left out. Raises `UsageError` if a user's value does
    not have the variable's type.
    """
    known: dict[str, HclValue] = {}
    variables = declared(blocks)
    user_values.declared.update(variables)
    for name, block in variables.items():
        try:
            known |= _value(name, block, user_values)
        except EvaluationError as error:
            if name in user_values.names:
                raise UsageError(f"variable {name!r}: {error}") from None
        except (UndecidedError, TooLargeError):
            continue
    return known


def _value(name: str, block: Block, user_values: GivenVariables) -> dict[str, HclValue]:
    constraint = block.attributes.get("type")
    default = block.attributes.get("default")
    value: HclValue
    if name in user_values.texts:
        value = _parsed(user_values.texts[name], constraint)
    elif name in user_values.values:
        value = user_values.values[name]
    elif default is None:
        return {}
    else:
        value = _literal(default)
    never_null = block.attributes.get("nullable") == Constant("false")
    if value is None and default is not None and never_null:
        value = _literal(default)
    return {f"var.{name}": convert(value, constraint)}


def referred(files: Iterable[File]) -> set[str]:
    """Return the names of the variables that files refer to, declared or not."""
    return {name for file in files for name in _REFERENCE.findall(file.text)}


def undeclared(names: Iterable[str], user_values: GivenVariables) -> dict[str, HclValue]:
    """Return a user's values for variables that another file of the module declares.

    `names` are those that these files declare.

    Raises `UsageError` for an invalid list or map.
    """
    values: dict[str, HclValue] = {}
    for name in user_values.names.difference(names):
        text = user_values.texts.get(name)
        try:
            values[f"var.{name}"] = user_values.values[name] if text is None else _scalar(text)
        except EvaluationError as error:
            raise UsageError(f"variable {name!r}: {error}") from None
    return values


def _scalar(text: str) -> HclValue:
    node = expression(text)
    if isinstance(node, Constant) or text.lstrip()[:1] in tuple("[{"):
        return _parsed(text, Reference("any"))
    return text


def convert(value: HclValue, constraint: Node | None) -> HclValue:
    """Return a value converted to a type, such as ``list(string)``; None is any type.

    Raises `EvaluationError` if it cannot be converted, `UndecidedError` for an unknown type.
    """
    if value is None or isinstance(value, Unevaluated) or constraint in (None, Reference("any")):
        return value
    match constraint:
        case Reference(path="string" | "number" | "bool" as name):
            if isinstance(value, tuple | dict):
                raise EvaluationError(f"is a {kind(value)}, not a {name}")
            return convert_scalar(value, name)
        case FunctionCall(name=name, arguments=(inner,)) if name in ("list", "set"):
            if not isinstance(value, tuple):
                raise EvaluationError(f"is a {kind(value)}, not a {name}")
            return _items(name, tuple(value), inner)
        case FunctionCall(name=name, arguments=(inner,)) if name in ("map", "object"):
            if not isinstance(value, dict):
                raise EvaluationError(f"is a {kind(value)}, not a {name}")
            return _object(value, inner) if name == "object" else _map(value, inner)
    raise UndecidedError


def _items(name: str, values: tuple[HclValue, ...], inner: Node) -> HclValue:
    """Return the items of a list or set, converted to their type."""
    items = tuple(convert(item, inner) for item in values)
    if name == "list" and inner == Reference("any"):
        one_type(items)
    if name == "set":
        return to_set(items)
    return items


def _map(value: dict[str, HclValue], inner: Node) -> HclValue:
    fields = {key: convert(item, inner) for key, item in value.items()}
    if inner == Reference("any"):
        one_type(fields.values())
    return fields


def _object(known: dict[str, HclValue], types: Node) -> HclValue:
    if not isinstance(types, Object):
        raise UndecidedError
    fields: dict[str, HclValue] = {}
    for key, constraint in types.fields:
        if not isinstance(key, Text) or key.plain is None:
            raise UndecidedError
        name, inner, default = key.plain, constraint, None
        match constraint:
            case FunctionCall(name="optional", arguments=(inner, *defaults)):
                default = Evaluator(ValueScope()).evaluate(defaults[0]) if defaults else None
            case _ if name not in known:
                raise EvaluationError(f"has no attribute {name!r}")
        item = known.get(name)
        fields[name] = convert(default if item is None else item, inner)
    return fields
