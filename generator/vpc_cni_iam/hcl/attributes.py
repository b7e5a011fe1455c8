"""Which attributes hold IAM policies, and where in a file they are."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from vpc_cni_iam import resources
from vpc_cni_iam.hcl.embedded import has_statement, is_document
from vpc_cni_iam.hcl.syntax import Block, File, Node, Text

_WRITES = re.compile(r"jsonencode\(\s*\{|<<-?\w")
# A label or a key may spell any letter by its number.
_SPELLED = r"Statement|\\[uU]"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a block, wherever in it."""

    block: Block  # the outermost block
    holder: Block  # the innermost block, which may be the same
    # The types of the blocks inside that lead to it, and its name, such as ``("inline_policy",
    # "policy")``.
    path: tuple[str, ...]
    address: str  # what people call it, such as ``aws_iam_role.x.inline_policy[0].policy``
    value: Node
    dynamic: bool = False  # it stands in a ``dynamic`` block

    @property
    def holds_policy(self) -> bool:
        """Whether the AWS provider's schema makes it an IAM policy."""
        if self.block.type != "resource" or len(self.block.labels) != 2:  # noqa: PLR2004
            return False
        kind = self.block.labels[0]
        if ".".join(self.path) not in _data()["attributes"].get(kind, ()):
            return False
        for name, allowed in _data()["only_if"].get(kind, {}).items():
            value = self.block.attributes.get(name)
            parts = value.parts if isinstance(value, Text) else ()
            if value is not None and not any(part in allowed for part in parts):
                return False
        return True

    @property
    def has_document_inside(self) -> bool:
        """Whether its expression, which is no document, has one in it, as a conditional may."""
        span = self.value.outer
        return _WRITES.search(span.text, span.start + 1, span.end) is not None

    @property
    def writes_policy(self) -> bool:
        """Whether its expression is, or has in it, an object that looks like a policy."""
        if is_document(self.value):
            return has_statement(self.value)
        return self.has_document_inside and "Statement" in self.value.outer.code

    @property
    def compared_as_text(self) -> bool:
        """Whether the provider shows a change where only the text of a policy differs."""
        name = ".".join((self.block.labels[0], *self.path))
        return name in _data()["compared_as_text"]["attributes"]


def may_hold_policy(text: str) -> bool:
    """Say whether a .tf file, also in JSON, may hold a policy, unparsed; in doubt it may."""
    return _policy_words().search(text) is not None


@cache
def _policy_words() -> re.Pattern[str]:
    return re.compile("|".join((_SPELLED, "aws_iam_policy_document", *_data()["attributes"])))


@cache
def _data() -> dict[str, Any]:
    text = resources.text("hcl/data/policy_attributes.json")
    data: dict[str, Any] = json.loads(text)
    return data


def attributes(file: File) -> Iterator[Attribute]:
    """Yield every attribute of a file, in the order of its blocks."""
    for block in file.blocks:
        labels = block.labels
        prefix = labels if block.type == "resource" else (block.type, *labels)
        yield from _inside(block, block, (), ".".join(prefix), dynamic=False)


def _inside(
    outer: Block, block: Block, path: tuple[str, ...], address: str, *, dynamic: bool
) -> Iterator[Attribute]:
    for name, value in block.attributes.items():
        yield Attribute(outer, block, (*path, name), f"{address}.{name}", value, dynamic=dynamic)
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
