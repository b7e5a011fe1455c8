"""Finds values that a plan marks sensitive, and replaces them in the plan's configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Raw, Struct

from vpc_cni_iam.inputs.plan.configuration import Module
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.secrets import Secrets, is_grammar

_NOTHING = Raw(b"null")
_SENSITIVE = (b'"before_sensitive"', b'"after_sensitive"')
# One value in a set marks all of it: a condition's values mark also its operator and key.
_PUBLIC_KEY = r"[a-z0-9-]+:[A-Za-z-]+"
# The name of an attribute in a schema is not a value.
_NAME = r"[a-z][a-z0-9_]*"


def marked(values: Any, marks: Any) -> Iterator[str]:
    """Yield the marked values, such as of ``before_sensitive``, as texts."""
    pending = [(values, marks)]
    while pending:
        value, mark = pending.pop()
        if mark is True:
            yield from leaves(value)
        elif isinstance(mark, Mapping) and isinstance(value, Mapping):
            pending += [(value.get(name), inner) for name, inner in mark.items()]
        elif isinstance(mark, list) and isinstance(value, list):
            pending += zip(value, mark, strict=False)


def leaves(value: Any) -> Iterator[str]:
    """Yield the texts and numbers in a value, except words of IAM's grammar."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        name, node = pending.pop()
        if isinstance(node, Mapping):
            yield from (key for key in node if not re.fullmatch(_NAME, key) and not is_grammar(key))
            pending += node.items()
        elif isinstance(node, list):
            pending += [(name, inner) for inner in node]
        elif isinstance(node, str | int | float) and not isinstance(node, bool):
            text = str(node)
            public = name == "variable" and re.fullmatch(_PUBLIC_KEY, text)
            if not public and not is_grammar(text):
                yield text


class _Hiding(Struct):
    """The parts of a change with values and their sensitive marks."""

    before: Raw = _NOTHING
    after: Raw = _NOTHING
    before_sensitive: Raw = _NOTHING
    after_sensitive: Raw = _NOTHING


def of_change(change: Raw | memoryview, reader: Reader) -> Iterator[str]:
    """Yield the marked values of a change that is not read otherwise; few have any."""
    text = bytes(change)
    places = [place for place in map(text.rfind, _SENSITIVE) if place >= 0]
    if not places or b"true" not in text[min(places) :]:
        return
    attributes = reader.decoded(change, _Hiding)
    for values, marks in (
        (attributes.before, attributes.before_sensitive),
        (attributes.after, attributes.after_sensitive),
    ):
        yield from of_values(values, marks, reader)


def of_values(values: Raw, marks: Raw, reader: Reader) -> Iterator[str]:
    """Yield the marked values in planned values."""
    if b"true" in bytes(marks):
        yield from marked(reader.decoded(values, object), reader.decoded(marks, object))


def of_variables(values: Mapping[str, Any], root: Module) -> Iterator[str]:
    """Yield the values of sensitive variables, of the root module and of called modules."""
    for name in root.secrets:
        yield from leaves(values.get(name))
    pending = [root]
    while pending:
        module = pending.pop()
        pending += module.calls.values()
        for name, default in module.secrets.items():
            yield from leaves(default)
            argument = module.arguments.get(name)
            if isinstance(argument, Mapping):
                yield from leaves(argument.get("constant_value"))


def hide_constants(root: Module, hiding: Secrets) -> None:
    """Replace sensitive values in the constants of a configuration."""
    pending = [root]
    while pending:
        module = pending.pop()
        pending += module.calls.values()
        module.secrets = dict.fromkeys(module.secrets)
        if hiding.is_empty:
            continue
        module.blocks = {k: _without(v, hiding) for k, v in module.blocks.items()}
        module.repeats, module.outputs, module.arguments, module.repeated = (
            _without(v, hiding)
            for v in (module.repeats, module.outputs, module.arguments, module.repeated)
        )
        module.defaults = hiding.hidden(module.defaults, None)


def _without(expression: Any, hiding: Secrets) -> Any:
    if isinstance(expression, Mapping):
        return {
            key: hiding.hidden(inner, None) if key == "constant_value" else _without(inner, hiding)
            for key, inner in expression.items()
        }
    if isinstance(expression, list):
        return [_without(inner, hiding) for inner in expression]
    return expression
