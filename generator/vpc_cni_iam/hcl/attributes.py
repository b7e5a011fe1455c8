"""Which attributes contain IAM policies, and where in a file they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cache, partial
from itertools import filterfalse

from msgspec import Struct

from vpc_cni_iam import resources
from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.embedded import has_statement, is_document
from vpc_cni_iam.hcl.resolve import is_document as is_policy_document
from vpc_cni_iam.hcl.syntax import (
    Block,
    Conditional,
    Constant,
    File,
    FunctionCall,
    List,
    Node,
    Object,
    Operation,
    Reference,
    Text,
)

_WRITES = re.compile(r"jsonencode\(\s*\{|<<-?\w")
# A label or a key may contain any letter as a number.
_SPELLED = r"Statement|\\[uU]"
_INDEX = r"(?:\[[^\]]*\]|\.\*)?"
_DATA_SOURCE = re.compile(
    rf"data\.aws_iam_policy_document\.([\w-]+){_INDEX}"
    r'(?:\.(?:minified_)?json|\["(?:minified_)?json"\])'
)
_LOCAL = re.compile(r"(local\.[\w-]+)(?:\.[\w-]+|\[[^\]]*\])*")


class AttributesFile(resources.Facts, frozen=True):
    """Which attributes are IAM policies, by type of resource."""

    source: str
    attributes: dict[str, tuple[str, ...]]
    only_if: dict[str, dict[str, tuple[str, ...]]]  # values of others, without which they are not


_data = partial(resources.data, "hcl/data/policy_attributes.json", AttributesFile)


class Attribute(Struct, frozen=True):
    """One attribute of a block, at any depth."""

    block: Block  # the outermost block
    # The types of the blocks inside that lead to it, and its name, such as ``("inline_policy",
    # "policy")``.
    path: tuple[str, ...]
    address: str  # its name in reports, such as ``aws_iam_role.x.inline_policy[0].policy``
    value: Node
    dynamic: bool = False  # whether it is in a ``dynamic`` block

    @property
    def holds_policy(self) -> bool:
        """Whether it is an IAM policy in the AWS provider's schema."""
        kind = self.block.labels[0] if self.block.type == "resource" else ""
        return ".".join(self.path) in _data().attributes.get(kind, ()) and all(
            (value := self.block.attributes.get(name)) is None
            or (isinstance(value, Text) and any(part in allowed for part in value.parts))
            for name, allowed in _data().only_if.get(kind, {}).items()
        )

    @property
    def writes_policy(self) -> bool:
        """Whether its expression is or contains an object that looks like a policy."""
        if is_document(self.value):
            return has_statement(self.value)
        span = self.value.outer
        is_inside = _WRITES.search(span.text, span.start + 1, span.end) is not None
        return is_inside and "Statement" in span.code


def may_hold_policy(text: str) -> bool:
    """Return whether a .tf or .tf.json file may contain a policy, unparsed; if in doubt, true."""
    return _policy_words().search(text) is not None


@cache
def _policy_words() -> re.Pattern[str]:
    return re.compile("|".join((_SPELLED, "aws_iam_policy_document", *_data().attributes)))


def attributes(file: File) -> Iterator[Attribute]:
    """Yield every attribute of a file, in the order of its blocks.

    Those of policy document data sources are left out: they are read as a whole.
    """
    for block in filterfalse(is_policy_document, file.blocks):
        labels = block.labels
        prefix = labels if block.type == "resource" else (block.type, *labels)
        yield from _inside(block, block, (), ".".join(prefix), dynamic=False)


def _inside(
    outer: Block, block: Block, path: tuple[str, ...], address: str, *, dynamic: bool
) -> Iterator[Attribute]:
    for name, value in block.attributes.items():
        yield Attribute(outer, (*path, name), f"{address}.{name}", value, dynamic=dynamic)
    times = Counter(inner.type for inner in block.blocks)
    seen: Counter[str] = Counter()
    for inner in block.blocks:
        if inner.type == "dynamic" and inner.labels:
            name = inner.labels[0]
            for content in (c for c in inner.blocks if c.type == "content"):
                place = f"{address}.dynamic.{name}"
                yield from _inside(outer, content, (*path, name), place, dynamic=True)
            continue
        number = f"[{seen[inner.type]}]" if times[inner.type] > 1 else ""
        seen[inner.type] += 1
        place = f"{address}.{inner.type}{number}"
        yield from _inside(outer, inner, (*path, inner.type), place, dynamic=dynamic)


def is_read_elsewhere(
    value: Node,
    local_nodes: Mapping[str, Node],
    documents: Collection[str],
) -> bool:
    """Return whether an expression only chooses between documents that are read elsewhere.

    `local_nodes` has locals by reference, such as ``local.name``. `documents` has the names of the
    data sources that are read.
    """
    pending, followed = [value], set[str]()
    while pending:
        option = pending.pop()
        code = option.span.code if isinstance(option, Reference | Operation) else ""
        if match := _DATA_SOURCE.fullmatch(code):
            if match[1] not in documents:
                return False
        elif (match := _LOCAL.fullmatch(code)) and (local := local_nodes.get(match[1])):
            if match[1] not in followed and not embedded.has_statement(local):
                pending.append(local)
            followed.add(match[1])
        elif (options := _options(option)) is not None:
            pending += options
        else:
            return False
    return True


def _options(value: Node) -> Collection[Node] | None:
    """Return the possible expressions of a value; None if it may be something else."""
    match value:
        case (
            Conditional(options=options)
            | List(items=options)
            | FunctionCall(name="try" | "coalesce", arguments=options)
        ):
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
