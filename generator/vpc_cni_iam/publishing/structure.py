"""What a module's code says where no meaning can be read from it without an engine.

Comments, layout and the place of a block in a file are no difference; anything else is one, and
counts as a change that may take something away.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeAlias

from vpc_cni_iam.hcl.read import Block, Other
from vpc_cni_iam.publishing.interface import Finding
from vpc_cni_iam.publishing.semver import Bump

Shape: TypeAlias = Hashable
# Arguments that people read and nothing else does.
_WORDS = frozenset({"description", "error_message"})


def findings(
    old: Iterable[Block], new: Iterable[Block], unread: Iterable[str], place: str
) -> tuple[Finding, ...]:
    """Return what changed in resources, in locals beside them, and in unreadable documents.

    Args:
        old: The blocks of a module before.
        new: Those of it after.
        unread: The names of documents that cannot be read.
        place: What the findings name.
    """
    before, after = _shapes(old, set(unread)), _shapes(new, set(unread))
    found = []
    for name in sorted({*before, *after}):
        local = name.startswith("local ")
        if name not in after or name not in before:
            bump, word = (Bump.minor, "is new") if name in after else (Bump.major, "is removed")
            found += [] if local else [Finding(bump, place, f"{name} {word}")]
        elif before[name] != after[name]:
            text = f"{name} is another one, and what that means takes an engine"
            found.append(Finding(Bump.major, place, text))
    return tuple(found)


def _shapes(blocks: Iterable[Block], unread: set[str]) -> Mapping[str, Shape]:
    every = tuple(blocks)
    found = dict(_named(every, unread))
    if any(b.type == "resource" for b in every):
        for one in every:
            # An object of documents by variant says nothing that the documents do not.
            found |= {
                f"local {name}": node
                for name, (node, _) in (one.attributes if one.type == "locals" else {}).items()
                if not (isinstance(node, Other) and node.code.startswith("{"))
            }
    return found


def _named(blocks: Iterable[Block], unread: set[str]) -> Iterator[tuple[str, Shape]]:
    for one in blocks:
        document = one.type == "data" and one.labels[:1] == ("aws_iam_policy_document",)
        if one.type == "resource" or (document and one.labels[-1] in unread):
            yield f"{one.type} {'.'.join(one.labels)}", _shape(one)


def _shape(block: Block) -> Shape:
    arguments = frozenset((n, v) for n, (v, _) in block.attributes.items() if n not in _WORDS)
    return block.type, block.labels, arguments, tuple(map(_shape, block.blocks))
