"""Whether an expression takes its policy from documents that are read by themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.locate import Called, Choice, Code, Fields, Items, Text, Value

_INDEX = r"(?:\[[^\]]*\]|\.\*)?"
_DATA_SOURCE = re.compile(
    rf"data\.aws_iam_policy_document\.([\w-]+){_INDEX}\.(?:json|minified_json)"
)
_LOCAL = re.compile(r"local\.([\w-]+)(?:\.[\w-]+|\[[^\]]*\])*")
_DEPTH = 20


def is_read_elsewhere(
    value: Value,
    local_values: Mapping[str, Value],
    documents: Collection[str] | None = None,
    depth: int = 0,
) -> bool:
    """Say whether an expression only chooses between documents that are read by themselves.

    Args:
        value: The expression.
        local_values: The locals of the module by name.
        documents: The names of the data sources that are read; None if it is no matter which are.
        depth: How many expressions led to this one.
    """
    if isinstance(value, Code) and (match := _DATA_SOURCE.fullmatch(value.code)):
        return documents is None or match[1] in documents
    if isinstance(value, Code) and (match := _LOCAL.fullmatch(value.code)):
        local = local_values.get(match[1])
        if local is not None and embedded.has_statement(local):
            return True
        options: Collection[Value] | None = None if local is None else (local,)
    else:
        options = _options(value)
    if options is None or depth > _DEPTH:
        return False
    return all(is_read_elsewhere(o, local_values, documents, depth + 1) for o in options)


def _options(value: Value) -> Collection[Value] | None:
    """Return the expressions of which a value is one, or None if it may be something else."""
    match value:
        case Choice(options=options) | Items(items=options):
            return options
        case Fields(fields=fields):
            return [option for _, option in fields]
        case Text(parts=(Code() as only,)):  # "${x}" is x itself
            return (only,)
        case Called(name="one", arguments=(only,)):
            return (only,)
        case Called(name="join", arguments=(Text(parts=()), only)):
            return (only,)
        case Code(code="null"):
            return ()
    return None
