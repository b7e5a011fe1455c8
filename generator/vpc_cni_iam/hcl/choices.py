"""Whether an expression takes its policy from documents that are read by themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.syntax import (
    Conditional,
    Constant,
    FunctionCall,
    List,
    Node,
    Object,
    Operation,
    Reference,
    Text,
)

_INDEX = r"(?:\[[^\]]*\]|\.\*)?"
_DATA_SOURCE = re.compile(
    rf"data\.aws_iam_policy_document\.([\w-]+){_INDEX}\.(?:json|minified_json)"
)
_LOCAL = re.compile(r"local\.([\w-]+)(?:\.[\w-]+|\[[^\]]*\])*")


def is_read_elsewhere(
    value: Node,
    local_values: Mapping[str, Node],
    documents: Collection[str] | None = None,
) -> bool:
    """Say whether an expression only chooses between documents that are read.

    `documents` has the names of the data sources that are read; None for any.
    """
    pending, followed = [value], set[str]()
    while pending:
        option = pending.pop()
        code = option.span.code if isinstance(option, Reference | Operation) else ""
        if match := _DATA_SOURCE.fullmatch(code):
            if documents is not None and match[1] not in documents:
                return False
        elif (match := _LOCAL.fullmatch(code)) and (local := local_values.get(match[1])):
            if match[1] not in followed and not embedded.has_statement(local):
                pending.append(local)
            followed.add(match[1])
        elif (options := _options(option)) is not None:
            pending += options
        else:
            return False
    return True


def _options(value: Node) -> Collection[Node] | None:
    """Return the expressions that a value may be, or None if it may be something else."""
    match value:
        case Conditional(options=options) | List(items=options):
            return options
        case Object(fields=fields):
            return [option for _, option in fields]
        case (
            FunctionCall(name="one", arguments=(only,))
            | FunctionCall(name="join", arguments=(Text(parts=()), only))
        ):
            return (only,)
        case Constant(code="null") | Text(parts=()):
            return ()
    return None
